/* JSON objects as they pass, a byte at a time: nothing of them is kept but the path to where the reader is.
 *
 * RFC 8259, one object on a line; objects in one array are read as if each had a line. A line that is something else, or
 * breaks off, is passed over up to its newline. A path is written as jq writes it: .message.content[].name; a dot, star
 * or bracket in a key is a question mark there. */
#ifndef ENGINE_AGENT_JSON_H
#define ENGINE_AGENT_JSON_H

#include <stddef.h>

enum { JSON_DEPTH = 1024, JSON_LEVELS = 32, JSON_PATH = 192 };

enum json_type { JSON_STRING, JSON_SCALAR, JSON_CONTAINER };    /* a scalar: a number, true, false, null */

struct json_ops {
	void *ctx;
	/* A value begins at the N bytes of PATH. Returns what its bytes are to be told as; 0: they are not wanted. What a
	 * container holds is told in any case. */
	int (*value)(void *ctx, const char *path, size_t n, enum json_type);
	/* More bytes of that value: of a string without its escapes, of a scalar as it is written. */
	void (*bytes)(void *ctx, int what, const char *s, size_t n);
	/* That value has ended; in a line that breaks off it may not. */
	void (*end)(void *ctx, int what);
	/* An object was read to its end. */
	void (*object)(void *ctx);
	/* A line has ended that is not blank. IS_WHOLE: it held objects, or arrays of what is none, and nothing broke off. */
	void (*line)(void *ctx, int is_whole);
};

struct json {
	const struct json_ops *ops;
	int state;
	unsigned depth, base;           /* open brackets; those of them that are around the objects: 0 or 1 */
	unsigned lost;                  /* from this depth on the path is not known; 0: it is */
	unsigned is_key;                /* the string that is read is a key */
	int what;                       /* what the value's bytes are told as; 0: they are not */
	unsigned digits, unit, high;    /* of an escape \u: its digits so far, what they are; the first half of a pair */
	unsigned char is_object[JSON_DEPTH / 8];
	unsigned short mark[JSON_LEVELS];       /* how long the path is in each container */
	size_t npath;
	char path[JSON_PATH];
};

void json_begin(struct json *, const struct json_ops *);
void json_feed(struct json *, const char *s, size_t n);

/* There is no more: as a newline. */
void json_end(struct json *);

#endif

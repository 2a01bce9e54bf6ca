/* Where the commands that only read write to. */
#ifndef ENGINE_INSPECT_SINK_H
#define ENGINE_INSPECT_SINK_H

#include <stddef.h>

#include "parse/buf.h"

/* Where output goes: standard output, by way of orch.c. Returns -1 when it cannot be written. */
struct sink {
	int (*write)(void *ctx, const char *s, size_t n);
	void *ctx;
	int fd;                 /* where it goes in the end: looked at, never written to here */
	int visible;            /* it is a terminal: control characters are to be made visible */
	int columns;            /* of that terminal; 0: it is none */
	int colour;
};

/* Writes what is in the buffer, which is freed. Returns whether that failed. */
int sink_emit(struct sink *, struct buf *);

/* The same for records of fields: on a terminal without what would drive it. */
int sink_emit_fields(struct sink *, struct buf *);

/* Adds a field of a record for scripts: a control character and % in it as %XX. */
void sink_put_field(struct buf *, const char *s);

/* Shows FD from *AT on, which moves on, to its end, or, if it GROWS, to the end of the last whole character. Returns
 * whether that failed. */
int sink_show_file(struct sink *, int fd, long long *at, int grows);

/* Writes the file FD from *AT on, which moves on. Returns whether that failed. */
int sink_file(struct sink *, int fd, long long *at);

#endif

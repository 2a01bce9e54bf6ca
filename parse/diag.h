/* What is wrong with a workflow, and where: collected, sorted, put into words; never printed here. */
#ifndef PARSE_DIAG_H
#define PARSE_DIAG_H

#include <stddef.h>

#include "parse/arena.h"
#include "parse/buf.h"

/* A file's text. NAME is how messages call it. */
struct source {
	const char *name;
	const char *text;
	size_t n;
};

/* A place in a file: its line and its byte in the line, both from 1; line 0 is the whole file. */
struct pos {
	const struct source *src;
	unsigned line, col;
};

struct diag {
	struct pos pos;
	const char *message;
	int warning;
};

struct diags {
	struct diag *list;
	size_t n;               /* how many are kept, DIAG_MOST at most */
	size_t dropped;         /* how many more there were */
	size_t errors;          /* how many of all there were are errors */
	struct arena mem;
};

enum { DIAG_MOST = 100 };

void diag_error(struct diags *, struct pos, const char *fmt, ...) BUF_FORMAT(3, 4);
void diag_warn(struct diags *, struct pos, const char *fmt, ...) BUF_FORMAT(3, 4);

/* Adds all of them to OUT in the order of the file: FILE:LINE:COL: error: ..., the line, a caret.
 * Control characters of the file are made visible. */
void diag_text(struct diags *, struct buf *out);

void diag_free(struct diags *);

/* Adds the N bytes at S so that they cannot drive a terminal: control characters (C0, C1, those
 * that change direction) and what is no UTF-8 as \xNN. A tab stays a tab if TABS, a newline a
 * newline if LINES. */
enum { VISIBLE_TABS = 1, VISIBLE_LINES = 2 };
void visible_add(struct buf *, const char *s, size_t n, int keep);

/* Adds S to B as one word of a shell, made visible. */
void shell_add(struct buf *b, const char *s);

/* How many bytes of S, of N, are one character of UTF-8 (RFC 3629); 0 if they are none. */
size_t utf8_len(const char *s, size_t n);

#endif

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

#endif

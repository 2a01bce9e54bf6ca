/* Whether a result is there on all ways that lead to a line: not one that is made in one arm of an `if` alone, in a pass that
 * may not come, or below a `stop`. */
#ifndef PARSE_WAYS_H
#define PARSE_WAYS_H

#include "parse/tree.h"

enum lack {
	LACK_NONE,
	LACK_ARM,               /* the other arm of the `if` WHY does not make it, and goes on */
	LACK_BREAK,             /* the `break` in the `for` WHY may leave before the pass that makes it */
	LACK_RANGE,             /* the range of the block WHY may be empty */
	LACK_ITEM,              /* no item of the block WHY makes it */
	LACK_LATER,             /* a later pass of the `for` WHY makes it, which is around both */
	LACK_STOP               /* the called file may end at its `stop` WHY, before the line that makes it */
};

/* What is known before anything runs; all functions may say that it is not. */
struct ways {
	/* The Ith other statement that makes the key, from 0; NULL after the last. */
	const struct node *(*other)(void *ctx, size_t i);
	/* The value of the parameter NAME, of N bytes; NULL: it is not a parameter, or not known. */
	const char *(*param)(void *ctx, const char *name, size_t n);
	/* Whether NAME is a parameter. */
	int (*is_param)(void *ctx, const char *name, size_t n);
	void *ctx;
};

/* Learns how the statements from N on, of W, may be left; the calls among them are bound. */
void ways_learn(struct workflow *w, struct node *n);

/* Why what MADE makes may not be there for AT, which names it T (NULL, NULL: at the end of the file); *WHY is then the
 * statement that is to blame. */
enum lack ways_lack(const struct ways *, const struct node *made, const struct node *at, const struct tmpl *t, const struct node **why);

#endif

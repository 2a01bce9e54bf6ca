/* A workflow file's text becomes a tree. */
#ifndef PARSE_PARSE_H
#define PARSE_PARSE_H

#include "parse/tree.h"

enum {
	NESTED_MOST = 64,               /* blocks in blocks */
	ATTEMPTS_MOST = 1000 * 1000,       /* that a retry can add */
	ITEMS_MOST = 10 * 1000 * 1000,  /* of one block: they are counted before the first one is begun */
	KEYED_MOST = (1 << 21) - 1      /* statements with a key, in all files of a run */
};

/* Reads SRC, which must outlive the tree. Always returns a tree, to be freed with workflow_free;
 * what is wrong with the file is added to the diagnostics, all of it, and then the tree is only
 * good for check.h, to find the rest. Prints nothing, never exits. */
struct workflow *workflow_parse(const struct source *src, struct diags *);

void workflow_free(struct workflow *);

/* Reads NAME=WORD..., as -a has it, into a new agent of the arena; NULL when it was wrong. */
struct agent *agent_parse(const struct source *src, struct arena *, struct diags *);

/* Whether NAME, of N bytes, can be a variable: [a-z_][a-z0-9_]*, but `_` and *_proxy, which
 * programs read from their environment. */
int variable_name(const char *name, size_t n);

/* Digits and s, m or h into milliseconds; 0 alone is 0. -1 if it is something else. */
long long duration_parse(const char *s, size_t n);

/* How many more attempts S means; -1 when it is not a number, or one above ATTEMPTS_MOST. */
long long attempts_parse(const char *s, size_t n);

/* Digits alone into a number of at most 18 of them; -1 if it is something else. */
long long number_parse(const char *s, size_t n);

#endif

/* What is wrong with a workflow as a whole: names, keys, agents, what may be where. */
#ifndef PARSE_CHECK_H
#define PARSE_CHECK_H

#include "parse/tree.h"

/* What a check needs from outside of the file. */
struct check_with {
	const struct agent *agents;     /* those of -a, which come first; NULL: none */
	int from_stdin;                 /* the workflow itself came from standard input */
	/* Reads the file NAME, as the workflow FROM names it, into *OUT (which lives in the arena, its name
	 * what messages call it). Returns NULL, or what went wrong in words that live on. */
	const char *(*load)(void *ctx, const struct workflow *from, const char *name, struct source *out, struct arena *);
	/* The workflow in the file NAME, as FROM names it: parsed, the same one each time, and owned by
	 * whoever gives it. NULL: *ERROR says why. */
	struct workflow *(*call)(void *ctx, const struct workflow *from, const char *name, const char **error);
	/* The value that is given for the parameter NAME of the first file; NULL: none. */
	const char *(*param)(void *ctx, const char *name);
	/* Whether sh, where orch was started, would find the program NAME; whether there is a file NAME. NULL: nobody knows. */
	int (*program)(void *ctx, const char *name);
	int (*file)(void *ctx, const char *name);
	/* The results that were there before the workflow began: whether there is one of this name, of N bytes; and
	 * the name of one after the other, *I counting from 0, NULL after the last. NULL: there were none. The files
	 * that it calls do not see them. */
	int (*given)(void *ctx, const char *name, size_t n);
	const char *(*each_given)(void *ctx, size_t *i);
	void *ctx;
};

enum { CALLS_MOST = 8 };        /* files that call files */

/* Finds all that is wrong with W and the files that it calls, and says it; binds each run to its step and agent, and makes its
 * prompt. After it, when there are no errors, W is ready to run. */
void workflow_check(struct workflow *w, const struct check_with *, struct diags *);

#endif

/* What was seen of a run that was cut off and resumed, any number of times; and whether that may be.
 *
 * The agents append to one file of marks, a line when they begin and a line when they end by themselves:
 *
 *     + WALK PID KEY           it begins; after it ` taken` if another that began with KEY is alive
 *     - WALK PID KEY           it ends
 *
 * Each line is one write, so their order is the order in which it happened. */
#ifndef TESTS_HISTORY_H
#define TESTS_HISTORY_H

#include "tests/work.h"

/* One start of orch. */
struct history_walk {
	long pid;               /* orch's */
	long jobs;              /* its -j; 0: none */
	int whole;              /* nothing was done to it, and it had no -x: it came to its end */
	unsigned char *kept;    /* by want: its result was there when it started */
};

struct history {
	const struct work *work;
	const struct history_walk *walks;       /* the first is walk 0 */
	int nwalks;
	const char *marks;
	const char *log;        /* orch's own */
};

/* Each of them returns NULL, or the first that is wrong, in words that hold until the next call. */

/* What the agents say: no more branches of a block than its max, no more agents than -j, no key beside
 * itself, nobody of an earlier walk beside a later one, and nobody who has no business there. */
const char *history_marks(const struct history *);

/* What orch says in its log: nothing is started that has its result, or before what it needs, the branches
 * of a block in input order, each step in as many attempts as it has. */
const char *history_log(const struct history *);

/* The branches of the worktrees, in the repository of this directory: each begins where its line stood, and has of its
 * own the commits of its lines, no other and none twice, as far as they are made; with ALL, all of them, with their
 * messages and files, and git says the same of the worktrees as the work. */
const char *history_trees(const struct work *, int all);

/* The results in the directory DIR: each as it must be, byte for byte, and none that must not be. Sets
 * KEPT of those that are there; with ALL, all must be. */
const char *history_results(const struct work *, const char *dir, unsigned char *kept, int all);

/* How many marks WALK has of runs; -1 when one of them is of a step that has a result in the end. */
int history_begun(const struct history *, int walk);

#endif

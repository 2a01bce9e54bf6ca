/* Random workflows, and what they must give. One is made from a seed, written as a file for orch, and
 * walked once, in order, by a plain interpreter that shares nothing with orch: that is the reference. */
#ifndef TESTS_WORK_H
#define TESTS_WORK_H

#include <stddef.h>
#include <stdint.h>

#include "parse/buf.h"

enum {
	WORK_INPUTS = 3,
	WORK_ITEMS = 8,
	WORK_DEEP = 12          /* blocks inside of each other */
};

enum work_kind {
	WORK_RUN, WORK_FOR, WORK_SAME, WORK_DIFF, WORK_IF, WORK_BREAK, WORK_PRINT, WORK_FAIL,
	WORK_TREE,              /* `worktree NAME enter`: its branch and its key have one name */
	WORK_COMMIT
};

enum work_way { FAILS_EXIT, FAILS_SIGNAL, FAILS_CHECK, FAILS_FILTER, FAILS_TIMEOUT };

enum { FAILS_ALWAYS = -1 };

/* A statement. A name is a key with {{vN}} in it; that of an input may end in a *. */
struct work_node {
	struct work_node *next, *body, *other;
	enum work_kind kind;
	int id;                 /* a run's key begins with kID, a block's variable is vID */
	int line;               /* in the file, as soon as it is written */
	char *name;             /* of a run, a worktree, a commit; of an `if`, for the marks of its command */
	int in_tree;            /* a worktree was entered above it */
	char *inputs[WORK_INPUTS];
	int ninputs;
	int has_text;           /* of a run or a print */
	char *quote;            /* a name whose result is in the text; NULL: none */

	/* Of a run. */
	size_t size;            /* of its result */
	char *list;             /* its result, in place of that; NULL: none */
	long before, after;     /* milliseconds to the result and from there to the end */
	long filter;            /* the size of what a filter makes of the result; -1: none */
	int has_check;
	int fails;              /* so many attempts, or FAILS_ALWAYS */
	enum work_way way;
	int retries;            /* -1: none is said */
	char *otherwise;        /* NULL: none */
	const char *leaves;     /* a command of the fake agent, of what it leaves running; NULL: nothing */
	int half;               /* told to stop, it writes more and exits with 0 */
	int writes;             /* a file, named after its key, into the directory where it works */

	/* Of a worktree. */
	int has_place;          /* `at PATH`: the place that orch would choose may be another's too */

	/* Of a block. */
	char *items[WORK_ITEMS];
	int nitems;
	int from, to;           /* a range, before the items, unless both are 0 */
	long max;               /* 0: none */
};

enum work_end { WORK_ANSWER, WORK_WORD, WORK_NOTHING, WORK_COMMAND };

/* What must come of a key: of a run where it is reached, or of the command of an `if`. */
struct work_want {
	char *key;
	const struct work_node *node;
	enum work_end end;
	struct buf result, asked;
	int *needs, nneeds;     /* which keys have their result before it begins */
	int blocks[WORK_DEEP], branches[WORK_DEEP], deep;       /* where it is, the outermost block first */
	int leads;              /* it is the first statement of its branch */
	int tree;               /* the worktree it works in, of a worktree itself that; -1: the main checkout */
	int yes;                /* of a command: what it decides */
	int nth;                /* of a commit: which of its branch's own, from 1; 0: there is nothing to commit */
	struct buf message, files;      /* of a commit: its files, a line each, sorted */
};

/* A worktree that is made. */
struct work_tree {
	char *branch, *path;
	int base, nth;          /* its branch begins at this commit of that worktree's, as nth of a want; -1: of main's */
	int *commits, ncommits; /* its own, as wants; without those that had nothing to commit */
	struct buf files;       /* what lies in it and is not committed in the end, a line each, sorted */
	struct buf all;         /* what was written there, the keys, a line each */
};

/* A parallel block, each time that it is reached. */
struct work_block {
	const struct work_node *node;
	int total, failed;
};

struct work {
	struct work_node *body;
	uint64_t seed;
	int nodes;
	struct buf file;        /* as orch is to read it */
	struct work_want *wants;
	int nwants;
	struct work_block *blocks;
	int nblocks;
	struct work_tree *trees;
	int ntrees;
	const char *top;        /* the directory of the run; NULL: it must have no worktrees */
	struct buf out;         /* what it prints */
	int status;             /* orch's exit status in the end */
	int may_stumble;        /* a step fails in more attempts than it has, and does not always */
};

/* A number from 0 to N-1; *SEED is never 0. */
uint32_t work_dice(uint64_t *seed, uint32_t n);

/* The random workflow of SEED, written, and walked. About every second one has worktrees, if TOP, the directory of the
 * run, is the main checkout of a repository; NULL: it is none. */
void work_make(struct work *, uint64_t seed, const char *top);

/* The one that does not change: blocks of both forms, three deep, a loop that ends by its results. */
void work_fixed(struct work *);

/* Which of the wants is that of the key, of N bytes; -1: none. */
int work_find(const struct work *, const char *key, size_t n);

/* How many attempts a step has. */
int work_tries(const struct work_node *);

#endif

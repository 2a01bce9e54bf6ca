/* A workflow as a tree. Everything in it lives in the arena of its struct workflow. */
#ifndef PARSE_TREE_H
#define PARSE_TREE_H

#include <stddef.h>

#include "parse/budget.h"
#include "parse/arena.h"
#include "parse/diag.h"
#include "parse/map.h"
#include "parse/tmpl.h"

/* One word of a statement. RAW is its bytes without the quotes, before {{}} is read. */
struct word {
	struct tmpl t;
	const char *raw;
	int quoted;             /* the quote that some of it was in: then it is neither a keyword nor {}; 0: none was */
	int reports;            /* of a built-in agent: it only makes the agent report what it does */
	struct pos pos;
};

struct words {
	struct word *list;
	size_t n;
};

/* Lines of text as they are, each with where it is. */
struct line {
	const char *s;
	size_t n;
	struct pos pos;
};

struct text {
	struct line *lines;     /* without their newlines */
	size_t n;
	int there;              /* there is a text, were it of one empty line */
};

/* A COMMAND for sh -eu -c, as it is. */
struct command {
	const char *s;          /* NULL: none; ends with a NUL */
	struct pos pos;
};

struct attrs {
	struct word *timeout;           /* NULL: not given; so are the others */
	struct word *idle;
	struct word *retry, *delay;
	struct command filter;
	struct command *checks;
	size_t nchecks;
	struct word *otherwise;
	struct word *env;               /* each NAME=VALUE, its NAME literal */
	size_t nenv;
	struct word *prompt;            /* a file's name, literal */
	const struct source *prompt_src;/* what was in it, once check has read it */
	int interactive;
	struct pos interactive_pos;
	int free;                       /* it takes no token of a jobserver */
	struct words forks;             /* of a run: the keys in a copy of whose session it is asked */
	struct pos fork_pos;
	struct text revise;             /* what the next attempt is told when a filter or check has refused the result */
	struct pos revise_pos;
	int fresh;                      /* what was cut off is not continued */
	struct words depends;           /* the files whose bytes are part of the question */
	int pure;                       /* it has no effect but its result */
	int always;                     /* its result depends on more than its question: it is run on every walk, and is pure */
	struct word *budget;            /* of a file, literal */
	struct budget budget_is;
};

struct agent {
	struct agent *next;
	const char *name;
	struct words words;             /* what is started; none: the step's own words */
	struct words plain;             /* the same without what makes it report */
	struct words terminal;          /* the same when interactive */
	int built_in;                   /* not overridden in the file or on the command line */
	struct pos pos;
};

/* What a step's prompt is, once its agent is known. */
enum prompt_place {
	PROMPT_STDIN,           /* standard input */
	PROMPT_ARG,             /* where {} is */
	PROMPT_PROGRAM          /* where {} is, after a -c or -e: never substituted into */
};

struct step {
	struct step *next;
	const char *name;
	const struct agent *agent;      /* NULL: it is not known, which was said */
	struct words words;             /* after the agent's own */
	int own_format;                 /* these choose the format of what the agent writes */
	struct text text;
	struct attrs attrs;
	struct tmpl prompt;             /* the text, once a run has needed it */
	const char *program;            /* the same where it is a program */
	struct pos pos;
};

struct param {
	struct param *next;
	const char *name;
	struct word *fallback;          /* NULL: it must be given */
	struct pos pos;
};

enum item_kind { ITEM_WORD, ITEM_RANGE };

struct item {
	enum item_kind kind;
	struct word word;               /* ITEM_WORD */
	struct tmpl from, to;           /* ITEM_RANGE: digits, or one name */
};

enum node_kind {
	NODE_RUN, NODE_FOR, NODE_PARALLEL, NODE_IF, NODE_BREAK, NODE_PRINT, NODE_STOP, NODE_FAIL,
	NODE_CALL, NODE_WORKTREE, NODE_COMMIT, NODE_CD, NODE_ASK
};

struct workflow;

/* A statement that does something. What a kind does not use is zero. */
struct node {
	enum node_kind kind;
	struct pos pos;
	struct node *next;              /* the statement below it, in the same block */
	struct node *parent;            /* the block it is in; NULL at the top */
	unsigned order;                 /* counts the statements of a file from 1 */
	unsigned number;                /* of those with a key, counts them over all files of a run from 1; after check */
	int in_else;                    /* its parent is an if, and it is after the else */
	int has_else;                   /* IF */
	int lost_text;                  /* RUN: what was probably its prompt or an argument has no place, which was said */

	struct step *step;              /* RUN; NULL: not known, which was said */
	struct pos step_pos;            /* where it is named */
	struct word *key;               /* RUN, CALL, WORKTREE, COMMIT, ASK: never NULL */
	int key_default;                /* the key was not written with `as` */
	struct words inputs;            /* RUN, FOR, PARALLEL, IF: the names after < */
	struct text text;               /* RUN, PRINT, STOP, FAIL, CALL, COMMIT, ASK */
	struct attrs attrs;             /* RUN */
	struct tmpl prompt;             /* RUN: the step's text, then its own; others: the text; after check */
	struct tmpl revise;             /* RUN: of its `revise`, or its step's; after check */
	const char *program;            /* RUN: the same as it is, if it is a program; after check */
	enum prompt_place place;        /* RUN: after check */
	size_t prompt_at;               /* RUN: which of its words that is, if it is not standard input; after check */

	const char *var;                /* FOR, PARALLEL of items: the (first) variable; NULL: PARALLEL of different runs */
	const char *const *vars;        /* NVARS of them, 2 or more, where the items are rows; else NULL */
	size_t nvars;
	struct word *max;               /* PARALLEL */
	struct item *items;             /* FOR, PARALLEL */
	size_t nitems;
	struct command command;         /* IF */
	const struct workflow *called;  /* CALL; after check */
	unsigned char body_leaves, other_leaves;        /* the end of BODY, of OTHER is never reached; after check */
	const struct node *breaks;      /* FOR: its first `break`; after check */
	unsigned char lack;             /* enum lack: why what it makes may not be there at the file's end; after check */
	const struct node *lack_why;
	struct node *body, *other;      /* FOR, PARALLEL, IF: the lines inside; IF: those after else */

	struct word *arg;               /* WORKTREE: the branch; CD: the directory; CALL: the file */
	struct word *from, *at;         /* WORKTREE */
	int enter;                      /* WORKTREE */
	struct words values;            /* CALL: VAR=VALUE */
	struct words choices;           /* ASK */
	struct word *fallback;          /* ASK: default */
};

struct earlier {
	struct earlier *next;
	const char *name;
};

struct workflow {
	struct source src;
	struct arena mem;
	struct attrs attrs;             /* those at the top, for all steps */
	struct param *params;           /* in the order of the file; so are the lists below */
	struct agent *agents;           /* the built-in ones last */
	struct step *steps;
	struct map params_by_name, agents_by_name, steps_by_name;       /* of several of a name the first; agents after check */
	struct map bare_steps;          /* those that a `run` names; they are agents taken as they are if they are no steps */
	struct node *body;
	unsigned nodes;                 /* how many statements there are */
	struct node **keyed;            /* of the first file: all that have a number, in order; after check */
	unsigned nkeyed;
	struct workflow *up;            /* the file whose call made this one be read; NULL: the first */
	unsigned height;                /* how many files deep its own calls go; after check */
	int checking;                   /* its check has begun */
	const struct node *stop;        /* its first `stop`; after check */
	int fails;                      /* its end is never reached, but by a failure; after check */
	const struct node *terminal;    /* a step that is interactive, or an ask; in called files too; after check */
	const struct node *commits;     /* a commit in the directory that it is called in; likewise */
	struct text lost;               /* lines that could not be read: they may have made a name */
	struct earlier *earlier;        /* names that no line makes, of results that were there before; after check */
};

/* The word a kind of statement begins with. */
const char *node_word(enum node_kind);

/* Whether at most one of A and B is reached in one walk: they are in different arms of an if. */
int node_exclusive(const struct node *a, const struct node *b);

/* Whether A is above B, in no branch beside B's and in no other arm: what it made in this pass
 * of the blocks around both is there for B. */
int node_above(const struct node *b, const struct node *a);

/* Whether a line at B can see what a line at A has made: A is above it so; or both are in a
 * for, and A was reached by an earlier pass. */
int node_sees(const struct node *b, const struct node *a);

/* Whether the block N has the variable NAME, of LEN bytes. */
int node_has_var(const struct node *n, const char *name, size_t len);

/* The Ith variable of the block N, from 0; NULL: it has no more. */
const char *node_var(const struct node *n, size_t i);

/* Whether the N bytes at NAME are in a line that could not be read. */
int workflow_lost(const struct workflow *, const char *name, size_t n);

/* Whether N has no effect but its result: what follows it is re-run only where that makes a difference. */
int node_is_pure(const struct node *n);

/* Whether it is run on every walk, and so is pure. */
int node_is_always(const struct node *n);

/* Whether its result may be taken from an earlier run: it has no effect but that, and is not one of this walk or of who is at the
 * terminal. */
int node_may_be_taken(const struct node *n);

/* Whether it depends on files. */
int node_depends(const struct node *n);

/* Whether N or a statement after it is a break, or holds one. */
int node_breaks(const struct node *n);

/* The innermost parallel block around N, or NULL. */
const struct node *node_parallel(const struct node *n);

#endif

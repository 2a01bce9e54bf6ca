/* What the parts of a walk share: branch.c has the tree, reserve.c the keys of a block, queue.c who may start next,
 * remaining.c what is left, ended.c what follows a task's end; walk.c goes through the statements. */
#ifndef ENGINE_SCHED_BRANCH_H
#define ENGINE_SCHED_BRANCH_H

#include "engine/sched/throttle.h"
#include "engine/task/items.h"
#include "engine/sched/walk.h"

enum stdin_state { STDIN_UNREAD, STDIN_WANTED, STDIN_READING, STDIN_READ };

enum branch_state {
	BRANCH_READY,           /* it can go on */
	BRANCH_QUEUED,          /* it waits for a slot of -j, a token, or until its agent takes more */
	BRANCH_RUNNING,         /* a task of it runs */
	BRANCH_PAUSE,           /* between two attempts */
	BRANCH_PRINT,           /* its text is to be written, or being written */
	BRANCH_STDIN,           /* it waits for standard input to be read */
	BRANCH_FILES,           /* it waits for the files that its step depends on to be looked at */
	BRANCH_BLOCK            /* it waits for a block inside of it */
};

/* A `for` or an arm of an `if` that a branch is in. What is left again gives back the directory. */
struct frame {
	struct frame *up;
	const struct node *node;
	const char *dir;        /* that it was entered with */
	char *own_dir;
	const struct worktree *worktree;
	struct items items;     /* these and what follows: of a `for` */
	struct scope var;
	const struct scope *outside;
	char number[ITEM_NUMBER];
	uint32_t left;          /* passes after this one */
};

struct branch {
	struct branch *next;    /* in the list of its state */
	enum branch_state state;
	struct block *of;
	uint32_t index;         /* among the branches of its block, in input order */
	struct visible visible;
	const struct scope *scope;
	struct scope var;       /* its item, in the form of items */
	char number[ITEM_NUMBER];
	const char *dir;        /* absolute: its surroundings', until it is changed */
	char *own_dir;          /* the memory of one that it was changed to since the innermost frame; NULL: it was not */
	const struct worktree *worktree;        /* that this is in; NULL: none */
	const struct workflow *flow;    /* the file that it is in */
	const char *prefix;     /* of its keys: what the calls around it are called, each with a / */
	const struct node *at;  /* the statement it is at; NULL: after the last */
	struct frame *frame;    /* the innermost */
	int has_slot;           /* it takes a slot of -j */
	int uses_token;         /* and a token */
	int has_room;           /* it takes a place of its block's `max` */
	struct newest newest;   /* of the results that it has reached; asked in this walk: SEQ_NOW */

	/* Of the step it is at. */
	uint32_t key;
	long attempts, refused; /* attempts, and how many of them the agent has refused */
	long refused_by;        /* whose result a filter or check has refused in the latest attempt: a process id; 0: none was */
	int busy;               /* and how many of them could not begin beside others */
	uint32_t round;         /* of its agent's throttle, when it was asked */
	struct throttle *holds; /* its agent waits by itself: that nobody else is asked meanwhile; NULL: it does not */
	long long retries, delay, due;
	int has_otherwise, otherwise;
	int is_redone;          /* it is re-run as `orch redo` was told, or since what is re-run so comes before it */
	int answered;           /* its agent has answered; the result is being kept */
	int takes;              /* its result is being taken from an earlier run */
	char *reason;           /* why the latest attempt failed */
	struct depends *files;  /* that it depends on; NULL: on none, or nobody was asked to look */
	struct depends *after;  /* the same when it had ended */
	/* Why they are looked at: is it kept, is it taken, before it is asked, what has it changed. */
	enum { LOOK_KEPT, LOOK_TAKE, LOOK_START, LOOK_AFTER } look;
	int looked;             /* they were */

	uint64_t question;      /* of the `if` that it is at, in a worktree */
};

/* An agent that has refused in this walk. Of `sh` and `exec` each step is an agent of its own. */
struct throttled_agent {
	struct throttled_agent *next;
	const char *name;
	const void *own;                /* the step, or the line of one that has none; NULL: any of that agent */
	struct throttle throttle;
	struct branch_list waiting;
};

#define ENDED_NOTHING UINT32_MAX

struct failure {
	uint32_t index;
	char *text;
};

struct block {
	struct block *next;     /* among those that are filling */
	const struct node *node;        /* NULL: the root */
	const struct node *top; /* where its branches end: the node, but of a call, whose file has no parent */
	struct branch *in;      /* what waits for it; NULL: the root */
	struct arena mem;       /* of a call: its parameters and its prefix */
	const struct scope *scope;
	const char *prefix;
	struct items items;
	const struct node *child;       /* the form of different runs: the next of them */
	uint32_t total, started;
	long max, room_taken;   /* max 0: no cap */
	long live;              /* branches that have not ended */
	long unfinished;        /* that ended without having come to their end */
	int doomed;             /* it will fail: nothing after it is reached */
	uint32_t seen;          /* the look at what is left that passed here last */
	struct newest newest;   /* of what its branches have reached */
	struct failure *failures;
	size_t nfailures;

	/* What its branches make and print is in input order, that it is the same over the results that are kept. */
	uint32_t head;          /* the index of the first branch that has not ended */
	struct chain made;      /* what those before it have made */
	uint32_t *ended;        /* by index: ENDED_NOTHING, or the first of what it has made, of those that have ended
	                           after the head; NULL: none has */
	int prints;             /* then only the head writes */
	struct buf **early;     /* by index: what was printed before its turn; NULL: nothing was */
};

/* A branch is in one list at a time, that of its state; in none while a task of it, or a block inside of it, runs. */
void list_init(struct branch_list *);
void list_add(struct branch_list *, struct branch *);

/* Puts B before what *AT, in L, points to. */
void list_insert(struct branch_list *l, struct branch **at, struct branch *b);

/* In front of all others. */
void list_push(struct branch_list *, struct branch *);

/* The first, which is in it no more; NULL: there is none. */
struct branch *list_take(struct branch_list *);

/* All of FROM, which get STATE, after what is in TO. */
void list_move(struct branch_list *from, struct branch_list *to, enum branch_state state);

/* Tells the walk's caller; B NULL: nothing of a branch. */
void walk_say(struct walk *, enum event_kind, const struct branch *b, const char *text, long long ms);

/* The attempt of the branch does not wait any more, or is over. */
void branch_holds_no_more(struct branch *);

/* The key of the step that the branch is at. */
const char *branch_step(const struct walk *, const struct branch *);

/* What results are read with at the branch's place; it points into the branch. */
void branch_context(const struct branch *, struct context *);

/* Enters what the branch is at: of a `for` the caller fills in the items. Leaving it frees them. */
struct frame *frame_push(struct branch *);
void frame_pop(struct branch *);

/* DIR, which is copied, is where the lines below work; WORKTREE the worktree that it is in, NULL: none. */
void branch_set_dir(struct branch *, const char *dir, const struct worktree *worktree);

/* The first branch, and the next one, of a block; it is ready, with a place of the block's `max`. */
struct branch *branch_make(struct walk *, struct block *);
void block_fill(struct walk *, struct block *);

/* Whether its `max` is taken. */
int block_is_full(const struct block *);

/* Every branch of the block has ended, and no more will be made: what it is in goes on, fails, or is unfinished
 * with it. The block is freed. */
void block_settle(struct walk *, struct block *);
void block_free(struct block *);

/* The branch, B or one that it is in, whose turn to print has not come; NULL: B may write. */
struct branch *branch_not_in_turn(struct branch *b);

/* Prints for B without waiting: written in its turn. TEXT stays the caller's. */
void branch_print_later(struct walk *, struct branch *b, const struct buf *text);

/* Whether one of the statements prints, or one in them. */
int node_has_print(const struct node *);

/* The files that the step of the branch depends on are forgotten. */
void branch_forget_files(struct branch *);

/* Gives back its place of its block's `max`; its slot of -j and its token. */
void branch_leave_room(struct branch *);
void branch_leave_slot(struct walk *, struct branch *);

/* The branch is over, and gone: it came to its end, or it is UNFINISHED. */
void branch_end(struct walk *, struct branch *, int unfinished);

/* It fails, and is gone: a statement that is not a step, TEXT says why; the same with what the results say; the step
 * that it is at, for good. */
void branch_fail_here(struct walk *, struct branch *, const char *text);
void branch_fail_results(struct walk *, struct branch *);
void branch_fail_step(struct walk *, struct branch *, const char *why);

/* To the statement after the one that the branch is at, out of what ends there; NULL: after the last. */
void branch_go_on(struct branch *);

/* The next pass of the `for` that the branch is at the end of; 0: there is none, and its frame is gone. */
int branch_next_pass(struct branch *);

/* Whether nothing comes after the statement that the branch is at. */
int branch_is_last(const struct branch *);

#endif

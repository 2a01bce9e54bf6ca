/* What a supervisor is to do, whole: nothing in it has to be looked up any more. */
#ifndef ENGINE_TASK_TASK_H
#define ENGINE_TASK_TASK_H

#include <stddef.h>
#include <stdint.h>

#include "engine/task/expand.h"
#include "engine/agent/usage.h"
#include "engine/agent/verdict.h"
#include "engine/task/sessions.h"
#include "parse/arena.h"
#include "parse/tree.h"
#include "store/key.h"

enum task_kind {
	TASK_STEP,              /* ask an agent, keep its result */
	TASK_IF,                /* run a command, tell its exit status */
	TASK_STDIN,             /* keep orch's own standard input as the result `-` */
	TASK_WORD,              /* keep the word of `otherwise` */
	TASK_WORKTREE,          /* make a git worktree, keep its path */
	TASK_COMMIT,            /* commit, keep the id */
	TASK_ASK,               /* ask the person at the terminal */
	TASK_TAKE               /* take the result of a step from an earlier run, if it was asked the same there */
};

struct task {
	enum task_kind kind;
	struct arena mem;       /* of all that is below; freed by task_free */
	const char *key;        /* what messages call it; of an if: its place in the file */
	char *const *argv;
	char *const *envp;
	const char *dir;        /* absolute: where the agent works */
	const char *root;       /* absolute: where a program with a / is looked for */
	const char *prompt;     /* what standard input begins with, its nprompt bytes */
	size_t nprompt;
	const char *inputs;     /* the keys of the results that follow it, after a prompt each under its own line */
	size_t ninputs;         /* so many keys, a NUL after each: there may be a million */
	const char *filter;     /* NULL: none */
	const char *const *checks;
	size_t nchecks;
	long long timeout;      /* milliseconds; 0: none */
	long long idle;         /* the same: without a sign of life */
	enum agent_kind agent_kind;     /* of its agent */
	int own_format;         /* its own words choose the format of what the agent writes: that is the result */
	const char *short_dir;  /* ->dir, below the root if it is there */
	const char *fork_key;   /* it is asked in a copy of this one's session; NULL: it does not fork */
	const struct talk *fork;/* that session */
	const struct talk *cut; /* an earlier attempt's, to be continued if it was asked the same; NULL: none */
	const char *revise;     /* what the next attempt is told when the result was refused, nrevise bytes; NULL: nothing */
	size_t nrevise;
	int is_last;            /* no attempt is to follow this one */
	long refused_by;        /* the process id of the supervisor whose result a filter or check has refused; 0: none was */
	const struct talk *refused;     /* the session in which that was given; NULL: in none */
	int is_fresh;           /* no attempt of it continues another */
	int is_pure;            /* it has no effect but its result */
	int files_gone;         /* files that it depends on are missing since its whole directory is */
	const char *how;        /* its entry in the file `how` (how.h), its nhow bytes; of TASK_COMMIT none */
	size_t nhow;
	const struct offer *offer;      /* TASK_TAKE: the result, as far as orch knows (earlier.h) */
	const char *word;       /* TASK_WORD: its nword bytes */
	size_t nword;

	long attempt;           /* which it is of its step, from 1 */
	int uses_token;         /* it takes a token, where there is a jobserver */
	int is_first;           /* no attempt of it can have been before */
	int tells;              /* its supervisor first tells that it runs */
	int interactive;        /* TASK_STEP: the agent gets the terminal */
	const struct worktree *worktree;        /* it works in this one, which is looked at first; NULL: in none */
	const struct worktree *known;           /* TASK_COMMIT: all that this walk has made or kept */
	uint64_t question;      /* TASK_IF in a worktree: the digest of what it asks */
	const char *branch, *from, *path;       /* TASK_WORKTREE; from and path NULL: not given; path absolute */
	const char *const *choices;     /* TASK_ASK: nchoices of them */
	size_t nchoices;
	const char *fallback;   /* TASK_ASK: NULL: none */

	/* For those who decide about the next attempt. */
	long long retries;      /* how many more attempts there are after the first */
	long long delay;        /* milliseconds before the second */
	int has_otherwise;

	char file[KEY_NAME_MAX + 1];    /* the key's file name; "" for an if, and from task_asked; the last: it is not cleared */
};

/* What all tasks of a run have in common. */
struct run_env {
	const char *root;       /* absolute: where orch was started */
	const char *run;        /* the run's name */
	const char *results_dir;/* absolute: the directory of results */
	const struct sessions *sessions;        /* of its steps; NULL: none are known */
	/* Adds a command that gives the step KEY a session; NULL: nothing is added. */
	void (*redo)(void *ctx, const char *key, struct buf *b);
	void *ctx;
	const char *within;     /* the ids of the runs around what is started, and of this one */
	char *const *environ;
};

/* Makes the task of a step (NODE is its run, KEY its key) read at AT. -1: the
 * results' error says why. The caller frees it in both cases. */
int task_step(struct task *, const struct run_env *, struct results *, const struct context *at,
    const struct node *node, const char *key);

/* The task of a step, worktree, commit or ask as far as it says what would be asked: not enough to ask it. */
int task_asked(struct task *, const struct run_env *, struct results *, const struct context *at,
    const struct node *node, const char *key);

/* The task of the command of an `if`. */
int task_if(struct task *, const struct run_env *, struct results *, const struct context *at,
    const struct node *node);

/* The task that keeps the word of the step's `otherwise`. */
int task_word(struct task *, const struct run_env *, struct results *, const struct context *at,
    const struct node *node, const char *key);

/* The task of a worktree, a commit or an ask; what git would not take is refused here. */
int task_other(struct task *, const struct run_env *, struct results *, const struct context *at,
    const struct node *node, const char *key);

/* The task that keeps standard input. */
void task_stdin(struct task *);

void task_free(struct task *);

/* The words that ask the task's agent in a copy of the session ID; they live as long as the task. */
char *const *task_session_argv(struct task *, const char *id);

/* Adds that KEY has no session, why, if REASON is not NULL, and what gives it one. */
void task_lacks_session(const struct run_env *, const char *key, const char *reason, struct buf *b);

/* Whether ENTRY of an environment tells git which repository, worktree or index is meant (as a hook of git has it). */
int task_names_repository(const char *entry);

/* What was found of a file that is missing together with the directory of its step. */
#define TASK_GONE "gone"

/* The first line in an entry of `how` that is about a file which the step depends on, of the N bytes at S; their end: there is
 * none. All such lines come last: `depends', a tab, the file's name, a blank, what was found. */
const char *task_how_files(const char *s, size_t n);

/* Adds a line of an entry of `how` to B: WORD, and the N bytes of S escaped. */
void task_how_line(struct buf *b, const char *word, const char *s, size_t n);

/* What DONE lines of the log have as their digest: how it is started, and its prompt; then, for each input, H with its
 * key and the digest of its bytes in it. */
uint64_t task_digest(const struct task *);
uint64_t task_digest_input(uint64_t h, const char *key, uint64_t content);

#endif

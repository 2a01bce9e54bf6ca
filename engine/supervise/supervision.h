/* What the parts of a minder share: one step is a straight line through minder.c, git.c, terminal.c. */
#ifndef ENGINE_SUPERVISE_SUPERVISION_H
#define ENGINE_SUPERVISE_SUPERVISION_H

#include "engine/supervise/supervisor.h"
#include "engine/supervise/spawn.h"

#if defined(__GNUC__)
#define NO_RETURN __attribute__((noreturn))
#else
#define NO_RETURN
#endif

struct minder {
	const struct minding *m;
	struct task *task;
	char *const *git_envp;  /* the environment that git gets; NULL: not made yet */
	struct outcome out;
	int adopts;             /* it is a subreaper: all that its agent left is its child */
	int errors;             /* standard error's file; -1: none */
	int answer;             /* the answer's, open while its lock is held: by the agent, or by us; -1: it is closed */
	int asked;              /* the agent has run: it is not to be asked again for want of a process */
	long long started;      /* by clock_ms */
	long long deadline;     /* of the whole try, by clock_ms; 0: none */
	long long halted;       /* since when the agent is paused, by clock_ms; 0: it is not */
	char tmp[KEY_NAME_MAX + 1];     /* the answer's name in tmp/ */
	int patient;            /* what it runs is let come to its end: git, which leaves locks behind */
	int tty;                /* the terminal of an interactive agent; -1: it is none */
	int has_terminal;       /* it has been given the terminal, and has it still */
};

/* The end: reports and exits. With _errno, errno is what went wrong and WHAT where; with _text, TEXT is
 * the whole message. */
void leave(struct minder *, enum outcome_kind) NO_RETURN;
void leave_errno(struct minder *, enum outcome_kind, const char *what) NO_RETURN;
void leave_text(struct minder *, const char *fmt, ...) BUF_FORMAT(2, 3) NO_RETURN;

/* Waits MS milliseconds at most (-1: for ever) for a signal, the end of orch, or until FD (-1: none) can be read.
 * Returns what is so, as bits: MIND_GONE, then mind_abandon is the only thing left to do, and MIND_READY. */
enum { MIND_GONE = 1, MIND_READY = 2 };
unsigned mind_wait_for(struct minder *, int fd, long long ms);

/* The same without a descriptor. Returns whether orch is gone. */
int mind_wait(struct minder *, long long ms);

/* Orch is gone: ends all that stands below, PID's group where only that is known, and exits. */
void mind_abandon(struct minder *, pid_t pid) NO_RETURN;

/* Leaves if orch has said to stop. */
void mind_look(struct minder *);

/* Whether orch has said to stop, or to halt. */
int mind_stopping(void);
int mind_paused(void);

/* How often orch has said to halt: a halt that is over already shows in this alone. */
int mind_halts(void);

/* Starts P and stays with it until it and all that it started are gone. Returns its wait status; it
 * does not return when P was stopped or could not be started, or something that it left lives on. */
int mind_program(struct minder *, const struct program *p);

/* The name of a file in tmp/ that is this minder's alone: WHAT is a letter. */
void mind_name(char name[KEY_NAME_MAX + 1], char what, pid_t pid);

/* A new, empty file for an answer that no agent writes. */
int mind_open_answer(struct minder *);

/* Standard error's file: a new one for each try. */
void mind_open_errors(struct minder *);

/* Standard input: the prompt, then the inputs, in a file of its own; read again from its first byte.
 * It is kept as asked/KEY; that of an `if` is gone when it ends. */
int mind_make_stdin(struct minder *);

/* Writes how/KEY, N bytes; SYNC: safe on disk. */
void mind_write_how(struct minder *, const char *text, size_t n, int sync);

void mind_write(struct minder *, int fd, const void *p, size_t n, const char *what);

/* Makes the answer safe; after it orch only renames. */
void mind_settle(struct minder *);

/* The same for an answer that the minder has written itself to FD, which is closed. */
void mind_settle_written(struct minder *, int fd);

/* git.c */
void mind_worktree(struct minder *);
void mind_commit(struct minder *);

/* Before a task works in a worktree: leaves unless that is the top of a worktree of the repository that it was made
 * in, with its branch checked out. Runs git, which writes nothing; standard error's file must be open. */
void git_look(struct minder *);

/* The worktree that the task works in cannot be entered, for this errno: leaves. */
void git_no_dir(struct minder *, int error) NO_RETURN;

/* terminal.c */
void mind_ask(struct minder *);
void mind_interactive(struct minder *);

/* Gives the terminal back as it was, if the agent has it. */
void terminal_restore(struct minder *, int status);

/* Looks whether the agent PID, which has the terminal, was stopped; if so stops the whole job, and goes
 * on with it when it is continued in the foreground. */
/* Waits until orch's job has the terminal TTY, or orch says to stop. -1, errno as it was: it is no terminal of orch's, or
 * nobody can bring the job to the foreground any more. */
int terminal_wait(struct minder *, int tty);

void terminal_follow(struct minder *, pid_t pid);

#endif

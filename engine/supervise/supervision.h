/* What the parts of a supervisor share: one step is a straight line through supervisor.c, git.c, terminal.c,
 * on the ground of report.c (what it is told and tells), files.c and child.c (one program from its start to its end).
 *
 * A supervisor begins with supervisor_listen. A step that runs programs then calls stderr_open, git_look if it works in
 * a worktree, supervisor_make_stdin, result_open_locked, supervisor_run_program as often as it has programs, and
 * result_sync. What writes its result itself calls result_put.
 *
 * Nothing here returns an error that the step must fail of: what goes wrong, also a word to stop, leaves by
 * supervisor_exit, which reports, removes what was begun in tmp/ and ends the process; so no caller cleans up. Signals are
 * blocked but in supervisor_wait_for: whatever may take long must pass there, and must not block elsewhere. While
 * a program is being started it shares this memory: then nothing is done but waiting. Descriptors, strings and
 * the task are this process's and die with it. */
#ifndef ENGINE_SUPERVISE_SUPERVISION_H
#define ENGINE_SUPERVISE_SUPERVISION_H

#include "engine/agent/verdict.h"
#include "engine/supervise/supervisor.h"
#include "engine/supervise/spawn.h"

#if defined(__GNUC__)
#define NO_RETURN __attribute__((noreturn))
#else
#define NO_RETURN
#endif

struct supervisor {
	const struct supervision *m;
	struct task *task;
	char *const *git_envp;  /* the environment that git gets; NULL: not made yet */
	struct outcome out;
	int is_starting;        /* a program is being started, which shares this memory: nothing is done but waiting */
	int adopts;             /* it is a subreaper: all that its agent left is its child */
	int errors;             /* standard error of what it runs, the end of a pipe to write to; -1: none */
	int errors_in;          /* the end to read from */
	int stderr_file;        /* what was said; -1: nothing yet */
	int stderr_error;       /* the errno for which it cannot be kept; 0: it can */
	const struct talk *session;     /* that the agent is asked in a copy of; NULL: in none */
	struct reading *reading;/* of what the agent reports; NULL: it writes its result itself */
	unsigned long signs;    /* of life, as reading_has_sign counts them */
	int output_error;       /* the errno for which that cannot be written; 0: it can */
	struct buf refusal;     /* what the filter or check that runs has written, its end */
	int is_refusing;        /* that is wanted */
	char said[VERDICT_TAIL];/* how what the program that runs, or ran last, has said on standard error ends */
	size_t nsaid;
	long long written;      /* all bytes that it has written, if it failed and had started no process; -1: that, or not known */
	int stderr_last;        /* the last byte of standard error's file; 0: there is none */
	int result;             /* the result's, open while its lock is held: by the agent, or by us; -1: it is closed */
	int asked;              /* the agent has run: it is not to be asked again for want of a process */
	long long started;      /* by clock_ms */
	long long deadline;     /* of the whole attempt, by clock_ms; 0: none */
	long long sign_at;      /* when the agent gave the latest sign of life, by supervisor_clock; 0: that is not looked at */
	long long suspended_at; /* since when the agent is paused, by clock_ms; 0: it is not */
	char tmp[KEY_NAME_MAX + 1];     /* the result's name in tmp/ */
	int patient;            /* what it runs is let come to its end: git, which leaves locks after it */
	int tty;                /* the terminal of an interactive agent; -1: it is none */
	int has_terminal;       /* it has been given the terminal, and has it still */
};

/* The end: reports and exits. With _errno, errno is what went wrong and WHAT where; with _text, TEXT is
 * the whole message. */
void supervisor_exit(struct supervisor *, enum outcome_kind) NO_RETURN;
void supervisor_exit_errno(struct supervisor *, enum outcome_kind, const char *what) NO_RETURN;
void supervisor_exit_message(struct supervisor *, const char *fmt, ...) BUF_FORMAT(2, 3) NO_RETURN;

/* Waits MS milliseconds at most (-1: for ever) for a signal, the end of orch, or until FD (-1: none) can be read.
 * Returns what is so, as bits: SUPERVISOR_GONE, then supervisor_orphaned is the only thing left to do, and SUPERVISOR_READY. */
enum { SUPERVISOR_GONE = 1, SUPERVISOR_READY = 2 };
unsigned supervisor_wait_for(struct supervisor *, int fd, long long ms);

/* The same without a descriptor; when orch is gone, as supervisor_orphaned. */
void supervisor_pause(struct supervisor *, long long ms, pid_t pid);

/* Waits until FD can be read; leaves if orch is gone, or says to stop. */
void supervisor_await_input(struct supervisor *, int fd);

/* Orch is gone: ends all that is below, PID's group where only that is known, and exits. */
void supervisor_orphaned(struct supervisor *, pid_t pid) NO_RETURN;

/* Leaves if orch has said to stop. */
void supervisor_check_stop(struct supervisor *);

/* Begins to listen to orch: from here on its words are heard in supervisor_wait_for alone. */
void supervisor_listen(const struct supervisor *);

/* Writes ->out to orch. */
void supervisor_report(const struct supervisor *);

/* How often orch has said to stop; whether it has said to suspend. */
int supervisor_stopping(void);
int supervisor_suspended(void);

/* Milliseconds by a clock that does not run while orch and its agents are suspended. */
long long supervisor_clock(void);

/* How often orch has said to suspend: a suspension that is over already shows in this alone. */
int supervisor_suspends(void);

/* The task's program, with the task's environment and directory, and these for its standard descriptors; standard error
 * is the step's. What differs from that the caller sets. */
struct program program_of(const struct supervisor *, int in, int out);

/* Starts P and stays with it until it and all that it started are gone. Returns its wait status; it
 * does not return when P was stopped or could not be started, or something that it left lives on. */
int supervisor_run_program(struct supervisor *, const struct program *p);

/* Whether that program, which has failed, is a shell to which the system has refused its first process, and which has done
 * nothing else: it may be run again as if it had not been. */
int supervisor_was_refused(const struct supervisor *);

/* Waits a moment, longer each time, for a process to be had; *PAUSE is 10 at first. 0: it has been waiting for too long since
 * SINCE, by supervisor_clock. Leaves if orch says to stop, or the step's time is over. */
int supervisor_await_process(struct supervisor *, long long since, long long *pause);

/* The name of a file in tmp/ that is this supervisor's alone: WHAT is a letter. */
void supervisor_tmp_name(char name[KEY_NAME_MAX + 1], char what, pid_t pid);

/* The result's file in tmp/, new, with the lock that the agent inherits; closed, where that lock ends with it; opened again
 * to be read. */
int result_open_locked(struct supervisor *);
void result_close(struct supervisor *);
int result_reopen(struct supervisor *);

/* Returns when no process has inherited the lock of the file FD any more, so that none can write into it. One that is
 * found there is named, and the step fails; where none is found, it may be one that was killed, and is not quite gone. */
void result_await_closed(struct supervisor *, int fd);

/* Whether the file system of FD is full: an agent that ignores write errors leaves half a result there, and says nothing. */
int supervisor_disk_is_full(int fd);

/* A new, empty file for a result that no agent writes. */
int result_open(struct supervisor *);

/* Makes the N bytes at S the result, with a newline after them if NEWLINE. */
void result_put(struct supervisor *, const char *s, size_t n, int newline);

/* Standard error: a pipe for each attempt, from which supervisor_wait_for takes what comes. Its file is made with its
 * first byte, so that a step that says nothing has none. That of an earlier attempt is removed. */
void stderr_open(struct supervisor *);
void stderr_close(struct supervisor *);

/* Takes what can be read at once. stderr_take reads once, and returns whether there was something; stderr_drain, at the
 * end of what writes, reads as long as there is something, but no more than a pipe holds. What cannot be kept is lost;
 * the step's warning says so. */
int stderr_take(struct supervisor *);
void stderr_drain(struct supervisor *);

/* Adds N bytes to standard error's file. */
void stderr_add(struct supervisor *, const char *p, size_t n);

/* The same for whole lines, on lines of their own. */
void stderr_add_line(struct supervisor *, const char *p, size_t n);

/* Reads the last bytes of standard error, SIZE at most, to P. Returns how many; *CUT: there are more before them. */
long stderr_tail(struct supervisor *, char *p, size_t size, int *cut);

/* Standard input: the prompt, then the inputs, in a file of its own; read again from its first byte.
 * It is kept as asked/KEY; that of an `if` is gone when it ends. */
int supervisor_make_stdin(struct supervisor *);

/* The name of the file in tmp/ in which the supervisor PID has left why it has refused a result. */
void supervisor_refusal_name(char name[KEY_NAME_MAX + 1], long pid);

/* Another standard input, which is kept nowhere: TEXT, then, where IN is not -1, what IN has, which is closed. TEXT is
 * added to standard error's file too. */
int supervisor_tell_stdin(struct supervisor *, const char *text, size_t n, int in);

/* The same for an agent without a session whose result was refused: its question, which IN has, that result, TEXT. */
int supervisor_revise_stdin(struct supervisor *, const char *text, size_t n, int in);

void supervisor_write(struct supervisor *, int fd, const void *p, size_t n, const char *what);

/* Makes the result safe; after it orch only renames. */
void result_sync(struct supervisor *);

/* The same for a result that the supervisor has written itself to FD, which is closed. */
void result_sync_written(struct supervisor *, int fd);

/* reading.c: an agent that reports is read through a pipe. Returns what it gets as its standard output: the end of a pipe, or
 * the result's file, where it does not report. */
int reading_open(struct supervisor *);

/* The end to read from; -1: there is none. */
int reading_fd(const struct supervisor *);

/* Reads once, and tells orch at once if the agent waits. */
void reading_take(struct supervisor *);

/* Logs and reports what is used, once a second at most. Returns in how many milliseconds it is to be called again; -1: never. */
long long reading_due(struct supervisor *);

/* Whether something has come but notices that the agent waits, since this was called last; of one that does not report,
 * whether its result has grown. */
int reading_has_sign(struct supervisor *);

/* Reads what is in the pipe, once, and closes it: what comes after the agent's own end is no part of its result, and whoever
 * still holds the pipe delays nothing. Logs what was used. */
void reading_close(struct supervisor *);

/* Makes what the log says of the session safe on disk: before the result is. */
void reading_sync(struct supervisor *);

/* How the agent has ended, if what it wrote was a stream: 0: it was none. */
int reading_verdict(struct supervisor *, const char *err, size_t nerr, struct verdict *);

/* The result that the stream has told becomes the result's file, which is open again; or what it says about its failure. */
void reading_keep(struct supervisor *);
void reading_fail(struct supervisor *);

/* take.c: the result is that of the earlier run, or the step is to be asked. */
void supervisor_take(struct supervisor *);

/* git.c */
void supervisor_worktree(struct supervisor *);
void supervisor_commit(struct supervisor *);

/* Before a task works in a worktree: leaves unless that is the top of a worktree of the repository that it was made
 * in, with its branch checked out. Runs git, which writes nothing; standard error must be open. */
void git_look(struct supervisor *);

/* The worktree that the task works in cannot be entered, for this errno: leaves. */
void git_no_dir(struct supervisor *, int error) NO_RETURN;

/* terminal.c */
void supervisor_ask(struct supervisor *);
void supervisor_interactive(struct supervisor *);

/* Gives the terminal back as it was, if the agent has it. */
void terminal_restore(struct supervisor *, int status);

/* Waits until orch's job has the terminal TTY, or orch says to stop. -1, errno as it was: it is not a terminal of orch's, or
 * nobody can bring the job to the foreground any more. */
int terminal_wait(struct supervisor *, int tty);

/* Looks whether the agent PID, which has the terminal, was stopped; if so stops the whole job, and goes
 * on with it when it is continued in the foreground. */
void terminal_follow(struct supervisor *, pid_t pid);

#endif

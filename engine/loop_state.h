/* What the parts of the loop share. loop_state.c is the ground; launch.c starts, reports.c takes what supervisors report,
 * lost.c has those that report nothing any more, signals.c the signals; loop.c waits, keeps and tells, and calls them all.
 * Whatever changes struct loop_state is in these. */
#ifndef ENGINE_LOOP_STATE_H
#define ENGINE_LOOP_STATE_H

#include <sys/select.h>

#include "engine/loop.h"
#include "engine/supervise/jobserver.h"
#include "engine/supervise/supervisor.h"
#include "engine/ui/output.h"
#include "store/log.h"

/* The process that looks at the files that steps depend on. */
struct file_reader {
	pid_t pid;              /* 0: there is none */
	int fd;                 /* to ask it; 0: there is none */
	uint32_t number;        /* of the process; what an earlier one says does not count */
	struct buf out;         /* what it is still to be asked, from ->written on */
	size_t written;
	struct look *first, **last;     /* what is to be looked at, in order; the end of that, unless it is empty */
	long long moved_at;     /* when it last told something, or had nothing to do */
	int expired;            /* its time was over once */
	long long again_at;     /* no process is tried for before; ->error is why there was none */
	int error;
	int deaths;             /* of processes since one has told something */
};

struct loop_state {
	struct walk *walk;
	struct store *store;
	struct progress *progress;
	struct supervision supervision;
	int report, life;       /* orch's ends of the pipes */
	struct running slots;   /* what runs */
	char partial[sizeof(struct outcome)];   /* of a record that has not come whole */
	size_t npartial;
	struct outcome *ended;  /* that have come since the loop last looked */
	size_t nended, cap_ended;
	int adopts;             /* orch is a subreaper */
	int gone;               /* the run's directory was deleted, and that was said */
	struct outcome *lost;   /* whose supervisor was killed; told when its processes are gone */
	size_t nlost;
	long long lost_since;
	long long patience;     /* the git of a killed supervisor was told to end, and has until then to remove its locks */
	long long overdue_at;   /* not before this time has a supervisor to be looked for that does not answer; 0: never */
	int sig;                /* the signal that stops orch; 0: none */
	long long sig_at;
	long long skew;         /* milliseconds that orch itself was stopped */
	struct jobserver *jobserver;
	int has_dead;           /* children have ended since all were looked at */
	long long reap_at;      /* not to be looked at all children before */
	int has_begun;          /* something was started; from then on it is known whether there is a jobserver */
	uint32_t limit;         /* tasks at once when processes are scarce; 0: no limit */
	int crowded;            /* agents were refused a process, so often */
	long long crowded_until;/* until then the limit does not grow */
	int scarce;             /* a fork was refused, and nothing has ended since */
	long long scarce_since, scarce_pause, scarce_until;
	int log_failed, how_failed;
	struct file_reader reader;
	long long asked_at;     /* where the entry of what is being started is in `how`; -1: it has none */
	struct output output;
};

/* Milliseconds by a clock that does not run while orch is suspended. */
long long loop_now(const struct loop_state *);

/* Writes a line of the log, now, unless it has its time; the same about the step that B (NULL: standard input) is at, with its outcome, which may be
 * NULL. That it cannot be written is said once: the log is not the truth, so a run goes on without it. */
void loop_log(struct loop_state *, struct log_line *);
void loop_log_step(struct loop_state *, enum log_event, const struct branch *b, const struct outcome *, const char *text);

/* reports.c: takes what supervisors have reported so far. */
void reports_read(struct loop_state *);

/* O has come, and is told when the loop looks next. */
void loop_add_outcome(struct loop_state *, const struct outcome *o);

/* Closes, in a process that was forked, what is orch's own alone. */
void loop_close_own(const struct loop_state *);

/* files.c: has the FILES of B's step looked at; then walk_looked is called, unless the walk is to stop. */
void files_look(struct loop_state *, struct branch *b, struct depends *files);

/* The reader has told something; it has died; whether PID is it. */
void files_record(struct loop_state *, const struct outcome *o);
void files_lost(struct loop_state *);
int files_is_reader(const struct loop_state *, pid_t pid);

/* Asks the reader, as far as it can take it. */
void files_write(struct loop_state *);

/* In how many milliseconds files_due has to be called; -1: never. Adds the descriptor that is waited for to OUT, *LAST being the
 * highest. */
long long files_wait(const struct loop_state *, long long now, fd_set *out, int *last);
void files_due(struct loop_state *);

/* There is no reader any more. */
void files_end(struct loop_state *);

/* launch.c: starts what may be started, and takes tokens for it; those that nothing needs now go back. Returns whether
 * there may be more at once. */
int launch_all(struct loop_state *);

/* Whether more may be begun: processes can be had, and what was said is being read. */
int launch_may(struct loop_state *);

/* Whether a token of the jobserver is waited for. */
int launch_wants_token(struct loop_state *);

/* A process could not be had, as the outcome has it, for the task of the branch, which gets its turn again or has failed; one was
 * had, and has ended. */
void launch_refused(struct loop_state *, struct branch *, struct outcome *);
void launch_works(struct loop_state *);

/* An agent could have no process of its own, which is said once: fewer run at once, for a minute at least. */
void launch_crowded(struct loop_state *);

/* taken.c: the slot is to take a result from an earlier run. */
void taken_remember(struct running_step *, const struct task *);

/* It has one, O: before it is kept, the log and `how` say what was asked, as of any step; where that cannot be written, O is a failure;
 * it is kept. */
void taken_begin(struct loop_state *, const struct running_step *, struct outcome *o);
void taken_tell(struct loop_state *, const struct running_step *, const struct outcome *o);

/* lost.c: looks for children that have ended, supervisors that were killed among them. */
void lost_reap(struct loop_state *);

/* Every wait has an end: looks for supervisors that have not told of their end though their time is over. */
void lost_look(struct loop_state *);

/* All that run have to end within MS. */
void lost_limit_all(struct loop_state *, long long ms);

/* Ends what killed supervisors have left; their steps have failed when nothing of it is there any more. */
void lost_end(struct loop_state *);

/* signals.c: from here on signals come where the loop waits; before, they ended orch as any program. The same for those
 * that are about the terminal alone. */
void signals_hold(void);
void signals_hold_screen(void);

/* Lets pending signals in, and does what they say. */
void signals_look(struct loop_state *);

#endif

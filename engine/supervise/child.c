/* One program from its start to its end: the agent, the filter, a check, git; and the end of what it leaves behind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/supervise/jobserver.h"
#include "engine/supervise/proctree.h"
#include "engine/supervise/supervision.h"
#include "parse/text.h"
#include "store/clock.h"
#include "store/os.h"

enum {
	GRACE_MS = 10 * 1000,   /* between the word to stop and SIGKILL */
	SIGINT_MS = 5 * 1000,   /* of these, for an agent that takes SIGINT first */
	LEFT_MS = 1000,         /* for what an agent has left behind, between TERM and KILL */
	IDLE_LOOKS = 8,         /* at what an agent writes into a file, in the time that it may be idle for */
	PATIENCE_MS = 700,      /* for git to come to its end when orch is gone */
	AGAIN_MS = 30 * 1000,   /* for a process to be had */
	EXEC_MS = 10 * 1000,    /* for a directory to be entered and a program to be executed */
	EXEC_LOOK_MS = 1000,
	KILL_MS = 10 * 1000     /* until what SIGKILL does not end is given up */
};

/* Ending processes. */

void
supervisor_orphaned(struct supervisor *d, pid_t pid)
{
	long long until = clock_ms() + PATIENCE_MS;
	const struct timespec pause = { 0, 1000 * 1000 };

	while (d->patient && pid > 0 && waitpid(pid, NULL, WNOHANG) == 0 && clock_ms() < until)
		nanosleep(&pause, NULL);
	terminal_restore(d, 1);
	until = clock_ms() + KILL_MS;
	while (clock_ms() < until) {
		long left = d->adopts ? proctree_kill(NULL, NULL) : -1;

		if (left < 0 && pid > 0)
			kill(-pid, SIGKILL);
		if (left <= 0)
			break;
		nanosleep(&pause, NULL);
	}
	reading_close(d);
	stderr_drain(d);
	jobserver_abandon(d->m->jobserver, d->task->uses_token);
	_exit(1);
}

static int
nothing_left(void)
{
	siginfo_t info;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

static void
name_left(struct supervisor *d)
{
	pid_t *list;
	long n = proctree_children(&list), i;
	size_t at = 0;

	for (i = 0; i < n && at < sizeof d->out.text - 16; i++)
		at += (size_t)snprintf(d->out.text + at, sizeof d->out.text - at, "%spid %ld", i ? ", " : "", (long)list[i]);
	free(list);
}

/* A subreaper's end of a program: TERM to what is left, a second, KILL. -1: some cannot be ended. */
static int
end_adopted(struct supervisor *d)
{
	long long until;
	pid_t *list;
	long n, i;

	if (nothing_left())
		return 0;
	n = proctree_children(&list);
	for (i = 0; i < n; i++) {
		kill(list[i], SIGTERM);
		kill(list[i], SIGCONT);
	}
	free(list);
	until = clock_ms() + LEFT_MS;
	while (!nothing_left() && clock_ms() < until)
		supervisor_pause(d, until - clock_ms(), 0);
	until = clock_ms() + KILL_MS;
	while (!nothing_left() && clock_ms() < until) {
		proctree_kill(NULL, NULL);
		if (!nothing_left())
			supervisor_pause(d, 2, 0);
	}
	if (nothing_left())
		return 0;
	name_left(d);
	return -1;
}

/* The same where only the group is known. It was told to end before its leader was reaped; now its
 * number may be somebody else's as soon as it was once seen empty. */
static int
end_group(struct supervisor *d, pid_t group)
{
	long long start = clock_ms();
	int killed = 0;

	while (kill(-group, 0) == 0) {
		if (clock_ms() - start > LEFT_MS && !killed++)
			kill(-group, SIGKILL);
		if (clock_ms() - start > KILL_MS) {
			snprintf(d->out.text, sizeof d->out.text, "process group %ld", (long)group);
			return -1;
		}
		supervisor_pause(d, 10, group);
	}
	return 0;
}

/* Running one program to its end: the agent, the filter, a check. */

enum told { TOLD_NOTHING, TOLD_TIMEOUT, TOLD_STOP, TOLD_FULL, TOLD_IDLE };

struct child {
	pid_t pid;
	enum told told;         /* why it was told to end */
	int sigint;             /* SIGINT is what it was told first */
	int killed;
	long long told_at, killed_at;
	long long stop_seen;    /* when orch's word to stop was first seen; 0: it was not */
};

/* An agent that has the terminal is in the supervisor's own group; others lead their own. */
static void
signal_agent(const struct supervisor *d, const struct child *r, int sig)
{
	kill(d->tty >= 0 ? r->pid : -r->pid, sig);
}

static void
tell(struct supervisor *d, struct child *r, enum told why)
{
	r->told = why;
	r->told_at = clock_ms();
	r->sigint = d->task->agent_kind == AGENT_CODEX;
	signal_agent(d, r, r->sigint ? SIGINT : SIGTERM);
	signal_agent(d, r, SIGCONT);
}

static void
kill_it(struct supervisor *d, struct child *r)
{
	r->killed = 1;
	r->killed_at = clock_ms();
	if (!d->adopts || proctree_kill(NULL, NULL) < 0)
		signal_agent(d, r, SIGKILL);
}

/* Halts and continues the agent as orch says; the deadline moves by the time between. */
static void
follow_pause(struct supervisor *d, struct child *r)
{
	if (d->tty >= 0) {
		if (!supervisor_stopping())
			terminal_follow(d, r->pid);
	} else if (supervisor_suspended() && !d->suspended_at && !r->told) {
		d->suspended_at = clock_ms();
		proctree_signal(r->pid, SIGSTOP);
	} else if (d->suspended_at && (!supervisor_suspended() || supervisor_stopping())) {
		if (d->deadline)
			d->deadline += clock_ms() - d->suspended_at;
		d->suspended_at = 0;
		proctree_signal(r->pid, SIGCONT);
	}
}

/* In how many milliseconds the agent will have been idle for its time; 0: it has; -1: that is of no matter. */
static long long
idle_in(struct supervisor *d)
{
	long long now = supervisor_clock(), left;

	if (!d->sign_at || d->suspended_at)
		return -1;
	if (reading_has_sign(d))
		d->sign_at = now;
	left = d->sign_at + d->task->idle - now;
	/* What the agent writes into its result's file itself wakes nobody. */
	if (!d->reading && left > d->task->idle / IDLE_LOOKS)
		left = d->task->idle / IDLE_LOOKS;
	return left > 0 ? left : 0;
}

/* What is due now; returns in how many milliseconds something else will be, -1: nothing. */
static long long
do_due(struct supervisor *d, struct child *r)
{
	long long now = clock_ms(), next = -1, usage = reading_due(d), idle = idle_in(d);

	follow_pause(d, r);
	if (supervisor_stopping() && !r->stop_seen)
		r->stop_seen = now;
	if (!r->told && (supervisor_stopping() > d->patient || (supervisor_stopping() && now - r->stop_seen >= GRACE_MS)))
		tell(d, r, TOLD_STOP);
	else if (!r->told && d->deadline && !d->suspended_at && now >= d->deadline)
		tell(d, r, TOLD_TIMEOUT);
	else if (!r->told && d->output_error)
		tell(d, r, TOLD_FULL);
	else if (!r->told && !idle)
		tell(d, r, TOLD_IDLE);
	if (r->told) {
		if (r->sigint && now - r->told_at >= SIGINT_MS) {
			r->sigint = 0;
			signal_agent(d, r, SIGTERM);
		}
		if (!r->killed && (now - r->told_at >= GRACE_MS || supervisor_stopping() > 1))
			kill_it(d, r);
		next = r->killed ? 100 : r->sigint ? r->told_at + SIGINT_MS - now : r->told_at + GRACE_MS - now;
		return next < 0 ? 0 : next;
	}
	if (d->deadline && !d->suspended_at)
		next = d->deadline > now ? d->deadline - now : 0;
	if (r->stop_seen && (next < 0 || next > GRACE_MS))
		next = GRACE_MS;
	return clock_sooner(clock_sooner(next, usage), idle);
}

/* Reaps PID, which has failed. What it has written is known then, if it has never had a child, nor left one. */
static void
reap_failed(struct supervisor *d, pid_t pid, int *status)
{
	pid_t *list = NULL;
	int alone = d->adopts && proctree_children(&list) == 1 && !os_had_child(pid);
	long long before = alone ? os_written() : -1, after;

	free(list);
	waitpid(pid, status, 0);
	after = before >= 0 ? os_written() : -1;
	d->written = after >= before && before >= 0 ? after - before : -1;
}

/* Whether PID has ended; it is reaped then, and so is all else that has ended. */
static int
has_ended(struct supervisor *d, pid_t pid, int *status)
{
	siginfo_t info;

	/* What the agent has left to this subreaper and what has ended since would stay a zombie. */
	while (d->adopts && (memset(&info, 0, sizeof info), waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) &&
	    info.si_pid && info.si_pid != pid)
		waitpid(info.si_pid, NULL, 0);
	memset(&info, 0, sizeof info);
	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0) {
		*status = SIGKILL;      /* reaped already: only proctree_kill does that */
		return 1;
	}
	if (info.si_pid != pid)
		return 0;
	if (!d->adopts && d->tty < 0) {
		kill(-pid, SIGTERM);
		kill(-pid, SIGCONT);
	}
	if (info.si_code == CLD_EXITED && info.si_status)
		reap_failed(d, pid, status);
	else
		waitpid(pid, status, 0);
	return 1;
}

static void
put_path(struct supervisor *d, const char *program, const char *path)
{
	char quoted[TEXT_SHORT];
	size_t room = sizeof d->out.text - sizeof quoted - 20, n, cut;
	int at = snprintf(d->out.text, sizeof d->out.text, "%s (PATH: ", text_short(quoted, program));

	path = path ? path : "not set";
	n = strlen(path);
	cut = utf8_cut(path, n, room);
	snprintf(d->out.text + at, sizeof d->out.text - (size_t)at, "%.*s%s)", (int)cut, path, cut < n ? "..." : "");
}

/* exec's own error, and where the program was looked for. */
static void
leave_unstarted(struct supervisor *d, const struct program *p)
{
	const char *path = env_value(p->envp, "PATH");
	int there;

	d->out.error = errno;
	there = errno == ENOENT && !spawn_find(p->argv[0], p->envp, p->root, p->dir);
	if (there || d->out.error == E2BIG || strchr(p->argv[0], '/'))
		snprintf(d->out.text, sizeof d->out.text, "%s", p->argv[0]);
	else
		put_path(d, p->argv[0], path);
	supervisor_exit(d, there ? OUT_NO_INTERPRETER : OUT_NO_EXEC);
}

/* The child S, which is not P yet, is to be gone. Leaves if it cannot be ended: it is stuck in the kernel. */
static void
end_unstarted(struct supervisor *d, const struct spawning *s)
{
	long long until = clock_ms() + KILL_MS;

	kill(s->pid, SIGKILL);
	while (waitpid(s->pid, NULL, WNOHANG) == 0) {
		if (clock_ms() >= until) {
			snprintf(d->out.text, sizeof d->out.text, "pid %ld", (long)s->pid);
			supervisor_exit(d, OUT_UNENDED);
		}
		supervisor_pause(d, 10, s->pid);
	}
}

/* Waits until S is P, or has failed to become it; EXEC_MS at most while it does nothing, or until P's time is over. */
static void
await_program(struct supervisor *d, const struct program *p, const struct spawning *s)
{
	long long until = supervisor_clock() + EXEC_MS, next;
	char dir[TEXT_SHORT], program[TEXT_SHORT];
	unsigned is;

	if (d->deadline && d->deadline - clock_ms() < EXEC_MS)
		until = supervisor_clock() + d->deadline - clock_ms();
	for (;;) {
		next = until - supervisor_clock();
		is = supervisor_wait_for(d, s->report, next < 0 ? 0 : next < EXEC_LOOK_MS ? next : EXEC_LOOK_MS);
		if (is & SUPERVISOR_GONE)
			supervisor_orphaned(d, s->pid);
		if (is & SUPERVISOR_READY)
			return;
		if (supervisor_stopping() > d->patient) {
			end_unstarted(d, s);
			supervisor_exit(d, OUT_STOPPED);
		}
		if (supervisor_clock() < until)
			continue;
		if (!d->deadline && proctree_is_busy(s->pid)) {      /* the machine is slow, not the file system */
			until += EXEC_LOOK_MS;
			continue;
		}
		end_unstarted(d, s);
		supervisor_exit_message(d, "cannot be started: %s or %s does not answer: is its file system there?", text_short(dir, p->dir),
		    text_short(program, p->argv[0]));
	}
}

int
supervisor_await_process(struct supervisor *d, long long since, long long *pause)
{
	if (d->deadline && clock_ms() >= d->deadline)
		supervisor_exit(d, OUT_TIMEOUT);
	if (supervisor_clock() - since > AGAIN_MS)
		return 0;
	supervisor_pause(d, *pause, 0);
	supervisor_check_stop(d);
	*pause = *pause < 1000 ? *pause * 2 : *pause;
	return 1;
}

/* Starts P. A process that cannot be had for a filter or a check is waited for here: were orch to try
 * the step again, it would ask the agent again. */
static pid_t
start_program(struct supervisor *d, const struct program *p)
{
	enum spawn_stage stage = SPAWN_FORK;
	long long since = supervisor_clock(), pause = 10;
	struct spawning s;
	int bad, errors_in = d->errors_in;

	while ((bad = spawn_begin(&s, p)) && (errno == EAGAIN || errno == ENOMEM)) {
		if (!d->asked)
			supervisor_exit_errno(d, OUT_FORK_FAILED, "fork");
		if (!supervisor_await_process(d, since, &pause))
			break;
	}
	if (!bad) {
		d->errors_in = -1;
		d->is_starting = 1;
		await_program(d, p, &s);
		d->is_starting = 0;
		d->errors_in = errors_in;
		bad = spawn_finish(&s, &stage);
	}
	if (!bad)
		return s.pid;
	if (stage == SPAWN_FORK)
		supervisor_exit_errno(d, OUT_IO, "no process available");
	if (stage == SPAWN_DIR && d->task->worktree && !strcmp(p->dir, d->task->worktree->path))
		git_no_dir(d, errno);
	if (stage == SPAWN_DIR)
		supervisor_exit_errno(d, OUT_NO_DIR, p->dir);
	leave_unstarted(d, p);
	return -1;
}

/* Not even SIGKILL has ended it: it is another user's, or stuck in the kernel. */
static void
leave_unended(struct supervisor *d, pid_t pid)
{
	name_left(d);
	if (!*d->out.text)
		snprintf(d->out.text, sizeof d->out.text, "pid %ld", (long)pid);
	supervisor_exit(d, OUT_UNENDED);
}

struct program
program_of(const struct supervisor *d, int in, int out)
{
	struct program p = { 0 };

	p.argv = d->task->argv;
	p.envp = d->task->envp;
	p.root = d->task->root;
	p.dir = d->task->dir;
	p.in = in;
	p.out = out;
	p.err = d->errors;
	return p;
}

int
supervisor_was_refused(const struct supervisor *d)
{
	return d->written == (long long)d->nsaid && d->nsaid < sizeof d->said && verdict_is_refused(d->said, d->nsaid, 1);
}

int
supervisor_run_program(struct supervisor *d, const struct program *p)
{
	struct child r = { 0 };
	int status = 0;

	d->nsaid = 0;
	d->written = -1;
	r.pid = start_program(d, p);
	/* Asked before the first wait: its SIGCHLD may have come while it was started. */
	while (!has_ended(d, r.pid, &status)) {
		long long next = do_due(d, &r);

		if (r.killed && clock_ms() - r.killed_at >= KILL_MS)
			leave_unended(d, r.pid);
		supervisor_pause(d, next, r.pid);
	}
	reading_close(d);
	stderr_drain(d);
	if (d->adopts ? end_adopted(d) : d->tty < 0 && end_group(d, r.pid))
		supervisor_exit(d, OUT_LEFTOVERS);
	d->out.status = status;
	if (!r.told && supervisor_stopping() > d->patient)
		r.told = TOLD_STOP;
	if (d->output_error && (!r.told || r.told == TOLD_FULL)) {
		errno = d->output_error;
		supervisor_exit_errno(d, errno == ENOSPC ? OUT_FULL : OUT_IO, "its result cannot be written");
	}
	if (r.told == TOLD_IDLE)
		d->out.of.idle = (int32_t)d->task->idle;
	if (r.told)
		supervisor_exit(d, r.told == TOLD_STOP ? OUT_STOPPED : r.told == TOLD_IDLE ? OUT_IDLE : OUT_TIMEOUT);
	return status;
}

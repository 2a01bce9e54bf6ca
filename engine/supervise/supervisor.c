/* A supervisor: one try of one step, from its files to its outcome, in a straight line.
 *
 * It listens to orch alone: SUPERVISOR_STOP is the word to stop its agent (a second one: at once), SUPERVISOR_SUSPEND
 * and SIGCONT to halt and continue it. When the pipe `life` ends, orch is gone in whatever way, and
 * all that stands below the supervisor is killed. */
#include "engine/supervise/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__) && !defined(ORCH_NO_LINUX)
#include <sys/prctl.h>
#endif

#include "store/clock.h"
#include "engine/task/digest.h"
#include "engine/supervise/jobserver.h"
#include "engine/supervise/proctree.h"
#include "engine/supervise/supervision.h"
#include "engine/supervise/spawn.h"
#include "engine/supervise/title.h"
#include "parse/mem.h"
#include "parse/text.h"
#include "store/file.h"

enum {
	GRACE_MS = 10 * 1000,   /* between the word to stop and SIGKILL */
	SIGINT_MS = 5 * 1000,   /* of these, for an agent that takes SIGINT first */
	LEFT_MS = 1000,         /* for what an agent has left behind, between TERM and KILL */
	PATIENCE_MS = 700,      /* for git to come to its end when orch is gone */
	AGAIN_MS = 30 * 1000,   /* for a process to be had */
	EXEC_MS = 10 * 1000,    /* for a directory to be entered and a program to be executed */
	EXEC_LOOK_MS = 1000,
	KILL_MS = 10 * 1000     /* until what SIGKILL does not end is given up */
};

/* What has happened to this supervisor; set by its signal handlers only. */
static volatile sig_atomic_t stops, halts, paused;
static long long paused_since, suspended;       /* by clock_ms; milliseconds; handlers run in pselect alone */
static pid_t orch;

static void
on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (sig == SIGCHLD || info->si_pid != orch)
		return;
	if (sig == SUPERVISOR_STOP) {
		stops++;
	} else {
		if (paused)
			suspended += clock_ms() - paused_since;
		paused = sig == SUPERVISOR_SUSPEND;
		paused_since = clock_ms();
	}
	halts += sig == SUPERVISOR_SUSPEND;
}

static void
close_answer(struct supervisor *d)
{
	if (d->answer >= 0)
		close(d->answer);
	d->answer = -1;
}

/* What was begun in tmp/ and is no answer would take room until the run is gone on with. */
static void
drop_begun(struct supervisor *d)
{
	char name[KEY_NAME_MAX + 1];
	const char *what;

	for (what = "aefghw"; *what; what++) {
		supervisor_tmp_name(name, *what, getpid());
		unlinkat(d->m->store->tmp, name, 0);
	}
}

static void
report(const struct supervisor *d)
{
	while (write(d->m->report, &d->out, sizeof d->out) < 0 && errno == EINTR)
		;
}

/* A text that fills its place was cut there, or might have been. */
static void
mark_cut(struct supervisor *d)
{
	size_t full = sizeof d->out.text - 1;

	if (strlen(d->out.text) == full)
		strcpy(d->out.text + utf8_cut(d->out.text, full, full - 3), "...");
}

/* The end: reports and exits. An empty standard error is no file. */
void
supervisor_exit(struct supervisor *d, enum outcome_kind kind)
{
	struct stat st;

	if (kind != OUT_OK)
		drop_begun(d);
	if (d->task->kind != TASK_IF && d->errors >= 0 && fstat(d->errors, &st) == 0 && !st.st_size)
		unlinkat(d->m->store->errors, d->task->file, 0);
	terminal_restore(d, kind != OUT_OK);
	close_answer(d);                /* with its lock: the next try may begin as soon as this is reported */
	mark_cut(d);
	d->out.kind = kind;
	d->out.ms = clock_ms() - d->started - suspended - (paused ? clock_ms() - paused_since : 0);
	report(d);
	/* From here on the token is orch's to give back, unless there is no orch any more. */
	if (d->m->jobserver->is_open && supervisor_wait(d, 0))
		jobserver_abandon(d->m->jobserver, d->task->pays);
	_exit(0);
}

void
supervisor_exit_errno(struct supervisor *d, enum outcome_kind kind, const char *what)
{
	d->out.error = errno;
	snprintf(d->out.text, sizeof d->out.text, "%s", what);
	supervisor_exit(d, kind);
}

void
supervisor_exit_message(struct supervisor *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->out.text, sizeof d->out.text, fmt, ap);
	va_end(ap);
	supervisor_exit(d, OUT_TEXT);
}

void
supervisor_check_stop(struct supervisor *d)
{
	if (stops)
		supervisor_exit(d, OUT_STOPPED);
}

int
supervisor_stopping(void)
{
	return stops > 0;
}

int
supervisor_suspends(void)
{
	return halts;
}

int
supervisor_suspended(void)
{
	return paused;
}

/* Setting up. */

static void
set_signals(void)
{
	static const int ours[] = { SIGCHLD, SUPERVISOR_STOP, SUPERVISOR_SUSPEND, SIGCONT };
	struct sigaction sa;
	sigset_t all;
	size_t i;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = on_signal;
	sa.sa_flags = SA_SIGINFO;
	sigfillset(&sa.sa_mask);
	for (i = 0; i < sizeof ours / sizeof *ours; i++)
		sigaction(ours[i], &sa, NULL);
}

unsigned
supervisor_wait_for(struct supervisor *d, int fd, long long ms)
{
	struct timespec t;
	sigset_t open;
	fd_set in;
	unsigned is = 0;
	int last = fd > d->m->life ? fd : d->m->life;

	sigfillset(&open);
	sigdelset(&open, SIGCHLD);
	sigdelset(&open, SUPERVISOR_STOP);
	sigdelset(&open, SUPERVISOR_SUSPEND);
	sigdelset(&open, SIGCONT);
	FD_ZERO(&in);
	FD_SET(d->m->life, &in);
	if (fd >= 0)
		FD_SET(fd, &in);
	t.tv_sec = ms / 1000;
	t.tv_nsec = ms % 1000 * 1000000;
	if (pselect(last + 1, &in, NULL, NULL, ms < 0 ? NULL : &t, &open) > 0) {
		is |= FD_ISSET(d->m->life, &in) ? SUPERVISOR_GONE : 0;
		is |= fd >= 0 && FD_ISSET(fd, &in) ? SUPERVISOR_READY : 0;
	}
	return is;
}

int
supervisor_wait(struct supervisor *d, long long ms)
{
	return (supervisor_wait_for(d, -1, ms) & SUPERVISOR_GONE) != 0;
}

static struct supervisor *self;     /* that this process is */

/* A supervisor that runs out of memory says so, as of any other lack. */
static void
no_memory(void)
{
	errno = ENOMEM;
	supervisor_exit_errno(self, OUT_IO, "memory");
}

static void
set_up(struct supervisor *d)
{
	self = d;
	mem_onfail(no_memory);
	if (d->task->kind != TASK_STDIN && d->task->kind != TASK_ASK)   /* these may have to read the terminal */
		setpgid(0, 0);
	set_signals();
	orch = d->m->orch;
	d->started = clock_ms();
	dup2(d->m->null, 0);
	dup2(d->m->null, 1);
	dup2(d->m->null, 2);
#if defined(__linux__) && !defined(ORCH_NO_LINUX)
	prctl(PR_SET_NAME, d->task->key, 0, 0, 0);
	/* One that somebody has stopped goes on when orch dies, and sees it. */
	prctl(PR_SET_PDEATHSIG, SIGCONT, 0, 0, 0);
#endif
	title_set("orch-step", d->task->key);
	d->adopts = proctree_become_subreaper();
	if (store_lock_supervisor(d->m->store))
		supervisor_exit_errno(d, OUT_IO, "lock");
	if (supervisor_wait(d, 0))
		supervisor_orphaned(d, 0);
	supervisor_check_stop(d);
	if (d->task->envp)
		d->task->envp = jobserver_environ(d->m->jobserver, d->task->envp, &d->task->mem);
	if (d->task->timeout)
		d->deadline = d->started + d->task->timeout;
}

/* Ending processes. */

/* Orch is gone: so is, now, all that stands below. */
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
	jobserver_abandon(d->m->jobserver, d->task->pays);
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
		if (supervisor_wait(d, until - clock_ms()))
			supervisor_orphaned(d, 0);
	until = clock_ms() + KILL_MS;
	while (!nothing_left() && clock_ms() < until) {
		proctree_kill(NULL, NULL);
		if (!nothing_left() && supervisor_wait(d, 2))
			supervisor_orphaned(d, 0);
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
		if (supervisor_wait(d, 10))
			supervisor_orphaned(d, group);
	}
	return 0;
}

/* Running one program to its end: the agent, the filter, a check. */

enum told { TOLD_NOTHING, TOLD_TIMEOUT, TOLD_STOP };

struct running {
	pid_t pid;
	enum told told;         /* why it was told to end */
	int sigint;             /* SIGINT is what it was told first */
	int killed;
	long long told_at, killed_at;
	long long stop_seen;    /* when orch's word to stop was first seen; 0: it was not */
};

/* An agent that has the terminal is in the supervisor's own group; others lead their own. */
static void
signal_agent(const struct supervisor *d, const struct running *r, int sig)
{
	kill(d->tty >= 0 ? r->pid : -r->pid, sig);
}

static void
tell(struct supervisor *d, struct running *r, enum told why)
{
	r->told = why;
	r->told_at = clock_ms();
	r->sigint = d->task->dialect == AGENT_CODEX;
	signal_agent(d, r, r->sigint ? SIGINT : SIGTERM);
	signal_agent(d, r, SIGCONT);
}

static void
kill_it(struct supervisor *d, struct running *r)
{
	r->killed = 1;
	r->killed_at = clock_ms();
	if (!d->adopts || proctree_kill(NULL, NULL) < 0)
		signal_agent(d, r, SIGKILL);
}

/* Halts and continues the agent as orch says; the deadline moves by the time between. */
static void
follow_pause(struct supervisor *d, struct running *r)
{
	if (d->tty >= 0) {
		if (!stops)
			terminal_follow(d, r->pid);
	} else if (paused && !d->halted && !r->told) {
		d->halted = clock_ms();
		proctree_signal(r->pid, SIGSTOP);
	} else if (d->halted && (!paused || stops)) {
		if (d->deadline)
			d->deadline += clock_ms() - d->halted;
		d->halted = 0;
		proctree_signal(r->pid, SIGCONT);
	}
}

/* What is due now; returns in how many milliseconds something else will be, -1: nothing. */
static long long
do_due(struct supervisor *d, struct running *r)
{
	long long now = clock_ms(), next = -1;

	follow_pause(d, r);
	if (stops && !r->stop_seen)
		r->stop_seen = now;
	if (!r->told && (stops > d->patient || (stops && now - r->stop_seen >= GRACE_MS)))
		tell(d, r, TOLD_STOP);
	else if (!r->told && d->deadline && !d->halted && now >= d->deadline)
		tell(d, r, TOLD_TIMEOUT);
	if (r->told) {
		if (r->sigint && now - r->told_at >= SIGINT_MS) {
			r->sigint = 0;
			signal_agent(d, r, SIGTERM);
		}
		if (!r->killed && (now - r->told_at >= GRACE_MS || stops > 1))
			kill_it(d, r);
		next = r->killed ? 100 : r->sigint ? r->told_at + SIGINT_MS - now : r->told_at + GRACE_MS - now;
		return next < 0 ? 0 : next;
	}
	if (d->deadline && !d->halted)
		next = d->deadline > now ? d->deadline - now : 0;
	if (r->stop_seen && (next < 0 || next > GRACE_MS))
		next = GRACE_MS;
	return next;
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
		if (supervisor_wait(d, 10))
			supervisor_orphaned(d, s->pid);
	}
}

/* Waits until S is P, or has failed to become it; EXEC_MS at most while it does nothing, or until P's time is over. */
static void
await_program(struct supervisor *d, const struct program *p, const struct spawning *s)
{
	long long until = clock_ms() + EXEC_MS, next;
	char dir[TEXT_SHORT], program[TEXT_SHORT];
	unsigned is;

	if (d->deadline && d->deadline < until)
		until = d->deadline;
	for (;;) {
		next = until - clock_ms();
		is = supervisor_wait_for(d, s->report, next < 0 ? 0 : next < EXEC_LOOK_MS ? next : EXEC_LOOK_MS);
		if (is & SUPERVISOR_GONE)
			supervisor_orphaned(d, s->pid);
		if (is & SUPERVISOR_READY)
			return;
		if (stops > d->patient) {
			end_unstarted(d, s);
			supervisor_exit(d, OUT_STOPPED);
		}
		if (clock_ms() < until)
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

/* Starts P. A process that cannot be had for a filter or a check is waited for here: were orch to try
 * the step again, it would ask the agent again. */
static pid_t
start_program(struct supervisor *d, const struct program *p)
{
	enum spawn_stage stage = SPAWN_FORK;
	long long until = clock_ms() + AGAIN_MS, pause = 10;
	struct spawning s;
	int bad;

	while ((bad = spawn_begin(&s, p)) && (errno == EAGAIN || errno == ENOMEM)) {
		if (!d->asked)
			supervisor_exit_errno(d, OUT_FORK_FAILED, "fork");
		if (d->deadline && clock_ms() >= d->deadline)
			supervisor_exit(d, OUT_TIMEOUT);
		if (clock_ms() > until)
			break;
		if (supervisor_wait(d, pause))
			supervisor_orphaned(d, 0);
		supervisor_check_stop(d);
		pause = pause < 1000 ? pause * 2 : pause;
	}
	if (!bad) {
		await_program(d, p, &s);
		bad = spawn_finish(&s, &stage);
	}
	if (!bad)
		return s.pid;
	if (stage == SPAWN_FORK)
		supervisor_exit_errno(d, OUT_IO, "no process to be had");
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

/* Starts P and stays with it until it and all that it started are gone. Returns its wait status; it
 * does not return when P was stopped or could not be started, or something that it left lives on. */
int
supervisor_run_program(struct supervisor *d, const struct program *p)
{
	struct running r = { 0 };
	int status = 0;

	r.pid = start_program(d, p);
	/* Asked before the first wait: its SIGCHLD may have come while it was started. */
	while (!has_ended(d, r.pid, &status)) {
		long long next = do_due(d, &r);

		if (r.killed && clock_ms() - r.killed_at >= KILL_MS)
			leave_unended(d, r.pid);
		if (supervisor_wait(d, next))
			supervisor_orphaned(d, r.pid);
	}
	if (d->adopts ? end_adopted(d) : d->tty < 0 && end_group(d, r.pid))
		supervisor_exit(d, OUT_LEFTOVERS);
	d->out.status = status;
	if (!r.told && stops > d->patient)
		r.told = TOLD_STOP;
	if (r.told)
		supervisor_exit(d, r.told == TOLD_STOP ? OUT_STOPPED : OUT_TIMEOUT);
	return status;
}

/* Files. */

/* By hand: printf would be the only thing for which a supervisor touches many pages of libc. */
void
supervisor_tmp_name(char name[KEY_NAME_MAX + 1], char what, pid_t pid)
{
	char number[24], *s = number + sizeof number;

	*--s = '\0';
	do
		*--s = (char)('0' + pid % 10);
	while (pid /= 10);
	name[0] = '%';
	name[1] = what;
	name[2] = '.';
	strcpy(name + 3, s);
}

void
supervisor_result_name(const struct task *t, pid_t pid, char name[KEY_NAME_MAX + 1])
{
	if (t->kind == TASK_STEP)
		strcpy(name, t->file);
	else
		supervisor_tmp_name(name, 'w', pid);
}

/* Whether some process can still write into FD's file: it has inherited the lock that a supervisor took
 * for its agent's standard output. */
static int
is_held(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static void
leave_held(struct supervisor *d)
{
	struct stat st;

	if (fstatat(d->m->store->tmp, d->tmp, &st, AT_SYMLINK_NOFOLLOW) ||
	    !proctree_openers(st.st_dev, st.st_ino, d->out.text, sizeof d->out.text))
		snprintf(d->out.text, sizeof d->out.text, "its file is locked by a process that cannot be found");
	supervisor_exit(d, OUT_STILL_OPEN);
}

/* The file for the answer: new, with the lock that the agent inherits. */
static int
open_answer(struct supervisor *d)
{
	int tmp = d->m->store->tmp, fd = file_open(tmp, d->tmp);

	if (fd >= 0) {
		if (is_held(fd))
			leave_held(d);
		close(fd);
	}
	fd = file_make(tmp, d->tmp, 0);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	return fd;
}

void
supervisor_write(struct supervisor *d, int fd, const void *p, size_t n, const char *what)
{
	if (file_write(fd, p, n))
		supervisor_exit_errno(d, OUT_IO, what);
}

enum { LOOK_PIECES = 16 };      /* of 64 KB, after which it is looked whether orch says to stop */

/* Copies the file IN to OUT, and says whether its last byte is no newline. */
static uint64_t
copy(struct supervisor *d, int in, int out, int *open_line)
{
	char buf[64 * 1024];
	uint64_t h = DIGEST_START;
	unsigned pieces = 0;
	long n;

	*open_line = 0;
	while ((n = file_read_some(in, buf, sizeof buf)) > 0) {
		if (++pieces % LOOK_PIECES == 0) {      /* a large one takes its time */
			if (supervisor_wait(d, 0))
				supervisor_orphaned(d, 0);
			supervisor_check_stop(d);
		}
		h = digest_add(h, buf, (size_t)n);
		supervisor_write(d, out, buf, (size_t)n, "asked/");
		*open_line = buf[n - 1] != '\n';
	}
	if (n < 0)
		supervisor_exit_errno(d, OUT_IO, "result/");
	return h;
}

static void
copy_input(struct supervisor *d, int out, const char *key, int *open_line)
{
	const struct task *t = d->task;
	int in = store_open_answer(d->m->store, key);
	char head[TEXT_SHORT + 20], quoted[TEXT_SHORT];

	if (in < 0) {
		snprintf(head, sizeof head, "the answer `%s`", text_short(quoted, key));
		supervisor_exit_errno(d, OUT_IO, head);
	}
	if (*open_line)
		supervisor_write(d, out, "\n", 1, "asked/");
	if (t->nprompt) {
		supervisor_write(d, out, "\n==> ", 5, "asked/");
		supervisor_write(d, out, key, strlen(key), "asked/");
		supervisor_write(d, out, " <==\n", 5, "asked/");
	}
	d->out.digest = digest_add(d->out.digest, key, strlen(key) + 1);
	d->out.digest = digest_join(d->out.digest, copy(d, in, out, open_line));
	close(in);
}

/* What an earlier try was asked; nothing at all is no file. */
static void
forget_asked(struct supervisor *d)
{
	if (d->task->kind != TASK_IF && unlinkat(d->m->store->asked, d->task->file, 0) && errno != ENOENT)
		supervisor_exit_errno(d, OUT_IO, "asked/");
}

int
supervisor_make_stdin(struct supervisor *d)
{
	const struct task *t = d->task;
	const struct store *s = d->m->store;
	char name[KEY_NAME_MAX + 1];
	const char *key = t->inputs;
	int fd, in, open_line;
	size_t i;
	struct stat st;

	if (!t->nprompt && !t->ninputs) {
		forget_asked(d);
		return d->m->null;
	}
	supervisor_tmp_name(name, 'a', getpid());
	fd = file_make(s->tmp, name, 0);
	if (fd < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	supervisor_write(d, fd, t->prompt, t->nprompt, "asked/");
	open_line = t->nprompt && t->prompt[t->nprompt - 1] != '\n';
	for (i = 0; i < t->ninputs; i++, key += strlen(key) + 1)
		copy_input(d, fd, key, &open_line);
	if (fstat(fd, &st))
		supervisor_exit_errno(d, OUT_IO, "asked/");
	in = file_open(s->tmp, name);
	if (file_close(fd) || in < 0)
		supervisor_exit_errno(d, OUT_IO, "asked/");
	fcntl(in, F_SETFL, fcntl(in, F_GETFL) & ~O_NONBLOCK);
	if (t->kind != TASK_IF && st.st_size) {
		if (renameat(s->tmp, name, s->asked, t->file))
			supervisor_exit_errno(d, OUT_IO, "asked/");
	} else {
		unlinkat(s->tmp, name, 0);
		forget_asked(d);
	}
	return in;
}

void
supervisor_write_how(struct supervisor *d, const char *text, size_t n, int sync)
{
	const struct task *t = d->task;
	const struct store *s = d->m->store;
	char name[KEY_NAME_MAX + 1];
	int fd;

	supervisor_tmp_name(name, 'h', getpid());
	fd = file_make(s->tmp, name, 0);
	if (fd < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	supervisor_write(d, fd, text, n, "how/");
	if ((sync && file_sync(fd)) || file_close(fd) || renameat(s->tmp, name, s->how, t->file) || (sync && file_sync(s->how)))
		supervisor_exit_errno(d, OUT_IO, "how/");
}

/* Standard error's file: a new one for each try. */
void
supervisor_open_stderr(struct supervisor *d)
{
	const struct store *s = d->m->store;
	char name[KEY_NAME_MAX + 1];

	if (d->task->kind != TASK_IF) {
		d->errors = file_make(s->errors, d->task->file, O_APPEND);
	} else {
		supervisor_tmp_name(name, 'e', getpid());
		d->errors = file_make(s->tmp, name, O_APPEND);
	}
	if (d->errors < 0)
		supervisor_exit_errno(d, OUT_IO, "stderr/");
}

/* After the agent. */

static int
open_tmp(struct supervisor *d)
{
	int fd = file_open(d->m->store->tmp, d->tmp);

	if (fd < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

static int
run_command(struct supervisor *d, const char *command, int in, int out)
{
	const char *argv[5] = { "sh", "-eu", "-c", NULL, NULL };
	struct program p = { 0 };

	argv[3] = command;
	p.argv = (char *const *)(const void *)argv;
	p.envp = d->task->envp;
	p.root = d->task->root;
	p.dir = d->task->dir;
	p.in = in;
	p.out = out;
	p.err = d->errors;
	return supervisor_run_program(d, &p);
}

/* An agent that ignores write errors leaves half an answer on a full disk, and says nothing. */
static int
disk_is_full(int fd)
{
	struct statvfs v;

	return fstatvfs(fd, &v) == 0 && v.f_blocks && !(geteuid() ? v.f_bavail : v.f_bfree);
}

static void
filter_answer(struct supervisor *d)
{
	const struct store *s = d->m->store;
	char name[KEY_NAME_MAX + 1];
	int in, out, status, full;

	if (!d->task->filter)
		return;
	supervisor_tmp_name(name, 'f', getpid());
	out = file_make(s->tmp, name, 0);
	if (out < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	in = open_tmp(d);
	status = run_command(d, d->task->filter, in, out);
	full = disk_is_full(out);       /* before the rename gives back what the agent wrote */
	close(in);
	if (file_close(out))
		supervisor_exit_errno(d, OUT_IO, "the filter's answer");
	if (status || full)
		supervisor_exit(d, status ? OUT_FILTER : OUT_FULL);
	if (renameat(s->tmp, name, s->tmp, d->tmp))
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	close_answer(d);
}

static void
check_answer(struct supervisor *d)
{
	size_t i;
	int in;

	for (i = 0; i < d->task->nchecks; i++) {
		in = open_tmp(d);
		d->out.number = (int32_t)i + 1;
		if (run_command(d, d->task->checks[i], in, d->errors))
			supervisor_exit(d, OUT_CHECK);
		close(in);
	}
}

/* Makes the answer safe; after it orch only renames. */
void
result_sync(struct supervisor *d)
{
	int fd = d->answer >= 0 ? d->answer : open_tmp(d);

	if (disk_is_full(fd))
		supervisor_exit(d, OUT_FULL);
	if (file_sync(fd))
		supervisor_exit_errno(d, OUT_IO, "its answer cannot be made safe on disk");
	close(fd);
	d->answer = -1;
}

void
result_sync_written(struct supervisor *d, int fd)
{
	if (file_close(fd))
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	result_sync(d);
}

/* The N bytes at S are why. They are of a text that was not read whole: its first and last character may not be. */
static void
quote(struct supervisor *d, const char *s, size_t n)
{
	size_t from = n ? utf8_rest(s, n) : 0;

	if (!n)
		return;
	n = utf8_cut(s + from, n - from, VERDICT_HEAD);
	memcpy(d->out.text, s + from, n - utf8_begun(s + from, n));
}

/* Leaves if the agent has not answered. */
static void
judge(struct supervisor *d)
{
	char out[VERDICT_HEAD], err[VERDICT_TAIL];
	struct verdict v;
	struct stat st;
	long nout, nerr;

	if (!d->out.status && d->task->dialect != AGENT_CLAUDE)
		return;
	if (fstat(d->errors, &st))
		supervisor_exit_errno(d, OUT_IO, "stderr/");
	nout = file_read_at(d->answer, out, sizeof out, 0);
	nerr = file_read_at(d->errors, err, sizeof err, st.st_size > VERDICT_TAIL ? (long long)st.st_size - VERDICT_TAIL : 0);
	if (nout < 0 || nerr < 0)
		supervisor_exit_errno(d, OUT_IO, nout < 0 ? "tmp/" : "stderr/");
	verdict_read(&v, d->task->dialect, d->out.status, out, (size_t)nout, err, (size_t)nerr, clock_epoch() / 1000);
	if (v.kind == OUT_OK)
		return;
	d->out.number = (int32_t)v.wait;
	quote(d, v.why, v.nwhy);
	supervisor_exit(d, v.kind);
}

static void
supervise_step(struct supervisor *d)
{
	struct program p = { 0 };

	strcpy(d->tmp, d->task->file);
	supervisor_open_stderr(d);
	git_look(d);
	d->out.digest = task_digest(d->task);
	p.in = supervisor_make_stdin(d);
	supervisor_write_how(d, d->task->how, d->task->nhow, 0);
	p.out = d->answer = open_answer(d);
	p.err = d->errors;
	p.argv = d->task->argv;
	p.envp = d->task->envp;
	p.root = d->task->root;
	p.dir = d->task->dir;
	d->out.status = supervisor_run_program(d, &p);
	d->asked = 1;
	close_answer(d);
	d->answer = open_tmp(d);
	if (is_held(d->answer))
		leave_held(d);
	judge(d);
	if (disk_is_full(d->answer))
		supervisor_exit(d, OUT_FULL);
	filter_answer(d);
	check_answer(d);
	result_sync(d);
}

/* The last bytes of what an `if` said, so that its failure can be told. */
static void
tail_errors(struct supervisor *d)
{
	enum { MOST = sizeof d->out.text - 8 };
	struct stat st;
	char *text = d->out.text;
	size_t from = 0;
	long n;

	if (fstat(d->errors, &st))
		return;
	n = file_read_at(d->errors, text, MOST, st.st_size > MOST ? (long long)st.st_size - MOST : 0);
	if (n > 0 && st.st_size > MOST)
		from = utf8_rest(text, (size_t)n);
	memmove(text, text + from, n > 0 ? (size_t)n - from : 0);
	text[n > 0 ? (size_t)n - from : 0] = '\0';
}

static void
supervise_if(struct supervisor *d)
{
	char name[KEY_NAME_MAX + 1];
	struct program p = { 0 };

	supervisor_open_stderr(d);
	supervisor_tmp_name(name, 'e', getpid());
	unlinkat(d->m->store->tmp, name, 0);
	git_look(d);
	p.in = supervisor_make_stdin(d);
	p.out = d->m->null;
	p.err = d->errors;
	p.argv = d->task->argv;
	p.envp = d->task->envp;
	p.root = d->task->root;
	p.dir = d->task->dir;
	d->out.status = supervisor_run_program(d, &p);
	if (d->out.status) {
		tail_errors(d);
		supervisor_exit(d, OUT_ENDED);
	}
}

/* Keeps bytes that no agent wrote. */
int
result_open(struct supervisor *d)
{
	int fd;

	supervisor_result_name(d->task, getpid(), d->tmp);
	fd = file_make(d->m->store->tmp, d->tmp, 0);
	if (fd < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	return fd;
}

static void
supervise_word(struct supervisor *d)
{
	int fd = result_open(d);

	supervisor_write(d, fd, d->task->word, d->task->nword, "tmp/");
	result_sync_written(d, fd);
}

/* Copies orch's standard input, which may be a terminal or a pipe that stays open. */
static void
supervise_stdin(struct supervisor *d, int in)
{
	char buf[64 * 1024];
	fd_set set;
	sigset_t open;
	long n = 1;
	int fd = result_open(d), last = in > d->m->life ? in : d->m->life;

	sigfillset(&open);
	sigdelset(&open, SUPERVISOR_STOP);
	if (isatty(in))
		terminal_wait(d, in);
	while (n) {
		FD_ZERO(&set);
		FD_SET(in, &set);
		FD_SET(d->m->life, &set);
		if (pselect(last + 1, &set, NULL, NULL, NULL, &open) < 0)
			FD_ZERO(&set);
		if (stops)
			supervisor_exit(d, OUT_STOPPED);
		if (FD_ISSET(d->m->life, &set))
			supervisor_orphaned(d, 0);
		if (!FD_ISSET(in, &set))
			continue;
		n = file_read_some(in, buf, sizeof buf);
		if (n < 0 && (errno == EAGAIN || (errno == EIO && !terminal_wait(d, in))))
			continue;       /* another has read it; it was in the background */
		if (n < 0)
			supervisor_exit_errno(d, OUT_IO, "standard input");
		supervisor_write(d, fd, buf, (size_t)n, "tmp/");
	}
	result_sync_written(d, fd);
}

void
supervisor_run(const struct supervision *m, struct task *t, uint32_t slot)
{
	struct supervisor d = { 0 };
	int in = -1;

	d.m = m;
	d.task = t;
	d.errors = -1;
	d.tty = d.answer = -1;
	d.out.slot = slot;
	d.out.timeout = t->timeout;
	if (t->kind == TASK_STDIN) {
		in = dup(0);
		fcntl(in, F_SETFD, FD_CLOEXEC);
	}
	stops = halts = paused = 0;
	suspended = 0;
	if (t->tells) {
		d.out.kind = OUT_BEGUN;
		report(&d);
	}
	set_up(&d);
	switch (t->kind) {
	case TASK_STEP:
		if (t->interactive)
			supervisor_interactive(&d);
		else
			supervise_step(&d);
		break;
	case TASK_IF:
		supervise_if(&d);
		break;
	case TASK_STDIN:
		supervise_stdin(&d, in);
		break;
	case TASK_WORD:
		supervise_word(&d);
		break;
	case TASK_WORKTREE:
		supervisor_worktree(&d);
		break;
	case TASK_COMMIT:
		supervisor_commit(&d);
		break;
	case TASK_ASK:
		supervisor_ask(&d);
		break;
	}
	supervisor_exit(&d, OUT_OK);
}

/* What a supervisor is told and tells: orch's words to it, waiting for them, its report, its exit.
 *
 * It listens to orch alone: SUPERVISOR_STOP is the word to stop its agent (a second one: at once), SUPERVISOR_SUSPEND
 * and SIGCONT to suspend and continue it. When the pipe `life` ends, orch is gone in whatever way. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "engine/supervise/jobserver.h"
#include "engine/supervise/supervision.h"
#include "parse/text.h"
#include "store/clock.h"

/* What has happened to this supervisor; set by its signal handlers only. */
static volatile sig_atomic_t stops, suspends, paused;
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
	suspends += sig == SUPERVISOR_SUSPEND;
}

void
result_close(struct supervisor *d)
{
	if (d->result >= 0)
		close(d->result);
	d->result = -1;
}

/* What was begun in tmp/ and is not a result would take room until the run is resumed. */
static void
drop_begun(struct supervisor *d)
{
	char name[KEY_NAME_MAX + 1];
	const char *what;

	for (what = "aefgkrw"; *what; what++) {
		supervisor_tmp_name(name, *what, getpid());
		unlinkat(d->m->store->tmp, name, 0);
	}
}

void
supervisor_report(const struct supervisor *d)
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

void
supervisor_exit(struct supervisor *d, enum outcome_kind kind)
{
	char name[KEY_NAME_MAX + 1];

	reading_close(d);
	if (kind != OUT_OK)
		drop_begun(d);
	if (d->task->refused_by && kind != OUT_RATE_LIMITED && kind != OUT_BUSY && kind != OUT_FORK_FAILED) {
		supervisor_refusal_name(name, d->task->refused_by);     /* no attempt revises that result again */
		unlinkat(d->m->store->tmp, name, 0);
	}
	stderr_close(d);
	if (kind == OUT_OK && d->stderr_error && !*d->out.text)
		snprintf(d->out.text, sizeof d->out.text, "its standard error could not be kept: %s", strerror(d->stderr_error));
	terminal_restore(d, kind != OUT_OK);
	result_close(d);                /* with its lock: the next attempt may begin as soon as this is reported */
	mark_cut(d);
	d->out.kind = kind;
	d->out.ms = clock_ms() - d->started - suspended - (paused ? clock_ms() - paused_since : 0);
	supervisor_report(d);
	/* From here on the token is orch's to give back, unless there is no orch any more. */
	if (d->m->jobserver->is_open && (supervisor_wait_for(d, -1, 0) & SUPERVISOR_GONE))
		jobserver_abandon(d->m->jobserver, d->task->uses_token);
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

long long
supervisor_clock(void)
{
	return clock_ms() - suspended - (paused ? clock_ms() - paused_since : 0);
}

int
supervisor_stopping(void)
{
	return stops;
}

int
supervisor_suspends(void)
{
	return suspends;
}

int
supervisor_suspended(void)
{
	return paused;
}

/* Listening. */

void
supervisor_listen(const struct supervisor *d)
{
	static const int ours[] = { SIGCHLD, SUPERVISOR_STOP, SUPERVISOR_SUSPEND, SIGCONT };
	struct sigaction sa;
	sigset_t all;
	size_t i;

	stops = suspends = paused = 0;
	suspended = 0;
	orch = d->m->orch;
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
	int last = fd > d->m->life ? fd : d->m->life, output = d->is_starting ? -1 : reading_fd(d);

	if (d->errors_in > last)
		last = d->errors_in;
	if (output > last)
		last = output;

	sigfillset(&open);
	sigdelset(&open, SIGCHLD);
	sigdelset(&open, SUPERVISOR_STOP);
	sigdelset(&open, SUPERVISOR_SUSPEND);
	sigdelset(&open, SIGCONT);
	FD_ZERO(&in);
	FD_SET(d->m->life, &in);
	if (fd >= 0)
		FD_SET(fd, &in);
	if (d->errors_in >= 0)
		FD_SET(d->errors_in, &in);
	if (output >= 0)
		FD_SET(output, &in);
	t.tv_sec = ms / 1000;
	t.tv_nsec = ms % 1000 * 1000000;
	if (pselect(last + 1, &in, NULL, NULL, ms < 0 ? NULL : &t, &open) > 0) {
		is |= FD_ISSET(d->m->life, &in) ? SUPERVISOR_GONE : 0;
		is |= fd >= 0 && FD_ISSET(fd, &in) ? SUPERVISOR_READY : 0;
		if (d->errors_in >= 0 && FD_ISSET(d->errors_in, &in))
			stderr_take(d);
		if (output >= 0 && FD_ISSET(output, &in))
			reading_take(d);
	}
	return is;
}

void
supervisor_pause(struct supervisor *d, long long ms, pid_t pid)
{
	if (supervisor_wait_for(d, -1, ms) & SUPERVISOR_GONE)
		supervisor_orphaned(d, pid);
}

void
supervisor_await_input(struct supervisor *d, int fd)
{
	unsigned is;

	do {
		is = supervisor_wait_for(d, fd, -1);
		supervisor_check_stop(d);
		if (is & SUPERVISOR_GONE)
			supervisor_orphaned(d, 0);
	} while (!(is & SUPERVISOR_READY));
}

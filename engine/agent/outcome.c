/* How an attempt went, in words. */
#include "engine/agent/outcome.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static const struct {
	int number;
	const char *name;
} signals[] = {
	{ SIGABRT, "SIGABRT" }, { SIGALRM, "SIGALRM" }, { SIGBUS, "SIGBUS" }, { SIGFPE, "SIGFPE" },
	{ SIGHUP, "SIGHUP" }, { SIGILL, "SIGILL" }, { SIGINT, "SIGINT" }, { SIGKILL, "SIGKILL" },
	{ SIGPIPE, "SIGPIPE" }, { SIGQUIT, "SIGQUIT" }, { SIGSEGV, "SIGSEGV" }, { SIGTERM, "SIGTERM" },
	{ SIGUSR1, "SIGUSR1" }, { SIGUSR2, "SIGUSR2" }, { SIGXCPU, "SIGXCPU" }, { SIGXFSZ, "SIGXFSZ" },
};

void
signal_text(int number, struct buf *b)
{
	size_t i;

	for (i = 0; i < sizeof signals / sizeof *signals; i++)
		if (signals[i].number == number) {
			buf_text(b, signals[i].name);
			return;
		}
	buf_fmt(b, "signal %d", number);
}

static void
status_text(int status, struct buf *b)
{
	if (WIFEXITED(status)) {
		buf_fmt(b, "exit status %d", WEXITSTATUS(status));
		return;
	}
	buf_text(b, "killed by ");
	signal_text(WIFSIGNALED(status) ? WTERMSIG(status) : 0, b);
	buf_text(b, ", which orch did not send");
}

int
outcome_has_status(const struct outcome *o)
{
	return o->kind == OUT_ENDED || o->kind == OUT_RATE_LIMITED || o->kind == OUT_BUSY || o->kind == OUT_PERMANENT ||
	    o->kind == OUT_TIMEOUT || o->kind == OUT_IDLE || o->kind == OUT_STOPPED;
}

void
duration_text(long long ms, struct buf *b)
{
	long long s = ms / 1000;

	if (ms < 1000)
		buf_fmt(b, "%lldms", ms < 0 ? 0 : ms);
	else if (ms < 10000 && ms % 1000)
		buf_fmt(b, "%lld.%llds", s, ms % 1000 / 100);
	else if (s < 60)
		buf_fmt(b, "%llds", s);
	else if (s < 3600)
		buf_fmt(b, s % 60 ? "%lldm%02llds" : "%lldm", s / 60, s % 60);
	else
		buf_fmt(b, s / 60 % 60 ? "%lldh%02lldm" : "%lldh", s / 3600, s / 60 % 60);
}

/* Its agent has ended and gave no result. */
static void
ended_text(const struct outcome *o, struct buf *b)
{
	if (o->kind == OUT_RATE_LIMITED)
		buf_text(b, "rate-limited: ");
	if (o->kind == OUT_RATE_LIMITED && *o->text) {
		buf_text(b, o->text);
		return;
	}
	if (o->kind != OUT_EMPTY && !o->status)
		buf_text(b, "exit status 0, but it reported an error");
	else if (o->kind != OUT_EMPTY)
		status_text(o->status, b);
	else if (*o->text)
		buf_fmt(b, "interrupted: exit status 0, but '%s' is not a result", o->text);
	else
		buf_text(b, "interrupted: exit status 0, but no result was written");
	if (o->kind == OUT_BUSY)
		buf_fmt(b, ": %s", o->text);
	else if (o->kind == OUT_ENDED && o->error == EAGAIN)
		buf_text(b, ": the system refused it a process");
	else if (o->kind == OUT_ENDED && o->error == ENOSPC)
		buf_text(b, ", and the disk is full");
	else if (o->kind == OUT_PERMANENT)
		buf_text(b, " (permanent error, not retried)");
}

static void
unstarted_text(const struct outcome *o, struct buf *b)
{
	if (o->kind == OUT_FORK_FAILED && o->status) {
		status_text(o->status, b);
		buf_text(b, ": the system refused it a process, for 30s with no other step running");
		return;
	}
	buf_text(b, "cannot be started: ");
	if (o->kind == OUT_FORK_FAILED)
		buf_fmt(b, "no process available: %s", strerror(o->error));
	else if (o->kind == OUT_NO_INTERPRETER)
		buf_fmt(b, "%s: the interpreter in its first line was not found (or that line ends in a CR)", o->text);
	else if (o->error == E2BIG)
		buf_fmt(b, "%s: an argument or the environment is too long (one argument holds "
		    "131071 bytes on Linux); pass the prompt on standard input, without {}", o->text);
	else
		buf_fmt(b, "%s: %s", o->text, strerror(o->error));
}

/* Its agent has ended, or was to end, and what it gave is not kept. */
static void
unkept_text(const struct outcome *o, struct buf *b)
{
	switch (o->kind) {
	case OUT_FILTER:
	case OUT_CHECK:
		buf_fmt(b, "%s failed: %s: ", o->kind == OUT_FILTER ? "filter" : "check", o->text);
		status_text(o->status, b);
		break;
	case OUT_IO:
		buf_fmt(b, "%s: %s", o->text, strerror(o->error));
		break;
	case OUT_FULL:
		buf_text(b, "the disk was full when it ended: its result may be incomplete");
		break;
	case OUT_STILL_OPEN:
		buf_fmt(b, "its result is still open for writing: %s", o->text);
		break;
	case OUT_LEFTOVERS:
		buf_fmt(b, "it left processes that cannot be killed: %s", o->text);
		break;
	case OUT_UNENDED:
		buf_fmt(b, "cannot be killed, and may still run: %s", o->text);
		break;
	default:
		break;
	}
}

void
outcome_text(const struct outcome *o, long long timeout, struct buf *b)
{
	switch ((enum outcome_kind)o->kind) {
	case OUT_OK:
		buf_text(b, "done");
		break;
	case OUT_ENDED:
	case OUT_RATE_LIMITED:
	case OUT_BUSY:
	case OUT_PERMANENT:
	case OUT_EMPTY:
		ended_text(o, b);
		break;
	case OUT_TIMEOUT:
		buf_text(b, "timed out after ");
		duration_text(timeout, b);
		break;
	case OUT_IDLE:
		buf_text(b, "idle for ");
		duration_text(o->of.idle, b);
		break;
	case OUT_STOPPED:
		buf_text(b, "stopped");
		break;
	case OUT_NO_DIR:
		buf_fmt(b, "cannot enter its directory: %s: %s", o->text, strerror(o->error));
		break;
	case OUT_NO_EXEC:
	case OUT_NO_INTERPRETER:
	case OUT_FORK_FAILED:
		unstarted_text(o, b);
		break;
	case OUT_FILTER:
	case OUT_CHECK:
	case OUT_IO:
	case OUT_FULL:
	case OUT_STILL_OPEN:
	case OUT_LEFTOVERS:
	case OUT_UNENDED:
		unkept_text(o, b);
		break;
	case OUT_TEXT:
	case OUT_NOT_WORKTREE:
		buf_text(b, o->text);
		break;
	case OUT_LOST:
		buf_text(b, "its supervisor process was killed");
		if (*o->text)
			buf_fmt(b, ", and this may still run: %s", o->text);
		break;
	case OUT_NO_SESSION:
		buf_fmt(b, "%s has no session (it was deleted)", o->text);
		break;
	case OUT_UNTAKEN:
	case OUT_BEGUN:
	case OUT_SESSION:
	case OUT_USED:
	case OUT_WAITS:
	case OUT_FILE:
	case OUT_READING:
		break;
	}
}

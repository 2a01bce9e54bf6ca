/* The steps that need the person: questions, and agents that are given the terminal.
 *
 * A question is asked by the supervisor itself, in orch's own process group. An interactive agent runs in
 * the supervisor's group, which is the terminal's foreground group meanwhile. When it is stopped (^Z), the
 * terminal goes back, and the whole job is stopped as a shell expects of one; continued in the
 * foreground, all of it goes on. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "store/clock.h"
#include "engine/supervise/supervision.h"
#include "parse/diag.h"
#include "parse/text.h"
#include "store/file.h"

enum {
	BACKGROUND_MS = 100, UNSTOPPED_MS = 1000, LINE_MOST = 4096,
	VAIN_MOST = 5, VAIN_MS = 1000           /* suspended and let go on more often in that time: nothing has stopped it */
};

/* The terminal as it was before the agent had it. */
static struct termios before;
static int has_before;

static int
open_terminal(const struct supervisor *d)
{
	return d->m->nobody ? -1 : open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

/* Why nobody is asked. */
static const char *
why_unasked(const struct supervisor *d)
{
	return d->m->nobody ? "not asked (-N)" : "no terminal";
}

static void
answer_by_hand(struct supervisor *d)
{
	struct buf path = { 0 }, word = { 0 }, choices = { 0 };
	size_t i;

	/* An answer that is written from now on is later than the question by its file's time, which goes in steps. */
	supervisor_pause(d, CLOCK_STEP_MS, 0);
	buf_fmt(&path, "%s/result/%s", d->m->store->path, d->task->file);
	for (i = 0; i < d->task->nchoices; i++)
		buf_fmt(&choices, "%s%s", i ? " / " : " (", d->task->choices[i]);
	buf_text(&choices, i ? ")" : "");
	buf_fmt(&word, "%s; to answer%s: echo ANSWER >", why_unasked(d), buf_str(&choices));
	shell_add(&word, buf_str(&path));
	if (word.n < sizeof d->out.text)        /* else it would be cut, and another file's name */
		supervisor_exit_message(d, "%s", buf_str(&word));
	supervisor_exit_message(d, "%s; to answer, write the run's file result/%s", why_unasked(d), d->task->file);
}

/* Waits until the job that orch is in has the terminal, as one that is in the background must; or until
 * orch says to stop. -1: there is no terminal any more, or the job is one that SIGTTIN does not stop, since nobody is
 * there who could continue it (POSIX: an orphaned process group). */
static int
wait_foreground(struct supervisor *d, int tty, pid_t job)
{
	long long since = clock_ms();
	int suspends = supervisor_suspends();
	pid_t has;

	while ((has = tcgetpgrp(tty)) != job && !supervisor_stopping()) {
		if (has < 0 || supervisor_suspends() - suspends > VAIN_MOST)
			return -1;
		if (clock_ms() - since >= VAIN_MS) {
			suspends = supervisor_suspends();
			since = clock_ms();
		}
		if (!supervisor_suspended())     /* else it is stopped already, and may be continued just now */
			kill(-job, SIGTTIN);
		supervisor_pause(d, BACKGROUND_MS, 0);
	}
	return 0;
}

int
terminal_wait(struct supervisor *d, int tty)
{
	int saved = errno, bad = wait_foreground(d, tty, getpgrp());

	errno = saved;
	return bad;
}

/* Questions. */

static void
put_question(struct supervisor *d, int tty, int is_first)
{
	const struct task *t = d->task;
	struct buf b = { 0 };
	size_t i;

	visible_add(&b, t->prompt, t->nprompt, VISIBLE_LINES | VISIBLE_TABS);
	if (t->nprompt && t->prompt[t->nprompt - 1] != '\n')
		buf_char(&b, '\n');
	for (i = 0; i < t->nchoices; i++) {
		buf_text(&b, i ? " / " : "(");
		visible_add(&b, t->choices[i], strlen(t->choices[i]), 0);
	}
	if (t->nchoices)
		buf_text(&b, ") ");
	if (t->fallback) {
		buf_char(&b, '[');
		visible_add(&b, t->fallback, strlen(t->fallback), 0);
		buf_text(&b, "] ");
	}
	buf_text(&b, is_first ? "> \a" : "> ");         /* the bell */
	supervisor_write(d, tty, b.s, b.n, "the terminal");
	buf_free(&b);
}

/* One line from the terminal, without its newline. -1 at its end (^D). */
static long
read_line(struct supervisor *d, int tty, char *line)
{
	ssize_t n;

	for (;;) {
		supervisor_await_input(d, tty);
		n = read(tty, line, LINE_MOST);
		if (n >= 0)
			break;
		/* EIO: in the background, stopped until it is continued. */
		if ((errno != EIO || terminal_wait(d, tty)) && errno != EINTR)
			supervisor_exit_errno(d, OUT_IO, "the terminal");
	}
	if (n && line[n - 1] == '\n')
		return n - 1;
	return n ? n : -1;
}

/* The choice that the N bytes at LINE mean: one whole, or the only one that begins so. */
static const char *
choose(const struct task *t, const char *line, size_t n)
{
	const char *found = NULL;
	size_t i;

	for (i = 0; i < t->nchoices; i++)
		if (strlen(t->choices[i]) == n && !memcmp(t->choices[i], line, n))
			return t->choices[i];
	for (i = 0; n && i < t->nchoices; i++)
		if (!strncmp(t->choices[i], line, n)) {
			if (found)
				return NULL;
			found = t->choices[i];
		}
	return found;
}

void
supervisor_ask(struct supervisor *d)
{
	static const char again[] = "Type one of the choices, or its beginning.\n";
	const struct task *t = d->task;
	int tty = open_terminal(d), is_first = 1;
	char line[LINE_MOST];
	const char *choice;
	long n;

	/* What was asked is written first, as of a step: an answer may also come by hand. */
	d->out.digest = task_digest(t);
	supervisor_make_stdin(d);
	if (tty < 0 || wait_foreground(d, tty, getpgrp())) {
		if (!t->fallback)
			answer_by_hand(d);
		snprintf(d->out.text, sizeof d->out.text, "%s: its default, %s", why_unasked(d), t->fallback);
		result_put(d, t->fallback, strlen(t->fallback), 1);
		return;
	}
	supervisor_check_stop(d);
	for (;; is_first = 0) {
		put_question(d, tty, is_first);
		n = read_line(d, tty, line);
		if (n < 0)
			supervisor_exit_message(d, "the question was not answered (end of input)");
		if (!n && t->fallback) {
			result_put(d, t->fallback, strlen(t->fallback), 1);
			return;
		}
		if (!t->nchoices) {
			result_put(d, line, (size_t)n, 1);
			return;
		}
		choice = choose(t, line, (size_t)n);
		if (choice) {
			result_put(d, choice, strlen(choice), 1);
			return;
		}
		supervisor_write(d, tty, again, sizeof again - 1, "the terminal");
	}
}

/* Interactive agents. */

void
terminal_restore(struct supervisor *d, int status)
{
	/* Off the alternate screen, each screen with its own stack of keyboard modes (the kitty protocol); keys as
	 * usual (modifyOtherKeys); the cursor shown, in its own shape; reports of the mouse, focus, pasting and colours, and held back
	 * updates, off. */
	static const char plain[] = "\033[<u\033[?1049l\033[<u\033[>4;0m\033[?25h\033[0 q"
	    "\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?1004l\033[?2004l\033[?2031l\033[?2026l";

	if (d->tty < 0)
		return;
	if (d->has_terminal) {
		tcsetpgrp(d->tty, d->m->job);
		if (has_before)
			tcsetattr(d->tty, TCSADRAIN, &before);
		if (status)
			file_write(d->tty, plain, sizeof plain - 1);
	}
	close(d->tty);
	d->tty = -1;
}

void
terminal_follow(struct supervisor *d, pid_t pid)
{
	pid_t job = d->m->job, group = getpgid(pid);
	struct termios agents;
	siginfo_t info;
	int has_agents, suspends = supervisor_suspends();
	long long since;

	memset(&info, 0, sizeof info);
	if (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG) < 0 || info.si_pid != pid)
		return;
	has_agents = tcgetattr(d->tty, &agents) == 0;
	d->has_terminal = 0;
	tcsetpgrp(d->tty, job);
	if (has_before)
		tcsetattr(d->tty, TCSADRAIN, &before);
	supervisor_pause(d, 0, pid);   /* orch's group may be nobody's by now, or somebody else's */
	kill(-job, SIGTSTP);
	/* Orch suspends its supervisors, stops, and goes on with them. A quick `fg` may have come before it was stopped
	 * at all (SIGCONT discards a SIGTSTP that is pending): then the job just has the terminal again. */
	since = clock_ms();
	while (!supervisor_stopping() && (supervisor_suspended() || (supervisor_suspends() == suspends &&
	    (clock_ms() - since < UNSTOPPED_MS || tcgetpgrp(d->tty) != job))))
		supervisor_pause(d, BACKGROUND_MS, pid);
	wait_foreground(d, d->tty, job);
	if (supervisor_stopping())
		return;
	d->has_terminal = 1;
	if (has_agents)
		tcsetattr(d->tty, TCSADRAIN, &agents);
	/* A shell has moved itself to a group of its own; who has the terminal is then that one. */
	tcsetpgrp(d->tty, group > 0 ? group : getpgrp());
	kill(-getpgrp(), SIGCONT);
	if (group > 0 && group != getpgrp())
		kill(-group, SIGCONT);
}

void
supervisor_interactive(struct supervisor *d)
{
	struct program p;
	int tty = open_terminal(d);

	if (tty < 0)
		supervisor_exit_message(d, "%s: an interactive step needs the terminal", why_unasked(d));
	if (wait_foreground(d, tty, d->m->job))
		supervisor_exit_message(d, "an interactive step needs the terminal, and this job cannot be brought to its foreground");
	supervisor_check_stop(d);
	if (d->task->worktree) {
		stderr_open(d);
		git_look(d);
		stderr_close(d);
	}
	d->out.digest = task_digest(d->task);
	unlinkat(d->m->store->asked, d->task->file, 0);         /* of an attempt that was not interactive */
	unlinkat(d->m->store->errors, d->task->file, 0);
	has_before = tcgetattr(tty, &before) == 0;
	tcsetpgrp(tty, getpgrp());
	d->tty = tty;
	d->has_terminal = 1;
	p = program_of(d, tty, tty);
	p.err = tty;
	p.terminal = 1;
	d->out.status = supervisor_run_program(d, &p);
	terminal_restore(d, d->out.status);
	if (d->out.status)
		supervisor_exit(d, OUT_ENDED);
	close(result_open(d));
	result_sync(d);
}

/* A program on a pseudo-terminal. */
#include "tests/pty.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include "tests/help.h"
#include "tests/procs.h"

struct pty pty;

const char *
pty_shown(void)
{
	static char text[sizeof pty.seen * 2];
	size_t i, at = 0;

	for (i = pty.n > 1900 ? pty.n - 1900 : 0; i < pty.n; i++)
		if ((unsigned char)pty.seen[i] < 32 && pty.seen[i] != '\n')
			at += (size_t)sprintf(text + at, "\\x%02x", (unsigned char)pty.seen[i]);
		else
			text[at++] = pty.seen[i];
	text[at] = '\0';
	return text;
}

/* The child's part: SLAVE becomes its terminal, in a session of its own. */
static void
become(const char *slave, char *const argv[])
{
	int fd;

	setsid();
#if defined(__linux__)
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
#endif
	close(pty.master);
	fd = open(slave, O_RDWR);
	if (fd < 0)
		_exit(126);
#ifdef TIOCSCTTY
	ioctl(fd, TIOCSCTTY, 0);
#endif
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (fd > 2)
		close(fd);
	execvp(argv[0], argv);
	_exit(127);
}

void
pty_start(char *const argv[])
{
	char slave[64];

	pty.n = pty.from = 0;
	pty.master = posix_openpt(O_RDWR | O_NOCTTY);
	ck_assert_int_ge(pty.master, 0);
	ck_assert_int_eq(grantpt(pty.master) | unlockpt(pty.master), 0);
	snprintf(slave, sizeof slave, "%s", ptsname(pty.master));
	pty.pid = fork();
	ck_assert_int_ge(pty.pid, 0);
	if (!pty.pid)
		become(slave, argv);
	fcntl(pty.master, F_SETFL, O_NONBLOCK);
	fcntl(pty.master, F_SETFD, FD_CLOEXEC);
}

void
pty_command(const char *command)
{
	char sh[] = "/bin/sh", c[] = "-c", copy[2048];
	char *argv[] = { sh, c, copy, NULL };

	snprintf(copy, sizeof copy, "%s", command);
	pty_start(argv);
}

size_t
pty_look(int ms)
{
	struct pollfd p = { 0, POLLIN, 0 };
	ssize_t n = 0;

	p.fd = pty.master;
	if (poll(&p, 1, ms) > 0)
		n = read(pty.master, pty.seen + pty.n, sizeof pty.seen - 1 - pty.n);
	if (n < 0 && errno == EIO)
		help_pause(ms);
	if (n > 0)
		pty.n += (size_t)n;
	pty.seen[pty.n] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* Whether the program on the terminal is there no more; it is still to be waited for. */
static int
has_ended(void)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	return waitid(P_PID, (id_t)pty.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pty.pid;
}

void
pty_expect(const char *text)
{
	long long until = help_ms() + SOON;
	int over = 0;
	char *at;

	pty.seen[pty.n] = '\0';
	while (!(at = strstr(pty.seen + pty.from, text))) {
		ck_assert_msg(!over && help_ms() < until, "`%s` was not shown, but:\n%s", text, pty_shown());
		over = has_ended();
		while (pty_look(over ? 0 : 5))
			;
	}
	pty.from = (size_t)(at - pty.seen) + strlen(text);
}

void
pty_type(const char *text)
{
	size_t n = strlen(text);

	ck_assert_int_eq(write(pty.master, text, n), (long)n);
}

/* Waits until the program has ended; returns its exit status, or 128 and the signal's number. */
static int
end_of_program(void)
{
	long long until = help_ms() + SOON;
	int status = 0;
	pid_t got;

	while (!(got = waitpid(pty.pid, &status, WNOHANG))) {
		if (help_ms() > until) {
			kill(pty.pid, SIGKILL);
			ck_abort_msg("it has not ended; it shows:\n%s", pty_shown());
		}
		pty_look(5);
	}
	ck_assert_int_eq(got, pty.pid);
	pty.pid = 0;
	while (pty_look(0))
		;
	close(pty.master);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void
pty_ends(int status)
{
	int got = end_of_program();

	ck_assert_msg(got == status, "it ended with %d, not %d, and shows:\n%s", got, status, pty_shown());
}

void
pty_await_file(const char *name)
{
	long long until = help_ms() + SOON;

	while (!help_exists(name)) {
		ck_assert_msg(help_ms() < until, "there is no %s; the terminal shows:\n%s", name, pty_shown());
		pty_look(5);
	}
}

int
pty_state(pid_t pid)
{
	char path[64];
	const char *s;

	if (kill(pid, 0) && errno == ESRCH)
		return 0;
	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	s = strrchr(help_read(path, NULL), ')');
	return s && s[1] ? s[2] : '?';
}

void
pty_await_state(pid_t pid, int stopped)
{
	long long until = help_ms() + SOON;
	int state;

	while ((state = pty_state(pid)) != '?' && (!state || (state == 'T') != stopped)) {
		ck_assert_msg(help_ms() < until, "%ld is `%c`, not %s; the terminal shows:\n%s", (long)pid, state ? state : '-',
		    stopped ? "stopped" : "going", pty_shown());
		pty_look(5);
	}
}

void
pty_await_gone(pid_t pid)
{
	long long until = help_ms() + SOON;

	while (kill(pid, 0) == 0 && pty_state(pid) != 'Z') {
		ck_assert_msg(help_ms() < until, "%ld is alive; the terminal shows:\n%s", (long)pid, pty_shown());
		pty_look(5);
	}
}

int
pty_shell(const char *shell)
{
	char name[16], a[16] = "-i", b[16] = "", c[16] = "";
	char *argv[] = { name, a, b, c, NULL };

	snprintf(name, sizeof name, "%s", shell);
	if (help_run("command -v %s", name).status)
		return 0;
	if (!strcmp(name, "bash")) {
		strcpy(a, "--norc");
		strcpy(b, "--noprofile");
		strcpy(c, "-i");
	} else if (!strcmp(name, "zsh")) {
		strcpy(a, "-f");
		strcpy(b, "-i");
	}
	argv[*c ? 4 : *b ? 3 : 2] = NULL;
	setenv("PS1", "$ ", 1);
	pty_start(argv);
	pty_type("echo i''s-up\n");
	pty_expect("is-up");
	return 1;
}

void
pty_shell_back(const char *word)
{
	char line[64];
	long long until = help_ms() + SOON;

	while (tcgetpgrp(pty.master) != pty.pid) {
		ck_assert_msg(help_ms() < until, "the shell has not got the terminal; it shows:\n%s", pty_shown());
		pty_look(5);
	}
	snprintf(line, sizeof line, "echo %c''%s $?\n", *word, word + 1);
	pty_type(line);
	pty_expect(word);
}

void
pty_shell_away(void)
{
	long long until = help_ms() + SOON;

	while (tcgetpgrp(pty.master) == pty.pid) {
		ck_assert_msg(help_ms() < until, "the shell keeps the terminal; it shows:\n%s", pty_shown());
		pty_look(5);
	}
}

void
pty_shell_status(const char *word, int status)
{
	char text[32];

	pty_shell_back(word);
	snprintf(text, sizeof text, " %d\r\n", status);
	pty_expect(text);
}

void
pty_shell_leave(void)
{
	pty_type("exit 0\n");
	pty_ends(0);
}


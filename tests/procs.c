/* Processes that tests start, wait for, and look for. */
#include "tests/procs.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include "tests/fault.h"
#include "tests/help.h"
#include "tests/pty.h"

int
procs_portable(void)
{
	const char *s = getenv("ORCH_TEST_PORTABLE");

	return s && !strcmp(s, "1");
}

void
procs_begin(void)
{
	char pids[PATH_MAX];

	help_start();
	ck_assert_ptr_nonnull(getcwd(pids, sizeof pids - 6));
	strcat(pids, "/pids");
	setenv("AGENT_PIDS", pids, 1);
#if defined(__linux__)
	/* a portable orch waits until init has reaped what an agent has left: a test cannot do that in time */
	if (!procs_portable())
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
#endif
}

void
procs_one_agent(const char *commands)
{
	char step[8192];

	snprintf(step, sizeof step, "step x exec agent %s", commands);
	help_file("w.orch", step, "run x", NULL);
}

pid_t
procs_start(const char *fmt, ...)
{
	char command[4096];
	va_list ap;
	pid_t pid;

	va_start(ap, fmt);
	ck_assert_int_lt(vsnprintf(command, sizeof command, fmt, ap), (int)sizeof command);
	va_end(ap);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid) {
		setpgid(pid, pid);
		return pid;
	}
	setpgid(0, 0);
#if defined(__linux__)
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
#endif
	help_redirect("out", "err");
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

int
procs_end(pid_t pid, long ms)
{
	long long until = help_ms() + ms;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (help_ms() > until) {
			kill(pid, SIGKILL);
			ck_abort_msg("orch has not ended after %ld ms; it said: %s", ms, help_read("err", NULL));
		}
		help_pause(2);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
procs_lines(const char *file)
{
	return help_count(help_read(file, NULL), "\n");
}

void
procs_await_lines(const char *file, int n, long ms)
{
	long long until = help_ms() + ms;

	while (procs_lines(file) < n) {
		if (help_ms() > until)
			ck_abort_msg("%s has %d lines, not %d; orch said: %s", file, procs_lines(file), n, help_read("err", NULL));
		help_pause(3);
	}
}

void
procs_await_within(const char *file, const char *text, long ms)
{
	long long until = help_ms() + ms;

	while (!strstr(help_read(file, NULL), text)) {
		ck_assert_msg(help_ms() < until, "no `%s` in %s:\n%s", text, file, help_read(file, NULL));
		help_pause(10);
	}
}

void
procs_await_text(const char *file, const char *text)
{
	procs_await_within(file, text, SOON);
}

void
procs_await_file(const char *file)
{
	long long until = help_ms() + SOON;

	while (!help_exists(file)) {
		if (help_ms() > until)
			ck_abort_msg("there is no %s; orch said: %s", file, help_read("err", NULL));
		help_pause(3);
	}
}

int
procs_alive(pid_t pid)
{
	return kill(pid, 0) == 0 || errno != ESRCH;
}

pid_t
procs_pid_in(const char *file, int n)
{
	const char *s = help_read(file, NULL);
	long pid;

	for (; n > 0 && s; n--)
		s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL;
	ck_assert_msg(s && *s, "%s has too few lines", file);
	pid = strtol(s, NULL, 10);
	ck_assert_msg(pid > 1, "no number in %s: %s", file, s);
	return (pid_t)pid;
}

int
procs_list(char *text, size_t size)
{
	const char *s = help_read("pids", NULL);
	size_t at = 0;
	int n = 0;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	*text = '\0';
	for (; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
		if (procs_alive((pid_t)strtol(s, NULL, 10)) && n++ < 20)
			at += (size_t)snprintf(text + at, size - at, " %.*s", (int)strcspn(s, "\n"), s);
#if defined(__linux__)
	if (!n && (waitpid(-1, NULL, WNOHANG) == 0 || errno != ECHILD)) {
		snprintf(text, size, " a process that is in no list");
		n++;
	}
#endif
	return n;
}

#if defined(__linux__)
/* Kills this test's children, as the kernel lists them; whether there were any. */
static int
kill_children(void)
{
	char path[64];
	long pid;
	int n = 0;
	FILE *f;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
	f = fopen(path, "r");
	for (; f && fscanf(f, "%ld", &pid) == 1; n++)
		kill((pid_t)pid, SIGKILL);
	if (f)
		fclose(f);
	return n;
}
#endif

struct fault_page *
procs_fault_page(void)
{
	struct fault_page *page;
	int fd = open("page", O_RDWR | O_CREAT, 0600);

	ck_assert_int_eq(ftruncate(fd, sizeof *page), 0);
	page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(page != MAP_FAILED);
	close(fd);
	return page;
}

void
procs_kill(void)
{
	const char *s = help_read("pids", NULL);
#if defined(__linux__)
	long long until = help_ms() + SOON;

	/* A number from a file may be somebody else's by now; what a killed child leaves is this test's. */
	if (!procs_portable()) {
		while (kill_children() && help_ms() < until)
			help_pause(5);
		return;
	}
#endif
	for (; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
		kill((pid_t)strtol(s, NULL, 10), SIGKILL);
}

void
procs_none_left(long ms)
{
	char text[512];
	/* What a portable orch leaves dead is init's, which reaps it in its own time. */
	long long until = help_ms() + ms + (procs_portable() ? SOON : 0);

	while (procs_list(text, sizeof text)) {
		if (help_ms() > until) {
			procs_kill();
			ck_abort_msg("alive:%s", text);
		}
		help_pause(5);
	}
}

void
procs_seed(const char *test)
{
	const char *s = getenv("ORCH_TEST_SEED");
	unsigned n = s ? (unsigned)strtoul(s, NULL, 10) : (unsigned)time(NULL) ^ (unsigned)getpid() << 12;

	fprintf(stderr, "%s: random instants: ORCH_TEST_SEED=%u\n", test, n);
	srand(n);
}

int
procs_most(const char *file)
{
	const char *s = help_read(file, NULL);
	int now = 0, most = 0;

	for (; *s; s++) {
		now += *s == '+' ? 1 : *s == '-' ? -1 : 0;
		if (now > most)
			most = now;
	}
	return most;
}

/* Adds the numbers of PID's children to the N in LIST; returns how many there are then. */
int
procs_children(pid_t pid, pid_t *list, int n)
{
	static char text[1 << 16];
	char path[64], *p = text, *end;
	ssize_t got, sum = 0;
	long one;
	int fd;

	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)pid, (long)pid);
	fd = open(path, O_RDONLY);
	while (fd >= 0 && (got = read(fd, text + sum, sizeof text - 1 - (size_t)sum)) > 0)
		sum += got;
	close(fd);
	text[sum] = '\0';
	for (; n < PROCS_MOST && (one = strtol(p, &end, 10)) > 0; p = end)
		list[n++] = (pid_t)one;
	return n;
}

const char *
procs_name(pid_t pid)
{
	char path[64], *s;

	snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	s = help_read(path, NULL);
	s[strcspn(s, "\n")] = '\0';
	return s;
}

/* Whether PID is gone, or waits for its parent to see that it is. */
int
procs_is_dead(pid_t pid)
{
	int state = pty_state(pid);

	return !state || state == 'Z' || state == 'X';
}

/* Writes who of this test's children, other than SPARE, and of SPARE's own is alive; how many. */
int
procs_left(pid_t spare, char *text, size_t size)
{
	pid_t list[PROCS_MOST];
	int i, n, alive = 0;
	size_t at = 0;

	if (procs_portable())
		return procs_list(text, size);
	while (!spare && waitpid(-1, NULL, WNOHANG) > 0)
		;
	*text = '\0';
	n = procs_children(getpid(), list, 0);
	if (spare)
		n = procs_children(spare, list, n);
	for (i = 0; i < n; i++) {
		if (list[i] == spare || waitpid(list[i], NULL, WNOHANG) > 0 || procs_is_dead(list[i]))
			continue;
		alive++;
		if (at + 64 < size)
			at += (size_t)snprintf(text + at, size - at, " %ld (%s)", (long)list[i], procs_name(list[i]));
	}
	return alive;
}

/* Ends this test's children, as long as they come: for tests that have failed. */
void
procs_end_children(pid_t spare)
{
	pid_t list[PROCS_MOST];
	long long until = help_ms() + SOON;
	int i, n;

	while ((n = procs_children(getpid(), list, 0)) > (spare != 0) && help_ms() < until) {
		for (i = 0; i < n; i++)
			if (list[i] != spare && waitpid(list[i], NULL, WNOHANG) == 0)
				kill(list[i], SIGKILL);
		help_pause(1);
	}
}

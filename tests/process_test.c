/* Whole runs, looked at as processes: what an agent is given, how it ends, what it leaves behind, and
 * what is left when orch is stopped or killed.
 *
 * Nothing here sleeps and hopes: a test waits for a condition, until a deadline. Where it says that
 * nobody is left, it asks the kernel: on Linux the test is the subreaper of all that it has started, and
 * every agent, and every process that an agent starts, has put its number into the file pids.
 *
 * With ORCH_TEST_PORTABLE=1 in the environment, for a program built with FEATURES=-DORCH_NO_LINUX, what
 * only Linux can promise is left out. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include "tests/help.h"
#include "tests/suites.h"

enum {
	SOON = 15 * 1000,       /* ms: what happens at once, on a busy machine */
	AFTER = 2000,           /* ms: the second within which nobody is left, and what a busy machine adds */
	SEED = 46               /* of the random instants */
};

/* The means. */

static int
portable(void)
{
	const char *s = getenv("ORCH_TEST_PORTABLE");

	return s && !strcmp(s, "1");
}

static void
skip(const char *why)
{
	fprintf(stderr, "process_test: skipped: %s\n", why);
}

static long long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
pause_ms(long ms)
{
	struct timespec t;

	t.tv_sec = ms / 1000;
	t.tv_nsec = ms % 1000 * 1000000;
	nanosleep(&t, NULL);
}

static void
begin(void)
{
	char pids[PATH_MAX];

	help_start();
	ck_assert_ptr_nonnull(getcwd(pids, sizeof pids - 6));
	strcat(pids, "/pids");
	setenv("AGENT_PIDS", pids, 1);
#if defined(__linux__)
	/* a portable orch waits until init has reaped what an agent has left: a test cannot do that in time */
	if (!portable())
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
#endif
}

static void
end(void)
{
	help_end();
}

/* Starts a command that execs orch, so that the number returned is orch's, in a process group of its own;
 * its output goes to the files out and err. It does not outlive this test. */
static pid_t
start(const char *fmt, ...)
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
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(open("out", O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
	dup2(open("err", O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* Waits until PID has ended; returns its exit status, or 128 and the signal's number. */
static int
end_of(pid_t pid, long ms)
{
	long long until = now_ms() + ms;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ms() > until) {
			kill(pid, SIGKILL);
			ck_abort_msg("orch has not ended after %ld ms; it said: %s", ms, help_read("err", NULL));
		}
		pause_ms(2);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
lines(const char *file)
{
	return help_count(help_read(file, NULL), "\n");
}

/* Waits until FILE has N lines. */
static void
await_lines(const char *file, int n, long ms)
{
	long long until = now_ms() + ms;

	while (lines(file) < n) {
		if (now_ms() > until)
			ck_abort_msg("%s has %d lines, not %d; orch said: %s", file, lines(file), n, help_read("err", NULL));
		pause_ms(3);
	}
}

static void
await_file(const char *file)
{
	long long until = now_ms() + SOON;

	while (!help_exists(file)) {
		if (now_ms() > until)
			ck_abort_msg("there is no %s; orch said: %s", file, help_read("err", NULL));
		pause_ms(3);
	}
}

static int
is_alive(pid_t pid)
{
	return kill(pid, 0) == 0 || errno != ESRCH;
}

/* The number of the Nth process, from 0, that is in FILE. */
static pid_t
pid_in(const char *file, int n)
{
	const char *s = help_read(file, NULL);

	for (; n > 0 && s; n--)
		s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL;
	ck_assert_msg(s && *s, "%s has too few lines", file);
	return (pid_t)strtol(s, NULL, 10);
}

/* Writes which of the processes in pids, and of this test's children, are alive; how many. */
static int
list_left(char *text, size_t size)
{
	const char *s = help_read("pids", NULL);
	size_t at = 0;
	int n = 0;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	*text = '\0';
	for (; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
		if (is_alive((pid_t)strtol(s, NULL, 10)) && n++ < 20)
			at += (size_t)snprintf(text + at, size - at, " %.*s", (int)strcspn(s, "\n"), s);
#if defined(__linux__)
	if (!n && (waitpid(-1, NULL, WNOHANG) == 0 || errno != ECHILD)) {
		snprintf(text, size, " a process that is in no list");
		n++;
	}
#endif
	return n;
}

static void
end_left(void)
{
	const char *s = help_read("pids", NULL);

	for (; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
		kill((pid_t)strtol(s, NULL, 10), SIGKILL);
}

/* Nobody that was started here is alive, MS milliseconds from now at the latest. */
static void
expect_none_left(long ms)
{
	char text[512];
	long long until = now_ms() + ms;

	while (list_left(text, sizeof text)) {
		if (now_ms() > until) {
			end_left();
			ck_abort_msg("alive:%s", text);
		}
		pause_ms(5);
	}
}

static void
expect_file(const char *name, const char *text)
{
	ck_assert_msg(help_exists(name), "there is no %s", name);
	ck_assert_str_eq(help_read(name, NULL), text);
}

static void
expect_none(const char *name)
{
	ck_assert_msg(!help_exists(name), "%s is there: %s", name, help_read(name, NULL));
}

/* S, which orch has said, has NEEDLE in it. */
static void
expect_said(const char *s, const char *needle)
{
	ck_assert_msg(strstr(s, needle) != NULL, "\"%s\" is not in: %s", needle, s);
}

static void
expect_unsaid(const char *s, const char *needle)
{
	ck_assert_msg(strstr(s, needle) == NULL, "\"%s\" is in: %s", needle, s);
}

static struct ran
expect_run(int status, const char *command)
{
	struct ran r = help_run("%s", command);

	ck_assert_msg(r.status == status, "%s: status %d, not %d; it said: %s", command, r.status, status, r.err);
	return r;
}

/* A run w.orch of one agent, which is called x, with these commands. */
static void
one_agent(const char *commands)
{
	char step[8192];

	snprintf(step, sizeof step, "step x exec agent %s", commands);
	help_file("w.orch", step, "run x", NULL);
}

/* The most lines "+" that were in FILE before their "-". */
static int
most_at_once(const char *file)
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

/* 34 to 36: what an agent is given. */

START_TEST(input_is_a_file_from_its_first_byte)
{
	help_file("w.orch", "step x exec agent stat 0 cat", "run x", "| one", "| two", NULL);
	expect_run(0, "orch run -r r w.orch");
	expect_file(".orch/r/result/x", "file 0 of 8\none\ntwo\n");
	expect_file(".orch/r/asked/x", "one\ntwo\n");
}
END_TEST

START_TEST(input_without_a_prompt_ends_at_once)
{
	one_agent("stat 0 length tty");
	help_file("pipe.orch", "run sh as x | read a || echo \"<$a>\"", NULL);
	ck_assert_int_eq(mkfifo("f", 0600), 0);
	/* orch itself has a pipe that never ends */
	expect_run(0, "agent open 0 f exec orch run -r r w.orch");
	expect_file(".orch/r/result/x", "device 0 of 0\n0\nENXIO\n");
	expect_run(0, "agent open 0 f exec orch run -r s pipe.orch");
	expect_file(".orch/s/result/x", "<>\n");
}
END_TEST

static const char three[] = "0\n1\n2\n";

START_TEST(only_three_descriptors)
{
	help_file("w.orch", "step x exec agent fds", "run x", "run x as y < x", "run sh as z | agent fds", NULL);
	expect_run(0, "exec 7>seven 8</dev/null; agent open 100 a open 1000 b exec orch run -r r w.orch");
	expect_file(".orch/r/result/x", three);
	expect_file(".orch/r/result/y", three);
	expect_file(".orch/r/result/z", three);
}
END_TEST

START_TEST(only_three_descriptors_for_commands)
{
	help_file("w.orch", "step x exec agent say hello", "run x", "filter agent fds",
	    "check test \"$(agent fds | tr '\\n' ' ')\" = '0 1 2 '",
	    "if < x | test \"$(agent fds | tr '\\n' ' ')\" = '0 1 2 '", "run sh as yes | echo yes", "end", NULL);
	expect_run(0, "agent open 20 a open 30 b exec orch run -r r w.orch");
	expect_file(".orch/r/result/x", three);
	expect_file(".orch/r/result/yes", "yes\n");
}
END_TEST

START_TEST(three_descriptors_though_orch_had_none)
{
	help_file("w.orch", "step x exec agent fds stat 0 err oops", "run x", "run x as y", NULL);
	expect_run(0, "exec orch run -v -r r w.orch <&- >&- 2>&-");
	expect_file(".orch/r/result/x", "0\n1\n2\ndevice 0 of 0\n");
	expect_file(".orch/r/result/y", "0\n1\n2\ndevice 0 of 0\n");
	expect_file(".orch/r/stderr/x", "oops\n");
	expect_run(0, "orch run -r s w.orch >&-");
	expect_file(".orch/s/result/x", "0\n1\n2\ndevice 0 of 0\n");
	expect_run(0, "orch run -r t w.orch 2>&-");
	expect_file(".orch/t/result/x", "0\n1\n2\ndevice 0 of 0\n");
}
END_TEST

static const char at_defaults[] = "TERM default\nINT default\nHUP default\nQUIT default\nPIPE default\n"
    "CHLD default\nCONT default\nXFSZ default\nTSTP default\n";

/* A step, a filter and a program that sh has started, each showing its signals. */
static void
write_masks(void)
{
	help_file("w.orch", "step x exec agent mask", "run x", "run x as y", "filter agent mask",
	    "run sh as z | agent mask", NULL);
}

static void
expect_masks(const char *text)
{
	expect_file(".orch/r/result/x", text);
	expect_file(".orch/r/result/y", text);
	expect_file(".orch/r/result/z", text);
}

START_TEST(signals_at_their_defaults)
{
	write_masks();
	expect_run(0, "orch run -r r w.orch");
	expect_masks(at_defaults);
}
END_TEST

START_TEST(signals_at_their_defaults_whatever_orch_got)
{
	write_masks();
	expect_run(0, "agent ignore TERM ignore PIPE ignore CHLD ignore CONT ignore XFSZ ignore TSTP block ALL "
	    "exec orch run -r r w.orch");
	expect_masks(at_defaults);
}
END_TEST

START_TEST(hangup_interrupt_quit_as_inherited)
{
	write_masks();
	expect_run(0, "agent ignore HUP ignore INT ignore QUIT exec orch run -r r w.orch");
	expect_masks("TERM default\nINT ignored\nHUP ignored\nQUIT ignored\nPIPE default\nCHLD default\n"
	    "CONT default\nXFSZ default\nTSTP default\n");
}
END_TEST

/* 47 */
START_TEST(nohup_holds)
{
	int i;
	static const char *const signals[] = { "HUP", "INT", "TERM" };
	char command[200], result[64];

	one_agent("signal-parent HUP signal-parent INT signal-parent TERM touch sent sleep 300 say on");
	help_file("three.orch", "step x exec agent signal-parent HUP sleep 200 say on", "run x", NULL);
	expect_run(0, "agent ignore HUP ignore INT ignore TERM exec orch run -r all w.orch");
	expect_file(".orch/all/result/x", "on\n");
	for (i = 0; i < 3; i++) {
		snprintf(command, sizeof command, "step x exec agent signal-parent %s sleep 200 say on", signals[i]);
		help_file("one.orch", command, "run x", NULL);
		snprintf(command, sizeof command, "agent ignore %s exec orch run -r %s one.orch", signals[i], signals[i]);
		expect_run(0, command);
		snprintf(result, sizeof result, ".orch/%s/result/x", signals[i]);
		expect_file(result, "on\n");
	}
	expect_run(0, "nohup orch run -r r three.orch");
	expect_file(".orch/r/result/x", "on\n");
}
END_TEST

START_TEST(a_session_of_its_own)
{
	long pid, pgid, sid;

	one_agent("ids");
	expect_run(0, "orch run -r r w.orch");
	ck_assert_int_eq(sscanf(help_read(".orch/r/result/x", NULL), "pid %ld pgid %ld sid %ld", &pid, &pgid, &sid), 3);
	ck_assert_int_eq(pid, pgid);
	ck_assert_int_eq(pid, sid);
}
END_TEST

/* Starts orch as a login shell would, the leader of a session with a terminal; returns its number. */
static pid_t
start_on_terminal(int *master)
{
	const char *name;
	pid_t pid;

	*master = posix_openpt(O_RDWR | O_NOCTTY);
	if (*master < 0 || grantpt(*master) || unlockpt(*master) || !(name = ptsname(*master)))
		return 0;
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid)
		return pid;
	setsid();
	dup2(open(name, O_RDWR), 0);
	dup2(0, 1);
	dup2(0, 2);
	close(*master);
	execl("/bin/sh", "sh", "-c", "agent tty >seen; exec orch run -r r w.orch", (char *)NULL);
	_exit(127);
}

static void
drain(int fd)
{
	char buf[4096];

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (read(fd, buf, sizeof buf) > 0)
		;
}

START_TEST(no_terminal)
{
	int master, status = -1;
	long long until = now_ms() + SOON;
	pid_t pid;

	one_agent("tty stat 0");
	pid = start_on_terminal(&master);
	if (!pid) {
		skip("no_terminal: no pseudo-terminal to be had");
		return;
	}
	while (waitpid(pid, &status, WNOHANG) == 0 && now_ms() < until) {
		drain(master);
		pause_ms(5);
	}
	expect_file("seen", "open\n");
	expect_file(".orch/r/result/x", "ENXIO\ndevice 0 of 0\n");
	ck_assert_int_eq(status, 0);
	close(master);
}
END_TEST

START_TEST(environment)
{
	char dir[1024], text[4096];

	ck_assert_ptr_nonnull(getcwd(dir, sizeof dir));
	ck_assert_int_eq(mkdir("sub", 0700), 0);
	help_file("w.orch", "step x exec agent env ORCH_RUN env ORCH_KEY env ORCH_RESULTS env ORCH_ROOT pwd env KEPT",
	    "cd sub", "run x as the-key", "| text", NULL);
	expect_run(0, "KEPT=yes ORCH_KEY=old ORCH_RUN=old ORCH_ROOT=old ORCH_RESULTS=old orch run -d runs -r r w.orch");
	snprintf(text, sizeof text, "r\nthe-key\n%s/runs/r/result\n%s\n%s/sub\nyes\n", dir, dir, dir);
	expect_file("runs/r/result/the-key", text);
}
END_TEST

START_TEST(variables_in_the_environment)
{
	help_file("w.orch", "param long", "step x exec agent exec sh -c 'echo ${#long}'", "run x", NULL);
	help_file("v.orch", "param who world", "step x exec agent env who env i", "for i in one", "run x as x-{{i}}",
	    "end", NULL);
	expect_run(0, "orch run -r r v.orch who=you");
	expect_file(".orch/r/result/x-one", "you\none\n");
	expect_run(0, "orch run -r s w.orch long=$(printf %065536d 1)");
	expect_file(".orch/s/result/x", "65536\n");
	expect_run(0, "orch run -r t w.orch long=$(printf %065537d 1)");
	expect_file(".orch/t/result/x", "0\n");
}
END_TEST

/* 37, 38: what cannot be started. */

START_TEST(not_found_before_anything_starts)
{
	struct ran r;

	help_file("w.orch", "step a exec agent touch started", "step b exec no-such-agent", "run a", "run b", NULL);
	r = expect_run(2, "PATH=\"$PATH:/the/last/place\" orch run -r r w.orch");
	expect_said(r.err, "no-such-agent");
	expect_said(r.err, "/the/last/place");
	expect_said(r.err, "w.orch:");
	expect_said(r.err, ": error: ");
	expect_none("started");
	r = expect_run(0, "PATH=\"$PATH:/the/last/place\" orch check w.orch");
	expect_said(r.err, "no-such-agent");
}
END_TEST

START_TEST(not_executable_before_anything_starts)
{
	struct ran r;

	help_file("tool", "#!/bin/sh", "echo hello", NULL);
	help_file("w.orch", "step a exec agent touch started", "step b exec ./tool", "run a", "run b", NULL);
	r = expect_run(2, "orch run -r r w.orch");
	expect_said(r.err, "./tool");
	expect_none("started");
	expect_run(0, "chmod +x tool; orch run -r r w.orch");
	expect_file(".orch/r/result/b", "hello\n");
}
END_TEST

/* A run whose program is spoilt by COMMAND when the run has begun; returns what orch said. */
static const char *
spoil(const char *command, const char *program)
{
	char first[256], second[256];
	struct ran r;

	snprintf(first, sizeof first, "run sh as first | %s", command);
	snprintf(second, sizeof second, "step b exec %s", program);
	help_file("w.orch", second, first, "run b", NULL);
	expect_run(0, "mkdir -p bin; printf '#!/bin/sh\\necho hello\\n' >bin/tool; chmod 755 bin/tool; rm -rf .orch");
	r = expect_run(1, "PATH=\"$PWD/bin:$PATH:/the/last/place\" orch run -r r w.orch");
	expect_file(".orch/r/result/first", "");
	expect_none(".orch/r/result/b");
	return r.err;
}

START_TEST(not_found_in_the_middle)
{
	const char *err = spoil("rm bin/tool", "tool");

	expect_said(err, "tool");
	expect_said(err, strerror(ENOENT));
	expect_said(err, "/the/last/place");
	expect_unsaid(err, "127");
	err = spoil("rm bin/tool", "bin/tool");
	expect_said(err, "bin/tool");
	expect_said(err, strerror(ENOENT));
	expect_unsaid(err, "127");
}
END_TEST

START_TEST(not_executable_in_the_middle)
{
	const char *err = spoil("chmod 644 bin/tool", "bin/tool");

	expect_said(err, "bin/tool");
	expect_said(err, strerror(EACCES));
	expect_unsaid(err, "126");
	err = spoil("chmod 644 bin/tool", "tool");
	expect_said(err, "tool");
	expect_said(err, strerror(EACCES));
}
END_TEST

START_TEST(missing_interpreter)
{
	const char *err = spoil("printf '#!/no/such/program\\n' >bin/tool", "bin/tool");

	ck_assert_msg(strstr(err, "interpreter") || strstr(err, "first line"), "%s", err);
	expect_said(err, "bin/tool");
	err = spoil("printf '#!/bin/sh\\r\\necho\\n' >bin/tool", "tool");
	ck_assert_msg(strstr(err, "interpreter") || strstr(err, "first line"), "%s", err);
	expect_said(err, "CR");
}
END_TEST

START_TEST(exit_127_is_no_missing_program)
{
	struct ran r;

	one_agent("exit 127");
	r = expect_run(1, "orch run -r r w.orch");
	expect_said(r.err, "127");
	expect_unsaid(r.err, strerror(ENOENT));
	expect_unsaid(r.err, "started");
}
END_TEST

START_TEST(a_script_without_a_first_line_goes_to_sh)
{
	help_file("tool", "echo \"$1 $#\"", NULL);
	help_file("w.orch", "step b exec ./tool 'a b' c", "run b", NULL);
	expect_run(0, "chmod +x tool; orch run -r r w.orch");
	expect_file(".orch/r/result/b", "a b 2\n");
}
END_TEST

START_TEST(a_missing_directory)
{
	struct ran r;

	help_file("w.orch", "step x exec agent touch started", "cd nowhere", "run x", NULL);
	r = help_run("orch run -r r w.orch");
	ck_assert_msg(r.status == 1 || r.status == 2, "status %d: %s", r.status, r.err);
	expect_said(r.err, "nowhere");
	expect_said(r.err, "directory");
	expect_unsaid(r.err, "cannot be started");
	expect_none("started");
	expect_none("nowhere");
	expect_none(".orch/r/result/x");
}
END_TEST

START_TEST(a_directory_that_is_gone_in_the_middle)
{
	struct ran r;

	help_file("w.orch", "step x exec agent say hello", "run sh as first | rmdir sub", "cd sub", "run x", NULL);
	r = expect_run(1, "mkdir sub; orch run -r r w.orch");
	expect_said(r.err, "sub");
	expect_said(r.err, "directory");
	expect_none(".orch/r/result/x");
	expect_run(0, "mkdir sub; orch resume -r r");
	expect_file(".orch/r/result/x", "hello\n");
}
END_TEST

/* 60: one argument holds 131,071 bytes on Linux; what is longer is said. */
START_TEST(an_argument_too_long)
{
	struct ran r;

	help_file("w.orch", "step x exec agent say {{big}}", "run sh as big | printf %0131071d 1", "run x", NULL);
	expect_run(0, "orch run -r r w.orch");
	ck_assert_uint_eq(strlen(help_read(".orch/r/result/x", NULL)), 131072);
	if (portable()) {
		skip("an_argument_too_long: how long is too long is known on Linux only");
		return;
	}
	help_file("w.orch", "step x exec agent say {{big}}", "run sh as big | printf %0131072d 1", "run x", NULL);
	r = expect_run(1, "orch run -r s w.orch");
	expect_said(r.err, "failed    x");
	expect_said(r.err, "too long");
	expect_none(".orch/s/result/x");
}
END_TEST

START_TEST(a_prompt_of_ten_million_bytes)
{
	help_file("w.orch", "step x exec agent length", "run sh as big | head -c 10000000 /dev/zero | tr '\\0' x",
	    "run x | {{big}}", "run x as y < big", NULL);
	expect_run(0, "orch run -r r w.orch");
	expect_file(".orch/r/result/x", "10000001\n");
	expect_file(".orch/r/result/y", "10000000\n");
}
END_TEST

/* 39, 40: what is no answer. */

START_TEST(a_timeout_is_no_answer)
{
	struct ran r;
	long long at;

	help_file("w.orch", "step x exec agent partial-on-term half touch up sleep 60000", "timeout 1s", "run x", NULL);
	at = now_ms();
	r = expect_run(1, "orch run -r r w.orch");
	ck_assert_int_lt(now_ms() - at, 9000);
	expect_file("up", "");
	expect_said(r.err, "timed out");
	expect_unsaid(r.err, "exit status");
	expect_none(".orch/r/result/x");
	expect_none_left(0);
}
END_TEST

START_TEST(a_timeout_kills_the_deaf)
{
	long long at;

	help_file("w.orch", "step x exec agent note notes sleep 60000", "timeout 1s", "run x", NULL);
	at = now_ms();
	expect_run(1, "orch run -r r w.orch");
	ck_assert_int_ge(now_ms() - at, 10500);
	ck_assert_int_lt(now_ms() - at, 25000);
	expect_file("notes", "T");
	expect_none_left(0);
}
END_TEST

START_TEST(a_timeout_of_0_is_none)
{
	help_file("w.orch", "timeout 1s", "step x exec agent sleep 1800 say late", "timeout 0", "run x", NULL);
	expect_run(0, "orch run -r r w.orch");
	expect_file(".orch/r/result/x", "late\n");
}
END_TEST

START_TEST(a_timeout_holds_for_filter_and_check)
{
	struct ran r;

	help_file("w.orch", "timeout 1s", "step x exec agent say hello", "filter agent sleep 60000", "run x",
	    NULL);
	r = expect_run(1, "orch run -r r w.orch");
	expect_said(r.err, "timed out");
	expect_none(".orch/r/result/x");
	help_file("w.orch", "timeout 1s", "step x exec agent say hello", "check agent partial-on-term y sleep 60000", "run x",
	    NULL);
	r = expect_run(1, "orch run -r s w.orch");
	expect_said(r.err, "timed out");
	expect_none(".orch/s/result/x");
	expect_none_left(0);
}
END_TEST

START_TEST(exit_143_is_told_from_sigterm)
{
	struct ran r;

	one_agent("say out exit 143");
	r = expect_run(1, "orch run -r r w.orch");
	expect_said(r.err, "exit status 143");
	expect_unsaid(r.err, "SIGTERM");
	one_agent("say out kill TERM");
	r = expect_run(1, "orch run -r s w.orch");
	expect_said(r.err, "SIGTERM");
	expect_unsaid(r.err, "143");
	expect_unsaid(r.err, "timed out");
	one_agent("say out kill SEGV");
	r = expect_run(1, "orch run -r t w.orch");
	expect_said(r.err, "SIGSEGV");
	expect_none(".orch/r/result/x");
	expect_none(".orch/s/result/x");
	expect_none(".orch/t/result/x");
}
END_TEST

/* Somebody else ends an agent: neither a timeout nor a stop. */
START_TEST(killed_by_somebody_else)
{
	const char *err;
	pid_t orch;

	help_file("w.orch", "step x exec agent append up 1 sleep 60000", "timeout 10m", "run x", NULL);
	orch = start("exec orch run -r r w.orch");
	await_lines("up", 1, SOON);
	kill(pid_in("pids", 0), SIGTERM);
	ck_assert_int_eq(end_of(orch, SOON), 1);
	err = help_read("err", NULL);
	expect_said(err, "SIGTERM");
	expect_unsaid(err, "timed out");
	expect_unsaid(err, "stopped");
	expect_none(".orch/r/result/x");
}
END_TEST

START_TEST(a_failure_shows_the_last_lines)
{
	struct ran r;

	help_file("w.orch", "step x exec agent exec sh -c 'seq 1 200; seq 1001 1200 >&2; "
	    "printf \"\\033[31mred\\007\\n\" >&2; printf \"\\033]0;title\\033\\\\\\\\\"; exit 3'", "run x", NULL);
	r = expect_run(1, "orch run -r r w.orch");
	expect_said(r.err, "exit status 3");
	expect_said(r.err, "1200\n");
	expect_said(r.err, " 200\n");
	expect_said(r.err, "[31mred");
	expect_said(r.err, "]0;title");
	expect_unsaid(r.err, "\033");
	expect_unsaid(r.err, "\007");
	expect_unsaid(r.err, " 100\n");
	expect_unsaid(r.err, " 1100\n");
	expect_said(help_read(".orch/r/stderr/x", NULL), "1200\n\033[31mred\007\n");
	r = expect_run(0, "orch logs -r r x");
	expect_said(r.out, "1200\n\033[31mred\007\n");
	expect_said(r.out, "\n200\n\033]0;title\033\\");
	expect_none(".orch/r/result/x");
}
END_TEST

START_TEST(a_failure_shows_its_one_stream)
{
	struct ran r;

	one_agent("say 'API Error: 529 overloaded' exit 1");
	r = expect_run(1, "orch run -q -r r w.orch");
	expect_said(r.err, "API Error: 529 overloaded");
	one_agent("err 'ERROR: no network' exit 1");
	r = expect_run(1, "orch run -q -r s w.orch");
	expect_said(r.err, "ERROR: no network");
}
END_TEST

/* 41: what an agent leaves behind. */

static const char *const kinds[] = { "child", "stubborn", "stopped", "daemon", "holder", "writer" };

enum { KINDS = sizeof kinds / sizeof *kinds, GROUP_KINDS = 3 };

/* Whether the leftovers of this KIND can be found: those in the agent's group, and elsewhere than on Linux
 * no others. */
static int
can_find(int kind)
{
	return kind < GROUP_KINDS || !portable();
}

/* An agent that leaves a process of this kind and then does what is in AFTER; its successor looks who of them is
 * alive. */
static void
write_leaver(int kind, const char *after, const char *attribute)
{
	char step[256];

	snprintf(step, sizeof step, "step x exec agent %s 50000 %s", kinds[kind], after);
	help_file("w.orch", step, attribute, "run x",
	    "run sh as look | while read p; do kill -0 $p 2>/dev/null && echo $p; done <pids; cat <\"$ORCH_RESULTS/x\" >copy",
	    NULL);
}

START_TEST(leftovers_of_a_normal_end)
{
	long long at;
	const char *copy;

	if (!can_find(_i))
		return;
	write_leaver(_i, "say hello", "#");
	at = now_ms();
	expect_run(0, "orch run -r r w.orch");
	ck_assert_int_lt(now_ms() - at, 8000);
	ck_assert_int_ge(lines("pids"), 2);
	expect_none_left(0);
	expect_file(".orch/r/result/look", "");
	/* whoever wrote into the answer could not do so after it counted */
	copy = help_read("copy", NULL);
	expect_file(".orch/r/result/x", copy);
	expect_said(copy, "hello\n");
}
END_TEST

START_TEST(leftovers_of_a_failure)
{
	long long at;

	if (!can_find(_i))
		return;
	write_leaver(_i, "say hello exit 7", "otherwise none");
	at = now_ms();
	expect_run(0, "orch run -r r w.orch");
	ck_assert_int_lt(now_ms() - at, 8000);
	expect_none_left(0);
	expect_file(".orch/r/result/x", "none");
	expect_file(".orch/r/result/look", "");
}
END_TEST

START_TEST(leftovers_of_a_timeout)
{
	if (!can_find(_i))
		return;
	write_leaver(_i, "touch up sleep 60000", "timeout 1s");
	expect_run(1, "orch run -r r w.orch");
	expect_file("up", "");
	ck_assert_int_ge(lines("pids"), 2);
	expect_none_left(0);
	expect_none(".orch/r/result/x");
}
END_TEST

START_TEST(leftovers_of_an_agent_that_was_killed)
{
	if (!can_find(_i))
		return;
	write_leaver(_i, "kill KILL", "#");
	expect_run(1, "orch run -r r w.orch");
	ck_assert_int_ge(lines("pids"), 2);
	expect_none_left(0);
}
END_TEST

START_TEST(leftovers_of_filter_check_and_if)
{
	help_file("w.orch", "step x exec agent say hello", "filter agent child 50000 cat", "check agent stubborn 50000",
	    "run x", "if agent child 50000 stubborn 50000", "run sh as yes | agent child 50000 say yes", "end", NULL);
	expect_run(0, "orch run -r r w.orch");
	expect_file(".orch/r/result/x", "hello\n");
	expect_file(".orch/r/result/yes", "yes\n");
	ck_assert_int_ge(lines("pids"), 8);
	expect_none_left(0);
}
END_TEST

/* What stays in the group gets a TERM and a second, before it is killed. */
START_TEST(leftovers_are_told_before_they_are_killed)
{
	help_file("w.orch", "step x exec sh -c 'agent note notes touch up sleep 200 append notes end & "
	    "agent wait-file up say hello'", "run x", NULL);
	expect_run(0, "orch run -r r w.orch");
	expect_file(".orch/r/result/x", "hello\n");
	expect_file("notes", "Tend\n");
}
END_TEST

/* Where a process in a session of its own cannot be found, it still cannot write into an answer that counts. */
START_TEST(who_holds_the_answer_is_no_surprise)
{
	struct ran r;

	if (!portable())
		return;
	one_agent("holder 20000 say hello");
	r = expect_run(1, "orch run -r r w.orch");
	expect_said(r.err, "writes");
	expect_none(".orch/r/result/x");
	end_left();
	expect_none_left(AFTER);
}
END_TEST

/* Processes that fork and end all the time, faster than a list of them can be read. */
START_TEST(a_fork_storm_ends)
{
	long long at = now_ms();

	if (portable()) {
		skip("a_fork_storm_ends: only Linux can stop it");
		return;
	}
	one_agent("storm 4 say hello");
	expect_run(0, "orch run -r r w.orch");
	ck_assert_int_lt(now_ms() - at, 9500);
	expect_file(".orch/r/result/x", "hello\n");
	expect_none_left(0);
}
END_TEST

/* 48: orch is killed. */

/* Three branches with leftovers of all kinds, and one that is done. Taken up again they answer at once. */
static void
write_long(void)
{
	const char *leave = portable() ? "once l-{{i}} child 50000 once m-{{i}} stubborn 50000" :
	    "once l-{{i}} child 50000 once m-{{i}} stubborn 50000 once n-{{i}} daemon 50000 once o-{{i}} holder 50000";
	char step[512];

	snprintf(step, sizeof step, "step x exec agent append ran {{i}} %s append up {{i}} once s-{{i}} sleep 50000 "
	    "say {{i}}", leave);
	help_file("w.orch", step, "step q exec agent append ran quick say quick", "run q as quick", "parallel i in 1 2 3",
	    "run x as x-{{i}}", "end", "run q as last", NULL);
}

static pid_t
start_long(const char *before)
{
	pid_t pid;

	write_long();
	pid = start("%s exec orch run -r r w.orch", before);
	await_lines("up", 3, SOON);
	return pid;
}

/* After whatever has happened to the long run it goes on, with what is missing. */
static void
expect_resumes(void)
{
	struct ran r = expect_run(0, "orch resume");

	(void)r;
	expect_file(".orch/r/result/quick", "quick\n");
	expect_file(".orch/r/result/x-1", "1\n");
	expect_file(".orch/r/result/x-2", "2\n");
	expect_file(".orch/r/result/x-3", "3\n");
	expect_file(".orch/r/result/last", "quick\n");
	ck_assert_int_eq(help_count(help_read("ran", NULL), "quick\n"), 2);
	ck_assert_int_eq(lines("ran"), 8);
	expect_none_left(0);
}

START_TEST(orch_is_killed)
{
	pid_t orch = start_long("");

	kill(orch, SIGKILL);
	ck_assert_int_eq(end_of(orch, SOON), 128 + SIGKILL);
	expect_none_left(AFTER);
	expect_none(".orch/r/result/x-1");
	expect_resumes();
}
END_TEST

START_TEST(the_group_of_orch_is_killed)
{
	pid_t orch = start_long("");

	kill(-orch, SIGKILL);
	ck_assert_int_eq(end_of(orch, SOON), 128 + SIGKILL);
	expect_none_left(AFTER);
	expect_resumes();
}
END_TEST

/* An agent kills orch in the midst of its own work: the signal comes from below. */
START_TEST(an_agent_kills_orch)
{
	pid_t orch;

	if (portable()) {
		skip("an_agent_kills_orch: orch cannot be told from its minders");
		return;
	}
	help_file("w.orch", "step x exec agent daemon 50000 holder 50000 once a signal-group KILL once b sleep 50000 say x",
	    "run x", NULL);
	orch = start("exec orch run -r r w.orch");
	ck_assert_int_eq(end_of(orch, SOON), 128 + SIGKILL);
	expect_none_left(AFTER);
	expect_run(0, "orch resume");
	expect_file(".orch/r/result/x", "x\n");
}
END_TEST

START_TEST(timeout_s_kill_leaves_nobody)
{
	if (help_run("command -v timeout").status) {
		skip("timeout_s_kill_leaves_nobody: there is no timeout(1)");
		return;
	}
	write_long();
	help_run("timeout -s KILL 3 orch run -r r w.orch");
	ck_assert_int_eq(lines("up"), 3);
	expect_none_left(AFTER);
	expect_resumes();
}
END_TEST

/* What was a child of the process that became orch is not orch's to end. */
START_TEST(a_child_from_before_is_spared)
{
	one_agent("child 50000 say hello");
	expect_run(0, "agent sleep 50000 & echo $! >before; exec orch run -r r w.orch");
	expect_file(".orch/r/result/x", "hello\n");
	ck_assert(is_alive(pid_in("before", 0)));
	kill(pid_in("before", 0), SIGKILL);
	expect_none_left(AFTER);
}
END_TEST

START_TEST(a_minder_is_killed)
{
	struct ran r;
	char text[512];

	if (portable()) {
		skip("a_minder_is_killed: only on Linux does orch inherit what it minded");
		return;
	}
	help_file("w.orch", "step bad exec agent daemon 50000 holder 50000 stubborn 50000 append up 1 signal-minder KILL "
	    "sleep 50000", "step good exec agent child 50000 wait-file up sleep 300 say good", "parallel",
	    "run bad", "run good", "run good as better", "end", NULL);
	r = expect_run(1, "orch run -r r w.orch");
	ck_assert_msg(!list_left(text, sizeof text), "alive:%s", text);
	expect_said(r.err, "failed    bad");
	expect_none(".orch/r/result/bad");
	expect_file(".orch/r/result/good", "good\n");
	expect_file(".orch/r/result/better", "good\n");
}
END_TEST

START_TEST(a_minder_is_killed_and_its_step_tried_again)
{
	if (portable()) {
		skip("a_minder_is_killed_and_its_step_tried_again: as above");
		return;
	}
	help_file("w.orch", "step x exec agent append ran 1 once a daemon 50000 once b signal-minder KILL once c sleep 50000 "
	    "say x", "retry 1 0s", "run x", NULL);
	expect_run(0, "orch run -r r w.orch");
	expect_file(".orch/r/result/x", "x\n");
	ck_assert_int_eq(lines("ran"), 2);
	expect_none_left(0);
}
END_TEST

/* Nobody but orch can tell a minder to stop. */
START_TEST(a_minder_obeys_orch_alone)
{
	help_file("w.orch", "step x exec agent signal-minder TERM signal-minder INT signal-minder HUP signal-minder TSTP "
	    "signal-minder QUIT signal-minder PIPE sleep 300 say on", "timeout 20s", "run x", NULL);
	expect_run(0, "orch run -r r w.orch");
	expect_file(".orch/r/result/x", "on\n");
}
END_TEST

/* Signals that stop orch. */

static const int stops[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };

START_TEST(stopped_by_a_signal)
{
	pid_t orch = start_long("");

	kill(orch, stops[_i]);
	ck_assert_int_eq(end_of(orch, SOON), 128 + stops[_i]);
	expect_none_left(AFTER);
	expect_none(".orch/r/result/x-1");
	expect_none(".orch/r/result/last");
	if (stops[_i] != SIGQUIT)
		expect_said(help_read("err", NULL), "resume");
	expect_resumes();
}
END_TEST

/* ^C goes to the whole group. */
START_TEST(the_group_is_stopped_by_a_signal)
{
	pid_t orch = start_long("");

	kill(-orch, stops[_i]);
	ck_assert_int_eq(end_of(orch, SOON), 128 + stops[_i]);
	expect_none_left(AFTER);
	expect_resumes();
}
END_TEST

START_TEST(stopped_from_below)
{
	if (portable()) {
		skip("stopped_from_below: orch cannot be told from its minders");
		return;
	}
	help_file("w.orch", "step x exec agent once a signal-parent TERM once b sleep 50000 say x", "run x", NULL);
	expect_run(128 + SIGTERM, "exec orch run -r r w.orch");
	expect_none_left(AFTER);
	expect_none(".orch/r/result/x");
	expect_run(0, "orch resume -r r");
	expect_file(".orch/r/result/x", "x\n");
}
END_TEST

/* What is between try and try, behind a full pipe, or before standard input ends, stops as well. */
START_TEST(stopped_while_it_waits)
{
	static const struct {
		const char *lines[4], *before, *sign;
	} cases[] = {
		{ { "step x exec agent exit 1", "retry 5 10m", "run x" }, "", "err" },
		{ { "step x exec agent bytes 300000", "run x", "print | {{x}}" }, "agent open 1 pipe", ".orch/r/result/x" },
		{ { "step x exec agent cat", "run x < -" }, "agent open 0 pipe", ".orch/r/lock" },
		{ { "step x exec agent say x", "filter agent touch up sleep 50000", "run x" }, "", "up" },
		{ { "step x exec agent say x", "check agent touch up sleep 50000", "run x" }, "", "up" },
		{ { "if agent touch up sleep 50000", "run sh as x | echo x", "end" }, "", "up" },
	};
	pid_t orch;

	help_file("w.orch", cases[_i].lines[0], cases[_i].lines[1], cases[_i].lines[2], NULL);
	ck_assert_int_eq(mkfifo("pipe", 0600), 0);
	orch = start("exec %s%sorch run -r r w.orch", cases[_i].before, *cases[_i].before ? " exec " : "");
	if (!strcmp(cases[_i].sign, "err"))
		await_lines("err", 2, SOON);
	else
		await_file(cases[_i].sign);
	pause_ms(50);           /* it is now where it waits; if not yet, it has to stop all the same */
	kill(orch, SIGTERM);
	ck_assert_int_eq(end_of(orch, 8000), 128 + SIGTERM);
	expect_none_left(AFTER);
	if (strcmp(cases[_i].sign, ".orch/r/result/x"))
		expect_none(".orch/r/result/x");
}
END_TEST

/* An agent that goes on: ten seconds, then KILL. */
START_TEST(stopping_kills_the_deaf)
{
	long long at;
	pid_t orch;

	one_agent("note notes append up 1 sleep 60000");
	orch = start("exec orch run -r r w.orch");
	await_lines("up", 1, SOON);
	at = now_ms();
	kill(orch, SIGTERM);
	ck_assert_int_eq(end_of(orch, 30000), 128 + SIGTERM);
	ck_assert_int_ge(now_ms() - at, 9500);
	ck_assert_int_lt(now_ms() - at, 20000);
	expect_file("notes", "T");
	expect_none_left(AFTER);
}
END_TEST

START_TEST(a_second_signal_kills)
{
	long long at;
	pid_t orch;

	one_agent("note notes append up 1 sleep 60000");
	orch = start("exec orch run -r r w.orch");
	await_lines("up", 1, SOON);
	kill(orch, SIGINT);
	await_file("notes");
	pause_ms(1300);         /* a second signal counts after one second */
	at = now_ms();
	kill(orch, SIGINT);
	/* it dies of the first one's number, be the second what it may */
	ck_assert_int_eq(end_of(orch, 5000), 128 + SIGINT);
	ck_assert_int_lt(now_ms() - at, 5000);
	expect_none_left(AFTER);
}
END_TEST

/* timeout(1) sends two, one to orch and one to its group. */
START_TEST(a_signal_twice_at_once_counts_once)
{
	pid_t orch;

	one_agent("note notes append up 1 sleep 2500 append end 1 say whole");
	orch = start("exec orch run -r r w.orch");
	await_lines("up", 1, SOON);
	kill(orch, SIGTERM);
	kill(-orch, SIGTERM);
	await_file("notes");
	kill(orch, SIGTERM);
	ck_assert_int_eq(end_of(orch, SOON), 128 + SIGTERM);
	expect_file("end", "1\n");
	expect_none(".orch/r/result/x");
	expect_none_left(AFTER);
}
END_TEST

/* 39: everybody got the signal, and the agent makes the best of it. */
START_TEST(an_answer_after_the_stop_is_none)
{
	int i;
	pid_t orch, agent;

	one_agent("partial-on-term half append up 1 sleep 50000 say whole");
	for (i = 0; i < 20; i++) {
		help_run("rm -rf .orch up pids");
		orch = start("exec orch run -r r w.orch");
		await_lines("up", 1, SOON);
		agent = pid_in("pids", 0);
		kill(orch, SIGTERM);
		kill(agent, SIGTERM);
		ck_assert_int_eq(end_of(orch, SOON), 128 + SIGTERM);
		expect_none(".orch/r/result/x");
	}
	expect_none_left(AFTER);
}
END_TEST

/* The same when the answer has come before orch can look at its signal. */
START_TEST(an_answer_that_waits_beside_the_stop_is_none)
{
	long long until;
	pid_t orch, agent;

	one_agent("partial-on-term half append up 1 sleep 50000 say whole");
	orch = start("exec orch run -r r w.orch");
	await_lines("up", 1, SOON);
	agent = pid_in("pids", 0);
	kill(orch, SIGSTOP);
	kill(orch, SIGTERM);
	kill(agent, SIGTERM);
	for (until = now_ms() + SOON; is_alive(agent) && now_ms() < until; )
		pause_ms(2);
	ck_assert(!is_alive(agent));
	pause_ms(200);          /* for its minder, which nobody can see; less time only proves less */
	kill(orch, SIGCONT);
	ck_assert_int_eq(end_of(orch, SOON), 128 + SIGTERM);
	expect_none(".orch/r/result/x");
	expect_none_left(AFTER);
}
END_TEST

/* SIGTSTP. */

static void
await_stop(pid_t pid)
{
	long long until = now_ms() + SOON;
	int status;

	while (waitpid(pid, &status, WNOHANG | WUNTRACED) == 0) {
		ck_assert_msg(now_ms() < until, "orch has not stopped");
		pause_ms(2);
	}
	ck_assert_msg(WIFSTOPPED(status), "orch has ended: %s", help_read("err", NULL));
}

/* Waits until FILE no longer grows. */
static void
await_quiet(const char *file)
{
	long long until = now_ms() + SOON;
	int n = -1;

	while (n != lines(file)) {
		ck_assert_msg(now_ms() < until, "%s still grows", file);
		n = lines(file);
		pause_ms(400);
	}
}

START_TEST(stopped_and_continued)
{
	pid_t orch;
	int n;

	help_file("w.orch", "step x exec agent tick ticks 40 50 say whole", "timeout 4s", "run x", NULL);
	orch = start("exec orch run -r r w.orch");
	await_lines("ticks", 3, SOON);
	kill(-orch, SIGTSTP);
	await_stop(orch);
	await_quiet("ticks");
	n = lines("ticks");
	pause_ms(4500);         /* longer than the timeout, which does not run */
	ck_assert_int_eq(lines("ticks"), n);
	ck_assert_int_lt(n, 40);
	kill(-orch, SIGCONT);
	ck_assert_int_eq(end_of(orch, SOON), 0);
	ck_assert_int_eq(lines("ticks"), 40);
	expect_file(".orch/r/result/x", "whole\n");
	expect_none_left(AFTER);
}
END_TEST

START_TEST(stopped_and_continued_it_still_times_out)
{
	pid_t orch;
	long long at;

	help_file("w.orch", "step x exec agent append up 1 sleep 50000", "timeout 2s", "run x", NULL);
	orch = start("exec orch run -r r w.orch");
	await_lines("up", 1, SOON);
	kill(orch, SIGTSTP);
	await_stop(orch);
	pause_ms(2500);
	at = now_ms();
	kill(orch, SIGCONT);
	ck_assert_int_eq(end_of(orch, SOON), 1);
	ck_assert_int_ge(now_ms() - at, 500);
	expect_said(help_read("err", NULL), "timed out");
	expect_none_left(AFTER);
}
END_TEST

/* What an agent has started in a session of its own stops with it, on Linux. */
START_TEST(stopped_with_all_below)
{
	pid_t orch;

	if (portable()) {
		skip("stopped_with_all_below: only on Linux are they known");
		return;
	}
	help_file("w.orch", "step x exec agent exec sh -c 'setsid agent tick ticks 60 50 & wait; agent say whole'", "run x",
	    NULL);
	if (help_run("command -v setsid").status) {
		skip("stopped_with_all_below: there is no setsid(1)");
		return;
	}
	orch = start("exec orch run -r r w.orch");
	await_lines("ticks", 3, SOON);
	kill(orch, SIGTSTP);
	await_stop(orch);
	await_quiet("ticks");
	ck_assert_int_lt(lines("ticks"), 60);
	kill(orch, SIGCONT);
	ck_assert_int_eq(end_of(orch, SOON), 0);
	ck_assert_int_eq(lines("ticks"), 60);
	expect_none_left(AFTER);
}
END_TEST

START_TEST(killed_while_stopped)
{
	pid_t orch = start_long("");

	kill(orch, SIGTSTP);
	await_stop(orch);
	kill(orch, SIGKILL);
	ck_assert_int_eq(end_of(orch, SOON), 128 + SIGKILL);
	expect_none_left(AFTER);
	expect_resumes();
}
END_TEST

/* As the shell's `kill %1` does it with a stopped job. */
START_TEST(ended_while_stopped)
{
	pid_t orch = start_long("");

	kill(-orch, SIGTSTP);
	await_stop(orch);
	kill(-orch, SIGTERM);
	kill(-orch, SIGCONT);
	ck_assert_int_eq(end_of(orch, SOON), 128 + SIGTERM);
	expect_none_left(AFTER);
	expect_resumes();
}
END_TEST

START_TEST(stopped_twice)
{
	pid_t orch;
	int i;

	help_file("w.orch", "step x exec agent tick ticks 60 30 say whole", "timeout 10s", "run x", NULL);
	orch = start("exec orch run -r r w.orch");
	for (i = 1; i <= 4; i++) {
		await_lines("ticks", i * 5, SOON);
		kill(orch, SIGTSTP);
		await_stop(orch);
		kill(orch, SIGCONT);
	}
	ck_assert_int_eq(end_of(orch, SOON), 0);
	ck_assert_int_eq(lines("ticks"), 60);
	expect_file(".orch/r/result/x", "whole\n");
}
END_TEST

/* 43 to 45: many. */

/* Writes a workflow of N items at once, each of which does what is in COMMANDS. */
static void
write_many(int n, const char *commands)
{
	char step[512], items[128];

	snprintf(step, sizeof step, "step x exec agent %s", commands);
	snprintf(items, sizeof items, "parallel i in 1..%d", n);
	help_file("w.orch", step, items, "run x as x-{{i}}", "end", NULL);
}

static int
count_results(void)
{
	return atoi(help_run("ls .orch/r/result | wc -l").out);
}

/* Locks the file gate; those who wait for it go on when the descriptor returned is closed. */
static int
close_gate(void)
{
	struct flock lock;
	int fd = open("gate", O_RDWR | O_CREAT, 0600);

	memset(&lock, 0, sizeof lock);
	lock.l_type = F_WRLCK;
	lock.l_whence = SEEK_SET;
	ck_assert_int_eq(fcntl(fd, F_SETLK, &lock), 0);
	return fd;
}

START_TEST(five_hundred_end_at_once)
{
	pid_t orch;
	int gate = close_gate();

	write_many(500, "wait-lock gate say {{i}}");
	orch = start("exec orch run -r r w.orch");
	await_lines("pids", 500, 40000);
	close(gate);
	ck_assert_int_eq(end_of(orch, 40000), 0);
	ck_assert_int_eq(count_results(), 500);
	expect_file(".orch/r/result/x-500", "500\n");
	expect_none_left(0);
}
END_TEST

START_TEST(fifteen_hundred_at_once_with_few_descriptors)
{
	pid_t orch;
	int gate = close_gate();

	write_many(1500, "wait-lock gate say {{i}}");
	orch = start("ulimit -n 256; exec orch run -q -r r w.orch");
	await_lines("pids", 1500, 90000);
	close(gate);
	ck_assert_int_eq(end_of(orch, 90000), 0);
	ck_assert_int_eq(count_results(), 1500);
	expect_none_left(0);
}
END_TEST

START_TEST(five_hundred_items_with_64_descriptors)
{
	write_many(500, "sleep 20 say {{i}}");
	expect_run(0, "ulimit -n 64; exec orch run -q -r r w.orch");
	ck_assert_int_eq(count_results(), 500);
	expect_none_left(0);
}
END_TEST

START_TEST(three_hundred_are_stopped)
{
	pid_t orch;
	int gate = close_gate();

	write_many(300, "holder 50000 wait-lock gate say {{i}}");
	if (portable())
		write_many(300, "child 50000 wait-lock gate say {{i}}");
	orch = start("exec orch run -q -r r w.orch");
	await_lines("pids", 600, 40000);
	kill(orch, SIGTERM);
	ck_assert_int_eq(end_of(orch, 30000), 128 + SIGTERM);
	expect_none_left(AFTER);
	ck_assert_int_eq(count_results(), 0);
	close(gate);
}
END_TEST

START_TEST(three_hundred_are_killed)
{
	pid_t orch;
	int gate = close_gate();

	write_many(300, "child 50000 wait-lock gate say {{i}}");
	orch = start("exec orch run -q -r r w.orch");
	await_lines("pids", 600, 40000);
	kill(orch, SIGKILL);
	ck_assert_int_eq(end_of(orch, 30000), 128 + SIGKILL);
	expect_none_left(AFTER * 2);
	close(gate);
}
END_TEST

/* 44: a limit of processes holds for a user; root has none, and so becomes one that nobody else is. */
static struct ran
run_with_processes(int n)
{
	if (geteuid() == 0)
		return help_run("umask 0; chmod 777 .; touch pids log; chmod 666 pids log; "
		    "agent user 61873 limit nproc %d exec orch run -r r w.orch", n);
	return help_run("agent limit nproc %d exec orch run -r r w.orch", n);
}

static int
can_limit_processes(const char *test)
{
	if (geteuid() == 0 && help_run("agent user 61873 exec orch -V").status == 0)
		return 1;
	fprintf(stderr, "process_test: skipped: %s: a limit of processes needs root, and a tree that all may read\n", test);
	return 0;
}

START_TEST(few_processes_to_be_had)
{
	struct ran r;

	if (!can_limit_processes("few_processes_to_be_had"))
		return;
	write_many(50, "append log + sleep 30 append log - say {{i}}");
	r = run_with_processes(12);
	ck_assert_msg(r.status == 0, "status %d: %s", r.status, r.err);
	ck_assert_int_eq(count_results(), 50);
	ck_assert_int_eq(lines("log"), 100);    /* no agent was asked twice */
	ck_assert_int_ge(most_at_once("log"), 2);
	ck_assert_int_le(most_at_once("log"), 5);
	expect_none_left(0);
}
END_TEST

START_TEST(processes_for_one_agent_alone)
{
	struct ran r;

	if (!can_limit_processes("processes_for_one_agent_alone"))
		return;
	write_many(20, "append log + append log - say {{i}}");
	r = run_with_processes(3);
	ck_assert_msg(r.status == 0, "status %d: %s", r.status, r.err);
	ck_assert_int_eq(count_results(), 20);
	ck_assert_int_eq(lines("log"), 40);
	ck_assert_int_eq(most_at_once("log"), 1);
}
END_TEST

START_TEST(no_process_to_be_had_at_all)
{
	struct ran r;
	long long at;

	if (!can_limit_processes("no_process_to_be_had_at_all"))
		return;
	one_agent("append log 1 say x");
	at = now_ms();
	r = run_with_processes(2);
	ck_assert_int_eq(r.status, 1);
	ck_assert_int_ge(now_ms() - at, 25000);
	ck_assert_int_lt(now_ms() - at, 50000);
	expect_said(r.err, "process");
	expect_none(".orch/r/result/x");
	expect_none_left(AFTER);
}
END_TEST

/* -j counts over all blocks. */
START_TEST(agents_in_flight_over_blocks)
{
	help_file("w.orch", "step x exec agent append log + sleep 40 append log - say {{i}}{{k}}", "parallel i in 1..4",
	    "parallel k in 1..4", "run x as x-{{i}}-{{k}}", "end", "end", NULL);
	expect_run(0, "orch run -j 3 -r r w.orch");
	ck_assert_int_eq(lines("log"), 32);
	ck_assert_int_eq(most_at_once("log"), 3);
	ck_assert_int_eq(count_results(), 16);
	expect_run(0, "rm -rf .orch log; orch run -j 1 -r r w.orch");
	ck_assert_int_eq(most_at_once("log"), 1);
	ck_assert_int_eq(count_results(), 16);
	expect_run(0, "rm -rf .orch log; orch run -r r w.orch");
	ck_assert_int_gt(most_at_once("log"), 3);
}
END_TEST

/* A slot is taken until the filter has ended: it is the same step. */
START_TEST(a_cap_counts_whole_steps)
{
	help_file("w.orch", "step x exec agent say {{i}}", "filter agent append log + sleep 60 append log - cat",
	    "parallel max 2 i in 1..8", "run x as x-{{i}}", "end", NULL);
	expect_run(0, "orch run -r r w.orch");
	ck_assert_int_eq(most_at_once("log"), 2);
	ck_assert_int_eq(lines("log"), 16);
}
END_TEST

/* 46: at random instants. */

enum { ITEMS = 12 };

static void
write_random(void)
{
	help_file("w.orch", portable() ? "step x exec agent append ran-{{i}} 1 sleep 15 bytes 3000 say {{i}}" :
	    "step x exec agent append ran-{{i}} 1 child 40000 sleep 15 bytes 3000 say {{i}}",
	    "step y exec agent append ran-end 1 sleep 10 length", "parallel max 4 i in 1..12", "run x as x-{{i}}", "end",
	    "run y as end < x-*", "print | {{end}}", NULL);
}

/* How often item I was asked, and whether it has an answer. */
static int
asked(int i, int *kept)
{
	char name[64];

	snprintf(name, sizeof name, ".orch/r/result/x-%d", i);
	*kept = help_exists(name);
	snprintf(name, sizeof name, "ran-%d", i);
	return lines(name);
}

/* One more start, ended by SIG after a random time. What was kept before is not asked again. */
static int
one_round(int sig)
{
	int before[ITEMS + 1], kept[ITEMS + 1], i, status, now;
	pid_t orch;

	for (i = 1; i <= ITEMS; i++)
		before[i] = asked(i, &kept[i]);
	orch = start("exec orch run -r r w.orch");
	pause_ms(rand() % 120);
	kill(orch, sig);
	status = end_of(orch, 30000);
	ck_assert_msg(status == 128 + sig || status == 0, "status %d: %s", status, help_read("err", NULL));
	expect_none_left(AFTER);
	for (i = 1; i <= ITEMS; i++)
		ck_assert_msg(!kept[i] || asked(i, &now) == before[i], "item %d was asked again", i);
	return status;
}

static void
expect_whole(void)
{
	char name[64];
	int i;
	size_t n;

	for (i = 1; i <= ITEMS; i++) {
		snprintf(name, sizeof name, ".orch/r/result/x-%d", i);
		help_read(name, &n);
		ck_assert_uint_eq(n, 3000 + (size_t)(i < 10 ? 2 : 3));
	}
}

static void
stop_at_random(int sig, int rounds)
{
	struct ran r;
	int i, stopped = 0;

	srand(SEED);
	write_random();
	for (i = 0; i < rounds; i++) {
		if (one_round(sig) == 0)
			help_run("rm -rf .orch ran-*");
		else
			stopped++;
		help_run("rm -f pids");
	}
	ck_assert_int_gt(stopped, rounds / 4);
	r = expect_run(0, "orch run -r r w.orch");
	expect_whole();
	expect_said(r.out, "\n");
	ck_assert_str_eq(expect_run(0, "orch run -r r w.orch").out, r.out);
	expect_none_left(0);
}

START_TEST(terminated_at_random_instants)
{
	stop_at_random(SIGTERM, 40);
}
END_TEST

START_TEST(killed_at_random_instants)
{
	stop_at_random(SIGKILL, 40);
}
END_TEST

/* Never twice at once. */

START_TEST(a_live_run_is_refused)
{
	pid_t orch = start_long("");
	char pid[32];
	struct ran r;

	snprintf(pid, sizeof pid, "%ld", (long)orch);
	r = expect_run(4, "orch run -r r w.orch");
	expect_said(r.err, pid);
	r = expect_run(4, "orch resume -r r");
	expect_said(r.err, pid);
	ck_assert_int_eq(lines("ran"), 4);
	kill(orch, SIGTERM);
	ck_assert_int_eq(end_of(orch, SOON), 128 + SIGTERM);
	expect_resumes();
}
END_TEST

/* The parent of the process PID: an agent's minder. */
static pid_t
parent_of(pid_t pid)
{
	struct ran r = help_run("ps -o ppid= -p %ld 2>/dev/null || awk '/^PPid/ { print $2 }' /proc/%ld/status",
	    (long)pid, (long)pid);

	ck_assert_int_gt(atoi(r.out), 1);
	return (pid_t)atoi(r.out);
}

/* Kills orch while a minder of it cannot move; returns the minder. */
static pid_t
leave_minder(void)
{
	pid_t minder, orch;

	help_file("w.orch", "step x exec agent append ran 1 append up 1 once a sleep 50000 say x", "run x", NULL);
	orch = start("exec orch run -r r w.orch");
	await_lines("up", 1, SOON);
	minder = parent_of(pid_in("pids", 0));
	ck_assert_int_ne(minder, orch);
	kill(minder, SIGSTOP);
	kill(orch, SIGKILL);
	ck_assert_int_eq(end_of(orch, SOON), 128 + SIGKILL);
	return minder;
}

START_TEST(a_start_waits_for_an_earlier_minder)
{
	pid_t minder, orch;
	int i;

	if (portable()) {
		skip("a stopped minder whose group is orphaned is continued by the kernel");
		return;
	}
	minder = leave_minder();
	orch = start("exec orch resume");
	for (i = 0; i < 30; i++) {
		ck_assert_msg(waitpid(orch, NULL, WNOHANG) == 0, "it has not waited: %s", help_read("err", NULL));
		ck_assert_int_eq(lines("ran"), 1);
		pause_ms(50);
	}
	kill(minder, SIGCONT);
	ck_assert_int_eq(end_of(orch, SOON), 0);
	ck_assert_int_eq(lines("ran"), 2);
	expect_file(".orch/r/result/x", "x\n");
	expect_none_left(AFTER);
}
END_TEST

START_TEST(a_start_does_not_wait_for_ever)
{
	pid_t minder;
	long long at;
	struct ran r;

	if (portable()) {
		skip("a stopped minder whose group is orphaned is continued by the kernel");
		return;
	}
	minder = leave_minder();
	at = now_ms();
	r = help_run("orch resume -r r");
	kill(minder, SIGCONT);
	ck_assert_msg(r.status == 4, "status %d: %s", r.status, r.err);
	ck_assert_int_ge(now_ms() - at, 14000);
	ck_assert_int_lt(now_ms() - at, 30000);
	ck_assert_int_eq(lines("ran"), 1);
	expect_none_left(AFTER);
	expect_run(0, "orch resume -r r");
	expect_file(".orch/r/result/x", "x\n");
}
END_TEST

/* The suite. */

static TCase *
add_case(Suite *s, const char *name, double seconds)
{
	TCase *c = tcase_create(name);

	tcase_add_checked_fixture(c, begin, end);
	tcase_set_timeout(c, seconds);
	suite_add_tcase(s, c);
	return c;
}

static void
add_given(Suite *s)
{
	TCase *c = add_case(s, "given", 60);

	tcase_add_test(c, input_is_a_file_from_its_first_byte);
	tcase_add_test(c, input_without_a_prompt_ends_at_once);
	tcase_add_test(c, only_three_descriptors);
	tcase_add_test(c, only_three_descriptors_for_commands);
	tcase_add_test(c, three_descriptors_though_orch_had_none);
	tcase_add_test(c, signals_at_their_defaults);
	tcase_add_test(c, signals_at_their_defaults_whatever_orch_got);
	tcase_add_test(c, hangup_interrupt_quit_as_inherited);
	tcase_add_test(c, nohup_holds);
	tcase_add_test(c, a_session_of_its_own);
	tcase_add_test(c, no_terminal);
	tcase_add_test(c, environment);
	tcase_add_test(c, variables_in_the_environment);
}

static void
add_unstartable(Suite *s)
{
	TCase *c = add_case(s, "unstartable", 60);

	tcase_add_test(c, not_found_before_anything_starts);
	tcase_add_test(c, not_executable_before_anything_starts);
	tcase_add_test(c, not_found_in_the_middle);
	tcase_add_test(c, not_executable_in_the_middle);
	tcase_add_test(c, missing_interpreter);
	tcase_add_test(c, exit_127_is_no_missing_program);
	tcase_add_test(c, a_script_without_a_first_line_goes_to_sh);
	tcase_add_test(c, a_missing_directory);
	tcase_add_test(c, a_directory_that_is_gone_in_the_middle);
	tcase_add_test(c, an_argument_too_long);
	tcase_add_test(c, a_prompt_of_ten_million_bytes);
}

static void
add_failures(Suite *s)
{
	TCase *c = add_case(s, "no answer", 60);

	tcase_add_test(c, a_timeout_is_no_answer);
	tcase_add_test(c, a_timeout_kills_the_deaf);
	tcase_add_test(c, a_timeout_of_0_is_none);
	tcase_add_test(c, a_timeout_holds_for_filter_and_check);
	tcase_add_test(c, exit_143_is_told_from_sigterm);
	tcase_add_test(c, killed_by_somebody_else);
	tcase_add_test(c, a_failure_shows_the_last_lines);
	tcase_add_test(c, a_failure_shows_its_one_stream);
}

static void
add_leftovers(Suite *s)
{
	TCase *c = add_case(s, "leftovers", 60);

	tcase_add_loop_test(c, leftovers_of_a_normal_end, 0, KINDS);
	tcase_add_loop_test(c, leftovers_of_a_failure, 0, KINDS);
	tcase_add_loop_test(c, leftovers_of_a_timeout, 0, KINDS);
	tcase_add_loop_test(c, leftovers_of_an_agent_that_was_killed, 0, KINDS);
	tcase_add_test(c, leftovers_of_filter_check_and_if);
	tcase_add_test(c, leftovers_are_told_before_they_are_killed);
	tcase_add_test(c, who_holds_the_answer_is_no_surprise);
	tcase_add_test(c, a_fork_storm_ends);
}

static void
add_kills(Suite *s)
{
	TCase *c = add_case(s, "killed", 60);

	tcase_add_test(c, orch_is_killed);
	tcase_add_test(c, the_group_of_orch_is_killed);
	tcase_add_test(c, an_agent_kills_orch);
	tcase_add_test(c, timeout_s_kill_leaves_nobody);
	tcase_add_test(c, a_child_from_before_is_spared);
	tcase_add_test(c, a_minder_is_killed);
	tcase_add_test(c, a_minder_is_killed_and_its_step_tried_again);
	tcase_add_test(c, a_minder_obeys_orch_alone);
}

static void
add_stops(Suite *s)
{
	TCase *c = add_case(s, "stopped", 60);

	tcase_add_loop_test(c, stopped_by_a_signal, 0, 4);
	tcase_add_loop_test(c, the_group_is_stopped_by_a_signal, 0, 4);
	tcase_add_test(c, stopped_from_below);
	tcase_add_loop_test(c, stopped_while_it_waits, 0, 6);
	tcase_add_test(c, stopping_kills_the_deaf);
	tcase_add_test(c, a_second_signal_kills);
	tcase_add_test(c, a_signal_twice_at_once_counts_once);
	tcase_add_test(c, an_answer_after_the_stop_is_none);
	tcase_add_test(c, an_answer_that_waits_beside_the_stop_is_none);
	c = add_case(s, "halted", 60);
	tcase_add_test(c, stopped_and_continued);
	tcase_add_test(c, stopped_and_continued_it_still_times_out);
	tcase_add_test(c, stopped_with_all_below);
	tcase_add_test(c, killed_while_stopped);
	tcase_add_test(c, ended_while_stopped);
	tcase_add_test(c, stopped_twice);
}

static void
add_many(Suite *s)
{
	TCase *c = add_case(s, "many", 240);

	tcase_add_test(c, five_hundred_end_at_once);
	tcase_add_test(c, fifteen_hundred_at_once_with_few_descriptors);
	tcase_add_test(c, five_hundred_items_with_64_descriptors);
	tcase_add_test(c, three_hundred_are_stopped);
	tcase_add_test(c, three_hundred_are_killed);
	tcase_add_test(c, few_processes_to_be_had);
	tcase_add_test(c, processes_for_one_agent_alone);
	tcase_add_test(c, no_process_to_be_had_at_all);
	tcase_add_test(c, agents_in_flight_over_blocks);
	tcase_add_test(c, a_cap_counts_whole_steps);
}

Suite *
process_suite(void)
{
	Suite *s = suite_create("process");
	TCase *c;

	add_given(s);
	add_unstartable(s);
	add_failures(s);
	add_leftovers(s);
	add_kills(s);
	add_stops(s);
	add_many(s);
	c = add_case(s, "random", 240);
	tcase_add_test(c, terminated_at_random_instants);
	tcase_add_test(c, killed_at_random_instants);
	c = add_case(s, "once", 60);
	tcase_add_test(c, a_live_run_is_refused);
	tcase_add_test(c, a_start_waits_for_an_earlier_minder);
	tcase_add_test(c, a_start_does_not_wait_for_ever);
	return s;
}

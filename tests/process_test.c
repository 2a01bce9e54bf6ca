/* Whole runs, looked at as processes: what an agent is given, how it ends, what it leaves behind.
 *
 * With ORCH_TEST_PORTABLE=1 in the environment, for a program built with FEATURES=-DORCH_NO_LINUX, what
 * only Linux can promise is left out. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/help.h"
#include "tests/procs.h"
#include "tests/suites.h"

/* 34 to 36: what an agent is given. */

START_TEST(input_is_a_file_from_its_first_byte)
{
	help_file("w.orch", "step x exec agent stat 0 cat", "run x", "| one", "| two", NULL);
	help_sh(0, "orch run -r r w.orch");
	help_is(".orch/r/result/x", "file 0 of 8\none\ntwo\n");
	help_is(".orch/r/asked/x", "one\ntwo\n");
}
END_TEST

START_TEST(input_without_a_prompt_ends_at_once)
{
	procs_one_agent("stat 0 length tty");
	help_file("pipe.orch", "run sh as x | read a || echo \"<$a>\"", NULL);
	ck_assert_int_eq(mkfifo("f", 0600), 0);
	/* orch itself has a pipe that never ends */
	help_sh(0, "agent open 0 f exec orch run -r r w.orch");
	help_is(".orch/r/result/x", "device 0 of 0\n0\nENXIO\n");
	help_sh(0, "agent open 0 f exec orch run -r s pipe.orch");
	help_is(".orch/s/result/x", "<>\n");
}
END_TEST

static const char three[] = "0\n1\n2\n";

START_TEST(only_three_descriptors)
{
	help_file("w.orch", "step x exec agent fds", "run x", "run x as y < x", "run sh as z | agent fds", NULL);
	help_sh(0, "exec 7>seven 8</dev/null; agent open 100 a open 1000 b exec orch run -r r w.orch");
	help_is(".orch/r/result/x", three);
	help_is(".orch/r/result/y", three);
	help_is(".orch/r/result/z", three);
}
END_TEST

START_TEST(only_three_descriptors_for_commands)
{
	help_file("w.orch", "step x exec agent say hello", "run x", "filter agent fds",
	    "check test \"$(agent fds | tr '\\n' ' ')\" = '0 1 2 '",
	    "if < x | test \"$(agent fds | tr '\\n' ' ')\" = '0 1 2 '", "run sh as yes | echo yes", "end", NULL);
	help_sh(0, "agent open 20 a open 30 b exec orch run -r r w.orch");
	help_is(".orch/r/result/x", three);
	help_is(".orch/r/result/yes", "yes\n");
}
END_TEST

START_TEST(three_descriptors_though_orch_had_none)
{
	help_file("w.orch", "step x exec agent fds stat 0 err oops", "run x", "run x as y", NULL);
	help_sh(0, "exec orch run -v -r r w.orch <&- >&- 2>&-");
	help_is(".orch/r/result/x", "0\n1\n2\ndevice 0 of 0\n");
	help_is(".orch/r/result/y", "0\n1\n2\ndevice 0 of 0\n");
	help_is(".orch/r/stderr/x", "oops\n");
	help_sh(0, "orch run -r s w.orch >&-");
	help_is(".orch/s/result/x", "0\n1\n2\ndevice 0 of 0\n");
	help_sh(0, "orch run -r t w.orch 2>&-");
	help_is(".orch/t/result/x", "0\n1\n2\ndevice 0 of 0\n");
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
	help_is(".orch/r/result/x", text);
	help_is(".orch/r/result/y", text);
	help_is(".orch/r/result/z", text);
}

START_TEST(signals_at_their_defaults)
{
	write_masks();
	help_sh(0, "orch run -r r w.orch");
	expect_masks(at_defaults);
}
END_TEST

START_TEST(signals_at_their_defaults_whatever_orch_got)
{
	write_masks();
	help_sh(0, "agent ignore TERM ignore PIPE ignore CHLD ignore CONT ignore XFSZ ignore TSTP block ALL "
	    "exec orch run -r r w.orch");
	expect_masks(at_defaults);
}
END_TEST

START_TEST(hangup_interrupt_quit_as_inherited)
{
	write_masks();
	help_sh(0, "agent ignore HUP ignore INT ignore QUIT exec orch run -r r w.orch");
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

	procs_one_agent("signal-parent HUP signal-parent INT signal-parent TERM touch sent sleep 300 say on");
	help_file("three.orch", "step x exec agent signal-parent HUP sleep 200 say on", "run x", NULL);
	help_sh(0, "agent ignore HUP ignore INT ignore TERM exec orch run -r all w.orch");
	help_is(".orch/all/result/x", "on\n");
	for (i = 0; i < 3; i++) {
		snprintf(command, sizeof command, "step x exec agent signal-parent %s sleep 200 say on", signals[i]);
		help_file("one.orch", command, "run x", NULL);
		snprintf(command, sizeof command, "agent ignore %s exec orch run -r %s one.orch", signals[i], signals[i]);
		help_sh(0, command);
		snprintf(result, sizeof result, ".orch/%s/result/x", signals[i]);
		help_is(result, "on\n");
	}
	help_sh(0, "nohup orch run -r r three.orch");
	help_is(".orch/r/result/x", "on\n");
}
END_TEST

START_TEST(a_session_of_its_own)
{
	long pid, pgid, sid;

	procs_one_agent("ids");
	help_sh(0, "orch run -r r w.orch");
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
	long long until = help_ms() + SOON;
	pid_t pid;

	procs_one_agent("tty stat 0");
	pid = start_on_terminal(&master);
	if (!pid) {
		help_skip("process_test", "no_terminal: no pseudo-terminal to be had");
		return;
	}
	while (waitpid(pid, &status, WNOHANG) == 0 && help_ms() < until) {
		drain(master);
		help_pause(5);
	}
	help_is("seen", "open\n");
	help_is(".orch/r/result/x", "ENXIO\ndevice 0 of 0\n");
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
	help_sh(0, "KEPT=yes ORCH_KEY=old ORCH_RUN=old ORCH_ROOT=old ORCH_RESULTS=old orch run -d runs -r r w.orch");
	snprintf(text, sizeof text, "r\nthe-key\n%s/runs/r/result\n%s\n%s/sub\nyes\n", dir, dir, dir);
	help_is("runs/r/result/the-key", text);
}
END_TEST

START_TEST(variables_in_the_environment)
{
	help_file("w.orch", "param long", "step x exec agent exec sh -c 'echo ${#long}'", "run x", NULL);
	help_file("v.orch", "param who world", "step x exec agent env who env i", "for i in one", "run x as x-{{i}}",
	    "end", NULL);
	help_sh(0, "orch run -r r v.orch who=you");
	help_is(".orch/r/result/x-one", "you\none\n");
	help_sh(0, "orch run -r s w.orch long=$(printf %065536d 1)");
	help_is(".orch/s/result/x", "65536\n");
	help_sh(0, "orch run -r t w.orch long=$(printf %065537d 1)");
	help_is(".orch/t/result/x", "0\n");
}
END_TEST

/* 37, 38: what cannot be started. */

START_TEST(not_found_before_anything_starts)
{
	struct ran r;

	help_short_path();
	help_file("w.orch", "step a exec agent touch started", "step b exec no-such-agent", "run a", "run b", NULL);
	r = help_sh(2, "PATH=\"$PATH:/the/last/place\" orch run -r r w.orch");
	help_has(r.err, "no-such-agent");
	help_has(r.err, "is not found in PATH");
	help_has(r.err, "w.orch:");
	help_has(r.err, ": error: ");
	help_none("started");
	r = help_sh(0, "PATH=\"$PATH:/the/last/place\" orch check w.orch");
	help_has(r.err, "no-such-agent");
}
END_TEST

START_TEST(not_executable_before_anything_starts)
{
	struct ran r;

	help_file("tool", "#!/bin/sh", "echo hello", NULL);
	help_file("w.orch", "step a exec agent touch started", "step b exec ./tool", "run a", "run b", NULL);
	r = help_sh(2, "orch run -r r w.orch");
	help_has(r.err, "./tool");
	help_none("started");
	help_sh(0, "chmod +x tool; orch run -r r w.orch");
	help_is(".orch/r/result/b", "hello\n");
}
END_TEST

/* A run whose program is spoilt by COMMAND when the run has begun; returns what orch said. */
static const char *
spoil(const char *command, const char *program)
{
	char first[256], second[256];
	struct ran r;

	help_short_path();
	snprintf(first, sizeof first, "run sh as first | %s", command);
	snprintf(second, sizeof second, "step b exec %s", program);
	help_file("w.orch", second, first, "run b", NULL);
	help_sh(0, "mkdir -p bin; printf '#!/bin/sh\\necho hello\\n' >bin/tool; chmod 755 bin/tool; rm -rf .orch");
	r = help_sh(1, "PATH=\"$PWD/bin:$PATH:/the/last/place\" orch run -r r w.orch");
	help_is(".orch/r/result/first", "");
	help_none(".orch/r/result/b");
	return r.err;
}

START_TEST(not_found_in_the_middle)
{
	const char *err = spoil("rm bin/tool", "tool");

	help_has(err, "tool");
	help_has(err, strerror(ENOENT));
	help_has(err, "/the/last/place");
	help_lacks(err, "127");
	err = spoil("rm bin/tool", "bin/tool");
	help_has(err, "bin/tool");
	help_has(err, strerror(ENOENT));
	help_lacks(err, "127");
}
END_TEST

START_TEST(not_executable_in_the_middle)
{
	const char *err = spoil("chmod 644 bin/tool", "bin/tool");

	help_has(err, "bin/tool");
	help_has(err, strerror(EACCES));
	help_lacks(err, "126");
	err = spoil("chmod 644 bin/tool", "tool");
	help_has(err, "tool");
	help_has(err, strerror(EACCES));
}
END_TEST

START_TEST(missing_interpreter)
{
	const char *err = spoil("printf '#!/no/such/program\\n' >bin/tool", "bin/tool");

	ck_assert_msg(strstr(err, "interpreter") || strstr(err, "first line"), "%s", err);
	help_has(err, "bin/tool");
	err = spoil("printf '#!/bin/sh\\r\\necho\\n' >bin/tool", "tool");
	ck_assert_msg(strstr(err, "interpreter") || strstr(err, "first line"), "%s", err);
	help_has(err, "CR");
}
END_TEST

START_TEST(exit_127_is_no_missing_program)
{
	struct ran r;

	procs_one_agent("exit 127");
	r = help_sh(1, "orch run -r r w.orch");
	help_has(r.err, "127");
	help_lacks(r.err, strerror(ENOENT));
	help_lacks(r.err, "started");
}
END_TEST

START_TEST(a_script_without_a_first_line_goes_to_sh)
{
	help_file("tool", "echo \"$1 $#\"", NULL);
	help_file("w.orch", "step b exec ./tool 'a b' c", "run b", NULL);
	help_sh(0, "chmod +x tool; orch run -r r w.orch");
	help_is(".orch/r/result/b", "a b 2\n");
}
END_TEST

START_TEST(a_missing_directory)
{
	struct ran r;

	help_file("w.orch", "step x exec agent touch started", "cd nowhere", "run x", NULL);
	r = help_run("orch run -r r w.orch");
	ck_assert_msg(r.status == 1 || r.status == 2, "status %d: %s", r.status, r.err);
	help_has(r.err, "nowhere");
	help_has(r.err, "directory");
	help_lacks(r.err, "cannot be started");
	help_none("started");
	help_none("nowhere");
	help_none(".orch/r/result/x");
}
END_TEST

START_TEST(a_directory_that_is_gone_in_the_middle)
{
	struct ran r;

	help_file("w.orch", "step x exec agent say hello", "run sh as first | rmdir sub", "cd sub", "run x", NULL);
	r = help_sh(1, "mkdir sub; orch run -r r w.orch");
	help_has(r.err, "sub");
	help_has(r.err, "directory");
	help_none(".orch/r/result/x");
	help_sh(0, "mkdir sub; orch resume -r r");
	help_is(".orch/r/result/x", "hello\n");
}
END_TEST

/* 60: one argument holds 131,071 bytes on Linux; what is longer is said. */
START_TEST(an_argument_too_long)
{
	struct ran r;

	help_file("w.orch", "step x exec agent say {{big}}", "run sh as big | printf %0131071d 1", "run x", NULL);
	help_sh(0, "orch run -r r w.orch");
	ck_assert_uint_eq(strlen(help_read(".orch/r/result/x", NULL)), 131072);
	if (procs_portable()) {
		help_skip("process_test", "an_argument_too_long: how long is too long is known on Linux only");
		return;
	}
	help_file("w.orch", "step x exec agent say {{big}}", "run sh as big | printf %0131072d 1", "run x", NULL);
	r = help_sh(1, "orch run -r s w.orch");
	help_has(r.err, "failed    x");
	help_has(r.err, "too long");
	help_none(".orch/s/result/x");
}
END_TEST

START_TEST(a_prompt_of_ten_million_bytes)
{
	help_file("w.orch", "step x exec agent length", "run sh as big | head -c 10000000 /dev/zero | tr '\\0' x",
	    "run x | {{big}}", "run x as y < big", NULL);
	help_sh(0, "orch run -r r w.orch");
	help_is(".orch/r/result/x", "10000001\n");
	help_is(".orch/r/result/y", "10000000\n");
}
END_TEST

/* 39, 40: what is not a result. */

START_TEST(a_timeout_is_no_result)
{
	struct ran r;
	long long at;

	help_file("w.orch", "step x exec agent partial-on-term half touch up sleep 60000", "timeout 1s", "run x", NULL);
	at = help_ms();
	r = help_sh(1, "orch run -r r w.orch");
	ck_assert_int_lt(help_ms() - at, 9000);
	help_is("up", "");
	help_has(r.err, "timed out");
	help_lacks(r.err, "exit status");
	help_none(".orch/r/result/x");
	procs_none_left(0);
}
END_TEST

START_TEST(a_timeout_kills_the_deaf)
{
	long long at;

	help_file("w.orch", "step x exec agent note notes sleep 60000", "timeout 1s", "run x", NULL);
	at = help_ms();
	help_sh(1, "orch run -r r w.orch");
	ck_assert_int_ge(help_ms() - at, 10500);
	ck_assert_int_lt(help_ms() - at, 25000);
	help_is("notes", "T");
	procs_none_left(0);
}
END_TEST

START_TEST(a_timeout_of_0_is_none)
{
	help_file("w.orch", "timeout 1s", "step x exec agent sleep 1800 say late", "timeout 0", "run x", NULL);
	help_sh(0, "orch run -r r w.orch");
	help_is(".orch/r/result/x", "late\n");
}
END_TEST

START_TEST(a_timeout_holds_for_filter_and_check)
{
	struct ran r;

	help_file("w.orch", "timeout 1s", "step x exec agent say hello", "filter agent sleep 60000", "run x",
	    NULL);
	r = help_sh(1, "orch run -r r w.orch");
	help_has(r.err, "timed out");
	help_none(".orch/r/result/x");
	help_file("w.orch", "timeout 1s", "step x exec agent say hello", "check agent partial-on-term y sleep 60000", "run x",
	    NULL);
	r = help_sh(1, "orch run -r s w.orch");
	help_has(r.err, "timed out");
	help_none(".orch/s/result/x");
	procs_none_left(0);
}
END_TEST

START_TEST(exit_143_is_told_from_sigterm)
{
	struct ran r;

	procs_one_agent("say out exit 143");
	r = help_sh(1, "orch run -r r w.orch");
	help_has(r.err, "exit status 143");
	help_lacks(r.err, "SIGTERM");
	procs_one_agent("say out kill TERM");
	r = help_sh(1, "orch run -r s w.orch");
	help_has(r.err, "SIGTERM");
	help_lacks(r.err, "143");
	help_lacks(r.err, "timed out");
	procs_one_agent("say out kill SEGV");
	r = help_sh(1, "orch run -r t w.orch");
	help_has(r.err, "SIGSEGV");
	help_none(".orch/r/result/x");
	help_none(".orch/s/result/x");
	help_none(".orch/t/result/x");
}
END_TEST

/* Somebody else ends an agent: neither a timeout nor a stop. */
START_TEST(killed_by_somebody_else)
{
	const char *err;
	pid_t orch;

	help_file("w.orch", "step x exec agent append up 1 sleep 60000", "timeout 10m", "run x", NULL);
	orch = procs_start("exec orch run -r r w.orch");
	procs_await_lines("up", 1, SOON);
	kill(procs_pid_in("pids", 0), SIGTERM);
	ck_assert_int_eq(procs_end(orch, SOON), 1);
	err = help_read("err", NULL);
	help_has(err, "SIGTERM");
	help_lacks(err, "timed out");
	help_lacks(err, "interrupted");
	help_none(".orch/r/result/x");
}
END_TEST

START_TEST(a_failure_shows_the_last_lines)
{
	struct ran r;

	help_file("w.orch", "step x exec agent exec sh -c 'seq 1 200; seq 1001 1200 >&2; "
	    "printf \"\\033[31mred\\007\\n\" >&2; printf \"\\033]0;title\\033\\\\\\\\\"; exit 3'", "run x", NULL);
	r = help_sh(1, "orch run -r r w.orch");
	help_has(r.err, "exit status 3");
	help_has(r.err, "1200\n");
	help_has(r.err, " 200\n");
	help_has(r.err, "    err| red");
	help_lacks(r.err, "[31m");
	help_lacks(r.err, "title");
	help_lacks(r.err, "\033");
	help_lacks(r.err, "\007");
	help_lacks(r.err, " 100\n");
	help_lacks(r.err, " 1100\n");
	help_has(help_read(".orch/r/stderr/x", NULL), "1200\n\033[31mred\007\n");
	r = help_sh(0, "orch logs -r r x");
	help_has(r.out, "1200\n\033[31mred\007\n");
	help_has(r.out, "\n200\n\033]0;title\033\\");
	help_none(".orch/r/result/x");
}
END_TEST

START_TEST(a_failure_shows_its_one_stream)
{
	struct ran r;

	procs_one_agent("say 'API Error: 529 overloaded' exit 1");
	r = help_sh(1, "orch run -q -r r w.orch");
	help_has(r.err, "API Error: 529 overloaded");
	procs_one_agent("err 'ERROR: no network' exit 1");
	r = help_sh(1, "orch run -q -r s w.orch");
	help_has(r.err, "ERROR: no network");
}
END_TEST

/* 41: what an agent leaves behind. */

static const char *const kinds[] = { "child", "stubborn", "stopped", "daemon", "holder", "writer" };

enum { KINDS = LEN(kinds), GROUP_KINDS = 3 };

/* Whether the leftovers of this KIND can be found: those in the agent's group, and elsewhere than on Linux
 * no others. */
static int
can_find(int kind)
{
	return kind < GROUP_KINDS || !procs_portable();
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
	at = help_ms();
	help_sh(0, "orch run -r r w.orch");
	ck_assert_int_lt(help_ms() - at, 40000);
	ck_assert_int_ge(procs_lines("pids"), 2);
	procs_none_left(0);
	help_is(".orch/r/result/look", "");
	/* whoever wrote into the result could not do so after it counted */
	copy = help_read("copy", NULL);
	help_is(".orch/r/result/x", copy);
	help_has(copy, "hello\n");
}
END_TEST

START_TEST(leftovers_of_a_failure)
{
	long long at;

	if (!can_find(_i))
		return;
	write_leaver(_i, "say hello exit 7", "otherwise none");
	at = help_ms();
	help_sh(0, "orch run -r r w.orch");
	ck_assert_int_lt(help_ms() - at, 40000);
	procs_none_left(0);
	help_is(".orch/r/result/x", "none");
	help_is(".orch/r/result/look", "");
}
END_TEST

START_TEST(leftovers_of_a_timeout)
{
	if (!can_find(_i))
		return;
	write_leaver(_i, "touch up sleep 60000", "timeout 2s");
	help_sh(1, "orch run -r r w.orch");
	help_is("up", "");
	ck_assert_int_ge(procs_lines("pids"), 2);
	procs_none_left(0);
	help_none(".orch/r/result/x");
}
END_TEST

START_TEST(leftovers_of_an_agent_that_was_killed)
{
	if (!can_find(_i))
		return;
	write_leaver(_i, "kill KILL", "#");
	help_sh(1, "orch run -r r w.orch");
	ck_assert_int_ge(procs_lines("pids"), 2);
	procs_none_left(0);
}
END_TEST

START_TEST(leftovers_of_filter_check_and_if)
{
	help_file("w.orch", "step x exec agent say hello", "filter agent child 50000 cat", "check agent stubborn 50000",
	    "run x", "if agent child 50000 stubborn 50000", "run sh as yes | agent child 50000 say yes", "end", NULL);
	help_sh(0, "orch run -r r w.orch");
	help_is(".orch/r/result/x", "hello\n");
	help_is(".orch/r/result/yes", "yes\n");
	ck_assert_int_ge(procs_lines("pids"), 8);
	procs_none_left(0);
}
END_TEST

/* What stays in the group gets a TERM and a second, before it is killed. */
START_TEST(leftovers_are_told_before_they_are_killed)
{
	help_file("w.orch", "step x exec sh -c 'agent note notes touch up sleep 500 append notes end & "
	    "agent wait-file up say hello'", "run x", NULL);
	help_sh(0, "orch run -r r w.orch");
	help_is(".orch/r/result/x", "hello\n");
	help_is("notes", "Tend\n");
}
END_TEST

/* Where a process in a session of its own cannot be found, it still cannot write into a result that counts. */
START_TEST(who_holds_the_result_is_no_surprise)
{
	struct ran r;

	if (!procs_portable())
		return;
	procs_one_agent("holder 20000 say hello");
	r = help_sh(1, "orch run -r r w.orch");
	help_has(r.err, "still open for writing");
	help_none(".orch/r/result/x");
	procs_kill();
	procs_none_left(AFTER);
}
END_TEST

/* Processes that fork and end all the time, faster than a list of them can be read. */
START_TEST(a_fork_storm_ends)
{
	long long at = help_ms();

	if (procs_portable()) {
		help_skip("process_test", "a_fork_storm_ends: only Linux can stop it");
		return;
	}
	procs_one_agent("storm 4 say hello");
	help_sh(0, "orch run -r r w.orch");
	ck_assert_int_lt(help_ms() - at, 28000);
	help_is(".orch/r/result/x", "hello\n");
	procs_none_left(0);
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
	orch = procs_start("exec orch run -r r w.orch");
	procs_await_lines("pids", 500, 40000);
	close(gate);
	ck_assert_int_eq(procs_end(orch, 40000), 0);
	ck_assert_int_eq(count_results(), 500);
	help_is(".orch/r/result/x-500", "500\n");
	procs_none_left(0);
}
END_TEST

START_TEST(fifteen_hundred_at_once_with_few_descriptors)
{
	pid_t orch;
	int gate = close_gate();

	write_many(1500, "wait-lock gate say {{i}}");
	orch = procs_start("ulimit -n 256; exec orch run -q -r r w.orch");
	procs_await_lines("pids", 1500, 90000);
	close(gate);
	ck_assert_int_eq(procs_end(orch, 90000), 0);
	ck_assert_int_eq(count_results(), 1500);
	procs_none_left(0);
}
END_TEST

START_TEST(five_hundred_items_with_64_descriptors)
{
	write_many(500, "sleep 20 say {{i}}");
	help_sh(0, "ulimit -n 64; exec orch run -q -r r w.orch");
	ck_assert_int_eq(count_results(), 500);
	procs_none_left(0);
}
END_TEST

START_TEST(three_hundred_are_stopped)
{
	pid_t orch;
	int gate = close_gate();

	write_many(300, "holder 50000 wait-lock gate say {{i}}");
	if (procs_portable())
		write_many(300, "child 50000 wait-lock gate say {{i}}");
	orch = procs_start("exec orch run -q -r r w.orch");
	procs_await_lines("pids", 600, 40000);
	kill(orch, SIGTERM);
	ck_assert_int_eq(procs_end(orch, 30000), 128 + SIGTERM);
	procs_none_left(AFTER);
	ck_assert_int_eq(count_results(), 0);
	close(gate);
}
END_TEST

START_TEST(three_hundred_are_killed)
{
	pid_t orch;
	int gate = close_gate();

	write_many(300, "child 50000 wait-lock gate say {{i}}");
	orch = procs_start("exec orch run -q -r r w.orch");
	procs_await_lines("pids", 600, 40000);
	kill(orch, SIGKILL);
	ck_assert_int_eq(procs_end(orch, 30000), 128 + SIGKILL);
	procs_none_left(SOON);
	close(gate);
}
END_TEST

/* 44: a limit of processes holds for a user; root has none, and so becomes one that nobody else is. */
static struct ran
run_with_processes(int n)
{
	return help_run("umask 0; chmod 777 .; touch pids log; chmod 666 pids log; "
	    "agent user 61873 limit nproc %d exec orch run -r r w.orch", n);
}

START_TEST(few_processes_to_be_had)
{
	struct ran r;

	if (!help_becomes("few_processes_to_be_had"))
		return;
	write_many(50, "append log + sleep 30 append log - say {{i}}");
	r = run_with_processes(12);
	ck_assert_msg(r.status == 0, "status %d: %s", r.status, r.err);
	ck_assert_int_eq(count_results(), 50);
	ck_assert_int_eq(procs_lines("log"), 100);    /* no agent was asked twice */
	ck_assert_int_ge(procs_most("log"), 2);
	ck_assert_int_le(procs_most("log"), 5);
	procs_none_left(0);
}
END_TEST

START_TEST(processes_for_one_agent_alone)
{
	struct ran r;

	if (!help_becomes("processes_for_one_agent_alone"))
		return;
	write_many(20, "append log + append log - say {{i}}");
	r = run_with_processes(3);
	ck_assert_msg(r.status == 0, "status %d: %s", r.status, r.err);
	ck_assert_int_eq(count_results(), 20);
	ck_assert_int_eq(procs_lines("log"), 40);
	ck_assert_int_eq(procs_most("log"), 1);
}
END_TEST

START_TEST(no_process_to_be_had_at_all)
{
	struct ran r;
	long long at;

	if (!help_becomes("no_process_to_be_had_at_all"))
		return;
	procs_one_agent("append log 1 say x");
	at = help_ms();
	r = run_with_processes(2);
	ck_assert_int_eq(r.status, 1);
	ck_assert_int_ge(help_ms() - at, 25000);
	ck_assert_int_lt(help_ms() - at, 50000);
	help_has(r.err, "process");
	help_none(".orch/r/result/x");
	procs_none_left(AFTER);
}
END_TEST

/* -j counts over all blocks. */
START_TEST(agents_in_flight_over_blocks)
{
	help_file("w.orch", "step x exec agent append log + sleep 40 append log - say {{i}}{{k}}", "parallel i in 1..4",
	    "parallel k in 1..4", "run x as x-{{i}}-{{k}}", "end", "end", NULL);
	help_sh(0, "orch run -j 3 -r r w.orch");
	ck_assert_int_eq(procs_lines("log"), 32);
	ck_assert_int_eq(procs_most("log"), 3);
	ck_assert_int_eq(count_results(), 16);
	help_sh(0, "rm -rf .orch log; orch run -j 1 -r r w.orch");
	ck_assert_int_eq(procs_most("log"), 1);
	ck_assert_int_eq(count_results(), 16);
	help_sh(0, "rm -rf .orch log; sed 's/sleep 40/sleep 2000/' w.orch >v.orch; orch run -r r v.orch");
	ck_assert_int_gt(procs_most("log"), 3);
}
END_TEST

/* A slot is taken until the filter has ended: it is the same step. */
START_TEST(a_cap_counts_whole_steps)
{
	help_file("w.orch", "step x exec agent say {{i}}", "filter agent append log + sleep 60 append log - cat",
	    "parallel max 2 i in 1..8", "run x as x-{{i}}", "end", NULL);
	help_sh(0, "orch run -r r w.orch");
	ck_assert_int_eq(procs_most("log"), 2);
	ck_assert_int_eq(procs_lines("log"), 16);
}
END_TEST

/* The suite. */

static void
add_given(Suite *s)
{
	TCase *c = help_case(s, "given", procs_begin, 60);

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
	TCase *c = help_case(s, "unstartable", procs_begin, 60);

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
	TCase *c = help_case(s, "no answer", procs_begin, 60);

	tcase_add_test(c, a_timeout_is_no_result);
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
	TCase *c = help_case(s, "leftovers", procs_begin, 60);

	tcase_add_loop_test(c, leftovers_of_a_normal_end, 0, KINDS);
	tcase_add_loop_test(c, leftovers_of_a_failure, 0, KINDS);
	tcase_add_loop_test(c, leftovers_of_a_timeout, 0, KINDS);
	tcase_add_loop_test(c, leftovers_of_an_agent_that_was_killed, 0, KINDS);
	tcase_add_test(c, leftovers_of_filter_check_and_if);
	tcase_add_test(c, leftovers_are_told_before_they_are_killed);
	tcase_add_test(c, who_holds_the_result_is_no_surprise);
	tcase_add_test(c, a_fork_storm_ends);
}

static void
add_many(Suite *s)
{
	TCase *c = help_case(s, "many", procs_begin, 240);

	tcase_add_test(c, five_hundred_end_at_once);
	tcase_add_test(c, five_hundred_items_with_64_descriptors);
	tcase_add_test(c, three_hundred_are_stopped);
	tcase_add_test(c, three_hundred_are_killed);
	tcase_add_test(c, few_processes_to_be_had);
	tcase_add_test(c, processes_for_one_agent_alone);
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
	add_many(s);
	c = help_case(s, "slow", procs_begin, 240);
	tcase_set_tags(c, "slow");
	tcase_add_test(c, no_process_to_be_had_at_all);
	tcase_add_test(c, fifteen_hundred_at_once_with_few_descriptors);
	c = help_case(s, "deaf", procs_begin, 60);
	tcase_add_test(c, a_timeout_kills_the_deaf);
	return s;
}

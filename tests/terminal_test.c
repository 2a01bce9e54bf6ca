/* Whole runs on a pseudo-terminal: questions, agents that are given the terminal, and job control under the
 * shells that are found here.
 *
 * A test types, and waits for what is shown, until a deadline; nothing sleeps and hopes. What is waited
 * for is never what was typed: the terminal echoes. Each agent puts its number into the file pids. On
 * Linux the test is the subreaper of all that it has started, and nobody of them may be alive after it. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include "tests/help.h"
#include "tests/suites.h"

#define RESULT ".orch/x/result/"
#define LEN(a) (sizeof (a) / sizeof *(a))

enum {
	SOON = 15 * 1000,       /* ms: what happens at once, on a busy machine */
	GONE = 5000             /* ms: within which nobody is left */
};

/* The means. */

/* A terminal with a program on it. */
struct pty {
	int master;
	pid_t pid;              /* the leader of its session; 0 when it has ended */
	char seen[1 << 18];     /* all that was shown: what is more than that is not read */
	size_t n, from;         /* how much; where what was not yet waited for begins */
};

static struct pty tty;

/* What was shown, its control characters made visible: for the words of a failed test. */
static const char *
shown(void)
{
	static char text[sizeof tty.seen * 2];
	size_t i, at = 0;

	for (i = tty.n > 4000 ? tty.n - 4000 : 0; i < tty.n; i++)
		if ((unsigned char)tty.seen[i] < 32 && tty.seen[i] != '\n')
			at += (size_t)sprintf(text + at, "\\x%02x", (unsigned char)tty.seen[i]);
		else
			text[at++] = tty.seen[i];
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
	close(tty.master);
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

/* Starts a program on a new terminal. */
static void
on_terminal(char *const argv[])
{
	char slave[64];

	tty.n = tty.from = 0;
	tty.master = posix_openpt(O_RDWR | O_NOCTTY);
	ck_assert_int_ge(tty.master, 0);
	ck_assert_int_eq(grantpt(tty.master) | unlockpt(tty.master), 0);
	snprintf(slave, sizeof slave, "%s", ptsname(tty.master));
	tty.pid = fork();
	ck_assert_int_ge(tty.pid, 0);
	if (!tty.pid)
		become(slave, argv);
	fcntl(tty.master, F_SETFL, O_NONBLOCK);
	fcntl(tty.master, F_SETFD, FD_CLOEXEC);
}

/* Starts a command that execs orch, so that it is orch that has the terminal, without a shell. */
static void
command_on_terminal(const char *command)
{
	char sh[] = "/bin/sh", c[] = "-c", copy[2048];
	char *argv[] = { sh, c, copy, NULL };

	snprintf(copy, sizeof copy, "%s", command);
	on_terminal(argv);
}

/* Takes what the terminal has to show, waiting MS for it at most; how many bytes. It is a hang-up only for
 * now when nobody has the terminal open: /dev/tty can still be opened. */
static size_t
look(int ms)
{
	struct pollfd p = { 0, POLLIN, 0 };
	ssize_t n = 0;

	p.fd = tty.master;
	if (poll(&p, 1, ms) > 0)
		n = read(tty.master, tty.seen + tty.n, sizeof tty.seen - 1 - tty.n);
	if (n < 0 && errno == EIO)
		help_pause(ms);
	if (n > 0)
		tty.n += (size_t)n;
	tty.seen[tty.n] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* Whether the program on the terminal is there no more; it is still to be waited for. */
static int
has_ended(void)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	return waitid(P_PID, (id_t)tty.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == tty.pid;
}

/* Waits until TEXT is shown, behind all that was waited for before. */
static void
expect(const char *text)
{
	long long until = help_ms() + SOON;
	int over = 0;
	char *at;

	tty.seen[tty.n] = '\0';
	while (!(at = strstr(tty.seen + tty.from, text))) {
		ck_assert_msg(!over && help_ms() < until, "`%s` was not shown, but:\n%s", text, shown());
		over = has_ended();
		while (look(over ? 0 : 5))
			;
	}
	tty.from = (size_t)(at - tty.seen) + strlen(text);
}

static void
type(const char *text)
{
	size_t n = strlen(text);

	ck_assert_int_eq(write(tty.master, text, n), (long)n);
}

/* Waits until the program has ended; returns its exit status, or 128 and the signal's number. */
static int
end_of_program(void)
{
	long long until = help_ms() + SOON;
	int status = 0;
	pid_t got;

	while (!(got = waitpid(tty.pid, &status, WNOHANG))) {
		if (help_ms() > until) {
			kill(tty.pid, SIGKILL);
			ck_abort_msg("it has not ended; it shows:\n%s", shown());
		}
		look(5);
	}
	ck_assert_int_eq(got, tty.pid);
	tty.pid = 0;
	while (look(0))
		;
	close(tty.master);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The program ends with STATUS. */
static void
ends(int status)
{
	int got = end_of_program();

	ck_assert_msg(got == status, "it ended with %d, not %d, and shows:\n%s", got, status, shown());
}

static void
await_file(const char *name)
{
	long long until = help_ms() + SOON;

	while (!help_exists(name)) {
		ck_assert_msg(help_ms() < until, "there is no %s; the terminal shows:\n%s", name, shown());
		look(5);
	}
}

static void
await_more_ticks(const char *name)
{
	int n = help_count(help_read(name, NULL), "\n");
	long long until = help_ms() + SOON;

	while (help_count(help_read(name, NULL), "\n") <= n) {
		ck_assert_msg(help_ms() < until, "%s does not grow; the terminal shows:\n%s", name, shown());
		look(5);
	}
}

/* Processes. */

/* The number that FILE begins with. */
static pid_t
pid_in(const char *file)
{
	long pid = atol(help_read(file, NULL));

	ck_assert_msg(pid > 1, "no number in %s", file);
	return (pid_t)pid;
}

/* Of the first orch that worked on the run x. */
static pid_t
orch_pid(void)
{
	long long until = help_ms() + SOON;
	const char *s;

	while (!(s = strstr(help_read(".orch/x/log", NULL), "\twalk\t")) || !strchr(s, '\n')) {
		ck_assert_msg(help_ms() < until, "no orch is in the log; the terminal shows:\n%s", shown());
		look(5);
	}
	return (pid_t)atol(s + 6);
}

/* How PID is: R, S, T (stopped) and so on; 0 if it is gone, '?' if that cannot be known. */
static int
state_of(pid_t pid)
{
	char path[64];
	const char *s;

	if (kill(pid, 0) && errno == ESRCH)
		return 0;
	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	s = strrchr(help_read(path, NULL), ')');
	return s && s[1] ? s[2] : '?';
}

static void
await_state(pid_t pid, int stopped)
{
	long long until = help_ms() + SOON;
	int state;

	while ((state = state_of(pid)) != '?' && (!state || (state == 'T') != stopped)) {
		ck_assert_msg(help_ms() < until, "%ld is `%c`, not %s; the terminal shows:\n%s", (long)pid, state ? state : '-',
		    stopped ? "stopped" : "going", shown());
		look(5);
	}
}

/* Some shells reap a job that has ended only when they are asked for the next command. */
static void
await_gone(pid_t pid)
{
	long long until = help_ms() + SOON;

	while (kill(pid, 0) == 0 && state_of(pid) != 'Z') {
		ck_assert_msg(help_ms() < until, "%ld is alive; the terminal shows:\n%s", (long)pid, shown());
		look(5);
	}
}

/* How many of the processes in pids, and of this test's children, are alive. */
static int
count_left(void)
{
	const char *s = help_read("pids", NULL);
	int n = 0;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	for (; *s; s = strchr(s, '\n') + 1)
		n += kill((pid_t)atol(s), 0) == 0;
#if defined(__linux__)
	n += waitpid(-1, NULL, WNOHANG) == 0;
#endif
	return n;
}

static void
begin(void)
{
	char pids[PATH_MAX];

	help_start();
	ck_assert_ptr_nonnull(getcwd(pids, sizeof pids - 6));
	strcat(pids, "/pids");
	setenv("AGENT_PIDS", pids, 1);
	setenv("LC_ALL", "C", 1);
	setenv("TERM", "dumb", 1);
	unsetenv("ENV");
	signal(SIGHUP, SIG_DFL);
#if defined(__linux__)
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
#endif
}

static void
end(void)
{
	long long until = help_ms() + GONE;
	int left;

	ck_assert_msg(!tty.pid, "the test has not waited for its program");
	while ((left = count_left()) && help_ms() < until)
		help_pause(5);
	ck_assert_msg(!left, "%d that were started are alive", left);
	help_end();
}

/* Runs COMMAND in a session without a terminal; it must end with STATUS. */
static struct ran
without_terminal(int status, const char *command)
{
	struct ran r;
	pid_t pid = fork();
	int got;

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		setsid();
		r = help_run("%s", command);
		help_bytes("out", r.out, strlen(r.out));
		help_bytes("err", r.err, strlen(r.err));
		_exit(r.status);
	}
	ck_assert_int_eq(waitpid(pid, &got, 0), pid);
	r.status = WEXITSTATUS(got);
	r.out = help_read("out", NULL);
	r.err = help_read("err", NULL);
	ck_assert_msg(r.status == status, "%s\n%d, not %d; it says:\n%s%s", command, r.status, status, r.out, r.err);
	return r;
}

/* Questions. */

START_TEST(a_question_shows_its_choices)
{
	help_file("f.orch", "param v", "ask q yes no | Go on with {{v}}?", "print | so: {{q}}", NULL);
	command_on_terminal("exec orch run -r x f.orch v=this");
	expect("Go on with this?");
	expect("yes");
	expect("no");
	type("yes\n");
	expect("so: yes");
	ends(0);
	help_is(RESULT "q", "yes\n");
}
END_TEST

START_TEST(an_unambiguous_beginning)
{
	help_file("f.orch", "ask q stay stop go | Well?", NULL);
	command_on_terminal("exec orch run -r x f.orch");
	expect("Well?");
	type("g\n");
	ends(0);
	help_is(RESULT "q", "go\n");
}
END_TEST

START_TEST(a_choice_that_begins_another)
{
	help_file("f.orch", "ask q no nobody | Who?", NULL);
	command_on_terminal("exec orch run -r x f.orch");
	expect("Who?");
	type("n\n");
	expect("Who?");
	type("no\n");
	ends(0);
	help_is(RESULT "q", "no\n");
}
END_TEST

START_TEST(a_wrong_answer_is_asked_again)
{
	static const char *const wrong[] = { "perhaps\n", "st\n", "yesno\n", "\n", "stay stop\n" };
	size_t i;

	help_file("f.orch", "ask q stay stop yes | Well?", "run sh as after | echo here", NULL);
	command_on_terminal("exec orch run -r x f.orch");
	for (i = 0; i < LEN(wrong); i++) {
		expect("Well?");
		help_none(RESULT "q");
		type(wrong[i]);
	}
	expect("Well?");
	type("sto\n");
	ends(0);
	help_is(RESULT "q", "stop\n");
	help_is(RESULT "after", "here\n");
}
END_TEST

START_TEST(an_empty_line_takes_the_default)
{
	help_file("f.orch", "ask q yes no default no | Well?", "ask r default 'as it is' | How?", NULL);
	command_on_terminal("exec orch run -r x f.orch");
	expect("Well?");
	type("\n");
	expect("How?");
	type("\n");
	ends(0);
	help_is(RESULT "q", "no\n");
	help_is(RESULT "r", "as it is\n");
}
END_TEST

START_TEST(a_default_is_not_forced)
{
	help_file("f.orch", "ask q yes no default no | Well?", NULL);
	command_on_terminal("exec orch run -r x f.orch");
	expect("Well?");
	type("y\n");
	ends(0);
	help_is(RESULT "q", "yes\n");
}
END_TEST

START_TEST(without_choices_a_line)
{
	help_file("f.orch", "ask name | Who are you?", "print | <{{name}}>", NULL);
	command_on_terminal("exec orch run -r x f.orch");
	expect("Who are you?");
	type("  $(me) {{x}} 'and' you \n");
	expect("<  $(me) {{x}} 'and' you >");
	ends(0);
	help_is(RESULT "name", "  $(me) {{x}} 'and' you \n");
}
END_TEST

START_TEST(the_end_of_input_fails_the_step)
{
	help_file("f.orch", "ask q yes no default no | Well?", "run sh as after | :", NULL);
	command_on_terminal("exec orch run -r x f.orch");
	expect("Well?");
	type("\004");
	ends(1);
	help_none(RESULT "q");
	help_none(RESULT "after");
	command_on_terminal("exec orch resume -r x");
	expect("Well?");
	type("yes\n");
	ends(0);
	help_is(RESULT "q", "yes\n");
}
END_TEST

START_TEST(interrupted_while_it_asks)
{
	help_file("f.orch", "ask q yes no default no | Well?", NULL);
	command_on_terminal("exec orch run -r x f.orch");
	expect("Well?");
	type("\003");
	ends(128 + SIGINT);
	help_none(RESULT "q");
	command_on_terminal("exec orch resume -r x");
	expect("Well?");
	type("no\n");
	ends(0);
	help_is(RESULT "q", "no\n");
}
END_TEST

START_TEST(an_answer_is_kept)
{
	help_file("f.orch", "ask q yes no | Well?", "print | so {{q}}", "ask r | And?", NULL);
	command_on_terminal("exec orch run -r x f.orch");
	expect("Well?");
	type("yes\n");
	expect("And?");
	type("\004");
	ends(1);
	command_on_terminal("exec orch resume -r x");
	expect("so yes");
	expect("And?");
	help_lacks(tty.seen, "Well?");
	type("\n");
	ends(0);
	help_is(RESULT "r", "\n");
	command_on_terminal("exec orch run -r x f.orch");
	expect("so yes");
	ends(0);
	help_lacks(tty.seen, "Well?");
	help_lacks(tty.seen, "And?");
}
END_TEST

START_TEST(it_is_asked_on_the_terminal_whatever_standard_input_is)
{
	help_file("in", "no", NULL);
	help_file("f.orch", "ask q yes no default no | Well?", NULL);
	command_on_terminal("exec orch run -q -r x f.orch <in >out 2>err");
	expect("Well?");
	type("yes\n");
	ends(0);
	help_is(RESULT "q", "yes\n");
	help_is("out", "");
	help_is("err", "");
}
END_TEST

START_TEST(control_characters_of_a_question_are_made_visible)
{
	help_file("f.orch", "run sh as r | printf 'a\\033]0;owned\\007b\\rc\\177\\233d'", "ask q yes no | Take {{r}}?",
	    NULL);
	command_on_terminal("exec orch run -q -r x f.orch");
	expect("Take a");
	expect("d?");
	type("yes\n");
	ends(0);
	help_lacks(tty.seen, "\033]0;");
	help_lacks(tty.seen, "\007");
	help_lacks(tty.seen, "\rc");
	help_lacks(tty.seen, "\177");
	help_has(tty.seen, "x1b]0;owned");
}
END_TEST

START_TEST(a_question_of_a_called_file)
{
	help_file("in.orch", "ask q yes no | Inside?", NULL);
	help_file("f.orch", "call in.orch as c", "print | {{c/q}}", NULL);
	command_on_terminal("exec orch run -r x f.orch");
	expect("Inside?");
	type("no\n");
	ends(0);
	help_is(RESULT "c%2Fq", "no\n");
}
END_TEST

START_TEST(questions_in_a_loop)
{
	help_file("f.orch", "for i in 1 2", "ask q-{{i}} yes no | Well {{i}}?", "end", NULL);
	command_on_terminal("exec orch run -r x f.orch");
	expect("Well 1?");
	type("yes\n");
	expect("Well 2?");
	type("no\n");
	ends(0);
	help_is(RESULT "q-1", "yes\n");
	help_is(RESULT "q-2", "no\n");
}
END_TEST

START_TEST(without_a_terminal_the_default)
{
	help_file("f.orch", "ask q yes no default no | Well?", "print | so {{q}}", NULL);
	ck_assert_str_eq(without_terminal(0, "orch run -r x f.orch").out, "so no\n");
	help_is(RESULT "q", "no\n");
}
END_TEST

START_TEST(without_a_terminal_and_default_it_says_how_to_answer)
{
	struct ran r;

	help_file("f.orch", "run sh as one | echo 1", "ask q yes no | Well?", "if < q | grep -qx yes",
	    "run sh as two | echo 2", "end", NULL);
	r = without_terminal(1, "orch run -q -r x f.orch");
	help_has(r.err, "echo ");
	help_has(r.err, ".orch/x/result/q");
	help_is(RESULT "one", "1\n");
	help_none(RESULT "q");
	without_terminal(1, "orch resume -q -r x");
	without_terminal(0, "echo yes >.orch/x/result/q && orch resume -r x");
	help_is(RESULT "two", "2\n");
	help_is(RESULT "q", "yes\n");
}
END_TEST

START_TEST(how_to_answer_in_a_called_file)
{
	struct ran r;

	help_file("in.orch", "ask 'the q' | Well?", NULL);
	help_file("f.orch", "call in.orch as c", "print | {{c/the q}}", NULL);
	r = without_terminal(1, "orch run -q -r x f.orch");
	help_has(r.err, ".orch/x/result/c%2Fthe%20q");
	ck_assert_str_eq(without_terminal(0, "echo a b >.orch/x/result/c%2Fthe%20q && orch resume -r x").out, "a b\n");
}
END_TEST

/* Agents that are given the terminal. */

/* The run x holds one interactive step, talk, which does AGENT, and a step after it. */
static void
interactive(const char *agent)
{
	char line[1024];

	snprintf(line, sizeof line, "step talk exec %s", agent);
	help_file("f.orch", line, "interactive", "run talk", "run sh as after | echo later", NULL);
}

START_TEST(interactive_has_the_terminal)
{
	interactive("sh -c 'test -t 0 && test -t 1 && test -t 2 && read l </dev/tty && echo \"all three: $l\"'");
	command_on_terminal("exec orch run -r x f.orch");
	type("typed\n");
	expect("all three: typed");
	ends(0);
	help_is(RESULT "talk", "");
	help_is(RESULT "after", "later\n");
}
END_TEST

START_TEST(interactive_is_in_the_foreground)
{
	pid_t group;
	char text[64];

	interactive("agent ids touch up cat");
	command_on_terminal("exec orch run -r x f.orch");
	await_file("up");
	expect("pgid ");
	expect(" ");
	group = (pid_t)atol(strstr(tty.seen, "pgid ") + 5);
	ck_assert_int_eq(tcgetpgrp(tty.master), group);
	snprintf(text, sizeof text, "sid %ld", (long)tty.pid);
	expect(text);
	type("\004");
	ends(0);
}
END_TEST

START_TEST(interactive_gets_its_prompt_where_the_braces_stand)
{
	help_file("f.orch", "param y Y", "agent mine agent args -p {} last", "run mine as talk | Say \"it\", $x {{y}}",
	    "| and more", "interactive", NULL);
	command_on_terminal("exec orch run -q -r x f.orch");
	expect("-p\r\nSay \"it\", $x Y\r\nand more");
	expect("last\r\n");
	ends(0);
	help_is(RESULT "talk", "");
}
END_TEST

static void
fake(const char *name)
{
	char path[64];

	mkdir("bin", 0777);
	snprintf(path, sizeof path, "bin/%s", name);
	help_file(path, "#!/bin/sh", "printf '[%s]' \"${0##*/}\" \"$@\"", "test -t 0 && echo ' at the terminal'", NULL);
	ck_assert_int_eq(chmod(path, 0755), 0);
}

START_TEST(claude_and_codex_have_interactive_words)
{
	fake("claude");
	fake("codex");
	help_file("f.orch", "step a claude --model m", "| Hello", "interactive", "step b codex -s s", "| Hello", "interactive",
	    "run a", "run b", NULL);
	command_on_terminal("PATH=$PWD/bin:$PATH exec orch run -q -r x f.orch");
	expect("[claude][Hello");
	expect("][--model][m] at the terminal");
	expect("[codex][--no-daemon][Hello");
	expect("][-s][s] at the terminal");
	ends(0);
}
END_TEST

START_TEST(interactive_is_kept)
{
	interactive("agent say talking count n exit 0");
	command_on_terminal("exec orch run -r x f.orch");
	expect("talking");
	ends(0);
	help_is(RESULT "talk", "");
	command_on_terminal("exec orch run -r x f.orch");
	ends(0);
	help_is("n", ".");
	help_lacks(tty.seen, "talking");
}
END_TEST

START_TEST(interactive_that_fails)
{
	interactive("agent count n once ok exit 3");
	command_on_terminal("exec orch run -r x f.orch");
	expect("exit status 3");
	ends(1);
	help_none(RESULT "talk");
	help_none(RESULT "after");
	command_on_terminal("exec orch resume -r x");
	ends(0);
	help_is("n", "..");
	help_is(RESULT "after", "later\n");
}
END_TEST

/* The modes of the terminal, as they are now. */
static struct termios
modes(void)
{
	struct termios t;

	memset(&t, 0, sizeof t);
	ck_assert_int_eq(tcgetattr(tty.master, &t), 0);
	return t;
}

static void
same_modes(struct termios a, struct termios b)
{
	ck_assert_uint_eq(a.c_iflag, b.c_iflag);
	ck_assert_uint_eq(a.c_oflag, b.c_oflag);
	ck_assert_uint_eq(a.c_cflag, b.c_cflag);
	ck_assert_uint_eq(a.c_lflag, b.c_lflag);
	ck_assert_int_eq(memcmp(a.c_cc, b.c_cc, sizeof a.c_cc), 0);
}

static const char *const resets[] = {
	"\033[?1049l", "\033[?25h", "\033[?1000l", "\033[?1004l", "\033[?2004l",
};

/* An agent makes the terminal raw and ends with END; after it the modes are as they were. */
static void
raw_then(const char *how_it_ends, int abnormal, int status)
{
	struct termios before;
	size_t i;
	char line[512];

	snprintf(line, sizeof line, "run sh as talk | : >up; until test -f go; do sleep 0.01; done; stty raw -echo; "
	    "printf '\\033[?1049h\\033[?25l'; : >raw; until test -f on; do sleep 0.01; done; %s", how_it_ends);
	help_file("f.orch", line, "interactive", "otherwise none",
	    "run sh as after | : >after; until test -f done; do sleep 0.01; done", NULL);
	command_on_terminal("exec orch run -r x f.orch");
	await_file("up");
	before = modes();
	help_file("go", NULL);
	await_file("raw");
	ck_assert(!(modes().c_lflag & ICANON));
	help_file("on", NULL);
	await_file("after");
	same_modes(before, modes());
	help_file("done", NULL);
	ends(status);
	for (i = 0; i < LEN(resets) && abnormal; i++)
		ck_assert_msg(strstr(tty.seen, resets[i]) != NULL, "reset %d was not sent", (int)i);
}

START_TEST(modes_after_a_good_end)
{
	raw_then("exit 0", 0, 0);
}
END_TEST

START_TEST(modes_after_a_bad_end)
{
	raw_then("exit 7", 1, 0);
}
END_TEST

START_TEST(modes_after_kill)
{
	raw_then("kill -9 $$", 1, 0);
}
END_TEST

START_TEST(modes_after_the_last_step_has_failed)
{
	struct termios before;

	/* The shell keeps the terminal when orch has ended. */
	help_file("f.orch", "run sh as talk | stty raw -echo; kill -9 $$", "interactive", NULL);
	command_on_terminal("orch run -q -r x f.orch; : >ended; until test -f done; do sleep 0.01; done");
	before = modes();
	await_file("ended");
	same_modes(before, modes());
	help_file("done", NULL);
	ends(0);
}
END_TEST

START_TEST(interrupt_goes_to_the_agent_only)
{
	interactive("sh -c 'trap \"echo caught; : >caught\" INT; : >up; until test -f caught; do sleep 0.01; done; exit 0'");
	command_on_terminal("exec orch run -r x f.orch");
	await_file("up");
	type("\003");
	expect("caught");
	ends(0);
	help_is(RESULT "talk", "");
	help_is(RESULT "after", "later\n");
}
END_TEST

START_TEST(an_agent_that_dies_of_an_interrupt_is_a_failed_step)
{
	interactive("agent touch up sleep 60000");
	command_on_terminal("exec orch run -r x f.orch");
	await_file("up");
	type("\003");
	expect("SIGINT");
	ends(1);
	help_none(RESULT "talk");
	help_none(RESULT "after");
}
END_TEST

START_TEST(an_agent_leaves_nobody)
{
	interactive("agent child 60000 say here");
	command_on_terminal("exec orch run -r x f.orch");
	expect("here");
	ends(0);
	ck_assert_int_eq(help_count(help_read("pids", NULL), "\n"), 2);
	ck_assert_int_eq(count_left(), 0);
}
END_TEST

START_TEST(orch_is_ended_while_an_agent_talks)
{
	struct termios before;

	interactive("sh -c ': >up; until test -f go; do sleep 0.01; done; stty raw -echo; exec agent touch raw sleep 60000'");
	command_on_terminal("orch run -q -r x f.orch; echo $? >ended; until test -f done; do sleep 0.01; done");
	await_file("up");
	before = modes();
	help_file("go", NULL);
	await_file("raw");
	kill(orch_pid(), SIGTERM);
	await_file("ended");
	same_modes(before, modes());
	await_gone(pid_in("pids"));
	help_file("done", NULL);
	ends(0);
	help_is("ended", "143\n");
}
END_TEST

START_TEST(no_agent_talks_without_a_terminal)
{
	struct ran r;

	help_file("f.orch", "run sh as first | : >started", "step talk exec agent touch talked", "interactive", "run talk",
	    "run sh as after | test -f ok", NULL);
	r = without_terminal(2, "orch run -r x f.orch");
	help_has(r.err, "terminal");
	help_none("started");
	help_none("talked");
	help_none(".orch/x/log");
	r = without_terminal(2, "orch run -q -r y f.orch");
	help_has(r.err, "terminal");
	command_on_terminal("exec orch run -q -r x f.orch");
	ends(1);
	ck_assert(help_exists("talked"));
	help_file("ok", NULL);
	without_terminal(0, "orch run -q -r x f.orch");
	unlink(RESULT "talk");
	unlink("talked");
	r = without_terminal(2, "orch resume -r x || orch run -r x f.orch");
	help_none("talked");
}
END_TEST

START_TEST(no_agent_of_a_called_file_talks_without_a_terminal)
{
	help_file("in.orch", "step talk exec agent touch talked", "interactive", "run talk", NULL);
	help_file("f.orch", "run sh as first | : >started", "call in.orch", NULL);
	help_has(without_terminal(2, "orch run -r x f.orch").err, "terminal");
	help_none("started");
	help_none("talked");
}
END_TEST

START_TEST(other_agents_have_no_terminal)
{
	help_file("f.orch", "step a exec agent stat 0 tty", "run a", NULL);
	command_on_terminal("exec orch run -q -r x f.orch");
	ends(0);
	help_has(help_read(RESULT "a", NULL), "ENXIO");
	help_lacks(help_read(RESULT "a", NULL), "terminal");
}
END_TEST

/* Job control. */

static const char *const shells[] = { "bash", "dash", "mksh", "zsh" };

static int
is_here(const char *program)
{
	return help_run("command -v %s", program).status == 0;
}

/* Starts the shell number I on a terminal, and waits until it takes commands. 0: it is not here. */
static int
shell_on_terminal(int i)
{
	char name[16], a[16] = "-i", b[16] = "", c[16] = "";
	char *argv[] = { name, a, b, c, NULL };

	snprintf(name, sizeof name, "%s", shells[i]);
	if (!is_here(name)) {
		help_skip("terminal_test", name);
		return 0;
	}
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
	on_terminal(argv);
	type("echo i''s-up\n");
	expect("is-up");
	return 1;
}

/* The shell has the terminal and does what is typed; WORD is one that nobody used before. */
static void
shell_is_back(const char *word)
{
	char line[64];
	long long until = help_ms() + SOON;

	while (tcgetpgrp(tty.master) != tty.pid) {
		ck_assert_msg(help_ms() < until, "the shell has not got the terminal; it shows:\n%s", shown());
		look(5);
	}
	snprintf(line, sizeof line, "echo %c''%s $?\n", *word, word + 1);
	type(line);
	expect(word);
}

/* Somebody else than the shell has the terminal. */
static void
shell_is_away(void)
{
	long long until = help_ms() + SOON;

	while (tcgetpgrp(tty.master) == tty.pid) {
		ck_assert_msg(help_ms() < until, "the shell keeps the terminal; it shows:\n%s", shown());
		look(5);
	}
}

/* The exit status that the shell shows for what was last in the foreground. */
static void
status_is(const char *word, int status)
{
	char text[32];

	shell_is_back(word);
	snprintf(text, sizeof text, " %d\r\n", status);
	expect(text);
}

static void
leave_shell(void)
{
	type("exit 0\n");
	ends(0);
}

/* An agent that says when it is there, and then repeats each line. */
#define TALKS "sh -c 'echo $$ >agent; echo here; while read l; do echo \"<$l>\"; done'"

static void
talk_under_shell(void)
{
	interactive(TALKS);
	type("orch run -q -r x f.orch\n");
	expect("here");
}

START_TEST(stop_and_continue_an_agent_that_talks)
{
	pid_t agent, orch;

	if (!shell_on_terminal(_i))
		return;
	talk_under_shell();
	agent = pid_in("agent");
	orch = orch_pid();
	type("one\n");
	expect("<one>");
	type("\032");
	shell_is_back("first-time");
	await_state(agent, 1);
	await_state(orch, 1);
	type("fg\n");
	shell_is_away();
	await_state(agent, 0);
	type("two\n");
	expect("<two>");
	type("\032");
	shell_is_back("second-time");
	await_state(agent, 1);
	type("fg\n");
	shell_is_away();
	await_state(agent, 0);
	type("three\n");
	expect("<three>");
	type("\004");
	status_is("it-ended", 0);
	help_is(RESULT "talk", "");
	help_is(RESULT "after", "later\n");
	leave_shell();
}
END_TEST

START_TEST(an_agent_that_talks_cannot_in_the_background)
{
	pid_t agent, orch;

	if (!shell_on_terminal(_i))
		return;
	talk_under_shell();
	agent = pid_in("agent");
	orch = orch_pid();
	type("\032");
	shell_is_back("stopped-now");
	await_state(orch, 1);
	type("bg\n");
	shell_is_back("behind-now");
	await_state(agent, 1);
	await_state(orch, 1);
	type("fg\n");
	shell_is_away();
	await_state(agent, 0);
	type("again\n");
	expect("<again>");
	type("\004");
	status_is("it-ended", 0);
	help_is(RESULT "after", "later\n");
	leave_shell();
}
END_TEST

START_TEST(a_stopped_job_can_be_ended)
{
	pid_t agent, orch;

	if (!shell_on_terminal(_i))
		return;
	talk_under_shell();
	agent = pid_in("agent");
	orch = orch_pid();
	type("\032");
	shell_is_back("stopped-now");
	await_state(orch, 1);
	/* Not every shell continues what it ends. */
	type("kill %1; kill -CONT %1\n");
	await_gone(orch);
	await_gone(agent);
	shell_is_back("still-here");
	help_none(RESULT "talk");
	leave_shell();
}
END_TEST

START_TEST(interrupt_during_an_ordinary_step)
{
	if (!shell_on_terminal(_i))
		return;
	help_file("f.orch", "step long exec agent touch up child 60000 sleep 60000", "run long", NULL);
	type("orch run -q -r x f.orch\n");
	await_file("up");
	type("\003");
	status_is("was-told", 128 + SIGINT);
	await_gone(orch_pid());
	await_gone(pid_in("pids"));
	help_none(RESULT "long");
	leave_shell();
}
END_TEST

START_TEST(stop_and_continue_an_ordinary_step)
{
	pid_t agent;

	if (!shell_on_terminal(_i))
		return;
	help_file("f.orch", "step long exec agent tick ticks 4000 5", "run long", NULL);
	type("orch run -q -r x f.orch\n");
	await_more_ticks("ticks");
	agent = pid_in("pids");
	type("\032");
	shell_is_back("stopped-now");
	await_state(agent, 1);
	await_state(orch_pid(), 1);
	type("fg\n");
	await_more_ticks("ticks");
	type("\032");
	shell_is_back("stopped-again");
	await_state(agent, 1);
	type("bg\n");
	await_more_ticks("ticks");
	type("fg\n");
	shell_is_away();
	await_state(orch_pid(), 0);
	type("\003");
	status_is("was-told", 128 + SIGINT);
	await_gone(agent);
	leave_shell();
}
END_TEST

START_TEST(a_question_in_the_background)
{
	if (!shell_on_terminal(_i))
		return;
	help_file("f.orch", "ask q yes no default no | Well?", NULL);
	type("orch run -q -r x f.orch &\n");
	await_state(orch_pid(), 1);
	shell_is_back("behind-now");
	help_none(RESULT "q");
	help_lacks(tty.seen, "Well?");
	type("fg\n");
	expect("Well?");
	type("yes\n");
	status_is("it-ended", 0);
	help_is(RESULT "q", "yes\n");
	leave_shell();
}
END_TEST

START_TEST(stop_and_continue_a_question)
{
	if (!shell_on_terminal(_i))
		return;
	help_file("f.orch", "ask q yes no default no | Well?", NULL);
	type("orch run -q -r x f.orch\n");
	expect("Well?");
	type("\032");
	shell_is_back("stopped-now");
	await_state(orch_pid(), 1);
	type("fg\n");
	shell_is_away();
	await_state(orch_pid(), 0);
	type("yes\n");
	status_is("it-ended", 0);
	help_is(RESULT "q", "yes\n");
	leave_shell();
}
END_TEST

START_TEST(an_agent_that_stops_itself)
{
	pid_t orch;

	/* As claude and codex do on ^Z: raw, and SIGTSTP to their own group. */
	if (!shell_on_terminal(_i))
		return;
	interactive("sh -c 'stty raw -echo; : >up; until test -f go; do sleep 0.01; done; kill -TSTP 0; "
	    "stty -a >modes; : >on; until test -f over; do sleep 0.01; done'");
	type("orch run -q -r x f.orch\n");
	await_file("up");
	orch = orch_pid();
	help_file("go", NULL);
	await_state(orch, 1);
	shell_is_back("stopped-now");
	type("fg\n");
	await_file("on");
	help_has(help_read("modes", NULL), "-icanon");
	help_file("over", NULL);
	status_is("it-ended", 0);
	help_is(RESULT "after", "later\n");
	leave_shell();
}
END_TEST

START_TEST(a_script_around_orch_is_stopped_too)
{
	/* A script is the job; were only orch stopped, the shell would never get the terminal. */
	if (!shell_on_terminal(_i))
		return;
	interactive(TALKS);
	help_file("script", "orch run -q -r x f.orch", "echo script ends $?", NULL);
	type("sh script\n");
	expect("here");
	type("\032");
	shell_is_back("stopped-now");
	await_state(pid_in("agent"), 1);
	type("fg\n");
	shell_is_away();        /* a line editor may throw away what is typed ahead */
	await_state(pid_in("agent"), 0);
	type("on\n");
	expect("<on>");
	type("\004");
	expect("script ends 0");
	status_is("it-ended", 0);
	leave_shell();
}
END_TEST

/* The example. */

START_TEST(plan_build_review)
{
	if (!is_here("git")) {
		help_skip("terminal_test", "there is no git");
		return;
	}
	ck_assert_int_eq(system("git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x"), 0);
	setenv("C", "sh -c 'cat >/dev/null; echo three steps; echo MEND'", 1);
	setenv("D", "sh -c 'cat >/dev/null; echo built; echo GOOD'", 1);
	command_on_terminal("exec orch run -r x -a claude=\"$C\" -a codex=\"$D\" \"$TREE/tests/workflows/plan.orch\" 'do it'");
	expect("three steps");
	expect("Shall this be built?");
	type("y\n");
	expect("Shall this be mended?");
	type("y\n");
	ends(0);
	help_has(help_read(".orch/x/asked/mend", NULL), "==> review-plan <==");
	help_has(help_read(".orch/x/asked/plan", NULL), "do it");
	help_is(RESULT "mend", "built\nGOOD\n");
	without_terminal(0, "orch run -r y -a claude=\"$C\" -a codex=\"$D\" \"$TREE/tests/workflows/plan.orch\" 'do it'");
	help_none(".orch/y/result/build");
}
END_TEST

/* The suite. */

static TCase *
ask_case(void)
{
	TCase *t = tcase_create("ask");

	tcase_add_test(t, a_question_shows_its_choices);
	tcase_add_test(t, an_unambiguous_beginning);
	tcase_add_test(t, a_choice_that_begins_another);
	tcase_add_test(t, a_wrong_answer_is_asked_again);
	tcase_add_test(t, an_empty_line_takes_the_default);
	tcase_add_test(t, a_default_is_not_forced);
	tcase_add_test(t, without_choices_a_line);
	tcase_add_test(t, the_end_of_input_fails_the_step);
	tcase_add_test(t, interrupted_while_it_asks);
	tcase_add_test(t, an_answer_is_kept);
	tcase_add_test(t, it_is_asked_on_the_terminal_whatever_standard_input_is);
	tcase_add_test(t, control_characters_of_a_question_are_made_visible);
	tcase_add_test(t, a_question_of_a_called_file);
	tcase_add_test(t, questions_in_a_loop);
	tcase_add_test(t, without_a_terminal_the_default);
	tcase_add_test(t, without_a_terminal_and_default_it_says_how_to_answer);
	tcase_add_test(t, how_to_answer_in_a_called_file);
	tcase_add_test(t, plan_build_review);
	return t;
}

static TCase *
interactive_case(void)
{
	TCase *t = tcase_create("interactive");

	tcase_add_test(t, interactive_has_the_terminal);
	tcase_add_test(t, interactive_is_in_the_foreground);
	tcase_add_test(t, interactive_gets_its_prompt_where_the_braces_stand);
	tcase_add_test(t, claude_and_codex_have_interactive_words);
	tcase_add_test(t, interactive_is_kept);
	tcase_add_test(t, interactive_that_fails);
	tcase_add_test(t, modes_after_a_good_end);
	tcase_add_test(t, modes_after_a_bad_end);
	tcase_add_test(t, modes_after_kill);
	tcase_add_test(t, modes_after_the_last_step_has_failed);
	tcase_add_test(t, interrupt_goes_to_the_agent_only);
	tcase_add_test(t, an_agent_that_dies_of_an_interrupt_is_a_failed_step);
	tcase_add_test(t, an_agent_leaves_nobody);
	tcase_add_test(t, orch_is_ended_while_an_agent_talks);
	tcase_add_test(t, no_agent_talks_without_a_terminal);
	tcase_add_test(t, no_agent_of_a_called_file_talks_without_a_terminal);
	tcase_add_test(t, other_agents_have_no_terminal);
	return t;
}

static TCase *
jobs_case(void)
{
	TCase *t = tcase_create("jobs");
	int n = (int)LEN(shells);

	tcase_add_loop_test(t, stop_and_continue_an_agent_that_talks, 0, n);
	tcase_add_loop_test(t, an_agent_that_talks_cannot_in_the_background, 0, n);
	tcase_add_loop_test(t, a_stopped_job_can_be_ended, 0, n);
	tcase_add_loop_test(t, interrupt_during_an_ordinary_step, 0, n);
	tcase_add_loop_test(t, stop_and_continue_an_ordinary_step, 0, n);
	tcase_add_loop_test(t, a_question_in_the_background, 0, n);
	tcase_add_loop_test(t, stop_and_continue_a_question, 0, n);
	tcase_add_loop_test(t, an_agent_that_stops_itself, 0, n);
	tcase_add_loop_test(t, a_script_around_orch_is_stopped_too, 0, n);
	return t;
}

Suite *
terminal_suite(void)
{
	static TCase *(*const cases[])(void) = { ask_case, interactive_case, jobs_case };
	Suite *s = suite_create("terminal");
	size_t i;

	for (i = 0; i < LEN(cases); i++) {
		TCase *t = cases[i]();

		tcase_set_timeout(t, 60);
		tcase_add_checked_fixture(t, begin, end);
		suite_add_tcase(s, t);
	}
	return s;
}

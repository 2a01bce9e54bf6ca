/* Whole runs on a pseudo-terminal: questions, agents that are given the terminal, and job control under the
 * shells that are found here.
 *
 * A test types, and waits for what is shown, until a deadline; nothing sleeps and hopes. What is waited
 * for is never what was typed: the terminal echoes. Each agent puts its number into the file pids. On
 * Linux the test is the subreaper of all that it has started, and nobody of them may be alive after it. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/help.h"
#include "tests/procs.h"
#include "tests/pty.h"
#include "tests/repo.h"
#include "tests/suites.h"

enum { GONE = 5000 };           /* ms: within which nobody is left */

/* The means. */

static void
await_more_ticks(const char *name)
{
	int n = procs_lines(name);
	long long until = help_ms() + SOON;

	while (procs_lines(name) <= n) {
		ck_assert_msg(help_ms() < until, "%s does not grow; the terminal shows:\n%s", name, pty_shown());
		pty_look(5);
	}
}

/* Processes. */

/* Of the first orch that worked on the run x. */
static pid_t
orch_pid(void)
{
	long long until = help_ms() + SOON;
	const char *s;

	while (!(s = strstr(help_read(".orch/x/log", NULL), "\twalk\t")) || !strchr(s, '\n')) {
		ck_assert_msg(help_ms() < until, "no orch is in the log; the terminal shows:\n%s", pty_shown());
		pty_look(5);
	}
	return (pid_t)atol(s + 6);
}

static void
begin(void)
{
	procs_begin();
	setenv("LC_ALL", "C", 1);
	setenv("TERM", "dumb", 1);
	unsetenv("ENV");
	signal(SIGHUP, SIG_DFL);
}

static void
end(void)
{
	ck_assert_msg(!pty.pid, "the test has not waited for its program");
	procs_none_left(GONE);
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
	pty_command("exec orch run -r x f.orch v=this");
	pty_expect("Go on with this?");
	pty_expect("yes");
	pty_expect("no");
	pty_type("yes\n");
	pty_expect("so: yes");
	pty_ends(0);
	help_is(RESULT "q", "yes\n");
}
END_TEST

/* -N: the terminal is left alone, and standard input is not read from it. */
START_TEST(nobody_is_asked)
{
	help_file("f.orch", "ask q yes no default no | Well?", "print | so: {{q}}", NULL);
	pty_command("exec orch run -N -r x f.orch");
	pty_expect("so: no");
	pty_ends(0);
	ck_assert(!strstr(pty.seen, "Well?") && !strchr(pty.seen, '\a'));
	help_file("f.orch", "run sh as a < - | cat", NULL);
	pty_command("exec orch run -q -N -r y f.orch");
	pty_expect("standard input is the terminal, and nobody is there (-N)");
	pty_ends(1);
}
END_TEST

START_TEST(a_question_rings_once)
{
	help_file("f.orch", "ask q yes no | Well?", NULL);
	pty_command("exec orch run -q -r x f.orch");
	pty_expect("Well?");
	pty_type("perhaps\n");
	pty_expect("Well?");
	pty_type("yes\n");
	pty_ends(0);
	ck_assert_int_eq(help_count(pty.seen, "\a"), 1);
}
END_TEST

START_TEST(an_unambiguous_beginning)
{
	help_file("f.orch", "ask q stay stop go | Well?", NULL);
	pty_command("exec orch run -r x f.orch");
	pty_expect("Well?");
	pty_type("g\n");
	pty_ends(0);
	help_is(RESULT "q", "go\n");
}
END_TEST

START_TEST(a_choice_that_begins_another)
{
	help_file("f.orch", "ask q no nobody | Who?", NULL);
	pty_command("exec orch run -r x f.orch");
	pty_expect("Who?");
	pty_type("n\n");
	pty_expect("Who?");
	pty_type("no\n");
	pty_ends(0);
	help_is(RESULT "q", "no\n");
}
END_TEST

START_TEST(a_wrong_answer_is_asked_again)
{
	static const char *const wrong[] = { "perhaps\n", "st\n", "yesno\n", "\n", "stay stop\n" };
	size_t i;

	help_file("f.orch", "ask q stay stop yes | Well?", "run sh as after | echo here", NULL);
	pty_command("exec orch run -r x f.orch");
	for (i = 0; i < LEN(wrong); i++) {
		pty_expect("Well?");
		help_none(RESULT "q");
		pty_type(wrong[i]);
	}
	pty_expect("Well?");
	pty_type("sto\n");
	pty_ends(0);
	help_is(RESULT "q", "stop\n");
	help_is(RESULT "after", "here\n");
}
END_TEST

START_TEST(an_empty_line_takes_the_default)
{
	help_file("f.orch", "ask q yes no default no | Well?", "ask r default 'as it is' | How?", NULL);
	pty_command("exec orch run -r x f.orch");
	pty_expect("Well?");
	pty_type("\n");
	pty_expect("How?");
	pty_type("\n");
	pty_ends(0);
	help_is(RESULT "q", "no\n");
	help_is(RESULT "r", "as it is\n");
}
END_TEST

START_TEST(a_default_is_not_forced)
{
	help_file("f.orch", "ask q yes no default no | Well?", NULL);
	pty_command("exec orch run -r x f.orch");
	pty_expect("Well?");
	pty_type("y\n");
	pty_ends(0);
	help_is(RESULT "q", "yes\n");
}
END_TEST

START_TEST(without_choices_a_line)
{
	help_file("f.orch", "ask name | Who are you?", "print | <{{name}}>", NULL);
	pty_command("exec orch run -r x f.orch");
	pty_expect("Who are you?");
	pty_type("  $(me) {{x}} 'and' you \n");
	pty_expect("<  $(me) {{x}} 'and' you >");
	pty_ends(0);
	help_is(RESULT "name", "  $(me) {{x}} 'and' you \n");
}
END_TEST

START_TEST(the_end_of_input_fails_the_step)
{
	help_file("f.orch", "ask q yes no default no | Well?", "run sh as after | :", NULL);
	pty_command("exec orch run -r x f.orch");
	pty_expect("Well?");
	pty_type("\004");
	pty_ends(1);
	help_none(RESULT "q");
	help_none(RESULT "after");
	pty_command("exec orch resume -r x");
	pty_expect("Well?");
	pty_type("yes\n");
	pty_ends(0);
	help_is(RESULT "q", "yes\n");
}
END_TEST

START_TEST(interrupted_while_it_asks)
{
	help_file("f.orch", "ask q yes no default no | Well?", NULL);
	pty_command("exec orch run -r x f.orch");
	pty_expect("Well?");
	pty_type("\003");
	pty_ends(128 + SIGINT);
	help_none(RESULT "q");
	pty_command("exec orch resume -r x");
	pty_expect("Well?");
	pty_type("no\n");
	pty_ends(0);
	help_is(RESULT "q", "no\n");
}
END_TEST

START_TEST(an_answer_is_kept)
{
	help_file("f.orch", "ask q yes no | Well?", "print | so {{q}}", "ask r | And?", NULL);
	pty_command("exec orch run -r x f.orch");
	pty_expect("Well?");
	pty_type("yes\n");
	pty_expect("And?");
	pty_type("\004");
	pty_ends(1);
	pty_command("exec orch resume -r x");
	pty_expect("so yes");
	pty_expect("And?");
	help_lacks(pty.seen, "Well?");
	pty_type("\n");
	pty_ends(0);
	help_is(RESULT "r", "\n");
	pty_command("exec orch run -r x f.orch");
	pty_expect("so yes");
	pty_ends(0);
	help_lacks(pty.seen, "Well?");
	help_lacks(pty.seen, "And?");
}
END_TEST

START_TEST(it_is_asked_on_the_terminal_whatever_standard_input_is)
{
	help_file("in", "no", NULL);
	help_file("f.orch", "ask q yes no default no | Well?", NULL);
	pty_command("exec orch run -q -r x f.orch <in >out 2>err");
	pty_expect("Well?");
	pty_type("yes\n");
	pty_ends(0);
	help_is(RESULT "q", "yes\n");
	help_is("out", "");
	help_is("err", "");
}
END_TEST

START_TEST(control_characters_of_a_question_are_made_visible)
{
	help_file("f.orch", "run sh as r | printf 'a\\033]0;owned\\007b\\rc\\177\\233d'", "ask q yes no | Take {{r}}?",
	    NULL);
	pty_command("exec orch run -q -r x f.orch");
	pty_expect("Take a");
	pty_expect("d?");
	pty_type("yes\n");
	pty_ends(0);
	help_lacks(pty.seen, "\033]0;");
	ck_assert_int_eq(help_count(pty.seen, "\007"), 1);      /* orch's own */
	help_lacks(pty.seen, "\rc");
	help_lacks(pty.seen, "\177");
	help_has(pty.seen, "x1b]0;owned");
}
END_TEST

START_TEST(a_question_of_a_called_file)
{
	help_file("in.orch", "ask q yes no | Inside?", NULL);
	help_file("f.orch", "call in.orch as c", "print | {{c/q}}", NULL);
	pty_command("exec orch run -r x f.orch");
	pty_expect("Inside?");
	pty_type("no\n");
	pty_ends(0);
	help_is(RESULT "c%2Fq", "no\n");
}
END_TEST

START_TEST(questions_in_a_loop)
{
	help_file("f.orch", "for i in 1 2", "ask q-{{i}} yes no | Well {{i}}?", "end", NULL);
	pty_command("exec orch run -r x f.orch");
	pty_expect("Well 1?");
	pty_type("yes\n");
	pty_expect("Well 2?");
	pty_type("no\n");
	pty_ends(0);
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
	help_has(r.err, RESULT "q");
	help_is(RESULT "one", "1\n");
	help_none(RESULT "q");
	without_terminal(1, "orch resume -q -r x");
	without_terminal(0, "echo yes >.orch/x/result/q && orch resume -r x");
	help_is(RESULT "two", "2\n");
	help_is(RESULT "q", "yes\n");
}
END_TEST

/* The answer that is there is an old one, the question a new one: what is written then is its answer, however soon. */
START_TEST(an_answer_that_is_written_at_once)
{
	help_file("f.orch", "ask a | first?", NULL);
	help_sh(1, "setsid orch run -q -r x f.orch </dev/null");
	help_sh(0, "echo 0 >.orch/x/result/a; setsid orch resume -q -r x");
	help_sh(0, "for i in 1 2 3 4 5 6 7 8 9 10; do echo \"ask a | question $i?\" >f.orch; "
	    "setsid orch run -q -u -r x f.orch </dev/null 2>/dev/null && exit 1; echo $i >.orch/x/result/a; "
	    "setsid orch resume -q -u -r x </dev/null || exit; done");
	help_is(RESULT "a", "10\n");
}
END_TEST

START_TEST(how_to_answer_in_a_called_file)
{
	struct ran r;

	help_file("in.orch", "ask 'the q' | Well?", NULL);
	help_file("f.orch", "call in.orch as c", "print | {{c/the q}}", NULL);
	r = without_terminal(1, "orch run -q -r x f.orch");
	help_has(r.err, RESULT "c%2Fthe%20q");
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
	pty_command("exec orch run -r x f.orch");
	pty_type("typed\n");
	pty_expect("all three: typed");
	pty_ends(0);
	help_is(RESULT "talk", "");
	help_is(RESULT "after", "later\n");
}
END_TEST

START_TEST(interactive_is_in_the_foreground)
{
	pid_t group;
	char text[64];

	interactive("agent ids touch up cat");
	pty_command("exec orch run -r x f.orch");
	pty_await_file("up");
	pty_expect("pgid ");
	pty_expect(" ");
	group = (pid_t)atol(strstr(pty.seen, "pgid ") + 5);
	ck_assert_int_eq(tcgetpgrp(pty.master), group);
	snprintf(text, sizeof text, "sid %ld", (long)pty.pid);
	pty_expect(text);
	pty_type("\004");
	pty_ends(0);
}
END_TEST

START_TEST(interactive_gets_its_prompt_where_the_braces_stand)
{
	help_file("f.orch", "param y Y", "agent mine agent args -p {} last", "run mine as talk | Say \"it\", $x {{y}}",
	    "| and more", "interactive", NULL);
	pty_command("exec orch run -q -r x f.orch");
	pty_expect("-p\r\nSay \"it\", $x Y\r\nand more");
	pty_expect("last\r\n");
	pty_ends(0);
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
	pty_command("PATH=$PWD/bin:$PATH exec orch run -q -r x f.orch");
	pty_expect("[claude][Hello");
	pty_expect("][--model][m] at the terminal");
	pty_expect("[codex][--no-daemon][Hello");
	pty_expect("][-s][s] at the terminal");
	pty_ends(0);
}
END_TEST

START_TEST(interactive_is_kept)
{
	interactive("agent say talking count n exit 0");
	pty_command("exec orch run -r x f.orch");
	pty_expect("talking");
	pty_ends(0);
	help_is(RESULT "talk", "");
	pty_command("exec orch run -r x f.orch");
	pty_ends(0);
	help_is("n", ".");
	help_lacks(pty.seen, "talking");
}
END_TEST

START_TEST(interactive_that_fails)
{
	interactive("agent count n once ok exit 3");
	pty_command("exec orch run -r x f.orch");
	pty_expect("exit status 3");
	pty_ends(1);
	help_none(RESULT "talk");
	help_none(RESULT "after");
	pty_command("exec orch resume -r x");
	pty_ends(0);
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
	ck_assert_int_eq(tcgetattr(pty.master, &t), 0);
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

/* What claude and codex turn on, and what undoes it. */
static const struct {
	const char *on, *off;
} turned_on[] = {
	{ "\033[?1049h", "\033[?1049l" }, { "\033[>5u", "\033[<u\033[?1049l\033[<u" }, { "\033[>4;2m", "\033[>4;0m" },
	{ "\033[?25l", "\033[?25h" }, { "\033[5 q", "\033[0 q" }, { "\033[?1000h", "\033[?1000l" }, { "\033[?1002h", "\033[?1002l" },
	{ "\033[?1003h", "\033[?1003l" }, { "\033[?1006h", "\033[?1006l" }, { "\033[?1004h", "\033[?1004l" },
	{ "\033[?2004h", "\033[?2004l" }, { "\033[?2031h", "\033[?2031l" }, { "\033[?2026h", "\033[?2026l" },
};

/* The file modes: what turns all of them on. */
static void
make_turn_on(void)
{
	char all[200] = "";
	size_t i;

	for (i = 0; i < LEN(turned_on); i++)
		strcat(all, turned_on[i].on);
	help_bytes("modes", all, strlen(all));
}

/* An agent makes the terminal raw and ends with END; after it the modes are as they were. */
static void
raw_then(const char *how_it_ends, int abnormal, int status)
{
	struct termios before;
	size_t i;
	char line[512];

	make_turn_on();
	snprintf(line, sizeof line, "run sh as talk | : >up; until test -f go; do sleep 0.01; done; stty raw -echo; "
	    "cat modes; : >raw; until test -f on; do sleep 0.01; done; %s", how_it_ends);
	help_file("f.orch", line, "interactive", "otherwise none",
	    "run sh as after | : >after; until test -f done; do sleep 0.01; done", NULL);
	pty_command("exec orch run -r x f.orch");
	pty_await_file("up");
	before = modes();
	help_file("go", NULL);
	pty_await_file("raw");
	ck_assert(!(modes().c_lflag & ICANON));
	help_file("on", NULL);
	pty_await_file("after");
	same_modes(before, modes());
	help_file("done", NULL);
	pty_ends(status);
	for (i = 0; i < LEN(turned_on) && abnormal; i++) {
		const char *on = strstr(pty.seen, turned_on[i].on);

		ck_assert_msg(on && strstr(on, turned_on[i].off), "mode %d is left on", (int)i);
	}
	ck_assert_msg(abnormal || !strstr(pty.seen, "\033[<u"), "the terminal of an agent that ended well was touched");
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
	pty_command("orch run -q -r x f.orch; : >ended; until test -f done; do sleep 0.01; done");
	before = modes();
	pty_await_file("ended");
	same_modes(before, modes());
	help_file("done", NULL);
	pty_ends(0);
}
END_TEST

START_TEST(interrupt_goes_to_the_agent_only)
{
	interactive("sh -c 'trap \"echo caught; : >caught\" INT; : >up; until test -f caught; do sleep 0.01; done; exit 0'");
	pty_command("exec orch run -r x f.orch");
	pty_await_file("up");
	pty_type("\003");
	pty_expect("caught");
	pty_ends(0);
	help_is(RESULT "talk", "");
	help_is(RESULT "after", "later\n");
}
END_TEST

START_TEST(an_agent_that_dies_of_an_interrupt_is_a_failed_step)
{
	interactive("agent touch up sleep 60000");
	pty_command("exec orch run -r x f.orch");
	pty_await_file("up");
	pty_type("\003");
	pty_expect("SIGINT");
	pty_ends(1);
	help_none(RESULT "talk");
	help_none(RESULT "after");
}
END_TEST

START_TEST(an_agent_leaves_nobody)
{
	if (procs_portable()) {
		help_skip("terminal_test", "an_agent_leaves_nobody: elsewhere than on Linux an agent that talks has no group of its own");
		return;
	}
	interactive("agent child 60000 say here");
	pty_command("exec orch run -r x f.orch");
	pty_expect("here");
	pty_ends(0);
	ck_assert_int_eq(procs_lines("pids"), 2);
	procs_none_left(0);
}
END_TEST

START_TEST(orch_is_ended_while_an_agent_talks)
{
	struct termios before;

	interactive("sh -c ': >up; until test -f go; do sleep 0.01; done; stty raw -echo; exec agent touch raw sleep 60000'");
	pty_command("orch run -q -r x f.orch; echo $? >ended; until test -f done; do sleep 0.01; done");
	pty_await_file("up");
	before = modes();
	help_file("go", NULL);
	pty_await_file("raw");
	kill(orch_pid(), SIGTERM);
	pty_await_file("ended");
	same_modes(before, modes());
	pty_await_gone(procs_pid_in("pids", 0));
	help_file("done", NULL);
	pty_ends(0);
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
	pty_command("exec orch run -q -r x f.orch");
	pty_ends(1);
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
	pty_command("exec orch run -q -r x f.orch");
	pty_ends(0);
	help_has(help_read(RESULT "a", NULL), "ENXIO");
	help_lacks(help_read(RESULT "a", NULL), "terminal");
}
END_TEST

/* Job control. */

static const char *const shells[] = { "bash", "dash", "mksh", "zsh" };

/* Starts the shell number I, if it is here. */
static int
shell_on_terminal(int i)
{
	if (pty_shell(shells[i]))
		return 1;
	help_skip("terminal_test", shells[i]);
	return 0;
}

/* An agent that says when it is there, and then repeats each line. */
#define TALKS "sh -c 'echo $$ >agent; echo here; while read l; do echo \"<$l>\"; done'"

static void
talk_under_shell(void)
{
	interactive(TALKS);
	pty_type("orch run -q -r x f.orch\n");
	pty_expect("here");
}

START_TEST(stop_and_continue_an_agent_that_talks)
{
	pid_t agent, orch;

	if (!shell_on_terminal(_i))
		return;
	talk_under_shell();
	agent = procs_pid_in("agent", 0);
	orch = orch_pid();
	pty_type("one\n");
	pty_expect("<one>");
	pty_type("\032");
	pty_shell_back("first-time");
	pty_await_state(agent, 1);
	pty_await_state(orch, 1);
	pty_type("fg\n");
	pty_shell_away();
	pty_await_state(agent, 0);
	pty_type("two\n");
	pty_expect("<two>");
	pty_type("\032");
	pty_shell_back("second-time");
	pty_await_state(agent, 1);
	pty_type("fg\n");
	pty_shell_away();
	pty_await_state(agent, 0);
	pty_type("three\n");
	pty_expect("<three>");
	pty_type("\004");
	pty_shell_status("it-ended", 0);
	help_is(RESULT "talk", "");
	help_is(RESULT "after", "later\n");
	pty_shell_leave();
}
END_TEST

START_TEST(an_agent_that_talks_cannot_in_the_background)
{
	pid_t agent, orch;

	if (!shell_on_terminal(_i))
		return;
	talk_under_shell();
	agent = procs_pid_in("agent", 0);
	orch = orch_pid();
	pty_type("\032");
	pty_shell_back("stopped-now");
	pty_await_state(orch, 1);
	pty_type("bg\n");
	pty_shell_back("behind-now");
	pty_await_state(agent, 1);
	pty_await_state(orch, 1);
	pty_type("fg\n");
	pty_shell_away();
	pty_await_state(agent, 0);
	pty_type("again\n");
	pty_expect("<again>");
	pty_type("\004");
	pty_shell_status("it-ended", 0);
	help_is(RESULT "after", "later\n");
	pty_shell_leave();
}
END_TEST

/* A question of a job that no shell can bring to the foreground any more: SIGTTIN does not stop it. */
START_TEST(a_job_that_nobody_can_continue_has_no_terminal)
{
	if (!shell_on_terminal(_i))
		return;
	help_file("f.orch", "ask q yes no default no | Well?", "print | {{q}}", NULL);
	pty_type("(orch run -q -r x f.orch >said 2>&1 &)\n");
	pty_await_file(RESULT "q");
	help_is(RESULT "q", "no\n");
	pty_shell_back("still-here");
	pty_shell_leave();
}
END_TEST

/* What is read from the terminal goes on where it was when the job was stopped, or begun in the background. */
START_TEST(standard_input_of_a_job_that_is_stopped)
{
	pid_t orch;

	if (!shell_on_terminal(_i))
		return;
	help_file("f.orch", "run sh as a < - | cat", NULL);
	pty_type("orch run -q -r x f.orch\n");
	pty_await_file(".orch/x/log");
	pty_shell_away();
	orch = orch_pid();
	pty_type("one\n");
	while (help_run("grep -q one .orch/x/tmp/*").status)   /* what is not read yet goes with ^Z */
		pty_look(5);
	pty_type("\032");
	pty_shell_back("stopped-now");
	pty_await_state(orch, 1);
	pty_type("fg\n");
	pty_shell_away();
	pty_await_state(orch, 0);
	pty_type("two\n");
	pty_type("\004");
	pty_shell_status("it-ended", 0);
	help_is(RESULT "a", "one\ntwo\n");
	pty_type("orch run -q -r y f.orch &\n");
	pty_await_file(".orch/y/log");
	orch = (pid_t)atol(help_sh(0, "until sed -n 's/.*walk\t//p' .orch/y/log | grep .; do :; done").out);
	pty_await_state(orch, 1);
	pty_shell_back("behind-now");
	pty_type("fg\n");
	pty_shell_away();
	pty_type("three\n");
	pty_type("\004");
	pty_shell_status("it-ended-too", 0);
	help_is(".orch/y/result/a", "three\n");
	pty_shell_leave();
}
END_TEST

START_TEST(a_stopped_job_can_be_ended)
{
	pid_t agent, orch;

	if (!shell_on_terminal(_i))
		return;
	talk_under_shell();
	agent = procs_pid_in("agent", 0);
	orch = orch_pid();
	pty_type("\032");
	pty_shell_back("stopped-now");
	pty_await_state(orch, 1);
	/* Not every shell continues what it ends. */
	pty_type("kill %1; kill -CONT %1\n");
	pty_await_gone(orch);
	pty_await_gone(agent);
	pty_shell_back("still-here");
	help_none(RESULT "talk");
	pty_shell_leave();
}
END_TEST

START_TEST(interrupt_during_an_ordinary_step)
{
	if (!shell_on_terminal(_i))
		return;
	help_file("f.orch", "step long exec agent touch up child 60000 sleep 60000", "run long", NULL);
	pty_type("orch run -q -r x f.orch\n");
	pty_await_file("up");
	pty_type("\003");
	pty_shell_status("was-told", 128 + SIGINT);
	pty_await_gone(orch_pid());
	pty_await_gone(procs_pid_in("pids", 0));
	help_none(RESULT "long");
	pty_shell_leave();
}
END_TEST

START_TEST(stop_and_continue_an_ordinary_step)
{
	pid_t agent;

	if (!shell_on_terminal(_i))
		return;
	help_file("f.orch", "step long exec agent tick ticks 4000 5", "run long", NULL);
	pty_type("orch run -q -r x f.orch\n");
	await_more_ticks("ticks");
	agent = procs_pid_in("pids", 0);
	pty_type("\032");
	pty_shell_back("stopped-now");
	pty_await_state(agent, 1);
	pty_await_state(orch_pid(), 1);
	pty_type("fg\n");
	await_more_ticks("ticks");
	pty_type("\032");
	pty_shell_back("stopped-again");
	pty_await_state(agent, 1);
	pty_type("bg\n");
	await_more_ticks("ticks");
	pty_type("fg\n");
	pty_shell_away();
	pty_await_state(orch_pid(), 0);
	pty_type("\003");
	pty_shell_status("was-told", 128 + SIGINT);
	pty_await_gone(agent);
	pty_shell_leave();
}
END_TEST

START_TEST(a_question_in_the_background)
{
	if (!shell_on_terminal(_i))
		return;
	help_file("f.orch", "ask q yes no default no | Well?", NULL);
	pty_type("orch run -q -r x f.orch &\n");
	pty_await_state(orch_pid(), 1);
	pty_shell_back("behind-now");
	help_none(RESULT "q");
	help_lacks(pty.seen, "Well?");
	pty_type("fg\n");
	pty_expect("Well?");
	pty_type("yes\n");
	pty_shell_status("it-ended", 0);
	help_is(RESULT "q", "yes\n");
	pty_shell_leave();
}
END_TEST

START_TEST(stop_and_continue_a_question)
{
	if (!shell_on_terminal(_i))
		return;
	help_file("f.orch", "ask q yes no default no | Well?", NULL);
	pty_type("orch run -q -r x f.orch\n");
	pty_expect("Well?");
	pty_type("\032");
	pty_shell_back("stopped-now");
	pty_await_state(orch_pid(), 1);
	pty_type("fg\n");
	pty_shell_away();
	pty_await_state(orch_pid(), 0);
	pty_type("yes\n");
	pty_shell_status("it-ended", 0);
	help_is(RESULT "q", "yes\n");
	pty_shell_leave();
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
	pty_type("orch run -q -r x f.orch\n");
	pty_await_file("up");
	orch = orch_pid();
	help_file("go", NULL);
	pty_await_state(orch, 1);
	pty_shell_back("stopped-now");
	pty_type("fg\n");
	pty_await_file("on");
	help_has(help_read("modes", NULL), "-icanon");
	help_file("over", NULL);
	pty_shell_status("it-ended", 0);
	help_is(RESULT "after", "later\n");
	pty_shell_leave();
}
END_TEST

START_TEST(a_script_around_orch_is_stopped_too)
{
	/* A script is the job; were only orch stopped, the shell would never get the terminal. */
	if (!shell_on_terminal(_i))
		return;
	interactive(TALKS);
	help_file("script", "orch run -q -r x f.orch", "echo script ends $?", NULL);
	pty_type("sh script\n");
	pty_expect("here");
	pty_type("\032");
	pty_shell_back("stopped-now");
	pty_await_state(procs_pid_in("agent", 0), 1);
	pty_type("fg\n");
	pty_shell_away();        /* a line editor may throw away what is typed ahead */
	pty_await_state(procs_pid_in("agent", 0), 0);
	pty_type("on\n");
	pty_expect("<on>");
	pty_type("\004");
	pty_expect("script ends 0");
	pty_shell_status("it-ended", 0);
	pty_shell_leave();
}
END_TEST

/* The example. */

START_TEST(plan_build_review)
{
	repo_init("");
	setenv("C", "sh -c 'cat >/dev/null; echo three steps; echo MEND'", 1);
	setenv("D", "sh -c 'cat >/dev/null; echo built; echo GOOD'", 1);
	pty_command("exec orch run -r x -a claude=\"$C\" -a codex=\"$D\" \"$TREE/tests/workflows/plan.orch\" 'do it'");
	pty_expect("three steps");
	pty_expect("Shall this be built?");
	pty_type("y\n");
	pty_expect("Fix this?");
	pty_type("y\n");
	pty_ends(0);
	help_has(help_read(".orch/x/asked/fix", NULL), "==> review-plan <==");
	help_has(help_read(".orch/x/asked/plan", NULL), "do it");
	help_is(RESULT "fix", "built\nGOOD\n");
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
	tcase_add_test(t, nobody_is_asked);
	tcase_add_test(t, a_question_rings_once);
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
	tcase_add_test(t, an_answer_that_is_written_at_once);
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
	int n = LEN(shells);

	tcase_add_loop_test(t, stop_and_continue_an_agent_that_talks, 0, n);
	tcase_add_loop_test(t, an_agent_that_talks_cannot_in_the_background, 0, n);
	tcase_add_loop_test(t, a_stopped_job_can_be_ended, 0, n);
	tcase_add_loop_test(t, interrupt_during_an_ordinary_step, 0, n);
	tcase_add_loop_test(t, a_job_that_nobody_can_continue_has_no_terminal, 0, n);
	tcase_add_loop_test(t, standard_input_of_a_job_that_is_stopped, 0, n);
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

/* Agents below bwrap, by the script `boxed` of the manual: what they may write, what they leave, and that all else is as
 * without it. Where bwrap is missing, or may not make namespaces here, the tests are skipped. */
#include "tests/suites.h"

#include <signal.h>
#include <stdlib.h>

#include "tests/help.h"
#include "tests/procs.h"
#include "tests/repo.h"

/* A repository with the script, and a home. Whether bwrap works here. */
static int
box_make(const char *test)
{
	repo_make();
	help_sh(0, "sed -n '/^# boxed COMMAND/,/^\\.Ed/p' \"$TREE/orch.1\" | sed '1i #!/bin/sh\n$d; s/\\\\e$/\\\\/' >boxed; chmod +x boxed; git config user.name t; git config user.email t@example.org; "
	    "git add boxed; git commit -qm boxed; mkdir -p ../home/.claude ../home/.codex");
	setenv("HOME", help_sh(0, "cd ../home; pwd | tr -d '\\n'").out, 1);
	if (help_run("bwrap --die-with-parent --unshare-pid --ro-bind / / --dev /dev --proc /proc true").status) {
		help_skip(test, *help_sh(0, "command -v bwrap || :").out ? "no namespaces for bwrap here" : "bwrap");
		return 0;
	}
	return 1;
}

START_TEST(what_it_may_write)
{
	if (!box_make("what_it_may_write"))
		return;
	help_file("try", "for f in /etc/$ORCH_KEY $ORCH_RESULTS/forged $ORCH_ROOT/.orch/forged; do", "if (: >\"$f\") 2>/dev/null; then echo \"$f\"; fi",
	    "done", ": >$HOME/home; for f in here $HOME/.claude/x $HOME/.codex/x /tmp/x; do (: >\"$f\") || echo \"not $f\"; done", "cat", NULL);
	help_sh(0, "git add try; git commit -qm try");
	help_file("f.orch", "agent boxed ./boxed sh ./try", "agent git-boxed ./boxed sh -eu -c {}", "run boxed as a | hello", "worktree b enter as tree",
	    "run boxed as b < a | in a worktree", "run boxed as c | again",
	    "run git-boxed as d | git add here && git -c user.name=t -c user.email=t@e commit -qm 'by the agent'", "commit as e | nothing", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_is(".orch/x/result/a", "hello\n");
	help_is(".orch/x/result/b", "in a worktree\n\n==> a <==\nhello\n");
	help_is(".orch/x/result/c", "again\n");
	help_has(help_sh(0, "git log -1 --format=%s b").out, "by the agent\n");
	help_sh(0, "test -e here; test -e ../repo--b/here; test -e ../home/.claude/x; test ! -e ../home/home; test ! -e /etc/a");
}
END_TEST

/* Nobody outlives orch, however it ends. */
START_TEST(nobody_is_left)
{
	pid_t pid;

	if (!box_make("nobody_is_left"))
		return;
	help_file("f.orch", "agent boxed ./boxed sh -eu -c {}",
	    "run boxed as a | (setsid sh -c 'echo $$ >late; sleep 600' &) ; : >up; sleep 600", NULL);
	pid = procs_start("exec orch run -q -r x f.orch");
	procs_await_file("up");
	procs_await_file("late");
	help_sh(0, "grep -qs \"^ORCH_ROOT=$PWD\" -z /proc/[0-9]*/environ");
	kill(pid, _i ? SIGTERM : SIGKILL);
	ck_assert_int_eq(procs_end(pid, SOON), 128 + (_i ? SIGTERM : SIGKILL));
	help_sh(0, "n=0; while grep -qs \"^ORCH_ROOT=$PWD\" -z /proc/[0-9]*/environ; do n=$((n + 1)); test $n -lt 400; sleep 0.05; done");
}
END_TEST

/* What the agent reports, and its session, are understood through the script. */
START_TEST(sessions_work)
{
	if (!box_make("sessions_work"))
		return;
	help_sh(0, "mkdir bin; cat >bin/claude <<'E'\n#!/bin/sh\ncat >/dev/null\necho \"$*\" >>~/.claude/asked\n"
	    "printf '%s\\n' '{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"11111111-1111-4111-8111-111111111111\"}' "
	    "'{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"yes\",\"session_id\":\"11111111-1111-4111-8111-111111111111\"}'\nE\n"
	    "chmod +x bin/claude");
	help_file("f.orch", "agent claude ./boxed claude -p --output-format stream-json --verbose", "run claude as a | one", "run claude as b | two", "fork a",
	    "print | {{b}}", NULL);
	ck_assert_str_eq(help_sh(0, "PATH=$PWD/bin:$PATH orch run -q -r x f.orch").out, "yes\n");
	help_has(help_read("../home/.claude/asked", NULL), "--resume 11111111-1111-4111-8111-111111111111 --fork-session");
	ck_assert_str_eq(help_sh(0, "orch session a").out, "11111111-1111-4111-8111-111111111111\n");
}
END_TEST

Suite *
sandbox_suite(void)
{
	Suite *s = suite_create("sandbox");
	TCase *c = help_case(s, "files", repo_begin, 60);

	tcase_add_test(c, what_it_may_write);
	tcase_add_test(c, sessions_work);
	c = help_case(s, "processes", repo_begin, 60);
	tcase_add_loop_test(c, nobody_is_left, 0, 2);
	return s;
}

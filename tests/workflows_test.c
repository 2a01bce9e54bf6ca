/* The project's own chores as workflows, tests/workflows/change.orch, release.orch and messages.orch, as their user runs them:
 * from cron, whose environment has next to nothing, and from make; with stand-ins for agents. */
#include "tests/suites.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/help.h"
#include "tests/repo.h"

/* What cron gives to a command. */
#define CRON "env -i HOME=/ LOGNAME=x SHELL=/bin/sh PATH=\"$TREE:/usr/bin:/bin\" TREE=\"$TREE\" "

static void
begin(void)
{
	repo_begin();
	repo_make();
	help_sh(0, "git config user.name t; git config user.email t@example.org");
}

START_TEST(a_change)
{
	help_file("a.c", "int", "f(void)", "{", "\treturn 0;", "}", NULL);
	help_sh(0, "git add a.c; git commit -qm a");
	ck_assert_str_eq(help_sh(0, CRON "orch run -q -r c \"$TREE/tests/workflows/change.orch\" </dev/null").out, "nothing found\n");
	help_file("a.c", "int", "f(void)", "{", "\treturn 0;           /* FIXME: in order to */", "}", NULL);
	help_file("report.mk", "all: report.txt", "report.txt: FORCE", "\t+orch run -q -u -r c \"$$TREE/tests/workflows/change.orch\" >$@", "FORCE:", NULL);
	help_has(help_run("make -s -j2 -f report.mk 2>&1").out, "change.orch");
	help_has(help_read("report.txt", NULL), ":+\treturn 0;           /* FIXME: in order to */\n");
	ck_assert_int_eq(help_count(help_read("report.txt", NULL), "\n"), 2);       /* by two lenses */
	/* Once more, and nothing is run but what is always. */
	help_has(help_sh(1, "orch run -u -r c \"$TREE/tests/workflows/change.orch\"").err, ": 2 done, ");
	/* A function that is too long is in a file, not in what was added. */
	help_sh(0, "{ echo int; echo 'g(void)'; echo '{'; for i in $(seq 70); do echo '\tf();'; done; echo '}'; } >>a.c; git commit -qam b; echo >>a.c");
	help_has(help_sh(1, "orch run -q -u -r c \"$TREE/tests/workflows/change.orch\"").out, "a.c: g has 70 lines\n");
}
END_TEST

START_TEST(a_release)
{
	const char *run = CRON "orch run -q -N -r rel -a 'claude=sh ../notes' \"$TREE/tests/workflows/release.orch\" version=1.2 check='test -e ok' 2>&1";
	char command[1000];

	help_sh(0, "git tag -a -m first v1.1; printf 'echo - one\\necho - two\\n' >../notes");
	ck_assert_str_eq(help_sh(0, CRON "orch run -q -r none -a claude=cat \"$TREE/tests/workflows/release.orch\" version=1.2 2>&1").out, "");
	help_sh(0, "git commit -q --allow-empty -m 'a fix'");
	help_has(help_run("%s", run).out, "failed    checked  exit status 1 (2 attempts)\n");
	help_sh(0, ": >ok");
	help_has(help_run("%s", run).out, "failed    go  not asked (-N); to answer (yes / no): echo ANSWER >");
	help_lacks(help_sh(0, "git tag").out, "v1.2");
	snprintf(command, sizeof command, "echo yes >.orch/rel/result/go; %s", run);
	help_has(help_sh(0, command).out, "v1.2 is ");
	ck_assert_str_eq(help_sh(0, "git tag -l --format='%(contents)' v1.2 | sed '/^$/d'").out, "- one\n- two\n");
	help_has(help_sh(0, command).out, "v1.2 is ");         /* twice, and it is tagged once */
}
END_TEST

START_TEST(a_translation_of_messages)
{
	const char *run = "orch run -u -r m -a 'claude=sh ./translator' \"$TREE/tests/workflows/messages.orch\" language=German glossary=words from=t 2>err";

	help_sh(0, "mkdir t; for i in 1 2 3 4 5; do printf \"w:$i:1: error: no $i\\n    x\\nw:2:1: warning: odd\\n\" >t/set$i.err; done; echo 'odd seltsam' >words");
	help_file("translator", "echo $set >>\"$ORCH_ROOT/marks\"", "awk '/^==> /{ on = $2 ~ /^texts/; next } on && NF { print \"de\", $0 }'", NULL);
	ck_assert_str_eq(help_sh(0, run).out, "de no 1\nde odd\nde no 2\nde odd\nde no 3\nde odd\nde no 4\nde odd\nde no 5\nde odd\n");
	help_sh(0, "sort marks | tr '\\n' ' ' | grep -qx 'set1 set2 set3 set4 set5 '; rm marks");
	help_sh(0, "sed -i 's/no 3/not 3/' t/set3.err; echo more >>t/set4.err; touch t/*");
	help_has(help_sh(0, run).out, "de not 3\n");
	help_is("marks", "set3\n");
	help_sh(0, "rm marks; echo 'error Fehler' >>words");
	help_sh(0, run);
	ck_assert_int_eq(help_count(help_read("marks", NULL), "set"), 5);
	/* A translator that leaves a line out is asked again, and then it has failed. */
	help_file("translator", "echo one", NULL);
	help_sh(0, "sed -i 's/no 1/not 1/' t/set1.err");
	help_has(help_run("orch run -q -x -u -r m -a 'claude=sh ./translator' \"$TREE/tests/workflows/messages.orch\" 2>&1").out, "check failed: test \"$(wc -l)\"");
}
END_TEST

Suite *
workflows_suite(void)
{
	Suite *s = suite_create("workflows");
	TCase *c = help_case(s, "chores", begin, 60);

	tcase_add_test(c, a_change);
	tcase_add_test(c, a_release);
	tcase_add_test(c, a_translation_of_messages);
	return s;
}

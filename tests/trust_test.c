/* Runs that came from elsewhere: with a cloned repository, by a copy, out of an archive. Their agents are not started
 * and their results are not taken until `orch trust'; a run that was moved is still itself. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/help.h"
#include "tests/repo.h"
#include "tests/suites.h"

/* A project p with a run r that has failed at its second step; where its agents worked is in the file $T/where. */
static void
make_project(void)
{
	help_sh(0, "mkdir p");
	ck_assert_int_eq(chdir("p"), 0);
	help_file("w.orch", "run sh as a | echo first", "run sh as b | pwd >>\"$T/where\"; test -e ok && echo done", NULL);
	help_sh(1, "orch run -q -r r w.orch; rc=$?; rm \"$T/where\"; exit $rc");
	ck_assert_int_eq(chdir(".."), 0);
}

/* How the project comes to q. */
static const char *const ways[] = {
	"cp -r p q", "cp -a p q", "mkdir q && tar -C p -cf - . | tar -C q -xpf -",
	/* to another file system and back, if there is one */
	"cp -a p keep && mv p /dev/shm/orch-test-$$ && mv /dev/shm/orch-test-$$ q && mv keep p && rm q/.orch/r/lock && cp -p p/.orch/r/lock q/.orch/r",
};

/* Whatever starts something says what it would run, and does nothing; whatever only reads works. */
START_TEST(a_copy_is_not_trusted)
{
	static const char *const refused[] = { "orch resume -r r", "orch run -r r w.orch", "orch run -n -r r w.orch", "orch run -u -r r w.orch" };
	static const char *const read[] = { "orch runs", "orch cat a", "orch logs", "orch cat -r r a", "orch diff -r r a" };
	struct ran r;
	size_t i;

	make_project();
	help_sh(0, ways[_i]);
	ck_assert_int_eq(chdir("q"), 0);
	help_sh(0, "touch ok ../p/ok");
	for (i = 0; i < LEN(refused); i++) {
		r = help_sh(2, refused[i]);
		help_has(r.err, "run r is not trusted");
		help_has(r.err, "w.orch");
		help_has(r.err, "orch trust r");
		help_none("../where");
	}
	for (i = 0; i < LEN(read); i++)
		help_sh(0, read[i]);
	help_sh(1, "orch status -r r; test $? = 1 || exit 99; echo failed >&2; exit 1");
	help_has(help_sh(0, "orch runs").out, "not trusted");
	r = help_sh(3, "orch resume");
	help_has(r.err, "skipped");
	help_none("../where");
	/* accepted, it works here and never in the original */
	help_sh(0, "orch trust r && orch resume -q -r r && test \"$(cat ../where)\" = \"$(pwd -P)\" && orch resume -q -r r");
	help_is(".orch/r/result/b", "done\n");
	help_none("../p/.orch/r/result/b");
	help_lacks(help_sh(0, "orch runs").out, "not trusted");
}
END_TEST

/* Moved, by itself or with what it is in, it is the same run, and works where it is now. */
START_TEST(a_moved_project_is_resumed_where_it_is)
{
	make_project();
	help_sh(0, "mkdir deep && mv p deep/q && cd deep/q && touch ok && chmod -R u+rwX . && orch resume -q && test \"$(cat \"$T/where\")\" = \"$(pwd -P)\"");
	help_is("deep/q/.orch/r/result/b", "done\n");
	help_sh(0, "cd deep/q && mv .orch runs && orch run -q -d runs -r r w.orch");
	help_sh(0, "cd deep/q && mv runs/r runs/s && orch run -q -d runs -r s w.orch && orch resume -q -d runs -r s");
}
END_TEST

/* What lies outside of the directory that orch was started in stays where it was. */
START_TEST(paths_outside_are_absolute)
{
	help_sh(0, "mkdir p wf runs");
	help_file("wf/w.orch", "run sh as a | pwd; test -e ok", NULL);
	help_sh(1, "cd p && orch run -q -r r ../wf/w.orch");
	help_sh(0, "cd p && mv ../p ../q && touch ok && orch resume -q && test \"$(orch cat a)\" = \"$T/q\"");
	help_sh(1, "cd q && rm ok && orch run -q -d ../runs -r r ../wf/w.orch");
	help_sh(0, "mv q p; mv runs elsewhere; grep -q \"^directory\t$T/q$\" elsewhere/r/run");
}
END_TEST

/* A repository that brings its own .orch: neither a plain resume nor the user's own names run it. */
START_TEST(a_cloned_run_is_not_started)
{
	struct ran r;

	help_sh(0, "mkdir theirs");
	ck_assert_int_eq(chdir("theirs"), 0);
	repo_init("");
	help_file("w.orch", "run claude as review | hi", NULL);
	help_file("nightly.orch", "run sh as review | echo honest", NULL);
	help_sh(1, "orch run -q -r 2099 -a \"claude=sh -c 'test ! -e $T/armed || touch $T/pwned; exit 1'\" w.orch");
	help_sh(0, "sed -i 's/^started.*/started\t4102444800000/' .orch/2099/run; mkdir -p .orch/nightly/result && "
	    "echo planted >.orch/nightly/result/review && chmod -R go-w .orch && git add -f . && git commit -qm x && touch ../armed");
	ck_assert_int_eq(chdir(".."), 0);
	help_sh(0, "git clone -q theirs mine");
	ck_assert_int_eq(chdir("mine"), 0);
	help_has(help_sh(3, "orch resume").err, "run 2099 is not trusted, and skipped");
	help_has(help_sh(2, "orch run -r 2099 w.orch").err, "with -a 'claude=sh -c");
	/* a result that was handed in below the user's own name, without a file `run' */
	r = help_sh(2, "orch run -r nightly nightly.orch");
	help_has(r.err, "not trusted");
	help_none("../pwned");
	/* a run of the user's own is the newest, whatever the planted one says of its start */
	help_file("mine.orch", "run sh as a | exit 1", NULL);
	help_sh(1, "orch run -q -r own mine.orch");
	help_sh(1, "orch resume >said 2>&1; rc=$?; cat said >&2; exit $rc");
	help_lacks(help_read("said", NULL), "2099");
	help_has(help_sh(0, "orch logs; orch status -p | head -n 1").out, "a");
	help_sh(0, "orch status >s; grep -q '^run own' s");
	help_none("../pwned");
	/* accepted, it is the user's own doing */
	help_sh(0, "orch trust nightly && orch run -q -r nightly nightly.orch && orch cat -r nightly review | grep -q planted");
}
END_TEST

/* A file `run' that says nothing of who made it is an older orch's, or a stranger's. */
START_TEST(a_run_without_an_identity)
{
	make_project();
	ck_assert_int_eq(chdir("p"), 0);
	help_sh(0, "touch ok; sed -i '/^made/d' .orch/r/run");
	help_sh(2, "orch resume -r r");
	help_sh(0, "cp .orch/r/run before; orch trust r; grep -q ^made .orch/r/run; ! cmp -s before .orch/r/run; orch resume -q -r r");
	/* nor does a changed number help */
	help_sh(0, "rm .orch/r/result/b; sed -i 's/^made\tbirth\t\\([0-9]*\\)/made\tbirth\t1\\1/; s/^made\tchange\t\\([0-9]*\\)/made\tchange\t1\\1/' .orch/r/run");
	help_sh(2, "orch resume -r r");
	help_sh(0, "sed -i 's/^made.*/made\tunknown\t0\t0\t0/' .orch/r/run");
	help_sh(2, "orch resume -r r");
}
END_TEST

/* A copy gets an id of its own: its start does not end what the original has running. */
START_TEST(a_copy_has_another_id)
{
	make_project();
	help_sh(0, "cp -r p q && cd q && orch trust r && test \"$(grep ^id .orch/r/run)\" != \"$(grep ^id ../p/.orch/r/run)\"");
	help_sh(0, "cd q && i=$(grep ^id .orch/r/run) && orch trust r && test \"$(grep ^id .orch/r/run)\" = \"$i\"");
}
END_TEST

/* trust makes nothing, and takes no run that is in use. */
START_TEST(what_trust_does_not_take)
{
	help_has(help_sh(3, "orch trust nothing").err, "no such run");
	help_none(".orch");
	help_sh(2, "orch trust");
	help_file("w.orch", "run sh as a | sed -i '/^made/d' \"$ORCH_ROOT/.orch/r/run\"; orch trust r 2>\"$ORCH_ROOT/said\" || echo $? >\"$ORCH_ROOT/status\"", NULL);
	help_sh(0, "orch run -q -r r w.orch");
	help_is("status", "4\n");
	help_has(help_read("said", NULL), "in use");
	help_sh(0, "mkdir -p .orch/odd && echo nonsense >.orch/odd/run");
	help_has(help_sh(2, "orch trust odd").err, "not as orch writes it");
	help_is(".orch/odd/run", "nonsense\n");
}
END_TEST

/* A directory that a crash has left before its file `run' was written holds nothing that could be handed in. */
START_TEST(an_empty_run_is_used)
{
	help_file("w.orch", "run sh as a | echo 1", NULL);
	help_sh(0, "mkdir -p .orch/r/result && orch run -q -r r w.orch && orch cat -r r a");
}
END_TEST

/* A file system where nothing can be told: one warning, and it is used. */
START_TEST(where_nothing_can_be_told)
{
	struct ran r;

	if (help_run("mkdir -p disk fuse && bindfs disk fuse && pgrep -n bindfs >daemon").status) {
		help_skip_bindfs("trust_test");
		return;
	}
	help_file("w.orch", "run sh as a | echo 1", NULL);
	r = help_run("orch run -q -d fuse/runs -r r w.orch && grep -q '^made\tunknown' fuse/runs/r/run && orch run -q -d fuse/runs -r r w.orch");
	help_run("umount fuse || fusermount -u fuse; kill $(cat daemon)");
	ck_assert_msg(r.status == 0, "%d: %s", r.status, r.err);
	ck_assert_int_eq(help_count(r.err, "whether it was made here cannot be told"), 1);
}
END_TEST

Suite *
trust_suite(void)
{
	Suite *s = suite_create("trust");
	TCase *t = help_case(s, "trust", repo_begin, 60);

	tcase_add_loop_test(t, a_copy_is_not_trusted, 0, LEN(ways));
	tcase_add_test(t, a_moved_project_is_resumed_where_it_is);
	tcase_add_test(t, paths_outside_are_absolute);
	tcase_add_test(t, a_cloned_run_is_not_started);
	tcase_add_test(t, a_run_without_an_identity);
	tcase_add_test(t, a_copy_has_another_id);
	tcase_add_test(t, what_trust_does_not_take);
	tcase_add_test(t, an_empty_run_is_used);
	tcase_add_test(t, where_nothing_can_be_told);
	return s;
}

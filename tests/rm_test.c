/* orch rm: what it deletes and what never; beside orchs that run and start; killed, failing or stopped at each of its calls. */
#if defined(__linux__)
#define _GNU_SOURCE             /* unshare */
#endif
#include "tests/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sched.h>
#include <sys/mount.h>
#endif

#include "store/record.h"
#include "store/removal.h"
#include "store/store.h"
#include "tests/fault.h"
#include "tests/help.h"
#include "tests/procs.h"

#define LIST "ls -A .orch | grep -v gitignore | tr '\\n' ' '"

/* What the directory of runs holds, by names, each with a blank after it. */
static void
holds(const char *names)
{
	ck_assert_str_eq(help_run(LIST).out, names);
}

static void
make_workflow(void)
{
	help_file("w.orch", "run sh as a | echo one; echo said >&2", "run sh as b < a | cat; test ! -e bad", NULL);
}

static void
make_runs(const char *names)
{
	char command[300];

	snprintf(command, sizeof command, "for r in %s; do orch run -q -r \"$r\" w.orch || exit; done", names);
	help_sh(0, command);
}

/* Makes N runs that the time names; its names are in the file `named`, the oldest first. */
static void
make_by_time(int n)
{
	char command[200];

	snprintf(command, sizeof command, "for i in $(seq %d); do orch run -q w.orch; done; orch runs -p | cut -f2 | grep ^20 | tac >named", n);
	help_sh(0, command);
}

static struct ran
rm(int status, const char *operands)
{
	struct ran r = help_run("orch rm %s", operands);

	ck_assert_msg(r.status == status, "orch rm %s: %d: %s", operands, r.status, r.err);
	ck_assert_str_eq(r.out, "");
	return r;
}

/* Names and patterns. */

START_TEST(names_and_patterns)
{
	make_workflow();
	make_runs("x-1 x-2 y 'a b/c' .. '*' '%' 'x*'");
	/* a run of just this name is meant before a pattern */
	ck_assert_str_eq(rm(0, "'x*'").err, "removed x*\n");
	ck_assert_str_eq(rm(0, "'*'").err, "removed *\n");
	ck_assert_str_eq(rm(0, "'x-*' x-1 'x*'").err, "removed x-1\nremoved x-2\n");
	ck_assert_str_eq(rm(0, "'a*/c'").err, "removed a b/c\n");
	ck_assert_str_eq(rm(0, "..").err, "removed ..\n");
	ck_assert_str_eq(rm(0, "-- %").err, "removed %\n");
	help_none(".orch/.removed-1");
	holds("y ");
	make_runs("\"$(printf 'a\\033\\200')\" -z");
	help_has(rm(0, "\"$(printf '*\\033\\200')\"").err, "removed a\\x1b\\x80\n");
	ck_assert_str_eq(rm(0, "-- -z y").err, "removed -z\nremoved y\n");
	holds("");
}
END_TEST

/* One that is not there: then nothing is deleted. */
START_TEST(all_or_nothing)
{
	char *before;

	make_workflow();
	make_runs("x y");
	before = help_tree(".orch", 1);
	ck_assert_str_eq(rm(3, "x nope y 'z*'").err,
	    "orch: nope: no such run; to list: orch runs\norch: z*: no run matches; to list: orch runs\norch: nothing was removed\n");
	ck_assert_str_eq(rm(3, "nope").err, "orch: nope: no such run; to list: orch runs\n");
	rm(3, "-k 1 x nope");
	rm(3, "X");
	rm(2, "x ''");
	rm(2, "");
	rm(2, "-k");
	rm(2, "-k -1 x");
	rm(2, "-k 1x");
	rm(2, "-r x");
	ck_assert_str_eq(help_tree(".orch", 1), before);
	ck_assert_str_eq(rm(3, "-d d x").err, "orch: x: no such run; to list: orch runs -d d\n");
	rm(0, "-d d -k 1");
	help_none("d");
	ck_assert_str_eq(rm(0, "-d .orch x").err, "removed x\n");
	help_sh(0, "ORCH_DIR=$PWD/.orch orch rm y");
	holds("");
}
END_TEST

/* Directories of other kinds, which lie where the runs are. */
START_TEST(only_runs)
{
	char *before;

	make_workflow();
	help_sh(0, "mkdir src empty; touch src/main.c src/lock; mkdir -p half/result half/asked; orch run -q -d . -r r w.orch");
	before = help_tree("src", 1);
	ck_assert_str_eq(rm(2, "-d . src r").err, "orch: src: this directory is not a run\norch: nothing was removed\n");
	ck_assert_str_eq(rm(0, "-d . '*r*'").err, "removed r\n");
	/* what a crash leaves of a run that is just made */
	ck_assert_str_eq(rm(0, "-d . half").err, "removed half\n");
	rm(3, "-d . 's*'");
	ck_assert_str_eq(rm(2, "-d . w.orch").err, "orch: ./w.orch: Not a directory\n");
	ck_assert_str_eq(help_tree("src", 1), before);
	rm(0, "-d . -k 0");
	ck_assert_str_eq(help_tree("src", 1), before);
}
END_TEST

START_TEST(completed_by_names)
{
	make_workflow();
	make_runs("x 'a b'");
	help_file("offer", "source <(orch completion bash)", "COMP_WORDS=(orch rm '') COMP_CWORD=2 COMP_LINE='orch rm ' COMP_POINT=8",
	    "_orch orch '' rm 2>/dev/null", "printf '%s\\n' \"${COMPREPLY[@]}\" | sort", NULL);
	ck_assert_str_eq(help_run("bash ./offer").out, "a\\ b\nx\n");
}
END_TEST

/* -k. */

START_TEST(keep_without_names)
{
	make_workflow();
	make_by_time(5);
	make_runs("named 20200101-000000 20200101-000000-2");
	/* failed, interrupted, a copy, one that was given another name, one that was restored */
	help_sh(0, "touch bad; orch run -q w.orch; rm bad; test $(ls .orch | wc -l) = 9");
	help_file("kill.orch", "run sh as a | kill -9 $PPID; kill -9 $(ps -o ppid= $PPID); sleep 1", NULL);
	help_sh(0, "cp -pR .orch/$(sed -n 5p named) .orch/20990101-000000; mv .orch/$(sed -n 1p named) .orch/best; cp -pR .orch/$(sed -n 2p named) c; "
	    "rm -r .orch/$(sed -n 2p named); mv c .orch/$(sed -n 2p named)");
	help_sh(0, "ls .orch | sort >before");
	rm(0, "-k 3");
	help_sh(0, "ls .orch | sort | cmp - before");
	rm(0, "-k 2");
	help_sh(0, "ls .orch | sort | comm -13 - before >gone; sed -n 3p named | cmp - gone");
	rm(0, "-k 0");
	help_sh(0, "ls .orch | sort | comm -13 - before >gone; sed -n '3,5p' named | sort | cmp - gone");
	ck_assert_str_eq(rm(0, "-k 0").err, "");
}
END_TEST

/* A run that lost a result, or whose log was not written to its end, is not complete. */
START_TEST(keep_without_names_what_is_not_complete)
{
	make_workflow();
	make_by_time(3);
	help_sh(0, "rm .orch/$(sed -n 1p named)/result/a; sed -i '$d' .orch/$(sed -n 2p named)/log");
	ck_assert_int_eq(help_count(rm(0, "-k 0").err, "removed"), 1);
	help_sh(0, "! test -e .orch/$(sed -n 3p named); ls -d .orch/$(sed -n 1p named) .orch/$(sed -n 2p named)");
}
END_TEST

/* A name that the time gave stays one when the run is resumed, and trusted. */
START_TEST(the_time_has_named_it)
{
	make_workflow();
	help_sh(0, "touch bad; orch run -q w.orch 2>/dev/null; rm bad; orch resume -q; sed -i 's/^made.*/made\tchange\t1\t1\t1/' .orch/20*/run; "
	    "orch trust $(ls .orch)");
	ck_assert_int_eq(help_count(rm(0, "-k 0").err, "removed 20"), 1);
	holds("");
}
END_TEST

/* Of what was named the newest stay, whatever their state. */
START_TEST(keep_of_names)
{
	make_workflow();
	make_runs("x-1 x-2 y");
	help_sh(0, "touch bad; orch run -q -r x-3 w.orch 2>/dev/null; rm bad");
	make_runs("x-4 x-0");
	ck_assert_str_eq(rm(0, "-k 2 'x-*'").err, "removed x-1\nremoved x-2\nremoved x-3\n");
	holds("x-0 x-4 y ");
	ck_assert_str_eq(rm(0, "-k 9 x-0 'x-*' x-4").err, "");
	ck_assert_str_eq(rm(0, "-k 1 x-0 x-4 'x-*'").err, "removed x-4\n");
}
END_TEST

/* What cannot be told to be old is not deleted for its age; by its name it is. */
START_TEST(keep_what_has_no_age)
{
	struct ran r;

	make_workflow();
	make_runs("x-1 x-2 x-3 x-4");
	help_sh(0, "rm .orch/x-1/run; sed -i 's/^started.*/started\t4102444800000/' .orch/x-2/run; rm .orch/x-3/log; mkdir .orch/x-3/log");
	r = rm(1, "-k 0 'x-*'");
	help_has(r.err, "orch: run x-1 is kept: when it was started is not known\n");
	help_has(r.err, "orch: run x-2 is kept: when it was started is not known\n");
	help_has(r.err, "orch: .orch/x-3/log");
	help_has(r.err, "removed x-4\n");
	holds("x-1 x-2 x-3 ");
	rm(0, "'x-*'");
	holds("");
}
END_TEST

/* In use. */

START_TEST(never_one_in_use)
{
	struct ran r;

	make_workflow();
	make_runs("x-1 x-2 x-3");
	help_file("busy.orch", "run sh as a | for o in \"'x-*'\" \"-k 1 'x-*'\" '-k 0' x-9; do eval \"orch rm $o\" 2>&1 && echo 0 || echo $?; done >\"$ORCH_ROOT/said\"", NULL);
	help_sh(0, "orch run -q -r x-9 busy.orch");
	r.err = help_read("said", NULL);
	help_in_order(r.err, (const char *const[]){ "removed x-1\nremoved x-2\nremoved x-3\norch: run x-9 is in use by another orch (pid ",
	    "); to stop it: kill ", "\n4\n0\n0\norch: run x-9 is in use by another orch (pid ", "\n4\n" }, 4);
	holds("x-9 ");
	rm(0, "x-9");
}
END_TEST

/* One in use is one of the newest, however long ago it was started. */
START_TEST(one_in_use_counts)
{
	help_file("w.orch", "run sh as a | test ! -e busy || { orch rm -k 2 'x-*' && echo 0 || echo $?; } >\"$ORCH_ROOT/said\" 2>&1; test -e busy", NULL);
	help_sh(0, "for i in 1 2 3 4; do orch run -q -r x-$i w.orch 2>/dev/null; done; touch busy; orch resume -q -r x-1");
	help_is("said", "removed x-2\nremoved x-3\n0\n");
	holds("x-1 x-4 ");
}
END_TEST

static int
killed_all(pid_t orch)
{
	pid_t list[PROCS_MOST];
	int n = procs_children(orch, list, 0), i;

	for (i = 0; i < n; i++)
		kill(list[i], SIGSTOP);
	kill(orch, SIGKILL);
	for (i = 0; i < n; i++)
		kill(list[i], SIGKILL);
	return procs_end(orch, SOON) == 128 + SIGKILL;
}

/* orch and its supervisor were killed together; what the agent had started goes on. */
START_TEST(never_one_that_has_left_somebody)
{
	struct ran r;
	pid_t pid;

	if (procs_portable()) {
		help_skip("rm_test", "only on Linux are they found");
		return;
	}
	help_file("w.orch", "run sh as a | (trap '' TERM; setsid sleep 100) & echo $! >>\"$ORCH_ROOT/began\"; sleep 100", NULL);
	pid = procs_start("exec orch run -q -r r w.orch");
	procs_await_lines("began", 1, SOON);
	ck_assert(killed_all(pid));
	r = rm(4, "r");
	help_in_order(r.err, (const char *const[]){ "orch: run r is in use: its orch was killed, and has left pid ", "; kill these first\n" }, 2);
	rm(0, "-k 0 r");
	holds("r ");
	help_sh(0, "cp -pR .orch/r .orch/copy; orch rm copy");
	procs_end_children(0);
	rm(0, "r");
	holds("");
}
END_TEST

/* A supervisor that still ends its step holds this byte of the lock. */
START_TEST(never_one_that_is_still_ending)
{
	struct flock byte = { 0 };
	int fd;

	make_workflow();
	make_runs("r s");
	fd = open(".orch/r/lock", O_RDWR);
	byte.l_type = F_RDLCK;
	byte.l_whence = SEEK_SET;
	byte.l_start = byte.l_len = 1;
	ck_assert_int_eq(fcntl(fd, F_SETLK, &byte), 0);
	ck_assert_str_eq(rm(4, "r s").err,
	    "orch: run r is in use: a step of it, left by an earlier orch, is still being ended; try again later\nremoved s\n");
	ck_assert_str_eq(rm(0, "-k 0 r").err, "");
	holds("r ");
	close(fd);
	rm(0, "r");
}
END_TEST

/* Links, and what lies elsewhere. */

START_TEST(never_through_a_link)
{
	char *vault;

	make_workflow();
	make_runs("r s");
	help_sh(0, "mkdir vault vault/d; mv .orch/s vault/s; echo secret >vault/file; echo secret >vault/d/file; ln -s \"$PWD/vault/s\" .orch/s; ln -s .orch runs; "
	    "cd .orch/r; rm -r asked; ln -s ../../vault asked; ln -s ../../../vault result/link; ln -s / tmp/root; mkdir tmp/d; "
	    "ln -s ../../../../vault/d tmp/d/d; ln ../../vault/file tmp/d/hard; mkfifo tmp/fifo; ln -s vault log2");
	vault = help_tree("vault", 0);
	ck_assert_str_eq(rm(2, "s").err, "orch: .orch/s is a symbolic link\n");
	rm(3, "'s*'");
	help_has(rm(2, "-d runs r").err, "runs");
	rm(2, "-d runs -k 0");
	help_is(".orch/r/result/a", "one\n");
	ck_assert_str_eq(rm(0, "r").err, "removed r\n");
	ck_assert_str_eq(help_tree("vault", 0), vault);
	help_sh(0, "rm .orch/s; mv vault/s .orch/s; rm .orch/s/lock; ln -s ../../vault/file .orch/s/lock");
	ck_assert_str_eq(rm(1, "s").err, "orch: .orch/s/lock is a symbolic link\n");
	help_is(".orch/s/result/a", "one\n");
}
END_TEST

/* What is a remnant by its name only. */
START_TEST(never_through_a_linked_remnant)
{
	char *vault;

	make_workflow();
	make_runs("r");
	help_sh(0, "mkdir vault; echo secret >vault/file; ln -s ../vault .orch/.removed-1; mkdir .orch/.removed-x .orch/.removed- .orch/.removed-2; "
	    "echo >.orch/.removed-3; ln -s ../../vault .orch/.removed-2/link; touch .orch/.removed-2/lock");
	vault = help_tree("vault", 0);
	rm(0, "-k 9");
	ck_assert_str_eq(help_tree("vault", 0), vault);
	holds(".removed- .removed-1 .removed-3 .removed-x r ");
}
END_TEST

/* A file system that is mounted in the run. */
START_TEST(never_into_another_file_system)
{
#if defined(__linux__)
	struct ran r;

	if (geteuid() || unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		help_skip("rm_test", geteuid() ? "needs root" : "nothing can be mounted here");
		return;
	}
	make_workflow();
	make_runs("r s t");
	help_sh(0, "mkdir other .orch/r/tmp/m .orch/s/m; echo secret >other/file; echo own >.orch/r/tmp/own");
	ck_assert_int_eq(mount("none", ".orch/s/m", "tmpfs", 0, "size=64k"), 0);
	help_sh(0, "echo secret >.orch/s/m/file");
	ck_assert_str_eq(rm(1, "s").err, "orch: .orch/s/m: is on another file system: unmount it first\n");
	help_is(".orch/s/result/a", "one\n");
	/* deeper, it is found when it is met; a directory of the same file system too */
	ck_assert_int_eq(mount("other", ".orch/r/tmp/m", NULL, MS_BIND, NULL), 0);
	r = rm(1, "r t");
	help_has(r.err, "orch: run r is removed, but not all of its files: .orch/.removed-");
	help_has(r.err, "/tmp/m: Device or resource busy\nremoved t\n");
	help_is("other/file", "secret\n");
	help_is(".orch/s/m/file", "secret\n");
	help_none(".orch/r");
	help_has(rm(1, "-k 0").err, "/tmp/m: Device or resource busy\n");
	help_sh(0, "umount .orch/.removed-*/tmp/m; umount .orch/s/m; orch rm s");
	help_is("other/file", "secret\n");
	holds("");
#endif
}
END_TEST

/* What another user owns, or may write to. */
START_TEST(what_is_not_ours)
{
	struct ran r;

	if (!help_becomes("what_is_not_ours"))
		return;
	ck_assert_int_eq(chmod(".", 0755), 0);
	make_workflow();
	make_runs("r s t");
	help_sh(0, "chown 65534 .orch/r");
	ck_assert_str_eq(rm(1, "r s").err, "orch: .orch/r belongs to another user\nremoved s\n");
	help_is(".orch/r/result/a", "one\n");
	help_sh(0, "chown -R 65534 .orch; chown 0 .orch/t/tmp; mkdir .orch/t/tmp/d; chmod 755 .orch/t .orch/t/tmp");
	/* one that cannot be written to is seen beforehand */
	r = help_run("agent user 65534 exec orch rm t");
	ck_assert_int_eq(r.status, 1);
	ck_assert_str_eq(r.err, "orch: .orch/t/tmp: Permission denied\n");
	help_is(".orch/t/result/a", "one\n");
	help_sh(0, "chown 65534 .orch/t/tmp; mkdir .orch/t/tmp/d/e; touch .orch/t/tmp/d/e/f; chmod 755 .orch/t/tmp/d");
	r = help_run("agent user 65534 exec orch rm t");
	ck_assert_int_eq(r.status, 1);
	help_has(r.err, "orch: run t is removed, but not all of its files: .orch/.removed-");
	help_has(r.err, "/tmp/d: Permission denied\n");
	help_sh(0, "chown -R 65534 .orch; agent user 65534 exec orch rm r");
	holds("");
	help_sh(0, "chown -R 0 .orch; orch run -q -r r w.orch; chmod 777 .orch");
	ck_assert_str_eq(rm(1, "r").err, "orch: .orch is writable by others (to fix: chmod go-w)\n");
}
END_TEST

/* Deep, and wide. */
START_TEST(deep_and_wide)
{
	int i;

	make_workflow();
	make_runs("r");
	help_sh(0, "cd .orch/r/asked; seq 20000 | xargs touch; mkdir 1d 2d; touch 1d/f 2d/0 2d/1");
	ck_assert_int_eq(chdir(".orch/r/tmp"), 0);
	for (i = 0; i < 3000; i++) {
		ck_assert_int_eq(mkdir("directory", 0700), 0);
		ck_assert_int_eq(chdir("directory"), 0);
	}
	help_file("file", "deep", NULL);
	ck_assert_int_eq(chdir(getenv("HOME")), 0);
	help_sh(0, "ulimit -n 20; ulimit -s 256; orch rm r");
	holds("");
}
END_TEST

/* Two at once, and beside starts. */

START_TEST(two_at_once)
{
	int round;

	make_workflow();
	for (round = 0; round < 30; round++) {
		struct ran r;

		make_runs("1 2 3 4");
		help_sh(0, "for r in 1 2 3 4; do (cd .orch/$r/asked && seq 300 | xargs touch); done");
		r = help_run("orch rm '*' 2>e1 & orch rm '*' 2>e2; b=$?; wait $!; echo $? $b; cat e1 e2 >&2");
		ck_assert_msg(!strstr(r.out, "1") && !strstr(r.out, "2"), "%s%s", r.out, r.err);
		/* both may say it of one that both delete; none is left */
		ck_assert_int_ge(help_count(r.err, "removed "), 4);
		holds("");
	}
}
END_TEST

START_TEST(beside_starts)
{
	int round;

	make_workflow();
	for (round = 0; round < 60; round++) {
		struct ran r = help_run("rm -rf .orch; (for i in 1 2 3; do orch run -q -r r w.orch 2>>e1; echo $?; done >ends) & orch rm r 2>e2; "
		    "orch rm r 2>>e2; orch rm r 2>>e2; wait $!; orch run -q -r r w.orch && orch cat -r r '*'");

		ck_assert_msg(!strcmp(r.out, "one\none\n") && r.status == 0, "round %d: %d: %s%s", round, r.status, r.out, r.err);
		ck_assert_msg(help_run("grep -qv '^[04]$' ends").status == 1, "round %d: %s%s", round, help_read("ends", NULL),
		    help_read("e1", NULL));
		holds("r ");
	}
}
END_TEST

/* Faults: killed, failing or stopped at each call. */

static struct fault_page *page;
static char library[PATH_MAX];

/* The kinds of calls that rm makes. */
static const char *const kinds[] = { "open", "close", "fsync", "rename", "unlink", "stat", "lock", "directory" };

static int
can_begin(void)
{
	page = procs_fault_page();
	snprintf(library, sizeof library, "%s/tests/fault.so", getenv("TREE"));
	if (!procs_portable() && !help_run("LD_PRELOAD='%s' FAULT='stat 0 kill' FAULT_PAGE=\"$PWD/page\" orch runs", library).status &&
	    page->seen)
		return 1;
	help_skip("rm_test", "no library can be preloaded into this orch");
	return 0;
}

static pid_t
start_fault(const char *command, const char *kind, long at, const char *what)
{
	memset(page, 0, sizeof *page);
	return procs_start("export LD_PRELOAD='%s' FAULT='%s %ld %s' FAULT_PAGE=\"$PWD/page\"; exec %s", library, kind, at, what, command);
}

static char *whole;             /* the run, as it was */

static void
make_one(void)
{
	make_workflow();
	make_runs("r");
	help_sh(0, "mkdir .orch/r/tmp/d .orch/r/tmp/d/e; touch .orch/r/tmp/x .orch/r/tmp/d/e/f; mv .orch pristine");
	help_sh(0, "cp -pR pristine .orch");
	whole = help_tree(".orch/r", 0);
}

/* The run is whole, or not there, and nothing but remnants is. */
static void
check_whole(const char *what)
{
	struct ran r = help_run("ls -A .orch | grep -vx -e r -e .gitignore -e '.removed-[0-9]*'; orch runs");

	ck_assert_msg(!help_exists(".orch/r") || !strcmp(help_tree(".orch/r", 0), whole), "%s: half: %s", what, help_tree(".orch/r", 0));
	ck_assert_msg(help_exists(".orch/r") == (*r.out != '\0'), "%s: %s", what, r.out);
	r = help_run("orch rm r || orch rm -k 0");
	ck_assert_msg(r.status == 0, "%s: afterwards: %s", what, r.err);
	r = help_run(LIST);
	ck_assert_msg(!*r.out, "%s: afterwards there is: %s", what, r.out);
}

/* Has `orch rm r` fail as each of the NWHATS says at each of its calls of the KIND in turn, of a run that is whole; CHECK looks at
 * each end. */
static void
at_each_call(const char *kind, const char *const *whats, int nwhats, void (*check)(const char *what, int status))
{
	char what[100];
	long at;
	int i, status;

	if (!can_begin())
		return;
	make_one();
	for (i = 0; i < nwhats; i++) {
		for (at = 1; ; at++) {
			snprintf(what, sizeof what, "%s %ld %s", kind, at, whats[i]);
			help_sh(0, "rm -rf .orch; cp -pR pristine .orch");
			status = procs_end(start_fault("orch rm r", kind, at, whats[i]), SOON);
			if (!page->hit)
				break;
			check(what, status);
			check_whole(what);
		}
		ck_assert_int_gt(at, 1);
	}
}

static void
check_killed(const char *what, int status)
{
	ck_assert_msg(status == 128 + SIGKILL, "%s: %d", what, status);
}

START_TEST(killed_at_each_call)
{
	static const char *const whats[] = { "kill", "after" };

	at_each_call(kinds[_i], whats, LEN(whats), check_killed);
}
END_TEST

/* What fails is said, and nothing is lost by it but what was to be deleted. */
static void
check_failed(const char *what, int status)
{
	char *err = help_read("err", NULL);

	ck_assert_msg(status <= 4 && *err, "%s: %d: %s", what, status, err);
	ck_assert_msg(status || !help_exists(".orch/r"), "%s: said to be removed: %s", what, err);
	ck_assert_msg(!status || strstr(err, "orch: run r is removed, but not all of its files: ") || strstr(err, "removed r\n") ||
	    help_exists(".orch/r"), "%s: not said to be removed: %s", what, err);
}

START_TEST(failing_at_each_call)
{
	static const char *const whats[] = { "EIO", "EACCES", "EIO+" };

	at_each_call(kinds[_i], whats, LEN(whats), check_failed);
}
END_TEST

/* Waits until the process PID has stopped: 1. 0: it has ended, or a supervisor of it has stopped, which goes on then. */
static int
await_stop(pid_t pid)
{
	int status;
	pid_t got;

	while ((got = waitpid(pid, &status, WNOHANG | WUNTRACED)) == 0) {
		if (page->hit && page->pid && page->pid != (long)pid) {
			while (!kill((pid_t)page->pid, SIGCONT) && waitpid(pid, &status, WNOHANG) == 0)
				help_pause(1);
			return 0;
		}
		help_pause(1);
	}
	return got == pid && WIFSTOPPED(status);
}

/* What a start finds while an rm is stopped at one of its calls: the run whole, or none, or one in use. */
START_TEST(a_start_at_each_call_of_rm)
{
	struct ran r;
	long at;
	int bad;
	pid_t pid;

	if (!can_begin())
		return;
	make_one();
	for (at = 1; ; at++) {
		help_sh(0, "rm -rf .orch; cp -pR pristine .orch; orch trust r");
		pid = start_fault("orch rm r", kinds[_i], at, "stop");
		if (!await_stop(pid))
			break;
		r = help_run("orch run -q -r r w.orch && orch cat -r r '*'");
		ck_assert_msg(r.status == 4 ? strstr(r.err, "run r is in use by another orch (pid ") != NULL : !r.status && strstr(r.out, "one\none\n"),
		    "%s %ld: %d: %s%s", kinds[_i], at, r.status, r.out, r.err);
		kill(pid, SIGCONT);
		bad = procs_end(pid, SOON);
		ck_assert_msg(bad == 0, "%s %ld: %d: %s", kinds[_i], at, bad, help_read("err", NULL));
		r = help_run("test ! -e .orch/r || orch cat -r r '*' | tr '\\n' ' '");
		ck_assert_msg(!*r.out || !strcmp(r.out, "one one "), "%s %ld: half of it is there: %s", kinds[_i], at, r.out);
		r = help_run("orch run -q -r r w.orch; orch cat -r r '*'; orch rm r; " LIST);
		ck_assert_msg(!strcmp(r.out, "one\none\n"), "%s %ld: afterwards: %s%s", kinds[_i], at, r.out, r.err);
	}
	ck_assert_int_gt(at, 1);
}
END_TEST

static const char *const start_kinds[] = { "open", "close", "mkdir", "lock", "stat", "fsync", "directory" };

/* A start that is stopped at one of its calls does not go on in a directory that is deleted meanwhile. */
START_TEST(rm_at_each_call_of_a_start)
{
	struct ran r;
	long at, refused = 0;
	int ended;
	pid_t pid;

	if (!can_begin())
		return;
	make_one();
	for (at = 1; ; at++) {
		help_sh(0, "rm -rf .orch; cp -pR pristine .orch; orch trust r; rm .orch/r/result/b");
		pid = start_fault("orch run -q -r r w.orch", start_kinds[_i], at, "stop");
		if (!await_stop(pid))
			break;
		r = help_run("orch rm r");
		ck_assert_msg(r.status == 0 || r.status == 4, "%s %ld: %d: %s", start_kinds[_i], at, r.status, r.err);
		kill(pid, SIGCONT);
		ended = procs_end(pid, SOON);
		refused += ended == 4;
		ck_assert_msg(ended == 4 ? strstr(help_read("err", NULL), "orch: run r was removed just now; start it again\n") != NULL : ended == 0,
		    "%s %ld: %d: %s", start_kinds[_i], at, ended, help_read("err", NULL));
		ck_assert_msg(!ended || r.status || !help_exists(".orch/r"), "%s %ld: it was made again", start_kinds[_i], at);
		r = help_run("test ! -e .orch/r || orch cat -r r '*' | tr '\\n' ' '");
		ck_assert_msg(!strcmp(r.out, ended ? "" : "one one "), "%s %ld: %d: %s%s", start_kinds[_i], at, ended, r.out, r.err);
		help_run("orch rm r");
		r = help_run(LIST);
		ck_assert_msg(!*r.out, "%s %ld: left: %s", start_kinds[_i], at, r.out);
	}
	ck_assert_int_gt(at, 1);
	ck_assert(refused > 0 || (strcmp(start_kinds[_i], "open") && strcmp(start_kinds[_i], "lock")));
}
END_TEST

/* Nor does it take one that was made again meanwhile for the one that it knows. */
START_TEST(made_again_at_each_call_of_a_start)
{
	struct ran r;
	long at;
	int ended;
	pid_t pid;

	if (!can_begin())
		return;
	make_one();
	for (at = 1; ; at++) {
		help_sh(0, "rm -rf .orch; cp -pR pristine .orch; orch trust r; rm .orch/r/result/b");
		pid = start_fault("orch run -q -r r w.orch", start_kinds[_i], at, "stop");
		if (!await_stop(pid))
			break;
		help_run("orch rm r && orch run -q -r r w.orch");
		kill(pid, SIGCONT);
		ended = procs_end(pid, SOON);
		ck_assert_msg(ended == 4 || ended == 0, "%s %ld: %d: %s", start_kinds[_i], at, ended, help_read("err", NULL));
		r = help_run("orch run -q -r r w.orch && orch cat -r r '*'");
		ck_assert_msg(!r.status && !strcmp(r.out, "one\none\n"), "%s %ld: afterwards: %d: %s%s", start_kinds[_i], at, r.status,
		    r.out, r.err);
	}
	ck_assert_int_gt(at, 1);
}
END_TEST

/* The same for trust, and for another rm. */
START_TEST(rm_while_others_wait_for_the_lock)
{
	static const struct {
		const char *command, *says;
		int status;
	} others[] = { { "orch trust r", "orch: r: no such run; to list: orch runs\n", 3 }, { "orch rm r", "", 0 } };
	int i;
	pid_t pid;

	if (!can_begin())
		return;
	make_one();
	for (i = 0; i < LEN(others); i++) {
		help_sh(0, "rm -rf .orch; cp -pR pristine .orch");
		pid = start_fault(others[i].command, "lock", 1, "stop");
		ck_assert(await_stop(pid));
		help_sh(0, "orch rm r; orch run -q -r r w.orch");
		kill(pid, SIGCONT);
		ck_assert_int_eq(procs_end(pid, SOON), others[i].status);
		ck_assert_str_eq(help_read("err", NULL), others[i].says);
		help_is(".orch/r/result/b", "one\n");
	}
}
END_TEST

/* Between the look at all runs and the deletion somebody may have worked on one. */
START_TEST(keep_what_was_worked_on_meanwhile)
{
	pid_t pid;

	if (!can_begin())
		return;
	make_workflow();
	make_by_time(1);
	pid = start_fault("orch rm -k 0", "lock", 3, "stop");   /* two are of the look: nobody has it */
	ck_assert(await_stop(pid));
	help_sh(0, "touch bad; orch redo -q a 2>/dev/null; orch status >/dev/null; test $? = 1");
	kill(pid, SIGCONT);
	ck_assert_int_eq(procs_end(pid, SOON), 0);
	ck_assert_str_eq(help_read("err", NULL), "");
	help_sh(0, "test -e .orch/$(cat named)/result/a");
}
END_TEST

Suite *
rm_suite(void)
{
	Suite *s = suite_create("rm");
	TCase *t = help_case(s, "rm", procs_begin, 60), *f = help_case(s, "faults", procs_begin, 300);

	tcase_add_test(t, names_and_patterns);
	tcase_add_test(t, all_or_nothing);
	tcase_add_test(t, only_runs);
	tcase_add_test(t, completed_by_names);
	tcase_add_test(t, keep_without_names);
	tcase_add_test(t, keep_without_names_what_is_not_complete);
	tcase_add_test(t, the_time_has_named_it);
	tcase_add_test(t, keep_of_names);
	tcase_add_test(t, keep_what_has_no_age);
	tcase_add_test(t, never_one_in_use);
	tcase_add_test(t, one_in_use_counts);
	tcase_add_test(t, never_one_that_has_left_somebody);
	tcase_add_test(t, never_one_that_is_still_ending);
	tcase_add_test(t, never_through_a_link);
	tcase_add_test(t, never_through_a_linked_remnant);
	tcase_add_test(t, never_into_another_file_system);
	tcase_add_test(t, what_is_not_ours);
	tcase_add_test(t, deep_and_wide);
	tcase_add_test(t, two_at_once);
	tcase_add_test(t, beside_starts);
	tcase_add_loop_test(f, killed_at_each_call, 0, LEN(kinds));
	tcase_add_loop_test(f, failing_at_each_call, 0, LEN(kinds));
	tcase_add_loop_test(f, a_start_at_each_call_of_rm, 0, LEN(kinds));
	tcase_add_loop_test(f, rm_at_each_call_of_a_start, 0, LEN(start_kinds));
	tcase_add_loop_test(f, made_again_at_each_call_of_a_start, 0, LEN(start_kinds));
	tcase_add_test(f, rm_while_others_wait_for_the_lock);
	tcase_add_test(f, keep_what_was_worked_on_meanwhile);
	return s;
}

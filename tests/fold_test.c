/* File systems that fold case: names that would be one file are refused, before a result is lost. Whole runs below
 * tests/fold.so, which folds as exfat does; the same on real file systems, where one can be mounted; and the table. */
#include "tests/suites.h"

#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "engine/task/keys.h"
#include "store/fold.h"
#include "store/key.h"
#include "tests/help.h"
#include "tests/procs.h"

#define APART "this file system does not tell their names apart"

/* What the commands of the tests begin with. */
#define FOLD "ORCH_FOLD=\"$(pwd -P)\" LD_PRELOAD=\"$TREE/tests/fold.so\" "

static int
can_fold(void)
{
	return !procs_portable() && !help_sanitized() && help_run(FOLD "orch -V").status == 0 &&
	    help_run(FOLD "sh -c 'mkdir x && test -d X && rmdir x'").status == 0;
}

/* Nothing is loaded into an orch that is static: it finds no run by another name. */
static int
folds(void)
{
	help_file("probe.orch", "stop", NULL);
	return can_fold() && help_run(FOLD "orch run -q -r Probe probe.orch").status == 0 &&
	    help_run(FOLD "orch status -r probe").status != 3 && help_run("rm -r .orch probe.orch").status == 0;
}

static void
begin(void)
{
	procs_begin();
	setenv("LC_ALL", "C.UTF-8", 1);
}

/* Runs ARGS of orch where names are folded; it must end with STATUS. */
static struct ran
fold(int status, const char *args)
{
	char command[1000];

	snprintf(command, sizeof command, FOLD "orch %s", args);
	return help_sh(status, command);
}

#define NEEDS_FOLD(test) \
	do { \
		if (!folds()) { \
			if (!_i) \
				help_skip(test, "no library that folds names can be preloaded into this orch"); \
			return; \
		} \
	} while (0)

/* Keys that are known before anything starts: none is asked. */
static const struct {
	const char *lines[8];
	const char *first, *second;     /* as they are said, with their lines */
} known[] = {
	{ { "run sh as A | touch asked; echo upper", "run sh as a | touch asked; echo lower" },
	  "`A` (line 1 of w.orch)", "`a` (line 2 of w.orch)" },
	{ { "run sh as straße | touch asked", "run sh as \303\204pfel | touch asked", "run sh as \303\244pfel | touch asked" },
	  "`\303\204pfel` (line 2 of w.orch)", "`\303\244pfel` (line 3 of w.orch)" },
	{ { "run sh as \303\244 | touch asked", "run sh as a\314\210 | touch asked" },
	  "`\303\244` (line 1 of w.orch)", "`a\314\210` (line 2 of w.orch)" },
	{ { "run sh as a/B | touch asked", "run sh as A/b | touch asked" }, "`a/B` (line 1", "`A/b` (line 2" },
	{ { "for x in one A two a", "run sh as k-{{x}} | touch asked", "end" },
	  "`k-A` (line 2 of w.orch)", "`k-a` (line 2 of w.orch)" },
	{ { "parallel x in A a", "run sh as {{x}} | touch asked", "end" }, "`A` (line 2", "`a` (line 2" },
	{ { "parallel", "run sh as A | touch asked", "run sh as a | touch asked", "end" }, "`A` (line 2", "`a` (line 3" },
	{ { "run sh as A | touch asked; exit 1", "otherwise word", "run sh as a | touch asked" },
	  "`A` (line 1", "`a` (line 3" },
	{ { "if true", "run sh as A | touch asked", "else", "run sh as a | touch asked", "end" },
	  "`A` (line 2", "`a` (line 4" },
	{ { "call sub.orch as A", "call sub.orch as a" }, "`A/k` (line 1 of sub.orch)", "`a/k` (line 1 of sub.orch)" },
	{ { "parallel x in A a", "call sub.orch as {{x}}", "end" }, "`A/k` (line 1", "`a/k` (line 1" },
	{ { "run sh as Feat/x | touch asked", "worktree feat/x" }, "`Feat/x` (line 1", "`feat/x` (line 2" },
	{ { "run sh as Commit | touch asked", "commit | All" }, "`Commit` (line 1", "`commit` (line 2" },
	{ { "run sh as OK | touch asked", "ask ok yes no | Well?" }, "`OK` (line 1", "`ok` (line 2" },
};

/* The lines, up to eight, as the file w.orch. */
static void
write_workflow(const char *const *lines)
{
	FILE *f = fopen("w.orch", "w");
	int i;

	ck_assert_ptr_nonnull(f);
	for (i = 0; i < 8 && lines[i]; i++)
		fprintf(f, "%s\n", lines[i]);
	fclose(f);
	help_file("sub.orch", "run sh as k | touch asked", NULL);
}

START_TEST(keys_that_are_known)
{
	struct ran r;

	NEEDS_FOLD("keys_that_are_known");
	write_workflow(known[_i].lines);
	r = fold(2, "run -r r w.orch");
	help_has(r.err, known[_i].first);
	help_has(r.err, known[_i].second);
	help_has(r.err, "would share one file: " APART "; rename one of them with `as NAME`, or use -d DIR on a file system that does\n");
	ck_assert_int_eq(help_count(r.err, "\n"), 1);
	help_none("asked");
	/* It is no other with -n, and when it is there. */
	help_has(fold(2, "run -n -r r w.orch").err, known[_i].second);
	help_has(fold(2, "resume -r r").err, known[_i].second);
	help_none("asked");
}
END_TEST

START_TEST(each_spelling_has_a_number)
{
	struct ran r;

	NEEDS_FOLD("each_spelling_has_a_number");
	write_workflow(known[0].lines);
	r = help_sh(2, FOLD "ORCH_FOLD_NUMBERS=1 orch run -r r w.orch");
	help_has(r.err, "`A` (line 1 of w.orch)");
	help_none("asked");
}
END_TEST

START_TEST(twenty_are_said)
{
	struct ran r;

	NEEDS_FOLD("twenty_are_said");
	help_file("w.orch", "for x in 1..23", "run sh as K{{x}} | :", "run sh as k{{x}} | :", "end", NULL);
	r = fold(2, "run -r r w.orch");
	ck_assert_int_eq(help_count(r.err, APART), 20);
	help_has(r.err, "orch: and 3 more such keys\n");
}
END_TEST

/* A pair is said once, however often its keys are in the workflow or in result/. */
START_TEST(a_pair_is_said_once)
{
	struct ran r;

	NEEDS_FOLD("a_pair_is_said_once");
	help_file("w.orch", "run sh as A | echo", "if true", "run sh as a | :", "else", "run sh as a | :", "end", NULL);
	r = fold(2, "run -r r w.orch");
	ck_assert_int_eq(help_count(r.err, APART), 1);
	help_file("w.orch", "run sh as A | echo", NULL);
	fold(0, "run -r r w.orch");
	help_file("w.orch", "run sh as a | echo", "run sh as A | echo", NULL);
	r = fold(2, "run -r r w.orch");
	ck_assert_int_eq(help_count(r.err, APART), 1);
	help_has(r.err, "the keys `a` (line 1 of w.orch) and `A` (line 2 of w.orch)");
}
END_TEST

/* A call has no file; those of its results are what counts. */
START_TEST(calls_without_a_common_key)
{
	NEEDS_FOLD("calls_without_a_common_key");
	help_file("one.orch", "run sh as x | echo 1", NULL);
	help_file("two.orch", "run sh as y | echo 2", NULL);
	help_file("w.orch", "call one.orch as A", "call two.orch as a", NULL);
	fold(0, "run -r r w.orch");
	help_is(".orch/r/result/A%2Fx", "1\n");
	help_is(".orch/r/result/a%2Fy", "2\n");
}
END_TEST

/* Keys that are in data: known when the items of a block are, before its first branch starts. */
static const struct {
	const char *lines[8];
	const char *says;
} data[] = {
	{ { "for x in < list", "run sh as k-{{x}} | touch asked", "end" },
	  "w.orch:2: the keys `k-A` (line 3 of w.orch) and `k-a` (line 3 of w.orch) would share one file" },
	{ { "parallel x in < list", "run sh as {{x}} | touch asked", "end" }, "w.orch:2: the keys `A` (line 3 of w.orch) and `a`" },
	{ { "parallel x in < list", "call sub.orch as {{x}}", "end" }, "w.orch:2: the keys `A/` (line 3 of w.orch) and `a/`" },
	{ { "for x in < list", "ask {{x}} | Well?", "end" }, "w.orch:2: the keys `A` (line 3 of w.orch) and `a`" },
	{ { "parallel x in < list", "run sh as {{x}} | touch asked; exit 1", "otherwise word", "end" }, "`A` (line 3 of w.orch) and `a`" },
};

START_TEST(keys_in_data)
{
	const char *lines[8] = { "run sh as list | printf 'A\\nb\\na\\n'" };
	struct ran r;

	NEEDS_FOLD("keys_in_data");
	memcpy(lines + 1, data[_i].lines, 7 * sizeof *lines);
	write_workflow(lines);
	r = fold(1, "run -r r w.orch");
	help_has(r.err, data[_i].says);
	help_has(r.err, APART);
	help_none("asked");
	help_is(".orch/r/result/list", "A\nb\na\n");
}
END_TEST

/* A key that hangs on a result is known when it is made. */
START_TEST(keys_of_results)
{
	struct ran r;

	NEEDS_FOLD("keys_of_results");
	help_file("w.orch", "run sh as which | printf K", "run sh as {{which}} | echo upper", "run sh as k | touch asked; echo lower", NULL);
	r = fold(1, "run -r r w.orch");
	help_has(r.err, "the keys `K` (line 2 of w.orch) and `k` (line 3 of w.orch) would share one file");
	help_none("asked");
	help_is(".orch/r/result/K", "upper\n");
}
END_TEST

/* Results of an earlier version of the workflow. */
START_TEST(a_result_that_is_left)
{
	struct ran r;

	NEEDS_FOLD("a_result_that_is_left");
	help_file("w.orch", "run sh as A | echo upper", NULL);
	fold(0, "run -r r w.orch");
	help_file("w.orch", "run sh as a | touch asked; echo lower", NULL);
	r = fold(2, "resume -r r");
	help_has(r.err, "orch: the key `a` (line 1 of w.orch) would overwrite the result `A`, which is there already: " APART
	    "; rename it with `as NAME`, remove result/A if it is not needed, or use -d DIR on a file system that does\n");
	help_none("asked");
	help_is(".orch/r/result/A", "upper\n");
	help_sh(0, "rm .orch/r/result/A");
	fold(0, "resume -r r");
	help_is(".orch/r/result/a", "lower\n");
}
END_TEST

START_TEST(a_result_that_data_would_overwrite)
{
	static const char *const lines[][8] = {
		{ "run sh as list | printf 'b\\na\\n'", "for x in < list", "run sh as k-{{x}} | touch asked", "end" },
		{ "run sh as which | printf k-a", "run sh as {{which}} | touch asked" },
	};
	struct ran r;

	NEEDS_FOLD("a_result_that_data_would_overwrite");
	help_file("w.orch", "run sh as K-A | echo upper", NULL);
	fold(0, "run -r r w.orch");
	write_workflow(lines[_i]);
	r = fold(1, "resume -r r");
	help_has(r.err, "the key `k-a` (line ");
	help_has(r.err, "would overwrite the result `K-A`, which is there already");
	help_has(r.err, "remove result/K-A if it is not needed");
	help_none("asked");
	help_is(".orch/r/result/K-A", "upper\n");
}
END_TEST

/* What a key that has no result was called before is no matter. */
START_TEST(a_key_that_failed_may_be_renamed)
{
	NEEDS_FOLD("a_key_that_failed_may_be_renamed");
	help_file("w.orch", "run sh as A | exit 1", NULL);
	fold(1, "run -r r w.orch");
	help_file("w.orch", "run sh as a | echo lower", NULL);
	fold(0, "resume -r r");
	help_is(".orch/r/result/a", "lower\n");
}
END_TEST

START_TEST(arms_may_share_a_key)
{
	NEEDS_FOLD("arms_may_share_a_key");
	help_file("w.orch", "if false", "run sh as A | echo yes", "else", "run sh as A | echo no", "end",
	    "for x in p q", "run sh as k-{{x}} | echo", "end", "print | {{A}}", NULL);
	help_has(fold(0, "run -r r w.orch").out, "no");
	fold(0, "resume -r r");
	fold(0, "resume -u -r r");
}
END_TEST

/* Names of runs. */

static const struct {
	const char *args;
	int status;
} by_name[] = {
	{ "run -r nightly w.orch", 2 }, { "run -n -r nightly w.orch", 2 }, { "resume -r nightly", 2 }, { "status -r nightly", 2 },
	{ "status -p -r nightly", 2 }, { "cat -r nightly A", 2 }, { "logs -r nightly", 2 }, { "diff -r nightly A", 2 },
};

START_TEST(names_of_runs)
{
	struct ran r;
	char *before;

	NEEDS_FOLD("names_of_runs");
	help_file("w.orch", "run sh as A | echo upper", NULL);
	fold(0, "run -r Nightly w.orch");
	before = help_tree(".orch", 1);
	r = fold(by_name[_i].status, by_name[_i].args);
	help_has(r.err, "orch: run `nightly` would be run `Nightly`: " APART "; use -r Nightly or another name\n");
	ck_assert_str_eq(r.out, "");
	ck_assert_str_eq(help_tree(".orch", 1), before);
	fold(0, "status -r Nightly");
	fold(0, "resume -r Nightly");
	help_has(fold(0, "runs").out, "Nightly");
}
END_TEST

/* A run that was just made, without a file `run`: nothing is written to it. */
START_TEST(names_of_runs_that_are_empty)
{
	NEEDS_FOLD("names_of_runs_that_are_empty");
	help_file("w.orch", "run sh as A | echo upper", NULL);
	help_sh(0, "mkdir -p -m 700 .orch/Nightly");
	help_has(fold(2, "run -r nightly w.orch").err, "run `nightly` would be run `Nightly`");
	help_none(".orch/Nightly/run");
	help_none(".orch/Nightly/result/A");
}
END_TEST

START_TEST(names_by_time)
{
	NEEDS_FOLD("names_by_time");
	help_file("w.orch", "run sh as A | echo upper", NULL);
	fold(0, "run w.orch");
	fold(0, "run w.orch");
	fold(0, "resume -r $(ls .orch | head -n 1)");
	fold(0, "run -r n w.orch");
	fold(0, "run -r nn w.orch");
	fold(0, "status");
}
END_TEST

/* Where names are told apart, nothing is refused: also not if there is a RESULT. */
START_TEST(other_file_systems)
{
	help_file("w.orch", "run sh as A | echo upper", "run sh as a | echo lower", "run sh as list | printf 'X\\nx\\n'",
	    "parallel x in < list", "run sh as {{x}} | echo", "end", NULL);
	help_sh(0, "touch p; ! test -e P || exit 1; mkdir -p -m 700 .orch/r/RESULT");
	help_sh(0, "orch run -r r w.orch");
	help_is(".orch/r/result/A", "upper\n");
	help_is(".orch/r/result/a", "lower\n");
	help_sh(0, "orch run -r R w.orch");
	help_sh(0, "orch resume -r r");
	ck_assert_int_eq(help_sh(3, "orch status -r N").status, 3);
}
END_TEST

/* A run alone may be on a file system that folds: its name is in a directory that does not. */
START_TEST(names_of_runs_above)
{
	NEEDS_FOLD("names_of_runs_above");
	help_file("w.orch", "run sh as A | echo upper", NULL);
	help_sh(0, "orch run -r R w.orch && orch run -r r w.orch");
	help_sh(0, "ORCH_FOLD=\"$(pwd -P)/.orch/r\" LD_PRELOAD=\"$TREE/tests/fold.so\" orch resume -r r");
	help_file("w.orch", "run sh as a | echo lower", NULL);
	help_sh(2, "ORCH_FOLD=\"$(pwd -P)/.orch/r\" LD_PRELOAD=\"$TREE/tests/fold.so\" orch resume -r r");
}
END_TEST

/* Real file systems. The script ends with 77, and a word, where one cannot be mounted here. */

static const char *const systems[] = { "exfat", "ntfs", "ext4" };

static void
write_mount(void)
{
	help_file("mount-it",
	    "case $(id -u) in 0) ;; *) echo 'needs root'; exit 77;; esac",
	    "PATH=$PATH:/sbin:/usr/sbin",
	    "exec 3>&1",
	    "none() { echo \"no $1 here\" >&3; exit 77; }",
	    "have() { for p; do command -v $p >/dev/null || none $p; done; }",
	    "dd if=/dev/zero of=disk bs=1024 count=16384 2>/dev/null; mkdir m",
	    "trap 'cd /; umount $TOP/m 2>/dev/null || umount -l $TOP/m 2>/dev/null; [ -z \"${loop-}\" ] || losetup -d $loop' EXIT",
	    "export TOP=$PWD",
	    "case $1 in",
	    "exfat) have mkfs.exfat losetup; mkfs.exfat disk >/dev/null || none mkfs.exfat",
	    "    loop=$(losetup -f --show disk) || { unset loop; none 'loop device'; }",
	    "    mount -t exfat -o umask=077 $loop m || mount.exfat-fuse -o umask=077 $loop m || none exfat;;",
	    "ntfs) have mkfs.ntfs lowntfs-3g; mkfs.ntfs -q -F disk >/dev/null || none mkfs.ntfs",
	    "    lowntfs-3g -o ignore_case,permissions disk m || none ntfs-3g;;",
	    "ext4) have mkfs.ext4 chattr; mkfs.ext4 -q -O casefold disk >/dev/null || none 'mkfs.ext4 -O casefold'",
	    "    mount -o loop disk m || none 'ext4 with casefold'; mkdir m/d; chattr +F m/d || none casefold;;",
	    "esac >said 2>&1",
	    "cd m; [ ! -d d ] || cd d",
	    "[ $1 = exfat ] || chmod 700 .",
	    "export LC_ALL=C.UTF-8",
	    ". $TOP/then", NULL);
}

static struct ran
on(const char *system)
{
	return help_run("sh mount-it %s 2>&1", system);
}

START_TEST(real_file_systems)
{
	static const char *const in_order[] = {
		"then: orch run -r two", "the keys `A` (line 1 of w.orch) and `a` (line 2 of w.orch) would share one file", "ended with 2",
		"then: orch run -q -r data", "the keys `k-\303\204` (line 3 of l.orch) and `k-\303\244`", "ended with 1",
		"then: orch run -q o.orch", "ended with 0", "then: orch run -q o.orch", "ended with 0",
	};
	static const char *const as_made[] = {
		"then: orch run -q -r Nightly", "ended with 0",
		"then: orch run -q -r nightly", "run `nightly` would be run `Nightly`", "ended with 2",
		"then: orch resume -q -r Nightly", "would overwrite the result `A`", "ended with 2", "upper",
	};
	/* lowntfs-3g shows all names in lower case: others cannot be told to be there. */
	static const char *const lower[] = {
		"then: orch run -q -r Nightly", "run `Nightly` would be run `nightly`", "ended with 2",
		"then: orch run -q -r nightly", "ended with 0",
	};
	int shows_lower = !strcmp(systems[_i], "ntfs");
	struct ran r;

	write_mount();
	help_file("then",
	    "try() { echo \"then: $*\"; \"$@\"; echo \"ended with $?\"; }",
	    "echo 'run sh as A | echo upper' >w.orch; echo 'run sh as a | echo lower' >>w.orch",
	    "try orch run -r two w.orch; ls .orch/two/result",
	    "echo 'run sh as A | echo upper' >w.orch; try orch run -q -r Nightly w.orch",
	    "try orch run -q -r nightly w.orch",
	    "echo 'run sh as a | echo lower' >w.orch; try orch resume -q -r Nightly; cat .orch/Nightly/result/A",
	    "echo 'run sh as list | echo \303\204; echo \303\244' >l.orch",
	    "printf 'for x in < list\\nrun sh as k-{{x}} | touch asked\\nend\\n' >>l.orch",
	    "try orch run -q -r data l.orch; ls asked",
	    "echo 'run sh as One | echo 1' >o.orch; try orch run -q o.orch; try orch run -q o.orch", NULL);
	r = on(systems[_i]);
	if (r.status == 77) {
		r.out[strcspn(r.out, "\n")] = '\0';
		fprintf(stderr, "fold: %s: ", systems[_i]);
		help_skip("real_file_systems", r.out);
		return;
	}
	help_in_order(r.out, in_order, LEN(in_order));
	help_in_order(r.out, shows_lower ? lower : as_made, shows_lower ? LEN(lower) : LEN(as_made));
}
END_TEST

/* The table. */

static int
is_one(const char *a, const char *b)
{
	struct fold fa, fb;

	fold_name(&fa, a);
	fold_name(&fb, b);
	return fold_same(&fa, &fb);
}

static const char *const one[][2] = {
	{ "a", "A" }, { "Review-1", "rEVIEW-1" }, { "%C3", "%c3" }, { "", "" },
	{ "\303\204", "\303\244" },                     /* A with diaeresis */
	{ "\303\277", "\305\270" },                     /* y with diaeresis: of two blocks */
	{ "\305\277", "S" },                            /* long s */
	{ "\304\260", "i\314\207" }, { "\304\260", "I\314\207" }, { "\304\260", "i" }, { "\304\261", "I" },        /* I with, and i without a dot */
	{ "\307\204", "\307\206" }, { "\307\205", "\307\206" }, /* DZ, in three cases */
	{ "\310\272", "\342\261\245" },                 /* A with stroke: two bytes and three */
	{ "\316\243", "\317\202" }, { "\317\203", "\317\202" }, /* sigma, and at the end of a word */
	{ "\320\226", "\320\266" }, { "\321\221", "\320\201" }, /* zhe, io */
	{ "\324\261", "\325\241" },                     /* ayb */
	{ "\357\274\241", "\357\275\201" },             /* full-width A */
	{ "\342\204\252", "k" }, { "\342\204\253", "\303\245" },        /* kelvin, angstrom */
	{ "\360\220\220\200", "\360\220\220\250" },     /* deseret, four bytes */
	{ "\303\237", "SS" }, { "\341\272\236", "ss" }, /* sharp s */
	{ "\303\244", "a\314\210" }, { "\303\204x", "a\314\210X" },     /* composed, and not */
	{ "\341\272\245", "a\314\202\314\201" }, { "\341\272\244", "\303\242\314\201" },        /* with two marks */
	{ "\341\272\255", "a\314\243\314\202" }, { "\341\272\255", "\303\242\314\243" },        /* in any order */
	{ "\316\254", "\316\261\314\201" }, { "\320\271", "\320\230\314\206" }, /* alpha, short i */
	{ "a.", "A" }, { "a..", "a" },
	{ "x\342\200\215y", "xy" },                     /* a joiner */
	{ "\377", "\377" },
};

static const char *const two[][2] = {
	{ "a", "b" }, { "a", "aa" }, { "ab", "a.b" }, { "a", "a-" }, { "[", "{" }, { "@", "`" }, { "_", "-" }, { "1", "2" }, { "a", "" },
	{ "a", "\303\244" }, { "\303\244", "\303\266" }, { "\303\227", "\303\267" },    /* times, divided by */
	{ "\316\261", "a" }, { "\320\220", "A" }, { "\357\274\241", "A" }, { "\304\213", "\304\215" },
	{ "\377", "\303\277" }, { "\377", "\376" }, { "\303", "\303\203" }, { "a\314\201", "a\314\200" },
};

START_TEST(names_that_are_one)
{
	ck_assert_msg(is_one(one[_i][0], one[_i][1]), "%s and %s", one[_i][0], one[_i][1]);
	ck_assert(is_one(one[_i][1], one[_i][0]));
}
END_TEST

START_TEST(names_that_are_two)
{
	ck_assert_msg(!is_one(two[_i][0], two[_i][1]), "%s and %s", two[_i][0], two[_i][1]);
}
END_TEST

/* Whatever libc takes for the other case of a letter is one with it. */
START_TEST(letters_of_libc)
{
	char a[MB_LEN_MAX + 1], b[MB_LEN_MAX + 1];
	wint_t c, other[2];
	int n, i, pairs = 0;

	if (!setlocale(LC_CTYPE, "C.UTF-8") || MB_CUR_MAX < 4) {
		help_skip("letters_of_libc", "there is no locale C.UTF-8");
		return;
	}
	for (c = 1; c < 0x20000; c++) {
		other[0] = towlower(c);
		other[1] = towupper(c);
		for (i = 0; i < 2; i++) {
			if (other[i] == c || (n = wctomb(a, (wchar_t)c)) < 0)
				continue;
			a[n] = '\0';
			n = wctomb(b, (wchar_t)other[i]);
			b[n > 0 ? n : 0] = '\0';
			ck_assert_msg(is_one(a, b), "U+%04lX and U+%04lX", (unsigned long)c, (unsigned long)other[i]);
			pairs++;
		}
	}
	ck_assert_int_gt(pairs, 2000);
}
END_TEST

/* The longest names: what they become is longer, and fits. */
START_TEST(long_names)
{
	static const char *const letters[] = { "\307\226", "\310\272", "\341\272\245", "\357\254\203", "A", "\377", "\314\201" };
	char name[KEY_NAME_MAX + 1];
	size_t k, n, i;
	struct fold f;

	for (k = 0; k < LEN(letters); k++) {
		n = strlen(letters[k]);
		for (i = 0; i + n <= KEY_NAME_MAX; i += n)
			memcpy(name + i, letters[k], n);
		name[i] = '\0';
		fold_name(&f, name);
		ck_assert_uint_le(f.n, FOLD_MAX);
		ck_assert_uint_ge(f.n, i / n);
		name[i - n] = '\0';
		ck_assert(!is_one(name, letters[k]));
	}
}
END_TEST

/* The keys of a walk. */

static uint32_t
add(struct keys *k, const char *s)
{
	return keys_add(k, s, strlen(s));
}

START_TEST(rivals)
{
	struct keys k = { 0 };
	uint32_t upper = add(&k, "A"), lower = add(&k, "a"), slash = add(&k, "a/B");
	char text[40];
	int i;

	/* Nothing is looked for, nor kept, unless that was asked for. */
	ck_assert_uint_eq(keys_rival(&k, upper), KEY_NONE);
	ck_assert_uint_eq(keys_rival(&k, lower), KEY_NONE);
	ck_assert_ptr_null(k.files);
	keys_watch_files(&k);
	ck_assert_uint_eq(keys_rival(&k, lower), KEY_NONE);
	ck_assert_uint_eq(keys_rival(&k, lower), KEY_NONE);
	ck_assert_uint_eq(keys_rival(&k, upper), lower);
	ck_assert_uint_eq(keys_rival(&k, slash), KEY_NONE);
	for (i = 0; i < 5000; i++) {
		snprintf(text, sizeof text, "Key-%d", i);
		ck_assert_uint_eq(keys_rival(&k, add(&k, text)), KEY_NONE);
	}
	for (i = 0; i < 5000; i++) {
		snprintf(text, sizeof text, "kEY-%d", i);
		ck_assert_uint_eq(keys_rival(&k, add(&k, text)), 3 + (uint32_t)i);
	}
	ck_assert_uint_eq(keys_rival(&k, upper), lower);
	ck_assert_uint_eq(keys_rival(&k, add(&k, "A/b")), slash);
	keys_free(&k);
}
END_TEST

Suite *
fold_suite(void)
{
	Suite *s = suite_create("fold");
	TCase *runs = help_case(s, "runs where names are folded", begin, 60);
	TCase *names = tcase_create("names");

	tcase_add_loop_test(runs, keys_that_are_known, 0, LEN(known));
	tcase_add_test(runs, each_spelling_has_a_number);
	tcase_add_test(runs, twenty_are_said);
	tcase_add_test(runs, a_pair_is_said_once);
	tcase_add_test(runs, calls_without_a_common_key);
	tcase_add_loop_test(runs, keys_in_data, 0, LEN(data));
	tcase_add_test(runs, keys_of_results);
	tcase_add_test(runs, a_result_that_is_left);
	tcase_add_loop_test(runs, a_result_that_data_would_overwrite, 0, 2);
	tcase_add_test(runs, a_key_that_failed_may_be_renamed);
	tcase_add_test(runs, arms_may_share_a_key);
	tcase_add_loop_test(runs, names_of_runs, 0, LEN(by_name));
	tcase_add_test(runs, names_of_runs_that_are_empty);
	tcase_add_test(runs, names_by_time);
	tcase_add_test(runs, names_of_runs_above);
	tcase_add_test(runs, other_file_systems);
	tcase_add_loop_test(runs, real_file_systems, 0, LEN(systems));
	tcase_add_loop_test(names, names_that_are_one, 0, LEN(one));
	tcase_add_loop_test(names, names_that_are_two, 0, LEN(two));
	tcase_add_test(names, letters_of_libc);
	tcase_add_test(names, long_names);
	tcase_add_test(names, rivals);
	suite_add_tcase(s, names);
	return s;
}

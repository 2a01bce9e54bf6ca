/* Whole runs at their limits: a disk that gets full, few descriptors and processes, results that are
 * larger than memory should be, and every limit of the format, at it and one beyond.
 *
 * With ORCH_TORTURE=1 in the environment every point is tried, and a result has a gigabyte; else every
 * fifth, and 64 megabytes. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/help.h"
#include "tests/mounts.h"
#include "tests/procs.h"
#include "tests/suites.h"

enum {
	DISK_MOST = 480,        /* KB, with which the run below is sure to complete */
	INODES_MOST = 60,
	DESCRIPTORS_MOST = 35,
	MEMORY_MOST = 16 * 1024 /* KB: of orch, its supervisors, and all that they wait for */
};

/* From one point to the next, of those that are STEP apart. */
static int
stride(int step)
{
	return help_torture() ? step : 5 * step;
}

/* S, N times. */
static char *
many(const char *s, size_t n)
{
	size_t len = strlen(s), i;
	char *all = malloc(n * len + 1);

	for (i = 0; i < n; i++)
		memcpy(all + i * len, s, len);
	all[n * len] = '\0';
	return all;
}

/* A and B and C, joined. */
static char *
join(const char *a, const char *b, const char *c)
{
	size_t n = strlen(a) + strlen(b) + strlen(c) + 1;
	char *s = malloc(n);

	snprintf(s, n, "%s%s%s", a, b, c);
	return s;
}

/* A small disk. */

static const char careless[] = "echo $ORCH_KEY >>\"$ORCH_ROOT/started\"; cat \"$ORCH_ROOT/data\" - || :";

/* Some 400 KB on disk; `careless` and the filter do not mind that they cannot write. Makes it undisturbed
 * as the run `whole`. */
static void
write_hungry(void)
{
	help_bytes("data", many("all work and no play\n", 580), 580 * 21);
	help_file("w.orch", "step strict exec agent append started strict bytes 8000",
	    "step join exec agent append started join cat", "run strict", "run sh as careless < -", join("| ", careless, ""),
	    "parallel n in 1 2 3", "run sh as part-{{n}} < strict", join("| ", careless, ""), "end", "run join < part-*",
	    "filter tr a-z A-Z || :", "if < join | test $(wc -c) -gt 60000",
	    "run sh as size < join | echo $ORCH_KEY >>\"$ORCH_ROOT/started\"; wc -c", "print | {{size}}", "end", NULL);
	help_sh(0, "orch run -q -r whole w.orch >want && test $(cat want) -gt 60000");
}

/* How many lines of `started` are KEY. */
static int
starts_of(const char *key, size_t n)
{
	const char *s = help_read("started", NULL);
	int count = 0;

	for (; *s; s = strchr(s, '\n') + 1)
		count += !strncmp(s, key, n) && s[n] == '\n';
	return count;
}

/* What ERR reported as done was started once. */
static void
expect_once(const char *err, const char *point)
{
	const char *s = err, *key;

	for (; (s = strstr(s, "done      ")); s = key) {
		key = s + 10;
		if (s > err && s[-1] != '\n')
			continue;
		ck_assert_msg(starts_of(key, strcspn(key, " ")) <= 1 || !strncmp(key, "- ", 2), "%s: started again: %.20s", point, key);
	}
}

/* A run with its directory below POINT, a disk made with OPTIONS: complete or not, but in words and with no
 * half result; with MORE room it goes on and is like any other. Returns whether it was complete at once. */
static int
run_on_disk(const char *point, const char *options, const char *more)
{
	struct ran first;
	char *text;

	mounts_make(point, options);
	setenv("POINT", point, 1);
	unlink("started");
	first = help_run("orch run -d %s/runs -r r w.orch >%s.out", point, point);
	ck_assert_msg(first.status <= 2, "%s: status %d: %s", point, first.status, first.err);
	ck_assert_msg(!first.status || strstr(first.err, "No space left") || strstr(first.err, "disk was full") ||
	    strstr(first.err, "exit status"), "%s: %s", point, first.err);
	help_sh(0, "cd $POINT; for f in runs/r/result/*; do test ! -e $f || cmp $f ../.orch/whole/result/${f##*/} || exit 1; done");
	if (first.status != 2)
		help_sh(0, "{ orch status -d $POINT/runs -r r || test $? -ne 2; } && orch runs -d $POINT/runs");
	mounts_change(point, more);
	help_sh(0, "orch run -q -d $POINT/runs -r r w.orch | cmp - want");
	text = join("diff -r .orch/whole/result ", point, "/runs/r/result && test -z \"$(ls -A $POINT/runs/r/tmp)\"");
	help_sh(0, text);
	expect_once(first.err, point);
	if (!first.status)
		ck_assert_int_eq(procs_lines("started"), 7);
	mounts_drop(point);
	return !first.status;
}

START_TEST(a_disk_that_gets_full)
{
	char point[32], options[32];
	int kb, complete = 0, all = 0;

	if (!mounts_may("a_disk_that_gets_full"))
		return;
	write_hungry();
	for (kb = 4; kb <= DISK_MOST; kb += stride(4), all++) {
		snprintf(point, sizeof point, "disk-%dk", kb);
		snprintf(options, sizeof options, "size=%dk", kb);
		complete += run_on_disk(point, options, "size=8m");
	}
	ck_assert_int_gt(complete, 0);
	ck_assert_int_gt(all - complete, 10);
}
END_TEST

START_TEST(a_disk_without_inodes)
{
	char point[32], options[64];
	int n, complete = 0, all = 0;

	if (!mounts_may("a_disk_without_inodes"))
		return;
	write_hungry();
	for (n = 2; n <= INODES_MOST; n += stride(1), all++) {
		snprintf(point, sizeof point, "inodes-%d", n);
		snprintf(options, sizeof options, "size=8m,nr_inodes=%d", n);
		complete += run_on_disk(point, options, "size=8m,nr_inodes=1000");
	}
	ck_assert_int_gt(complete, 0);
	ck_assert_int_gt(all - complete, 4);
}
END_TEST

/* What a filter could not write shows before its result takes the place, and so gives back the room, of the
 * agent's. */
START_TEST(a_filter_that_ignores_a_full_disk)
{
	struct ran r;

	if (!mounts_may("a_filter_that_ignores_a_full_disk"))
		return;
	help_bytes("data", many("0123456789", 10000), 100000);
	help_file("w.orch", "run sh as x | cat \"$ORCH_ROOT/data\"", "filter cat 2>/dev/null || :", NULL);
	mounts_make("disk", "size=192k");
	r = help_sh(1, "orch run -d disk/runs -r r w.orch");
	help_has(r.err, "disk was full");
	help_none("disk/runs/r/result/x");
	mounts_change("disk", "size=1m");
	help_sh(0, "orch resume -d disk/runs && cmp data disk/runs/r/result/x");
	mounts_drop("disk");
}
END_TEST

/* The copy of what a step would have been asked does not keep the disk full. */
START_TEST(a_try_without_room_leaves_nothing)
{
	struct ran r;

	if (!mounts_may("a_try_without_room_leaves_nothing"))
		return;
	help_bytes("data", many("0123456789", 10000), 100000);
	help_file("w.orch", "run sh as x | cat \"$ORCH_ROOT/data\"", "run sh as y < x | cat", "retry 1 1m", NULL);
	mounts_make("disk", "size=480k");
	help_sh(0, "head -c 300000 /dev/zero >disk/filler; "
	    "{ orch run -d disk/runs -r r w.orch 2>&1 & echo $! >pid; wait $!; echo $? >status; } | while read -r line; do "
	    "echo \"$line\"; case $line in *'attempt 1'*) ls -A disk/runs/r/tmp >left; ls -A disk/runs/r/asked >>left; "
	    "rm disk/filler; kill $(cat pid);; esac; done >all");
	r.err = help_read("all", NULL);
	help_has(r.err, "No space left");
	help_is("status", "143\n");
	help_is("left", "");
	help_sh(0, "orch resume -d disk/runs && cmp data disk/runs/r/result/y && test -z \"$(ls -A disk/runs/r/tmp)\"");
	mounts_drop("disk");
}
END_TEST

/* Few descriptors, few processes, little memory. */

static void
write_small(void)
{
	help_file("w.orch", "step x exec agent append started {{i}} say {{i}}", "param p p", "parallel i in 1 2 3 4 5 6",
	    "run x as x-{{i}} | {{p}}", "filter cat", "check cat >/dev/null", "end", "run sh as all < x-* | cat", "print | {{all}}", NULL);
}

/* Runs it as the run NAME with N descriptors, then with as many as there are; returns the first exit status. */
static int
run_with_descriptors(const char *name, int n)
{
	struct ran r;

	setenv("RUN", name, 1);
	unlink("started");
	r = help_run("ulimit -n %d; exec orch run -r $RUN w.orch", n);
	ck_assert_msg(!r.status || r.status == 127 || strstr(r.err, "Too many open files"), "%d descriptors: %d: %s", n, r.status, r.err);
	ck_assert_msg(r.status <= 2 || r.status == 127, "%d descriptors: %d: %s", n, r.status, r.err);
	help_sh(0, "orch run -q -r $RUN w.orch | { printf '%s\\n' 1 2 3 4 5 6 | cmp - /dev/fd/3; } 3<&0");
	expect_once(r.err, name);
	return r.status;
}

/* Too few to start, which is said, or enough: and enough is enough with one more. */
START_TEST(every_number_of_descriptors)
{
	char name[16];
	int n, status, refused = 0, enough = 0;

	write_small();
	for (n = 5; n <= DESCRIPTORS_MOST; n += help_torture() ? 1 : 2) {
		snprintf(name, sizeof name, "r%d", n);
		status = run_with_descriptors(name, n);
		refused += status > 1;
		ck_assert_int_ne(status, 1);
		if (!status && !enough)
			enough = n;
		ck_assert_msg(!status || !enough, "%d descriptors are enough, %d are not", enough, n);
	}
	ck_assert_msg(enough, "%d descriptors are not enough", DESCRIPTORS_MOST);
	ck_assert_int_gt(refused, 0);
}
END_TEST

/* A limit of processes holds for a user; root has none, and so becomes one that nobody else is. The agent is
 * asked once, even when its filter finds no process. */
START_TEST(few_processes_for_filter_and_check)
{
	struct ran r;

	if (!help_becomes("few_processes_for_filter_and_check"))
		return;
	help_file("w.orch", "step x exec agent append log {{i}} sleep 10 say {{i}}", "parallel i in 1..60", "run x as x-{{i}}",
	    "filter cat | cat | cat", "check cat | cat >/dev/null", "end", NULL);
	r = help_run("umask 0; chmod 777 .; touch pids log; chmod 666 pids log; "
	    "agent user 61874 limit nproc 20 exec orch run -q -r r w.orch");
	ck_assert_msg(r.status == 0 || strstr(r.err, "fork"), "status %d: %s", r.status, r.err);
	r = help_run("ls .orch/r/result | wc -l");
	ck_assert_int_le(procs_lines("log"), 60);
	ck_assert_int_ge(procs_lines("log"), atoi(r.out));
	procs_none_left(AFTER);
}
END_TEST

/* Large results: a result is never in memory. */

static long
large(void)
{
	return help_torture() ? 1L << 30 : 1L << 26;
}

static void
expect_small(void)
{
	struct rusage used;

	ck_assert_int_eq(getrusage(RUSAGE_CHILDREN, &used), 0);
	ck_assert_msg(used.ru_maxrss < MEMORY_MOST, "%ld KB of memory", used.ru_maxrss);
}

START_TEST(a_large_result)
{
	char step[64], length[32];

	snprintf(step, sizeof step, "step big exec agent bytes %ld", large());
	snprintf(length, sizeof length, "%ld\n", large());
	help_file("w.orch", step, "step count exec agent length", "step same exec agent cat", "run big", "run same as again < big",
	    "filter cat", "check cat >/dev/null", "run count < again", "if < again | test $(agent length) -gt 0", "print | {{count}}",
	    "end", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -v -r r w.orch").out, length);
	ck_assert_str_eq(help_sh(0, "cmp .orch/r/result/big .orch/r/result/again && orch cat -r r again | agent length").out, length);
	/* without the log it is compared byte by byte with what it was asked */
	ck_assert_str_eq(help_sh(0, "rm .orch/r/log && orch run -r r w.orch && orch logs -r r count | wc -c >&2").out, length);
	expect_small();
}
END_TEST

START_TEST(a_large_failure)
{
	struct ran r;

	setenv("N", help_torture() ? "1073741824" : "67108864", 1);
	help_file("w.orch", "run sh as x | head -c $N /dev/zero; head -c $N /dev/zero >&2; echo end; exit 3", NULL);
	r = help_sh(1, "orch run -v -r r w.orch");
	help_has(r.err, "exit status 3");
	ck_assert_uint_lt(strlen(r.err), 1000000);
	expect_small();
}
END_TEST

START_TEST(large_standard_input)
{
	char command[128], length[32];

	snprintf(length, sizeof length, "%ld\n", large());
	snprintf(command, sizeof command, "agent bytes %ld | orch run -q -r r w.orch", large());
	help_file("w.orch", "step count exec agent length", "run count < -", "print | {{count}}", NULL);
	ck_assert_str_eq(help_sh(0, command).out, length);
	expect_small();
}
END_TEST

/* The limits of the format. */

/* The workflow w.orch is complete. */
static void
expect_complete(void)
{
	help_sh(0, "rm -rf .orch; orch run -q -r r w.orch");
}

/* It ends with STATUS, and says WORDS. */
static void
expect_refused(int status, const char *words)
{
	help_has(help_sh(status, "rm -rf .orch; orch run -r r w.orch").err, words);
	help_none(".orch/r/result/x");
}

/* A line with the number that is the last to be taken, and the next one. %s is %s of what an argument gives. */
static const struct {
	const char *line, *last, *next, *words;
} numbers[] = {
	{ "retry %s", "1000000", "1000001", "invalid number of attempts" },
	{ "retry %s", "000000000001000000", "0000000000001000000", "invalid number of attempts" },
	{ "retry 1 %s", "999999999h", "9999999999h", "invalid duration" },
	{ "timeout %s", "999999999h", "9999999999h", "invalid duration" },
	{ "timeout %s", "000000001h", "0000000001h", "invalid duration" },
};

static const char *
line_of(const char *line, const char *number)
{
	char *s = malloc(strlen(line) + strlen(number) + 1);

	sprintf(s, line, number);
	return s;
}

START_TEST(numbers_of_attributes)
{
	const char *given = join("v=", numbers[_i].next, "");

	help_file("w.orch", "run sh as x | echo", line_of(numbers[_i].line, numbers[_i].last), NULL);
	expect_complete();
	help_file("w.orch", "run sh as x | echo", line_of(numbers[_i].line, numbers[_i].next), NULL);
	expect_refused(2, numbers[_i].words);
	help_file("w.orch", join("param v '", numbers[_i].last, "'"), "run sh as x | echo", line_of(numbers[_i].line, "{{v}}"), NULL);
	expect_complete();
	setenv("V", given, 1);
	help_has(help_sh(2, "rm -rf .orch; orch run -r r w.orch $V").err, numbers[_i].words);
}
END_TEST

static const struct {
	const char *line, *last, *next, *words;
} blocks[] = {
	{ "for i in 999999999999999999..%s", "999999999999999999", "9999999999999999999", "too large for a range" },
	{ "for i in 1..%s", "3", "10000001", "a block has at most 10000000 items" },
	{ "for i in 1..%s", "3", "999999999999999999", "a block has at most 10000000 items" },
	{ "parallel max 2 i in 1..%s", "3", "4294967296", "a block has at most 10000000 items" },
	{ "parallel max %s i in 1 2", "999999999999999999", "9999999999999999999", "positive number" },
};

START_TEST(numbers_of_blocks)
{
	help_file("w.orch", line_of(blocks[_i].line, blocks[_i].last), "run sh as x-{{i}} | echo", "end", NULL);
	expect_complete();
	help_file("w.orch", line_of(blocks[_i].line, blocks[_i].next), "run sh as x-{{i}} | echo", "end", NULL);
	expect_refused(2, blocks[_i].words);
	help_file("w.orch", join("param v ", blocks[_i].next, ""), line_of(blocks[_i].line, "{{v}}"),
	    "run sh as x-{{i}} | echo", "end", NULL);
	help_sh(2, "rm -rf .orch; orch run -r r w.orch");
	help_none(".orch");
}
END_TEST

/* Ten million items are gone through at once, and the first can be the last. */
START_TEST(the_most_items)
{
	help_file("w.orch", "param n", "for i in 1..{{n}}", "print | {{i}}", "break", "end", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -q -r r w.orch n=10000000").out, "1\n");
	help_has(help_sh(2, "orch run -q -r s w.orch n=10000001").err, "at most 10000000 items");
	help_file("w.orch", "run sh as l | yes '' | head -n 20000000; yes | head -n 10000001", "for i in < l", "print | {{i}}", "break",
	    "end", NULL);
	help_has(help_sh(1, "orch run -q -r t w.orch").err, "at most 10000000 items");
}
END_TEST

START_TEST(a_pause_of_ages_can_be_stopped)
{
	pid_t orch;

	help_file("w.orch", "run sh as x | exit 1", "retry 1000000 999999999h", NULL);
	orch = procs_start("exec orch run -r r w.orch");
	while (!strstr(help_read("err", NULL), "next in"))
		help_pause(10);
	kill(orch, SIGTERM);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGTERM);
}
END_TEST

START_TEST(places_at_once)
{
	help_file("w.orch", "run sh as x | echo", NULL);
	help_sh(0, "orch run -q -j 1000000000 -r r w.orch");
	help_has(help_sh(2, "orch run -q -j 1000000001 -r s w.orch").err, "positive number");
	help_has(help_sh(2, "orch run -q -j 99999999999999999999 -r s w.orch").err, "positive number");
	help_none(".orch/s");
}
END_TEST

/* Without a cap all run at once, however many wait to begin: each is there before any may end. */
START_TEST(many_at_once)
{
	pid_t orch;

	help_file("w.orch", "step x exec agent append log + wait-file go say {{i}}", "parallel i in 1..300", "run x as x-{{i}}", "end", NULL);
	orch = procs_start("exec orch run -q -r r w.orch");
	procs_await_lines("log", 300, SOON);
	help_file("go", NULL);
	ck_assert_int_eq(procs_end(orch, 2 * SOON), 0);
	ck_assert_str_eq(help_sh(0, "ls .orch/r/result | wc -l").out, "300\n");
	procs_none_left(AFTER);
}
END_TEST

/* Stopped while they begin, each is stopped, and none has failed: a supervisor that cannot take orch's word yet gets it
 * when it can. */
START_TEST(many_are_stopped_while_they_begin)
{
	const char *err;
	pid_t orch;
	int i;

	help_file("w.orch", "step x exec agent append log + sleep 50000", "parallel i in 1..300", "run x as x-{{i}}", "end", NULL);
	for (i = 0; i < 10; i++) {
		help_sh(0, "rm -rf .orch log");
		orch = procs_start("exec orch run -r r w.orch");
		procs_await_lines("log", 1 + 8 * i, SOON);
		kill(orch, SIGTERM);
		ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGTERM);
		err = help_read("err", NULL);
		help_has(err, "was interrupted: ");
		help_lacks(err, "done");
		help_lacks(err, "failed");
		ck_assert_str_eq(help_sh(0, "cut -s -f2 .orch/r/log | sort -u | tr '\\n' ' '").out, "end start stop walk ");
	}
	procs_none_left(AFTER);
}
END_TEST

/* Those that never begin make room for others too. */
START_TEST(many_that_cannot_begin)
{
	help_file("no", "#!/none/such", NULL);
	help_file("w.orch", "step x exec ./no", "step y exec agent say y", "parallel i in 1..300", "run x as x-{{i}}", "otherwise z",
	    "run y as y-{{i}}", "end", NULL);
	help_sh(0, "chmod +x no; orch run -q -r r w.orch && cat .orch/r/result/x-* | tr -d '\n' >all");
	ck_assert_str_eq(help_sh(0, "wc -c <all; ls .orch/r/result | wc -l").out, "300\n600\n");
}
END_TEST

/* A key of 255 bytes as a file's name, in data, where nothing is looked at before. BYTE is written as it is, or as %XX. */
static void
expect_key(const char *byte, size_t most)
{
	setenv("V", many(byte, most), 1);
	help_sh(0, "rm -rf .orch; orch run -q -r r w.orch v=\"$V\"");
	ck_assert_str_eq(help_sh(0, "orch cat -r r -- \"$V\"").out, "x\n");
	help_has(help_sh(0, "orch status -r r && orch logs -r r").out, "done");
	help_sh(0, "rm .orch/r/result/* && orch resume -q -r r && test $(ls .orch/r/result | wc -l) -eq 1 && "
	    "test $(grep -c 'done' .orch/r/log) -eq 2");
	setenv("V", many(byte, most + 1), 1);
	help_has(help_sh(2, "rm -rf .orch; orch run -r r w.orch v=\"$V\"").err, "too long for a file's name");
	help_none(".orch");
}

START_TEST(keys_as_long_as_can_be)
{
	help_file("w.orch", "param v", "step x exec cat | x", "run x as {{v}} | x", "filter head -n 1", "retry 1", NULL);
	expect_key("k", 255);
	expect_key("/", 85);
	expect_key("\303\244", 127);
	help_file("x.orch", "param v", "step x exec cat", "run x as {{v}} | x", NULL);
	help_file("w.orch", "param v", "call x.orch as c v={{v}}", NULL);
	setenv("V", many("k", 251), 1);
	help_sh(0, "rm -rf .orch; orch run -q -r r w.orch v=$V && test -e .orch/r/result/c%2F$V");
	setenv("V", many("k", 252), 1);
	help_has(help_sh(1, "rm -rf .orch; orch run -r r w.orch v=$V").err, "too long for a file's name");
}
END_TEST

START_TEST(names_of_runs_as_long_as_can_be)
{
	help_file("w.orch", "run sh as x | echo x", NULL);
	setenv("R", many("r", 255), 1);
	help_sh(0, "orch run -q -r $R w.orch && orch status -r $R && test \"$(orch cat -r $R x)\" = x && orch runs | grep rrr");
	setenv("R", many("r", 256), 1);
	help_has(help_sh(2, "orch run -q -r $R w.orch").err, "too long");
	help_sh(2, "orch run -q -d $R w.orch");
	setenv("R", join(many("0123456/", 512), "runs", ""), 1);
	help_has(help_sh(2, "orch run -q -d $R w.orch").err, "too long");
}
END_TEST

START_TEST(names_in_names)
{
	help_file("w.orch", "param p p", join("print | ", many("{{", 16), join("p", many("}}", 16), "")), NULL);
	ck_assert_str_eq(help_sh(0, "orch run -q w.orch").out, "p\n");
	help_file("w.orch", "param p p", join("print | ", many("{{", 17), join("p", many("}}", 17), "")), NULL);
	help_has(help_sh(2, "orch run -q w.orch").err, "nested too deep");
	help_file("w.orch", "param p p", join("print | ", many("{{", 1000000), "p"), NULL);
	help_has(help_sh(2, "orch run -q w.orch").err, "nested too deep");
}
END_TEST

/* Writes FILE: DEPTH blocks of the kind HEAD, "%d" in it their number, the line INSIDE in the innermost. */
static void
write_nested(const char *file, int depth, const char *head, const char *inside)
{
	FILE *f = fopen(file, "w");
	int i;

	for (i = 0; i < depth; i++) {
		fprintf(f, head, i);
		fputc('\n', f);
	}
	fprintf(f, "%s\n%s", inside, many("end\n", (size_t)depth));
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(blocks_in_blocks)
{
	char key[64 * 8] = "run sh as x";
	int i;

	for (i = 0; i < 64; i++)
		sprintf(key + strlen(key), "{{v%d}}", i);
	strcat(key, " | echo $v0 $v63");
	write_nested("w.orch", 64, "parallel max 1 v%d in a", key);
	expect_complete();
	help_sh(0, "orch cat -r r '*' | grep 'a a' && orch status -r r && orch run -n -r r w.orch");
	write_nested("w.orch", 65, "parallel max 1 v%d in a", key);
	expect_refused(2, "nested deeper than 64");
	write_nested("w.orch", 200000, "if : %d", "print | x");
	help_has(help_sh(2, "orch check w.orch").err, "nested deeper than 64");
}
END_TEST

/* Blocks as deep as they can be in calls as deep as they can be: orch goes down all of it. */
START_TEST(blocks_in_calls)
{
	char file[24], call[32];
	int i;

	help_file("w8.orch", "run sh as x | echo $ORCH_KEY", NULL);
	for (i = 7; i >= 0; i--) {
		snprintf(file, sizeof file, "w%d.orch", i);
		snprintf(call, sizeof call, "call w%d.orch as c", i + 1);
		write_nested(file, 64, "if : %d", call);
	}
	help_sh(0, "orch run -q -r r w0.orch && orch status -r r && orch run -n -r r w0.orch");
	ck_assert_str_eq(help_sh(0, "orch cat -r r '*'").out, "c/c/c/c/c/c/c/c/x\n");
	help_file("w.orch", "call w0.orch as c", NULL);
	help_has(help_sh(2, "orch run -q w.orch").err, "deeper than 8");
}
END_TEST

/* What one argument of a program holds, on Linux: of `sh` the program is one. */
START_TEST(programs_as_long_as_can_be)
{
	static const char *const lines[] = { "filter %s", "check %s", "if %s" };
	struct ran r;
	size_t i, k;

	for (i = 0; i < LEN(lines); i++)
		for (k = 131071; k < 131073; k++) {
			char *command = join(": ", many("x", k - 2), "");

			help_file("w.orch", i < 2 ? "run sh as x | echo x" : "#", line_of(lines[i], command), i < 2 ? "#" : "end", NULL);
			r = help_run("rm -rf .orch; orch run -q -r r w.orch");
			ck_assert_msg(r.status == (k == 131072), "%zu bytes of %s: %s", k, lines[i], r.err);
			if (r.status)
				help_has(r.err, "too long");
		}
	help_file("w.orch", "run sh as x", join("| : ", many("x", 131068), ""), NULL);      /* and a newline */
	expect_complete();
	help_file("w.orch", "run sh as x", join("| : ", many("x", 131069), ""), NULL);
	expect_refused(1, "too long");
}
END_TEST

START_TEST(an_environment_as_large_as_can_be)
{
	char line[32];
	FILE *f;
	int i;

	help_file("w.orch", "run sh as x | echo", join("env A=", many("x", 131069), ""), NULL);
	expect_complete();
	help_file("w.orch", "run sh as x | echo", join("env A=", many("x", 131070), ""), NULL);
	expect_refused(1, "too long");
	/* each of them may be there, all of them not */
	f = fopen("w.orch", "w");
	for (i = 0; i < 400; i++) {
		snprintf(line, sizeof line, "param p%d ", i);
		fprintf(f, "%s%s\n", line, many("x", 65536));
	}
	fprintf(f, "run sh as x | echo\n");
	ck_assert_int_eq(fclose(f), 0);
	expect_refused(1, "too long");
}
END_TEST

/* What has no limit. */

START_TEST(long_lines)
{
	char *word = many("0123456789", 1000000);
	char *items = many("a b c d e ", 20000);

	help_file("w.orch", "step x exec cat", join("run x | ", word, ""), "print | {{x}}", NULL);
	help_sh(0, "orch run -q -r r w.orch >out && cmp out .orch/r/asked/x");
	ck_assert_uint_eq(strlen(help_read(".orch/r/result/x", NULL)), 10000001);
	help_file("w.orch", "step x exec cat", "run x", many("| 0123456789\n", 100000), "print | {{x}}", NULL);
	help_sh(0, "orch run -q -r s w.orch >out && test $(wc -c <out) -eq 1100000");
	help_file("w.orch", join("for i in ", items, "< l"), "end", NULL);
	help_has(help_sh(2, "orch check w.orch").err, "unknown name `l`");
	help_file("w.orch", join("for i in ", items, ""), "print | {{i}}", "end", NULL);
	help_sh(0, "orch run -q -r t w.orch >out && test $(wc -l <out) -eq 100000");
	help_file("w.orch", "# x", join(word, " x", ""), NULL);
	ck_assert_uint_lt(strlen(help_sh(2, "orch check w.orch").err), 1000);
}
END_TEST

START_TEST(many_inputs)
{
	help_file("w.orch", "run sh as l | seq 3000", "for i in < l", "ask x-{{i}} default a | ?", "end",
	    "step count exec agent length", "run count < x-*", "print | {{count}}", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -q -r r w.orch").out, "6000\n");
}
END_TEST

/* The suite. */

static void
add_format(Suite *s)
{
	TCase *c = help_case(s, "format", procs_begin, 180);

	tcase_add_loop_test(c, numbers_of_attributes, 0, LEN(numbers));
	tcase_add_loop_test(c, numbers_of_blocks, 0, LEN(blocks));
	tcase_add_test(c, the_most_items);
	tcase_add_test(c, a_pause_of_ages_can_be_stopped);
	tcase_add_test(c, places_at_once);
	tcase_add_test(c, many_at_once);
	tcase_add_test(c, many_are_stopped_while_they_begin);
	tcase_add_test(c, many_that_cannot_begin);
	tcase_add_test(c, keys_as_long_as_can_be);
	tcase_add_test(c, names_of_runs_as_long_as_can_be);
	tcase_add_test(c, names_in_names);
	tcase_add_test(c, blocks_in_blocks);
	tcase_add_test(c, blocks_in_calls);
	tcase_add_test(c, programs_as_long_as_can_be);
	tcase_add_test(c, an_environment_as_large_as_can_be);
	tcase_add_test(c, long_lines);
	tcase_add_test(c, many_inputs);
}

Suite *
limits_suite(void)
{
	Suite *s = suite_create("limits");
	TCase *c = help_case(s, "full disk", procs_begin, 240);

	tcase_add_test(c, a_disk_that_gets_full);
	tcase_add_test(c, a_disk_without_inodes);
	tcase_add_test(c, a_filter_that_ignores_a_full_disk);
	tcase_add_test(c, a_try_without_room_leaves_nothing);
	c = help_case(s, "few", procs_begin, 240);
	tcase_add_test(c, every_number_of_descriptors);
	tcase_add_test(c, few_processes_for_filter_and_check);
	c = help_case(s, "large", procs_begin, 240);
	tcase_add_test(c, a_large_result);
	tcase_add_test(c, a_large_failure);
	tcase_add_test(c, large_standard_input);
	add_format(s);
	return s;
}

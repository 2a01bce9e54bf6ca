/* Small machines: one static file in a root with busybox alone, little memory, few processes for
 * what agents start; and that orch costs nothing while agents are silent, and no more than its share
 * for what is kept or still waits. With ORCH_TORTURE=1 bash is tried too, which tries again itself. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/help.h"
#include "tests/mounts.h"
#include "tests/procs.h"
#include "tests/suites.h"

enum {
	SILENCE_MS = 10 * 1000,
	WAITING = 100,          /* agents */
	MEMORY_MOST = 64 * 1024,/* KB, of orch and the supervisors of so many: 6 MB by musl, 9 MB by glibc */
	OWN_MOST = 160,         /* KB that one of these shares with nobody: 60 and 80, of which its stack and heap are 40 */
	SILENT = 32,           /* agents that are silent, of more that wait */
	KEPT = 1000,
	ITEMS = 200000
};

/* A root with busybox alone. */

/* The programs that are to be there, as the one file has it. */
static const char make_root[] =
    "set -e; cd root; mkdir bin dev runs; cp $(command -v busybox) bin/busybox; "
    "cp \"$TREE/tests/orch-musl\" bin/orch; "
    "for p in sh cat echo sleep head yes tr test grep kill ls; do ln -s busybox bin/$p; done; "
    "mknod -m 666 dev/null c 1 3; cp ../*.orch .; "
    "mount -t tmpfs -o size=$1,mode=755 none runs";

/* Makes root/, which is read-only but for root/runs, a disk of this SIZE; in it are the workflows of
 * this test. 0: that cannot be, which is said. */
static int
make_bare(const char *test, const char *size)
{
	char file[4096];

	snprintf(file, sizeof file, "%s/tests/orch-musl", getenv("TREE"));
	if (!mounts_may(test))
		return 0;
	if (access(file, X_OK) || help_run("busybox true").status) {
		help_skip(test, access(file, X_OK) ? "there is no tests/orch-musl (make tests/orch-musl)" : "there is no busybox");
		return 0;
	}
	mounts_make("root", "size=16m");
	ck_assert_str_eq(help_run("set -- %s; %s", size, make_root).err, "");
	mounts_seal("root");
	if (help_run("busybox chroot root /bin/true").status == 0 || help_run("busybox chroot root /bin/sh -c :").status) {
		help_skip(test, "there is no static busybox");
		return 0;
	}
	ck_assert_int_ne(help_run("busybox chroot root /bin/sh -c '>/x'").status, 0);
	return 1;
}

/* help_end() cannot remove what is read-only. */
static void
drop_bare(void)
{
	if (help_exists("root"))
		help_run("umount root/runs; umount root");
}

/* Runs orch there with these arguments: it must end with STATUS. */
static struct ran
bare(int status, const char *arguments)
{
	char command[512];

	snprintf(command, sizeof command, "env -i PATH=/bin busybox chroot root /bin/orch %s", arguments);
	return help_sh(status, command);
}

static const char no_proc[] =
    "warning: /proc cannot be read: of what agents start only their process groups are ended";

START_TEST(a_root_with_busybox_alone)
{
	struct ran r;

	help_file("w.orch", "parallel i in 1 2 3", "run sh as part-{{i}} | sleep 0.1; echo \"$i\"",
	    "filter tr 1-3 a-c", "check grep -q '[abc]'", "end", "ask go yes no default yes | Go on?",
	    "run sh as late | sleep 100; echo never", "timeout 1s", "otherwise none",
	    "run sh as all < part-* | cat", "print | {{all}}{{go}} {{late}}", NULL);
	if (!make_bare("a_root_with_busybox_alone", "1m"))
		return;
	r = bare(0, "run -N -d /runs -r r /w.orch");
	ck_assert_str_eq(r.out, "a\nb\ncyes none\n");
	ck_assert_int_eq(help_count(r.err, no_proc), 1);
	help_has(r.err, "timed out after 1s");
	r = bare(0, "run -q -N -d /runs -r r /w.orch");
	ck_assert_str_eq(r.out, "a\nb\ncyes none\n");
	help_has(bare(0, "status -d /runs -r r").out, "part-2");
	ck_assert_str_eq(bare(0, "cat -d /runs -r r part-3").out, "c\n");
}
END_TEST

START_TEST(killed_and_resumed_without_proc)
{
	long long until;
	pid_t orch;

	help_file("w.orch", "run sh as a | echo a", 
	    "run sh as b < a | echo $$ >>/runs/started; test -e /runs/go || sleep 50000; cat", "print | {{b}}", NULL);
	if (!make_bare("killed_and_resumed_without_proc", "1m"))
		return;
	orch = procs_start("exec env -i PATH=/bin busybox chroot root /bin/orch run -d /runs -r r /w.orch");
	procs_await_lines("root/runs/started", 1, SOON);
	kill(orch, SIGKILL);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGKILL);
	until = help_ms() + SOON;
	while (procs_alive(procs_pid_in("root/runs/started", 0))) {
		ck_assert_msg(help_ms() < until, "the agent lives");
		help_pause(5);
	}
	help_file("root/runs/go", NULL);
	ck_assert_str_eq(bare(0, "resume -d /runs").out, "a\n");
	ck_assert_int_eq(procs_lines("root/runs/started"), 2);
}
END_TEST

START_TEST(a_small_disk_gets_full)
{
	struct ran r;

	help_file("w.orch", "run sh as little | echo little", "run sh as big < little | yes 0123456789 | head -c 600000",
	    "run sh as all | echo all", "print | {{little}}", NULL);
	if (!make_bare("a_small_disk_gets_full", "1m"))
		return;
	help_sh(0, "head -c 700000 /dev/zero >root/runs/filler");
	r = bare(1, "run -d /runs -r r /w.orch");
	ck_assert_msg(strstr(r.err, "No space left") || strstr(r.err, "exit status 1, and the disk is full"), "%s", r.err);
	help_none("root/runs/r/result/big");
	help_none("root/runs/r/result/all");
	ck_assert_str_eq(bare(0, "cat -d /runs -r r little").out, "little\n");
	help_sh(0, "rm root/runs/filler");
	ck_assert_str_eq(bare(0, "resume -d /runs").out, "little\n");
	help_sh(0, "yes 0123456789 | head -c 600000 | cmp - root/runs/r/result/big && test -z \"$(ls -A root/runs/r/tmp)\"");
}
END_TEST

/* Few resources. */

/* A control group in which CONTROLLER can have a limit, of version 2 or 1; NULL: there is none. It is to
 * be removed. */
static const char *
make_group(const char *controller)
{
	const char *const tops[] = { ".", controller, "unified" };
	static char group[128];
	char limit[160];
	const char *file;
	int i;

	for (i = 0; i < LEN(tops); i++) {
		file = !strcmp(controller, "pids") ? "pids.max" : i == 1 ? "memory.limit_in_bytes" : "memory.max";
		snprintf(group, sizeof group, "/sys/fs/cgroup/%s/orch-test-%ld", tops[i], (long)getpid());
		if (mkdir(group, 0700))
			continue;
		snprintf(limit, sizeof limit, "%s/%s", group, file);
		if (!access(limit, W_OK)) {
			setenv("GROUP", group, 1);
			setenv("LIMIT", limit, 1);
			return group;
		}
		rmdir(group);
	}
	return NULL;
}

static void
drop_group(const char *group)
{
	long long until = help_ms() + SOON;

	while (rmdir(group) && help_ms() < until)
		help_pause(10);
}

/* The number after NAME in the file WHAT of PID. */
static long
number_of(pid_t pid, const char *what, const char *name)
{
	char path[64], *s;

	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, what);
	s = strstr(help_read(path, NULL), name);
	return s ? strtol(s + strlen(name), NULL, 10) : 0;
}

static void
write_waiting(int n)
{
	char block[64];

	snprintf(block, sizeof block, "parallel i in 1..%d", n);
	help_file("w.orch", "step x exec agent append up 1 sleep 100000", block, "run x as x-{{i}}", "end", NULL);
}

static long
own_memory(pid_t pid)
{
	return number_of(pid, "smaps_rollup", "Private_Dirty:") + number_of(pid, "smaps_rollup", "Private_Clean:");
}

/* In a control group of 64 MB, where one can be made, in which the agents are too. */
START_TEST(a_hundred_wait_in_64_megabytes)
{
	pid_t list[PROCS_MOST], orch;
	const char *group = make_group("memory");
	long sum, one;
	int i, n;

	if (help_sanitized() || !help_exists("/proc/self/smaps_rollup")) {
		help_skip("a_hundred_wait_in_64_megabytes", "memory cannot be measured here");
		return;
	}
	write_waiting(WAITING);
	orch = procs_start("%s exec orch run -q -r r w.orch",
	    group ? "echo 64m >$LIMIT && echo $$ >$GROUP/cgroup.procs || exit 99;" : "");
	procs_await_lines("up", WAITING, 4 * SOON);
	n = procs_children(orch, list, 0);
	ck_assert_int_eq(n, WAITING);
	for (i = 0, sum = own_memory(orch); i < n; i++, sum += one) {
		one = own_memory(list[i]);
		ck_assert_msg(one > 0 && one <= OWN_MOST, "a supervisor has %ld KB of its own", one);
	}
	ck_assert_msg(sum < MEMORY_MOST, "%ld KB", sum);
	kill(orch, SIGTERM);
	ck_assert_int_eq(procs_end(orch, 4 * SOON), 128 + SIGTERM);
	if (group)
		drop_group(group);
	procs_none_left(AFTER);
}
END_TEST

/* Agents that may start no process. */

/* The user that is nobody else's, N of them. */
static int
own_user(int n)
{
	char text[16];

	snprintf(text, sizeof text, "%d", 61880 + n);
	setenv("OWN", text, 1);
	return 61880 + n;
}

/* Starts a process of that user, which has the place of one; orch, as that user, may have N processes with it. */
static pid_t
start_filled(int n)
{
	help_sh(0, "umask 0; chmod 777 .; touch pids log; chmod 666 pids log; "
	    "agent user $OWN append filled 1 sleep 100000 </dev/null >/dev/null 2>&1 & echo $! >filler");
	procs_await_lines("filled", 1, SOON);
	return procs_start("exec agent user $OWN limit nproc %d exec orch run -r r w.orch", n);
}

static void
drop_filler(void)
{
	pid_t pid = procs_pid_in("filler", 0);

	kill(pid, SIGKILL);
	procs_end(pid, SOON);           /* a zombie has its place still */
}

/* The system refuses a shell its first process: that is no attempt. */
START_TEST(a_refused_agent_is_asked_again)
{
	const char *log;
	pid_t orch;

	if (!help_becomes("a_refused_agent_is_asked_again"))
		return;
	own_user(0);
	help_file("w.orch", "run sh as x | sleep 0; test -e failed || { echo >failed; exit 3; }; exec echo x", "retry 1 1s",
	    "print | {{x}}", NULL);
	orch = start_filled(4);
	procs_await_text("err", "fewer steps run at once");
	drop_filler();
	ck_assert_int_eq(procs_end(orch, 4 * SOON), 0);
	help_is("out", "x\n");
	log = help_read(".orch/r/log", NULL);
	ck_assert_int_gt(help_count(log, "\tstart\tx\t1\t"), 1);
	ck_assert_int_eq(help_count(log, "\tstart\tx\t2\t"), 1);
	ck_assert_int_eq(help_count(log, "\tfail\tx\t"), 1);
	procs_none_left(AFTER);
}
END_TEST

/* As each shell says it. bash tries again itself, for 15 s. */
static const struct {
	const char *name, *command;
} shells[] = { { "busybox", "busybox sh -c" }, { "zsh", "zsh -f -c" }, { "mksh", "mksh -c" }, { "bash", "bash -c" } };

static void
expect_known(int i)
{
	char step[64];
	pid_t orch;

	if (!help_becomes("words_of_shells"))
		return;
	if (help_run("%s :", shells[i].command).status) {
		help_skip("words_of_shells", "a shell is missing");
		return;
	}
	own_user(4 + i);
	snprintf(step, sizeof step, "step x exec %s 'sleep 0; echo x'", shells[i].command);
	help_file("w.orch", step, "run x", NULL);
	orch = start_filled(4);
	procs_await_within("err", "fewer steps run at once", 3 * SOON);
	drop_filler();
	ck_assert_int_eq(procs_end(orch, 4 * SOON), 0);
	ck_assert_int_eq(help_count(help_read(".orch/r/log", NULL), "\tfail\t"), 0);
	procs_none_left(AFTER);
}

START_TEST(words_of_shells)
{
	expect_known(_i);
}
END_TEST

START_TEST(words_of_bash)
{
	expect_known(LEN(shells) - 1);
}
END_TEST

START_TEST(a_refused_filter_is_run_again)
{
	pid_t orch;

	if (!help_becomes("a_refused_filter_is_run_again"))
		return;
	own_user(1);
	help_file("w.orch", "step x exec agent append log 1 say abc", "run x", "filter tr a A; :", "check grep -q Abc; :", "print | {{x}}", NULL);
	orch = start_filled(4);
	procs_await_text(".orch/r/stderr/x", "Cannot fork");
	drop_filler();
	ck_assert_int_eq(procs_end(orch, 4 * SOON), 0);
	help_is("out", "Abc\n");
	ck_assert_int_eq(procs_lines("log"), 1);
	procs_none_left(AFTER);
}
END_TEST

START_TEST(a_refused_if_decides_later)
{
	pid_t orch;

	if (!help_becomes("a_refused_if_decides_later"))
		return;
	own_user(2);
	help_file("w.orch", "run sh as a | echo a", "if < a | sleep 0; :", "print | yes", "else", "print | no", "end", NULL);
	orch = start_filled(4);
	procs_await_text("err", "fewer steps run at once");
	drop_filler();
	ck_assert_int_eq(procs_end(orch, 4 * SOON), 0);
	help_is("out", "yes\n");
}
END_TEST

START_TEST(refused_all_the_time)
{
	pid_t orch;

	if (!help_becomes("refused_all_the_time"))
		return;
	own_user(3);
	help_file("w.orch", "run sh as x | sleep 0; :", NULL);
	orch = start_filled(4);
	ck_assert_int_eq(procs_end(orch, 8 * SOON), 1);
	help_has(help_read("err", NULL), "exit status 2: the system refused it a process, for 30s with no other step running\n");
	drop_filler();
	help_none(".orch/r/result/x");
	procs_none_left(AFTER);
}
END_TEST

/* What may have had an effect is asked once, whatever it says. */
static const struct {
	const char *text;
	int is_told;            /* that it was refused a process */
} asked_once[] = {
	{ "echo s >>other; echo 'sh: 1: Cannot fork' >&2; exit 2", 1 },
	{ "echo half; echo 'sh: 1: Cannot fork' >&2; exit 2", 1 },
	{ "sleep 0; echo 'sh: 1: Cannot fork' >&2; exit 2", 1 },
	{ "sleep 100 & echo 'sh: 1: Cannot fork' >&2; exit 2", 1 },
	{ "(sleep 0.1 &) ; echo 'sh: 1: Cannot fork' >&2; exit 2", 1 },
	{ "echo begun >&2; echo \"sh: can't fork: Resource temporarily unavailable\" >&2; exit 2", 1 },
	{ "echo 'bash: fork: Resource temporarily unavailable' >&2; sleep 0; exit 254", 1 },
	{ "echo 'sh: 1: Cannot fork' >&2; echo 'so I stopped' >&2; exit 2", 0 },
	{ "echo 'I have read: Cannot fork, and stopped' >&2; exit 2", 0 },
	{ "echo 'Cannot fork' >&2; exit 2", 0 },
	{ "echo 'sh: 1: Cannot fork' >&2; kill -KILL $$", 0 },
	{ "echo 'sh: 1: Cannot fork'; exit 2", 0 },
	{ "exit 2", 0 },
};

START_TEST(asked_once_whatever_it_says)
{
	char run[256];
	struct ran r;

	snprintf(run, sizeof run, "run sh as x | %s", asked_once[_i].text);
	help_file("w.orch", run, NULL);
	r = help_sh(1, "orch run -r r w.orch");
	ck_assert_int_eq(help_count(help_read(".orch/r/log", NULL), "\tstart\tx\t"), 1);
	ck_assert_msg(!strstr(r.err, "refused it a process") == !asked_once[_i].is_told, "%s", r.err);
	ck_assert_int_eq(help_count(r.err, "fewer steps run at once"), asked_once[_i].is_told);
	procs_none_left(AFTER);
}
END_TEST

/* More agents than a control group has processes for: none fails. Each starts one process, first of all. */
START_TEST(a_control_group_of_few_processes)
{
	const char *group = geteuid() ? NULL : make_group("pids");
	struct ran r;

	if (!group) {
		help_skip("a_control_group_of_few_processes", geteuid() ? "needs root" : "no control group can be made here");
		return;
	}
	help_file("w.orch", "parallel i in 1..40", "run sh as x-{{i}} | sleep 0.02; exec echo \"$i\"", "end", NULL);
	r = help_run("echo 9 >$LIMIT && echo $$ >$GROUP/cgroup.procs || exit 99; exec orch run -r r w.orch");
	drop_group(group);
	ck_assert_msg(r.status == 0, "status %d: %s", r.status, r.err);
	help_sh(0, "test $(ls .orch/r/result | wc -l) = 40");
	help_lacks(help_read(".orch/r/log", NULL), "\tfail\t");
}
END_TEST

/* What waits costs nothing. */

/* What orch and its supervisors have done so far: how often they slept, and the time of the processor. */
static void
add_work(const pid_t *list, int n, long work[2])
{
	char path[64], *s;
	unsigned long user, system;
	int i;

	work[0] = work[1] = 0;
	for (i = 0; i < n; i++) {
		work[0] += number_of(list[i], "status", "\nvoluntary_ctxt_switches:");
		snprintf(path, sizeof path, "/proc/%ld/stat", (long)list[i]);
		s = strrchr(help_read(path, NULL), ')');
		ck_assert_msg(s && sscanf(s + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2, "%s", path);
		work[1] += (long)(user + system);
	}
}

/* Waits until they have had nothing to do for half a second. */
static void
await_rest(const pid_t *list, int n, long work[2])
{
	long long until = help_ms() + 2 * SOON;
	long before[2];

	add_work(list, n, work);
	do {
		ck_assert_msg(help_ms() < until, "they do not come to rest");
		memcpy(before, work, sizeof before);
		help_pause(500);
		add_work(list, n, work);
	} while (before[0] != work[0]);
}

/* Not one wake-up: neither timeouts nor a retry that waits, nor a step that waits for another, have a clock that ticks. */
START_TEST(silence)
{
	pid_t list[PROCS_MOST];
	long before[2], after[2];
	int n;

	help_sh(0, "{ echo step x exec agent append up 1 sleep 100000; echo parallel; echo 'run sh as again | exit 1'; echo retry 3 1h; "
	    "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo run x as x-$i; echo run x as y-$i; echo timeout 1h; "
	    "done; echo end; } >w.orch");
	list[0] = procs_start("exec orch run -j %d -r r w.orch", SILENT);
	procs_await_text("err", "retry     again");
	procs_await_lines("up", SILENT, 2 * SOON);
	n = procs_children(list[0], list, 1);
	ck_assert_int_eq(n, 1 + SILENT);
	await_rest(list, n, before);
	help_pause(SILENCE_MS);
	add_work(list, n, after);
	ck_assert_msg(after[0] == before[0], "%ld wake-ups", after[0] - before[0]);
	ck_assert_msg(after[1] == before[1], "%ld ticks of the processor", after[1] - before[1]);
	kill(list[0], SIGTERM);
	ck_assert_int_eq(procs_end(list[0], 2 * SOON), 128 + SIGTERM);
	procs_none_left(AFTER);
}
END_TEST

/* The instructions of a resume of N steps that all have their results. */
static double
instructions_of(int n)
{
	struct ran r = help_run("n=%d; test -d .orch/r$n || orch run -q -r r$n w.orch n=$n || exit; "
	    "valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null orch run -q -r r$n w.orch n=$n", n);
	char *s = strstr(r.err, "refs:"), digits[32];
	size_t i = 0;

	ck_assert_msg(r.status == 0 && s, "%s", r.err);
	for (s += 5; *s && *s != '\n' && i < sizeof digits - 1; s++)
		if (*s >= '0' && *s <= '9')
			digits[i++] = *s;
	digits[i] = '\0';
	return atof(digits);
}

START_TEST(a_resume_is_linear)
{
	double once, twice;

	if (help_sanitized() || help_run("valgrind --version").status) {
		help_skip("a_resume_is_linear", "there is no valgrind");
		return;
	}
	help_file("w.orch", "param n 1", "step x exec echo", "parallel max 8 i in 1..{{n}}", "run x as x-{{i}}", "end", NULL);
	once = instructions_of(KEPT);
	twice = instructions_of(2 * KEPT);
	ck_assert_msg(twice / once < 2.2, "%.0f instructions for %d, %.0f for %d", once, KEPT, twice, 2 * KEPT);
}
END_TEST

/* The memory of orch that is its own while three steps of N run, in KB. */
static long
data_of(int n)
{
	pid_t orch;
	long kb;

	unlink("up");
	write_waiting(n);
	orch = procs_start("exec orch run -q -j 3 -r r%d w.orch", n);
	procs_await_lines("up", 3, 2 * SOON);
	kb = number_of(orch, "status", "VmData:");
	kill(orch, SIGTERM);
	ck_assert_int_eq(procs_end(orch, 2 * SOON), 128 + SIGTERM);
	return kb;
}

/* An item that waits is a key and its place in the list of keys, as LIMITS of the manual has it: 35 bytes and twice the key. */
START_TEST(items_that_wait_are_no_structures)
{
	long kb;

	if (help_sanitized() || !help_exists("/proc/self/status")) {
		help_skip("items_that_wait_are_no_structures", "memory cannot be measured here");
		return;
	}
	kb = data_of(ITEMS) - data_of(1000);
	ck_assert_msg(kb > 0 && kb * 1024 < ITEMS * (35 + 2 * (long)strlen("x-200000")), "%ld KB for %d items", kb, ITEMS);
}
END_TEST

Suite *
small_suite(void)
{
	Suite *s = suite_create("small");
	TCase *c = help_case(s, "bare", help_start, 60);        /* no subreaper: orphans are to be reaped by process 1 */

	tcase_add_checked_fixture(c, NULL, drop_bare);
	tcase_add_test(c, a_root_with_busybox_alone);
	tcase_add_test(c, killed_and_resumed_without_proc);
	tcase_add_test(c, a_small_disk_gets_full);
	c = help_case(s, "few", procs_begin, 120);
	tcase_add_test(c, a_hundred_wait_in_64_megabytes);
	tcase_add_test(c, a_refused_agent_is_asked_again);
	tcase_add_loop_test(c, words_of_shells, 0, LEN(shells) - 1);
	tcase_add_test(c, a_refused_filter_is_run_again);
	tcase_add_test(c, a_refused_if_decides_later);
	tcase_add_loop_test(c, asked_once_whatever_it_says, 0, LEN(asked_once));
	tcase_add_test(c, a_control_group_of_few_processes);
	c = help_case(s, "waiting", procs_begin, 120);
	tcase_add_test(c, silence);
	tcase_add_test(c, a_resume_is_linear);
	tcase_add_test(c, items_that_wait_are_no_structures);
	c = help_case(s, "slow", procs_begin, 240);
	tcase_set_tags(c, "slow");
	if (help_torture())
		tcase_add_test(c, words_of_bash);
	tcase_add_test(c, refused_all_the_time);
	return s;
}

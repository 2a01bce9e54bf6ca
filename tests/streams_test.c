/* What orch is started with and has no say in: descriptors that somebody else has made non-blocking, too few of them, a
 * file system that lacks what a run needs. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/help.h"
#include "tests/suites.h"

enum { FILLING_MS = 150 };      /* after which a pipe is full, and orch has met that */

/* Starts COMMAND by sh with the write end of a pipe, which is non-blocking, as its descriptor FD; returns the read end. */
static int
start_writer(const char *command, int fd, pid_t *pid)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	*pid = fork();
	if (!*pid) {
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(open(fd == 1 ? "err" : "out", O_WRONLY | O_CREAT | O_TRUNC, 0600), fd == 1 ? 2 : 1);
		dup2(ends[1], fd);
		close(ends[0]);
		close(ends[1]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	return ends[0];
}

static int
status_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What COMMAND writes to FD when its reader is slow; it must end with STATUS. */
static char *
slowly(const char *command, int fd, int status, size_t *n)
{
	size_t cap = 1 << 20;
	char *all = malloc(cap);
	ssize_t got;
	pid_t pid;
	int in = start_writer(command, fd, &pid), ended;

	help_pause(FILLING_MS);
	for (*n = 0; (got = read(in, all + *n, 30000)) > 0; *n += (size_t)got) {
		if (cap - *n < 100000)
			all = realloc(all, cap *= 2);
		help_pause(1);
	}
	close(in);
	ended = status_of(pid);
	ck_assert_msg(ended == status, "%s: %d, not %d: %s", command, ended, status, help_read(fd == 1 ? "err" : "out", NULL));
	return all;
}

static void
make_much(void)
{
	help_file("w.orch", "for i in 1..1200",
	    "ask a-key-of-some-length-that-fills-a-pipe-before-many-have-been-shown-{{i}} default y | ?", "end",
	    "run sh as big | head -c 300000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero | tr '\\0' y >&2",
	    "print | {{big}}", NULL);
	help_sh(0, "orch run -q -r r w.orch >printed");
}

/* All commands write all that they have to say, and end as ever. */
START_TEST(output_that_does_not_block)
{
	static const char *const commands[] = {
		"orch cat -r r big", "orch status -r r", "orch status -p -r r", "orch logs -r r big", "orch logs -f -r r big",
		"orch run -n -r new w.orch", "orch run -n - <w.orch", "orch run -q -r r w.orch", "orch diff -r r big",
		"i=0; while test $((i += 1)) -lt 40; do orch -h; orch completion zsh; done",
		"for i in 1 2 3 4; do orch runs; orch runs -p; orch cat -r r big; done",
	};
	size_t i, n, want;
	char *got, *there;
	struct ran r;

	make_much();
	help_sh(0, "sed 's/ x; head/ z; head/' w.orch >v.orch && mv v.orch w.orch");
	for (i = 0; i < LEN(commands); i++) {
		r = help_run("{ %s; } >want", commands[i]);
		there = help_read("want", &want);
		got = slowly(commands[i], 1, r.status, &n);
		ck_assert_msg(want > 70000 || strstr(commands[i], "diff"), "%s: %zu bytes", commands[i], want);
		ck_assert_msg(n == want && !memcmp(got, there, n), "%s: %zu of %zu bytes", commands[i], n, want);
		free(got);
	}
}
END_TEST

/* The same of standard error: what check has to say, and what a walk says. */
START_TEST(errors_that_do_not_block)
{
	size_t n, want;
	char *got;
	FILE *f = fopen("bad.orch", "w");
	int i;

	for (i = 0; i < 100; i++)
		fprintf(f, "print | {{nowhere-%d}} %.*s\n", i, 400,
		    "a long text that fills a pipe and goes on and on and on and on and on and on and on and on and on and on and on and on "
		    "and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on "
		    "and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on");
	fclose(f);
	help_run("orch check bad.orch bad.orch 2>want");
	help_read("want", &want);
	ck_assert_uint_gt(want, 70000);
	got = slowly("orch check bad.orch bad.orch", 2, 2, &n);
	ck_assert_uint_eq(n, want);
	free(got);
	help_file("w.orch", "for i in 1..1000", "ask a-key-of-some-length-that-fills-a-pipe-before-many-have-been-shown-{{i}} default y | ?",
	    "end", NULL);
	got = slowly("orch run -r r w.orch", 2, 0, &n);
	got[n] = '\0';
	ck_assert_int_eq(help_count(got, "done      a-key"), 1000);
	help_has(got, "orch: run r is complete");
}
END_TEST

/* Standard input that is not there yet: COMMAND reads TEXT, which comes in two parts. */
static void
expect_read(const char *command, const char *text)
{
	int ends[2], status;
	size_t half = strlen(text) / 2;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	pid = fork();
	if (!pid) {
		dup2(ends[0], 0);
		close(ends[0]);
		close(ends[1]);
		dup2(open("out", O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
		dup2(open("err", O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(ends[0]);
	help_pause(FILLING_MS);
	ck_assert_int_eq(write(ends[1], text, half), (ssize_t)half);
	help_pause(FILLING_MS);
	ck_assert_int_eq(write(ends[1], text + half, strlen(text) - half), (ssize_t)(strlen(text) - half));
	close(ends[1]);
	status = status_of(pid);
	ck_assert_msg(!status, "%s: %d: %s", command, status, help_read("err", NULL));
}

START_TEST(input_that_does_not_block)
{
	signal(SIGPIPE, SIG_IGN);
	expect_read("orch run -q -r r -", "print | one\nprint | two\n");
	help_is("out", "one\ntwo\n");
	expect_read("orch check -", "print | one\nprint | two\n");
	expect_read("orch check /dev/stdin", "print | one\nprint | two\n");
	help_file("w.orch", "step cat exec cat", "run cat as x < -", "print | {{x}}", NULL);
	expect_read("orch run -q -r s w.orch", "first\nsecond\n");
	help_is("out", "first\nsecond\n");
}
END_TEST

/* What keeps orch from starting is named, with what helps, and nothing was started: exit status 2. */
START_TEST(too_few_descriptors_are_named)
{
	int n, pipes = 0, nulls = 0, files = 0;
	struct ran r;

	help_file("w.orch", "run sh as x | echo >started; exec orch-is-not-there", "otherwise x", NULL);
	for (n = 4; n < 60; n++) {
		r = help_run("ulimit -n %d; exec orch run -r r%d w.orch", n, n);
		if (r.status == 127 || help_exists("started"))
			continue;
		ck_assert_msg(r.status == 2, "%d descriptors: %d: %s", n, r.status, r.err);
		help_has(r.err, ": Too many open files: raise the limit: ulimit -n 1024\n");
		pipes += strstr(r.err, "orch: cannot start: a pipe: ") != NULL;
		files += strstr(r.err, "orch: cannot start: the files of a step: ") != NULL;
		nulls += strstr(r.err, "orch: cannot start: /dev/null: ") != NULL;
	}
	ck_assert_int_gt(pipes, 0);
	ck_assert_int_gt(nulls, 0);
	ck_assert_int_gt(files, 0);
	ck_assert(help_exists("started"));
}
END_TEST

START_TEST(no_dev_null)
{
	struct ran r;

	help_file("w.orch", "print | x", NULL);
	if (geteuid() || help_run("unshare -m mount -t tmpfs none /dev").status) {
		help_skip("no_dev_null", geteuid() ? "needs root" : "nothing can be mounted here");
		return;
	}
	r = help_run("unshare -m sh -c 'mount -t tmpfs none /dev; orch run w.orch'");
	ck_assert_int_eq(r.status, 2);
	help_has(r.err, "orch: cannot start: /dev/null: No such file or directory: to make it again: mknod -m 666 /dev/null c 1 3\n");
	r = help_run("unshare -m sh -c 'mount -t tmpfs none /dev; orch run w.orch <&-'");
	ck_assert_int_eq(r.status, 2);
	help_has(r.err, "cannot start: /dev/null: No such file or directory: ");
	r = help_run("unshare -m sh -c 'mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3 && orch run -q w.orch'");
	ck_assert_msg(r.status == 0, "%s", r.err);
}
END_TEST

/* A file system without locks, without an fsync of directories. */
START_TEST(a_file_system_that_lacks_something)
{
	static const char remedy[] = ": this file system cannot hold a run: use -d DIR for one on another file system\n";
	static const char *const errors[] = { "ENOLCK", "ENOSYS", "EOPNOTSUPP", "EINVAL" };
	char command[300];
	struct ran r;
	size_t i;

	help_file("w.orch", "run sh as x | echo >started", NULL);
	setenv("FAULT_PAGE", "page", 1);
	for (i = 0; i < LEN(errors); i++) {
		help_run("rm -f page; head -c 4096 /dev/zero >page");
		snprintf(command, sizeof command, "FAULT='lock 1 %s' LD_PRELOAD=\"$TREE/tests/fault.so\" orch run -q -r a w.orch", errors[i]);
		r = help_run("%s", command);
		ck_assert_msg(r.status == 2, "%s: %d: %s", errors[i], r.status, r.err);
		help_has(r.err, "orch: run a cannot be locked: ");
		help_has(r.err, remedy);
		help_run("rm -f page; head -c 4096 /dev/zero >page");
		snprintf(command, sizeof command, "FAULT='fsync 2 %s' LD_PRELOAD=\"$TREE/tests/fault.so\" orch run -q -r b w.orch", errors[i]);
		r = help_run("%s", command);
		ck_assert_msg(r.status == 2, "%s: %d: %s", errors[i], r.status, r.err);
		help_has(r.err, "orch: .orch/b cannot be synced to disk (fsync: ");
		help_has(r.err, remedy);
	}
	help_none("started");
	help_run("rm -f page; head -c 4096 /dev/zero >page");
	r = help_run("FAULT='lock 1 EIO' LD_PRELOAD=\"$TREE/tests/fault.so\" orch run -q -r a w.orch");
	ck_assert_int_eq(r.status, 2);
	help_lacks(r.err, "another file system");
}
END_TEST

/* A log that cannot be written: run and status say the same, and what was done is kept. */
START_TEST(a_log_that_is_full)
{
	struct ran r;

	help_file("w.orch", "parallel max 4 i in 1..40", "run sh as b-{{i}} | echo $i; echo >>\"$ORCH_ROOT/started\"", "end", NULL);
	r = help_run("ulimit -f 3; exec orch run -q -r r w.orch");
	ck_assert_msg(r.status == 1, "%d: %s", r.status, r.err);
	help_has(r.err, "orch: cannot write the log of run r: File too large\n");
	help_has(r.err, "orch: cannot write the file `how` of run r: File too large\n");
	help_has(r.err, "orch: the end of run r cannot be written to its log: File too large: orch status takes it for interrupted; "
	    "resume it when the log can be written again\norch: run r failed: 40 done, ");
	r = help_run("orch status -r r");
	ck_assert_int_eq(r.status, 6);
	help_has(r.out, "run r: interrupted");
	help_sh(0, "orch resume -q -r r");
	help_sh(0, "orch status -r r");
	ck_assert_int_eq(help_count(help_read("started", NULL), "\n"), 40);
}
END_TEST

Suite *
streams_suite(void)
{
	Suite *s = suite_create("streams");
	TCase *c = help_case(s, "non-blocking", help_start, 60);

	tcase_add_test(c, output_that_does_not_block);
	tcase_add_test(c, errors_that_do_not_block);
	tcase_add_test(c, input_that_does_not_block);
	c = help_case(s, "start", help_start, 60);
	tcase_add_test(c, too_few_descriptors_are_named);
	tcase_add_test(c, no_dev_null);
	tcase_add_test(c, a_log_that_is_full);
	tcase_add_test(c, a_file_system_that_lacks_something);
	return s;
}

/* Looking at runs: status as a table and for scripts, runs, logs that follow, a run that a shell script makes
 * grow text by text, and what shells complete. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/inspect/table.h"
#include "engine/ui/width.h"
#include "parse/mem.h"
#include "tests/help.h"
#include "tests/procs.h"
#include "tests/pty.h"
#include "tests/suites.h"

#define STARTED "printf '%s\\n' \"$ORCH_KEY\" >>\"$ORCH_ROOT/started\"; "
#define GATED "echo up >\"$ORCH_ROOT/up\"; read x <\"$ORCH_ROOT/gate\""

/* The width of text. */

START_TEST(width_of_characters)
{
	static const struct {
		const char *s;
		size_t columns;
	} all[] = {
		{ "", 0 }, { "abc", 3 }, { "\xc3\xa9", 1 }, { "e\xcc\x81", 1 }, { "\xe6\x97\xa5\xe6\x9c\xac", 4 },
		{ "\xf0\x9f\x98\x80", 2 }, { "\xef\xbd\xb1", 1 }, { "\xef\xbc\xa1", 2 }, { "\xea\xb0\x80", 2 }, { "\xff\xc3", 2 },
	};
	size_t i;

	for (i = 0; i < LEN(all); i++)
		ck_assert_msg(width_of(all[i].s, strlen(all[i].s)) == all[i].columns, "`%s` takes %zu", all[i].s,
		    width_of(all[i].s, strlen(all[i].s)));
}
END_TEST

START_TEST(width_cuts_the_middle)
{
	static const char *const all[][2] = {
		{ "abcdefghij", "abcdefghij" }, { "abcdefghijk", "abcd...ijk" },
		{ "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5", "\xe6\x97\xa5\xe6\x97\xa5...\xe6\x97\xa5" },
	};
	struct buf b = { 0 };
	size_t i, n;

	for (i = 0; i < LEN(all); i++) {
		b.n = 0;
		n = width_cut(&b, all[i][0], strlen(all[i][0]), 10);
		ck_assert_str_eq(buf_str(&b), all[i][1]);
		ck_assert_uint_eq(n, width_of(b.s, b.n));
		ck_assert_uint_le(n, 10);
	}
	buf_free(&b);
}
END_TEST

/* The table, without a terminal. */

#define LONG "a-key-of-more-than-forty-columns-which-is-more-than-most"

static const struct table_row rows[] = {
	{ STEP_DONE, "plan", "", "", 1500, 1, 0, 0, 0, 1500, 0, NULL },
	{ STEP_DONE, "\xe6\x97\xa5\xe6\x9c\xac", "", "", 60000, 1, 0, 1500, 1500, 5000, 0, NULL },
	{ STEP_FAILED, "review-a", "exit status 3", "", 2500, 3, 0, 1500, 5000, 7500, 0, NULL },
	{ STEP_INTERRUPTED, LONG, "stopped by orch", "", 100, 1, 0, 7500, 7500, 7600, 0, NULL },
	{ STEP_RUNNING, "x", "", "", 400, 1, 0, 8000, 8000, 10000, 0, NULL },
	{ STEP_WAITING, "later", "", "", -1, 0, 0, -1, 0, 0, 0, NULL },
};

static char *
draw(int columns, int colour, double axis)
{
	struct table t = { 0 };
	struct buf b = { 0 };
	size_t i;

	t.columns = columns;
	t.colour = colour;
	t.axis = axis;
	for (i = 0; i < LEN(rows); i++)
		table_learn(&t, &rows[i]);
	table_axis(&t, &b);
	for (i = 0; i < LEN(rows); i++)
		table_draw(&t, &rows[i], &b);
	return buf_take(&b);
}

START_TEST(table_without_a_terminal)
{
	ck_assert_str_eq(draw(0, 0, 10000),
	    "done         plan                                       1.5s\n"
	    "done         \xe6\x97\xa5\xe6\x9c\xac                                         1m\n"
	    "failed       review-a                                   2.5s  attempt 3  exit status 3\n"
	    "interrupted  " LONG "  100ms             stopped by orch\n"
	    "running      x                                         400ms\n"
	    "waiting      later\n");
}
END_TEST

START_TEST(table_with_bars)
{
	ck_assert_str_eq(draw(100, 0, 10000),
	    "                                                          0                                     10s\n"
	    "done         plan                        1.5s             =======\n"
	    "done         \xe6\x97\xa5\xe6\x9c\xac                          1m                   ===============\n"
	    "failed       review-a                    2.5s  attempt 3        --------------==========x\n"
	    "             exit status 3\n"
	    "interrupted  a-key-of-mo...e-than-most  100ms                                           =~\n"
	    "             stopped by orch\n"
	    "running      x                          400ms                                             ========>\n"
	    "waiting      later\n");
	/* One column less, and there are none. */
	help_lacks(draw(TABLE_BARS - 1, 0, 10000), "==");
	help_lacks(draw(TABLE_BARS, 0, 0), "==");
}
END_TEST

/* No line is wider than the terminal, but for why a step has failed; what is in the columns does not depend on it. */
START_TEST(table_at_every_width)
{
	char *line;
	int columns;

	for (columns = 60; columns < 400; columns++) {
		char *text = draw(columns, 0, 10000);

		help_has(text, "failed       review-a  ");
		for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			ck_assert_msg(width_of(line, strlen(line)) <= (size_t)columns || (columns < TABLE_BARS &&
			    (strstr(line, "  exit status") || strstr(line, "  stopped"))), "%d columns: %s", columns, line);
	}
}
END_TEST

START_TEST(table_of_impossible_times)
{
	static const double times[] = { -1e300, -9.3e18, -1, 0, 1, 9.3e18, 1e300 };
	struct table t = { 0 };
	struct buf b = { 0 };
	size_t i, k, n;

	t.columns = 120;
	for (n = 0; n < LEN(times); n++)
		for (i = 0; i < LEN(times); i++)
			for (k = 0; k < LEN(times); k++) {
				struct table_row r = rows[0];

				r.since = times[i];
				r.at = times[k];
				r.end = times[(i + k) % LEN(times)];
				t.axis = times[n] > 9.3e17 ? 9e17 : times[n];
				b.n = 0;
				table_learn(&t, &r);
				table_axis(&t, &b);
				b.n = 0;
				table_draw(&t, &r, &b);
				ck_assert_uint_le(b.n, 120);
			}
	buf_free(&b);
}
END_TEST

START_TEST(table_colours_few_words)
{
	char *text = draw(120, 1, 10000);

	ck_assert_int_eq(help_count(text, "\033["), 6);
	help_has(text, "\033[31mfailed\033[m       review-a");
	help_lacks(draw(120, 0, 10000), "\033");
}
END_TEST

/* Status of whole runs. */

/* What `orch status ARGS` says; its exit status must be STATUS, and it must not complain. */
static char *
status(int want, const char *args)
{
	struct ran r = help_run("orch status %s", args);

	ck_assert_msg(r.status == want, "orch status %s: %d, not %d: %s%s", args, r.status, want, r.out, r.err);
	ck_assert_str_eq(r.err, "");
	return r.out;
}

/* Field N, from 1, of the record of KEY, which is field 2. */
static char *
field(const char *records, const char *key, int n)
{
	char *copy = strdup(records), *line, *p, *save;
	int i;

	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		p = strchr(line, '\t');
		if (!p || strncmp(p + 1, key, strlen(key)) || p[1 + strlen(key)] != '\t')
			continue;
		for (p = line, i = 1; i < n; i++) {
			p = strchr(p, '\t');
			ck_assert_msg(p != NULL, "%s has no field %d in\n%s", key, n, records);
			p++;
		}
		p[strcspn(p, "\t")] = '\0';
		return p;
	}
	ck_abort_msg("no %s in\n%s", key, records);
}

static void
field_is(const char *records, const char *key, int n, const char *want)
{
	char *got = field(records, key, n);

	ck_assert_msg(!strcmp(got, want), "field %d of %s is `%s`, not `%s`, in\n%s", n, key, got, want, records);
}

static void
number_is(const char *records, const char *key, int n, long long least, long long most)
{
	long long got = atoll(field(records, key, n));

	ck_assert_msg(got >= least && got <= most, "field %d of %s is %lld, in\n%s", n, key, got, records);
}

START_TEST(states_of_all_kinds)
{
	static const char *const order[] = { "run x: failed, started ", ", took ", "failed       status ",
	    "  exit status 3\n", "failed       signal ", "killed by SIGKILL, which orch did not send\n", "failed       time ",
	    "timed out after 1s\n", "failed       again ", "attempt 2  exit status 4\n",
	    "done         word ", "fallback\n", "failed       check ", "check failed: false: exit status 1\n", "done         before",
	    "not run      later\n",
	    "1 done, 1 fallback, 5 failed, 1 not run\n", "failed: f.orch:2: 5 of 6 branches failed" };
	char *p;

	help_file("f.orch", "run sh as before | sleep 0.2", "parallel", "    run sh as status | exit 3",
	    "    run sh as signal | kill -9 $$", "    run sh as time | sleep 60", "    timeout 1s",
	    "    run sh as again | exit 4", "    retry 1 1s", "    run sh as word | exit 5", "    otherwise x",
	    "    run sh as check | :", "    check false", "end", "run sh as later | :", NULL);
	help_sh(1, "orch run -q -r x f.orch");
	help_in_order(status(1, "-r x"), order, LEN(order));
	p = status(1, "-q -r x");       /* the failures alone, and how many steps there are of each kind */
	help_lacks(p, "before");
	help_lacks(p, "later");
	help_has(p, "failed       check ");
	help_has(p, "1 done, 1 fallback, 5 failed, 1 not run\n");
	ck_assert_int_eq(help_count(status(1, "-p -q -r x"), "\n"), 6);
	p = status(1, "-p -r x");
	field_is(p, "before", 1, "done");
	number_is(p, "before", 3, 1600000000000, 99999999999999);
	number_is(p, "before", 4, 200, 60000);
	field_is(p, "before", 5, "1");
	field_is(p, "before", 6, "0");
	field_is(p, "status", 1, "failed");
	field_is(p, "status", 6, "3");
	field_is(p, "status", 7, "");
	field_is(p, "status", 8, "");
	field_is(p, "status", 9, "exit status 3");
	field_is(p, "signal", 6, "");
	field_is(p, "signal", 7, "9");
	field_is(p, "signal", 8, "other");
	number_is(p, "time", 4, 1000, 60000);
	field_is(p, "time", 7, "15");
	field_is(p, "time", 8, "timeout");
	field_is(p, "again", 5, "2");
	field_is(p, "word", 1, "done");
	field_is(p, "word", 6, "");
	field_is(p, "word", 9, "otherwise");
	field_is(p, "check", 6, "");
	field_is(p, "check", 9, "check failed: false: exit status 1");
	field_is(p, "later", 1, "waiting");
	field_is(p, "later", 3, "");
	field_is(p, "later", 9, "");
	ck_assert_int_eq(help_count(p, "\t"), 12 * 8);
}
END_TEST

START_TEST(exit_status_tells_how_the_run_is)
{
	struct ran r;

	help_file("f.orch", "run sh as a | " GATED "; test -f \"$ORCH_ROOT/ok\"", "run sh as b | :", NULL);
	help_sh(0, "mkfifo up gate");
	help_file("go", "orch run -q -r x f.orch & echo $! >pid; read u <up", NULL);
	help_sh(0, ". ./go; orch status; test $? = 5 || echo bad >bad; orch status -p; test $? = 5 || echo bad >bad; echo >gate; wait");
	help_none("bad");
	status(1, "");
	status(1, "-p");
	help_sh(0, ". ./go; kill -TERM $(cat pid); wait");
	help_has(status(6, ""), "interrupted  a");
	help_sh(0, ". ./go; kill -9 $(cat pid); wait; until orch status -r x | grep -q 'x: interrupted'; do sleep 0.02; done");
	help_has(status(6, "-p"), "interrupted\ta");
	help_file("ok", NULL);
	help_sh(0, ". ./go; echo >gate; wait");
	help_has(status(0, ""), "run x: complete");
	help_sh(0, "rm .orch/x/result/b");
	help_in_order(status(6, ""), (const char *const[]){ "not run      b ", "  its result was removed\n" }, 2);
	help_sh(3, "orch status -r none");
	help_sh(2, "orch status none");
	r = help_sh(2, "orch status >/dev/full");
	help_has(r.err, "standard output: No space left");
	help_sh(2, "rm .orch/x/log && mkfifo .orch/x/log && orch status");
}
END_TEST

/* Who has ended it. */
START_TEST(what_has_ended_a_step)
{
	pid_t pid;
	char *p;

	help_file("f.orch", "run sh as a | " GATED, NULL);
	help_sh(0, "mkfifo up gate");
	help_file("go", "orch run -q -r x f.orch & echo $! >pid; read u <up", NULL);
	pid = procs_start("exec orch run -q -r x f.orch");
	help_sh(0, "read u <up");
	kill(pid, SIGINT);
	ck_assert_int_eq(procs_end(pid, SOON), 128 + SIGINT);
	help_in_order(status(6, ""), (const char *const[]){ "\ninterrupted  a  ", "  SIGINT\n" }, 2);
	p = status(6, "-p");
	field_is(p, "a", 1, "interrupted");
	field_is(p, "a", 8, "orch");
	help_sh(0, ". ./go; orch status >out; kill -9 $(cat pid); wait; until orch status | grep -q 'x: interrupted'; do sleep 0.02; done");
	help_lacks(help_read("out", NULL), "interrupted");
	help_has(status(6, ""), "orch was killed or the machine went down\n");
	p = status(6, "-p");
	field_is(p, "a", 8, "");
}
END_TEST

START_TEST(a_running_step_shows_its_time_so_far)
{
	char *p;

	help_file("f.orch", "run sh as a | " GATED, NULL);
	help_sh(0, "mkfifo up gate; orch run -q -r x f.orch & read u <up; sleep 1.1; orch status >out; orch status -p >records; "
	    "echo >gate; wait");
	p = help_read("out", NULL);
	help_has(p, " so far, ");
	p = strstr(p, "running      a  ");
	ck_assert_ptr_nonnull(p);
	ck_assert_msg(strtod(p + 16, NULL) >= 1 && strchr(p, 's') < strchr(p, '\n'), "%s", p);
	p = help_read("records", NULL);
	field_is(p, "a", 1, "running");
	field_is(p, "a", 4, "");
	field_is(p, "a", 5, "1");
}
END_TEST

/* Keys of any bytes: a record stays one line of nine fields. */
START_TEST(records_of_hostile_keys)
{
	static const char *const names[] = { "k-a%09b%0Ac", "k-%25%0D%7F\xff", "k- ", "k-$(x)`y`'\"\\;" };
	char *p;
	size_t i;

	help_file("f.orch", "param a", "param b", "param c", "param d", "parallel i in {{a}} {{b}} {{c}} {{d}}", "    run sh as k-{{i}} | :",
	    "end", NULL);
	help_sh(0, "orch run -q -r \"$(printf 'r\\tu\\nn')\" f.orch a=\"$(printf 'a\\tb\\nc')\" b=\"$(printf '%%\\r\\177\\377')\" c=' ' "
	    "d='$(x)`y`'\\''\"\\;'");
	p = status(0, "-p");
	ck_assert_int_eq(help_count(p, "\n"), LEN(names));
	ck_assert_int_eq(help_count(p, "\t"), 12 * LEN(names));
	for (i = 0; i < LEN(names); i++)
		field_is(p, names[i], 1, "done");
	p = help_sh(0, "orch runs -p").out;
	ck_assert_int_eq(help_count(p, "\n"), 1);
	field_is(p, "r%09u%0An", 1, "complete");
}
END_TEST

START_TEST(runs_for_scripts)
{
	char *p, *here = help_sh(0, "pwd -P | tr -d '\\n'").out, path[300];

	help_file("f.orch", "run sh as a | :", "run sh as b | test -f ok", NULL);
	help_sh(1, "orch run -q -r one f.orch");
	help_sh(0, "touch ok; orch run -q -r two f.orch; rm ok");
	p = help_sh(0, "orch runs -p").out;
	ck_assert_int_eq(help_count(p, "\t"), 2 * 6);
	ck_assert_ptr_nonnull(strstr(p, "one"));
	ck_assert_msg(strstr(p, "complete\ttwo") < strstr(p, "failed\tone"), "%s", p);
	number_is(p, "one", 3, 1600000000000, 99999999999999);
	number_is(p, "one", 4, atoll(field(p, "one", 3)), 99999999999999);
	field_is(p, "one", 5, "1");
	field_is(p, "one", 6, "1");
	field_is(p, "two", 5, "2");
	field_is(p, "two", 6, "0");
	snprintf(path, sizeof path, "%s/f.orch", here);
	field_is(p, "two", 7, path);
	help_sh(0, "sed -i '/\tend\t/d' .orch/two/log");
	field_is(help_sh(0, "orch runs -p").out, "two", 4, "");
}
END_TEST

/* Hours between two sittings do not squash what was done in them. */
START_TEST(pauses_are_taken_out_of_the_axis)
{
	struct ran r;

	help_file("f.orch", "run sh as a | :", "run sh as b | :", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_file(".orch/x/log", "1000000\twalk\t1", "1000000\tstart\ta\t1", "1004000\tdone\ta\t1\t4000\t0000000000000000", "1004000\tend\t130",
	    "99000000\twalk\t1", "99000000\tstart\tb\t1", "99004000\tdone\tb\t1\t4000\t0000000000000000", "99004000\tend\t0", "", NULL);
	help_has(status(0, ""), ", took 8s, ");
	pty_command("stty cols 120; exec orch status -r x");
	pty_expect("0                                   ");
	pty_expect("8s\r\n");
	pty_expect("done         a  4s  ==========================");
	pty_expect("\r\ndone         b  4s                        ");
	pty_expect("==========================");
	pty_ends(0);
	/* The clock was set back meanwhile. */
	r = help_sh(0, "sed -i 's/^99/00/' .orch/x/log; orch status -r x");
	help_has(r.out, ", took 8s, ");
}
END_TEST

static int
shows_bytes(void)
{
	size_t i;

	for (i = 0; i + 1 < pty.n; i++)
		if (pty.seen[i] == '\\' && pty.seen[i + 1] == 'x')
			return 1;
	return 0;
}

/* On a terminal a character stays whole that lies across two pieces, or that is still being written. */
START_TEST(characters_stay_whole_on_a_terminal)
{
	static const char *const shifts[] = { "", "a", "aa" };

	setenv("SHIFT", shifts[_i], 1);
	help_file("f.orch", "run sh as big | printf %s \"$SHIFT\"; head -c 40000 /dev/zero | tr '\\0' a | sed 's/a/\xe6\x97\xa5/g'; echo end of it",
	    "run sh as slow | printf '\\346\\227'; until test -f \"$ORCH_ROOT/shown\"; do sleep 0.02; done; printf '\\245 is whole'; "
	    "until test -f \"$ORCH_ROOT/end\"; do sleep 0.02; done", NULL);
	procs_start("exec orch run -q -r x f.orch");
	while (!*help_read(".orch/x/tmp/slow", NULL))
		help_pause(10);
	pty_command("exec orch cat -r x big");
	pty_expect("end of it");
	pty_ends(0);
	ck_assert(!shows_bytes());
	pty_command("exec orch logs -f -r x slow");
	help_pause(500);
	help_file("shown", NULL);
	pty_expect("\xe6\x97\xa5 is whole");
	help_file("end", NULL);
	pty_ends(0);
	ck_assert(!shows_bytes());
}
END_TEST

START_TEST(bars_and_colours_are_a_terminals)
{
	help_file("f.orch", "run sh as a | sleep 0.1", "run sh as b | exit 3", NULL);
	help_sh(1, "orch run -q -r x f.orch");
	help_lacks(status(1, ""), "==");
	help_lacks(status(1, ""), "\033");
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	pty_command("stty cols 100; exec orch status");
	pty_expect("\033[31mfailed\033[m       b");
	pty_expect("x\r\n             exit status 3\r\n");
	pty_expect("done         a");
	pty_expect("==\r\n");
	pty_ends(1);
	pty_command("stty cols 99; exec orch status");
	pty_expect("failed\033[m       b");
	pty_expect("  exit status 3\r\n");
	pty_ends(1);
	setenv("NO_COLOR", "1", 1);
	pty_command("stty cols 100; exec orch status");
	pty_expect("\nfailed       b");
	pty_ends(1);
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	pty_command("stty cols 100; exec orch status");
	pty_expect("\nfailed       b");
	pty_ends(1);
}
END_TEST

/* Logs. */

static void
await_fifo(void)
{
	help_sh(0, "read u <up");
}

static void
open_gate(void)
{
	help_sh(0, "echo >gate");
}

static pid_t
begin_run(void)
{
	pid_t pid;

	help_sh(0, "mkfifo up gate");
	pid = procs_start("exec orch run -q -r x f.orch");
	await_fifo();
	return pid;
}

START_TEST(follow_goes_on_from_try_to_try)
{
	pid_t pid, logs;
	char *s;

	help_file("f.orch", "run sh as a",
	    "| n=$(wc -l <\"$ORCH_ROOT/tries\"); echo t >>\"$ORCH_ROOT/tries\"; echo \"early $n\"; echo \"said $n\" >&2; " GATED "; echo \"late $n\"; test $n -gt 1",
	    "retry 2 0s", NULL);
	help_file("tries", NULL);
	pid = begin_run();
	logs = procs_start("exec orch logs -f -r x >followed");
	procs_await_text("followed", "early 0\n");
	procs_await_text("followed", "said 0\n");
	open_gate();
	procs_await_text("followed", "late 0\n");
	await_fifo();
	procs_await_text("followed", "early 1\n");
	open_gate();
	await_fifo();
	open_gate();
	ck_assert_int_eq(procs_end(logs, SOON), 0);
	ck_assert_int_eq(procs_end(pid, SOON), 0);
	s = help_read("followed", NULL);
	help_in_order(s, (const char *const[]){ "early 0", "late 0", "early 1", "late 1", "early 2", "late 2" }, 6);
	ck_assert_int_eq(help_count(s, "early"), 3);
	ck_assert_int_eq(help_count(s, "late"), 3);
	ck_assert_int_eq(help_count(s, "said"), 3);
	help_has(s, "==> a <==\n");
	help_has(s, "==> a (standard output, so far) <==\n");
}
END_TEST

/* A result that was there is not shown, those that come are, each once. */
START_TEST(follow_shows_results_as_they_come)
{
	pid_t pid, logs;

	help_file("f.orch", "run sh as old | echo old", "run sh as a | echo one; " GATED "; echo two", "run sh as quick | echo fast",
	    "run sh as b | echo raw", "filter tr a-z A-Z", NULL);
	pid = begin_run();
	logs = procs_start("exec orch logs -f -r x >followed");
	procs_await_text("followed", "one\n");
	open_gate();
	ck_assert_int_eq(procs_end(logs, SOON), 0);
	ck_assert_int_eq(procs_end(pid, SOON), 0);
	help_in_order(help_read("followed", NULL), (const char *const[]){ "==> a (", "one\ntwo\n", "==> quick (", "fast\n" }, 4);
	ck_assert_int_eq(help_count(help_read("followed", NULL), "fast"), 1);
	help_lacks(help_read("followed", NULL), "old");
	ck_assert_int_eq(help_count(help_read("followed", NULL), "raw") + help_count(help_read("followed", NULL), "RAW"), 1);
	/* Without -f, and over a run that has ended: as ever. */
	ck_assert_str_eq(help_sh(0, "orch logs -r x; orch logs -f -r x").out, "");
}
END_TEST

START_TEST(follow_ends_when_its_keys_are_over)
{
	pid_t pid, logs;

	help_file("f.orch", "run sh as a | echo said >&2; " GATED, "run sh as b | " GATED, NULL);
	pid = begin_run();
	logs = procs_start("exec orch logs -f -r x a >followed");
	procs_await_text("followed", "said\n");
	open_gate();
	ck_assert_int_eq(procs_end(logs, SOON), 0);
	await_fifo();
	ck_assert(procs_alive(pid));
	open_gate();
	ck_assert_int_eq(procs_end(pid, SOON), 0);
}
END_TEST

START_TEST(follow_ends_with_its_reader)
{
	pid_t pid;

	help_file("f.orch", "run sh as a | echo said >&2; " GATED, NULL);
	pid = begin_run();
	help_sh(0, "(orch logs -f -r x; touch over) | head -n 1 >first; until test -f over; do sleep 0.02; done");
	help_is("first", "==> a <==\n");
	ck_assert(procs_alive(pid));
	open_gate();
	ck_assert_int_eq(procs_end(pid, SOON), 0);
}
END_TEST

/* A run whose step has said something and waits, *PID, and who follows it. */
static pid_t
follow_one(pid_t *pid)
{
	pid_t logs;

	help_file("f.orch", "run sh as a | echo said >&2; " GATED, NULL);
	*pid = begin_run();
	logs = procs_start("exec orch logs -f -r x >followed 2>complaints");
	procs_await_text("followed", "said\n");
	return logs;
}

START_TEST(follow_ends_with_the_run_however_that_ends)
{
	pid_t pid, logs = follow_one(&pid);

	kill(pid, SIGKILL);
	ck_assert_int_eq(procs_end(pid, SOON), 128 + SIGKILL);
	ck_assert_int_eq(procs_end(logs, SOON), 0);
}
END_TEST

START_TEST(follow_is_ended_quietly)
{
	pid_t pid, logs = follow_one(&pid);

	kill(logs, SIGINT);
	ck_assert_int_eq(procs_end(logs, SOON), 128 + SIGINT);
	help_is("complaints", "");
	open_gate();
	ck_assert_int_eq(procs_end(pid, SOON), 0);
}
END_TEST

START_TEST(follow_survives_a_file_that_is_cut_off)
{
	pid_t pid, logs;

	help_file("f.orch", "run sh as a | echo a rather long line >&2; " GATED "; echo next >&2; " GATED, NULL);
	pid = begin_run();
	logs = procs_start("exec orch logs -f -r x >followed");
	procs_await_text("followed", "a rather long line\n");
	help_sh(0, ": >.orch/x/stderr/a");
	open_gate();
	procs_await_text("followed", "next\n");
	await_fifo();
	open_gate();
	ck_assert_int_eq(procs_end(logs, SOON), 0);
	ck_assert_int_eq(procs_end(pid, SOON), 0);
	ck_assert_int_eq(help_count(help_read("followed", NULL), "long"), 1);
}
END_TEST

/* A key that comes from items which are not known yet is waited for; one that cannot come is an error. */
START_TEST(follow_waits_for_a_key_that_may_come)
{
	pid_t pid, logs;

	help_file("f.orch", "run sh as list | " GATED "; echo one", "parallel i in < list", "    run sh as x-{{i}} | echo said $i >&2", "end", NULL);
	pid = begin_run();
	logs = procs_start("exec orch logs -f -r x x-one >followed");
	help_pause(300);
	ck_assert(procs_alive(logs));
	open_gate();
	ck_assert_int_eq(procs_end(logs, SOON), 0);
	ck_assert_int_eq(procs_end(pid, SOON), 0);
	help_has(help_read("followed", NULL), "said one\n");
	help_sh(1, "orch logs -f -r x x-two");
}
END_TEST

/* A run that grows text by text. */

START_TEST(a_script_of_here_documents)
{
	static const char *const order[] = { "complete", "lines-a.txt", "lines-b.txt", "long", "head-a.txt", "report", "size" };
	struct ran r, again;

	help_file("a.txt", "first of a", "2", "3", "4", NULL);
	help_file("b.txt", "first of b", NULL);
	r = help_sh(0, "sh \"$TREE/tests/workflows/script.sh\" grow a.txt b.txt");
	ck_assert_str_eq(r.out, "1 long, of which the first lines are:\nfirst of a\n");
	ck_assert_str_eq(r.err, "");
	help_in_order(status(0, "-r grow"), order, LEN(order));
	/* Once more: nothing is started, and the same is said. */
	help_sh(0, "cp .orch/grow/log before");
	again = help_sh(0, "sh \"$TREE/tests/workflows/script.sh\" grow a.txt b.txt");
	ck_assert_str_eq(again.out, r.out);
	help_sh(0, "test $(grep -c '\tstart\t' before) = $(grep -c '\tstart\t' .orch/grow/log)");
	/* And with one more. */
	help_file("c.txt", "first of c", "2", "3", "4", "5", NULL);
	help_sh(0, "sh \"$TREE/tests/workflows/script.sh\" grow a.txt b.txt c.txt");
	help_sh(0, "orch cat -r grow lines-c.txt");
	help_has(status(0, "-r grow"), "lines-c.txt");
}
END_TEST

/* Puts a text into the run x; what is said. */
static struct ran
text(int want, const char *lines)
{
	help_file("text", lines, NULL);
	return help_sh(want, "orch run -q -r x - <text");
}

START_TEST(a_text_sees_what_the_run_has_by_its_name)
{
	help_sh(0, "orch run -q -r x - <<'E'\nrun sh as one | " STARTED "echo 1\nrun sh as r-a | echo a\nE");
	ck_assert_str_eq(text(0, "run sh as two < one r-a | cat\nprint | {{two}} {{one}}").out, "1\na 1\n");
	help_is(".orch/x/asked/two", "1\na\n");
	/* No pattern, no name that was never there, none of another run, none that is made below. */
	help_has(text(2, "print | {{r-*}}").err, "no key of this file can match `r-*`");
	help_has(text(2, "print | {{three}}").err, "unknown name `three`");
	help_has(text(2, "print | {{one}}\nrun sh as one | :").err, "`one` is used before it is made");
	help_has(text(2, "for i in a b\n    print | {{r-a}}\n    run sh as r-{{i}} | :\nend").err, "`r-a` may not be there: line 3 makes it, in a later pass");
	help_has(text(2, "run sh as z | echo {{one}}").err, "cannot insert {{one}} into shell code");
	/* A name with names in it: what the text itself may make is its own. */
	ck_assert_str_eq(text(0, "for i in a\n    print | {{r-{{i}}}}\nend").out, "a\n");
	ck_assert_str_eq(text(0, "run sh as r-all | :\nfor i in a\n    print | {{r-{{i}}}}\nend").out, "a\n");
	help_has(text(1, "for i in a b\n    for k in a\n        print | {{r-{{k}}}}\n    end\n    run sh as r-{{i}} | :\nend").err,
	    "no result `r-a` here");
	help_has(text(2, "for i in a\n    print | {{s-{{i}}}}\nend").err, "no key of this file can match `s-{{i}}`");
	help_has(text(1, "for i in b\n    print | {{r-{{i}}}}\nend").err, "no result `r-b` here");
	help_sh(2, "echo 'print | {{one}}' | orch run -q -r y -");
	help_none(".orch/y");
	/* Nor does a called file see them. */
	help_file("in.orch", "print | {{one}}", NULL);
	help_has(text(2, "call in.orch").err, "unknown name `one`");
	/* A file's workflow sees nothing but its own. */
	help_file("f.orch", "print | {{a}}", NULL);
	help_file("g.orch", "run sh as a | :", NULL);
	help_sh(0, "orch run -q -r z g.orch");
	help_sh(2, "cp f.orch g.orch; orch run -q -r z g.orch");
	help_is("started", "one\n");
}
END_TEST

START_TEST(the_latest_text_is_the_runs)
{
	help_sh(0, "mkdir d; orch run -q -r x - p=1 <<'E'\nparam p\nrun sh as one | echo \"$p\"\nprint | first {{p}}\nE");
	help_sh(1, "cd d && orch run -q -d ../.orch -r x - <<'E'\nparam p\nrun sh as two < one | test -f ok && cat\nprint | second {{two}} {{p}}\nE");
	help_has(status(1, "-r x"), "done         one");
	help_has(status(1, "-r x"), "failed       two");
	/* It is run where the first text was. */
	help_file("ok", NULL);
	ck_assert_str_eq(help_sh(0, "orch resume -q -r x").out, "second 1 1\n");
	ck_assert_str_eq(help_sh(0, "orch resume -q -r x").out, "second 1 1\n");
}
END_TEST

/* A step that failed in an earlier text, and that the latest has no more, holds nothing up. */
START_TEST(what_an_earlier_text_could_not_do)
{
	help_sh(1, "orch run -q -r x - <<'E'\nrun sh as try | exit 3\nE");
	help_sh(0, "orch run -q -r x - <<'E'\nrun sh as instead | :\nE");
	help_in_order(status(0, "-r x"), (const char *const[]){ "run x: complete", "failed       try", "done         instead" }, 3);
	help_has(help_sh(0, "orch run -n -r x - <text || orch runs").out, "complete");
}
END_TEST

START_TEST(a_dry_run_of_a_text)
{
	help_sh(0, "orch run -q -r x - <<'E'\nrun sh as one | echo 1\nE");
	help_has(help_sh(0, "orch run -n -r x - <<'E'\nstep s exec cat\nrun s as two | {{one}} and more\nE").out, "would run  two  | 1 and more");
	help_none(RESULT "two");
	help_sh(2, "orch run -n -r x - <<'E'\nrun sh as two < none | cat\nE");
}
END_TEST

/* A step that could not be asked has failed, as one that was. */
START_TEST(a_step_that_cannot_be_asked_has_failed)
{
	help_file("f.orch", "run sh as f | echo F", "for i in < f", "run sh as g-{{i}} | :", "end", "run sh as h < f g-X | cat", NULL);
	help_sh(1, "orch run -q -r x f.orch");
	help_in_order(help_sh(0, "orch status -r x; test $? = 1").out, (const char *const[]){ "failed       h", "no result `g-X`", "2 done, 1 failed" }, 3);
	ck_assert_str_eq(help_sh(0, "orch runs -p | cut -f1,6,5").out, "failed\t2\t1\n");
	help_sh(0, "sed -i 's/< f g-X/< f/' f.orch; orch resume -q -r x; orch status -r x");
}
END_TEST

/* What a line makes is none of what it sees, also where a pattern would match it. */
START_TEST(diff_of_a_pattern_that_its_own_key_matches)
{
	help_file("f.orch", "run sh as k-0 | echo 0", "run sh as k-z < k-* | cat; echo z", "for i in 1 2", "run sh as l-{{i}} < l-*",
	    "| cat; echo $i", "end", "run sh as k-zz < k-* | cat", NULL);
	help_sh(0, "orch run -q -r x f.orch && for k in k-0 k-z l-1 l-2 k-zz; do orch diff -r x $k || exit; done");
	help_sh(0, "sed -i 's/echo z/echo y/' f.orch; orch diff -r x k-z >d; test $? = 1 && grep -c '^[-+].*echo' d && ! grep '^[-+]z' d");
}
END_TEST

/* Where SIGCHLD was ignored, diff's end is seen all the same. */
START_TEST(diff_where_children_are_ignored)
{
	help_file("f.orch", "run sh as a", "| : old", "| echo 2", NULL);
	help_sh(0, "orch run -q -r x f.orch; sed -i s/old/new/ f.orch");
	help_sh(0, "orch diff a >plain; test $? = 1 && grep '^-.*old' plain && ! grep '^[-+].*echo 2' plain");
	if (help_run("env --ignore-signal=CHLD true").status) {
		help_skip("diff_where_children_are_ignored", "an env that ignores signals");
		return;
	}
	help_sh(0, "env --ignore-signal=CHLD orch diff a >ignored; test $? = 1 && cmp plain ignored");
}
END_TEST

/* What is known of one key is found without a look at all others: neither the directory of results nor the workflow is read. */
START_TEST(one_key_alone)
{
	help_file("f.orch", "for i in 1 2 3", "run sh as a-{{i}} | echo $i; echo said $i >&2", "end", "run sh as b | exit 3", "retry 1 1s", "run sh as c | :", NULL);
	help_sh(1, "orch run -q -r x f.orch");
	ck_assert_str_eq(help_sh(0, "orch cat -r x a-2 a-1").out, "2\n1\n");
	ck_assert_str_eq(help_sh(0, "orch logs -r x a-3").out, "==> a-3 <==\nsaid 3\n");
	help_has(help_sh(1, "orch cat -r x b").err, "b: this step has no result yet");
	help_has(help_sh(1, "orch cat -r x c").err, "c: this step has no result yet");
	help_has(help_sh(1, "orch cat -r x a-1 d").err, "d: no such step in this run");
	if (!*help_sh(0, "strace -o trace true && echo yes || :").out) {
		help_skip("one_key_alone", "nothing can be traced here");
		return;
	}
	help_sh(0, "for c in 'cat a-2' 'logs a-2' 'logs b'; do strace -f -e trace=openat,getdents64 -o trace orch ${c% *} -r x ${c#* } >/dev/null; "
	    "grep -q 'f.orch\\|getdents' trace && { cat trace >&2; exit 1; }; done; exit 0");
	help_sh(0, "strace -f -e trace=getdents64 -o trace orch cat -r x c; grep -q getdents trace");
}
END_TEST

/* Completion, by the shells themselves. */

static const char *const keys[] = { "plain", "with blank", "$(touch HACKED)", "`touch HACKED`", "it's", "q\"uote", "per%cent", "s/a.c", "c:d",
    "back\\slash", "semi; touch HACKED", "and & touch HACKED", "{a,b}", "~root", "star*", "\xc3\xa9", "-dash", "e=f", "bang!!" };

/* A run with a key for each, whose result is its number; the letters in front say which. */
static void
make_keys(void)
{
	struct buf b = { 0 };
	char path[100];
	size_t i;

	help_sh(0, "mkdir -p odd");
	for (i = 0; i < LEN(keys); i++) {
		snprintf(path, sizeof path, "item%zu", i);
		help_file(path, keys[i], NULL);
	}
	buf_text(&b, "param p\n");
	for (i = 0; i < LEN(keys); i++)
		buf_fmt(&b, "run sh as 0list%zu | cat item%zu\n", i, i);
	for (i = 0; i < LEN(keys); i++)
		buf_fmt(&b, "for v in < 0list%zu\n    run sh as %c{{v}} | echo answer-%zu\nend\n", i, 'a' + (int)i, i);
	buf_text(&b, "run sh as zz{{p}} | :\n");
	help_bytes("f.orch", b.s, b.n);
	buf_free(&b);
	help_sh(0, "orch run -q -r '$(touch HACKED) run' f.orch p=\"$(printf 'line\\nnext\\tand')\"");
	help_sh(0, "orch run -q -r other f.orch p=x; mv .orch 'odd/my runs'; cp item0 an-item");
}

/* Types in the shell what completes the run, then each key, and looks whether it was that one. */
static void
complete_all(const char *shell, const char *load)
{
	char line[200];
	size_t i;

	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("TERM", "dumb", 1);
	make_keys();
	if (!pty_shell(shell)) {
		help_skip("completion", shell);
		return;
	}
	snprintf(line, sizeof line, "%s; echo re''ady\r", load);
	pty_type(line);
	pty_expect("ready");
	for (i = 0; i < LEN(keys); i++) {
		snprintf(line, sizeof line, "orch cat -d odd/my\\ runs -r \\$\t%c\t\r", 'a' + (int)i);
		pty_type(line);
		snprintf(line, sizeof line, "answer-%zu\r", i);
		pty_expect(line);
	}
	pty_type("orch comp\tz\t | wc -c; orch stat\t-d odd/my\\ runs -r ot\t\r");
	pty_expect("run other: complete");
	/* A file after run. */
	pty_type("orch check an-i\t; echo do''ne\r");
	pty_expect("an-item:1:");
	pty_expect("done");
	/* The parameters of the workflow, and the agents. */
	help_file("param.orch", "# About Parameters:", "#   tricky one", "param topic", "param tone 'plain; touch HACKED'", "agent mine sh -c cat",
	    "run mine as a | {{topic}} {{tone}}", "print | the {{a}}", NULL);
	help_file("evil.orch", "agent $(touch${IFS}HACKED) sh", "agent mi$(touch${IFS}HACKED) sh", "agent mi\\'`touch${IFS}HACKED` sh", NULL);
	pty_type("orch run -q -d new -a mi\t'sh -c \"printf s''ecret\"' par\ttop\tX ton\tY; rm -r new\r");
	pty_expect("the secret");
	pty_shell_leave();
	help_none("HACKED");
	help_none(".orch");
}

START_TEST(bash_completes)
{
	complete_all("bash", "set +o histexpand; source <(orch completion bash)");
}
END_TEST

START_TEST(zsh_completes)
{
	complete_all("zsh", "autoload -U compinit; compinit -u -D; source <(orch completion zsh)");
}
END_TEST

/* As a file of a directory in fpath, which is where make install puts it. */
START_TEST(zsh_finds_what_is_installed)
{
	help_sh(0, "mkdir site; orch completion zsh >site/_orch; head -n 1 site/_orch | grep -qx '#compdef orch'");
	setenv("TERM", "dumb", 1);
	if (!pty_shell("zsh")) {
		help_skip("completion", "zsh");
		return;
	}
	pty_type("fpath=($PWD/site $fpath); autoload -U compinit; compinit -u -D; echo re''ady\r");
	pty_expect("ready");
	pty_type("orch comp\tz\t | sed -n 's/^#compdef orch/fo''und it/p'; echo do''ne\r");
	pty_expect("done");
	help_has(pty.seen, "\nfound it");
	pty_shell_leave();
}
END_TEST

START_TEST(fish_completes)
{
	complete_all("fish", "orch completion fish | source");
}
END_TEST

/* What each command is offered is what it takes. */
START_TEST(completion_offers_what_is_taken)
{
	help_file("offered-bash", "source <(orch completion bash)", "COMP_WORDS=(orch $1 -) COMP_CWORD=2 COMP_LINE=\"orch $1 -\"",
	    "COMP_POINT=${#COMP_LINE}", "_orch orch - $1", "printf '%s\\n' \"${COMPREPLY[@]}\"", NULL);
	help_file("offered-fish", "orch completion fish | source", "complete -C \"orch $argv[1] -\"", NULL);
	help_sh(0, "for c in run resume redo check status runs logs cat diff session rm completion f.orch; do "
	    "for o in F N a b c d e f g i j k l m n o p q r s t u v w x y z; do "
	    "orch $c -$o </dev/null 2>&1 | grep -q 'unknown option\\|go before\\|go after' || echo $c -$o; done; done >taken");
	help_sh(0, "sed -i '/^f.orch/d; /^run /p; s/^run /f.orch /' taken; sort taken >taken-by-all");
	ck_assert_str_eq(help_sh(0, "grep -c . taken-by-all").out, "63\n");
	help_sh(0, "for c in run resume redo check status runs logs cat diff session rm completion f.orch; do "
	    "bash ./offered-bash $c | sed -n \"s/^-/$c -/p\"; done | sort >offered; diff taken-by-all offered >&2");
	if (!*help_sh(0, "command -v fish || :").out) {
		help_skip("completion", "fish");
		return;
	}
	help_sh(0, "for c in run resume redo check status runs logs cat diff session rm completion f.orch; do "
	    "fish ./offered-fish $c | sed -n \"s/^-\\(.\\).*/$c -\\1/p\"; done | sort >offered; diff taken-by-all offered >&2");
}
END_TEST

START_TEST(completion_is_of_known_shells)
{
	help_has(help_sh(0, "orch completion bash").out, "complete -o default -F _orch orch");
	help_sh(2, "orch completion");
	help_sh(2, "orch completion sh");
	help_sh(2, "orch completion bash zsh");
	help_sh(2, "orch completion -d x bash");
	help_sh(0, "orch completion bash >b && bash -n b && orch completion zsh >z && { ! command -v zsh || zsh -n z; } && "
	    "orch completion fish >f && { ! command -v fish || fish -n f; }");
}
END_TEST

static TCase *
table_case(void)
{
	TCase *t = tcase_create("table");

	tcase_add_test(t, width_of_characters);
	tcase_add_test(t, width_cuts_the_middle);
	tcase_add_test(t, table_without_a_terminal);
	tcase_add_test(t, table_with_bars);
	tcase_add_test(t, table_at_every_width);
	tcase_add_test(t, table_of_impossible_times);
	tcase_add_test(t, table_colours_few_words);
	return t;
}

static void
status_case(Suite *s)
{
	TCase *t = help_case(s, "status", procs_begin, 120);

	tcase_add_test(t, states_of_all_kinds);
	tcase_add_test(t, exit_status_tells_how_the_run_is);
	tcase_add_test(t, what_has_ended_a_step);
	tcase_add_test(t, a_running_step_shows_its_time_so_far);
	tcase_add_test(t, records_of_hostile_keys);
	tcase_add_test(t, runs_for_scripts);
	tcase_add_test(t, pauses_are_taken_out_of_the_axis);
	tcase_add_test(t, bars_and_colours_are_a_terminals);
	tcase_add_loop_test(t, characters_stay_whole_on_a_terminal, 0, 3);
}

static void
logs_case(Suite *s)
{
	TCase *t = help_case(s, "follow", procs_begin, 120);

	tcase_add_test(t, follow_goes_on_from_try_to_try);
	tcase_add_test(t, follow_shows_results_as_they_come);
	tcase_add_test(t, follow_ends_when_its_keys_are_over);
	tcase_add_test(t, follow_ends_with_its_reader);
	tcase_add_test(t, follow_ends_with_the_run_however_that_ends);
	tcase_add_test(t, follow_is_ended_quietly);
	tcase_add_test(t, follow_survives_a_file_that_is_cut_off);
	tcase_add_test(t, follow_waits_for_a_key_that_may_come);
}

static void
script_case(Suite *s)
{
	TCase *t = help_case(s, "script", procs_begin, 120);

	tcase_add_test(t, a_script_of_here_documents);
	tcase_add_test(t, a_text_sees_what_the_run_has_by_its_name);
	tcase_add_test(t, the_latest_text_is_the_runs);
	tcase_add_test(t, what_an_earlier_text_could_not_do);
	tcase_add_test(t, a_dry_run_of_a_text);
	tcase_add_test(t, diff_where_children_are_ignored);
	tcase_add_test(t, a_step_that_cannot_be_asked_has_failed);
	tcase_add_test(t, diff_of_a_pattern_that_its_own_key_matches);
}

static void
completion_case(Suite *s)
{
	TCase *t = help_case(s, "completion", procs_begin, 120);

	tcase_add_test(t, bash_completes);
	tcase_add_test(t, one_key_alone);
	tcase_add_test(t, zsh_completes);
	tcase_add_test(t, fish_completes);
	tcase_add_test(t, zsh_finds_what_is_installed);
	tcase_add_test(t, completion_offers_what_is_taken);
	tcase_add_test(t, completion_is_of_known_shells);
}

Suite *
status_suite(void)
{
	Suite *s = suite_create("status");

	suite_add_tcase(s, table_case());
	status_case(s);
	logs_case(s);
	script_case(s);
	completion_case(s);
	return s;
}

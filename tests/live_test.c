/* The live view: as a text; and on a pseudo-terminal, by whole runs. What was written to the terminal is put
 * on a terminal in memory, and that is looked at. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "engine/ui/live.h"
#include "engine/ui/watch.h"
#include "engine/ui/width.h"
#include "parse/text.h"
#include "engine/ui/progress.h"
#include "tests/help.h"
#include "tests/procs.h"
#include "tests/pty.h"
#include "tests/suites.h"
#include "tests/vt.h"

#define SAYS(row, text) ((row).said = (text), (row).nsaid = strlen(text))

/* The text. */

/* The view, of which at most live_fit of the N rows are shown. */
static const char *
frame(struct live v, const struct live_row *rows, size_t n)
{
	static struct buf out;

	out.n = 0;
	v.rows = rows;
	v.all = n;
	v.nrows = live_fit(v.height, n);
	live_frame(&v, &out);
	return buf_str(&out);
}

static struct live
sized(int width, int height)
{
	struct live v = { 0 };

	v.width = width;
	v.height = height;
	return v;
}

static const struct live_row some[] = {
	{ "review-security", 65000, 1, "reading engine/loop.c", 21 },
	{ "review-design", 3000, 2, "thinking", 8 },
	{ "fix", 999, 1, NULL, 0 },
};

static struct live
counted(int width, int height)
{
	struct live v = sized(width, height);

	v.done = 12;
	v.kept = 3;
	v.failed = 1;
	v.running = 8;
	v.waiting = 76;
	v.ms = 65000;
	v.left = 200000;
	return v;
}

START_TEST(at_80_columns)
{
	ck_assert_str_eq(frame(counted(80, 24), some, 3),
	    "  review-security   1m05s  reading engine/loop.c\n"
	    "  review-design        3s  attempt 2  thinking\n"
	    "  fix                  0s\n"
	    "12 done, 3 kept, 1 failed, 8 running, 76 waiting  1m05s  about 4m left\n");
}
END_TEST

/* Word for word. */
START_TEST(the_example_of_the_manual)
{
	static const struct live_row rows[] = {
		{ "review-performance", 107000, 1, "reading engine/loop.c", 21 }, { "review-design", 3000, 2, "thinking", 8 },
	};
	struct live v = sized(80, 24);

	v.done = v.waiting = 1;
	v.running = 2;
	v.ms = 109000;
	v.left = 89000;
	v.at_least = 1;
	help_has(help_read("orch.1", NULL), frame(v, rows, 2));
}
END_TEST

START_TEST(at_40_columns)
{
	ck_assert_str_eq(frame(counted(40, 10), some, 3),
	    "review-security   1m05s  reading engine\n"
	    "review-design        3s  attempt 2  thi\n"
	    "fix                  0s\n"
	    "12 done, 1 failed  about 4m left\n");
}
END_TEST

START_TEST(at_10_columns_and_at_one)
{
	ck_assert_str_eq(frame(counted(10, 10), some, 3), "rev...ity\nrev...ign\nfix      \n1 failed\n");
	ck_assert_str_eq(frame(counted(1, 10), some, 3), "");
}
END_TEST

START_TEST(what_is_zero_is_left_out)
{
	struct live v = sized(80, 24);

	v.running = 1;
	ck_assert_str_eq(frame(v, NULL, 0), "1 running  0s\n");
	v.waiting = 2;
	v.more = 1;
	v.left = 61000;
	v.at_least = 1;
	ck_assert_str_eq(frame(v, NULL, 0), "1 running, 2+ waiting  0s  2m or more left\n");
	v.waiting = 0;
	v.left = 999;
	ck_assert_str_eq(frame(v, NULL, 0), "1 running, maybe more  0s\n");
	v.stopping = 1;
	v.waiting = v.more = 0;
	v.left = 0;
	ck_assert_str_eq(frame(v, NULL, 0), "stopping: 1 running  0s\n");
}
END_TEST

/* No line is ever too wide, and there are never too many, whatever is said. */
START_TEST(it_fits)
{
	static const int widths[] = { 0, 1, 2, 3, 9, 10, 16, 17, 32, 33, 40, 61, 80, 200 };
	static const int heights[] = { 0, 1, 2, 3, 4, 7, 8, 10, 24, 60 };
	static const char *const texts[] = {
		"", "x", "\033[2J\033[1;31mred", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
		"a\xcc\x81" "a\xcc\x81" "a\xcc\x81" "a\xcc\x81" "a\xcc\x81" "a\xcc\x81" "a\xcc\x81", "\xff\xfe\xff\xfe\xff\xfe\xff", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80 \xe2\x9c\x85",
		"review-a/very/long/path/to/a/file/that/does/not/fit/into/any/line/of/a/terminal/whatsoever/even/if/it/is/a/wide/one.c",
	};
	struct live_row rows[40];
	size_t w, h, i, n;

	for (n = 0; n <= LEN(rows); n += 5)
		for (w = 0; w < LEN(widths); w++)
			for (h = 0; h < LEN(heights); h++) {
				const char *s, *nl;
				struct live v = counted(widths[w], heights[h]);
				int lines = 0;

				v.colour = 1;
				v.failed = n ? 1234567 : 0;
				for (i = 0; i < n; i++) {
					rows[i].key = texts[(i + w) % LEN(texts)];
					rows[i].ms = (long long)i * i * i * 100000;
					rows[i].attempts = (long)i;
					SAYS(rows[i], texts[i % LEN(texts)]);
				}
				for (s = frame(v, rows, n); *s; s = nl + 1, lines++) {
					nl = strchr(s, '\n');
					ck_assert_ptr_nonnull(nl);
					ck_assert_msg(width_of(s, (size_t)(nl - s)) < (size_t)v.width, "%d columns: %.*s", v.width, (int)(nl - s), s);
				}
				s = frame(v, rows, n);
				ck_assert_int_eq(help_count(s, "\033[31m"), help_count(s, "\033[0m"));
				ck_assert_msg(lines < v.height || !lines, "%d lines of %d", lines, v.height);
			}
}
END_TEST

START_TEST(and_so_many_more)
{
	struct live_row rows[40] = { { "k", 0, 1, NULL, 0 } };
	const char *s;
	size_t i;

	for (i = 1; i < LEN(rows); i++)
		rows[i] = rows[0];
	s = frame(counted(80, 24), rows, 40);
	ck_assert_int_eq(help_count(s, "  k  "), 18);
	help_has(s, "\n  and 22 more\n12 done");
	s = frame(counted(80, 24), rows, 19);
	ck_assert_int_eq(help_count(s, "  k  "), 19);
	help_lacks(s, "more");
	s = frame(counted(40, 10), rows, 7);
	ck_assert_int_eq(help_count(s, "k   "), 4);
	help_has(s, "\nand 3 more\n");
	ck_assert_str_eq(frame(counted(80, 2), rows, 7), "12 done, 3 kept, 1 failed, 8 running, 76 waiting  1m05s  about 4m left\n");
	ck_assert_str_eq(frame(counted(80, 1), rows, 7), "");
}
END_TEST

START_TEST(what_is_said_is_made_visible_and_cut)
{
	struct live_row row = { "k\033]0;", 1000, 1, NULL, 0 };
	const char *s;

	SAYS(row, "a\tb\033[31mc\x9b\r");
	s = frame(counted(80, 24), &row, 1);
	ck_assert_ptr_nonnull(strstr(s, "k\\x1b]0;      1s  a bc\\x9b\n"));
	row.key = "k";
	/* Cut where a character ends: 13 columns are left of 39, six of these and one blank. */
	SAYS(row, "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5");
	s = frame(counted(40, 24), &row, 1);
	ck_assert_int_eq(help_count(s, "\xe6\x97\xa5"), 14);
	ck_assert_uint_eq(width_of(s, strcspn(s, "\n")), 39);
	s = frame(counted(39, 24), &row, 1);
	ck_assert_int_eq(help_count(s, "\xe6\x97\xa5"), 13);
}
END_TEST

/* Keys that do not fit lose what all of them have in common, and keep what tells them apart; what fits is whole, and comes before
 * what was written. */
START_TEST(keys_are_told_apart)
{
	struct live_row rows[] = {
		{ "translate-docs/manual/chapter-01-introduction.md", 1000, 1, "reading", 7 },
		{ "translate-docs/manual/chapter-02-installation.md", 1000, 1, "", 0 },
	}, alike[] = { { "a-step-of-the-workflow-1", 1000, 1, "", 0 }, { "a-step-of-the-workflow-11", 1000, 1, "", 0 } };
	const char *s = frame(counted(80, 24), rows, 2);

	help_has(s, "  translate-docs/manual/chapter-01-introduction.md      1s  reading\n");
	s = frame(counted(40, 24), rows, 2);
	help_in_order(s, (const char *const[]){ "1-introduction", "      1s\n", "2-installation", "      1s\n" }, 4);
	ck_assert_uint_eq(width_of(s, strcspn(s, "\n")), 39);
	s = frame(counted(25, 24), alike, 2);
	help_in_order(s, (const char *const[]){ "-1 ", "-11 " }, 2);
	help_lacks(s, "11...");
}
END_TEST

START_TEST(what_moves_and_colours_is_dropped)
{
	static const struct {
		const char *s, *shown;
	} is[] = {
		{ "a\033[1;31mred\033[0m b", "ared b" }, { "50%\r", "50%" }, { "\033]0;title\ax", "x" }, { "\033]8;;http://x\033\\link\033]8;;\033\\", "link" },
		{ "\033(Bx", "x" }, { "\033", "" }, { "a\033[", "a" }, { "a\033[31", "a" }, { "\033=x", "x" }, { "a\033]never ends", "a" }, { "\x01", "\\x01" },
	};
	struct buf b = { 0 };
	size_t i;

	for (i = 0; i < LEN(is); i++) {
		b.n = 0;
		visible_add(&b, is[i].s, strlen(is[i].s), VISIBLE_PLAIN);
		ck_assert_str_eq(buf_str(&b), is[i].shown);
	}
	buf_free(&b);
}
END_TEST

START_TEST(widths)
{
	static const struct {
		const char *s;
		size_t width;
	} is[] = {
		{ "", 0 }, { "abc", 3 }, { "\xc3\xa4", 1 }, { "a\xcc\x88", 1 }, { "\xe6\x97\xa5", 2 }, { "\xea\xb0\x80", 2 },
		{ "\xef\xbc\xa1", 2 }, { "\xf0\x9f\x98\x80", 2 }, { "\xe2\x9c\x85", 2 }, { "\033[31mred\033[0m", 3 },
	};
	size_t i;

	for (i = 0; i < LEN(is); i++)
		ck_assert_uint_eq(width_of(is[i].s, strlen(is[i].s)), is[i].width);
	ck_assert_uint_eq(live_lines("123456\n\n1234567\n", 16, 80), 3);
	ck_assert_uint_eq(live_lines("123456\n\n1234567\n", 16, 6), 4);
	ck_assert_uint_eq(live_lines("123456\n\n1234567\n", 16, 3), 6);
	ck_assert_uint_eq(live_lines("", 0, 3), 0);
}
END_TEST

START_TEST(colours)
{
	struct live v = counted(80, 24);

	v.colour = 1;
	help_has(frame(v, some, 3), "3 kept, \033[31m1 failed\033[0m, 8 running");
	ck_assert_int_eq(help_count(frame(v, some, 3), "\033"), 2);
	v.failed = 0;
	help_lacks(frame(v, some, 3), "\033");
}
END_TEST

START_TEST(last_lines)
{
	static const struct {
		const char *s, *last;
	} is[] = {
		{ "", "" }, { "one", "one" }, { "one\n", "one" }, { "one\n\n \n", "one" }, { "one\ntwo", "two" }, { "\n", "" },
		{ " 10%\r 20%\r", "20%" }, { "one\r\n", "one" }, { "one\n\t two \n", "two" },
		{ "10%\r\033[K20%\r\033[K", "\033[K20%" }, { "one\n\033[0m\n", "one" }, { "one\r\033[2", "one" }, { "\033[K", "" }, { "\033[K\r\033[K", "" },
	};
	size_t i, n;

	for (i = 0; i < LEN(is); i++) {
		const char *s = live_last(is[i].s, strlen(is[i].s), &n);

		ck_assert_msg(n == strlen(is[i].last) && !memcmp(s, is[i].last, n), "%d: `%.*s`", (int)i, (int)n, s);
	}
}
END_TEST

/* What is shown of a file that is being written begins and ends with a whole character. */
START_TEST(the_end_of_a_file_has_whole_characters)
{
	struct store s = { 0 };
	char text[3 * WATCH_BYTES];
	size_t n, i;

	s.tmp = open(".", O_RDONLY | O_DIRECTORY);
	s.errors = s.tmp;
	for (i = 0; i < sizeof text; i++)
		text[i] = "\xe6\x97\xa5"[i % 3];
	for (n = 1; n < sizeof text; n += n < 8 ? 1 : n < sizeof text - 8 ? sizeof text - 15 : 1) {
		struct watch w;

		memset(&w, 0, sizeof w);
		help_bytes("x", text, n);
		watch_look(&w, &s, "x");
		ck_assert_uint_eq(w.n % 3, 0);
		ck_assert(w.n || n < 3);
		ck_assert(!w.n || !memcmp(w.text + w.from, text, w.n));
	}
}
END_TEST

/* And with no part of an escape sequence, wherever it is cut: all that is seen is x and y. */
START_TEST(the_end_of_a_file_has_whole_sequences)
{
	static const char coloured[] = "x\033[38;5;31my\033[0K\033]0;title\a";
	struct store s = { 0 };
	char text[3 * WATCH_BYTES];
	size_t n, i;

	s.tmp = open(".", O_RDONLY | O_DIRECTORY);
	s.errors = s.tmp;
	for (i = 0; i < sizeof text; i++)
		text[i] = coloured[i % (sizeof coloured - 1)];
	for (n = WATCH_BYTES - 30; n < WATCH_BYTES + 60; n++) {
		struct watch w;
		struct buf b = { 0 };

		memset(&w, 0, sizeof w);
		help_bytes("x", text, n);
		watch_look(&w, &s, "x");
		visible_add(&b, w.text + w.from, w.n, VISIBLE_PLAIN);
		ck_assert_uint_gt(b.n, 10);
		ck_assert_msg(strspn(buf_str(&b), "xy") == b.n, "of %lu bytes: %s", (unsigned long)n, b.s);
		buf_free(&b);
	}
}
END_TEST

START_TEST(what_is_cut_out_of_a_text)
{
	static const struct {
		const char *s;
		size_t at, rest;
	} is[] = {
		{ "abc", 1, 0 }, { "a\033[31mb", 2, 4 }, { "a\033[31mb", 5, 1 }, { "a\033[31mb", 6, 0 }, { "a\033[3", 2, 2 }, { "a\033]never\nb", 3, 5 },
		{ "\033]0;t\033\\b", 2, 5 }, { "\033[0m\033[1mx", 5, 3 }, { "\xe6\x97\xa5", 1, 2 }, { "", 0, 0 }, { "\033", 1, 0 },
	};
	size_t i;

	for (i = 0; i < LEN(is); i++)
		ck_assert_msg(plain_rest(is[i].s, strlen(is[i].s), is[i].at) == is[i].rest, "%d: %lu", (int)i,
		    (unsigned long)plain_rest(is[i].s, strlen(is[i].s), is[i].at));
}
END_TEST

/* The rows that lines take at least, and what of them fills so many. */
START_TEST(what_fills_a_screen)
{
	static const struct {
		const char *s;
		size_t rows;
		int width;
		size_t tail;
	} is[] = {
		{ "", 3, 10, 0 }, { "a\nb\nc\n", 2, 10, 4 }, { "a\nb\nc\n", 0, 10, 0 }, { "a\nb\nc\n", 9, 10, 6 }, { "a\nb\nc", 2, 10, 3 },
		{ "a\n12345678901\nb\n", 2, 10, 14 }, { "a\n12345678901\nb\n", 3, 10, 14 }, { "a\n12345678901\nb\n", 4, 10, 16 }, { "a\n\n\nb\n", 3, 10, 4 },
		{ "a\n\033[31m123\033[0m\n", 1, 3, 13 }, { "a\n\033[31m123\033[0m\n", 2, 3, 15 }, { "a\n\xe6\x97\xa5\xe6\x97\xa5\n", 2, 2, 9 },
	};
	size_t i;

	for (i = 0; i < LEN(is); i++)
		ck_assert_msg(live_tail(is[i].s, strlen(is[i].s), is[i].rows, is[i].width) == is[i].tail, "%d: %lu", (int)i,
		    (unsigned long)live_tail(is[i].s, strlen(is[i].s), is[i].rows, is[i].width));
}
END_TEST

START_TEST(estimates)
{
	struct live_times t = { 0 };
	struct live_work w = { 0 }, none = { 0 };
	int a = 0, b = 0;

	live_work_add(&none, &t, &a, 5, -1);
	ck_assert(live_left(&none, 2) == 0);
	live_took(&t, &a, 1000);
	live_took(&t, &a, 3000);
	live_took(&t, &b, 60000);
	live_work_add(&w, &t, &a, 10, -1);
	ck_assert(live_left(&w, 2) == 10000);
	ck_assert(!w.more);
	live_work_add(&w, &t, &a, 1, 500);
	live_work_add(&w, &t, &a, 1, 9000);
	ck_assert(live_left(&w, 2) == 10750);
	ck_assert(live_left(&w, 0) == 0);
	live_work_add(&w, &t, &b, 1, 20000);
	ck_assert(live_left(&w, 3) == 40000);
	live_work_add(&w, &t, &w, 1, -1);
	ck_assert(w.more);
}
END_TEST

START_TEST(signs_of_life)
{
	struct live_silence s = { 0 };

	ck_assert(live_silent(&s, 5000, 0, 1000) == 1000);
	ck_assert(live_silent(&s, 5400, 0, 1000) == 600);
	ck_assert(live_silent(&s, 6000, 0, 1000) == 0);
	ck_assert(live_silent(&s, 6000, 0, 1000) == 1000);
	ck_assert(live_silent(&s, 7000, 0, 1000) == 0);
	ck_assert(live_silent(&s, 7001, 0, 1000) == 1999);
	ck_assert(live_silent(&s, 9000, 0, 1000) == 0);
	ck_assert(live_silent(&s, 9000, 0, 1000) == 4000);
	ck_assert(live_silent(&s, 12000, 1, 1000) == 1000);
	ck_assert(live_silent(&s, 13000, 0, 1000) == 0);
	/* A machine that slept gives one, not many. */
	ck_assert(live_silent(&s, 99000, 0, 1000) == 0);
	ck_assert(live_silent(&s, 99001, 0, 1000) > 0);
}
END_TEST

/* The end of a walk of a minute or more rings, where somebody can hear it. */
START_TEST(the_end_rings)
{
	struct progress p = { 0 };
	int bell, ms, loud;

	for (bell = 0; bell < 2; bell++)
		for (ms = 59999; ms <= 60000; ms++)
			for (loud = LOUD_QUIET; loud <= LOUD_NORMAL; loud++) {
				p.out.n = 0;
				p.has_bell = bell;
				p.loud = (enum loudness)loud;
				progress_end(&p, "x", loud == LOUD_QUIET, ms, "", "", "");
				ck_assert_int_eq(help_count(buf_str(&p.out), "\a"), bell && ms == 60000);
			}
	buf_free(&p.out);
}
END_TEST

START_TEST(what_a_sign_says)
{
	struct progress p = { 0 };

	progress_quiet(&p, "review-auth", 240000, 180000, 2);
	progress_quiet(&p, "a\033b", 60000, -1, 1);
	progress_quiet(&p, "c", 120000, 0, 0);
	ck_assert_str_eq(buf_str(&p.out),
	    "orch: review-auth has been running for 4m, and last wrote something 3m ago; 2 others run\n"
	    "orch: a\\x1bb has been running for 1m, and has written nothing yet; 1 other runs\n"
	    "orch: c has been running for 2m, and last wrote something 1s ago\n");
}
END_TEST

/* The terminal. */

/* All that was shown, as it stands on a terminal WIDTH wide and very high: its lines. */
static struct vt high;

static const char *
on_screen(int width)
{
	vt_close(&high);
	vt_open(&high, width, 200, 0);
	vt_take(&high, pty.seen, pty.n);
	return vt_all(&high);
}

/* Waits until NEEDLE stands on the screen. */
static void
expect_on_screen(const char *needle)
{
	long long until = help_ms() + SOON;

	while (!strstr(on_screen(80), needle)) {
		ck_assert_msg(help_ms() < until, "`%s` is not on the screen, but:\n%s\n%s", needle, on_screen(80), pty_shown());
		pty_look(5);
	}
}

static void
begin(void)
{
	procs_begin();
	setenv("LC_ALL", "C", 1);
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	unsetenv("ENV");
}

static void
end(void)
{
	ck_assert_msg(!pty.pid, "the test has not waited for its program");
	procs_none_left(SOON);
	help_end();
}

/* A step says SAID and waits for the file go. */
#define WAITS "until test -f go; do sleep 0.02; done"

START_TEST(it_appears_and_is_gone_at_the_end)
{
	help_file("f.orch", "run sh as one | echo 'first line'; echo 'last line'; " WAITS, "run sh as two | :", NULL);
	pty_command("exec orch run -r x f.orch");
	expect_on_screen("s  last line\n1 running, 1 waiting  ");
	help_has(on_screen(80), "orch: run x\n  one      ");
	help_file("go", NULL);
	pty_ends(0);
	help_in_order(on_screen(80), (const char *const[]){ "orch: run x\ndone      one  ", "\ndone      two  ",
	    "\norch: run x is complete: 2 done" }, 3);
	help_lacks(on_screen(80), "running");
	help_lacks(on_screen(80), "last line");
	ck_assert_int_eq(high.row, 4);
	ck_assert_int_eq(high.col, 0);
}
END_TEST

START_TEST(the_latest_line_of_either_stream)
{
	help_file("f.orch", "run sh as one | echo out; until test -f a; do sleep 0.02; done; echo err >&2; "
	    "until test -f b; do sleep 0.02; done; echo again; " WAITS, NULL);
	pty_command("exec orch run -r x f.orch");
	expect_on_screen("s  out");
	help_file("a", NULL);
	expect_on_screen("s  err");
	help_file("b", NULL);
	expect_on_screen("s  again");
	help_file("go", NULL);
	pty_ends(0);
}
END_TEST

/* What is left is counted as far as it is known. */
START_TEST(what_waits_is_counted)
{
	static const struct {
		const char *lines[6], *counts;
	} is[] = {
		{ { "parallel max 2 i in 1..9", "run sh as a-{{i}} | " WAITS, "run sh as b-{{i}} | " WAITS, "end", "run sh as c | :", NULL },
		    "2 running, 17 waiting  " },
		{ { "for i in 1..3", "run sh as a-{{i}} | " WAITS, "run sh as b-{{i}} | :", "end", NULL }, "1 running, 5 waiting  " },
		{ { "run sh as l | echo 1; " WAITS, "parallel i in < l", "run sh as a-{{i}} | :", "end", "run sh as b | :", NULL },
		    "1 running, 1+ waiting  " },
		{ { "for i in 1..3", "run sh as a-{{i}} | " WAITS, "if true", "break", "end", "end" }, "1 running, maybe more  " },
		{ { "run sh as a | " WAITS, "if true", "run sh as b | :", "end", "run sh as c | :", NULL }, "1 running, 1+ waiting  " },
		{ { "parallel", "run sh as a | " WAITS, "run sh as b | " WAITS, "end", "call g.orch", NULL }, "2 running, 3 waiting  " },
		{ { "parallel i in 1 2", "run sh as a-{{i}} | test $i = 2; " WAITS, "end", "run sh as b | :", NULL },
		    "1 failed, 1 running  " },
		{ { "run sh as a | " WAITS, "print | x", "stop", "run sh as b | :", NULL }, "1 running  " },
	};
	int i = _i;

	help_file("g.orch", "parallel max 1 i in 1..3", "run sh as {{i}} | :", "end", NULL);
	help_file("f.orch", is[i].lines[0], is[i].lines[1], is[i].lines[2], is[i].lines[3], is[i].lines[4], is[i].lines[5], NULL);
	pty_command("exec orch run -r x f.orch");
	expect_on_screen(is[i].counts);
	help_file("go", NULL);
	pty_ends(help_count(is[i].counts, "failed"));
}
END_TEST

START_TEST(an_estimate_from_the_steps_of_the_block)
{
	help_file("f.orch", "parallel max 1 i in 1..4", "run sh as a-{{i}} | test $i != 2 || { " WAITS "; }; sleep 1.1", "end", NULL);
	pty_command("exec orch run -r x f.orch");
	expect_on_screen("1 done, 1 running, 2 waiting  ");
	expect_on_screen("s  about ");
	help_file("go", NULL);
	pty_ends(0);
}
END_TEST

/* When one step follows another, the view is not seen without any; on a busy machine it may be, once or twice. */
START_TEST(it_stands_still)
{
	help_file("f.orch", "for i in 1..6", "run sh as s-{{i}} | sleep 0.3", "end", "run sh as last | " WAITS, NULL);
	pty_command("exec orch run -r x f.orch");
	expect_on_screen("6 done, 1 running");
	ck_assert_int_lt(help_count(pty.seen, "done, 5 waiting") + help_count(pty.seen, "done, 4 waiting") +
	    help_count(pty.seen, "done, 3 waiting") + help_count(pty.seen, "done, 2 waiting"), 4);
	help_file("go", NULL);
	pty_ends(0);
}
END_TEST

START_TEST(another_try)
{
	help_file("f.orch", "run sh as one | test -f second || { : >second; exit 3; }; " WAITS, "retry 1 1s", NULL);
	pty_command("exec orch run -r x f.orch");
	expect_on_screen("retry     one  attempt 1: exit status 3");
	expect_on_screen("s  attempt 2\n");
	help_file("go", NULL);
	pty_ends(0);
}
END_TEST

/* A terminal with a size, which changes, and on which somebody types: vt takes what is shown as it comes. */

static struct vt vt;
static size_t taken;            /* of pty.seen */

static void
tell_size(int width, int height)
{
	struct winsize size;

	memset(&size, 0, sizeof size);
	size.ws_col = (unsigned short)width;
	size.ws_row = (unsigned short)height;
	ck_assert_int_eq(ioctl(pty.master, TIOCSWINSZ, &size), 0);
}

/* Starts a command on a terminal of that size. */
static void
on_terminal(int width, int height, int does, const char *command)
{
	char line[256];

	vt_open(&vt, width, height, does);
	taken = 0;
	snprintf(line, sizeof line, "stty cols %d rows %d; %s", width, height, command);
	pty_command(line);
}

static void
take_shown(void)
{
	while (pty_look(0))
		;
	taken += vt_take(&vt, pty.seen + taken, pty.n - taken);
}

/* As a terminal does it: first itself, then it tells. */
static void
resize(int width, int height)
{
	take_shown();
	vt_resize(&vt, width, height);
	tell_size(width, height);
}

/* S as one line: what is too long for a narrow terminal is whole again. */
static const char *
unwrapped(const char *s)
{
	static struct buf b;

	for (b.n = 0; *s; s++)
		if (*s != '\n')
			buf_char(&b, *s);
	return buf_str(&b);
}

static void
take_shown_last(void)
{
	taken += vt_take(&vt, pty.seen + taken, pty.n - taken);
}

static void
expect_in(const char *(*text)(const struct vt *), const char *needle)
{
	long long until = help_ms() + SOON;

	for (take_shown(); !strstr(unwrapped(text(&vt)), needle); take_shown()) {
		ck_assert_msg(help_ms() < until, "`%s` is not on the screen, but:\n%s\n%s", needle, vt_screen(&vt), pty_shown());
		pty_look(5);
	}
}

static void
expect_in_vt(const char *needle)
{
	expect_in(vt_screen, needle);
}

START_TEST(another_size)
{
	help_file("f.orch", "parallel i in 1..20", "run sh as step-number-{{i}} | echo here i''s a line that is long; " WAITS, "end", NULL);
	on_terminal(80, 24, _i, "exec orch run -r x f.orch");
	expect_in_vt("  and 2 more20 running");
	help_has(vt_screen(&vt), "here is a line that is long\n");
	help_in_order(vt_screen(&vt), (const char *const[]){ "  step-number-1 ", "  step-number-2 ", "  step-number-17 ", "  step-number-18 " }, 4);
	resize(20, 10);
	expect_in_vt("and 16 more20 running");
	help_has(vt_screen(&vt), "...number-1      ");
	resize(80, 30);
	expect_in_vt("  step-number-20      ");
	help_lacks(vt_screen(&vt), "more");
	ck_assert_int_eq(help_count(vt_screen(&vt), "running"), 1);
	help_file("go", NULL);
	pty_ends(0);
	take_shown_last();
	help_lacks(vt_screen(&vt), "running");
	ck_assert_int_eq(help_count(vt_all(&vt), "done      step-number-"), 20);
	vt_close(&vt);
}
END_TEST

/* What happens to the terminal: text is typed, and then it gets another size. */
struct happens {
	const char *typed;
	int width, height;
};

#define WIDE_TEXT "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"
#define LONG_TEXT "a text that is so long that it is broken into several lines of each terminal that is not very wide, as this is "

/* Gates open one after another, and each says something and prints something. */
static void
write_gates(void)
{
	help_file("f.orch", "parallel max 3 i in 1..20", "run sh as gate-{{i}} | echo here; until test -f open-$i -o -f go; do sleep 0.02; done",
	    "print | printed-{{i}} " WIDE_TEXT " " LONG_TEXT "end-{{i}}", "end", NULL);
}

/* Opens a gate, and waits until that is told. */
static void
open_gate(int i)
{
	char name[64];

	snprintf(name, sizeof name, "open-%d", i);
	help_file(name, NULL);
	snprintf(name, sizeof name, "end-%d", i);
	expect_in(vt_all, name);
	snprintf(name, sizeof name, "%d done", i);
	if (vt.height > 1 && vt.width > 8)
		expect_in_vt(name);
}

/* Of the view, and of what was said, nothing is on the screen twice, and nothing that was said is lost. */
static void
is_drawn(int gates)
{
	const char *s = vt_screen(&vt);
	char text[64];
	int i;

	for (i = 1; i <= 20; i++) {
		snprintf(text, sizeof text, "gate-%d ", i);
		ck_assert_msg(help_count(s, text) <= 1, "`%s` is there more than once:\n%s", text, s);
	}
	ck_assert_msg(help_count(s, " done") == (vt.height > 1 && vt.width > 8), "the view is not there:\n%s", s);
	for (i = 1; i <= gates; i++) {
		snprintf(text, sizeof text, "done      gate-%d ", i);
		ck_assert_msg(help_count(unwrapped(vt_screen(&vt)), text) <= 1, "`%s` is there twice:\n%s", text, vt_screen(&vt));
		ck_assert_msg(help_count(unwrapped(vt_all(&vt)), text) >= 1, "`%s` is lost:\n%s", text, vt_all(&vt));
		snprintf(text, sizeof text, "printed-%d ", i);
		ck_assert_msg(help_count(unwrapped(vt_screen(&vt)), text) <= 1, "`%s` is there twice:\n%s", text, vt_screen(&vt));
		ck_assert_msg(help_count(unwrapped(vt_all(&vt)), text) >= 1, "`%s` is lost:\n%s", text, vt_all(&vt));
	}
}

/* The same, and what was there before the run is in the scrollback, once. */
static void
is_clean(int gates)
{
	char text[64];
	int i;

	is_drawn(gates);
	for (i = 1; i <= 9; i++) {
		snprintf(text, sizeof text, "earlier-%d", i);
		ck_assert_msg(help_count(unwrapped(vt_all(&vt)), text) == 1, "`%s` is lost:\n%s", text, vt_all(&vt));
	}
}

/* What is typed is drawn over, and is still there for who reads next; no mode of the terminal is another meanwhile. */
START_TEST(what_is_typed_is_for_the_shell)
{
	struct termios before, now;

	write_gates();
	on_terminal(80, 24, VT_REFLOWS, "orch run -r x f.orch; "
	    "IFS= read -r line; echo \"<$line>\" >line; IFS= read -r line; echo \"<$line>\" >>line");
	expect_in_vt("gate-3 ");
	ck_assert_int_eq(tcgetattr(pty.master, &before), 0);
	open_gate(1);
	pty_type("an answer\nanother\n");
	open_gate(2);
	is_drawn(2);
	ck_assert_int_eq(tcgetattr(pty.master, &now), 0);
	ck_assert(now.c_lflag == before.c_lflag && now.c_iflag == before.c_iflag && now.c_oflag == before.c_oflag);
	help_file("go", NULL);
	pty_ends(0);
	help_is("line", "<an answer>\n<another>\n");
	vt_close(&vt);
}
END_TEST

/* Waits until the screen was painted from its first row on N times. */
static void
expect_painted(int n)
{
	long long until = help_ms() + SOON;

	for (take_shown(); help_count(pty.seen, "\033[H") < n; take_shown()) {
		ck_assert_msg(help_ms() < until, "the screen is not painted:\n%s", pty_shown());
		pty_look(5);
	}
}

/* An interrupt drops what was typed, but moves nothing. */
START_TEST(it_is_painted_for_what_was_echoed_alone)
{
	help_file("f.orch", "run sh as one | echo here; " WAITS, NULL);
	on_terminal(80, 24, 0, "exec orch run -r x f.orch");
	expect_in_vt("1 running");
	expect_in_vt("1 running  1s");
	ck_assert_int_eq(help_count(pty.seen, "\033[H"), 0);
	pty_type("\n");
	expect_painted(1);
	expect_in_vt("1 running  3s");
	ck_assert_int_eq(help_count(pty.seen, "\033[H"), 1);
	pty_type("\003");
	pty_ends(128 + SIGINT);
	ck_assert_int_eq(help_count(pty.seen, "\033[H"), 1);
	help_file("go", NULL);
	vt_close(&vt);
}
END_TEST

START_TEST(a_terminal_without_a_size_is_never_painted_from_its_first_row)
{
	help_file("f.orch", "run sh as one | echo here; " WAITS, NULL);
	pty_command("exec orch run -r x f.orch");
	expect_on_screen("1 running");
	pty_type("\n");
	expect_on_screen("1 running  2s");
	help_file("go", NULL);
	pty_ends(0);
	help_lacks(pty.seen, "\033[H");
}
END_TEST

/* What others write between is kept in the scrollback: a shell, and whoever it is that asks. */
START_TEST(what_others_wrote_is_not_painted_over)
{
	write_gates();
	setenv("TERM", "dumb", 1);
	if (!pty_shell("bash")) {
		help_skip("live_test", "bash");
		return;
	}
	pty.n = pty.from = 0;
	pty_type("stty cols 80 rows 24; TERM=xterm orch run -r x f.orch\n");
	vt_open(&vt, 80, 24, 0);
	taken = 0;
	expect_in_vt("gate-3 ");
	pty_type("\n");
	open_gate(1);
	is_drawn(1);
	pty_type("\032");
	pty_shell_back("stopped-now");
	pty_type("fg\n");
	expect_in_vt("1 done, 3 running");
	pty_type("\n");
	open_gate(2);
	ck_assert_int_eq(help_count(vt_screen(&vt), " done, 3 running"), 1);
	help_has(vt_all(&vt), "\nstopped-now ");
	help_file("go", NULL);
	expect_in_vt("is complete");
	pty_shell_leave();
	vt_close(&vt);
}
END_TEST

START_TEST(what_a_question_has_shown_is_not_painted_over)
{
	help_file("f.orch", "run sh as one | until test -f a; do sleep 0.02; done", "ask q yes no | Well?", "run sh as two | " WAITS, NULL);
	on_terminal(80, 24, 0, "exec orch run -r x f.orch");
	expect_in_vt("1 running");
	pty_type("\n");
	expect_painted(1);
	resize(70, 20);
	expect_painted(2);
	tcflush(pty.master, TCIFLUSH);
	help_file("a", NULL);
	expect_in_vt("(yes / no) > ");
	pty_type("yes\n");
	expect_in_vt("2 done, 1 running");
	resize(60, 20);
	expect_painted(3);
	help_has(vt_all(&vt), "(yes / no) > ");
	help_has(vt_all(&vt), "Well?\n");
	help_file("go", NULL);
	pty_ends(0);
	vt_close(&vt);
}
END_TEST

/* A line that is longer than what is kept, by less than is written at once. */
START_TEST(what_is_not_kept_is_not_painted_over)
{
	help_file("f.orch", "run sh as one | until test -f a; do sleep 0.02; done; head -c 65900 /dev/zero | tr '\\0' x; echo the-end", "print | {{one}}",
	    "run sh as two | " WAITS, NULL);
	on_terminal(80, 24, 0, "exec orch run -r x f.orch");
	expect_in_vt("1 running");
	pty_type("\n");
	expect_painted(1);
	help_file("a", NULL);
	expect_in_vt("1 done, 1 running");
	expect_in_vt("the-end");
	pty_type("\n");
	expect_painted(2);
	ck_assert_ptr_nonnull(strstr(unwrapped(vt_all(&vt)), "the-end"));
	help_file("go", NULL);
	pty_ends(0);
	take_shown_last();
	help_lacks(vt_screen(&vt), "running");
	vt_close(&vt);
}
END_TEST

/* Each of it on each kind of terminal, of several sizes. */
START_TEST(a_terminal_that_changes_is_drawn_clean)
{
	static const struct happens all[][10] = {
		{ { "\n", 0, 0 }, { "\n\n\n", 0, 0 }, { "text\n", 0, 0 }, { LONG_TEXT "\n", 0, 0 }, { "not ended", 0, 0 }, { "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n", 0, 0 } },
		{ { "", 60, 24 }, { "", 30, 24 }, { "", 80, 24 }, { "", 120, 24 }, { "", 20, 24 } },
		{ { "", 80, 10 }, { "", 80, 6 }, { "", 80, 24 }, { "", 80, 60 }, { "", 80, 4 }, { "", 80, 2 }, { "", 80, 24 } },
		{ { "\n", 40, 12 }, { "text\n", 100, 30 }, { "\n\n", 13, 8 }, { "\n", 80, 24 }, { "\n", 60, 50 } },
		{ { "", 10, 24 }, { "\n", 9, 4 }, { "\n", 10, 3 }, { "\n", 10, 2 }, { "", 80, 24 }, { "\n", 5, 5 }, { "\n", 80, 1 }, { "\n", 80, 24 } },
	};
	static const int sizes[][2] = { { 80, 24 }, { 40, 12 }, { 132, 50 } };
	const struct happens *h = all[_i % LEN(all)];
	int i, kind = _i / (int)LEN(all), n;

	write_gates();
	on_terminal(sizes[_i % 3][0], sizes[_i % 3][1], kind, "for i in 1 2 3 4 5 6 7 8 9; do echo earlier-$i; done; exec orch run -r x f.orch");
	expect_in_vt("gate-3 ");
	open_gate(1);
	for (i = 0; i < 10 && h[i].typed; i++) {
		pty_type(h[i].typed);
		if (h[i].width)
			resize(h[i].width, h[i].height);
		n = i + 2;
		open_gate(n);
		is_clean(n);
	}
	help_file("go", NULL);
	pty_ends(0);
	take_shown_last();
	help_lacks(vt_screen(&vt), "running");
	for (n = 1; n <= 20; n++) {
		char text[64];

		snprintf(text, sizeof text, "done      gate-%d ", n);
		help_has(unwrapped(vt_all(&vt)), text);
	}
	vt_close(&vt);
}
END_TEST

START_TEST(it_is_gone_after_an_interrupt)
{
	help_file("f.orch", "step s exec agent touch up sleep 60000", "parallel i in 1..3", "run s as s-{{i}}", "end", NULL);
	pty_command("exec orch run -r x f.orch");
	expect_on_screen("3 running");
	pty_type("\003");
	pty_ends(128 + SIGINT);
	help_in_order(on_screen(80), (const char *const[]){ "orch: run x\norch: run x was interrupted: 3 interrupted, in ",
	    "\norch: to resume: " }, 2);
	ck_assert_int_eq(help_count(on_screen(80), "\n"), 3);
	ck_assert_int_eq(high.col, 0);
}
END_TEST

START_TEST(it_says_that_it_is_stopping)
{
	help_file("f.orch", "run sh as one | trap '' TERM; : >up; " WAITS, NULL);
	pty_command("exec orch run -r x f.orch");
	expect_on_screen("1 running");
	pty_await_file("up");
	pty_type("\003");
	expect_on_screen("stopping: 1 running");
	help_file("go", NULL);
	pty_ends(128 + SIGINT);
	help_lacks(on_screen(80), "stopping");
}
END_TEST

START_TEST(a_failure_stands_above_it)
{
	help_file("f.orch", "parallel", "run sh as bad | echo it is; echo because >&2; exit 3", "run sh as other | " WAITS, "end", NULL);
	pty_command("exec orch run -r x f.orch");
	expect_on_screen("1 failed, 1 running");
	help_in_order(on_screen(80), (const char *const[]){ "failed    bad  exit status 3\n    out| it is\n    err| because\n",
	    "  other  ", "\n1 failed, 1 running" }, 3);
	help_has(pty.seen, "\033[31mfailed    ");
	help_file("go", NULL);
	pty_ends(1);
	help_lacks(on_screen(80), "running");
	help_has(on_screen(80), "    err| because\n");
}
END_TEST

/* What is shown of a long text has no part of an escape sequence, wherever it is cut. */
START_TEST(a_failure_is_shown_in_whole_sequences)
{
	const char *err;
	int i;

	help_file("f.orch", "parallel i in 1..12",
	    "run sh as f-{{i}} | printf %${i}s; for j in $(seq 300); do printf 'x\\033[38;5;31my'; done; exit 3", "end", NULL);
	err = help_sh(1, "orch run -r x f.orch").err;
	ck_assert_int_eq(help_count(err, "x1b"), 0);
	ck_assert_int_eq(help_count(err, "    out| "), 12);
	for (i = 0; i < 12; i++) {
		err = strstr(err, "    out| ") + 9;
		ck_assert_int_gt((int)strspn(err, "xy"), 200);
		ck_assert_int_eq(err[strspn(err, "xy")], '\n');
	}
}
END_TEST

START_TEST(nothing_is_left_behind_by_a_kill)
{
	help_file("f.orch", "run sh as one | echo here; " WAITS, NULL);
	pty_command("orch run -r x f.orch; echo the prompt");
	expect_on_screen("s  here");
	kill((pid_t)atol(strstr(help_read(".orch/x/log", NULL), "\twalk\t") + 6), SIGKILL);
	pty_expect("the prompt");
	pty_ends(0);
	help_lacks(pty.seen, "\033[?");
	help_lacks(pty.seen, "\0337");
	help_has(on_screen(80), "\nthe prompt\n");
	help_has(on_screen(80), "\n1 running");
	help_file("go", NULL);
}
END_TEST

/* Where it would not be understood, or not be wanted. */
START_TEST(there_is_none)
{
	static const char *const commands[] = {
		"TERM=dumb exec orch run -r x f.orch", "unset TERM; exec orch run -r x f.orch", "exec orch run -q -r x f.orch",
		"exec orch run -r x f.orch 2>err",
	};

	help_file("f.orch", "run sh as one | sleep 0.6", "run sh as bad | exit 3", NULL);
	pty_command(commands[_i]);
	pty_ends(1);
	help_lacks(pty.seen, "\033");
	help_lacks(pty.seen, "running");
	if (_i == 3)
		help_lacks(help_read("err", NULL), "\033");
	else
		help_has(pty.seen, "failed    bad  exit status 3");
}
END_TEST

START_TEST(no_colour)
{
	help_file("f.orch", "run sh as one | :", "parallel", "run sh as bad | exit 3", "run sh as two | sleep 0.6", "end", NULL);
	pty_command("NO_COLOR=1 exec orch run -r x f.orch");
	pty_ends(1);
	help_has(pty.seen, "1 done, 1 failed, 1 running");
	pty_command("NO_COLOR=1 exec orch resume -r x");
	pty_ends(1);
	help_lacks(pty.seen, "m1 failed");
	help_lacks(pty.seen, "mfailed");
	help_lacks(pty.seen, "mkept");
	pty_command("NO_COLOR= exec orch resume -r x");
	pty_ends(1);
	help_has(pty.seen, "\033[31mfailed    ");
	help_has(pty.seen, "\033[2mkept      ");
}
END_TEST

START_TEST(who_has_the_terminal_has_it_alone)
{
	const char *seen;

	help_file("f.orch", "run sh as one | sleep 0.5", "run sh as talk | echo I talk; sleep 0.7; echo I end", "interactive",
	    "ask q yes no | Well?", "run sh as two | " WAITS, NULL);
	pty_command("exec orch run -r x f.orch");
	expect_on_screen("1 running, 3 waiting");
	pty_expect("I talk");
	seen = pty.seen + pty.from;
	pty_expect("I end");
	ck_assert_msg(!memchr(seen, '\033', (size_t)(pty.seen + pty.from - seen)), "it is seen:\n%s", pty_shown());
	pty_expect("Well?");
	help_pause(1500);
	pty_look(5);
	help_lacks(strstr(pty.seen, "Well?"), "\033");
	pty_type("yes\n");
	expect_on_screen("3 done, 1 running");
	help_in_order(on_screen(80), (const char *const[]){ "I talk\nI end\ndone      talk", "\nWell?\n(yes / no) > yes\ndone      q  ",
	    "\n  two  " }, 3);
	help_file("go", NULL);
	pty_ends(0);
}
END_TEST

START_TEST(what_is_typed_is_not_written_over)
{
	const char *seen;

	help_file("f.orch", "parallel", "run sh as one < - | cat", "run sh as two | " WAITS, "end", NULL);
	pty_command("stty rows 24 cols 80; exec orch run -r x f.orch");
	procs_await_file(".orch/x/tmp/two");
	help_pause(600);
	pty_type("typed\n");
	pty_expect("typed\r\n");
	seen = pty.seen + pty.from;
	help_pause(600);
	pty_look(5);
	help_lacks(seen, "\033");
	pty_type("\004");
	expect_on_screen("\ntyped\ndone      one");
	expect_on_screen("\n1 done, 1 running");
	help_file("go", NULL);
	pty_ends(0);
}
END_TEST

START_TEST(what_is_printed_stands_above_it)
{
	help_file("f.orch", "parallel max 2 i in 1..6", "run sh as s-{{i}} | sleep 0.$((i * 37 % 10)); seq 1 20",
	    "print | {{i}}:", "| {{s-{{i}}}}", "| end of {{i}}", "end", "run sh as last | " WAITS, NULL);
	pty_command("exec orch run -r x f.orch");
	expect_on_screen("6 done, 1 running");
	help_in_order(on_screen(80), (const char *const[]){ "\n1:\n1\n2\n3\n4\n", "\n19\n20\nend of 1", "\n2:\n1\n2\n", "\n20\nend of 2",
	    "\n6:\n1\n2\n", "\n20\nend of 6", "  last  " }, 7);
	ck_assert_int_eq(help_count(on_screen(80), "running"), 1);
	ck_assert_int_eq(help_count(on_screen(80), "\n7\n8\n9\n10\n"), 6);
	help_file("go", NULL);
	pty_ends(0);
}
END_TEST

START_TEST(a_terminal_that_is_stopped_stops_nobody)
{
	help_file("f.orch", "run sh as one | : >up; " WAITS, "run sh as two | sleep 0.5", "run sh as three | : >last; sleep 0.5", NULL);
	pty_command("exec orch run -r x f.orch");
	expect_on_screen("1 running");
	pty_type("\023");
	help_file("go", NULL);
	procs_await_file(RESULT "three");
	pty_type("\021");
	pty_ends(0);
	help_in_order(on_screen(80), (const char *const[]){ "\ndone      one  ", "\ndone      two  ", "\ndone      three  ", "\norch: run x is complete" }, 4);
	help_lacks(on_screen(80), "running");
}
END_TEST

/* More than a terminal holds, and nobody reads it. */
START_TEST(a_terminal_that_nobody_reads_stops_nobody)
{
	help_file("f.orch", "for i in 1..4", "run sh as s-{{i}} | seq 1 2200 >&2; sleep 0.4", "end", "run sh as last | :", NULL);
	pty_command("exec orch run -v -r x f.orch");
	procs_await_file(RESULT "last");
	pty_ends(0);
	help_has(pty.seen, "orch: run x is complete: 5 done");
}
END_TEST

START_TEST(it_is_not_there_in_the_background)
{
	setenv("TERM", "dumb", 1);
	if (!pty_shell("bash")) {
		help_skip("live_test", "bash");
		return;
	}
	help_file("f.orch", "run sh as one | echo here; " WAITS, NULL);
	pty_type("TERM=xterm orch run -r x f.orch 2>&1 &\n");
	procs_await_file(".orch/x/tmp/one");
	help_pause(800);
	pty_shell_back("now-back");
	help_lacks(pty.seen, "1 running");
	pty_type("fg\n");
	pty_expect("1 running");
	pty_type("\032");
	pty_shell_back("stopped-now");
	help_lacks(strstr(pty.seen, "Stopped"), "running");
	pty_type("fg\n");
	pty_expect("1 running");
	help_file("go", NULL);
	pty_expect("is complete");
	pty_shell_leave();
}
END_TEST

START_TEST(it_is_erased_before_a_stop)
{
	setenv("TERM", "dumb", 1);
	if (!pty_shell("bash")) {
		help_skip("live_test", "bash");
		return;
	}
	pty.n = pty.from = 0;
	help_file("f.orch", "run sh as one | echo here; " WAITS, NULL);
	pty_type("TERM=xterm orch run -r x f.orch\n");
	expect_on_screen("1 running");
	pty_type("\032");
	pty_expect("Stopped");
	help_lacks(on_screen(80), "1 running");
	help_lacks(on_screen(80), "s  here");
	pty_shell_back("stopped-now");
	pty_type("fg\n");
	expect_on_screen("1 running");
	help_file("go", NULL);
	pty_expect("is complete");
	pty_shell_leave();
	help_lacks(on_screen(80), "1 running");
}
END_TEST

Suite *
live_suite(void)
{
	Suite *s = suite_create("live");
	TCase *text = tcase_create("text"), *file = help_case(s, "end of a file", help_start, 30), *terminal = tcase_create("terminal"), *changes = tcase_create("changes");

	tcase_add_test(text, at_80_columns);
	tcase_add_test(text, the_example_of_the_manual);
	tcase_add_test(text, at_40_columns);
	tcase_add_test(text, at_10_columns_and_at_one);
	tcase_add_test(text, what_is_zero_is_left_out);
	tcase_add_test(text, it_fits);
	tcase_add_test(text, and_so_many_more);
	tcase_add_test(text, what_is_said_is_made_visible_and_cut);
	tcase_add_test(text, keys_are_told_apart);
	tcase_add_test(text, what_moves_and_colours_is_dropped);
	tcase_add_test(text, widths);
	tcase_add_test(text, colours);
	tcase_add_test(text, last_lines);
	tcase_add_test(file, the_end_of_a_file_has_whole_characters);
	tcase_add_test(file, the_end_of_a_file_has_whole_sequences);
	tcase_add_test(text, what_is_cut_out_of_a_text);
	tcase_add_test(text, what_fills_a_screen);
	tcase_add_test(text, estimates);
	tcase_add_test(text, signs_of_life);
	tcase_add_test(text, what_a_sign_says);
	tcase_add_test(text, the_end_rings);
	suite_add_tcase(s, text);

	tcase_set_timeout(terminal, 60);
	tcase_add_checked_fixture(terminal, begin, end);
	tcase_add_test(terminal, it_appears_and_is_gone_at_the_end);
	tcase_add_test(terminal, the_latest_line_of_either_stream);
	tcase_add_loop_test(terminal, what_waits_is_counted, 0, 8);
	tcase_add_test(terminal, an_estimate_from_the_steps_of_the_block);
	tcase_add_test(terminal, it_stands_still);
	tcase_add_test(terminal, another_try);
	tcase_add_test(terminal, it_is_gone_after_an_interrupt);
	tcase_add_test(terminal, it_says_that_it_is_stopping);
	tcase_add_test(terminal, a_failure_stands_above_it);
	tcase_add_test(terminal, a_failure_is_shown_in_whole_sequences);
	tcase_add_test(terminal, nothing_is_left_behind_by_a_kill);
	tcase_add_loop_test(terminal, there_is_none, 0, 4);
	tcase_add_test(terminal, no_colour);
	tcase_add_test(terminal, who_has_the_terminal_has_it_alone);
	tcase_add_test(terminal, what_is_typed_is_not_written_over);
	tcase_add_test(terminal, what_is_printed_stands_above_it);
	tcase_add_test(terminal, a_terminal_that_is_stopped_stops_nobody);
	tcase_add_test(terminal, a_terminal_that_nobody_reads_stops_nobody);
	tcase_add_test(terminal, it_is_not_there_in_the_background);
	tcase_add_test(terminal, it_is_erased_before_a_stop);
	suite_add_tcase(s, terminal);

	tcase_set_timeout(changes, 60);
	tcase_add_checked_fixture(changes, begin, end);
	tcase_add_loop_test(changes, another_size, 0, 4);
	tcase_add_test(changes, what_is_typed_is_for_the_shell);
	tcase_add_test(changes, it_is_painted_for_what_was_echoed_alone);
	tcase_add_test(changes, a_terminal_without_a_size_is_never_painted_from_its_first_row);
	tcase_add_test(changes, what_others_wrote_is_not_painted_over);
	tcase_add_test(changes, what_a_question_has_shown_is_not_painted_over);
	tcase_add_test(changes, what_is_not_kept_is_not_painted_over);
	tcase_add_loop_test(changes, a_terminal_that_changes_is_drawn_clean, 0, 20);
	suite_add_tcase(s, changes);
	return s;
}

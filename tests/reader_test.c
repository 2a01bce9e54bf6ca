/* What claude and codex write, read as it passes: the samples in tests/streams, against what jq finds in them, and lines
 * that nobody has sent yet. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/agent/stream.h"
#include "tests/help.h"
#include "tests/suites.h"

#ifndef TESTS_DIR
#define TESTS_DIR "tests"
#endif

enum { LINES = 83, NOW = 1795930000 };

/* What a stream has told. */
struct told {
	struct buf plain, candidate, result, activity;
	int has_result, dropped;
};

static struct stream stream;
static struct told told;

static void
on_plain(void *ctx, const char *s, size_t n)
{
	(void)ctx;
	buf_add(&told.plain, s, n);
}

static void
on_drop(void *ctx)
{
	(void)ctx;
	told.plain.n = 0;
	told.dropped++;
}

static void
on_begin(void *ctx)
{
	(void)ctx;
	told.candidate.n = 0;
}

static void
on_text(void *ctx, const char *s, size_t n)
{
	(void)ctx;
	buf_add(&told.candidate, s, n);
}

static void
on_keep(void *ctx)
{
	(void)ctx;
	told.has_result = 1;
	told.result.n = 0;
	buf_add(&told.result, told.candidate.s, told.candidate.n);
}

static void
on_activity(void *ctx, const char *s, size_t n)
{
	(void)ctx;
	buf_add(&told.activity, s, n);
	buf_char(&told.activity, '\n');
}

static const struct stream_ops ops = { NULL, on_plain, on_drop, on_begin, on_text, on_keep, on_activity };

static void
forget(void)
{
	buf_free(&told.plain);
	buf_free(&told.candidate);
	buf_free(&told.result);
	buf_free(&told.activity);
	memset(&told, 0, sizeof told);
}

/* Reads the N bytes at S, PIECE of them at a time. */
static void
feed(enum agent_kind kind, int is_own, const char *s, size_t n, size_t piece)
{
	size_t k;

	forget();
	stream_begin(&stream, kind, is_own, NULL, &ops);
	for (; n; s += k, n -= k) {
		k = n < piece ? n : piece;
		stream_feed(&stream, s, k);
	}
	stream_end(&stream);
}

static void
feed_text(enum agent_kind kind, const char *text)
{
	feed(kind, 0, text, strlen(text), 3);
}

/* cksum of POSIX. */
static uint32_t
cksum(const char *s, size_t n)
{
	uint32_t crc = 0;
	size_t left = n;
	int i;

	while (n-- || left) {
		unsigned char c;

		if (n == (size_t)-1) {
			n = 0;
			c = (unsigned char)(left & 0xff);
			left >>= 8;
		} else {
			c = (unsigned char)*s++;
		}
		crc ^= (uint32_t)c << 24;
		for (i = 0; i < 8; i++)
			crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7u : 0);
	}
	return ~crc;
}

static enum agent_kind
kind_of(const char *file)
{
	return !strncmp(file, "claude", 6) ? AGENT_CLAUDE : AGENT_CODEX;
}

static const char *
how(int status)
{
	static const struct {
		enum outcome_kind kind;
		const char *word;
	} words[] = { { OUT_OK, "answered" }, { OUT_RATE_LIMITED, "limited" }, { OUT_PERMANENT, "permanent" }, { OUT_ENDED, "failed" },
	    { OUT_EMPTY, "unended" }, { OUT_BUSY, "busy" } };
	struct verdict v;
	int i;

	stream_verdict(&stream, status, "", 0, NOW, &v);
	for (i = 0; i < LEN(words) && words[i].kind != v.kind; i++)
		;
	return i < LEN(words) ? words[i].word : "none";
}

static void
expect_sample(char *line, size_t piece)
{
	char *fields[9], *s = line, text[200];
	size_t n, i;
	struct usage u;
	struct buf money = { 0 };
	long long nanos = 0;
	char *bytes;

	for (i = 0; i < 9; i++) {
		fields[i] = s;
		s += strcspn(s, "\t\n");
		ck_assert_msg(*s, "%s: field %zu", line, i);
		*s++ = '\0';
	}
	snprintf(text, sizeof text, "%s/streams/%s", TESTS_DIR, fields[0]);
	bytes = help_read(text, &n);
	ck_assert_msg(n, "%s is not there", text);
	feed(kind_of(fields[0]), 0, bytes, n, piece);
	ck_assert_msg(stream.form == STREAM_RECORDS && told.dropped == 1 && !told.plain.n, "%s: is no stream", fields[0]);
	ck_assert_msg(!strcmp(how(0), fields[1]), "%s: %s, not %s", fields[0], how(0), fields[1]);
	ck_assert_msg(!strcmp(stream.session, fields[2]), "%s: session %s", fields[0], stream.session);
	stream_usage(&stream, &u);
	snprintf(text, sizeof text, "%lld %lld %lld", u.input, u.cached, u.output);
	fields[3][strlen(fields[3])] = fields[4][strlen(fields[4])] = ' ';
	ck_assert_msg(!strcmp(text, fields[3]), "%s: tokens %s, not %s", fields[0], text, fields[3]);
	if (*fields[6] == '-') {
		ck_assert_msg(!(u.told & USAGE_MONEY) && !(u.told & USAGE_UNTOLD) == !!strncmp(fields[0], "claude", 6), "%s: money", fields[0]);
	} else {
		ck_assert_int_eq(usage_money_parse(fields[6], strlen(fields[6]), &nanos), 0);
		ck_assert_msg((u.told & USAGE_MONEY) && !(u.told & USAGE_UNTOLD) && u.nanos == nanos, "%s: %lld, not %lld", fields[0], u.nanos, nanos);
	}
	buf_free(&money);
	if (*fields[7] == '-') {
		ck_assert_msg(strcmp(how(0), "answered"), "%s: there is a result", fields[0]);
	} else {
		ck_assert_msg(told.has_result, "%s: there is no result", fields[0]);
		snprintf(text, sizeof text, "%zu %lu", told.result.n, (unsigned long)cksum(told.result.s, told.result.n));
		fields[7][strlen(fields[7])] = ' ';
		ck_assert_msg(!strcmp(text, fields[7]), "%s: the result is %s, not %s", fields[0], text, fields[7]);
	}
	for (i = 0; i < told.activity.n; i++)
		ck_assert_msg((unsigned char)told.activity.s[i] >= ' ' || told.activity.s[i] == '\n', "%s: a control character", fields[0]);
	free(bytes);
}

START_TEST(samples)
{
	static const size_t pieces[] = { 1, 7, 4096, 1 << 20 };
	char *line = help_read(TESTS_DIR "/streams/expected", NULL), *end, copy[400];
	int lines = 0;

	for (; (end = strchr(line, '\n')); line = end + 1) {
		snprintf(copy, sizeof copy, "%.*s\n", (int)(end - line), line);
		expect_sample(copy, pieces[_i]);
		lines++;
	}
	ck_assert_int_eq(lines, LINES);
}
END_TEST

#define INIT "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s-1\"}\n"
#define RESULT_OK(text) "{\"result\":\"" text "\",\"is_error\":false,\"type\":\"result\",\"session_id\":\"s-1\"}\n"
#define THREAD "{\"type\":\"thread.started\",\"thread_id\":\"t-1\"}\n"
#define TURN "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":5,\"cached_input_tokens\":2,\"output_tokens\":1}}\n"

static void
expect_result(const char *text)
{
	ck_assert_msg(told.has_result && !strcmp(buf_str(&told.result), text), "the result is `%s`",
	    told.has_result ? buf_str(&told.result) : "none");
}

static void
expect_activity(const char *text)
{
	ck_assert_str_eq(buf_str(&told.activity), text);
}

START_TEST(activity)
{
	feed_text(AGENT_CLAUDE, INIT
	    "{\"type\":\"assistant\",\"message\":{\"id\":\"m\",\"content\":[{\"input\":{\"description\":\"Runs it\",\"command\":\"make check\\nmore\"},"
	    "\"name\":\"Bash\",\"type\":\"tool_use\"}]}}\n"
	    "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"name\":\"Edit\",\"input\":{\"old\":\"x\",\"file_path\":\"src/main.c\"}}]}}\n"
	    "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"\\n  First\\u001b[31m line.\\r\\nSecond\"}]}}\n"
	    "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"thinking\",\"thinking\":\"\"}]}}\n"
	    "{\"type\":\"system\",\"subtype\":\"api_retry\",\"attempt\":3,\"max_retries\":10,\"error_status\":529,\"error\":\"server_error\"}\n"
	    "{\"type\":\"system\",\"subtype\":\"what is new\",\"command\":\"no\"}\n"
	    "{\"type\":\"result\",\"is_error\":false,\"permission_denials\":[{\"tool_name\":\"Bash\"},{\"tool_name\":\"Edit\"}],\"result\":\"\"}\n");
	expect_activity("Bash make check\nEdit src/main.c\nFirst [31m line.\nthinking\nwaiting: overloaded, attempt 3 of 10\n2 tools denied\n");
	expect_result("");
	feed_text(AGENT_CODEX, THREAD
	    "{\"type\":\"item.started\",\"item\":{\"id\":\"i1\",\"type\":\"command_execution\",\"command\":\"/bin/bash -lc 'make check'\"}}\n"
	    "{\"type\":\"item.completed\",\"item\":{\"id\":\"i1\",\"type\":\"command_execution\",\"command\":\"/bin/bash -lc 'make check'\"}}\n"
	    "{\"type\":\"item.completed\",\"item\":{\"id\":\"i2\",\"type\":\"file_change\",\"changes\":[{\"path\":\"/w/a.txt\"},{\"path\":\"/w/b.txt\"}]}}\n"
	    "{\"type\":\"item.completed\",\"item\":{\"id\":\"i3\",\"type\":\"web_search\",\"query\":\"what\"}}\n"
	    "{\"type\":\"item.completed\",\"item\":{\"id\":\"i4\",\"type\":\"mcp_tool_call\",\"server\":\"db\",\"tool\":\"look\"}}\n"
	    "{\"type\":\"item.completed\",\"item\":{\"id\":\"i5\",\"type\":\"error\",\"message\":\"Model metadata\"}}\n"
	    "{\"type\":\"error\",\"message\":\"Reconnecting... 1/3 (no route)\"}\n"
	    "{\"type\":\"item.completed\",\"item\":{\"id\":\"i6\",\"type\":\"agent_message\",\"text\":\"Done.\\nAll of it.\"}}\n" TURN);
	expect_activity("bash make check\nedit /w/a.txt\nsearch what\ndb look\nwarning: Model metadata\n"
	    "waiting: Reconnecting... 1/3 (no route)\nDone.\n");
	expect_result("Done.\nAll of it.");
}
END_TEST

/* However long the text, a line stays one, and has an end. */
START_TEST(activity_is_bounded)
{
	struct buf b = { 0 };
	int i;

	buf_text(&b, INIT "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"");
	for (i = 0; i < 100000; i++)
		buf_text(&b, "\303\251");
	buf_text(&b, "\"}]}}\n");
	feed(AGENT_CLAUDE, 0, b.s, b.n, 1000);
	ck_assert_uint_lt(told.activity.n, 210);
	ck_assert_uint_gt(told.activity.n, 150);
	help_has(buf_str(&told.activity), "\303\251...\n");
	help_lacks(told.activity.s, "\\x");
	buf_free(&b);
}
END_TEST

static const struct {
	const char *json, *bytes;
	size_t n;
} escapes[] = {
	{ "a\\\"\\\\\\/\\b\\f\\n\\r\\tz", "a\"\\/\b\f\n\r\tz", 10 },
	{ "\\u0041\\u00e9\\u20AC", "A\303\251\342\202\254", 6 },
	{ "\\ud83c\\udf89", "\360\237\216\211", 4 },
	{ "\\ud83cx", "\357\277\275x", 4 },
	{ "\\udf89", "\357\277\275", 3 },
	{ "\\ud83c\\ud83c\\udf89", "\357\277\275\360\237\216\211", 7 },
	{ "\\ud83c\\n", "\357\277\275\n", 4 },
	{ "\\ud83c", "\357\277\275", 3 },
	{ "a\\u0000b", "a\0b", 3 },
	{ "\\u2028", "\342\200\250", 3 },
	{ "\377\300x", "\377\300x", 3 },
	{ "", "", 0 },
};

START_TEST(text_of_results)
{
	char line[400];
	size_t n, piece;

	n = (size_t)snprintf(line, sizeof line, "{\"result\":\"%s\",\"type\":\"result\",\"is_error\":false}\n", escapes[_i].json);
	for (piece = 1; piece < 9; piece++) {
		feed(AGENT_CLAUDE, 0, line, n, piece);
		ck_assert_msg(told.has_result && told.result.n == escapes[_i].n && !memcmp(told.result.s ? told.result.s : "", escapes[_i].bytes,
		    escapes[_i].n), "%s: `%s`", escapes[_i].json, buf_str(&told.result));
	}
}
END_TEST

/* What breaks off, or is not JSON at all, is as if it were not there. */
START_TEST(broken_lines)
{
	static const char *const lines[] = {
		"", "\r", "{", "}", "[", "{]", "[}", "{\"", "{\"type", "{\"type\":\"result\",\"result\":\"no", "{\"type\":\"result\",\"result\":\"no\"",
		"{\"result\":\"\\x\"}", "{\"result\":\"\\u12g4\"}", "{\"a\":}", "{\"a\" 1}", "{,}", "{\"a\":1,}", "[1,]", "null", "7", "\"text\"",
		"not json", "{\"a\":x}", "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]}", "{}", "[]", "[{}]", "[[]]",
		"{\"type\":\"other\",\"result\":\"no\",\"is_error\":true}", "{\"type\":7,\"result\":\"no\"}", "{\"result\":\"no\"}",
		"{\"x\":{\"type\":\"result\",\"result\":\"no\"}}", "{\"type\":\"other\",\"message\":{\"type\":\"result\"}}",
	};
	char text[1000];
	int i;

	for (i = 0; i < LEN(lines); i++) {
		snprintf(text, sizeof text, INIT "%s\n" RESULT_OK("well"), lines[i]);
		feed(AGENT_CLAUDE, 0, text, strlen(text), 5);
		ck_assert_msg(told.has_result && !strcmp(buf_str(&told.result), "well"), "%s: %s", lines[i], buf_str(&told.result));
		ck_assert_msg(!strcmp(how(0), "answered"), "%s: %s", lines[i], how(0));
		ck_assert_str_eq(stream.session, "s-1");
	}
}
END_TEST

/* Nothing is too deep or too long to be passed over. */
START_TEST(deep_and_long)
{
	struct buf b = { 0 };
	int i, depth;

	for (depth = 30; depth < 3000; depth += depth / 3) {
		b.n = 0;
		buf_text(&b, INIT "{\"a\":");
		for (i = 0; i < depth; i++)
			buf_text(&b, i % 2 ? "[" : "{\"type\":");
		buf_text(&b, "1");
		for (i = depth; i--; )
			buf_text(&b, i % 2 ? "]" : "}");
		buf_text(&b, ",\"type\":\"result\",\"is_error\":false,\"result\":\"deep\"}\n" RESULT_OK("well"));
		feed(AGENT_CLAUDE, 0, b.s, b.n, 64);
		expect_result("well");
	}
	b.n = 0;
	buf_text(&b, INIT "{\"");
	for (i = 0; i < 100000; i++)
		buf_text(&b, "key");
	buf_text(&b, "\":{\"type\":\"x\"},\"type\":\"result\",\"");
	for (i = 0; i < 100000; i++)
		buf_text(&b, "key");
	buf_text(&b, "\":\"value\",\"result\":\"well\",\"is_error\":false}\n");
	feed(AGENT_CLAUDE, 0, b.s, b.n, 4096);
	expect_result("well");
	buf_free(&b);
}
END_TEST

/* What is written decides, not what was asked for. */
static const struct {
	enum agent_kind kind;
	const char *text;
} plain[] = {
	{ AGENT_CLAUDE, "An answer.\n" },
	{ AGENT_CLAUDE, "\n\n  {\"type\":\"bug\",\"severity\":\"high\"}\n" },
	{ AGENT_CLAUDE, "{\"ok\":true}\n{\"type\":\"result\",\"is_error\":false,\"result\":\"x\"}\n" },
	{ AGENT_CLAUDE, "[1,2,3]\n" },
	{ AGENT_CLAUDE, "[]\n" INIT },
	{ AGENT_CLAUDE, "{\n  \"type\": \"result\",\n  \"subtype\": \"success\"\n}\n" },
	{ AGENT_CLAUDE, "{\"type\":\"result\"}\n" },
	{ AGENT_CLAUDE, "\357\273\277" INIT },
	{ AGENT_CLAUDE, "{\"type\":\"sys" },
	{ AGENT_CLAUDE, "\0\0" },
	{ AGENT_CODEX, "{\"type\":\"error\",\"message\":\"what I found\"}" },
	{ AGENT_CODEX, "{\"type\":\"item\"}\n" THREAD },
	{ AGENT_CODEX, INIT },
};

START_TEST(what_is_no_stream)
{
	size_t n = plain[_i].text[0] ? strlen(plain[_i].text) : 2, piece;

	for (piece = 1; piece < 100; piece += 13) {
		feed(plain[_i].kind, 0, plain[_i].text, n, piece);
		ck_assert_int_eq(stream.form, STREAM_PLAIN);
		ck_assert_msg(told.plain.n == n && !memcmp(told.plain.s, plain[_i].text, n), "`%s`", buf_str(&told.plain));
		ck_assert_int_eq(told.dropped, 0);
	}
}
END_TEST

START_TEST(nothing_at_all)
{
	feed_text(AGENT_CLAUDE, "");
	ck_assert_int_eq(stream.form, STREAM_UNKNOWN);
	feed_text(AGENT_CLAUDE, " \n\r\n\t");
	ck_assert_int_eq(stream.form, STREAM_UNKNOWN);
	ck_assert_str_eq(buf_str(&told.plain), " \n\r\n\t");
	feed_text(AGENT_CODEX, "\n\n" THREAD "{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"\"}}\n" TURN);
	ck_assert_int_eq(stream.form, STREAM_RECORDS);
	ck_assert_uint_eq(told.plain.n, 0);
	ck_assert_str_eq(how(0), "answered");
}
END_TEST

/* The format that the step has chosen stays as it is written, and is read all the same. */
START_TEST(own_format)
{
	static const char *const texts[] = {
		INIT RESULT_OK("well"),
		"{\"type\":\"result\",\"is_error\":false,\"result\":\"well\",\"session_id\":\"s-1\",\"total_cost_usd\":0.25,\"usage\":{\"input_tokens\":7,\"cache_read_input_tokens\":3,\"output_tokens\":2}}\n",
		"[{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s-1\"},{\"type\":\"result\",\"is_error\":false,\"result\":\"well\"}]\n",
	};
	struct usage u;
	int i;

	for (i = 0; i < LEN(texts); i++) {
		feed(AGENT_CLAUDE, 1, texts[i], strlen(texts[i]), 11);
		ck_assert_str_eq(buf_str(&told.plain), texts[i]);
		ck_assert_str_eq(how(0), "answered");
		ck_assert_str_eq(stream.session, "s-1");
		stream_usage(&stream, &u);
		if (i == 1)
			ck_assert_msg(u.input == 7 && u.cached == 3 && u.output == 2 && u.nanos == 250000000 && u.told == (USAGE_TOKENS | USAGE_MONEY),
			    "%lld %lld %lld %lld %d", u.input, u.cached, u.output, u.nanos, u.told);
	}
}
END_TEST

/* What is not an id of a session would be a word of a command. */
START_TEST(ids_of_sessions)
{
	static const char *const wrong[] = { "--yes", "-", "a b", "a\\nb", "a\\u0000b", "a;b", "" };
	char line[200];
	int i;

	for (i = 0; i < LEN(wrong); i++) {
		snprintf(line, sizeof line, "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"%s\"}\n", wrong[i]);
		feed_text(AGENT_CLAUDE, line);
		ck_assert_msg(!*stream.session, "`%s`", stream.session);
		snprintf(line, sizeof line, "{\"type\":\"thread.started\",\"thread_id\":\"%s\"}\n", wrong[i]);
		feed_text(AGENT_CODEX, line);
		ck_assert_msg(!*stream.session, "`%s`", stream.session);
	}
	feed_text(AGENT_CODEX, "{\"type\":\"thread.started\",\"thread_id\":\"01a2-B_c.d:e\"}\n");
	ck_assert_str_eq(stream.session, "01a2-B_c.d:e");
}
END_TEST

/* Of several final records the last holds: its text, and whether it is an error. */
START_TEST(several_results)
{
	feed_text(AGENT_CLAUDE, INIT RESULT_OK("one") RESULT_OK("two"));
	expect_result("two");
	feed_text(AGENT_CLAUDE, INIT RESULT_OK("one") "{\"type\":\"result\",\"is_error\":true,\"result\":\"API Error: 500 broke\"}\n");
	ck_assert_str_eq(how(0), "failed");
	ck_assert_str_eq(how(256), "failed");
	feed_text(AGENT_CLAUDE, INIT "{\"type\":\"result\",\"is_error\":true,\"result\":\"API Error: 500 broke\"}\n" RESULT_OK("two"));
	expect_result("two");
	ck_assert_str_eq(how(0), "answered");
	ck_assert_str_eq(how(256), "failed");
	feed_text(AGENT_CLAUDE, INIT);
	ck_assert_str_eq(how(0), "unended");
	ck_assert_str_eq(how(256), "failed");
}
END_TEST

/* A turn that has begun after a final record, and has not ended, is not a result; nor is a record without a text. */
START_TEST(turns_that_have_not_ended)
{
	feed_text(AGENT_CLAUDE, INIT RESULT_OK("one") INIT);
	ck_assert_str_eq(how(0), "unended");
	feed_text(AGENT_CLAUDE, INIT RESULT_OK("one") "{\"type\":\"system\",\"subtype\":\"task_updated\",\"session_id\":\"s-1\"}\n");
	ck_assert_str_eq(how(0), "answered");
	feed_text(AGENT_CODEX, THREAD "{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"one\"}}\n" TURN
	    "{\"type\":\"turn.started\"}\n{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"I look\"}}\n");
	ck_assert_str_eq(how(0), "unended");
	feed_text(AGENT_CODEX, THREAD TURN);
	ck_assert_str_eq(how(0), "unended");
	feed_text(AGENT_CLAUDE, INIT RESULT_OK("one") "{\"type\":\"result\",\"is_error\":false,\"result\":null}\n");
	ck_assert_str_eq(how(0), "answered");
	expect_result("one");
	feed_text(AGENT_CLAUDE, INIT "{\"type\":\"result\",\"is_error\":false,\"result\":{\"a\":1}}\n");
	ck_assert_str_eq(how(0), "unended");
}
END_TEST

#define REJECTED(more) "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\"resetsAt\":1795930100" more "}}\n"

/* A limit that another allowance pays for is none; a class of error says more than an event; an error without a final record
 * counts too. */
START_TEST(limits_beside_classes)
{
	struct verdict v;

	feed_text(AGENT_CLAUDE, INIT REJECTED(",\"isUsingOverage\":true"));
	ck_assert_int_eq(stream.rejected, 0);
	feed_text(AGENT_CLAUDE, INIT REJECTED("") "{\"type\":\"result\",\"is_error\":true,\"api_error_status\":400,\"result\":\"Prompt is too long\"}\n");
	ck_assert_str_eq(how(256), "permanent");
	feed_text(AGENT_CLAUDE, INIT REJECTED("") "{\"type\":\"assistant\",\"error\":\"rate_limit\",\"message\":{\"content\":[]}}\n");
	stream_verdict(&stream, 256, "", 0, NOW, &v);
	ck_assert_int_eq(v.kind, OUT_RATE_LIMITED);
	ck_assert_int_eq(v.wait, 100);
	feed_text(AGENT_CLAUDE, INIT REJECTED(""));
	stream_verdict(&stream, 75 << 8, "", 0, NOW, &v);
	ck_assert_int_eq(v.wait, 100);
	/* Without a time it holds until anything else is told. */
	feed_text(AGENT_CLAUDE, INIT "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\"}}\n");
	ck_assert_int_eq(stream.waits, 1);
	feed_text(AGENT_CLAUDE, INIT "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\"}}\n" INIT);
	ck_assert_int_eq(stream.waits, 0);
}
END_TEST

#define MESSAGE(id, in, cached, out) "{\"type\":\"assistant\",\"message\":{\"id\":\"" id "\",\"content\":[],\"usage\":{\"input_tokens\":" in \
	",\"cache_read_input_tokens\":" cached ",\"output_tokens\":" out "}}}\n"

/* Before the final record messages tell, each as often as it has blocks; the final record is right. */
START_TEST(usage_as_it_comes)
{
	struct usage u;
	struct buf b = { 0 };
	int i;

	feed_text(AGENT_CLAUDE, INIT MESSAGE("a", "10", "5", "1") MESSAGE("b", "20", "0", "2") MESSAGE("a", "10", "5", "3"));
	stream_usage(&stream, &u);
	ck_assert_msg(u.input == 30 && u.cached == 5 && u.output == 5 && u.told == (USAGE_TOKENS | USAGE_UNTOLD), "%lld %lld %lld", u.input, u.cached, u.output);
	buf_text(&b, INIT);
	for (i = 0; i < 50; i++)
		buf_fmt(&b, MESSAGE("m%d", "1", "0", "2") MESSAGE("m%d", "1", "0", "2"), i, i);
	feed(AGENT_CLAUDE, 0, b.s, b.n, 100);
	stream_usage(&stream, &u);
	ck_assert_int_eq(u.input, 50);
	ck_assert_int_eq(u.output, 100);
	buf_text(&b, "{\"type\":\"result\",\"is_error\":false,\"result\":\"x\",\"model_usage_since_last_result\":{\"a.b\":{\"inputTokens\":60,"
	    "\"cacheCreationInputTokens\":3,\"cacheReadInputTokens\":9,\"outputTokens\":120,\"costUSD\":0.5},\"c\":{\"inputTokens\":1,\"costUSD\":1e-2}}}\n");
	feed(AGENT_CLAUDE, 0, b.s, b.n, 100);
	stream_usage(&stream, &u);
	ck_assert_msg(u.input == 64 && u.cached == 9 && u.output == 120 && u.nanos == 510000000 && u.told == (USAGE_TOKENS | USAGE_MONEY),
	    "%lld %lld %lld %lld %d", u.input, u.cached, u.output, u.nanos, u.told);
	buf_text(&b, MESSAGE("later", "7", "0", "1"));
	feed(AGENT_CLAUDE, 0, b.s, b.n, 100);
	stream_usage(&stream, &u);
	ck_assert_int_eq(u.input, 71);
	ck_assert_int_eq(u.told, USAGE_TOKENS | USAGE_MONEY | USAGE_UNTOLD);
	/* Many at once: none is counted twice. */
	b.n = 0;
	buf_text(&b, INIT);
	for (i = 0; i < 200; i++)
		buf_fmt(&b, MESSAGE("m%d", "9", "0", "1"), i % 40);
	feed(AGENT_CLAUDE, 0, b.s, b.n, 100);
	stream_usage(&stream, &u);
	ck_assert_int_eq(u.input, 360);
	/* A final record that tells nothing takes nothing away. */
	feed_text(AGENT_CLAUDE, INIT MESSAGE("a", "7", "0", "2") "{\"type\":\"result\",\"is_error\":false,\"result\":\"x\"}\n");
	stream_usage(&stream, &u);
	ck_assert_msg(u.input == 7 && u.output == 2 && u.told == (USAGE_TOKENS | USAGE_UNTOLD), "%lld %d", u.input, u.told);
	feed_text(AGENT_CODEX, THREAD TURN);
	stream_usage(&stream, &u);
	ck_assert_msg(u.input == 3 && u.cached == 2 && u.output == 1 && u.told == USAGE_TOKENS, "%lld %lld %lld", u.input, u.cached, u.output);
	buf_free(&b);
}
END_TEST

/* Limits, and until when. */
START_TEST(limits)
{
	struct verdict v;

	feed_text(AGENT_CLAUDE, INIT "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\"resetsAt\":1795930100}}\n");
	ck_assert_int_eq(stream.rejected, 1);
	ck_assert_int_eq(stream.until, NOW + 100);
	feed_text(AGENT_CLAUDE, INIT "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\"resetsAt\":1795930100}}\n"
	    "{\"type\":\"result\",\"is_error\":true,\"api_error_status\":429,\"result\":\"You've hit your limit\"}\n");
	stream_verdict(&stream, 256, "", 0, NOW, &v);
	ck_assert_int_eq(v.kind, OUT_RATE_LIMITED);
	ck_assert_int_eq(v.wait, 100);
	ck_assert_uint_eq(v.nwhy, 21);
	feed_text(AGENT_CLAUDE, INIT "{\"type\":\"result\",\"is_error\":true,\"result\":\"You\\u2019ve hit your limit \\u00b7 resets 6pm (UTC)\"}\n");
	stream_verdict(&stream, 256, "", 0, NOW, &v);
	ck_assert_int_eq(v.kind, OUT_RATE_LIMITED);
	ck_assert_int_ge(v.wait, 0);
	feed_text(AGENT_CLAUDE, INIT "{\"type\":\"system\",\"subtype\":\"api_retry\",\"error_status\":429,\"error\":\"rate_limit\"}\n");
	ck_assert_int_eq(stream.waits, 1);
	feed_text(AGENT_CLAUDE, INIT "{\"type\":\"system\",\"subtype\":\"api_retry\",\"error_status\":500,\"error\":\"server_error\"}\n");
	ck_assert_int_eq(stream.waits, 0);
	feed_text(AGENT_CLAUDE, INIT "{\"type\":\"system\",\"subtype\":\"api_retry\",\"error_status\":429,\"error\":\"rate_limit\"}\n"
	    MESSAGE("a", "1", "1", "1"));
	ck_assert_int_eq(stream.waits, 0);
	/* An exit status that says it says it. */
	feed_text(AGENT_CODEX, THREAD TURN);
	stream_verdict(&stream, 75 << 8, "retry-after: 7\n", 15, NOW, &v);
	ck_assert_int_eq(v.kind, OUT_RATE_LIMITED);
	ck_assert_int_eq(v.wait, 7);
}
END_TEST

/* A failure's words are the agent's, never the JSON that it has got. */
START_TEST(words_of_failures)
{
	static const struct {
		const char *message, *words, *how;
	} all[] = {
		{ "{\\\"error\\\":{\\\"message\\\":\\\"no such \\\\\\\"model\\\\\\\"\\\",\\\"type\\\":\\\"x\\\"}}", "no such \"model\"", "permanent" },
		{ "{\\\"detail\\\":\\\"not that\\\"}", "not that", "permanent" },
		{ "stream disconnected", "stream disconnected", "failed" },
		{ "database is locked", "database is locked", "busy" },
		{ "{broken", "{broken", "permanent" },
	};
	char text[400];
	int i;

	for (i = 0; i < LEN(all); i++) {
		snprintf(text, sizeof text, THREAD "{\"type\":\"turn.failed\",\"error\":{\"message\":\"%s\"}}\n", all[i].message);
		feed_text(AGENT_CODEX, text);
		ck_assert_msg(stream.nwords == strlen(all[i].words) && !memcmp(stream.words, all[i].words, stream.nwords), "%.*s", (int)stream.nwords,
		    stream.words);
		ck_assert_str_eq(how(256), all[i].how);
	}
	feed_text(AGENT_CLAUDE, INIT "{\"type\":\"result\",\"subtype\":\"error_max_turns\",\"is_error\":true,\"errors\":[\"Reached it\",\"more\"]}\n");
	ck_assert_msg(stream.nwords == 10 && !memcmp(stream.words, "Reached it", 10), "%.*s", (int)stream.nwords, stream.words);
}
END_TEST

START_TEST(amounts)
{
	static const struct {
		long long nanos;
		int most;
		const char *text;
	} money[] = {
		{ 0, 9, "0.00" }, { 250000000, 9, "0.25" }, { 140000, 9, "0.00014" }, { 140000, 4, "0.0001" }, { 1, 9, "0.000000001" },
		{ 1999999999, 2, "2.00" }, { 12345678901234567, 2, "12345678.90" }, { 5000000, 2, "0.01" },
	};
	static const struct {
		long long n;
		const char *text;
	} tokens[] = {
		{ 0, "0" }, { 999, "999" }, { 1000, "1.0k" }, { 12345, "12.3k" }, { 99949, "99.9k" }, { 123456, "123k" }, { 999499, "999k" },
		{ 999500, "1.0M" }, { 4100000, "4.1M" }, { 250000000, "250M" }, { 7300000000, "7.3G" },
	};
	static const struct {
		const char *text;
		long long nanos;
	} right[] = {
		{ "0", 0 }, { "0.25", 250000000 }, { "7.000000000000001e-05", 70000 }, { "0.00028000000000000003", 280000 }, { "1e2", 100000000000 },
		{ "12.5E+1", 125000000000 }, { "0.0000000004", 0 }, { "0.0000000005", 1 }, { "1e-9999", 0 }, { "0e9999", 0 }, { ".5", 500000000 },
		{ "800000000.123456789012345678901234", 800000000123456789 },
	};
	static const char *const wrong[] = { ".", "e5", "1e", "1e+", "1e12345", "1.2.3", "99999999999", "900000001", "1e10", "", "x", "-1", "1x", "nan", "inf", "1e40", "0.1 " };
	struct buf b = { 0 };
	struct usage u = { 0 };
	long long nanos;
	int i;

	for (i = 0; i < LEN(money); i++, b.n = 0) {
		usage_money_text(money[i].nanos, money[i].most, &b);
		ck_assert_str_eq(buf_str(&b), money[i].text);
	}
	for (i = 0; i < LEN(tokens); i++, b.n = 0) {
		usage_tokens_text(tokens[i].n, &b);
		ck_assert_str_eq(buf_str(&b), tokens[i].text);
	}
	for (i = 0; i < LEN(right); i++)
		ck_assert_msg(!usage_money_parse(right[i].text, strlen(right[i].text), &nanos) && nanos == right[i].nanos, "%s: %lld", right[i].text, nanos);
	for (i = 0; i < LEN(wrong); i++)
		ck_assert_msg(usage_money_parse(wrong[i], strlen(wrong[i]), &nanos) == -1, "%s", wrong[i]);
	usage_text(&u, &b);
	ck_assert_str_eq(buf_str(&b), "");
	u.input = 12345;
	u.cached = 2000000;
	u.output = 10;
	u.told = USAGE_TOKENS | USAGE_UNTOLD;
	usage_text(&u, &b);
	ck_assert_str_eq(buf_str(&b), "12.3k in, 2.0M cached, 10 out, $?");
	b.n = 0;
	u.cached = 0;
	u.nanos = 1250000000;
	u.told |= USAGE_MONEY;
	usage_text(&u, &b);
	ck_assert_str_eq(buf_str(&b), "12.3k in, 10 out, $1.25+?");
	buf_free(&b);
}
END_TEST

Suite *
reader_suite(void)
{
	Suite *s = suite_create("reader");
	TCase *tc = tcase_create("reader");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, samples, 0, 4);
	tcase_add_test(tc, activity);
	tcase_add_test(tc, activity_is_bounded);
	tcase_add_loop_test(tc, text_of_results, 0, LEN(escapes));
	tcase_add_test(tc, broken_lines);
	tcase_add_test(tc, deep_and_long);
	tcase_add_loop_test(tc, what_is_no_stream, 0, LEN(plain));
	tcase_add_test(tc, nothing_at_all);
	tcase_add_test(tc, own_format);
	tcase_add_test(tc, ids_of_sessions);
	tcase_add_test(tc, several_results);
	tcase_add_test(tc, turns_that_have_not_ended);
	tcase_add_test(tc, limits_beside_classes);
	tcase_add_test(tc, usage_as_it_comes);
	tcase_add_test(tc, limits);
	tcase_add_test(tc, words_of_failures);
	tcase_add_test(tc, amounts);
	suite_add_tcase(s, tc);
	return s;
}

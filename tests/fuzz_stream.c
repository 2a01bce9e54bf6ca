/* Any bytes as what claude and codex write: read at once and in pieces, which must make no difference. For libFuzzer. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/agent/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(x) do { if (!(x)) { fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); abort(); } } while (0)

struct told {
	struct buf plain, text, result, activity;
};

static void
on_plain(void *ctx, const char *s, size_t n)
{
	buf_add(&((struct told *)ctx)->plain, s, n);
}

static void
on_drop(void *ctx)
{
	((struct told *)ctx)->plain.n = 0;
}

static void
on_begin(void *ctx)
{
	((struct told *)ctx)->text.n = 0;
}

static void
on_text(void *ctx, const char *s, size_t n)
{
	buf_add(&((struct told *)ctx)->text, s, n);
}

static void
on_keep(void *ctx)
{
	struct told *t = ctx;

	t->result.n = 0;
	buf_add(&t->result, t->text.s, t->text.n);
	buf_char(&t->result, '.');
}

static void
on_activity(void *ctx, const char *s, size_t n)
{
	size_t i;

	MUST(n && n <= STREAM_ACTIVITY * 4 + 3);
	for (i = 0; i < n; i++)
		MUST((unsigned char)s[i] >= ' ' && s[i] != 0x7f);
	buf_add(&((struct told *)ctx)->activity, s, n);
	buf_char(&((struct told *)ctx)->activity, '\n');
}

static void
read_in(size_t piece, enum agent_kind kind, int is_own, const char *s, size_t n, struct told *t, struct stream *stream)
{
	static const struct stream_ops all = { NULL, on_plain, on_drop, on_begin, on_text, on_keep, on_activity };
	struct stream_ops ops = all;
	size_t k;

	memset(t, 0, sizeof *t);
	ops.ctx = t;
	stream_begin(stream, kind, is_own, NULL, &ops);
	for (; n; s += k, n -= k) {
		k = n < piece ? n : piece;
		stream_feed(stream, s, k);
	}
	stream_end(stream);
}

static void
same(const struct buf *a, const struct buf *b)
{
	MUST(a->n == b->n && (!a->n || !memcmp(a->s, b->s, a->n)));
}

static void
drop(struct told *t)
{
	buf_free(&t->plain);
	buf_free(&t->text);
	buf_free(&t->result);
	buf_free(&t->activity);
}

static void
compare(enum agent_kind kind, int is_own, const char *s, size_t n)
{
	static struct stream one, two;
	struct told a, b;
	struct usage u, v;
	struct verdict x, y;
	struct buf said = { 0 };

	read_in(n + 1, kind, is_own, s, n, &a, &one);
	read_in(1 + n % 7, kind, is_own, s, n, &b, &two);
	MUST(one.form == two.form && one.is_final == two.is_final && one.is_error == two.is_error && one.did == two.did);
	MUST(one.nwords == two.nwords && one.nwords <= STREAM_WORDS && !memcmp(one.words, two.words, one.nwords));
	MUST(!strcmp(one.session, two.session) && !strcmp(one.error, two.error) && one.status == two.status && one.until == two.until);
	same(&a.plain, &b.plain);
	same(&a.result, &b.result);
	same(&a.activity, &b.activity);
	MUST(one.form == STREAM_RECORDS ? is_own || !a.plain.n : a.plain.n == n);
	stream_usage(&one, &u);
	stream_usage(&two, &v);
	MUST(usage_is_same(&u, &v) && u.input >= 0 && u.cached >= 0 && u.output >= 0 && u.nanos >= 0);
	usage_text(&u, &said);
	stream_verdict(&one, 0, "", 0, 1795930000, &x);
	stream_verdict(&two, 0, "", 0, 1795930000, &y);
	MUST(x.kind == y.kind && x.wait == y.wait && x.nwhy <= STREAM_WORDS);
	stream_verdict(&one, 256, s, n < VERDICT_TAIL ? n : VERDICT_TAIL, 1795930000, &x);
	MUST(x.kind != OUT_OK);
	verdict_read(&x, kind, 0, s, n < VERDICT_HEAD ? n : VERDICT_HEAD, "", 0, 1795930000);
	verdict_read(&x, kind, 256, s, n < VERDICT_HEAD ? n : VERDICT_HEAD, s, n < VERDICT_TAIL ? n : VERDICT_TAIL, 1795930000);
	buf_free(&said);
	drop(&a);
	drop(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *s = (const char *)data;

	compare(AGENT_CLAUDE, 0, s, n);
	compare(AGENT_CODEX, 0, s, n);
	compare(AGENT_CLAUDE, 1, s, n);
	return 0;
}

/* What an agent has used. */
#include "engine/agent/usage.h"

#include <string.h>

#define NANOS_MOST 900000000000000000LL /* of one amount: so that a few of them fit */

static long long
add(long long a, long long b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

void
usage_add(struct usage *a, const struct usage *b)
{
	a->input = add(a->input, b->input);
	a->cached = add(a->cached, b->cached);
	a->output = add(a->output, b->output);
	a->nanos = add(a->nanos, b->nanos);
	a->told |= b->told;
}

static long long
subtract(long long a, long long b)
{
	return a > b ? a - b : 0;
}

void
usage_subtract(struct usage *a, const struct usage *b)
{
	a->input = subtract(a->input, b->input);
	a->cached = subtract(a->cached, b->cached);
	a->output = subtract(a->output, b->output);
	a->nanos = subtract(a->nanos, b->nanos);
}

int
usage_is_same(const struct usage *a, const struct usage *b)
{
	return a->input == b->input && a->cached == b->cached && a->output == b->output && a->nanos == b->nanos && a->told == b->told;
}

long long
usage_tokens(const struct usage *u)
{
	return add(u->input, u->output);
}

void
usage_money_text(long long nanos, int most, struct buf *b)
{
	long long unit = 1, part, all = 1000000000;
	char digits[USAGE_DECIMALS + 1];
	int i, n = USAGE_DECIMALS;

	for (i = most; i < USAGE_DECIMALS; i++)
		unit *= 10;
	nanos = nanos > INT64_MAX - unit ? nanos : (nanos + unit / 2) / unit * unit;
	part = nanos % all;
	for (i = USAGE_DECIMALS; i--; part /= 10)
		digits[i] = (char)('0' + part % 10);
	while (n > 2 && digits[n - 1] == '0')
		n--;
	buf_fmt(b, "%lld.%.*s", nanos / all, n, digits);
}

/* Reads the exponent in the N bytes at S: e-05. -1: it is none. */
static int
read_exponent(const char *s, size_t n, long *exponent)
{
	size_t i = 1;
	long v = 0;
	int minus = n > 1 && s[1] == '-';

	i += n > 1 && (minus || s[1] == '+');
	if (i == n || n - i > 4)
		return -1;
	for (; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + s[i] - '0';
	}
	*exponent += minus ? -v : v;
	return 0;
}

int
usage_money_parse(const char *s, size_t n, long long *nanos)
{
	long long v = 0;
	long exponent = USAGE_DECIMALS;
	int point = 0, any = 0;
	size_t i;

	for (i = 0; i < n && s[i] != 'e' && s[i] != 'E'; i++) {
		if (s[i] == '.' && !point++)
			continue;
		if (s[i] < '0' || s[i] > '9')
			return -1;
		any = 1;
		if (v < NANOS_MOST / 10) {
			v = v * 10 + s[i] - '0';
			exponent -= point;
		} else {
			exponent += !point;     /* a figure that is of no matter */
		}
	}
	if (!any || (i < n && read_exponent(s + i, n - i, &exponent)))
		return -1;
	for (; exponent > 0 && v; exponent--) {
		if (v > NANOS_MOST / 10)
			return -1;
		v *= 10;
	}
	for (; exponent < 0 && v; exponent++)
		v = (v + (exponent == -1 ? 5 : 0)) / 10;
	*nanos = v;
	return 0;
}

void
usage_log_text(const struct usage *u, struct buf *b)
{
	if (u->told & USAGE_MONEY)
		usage_money_text(u->nanos, USAGE_DECIMALS, b);
	if (u->told & USAGE_UNTOLD)
		buf_char(b, '?');
}

void
usage_of_log(struct usage *u, const long long tokens[3], const char *text)
{
	size_t n = text ? strlen(text) : 0;

	memset(u, 0, sizeof *u);
	u->input = tokens[0];
	u->cached = tokens[1];
	u->output = tokens[2];
	u->told = USAGE_TOKENS;
	if (n && text[n - 1] == '?') {
		u->told |= USAGE_UNTOLD;
		n--;
	}
	if (n && !usage_money_parse(text, n, &u->nanos))
		u->told |= USAGE_MONEY;
}

/* Three figures at most before the unit. */
void
usage_tokens_text(long long n, struct buf *b)
{
	static const struct {
		long long least, unit;
		char name;
	} units[] = { { 999500000, 1000000000, 'G' }, { 999500, 1000000, 'M' }, { 1000, 1000, 'k' } };
	size_t i;

	for (i = 0; i < sizeof units / sizeof *units; i++)
		if (n >= units[i].least) {
			long long tenths = (n / 10 + units[i].unit / 200) / (units[i].unit / 100);

			if (tenths < 1000)
				buf_fmt(b, "%lld.%lld%c", tenths / 10, tenths % 10, units[i].name);
			else
				buf_fmt(b, "%lld%c", (n + units[i].unit / 2) / units[i].unit, units[i].name);
			return;
		}
	buf_fmt(b, "%lld", n);
}

static void
put_money(const struct usage *u, struct buf *b)
{
	buf_char(b, '$');
	if (u->told & USAGE_MONEY)
		usage_money_text(u->nanos, u->nanos < 10000000 ? 4 : 2, b);
	buf_text(b, !(u->told & USAGE_UNTOLD) ? "" : u->told & USAGE_MONEY ? "+?" : "?");
}

void
usage_short_text(const struct usage *u, struct buf *b)
{
	size_t from = b->n;

	if (u->told & USAGE_TOKENS)
		usage_tokens_text(usage_tokens(u), b);
	if (!(u->told & (USAGE_MONEY | USAGE_UNTOLD)))
		return;
	buf_text(b, b->n > from ? " " : "");
	put_money(u, b);
}

void
usage_text(const struct usage *u, struct buf *b)
{
	size_t from = b->n;

	if ((u->told & USAGE_TOKENS) && (u->input || u->cached || u->output)) {
		usage_tokens_text(u->input, b);
		buf_text(b, " in, ");
		if (u->cached) {
			usage_tokens_text(u->cached, b);
			buf_text(b, " cached, ");
		}
		usage_tokens_text(u->output, b);
		buf_text(b, " out");
	}
	if (!(u->told & (USAGE_MONEY | USAGE_UNTOLD)))
		return;
	buf_text(b, b->n > from ? ", " : "");
	put_money(u, b);
}

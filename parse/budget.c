/* Budgets. */
#include "parse/budget.h"

#include <string.h>

static const struct {
	const char *unit;
	long long scale;
	int is_money;
} units[] = { { "usd", 1000000000, 1 }, { "ktok", 1000, 0 }, { "Mtok", 1000000, 0 } };

enum { DIGITS_MOST = 9 };       /* before the point; after it as many as the unit has */

/* A decimal number of N bytes in units of 1/SCALE, to the one below. -1: it is none. */
static long long
decimal(const char *s, size_t n, long long scale)
{
	long long v = 0;
	size_t i, digits = 0;

	for (i = 0; i < n && s[i] >= '0' && s[i] <= '9'; i++, digits++)
		v = v * 10 + s[i] - '0';
	if (!digits || digits > DIGITS_MOST)
		return -1;
	v *= scale;
	if (i == n)
		return v;
	if (s[i] != '.' || ++i == n)
		return -1;
	for (; i < n && s[i] >= '0' && s[i] <= '9'; i++)
		v += (s[i] - '0') * (scale /= 10);
	return i == n ? v : -1;
}

int
budget_parse(const char *s, size_t n, struct budget *b)
{
	size_t i, unit;
	long long v;

	memset(b, 0, sizeof *b);
	for (i = 0; i < sizeof units / sizeof *units; i++) {
		unit = strlen(units[i].unit);
		if (n <= unit || memcmp(s + n - unit, units[i].unit, unit))
			continue;
		v = decimal(s, n - unit, units[i].scale);
		*(units[i].is_money ? &b->nanos : &b->tokens) = v;
		return v > 0 ? 0 : -1;
	}
	return -1;
}

void
budget_text(const struct budget *b, struct buf *out)
{
	const long long cent = 10000000;
	long long cents = b->nanos / cent + (b->nanos % cent != 0);

	if (!b->nanos)
		buf_fmt(out, "%lldktok", b->tokens / 1000 + (b->tokens % 1000 != 0));
	else if (cents % 100)
		buf_fmt(out, "%lld.%02lldusd", cents / 100, cents % 100);
	else
		buf_fmt(out, "%lldusd", cents / 100);
}

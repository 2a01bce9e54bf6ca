/* The name that was probably meant: least optimal-string-alignment distance (Damerau 1964). */
#include "parse/near.h"

#include <string.h>

enum { LONGEST = 64 };

void
near_start(struct near *w, const char *want, size_t n)
{
	memset(w, 0, sizeof *w);
	w->want = want;
	w->n = n;
	w->distance = n < 6 ? 2 : n < 9 ? 3 : 4;        /* what is found must be below this: a third of the word at most */
}

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

static unsigned
distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned row[3][LONGEST + 1];
	size_t i, j;

	for (j = 0; j <= m; j++)
		row[0][j] = (unsigned)j;
	for (i = 1; i <= n; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (j = 1; j <= m; j++) {
			now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
	}
	return row[n % 3][m];
}

void
near_try(struct near *w, const char *name, size_t n)
{
	unsigned d;

	if (!n || n > LONGEST || !w->n || w->n > LONGEST || (w->n < 4 && n != w->n && memcmp(w->want, name, n < w->n ? n : w->n)))
		return;
	d = distance(w->want, w->n, name, n);
	if (d && d < w->distance && d < n) {
		w->distance = d;
		w->best = name;
		w->bestn = n;
	}
}

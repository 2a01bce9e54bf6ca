/* Names and the patterns that may stand for them. */
#include "parse/glob.h"

#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"

int
glob_match(const unsigned short *p, size_t n, const char *s, size_t m)
{
	size_t i = 0, j = 0, star = n, from = 0;

	/* When a later part does not fit, only the latest star has to take one byte more. */
	while (j < m) {
		if (i < n && p[i] == GLOB_ANY) {
			star = i++;
			from = j;
		} else if (i < n && p[i] == (unsigned char)s[j]) {
			i++;
			j++;
		} else if (star < n) {
			i = star + 1;
			j = ++from;
		} else {
			return 0;
		}
	}
	while (i < n && p[i] == GLOB_ANY)
		i++;
	return i == n;
}

/* The ends outside of the first and last star, which decide most pairs at once. */
static int
ends_differ(const unsigned short *a, size_t n, const unsigned short *b, size_t m)
{
	size_t i;

	for (i = 0; i < n && i < m && a[i] != GLOB_ANY && b[i] != GLOB_ANY; i++)
		if (a[i] != b[i])
			return 1;
	for (i = 1; i <= n && i <= m && a[n - i] != GLOB_ANY && b[m - i] != GLOB_ANY; i++)
		if (a[n - i] != b[m - i])
			return 1;
	return 0;
}

int
glob_meet(const unsigned short *a, size_t n, const unsigned short *b, size_t m)
{
	char *rows, *now, *next, *last;
	size_t i, j;
	int meet;

	if (ends_differ(a, n, b, m))
		return 0;
	/* now[j]: some name is matched by the first i elements of A and by the first j of B. */
	rows = mem_zero(2 * (m + 1), 1);
	now = rows;
	next = rows + m + 1;
	now[0] = 1;
	for (j = 0; j < m && b[j] == GLOB_ANY; j++)
		now[j + 1] = 1;
	for (i = 0; i < n; i++) {
		next[0] = a[i] == GLOB_ANY && now[0];
		for (j = 0; j < m; j++)
			next[j + 1] = a[i] == GLOB_ANY || b[j] == GLOB_ANY ?
			    now[j + 1] || next[j] : a[i] == b[j] && now[j];
		last = now;
		now = next;
		next = last;
	}
	meet = now[m];
	free(rows);
	return meet;
}

unsigned short *
glob_of_text(const char *s, size_t *n)
{
	unsigned short *g;
	size_t i;

	*n = strlen(s);
	g = mem_grow(NULL, *n + 1, sizeof *g);
	for (i = 0; i < *n; i++)
		g[i] = s[i] == '*' ? GLOB_ANY : (unsigned char)s[i];
	return g;
}

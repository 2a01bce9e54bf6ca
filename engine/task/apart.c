/* Large tables apart from what a fork copies. */
#include "engine/task/apart.h"

#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"
#include "store/os.h"

enum { APART = 256 * 1024 };    /* what is smaller is malloc's */

void *
apart_grow(void *p, size_t old, size_t n)
{
	char *q;

	if (n < APART) {
		q = mem_grow(p, n, 1);
		memset(q + old, 0, n - old);
		return q;
	}
	q = old < APART ? os_pages(NULL, 0, n) : os_pages(p, old, n);
	if (!q)
		mem_none();
	if (old && old < APART)
		memcpy(q, p, old);
	if (old < APART)
		free(p);
	return q;
}

void
apart_free(void *p, size_t n)
{
	if (n < APART)
		free(p);
	else
		os_pages_free(p, n);
}

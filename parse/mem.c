/* Memory that is there or the program's own rule for having none. */
#include "parse/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void (*on_fail)(void) = abort;

void
mem_onfail(void (*fail)(void))
{
	on_fail = fail;
}

void
mem_none(void)
{
	on_fail();
	abort();
}

static void *
have(void *p)
{
	if (!p)
		mem_none();
	return p;
}

void *
mem_get(size_t n)
{
	return have(malloc(n ? n : 1));
}

void *
mem_zero(size_t n, size_t size)
{
	return have(calloc(n ? n : 1, size));
}

void *
mem_grow(void *p, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		return have(NULL);
	return have(realloc(p, n && size ? n * size : 1));
}

char *
mem_dup(const char *s, size_t n)
{
	char *d = mem_get(n + 1);

	if (n)
		memcpy(d, s, n);
	d[n] = '\0';
	return d;
}

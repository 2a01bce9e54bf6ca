/* Memory that is there or the program's own rule for having none. */
#if defined(__linux__) && !defined(ORCH_NO_LINUX)
#define _GNU_SOURCE             /* mremap, MADV_DONTFORK */
#endif
#include "parse/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__linux__) && !defined(ORCH_NO_LINUX)
#include <sys/mman.h>
#endif

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

#if defined(__linux__) && !defined(ORCH_NO_LINUX)

enum { APART = 256 * 1024 };    /* what is smaller is malloc's */

/* New pages, or more of them for P, which has OLD bytes. */
static void *
map(void *p, size_t old, size_t n)
{
	void *q = p ? mremap(p, old, n, MREMAP_MAYMOVE) :
	    mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (q != MAP_FAILED && !p)
		madvise(q, n, MADV_DONTFORK);   /* it only costs more if it cannot */
	return have(q == MAP_FAILED ? NULL : q);
}

void *
mem_apart(void *p, size_t old, size_t n)
{
	char *q;

	if (old >= APART)
		return map(p, old, n);
	if (n < APART) {
		q = mem_grow(p, n, 1);
		memset(q + old, 0, n - old);
		return q;
	}
	q = map(NULL, 0, n);
	if (old)
		memcpy(q, p, old);
	free(p);
	return q;
}

void
mem_apart_free(void *p, size_t n)
{
	if (n >= APART)
		munmap(p, n);
	else
		free(p);
}

#else

void *
mem_apart(void *p, size_t old, size_t n)
{
	char *q = mem_grow(p, n, 1);

	memset(q + old, 0, n - old);
	return q;
}

void
mem_apart_free(void *p, size_t n)
{
	(void)n;
	free(p);
}

#endif

char *
mem_dup(const char *s, size_t n)
{
	char *d = mem_get(n + 1);

	if (n)
		memcpy(d, s, n);
	d[n] = '\0';
	return d;
}

/* Memory that is freed all at once. */
#include "parse/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"

enum { ALIGN = 16, FIRST = 512, LARGEST = 64 * 1024 };

struct chunk {
	struct chunk *next;
	size_t used, size;      /* bytes after this header */
};

static const size_t HEADER = (sizeof(struct chunk) + ALIGN - 1) / ALIGN * ALIGN;

/* One that was freed and serves the next arena: tasks come and go. */
static struct chunk *spare;

static struct chunk *
add_chunk(struct arena *a, size_t n)
{
	size_t size = a->chunks ? a->chunks->size * 2 : FIRST;
	struct chunk *c = spare;

	if (size > LARGEST)
		size = LARGEST;
	if (size < n)
		size = n;
	if (c && c->size >= size) {
		spare = NULL;
	} else {
		c = mem_get(HEADER + size);
		c->size = size;
	}
	c->next = a->chunks;
	c->used = 0;
	a->chunks = c;
	return c;
}

/* The larger of it and the spare one is kept. */
static void
free_chunk(struct chunk *c)
{
	struct chunk *other = spare;

	if (c->size <= LARGEST && (!spare || spare->size < c->size))
		spare = c;
	else
		other = c;
	free(other);
}

void *
arena_get(struct arena *a, size_t n)
{
	struct chunk *c = a->chunks;
	char *p;

	n = (n + ALIGN - 1) / ALIGN * ALIGN;
	if (!c || c->size - c->used < n)
		c = add_chunk(a, n);
	p = (char *)c + HEADER + c->used;
	c->used += n;
	memset(p, 0, n);
	return p;
}

char *
arena_dup(struct arena *a, const char *s, size_t n)
{
	char *d = arena_get(a, n + 1);

	if (n)
		memcpy(d, s, n);
	return d;
}

void *
arena_more(struct arena *a, const void *old, size_t n, size_t size)
{
	void *d;

	if (n & (n - 1))
		return (void *)(uintptr_t)old;
	d = arena_get(a, (n ? n * 2 : 1) * size);
	if (n)
		memcpy(d, old, n * size);
	return d;
}

void
arena_free(struct arena *a)
{
	while (a->chunks) {
		struct chunk *c = a->chunks;

		a->chunks = c->next;
		free_chunk(c);
	}
}

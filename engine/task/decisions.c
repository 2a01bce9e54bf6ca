/* What the commands of `if` lines in worktrees have decided. */
#include "engine/task/decisions.h"

#include <stdlib.h>
#include <string.h>

#include "engine/task/digest.h"
#include "parse/mem.h"

struct decision {
	uint64_t digest;
	uint32_t seen;          /* as a question: how often in this walk */
	unsigned char used;
	signed char yes;        /* as an evaluation: 1, 0; -1: not known */
};

static struct decision *
find(const struct decisions *d, uint64_t digest)
{
	size_t i;

	for (i = (size_t)(digest ^ digest >> 32) & (d->cap - 1); d->list[i].used && d->list[i].digest != digest; i = (i + 1) & (d->cap - 1))
		;
	return &d->list[i];
}

static void
grow(struct decisions *d)
{
	struct decisions old = *d;
	size_t i;

	d->cap = old.cap ? old.cap * 2 : 16;
	d->list = mem_zero(d->cap, sizeof *d->list);
	for (i = 0; i < old.cap; i++)
		if (old.list[i].used)
			*find(d, old.list[i].digest) = old.list[i];
	free(old.list);
}

static struct decision *
add(struct decisions *d, uint64_t digest)
{
	struct decision *e;

	if (d->n * 2 >= d->cap)
		grow(d);
	e = find(d, digest);
	if (!e->used) {
		e->digest = digest;
		e->used = 1;
		e->yes = -1;
		d->n++;
	}
	return e;
}

uint64_t
decisions_next(struct decisions *d, uint64_t question)
{
	return digest_join(question, ++add(d, question)->seen);
}

void
decisions_set(struct decisions *d, uint64_t digest, int yes)
{
	add(d, digest)->yes = (signed char)(yes != 0);
}

int
decisions_get(const struct decisions *d, uint64_t digest)
{
	const struct decision *e = d->cap ? find(d, digest) : NULL;

	return e && e->used ? e->yes : -1;
}

void
decisions_free(struct decisions *d)
{
	free(d->list);
	memset(d, 0, sizeof *d);
}

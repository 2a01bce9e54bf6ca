/* The tasks that are running. */
#include "engine/sched/running.h"

#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"

void
slots_init(struct slots *s)
{
	memset(s, 0, sizeof *s);
	s->free = NO_SLOT;
}

void
slots_free(struct slots *s)
{
	free(s->list);
	free(s->by_pid);
}

static uint32_t *
chain(const struct slots *s, pid_t pid)
{
	return &s->by_pid[((uint32_t)pid * 2654435761u) & (s->n - 1)];
}

static void
link_slot(struct slots *s, uint32_t i)
{
	uint32_t *head = chain(s, s->list[i].pid);

	s->list[i].next = *head;
	*head = i;
}

static void
grow(struct slots *s)
{
	uint32_t i, old = s->n, n = old ? old * 2 : 32;

	s->list = mem_grow(s->list, n, sizeof *s->list);
	memset(s->list + old, 0, (n - old) * sizeof *s->list);
	s->n = n;
	free(s->by_pid);
	s->by_pid = mem_grow(NULL, n, sizeof *s->by_pid);
	for (i = 0; i < n; i++)
		s->by_pid[i] = NO_SLOT;
	for (i = 0; i < old; i++)
		if (s->list[i].pid)
			link_slot(s, i);
	for (i = n; i-- > old; )
		slots_drop(s, i);
}

uint32_t
slots_take(struct slots *s)
{
	uint32_t i;

	if (s->free == NO_SLOT)
		grow(s);
	i = s->free;
	s->free = s->list[i].next;
	return i;
}

struct slot *
slots_use(struct slots *s, uint32_t i, pid_t pid)
{
	s->list[i].pid = pid;
	s->list[i].number = ++s->starts;
	link_slot(s, i);
	s->running++;
	return &s->list[i];
}

void
slots_begun(struct slots *s, uint32_t i)
{
	s->due -= (uint32_t)s->list[i].is_due;
	s->list[i].is_due = 0;
}

void
slots_forget(struct slots *s, uint32_t i)
{
	uint32_t *p;

	for (p = chain(s, s->list[i].pid); *p != i; p = &s->list[*p].next)
		;
	*p = s->list[i].next;
	s->list[i].pid = 0;
	s->talking -= (uint32_t)s->list[i].has_terminal;
	slots_begun(s, i);
	s->running--;
}

void
slots_drop(struct slots *s, uint32_t i)
{
	free(s->list[i].word);
	memset(&s->list[i], 0, sizeof s->list[i]);
	s->list[i].next = s->free;
	s->free = i;
}

uint32_t
slots_find(const struct slots *s, pid_t pid)
{
	uint32_t i;

	if (!s->n)
		return NO_SLOT;
	for (i = *chain(s, pid); i != NO_SLOT && s->list[i].pid != pid; i = s->list[i].next)
		;
	return i;
}

const struct slot *
slots_oldest(const struct slots *s)
{
	const struct slot *oldest = NULL;
	uint32_t i;

	for (i = 0; i < s->n; i++)
		if (s->list[i].pid && (!oldest || s->list[i].number < oldest->number))
			oldest = &s->list[i];
	return oldest;
}

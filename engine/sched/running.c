/* The tasks that are running. */
#include "engine/sched/running.h"

#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"

void
running_init(struct running *s)
{
	memset(s, 0, sizeof *s);
	s->free = NO_RUNNING;
}

void
running_free(struct running *s)
{
	free(s->list);
	free(s->by_pid);
}

static uint32_t *
chain(const struct running *s, pid_t pid)
{
	return &s->by_pid[((uint32_t)pid * 2654435761u) & (s->n - 1)];
}

static void
link_slot(struct running *s, uint32_t i)
{
	uint32_t *head = chain(s, s->list[i].pid);

	s->list[i].next = *head;
	*head = i;
}

static void
grow(struct running *s)
{
	uint32_t i, old = s->n, n = old ? old * 2 : 32;

	s->list = mem_grow(s->list, n, sizeof *s->list);
	memset(s->list + old, 0, (n - old) * sizeof *s->list);
	s->n = n;
	free(s->by_pid);
	s->by_pid = mem_grow(NULL, n, sizeof *s->by_pid);
	for (i = 0; i < n; i++)
		s->by_pid[i] = NO_RUNNING;
	for (i = 0; i < old; i++)
		if (s->list[i].pid)
			link_slot(s, i);
	for (i = n; i-- > old; )
		running_drop(s, i);
}

uint32_t
running_take(struct running *s)
{
	uint32_t i;

	if (s->free == NO_RUNNING)
		grow(s);
	i = s->free;
	s->free = s->list[i].next;
	return i;
}

struct running_step *
running_use(struct running *s, uint32_t i, pid_t pid)
{
	s->list[i].pid = pid;
	s->list[i].number = ++s->starts;
	link_slot(s, i);
	s->running++;
	return &s->list[i];
}

void
running_begun(struct running *s, uint32_t i)
{
	s->due -= (uint32_t)s->list[i].is_due;
	s->list[i].is_due = 0;
}

void
running_forget(struct running *s, uint32_t i)
{
	uint32_t *p;

	for (p = chain(s, s->list[i].pid); *p != i; p = &s->list[*p].next)
		;
	*p = s->list[i].next;
	s->list[i].pid = 0;
	s->talking -= (uint32_t)s->list[i].has_terminal;
	running_begun(s, i);
	s->running--;
}

void
running_drop(struct running *s, uint32_t i)
{
	free(s->list[i].word);
	free(s->list[i].dir);
	free(s->list[i].taking);
	memset(&s->list[i], 0, sizeof s->list[i]);
	s->list[i].next = s->free;
	s->free = i;
}

uint32_t
running_find(const struct running *s, pid_t pid)
{
	uint32_t i;

	if (!s->n)
		return NO_RUNNING;
	for (i = *chain(s, pid); i != NO_RUNNING && s->list[i].pid != pid; i = s->list[i].next)
		;
	return i;
}

const struct running_step *
running_oldest(const struct running *s)
{
	const struct running_step *oldest = NULL;
	uint32_t i;

	for (i = 0; i < s->n; i++)
		if (s->list[i].pid && (!oldest || s->list[i].number < oldest->number))
			oldest = &s->list[i];
	return oldest;
}

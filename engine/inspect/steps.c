/* The steps of a run that is looked at. */
#include "engine/inspect/steps.h"

#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"

/* A step that was asked once at most, with nothing to say of it. */
struct step_short {
	unsigned state : 3;
	unsigned in_order : 1;
	unsigned dropped : 1;
	unsigned redo : 1;
	unsigned otherwise : 1;
	unsigned continued : 1;
	unsigned has_begun : 1;
	unsigned attempts : 1;
	unsigned last : 6;
	uint32_t began;         /* milliseconds after the base */
	uint32_t took, at;
	uint32_t whole;         /* its number among the whole ones, from 1: all else is there; 0: it is not one */
};

void
steps_free(struct steps *t)
{
	uint32_t i;

	for (i = 0; i < t->nwhole; i++)
		free(t->whole[i].text);
	free(t->whole);
	free(t->list);
}

struct run_step
steps_get(const struct steps *t, uint32_t id)
{
	struct run_step s;
	const struct step_short *p;

	memset(&s, 0, sizeof s);
	s.since = -1;
	if (id >= t->n)
		return s;
	p = &t->list[id];
	if (p->whole)
		return t->whole[p->whole - 1];
	s.state = (enum step_state)p->state;
	s.in_order = p->in_order;
	s.dropped = p->dropped;
	s.redo = p->redo;
	s.otherwise = p->otherwise;
	s.continued = p->continued;
	s.attempts = p->attempts;
	s.last = (enum log_event)p->last;
	s.took = p->took;
	s.at = p->at;
	if (p->has_begun) {
		s.began = t->base + p->began;
		s.since = p->at;
	}
	return s;
}

static int
fits(long long n)
{
	return n >= 0 && n <= UINT32_MAX;
}

static int
is_short(const struct steps *t, const struct run_step *s)
{
	return !s->walk && !s->text && !s->taken && !s->status && (s->attempts == 0 || s->attempts == 1) && fits(s->took) && fits(s->at) &&
	    (s->began ? fits(s->began - t->base) && s->since == s->at : s->since < 0 && !s->at);
}

static void
put_short(const struct steps *t, struct step_short *p, const struct run_step *s)
{
	p->state = s->state;
	p->in_order = s->in_order != 0;
	p->dropped = s->dropped != 0;
	p->redo = s->redo != 0;
	p->otherwise = s->otherwise != 0;
	p->continued = s->continued != 0;
	p->attempts = s->attempts != 0;
	p->last = s->last;
	p->took = (uint32_t)s->took;
	p->at = (uint32_t)s->at;
	p->has_begun = s->began != 0;
	p->began = s->began ? (uint32_t)(s->began - t->base) : 0;
}

/* Room for the step ID: those before it wait. */
static struct step_short *
short_of(struct steps *t, uint32_t id)
{
	if (id >= t->cap) {
		t->cap = id < 64 ? 64 : id + id / 4;
		t->list = mem_grow(t->list, t->cap, sizeof *t->list);
	}
	for (; t->n <= id; t->n++)
		memset(&t->list[t->n], 0, sizeof *t->list);
	return &t->list[id];
}

static uint32_t
add_whole(struct steps *t)
{
	if (t->nwhole == t->whole_cap) {
		t->whole_cap = t->whole_cap < 16 ? 16 : t->whole_cap + t->whole_cap / 4;
		t->whole = mem_grow(t->whole, t->whole_cap, sizeof *t->whole);
	}
	return ++t->nwhole;
}

void
steps_put(struct steps *t, uint32_t id, const struct run_step *s)
{
	struct step_short *p = short_of(t, id);

	if (!t->base)
		t->base = s->began;
	if (!p->whole && is_short(t, s)) {
		put_short(t, p, s);
		return;
	}
	if (!p->whole)
		p->whole = add_whole(t);
	t->whole[p->whole - 1] = *s;
}

void
step_set_text(struct run_step *s, const char *text)
{
	char *old = s->text;

	s->text = text ? mem_dup(text, strlen(text)) : NULL;
	free(old);
}

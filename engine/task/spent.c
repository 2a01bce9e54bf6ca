/* What the steps of a run have used, as its log tells. */
#include "engine/task/spent.h"

#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"

static struct spent_step *
step_of(struct spent *s, const struct keys *keys, uint32_t id)
{
	if (id >= s->n) {
		s->list = mem_grow(s->list, keys->cap, sizeof *s->list);
		memset(s->list + s->n, 0, (keys->cap - s->n) * sizeof *s->list);
		s->n = keys->cap;
	}
	return &s->list[id];
}

/* Each line tells all that its attempt has used so far. An attempt is known by its walk, in which a step is asked once, and
 * its number. */
static void
usage_line(struct spent *s, struct spent_step *step, const struct log_line *l)
{
	struct usage u;

	usage_of_log(&u, l->tokens, l->text);
	if (step->walk != s->walk || step->attempt != l->value) {
		usage_add(&step->earlier, &step->latest);
		memset(&step->latest, 0, sizeof step->latest);
		step->walk = s->walk;
		step->attempt = l->value;
	}
	s->untold += !!(u.told & USAGE_UNTOLD) - !!(step->latest.told & USAGE_UNTOLD);
	usage_subtract(&s->all, &step->latest);
	usage_subtract(&s->since, &step->latest);
	usage_add(&s->all, &u);
	usage_add(&s->since, &u);
	step->latest = u;
}

void
spent_line(struct spent *s, struct keys *keys, const struct log_line *l)
{
	if (l->event == LOG_WALK)
		s->walk++;
	else if (l->event == LOG_END && !l->value)
		memset(&s->since, 0, sizeof s->since);
	else if (l->event == LOG_USAGE)
		usage_line(s, step_of(s, keys, keys_add(keys, l->key, l->n)), l);
}

void
spent_of(const struct spent *s, uint32_t id, struct usage *u)
{
	memset(u, 0, sizeof *u);
	if (id >= s->n)
		return;
	*u = s->list[id].earlier;
	usage_add(u, &s->list[id].latest);
}

void
spent_all(const struct spent *s, struct usage *u)
{
	*u = s->all;
	u->told = (u->told & ~USAGE_UNTOLD) | (s->untold ? USAGE_UNTOLD : 0);
}

void
spent_free(struct spent *s)
{
	free(s->list);
	memset(s, 0, sizeof *s);
}

/* Who may start next: branches that wait for a slot of -j, a token, a pause to end, or until their agent takes more. */
#include "engine/sched/queue.h"

#include <string.h>

#include "parse/mem.h"

/* Whether the agent is what a step makes of it. */
static int
is_shell(const struct agent *a)
{
	return a->built_in && (!strcmp(a->name, "sh") || !strcmp(a->name, "exec"));
}

int
queue_is_shell(const struct node *run)
{
	return is_shell(run->step->agent);
}

/* Of sh and exec each step is an agent of its own, and each line that names them itself. */
static const void *
own_of(const struct node *n)
{
	return !is_shell(n->step->agent) ? NULL : n->step->pos.line ? (const void *)n->step : n;
}

struct throttled_agent *
queue_throttle(const struct walk *w, const struct branch *b)
{
	struct throttled_agent *h;

	if (!w->throttled || b->at->kind != NODE_RUN || b->otherwise)
		return NULL;
	for (h = w->throttled; h; h = h->next)
		if (h->own ? h->own == own_of(b->at) : !strcmp(h->name, b->at->step->agent->name))
			return h;
	return NULL;
}

struct throttled_agent *
queue_make_throttle(struct walk *w, const struct branch *b)
{
	struct throttled_agent *h = queue_throttle(w, b);

	if (h)
		return h;
	h = mem_zero(1, sizeof *h);
	h->name = b->at->step->agent->name;
	h->own = own_of(b->at);
	list_init(&h->waiting);
	h->next = w->throttled;
	w->throttled = h;
	return h;
}

/* The next of those whose agent may be asked again. */
static struct branch *
next_throttled(struct walk *w)
{
	struct throttled_agent *h;

	for (h = w->throttled; h; h = h->next)
		if (h->waiting.first && !throttle_waits(&h->throttle, w->now)) {
			w->nparked--;
			return list_take(&h->waiting);
		}
	return NULL;
}

/* A step that is `free` takes no token; all else that takes a slot does. */
int
queue_is_free(const struct branch *b)
{
	const struct node *n = b->at;

	return n->kind == NODE_RUN && (n->attrs.free || n->step->attrs.free);
}

int
queue_has_token(const struct walk *w)
{
	return !w->tokens || w->tokens_used < w->tokens;
}

/* The next that waits for a slot. What its agent would refuse, or what lacks a token, steps aside: others may
 * need neither. */
struct branch *
queue_next(struct walk *w)
{
	struct throttled_agent *h;
	struct branch *b;

	for (;;) {
		if (w->waiting_for_token.first && queue_has_token(w)) {
			b = list_take(&w->waiting_for_token);
			w->nparked--;
		} else if (!(b = next_throttled(w)) && !(b = list_take(&w->queue))) {
			return NULL;
		}
		h = queue_throttle(w, b);
		if (h && throttle_waits(&h->throttle, w->now))
			list_add(&h->waiting, b);
		else if (!queue_is_free(b) && !queue_has_token(w))
			list_add(&w->waiting_for_token, b);
		else
			return b;
		w->nparked++;
	}
}

void
queue_in_order(struct walk *w, struct branch *b)
{
	struct branch **p;

	for (p = &w->queue.first; *p && !((*p)->of == b->of && (*p)->index > b->index); p = &(*p)->next)
		;
	b->state = BRANCH_QUEUED;
	list_insert(&w->queue, p, b);
}

void
queue_end_pauses(struct walk *w)
{
	while (w->pausing.first && w->pausing.first->due <= w->now) {
		struct branch *b = list_take(&w->pausing);

		b->state = BRANCH_QUEUED;
		list_add(&w->queue, b);
	}
}

void
queue_pause(struct walk *w, struct branch *b, long long ms)
{
	struct branch **p;

	b->state = BRANCH_PAUSE;
	b->due = w->now + ms;
	for (p = &w->pausing.first; *p && (*p)->due <= b->due; p = &(*p)->next)
		;
	list_insert(&w->pausing, p, b);
}

long long
queue_delay(struct walk *w, const struct branch *b)
{
	const long long most = 24LL * 3600 * 1000;
	long long d = b->delay;
	long i;

	for (i = 1; i < b->attempts - b->refused && d < most; i++)
		d *= 2;
	return throttle_jitter(d < most ? d : most, w->ops->random(w->ops->ctx));
}

/* What a workflow would do. */
#include "engine/plan.h"

#include <stdlib.h>
#include <string.h>

#include "engine/items.h"

struct plan {
	struct answers *answers;
	const char *prefix;     /* of the keys of the file that is walked */
	int perhaps;            /* the call of this file may not be reached */
	struct sight sight;     /* one for all: on paper nothing runs beside anything else */
	void (*each)(void *, const struct plan_step *);
	void *ctx;
};

static int plan_nodes(struct plan *, const struct scope *, const struct node *);

static int
is_perhaps(const struct node *n)
{
	for (n = n->parent; n; n = n->parent)
		if (n->kind == NODE_IF || (n->kind == NODE_FOR && node_breaks(n->body)))
			return 1;
	return 0;
}

static void
plan_step(struct plan *p, const struct scope *scope, const struct node *n)
{
	struct plan_step step = { 0 };
	struct buf key = { 0 }, written = { 0 };
	struct place at;
	uint32_t id;

	memset(&at, 0, sizeof at);
	at.scope = scope;
	at.sight = &p->sight;
	at.prefix = p->prefix;
	tmpl_show(&n->key->t, &written);
	step.node = n;
	step.written = buf_str(&written);
	step.at = &at;
	step.perhaps = p->perhaps || is_perhaps(n);
	p->answers->error.n = 0;
	buf_text(&key, p->prefix);
	if (!expand(p->answers, &at, &n->key->t, &key)) {
		step.key = buf_str(&key);
		id = keys_find(p->answers->keys, key.s, key.n);
		step.kept = id != KEY_NONE && (p->answers->keys->list[id].flags & KEY_KEPT);
		if (step.kept && !(p->answers->keys->list[id].flags & KEY_MADE)) {
			p->answers->keys->list[id].flags |= KEY_MADE;
			sight_add(&p->sight, p->answers->keys, id);
		}
	}
	p->each(p->ctx, &step);
	buf_free(&key);
	buf_free(&written);
}

/* The lines of a block, for every item; once as they are written when the items are not known yet. */
static int
plan_items(struct plan *p, const struct scope *scope, const struct node *n)
{
	struct items items = { 0 };
	struct place at;
	struct scope var;
	char *lines;
	const char *s;
	size_t len;
	int ended = 0;

	memset(&at, 0, sizeof at);
	at.scope = scope;
	at.sight = &p->sight;
	at.prefix = p->prefix;
	p->answers->error.n = 0;
	if (inputs_read(p->answers, &at, n, &lines, &len) || items_read(&items, p->answers, &at, n, lines, len)) {
		items_free(&items);
		return plan_nodes(p, scope, n->body);
	}
	var.up = scope;
	var.name = n->var;
	while ((!ended || n->kind == NODE_PARALLEL) && items_next(&items, &s, &len)) {
		var.value = s;
		var.n = len;
		ended |= plan_nodes(p, &var, n->body);
	}
	items_free(&items);
	return ended;
}

/* A called file; its parameters as far as they can be told. */
static void
plan_call(struct plan *p, const struct scope *scope, const struct node *n)
{
	struct buf prefix = { 0 };
	const char *outside = p->prefix;
	int perhaps = p->perhaps;
	struct arena mem = { 0 };
	struct place at;

	memset(&at, 0, sizeof at);
	at.scope = scope;
	at.sight = &p->sight;
	at.prefix = p->prefix;
	buf_text(&prefix, p->prefix);
	p->answers->error.n = 0;
	if (expand(p->answers, &at, &n->key->t, &prefix))
		tmpl_show(&n->key->t, &prefix);
	buf_char(&prefix, '/');
	p->prefix = buf_str(&prefix);
	p->perhaps |= is_perhaps(n);
	plan_nodes(p, call_scope(p->answers, &at, n, &mem, NULL), n->called->body);
	p->prefix = outside;
	p->perhaps = perhaps;
	buf_free(&prefix);
	arena_free(&mem);
}

/* Returns whether the file surely ends here. */
static int
plan_nodes(struct plan *p, const struct scope *scope, const struct node *n)
{
	int ended = 0;

	for (; n && !ended; n = n->next) {
		if (n->kind == NODE_STOP || n->kind == NODE_FAIL) {
			ended = !is_perhaps(n);
		} else if (n->key && n->kind != NODE_CALL) {
			plan_step(p, scope, n);
		} else if (n->called) {
			plan_call(p, scope, n);
		} else if (n->var) {
			ended = plan_items(p, scope, n);
		} else {
			ended = plan_nodes(p, scope, n->body);
			ended |= plan_nodes(p, scope, n->other);
		}
	}
	return ended;
}

void
plan_walk(struct flow *f, struct answers *a, void (*each)(void *, const struct plan_step *), void *ctx)
{
	struct plan p = { 0 };
	size_t i;

	p.answers = a;
	p.each = each;
	p.ctx = ctx;
	p.sight.serial = UINT32_MAX;
	p.prefix = "";
	plan_nodes(&p, f->scope, f->w->body);
	for (i = 0; i < p.sight.made.n; i++) {
		a->keys->list[p.sight.made.list[i]].flags &= ~(unsigned)KEY_MADE;
		a->keys->list[p.sight.made.list[i]].owner = 0;
	}
	ids_free(&p.sight.made);
}

struct shower {
	struct answers *answers;
	struct buf *out;
	size_t kept, would, might;
};

static void
show_prompt(struct shower *s, const struct plan_step *step)
{
	struct buf text = { 0 };
	size_t n;

	s->answers->error.n = 0;
	if (step->node->program)
		buf_text(&text, step->node->program);
	else if (expand(s->answers, step->at, &step->node->prompt, &text)) {
		text.n = 0;
		tmpl_show(&step->node->prompt, &text);
	}
	n = strcspn(buf_str(&text), "\n");
	if (n) {
		buf_text(s->out, "  | ");
		visible_add(s->out, text.s, n > 120 ? 120 : n, VISIBLE_TABS);
		if (n > 120)
			buf_text(s->out, "...");
	}
	buf_free(&text);
}

static void
show_step(void *ctx, const struct plan_step *step)
{
	struct shower *s = ctx;
	const char *key = step->key ? step->key : step->written;

	buf_text(s->out, step->kept ? "kept       " : step->perhaps ? "might run  " : "would run  ");
	visible_add(s->out, key, strlen(key), 0);
	if (!step->key)
		buf_text(s->out, "  (for items that are not known yet)");
	if (!step->kept)
		show_prompt(s, step);
	buf_char(s->out, '\n');
	if (step->kept)
		s->kept++;
	else if (step->perhaps)
		s->might++;
	else
		s->would++;
}

void
plan_show(struct flow *f, struct answers *a, struct buf *out)
{
	struct shower s = { 0 };

	s.answers = a;
	s.out = out;
	plan_walk(f, a, show_step, &s);
	buf_fmt(out, "%zu kept, %zu would run", s.kept, s.would);
	if (s.might)
		buf_fmt(out, ", %zu might", s.might);
	buf_char(out, '\n');
}

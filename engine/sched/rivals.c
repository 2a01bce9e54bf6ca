/* Keys that would share a file. */
#include "engine/sched/rivals.h"

#include <string.h>

#include "parse/diag.h"
#include "parse/text.h"

void
rivals_begin(struct keys *k, const struct store *s)
{
	uint32_t id;

	if (!s->folds)
		return;
	keys_watch_files(k);
	for (id = 0; id < k->n; id++)
		if (k->list[id].flags & (KEY_KEPT | KEY_ODD))
			keys_rival(k, id);
}

static void
put_line(struct buf *out, const struct node *n)
{
	buf_fmt(out, " (line %u of %s)", n->pos.line, n->pos.src->name);
}

void
rivals_say(struct buf *out, const struct keys *k, uint32_t rival, const char *key, const struct node *n)
{
	const char *other = keys_text(k, rival);
	int made = k->list[rival].flags & (KEY_RESERVED | KEY_MADE);
	char name[KEY_NAME_MAX + 1];

	if (made) {
		buf_fmt(out, "the keys `%s`", other);
		put_line(out, keys_line(k, rival));
		buf_fmt(out, " and `%s`", key);
		put_line(out, n);
		buf_text(out, " would share one file");
	} else {
		buf_fmt(out, "the key `%s`", key);
		put_line(out, n);
		buf_fmt(out, " would overwrite the result `%s`, which is there already", other);
	}
	buf_text(out, ": this file system does not tell their names apart; ");
	buf_text(out, made ? "rename one of them with `as NAME`" : "rename it with `as NAME`");
	if (!made && key_encode(other, strlen(other), name) >= 0)
		buf_fmt(out, ", remove result/%s if it is not needed", name);
	buf_text(out, ", or use -d DIR on a file system that does");
}

enum { SAID_MOST = 20 };

struct check {
	struct keys planned;    /* the keys of the plan, each reserved by its line */
	const struct keys *keys;        /* of the run */
	struct buf *error;
	size_t found;
};

static void
refuse(struct check *c, const struct keys *k, uint32_t rival, const char *key, const struct node *n)
{
	struct buf text = { 0 };

	if (c->found++ >= SAID_MOST)
		return;
	rivals_say(&text, k, rival, key, n);
	buf_text(c->error, "orch: ");
	visible_add(c->error, buf_str(&text), text.n, 0);
	buf_char(c->error, '\n');
	buf_free(&text);
}

static void
add_planned(void *ctx, const struct plan_step *step)
{
	struct check *c = ctx;
	uint32_t id, rival;

	if (!step->key)
		return;
	id = keys_add(&c->planned, step->key, strlen(step->key));
	rival = keys_rival(&c->planned, id);
	if (c->planned.list[id].flags & KEY_RESERVED)
		return;
	keys_reserve_for(&c->planned, id, 0, step->node);
	if (rival != KEY_NONE)
		refuse(c, &c->planned, rival, step->key, step->node);
}

/* Results that are there, and that the plan has under another name alone. */
static void
check_kept(struct check *c)
{
	struct keys *p = &c->planned;
	uint32_t id, planned, n = p->n, rival;

	for (id = 0; id < c->keys->n; id++) {
		const char *key = keys_text(c->keys, id);

		if (!(c->keys->list[id].flags & (KEY_KEPT | KEY_ODD)))
			continue;
		planned = keys_add(p, key, strlen(key));
		if (planned >= n && (rival = keys_rival(p, planned)) != KEY_NONE)
			refuse(c, c->keys, id, keys_text(p, rival), keys_line(p, rival));
	}
}

int
rivals_check(const struct workflow *w, const struct scope *scope, struct results *a, struct buf *error)
{
	struct check c;

	memset(&c, 0, sizeof c);
	if (!a->keys->files)
		return 0;
	c.keys = a->keys;
	c.error = error;
	c.planned.lines = w->keyed;
	keys_watch_files(&c.planned);
	plan_walk(w, scope, a, NULL, add_planned, &c);
	check_kept(&c);
	keys_free(&c.planned);
	if (c.found > SAID_MOST)
		buf_fmt(error, "orch: and %zu more such keys\n", c.found - SAID_MOST);
	return c.found ? 2 : 0;
}

/* Keys that the items of a block will make. */
#include "engine/claim.h"

#include <string.h>

#include "parse/parse.h"

struct claim {
	struct walk *w;
	const struct node *block;
	struct items *items;
	struct scope var;
	char number[ITEM_NUMBER];
	struct place at;
	uint32_t first, tag;    /* the first item's turn, and this one's: they count down */
	uint32_t want;          /* only looking for the item that gave this key; KEY_NONE: claiming */
	int found;
	struct buf key;         /* the one that is looked at */
	struct buf *error;
};

int
claim_check(const char *s, size_t n, struct buf *error)
{
	char name[KEY_NAME_MAX + 1];

	if (memchr(s, '\0', n))
		buf_text(error, "a key with a NUL byte");
	else if (n == 1 && *s == '-')
		buf_text(error, "the key `-` is standard input's");
	else if ((n && n * 3 <= KEY_NAME_MAX) /* a byte is written as three at most */ || key_encode(s, n, name) >= 0)
		return 0;
	else if (!n)
		buf_text(error, "an empty key");
	else
		buf_fmt(error, "the key `%.60s...` is too long for a file's name: %d bytes, as %%XX written out, are the most",
		    s, (int)KEY_NAME_MAX);
	return -1;
}

int
claim_read(struct answers *a, const struct place *at, const struct node *n, struct buf *out)
{
	size_t from;

	buf_text(out, at->prefix);
	from = out->n;
	if (expand(a, at, &n->key->t, out))
		return -1;
	if (out->n == from)
		out->n = 0;             /* an empty key, whatever is in front of it */
	else if (n->kind == NODE_CALL)
		buf_char(out, '/');
	return 0;
}

static int claim_items(struct claim *);

/* Says who gave the key first. */
static void
say_twice(struct claim *c, const struct node *n, uint32_t id)
{
	struct keys *keys = c->w->answers->keys;
	struct claim again = *c;
	struct buf item = { 0 };

	memset(&again.key, 0, sizeof again.key);

	buf_add(&item, c->var.value, c->var.n > 100 ? 100 : c->var.n);
	again.want = id;
	again.found = 0;
	again.at.scope = &again.var;
	items_rewind(c->items);
	if (!(keys->list[id].flags & KEY_MADE) && keys->list[id].owner <= c->first && keys->list[id].owner != c->tag &&
	    claim_items(&again) && again.found)
		buf_fmt(c->error, "the items `%.*s` and `%s` both give the key `%s`",
		    (int)(again.var.n > 100 ? 100 : again.var.n), again.var.value, buf_str(&item), keys_text(keys, id));
	else
		buf_fmt(c->error, "the key `%s` of line %u, item `%s`, is made on line %u already", keys_text(keys, id),
		    n->pos.line, buf_str(&item), keys_line(keys, id)->pos.line);
	buf_free(&item);
	buf_free(&again.key);
}

static int
claim_key(struct claim *c, const struct node *n)
{
	struct keys *keys = c->w->answers->keys;
	uint32_t id;

	c->key.n = 0;
	/* A key that hangs on an answer that is still to come is looked at when it is made. */
	if (claim_read(c->w->answers, &c->at, n, &c->key)) {
		c->w->answers->error.n = 0;
		return 0;
	}
	if (claim_check(buf_str(&c->key), c->key.n, c->error))
		return -1;
	id = keys_add(keys, c->key.s, c->key.n);
	if (c->want != KEY_NONE) {
		c->found = id == c->want;
		return c->found ? -1 : 0;
	}
	if ((keys->list[id].flags & KEY_MADE) || ((keys->list[id].flags & KEY_CLAIMED) &&
	    (keys->list[id].owner != c->tag || !node_exclusive(keys_line(keys, id), n)))) {
		say_twice(c, n, id);
		return -1;
	}
	keys_claim(keys, id, c->tag, n);
	return 0;
}

/* The keys that the item's lines will make, as far as they can be told now. */
static int
claim_nodes(struct claim *c, const struct node *n)
{
	for (; n; n = n->next) {
		if (n->key && claim_key(c, n))
			return -1;
		if (!n->var && (claim_nodes(c, n->body) || claim_nodes(c, n->other)))
			return -1;
	}
	return 0;
}

/* Claims for every item, and counts them. */
static int
claim_items(struct claim *c)
{
	const char *s;
	size_t n;

	while (items_next(c->items, c->number, &s, &n)) {
		c->var.value = s;
		c->var.n = n;
		if (c->want == KEY_NONE)
			c->tag = c->w->tags--;
		if (claim_nodes(c, c->block->body))
			return -1;
	}
	return 0;
}

int
claim_keys(struct walk *w, struct branch *b, struct items *items, uint32_t *total)
{
	struct claim c = { 0 };
	struct buf error = { 0 };
	uint32_t before = w->tags;
	int bad;

	c.w = w;
	c.block = b->at;
	c.items = items;
	c.want = KEY_NONE;
	c.first = before;
	c.error = &error;
	c.var.up = b->scope;
	c.var.name = b->at->var;
	branch_place(b, &c.at);
	c.at.scope = &c.var;
	w->answers->error.n = 0;
	if (items->count > w->answers->keys->n)
		keys_reserve(w->answers->keys, items->count - w->answers->keys->n);
	bad = claim_items(&c);
	buf_free(&c.key);
	*total = before - w->tags;
	items_rewind(items);
	if (bad)
		branch_fail_here(w, b, buf_str(error.n ? &error : &w->answers->error));
	buf_free(&error);
	return bad;
}

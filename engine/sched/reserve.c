/* Keys that the items of a block will make. */
#include "engine/sched/reserve.h"

#include <stdlib.h>
#include <string.h>

#include "engine/sched/rivals.h"
#include "parse/mem.h"
#include "parse/parse.h"
#include "parse/text.h"

/* Where a branch of the block will have a worktree. */
struct taken {
	char *place;            /* its path; or -- and its slug, after the name of the repository */
	char *item;
	size_t nth;
};

struct reservation {
	struct walk *w;
	const struct node *block;
	struct items *items;
	struct scope var;
	char number[ITEM_NUMBER];
	struct context at;
	uint32_t first, tag;    /* the first item's turn, and this one's: they count down */
	uint32_t want;          /* only looking for the item that gave this key; KEY_NONE: reserving */
	int found;
	struct buf key;         /* the one that is looked at */
	struct taken *taken;    /* the places of worktrees */
	size_t ntaken;
	int in_if;              /* the line that is looked at is in an arm: perhaps it is reached for one item alone */
	int moved;              /* the directory of the line that is looked at is another than the block's */
	struct buf *error;
};

int
key_is_valid(const char *s, size_t n, struct buf *error)
{
	char name[KEY_NAME_MAX + 1], quoted[TEXT_SHORT];

	if (memchr(s, '\0', n))
		buf_text(error, "a key with a NUL byte");
	else if (n == 1 && *s == '-')
		buf_text(error, "the key `-` is reserved for standard input");
	else if ((n && n * 3 <= KEY_NAME_MAX) /* a byte is written as three at most */ || key_encode(s, n, name) >= 0)
		return 0;
	else if (!n)
		buf_text(error, "an empty key");
	else
		buf_fmt(error, "the key `%s` is too long for a file's name: %d bytes, as %%XX written out, are the most%s",
		    text_short(quoted, s), (int)KEY_NAME_MAX,
		    memchr(s, '\t', n) ? "; of a row name a column: VAR,VAR,... in < NAME, and one of them in the key" : "");
	return -1;
}

int
key_expand(struct results *a, const struct context *at, const struct node *n, struct buf *out)
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

static int reserve_items_of(struct reservation *);

/* Says who gave the key first. */
static void
say_twice(struct reservation *c, const struct node *n, uint32_t id)
{
	struct keys *keys = c->w->results->keys;
	struct reservation again = *c;
	struct buf item = { 0 };
	char quoted[TEXT_SHORT];

	memset(&again.key, 0, sizeof again.key);

	visible_cut(&item, c->var.value, c->var.n, 100, 0);
	again.want = id;
	again.found = 0;
	again.at.scope = &again.var;
	items_rewind(c->items);
	if (!(keys->list[id].flags & KEY_MADE) && keys->list[id].owner <= c->first && keys->list[id].owner != c->tag &&
	    reserve_items_of(&again) && again.found)
		buf_fmt(c->error, "the items `%s` and `%s` both give the key `%s`",
		    text_short(quoted, again.var.value), buf_str(&item), keys_text(keys, id));
	else
		buf_fmt(c->error, "the key `%s` of line %u, item `%s`, is made on line %u already", keys_text(keys, id),
		    n->pos.line, buf_str(&item), keys_line(keys, id)->pos.line);
	buf_free(&item);
	buf_free(&again.key);
}

static int
reserve_key(struct reservation *c, const struct node *n)
{
	struct keys *keys = c->w->results->keys;
	uint32_t id, rival;

	c->key.n = 0;
	/* A key that hangs on a result that is still to come is looked at when it is made. */
	if (key_expand(c->w->results, &c->at, n, &c->key))
		return 0;
	if (key_is_valid(buf_str(&c->key), c->key.n, c->error))
		return -1;
	id = keys_add(keys, c->key.s, c->key.n);
	if (c->want != KEY_NONE) {
		c->found = id == c->want;
		return c->found ? -1 : 0;
	}
	if ((keys->list[id].flags & KEY_MADE) || ((keys->list[id].flags & KEY_RESERVED) &&
	    (keys->list[id].owner != c->tag || !node_exclusive(keys_line(keys, id), n)))) {
		say_twice(c, n, id);
		return -1;
	}
	rival = keys_rival(keys, id);
	if (rival != KEY_NONE) {
		rivals_say(c->error, keys, rival, buf_str(&c->key), n);
		return -1;
	}
	keys_reserve_for(keys, id, c->tag, n);
	return 0;
}

/* Where the worktree of the line N will be, as far as that can be told now. */
static void
reserve_place(struct reservation *c, const struct node *n)
{
	struct buf text = { 0 }, place = { 0 };
	const char *literal;
	struct taken *t;
	size_t len;

	if (c->in_if && tmpl_literal(n->at ? &n->at->t : &n->arg->t, &literal, &len))
		return;

	if (expand(c->w->results, &c->at, n->at ? &n->at->t : &n->arg->t, &text)) {
		;               /* it hangs on a result that is still to come */
	} else if (n->at && (*buf_str(&text) == '/' || !c->moved)) {
		struct buf whole = { 0 };

		context_dir(&c->at, text.s, &whole);
		worktree_add_path(&place, buf_str(&whole));
		buf_free(&whole);
	} else if (!n->at && !c->moved) {
		buf_text(&place, "--");
		worktree_add_slug(&place, buf_str(&text));
	}
	if (place.n) {
		c->taken = mem_grow(c->taken, c->ntaken + 1, sizeof *c->taken);
		t = &c->taken[c->ntaken];
		t->place = buf_take(&place);
		t->item = mem_dup(c->var.value, c->var.n);
		t->nth = c->ntaken++;
	}
	buf_free(&text);
	buf_free(&place);
}

static int
by_place(const void *va, const void *vb)
{
	const struct taken *a = va, *b = vb;
	int order = strcmp(a->place, b->place);

	return order ? order : a->nth < b->nth ? -1 : 1;
}

/* Two branches whose worktrees would be in one place are an error. */
static int
check_places(struct reservation *c)
{
	const struct taken *a, *b;
	char one[TEXT_SHORT], other[TEXT_SHORT];
	size_t i;

	if (c->ntaken)
		qsort(c->taken, c->ntaken, sizeof *c->taken, by_place);
	for (i = 1; i < c->ntaken; i++) {
		a = &c->taken[i - 1];
		b = &c->taken[i];
		if (strcmp(a->place, b->place) || !strcmp(a->item, b->item))
			continue;
		buf_fmt(c->error, "the %s `%s` and `%s` would have their worktrees in one place, %s%s: use `at PATH`",
		    c->block->var ? "items" : "branches", text_short(one, a->item), text_short(other, b->item),
		    *a->place == '/' ? "" : "REPO", a->place);
		return -1;
	}
	return 0;
}

static void
free_places(struct reservation *c)
{
	size_t i;

	for (i = 0; i < c->ntaken; i++) {
		free(c->taken[i].place);
		free(c->taken[i].item);
	}
	free(c->taken);
}

/* The keys that the item's lines will make, and the places of their worktrees, as far as they can be told now. */
static int
reserve_nodes(struct reservation *c, const struct node *n)
{
	int moved, bad;

	for (; n; n = n->next) {
		if (n->key && reserve_key(c, n))
			return -1;
		if (n->kind == NODE_WORKTREE && c->want == KEY_NONE && c->block->kind == NODE_PARALLEL)
			reserve_place(c, n);
		c->moved |= n->kind == NODE_CD || n->enter;
		moved = c->moved;       /* an arm hands no directory back */
		c->in_if += n->kind == NODE_IF;
		bad = !n->var && reserve_nodes(c, n->body);
		c->moved = moved;
		bad = bad || (!n->var && reserve_nodes(c, n->other));
		c->in_if -= n->kind == NODE_IF;
		c->moved = moved;
		if (bad)
			return -1;
	}
	return 0;
}

/* Reserves for every item, and counts them. */
static int
reserve_items_of(struct reservation *c)
{
	const char *s;
	size_t n;

	while (items_next(c->items, c->number, &s, &n)) {
		scope_set(&c->var, c->var.up, c->block, s, n);
		if (c->want == KEY_NONE)
			c->tag = c->w->tags--;
		c->moved = 0;
		if (reserve_nodes(c, c->block->body))
			return -1;
	}
	return 0;
}

int
reserve_items(struct walk *w, struct branch *b, struct items *items, uint32_t *total)
{
	struct reservation c = { 0 };
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
	branch_context(b, &c.at);
	c.at.scope = &c.var;
	if (items->count > w->results->keys->n)
		keys_reserve(w->results->keys, items->count - w->results->keys->n);
	bad = reserve_items_of(&c);
	if (!bad)
		bad = check_places(&c);
	free_places(&c);
	buf_free(&c.key);
	*total = before - w->tags;
	items_rewind(items);
	if (bad)
		branch_fail_here(w, b, buf_str(&error));
	buf_free(&error);
	return bad;
}

int
reserve_places(struct walk *w, struct branch *b)
{
	struct reservation c = { 0 };
	struct buf error = { 0 }, name = { 0 };
	const struct node *n;
	int bad;

	c.w = w;
	c.block = b->at;
	c.error = &error;
	branch_context(b, &c.at);
	for (n = b->at->body; n; n = n->next) {
		name.n = 0;
		if (n->kind != NODE_WORKTREE || expand(w->results, &c.at, &n->arg->t, &name))
			continue;
		c.var.value = buf_str(&name);
		c.var.n = name.n;
		reserve_place(&c, n);
	}
	bad = check_places(&c);
	if (bad)
		branch_fail_here(w, b, buf_str(&error));
	free_places(&c);
	buf_free(&error);
	buf_free(&name);
	return bad;
}

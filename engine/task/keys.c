/* The keys of one walk. */
#include "engine/task/keys.h"

#include <stdlib.h>
#include <string.h>

#include "engine/task/apart.h"
#include "parse/mem.h"
#include "store/fold.h"

/* Which key has which file, where names are folded. */
struct key_files {
	uint32_t *table;        /* numbers of keys from 1, by the hash of their folded names; 0: empty */
	size_t size, n;         /* a power of two; how many there are */
};

void
keys_free(struct keys *k)
{
	apart_free(k->text, k->room);
	apart_free(k->list, k->cap * sizeof *k->list);
	apart_free(k->digest, k->digest ? k->cap * sizeof *k->digest : 0);
	apart_free(k->seq, k->seq ? k->cap * sizeof *k->seq : 0);
	apart_free(k->changed, k->changed ? k->cap * sizeof *k->changed : 0);
	apart_free(k->table, k->size * sizeof *k->table);
	if (k->files)
		apart_free(k->files->table, k->files->size * sizeof *k->files->table);
	free(k->files);
	memset(k, 0, sizeof *k);
}

/* A step of the hash, for eight bytes: multiplied by an odd number near 2^64 divided by the golden ratio (Knuth, The
 * Art of Computer Programming, 6.4), the high bits, which know of all, go into the low ones. */
static uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

static uint32_t
hash(const char *s, size_t n)
{
	uint64_t h = n, v = 0;

	for (; n >= 8; s += 8, n -= 8) {
		memcpy(&v, s, 8);
		h = mix(h, v);
	}
	for (v = 0; n; n--)
		v = v << 8 | (unsigned char)*s++;
	return (uint32_t)mix(h, v);
}

const char *
keys_text(const struct keys *k, uint32_t id)
{
	return k->text + k->list[id].at;
}

const struct node *
keys_line(const struct keys *k, uint32_t id)
{
	return k->lines[k->list[id].line - 1];
}

/* The keys are in the text one after another. */
static size_t
length(const struct keys *k, uint32_t id)
{
	return (id + 1 < k->n ? k->list[id + 1].at : k->used) - k->list[id].at - 1;
}

/* The number in the entry E of the table; KEY_NONE: it is empty. */
static uint32_t
number_of(const struct keys *k, uint32_t e)
{
	return (e & (uint32_t)(k->size - 1)) - 1;
}

/* The slot in the table of S, or the empty one where it would be. An entry is the key's number from 1 and, as far
 * as there is room, its hash, which is *TAG: so other keys are seldom read to tell that they are others. */
static uint32_t *
slot(const struct keys *k, const char *s, size_t n, uint32_t *tag)
{
	uint32_t low = (uint32_t)(k->size - 1), h = hash(s, n), i, e, id;

	*tag = h & ~low;
	for (i = h & low; (e = k->table[i]); i = (i + 1) & low)
		if ((e & ~low) == *tag && (id = number_of(k, e), length(k, id) == n) && !memcmp(keys_text(k, id), s, n))
			break;
	return &k->table[i];
}

static void
grow_table(struct keys *k, size_t size)
{
	uint32_t id, tag, *at;

	apart_free(k->table, k->size * sizeof *k->table);
	k->size = size;
	k->table = apart_grow(NULL, 0, k->size * sizeof *k->table);
	for (id = 0; id < k->n; id++) {
		at = slot(k, keys_text(k, id), length(k, id), &tag);
		*at = tag | (id + 1);
	}
}

void
keys_reserve(struct keys *k, size_t more)
{
	size_t size = k->size ? k->size : 64;

	while (size < (k->n + more) * 2)
		size *= 2;
	if (size > k->size)
		grow_table(k, size);
}

static void
grow_lists(struct keys *k)
{
	size_t old = k->cap, cap = old ? old + old / 2 : 32;

	k->list = apart_grow(k->list, old * sizeof *k->list, cap * sizeof *k->list);
	if (k->digest)
		k->digest = apart_grow(k->digest, old * sizeof *k->digest, cap * sizeof *k->digest);
	if (k->seq)
		k->seq = apart_grow(k->seq, old * sizeof *k->seq, cap * sizeof *k->seq);
	if (k->changed)
		k->changed = apart_grow(k->changed, old * sizeof *k->changed, cap * sizeof *k->changed);
	k->cap = (uint32_t)cap;
}

uint32_t
keys_find(const struct keys *k, const char *s, size_t n)
{
	uint32_t tag;

	return k->n ? number_of(k, *slot(k, s, n, &tag)) : KEY_NONE;
}

static void
add_text(struct keys *k, const char *s, size_t n)
{
	if (k->used > UINT32_MAX)
		mem_none();             /* ->at cannot tell where it would be */
	if (k->room - k->used < n + 1) {
		size_t room = k->room + k->room / 2 + n + 256;

		k->text = apart_grow(k->text, k->room, room);
		k->room = room;
	}
	memcpy(k->text + k->used, s, n);
	k->text[k->used + n] = '\0';
	k->used += n + 1;
}

uint32_t
keys_add(struct keys *k, const char *s, size_t n)
{
	uint32_t *found, id = k->n, tag;

	if (k->size < (k->n + (size_t)1) * 2)
		keys_reserve(k, 1);
	found = slot(k, s, n, &tag);
	if (*found)
		return number_of(k, *found);
	if (k->n == k->cap)
		grow_lists(k);
	k->list[id].at = (uint32_t)k->used;
	add_text(k, s, n);
	*found = tag | (id + 1);
	k->n++;
	return id;
}

void
keys_reserve_for(struct keys *k, uint32_t id, uint32_t tag, const struct node *n)
{
	k->list[id].flags |= KEY_RESERVED;
	k->list[id].owner = tag;
	k->list[id].line = n->number;
}

void
keys_set_digest(struct keys *k, uint32_t id, uint64_t digest)
{
	if (!k->digest && digest)
		k->digest = apart_grow(NULL, 0, k->cap * sizeof *k->digest);
	if (k->digest)
		k->digest[id] = digest;
}

uint64_t
keys_digest(const struct keys *k, uint32_t id)
{
	return k->digest ? k->digest[id] : 0;
}

void
result_set_seq(struct keys *k, uint32_t id, uint32_t seq)
{
	if (!k->seq)
		k->seq = apart_grow(NULL, 0, k->cap * sizeof *k->seq);
	k->seq[id] = seq;
	if (k->changed)
		k->changed[id] = seq;
}

void
result_set_same(struct keys *k, uint32_t id, uint32_t seq)
{
	uint32_t changed = k->changed ? k->changed[id] : result_seq(k, id);

	if (!k->seq)
		k->seq = apart_grow(NULL, 0, k->cap * sizeof *k->seq);
	if (!k->changed) {
		k->changed = apart_grow(NULL, 0, k->cap * sizeof *k->changed);
		memcpy(k->changed, k->seq, k->n * sizeof *k->changed);
	}
	k->seq[id] = seq;
	k->changed[id] = changed;
}

uint32_t
result_seq(const struct keys *k, uint32_t id)
{
	return k->seq ? k->seq[id] : 0;
}

void
result_seqs_level(struct keys *k, struct result_seqs *saved)
{
	uint32_t id;

	saved->seq = k->seq;
	saved->changed = k->changed;
	k->seq = k->changed = NULL;
	for (id = 0; id < k->n; id++)
		result_set_seq(k, id, 1);
}

void
result_seqs_restore(struct keys *k, struct result_seqs *saved)
{
	apart_free(k->seq, k->seq ? k->cap * sizeof *k->seq : 0);
	k->seq = saved->seq;
	k->changed = saved->changed;
}

static void
raise_to(uint32_t *seq, uint32_t other)
{
	if (*seq < other)
		*seq = other;
}

void
newest_join(struct newest *newest, const struct newest *other)
{
	raise_to(&newest->seq, other->seq);
	raise_to(&newest->pure, other->pure);
}

void
newest_kept(struct newest *newest, const struct keys *k, uint32_t id, const struct node *n)
{
	raise_to(node_is_pure(n) ? &newest->pure : &newest->seq, k->changed ? k->changed[id] : result_seq(k, id));
}

void
newest_made(struct newest *newest, const struct keys *k, uint32_t id, const struct node *n, int is_same)
{
	if (!node_is_pure(n))
		newest->seq = SEQ_NOW;
	else if (is_same)
		newest_kept(newest, k, id, n);
	else
		newest->pure = SEQ_NOW;
}

int
result_is_outdated(const struct keys *k, uint32_t id, const struct node *n, int again, const char *differs, uint32_t forked,
    struct newest *newest)
{
	unsigned origin = k->list[id].origin;
	uint32_t seq = result_seq(k, id);

	if (k->list[id].flags & KEY_REDO)
		return n->kind != NODE_WORKTREE;
	if (!again && !k->is_redo)
		return 0;
	if ((again && differs) || (n->kind != NODE_WORKTREE && newest->seq > seq))
		return 1;
	if (newest->pure > seq && (differs || n->kind == NODE_ASK))
		return 1;
	if (forked != KEY_NONE && result_seq(k, forked) > seq)
		return 1;
	if (origin != ORIGIN_FOUND && origin != ORIGIN_FOREIGN && (again || (k->list[id].flags & KEY_REDONE)))
		newest_kept(newest, k, id, n);
	return 0;
}

void
keys_watch_files(struct keys *k)
{
	if (!k->files)
		k->files = mem_zero(1, sizeof *k->files);
}

/* What the name of the key's file is to the file system; 0: it has none. */
static int
fold_key(const struct keys *k, uint32_t id, struct fold *f)
{
	char name[KEY_NAME_MAX + 1];

	if (key_encode(keys_text(k, id), length(k, id), name) < 0)
		return 0;
	fold_name(f, name);
	return 1;
}

/* The slot in the table of the files of what F is, or the empty one where it would be. */
static uint32_t *
file_slot(const struct keys *k, const struct fold *f)
{
	uint32_t *table = k->files->table;
	size_t low = k->files->size - 1, i = hash((const char *)f->c, f->n * sizeof *f->c) & low;
	struct fold other;

	for (; table[i]; i = (i + 1) & low)
		if (fold_key(k, table[i] - 1, &other) && fold_same(&other, f))
			break;
	return &table[i];
}

static void
grow_files(struct keys *k)
{
	struct key_files *files = k->files;
	uint32_t *old = files->table;
	size_t was = files->size, i;
	struct fold f;

	files->size = was ? was * 2 : 64;
	files->table = apart_grow(NULL, 0, files->size * sizeof *files->table);
	for (i = 0; i < was; i++)
		if (old[i] && fold_key(k, old[i] - 1, &f))
			*file_slot(k, &f) = old[i];
	apart_free(old, was * sizeof *old);
}

uint32_t
keys_rival(struct keys *k, uint32_t id)
{
	uint32_t *at;
	struct fold f;

	if (!k->files || !fold_key(k, id, &f))
		return KEY_NONE;
	if ((k->files->n + 1) * 2 > k->files->size)
		grow_files(k);
	at = file_slot(k, &f);
	if (*at)
		return *at == id + 1 ? KEY_NONE : *at - 1;
	*at = id + 1;
	k->files->n++;
	return KEY_NONE;
}

void
ids_add(struct ids *l, uint32_t id)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 4;
		l->list = mem_grow(l->list, l->cap, sizeof *l->list);
	}
	l->list[l->n++] = id;
}

void
ids_free(struct ids *l)
{
	free(l->list);
	memset(l, 0, sizeof *l);
}

void
chain_add(struct chain *c, struct keys *k, uint32_t id)
{
	if (c->last)
		k->list[c->last - 1].next = id + 1;
	else
		c->first = id + 1;
	c->last = id + 1;
	k->list[id].next = 0;
}

void
chain_join(struct chain *c, struct keys *k, uint32_t first)
{
	if (!first)
		return;
	if (c->last)
		k->list[c->last - 1].next = first;
	else
		c->first = first;
	for (c->last = first; k->list[c->last - 1].next; )
		c->last = k->list[c->last - 1].next;
}

void
visible_add_key(struct visible *s, struct keys *k, uint32_t id)
{
	k->list[id].owner = s->serial;
	chain_add(&s->made, k, id);
}

void
visible_join(struct visible *s, struct keys *k, uint32_t first)
{
	uint32_t i;

	for (i = first; i; i = k->list[i - 1].next)
		k->list[i - 1].owner = s->serial;
	chain_join(&s->made, k, first);
}

void
visible_give(struct visible *s, struct keys *k, const struct workflow *w)
{
	const struct earlier *g;
	uint32_t id;

	for (g = w->earlier; g; g = g->next)
		if ((id = keys_find(k, g->name, strlen(g->name))) != KEY_NONE && (k->list[id].flags & KEY_KEPT))
			k->list[id].flags |= KEY_GIVEN;
	s->given = 1;
}

int
visible_has(const struct visible *s, const struct keys *k, uint32_t id)
{
	int given = (k->list[id].flags & (KEY_GIVEN | KEY_MADE)) == KEY_GIVEN;

	for (; s; s = s->up)
		if (k->list[id].owner == s->serial || (given && s->given))
			return 1;
	return 0;
}

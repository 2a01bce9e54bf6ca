/* The keys of one walk. */
#include "engine/keys.h"

#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"

void
keys_free(struct keys *k)
{
	free(k->text);
	free(k->list);
	free(k->digest);
	free(k->place);
	free(k->table);
	memset(k, 0, sizeof *k);
}

/* The hash of S, FNV-1a and a last mix. *NEAR is that of all bytes but the last, with the last added: keys that
 * differ in their last byte alone have their places side by side, and are asked for one after another. */
static uint32_t
hash(const char *s, size_t n, uint32_t *near)
{
	uint32_t h = 2166136261u, last = n ? (unsigned char)s[n - 1] : 0;
	size_t i;

	for (i = 0; i + 1 < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	*near = (h ^ h >> 15) * 2654435761u + last;
	h = (h ^ last) * 16777619u;
	return (h ^ h >> 15) * 2654435761u;
}

const char *
keys_text(const struct keys *k, uint32_t id)
{
	return k->text + k->list[id].at;
}

static int
is_text(const char *t, const char *s, size_t n)
{
	return strlen(t) == n && !memcmp(t, s, n);
}

/* The number in the entry E of the table; KEY_NONE: it is empty. */
static uint32_t
number_of(const struct keys *k, uint32_t e)
{
	return (e & (uint32_t)(k->size - 1)) - 1;
}

/* The place in the table of S, or the empty one where it would be. An entry is the key's number from 1 and, as far
 * as there is room, its hash, which is *TAG: so other keys are seldom read to tell that they are others. */
static uint32_t *
slot(const struct keys *k, const char *s, size_t n, uint32_t *tag)
{
	uint32_t low = (uint32_t)(k->size - 1), i, e;

	*tag = hash(s, n, &i) & ~low;
	for (i &= low; (e = k->table[i]); i = (i + 1) & low)
		if ((e & ~low) == *tag && is_text(keys_text(k, number_of(k, e)), s, n))
			break;
	return &k->table[i];
}

static void
grow_table(struct keys *k)
{
	uint32_t id, tag, *place;

	free(k->table);
	k->size = k->size ? k->size * 2 : 64;
	k->table = mem_zero(k->size, sizeof *k->table);
	for (id = 0; id < k->n; id++) {
		place = slot(k, keys_text(k, id), strlen(keys_text(k, id)), &tag);
		*place = tag | (id + 1);
	}
}

static void
grow_lists(struct keys *k)
{
	k->cap = k->cap ? k->cap + k->cap / 2 : 32;
	k->list = mem_grow(k->list, k->cap, sizeof *k->list);
	if (k->digest)
		k->digest = mem_grow(k->digest, k->cap, sizeof *k->digest);
	if (k->place)
		k->place = mem_grow(k->place, k->cap, sizeof *k->place);
}

uint32_t
keys_find(const struct keys *k, const char *s, size_t n)
{
	uint32_t tag;

	return k->size ? number_of(k, *slot(k, s, n, &tag)) : KEY_NONE;
}

static void
add_text(struct keys *k, const char *s, size_t n)
{
	if (k->room - k->used < n + 1) {
		k->room = k->room + k->room / 2 + n + 256;
		k->text = mem_grow(k->text, k->room, 1);
	}
	memcpy(k->text + k->used, s, n);
	k->text[k->used + n] = '\0';
	k->used += n + 1;
}

uint32_t
keys_add(struct keys *k, const char *s, size_t n)
{
	uint32_t *found, id = k->n, tag;

	if ((size_t)(k->n + 1) * 2 > k->size)
		grow_table(k);
	found = slot(k, s, n, &tag);
	if (*found)
		return number_of(k, *found);
	if (k->n == k->cap)
		grow_lists(k);
	memset(&k->list[id], 0, sizeof *k->list);
	k->list[id].at = (uint32_t)k->used;
	add_text(k, s, n);
	if (k->place)
		k->place[id] = 0;
	*found = tag | (id + 1);
	k->n++;
	return id;
}

void
keys_set_digest(struct keys *k, uint32_t id, uint64_t digest)
{
	if (!k->digest)
		k->digest = mem_grow(NULL, k->cap, sizeof *k->digest);
	k->digest[id] = digest;
	k->list[id].flags |= KEY_DIGEST;
}

void
keys_set_place(struct keys *k, uint32_t id, uint32_t place)
{
	if (!k->place)
		k->place = mem_zero(k->cap, sizeof *k->place);
	k->place[id] = place;
}

uint32_t
keys_place(const struct keys *k, uint32_t id)
{
	return k->place ? k->place[id] : 0;
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
sight_add(struct sight *s, struct keys *k, uint32_t id)
{
	k->list[id].owner = s->serial;
	ids_add(&s->made, id);
}

void
sight_give(const struct sight *s, struct keys *k, const struct workflow *w)
{
	const struct earlier *g;
	uint32_t id;

	for (g = w->earlier; g; g = g->next)
		if ((id = keys_find(k, g->name, strlen(g->name))) != KEY_NONE && (k->list[id].flags & KEY_KEPT))
			k->list[id].owner = s->serial;
}

int
sight_has(const struct sight *s, const struct keys *k, uint32_t id)
{
	for (; s; s = s->up)
		if (k->list[id].owner == s->serial)
			return 1;
	return 0;
}

/* The keys of a file, found by how they are written and by what they begin with. */
#include "parse/index.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parse/glob.h"
#include "parse/mem.h"

unsigned long index_looked;

struct arena *
index_scratch(const struct names *ns)
{
	return (struct arena *)(uintptr_t)&ns->scratch;
}

static size_t
hash(const char *s)
{
	size_t h = 2166136261u;         /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

unsigned *
index_slot(const struct names *ns, const char *spelling)
{
	size_t i = hash(spelling) & (ns->size - 1);

	while (ns->table[i] && strcmp(ns->keys[ns->table[i] - 1].spelling, spelling))
		i = (i + 1) & (ns->size - 1);
	return &ns->table[i];
}

const struct key *
index_first(const struct names *ns, const struct key *key)
{
	return &ns->keys[*index_slot(ns, key->spelling) - 1];
}

int
index_own_letters(const struct key *key)
{
	size_t i;

	for (i = 0; i < key->n && key->glob[i] == GLOB_ANY; i++)
		;
	return i < key->n;
}

struct key *
index_add(struct names *ns, const struct node *n)
{
	struct key *key;

	if (ns->nkeys == ns->cap) {
		ns->cap = ns->cap ? ns->cap * 2 : 64;
		ns->keys = mem_grow(ns->keys, ns->cap, sizeof *ns->keys);
	}
	key = &ns->keys[ns->nkeys];
	memset(key, 0, sizeof *key);
	key->node = key->made = n;
	return key;
}

static void grow_table(struct names *);

void
index_link(struct names *ns)
{
	unsigned *first;

	if ((ns->nkeys + 1) * 2 > ns->size)
		grow_table(ns);
	first = index_slot(ns, ns->keys[ns->nkeys].spelling);
	ns->keys[ns->nkeys].next = *first;
	*first = (unsigned)++ns->nkeys;
}

static void
grow_table(struct names *ns)
{
	size_t n = ns->nkeys;

	free(ns->table);
	ns->size *= 2;
	ns->table = mem_zero(ns->size, sizeof *ns->table);
	for (ns->nkeys = 0; ns->nkeys < n; )
		index_link(ns);
}

/* Keys by what they begin with. A name can be one of those whose beginning is the beginning of it, or has it as its
 * own. */

static const struct names *sorting;

/* Compares the beginning of K, up to N of its elements, with the N elements at G. */
static int
compare(const struct key *k, const unsigned short *g, size_t n)
{
	size_t i;

	for (i = 0; i < k->fixed && i < n; i++)
		if (k->glob[i] != g[i])
			return k->glob[i] < g[i] ? -1 : 1;
	return i < n ? -1 : 0;
}

static int
by_beginning(const void *va, const void *vb)
{
	unsigned ia = *(const unsigned *)va, ib = *(const unsigned *)vb;
	const struct key *a = &sorting->keys[ia], *b = &sorting->keys[ib];
	int order = compare(a, b->glob, b->fixed);

	if (!order && a->fixed > b->fixed)
		order = 1;
	return order ? order : ia < ib ? -1 : 1;
}

void
index_sort(struct names *ns)
{
	size_t k;

	ns->sorted = mem_grow(NULL, ns->nkeys + 1, sizeof *ns->sorted);
	ns->open = mem_grow(NULL, ns->nkeys + 1, sizeof *ns->open);
	for (k = 0; k < ns->nkeys; k++) {
		struct key *key = &ns->keys[k];

		for (key->fixed = 0; key->fixed < key->n && key->glob[key->fixed] != GLOB_ANY; key->fixed++)
			;
		ns->sorted[k] = (unsigned)k;
		if (key->fixed < key->n)
			ns->open[ns->nopen++] = (unsigned)k;
	}
	sorting = ns;
	qsort(ns->sorted, ns->nkeys, sizeof *ns->sorted, by_beginning);
	qsort(ns->open, ns->nopen, sizeof *ns->open, by_beginning);
}

/* The first in LIST, of N, that begins with the M elements at G or comes after those that do. */
static size_t
lower(const struct names *ns, const unsigned *list, size_t n, const unsigned short *g, size_t m)
{
	size_t from = 0, mid;

	while (from < n) {
		mid = from + (n - from) / 2;
		if (compare(&ns->keys[list[mid]], g, m) < 0)
			from = mid + 1;
		else
			n = mid;
	}
	return from;
}

static size_t
begin(const struct names *ns, const struct candidates *c)
{
	return c->m < c->fixed ? lower(ns, ns->open, ns->nopen, c->g, c->m) : lower(ns, ns->sorted, ns->nkeys, c->g, c->m);
}

void
index_start(const struct names *ns, struct candidates *c, const unsigned short *g, size_t n)
{
	c->g = g;
	c->n = n;
	for (c->fixed = 0; c->fixed < n && g[c->fixed] != GLOB_ANY; c->fixed++)
		;
	c->m = 0;
	c->i = begin(ns, c);
}

const struct key *
index_next(const struct names *ns, struct candidates *c)
{
	const struct key *k;

	for (;; index_looked++) {
		int last = c->m == c->fixed;
		size_t n = last ? ns->nkeys : ns->nopen;

		if (c->i < n) {
			k = &ns->keys[last ? ns->sorted[c->i] : ns->open[c->i]];
			/* Without a star of its own, the name is no longer than what it begins with. */
			if (!compare(k, c->g, c->m) && (k->fixed == c->m || (last && c->fixed < c->n))) {
				c->i++;
				index_looked++;
				return k;
			}
		}
		if (last)
			return NULL;
		c->m++;
		c->i = begin(ns, c);
	}
}

const struct node *
index_loop(const struct node *n)
{
	for (n = n->parent; n; n = n->parent)
		if (n->var)
			return n;
	return NULL;
}

const struct param *
index_param(const struct names *ns, const char *name, size_t n)
{
	return map_find(&ns->w->params_by_name, name, n);
}

const struct node *
index_block(const struct node *at, const char *name, size_t n)
{
	for (at = at->parent; at; at = at->parent)
		if (node_has_var(at, name, n))
			return at;
	return NULL;
}

/* Whether the passes of LOOP are around AT. */
static int
inside(const struct node *at, const struct node *loop)
{
	while (at && at != loop)
		at = at->parent;
	return at == loop;
}

int
index_sees(const struct node *at, const struct key *key, const struct tmpl *plain)
{
	if (key->t && tmpl_same(plain, key->t) && inside(at->parent, index_loop(key->node)))
		return node_above(at, key->node);
	return node_sees(at, key->node);
}

/* Names and the value of each: a hash table with linear probing. */
#include "parse/map.h"

#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"

static struct map_entry *
entry_of(const struct map *m, const char *name, size_t n)
{
	size_t h = 2166136261u, i;      /* FNV-1a */

	for (i = 0; i < n; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	for (i = h & (m->size - 1); m->entries[i].name; i = (i + 1) & (m->size - 1))
		if (!strncmp(m->entries[i].name, name, n) && !m->entries[i].name[n])
			break;
	return &m->entries[i];
}

static void
grow(struct map *m)
{
	struct map old = *m;
	size_t i;

	m->size = old.size ? old.size * 2 : 64;
	m->entries = mem_zero(m->size, sizeof *m->entries);
	for (i = 0; i < old.size; i++)
		if (old.entries[i].name)
			*entry_of(m, old.entries[i].name, strlen(old.entries[i].name)) = old.entries[i];
	free(old.entries);
}

const void *
map_add(struct map *m, const char *name, const void *value)
{
	struct map_entry *e;

	if (2 * (m->n + 1) > m->size)
		grow(m);
	e = entry_of(m, name, strlen(name));
	if (e->name)
		return e->value;
	e->name = name;
	e->value = value;
	m->n++;
	return NULL;
}

const void *
map_find(const struct map *m, const char *name, size_t n)
{
	return m->n ? entry_of(m, name, n)->value : NULL;
}

void
map_free(struct map *m)
{
	free(m->entries);
	memset(m, 0, sizeof *m);
}

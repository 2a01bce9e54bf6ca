/* Names and what each stands for. */
#ifndef PARSE_MAP_H
#define PARSE_MAP_H

#include <stddef.h>

struct map_entry {
	const char *name;       /* NULL: none is here */
	const void *value;
};

/* All zero: empty. Its memory is freed with map_free; the names are not its own, and must live as long. */
struct map {
	struct map_entry *entries;
	size_t n, size;         /* how many there are; how many there is room for, a power of two */
};

/* Lets NAME stand for VALUE, which is not NULL, unless it stands for something already: returns that, else NULL. */
const void *map_add(struct map *, const char *name, const void *value);

/* What the name of N bytes stands for; NULL: nothing. */
const void *map_find(const struct map *, const char *name, size_t n);

void map_free(struct map *);

#endif

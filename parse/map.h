/* Names and the value of each. */
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

/* Gives NAME the VALUE, which is not NULL, unless it has one already: returns that, else NULL. */
const void *map_add(struct map *, const char *name, const void *value);

/* The value of the name of N bytes; NULL: it has none. */
const void *map_find(const struct map *, const char *name, size_t n);

void map_free(struct map *);

#endif

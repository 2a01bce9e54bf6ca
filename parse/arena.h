/* Memory that is freed all at once: the tree of a workflow, a branch's values. */
#ifndef PARSE_ARENA_H
#define PARSE_ARENA_H

#include <stddef.h>

struct chunk;

struct arena {
	struct chunk *chunks;   /* the newest first; NULL when empty */
};

/* N bytes, cleared, aligned for anything; they live until arena_free. Never NULL. */
void *arena_get(struct arena *, size_t n);

/* The N bytes at S with a NUL after them. */
char *arena_dup(struct arena *, const char *s, size_t n);

/* OLD, of N times SIZE bytes, copied to a place of twice that if N is a power of two or 0: for
 * arrays that grow by one. */
void *arena_more(struct arena *, const void *old, size_t n, size_t size);

/* Frees all of it; the arena is empty and may be used again. */
void arena_free(struct arena *);

#endif

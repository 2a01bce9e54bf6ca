/* The name that was probably meant. */
#ifndef PARSE_NEAR_H
#define PARSE_NEAR_H

#include <stddef.h>

struct near {
	const char *want;
	size_t n;
	const char *best;       /* NULL until one is near enough */
	size_t bestn;
	unsigned distance;
};

/* Starts a search for what WANT, of N bytes, may have been meant to be. */
void near_start(struct near *, const char *want, size_t n);

/* Offers one name; it is kept, not copied, if it is nearer than all before. */
void near_try(struct near *, const char *name, size_t n);

#endif

/* The items of a for or a parallel block, one after another. The list is read once. */
#ifndef ENGINE_TASK_ITEMS_H
#define ENGINE_TASK_ITEMS_H

#include "engine/task/expand.h"

struct item_part;

struct items {
	struct item_part *parts;        /* words, ranges, and last the lines of the results */
	size_t n;
	size_t count;                   /* of all items */
	size_t at;                      /* the part that is next */
	long long done;                 /* how many items of it were given; of lines: how many bytes */
	char *lines;                    /* owned, a NUL after each; of rows after each field, and no empty ones; NULL: none */
	size_t nlines;
	size_t fields;                  /* of a row; 1: they are no rows */
};

enum { ITEM_NUMBER = 24 };              /* bytes of the longest item of a range, with its NUL */

/* What the names after < of NODE give, joined: *S, to be freed by the caller, its *N bytes and a NUL. -1: the
 * results' error says why. */
int inputs_read(struct results *, const struct context *, const struct node *node, char **s, size_t *n);

/* The keys that the names after < of NODE mean, standard input's `-` among them. -1 as above. */
int inputs_keys(struct results *, const struct context *, const struct node *node, struct ids *);

/* Reads the items of NODE at PLACE. LINES, of N bytes and a NUL, are what its < gave; they become the items'.
 * -1: the results' error says why. */
int items_read(struct items *, struct results *, const struct context *, const struct node *node, char *lines, size_t n);

/* The next item: *S, its *N bytes and a NUL, valid as long as the items and NUMBER, where those of a range are
 * written. 0 when there is none. */
int items_next(struct items *, char number[ITEM_NUMBER], const char **s, size_t *n);

/* Begins again with the first. */
void items_rewind(struct items *);

void items_free(struct items *);

#endif

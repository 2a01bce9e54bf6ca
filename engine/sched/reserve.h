/* Keys that the items of a block will make: two items that give one key are refused before anything starts. */
#ifndef ENGINE_SCHED_RESERVE_H
#define ENGINE_SCHED_RESERVE_H

#include "engine/sched/branch.h"

/* Reserves the keys of the block's ITEMS, as far as they can be told now, for the block that the branch is at, and
 * rewinds them. *TOTAL: how many there are. -1: two give one key, or a key is none; the branch has failed. */
int reserve_items(struct walk *, struct branch *, struct items *, uint32_t *total);

/* Adds the key of a statement to OUT, whole; of a call what all its keys begin with. -1: the results' error says
 * why. */
int key_expand(struct results *, const struct context *, const struct node *, struct buf *out);

/* Whether the N bytes of S may be a key: 0, or -1 and why not, added to ERROR. */
int key_is_valid(const char *s, size_t n, struct buf *error);

/* The same for the places of worktrees in a block of different runs. */
int reserve_places(struct walk *, struct branch *);

#endif

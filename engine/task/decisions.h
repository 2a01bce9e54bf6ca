/* What the commands of `if` lines in worktrees have decided: an `if` whose worktree is gone decides as it did last,
 * so that a complete run stays complete after its worktrees were removed. */
#ifndef ENGINE_TASK_DECISIONS_H
#define ENGINE_TASK_DECISIONS_H

#include <stddef.h>
#include <stdint.h>

struct decision;

/* All zero: none. */
struct decisions {
	struct decision *list;  /* a hash table, open addressing */
	size_t n, cap;          /* cap: a power of two, or 0 */
};

/* The digest of the next evaluation, in this walk, of an `if` whose question has the digest QUESTION: the second
 * time that a branch asks the same is another than the first. */
uint64_t decisions_next(struct decisions *, uint64_t question);

/* Notes what the evaluation with this digest has decided; the latest holds. */
void decisions_set(struct decisions *, uint64_t digest, int yes);

/* What it decided last: 1 or 0; -1: not known. */
int decisions_get(const struct decisions *, uint64_t digest);

void decisions_free(struct decisions *);

#endif

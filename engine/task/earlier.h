/* An earlier run of which results are taken (-t): those of steps that have the same key and are asked the same.
 *
 * Another orch may work on that run meanwhile: nothing of it is locked. What may be taken is what its log, as it was read,
 * says is done, with the digest of the question; what was kept as a fallback, put there by hand, begun again since, or what the log
 * does not tell of is not. A result belongs to the log's line if, once it is open, the log has no later line about the step: there is one
 * before another result, or fallback, takes its place.
 *
 * The caller opens ->store; then earlier_load, once a result is needed; then the others. A supervisor has the offer alone: the keys, and
 * what is kept for each of them, are not in its memory. */
#ifndef ENGINE_TASK_EARLIER_H
#define ENGINE_TASK_EARLIER_H

#include "engine/task/keys.h"
#include "engine/task/sessions.h"
#include "engine/task/task.h"
#include "store/store.h"

/* What the log says of a result. */
struct earlier_result {
	long long at;           /* where the entry of its attempt is in `how` */
	long long ms;           /* when it was done, since the Epoch */
	uint64_t digest;        /* of its question; 0: there is none that could be taken */
};

struct earlier_run {
	struct store store;     /* opened to read */
	char *name;             /* of the run; NULL: there is none, and nothing is open */
	char *root;             /* where it was started */
	struct keys *keys;      /* the caller's: those of the log are added */
	struct earlier_result *list;    /* by key, n of them, apart (mem.h) */
	uint32_t n;
	struct sessions sessions;
	long long end;          /* of its log, as far as that was read */
	long long last;         /* when the last line of that was written, since the Epoch */
	long long ahead;        /* by how much its file system's clock is ahead of the log's, in milliseconds */
};

/* A result of it that may be taken. */
struct offer {
	const struct earlier_run *run;
	struct earlier_result result;
	struct talk session;    /* in which it was given, its directory as seen from the root of the run that takes it; ->id "": in none */
};

/* Reads the log. -1 and errno. */
int earlier_load(struct earlier_run *, struct keys *);

/* Whether there may be a result of the key ID; with TASK (which may be NULL) to that, as far as it can be told at once. */
int earlier_may_have(const struct earlier_run *, uint32_t id, const struct task *);

/* The result of the key ID, of which that is so, for the TASK that is to take it. */
void earlier_offer(const struct earlier_run *, uint32_t id, struct task *);

/* Opens the result that TASK is offered, if it was asked the same there, byte for byte; the results that TASK is asked with are OWN's.
 * TICK (may be NULL) is called with CTX now and then. -1: it was not, or that cannot be told any more. */
int earlier_open_result(const struct store *own, const struct task *, void (*tick)(void *), void *ctx);

void earlier_free(struct earlier_run *);

#endif

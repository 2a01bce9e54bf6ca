/* A run that is looked at: its record, its log, its results, its steps in the workflow's order. */
#ifndef ENGINE_INSPECT_RUN_STATE_H
#define ENGINE_INSPECT_RUN_STATE_H

#include "engine/inspect/steps.h"
#include "engine/task/expand.h"
#include "engine/task/redo.h"
#include "engine/task/sessions.h"
#include "engine/task/spent.h"
#include "store/log.h"
#include "store/record.h"
#include "store/store.h"

enum run_phase { RUN_NEW, RUN_RUNNING, RUN_ENDING, RUN_COMPLETE, RUN_FAILED, RUN_STOPPED, RUN_INTERRUPTED, RUN_OVER_BUDGET };

struct run_state {
	struct store store;
	struct store_mark mark; /* of when it was looked at, or before */
	struct record record;
	int has_record;
	int is_trusted;         /* it was made here, or accepted: not by a clone, a copy or an archive */
	struct keys keys;
	struct results results;
	int only;               /* no other keys than those that were given are looked at */
	struct steps steps;
	struct spent used;      /* what they have used */
	struct sessions sessions;
	struct redo_lines redone;
	int has_redo;           /* steps are ->redo */
	struct ids order;
	long walks;             /* how many there were */
	struct buf waiting;     /* keys that are not known yet, as they are written, each with a newline */
	enum run_phase state;
	long holder;            /* who works on it */
	long long ended;        /* milliseconds since the Epoch; 0: it has not */
	char *reason;           /* why it failed; owned */
	int signal;             /* that has ended its latest walk; 0: none */
	long long walked;       /* when its latest walk began */
	/* The axis: milliseconds since the run's first walk, those between a walk's end and the next, and those that orch was stopped, taken out. */
	long long spent;        /* where the log ends, or if somebody works on it, now */
	long long now;          /* milliseconds since the Epoch, when it was looked at */
	uint64_t zero;          /* where the axis has 0, since the Epoch */
	long long last;         /* when the latest line of the log was written */
};

/* How much of a run is looked at: what its record says; its results and its log, too; the workflow's order of them. */
enum run_look { LOOK_RECORD, LOOK_STEPS, LOOK_ORDER };

/* Opens the run NAME below DIR. -1 and errno. The caller calls run_state_close in both cases. */
int run_state_open(struct run_state *, const char *dir, const char *name, size_t n, enum run_look look);

/* The same for these KEYS alone, nkeys of them, without patterns: nothing is kept of others, and the order is theirs. *ALL: each has
 * a result, or the log names it; else nothing is known of one, and it takes the whole run to tell whether it is a step's. */
int run_state_open_keys(struct run_state *, const char *dir, const char *name, size_t n, char *const *keys, size_t nkeys, int *all);

void run_state_close(struct run_state *);

/* The words for states. */
const char *step_state_word(enum step_state);
const char *run_state_word(enum run_phase);

#endif

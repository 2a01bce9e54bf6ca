/* A run that is looked at: its record, its log, its results, its steps in the workflow's order. */
#ifndef ENGINE_INSPECT_RUN_STATE_H
#define ENGINE_INSPECT_RUN_STATE_H

#include "engine/task/expand.h"
#include "engine/task/redo.h"
#include "engine/task/sessions.h"
#include "engine/task/spent.h"
#include "store/log.h"
#include "store/record.h"
#include "store/store.h"

enum step_state { STEP_WAITING, STEP_RUNNING, STEP_INTERRUPTED, STEP_FAILED, STEP_DONE };

struct run_step {
	enum step_state state;
	int in_order;           /* it is in ->order of the run state */
	uint32_t seen;          /* from 1: when the log first names it; 0: it does not */
	int dropped;            /* the workflow has it no more */
	int redo;               /* its result is to be replaced */
	int otherwise;          /* its result is the word of its `otherwise` */
	long walk;              /* the walk that had begun it again, though it has a result; 0: none */
	enum log_event last;    /* what the log says of it last; LOG_WALK: nothing */
	int status;             /* as wait() gives it, of an attempt that gave no result; -1: it does not say why */
	long attempts;
	int continued;          /* the latest went on where one before it was cut off */
	long long began, took;  /* milliseconds, of the latest attempt; began since the Epoch */
	long long since, at;    /* its first attempt and its latest, on the run's axis; since < 0: it had none */
	char *text;             /* why it failed; of one that is ->taken the run; owned */
	int taken;              /* its result is from an earlier run */
};

enum run_phase { RUN_NEW, RUN_RUNNING, RUN_ENDING, RUN_COMPLETE, RUN_FAILED, RUN_STOPPED, RUN_INTERRUPTED, RUN_OVER_BUDGET };

struct run_state {
	struct store store;
	struct store_mark mark; /* of when it was looked at, or before */
	struct record record;
	int has_record;
	int is_trusted;         /* it was made here, or accepted: not by a clone, a copy or an archive */
	struct keys keys;
	struct results results;
	struct run_step *steps; /* by key */
	uint32_t nsteps;
	struct spent used;      /* what they have used */
	struct sessions sessions;
	struct redo_lines redone;
	int has_redo;           /* steps are ->redo */
	uint32_t nseen;
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

/* Opens the run NAME below DIR. -1 and errno. ORDER: also finds the workflow's order, which takes
 * reading the workflow. The caller calls run_state_close in both cases. */
int run_state_open(struct run_state *, const char *dir, const char *name, size_t n, int order);

void run_state_close(struct run_state *);

/* The words for states. */
const char *step_state_word(enum step_state);
const char *run_state_word(enum run_phase);

#endif

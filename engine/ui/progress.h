/* What orch says about a run while it goes on: lines for standard error. */
#ifndef ENGINE_UI_PROGRESS_H
#define ENGINE_UI_PROGRESS_H

#include "engine/agent/outcome.h"
#include "engine/sched/walk.h"
#include "store/store.h"

enum loudness { LOUD_QUIET = -1, LOUD_NORMAL, LOUD_VERBOSE };

/* Keys of which one line is said at the end: how many, the first of them, and what is the matter with all, if it is one
 * thing. */
struct said_keys {
	long n;
	struct buf names, what;
	int differ;
};

struct progress {
	struct buf out;         /* what is still to be written */
	enum loudness loud;
	int colour;             /* it is for a terminal that may show colours */
	struct store *store;
	long long suspended;    /* milliseconds that orch was stopped (SIGTSTP) in this walk */
	long done, kept, fallbacks, failed, interrupted, not_run;       /* steps */
	struct usage used, earlier;     /* what was used in this walk, and in those before */
	struct said_keys stale, fallen; /* kept results that are stale, results that are fallbacks, kept ones too */
	struct said_keys changed;       /* steps that have changed files that they depend on */
	int unasked;            /* the step that fails next was not even asked */
	int stdin_said;
	const char *budget;     /* what the run may use, as it was written; NULL: it has none */
	int untold_said;
	int has_bell;           /* somebody may hear the end of a long run */
	long kept_run;          /* kept steps in a row, so far */
};

/* A step has its result; NOTE (may be NULL) is said of it. */
void progress_done(struct progress *, const char *key, const struct outcome *, long attempts, const char *note);

/* A step has its result from the earlier RUN. */
void progress_taken(struct progress *, const char *key, const char *run);

/* The `otherwise` of a step was kept. */
void progress_otherwise(struct progress *, const char *key, const char *word);

/* KEY is kept, and is the fallback that an earlier walk has kept for it. */
void progress_kept_fallback(struct progress *, const char *key);

/* The kept standard input is used though there is another; AGAIN: a command that reads that; or it was to be read
 * again, and there was nothing. */
void progress_stdin(struct progress *, const char *again);

/* The BUDGET is used up, by what was USED since the run began or was last complete. */
void progress_used_up(struct progress *, const char *budget, const struct usage *used);

/* The step KEY has ended well, and its agent has told nothing of what it used: said once, if there is a budget. */
void progress_untold(struct progress *, const char *key);

/* What the walk says. */
void progress_event(struct progress *, const struct event *);

/* A sign of life: nothing was said for long. The step KEY runs since MS milliseconds, has written something
 * QUIET ago (-1: nothing yet; -2: that is not known), and OTHERS run besides. */
void progress_quiet(struct progress *, const char *key, long long ms, long long quiet, long others);

/* The last line of kept ones, when there were many. */
void progress_flush(struct progress *);

/* How the run has ended. STATUS is orch's exit status, HINT the command that resumes it, AGAIN the one that re-runs what is
 * stale, REDO the one that re-runs what is a fallback. */
void progress_end(struct progress *, const char *run, int status, long long ms, const char *hint, const char *again, const char *redo);

#endif

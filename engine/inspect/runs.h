/* Looking at runs: what is there, how far it is, what was said. Nothing is written. */
#ifndef ENGINE_INSPECT_RUNS_H
#define ENGINE_INSPECT_RUNS_H

#include <stddef.h>

#include "engine/inspect/run_state.h"
#include "engine/inspect/sink.h"
#include "parse/buf.h"

/* Which runs there are, the newest first. */

struct run_line {
	char *name;             /* as a file */
	char *broken;           /* why it cannot be looked at, a line; NULL: it can */
	long long started;
	long long order;        /* the same; 0: not known, or still to come, as of no run that was begun here */
	enum run_phase state;
	int is_trusted;
	int by_time;            /* the time named it, and nobody has since */
	struct store_mark mark;
	long long ended;
	char *workflow;
	size_t done, failed;
};

struct run_lines {
	const char *dir;
	struct run_line *list;
	size_t n;
	int brief;              /* only what their records say is known */
};

/* Looks at all runs below DIR. -1 and errno; else the caller calls runs_free. */
int runs_find(struct run_lines *, const char *dir);

void runs_free(struct run_lines *);

/* Adds the line `orch: WHAT: WHY` to ERROR; WHY NULL: WHAT says it all. Returns STATUS. */
int runs_fail(struct buf *error, int status, const char *what, const char *why);

/* Adds that the run has no step KEY, and the command that lists those it has; RUN is what was named below DIR, NULL: nothing was, the
 * newest was taken. Returns STATUS. */
int runs_no_step(struct buf *error, int status, const char *key, const char *dir, const char *run);

/* Opens the run that is meant, with its steps in order. Returns orch's exit status, and ERROR; only with 0
 * there is something to close. */
int runs_open(struct run_state *, const char *dir, const char *run, struct buf *error);

/* The same, where only the N KEYS are of interest, in their order, unless there are patterns among them or one is not known. */
int runs_open_keys(struct run_state *, const char *dir, const char *run, char *const *keys, size_t n, struct buf *error);

/* The newest run below DIR, those that came from elsewhere only if there are no others: *NAME, to be freed; NULL: there is none.
 * -1 and errno. */
int runs_newest(const char *dir, char **name);

/* *NAME: the newest run below DIR that is not complete, to be freed; NULL if there is none. Those that came from elsewhere
 * are passed over, which is added to SAY. -1 and errno if they cannot be read. */
int runs_newest_open(const char *dir, struct buf *say, char **name);

/* The directory of runs in the nearest directory above that has one and is on the same file system, as git looks for its own:
 * its absolute path, to be freed. NULL: there is none, or .orch is here. */
char *runs_above(void);

/* The working directory, to be freed; NULL and errno. */
char *runs_working_directory(void);

/* A run's name as it is said, from the name of its directory; the same to be freed. */
void runs_put_name(struct buf *, const char *file);
char *runs_decode(const char *file);

/* Adds the time MS since the Epoch; `?' if it is 0: not known. */
void runs_put_time(struct buf *, long long ms);

/* Calls EACH for the keys that S means: all that match if there is a *. Returns how many were found;
 * *STATUS is the first that EACH returned. */
size_t runs_each_key(struct run_state *, const char *s, int (*each)(void *, struct run_state *, uint32_t), void *ctx, int *status);

/* The functions below return orch's exit status and say in ERROR what was wrong. RUN NULL is the
 * newest run. */

/* A line a run, the newest first. FOR_SCRIPTS: fields, as orch.1 lists them. */
int runs_list(const char *dir, int for_scripts, struct sink *, struct buf *error);

enum { RUNS_UNKNOWN = 2, RUNS_GOING = 5, RUNS_CUT_OFF = 6, RUNS_OVER_BUDGET = 7 };

/* Every step of a run. Returns 0 when it is complete, 1 when it has failed, RUNS_GOING, RUNS_CUT_OFF, RUNS_OVER_BUDGET; 3 when
 * there is none, RUNS_UNKNOWN when that cannot be told or written. */
int runs_status(const char *dir, const char *run, int for_scripts, int only_bad, struct sink *, struct buf *error);

/* The results of the KEYS, which may be patterns, in the order of the workflow. */
int runs_cat(const char *dir, const char *run, char *const *keys, size_t n, struct sink *, struct buf *error);

/* The id of the session of KEY, a line. Returns 1 where it has none. */
int runs_session(const char *dir, const char *run, const char *key, struct sink *, struct buf *error);

/* What the steps KEYS (none: all) have said on standard error, and failed or running ones on standard
 * output. FOLLOW: goes on as long as the run does. */
int runs_logs(const char *dir, const char *run, char *const *keys, size_t n, int follow, struct sink *, struct buf *error);

#endif

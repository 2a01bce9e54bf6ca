/* Looking at runs: what is there, how far it is, what was said. Nothing is written. */
#ifndef ENGINE_INSPECT_RUNS_H
#define ENGINE_INSPECT_RUNS_H

#include <stddef.h>

#include "engine/inspect/run_state.h"
#include "parse/buf.h"

/* Where output goes: standard output, by way of orch.c. Returns -1 when it cannot be written. */
struct sink {
	int (*write)(void *ctx, const char *s, size_t n);
	void *ctx;
	int fd;                 /* where it goes in the end: looked at, never written to here */
	int visible;            /* it is a terminal: control characters are to be made visible */
	int columns;            /* of that terminal; 0: it is none */
	int colour;
};

/* Adds the line `orch: WHAT: WHY` to ERROR; WHY NULL: WHAT says it all. Returns STATUS. */
int runs_fail(struct buf *error, int status, const char *what, const char *why);

/* Writes the file FD from *AT on, which moves on. Returns whether that failed. */
int sink_file(struct sink *, int fd, long long *at);

/* Opens the run that is meant, with its steps in order. Returns orch's exit status, and ERROR; only with 0
 * there is something to close. */
int runs_open(struct run_state *, const char *dir, const char *run, struct buf *error);

/* The name of the newest run below DIR that is not complete, to be freed; NULL and errno 0 if there is
 * none, NULL and errno if they cannot be read. Those that came from elsewhere are passed over, which is added to SAY. */
char *runs_newest_open(const char *dir, struct buf *say);

/* The functions below return orch's exit status and say in ERROR what was wrong. RUN NULL is the
 * newest run. */

/* A line a run, the newest first. FOR_SCRIPTS: fields, as orch.1 lists them. */
int runs_list(const char *dir, int for_scripts, struct sink *, struct buf *error);

enum { RUNS_UNKNOWN = 2, RUNS_GOING = 5, RUNS_CUT_OFF = 6 };

/* Every step of a run. Returns 0 when it is complete, 1 when it has failed, RUNS_GOING, RUNS_CUT_OFF; 3 when
 * there is none, RUNS_UNKNOWN when that cannot be told or written. */
int runs_status(const char *dir, const char *run, int for_scripts, struct sink *, struct buf *error);

/* The answers of the KEYS, which may be patterns, in the order of the workflow. */
int runs_cat(const char *dir, const char *run, char *const *keys, size_t n, struct sink *, struct buf *error);

/* What the steps KEYS (none: all) have said on standard error, and failed or running ones on standard
 * output. FOLLOW: goes on as long as the run does. */
int runs_logs(const char *dir, const char *run, char *const *keys, size_t n, int follow, struct sink *, struct buf *error);

#endif

/* A run from its command line to its exit status. */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include "engine/ui/progress.h"
#include "parse/buf.h"

struct run_args {
	const char *dir;        /* where the runs are */
	const char *run;        /* -r; NULL: a new run, or for resume the newest that is not complete */
	const char *file;       /* the workflow; NULL: resume */
	char *const *operands;  /* NAME=VALUE..., PROMPT */
	size_t noperands;
	char *const *agents;    /* -a */
	size_t nagents;
	long jobs;              /* 0: no cap */
	enum loudness loud;
	int stop_first;
	int nobody;             /* -N: is at the terminal */
	const char *take;       /* -t: the run that results are taken from; NULL: as the run has it */
	const char *budget;     /* -b; NULL: as the run has it, or its file */
	int dry;                /* -n: only show */
	char *const *redo;      /* the keys that are to be run again, nredo of them, patterns among them; NULL: it is no `redo` */
	size_t nredo;
	int redo_fallbacks;     /* instead of keys: all that are fallbacks */
	int again;              /* -u: ask again what would be asked otherwise */
	char *const *environ;
};

/* Runs, goes on with, or with dry shows a workflow. What is to be said before the run begins or after it
 * has failed to begin is added to SAY; SHOW gets what -n shows. Returns orch's exit status; when
 * that is above 128, nothing is left to do but to die of the signal. */
int run_workflow(const struct run_args *, struct buf *say, struct buf *show);

/* Checks the FILE and what it needs: its errors and warnings are added to SAY. 0 or 2. */
int run_check(const char *file, char *const *environ, struct buf *say);

#endif

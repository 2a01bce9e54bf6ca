/* orch rm: deletes runs. */
#ifndef ENGINE_RM_H
#define ENGINE_RM_H

#include <stddef.h>

#include "parse/buf.h"

struct rm_args {
	const char *dir;
	char *const *runs;      /* names and patterns */
	size_t n;
	long long keep;         /* -k; -1: it was not given */
	void (*show)(struct buf *);     /* shows what is said, and empties it */
};

/* Deletes the runs that are named; with ->keep all of these but the newest so many, or where
 * none is named, of those that are complete, were made here, and have the name that the time
 * gave them. One that is in use is not deleted. Where a name or pattern means no run, none is.
 * What is to be said is added to SAY. Returns orch's exit status: 0, 1 something could not be
 * deleted, 2 wrong use, 3 no such run, 4 one that was named is in use. */
int rm_runs(const struct rm_args *, struct buf *say);

#endif

/* What an earlier walk of a run has left running: orch and its supervisors may have been killed together.
 *
 * Every process of a step has the run's id in ORCH_WITHIN of its environment, after the ids of the runs around it, with
 * a : between. On Linux they are found by it. Not found: what has cleaned or overwritten its environment, and, but for
 * root, what is another user's. */
#ifndef ENGINE_SUPERVISE_ORPHANS_H
#define ENGINE_SUPERVISE_ORPHANS_H

#include <stddef.h>

#include "parse/buf.h"
#include "store/record.h"

enum orphans {
	ORPHANS_NONE,           /* nobody is left; where nobody can be found, too */
	ORPHANS_AROUND,         /* this process, or one that it descends from, belongs to the run: nothing was done */
	ORPHANS_LEFT            /* some could not be ended in ten seconds */
};

/* Ends all that belongs to the run ID, this process and those that it descends from spared. To be called while the run's
 * lock is held, before anything of it is started. With ORPHANS_LEFT, LEFT gets their process ids. */
enum orphans orphans_end(const char *id, struct buf *left);

/* The same, but ends nobody: with ORPHANS_LEFT, LEFT gets the process ids of those that are there. */
enum orphans orphans_find(const char *id, struct buf *left);

/* Whether orphans_end can find them on this system. */
int orphans_are_found(void);

/* Adds the value of ORCH_WITHIN for what belongs to the run ID: OUTER, which orch itself was started with (NULL: it was
 * not), in front of it unless that is not a list of ids. */
void orphans_within(struct buf *, const char *outer, const char *id);

#endif

/* Deleting a run's directory: never half under its name, never through a link, never into
 * another file system.
 *
 * The directory is first renamed to `.removed-N', N its inode's number, which no run is called
 * and nothing lists, and that is made safe; then what is in it is deleted. Who is killed in
 * between leaves it for removal_clear.
 *
 * Who deletes a run: store_open with STORE_REMOVE, store_lock, store_lock_wait, store_is_there,
 * removal_run; the lock is held to the end. Several may delete the same at once. What somebody
 * else has put there is deleted as well, a link itself and not what it leads to; memory,
 * descriptors and stack are few however deep or large it is. */
#ifndef STORE_REMOVAL_H
#define STORE_REMOVAL_H

#include "store/store.h"

enum removal {
	REMOVAL_DONE,
	REMOVAL_REFUSED,        /* it is as it was; errno and ->what say why. EXDEV: another file system */
	REMOVAL_PART            /* ->what, the first, could not be deleted, with errno: removal_clear's */
};

/* Deletes the run that is open and locked; DIR is for ->what. Where the run's directory, or one
 * right in it, is on another file system or cannot be written to, it is refused. */
enum removal removal_run(struct store *, const char *dir);

/* Deletes what was left of runs in the open ->top of the store. REMOVAL_DONE, or REMOVAL_PART,
 * of the first that could not be deleted. */
enum removal removal_clear(struct store *, const char *dir);

#endif

/* A run's directory, opened.
 *
 *     .orch/.gitignore     `*`: runs are never committed; where it holds other things too, .orch/RUN/.gitignore
 *     .orch/RUN/           mode 0700, files 0600
 *         run              how it was started (record.h)
 *         lock             held while an orch works on this run
 *         log              one line per event (log.h)
 *         result/KEY       the result: a step is done if and only if this is there
 *         asked/KEY        the bytes it got on standard input
 *         how              how each attempt was started (how.h)
 *         stderr/KEY       what its latest attempt said on standard error; no file: nothing
 *         tmp/             in flight: KEY the result that is being written, %... the rest
 *
 * Each part of a path is opened by itself and never through a link; everything below is reached
 * from the descriptors here.
 *
 * Who works on a run: store_open with STORE_WRITE, store_lock, store_lock_wait, store_lock_share, and only then
 * store_clean and all that writes; it never closes the store, for that would give the lock away. Its supervisors, forks of it,
 * call store_lock_supervisor first. Between store_open and store_lock somebody may have deleted the run,
 * which store_is_there tells. A result is written in tmp/ and made safe there by its supervisor, moved by store_keep, and
 * counts after store_sync_results: in that order, or a crash leaves half of one in result/. Who only looks: store_open
 * with STORE_READ, store_busy, store_close.
 *
 * Errors are -1 and errno. ->what then names the path for a message, after store_open; the run's directory may be deleted
 * at any time, which store_gone tells. The descriptors are the store's; ->path is freed by store_close. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stddef.h>

#include "store/key.h"

enum store_use {
	STORE_READ,             /* nothing is written or made */
	STORE_WRITE,            /* what is missing is made */
	STORE_RESUME,           /* the same, but the run itself has to be there */
	STORE_REMOVE            /* to delete it (removal.h): ->top, ->run, and ->lock, which may be made */
};

/* Bytes of a path in a message, and of the message; what is longer is cut, and says so by `...`. */
enum { STORE_PATH = 640, STORE_WHAT = STORE_PATH + 260 };

struct store {
	int top;                /* .orch; these are -1 while they are not open */
	int run;
	int result, asked, errors, tmp;
	int how;                /* how.h; orch's alone to append to */
	int has_how;            /* with STORE_WRITE: there was something in it when it was opened */
	int lock;
	int shares;             /* byte 1 of the lock is held by ->lock itself, for all who inherit it */
	int log;                /* to append to; only with STORE_WRITE */
	char name[KEY_NAME_MAX + 1];    /* of the run, as a file's name */
	int shown;              /* ->top holds other things too, and does not keep git from the runs: each does */
	int folds;              /* its file system takes names for one that are not (fold.h) */
	char *path;             /* absolute, of the run's directory; freed by store_close */
	char what[STORE_WHAT];  /* after an error: the path that it was about, or what is wrong with it */
	int told;               /* ->what says what is wrong: errno adds nothing */
};

/* Opens the run NAME (its N bytes) below DIR. NAME may be NULL with STORE_WRITE: then a new run is made,
 * named by the time; or with STORE_REMOVE: then only ->top is opened. Returns -1 with errno and
 * ->what: ENOENT when it is not there, EINVAL when with STORE_REMOVE it is no run, EPERM when its
 * directory, or one in it, is a link, another's or writable by others, EEXIST when what is there is a run of another
 * name, which the file system takes for this one. The caller then still calls store_close. */
int store_open(struct store *, const char *dir, const char *name, size_t n, enum store_use);

void store_close(struct store *);

/* Opens the lock of a run that had none yet when it was opened with STORE_READ: the orch that makes a run makes its lock before its
 * file `run`, so who has read that asks for the lock once more. */
void store_find_lock(struct store *);

/* Makes ->what the part NAME of the run below DIR. errno is the caller's. */
void store_blame(struct store *, const char *dir, const char *name);

/* What helps when the file system does not have what a run needs (locks, directories that can be made safe); NULL when
 * that is not what ERROR, an errno, means. */
const char *store_remedy(int error);

/* Calls EACH with the name of every run below DIR (decode it with key_decode). Returns -1 and errno;
 * ELOOP if DIR is a link; a DIR that is not there has no runs. */
int store_runs(const char *dir, void (*each)(void *, const char *name), void *ctx);

/* Calls EACH for every file in result/: its name, and whether it is a plain file. -1 and errno. */
int store_results(struct store *, void (*each)(void *, const char *name, int plain), void *ctx);

/* Opens the result of KEY for reading. -1 and errno. */
int store_open_result(const struct store *, const char *key);

/* Moves tmp/FROM to result/NAME. It is only safe after store_sync_results. -1 and errno. */
int store_keep(struct store *, const char *from, const char *name);

/* Makes what was kept safe on disk. -1 and errno: then none of it is. */
int store_sync_results(struct store *);

/* Takes back what was kept and could not be made safe. -1 and errno: it is still there. */
int store_unkeep(struct store *, const char *name);

/* Whether the run's directory has been deleted under us. */
int store_gone(struct store *);

/* Whether the open run is still the one at its path, and its lock the run's: neither was
 * deleted, renamed or made again since it was opened. Once the lock is held, no orch deletes
 * it. -1 and errno: that cannot be told. */
int store_is_there(const struct store *);

/* What tells whether anything was done in a run since it was looked at: every walk appends to
 * the log. */
struct store_mark {
	unsigned long long run; /* the directory's inode */
	long long log;          /* bytes of the log */
};

void store_mark(const struct store *, struct store_mark *);

/* Whether the directory NAME (as a file) below DIR is a run's, and not one of another kind. -1
 * and errno. */
int store_is_run(const char *dir, const char *name);

/* Removes what a killed orch has left in tmp/, but for the results of failed steps. */
void store_clean(struct store *);

/* The lock. Byte 0 is held by the orch that works on the run, byte 1 by its supervisors: it is the
 * kernel's and needs no cleaning. A process loses byte 0 when it closes the file: it never does. */

/* Takes byte 0. -1 with EAGAIN: another process, *HOLDER, has it; else errno. */
int store_lock(struct store *, long *holder);

/* Waits, MS milliseconds at most, until no supervisor of an earlier orch is left. -1 with EAGAIN and the
 * *HOLDER that is, -1 where the system cannot tell which; else errno. */
int store_lock_wait(struct store *, int ms, long *holder);

/* Then, where the system has locks that forks inherit (Linux's F_OFD_SETLK), takes byte 1 for all supervisors to come:
 * each lock of its own makes the kernel look at all others, and supervisors may be thousands. */
void store_lock_share(struct store *);

/* For a supervisor: takes its share of byte 1, unless it has inherited it. -1 and errno. */
int store_lock_supervisor(struct store *);

enum store_busy { STORE_FREE, STORE_RUNNING, STORE_ENDING };

/* Who works on the run, without touching the lock; *HOLDER as above, 0: nobody. */
enum store_busy store_busy(struct store *, long *holder);

#endif

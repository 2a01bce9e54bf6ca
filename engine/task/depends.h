/* The files that a step depends on: their bytes are part of its question. */
#ifndef ENGINE_TASK_DEPENDS_H
#define ENGINE_TASK_DEPENDS_H

#include <stddef.h>
#include <stdint.h>

#include "parse/buf.h"
#include "parse/tree.h"

struct results;
struct context;

enum file_found {
	FILE_UNREAD,            /* nobody has looked */
	FILE_READ,              /* its digest is known */
	FILE_MISSING,
	FILE_GONE,              /* it is missing, and so is the whole directory of the step, as that of a worktree after the run */
	FILE_NO_PLAIN,          /* it is not a plain file: ->error is its type, S_IFDIR ... */
	FILE_FAILED             /* it cannot be read: ->error is an errno; ETIMEDOUT: it takes too long */
};

struct depended {
	char *name;             /* as the step names it */
	char *path;             /* absolute */
	enum file_found found;
	int error;
	uint64_t digest;        /* of its bytes */
};

struct depends {
	struct depended *list;
	size_t n;
	char *dir;              /* absolute: the step's directory */
};

/* The files that N depends on, read at PLACE, where it is in its run: none of them was looked at yet. NULL: the results' error
 * says why. To be freed by depends_free, which takes NULL. */
struct depends *depends_make(struct results *, const struct context *, const struct node *n);
void depends_free(struct depends *);

/* Looks at PATH, of a step in DIR, and reads it; that may take long, and PROGRESS (NULL: nobody wants to know) is called about once
 * a second. What was read once is known by device, inode, size and times, and not read again as long as these are the same and
 * old enough to tell of a change (git's "racy" entries: a file may change twice within what its times can tell). */
void depends_look(struct depended *, const char *dir, void (*progress)(void *ctx), void *ctx);

/* The same for all. */
void depends_look_all(struct depends *);

/* Whether A file was found in another state, or with other bytes. */
int depends_changed(const struct depended *then, const struct depended *now);

/* Adds why the file cannot be depended on, with its name, to B. Returns whether it cannot. */
int depends_refuse(const struct depended *, struct buf *b);

#endif

/* Worktrees that lines work in, and where a new one goes. Pure: nothing here looks at a disk. */
#ifndef ENGINE_TASK_WORKTREE_H
#define ENGINE_TASK_WORKTREE_H

#include <stddef.h>

#include "parse/buf.h"

/* A worktree that a line of this walk has made, or whose result it has kept. The paths are absolute. */
struct worktree {
	struct worktree *next;
	char *path;             /* its top, as its result says */
	char *branch;           /* its git branch, without refs/heads/ */
	char *made_in;          /* the directory of the line that made it: that is in its repository */
	const struct worktree *outer;   /* that this directory was in; NULL: none */
};

/* Adds a worktree to LIST; all three strings are copied. It lives until worktree_free_all. */
const struct worktree *worktree_add(struct worktree **list, const char *path, const char *branch, const char *made_in,
    const struct worktree *outer);
void worktree_free_all(struct worktree *list);

/* The innermost worktree of LIST that the directory DIR, absolute, is the top of or lies in, by its name alone: `.'
 * and `..' are resolved, symbolic links are not. NULL: none. */
const struct worktree *worktree_around(const struct worktree *list, const char *dir);

/* Adds DIR, absolute, to B without `.', `..' and empty parts. */
void worktree_add_path(struct buf *b, const char *dir);

/* Adds to B the git branch BRANCH as part of a directory's name: the letters and digits of any script, A to Z in
 * lower case, every run of other characters as one -. */
void worktree_add_slug(struct buf *b, const char *branch);

#endif

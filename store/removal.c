/* Deleting a run's directory. */
#include "store/removal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file.h"
#include "store/os.h"

#define HIDDEN ".removed-"

/* A directory that is emptied, in passes. What is below its second level is moved up into it
 * first, so two levels are open at most, and no path is followed. */
struct sweep {
	int root;
	dev_t dev;
	const char *child;      /* the directory in it that is gone through; NULL: itself */
	unsigned long moved;    /* directories that were moved up */
	int any;                /* this pass has deleted or moved something */
	int error;              /* an errno, of the first that could not be deleted; 0: none */
	char what[2 * KEY_NAME_MAX + 2];        /* which that is, below ->root */
};

/* NAME cannot be deleted, with errno. That somebody else has deleted it meanwhile is no error. */
static void
sweep_fail(struct sweep *s, const char *name)
{
	if (errno == ENOENT || s->error)
		return;
	s->error = errno;
	snprintf(s->what, sizeof s->what, "%s%s%s", s->child ? s->child : "",
	    s->child && *name ? "/" : "", name);
}

static int
is_directory(int dir, const struct dirent *e)
{
	enum os_entry type = os_entry(e);
	struct stat st;

	if (type != OS_UNTOLD)
		return type == OS_DIRECTORY;
	return !fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
}

/* Deletes an entry that is no directory, or an empty one. Returns whether it is a directory
 * with something in it. A mount point is EBUSY before it is anything else. */
static int
drop(struct sweep *s, int dir, const struct dirent *e)
{
	int flag = is_directory(dir, e) ? AT_REMOVEDIR : 0;

	if (!unlinkat(dir, e->d_name, flag)) {
		s->any = 1;
		return 0;
	}
	if (flag && (errno == ENOTEMPTY || errno == EEXIST))
		return 1;
	sweep_fail(s, e->d_name);
	return 0;
}

/* Opens the directory NAME, unless it is on another file system. -1 and errno. */
static int
open_child(const struct sweep *s, int dir, const char *name)
{
	int fd = file_open_dir(dir, name);
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && st.st_dev == s->dev)
		return fd;
	if (fd < 0)
		return -1;
	file_drop(fd);
	errno = EXDEV;
	return -1;
}

/* Moves the directory NAME up, under a name that nothing there has: an empty directory may be
 * replaced. */
static void
move_up(struct sweep *s, int dir, const char *name)
{
	char up[40];
	int bad;

	do {
		snprintf(up, sizeof up, "%lu", s->moved++);
		bad = renameat(dir, name, s->root, up);
	} while (bad && (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR));
	if (bad)
		sweep_fail(s, name);
	else
		s->any = 1;
}

static void
each_in_child(void *ctx, int dir, const struct dirent *e)
{
	if (drop(ctx, dir, e))
		move_up(ctx, dir, e->d_name);
}

static void
each_in_root(void *ctx, int dir, const struct dirent *e)
{
	struct sweep *s = ctx;
	int fd;

	if (!drop(s, dir, e))
		return;
	fd = open_child(s, dir, e->d_name);
	if (fd < 0) {
		sweep_fail(s, e->d_name);
		return;
	}
	s->child = e->d_name;
	if (file_list(fd, each_in_child, s))
		sweep_fail(s, "");
	s->child = NULL;
	if (!unlinkat(dir, e->d_name, AT_REMOVEDIR))
		s->any = 1;
	else if (errno != ENOTEMPTY && errno != EEXIST)
		sweep_fail(s, e->d_name);
}

/* Deletes the open directory ROOT, NAME in TOP, and all that is in it. Some file systems leave
 * out entries of a directory that changes while it is read, and somebody may still make one:
 * then there is another pass. */
static int
sweep(struct sweep *s, int root, int top, const char *name)
{
	struct stat st, above;
	int bad;

	memset(s, 0, sizeof *s);
	s->root = root;
	if (fstat(root, &st) || fstat(top, &above))
		return -1;
	s->dev = st.st_dev;
	errno = EXDEV;
	if (st.st_dev != above.st_dev)
		return -1;
	do {
		s->any = 0;
		if (file_list(file_open_dir(root, "."), each_in_root, s))
			sweep_fail(s, "");
		bad = unlinkat(top, name, AT_REMOVEDIR) && errno != ENOENT;
	} while (bad && (errno == ENOTEMPTY || errno == EEXIST) && s->any);
	if (bad && s->error)
		errno = s->error;
	return bad ? -1 : 0;
}

/* The store's ->what is a file in the directory NAME. */
static void
blame(struct store *s, const char *dir, const char *name, const char *what)
{
	int saved = errno;

	snprintf(s->name, sizeof s->name, "%s", name);
	store_blame(s, dir, what);
	errno = saved;
}

/* What can be seen beforehand to keep a directory of the run from being deleted. */
struct check {
	dev_t dev;
	int error;              /* an errno; 0: nothing */
	char name[KEY_NAME_MAX + 1];
};

static void
check_part(void *ctx, int dir, const struct dirent *e)
{
	struct check *c = ctx;
	struct stat st;

	if (c->error || fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode))
		return;
	if (st.st_dev != c->dev)
		c->error = EXDEV;
	else if (faccessat(dir, e->d_name, R_OK | W_OK | X_OK, AT_EACCESS))
		c->error = errno;
	snprintf(c->name, sizeof c->name, "%s", e->d_name);
}

static int
check_parts(struct store *s, const char *dir)
{
	struct check c = { 0 };
	struct stat top, run;

	if (fstat(s->top, &top) || fstat(s->run, &run)) {
		c.error = errno;
	} else if (top.st_dev != run.st_dev) {
		c.error = EXDEV;
	} else {
		c.dev = run.st_dev;
		if (faccessat(s->run, ".", R_OK | W_OK | X_OK, AT_EACCESS) ||
		    file_list(file_open_dir(s->run, "."), check_part, &c))
			c.error = errno;
	}
	errno = c.error;
	if (c.error)
		store_blame(s, dir, c.name);
	return c.error ? -1 : 0;
}

/* Renames the run out of sight, for good. */
static int
hide(struct store *s, const char *dir, char hidden[40])
{
	struct stat st;
	int saved;

	if (fstat(s->run, &st))
		return -1;
	snprintf(hidden, 40, HIDDEN "%llu", (unsigned long long)st.st_ino);
	if (renameat(s->top, s->name, s->top, hidden)) {
		store_blame(s, dir, "");
		return -1;
	}
	if (!file_sync(s->top) || errno == EINVAL)      /* some have no way to do that */
		return 0;
	saved = errno;
	renameat(s->top, hidden, s->top, s->name);
	store_blame(s, dir, "");
	errno = saved;
	return -1;
}

enum removal
removal_run(struct store *s, const char *dir)
{
	struct sweep w;
	char hidden[40];

	if (check_parts(s, dir) || hide(s, dir, hidden))
		return REMOVAL_REFUSED;
	if (!sweep(&w, s->run, s->top, hidden))
		return REMOVAL_DONE;
	blame(s, dir, hidden, w.what);
	return REMOVAL_PART;
}

/* What is left of runs. */

struct clear {
	struct store *store;
	const char *dir;
	int error;
};

static int
is_hidden(const char *name)
{
	size_t n = strlen(HIDDEN);

	return !strncmp(name, HIDDEN, n) && name[n] && !name[n + strspn(name + n, "0123456789")];
}

static void
clear_one(void *ctx, int top, const struct dirent *e)
{
	struct clear *c = ctx;
	struct sweep w;
	int fd, bad;

	if (!is_hidden(e->d_name) || !is_directory(top, e))
		return;
	w.what[0] = '\0';
	fd = file_open_dir(top, e->d_name);
	bad = fd < 0 ? errno != ENOENT : sweep(&w, fd, top, e->d_name);
	if (bad && !c->error) {
		c->error = errno;
		blame(c->store, c->dir, e->d_name, w.what);
	}
	if (fd >= 0)
		file_drop(fd);
}

enum removal
removal_clear(struct store *s, const char *dir)
{
	struct clear c = { 0 };

	c.store = s;
	c.dir = dir;
	if (file_list(file_open_dir(s->top, "."), clear_one, &c) && !c.error) {
		c.error = errno;
		blame(s, dir, "", "");
	}
	errno = c.error;
	return c.error ? REMOVAL_PART : REMOVAL_DONE;
}

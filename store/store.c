/* A run's directory, opened. */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/escape.h"
#include "store/file.h"
#include "store/fold.h"
#include "store/how.h"
#include "store/log.h"
#include "store/os.h"

enum { DIR_SHOWN = 300 };       /* bytes of -d in a message; what is longer is cut there */

static int
fail(struct store *s, const char *what)
{
	s->what[0] = '\0';
	escape_append(s->what, sizeof s->what, what, sizeof s->what);
	s->told = 0;
	return -1;
}

/* Says which part of the run's directory it was about. */
static const char *
part(const struct store *s, const char *dir, const char *name, char path[STORE_PATH])
{
	path[0] = '\0';
	escape_append(path, STORE_PATH, dir, DIR_SHOWN);
	escape_append(path, STORE_PATH, "/", 1);
	escape_append(path, STORE_PATH, s->name, KEY_NAME_MAX);
	escape_append(path, STORE_PATH, *name ? "/" : "", 1);
	escape_append(path, STORE_PATH, name, KEY_NAME_MAX);
	return path;
}

void
store_blame(struct store *s, const char *dir, const char *name)
{
	char path[STORE_PATH];

	fail(s, part(s, dir, name, path));
}

/* The path WHAT is as WHY says. */
static int
fail_told(struct store *s, int error, const char *what, const char *why)
{
	s->what[0] = '\0';
	escape_append(s->what, sizeof s->what, what, STORE_PATH);
	escape_append(s->what, sizeof s->what, " ", 1);
	escape_append(s->what, sizeof s->what, why, sizeof s->what);
	s->told = 1;
	errno = error;
	return -1;
}

const char *
store_remedy(int error)
{
	return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == ENOTSUP || error == ENOLCK ?
	    "this file system cannot hold a run: use -d DIR for one on another file system" : NULL;
}

/* The directory WHAT cannot be made safe: what is renamed there could be lost with the power. */
static int
fail_sync(struct store *s, const char *what)
{
	int error = errno;
	const char *remedy = store_remedy(error);

	fail_told(s, error, what, "cannot be synced to disk (fsync: ");
	escape_append(s->what, sizeof s->what, strerror(error), 100);
	escape_append(s->what, sizeof s->what, remedy ? "): " : ")", 3);
	escape_append(s->what, sizeof s->what, remedy ? remedy : "", sizeof s->what);
	return -1;
}

/* What others may write to, or own, is not ours to trust. */
static int
check_owner(struct store *s, int fd, const char *what)
{
	struct stat st;

	if (fstat(fd, &st))
		return fail(s, what);
	if (st.st_uid != geteuid())
		return fail_told(s, EPERM, what, "belongs to another user");
	return st.st_mode & 022 ? fail_told(s, EPERM, what, "is writable by others (to fix: chmod go-w)") : 0;
}

/* What is wrong with what is where a part should be; NULL: nothing that can be seen. */
static const char *
fault(const struct stat *st, int error)
{
	if (S_ISLNK(st->st_mode))
		return os_is_link_error(error) || error == ENOTDIR ? "is a symbolic link" : NULL;
	if (error == EINVAL && !S_ISREG(st->st_mode))
		return "is not a plain file";
	if (error != EPERM || S_ISDIR(st->st_mode))
		return NULL;
	return st->st_uid != geteuid() ? "belongs to another user" : st->st_nlink > 1 ? "has a second name (a hard link)" : NULL;
}

/* A fault of what is there is told as such. */
static int
fail_part(struct store *s, int dir, const char *name, const char *what)
{
	struct stat st;
	int saved = errno;
	const char *why = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) ? NULL : fault(&st, saved);

	if (why)
		return fail_told(s, EPERM, what, why);
	errno = saved;
	return fail(s, what);
}

/* Opens the directory of DIR's last part, and says what that part is. */
static int
open_parent(const char *dir, char *last, size_t size)
{
	char parent[OS_PATH_MAX];
	size_t n = strlen(dir), cut;

	while (n > 1 && dir[n - 1] == '/')
		n--;
	for (cut = n; cut && dir[cut - 1] != '/'; cut--)
		;
	if (n - cut >= size || cut >= sizeof parent) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(last, dir + cut, n - cut);
	last[n - cut] = '\0';
	memcpy(parent, dir, cut);
	parent[cut] = '\0';
	if (!*last)
		strcpy(last, ".");
	return file_open_as(AT_FDCWD, cut ? parent : ".", O_RDONLY | os_directory);
}

static int
open_top(struct store *s, const char *dir, enum store_use use)
{
	char last[KEY_NAME_MAX + 1];
	int parent = open_parent(dir, last, sizeof last);

	if (parent < 0)
		return fail(s, dir);
	if (use == STORE_WRITE) {
		s->top = file_make_dir(parent, last);
		if (s->top >= 0 && file_sync(parent) && errno != EINVAL) {
			file_drop(parent);
			return fail_sync(s, dir);
		}
	} else {
		s->top = file_open_dir(parent, last);
	}
	if (s->top < 0)
		fail_part(s, parent, last, dir);
	file_drop(parent);
	if (s->top < 0)
		return -1;
	return use == STORE_READ ? 0 : check_owner(s, s->top, dir);
}

/* What is in a directory of runs that is not a run. */
struct others {
	size_t n;
	int error;              /* an errno: whether it is one could not be told; 0: it could */
};

static void
count_others(void *ctx, int dir, const struct dirent *e)
{
	struct others *o = ctx;
	char lock[KEY_NAME_MAX + 10];
	struct stat st;

	snprintf(lock, sizeof lock, "%s/lock", e->d_name);
	if (!strcmp(e->d_name, ".gitignore.new") || !fstatat(dir, lock, &st, AT_SYMLINK_NOFOLLOW))
		return;
	if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
		o->n++;
	else
		o->error = errno;
}

/* Puts into DIR what keeps git from all that is in it. */
static int
put_gitignore(int dir)
{
	return file_put(dir, ".gitignore.new", ".gitignore", "*\n", 2, 0) && errno != EEXIST && errno != ENOENT ? -1 : 0;
}

/* Runs are never committed. A directory of theirs alone says so itself; in one that holds other things, which git is to
 * see, each run does. */
static int
hide_from_git(struct store *s)
{
	char *text;
	struct others others = { 0, 0 };
	size_t n;
	int ours, none;

	if (!file_read(s->top, ".gitignore", &text, &n)) {
		ours = n == 2 && !memcmp(text, "*\n", n);
		free(text);
		s->shown = !ours;
		return 0;
	}
	none = errno == ENOENT;
	/* Something that is not a plain file is somebody else's; any other error says nothing of it. */
	if (!none && !os_is_link_error(errno) && errno != EINVAL && errno != EISDIR && errno != ENXIO)
		return -1;
	if (none && file_list(file_open_dir(s->top, "."), count_others, &others))
		return -1;
	if (others.error) {
		errno = others.error;
		return -1;
	}
	s->shown = !none || others.n;
	return s->shown ? 0 : put_gitignore(s->top);
}

/* A new directory named by the time; should that be taken, with a number after it. */
static int
make_by_time(struct store *s)
{
	time_t now = time(NULL);
	struct tm *tm = localtime(&now);
	char base[40];
	int i;

	if (!tm || !strftime(base, sizeof base, "%Y%m%d-%H%M%S", tm))
		snprintf(base, sizeof base, "%lld", (long long)now);
	for (i = 1; i < 100000; i++) {
		snprintf(s->name, sizeof s->name, i > 1 ? "%s-%d" : "%s", base, i);
		if (file_mkdir(s->top, s->name) == 0)
			return 0;
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

static int
open_parts(struct store *s, const char *dir, enum store_use use)
{
	static const char *const names[] = { "result", "asked", "stderr", "tmp" };
	char path[STORE_PATH];
	int *fds[4];
	struct stat st;
	size_t i;

	fds[0] = &s->result;
	fds[1] = &s->asked;
	fds[2] = &s->errors;
	fds[3] = &s->tmp;
	for (i = 0; i < 4; i++) {
		*fds[i] = use == STORE_WRITE ? file_make_dir(s->run, names[i]) : file_open_dir(s->run, names[i]);
		if (*fds[i] < 0 && (use == STORE_WRITE || errno != ENOENT))
			return fail_part(s, s->run, names[i], part(s, dir, names[i], path));
		if (use == STORE_WRITE && check_owner(s, *fds[i], part(s, dir, names[i], path)))
			return -1;
	}
	s->lock = use == STORE_WRITE ? file_open_own(s->run, "lock", O_CREAT) : file_open(s->run, "lock");
	if (s->lock < 0 && (use == STORE_WRITE || errno != ENOENT))
		return fail_part(s, s->run, "lock", part(s, dir, "lock", path));
	if (use == STORE_WRITE && (s->log = log_open(s->run)) < 0)
		return fail_part(s, s->run, "log", part(s, dir, "log", path));
	s->how = use == STORE_WRITE ? how_open(s->run) : file_open(s->run, "how");
	/* Of an earlier orch it was a directory. */
	if (s->how < 0 && (use == STORE_WRITE || (errno != ENOENT && (fstatat(s->run, "how", &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode)))))
		return fail_part(s, s->run, "how", part(s, dir, "how", path));
	if (use == STORE_READ)
		return 0;
	if (fstat(s->how, &st))
		return fail(s, part(s, dir, "how", path));
	s->has_how = st.st_size != 0;
	/* What was renamed when an earlier orch was killed counts from now on: it has to be safe too. */
	if (file_sync(s->result) || file_sync(s->run) || file_sync(s->top))
		return fail_sync(s, part(s, dir, "", path));
	return 0;
}

/* What can be in a run's directory. */
static int
is_part(const char *name)
{
	static const char parts[] = "/run/lock/log/how/result/asked/stderr/tmp/.gitignore/run.new/.gitignore.new/";
	char part[KEY_NAME_MAX + 3];

	snprintf(part, sizeof part, "/%s/", name);
	return strstr(parts, part) != NULL;
}

static void
count_strange(void *ctx, int dir, const struct dirent *e)
{
	size_t *n = ctx;

	(void)dir;
	*n += !is_part(e->d_name);
}

/* Whether the directory RUN is a run's, and not a directory of another kind beside those: it
 * has what every run has, or it has nothing else than a run has. -1 and errno. */
static int
is_run(int run)
{
	struct stat st;
	size_t n = 0;

	if (!fstatat(run, "lock", &st, AT_SYMLINK_NOFOLLOW) &&
	    (!fstatat(run, "run", &st, AT_SYMLINK_NOFOLLOW) || !fstatat(run, "log", &st, AT_SYMLINK_NOFOLLOW)))
		return 1;
	return file_list(file_open_dir(run, "."), count_strange, &n) ? -1 : !n;
}

int
store_is_run(const char *dir, const char *name)
{
	struct store s = { 0 };
	int run, is = -1;

	if (open_top(&s, dir, STORE_READ))
		return -1;
	run = file_open_dir(s.top, name);
	if (run >= 0) {
		is = is_run(run);
		file_drop(run);
	}
	file_drop(s.top);
	return is;
}

/* For STORE_REMOVE. The lock is not asked whose it is, as long as it is a file: nothing is
 * written to it. One that is not there is made, for whoever has this directory open may make it
 * too. */
static int
open_to_remove(struct store *s, const char *dir)
{
	char path[STORE_PATH];
	struct stat st;
	int is;

	if (fstat(s->run, &st))
		return fail(s, part(s, dir, "", path));
	if (st.st_uid != geteuid())
		return fail_told(s, EPERM, part(s, dir, "", path), "belongs to another user");
	is = is_run(s->run);
	if (is < 0)
		return fail(s, part(s, dir, "", path));
	if (!is)
		return fail_told(s, EINVAL, part(s, dir, "", path), "is not a run");
	s->lock = file_open_as(s->run, "lock", O_RDWR | O_CREAT | os_nofollow | O_NONBLOCK);
	if (s->lock >= 0 && !fstat(s->lock, &st) && !S_ISREG(st.st_mode)) {
		close(s->lock);
		s->lock = -1;
		errno = EINVAL;
	}
	return s->lock < 0 ? fail_part(s, s->run, "lock", part(s, dir, "lock", path)) : 0;
}

void
store_find_lock(struct store *s)
{
	if (s->lock < 0)
		s->lock = file_open(s->run, "lock");
}

static int
set_path(struct store *s, const char *dir)
{
	char *real = realpath(dir, NULL);
	size_t n;

	if (!real)
		return fail(s, dir);
	n = strlen(real) + strlen(s->name) + 2;
	s->path = malloc(n);
	if (s->path)
		snprintf(s->path, n, "%s/%s", real, s->name);
	free(real);
	return s->path ? 0 : fail(s, "memory");
}

/* An entry of a directory, looked for in its list. */
struct entry {
	const char *name;
	struct fold fold;
	int found;
	char like[KEY_NAME_MAX + 1];    /* another that may be one with it; "": there is none */
};

static void
look_at_entry(void *ctx, int dir, const struct dirent *d)
{
	struct entry *e = ctx;
	struct fold fold;

	(void)dir;
	if (!strcmp(d->d_name, e->name)) {
		e->found = 1;
		return;
	}
	fold_name(&fold, d->d_name);
	if (fold_same(&fold, &e->fold))
		snprintf(e->like, sizeof e->like, "%s", d->d_name);
}

/* Looks for NAME, as it is written, in the list of DIR. */
static int
find_entry(struct entry *e, int dir, const char *name)
{
	memset(e, 0, sizeof *e);
	e->name = name;
	fold_name(&e->fold, name);
	return file_list(file_open_dir(dir, "."), look_at_entry, e);
}

/* Whether RESULT is `result` here. With exfat by FUSE each spelling of a name has an inode's number of its own: that
 * there is nothing of this name in the directory tells it as well. */
static int
look_whether_folds(struct store *s)
{
	struct stat result, other;
	struct entry e;

	if (s->result < 0)
		return 0;
	if (fstatat(s->run, "RESULT", &other, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -1;
	if (fstat(s->result, &result))
		return -1;
	s->folds = other.st_dev == result.st_dev && other.st_ino == result.st_ino;
	if (s->folds)
		return 0;
	if (find_entry(&e, s->run, "RESULT"))
		return -1;
	s->folds = !e.found;
	return 0;
}

/* A file's name as it is said: the key that it is for. */
static void
show_name(const char *name, char key[KEY_NAME_MAX + 1])
{
	int n = key_decode(name, key);

	if (n < 0)
		snprintf(key, KEY_NAME_MAX + 1, "%s", name);
	else
		key[n] = '\0';
}

/* Where the file system folds, the run that was opened may be one of another name. One that is listed by no such name at
 * all is taken as it is: some systems list names otherwise than they were made (HFS+ decomposes them). */
static int
check_name(struct store *s)
{
	char asked[KEY_NAME_MAX + 1], there[KEY_NAME_MAX + 1];
	struct entry e;

	if (find_entry(&e, s->top, s->name))
		return -1;
	if (e.found || !*e.like)
		return 0;
	show_name(s->name, asked);
	show_name(e.like, there);
	snprintf(s->what, sizeof s->what, "run `%.60s` would be run `%.60s`: this file system does not tell their names apart; "
	    "use -r %.60s or another name", asked, there, there);
	s->told = 1;
	errno = EEXIST;
	return -1;
}

int
store_open(struct store *s, const char *dir, const char *name, size_t n, enum store_use use)
{
	char path[STORE_PATH];
	struct stat st;
	int makes = use == STORE_WRITE;

	if (use == STORE_RESUME)
		use = STORE_WRITE;
	memset(s, 0, sizeof *s);
	s->top = s->run = s->result = s->asked = s->how = s->errors = s->tmp = s->lock = s->log = -1;
	if (name && key_encode(name, n, s->name) < 0)
		return n ? fail(s, "the run's name") : fail_told(s, EINVAL, "the run's name", "is empty");
	if (open_top(s, dir, use))
		return -1;
	if (use == STORE_WRITE && hide_from_git(s))
		return fail(s, ".gitignore");
	if (!name && use == STORE_REMOVE)
		return 0;
	if (!name && make_by_time(s))
		return fail(s, dir);
	s->run = makes ? file_make_dir(s->top, s->name) : file_open_dir(s->top, s->name);
	if (s->run < 0)
		return fail_part(s, s->top, s->name, part(s, dir, "", path));
	if (use == STORE_REMOVE)
		return open_to_remove(s, dir);
	if (use == STORE_WRITE && check_owner(s, s->run, part(s, dir, "", path)))
		return -1;
	if (open_parts(s, dir, use))
		return -1;
	if (look_whether_folds(s))
		return fail(s, part(s, dir, "RESULT", path));
	if (s->folds && name && check_name(s))
		return s->told ? -1 : fail(s, dir);
	if (s->shown && fstatat(s->run, ".gitignore", &st, AT_SYMLINK_NOFOLLOW) && put_gitignore(s->run))
		return fail(s, ".gitignore");
	return set_path(s, dir);
}

void
store_close(struct store *s)
{
	int *fds[9];
	size_t i;

	fds[0] = &s->top;
	fds[1] = &s->run;
	fds[2] = &s->result;
	fds[3] = &s->asked;
	fds[4] = &s->how;
	fds[5] = &s->errors;
	fds[6] = &s->tmp;
	fds[7] = &s->log;
	fds[8] = &s->lock;
	for (i = 0; i < 9; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	free(s->path);
	s->path = NULL;
}

struct lister {
	void (*run)(void *, const char *);
	void (*result)(void *, const char *, int);
	void *ctx;
};

static void
each_run(void *ctx, int dir, const struct dirent *e)
{
	struct lister *l = ctx;
	struct stat st;

	if (*e->d_name != '.' && fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		l->run(l->ctx, e->d_name);
}

int
store_runs(const char *dir, void (*each)(void *, const char *), void *ctx)
{
	struct lister l = { 0 };
	struct store s = { 0 };
	int bad = open_top(&s, dir, STORE_READ);

	l.run = each;
	l.ctx = ctx;
	if (bad) {
		errno = errno == EPERM ? ELOOP : errno;
		return errno == ENOENT ? 0 : -1;
	}
	return file_list(s.top, each_run, &l);
}

static void
each_result(void *ctx, int dir, const struct dirent *e)
{
	struct lister *l = ctx;
	struct stat st;
	int plain = os_entry(e) == OS_FILE ||
	    (!fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode));

	l->result(l->ctx, e->d_name, plain);
}

int
store_results(struct store *s, void (*each)(void *, const char *, int), void *ctx)
{
	struct lister l = { 0 };

	l.result = each;
	l.ctx = ctx;
	if (s->result < 0)
		return 0;
	return file_list(file_open_dir(s->run, "result"), each_result, &l);
}

int
store_open_result(const struct store *s, const char *key)
{
	char name[KEY_NAME_MAX + 1];

	if (key_encode(key, strlen(key), name) < 0) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return file_open(s->result, name);
}

int
store_keep(struct store *s, const char *from, const char *name)
{
	return renameat(s->tmp, from, s->result, name);
}

int
store_sync_results(struct store *s)
{
	return file_sync(s->result);
}

int
store_unkeep(struct store *s, const char *name)
{
	return unlinkat(s->result, name, 0);
}

int
store_gone(struct store *s)
{
	struct stat st;

	return fstat(s->run, &st) == 0 && st.st_nlink == 0;
}

static int
is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether NAME in DIR is the open file FD. -1 and errno. */
static int
is_at(int dir, const char *name, int fd)
{
	struct stat own, there;

	if (fstat(fd, &own))
		return -1;
	if (fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -1;
	return is_same_file(&own, &there);
}

int
store_is_there(const struct store *s)
{
	int is = s->run < 0 ? 0 : is_at(s->top, s->name, s->run);

	return is == 1 && s->lock >= 0 ? is_at(s->run, "lock", s->lock) : is;
}

void
store_mark(const struct store *s, struct store_mark *m)
{
	struct stat st;

	memset(m, 0, sizeof *m);
	if (!fstat(s->run, &st))
		m->run = (unsigned long long)st.st_ino;
	if (!fstatat(s->run, "log", &st, AT_SYMLINK_NOFOLLOW))
		m->log = (long long)st.st_size;
}

static void
each_left(void *ctx, int dir, const struct dirent *e)
{
	char key[KEY_NAME_MAX + 1];

	(void)ctx;
	if (key_decode(e->d_name, key) < 0)
		unlinkat(dir, e->d_name, 0);
}

void
store_clean(struct store *s)
{
	file_list(file_open_dir(s->run, "tmp"), each_left, NULL);
}

/* The lock. */

static struct flock
byte_of(int byte, int type)
{
	struct flock l;

	memset(&l, 0, sizeof l);
	l.l_type = (short)type;
	l.l_whence = SEEK_SET;
	l.l_start = byte;
	l.l_len = 1;
	return l;
}

/* Whether somebody has BYTE, and who; -1 where that cannot be told: a lock that is inherited, or another system's, is
 * no process's that we know. */
static int
is_held(const struct store *s, int byte, long *holder)
{
	struct flock l = byte_of(byte, F_WRLCK);

	*holder = 0;
	if (s->lock < 0 || fcntl(s->lock, F_GETLK, &l) || l.l_type == F_UNLCK)
		return 0;
	*holder = l.l_pid > 0 ? (long)l.l_pid : -1;
	return 1;
}

/* Who has it may let go of it before he is asked for: then it is tried again. */
static int
take(struct store *s, int byte, int type, long *holder)
{
	struct flock l;
	int bad, attempts = 0;

	do {
		l = byte_of(byte, type);
		bad = fcntl(s->lock, F_SETLK, &l);
	} while (bad && (errno == EACCES || errno == EAGAIN) && holder && !is_held(s, byte, holder) && attempts++ < 100);
	if (!bad)
		return 0;
	if (errno == EACCES)
		errno = EAGAIN;
	return -1;
}

int
store_lock(struct store *s, long *holder)
{
	return take(s, 0, F_WRLCK, holder);
}

int
store_lock_wait(struct store *s, int ms, long *holder)
{
	const struct timespec pause = { 0, 10 * 1000 * 1000 };
	struct flock free_again = byte_of(1, F_UNLCK);
	struct timespec began, now;

	clock_gettime(CLOCK_MONOTONIC, &began);
	while (take(s, 1, F_WRLCK, holder)) {
		if (errno != EAGAIN)
			return -1;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((now.tv_sec - began.tv_sec) * 1000 + (now.tv_nsec - began.tv_nsec) / 1000000 >= ms) {
			errno = EAGAIN;
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return fcntl(s->lock, F_SETLK, &free_again);
}

void
store_lock_share(struct store *s)
{
	struct flock l = byte_of(1, F_RDLCK);

	s->shares = os_lock_inherited(s->lock, &l) == 0;
}

int
store_lock_supervisor(struct store *s)
{
	return s->shares ? 0 : take(s, 1, F_RDLCK, NULL);
}

enum store_busy
store_busy(struct store *s, long *holder)
{
	if (is_held(s, 0, holder))
		return STORE_RUNNING;
	return is_held(s, 1, holder) ? STORE_ENDING : STORE_FREE;
}

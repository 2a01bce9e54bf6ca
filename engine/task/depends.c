/* The files that a step depends on. */
#include "engine/task/depends.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/task/digest.h"
#include "engine/task/expand.h"
#include "parse/mem.h"
#include "parse/text.h"
#include "store/clock.h"
#include "store/file.h"
#include "store/os.h"

enum {
	PIECE = 64 * 1024,
	KNOWN = 4096,           /* files whose digests are remembered, at most; a power of two */
	SETTLED_MS = 2000,      /* the age from which a time tells of every change: FAT's are to two seconds */
	PROGRESS_MS = 1000,
	READINGS = 3            /* of a file that changes while it is read */
};

/* What was read of a file, by device and inode. */
struct known {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec modified, changed;
	uint64_t digest;
	int there;
};

static struct known *known;     /* KNOWN of them */

static int
add_file(struct depends *d, struct results *a, const struct context *at, const struct word *w)
{
	struct buf name = { 0 }, path = { 0 };
	struct depended *f = &d->list[d->n];

	int bad = expand(a, at, &w->t, &name);

	if (!bad && (!name.n || memchr(name.s, '\0', name.n))) {
		buf_text(&a->error, name.n ? "NUL byte in a file name of depends" : "empty file name in depends");
		bad = -1;
	}
	if (bad) {
		buf_free(&name);
		return -1;
	}
	memset(f, 0, sizeof *f);
	f->name = buf_take(&name);
	context_dir(at, f->name, &path);
	f->path = buf_take(&path);
	d->n++;
	return 0;
}

struct depends *
depends_make(struct results *a, const struct context *at, const struct node *n)
{
	const struct words *levels[2];
	struct depends *d = mem_zero(1, sizeof *d);
	size_t i, k;

	levels[0] = &n->attrs.depends;
	levels[1] = &n->step->attrs.depends;
	d->list = mem_zero(levels[0]->n + levels[1]->n + 1, sizeof *d->list);
	d->dir = mem_dup(at->dir, strlen(at->dir));
	a->error.n = 0;
	for (i = 0; i < 2; i++)
		for (k = 0; k < levels[i]->n; k++)
			if (add_file(d, a, at, &levels[i]->list[k])) {
				depends_free(d);
				return NULL;
			}
	return d;
}

void
depends_free(struct depends *d)
{
	size_t i;

	if (!d)
		return;
	for (i = 0; i < d->n; i++) {
		free(d->list[i].name);
		free(d->list[i].path);
	}
	free(d->list);
	free(d->dir);
	free(d);
}

/* Looking. */

static struct known *
known_of(const struct stat *st)
{
	if (!known)
		known = mem_zero(KNOWN, sizeof *known);
	return &known[((uint64_t)st->st_ino * 0x9e3779b97f4a7c15u >> 32 ^ (uint64_t)st->st_dev) & (KNOWN - 1)];
}

static int
is_known(const struct known *k, const struct stat *st)
{
	return k->there && k->dev == st->st_dev && k->ino == st->st_ino && k->size == st->st_size &&
	    clock_is_same(k->modified, os_modified(st)) && clock_is_same(k->changed, os_changed(st));
}

static void
learn(struct known *k, const struct stat *st, uint64_t digest)
{
	k->there = 1;
	k->dev = st->st_dev;
	k->ino = st->st_ino;
	k->size = st->st_size;
	k->modified = os_modified(st);
	k->changed = os_changed(st);
	k->digest = digest;
}

/* Whether both times of the file lie so far back that a change from now on changes one of them. */
static int
is_settled(const struct stat *st, long long now)
{
	return clock_of(os_modified(st)) + SETTLED_MS <= now && clock_of(os_changed(st)) + SETTLED_MS <= now;
}

/* The bytes of FD from the front. -1 and errno. */
static int
digest_file(int fd, uint64_t *digest, void (*progress)(void *), void *ctx)
{
	static char piece[PIECE];
	long long told = clock_ms(), at = 0, now;
	long n;

	*digest = DIGEST_START;
	while ((n = file_read_at(fd, piece, sizeof piece, at)) > 0) {
		*digest = digest_add(*digest, piece, (size_t)n);
		at += n;
		now = progress ? clock_ms() : told;
		if (now - told >= PROGRESS_MS) {
			progress(ctx);
			told = now;
		}
	}
	*digest = digest_join(*digest, (uint64_t)at);
	return n < 0 ? -1 : 0;
}

/* Reads the plain file FD, whose state is ST. -1 and errno. */
static int
read_plain(int fd, const struct stat *st, uint64_t *digest, void (*progress)(void *), void *ctx)
{
	struct known *k = known_of(st);
	struct stat before = *st, after;
	long long now;
	int i;

	if (is_known(k, st)) {
		*digest = k->digest;
		return 0;
	}
	for (i = 0; i < READINGS; i++) {
		now = clock_epoch();
		if (digest_file(fd, digest, progress, ctx) || fstat(fd, &after))
			return -1;
		learn(k, &before, *digest);
		if (is_known(k, &after)) {
			k->there = is_settled(&before, now);
			return 0;
		}
		before = after;
	}
	k->there = 0;
	return 0;
}

static void
cannot(struct depended *f, const char *dir, int error)
{
	struct stat st;

	f->found = error == ENOENT || error == ENOTDIR ? FILE_MISSING : FILE_FAILED;
	f->error = error;
	if (f->found == FILE_MISSING && stat(dir, &st) && (errno == ENOENT || errno == ENOTDIR))
		f->found = FILE_GONE;
}

void
depends_look(struct depended *f, const char *dir, void (*progress)(void *), void *ctx)
{
	struct stat st;
	int fd = file_open_as(AT_FDCWD, f->path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	f->digest = 0;
	f->error = 0;
	if (fd < 0 && stat(f->path, &st) == 0 && !S_ISREG(st.st_mode)) {        /* a socket, a device that is not there */
		f->found = FILE_NO_PLAIN;
		f->error = (int)(st.st_mode & S_IFMT);
		return;
	}
	if (fd < 0) {
		cannot(f, dir, errno);
		return;
	}
	f->found = FILE_READ;
	if (fstat(fd, &st)) {
		cannot(f, dir, errno);
	} else if (!S_ISREG(st.st_mode)) {
		f->found = FILE_NO_PLAIN;
		f->error = (int)(st.st_mode & S_IFMT);
	} else if (read_plain(fd, &st, &f->digest, progress, ctx)) {
		f->found = FILE_FAILED;
		f->error = errno;
	}
	close(fd);
}

void
depends_look_all(struct depends *d)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		depends_look(&d->list[i], d->dir, NULL, NULL);
}

int
depends_changed(const struct depended *then, const struct depended *now)
{
	return then->found != now->found || then->digest != now->digest;
}

static const char *
type_of(int type)
{
	return S_ISDIR((mode_t)type) ? "a directory" : S_ISFIFO((mode_t)type) ? "a fifo" : S_ISSOCK((mode_t)type) ? "a socket" : "a device";
}

int
depends_refuse(const struct depended *f, struct buf *b)
{
	char quoted[TEXT_SHORT];

	if (f->found == FILE_NO_PLAIN)
		buf_fmt(b, "%s is %s: a step can depend on plain files alone", text_short(quoted, f->name), type_of(f->error));
	else if (f->found == FILE_FAILED && f->error == ETIMEDOUT)
		buf_fmt(b, "%s, which it depends on, cannot be read: no progress for 30s", text_short(quoted, f->name));
	else if (f->found == FILE_FAILED)
		buf_fmt(b, "%s, which it depends on, cannot be read: %s", text_short(quoted, f->name), strerror(f->error));
	else
		return 0;
	return 1;
}

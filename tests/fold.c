/* A file system that folds case, as exfat does: below the directory ORCH_FOLD a name is looked up whatever its case, and
 * what is made keeps the spelling that it was made with. Between orch and libc: each function here looks for the real
 * spelling of the path and calls the function of that name in libc. With ORCH_FOLD_NUMBERS each spelling of a name has an
 * inode's number of its own, as by FUSE. What is upper and what is lower case is for libc to say, not for orch. */
#if defined(__linux__)
#define _GNU_SOURCE             /* RTLD_NEXT, open64, towlower_l */
#undef _FILE_OFFSET_BITS        /* open and open64 are two names here */
#undef _TIME_BITS
#undef _FORTIFY_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

struct path {
	char real[2 * PATH_MAX];        /* as it is to be given to libc */
	int folded;             /* it is another spelling than what was asked for */
};

/* Puts libc's function NAME into the pointer at WHERE. */
static void
find(void *where, const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	memcpy(where, &p, sizeof p);
}

/* Whether A and B are one name. */
static int
is_same(const char *a, const char *b, locale_t l)
{
	mbstate_t sa, sb;
	wchar_t ca, cb;
	size_t na, nb;

	memset(&sa, 0, sizeof sa);
	memset(&sb, 0, sizeof sb);
	while (*a && *b) {
		na = mbrtowc(&ca, a, strlen(a), &sa);
		nb = mbrtowc(&cb, b, strlen(b), &sb);
		if (na > 4 || nb > 4)
			return !strcmp(a, b);
		if (towlower_l((wint_t)ca, l) != towlower_l((wint_t)cb, l))
			return 0;
		a += na;
		b += nb;
	}
	return !*a && !*b;
}

/* Puts the real spelling of NAME, which is in the directory DIR, into NAME; whether it is another. */
static int
respell(const char *dir, char *name)
{
	static locale_t utf8;
	locale_t before;
	struct dirent *e;
	DIR *d = opendir(*dir ? dir : "/");
	int found = 0;

	if (!d)
		return 0;
	if (!utf8)
		utf8 = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
	before = uselocale(utf8);
	while (!found && (e = readdir(d)))
		if (is_same(e->d_name, name, utf8)) {
			strcpy(name, e->d_name);
			found = 1;
		}
	uselocale(before);
	closedir(d);
	return found;
}

/* The absolute path of NAME from the directory DIR; 0: it has none. */
static int
absolute(int dir, const char *name, char *out)
{
	char link[40];
	ssize_t n = 0;

	if (*name != '/') {
		snprintf(link, sizeof link, dir == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", dir);
		n = readlink(link, out, PATH_MAX);
		if (n <= 0)
			return 0;
		out[n++] = '/';
	}
	snprintf(out + n, PATH_MAX, "%s", name);
	return 1;
}

static int
is_there(const char *path)
{
	struct stat st;

	return syscall(SYS_newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* P as it is really spelled. NULL: nothing there is folded. */
static const char *
look_up(struct path *p, int dir, const char *name)
{
	const char *top = getenv("ORCH_FOLD");
	size_t n = top ? strlen(top) : 0;
	char *at, *end, rest[PATH_MAX];
	int saved = errno;

	p->folded = 0;
	if (!n || !*name || !absolute(dir, name, p->real) || strncmp(p->real, top, n) || p->real[n] != '/') {
		errno = saved;
		return NULL;
	}
	for (at = p->real + n + 1; *at; at = end + 1) {
		end = at + strcspn(at, "/");
		snprintf(rest, sizeof rest, "%s", end);
		*end = '\0';
		if (*at && !is_there(p->real)) {
			at[-1] = '\0';
			p->folded |= respell(p->real, at);
			at[-1] = '/';
		}
		end = at + strlen(at);
		strcpy(end, rest);
		if (!*end)
			break;
	}
	errno = saved;
	return p->real;
}

/* DIR and NAME as libc is to get them. */
#define LOOK_UP(dir, name) \
	struct path path_; \
	const char *real_ = look_up(&path_, dir, name); \
	int dir_ = real_ ? AT_FDCWD : (dir); \
	const char *name_ = real_ ? real_ : (name)

#define REAL(name) \
	do { \
		if (!real) \
			find(&real, #name); \
	} while (0)

static mode_t
mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(ap, int) : 0;
}

#define OPENAT(name) \
int \
name(int dir, const char *path, int flags, ...) \
{ \
	static int (*real)(int, const char *, int, ...); \
	va_list ap; \
	mode_t mode; \
	LOOK_UP(dir, path); \
 \
	va_start(ap, flags); \
	mode = mode_of(flags, ap); \
	va_end(ap); \
	REAL(name); \
	return real(dir_, name_, flags, mode); \
}

#define OPEN(name, at) \
int \
name(const char *path, int flags, ...) \
{ \
	va_list ap; \
	mode_t mode; \
 \
	va_start(ap, flags); \
	mode = mode_of(flags, ap); \
	va_end(ap); \
	return at(AT_FDCWD, path, flags, mode); \
}

OPENAT(openat)
OPENAT(openat64)
OPEN(open, openat)
OPEN(open64, openat64)

#define STATAT(name, type) \
int \
name(int dir, const char *path, struct type *st, int flags) \
{ \
	static int (*real)(int, const char *, struct type *, int); \
	int bad; \
	LOOK_UP(dir, path); \
 \
	REAL(name); \
	bad = real(dir_, name_, st, flags); \
	if (!bad && path_.folded && getenv("ORCH_FOLD_NUMBERS")) \
		st->st_ino += 1000000; \
	return bad; \
}

#define STAT(name, type, at, flags) \
int \
name(const char *path, struct type *st) \
{ \
	return at(AT_FDCWD, path, st, flags); \
}

STATAT(fstatat, stat)
STATAT(fstatat64, stat64)
STAT(stat, stat, fstatat, 0)
STAT(stat64, stat64, fstatat64, 0)
STAT(lstat, stat, fstatat, AT_SYMLINK_NOFOLLOW)
STAT(lstat64, stat64, fstatat64, AT_SYMLINK_NOFOLLOW)

int
unlinkat(int dir, const char *path, int flags)
{
	static int (*real)(int, const char *, int);
	LOOK_UP(dir, path);

	REAL(unlinkat);
	return real(dir_, name_, flags);
}

int
unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	static int (*real)(int, const char *, mode_t);
	LOOK_UP(dir, path);

	REAL(mkdirat);
	return real(dir_, name_, mode);
}

int
mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int
renameat(int from, const char *a, int to, const char *b)
{
	static int (*real)(int, const char *, int, const char *);
	struct path pa, pb;
	const char *ra = look_up(&pa, from, a), *rb = look_up(&pb, to, b);

	REAL(renameat);
	return real(ra ? AT_FDCWD : from, ra ? ra : a, rb ? AT_FDCWD : to, rb ? rb : b);
}

int
rename(const char *a, const char *b)
{
	return renameat(AT_FDCWD, a, AT_FDCWD, b);
}

int
faccessat(int dir, const char *path, int mode, int flags)
{
	static int (*real)(int, const char *, int, int);
	LOOK_UP(dir, path);

	REAL(faccessat);
	return real(dir_, name_, mode, flags);
}

int
access(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, 0);
}
#else
/* Elsewhere libraries are preloaded in other ways: the suite says that it was skipped. */
extern int fold_nothing;
int fold_nothing;
#endif

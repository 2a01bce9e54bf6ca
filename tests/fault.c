/* Faults on order (tests/fault.h). Between orch and libc: each function here counts the call and asks whether
 * it is the one that is to fail; if not, the function of that name in libc is called.
 *
 * Only fsync does nothing besides: that no test has to wait for the disk. */
#if defined(__linux__)
#define _GNU_SOURCE             /* RTLD_NEXT, open64 */
#undef _FILE_OFFSET_BITS        /* open and open64 are two names here */
#undef _TIME_BITS
#undef _FORTIFY_SOURCE          /* and read is read */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fault.h"

enum kind {
	WRITE, READ, OPEN, CLOSE, FSYNC, RENAME, UNLINK, MKDIR, STAT, LOCK, CHMOD, DIRECTORY, PATH,
	FORK, EXEC, PIPE, DUP, WAIT, SELECT, MEMORY, NO_KIND = FAULT_KINDS
};

static const char *const kinds[] = {
	"write", "read", "open", "close", "fsync", "rename", "unlink", "mkdir", "stat", "lock", "chmod", "directory",
	"path", "fork", "exec", "pipe", "dup", "wait", "select", "memory",
};

static const struct {
	const char *name;
	int number;
} errors[] = {
	{ "ENOSPC", ENOSPC }, { "EIO", EIO }, { "EMFILE", EMFILE }, { "EAGAIN", EAGAIN }, { "EINTR", EINTR },
	{ "ENOMEM", ENOMEM }, { "EACCES", EACCES }, { "ENOLCK", ENOLCK }, { "EPERM", EPERM },
	{ "EINVAL", EINVAL }, { "ENOSYS", ENOSYS }, { "EOPNOTSUPP", EOPNOTSUPP },
};

enum { NERRORS = sizeof errors / sizeof *errors };

/* What is to happen. */
static enum kind kind = NO_KIND;
static long at;
static int error;               /* 0: none */
static int half, on, torn, kill_before, kill_after, stop_before, stop_here;

static struct fault_page none, *page = &none;
static char page_file[PATH_MAX];
static int inside;              /* the library itself calls */
static pid_t orch;
static int dying;               /* this process is killed after the call */
static int failing = -1;        /* of this descriptor the next write fails */

static void
die(void)
{
	kill(getpid(), SIGKILL);
	pause();
}

static int
is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* What cannot be: no pipe fails to be read, and a disk that is full keeps nobody from saying so. */
static int
is_spared(int fd)
{
	if (kind == READ)
		return error && error != EINTR && is_pipe(fd);
	return kind == WRITE && on && (fd == 1 || fd == 2 || is_pipe(fd));
}

/* Counts a call. Whether it is the one. */
static int
is_hit(enum kind k, const char *call, int fd)
{
	long n;

	if (inside)
		return 0;
	__sync_add_and_fetch(&page->calls[k], 1);
	if (k != kind || (stop_before && getpid() == orch))
		return 0;
	n = __sync_add_and_fetch(&page->seen, 1);
	if (!at || n < at || (n > at && !on))
		return 0;
	if (__sync_add_and_fetch(&page->hit, 1) == 1) {
		page->pid = getpid();
		strncpy(page->call, call, sizeof page->call - 1);
	}
	return !is_spared(fd);
}

/* The same; it kills if that is to be. Whether the call is to fail, with errno. */
static int
is_struck(enum kind k, const char *call, int fd)
{
	if (!is_hit(k, call, fd))
		return 0;
	if (kill_before)
		die();
	if (stop_before || stop_here)
		kill(getpid(), SIGSTOP);
	dying = kill_after;
	if (!error)
		return 0;
	errno = error;
	return 1;
}

static void
survive(void)
{
	if (dying)
		die();
}

/* Puts libc's function NAME into the pointer at WHERE. */
static void
find(void *where, const char *name)
{
	void *p;

	inside++;
	p = dlsym(RTLD_NEXT, name);
	inside--;
	memcpy(where, &p, sizeof p);
}

#define REAL(name) \
	do { \
		if (!real) \
			find(&real, #name); \
	} while (0)

/* A function that fails by returning BAD. */
#define CALL(k, type, name, fd, params, args, bad) \
type \
name params \
{ \
	static type (*real) params; \
	type r; \
 \
	REAL(name); \
	if (is_struck(k, #name, fd)) \
		return bad; \
	r = real args; \
	survive(); \
	return r; \
}

CALL(RENAME, int, rename, -1, (const char *a, const char *b), (a, b), -1)
CALL(RENAME, int, renameat, -1, (int d, const char *a, int e, const char *b), (d, a, e, b), -1)
CALL(UNLINK, int, unlink, -1, (const char *a), (a), -1)
CALL(UNLINK, int, unlinkat, -1, (int d, const char *a, int f), (d, a, f), -1)
CALL(MKDIR, int, mkdir, -1, (const char *a, mode_t m), (a, m), -1)
CALL(MKDIR, int, mkdirat, -1, (int d, const char *a, mode_t m), (d, a, m), -1)
CALL(STAT, int, fstat, fd, (int fd, struct stat *st), (fd, st), -1)
CALL(STAT, int, fstat64, fd, (int fd, struct stat64 *st), (fd, st), -1)
CALL(STAT, int, fstatat, -1, (int d, const char *a, struct stat *st, int f), (d, a, st, f), -1)
CALL(STAT, int, fstatat64, -1, (int d, const char *a, struct stat64 *st, int f), (d, a, st, f), -1)
CALL(STAT, int, stat, -1, (const char *a, struct stat *st), (a, st), -1)
CALL(STAT, int, stat64, -1, (const char *a, struct stat64 *st), (a, st), -1)
CALL(STAT, int, lstat, -1, (const char *a, struct stat *st), (a, st), -1)
CALL(STAT, int, lstat64, -1, (const char *a, struct stat64 *st), (a, st), -1)
CALL(STAT, int, fstatvfs, fd, (int fd, struct statvfs *v), (fd, v), -1)
CALL(STAT, int, fstatvfs64, fd, (int fd, struct statvfs64 *v), (fd, v), -1)
CALL(LOCK, int, flock, fd, (int fd, int op), (fd, op), -1)
CALL(CHMOD, int, fchmod, fd, (int fd, mode_t m), (fd, m), -1)
CALL(WRITE, int, ftruncate, fd, (int fd, off_t n), (fd, n), -1)
CALL(WRITE, int, ftruncate64, fd, (int fd, off64_t n), (fd, n), -1)
CALL(DIRECTORY, DIR *, opendir, -1, (const char *a), (a), NULL)
CALL(DIRECTORY, DIR *, fdopendir, -1, (int fd), (fd), NULL)
CALL(DIRECTORY, struct dirent *, readdir, -1, (DIR *d), (d), NULL)
CALL(DIRECTORY, struct dirent64 *, readdir64, -1, (DIR *d), (d), NULL)
CALL(PATH, int, access, -1, (const char *a, int m), (a, m), -1)
CALL(PATH, int, chdir, -1, (const char *a), (a), -1)
CALL(PATH, char *, getcwd, -1, (char *p, size_t n), (p, n), NULL)
CALL(PATH, char *, realpath, -1, (const char *a, char *p), (a, p), NULL)
CALL(PIPE, int, pipe, -1, (int fds[2]), (fds), -1)
CALL(DUP, int, dup, -1, (int fd), (fd), -1)
CALL(DUP, int, dup2, -1, (int a, int b), (a, b), -1)
CALL(WAIT, pid_t, waitpid, -1, (pid_t p, int *s, int f), (p, s, f), -1)
CALL(WAIT, int, waitid, -1, (idtype_t t, id_t p, siginfo_t *i, int f), (t, p, i, f), -1)
CALL(SELECT, int, pselect, -1,
    (int n, fd_set *in, fd_set *out, fd_set *ex, const struct timespec *t, const sigset_t *m), (n, in, out, ex, t, m), -1)

int
fsync(int fd)
{
	if (is_struck(FSYNC, "fsync", fd))
		return -1;
	survive();
	return 0;
}

/* Opening. */

static mode_t
mode_of(int flags, va_list ap)
{
	return flags & O_CREAT ? va_arg(ap, mode_t) : 0;
}

#define OPENS(name, params, args) \
int \
name params \
{ \
	static int (*real) params; \
	va_list ap; \
	mode_t mode; \
	int fd; \
 \
	REAL(name); \
	if (is_struck(OPEN, #name, -1)) \
		return -1; \
	va_start(ap, flags); \
	mode = mode_of(flags, ap); \
	va_end(ap); \
	fd = real args; \
	survive(); \
	return fd; \
}

OPENS(open, (const char *path, int flags, ...), (path, flags, mode))
OPENS(open64, (const char *path, int flags, ...), (path, flags, mode))
OPENS(openat, (int dir, const char *path, int flags, ...), (dir, path, flags, mode))
OPENS(openat64, (int dir, const char *path, int flags, ...), (dir, path, flags, mode))

/* As on Linux, the descriptor is gone, whatever close says. */
int
close(int fd)
{
	static int (*real)(int);
	int struck, saved, r;

	REAL(close);
	struck = is_struck(CLOSE, "close", fd);
	saved = errno;
	r = real(fd);
	survive();
	if (!struck)
		return r;
	errno = saved;
	return -1;
}

/* Only locks can be refused; all else of fcntl is about a descriptor that is there. */
static int
is_lock(int op)
{
	return op == F_SETLK || op == F_SETLKW || op == F_GETLK;
}

#define FCNTL(name) \
int \
name(int fd, int op, ...) \
{ \
	static int (*real)(int, int, ...); \
	va_list ap; \
	void *arg; \
	int r; \
 \
	REAL(name); \
	va_start(ap, op); \
	arg = va_arg(ap, void *); \
	va_end(ap); \
	if (is_lock(op) && is_struck(LOCK, #name, fd)) \
		return -1; \
	r = real(fd, op, arg); \
	survive(); \
	return r; \
}

FCNTL(fcntl)
FCNTL(fcntl64)

/* Reading and writing. */

/* How much of N bytes are moved when it is to be half of them: what a pipe takes or gives whole stays so. */
static size_t
part_of(int fd, size_t n)
{
	return n < 2 || (n <= PIPE_BUF && is_pipe(fd)) ? n : n / 2;
}

/* Decides about a call that moves *N bytes, of which it leaves half if that is to be. Whether it fails. */
static int
is_cut(enum kind k, const char *call, int fd, size_t *n)
{
	if (failing == fd && k == WRITE) {
		failing = -1;
		errno = error;
		return 1;
	}
	if (!is_hit(k, call, fd))
		return 0;
	if (kill_before)
		die();
	dying = kill_after || torn;
	errno = error;
	if (!half)
		return error != 0;
	if (error && part_of(fd, *n) == *n)
		return 1;
	*n = part_of(fd, *n);
	failing = error ? fd : -1;
	return 0;
}

#define MOVES(k, name, params, args) \
ssize_t \
name params \
{ \
	static ssize_t (*real) params; \
	ssize_t r; \
 \
	REAL(name); \
	if (is_cut(k, #name, fd, &n)) \
		return -1; \
	r = real args; \
	survive(); \
	return r; \
}

MOVES(WRITE, write, (int fd, const void *p, size_t n), (fd, p, n))
MOVES(WRITE, pwrite, (int fd, const void *p, size_t n, off_t o), (fd, p, n, o))
MOVES(WRITE, pwrite64, (int fd, const void *p, size_t n, off64_t o), (fd, p, n, o))
MOVES(READ, read, (int fd, void *p, size_t n), (fd, p, n))
MOVES(READ, pread, (int fd, void *p, size_t n, off_t o), (fd, p, n, o))
MOVES(READ, pread64, (int fd, void *p, size_t n, off64_t o), (fd, p, n, o))

/* Processes. */

pid_t
fork(void)
{
	static pid_t (*real)(void);
	pid_t pid;

	REAL(fork);
	if (is_struck(FORK, "fork", -1))
		return -1;
	inside++;
	pid = real();
	inside--;
	if (!pid)
		dying = 0;
	survive();
	return pid;
}

/* The lock of the step that is about to be a program: it is held as long as anything of that lives. */
static void
hold_lock(char *const *envp)
{
	static int held;
	char file[PATH_MAX + 300], *p;
	const char *key = NULL;
	int fd;

	for (; *envp; envp++)
		if (!strncmp(*envp, "ORCH_KEY=", 9))
			key = *envp + 9;
	if (held || !key || !*page_file || strpbrk(key, ": "))  /* an `if` has its place for a name, in each branch */
		return;
	held = 1;
	snprintf(file, sizeof file, "%s.%.200s", page_file, key);
	for (p = file + strlen(page_file); *p; p++)
		if (*p == '/')
			*p = '_';
	fd = open(file, O_RDWR | O_CREAT, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		strncpy(page->twice, key, sizeof page->twice - 1);
}

int
execve(const char *file, char *const *argv, char *const *envp)
{
	static int (*real)(const char *, char *const *, char *const *);

	REAL(execve);
	if (is_struck(EXEC, "execve", -1))
		return -1;
	inside++;
	hold_lock(envp);
	inside--;
	return real(file, argv, envp);
}

/* Memory. What is wanted before libc's can be found comes from here, and is never given back. */

static union {
	long double align;
	char bytes[256 * 1024];
} early;
static size_t early_used;

static int
is_early(const void *p)
{
	return (const char *)p >= early.bytes && (const char *)p < early.bytes + sizeof early.bytes;
}

static void *
get_early(size_t n)
{
	size_t from = early_used;

	early_used += (n + 31) / 16 * 16;
	if (early_used > sizeof early.bytes)
		abort();
	memcpy(early.bytes + from, &n, sizeof n);
	return early.bytes + from + 16;
}

static int ready;               /* libc's functions of memory may be used */

void *
malloc(size_t n)
{
	static void *(*real)(size_t);

	if (!ready || (!real && inside))
		return get_early(n);
	REAL(malloc);
	if (is_struck(MEMORY, "malloc", -1))
		return NULL;
	return real(n);
}

void *
calloc(size_t n, size_t size)
{
	static void *(*real)(size_t, size_t);

	if (!ready || (!real && inside))
		return get_early(n * size);     /* it is zero */
	REAL(calloc);
	if (is_struck(MEMORY, "calloc", -1))
		return NULL;
	return real(n, size);
}

void *
realloc(void *p, size_t n)
{
	static void *(*real)(void *, size_t);
	size_t had;
	void *q;

	if (!p)
		return malloc(n);
	if (ready && !is_early(p)) {
		REAL(realloc);
		return is_struck(MEMORY, "realloc", -1) ? NULL : real(p, n);
	}
	q = malloc(n);
	if (!q || !is_early(p))
		return q;
	memcpy(&had, (char *)p - 16, sizeof had);
	return memcpy(q, p, had < n ? had : n);
}

void
free(void *p)
{
	static void (*real)(void *);

	if (!p || is_early(p))
		return;
	REAL(free);
	real(p);
}

/* Beginning. */

static int
error_of(const char *name)
{
	size_t n = strcspn(name, "+");
	int i;

	for (i = 0; i < NERRORS; i++)
		if (strlen(errors[i].name) == n && !strncmp(errors[i].name, name, n))
			return errors[i].number;
	return 0;
}

static void
read_what(const char *what)
{
	half = !strncmp(what, "short", 5) || !strcmp(what, "torn");
	torn = !strcmp(what, "torn");
	kill_before = !strcmp(what, "kill");
	kill_after = !strcmp(what, "after");
	stop_before = !strcmp(what, "stop+");
	stop_here = !strcmp(what, "stop");
	error = error_of(strncmp(what, "short-", 6) ? what : what + 6);
	on = strchr(what, '+') != NULL;
}

static void
open_page(const char *file)
{
	int fd = open(file, O_RDWR);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		fprintf(stderr, "fault.so: %s: %s\n", file, strerror(errno));
		_exit(99);
	}
	close(fd);
	page = p;
	snprintf(page_file, sizeof page_file, "%s", file);
}

static void
begin(const char *order, const char *file)
{
	char name[32], what[32];
	int i;

	open_page(file);
	if (sscanf(order, "%31s %ld %31s", name, &at, what) != 3)
		_exit(99);
	read_what(what);
	for (i = 0; i < NO_KIND && strcmp(kinds[i], name); i++)
		;
	kind = (enum kind)i;
}

__attribute__((constructor)) static void
start(void)
{
	const char *order = getenv("FAULT"), *file = getenv("FAULT_PAGE");

	ready = 1;
	inside++;
	orch = getpid();
	if (order && file)
		begin(order, file);
	unsetenv("LD_PRELOAD");
	unsetenv("FAULT");
	unsetenv("FAULT_PAGE");
	inside--;
}
#else
/* Elsewhere libraries are preloaded in other ways: the suite says that it was skipped. */
int fault_is_not_here(void);

int
fault_is_not_here(void)
{
	return 1;
}
#endif

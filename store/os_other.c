/* What systems other than Linux get for what only Linux has (os_linux.c). */
#if !defined(__linux__) || defined(ORCH_NO_LINUX)
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE        /* st_birthtimespec */
#elif !defined(__linux__)
#undef _XOPEN_SOURCE            /* for st_birthtim */
#endif
#include "store/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__APPLE__)
#define BIRTH st_birthtimespec
#elif defined(__FreeBSD__) || defined(__NetBSD__)
#define BIRTH st_birthtim
#endif

int
os_birth(int fd, struct timespec *t)
{
#ifdef BIRTH
	struct stat st;

	if (fstat(fd, &st) || st.BIRTH.tv_sec <= 0)     /* where a file system has none, it is 0 or -1 */
		return -1;
	*t = st.BIRTH;
	return 0;
#else
	(void)fd;
	(void)t;
	return -1;
#endif
}

int
os_change_can_be_set(int fd)
{
	(void)fd;
	return 0;
}

void
os_seal(int from)
{
	int fd;

	for (fd = from; fd < 4096; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int
os_reopen(int fd, int flags)
{
	(void)fd;
	(void)flags;
	errno = ENOSYS;
	return -1;
}

int
os_is_one_pipe(const struct stat *a, const struct stat *b)
{
	(void)a;
	(void)b;
	return 1;
}

void *
os_pages(void *p, size_t old, size_t n)
{
	char *q = realloc(p, n);

	if (q)
		memset(q + old, 0, n - old);
	return q;
}

void
os_pages_free(void *p, size_t n)
{
	(void)n;
	free(p);
}

pid_t
os_start(int (*child)(void *), void *arg)
{
	pid_t pid = fork();

	if (!pid)
		os_leave(child(arg));
	return pid;
}

void
os_leave(int status)
{
	_exit(status);
}

void
os_set_name(const char *name)
{
	(void)name;
}

void
os_die_with_parent(int sig)
{
	(void)sig;
}

int
os_become_subreaper(void)
{
	return 0;
}

int
os_has_subreapers(void)
{
	return 0;
}

enum os_sight
os_sees_children(void)
{
	return OS_NO_SIGHT;
}

int
os_children(pid_t pid, void (*each)(void *, pid_t), void *ctx)
{
	(void)pid;
	(void)each;
	(void)ctx;
	return -1;
}

int
os_had_child(pid_t pid)
{
	(void)pid;
	return 1;
}

long long
os_written(void)
{
	return -1;
}

char
os_state(pid_t pid)
{
	(void)pid;
	return 0;
}

int
os_processes(void (*each)(void *, pid_t), void *ctx)
{
	(void)each;
	(void)ctx;
	return -1;
}

void
os_openers(dev_t dev, ino_t ino, void (*each)(void *, pid_t), void *ctx)
{
	(void)dev;
	(void)ino;
	(void)each;
	(void)ctx;
}

int
os_process_open(pid_t pid)
{
	(void)pid;
	return -1;
}

int
os_process_environ(int process)
{
	(void)process;
	return -1;
}

pid_t
os_process_parent(int process)
{
	(void)process;
	return 0;
}

void
os_process_signal(int process, pid_t pid, int sig)
{
	(void)process;
	(void)pid;
	(void)sig;
}

#else
typedef int os_other_has_nothing_here;
#endif

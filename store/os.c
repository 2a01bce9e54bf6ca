/* What most systems have in some form. */
#if defined(__linux__) && !defined(ORCH_NO_LINUX)
#define _GNU_SOURCE             /* d_type, F_OFD_SETLK */
#elif defined(__APPLE__)
#define _DARWIN_C_SOURCE        /* O_NOFOLLOW, flock, SIGWINCH, st_mtimespec */
#elif !defined(__linux__)
#undef _XOPEN_SOURCE            /* the BSDs show flock and d_type to who asks for no standard */
#endif
#include "store/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

const int os_nofollow = O_NOFOLLOW, os_directory = O_DIRECTORY;

long
os_waiting(int fd)
{
#ifdef FIONREAD
	int n;

	if (ioctl(fd, FIONREAD, &n) == 0)
		return n > 0 ? n : 0;
#endif
	(void)fd;
	return -1;
}

int
os_size(int fd, int *width, int *height)
{
#ifdef TIOCGWINSZ
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
		*width = size.ws_col;
		*height = size.ws_row;
		return 0;
	}
#endif
	(void)fd;
	(void)width;
	(void)height;
	return -1;
}

int
os_size_signal(void)
{
#ifdef SIGWINCH
	return SIGWINCH;
#else
	return 0;
#endif
}

int
os_sync(int fd)
{
#ifdef F_FULLFSYNC
	/* Not every file system has it. */
	if (fcntl(fd, F_FULLFSYNC) == 0)
		return 0;
	if (errno == EIO || errno == ENOSPC || errno == EINTR)
		return -1;
#endif
	return fsync(fd);
}

/* Apple's names are older than POSIX's. */
struct timespec
os_modified(const struct stat *st)
{
#if defined(__APPLE__)
	return st->st_mtimespec;
#else
	return st->st_mtim;
#endif
}

struct timespec
os_changed(const struct stat *st)
{
#if defined(__APPLE__)
	return st->st_ctimespec;
#else
	return st->st_ctim;
#endif
}

int
os_flock(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB);
}

int
os_lock_inherited(int fd, struct flock *lock)
{
#ifdef F_OFD_SETLK
	return fcntl(fd, F_OFD_SETLK, lock) < 0 ? -1 : 0;
#else
	(void)fd;
	(void)lock;
	errno = ENOSYS;
	return -1;
#endif
}

int
os_is_link_error(int error)
{
#ifdef EFTYPE
	if (error == EFTYPE)            /* NetBSD */
		return 1;
#endif
	if (error == EMLINK)            /* FreeBSD */
		return 1;
	return error == ELOOP;
}

enum os_entry
os_entry(const struct dirent *e)
{
#ifdef DT_DIR
	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR ? OS_DIRECTORY : e->d_type == DT_REG ? OS_FILE : OS_ANOTHER;
#endif
	(void)e;
	return OS_UNTOLD;
}

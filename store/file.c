/* Files as the store writes and reads them. */
#include "store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/os.h"

enum { PIPE_MOST = 64 * 1024 }; /* that a pipe holds, as a rule */

/* Whether what has failed is to be done again: FD is another's too, who has made it non-blocking (O_NONBLOCK is no
 * descriptor's own), so it is waited here as its kernel would have. */
static int
is_for_now(int fd, short events)
{
	struct pollfd p = { 0 };

	if (errno != EAGAIN && errno != EWOULDBLOCK)
		return errno == EINTR;
	p.fd = fd;
	p.events = events;
	if (poll(&p, 1, -1) > 0 && p.revents == events)
		poll(NULL, 0, 1);       /* not every system means by that that there is room for all of it */
	return 1;
}

static int
write_all(int fd, const char *s, size_t n, int waits)
{
	ssize_t done;

	while (n) {
		done = write(fd, s, n);
		if (done < 0 && (waits ? is_for_now(fd, POLLOUT) : errno == EINTR))
			continue;
		if (done < 0)
			return -1;
		s += done;
		n -= (size_t)done;
	}
	return 0;
}

int
file_write(int fd, const void *p, size_t n)
{
	return write_all(fd, p, n, 0);
}

int
file_write_wait(int fd, const void *p, size_t n)
{
	return write_all(fd, p, n, 1);
}

long
file_read_wait(int fd, void *p, size_t n)
{
	ssize_t got;

	do
		got = read(fd, p, n);
	while (got < 0 && is_for_now(fd, POLLIN));
	return (long)got;
}

int
file_sync(int fd)
{
	int bad;

	do
		bad = os_sync(fd);
	while (bad && errno == EINTR);
	return bad;
}

void
file_drop(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

int
file_close(int fd)
{
	return close(fd) && errno != EINTR ? -1 : 0;
}

long
file_read_some(int fd, void *p, size_t n)
{
	ssize_t got;

	do
		got = read(fd, p, n);
	while (got < 0 && errno == EINTR);
	return (long)got;
}

size_t
file_waiting(int fd)
{
	long n = os_waiting(fd);

	return n < 0 ? PIPE_MOST : (size_t)n;
}

long
file_read_at(int fd, void *p, size_t n, long long offset)
{
	size_t have = 0;
	ssize_t got;

	while (have < n) {
		got = pread(fd, (char *)p + have, n - have, (off_t)offset + (off_t)have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (!got)
			break;
		have += (size_t)got;
	}
	return (long)have;
}

int
file_open_as(int dir, const char *name, int flags)
{
	int fd;

	do
		fd = openat(dir, name, flags | O_CLOEXEC, 0600);
	while (fd < 0 && errno == EINTR);
	return fd;
}

int
file_open_dir(int dir, const char *name)
{
	return file_open_as(dir, name, O_RDONLY | os_directory | os_nofollow);
}

int
file_list(int fd, void (*each)(void *, int dir, const struct dirent *), void *ctx)
{
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int saved;

	if (!d) {
		if (fd >= 0)
			file_drop(fd);
		return -1;
	}
	while (errno = 0, (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			each(ctx, dirfd(d), e);
	saved = errno;
	closedir(d);
	errno = saved;
	return saved ? -1 : 0;
}

/* This process's umask, which nothing here changes but for a moment. */
static mode_t
own_mask(void)
{
	static mode_t mask;
	static int known;

	if (!known)
		umask(mask = umask(0));
	known = 1;
	return mask;
}

int
file_mkdir(int dir, const char *name)
{
	mode_t mask = own_mask();
	int bad, saved;

	if (!(mask & 0700))
		return mkdirat(dir, name, 0700);
	umask(0);               /* a mode taken away here could not be given back by opening it */
	bad = mkdirat(dir, name, 0700);
	saved = errno;
	umask(mask);
	errno = saved;
	return bad;
}

int
file_make_dir(int dir, const char *name)
{
	int fd, attempts = 0;

	/* What is there may be deleted before it is opened. */
	do {
		if (file_mkdir(dir, name) && errno != EEXIST)
			return -1;
		fd = file_open_dir(dir, name);
	} while (fd < 0 && errno == ENOENT && attempts++ < 100);
	return fd;
}

int
file_open(int dir, const char *name)
{
	/* O_NONBLOCK: should somebody have put a fifo here, opening it must not wait. */
	int fd = file_open_as(dir, name, O_RDONLY | os_nofollow | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

/* A file that is not there yet. */
static int
make_new(int dir, const char *name, int flags)
{
	int fd = file_open_as(dir, name, O_RDWR | O_CREAT | O_EXCL | os_nofollow | flags);

	if (fd >= 0 && (own_mask() & 0600) && fchmod(fd, 0600)) {
		file_drop(fd);
		return -1;
	}
	return fd;
}

int
file_make(int dir, const char *name, int flags)
{
	int fd = make_new(dir, name, flags);

	if (fd < 0 && errno == EEXIST && !unlinkat(dir, name, 0))
		fd = make_new(dir, name, flags);
	return fd;
}

/* A file with a second name may be somebody else's, whom a link has led here. */
static int
is_own(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return 0;
	errno = S_ISREG(st.st_mode) ? EPERM : EINVAL;
	return S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink < 2;
}

static int
has_mode(int fd, mode_t mode)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & 07777) == mode;
}

int
file_open_own(int dir, const char *name, int flags)
{
	int fd;

	if (flags & O_CREAT && ((fd = make_new(dir, name, flags & ~O_CREAT)) >= 0 || errno != EEXIST))
		return fd;
	fd = file_open_as(dir, name, O_RDWR | os_nofollow | O_NONBLOCK | (flags & ~O_CREAT));
	/* Not for nothing: it would change the time of the file's latest change, which may be its identity. */
	if (fd < 0 || (is_own(fd) && (has_mode(fd, 0600) || fchmod(fd, 0600) == 0)))
		return fd;
	file_drop(fd);
	return -1;
}

int
file_read(int dir, const char *name, char **p, size_t *n)
{
	int fd = file_open(dir, name), saved;
	struct stat st;
	long got = -1;

	*p = NULL;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0) {
		if ((unsigned long long)st.st_size >= SIZE_MAX)
			errno = EFBIG;
		else if ((*p = malloc((size_t)st.st_size + 1)))
			got = file_read_at(fd, *p, (size_t)st.st_size, 0);
	}
	saved = errno;
	close(fd);
	if (got < 0) {
		free(*p);
		*p = NULL;
		errno = saved;
		return -1;
	}
	*n = (size_t)got;
	(*p)[got] = '\0';
	return 0;
}

int
file_put(int dir, const char *tmp, const char *name, const void *p, size_t n, int sync)
{
	int fd = file_make(dir, tmp, 0), bad;

	if (fd < 0)
		return -1;
	bad = file_write(fd, p, n) || (sync && file_sync(fd));
	bad = file_close(fd) || bad;
	if (!bad)
		bad = renameat(dir, tmp, dir, name) || (sync && file_sync(dir));
	if (bad) {
		int saved = errno;

		unlinkat(dir, tmp, 0);
		errno = saved;
	}
	return bad ? -1 : 0;
}

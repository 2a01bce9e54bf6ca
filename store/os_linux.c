/* What only Linux has. What /proc tells of another process, or a kernel has a call for, may not
 * be there at run time either. */
#if defined(__linux__) && !defined(ORCH_NO_LINUX)
#define _GNU_SOURCE             /* clone, mremap, syscall */
#include "store/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/file.h"

/* AddressSanitizer and valgrind (make FEATURES=-DORCH_FORK) know no child that shares memory and
 * has a stack of its own; on PA-RISC a stack grows up. */
#if !defined(ORCH_FORK) && !defined(__SANITIZE_ADDRESS__) && !defined(__hppa__)
#define HAS_CLONE
#endif

/* Files. */

/* What statx(2) fills in, as the kernel lays it out; not every libc has it. */
struct kernel_time {
	int64_t seconds;
	uint32_t nanoseconds;
	int32_t reserved;
};

struct kernel_statx {
	uint32_t mask, block_size;
	uint64_t attributes;
	uint32_t links, user, group;
	uint16_t mode, spare;
	uint64_t inode, size, blocks, attributes_mask;
	struct kernel_time access, birth, change, modification;
	uint64_t rest[32];
};

int
os_birth(int fd, struct timespec *t)
{
#ifdef SYS_statx
	enum { EMPTY_PATH = 0x1000, BIRTH = 0x800 };
	struct kernel_statx x;

	memset(&x, 0, sizeof x);
	if (syscall(SYS_statx, fd, "", EMPTY_PATH, BIRTH, &x) || !(x.mask & BIRTH))
		return -1;
	t->tv_sec = (time_t)x.birth.seconds;
	t->tv_nsec = (long)x.birth.nanoseconds;
	return 0;
#else
	(void)fd;
	(void)t;
	return -1;
#endif
}

/* FUSE hands on what its daemon says, and exfat and vfat give the time of writing. */
int
os_change_can_be_set(int fd)
{
	struct statfs v;
	unsigned long type;

	if (fstatfs(fd, &v))
		return 1;
	type = (unsigned long)v.f_type & 0xffffffff;
	return type == 0x65735546 || type == 0x2011bab0 || type == 0x4d44;
}

/* Descriptors. */

void
os_seal(int from)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	int fd;

	for (fd = from; !d && fd < 4096; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	while (d && (e = readdir(d))) {
		fd = atoi(e->d_name);
		if (*e->d_name != '.' && fd >= from)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	if (d)
		closedir(d);
}

int
os_reopen(int fd, int flags)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return file_open_as(AT_FDCWD, path, flags);
}

int
os_is_one_pipe(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Memory. */

void *
os_pages(void *p, size_t old, size_t n)
{
	void *q = p ? mremap(p, old, n, MREMAP_MAYMOVE) :
	    mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (q == MAP_FAILED)
		return NULL;
	if (!p)
		madvise(q, n, MADV_DONTFORK);   /* it only costs more if it cannot */
	return q;
}

void
os_pages_free(void *p, size_t n)
{
	if (p)
		munmap(p, n);
}

/* Processes. */

/* A directory that does not answer holds the child alone, where vfork would hold this process
 * with it. */
pid_t
os_start(int (*child)(void *), void *arg)
{
	pid_t pid;
#ifdef HAS_CLONE
	static char stack[64 * 1024] __attribute__((aligned(64)));

	pid = clone(child, stack + sizeof stack, CLONE_VM | SIGCHLD, arg);
	if (pid >= 0 || errno == EAGAIN || errno == ENOMEM)
		return pid;             /* qemu-user has no such children */
#endif
	pid = fork();
	if (!pid)
		os_leave(child(arg));
	return pid;
}

/* _exit, but for those who take note of functions that do not return: the stack is not the
 * process's own. */
void
os_leave(int status)
{
#ifdef HAS_CLONE
	syscall(SYS_exit_group, status);
#endif
	_exit(status);
}

void
os_set_name(const char *name)
{
	prctl(PR_SET_NAME, name, 0, 0, 0);
}

void
os_die_with_parent(int sig)
{
	prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0);
}

int
os_become_subreaper(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

int
os_has_subreapers(void)
{
	int is;

	return prctl(PR_GET_CHILD_SUBREAPER, &is, 0, 0, 0) == 0;
}

/* The kernel may have been built without that, and /proc may be empty. */
enum os_sight
os_sees_children(void)
{
	static int sees = -1;
	char file[60];

	if (sees < 0) {
		snprintf(file, sizeof file, "/proc/self/task/%ld/children", (long)getpid());
		sees = access(file, R_OK) == 0;
	}
	return sees ? OS_SIGHT : OS_BLIND;
}

/* The numbers in one of the kernel's `children' files. */
static int
read_children(const char *file, void (*each)(void *, pid_t), void *ctx)
{
	char buf[4096], *p, *end;
	size_t kept = 0;
	long got;
	int fd = file_open_as(AT_FDCWD, file, O_RDONLY);

	if (fd < 0)
		return -1;
	while ((got = file_read_some(fd, buf + kept, sizeof buf - 1 - kept)) > 0) {
		kept += (size_t)got;
		buf[kept] = '\0';
		for (p = buf; (end = strchr(p, ' ')); p = end + 1)
			each(ctx, (pid_t)strtol(p, NULL, 10));
		kept -= (size_t)(p - buf);
		memmove(buf, p, kept);
	}
	close(fd);
	return got < 0 ? -1 : 0;
}

/* This process is taken to have one thread; of another each has its own. */
int
os_children(pid_t pid, void (*each)(void *, pid_t), void *ctx)
{
	char path[80];
	struct dirent *e;
	int bad = 0;
	DIR *d;

	if (!pid) {
		snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
		return read_children(path, each, ctx);
	}
	snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
	d = opendir(path);
	if (!d)
		return -1;
	while ((e = readdir(d)))
		if (*e->d_name != '.') {
			snprintf(path, sizeof path, "/proc/%ld/task/%.20s/children", (long)pid, e->d_name);
			bad |= read_children(path, each, ctx);
		}
	closedir(d);
	return bad;
}

/* Where in the file `stat' that FD, which is closed, has open what follows the program's name
 * begins: " S PARENT ...". */
static const char *
read_state(int fd, char *buf, size_t size)
{
	const char *p;
	long got;

	if (fd < 0)
		return NULL;
	got = file_read_some(fd, buf, size - 1);
	close(fd);
	if (got <= 0)
		return NULL;
	buf[got] = '\0';
	p = strrchr(buf, ')');
	return p && strlen(p) > 4 ? p + 1 : NULL;
}

char
os_state(pid_t pid)
{
	char path[40], buf[512];
	const char *p;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	p = read_state(file_open_as(AT_FDCWD, path, O_RDONLY), buf, sizeof buf);
	return p ? p[1] : 0;
}

/* Who has waited for a child has its page faults in an account of its own, and no child is without
 * one. */
int
os_had_child(pid_t pid)
{
	enum { CMINFLT = 11, CMAJFLT = 13 };    /* of proc(5), where the name is the second field */
	char path[40], buf[512];
	const char *p;
	unsigned long faults = 0;
	int field;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	p = read_state(file_open_as(AT_FDCWD, path, O_RDONLY), buf, sizeof buf);
	for (field = 2; p && field < CMAJFLT; ) {
		p = strchr(field == 2 ? p : p + 1, ' ');
		field++;
		if (p && (field == CMINFLT || field == CMAJFLT))
			faults += strtoul(p, NULL, 10);
	}
	return !p || faults;
}

/* What a zombie has written is told to root alone; but it is added to this process's own account
 * when it is reaped. */
long long
os_written(void)
{
	char buf[512], *p;
	int fd = file_open_as(AT_FDCWD, "/proc/self/io", O_RDONLY);
	long got = fd < 0 ? -1 : file_read_some(fd, buf, sizeof buf - 1);

	if (fd >= 0)
		close(fd);
	if (got <= 0)
		return -1;
	buf[got] = '\0';
	p = strstr(buf, "wchar: ");
	return p ? strtoll(p + 7, NULL, 10) : -1;
}

int
os_processes(void (*each)(void *, pid_t), void *ctx)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	if (!d)
		return -1;
	while ((e = readdir(d)))
		if (*e->d_name >= '0' && *e->d_name <= '9')
			each(ctx, (pid_t)strtol(e->d_name, NULL, 10));
	closedir(d);
	return 0;
}

/* Who has a file open is asked for. */
struct opened {
	dev_t dev;
	ino_t ino;
	void (*each)(void *, pid_t);
	void *ctx;
};

static void
look_for_opener(void *ctx, pid_t pid)
{
	const struct opened *o = ctx;
	char path[80];
	struct stat st;
	struct dirent *e;
	int found = 0;
	DIR *d;

	if (pid == getpid())
		return;
	snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		snprintf(path, sizeof path, "/proc/%ld/fd/%.20s", (long)pid, e->d_name);
		found = *e->d_name != '.' && stat(path, &st) == 0 && st.st_dev == o->dev && st.st_ino == o->ino;
	}
	if (d)
		closedir(d);
	if (found)
		o->each(o->ctx, pid);
}

void
os_openers(dev_t dev, ino_t ino, void (*each)(void *, pid_t), void *ctx)
{
	struct opened o;

	o.dev = dev;
	o.ino = ino;
	o.each = each;
	o.ctx = ctx;
	os_processes(look_for_opener, &o);
}

int
os_process_open(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/%ld", (long)pid);
	return file_open_as(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
}

int
os_process_environ(int process)
{
	return file_open_as(process, "environ", O_RDONLY);
}

pid_t
os_process_parent(int process)
{
	char buf[512];
	const char *p = read_state(file_open_as(process, "stat", O_RDONLY), buf, sizeof buf);

	return p ? (pid_t)strtol(p + 3, NULL, 10) : 0;
}

/* A directory of /proc does as a pidfd, since Linux 5.1. */
void
os_process_signal(int process, pid_t pid, int sig)
{
#ifdef SYS_pidfd_send_signal
	if (!syscall(SYS_pidfd_send_signal, process, sig, NULL, 0) ||
	    (errno != ENOSYS && errno != EINVAL && errno != EBADF))
		return;
#endif
	kill(pid, sig);
}

#else
typedef int os_linux_has_nothing_here;
#endif

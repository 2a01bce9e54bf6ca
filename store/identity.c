/* What tells a run's directory from every copy of it. */
#if defined(__linux__) && !defined(ORCH_NO_LINUX)
#define _GNU_SOURCE             /* syscall */
#endif
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE        /* st_birthtimespec */
#endif
#include "store/identity.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const char *const words[] = { "none", "birth", "change", "unknown" };

const char *
identity_word(enum identity_kind k)
{
	return words[k];
}

enum identity_kind
identity_kind_of(const char *word)
{
	int k;

	for (k = IDENTITY_BIRTH; k <= IDENTITY_UNKNOWN; k++)
		if (!strcmp(word, words[k]))
			return (enum identity_kind)k;
	return IDENTITY_NONE;
}

#if defined(__linux__) && !defined(ORCH_NO_LINUX)

#include <stdint.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

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

/* The birth time; 0: there is none. */
static int
birth_of(struct identity *i, int fd)
{
#ifdef SYS_statx
	enum { EMPTY_PATH = 0x1000, INODE = 0x100, BIRTH = 0x800 };
	struct kernel_statx x;

	memset(&x, 0, sizeof x);
	if (syscall(SYS_statx, fd, "", EMPTY_PATH, INODE | BIRTH, &x) || !(x.mask & BIRTH))
		return 0;
	i->kind = IDENTITY_BIRTH;
	i->seconds = x.birth.seconds;
	i->nanoseconds = (long)x.birth.nanoseconds;
	i->inode = x.inode;
	return 1;
#else
	(void)i;
	(void)fd;
	return 0;
#endif
}

/* Whether the time of the latest change is the user's to set: FUSE hands on what its daemon says, and exfat and
 * vfat give the time of writing. */
static int
change_can_be_set(int fd)
{
	struct statfs v;
	unsigned long type;

	if (fstatfs(fd, &v))
		return 1;
	type = (unsigned long)v.f_type & 0xffffffff;
	return type == 0x65735546 || type == 0x2011bab0 || type == 0x4d44;
}

#else

static int
birth_of(struct identity *i, int fd)
{
#if defined(__APPLE__)
	struct stat st;

	if (fstat(fd, &st))
		return 0;
	i->kind = IDENTITY_BIRTH;
	i->seconds = (long long)st.st_birthtimespec.tv_sec;
	i->nanoseconds = st.st_birthtimespec.tv_nsec;
	i->inode = st.st_ino;
	return 1;
#else
	(void)i;
	(void)fd;
	return 0;
#endif
}

static int
change_can_be_set(int fd)
{
	(void)fd;
	return 0;
}

#endif

static int
change_of(struct identity *i, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -1;
	i->kind = IDENTITY_CHANGE;
#if defined(__APPLE__)
	i->seconds = (long long)st.st_ctimespec.tv_sec;
	i->nanoseconds = st.st_ctimespec.tv_nsec;
#else
	i->seconds = (long long)st.st_ctim.tv_sec;
	i->nanoseconds = st.st_ctim.tv_nsec;
#endif
	i->inode = (unsigned long long)st.st_ino;
	return 0;
}

int
identity_of(struct identity *i, int fd)
{
	memset(i, 0, sizeof *i);
	if (birth_of(i, fd))
		return 0;
	if (!change_can_be_set(fd))
		return change_of(i, fd);
	i->kind = IDENTITY_UNKNOWN;
	return 0;
}

int
identity_is_of(const struct identity *recorded, int fd)
{
	struct identity now;

	if (fd < 0 || recorded->kind == IDENTITY_NONE || identity_of(&now, fd))
		return 0;
	if (recorded->kind == IDENTITY_CHANGE && now.kind != IDENTITY_UNKNOWN && change_of(&now, fd))
		return 0;
	return now.kind == recorded->kind && now.seconds == recorded->seconds && now.nanoseconds == recorded->nanoseconds &&
	    now.inode == recorded->inode;
}

/* Disks that tests mount. */
#if defined(__linux__)
#define _GNU_SOURCE             /* unshare */
#endif
#include "tests/mounts.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/help.h"

#if defined(__linux__)

#include <sched.h>
#include <sys/mount.h>

int
mounts_may(const char *test)
{
	if (geteuid() == 0 && !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	    !mkdir("try", 0700) && !mount("none", "try", "tmpfs", 0, "size=4k") && !umount("try"))
		return 1;
	help_skip(test, geteuid() ? "needs root" : "nothing can be mounted here");
	return 0;
}

void
mounts_make(const char *dir, const char *options)
{
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	ck_assert_msg(mount("none", dir, "tmpfs", 0, options) == 0, "mount %s: %s", options, strerror(errno));
}

void
mounts_change(const char *dir, const char *options)
{
	ck_assert_int_eq(mount("none", dir, "tmpfs", MS_REMOUNT, options), 0);
}

void
mounts_drop(const char *dir)
{
	ck_assert_int_eq(umount(dir), 0);
}

void
mounts_seal(const char *dir)
{
	ck_assert_int_eq(mount("none", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
}

#else

int
mounts_may(const char *test)
{
	help_skip(test, "a file system of its own is made on Linux only");
	return 0;
}

void
mounts_make(const char *dir, const char *options)
{
	(void)dir, (void)options;
}

void
mounts_change(const char *dir, const char *options)
{
	(void)dir, (void)options;
}

void
mounts_drop(const char *dir)
{
	(void)dir;
}

void
mounts_seal(const char *dir)
{
	(void)dir;
}

#endif

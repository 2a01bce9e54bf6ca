/* What tells a run's directory from every copy of it. */
#include "store/identity.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "store/os.h"

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

static int
tell(struct identity *i, enum identity_kind kind, struct timespec t, const struct stat *st)
{
	i->kind = kind;
	i->seconds = (long long)t.tv_sec;
	i->nanoseconds = t.tv_nsec;
	i->inode = (unsigned long long)st->st_ino;
	return 0;
}

static int
change_of(struct identity *i, int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : tell(i, IDENTITY_CHANGE, os_changed(&st), &st);
}

int
identity_of(struct identity *i, int fd)
{
	struct timespec birth;
	struct stat st;

	memset(i, 0, sizeof *i);
	if (fstat(fd, &st))
		return -1;
	if (!os_birth(fd, &birth))
		return tell(i, IDENTITY_BIRTH, birth, &st);
	if (!os_change_can_be_set(fd))
		return tell(i, IDENTITY_CHANGE, os_changed(&st), &st);
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

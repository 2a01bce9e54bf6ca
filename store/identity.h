/* What tells a run's directory from every copy of it: the birth time and the inode of its file `lock'.
 *
 * Opening and locking the file, renaming it or its parents, mounting again, and being the source of a copy change
 * nothing of that; no clone, copy or archive can bring it along. Where a file has no birth time, the time of its latest
 * change stands in for it; where that can be set by anybody, as on FUSE or exfat, nothing can be told. */
#ifndef STORE_IDENTITY_H
#define STORE_IDENTITY_H

enum identity_kind {
	IDENTITY_NONE,          /* not recorded: by an older orch, or not by one */
	IDENTITY_BIRTH,
	IDENTITY_CHANGE,
	IDENTITY_UNKNOWN
};

struct identity {
	enum identity_kind kind;
	long long seconds;
	long nanoseconds;
	unsigned long long inode;
};

/* The identity of FD's file, of the best kind that can be had. -1 and errno. */
int identity_of(struct identity *, int fd);

/* Whether FD's file is the one whose identity was recorded. FD may be -1: it is not. */
int identity_is_of(const struct identity *recorded, int fd);

/* The words for kinds, as they are recorded; identity_kind_of gives IDENTITY_NONE for none of them. */
const char *identity_word(enum identity_kind);
enum identity_kind identity_kind_of(const char *word);

#endif

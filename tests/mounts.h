/* Disks that tests mount, each in a name space of its own. */
#ifndef TESTS_MOUNTS_H
#define TESTS_MOUNTS_H

/* Whether the TEST may mount; if not, that is said. Mounts are this test's own from here on, and end with it. */
int mounts_may(const char *test);

/* Makes the directory DIR, with a tmpfs of these OPTIONS there; gives it other ones; unmounts it. */
void mounts_make(const char *dir, const char *options);
void mounts_change(const char *dir, const char *options);
void mounts_drop(const char *dir);

/* From here on nothing can be written to the tmpfs at DIR. */
void mounts_seal(const char *dir);

#endif

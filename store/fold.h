/* Names as file systems see them that fold case: exfat, ntfs, APFS, ext4 with casefold.
 *
 * They differ in what they fold. Here all that one of them takes for one name is one: upper and lower case, letters with
 * their marks composed or not, dots at the end or none. So a few that a system tells apart are one here too. */
#ifndef STORE_FOLD_H
#define STORE_FOLD_H

#include <stddef.h>
#include <stdint.h>

#include "store/key.h"

enum { FOLD_MAX = 3 * KEY_NAME_MAX };

struct fold {
	size_t n;
	uint32_t c[FOLD_MAX];   /* characters */
};

/* Makes F of the file name NAME. */
void fold_name(struct fold *f, const char *name);

/* Whether a file system may take the two for one. */
int fold_same(const struct fold *, const struct fold *);

#endif

/* Keys as file names: bytes outside A-Za-z0-9._,:=@+- and UTF-8, and a leading dot, as %XX.
 *
 * No two keys have one name, and no name holds a / or begins with a dot, so no key leaves its
 * directory. A % that no two digits follow is in no key's name: such names are free for other files. */
#ifndef STORE_KEY_H
#define STORE_KEY_H

#include <stddef.h>

enum { KEY_NAME_MAX = 255 };

/* Writes the name of the key S, of N bytes, and a NUL to NAME. Returns the name's length; -1 with
 * EINVAL for an empty key, ENAMETOOLONG for a name of more than KEY_NAME_MAX bytes. */
int key_encode(const char *s, size_t n, char name[KEY_NAME_MAX + 1]);

/* Writes the key that NAME stands for to KEY, which has room for strlen(NAME) bytes (no NUL is
 * added). Returns the key's length; -1 if no key has this name. */
int key_decode(const char *name, char *key);

#endif

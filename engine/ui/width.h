/* How wide text is on a terminal. */
#ifndef ENGINE_UI_WIDTH_H
#define ENGINE_UI_WIDTH_H

#include <stddef.h>

#include "parse/buf.h"

/* How many bytes the character at S, of N bytes that visible_add has made, takes; *COLUMNS: how many
 * columns at most. A colour takes none. */
size_t width_next(const char *s, size_t n, size_t *columns);

/* How many columns the N bytes at S take. */
size_t width_of(const char *s, size_t n);

/* The same, but how many columns text takes at least: terminals do not agree. */
size_t width_least(const char *s, size_t n);

/* Adds the N bytes at S; what is wider than MOST columns loses its middle, in whose place is `...`.
 * Returns how many columns it takes. */
size_t width_cut(struct buf *, const char *s, size_t n, size_t most);

/* Adds blanks to what takes HAVE columns until it takes WANT. */
void width_pad(struct buf *, size_t have, size_t want);

/* How many columns the terminal FD has; 0: it is none, or does not say. */
int width_of_terminal(int fd);

#endif

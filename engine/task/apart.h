/* Large tables, which a fork of this process does not get where the system can be told so:
 * forking costs the more the more there is to copy. */
#ifndef ENGINE_TASK_APART_H
#define ENGINE_TASK_APART_H

#include <stddef.h>

/* P, of OLD bytes (NULL and 0: there is none yet), made N bytes large; those that it grows by
 * are cleared. It never shrinks. To be freed by apart_free alone, which is told its size. Where
 * memory runs out: as mem.h has it. */
void *apart_grow(void *p, size_t old, size_t n);
void apart_free(void *p, size_t n);

#endif

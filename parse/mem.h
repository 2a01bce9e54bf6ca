/* Memory that is there or the program's own rule for having none.
 *
 * A caller of these never sees NULL. What happens when memory runs out is the
 * program's to say, once, with mem_onfail: orch.c says one line and ends. */
#ifndef PARSE_MEM_H
#define PARSE_MEM_H

#include <stddef.h>

/* Sets what is called when memory runs out; FAIL must not return. Until then it is abort(). */
void mem_onfail(void (*fail)(void));

/* Says that memory has run out, for a caller whose numbers have. Does not return. */
void mem_none(void);

/* N bytes, not cleared; the caller frees them with free(). N may be 0. */
void *mem_get(size_t n);

/* N times SIZE bytes, cleared. */
void *mem_zero(size_t n, size_t size);

/* P made N times SIZE bytes large, as realloc does. */
void *mem_grow(void *p, size_t n, size_t size);

/* The N bytes at S with a NUL after them, to be freed by the caller. */
char *mem_dup(const char *s, size_t n);

#endif

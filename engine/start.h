/* What keeps orch itself from starting, in words: what is missing, why, and what helps. */
#ifndef ENGINE_START_H
#define ENGINE_START_H

#include "parse/buf.h"

/* The exit status where nothing was started. */
enum { START_FAILED = 2 };

/* Adds a line to OUT: WHAT cannot be had, for the reason ERROR, an errno. Returns START_FAILED. */
int start_fail(struct buf *out, const char *what, int error);

/* Adds what helps against ERROR, after a colon; nothing where nothing that is known does. */
void start_remedy(struct buf *out, int error);

#endif

/* Runs that came from elsewhere: with a cloned repository, by a copy, out of an archive or a cache. Their agents are not
 * started, nor their results taken, until somebody accepts them. */
#ifndef ENGINE_INSPECT_TRUST_H
#define ENGINE_INSPECT_TRUST_H

#include <stddef.h>

#include "parse/buf.h"
#include "store/record.h"

/* Adds to SAY that the run NAME below DIR is not trusted, what it would run, and how to accept it. */
void trust_say_refused(struct buf *say, const char *dir, const char *name, const struct record *);

/* Adds to SAY that the same run is passed over. */
void trust_say_passed(struct buf *say, const char *dir, const char *name);

/* Accepts the N runs NAMES below DIR: each is from now on one of this place, with a new id. Returns orch's exit
 * status; SAY gets what was accepted and what was wrong. */
int trust_runs(const char *dir, char *const *names, size_t n, struct buf *say);

#endif

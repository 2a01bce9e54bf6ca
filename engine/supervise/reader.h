/* The reader: the one process of a run that looks at the files that steps depend on. What lies outside of the run's directory may
 * block for as long as a file system does not answer, so orch's loop looks at none of it. */
#ifndef ENGINE_SUPERVISE_READER_H
#define ENGINE_SUPERVISE_READER_H

#include <stdint.h>
#include <sys/types.h>

#include "engine/supervise/supervisor.h"
#include "engine/task/depends.h"

struct buf;

/* Adds to B what asks the reader to look at F, of a step in the directory DIR. */
void reader_ask(struct buf *b, const struct depended *f, const char *dir);

/* In this process, which has just been forked: looks at what it is asked on IN, in that order, and writes an OUT_FILE record for
 * each, OUT_READING ones while it takes long, all with NUMBER. Ends with IN, or with orch. */
void reader_run(const struct supervision *, int in, uint32_t number);

#endif

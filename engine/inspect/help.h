/* orch help: the format on one screen, and what a workflow says of itself. */
#ifndef ENGINE_INSPECT_HELP_H
#define ENGINE_INSPECT_HELP_H

#include "parse/buf.h"

/* The workflow format, with three examples: enough to write a workflow from. */
void help_format(struct buf *);

/* Adds the first comment of the workflow FILE and its parameters, with their defaults, to OUT. Returns orch's exit status: 2 and
 * ERROR if the file cannot be read as a workflow. */
int help_workflow(const char *file, struct buf *out, struct buf *error);

#endif

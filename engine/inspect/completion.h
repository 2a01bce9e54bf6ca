/* What shells complete. */
#ifndef ENGINE_INSPECT_COMPLETION_H
#define ENGINE_INSPECT_COMPLETION_H

#include "engine/inspect/subcommand.h"
#include "parse/buf.h"

/* Adds the script that makes SHELL (bash, zsh, fish) complete the words of orch, whose first command is the one that a FILE
 * alone is taken as. -1: that shell is not known. What orch itself tells about runs and keys is read with -p, and never
 * evaluated. */
int completion_script(const char *shell, const struct subcommands *, struct buf *out);

#endif

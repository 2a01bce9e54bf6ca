/* What `orch redo` is to run again, as the log has it: a line for each result, with how many lines follow. They count only
 * when the last is there, so a redo that was cut off while it was recorded is none. */
#ifndef ENGINE_TASK_REDO_H
#define ENGINE_TASK_REDO_H

#include "engine/task/keys.h"

struct redo_lines {
	struct ids ids;         /* of the lines so far */
	long left;              /* what the latest said */
};

/* A line of the key ID, after which LEFT follow. Returns 1 when it was the last of all: ->ids is whole until the next call. */
int redo_line(struct redo_lines *, uint32_t id, long left);

#endif

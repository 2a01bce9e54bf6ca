/* What `orch redo` is to run again, as the log has it. */
#include "engine/task/redo.h"

int
redo_line(struct redo_lines *r, uint32_t id, long left)
{
	if (left != r->left - 1)
		r->ids.n = 0;
	ids_add(&r->ids, id);
	r->left = left;
	return left == 0;
}

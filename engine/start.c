/* What keeps orch itself from starting. */
#include "engine/start.h"

#include <errno.h>
#include <string.h>

void
start_remedy(struct buf *out, int error)
{
	if (error == EMFILE)
		buf_text(out, ": raise the limit: ulimit -n 1024");
	else if (error == ENFILE)
		buf_text(out, ": the whole system has no more: try again later");
}

int
start_fail(struct buf *out, const char *what, int error)
{
	int is_null = !strcmp(what, "/dev/null");

	buf_fmt(out, "orch: cannot start: %s: %s", what, strerror(error));
	if (is_null && error == ENOENT)
		buf_text(out, ": to make it again: mknod -m 666 /dev/null c 1 3");
	else if (is_null && (error == EACCES || error == EPERM))
		buf_text(out, ": to make it usable again: chmod 666 /dev/null");
	else
		start_remedy(out, error);
	buf_char(out, '\n');
	return START_FAILED;
}

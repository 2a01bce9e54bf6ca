/* What `ps' shows as this process's command line. */
#include "engine/supervise/title.h"

#include <string.h>

static char *from;              /* the arguments, one after the other */
static size_t room;             /* their bytes, the last NUL not counted */

void
title_init(int argc, char **argv)
{
	char *end;
	int i;

	if (argc < 1)
		return;
	from = argv[0];
	end = from + strlen(from);
	for (i = 1; i < argc && argv[i] == end + 1; i++)
		end += 1 + strlen(argv[i]);
	room = (size_t)(end - from);
}

/* A program may change its arguments; not every system shows them as they are now. */
void
title_set(const char *name, const char *key)
{
	size_t n = strlen(name), k = strlen(key);

	if (!room)
		return;
	n = n < room ? n : room;
	memset(from, 0, room);
	memcpy(from, name, n);
	if (n + 1 < room) {
		from[n++] = ' ';
		memcpy(from + n, key, k < room - n ? k : room - n);
	}
}

/* The end of what a running step has written, looked at from outside: its files are only read. */
#ifndef ENGINE_UI_WATCH_H
#define ENGINE_UI_WATCH_H

#include <sys/types.h>
#include <time.h>

#include "store/store.h"

/* How much is read; how much of that is not shown, where there is more before it: an escape sequence may end there. */
enum { WATCH_BYTES = 512, WATCH_BEFORE = 64 };

struct watch {
	struct {
		off_t size;
		struct timespec time;   /* when it was written last */
	} files[2];             /* as they were when they were read: standard output's, standard error's */
	char text[WATCH_BYTES];
	size_t from, n;         /* the last line is in its bytes from FROM on, N of them */
};

/* Looks at the files of the step whose key's file name is FILE. They are read only if they have changed. */
void watch_look(struct watch *, const struct store *, const char *file);

/* How many milliseconds ago the step has written something, by the clock that files have; -1: it has not. */
long long watch_quiet(const struct store *, const char *file);

#endif

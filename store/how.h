/* The file `how` of a run: what each attempt was started with, but for its standard input, and what a step of git was
 * about to make. It is only ever appended to, by orch and its supervisors alike.
 *
 * An entry is a line, written with a newline before it by one write(), so that one that was cut off (a kill, a full disk)
 * spoils no other: the step's file name (key.h), the time in milliseconds since the Epoch, then the lines of the entry's
 * text, their fields, split by tabs, and %%, which no field is: an entry without it was cut off.
 *
 *     NAME TIME directory . word claude word -p variable NAME VALUE %%
 *     NAME TIME intent "" branch B path P ... %%
 *     NAME TIME answered "" %%
 *
 * A text has lines of a word, a tab and a value, without control characters (escape.h); `variable` has a name before the
 * value. Where the entry of an attempt begins is in the log. Only intents are made safe on disk: what a power cut has
 * taken is not known. */
#ifndef STORE_HOW_H
#define STORE_HOW_H

#include <stddef.h>

/* Opens `how` in DIR to append to it. A directory of that name, of an earlier orch, is moved away. -1 and errno. */
int how_open(int dir);

/* Appends the entry TEXT, N bytes that end in a newline, of NAME to FD, which nobody else may write to: a forked process
 * opens its own. Returns where it begins; -1 and errno: then no whole one is there. */
long long how_add(int fd, const char *name, const char *text, size_t n);

/* The entry of NAME that begins AT in FD: *TEXT, its *N bytes, with a NUL after it, to be freed. -1 and errno, ENOENT: there
 * is none. */
int how_get(int fd, long long at, const char *name, char **text, size_t *n);

/* Appends the intent TEXT, N bytes, of NAME to `how` in DIR, and makes it safe on disk. -1 and errno. */
int how_intend(int dir, const char *name, const char *text, size_t n);

/* Calls EACH for every attempt's entry of `how` in DIR, in their order: its step's file name, when it was written and where
 * it begins. -1 and errno. */
int how_each(int dir, void (*each)(void *, const char *name, long long ms, long long at), void *ctx);

/* The latest intent of NAME in DIR, to be freed; "" when there is none, or it was answered. NULL and errno. Reads all of
 * the file. */
char *how_intent(int dir, const char *name);

/* Says that the intent of NAME was answered: what it was for is kept. FD as in how_add. */
void how_answered(int fd, const char *name);

#endif

/* The live view: what is at the bottom of the terminal while a run goes on. Here it is made, from what is
 * known to a text, without a system call; screen.h brings it to the terminal. */
#ifndef ENGINE_UI_LIVE_H
#define ENGINE_UI_LIVE_H

#include <stddef.h>

#include "parse/buf.h"

/* A step that runs. */
struct live_row {
	const char *key;
	long long ms;           /* since when this attempt runs */
	long attempts;          /* which it is, from 1 */
	const char *said;       /* the end of what it wrote, nsaid bytes, as it wrote them */
	size_t nsaid;
};

struct live {
	int width, height;      /* of the terminal */
	int colour;
	int stopping;           /* orch was told to stop */
	const struct live_row *rows;    /* those to be shown, nrows of them: at most live_fit */
	size_t nrows;
	size_t all;             /* how many run, those that are not shown included */
	long done, kept, failed;        /* steps */
	long long running, waiting;
	int more;               /* more may come than those that wait */
	long long ms;           /* since the run began */
	const char *used;       /* by the run so far; "": nothing that is known */
	long long left;         /* an estimate; 0: none */
	int at_least;           /* of it: there is more that nothing is known about */
};

/* How many rows of ALL there is room for on a terminal of this height. */
size_t live_fit(int height, size_t all);

/* Adds the view, each line with a newline after it, none wider than the terminal less one column. */
void live_frame(const struct live *, struct buf *out);

/* How many rows of a terminal WIDTH wide the lines in the N bytes at S take at least: terminals do not
 * agree about the width of characters. */
size_t live_lines(const char *s, size_t n, int width);

/* How many bytes at the end of the N at S are whole lines that take ROWS rows at least; all, if those take fewer. */
size_t live_tail(const char *s, size_t n, size_t rows, int width);

/* The last line in the N bytes at S that is not empty: *LEN bytes of it. A CR ends one too. */
const char *live_last(const char *s, size_t n, size_t *len);

/* How long steps took, by their lines in the workflow. */
struct live_time {
	const void *line;
	long n;
	long long ms;           /* of all n */
};

struct live_times {
	struct live_time *list;
	size_t n;
};

void live_took(struct live_times *, const void *line, long long ms);

/* What is still to be done, counted up. */
struct live_work {
	long long ms;           /* for one after another */
	long long longest;      /* of what runs */
	int known;              /* something of it is known */
	int more;               /* something of it is not */
};

/* Counts up N steps of LINE that wait, or with DONE >= 0 one that has run for DONE milliseconds. */
void live_work_add(struct live_work *, const struct live_times *, const void *line, long long n, long long done);

/* An estimate in milliseconds, with RUNNING steps at once; 0: there is none. */
long long live_left(const struct live_work *, long long running);

/* For silences: when nothing was said for 1, 2, 4, 8... units, a sign of life is due. */
struct live_silence {
	long long since;        /* when something was said last */
	long long after;        /* how long after that the next sign is due */
};

/* Milliseconds until a sign is due; 0: now, and the next one after twice the time. SAID: something was said. */
long long live_silent(struct live_silence *, long long now, int said, long long unit);

#endif

/* The steps of a run as a person reads them: aligned columns, and a bar for each on a common time axis. It
 * is only drawn here: nothing is looked at, nothing is written. */
#ifndef ENGINE_INSPECT_TABLE_H
#define ENGINE_INSPECT_TABLE_H

#include "engine/inspect/run_state.h"

/* From here on a terminal has bars beside its columns. */
enum { TABLE_BARS = 100 };

struct table_row {
	enum step_state state;
	const char *key;        /* as it is said: visible_add has made it, and WHY; a NUL after it */
	const char *why;        /* "": nothing */
	const char *used;       /* what it has used; "": nothing that is known */
	long long ms;           /* how long it took; -1: that is not known */
	long attempts;          /* 2 and more are shown */
	int continued;          /* the latest went on where one before it was cut off */
	/* On the axis, milliseconds: its first attempt, its latest, its end. SINCE < 0: it has no bar. */
	double since, at, end;
	int is_fallback;        /* its result is the word of its `otherwise` */
	const char *word;       /* in place of its state's; NULL: none */
};

struct table {
	int columns;            /* of the terminal; 0: there is none, and nothing is cut */
	int colour;
	double axis;            /* how many milliseconds the axis has; 0: no bars */
	size_t key, time, attempts, used;       /* how wide the columns are; table_learn finds it */
};

/* Each row is learnt before the first is drawn. */
void table_learn(struct table *, const struct table_row *);

/* The axis itself; nothing if there are no bars. */
void table_axis(const struct table *, struct buf *);

void table_draw(const struct table *, const struct table_row *, struct buf *);

#endif

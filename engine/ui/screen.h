/* The live view on the terminal: when there is one, what is there, and writing it without ever waiting.
 *
 * The view is a few lines below all that was said; the cursor is on the line below it. To write
 * anything, the cursor goes up to the view's first line, and everything from there is written again. No mode
 * of the terminal is changed and the cursor is never hidden, so there is nothing to be restored.
 *
 * Where the cursor is cannot be told any more when the terminal has got another size, or has echoed a
 * newline: the bytes that wait to be read from it are counted, and never read. Then the screen is painted
 * from its first row on, with the last lines that were said, which are kept for that, and the view. Unless
 * all that is on the screen is kept, it goes to the terminal's scrollback before. */
#ifndef ENGINE_UI_SCREEN_H
#define ENGINE_UI_SCREEN_H

#include "engine/ui/live.h"
#include "engine/ui/progress.h"
#include "engine/sched/walk.h"

/* Whether standard error is a terminal, the one that orch was started on, and one that knows where its cursor is. */
int screen_is_capable(void);

struct screen_row;

struct screen {
	int tty;                /* opened again, so that writing does not wait; -1: there is no live view */
	int colour;
	int shared;             /* standard output is a terminal too: taken for the same */
	int width, height;
	int is_sized;           /* the terminal told them; else they are the usual ones */
	long long began;        /* as all times here, of the clock that the loop goes by */
	long long looked;       /* when it was looked for changes last */
	long long look, draw;   /* when to look again, when to write again at the earliest */
	struct buf want;        /* the view that is to be there; empty: none */
	struct buf used;        /* what the run has used, for ->view */
	struct buf shown;       /* that is there */
	int shown_width, shown_height;  /* the terminal's size then */
	long waiting;           /* bytes to be read from the terminal then */
	int has_moved;          /* it may not be where it was written, or parts of an earlier one may be seen */
	int has_drawn;          /* there was a view since others have written to the terminal */
	struct buf said;        /* the last lines above it, as many as the terminal has rows */
	int is_ours;            /* nothing is on the screen that is not in ->said or ->shown */
	int is_lent;            /* others write to the terminal */
	struct buf rest;        /* of what is just being written */
	struct live_times times;
	struct live_work work;

	/* Of one look. */
	struct live view;
	struct remaining left;
	struct screen_row *rows;        /* those that run longest, as many as fit */
	size_t nrows, fit, room;
};

/* Opens the terminal if there is to be a live view: standard error is one, and says so in TERM. */
void screen_open(struct screen *, enum loudness, long long now);

/* Something has begun: it is looked at soon. */
void screen_stir(struct screen *);

/* The terminal has another size. */
void screen_resized(struct screen *);

/* Others have written to the terminal: what is there is not ours any more. */
void screen_lost(struct screen *);

/* Others write to the terminal, until the next look at least; the view is not there. */
void screen_lend(struct screen *);

/* N bytes of what the workflow prints were written to the same terminal. */
void screen_printed(struct screen *, const char *text, size_t n);

/* A look: begin, each task that runs (which was the NUMBERth to be started, from 1), end. HIDDEN: nothing is to be shown. */
void screen_begin(struct screen *, struct walk *, const struct progress *, size_t running, long long now);
void screen_task(struct screen *, struct walk *, unsigned long number, const struct branch *, int is_step, long long started);
void screen_end(struct screen *, struct walk *, const struct store *, int hidden, long long now);

/* A step's time. */
void screen_took(struct screen *, const struct branch *, long long ms);

/* Whether there is something to be written. */
int screen_changed(const struct screen *, const struct progress *);

/* Writes, after select has said that there is room: what PROGRESS has to say, and below it the view. */
void screen_write(struct screen *, struct progress *, long long now);

/* The terminal without a view; waits for it a while at most. */
void screen_hide(struct screen *, struct progress *);

void screen_close(struct screen *, struct progress *);

/* What a task is called: a step by its key. */
void screen_name(const struct walk *, const struct branch *, struct buf *);

#endif

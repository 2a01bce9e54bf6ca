/* What orch writes while it walks: the workflow's texts to standard output; what it has to say, with the live
 * view or signs of life, to standard error. Nothing here waits but output_say. */
#ifndef ENGINE_UI_OUTPUT_H
#define ENGINE_UI_OUTPUT_H

#include <sys/select.h>

#include "engine/ui/screen.h"
#include "engine/sched/running.h"

struct print;

struct output {
	struct walk *walk;
	struct store *store;
	struct progress *progress;
	const struct running *slots;
	struct print *prints, **last_print;     /* texts for standard output */
	struct screen screen;   /* the live view; where there is none, signs of life */
	struct live_silence silence;
	int shares;             /* standard output and standard error are one file, and there is no live view */
	size_t chunk;           /* bytes of standard output at a time */
	unsigned long long said;        /* bytes of the progress, written so far */
	int sign_given;         /* of what is to be written, a sign is the last */
};

/* All that it is given is still the caller's. NOW, here and below, is of the clock that the slots go by. */
void output_open(struct output *, struct walk *, struct store *, struct progress *, const struct running *, long long now);

/* Takes a text of the branch for standard output; when it is written, the walk is told. */
void output_print(struct output *, struct branch *, struct buf *text);

/* The texts that wait are not written. */
void output_drop(struct output *);

/* Adds the descriptors to SET that something is to be written to, the highest to *LAST. MORE: more is just being
 * begun. Returns in how many milliseconds to ask again; -1: when something has happened. */
long long output_wants(struct output *, int more, long long now, fd_set *set, int *last);

/* Writes to those of SET, which select has left there, what has room. */
void output_write(struct output *, fd_set *set, long long now);

/* Writes out what the progress has to say; gives up when nobody reads it for a while. */
void output_say(struct progress *);

#endif

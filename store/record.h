/* How a run was started: the file `run` in its directory. */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <stddef.h>

#include "store/identity.h"

struct pair {
	char *name, *value;
};

struct record {
	char *workflow;         /* its absolute path, or "-"; NULL: not known, only in a directory that was accepted without it */
	char *directory;        /* absolute: where orch was started */
	long long started;      /* milliseconds since the Epoch */
	char *named;            /* the name that the time gave it; NULL: a person did, or an older orch made it */
	char *id;               /* the run's random id, which its processes have in their environment; NULL: an older orch made it */
	struct identity made;   /* of the file `lock', when the run was made or accepted */
	struct pair *params;
	size_t nparams;
	char *budget;           /* of -b; NULL: none was given */
	char *take;             /* the run of -t; NULL: none was given */
	char **agents;          /* the words of each -a */
	size_t nagents;
	char *text;             /* the workflow itself when it came from standard input, else NULL */
	size_t ntext;
	unsigned line;          /* after EINVAL: the line of the file that is wrong; 0: none, but something is missing */
};

enum { RECORD_ID = 16 };                /* hexadecimal digits of an id */

/* Gives the record a new id, by chance. -1 and errno. */
int record_new_id(struct record *);

/* Sets the name that the time gave it. -1 and errno. */
int record_named(struct record *, const char *name);

/* Sets a parameter, in place of an earlier value. -1 and errno. */
int record_param(struct record *, const char *name, const char *value);

/* Adds the words of an -a, in place of what was there for the same agent. -1 and errno. */
int record_agent(struct record *, const char *words);

/* Takes out what an -a has said of the agent NAME. Returns whether there was such. */
int record_drop_agent(struct record *, const char *name);

/* Sets the budget, in place of an earlier one. -1 and errno. */
int record_budget(struct record *, const char *text);

/* Sets the run that results are taken from, in place of an earlier one. -1 and errno. */
int record_take(struct record *, const char *run);

/* Reads the file `run` in DIR, whose absolute path is PATH: what the file says relative to it becomes absolute. -1 and
 * errno: ENOENT if there is none, or if it says no more than that the directory was accepted (then id and made are
 * set all the same, and the record is to be freed); EINVAL if it is none of ours, with ->line. */
int record_read(struct record *, int dir, const char *path);

/* Writes it, whole or not at all, safe on disk; one that is there already stays. Where PATH, the directory's own,
 * is below the one orch was started in, what is below that is written relative to PATH: so it is right also when the
 * whole was moved. PATH NULL: all is written as it is. -1 and errno. */
int record_write(const struct record *, int dir, const char *path);

void record_free(struct record *);

#endif

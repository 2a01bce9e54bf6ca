/* How a run was started: the file `run` in its directory. */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <stddef.h>

struct pair {
	char *name, *value;
};

struct record {
	char *workflow;         /* its absolute path, or "-" */
	char *directory;        /* absolute: where orch was started */
	long long started;      /* milliseconds since the Epoch */
	char *id;               /* the run's random id, which its processes have in their environment; NULL: an older orch made it */
	struct pair *params;
	size_t nparams;
	char **agents;          /* the words of each -a */
	size_t nagents;
	char *text;             /* the workflow itself when it came from standard input, else NULL */
	size_t ntext;
};

/* Sets a parameter, in place of an earlier value. -1 and errno. */
int record_param(struct record *, const char *name, const char *value);

/* Adds the words of an -a, in place of what was there for the same agent. -1 and errno. */
int record_agent(struct record *, const char *words);

/* Reads the file `run` in DIR. -1 and errno: ENOENT if there is none, EINVAL if it is none of ours. */
int record_read(struct record *, int dir);

/* Writes it, whole or not at all, safe on disk; one that is there already stays. -1 and errno. */
int record_write(const struct record *, int dir);

void record_free(struct record *);

#endif

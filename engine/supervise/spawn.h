/* Starting a program. */
#ifndef ENGINE_SUPERVISE_SPAWN_H
#define ENGINE_SUPERVISE_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

struct program {
	char *const *argv;      /* argv[0]: with a /, from ROOT; else looked for in the PATH of envp */
	char *const *envp;
	const char *root;       /* absolute */
	const char *dir;        /* absolute: its working directory */
	int in, out, err;       /* its standard descriptors */
	int keep;               /* a descriptor above these that it gets besides; 0: none */
	int terminal;           /* it keeps the terminal: no session of its own */
	int death;              /* the signal that it gets when its parent dies, where there is that; 0: SIGKILL */
};

enum spawn_stage { SPAWN_FORK, SPAWN_DIR, SPAWN_EXEC };

/* A program that is being started. */
struct spawning {
	const struct program *p;
	pid_t pid;              /* the child, to be reaped by the caller in any case; leads its session as soon as it has one */
	int report;             /* readable when it is known how it went; spawn_finish closes it */
	char **shell;           /* the arguments for sh, should the program be a script without a first line */
};

/* Begins to start P: the child changes to its directory and executes it, while the caller goes on; both may block for
 * as long as a file system does not answer. Until spawn_finish P must stay as it is, and the caller must do nothing but
 * wait: on Linux the child shares its memory. -1 and errno: there is no process available. */
int spawn_begin(struct spawning *, const struct program *p);

/* How it went, as soon as ->report is readable: 0 started; -1 with errno, and *STAGE says what failed. */
int spawn_finish(struct spawning *, enum spawn_stage *stage);

/* Both, waiting as long as it takes. P gets a session of its own (unless terminal), its signals as a program expects them: none
 * blocked, those that orch ignores for itself at their defaults. On Linux it gets ->death when its parent dies, unless it
 * is set-user-ID or the like. Returns its process id; -1 with errno, and *STAGE says what failed. All other
 * descriptors must be close-on-exec. */
pid_t spawn(const struct program *, enum spawn_stage *stage);

/* Whether the program NAME can be started, as spawn would look for it. -1 and errno: ENOENT, EACCES. */
int spawn_find(const char *name, char *const *envp, const char *root, const char *dir);

/* The value of NAME in an environment, or NULL. */
const char *env_value(char *const *envp, const char *name);

#endif

/* Starting a program. */
#ifndef ENGINE_SPAWN_H
#define ENGINE_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

struct program {
	char *const *argv;      /* argv[0]: with a /, from ROOT; else looked for in the PATH of envp */
	char *const *envp;
	const char *root;       /* absolute */
	const char *dir;        /* absolute: its working directory */
	int in, out, err;       /* its standard descriptors */
	int terminal;           /* it keeps the terminal: no session of its own */
};

enum spawn_stage { SPAWN_FORK, SPAWN_DIR, SPAWN_EXEC };

/* Starts it in a session of its own (unless terminal), its signals as a program expects them: none blocked, those that
 * orch ignores for itself at their defaults. Returns its process id; -1 with errno, and *STAGE says
 * what failed. All other descriptors must be close-on-exec. */
pid_t spawn(const struct program *, enum spawn_stage *stage);

/* Whether the program NAME can be started, as spawn would look for it. -1 and errno: ENOENT, EACCES. */
int spawn_find(const char *name, char *const *envp, const char *root, const char *dir);

/* The value of NAME in an environment, or NULL. */
const char *env_value(char *const *envp, const char *name);

#endif

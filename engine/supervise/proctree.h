/* The processes that are below this one, and how they are ended.
 *
 * On Linux (store/os.h) a process can be the subreaper of all that it started: what its children leave behind
 * becomes its own, sessions and daemons included, and is found in /proc. Elsewhere only the process
 * group of a child is known. */
#ifndef ENGINE_SUPERVISE_PROCTREE_H
#define ENGINE_SUPERVISE_PROCTREE_H

#include <stddef.h>
#include <sys/types.h>

/* Makes this process the subreaper of what it starts. Returns whether it is one. */
int proctree_become_subreaper(void);

/* The children of this process: *LIST, to be freed by the caller. Returns how many; -1 where that
 * cannot be known. */
long proctree_children(pid_t **list);

/* Stops the tree below the children that SPARE does not name (NULL: none is spared), kills it, and
 * reaps what has ended. One pass that never waits long: to be called again until it returns 0, for
 * nothing is left; it returns how many children there still were, -1 where that cannot be known. */
long proctree_kill(int (*spare)(void *, pid_t), void *ctx);

/* Stops (SIGSTOP) or continues the tree below the child PID, which is not reaped yet, its group first. */
void proctree_signal(pid_t pid, int sig);

/* Whether the child PID is running, or waits for nothing but the processor; 0 too where that cannot be known. */
int proctree_is_busy(pid_t pid);

/* Why only process groups are ended, where a system of this kind ends more; NULL: it does, or no such system can. */
const char *proctree_lack(void);

/* Lets all other processes that have the file DEV, INO open go on (SIGCONT), where they can be found. */
void proctree_continue_openers(dev_t dev, ino_t ino);

/* Writes to TEXT which processes have the file DEV, INO open: "pid 12". Returns how many were
 * found; 0 too where that cannot be known. */
int proctree_openers(dev_t dev, ino_t ino, char *text, size_t size);

#endif

/* The jobserver of GNU make: as its client, and as one.
 *
 * A jobserver is a pipe or a fifo with a byte in it for each job that may still be begun: a token. Whoever is
 * started under it may have one job without any, takes a token for each further one, and writes that
 * byte back when the job has ended. Nothing here ever blocks.
 *
 * The tokens that orch has taken are kept in a pipe of its own, the token pipe, which its supervisors have too: if
 * orch is killed, they give back what is in there. */
#ifndef ENGINE_SUPERVISE_JOBSERVER_H
#define ENGINE_SUPERVISE_JOBSERVER_H

#include "parse/arena.h"
#include "parse/buf.h"

enum jobserver_kind {
	JOBSERVER_NONE,
	JOBSERVER_PIPE,
	JOBSERVER_FIFO,
	JOBSERVER_BAD           /* one is named, and cannot be used */
};

struct jobserver {
	enum jobserver_kind kind;
	int fds[2];             /* JOBSERVER_PIPE: to read, to write; agents have the same */
	struct buf path;        /* JOBSERVER_FIFO */
	int is_open;            /* what is below can be used */
	int in, out;            /* orch's own ways to it */
	int is_shared;          /* they are all others' too: nothing may block there, nor change their flags */
	int token_pipe[2];
	long held;              /* tokens in the token pipe */
	long serves;            /* N of `orch -j N`; 0: it is another's */
	struct buf flags;       /* a server's MAKEFLAGS=..., for agents */
};

/* What the value of MAKEFLAGS says: the last jobserver that is before `--`. FDS or PATH, which is empty
 * at first and to be freed by the caller, get what it names. */
enum jobserver_kind jobserver_parse(const char *makeflags, int fds[2], struct buf *path);

/* Looks what MAKEFLAGS (NULL: not set) names, and whether it is there. To be called before this process
 * has opened anything that could have got its descriptors. */
void jobserver_look(struct jobserver *, const char *makeflags);

/* The descriptors of the jobserver, if it has some, are handed on to programs. */
void jobserver_hand_on(const struct jobserver *);

/* Makes the jobserver that was found ready to take tokens from. -1: that cannot be. */
int jobserver_open(struct jobserver *);

/* Becomes a jobserver for N jobs, the one that needs no token included. -1: that cannot be, or N is more
 * than a pipe is sure to hold. */
int jobserver_serve(struct jobserver *, long n);

/* A server's tokens are all there again, whatever others have lost. Only while nothing runs. */
void jobserver_fill(struct jobserver *);

/* Takes a token if there is one at once. Returns whether it did. */
int jobserver_take(struct jobserver *);

/* Gives one back. */
void jobserver_give(struct jobserver *);

/* For a supervisor of an orch that is gone, whose agent is gone too: gives back the token that this agent
 * had, if it HAD one, and all there are when this is the last supervisor. */
void jobserver_abandon(const struct jobserver *, int had);

/* Adds a value for MAKEFLAGS: OLD (NULL: none) with N jobs and the jobserver FDS in place of its own. */
void jobserver_flags(const char *old, long n, const int fds[2], struct buf *out);

/* ENVP as an agent is to get it: a server's has another MAKEFLAGS in it, unless a step has set its own. What
 * is new is in MEM or the jobserver's. */
char *const *jobserver_environ(const struct jobserver *, char *const *envp, struct arena *mem);

#endif

/* A run's log: what happened, one line an event, only ever appended. */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include <stddef.h>

enum log_event {
	LOG_WALK,               /* an orch has begun to walk the workflow; value: its pid */
	LOG_START,              /* an attempt of KEY was started; text: LOG_AGAIN if it has its result, which stays until then */
	LOG_DONE,               /* KEY has its result; digest: of what was asked; text: LOG_REDONE if it was re-run for redo */
	LOG_FAIL,               /* an attempt of KEY has failed; text: why */
	LOG_OTHERWISE,          /* the `otherwise` of KEY was kept as its result */
	LOG_STOP,               /* an attempt of KEY was ended because orch was told to stop */
	LOG_END,                /* the walk has ended; value: orch's exit status; text: why it failed */
	LOG_FOUND,              /* KEY has a result of which the log does not tell; digest: of the question now, or 0 */
	LOG_RATE_LIMITED,               /* an attempt of KEY was refused by its agent for now; text: why */
	LOG_PAUSED,             /* orch and its agents were stopped, and go on now; value: for how many milliseconds that was */
	LOG_USAGE,              /* what the attempt of KEY has used so far; tokens; text: dollars, as usage.h has them */
	LOG_SESSION,            /* the attempt of KEY is in a session, or that has come further; digest: of the question; text: sessions.h */
	LOG_SAME,               /* as LOG_DONE, of a pure step: its result is the same as before, byte for byte */
	LOG_REDO,               /* KEY, which has its result, is to be run again; the result stays until then */
	LOG_IF                  /* an `if` in a worktree has decided; KEY: its place; value: 1 true, 0 false; digest: of the evaluation */
};

/* Events of attempts that gave no result: a bit 1u << EVENT for each. */
#define LOG_TRIED (1u << LOG_FAIL | 1u << LOG_STOP | 1u << LOG_RATE_LIMITED)

/* Events after which KEY has its result, the step's that was asked. */
#define LOG_ASKED (1u << LOG_DONE | 1u << LOG_SAME)

#define LOG_AGAIN "again"
#define LOG_REDONE "redone"

/* How the text of DONE and SAME begins when the result was taken from an earlier run, whose name follows: then the attempt is 0. */
#define LOG_TAKEN "kept from "

struct log_line {
	long long ms;           /* since the Epoch */
	enum log_event event;
	const char *key;        /* its N bytes; NULL for LOG_WALK, LOG_END and LOG_PAUSED */
	size_t n;
	long value;             /* the attempt, from 1; 0: it was none, its result was taken; or as the events say */
	long long took;         /* milliseconds, of DONE, and of attempts that gave no result */
	unsigned long long digest;      /* 0: not known */
	int status;             /* of the latter: as wait() gives it; -1: it never ran */
	const char *text;
	long long at;           /* of START: where its entry begins in `how`; -1: it has none, or that is not known */
	const char *session, *from;     /* of SESSION: its id, and that of the one that it is a copy of; "": of none */
	long long tokens[3];    /* of USAGE: of input not read from a cache, read from a cache, of output */
};

/* The earlier run that the result was taken from, in the line's text; NULL: it was not. */
const char *log_taken_from(const struct log_line *);

/* Opens the log in DIR to append to it. -1 and errno. */
int log_open(int dir);

/* Appends one line by one write; several processes may do so at once. -1 and errno. */
int log_add(int fd, const struct log_line *);

#define LOG_ALL (~0u)

/* Calls EACH for every whole line of the log in DIR whose event is WANTED, a bit 1u << EVENT for each;
 * its strings live as long as the call. Lines that are none of ours are passed over. A log that is not
 * there is empty. -1 and errno. */
int log_read(int dir, unsigned wanted, void (*each)(void *, const struct log_line *), void *ctx);

/* The same from *AT on, which was 0 or was left by an earlier call; it becomes the end of the whole lines that were read. */
int log_read_on(int dir, long long *at, unsigned wanted, void (*each)(void *, const struct log_line *), void *ctx);

#endif

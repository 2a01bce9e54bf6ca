/* How an attempt went: what a supervisor tells orch, in one record that a pipe takes whole. */
#ifndef ENGINE_AGENT_OUTCOME_H
#define ENGINE_AGENT_OUTCOME_H

#include <stdint.h>

#include "engine/agent/usage.h"
#include "parse/buf.h"

enum outcome_kind {
	OUT_OK,                 /* the result is whole and safe in tmp/ */
	OUT_ENDED,              /* the agent failed: status; error EAGAIN: it says that the system refused it a process;
				 * ENOSPC: the disk is full */
	OUT_RATE_LIMITED,       /* it is rate-limited: status, text says why */
	OUT_NO_SESSION,         /* the session that it is to be asked in a copy of is not there any more; text: its key */
	OUT_BUSY,               /* it could not begin beside others of its kind, and may be asked again: status, text says why */
	OUT_PERMANENT,          /* it failed for a reason that another attempt would not change: status */
	OUT_EMPTY,              /* what it wrote is not a result though it exits 0: text, if it wrote any */
	OUT_TIMEOUT,            /* it was stopped after its time */
	OUT_IDLE,               /* it was stopped after it had given no sign of life for its time */
	OUT_STOPPED,            /* it was stopped because orch was told to */
	OUT_NO_DIR,             /* its directory is not there: error */
	OUT_NO_EXEC,            /* it could not be started: error */
	OUT_NO_INTERPRETER,     /* it is there, what should interpret it is not */
	OUT_FORK_FAILED,        /* no process could be had: to be tried again: error; status, unless 0: of its agent, which could
				 * have none, and has done nothing */
	OUT_FILTER,             /* the filter failed: status; text: its command, the first line of it */
	OUT_CHECK,              /* a check failed: the same */
	OUT_IO,                 /* reading or writing failed: error, text says what */
	OUT_FULL,               /* the disk was full when it ended */
	OUT_STILL_OPEN,         /* somebody still writes into its result: text says who */
	OUT_LEFTOVERS,          /* processes that it left could not be ended: text says which */
	OUT_TEXT,               /* text says it all */
	OUT_NOT_WORKTREE,       /* its directory is not the worktree that it should be: text says what was found */
	OUT_UNENDED,            /* it was to be ended and does not end: text says which process */
	OUT_UNTAKEN,            /* the earlier run has no result to this question: the step is to be asked */
	OUT_LOST,               /* its supervisor was killed; not a record, orch's own word; text: what of it may still run */
	/* No outcomes yet: */
	OUT_BEGUN,              /* its supervisor runs; only of a task that is to tell that */
	OUT_SESSION,            /* its agent has told its session, or has come further in it: text, digest, wait: what it says */
	OUT_USED,               /* its agent has told that it has used more */
	OUT_WAITS,              /* its agent is rate-limited, and waits by itself, or will end: wait says how long */
	/* No outcomes at all, but the reader's (supervise/reader.h), whose number is slot: */
	OUT_FILE,               /* it has looked at a file: status: enum file_found, error, digest */
	OUT_READING             /* it still reads a file */
};

/* What OUT_NOT_WORKTREE has found. */
enum { WORKTREE_OTHER, WORKTREE_GONE };

/* At most 512 bytes (POSIX's least PIPE_BUF), so that no two records mix. */
struct outcome {
	uint32_t slot;          /* which of orch's running tasks */
	int32_t kind;
	int32_t status;         /* as wait() gives it */
	int32_t error;          /* an errno */
	int32_t pid;            /* of its supervisor; orch's own to set */
	int32_t continued;      /* it was asked to go on where an earlier attempt was cut off */
	union {
		int32_t wait;           /* OUT_RATE_LIMITED, OUT_WAITS: seconds until its agent takes more; -1: not known; of
					 * OUT_WAITS 0: it goes on */
		int32_t idle;           /* OUT_IDLE: the time, in milliseconds */
		int32_t worktree;       /* OUT_NOT_WORKTREE: one of those above */
		int32_t same;           /* OUT_OK of a pure step: its result is the same as before, byte for byte */
	} of;
	uint64_t digest;        /* of what was asked, when kind is OUT_OK; then text is a warning, or empty */
	int64_t ms;             /* how long it took */
	int64_t timeout;        /* what it was given, in milliseconds; 0: all it wants */
	struct usage used;      /* by this attempt so far; of OUT_SESSION by the session, with its ancestors */
	char text[416];
};

/* Whether its status is that of the step's agent. */
int outcome_has_status(const struct outcome *);

/* Adds in words how it went: "exit status 3", "timed out after 20m" ... TIMEOUT in milliseconds. */
void outcome_text(const struct outcome *, long long timeout, struct buf *);

/* Adds the name of a signal. */
void signal_text(int number, struct buf *);

/* Adds a time of MS milliseconds as a person writes it: 40ms, 2.5s, 12s, 3m05s, 2h10m. */
void duration_text(long long ms, struct buf *);

#endif

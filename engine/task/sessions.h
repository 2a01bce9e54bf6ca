/* The sessions of a run's steps: an agent's conversations, by the ids that it has told.
 *
 * The log has a line when an id is told, when the agent has done something in it, when it has ended, and when it is over:
 * then no later attempt continues it. */
#ifndef ENGINE_TASK_SESSIONS_H
#define ENGINE_TASK_SESSIONS_H

#include "engine/agent/usage.h"
#include "engine/task/keys.h"
#include "store/log.h"

enum { SESSION_ID = 64 };

/* What a line says about a session, as bits; TOTAL: what it has used in all, its ancestors together. */
enum {
	SESSION_CONTINUED = 1,          /* it is a copy of the one that an earlier attempt of the step was cut off in */
	SESSION_ACTIVE = 2,             /* the agent has done something in it */
	SESSION_OVER = 4,               /* no later attempt continues it */
	SESSION_ANSWERED = 8            /* its answer is good, and is about to be the result */
};

/* One conversation. */
struct talk {
	char id[SESSION_ID];            /* "": there is none */
	uint64_t digest;                /* of the question that was asked in it */
	long long ms;                   /* when its latest line was written, since the Epoch */
	struct usage total;
	char *dir;                      /* where it worked, below the directory that orch was started in, or absolute */
};

struct session {
	struct talk latest;             /* of the latest attempt that has told one */
	unsigned says;
	int is_settled;         /* a line that says how the step ended came after it */
	long attempt;
	uint32_t walk;
	struct talk cut;                /* the latest in which the agent had done something, and that is not over */
	struct talk refused;            /* in which the result was given that was refused, in this walk */
	struct talk result;             /* in which the result was given */
};

struct sessions {
	struct session **list;          /* by key; NULL: nothing is known */
	uint32_t n, walk;
};

/* Adds the TEXT of a line: the words for SAYS, the total, the directory. */
void session_text(struct buf *, unsigned says, const struct usage *total, const char *dir);

/* Takes a line of the log about a session into account, or one that says how the step ID, which it is about, ended; of a walk,
 * ID is of no matter. */
void sessions_line(struct sessions *, const struct keys *, uint32_t id, const struct log_line *);

/* What is known of the key ID; NULL: nothing. */
const struct session *sessions_of(const struct sessions *, uint32_t id);

/* In this walk: the ATTEMPT of ID has told its session T, or more of it; DIR may be T's. */
void sessions_told(struct sessions *, const struct keys *, uint32_t id, long attempt, unsigned says, const struct talk *t);

/* In this walk: the attempt of ID has given the result; a result without a session has taken the place of another; the latest
 * session of ID is over. */
void sessions_done(struct sessions *, uint32_t id, long attempt);
void sessions_none(struct sessions *, uint32_t id);
void sessions_over(struct sessions *, uint32_t id);

/* In this walk: what the ATTEMPT of ID has given was refused. */
void sessions_refused(struct sessions *, uint32_t id, long attempt);

void sessions_free(struct sessions *);

#endif

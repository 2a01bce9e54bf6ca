/* What an agent means by its end, where its exit status does not say it all. */
#ifndef ENGINE_AGENT_VERDICT_H
#define ENGINE_AGENT_VERDICT_H

#include <stddef.h>

#include "engine/agent/outcome.h"
#include "parse/agents.h"

/* An exit status by which any agent says that it takes no more for now: EX_TEMPFAIL of sysexits.h. The last line of
 * its standard error may say for how long: retry-after: SECONDS. */
enum { VERDICT_LATER = 75 };

enum { VERDICT_HEAD = 1024, VERDICT_TAIL = 1024 };

enum { VERDICT_WAIT_MOST = 7 * 24 * 3600 };     /* seconds */

struct verdict {
	enum outcome_kind kind; /* OUT_OK, OUT_ENDED, OUT_RATE_LIMITED, OUT_BUSY, OUT_PERMANENT, OUT_EMPTY */
	long wait;              /* OUT_RATE_LIMITED: how many seconds it has named; -1: none */
	const char *why;        /* the NWHY bytes in which it said so, of OUT or ERR; there may be none */
	size_t nwhy;
};

/* Whether the STATUS of wait() is VERDICT_LATER. */
int verdict_is_later(int status);

/* Sets kind, wait and why by what the agent says, the first line of the N bytes at S: what claude has written, the words of
 * codex's failure. 0: these words are not known, and nothing is set. */
int verdict_words(struct verdict *, enum agent_kind, const char *s, size_t n, long long now);

/* Whether the N bytes at ERR, how standard error ends, are a shell's words for a process that the system has refused it: its
 * last line; with WHOLE each line. */
int verdict_is_refused(const char *err, size_t n, int whole);

/* STATUS is as wait() gives it, NOW in seconds since the Epoch; OUT is how the result begins, its first VERDICT_HEAD bytes
 * if it is longer, ERR how standard error ends, its last VERDICT_TAIL. */
void verdict_read(struct verdict *, enum agent_kind, int status, const char *out, size_t nout, const char *err, size_t nerr,
    long long now);

#endif

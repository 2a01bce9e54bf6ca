/* What claude and codex write, read as it passes: one JSON object a line, which tells what they do, their result, how they
 * ended and what they have used (Claude Code 2.1, Codex 0.171). The rest of what they write is passed over.
 *
 * Output whose first line that is not blank is no such record is not a stream, whatever was asked for: it is the result as it
 * is. No clock, descriptor or process is used here, and no more memory than the structure, however long a line is. */
#ifndef ENGINE_AGENT_STREAM_H
#define ENGINE_AGENT_STREAM_H

#include "engine/agent/json.h"
#include "engine/agent/usage.h"
#include "engine/agent/verdict.h"

enum stream_form {
	STREAM_UNKNOWN,         /* no line was read to its end that is not blank */
	STREAM_RECORDS,
	STREAM_PLAIN
};

/* Where it goes. What is written may turn out to be no stream, a text not to be the result: so both come as they are read,
 * and it is told afterwards what they are. */
struct stream_ops {
	void *ctx;
	/* The output as it is, while it is not known to be a stream; dropped: it is one. */
	void (*plain)(void *ctx, const char *s, size_t n);
	void (*drop_plain)(void *ctx);
	/* A text that may be the result: it begins, goes on; it is the result now, in place of an earlier one. One that is not
	 * kept is followed by another that begins. */
	void (*begin)(void *ctx);
	void (*text)(void *ctx, const char *s, size_t n);
	void (*keep)(void *ctx);
	/* One line about what the agent does, without its newline and without control characters. */
	void (*activity)(void *ctx, const char *s, size_t n);
};

enum {
	STREAM_FIELD = 256, STREAM_WORDS = 2048, STREAM_ID = 64, STREAM_ACTIVITY = 200, STREAM_FIELDS = 48,
	STREAM_MESSAGES = 16, STREAM_OLDER = 240
};

struct stream {
	const struct stream_ops *ops;
	enum agent_kind kind;
	enum stream_form form;
	int is_own;             /* the step has chosen the format itself: what is written is the result */

	/* What was told. */
	int is_final;           /* a final record has come, and no other turn has begun since */
	int has_result;         /* a text was kept */
	int is_error;           /* the latest one says that it has failed */
	unsigned long signs;    /* records, but for those that say no more than that the agent waits */
	int did;                /* the agent has done something: a message, a tool */
	int waits;              /* it waits by itself: its service is rate-limited */
	int rejected;           /* its plan's limit is reached */
	long long until;        /* of that, when it ends, in seconds since the Epoch; 0: not told */
	char session[STREAM_ID];/* the id of its conversation; "": not told */
	char error[STREAM_ID];  /* the class of its error; "": none */
	long status;            /* the HTTP status of it; 0: none */
	char ended[STREAM_ID];  /* the kind of its final record */
	size_t nwords;
	char words[STREAM_WORDS];       /* what it says about its error, in its own words */

	/* Usage: of messages since the latest final record; up to that one; what these have told as the whole session's. */
	struct usage used;
	long long session_nanos;
	struct usage total;     /* of the session, its ancestors together, as far as it is told so */
	struct {
		unsigned long long id;
		struct usage used;
	} messages[STREAM_MESSAGES];
	size_t nmessages;
	struct usage older;     /* of messages that have no place there any more, the latest of which are known */
	unsigned long long older_ids[STREAM_OLDER];
	size_t nolder;
	int is_unpriced;        /* a final record has not told money */

	/* The record that is being read. */
	struct json json;
	struct json_ops json_ops;
	struct {
		size_t n;
		char s[STREAM_FIELD];
	} fields[STREAM_FIELDS];
	struct usage turn, models;      /* of a final record */
	struct usage all;       /* the same of the whole session */
	long denied;            /* tools */
	int has_text, has_words, has_money;
	size_t nitem;           /* of the item's id that was shown last */
	char item[STREAM_ID];
	int blank;              /* so far there were only blanks */
};

/* IS_OWN: as in the structure. BEFORE: the total of the session that this one is a copy of; NULL: of none. */
void stream_begin(struct stream *, enum agent_kind, int is_own, const struct usage *before, const struct stream_ops *);
void stream_feed(struct stream *, const char *s, size_t n);

/* The output has ended. */
void stream_end(struct stream *);

/* What this attempt has used so far, as far as it has told. */
void stream_usage(const struct stream *, struct usage *);

/* Of an output that was a stream: how the agent has ended; as verdict_read. ->why is of S->words. */
void stream_verdict(const struct stream *, int status, const char *err, size_t nerr, long long now, struct verdict *);

#endif

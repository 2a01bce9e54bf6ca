/* What the kept steps of a run were asked, against what they would be asked now; and when their results
 * came: the order of the log's lines, not its times, says what is later. */
#ifndef ENGINE_TASK_QUESTION_H
#define ENGINE_TASK_QUESTION_H

#include <stdint.h>

#include "engine/task/decisions.h"
#include "engine/task/keys.h"
#include "engine/task/redo.h"
#include "engine/task/sessions.h"
#include "engine/task/spent.h"
#include "engine/task/task.h"
#include "parse/buf.h"
#include "store/store.h"

/* The latest attempt at a step: when it began, in milliseconds since the Epoch, and where its entry in `how` is; 0 and -1: not
 * known. */
struct asking {
	long long ms, at;
	long long told;         /* when the log told of a result of the step last; 0: never */
	long attempt;
	int is_ended;           /* the log tells how it ended */
};

/* What question_differs says of a step that was begun again, and has its earlier result. */
#define QUESTION_UNANSWERED "it was begun again, and not answered"

/* Of one that `orch redo` was told to run again. */
#define QUESTION_REDO "redo"

/* Adds the difference WHAT, as question_differs gives it, in words: "topic has changed". */
void question_text_of(struct buf *, const char *what);

struct questions {
	struct store *store;
	struct keys *keys;
	struct decisions *decisions;    /* gets what `if` lines in worktrees have decided */
	struct sessions *sessions;      /* gets what is known of sessions; NULL: nobody wants that */
	struct spent *spent;    /* gets what was used; NULL: nobody wants that */
	int is_open;            /* the latest walk has no end in the log */
	int again;              /* -u: the sequence numbers of the results are wanted */
	long redo;              /* keys that are KEY_REDO */
	long long redo_ms;      /* when the latest redo was recorded, in milliseconds since the Epoch */
	struct redo_lines redone;
	uint32_t last;          /* the newest sequence number */
	uint64_t *content;      /* by key: the digest of its result, once it was needed */
	uint32_t ncontent;
	struct asking *asked;   /* by key: its latest attempt, once one was needed */
	uint32_t nasked;
	int has_asked;          /* 1: the log was read for them; 2: `how` too */
	uint64_t digest;        /* of the task that question_differs saw last; 0: not needed */
	struct buf what;
};

/* Reads the log: what its results were asked, and with ->again also their sequence numbers. -1 and errno. */
int question_load(struct questions *);

/* Then, when it is known which keys have a result: one that came with the end of an attempt, of which a crash has kept the
 * log's line, gets it, so that its session is known, nothing asks for it once more, and what comes after it is known to. */
void question_settle(struct questions *);

/* The same for -u: gives a sequence number to those that the log does not tell of, and
 * notes them there if the store is open to write. */
void question_seq_found(struct questions *);

/* What would be asked otherwise: in what TASK differs from what the key ID, which has its result, was
 * asked: "command", "prompt", "input KEY" ... NULL: in nothing, or nobody can know, since the result was
 * put there by hand. It is valid until the next call. */
const char *question_differs(struct questions *, uint32_t id, const struct task *);

/* The key ID is kept, and TASK is what question_differs has just seen of it: notes in the log a result that it
 * does not tell of. */
void question_kept(struct questions *, uint32_t id, const struct task *);

/* The key ID has another result: what was known of its bytes is not. */
void question_forget(struct questions *, uint32_t id);

/* Hands what TASK is asked to ADD, piece by piece: the prompt, then each input below a line with its key. ADD returns
 * whether that is enough. *DIGEST (may be NULL), which begins as task_digest, gets the inputs; *INPUT the key of the
 * latest, NULL: none. Returns 0; QUESTION_UNFINISHED: ADD has had enough; with errno that *INPUT cannot be opened, or read. */
enum { QUESTION_UNFINISHED = 1, QUESTION_NO_INPUT, QUESTION_UNREAD };
int question_text(const struct store *, const struct task *, int (*add)(void *ctx, const char *p, size_t n), void *ctx,
    uint64_t *digest, const char **input);

/* What a step was asked, a file of asked/, read on from the front as what would be asked now is compared. */
struct asked_text {
	int fd;                 /* -1: nothing, and so whatever is compared differs */
	long long at;           /* as far as it is the same */
	int head;               /* what differs is the line before an input */
};

/* For question_text, whose CTX is a struct asked_text: whether what follows there is not the N bytes at P. */
int question_compare(void *ctx, const char *p, size_t n);

/* From here on the key ID is KEY_REDO, or not any more. */
void question_redo(struct questions *, uint32_t id, int redo);

/* Writes what TASK would be asked to FD: the prompt, then the inputs. -1 and errno. */
int question_write(struct questions *, const struct task *, int fd);

/* The entry in `how` of the latest attempt of ID: *TEXT, to be freed, its *N bytes. -1 and errno, ENOENT: it is not known. */
int question_how(struct questions *, uint32_t id, char **text, size_t *n);

void question_free(struct questions *);

#endif

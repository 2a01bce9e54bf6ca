/* The keys of one walk: which have a result, which were made, by whom, in which order.
 *
 * A key is known by its number. Nothing is kept per item but its key here, so that a list of a
 * million items stays small. */
#ifndef ENGINE_TASK_KEYS_H
#define ENGINE_TASK_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "parse/tree.h"

#define KEY_NONE UINT32_MAX

/* The sequence number of what is asked in this walk: later than all that was asked before. */
#define SEQ_NOW UINT32_MAX

enum {
	KEY_KEPT = 1,           /* its result was there when the walk began */
	KEY_ODD = 2,            /* something that is not a plain file has its name in result/ */
	KEY_RESERVED = 4,       /* an item that is known will make it */
	KEY_MADE = 8,           /* this walk has come to it */
	KEY_GIVEN = 16,         /* its result was there before, and one that is ->given sees it until it is made */
	KEY_REDO = 64,          /* its result is to be replaced, as `orch redo` was told */
	KEY_REDONE = 128,       /* its result is a part of the redo that is not complete: what follows it is, too */
	KEY_FALLBACK = 32       /* its result is the word of its `otherwise`, as the log says */
};

/* Whose a result is, as far as the log tells (question.c). */
enum origin {
	ORIGIN_UNTOLD,          /* no line tells of it */
	ORIGIN_ASKED,           /* the step's that was asked */
	ORIGIN_STALE,           /* the same, but the step was begun again since, and this is the one from before */
	ORIGIN_FOUND,           /* nobody's who was asked: it was put there */
	ORIGIN_FOREIGN,         /* the same, and no line tells of it */
	ORIGIN_BEGUN            /* the step was begun, and none was there yet */
};

struct key {
	uint32_t at;            /* its place in the text */
	uint32_t owner;         /* the serial of the visible that has it, 0: none has; while it is reserved and not made: whose
	                           turn reserved it, a number that is not a serial */
	uint32_t next;          /* the key, from 1, that follows it in its chain; 0: none */
	unsigned line : 21;     /* the number of the statement that reserved or made it */
	unsigned flags : 8;
	unsigned origin : 3;    /* enum origin */
};

struct keys {
	char *text;             /* the keys, each with a NUL */
	size_t used, room;
	struct key *list;       /* by number */
	uint64_t *digest;       /* by number: of what it was asked; 0: not known; NULL until one is known */
	uint32_t *seq;          /* when the results came; NULL until one is known; 0: of no matter */
	uint32_t *changed;      /* when they were last another than before; NULL: whenever they came */
	uint32_t n, cap;
	uint32_t *table;        /* numbers from 1, and bits of the hash, by hash; 0: empty */
	size_t size;            /* of the table, a power of two */
	struct key_files *files;        /* NULL: keys_rival does not look */
	struct node *const *lines;      /* the statements by their numbers, the first is 1's */
	int is_redo;            /* a redo is not complete: what follows a result that has come since is asked again */
};

void keys_free(struct keys *);

/* The number of the key S, of N bytes; KEY_NONE if it is not known. */
uint32_t keys_find(const struct keys *, const char *s, size_t n);

/* The same; a key that is not known becomes so. */
uint32_t keys_add(struct keys *, const char *s, size_t n);

/* Room in the table for so many MORE keys. */
void keys_reserve(struct keys *, size_t more);

/* The key's bytes; valid until the next keys_add. */
const char *keys_text(const struct keys *, uint32_t id);

/* The statement that reserved or made the key, which one has. */
const struct node *keys_line(const struct keys *, uint32_t id);

/* The key ID is reserved by the item's turn TAG, for the statement N. */
void keys_reserve_for(struct keys *, uint32_t id, uint32_t tag, const struct node *n);

/* The digest of what the key ID was asked; 0: it is not known. */
void keys_set_digest(struct keys *, uint32_t id, uint64_t digest);
uint64_t keys_digest(const struct keys *, uint32_t id);

/* When the result of the key ID came: the higher, the later. The second is for one that is the same as before. */
void result_set_seq(struct keys *, uint32_t id, uint32_t seq);
void result_set_same(struct keys *, uint32_t id, uint32_t seq);
uint32_t result_seq(const struct keys *, uint32_t id);

/* All results are as old as each other, until the second, which gets what the first has put in SAVED. No key may be added in between. */
struct result_seqs {
	uint32_t *seq, *changed;
};
void result_seqs_level(struct keys *, struct result_seqs *saved);
void result_seqs_restore(struct keys *, struct result_seqs *saved);

/* The highest sequence numbers of the results before a statement. */
struct newest {
	uint32_t seq;           /* of steps that are not pure: what follows one is later than it in any case */
	uint32_t pure;          /* of pure steps, when their results last changed: that concerns who sees the difference, and asks */
};

/* Adds what follows both to the first. */
void newest_join(struct newest *, const struct newest *);

/* Adds what follows the step N, whose result ID is as it was. */
void newest_kept(struct newest *, const struct keys *, uint32_t id, const struct node *n);

/* The step N has its result ID, which came in this walk; IS_SAME: it is what it was before. */
void newest_made(struct newest *, const struct keys *, uint32_t id, const struct node *n, int is_same);

/* The rule of -u, if AGAIN, and of redo. Whether the step N, which has its result ID, is asked again: if it is KEY_REDO; for
 * -u, if it DIFFERS from what it was asked; if something before it, the NEWEST of which is given, came later than it; for redo, if
 * it differs and a pure step before it has changed since; if the step that has FORKED (KEY_NONE: none), whose session it was asked in
 * a copy of, was asked later than it. A worktree is not a question: it is where the others work. Else *NEWEST is
 * what holds after it: a result that was put there by hand makes nothing later than itself. */
int result_is_outdated(const struct keys *, uint32_t id, const struct node *n, int again, const char *differs,
    uint32_t forked, struct newest *newest);

/* From here on keys_rival looks: the file system takes names for one that are not (store/fold.h). Else nothing is kept
 * for that. */
void keys_watch_files(struct keys *);

/* The key that has come to the file of the key ID before it; KEY_NONE: none has, and it is ID's from now on. What is
 * too long for a file's name has none. */
uint32_t keys_rival(struct keys *, uint32_t id);

/* Numbers of keys, in the order they were made. */
struct ids {
	uint32_t *list;
	size_t n, cap;
};

void ids_add(struct ids *, uint32_t id);
void ids_free(struct ids *);

/* The same, by ->next of the keys themselves: one is in one chain at most. */
struct chain {
	uint32_t first, last;   /* from 1; 0: there is none */
};

void chain_add(struct chain *, struct keys *, uint32_t id);

/* Puts all that are in a chain whose first is FIRST after those of C: that is their chain from now on. */
void chain_join(struct chain *c, struct keys *, uint32_t first);

/* What a branch sees: what it has made itself, and what those that it is in had made before. */
struct visible {
	const struct visible *up;
	uint32_t serial;        /* from 1; no two that live at once have the same */
	struct chain made;
	int given;              /* it sees the results that were there before and that its workflow names */
};

/* Gives the key ID to S: it is visible from there, after all that was there. */
void visible_add_key(struct visible *s, struct keys *, uint32_t id);

/* The same with all that are in a chain, which is its own then: FIRST, as in chain_join. */
void visible_join(struct visible *s, struct keys *, uint32_t first);

/* Lets S see the results that were there before and that W names; no pattern finds them. */
void visible_give(struct visible *s, struct keys *, const struct workflow *w);

/* Whether the key ID is visible from S. */
int visible_has(const struct visible *s, const struct keys *, uint32_t id);

#endif

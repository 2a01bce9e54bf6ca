/* The keys of a file, found by how they are written and by what they begin with: what names.c is built on. */
#ifndef PARSE_INDEX_H
#define PARSE_INDEX_H

#include "parse/names.h"

enum { KEY_MOST = 255 };

struct key {
	const struct node *node;
	const struct tmpl *t;           /* of a call: what all its keys begin with, before a /; NULL: a called file's */
	const unsigned short *glob;
	size_t n, fixed;                /* of its elements; of those before the first GLOB_ANY */
	const char *spelling;           /* as it is written, for messages; its bytes if it is literal */
	int literal;
	const struct node *made;        /* the statement that makes it, in a called file: in that; NULL: not known */
	const struct node *lacks;       /* the statement in a called file that may not be reached though the call ends well */
	unsigned next;                  /* the next key of this spelling, from 1; 0: none */
};

/* The keys that the N elements at G may meet, one after another. */
struct candidates {
	const unsigned short *g;
	size_t n, fixed;        /* as of a key */
	size_t m;               /* those that begin with so many of these, and no more, are given; fixed: or with more */
	size_t i;               /* the next one */
};

/* Memory until the name that is looked for was found; freed by names_check and the like. */
struct arena *index_scratch(const struct names *);

/* Makes room for the key of N, all zero but for its node: the caller fills it in, then index_link counts it in, in front of
 * those that are spelled like it. The pointer holds until the next. */
struct key *index_add(struct names *, const struct node *n);
void index_link(struct names *);

/* When all are there: sorts them for index_start. */
void index_sort(struct names *);

/* The number, from 1, of the latest key that is SPELLED so, 0: none; its ->next is the one before. */
unsigned *index_slot(const struct names *, const char *spelling);

/* The first of those that are spelled as KEY is. */
const struct key *index_first(const struct names *, const struct key *key);

/* Whether some letters of the key are its own: one made of {{file}} alone could be any name. */
int index_own_letters(const struct key *);

/* Begins with the keys that the N elements at G (glob.h) may meet, G as long as they are looked for; the next, NULL after
 * the last. */
void index_start(const struct names *, struct candidates *, const unsigned short *g, size_t n);
const struct key *index_next(const struct names *, struct candidates *);

/* The block around N whose passes or branches each make N's key again; NULL: none. */
const struct node *index_loop(const struct node *n);

/* The parameter NAME, of N bytes, wherever it is; the block around AT that has it as a variable. NULL: none. */
const struct param *index_param(const struct names *, const char *name, size_t n);
const struct node *index_block(const struct node *at, const char *name, size_t n);

/* Whether AT may see the key as PLAIN, which is not a pattern. Written just like the key, with the same
 * variables, it means what this very pass makes, never an earlier one. */
int index_sees(const struct node *at, const struct key *, const struct tmpl *plain);

/* How many keys were looked at so far, by all checks: tests see by it that a check is linear. */
extern unsigned long index_looked;

#endif

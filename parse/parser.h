/* What reads a workflow's lines has in common: parse.c statements, blocks.c blocks over items, attributes.c
 * attributes, phrase.c words. */
#ifndef PARSE_PARSER_H
#define PARSE_PARSER_H

#include "parse/lex.h"
#include "parse/tree.h"

/* Where an attribute line goes. */
enum attr_level { ATTR_NOWHERE, ATTR_FILE, ATTR_STEP, ATTR_RUN, ATTR_GIT };

struct parser {
	struct lex lex;
	struct workflow *w;
	struct diags *diags;
	struct node *open;              /* the innermost block that has no end yet */
	struct node **tail;             /* where the next statement is linked */
	struct param **params;
	struct agent **agents;
	struct step **steps;
	int depth;
	int unread;                     /* blocks that could not be read as such: their `end` is not an error */
	enum attr_level level;
	struct attrs *attrs;            /* of the level; NULL: nowhere */
	struct text *text;              /* what a line that begins with | adds to; NULL: nothing */
	int after_blank;                /* a blank line ended the text or the attributes above */
	struct pos pos;                 /* of the keyword of this line */
	const char *word;               /* the keyword */
	struct buf words, names;        /* struct words of the line that is being collected */
	const char *start;              /* the line from its keyword on */
	struct text no_text;            /* what belongs to a statement that could not be read */
	struct attrs no_attrs;
};

enum { TAKES_NAMES = 1, TAKES_TEXT = 2, TAKES_KEYS = 4 };     /* KEYS: its words are names of results */

/* A collected line. */
struct phrase {
	struct words words, names;
	int has_names;
	struct text text;
};

/* Adds a word to a list. */
void phrase_words_add(struct words *l, const struct word *w, struct arena *mem);

/* Adds a line to a text. */
void phrase_text_add(struct text *t, struct line line, struct arena *mem);

/* The line could not be read, which was said: what it would have made is not missed, and what
 * belongs to it, below, is read without a word. */
void phrase_lose(struct parser *p);

/* Collects the rest of the line. Returns -1 when it was wrong, which was said. */
int phrase_collect(struct parser *p, struct phrase *f, int takes);

/* Whether W is this keyword. */
int phrase_is(const struct word *w, const char *keyword);

/* The word as it is; NULL when a name is substituted into it, which is said: WHAT must not. */
const char *phrase_literal(struct parser *p, const struct word *w, const char *what);

/* The name of a variable; NULL when it is none, which is said. */
const char *phrase_variable(struct parser *p, const struct word *w);

/* Whether the line has more than MOST words, which is said. */
int phrase_too_many(struct parser *p, const struct words *l, size_t most);

/* Whether it has fewer than LEAST, which is said with its USAGE. */
int phrase_missing(struct parser *p, const struct words *l, size_t least, const char *usage);

/* Adds a statement of this KIND, of the line that is read, to the block that is open. */
struct node *phrase_node(struct parser *, enum node_kind kind);

/* A copy of W that lives as long as the workflow. */
struct word *phrase_keep(struct parser *, const struct word *w);

/* The word after the Ith, which is an option that takes one: a WHAT; NULL, which is said: there is none. */
struct word *phrase_option(struct parser *, const struct words *l, size_t i, const char *what);

/* The first character of the word W, which is unquoted, that a shell would take for a pattern or a command; 0: none. */
int phrase_globs(const struct word *w);

/* Opens the block N: the lines that follow are in it. */
void blocks_open(struct parser *, struct node *n);

/* The line that opens a block could not be read; no text and no attributes belong to it. */
void blocks_lose(struct parser *);

/* Read the rest of a line that begins with `for`, with `parallel`. */
void blocks_for(struct parser *);
void blocks_parallel(struct parser *);

/* The Ith keyword of an attribute; NULL: there are no more. */
const char *attribute_word(size_t i);

/* Reads the line if its first word, the N bytes at S, is an attribute. Returns whether it is. */
int attribute_read(struct parser *, const char *s, size_t n);

#endif

/* Lines and words.
 *
 *     words    WORD... [ < NAME... ] [ | TEXT ]
 *     command  the rest of the line as it is
 *     text     | and the rest of the line
 *
 * Words are split at blanks. '...' is literal; "..." takes \" and \\; either may begin inside a
 * word and closes on its line. \ at the end of a line joins the next one. */
#ifndef PARSE_LEX_H
#define PARSE_LEX_H

#include "parse/tree.h"

enum line_kind { LINE_END, LINE_BLANK, LINE_TEXT, LINE_STATEMENT };

enum lex_kind {
	LEX_WORD,
	LEX_NAMES,              /* an unquoted word that is exactly < */
	LEX_TEXT,               /* an unquoted word that is exactly | */
	LEX_EOL,
	LEX_BAD                 /* said to the diagnostics; the rest of the line is passed over */
};

struct lex {
	const struct source *src;
	const char *p;          /* the next byte of the line that is being read */
	const char *eol;        /* its end, without CR and newline */
	const char *next;       /* the next line; NULL after the last */
	const char *start;      /* the first byte of the line, for columns */
	unsigned line;
	struct arena *mem;
	struct diags *diags;
};

void lex_start(struct lex *, const struct source *, struct arena *, struct diags *);

/* Goes to the next line that is not a comment and says what it is; p is at its first non-blank. */
enum line_kind lex_line(struct lex *);

/* Where p is. */
struct pos lex_pos(const struct lex *);

/* The next word of the line, and of those that a \ joins to it. LEX_WORD fills W; AS_NAME: a * in
 * it makes it a pattern. */
enum lex_kind lex_word(struct lex *, struct word *w, int as_name);

/* The rest of the line after one blank, for texts. */
struct line lex_rest(struct lex *);

/* The rest of the line, and of those that a \ joins to it, as it is, for sh. */
struct command lex_command(struct lex *);

/* Passes over the rest of the line, and of those that a \ joins to it. */
void lex_skip(struct lex *);

#endif

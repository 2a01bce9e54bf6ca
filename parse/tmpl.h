/* Templates: bytes with {{names}} in them, as words and texts have them.
 *
 *     {{name}}            a variable or a result
 *     {{a-{{name}}}}      names nest
 *     {{a-*}}             a pattern: a * written inside a name
 *     \{{                 a literal {{
 */
#ifndef PARSE_TMPL_H
#define PARSE_TMPL_H

#include <stddef.h>

#include "parse/arena.h"
#include "parse/diag.h"

enum part_kind { PART_TEXT, PART_STAR, PART_NAME };

struct part {
	enum part_kind kind;
	const char *s;          /* PART_TEXT: its bytes */
	size_t n;
	struct tmpl *name;      /* PART_NAME: what is between the braces */
	struct pos pos;
};

struct tmpl {
	struct part *parts;
	size_t n;
};

/* Bytes to be read as a template. What is literal is no brace, no star and no backslash. */
struct tmpl_in {
	const char *s;
	size_t n;
	const char *literal;    /* one flag a byte; NULL: none is literal */
	const unsigned *col;    /* one column a byte; NULL: pos.col and what follows */
	struct pos pos;
};

/* Reads IN into T, which lives in the arena. AS_NAME: IN is itself a name, so its stars count.
 * Returns -1 when something was wrong and was said to the diagnostics; T is then what could be read. */
int tmpl_parse(struct tmpl *t, const struct tmpl_in *in, int as_name, struct arena *, struct diags *);

/* Adds TEXT, then the parts of MORE, to T. */
void tmpl_append(struct tmpl *t, const struct tmpl *more, const char *text, struct arena *);

/* Whether T is text alone; then *S and *N are its bytes (in the arena of its parse). */
int tmpl_literal(const struct tmpl *t, const char **s, size_t *n);

/* Whether T has a star of its own. */
int tmpl_pattern(const struct tmpl *t);

/* Whether {{NAME}} is in T, at any depth. */
int tmpl_holds(const struct tmpl *t, const char *name);

/* Where in T the first byte is that C's bytes name; NULL: nowhere. What is between braces is not text. */
const char *tmpl_text_with(const struct tmpl *t, const char *c);

/* Whether A and B are written alike, so that in one place they give the same bytes. */
int tmpl_same(const struct tmpl *a, const struct tmpl *b);

/* T as a pattern for glob.h: a star and a name stand for anything. In the arena; *N its length. */
const unsigned short *tmpl_glob(const struct tmpl *t, size_t *n, struct arena *);

/* Adds T as it is written, for messages. */
void tmpl_show(const struct tmpl *t, struct buf *);

#endif

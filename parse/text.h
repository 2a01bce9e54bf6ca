/* Text as people read it: characters of UTF-8, what of them can be seen, how wide they are. */
#ifndef PARSE_TEXT_H
#define PARSE_TEXT_H

#include <stddef.h>

#include "parse/buf.h"

/* How many bytes of S, of N, are one character of UTF-8 (RFC 3629); 0 if they are none. */
size_t utf8_len(const char *s, size_t n);

/* The same for N > 0, and *C is the character; the byte, if it is none. */
size_t utf8_next(const char *s, size_t n, unsigned long *c);

/* How many of the last of N bytes at S are a character that was begun there and lacks its end; 3 at most. */
size_t utf8_begun(const char *s, size_t n);

/* How many of the first of N bytes at S, cut out of a text, may be the end of a character that was begun before; 3 at most. */
size_t utf8_rest(const char *s, size_t n);

/* How many of the N bytes at S, MOST at most, end with a whole character. */
size_t utf8_cut(const char *s, size_t n, size_t most);

/* Adds the N bytes at S so that they cannot drive a terminal, and nothing in them stays unseen: control characters (C0, C1,
 * those that change direction), characters without a width and what is not UTF-8 as \xNN. A tab stays a tab if TABS, a
 * newline a newline if LINES; if PLAIN, escape sequences (ECMA-48) and carriage returns are left out: for what agents say. */
enum { VISIBLE_TABS = 1, VISIBLE_LINES = 2, VISIBLE_PLAIN = 4 };
void visible_add(struct buf *, const char *s, size_t n, int keep);

/* The same for MOST of the bytes at most; what is cut off leaves `...`. */
void visible_cut(struct buf *, const char *s, size_t n, size_t most, int keep);

/* How many bytes of S, of N, from AT on are the end of an escape sequence, or of a character, that was begun before AT: where a text
 * is cut out of another, of which some bytes before it are known. */
size_t plain_rest(const char *s, size_t n, size_t at);

/* For a message that quotes: writes S to OUT and returns it; what is too long is cut at a character, and ends in `...`. */
enum { TEXT_SHORT = 104 };
const char *text_short(char out[TEXT_SHORT], const char *s);

/* Adds S to B as one word of a shell, made visible. */
void shell_add(struct buf *b, const char *s);

/* The same with text around it: FMT, where each %s is the next string, as shell_add adds it. */
void shell_fmt(struct buf *b, const char *fmt, ...) BUF_FORMAT(2, 3);

/* How many columns of a terminal the N bytes at S take that visible_add has made: a wide character two, a mark that
 * combines with what is before it none. */
size_t text_columns(const char *s, size_t n);

#endif

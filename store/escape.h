/* Fields of a line: control characters and % as %XX, so that no field holds a tab or a newline. */
#ifndef STORE_ESCAPE_H
#define STORE_ESCAPE_H

#include <stddef.h>

/* How many of the N bytes at S, MOST at most, end with a whole character of UTF-8. */
size_t escape_cut(const char *s, size_t n, size_t most);

/* Adds S, MOST bytes of it at most, to the text in the SIZE bytes at OUT. What is cut off leaves `...`. */
void escape_append(char *out, size_t size, const char *s, size_t most);

/* Writes the byte C as it is in a field to OUT; returns how many bytes that are, 3 at most. */
size_t escape_byte(char out[3], char c);

/* The same for the N bytes at S; OUT has room for three times as many. */
size_t escape_add(char *out, const char *s, size_t n);

/* The value of a digit as escapes have them: 0 to 9, A to F; -1: C is none. */
int hex_digit(char c);

/* Takes the escapes of the N bytes at S back, in place; a NUL is put after it. Returns the new length. */
size_t escape_undo(char *s, size_t n);

#endif

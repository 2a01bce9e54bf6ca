/* Names and the patterns that may stand for them. */
#ifndef PARSE_GLOB_H
#define PARSE_GLOB_H

#include <stddef.h>

/* In a pattern: any bytes, perhaps none. No byte of a name has this value. */
enum { GLOB_ANY = 256 };

/* Whether the pattern P of N elements (bytes 0 to 255, or GLOB_ANY) stands for the M bytes at S. */
int glob_match(const unsigned short *p, size_t n, const char *s, size_t m);

/* The pattern S, each star in it any bytes: its *N elements, to be freed. */
unsigned short *glob_of_text(const char *s, size_t *n);

/* Whether some name is matched by both patterns. */
int glob_meet(const unsigned short *a, size_t n, const unsigned short *b, size_t m);

#endif

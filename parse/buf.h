/* A run of bytes that grows. It may hold NULs; buf_str gives it as a C string. */
#ifndef PARSE_BUF_H
#define PARSE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	char *s;                /* NULL while nothing was ever added */
	size_t n, cap;
};

#if defined(__GNUC__)
#define BUF_FORMAT(a, b) __attribute__((format(printf, a, b)))
#else
#define BUF_FORMAT(a, b)
#endif

void buf_add(struct buf *, const void *s, size_t n);
void buf_char(struct buf *, int c);
void buf_text(struct buf *, const char *s);
void buf_fmt(struct buf *, const char *fmt, ...) BUF_FORMAT(2, 3);

/* Room for N more bytes after the end; the caller writes there and adds to ->n. */
char *buf_room(struct buf *, size_t n);

/* The bytes with a NUL after them, which is not counted in ->n. Valid until the next change. */
char *buf_str(struct buf *);

/* Takes the bytes out, NUL-terminated, to be freed by the caller; the buffer is empty after it. */
char *buf_take(struct buf *);

void buf_free(struct buf *);

#endif

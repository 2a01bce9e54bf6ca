/* A run of bytes that grows. */
#include "parse/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"

char *
buf_room(struct buf *b, size_t n)
{
	if (b->cap - b->n < n) {
		size_t cap = b->cap ? b->cap : 32;

		while (cap - b->n < n)
			cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
		b->s = mem_grow(b->s, cap, 1);
		b->cap = cap;
	}
	return b->s + b->n;
}

void
buf_add(struct buf *b, const void *s, size_t n)
{
	if (!n)
		return;
	memcpy(buf_room(b, n), s, n);
	b->n += n;
}

void
buf_char(struct buf *b, int c)
{
	*buf_room(b, 1) = (char)c;
	b->n++;
}

void
buf_text(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	buf_room(b, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(b->s + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

char *
buf_str(struct buf *b)
{
	*buf_room(b, 1) = '\0';
	return b->s;
}

char *
buf_take(struct buf *b)
{
	char *s = buf_str(b);

	memset(b, 0, sizeof *b);
	return s;
}

void
buf_free(struct buf *b)
{
	free(b->s);
	memset(b, 0, sizeof *b);
}

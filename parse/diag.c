/* What is wrong with a workflow, and where. */
#include "parse/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A step's text is read where each run of it stands; what is wrong with it is said once. */
static int
said(const struct diags *d, struct pos pos, const char *text)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (d->list[i].pos.src == pos.src && d->list[i].pos.line == pos.line &&
		    d->list[i].pos.col == pos.col && !strcmp(d->list[i].message, text))
			return 1;
	return 0;
}

static void
add(struct diags *d, struct pos pos, int warning, const char *fmt, va_list ap)
{
	char text[1024];
	struct diag *new;

	vsnprintf(text, sizeof text, fmt, ap);
	if (said(d, pos, text))
		return;
	if (!warning)
		d->errors++;
	if (d->n == DIAG_MOST) {
		d->dropped++;
		return;
	}
	d->list = arena_more(&d->mem, d->list, d->n, sizeof *d->list);
	new = &d->list[d->n++];
	new->pos = pos;
	new->warning = warning;
	new->message = arena_dup(&d->mem, text, strlen(text));
}

void
diag_error(struct diags *d, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, pos, 0, fmt, ap);
	va_end(ap);
}

void
diag_warn(struct diags *d, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, pos, 1, fmt, ap);
	va_end(ap);
}

/* Whether A stands behind B: by file, then line, then column. */
static int
behind(const struct diag *a, const struct diag *b)
{
	int files = strcmp(a->pos.src->name, b->pos.src->name);

	if (files)
		return files > 0;
	if (a->pos.line != b->pos.line)
		return a->pos.line > b->pos.line;
	return a->pos.col > b->pos.col;
}

/* They are few, and of those in one place what was found first must stay first, as qsort would not have it. */
static void
sort(struct diags *d)
{
	size_t i, k;

	for (i = 1; i < d->n; i++) {
		struct diag g = d->list[i];

		for (k = i; k && behind(&d->list[k - 1], &g); k--)
			d->list[k] = d->list[k - 1];
		d->list[k] = g;
	}
}

static const char *
line_start(const struct source *src, unsigned line)
{
	const char *p = src->text, *end = src->text + src->n;

	while (line-- > 1 && p) {
		p = memchr(p, '\n', (size_t)(end - p));
		p = p ? p + 1 : NULL;
	}
	return p;
}

/* The offending line, and below it a caret under the byte; a line too long to read is left out. */
static void
add_line(const struct pos *pos, struct buf *out)
{
	const char *p = line_start(pos->src, pos->line), *end = pos->src->text + pos->src->n, *nl;
	struct buf lead = { 0 };
	size_t n, i;

	if (!p)
		return;
	nl = memchr(p, '\n', (size_t)(end - p));
	n = (size_t)((nl ? nl : end) - p);
	if (n && p[n - 1] == '\r')
		n--;
	if (n > 500 || !pos->col || pos->col > n + 1)
		return;
	buf_text(out, "    ");
	visible_add(out, p, n, VISIBLE_TABS);
	visible_add(&lead, p, pos->col - 1, VISIBLE_TABS);
	buf_text(out, "\n    ");
	for (i = 0; i < lead.n; i++)
		if (((unsigned char)lead.s[i] & 0xc0) != 0x80)
			buf_char(out, lead.s[i] == '\t' ? '\t' : ' ');
	buf_text(out, "^\n");
	buf_free(&lead);
}

void
diag_text(struct diags *d, struct buf *out)
{
	size_t i;

	sort(d);
	for (i = 0; i < d->n; i++) {
		const struct diag *g = &d->list[i];

		visible_add(out, g->pos.src->name, strlen(g->pos.src->name), 0);
		if (g->pos.line)
			buf_fmt(out, ":%u:%u", g->pos.line, g->pos.col);
		buf_text(out, g->warning ? ": warning: " : ": error: ");
		visible_add(out, g->message, strlen(g->message), 0);
		buf_char(out, '\n');
		if (g->pos.line)
			add_line(&g->pos, out);
	}
	if (d->dropped)
		buf_fmt(out, "(%lu more are not shown)\n", (unsigned long)d->dropped);
}

void
diag_free(struct diags *d)
{
	arena_free(&d->mem);
	memset(d, 0, sizeof *d);
}

size_t
utf8_len(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t len, i;

	if (!n)
		return 0;
	if (u[0] < 0x80)
		return 1;
	len = u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 0;
	if (!len || len > n)
		return 0;
	for (i = 1; i < len; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
	    (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
		return 0;
	return len;
}

/* Whether the character of LEN bytes at U must not reach a terminal as it is. */
static int
drives_terminal(const unsigned char *u, size_t len)
{
	if (len == 1)
		return u[0] < 0x20 || u[0] == 0x7f;
	if (len == 2)
		return (u[0] == 0xc2 && u[1] < 0xa0) || (u[0] == 0xd8 && u[1] == 0x9c);  /* C1; a direction */
	if (len == 3 && u[0] == 0xe2 && u[1] == 0x80)
		return u[2] == 0x8e || u[2] == 0x8f || (u[2] >= 0xa8 && u[2] <= 0xae);
	if (len == 3 && u[0] == 0xe2 && u[1] == 0x81)
		return u[2] >= 0xa6 && u[2] <= 0xa9;            /* isolates */
	return 0;
}

void
visible_add(struct buf *b, const char *s, size_t n, int keep)
{
	size_t i = 0, k, len;

	while (i < n) {
		len = utf8_len(s + i, n - i);
		if ((s[i] == '\t' && (keep & VISIBLE_TABS)) || (s[i] == '\n' && (keep & VISIBLE_LINES)) ||
		    (len && !drives_terminal((const unsigned char *)s + i, len))) {
			buf_add(b, s + i, len);
		} else {
			len = len ? len : 1;
			for (k = 0; k < len; k++)
				buf_fmt(b, "\\x%02x", (unsigned)(unsigned char)s[i + k]);
		}
		i += len;
	}
}

void
shell_add(struct buf *b, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/@+,:=-";
	size_t n;

	if (*s && !s[strspn(s, plain)]) {
		buf_text(b, s);
		return;
	}
	buf_char(b, '\'');
	for (; *s; s += n) {
		n = strcspn(s, "'");
		visible_add(b, s, n, 0);
		if (s[n]) {
			buf_text(b, "'\\''");
			n++;
		}
	}
	buf_char(b, '\'');
}

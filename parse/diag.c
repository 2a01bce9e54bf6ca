/* What is wrong with a workflow, and where. */
#include "parse/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "parse/text.h"

/* A step's text is read where each run of it is; what is wrong with it is said once. */
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

	if (vsnprintf(text, sizeof text, fmt, ap) >= (int)sizeof text)
		strcpy(text + utf8_cut(text, sizeof text, sizeof text - 4), "...");
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

/* Whether A is after B: by file, then line, then column. */
static int
is_after(const struct diag *a, const struct diag *b)
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

		for (k = i; k && is_after(&d->list[k - 1], &g); k--)
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

/* The offending line, and below it a caret under the character; a line too long to read is left out. */
static void
add_line(const struct pos *pos, struct buf *out)
{
	const char *p = line_start(pos->src, pos->line), *end = pos->src->text + pos->src->n, *nl;
	struct buf lead = { 0 };
	size_t n, i, len, k;

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
	for (i = 0; i < lead.n; i += len) {
		len = utf8_len(lead.s + i, lead.n - i);
		for (k = text_columns(lead.s + i, len); k; k--)
			buf_char(out, lead.s[i] == '\t' ? '\t' : ' ');
	}
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

/* The items of a for or a parallel block. */
#include "engine/task/items.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"
#include "parse/parse.h"

struct item_part {
	char *word;             /* owned; NULL: a range */
	size_t n;
	long long from, to;
};

static int
range_end(struct results *a, const struct context *at, const struct tmpl *t, long long *v)
{
	struct buf b = { 0 };
	int bad = expand(a, at, t, &b);

	if (!bad) {
		*v = number_parse(buf_str(&b), b.n);
		if (*v < 0) {
			buf_text(&a->error, "invalid range end '");
			buf_add(&a->error, b.s, b.n > 60 ? 60 : b.n);
			buf_text(&a->error, "': use digits");
			bad = -1;
		}
	}
	buf_free(&b);
	return bad;
}

static int
read_part(struct item_part *p, struct results *a, const struct context *at, const struct item *item)
{
	struct buf b = { 0 };

	if (item->kind == ITEM_RANGE)
		return range_end(a, at, &item->from, &p->from) || range_end(a, at, &item->to, &p->to) ? -1 : 0;
	if (expand(a, at, &item->word.t, &b)) {
		buf_free(&b);
		return -1;
	}
	p->n = b.n;
	p->word = buf_take(&b);
	if (memchr(p->word, '\0', p->n)) {
		buf_text(&a->error, "an item with a NUL byte");
		return -1;
	}
	return 0;
}

/* Drops the carriage return at the end of each line. */
static void
drop_returns(struct items *l)
{
	char *from = l->lines, *to = from, *end = from + l->nlines;

	if (!l->nlines || !(from = to = memchr(from, '\r', l->nlines)))
		return;
	for (; from < end; from++)
		if (*from != '\r' || (from + 1 < end && from[1] != '\n'))
			*to++ = *from;
	*to = '\0';
	l->nlines = (size_t)(to - l->lines);
}

/* The name that is the only item, {{NAME}}, though its value has more than one word; NULL: there is no such thing. */
static const struct tmpl *
single_name(const struct items *l, const struct node *node)
{
	const struct word *w = &node->items[0].word;
	const char *s;

	if (node->nitems != 1 || node->inputs.n || node->items[0].kind != ITEM_WORD || w->quoted || w->t.n != 1 ||
	    w->t.parts[0].kind != PART_NAME)
		return NULL;
	s = l->parts[0].word;
	return s[strcspn(s, " \t\n")] ? w->t.parts[0].name : NULL;
}

static void
warn_single(struct items *l, struct results *a, const struct context *at, const struct node *node)
{
	const struct tmpl *name = single_name(l, node);
	struct buf shown = { 0 };
	struct variable v;
	const char *s;
	size_t n;

	if (!name || !tmpl_literal(name, &s, &n) || !scope_find(at->scope, s, n, &v))
		return;         /* of a result that was said by the check */
	tmpl_show(name, &shown);
	buf_fmt(&a->warning, "%s:%u: {{%s}} is one item, though it has blanks or newlines; ", node->pos.src->name, node->pos.line,
	    buf_str(&shown));
	buf_fmt(&a->warning, "for its words: run sh as list | printf '%%s\\n' $%s, then `in < list`; ", s);
	buf_fmt(&a->warning, "or quote it: \"{{%s}}\"", buf_str(&shown));
	buf_free(&shown);
}

static int
check_lines(struct items *l, struct results *a)
{
	const char *nul = l->nlines ? memchr(l->lines, '\0', l->nlines) : NULL, *p;
	size_t line = 1;

	if (!nul)
		return 0;
	for (p = l->lines; p < nul; p++)
		line += *p == '\n';
	buf_fmt(&a->error, "the list has a NUL byte on its line %zu", line);
	return -1;
}

/* Counted here: no one can stop orch while it goes through a range of billions. */
static int
count(struct items *l, struct results *a)
{
	long long n = 0;
	size_t i;

	for (i = 0; i < l->n && n <= ITEMS_MOST; i++)
		if (l->parts[i].word)
			n++;
		else if (l->parts[i].to >= l->parts[i].from)
			n += l->parts[i].to - l->parts[i].from + 1;
	for (i = 0; i < l->nlines && n <= ITEMS_MOST; i++)
		n += l->lines[i] != '\n' && (!i || l->lines[i - 1] == '\n');
	l->count = (size_t)n;
	if (n <= ITEMS_MOST)
		return 0;
	buf_fmt(&a->error, "a block has at most %d items", (int)ITEMS_MOST);
	return -1;
}

/* Each line becomes a string, or each of its fields. */
static void
end_lines(struct items *l)
{
	size_t i;

	for (i = 0; i < l->nlines; i++)
		if (l->lines[i] == '\n' || (l->fields > 1 && l->lines[i] == '\t'))
			l->lines[i] = '\0';
}

/* Lines that are rows: the empty ones are dropped, the others have as many fields as there are variables. */
static int
check_rows(struct items *l, struct results *a, const struct node *node)
{
	char *from = l->lines, *to = from, *end = from + l->nlines, *nl;
	size_t line = 0, n, k;

	if (!node->vars || !l->nlines)
		return 0;
	l->fields = node->nvars;
	for (; from < end; from = nl + 1) {
		nl = memchr(from, '\n', (size_t)(end - from));
		nl = nl ? nl : end;
		line++;
		if (nl == from)
			continue;
		for (n = 1, k = 0; k < (size_t)(nl - from); k++)
			n += from[k] == '\t';
		if (n != node->nvars) {
			buf_fmt(&a->error, "line %zu of the list has %zu field%s, split at tabs, and not %zu (%s,%s...): ", line, n, n > 1 ? "s" : "",
			    node->nvars, node->vars[0], node->vars[1]);
			buf_add(&a->error, from, nl - from > 60 ? 60 : (size_t)(nl - from));
			return -1;
		}
		memmove(to, from, (size_t)(nl - from));
		to += nl - from;
		*to++ = '\n';
	}
	l->nlines = (size_t)(to - l->lines);
	return 0;
}

int
items_read(struct items *l, struct results *a, const struct context *at, const struct node *node, char *lines, size_t n)
{
	size_t i;

	a->error.n = 0;
	memset(l, 0, sizeof *l);
	l->lines = lines;
	l->nlines = n;
	l->n = node->nitems;
	l->parts = mem_zero(node->nitems, sizeof *l->parts);
	for (i = 0; i < node->nitems; i++)
		if (read_part(&l->parts[i], a, at, &node->items[i]))
			return -1;
	l->fields = 1;
	drop_returns(l);
	if (check_lines(l, a) || check_rows(l, a, node) || count(l, a))
		return -1;
	end_lines(l);
	if (node->nitems)
		warn_single(l, a, at, node);
	return 0;
}

static int
next_line(struct items *l, const char **s, size_t *n)
{
	size_t at = (size_t)l->done, end, field;

	while (l->fields == 1 && at < l->nlines && !l->lines[at])
		at++;
	if (at >= l->nlines)
		return 0;
	for (end = at, field = 0; field < l->fields; field++)
		end += strlen(l->lines + end) + 1;
	*s = l->lines + at;
	*n = end - at - 1;
	l->done = (long long)end;
	return 1;
}

/* V at the end of NUMBER: where it begins. */
static const char *
write_number(char number[ITEM_NUMBER], unsigned long long v)
{
	char *s = number + ITEM_NUMBER - 1;

	*s = '\0';
	do {
		*--s = (char)('0' + v % 10);
	} while (v /= 10);
	return s;
}

int
items_next(struct items *l, char number[ITEM_NUMBER], const char **s, size_t *n)
{
	for (; l->at < l->n; l->at++, l->done = 0) {
		const struct item_part *p = &l->parts[l->at];

		if (p->word && !l->done) {
			l->done = 1;
			*s = p->word;
			*n = p->n;
			return 1;
		}
		if (!p->word && l->done <= p->to - p->from) {
			*s = write_number(number, (unsigned long long)(p->from + l->done++));
			*n = (size_t)(number + ITEM_NUMBER - 1 - *s);
			return 1;
		}
	}
	return next_line(l, s, n);
}

void
items_rewind(struct items *l)
{
	l->at = 0;
	l->done = 0;
}

void
items_free(struct items *l)
{
	size_t i;

	for (i = 0; i < l->n && l->parts; i++)
		free(l->parts[i].word);
	free(l->parts);
	free(l->lines);
	memset(l, 0, sizeof *l);
}

int
inputs_keys(struct results *a, const struct context *at, const struct node *node, struct ids *ids)
{
	const char *s;
	size_t i, n;

	for (i = 0; i < node->inputs.n; i++) {
		const struct tmpl *t = &node->inputs.list[i].t;

		if (tmpl_literal(t, &s, &n) && n == 1 && *s == '-')
			ids_add(ids, keys_add(a->keys, "-", 1));
		else if (expand_keys(a, at, t, ids))
			return -1;
	}
	return 0;
}

int
inputs_read(struct results *a, const struct context *at, const struct node *node, char **s, size_t *n)
{
	struct buf all = { 0 };
	struct ids ids = { 0 };
	size_t i, len;
	char *p;
	int bad;

	a->error.n = 0;
	bad = inputs_keys(a, at, node, &ids);
	for (i = 0; i < ids.n && !bad; i++) {
		const char *key = keys_text(a->keys, ids.list[i]);

		bad = a->read(a->ctx, key, &p, &len);
		if (bad) {
			buf_fmt(&a->error, "cannot read the result `%s`: %s", key, strerror(errno));
			break;
		}
		if (all.n && all.s[all.n - 1] != '\n')
			buf_char(&all, '\n');
		buf_add(&all, p, len);
		free(p);
	}
	ids_free(&ids);
	*n = all.n;
	*s = buf_take(&all);
	if (bad) {
		free(*s);
		*s = NULL;
	}
	return bad;
}

/* Templates become bytes. */
#include "engine/task/expand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse/glob.h"
#include "parse/mem.h"

void
scope_set(struct scope *s, const struct scope *up, const struct node *block, const char *item, size_t n)
{
	s->up = up;
	s->name = block->var;
	s->value = item;
	s->row = block->vars ? block : NULL;
	s->n = s->row ? strlen(item) : n;
}

void
scope_start(struct variable *v, const struct scope *s)
{
	memset(v, 0, sizeof *v);
	v->up = s;
}

int
scope_next(struct variable *v)
{
	if (v->row && v->i < v->row->nvars) {
		v->name = v->row->vars[v->i++];
		v->value += v->n + 1;
		v->n = strlen(v->value);
		return 1;
	}
	if (!v->up)
		return 0;
	v->name = v->up->name;
	v->value = v->up->value;
	v->n = v->up->n;
	v->row = v->up->row;
	v->i = 1;
	v->up = v->up->up;
	return 1;
}

int
scope_find(const struct scope *s, const char *name, size_t n, struct variable *v)
{
	scope_start(v, s);
	while (scope_next(v))
		if (strlen(v->name) == n && !memcmp(v->name, name, n))
			return 1;
	return 0;
}

void
context_dir(const struct context *at, const char *dir, struct buf *out)
{
	if (*dir != '/')
		buf_fmt(out, "%s/", strcmp(at->dir, "/") ? at->dir : "");
	buf_text(out, dir);
}

char *
results_path(struct results *a, const char *key)
{
	char *path;
	size_t n;

	if (a->read(a->ctx, key, &path, &n))
		return NULL;
	path[without_newlines(path, n)] = '\0';
	return path;
}

size_t
without_newlines(const char *s, size_t n)
{
	while (n && s[n - 1] == '\n')
		n--;
	return n;
}

static int
add_result(struct results *a, uint32_t id, struct buf *out)
{
	char *p;
	size_t n;

	if (a->read(a->ctx, keys_text(a->keys, id), &p, &n)) {
		buf_fmt(&a->error, "cannot read the result `%s`: %s", keys_text(a->keys, id), strerror(errno));
		return -1;
	}
	buf_add(out, p, without_newlines(p, n));
	free(p);
	return 0;
}

/* A name as a pattern for glob.h, its own names put in. */
static int
make_glob(struct results *a, const struct context *at, const struct tmpl *t, struct buf *glob)
{
	struct buf text = { 0 };
	size_t i, k;
	int bad = 0;

	for (i = 0; i < t->n && !bad; i++) {
		struct tmpl one = { &t->parts[i], 1 };
		unsigned short c = GLOB_ANY;

		if (t->parts[i].kind == PART_STAR) {
			buf_add(glob, &c, sizeof c);
			continue;
		}
		text.n = 0;
		bad = expand(a, at, &one, &text);
		for (k = 0; k < text.n; k++) {
			c = (unsigned char)text.s[k];
			buf_add(glob, &c, sizeof c);
		}
	}
	buf_free(&text);
	return bad;
}

/* All that is seen in a called file is its own, so every key there begins with its prefix. */
static void
add_matches(const struct keys *k, const struct visible *s, size_t prefix, const unsigned short *glob, size_t n, struct ids *ids)
{
	uint32_t i;

	if (s->up)
		add_matches(k, s->up, prefix, glob, n, ids);
	for (i = s->made.first; i; i = k->list[i - 1].next) {
		const char *text = keys_text(k, i - 1) + prefix;

		if (glob_match(glob, n, text, strlen(text)))
			ids_add(ids, i - 1);
	}
}

static int
pattern_keys(struct results *a, const struct context *at, const struct tmpl *t, struct ids *ids)
{
	struct buf glob = { 0 };
	int bad = make_glob(a, at, t, &glob);

	if (!bad && at->visible)
		add_matches(a->keys, at->visible, strlen(at->prefix), (const unsigned short *)(const void *)glob.s, glob.n / sizeof(unsigned short), ids);
	buf_free(&glob);
	return bad;
}

static uint32_t
visible_key(struct results *a, const struct context *at, const char *s, size_t n)
{
	struct buf full = { 0 };
	uint32_t id;

	if (*at->prefix) {
		buf_text(&full, at->prefix);
		buf_add(&full, s, n);
		s = full.s;
		n = full.n;
	}
	id = keys_find(a->keys, s, n);
	buf_free(&full);
	return id != KEY_NONE && visible_has(at->visible, a->keys, id) ? id : KEY_NONE;
}

/* What the name S, of N bytes, stands for: a variable, or else a result. */
static int
add_named(struct results *a, const struct context *at, const char *s, size_t n, struct buf *out)
{
	struct variable v;
	int is_variable = scope_find(at->scope, s, n, &v);
	uint32_t id = visible_key(a, at, s, n);

	if (is_variable && id == KEY_NONE) {
		buf_add(out, v.value, v.n);
		return 0;
	}
	if (!is_variable && id != KEY_NONE)
		return add_result(a, id, out);
	if (is_variable)
		buf_fmt(&a->error, "`%s` is both a variable and a result here", s);
	else
		buf_fmt(&a->error, "no result `%s` here", s);
	return -1;
}

/* What is between braces: a name; or a pattern: all results that match. */
static int
add_name(struct results *a, const struct context *at, const struct tmpl *t, struct buf *out)
{
	struct buf name = { 0 };
	struct ids ids = { 0 };
	const char *s;
	size_t n, i;
	int bad;

	if (tmpl_literal(t, &s, &n))
		return add_named(a, at, s, n, out);
	if (tmpl_pattern(t)) {
		bad = pattern_keys(a, at, t, &ids);
		for (i = 0; i < ids.n && !bad; i++) {
			bad = add_result(a, ids.list[i], out);
			buf_char(out, '\n');
		}
		ids_free(&ids);
		return bad;
	}
	bad = expand(a, at, t, &name);
	if (!bad)
		bad = add_named(a, at, buf_str(&name), name.n, out);
	buf_free(&name);
	return bad;
}

int
expand(struct results *a, const struct context *at, const struct tmpl *t, struct buf *out)
{
	size_t i;

	a->error.n = 0;
	for (i = 0; i < t->n; i++) {
		const struct part *p = &t->parts[i];

		if (p->kind == PART_TEXT)
			buf_add(out, p->s, p->n);
		else if (p->kind == PART_STAR)
			buf_char(out, '*');
		else if (add_name(a, at, p->name, out))
			return -1;
	}
	return 0;
}

int
expand_keys(struct results *a, const struct context *at, const struct tmpl *t, struct ids *ids)
{
	struct buf name = { 0 };
	uint32_t id;

	a->error.n = 0;
	if (tmpl_pattern(t))
		return pattern_keys(a, at, t, ids);
	if (expand(a, at, t, &name)) {
		buf_free(&name);
		return -1;
	}
	buf_str(&name);
	id = visible_key(a, at, name.s, name.n);
	if (id != KEY_NONE)
		ids_add(ids, id);
	else
		buf_fmt(&a->error, "no result `%s` here", name.s);
	buf_free(&name);
	return id == KEY_NONE ? -1 : 0;
}

static void
find_last(const struct keys *k, const struct visible *s, const struct ids *ids, uint32_t *id)
{
	uint32_t i;
	size_t n;

	if (s->up)
		find_last(k, s->up, ids, id);
	for (i = s->made.first; i; i = k->list[i - 1].next)
		for (n = 0; n < ids->n; n++)
			if (ids->list[n] == i - 1)
				*id = i - 1;
}

int
expand_last(struct results *a, const struct context *at, const struct words *names, uint32_t *id)
{
	struct ids all = { 0 }, last = { 0 };
	size_t i;
	int bad = 0;

	*id = KEY_NONE;
	for (i = 0; i < names->n && !bad; i++) {
		all.n = 0;
		bad = expand_keys(a, at, &names->list[i].t, &all);
		if (all.n)
			ids_add(&last, all.list[all.n - 1]);
	}
	if (!bad && at->visible && last.n)
		find_last(a->keys, at->visible, &last, id);
	ids_free(&all);
	ids_free(&last);
	return bad;
}

/* The word of the call that gives the parameter NAME, or NULL. */
static const struct word *
given(const struct node *n, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < n->values.n; i++)
		if (!strncmp(n->values.list[i].raw, name, len) && n->values.list[i].raw[len] == '=')
			return &n->values.list[i];
	return NULL;
}

/* The value of one parameter; INSIDE is where its default is read. */
static int
call_value(struct results *a, const struct context *at, const struct context *inside, const struct node *n,
    const struct param *p, struct buf *v)
{
	const struct word *w = given(n, p->name);
	size_t cut = strlen(p->name) + 1;

	if (w) {
		if (expand(a, at, &w->t, v))
			return -1;
		v->n -= cut;
		memmove(v->s, v->s + cut, v->n);
		return 0;
	}
	if (n->text.there && !strcmp(p->name, "prompt")) {
		if (expand(a, at, &n->prompt, v))
			return -1;
		v->n -= v->n > 0;       /* the newline of the text's last line */
		return 0;
	}
	return p->fallback ? expand(a, inside, &p->fallback->t, v) : 0;
}

const struct scope *
call_scope(struct results *a, const struct context *at, const struct node *n, struct arena *mem, int *bad)
{
	const struct param *p;
	struct context inside = { 0 };

	inside.prefix = "";
	for (p = n->called->params; p; p = p->next) {
		struct scope *s = arena_get(mem, sizeof *s);
		struct buf v = { 0 };

		if (call_value(a, at, &inside, n, p, &v)) {
			v.n = 0;
			if (bad) {
				*bad = 1;
				buf_free(&v);
				break;
			}
		}
		s->up = inside.scope;
		s->name = p->name;
		s->value = arena_dup(mem, v.s, v.n);
		s->n = v.n;
		inside.scope = s;
		buf_free(&v);
	}
	return inside.scope;
}

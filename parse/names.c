/* What a line sees. */
#include "parse/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parse/check.h"
#include "parse/glob.h"
#include "parse/mem.h"
#include "parse/index.h"
#include "parse/lacks.h"
#include "parse/near.h"

int
names_variable(const struct names *ns, const struct node *at, const char *name, size_t n)
{
	const struct param *v = index_param(ns, name, n);

	return (v && v->pos.line < at->pos.line) || index_block(at, name, n);
}

/* Whether a variable of the block N is in T. */
static int
holds_var(const struct tmpl *t, const struct node *n)
{
	const char *var;
	size_t i;

	for (i = 0; (var = node_var(n, i)); i++)
		if (tmpl_holds(t, var))
			return 1;
	return 0;
}

static void
check_key(struct names *ns, const struct node *n, const struct key *key)
{
	const struct node *up;

	if (!key->t->n)
		diag_error(ns->diags, n->key->pos, "an empty key");
	if (key->literal && !strcmp(key->spelling, "-"))
		diag_error(ns->diags, n->key->pos, "the key `-` is reserved for standard input");
	if (key->literal && strlen(key->spelling) > KEY_MOST)
		diag_error(ns->diags, n->key->pos, "key too long: a file name has at most %d bytes", (int)KEY_MOST);
	for (up = n->parent; up; up = up->parent)
		if (up->var && strcmp(up->var, "?") && !holds_var(&n->key->t, up))
			diag_error(ns->diags, n->key->pos, "inside `%s %s%s` of line %u the key must hold {{%s}}%s: as %s-{{%s}}",
			    node_word(up->kind), up->var, up->vars ? ",..." : "", up->pos.line, up->var, up->vars ? " or another of these" : "",
			    n->kind != NODE_CALL ? key->spelling : "NAME", up->var);
	if (key->literal && (index_param(ns, key->spelling, strlen(key->spelling)) ||
	    index_block(n, key->spelling, strlen(key->spelling))))
		diag_error(ns->diags, n->key->pos, "`%s` is a variable and cannot be a key too", key->spelling);
}

/* Whether both keys are surely one in some walk; that is said. */
static int
check_twice(struct names *ns, const struct key *key, const struct key *other)
{
	if (node_exclusive(key->node, other->node))
		return 0;
	if (!key->literal && index_loop(key->node) != index_loop(other->node))
		return 0;
	diag_error(ns->diags, key->node->key->pos, "duplicate key `%s` (first made on line %u): %s",
	    key->spelling, other->node->pos.line, key->node->key_default ? "add 'as NAME'" : "choose another name");
	return 1;
}

/* What a key begins with, and how that is written. */
struct beginning {
	const unsigned short *glob;
	size_t n;
	const char *spelling;
	int literal;
};

static void
begin_with(struct names *ns, struct key *key, const struct beginning *b, const struct tmpl *t, const char *end)
{
	struct buf spelling = { 0 };
	const unsigned short *own;
	unsigned short *g;
	const char *s;
	size_t n, i, len;

	own = tmpl_glob(t, &n, &ns->scratch);
	g = arena_get(&ns->w->mem, (b->n + n + 1) * sizeof *g);
	for (i = 0; i < b->n; i++)
		g[key->n++] = b->glob[i];
	for (i = 0; i < n; i++)
		g[key->n++] = own[i];
	for (; *end; end++)
		g[key->n++] = (unsigned char)*end;
	key->glob = g;
	key->literal = b->literal && tmpl_literal(t, &s, &len);
	buf_text(&spelling, b->spelling);
	tmpl_show(t, &spelling);
	if (key->n > b->n + n)
		buf_char(&spelling, '/');
	key->spelling = arena_dup(&ns->w->mem, spelling.s, spelling.n);
	buf_free(&spelling);
	arena_free(&ns->scratch);
}

static struct beginning
beginning_of(const struct key *key)
{
	struct beginning b;

	b.glob = key->glob;
	b.n = key->n;
	b.spelling = key->spelling;
	b.literal = key->literal;
	return b;
}

/* A called file's key against those that the calling file's own lines make. */
static void
check_own(struct names *ns, const struct key *key)
{
	unsigned i;

	for (i = *index_slot(ns, key->spelling); i; i = ns->keys[i - 1].next)
		if (ns->keys[i - 1].t && check_twice(ns, key, &ns->keys[i - 1]))
			return;
}

/* The keys of a called file, NAME/KEY each, are all there once the call has ended. */
static void
add_called(struct names *ns, const struct node *call, const struct node *n, const struct beginning *b, const struct node *lacks)
{
	const struct node *here;
	struct beginning inner;
	struct key *key;

	for (; n; n = n->next) {
		if (n->key) {
			here = lacks ? lacks : n->lack ? n : NULL;
			key = index_add(ns, call);
			key->made = n;
			key->lacks = here;
			begin_with(ns, key, b, &n->key->t, n->kind == NODE_CALL ? "/" : "");
			inner = beginning_of(key);
			check_own(ns, key);
			index_link(ns);
			if (n->called)
				add_called(ns, call, n->called->body, &inner, here);
		}
		add_called(ns, call, n->body, b, lacks);
		add_called(ns, call, n->other, b, lacks);
	}
}

/* Of a file that could not be read, any key may be meant. */
static void
add_unknown(struct names *ns, const struct node *call, const struct beginning *b)
{
	struct key *key = index_add(ns, call);
	unsigned short *g = arena_get(&ns->w->mem, (b->n + 1) * sizeof *g);

	memcpy(g, b->glob, b->n * sizeof *g);
	g[b->n] = GLOB_ANY;
	key->glob = g;
	key->n = b->n + 1;
	key->spelling = b->spelling;
	index_link(ns);
}

static void
add_key(struct names *ns, const struct node *n)
{
	static const struct beginning nothing = { NULL, 0, "", 1 };
	struct beginning inner;
	struct key *key = index_add(ns, n);
	unsigned i;

	key->t = &n->key->t;
	begin_with(ns, key, &nothing, key->t, n->kind == NODE_CALL ? "/" : "");
	check_key(ns, n, key);
	for (i = *index_slot(ns, key->spelling); i && !check_twice(ns, key, &ns->keys[i - 1]); i = ns->keys[i - 1].next)
		;
	inner = beginning_of(key);
	index_link(ns);
	if (n->called)
		add_called(ns, n, n->called->body, &inner, NULL);
	else if (n->kind == NODE_CALL)
		add_unknown(ns, n, &inner);
}

static void
each_key(struct names *ns, const struct node *n)
{
	for (; n; n = n->next) {
		if (n->key)
			add_key(ns, n);
		each_key(ns, n->body);
		each_key(ns, n->other);
	}
}

void
names_start(struct names *ns, struct workflow *w, struct diags *diags)
{
	const struct check_with *with = ns->with;

	memset(ns, 0, sizeof *ns);
	ns->with = with;
	ns->w = w;
	ns->diags = diags;
	ns->cap = w->nodes + 1;
	ns->keys = mem_grow(NULL, ns->cap, sizeof *ns->keys);
	for (ns->size = 16; ns->size < 2 * (size_t)w->nodes + 2; )
		ns->size *= 2;
	ns->table = mem_zero(ns->size, sizeof *ns->table);
	each_key(ns, w->body);
	index_sort(ns);
	lacks_learn(ns);
}

void
names_free(struct names *ns)
{
	free(ns->keys);
	free(ns->table);
	free(ns->sorted);
	free(ns->open);
}

static const struct key *
find_literal(const struct names *ns, const struct node *at, const char *s, const struct tmpl *t, const struct key **any)
{
	unsigned i = *index_slot(ns, s);
	size_t n = strlen(s), len;
	const unsigned short *g;
	struct candidates c;
	const struct key *key;

	*any = i ? &ns->keys[i - 1] : NULL;
	for (; i; i = ns->keys[i - 1].next, index_looked++)
		if (index_sees(at, &ns->keys[i - 1], t))
			return &ns->keys[i - 1];
	g = tmpl_glob(t, &len, index_scratch(ns));
	index_start(ns, &c, g, len);
	while ((key = index_next(ns, &c))) {
		if (key->literal || !glob_match(key->glob, key->n, s, n))
			continue;
		if (index_sees(at, key, t))
			return key;
		if (!*any && index_own_letters(key))
			*any = key;
	}
	return NULL;
}

const struct node *
names_result(const struct names *ns, const struct node *at, const char *name)
{
	unsigned i;

	for (i = *index_slot(ns, name); i; i = ns->keys[i - 1].next)
		if (ns->keys[i - 1].literal && node_sees(at, ns->keys[i - 1].node))
			return ns->keys[i - 1].node;
	return NULL;
}

/* The key that is written as T is, and that AT sees; most names are such. */
static const struct key *
find_spelled(const struct names *ns, const struct node *at, const struct tmpl *t)
{
	struct buf spelling = { 0 };
	unsigned i;

	tmpl_show(t, &spelling);
	for (i = *index_slot(ns, buf_str(&spelling)); i && !index_sees(at, &ns->keys[i - 1], t); i = ns->keys[i - 1].next)
		;
	buf_free(&spelling);
	return i ? &ns->keys[i - 1] : NULL;
}

static const struct key *
find_meeting(const struct names *ns, const struct node *at, const struct tmpl *t, const struct key **any)
{
	int pattern = tmpl_pattern(t);
	size_t n;
	const unsigned short *g = tmpl_glob(t, &n, index_scratch(ns));
	struct candidates c;
	const struct key *key = find_spelled(ns, at, t);

	*any = NULL;
	if (key)
		return key;
	index_start(ns, &c, g, n);
	while ((key = index_next(ns, &c))) {
		if (!glob_meet(g, n, key->glob, key->n))
			continue;
		if (pattern || index_sees(at, key, t))
			return key;
		if ((!*any || key > *any) && (index_own_letters(key) || (key->t && tmpl_same(t, key->t))))
			*any = key;
	}
	return NULL;
}

/* Whether a name with names in it may turn out to be a variable. */
static int
meets_variable(struct names *ns, const struct node *at, const struct tmpl *t)
{
	size_t n;
	const unsigned short *g = tmpl_glob(t, &n, index_scratch(ns));
	const struct param *v;
	const char *var;
	size_t i;

	for (v = ns->w->params; v; v = v->next)
		if (glob_match(g, n, v->name, strlen(v->name)))
			return 1;
	for (at = at->parent; at; at = at->parent)
		for (i = 0; (var = node_var(at, i)); i++)
			if (glob_match(g, n, var, strlen(var)))
				return 1;
	return 0;
}

static void
say_unseen(struct names *ns, const struct node *at, const char *name, struct pos pos, const struct key *key)
{
	const struct node *made = key->node;

	if (node_exclusive(at, made))
		diag_error(ns->diags, pos, "`%s` is made only in the other arm of this if (line %u)", name, made->pos.line);
	else if (made->order >= at->order)
		diag_error(ns->diags, pos, "`%s` is used before it is made (line %u)", name, made->pos.line);
	else
		diag_error(ns->diags, pos, "`%s` is made in a branch beside this one (line %u), perhaps later: use it after the block's end",
		    name, made->pos.line);
}

/* Whether NAME is a parameter that is below, which is said. */
static int
below(struct names *ns, const char *name, struct pos pos)
{
	const struct param *v = index_param(ns, name, strlen(name));

	if (v)
		diag_error(ns->diags, pos, "the parameter `%s` is used before it is defined (line %u)", name, v->pos.line);
	return v != NULL;
}

static void
say_unknown(struct names *ns, const struct node *at, const char *name, struct pos pos, int input)
{
	const struct param *v;
	const char *var;
	const struct node *up;
	struct near near;
	size_t k;

	if (workflow_lost(ns->w, name, strcspn(name, "/")))
		return;
	if (!input && below(ns, name, pos))
		return;
	near_start(&near, name, strlen(name));
	for (k = 0; k < ns->nkeys && ns->diags->n < DIAG_MOST; k++)
		if (node_sees(at, ns->keys[k].node))
			near_try(&near, ns->keys[k].spelling, strlen(ns->keys[k].spelling));
	for (v = ns->w->params; v && !input; v = v->next)
		near_try(&near, v->name, strlen(v->name));
	for (up = at->parent; up && !input; up = up->parent)
		for (k = 0; (var = node_var(up, k)); k++)
			near_try(&near, var, strlen(var));
	if (input && name[strlen(name) - 1] == ',')
		diag_error(ns->diags, pos, "unknown name `%s`: names are separated by blanks, without commas", name);
	else if (near.best)
		diag_error(ns->diags, pos, "unknown name `%s`; did you mean `%s`?", name, near.best);
	else if (input)
		diag_error(ns->diags, pos, "unknown name `%s`: no line above makes it; a file is read by a step: "
		    "run sh as x | cat %s", name, name);
	else
		diag_error(ns->diags, pos, "unknown name `%s`: neither a variable nor a result of a line above "
		    "(\\{{ is a literal {{)", name);
}

/* Results that were there before: the workflow is told which of them it names. A name that a line of its own
 * makes, or may make, is that line's. */

/* Whether a key that AT sees (NULL: any) and that has letters of its own may be the N bytes at S. */
static int
find_own(const struct names *ns, const struct node *at, const char *s, size_t n)
{
	unsigned short g[KEY_MOST];
	struct candidates c;
	const struct key *key;
	size_t i;

	if (n > KEY_MOST)
		return 0;
	for (i = 0; i < n; i++)
		g[i] = (unsigned char)s[i];
	index_start(ns, &c, g, n);
	while ((key = index_next(ns, &c)))
		if (index_own_letters(key) && (!at || node_sees(at, key->node)) && glob_match(key->glob, key->n, s, n))
			return 1;
	return 0;
}

static int
has_given(const struct names *ns, const char *s, size_t n)
{
	return ns->has_given && ns->with->given(ns->with->ctx, s, n);
}

static void
add_given(struct names *ns, const char *s, size_t n)
{
	struct earlier *g = arena_get(&ns->w->mem, sizeof *g);

	g->name = arena_dup(&ns->w->mem, s, n);
	g->next = ns->w->earlier;
	ns->w->earlier = g;
}

static int
is_own(const struct names *ns, const char *s, size_t n)
{
	return find_own(ns, NULL, s, n);
}

/* All that the name T, with names in it, may stand for; whether there are any. */
static int
give_matching(struct names *ns, const struct tmpl *t)
{
	size_t n, i = 0;
	const unsigned short *g = tmpl_glob(t, &n, index_scratch(ns));
	const char *s;
	int found = 0;

	while (ns->has_given && (s = ns->with->each_given(ns->with->ctx, &i)))
		if (glob_match(g, n, s, strlen(s)) && !is_own(ns, s, strlen(s))) {
			add_given(ns, s, strlen(s));
			found = 1;
		}
	return found;
}

static void
check_name(struct names *ns, const struct node *at, const struct tmpl *t, struct pos pos, int input)
{
	const struct key *any, *found;
	const char *s;
	struct buf b = { 0 };
	size_t n;
	int given;

	if (tmpl_literal(t, &s, &n)) {
		int variable = names_variable(ns, at, s, n);

		found = find_literal(ns, at, s, t, &any);
		if (!found && !any && !variable && has_given(ns, s, n)) {
			add_given(ns, s, n);
			return;
		}
		if (variable && input && !found)
			diag_error(ns->diags, pos, "`%s` is a variable; < takes results: write {{%s}} in the text", s, s);
		else if (!found && !variable && any)
			say_unseen(ns, at, s, pos, any);
		else if (!found && !variable)
			say_unknown(ns, at, s, pos, input);
		else if (found && !variable)
			lacks_check(ns, at, t, s, pos, found);
		return;
	}
	names_check(ns, at, t);
	given = !tmpl_pattern(t) && give_matching(ns, t);
	found = find_meeting(ns, at, t, &any);
	tmpl_show(t, &b);
	if (found && !given && !tmpl_pattern(t))
		lacks_check(ns, at, t, buf_str(&b), pos, found);
	if (found || given || (!input && !tmpl_pattern(t) && meets_variable(ns, at, t))) {
		buf_free(&b);
		return;
	}
	if (any)
		say_unseen(ns, at, buf_str(&b), pos, any);
	else if (!ns->w->lost.n)
		diag_error(ns->diags, pos, "no key of this file can match `%s`", buf_str(&b));
	buf_free(&b);
}

void
names_check(struct names *ns, const struct node *at, const struct tmpl *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->parts[i].kind == PART_NAME) {
			check_name(ns, at, t->parts[i].name, t->parts[i].pos, 0);
			arena_free(&ns->scratch);
		}
}

void
names_check_input(struct names *ns, const struct node *at, const struct word *w)
{
	const char *s;
	size_t n;

	if (tmpl_literal(&w->t, &s, &n) && n == 1 && *s == '-')
		return;
	check_name(ns, at, &w->t, w->pos, 1);
	arena_free(&ns->scratch);
}

void
names_check_fork(struct names *ns, const struct node *at, const struct word *w)
{
	check_name(ns, at, &w->t, w->pos, 1);
	arena_free(&ns->scratch);
}

void
names_each(struct names *ns, const struct node *at, const struct tmpl *t, void (*each)(void *ctx, const struct node *made), void *ctx)
{
	const unsigned short *g;
	struct candidates c;
	const struct key *key;
	int pattern = tmpl_pattern(t);
	size_t n;

	g = tmpl_glob(t, &n, index_scratch(ns));
	index_start(ns, &c, g, n);
	while ((key = index_next(ns, &c)))
		if (glob_meet(g, n, key->glob, key->n) && (pattern ? node_sees(at, key->node) : index_sees(at, key, t)) &&
		    (key->made || key->node->kind != NODE_CALL))
			each(ctx, key->made ? key->made : key->node);
	arena_free(&ns->scratch);
}

/* Whether the N bytes at S, found between braces in a program, name something here: {{.Names}} is
 * docker's, not a key made of {{file}}. */
static int
names_something(struct names *ns, const struct node *at, const char *s, size_t n)
{
	return names_variable(ns, at, s, n) || has_given(ns, s, n) || find_own(ns, at, s, n);
}

/* The }} that closes what is open before S; NULL: none, or none that a key could be long enough for. */
static const char *
closing(const char *s)
{
	const char *p;
	int open = 0;

	for (p = s; *p && p - s <= 2 * KEY_MOST; p++) {
		if (p[0] == '{' && p[1] == '{') {
			open++;
			p++;
		} else if (p[0] == '}' && p[1] == '}') {
			if (!open--)
				return p;
			p++;
		}
	}
	return NULL;
}

void
names_check_literal(struct names *ns, const struct node *at, const struct word *w)
{
	const char *s, *open, *close;
	size_t n;

	if (w->quoted != '\'' || !tmpl_literal(&w->t, &s, &n))
		return;
	for (open = strstr(s, "{{"); open; open = strstr(open + 1, "{{")) {
		close = closing(open + 2);
		if (!close || !names_something(ns, at, open + 2, (size_t)(close - open - 2)))
			continue;
		diag_warn(ns->diags, w->pos, "{{%.*s}} stays as it is in '...'; to insert its value use \"...\"", (int)(close - open - 2), open + 2);
		return;
	}
}

void
names_check_program(struct names *ns, const struct node *at, const char *s, struct pos pos)
{
	const char *open, *close, *p = s;
	int n;

	for (open = strstr(s, "{{"); open; open = strstr(open + 1, "{{")) {
		close = closing(open + 2);
		if (!close || !names_something(ns, at, open + 2, (size_t)(close - open - 2)))
			continue;
		for (; p < open; p++) {
			pos.col = *p == '\n' ? 1 : pos.col + 1;
			pos.line += *p == '\n';
		}
		n = (int)(close - open - 2);
		if (names_variable(ns, at, open + 2, (size_t)n))
			diag_error(ns->diags, pos, "cannot insert {{%.*s}} into shell code: write \"$%.*s\"", n, open + 2, n, open + 2);
		else if (at->kind == NODE_IF)
			diag_error(ns->diags, pos, "cannot insert {{%.*s}} into shell code: use 'if < %.*s | COMMAND' (standard input)",
			    n, open + 2, n, open + 2);
		else
			diag_error(ns->diags, pos, "cannot insert {{%.*s}} into shell code: use '< %.*s' (standard input) or 'env V={{%.*s}}'",
			    n, open + 2, n, open + 2, n, open + 2);
		open = close;
	}
}

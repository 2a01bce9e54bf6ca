/* What a line sees. */
#include "parse/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parse/check.h"
#include "parse/glob.h"
#include "parse/mem.h"
#include "parse/near.h"
#include "parse/ways.h"

enum { KEY_MOST = 255 };

unsigned long names_looked;

struct key {
	const struct node *node;
	const struct tmpl *t;           /* of a call: what all its keys begin with, before a /; NULL: a called file's */
	const unsigned short *glob;
	size_t n, fixed;                /* of its elements; of those before the first GLOB_ANY */
	const char *spelling;           /* as it is written, for messages; its bytes if it is literal */
	int literal;
	const struct node *made;        /* the statement that makes it, in a called file: in that; NULL: not known */
	const struct node *lacks;       /* the statement in a called file that may not be reached though the call ends well */
	unsigned next;                  /* the next key of this spelling, from 1; 0: none */
};

/* Memory until names_check has looked for a name. */
static struct arena *
scratch(const struct names *ns)
{
	return (struct arena *)(uintptr_t)&ns->scratch;
}

static size_t
hash(const char *s)
{
	size_t h = 2166136261u;         /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

static unsigned *
slot(const struct names *ns, const char *spelling)
{
	size_t i = hash(spelling) & (ns->size - 1);

	while (ns->table[i] && strcmp(ns->keys[ns->table[i] - 1].spelling, spelling))
		i = (i + 1) & (ns->size - 1);
	return &ns->table[i];
}

/* The block around N whose passes or branches each make N's key anew; NULL: none. */
static const struct node *
loop_of(const struct node *n)
{
	for (n = n->parent; n; n = n->parent)
		if (n->var)
			return n;
	return NULL;
}

static const struct param *
param_named(const struct names *ns, const char *name, size_t n)
{
	return map_find(&ns->w->params_by_name, name, n);
}

static const struct node *
block_variable(const struct node *at, const char *name, size_t n)
{
	for (at = at->parent; at; at = at->parent)
		if (node_has_var(at, name, n))
			return at;
	return NULL;
}

int
names_variable(const struct names *ns, const struct node *at, const char *name, size_t n)
{
	const struct param *v = param_named(ns, name, n);

	return (v && v->pos.line < at->pos.line) || block_variable(at, name, n);
}

/* Whether a variable of the block N stands in T. */
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
		diag_error(ns->diags, n->key->pos, "the key `-` is standard input's");
	if (key->literal && strlen(key->spelling) > KEY_MOST)
		diag_error(ns->diags, n->key->pos, "a key of more than %d bytes is no file's name", (int)KEY_MOST);
	for (up = n->parent; up; up = up->parent)
		if (up->var && strcmp(up->var, "?") && !holds_var(&n->key->t, up))
			diag_error(ns->diags, n->key->pos, "inside `%s %s%s` of line %u the key must hold {{%s}}%s: as %s-{{%s}}",
			    node_word(up->kind), up->var, up->vars ? ",..." : "", up->pos.line, up->var, up->vars ? " or another of these" : "",
			    n->kind != NODE_CALL ? key->spelling : "NAME", up->var);
	if (key->literal && (param_named(ns, key->spelling, strlen(key->spelling)) ||
	    block_variable(n, key->spelling, strlen(key->spelling))))
		diag_error(ns->diags, n->key->pos, "`%s` is a variable and cannot be a key too", key->spelling);
}

/* Whether some letters of the key are its own: one made of {{file}} alone could be any name. */
static int
own_letters(const struct key *key)
{
	size_t i;

	for (i = 0; i < key->n && key->glob[i] == GLOB_ANY; i++)
		;
	return i < key->n;
}

/* Whether both keys are surely one in some walk; that is said. */
static int
check_twice(struct names *ns, const struct key *key, const struct key *other)
{
	if (node_exclusive(key->node, other->node))
		return 0;
	if (!key->literal && loop_of(key->node) != loop_of(other->node))
		return 0;
	diag_error(ns->diags, key->node->key->pos, "the key `%s` is made on line %u already: give one of them `as` another",
	    key->spelling, other->node->pos.line);
	return 1;
}

static struct key *
new_key(struct names *ns, const struct node *n)
{
	struct key *key;

	if (ns->nkeys == ns->cap) {
		ns->cap = ns->cap ? ns->cap * 2 : 64;
		ns->keys = mem_grow(ns->keys, ns->cap, sizeof *ns->keys);
	}
	key = &ns->keys[ns->nkeys];
	memset(key, 0, sizeof *key);
	key->node = key->made = n;
	return key;
}

static void grow_table(struct names *);

/* Puts the newest key into the table, in front of those that are spelled like it. */
static void
link_key(struct names *ns)
{
	unsigned *first;

	if ((ns->nkeys + 1) * 2 > ns->size)
		grow_table(ns);
	first = slot(ns, ns->keys[ns->nkeys].spelling);
	ns->keys[ns->nkeys].next = *first;
	*first = (unsigned)++ns->nkeys;
}

static void
grow_table(struct names *ns)
{
	size_t n = ns->nkeys;

	free(ns->table);
	ns->size *= 2;
	ns->table = mem_zero(ns->size, sizeof *ns->table);
	for (ns->nkeys = 0; ns->nkeys < n; )
		link_key(ns);
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

	for (i = *slot(ns, key->spelling); i; i = ns->keys[i - 1].next)
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
			key = new_key(ns, call);
			key->made = n;
			key->lacks = here;
			begin_with(ns, key, b, &n->key->t, n->kind == NODE_CALL ? "/" : "");
			inner = beginning_of(key);
			check_own(ns, key);
			link_key(ns);
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
	struct key *key = new_key(ns, call);
	unsigned short *g = arena_get(&ns->w->mem, (b->n + 1) * sizeof *g);

	memcpy(g, b->glob, b->n * sizeof *g);
	g[b->n] = GLOB_ANY;
	key->glob = g;
	key->n = b->n + 1;
	key->spelling = b->spelling;
	link_key(ns);
}

static void
add_key(struct names *ns, const struct node *n)
{
	static const struct beginning nothing = { NULL, 0, "", 1 };
	struct beginning inner;
	struct key *key = new_key(ns, n);
	unsigned i;

	key->t = &n->key->t;
	begin_with(ns, key, &nothing, key->t, n->kind == NODE_CALL ? "/" : "");
	check_key(ns, n, key);
	for (i = *slot(ns, key->spelling); i && !check_twice(ns, key, &ns->keys[i - 1]); i = ns->keys[i - 1].next)
		;
	inner = beginning_of(key);
	link_key(ns);
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

/* Keys by what they begin with. A name can be one of those whose beginning is the beginning of it, or has it as its
 * own. */

static const struct names *sorting;

/* How the beginning of K, up to N of its elements, stands to the N elements at G. */
static int
compare(const struct key *k, const unsigned short *g, size_t n)
{
	size_t i;

	for (i = 0; i < k->fixed && i < n; i++)
		if (k->glob[i] != g[i])
			return k->glob[i] < g[i] ? -1 : 1;
	return i < n ? -1 : 0;
}

static int
by_beginning(const void *va, const void *vb)
{
	unsigned ia = *(const unsigned *)va, ib = *(const unsigned *)vb;
	const struct key *a = &sorting->keys[ia], *b = &sorting->keys[ib];
	int order = compare(a, b->glob, b->fixed);

	if (!order && a->fixed > b->fixed)
		order = 1;
	return order ? order : ia < ib ? -1 : 1;
}

static void
sort_keys(struct names *ns)
{
	size_t k;

	ns->sorted = mem_grow(NULL, ns->nkeys + 1, sizeof *ns->sorted);
	ns->open = mem_grow(NULL, ns->nkeys + 1, sizeof *ns->open);
	for (k = 0; k < ns->nkeys; k++) {
		struct key *key = &ns->keys[k];

		for (key->fixed = 0; key->fixed < key->n && key->glob[key->fixed] != GLOB_ANY; key->fixed++)
			;
		ns->sorted[k] = (unsigned)k;
		if (key->fixed < key->n)
			ns->open[ns->nopen++] = (unsigned)k;
	}
	sorting = ns;
	qsort(ns->sorted, ns->nkeys, sizeof *ns->sorted, by_beginning);
	qsort(ns->open, ns->nopen, sizeof *ns->open, by_beginning);
}

/* The first in LIST, of N, that begins with the M elements at G or stands behind those that do. */
static size_t
lower(const struct names *ns, const unsigned *list, size_t n, const unsigned short *g, size_t m)
{
	size_t from = 0, mid;

	while (from < n) {
		mid = from + (n - from) / 2;
		if (compare(&ns->keys[list[mid]], g, m) < 0)
			from = mid + 1;
		else
			n = mid;
	}
	return from;
}

/* The keys that the N elements at G may meet, one after another. */
struct candidates {
	const unsigned short *g;
	size_t n, fixed;        /* as of a key */
	size_t m;               /* those that begin with so many of these, and no more, are given; fixed: or with more */
	size_t i;               /* the next one */
};

static size_t
begin(const struct names *ns, const struct candidates *c)
{
	return c->m < c->fixed ? lower(ns, ns->open, ns->nopen, c->g, c->m) : lower(ns, ns->sorted, ns->nkeys, c->g, c->m);
}

static void
candidates_start(const struct names *ns, struct candidates *c, const unsigned short *g, size_t n)
{
	c->g = g;
	c->n = n;
	for (c->fixed = 0; c->fixed < n && g[c->fixed] != GLOB_ANY; c->fixed++)
		;
	c->m = 0;
	c->i = begin(ns, c);
}

static const struct key *
candidates_next(const struct names *ns, struct candidates *c)
{
	const struct key *k;

	for (;; names_looked++) {
		int last = c->m == c->fixed;
		size_t n = last ? ns->nkeys : ns->nopen;

		if (c->i < n) {
			k = &ns->keys[last ? ns->sorted[c->i] : ns->open[c->i]];
			/* Without a star of its own, the name is no longer than what it begins with. */
			if (!compare(k, c->g, c->m) && (k->fixed == c->m || (last && c->fixed < c->n))) {
				c->i++;
				names_looked++;
				return k;
			}
		}
		if (last)
			return NULL;
		c->m++;
		c->i = begin(ns, c);
	}
}

static void learn_lacks(struct names *);

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
	sort_keys(ns);
	learn_lacks(ns);
}

void
names_free(struct names *ns)
{
	free(ns->keys);
	free(ns->table);
	free(ns->sorted);
	free(ns->open);
}

/* Whether the passes of LOOP are around AT. */
static int
inside(const struct node *at, const struct node *loop)
{
	while (at && at != loop)
		at = at->parent;
	return at == loop;
}

/* Whether AT may see the key as PLAIN, which is no pattern. Written just like the key, with the same
 * variables, it means what this very pass makes, never an earlier one. */
static int
sees(const struct node *at, const struct key *key, const struct tmpl *plain)
{
	if (key->t && tmpl_same(plain, key->t) && inside(at->parent, loop_of(key->node)))
		return node_above(at, key->node);
	return node_sees(at, key->node);
}

static const struct key *
find_literal(const struct names *ns, const struct node *at, const char *s, const struct tmpl *t, const struct key **any)
{
	unsigned i = *slot(ns, s);
	size_t n = strlen(s), len;
	const unsigned short *g;
	struct candidates c;
	const struct key *key;

	*any = i ? &ns->keys[i - 1] : NULL;
	for (; i; i = ns->keys[i - 1].next, names_looked++)
		if (sees(at, &ns->keys[i - 1], t))
			return &ns->keys[i - 1];
	g = tmpl_glob(t, &len, scratch(ns));
	candidates_start(ns, &c, g, len);
	while ((key = candidates_next(ns, &c))) {
		if (key->literal || !glob_match(key->glob, key->n, s, n))
			continue;
		if (sees(at, key, t))
			return key;
		if (!*any && own_letters(key))
			*any = key;
	}
	return NULL;
}

const struct node *
names_result(const struct names *ns, const struct node *at, const char *name)
{
	unsigned i;

	for (i = *slot(ns, name); i; i = ns->keys[i - 1].next)
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
	for (i = *slot(ns, buf_str(&spelling)); i && !sees(at, &ns->keys[i - 1], t); i = ns->keys[i - 1].next)
		;
	buf_free(&spelling);
	return i ? &ns->keys[i - 1] : NULL;
}

static const struct key *
find_meeting(const struct names *ns, const struct node *at, const struct tmpl *t, const struct key **any)
{
	int pattern = tmpl_pattern(t);
	size_t n;
	const unsigned short *g = tmpl_glob(t, &n, scratch(ns));
	struct candidates c;
	const struct key *key = find_spelled(ns, at, t);

	*any = NULL;
	if (key)
		return key;
	candidates_start(ns, &c, g, n);
	while ((key = candidates_next(ns, &c))) {
		if (!glob_meet(g, n, key->glob, key->n))
			continue;
		if (pattern || sees(at, key, t))
			return key;
		if ((!*any || key > *any) && (own_letters(key) || (key->t && tmpl_same(t, key->t))))
			*any = key;
	}
	return NULL;
}

/* Whether a name with names in it may turn out to be a variable. */
static int
meets_variable(struct names *ns, const struct node *at, const struct tmpl *t)
{
	size_t n;
	const unsigned short *g = tmpl_glob(t, &n, scratch(ns));
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
		diag_error(ns->diags, pos, "`%s` is made on line %u, in the other arm of an `if`", name, made->pos.line);
	else if (made->order >= at->order)
		diag_error(ns->diags, pos, "`%s` is not there yet: it is made on line %u", name, made->pos.line);
	else
		diag_error(ns->diags, pos, "`%s` is made on line %u, in a branch beside this one: it may not be there yet; "
		    "use it behind the block's end", name, made->pos.line);
}

/* Whether NAME is a parameter that stands below, which is said. */
static int
below(struct names *ns, const char *name, struct pos pos)
{
	const struct param *v = param_named(ns, name, strlen(name));

	if (v)
		diag_error(ns->diags, pos, "the parameter `%s` stands on line %u, below its first use", name, v->pos.line);
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
	if (near.best)
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
	candidates_start(ns, &c, g, n);
	while ((key = candidates_next(ns, &c)))
		if (own_letters(key) && (!at || node_sees(at, key->node)) && glob_match(key->glob, key->n, s, n))
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
	const unsigned short *g = tmpl_glob(t, &n, scratch(ns));
	const char *s;
	int found = 0;

	while (ns->has_given && (s = ns->with->each_given(ns->with->ctx, &i)))
		if (glob_match(g, n, s, strlen(s)) && !is_own(ns, s, strlen(s))) {
			add_given(ns, s, strlen(s));
			found = 1;
		}
	return found;
}

/* For ways.h: of one name. */
struct search {
	struct names *ns;
	const struct key *first;        /* of those that are spelled alike */
	const struct node *at;          /* who names it; NULL: nobody */
};

static const struct node *
other_maker(void *ctx, size_t i)
{
	const struct search *s = ctx;
	const struct key *key = s->first;

	while (key && i--)
		key = key->next ? &s->ns->keys[key->next - 1] : NULL;
	return key ? key->node : NULL;
}

static int
is_param(void *ctx, const char *name, size_t n)
{
	const struct search *s = ctx;

	return param_named(s->ns, name, n) != NULL;
}

static const char *
param_value(void *ctx, const char *name, size_t n)
{
	const struct search *s = ctx;
	const struct param *v = param_named(s->ns, name, n);
	const char *value;
	size_t len;

	if (!v || s->ns->w->up)
		return NULL;
	value = s->ns->with && s->ns->with->param ? s->ns->with->param(s->ns->with->ctx, v->name) : NULL;
	return value ? value : v->fallback && tmpl_literal(&v->fallback->t, &value, &len) ? value : NULL;
}

static void
ways_of(struct search *s, struct ways *w)
{
	w->other = other_maker;
	w->param = param_value;
	w->is_param = is_param;
	w->ctx = s;
}

/* What the name T, which AT has, stands for. */
static void
read_meant(struct search *s, const struct tmpl *t, struct buf *b, struct meant *m)
{
	const char *name, *value;
	size_t i, n;

	memset(m, 0, sizeof *m);
	for (i = 0; i < t->n; i++) {
		const struct part *p = &t->parts[i];

		if (p->kind == PART_TEXT) {
			buf_add(b, p->s, p->n);
		} else if (p->kind == PART_NAME && tmpl_literal(p->name, &name, &n) && (value = param_value(s, name, n))) {
			buf_text(b, value);
		} else {
			m->varies = p->kind == PART_NAME && tmpl_literal(p->name, &name, &n) && block_variable(s->at, name, n);
			return;
		}
	}
	m->value = buf_str(b);
	m->n = b->n;
}

/* Whether no key but those that are spelled as KEY is can begin with it. */
static int
is_alone(struct names *ns, const struct key *key)
{
	unsigned short *g = arena_get(scratch(ns), (key->n + 1) * sizeof *g);
	struct candidates c;
	const struct key *other;

	memcpy(g, key->glob, key->n * sizeof *g);
	g[key->n] = GLOB_ANY;
	candidates_start(ns, &c, g, key->n + 1);
	while ((other = candidates_next(ns, &c)))
		if (strcmp(other->spelling, key->spelling) && glob_meet(g, key->n + 1, other->glob, other->n))
			return 0;
	return 1;
}

/* The remedy of another name, where it can be had. */
static void
put_pattern(struct names *ns, const struct key *key, const char *name, struct buf *b)
{
	if (is_alone(ns, key))
		buf_fmt(b, "; or name it `%s*`, which may be nothing", name);
}

static void
say_lack(struct names *ns, struct pos pos, const char *name, const struct key *key, enum lack lack, const struct node *why)
{
	const struct node *made = key->lacks ? key->lacks : key->made;
	struct buf b = { 0 };

	buf_fmt(&b, "`%s` may not be there: ", name);
	if (made->pos.src != pos.src)
		buf_fmt(&b, "in %s, ", made->pos.src->name);
	switch (lack) {
	case LACK_ARM:
		buf_fmt(&b, "line %u makes it, in one arm of the `if` of line %u; make it in the other arm too", made->pos.line, why->pos.line);
		if (!key->lacks)
			buf_fmt(&b, ": %srun sh as %s | :", why->has_else ? "" : "else, ", name);
		break;
	case LACK_BREAK:
		buf_fmt(&b, "line %u makes it, in a pass that the `break` of line %u may skip", made->pos.line, why->breaks->pos.line);
		break;
	case LACK_RANGE:
		buf_fmt(&b, "line %u makes it, in the range of line %u, which may be empty", made->pos.line, why->pos.line);
		break;
	case LACK_ITEM:
		buf_fmt(&b, "line %u makes it, but for no item of line %u", made->pos.line, why->pos.line);
		break;
	case LACK_STOP:
		buf_fmt(&b, "line %u makes it, below the `stop` of line %u", made->pos.line, why->pos.line);
		break;
	case LACK_NONE:
		break;
	}
	if (lack != LACK_ITEM)
		put_pattern(ns, key, name, &b);
	diag_error(ns->diags, pos, "%s", buf_str(&b));
	buf_free(&b);
}

static const struct key *
first_spelled(const struct names *ns, const struct key *key)
{
	return &ns->keys[*slot(ns, key->spelling) - 1];
}

/* The name T of AT means the key FOUND, which some line makes that AT sees: whether it is there on all ways. */
static void
check_ways(struct names *ns, const struct node *at, const struct tmpl *t, const char *name, struct pos pos, const struct key *found)
{
	struct search s;
	struct ways w;
	struct meant meant, of_call;
	struct buf value = { 0 };
	const struct key *key;
	const struct node *why = NULL, *blamed = NULL;
	enum lack lack, first = LACK_NONE;

	s.ns = ns;
	s.first = first_spelled(ns, found);
	s.at = at;
	ways_of(&s, &w);
	read_meant(&s, t, &value, &meant);
	of_call = meant;
	of_call.value = NULL;           /* it is of a key in there, not of the call's own */
	for (key = s.first; key; key = key->next ? &ns->keys[key->next - 1] : NULL) {
		if (!sees(at, key, t))
			continue;
		lack = ways_lack(&w, key->node, at, key->node->kind == NODE_CALL ? &of_call : &meant, &why);
		if (lack == LACK_NONE && key->lacks) {
			lack = (enum lack)key->lacks->lack;
			why = key->lacks->lack_why;
		}
		if (lack == LACK_NONE)
			break;
		if (first == LACK_NONE) {
			first = lack;
			blamed = why;
			found = key;
		}
	}
	if (!key && first != LACK_NONE)
		say_lack(ns, pos, name, found, first, blamed);
	buf_free(&value);
}

/* For the files that call this one: what of it may not be there at its end. */
static void
learn_lacks(struct names *ns)
{
	static const struct meant unknown = { NULL, 0, 0 };
	struct search s;
	struct ways w;
	const struct node *why;
	struct node *n;
	size_t k;

	s.ns = ns;
	s.at = NULL;
	ways_of(&s, &w);
	for (k = 0; k < ns->nkeys; k++) {
		if (!ns->keys[k].t)
			continue;
		n = (struct node *)(uintptr_t)ns->keys[k].node;
		s.first = first_spelled(ns, &ns->keys[k]);
		n->lack = (unsigned char)ways_lack(&w, n, NULL, &unknown, &why);
		if (!n->lack && ns->w->stop && ns->w->stop->order < n->order) {
			n->lack = LACK_STOP;
			why = ns->w->stop;
		}
		n->lack_why = n->lack ? why : NULL;
	}
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
			check_ways(ns, at, t, s, pos, found);
		return;
	}
	names_check(ns, at, t);
	given = !tmpl_pattern(t) && give_matching(ns, t);
	found = find_meeting(ns, at, t, &any);
	tmpl_show(t, &b);
	if (found && !given && !tmpl_pattern(t))
		check_ways(ns, at, t, buf_str(&b), pos, found);
	if (found || given || (!input && !tmpl_pattern(t) && meets_variable(ns, at, t))) {
		buf_free(&b);
		return;
	}
	if (any)
		say_unseen(ns, at, buf_str(&b), pos, any);
	else if (!ns->w->lost.n)
		diag_error(ns->diags, pos, "no key of this file can be `%s`", buf_str(&b));
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
			diag_error(ns->diags, pos, "{{%.*s}} would become a part of the program: write \"$%.*s\"",
			    n, open + 2, n, open + 2);
		else
			diag_error(ns->diags, pos, "{{%.*s}} would become a part of the program: name it behind <, "
			    "which gives it on standard input", n, open + 2);
		open = close;
	}
}

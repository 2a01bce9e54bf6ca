/* Names of results that are not made on all ways: finding them, and saying so. */
#include "parse/lacks.h"

#include <stdint.h>
#include <string.h>

#include "parse/check.h"
#include "parse/glob.h"
#include "parse/ways.h"

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

	return index_param(s->ns, name, n) != NULL;
}

static const char *
param_value(void *ctx, const char *name, size_t n)
{
	const struct search *s = ctx;
	const struct param *v = index_param(s->ns, name, n);
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

/* Whether no key but those that are spelled as KEY is can begin with it. */
static int
is_alone(struct names *ns, const struct key *key)
{
	unsigned short *g = arena_get(index_scratch(ns), (key->n + 1) * sizeof *g);
	struct candidates c;
	const struct key *other;

	memcpy(g, key->glob, key->n * sizeof *g);
	g[key->n] = GLOB_ANY;
	index_start(ns, &c, g, key->n + 1);
	while ((other = index_next(ns, &c)))
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
	const struct node *made = key->lacks ? key->lacks : key->node;
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
	case LACK_LATER:
		buf_fmt(&b, "line %u makes it, in a later pass of the `for` of line %u than its first", made->pos.line, why->pos.line);
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

/* Why the results of KEY, which AT names T, may not be there. */
static enum lack
lack_of(struct ways *w, const struct key *key, const struct node *at, const struct tmpl *t, const struct node **why)
{
	enum lack lack = ways_lack(w, key->node, at, t, why);

	if (lack != LACK_NONE || !key->lacks)
		return lack;
	*why = key->lacks->lack_why;
	return (enum lack)key->lacks->lack;
}

/* Whether a key that is written otherwise may be meant as well, and is there. */
static int
is_another(struct search *s, struct ways *w, const struct tmpl *t, const struct key *found)
{
	size_t n;
	const unsigned short *g = tmpl_glob(t, &n, index_scratch(s->ns));
	struct candidates c;
	const struct node *why;
	const struct key *key;

	index_start(s->ns, &c, g, n);
	while ((key = index_next(s->ns, &c))) {
		if (!strcmp(key->spelling, found->spelling) || !glob_meet(g, n, key->glob, key->n) || !index_sees(s->at, key, t))
			continue;
		s->first = index_first(s->ns, key);
		if (lack_of(w, key, s->at, t, &why) == LACK_NONE)
			return 1;
	}
	return 0;
}

void
lacks_check(struct names *ns, const struct node *at, const struct tmpl *t, const char *name, struct pos pos, const struct key *found)
{
	struct search s;
	struct ways w;
	const struct key *key;
	const struct node *why = NULL, *blamed = NULL;
	enum lack lack, first = LACK_NONE;

	s.ns = ns;
	s.first = index_first(ns, found);
	s.at = at;
	ways_of(&s, &w);
	for (key = s.first; key; key = key->next ? &ns->keys[key->next - 1] : NULL) {
		if (!index_sees(at, key, t))
			continue;
		lack = lack_of(&w, key, at, t, &why);
		if (lack == LACK_NONE)
			break;
		if (first == LACK_NONE) {
			first = lack;
			blamed = why;
			found = key;
		}
	}
	if (!key && first != LACK_NONE && !is_another(&s, &w, t, found))
		say_lack(ns, pos, name, found, first, blamed);
}

void
lacks_learn(struct names *ns)
{
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
		s.first = index_first(ns, &ns->keys[k]);
		n->lack = (unsigned char)ways_lack(&w, n, NULL, NULL, &why);
		if (!n->lack && ns->w->stop && ns->w->stop->order < n->order) {
			n->lack = LACK_STOP;
			why = ns->w->stop;
		}
		n->lack_why = n->lack ? why : NULL;
	}
}

/* A workflow as it is to be run. */
#include "engine/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/sched/reserve.h"
#include "engine/supervise/spawn.h"
#include "parse/agents.h"
#include "parse/check.h"
#include "parse/mem.h"
#include "parse/near.h"
#include "parse/parse.h"
#include "parse/text.h"
#include "store/file.h"

/* A plain file, through links, to its end. NULL, or what went wrong. What else may have come into its place is not waited
 * for: a run is looked at, and resumed, long after it was begun. */
static const char *
read_file(const char *path, struct buf *out)
{
	int fd = file_open_as(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
	struct stat st;
	long got;

	if (fd < 0)
		return strerror(errno);
	if (!fstat(fd, &st) && !S_ISREG(st.st_mode)) {
		file_drop(fd);
		return S_ISDIR(st.st_mode) ? strerror(EISDIR) : "not a regular file";
	}
	while ((got = file_read_some(fd, buf_room(out, 16 * 1024), 16 * 1024)) > 0)
		out->n += (size_t)got;
	file_drop(fd);
	return got < 0 ? strerror(errno) : NULL;
}

static char *
copy(const char *s)
{
	return mem_dup(s, strlen(s));
}

/* The path of the file NAME that W names. */
static void
path_from(const struct flow *f, const struct workflow *w, const char *name, struct buf *path)
{
	const struct load_file *file;

	for (file = f->files; *name != '/' && file; file = file->next)
		if (file->w == w)
			buf_fmt(path, "%s/", strcmp(file->dir, "/") ? file->dir : "");
	buf_text(path, name);
}

/* For check.h: a file that a workflow names. */
static const char *
load(void *ctx, const struct workflow *from, const char *name, struct source *out, struct arena *mem)
{
	struct buf path = { 0 }, text = { 0 };
	const char *error;

	path_from(ctx, from, name, &path);
	error = read_file(buf_str(&path), &text);
	out->name = name;
	out->text = arena_dup(mem, text.s, text.n);
	out->n = text.n;
	buf_free(&path);
	buf_free(&text);
	return error;
}

static char *
directory_of(const char *path, const char *otherwise)
{
	const char *slash = strrchr(path, '/');

	if (!strcmp(path, "-") || !slash)
		return copy(otherwise);
	return mem_dup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Parses a file; TEXT becomes its own. A byte order mark in front is no part of it. */
static struct workflow *
add_file(struct flow *f, const char *path, const char *name, const char *dir, struct buf *text)
{
	struct load_file *file = mem_zero(1, sizeof *file), **last;
	size_t mark = text->n >= 3 && !memcmp(text->s, "\xef\xbb\xbf", 3) ? 3 : 0;

	file->path = copy(path);
	file->name = copy(name);
	file->dir = directory_of(path, dir);
	file->src.n = text->n - mark;
	file->text = buf_take(text);
	file->src.text = file->text + mark;
	file->src.name = file->name;
	file->w = workflow_parse(&file->src, &f->diags);
	for (last = &f->files; *last; last = &(*last)->next)
		;
	*last = file;
	return file->w;
}

/* For check.h: a workflow that another calls, one and the same however it is reached. */
static struct workflow *
call(void *ctx, const struct workflow *from, const char *name, const char **error)
{
	struct flow *f = ctx;
	struct load_file *file;
	struct workflow *w = NULL;
	struct buf path = { 0 }, text = { 0 };
	char *real;

	path_from(f, from, name, &path);
	real = realpath(buf_str(&path), NULL);
	*error = real ? NULL : strerror(errno);
	for (file = f->files; real && file && !w; file = file->next)
		if (!strcmp(file->path, real))
			w = file->w;
	if (real && !w && !(*error = read_file(real, &text)))
		w = add_file(f, real, name, "/", &text);
	free(real);
	buf_free(&path);
	buf_free(&text);
	return w;
}

/* An agent that reports, and here would not: `-a claude=claude` was to undo a stand-in. */
static void
warn_bare(struct flow *f, const struct agent *a)
{
	if (a->words.n == 1 && !strcmp(a->words.list[0].raw, a->name) && agents_built_in(a->name))
		diag_warn(&f->diags, a->pos, "this starts `%s` without its usual arguments; to take a stand-in away: -a %s", a->name, a->name);
}

static void
read_agents(struct flow *f, const struct record *r)
{
	struct agent **tail = &f->agents;
	size_t i;

	for (i = 0; i < r->nagents; i++) {
		struct source *src = arena_get(&f->mem, sizeof *src);
		struct agent *a;

		src->name = "-a";
		src->n = strlen(r->agents[i]);
		src->text = arena_dup(&f->mem, r->agents[i], src->n);
		a = agent_parse(src, &f->mem, &f->diags);
		if (a) {
			warn_bare(f, a);
			*tail = a;
			tail = &a->next;
		}
	}
}

static int
say_diags(struct flow *f, struct buf *error)
{
	int bad = f->diags.errors != 0;

	diag_text(&f->diags, error);
	if (!bad) {             /* what was said is not said again */
		diag_free(&f->diags);
		memset(&f->diags, 0, sizeof f->diags);
	}
	return bad ? 2 : 0;
}

/* For check.h: whether an earlier text of the run has made a result. */
static int
given_before(void *ctx, const char *name, size_t n)
{
	const struct flow *f = ctx;
	uint32_t id = keys_find(f->given, name, n);

	return id != KEY_NONE && (f->given->list[id].flags & KEY_KEPT);
}

static const char *
each_given(void *ctx, size_t *i)
{
	const struct flow *f = ctx;

	for (; *i < f->given->n; ++*i)
		if (f->given->list[*i].flags & KEY_KEPT)
			return keys_text(f->given, (uint32_t)(*i)++);
	return NULL;
}

/* For check.h. */
static const char *
given(const struct record *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->nparams; i++)
		if (!strcmp(r->params[i].name, name))
			return r->params[i].value;
	return NULL;
}

static const char *
given_param(void *ctx, const char *name)
{
	const struct flow *f = ctx;

	return given(f->record, name);
}

extern char **environ;

static int
has_program(void *ctx, const char *name)
{
	const struct flow *f = ctx;

	return !spawn_find(name, environ, f->root, f->root);
}

static int
has_file(void *ctx, const char *name)
{
	const struct flow *f = ctx;
	struct buf path = { 0 };
	struct stat st;
	int has;

	if (*name != '/')
		buf_fmt(&path, "%s/", f->root);
	buf_text(&path, name);
	has = !stat(buf_str(&path), &st);
	buf_free(&path);
	return has;
}

int
load_read(struct flow *f, const struct record *r, const char *name, const struct keys *given, struct buf *error)
{
	struct check_with with = { 0 };
	struct buf text = { 0 };
	const char *wrong = NULL;

	memset(f, 0, sizeof *f);
	if (strcmp(r->workflow, "-") && !r->text)
		wrong = read_file(r->workflow, &text);
	else
		buf_add(&text, r->text, r->ntext);
	if (wrong) {
		buf_free(&text);
		buf_text(error, "orch: cannot read ");
		visible_add(error, r->workflow, strlen(r->workflow), 0);
		buf_fmt(error, ": %s", wrong);
		if (access(r->workflow, F_OK))
			shell_fmt(error, "; if it was moved: ln -s ITS-NEW-PATH %s", r->workflow);
		buf_char(error, '\n');
		return 2;
	}
	f->w = add_file(f, r->workflow, name, r->directory, &text);
	f->name = f->files->name;
	f->given = given;
	f->root = r->directory;
	f->record = r;
	read_agents(f, r);
	with.agents = f->agents;
	with.from_stdin = !strcmp(r->workflow, "-");
	with.load = load;
	with.call = call;
	with.given = given && with.from_stdin ? given_before : NULL;
	with.each_given = each_given;
	with.program = has_program;
	with.param = given_param;
	with.file = has_file;
	with.ctx = f;
	workflow_check(f->w, &with, &f->diags);
	return say_diags(f, error);
}

/* Parameters. */

static void
missing_param(const struct flow *f, const struct param *p, struct buf *error)
{
	buf_fmt(error, "orch: %s:%u: ", f->name, p->pos.line);
	if (!strcmp(p->name, "prompt"))
		buf_fmt(error, "this workflow needs a prompt: orch run %s 'TEXT'\n", f->name);
	else
		buf_fmt(error, "the parameter `%s` is not given: orch run %s %s=VALUE\n", p->name, f->name, p->name);
}

static void
bind(struct flow *f, const char *name, const char *value, size_t n)
{
	struct scope *s = arena_get(&f->mem, sizeof *s);

	s->up = f->scope;
	s->name = name;
	s->value = arena_dup(&f->mem, value, n);
	s->n = n;
	f->scope = s;
}

/* What the parameters alone decide is looked at now, before anything starts. */
struct bound {
	struct flow *f;
	struct results *results;
	const struct context *at;
	struct keys keys;       /* that are known */
};

static long long
positive_parse(const char *s, size_t n)
{
	long long v = number_parse(s, n);

	return v < 1 ? -1 : v;
}

/* Returns the number that T is, -1 where it is none, which FORMAT says of its %s, or not known yet. */
static long long
check_bound(struct bound *b, const struct tmpl *t, struct pos pos, long long (*parse)(const char *, size_t), const char *format)
{
	struct buf v = { 0 };
	char quoted[TEXT_SHORT];
	long long number = -1;

	if (t->n && !expand(b->results, b->at, t, &v) && (number = parse(buf_str(&v), v.n)) < 0)
		diag_error(&b->f->diags, pos, format, text_short(quoted, v.s));
	buf_free(&v);
	return number;
}

static void
check_bound_attrs(struct bound *b, const struct attrs *a)
{
	if (a->timeout)
		check_bound(b, &a->timeout->t, a->timeout->pos, duration_parse, "invalid duration '%s': use 90s, 10m or 2h; 0 is none");
	if (a->retry)
		check_bound(b, &a->retry->t, a->retry->pos, attempts_parse, "invalid number of attempts '%s': use retry N [DELAY]");
	if (a->delay)
		check_bound(b, &a->delay->t, a->delay->pos, duration_parse, "invalid duration '%s': use 5s, 10m or 2h");
}

static void
check_bound_range(struct bound *b, const struct item *item)
{
	long long from = check_bound(b, &item->from, item->word.pos, number_parse, "invalid range end '%s': use digits");
	long long to = check_bound(b, &item->to, item->word.pos, number_parse, "invalid range end '%s': use digits");

	if (from >= 0 && to - from >= ITEMS_MOST)
		diag_error(&b->f->diags, item->word.pos, "a block has at most %d items", (int)ITEMS_MOST);
}

static void
check_bound_key(struct bound *b, const struct node *n)
{
	struct buf key = { 0 }, why = { 0 };
	uint32_t id = KEY_NONE;

	if (key_expand(b->results, b->at, n, &key)) {
		buf_free(&key);
		return;                 /* it holds a block's variable, or a result that is still to come */
	}
	if (key_is_valid(buf_str(&key), key.n, &why))
		diag_error(&b->f->diags, n->key->pos, "%s", buf_str(&why));
	else if ((id = keys_find(&b->keys, key.s, key.n)) == KEY_NONE)
		keys_reserve_for(&b->keys, keys_add(&b->keys, key.s, key.n), 1, n);
	else if (!node_exclusive(keys_line(&b->keys, id), n))
		diag_error(&b->f->diags, n->key->pos, "duplicate key `%s` (first made on line %u): %s",
		    key.s, keys_line(&b->keys, id)->pos.line, n->key_default ? "add 'as NAME'" : "choose another name");
	buf_free(&key);
	buf_free(&why);
}

static void
check_bound_nodes(struct bound *b, const struct node *n)
{
	size_t i;

	for (; n; n = n->next) {
		if (n->key)
			check_bound_key(b, n);
		if (n->max)
			check_bound(b, &n->max->t, n->max->pos, positive_parse, "max must be a positive number, not %s");
		for (i = 0; i < n->nitems; i++)
			if (n->items[i].kind == ITEM_RANGE)
				check_bound_range(b, &n->items[i]);
		check_bound_attrs(b, &n->attrs);
		if (n->step)
			check_bound_attrs(b, &n->step->attrs);
		check_bound_nodes(b, n->body);
		check_bound_nodes(b, n->other);
	}
}

int
load_bind(struct flow *f, const struct record *r, struct buf *error)
{
	struct keys none = { 0 };
	struct results results = { 0 };
	const struct param *p;
	struct context at = { 0 };
	struct bound bound;
	int status = 0;

	results.keys = &none;
	at.prefix = "";
	at.flow = f->w;
	for (p = f->w->params; p; p = p->next) {
		const char *value = given(r, p->name);
		struct buf b = { 0 };

		at.scope = f->scope;
		if (value) {
			buf_text(&b, value);
		} else if (!p->fallback) {
			missing_param(f, p, error);
			status = 2;
		} else if (expand(&results, &at, &p->fallback->t, &b)) {
			buf_fmt(error, "orch: %s:%u: %s\n", f->name, p->pos.line, buf_str(&results.error));
			status = 2;
		}
		bind(f, p->name, b.n ? b.s : "", b.n);
		buf_free(&b);
	}
	at.scope = f->scope;
	bound.f = f;
	bound.results = &results;
	bound.at = &at;
	memset(&bound.keys, 0, sizeof bound.keys);
	bound.keys.lines = f->w->keyed;
	check_bound_attrs(&bound, &f->w->attrs);
	check_bound_nodes(&bound, f->w->body);
	keys_free(&bound.keys);
	buf_free(&results.error);
	return status | (f->diags.errors ? say_diags(f, error) : 0);
}

/* Programs. */

struct finder {
	struct flow *f;
	const struct workflow *w;       /* the file that is looked at */
	char *const *envp;
	const char *root;
	int (*needed)(void *, const struct node *);
	void *ctx;
	int warn;
	size_t missing;
	const char *found;      /* the program that was found last: most steps start the same */
	const char **said;      /* those that were not, and were said */
	size_t nsaid;
};

static int
sets_path(const struct attrs *a)
{
	size_t i;

	for (i = 0; i < a->nenv; i++)
		if (!strncmp(a->env[i].raw, "PATH=", 5))
			return 1;
	return 0;
}

/* Whether that the program S is missing was said already; it is from now on. */
static int
was_said(struct finder *d, const char *s)
{
	size_t i;

	for (i = 0; i < d->nsaid; i++)
		if (!strcmp(d->said[i], s))
			return 1;
	d->said = arena_more(&d->f->diags.mem, d->said, d->nsaid, sizeof *d->said);
	d->said[d->nsaid++] = s;
	return 0;
}

enum { PATH_SHOWN = 60 };       /* bytes: a PATH of more helps nobody in a message */

static void
find_program(struct finder *d, const struct node *n)
{
	const struct word *w = agents_word(n->step, 0, 0);
	const char *s, *path = env_value(d->envp, "PATH");
	struct buf shown = { 0 };
	size_t len;

	if (!w || !tmpl_literal(&w->t, &s, &len) || !len || sets_path(&n->attrs) || sets_path(&n->step->attrs) ||
	    sets_path(&d->w->attrs))
		return;
	if (d->found && !strcmp(d->found, s))
		return;
	if (!spawn_find(s, d->envp, d->root, d->root)) {
		d->found = s;
		return;
	}
	if (d->needed && !d->needed(d->ctx, n))
		return;
	d->missing++;
	if (was_said(d, s))
		return;
	buf_fmt(&shown, "the program `%s` of the agent `%s` ", s, n->step->agent->name);
	if (strchr(s, '/'))
		buf_fmt(&shown, "cannot be started: %s", strerror(errno));
	else
		buf_fmt(&shown, "is not found in PATH%s%s", path && strlen(path) > PATH_SHOWN ? "" : ": ",
		    !path ? "(not set)" : strlen(path) > PATH_SHOWN ? "" : path);
	if (d->warn)
		diag_warn(&d->f->diags, n->pos, "%s", buf_str(&shown));
	else
		diag_error(&d->f->diags, n->pos, "%s", buf_str(&shown));
	buf_free(&shown);
}

static void
find_programs(struct finder *d, const struct node *n)
{
	for (; n; n = n->next) {
		if (n->kind == NODE_RUN)
			find_program(d, n);
		find_programs(d, n->body);
		find_programs(d, n->other);
	}
}

size_t
load_programs(struct flow *f, char *const *envp, const char *root,
    int (*needed)(void *, const struct node *), void *ctx, int warn, struct buf *error)
{
	const struct load_file *file;
	struct finder d;

	d.f = f;
	d.envp = envp;
	d.root = root;
	d.needed = needed;
	d.ctx = ctx;
	d.warn = warn;
	d.missing = 0;
	d.found = NULL;
	d.said = NULL;
	d.nsaid = 0;
	for (file = f->files; file; file = file->next) {
		d.w = file->w;
		find_programs(&d, file->w->body);
	}
	if (d.missing)
		diag_text(&f->diags, error);
	return d.missing;
}

/* Whether the run asks codex: by its name, or by its program. */
static int
is_codex(const struct node *n)
{
	const struct word *w = agents_word(n->step, 0, 0);
	const char *slash = w ? strrchr(w->raw, '/') : NULL;

	return !strcmp(n->step->agent->name, "codex") || (w && !strcmp(slash ? slash + 1 : w->raw, "codex"));
}

/* Codex in N's list; a run that asks a stand-in only if STAND_INS. */
static const struct node *
find_codex(struct flow *f, const struct node *n, int stand_ins, int (*needed)(void *, const struct node *), void *ctx)
{
	const struct agent *a;
	const struct node *found;

	for (; n; n = n->next) {
		if (n->kind == NODE_RUN && is_codex(n) && (!needed || needed(ctx, n))) {
			for (a = f->agents; a && a != n->step->agent; a = a->next)
				;
			if (!a == !stand_ins)
				return n;
		}
		if ((found = find_codex(f, n->body, stand_ins, needed, ctx)) || (found = find_codex(f, n->other, stand_ins, needed, ctx)))
			return found;
	}
	return NULL;
}

int
load_budget(struct flow *f, const struct budget *budget, int (*needed)(void *, const struct node *), void *ctx, struct buf *error)
{
	static const char what[] = "a budget in usd: codex tells no money, only tokens; use ktok or Mtok";
	const struct load_file *file;
	const struct node *n;
	int stand_ins;

	for (stand_ins = 0; budget->nanos && stand_ins < 2; stand_ins++)
		for (file = f->files; file; file = file->next) {
			if (!(n = find_codex(f, file->w->body, stand_ins, needed, ctx)))
				continue;
			if (stand_ins)
				diag_warn(&f->diags, n->pos, "%s", what);
			else
				diag_error(&f->diags, n->pos, "%s", what);
			return say_diags(f, error);
		}
	return 0;
}

static const struct node *
find_interactive(const struct node *n, int (*needed)(void *, const struct node *), void *ctx)
{
	const struct node *found;

	for (; n; n = n->next) {
		if (n->kind == NODE_RUN && (n->attrs.interactive || n->step->attrs.interactive) && (!needed || needed(ctx, n)))
			return n;
		if ((found = find_interactive(n->body, needed, ctx)) || (found = find_interactive(n->other, needed, ctx)))
			return found;
	}
	return NULL;
}

int
load_terminal(struct flow *f, int nobody, int (*needed)(void *, const struct node *), void *ctx, struct buf *error)
{
	const struct load_file *file;
	const struct node *n = NULL;
	int fd = nobody ? -1 : open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	for (file = f->files; file && !n; file = file->next)
		n = find_interactive(file->w->body, needed, ctx);
	if (!n)
		return 0;
	diag_error(&f->diags, n->pos, nobody ? "an interactive step needs somebody at the terminal (-N: nobody is)" :
	    "no terminal: an interactive step needs one");
	return say_diags(f, error);
}

void
load_free(struct flow *f)
{
	while (f->files) {
		struct load_file *file = f->files;

		f->files = file->next;
		workflow_free(file->w);
		free(file->path);
		free(file->text);
		free(file->name);
		free(file->dir);
		free(file);
	}
	diag_free(&f->diags);
	arena_free(&f->mem);
	memset(f, 0, sizeof *f);
}

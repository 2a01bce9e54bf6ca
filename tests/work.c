/* Random workflows, and what they must give. */
#include "tests/work.h"

#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"

enum {
	INSTANCES = 50,
	NAMES = 64,
	TREES = 8,              /* worktrees and commits of one workflow, at most: each takes as long as many runs */
	COMMITS = 14
};

uint32_t
work_dice(uint64_t *seed, uint32_t n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)((*seed >> 20) % n);
}

static char *
copy(const char *s)
{
	return mem_dup(s, strlen(s));
}

/* Making. */

/* A place in the workflow that is being made. */
struct cursor {
	const struct cursor *up;  /* the block around it that has a variable */
	int var;                /* its number */
	int parallels;          /* around it */
	int loop;               /* a `for` is around it, and no parallel block within that */
	int mult;               /* how often it is reached, at most */
	int depth;
	int in_tree;            /* a worktree was entered above */
	int commits;            /* it is this branch's own: `commit` may be here */
	int mixed;              /* items of a block around it are not known here: two may give one place */
};

struct maker {
	struct work *work;
	int left;               /* runs that may still be made */
	char *names[NAMES];     /* keys that have their result here, for certain */
	int nnames;
	char *patterns[NAMES];  /* that some key of the file matches */
	int npatterns;
	char *list;             /* the newest list of items that can be read here; NULL: none */
	int nlist;              /* its items */
	uint64_t dice;          /* for all that is about git: the others are thrown as if there was none */
	int trees, commits;     /* that may still be made */
};

static int
chance(struct maker *m, int percent)
{
	return (int)work_dice(&m->work->seed, 100) < percent;
}

static int
between(struct maker *m, int from, int to)
{
	return from + (int)work_dice(&m->work->seed, (uint32_t)(to - from + 1));
}

static int
git_chance(struct maker *m, int percent)
{
	return (int)work_dice(&m->dice, 100) < percent;
}

static struct work_node *
add(struct work *w, struct work_node ***tail, enum work_kind kind)
{
	struct work_node *n = mem_zero(1, sizeof *n);

	n->kind = kind;
	n->id = ++w->nodes;
	n->filter = n->retries = -1;
	**tail = n;
	*tail = &n->next;
	return n;
}

/* LETTER, the statement's number, and the variables of all blocks around it. */
static char *
make_name(char letter, int id, const struct cursor *s)
{
	const struct cursor *all[WORK_DEEP];
	struct buf b = { 0 };
	int n = 0;

	for (; s; s = s->up)
		if (s->var)
			all[n++] = s;
	buf_fmt(&b, "%c%d", letter, id);
	while (n--)
		buf_fmt(&b, "-{{v%d}}", all[n]->var);
	return buf_take(&b);
}

static void
know(struct maker *m, const char *name)
{
	if (m->nnames < NAMES)
		m->names[m->nnames++] = copy(name);
}

static void
know_pattern(struct maker *m, const struct work_node *n)
{
	struct buf b = { 0 };

	if (m->npatterns == NAMES || !strchr(n->name, '{'))
		return;
	buf_fmt(&b, "k%d-*", n->id);
	m->patterns[m->npatterns++] = buf_take(&b);
}

/* A name that can be read here: a key, or a pattern. NULL: there is none yet. */
static char *
pick_name(struct maker *m, int patterns)
{
	if (m->npatterns && (!m->nnames || chance(m, patterns)))
		return copy(m->patterns[between(m, 0, m->npatterns - 1)]);
	if (m->nnames && chance(m, 5))
		return copy("k*");
	return m->nnames ? copy(m->names[between(m, 0, m->nnames - 1)]) : NULL;
}

static void
add_input(struct maker *m, struct work_node *n, int patterns)
{
	char *name = pick_name(m, patterns);

	if (name && n->ninputs < WORK_INPUTS)
		n->inputs[n->ninputs++] = name;
}

static void
make_failing(struct maker *m, struct work_node *n, const struct cursor *s)
{
	n->way = (enum work_way)between(m, FAILS_EXIT, FAILS_FILTER);
	if (chance(m, 60)) {
		n->fails = between(m, 1, 3);
		n->retries = chance(m, 65) ? n->fails : between(m, 0, 2) - 1;
	} else {
		n->fails = FAILS_ALWAYS;
		n->retries = between(m, 0, 3) - 1;
	}
	if ((n->fails == FAILS_ALWAYS && (!s->parallels || chance(m, 40))) || (n->fails <= n->retries && chance(m, 25)))
		n->otherwise = copy("spare");
	if (n->fails == FAILS_ALWAYS && n->otherwise && chance(m, 5)) {
		n->way = FAILS_TIMEOUT;
		n->retries = -1;
	}
}

static size_t
pick_size(struct maker *m)
{
	return (size_t)(chance(m, 12) ? between(m, 2000, 200000) : chance(m, 10) ? 0 : between(m, 1, 600));
}

static void
make_work(struct maker *m, struct work_node *n)
{
	static const char *const leaves[] = { "child 60000", "child 60000", "holder 60000", "stopped 60000" };

	n->before = chance(m, 70) ? between(m, 0, 30) : 0;
	n->after = chance(m, 30) ? between(m, 0, 10) : 0;
	n->half = chance(m, 50);
	if (chance(m, 10))
		n->leaves = leaves[chance(m, 85) ? between(m, 0, 1) : between(m, 2, 3)];
	n->has_check = chance(m, 8);
	if (!n->list && chance(m, 10))
		n->filter = between(m, 0, 300);
}

/* A run; LIST: its result is a list of items. */
static struct work_node *
make_run(struct maker *m, struct work_node ***tail, const struct cursor *s, char *list)
{
	struct work_node *n = add(m->work, tail, WORK_RUN);

	n->name = make_name('k', n->id, s);
	n->in_tree = s->in_tree;
	n->writes = s->in_tree && git_chance(m, 65);
	n->list = list;
	n->size = pick_size(m);
	n->has_text = chance(m, 40);
	if (chance(m, 60))
		add_input(m, n, 50);
	while (n->ninputs && chance(m, 30) && n->ninputs < WORK_INPUTS)
		add_input(m, n, 20);
	if (n->has_text && chance(m, 40))
		n->quote = pick_name(m, 30);
	make_work(m, n);
	if (chance(m, 18))
		make_failing(m, n, s);
	m->left -= s->mult;
	return n;
}

/* A step that gives a list of items, some lines of it empty, perhaps without a last newline. */
static void
make_list(struct maker *m, struct work_node ***tail, const struct cursor *s)
{
	static const char *const words[] = { "one", "two.c", "t,h", "F_4", "=5", "s:6" };
	struct buf b = { 0 };
	int i, n = between(m, 0, 5);
	struct work_node *run;

	for (i = 0; i < n; i++)
		buf_fmt(&b, "%s%s%s", chance(m, 10) ? "\n" : "", words[i], i < n - 1 || chance(m, 70) ? "\n" : "");
	buf_str(&b);
	run = make_run(m, tail, s, buf_take(&b));
	m->list = run->name;
	m->nlist = n ? n : 1;
	know(m, run->name);
	know_pattern(m, run);
}

/* The items of a block; returns how many there are. */
static int
make_items(struct maker *m, struct work_node *n)
{
	static const char *const words[] = { "a", "b.c", "C", "d=e", "+f", "g_7", "@h", "i,j" };
	int i, count = chance(m, 8) ? 0 : between(m, 1, 5);

	if (m->list && chance(m, 45)) {
		n->inputs[n->ninputs++] = copy(m->list);
		count = chance(m, 60) ? 0 : count / 2;
	}
	if (count && chance(m, 35)) {
		n->from = between(m, 1, 12);
		n->to = n->from + count - 1;
	}
	for (i = 0; i < count && !n->to; i++)
		n->items[n->nitems++] = copy(words[i]);
	if (!count && !n->ninputs) {
		n->from = 3;
		n->to = 2;
	}
	return count + (n->ninputs ? m->nlist : 0);
}

static void make_body(struct maker *m, struct work_node **tail, const struct cursor *s);

/* The lines below are in a worktree of their own. */
static void
make_tree(struct maker *m, struct work_node ***tail, struct cursor *s)
{
	struct work_node *n;

	if (m->trees < s->mult)
		return;
	m->trees -= s->mult;
	n = add(m->work, tail, WORK_TREE);
	n->name = make_name('t', n->id, s);
	n->in_tree = s->in_tree;
	n->has_place = s->mixed || git_chance(m, 30);
	s->in_tree = s->commits = 1;
}

static void
make_commit(struct maker *m, struct work_node ***tail, const struct cursor *s)
{
	struct work_node *n;

	if (!s->commits || m->commits < s->mult)
		return;
	m->commits -= s->mult;
	n = add(m->work, tail, WORK_COMMIT);
	n->name = make_name('m', n->id, s);
	n->in_tree = 1;
}

/* What the names that were made since FIRST are after the block with the variable VAR: with one of its
 * items where that was. */
static void
leave_block(struct maker *m, const struct work_node *n, int first, int sure)
{
	char var[16], *at;
	int i, to = first;
	struct buf b = { 0 };

	buf_fmt(&b, "{{v%d}}", n->id);
	strcpy(var, buf_str(&b));
	for (i = first; i < m->nnames; i++) {
		if (!sure || !n->nitems || !(at = strstr(m->names[i], var)))
			continue;
		b.n = 0;
		buf_add(&b, m->names[i], (size_t)(at - m->names[i]));
		buf_fmt(&b, "%s%s", n->items[between(m, 0, n->nitems - 1)], at + strlen(var));
		m->names[to++] = copy(buf_str(&b));
	}
	m->nnames = to;
	buf_free(&b);
}

static void make_if(struct maker *m, struct work_node ***tail, const struct cursor *up);

static void
make_print(struct maker *m, struct work_node ***tail)
{
	struct work_node *n = add(m->work, tail, WORK_PRINT);

	n->has_text = 1;
	n->quote = chance(m, 80) ? pick_name(m, 40) : NULL;
}

/* What blocks often end with: a parallel one prints, a loop may be left. */
static void
end_body(struct maker *m, struct work_node *n, const struct cursor *s)
{
	struct work_node **tail = &n->body;

	while (*tail)
		tail = &(*tail)->next;
	if (n->kind == WORK_SAME && chance(m, 40))
		make_print(m, &tail);
	if (n->kind == WORK_FOR && s->depth < 5 && chance(m, 50))
		make_if(m, &tail, s);
}

static int
has_break(const struct work_node *n)
{
	for (; n; n = n->next)
		if (n->kind == WORK_BREAK || (n->kind == WORK_IF && (has_break(n->body) || has_break(n->other))))
			return 1;
	return 0;
}

static void
make_block(struct maker *m, struct work_node ***tail, const struct cursor *up, enum work_kind kind)
{
	struct work_node *n;
	struct cursor s = *up;
	char *list;
	int first = m->nnames, count, nlist;

	if (chance(m, 35))
		make_list(m, tail, up);
	first = m->nnames;
	n = add(m->work, tail, kind);
	count = make_items(m, n);
	if (kind == WORK_SAME && chance(m, 65))
		n->max = between(m, 1, 3);
	s.up = up;
	s.var = n->id;
	s.mult *= count ? count : 1;
	s.parallels += kind == WORK_SAME;
	s.loop = kind == WORK_FOR;
	s.depth++;
	s.commits = s.commits && kind == WORK_FOR;
	s.mixed = s.mixed || n->ninputs;
	list = m->list;
	nlist = m->nlist;
	make_body(m, &n->body, &s);
	end_body(m, n, &s);
	m->list = list;
	m->nlist = nlist;
	leave_block(m, n, first, !has_break(n->body));
}

static void
make_diff(struct maker *m, struct work_node ***tail, const struct cursor *s)
{
	struct work_node *n = add(m->work, tail, WORK_DIFF), **inside = &n->body, *run;
	struct cursor in = *s;
	int i;

	in.parallels++;
	if (chance(m, 50))
		n->max = between(m, 1, 3);
	for (i = between(m, 1, 5); i > 0; i--)
		make_run(m, &inside, &in, NULL);
	for (run = n->body; run; run = run->next) {
		know(m, run->name);
		know_pattern(m, run);
	}
}

static void
make_if(struct maker *m, struct work_node ***tail, const struct cursor *up)
{
	struct work_node *n = add(m->work, tail, WORK_IF), **end;
	struct cursor s = *up;
	int first = m->nnames, nlist = m->nlist;
	char *list = m->list;

	s.depth++;
	n->name = make_name('c', n->id, up);
	n->in_tree = up->in_tree;
	if (chance(m, 80))
		add_input(m, n, 30);
	make_body(m, &n->body, &s);
	m->nnames = first;
	m->list = list;
	m->nlist = nlist;
	if (up->loop && chance(m, 60)) {
		for (end = &n->body; *end; end = &(*end)->next)
			;
		add(m->work, &end, WORK_BREAK);
	}
	if (chance(m, 40))
		make_body(m, &n->other, &s);
	m->nnames = first;
	m->list = list;
	m->nlist = nlist;
}

static void
make_statement(struct maker *m, struct work_node ***tail, const struct cursor *s)
{
	struct work_node *n;
	int dice = between(m, 0, 99);

	if (dice < 18 && s->parallels < 3 && s->depth < 5) {
		make_block(m, tail, s, WORK_SAME);
	} else if (dice < 26 && s->parallels < 3) {
		make_diff(m, tail, s);
	} else if (dice < 35 && s->depth < 5) {
		make_block(m, tail, s, WORK_FOR);
	} else if (dice < 44 && s->depth < 5) {
		make_if(m, tail, s);
	} else if (dice < 54) {
		make_print(m, tail);
	} else if (dice < 56 && s->parallels) {
		add(m->work, tail, WORK_FAIL);
	} else if (m->left > 0) {
		n = make_run(m, tail, s, NULL);
		know(m, n->name);
		know_pattern(m, n);
	}
}

/* How likely a worktree of its own is, in percent, at the beginning of such a body. */
static int
wants_tree(const struct cursor *s)
{
	return !s->depth ? 50 : s->parallels && !s->commits ? 70 : 12;
}

/* One statement at least: an empty block is something for other tests. */
static void
make_body(struct maker *m, struct work_node **tail, const struct cursor *up)
{
	int i, n = up->depth ? between(m, 1, 3) : between(m, 3, 8);
	struct cursor s = *up;

	if (m->trees && git_chance(m, wants_tree(up)))
		make_tree(m, &tail, &s);
	for (i = 0; i < n && m->left >= s.mult; i++) {
		make_statement(m, &tail, &s);
		if (s.commits && git_chance(m, 40))
			make_commit(m, &tail, &s);
	}
	if (!*tail && i == 0)
		add(m->work, &tail, WORK_PRINT)->has_text = 1;
	if (s.commits && (!up->commits || git_chance(m, 20)))
		make_commit(m, &tail, &s);
}

/* Writing. */

struct writer {
	struct work *work;
	struct buf body;
	int line;               /* of the body, from 1 */
	int deep;
};

static void
put_list(struct buf *b, const char *s)
{
	for (; *s; s++)
		if (*s == '\n')
			buf_text(b, "\\n");
		else
			buf_char(b, *s);
}

/* The directory of the run, as seen from where the statement works: "" when it is the same. */
static const char *
top_from(const struct work *w, const struct work_node *n)
{
	static struct buf b;

	b.n = 0;
	if (n->in_tree)
		buf_fmt(&b, "%s/", w->top);
	return buf_str(&b);
}

/* The commands of the fake agent by which the first attempts fail: each takes away one file. */
static void
put_stumbles(struct buf *b, const struct work *w, const struct work_node *n, const char *key, const char *how)
{
	int i;

	for (i = 1; i <= n->fails; i++)
		buf_fmt(b, " once %sf/%d-%s %s", top_from(w, n), i, key, how);
	if (n->fails == FAILS_ALWAYS)
		buf_fmt(b, " %s", how);
}

static void
write_step(struct buf *b, const struct work *w, const struct work_node *n)
{
	buf_fmt(b, "step s%d exec agent begin %smarks", n->id, top_from(w, n));
	if (n->writes)
		buf_fmt(b, " file f-%s %s", n->name, n->name);
	if (n->leaves)
		buf_fmt(b, " %s", n->leaves);
	if (n->half)
		buf_text(b, " partial-on-term half");   /* after it: what was left does not do the same */
	if (n->before)
		buf_fmt(b, " sleep %ld", n->before);
	buf_text(b, n->list ? " sayx '" : " answer ");
	if (n->list)
		put_list(b, n->list);
	else
		buf_fmt(b, "%zu", n->size);
	buf_text(b, n->list ? "'" : "");
	if (n->after)
		buf_fmt(b, " sleep %ld", n->after);
	if (n->way == FAILS_TIMEOUT && n->fails)
		buf_text(b, " sleep 60000");
	else if (n->way == FAILS_EXIT || n->way == FAILS_SIGNAL)
		put_stumbles(b, w, n, n->name, n->way == FAILS_EXIT ? "exit 7" : "kill USR1");
	buf_char(b, '\n');
}

static void
write_attributes(struct buf *b, const struct work *w, const struct work_node *n)
{
	if (n->retries >= 0)
		buf_fmt(b, "retry %d 0s\n", n->retries);
	if (n->otherwise)
		buf_fmt(b, "otherwise %s\n", n->otherwise);
	if (n->way == FAILS_TIMEOUT && n->fails)
		buf_text(b, "timeout 1s\n");
	if (n->has_check)
		buf_fmt(b, "check agent begin %smarks length | grep -q .\n", top_from(w, n));
	if (n->way == FAILS_CHECK && n->fails) {
		buf_text(b, "check agent");
		put_stumbles(b, w, n, "\"$ORCH_KEY\"", "exit 1");
		buf_char(b, '\n');
	}
	if (n->filter < 0 && !(n->way == FAILS_FILTER && n->fails))
		return;
	buf_fmt(b, "filter agent begin %smarks", top_from(w, n));
	if (n->way == FAILS_FILTER)
		put_stumbles(b, w, n, "\"$ORCH_KEY\"", "exit 2");
	if (n->filter < 0)
		buf_text(b, " cat\n");
	else
		buf_fmt(b, " answer %ld\n", n->filter);
}

static void
write_steps(struct buf *b, const struct work *w, const struct work_node *n)
{
	for (; n; n = n->next) {
		if (n->kind == WORK_RUN) {
			write_step(b, w, n);
			if (n->id % 2)
				write_attributes(b, w, n);
		}
		write_steps(b, w, n->body);
		write_steps(b, w, n->other);
	}
}

static void
put_line(struct writer *w, const struct buf *line)
{
	int i;

	for (i = 0; i < w->deep; i++)
		buf_char(&w->body, '\t');
	buf_add(&w->body, line->s, line->n);
	buf_char(&w->body, '\n');
	w->line++;
}

static void
put_word(struct writer *w, const char *word)
{
	struct buf b = { 0 };

	buf_text(&b, word);
	put_line(w, &b);
	buf_free(&b);
}

static void
put_inputs(struct buf *b, const struct work_node *n)
{
	int i;

	for (i = 0; i < n->ninputs; i++)
		buf_fmt(b, "%s %s", i ? "" : " <", n->inputs[i]);
}

static void
put_text(struct writer *w, const struct work_node *n)
{
	struct buf b = { 0 };

	if (!n->quote)
		return;
	buf_fmt(&b, "| {{%s}}", n->quote);
	put_line(w, &b);
	buf_free(&b);
}

static void
write_run(struct writer *w, const struct work_node *n)
{
	struct buf b = { 0 };
	char *line, *end;

	buf_fmt(&b, "run s%d as %s", n->id, n->name);
	put_inputs(&b, n);
	if (n->has_text)
		buf_fmt(&b, " | Do %d.", n->id);
	put_line(w, &b);
	put_text(w, n);
	b.n = 0;
	if (!(n->id % 2))
		write_attributes(&b, w->work, n);
	for (line = buf_str(&b); (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		put_word(w, line);
	}
	buf_free(&b);
}

static void
write_block(struct writer *w, const struct work_node *n)
{
	struct buf b = { 0 };
	int i;

	buf_text(&b, n->kind == WORK_FOR ? "for" : "parallel");
	if (n->max)
		buf_fmt(&b, " max %ld", n->max);
	if (n->kind != WORK_DIFF)
		buf_fmt(&b, " v%d in", n->id);
	if (n->from)
		buf_fmt(&b, " %d..%d", n->from, n->to);
	for (i = 0; i < n->nitems; i++)
		buf_fmt(&b, " %s", n->items[i]);
	put_inputs(&b, n);
	put_line(w, &b);
	buf_free(&b);
}

/* `if`, its command's key with the variables as a shell has them. */
static void
write_if(struct writer *w, const struct work_node *n)
{
	struct buf b = { 0 };
	const char *s;

	buf_text(&b, "if");
	put_inputs(&b, n);
	buf_fmt(&b, "%s ORCH_KEY=\"", n->ninputs ? " |" : "");
	for (s = n->name; *s; s++)
		if (!strncmp(s, "{{", 2))
			buf_text(&b, "${"), s++;
		else if (!strncmp(s, "}}", 2))
			buf_text(&b, "}"), s++;
		else
			buf_char(&b, *s);
	buf_fmt(&b, "\" agent begin %smarks coin", top_from(w->work, n));
	put_line(w, &b);
	buf_free(&b);
}

static void write_body(struct writer *w, struct work_node *n);

static void
write_inside(struct writer *w, struct work_node *n)
{
	w->deep++;
	write_body(w, n->body);
	w->deep--;
	if (n->other) {
		put_word(w, "else");
		w->deep++;
		write_body(w, n->other);
		w->deep--;
	}
	put_word(w, "end");
}

static void
write_print(struct writer *w, const struct work_node *n)
{
	struct buf b = { 0 };

	buf_fmt(&b, n->kind == WORK_PRINT ? "print | Do %d." : "fail | No %d.", n->id);
	put_line(w, &b);
	put_text(w, n);
	buf_free(&b);
}

/* The directory that has the repository's, and the places of all worktrees. */
static int
parent_length(const struct work *w)
{
	return (int)(strrchr(w->top, '/') - w->top);
}

static void
write_git(struct writer *w, const struct work_node *n)
{
	struct buf b = { 0 };

	if (n->kind == WORK_COMMIT)
		buf_fmt(&b, "commit as %s | Made %s.", n->name, n->name);
	else
		buf_fmt(&b, "worktree %s enter", n->name);
	if (n->has_place)
		buf_fmt(&b, " at %.*s/trees/%s", parent_length(w->work), w->work->top, n->name);
	put_line(w, &b);
	buf_free(&b);
}

static void
write_body(struct writer *w, struct work_node *n)
{
	for (; n; n = n->next) {
		n->line = w->line;
		if (n->kind == WORK_RUN)
			write_run(w, n);
		else if (n->kind == WORK_IF)
			write_if(w, n);
		else if (n->kind == WORK_BREAK)
			put_word(w, "break");
		else if (n->kind == WORK_PRINT || n->kind == WORK_FAIL)
			write_print(w, n);
		else if (n->kind == WORK_TREE || n->kind == WORK_COMMIT)
			write_git(w, n);
		else
			write_block(w, n);
		if (n->kind == WORK_IF || n->kind == WORK_FOR || n->kind == WORK_SAME || n->kind == WORK_DIFF)
			write_inside(w, n);
	}
}

static void
write_work(struct work *work)
{
	struct writer w = { 0 };
	size_t i;

	write_steps(&work->file, work, work->body);
	w.work = work;
	w.line = 1;
	for (i = 0; i < work->file.n; i++)
		w.line += work->file.s[i] == '\n';
	write_body(&w, work->body);
	buf_add(&work->file, w.body.s, w.body.n);
	buf_str(&work->file);
	buf_free(&w.body);
}

/* The reference. */

struct var {
	const struct var *up;
	int id;
	const char *value;
};

/* The wants whose results are seen, in the workflow's order. */
struct seen {
	int *list, n, cap;
};

struct walker {
	struct work *work;
	int blocks[WORK_DEEP], branches[WORK_DEEP], deep;
	const struct work_node *lead;   /* the first statement of the branch */
	int tree;                       /* where it works; -1: in the main checkout */
};

enum went { WENT_ON, WENT_OUT, WENT_WRONG };

static void
see(struct seen *s, int want)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 16;
		s->list = mem_grow(s->list, (size_t)s->cap, sizeof *s->list);
	}
	s->list[s->n++] = want;
}

static void
see_all(struct seen *s, const struct seen *from, int first)
{
	int i;

	for (i = first; i < from->n; i++)
		see(s, from->list[i]);
}

/* The name, with the values of its variables. */
static char *
read_name(const char *name, const struct var *vars)
{
	struct buf b = { 0 };
	const struct var *v;
	const char *at;

	for (; (at = strstr(name, "{{v")); name = strstr(at, "}}") + 2) {
		buf_add(&b, name, (size_t)(at - name));
		for (v = vars; v && v->id != atoi(at + 3); v = v->up)
			;
		buf_text(&b, v ? v->value : "?");
	}
	buf_text(&b, name);
	return buf_take(&b);
}

int
work_find(const struct work *w, const char *key, size_t n)
{
	int i;

	for (i = 0; i < w->nwants; i++)
		if (strlen(w->wants[i].key) == n && !memcmp(w->wants[i].key, key, n))
			return i;
	return -1;
}

/* Calls EACH for the results that NAME means. */
static void
each_result(const struct walker *w, const char *name, const struct var *vars, const struct seen *s,
    void (*each)(void *, const struct work_want *), void *ctx)
{
	char *key = read_name(name, vars);
	size_t n = strlen(key);
	int i;

	for (i = 0; i < s->n; i++) {
		const struct work_want *want = &w->work->wants[s->list[i]];

		if (key[n - 1] == '*' ? !strncmp(want->key, key, n - 1) : !strcmp(want->key, key))
			each(ctx, want);
	}
	free(key);
}

/* After a prompt with a line of its own, else joined. */
struct joined {
	struct buf *to;
	int heads;
};

static void
join_result(void *ctx, const struct work_want *want)
{
	struct joined *j = ctx;

	if (j->to->n && j->to->s[j->to->n - 1] != '\n')
		buf_char(j->to, '\n');
	if (j->heads)
		buf_fmt(j->to, "\n==> %s <==\n", want->key);
	buf_add(j->to, want->result.s, want->result.n);
}

static void
read_inputs(const struct walker *w, const struct work_node *n, const struct var *vars, const struct seen *s, struct buf *to)
{
	struct joined j;
	int i;

	j.to = to;
	j.heads = n->has_text;
	for (i = 0; i < n->ninputs; i++)
		each_result(w, n->inputs[i], vars, s, join_result, &j);
}

static void
quote_result(void *ctx, const struct work_want *want)
{
	struct buf *to = ctx;
	size_t n = want->result.n;

	while (n && want->result.s[n - 1] == '\n')
		n--;
	buf_add(to, want->result.s, n);
}

static void
quote_line(void *ctx, const struct work_want *want)
{
	quote_result(ctx, want);
	buf_char(ctx, '\n');
}

static void
read_text(const struct walker *w, const struct work_node *n, const struct var *vars, const struct seen *s, struct buf *to)
{
	if (!n->has_text)
		return;
	buf_fmt(to, "Do %d.\n", n->id);
	if (!n->quote)
		return;
	each_result(w, n->quote, vars, s, n->quote[strlen(n->quote) - 1] == '*' ? quote_line : quote_result, to);
	buf_char(to, '\n');
}

/* What the fake agent makes of KEY and what it is asked: see there. */
static uint64_t
digest(const char *key, const struct buf *asked)
{
	uint64_t h = 14695981039346656037u;
	size_t i;

	for (i = 0; i <= strlen(key); i++)
		h = (h ^ (unsigned char)key[i]) * 1099511628211u;
	for (i = 0; i < asked->n; i++)
		h = (h ^ (unsigned char)asked->s[i]) * 1099511628211u;
	return h;
}

static void
make_result(const char *key, const struct buf *asked, size_t n, struct buf *to)
{
	uint64_t h = digest(key, asked);

	buf_fmt(to, "%s %016llx\n", key, (unsigned long long)h);
	for (h |= 1; to->n < n; ) {
		h ^= h << 13;
		h ^= h >> 7;
		h ^= h << 17;
		buf_char(to, h >> 32 & 63 ? (int)(h >> 32 & 255) : '\n');
	}
	to->n = n;
}

static int
add_want(struct walker *w, const struct work_node *n, const struct var *vars, const struct seen *s)
{
	struct work *work = w->work;
	struct work_want *want;

	work->wants = mem_grow(work->wants, (size_t)work->nwants + 1, sizeof *work->wants);
	want = &work->wants[work->nwants];
	memset(want, 0, sizeof *want);
	want->key = read_name(n->name, vars);
	want->node = n;
	want->deep = w->deep;
	memcpy(want->blocks, w->blocks, sizeof w->blocks);
	memcpy(want->branches, w->branches, sizeof w->branches);
	want->leads = w->deep && n == w->lead;
	want->tree = w->tree;
	want->nneeds = s->n;
	want->needs = mem_grow(NULL, (size_t)s->n + 1, sizeof *want->needs);
	if (s->n)
		memcpy(want->needs, s->list, (size_t)s->n * sizeof *want->needs);
	read_text(w, n, vars, s, &want->asked);
	read_inputs(w, n, vars, s, &want->asked);
	return work->nwants++;
}

/* Worktrees. */

/* Adds the line WORD to those of B, which are sorted by their bytes, as git sorts. */
static void
add_sorted(struct buf *b, const char *word)
{
	struct buf all = { 0 };
	char *line, *copied = copy(buf_str(b));
	int added = 0;

	for (line = strtok(copied, "\n"); line; line = strtok(NULL, "\n")) {
		if (!added && strcmp(word, line) < 0)
			buf_fmt(&all, "%s\n", word);
		added |= strcmp(word, line) < 0;
		buf_fmt(&all, "%s\n", line);
	}
	if (!added)
		buf_fmt(&all, "%s\n", word);
	free(copied);
	buf_free(b);
	*b = all;
}

/* The run that has the key writes a file, whatever becomes of it then. */
static void
write_file(struct walker *w, const char *key)
{
	struct work_tree *t = &w->work->trees[w->tree];
	struct buf name = { 0 };

	buf_fmt(&name, "f-%s", key);
	add_sorted(&t->files, buf_str(&name));
	buf_fmt(&t->all, "%s\n", key);
	buf_free(&name);
}

/* Where orch puts the worktree of a branch: beside the repository, letters and digits, all else a dash. */
static void
put_place(struct buf *b, const struct work *w, const char *branch)
{
	int dash = 0;

	buf_fmt(b, "%s--", w->top);
	for (; *branch; branch++)
		if ((*branch >= '0' && *branch <= '9') || (*branch >= 'a' && *branch <= 'z')) {
			buf_char(b, *branch);
			dash = 0;
		} else if (*branch >= 'A' && *branch <= 'Z') {
			buf_char(b, *branch - 'A' + 'a');
			dash = 0;
		} else if (!dash++) {
			buf_char(b, '-');
		}
}

static enum went
walk_tree(struct walker *w, const struct work_node *n, const struct var *vars, struct seen *s)
{
	int i = add_want(w, n, vars, s);
	struct work *work = w->work;
	struct work_want *want = &work->wants[i];
	struct work_tree *t;
	struct buf path = { 0 };

	work->trees = mem_grow(work->trees, (size_t)work->ntrees + 1, sizeof *work->trees);
	t = &work->trees[work->ntrees];
	memset(t, 0, sizeof *t);
	t->branch = want->key;
	t->base = w->tree;
	t->nth = w->tree < 0 ? 0 : work->trees[w->tree].ncommits;
	if (n->has_place)
		buf_fmt(&path, "%.*s/trees/%s", parent_length(work), work->top, want->key);
	else
		put_place(&path, work, want->key);
	buf_fmt(&want->result, "%s\n", buf_str(&path));
	t->path = buf_take(&path);
	w->tree = want->tree = work->ntrees++;
	see(s, i);
	return WENT_ON;
}

static enum went
walk_commit(struct walker *w, const struct work_node *n, const struct var *vars, struct seen *s)
{
	int i = add_want(w, n, vars, s);
	struct work_want *want = &w->work->wants[i];
	struct work_tree *t = &w->work->trees[w->tree];

	see(s, i);
	buf_fmt(&want->message, "Made %s.\n", want->key);
	if (!t->files.n)
		return WENT_ON;
	want->files = t->files;
	memset(&t->files, 0, sizeof t->files);
	t->commits = mem_grow(t->commits, (size_t)t->ncommits + 1, sizeof *t->commits);
	t->commits[t->ncommits++] = i;
	want->nth = t->ncommits;
	return WENT_ON;
}

static enum went
walk_run(struct walker *w, const struct work_node *n, const struct var *vars, struct seen *s)
{
	int i = add_want(w, n, vars, s);
	struct work_want *want = &w->work->wants[i];
	struct buf raw = { 0 };

	if (n->writes)
		write_file(w, want->key);
	if (n->fails == FAILS_ALWAYS) {
		want->end = n->otherwise ? WORK_WORD : WORK_NOTHING;
		if (!n->otherwise)
			return WENT_WRONG;
		buf_text(&want->result, n->otherwise);
		see(s, i);
		return WENT_ON;
	}
	if (n->list)
		buf_text(&raw, n->list);
	else
		make_result(want->key, &want->asked, n->size, &raw);
	if (n->filter >= 0)
		make_result(want->key, &raw, (size_t)n->filter, &want->result);
	else
		buf_add(&want->result, raw.s, raw.n);
	buf_free(&raw);
	see(s, i);
	return WENT_ON;
}

static enum went walk_body(struct walker *w, const struct work_node *n, const struct var *vars, struct seen *s);

/* The items of a block; returns how many. */
static int
read_items(const struct walker *w, const struct work_node *n, const struct var *vars, const struct seen *s, char ***list)
{
	struct buf b = { 0 };
	struct buf lines = { 0 };
	char *line;
	int i, count = 0;

	for (i = n->from; n->from && i <= n->to; i++)
		buf_fmt(&b, "%d\n", i);
	for (i = 0; i < n->nitems; i++)
		buf_fmt(&b, "%s\n", n->items[i]);
	read_inputs(w, n, vars, s, &lines);
	buf_add(&b, lines.s, lines.n);
	buf_free(&lines);
	*list = mem_grow(NULL, b.n + 1, sizeof **list);
	for (line = strtok(buf_str(&b), "\n"); line; line = strtok(NULL, "\n"))
		(*list)[count++] = copy(line);
	buf_free(&b);
	return count;
}

static enum went
walk_for(struct walker *w, const struct work_node *n, const struct var *vars, struct seen *s)
{
	struct var v;
	char **items;
	int i, count = read_items(w, n, vars, s, &items), tree = w->tree;
	enum went went = WENT_ON;

	v.up = vars;
	v.id = n->id;
	for (i = 0; i < count && went == WENT_ON; i++) {
		v.value = items[i];
		went = walk_body(w, n->body, &v, s);
		w->tree = tree;
	}
	return went == WENT_OUT ? WENT_ON : went;
}

static int
add_block(struct walker *w, const struct work_node *n, int total)
{
	struct work *work = w->work;

	work->blocks = mem_grow(work->blocks, (size_t)work->nblocks + 1, sizeof *work->blocks);
	work->blocks[work->nblocks].node = n;
	work->blocks[work->nblocks].total = total;
	work->blocks[work->nblocks].failed = 0;
	return work->nblocks++;
}

/* The branch INDEX of BLOCK, which sees what was seen before the block; what it makes is added to MADE. */
static void
walk_branch(struct walker *w, int block, int index, const struct work_node *body, const struct var *vars,
    const struct seen *s, struct seen *made)
{
	struct seen own = { 0 };
	const struct work_node *lead = w->lead;
	int tree = w->tree;
	enum went went;

	see_all(&own, s, 0);
	w->blocks[w->deep] = block;
	w->branches[w->deep++] = index;
	w->lead = body;
	if (w->work->blocks[block].node->kind == WORK_DIFF)
		went = walk_run(w, body, vars, &own);
	else
		went = walk_body(w, body, vars, &own);
	w->deep--;
	w->lead = lead;
	w->tree = tree;
	w->work->blocks[block].failed += went == WENT_WRONG;
	see_all(made, &own, s->n);
	free(own.list);
}

static enum went
walk_parallel(struct walker *w, const struct work_node *n, const struct var *vars, struct seen *s)
{
	struct seen made = { 0 };
	const struct work_node *child;
	struct var v;
	char **items;
	int i, count, block;

	v.up = vars;
	v.id = n->id;
	if (n->kind == WORK_SAME) {
		count = read_items(w, n, vars, s, &items);
		block = add_block(w, n, count);
		for (i = 0; i < count; i++) {
			v.value = items[i];
			walk_branch(w, block, i, n->body, &v, s, &made);
		}
	} else {
		for (count = 0, child = n->body; child; child = child->next)
			count++;
		block = add_block(w, n, count);
		for (i = 0, child = n->body; child; child = child->next)
			walk_branch(w, block, i++, child, vars, s, &made);
	}
	if (w->work->blocks[block].failed)
		return WENT_WRONG;
	see_all(s, &made, 0);
	free(made.list);
	return WENT_ON;
}

static enum went
walk_if(struct walker *w, const struct work_node *n, const struct var *vars, struct seen *s)
{
	int i = add_want(w, n, vars, s), tree = w->tree;
	struct work_want *want = &w->work->wants[i];
	enum went went;

	want->end = WORK_COMMAND;
	want->yes = !(digest(want->key, &want->asked) >> 32 & 1);
	went = walk_body(w, want->yes ? n->body : n->other, vars, s);
	w->tree = tree;
	return went;
}

static enum went
walk_body(struct walker *w, const struct work_node *n, const struct var *vars, struct seen *s)
{
	enum went went = WENT_ON;

	for (; n && went == WENT_ON; n = n->next)
		switch (n->kind) {
		case WORK_RUN:
			went = walk_run(w, n, vars, s);
			break;
		case WORK_FOR:
			went = walk_for(w, n, vars, s);
			break;
		case WORK_SAME:
		case WORK_DIFF:
			went = walk_parallel(w, n, vars, s);
			break;
		case WORK_IF:
			went = walk_if(w, n, vars, s);
			break;
		case WORK_BREAK:
			went = WENT_OUT;
			break;
		case WORK_PRINT:
			read_text(w, n, vars, s, &w->work->out);
			break;
		case WORK_FAIL:
			went = WENT_WRONG;
			break;
		case WORK_TREE:
			went = walk_tree(w, n, vars, s);
			break;
		case WORK_COMMIT:
			went = walk_commit(w, n, vars, s);
			break;
		}
	return went;
}

static int
stumbles(const struct work_node *n)
{
	for (; n; n = n->next)
		if ((n->kind == WORK_RUN && n->fails >= work_tries(n)) || stumbles(n->body) || stumbles(n->other))
			return 1;
	return 0;
}

static void
finish(struct work *work)
{
	struct walker w = { 0 };
	struct seen seen = { 0 };

	write_work(work);
	w.work = work;
	w.tree = -1;
	work->status = walk_body(&w, work->body, NULL, &seen) == WENT_WRONG;
	work->may_stumble = stumbles(work->body);
	buf_str(&work->out);
	free(seen.list);
}

int
work_tries(const struct work_node *n)
{
	return 1 + (n->retries > 0 ? n->retries : 0);
}

void
work_make(struct work *w, uint64_t seed, const char *top)
{
	struct maker m = { 0 };
	struct cursor s = { 0 };
	int i;

	memset(w, 0, sizeof *w);
	w->seed = seed * 0x9e3779b97f4a7c15u | 1;
	for (i = 0; i < 8; i++)
		work_dice(&w->seed, 2);
	m.work = w;
	m.left = between(&m, 5, INSTANCES);
	m.dice = w->seed ^ 0x2545f4914f6cdd1du;
	m.dice += !m.dice;
	w->top = top;
	if (top && git_chance(&m, 65)) {
		m.trees = TREES;
		m.commits = COMMITS;
	}
	s.mult = 1;
	make_body(&m, &w->body, &s);
	finish(w);
}

/* The fixed one. */

static struct work_node *
fixed_run(struct work *w, struct work_node ***tail, const struct cursor *s, size_t size)
{
	struct work_node *n = add(w, tail, WORK_RUN);

	n->name = make_name('k', n->id, s);
	n->size = size;
	n->before = 3 + n->id;
	n->half = 1;
	return n;
}

static struct work_node *
fixed_block(struct work *w, struct work_node ***tail, enum work_kind kind, long max, int to)
{
	struct work_node *n = add(w, tail, kind);

	n->max = max;
	n->from = to > 0;
	n->to = to;
	return n;
}

static void
add_name(struct work_node *n, const char *name)
{
	n->inputs[n->ninputs++] = copy(name);
}

/* Two branches of three each, and in each of these two at once. */
static void
fixed_deep(struct work *w, struct work_node ***tail)
{
	struct work_node *outer = fixed_block(w, tail, WORK_SAME, 0, 2), **a = &outer->body, *inner, **b, *deep, **c, *last;
	struct cursor in = { 0 }, within = { 0 };

	in.var = outer->id;
	within.up = &in;
	inner = fixed_block(w, &a, WORK_SAME, 2, 3);
	within.var = inner->id;
	b = &inner->body;
	fixed_run(w, &b, &within, 300)->retries = 1;
	deep = fixed_block(w, &b, WORK_DIFF, 0, 0);
	c = &deep->body;
	fixed_run(w, &c, &within, 20000)->leaves = "child 60000";
	fixed_run(w, &c, &within, 0)->filter = 40;
	last = add(w, &b, WORK_PRINT);
	last->has_text = 1;
	last->quote = make_name('k', inner->id + 1, &within);
}

/* Up to five passes; the one whose result says so is the last. */
static void
fixed_loop(struct work *w, struct work_node ***tail)
{
	struct work_node *n = fixed_block(w, tail, WORK_FOR, 0, 5), **in = &n->body, **arm, *ask;
	struct cursor s = { 0 };

	s.var = n->id;
	ask = fixed_run(w, &in, &s, 101);
	add_name(ask, "k1");
	ask->fails = ask->retries = 1;
	n = add(w, &in, WORK_IF);
	n->name = make_name('c', n->id, &s);
	add_name(n, ask->name);
	arm = &n->body;
	add(w, &arm, WORK_BREAK);
}

void
work_fixed(struct work *w)
{
	struct work_node **tail = &w->body, *n;
	struct cursor top = { 0 };

	memset(w, 0, sizeof *w);
	tail = &w->body;
	fixed_run(w, &tail, &top, 50);
	fixed_deep(w, &tail);
	fixed_loop(w, &tail);
	n = fixed_run(w, &tail, &top, 1000);
	n->has_text = 1;
	add_name(n, "k*");
	n = add(w, &tail, WORK_PRINT);
	n->has_text = 1;
	n->quote = copy("k*");
	finish(w);
}

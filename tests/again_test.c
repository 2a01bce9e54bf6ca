/* -u, -n and diff: what is asked again, and what is not.
 *
 * First the deciding alone, without a process: random workflows are walked; then one step would be asked
 * otherwise, and what is asked again must be that step, the later lines of its branch, and all after its
 * block, as a plain interpreter of the same tree has it; also when that walk is cut off anywhere, any number of
 * times. Then whole runs. */
#include "tests/suites.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/sched/walk.h"
#include "parse/check.h"
#include "parse/mem.h"
#include "parse/parse.h"
#include "tests/help.h"
#include "tests/repo.h"
#include "tests/work.h"

/* A random tree of statements. */

enum kind { RUN, FOR, SAME, DIFF, IF };

struct line_of {
	struct line_of *next, *body, *other;
	enum kind kind;
	int id;
};

enum { KEYS_MOST = 4000, DEEP_MOST = 8 };

/* A step that is reached, in order, and in which branch of which block it is. */
struct place_of {
	char key[64];
	int blocks[DEEP_MOST], branches[DEEP_MOST], deep;
	int pure;               /* it makes nothing later */
};

struct tree {
	uint64_t seed;
	int ids, nblocks;
	struct buf text;
	struct place_of steps[KEYS_MOST];
	int n;
};

static struct line_of *
grow(struct tree *t, int deep, int only_runs)
{
	struct line_of *first = NULL, **last = &first;
	int n = 1 + (int)work_dice(&t->seed, 3);

	while (n--) {
		struct line_of *node = mem_zero(1, sizeof *node);

		node->kind = only_runs || deep > 3 ? RUN : (enum kind)work_dice(&t->seed, 6) % 5;
		node->id = ++t->ids;
		if (node->kind != RUN)
			node->body = grow(t, deep + 1, node->kind == DIFF);
		if (node->kind == IF && work_dice(&t->seed, 2))
			node->other = grow(t, deep + 1, 0);
		*last = node;
		last = &node->next;
	}
	return first;
}

static int
is_pure(const struct line_of *n)
{
	return n->id % 4 == 3;
}

static void
put_nodes(struct tree *t, const struct line_of *n, const char *suffix)
{
	char inner[200];

	for (; n; n = n->next) {
		snprintf(inner, sizeof inner, "%s-{{v%d}}", suffix, n->id);
		if (n->kind == RUN)
			buf_fmt(&t->text, "run t as k%d%s\n%s", n->id, suffix, is_pure(n) ? "pure\n" : "");
		else if (n->kind == FOR || n->kind == SAME)
			buf_fmt(&t->text, "%s v%d in 1 2\n", n->kind == FOR ? "for" : "parallel", n->id);
		else if (n->kind == DIFF)
			buf_text(&t->text, "parallel\n");
		else
			buf_fmt(&t->text, "if %s\n", n->id % 2 ? "true" : "false");
		if (n->body)
			put_nodes(t, n->body, n->kind == FOR || n->kind == SAME ? inner : suffix);
		if (n->other) {
			buf_text(&t->text, "else\n");
			put_nodes(t, n->other, suffix);
		}
		if (n->kind != RUN)
			buf_text(&t->text, "end\n");
	}
}

static void interpret(struct tree *, const struct line_of *, const char *suffix, struct place_of, int only_one);

static void
interpret_branch(struct tree *t, const struct line_of *n, const char *suffix, struct place_of at, int block, int branch, int only_one)
{
	at.blocks[at.deep] = block;
	at.branches[at.deep++] = branch;
	interpret(t, n, suffix, at, only_one);
}

static void
interpret(struct tree *t, const struct line_of *n, const char *suffix, struct place_of at, int only_one)
{
	char inner[200];
	const struct line_of *child;
	int i, block;

	for (; n; n = only_one ? NULL : n->next) {
		block = ++t->nblocks;
		if (n->kind == RUN) {
			ck_assert_int_lt(t->n, KEYS_MOST);
			snprintf(at.key, sizeof at.key, "k%d%s", n->id, suffix);
			at.pure = is_pure(n);
			t->steps[t->n++] = at;
		}
		for (i = 1; i <= 2 && (n->kind == FOR || n->kind == SAME); i++) {
			snprintf(inner, sizeof inner, "%s-%d", suffix, i);
			if (n->kind == FOR)
				interpret(t, n->body, inner, at, 0);
			else
				interpret_branch(t, n->body, inner, at, block, i, 0);
		}
		for (i = 0, child = n->kind == DIFF ? n->body : NULL; child; child = child->next)
			interpret_branch(t, child, suffix, at, block, i++, 1);
		if (n->kind == IF)
			interpret(t, n->id % 2 ? n->body : n->other, suffix, at, 0);
	}
}

static void
free_nodes(struct line_of *n)
{
	struct line_of *next;

	for (; n; n = next) {
		next = n->next;
		free_nodes(n->body);
		free_nodes(n->other);
		free(n);
	}
}

static struct tree *
make_tree(uint64_t seed)
{
	struct tree *t = mem_zero(1, sizeof *t);
	struct place_of at;
	struct line_of *n;

	memset(&at, 0, sizeof at);
	t->seed = seed * 2654435761u + 1;
	buf_text(&t->text, "agent t t\n");
	n = grow(t, 0, 0);
	put_nodes(t, n, "");
	interpret(t, n, "", at, 0);
	free_nodes(n);
	return t;
}

/* Whether B is on a later line of A's branch, or after a block that A is in; not where A is pure. */
static int
is_later(const struct place_of *a, const struct place_of *b)
{
	int i;

	for (i = 0; i < a->deep && i < b->deep && a->blocks[i] == b->blocks[i]; i++)
		if (a->branches[i] != b->branches[i])
			return 0;
	return b > a && !a->pure;
}

/* Walking it: what run.c and the log are to the walk. */

struct rig {
	struct source src;
	struct workflow *w;
	struct diags diags;
	struct tree *tree;
	struct walk walk;
	struct keys keys;
	struct results results;
	struct walk_ops ops;
	struct run_env around;
	uint64_t seed;
	uint32_t last;          /* the latest place: the length of the log */
	uint32_t places[KEYS_MOST];     /* by step; 0: it has no result */
	int otherwise[KEYS_MOST];       /* it would be asked otherwise */
	int asked[KEYS_MOST];
	struct branch *running[KEYS_MOST];
	char *running_key[KEYS_MOST];   /* NULL: an `if` */
	int yes[KEYS_MOST];
	int n;
	struct buf events;
};

static int
step_of(const struct tree *t, const char *key)
{
	int i;

	for (i = 0; i < t->n; i++)
		if (!strcmp(t->steps[i].key, key))
			return i;
	ck_abort_msg("no step %s", key);
	return -1;
}

static void
on_event(void *ctx, const struct event *e)
{
	static const char *const words[] = { "kept", "again", "retry", "failed", "trouble", "note" };
	struct rig *r = ctx;

	if (e->kind == EVENT_MADE)
		return;
	buf_fmt(&r->events, "%s %s%s%s\n", words[e->kind], e->key ? e->key : "", e->text ? ": " : "", e->text ? e->text : "");
}

static const char *
on_differs(void *ctx, uint32_t id, const struct task *t)
{
	struct rig *r = ctx;

	(void)t;
	return r->otherwise[step_of(r->tree, keys_text(&r->keys, id))] ? "prompt" : NULL;
}

static uint32_t
on_random(void *ctx)
{
	struct rig *r = ctx;

	return work_dice(&r->seed, 1000);
}

static int
on_read(void *ctx, const char *key, char **p, size_t *n)
{
	(void)ctx;
	*p = mem_dup(key, strlen(key));
	*n = strlen(key);
	return 0;
}

static struct rig *
rig_new(uint64_t seed)
{
	static char *const environ_of[] = { NULL };
	struct rig *r = mem_zero(1, sizeof *r);
	struct check_with with = { 0 };
	struct buf said = { 0 };

	r->tree = make_tree(seed);
	r->seed = seed + 77;
	r->src.name = "w";
	r->src.text = buf_str(&r->tree->text);
	r->src.n = r->tree->text.n;
	r->w = workflow_parse(&r->src, &r->diags);
	workflow_check(r->w, &with, &r->diags);
	diag_text(&r->diags, &said);
	ck_assert_msg(!r->diags.errors, "%s\n%s", buf_str(&said), r->src.text);
	buf_free(&said);
	r->results.keys = &r->keys;
	r->results.read = on_read;
	r->ops.ctx = r;
	r->ops.event = on_event;
	r->ops.differs = on_differs;
	r->ops.random = on_random;
	r->around.root = "/root";
	r->around.run = "run";
	r->around.results_dir = "/root/result";
	r->around.environ = environ_of;
	return r;
}

static void
rig_free(struct rig *r)
{
	workflow_free(r->w);
	diag_free(&r->diags);
	buf_free(&r->events);
	buf_free(&r->tree->text);
	free(r->tree);
	free(r);
}

static void
end_one(struct rig *r, int i)
{
	struct branch *b = r->running[i];
	struct outcome o = { 0 };
	char *key = r->running_key[i];

	if (key) {
		r->places[step_of(r->tree, key)] = ++r->last;
		r->otherwise[step_of(r->tree, key)] = 0;
	} else if (!r->yes[i]) {
		o.kind = OUT_ENDED;
		o.status = 1 << 8;
	}
	free(key);
	r->n--;
	memmove(r->running + i, r->running + i + 1, (size_t)(r->n - i) * sizeof *r->running);
	memmove(r->running_key + i, r->running_key + i + 1, (size_t)(r->n - i) * sizeof *r->running_key);
	memmove(r->yes + i, r->yes + i + 1, (size_t)(r->n - i) * sizeof *r->yes);
	if (o.kind == OUT_OK)
		walk_has_result(&r->walk, b);
	walk_ended(&r->walk, b, &o, 0);
}

/* Walks once, in a random order of ends; cut off after MOST results (-1: to its end). */
static void
walk_once(struct rig *r, int again, int most)
{
	struct order o;
	int i;

	memset(&r->keys, 0, sizeof r->keys);
	for (i = 0; i < r->tree->n; i++) {
		const char *key = r->tree->steps[i].key;

		if (r->places[i]) {
			uint32_t id = keys_add(&r->keys, key, strlen(key));

			r->keys.list[id].flags |= KEY_KEPT;
			result_set_seq(&r->keys, id, r->places[i]);
		}
	}
	r->n = 0;
	walk_start(&r->walk, r->w, &r->around, &r->results, NULL, &r->ops, 0, 0);
	r->walk.again = again;
	for (;;) {
		walk_next(&r->walk, 0, &o);
		if (o.kind == ORDER_START) {
			r->running[r->n] = o.branch;
			r->running_key[r->n] = o.task.kind == TASK_IF ? NULL : mem_dup(o.task.key, strlen(o.task.key));
			r->yes[r->n++] = o.task.kind == TASK_IF && !strcmp(o.task.argv[3], "true");
			if (o.task.kind != TASK_IF)
				r->asked[step_of(r->tree, o.task.key)]++;
			task_free(&o.task);
		} else if (o.kind == ORDER_NONE) {
			if (!r->n || !most)
				break;
			i = (int)work_dice(&r->seed, (uint32_t)r->n);
			most -= most > 0 && r->running_key[i];
			end_one(r, i);
		}
	}
	ck_assert_msg(!most || r->walk.ended, "%s", r->src.text);
	if (r->walk.ended)
		ck_assert_int_eq(r->walk.failed, 0);
	while (r->n)
		free(r->running_key[--r->n]);
	walk_free(&r->walk);
	keys_free(&r->keys);
}

static void
none_asked(struct rig *r)
{
	memset(r->asked, 0, sizeof r->asked);
}

/* Over what is complete a walk asks nothing. */
static void
walk_in_vain(struct rig *r, int again)
{
	int i;

	none_asked(r);
	walk_once(r, again, -1);
	for (i = 0; i < r->tree->n; i++)
		ck_assert_msg(!r->asked[i], "%s is asked again\n%s", r->tree->steps[i].key, r->src.text);
}

/* From here on some step would be asked otherwise. */
static int
change_one(struct rig *r)
{
	int changed = (int)work_dice(&r->seed, (uint32_t)r->tree->n);

	r->otherwise[changed] = 1;
	return changed;
}

enum { SEEDS = 200 };

/* Over a complete run -u asks nothing, however its steps came to their ends, and however often it was cut off. */
START_TEST(nothing_by_itself)
{
	struct rig *r = rig_new((uint64_t)_i);
	int i, cuts = (int)work_dice(&r->seed, 4);

	for (i = 0; i < cuts; i++)
		walk_once(r, (int)work_dice(&r->seed, 2), (int)work_dice(&r->seed, (uint32_t)r->tree->n + 1));
	walk_once(r, (int)work_dice(&r->seed, 2), -1);
	for (i = 0; i < r->tree->n; i++)
		ck_assert_uint_ne(r->places[i], 0);
	walk_in_vain(r, 1);
	rig_free(r);
}
END_TEST

/* One step differs: it, and what is later, and nothing else; also without -u: nothing. */
START_TEST(what_is_later)
{
	struct rig *r = rig_new((uint64_t)_i);
	int i, changed, want;

	walk_once(r, 0, -1);
	changed = change_one(r);
	walk_in_vain(r, 0);
	walk_once(r, 1, -1);
	for (i = 0; i < r->tree->n; i++) {
		want = i == changed || is_later(&r->tree->steps[changed], &r->tree->steps[i]);
		ck_assert_msg(r->asked[i] == want, "%s differs; %s is asked %d times, not %d\n%s", r->tree->steps[changed].key,
		    r->tree->steps[i].key, r->asked[i], want, r->src.text);
	}
	walk_in_vain(r, 1);
	rig_free(r);
}
END_TEST

/* The same, cut off at random places: what was answered again before a cut is not asked a third time. */
START_TEST(what_is_later_when_cut_off)
{
	struct rig *r = rig_new((uint64_t)_i);
	uint32_t before;
	int i, changed, want, cuts;

	walk_once(r, 0, -1);
	changed = change_one(r);
	before = r->last;
	for (cuts = 1 + (int)work_dice(&r->seed, 4); cuts; cuts--)
		walk_once(r, 1, (int)work_dice(&r->seed, 4));
	walk_once(r, 0, -1);            /* one without -u in between changes nothing */
	walk_once(r, 1, -1);
	for (i = 0, want = 0; i < r->tree->n; i++) {
		int again = i == changed || is_later(&r->tree->steps[changed], &r->tree->steps[i]);

		want += again;
		ck_assert_msg((r->places[i] > before) == again, "%s differs; %s\n%s", r->tree->steps[changed].key,
		    r->tree->steps[i].key, r->src.text);
	}
	ck_assert_uint_eq(r->last, before + (uint32_t)want);    /* each was answered once */
	walk_in_vain(r, 1);
	rig_free(r);
}
END_TEST

/* A result that is taken away is asked for; with -u all that is later is, too. */
START_TEST(what_is_behind_a_missing_one)
{
	struct rig *r = rig_new((uint64_t)_i);
	int i, gone;

	walk_once(r, 0, -1);
	gone = (int)work_dice(&r->seed, (uint32_t)r->tree->n);
	r->places[gone] = 0;
	none_asked(r);
	walk_once(r, 1, -1);
	for (i = 0; i < r->tree->n; i++)
		ck_assert_int_eq(r->asked[i], i == gone || is_later(&r->tree->steps[gone], &r->tree->steps[i]));
	rig_free(r);
}
END_TEST

static TCase *
deciding_case(void)
{
	TCase *t = tcase_create("deciding");

	tcase_add_loop_test(t, nothing_by_itself, 0, SEEDS);
	tcase_add_loop_test(t, what_is_later, 0, SEEDS);
	tcase_add_loop_test(t, what_is_later_when_cut_off, 0, SEEDS);
	tcase_add_loop_test(t, what_is_behind_a_missing_one, 0, SEEDS / 3);
	return t;
}

/* Whole runs. Each agent says in the file `marks`, outside of the repository, that it was asked; it kills orch
 * if a file kill-KEY tells it to. */

#define M "echo $ORCH_KEY >>$HOME/marks; if rm \"$HOME/kill-$ORCH_KEY\" 2>/dev/null; then kill -9 $(ps -o ppid= -p $PPID); sleep 60; fi; "
#define LOG_FILE ".orch/r/log"
#define R(name) ".orch/r/result/" name

static const struct {
	const char *key;
	int block, branch;      /* 0: in none */
} steps[] = {
	{ "a", 0, 0 }, { "b-x", 1, 1 }, { "c-x-1", 1, 1 }, { "c-x-2", 1, 1 }, { "s-x/p", 1, 1 }, { "s-x/q", 1, 1 },
	{ "b-y", 1, 2 }, { "c-y-1", 1, 2 }, { "c-y-2", 1, 2 }, { "s-y/p", 1, 2 }, { "s-y/q", 1, 2 },
	{ "d", 0, 0 }, { "e", 2, 1 }, { "f", 2, 2 }, { "go", 0, 0 }, { "g", 0, 0 }, { "save", 0, 0 }, { "h", 0, 0 },
};

static int
step_index(const char *key)
{
	int i;

	for (i = 0; i < LEN(steps); i++)
		if (!strcmp(steps[i].key, key))
			return i;
	ck_abort_msg("no step %s", key);
	return -1;
}

/* What the step CHANGED says is new; "": nothing is. */
static void
write_flow(const char *changed)
{
	static char lines[16][400];
	static const struct {
		const char *key, *head;
	} runs[] = {
		{ "a", "run sh as a" }, { "b-x", "run sh as b-{{i}} < a" }, { "c-x-1", "run sh as c-{{i}}-{{j}}" },
		{ "d", "run sh as d" }, { "e", "run sh as e" }, { "f", "run sh as f < d" }, { "h", "run sh as h < c-*" },
		{ "s-x/p", "run sh as p" }, { "s-x/q", "run sh as q < p" },
	};
	size_t i;

	for (i = 0; i < LEN(runs); i++)
		snprintf(lines[i], sizeof lines[i], "%s | " M "cat; echo %s%s", runs[i].head, runs[i].key,
		    !strcmp(changed, runs[i].key) ? "-new" : "");
	snprintf(lines[10], sizeof lines[10], "ask go yes no default yes | Go%s?", !strcmp(changed, "go") ? " now" : "");
	snprintf(lines[11], sizeof lines[11], "run sh as g < go | " M "cat; echo %s | tee g.txt",
	    !strcmp(changed, "g") ? "g-new" : "g");
	help_file("f.orch", lines[0], "parallel i in x y", lines[1], "for j in 1 2", lines[2], "end", "call sub.orch as s-{{i}}",
	    "end", "if true", lines[3], "end", "parallel", lines[4], lines[5], "end", lines[10], lines[11],
	    "commit as save | saved", lines[6], "print | {{h}}", NULL);
	help_file("sub.orch", lines[7], lines[8], NULL);
}

static void
start(void)
{
	help_start();
	help_sh(0, "mkdir repo");
	ck_assert_int_eq(chdir("repo"), 0);
	repo_init("");
}

/* Whether a step was started after the log's N-th byte. */
static int
started_since(size_t n, const char *key)
{
	char line[100];
	const char *log = help_read(LOG_FILE, NULL);

	snprintf(line, sizeof line, "\tstart\t%s\t", key);
	return help_count(log + n, line);
}

static int
done_since(size_t n, const char *key)
{
	char line[100];

	snprintf(line, sizeof line, "\tdone\t%s\t", key);
	return help_count(help_read(LOG_FILE, NULL) + n, line);
}

static size_t
log_size(void)
{
	size_t n;

	help_read(LOG_FILE, &n);
	return n;
}

/* All of these are changed by the change of one line: those of both branches, where the line is in a block. */
static int
is_changed(int i, const char *key)
{
	if (!strcmp(key, "b-x"))
		return !strncmp(steps[i].key, "b-", 2);
	if (!strcmp(key, "c-x-1"))
		return !strncmp(steps[i].key, "c-", 2);
	if (!strncmp(key, "s-x/", 4))
		return steps[i].key[0] == 's' && !strcmp(steps[i].key + 3, key + 3);
	return !strcmp(steps[i].key, key);
}

static int
is_wanted(int i, const char *changed)
{
	int k;

	for (k = 0; k <= i; k++)
		if (is_changed(k, changed) && (k == i || steps[k].block == 0 || steps[k].block != steps[i].block ||
		    steps[k].branch == steps[i].branch))
			return 1;
	return 0;
}

static const char *const changes[] = { "a", "b-x", "c-x-1", "s-x/p", "s-x/q", "d", "e", "f", "go", "g", "h" };

static void
same_as_fresh(void)
{
	help_sh(0, "rm -rf .orch/fresh; orch run -q -r fresh f.orch >fresh.out");
	help_sh(0, "diff -r -x save .orch/r/result .orch/fresh/result");
	help_sh(0, "orch run -q -r r f.orch | cmp - fresh.out");
}

START_TEST(a_changed_line)
{
	const char *changed = changes[_i], *before;
	struct ran r;
	size_t n;
	int i;

	write_flow("");
	help_sh(0, "orch run -q -r r f.orch");
	n = log_size();
	help_lacks(help_sh(0, "orch resume -u -r r && orch run -u -r r f.orch").err, "rerun");
	ck_assert_int_eq(help_count(help_read(LOG_FILE, NULL) + n, "\tstart\t"), 0);
	write_flow(changed);
	n = log_size();
	r = help_sh(0, "orch run -r r f.orch");
	help_has(r.err, "  stale\n");
	ck_assert_int_eq(help_count(help_read(LOG_FILE, NULL) + n, "\tstart\t"), 0);
	before = help_tree(".orch", 1);
	r = help_sh(0, "orch run -n -r r f.orch");
	help_has(r.out, "  stale: ");
	help_lacks(r.out, "would run  ");
	help_has(r.out, "18 kept, 0 would run\n");
	r = help_sh(0, "orch run -n -u -r r f.orch");
	ck_assert_str_eq(help_tree(".orch", 1), before);
	n = log_size();
	help_sh(0, "orch run -u -r r f.orch");
	for (i = 0; i < LEN(steps); i++) {
		char line[100];

		ck_assert_msg(started_since(n, steps[i].key) == is_wanted(i, changed), "%s is changed: %s is asked %d times", changed,
		    steps[i].key, started_since(n, steps[i].key));
		snprintf(line, sizeof line, "%s%s", is_wanted(i, changed) ? "would run again  " : "kept       ", steps[i].key);
		help_has(r.out, line);
	}
	same_as_fresh();
}
END_TEST

/* Killed while a step is asked again, then resumed: each is answered once more, and no more. */
START_TEST(a_killed_walk)
{
	static const char *const kills[] = { "a", "b-y", "c-x-2", "s-y/q", "d", "f", "g", "h" };
	const char *changed = _i % 2 ? "b-x" : "a", *kill = kills[_i / 2];
	size_t n;
	int i;

	if (!is_wanted(step_index(kill), changed))
		return;
	write_flow("");
	help_sh(0, "orch run -q -r r f.orch");
	write_flow(changed);
	n = log_size();
	help_file("../kill", NULL);
	help_run("touch \"$HOME/kill-%s\" || { mkdir -p \"$(dirname \"$HOME/kill-%s\")\"; touch \"$HOME/kill-%s\"; }", kill, kill, kill);
	ck_assert_int_eq(help_run("orch resume -u -r r").status, 137);
	if (_i % 4 > 1)
		ck_assert_int_eq(help_run("orch resume -q").status, 0);         /* one that keeps all in between */
	help_sh(0, "orch resume -u -r r");
	for (i = 0; i < LEN(steps); i++)
		ck_assert_msg(done_since(n, steps[i].key) == is_wanted(i, changed), "%s killed at %s: %s is done %d times", changed, kill,
		    steps[i].key, done_since(n, steps[i].key));
	same_as_fresh();
	n = log_size();
	help_sh(0, "orch resume -u -r r");
	ck_assert_int_eq(help_count(help_read(LOG_FILE, NULL) + n, "\tstart\t"), 0);
}
END_TEST

/* A chain in which each hands on its result only by files. */
static void
write_chain(const char *b)
{
	help_file("f.orch", "param who world", "run sh as a | " M "echo a", b, "run sh as c | " M "sleep 0.05; echo c",
	    "run sh as d | " M "echo \"$who\"", "run sh as e | " M "echo e", NULL);
}

static char *
marks(void)
{
	char *s = help_read("../marks", NULL), *p;

	for (p = s; *p; p++)
		if (*p == '\n')
			*p = ' ';
	help_sh(0, "rm -f ../marks");
	return s;
}

#define OLD_B "run sh as b | " M "echo b"
#define NEW_B "run sh as b | " M "sleep 0.05; echo new"

/* Killed between the rename of a result and its line in the log. */
START_TEST(a_result_without_its_line)
{
	write_chain(OLD_B);
	help_sh(0, "orch run -q -r r f.orch");
	marks();
	write_chain(NEW_B);
	help_file("../kill-c", NULL);
	ck_assert_int_eq(help_run("orch resume -u -r r").status, 137);
	ck_assert_str_eq(marks(), "b c ");
	help_is(R("b"), "new\n");
	help_sh(0, "sed -n '/\tdone\tb\t/{=}' " LOG_FILE " | tail -n 1 | { read n; sed -i \"${n}d\" " LOG_FILE "; }");
	ck_assert_int_eq(help_count(help_read(LOG_FILE, NULL), "\tdone\tb\t"), 1);
	help_sh(0, "orch resume -u -r r");
	ck_assert_str_eq(marks(), "c d e ");
	help_sh(0, "orch resume -u -r r");
	ck_assert_str_eq(marks(), "");
}
END_TEST

/* Without a line in the log the times tell: a question that was written after the result is another one. */
START_TEST(a_question_that_is_later_than_its_result)
{
	help_file("w.orch", "run sh as a | echo >>asked-a; echo a", NULL);
	help_sh(0, "orch run -q -r r w.orch && sed -i '/\\t\\(start\\|done\\)\\t/d' .orch/r/log && "
	    "sed -i 's/^a\\t[0-9]*/a\\t978307200000/' .orch/r/how && touch -d '2002-01-01' .orch/r/result/a");
	help_sh(0, "orch run -q -u -r r w.orch");
	help_is("asked-a", "\n");
	help_sh(0, "sed -i '/\\t\\(start\\|done\\|found\\)\\t/d' .orch/r/log && sed -i 's/^a\\t[0-9]*/a\\t1041379200000/' .orch/r/how");
	help_sh(0, "orch run -q -u -r r w.orch");
	help_is("asked-a", "\n\n");
}
END_TEST

/* A log that has lost its attempts, and `how` that tells of many more keys than are kept: what is kept stays so. */
START_TEST(a_log_without_its_attempts)
{
	help_sh(0, "for i in $(seq 200); do echo \"run sh as k$i | echo >>asked; echo x\"; done >w.orch");
	help_sh(0, "orch run -q -r r w.orch && sed -i '/\\t\\(start\\|done\\)\\t/d' .orch/r/log && "
	    "cd .orch/r/result && mv k1 k2 k3 .. && rm k* && mv ../k[123] . && cd ../../.. && rm asked");
	help_sh(0, "orch resume -q -u -r r && test $(wc -l <asked) = 197");
	help_sh(0, "orch resume -q -u -r r && test $(wc -l <asked) = 197");
}
END_TEST

/* An attempt that fails leaves the old result, which is never taken for one to the new question. */
START_TEST(a_try_that_fails)
{
	struct ran r;

	write_chain(OLD_B);
	help_sh(0, "orch run -q -r r f.orch");
	marks();
	write_chain("run sh as b | " M "echo half; test -f ok");
	help_pause(50);         /* longer than the steps in which files' times go */
	r = help_sh(1, "orch resume -u -r r");
	help_has(r.err, "orch resume -u -r r");
	ck_assert_str_eq(marks(), "b ");
	help_is(R("b"), "b\n");
	r = help_run("orch status -r r");
	ck_assert_int_eq(r.status, 1);
	help_has(r.out, "failed       b");
	help_has(r.out, "done         c");
	help_has(r.out, "run r: failed");
	help_has(help_sh(0, "orch logs -r r b").out, "half");
	help_has(help_sh(0, "orch run -n -r r f.orch").out, "kept       b  stale: ");
	r = help_sh(1, "orch diff b");
	help_has(r.err, "earlier question");
	/* It is found without its name; without -u it is kept. */
	if (_i == 0) {
		r = help_sh(0, "orch resume");
		help_has(r.err, "kept      b  stale");
		ck_assert_str_eq(marks(), "");
		help_has(help_sh(0, "orch status -r r").out, "done         b");
	}
	/* What it was asked at first is asked again, too: nobody knows what the failed attempt has left. */
	if (_i == 1) {
		write_chain(OLD_B);
		help_sh(0, "orch resume -u -r r");
		ck_assert_str_eq(marks(), "b c d e ");
		help_is(R("b"), "b\n");
		return;
	}
	/* A log that is lost: the question is newer than the result. */
	if (_i == 2)
		help_sh(0, "rm " LOG_FILE);
	help_file("ok", NULL);
	help_sh(0, "orch resume -u -r r");
	ck_assert_str_eq(marks(), "b c d e ");
	help_is(R("b"), "half\n");
	help_sh(0, "orch resume -u -r r");
	ck_assert_str_eq(marks(), "");
}
END_TEST

/* A parameter counts for those that name it. */
START_TEST(a_parameter)
{
	write_chain(OLD_B);
	help_sh(0, "orch run -q -r r f.orch");
	help_sh(0, "orch run -q -u -r r f.orch who=world");
	ck_assert_str_eq(marks(), "a b c d e ");
	help_sh(0, "orch run -q -r r f.orch who=me");
	ck_assert_str_eq(marks(), "");
	help_sh(0, "orch run -q -u -r r f.orch");
	ck_assert_str_eq(marks(), "d e ");
	help_is(R("d"), "me\n");
	/* A complete run is only found by its name. */
	help_sh(3, "orch resume -u");
}
END_TEST

/* A new line: what comes after it. One that was taken out: nothing, unless it was read. */
START_TEST(a_line_more_and_less)
{
	write_chain(OLD_B);
	help_sh(0, "orch run -q -r r f.orch");
	marks();
	write_chain(OLD_B "\nrun sh as more | " M);
	help_sh(0, "orch resume -q -r r -u");
	ck_assert_str_eq(marks(), "more c d e ");
	write_chain("");
	help_sh(0, "orch resume -q -u -r r");
	ck_assert_str_eq(marks(), "");
}
END_TEST

/* Steps that are asked again at once do not see each other's old results, nor do patterns. */
START_TEST(an_old_result_is_not_seen)
{
	help_file("f.orch", "run sh as a | " M "echo a", "for i in 1 2 3", "run sh as t-{{i}} < a t-* | " M "cat | tr -d '\\n'", "end", NULL);
	help_sh(0, "orch run -q -r r f.orch");
	help_is(R("t-3"), "aaaa");
	help_sh(0, "sed -i 's/echo a/echo b/' f.orch");
	help_sh(0, "orch resume -q -u -r r");
	help_is(R("t-3"), "bbbb");
	help_is(".orch/r/asked/t-2", "b\nb");
}
END_TEST

/* Results by hand: they are noted, keep their place, and make nothing later than themselves. */
START_TEST(results_by_hand)
{
	help_file("f.orch", "run sh as a | " M "echo a", "ask go yes no | Sure?", "run sh as b | " M "echo b", "ask end yes | Done?",
	    "run sh as c | " M "echo c", NULL);
	help_sh(1, "orch run -q -r r f.orch");
	help_sh(0, "echo yes >" R("go") "; echo yes >" R("end"));
	ck_assert_str_eq(marks(), "a ");
	/* `end` was answered before b was: with -u that is not enough. */
	help_has(help_sh(1, "orch resume -u -r r").err, "failed    end");
	ck_assert_str_eq(marks(), "b ");
	ck_assert_int_eq(help_count(help_read(LOG_FILE, NULL), "\tfound\tgo\t"), 2);
	ck_assert_int_eq(help_count(help_read(LOG_FILE, NULL), "\tfound\tend\t"), 1);
	help_sh(0, "sleep 0.05; echo yes >" R("end"));
	help_sh(0, "orch resume -q -u -r r");
	ck_assert_str_eq(marks(), "c ");
}
END_TEST

/* The same one after another; then what is before a question changes: the old yes does not count. */
START_TEST(an_old_yes)
{
	struct ran r;

	help_file("f.orch", "run sh as a | " M "echo a", "ask go yes no | Sure?", "run sh as b | " M "echo b", NULL);
	help_sh(1, "orch run -q -r r f.orch");
	help_sh(0, "echo yes >" R("go"));
	if (_i)
		help_sh(0, "orch resume -q -u -r r");
	else
		help_sh(0, "orch resume -q -r r");
	ck_assert_str_eq(marks(), "a b ");
	help_sh(0, "orch resume -q -u -r r");
	ck_assert_str_eq(marks(), "");
	help_sh(0, "sed -i 's/echo a/echo new/' f.orch");
	r = help_sh(1, "orch resume -u -r r");
	ck_assert_str_eq(marks(), "a ");
	help_has(r.err, "failed    go");
	/* The yes of before is not a result yet. */
	help_sh(1, "orch resume -u -r r");
	ck_assert_str_eq(marks(), "");
	help_sh(0, "sleep 0.05; echo yes >" R("go"));
	help_sh(0, "orch resume -u -r r");
	ck_assert_str_eq(marks(), "b ");
	help_sh(0, "orch resume -u -r r");
	ck_assert_str_eq(marks(), "");
	/* And another question is another. */
	help_sh(0, "sed -i 's/Sure/Really/' f.orch");
	help_has(help_sh(0, "orch resume -r r").err, "kept      go  stale");
	help_has(help_sh(1, "orch resume -u -r r").err, "failed    go");
}
END_TEST

/* What nobody was asked for, put in place of a result that was never there. */
START_TEST(a_step_by_hand)
{
	write_chain(OLD_B);
	help_sh(0, "orch run -q -r r f.orch");
	marks();
	help_sh(0, "rm -r .orch/r/how .orch/r/asked " LOG_FILE);
	help_sh(0, "orch resume -q -u -r r");
	ck_assert_str_eq(marks(), "");
	ck_assert_int_eq(help_count(help_read(LOG_FILE, NULL), "\tfound\tb\t"), 2);
	/* From when it was found its question is known. */
	write_chain(NEW_B);
	help_sh(0, "orch resume -q -u -r r");
	ck_assert_str_eq(marks(), "b c d e ");
}
END_TEST

START_TEST(otherwise_and_retries)
{
	help_file("f.orch", "run sh as a | " M "echo a", "run sh as b | " M "false", "retry 1 1s", "otherwise none", "run sh as c | " M, NULL);
	help_sh(0, "orch run -q -r r f.orch");
	ck_assert_str_eq(marks(), "a b b c ");
	help_sh(0, "orch resume -q -u -r r");
	ck_assert_str_eq(marks(), "");
	help_sh(0, "sed -i 's/echo a/echo b/' f.orch");
	help_sh(0, "orch resume -q -u -r r");
	ck_assert_str_eq(marks(), "a b b c ");
	help_sh(0, "orch resume -q -u -r r");
	ck_assert_str_eq(marks(), "");
}
END_TEST

START_TEST(standard_input)
{
	help_file("f.orch", "run sh as a | " M "echo a", "run sh as b < - | " M "cat", NULL);
	help_sh(0, "echo in | orch run -q -r r f.orch");
	marks();
	help_sh(0, "sed -i 's/echo a/echo b/' f.orch");
	help_sh(0, "echo other | orch resume -q -u -r r");
	ck_assert_str_eq(marks(), "a b ");
	help_is(R("b"), "in\n");
	help_sh(0, "orch resume -q -u -r r");
	ck_assert_str_eq(marks(), "");
}
END_TEST

/* Worktrees stay; commits are made again, each once, also when their result lacked its line. */
START_TEST(git_lines)
{
	help_file("f.orch", "run sh as a | " M "echo a", "parallel i in x y", "worktree w-{{i}} enter",
	    "run sh as b-{{i}} | " M "echo \"$i\" 1 | tee file", "commit as c-{{i}} | made", "end", NULL);
	help_sh(0, "orch run -q -r r f.orch");
	marks();
	if (_i)
		help_sh(0, "sed -i '/\tdone\tc-/d' " LOG_FILE "; sed -i '/^c-.*\tanswered\t/d' .orch/r/how; orch resume -q -r r");
	help_sh(0, "orch resume -q -u -r r");
	ck_assert_str_eq(marks(), "");
	help_sh(0, "cp " R("c-x") " old; sed -i 's/ 1 | tee/ 2 | tee/' f.orch");
	help_sh(0, "orch resume -q -u -r r");
	ck_assert_int_eq((int)strlen(marks()), 8);
	help_is("../repo--w-x/file", "x 2\n");
	help_sh(0, "! cmp -s old " R("c-x"));
	help_sh(0, "test \"$(git rev-parse w-x)\" = \"$(cat " R("c-x") ")\" && test $(git rev-list w-x | wc -l) = 3");
	ck_assert_int_eq(help_count(help_read(LOG_FILE, NULL), "\tstart\tw-"), 2);
	/* The same again: there is nothing to commit. */
	help_sh(0, "sed -i 's/echo a/echo b/' f.orch");
	help_sh(0, "orch resume -q -u -r r");
	help_is(R("c-x"), "");
	help_is(R("w-x"), help_sh(0, "cd ../repo--w-x && pwd -P").out);
}
END_TEST

/* What was asked and what would be asked; nothing is written. */
START_TEST(differences)
{
	const char *before;
	struct ran r;

	help_file("f.orch", "param who you", "agent echo cat", "run sh as one | printf 'a\\nb\\n'", "parallel i in x y",
	    "run echo as p-{{i}} < one", "| For {{who}}:", "env A=b", "end", "run sh as two < p-* | wc -l", "print | {{two}}",
	    "ask go yes default yes | {{two}}", "commit as c | done", NULL);
	help_sh(3, "orch diff one");
	help_sh(0, "orch run -q -r r f.orch");
	before = help_tree(".orch", 1);
	ck_assert_str_eq(help_sh(0, "orch diff one && orch diff -r r p-x && orch diff two && orch diff go").out, "");
	help_has(help_sh(3, "orch diff c").err, "not a run or ask");
	help_has(help_sh(3, "orch diff none").err, "no line of the workflow makes it");
	help_has(help_sh(3, "orch diff -r none one").err, "no such run");
	help_sh(2, "orch diff");
	help_sh(2, "orch diff one two");
	help_sh(0, "sed -i 's/For/To/; s/A=b/A=c/; s/^run sh as two/& < one/; s/< one < p/< one p/' f.orch");
	r = help_run("orch diff p-y");
	ck_assert_int_eq(r.status, 1);
	ck_assert_str_eq(r.err, "");
	ck_assert_str_eq(r.out, "--- p-y (recorded)\n+++ p-y (current)\n@@ -1,9 +1,9 @@\n directory\t.\n word\tcat\n"
	    "-env\tA=b\n+env\tA=c\n variable\twho\tyou\n \n-For you:\n+To you:\n \n ==> one <==\n a\n");
	r = help_run("orch diff two");
	ck_assert_int_eq(r.status, 1);
	help_has(r.out, "+b\n");
	/* Without a diff both are there whole. */
	r = help_run("o=$(command -v orch); mkdir bin; PATH=$PWD/bin $o diff p-x");
	ck_assert_int_eq(r.status, 1);
	help_has(r.out, "==> p-x (recorded)\ndirectory\t.\nword\tcat\nenv\tA=b\nvariable\twho\tyou\n\nFor you:\n\n==> one <==\na\nb\n");
	help_has(r.out, "\n==> p-x (current)\n");
	/* Names that a terminal would act on, and a workflow that can no longer be read. */
	help_sh(0, "mkdir tmp && TMPDIR=$PWD/tmp orch diff go && rmdir tmp");
	help_file("f.orch", "rum", NULL);
	help_sh(2, "orch diff one");
	ck_assert_str_eq(help_tree(".orch", 1), before);
}
END_TEST

/* Put there by hand, never asked. */
START_TEST(no_difference_is_known)
{
	help_file("f.orch", "run sh as a | test -f ok", "run sh as b | :", NULL);
	help_sh(1, "orch run -q -r r f.orch");
	ck_assert_str_eq(help_sh(0, "orch diff a").out, "");
	help_has(help_run("orch diff b").out, "--- b (never asked)\n+++ b (current)\n@@ -0,0 +1");
	help_file(R("b"), NULL);
	help_has(help_sh(3, "orch diff b").err, "by hand");
}
END_TEST

static void
running_case(Suite *s)
{
	TCase *t = help_case(s, "running", start, 60);

	tcase_add_loop_test(t, a_changed_line, 0, LEN(changes));
	tcase_add_loop_test(t, a_killed_walk, 0, 16);
	tcase_add_test(t, a_result_without_its_line);
	tcase_add_loop_test(t, a_try_that_fails, 0, 4);
	tcase_add_test(t, a_question_that_is_later_than_its_result);
	tcase_add_test(t, a_log_without_its_attempts);
	tcase_add_test(t, a_parameter);
	tcase_add_test(t, a_line_more_and_less);
	tcase_add_test(t, an_old_result_is_not_seen);
	tcase_add_test(t, results_by_hand);
	tcase_add_loop_test(t, an_old_yes, 0, 2);
	tcase_add_test(t, a_step_by_hand);
	tcase_add_test(t, otherwise_and_retries);
	tcase_add_test(t, standard_input);
	tcase_add_loop_test(t, git_lines, 0, 2);
	tcase_add_test(t, differences);
	tcase_add_test(t, no_difference_is_known);
}

Suite *
again_suite(void)
{
	Suite *s = suite_create("again");

	suite_add_tcase(s, deciding_case());
	running_case(s);
	return s;
}

/* engine/: deciding, without a process. A walk is driven by hand: its tasks end as the test says, in the
 * order that the test chooses; results come from a table, time is a number. */
#include "tests/suites.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "engine/task/digest.h"
#include "engine/task/expand.h"
#include "engine/sched/throttle.h"
#include "engine/task/items.h"
#include "engine/task/keys.h"
#include "engine/agent/outcome.h"
#include "engine/sched/running.h"
#include "engine/task/task.h"
#include "engine/sched/walk.h"
#include "engine/supervise/spawn.h"
#include "parse/agents.h"
#include "parse/check.h"
#include "parse/mem.h"
#include "parse/parse.h"
#include "tests/help.h"

#define T "agent t t\n"         /* the first line of most workflows here */

/* How the task of a key ends. */
struct rule {
	const char *key;        /* or "if of line N" */
	int kind, status;
	long times;             /* so often; then it is OUT_OK */
	const char *result;     /* NULL: the key and a newline */
};

enum { RULES_MOST = 40, RUNNING_MOST = 4000 };

/* A task that was given out. */
struct given_out {
	struct branch *branch;
	enum task_kind kind;
	char *key;
	int answered;           /* walk_answered was said, walk_ended was not */
};

struct result {
	char *key, *bytes;
	size_t n;
};

enum take { TAKE_FIRST, TAKE_LAST, TAKE_RANDOM };

struct rig {
	struct source src;
	struct workflow *w;
	struct diags diags;
	struct keys keys;
	struct results results;
	struct walk_ops ops;
	struct run_env around;
	struct scope params[8];
	int nparams;
	struct walk walk;
	struct rule rules[RULES_MOST];
	int nrules;
	struct result *table;
	size_t ntable;
	struct given_out *running;
	int n, busy, most;      /* given out; of them not answered; the most there were of these */
	int quiet;              /* nothing is noted: for a million items */
	long starts;
	struct buf started;     /* keys, each with a blank */
	struct buf asked;       /* KEY|prompt|inputs, each with a blank, and a newline */
	struct buf events, out;
	char *differs;          /* the prompt that the latest EVENT_KEPT came with */
	long long now, retry_ms;
	uint32_t seed, chance;
	int chance_is_random;
};

/* What the walk calls. */

static uint32_t
ops_random(void *ctx)
{
	struct rig *r = ctx;

	return r->chance_is_random ? help_random(&r->seed) * 257u : r->chance;
}

static void
ops_event(void *ctx, const struct event *e)
{
	static const char *const words[] = { "kept", "again", "retry", "held", "failed", "trouble", "note", "decided", "said", "stdin", "unasked", "made", "changed" };
	struct rig *r = ctx;

	if (e->kind == EVENT_RETRY || e->kind == EVENT_RATE_LIMITED)
		r->retry_ms = e->ms;
	if (e->kind == EVENT_KEPT) {
		free(r->differs);
		r->differs = e->task ? mem_dup(e->task->prompt, e->task->nprompt) : NULL;
	}
	if (r->quiet || e->kind == EVENT_STDIN || e->kind == EVENT_MADE)
		return;
	buf_text(&r->events, words[e->kind]);
	if (e->key)
		buf_fmt(&r->events, " %s", e->key);
	if (e->kind == EVENT_RETRY)
		buf_fmt(&r->events, " %ld", e->attempts);
	if (e->text)
		buf_fmt(&r->events, " %s", e->text);
	buf_char(&r->events, '\n');
}

static int
read_result(void *ctx, const char *key, char **p, size_t *n)
{
	struct rig *r = ctx;
	size_t i;

	for (i = 0; i < r->ntable; i++)
		if (!strcmp(r->table[i].key, key)) {
			if (!r->table[i].bytes) {
				errno = EACCES;
				return -1;
			}
			*p = mem_dup(r->table[i].bytes, r->table[i].n);
			*n = r->table[i].n;
			return 0;
		}
	errno = ENOENT;
	return -1;
}

static const char *
ops_redo(void *ctx, uint32_t id, const struct task *t)
{
	(void)ctx;
	(void)id;
	(void)t;
	return "redo";
}

static const char *
ops_differs(void *ctx, uint32_t id, const struct task *t)
{
	(void)ctx;
	(void)id;
	(void)t;
	return NULL;
}

/* BYTES NULL: it cannot be read. */
static void
put_result(struct rig *r, const char *key, const char *bytes, size_t n)
{
	struct result *a;

	r->table = mem_grow(r->table, r->ntable + 1, sizeof *r->table);
	a = &r->table[r->ntable++];
	a->key = mem_dup(key, strlen(key));
	a->bytes = bytes ? mem_dup(bytes, n) : NULL;
	a->n = n;
}

static void
flag(struct rig *r, const char *key, int flags)
{
	uint32_t id = keys_add(&r->keys, key, strlen(key));

	r->keys.list[id].flags |= (unsigned)flags;
}

/* A result that was there before the walk. */
static void
keep(struct rig *r, const char *key, const char *bytes)
{
	flag(r, key, KEY_KEPT);
	put_result(r, key, bytes, strlen(bytes));
}

static void
rule(struct rig *r, const char *key, int kind, int status, long times, const char *result)
{
	struct rule *u = &r->rules[r->nrules++];

	ck_assert_int_le(r->nrules, RULES_MOST);
	u->key = key;
	u->kind = kind;
	u->status = status;
	u->times = times;
	u->result = result;
}

static void
fails(struct rig *r, const char *key, int status)
{
	rule(r, key, OUT_ENDED, status << 8, 1000000, NULL);
}

static void
says(struct rig *r, const char *key, const char *result)
{
	rule(r, key, OUT_OK, 0, 1000000, result);
}

static void
param(struct rig *r, const char *name, const char *value)
{
	struct scope *s = &r->params[r->nparams];

	s->up = r->nparams ? &r->params[r->nparams - 1] : NULL;
	s->name = name;
	s->value = value;
	s->n = strlen(value);
	r->nparams++;
}

static const struct scope *
scope_of(const struct rig *r)
{
	return r->nparams ? &r->params[r->nparams - 1] : NULL;
}

/* A line of the workflow, not in a call, that sees this. */
static void
place_make(struct context *at, const struct rig *r, const struct visible *visible)
{
	memset(at, 0, sizeof *at);
	at->scope = scope_of(r);
	at->visible = visible;
	at->prefix = "";
	at->flow = r->w;
	at->dir = "/root/sub";
}

/* Beginning and end. */

static void
read_workflow(struct rig *r, const char *text, const struct agent *over)
{
	struct check_with with = { 0 };
	struct buf said = { 0 };

	r->src.name = "w";
	r->src.text = text;
	r->src.n = strlen(text);
	r->w = workflow_parse(&r->src, &r->diags);
	with.agents = over;
	workflow_check(r->w, &with, &r->diags);
	diag_text(&r->diags, &said);
	ck_assert_msg(!r->diags.errors, "%s", buf_str(&said));
	buf_free(&said);
}

static struct rig *
rig_new(const char *text)
{
	static char *const environ_of[] = { NULL };
	struct rig *r = mem_zero(1, sizeof *r);

	r->results.keys = &r->keys;
	r->results.read = read_result;
	r->results.ctx = r;
	r->ops.ctx = r;
	r->ops.event = ops_event;
	r->ops.random = ops_random;
	r->ops.differs = ops_differs;
	r->around.root = "/root";
	r->around.run = "run";
	r->around.results_dir = "/root/.orch/run/result";
	r->around.environ = environ_of;
	r->running = mem_zero(RUNNING_MOST, sizeof *r->running);
	r->seed = 1;
	r->now = 1000000;
	buf_str(&r->started);
	buf_str(&r->asked);
	buf_str(&r->events);
	buf_str(&r->out);
	read_workflow(r, text, NULL);
	return r;
}

static void
rig_free(struct rig *r)
{
	size_t i;

	for (i = 0; i < r->ntable; i++) {
		free(r->table[i].key);
		free(r->table[i].bytes);
	}
	free(r->table);
	free(r->running);
	free(r->differs);
	buf_free(&r->started);
	buf_free(&r->asked);
	buf_free(&r->events);
	buf_free(&r->out);
	buf_free(&r->results.error);
	walk_free(&r->walk);
	keys_free(&r->keys);
	workflow_free(r->w);
	diag_free(&r->diags);
	free(r);
}

static void
begin(struct rig *r, long jobs, int stop_first)
{
	walk_start(&r->walk, r->w, &r->around, &r->results, scope_of(r), &r->ops, jobs, stop_first);
}

/* Driving. */

static void
note_start(struct rig *r, const struct task *t)
{
	const char *key = t->inputs;
	size_t i;

	if (r->quiet)
		return;
	buf_fmt(&r->started, "%s%s ", t->kind == TASK_WORD ? "=" : t->kind == TASK_TAKE ? "+" : "", t->key);
	buf_fmt(&r->asked, "%s|%.*s|", t->key, (int)without_newlines(t->prompt, t->nprompt), t->prompt);
	for (i = 0; i < t->ninputs; i++, key += strlen(key) + 1)
		buf_fmt(&r->asked, "%s ", key);
	buf_char(&r->asked, '\n');
	buf_str(&r->asked);
}

static void
take_start(struct rig *r, struct order *o)
{
	struct given_out *u = &r->running[r->n++];

	ck_assert_int_lt(r->n, RUNNING_MOST);
	note_start(r, &o->task);
	u->branch = o->branch;
	u->kind = o->task.kind;
	u->key = mem_dup(o->task.key, strlen(o->task.key));
	u->answered = 0;
	r->starts++;
	if (++r->busy > r->most)
		r->most = r->busy;
	task_free(&o->task);
}

/* All that is to be done now, but to start and to wait, is done. Returns whether there was anything. */
static int
take_one(struct rig *r)
{
	struct order o;

	walk_next(&r->walk, r->now, &o);
	if (o.kind == ORDER_START) {
		take_start(r, &o);
	} else if (o.kind == ORDER_PRINT) {
		buf_add(&r->out, buf_str(&o.text), o.text.n);
		buf_str(&r->out);
		buf_free(&o.text);
		walk_printed(&r->walk, o.branch, 0);
	}
	return o.kind != ORDER_NONE;
}

static void
take_all(struct rig *r)
{
	while (take_one(r))
		;
	buf_str(&r->started);
	buf_str(&r->events);
}

/* The outcome of a running task, by the rules. */
static void
outcome_of(struct rig *r, const struct given_out *u, struct outcome *o, const char **result)
{
	int i;

	memset(o, 0, sizeof *o);
	o->kind = OUT_OK;
	*result = NULL;
	if (u->kind == TASK_WORD)
		return;
	for (i = 0; i < r->nrules; i++)
		if (!strcmp(r->rules[i].key, u->key) && r->rules[i].times) {
			r->rules[i].times--;
			o->kind = r->rules[i].kind;
			o->status = r->rules[i].status;
			*result = r->rules[i].result;
			return;
		}
}

static void
forget(struct rig *r, int i)
{
	free(r->running[i].key);
	memmove(&r->running[i], &r->running[i + 1], (size_t)(--r->n - i) * sizeof *r->running);
}

static void
end_with(struct rig *r, int i, const struct outcome *o, const char *result)
{
	struct given_out *u = &r->running[i];
	struct branch *b = u->branch;
	struct buf own = { 0 };

	if (o->kind == OUT_OK && u->kind != TASK_IF && !r->quiet) {
		buf_fmt(&own, "%s\n", u->kind == TASK_WORD ? "otherwise" : u->key);
		put_result(r, u->key, result ? result : buf_str(&own), result ? strlen(result) : own.n);
		buf_free(&own);
	}
	if (!u->answered) {
		r->busy--;
		if (o->kind == OUT_OK)
			walk_has_result(&r->walk, b);
	}
	forget(r, i);
	walk_ended(&r->walk, b, o, r->now);
}

/* Ends the I-th of what runs, as the rules say. */
static void
end_one(struct rig *r, int i)
{
	struct outcome o;
	const char *result;

	if (r->running[i].answered) {
		memset(&o, 0, sizeof o);
		end_with(r, i, &o, NULL);
		return;
	}
	outcome_of(r, &r->running[i], &o, &result);
	end_with(r, i, &o, result);
}

static int
find_running(const struct rig *r, const char *key)
{
	int i;

	for (i = 0; i < r->n; i++)
		if (!strcmp(r->running[i].key, key))
			return i;
	ck_abort_msg("`%s` does not run", key);
	return -1;
}

static void
end_key(struct rig *r, const char *key)
{
	end_one(r, find_running(r, key));
	take_all(r);
}

/* Until nothing runs and nothing is due. */
static void
drive(struct rig *r, enum take how)
{
	for (;;) {
		take_all(r);
		if (r->n) {
			int last = r->n - 1;

			end_one(r, how == TAKE_FIRST ? 0 : how == TAKE_LAST ? last : (int)(help_random(&r->seed) % (uint32_t)r->n));
		} else if (!r->walk.ended && walk_wake(&r->walk, r->now) >= 0) {
			r->now += walk_wake(&r->walk, r->now);
		} else {
			break;
		}
	}
	ck_assert_msg(r->walk.ended, "nothing runs, nothing is due, and it has not ended; started: %s", buf_str(&r->started));
}

static struct rig *
walked(const char *text, enum take how)
{
	struct rig *r = rig_new(text);

	begin(r, 0, 0);
	drive(r, how);
	return r;
}

static const char *
reason(struct rig *r)
{
	return buf_str(&r->walk.reason);
}

static void
ended_well(struct rig *r)
{
	ck_assert_msg(r->walk.ended && !r->walk.failed && !r->walk.unfinished, "it failed: %s", reason(r));
}

static void
ended_badly(struct rig *r)
{
	ck_assert(r->walk.ended);
	ck_assert_int_eq(r->walk.failed, 1);
}

static int
has(const char *s, const char *needle)
{
	return strstr(s, needle) != NULL;
}

/* Whether all of the words, the last NULL, are in S in this order. */
static int
in_order(const char *s, const char *const *words)
{
	for (; *words; words++) {
		s = strstr(s, *words);
		if (!s)
			return 0;
		s += strlen(*words);
	}
	return 1;
}

/* One after another. */

START_TEST(sequence)
{
	struct rig *r = rig_new(T "run t as a | 1\nrun t as b < a\nrun t as c | {{a}} {{b}}\nprint | {{c}}.\n");

	begin(r, 0, 0);
	take_all(r);
	ck_assert_str_eq(r->started.s, "a ");
	end_key(r, "a");
	ck_assert_str_eq(r->started.s, "a b ");
	end_key(r, "b");
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->asked.s, "a|1|\nb||a \nc|a b|\n");
	ck_assert_str_eq(r->out.s, "c.\n");
	ck_assert_int_eq(r->most, 1);
	rig_free(r);
}
END_TEST

START_TEST(sequence_fails)
{
	struct rig *r = rig_new(T "run t as a\nrun t as b\nrun t as c\nprint | never\n");

	fails(r, "b", 3);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert_str_eq(r->started.s, "a b ");
	ck_assert_str_eq(reason(r), "b: exit status 3");
	ck_assert_str_eq(r->events.s, "failed b exit status 3\n");
	ck_assert_str_eq(r->out.s, "");
	rig_free(r);
}
END_TEST

START_TEST(nothing_to_do)
{
	struct rig *r = walked(T "step s t\n", TAKE_FIRST);

	ended_well(r);
	ck_assert_int_eq(r->starts, 0);
	rig_free(r);
}
END_TEST

START_TEST(kept_keys)
{
	struct rig *r = rig_new(T "run t as a | one\nrun t as b | {{a}}\nparallel i in 1 2 3\nrun t as p-{{i}}\nend\nprint | {{b}} {{p-*}}\n");

	keep(r, "a", "old\n");
	keep(r, "p-2", "second");
	keep(r, "p-9", "of no line");
	begin(r, 0, 0);
	drive(r, TAKE_LAST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "b p-1 p-3 ");
	ck_assert(has(r->asked.s, "b|old|\n"));
	ck_assert_str_eq(r->events.s, "kept a\nkept p-2\n");
	ck_assert_str_eq(r->out.s, "b p-1\nsecond\np-3\n\n");
	rig_free(r);
}
END_TEST

/* What would be asked now comes with the event. */
START_TEST(kept_with_what_would_be_asked)
{
	struct rig *r = rig_new(T "run t as a | new\n");

	keep(r, "a", "");
	keys_set_digest(&r->keys, keys_find(&r->keys, "a", 1), 1);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_int_eq(r->starts, 0);
	ck_assert_ptr_nonnull(r->differs);
	ck_assert_str_eq(r->differs, "new\n");
	rig_free(r);
}
END_TEST

START_TEST(odd_results)
{
	struct rig *r = rig_new(T "run t as a\n");

	flag(r, "a", KEY_ODD);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert_int_eq(r->starts, 0);
	ck_assert(has(reason(r), "a") && has(reason(r), "w:2"));
	rig_free(r);
}
END_TEST

/* A result that cannot be read is an error, never "not done". */
START_TEST(unreadable_results)
{
	struct rig *r = rig_new(T "run t as a\nrun t as b | {{a}}\n");

	flag(r, "a", KEY_KEPT);
	put_result(r, "a", NULL, 0);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert_int_eq(r->starts, 0);
	ck_assert(has(reason(r), "`a`"));
	ck_assert(has(reason(r), strerror(EACCES)));
	rig_free(r);
}
END_TEST

static const struct {
	const char *value, *says;
} bad_keys[] = {
	{ "", "empty" }, { NULL, "long" }, { "a", "line 3" }, { "-", "`-`" },
};

START_TEST(keys_that_cannot_be)
{
	struct rig *r = rig_new(T "param x\nrun t as a\nrun t as {{x}}\n");
	char longest[301];

	memset(longest, 'k', 300);
	longest[300] = '\0';
	param(r, "x", bad_keys[_i].value ? bad_keys[_i].value : longest);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert_str_eq(r->started.s, "a ");
	ck_assert_msg(has(reason(r), bad_keys[_i].says), "%s", reason(r));
	ck_assert(has(reason(r), "w:4"));
	rig_free(r);
}
END_TEST

/* Blocks. */

START_TEST(parallel_of_runs)
{
	struct rig *r = rig_new(T "parallel\nrun t as a\nrun t as b\nrun t as c\nend\nrun t as d < b a\n");

	begin(r, 0, 0);
	take_all(r);
	ck_assert_str_eq(r->started.s, "a b c ");
	end_key(r, "b");
	end_key(r, "c");
	ck_assert_str_eq(r->started.s, "a b c ");
	end_key(r, "a");
	ck_assert_str_eq(r->started.s, "a b c d ");
	drive(r, TAKE_FIRST);
	ended_well(r);
	rig_free(r);
}
END_TEST

START_TEST(parallel_of_items)
{
	struct rig *r = rig_new(T "parallel x in 'a b' '{{x}}' 1..3\nrun t as {{x}}-1\nrun t as {{x}}-2\nend\nrun t as d\n");

	begin(r, 0, 0);
	take_all(r);
	ck_assert_str_eq(r->started.s, "a b-1 {{x}}-1 1-1 2-1 3-1 ");
	end_key(r, "2-1");
	ck_assert(has(r->started.s, "3-1 2-2 "));
	drive(r, TAKE_LAST);
	ended_well(r);
	ck_assert_int_eq(r->starts, 11);
	ck_assert(has(r->started.s, "-2 d "));
	rig_free(r);
}
END_TEST

START_TEST(max_is_a_pool)
{
	struct rig *r = rig_new(T "parallel max 2 x in 1..5\nrun t as i{{x}}\nend\n");

	begin(r, 0, 0);
	take_all(r);
	ck_assert_str_eq(r->started.s, "i1 i2 ");
	end_key(r, "i2");
	ck_assert_str_eq(r->started.s, "i1 i2 i3 ");
	end_key(r, "i3");
	end_key(r, "i4");
	ck_assert_str_eq(r->started.s, "i1 i2 i3 i4 i5 ");
	ck_assert_int_ge(find_running(r, "i1"), 0);
	drive(r, TAKE_FIRST);
	ended_well(r);
	rig_free(r);
}
END_TEST

START_TEST(max_of_runs)
{
	struct rig *r = walked(T "parallel max 2\nrun t as a\nrun t as b\nrun t as c\nrun t as d\nend\n", TAKE_LAST);

	ended_well(r);
	ck_assert_int_eq(r->most, 2);
	ck_assert_str_eq(r->started.s, "a b c d ");
	rig_free(r);
}
END_TEST

/* Says of some that their result is there, before it is kept: another may then start. */
static void
result_some(struct rig *r)
{
	int i = r->n ? (int)(help_random(&r->seed) % (uint32_t)r->n) : 0;
	struct given_out *u = &r->running[i];

	if (!r->n || u->answered || u->kind == TASK_STDIN)
		return;
	u->answered = 1;
	r->busy--;
	put_result(r, u->key, u->key, strlen(u->key));
	walk_has_result(&r->walk, u->branch);
}

static void
fifty(struct rig *r, int with_results)
{
	char list[500] = "", one[20];
	int i;

	begin(r, 0, 0);
	while (take_all(r), r->n) {
		if (with_results && help_random(&r->seed) % 2)
			result_some(r);
		else
			end_one(r, (int)(help_random(&r->seed) % (uint32_t)r->n));
	}
	ended_well(r);
	for (i = 1; i <= 50; i++) {
		snprintf(one, sizeof one, "i%d ", i);
		strcat(list, one);
	}
	ck_assert_str_eq(r->started.s, list);
}

START_TEST(max_is_never_exceeded)
{
	struct rig *r = rig_new(T "parallel max 4 x in 1..50\nrun t as i{{x}}\nend\n");

	r->seed = (uint32_t)_i;
	fifty(r, _i % 2);
	ck_assert_int_eq(r->most, 4);
	rig_free(r);
}
END_TEST

/* The place belongs to the branch, not to its first step. */
START_TEST(max_1_in_input_order)
{
	struct rig *r = walked(T "parallel max 1 x in c a b\nrun t as {{x}}1\nrun t as {{x}}2\nend\n", TAKE_LAST);

	ended_well(r);
	ck_assert_str_eq(r->started.s, "c1 c2 a1 a2 b1 b2 ");
	ck_assert_int_eq(r->most, 1);
	rig_free(r);
}
END_TEST

#define DEEP T "parallel max {{m}} a in 1 2 3\nparallel max {{m}} b in 1 2 3\nparallel max {{m}} c in 1 2 3\n" \
	"run t as {{a}}{{b}}{{c}}\nend\nrun t as {{a}}{{b}}\nend\nrun t as {{a}}-\nend\n"

/* A branch that waits for a block inside of it holds no place of -j. */
START_TEST(jobs_over_nested_blocks)
{
	static const struct {
		const char *max;
		int jobs;
	} caps[] = { { "1", 1 }, { "3", 1 }, { "100", 1 }, { "100", 2 }, { "100", 5 }, { "2", 100 } };
	struct rig *r = rig_new("param m\n" DEEP);

	param(r, "m", caps[_i / 3].max);
	begin(r, caps[_i / 3].jobs, 0);
	drive(r, (enum take)(_i % 3));
	ended_well(r);
	ck_assert_int_eq(r->starts, 27 + 9 + 3);
	if (caps[_i / 3].jobs < 100)
		ck_assert_int_eq(r->most, caps[_i / 3].jobs);
	else
		ck_assert_int_eq(r->most, 8);
	rig_free(r);
}
END_TEST

/* Tokens. */

START_TEST(tokens_are_places)
{
	struct rig *r = rig_new(T "parallel x in 1..5\nrun t as i{{x}}\nend\n");

	begin(r, 0, 0);
	r->walk.tokens = 2;
	take_all(r);
	ck_assert_str_eq(r->started.s, "i1 i2 ");
	ck_assert_int_eq(walk_wants(&r->walk), 1);
	end_key(r, "i2");
	ck_assert_str_eq(r->started.s, "i1 i2 i3 ");
	r->walk.tokens++;
	ck_assert_int_eq(walk_wants(&r->walk), 0);
	take_all(r);
	ck_assert_str_eq(r->started.s, "i1 i2 i3 i4 ");
	ck_assert_int_eq(walk_wants(&r->walk), 1);
	r->walk.tokens = 1;
	end_key(r, "i1");
	end_key(r, "i3");
	ck_assert_str_eq(r->started.s, "i1 i2 i3 i4 ");
	end_key(r, "i4");
	ck_assert_str_eq(r->started.s, "i1 i2 i3 i4 i5 ");
	ck_assert_int_eq(walk_wants(&r->walk), 0);
	drive(r, TAKE_FIRST);
	ck_assert_int_eq(r->walk.tokens_used, 0);
	ended_well(r);
	rig_free(r);
}
END_TEST

START_TEST(free_takes_no_token)
{
	struct rig *r = rig_new(T "step f t\nfree\nparallel\nrun t as a\nrun t as b\nrun f as c\nrun t as d\nfree\nrun f as e\nend\n");

	begin(r, 3, 0);
	r->walk.tokens = 1;
	take_all(r);
	ck_assert_str_eq(r->started.s, "a c d ");
	ck_assert_int_eq(walk_wants(&r->walk), 0);      /* -j counts them */
	end_key(r, "c");
	ck_assert_str_eq(r->started.s, "a c d e ");
	end_key(r, "d");
	ck_assert_int_eq(walk_wants(&r->walk), 1);
	end_key(r, "a");
	ck_assert_str_eq(r->started.s, "a c d e b ");
	drive(r, TAKE_FIRST);
	ended_well(r);
	rig_free(r);
}
END_TEST

START_TEST(a_pause_holds_no_token)
{
	struct rig *r = rig_new(T "parallel\nrun t as a\nretry 1 1s\nrun t as b\nend\nif true\nrun t as c\nend\n");

	fails(r, "a", 1);
	begin(r, 0, 0);
	r->rules[0].times = 1;
	r->walk.tokens = 1;
	take_all(r);
	end_key(r, "a");
	ck_assert_str_eq(r->started.s, "a b ");
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "a b a if of line 7 c ");
	rig_free(r);
}
END_TEST

/* What waits for a token is begun only as far ahead as is needed to find what is free. */
START_TEST(tokens_make_no_crowd)
{
	struct rig *r = rig_new(T "parallel x in 1..100000\nrun t as i{{x}}\nend\n");

	r->quiet = 1;
	begin(r, 0, 0);
	r->walk.tokens = 1;
	take_all(r);
	ck_assert_int_eq(r->n, 1);
	ck_assert_uint_lt(r->walk.serials, 100);
	walk_stop(&r->walk, STOP_ALL);
	end_one(r, 0);
	take_all(r);
	ck_assert_int_eq(r->walk.ended, 1);
	rig_free(r);
}
END_TEST

START_TEST(max_that_is_none)
{
	static const char *const values[] = { "0", "-1", "x", "", "1..2", "1 " };
	int i, form;

	for (i = 0; i < LEN(values); i++)
		for (form = 0; form < 2; form++) {
			/* Also when the list turns out empty. */
			struct rig *r = rig_new(form ? "param m\n" T "parallel max {{m}} x in 1..0\nrun t as {{x}}\nend\n" :
			    "param m\n" T "parallel max {{m}} x in 1 2\nrun t as {{x}}\nend\n");

			param(r, "m", values[i]);
			begin(r, 0, 0);
			drive(r, TAKE_FIRST);
			ended_badly(r);
			ck_assert_int_eq(r->starts, 0);
			ck_assert(has(reason(r), "w:3") && has(reason(r), "max"));
			rig_free(r);
		}
}
END_TEST

START_TEST(empty_lists)
{
	struct rig *r = rig_new(T "run t as l\nparallel max 3 x in < l\nrun t as a-{{x}}\nend\nparallel x in 2..1\nrun t as b-{{x}}\nend\n"
	    "for x in 1..0 < l\nrun t as c-{{x}}\nend\nrun t as d < a-*\nprint | ({{a-*}}{{b-*}}{{c-*}})\n");

	says(r, "l", "\n\n");
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "l d ");
	ck_assert_str_eq(r->out.s, "()\n");
	rig_free(r);
}
END_TEST

/* The list is read once, before the first branch starts. */
START_TEST(list_read_once)
{
	struct rig *r = rig_new(T "run t as l\nparallel max 1 x in < l\nrun t as {{x}}-a\nend\n");

	says(r, "l", "1\n2");
	begin(r, 0, 0);
	take_all(r);
	end_key(r, "l");
	free(r->table[0].bytes);
	r->table[0].bytes = mem_dup("1\n2\n3\n", 6);
	r->table[0].n = 6;
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "l 1-a 2-a ");
	rig_free(r);
}
END_TEST

/* Failures. */

START_TEST(blocks_settle)
{
	struct rig *r = rig_new(T "parallel max 2 x in 1..5\nrun t as i{{x}}\nrun t as j{{x}}\nend\nrun t as after\n");

	fails(r, "i4", 9);
	fails(r, "i1", 3);
	begin(r, 0, 0);
	drive(r, (enum take)(_i % 3));
	ended_badly(r);
	ck_assert_int_eq(r->starts, 5 + 3);
	ck_assert(!has(r->started.s, "after") && !has(r->started.s, "j1") && !has(r->started.s, "j4"));
	ck_assert(has(reason(r), "2 of 5 branches failed"));
	ck_assert(in_order(reason(r), (const char *const[]){ "branches failed", "i1: exit status 3", "i4: exit status 9", NULL }));
	ck_assert(!has(reason(r), "i2") && !has(reason(r), "i5") && !has(reason(r), "did not finish"));
	ck_assert(has(r->events.s, "trouble ") && has(r->events.s, "failed i4 exit status 9\n"));
	rig_free(r);
}
END_TEST

START_TEST(failures_in_input_order)
{
	struct rig *r = rig_new(T "parallel\nrun t as z\nrun t as y\nrun t as x\nrun t as w\nend\n");

	fails(r, "z", 1);
	fails(r, "x", 2);
	rule(r, "w", OUT_TIMEOUT, 0, 1, NULL);
	begin(r, 0, 0);
	drive(r, TAKE_LAST);
	ended_badly(r);
	ck_assert(in_order(reason(r), (const char *const[]){ "3 of 4 branches failed", "z: ", "x: ", "w: timed out", NULL }));
	ck_assert(!has(reason(r), "y:"));
	rig_free(r);
}
END_TEST

START_TEST(block_of_one)
{
	struct rig *r = rig_new(_i ? T "parallel\nrun t as a\nend\n" : T "parallel x in a\nrun t as {{x}}\nend\n");

	fails(r, "a", 1);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert(has(reason(r), "1 of 1 branches failed"));
	ck_assert(has(reason(r), "a: exit status 1"));
	rig_free(r);
}
END_TEST

/* An inner failure is one failed branch of the outer block. */
START_TEST(nested_failures)
{
	struct rig *r = rig_new(T "parallel x in a b c\nparallel y in 1 2 3\nrun t as {{x}}{{y}}\nend\nrun t as {{x}}\nend\n");

	fails(r, "c1", 1);
	fails(r, "a3", 1);
	fails(r, "a2", 2);
	begin(r, 0, 0);
	drive(r, (enum take)_i);
	ended_badly(r);
	ck_assert_int_eq(r->starts, 10);
	ck_assert(in_order(reason(r), (const char *const[]){ "w:2: 2 of 3 branches failed", "w:3: 2 of 3 branches failed",
	    "a2: exit status 2", "a3: exit status 1", "w:3: 1 of 3 branches failed", "c1: exit status 1", NULL }));
	rig_free(r);
}
END_TEST

START_TEST(fail_in_a_branch)
{
	struct rig *r = rig_new(T "parallel x in a b c\nrun t as {{x}}\nif test \"$x\" = b\nfail | no {{x}}\nend\nrun t as {{x}}2\nend\n");

	/* The command's result does not depend on the branch here, so it is given by hand. */
	begin(r, 0, 0);
	take_all(r);
	end_key(r, "a");
	rule(r, "if of line 4", OUT_ENDED, 256, 1, NULL);
	end_key(r, "if of line 4");
	end_key(r, "b");
	end_key(r, "if of line 4");
	end_key(r, "c");
	rule(r, "if of line 4", OUT_ENDED, 256, 1, NULL);
	end_key(r, "if of line 4");
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert(has(reason(r), "1 of 3 branches failed"));
	ck_assert(has(reason(r), "x=b") && has(reason(r), "w:5: no b"));
	ck_assert(has(r->started.s, "a2") && has(r->started.s, "c2") && !has(r->started.s, "b2"));
	rig_free(r);
}
END_TEST

START_TEST(stop_first)
{
	struct rig *r = rig_new(T "parallel max 2 x in 1..5\nrun t as i{{x}}\nrun t as j{{x}}\nend\n");

	fails(r, "i1", 7);
	begin(r, 0, 1);
	take_all(r);
	end_key(r, "i1");
	ck_assert(!r->walk.ended);
	ck_assert_str_eq(r->started.s, "i1 i2 ");
	end_key(r, "i2");
	ck_assert_str_eq(r->started.s, "i1 i2 ");
	ended_badly(r);
	ck_assert(has(reason(r), "1 of 5 branches failed: i1: exit status 7"));
	rig_free(r);
}
END_TEST

/* What runs when the first has failed goes on, but not to a further attempt; what pauses ends. */
START_TEST(stop_first_ends_tries)
{
	struct rig *r = rig_new("retry 5 10s\n" T "parallel\nrun t as a\nrun t as b\nrun t as c\nretry 0\nend\n");

	fails(r, "a", 1);
	fails(r, "b", 2);
	fails(r, "c", 3);
	begin(r, 0, 1);
	take_all(r);
	end_key(r, "a");
	end_key(r, "c");
	ck_assert_int_eq(r->n, 1);
	end_key(r, "b");
	ended_badly(r);
	ck_assert_int_eq(r->starts, 3);
	ck_assert(has(reason(r), "3 of 3 branches failed"));
	rig_free(r);
}
END_TEST

/* Tries. */

START_TEST(retries_double)
{
	static const uint32_t chances[] = { 0, 1, 12345, 0x7fffffff, 0xffffffff };
	struct rig *r = rig_new(T "run t as a\nretry 4 10s\n");
	long long want = 10000, wake;
	int i;

	r->chance = chances[_i];
	rule(r, "a", OUT_ENDED, 256, 4, NULL);
	begin(r, 0, 0);
	take_all(r);
	for (i = 0; i < 4; i++, want *= 2) {
		end_key(r, "a");
		ck_assert_int_eq(r->n, 0);
		ck_assert_int_ge(r->retry_ms, want * 3 / 4);
		ck_assert_int_le(r->retry_ms, want * 5 / 4);
		wake = walk_wake(&r->walk, r->now);
		ck_assert_int_eq(wake, r->retry_ms);
		r->now += wake - 1;
		take_all(r);
		ck_assert_int_eq(r->n, 0);
		ck_assert_int_eq(walk_wake(&r->walk, r->now), 1);
		r->now += 1;
		take_all(r);
		ck_assert_int_eq(r->n, 1);
		ck_assert_int_eq(walk_wake(&r->walk, r->now), -1);
		ck_assert_int_eq(branch_attempt(r->running[0].branch), i + 2);
	}
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_int_eq(r->starts, 5);
	ck_assert(has(r->events.s, "retry a 1 exit status 1\n") && has(r->events.s, "retry a 4 exit status 1\n"));
	rig_free(r);
}
END_TEST

START_TEST(retries_have_jitter)
{
	long long seen[40], same = 0;
	int i;

	for (i = 0; i < LEN(seen); i++) {
		struct rig *r = rig_new(T "run t as a\nretry 1\n");

		r->chance_is_random = 1;
		r->seed = (uint32_t)i * 7919u;
		fails(r, "a", 1);
		begin(r, 0, 0);
		drive(r, TAKE_FIRST);
		ended_badly(r);
		ck_assert_int_eq(r->starts, 2);
		ck_assert_int_ge(r->retry_ms, 5000 * 3 / 4);    /* the default: 5s */
		ck_assert_int_le(r->retry_ms, 5000 * 5 / 4);
		seen[i] = r->retry_ms;
		same += i && seen[i] == seen[i - 1];
		rig_free(r);
	}
	ck_assert_int_lt(same, 5);
}
END_TEST

/* However many attempts and however long the pause, it stays a time to wait for. */
START_TEST(retries_stay_sane)
{
	struct rig *r = rig_new(T "run t as a\nretry 300 5h\n");
	long long least = 1LL << 60, most = 0;

	r->chance = 0xffffffff;
	fails(r, "a", 1);
	begin(r, 0, 0);
	while (take_all(r), r->n) {
		end_one(r, 0);
		if (r->walk.failed || walk_wake(&r->walk, r->now) < 0)
			continue;
		least = r->retry_ms < least ? r->retry_ms : least;
		most = r->retry_ms > most ? r->retry_ms : most;
		r->now += r->retry_ms;
	}
	ended_badly(r);
	ck_assert_int_eq(r->starts, 301);
	ck_assert_int_ge(least, 5 * 3600 * 1000LL * 3 / 4);
	ck_assert_int_le(most, 24 * 3600 * 1000LL * 5 / 4);     /* a day, and the jitter */
	rig_free(r);
}
END_TEST

/* An agent that has answered is not asked again since its result could not be kept. */
START_TEST(who_has_answered_is_not_asked_again)
{
	struct rig *r = rig_new(T "run t as a\nretry 3 1s\n");
	struct outcome o = { 0 };
	struct branch *b;

	begin(r, 0, 0);
	take_all(r);
	ck_assert_int_eq(r->n, 1);
	b = r->running[0].branch;
	walk_has_result(&r->walk, b);
	r->busy--;
	forget(r, 0);
	o.kind = OUT_IO;
	strcpy(o.text, "result/");
	walk_ended(&r->walk, b, &o, r->now);
	r->now += 100000;
	take_all(r);
	ended_badly(r);
	ck_assert_str_eq(r->started.s, "a ");
	rig_free(r);
}
END_TEST

/* What counts as an item: a line that is not empty, wherever it is. */
START_TEST(lines_that_are_items)
{
	static const struct {
		const char *lines;
		size_t count;
	} lists[] = {
		{ "", 0 }, { "\n", 0 }, { "a", 1 }, { "a\n", 1 }, { "\na\n", 1 }, { "a\nb", 2 }, { "a\n\nb\n\n\nc\n", 3 }, { "\n\n", 0 }, { "ab\n", 1 },
	};
	struct rig *r = rig_new("run sh as l | :\nparallel x in z < l\nrun sh as s-{{x}} | :\nend\n");
	struct context at = { 0 };
	struct items items;
	size_t i;

	for (i = 0; i < LEN(lists); i++) {
		ck_assert_int_eq(items_read(&items, &r->results, &at, r->w->body->next, mem_dup(lists[i].lines, strlen(lists[i].lines)),
		    strlen(lists[i].lines)), 0);
		ck_assert_uint_eq(items.count, 1 + lists[i].count);
		items_free(&items);
	}
	rig_free(r);
}
END_TEST

/* A pause takes no place of -j, and the earliest is the next. */
START_TEST(retries_pause_beside_others)
{
	struct rig *r = rig_new(T "parallel\nrun t as a\nretry 1 100s\nrun t as b\nretry 1 10s\nrun t as c\nend\n");

	rule(r, "a", OUT_ENDED, 256, 1, NULL);
	rule(r, "b", OUT_TIMEOUT, 0, 1, NULL);
	begin(r, 1, 0);
	take_all(r);
	end_key(r, "a");
	end_key(r, "b");
	ck_assert_str_eq(r->started.s, "a b c ");
	ck_assert_int_le(walk_wake(&r->walk, r->now), 12500);
	r->now += 200000;
	take_all(r);
	ck_assert_str_eq(r->started.s, "a b c ");
	end_key(r, "c");
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "a b c b a ");
	rig_free(r);
}
END_TEST

/* Agents that take no more for now. */

static void
refuses(struct rig *r, const char *key, long times)
{
	rule(r, key, OUT_RATE_LIMITED, 75 << 8, times, NULL);
}

static void
pass(struct rig *r, long long ms)
{
	r->now += ms;
	take_all(r);
}

/* All of an agent wait; what was asked before is part of the same refusal; then one is asked, and the others when it
 * has answered. */
START_TEST(refused_and_held_back)
{
	struct rig *r = rig_new(T "parallel x in 1..6\nrun t as a{{x}}\nend\n");

	r->chance = 1250;       /* of 5 s a quarter less, and that: no jitter */
	refuses(r, "a1", 1);
	refuses(r, "a2", 1);
	begin(r, 3, 0);
	take_all(r);
	end_key(r, "a1");
	ck_assert_int_eq(walk_wake(&r->walk, r->now), 5000);
	pass(r, 1000);
	end_key(r, "a2");
	end_key(r, "a3");
	ck_assert_str_eq(r->started.s, "a1 a2 a3 ");
	ck_assert_int_eq(r->walk.busy, 0);
	ck_assert_int_eq(walk_wake(&r->walk, r->now), 4000);
	pass(r, 3999);
	ck_assert_int_eq(r->n, 0);
	pass(r, 1);
	ck_assert_str_eq(r->started.s, "a1 a2 a3 a1 ");
	pass(r, 4999);
	ck_assert_int_eq(r->n, 1);
	end_key(r, "a1");
	ck_assert_str_eq(r->started.s, "a1 a2 a3 a1 a2 a4 a5 ");
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->events.s, "held a1 rate-limited: exit status 75\n"
	    "held a2 rate-limited: exit status 75\n");
	rig_free(r);
}
END_TEST

/* While nobody has come to an end since, one is asked in each pause. */
START_TEST(refused_and_asked_one_by_one)
{
	struct rig *r = rig_new(T "parallel x in 1..9\nrun t as a{{x}}\nend\n");

	r->chance = 1250;
	refuses(r, "a1", 1);
	begin(r, 2, 0);
	take_all(r);
	end_key(r, "a1");
	end_key(r, "a2");
	pass(r, 5000);
	ck_assert_str_eq(r->started.s, "a1 a2 a1 ");
	pass(r, 4999);
	ck_assert_int_eq(r->n, 1);
	pass(r, 1);
	ck_assert_str_eq(r->started.s, "a1 a2 a1 a3 ");
	refuses(r, "a3", 1);
	end_key(r, "a3");
	ck_assert_int_eq(r->retry_ms, 10000 - 2500 + 1250);     /* twice the pause */
	end_key(r, "a1");
	ck_assert_int_eq(r->n, 0);      /* it was asked before that */
	drive(r, TAKE_FIRST);
	ended_well(r);
	rig_free(r);
}
END_TEST

START_TEST(refused_for_a_time_that_is_named)
{
	struct rig *r = rig_new(T "parallel x in 1..3\nrun t as a{{x}}\nend\n");
	struct outcome o = { 0 };

	begin(r, 0, 0);
	take_all(r);
	o.kind = OUT_RATE_LIMITED;
	o.status = 75 << 8;
	o.of.wait = 7200;
	strcpy(o.text, "come tomorrow");
	end_with(r, find_running(r, "a2"), &o, NULL);
	o.of.wait = -1;
	end_with(r, find_running(r, "a1"), &o, NULL);
	take_all(r);
	ck_assert_int_eq(walk_wake(&r->walk, r->now), 7200 * 1000);
	o.of.wait = 10000;      /* longer: who says so last is right */
	end_with(r, find_running(r, "a3"), &o, NULL);
	take_all(r);
	ck_assert_int_eq(walk_wake(&r->walk, r->now), 10000 * 1000);
	pass(r, 10000 * 1000);
	ck_assert_str_eq(r->started.s, "a1 a2 a3 a2 ");
	ck_assert(has(r->events.s, "held a2 rate-limited: come tomorrow\n"));
	drive(r, TAKE_LAST);
	ended_well(r);
	rig_free(r);
}
END_TEST

/* Others are asked meanwhile; of sh and exec each step is one of its own. */
START_TEST(refused_by_one_agent)
{
	static const char *const others[] = { "run u as b", "run sh as b | true", "step s sh\nrun s as b | true",
	    "run sh as b | true", "step s exec true\nrun s as b" };
	static const char *const refused[] = { "run t as a", "run t as a", "run t as a", "run sh as a | true", "run sh as a | true" };
	struct buf text = { 0 };
	const char *line = strrchr(others[_i], '\n');
	struct rig *r;

	buf_fmt(&text, T "agent u x\n%.*sparallel\n%s\n%s\nend\n", line ? (int)(line - others[_i]) + 1 : 0, others[_i], refused[_i],
	    line ? line + 1 : others[_i]);
	r = rig_new(buf_str(&text));
	refuses(r, "a", 1);
	begin(r, 1, 0);
	take_all(r);
	end_key(r, "a");
	ck_assert_str_eq(r->started.s, "a b ");
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "a b a ");
	rig_free(r);
	buf_free(&text);
}
END_TEST

START_TEST(refused_by_a_shared_agent)
{
	static const char *const texts[] = {
		T "step s t\nparallel\nrun s as a\nrun t as b\nend\n", "step s sh | true\nparallel\nrun s as a\nrun s as b\nend\n",
	};
	struct rig *r = rig_new(texts[_i]);

	refuses(r, "a", 1);
	begin(r, 1, 0);
	take_all(r);
	end_key(r, "a");
	ck_assert_str_eq(r->started.s, "a ");
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "a a b ");
	rig_free(r);
}
END_TEST

/* Pauses double to a quarter of an hour; after six hours the agent is given up, and nobody else is asked. */
START_TEST(refused_until_it_is_given_up)
{
	struct rig *r = rig_new(T "parallel x in 1..3\nrun t as a{{x}}\nretry 2 1s\nend\nparallel x in 1..2\nrun t as b{{x}}\notherwise no\nend\n");
	long long want = 1000, start = r->now;

	refuses(r, "a1", 1000000);
	begin(r, 1, 0);
	for (;;) {
		take_all(r);
		if (!r->n)
			pass(r, walk_wake(&r->walk, r->now));
		if (r->walk.ended)
			break;
		r->chance = (uint32_t)want / 4;
		end_key(r, "a1");
		if (!r->walk.ended) {
			ck_assert_int_eq(r->retry_ms, want);
			want = want < 450000 ? want * 2 : 900000;
		}
	}
	ended_badly(r);
	ck_assert_int_ge(r->now - start, THROTTLE_OVER_MS);
	ck_assert_int_le(r->now - start, THROTTLE_OVER_MS + THROTTLE_MOST_MS);
	ck_assert(has(r->events.s, "failed a1 rate-limited: exit status 75\nfailed a2 skipped: t rate-limited for 6h"));
	ck_assert(!has(r->started.s, "a2"));
	rig_free(r);
}
END_TEST

START_TEST(given_up_and_otherwise)
{
	struct rig *r = rig_new(T "parallel x in 1..3\nrun t as a{{x}}\notherwise no\nend\nrun t as b\n");

	refuses(r, "a1", 1000000);
	refuses(r, "b", 1);
	begin(r, 1, 0);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert(has(r->started.s, "=a1 ") && has(r->started.s, "=a2 ") && has(r->started.s, "=a3 "));
	ck_assert(!has(r->started.s, " a2 ") && !has(r->started.s, " b "));
	ck_assert(has(reason(r), "b: skipped: t rate-limited for 6h"));
	rig_free(r);
}
END_TEST

/* Refusals are none of the attempts that `retry` gives; they count as attempts where attempts are named. */
START_TEST(refused_beside_retries)
{
	struct rig *r = rig_new(T "run t as a\nretry 1 1s\n");

	refuses(r, "a", 3);
	rule(r, "a", OUT_ENDED, 256, 1, NULL);
	refuses(r, "a", 1);
	fails(r, "a", 1);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert_str_eq(r->started.s, "a a a a a a ");
	ck_assert(has(r->events.s, "retry a 4 exit status 1\nheld a "));
	rig_free(r);
}
END_TEST

/* Where another attempt would not help there is none. */
START_TEST(futile_tries)
{
	struct rig *r = rig_new(T "run t as a\nretry 3 1s\n");

	rule(r, "a", OUT_PERMANENT, 256, 1, NULL);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert_str_eq(r->started.s, "a ");
	ck_assert_str_eq(reason(r), "a: exit status 1 (permanent error, not retried)");
	rig_free(r);
}
END_TEST

/* Who waits for an agent is there for a halt, and counts among what is left. */
START_TEST(refused_and_halted)
{
	struct rig *r = rig_new(T "agent u x\nparallel\nrun t as a\nrun t as b\nrun u as c\nend\n");
	struct outcome o = { 0 };

	refuses(r, "a", 1);
	refuses(r, "b", 1);
	begin(r, 0, _i == 1);
	take_all(r);
	end_key(r, "a");
	if (_i == 2)
		walk_stop(&r->walk, STOP_STARTING);
	end_key(r, "b");
	if (_i == 1)
		fails(r, "c", 1);
	if (_i == 0) {
		walk_stop(&r->walk, STOP_ALL);
		o.kind = OUT_STOPPED;
		end_with(r, find_running(r, "c"), &o, NULL);
		take_all(r);
	} else {
		end_key(r, "c");
	}
	ck_assert(r->walk.ended);
	ck_assert_int_eq(r->walk.failed, _i == 1);
	ck_assert_int_eq(r->walk.unfinished, _i != 1);
	ck_assert_str_eq(r->started.s, "a b c ");
	rig_free(r);
}
END_TEST

static void
count_line(void *ctx, const struct node *line, long long n)
{
	(void)line;
	*(long long *)ctx += n;
}

/* Of very many that would have to wait few are made; all count. */
START_TEST(many_are_held)
{
	struct rig *r = rig_new(T "parallel x in 1..100000\nrun t as a{{x}}\nend\n");
	struct remaining rest = { 0 };
	long long left = 0;

	refuses(r, "a1", 1);
	begin(r, 1, 0);
	take_all(r);
	end_key(r, "a1");
	ck_assert_int_lt(r->walk.nparked, 100);
	rest.ctx = &left;
	rest.each = count_line;
	walk_remaining(&r->walk, &rest);
	ck_assert_int_eq(left, 100000);
	walk_stop(&r->walk, STOP_ALL);
	take_all(r);
	ck_assert(r->walk.ended);
	rig_free(r);
}
END_TEST

/* What agents mean by their end. */

#define LIMIT "ERROR: You\xe2\x80\x99ve hit your usage limit. Visit x or try again at "

START_TEST(verdicts)
{
	static const struct {
		const char *name, *program;
		int status;
		const char *out, *err;
		enum outcome_kind kind;
		long wait;
		const char *why;
	} all[] = {
		{ "t", "x", 0, "an answer\n", "", OUT_OK, -1, "" },
		{ "t", "x", 75, "", "", OUT_RATE_LIMITED, -1, "" },
		{ "t", "x", 75, "", "full\n", OUT_RATE_LIMITED, -1, "full" },
		{ "t", "x", 75, "", "full\nretry-after: 90\n", OUT_RATE_LIMITED, 90, "full" },
		{ "t", "x", 75, "", "Retry-After:0", OUT_RATE_LIMITED, 0, "" },
		{ "t", "x", 75, "", "Retry-After: 999999999999999999999999\r\n\n", OUT_RATE_LIMITED, 7 * 24 * 3600, "" },
		{ "t", "x", 75, "", "retry-after: 9\nsaid too early\n", OUT_RATE_LIMITED, -1, "said too early" },
		{ "t", "x", 75, "", "retry-after: soon\n", OUT_RATE_LIMITED, -1, "retry-after: soon" },
		{ "t", "x", 75, "", "retry-after:\n", OUT_RATE_LIMITED, -1, "retry-after:" },
		{ "t", "x", 1, "API Error: Request rejected (429)", "retry-after: 9\n", OUT_ENDED, -1, "" },
		{ "t", "x", 1, "", "ERROR: exceeded retry limit, last status: 429 Too Many Requests\n", OUT_ENDED, -1, "" },
		{ "t", "x", 0, "Execution error\n", "", OUT_OK, -1, "" },
		{ "claude", "claude", 1, "API Error: Request rejected (429) \xc2\xb7 slow down\nmore", "", OUT_RATE_LIMITED, -1,
		    "API Error: Request rejected (429) \xc2\xb7 slow down" },
		{ "claude", "claude", 1, "API Error: 529 overloaded. This is", "", OUT_RATE_LIMITED, -1, "API Error: 529 overloaded. This is" },
		{ "claude", "claude", 1, "API Error: Repeated 529 Overloaded errors", "", OUT_RATE_LIMITED, -1, "API Error: Repeated 529 Overloaded errors" },
		{ "claude", "claude", 1, "You've hit your session limit", "", OUT_RATE_LIMITED, -1, "You've hit your session limit" },
		{ "claude", "claude", 0, "You've hit your session limit", "", OUT_RATE_LIMITED, -1, "You've hit your session limit" },
		{ "claude", "claude", 0, "You've hit your session limit\nor so", "", OUT_OK, -1, "" },
		{ "claude", "claude", 0, "You've hit your stride, I think.\n", "", OUT_OK, -1, "" },
		{ "claude", "claude", 0, "API Error: Rate limit reached\n", "", OUT_RATE_LIMITED, -1, "API Error: Rate limit reached" },
		{ "claude", "claude", 0, "API Error: 500 broke", "", OUT_ENDED, -1, "API Error: 500 broke" },
		{ "claude", "claude", 0, "API Error: 400 no", "", OUT_PERMANENT, -1, "API Error: 400 no" },
		{ "claude", "claude", 0, "API Error: 500 broke\nThat is what I found.", "", OUT_OK, -1, "" },
		{ "claude", "claude", 0, "The API Error: 500 broke", "", OUT_OK, -1, "" },
		{ "claude", "claude", 0, "Not logged in\n", "", OUT_OK, -1, "" },
		{ "claude", "claude", 1, "You\xe2\x80\x99ve hit your limit \xc2\xb7 resets 11:30pm (UTC)", "", OUT_RATE_LIMITED, 10 * 60 + 52 + 60,
		    "You\xe2\x80\x99ve hit your limit \xc2\xb7 resets 11:30pm (UTC)" },
		{ "claude", "claude", 1, "You've hit your limit \xc2\xb7 resets 1am (UTC)", "", OUT_RATE_LIMITED, 3600 + 40 * 60 + 52 + 60,
		    "You've hit your limit \xc2\xb7 resets 1am (UTC)" },
		{ "claude", "claude", 1, "You've hit your limit \xc2\xb7 resets 11pm (UTC)", "", OUT_RATE_LIMITED, 0,
		    "You've hit your limit \xc2\xb7 resets 11pm (UTC)" },
		{ "claude", "claude", 1, "You've hit your limit \xc2\xb7 resets 2am (Etc/GMT-2)", "", OUT_RATE_LIMITED, 40 * 60 + 52 + 60,
		    "You've hit your limit \xc2\xb7 resets 2am (Etc/GMT-2)" },
		{ "claude", "claude", 1, "You've hit your weekly limit \xc2\xb7 resets Nov 24, 1am (UTC)", "", OUT_RATE_LIMITED, 25 * 3600 + 40 * 60 + 52 + 60,
		    "You've hit your weekly limit \xc2\xb7 resets Nov 24, 1am (UTC)" },
		{ "claude", "claude", 1, "You've hit your weekly limit \xc2\xb7 resets Jan 2, 2027, 1am (UTC)", "", OUT_RATE_LIMITED, 7 * 24 * 3600,
		    "You've hit your weekly limit \xc2\xb7 resets Jan 2, 2027, 1am (UTC)" },
		{ "claude", "claude", 1, "You've hit your weekly limit \xc2\xb7 resets Jan 2, 1am (UTC)", "", OUT_RATE_LIMITED, 7 * 24 * 3600,
		    "You've hit your weekly limit \xc2\xb7 resets Jan 2, 1am (UTC)" },
		{ "claude", "claude", 1, "You're out of extra usage \xc2\xb7 resets soon", "", OUT_RATE_LIMITED, -1,
		    "You're out of extra usage \xc2\xb7 resets soon" },
		{ "claude", "claude", 1, "Claude AI usage limit reached|1795389600", "", OUT_RATE_LIMITED, 53, "Claude AI usage limit reached|1795389600" },
		{ "claude", "claude", 1, "5-hour limit reached \xc2\xb7 resets 3am", "", OUT_RATE_LIMITED, 3 * 3600 + 40 * 60 + 52 + 60,
		    "5-hour limit reached \xc2\xb7 resets 3am" },
		{ "claude", "claude", 1, "Error: Reached max turns (2)", "", OUT_PERMANENT, -1, "Error: Reached max turns (2)" },
		{ "claude", "claude", 1, "Error: Exceeded USD budget (0.5)", "", OUT_PERMANENT, -1, "Error: Exceeded USD budget (0.5)" },
		{ "claude", "claude", 2, "You've hit your session limit", "", OUT_ENDED, -1, "" },
		{ "claude", "claude", 1, "I am sorry. You've hit your session limit", "", OUT_ENDED, -1, "" },
		{ "claude", "claude", 1, "API Error: 500 stand-in says 500", "", OUT_ENDED, -1, "" },
		{ "claude", "claude", 1, "API Error: Connection dropped", "", OUT_ENDED, -1, "" },
		{ "claude", "claude", 1, "", "error: unknown option", OUT_ENDED, -1, "" },
		{ "claude", "claude", 1, "API Error: 400 no", "", OUT_PERMANENT, -1, "API Error: 400 no" },
		{ "claude", "claude", 1, "Failed to authenticate. API Error: 401 no\n", "", OUT_PERMANENT, -1, "Failed to authenticate. API Error: 401 no" },
		{ "claude", "claude", 1, "Credit balance is too low", "", OUT_PERMANENT, -1, "Credit balance is too low" },
		{ "claude", "claude", 1, "Prompt is too long \xc2\xb7 x", "", OUT_PERMANENT, -1, "Prompt is too long \xc2\xb7 x" },
		{ "claude", "claude", 75, "API Error: 400 no", "", OUT_RATE_LIMITED, -1, "" },
		{ "claude", "claude", 0, "Execution error\n", "", OUT_EMPTY, -1, "Execution error" },
		{ "claude", "claude", 0, "Execution error", "", OUT_EMPTY, -1, "Execution error" },
		{ "claude", "claude", 0, "Execution error\nwhat it means", "", OUT_OK, -1, "" },
		{ "claude", "claude", 0, "Execution errors", "", OUT_OK, -1, "" },
		{ "claude", "claude", 0, "", "", OUT_EMPTY, -1, "" },
		{ "claude", "claude", 0, "\n", "", OUT_OK, -1, "" },
		{ "claude", "claude", 1, "Execution error", "", OUT_ENDED, -1, "" },
		{ "claude", "cat", 0, "", "", OUT_OK, -1, "" },
		/* A number that ends where what is looked at ends. */
		{ "codex", "codex", 1, "", LIMIT "                                              9\n", OUT_RATE_LIMITED, -1,
		    LIMIT "                                              9" },
		{ "claude", "ssh host /bin/claude", 1, "API Error: Request rejected (429)", "", OUT_RATE_LIMITED, -1, "API Error: Request rejected (429)" },
		{ "fast", "/opt/bin/claude", 1, "Not logged in", "", OUT_PERMANENT, -1, "Not logged in" },
		{ "fast", "claude-like", 1, "Not logged in", "", OUT_ENDED, -1, "" },
		{ "fast", "ssh host claude", 1, "Not logged in", "", OUT_ENDED, -1, "" },
		{ "codex", "codex", 1, "", "header\nERROR: exceeded retry limit, last status: 429 Too Many Requests\n", OUT_RATE_LIMITED, -1,
		    "ERROR: exceeded retry limit, last status: 429 Too Many Requests" },
		{ "codex", "codex", 1, "", "ERROR: unexpected status 529 <unknown status code>: x\n", OUT_RATE_LIMITED, -1,
		    "ERROR: unexpected status 529 <unknown status code>: x" },
		{ "codex", "codex", 1, "", "ERROR: You\xe2\x80\x99ve hit your usage limit. Try\n", OUT_RATE_LIMITED, -1,
		    "ERROR: You\xe2\x80\x99ve hit your usage limit. Try" },
		{ "codex", "codex", 1, "", "ERROR: We\xe2\x80\x99re currently experiencing high demand, which\n", OUT_RATE_LIMITED, -1,
		    "ERROR: We\xe2\x80\x99re currently experiencing high demand, which" },
		{ "codex", "codex", 1, "", LIMIT "Nov 23rd, 2026 1:19 AM.", OUT_RATE_LIMITED, 7200 + 52, LIMIT "Nov 23rd, 2026 1:19 AM." },
		{ "codex", "codex", 1, "", LIMIT "Nov 23rd, 2026 12:05 AM.", OUT_RATE_LIMITED, 46 * 60 + 52, LIMIT "Nov 23rd, 2026 12:05 AM." },
		{ "codex", "codex", 1, "", LIMIT "Dec 1st, 2026 12:05 PM.", OUT_RATE_LIMITED, 7 * 24 * 3600, LIMIT "Dec 1st, 2026 12:05 PM." },
		{ "codex", "codex", 1, "", LIMIT "11:21 PM.", OUT_RATE_LIMITED, 172, LIMIT "11:21 PM." },
		{ "codex", "codex", 1, "", LIMIT "11:19 PM.", OUT_RATE_LIMITED, 52, LIMIT "11:19 PM." },
		{ "codex", "codex", 1, "", LIMIT "11:18 PM.", OUT_RATE_LIMITED, 0, LIMIT "11:18 PM." },
		{ "codex", "codex", 1, "", LIMIT "13:18 PM.", OUT_RATE_LIMITED, -1, LIMIT "13:18 PM." },
		{ "codex", "codex", 1, "", LIMIT "Smarch 9th, 2026 1:18 PM.", OUT_RATE_LIMITED, -1, LIMIT "Smarch 9th, 2026 1:18 PM." },
		{ "codex", "codex", 1, "", LIMIT "Nov 23rd", OUT_RATE_LIMITED, -1, LIMIT "Nov 23rd" },
		{ "codex", "codex", 1, "", LIMIT "n F 9th, 2026 1:18 PM.", OUT_RATE_LIMITED, -1, LIMIT "n F 9th, 2026 1:18 PM." },
		{ "codex", "codex", 1, "", LIMIT "N", OUT_RATE_LIMITED, -1, LIMIT "N" },
		{ "codex", "codex", 1, "", LIMIT "?", OUT_RATE_LIMITED, -1, LIMIT "?" },
		{ "codex", "codex", 75, "", "full\nretry-after: 90\n", OUT_RATE_LIMITED, 90, "full" },
		{ "codex", "codex", 1, "", "hit your usage limit\n", OUT_ENDED, -1, "" },
		{ "codex", "codex", 1, "", "ERROR: hit your usage limit\nERROR: stream disconnected\n", OUT_ENDED, -1, "" },
		{ "codex", "codex", 1, "", "ERROR: hit your usage limit\ntokens used\n15\n", OUT_RATE_LIMITED, -1, "ERROR: hit your usage limit" },
		{ "codex", "codex", 1, "", "ERROR: hit your usage limit\n1\n2\n3\n4\n5\n6\n", OUT_ENDED, -1, "" },
		{ "codex", "codex", 1, "", "ERROR: Selected model is at capacity. Try\n", OUT_RATE_LIMITED, -1, "ERROR: Selected model is at capacity. Try" },
		{ "codex", "codex", 1, "", "ERROR: rate limit exceeded: x\n", OUT_RATE_LIMITED, -1, "ERROR: rate limit exceeded: x" },
		{ "codex", "codex", 1, "", "ERROR: Codex ran out of room in the model's context window.\n", OUT_PERMANENT, -1,
		    "ERROR: Codex ran out of room in the model's context window." },
		{ "codex", "codex", 1, "", "ERROR: (code: 5) database is locked\n", OUT_BUSY, -1, "ERROR: (code: 5) database is locked" },
		{ "codex", "codex", 0, "", "", OUT_EMPTY, -1, "" },
		{ "codex", "codex", 1, "", "ERROR: unexpected status 503 Service Unavailable: x\n", OUT_ENDED, -1, "" },
		{ "codex", "codex", 1, "", "ERROR: unexpected status 401 Unauthorized: x\n", OUT_PERMANENT, -1,
		    "ERROR: unexpected status 401 Unauthorized: x" },
		{ "codex", "codex", 1, "", "ERROR: {\"error\":{\"type\":\"invalid_request_error\"}}\n", OUT_PERMANENT, -1,
		    "ERROR: {\"error\":{\"type\":\"invalid_request_error\"}}" },
		{ "codex", "codex", 1, "", "ERROR: Quota exceeded. Check\n", OUT_PERMANENT, -1, "ERROR: Quota exceeded. Check" },
		{ "codex", "codex", 0, "answer", "ERROR: Quota exceeded. Check\n", OUT_OK, -1, "" },
	};
	const long long now = 1795388400 + 19 * 60 + 7;         /* 2026-11-22 23:19:07 UTC */
	struct verdict v;
	size_t i, k;

	setenv("TZ", "UTC", 1);
	tzset();
	for (i = 0; i < LEN(all); i++) {
		char words[64], *argv[4] = { NULL };

		strcpy(words, all[i].program);
		for (k = 0; k < 3 && (argv[k] = strtok(k ? NULL : words, " ")); k++)
			;
		verdict_read(&v, agents_kind_of(all[i].name, argv), all[i].status << 8, all[i].out, strlen(all[i].out),
		    all[i].err, strlen(all[i].err), now);
		ck_assert_msg(v.kind == all[i].kind && v.wait == all[i].wait && v.nwhy == strlen(all[i].why) &&
		    (!v.nwhy || !memcmp(v.why, all[i].why, v.nwhy)), "%zu: %d, after %ld, `%.*s`", i, v.kind, v.wait, (int)v.nwhy, v.why);
	}
	verdict_read(&v, AGENT_CLAUDE, 9, "You've hit your session limit", 29, "", 0, now);
	ck_assert_int_eq(v.kind, OUT_ENDED);
}
END_TEST

START_TEST(no_second_try_beside_what_is_left)
{
	static const int kinds[] = { OUT_STILL_OPEN, OUT_LEFTOVERS };
	struct rig *r = rig_new(T "run t as a\nretry 5 1s\n");

	rule(r, "a", kinds[_i], 0, 1, NULL);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert_int_eq(r->starts, 1);
	rig_free(r);
}
END_TEST

START_TEST(otherwise_is_kept)
{
	struct rig *r = rig_new(T "step s t\notherwise 'of the step'\nparallel x in 1..3\nrun s as i{{x}}\nretry 1 1s\notherwise 'no {{x}}'\nend\n"
	    "run t as e < i*\nrun s as f\nprint | {{i*}}\n");

	fails(r, "i2", 1);
	fails(r, "f", 1);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "i1 i2 i3 i2 =i2 e f =f ");
	ck_assert(has(r->asked.s, "e||i1 i2 i3 \n"));
	ck_assert_str_eq(r->out.s, "i1\notherwise\ni3\n\n");
	ck_assert(!has(r->events.s, "failed"));
	rig_free(r);
}
END_TEST

START_TEST(otherwise_has_its_word)
{
	struct rig *r = rig_new(T "param x\nstep s t\notherwise 'of the step'\nrun s as a\notherwise \"no {{x}}\"\nrun s as b\n");
	struct order o;
	int i;

	param(r, "x", "{{x}}");
	fails(r, "a", 1);
	begin(r, 0, 0);
	take_all(r);
	end_one(r, 0);
	for (i = 0; i < 2; i++) {
		walk_next(&r->walk, r->now, &o);
		ck_assert_int_eq(o.kind, ORDER_START);
		if (!i) {
			ck_assert_int_eq(o.task.kind, TASK_WORD);
			ck_assert_str_eq(o.task.key, "a");
			ck_assert_str_eq(o.task.file, "a");
			ck_assert_uint_eq(o.task.nword, 8);
			ck_assert_mem_eq(o.task.word, "no {{x}}", 8);
			ck_assert_int_eq(branch_otherwise(o.branch), 1);
		}
		take_start(r, &o);
		end_one(r, 0);
	}
	drive(r, TAKE_FIRST);
	ended_well(r);
	rig_free(r);
}
END_TEST

/* When even the word cannot be kept, the step has failed. */
START_TEST(otherwise_fails)
{
	struct rig *r = rig_new(T "run t as a\notherwise x\nretry 3 1s\n");
	struct outcome o = { 0 };

	fails(r, "a", 1);
	begin(r, 0, 0);
	do {
		take_all(r);
		o.kind = OUT_IO;
		o.error = ENOSPC;
		if (r->n && r->running[0].kind == TASK_WORD)
			end_with(r, 0, &o, NULL);
		else if (r->n)
			end_one(r, 0);
		else
			r->now += walk_wake(&r->walk, r->now);
	} while (!r->walk.ended && r->starts < 20);
	ended_badly(r);
	ck_assert_int_eq(r->starts, 5);
	rig_free(r);
}
END_TEST

/* Keys that come twice. */

static const struct {
	const char *text, *a, *b;
} twice[] = {
	{ T "parallel x in b a b\nrun t as k-{{x}}\nend\n", "`b`", "k-b" },
	{ T "for x in b a b\nrun t as k-{{x}}\nend\n", "`b`", "k-b" },
	{ T "parallel max 1 x in a a-2\nrun t as {{x}}\nrun t as {{x}}-2\nend\n", "`a`", "`a-2`" },
	{ T "parallel max 1 x in 1 2 1-1\nrun t as {{x}}\nif true\nrun t as {{x}}-1\nend\nend\n", "`1`", "`1-1`" },
	{ T "parallel x in 1..3 '2'\nparallel\nrun t as {{x}}-a\nrun t as {{x}}-b\nend\nend\n", "`2`", "2-a" },
	/* Known from variables alone, though in two steps. */
	{ "param va k\nparam vb k\n" T "parallel max 1 x in a b\nrun t as {{v{{x}}}}\nend\n", "`a`", "`b`" },
	{ "param va k\nparam vb k\n" T "for x in a b\nrun t as {{v{{x}}}}\nend\n", "`a`", "`b`" },
};

START_TEST(items_of_one_key)
{
	struct rig *r = rig_new(twice[_i].text);

	if (r->w->params) {
		param(r, "va", "k");
		param(r, "vb", "k");
	}
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert_msg(r->starts == 0, "before the block fails it has started: %s", r->started.s);
	ck_assert_msg(has(reason(r), twice[_i].a) && has(reason(r), twice[_i].b), "%s", reason(r));
	rig_free(r);
}
END_TEST

/* So are keys made of results that are there before the block. */
START_TEST(items_of_one_key_by_results)
{
	struct rig *r = rig_new(T "run t as n-a\nrun t as n-b\nparallel max 1 x in a b\nrun t as {{n-{{x}}}}\nend\n");

	says(r, "n-a", "same\n");
	says(r, "n-b", "same");
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert_str_eq(r->started.s, "n-a n-b ");
	ck_assert_msg(has(reason(r), "`a`") && has(reason(r), "`b`"), "%s", reason(r));
	rig_free(r);
}
END_TEST

START_TEST(arms_may_share_a_key)
{
	struct rig *r = walked(T "parallel x in a b\nif true\nrun t as {{x}}\nelse\nrun t as {{x}}\nend\nend\n", TAKE_FIRST);

	ended_well(r);
	ck_assert(has(r->started.s, "a ") && has(r->started.s, "b "));
	rig_free(r);
}
END_TEST

START_TEST(keys_of_items_that_cannot_be)
{
	struct rig *r = rig_new(T "run t as l\nparallel x in < l\nrun t as {{x}}\nend\n");
	char list[400] = "a\n";

	memset(list + 2, 'k', 300);
	says(r, "l", list);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert_str_eq(r->started.s, "l ");
	ck_assert(has(reason(r), "long"));
	rig_free(r);
}
END_TEST

/* What a line sees. */

START_TEST(siblings_are_not_seen)
{
	struct rig *r = rig_new(T "run t as f-0\nparallel x in 1 2 3\nrun t as f-{{x}}\nrun t as s-{{x}} < f-* s-*\nend\nrun t as e < f-*\n");

	keep(r, "f-lost", "of no line");
	begin(r, 0, 0);
	drive(r, (enum take)_i);
	ended_well(r);
	ck_assert(has(r->asked.s, "s-1||f-0 f-1 \n"));
	ck_assert(has(r->asked.s, "s-2||f-0 f-2 \n"));
	ck_assert(has(r->asked.s, "s-3||f-0 f-3 \n"));
	ck_assert(has(r->asked.s, "e||f-0 f-1 f-2 f-3 \n"));
	rig_free(r);
}
END_TEST

START_TEST(seen_in_input_order)
{
	struct rig *r = rig_new(T "parallel x in z m a\nparallel y in 2 1\nrun t as k-{{x}}{{y}}\nend\nrun t as k-{{x}}\nend\n"
	    "parallel\nrun t as k-9\nrun t as k-8\nend\nrun t as e < k-*\nprint | {{k-*}}\n");

	r->seed = (uint32_t)_i;
	begin(r, 0, 0);
	drive(r, _i ? TAKE_RANDOM : TAKE_LAST);
	ended_well(r);
	ck_assert(has(r->asked.s, "e||k-z2 k-z1 k-z k-m2 k-m1 k-m k-a2 k-a1 k-a k-9 k-8 \n"));
	ck_assert_str_eq(r->out.s, "k-z2\nk-z1\nk-z\nk-m2\nk-m1\nk-m\nk-a2\nk-a1\nk-a\nk-9\nk-8\n\n");
	rig_free(r);
}
END_TEST

START_TEST(passes_see_earlier_ones)
{
	struct rig *r = walked(T "for i in 1..3\nrun t as a-{{i}} < b-* a-*\nparallel x in q p\nrun t as b-{{i}}{{x}} < b-*\nend\nend\n", TAKE_LAST);

	ended_well(r);
	ck_assert(has(r->asked.s, "a-1||\n"));
	ck_assert(has(r->asked.s, "b-1p||\n"));
	ck_assert(has(r->asked.s, "a-2||b-1q b-1p a-1 \n"));
	ck_assert(has(r->asked.s, "b-2q||b-1q b-1p \n"));
	ck_assert(has(r->asked.s, "a-3||b-1q b-1p b-2q b-2p a-1 a-2 \n"));
	rig_free(r);
}
END_TEST

/* Kept or new, the results are in the order of the items. */
START_TEST(kept_order_is_the_same_order)
{
	struct rig *r = rig_new(T "parallel x in 1 2 3\nrun t as k-{{x}}\nend\nprint | {{k-*}}\n");

	keep(r, "k-3", "three");
	keep(r, "k-1", "one");
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->out.s, "one\nk-2\nthree\n\n");
	rig_free(r);
}
END_TEST

START_TEST(loops)
{
	struct rig *r = rig_new(T "for i in 1..3\nfor j in 1..9\nrun t as {{i}}{{j}}\nif {{x\nbreak\nend\nrun t as {{i}}{{j}}-\nend\nrun t as {{i}}\nend\nrun t as e\n");

	rule(r, "if of line 5", OUT_ENDED, 256, 1, NULL);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "11 if of line 5 11- 12 if of line 5 1 21 if of line 5 2 31 if of line 5 3 e ");
	rig_free(r);
}
END_TEST

START_TEST(stop_ends_well)
{
	struct rig *r = walked(T "for i in 1..3\nrun t as a{{i}}\nif true\nstop | enough: {{a1}}\nend\nend\nrun t as b\n", TAKE_FIRST);

	ended_well(r);
	ck_assert_str_eq(r->started.s, "a1 if of line 4 ");
	ck_assert_str_eq(r->events.s, "note enough: a1\n");
	rig_free(r);
}
END_TEST

START_TEST(fail_ends_badly)
{
	struct rig *r = walked(T "run t as a\nfail | no: {{a}}\nrun t as b\n", TAKE_FIRST);

	ended_badly(r);
	ck_assert_str_eq(r->started.s, "a ");
	ck_assert_str_eq(reason(r), "w:3: no: a");
	rig_free(r);
}
END_TEST

static const struct {
	int kind, status;
	const char *started;
	int failed;
} arms[] = {
	{ OUT_OK, 0, "if of line 2 yes e ", 0 }, { OUT_ENDED, 1 << 8, "if of line 2 no e ", 0 },
	{ OUT_ENDED, 2 << 8, "if of line 2 ", 1 }, { OUT_ENDED, 127 << 8, "if of line 2 ", 1 },
	{ OUT_ENDED, 1, "if of line 2 ", 1 },   /* by SIGHUP: no exit status */
	{ OUT_NO_EXEC, 0, "if of line 2 ", 1 }, { OUT_IO, 0, "if of line 2 ", 1 },
};

START_TEST(if_arms)
{
	struct rig *r = rig_new(T "if test -f x\nrun t as yes\nelse\nrun t as no\nend\nrun t as e\n");

	rule(r, "if of line 2", arms[_i].kind, arms[_i].status, 1, NULL);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ck_assert_str_eq(r->started.s, arms[_i].started);
	ck_assert_int_eq(r->walk.failed, arms[_i].failed);
	if (arms[_i].failed)
		ck_assert(has(reason(r), "w:2: "));
	rig_free(r);
}
END_TEST

START_TEST(if_without_else)
{
	struct rig *r = rig_new(T "if false\nrun t as a\nend\nif false\nif true\nrun t as b\nend\nend\nif true\nif true\nend\nend\nrun t as e\n");

	rule(r, "if of line 2", OUT_ENDED, 256, 1, NULL);
	rule(r, "if of line 5", OUT_ENDED, 256, 1, NULL);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "if of line 2 if of line 5 if of line 10 if of line 11 e ");
	rig_free(r);
}
END_TEST

/* Standard input, refusals, halts. */

START_TEST(stdin_read_once)
{
	struct rig *r = rig_new(T "parallel x in 1 2 3\nrun t as a{{x}} < -\nend\nrun t as b < -\nfor y in < -\nrun t as c-{{y}}\nend\n");

	says(r, "-", "one\ntwo");
	begin(r, 0, 0);
	take_all(r);
	ck_assert_str_eq(r->started.s, "- ");
	ck_assert_ptr_null(r->running[0].branch);
	drive(r, TAKE_LAST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "- a1 a2 a3 b c-one c-two ");
	ck_assert(has(r->asked.s, "a2||- \n") && has(r->asked.s, "b||- \n"));
	rig_free(r);
}
END_TEST

START_TEST(stdin_kept)
{
	struct rig *r = rig_new(T "run t as b < -\n");

	keep(r, "-", "x");
	begin(r, 0, 0);
	drive(r, TAKE_LAST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "b ");
	rig_free(r);
}
END_TEST

START_TEST(stdin_fails)
{
	struct rig *r = rig_new(T "parallel x in 1 2\nrun t as a{{x}} < -\nend\n");

	rule(r, "-", OUT_IO, 0, 1000, NULL);
	begin(r, 0, 0);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert(has(reason(r), "2 of 2 branches failed"));
	ck_assert_int_eq(r->starts, 1);
	rig_free(r);
}
END_TEST

static void
refuse(struct rig *r, int i)
{
	struct branch *b = r->running[i].branch;

	r->busy--;
	forget(r, i);
	walk_refused(&r->walk, b);
}

START_TEST(refused_is_given_again)
{
	struct rig *r = rig_new(T "parallel max 2 x in 1..3\nrun t as a{{x}} | ask {{x}}\nretry 1 1s\nend\n");
	int i;

	fails(r, "a2", 1);
	begin(r, 0, 0);
	take_all(r);
	for (i = 0; i < 5; i++) {
		refuse(r, find_running(r, "a2"));
		take_all(r);
		ck_assert_int_eq(branch_attempt(r->running[find_running(r, "a2")].branch), 1);
	}
	ck_assert_str_eq(r->started.s, "a1 a2 a2 a2 a2 a2 a2 ");
	ck_assert_int_eq(help_count(r->asked.s, "a2|ask 2|\n"), 6);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert_int_eq(r->most, 2);
	ck_assert(has(r->events.s, "retry a2 1 "));
	ck_assert_int_eq(r->starts, 3 + 5 + 1);
	rig_free(r);
}
END_TEST

START_TEST(refused_stdin_and_if)
{
	struct rig *r = rig_new(T "if < - | true\nrun t as a\nend\n");

	begin(r, 1, 0);
	take_all(r);
	refuse(r, 0);
	take_all(r);
	ck_assert_str_eq(r->started.s, "- - ");
	end_key(r, "-");
	refuse(r, 0);
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "- - if of line 2 if of line 2 a ");
	rig_free(r);
}
END_TEST

/* What could not be started when orch is told to stop will not be. */
START_TEST(refused_after_a_halt)
{
	static const char *const texts[] = { T "run t as a\n", T "parallel\nrun t as a < -\nrun t as b\nend\n",
	    T "parallel max 1 x in 1 2\nif true\nrun t as {{x}}\nend\nend\n" };
	static const enum stop halts[] = { STOP_STARTING, STOP_ALL };
	struct rig *r = rig_new(texts[_i / 2]);

	begin(r, 0, 0);
	take_all(r);
	walk_stop(&r->walk, halts[_i % 2]);
	while (r->n)
		refuse(r, 0);
	take_all(r);
	ck_assert_msg(r->walk.ended, "it waits for nothing");
	ck_assert_int_eq(r->walk.unfinished, 1);
	ck_assert_int_eq(r->n, 0);
	rig_free(r);
}
END_TEST

/* Results that may be in an earlier run: of every key but those that begin with n. */
static int
ops_earlier(void *ctx, uint32_t id, struct task *t)
{
	struct rig *r = ctx;

	(void)t;
	return *keys_text(&r->keys, id) != 'n';
}

static struct rig *
rig_taking(const char *text, long jobs)
{
	struct rig *r = rig_new(text);

	begin(r, jobs, 0);
	r->walk.earlier = ops_earlier;
	return r;
}

static void
end_as(struct rig *r, const char *key, enum outcome_kind kind)
{
	struct outcome o = { 0 };

	o.kind = kind;
	end_with(r, find_running(r, key), &o, NULL);
	take_all(r);
}

/* Taking uses no slot; what is to be asked after all begins in input order. */
START_TEST(taken_or_asked)
{
	struct rig *r = rig_taking(T "parallel x in 1..5\nrun t as a{{x}} | ask\npure\nend\nrun t as z < a* | x\n", 1);

	take_all(r);
	ck_assert_str_eq(r->started.s, "+a1 +a2 +a3 +a4 +a5 ");
	end_as(r, "a4", OUT_UNTAKEN);
	end_as(r, "a3", OUT_UNTAKEN);
	end_as(r, "a5", OUT_OK);
	end_as(r, "a2", OUT_UNTAKEN);
	ck_assert_int_eq(r->walk.busy, 1);
	ck_assert_int_eq(branch_attempt(r->running[find_running(r, "a4")].branch), 1);
	end_key(r, "a4");
	ck_assert_str_eq(r->started.s, "+a1 +a2 +a3 +a4 +a5 a4 a2 ");
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "+a1 +a2 +a3 +a4 +a5 a4 a2 a3 z ");
	ck_assert(has(r->asked.s, "z|x|a1 a2 a3 a4 a5 "));
	ck_assert_int_eq(r->walk.ntaking, 0);
	rig_free(r);
}
END_TEST

START_TEST(what_may_be_taken)
{
	struct rig *r = rig_new(T "run t as a | x\nrun t as b | x\npure\nrun t as c | x\nalways\nrun t as n | x\npure\nrun t as d | x\npure\nrun t as e\n"
	    "pure\ninteractive\n");

	keep(r, "d", "d\n");
	flag(r, "d", KEY_REDO);
	r->ops.differs = ops_redo;
	begin(r, 0, 0);
	r->walk.earlier = ops_earlier;
	drive(r, TAKE_FIRST);
	ended_well(r);
	ck_assert_str_eq(r->started.s, "a +b c n d e ");
	rig_free(r);
}
END_TEST

/* Not many at once; one that could not be started is given out again. */
START_TEST(many_are_taken)
{
	struct rig *r = rig_taking(T "parallel x in 1..200\nrun t as a{{x}} | ask\npure\nend\n", 0);
	int i, made = 0;

	take_all(r);
	ck_assert_int_eq(r->n, 32);
	for (i = 0; i < (int)r->keys.n; i++)
		made += (r->keys.list[i].flags & KEY_MADE) != 0;
	ck_assert_int_eq(made, 33);     /* what waits for that is not made yet */
	for (i = 0; i < 50; i++) {
		refuse(r, 0);
		take_all(r);
	}
	ck_assert_int_eq(r->n, 32);
	drive(r, TAKE_RANDOM);
	ended_well(r);
	ck_assert_int_eq(r->most, 32);
	ck_assert_int_eq(r->starts, 250);
	rig_free(r);
}
END_TEST

/* Told to stop, what waits to be taken is not, nor is anybody asked instead. */
START_TEST(taken_and_halted)
{
	static const enum outcome_kind ends[] = { OUT_STOPPED, OUT_UNTAKEN, OUT_OK };
	struct rig *r = rig_taking(T "parallel x in 1..200\nrun t as a{{x}} | ask\npure\nend\n", 0);
	struct outcome o = { 0 };

	take_all(r);
	walk_stop(&r->walk, _i % 2 ? STOP_ALL : STOP_STARTING);
	if (_i < 2)
		refuse(r, 0);
	o.kind = ends[_i / 2];
	while (r->n) {
		take_all(r);
		end_with(r, 0, &o, NULL);
	}
	take_all(r);
	ck_assert_msg(r->walk.ended, "it waits for nothing");
	ck_assert_int_eq(r->walk.unfinished, 1);
	ck_assert_int_eq(r->starts, 32);
	rig_free(r);
}
END_TEST

/* Where taking fails nobody is asked, nor is there a fallback. */
START_TEST(taking_fails)
{
	static const enum outcome_kind ends[] = { OUT_IO, OUT_FULL, OUT_LOST };
	struct rig *r = rig_taking(T "run t as a | ask\npure\nretry 3 1s\notherwise no\n", 0);

	rule(r, "a", (int)ends[_i], 0, 1, NULL);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert_str_eq(r->started.s, "+a ");
	rig_free(r);
}
END_TEST

/* It tells nothing of the agent, which may be rate-limited; nor does it wait for that. */
START_TEST(taken_beside_a_limit)
{
	struct rig *r = rig_taking(T "parallel\nrun t as n1 | x\nrun t as a | x\npure\nrun t as n2 | x\nend\n", 1);
	struct outcome o = { 0 };

	take_all(r);
	ck_assert_str_eq(r->started.s, "n1 ");
	o.kind = OUT_RATE_LIMITED;
	o.of.wait = 100;
	end_with(r, 0, &o, NULL);
	take_all(r);
	ck_assert_str_eq(r->started.s, "n1 +a ");
	end_as(r, "a", OUT_OK);
	ck_assert_str_eq(r->started.s, "n1 +a ");
	ck_assert_int_gt(walk_wake(&r->walk, r->now), 50 * 1000);
	drive(r, TAKE_FIRST);
	ended_well(r);
	rig_free(r);
}
END_TEST

static void
stop_all(struct rig *r)
{
	struct outcome o = { 0 };

	walk_stop(&r->walk, STOP_ALL);
	o.kind = OUT_STOPPED;
	while (r->n) {
		take_all(r);
		end_with(r, 0, &o, NULL);
	}
	take_all(r);
}

START_TEST(halt_ends_everything)
{
	struct rig *r = rig_new(T "parallel\nrun t as p\nretry 1 1h\nrun t as q\nend\nrun t as z\n");
	long starts;

	fails(r, "p", 1);
	begin(r, 0, 0);
	take_all(r);
	end_key(r, "p");
	starts = r->starts;
	stop_all(r);
	ck_assert(r->walk.ended);
	ck_assert_int_eq(r->walk.failed, 0);
	ck_assert_int_eq(r->walk.unfinished, 1);
	ck_assert_int_eq(r->starts, starts);
	ck_assert_int_eq(walk_wake(&r->walk, r->now), -1);
	rig_free(r);
}
END_TEST

/* Many kinds of lines at once; the first is at the top of the file. */
static const char hard[] =
	"retry 2 3s\n"
	"agent t t\n"
	"run t as l\n"
	"parallel max 3 x in 1..6 < l\n"
	"    run t as a-{{x}} < -\n"
	"    parallel\n"
	"        run t as b-{{x}}\n"
	"        run t as c-{{x}}\n"
	"        otherwise none\n"
	"    end\n"
	"    for y in 1..3\n"
	"        if test x\n"
	"            break\n"
	"        end\n"
	"        parallel max 2 z in p q r\n"
	"            run t as d-{{x}}-{{y}}-{{z}} | {{c-{{x}}}}\n"
	"            retry 0\n"
	"            print | {{d-{{x}}-{{y}}-{{z}}}}\n"
	"        end\n"
	"    end\n"
	"    run t as e-{{x}} < d-*\n"
	"end\n"
	"run t as f < *-*\n";

/* One step of chance: something ends in some way, is refused, or time goes by. */
static void
by_chance(struct rig *r, int wild)
{
	static const int kinds[] = { OUT_ENDED, OUT_TIMEOUT, OUT_NO_EXEC, OUT_CHECK, OUT_LEFTOVERS, OUT_LOST };
	struct outcome o = { 0 };
	int i = r->n ? (int)(help_random(&r->seed) % (uint32_t)r->n) : -1;
	uint32_t dice = help_random(&r->seed) % 100;

	if (i < 0 || (dice < 10 && walk_wake(&r->walk, r->now) >= 0)) {
		r->now += walk_wake(&r->walk, r->now);
	} else if (r->running[i].answered) {
		end_one(r, i);
	} else if (dice < 20) {
		refuse(r, i);
	} else if (dice < 35 && r->running[i].kind != TASK_IF) {
		result_some(r);
	} else if (wild && dice < 50) {
		o.kind = kinds[dice % 6];
		o.status = 1 << 8;
		end_with(r, i, &o, NULL);
	} else {
		end_one(r, i);
	}
}

/* Whatever happens, in whatever order: the caps hold, the walk ends, and nothing of it stays behind. */
START_TEST(all_by_chance)
{
	int round, steps, jobs, tokens, halt_at;

	for (round = 0; round < 100; round++) {
		struct rig *r = rig_new(hard);

		r->seed = (uint32_t)(_i * 1000 + round);
		r->chance_is_random = 1;
		jobs = (int)(help_random(&r->seed) % 5);
		halt_at = round % 2 ? (int)(help_random(&r->seed) % 200) : -1;
		says(r, "l", "seven\neight\n");
		begin(r, jobs, round % 3 == 0);
		r->walk.tokens = tokens = (int)(help_random(&r->seed) % 4);
		for (steps = 0; take_all(r), !r->walk.ended; steps++) {
			ck_assert_int_lt(steps, 100000);
			if (!r->walk.stop && !r->n)
				ck_assert_int_ge(walk_wake(&r->walk, r->now), 0);
			if (steps == halt_at && !r->walk.stop)
				walk_stop(&r->walk, round % 4 == 1 ? STOP_ALL : STOP_STARTING);
			if (r->walk.stop)
				ck_assert_msg(r->n || (take_all(r), r->walk.ended), "halted, and it waits for nothing: round %d", round);
			if (r->n || !r->walk.stop)
				by_chance(r, round % 5);
		}
		ck_assert_int_eq(r->n, 0);
		ck_assert_int_eq(r->walk.busy, 0);
		ck_assert_int_eq(r->walk.tokens_used, 0);
		if (tokens)
			ck_assert_int_le(r->most, tokens + 1);
		if (jobs)
			ck_assert_int_le(r->most, jobs + 1);    /* and standard input's, which takes no place */
		if (!(round % 5) && halt_at < 0)
			ended_well(r);
		rig_free(r);
	}
}
END_TEST

START_TEST(print_fails)
{
	struct rig *r = rig_new(T "print | x\nrun t as a\n");
	struct order o;

	begin(r, 0, 0);
	walk_next(&r->walk, r->now, &o);
	ck_assert_int_eq(o.kind, ORDER_PRINT);
	ck_assert_uint_eq(o.text.n, 2);
	buf_free(&o.text);
	walk_printed(&r->walk, o.branch, ENOSPC);
	drive(r, TAKE_FIRST);
	ended_badly(r);
	ck_assert_int_eq(r->starts, 0);
	ck_assert(has(reason(r), strerror(ENOSPC)));
	rig_free(r);
}
END_TEST

/* Size. */

START_TEST(a_million_items)
{
	struct rig *r = rig_new(T "parallel max 8 x in 1..1000000\nrun t as i{{x}}\nend\n");
	struct rusage before, after;
	struct order o;
	char want[30];

	getrusage(RUSAGE_SELF, &before);
	r->quiet = 1;
	begin(r, 0, 0);
	while (!r->walk.ended) {
		walk_next(&r->walk, r->now, &o);
		if (o.kind == ORDER_START) {
			snprintf(want, sizeof want, "i%ld", r->starts + 1);
			if (strcmp(o.task.key, want))
				ck_abort_msg("%s was started, not %s", o.task.key, want);
			take_start(r, &o);
		} else if (o.kind == ORDER_NONE && !r->walk.ended) {
			ck_assert_int_gt(r->n, 0);
			end_one(r, (int)(help_random(&r->seed) % (uint32_t)r->n));
		}
	}
	getrusage(RUSAGE_SELF, &after);
	ended_well(r);
	ck_assert_int_eq(r->starts, 1000000);
	ck_assert_int_eq(r->most, 8);
	/* Their keys are some 50 MB; a branch each would be several hundred more. */
	if (!help_sanitized())
		ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 300L * 1024);
	rig_free(r);
}
END_TEST

/* expand */

/* T, read as a word is. */
static struct tmpl
tmpl_of(struct rig *r, const char *s, int as_name)
{
	struct tmpl_in in = { 0 };
	struct tmpl t;

	in.s = s;
	in.n = strlen(s);
	in.pos.src = &r->src;
	in.pos.line = 1;
	in.pos.col = 1;
	ck_assert_int_eq(tmpl_parse(&t, &in, as_name, &r->w->mem, &r->diags), 0);
	return t;
}

/* What is seen: r-b and r-a from above, r-c and x from here; r-z is a sibling's, r-lost nobody's. */
struct run_state {
	struct visible up, here, other;
	struct context at;
};

static void
give(struct rig *r, struct visible *s, const char *key, const char *bytes, size_t n)
{
	visible_add_key(s, &r->keys, keys_add(&r->keys, key, strlen(key)));
	put_result(r, key, bytes, n);
}

static void
view_make(struct run_state *v, struct rig *r)
{
	memset(v, 0, sizeof *v);
	v->up.serial = 1;
	v->here.serial = 2;
	v->here.up = &v->up;
	v->other.serial = 3;
	v->other.up = &v->up;
	give(r, &v->up, "r-b", "B\n\n", 3);
	give(r, &v->up, "r-a", "{{hostile}}", 11);
	give(r, &v->here, "r-c", "c1\nc2\n", 6);
	give(r, &v->here, "both", "x", 1);
	give(r, &v->here, "nul", "p\0\0\0", 4);
	give(r, &v->here, "r-d/e", "", 0);
	give(r, &v->other, "r-z", "no", 2);
	keep(r, "r-lost", "no");
	param(r, "hostile", "{{r-b}} $(x) `y` \\{{ * %n");
	param(r, "both", "1");
	param(r, "which", "b");
	param(r, "star", "*");
	param(r, "empty", "");
	param(r, "p", "P");
	place_make(&v->at, r, &v->here);
}

static const struct {
	const char *in, *out;   /* NULL: an error */
} expansions[] = {
	{ "", "" }, { "plain $x * {", "plain $x * {" }, { "\\{{x}}", "{{x}}" },
	{ "{{hostile}}", "{{r-b}} $(x) `y` \\{{ * %n" }, { "{{r-a}}", "{{hostile}}" },
	{ "<{{r-b}}>", "<B>" }, { "{{r-c}}", "c1\nc2" }, { "{{r-{{which}}}}", "B" }, { "{{{{empty}}which}}", "b" },
	{ "{{r-*}}", "B\n{{hostile}}\nc1\nc2\n\n" }, { "{{r-{{which}}*}}", "B\n" }, { "{{r-d*}}", "\n" }, { "{{x*}}", "" },
	{ "{{empty}}", "" }, { "{{*-c}}", "c1\nc2\n" },
	{ "{{r-{{star}}}}", NULL }, { "{{r-{{star}}*}}", "" }, { "{{both}}", NULL }, { "{{r-z}}", NULL }, { "{{r-lost}}", NULL },
	{ "{{none}}", NULL }, { "{{r-}}", NULL }, { "{{r-b{{empty}}}}", "B" }, { "{{{{nul}}}}", NULL }, { "{{r-{{none}}}}", NULL },
	{ "{{r-{{none}}*}}", NULL },
};

START_TEST(expansion)
{
	struct rig *r = rig_new(T);
	struct run_state v;
	struct tmpl t;
	struct buf out = { 0 };
	int got;

	view_make(&v, r);
	t = tmpl_of(r, expansions[_i].in, 0);
	got = expand(&r->results, &v.at, &t, &out);
	if (expansions[_i].out) {
		ck_assert_msg(!got, "%s", buf_str(&r->results.error));
		ck_assert_str_eq(buf_str(&out), expansions[_i].out);
		ck_assert_uint_eq(out.n, strlen(expansions[_i].out));
	} else {
		ck_assert_int_eq(got, -1);
		ck_assert_uint_gt(r->results.error.n, 0);
	}
	buf_free(&out);
	rig_free(r);
}
END_TEST

START_TEST(expansion_of_bytes)
{
	struct rig *r = rig_new(T);
	struct run_state v;
	struct tmpl t;
	struct buf out = { 0 };

	view_make(&v, r);
	t = tmpl_of(r, "a{{nul}}b", 0);
	ck_assert_int_eq(expand(&r->results, &v.at, &t, &out), 0);
	ck_assert_uint_eq(out.n, 6);
	ck_assert_mem_eq(out.s, "ap\0\0\0b", 6);
	buf_free(&out);
	rig_free(r);
}
END_TEST

static const struct {
	const char *in, *keys;
} named[] = {
	{ "r-b", "r-b " }, { "r-{{which}}", "r-b " }, { "r-*", "r-b r-a r-c r-d/e " }, { "*e", "r-d/e " }, { "x*", "" },
	{ "r-z", NULL }, { "r-lost", NULL }, { "none", NULL }, { "which", NULL }, { "r-{{star}}", NULL }, { "*z", "" },
};

START_TEST(named_keys)
{
	struct rig *r = rig_new(T);
	struct run_state v;
	struct tmpl t;
	struct ids ids = { 0 };
	struct buf list = { 0 };
	size_t i;

	view_make(&v, r);
	t = tmpl_of(r, named[_i].in, 1);
	if (named[_i].keys) {
		ck_assert_int_eq(expand_keys(&r->results, &v.at, &t, &ids), 0);
		for (i = 0; i < ids.n; i++)
			buf_fmt(&list, "%s ", keys_text(&r->keys, ids.list[i]));
		ck_assert_str_eq(buf_str(&list), named[_i].keys);
	} else {
		ck_assert_int_eq(expand_keys(&r->results, &v.at, &t, &ids), -1);
		ck_assert_uint_gt(r->results.error.n, 0);
	}
	buf_free(&list);
	ids_free(&ids);
	rig_free(r);
}
END_TEST

/* A name with a NUL byte in it is nobody's, however it goes on after the NUL. */
START_TEST(names_with_a_nul)
{
	static const char name[32] = "name";
	struct scope s = { NULL, name, "v", 1, NULL };
	struct variable v;
	struct keys k = { 0 };
	char key[16];
	int i, n;

	ck_assert(scope_find(&s, "name", 4, &v) && v.value == s.value);
	ck_assert(!scope_find(&s, "nam", 3, &v));
	ck_assert(!scope_find(&s, "names", 5, &v));
	ck_assert(!scope_find(&s, "name\0x", 6, &v));
	for (i = 10; i < 50; i++) {
		n = snprintf(key, sizeof key, "k%d", i);
		keys_add(&k, key, (size_t)n);
	}
	for (i = 0; i < 20000; i++) {
		snprintf(key, sizeof key, "k%d", 10 + i % 40);
		snprintf(key + 4, sizeof key - 4, "%d", i);
		if (keys_find(&k, key, 7) != KEY_NONE)
			ck_abort_msg("`%s`, a NUL and `%.3s` is taken for a key", key, key + 4);
	}
	keys_free(&k);
}
END_TEST

START_TEST(keys_by_number)
{
	struct keys k = { 0 };
	uint32_t i;
	char key[20];
	int n;

	for (i = 0; i < 20000; i++) {
		n = snprintf(key, sizeof key, "key-%u", i * 7919u % 20000u);
		ck_assert_uint_eq(keys_find(&k, key, (size_t)n), KEY_NONE);
		ck_assert_uint_eq(keys_add(&k, key, (size_t)n), i);
		ck_assert_uint_eq(keys_add(&k, key, (size_t)n), i);
		ck_assert_uint_eq(k.list[i].flags, 0);
		ck_assert_uint_eq(keys_find(&k, key, (size_t)n - 1) == i, 0);
		if (i == 100)
			keys_set_digest(&k, 50, 12345);
	}
	for (i = 0; i < 20000; i++) {
		n = snprintf(key, sizeof key, "key-%u", i * 7919u % 20000u);
		ck_assert_uint_eq(keys_find(&k, key, (size_t)n), i);
		ck_assert_str_eq(keys_text(&k, i), key);
	}
	ck_assert_uint_eq(keys_digest(&k, 50), 12345);
	ck_assert_uint_eq(keys_digest(&k, 51), 0);
	keys_free(&k);
}
END_TEST

/* The keys of a chain, or that a sight has made, with a blank after each. */
static const char *
chained(const struct keys *k, uint32_t first, struct buf *out)
{
	uint32_t i;

	out->n = 0;
	for (i = first; i; i = k->list[i - 1].next)
		buf_fmt(out, "%s ", keys_text(k, i - 1));
	return buf_str(out);
}

START_TEST(keys_in_chains)
{
	struct visible s = { NULL, 7, { 0, 0 }, 0 };
	struct chain a = { 0, 0 }, b = { 0, 0 };
	struct keys k = { 0 };
	struct buf out = { 0 };
	uint32_t i;

	for (i = 0; i < 6; i++)
		keys_add(&k, &"abcdef"[i], 1);
	chain_join(&a, &k, 0);
	ck_assert_str_eq(chained(&k, a.first, &out), "");
	chain_add(&b, &k, 4);
	chain_add(&b, &k, 1);
	ck_assert_str_eq(chained(&k, b.first, &out), "e b ");
	chain_join(&a, &k, b.first);
	chain_add(&a, &k, 0);
	ck_assert_str_eq(chained(&k, a.first, &out), "e b a ");
	visible_add_key(&s, &k, 5);
	visible_join(&s, &k, a.first);
	visible_join(&s, &k, 0);
	visible_add_key(&s, &k, 2);
	ck_assert_str_eq(chained(&k, s.made.first, &out), "f e b a c ");
	for (i = 0; i < 6; i++)
		ck_assert_int_eq(visible_has(&s, &k, i), i != 3);
	buf_free(&out);
	keys_free(&k);
}
END_TEST

/* Nothing but this, its bytes, its place in the table, and where it is known a digest is kept of an item. */
START_TEST(a_key_is_small)
{
	ck_assert_uint_le(sizeof(struct key), 16);
}
END_TEST

/* Of any length; among none there is none. */
START_TEST(keys_by_length)
{
	struct keys k = { 0 };
	char key[201];
	size_t n;

	memset(key, 'k', sizeof key);
	ck_assert_uint_eq(keys_find(&k, key, 3), KEY_NONE);
	for (n = 1; n < sizeof key; n += 2)
		keys_add(&k, key, n);
	for (n = 1; n < sizeof key; n++)
		ck_assert_uint_eq(keys_find(&k, key, n), n % 2 ? (uint32_t)n / 2 : KEY_NONE);
	keys_free(&k);
}
END_TEST

/* A supervisor that is to tell that it runs is due until it has, or has ended, or was killed before. */
START_TEST(supervisors_that_are_due)
{
	struct running s;
	uint32_t i, slot[3];

	running_init(&s);
	for (i = 0; i < 3; i++) {
		slot[i] = running_take(&s);
		running_use(&s, slot[i], (pid_t)(100 + i))->is_due = i < 2;
	}
	s.due = 2;
	running_begun(&s, slot[0]);
	ck_assert_uint_eq(s.due, 1);
	running_begun(&s, slot[2]);
	running_forget(&s, slot[0]);
	ck_assert_uint_eq(s.due, 1);
	running_forget(&s, slot[1]);
	ck_assert_uint_eq(s.due, 0);
	running_forget(&s, slot[2]);
	ck_assert_uint_eq(s.due, 0);
	ck_assert_uint_eq(s.running, 0);
	running_free(&s);
}
END_TEST

/* A start that has failed does not disturb the next one, which follows at once. */
START_TEST(starts_after_one_that_failed)
{
	static char word[] = "true", *argv[] = { word, NULL }, path[] = "PATH=/bin:/usr/bin", *envp[] = { path, NULL };
	struct program p = { 0 };
	enum spawn_stage stage;
	int i, status;
	pid_t pid;

	p.argv = argv;
	p.envp = envp;
	p.root = "/";
	p.out = 1;
	p.err = 2;
	for (i = 0; i < 100; i++) {
		p.dir = "/nowhere";
		ck_assert_int_lt(spawn(&p, &stage), 0);
		ck_assert_int_eq(stage, SPAWN_DIR);
		p.dir = "/";
		pid = spawn(&p, &stage);
		ck_assert_int_gt(pid, 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	while (waitpid(-1, NULL, 0) > 0)
		;
}
END_TEST

START_TEST(newlines_at_the_end)
{
	ck_assert_uint_eq(without_newlines("", 0), 0);
	ck_assert_uint_eq(without_newlines("\n\n", 2), 0);
	ck_assert_uint_eq(without_newlines("a\n\nb\n\n", 6), 4);
	ck_assert_uint_eq(without_newlines("a \r\n", 4), 3);
}
END_TEST

/* items */

static const struct {
	const char *items;      /* after `in` */
	const char *lines;
	const char *out;        /* each in (); NULL: an error, which has SAYS */
	const char *says;
} lists[] = {
	{ "a b", NULL, "(a)(b)", NULL }, { "1..3", NULL, "(1)(2)(3)", NULL }, { "7..7", NULL, "(7)", NULL },
	{ "3..1", NULL, "", NULL }, { "9..11", NULL, "(9)(10)(11)", NULL }, { "a 2..3 b", NULL, "(a)(2)(3)(b)", NULL },
	{ "2..1 x 2..1", NULL, "(x)", NULL }, { "{{three}}..5", NULL, "(3)(4)(5)", NULL }, { "1..{{three}}", NULL, "(1)(2)(3)", NULL },
	{ "'1..3'", NULL, "(1..3)", NULL }, { "{{range}}", NULL, "(1..9)", NULL }, { "{{star}}", NULL, "(*)", NULL },
	{ "{{spaces}}", NULL, "( a  b )", NULL }, { "x{{range}}", NULL, "(x1..9)", NULL },
	{ "{{range}}..3", NULL, NULL, "1..9" }, { "1..{{spaces}}", NULL, NULL, " a  b " },
	{ "z < l", "a\nb", "(z)(a)(b)", NULL }, { "< l", "a\n\n\nb\n", "(a)(b)", NULL }, { "< l", "\n\n", "", NULL }, { "< l", "", "", NULL },
	{ "< l", "1..9\n*\nmax\n{{x}}\n-rf\n $(x) \n\xff\n", "(1..9)(*)(max)({{x}})(-rf)( $(x) )(\xff)", NULL },
	{ "1..2 < l l", "a", "(1)(2)(a)(a)", NULL },
	{ "999999999999999998..999999999999999999", NULL, "(999999999999999998)(999999999999999999)", NULL },
};

static void
list_items(struct items *l, struct buf *out)
{
	char number[ITEM_NUMBER];
	const char *s;
	size_t n;

	while (items_next(l, number, &s, &n)) {
		ck_assert(!s[n]);
		buf_char(out, '(');
		buf_add(out, s, n);
		buf_char(out, ')');
	}
	ck_assert_int_eq(items_next(l, number, &s, &n), 0);
	buf_str(out);
}

START_TEST(item_lists)
{
	struct buf text = { 0 }, first = { 0 }, again = { 0 };
	const struct node *node;
	struct visible visible = { NULL, 1, { 0, 0 }, 0 };
	struct context at;
	struct items l;
	struct rig *r;
	char *lines;
	size_t n;

	buf_fmt(&text, "param three 3\nparam range\nparam star\nparam spaces\n" T "run t as l\nfor x in %s\nrun t as {{x}}\nend\n", lists[_i].items);
	r = rig_new(buf_str(&text));
	param(r, "three", "3");
	param(r, "range", "1..9");
	param(r, "star", "*");
	param(r, "spaces", " a  b ");
	if (lists[_i].lines)
		give(r, &visible, "l", lists[_i].lines, strlen(lists[_i].lines));
	node = r->w->body->next;
	place_make(&at, r, &visible);
	ck_assert_int_eq(inputs_read(&r->results, &at, node, &lines, &n), 0);
	if (lists[_i].out) {
		ck_assert_int_eq(items_read(&l, &r->results, &at, node, lines, n), 0);
		list_items(&l, &first);
		ck_assert_str_eq(first.s, lists[_i].out);
		items_rewind(&l);
		list_items(&l, &again);
		ck_assert_str_eq(again.s, lists[_i].out);
	} else {
		ck_assert_int_eq(items_read(&l, &r->results, &at, node, lines, n), -1);
		ck_assert(has(buf_str(&r->results.error), lists[_i].says));
	}
	items_free(&l);
	buf_free(&first);
	buf_free(&again);
	rig_free(r);
	buf_free(&text);
}
END_TEST

START_TEST(items_with_a_nul)
{
	struct rig *r = rig_new(T "run t as l\nfor x in < l\nrun t as {{x}}\nend\n");
	struct visible visible = { NULL, 1, { 0, 0 }, 0 };
	struct context at;
	struct items l;
	char *lines;
	size_t n;

	place_make(&at, r, &visible);
	give(r, &visible, "l", "one\n\nthr\0ee\nfour\0\n", 18);
	ck_assert_int_eq(inputs_read(&r->results, &at, r->w->body->next, &lines, &n), 0);
	ck_assert_uint_eq(n, 18);
	ck_assert_int_eq(items_read(&l, &r->results, &at, r->w->body->next, lines, n), -1);
	ck_assert(has(buf_str(&r->results.error), "NUL"));
	ck_assert(has(buf_str(&r->results.error), "line 3"));
	items_free(&l);
	rig_free(r);
}
END_TEST

/* Joined byte for byte, a newline only where one ends without. */
START_TEST(inputs_joined)
{
	struct rig *r = rig_new(T "parallel\nrun t as a\nrun t as b\nrun t as c\nrun t as d\nend\nfor x in < a b c d\nrun t as {{x}}\nend\n");
	struct visible visible = { NULL, 1, { 0, 0 }, 0 };
	struct context at;
	char *lines;
	size_t n;

	place_make(&at, r, &visible);
	give(r, &visible, "a", "1\n", 2);
	give(r, &visible, "b", "2", 1);
	give(r, &visible, "c", "", 0);
	give(r, &visible, "d", "4", 1);
	ck_assert_int_eq(inputs_read(&r->results, &at, r->w->body->next, &lines, &n), 0);
	ck_assert_uint_eq(n, 5);
	ck_assert_mem_eq(lines, "1\n2\n4", 5);
	free(lines);
	put_result(r, "e", NULL, 0);
	visible_add_key(&visible, &r->keys, keys_add(&r->keys, "e", 1));
	free(r->table[1].bytes);
	r->table[1].bytes = NULL;
	ck_assert_int_eq(inputs_read(&r->results, &at, r->w->body->next, &lines, &n), -1);
	ck_assert(has(buf_str(&r->results.error), "`b`"));
	rig_free(r);
}
END_TEST

/* task */

/* The task of the last run of the workflow; the results a and b are seen. */
static int
task_of(struct rig *r, struct task *t)
{
	const struct node *n = r->w->body;
	struct visible visible = { NULL, 1, { 0, 0 }, 0 };
	struct context at;
	int got;

	while (n->next)
		n = n->next;
	give(r, &visible, "a", "one\n", 4);
	give(r, &visible, "b/c", "two", 3);
	give(r, &visible, "nul", "x\0y", 3);
	place_make(&at, r, &visible);
	got = task_step(t, &r->around, &r->results, &at, n, "k/1");
	return got;
}

static void
task_must(struct rig *r, struct task *t)
{
	ck_assert_msg(task_of(r, t) == 0, "%s", buf_str(&r->results.error));
}

static const char *
env_of(const struct task *t, const char *name)
{
	size_t n = strlen(name);
	const char *found = NULL;
	int i, count = 0;

	for (i = 0; t->envp[i]; i++)
		if (!strncmp(t->envp[i], name, n) && t->envp[i][n] == '=') {
			found = t->envp[i] + n + 1;
			count++;
		}
	ck_assert_msg(count < 2, "%s stands in there %d times", name, count);
	return found;
}

#define ABOVE "parallel\nrun t as a\nrun t as b/c\nrun t as nul\nend\n"

START_TEST(task_argv)
{
	struct rig *r = rig_new("param x\n" T "agent u u -p {}\nstep s u --last \"{{x}}\" lit*\n" ABOVE "run s as k < a | say {{x}}\n| end\n|\n");
	struct task t;

	param(r, "x", "two words {{a}} $(x)");
	task_must(r, &t);
	ck_assert_str_eq(t.argv[0], "u");
	ck_assert_str_eq(t.argv[1], "-p");
	ck_assert_str_eq(t.argv[2], "say two words {{a}} $(x)\nend");
	ck_assert_str_eq(t.argv[3], "--last");
	ck_assert_str_eq(t.argv[4], "two words {{a}} $(x)");
	ck_assert_str_eq(t.argv[5], "lit*");
	ck_assert_ptr_null(t.argv[6]);
	ck_assert_uint_eq(t.nprompt, 0);
	ck_assert_uint_eq(t.nprompt, 0);
	ck_assert_uint_eq(t.ninputs, 1);
	ck_assert_str_eq(t.key, "k/1");
	ck_assert_str_eq(t.file, "k%2F1");
	ck_assert_str_eq(t.dir, "/root/sub");
	ck_assert_int_eq(t.kind, TASK_STEP);
	task_free(&t);
	rig_free(r);
}
END_TEST

/* What goes to -c is a program: nothing is put in. */
START_TEST(task_program)
{
	struct rig *r = rig_new("param x\n" T "step s sh\n| first {{y}}\n" ABOVE "run s as k < a | echo \"$x\" {{z}} *\n");
	struct task t;

	param(r, "x", "$(touch P)");
	task_must(r, &t);
	ck_assert_str_eq(t.argv[0], "sh");
	ck_assert_str_eq(t.argv[1], "-eu");
	ck_assert_str_eq(t.argv[2], "-c");
	ck_assert_str_eq(t.argv[3], "first {{y}}\necho \"$x\" {{z}} *\n");
	ck_assert_ptr_null(t.argv[4]);
	ck_assert_str_eq(env_of(&t, "x"), "$(touch P)");
	ck_assert_uint_eq(t.nprompt, 0);
	task_free(&t);
	rig_free(r);
}
END_TEST

START_TEST(task_stdin_of_a_step)
{
	struct rig *r = rig_new("param x\n" T "step s t\n| of the step {{x}}\n" ABOVE "run s as k < b/c a | of the run {{a}}\n");
	struct task t;

	param(r, "x", "X");
	task_must(r, &t);
	ck_assert_uint_eq(t.nprompt, strlen("of the step X\nof the run one\n"));
	ck_assert_mem_eq(t.prompt, "of the step X\nof the run one\n", t.nprompt);
	ck_assert_uint_ne(t.nprompt, 0);
	ck_assert_uint_eq(t.ninputs, 2);
	ck_assert_mem_eq(t.inputs, "b/c\0a", 6);
	ck_assert_str_eq(t.argv[0], "t");
	ck_assert_ptr_null(t.argv[1]);
	task_free(&t);
	rig_free(r);
}
END_TEST

START_TEST(task_without_prompt)
{
	struct rig *r = rig_new(T ABOVE "run t as k < a b/c\n");
	struct task t;

	task_must(r, &t);
	ck_assert_uint_eq(t.nprompt, 0);
	ck_assert_uint_eq(t.nprompt, 0);
	ck_assert_uint_eq(t.ninputs, 2);
	ck_assert_int_eq(t.retries, 0);
	ck_assert_int_eq(t.timeout, 0);
	ck_assert_ptr_null(t.filter);
	ck_assert_uint_eq(t.nchecks, 0);
	ck_assert_int_eq(t.has_otherwise, 0);
	task_free(&t);
	rig_free(r);
}
END_TEST

START_TEST(task_nul_in_an_argument)
{
	struct rig *r = rig_new(T "step s t {}\n" ABOVE "run s as k | {{nul}}\n");
	struct task t;

	ck_assert_int_eq(task_of(r, &t), -1);
	ck_assert(has(buf_str(&r->results.error), "NUL"));
	task_free(&t);
	rig_free(r);
}
END_TEST

START_TEST(task_environment)
{
	static char home[] = "HOME=/h", x[] = "x=of orch", too_long[] = "long=of orch", xx[] = "xx=stays", over[] = "OVER=orch",
	    key[] = "ORCH_KEY=old";
	static char *const given[] = { home, x, too_long, xx, over, key, NULL };
	struct rig *r = rig_new("env OVER=file\nenv F=file\nenv S=file\n" "param x\nparam long\nparam exact\n" T
	    "step s t\nenv OVER=step\nenv S=step{{x}}\n" ABOVE "run s as k\nenv OVER=\"run {{x}} {{a}}\"\nenv E=\n");
	char *big = mem_zero(65538, 1), *exact = mem_zero(65537, 1);
	struct task t;

	memset(big, 'b', 65537);
	memset(exact, 'e', 65536);
	r->around.environ = given;
	param(r, "x", "=a\nb");
	param(r, "long", big);
	param(r, "exact", exact);
	task_must(r, &t);
	ck_assert_str_eq(env_of(&t, "HOME"), "/h");
	ck_assert_str_eq(env_of(&t, "x"), "=a\nb");
	ck_assert_str_eq(env_of(&t, "xx"), "stays");
	ck_assert_ptr_null(env_of(&t, "long"));
	ck_assert_str_eq(env_of(&t, "exact"), exact);
	ck_assert_str_eq(env_of(&t, "OVER"), "run =a\nb one");
	ck_assert_str_eq(env_of(&t, "F"), "file");
	ck_assert_str_eq(env_of(&t, "S"), "step=a\nb");
	ck_assert_str_eq(env_of(&t, "E"), "");
	ck_assert_str_eq(env_of(&t, "ORCH_KEY"), "k/1");
	ck_assert_str_eq(env_of(&t, "ORCH_RUN"), "run");
	ck_assert_str_eq(env_of(&t, "ORCH_RESULTS"), "/root/.orch/run/result");
	ck_assert_str_eq(env_of(&t, "ORCH_ROOT"), "/root");
	task_free(&t);
	rig_free(r);
	free(big);
	free(exact);
}
END_TEST

START_TEST(task_attributes)
{
	struct rig *r = rig_new("timeout 1h\nretry 9 9s\ncheck of the file\nfilter of the file\n" T
	    "step s t\ntimeout 2m\nretry 3\ncheck of the step\notherwise x\n" ABOVE "run s as k\ntimeout 0\ncheck of the run\ncheck twice\n");
	struct task t;
	struct buf checks = { 0 };
	size_t i;

	task_must(r, &t);
	ck_assert_int_eq(t.timeout, 0);
	ck_assert_int_eq(t.retries, 3);
	ck_assert_int_eq(t.delay, 5000);
	ck_assert_str_eq(t.filter, "of the file");
	ck_assert_int_ne(t.has_otherwise, 0);
	for (i = 0; i < t.nchecks; i++)
		buf_fmt(&checks, "%s;", t.checks[i]);
	ck_assert_str_eq(buf_str(&checks), "of the run;twice;of the step;of the file;");
	buf_free(&checks);
	task_free(&t);
	rig_free(r);
	r = rig_new("timeout 1h\nfilter of the file\nretry 2 1m\n" T "step s t\nfilter of the step\n" ABOVE "run s as k\nfilter of the run\n");
	task_must(r, &t);
	ck_assert_int_eq(t.timeout, 3600 * 1000);
	ck_assert_int_eq(t.retries, 2);
	ck_assert_int_eq(t.delay, 60000);
	ck_assert_str_eq(t.filter, "of the run");
	task_free(&t);
	rig_free(r);
}
END_TEST

START_TEST(task_attributes_from_values)
{
	static const struct {
		const char *value;
		long long timeout;      /* -1: an error */
	} times[] = { { "90s", 90000 }, { "0", 0 }, { "2h", 7200000 }, { "90", -1 }, { "", -1 }, { "s", -1 }, { "-1s", -1 }, { "1s ", -1 } };
	int i;

	for (i = 0; i < LEN(times); i++) {
		struct rig *r = rig_new("param x\n" T ABOVE "run t as k\ntimeout {{x}}\n");
		struct task t;

		param(r, "x", times[i].value);
		ck_assert_int_eq(task_of(r, &t), times[i].timeout < 0 ? -1 : 0);
		if (times[i].timeout >= 0)
			ck_assert_int_eq(t.timeout, times[i].timeout);
		else
			ck_assert_uint_gt(r->results.error.n, 0);
		task_free(&t);
		rig_free(r);
	}
}
END_TEST

/* how/KEY: the command, the directory, and the variables that its words, text and commands name. */
START_TEST(task_how)
{
	struct rig *r = rig_new("param x\nparam unused\nparam word\nparam cmd\n" T
	    "step s t \"{{word}}\"\n" ABOVE "run s as k | {{x}}\ncheck test \"$cmd\"\nenv A=b\n");
	struct task t;
	char *how;

	param(r, "x", "tab\there\nand %");
	param(r, "unused", "not there");
	param(r, "word", "W");
	param(r, "cmd", "C");
	task_must(r, &t);
	how = mem_dup(t.how, t.nhow);
	ck_assert(has(how, "directory\tsub\n"));
	ck_assert(in_order(how, (const char *const[]){ "word\tt\n", "word\tW\n", NULL }));
	ck_assert(has(how, "check\ttest \"$cmd\"\n"));
	ck_assert(has(how, "variable\tx\ttab%09here%0Aand %25\n"));
	ck_assert(has(how, "variable\tword\tW\n"));
	ck_assert(has(how, "variable\tcmd\tC\n"));
	ck_assert(has(how, "env\tA=b\n"));
	ck_assert(!has(how, "unused"));
	free(how);
	task_free(&t);
	rig_free(r);
}
END_TEST

/* What tells two questions apart tells their digests apart. */
START_TEST(task_digests)
{
	static const char *const texts[] = {
		T ABOVE "run t as k | a\n", T ABOVE "run t as k | b\n", T ABOVE "run t as k\n", "agent t t -x\n" ABOVE "run t as k | a\n",
		T ABOVE "run t as k | a\ncheck true\n", T ABOVE "run t as k | a\nenv A=b\n", T ABOVE "run t as k | a\nfilter cat\n",
	};
	uint64_t seen[LEN(texts)];
	int i, k;

	for (i = 0; i < LEN(texts); i++) {
		for (k = 0; k < 2; k++) {
			struct rig *r = rig_new(texts[i]);
			struct task t;

			task_must(r, &t);
			ck_assert(!k || seen[i] == task_digest(&t));
			seen[i] = task_digest(&t);
			task_free(&t);
			rig_free(r);
		}
		for (k = 0; k < i; k++)
			ck_assert_msg(seen[i] != seen[k], "%s and %s", texts[i], texts[k]);
	}
	ck_assert_uint_eq(digest_add(DIGEST_START, "a", 1), UINT64_C(0xaf63dc4c8601ec8c));
	ck_assert_uint_eq(digest_add(digest_add(DIGEST_START, "foo", 3), "bar", 3), UINT64_C(0x85944171f73967e8));
	ck_assert_uint_ne(digest_join(digest_join(DIGEST_START, 1), 2), digest_join(digest_join(DIGEST_START, 2), 1));
}
END_TEST

START_TEST(task_of_an_if)
{
	struct rig *r = rig_new("timeout 1m\ncheck false\nenv A=b\nparam x\n" T "run t as a\nif < a | grep \"$x\" {{y}}\nend\n");
	struct visible visible = { NULL, 1, { 0, 0 }, 0 };
	struct context at;
	struct task t;

	param(r, "x", "X");
	give(r, &visible, "a", "one", 3);
	place_make(&at, r, &visible);
	ck_assert_int_eq(task_if(&t, &r->around, &r->results, &at, r->w->body->next), 0);
	ck_assert_int_eq(t.kind, TASK_IF);
	ck_assert_str_eq(t.argv[0], "sh");
	ck_assert_str_eq(t.argv[1], "-eu");
	ck_assert_str_eq(t.argv[2], "-c");
	ck_assert_str_eq(t.argv[3], "grep \"$x\" {{y}}");
	ck_assert_ptr_null(t.argv[4]);
	ck_assert_str_eq(env_of(&t, "x"), "X");
	ck_assert_str_eq(t.dir, "/root/sub");
	ck_assert_str_eq(t.file, "");
	ck_assert_uint_eq(t.ninputs, 1);
	ck_assert_uint_eq(t.nchecks, 0);
	task_free(&t);
	rig_free(r);
}
END_TEST

/* outcome */

static const struct {
	int kind, status, error;
	long long timeout;
	const char *text, *says;
} outcomes[] = {
	{ OUT_ENDED, 3 << 8, 0, 0, "", "exit status 3" },
	{ OUT_ENDED, 143 << 8, 0, 0, "", "exit status 143" },
	{ OUT_ENDED, SIGTERM, 0, 0, "", "SIGTERM" },
	{ OUT_ENDED, SIGKILL, 0, 0, "", "SIGKILL" },
	{ OUT_ENDED, 40, 0, 0, "", "signal 40" },
	{ OUT_RATE_LIMITED, 75 << 8, 0, 0, "", "rate-limited: exit status 75" },
	{ OUT_RATE_LIMITED, 256, 0, 0, "why", "rate-limited: why" },
	{ OUT_PERMANENT, 256, 0, 0, "why", "exit status 1 (permanent error, not retried)" },
	{ OUT_EMPTY, 0, 0, 0, "Execution error", "interrupted: exit status 0, but 'Execution error' is not a result" },
	{ OUT_EMPTY, 0, 0, 0, "", "interrupted: exit status 0, but no result was written" },
	{ OUT_TIMEOUT, 0, 0, 20 * 60 * 1000, "", "timed out after 20m" },
	{ OUT_TIMEOUT, 0, 0, 90 * 1000, "", "timed out after 1m30s" },
	{ OUT_NO_DIR, 0, ENOENT, 0, "/gone", "/gone" },
	{ OUT_NO_EXEC, 0, EACCES, 0, "prog", "prog" },
	{ OUT_NO_INTERPRETER, 0, 0, 0, "prog", "prog" },
	{ OUT_FILTER, 2 << 8, 0, 0, "jq .x", "filter failed: jq .x: exit status 2" },
	{ OUT_CHECK, 1 << 8, 0, 0, "jq .x", "check failed: jq .x: exit status 1" },
	{ OUT_IO, 0, ENOSPC, 0, "writing the answer", "writing the answer" },
	{ OUT_FULL, 0, 0, 0, "", "full" },
	{ OUT_STILL_OPEN, 0, 0, 0, "pid 12", "pid 12" },
	{ OUT_LEFTOVERS, 0, 0, 0, "pid 13", "pid 13" },
	{ OUT_LOST, 0, 0, 0, "", "supervisor" },
};

START_TEST(outcome_words)
{
	struct outcome o = { 0 };
	struct buf b = { 0 };

	ck_assert_uint_le(sizeof o, 512);
	o.kind = outcomes[_i].kind;
	o.status = outcomes[_i].status;
	o.error = outcomes[_i].error;
	strcpy(o.text, outcomes[_i].text);
	outcome_text(&o, outcomes[_i].timeout, &b);
	ck_assert_msg(has(buf_str(&b), outcomes[_i].says), "%s", b.s);
	if (o.kind == OUT_TIMEOUT)
		ck_assert_str_eq(b.s, outcomes[_i].says);
	if (o.error)
		ck_assert(has(b.s, strerror(o.error)));
	ck_assert_ptr_null(strchr(b.s, '\n'));
	buf_free(&b);
}
END_TEST

static const struct {
	long long ms;
	const char *text;
} times[] = {
	{ 0, "0ms" }, { 40, "40ms" }, { 999, "999ms" }, { 2500, "2.5s" }, { 12000, "12s" }, { 59999, "59s" }, { 185000, "3m05s" },
	{ 2 * 3600000LL + 10 * 60000, "2h10m" }, { 100 * 3600000LL + 60000, "100h01m" }, { 3 * 60000 + 59999, "3m59s" },
};

START_TEST(durations)
{
	struct buf b = { 0 };

	duration_text(times[_i].ms, &b);
	ck_assert_str_eq(buf_str(&b), times[_i].text);
	buf_free(&b);
}
END_TEST

/* A longer time never looks shorter. */
START_TEST(durations_grow)
{
	double last = 0, now;
	struct buf b = { 0 };
	long long ms;

	for (ms = 1000; ms < 60000; ms += 10) {
		b.n = 0;
		duration_text(ms, &b);
		now = strtod(buf_str(&b), NULL);
		ck_assert_msg(now >= last, "%lld ms is shown as %s, a shorter time as %gs", ms, b.s, last);
		ck_assert(now * 1000 <= (double)ms + 500 && now * 1000 > (double)ms - 1000);
		last = now;
	}
	buf_free(&b);
}
END_TEST

static TCase *
lines_case(void)
{
	TCase *tc = tcase_create("one line after another");

	tcase_add_test(tc, sequence);
	tcase_add_test(tc, sequence_fails);
	tcase_add_test(tc, nothing_to_do);
	tcase_add_test(tc, kept_keys);
	tcase_add_test(tc, kept_with_what_would_be_asked);
	tcase_add_test(tc, odd_results);
	tcase_add_test(tc, unreadable_results);
	tcase_add_loop_test(tc, keys_that_cannot_be, 0, LEN(bad_keys));
	tcase_add_test(tc, loops);
	tcase_add_test(tc, stop_ends_well);
	tcase_add_test(tc, fail_ends_badly);
	tcase_add_loop_test(tc, if_arms, 0, LEN(arms));
	tcase_add_test(tc, if_without_else);
	tcase_add_test(tc, print_fails);
	return tc;
}

static TCase *
blocks_case(void)
{
	TCase *tc = tcase_create("blocks");

	tcase_add_test(tc, parallel_of_runs);
	tcase_add_test(tc, parallel_of_items);
	tcase_add_test(tc, max_is_a_pool);
	tcase_add_test(tc, max_of_runs);
	tcase_add_loop_test(tc, max_is_never_exceeded, 0, 20);
	tcase_add_test(tc, max_1_in_input_order);
	tcase_add_loop_test(tc, jobs_over_nested_blocks, 0, 18);
	tcase_add_test(tc, tokens_are_places);
	tcase_add_test(tc, free_takes_no_token);
	tcase_add_test(tc, a_pause_holds_no_token);
	tcase_add_test(tc, tokens_make_no_crowd);
	tcase_add_test(tc, max_that_is_none);
	tcase_add_test(tc, empty_lists);
	tcase_add_test(tc, list_read_once);
	tcase_add_loop_test(tc, items_of_one_key, 0, LEN(twice));
	tcase_add_test(tc, items_of_one_key_by_results);
	tcase_add_test(tc, arms_may_share_a_key);
	tcase_add_test(tc, keys_of_items_that_cannot_be);
	tcase_add_loop_test(tc, siblings_are_not_seen, 0, 3);
	tcase_add_loop_test(tc, seen_in_input_order, 0, 10);
	tcase_add_test(tc, passes_see_earlier_ones);
	tcase_add_test(tc, kept_order_is_the_same_order);
	return tc;
}

static TCase *
failures_case(void)
{
	TCase *tc = tcase_create("failures");

	tcase_add_loop_test(tc, blocks_settle, 0, 3);
	tcase_add_test(tc, failures_in_input_order);
	tcase_add_loop_test(tc, block_of_one, 0, 2);
	tcase_add_loop_test(tc, nested_failures, 0, 3);
	tcase_add_test(tc, fail_in_a_branch);
	tcase_add_test(tc, stop_first);
	tcase_add_test(tc, stop_first_ends_tries);
	tcase_add_loop_test(tc, retries_double, 0, 5);
	tcase_add_test(tc, retries_have_jitter);
	tcase_add_test(tc, retries_stay_sane);
	tcase_add_test(tc, who_has_answered_is_not_asked_again);
	tcase_add_test(tc, lines_that_are_items);
	tcase_add_test(tc, retries_pause_beside_others);
	tcase_add_test(tc, refused_and_held_back);
	tcase_add_test(tc, refused_and_asked_one_by_one);
	tcase_add_test(tc, refused_for_a_time_that_is_named);
	tcase_add_loop_test(tc, refused_by_one_agent, 0, 5);
	tcase_add_loop_test(tc, refused_by_a_shared_agent, 0, 2);
	tcase_add_test(tc, refused_until_it_is_given_up);
	tcase_add_test(tc, given_up_and_otherwise);
	tcase_add_test(tc, refused_beside_retries);
	tcase_add_test(tc, futile_tries);
	tcase_add_loop_test(tc, refused_and_halted, 0, 3);
	tcase_add_test(tc, many_are_held);
	tcase_add_test(tc, verdicts);
	tcase_add_loop_test(tc, no_second_try_beside_what_is_left, 0, 2);
	tcase_add_test(tc, otherwise_is_kept);
	tcase_add_test(tc, otherwise_has_its_word);
	tcase_add_test(tc, otherwise_fails);
	return tc;
}

static TCase *
driving_case(void)
{
	TCase *tc = tcase_create("standard input, refusals, halts, size");

	tcase_add_test(tc, stdin_read_once);
	tcase_add_test(tc, stdin_kept);
	tcase_add_test(tc, stdin_fails);
	tcase_add_test(tc, refused_is_given_again);
	tcase_add_test(tc, refused_stdin_and_if);
	tcase_add_loop_test(tc, refused_after_a_halt, 0, 6);
	tcase_add_test(tc, taken_or_asked);
	tcase_add_test(tc, what_may_be_taken);
	tcase_add_test(tc, many_are_taken);
	tcase_add_loop_test(tc, taken_and_halted, 0, 6);
	tcase_add_loop_test(tc, taking_fails, 0, 3);
	tcase_add_test(tc, taken_beside_a_limit);
	tcase_add_test(tc, halt_ends_everything);
	tcase_add_loop_test(tc, all_by_chance, 0, 5);
	tcase_add_test(tc, a_million_items);
	tcase_set_timeout(tc, 120);
	return tc;
}

static TCase *
values_case(void)
{
	TCase *tc = tcase_create("keys, values, items");

	tcase_add_loop_test(tc, expansion, 0, LEN(expansions));
	tcase_add_test(tc, expansion_of_bytes);
	tcase_add_loop_test(tc, named_keys, 0, LEN(named));
	tcase_add_test(tc, names_with_a_nul);
	tcase_add_test(tc, keys_by_number);
	tcase_add_test(tc, keys_in_chains);
	tcase_add_test(tc, a_key_is_small);
	tcase_add_test(tc, keys_by_length);
	tcase_add_test(tc, supervisors_that_are_due);
	tcase_add_test(tc, starts_after_one_that_failed);
	tcase_add_test(tc, newlines_at_the_end);
	tcase_add_loop_test(tc, item_lists, 0, LEN(lists));
	tcase_add_test(tc, items_with_a_nul);
	tcase_add_test(tc, inputs_joined);
	return tc;
}

static TCase *
tasks_case(void)
{
	TCase *tc = tcase_create("tasks and outcomes");

	tcase_add_test(tc, task_argv);
	tcase_add_test(tc, task_program);
	tcase_add_test(tc, task_stdin_of_a_step);
	tcase_add_test(tc, task_without_prompt);
	tcase_add_test(tc, task_nul_in_an_argument);
	tcase_add_test(tc, task_environment);
	tcase_add_test(tc, task_attributes);
	tcase_add_test(tc, task_attributes_from_values);
	tcase_add_test(tc, task_how);
	tcase_add_test(tc, task_digests);
	tcase_add_test(tc, task_of_an_if);
	tcase_add_loop_test(tc, outcome_words, 0, LEN(outcomes));
	tcase_add_loop_test(tc, durations, 0, LEN(times));
	tcase_add_test(tc, durations_grow);
	return tc;
}

Suite *
engine_suite(void)
{
	Suite *s = suite_create("engine");

	suite_add_tcase(s, lines_case());
	suite_add_tcase(s, blocks_case());
	suite_add_tcase(s, failures_case());
	suite_add_tcase(s, driving_case());
	suite_add_tcase(s, values_case());
	suite_add_tcase(s, tasks_case());
	return s;
}

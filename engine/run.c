/* A run from its command line to its exit status.
 *
 * It is long since it is one way, from the top down: which run, its record, its directory, its lock, what it has, the
 * walk. */
#include "engine/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/task/question.h"
#include "parse/glob.h"
#include "store/file.h"
#include "store/clock.h"
#include "engine/supervise/proctree.h"
#include "engine/loop.h"
#include "engine/supervise/orphans.h"
#include "engine/ui/output.h"
#include "engine/sched/plan.h"
#include "engine/task/results.h"
#include "engine/sched/rivals.h"
#include "engine/inspect/runs.h"
#include "engine/supervise/spawn.h"
#include "engine/start.h"
#include "parse/mem.h"
#include "parse/text.h"
#include "store/log.h"

enum { LOCK_WAIT_MS = 15 * 1000 };

struct run {
	struct request request;
	struct store store;
	struct keys keys;
	struct results results;
	struct progress progress;
	struct run_env around;
	struct questions asked;
	struct decisions decisions;
	struct spent spent;
	struct sessions sessions;
	int budget_said;
	enum { EARLIER_UNREAD, EARLIER_READ, EARLIER_NONE } earlier;    /* whether the log of the run of -t was read; there is nothing to read */
	uint32_t seed;
	char *results_dir;
	char *within;
	struct buf needed;      /* pointers to the statements that are still to be asked, once looked at */
	int looked;
	struct buf shown;       /* the name for messages */
	char *lacking;          /* the key that lacked a session last, and how many steps a redo of it runs again after it */
	long following;
};

/* Without its lock nothing is started: two could work on the run. */
static int
lock_error(struct run *r)
{
	int error = errno;
	const char *remedy = store_remedy(error);

	buf_fmt(r->request.say, "orch: run %s cannot be locked: %s", r->shown.s, strerror(error));
	if (remedy)
		buf_fmt(r->request.say, ": %s", remedy);
	buf_char(r->request.say, '\n');
	return 2;
}

/* Opening the run. */

/* The supervisor HOLDER, or, if it is not known, who has the lock open: whoever looks at the run may be among them. */
static void
put_supervisor(struct run *r, long holder)
{
	struct stat st;
	char text[200];

	if (holder > 0)
		buf_fmt(r->request.say, "supervisor: pid %ld", holder);
	else if (fstat(r->store.lock, &st) || !proctree_openers(st.st_dev, st.st_ino, text, sizeof text))
		buf_text(r->request.say, "by whom cannot be told");
	else
		buf_fmt(r->request.say, "its lock is open in %s", text);
}

/* An orch rm was faster. */
static int
was_removed(struct run *r)
{
	buf_fmt(r->request.say, "orch: run %s was removed just now; start it again\n", r->shown.s);
	return 4;
}

static int
lock(struct run *r)
{
	int is_there;
	long holder = 0;
	struct stat st;

	if (store_lock(&r->store, &holder)) {
		if (errno != EAGAIN)
			return lock_error(r);
		buf_fmt(r->request.say, "orch: run %s is in use by another orch", r->shown.s);
		if (holder > 0)
			buf_fmt(r->request.say, " (pid %ld); to stop it: kill %ld\n", holder, holder);
		else
			buf_text(r->request.say, "; which one cannot be told\n");
		return 4;
	}
	/* A supervisor that somebody has stopped ends nothing, and holds the lock, until it goes on. */
	if (store_lock_wait(&r->store, 0, &holder) && errno == EAGAIN && fstat(r->store.lock, &st) == 0)
		proctree_continue_openers(st.st_dev, st.st_ino);
	if (store_lock_wait(&r->store, LOCK_WAIT_MS, &holder)) {
		if (errno != EAGAIN)
			return lock_error(r);
		buf_fmt(r->request.say, "orch: a step of run %s, left by an earlier orch, is still being ended (", r->shown.s);
		put_supervisor(r, holder);
		buf_text(r->request.say, "); try again later\n");
		return 4;
	}
	is_there = store_is_there(&r->store);
	if (is_there != 1)
		return is_there ? lock_error(r) : was_removed(r);
	store_lock_share(&r->store);
	return 0;
}

/* The name that the run has got, if it was named by the time. */
static int
take_name(struct run *r)
{
	int by_time = !r->request.name;
	char key[KEY_NAME_MAX + 1];
	int n = key_decode(r->store.name, key);

	free(r->request.name);
	r->request.name = mem_dup(key, n > 0 ? (size_t)n : 0);
	visible_add(&r->shown, r->request.name, strlen(r->request.name), 0);
	buf_str(&r->shown);
	if (by_time && record_named(&r->request.record, r->request.name))
		return runs_fail(r->request.say, 2, "memory", strerror(errno));
	return 0;
}

/* The store could not be opened. What is made in a directory that is being deleted fails as if
 * its parent had never been. */
static int
open_error(struct run *r)
{
	int might = errno == ENOENT && (r->store.run >= 0 || r->request.was_there), error = errno;

	if (!might || store_is_there(&r->store)) {
		errno = error;
		return request_store_error(&r->request, &r->store);
	}
	visible_add(&r->shown, r->request.name, strlen(r->request.name), 0);
	buf_str(&r->shown);
	return was_removed(r);
}

static void
take_id(struct run *r, const char *id)
{
	free(r->request.record.id);
	r->request.record.id = mem_dup(id, strlen(id));
}

/* Another orch may have made the run while this one read its workflow. */
static int
compare_record(struct run *r)
{
	struct record there;
	int same;

	if (record_read(&there, r->store.run, r->store.path))
		return 0;
	same = !strcmp(there.workflow, r->request.record.workflow);
	if (same && there.id)
		take_id(r, there.id);
	if (!same)
		buf_fmt(r->request.say, "orch: run %s was just made for %s; use another name with -r\n", r->shown.s, there.workflow);
	record_free(&there);
	return same ? 0 : 2;
}

static int
write_record(struct run *r)
{
	struct buf why = { 0 };

	if (!record_write(&r->request.record, r->store.run, r->store.path))
		return 0;
	buf_text(&why, strerror(errno));
	start_remedy(&why, errno);
	runs_fail(r->request.say, 2, "this run's file `run` cannot be written", buf_str(&why));
	buf_free(&why);
	return 2;
}

static int
open_run(struct run *r)
{
	const char *name = r->request.name;
	enum store_use use = r->request.was_there ? STORE_RESUME : STORE_WRITE;
	int status = 0;

	if (store_open(&r->store, r->request.args->dir, name, name ? strlen(name) : 0, use))
		status = open_error(r);
	else
		status = take_name(r);
	if (!status)
		status = lock(r);
	/* It may have been deleted, and made again by another orch, since its record was read. */
	if (!status && r->request.was_there &&
	    !identity_is_of(&r->request.record.made, r->store.lock))
		status = was_removed(r);
	if (!status && !r->request.record.id) {
		status = record_new_id(&r->request.record) ? runs_fail(r->request.say, 2, "memory", strerror(errno)) : 0;
	}
	if (!status && r->request.record.made.kind == IDENTITY_NONE && identity_of(&r->request.record.made, r->store.lock))
		status = runs_fail(r->request.say, 2, "the run's lock", strerror(errno));
	if (!status && !r->request.was_there && !(status = compare_record(r)))
		status = write_record(r);
	if (!status)
		store_clean(&r->store);
	return status;
}

static int
load_keys(struct run *r)
{
	results_of_store(&r->results, &r->keys, &r->store);
	/* The log first: its order is about the walk's, that of a directory is none. */
	r->asked.store = &r->store;
	r->asked.keys = &r->keys;
	r->asked.again = r->request.args->again;
	r->asked.decisions = &r->decisions;
	r->asked.spent = &r->spent;
	r->asked.sessions = &r->sessions;
	if (question_load(&r->asked))
		return runs_fail(r->request.say, 1, "the log cannot be read", strerror(errno));
	if (results_keys(&r->keys, &r->store))
		return runs_fail(r->request.say, 1, "result/ cannot be read", strerror(errno));
	question_settle(&r->asked);
	rivals_begin(&r->keys, &r->store);
	if (r->request.args->again)
		question_seq_found(&r->asked);
	return 0;
}

/* For walk.h. */

static void
log_event(struct run *r, const struct event *e, enum log_event kind)
{
	struct log_line l = { 0 };

	l.ms = clock_epoch();
	l.event = kind;
	l.key = e->key;
	l.n = strlen(e->key);
	if (kind == LOG_IF) {
		l.value = e->yes;
		l.digest = e->digest;
	} else {
		l.value = e->attempts;
		l.status = -1;
		l.text = e->text;
	}
	log_add(r->store.log, &l);
}

/* The options that name the run. */
static void
put_run(struct run *r, struct buf *b)
{
	if (strcmp(r->request.args->dir, ".orch"))
		shell_fmt(b, " -d %s", r->request.args->dir);
	shell_fmt(b, " -r %s", r->request.name);
}

/* Whether standard input is one that somebody may have meant to be read: a file, a pipe. */
static int
has_stdin(void)
{
	struct stat st;

	if (fstat(0, &st))
		return 0;
	return S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
}

/* Standard input was read again; or the kept one is used, which is said where there is another. */
static void
stdin_used(struct run *r, int read)
{
	struct buf again = { 0 };

	if (read)
		question_forget(&r->asked, keys_find(&r->keys, "-", 1));
	if (read || !has_stdin() || (!r->request.args->file && r->request.args->loud == LOUD_QUIET))
		return;
	buf_text(&again, "orch run -u");
	put_run(r, &again);
	shell_fmt(&again, " %s", request_short_name(&r->request));
	progress_stdin(&r->progress, buf_str(&again));
	buf_free(&again);
}

static void
on_event(void *ctx, const struct event *e)
{
	struct run *r = ctx;

	if (e->kind == EVENT_KEPT && e->task && !e->text)
		question_kept(&r->asked, e->id, e->task);
	if (e->kind == EVENT_MADE)
		question_forget(&r->asked, e->id);
	if (e->kind == EVENT_UNASKED)
		log_event(r, e, LOG_FAIL);
	if (e->kind == EVENT_DECIDED)
		log_event(r, e, LOG_IF);
	if (e->kind == EVENT_KEPT && (r->keys.list[e->id].flags & KEY_FALLBACK))
		progress_kept_fallback(&r->progress, e->key);
	if (e->kind == EVENT_STDIN)
		stdin_used(r, e->yes);
	progress_event(&r->progress, e);
}

static const char *
on_differs(void *ctx, uint32_t id, const struct task *t)
{
	struct run *r = ctx;

	if (r->keys.list[id].flags & KEY_REDO)
		return QUESTION_REDO;
	return question_differs(&r->asked, id, t);
}

/* Reads the log of the run that results are taken from, when it is first needed. What is wrong is added to SAY. */
static int
read_earlier(struct run *r, struct buf *say)
{
	struct earlier_run *e = &r->request.earlier;

	if (r->earlier != EARLIER_UNREAD)
		return r->earlier == EARLIER_READ;
	r->earlier = EARLIER_NONE;
	if (r->request.lacks_earlier && !r->request.args->take)
		request_say_no_earlier(&r->request, say);
	if (!e->name)
		return 0;
	if (!earlier_load(e, &r->keys)) {
		r->earlier = EARLIER_READ;
		return 1;
	}
	buf_text(say, "orch: warning: -t ");
	visible_add(say, e->name, strlen(e->name), 0);
	buf_fmt(say, ": its log cannot be read: %s; no results are taken\n", strerror(errno));
	return 0;
}

/* For walk.h. */
static int
on_earlier(void *ctx, uint32_t id, struct task *t)
{
	struct run *r = ctx;
	const struct earlier_run *e = &r->request.earlier;

	if (r->earlier == EARLIER_UNREAD)
		progress_flush(&r->progress);
	if (!read_earlier(r, &r->progress.out) || !earlier_may_have(e, id, t))
		return 0;
	if (t)
		earlier_offer(e, id, t);
	return 1;
}

/* Marsaglia's xorshift: for jitter, nothing depends on it. */
static uint32_t
on_random(void *ctx)
{
	struct run *r = ctx;

	r->seed ^= r->seed << 13;
	r->seed ^= r->seed >> 17;
	r->seed ^= r->seed << 5;
	return r->seed;
}

/* Whether the budget is used up, which is said once. */
static int
on_used_up(void *ctx)
{
	struct run *r = ctx;
	const struct budget *b = &r->request.budget;
	struct usage u = r->spent.since;

	usage_add(&u, &r->progress.used);
	if (!(b->tokens && usage_tokens(&u) >= b->tokens) && !(b->nanos && u.nanos >= b->nanos))
		return 0;
	if (!r->budget_said++)
		progress_used_up(&r->progress, r->request.budget_text, &u);
	return 1;
}

/* The option that gives it as much again, beyond what it has used. */
static void
put_more_budget(struct run *r, struct buf *b)
{
	struct usage u = r->spent.since;
	struct budget more = r->request.budget;

	usage_add(&u, &r->progress.used);
	if (more.nanos)
		more.nanos += u.nanos;
	else
		more.tokens += usage_tokens(&u);
	buf_text(b, " -b ");
	budget_text(&more, b);
}

static int
log_walk(struct run *r, enum log_event event, long value, const char *text)
{
	struct log_line l = { 0 };

	l.ms = clock_epoch();
	l.event = event;
	l.value = value;
	l.text = text;
	return log_add(r->store.log, &l);
}

/* The end of the walk, from which `status` knows how it was: what cannot be written there is no success. Returns orch's
 * exit status. */
static int
log_end(struct run *r, int status, const char *reason)
{
	int error;

	if (!log_walk(r, LOG_END, status, reason) || store_gone(&r->store))
		return status;
	error = errno;
	progress_flush(&r->progress);
	buf_fmt(&r->progress.out, "orch: the end of run %s cannot be written to its log: %s: orch status takes it for interrupted; "
	    "resume it when the log can be written again\n", r->shown.s, strerror(error));
	return status ? status : 1;
}

/* Walks the workflow on paper WITH its own keys, for the walk that is under way uses the run's; with ->again, as if a redo of REDO was
 * told. -1: the results cannot be read, or that has none. */
static int
plan_apart(struct run *r, const struct plan_with *with, const char *redo, void (*each)(void *, const struct plan_step *), void *ctx)
{
	struct keys keys = { 0 };
	struct results results = { 0 };
	struct result_seqs none;
	uint32_t named = KEY_NONE;
	int bad;

	results_of_store(&results, &keys, &r->store);
	keys.lines = r->request.flow.w->keyed;
	bad = results_keys(&keys, &r->store);
	if (!bad && redo) {
		result_seqs_level(&keys, &none);
		named = keys_find(&keys, redo, strlen(redo));
		bad = named == KEY_NONE ? -1 : 0;
	}
	if (!bad && redo)
		keys.list[named].flags |= KEY_REDO;
	if (!bad)
		plan_walk(r->request.flow.w, r->request.flow.scope, &results, with, each, ctx);
	buf_free(&results.error);
	buf_free(&results.warning);
	keys_free(&keys);
	return bad;
}

static void
count_again(void *ctx, const struct plan_step *step)
{
	long *n = ctx;

	*n += step->kept && step->again;
}

/* How many steps with results a redo of KEY would run again besides it; -1: nobody knows. */
static long
count_following(struct run *r, const char *key)
{
	struct plan_with with = { 0 };
	struct run_env around = r->around;
	long n = 0;

	around.sessions = NULL;
	with.around = &around;
	with.again = with.only_kept = 1;
	return plan_apart(r, &with, key, count_again, &n) ? -1 : n - 1;
}

enum { COUNTED_MOST = 100000 };  /* keys of which it is counted what was not run */

static void
count_unrun(void *ctx, const struct plan_step *step)
{
	long *n = ctx;

	*n += !step->kept && !step->perhaps;
}

/* How many steps have no result, of those that are sure to be reached; of a very large run it is not counted. */
static long
count_left(struct run *r)
{
	long n = 0;

	if (r->keys.n <= COUNTED_MOST)
		plan_apart(r, NULL, NULL, count_unrun, &n);
	return n;
}

/* For task.h: what gives the step KEY a session. Many steps may lack the same. */
static void
on_redo(void *ctx, const char *key, struct buf *b)
{
	struct run *r = ctx;

	if (!r->lacking || strcmp(r->lacking, key)) {
		free(r->lacking);
		r->lacking = mem_dup(key, strlen(key));
		r->following = count_following(r, key);
	}
	buf_text(b, ": orch redo");
	put_run(r, b);
	shell_fmt(b, " %s", key);
	buf_text(b, " re-runs it");
	if (r->following > 0)
		buf_fmt(b, " and %ld step%s after it", r->following, r->following == 1 ? "" : "s");
	else if (r->following < 0)
		buf_text(b, " and what follows it");
}

static void
set_around(struct run *r)
{
	struct buf b = { 0 };

	buf_fmt(&b, "%s/result", r->store.path ? r->store.path : "");
	r->results_dir = buf_take(&b);
	if (r->request.record.id)
		orphans_within(&b, env_value(r->request.args->environ, "ORCH_WITHIN"), r->request.record.id);
	r->within = buf_take(&b);
	r->around.within = *r->within ? r->within : NULL;
	r->around.root = r->request.record.directory;
	r->around.run = r->request.name;
	r->around.results_dir = r->results_dir;
	r->around.environ = r->request.args->environ;
	r->around.sessions = &r->sessions;
	r->around.redo = on_redo;
	r->around.ctx = r;
	r->seed = (uint32_t)clock_epoch() * 2654435761u ^ (uint32_t)getpid();
	if (!r->seed)
		r->seed = 1;
}

static int
walk(struct run *r)
{
	struct walk_ops ops;
	struct walk w;
	struct buf hint = { 0 }, again = { 0 }, redo = { 0 };
	long long began = clock_ms();
	int status;

	ops.ctx = r;
	ops.event = on_event;
	ops.random = on_random;
	ops.differs = on_differs;
	r->progress.loud = r->request.args->loud;
	r->progress.store = &r->store;
	r->progress.has_bell = !r->request.args->nobody && screen_is_capable();
	spent_all(&r->spent, &r->progress.earlier);
	buf_add(&r->progress.out, r->request.say->s, r->request.say->n);       /* what is to be known before it begins */
	r->request.say->n = 0;
	if (!r->request.args->redo)
		log_walk(r, LOG_WALK, (long)getpid(), NULL);
	r->sessions.walk++;
	if (r->progress.loud > LOUD_QUIET)
		buf_fmt(&r->progress.out, "orch: %s %s\n", r->request.was_there ? "resuming run" : "run", r->shown.s);
	walk_start(&w, r->request.flow.w, &r->around, &r->results, r->request.flow.scope, &ops, r->request.args->jobs, r->request.args->stop_first);
	w.again = r->request.args->again;
	w.decisions = &r->decisions;
	w.sessions = &r->sessions;
	if (r->request.budget.tokens || r->request.budget.nanos)
		w.used_up = on_used_up;
	r->progress.budget = r->request.budget_text;
	if (r->request.record.take)
		w.earlier = on_earlier;
	if (r->request.args->again && r->request.args->file && has_stdin())
		walk_read_stdin(&w);
	status = loop_run(&w, &r->store, &r->progress, r->request.args->nobody);
	if (status && !store_gone(&r->store))
		r->progress.not_run = count_left(r) - r->progress.failed - r->progress.interrupted;
	status = log_end(r, status, w.reason.n ? buf_str(&w.reason) : NULL);
	if (!store_gone(&r->store) && (w.can_resume || w.unfinished || w.output_failed || status == LOOP_OVER_BUDGET || status > 128)) {
		buf_text(&hint, r->request.args->again ? "orch resume -u" : "orch resume");
		if (r->request.args->jobs)
			buf_fmt(&hint, " -j %ld", r->request.args->jobs);
		if (status == LOOP_OVER_BUDGET)
			put_more_budget(r, &hint);
		put_run(r, &hint);
	}
	buf_text(&again, "orch resume -u");
	put_run(r, &again);
	buf_text(&redo, "orch redo -F");
	put_run(r, &redo);
	progress_end(&r->progress, r->shown.s, status, clock_ms() - began - r->progress.suspended, buf_str(&hint), buf_str(&again),
	    buf_str(&redo));
	output_say(&r->progress);
	buf_free(&hint);
	buf_free(&again);
	buf_free(&redo);
	buf_free(&r->progress.out);
	walk_free(&w);
	return status;
}

/* redo. */

struct redo {
	struct run *run;
	unsigned short **globs; /* of the keys that were named */
	size_t *lengths, *found, *trees;
	struct ids ids;         /* what is to be run again */
	int any;                /* a result was named */
	int bad;                /* why it is refused: orch's exit status; 0: it is not */
};

/* Whether the key was named. A worktree cannot be made again. */
static int
is_named(struct redo *d, const struct plan_step *step)
{
	const struct run_args *a = d->run->request.args;
	size_t i;
	int named = 0;

	for (i = 0; i < a->nredo; i++)
		if (glob_match(d->globs[i], d->lengths[i], step->key, strlen(step->key))) {
			int passed = step->node->kind == NODE_WORKTREE && strchr(a->redo[i], '*');

			passed ? d->trees[i]++ : d->found[i]++;
			named |= !passed;
		}
	if (named && step->node->kind == NODE_WORKTREE) {
		buf_fmt(d->run->request.say, "orch: redo: %s is a worktree, and is not made again: remove it by git first, and its result\n", step->key);
		d->bad = 2;
	}
	return named;
}

static void
name_step(void *ctx, const struct plan_step *step)
{
	struct redo *d = ctx;
	struct run *r = d->run;
	uint32_t id = step->kept ? keys_find(&r->keys, step->key, strlen(step->key)) : KEY_NONE;
	int named;

	if (id == KEY_NONE)
		return;
	named = r->request.args->redo_fallbacks ? (r->keys.list[id].flags & KEY_FALLBACK) != 0 : is_named(d, step);
	d->any |= named;
	if (named)
		question_redo(&r->asked, id, 1);
}

static void
follow_step(void *ctx, const struct plan_step *step)
{
	struct redo *d = ctx;
	const struct keys *keys = &d->run->keys;
	uint32_t id;

	if (!step->kept || !step->again)
		return;
	id = keys_find(keys, step->key, strlen(step->key));
	if (!node_is_always(step->node) || (keys->list[id].flags & KEY_REDO))   /* that is run in any case */
		ids_add(&d->ids, id);
}

/* All kept results are as old as each other: what follows one that is run again is what comes after it in the workflow. */
static void
plan_redo(struct run *r, void (*each)(void *, const struct plan_step *), struct redo *d, int again)
{
	struct plan_with with = { 0 };
	struct result_seqs saved;

	result_seqs_level(&r->keys, &saved);
	with.around = &r->around;
	with.again = again;
	with.only_kept = 1;
	plan_walk(r->request.flow.w, r->request.flow.scope, &r->results, &with, each, d);
	result_seqs_restore(&r->keys, &saved);
}

/* Finds what is to be run again: what was named, and what follows. Returns orch's exit status. */
static int
find_redo(struct run *r, struct redo *d)
{
	const struct run_args *a = r->request.args;
	size_t i;

	memset(d, 0, sizeof *d);
	d->run = r;
	d->globs = mem_zero(a->nredo + 1, sizeof *d->globs);
	d->lengths = mem_zero(a->nredo + 1, sizeof *d->lengths);
	d->found = mem_zero(a->nredo + 1, sizeof *d->found);
	d->trees = mem_zero(a->nredo + 1, sizeof *d->trees);
	for (i = 0; i < a->nredo; i++)
		d->globs[i] = glob_of_text(a->redo[i], &d->lengths[i]);
	plan_redo(r, name_step, d, 0);
	for (i = 0; i < a->nredo && !d->bad; i++)
		if (!d->found[i]) {
			d->bad = d->trees[i] ? runs_fail(r->request.say, 2, a->redo[i], "only worktrees match, and these are not made again") :
			    runs_no_step(r->request.say, 2, a->redo[i], a->dir, a->run);
		}
	if (a->redo_fallbacks && !d->any) {
		runs_fail(r->request.say, 3, r->request.name, "no result of this run is a fallback");
		d->bad = 3;
	}
	if (!d->bad)
		plan_redo(r, follow_step, d, 1);
	for (i = 0; i < a->nredo; i++)
		free(d->globs[i]);
	free(d->globs);
	free(d->lengths);
	free(d->found);
	free(d->trees);
	return d->bad;
}

static void
mark_redo(struct run *r, const struct redo *d)
{
	size_t i;

	for (i = 0; i < d->ids.n; i++)
		question_redo(&r->asked, d->ids.list[i], 1);
	r->keys.is_redo = 1;
}

/* Recorded first, so that any later walk finishes it. */
static int
record_redo(struct run *r, struct redo *d)
{
	struct log_line l = { 0 };
	size_t i;
	int bad = log_walk(r, LOG_WALK, (long)getpid(), NULL);

	for (i = 0; i < d->ids.n && !bad; i++) {
		l.ms = clock_epoch();
		l.event = LOG_REDO;
		l.key = keys_text(&r->keys, d->ids.list[i]);
		l.n = strlen(l.key);
		l.value = (long)(d->ids.n - 1 - i);
		bad = log_add(r->store.log, &l);
	}
	if (!bad && !file_sync(r->store.log))
		return 0;
	return runs_fail(r->request.say, 2, "what is to be run again cannot be written to the log", strerror(errno));
}

/* For plan.h. */
static const char *
on_plan_earlier(void *ctx, uint32_t id, struct task *t)
{
	struct run *r = ctx;
	const struct earlier_run *e = &r->request.earlier;
	int fd;

	if (!earlier_may_have(e, id, t))
		return NULL;
	if (!t)
		return e->name;
	earlier_offer(e, id, t);
	fd = earlier_open_result(&r->store, t, NULL, NULL);
	if (fd < 0)
		return NULL;
	file_drop(fd);
	return e->name;
}

/* For plan.h: what kept steps would be asked is looked at for -u and to show it. */
static void
compare(struct run *r, struct plan_with *with)
{
	with->around = &r->around;
	with->differs = r->request.args->again || r->request.args->dry || r->asked.redo ? on_differs : NULL;
	with->looks = with->differs != NULL;
	with->ctx = r;
	with->again = r->request.args->again;
}

/* The statements of which a step has no result yet, sorted by their addresses. */

static void
add_needed(void *ctx, const struct plan_step *step)
{
	struct run *r = ctx;
	const struct node *last;

	if (step->kept && !step->again)
		return;
	if (r->needed.n) {
		memcpy(&last, r->needed.s + r->needed.n - sizeof last, sizeof last);
		if (last == step->node)
			return;
	}
	buf_add(&r->needed, &step->node, sizeof step->node);
}

static int
by_address(const void *va, const void *vb)
{
	const struct node *const *a = va, *const *b = vb;

	return (uintptr_t)*a < (uintptr_t)*b ? -1 : (uintptr_t)*a > (uintptr_t)*b;
}

static int
is_needed(void *ctx, const struct node *n)
{
	struct run *r = ctx;
	struct plan_with with = { 0 };
	size_t size = sizeof n;

	if (!r->looked) {
		r->looked = 1;
		compare(r, &with);
		with.looks = 0;         /* orch itself reads no files that may block: what of these has changed is found out in the walk */
		plan_walk(r->request.flow.w, r->request.flow.scope, &r->results, &with, add_needed, r);
		if (r->needed.n)
			qsort(r->needed.s, r->needed.n / size, size, by_address);
	}
	return r->needed.n && bsearch(&n, r->needed.s, r->needed.n / size, size, by_address);
}

/* What a run lacks: programs, a terminal. It is told before a new run is made; of an earlier one only
 * if a step still needs it. */
static int
check_needs(struct run *r)
{
	int (*needed)(void *, const struct node *) = r->request.was_there ? is_needed : NULL;

	if (load_programs(&r->request.flow, r->request.args->environ, r->request.record.directory, needed, r, 0, r->request.say))
		return 2;
	if (load_budget(&r->request.flow, &r->request.budget, needed, r, r->request.say))
		return 2;
	return load_terminal(&r->request.flow, r->request.args->nobody, needed, r, r->request.say);
}

/* After a walk without an end some of its processes may still be there. */
static int
end_orphans(struct run *r)
{
	struct buf left = { 0 };
	enum orphans found;

	if (!r->asked.is_open)
		return 0;
	found = orphans_end(r->request.record.id, &left);
	if (found == ORPHANS_AROUND)
		buf_fmt(r->request.say, "orch: this shell belongs to run %s: one of its steps started it; use another shell\n", r->shown.s);
	else if (found == ORPHANS_LEFT)
		buf_fmt(r->request.say, "orch: processes of run %s are still running, and cannot be ended: %s\n", r->shown.s, buf_str(&left));
	buf_free(&left);
	return found == ORPHANS_NONE ? 0 : 4;
}

static int
run_it(struct run *r)
{
	int status = r->request.was_there ? 0 : check_needs(r);
	struct redo redo = { 0 };

	if (!status)
		status = open_run(r);
	if (!status)
		status = load_keys(r);
	if (!status)
		status = end_orphans(r);
	if (!status)
		set_around(r);
	if (!status)
		status = rivals_check(r->request.flow.w, r->request.flow.scope, &r->results, r->request.say);
	if (!status && r->request.args->redo)
		status = find_redo(r, &redo);
	if (!status && r->request.args->redo)
		mark_redo(r, &redo);
	/* What was given again holds for an earlier run only when nothing is refused. */
	if (!status && r->request.was_there)
		status = check_needs(r);
	if (!status && r->request.was_there)
		status = write_record(r);
	if (!status && r->request.args->redo)
		status = record_redo(r, &redo);
	ids_free(&redo.ids);
	return status ? status : walk(r);
}

static int
show_it(struct run *r, struct buf *show)
{
	struct plan_with with = { 0 };
	struct redo redo = { 0 };
	int status = 0;

	results_of_store(&r->results, &r->keys, &r->store);
	r->store.result = -1;
	if (r->request.was_there) {
		if (store_open(&r->store, r->request.args->dir, r->request.name, strlen(r->request.name), STORE_READ))
			status = request_store_error(&r->request, &r->store);
		else
			status = load_keys(r);
	}
	set_around(r);
	compare(r, &with);
	if (!status)
		status = rivals_check(r->request.flow.w, r->request.flow.scope, &r->results, r->request.say);
	if (!status && r->request.args->redo)
		status = find_redo(r, &redo);
	if (!status && r->request.args->redo)
		mark_redo(r, &redo);
	ids_free(&redo.ids);
	if (redo.run)
		compare(r, &with);
	if (!status && !r->keys.is_redo && read_earlier(r, r->request.say))
		with.earlier = on_plan_earlier;
	if (!status)
		plan_show(r->request.flow.w, r->request.flow.scope, &r->results, &with, r->request.args->loud == LOUD_VERBOSE, show);
	return status;
}

int
run_workflow(const struct run_args *args, struct buf *say, struct buf *show)
{
	struct run r = { 0 };
	int status;

	r.request.args = args;
	r.request.say = say;
	status = request_take(&r.request);
	if (!status)
		status = args->dry ? show_it(&r, show) : run_it(&r);
	keys_free(&r.keys);
	buf_free(&r.results.error);
	buf_free(&r.results.warning);
	question_free(&r.asked);
	decisions_free(&r.decisions);
	spent_free(&r.spent);
	sessions_free(&r.sessions);
	free(r.lacking);
	free(r.results_dir);
	free(r.within);
	buf_free(&r.needed);
	free(r.store.path);     /* all else of the store stays open: the lock must not be closed */
	buf_free(&r.shown);
	request_free(&r.request);
	return status;
}

/* A run from its command line to its exit status.
 *
 * It is long since it is one way, from the top down: which run, its record, its directory, its lock, what it has, the
 * walk. */
#include "engine/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/task/question.h"
#include "store/clock.h"
#include "engine/load.h"
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
#include "engine/inspect/trust.h"
#include "parse/mem.h"
#include "parse/near.h"
#include "parse/parse.h"
#include "parse/text.h"
#include "store/file.h"
#include "store/log.h"

enum { LOCK_WAIT_MS = 15 * 1000 };

struct run {
	const struct run_args *args;
	struct buf *say;
	struct record record;
	struct flow flow;
	struct store store;
	struct keys keys;
	struct keys given;      /* the results that were there before this text on standard input */
	struct results results;
	struct progress progress;
	struct run_env around;
	struct questions asked;
	struct decisions decisions;
	uint32_t seed;
	int was_there;          /* the run was made earlier */
	int lacks_record;       /* its directory was, but not its file `run` */
	char *results_dir;
	char *within;
	struct buf needed;      /* pointers to the statements that are still to be asked, once looked at */
	int looked;
	char *name;             /* of the run; NULL: it is to be named by the time */
	struct buf shown;       /* the name for messages */
};

static char *
working_directory(void)
{
	struct buf b = { 0 };
	size_t room = 256;

	while (!getcwd(buf_room(&b, room), room) && errno == ERANGE)
		room *= 2;
	if (*b.s == '/')
		return b.s;
	buf_free(&b);
	return NULL;
}

static int
store_error(struct run *r, const struct store *s)
{
	struct buf why = { 0 };

	buf_text(&why, strerror(errno));
	start_remedy(&why, errno);
	runs_fail(r->say, 2, s->what, s->told ? NULL : buf_str(&why));
	buf_free(&why);
	return 2;
}

/* Without its lock nothing is started: two could work on the run. */
static int
lock_error(struct run *r)
{
	int error = errno;
	const char *remedy = store_remedy(error);

	buf_fmt(r->say, "orch: run %s cannot be locked: %s", r->shown.s, strerror(error));
	if (remedy)
		buf_fmt(r->say, ": %s", remedy);
	buf_char(r->say, '\n');
	return 2;
}

static int
record_error(struct run *r, const char *name)
{
	struct buf why = { 0 };

	if (errno == EINVAL && r->record.line)
		buf_fmt(&why, "line %u of this run's file `run` is not as this orch writes it; correct it, or use the orch that wrote it", r->record.line);
	else if (errno == EINVAL)
		buf_text(&why, "this run's file `run` is not as orch writes it: it lacks its workflow or its directory");
	else
		buf_fmt(&why, "this run's file `run` cannot be read: %s", strerror(errno));
	runs_fail(r->say, 2, name, buf_str(&why));
	buf_free(&why);
	return 2;
}

/* What was asked for: the record of a run is made, or an earlier one is gone on with. */

/* A run that was not made here is not resumed until somebody accepts it. */
static int
check_trust(struct run *r, const struct store *s, const char *name)
{
	if (!identity_is_of(&r->record.made, s->lock)) {
		trust_say_refused(r->say, r->args->dir, name, &r->record);
		return 2;
	}
	if (r->record.made.kind == IDENTITY_UNKNOWN) {
		buf_text(r->say, "orch: warning: run ");
		visible_add(r->say, name, strlen(name), 0);
		buf_text(r->say, ": whether it was made here cannot be told on this file system\n");
	}
	return 0;
}

static void
count_result(void *ctx, const char *name, int plain)
{
	size_t *n = ctx;

	(void)name;
	(void)plain;
	++*n;
}

static int
has_results(struct store *s)
{
	size_t n = 0;

	return store_results(s, count_result, &n) || n;
}

/* The record of the run that was named, if it is there. Returns 0 when it is, 3 when it is not. */
static int
find_record(struct run *r, const char *name)
{
	struct store s;
	int status = 3;

	if (store_open(&s, r->args->dir, name, strlen(name), STORE_READ)) {
		if (errno != ENOENT)
			status = store_error(r, &s);
	} else if (!record_read(&r->record, s.run, s.path)) {
		r->was_there = 1;
		status = check_trust(r, &s, name);
		if (!status && r->record.text && results_keys(&r->given, &s))
			status = runs_fail(r->say, 2, "result/ cannot be read", strerror(errno));
	} else if (errno != ENOENT) {
		status = record_error(r, name);
	} else {
		r->lacks_record = 1;
		if (has_results(&s) && check_trust(r, &s, name))
			status = 2;
	}
	store_close(&s);
	return status;
}

/* The workflow's text is what FD has. */
static int
read_text(struct run *r, int fd)
{
	struct buf b = { 0 };
	long got;

	while ((got = file_read_wait(fd, buf_room(&b, 16 * 1024), 16 * 1024)) > 0)
		b.n += (size_t)got;
	if (got < 0) {
		buf_free(&b);
		return -1;
	}
	free(r->record.text);
	r->record.ntext = b.n;
	r->record.text = buf_take(&b);
	return 0;
}

static int
read_stdin(struct run *r)
{
	return read_text(r, 0) ? runs_fail(r->say, 2, "cannot read the workflow from standard input", strerror(errno)) : 0;
}

static int
no_directory(struct run *r)
{
	return runs_fail(r->say, 2, "the current directory", errno == ENOENT ? "it was deleted: cd to one that is there" : strerror(errno));
}

/* FILE cannot be the workflow of a run, with errno; 0: it is no plain file. */
static int
refuse_file(struct run *r, const char *file)
{
	int error = errno;

	buf_text(r->say, "orch: cannot read ");
	visible_add(r->say, file, strlen(file), 0);
	if (error)
		buf_fmt(r->say, ": %s\n", strerror(error));
	else
		buf_text(r->say, ": it is a pipe or a device, which a later `resume` could not read again: orch run - <FILE\n");
	return 2;
}

/* Whether FILE can be read again, by another process: the name of a descriptor that is a pipe leads nowhere. */
static int
is_lasting(const char *file)
{
	struct stat st;

	return stat(file, &st) || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
}

static int
take_file(struct run *r)
{
	const char *file = r->args->file;
	int is_text = !strcmp(file, "-");
	char *path = is_text ? mem_dup("-", 1) : NULL;

	errno = 0;
	if (!is_text && (!is_lasting(file) || !(path = realpath(file, NULL)))) {
		if (!(errno == ENOENT && access(file, F_OK) == 0))
			return refuse_file(r, file);
		errno = ENOENT;
		return no_directory(r);
	}
	if (r->record.workflow && strcmp(r->record.workflow, path)) {
		buf_fmt(r->say, "orch: the run %s is one of %s; give this one another name with -r\n", r->args->run,
		    strcmp(r->record.workflow, "-") ? r->record.workflow : "texts on standard input");
		free(path);
		return 2;
	}
	free(r->record.workflow);
	r->record.workflow = path;
	if (!r->record.directory) {
		r->record.directory = working_directory();
		r->record.started = clock_epoch();
	}
	if (!r->record.directory)
		return no_directory(r);
	return is_text ? read_stdin(r) : 0;
}

/* An operand is NAME=VALUE when what stands before the = could be a variable; else it is the prompt. */
static int
take_operand(struct run *r, const char *s, const char **prompt)
{
	const char *eq = strchr(s, '=');
	char *name;
	int bad;

	if (eq && variable_name(s, (size_t)(eq - s))) {
		name = mem_dup(s, (size_t)(eq - s));
		bad = record_param(&r->record, name, eq + 1);
		free(name);
		return bad ? runs_fail(r->say, 2, "memory", strerror(errno)) : 0;
	}
	if (*prompt) {
		buf_text(r->say, "orch: a second prompt: `");
		visible_add(r->say, s, strlen(s), 0);
		buf_text(r->say, "`; a prompt is one word: quote it\n");
		return 2;
	}
	*prompt = s;
	return record_param(&r->record, "prompt", s) ? runs_fail(r->say, 2, "memory", strerror(errno)) : 0;
}

static int
take_operands(struct run *r)
{
	const char *prompt = NULL;
	size_t i;
	int status;

	for (i = 0; i < r->args->noperands; i++) {
		status = take_operand(r, r->args->operands[i], &prompt);
		if (status)
			return status;
	}
	for (i = 0; i < r->args->nagents; i++)
		if (record_agent(&r->record, r->args->agents[i]))
			return runs_fail(r->say, 2, "memory", strerror(errno));
	return 0;
}

/* Whether the workflow has the parameter NAME, of N bytes. */
static int
has_param(const struct run *r, const char *name, size_t n)
{
	const struct param *p;

	for (p = r->flow.w->params; p; p = p->next)
		if (!strncmp(p->name, name, n) && !p->name[n])
			return 1;
	return 0;
}

static void
put_nearest(struct run *r, const char *s, size_t n)
{
	const struct param *p;
	struct near near;

	near_start(&near, s, n);
	for (p = r->flow.w->params; p; p = p->next)
		near_try(&near, p->name, strlen(p->name));
	if (near.best)
		buf_fmt(r->say, "; did you mean `%s`?", near.best);
}

/* Operands that this workflow has no parameter for. */
static int
check_operands(struct run *r)
{
	int status = 0;
	size_t i;

	for (i = 0; i < r->args->noperands; i++) {
		const char *s = r->args->operands[i], *eq = strchr(s, '=');
		size_t n = eq && variable_name(s, (size_t)(eq - s)) ? (size_t)(eq - s) : 0;

		if (n ? has_param(r, s, n) : has_param(r, "prompt", 6))
			continue;
		status = 2;
		buf_fmt(r->say, "orch: %s ", r->flow.name);
		if (n) {
			buf_fmt(r->say, "has no parameter `%.*s`", (int)n, s);
			put_nearest(r, s, n);
			if (has_param(r, "prompt", 6)) {
				struct buf word = { 0 };

				buf_fmt(&word, "prompt=%s", s);
				buf_text(r->say, "; if that was to be the prompt: ");
				shell_add(r->say, buf_str(&word));
				buf_free(&word);
			}
		} else {
			buf_text(r->say, "takes no prompt (it has no `param prompt`): ");
			visible_add(r->say, s, strlen(s), 0);
		}
		buf_char(r->say, '\n');
	}
	return status;
}

/* The name that messages call the workflow: as short as it can be from here. */
static const char *
short_name(const struct run *r)
{
	const char *path = r->record.workflow;
	size_t n = strlen(r->record.directory);

	if (r->args->file)
		return r->args->file;
	if (!strncmp(path, r->record.directory, n) && path[n] == '/')
		return path + n + 1;
	return path;
}

/* Which run is meant, and its record if it was made earlier. */
static int
find_run(struct run *r)
{
	const struct run_args *a = r->args;
	int status;

	if (a->run)
		r->name = mem_dup(a->run, strlen(a->run));
	else if (!a->file && runs_newest_open(a->dir, r->say, &r->name))
		return runs_fail(r->say, 2, a->dir, strerror(errno));
	if (!r->name)
		return a->file ? 0 : runs_fail(r->say, 3, "there is no run here that is not complete; `orch runs` shows all, `orch run FILE` starts one", NULL);
	status = find_record(r, r->name);
	if (status != 3)
		return status;
	return a->file ? 0 : runs_fail(r->say, 3, r->name, r->lacks_record ?
	    "this run's file `run` is gone; `orch run -r RUN FILE` goes on with it" :
	    "no such run; `orch runs` shows those that are there");
}

/* The run, its workflow and its parameters, as far as nothing is written. */
static int
prepare(struct run *r)
{
	int status = find_run(r);

	if (!status && r->args->file)
		status = take_file(r);
	if (!status)
		status = take_operands(r);
	if (!status)
		status = load_read(&r->flow, &r->record, short_name(r), &r->given, r->say);
	if (!status)
		status = check_operands(r);
	if (!status)
		status = load_bind(&r->flow, &r->record, r->say);
	return status;
}

/* Opening the run. */

/* The supervisor HOLDER, or, if it is not known, who has the lock open: whoever looks at the run may be among them. */
static void
put_supervisor(struct run *r, long holder)
{
	struct stat st;
	char text[200];

	if (holder > 0)
		buf_fmt(r->say, "supervisor: pid %ld", holder);
	else if (fstat(r->store.lock, &st) || !proctree_openers(st.st_dev, st.st_ino, text, sizeof text))
		buf_text(r->say, "by whom cannot be told");
	else
		buf_fmt(r->say, "its lock is open in %s", text);
}

static int
lock(struct run *r)
{
	long holder = 0;
	struct stat st;

	if (store_lock(&r->store, &holder)) {
		if (errno != EAGAIN)
			return lock_error(r);
		buf_fmt(r->say, "orch: the run %s is in use by another orch", r->shown.s);
		if (holder > 0)
			buf_fmt(r->say, " (pid %ld); `kill %ld` stops it\n", holder, holder);
		else
			buf_text(r->say, "; which one cannot be told\n");
		return 4;
	}
	/* A supervisor that somebody has stopped ends nothing, and holds the lock, until it goes on. */
	if (store_lock_wait(&r->store, 0, &holder) && errno == EAGAIN && fstat(r->store.lock, &st) == 0)
		proctree_continue_openers(st.st_dev, st.st_ino);
	if (store_lock_wait(&r->store, LOCK_WAIT_MS, &holder)) {
		if (errno != EAGAIN)
			return lock_error(r);
		buf_fmt(r->say, "orch: a step of the run %s that an earlier orch has left is still being ended (", r->shown.s);
		put_supervisor(r, holder);
		buf_text(r->say, "); try again later\n");
		return 4;
	}
	store_lock_share(&r->store);
	return 0;
}

/* The name that the run has got, if it was named by the time. */
static void
take_name(struct run *r)
{
	char key[KEY_NAME_MAX + 1];
	int n = key_decode(r->store.name, key);

	free(r->name);
	r->name = mem_dup(key, n > 0 ? (size_t)n : 0);
	visible_add(&r->shown, r->name, strlen(r->name), 0);
	buf_str(&r->shown);
}

static void
take_id(struct run *r, const char *id)
{
	free(r->record.id);
	r->record.id = mem_dup(id, strlen(id));
}

/* Another orch may have made the run while this one read its workflow. */
static int
compare_record(struct run *r)
{
	struct record there;
	int same;

	if (record_read(&there, r->store.run, r->store.path))
		return 0;
	same = !strcmp(there.workflow, r->record.workflow);
	if (same && there.id)
		take_id(r, there.id);
	if (!same)
		buf_fmt(r->say, "orch: the run %s was just made for %s; give this one another name with -r\n", r->shown.s, there.workflow);
	record_free(&there);
	return same ? 0 : 2;
}

static int
write_record(struct run *r)
{
	struct buf why = { 0 };

	if (!record_write(&r->record, r->store.run, r->store.path))
		return 0;
	buf_text(&why, strerror(errno));
	start_remedy(&why, errno);
	runs_fail(r->say, 2, "this run's file `run` cannot be written", buf_str(&why));
	buf_free(&why);
	return 2;
}

static int
open_run(struct run *r)
{
	int status = 0;

	if (store_open(&r->store, r->args->dir, r->name, r->name ? strlen(r->name) : 0, STORE_WRITE))
		status = store_error(r, &r->store);
	else
		take_name(r);
	if (!status)
		status = lock(r);
	if (!status && !r->record.id) {
		status = record_new_id(&r->record) ? runs_fail(r->say, 2, "memory", strerror(errno)) : 0;
	}
	if (!status && r->record.made.kind == IDENTITY_NONE && identity_of(&r->record.made, r->store.lock))
		status = runs_fail(r->say, 2, "the run's lock", strerror(errno));
	if (!status && !r->was_there && !(status = compare_record(r)))
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
	r->asked.again = r->args->again;
	r->asked.decisions = &r->decisions;
	if (question_load(&r->asked))
		return runs_fail(r->say, 1, "the log cannot be read", strerror(errno));
	if (results_keys(&r->keys, &r->store))
		return runs_fail(r->say, 1, "result/ cannot be read", strerror(errno));
	rivals_begin(&r->keys, &r->store);
	if (r->args->again)
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
	if (strcmp(r->args->dir, ".orch")) {
		buf_text(b, " -d ");
		shell_add(b, r->args->dir);
	}
	buf_text(b, " -r ");
	shell_add(b, r->name);
}

/* Whether standard input is one that somebody may have meant to be read: a file with something in it, a pipe. */
static int
has_stdin(void)
{
	struct stat st;

	if (fstat(0, &st))
		return 0;
	if (S_ISREG(st.st_mode))
		return lseek(0, 0, SEEK_CUR) < st.st_size;
	return S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
}

/* Standard input was read again; or the kept one is used, which is said where there is another. */
static void
stdin_used(struct run *r, int read)
{
	struct buf again = { 0 };

	if (read)
		question_forget_stdin(&r->asked);
	if (read || !has_stdin() || (!r->args->file && r->args->loud == LOUD_QUIET))
		return;
	buf_text(&again, "orch run -u");
	put_run(r, &again);
	buf_char(&again, ' ');
	shell_add(&again, short_name(r));
	progress_stdin(&r->progress, buf_str(&again));
	buf_free(&again);
}

static void
on_event(void *ctx, const struct event *e)
{
	struct run *r = ctx;

	if (e->kind == EVENT_KEPT && e->task && !e->text)
		question_kept(&r->asked, e->id, e->task);
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

	return question_differs(&r->asked, id, t);
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


static void
set_around(struct run *r)
{
	struct buf b = { 0 };

	buf_fmt(&b, "%s/result", r->store.path ? r->store.path : "");
	r->results_dir = buf_take(&b);
	if (r->record.id)
		orphans_within(&b, env_value(r->args->environ, "ORCH_WITHIN"), r->record.id);
	r->within = buf_take(&b);
	r->around.within = *r->within ? r->within : NULL;
	r->around.root = r->record.directory;
	r->around.run = r->name;
	r->around.results_dir = r->results_dir;
	r->around.environ = r->args->environ;
	r->seed = (uint32_t)clock_epoch() * 2654435761u ^ (uint32_t)getpid();
	if (!r->seed)
		r->seed = 1;
}

static int
walk(struct run *r)
{
	struct walk_ops ops;
	struct walk w;
	struct buf hint = { 0 }, again = { 0 }, look = { 0 };
	long long began = clock_ms();
	int status;

	ops.ctx = r;
	ops.event = on_event;
	ops.random = on_random;
	ops.differs = on_differs;
	r->progress.loud = r->args->loud;
	r->progress.store = &r->store;
	buf_add(&r->progress.out, r->say->s, r->say->n);       /* what is to be known before it begins */
	r->say->n = 0;
	log_walk(r, LOG_WALK, (long)getpid(), NULL);
	if (r->progress.loud > LOUD_QUIET)
		buf_fmt(&r->progress.out, "orch: run %s%s\n", r->shown.s, r->was_there ? ", gone on with" : "");
	walk_start(&w, r->flow.w, &r->around, &r->results, r->flow.scope, &ops, r->args->jobs, r->args->stop_first);
	w.again = r->args->again;
	w.decisions = &r->decisions;
	if (r->args->again && r->args->file && has_stdin())
		walk_read_stdin(&w);
	status = loop_run(&w, &r->store, &r->progress);
	status = log_end(r, status, w.reason.n ? buf_str(&w.reason) : NULL);
	if (!store_gone(&r->store)) {
		buf_text(&hint, r->args->again ? "orch resume -u" : "orch resume");
		put_run(r, &hint);
	}
	buf_text(&again, "orch resume -u");
	put_run(r, &again);
	buf_text(&look, "orch status");
	put_run(r, &look);
	progress_end(&r->progress, r->shown.s, status, clock_ms() - began - r->progress.suspended, buf_str(&hint), buf_str(&again),
	    buf_str(&look));
	output_say(&r->progress);
	buf_free(&hint);
	buf_free(&again);
	buf_free(&look);
	buf_free(&r->progress.out);
	walk_free(&w);
	return status;
}

/* For plan.h: what kept steps would be asked is looked at for -u and to show it. */
static void
compare(struct run *r, struct plan_with *with)
{
	with->around = &r->around;
	with->differs = r->args->again || r->args->dry ? on_differs : NULL;
	with->ctx = r;
	with->again = r->args->again;
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
	struct plan_with with;
	size_t size = sizeof n;

	if (!r->looked) {
		r->looked = 1;
		compare(r, &with);
		plan_walk(r->flow.w, r->flow.scope, &r->results, &with, add_needed, r);
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
	int (*needed)(void *, const struct node *) = r->was_there ? is_needed : NULL;

	if (load_programs(&r->flow, r->args->environ, r->record.directory, needed, r, 0, r->say))
		return 2;
	return load_terminal(&r->flow, needed, r, r->say);
}

/* After a walk without an end some of its processes may still be there. */
static int
end_orphans(struct run *r)
{
	struct buf left = { 0 };
	enum orphans found;

	if (!r->asked.is_open)
		return 0;
	found = orphans_end(r->record.id, &left);
	if (found == ORPHANS_AROUND)
		buf_fmt(r->say, "orch: this shell belongs to run %s: a step of it has started it; use another one\n", r->shown.s);
	else if (found == ORPHANS_LEFT)
		buf_fmt(r->say, "orch: processes of run %s are still running, and cannot be ended: %s\n", r->shown.s, buf_str(&left));
	buf_free(&left);
	return found == ORPHANS_NONE ? 0 : 4;
}

static int
run_it(struct run *r)
{
	int status = r->was_there ? 0 : check_needs(r);

	if (!status)
		status = open_run(r);
	if (!status)
		status = load_keys(r);
	if (!status)
		status = end_orphans(r);
	if (!status)
		set_around(r);
	if (!status)
		status = rivals_check(r->flow.w, r->flow.scope, &r->results, r->say);
	/* What was given anew holds for an earlier run only when nothing is refused. */
	if (!status && r->was_there)
		status = check_needs(r);
	if (!status && r->was_there)
		status = write_record(r);
	return status ? status : walk(r);
}

static int
show_it(struct run *r, struct buf *show)
{
	struct plan_with with;
	int status = 0;

	results_of_store(&r->results, &r->keys, &r->store);
	r->store.result = -1;
	if (r->was_there) {
		if (store_open(&r->store, r->args->dir, r->name, strlen(r->name), STORE_READ))
			status = store_error(r, &r->store);
		else
			status = load_keys(r);
	}
	set_around(r);
	compare(r, &with);
	if (!status)
		status = rivals_check(r->flow.w, r->flow.scope, &r->results, r->say);
	if (!status)
		plan_show(r->flow.w, r->flow.scope, &r->results, &with, show);
	return status;
}

int
run_workflow(const struct run_args *args, struct buf *say, struct buf *show)
{
	struct run r = { 0 };
	int status;

	r.args = args;
	r.say = say;
	status = prepare(&r);
	if (!status)
		status = args->dry ? show_it(&r, show) : run_it(&r);
	keys_free(&r.keys);
	keys_free(&r.given);
	buf_free(&r.results.error);
	buf_free(&r.results.warning);
	question_free(&r.asked);
	decisions_free(&r.decisions);
	free(r.results_dir);
	free(r.within);
	buf_free(&r.needed);
	free(r.store.path);     /* all else of the store stays open: the lock must not be closed */
	buf_free(&r.shown);
	free(r.name);
	load_free(&r.flow);
	record_free(&r.record);
	return status;
}

/* A pipe or a device, which is read once: nobody resumes a check. Only where it is standard input can the workflow not
 * read that, too; what it calls is looked for where orch was started. */
static int
take_passing(struct run *r)
{
	int fd = file_open_as(AT_FDCWD, r->args->file, O_RDONLY), is_stdin;
	struct stat st, in;
	struct buf path = { 0 };

	if (fd < 0 || read_text(r, fd))
		return refuse_file(r, r->args->file);
	is_stdin = !fstat(fd, &st) && !fstat(0, &in) && st.st_dev == in.st_dev && st.st_ino == in.st_ino;
	file_drop(fd);
	r->record.directory = working_directory();
	if (!r->record.directory)
		return no_directory(r);
	if (!is_stdin)
		buf_fmt(&path, "%s/", r->record.directory);
	buf_char(&path, '-');
	r->record.workflow = buf_take(&path);
	return 0;
}

int
run_check(const char *file, char *const *environ, struct buf *say)
{
	struct run_args args = { 0 };
	struct run r = { 0 };
	int status;

	args.file = file;
	args.environ = environ;
	r.args = &args;
	r.say = say;
	status = is_lasting(file) ? take_file(&r) : take_passing(&r);
	if (!status)
		status = load_read(&r.flow, &r.record, file, NULL, say);
	if (!status)
		load_programs(&r.flow, environ, r.record.directory, NULL, NULL, 1, say);
	load_free(&r.flow);
	record_free(&r.record);
	return status;
}

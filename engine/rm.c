/* orch rm: deletes runs. */
#include "engine/rm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/inspect/runs.h"
#include "engine/supervise/orphans.h"
#include "parse/glob.h"
#include "parse/mem.h"
#include "parse/text.h"
#include "store/log.h"
#include "store/record.h"
#include "store/removal.h"
#include "store/store.h"

struct rm {
	const struct rm_args *args;
	struct buf *say;
	struct run_lines lines; /* all runs; without -k only their names */
	char *chosen;           /* of each: it is to be deleted */
	int status;
};

/* The first thing that goes wrong decides how orch ends. */
static void
note(struct rm *m, int status)
{
	if (!m->status)
		m->status = status;
}

static const char *
reason(int error)
{
	return error == EXDEV ? "is on another file system: unmount it first" : strerror(error);
}

/* The store says what is wrong. */
static int
fail_store(struct rm *m, const struct store *s, int status)
{
	return runs_fail(m->say, status, s->what, s->told ? NULL : reason(errno));
}

/* Which runs are meant. */

/* The last first: they are deleted from the end. */
static int
by_name(const void *va, const void *vb)
{
	const struct run_line *a = va, *b = vb;

	return strcmp(b->name, a->name);
}

static void
add_name(void *ctx, const char *name)
{
	struct run_lines *l = ctx;
	char key[KEY_NAME_MAX + 1];
	struct run_line *r;

	if (key_decode(name, key) < 0)
		return;
	l->list = mem_grow(l->list, l->n + 1, sizeof *l->list);
	r = &l->list[l->n++];
	memset(r, 0, sizeof *r);
	r->name = mem_dup(name, strlen(name));
}

/* Only -k has to know how old they are, which takes reading them. */
static int
find(struct rm *m)
{
	struct run_lines *l = &m->lines;
	int bad;

	if (m->args->keep < 0)
		bad = store_runs(m->args->dir, add_name, l);
	else
		bad = runs_find(l, m->args->dir);
	if (bad)
		return runs_fail(m->say, 2, m->args->dir, strerror(errno));
	if (m->args->keep < 0 && l->n)
		qsort(l->list, l->n, sizeof *l->list, by_name);
	m->chosen = mem_zero(l->n + 1, 1);
	return 0;
}

static int
no_run(struct rm *m, const char *s)
{
	buf_text(m->say, "orch: ");
	visible_add(m->say, s, strlen(s), 0);
	buf_text(m->say, strchr(s, '*') ? ": no run matches" : ": no such run");
	buf_text(m->say, "; to list: orch runs");
	if (strcmp(m->args->dir, ".orch"))
		shell_fmt(m->say, " -d %s", m->args->dir);
	buf_char(m->say, '\n');
	return 3;
}

/* S means no run that is listed: whether there is something else of this name. */
static int
not_found(struct rm *m, const char *s)
{
	struct store there;
	int status = 3;

	if (store_open(&there, m->args->dir, s, strlen(s), STORE_READ) && errno != ENOENT)
		status = fail_store(m, &there, 2);
	store_close(&there);
	return status == 3 ? no_run(m, s) : status;
}

/* A directory of another kind, which lies where the runs are, is no run. */
static int
not_a_run(struct rm *m, const char *s)
{
	return runs_fail(m->say, 2, s, "this directory is not a run");
}

/* Chooses the Ith, unless it is no run. Returns whether it is one. */
static int
choose(struct rm *m, size_t i)
{
	const char *name = m->lines.list[i].name;

	if (!store_is_run(m->args->dir, name))
		return 0;
	m->chosen[i] = 1;
	return 1;
}

/* Chooses what S means: the run of just this name, or all that match. Returns orch's exit
 * status. */
static int
choose_named(struct rm *m, const char *s)
{
	const struct run_lines *l = &m->lines;
	char file[KEY_NAME_MAX + 1], key[KEY_NAME_MAX + 1];
	int exact = key_encode(s, strlen(s), file) >= 0, len;
	size_t i, n, found = 0;
	unsigned short *g;

	for (i = 0; exact && i < l->n; i++)
		if (!strcmp(l->list[i].name, file))
			return choose(m, i) ? 0 : not_a_run(m, s);
	g = glob_of_text(s, &n);
	for (i = 0; strchr(s, '*') && i < l->n; i++) {
		len = key_decode(l->list[i].name, key);
		if (len > 0 && glob_match(g, n, key, (size_t)len))
			found += (size_t)choose(m, i);
	}
	free(g);
	return found ? 0 : not_found(m, s);
}

static int
is_in_use(const struct run_line *r)
{
	return r->state == RUN_RUNNING || r->state == RUN_ENDING;
}

/* What nobody has named is deleted by its age only if the time has named it, nothing of it is
 * missing, and it was made here. */
static void
choose_by_time(struct rm *m)
{
	size_t i;

	for (i = 0; i < m->lines.n; i++) {
		const struct run_line *r = &m->lines.list[i];

		m->chosen[i] = !r->broken && r->by_time && r->is_trusted &&
		    r->state == RUN_COMPLETE && r->order > 0;
	}
}

/* A run whose age is not known is not deleted by its age. Returns whether it is such a run,
 * which is said. */
static int
is_ageless(struct rm *m, const struct run_line *r)
{
	if (r->broken) {
		buf_text(m->say, r->broken);
		note(m, 1);
		return 1;
	}
	if (r->order > 0)
		return 0;
	buf_text(m->say, "orch: run ");
	runs_put_name(m->say, r->name);
	buf_text(m->say, " is kept: when it was started is not known\n");
	return 1;
}

/* The newest of the chosen are not deleted. Those in use count first. */
static void
keep_newest(struct rm *m)
{
	long long left = m->args->keep;
	size_t i;

	for (i = 0; i < m->lines.n; i++)
		if (m->chosen[i] && is_in_use(&m->lines.list[i])) {
			m->chosen[i] = 0;
			left--;
		}
	for (i = 0; i < m->lines.n; i++)
		if (m->chosen[i] && (is_ageless(m, &m->lines.list[i]) || left-- > 0))
			m->chosen[i] = 0;
}

static int
choose_all(struct rm *m)
{
	const struct rm_args *a = m->args;
	int status = 0, one;
	size_t i;

	for (i = 0; i < a->n; i++) {
		one = choose_named(m, a->runs[i]);
		status = status ? status : one;
	}
	if (status && a->n > 1)
		buf_text(m->say, "orch: nothing was removed\n");
	if (!a->n)
		choose_by_time(m);
	if (!status && a->keep >= 0)
		keep_newest(m);
	return status;
}

/* Deleting. */

static void
put_run(struct rm *m, const char *file)
{
	buf_text(m->say, "orch: run ");
	runs_put_name(m->say, file);
}

/* Who works on the run holds its lock, and so does who deletes it, to the end. Returns orch's
 * exit status, which with -k is not said: that one is in use is how it should be. */
static int
lock(struct rm *m, struct store *s)
{
	const char *why = " is in use: a step of it, left by an earlier orch, is still being ended;"
	    " try again later\n";
	long holder = 0;
	int error = store_lock(s, &holder) ? errno : 0;

	if (error == EAGAIN && holder > 0)
		why = " is in use by another orch (pid %ld); to stop it: kill %ld\n";
	else if (error == EAGAIN)
		why = " is in use by another orch\n";
	else if (!error && store_lock_wait(s, 0, &holder))
		error = errno;
	if (!error)
		return 0;
	if (error != EAGAIN)
		return runs_fail(m->say, 1, "the run's lock", strerror(error));
	if (m->args->keep < 0) {
		put_run(m, s->name);
		buf_fmt(m->say, why, holder, holder);
	}
	return 4;
}

static void
see_walk(void *ctx, const struct log_line *l)
{
	int *is_open = ctx;

	*is_open = l->event == LOG_WALK;
}

/* After a walk without an end some of its processes may still be there, and work for it. A copy
 * has the original's id, but none of its processes. */
static int
check_orphans(struct rm *m, struct store *s)
{
	struct record r = { 0 };
	struct buf left = { 0 };
	enum orphans found = ORPHANS_NONE;
	int is_open = 0;

	if (!record_read(&r, s->run, NULL) && r.id && identity_is_of(&r.made, s->lock) &&
	    !log_read(s->run, 1u << LOG_WALK | 1u << LOG_END, see_walk, &is_open) && is_open)
		found = orphans_find(r.id, &left);
	record_free(&r);
	if (found != ORPHANS_NONE && m->args->keep < 0) {
		put_run(m, s->name);
		if (found == ORPHANS_AROUND)
			buf_text(m->say, " is in use: one of its steps started this shell;"
			    " use another shell\n");
		else
			buf_fmt(m->say, " is in use: its orch was killed, and has left %s;"
			    " kill these first\n", buf_str(&left));
	}
	buf_free(&left);
	return found == ORPHANS_NONE ? 0 : 4;
}

/* Whether something was done in the run since it was chosen by its age. */
static int
has_changed(const struct store *s, const struct store_mark *was)
{
	struct store_mark now;

	store_mark(s, &now);
	return now.run != was->run || now.log != was->log;
}

/* Deletes the run that is open, locked and free. */
static int
remove_it(struct rm *m, struct store *s, const char *file)
{
	enum removal done = removal_run(s, m->args->dir);

	if (done == REMOVAL_REFUSED)
		return fail_store(m, s, 1);
	if (done == REMOVAL_PART) {
		put_run(m, file);
		buf_text(m->say, " is removed, but not all of its files: ");
		visible_add(m->say, s->what, strlen(s->what), 0);
		buf_fmt(m->say, ": %s\n", reason(errno));
		return 1;
	}
	buf_text(m->say, "removed ");
	runs_put_name(m->say, file);
	buf_char(m->say, '\n');
	return 0;
}

/* Opens the run, locked. Returns orch's exit status; *IS_THERE: it is the one that was chosen, as it
 * was then. That somebody else has deleted it meanwhile is what was wanted. */
static int
take(struct rm *m, struct store *s, const struct run_line *r, int *is_there)
{
	char key[KEY_NAME_MAX + 1];
	int n = key_decode(r->name, key), status;

	*is_there = 0;
	if (store_open(s, m->args->dir, key, (size_t)n, STORE_REMOVE))
		return errno == ENOENT ? 0 : fail_store(m, s, 1);
	status = lock(m, s);
	if (status)
		return status;
	*is_there = store_is_there(s);
	if (*is_there < 0)
		return runs_fail(m->say, 1, "the run's lock", strerror(errno));
	if (m->args->keep >= 0 && has_changed(s, &r->mark))
		*is_there = 0;
	return 0;
}

static void
remove_run(struct rm *m, const struct run_line *r)
{
	struct store s;
	int is_there, status = take(m, &s, r, &is_there);

	if (!status && is_there)
		status = check_orphans(m, &s);
	if (!status && is_there)
		status = remove_it(m, &s, r->name);
	if (status != 4 || m->args->keep < 0)
		note(m, status);
	store_close(&s);
	m->args->show(m->say);
}

/* Deletes what an earlier rm has left, which was killed or could not delete all of it. -1:
 * nothing here can be deleted. */
static int
clear(struct rm *m)
{
	struct store s;
	int bad = store_open(&s, m->args->dir, NULL, 0, STORE_REMOVE) && errno != ENOENT;

	if (bad || (s.top >= 0 && removal_clear(&s, m->args->dir) != REMOVAL_DONE))
		note(m, fail_store(m, &s, 1));
	store_close(&s);
	m->args->show(m->say);
	return bad ? -1 : 0;
}

int
rm_runs(const struct rm_args *args, struct buf *say)
{
	struct rm m = { 0 };
	size_t i;
	int bad;

	m.args = args;
	m.say = say;
	bad = find(&m);
	if (!bad)
		bad = choose_all(&m);
	/* The oldest first: of whoever is stopped, the newest are there. */
	if (!bad && !clear(&m))
		for (i = m.lines.n; i--; )
			if (m.chosen[i])
				remove_run(&m, &m.lines.list[i]);
	free(m.chosen);
	runs_free(&m.lines);
	return bad ? bad : m.status;
}

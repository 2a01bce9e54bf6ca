/* orch logs: what steps have said. */
#include "engine/inspect/runs.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parse/mem.h"
#include "parse/text.h"
#include "store/clock.h"
#include "store/file.h"

enum { LOOK_MS = 200, HELD_MOST = 32 };

/* One stream of one step, as far as it was shown. */
struct stream {
	long long at;
	ino_t ino;
	int fd;                 /* held open while its step runs, so that the next attempt's file is not taken for it; -1: not */
	int old;                /* it is an earlier attempt's: the latest has not made its own yet */
};

/* What was shown of a step: standard error, standard output. */
struct said {
	struct stream streams[2];
	long attempts;
	int was_kept;           /* its result was there already when this began */
	int over;               /* all of it was shown */
};

struct logs {
	struct sink *sink;
	const char *dir, *run;  /* as they were given */
	int follow;
	int looks;              /* how often the run was looked at */
	struct keys keys;       /* by their number in here; a run state's numbers change from look to look */
	struct said *said;
	uint32_t n;
	struct ids running;     /* that are asked for; the run state's numbers */
	int open;               /* whether one that is asked for may still say something */
	int held;
	int any;                /* something was shown */
	uint32_t last_id;       /* whose head was shown last */
	int last_what;
	off_t size;             /* of the run's log, before it was looked at; -1: not yet */
};

/* Whether the step has its result, and is not asked again. */
static int
is_done(const struct run_state *v, uint32_t id)
{
	return steps_get(&v->steps, id).state == STEP_DONE;
}

static void
put_log_head(struct logs *l, struct run_state *v, uint32_t id, uint32_t own, int what)
{
	const char *key = keys_text(&v->keys, id), *words = " <==\n";
	struct buf head = { 0 };

	if (l->any && l->last_id == own && l->last_what == what)
		return;
	if (what)
		words = is_done(v, id) ? " (standard output) <==\n" : steps_get(&v->steps, id).state == STEP_RUNNING ?
		    " (standard output, so far) <==\n" : " (standard output, not kept) <==\n";
	buf_text(&head, l->any ? "\n==> " : "==> ");
	visible_add(&head, key, strlen(key), 0);
	buf_text(&head, words);
	l->any = 1;
	l->last_id = own;
	l->last_what = what;
	sink_emit(l->sink, &head);
}

/* Whether what FD has from AT on is no more than the beginning of a character. */
static int
is_begun(int fd, long long at)
{
	char s[4];
	long n = file_read_at(fd, s, sizeof s, at);

	return n > 0 && utf8_begun(s, (size_t)n) == (size_t)n;
}

/* Shows what FD, the file of a stream, has beyond what was shown. */
static int
log_more(struct logs *l, struct run_state *v, uint32_t id, uint32_t own, int what, int fd)
{
	struct stream *s = &l->said[own].streams[what];
	int grows = l->sink->visible && steps_get(&v->steps, id).state == STEP_RUNNING;
	struct stat st;

	if (fstat(fd, &st))
		return 0;
	if (st.st_size < s->at)
		s->at = 0;              /* it was cut off, and is written again */
	if (st.st_size == s->at || (grows && st.st_size - s->at < 4 && is_begun(fd, s->at)))
		return 0;
	put_log_head(l, v, id, own, what);
	return sink_show_file(l->sink, fd, &s->at, grows);
}

static void
let_go(struct logs *l, struct stream *s)
{
	if (s->fd < 0)
		return;
	close(s->fd);
	s->fd = -1;
	l->held--;
}

/* Shows the file that has the stream's name, if it is another than the one that is held. */
static int
log_named(struct logs *l, struct run_state *v, uint32_t id, uint32_t own, int what)
{
	const char *key = keys_text(&v->keys, id);
	struct stream *s = &l->said[own].streams[what];
	int kept = is_done(v, id) && what, dir = !what ? v->store.errors : kept ? v->store.result : v->store.tmp;
	char name[KEY_NAME_MAX + 1];
	struct stat st;
	int fd, bad;

	if (dir < 0 || key_encode(key, strlen(key), name) < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	if (s->fd >= 0 && st.st_ino == s->ino)
		return 0;
	if (what && s->ino && st.st_ino != s->ino && !s->old)
		return 0;               /* it was shown before a filter changed it */
	if ((fd = file_open(dir, name)) < 0)
		return 0;
	if (fstat(fd, &st) == 0 && st.st_ino != s->ino)
		s->at = 0;
	s->ino = st.st_ino;
	s->old = 0;
	let_go(l, s);
	bad = log_more(l, v, id, own, what, fd);
	if (l->follow && steps_get(&v->steps, id).state == STEP_RUNNING && l->held < HELD_MOST) {
		s->fd = fd;
		l->held++;
	} else {
		file_drop(fd);
	}
	return bad;
}

static int
log_stream(struct logs *l, struct run_state *v, uint32_t id, uint32_t own, int what)
{
	struct stream *s = &l->said[own].streams[what];
	int bad = s->fd >= 0 ? log_more(l, v, id, own, what, s->fd) : 0;

	if (!bad)
		bad = log_named(l, v, id, own, what);
	if (steps_get(&v->steps, id).state != STEP_RUNNING)
		let_go(l, s);
	return bad;
}

/* What was shown of the step ID, by its number in L. */
static uint32_t
own_number(struct logs *l, struct run_state *v, uint32_t id)
{
	const char *key = keys_text(&v->keys, id);
	uint32_t own = keys_add(&l->keys, key, strlen(key));

	if (own == l->n) {
		l->said = mem_grow(l->said, l->keys.cap, sizeof *l->said);
		memset(l->said + own, 0, (l->keys.cap - own) * sizeof *l->said);
		for (; l->n < l->keys.cap; l->n++)
			l->said[l->n].streams[0].fd = l->said[l->n].streams[1].fd = -1;
	}
	return own;
}

static int
log_streams(struct logs *l, struct run_state *v, uint32_t id)
{
	uint32_t own = own_number(l, v, id);
	int kept = is_done(v, id);

	return log_stream(l, v, id, own, 0) ||
	    ((!kept || (l->follow && !l->said[own].was_kept)) && log_stream(l, v, id, own, 1));
}

/* A step, when the run is looked at. */
static int
log_one(void *ctx, struct run_state *v, uint32_t id)
{
	struct logs *l = ctx;
	uint32_t own = own_number(l, v, id);
	struct said *d = &l->said[own];
	const struct run_step s = steps_get(&v->steps, id);
	int what;

	if (!l->looks)
		d->was_kept = is_done(v, id);
	if (!is_done(v, id))
		l->open = 1;
	if (s.state == STEP_RUNNING)
		ids_add(&l->running, id);
	else if (d->over && d->attempts == s.attempts)
		return 0;
	for (what = 0; what < 2 && d->attempts != s.attempts; what++) {
		d->streams[what].old = 1;
		if (d->streams[what].fd < 0)
			d->streams[what].ino = 0;       /* the number may be another file's now */
	}
	d->attempts = s.attempts;
	d->over = s.state != STEP_RUNNING;
	return log_streams(l, v, id);
}

/* Whether there may be more to come. */
static int
goes_on(const struct run_state *v)
{
	return v->state == RUN_RUNNING || v->state == RUN_ENDING;
}

static int
show_logs(struct logs *l, struct run_state *v, char *const *keys, size_t n, struct buf *error)
{
	static const char *const all[] = { "*" };
	int status = 0;
	size_t i;

	l->running.n = 0;
	l->open = v->waiting.n != 0;
	if (!n)
		runs_each_key(v, all[0], log_one, l, &status);
	for (i = 0; i < n && !status; i++)
		if (!runs_each_key(v, keys[i], log_one, l, &status) && !(l->follow && goes_on(v) && v->waiting.n))
			status = runs_no_step(error, 1, keys[i], l->dir, l->run);
	l->looks++;
	return status;
}

static off_t
log_size(const struct run_state *v)
{
	struct stat st;

	return fstatat(v->store.run, "log", &st, AT_SYMLINK_NOFOLLOW) ? -1 : st.st_size;
}

/* Waits until the run has to be looked at again, not before REST milliseconds, and shows what those that run
 * say meanwhile. Returns whether there is an end: nobody reads any more, or the output cannot be written. */
static int
wait_for_more(struct logs *l, struct run_state *v, long long rest, int *status)
{
	struct pollfd out = { 0 };
	long long until = clock_ms() + rest;
	long holder;
	size_t i;

	out.fd = l->sink->fd;
	for (;;) {
		if (poll(&out, 1, LOOK_MS) > 0)
			return 1;
		for (i = 0; i < l->running.n && !*status; i++)
			*status = log_streams(l, v, l->running.list[i]);
		if (*status)
			return 1;
		if (clock_ms() >= until && (log_size(v) != l->size || store_busy(&v->store, &holder) == STORE_FREE))
			return 0;
	}
}

static void
free_logs(struct logs *l)
{
	uint32_t i;

	for (i = 0; i < l->n; i++) {
		let_go(l, &l->said[i].streams[0]);
		let_go(l, &l->said[i].streams[1]);
	}
	free(l->said);
	ids_free(&l->running);
	keys_free(&l->keys);
}

int
runs_logs(const char *dir, const char *run, char *const *keys, size_t n, int follow, struct sink *sink, struct buf *error)
{
	struct logs l = { 0 };
	struct run_state v;
	long long began = clock_ms();
	int status = runs_open_keys(&v, dir, run, keys, n, error), end = 0;
	char *name = status ? NULL : runs_decode(v.store.name);

	l.sink = sink;
	l.dir = dir;
	l.run = run;
	l.follow = follow;
	l.size = -1;
	while (!status) {
		status = show_logs(&l, &v, keys, n, error);
		end = status || !follow || !goes_on(&v) || (n && !l.open);
		/* Of a large run, most of the time is not for looking at it. */
		end = end || wait_for_more(&l, &v, 4 * (clock_ms() - began), &status);
		l.size = log_size(&v);
		run_state_close(&v);
		if (end)
			break;
		began = clock_ms();
		status = runs_open_keys(&v, dir, name, keys, n, error);
	}
	free(name);
	free_logs(&l);
	return status;
}

/* An earlier run of which results are taken. */
#include "engine/task/earlier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/task/apart.h"
#include "engine/task/question.h"
#include "parse/mem.h"
#include "store/clock.h"
#include "store/file.h"
#include "store/how.h"
#include "store/log.h"
#include "store/os.h"

enum { TICK_PIECES = 16 };      /* of 64 KB at most */

/* Lines after which a result is another, or not what the step has answered. */
#define TAKEN_LINES (1u << LOG_START | LOG_TRIED | LOG_ASKED | 1u << LOG_OTHERWISE | 1u << LOG_FOUND | 1u << LOG_REDO)

static struct earlier_result *
result_of(struct earlier_run *e, uint32_t id)
{
	if (id >= e->n) {
		e->list = apart_grow(e->list, e->n * sizeof *e->list, e->keys->cap * sizeof *e->list);
		for (; e->n < e->keys->cap; e->n++)
			e->list[e->n].at = -1;
	}
	return &e->list[id];
}

static void
add_line(void *ctx, const struct log_line *l)
{
	struct earlier_run *e = ctx;
	struct earlier_result *r;
	uint32_t id = 0;

	e->last = l->ms;
	if (TAKEN_LINES >> l->event & 1 || l->event == LOG_SESSION)
		id = keys_add(e->keys, l->key, l->n);
	sessions_line(&e->sessions, e->keys, id, l);
	if (!(TAKEN_LINES >> l->event & 1))
		return;
	r = result_of(e, id);
	r->digest = 0;
	if (l->event == LOG_START)
		r->at = l->at;
	if (LOG_ASKED >> l->event & 1) {
		r->digest = l->digest;
		r->ms = l->ms;
	}
}

int
earlier_load(struct earlier_run *e, struct keys *keys)
{
	struct stat st;

	e->keys = keys;
	if (log_read_on(e->store.run, &e->end, LOG_ALL, add_line, e))
		return -1;
	if (!fstatat(e->store.run, "log", &st, AT_SYMLINK_NOFOLLOW) && clock_of(os_modified(&st)) > e->last)
		e->ahead = clock_of(os_modified(&st)) - e->last;    /* another machine's; or a line has come since */
	return 0;
}

int
earlier_may_have(const struct earlier_run *e, uint32_t id, const struct task *t)
{
	const struct earlier_result *r = id < e->n ? &e->list[id] : NULL;

	if (!r || !r->digest || r->at < 0)
		return 0;
	return !t || t->ninputs || task_digest(t) == r->digest;
}

/* Whether the entry in `how` is the task's. */
static int
same_how(const struct earlier_run *e, const struct earlier_result *r, const struct task *t, const char *name)
{
	char *how;
	size_t n;
	int same;

	if (how_get(e->store.how, r->at, name, &how, &n))
		return 0;
	same = n == t->nhow && !memcmp(how, t->how, n);
	free(how);
	return same;
}

struct comparing {
	struct asked_text asked;
	unsigned pieces;
	void (*tick)(void *);
	void *ctx;
};

static int
compare(void *ctx, const char *p, size_t n)
{
	struct comparing *c = ctx;

	if (c->tick && ++c->pieces % TICK_PIECES == 0)
		c->tick(c->ctx);
	return question_compare(&c->asked, p, n);
}

/* Whether the file ASKED, -1: nothing, is what the task is asked. */
static int
same_text(const struct earlier_result *r, const struct store *own, const struct task *t, struct comparing *c)
{
	uint64_t digest = task_digest(t);
	const char *input;
	char byte;

	return !question_text(own, t, compare, c, &digest, &input) && digest == r->digest &&
	    (c->asked.fd < 0 || !file_read_at(c->asked.fd, &byte, 1, c->asked.at));
}

/* Whether the plain file FD was written when the result was done at the latest: not by a later attempt, nor by hand. */
static int
is_of_then(const struct earlier_run *e, int fd, const struct earlier_result *r)
{
	struct stat st;

	return !fstat(fd, &st) && clock_of(os_modified(&st)) <= r->ms + e->ahead + CLOCK_STEP_MS;
}

struct since {
	const char *key;
	int any;
};

static void
add_since(void *ctx, const struct log_line *l)
{
	struct since *s = ctx;

	s->any |= l->n == strlen(s->key) && !memcmp(l->key, s->key, l->n);
}

/* Whether the log has told nothing of the step since it was read. */
static int
is_latest(const struct earlier_run *e, const char *key)
{
	struct since since = { 0 };
	struct stat st;
	long long at = e->end;

	if (fstatat(e->store.run, "log", &st, AT_SYMLINK_NOFOLLOW) || st.st_size < at)
		return 0;
	since.key = key;
	return st.st_size == at || (!log_read_on(e->store.run, &at, TAKEN_LINES, add_since, &since) && !since.any);
}

int
earlier_open_result(const struct store *own, const struct task *t, void (*tick)(void *), void *ctx)
{
	const struct earlier_run *e = t->offer->run;
	const struct earlier_result *r = &t->offer->result;
	struct comparing c = { 0 };
	char name[KEY_NAME_MAX + 1];
	int fd, same;

	if (key_encode(t->key, strlen(t->key), name) < 0)
		return -1;
	c.tick = tick;
	c.ctx = ctx;
	c.asked.fd = file_open(e->store.asked, name);
	if (c.asked.fd < 0 && errno != ENOENT)
		return -1;
	fd = file_open(e->store.result, name);
	same = fd >= 0 && is_of_then(e, fd, r) && (c.asked.fd < 0 || is_of_then(e, c.asked.fd, r)) && same_how(e, r, t, name) &&
	    same_text(r, own, t, &c) && is_latest(e, t->key);
	if (c.asked.fd >= 0)
		file_drop(c.asked.fd);
	if (same || fd < 0)
		return fd;
	file_drop(fd);
	return -1;
}

/* The directory DIR of a session of that run, as one that was started in ROOT has it: from there, if it is below. */
static char *
dir_from(const struct earlier_run *e, const char *dir, const char *root)
{
	struct buf b = { 0 };
	size_t n = strlen(root);

	if (*dir && *dir != '/')
		buf_text(&b, e->root);
	if (*dir && *dir != '/' && strcmp(dir, "."))
		buf_char(&b, '/');
	if (strcmp(dir, "."))
		buf_text(&b, dir);
	buf_str(&b);
	if (!strcmp(b.s, root))
		return mem_dup(".", 1);
	if (!strncmp(b.s, root, n) && b.s[n] == '/')
		memmove(b.s, b.s + n + 1, strlen(b.s + n));
	return buf_take(&b);
}

void
earlier_offer(const struct earlier_run *e, uint32_t id, struct task *t)
{
	const struct session *s = sessions_of(&e->sessions, id);
	struct offer *o = arena_get(&t->mem, sizeof *o);
	char *dir;

	memset(o, 0, sizeof *o);
	o->run = e;
	o->result = e->list[id];
	t->offer = o;
	if (!s || !*s->result.id)
		return;
	dir = dir_from(e, s->result.dir ? s->result.dir : "", t->root);
	o->session = s->result;
	o->session.dir = arena_dup(&t->mem, dir, strlen(dir));
	free(dir);
}

void
earlier_free(struct earlier_run *e)
{
	if (e->name)
		store_close(&e->store);
	free(e->name);
	free(e->root);
	apart_free(e->list, e->n * sizeof *e->list);
	sessions_free(&e->sessions);
	memset(e, 0, sizeof *e);
}

/* Looking at runs: which there are, and which is meant. */
#include "engine/inspect/runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/clock.h"
#include "engine/inspect/trust.h"
#include "parse/glob.h"
#include "parse/mem.h"
#include "parse/text.h"

/* Which runs there are. */

static struct run_line *
add_line(struct run_lines *l, const char *name)
{
	struct run_line *r;

	l->list = mem_grow(l->list, l->n + 1, sizeof *l->list);
	r = &l->list[l->n++];
	memset(r, 0, sizeof *r);
	r->name = mem_dup(name, strlen(name));
	return r;
}

int
runs_fail(struct buf *error, int status, const char *what, const char *why)
{
	buf_text(error, "orch: ");
	visible_add(error, what, strlen(what), 0);
	if (why)
		buf_fmt(error, ": %s", why);
	buf_char(error, '\n');
	return status;
}

int
runs_no_step(struct buf *error, int status, const char *key, const char *dir, const char *run)
{
	buf_text(error, "orch: ");
	visible_add(error, key, strlen(key), 0);
	buf_text(error, ": no such step in this run; to list: orch status");
	if (strcmp(dir, ".orch"))
		shell_fmt(error, " -d %s", dir);
	if (run)
		shell_fmt(error, " -r %s", run);
	buf_char(error, '\n');
	return status;
}

/* Why the run NAME cannot be looked at. */
static void
put_error(const struct run_state *v, const char *name, struct buf *b)
{
	runs_fail(b, 1, v->store.what[0] ? v->store.what : name, v->store.told ? NULL : strerror(errno));
}

static void
add_run(void *ctx, const char *name)
{
	struct run_lines *l = ctx;
	char key[KEY_NAME_MAX + 1];
	int n = key_decode(name, key);
	struct run_line *r;
	struct run_state v;
	struct buf why = { 0 };
	uint32_t id;

	if (n < 0)
		return;
	if (run_state_open(&v, l->dir, key, (size_t)n, l->brief ? LOOK_RECORD : LOOK_STEPS)) {
		if (errno != ENOENT) {          /* it was not removed meanwhile */
			put_error(&v, name, &why);
			add_line(l, name)->broken = buf_take(&why);
		}
	} else {
		r = add_line(l, name);
		r->mark = v.mark;
		r->started = v.record.started;
		r->by_time = v.record.named && !strcmp(v.record.named, name);
		r->order = r->started > v.now ? 0 : r->started;
		r->is_trusted = v.is_trusted;
		r->state = v.state;
		r->ended = v.ended;
		r->workflow = mem_dup(v.has_record ? v.record.workflow : "?", v.has_record ? strlen(v.record.workflow) : 1);
		for (id = 0; id < v.keys.n; id++) {
			r->done += steps_get(&v.steps, id).state == STEP_DONE;
			r->failed += steps_get(&v.steps, id).state == STEP_FAILED;
		}
	}
	run_state_close(&v);
}

static int
newest_first(const void *va, const void *vb)
{
	const struct run_line *a = va, *b = vb;

	if (a->order != b->order)
		return a->order > b->order ? -1 : 1;
	return strcmp(b->name, a->name);
}

static int
find_runs(struct run_lines *l, const char *dir, int brief)
{
	memset(l, 0, sizeof *l);
	l->dir = dir;
	l->brief = brief;
	if (store_runs(dir, add_run, l))
		return -1;
	if (l->n)
		qsort(l->list, l->n, sizeof *l->list, newest_first);
	return 0;
}

int
runs_find(struct run_lines *l, const char *dir)
{
	return find_runs(l, dir, 0);
}

void
runs_free(struct run_lines *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		free(l->list[i].name);
		free(l->list[i].broken);
		free(l->list[i].workflow);
	}
	free(l->list);
}

char *
runs_decode(const char *name)
{
	char key[KEY_NAME_MAX + 1];
	int n = key_decode(name, key);

	return mem_dup(key, n > 0 ? (size_t)n : 0);
}

/* The newest; of those that came from elsewhere only if there are no others. As runs_newest_open. */
int
runs_newest(const char *dir, char **name)
{
	struct run_lines l;
	size_t i;

	*name = NULL;
	if (find_runs(&l, dir, 1))
		return -1;
	for (i = 0; i < l.n && !*name; i++)
		if (l.list[i].is_trusted || l.list[i].broken)
			*name = runs_decode(l.list[i].name);
	if (!*name && l.n)
		*name = runs_decode(l.list[0].name);
	runs_free(&l);
	return 0;
}

int
runs_newest_open(const char *dir, struct buf *say, char **name)
{
	struct run_lines l;
	size_t i;

	*name = NULL;
	if (runs_find(&l, dir))
		return -1;
	for (i = 0; i < l.n && !*name; i++) {
		const struct run_line *r = &l.list[i];

		if (!r->broken && (r->state == RUN_COMPLETE || r->state == RUN_NEW))
			continue;
		*name = runs_decode(r->name);
		if (r->broken || r->is_trusted)
			continue;
		trust_say_passed(say, dir, *name);
		free(*name);
		*name = NULL;
	}
	runs_free(&l);
	return 0;
}

char *
runs_working_directory(void)
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

/* The nearest directory above PATH that has a directory .orch of ours: PATH is cut to it, and 1 returned. */
static int
cut_to_runs(char *path, dev_t dev)
{
	struct buf dir = { 0 };
	struct stat st;
	int found = 0;
	char *slash;

	while (!found && (slash = strrchr(path, '/'))) {
		*slash = '\0';
		if (stat(*path ? path : "/", &st) || st.st_dev != dev)
			break;
		dir.n = 0;
		buf_fmt(&dir, "%s/.orch", path);
		found = !lstat(buf_str(&dir), &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
	}
	buf_free(&dir);
	return found;
}

char *
runs_above(void)
{
	char *path = runs_working_directory();
	struct buf dir = { 0 };
	struct stat st;

	if (path && lstat(".orch", &st) && !stat(path, &st) && cut_to_runs(path, st.st_dev))
		buf_fmt(&dir, "%s/.orch", path);
	free(path);
	return dir.n ? buf_take(&dir) : NULL;
}

void
runs_put_time(struct buf *b, long long ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm *tm = localtime(&t);
	char text[40];

	buf_text(b, ms && tm && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", tm) ? text : "?");
}

void
runs_put_name(struct buf *b, const char *file)
{
	char *name = runs_decode(file);

	visible_add(b, name, strlen(name), 0);
	free(name);
}

/* Records for scripts: fields split by tabs, a control character and % in them as %XX. */

static void
put_run_fields(const struct run_line *r, struct buf *b)
{
	char *name = runs_decode(r->name);

	buf_fmt(b, "%s\t", run_state_word(r->state));
	sink_put_field(b, name);
	buf_fmt(b, "\t%lld\t", r->started);
	if (r->ended)
		buf_fmt(b, "%lld", r->ended);
	buf_fmt(b, "\t%zu\t%zu\t", r->done, r->failed);
	sink_put_field(b, r->workflow);
	buf_char(b, '\n');
	free(name);
}

static void
put_run(const struct run_line *r, struct buf *b)
{
	buf_fmt(b, "%-11s  ", run_state_word(r->state));
	runs_put_time(b, r->started);
	buf_text(b, "  ");
	runs_put_name(b, r->name);
	buf_fmt(b, "  %zu done", r->done);
	if (r->failed)
		buf_fmt(b, ", %zu failed", r->failed);
	buf_text(b, "  ");
	visible_add(b, r->workflow, strlen(r->workflow), 0);
	if (!r->is_trusted)
		buf_text(b, "  (not trusted)");
	buf_char(b, '\n');
}

int
runs_list(const char *dir, int for_scripts, struct sink *sink, struct buf *error)
{
	struct run_lines l;
	struct buf b = { 0 };
	size_t i;

	if (runs_find(&l, dir))
		return runs_fail(error, 2, dir, strerror(errno));
	for (i = 0; i < l.n; i++) {
		const struct run_line *r = &l.list[i];

		if (r->broken)
			buf_text(error, r->broken);
		else if (for_scripts)
			put_run_fields(r, &b);
		else
			put_run(r, &b);
	}
	runs_free(&l);
	return (for_scripts ? sink_emit_fields(sink, &b) : sink_emit(sink, &b)) || error->n;
}

/* Whether one of the N KEYS is a pattern. */
static int
has_pattern(char *const *keys, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strchr(keys[i], '*'))
			return 1;
	return 0;
}

/* Only for the N KEYS if that suffices. */
static int
open_state(struct run_state *v, const char *dir, const char *name, char *const *keys, size_t n)
{
	int all;

	if (n && !has_pattern(keys, n)) {
		if (run_state_open_keys(v, dir, name, strlen(name), keys, n, &all))
			return -1;
		if (all)
			return 0;
		run_state_close(v);
	}
	return run_state_open(v, dir, name, strlen(name), LOOK_ORDER);
}

int
runs_open_keys(struct run_state *v, const char *dir, const char *run, char *const *keys, size_t n, struct buf *error)
{
	char *name = run ? mem_dup(run, strlen(run)) : NULL;
	int status = 0;

	memset(v, 0, sizeof *v);
	if (!run && runs_newest(dir, &name))
		return runs_fail(error, 2, dir, strerror(errno));
	if (!name)
		return runs_fail(error, 3, dir, "no runs here; to start one: orch run FILE");
	if (open_state(v, dir, name, keys, n)) {
		status = errno == ENOENT ? 3 : 2;
		if (status == 3)
			runs_fail(error, 3, name, "no such run; to list: orch runs");
		else
			put_error(v, name, error);
		run_state_close(v);
	}
	free(name);
	return status;
}

int
runs_open(struct run_state *v, const char *dir, const char *run, struct buf *error)
{
	return runs_open_keys(v, dir, run, NULL, 0, error);
}

size_t
runs_each_key(struct run_state *v, const char *s, int (*each)(void *, struct run_state *, uint32_t), void *ctx, int *status)
{
	size_t n, i, found = 0;
	unsigned short *g = glob_of_text(s, &n);

	for (i = 0; i < v->order.n && !*status; i++) {
		uint32_t id = v->order.list[i];
		const char *key = keys_text(&v->keys, id);

		if (glob_match(g, n, key, strlen(key))) {
			found++;
			*status = each(ctx, v, id);
		}
	}
	free(g);
	return found;
}

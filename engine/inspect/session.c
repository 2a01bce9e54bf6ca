/* orch session: the id of a step's session. */
#include "engine/inspect/runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"
#include "parse/text.h"

struct shown {
	struct sink *sink;
	struct buf *error;
};

/* The session in which the result was given, else the latest that the step has told. */
static int
show_one(void *ctx, struct run_state *v, uint32_t id)
{
	struct shown *c = ctx;
	const struct session *e = sessions_of(&v->sessions, id);
	struct buf b = { 0 };
	int bad;

	if (!e || !(*e->result.id || *e->latest.id))
		return runs_fail(c->error, 1, keys_text(&v->keys, id), "this step has no session");
	buf_fmt(&b, "%s\n", *e->result.id ? e->result.id : e->latest.id);
	bad = sink_emit_fields(c->sink, &b);
	buf_free(&b);
	return bad ? runs_fail(c->error, 1, "standard output", strerror(errno)) : 0;
}

int
runs_session(const char *dir, const char *run, const char *key, struct sink *sink, struct buf *error)
{
	struct shown c;
	struct run_state v;
	char *name = mem_dup(key, strlen(key)), *const keys[] = { name };
	int status = runs_open_keys(&v, dir, run, keys, 1, error);

	free(name);
	if (status)
		return status;
	c.sink = sink;
	c.error = error;
	if (!runs_each_key(&v, key, show_one, &c, &status) && !status)
		status = runs_no_step(error, 1, key, dir, run);
	run_state_close(&v);
	return status;
}

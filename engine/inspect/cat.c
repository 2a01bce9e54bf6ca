/* orch cat: results. */
#include "engine/inspect/runs.h"

#include <errno.h>
#include <string.h>

#include "store/file.h"

struct cat {
	struct sink *sink;
	struct buf *error;
	int pattern;
	size_t found;
	size_t dropped;         /* results that match, but that the workflow names no more */
};

static int
cat_one(void *ctx, struct run_state *v, uint32_t id)
{
	struct cat *c = ctx;
	const char *key = keys_text(&v->keys, id);
	long long at = 0;
	int fd, bad;

	if (c->pattern && steps_get(&v->steps, id).dropped && (v->keys.list[id].flags & KEY_KEPT)) {
		c->dropped++;
		return 0;
	}
	if (!(v->keys.list[id].flags & KEY_KEPT))
		return c->pattern ? 0 : runs_fail(c->error, 1, key, "this step has no result yet");
	c->found++;
	fd = store_open_result(&v->store, key);
	if (fd < 0)
		return runs_fail(c->error, 1, key, strerror(errno));
	bad = sink_file(c->sink, fd, &at);
	file_drop(fd);
	return bad;
}

int
runs_cat(const char *dir, const char *run, char *const *keys, size_t n, struct sink *sink, struct buf *error)
{
	struct cat c = { 0 };
	struct run_state v;
	size_t i;
	int status = runs_open_keys(&v, dir, run, keys, n, error);

	if (status)
		return status;
	c.sink = sink;
	c.error = error;
	for (i = 0; i < n && !status; i++) {
		c.pattern = strchr(keys[i], '*') != NULL;
		c.found = 0;
		if (!runs_each_key(&v, keys[i], cat_one, &c, &status) || (c.pattern && !c.found && !status))
			status = c.pattern ? runs_fail(error, 1, keys[i], "no result of this run matches") :
			    runs_no_step(error, 1, keys[i], dir, run);
	}
	if (c.dropped)
		buf_fmt(error, "orch: left out: %zu result%s that the workflow does not make now; name %s to print %s\n", c.dropped,
		    c.dropped > 1 ? "s" : "", c.dropped > 1 ? "them" : "it", c.dropped > 1 ? "them" : "it");
	run_state_close(&v);
	return status;
}

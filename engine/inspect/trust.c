/* Runs that came from elsewhere. */
#include "engine/inspect/trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/inspect/runs.h"
#include "parse/diag.h"
#include "parse/text.h"
#include "parse/mem.h"
#include "store/store.h"

static void
put_name(struct buf *b, const char *s)
{
	visible_add(b, s, strlen(s), 0);
}

/* The command that accepts the run. */
static void
put_command(struct buf *b, const char *dir, const char *name)
{
	buf_text(b, "orch trust ");
	if (strcmp(dir, ".orch"))
		shell_fmt(b, "-d %s ", dir);
	shell_add(b, name);
	buf_char(b, '\n');
}

/* What a run would do: its workflow, directory, agents. */
static void
put_start(struct buf *b, const struct record *r)
{
	size_t i;

	if (!r->workflow)
		return;
	buf_text(b, "orch: it runs ");
	if (strcmp(r->workflow, "-"))
		shell_add(b, r->workflow);
	else
		buf_text(b, "a workflow from standard input");
	shell_fmt(b, " in %s", r->directory);
	for (i = 0; i < r->nagents; i++) {
		shell_fmt(b, " with -a %s", r->agents[i]);
	}
	buf_char(b, '\n');
}

void
trust_say_refused(struct buf *say, const char *dir, const char *name, const struct record *r)
{
	buf_text(say, "orch: run ");
	put_name(say, name);
	buf_text(say, " is not trusted: it was not made here (cloned, copied, unpacked, restored), or by an older orch\n");
	put_start(say, r);
	buf_text(say, "orch: to accept it: ");
	put_command(say, dir, name);
}

void
trust_say_passed(struct buf *say, const char *dir, const char *name)
{
	buf_text(say, "orch: run ");
	put_name(say, name);
	buf_text(say, " is not trusted, and skipped; to accept it: ");
	put_command(say, dir, name);
}

static int
fail(struct buf *say, const char *name, const char *why)
{
	return runs_fail(say, 2, name, why);
}

/* The record of the open run gets the identity that its directory has now. */
static int
accept(struct store *s, const char *name, struct record *r, struct buf *say)
{
	if (identity_is_of(&r->made, s->lock)) {
		buf_text(say, "orch: run ");
		put_name(say, name);
		buf_text(say, " is trusted already\n");
		return 0;
	}
	if (identity_of(&r->made, s->lock))
		return fail(say, name, strerror(errno));
	/* With the old id it would take the original's processes for its own. */
	if (record_new_id(r) || record_write(r, s->run, s->path))
		return fail(say, name, strerror(errno));
	buf_text(say, "orch: run ");
	put_name(say, name);
	buf_text(say, " is trusted from now on\n");
	put_start(say, r);
	return 0;
}

static int
trust_run(const char *dir, const char *name, struct buf *say)
{
	struct record r = { 0 };
	struct store s;
	long holder = 0;
	int status;

	/* Not to make it: only what is there can be accepted. */
	status = store_open(&s, dir, name, strlen(name), STORE_READ);
	if (status) {
		status = errno == ENOENT ? runs_fail(say, 3, name, "no such run; to list: orch runs") :
		    runs_fail(say, 2, s.what[0] ? s.what : name, s.told ? NULL : strerror(errno));
		store_close(&s);
		return status;
	}
	store_close(&s);
	if (store_open(&s, dir, name, strlen(name), STORE_WRITE))
		status = runs_fail(say, 2, s.what[0] ? s.what : name, s.told ? NULL : strerror(errno));
	else if (store_lock(&s, &holder))
		status = errno == EAGAIN ? runs_fail(say, 4, name, "the run is in use by another orch") : fail(say, "its lock", strerror(errno));
	else if (store_is_there(&s) == 0)
		status = runs_fail(say, 3, name, "no such run; to list: orch runs");
	else if (record_read(&r, s.run, s.path) && errno != ENOENT)
		status = fail(say, name, errno == EINVAL ? "its file `run` is not as orch writes it" : strerror(errno));
	else
		status = accept(&s, name, &r, say);
	record_free(&r);
	store_close(&s);
	return status;
}

int
trust_runs(const char *dir, char *const *names, size_t n, struct buf *say)
{
	int status = 0, one;
	size_t i;

	for (i = 0; i < n; i++) {
		one = trust_run(dir, names[i], say);
		status = status ? status : one;
	}
	return status;
}

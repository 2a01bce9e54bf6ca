/* A result that is taken from an earlier run: the question is compared, then the result is copied, and made safe as any. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/supervise/supervision.h"
#include "engine/task/earlier.h"
#include "store/clock.h"
#include "store/file.h"
#include "store/log.h"

/* Something large takes its time. */
static void
tick(void *ctx)
{
	struct supervisor *d = ctx;

	supervisor_pause(d, 0, 0);
	supervisor_check_stop(d);
}

/* What the step is asked becomes asked/KEY, as if it were. There is nothing on standard error, and of an earlier attempt only until
 * now. */
static void
record_question(struct supervisor *d)
{
	const struct store *s = d->m->store;
	int in;

	if (unlinkat(s->errors, d->task->file, 0) && errno != ENOENT)
		supervisor_exit_errno(d, OUT_IO, "stderr/");
	d->out.digest = task_digest(d->task);
	in = supervisor_make_stdin(d);
	if (in != d->m->null)
		close(in);
}

/* Copies IN, which is closed, to the result's file, which is open then. Where it cannot be read the step is to be asked. */
static int
copy_result(struct supervisor *d, int in)
{
	char piece[64 * 1024];
	int out = result_open(d);
	long n;

	while ((n = file_read_some(in, piece, sizeof piece)) > 0) {
		supervisor_write(d, out, piece, (size_t)n, "its result");
		tick(d);
	}
	if (n < 0)
		supervisor_exit(d, OUT_UNTAKEN);
	close(in);
	return out;
}

/* Says in the log in which session the result was given, as the attempt's own supervisor did there; safe before the result is. */
static void
log_session(struct supervisor *d)
{
	struct log_line l = { 0 };
	struct buf text = { 0 };
	const struct talk *t = &d->task->offer->session;

	if (!*t->id)
		return;
	session_text(&text, SESSION_ANSWERED, &t->total, t->dir);
	l.ms = clock_epoch();
	l.event = LOG_SESSION;
	l.key = d->task->key;
	l.n = strlen(l.key);
	l.session = t->id;
	l.from = "";
	l.digest = d->out.digest;
	l.text = buf_str(&text);
	if (log_add(d->m->store->log, &l) || file_sync(d->m->store->log))
		supervisor_exit_errno(d, OUT_IO, "the log cannot be synced to disk");
	buf_free(&text);
}

void
supervisor_take(struct supervisor *d)
{
	int in = earlier_open_result(d->m->store, d->task, tick, d), out;

	if (in < 0)
		supervisor_exit(d, OUT_UNTAKEN);
	record_question(d);
	out = copy_result(d, in);
	log_session(d);
	result_sync_written(d, out);
}

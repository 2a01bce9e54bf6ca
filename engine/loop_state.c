/* What all parts of the loop use: its clock, the log, what has ended. */
#include "engine/loop_state.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "parse/mem.h"
#include "store/clock.h"

long long
loop_now(const struct loop_state *l)
{
	return clock_ms() - l->skew;
}

void
loop_close_own(const struct loop_state *l)
{
	close(l->life);
	close(l->report);
	if (l->output.screen.tty >= 0)
		close(l->output.screen.tty);
	if (l->reader.fd > 0)
		close(l->reader.fd);
}

void
loop_log(struct loop_state *l, struct log_line *line)
{
	if (!line->ms)
		line->ms = clock_epoch();
	if (log_add(l->store->log, line) && !l->log_failed) {
		l->log_failed = 1;
		buf_fmt(&l->progress->out, "orch: cannot write the log of run %s: %s\n", l->store->name, strerror(errno));
	}
}

void
loop_log_step(struct loop_state *l, enum log_event event, const struct branch *b, const struct outcome *o, const char *text)
{
	struct log_line line = { 0 };
	uint32_t id;

	line.event = event;
	line.at = l->asked_at;
	line.key = branch_key(l->walk, b, &id);
	if (!b)
		line.key = "-";
	if (!line.key)
		return;                 /* the command of an `if` */
	line.n = strlen(line.key);
	line.value = branch_attempt(b);
	line.text = text;
	if (o) {
		line.took = o->ms;
		line.digest = o->digest;
		line.status = outcome_has_status(o) ? o->status : -1;
	}
	loop_log(l, &line);
}

void
loop_add_outcome(struct loop_state *l, const struct outcome *o)
{
	if (l->nended == l->cap_ended) {
		l->cap_ended = l->cap_ended ? l->cap_ended * 2 : 16;
		l->ended = mem_grow(l->ended, l->cap_ended, sizeof *l->ended);
	}
	l->ended[l->nended++] = *o;
}

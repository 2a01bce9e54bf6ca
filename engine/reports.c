/* What supervisors report through their pipe. */
#include "engine/loop_state.h"

#include <errno.h>
#include <string.h>

#include "store/clock.h"
#include "store/file.h"

/* The attempt in the slot has told its session, or has come further in it. */
static void
take_session(struct loop_state *l, struct running_step *s, const struct outcome *o)
{
	struct talk t = { "", 0, 0, { 0 }, NULL };
	uint32_t id;

	s->continued = (o->of.wait & SESSION_CONTINUED) != 0;
	if (!l->walk->sessions || !s->branch)
		return;
	branch_key(l->walk, s->branch, &id);
	memcpy(t.id, o->text, sizeof t.id - 1);
	t.digest = o->digest;
	t.ms = clock_epoch();
	t.total = o->used;
	t.dir = s->dir;
	sessions_told(l->walk->sessions, l->walk->results->keys, id, branch_attempt(s->branch), (unsigned)o->of.wait, &t);
}

/* The attempt in the slot has used as much as O says, in all. */
static void
add_usage(struct loop_state *l, struct running_step *s, const struct outcome *o)
{
	struct usage now = o->used;

	if (o->kind == OUT_USED || o->kind == OUT_WAITS)
		now.told &= ~USAGE_UNTOLD;      /* that is still to come */
	usage_subtract(&l->progress->used, &s->used);   /* a final record may tell less than the messages before it */
	usage_add(&l->progress->used, &now);
	s->used = o->used;
}

/* A supervisor has told how it goes, or went. When it has ended its number is nobody's; for the result's name in tmp/ it
 * is kept in the record. */
static void
take_record(struct loop_state *l, struct outcome *o)
{
	struct branch *b;

	if (o->kind == OUT_FILE || o->kind == OUT_READING) {
		files_record(l, o);
		return;
	}
	if (o->slot >= l->slots.n || !l->slots.list[o->slot].pid)
		return;
	if (o->kind == OUT_BEGUN) {
		running_begun(&l->slots, o->slot);
		return;
	}
	b = l->slots.list[o->slot].branch;
	if (o->kind == OUT_SESSION) {
		take_session(l, &l->slots.list[o->slot], o);
		return;
	}
	add_usage(l, &l->slots.list[o->slot], o);
	if (o->kind == OUT_WAITS)
		walk_agent_waits(l->walk, b, o->of.wait, loop_now(l));
	if (o->kind == OUT_WAITS || o->kind == OUT_USED)
		return;
	o->pid = (int32_t)l->slots.list[o->slot].pid;
	running_forget(&l->slots, o->slot);
	if (o->kind == OUT_FORK_FAILED) {
		running_drop(&l->slots, o->slot);
		launch_refused(l, b, o);
		return;
	}
	launch_works(l);
	if (o->kind == OUT_ENDED && o->error == EAGAIN)
		launch_crowded(l);
	if (o->kind == OUT_OK)
		walk_has_result(l->walk, b);
	loop_add_outcome(l, o);
}

void
reports_read(struct loop_state *l)
{
	char buf[8 * sizeof(struct outcome)];   /* more would be another page of the stack to copy after each fork */
	struct outcome o;
	long got;
	size_t at;

	while ((got = file_read_some(l->report, buf + l->npartial, sizeof buf - l->npartial)) > 0) {
		memcpy(buf, l->partial, l->npartial);
		got += (long)l->npartial;
		for (at = 0; at + sizeof o <= (size_t)got; at += sizeof o) {
			memcpy(&o, buf + at, sizeof o);
			take_record(l, &o);
		}
		l->npartial = (size_t)got - at;
		memcpy(l->partial, buf + at, l->npartial);
	}
}

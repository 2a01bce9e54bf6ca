/* Results that are taken from an earlier run: what the log, `how` and the sessions say of them.
 *
 * It is what they say of a step that was asked, so whoever reads the run needs to know nothing else; but its attempt is 0, and the
 * log's DONE line says in words where it came from. */
#include "engine/loop_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/task/earlier.h"
#include "parse/mem.h"
#include "store/clock.h"
#include "store/how.h"

void
taken_remember(struct running_step *s, const struct task *t)
{
	s->earlier = t->earlier;
	s->how = mem_dup(t->how, t->nhow);
	s->nhow = t->nhow;
}

void
taken_begin(struct loop_state *l, const struct running_step *s, struct outcome *o)
{
	struct log_line line = { 0 };
	char file[KEY_NAME_MAX + 1];
	uint32_t id;

	line.key = branch_key(l->walk, s->branch, &id);
	line.n = strlen(line.key);
	key_encode(line.key, line.n, file);
	line.event = LOG_START;
	line.at = how_add(l->store->how, file, s->how, s->nhow);
	if (line.at < 0 && errno != EFBIG) {
		o->kind = OUT_IO;
		o->error = errno;
		strcpy(o->text, "how");
		return;
	}
	line.ms = clock_epoch() - o->ms;        /* before it was written */
	line.text = branch_again(l->walk, s->branch) ? LOG_AGAIN : NULL;
	loop_log(l, &line);
}

/* The step ID was asked in the same session, or in none. */
static void
take_session(struct loop_state *l, const struct running_step *s, uint32_t id, const char *key)
{
	struct talk t;

	if (!l->walk->sessions)
		return;
	if (!earlier_session(s->earlier, key, l->walk->around->root, &t)) {
		sessions_none(l->walk->sessions, id);
		return;
	}
	sessions_told(l->walk->sessions, l->walk->results->keys, id, 0, SESSION_ANSWERED, &t);
	sessions_done(l->walk->sessions, id, 0);
	free(t.dir);
}

void
taken_tell(struct loop_state *l, const struct running_step *s, const struct outcome *o)
{
	struct buf text = { 0 };
	uint32_t id;
	const char *key = branch_key(l->walk, s->branch, &id);

	buf_fmt(&text, LOG_TAKEN "%s", s->earlier->name);
	loop_log_step(l, o->of.same ? LOG_SAME : LOG_DONE, s->branch, o, buf_str(&text));
	l->walk->results->keys->list[id].flags &= ~(unsigned)(KEY_FALLBACK | KEY_REDO);
	take_session(l, s, id, key);
	progress_taken(l->progress, key, s->earlier->name);
	buf_free(&text);
}

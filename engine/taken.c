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

struct taking {
	const char *run;
	struct talk session;    /* its directory is in ->text */
	size_t nhow;
	char text[];            /* the step's entry in `how`, of nhow bytes, then that directory */
};

void
taken_remember(struct running_step *s, const struct task *t)
{
	const struct offer *o = t->offer;
	const char *dir = o->session.dir ? o->session.dir : "";

	s->taking = mem_get(sizeof *s->taking + t->nhow + strlen(dir) + 1);
	s->taking->run = o->run->name;
	s->taking->session = o->session;
	s->taking->nhow = t->nhow;
	memcpy(s->taking->text, t->how, t->nhow);
	s->taking->session.dir = strcpy(s->taking->text + t->nhow, dir);
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
	line.at = how_add(l->store->how, file, s->taking->text, s->taking->nhow);
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

void
taken_tell(struct loop_state *l, const struct running_step *s, const struct outcome *o)
{
	struct sessions *sessions = l->walk->sessions;
	struct buf text = { 0 };
	uint32_t id;
	const char *key = branch_key(l->walk, s->branch, &id);

	buf_fmt(&text, LOG_TAKEN "%s", s->taking->run);
	loop_log_step(l, o->of.same ? LOG_SAME : LOG_DONE, s->branch, o, buf_str(&text));
	buf_free(&text);
	l->walk->results->keys->list[id].flags &= ~(unsigned)(KEY_FALLBACK | KEY_REDO);
	if (sessions && *s->taking->session.id) {
		sessions_told(sessions, l->walk->results->keys, id, 0, SESSION_ANSWERED, &s->taking->session);
		sessions_done(sessions, id, 0);
	} else if (sessions) {
		sessions_none(sessions, id);
	}
	progress_taken(l->progress, key, s->taking->run);
}

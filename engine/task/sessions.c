/* The sessions of a run's steps. */
#include "engine/task/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"

static const char *const words[] = { "continued", "active", "over", "answered" };

enum { WORDS = sizeof words / sizeof *words };

void
session_text(struct buf *b, unsigned says, const struct usage *total, const char *dir)
{
	int i;

	for (i = 0; i < WORDS; i++)
		if (says >> i & 1)
			buf_fmt(b, "%s ", words[i]);
	buf_fmt(b, "total=%lld,%lld,%lld,%lld dir=%s", total->input, total->cached, total->output, total->nanos, dir);
}

/* The numbers after total=, which are written as above. */
static void
read_total(const char *s, struct usage *total)
{
	long long *const to[] = { &total->input, &total->cached, &total->output, &total->nanos };
	char *end;
	int i;

	for (i = 0; i < 4; i++, s = end + 1) {
		*to[i] = strtoll(s, &end, 10);
		if (*to[i] < 0)
			*to[i] = 0;
		if (*end != ',')
			return;
	}
}

/* Reads the TEXT of a line: *DIR is in it. Returns the bits. */
static unsigned
read_text(const char *text, struct usage *total, const char **dir)
{
	unsigned says = 0;
	size_t n;
	int i;

	*dir = "";
	for (; text && *text; text += n + (text[n] == ' ')) {
		n = strcspn(text, " ");
		for (i = 0; i < WORDS; i++)
			if (n == strlen(words[i]) && !memcmp(text, words[i], n))
				says |= 1u << i;
		if (!strncmp(text, "total=", 6))
			read_total(text + 6, total);
		if (!strncmp(text, "dir=", 4)) {
			*dir = text + 4;
			break;
		}
	}
	return says;
}

static void
talk_set(struct talk *to, const struct talk *from)
{
	char *dir = from->dir ? mem_dup(from->dir, strlen(from->dir)) : NULL;

	free(to->dir);
	*to = *from;
	to->dir = dir;
}

static void
talk_drop(struct talk *t)
{
	free(t->dir);
	memset(t, 0, sizeof *t);
}

static struct session *
session_of(struct sessions *s, const struct keys *keys, uint32_t id)
{
	if (id >= s->n) {
		s->list = mem_grow(s->list, keys->cap, sizeof *s->list);
		memset(s->list + s->n, 0, (keys->cap - s->n) * sizeof *s->list);
		s->n = keys->cap;
	}
	if (!s->list[id])
		s->list[id] = mem_zero(1, sizeof **s->list);
	return s->list[id];
}

const struct session *
sessions_of(const struct sessions *s, uint32_t id)
{
	return id < s->n ? s->list[id] : NULL;
}

void
sessions_told(struct sessions *s, const struct keys *keys, uint32_t id, long attempt, unsigned says, const struct talk *t)
{
	struct session *e = session_of(s, keys, id);

	talk_set(&e->latest, t);
	e->says = says;
	e->is_settled = 0;
	e->attempt = attempt;
	e->walk = s->walk;
	if (says & SESSION_OVER)
		talk_drop(&e->cut);
	else if (says & SESSION_ACTIVE)
		talk_set(&e->cut, t);
}

void
sessions_over(struct sessions *s, uint32_t id)
{
	if (id < s->n && s->list[id])
		talk_drop(&s->list[id]->cut);
}

void
sessions_done(struct sessions *s, uint32_t id, long attempt)
{
	struct session *e = id < s->n ? s->list[id] : NULL;

	if (!e)
		return;
	if (e->walk == s->walk && e->attempt == attempt)
		talk_set(&e->result, &e->latest);
	else
		talk_drop(&e->result);
	talk_drop(&e->cut);
	e->is_settled = 1;
}

void
sessions_refused(struct sessions *s, uint32_t id, long attempt)
{
	struct session *e = id < s->n ? s->list[id] : NULL;

	if (!e)
		return;
	if (e->walk == s->walk && e->attempt == attempt)
		talk_set(&e->refused, &e->latest);
	else
		talk_drop(&e->refused);
}

void
sessions_none(struct sessions *s, uint32_t id)
{
	sessions_over(s, id);
	if (id >= s->n || !s->list[id])
		return;
	talk_drop(&s->list[id]->result);
	s->list[id]->is_settled = 1;
}

void
sessions_line(struct sessions *s, const struct keys *keys, uint32_t id, const struct log_line *l)
{
	struct talk t = { "", 0, 0, { 0 }, NULL };
	const char *dir;
	unsigned says;

	switch (l->event) {
	case LOG_WALK:
		s->walk++;
		break;
	case LOG_SESSION:
		snprintf(t.id, sizeof t.id, "%s", l->session);
		t.digest = l->digest;
		t.ms = l->ms;
		says = read_text(l->text, &t.total, &dir);
		t.dir = mem_dup(dir, strlen(dir));
		sessions_told(s, keys, id, l->value, says, &t);
		free(t.dir);
		break;
	case LOG_DONE:
	case LOG_SAME:
		sessions_done(s, id, l->value);
		break;
	case LOG_OTHERWISE:
	case LOG_FOUND:
		sessions_none(s, id);
		break;
	default:
		break;
	}
}

void
sessions_free(struct sessions *s)
{
	uint32_t i;

	for (i = 0; i < s->n; i++)
		if (s->list[i]) {
			talk_drop(&s->list[i]->latest);
			talk_drop(&s->list[i]->cut);
			talk_drop(&s->list[i]->refused);
			talk_drop(&s->list[i]->result);
			free(s->list[i]);
		}
	free(s->list);
	memset(s, 0, sizeof *s);
}

/* Supervisors that have died without a word, or do not answer; and what they have left. */
#include "engine/loop_state.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/supervise/proctree.h"
#include "parse/mem.h"
#include "store/clock.h"

enum {
	REAP_MS = 100,          /* of ten thousand children, between two looks at all of them; of fewer less */
	STRAY_MS = 10 * 1000,
	PATIENCE_MS = 700,
	PROD_MS = 10 * 1000     /* for a supervisor to end that does not answer */
};

/* A supervisor has died without a word: what it supervised has become ours, where that can be. */
static void
lose_slot(struct loop_state *l, uint32_t slot)
{
	struct outcome o = { 0 };

	o.slot = slot;
	o.kind = OUT_LOST;
	if (l->slots.list[slot].kind == TASK_WORKTREE || l->slots.list[slot].kind == TASK_COMMIT)
		l->patience = loop_now(l) + PATIENCE_MS;
	l->progress->used.told |= l->slots.list[slot].used.told & USAGE_UNTOLD;
	running_forget(&l->slots, slot);
	l->lost = mem_grow(l->lost, l->nlost + 1, sizeof *l->lost);
	l->lost[l->nlost++] = o;
	if (l->nlost == 1)
		l->lost_since = loop_now(l);
}

/* Looks at every child, for the kernel does: so not each time that one of thousands has ended. */
void
lost_reap(struct loop_state *l)
{
	pid_t pid, *dead = NULL;
	size_t n = 0, i;
	uint32_t slot;
	int lost_reader = 0;

	if (!l->has_dead || loop_now(l) < l->reap_at)
		return;
	l->has_dead = 0;
	l->reap_at = loop_now(l) + (long long)l->slots.running * REAP_MS / 10000;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		lost_reader |= files_is_reader(l, pid);
		if (running_find(&l->slots, pid) == NO_RUNNING)
			continue;
		dead = mem_grow(dead, n + 1, sizeof *dead);
		dead[n++] = pid;
	}
	if (n || lost_reader)
		reports_read(l);        /* what they had said before they died */
	if (lost_reader)
		files_lost(l);
	for (i = 0; i < n; i++)
		if ((slot = running_find(&l->slots, dead[i])) != NO_RUNNING)
			lose_slot(l, slot);
	free(dead);
}

/* Whether the child PID is none that a supervisor has left. */
static int
is_own(void *ctx, pid_t pid)
{
	const struct loop_state *l = ctx;

	return running_find(&l->slots, pid) != NO_RUNNING || files_is_reader(l, pid);
}

/* A supervisor is asked to go on, should somebody have stopped it, and to end; one that does not even end so is stuck in
 * the kernel, and given up. */
static void
prod(struct loop_state *l, uint32_t i)
{
	struct running_step *s = &l->slots.list[i];
	pid_t pid = s->pid;

	if (!s->prodded++) {
		kill(pid, SIGCONT);
		kill(pid, SIGKILL);
		s->limit = loop_now(l) + PROD_MS;
		return;
	}
	lose_slot(l, i);
	snprintf(l->lost[l->nlost - 1].text, sizeof l->lost->text, "pid %ld", (long)pid);
}

void
lost_look(struct loop_state *l)
{
	long long now = loop_now(l), next = -1;
	uint32_t i;

	if (!l->overdue_at || now < l->overdue_at)
		return;
	for (i = 0; i < l->slots.n; i++) {
		if (l->slots.list[i].pid && l->slots.list[i].limit && now >= l->slots.list[i].limit)
			prod(l, i);
		if (l->slots.list[i].pid && l->slots.list[i].limit)
			next = clock_sooner(next, l->slots.list[i].limit);
	}
	l->overdue_at = next < 0 ? 0 : next;
}

void
lost_limit_all(struct loop_state *l, long long ms)
{
	uint32_t i;

	for (i = 0; i < l->slots.n; i++)
		if (l->slots.list[i].pid)
			l->slots.list[i].limit = loop_now(l) + ms;
	l->overdue_at = loop_now(l) + ms;
}

static int
has_no_strays(struct loop_state *l)
{
	pid_t *list;
	long n = proctree_children(&list), i;
	int none = 1;

	for (i = 0; i < n; i++)
		none &= is_own(l, list[i]) || waitpid(list[i], NULL, WNOHANG) > 0;
	free(list);
	return none;
}

/* What is left of a killed supervisor, and does not end. */
static void
name_strays(struct loop_state *l, struct outcome *o)
{
	pid_t *list;
	long n = proctree_children(&list), i;
	size_t at = 0;

	for (i = 0; i < n && at < sizeof o->text - 20; i++)
		if (!is_own(l, list[i]))
			at += (size_t)snprintf(o->text + at, sizeof o->text - at, "%spid %ld", at ? ", " : "", (long)list[i]);
	free(list);
}

void
lost_end(struct loop_state *l)
{
	size_t i;
	long left;

	if (!l->nlost)
		return;
	if (l->adopts && loop_now(l) < l->patience && !has_no_strays(l))
		return;
	left = l->adopts ? proctree_kill(is_own, l) : 0;
	if (left > 0 && loop_now(l) - l->lost_since < STRAY_MS)
		return;
	for (i = 0; i < l->nlost && left > 0; i++)
		if (!*l->lost[i].text)
			name_strays(l, &l->lost[i]);
	for (i = 0; i < l->nlost; i++)
		loop_add_outcome(l, &l->lost[i]);
	l->nlost = 0;
}

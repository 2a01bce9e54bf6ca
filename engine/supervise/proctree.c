/* The processes that are below this one. */
#include "engine/supervise/proctree.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/os.h"

struct pids {
	pid_t *list;            /* few, as long as they are enough: they are there without memory */
	size_t n, cap;
	pid_t few[64];
};

int
proctree_become_subreaper(void)
{
	return os_sees_children() == OS_SIGHT && os_become_subreaper();
}

static void
add(void *ctx, pid_t pid)
{
	struct pids *l = ctx;
	size_t few = sizeof l->few / sizeof *l->few, cap = l->cap > few ? l->cap * 2 : few * 2;
	pid_t *more;

	if (!l->list) {
		l->list = l->few;
		l->cap = few;
	}
	if (l->n == l->cap) {
		more = realloc(l->list == l->few ? NULL : l->list, cap * sizeof *more);
		if (!more)
			return;         /* the next pass finds it */
		if (l->list == l->few)
			memcpy(more, l->few, sizeof l->few);
		l->list = more;
		l->cap = cap;
	}
	l->list[l->n++] = pid;
}

static void
drop(struct pids *l)
{
	if (l->list != l->few)
		free(l->list);
}

long
proctree_children(pid_t **list)
{
	struct pids l = { 0 };

	*list = NULL;
	if (os_children(0, add, &l) || !(*list = malloc((l.n + 1) * sizeof **list))) {
		drop(&l);
		return -1;
	}
	memcpy(*list, l.list ? l.list : l.few, l.n * sizeof **list);
	drop(&l);
	return (long)l.n;
}

/* Whether PID can start or reap nothing now: it is stopped, or dead. */
static int
is_still(pid_t pid)
{
	char state = os_state(pid);

	return !state || strchr("TtZX", state) != NULL;
}

int
proctree_is_busy(pid_t pid)
{
	return os_state(pid) == 'R';
}

const char *
proctree_lack(void)
{
	if (os_sees_children() == OS_BLIND)
		return "/proc cannot be read";
	return os_sees_children() == OS_SIGHT && !os_has_subreapers() ? "this kernel has no subreapers" : NULL;
}

/* Stops PID and waits, some milliseconds at most, until it is: only then are the numbers of its
 * children sure to be theirs, for it reaps none. */
static void
freeze(pid_t pid)
{
	const struct timespec pause = { 0, 50 * 1000 };
	int i;

	if (kill(pid, SIGSTOP))
		return;
	for (i = 0; i < 100 && !is_still(pid); i++)
		nanosleep(&pause, NULL);
}

/* Whether L has PID among its first N. */
static int
has(const struct pids *l, size_t n, pid_t pid)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (l->list[i] == pid)
			return 1;
	return 0;
}

/* Adds to L all that is below its members from the one at FROM on, each stopped before its children are
 * asked for. Returns how many these are. */
static size_t
freeze_below(struct pids *l, size_t from)
{
	struct pids found = { 0 };
	size_t i, k, old = l->n;

	for (i = from; i < l->n; i++) {
		freeze(l->list[i]);
		found.n = 0;
		os_children(l->list[i], add, &found);
		for (k = 0; k < found.n; k++)
			if (!has(l, l->n, found.list[k]))
				add(l, found.list[k]);
	}
	drop(&found);
	return l->n - old;
}

static int
reap_some(void)
{
	int n = 0;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		n++;
	return n;
}

/* Takes from L what has ended, reaping it: what is not a child of ours is reaped by none that is stopped. */
static void
drop_dead(struct pids *l)
{
	size_t i, n = 0;

	for (i = 0; i < l->n; i++)
		if (waitpid(l->list[i], NULL, WNOHANG) <= 0)
			l->list[n++] = l->list[i];
	l->n = n;
}

/* Stops each child in NOW that is new, and adds to L who of them is alive. Returns how many were new. The
 * dead are reaped only when all were signalled: until then each number in NOW is a child's, though
 * it may be there twice. */
static size_t
take_children(struct pids *l, const struct pids *now, int (*spare)(void *, pid_t), void *ctx)
{
	size_t i, fresh = 0, old = l->n;
	pid_t *list = now->list;

	for (i = now->n; i-- > 0; )     /* the youngest first: of a storm they are the living */
		if ((spare && spare(ctx, list[i])) || has(l, old, list[i]))
			list[i] = 0;
		else
			kill(list[i], SIGSTOP);
	for (i = 0; i < now->n; i++)
		if (list[i]) {
			fresh++;
			if (waitpid(list[i], NULL, WNOHANG) == 0 && !has(l, l->n, list[i]))
				add(l, list[i]);
		}
	return fresh;
}

long
proctree_kill(int (*spare)(void *, pid_t), void *ctx)
{
	struct pids all = { 0 }, now = { 0 };
	size_t i, old, fresh = 1;
	int pass;
	long mine;

	/* Until a pass finds nobody new, a fork storm would outrun us; and it would in the end if a pass
	 * took the longer the more of it are dead already. */
	for (pass = 0; pass < 50 && fresh; pass++) {
		drop_dead(&all);
		now.n = 0;
		if (os_children(0, add, &now)) {
			drop(&all);
			drop(&now);
			return -1;
		}
		old = all.n;
		fresh = take_children(&all, &now, spare, ctx);
		fresh += freeze_below(&all, old);
		if (!fresh)
			fresh = freeze_below(&all, 0);
	}
	for (i = 0; i < all.n; i++)
		kill(all.list[i], SIGKILL);
	mine = (long)(all.n + fresh);
	if (mine && !spare)
		reap_some();
	drop(&all);
	drop(&now);
	return mine;
}

void
proctree_signal(pid_t pid, int sig)
{
	struct pids all = { 0 };
	size_t i;

	kill(-pid, sig);
	if (os_sees_children() != OS_SIGHT)
		return;
	add(&all, pid);
	if (sig == SIGSTOP)
		freeze_below(&all, 0);
	for (i = 0; sig != SIGSTOP && i < all.n; i++)
		os_children(all.list[i], add, &all);
	for (i = all.n; i-- > 0; )
		kill(all.list[i], sig);
	drop(&all);
}

static void
let_go_on(void *ctx, pid_t pid)
{
	(void)ctx;
	kill(pid, SIGCONT);
}

void
proctree_continue_openers(dev_t dev, ino_t ino)
{
	os_openers(dev, ino, let_go_on, NULL);
}

/* Openers that are named, as far as there is room. */
struct named {
	char *text;
	size_t size, at;
	int n;
};

static void
name_opener(void *ctx, pid_t pid)
{
	struct named *o = ctx;

	if (o->at + 16 < o->size)
		o->at += (size_t)snprintf(o->text + o->at, o->size - o->at, "%spid %ld", o->n++ ? ", " : "", (long)pid);
}

int
proctree_openers(dev_t dev, ino_t ino, char *text, size_t size)
{
	struct named o = { 0 };

	o.text = text;
	o.size = size;
	os_openers(dev, ino, name_opener, &o);
	return o.n;
}

/* What an earlier walk of a run has left running. */
#include "engine/supervise/orphans.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/clock.h"
#include "parse/mem.h"
#include "store/file.h"
#include "store/os.h"

/* Whether S is one id or more, with a : between. */
static int
is_list(const char *s)
{
	for (;;) {
		if (strspn(s, "0123456789abcdef") != RECORD_ID)
			return 0;
		s += RECORD_ID;
		if (!*s)
			return 1;
		if (*s++ != ':')
			return 0;
	}
}

void
orphans_within(struct buf *b, const char *outer, const char *id)
{
	if (outer && is_list(outer))
		buf_fmt(b, "%s:", outer);
	buf_text(b, id);
}

enum {
	END_MS = 10 * 1000,
	PASSES = 50             /* in a row that find somebody new: then those that were found are killed first */
};

/* A process that belongs to the run, held by DIR (os_process_open): its number cannot become another's. */
struct orphan {
	pid_t pid;
	int dir;
};

struct orphan_list {
	const char *id;
	struct orphan *list;
	size_t n;
	pid_t *spared;          /* this process and those that it descends from */
	size_t nspared;
	int only_looks;         /* nobody is stopped */
};

/* Reads all of FD, which is closed. -1: it cannot be read. */
static int
read_all(int fd, struct buf *b)
{
	long n;

	if (fd < 0)
		return -1;
	while ((n = file_read_some(fd, buf_room(b, 8192), 8192)) > 0)
		b->n += (size_t)n;
	close(fd);
	return n < 0 ? -1 : 0;
}

/* Whether the environment, entries with a NUL after each, has the run's id in ORCH_WITHIN. */
static int
has_id(struct buf *b, const char *id)
{
	static const char name[] = "ORCH_WITHIN=";
	const char *s = buf_str(b), *end = s + b->n;

	for (; s < end; s += strlen(s) + 1)
		if (!strncmp(s, name, sizeof name - 1))
			return strstr(s + sizeof name - 1, id) != NULL;
	return 0;
}

static int
belongs(int dir, const char *id)
{
	struct buf b = { 0 };
	int does = !read_all(os_process_environ(dir), &b) && has_id(&b, id);

	buf_free(&b);
	return does;
}

/* Spares this process and those that it descends from. Returns whether one of them belongs to the run. */
static int
spare(struct orphan_list *c)
{
	pid_t pid = getpid();
	int dir, does = 0;

	while (pid > 0 && (dir = os_process_open(pid)) >= 0) {
		c->spared = mem_grow(c->spared, c->nspared + 1, sizeof *c->spared);
		c->spared[c->nspared++] = pid;
		does |= belongs(dir, c->id);
		pid = pid == 1 ? 0 : os_process_parent(dir);
		close(dir);
	}
	return does;
}

static int
is_spared(const struct orphan_list *c, pid_t pid)
{
	size_t i;

	for (i = 0; i < c->nspared; i++)
		if (c->spared[i] == pid)
			return 1;
	for (i = 0; i < c->n; i++)
		if (c->list[i].pid == pid)
			return 1;
	return 0;
}

/* Takes PID in if it belongs to the run, and stops it. */
static void
look_at(void *ctx, pid_t pid)
{
	struct orphan_list *c = ctx;
	struct orphan o;

	o.pid = pid;
	if (is_spared(c, pid) || (o.dir = os_process_open(pid)) < 0)
		return;
	if (!belongs(o.dir, c->id)) {
		close(o.dir);
		return;
	}
	c->list = mem_grow(c->list, c->n + 1, sizeof *c->list);
	c->list[c->n++] = o;
	if (!c->only_looks)
		os_process_signal(o.dir, pid, SIGSTOP);
}

/* Finds all that belong to the run and were not found before, and stops them; returns how many
 * those are. */
static size_t
find_more(struct orphan_list *c)
{
	size_t old = c->n;

	os_processes(look_at, c);
	return c->n - old;
}

/* Kills those that were found, and forgets those that are gone: an environment that is empty is a zombie's. */
static void
kill_found(struct orphan_list *c)
{
	const struct timespec moment = { 0, 2 * 1000 * 1000 };
	size_t i, n = 0;

	for (i = 0; i < c->n; i++)
		os_process_signal(c->list[i].dir, c->list[i].pid, SIGKILL);
	if (c->n)
		nanosleep(&moment, NULL);
	for (i = 0; i < c->n; i++)
		if (belongs(c->list[i].dir, c->id))
			c->list[n++] = c->list[i];
		else
			close(c->list[i].dir);
	c->n = n;
}

static void
name_left(const struct orphan_list *c, struct buf *left)
{
	size_t i;

	for (i = 0; i < c->n && i < 20; i++)
		buf_fmt(left, "%spid %ld", i ? ", " : "", (long)c->list[i].pid);
}

static void
free_list(struct orphan_list *c)
{
	while (c->n)
		close(c->list[--c->n].dir);
	free(c->list);
	free(c->spared);
}

enum orphans
orphans_end(const char *id, struct buf *left)
{
	struct orphan_list c = { 0 };
	long long until = clock_ms() + END_MS;
	enum orphans found = ORPHANS_NONE;
	int pass, clean = 0;

	c.id = id;
	if (spare(&c))
		found = ORPHANS_AROUND;
	/* Those that were found are stopped, so the next pass finds what they had started meanwhile. Twice nobody is nobody. */
	while (!found && clean < 2) {
		for (pass = 0; pass < PASSES && find_more(&c); pass++)
			;
		clean = c.n ? 0 : clean + 1;
		kill_found(&c);
		if (c.n && clock_ms() >= until)
			found = ORPHANS_LEFT;
	}
	name_left(&c, left);
	free_list(&c);
	return found;
}

enum orphans
orphans_find(const char *id, struct buf *left)
{
	struct orphan_list c = { 0 };
	enum orphans found = ORPHANS_NONE;

	c.id = id;
	c.only_looks = 1;
	if (spare(&c))
		found = ORPHANS_AROUND;
	else if (find_more(&c))
		found = ORPHANS_LEFT;
	name_left(&c, left);
	free_list(&c);
	return found;
}

int
orphans_are_found(void)
{
	return os_sees_children() == OS_SIGHT;
}

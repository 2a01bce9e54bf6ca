/* The processes that are below this one. */
#include "engine/supervise/proctree.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__) && !defined(ORCH_NO_LINUX)

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

#include "store/file.h"

struct pids {
	pid_t *list;            /* few, as long as they are enough: they are there without memory */
	size_t n, cap;
	pid_t few[64];
};

/* Whether the kernel tells who a process's children are: it may have been built without that, and /proc may be empty. */
static int
tells_children(void)
{
	static int tells = -1;
	char file[60];

	if (tells < 0) {
		snprintf(file, sizeof file, "/proc/self/task/%ld/children", (long)getpid());
		tells = access(file, R_OK) == 0;
	}
	return tells;
}

int
proctree_become_subreaper(void)
{
	return tells_children() && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

static void
add(struct pids *l, pid_t pid)
{
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

/* Adds the numbers in one of the kernel's `children` files. */
static int
read_children(const char *file, struct pids *l)
{
	char buf[4096], *p, *end;
	size_t kept = 0;
	long got;
	int fd = file_open_as(AT_FDCWD, file, O_RDONLY);

	if (fd < 0)
		return -1;
	while ((got = file_read_some(fd, buf + kept, sizeof buf - 1 - kept)) > 0) {
		kept += (size_t)got;
		buf[kept] = '\0';
		for (p = buf; (end = strchr(p, ' ')); p = end + 1)
			add(l, (pid_t)strtol(p, NULL, 10));
		kept -= (size_t)(p - buf);
		memmove(buf, p, kept);
	}
	close(fd);
	return got < 0 ? -1 : 0;
}

/* Adds the children of all threads of PID. */
static void
children_of(pid_t pid, struct pids *l)
{
	char path[80];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (*e->d_name != '.') {
			snprintf(path, sizeof path, "/proc/%ld/task/%.20s/children", (long)pid, e->d_name);
			read_children(path, l);
		}
	if (d)
		closedir(d);
}

static int
own_children(struct pids *l)
{
	char path[80];

	snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
	return read_children(path, l);
}

long
proctree_children(pid_t **list)
{
	struct pids l = { 0 };

	*list = NULL;
	if (own_children(&l) || !(*list = malloc((l.n + 1) * sizeof **list))) {
		drop(&l);
		return -1;
	}
	memcpy(*list, l.list ? l.list : l.few, l.n * sizeof **list);
	drop(&l);
	return (long)l.n;
}

enum { PROC_MOST = 512 };       /* bytes of a file that tells of one process */

/* Reads the file NAME of PID in /proc. -1: it is not there. */
static int
read_proc(pid_t pid, const char *name, char buf[PROC_MOST])
{
	char path[40];
	long got;
	int fd;

	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
	fd = file_open_as(AT_FDCWD, path, O_RDONLY);
	if (fd < 0)
		return -1;
	got = file_read_some(fd, buf, PROC_MOST - 1);
	close(fd);
	if (got <= 0)
		return -1;
	buf[got] = '\0';
	return 0;
}

/* The state of PID as /proc has it: R, S, D, T ...; 0: it is not there. */
static char
state_of(pid_t pid)
{
	char buf[PROC_MOST], *p;

	if (read_proc(pid, "stat", buf))
		return 0;
	p = strrchr(buf, ')');
	return p && p[1] ? p[2] : 0;
}

/* Who has waited for a child has its page faults in an account of its own, and no child is without one. */
int
proctree_had_child(pid_t pid)
{
	enum { CMINFLT = 11, CMAJFLT = 13 };    /* the fields of proc(5); the name, which may hold blanks, is the second */
	char buf[PROC_MOST], *p;
	unsigned long faults = 0;
	int field;

	if (read_proc(pid, "stat", buf))
		return 1;
	p = strrchr(buf, ')');
	for (field = 2; p && field < CMAJFLT; ) {
		p = strchr(p + 1, ' ');
		field++;
		if (p && (field == CMINFLT || field == CMAJFLT))
			faults += strtoul(p, NULL, 10);
	}
	return !p || faults;
}

/* What a zombie has written is told to root alone; but it is added to this process's own account when it is reaped. */
long long
proctree_written(void)
{
	char buf[PROC_MOST], *p;

	return read_proc(getpid(), "io", buf) || !(p = strstr(buf, "wchar: ")) ? -1 : strtoll(p + 7, NULL, 10);
}

/* Whether PID can start or reap nothing now: it is stopped, or dead. */
static int
is_still(pid_t pid)
{
	char state = state_of(pid);

	return !state || strchr("TtZX", state) != NULL;
}

int
proctree_is_busy(pid_t pid)
{
	return state_of(pid) == 'R';
}

int
proctree_is_blind(void)
{
	return !tells_children();
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
		children_of(l->list[i], &found);
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
		if (own_children(&now)) {
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
	add(&all, pid);
	if (sig == SIGSTOP)
		freeze_below(&all, 0);
	for (i = 0; sig != SIGSTOP && i < all.n; i++)
		children_of(all.list[i], &all);
	for (i = all.n; i-- > 0; )
		kill(all.list[i], sig);
	drop(&all);
}

/* Whether the process PID has the file open. */
static int
has_open(const char *pid, dev_t dev, ino_t ino)
{
	char path[PATH_MAX];
	struct stat st;
	struct dirent *e;
	int found = 0;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		snprintf(path, sizeof path, "/proc/%.20s/fd/%.20s", pid, e->d_name);
		found = *e->d_name != '.' && stat(path, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
	}
	if (d)
		closedir(d);
	return found;
}

void
proctree_continue_openers(dev_t dev, ino_t ino)
{
	struct dirent *e;
	DIR *d = opendir("/proc");
	long pid;

	while (d && (e = readdir(d)))
		if (*e->d_name >= '0' && *e->d_name <= '9' && (pid = strtol(e->d_name, NULL, 10)) != (long)getpid() &&
		    has_open(e->d_name, dev, ino))
			kill((pid_t)pid, SIGCONT);
	if (d)
		closedir(d);
}

int
proctree_openers(dev_t dev, ino_t ino, char *text, size_t size)
{
	struct dirent *e;
	DIR *d = opendir("/proc");
	size_t at = 0;
	int n = 0;

	while (d && (e = readdir(d)) && at + 16 < size)
		if (*e->d_name >= '0' && *e->d_name <= '9' && strtol(e->d_name, NULL, 10) != (long)getpid() &&
		    has_open(e->d_name, dev, ino))
			at += (size_t)snprintf(text + at, size - at, "%spid %.10s", n++ ? ", " : "", e->d_name);
	if (d)
		closedir(d);
	return n;
}

#else

int
proctree_had_child(pid_t pid)
{
	(void)pid;
	return 1;
}

long long
proctree_written(void)
{
	return -1;
}

int
proctree_is_busy(pid_t pid)
{
	(void)pid;
	return 0;
}

int
proctree_is_blind(void)
{
	return 0;
}

void
proctree_continue_openers(dev_t dev, ino_t ino)
{
	(void)dev;
	(void)ino;
}

int
proctree_become_subreaper(void)
{
	return 0;
}

long
proctree_children(pid_t **list)
{
	*list = NULL;
	return -1;
}

long
proctree_kill(int (*spare)(void *, pid_t), void *ctx)
{
	(void)spare;
	(void)ctx;
	return -1;
}

void
proctree_signal(pid_t pid, int sig)
{
	kill(-pid, sig);
}

int
proctree_openers(dev_t dev, ino_t ino, char *text, size_t size)
{
	(void)dev;
	(void)ino;
	(void)text;
	(void)size;
	return 0;
}

#endif

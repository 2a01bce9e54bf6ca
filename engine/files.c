/* The files that steps depend on: a process of its own looks at them (supervise/reader.h), in the order in which the walk wants to know.
 *
 * Every wait has an end: where the reader tells nothing for READ_MS, the file that it is at cannot be read, and neither is anything
 * beside it; the others are for a new reader. One that has died is replaced, but not for ever. */
#include "engine/loop_state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/supervise/reader.h"
#include "parse/mem.h"
#include "store/clock.h"
#include "store/file.h"

enum {
	READ_MS = 30 * 1000,
	GRACE_MS = 1000,
	AGAIN_MS = 100,         /* until another process is tried for, where there was none */
	DEATHS_MOST = 3         /* of readers at one file */
};

/* Files of one step, of which so many are answered. */
struct look {
	struct look *next;
	struct branch *branch;
	struct depends *files;
	size_t answered;
};

static void
ask(struct file_reader *r, const struct look *k)
{
	size_t i;

	for (i = k->answered; i < k->files->n; i++)
		reader_ask(&r->out, &k->files->list[i], k->files->dir);
}

/* The process is nobody's any more; what it still says is not listened to. */
static void
drop_reader(struct file_reader *r)
{
	if (r->fd > 0)
		close(r->fd);
	if (r->pid > 0)
		kill(r->pid, SIGKILL);
	r->fd = 0;
	r->pid = 0;
	r->out.n = r->written = 0;
	r->number++;
}

static int
make_reader(struct loop_state *l)
{
	struct file_reader *r = &l->reader;
	int fds[2], saved;

	if (pipe(fds))
		return -1;
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	r->pid = fds[1] < FD_SETSIZE ? fork() : -1;
	if (!r->pid) {
		close(fds[1]);
		loop_close_own(l);
		reader_run(&l->supervision, fds[0], r->number);
	}
	saved = fds[1] < FD_SETSIZE ? errno : EMFILE;
	close(fds[0]);
	if (r->pid < 0) {
		close(fds[1]);
		r->pid = 0;
		errno = saved;
		return -1;
	}
	setpgid(r->pid, r->pid);
	r->fd = fds[1];
	return 0;
}

/* There is a reader, which knows all that is to be looked at. */
static void
begin_reader(struct loop_state *l)
{
	struct file_reader *r = &l->reader;
	const struct look *k;

	if (r->pid || loop_now(l) < r->again_at)
		return;
	if (make_reader(l)) {
		r->error = errno;
		r->again_at = loop_now(l) + AGAIN_MS;
		return;
	}
	r->out.n = r->written = 0;
	for (k = r->first; k; k = k->next)
		ask(r, k);
}

/* What the walk does not wait for any more. */
static void
forget_all(struct file_reader *r)
{
	struct look *k;

	while ((k = r->first)) {
		r->first = k->next;
		free(k);
	}
	drop_reader(r);
}

void
files_look(struct loop_state *l, struct branch *b, struct depends *files)
{
	struct file_reader *r = &l->reader;
	struct look *k;

	if (!files->n) {
		walk_looked(l->walk, b, loop_now(l));
		return;
	}
	k = mem_zero(1, sizeof *k);
	k->branch = b;
	k->files = files;
	if (!r->first) {
		r->last = &r->first;
		r->moved_at = loop_now(l);
		r->expired = 0;
	}
	*r->last = k;
	r->last = &k->next;
	if (r->pid)
		ask(r, k);
	else
		begin_reader(l);
	files_write(l);
}

void
files_write(struct loop_state *l)
{
	struct file_reader *r = &l->reader;
	long n;

	while (r->pid && r->written < r->out.n) {
		n = write(r->fd, r->out.s + r->written, r->out.n - r->written);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;          /* it is full; or its end is gone, and lost_reap will see why */
		r->written += (size_t)n;
	}
	if (r->written == r->out.n)
		r->written = r->out.n = 0;
}

/* The file that the reader is at was looked at, as O tells. */
static void
answer(struct loop_state *l, enum file_found found, int error, uint64_t digest)
{
	struct file_reader *r = &l->reader;
	struct look *k = r->first;
	struct depended *f = &k->files->list[k->answered++];
	struct branch *b = k->branch;

	f->found = found;
	f->error = error;
	f->digest = digest;
	r->deaths = 0;
	if (k->answered < k->files->n)
		return;
	r->first = k->next;
	free(k);
	walk_looked(l->walk, b, loop_now(l));
}

void
files_record(struct loop_state *l, const struct outcome *o)
{
	struct file_reader *r = &l->reader;

	if (l->walk->stop)
		forget_all(r);
	if (o->slot != r->number || !r->first)
		return;
	r->moved_at = loop_now(l);
	r->expired = 0;
	if (o->kind == OUT_FILE)
		answer(l, (enum file_found)o->status, o->error, o->digest);
}

int
files_is_reader(const struct loop_state *l, pid_t pid)
{
	return l->reader.pid == pid;
}

void
files_lost(struct loop_state *l)
{
	struct file_reader *r = &l->reader;

	r->pid = 0;
	drop_reader(r);
	if (l->walk->stop)
		forget_all(r);
	if (r->first && ++r->deaths >= DEATHS_MOST)
		answer(l, FILE_FAILED, EIO, 0);
	if (r->first)
		begin_reader(l);
	files_write(l);
}

/* How many bytes of the path are its directory. */
static size_t
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

/* The file that the reader is at does not answer, and so do not those beside it. */
static void
give_up(struct loop_state *l)
{
	struct file_reader *r = &l->reader;
	const char *path = r->first->files->list[r->first->answered].path, *next;
	char *stuck = mem_dup(path, directory_of(path));
	int error = r->pid ? ETIMEDOUT : r->error;

	drop_reader(r);
	do {
		answer(l, FILE_FAILED, error, 0);
		next = r->first ? r->first->files->list[r->first->answered].path : NULL;
	} while (next && directory_of(next) == strlen(stuck) && !strncmp(next, stuck, strlen(stuck)));
	free(stuck);
	r->moved_at = loop_now(l);
	r->expired = 0;
	if (r->first)
		begin_reader(l);
	files_write(l);
}

long long
files_wait(const struct loop_state *l, long long now, fd_set *out, int *last)
{
	const struct file_reader *r = &l->reader;
	long long until = r->moved_at + READ_MS;

	if (!r->first || l->walk->stop)
		return -1;
	if (r->pid && r->written < r->out.n) {
		FD_SET(r->fd, out);
		*last = r->fd > *last ? r->fd : *last;
	}
	if (!r->pid)
		until = clock_sooner(until, r->again_at);
	return until > now ? until - now : 0;
}

void
files_due(struct loop_state *l)
{
	struct file_reader *r = &l->reader;

	if (!r->first)
		return;
	if (l->walk->stop) {
		forget_all(r);
		return;
	}
	files_write(l);
	if (!r->pid && l->slots.running)
		r->moved_at = loop_now(l);      /* a step that ends gives back what is lacking */
	if (loop_now(l) >= r->moved_at + READ_MS && r->expired) {
		give_up(l);
	} else if (loop_now(l) >= r->moved_at + READ_MS) {
		r->expired = 1;         /* the whole system may have stood still: it gets a little more */
		r->moved_at = loop_now(l) - READ_MS + GRACE_MS;
	} else if (!r->pid) {
		begin_reader(l);
	}
}

void
files_end(struct loop_state *l)
{
	forget_all(&l->reader);
	buf_free(&l->reader.out);
}

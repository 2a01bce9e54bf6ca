/* The files of a step: what it is asked, its standard error, its result until that is safe on disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "engine/supervise/proctree.h"
#include "engine/supervise/supervision.h"
#include "engine/task/question.h"
#include "parse/text.h"
#include "store/file.h"
#include "store/os.h"

enum {
	CLOSE_MS = 5 * 1000,    /* for a process that was killed to be gone, with what it had open */
	CLOSE_LOOK_MS = 10,
	REFUSAL_MOST = 4096     /* bytes of what a check has written that an agent is told */
};

/* Files. */

/* By hand: printf would be the only thing for which a supervisor touches many pages of libc. */
void
supervisor_tmp_name(char name[KEY_NAME_MAX + 1], char what, pid_t pid)
{
	char number[24], *s = number + sizeof number;

	*--s = '\0';
	do
		*--s = (char)('0' + pid % 10);
	while (pid /= 10);
	name[0] = '%';
	name[1] = what;
	name[2] = '.';
	strcpy(name + 3, s);
}

void
supervisor_result_name(enum task_kind kind, const char *file, pid_t pid, char name[KEY_NAME_MAX + 1])
{
	if (kind == TASK_STEP)
		strcpy(name, file);
	else
		supervisor_tmp_name(name, 'w', pid);
}

static int
is_locked(int fd)
{
	return os_flock(fd) < 0 && errno == EWOULDBLOCK;
}

void
result_await_closed(struct supervisor *d, int fd)
{
	long long until = supervisor_clock() + CLOSE_MS;
	struct stat st;

	while (is_locked(fd)) {
		if (!fstat(fd, &st) && proctree_openers(st.st_dev, st.st_ino, d->out.text, sizeof d->out.text))
			supervisor_exit(d, OUT_STILL_OPEN);
		if (supervisor_clock() >= until) {
			snprintf(d->out.text, sizeof d->out.text, "its file is locked by a process that cannot be found");
			supervisor_exit(d, OUT_STILL_OPEN);
		}
		supervisor_pause(d, CLOSE_LOOK_MS, 0);
		supervisor_check_stop(d);
	}
}

int
result_open_locked(struct supervisor *d)
{
	int tmp = d->m->store->tmp, fd = file_open(tmp, d->tmp);

	if (fd >= 0) {
		result_await_closed(d, fd);
		close(fd);
	}
	fd = file_make(tmp, d->tmp, 0);
	if (fd < 0 || os_flock(fd))
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	return fd;
}

void
supervisor_write(struct supervisor *d, int fd, const void *p, size_t n, const char *what)
{
	if (file_write(fd, p, n))
		supervisor_exit_errno(d, OUT_IO, what);
}

enum {
	LOOK_PIECES = 16,       /* of 64 KB, after which it is looked whether orch says to stop */
	PIPE_PIECES = 16        /* of 64 KB, the most that a pipe holds as a rule */
};

/* The question of a step, being written. */
struct written {
	struct supervisor *d;
	int out;
	unsigned pieces;
};

static int
write_piece(void *ctx, const char *p, size_t n)
{
	struct written *w = ctx;

	if (++w->pieces % LOOK_PIECES == 0) {   /* a large one takes its time */
		supervisor_pause(w->d, 0, 0);
		supervisor_check_stop(w->d);
	}
	supervisor_write(w->d, w->out, p, n, "asked/");
	return 0;
}

static void
write_question(struct supervisor *d, int out)
{
	struct written w = { 0 };
	char what[TEXT_SHORT + 20] = "result/", quoted[TEXT_SHORT];
	const char *input;
	int bad;

	w.d = d;
	w.out = out;
	bad = question_text(d->m->store, d->task, write_piece, &w, &d->out.digest, &input);
	if (bad == QUESTION_NO_INPUT)
		snprintf(what, sizeof what, "the result `%s`", text_short(quoted, input));
	if (bad)
		supervisor_exit_errno(d, OUT_IO, what);
}

/* What an earlier attempt was asked; nothing at all is not a file. */
static void
forget_asked(struct supervisor *d)
{
	if (d->task->kind != TASK_IF && unlinkat(d->m->store->asked, d->task->file, 0) && errno != ENOENT)
		supervisor_exit_errno(d, OUT_IO, "asked/");
}

int
supervisor_make_stdin(struct supervisor *d)
{
	const struct task *t = d->task;
	const struct store *s = d->m->store;
	char name[KEY_NAME_MAX + 1];
	int fd, in;
	struct stat st;

	if (!t->nprompt && !t->ninputs) {
		forget_asked(d);
		return d->m->null;
	}
	supervisor_tmp_name(name, 'a', getpid());
	fd = file_make(s->tmp, name, 0);
	if (fd < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	write_question(d, fd);
	if (fstat(fd, &st))
		supervisor_exit_errno(d, OUT_IO, "asked/");
	in = file_open(s->tmp, name);
	if (file_close(fd) || in < 0)
		supervisor_exit_errno(d, OUT_IO, "asked/");
	fcntl(in, F_SETFL, fcntl(in, F_GETFL) & ~O_NONBLOCK);
	if (t->kind != TASK_IF && st.st_size) {
		if (renameat(s->tmp, name, s->asked, t->file))
			supervisor_exit_errno(d, OUT_IO, "asked/");
	} else {
		unlinkat(s->tmp, name, 0);
		forget_asked(d);
	}
	return in;
}

void
supervisor_refusal_name(char name[KEY_NAME_MAX + 1], long pid)
{
	supervisor_tmp_name(name, 'v', (pid_t)pid);
}

/* Copies what IN has to OUT; closes IN. */
static void
copy_to(struct supervisor *d, int out, int in)
{
	char buf[64 * 1024];
	long got;

	while ((got = file_read_some(in, buf, sizeof buf)) > 0)
		supervisor_write(d, out, buf, (size_t)got, "tmp/");
	if (got < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	if (in != d->m->null)
		close(in);
}

/* A file for standard input, which has a name until it is opened again. */
static int
begin_stdin(struct supervisor *d, char name[KEY_NAME_MAX + 1])
{
	int fd;

	supervisor_tmp_name(name, 'a', getpid());
	fd = file_make(d->m->store->tmp, name, 0);
	if (fd < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	return fd;
}

static int
end_stdin(struct supervisor *d, const char *name, int fd)
{
	int tmp = d->m->store->tmp, in = file_open(tmp, name);

	if (file_close(fd) || in < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	unlinkat(tmp, name, 0);
	fcntl(in, F_SETFL, fcntl(in, F_GETFL) & ~O_NONBLOCK);
	return in;
}

int
supervisor_revise_stdin(struct supervisor *d, const char *text, size_t n, int in)
{
	char name[KEY_NAME_MAX + 1], head[] = "\n==> the result that was refused <==\n";
	int fd = begin_stdin(d, name), result = file_open(d->m->store->tmp, d->tmp);

	copy_to(d, fd, in);
	supervisor_write(d, fd, head, sizeof head - 1, "tmp/");
	if (result >= 0)
		copy_to(d, fd, result);
	supervisor_write(d, fd, "\n", 1, "tmp/");
	supervisor_write(d, fd, text, n, "tmp/");
	stderr_add_line(d, text, n);
	return end_stdin(d, name, fd);
}

int
supervisor_tell_stdin(struct supervisor *d, const char *text, size_t n, int in)
{
	char name[KEY_NAME_MAX + 1];
	int fd = begin_stdin(d, name);

	supervisor_write(d, fd, text, n, "tmp/");
	if (in >= 0)
		copy_to(d, fd, in);
	stderr_add_line(d, text, n);
	return end_stdin(d, name, fd);
}

/* Standard error. */

void
stderr_open(struct supervisor *d)
{
	int fds[2], i;

	if (d->task->kind != TASK_IF && unlinkat(d->m->store->errors, d->task->file, 0) && errno != ENOENT)
		supervisor_exit_errno(d, OUT_IO, "stderr/");
	if (pipe(fds))
		supervisor_exit_errno(d, OUT_IO, "a pipe");
	for (i = 0; i < 2; i++)
		fcntl(fds[i], F_SETFD, FD_CLOEXEC);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	d->errors_in = fds[0];
	d->errors = fds[1];
}

void
stderr_close(struct supervisor *d)
{
	if (d->errors < 0)
		return;
	stderr_drain(d);
	close(d->errors);
	close(d->errors_in);
	d->errors = d->errors_in = -1;
}

static int
make_stderr(struct supervisor *d)
{
	const struct store *s = d->m->store;
	char name[KEY_NAME_MAX + 1];
	int fd;

	if (d->task->kind != TASK_IF)
		return file_make(s->errors, d->task->file, O_APPEND);
	supervisor_tmp_name(name, 'e', getpid());
	fd = file_make(s->tmp, name, O_APPEND);
	unlinkat(s->tmp, name, 0);
	return fd;
}

void
stderr_add(struct supervisor *d, const char *p, size_t n)
{
	if (d->stderr_error)
		return;
	if (d->stderr_file < 0)
		d->stderr_file = make_stderr(d);
	if (d->stderr_file < 0 || file_write(d->stderr_file, p, n))
		d->stderr_error = errno;
	d->stderr_last = p[n - 1];
}

void
stderr_add_line(struct supervisor *d, const char *p, size_t n)
{
	if (d->stderr_last && d->stderr_last != '\n')
		stderr_add(d, "\n", 1);
	stderr_add(d, p, n);
}

static void
remember_said(struct supervisor *d, const char *p, size_t n)
{
	size_t more = n < sizeof d->said ? n : sizeof d->said, keep = sizeof d->said - more;

	keep = keep < d->nsaid ? keep : d->nsaid;
	memmove(d->said, d->said + d->nsaid - keep, keep);
	memcpy(d->said + keep, p + n - more, more);
	d->nsaid = keep + more;
}

/* The last REFUSAL_MOST bytes. */
static void
remember_refusal(struct supervisor *d, const char *p, size_t n)
{
	struct buf *b = &d->refusal;
	size_t over;

	buf_add(b, p, n);
	over = b->n > REFUSAL_MOST ? b->n - REFUSAL_MOST : 0;
	memmove(b->s, b->s + over, b->n -= over);
}

int
stderr_take(struct supervisor *d)
{
	char buf[64 * 1024];
	long n = file_read_some(d->errors_in, buf, sizeof buf);

	if (n > 0) {
		stderr_add(d, buf, (size_t)n);
		d->sign_at = d->sign_at ? supervisor_clock() : 0;
		remember_said(d, buf, (size_t)n);
		if (d->is_refusing)
			remember_refusal(d, buf, (size_t)n);
	}
	return n > 0;
}

void
stderr_drain(struct supervisor *d)
{
	int i;

	for (i = 0; d->errors_in >= 0 && i < PIPE_PIECES && stderr_take(d); i++)
		;
}

long
stderr_tail(struct supervisor *d, char *p, size_t size, int *cut)
{
	struct stat st;

	*cut = 0;
	if (d->stderr_file < 0)
		return 0;
	if (fstat(d->stderr_file, &st))
		return -1;
	*cut = st.st_size > (off_t)size;
	return file_read_at(d->stderr_file, p, size, *cut ? (long long)st.st_size - (long long)size : 0);
}

int
result_reopen(struct supervisor *d)
{
	int fd = file_open(d->m->store->tmp, d->tmp);

	if (fd < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

/* An agent that ignores write errors leaves half a result on a full disk, and says nothing. */
int
supervisor_disk_is_full(int fd)
{
	struct statvfs v;

	return fstatvfs(fd, &v) == 0 && v.f_blocks && !(geteuid() ? v.f_bavail : v.f_bfree);
}

void
result_sync(struct supervisor *d)
{
	int fd = d->result >= 0 ? d->result : result_reopen(d);

	if (supervisor_disk_is_full(fd))
		supervisor_exit(d, OUT_FULL);
	if (file_sync(fd))
		supervisor_exit_errno(d, OUT_IO, "its result cannot be synced to disk");
	close(fd);
	d->result = -1;
}

void
result_sync_written(struct supervisor *d, int fd)
{
	if (file_close(fd))
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	result_sync(d);
}

int
result_open(struct supervisor *d)
{
	int fd;

	supervisor_result_name(d->task->kind, d->task->file, getpid(), d->tmp);
	fd = file_make(d->m->store->tmp, d->tmp, 0);
	if (fd < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	return fd;
}

void
result_put(struct supervisor *d, const char *s, size_t n, int newline)
{
	int fd = result_open(d);

	supervisor_write(d, fd, s, n, "tmp/");
	if (newline)
		supervisor_write(d, fd, "\n", 1, "tmp/");
	result_sync_written(d, fd);
}

/* The jobserver of GNU make: as its client, and as one.
 *
 * Make names it in MAKEFLAGS: `--jobserver-auth=R,W` (before 4.2: `--jobserver-fds=R,W`) for a pipe whose
 * descriptors are inherited, or `--jobserver-auth=fifo:PATH`. Others share the pipe's open file
 * descriptions, so their flags are left as they are: the pipe is opened once more; where that cannot be, a
 * timer ends a read for which another was faster. */
#include "engine/supervise/jobserver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "parse/parse.h"
#include "store/file.h"
#include "store/os.h"

enum {
	SERVE_MOST = 4096,      /* jobs: a new pipe has room for that many bytes */
	TIMER_US = 2000
};

static const char variable[] = "MAKEFLAGS=";

/* The next word of MAKEFLAGS at *S, which moves on, without the \ and the second $ that make has put in;
 * AS_IT_STANDS: with them. 0 at the end. */
static int
next_word(const char **s, struct buf *w, int as_it_stands)
{
	const char *p = *s + strspn(*s, " \t"), *from = p;

	w->n = 0;
	for (; *p && *p != ' ' && *p != '\t'; p++) {
		if ((*p == '\\' && p[1]) || (*p == '$' && p[1] == '$')) {
			if (as_it_stands)
				buf_char(w, *p);
			p++;
		}
		buf_char(w, *p);
	}
	buf_str(w);
	*s = p;
	return p > from;
}

/* What is after the name of the option that gives the jobserver; NULL: WORD is another. */
static const char *
jobserver_value(const char *word)
{
	if (!strncmp(word, "--jobserver-auth=", 17))
		return word + 17;
	return strncmp(word, "--jobserver-fds=", 16) ? NULL : word + 16;
}

static int
read_fds(const char *s, int fds[2])
{
	size_t n = strcspn(s, ",");
	long long in = number_parse(s, n), out = s[n] ? number_parse(s + n + 1, strlen(s + n + 1)) : -1;

	if (in < 0 || out < 0 || in > INT_MAX || out > INT_MAX)
		return -1;
	fds[0] = (int)in;
	fds[1] = (int)out;
	return 0;
}

enum jobserver_kind
jobserver_parse(const char *makeflags, int fds[2], struct buf *path)
{
	enum jobserver_kind kind = JOBSERVER_NONE;
	struct buf w = { 0 };
	const char *value;

	while (next_word(&makeflags, &w, 0) && strcmp(w.s, "--")) {
		value = jobserver_value(w.s);
		if (!value)
			continue;
		path->n = 0;
		if (strncmp(value, "fifo:", 5)) {
			kind = read_fds(value, fds) ? JOBSERVER_BAD : JOBSERVER_PIPE;
		} else {
			kind = JOBSERVER_FIFO;
			buf_text(path, value + 5);
		}
	}
	buf_free(&w);
	return kind;
}

/* Whether FD is the end of a pipe that is opened as MODE. Descriptors 0 to 2 an agent has for itself. */
static int
is_end(int fd, int mode, struct stat *st)
{
	int flags = fcntl(fd, F_GETFL);

	return fd > 2 && flags >= 0 && ((flags & O_ACCMODE) == mode || (flags & O_ACCMODE) == O_RDWR) &&
	    fstat(fd, st) == 0 && S_ISFIFO(st->st_mode);
}

void
jobserver_look(struct jobserver *j, const char *makeflags)
{
	struct stat in, out;

	memset(j, 0, sizeof *j);
	if (!makeflags)
		return;
	j->kind = jobserver_parse(makeflags, j->fds, &j->path);
	if (j->kind != JOBSERVER_PIPE)
		return;
	if (!is_end(j->fds[0], O_RDONLY, &in) || !is_end(j->fds[1], O_WRONLY, &out) ||
	    !os_is_one_pipe(&in, &out))
		j->kind = JOBSERVER_BAD;
}

void
jobserver_hand_on(const struct jobserver *j)
{
	if (j->kind != JOBSERVER_PIPE)
		return;
	fcntl(j->fds[0], F_SETFD, 0);
	fcntl(j->fds[1], F_SETFD, 0);
}

/* Orch's own way to END of the jobserver; where there is none, the way of all. */
static int
open_end(struct jobserver *j, int end)
{
	int flags = (end ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY, fd;

	if (j->kind != JOBSERVER_PIPE)
		return file_open_as(AT_FDCWD, buf_str(&j->path), flags);
	fd = os_reopen(j->fds[end], flags);
	j->is_shared |= fd < 0;
	return fd < 0 ? j->fds[end] : fd;
}

static int
open_purse(struct jobserver *j)
{
	int i;

	if (pipe(j->token_pipe))
		return -1;
	for (i = 0; i < 2; i++) {
		fcntl(j->token_pipe[i], F_SETFD, FD_CLOEXEC);
		fcntl(j->token_pipe[i], F_SETFL, O_NONBLOCK);
	}
	return 0;
}

int
jobserver_open(struct jobserver *j)
{
	struct stat st;

	if (j->kind != JOBSERVER_PIPE && j->kind != JOBSERVER_FIFO)
		return -1;
	j->in = open_end(j, 0);
	/* What is not a fifo is not opened for writing: a device might take that for something. */
	j->out = j->in >= 0 && fstat(j->in, &st) == 0 && S_ISFIFO(st.st_mode) ? open_end(j, 1) : -1;
	j->is_open = j->out >= 0 && j->in < FD_SETSIZE && j->out < FD_SETSIZE && open_purse(j) == 0;
	return j->is_open ? 0 : -1;
}

static void
on_alarm(int sig)
{
	(void)sig;
}

/* read() of a description that others share, and may block: a timer ends it where another was faster. */
static long
read_shared(int fd, char *p, size_t n)
{
	static const struct itimerval often = { { 0, TIMER_US }, { 0, TIMER_US } }, never;
	struct timeval at_once = { 0, 0 };
	struct sigaction ours, old;
	fd_set in;
	long got;

	FD_ZERO(&in);
	FD_SET(fd, &in);
	if (select(fd + 1, &in, NULL, NULL, &at_once) != 1)
		return -1;
	memset(&ours, 0, sizeof ours);
	ours.sa_handler = on_alarm;
	sigaction(SIGALRM, &ours, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	got = read(fd, p, n);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	return got;
}

static int
has_room(int fd)
{
	struct timeval at_once = { 0, 0 };
	fd_set out;

	FD_ZERO(&out);
	FD_SET(fd, &out);
	return select(fd + 1, NULL, &out, NULL, &at_once) == 1;
}

/* Reads what is there at once; writes if there is room for it. What finds none is one more than there were. */
static long
read_now(const struct jobserver *j, char *p, size_t n)
{
	return j->is_shared ? read_shared(j->in, p, n) : file_read_some(j->in, p, n);
}

static void
write_now(const struct jobserver *j, const char *p, size_t n)
{
	if (!j->is_shared || has_room(j->out))
		file_write(j->out, p, n);
}

int
jobserver_take(struct jobserver *j)
{
	char token;

	if (read_now(j, &token, 1) != 1)
		return 0;
	if (write(j->token_pipe[1], &token, 1) != 1) {
		write_now(j, &token, 1);
		return 0;
	}
	j->held++;
	return 1;
}

/* A token goes from the token pipe to where it came from. 0: there is none. */
static int
put_back(const struct jobserver *j)
{
	char token;

	if (read(j->token_pipe[0], &token, 1) != 1)
		return 0;
	write_now(j, &token, 1);
	return 1;
}

void
jobserver_give(struct jobserver *j)
{
	put_back(j);
	j->held--;
}

void
jobserver_abandon(const struct jobserver *j, int had)
{
	struct pollfd p;

	if (!j->is_open)
		return;
	close(j->token_pipe[1]);
	if (had)
		put_back(j);
	p.fd = j->token_pipe[0];
	p.events = POLLIN;
	if (poll(&p, 1, 0) > 0 && (p.revents & POLLHUP))
		while (put_back(j))
			;
}

/* Serving. */

void
jobserver_fill(struct jobserver *j)
{
	char tokens[SERVE_MOST];
	size_t n = (size_t)(j->serves - 1 - j->held);

	while (read_now(j, tokens, sizeof tokens) > 0)
		;
	memset(tokens, '+', n);
	write_now(j, tokens, n);
}

/* Whether WORD of MAKEFLAGS says how many jobs there may be, or where the jobserver is. */
static int
is_jobs(const char *word)
{
	return !strncmp(word, "--jobs", 6) || !strncmp(word, "-j", 2);
}

void
jobserver_flags(const char *old, long n, const int fds[2], struct buf *out)
{
	const char *rest = old ? old : "";
	struct buf w = { 0 };
	size_t from = out->n;

	while (next_word(&rest, &w, 1) && strcmp(w.s, "--")) {
		if (!is_jobs(w.s)) {
			buf_fmt(out, "%s%s", out->n > from ? " " : "", w.s);
			continue;
		}
		old = rest + strspn(rest, " \t");       /* the number of `-j 3` or `--jobs 3` */
		if ((!strcmp(w.s, "-j") || !strcmp(w.s, "--jobs")) && strspn(old, "0123456789"))
			next_word(&rest, &w, 1);
	}
	buf_fmt(out, " -j%ld --jobserver-auth=%d,%d", n, fds[0], fds[1]);
	if (w.n)
		buf_fmt(out, " --%s", rest);
	buf_free(&w);
}

int
jobserver_serve(struct jobserver *j, long n)
{
	if (n > SERVE_MOST || pipe(j->fds))
		return -1;              /* what is to be handed on is not close-on-exec */
	j->kind = JOBSERVER_PIPE;
	j->serves = n;
	if (!jobserver_open(j)) {
		buf_text(&j->flags, variable);
		jobserver_flags(getenv("MAKEFLAGS"), n, j->fds, &j->flags);
		buf_str(&j->flags);
		return 0;
	}
	close(j->fds[0]);
	close(j->fds[1]);
	j->kind = JOBSERVER_NONE;
	j->serves = 0;
	j->fds[0] = j->fds[1] = -1;
	return -1;
}

char *const *
jobserver_environ(const struct jobserver *j, char *const *envp, struct arena *mem)
{
	const char *old = getenv("MAKEFLAGS"), **all;
	size_t i, n = 0;

	if (!j->is_open || !j->serves)
		return envp;
	while (envp[n])
		n++;
	all = arena_get(mem, (n + 2) * sizeof *all);
	for (i = n = 0; envp[i]; i++) {
		if (strncmp(envp[i], variable, sizeof variable - 1))
			all[n++] = envp[i];
		else if (envp[i] + sizeof variable - 1 != old)
			return envp;
	}
	all[n++] = j->flags.s;
	all[n] = NULL;
	return (char *const *)(const void *)all;
}

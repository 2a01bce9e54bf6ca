/* Reading what an agent reports: its standard output comes through a pipe, and the supervisor writes the result.
 *
 * The output as it is goes to the result's file in tmp/ until it turns out to be a stream. A text that may be the result goes
 * to a file of its own, which takes another name when it is: so the latest whole one is always there, however long it is. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/agent/stream.h"
#include "engine/supervise/supervision.h"
#include "parse/mem.h"
#include "store/clock.h"
#include "store/file.h"
#include "store/log.h"

enum {
	PIECE = 64 * 1024,
	USAGE_MS = 1000,        /* between two lines of the log about what is used */
	MARK_TEXT = 'r', MARK_KEPT = 'k'        /* the letters of the names in tmp/ */
};

struct reading {
	struct stream stream;
	struct stream_ops ops;
	int in, out;            /* the pipe */
	int text;               /* the file of a text that may be the result; -1: none is open */
	int kept;               /* there is a result */
	int waits;              /* orch was told that the agent waits */
	long long until;        /* and until when, as the agent has told it */
	unsigned long came;     /* bytes */
	char session[SESSION_ID];       /* that was told */
	unsigned session_says;
	struct usage session_total;
	struct usage logged;
	long long logged_at;    /* by clock_ms; 0: nothing was logged */
};

static void
text_name(char name[KEY_NAME_MAX + 1], char mark)
{
	supervisor_tmp_name(name, mark, getpid());
}

/* The first write that fails counts: the agent does not see it, and is told to end. */
static void
put(struct supervisor *d, int fd, const char *s, size_t n)
{
	if (!d->output_error && (fd < 0 || file_write(fd, s, n)))
		d->output_error = errno;
}

static int
empty_file(int fd)
{
	return ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) < 0;
}

/* Makes the file of a text, or empties it. */
static void
begin_text(struct supervisor *d)
{
	struct reading *r = d->reading;
	char name[KEY_NAME_MAX + 1];

	if (r->text >= 0) {
		if (empty_file(r->text) && !d->output_error)
			d->output_error = errno;
		return;
	}
	text_name(name, MARK_TEXT);
	r->text = file_make(d->m->store->tmp, name, 0);
	if (r->text < 0 && !d->output_error)
		d->output_error = errno;
}

/* For stream.h. */

/* Output in a format of the step's own is not shown while it comes, since its activity is: it has a file of its own, too. */
static void
on_plain(void *ctx, const char *s, size_t n)
{
	struct supervisor *d = ctx;
	struct reading *r = d->reading;

	if (r->stream.is_own && r->text < 0)
		begin_text(d);
	put(d, r->stream.is_own ? r->text : d->result, s, n);
}

static void
on_drop(void *ctx)
{
	struct supervisor *d = ctx;

	if (empty_file(d->result) && !d->output_error)
		d->output_error = errno;
}

static void
on_begin(void *ctx)
{
	struct supervisor *d = ctx;

	if (!d->reading->stream.is_own)
		begin_text(d);
}

static void
on_text(void *ctx, const char *s, size_t n)
{
	struct supervisor *d = ctx;

	put(d, d->reading->text, s, n);
}

static void
on_keep(void *ctx)
{
	struct supervisor *d = ctx;
	struct reading *r = d->reading;
	char from[KEY_NAME_MAX + 1], to[KEY_NAME_MAX + 1];

	if (r->stream.is_own || r->text < 0)
		return;
	text_name(from, MARK_TEXT);
	text_name(to, MARK_KEPT);
	if ((file_close(r->text) || renameat(d->m->store->tmp, from, d->m->store->tmp, to)) && !d->output_error)
		d->output_error = errno;
	r->text = -1;
	r->kept = 1;
}

static void
on_activity(void *ctx, const char *s, size_t n)
{
	char line[STREAM_ACTIVITY * 4 + 2];

	n = n < sizeof line - 1 ? n : sizeof line - 1;
	memcpy(line, s, n);
	line[n] = '\n';
	stderr_add_line(ctx, line, n + 1);
}

/* What orch and the log are told. */

static void
log_usage(struct supervisor *d, const struct usage *u)
{
	struct log_line l = { 0 };
	struct buf money = { 0 };

	usage_log_text(u, &money);
	l.ms = clock_epoch();
	l.event = LOG_USAGE;
	l.key = d->task->key;
	l.n = strlen(l.key);
	l.value = d->task->attempt;
	l.tokens[0] = u->input;
	l.tokens[1] = u->cached;
	l.tokens[2] = u->output;
	l.text = money.n ? buf_str(&money) : NULL;
	log_add(d->m->store->log, &l);
	buf_free(&money);
	d->reading->logged = *u;
	d->reading->logged_at = clock_ms();
}

/* Reports an event that is not an outcome. */
static void
report(struct supervisor *d, enum outcome_kind kind, long wait)
{
	int32_t is = d->out.kind, was = d->out.of.wait;

	d->out.kind = kind;
	d->out.of.wait = (int32_t)wait;
	supervisor_report(d);
	d->out.kind = is;
	d->out.of.wait = was;
}

/* Its agent is rate-limited, or is not any more: as soon as that is told. */
static void
tell_waiting(struct supervisor *d)
{
	struct reading *r = d->reading;
	const struct stream *s = &r->stream;
	long long left = 0;
	int waits = s->waits;

	if (s->rejected && s->until != r->until) {
		r->until = s->until;
		left = s->until - clock_epoch() / 1000;
		if (left > 0)
			report(d, OUT_WAITS, left < VERDICT_WAIT_MOST ? (long)left : VERDICT_WAIT_MOST);
	}
	if (waits == r->waits)
		return;
	r->waits = waits;
	report(d, OUT_WAITS, waits ? -1 : 0);
}

static unsigned
session_says(const struct supervisor *d)
{
	return (d->out.continued ? SESSION_CONTINUED : 0) | (d->reading->stream.did ? SESSION_ACTIVE : 0);
}

/* Logs and reports the session, and that MORE holds of it: SESSION_ANSWERED or 0. */
static void
log_session(struct supervisor *d, unsigned more)
{
	struct reading *r = d->reading;
	const struct stream *s = &r->stream;
	unsigned says = session_says(d) | more;
	struct log_line l = { 0 };
	struct buf text = { 0 };
	char was[sizeof d->out.text];
	struct usage used;

	strcpy(r->session, s->session);
	r->session_says = says;
	r->session_total = s->total;
	session_text(&text, says, &s->total, d->task->short_dir);
	l.ms = clock_epoch();
	l.event = LOG_SESSION;
	l.key = d->task->key;
	l.n = strlen(l.key);
	l.value = d->task->attempt;
	l.session = s->session;
	l.from = d->session ? d->session->id : "";
	l.digest = d->out.digest;
	l.text = buf_str(&text);
	log_add(d->m->store->log, &l);
	buf_free(&text);
	memcpy(was, d->out.text, sizeof was);
	used = d->out.used;
	strcpy(d->out.text, s->session);
	d->out.used = s->total;
	report(d, OUT_SESSION, (long)says);
	memcpy(d->out.text, was, sizeof was);
	d->out.used = used;
}

/* The same if there is something new: as soon as the session is told, and when the agent does something in it. */
static void
tell_session(struct supervisor *d)
{
	const struct reading *r = d->reading;

	if (*r->stream.session && (strcmp(r->stream.session, r->session) || session_says(d) != r->session_says))
		log_session(d, 0);
}

void
reading_sync(struct supervisor *d)
{
	if (!d->reading || !*d->reading->session)
		return;
	log_session(d, SESSION_ANSWERED);
	if (file_sync(d->m->store->log))
		supervisor_exit_errno(d, OUT_IO, "the log cannot be synced to disk");
}

/* Tells what is used, unless nothing has changed; LAST: at once. Returns in how many milliseconds it is to be called again;
 * -1: there is no need. */
static long long
tell_usage(struct supervisor *d, int last)
{
	struct reading *r = d->reading;
	struct usage u;
	long long wait;

	stream_usage(&r->stream, &u);
	if (usage_is_same(&u, &r->logged))
		return -1;
	wait = r->logged_at ? r->logged_at + USAGE_MS - clock_ms() : 0;
	if (wait > 0 && !last)
		return wait;
	d->out.used = u;
	if (*r->stream.session && !usage_is_same(&r->stream.total, &r->session_total))
		log_session(d, 0);      /* first: what a conversation has used is known as soon as it is counted */
	log_usage(d, &u);
	if (!last)
		report(d, OUT_USED, 0);
	return -1;
}

/* The pipe. */

int
reading_open(struct supervisor *d)
{
	static const struct stream_ops ops = { NULL, on_plain, on_drop, on_begin, on_text, on_keep, on_activity };
	struct reading *r;
	int fds[2];

	if (d->task->agent_kind == AGENT_OTHER)
		return d->result;
	r = d->reading = mem_zero(1, sizeof *r);
	r->in = r->out = r->text = -1;
	if (pipe(fds))
		supervisor_exit_errno(d, OUT_IO, "a pipe");
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	r->in = fds[0];
	r->out = fds[1];
	r->ops = ops;
	r->ops.ctx = d;
	stream_begin(&r->stream, d->task->agent_kind, d->task->own_format, d->session ? &d->session->total : NULL, &r->ops);
	return r->out;
}

int
reading_fd(const struct supervisor *d)
{
	return d->reading ? d->reading->in : -1;
}

/* Reads MOST bytes at most, at once. Returns how many. */
static size_t
take(struct supervisor *d, size_t most)
{
	char buf[PIECE];
	long n = file_read_some(d->reading->in, buf, most < sizeof buf ? most : sizeof buf);

	if (n > 0)
		stream_feed(&d->reading->stream, buf, (size_t)n);
	return n > 0 ? (size_t)n : 0;
}

int
reading_has_sign(struct supervisor *d)
{
	struct reading *r = d->reading;
	struct stat st;
	unsigned long signs = 0;

	if (!r)
		signs = fstat(d->result, &st) ? 0 : (unsigned long)st.st_size;
	else if (r->stream.form == STREAM_RECORDS)
		signs = r->stream.signs;
	else
		signs = r->came;
	if (signs == d->signs)
		return 0;
	d->signs = signs;
	return 1;
}

void
reading_take(struct supervisor *d)
{
	d->reading->came += take(d, PIECE);
	tell_session(d);
	tell_waiting(d);
}

long long
reading_due(struct supervisor *d)
{
	return d->reading ? tell_usage(d, 0) : -1;
}

/* Output in a format of the step's own is its result, or what it has written without one. */
static void
end_own(struct supervisor *d)
{
	int tmp = d->m->store->tmp;
	char name[KEY_NAME_MAX + 1];

	if (d->reading->text < 0)
		return;
	text_name(name, MARK_TEXT);
	if (renameat(tmp, name, tmp, d->tmp)) {
		d->output_error = d->output_error ? d->output_error : errno;
		close(d->reading->text);
		return;
	}
	result_close(d);
	d->result = d->reading->text;
}

/* A text that did not become the result. */
static void
drop_text(struct supervisor *d)
{
	char name[KEY_NAME_MAX + 1];

	close(d->reading->text);
	text_name(name, MARK_TEXT);
	unlinkat(d->m->store->tmp, name, 0);
}

void
reading_close(struct supervisor *d)
{
	struct reading *r = d->reading;
	size_t n, got;

	if (!r || r->in < 0)
		return;
	for (n = file_waiting(r->in); n && (got = take(d, n)); n -= got)
		;
	close(r->in);
	close(r->out);
	r->in = r->out = -1;
	stream_end(&r->stream);
	tell_session(d);
	tell_usage(d, 1);
	if (r->stream.is_own)
		end_own(d);
	else if (r->text >= 0)
		drop_text(d);
	r->text = -1;
}

/* How it went. */

int
reading_verdict(struct supervisor *d, const char *err, size_t nerr, struct verdict *v)
{
	struct reading *r = d->reading;

	if (!r || r->stream.form != STREAM_RECORDS)
		return 0;
	stream_verdict(&r->stream, d->out.status, err, nerr, clock_epoch() / 1000, v);
	return 1;
}

/* Adds the newline that the text lacks: the result is the same as in text format. */
static int
end_text(int fd)
{
	struct stat st;
	char last = '\n';

	if (fstat(fd, &st) || (st.st_size && file_read_at(fd, &last, 1, (long long)st.st_size - 1) != 1))
		return -1;
	if (last == '\n')
		return 0;
	return lseek(fd, 0, SEEK_END) < 0 ? -1 : file_write(fd, "\n", 1);
}

void
reading_keep(struct supervisor *d)
{
	int tmp = d->m->store->tmp, fd;
	char name[KEY_NAME_MAX + 1];

	if (d->reading->stream.is_own)
		return;
	text_name(name, MARK_KEPT);
	fd = file_open_own(tmp, name, 0);
	if (fd < 0 || end_text(fd) || file_close(fd) || renameat(tmp, name, tmp, d->tmp))
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	result_close(d);
	d->result = result_reopen(d);
}

void
reading_fail(struct supervisor *d)
{
	const struct stream *s = &d->reading->stream;
	char name[KEY_NAME_MAX + 1];

	if (!s->nwords && d->reading->kept) {
		text_name(name, MARK_KEPT);
		renameat(d->m->store->tmp, name, d->m->store->tmp, d->tmp);
	}
	if (!s->nwords || empty_file(d->result))
		return;
	if (!file_write(d->result, s->words, s->nwords) && s->words[s->nwords - 1] != '\n')
		file_write(d->result, "\n", 1);
}

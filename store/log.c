/* A run's log.
 *
 * One line an event. Each of its fields ends with a tab, TEXT, which may be empty, last:
 *
 *     TIME walk PID TEXT
 *     TIME start KEY ATTEMPT OFFSET TEXT
 *     TIME done KEY ATTEMPT MILLISECONDS DIGEST TEXT
 *     TIME same KEY ATTEMPT MILLISECONDS DIGEST TEXT
 *     TIME fail KEY ATTEMPT MILLISECONDS STATUS TEXT
 *     TIME otherwise KEY ATTEMPT TEXT
 *     TIME stop KEY ATTEMPT MILLISECONDS STATUS TEXT
 *     TIME end STATUS TEXT
 *     TIME found KEY ATTEMPT MILLISECONDS DIGEST TEXT
 *     TIME limited KEY ATTEMPT MILLISECONDS STATUS TEXT
 *     TIME paused MILLISECONDS TEXT
 *     TIME usage KEY ATTEMPT INPUT CACHED OUTPUT TEXT
 *     TIME redo KEY LEFT TEXT
 *     TIME session KEY ATTEMPT ID FROM DIGEST TEXT
 *     TIME if FILE:LINE 1|0 0 DIGEST TEXT
 *
 * TIME is in milliseconds since the Epoch, OFFSET where the attempt's entry begins in `how` (-1: it has none), DIGEST
 * sixteen hexadecimal digits, LEFT how many lines of the same redo follow, STATUS of a step what wait() gave (-1: it never ran), of the end an exit status. In KEY and
 * TEXT a control character and % are written %XX. A result that was taken from an earlier run has a START and a DONE (or SAME) of the
 * ATTEMPT 0, the latter with the TEXT `kept from RUN', and no others: whoever does not know of that takes it for one that was asked.
 *
 * Orch and its supervisors write lines at the same time, each with a newline before it and one after it by one write().
 * So a line that was cut off (a kill, a full disk) spoils no other, and counts for nothing: it lacks its last tab. A line
 * with other events or fields is passed over; in a log that an earlier orch began, lines may end without a tab. */
#include "store/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/escape.h"
#include "store/file.h"

static const char *const events[] = { "walk", "start", "done", "fail", "otherwise", "stop", "end", "found", "limited", "paused", "usage", "session",
    "same", "redo", "if" };

enum { EVENTS = sizeof events / sizeof *events, LINE_MOST = 4096, NUMBERS = 128, PIECE = 64 * 1024 };   /* NUMBERS: of those after a key */

/* Marks the last line as cut off, if it has no end: in a log that an earlier orch began it could be taken for whole. */
static int
mark_cut(int fd)
{
	struct stat st;
	char last;

	if (fstat(fd, &st) || (st.st_size && file_read_at(fd, &last, 1, (long long)st.st_size - 1) != 1))
		return -1;
	return st.st_size && last != '\n' ? file_write(fd, "\030", 1) : 0;
}

int
log_open(int dir)
{
	int fd = file_open_own(dir, "log", O_CREAT | O_APPEND);

	if (fd < 0 || !mark_cut(fd))
		return fd;
	file_drop(fd);
	return -1;
}

/* A field, escaped, that ends before MOST; cut at a character when there is no room, which `...` says. */
static size_t
put_field(char *out, size_t at, size_t most, const char *s, size_t n)
{
	size_t i, last = at;            /* where the last character begins that leaves room for the mark */

	for (i = 0; i < n && at < most - 8; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80 && at < most - 16)
			last = at;
		at += escape_byte(out + at, s[i]);
	}
	if (i == n)
		return at;
	memcpy(out + last, "...", 3);
	return last + 3;
}

static int
has_key(const struct log_line *l)
{
	return l->event != LOG_WALK && l->event != LOG_END && l->event != LOG_PAUSED;
}

static int
has_digest(const struct log_line *l)
{
	return (LOG_ASKED >> l->event & 1) || l->event == LOG_FOUND || l->event == LOG_IF;
}

const char *
log_taken_from(const struct log_line *l)
{
	size_t n = sizeof LOG_TAKEN - 1;

	return (LOG_ASKED >> l->event & 1) && l->text && !strncmp(l->text, LOG_TAKEN, n) ? l->text + n : NULL;
}

int
log_add(int fd, const struct log_line *l)
{
	char out[LINE_MOST];
	int n = snprintf(out, 100, "\n%lld\t%s\t", l->ms, events[l->event]);
	size_t at = (size_t)n;

	if (l->key) {
		at = put_field(out, at, LINE_MOST - NUMBERS, l->key, l->n);
		out[at++] = '\t';
	}
	at += (size_t)snprintf(out + at, sizeof out - at, "%ld\t", l->value);
	if (has_digest(l))
		at += (size_t)snprintf(out + at, sizeof out - at, "%lld\t%016llx\t", l->took, l->digest);
	if (LOG_TRIED >> l->event & 1)
		at += (size_t)snprintf(out + at, sizeof out - at, "%lld\t%d\t", l->took, l->status);
	if (l->event == LOG_START)
		at += (size_t)snprintf(out + at, sizeof out - at, "%lld\t", l->at);
	if (l->event == LOG_SESSION) {
		at = put_field(out, at, LINE_MOST - NUMBERS, l->session, strlen(l->session));
		out[at++] = '\t';
		at = put_field(out, at, LINE_MOST - NUMBERS / 2, l->from, strlen(l->from));
		at += (size_t)snprintf(out + at, sizeof out - at, "\t%016llx\t", l->digest);
	}
	if (l->event == LOG_USAGE)
		at += (size_t)snprintf(out + at, sizeof out - at, "%lld\t%lld\t%lld\t", l->tokens[0], l->tokens[1], l->tokens[2]);
	if (l->text)
		at = put_field(out, at, LINE_MOST - 2, l->text, strlen(l->text));
	out[at++] = '\t';
	out[at++] = '\n';
	return file_write(fd, out, at);
}

/* Takes the next field off *S, up to END; NULL when there is none. */
static char *
field(char **s, char *end, size_t *n)
{
	char *p = *s, *tab;

	if (!p)
		return NULL;
	tab = memchr(p, '\t', (size_t)(end - p));
	*n = (size_t)((tab ? tab : end) - p);
	p[*n] = '\0';
	*s = tab ? tab + 1 : NULL;
	return p;
}

/* Takes a field of text off *S; NULL: there is none. */
static const char *
take_text(char **s, char *end)
{
	size_t n;
	char *p = field(s, end, &n);

	if (p)
		escape_undo(p, n);
	return p;
}

/* Whether a number has ended at P, after MOST digits at most; then *S goes on after it. */
static int
ends(char **s, const char *first, char *p, char *end, long most)
{
	if (p == first || p - first > most || (p < end && *p != '\t'))
		return 0;
	*s = p < end ? p + 1 : NULL;
	return 1;
}

/* Takes a number as log_add writes it off *S; a field that is longer than any of those is none. */
static int
number(char **s, char *end, long long *v)
{
	char *p = *s, *first;
	int minus = p && p < end && *p == '-';
	unsigned long long u = 0;

	if (!p)
		return 0;
	for (first = p += minus; p < end && *p >= '0' && *p <= '9'; p++)
		u = u * 10 + (unsigned)(*p - '0');
	*v = (long long)(minus ? 0 - u : u);
	return ends(s, first, p, end, 19);
}

static int
hex(char **s, char *end, unsigned long long *v)
{
	char *p = *s, *first = p;
	unsigned long long u = 0;

	for (; p && p < end; p++)
		if (*p >= '0' && *p <= '9')
			u = u << 4 | (unsigned)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			u = u << 4 | (unsigned)(*p - 'a' + 10);
		else
			break;
	*v = u;
	return p && ends(s, first, p, end, 16);
}

/* Takes the event off *S; -1: it is none, or nothing follows it. */
static int
event_of(char **s, const char *end)
{
	const char *p = *s;
	size_t n;
	int e;

	for (e = 0; e < EVENTS; e++) {
		if (p == end || *p != *events[e])
			continue;
		n = strlen(events[e]);
		if ((size_t)(end - p) > n && p[n] == '\t' && !memcmp(p, events[e], n)) {
			*s += n + 1;
			return e;
		}
	}
	return -1;
}

/* Reads a line, of N bytes without its newline, which it changes; 0 if it is not whole, or none of those that are WANTED.
 * With OLD, an earlier orch has begun the log: its lines had no tab at their end, a CAN where they were cut off, and not
 * all fields. */
static int
parse(char *s, size_t len, unsigned wanted, int old, struct log_line *l)
{
	char *time = s, *end = s + len, *p;
	size_t n;
	long long v;
	int e;

	field(&s, end, &n);
	if (!s || (e = event_of(&s, end)) < 0 || !(wanted >> e & 1))
		return 0;
	if (end[-1] == '\t')
		end--;
	else if (!old || end[-1] == '\030')
		return 0;
	else
		old++;
	if (s > end)
		return 0;
	memset(l, 0, sizeof *l);
	if (!number(&time, time + n, &l->ms) || l->ms < 0)
		return 0;               /* what reckons with it would overflow */
	l->event = (enum log_event)e;
	if (has_key(l)) {
		p = field(&s, end, &n);
		if (!p)
			return 0;
		l->n = escape_undo(p, n);
		l->key = p;
	}
	if (!number(&s, end, &v))
		return 0;
	l->value = (long)v;
	if (has_digest(l) && (!number(&s, end, &l->took) || !hex(&s, end, &l->digest)))
		return 0;
	if (LOG_TRIED >> l->event & 1) {
		if (!number(&s, end, &l->took) || !number(&s, end, &v))
			return 0;
		l->status = (int)v;
	}
	for (e = 0; l->event == LOG_USAGE && e < 3; e++)
		if (!number(&s, end, &l->tokens[e]) || l->tokens[e] < 0)
			return 0;
	if (l->event == LOG_SESSION) {
		l->session = take_text(&s, end);
		l->from = take_text(&s, end);
		if (!l->session || !l->from || !hex(&s, end, &l->digest))
			return 0;
	}
	l->at = -1;
	if (l->event == LOG_START && number(&s, end, &v))
		l->at = v;
	else if (l->event == LOG_START && old < 2)
		return 0;
	p = field(&s, end, &n);
	if (p) {
		escape_undo(p, n);
		l->text = *p ? p : NULL;
	}
	return p || old > 1;
}

/* Hands out the whole lines of the N bytes of P that are wanted. Returns how many bytes those were. */
static size_t
read_lines(char *p, size_t n, unsigned wanted, int old, void (*each)(void *, const struct log_line *), void *ctx)
{
	char *from = p, *end = p + n, *nl;
	struct log_line l;

	for (; (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1)
		if (nl > p && parse(p, (size_t)(nl - p), wanted, old, &l))
			each(ctx, &l);
	return (size_t)(p - from);
}

/* Whether an earlier orch has begun the log FD; -1 and errno. */
static int
is_old(int fd)
{
	char first = '\n';

	return file_read_at(fd, &first, 1, 0) < 0 ? -1 : first != '\n';
}

int
log_read_on(int dir, long long *at, unsigned wanted, void (*each)(void *, const struct log_line *), void *ctx)
{
	char piece[PIECE];
	size_t n = 0, done;
	int fd = file_open(dir, "log"), old = fd < 0 ? -1 : is_old(fd);
	long got = -1;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	while (old >= 0 && (got = file_read_at(fd, piece + n, sizeof piece - n, *at + (long long)n)) > 0) {
		n += (size_t)got;
		done = read_lines(piece, n, wanted, old, each, ctx);
		if (!done && n == sizeof piece) {
			done = n - 1;   /* none of our lines is so long: what comes of it counts for nothing */
			piece[done] = '\030';
		}
		memmove(piece, piece + done, n - done);
		n -= done;
		*at += (long long)done;
	}
	file_drop(fd);
	return got < 0 ? -1 : 0;
}

int
log_read(int dir, unsigned wanted, void (*each)(void *, const struct log_line *), void *ctx)
{
	long long at = 0;

	return log_read_on(dir, &at, wanted, each, ctx);
}

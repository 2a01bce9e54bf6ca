/* A run's log.
 *
 * One line an event, its fields split by tabs:
 *
 *     TIME walk PID
 *     TIME start KEY TRY [again]
 *     TIME done KEY TRY MILLISECONDS DIGEST
 *     TIME fail KEY TRY MILLISECONDS STATUS TEXT
 *     TIME otherwise KEY TRY
 *     TIME stop KEY TRY MILLISECONDS STATUS TEXT
 *     TIME end STATUS TEXT
 *     TIME found KEY TRY MILLISECONDS DIGEST
 *     TIME held KEY TRY MILLISECONDS STATUS TEXT
 *     TIME paused MILLISECONDS
 *     TIME if FILE:LINE 1|0 0 DIGEST
 *
 * TIME is in milliseconds since the Epoch, DIGEST sixteen hexadecimal digits, STATUS of a step what
 * wait() gave (-1: it never ran), of the end an exit status. In KEY and TEXT a control character and
 * % are written %XX. A line that a crash or a full disk has cut off is closed with a CAN (0x18), and counts for
 * nothing: its numbers may lack their ends. */
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

static const char *const events[] = { "walk", "start", "done", "fail", "otherwise", "stop", "end", "found", "held", "paused", "if" };

enum { EVENTS = sizeof events / sizeof *events, LINE_MOST = 4096, PIECE = 64 * 1024 };

/* The last line may lack its end: a write has failed. */
static int torn;

/* Closes the last line, of SIZE bytes of the log, if it lacks its end. */
static int
close_line(int fd, off_t size)
{
	char last;

	if (!size || file_read_at(fd, &last, 1, (long long)size - 1) != 1 || last == '\n')
		return 0;
	return file_write(fd, "\030\n", 2);
}

int
log_open(int dir)
{
	int fd = file_open_own(dir, "log", O_CREAT | O_APPEND);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && !close_line(fd, st.st_size))
		return fd;
	file_drop(fd);
	return -1;
}

/* A line of what was written when the disk was full must not become the beginning of another. */
static int
mend(int fd)
{
	struct stat st;

	if (torn && (fstat(fd, &st) || close_line(fd, st.st_size)))
		return -1;
	torn = 0;
	return 0;
}

/* A field, escaped; cut at a character when there is no room, which `...` says. */
static size_t
put_field(char *out, size_t at, const char *s, size_t n)
{
	size_t i, last = at;            /* where the last character begins that leaves room for the mark */

	for (i = 0; i < n && at < LINE_MOST - 8; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80 && at < LINE_MOST - 16)
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
	return l->event == LOG_DONE || l->event == LOG_FOUND || l->event == LOG_IF;
}

int
log_add(int fd, const struct log_line *l)
{
	char out[LINE_MOST];
	int n = snprintf(out, 100, "%lld\t%s\t", l->ms, events[l->event]);
	size_t at = (size_t)n;

	if (l->key) {
		at = put_field(out, at, l->key, l->n);
		out[at++] = '\t';
	}
	at += (size_t)snprintf(out + at, sizeof out - at, "%ld", l->value);
	if (has_digest(l))
		at += (size_t)snprintf(out + at, sizeof out - at, "\t%lld\t%016llx", l->took, l->digest);
	if (LOG_TRIED >> l->event & 1)
		at += (size_t)snprintf(out + at, sizeof out - at, "\t%lld\t%d", l->took, l->status);
	if (l->text && at < sizeof out - 8) {
		out[at++] = '\t';
		at = put_field(out, at, l->text, strlen(l->text));
	}
	out[at++] = '\n';
	if (mend(fd))
		return -1;
	torn = file_write(fd, out, at) != 0;
	return torn ? -1 : 0;
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

/* Whether a number has ended at P, after MOST digits at most; then *S goes on behind it. */
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

/* The same for a line that is one of those that are WANTED. */
static int
parse(char *s, size_t len, unsigned wanted, struct log_line *l)
{
	char *time = s, *end = s + len, *p;
	size_t n;
	long long v;
	int e;

	field(&s, end, &n);
	if (!s || (e = event_of(&s, end)) < 0 || !(wanted >> e & 1) || end[-1] == '\030')
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
	p = field(&s, end, &n);
	if (p) {
		escape_undo(p, n);
		l->text = p;
	}
	return 1;
}

int
log_parse(char *s, size_t n, struct log_line *l)
{
	return parse(s, n, LOG_ALL, l);
}

/* Hands out the whole lines of the N bytes of P that are wanted. Returns how many bytes those were. */
static size_t
read_lines(char *p, size_t n, unsigned wanted, void (*each)(void *, const struct log_line *), void *ctx)
{
	char *from = p, *end = p + n, *nl;
	struct log_line l;

	for (; (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1)
		if (parse(p, (size_t)(nl - p), wanted, &l))
			each(ctx, &l);
	return (size_t)(p - from);
}

int
log_read(int dir, unsigned wanted, void (*each)(void *, const struct log_line *), void *ctx)
{
	char piece[PIECE];
	size_t n = 0, done;
	int fd = file_open(dir, "log");
	long got;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	while ((got = file_read_some(fd, piece + n, sizeof piece - n)) > 0) {
		n += (size_t)got;
		done = read_lines(piece, n, wanted, each, ctx);
		if (!done && n == sizeof piece) {
			done = n - 1;   /* none of our lines is so long: what comes of it counts for nothing */
			piece[done] = '\030';
		}
		memmove(piece, piece + done, n - done);
		n -= done;
	}
	file_drop(fd);
	return got < 0 ? -1 : 0;
}

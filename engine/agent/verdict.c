/* What an agent means by its end. The words are those of Claude Code 2.1 and Codex 0.169. */
#include "engine/agent/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <time.h>

/* The first line of what claude writes begins with it; codex's last line after ERROR:, or the words of its failed turn,
 * hold it. */
static const struct {
	enum agent_kind agent_kind;
	enum outcome_kind kind;
	const char *text;
	const char *also;       /* and this is after it; NULL: nothing */
	int is_limit;           /* of claude: some versions exit 0 with it */
} said[] = {
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "API Error: Request rejected (429)", NULL, 0 },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "API Error: 529 ", NULL, 0 },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "API Error: Repeated 529 ", NULL, 0 },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "API Error: Server is temporarily limiting requests", NULL, 0 },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "API Error: Rate limit reached", NULL, 0 },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "API Error: Overloaded", NULL, 0 },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "Server is temporarily limiting requests", NULL, 1 },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "You've hit your ", "limit", 1 },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "You've reached your ", "limit", 1 },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "You're out of usage credits", NULL, 1 },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "You're out of extra usage", NULL, 1 },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "Your org is out of usage", NULL, 1 },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "Claude AI usage limit reached", NULL, 1 },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "5-hour limit reached", NULL, 1 },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Your seat type does not include", NULL, 1 },
	{ AGENT_CLAUDE, OUT_PERMANENT, "", "requires usage credits", 0 },
	{ AGENT_CLAUDE, OUT_PERMANENT, "API Error: 400 ", NULL, 0 },
	{ AGENT_CLAUDE, OUT_PERMANENT, "API Error: Claude's response exceeded", "output token maximum", 0 },
	{ AGENT_CLAUDE, OUT_PERMANENT, "API Error: ", "safeguards flagged this message", 0 },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Error: Reached max turns", NULL, 0 },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Error: Exceeded USD budget", NULL, 0 },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Failed to authenticate", NULL, 0 },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Not logged in", NULL, 0 },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Invalid API key", NULL, 0 },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Credit balance is too low", NULL, 0 },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Prompt is too long", NULL, 0 },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Request too large", NULL, 0 },
	{ AGENT_CLAUDE, OUT_PERMANENT, "There's an issue with the selected model", NULL, 0 },
	{ AGENT_CODEX, OUT_BUSY, "database is locked", NULL, 0 },
	{ AGENT_CODEX, OUT_RATE_LIMITED, "last status: 429", NULL, 0 },
	{ AGENT_CODEX, OUT_RATE_LIMITED, "unexpected status 529", NULL, 0 },
	{ AGENT_CODEX, OUT_RATE_LIMITED, "hit your usage limit", NULL, 0 },
	{ AGENT_CODEX, OUT_RATE_LIMITED, "experiencing high demand", NULL, 0 },
	{ AGENT_CODEX, OUT_RATE_LIMITED, "model is at capacity", NULL, 0 },
	{ AGENT_CODEX, OUT_RATE_LIMITED, "rate limit exceeded", NULL, 0 },
	{ AGENT_CODEX, OUT_PERMANENT, "unexpected status 400", NULL, 0 },
	{ AGENT_CODEX, OUT_PERMANENT, "unexpected status 401", NULL, 0 },
	{ AGENT_CODEX, OUT_PERMANENT, "unexpected status 403", NULL, 0 },
	{ AGENT_CODEX, OUT_PERMANENT, "unexpected status 404", NULL, 0 },
	{ AGENT_CODEX, OUT_PERMANENT, "unexpected status 413", NULL, 0 },
	{ AGENT_CODEX, OUT_PERMANENT, "\"type\":\"invalid_request_error\"", NULL, 0 },
	{ AGENT_CODEX, OUT_PERMANENT, "\"type\":\"insufficient_quota\"", NULL, 0 },
	{ AGENT_CODEX, OUT_PERMANENT, "Quota exceeded", NULL, 0 },
	{ AGENT_CODEX, OUT_PERMANENT, "ran out of room in the model's context window", NULL, 0 },
	{ AGENT_CODEX, OUT_PERMANENT, "Incomplete response returned, reason: ", NULL, 0 },
	{ AGENT_CODEX, OUT_PERMANENT, "To use Codex with your ChatGPT plan", NULL, 0 },
	{ AGENT_CODEX, OUT_PERMANENT, "exceeds the maximum length", NULL, 0 },
};

enum { SAID = sizeof said / sizeof *said };

struct span {
	const char *s;
	size_t n;
};

/* How many bytes of the line are TEXT; 0: it begins otherwise. An apostrophe may be U+2019. */
static size_t
begins_with(const struct span *l, const char *text)
{
	static const char quote[] = "\342\200\231";
	size_t i = 0;

	for (; *text; text++) {
		if (*text == '\'' && l->n - i >= 3 && !memcmp(l->s + i, quote, 3))
			i += 3;
		else if (i == l->n || l->s[i++] != *text)
			return 0;
	}
	return i;
}

static int
begins(const struct span *l, const char *text)
{
	return !*text || begins_with(l, text);
}

/* The rest of the line after TEXT, if it holds that; else an empty one. */
static struct span
after(const struct span *l, const char *text)
{
	struct span at = *l, none = { 0 };
	size_t n;

	for (; at.n; at.s++, at.n--)
		if ((n = begins_with(&at, text))) {
			at.s += n;
			at.n -= n;
			return at;
		}
	return none;
}

static int
holds(const struct span *l, const char *text)
{
	return after(l, text).s != NULL;
}

static struct span
first_line(const char *s, size_t n)
{
	const char *end = n ? memchr(s, '\n', n) : NULL;
	struct span l;

	l.s = s;
	l.n = end ? (size_t)(end - s) : n;
	return l;
}

/* The last line that is not empty, of the *N bytes at S; *N then is what is before it. */
static struct span
last_line(const char *s, size_t *n)
{
	struct span l = { 0 };

	while (*n && (s[*n - 1] == '\n' || s[*n - 1] == '\r' || s[*n - 1] == ' '))
		--*n;
	for (; *n && s[*n - 1] != '\n'; l.n++)
		--*n;
	l.s = s + *n;
	return l;
}

/* The seconds of a line `retry-after: SECONDS`; -1: it is none. */
static long
named_wait(const struct span *l)
{
	static const char word[] = "retry-after:";
	size_t i = sizeof word - 1;
	long seconds = 0;

	if (l->n <= i || strncasecmp(l->s, word, i))
		return -1;
	while (i < l->n && l->s[i] == ' ')
		i++;
	if (i == l->n)
		return -1;
	for (; i < l->n; i++) {
		if (l->s[i] < '0' || l->s[i] > '9')
			return -1;
		seconds = seconds * 10 + l->s[i] - '0';
		if (seconds > VERDICT_WAIT_MOST)
			seconds = VERDICT_WAIT_MOST;
	}
	return seconds;
}

/* The number at *S, after blanks, and the END after it, if that is not 0; -1: it is not there. */
static int
number_before(const char **s, char end)
{
	int v = 0;

	while (**s == ' ')
		++*s;
	if (**s < '0' || **s > '9')
		return -1;
	for (; **s >= '0' && **s <= '9' && v < 100000; ++*s)
		v = v * 10 + **s - '0';
	if (end && **s != end)
		return -1;
	*s += end != 0;
	return v;
}

/* Reads the day, which is not named if it is today's, as in: Nov 23rd, 2026. The year may be left out. -1: it is none; 1:
 * it is named; 2: with its year. */
static int
read_day(const char **s, struct tm *t)
{
	static const char months[] = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
	char month[4] = "";
	const char *found;
	int year;

	if (**s >= '0' && **s <= '9')
		return 0;
	memcpy(month, *s, 3);           /* there are: the text has room for more */
	found = strstr(months, month);
	if (strlen(month) < 3 || !found || (found - months) % 4)
		return -1;
	*s += 3;
	t->tm_mon = (int)(found - months) / 4;
	t->tm_mday = number_before(s, 0);
	*s += strspn(*s, "stndrh");
	if (**s == ',')
		++*s;
	*s += strspn(*s, " ");
	year = (int)strspn(*s, "0123456789") == 4 ? number_before(s, 0) : 0;
	if (year)
		t->tm_year = year - 1900;
	*s += strspn(*s, ", ");
	*s += !strncmp(*s, "at ", 3) ? 3 : 0;
	return t->tm_mday < 1 || t->tm_year < 100 ? -1 : year ? 2 : 1;
}

/* The time of day: 1:19 AM, 8pm. -1: it is none. */
static int
read_hour(const char **s, struct tm *t)
{
	int hour = number_before(s, 0);

	t->tm_min = t->tm_sec = 0;
	if (**s == ':') {
		++*s;
		t->tm_min = number_before(s, 0);
	}
	*s += strspn(*s, " ");
	if (hour < 1 || hour > 12 || t->tm_min < 0 || t->tm_min > 59 || !strchr("AaPp", **s) || (*s)[0] == '\0' || ((*s)[1] | 32) != 'm')
		return -1;
	t->tm_hour = hour % 12 + ((**s | 32) == 'p' ? 12 : 0);
	t->tm_sec = 59;
	*s += 2;
	return 0;
}

/* From here on times are those of ZONE, a name of the time zone database; NULL: as WAS has it, which it sets. */
static void
set_zone(const char *zone, char was[64])
{
	const char *now = getenv("TZ");

	if (zone) {
		snprintf(was, 64, "%s", now ? now : "");
		setenv("TZ", zone, 1);
	} else if (*was) {
		setenv("TZ", was, 1);
	} else {
		unsetenv("TZ");
	}
	tzset();
}

/* The name of a zone in parentheses at S, into ZONE. */
static void
read_zone(const char *s, char zone[48])
{
	size_t n;

	s += strspn(s, " ");
	n = *s == '(' ? strcspn(s + 1, ")") : 0;
	if (n && n < 48 && s[n + 1] == ')' && n == strspn(s + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-"))
		memcpy(zone, s + 1, n);
}

/* The seconds from NOW to the moment that S names, by the clock of a zone in parentheses after it, else the local one. One
 * that is long over today is tomorrow's; a day without a year that is, next year's. -1: S names none. */
static long
wait_until(const char *s, time_t now)
{
	enum { DAY = 24 * 3600 };
	char zone[48] = "", was[64];
	const char *at;
	struct tm t, hour = { 0 };
	time_t then = -1;
	int day;

	for (at = s; *at && *at != '('; at++)
		;
	read_zone(at, zone);
	if (*zone)
		set_zone(zone, was);
	if (localtime_r(&now, &t)) {
		day = read_day(&s, &t);
		if (day >= 0 && !read_hour(&s, &hour)) {
			t.tm_hour = hour.tm_hour;
			t.tm_min = hour.tm_min;
			t.tm_sec = 59;
			t.tm_isdst = -1;
			then = mktime(&t);
			if (then != -1 && day < 2 && now - then > (day ? 180 * DAY : DAY / 2)) {
				t.tm_mday += !day;
				t.tm_year += day;
				then = mktime(&t);
			}
		}
	}
	if (*zone)
		set_zone(NULL, was);
	return then == -1 ? -1 : then < now ? 0 : then - now > VERDICT_WAIT_MOST ? VERDICT_WAIT_MOST : (long)(then - now);
}

/* The seconds until what the line names: try again at Nov 23rd, 2026 1:19 AM; resets 8pm (Europe/Lisbon); |1999999999. */
static long
wait_of(enum agent_kind kind, const struct span *l, long long now)
{
	struct span at = after(l, kind == AGENT_CODEX ? "try again at " : "resets ");
	char text[80] = "";
	long long epoch;

	if (at.s) {
		memcpy(text, at.s, at.n < sizeof text ? at.n : sizeof text - 1);
		return wait_until(text + (!strncmp(text, "at ", 3) ? 3 : 0), (time_t)now);
	}
	at = after(l, "limit reached|");
	if (kind != AGENT_CLAUDE || !at.s)
		return -1;
	memcpy(text, at.s, at.n < 12 ? at.n : 12);
	epoch = atoll(text);
	return epoch <= now ? 0 : epoch - now > VERDICT_WAIT_MOST ? VERDICT_WAIT_MOST : (long)(epoch - now);
}

static void
read_later(struct verdict *v, const char *err, size_t nerr)
{
	struct span l = last_line(err, &nerr);

	v->kind = OUT_RATE_LIMITED;
	v->wait = named_wait(&l);
	if (v->wait >= 0)
		l = last_line(err, &nerr);
	v->why = l.s;
	v->nwhy = l.n;
}

/* claude that somebody has interrupted exits 0 and has written this, or nothing; a result has a newline at least. */
static int
is_no_result(const char *out, size_t n)
{
	static const char error[] = "Execution error\n";

	return !n || (n >= sizeof error - 2 && n < sizeof error && !memcmp(out, error, n));
}

int
verdict_is_later(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == VERDICT_LATER;
}

/* The place in `said` of what the line is; SAID: none. LIMITS: only what comes with exit status 0, too. */
static size_t
find_said(enum agent_kind kind, const struct span *l, int limits)
{
	struct span rest;
	size_t i;

	for (i = 0; i < SAID; i++) {
		if (said[i].agent_kind != kind || (limits && !said[i].is_limit))
			continue;
		if (kind == AGENT_CODEX ? !holds(l, said[i].text) : !begins(l, said[i].text))
			continue;
		rest = *l;
		if (!said[i].also || holds(&rest, said[i].also))
			return i;
	}
	return SAID;
}

int
verdict_words(struct verdict *v, enum agent_kind kind, const char *s, size_t n, long long now)
{
	struct span l = first_line(s, n);
	size_t i = find_said(kind, &l, 0);

	if (i == SAID)
		return 0;
	v->kind = said[i].kind;
	v->wait = v->kind == OUT_RATE_LIMITED ? wait_of(kind, &l, now) : -1;
	v->why = l.s;
	v->nwhy = l.n;
	return 1;
}

/* How dash, busybox, bash (two), zsh and mksh end the line in which they say that a fork has failed. */
static const char *const refused[] = {
	": Cannot fork",
	": can't fork: Resource temporarily unavailable",
	": fork: Resource temporarily unavailable",
	": fork: retry: Resource temporarily unavailable",
	": fork failed: resource temporarily unavailable",
	": can't fork - try again: Resource temporarily unavailable",
};

static int
ends_refused(const struct span *l)
{
	size_t i, n;

	for (i = 0; i < sizeof refused / sizeof *refused; i++) {
		n = strlen(refused[i]);
		if (l->n > n && !memcmp(l->s + l->n - n, refused[i], n))
			return 1;
	}
	return 0;
}

int
verdict_is_refused(const char *err, size_t n, int whole)
{
	struct span l = last_line(err, &n);
	int is = ends_refused(&l);

	while (is && whole && n) {
		l = last_line(err, &n);
		is = ends_refused(&l);
	}
	return is;
}

/* codex's last line that begins with ERROR: is among the last; others may follow. */
static struct span
error_line(const char *err, size_t nerr)
{
	enum { LINES = 6 };
	struct span l = { 0 }, none = { 0 };
	int i;

	for (i = 0; i < LINES && nerr; i++) {
		l = last_line(err, &nerr);
		if (begins(&l, "ERROR: "))
			return l;
	}
	return none;
}

/* Of claude, exit status 0: one line that is an error's is not a result. */
static void
read_zero(struct verdict *v, const char *out, size_t nout, long long now)
{
	struct span l = first_line(out, nout);

	v->why = l.s;
	v->nwhy = l.n;
	if (is_no_result(out, nout)) {
		v->kind = OUT_EMPTY;
		return;
	}
	v->nwhy = 0;
	if (nout >= VERDICT_HEAD || l.n + 1 < nout || (!begins(&l, "API Error: ") && find_said(AGENT_CLAUDE, &l, 1) == SAID))
		return;
	v->kind = OUT_ENDED;
	v->nwhy = l.n;
	verdict_words(v, AGENT_CLAUDE, out, nout, now);
}

void
verdict_read(struct verdict *v, enum agent_kind agent_kind, int status, const char *out, size_t nout, const char *err, size_t nerr,
    long long now)
{
	struct span l;

	memset(v, 0, sizeof *v);
	v->kind = status ? OUT_ENDED : OUT_OK;
	v->wait = -1;
	if (verdict_is_later(status)) {
		read_later(v, err, nerr);
	} else if (!status && agent_kind == AGENT_CLAUDE) {
		read_zero(v, out, nout, now);
	} else if (!status && agent_kind == AGENT_CODEX && !nout) {
		v->kind = OUT_EMPTY;
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && agent_kind != AGENT_OTHER) {
		l = agent_kind == AGENT_CODEX ? error_line(err, nerr) : first_line(out, nout);
		if (!verdict_words(v, agent_kind, l.s, l.n, now) && agent_kind == AGENT_CLAUDE)
			verdict_words(v, agent_kind, err, nerr, now);
	}
}

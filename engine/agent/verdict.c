/* What an agent means by its end. The words are those of Claude Code 2.1 and Codex 0.169. */
#include "engine/agent/verdict.h"

#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <time.h>

enum { WAIT_MOST = 7 * 24 * 3600 };

/* The first line of claude's result begins with it; codex's last line, behind ERROR:, holds it. */
static const struct {
	enum agent_kind agent_kind;
	enum outcome_kind kind;
	const char *text;
} said[] = {
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "API Error: Request rejected (429)" },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "API Error: 529 " },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "API Error: Repeated 529 " },
	{ AGENT_CLAUDE, OUT_RATE_LIMITED, "You've hit your " },
	{ AGENT_CLAUDE, OUT_PERMANENT, "API Error: 400 " },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Failed to authenticate" },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Not logged in" },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Invalid API key" },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Credit balance is too low" },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Prompt is too long" },
	{ AGENT_CLAUDE, OUT_PERMANENT, "Request too large" },
	{ AGENT_CLAUDE, OUT_PERMANENT, "There's an issue with the selected model" },
	{ AGENT_CODEX, OUT_RATE_LIMITED, "last status: 429" },
	{ AGENT_CODEX, OUT_RATE_LIMITED, "unexpected status 529" },
	{ AGENT_CODEX, OUT_RATE_LIMITED, "hit your usage limit" },
	{ AGENT_CODEX, OUT_RATE_LIMITED, "experiencing high demand" },
	{ AGENT_CODEX, OUT_PERMANENT, "unexpected status 400" },
	{ AGENT_CODEX, OUT_PERMANENT, "unexpected status 401" },
	{ AGENT_CODEX, OUT_PERMANENT, "unexpected status 403" },
	{ AGENT_CODEX, OUT_PERMANENT, "unexpected status 404" },
	{ AGENT_CODEX, OUT_PERMANENT, "unexpected status 413" },
	{ AGENT_CODEX, OUT_PERMANENT, "\"type\":\"invalid_request_error\"" },
	{ AGENT_CODEX, OUT_PERMANENT, "\"type\":\"insufficient_quota\"" },
	{ AGENT_CODEX, OUT_PERMANENT, "Quota exceeded" },
	{ AGENT_CODEX, OUT_PERMANENT, "To use Codex with your ChatGPT plan" },
	{ AGENT_CODEX, OUT_PERMANENT, "exceeds the maximum length" },
};

struct line {
	const char *s;
	size_t n;
};

static int
begins(const struct line *l, const char *text)
{
	size_t n = strlen(text);

	return l->n >= n && !memcmp(l->s, text, n);
}

static int
holds(const struct line *l, const char *text)
{
	struct line at = *l;

	for (; at.n; at.s++, at.n--)
		if (begins(&at, text))
			return 1;
	return 0;
}

static struct line
first_line(const char *s, size_t n)
{
	const char *end = n ? memchr(s, '\n', n) : NULL;
	struct line l;

	l.s = s;
	l.n = end ? (size_t)(end - s) : n;
	return l;
}

/* The last line that is not empty, of the *N bytes at S; *N then is what stands before it. */
static struct line
last_line(const char *s, size_t *n)
{
	struct line l = { 0 };

	while (*n && (s[*n - 1] == '\n' || s[*n - 1] == '\r' || s[*n - 1] == ' '))
		--*n;
	for (; *n && s[*n - 1] != '\n'; l.n++)
		--*n;
	l.s = s + *n;
	return l;
}

/* The seconds of a line `retry-after: SECONDS`; -1: it is none. */
static long
named_wait(const struct line *l)
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
		if (seconds > WAIT_MOST)
			seconds = WAIT_MOST;
	}
	return seconds;
}

/* The number at *S, behind blanks, and the END behind it, if that is not 0; -1: it is not there. */
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

/* Reads the day, which is not named if it is today's, as in: Nov 23rd, 2026. -1: it is none. */
static int
read_day(const char **s, struct tm *t)
{
	static const char months[] = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
	char month[4] = "";
	const char *found;

	if (**s >= '0' && **s <= '9')
		return 0;
	memcpy(month, *s, 3);           /* there are: the text has room for more */
	found = strstr(months, month);
	if (strlen(month) < 3 || !found || (found - months) % 4)
		return -1;
	*s += 3;
	t->tm_mon = (int)(found - months) / 4;
	t->tm_mday = number_before(s, 0);
	*s += strcspn(*s, ",");
	if (**s == ',')
		++*s;
	t->tm_year = number_before(s, ' ') - 1900;
	return t->tm_mday < 1 || t->tm_year < 100 ? -1 : 0;
}

/* The seconds from NOW to the point in time that codex names by the local clock, as in: try again at Nov 23rd, 2026
 * 1:19 AM. -1: it names none. */
static long
wait_until(const struct line *l, time_t now)
{
	static const char word[] = "try again at ";
	char text[48] = "";
	const char *s = text;
	struct line at = *l;
	struct tm t;
	int bad, hour;
	time_t then;

	while (at.n && !begins(&at, word))
		at.s++, at.n--;
	if (!at.n || !localtime_r(&now, &t))
		return -1;
	at.s += sizeof word - 1;
	at.n -= sizeof word - 1;
	memcpy(text, at.s, at.n < sizeof text ? at.n : sizeof text - 1);
	bad = read_day(&s, &t);
	hour = number_before(&s, ':');
	t.tm_min = number_before(&s, ' ');
	if (bad || hour < 1 || hour > 12 || t.tm_min < 0 || (*s != 'A' && *s != 'P'))
		return -1;
	t.tm_hour = hour % 12 + (*s == 'P' ? 12 : 0);
	t.tm_sec = 59;
	t.tm_isdst = -1;
	then = mktime(&t);
	return then == (time_t)-1 ? -1 : then < now ? 0 : then - now > WAIT_MOST ? WAIT_MOST : (long)(then - now);
}

static void
read_later(struct verdict *v, const char *err, size_t nerr)
{
	struct line l = last_line(err, &nerr);

	v->kind = OUT_RATE_LIMITED;
	v->wait = named_wait(&l);
	if (v->wait >= 0)
		l = last_line(err, &nerr);
	v->why = l.s;
	v->nwhy = l.n;
}

static int
is_program(const char *word, const char *program)
{
	const char *slash = strrchr(word, '/');

	return !strcmp(slash ? slash + 1 : word, program);
}

enum agent_kind
verdict_agent_kind(const char *name, char *const *argv)
{
	static const char *const programs[] = { "claude", "codex" };
	size_t i, k;

	for (i = 0; i < 2; i++) {
		if (is_program(argv[0], programs[i]))
			return (enum agent_kind)(AGENT_CLAUDE + i);
		for (k = 1; !strcmp(name, programs[i]) && argv[k]; k++)
			if (is_program(argv[k], programs[i]))
				return (enum agent_kind)(AGENT_CLAUDE + i);
	}
	return AGENT_OTHER;
}

/* claude that somebody has interrupted exits 0 and has written this, or nothing; a result has a newline at least. */
static int
is_no_result(const char *out, size_t n)
{
	static const char error[] = "Execution error\n";

	return !n || (n >= sizeof error - 2 && n < sizeof error && !memcmp(out, error, n));
}

void
verdict_read(struct verdict *v, enum agent_kind agent_kind, int status, const char *out, size_t nout, const char *err, size_t nerr,
    long long now)
{
	struct line l;
	size_t i;

	memset(v, 0, sizeof *v);
	v->kind = status ? OUT_ENDED : OUT_OK;
	v->wait = -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == VERDICT_LATER) {
		read_later(v, err, nerr);
		return;
	}
	l = agent_kind == AGENT_CODEX ? last_line(err, &nerr) : first_line(out, nout);
	if (!status && agent_kind == AGENT_CLAUDE && is_no_result(out, nout)) {
		v->kind = OUT_EMPTY;
		v->why = l.s;
		v->nwhy = l.n;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 1 || (agent_kind == AGENT_CODEX && !begins(&l, "ERROR: ")))
		return;
	for (i = 0; i < sizeof said / sizeof *said; i++)
		if (said[i].agent_kind == agent_kind &&
		    (agent_kind == AGENT_CODEX ? holds(&l, said[i].text) : begins(&l, said[i].text))) {
			v->kind = said[i].kind;
			if (v->kind == OUT_RATE_LIMITED && agent_kind == AGENT_CODEX)
				v->wait = wait_until(&l, (time_t)now);
			v->why = l.s;
			v->nwhy = l.n;
			return;
		}
}

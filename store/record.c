/* How a run was started.
 *
 * Lines of fields split by tabs, a control character and % in a field as %XX:
 *
 *     workflow PATH
 *     directory PATH
 *     started MILLISECONDS
 *     id SIXTEEN HEXADECIMAL DIGITS
 *     param NAME VALUE
 *     agent NAME=WORD...
 *     text
 *
 * After the line `text`, and only when the workflow came from standard input, the workflow follows
 * as it was. */
#include "store/record.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/escape.h"
#include "store/file.h"

static char *
copy(const char *s, size_t n)
{
	char *d = malloc(n + 1);

	if (d) {
		memcpy(d, s, n);
		d[n] = '\0';
	}
	return d;
}

static int
replace(char **where, const char *s)
{
	char *d = copy(s, strlen(s));

	if (!d)
		return -1;
	free(*where);
	*where = d;
	return 0;
}

int
record_param(struct record *r, const char *name, const char *value)
{
	struct pair *more, pair;
	size_t i;

	for (i = 0; i < r->nparams; i++)
		if (!strcmp(r->params[i].name, name))
			return replace(&r->params[i].value, value);
	more = realloc(r->params, (r->nparams + 1) * sizeof *more);
	if (!more)
		return -1;
	r->params = more;
	pair.name = copy(name, strlen(name));
	pair.value = copy(value, strlen(value));
	if (!pair.name || !pair.value) {
		free(pair.name);
		free(pair.value);
		return -1;
	}
	more[r->nparams++] = pair;
	return 0;
}

int
record_agent(struct record *r, const char *words)
{
	size_t name = strcspn(words, "="), i;
	char **more, *one;

	for (i = 0; i < r->nagents; i++)
		if (strcspn(r->agents[i], "=") == name && !strncmp(r->agents[i], words, name))
			return replace(&r->agents[i], words);
	more = realloc(r->agents, (r->nagents + 1) * sizeof *more);
	if (!more)
		return -1;
	r->agents = more;
	one = copy(words, strlen(words));
	if (!one)
		return -1;
	more[r->nagents++] = one;
	return 0;
}

/* Writing: into memory that grows, in one go to the disk. */

struct out {
	char *s;
	size_t n, cap;
	int failed;
};

static void
put(struct out *o, const char *s, size_t n)
{
	if (o->cap - o->n < n) {
		size_t cap = (o->n + n) * 2;
		char *more = o->failed ? NULL : realloc(o->s, cap);

		if (!more) {
			o->failed = 1;
			return;
		}
		o->s = more;
		o->cap = cap;
	}
	memcpy(o->s + o->n, s, n);
	o->n += n;
}

static void
put_field(struct out *o, const char *s, char end)
{
	char code[3];

	for (; *s; s++)
		put(o, code, escape_byte(code, *s));
	put(o, &end, 1);
}

/* Whether the file is just this one. */
static int
is_there(int dir, const char *s, size_t n)
{
	char *old;
	size_t nold;
	int same;

	if (file_read(dir, "run", &old, &nold))
		return 0;
	same = nold == n && !memcmp(old, s, n);
	free(old);
	return same;
}

int
record_write(const struct record *r, int dir)
{
	struct out o = { 0 };
	char number[32];
	size_t i;
	int bad;

	put_field(&o, "workflow", '\t');
	put_field(&o, r->workflow, '\n');
	put_field(&o, "directory", '\t');
	put_field(&o, r->directory, '\n');
	snprintf(number, sizeof number, "%lld", r->started);
	put_field(&o, "started", '\t');
	put_field(&o, number, '\n');
	if (r->id) {
		put_field(&o, "id", '\t');
		put_field(&o, r->id, '\n');
	}
	for (i = 0; i < r->nparams; i++) {
		put_field(&o, "param", '\t');
		put_field(&o, r->params[i].name, '\t');
		put_field(&o, r->params[i].value, '\n');
	}
	for (i = 0; i < r->nagents; i++) {
		put_field(&o, "agent", '\t');
		put_field(&o, r->agents[i], '\n');
	}
	if (r->text) {
		put_field(&o, "text", '\n');
		put(&o, r->text, r->ntext);
	}
	if (o.failed) {
		free(o.s);
		errno = ENOMEM;
		return -1;
	}
	bad = is_there(dir, o.s, o.n) ? 0 : file_put(dir, "run.new", "run", o.s, o.n, 1);
	free(o.s);
	return bad;
}

/* The next field of the line, taken back from its escapes in place; NULL behind the last. */
static char *
field(char **line)
{
	char *s = *line;
	size_t n;

	if (!s)
		return NULL;
	n = strcspn(s, "\t");
	*line = s[n] ? s + n + 1 : NULL;
	escape_undo(s, n);
	return s;
}

/* Whether S is a number that fits; strtoll gives the ends of the range for one that does not. */
static int
number(long long *v, const char *s)
{
	char *end;

	*v = strtoll(s, &end, 10);
	return end != s && !*end && *v != LLONG_MAX && *v != LLONG_MIN;
}

/* Returns 0, or the error. */
static int
read_line(struct record *r, char *line)
{
	char *word = field(&line), *a = field(&line), *b = field(&line);
	int bad = 0;

	if (!a)
		return EINVAL;
	if (!strcmp(word, "workflow"))
		bad = replace(&r->workflow, a);
	else if (!strcmp(word, "directory"))
		bad = replace(&r->directory, a);
	else if (!strcmp(word, "id") && strspn(a, "0123456789abcdef") == 16 && !a[16])
		bad = replace(&r->id, a);
	else if (!strcmp(word, "agent"))
		bad = record_agent(r, a);
	else if (!strcmp(word, "param") && b)
		bad = record_param(r, a, b);
	else if (!strcmp(word, "param") || !strcmp(word, "id") || (!strcmp(word, "started") && !number(&r->started, a)))
		return EINVAL;
	return bad ? errno : 0;
}

/* Returns 0, or the error. */
static int
read_text(struct record *r, char *text, size_t n)
{
	char *p, *nl;
	int bad = 0;

	for (p = text; !bad && (nl = memchr(p, '\n', n - (size_t)(p - text))); p = nl + 1) {
		*nl = '\0';
		if (!strcmp(p, "text")) {
			r->ntext = n - (size_t)(nl + 1 - text);
			r->text = copy(nl + 1, r->ntext);
			return r->text ? 0 : ENOMEM;
		}
		bad = read_line(r, p);
	}
	return bad;
}

int
record_read(struct record *r, int dir)
{
	char *text;
	size_t n;
	int bad;

	memset(r, 0, sizeof *r);
	if (file_read(dir, "run", &text, &n))
		return -1;
	bad = read_text(r, text, n);
	free(text);
	if (!bad && !(r->workflow && r->directory))
		bad = EINVAL;
	if (!bad)
		return 0;
	record_free(r);
	errno = bad;
	return -1;
}

void
record_free(struct record *r)
{
	size_t i;

	for (i = 0; i < r->nparams; i++) {
		free(r->params[i].name);
		free(r->params[i].value);
	}
	for (i = 0; i < r->nagents; i++)
		free(r->agents[i]);
	free(r->params);
	free(r->agents);
	free(r->workflow);
	free(r->directory);
	free(r->id);
	free(r->text);
	memset(r, 0, sizeof *r);
}

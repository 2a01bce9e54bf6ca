/* How a run was started.
 *
 * Lines of fields split by tabs, a control character and % in a field as %XX:
 *
 *     workflow PATH
 *     directory PATH
 *     made birth|change|unknown SECONDS NANOSECONDS INODE
 *     started MILLISECONDS [NAME: the time gave it this name]
 *     id SIXTEEN HEXADECIMAL DIGITS
 *     param NAME VALUE
 *     budget BUDGET
 *     take RUN
 *     agent NAME=WORD...
 *     text
 *
 * A PATH that does not begin with / is seen from the run's directory. A line with any other word is an error: it is not
 * to be lost when the file is written again.
 *
 * After the line `text`, and only when the workflow came from standard input, the workflow follows
 * as it was. */
#include "store/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/clock.h"
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
record_new_id(struct record *r)
{
	char id[RECORD_ID + 1];
	unsigned char bytes[RECORD_ID / 2];
	unsigned long long v;
	int fd = file_open_as(AT_FDCWD, "/dev/urandom", O_RDONLY);
	size_t i;

	if (fd < 0 || file_read_some(fd, bytes, sizeof bytes) != (long)sizeof bytes) {
		v = (unsigned long long)clock_epoch() * 0x9e3779b97f4a7c15ULL ^ (unsigned long long)clock_ms() << 20 ^ (unsigned long long)getpid();
		memcpy(bytes, &v, sizeof bytes);
	}
	if (fd >= 0)
		close(fd);
	for (i = 0; i < sizeof bytes; i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
	return replace(&r->id, id);
}

int
record_named(struct record *r, const char *name)
{
	return replace(&r->named, name);
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
record_budget(struct record *r, const char *text)
{
	return replace(&r->budget, text);
}

int
record_take(struct record *r, const char *run)
{
	return replace(&r->take, run);
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

int
record_drop_agent(struct record *r, const char *name)
{
	size_t n = strlen(name), i;

	for (i = 0; i < r->nagents; i++)
		if (strcspn(r->agents[i], "=") == n && !strncmp(r->agents[i], name, n)) {
			free(r->agents[i]);
			memmove(&r->agents[i], &r->agents[i + 1], (r->nagents - i - 1) * sizeof *r->agents);
			r->nagents--;
			return 1;
		}
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

/* How deep FILE lies below the directory TOP, *REST its path from there ("" : it is TOP); -1: it does not. */
static int
depth_below(const char *top, const char *file, const char **rest)
{
	size_t n = strlen(top);
	const char *p;
	int depth = 0;

	n -= n && top[n - 1] == '/';    /* only the root ends in one */
	if (strncmp(file, top, n) || (file[n] && file[n] != '/'))
		return -1;
	*rest = file[n] ? file + n + 1 : "";
	for (p = *rest; *p; p += strcspn(p, "/"), p += *p == '/')
		depth++;
	return depth;
}

/* The path FILE, which is below the directory TOP, from RUN, which is too; else as it is. */
static void
put_path(struct out *o, const char *top, const char *run, const char *file)
{
	const char *from, *rest;
	int up = run ? depth_below(top, run, &from) : -1;

	if (up <= 0 || depth_below(top, file, &rest) < 0) {
		put_field(o, file, '\n');
		return;
	}
	while (up--)
		put(o, "../", up || *rest ? 3 : 2);
	put_field(o, rest, '\n');
}

static void
put_identity(struct out *o, const struct identity *i)
{
	char line[120];

	if (i->kind == IDENTITY_NONE)
		return;
	snprintf(line, sizeof line, "made\t%s\t%lld\t%ld\t%llu\n", identity_word(i->kind), i->seconds, i->nanoseconds, i->inode);
	put(o, line, strlen(line));
}

static void
put_start(struct out *o, const struct record *r, const char *path)
{
	if (!r->workflow)
		return;
	put_field(o, "workflow", '\t');
	if (strcmp(r->workflow, "-"))
		put_path(o, r->directory, path, r->workflow);
	else
		put_field(o, "-", '\n');
	put_field(o, "directory", '\t');
	put_path(o, r->directory, path, r->directory);
}

int
record_write(const struct record *r, int dir, const char *path)
{
	struct out o = { 0 };
	char number[32];
	size_t i;
	int bad;

	put_start(&o, r, path);
	put_identity(&o, &r->made);
	snprintf(number, sizeof number, "%lld", r->started);
	put_field(&o, "started", '\t');
	put_field(&o, number, r->named ? '\t' : '\n');
	if (r->named)
		put_field(&o, r->named, '\n');
	if (r->id) {
		put_field(&o, "id", '\t');
		put_field(&o, r->id, '\n');
	}
	for (i = 0; i < r->nparams; i++) {
		put_field(&o, "param", '\t');
		put_field(&o, r->params[i].name, '\t');
		put_field(&o, r->params[i].value, '\n');
	}
	if (r->budget) {
		put_field(&o, "budget", '\t');
		put_field(&o, r->budget, '\n');
	}
	if (r->take) {
		put_field(&o, "take", '\t');
		put_field(&o, r->take, '\n');
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

/* The next field of the line, taken back from its escapes in place; NULL after the last. */
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

/* made KIND SECONDS NANOSECONDS INODE, after the word. */
static int
read_identity(struct identity *i, const char *kind, const char *a, const char *b, const char *c)
{
	long long ns;
	char *end;

	i->kind = identity_kind_of(kind);
	if (i->kind == IDENTITY_NONE || !b || !c || !number(&i->seconds, a) || !number(&ns, b) || ns < 0 || ns > 999999999)
		return EINVAL;
	i->nanoseconds = (long)ns;
	errno = 0;
	i->inode = strtoull(c, &end, 10);
	return *c < '0' || *c > '9' || *end || errno ? EINVAL : 0;
}

/* A path of the file, as seen from PATH where it is relative; NULL: the memory has run out. */
static char *
absolute(const char *s, const char *path)
{
	size_t n;
	char *d;

	if (*s == '/' || !path || !strcmp(s, "-"))
		return copy(s, strlen(s));
	n = strlen(path);
	d = malloc(n + strlen(s) + 2);
	if (!d)
		return NULL;
	memcpy(d, path, n + 1);
	while (!strncmp(s, "..", 2) && (!s[2] || s[2] == '/')) {
		while (n && d[--n] != '/')
			;
		d[n] = '\0';
		s += s[2] ? 3 : 2;
	}
	if (*s || !n) {
		d[n] = '/';
		strcpy(d + n + 1, s);
	}
	return d;
}

static int
take_path(char **where, const char *s, const char *path)
{
	char *d = absolute(s, path);

	if (!d)
		return -1;
	free(*where);
	*where = d;
	return 0;
}

/* Returns 0, or the error. */
static int
read_line(struct record *r, char *line, const char *path)
{
	char *word = field(&line), *a = field(&line), *b = field(&line), *c = field(&line), *d = field(&line);
	int bad = 0;

	if (!a)
		return EINVAL;
	if (!strcmp(word, "workflow"))
		bad = take_path(&r->workflow, a, path);
	else if (!strcmp(word, "directory"))
		bad = take_path(&r->directory, a, path);
	else if (!strcmp(word, "made"))
		return b ? read_identity(&r->made, a, b, c, d) : EINVAL;
	else if (!strcmp(word, "id") && strspn(a, "0123456789abcdef") == RECORD_ID && !a[RECORD_ID])
		bad = replace(&r->id, a);
	else if (!strcmp(word, "agent"))
		bad = record_agent(r, a);
	else if (!strcmp(word, "budget"))
		bad = record_budget(r, a);
	else if (!strcmp(word, "take"))
		bad = record_take(r, a);
	else if (!strcmp(word, "param") && b)
		bad = record_param(r, a, b);
	else if (strcmp(word, "started") || !number(&r->started, a))
		return EINVAL;
	else if (b)
		bad = record_named(r, b);
	return bad ? errno : 0;
}

/* Returns 0, or the error. */
static int
read_text(struct record *r, char *text, size_t n, const char *path)
{
	char *p, *nl;
	int bad = 0;

	for (p = text; !bad && (nl = memchr(p, '\n', n - (size_t)(p - text))); p = nl + 1) {
		*nl = '\0';
		r->line++;
		if (strlen(p) != (size_t)(nl - p))
			return EINVAL;
		if (!strcmp(p, "text")) {
			r->ntext = n - (size_t)(nl + 1 - text);
			r->text = copy(nl + 1, r->ntext);
			return r->text ? 0 : ENOMEM;
		}
		bad = read_line(r, p, path);
	}
	if (!bad && p < text + n)
		bad = EINVAL;           /* a line without its end */
	return bad;
}

int
record_read(struct record *r, int dir, const char *path)
{
	char *text;
	size_t n;
	unsigned line;
	int bad;

	memset(r, 0, sizeof *r);
	if (file_read(dir, "run", &text, &n))
		return -1;
	bad = read_text(r, text, n, path);
	free(text);
	line = bad == EINVAL ? r->line : 0;
	if (!bad && !r->workflow && !r->directory && r->made.kind != IDENTITY_NONE) {
		errno = ENOENT;
		return -1;
	}
	if (!bad && !(r->workflow && r->directory))
		bad = EINVAL;
	if (!bad)
		return 0;
	record_free(r);
	r->line = line;
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
	free(r->named);
	free(r->budget);
	free(r->take);
	free(r->text);
	memset(r, 0, sizeof *r);
}

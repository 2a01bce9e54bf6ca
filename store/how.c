/* The file `how` of a run. */
#include "store/how.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/clock.h"
#include "store/file.h"

enum { PIECE = 4096 };

/* What no text ends with, whole or cut off: its % is always followed by digits. */
#define END "\t%%"

static const char intent[] = "intent\t\n", answered[] = "answered\t\n";

int
how_open(int dir)
{
	int fd = file_open_own(dir, "how", O_CREAT | O_APPEND), saved = errno;
	struct stat st;

	if (fd >= 0 || fstatat(dir, "how", &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid()) {
		errno = saved;
		return fd;
	}
	if (renameat(dir, "how", dir, "how.old"))
		return -1;
	return file_open_own(dir, "how", O_CREAT | O_APPEND);
}

long long
how_add(int fd, const char *name, const char *text, size_t n)
{
	size_t size = strlen(name) + n + 32, i;
	char *line = malloc(size), *p;
	off_t end;
	int bad;

	if (!line)
		return -1;
	p = line + snprintf(line, size, "\n%s\t%lld\t", name, clock_epoch());
	for (i = 0; i + 1 < n; i++)
		*p++ = text[i] == '\n' ? '\t' : text[i];
	memcpy(p, END, sizeof END - 1);
	p += sizeof END - 1;
	*p++ = '\n';
	size = (size_t)(p - line);
	bad = file_write(fd, line, size);
	free(line);
	end = bad ? -1 : lseek(fd, 0, SEEK_CUR);
	return end < (off_t)size ? -1 : (long long)(end - (off_t)size) + 1;
}

/* The text of an entry again, its N bytes at S: newlines where its lines ended. Returns its length. */
static size_t
split(char *s, size_t n)
{
	size_t at = 0, fields;

	while (at < n) {
		for (fields = strncmp(s + at, "variable\t", 9) ? 2 : 3; fields; fields--) {
			at += strcspn(s + at, "\t");
			at += fields > 1 && at < n;
		}
		s[at++] = '\n';
	}
	return at;
}

/* Where the text of the entry LINE, of N bytes, begins, after its name, of *NNAME bytes, and its time. NULL: it is none. */
static const char *
text_of(const char *line, size_t n, size_t *nname, long long *ms)
{
	const char *tab = memchr(line, '\t', n);
	char *end;

	if (!tab || tab == line || memchr(line, '\0', n))
		return NULL;
	*nname = (size_t)(tab - line);
	*ms = strtoll(tab + 1, &end, 10);
	return end > tab + 1 && *ms >= 0 && end < line + n && *end == '\t' ? end + 1 : NULL;
}

/* Whether the line, of N bytes, has the end of an entry: it was not cut off. */
static int
has_end(const char *line, size_t n)
{
	return n >= sizeof END - 1 && !memcmp(line + n - (sizeof END - 1), END, sizeof END - 1);
}

/* The entry that begins with its name at LINE, N bytes with room for a NUL: its text. -1: it is of another. */
static int
take(char *line, size_t n, const char *name, char **text, size_t *ntext)
{
	const char *from;
	size_t nname;
	long long ms;

	line[n] = '\0';
	from = text_of(line, n, &nname, &ms);
	if (!from || nname != strlen(name) || memcmp(line, name, nname)) {
		free(line);
		errno = ENOENT;
		return -1;
	}
	n -= (size_t)(from - line);
	memmove(line, from, n);
	if (has_end(line, n))
		n -= sizeof END - 1;
	line[n] = '\0';
	n = split(line, n);
	line[n] = '\0';
	*text = line;
	*ntext = n;
	return 0;
}

int
how_get(int fd, long long at, const char *name, char **text, size_t *n)
{
	char *line = NULL, *more, *nl = NULL;
	size_t have = 0;
	long got = 0;

	if (fd < 0 || at < 0) {
		errno = ENOENT;
		return -1;
	}
	while (!nl) {
		more = realloc(line, have + PIECE + 2);
		got = more ? file_read_at(fd, more + have, PIECE, at + (long long)have) : -1;
		if (more)
			line = more;
		if (got <= 0) {
			free(line);
			errno = got ? errno : ENOENT;
			return -1;
		}
		nl = memchr(line + have, '\n', (size_t)got);
		have += (size_t)got;
	}
	return take(line, (size_t)(nl - line), name, text, n);
}

int
how_intend(int dir, const char *name, const char *text, size_t n)
{
	int fd = file_open_own(dir, "how", O_APPEND);
	char *all = malloc(sizeof intent + n);
	int bad = fd < 0 || !all;

	if (!bad) {
		memcpy(all, intent, sizeof intent - 1);
		memcpy(all + sizeof intent - 1, text, n);
		bad = how_add(fd, name, all, n + sizeof intent - 1) < 0 || file_sync(fd);
	}
	free(all);
	if (fd < 0)
		return -1;
	if (bad)
		file_drop(fd);
	return bad || file_close(fd) ? -1 : 0;
}

enum kind { ATTEMPT, INTENT, ANSWERED };

/* One entry of the file, as it is read. */
struct entry {
	char *line;             /* its bytes, n of them without the newline; whoever keeps it puts NULL here */
	size_t n, nname;
	long long ms, at;
	enum kind kind;
};

static enum kind
kind_of(const char *text)
{
	if (!strncmp(text, intent, sizeof intent - 2))
		return INTENT;
	return strncmp(text, answered, sizeof answered - 2) ? ATTEMPT : ANSWERED;
}

/* Calls EACH for every entry of `how` in DIR; there is none where there is no file. -1 and errno. */
static int
read_entries(int dir, void (*each)(void *, struct entry *), void *ctx)
{
	int fd = file_open(dir, "how"), bad;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	struct entry e = { 0 };
	const char *text;
	size_t size = 0;
	int ends = -1;          /* entries have ends: not those of an earlier orch */
	ssize_t n;

	if (!f && fd >= 0)
		file_drop(fd);
	if (!f)
		return fd < 0 && errno == ENOENT ? 0 : -1;
	for (; (n = getline(&e.line, &size, f)) > 0 && e.line[n - 1] == '\n'; e.at += n) {
		e.n = (size_t)n - 1;
		text = text_of(e.line, e.n, &e.nname, &e.ms);
		if (!text)
			continue;
		if (ends < 0)
			ends = has_end(e.line, e.n);
		if (ends && !has_end(e.line, e.n))
			continue;       /* it was cut off, and the newline is that of the next */
		e.kind = kind_of(text);
		each(ctx, &e);
		if (!e.line)
			size = 0;
	}
	bad = ferror(f);
	free(e.line);
	fclose(f);
	errno = EIO;
	return bad ? -1 : 0;
}

struct attempts {
	void (*each)(void *, const char *, long long, long long);
	void *ctx;
};

static void
each_attempt(void *ctx, struct entry *e)
{
	struct attempts *a = ctx;

	if (e->kind != ATTEMPT)
		return;
	e->line[e->nname] = '\0';
	a->each(a->ctx, e->line, e->ms, e->at);
}

int
how_each(int dir, void (*each)(void *, const char *, long long, long long), void *ctx)
{
	struct attempts a;

	a.each = each;
	a.ctx = ctx;
	return read_entries(dir, each_attempt, &a);
}

struct wanted {
	const char *name;
	char *line;             /* of the latest intent; NULL: there is none, or it was answered */
	size_t n;
};

static void
each_intent(void *ctx, struct entry *e)
{
	struct wanted *w = ctx;

	if (e->kind == ATTEMPT || e->nname != strlen(w->name) || memcmp(e->line, w->name, e->nname))
		return;
	free(w->line);
	w->line = NULL;
	if (e->kind == ANSWERED)
		return;
	w->line = e->line;
	w->n = e->n;
	e->line = NULL;
}

char *
how_intent(int dir, const char *name)
{
	struct wanted w = { 0 };
	size_t n;
	char *text;

	w.name = name;
	if (read_entries(dir, each_intent, &w)) {
		free(w.line);
		return NULL;
	}
	if (!w.line)
		return calloc(1, 1);
	return take(w.line, w.n, name, &text, &n) ? NULL : text;
}

void
how_answered(int fd, const char *name)
{
	how_add(fd, name, answered, sizeof answered - 1);
}

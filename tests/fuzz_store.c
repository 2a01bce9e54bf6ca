/* Any bytes as what is read back from a run's directory, from -a, as names and patterns. For libFuzzer. The first
 * byte chooses who reads the rest. Where there is a second way to the same, both must come to it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/supervise/git.h"
#include "engine/run.h"
#include "engine/inspect/runs.h"
#include "engine/inspect/trust.h"
#include "engine/task/earlier.h"
#include "parse/glob.h"
#include "parse/mem.h"
#include "parse/near.h"
#include "parse/parse.h"
#include "store/file.h"
#include "store/log.h"
#include "store/record.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(what) ((what) ? (void)0 : (broken(#what, __LINE__), abort()))

static void
broken(const char *what, int line)
{
	fprintf(stderr, "fuzz_store.c:%d: not so: %s\n", line, what);
}

/* The directory, in memory, made once: a run called x, whose parts are made for each input. */

static char place[] = "/dev/shm/orch-fuzz-XXXXXX";
static int top = -1, run = -1, result = -1, asked = -1;
static int first_free;          /* descriptors from here on are what orch has left open */

static void
remove_place(void)
{
	char command[100];

	snprintf(command, sizeof command, "/bin/rm -rf %s", place);
	if (system(command))
		perror(place);
}

static int
make_dir(int dir, const char *name)
{
	int fd = file_make_dir(dir, name);

	if (fd < 0) {
		perror(name);
		exit(1);
	}
	return fd;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (!mkdtemp(place) || atexit(remove_place)) {
		perror(place);
		exit(1);
	}
	top = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	run = make_dir(top, "x");
	result = make_dir(run, "result");
	asked = make_dir(run, "asked");
	close(make_dir(run, "stderr"));
	close(make_dir(run, "tmp"));
	setenv("PATH", "/nowhere", 1);
	first_free = dup(run);
	close(first_free);
	return 0;
}

static void
put_file(int dir, const char *name, const void *p, size_t n)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	MUST(fd >= 0 && file_write(fd, p, n) == 0);
	close(fd);
}

static void
empty_dir(int dir)
{
	DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *e;

	MUST(d);
	while ((e = readdir(d)))
		unlinkat(dir, e->d_name, 0);
	closedir(d);
}

/* The bytes up to the next zero byte; after it the rest. */
struct piece {
	const char *s;
	size_t n;
};

static struct piece
take(struct piece *rest)
{
	struct piece p = *rest;
	const char *zero = p.n ? memchr(p.s, '\0', p.n) : NULL;

	p.n = zero ? (size_t)(zero - p.s) : p.n;
	rest->s += p.n + (zero != NULL);
	rest->n -= p.n + (zero != NULL);
	return p;
}

static char *
text_of(struct piece p)
{
	return mem_dup(p.s, p.n);
}

/* Keys as names. */

static int
is_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("._,:=@+-", c));
}

/* How many bytes of S are one character of UTF-8 beyond ASCII: by what it decodes to. */
static size_t
wide_by_value(const unsigned char *s, size_t n)
{
	static const unsigned long least_of[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : 2, i;
	unsigned long value;

	if (*s < 0xc0 || *s >= 0xf8 || n < len)
		return 0;
	value = *s & (0xffu >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (s[i] & 0x3fu);
	}
	return value < least_of[len] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000) ? 0 : len;
}

/* The name of a key, however long, told from the contract. */
static void
name_of(const unsigned char *s, size_t n, struct buf *b)
{
	size_t i, len;

	for (i = 0; i < n; i += len) {
		len = is_plain(s[i]) && (i || *s != '.') ? 1 : wide_by_value(s + i, n - i);
		if (len)
			buf_add(b, s + i, len);
		else
			buf_fmt(b, "%%%02X", s[i]);
		len = len ? len : 1;
	}
}

static void
read_key(struct piece p)
{
	char name[KEY_NAME_MAX + 1], key[KEY_NAME_MAX];
	struct buf b = { 0 };
	int got;

	name_of((const unsigned char *)p.s, p.n, &b);
	errno = 0;
	got = key_encode(p.s, p.n, name);
	if (got < 0) {
		MUST(p.n ? b.n > KEY_NAME_MAX && errno == ENAMETOOLONG : errno == EINVAL);
	} else {
		MUST((size_t)got == b.n && !strcmp(name, buf_str(&b)));
		MUST(*name != '.' && !strchr(name, '/'));
		MUST(key_decode(name, key) == (int)p.n && !memcmp(key, p.s, p.n));
	}
	buf_free(&b);
}

static void
read_name(struct piece p)
{
	char *name = text_of(take(&p)), *key = mem_get(strlen(name) + 1), again[KEY_NAME_MAX + 1];
	int n = key_decode(name, key);

	if (n >= 0) {
		MUST(n > 0 && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, ".."));
		MUST(key_encode(key, (size_t)n, again) >= 0 && !strcmp(again, name));
	}
	free(key);
	free(name);
}

/* The log. */

struct lines {
	struct buf said;        /* what was read, a line an event */
	int n;
};

static void
say_line(struct buf *b, const struct log_line *l)
{
	buf_fmt(b, "%lld %d %ld %lld %llx %d ", l->ms, (int)l->event, l->value, l->took, l->digest, l->status);
	if (l->key)
		buf_add(b, l->key, l->n);
	buf_text(b, l->text ? " text " : " -");
	buf_text(b, l->text ? l->text : "");
	buf_char(b, '\n');
}

static void
add_line(void *ctx, const struct log_line *l)
{
	struct lines *all = ctx;

	MUST((l->key != NULL) == (l->event != LOG_WALK && l->event != LOG_END && l->event != LOG_PAUSED));
	MUST(!l->key || strlen(l->key) <= l->n);
	say_line(&all->said, l);
	all->n++;
}

static void
read_all(struct lines *all)
{
	memset(all, 0, sizeof *all);
	MUST(log_read(run, LOG_ALL, add_line, all) == 0);
	buf_str(&all->said);
}

/* What was read, written and read again, is the same; unless it is longer than orch writes. */
static void
add_again(void *ctx, const struct log_line *l)
{
	struct lines *all = ctx, again;
	struct buf once = { 0 };
	int fd;

	if (l->n > KEY_NAME_MAX || (l->text && strlen(l->text) > 1000) || all->n++ > 3)
		return;
	unlinkat(run, "again", 0);
	unlinkat(run, "log", 0);
	fd = log_open(run);
	MUST(fd >= 0 && log_add(fd, l) == 0);
	close(fd);
	read_all(&again);
	say_line(&once, l);
	MUST(again.n == 1 && !strcmp(buf_str(&once), again.said.s));
	buf_free(&once);
	buf_free(&again.said);
}

/* A log that a crash has cut off is resumed: what was whole is there, and what comes next, no more. */
static void
read_log(struct piece p)
{
	struct lines before, after, again = { 0 };
	struct log_line walk = { 0 };
	int fd;

	put_file(run, "log", p.s, p.n);
	read_all(&before);
	fd = log_open(run);
	walk.event = LOG_WALK;
	walk.ms = walk.value = 7;
	MUST(fd >= 0 && log_add(fd, &walk) == 0);
	close(fd);
	read_all(&after);
	MUST(after.n == before.n + 1 && !strncmp(before.said.s, after.said.s, before.said.n));
	MUST(!strcmp(after.said.s + before.said.n, "7 0 7 0 0 0  -\n"));
	buf_free(&before.said);
	buf_free(&after.said);
	put_file(run, "log", p.s, p.n);
	MUST(log_read(run, LOG_ALL, add_again, &again) == 0);
}

/* The record. */

static void
same_record(const struct record *a, const struct record *b)
{
	size_t i;

	MUST(!strcmp(a->workflow, b->workflow) && !strcmp(a->directory, b->directory) && a->started == b->started);
	MUST(a->nparams == b->nparams && a->nagents == b->nagents && a->ntext == b->ntext);
	for (i = 0; i < a->nparams; i++)
		MUST(!strcmp(a->params[i].name, b->params[i].name) && !strcmp(a->params[i].value, b->params[i].value));
	for (i = 0; i < a->nagents; i++)
		MUST(!strcmp(a->agents[i], b->agents[i]));
	MUST(!a->text == !b->text && (!a->text || !memcmp(a->text, b->text, a->ntext)));
}

static void
read_record(struct piece p)
{
	struct record r, again;
	char *one, *two;
	size_t n, m;

	put_file(run, "run", p.s, p.n);
	if (record_read(&r, run, "/w/.orch/r")) {
		MUST(errno == EINVAL || (errno == ENOENT && r.made.kind != IDENTITY_NONE));
		record_free(&r);
		return;
	}
	MUST(record_write(&r, run, "/w/.orch/r") == 0 && record_read(&again, run, "/w/.orch/r") == 0);
	same_record(&r, &again);
	MUST(file_read(run, "run", &one, &n) == 0 && record_write(&again, run, "/w/.orch/r") == 0 && file_read(run, "run", &two, &m) == 0);
	MUST(n == m && !memcmp(one, two, n));
	free(one);
	free(two);
	record_free(&r);
	record_free(&again);
}

/* Intents of git's steps. */

static void
read_intent_of(struct piece p)
{
	static const char *const words[] = { "branch", "path", "base", "repository", "directory", "parent", "time", "answered" };
	char *first = text_of(take(&p)), *rest = text_of(p), *value;
	struct buf b = { 0 };
	size_t i;

	for (i = 0; i < sizeof words / sizeof *words; i++) {
		value = intent_get(rest, words[i]);
		MUST(!value || intent_is(rest, words[i], value));
		free(value);
	}
	/* What is put in front is found, whatever follows, and as it was. */
	intent_put(&b, "path", first);
	buf_text(&b, rest);
	MUST(intent_is(buf_str(&b), "path", first));
	buf_free(&b);
	free(first);
	free(rest);
}

/* The words of -a. */

static void
read_agent(struct piece p)
{
	struct source src = { 0 };
	struct arena mem = { 0 };
	struct diags diags = { 0 };
	struct buf said = { 0 };
	struct agent *a;

	src.name = "-a";
	src.text = p.s;
	src.n = p.n;
	a = agent_parse(&src, &mem, &diags);
	diag_text(&diags, &said);
	MUST(a || said.n);
	buf_free(&said);
	diag_free(&diags);
	arena_free(&mem);
}

/* Patterns: of few letters, so that much matches. */

enum { PATTERN_MOST = 24 };

struct pattern {
	unsigned short p[PATTERN_MOST];
	char s[PATTERN_MOST + 1];
	size_t n;
};

static void
make_pattern(struct pattern *g, struct piece p)
{
	static const char letters[] = "ab/.*";

	for (g->n = 0; g->n < p.n && g->n < PATTERN_MOST; g->n++) {
		g->s[g->n] = letters[(unsigned char)p.s[g->n] % 5];
		g->p[g->n] = g->s[g->n] == '*' ? GLOB_ANY : (unsigned short)g->s[g->n];
	}
	g->s[g->n] = '\0';
}

/* Whether two patterns have a name in common, as one would say it. */
static int
meet(const char *a, const char *b)
{
	if (!*a && !*b)
		return 1;
	if (*a == '*')
		return meet(a + 1, b) || (*b && meet(a, b + 1));
	if (*b == '*')
		return meet(a, b + 1) || (*a && meet(a + 1, b));
	return *a && *a == *b && meet(a + 1, b + 1);
}

static void
read_pattern(struct piece p)
{
	struct pattern a, b;
	int both;

	make_pattern(&a, take(&p));
	make_pattern(&b, take(&p));
	MUST(glob_match(a.p, a.n, b.s, b.n) == !fnmatch(a.s, b.s, 0));
	MUST(glob_match(b.p, b.n, a.s, a.n) == !fnmatch(b.s, a.s, 0));
	both = glob_meet(a.p, a.n, b.p, b.n);
	MUST(both == glob_meet(b.p, b.n, a.p, a.n));
	if (a.n + b.n < 20)
		MUST(both == meet(a.s, b.s));
	if (!strchr(b.s, '*'))
		MUST(both == glob_match(a.p, a.n, b.s, b.n));
}

/* Names that were probably meant: the whole table, where near.c keeps three rows. */

static unsigned
distance_by_table(const char *a, size_t n, const char *b, size_t m)
{
	static unsigned t[66][66];
	size_t i, j;

	for (i = 0; i <= n; i++)
		for (j = 0; j <= m; j++) {
			unsigned d = i ? j ? t[i - 1][j - 1] + (a[i - 1] != b[j - 1]) : (unsigned)i : (unsigned)j;

			if (i && t[i - 1][j] + 1 < d)
				d = t[i - 1][j] + 1;
			if (j && t[i][j - 1] + 1 < d)
				d = t[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && t[i - 2][j - 2] + 1 < d)
				d = t[i - 2][j - 2] + 1;
			t[i][j] = d;
		}
	return t[n][m];
}

static void
read_near(struct piece p)
{
	struct piece want = take(&p), name;
	struct near w;
	unsigned best, d;

	near_start(&w, want.s, want.n);
	best = w.distance;
	while (p.n) {
		name = take(&p);
		near_try(&w, name.s, name.n);
		if (!name.n || name.n > 64 || !want.n || want.n > 64)
			continue;
		/* Of a short word only what is as long, or begins with one of the two. */
		if (want.n < 4 && name.n != want.n && memcmp(want.s, name.s, name.n < want.n ? name.n : want.n))
			continue;
		d = distance_by_table(want.s, want.n, name.s, name.n);
		if (d && d < best && d < name.n) {
			best = d;
			MUST(w.best == name.s && w.bestn == name.n);
		}
		MUST(w.distance == best);
	}
}

/* A whole run that is looked at. */

struct shown {
	size_t n;
	int control;            /* there was one that could drive a terminal */
};

static int
show(void *ctx, const char *s, size_t n)
{
	struct shown *shown = ctx;

	for (shown->n += n; n--; s++)
		shown->control |= (unsigned char)*s < ' ' && *s != '\n' && *s != '\t';
	return 0;
}

/* How a run begins whose workflow is in itself. */
static void
put_run(struct piece p)
{
	static const char head[] = "workflow\t-\ndirectory\t/\n";
	struct buf b = { 0 };

	buf_text(&b, head);
	buf_add(&b, p.s, p.n);
	put_file(run, "run", b.s, b.n);
	buf_free(&b);
}

static void
put_result(struct piece p)
{
	char name[KEY_NAME_MAX + 1];

	if (p.n && p.n <= KEY_NAME_MAX && !memchr(p.s, '/', p.n)) {
		memcpy(name, p.s, p.n);
		name[p.n] = '\0';
		if (strcmp(name, ".") && strcmp(name, ".."))
			put_file(result, name, "1\n2\n", 4);
	}
}

/* Its results are taken, should one be there to this question; its sessions. */
static void
take_from_run(void)
{
	struct earlier_run e = { { 0 }, NULL, NULL, NULL, NULL, 0, { 0 }, 0, 0, 0 };
	struct keys keys = { 0 };
	struct task t;
	uint32_t id;
	int fd;

	memset(&t, 0, sizeof t);
	t.key = "a";
	t.root = "/root";
	t.prompt = "";
	t.how = "directory\t.\n";
	t.nhow = strlen(t.how);
	MUST(store_open(&e.store, place, "x", 1, STORE_READ) == 0);
	e.name = mem_dup("x", 1);
	e.root = mem_dup("/", 1);
	MUST(earlier_load(&e, &keys) == 0);
	id = keys_find(&keys, "a", 1);
	if (earlier_may_have(&e, id, NULL)) {
		earlier_offer(&e, id, &t);
		fd = earlier_open_result(&e.store, &t, NULL, NULL);
		if (fd >= 0)
			close(fd);
	}
	task_free(&t);
	earlier_free(&e);
	keys_free(&keys);
}

static void
read_run(struct piece p)
{
	static char star[] = "*", a[] = "a";
	char *keys[2];
	struct buf error = { 0 };
	struct shown shown = { 0 };
	struct sink sink = { 0 };
	struct piece log;

	put_run(take(&p));
	log = take(&p);
	put_file(run, "log", log.s, log.n);
	empty_dir(result);
	while (p.n)
		put_result(take(&p));
	keys[0] = star;
	keys[1] = a;
	sink.write = show;
	sink.ctx = &shown;
	sink.visible = 1;
	MUST(runs_list(place, 0, &sink, &error) == 0 && shown.n);
	runs_status(place, "x", 0, 0, &sink, &error);
	sink.columns = 100;
	runs_status(place, "x", 0, 0, &sink, &error);
	runs_status(place, "x", 1, 1, &sink, &error);
	runs_cat(place, "x", keys, 2, &sink, &error);
	runs_logs(place, NULL, NULL, 0, 0, &sink, &error);
	MUST(!shown.control);
	buf_free(&error);
	take_from_run();
}

/* A run that is complete, resumed: what it was asked and how is compared with what it would be. */

static void
close_left(void)
{
	int fd;

	for (fd = first_free; fd < first_free + 40; fd++)
		close(fd);
}

static void
read_asked(struct piece p)
{
	static const char record[] = "workflow\t-\ndirectory\t/\ntext\nagent t /bin/true\nrun t as b | two\nrun t as a < b | one\n";
	static char *environ_of[] = { NULL }, x[] = "x";
	char *names[] = { x };
	struct run_args args = { 0 };
	struct buf say = { 0 }, shown = { 0 };
	struct piece piece = take(&p);

	put_file(run, "run", record, sizeof record - 1);
	empty_dir(result);
	put_file(result, "b", piece.s, piece.n);
	put_file(result, "a", "", 0);
	piece = take(&p);
	put_file(run, "how", piece.s, piece.n);
	piece = take(&p);
	put_file(asked, "a", piece.s, piece.n);
	put_file(run, "log", p.s, p.n);
	MUST(trust_runs(place, names, 1, &say) == 0);
	say.n = 0;
	args.dir = place;
	args.run = "x";
	args.loud = LOUD_QUIET;
	args.environ = environ_of;
	if (run_workflow(&args, &say, &shown)) {
		fputs(buf_str(&say), stderr);
		MUST(!"complete");
	}
	buf_free(&say);
	buf_free(&shown);
	close_left();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const readers[])(struct piece) = {
		read_key, read_name, read_log, read_record, read_intent_of, read_agent, read_pattern, read_near, read_run, read_asked
	};
	struct piece p;

	if (!n)
		return 0;
	p.s = (const char *)data + 1;
	p.n = n - 1;
	readers[(uint8_t)(*data - '0') % (sizeof readers / sizeof *readers)](p);
	return 0;
}

/* What a step was asked beside what it would be asked now. */
#include "engine/inspect/diff.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/task/question.h"
#include "engine/load.h"
#include "engine/sched/plan.h"
#include "parse/diag.h"
#include "parse/mem.h"
#include "parse/text.h"
#include "store/escape.h"
#include "store/file.h"

enum { SAME, DIFFERENT, TROUBLE, NOTHING };

struct diff {
	struct run_state *state;
	struct run_env around;
	struct questions asked;
	const char *key;
	int never;              /* it was not asked yet */
	char file[KEY_NAME_MAX + 1];
	int status;             /* NOTHING until a line was found that makes the key */
	int then, now;          /* files, already without a name; -1: not open */
	char now_name[4096];    /* "": it has none any more */
	const char *tmp;        /* where such files are made */
	struct buf *error;
};

/* A file of its own, with a name in NAME, which has SIZE bytes. */
static int
make_file(struct diff *d, char *name, size_t size)
{
	struct buf b = { 0 };
	int fd = -1;

	buf_fmt(&b, "%s/orch-XXXXXX", d->tmp);
	if (strlen(buf_str(&b)) < size) {
		strcpy(name, b.s);
		fd = mkstemp(name);
	} else {
		errno = ENAMETOOLONG;
	}
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	else
		*name = '\0';
	buf_free(&b);
	return fd;
}

static int
make_unnamed(struct diff *d)
{
	char name[sizeof d->now_name];
	int fd = make_file(d, name, sizeof name);

	if (fd >= 0)
		unlink(name);
	return fd;
}

/* The lines of an entry of `how`, N bytes at S, as a person reads them: several lines in a value are several here. */
static int
write_how(int fd, const char *s, size_t n)
{
	char *text = mem_dup(s, n), *p, *nl;
	struct buf b = { 0 };
	int bad;

	for (p = text; (nl = memchr(p, '\n', n - (size_t)(p - text))); p = nl + 1) {
		size_t len = escape_undo(p, (size_t)(nl - p)), i;

		for (i = 0; i < len; i++) {
			buf_char(&b, p[i]);
			if (p[i] == '\n')
				buf_char(&b, '\t');
		}
		buf_char(&b, '\n');
	}
	buf_char(&b, '\n');
	bad = file_write(fd, b.s, b.n);
	buf_free(&b);
	free(text);
	return bad;
}

static int
write_file(int to, int dir, const char *name)
{
	char piece[16 * 1024];
	int fd = file_open(dir, name), bad = 0;
	long n;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	while (!bad && (n = file_read_some(fd, piece, sizeof piece)) != 0)
		bad = n < 0 || file_write(to, piece, (size_t)n);
	file_drop(fd);
	return bad;
}

/* Writes both texts. Returns NULL, or what errno is about. */
static const char *
write_both(struct diff *d, uint32_t id, const struct task *t)
{
	char *how;
	size_t n;

	d->never = question_how(&d->asked, id, &how, &n) != 0;
	if (d->never) {
		how = NULL;
		n = 0;
	}
	d->then = make_unnamed(d);
	d->now = d->then < 0 ? -1 : make_file(d, d->now_name, sizeof d->now_name);
	n = d->now < 0 || (!d->never && (write_how(d->then, how, n) || write_file(d->then, d->state->store.asked, d->file))) ||
	    write_how(d->now, t->how, t->nhow) || question_write(&d->asked, t, d->now);
	free(how);
	return !n ? NULL : d->now < 0 ? d->tmp : d->key;
}

static int
compare(struct diff *d, uint32_t id, const struct task *t)
{
	const char *what = question_differs(&d->asked, id, t), *bad;
	char *how;
	size_t n;

	if (t->kind != TASK_STEP && t->kind != TASK_ASK)
		return runs_fail(d->error, NOTHING, d->key, "not a run or ask: nothing to compare");
	if (!question_how(&d->asked, id, &how, &n))
		free(how);
	else if (d->state->keys.list[id].flags & KEY_KEPT)
		return runs_fail(d->error, NOTHING, d->key,
		    "what it was asked is not known: result written by hand, or the file `how` has lost it");
	bad = write_both(d, id, t);
	if (bad)
		return runs_fail(d->error, TROUBLE, bad, strerror(errno));
	return what || d->never ? DIFFERENT : SAME;
}

/* For plan.h. Of two arms with one key the first counts. */
static void
each_step(void *ctx, const struct plan_step *step)
{
	struct diff *d = ctx;
	struct task t;
	uint32_t id;

	if (d->status != NOTHING || d->error->n || !step->key || strcmp(step->key, d->key))
		return;
	id = keys_add(&d->state->keys, step->key, strlen(step->key));
	if (task_asked(&t, &d->around, &d->state->results, step->at, step->node, step->key))
		d->status = runs_fail(d->error, NOTHING, d->key, buf_str(&d->state->results.error));
	else
		d->status = compare(d, id, &t);
	task_free(&t);
}

/* The lines that are above the texts. */
static int
put_heads(struct diff *d, struct sink *sink, const char *old, const char *new)
{
	struct buf b = { 0 };
	int bad;

	if (old) {
		buf_text(&b, old);
		visible_add(&b, d->key, strlen(d->key), 0);
		buf_text(&b, d->never ? " (never asked)\n" : " (recorded)\n");
	}
	if (new) {
		buf_text(&b, new);
		visible_add(&b, d->key, strlen(d->key), 0);
		buf_text(&b, " (current)\n");
	}
	bad = sink->write(sink->ctx, b.s, b.n);
	buf_free(&b);
	return bad ? TROUBLE : 0;
}

static int
show_texts(struct diff *d, struct sink *sink)
{
	long long then = 0, now = 0;

	return put_heads(d, sink, "==> ", NULL) || sink_file(sink, d->then, &then) || put_heads(d, sink, NULL, "\n==> ") ||
	    sink_file(sink, d->now, &now) ? TROUBLE : 0;
}

enum { NO_DIFF = 127 };         /* there is none, as a shell says it */

/* Runs diff, its output to OUT. Returns its exit status; -1: it cannot be run. */
static int
run_diff(struct diff *d, int out, int null)
{
	const char *argv[] = { "diff", "-a", "-u", "-", NULL, NULL };
	int status;
	pid_t pid;

	argv[4] = d->now_name;
	lseek(d->then, 0, SEEK_SET);
	signal(SIGCHLD, SIG_DFL);       /* where it is ignored, there is nothing to wait for */
	pid = fork();
	if (!pid) {
		if (dup2(d->then, 0) >= 0 && dup2(out, 1) >= 0 && dup2(null, 2) >= 0)
			execvp(argv[0], (char *const *)(const void *)argv);
		_exit(NO_DIFF);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) == NO_DIFF)
		return -1;
	return WEXITSTATUS(status);
}

/* Where the lines begin that are after the two with names, which are ours. */
static long long
after_heads(int out)
{
	char head[8192];
	long n = file_read_at(out, head, sizeof head, 0);
	char *nl = n > 0 ? memchr(head, '\n', (size_t)n) : NULL;

	nl = nl ? memchr(nl + 1, '\n', (size_t)(head + n - nl - 1)) : NULL;
	return nl ? nl + 1 - head : 0;
}

static int
show(struct diff *d, struct sink *sink)
{
	int out = make_unnamed(d), null = open("/dev/null", O_RDWR | O_CLOEXEC), status = -1, bad;
	long long at;

	if (out >= 0 && null >= 0)
		status = run_diff(d, out, null);
	if (status == 0) {      /* the question was written again, and then not answered */
		bad = runs_fail(d->error, 0, d->key, "its result is from an earlier question, which is no longer known");
	} else if (status == 1) {
		at = after_heads(out);
		bad = put_heads(d, sink, "--- ", "+++ ") || sink_file(sink, out, &at);
	} else {
		bad = show_texts(d, sink);
	}
	if (out >= 0)
		file_drop(out);
	if (null >= 0)
		file_drop(null);
	return bad ? runs_fail(d->error, TROUBLE, "standard output", strerror(errno)) : DIFFERENT;
}

static void
look(struct diff *d)
{
	struct plan_with with = { 0 };
	struct buf said = { 0 };
	struct flow f;

	if (!d->state->has_record)
		d->status = runs_fail(d->error, TROUBLE, d->key, "this run's file `run` cannot be read");
	else if (load_read(&f, &d->state->record, d->state->record.workflow, &d->state->keys, &said) ||
	    load_bind(&f, &d->state->record, &said)) {
		d->status = TROUBLE;
		buf_add(d->error, said.s, said.n);
		load_free(&f);
	} else {
		d->around.root = d->state->record.directory;
		d->around.sessions = &d->state->sessions;
		with.around = &d->around;
		with.looks = 1;
		with.look_key = d->key;
		d->asked.store = &d->state->store;
		d->asked.keys = &d->state->keys;
		if (question_load(&d->asked))
			d->status = runs_fail(d->error, TROUBLE, "the log", strerror(errno));
		else
			plan_walk(f.w, f.scope, &d->state->results, &with, each_step, d);
		load_free(&f);
	}
	buf_free(&said);
}

int
diff_key(const char *dir, const char *run, const char *key, struct sink *sink, struct buf *error)
{
	struct diff d = { 0 };
	struct run_state v;
	int status = runs_open(&v, dir, run, error);

	if (status)
		return status == 3 ? NOTHING : TROUBLE;
	d.state = &v;
	d.key = key;
	d.status = NOTHING;
	d.then = d.now = -1;
	d.tmp = getenv("TMPDIR");
	if (!d.tmp || !*d.tmp)
		d.tmp = "/tmp";
	d.error = error;
	if (key_encode(key, strlen(key), d.file) >= 0)
		look(&d);
	if (d.status == DIFFERENT)
		d.status = show(&d, sink);
	else if (d.status == NOTHING && !error->n)
		runs_fail(error, NOTHING, key, "no line of the workflow makes it, as far as can be told");
	if (*d.now_name)
		unlink(d.now_name);
	if (d.then >= 0)
		close(d.then);
	if (d.now >= 0)
		close(d.now);
	question_free(&d.asked);
	run_state_close(&v);
	return d.status;
}

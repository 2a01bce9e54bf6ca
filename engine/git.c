/* The steps that git does: worktrees and commits.
 *
 * What git is about to make is written to how/KEY first. Should a crash come between git and the
 * answer, the next try finds there what was meant, and takes it up if it is just that. Nothing of
 * git's is ever deleted here: what does not match is an error that names the commands which mend it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/mind.h"
#include "parse/mem.h"
#include "store/escape.h"
#include "store/file.h"

enum { WORDS_MOST = 16, LOCK_MS = 20 };

/* Runs git in DIR with the words up to NULL, its standard input IN; *OUT, to be freed, gets what it
 * wrote, without the last newline. Returns its wait status. */
static int
git_in(struct minder *d, const char *dir, int in, char **out, ...)
{
	const struct store *s = d->m->store;
	char name[KEY_NAME_MAX + 1];
	const char *argv[WORDS_MOST] = { "git" };
	struct program p = { 0 };
	size_t n = 1, len;
	va_list ap;
	int status;

	va_start(ap, out);
	while ((argv[n] = va_arg(ap, const char *)))
		n++;
	va_end(ap);
	mind_name(name, 'g', getpid());
	p.out = file_make(s->tmp, name, 0);
	if (p.out < 0)
		leave_errno(d, OUT_IO, "tmp/");
	p.argv = (char *const *)(const void *)argv;
	p.envp = d->task->envp;
	p.root = d->task->root;
	p.dir = dir;
	p.in = in;
	p.err = d->errors;
	status = mind_program(d, &p);
	close(p.out);
	if (file_read(s->tmp, name, out, &len))
		leave_errno(d, OUT_IO, "what git wrote");
	unlinkat(s->tmp, name, 0);
	while (len && (*out)[len - 1] == '\n')
		(*out)[--len] = '\0';
	return status;
}

#define GIT(d, out, ...) git_in(d, (d)->task->dir, (d)->m->null, out, __VA_ARGS__, (const char *)NULL)

/* The same for what must succeed; git's own words are shown with the failure. */
static char *
must(struct minder *d, int status, char *out, const char *what)
{
	if (status) {
		d->out.status = status;
		leave_text(d, "%s failed", what);
	}
	return out;
}

/* The id of REV, or NULL when there is none. */
static char *
commit_of(struct minder *d, const char *rev)
{
	char *id, *spec = mem_get(strlen(rev) + 10);

	sprintf(spec, "%s^{commit}", rev);
	if (GIT(d, &id, "rev-parse", "--verify", "--quiet", "--end-of-options", spec))
		id = NULL;
	free(spec);
	return id;
}

/* Intents: lines of how/KEY, a word and its value. */

static void
put_intent(struct buf *b, const char *word, const char *value)
{
	task_how_line(b, word, value, strlen(value));
}

/* The value of WORD in the intent TEXT, to be freed; NULL: it has none. */
static char *
intent(const char *text, const char *word)
{
	size_t n = strlen(word), len;
	const char *p;
	char *value;

	for (p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (!strncmp(p, word, n) && p[n] == '\t') {
			len = strcspn(p + n + 1, "\n");
			value = mem_dup(p + n + 1, len);
			escape_undo(value, len);
			return value;
		}
	return NULL;
}

static int
intent_is(const char *text, const char *word, const char *value)
{
	char *there = intent(text, word);
	int same = there && !strcmp(there, value);

	free(there);
	return same;
}

/* What an earlier try was about to make; "" if there was none. */
static char *
read_intent(struct minder *d)
{
	char *text;
	size_t n;

	if (!file_read(d->m->store->how, d->task->file, &text, &n))
		return text;
	if (errno != ENOENT)
		leave_errno(d, OUT_IO, "how/");
	return mem_dup("", 0);
}

static void
keep_line(struct minder *d, const char *line)
{
	int fd = mind_open_answer(d);

	if (*line) {
		mind_write(d, fd, line, strlen(line), "tmp/");
		mind_write(d, fd, "\n", 1, "tmp/");
	}
	mind_settle_written(d, fd);
}

/* Worktrees. */

struct worktree {
	char *common;           /* the repository's common directory, absolute */
	char *path;             /* where the worktree is to be */
	char *tip;              /* of the branch; NULL: there is none */
	int is_there;           /* something stands at the path */
	int is_registered;      /* git knows a worktree there */
	int is_whole;           /* on this branch, not half made */
	int is_half;            /* git was killed while it made it */
	char *found;            /* the branch of the worktree that is there; NULL: not known */
	char *elsewhere;        /* another worktree that has the branch; NULL: none */
};

/* Only one worktree of a repository is made at a time, over all processes: git itself fails at it. */
static void
lock_repository(struct minder *d, const char *common)
{
	struct flock l;
	char *name = mem_get(strlen(common) + 12);
	int fd;

	sprintf(name, "%s/orch.lock", common);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	free(name);
	if (fd < 0)
		leave_errno(d, OUT_IO, "orch.lock in the repository's directory");
	memset(&l, 0, sizeof l);
	l.l_type = F_WRLCK;
	l.l_whence = SEEK_SET;
	while (fcntl(fd, F_SETLK, &l)) {        /* never closed: the lock ends with this process */
		if (errno != EAGAIN && errno != EACCES)
			leave_errno(d, OUT_IO, "orch.lock in the repository's directory");
		if (mind_wait(d, LOCK_MS))
			mind_abandon(d, 0);
		mind_look(d);
	}
}

static char *
common_directory(struct minder *d)
{
	char *out = NULL, *real;
	int status = GIT(d, &out, "rev-parse", "--git-common-dir");
	struct buf b = { 0 };

	must(d, status, out, "git rev-parse (is this a git repository?)");
	if (*out != '/')
		buf_fmt(&b, "%s/", d->task->dir);
	buf_text(&b, out);
	real = realpath(buf_str(&b), NULL);
	if (!real)
		leave_errno(d, OUT_IO, "the repository's directory");
	buf_free(&b);
	free(out);
	return real;
}

/* PARENT/REPO--SLUG: lower case, runs of other characters one - */
static char *
sibling(struct minder *d, const char *common)
{
	struct buf b = { 0 };
	size_t n = strlen(common);
	const char *s;
	char *top = NULL;
	int dash = 0;

	if (n > 5 && !strcmp(common + n - 5, "/.git")) {
		buf_add(&b, common, n - 5);
	} else {
		int status = GIT(d, &top, "rev-parse", "--show-toplevel");

		buf_text(&b, must(d, status, top, "git rev-parse"));
	}
	buf_text(&b, "--");
	for (s = d->task->branch; *s; s++) {
		char c = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
			buf_char(&b, c);
			dash = 0;
		} else if (!dash++) {
			buf_char(&b, '-');
		}
	}
	free(top);
	return buf_take(&b);
}

static int
is_empty_or_missing(const char *path)
{
	struct stat st;
	struct dirent *e;
	int entries = 0;
	DIR *d;

	if (lstat(path, &st))
		return errno == ENOENT;
	d = S_ISDIR(st.st_mode) ? opendir(path) : NULL;
	if (!d)
		return 0;
	while ((e = readdir(d)))
		entries += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return !entries;
}

/* What git knows of the worktree at the path. */
static void
look_up(struct minder *d, struct worktree *w)
{
	struct buf branch = { 0 };
	char *list = NULL, *line, *real = realpath(w->path, NULL);
	const char *path = "";
	int status = GIT(d, &list, "worktree", "list", "--porcelain"), here = 0;

	must(d, status, list, "git worktree list");
	buf_fmt(&branch, "branch refs/heads/%s", d->task->branch);
	for (line = strtok(list, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strncmp(line, "worktree ", 9)) {
			path = line + 9;
			here = !strcmp(path, w->path) || (real && !strcmp(path, real));
			w->is_registered |= here;
		}
		w->is_half |= here && !strncmp(line, "locked initializing", 19);
		if (here && !w->found && !strncmp(line, "branch refs/heads/", 18))
			w->found = mem_dup(line + 18, strlen(line + 18));
		if (strcmp(line, buf_str(&branch)))
			continue;
		w->is_whole |= here;
		if (!here && !w->elsewhere)
			w->elsewhere = mem_dup(path, strlen(path));
	}
	w->is_whole = w->is_whole && !w->is_half;
	free(real);
	free(list);
	buf_free(&branch);
}

static void
look_around(struct minder *d, struct worktree *w)
{
	struct buf ref = { 0 };
	struct stat st;

	w->common = common_directory(d);
	lock_repository(d, w->common);
	w->path = d->task->path ? mem_dup(d->task->path, strlen(d->task->path)) : sibling(d, w->common);
	buf_fmt(&ref, "refs/heads/%s", d->task->branch);
	w->tip = commit_of(d, buf_str(&ref));
	buf_free(&ref);
	w->is_there = lstat(w->path, &st) == 0;
	look_up(d, w);
}

/* Whether nothing in the worktree differs from its commit: it was made to its end, and is untouched. */
static int
is_clean(struct minder *d, const char *path)
{
	char *out = NULL;
	int clean = !git_in(d, path, d->m->null, &out, "status", "--porcelain", (const char *)NULL) && !*out;

	free(out);
	return clean;
}

/* What is in the way of the worktree, and the commands that mend it. */
static void
put_obstacle(const struct minder *d, const struct worktree *w, struct buf *b)
{
	const char *branch = d->task->branch;

	if (w->is_half) {
		buf_text(b, "git was killed while it made this worktree: git worktree remove -f -f ");
		shell_add(b, w->path);
	} else if (w->is_registered && !w->is_there) {
		buf_text(b, "the worktree that git knows at ");
		shell_add(b, w->path);
		buf_text(b, " is gone: git worktree prune; its commits are on its branch: keep that under another name");
	} else if (w->is_registered) {
		buf_text(b, "there is a worktree already that is not the one to be made here");
		if (w->found && strcmp(w->found, branch)) {
			buf_text(b, ", but of the branch ");
			shell_add(b, w->found);
		}
		buf_text(b, ": say `at PATH`, or keep what you need of it, then: git worktree remove ");
		shell_add(b, w->path);
	} else if (w->is_there && !is_empty_or_missing(w->path)) {
		buf_text(b, "something stands where the worktree was to be: move it away, or say `at PATH`: ");
		shell_add(b, w->path);
		return;
	} else if (w->elsewhere) {
		buf_text(b, "the branch is checked out in another worktree: take another name, or, if nothing of it is needed: git worktree remove ");
		shell_add(b, w->elsewhere);
	} else {
		buf_text(b, "the branch is there already, and not by this step: take another name");
	}
	if (!w->tip)
		return;
	buf_text(b, w->is_half || (w->is_registered && w->is_there) || w->elsewhere ? "; git branch -D " :
	    ", or, if nothing of it is needed: git branch -D ");
	shell_add(b, branch);
}

/* What does not fit into the report is in the step's standard error, whose last lines are shown. */
static void
refuse(struct minder *d, const struct worktree *w)
{
	struct buf b = { 0 };

	put_obstacle(d, w, &b);
	if (b.n < sizeof d->out.text)
		leave_text(d, "%s", buf_str(&b));
	buf_char(&b, '\n');
	mind_write(d, d->errors, b.s, b.n, "stderr/");
	leave_text(d, "%.*s", (int)strcspn(b.s, ":"), b.s);
}

/* Makes the worktree, or takes up what an earlier try has made of it. */
static void
make(struct minder *d, struct worktree *w, const char *before)
{
	const char *branch = d->task->branch;
	int ours = w->tip && intent_is(before, "branch", branch) && intent_is(before, "path", w->path) &&
	    intent_is(before, "base", w->tip) && intent_is(before, "repository", w->common);
	struct buf b = { 0 };
	char *out = NULL, *base;

	if (ours && w->is_whole && w->is_there && is_clean(d, w->path))
		return;
	if (ours && !w->is_registered && is_empty_or_missing(w->path)) {
		must(d, GIT(d, &out, "worktree", "add", "--quiet", "--", w->path, branch), out, "git worktree add");
		return;
	}
	if (w->tip || w->is_registered || !is_empty_or_missing(w->path))
		refuse(d, w);
	base = commit_of(d, d->task->from ? d->task->from : "HEAD");
	if (!base)
		leave_text(d, "there is no commit `%.100s` to begin from", d->task->from ? d->task->from : "HEAD");
	put_intent(&b, "branch", branch);
	put_intent(&b, "path", w->path);
	put_intent(&b, "base", base);
	put_intent(&b, "repository", w->common);
	mind_write_how(d, b.s, b.n, 1);
	must(d, GIT(d, &out, "worktree", "add", "--quiet", "-b", branch, "--", w->path, base), out, "git worktree add");
}

void
mind_worktree(struct minder *d)
{
	struct worktree w = { 0 };
	char *before = read_intent(d), *real;

	d->patient = 1;
	mind_open_errors(d);
	look_around(d, &w);
	make(d, &w, before);
	real = realpath(w.path, NULL);
	if (!real)
		leave_errno(d, OUT_IO, "the new worktree");
	keep_line(d, real);
}

/* Commits. */

/* The first of the commits in RANGE, the oldest; NULL: there is none. */
static char *
oldest_of(struct minder *d, const char *range)
{
	char *out = NULL;
	int status = GIT(d, &out, "rev-list", "--first-parent", "--reverse", range);

	if (status || !*out)
		return NULL;
	out[strcspn(out, "\n")] = '\0';
	return out;
}

/* When a commit was made, in seconds since the Epoch. */
static char *
time_of(struct minder *d, const char *id)
{
	char *out = NULL;
	int status = GIT(d, &out, "show", "--no-patch", "--format=%ct", id);

	return status ? NULL : out;
}

/* The commit that an earlier try has made, though its answer was not kept; NULL: there is none. It is the
 * first on top of the parent that was written down (others may stand on it by now), committed at the
 * time that was: no hook changes either. An intent that has been answered is one no more. */
static char *
find_made(struct minder *d, const char *before)
{
	char *parent = intent(before, "parent"), *range, *made, *time;

	if (!parent || intent(before, "answered") || !intent_is(before, "directory", d->task->dir))
		return NULL;
	range = mem_get(strlen(parent) + 8);
	sprintf(range, "%s..HEAD", parent);
	made = oldest_of(d, strcmp(parent, "none") ? range : "HEAD");
	time = made ? time_of(d, made) : NULL;
	free(range);
	free(parent);
	return time && intent_is(before, "time", time) ? made : NULL;
}

static int
message_file(struct minder *d)
{
	const struct store *s = d->m->store;
	char name[KEY_NAME_MAX + 1];
	int fd, in;

	mind_name(name, 'a', getpid());
	fd = file_make(s->tmp, name, 0);
	if (fd < 0)
		leave_errno(d, OUT_IO, "tmp/");
	mind_write(d, fd, d->task->prompt, d->task->nprompt, "tmp/");
	in = file_open(s->tmp, name);
	unlinkat(s->tmp, name, 0);
	if (file_close(fd) || in < 0)
		leave_errno(d, OUT_IO, "tmp/");
	return in;
}

static int
nothing_to_commit(struct minder *d)
{
	char *out = NULL;
	int nothing = !GIT(d, &out, "diff", "--cached", "--quiet");

	free(out);
	return nothing;
}

/* The time of the commit, as git takes it, and its seconds alone for the intent. */
static void
set_time(struct minder *d, char seconds[32])
{
	static char date[80];
	char zone[16];
	time_t now = time(NULL);
	struct tm *tm = localtime(&now);
	char **env;
	size_t n = 0;

	snprintf(seconds, 32, "%lld", (long long)now);
	if (!tm || !strftime(zone, sizeof zone, "%z", tm))
		strcpy(zone, "+0000");
	snprintf(date, sizeof date, "GIT_COMMITTER_DATE=@%s %s", seconds, zone);
	while (d->task->envp[n])
		n++;
	env = mem_zero(n + 2, sizeof *env);
	for (n = 0; *d->task->envp; d->task->envp++)
		if (strncmp(*d->task->envp, date, 19))
			env[n++] = *d->task->envp;
	env[n] = date;
	d->task->envp = env;
}

static void
commit(struct minder *d, const char *head)
{
	struct buf b = { 0 };
	char *out = NULL, seconds[32];
	int in;

	set_time(d, seconds);
	put_intent(&b, "directory", d->task->dir);
	put_intent(&b, "parent", head ? head : "none");
	put_intent(&b, "time", seconds);
	put_intent(&b, "message", d->task->prompt);
	mind_write_how(d, b.s, b.n, 1);
	in = message_file(d);
	must(d, git_in(d, d->task->dir, in, &out, "commit", "--quiet", "--cleanup=verbatim", "--file=-", (const char *)NULL),
	    out, "git commit");
	close(in);
}

void
mind_commit(struct minder *d)
{
	char *before = read_intent(d), *head, *made, *out = NULL;

	d->patient = 1;
	mind_open_errors(d);
	must(d, GIT(d, &out, "rev-parse", "--show-toplevel"), out, "git rev-parse (is this a git repository?)");
	made = find_made(d, before);
	if (made) {
		keep_line(d, made);
		return;
	}
	head = commit_of(d, "HEAD");
	must(d, GIT(d, &out, "add", "--all"), out, "git add");
	if (nothing_to_commit(d)) {
		keep_line(d, "");
		return;
	}
	commit(d, head);
	head = commit_of(d, "HEAD");
	if (!head)
		leave_text(d, "git commit has made no commit");
	keep_line(d, head);
}

void
minder_answered(const struct store *s, const char *file)
{
	int fd = file_open_own(s->how, file, O_APPEND);

	if (fd < 0)
		return;                 /* it was empty: no intent was written */
	file_write(fd, "answered\t\n", 10);
	close(fd);
}

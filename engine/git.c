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
	unlinkat(s->tmp, name, 0);
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
	char code[3];

	buf_fmt(b, "%s\t", word);
	for (; *value; value++)
		buf_add(b, code, escape_byte(code, *value));
	buf_char(b, '\n');
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
	close(fd);
	mind_settle(d);
}

/* Worktrees. */

struct worktree {
	char *common;           /* the repository's common directory, absolute */
	char *path;             /* where the worktree is to be */
	char *tip;              /* of the branch; NULL: there is none */
	int is_there;           /* something stands at the path */
	int is_registered;      /* git knows a worktree there */
	int is_whole;           /* on this branch, not half made */
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
	DIR *d = opendir(path);
	struct dirent *e;
	int entries = 0;

	if (!d)
		return errno == ENOENT;
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
	int status = GIT(d, &list, "worktree", "list", "--porcelain"), here = 0, on = 0, half = 0;

	must(d, status, list, "git worktree list");
	buf_fmt(&branch, "branch refs/heads/%s", d->task->branch);
	for (line = strtok(list, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strncmp(line, "worktree ", 9)) {
			here = !strcmp(line + 9, w->path) || (real && !strcmp(line + 9, real));
			w->is_registered |= here;
		}
		on |= here && !strcmp(line, buf_str(&branch));
		half |= here && !strncmp(line, "locked initializing", 19);
	}
	w->is_whole = on && !half;
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

static void
refuse(struct minder *d, const struct worktree *w)
{
	if (w->is_registered && !w->is_there)
		leave_text(d, "the worktree at %.160s is gone, and git still knows it: git worktree prune; its commits are on the branch "
		    "%.60s: keep that under another name, or: git branch -D %.60s", w->path, d->task->branch, d->task->branch);
	if (w->is_registered)
		leave_text(d, "there is a worktree at %.120s that is not the one to be made here; keep what you need of it, then: "
		    "git worktree remove %.120s; git branch -D %.60s", w->path, w->path, d->task->branch);
	if (w->is_there)
		leave_text(d, "something stands at %.180s, where the worktree was to be: move it away, or say `at PATH`", w->path);
	leave_text(d, "the branch %.80s is there already, and not by this step: take another name, or: git branch -D %.80s",
	    d->task->branch, d->task->branch);
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

static char *
parent_of_head(struct minder *d)
{
	char *parent = commit_of(d, "HEAD^1");

	return parent ? parent : mem_dup("none", 4);
}

static char *
tree_of_head(struct minder *d)
{
	char *tree = NULL;

	if (GIT(d, &tree, "rev-parse", "--verify", "--quiet", "HEAD^{tree}"))
		tree = mem_dup("none", 4);
	return tree;
}

/* Whether HEAD is the commit that an earlier try was about to make: on the same parent, with the same
 * tree, or the same message where a hook has had its hands in. */
static int
is_made(struct minder *d, const char *before, const char *head)
{
	char *message = NULL;
	struct buf text = { 0 };
	size_t n = d->task->nprompt;
	int made;

	if (!head || !*before || intent_is(before, "parent", head) || !intent_is(before, "parent", parent_of_head(d)) ||
	    !intent_is(before, "directory", d->task->dir))
		return 0;
	if (intent_is(before, "tree", tree_of_head(d)))
		return 1;
	while (n && d->task->prompt[n - 1] == '\n')
		n--;
	buf_add(&text, d->task->prompt, n);
	made = !GIT(d, &message, "log", "-1", "--format=%B") && !strcmp(message, buf_str(&text));
	buf_free(&text);
	return made;
}

static int
message_file(struct minder *d)
{
	const struct store *s = d->m->store;
	char name[KEY_NAME_MAX + 1];
	int fd, in;

	mind_name(name, 'a', getpid());
	unlinkat(s->tmp, name, 0);
	fd = file_make(s->tmp, name, 0);
	if (fd < 0)
		leave_errno(d, OUT_IO, "tmp/");
	mind_write(d, fd, d->task->prompt, d->task->nprompt, "tmp/");
	in = file_open(s->tmp, name);
	unlinkat(s->tmp, name, 0);
	if (close(fd) || in < 0)
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

static void
commit(struct minder *d, const char *head)
{
	struct buf b = { 0 };
	char *out = NULL, *tree = NULL;
	int in;

	must(d, GIT(d, &tree, "write-tree"), tree, "git write-tree");
	put_intent(&b, "directory", d->task->dir);
	put_intent(&b, "parent", head ? head : "none");
	put_intent(&b, "tree", tree);
	put_intent(&b, "message", d->task->prompt);
	mind_write_how(d, b.s, b.n, 1);
	in = message_file(d);
	must(d, git_in(d, d->task->dir, in, &out, "commit", "--quiet", "--file=-", (const char *)NULL), out, "git commit");
	close(in);
}

void
mind_commit(struct minder *d)
{
	char *before = read_intent(d), *head, *out = NULL;

	d->patient = 1;
	mind_open_errors(d);
	must(d, GIT(d, &out, "rev-parse", "--show-toplevel"), out, "git rev-parse (is this a git repository?)");
	head = commit_of(d, "HEAD");
	if (!is_made(d, before, head)) {
		must(d, GIT(d, &out, "add", "--all"), out, "git add");
		if (nothing_to_commit(d)) {
			keep_line(d, "");
			return;
		}
		commit(d, head);
		head = commit_of(d, "HEAD");
	}
	if (!head)
		leave_text(d, "git commit has made no commit");
	keep_line(d, head);
}

/* Making a worktree.
 *
 * What git is about to make is written to the file `how` first. Should a crash come between git and the
 * result, the next attempt finds there what was meant, and takes it up if it is just that. Nothing of
 * git's is ever deleted here: what does not match is an error that names the commands which help. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/clock.h"
#include "engine/supervise/git.h"
#include "parse/mem.h"
#include "parse/text.h"
#include "store/os.h"

enum {
	LOCK_MS = 20,
	HOLDER_MS = 30 * 1000   /* for the end of a step that was told to stop, and that of what it left */
};

struct making {
	char *common;           /* the repository's common directory, absolute */
	char *path;             /* where the worktree is to be */
	char *tip;              /* of the branch; NULL: there is none */
	int is_there;           /* something is at the path */
	int is_registered;      /* git knows a worktree there */
	int is_whole;           /* on this branch, not half made */
	int is_half;            /* git was killed while it made it */
	char *found;            /* the branch of the worktree that is there; NULL: not known */
	char *elsewhere;        /* another worktree that has the branch; NULL: none */
	int is_main;            /* at the path is the main checkout */
	int elsewhere_is_main;
};

/* The step's timeout is for its own work, and so is that of HOLDER, who has the lock of FD: it is waited for as long as
 * that may take, and for its end. */
static void
await_holder(struct supervisor *d, int fd, pid_t *holder, long long *until)
{
	struct flock l;
	long long now = supervisor_clock();

	memset(&l, 0, sizeof l);
	l.l_type = F_WRLCK;
	l.l_whence = SEEK_SET;
	if (!d->task->timeout || fcntl(fd, F_GETLK, &l) || l.l_type == F_UNLCK)
		return;
	if (l.l_pid != *holder) {
		*holder = l.l_pid;
		*until = now + d->task->timeout + HOLDER_MS;
	} else if (now >= *until) {
		supervisor_exit_message(d, "process %ld has held the lock of the repository's worktrees (orch.lock) for too long", (long)*holder);
	}
}

/* Only one worktree of a repository is made at a time, over all processes: git itself fails at it. */
static void
lock_repository(struct supervisor *d, const char *common)
{
	struct flock l;
	char *name = mem_get(strlen(common) + 12);
	pid_t holder = 0;
	long long until = 0;
	int fd;

	sprintf(name, "%s/orch.lock", common);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | os_nofollow, 0666);
	free(name);
	if (fd < 0)
		supervisor_exit_errno(d, OUT_IO, "orch.lock in the repository's directory");
	memset(&l, 0, sizeof l);
	l.l_type = F_WRLCK;
	l.l_whence = SEEK_SET;
	while (fcntl(fd, F_SETLK, &l)) {        /* never closed: the lock ends with this process */
		if (errno != EAGAIN && errno != EACCES)
			supervisor_exit_errno(d, OUT_IO, "orch.lock in the repository's directory");
		await_holder(d, fd, &holder, &until);
		supervisor_pause(d, LOCK_MS, 0);
		supervisor_check_stop(d);
	}
	if (d->task->timeout)
		d->deadline = clock_ms() + d->task->timeout;    /* those before us took their own time */
}

static char *
common_directory(struct supervisor *d)
{
	char *out = NULL, *real;
	int status = GIT(d, &out, "rev-parse", "--git-common-dir");
	struct buf b = { 0 };

	git_must(d, status, out, "git rev-parse (is this a git repository?)");
	if (*out != '/')
		buf_fmt(&b, "%s/", d->task->dir);
	buf_text(&b, out);
	real = realpath(buf_str(&b), NULL);
	if (!real)
		supervisor_exit_errno(d, OUT_IO, "the repository's directory");
	buf_free(&b);
	free(out);
	return real;
}

/* Adds to B what the places of worktrees begin with where the main checkout is TOP: TOP, but of a submodule SUB of S
 * what those of S begin with, and --SUB. */
static void
add_top(struct supervisor *d, struct buf *b, const char *top)
{
	char *super = git_rev_parse(d, top, "--show-superproject-working-tree"), *s;
	size_t n = super ? strlen(super) : 0, from;

	if (n && !strncmp(top, super, n) && top[n] == '/') {
		add_top(d, b, super);
		buf_text(b, "--");
		from = b->n;
		buf_text(b, top + n + 1);
		for (s = b->s + from; s < b->s + b->n; s++)
			*s = *s == '/' ? '-' : *s;
	} else {
		buf_text(b, top);
	}
	free(super);
}

/* Where the worktree goes: PARENT/REPO--SLUG; from a bare P/R.git P/R--SLUG, from P/R/.bare P/R/SLUG. */
static char *
default_place(struct supervisor *d, const char *common)
{
	char *bare = git_rev_parse(d, common, "--is-bare-repository"), *top;
	size_t n = strlen(common);
	struct buf b = { 0 };
	int is_bare = bare && !strcmp(bare, "true"), inside = 0;

	if (n > 5 && !strcmp(common + n - 5, "/.git")) {
		top = mem_dup(common, n - 5);
	} else if (is_bare && n > 6 && !strcmp(common + n - 6, "/.bare")) {
		top = mem_dup(common, n - 6);
		inside = 1;
	} else if (is_bare) {
		top = mem_dup(common, n > 5 && common[n - 5] != '/' && !strcmp(common + n - 4, ".git") ? n - 4 : n);
	} else if (!(top = git_rev_parse(d, common, "--show-toplevel")) &&
	    !(d->task->worktree && (top = git_rev_parse(d, d->task->worktree->made_in, "--show-toplevel")))) {
		int status = GIT(d, &top, "rev-parse", "--show-toplevel");

		git_must(d, status, top, "git rev-parse");
	}
	if (is_bare)
		buf_text(&b, top);
	else
		add_top(d, &b, top);
	buf_text(&b, inside ? "/" : "--");
	worktree_add_slug(&b, d->task->branch);
	free(bare);
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
look_up(struct supervisor *d, struct making *w)
{
	struct buf branch = { 0 };
	char *list = NULL, *line, *real = realpath(w->path, NULL);
	const char *path = "";
	int status = GIT(d, &list, "worktree", "list", "--porcelain"), here = 0, nth = 0;

	git_must(d, status, list, "git worktree list");
	buf_fmt(&branch, "branch refs/heads/%s", d->task->branch);
	for (line = strtok(list, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strncmp(line, "worktree ", 9)) {
			path = line + 9;
			here = !strcmp(path, w->path) || (real && !strcmp(path, real));
			w->is_registered |= here;
			w->is_main |= !nth++ && here;   /* git names the main checkout first */
		}
		w->is_half |= here && !strncmp(line, "locked initializing", 19);
		if (here && !w->found && !strncmp(line, "branch refs/heads/", 18))
			w->found = mem_dup(line + 18, strlen(line + 18));
		if (strcmp(line, buf_str(&branch)))
			continue;
		w->is_whole |= here;
		if (!here && !w->elsewhere) {
			w->elsewhere = mem_dup(path, strlen(path));
			w->elsewhere_is_main = nth == 1;
		}
	}
	w->is_whole = w->is_whole && !w->is_half;
	free(real);
	free(list);
	buf_free(&branch);
}

static void
look_around(struct supervisor *d, struct making *w)
{
	struct buf ref = { 0 };
	struct stat st;

	w->common = common_directory(d);
	lock_repository(d, w->common);
	w->path = d->task->path ? mem_dup(d->task->path, strlen(d->task->path)) : default_place(d, w->common);
	buf_fmt(&ref, "refs/heads/%s", d->task->branch);
	w->tip = git_commit_of(d, buf_str(&ref));
	buf_free(&ref);
	w->is_there = lstat(w->path, &st) == 0;
	look_up(d, w);
}

/* Whether nothing in the worktree differs from its commit: it was made to its end, and is untouched. */
static int
is_clean(struct supervisor *d, const char *path)
{
	char *out = NULL;
	int clean = !git_run(d, path, d->m->null, &out, "status", "--porcelain", (const char *)NULL) && !*out;

	free(out);
	return clean;
}

/* What is in the way of the worktree, and the commands that help. The main checkout is never to be removed, nor the
 * branch that is checked out there. */
static void
put_obstacle(const struct supervisor *d, const struct making *w, struct buf *b)
{
	const char *branch = d->task->branch;
	struct buf git = { 0 };
	int removes = 1;        /* the advice removes what has the branch checked out */

	git_command(d, &git, d->task->dir);
	buf_str(&git);

	if (w->is_half) {
		buf_fmt(b, "git was killed while it made this worktree: %s worktree remove -f -f ", git.s);
		shell_add(b, w->path);
	} else if (w->is_main) {
		shell_fmt(b, "the main checkout of the repository is there: use another place, `at PATH`, than %s", w->path);
		return;
	} else if (w->is_registered && !w->is_there) {
		shell_fmt(b, "the worktree that git knows at %s", w->path);
		buf_fmt(b, " is gone: %s worktree prune; its commits are on its branch: keep that under another name", git.s);
		removes = 0;
	} else if (w->is_registered) {
		buf_text(b, "another worktree is there already");
		if (w->found && strcmp(w->found, branch))
			shell_fmt(b, ", of branch %s", w->found);
		buf_fmt(b, ": use `at PATH`, or, if nothing of it is needed: %s worktree remove ", git.s);
		shell_add(b, w->path);
	} else if (w->is_there && !is_empty_or_missing(w->path)) {
		shell_fmt(b, "the worktree's place is taken: move it away, or use `at PATH`: %s", w->path);
		return;
	} else if (w->elsewhere_is_main) {
		shell_fmt(b, "the branch is checked out in the main checkout, %s: use another name", w->elsewhere);
		return;
	} else if (w->elsewhere) {
		buf_fmt(b, "the branch is checked out in another worktree: use another name, or, if nothing of it is needed: %s worktree remove ", git.s);
		shell_add(b, w->elsewhere);
	} else {
		buf_text(b, "the branch exists already, and this step did not make it: use another name");
		removes = 0;
	}
	if (!w->tip || (w->elsewhere && (w->is_registered || w->elsewhere_is_main)))
		return;
	buf_fmt(b, removes ? "; %s branch -D " : ", or, if nothing of it is needed: %s branch -D ", git.s);
	shell_add(b, branch);
}

static void
refuse(struct supervisor *d, const struct making *w)
{
	struct buf b = { 0 };

	put_obstacle(d, w, &b);
	git_leave(d, OUT_TEXT, &b);
}

/* Makes the worktree, or takes up what an earlier attempt has made of it. */
static void
make(struct supervisor *d, struct making *w, const char *before)
{
	const char *branch = d->task->branch;
	int ours = w->tip && intent_is(before, "branch", branch) && intent_is(before, "path", w->path) &&
	    intent_is(before, "base", w->tip) && intent_is(before, "repository", w->common);
	struct buf b = { 0 };
	char *out = NULL, *base, quoted[TEXT_SHORT];

	if (ours && w->is_whole && w->is_there && is_clean(d, w->path))
		return;
	if (ours && !w->is_registered && is_empty_or_missing(w->path)) {
		git_must(d, GIT(d, &out, "worktree", "add", "--quiet", "--", w->path, branch), out, "git worktree add");
		return;
	}
	if (w->tip || w->is_registered || !is_empty_or_missing(w->path))
		refuse(d, w);
	base = git_commit_of(d, d->task->from ? d->task->from : "HEAD");
	if (!base)
		supervisor_exit_message(d, "no such commit: %s", text_short(quoted, d->task->from ? d->task->from : "HEAD"));
	intent_put(&b, "branch", branch);
	intent_put(&b, "path", w->path);
	intent_put(&b, "base", base);
	intent_put(&b, "repository", w->common);
	intent_write(d, &b);
	git_must(d, GIT(d, &out, "worktree", "add", "--quiet", "-b", branch, "--", w->path, base), out, "git worktree add");
}

void
supervisor_worktree(struct supervisor *d)
{
	struct making w = { 0 };
	char *before = intent_read(d), *real;

	d->patient = 1;
	stderr_open(d);
	git_look(d);
	look_around(d, &w);
	make(d, &w, before);
	real = realpath(w.path, NULL);
	if (!real)
		supervisor_exit_errno(d, OUT_IO, "the new worktree");
	result_put(d, real, strlen(real), 1);
}

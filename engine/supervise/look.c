/* Looking at a worktree before it is used.
 *
 * git itself takes any directory: where .git is gone it finds the repository around it, and commits what lies there.
 * So its top, its repository, its own directory there and its branch must be those of the worktree that was made. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/supervise/git.h"
#include "parse/mem.h"
#include "parse/text.h"
#include "store/file.h"

/* What git says of the worktree, a line each, cut out of one answer. */
struct look {
	char *all;
	const char *top;        /* --show-toplevel */
	const char *git_dir;    /* --absolute-git-dir */
	const char *common;     /* --git-common-dir, perhaps from the worktree */
	const char *head;       /* --symbolic-full-name HEAD: HEAD itself if it is detached */
	int no_commit;          /* the branch that HEAD names has none */
};

static NO_RETURN void
leave_look(struct supervisor *d, int what, struct buf *why)
{
	/* What an earlier attempt has written is not what this failure is about. */
	if (d->task->kind == TASK_STEP)
		unlinkat(d->m->store->tmp, d->task->file, 0);
	d->out.of.worktree = what;
	git_leave(d, OUT_NOT_WORKTREE, why);
}

/* The worktree is not what it should be: B gets its name, and what is to follow. */
static void
begin_why(const struct supervisor *d, struct buf *b)
{
	shell_fmt(b, "worktree %s ", d->task->worktree->path);
}

/* A directory of the repository of the line that made W, as near to that line as there is one; to be freed. */
static char *
place_of_repository(const struct worktree *w)
{
	char *dir = git_standing(w->made_in);

	if (!strcmp(dir, w->made_in) || !w->outer)
		return dir;
	free(dir);
	return place_of_repository(w->outer);
}

/* The command that restores the worktree with its commits. */
static void
put_restore(struct supervisor *d, struct buf *b)
{
	const struct worktree *w = d->task->worktree;
	char *repository = place_of_repository(w);

	git_command(d, b, repository);
	buf_text(b, " worktree prune; ");
	git_command(d, b, repository);
	shell_fmt(b, " worktree add %s %s", w->path, w->branch);
	free(repository);
}

static NO_RETURN void
leave_not(struct supervisor *d, const char *what, const char *found)
{
	struct buf b = { 0 };

	begin_why(d, &b);
	buf_text(&b, what);
	shell_fmt(&b, "%s: move it away, then: ", found);
	put_restore(d, &b);
	leave_look(d, WORKTREE_OTHER, &b);
}

/* Where the worktree's branch is checked out now, to be freed, and in *IS_MAIN whether that is the main checkout; NULL:
 * nowhere. */
static char *
place_of_branch(struct supervisor *d, const char *repository, int *is_main)
{
	const struct worktree *w = d->task->worktree;
	struct buf want = { 0 };
	char *list = NULL, *line, *path = NULL, *found = NULL;
	int n = 0;

	buf_fmt(&want, "branch refs/heads/%s", w->branch);
	if (!git_run(d, repository, d->m->null, &list, "worktree", "list", "--porcelain", (const char *)NULL)) {
		for (line = strtok(list, "\n"); line && !found; line = strtok(NULL, "\n")) {
			if (!strncmp(line, "worktree ", 9)) {
				path = line + 9;
				n++;
			} else if (path && !strcmp(line, buf_str(&want)) && strcmp(path, w->path))
				found = mem_dup(path, strlen(path));
		}
	}
	*is_main = n == 1;      /* git names that first */
	free(list);
	buf_free(&want);
	return found;
}

/* A directory that looks as if the worktree had been moved to it with its repository: of the same name, beside the
 * main checkout as it is now. To be freed; NULL: none. */
static char *
moved_along(struct supervisor *d, const char *repository)
{
	char *common = git_rev_parse(d, repository, "--git-common-dir"), *whole = common ? git_path_from(repository, common) : NULL;
	char *real = whole ? realpath(whole, NULL) : NULL, *found = NULL;
	const char *name = strrchr(d->task->worktree->path, '/');
	struct buf b = { 0 };
	struct stat st;
	size_t n = real ? strlen(real) : 0;

	if (n > 5 && !strcmp(real + n - 5, "/.git") && name) {
		real[n - 5] = '\0';
		buf_add(&b, real, (size_t)(strrchr(real, '/') - real));
		buf_fmt(&b, "%s/.git", name);
		if (!lstat(buf_str(&b), &st) && S_ISREG(st.st_mode)) {
			b.n -= 5;
			found = mem_dup(b.s, b.n);
		}
	}
	if (found && !strcmp(found, d->task->worktree->path)) {
		free(found);
		found = NULL;
	}
	buf_free(&b);
	free(common);
	free(whole);
	free(real);
	return found;
}

void
git_no_dir(struct supervisor *d, int error)
{
	const struct worktree *w = d->task->worktree;
	char *repository = place_of_repository(w), *now;
	struct buf b = { 0 };
	int is_main;

	if (error != ENOENT)
		leave_not(d, "cannot be entered: ", strerror(error));
	shell_fmt(&b, "worktree %s", w->branch);
	if ((now = place_of_branch(d, repository, &is_main)) && is_main) {
		shell_fmt(&b, " is gone, and its branch is checked out in %s: check out another there, then: ", now);
		put_restore(d, &b);
	} else if (now) {
		shell_fmt(&b, " was moved to %s: to move it back: ", now);
		git_command(d, &b, repository);
		shell_fmt(&b, " worktree move %s %s", now, w->path);
	} else if ((now = moved_along(d, repository))) {
		buf_text(&b, " is gone; if it was moved with its repository: ");
		git_command(d, &b, repository);
		shell_fmt(&b, " worktree repair %s, then write that path into its result: %s", now, w->path);
	} else {
		buf_text(&b, " is gone: to restore it with its commits: ");
		put_restore(d, &b);
	}
	leave_look(d, WORKTREE_GONE, &b);
}

/* Another branch is checked out, or none. */
static NO_RETURN void
leave_branch(struct supervisor *d, const char *head)
{
	const struct worktree *w = d->task->worktree;
	struct buf b = { 0 };

	begin_why(d, &b);
	if (strncmp(head, "refs/heads/", 11)) {
		buf_text(&b, "has no branch checked out (detached HEAD)");
	} else {
		shell_fmt(&b, "has branch %s checked out", head + 11);
	}
	shell_fmt(&b, ", not %s: to switch back: git -C %s switch %s", w->branch, w->path, w->branch);
	leave_look(d, WORKTREE_OTHER, &b);
}

/* The branch is not there any more, though the worktree is on it. */
static NO_RETURN void
leave_deleted(struct supervisor *d)
{
	const struct worktree *w = d->task->worktree;
	struct buf b = { 0 };

	shell_fmt(&b, "branch %s of worktree %s was deleted: its commits are in the file of: git -C %s rev-parse --git-path logs/HEAD",
	    w->branch, w->path, w->path);
	leave_look(d, WORKTREE_OTHER, &b);
}

/* git takes the directory for no worktree. */
static NO_RETURN void
leave_unusable(struct supervisor *d)
{
	const struct worktree *w = d->task->worktree;
	char *repository = place_of_repository(w);
	struct buf b = { 0 };
	struct stat st;

	if (!lstat(w->path, &st) && !S_ISDIR(st.st_mode))
		leave_not(d, "is not a directory any more, but ", S_ISLNK(st.st_mode) ? "a symbolic link" : "a file");
	begin_why(d, &b);
	buf_text(&b, "cannot be used by git any more: to repair it: ");
	git_command(d, &b, repository);
	shell_fmt(&b, " worktree repair %s; else move it away, then: ", w->path);
	put_restore(d, &b);
	leave_look(d, WORKTREE_OTHER, &b);
}

/* Cuts what git has said into its lines. -1: there are more or fewer, since a path holds a newline: nothing can be said
 * for sure then. */
static int
cut_look(struct look *l)
{
	const char **lines[4];
	char *s = l->all;
	int i;

	lines[0] = &l->top;
	lines[1] = &l->git_dir;
	lines[2] = &l->common;
	lines[3] = &l->head;
	for (i = 0; i < 4 && s; i++) {
		*lines[i] = s;
		s = strchr(s, '\n');
		if (s)
			*s++ = '\0';
	}
	return i == 4 && !s ? 0 : -1;
}

/* Asks git once. -1: it says nothing useful. */
static int
read_look(struct supervisor *d, struct look *l)
{
	const char *dir = d->task->worktree->path;
	int errors = d->errors, bad;
	struct buf b = { 0 };
	char *head = NULL;

	memset(l, 0, sizeof *l);
	d->errors = d->m->null;         /* a branch without a commit is not an error yet */
	bad = git_run(d, dir, d->m->null, &l->all, "rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir",
	    "--symbolic-full-name", "HEAD", (const char *)NULL);
	d->errors = errors;
	if (!bad)
		return cut_look(l);
	if (git_run(d, dir, d->m->null, &l->all, "rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir",
	    (const char *)NULL) || git_run(d, dir, d->m->null, &head, "symbolic-ref", "--quiet", "HEAD", (const char *)NULL))
		return -1;
	buf_fmt(&b, "%s\n%s", l->all, head);
	free(l->all);
	free(head);
	l->all = buf_take(&b);
	l->no_commit = 1;
	return cut_look(l);
}

/* Whether git in DIR works on the repository COMMON. At the top of a main checkout no git is needed to see it. */
static int
is_in_repository(struct supervisor *d, const char *dir, const char *common)
{
	char *there = git_path_from(dir, ".git"), *out = NULL;
	struct stat st;
	int same = !lstat(there, &st) && S_ISDIR(st.st_mode) && git_is_same_file(there, common);

	free(there);
	if (same || !(out = git_rev_parse(d, dir, "--git-common-dir")))
		return same;
	there = git_path_from(dir, out);
	same = git_is_same_file(there, common);
	free(there);
	free(out);
	return same;
}

/* Whether COMMON is the repository of the line that made the worktree W. Where its directory is gone, since another
 * branch is checked out or the worktree around it was removed, what is above it, and what that was made in, tell. */
static int
is_repository_of(struct supervisor *d, const struct worktree *w, const char *common)
{
	char *dir = git_standing(w->made_in);
	int same = is_in_repository(d, dir, common);

	if (!same && strcmp(dir, w->made_in) && w->outer)
		same = is_repository_of(d, w->outer, common);
	free(dir);
	return same;
}

/* Whether git's directory of this worktree is one of the repository COMMON's worktrees, and leads back to it. */
static int
is_linked(struct supervisor *d, const struct look *l, const char *common)
{
	char *all = git_path_from(common, "worktrees"), *parent = mem_dup(l->git_dir, strlen(l->git_dir)), *slash = strrchr(parent, '/');
	char *own = git_path_from(d->task->worktree->path, ".git"), *text = NULL, *back = NULL;
	size_t n;
	int dir, good = 0;

	if (slash)
		*slash = '\0';
	if (slash && git_is_same_file(all, parent) && (dir = file_open_dir(AT_FDCWD, l->git_dir)) >= 0) {
		if (!file_read(dir, "gitdir", &text, &n)) {
			text[strcspn(text, "\n")] = '\0';
			back = git_path_from(l->git_dir, text);
			good = git_is_same_file(back, own);
		}
		close(dir);
	}
	free(all);
	free(parent);
	free(own);
	free(text);
	free(back);
	return good;
}

void
git_look(struct supervisor *d)
{
	const struct worktree *w = d->task->worktree;
	struct look l;
	struct stat st;
	char *common;

	if (!w)
		return;
	if (read_look(d, &l))
		leave_unusable(d);
	if (strcmp(l.top, w->path) && (lstat(w->path, &st) || !S_ISDIR(st.st_mode)))
		leave_not(d, "is a symbolic link now, to ", l.top);
	if (strcmp(l.top, w->path) && !git_is_same_file(l.top, w->path))
		leave_not(d, "is not a worktree any more, but a directory of ", l.top);
	common = git_path_from(w->path, l.common);
	if (!is_repository_of(d, w, common))
		leave_not(d, "is of another repository now: ", common);
	if (!is_linked(d, &l, common))
		leave_not(d, "has a .git that is not its own, but ", l.git_dir);
	if (strncmp(l.head, "refs/heads/", 11) || strcmp(l.head + 11, w->branch))
		leave_branch(d, l.head);
	if (l.no_commit)
		leave_deleted(d);
	free(common);
	free(l.all);
}

/* After a `cd' below the worktree, TOP, where git would commit, must still be the worktree: a repository that lies in
 * it, a link out of it are others. */
void
git_look_inside(struct supervisor *d, const char *top)
{
	const struct worktree *w = d->task->worktree;
	struct buf b = { 0 };

	if (!w || git_is_same_file(top, w->path))
		return;
	shell_fmt(&b, "%s is not in worktree %s, but in %s, where nothing is committed", d->task->dir, w->path, top);
	leave_look(d, WORKTREE_OTHER, &b);
}

/* Making a commit.
 *
 * Its parent and its time are written to the file `how` first: should a crash come between git and the result, the next
 * attempt finds that very commit, and makes none. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/supervise/git.h"
#include "parse/mem.h"
#include "parse/text.h"
#include "store/file.h"

enum { NAMES_MOST = 200 };      /* bytes of names in a warning, from where on no more is added */

/* The first of the commits in RANGE, the oldest; NULL: there is none. */
static char *
oldest_of(struct supervisor *d, const char *range)
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
time_of(struct supervisor *d, const char *id)
{
	char *out = NULL;
	int status = GIT(d, &out, "show", "--no-patch", "--format=%ct", id);

	return status ? NULL : out;
}

/* The commit that an earlier attempt has made, though its result was not kept; NULL: there is none. It is the
 * first on top of the parent that was written down (others may stand on it by now), committed at the
 * time that was: no hook changes either. An intent that has been answered is one no more. */
static char *
find_made(struct supervisor *d, const char *before)
{
	char *parent = intent_get(before, "parent"), *range, *made, *time;

	if (!parent || !intent_is(before, "directory", d->task->dir))
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
message_file(struct supervisor *d)
{
	const struct store *s = d->m->store;
	char name[KEY_NAME_MAX + 1];
	int fd, in;

	supervisor_tmp_name(name, 'a', getpid());
	fd = file_make(s->tmp, name, 0);
	if (fd < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	supervisor_write(d, fd, d->task->prompt, d->task->nprompt, "tmp/");
	in = file_open(s->tmp, name);
	unlinkat(s->tmp, name, 0);
	if (file_close(fd) || in < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	return in;
}

/* Whether .gitmodules names the path NAME. */
static int
is_submodule(struct supervisor *d, const char *top, const char *name)
{
	char *out = NULL, *line;
	size_t n = strlen(name), len;
	int found = 0;

	if (git_run(d, top, d->m->null, &out, "config", "--file", ".gitmodules", "--get-regexp", "^submodule\\..*\\.path$", (const char *)NULL))
		return 0;
	/* submodule.ITS NAME.path THE PATH; either may hold blanks */
	for (line = strtok(out, "\n"); line && !found; line = strtok(NULL, "\n")) {
		len = strlen(line);
		found = len > n + 6 && !strcmp(line + len - n, name) && !strncmp(line + len - n - 6, ".path ", 6);
	}
	free(out);
	return found;
}

static int
nothing_to_commit(struct supervisor *d)
{
	char *out = NULL;
	int nothing = !GIT(d, &out, "diff", "--cached", "--quiet");

	free(out);
	return nothing;
}

/* The time of the commit, as git takes it, and its seconds alone for the intent. */
static void
set_time(struct supervisor *d, char seconds[32])
{
	static char date[80];
	char zone[16];
	time_t now = time(NULL);
	struct tm *tm = localtime(&now);

	snprintf(seconds, 32, "%lld", (long long)now);
	if (!tm || !strftime(zone, sizeof zone, "%z", tm))
		strcpy(zone, "+0000");
	snprintf(date, sizeof date, "GIT_COMMITTER_DATE=@%s %s", seconds, zone);
	git_env_set(d, date);
}

static void
commit(struct supervisor *d, const char *head)
{
	struct buf b = { 0 };
	char *out = NULL, seconds[32];
	int in;

	set_time(d, seconds);
	intent_put(&b, "directory", d->task->dir);
	intent_put(&b, "parent", head ? head : "none");
	intent_put(&b, "time", seconds);
	intent_put(&b, "message", d->task->prompt);
	intent_write(d, &b);
	in = message_file(d);
	git_must(d, git_run(d, d->task->dir, in, &out, "commit", "--quiet", "--cleanup=verbatim", "--file=-", (const char *)NULL),
	    out, "git commit");
	close(in);
}

/* Whether all that is in the worktree is to be taken, also what a sparse checkout leaves out. */
static int
is_sparse(struct supervisor *d)
{
	char *out = NULL;
	int sparse = !GIT(d, &out, "config", "--type=bool", "core.sparseCheckout") && !strcmp(out, "true");

	free(out);
	return sparse;
}

/* Names in the report's text the repositories that an agent has left in the worktree: git takes them as links to
 * commits that nobody else has. A submodule that .gitmodules names is meant. */
static void
name_nested(struct supervisor *d, const char *top)
{
	struct buf b = { 0 };
	char *out = NULL, *p, *end, *name;
	size_t n = 0;

	if (GIT(d, &out, "-c", "core.quotePath=false", "diff", "--cached", "--raw", "--no-abbrev", "--no-renames", "--diff-filter=AT", "--ignore-submodules=none"))
		return;
	for (p = out; p && *p; p = end ? end + 1 : NULL) {
		end = strchr(p, '\n');
		if (end)
			*end = '\0';
		/* :OLD-MODE NEW-MODE OLD-ID NEW-ID STATUS TAB NAME */
		name = strchr(p, '\t');
		if (!name || strncmp(p + 8, "160000 ", 7) || is_submodule(d, top, name + 1))
			continue;
		if (n++ && b.n < NAMES_MOST)
			buf_text(&b, ", ");
		if (b.n < NAMES_MOST)
			buf_text(&b, name + 1);
	}
	if (n && b.n < sizeof d->out.text - 100)
		snprintf(d->out.text, sizeof d->out.text, "%s: %s own: committed as a link only, without files", buf_str(&b),
		    n > 1 ? "repositories of their" : "a repository of its");
	else if (n)
		snprintf(d->out.text, sizeof d->out.text, "%zu repositories in the worktree are committed as links only, without files", n);
	buf_free(&b);
	free(out);
}

/* git adds nothing where a repository without a commit lies in the worktree: leaves if that is so. */
static void
look_for_empty(struct supervisor *d)
{
	char *out = NULL, *line, *dir, *head = NULL;
	struct buf b = { 0 };

	if (GIT(d, &out, "-c", "core.quotePath=false", "ls-files", "--others", "--exclude-standard"))
		return;
	for (line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
		if (line[strlen(line) - 1] != '/')
			continue;       /* only of a repository its directory is named */
		dir = git_path_from(d->task->dir, line);
		if (git_run(d, dir, d->m->null, &head, "rev-parse", "--verify", "--quiet", "HEAD", (const char *)NULL)) {
			shell_fmt(&b, "git add failed: a repository without a commit is in the worktree: commit there, or remove its .git: %s",
			    dir);
			git_leave(d, OUT_TEXT, &b);
		}
		free(dir);
		free(head);
	}
	free(out);
}

/* A merge that was not resolved: `git add' would take the marks of the conflicts for what was meant. */
static void
refuse_conflicts(struct supervisor *d, const char *top)
{
	char *out = NULL, *line, *name;
	struct buf b = { 0 }, last = { 0 };

	if (git_run(d, top, d->m->null, &out, "-c", "core.quotePath=false", "ls-files", "--unmerged", (const char *)NULL) || !*out) {
		free(out);
		return;
	}
	shell_fmt(&b, "unresolved conflicts, nothing is committed: resolve them in %s", top);
	/* MODE ID STAGE TAB NAME, a line for each stage */
	for (line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
		if (!(name = strchr(line, '\t')) || (last.n && !strcmp(buf_str(&last), name)))
			continue;
		last.n = 0;
		buf_text(&last, name);
		buf_text(&b, b.n < NAMES_MOST + strlen(top) ? ": " : " ");
		buf_text(&b, name + 1);
		if (b.n > NAMES_MOST + strlen(top)) {
			buf_text(&b, " ...");
			break;
		}
	}
	git_leave(d, OUT_TEXT, &b);
}

static void
add_all(struct supervisor *d, const char *top)
{
	char *out = NULL;
	int status = is_sparse(d) ? GIT(d, &out, "add", "--all", "--sparse") : GIT(d, &out, "add", "--all");

	if (status)
		look_for_empty(d);
	git_must(d, status, out, "git add");
	free(out);
	name_nested(d, top);
}

/* A line that works in no worktree by the name of its directory may still be in one of this run: a link has led there. */
static void
look_at_known(struct supervisor *d, const char *top)
{
	const struct worktree *w;

	for (w = d->task->worktree ? NULL : d->task->known; w; w = w->next)
		if (git_is_same_file(w->path, top)) {
			d->task->worktree = w;
			git_look(d);
			return;
		}
}

void
supervisor_commit(struct supervisor *d)
{
	char *before = intent_read(d), *head, *made, *top = NULL;

	d->patient = 1;
	stderr_open(d);
	git_look(d);
	git_must(d, GIT(d, &top, "rev-parse", "--show-toplevel"), top, "git rev-parse (is this a git repository?)");
	git_look_inside(d, top);
	look_at_known(d, top);
	made = find_made(d, before);
	if (made) {
		result_put(d, made, strlen(made), 1);
		return;
	}
	head = git_commit_of(d, "HEAD");
	refuse_conflicts(d, top);
	add_all(d, top);
	if (nothing_to_commit(d)) {
		result_put(d, "", 0, 0);
		return;
	}
	commit(d, head);
	head = git_commit_of(d, "HEAD");
	if (!head)
		supervisor_exit_message(d, "git commit made no commit");
	result_put(d, head, strlen(head), 1);
}

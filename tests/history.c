/* Whether what was seen of a run may be. */
#include "tests/history.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"
#include "tests/help.h"
#include "tests/reflog.h"

static char text[4096];

static const char *wrong(const char *fmt, ...) BUF_FORMAT(1, 2);

static const char *
wrong(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return text;
}

/* Marks. */

struct mark {
	int begins, taken, walk, want;
	long pid;
	int end;                /* of a begin: where it ends; itself when it does not */
};

struct marks {
	struct mark *list;
	int n;
};

static const char *
read_mark(const struct history *h, const char *line, struct mark *m)
{
	char sign, key[256], more[16] = "";

	if (sscanf(line, "%c %d %ld %255s %15[a-z]", &sign, &m->walk, &m->pid, key, more) < 4)
		return wrong("no mark: %.60s", line);
	m->begins = sign == '+';
	m->taken = *more != '\0';
	m->want = work_find(h->work, key, strlen(key));
	if (m->want < 0)
		return wrong("%s was started, which no step makes", key);
	if (m->walk < 0 || m->walk >= h->nwalks)
		return wrong("a mark of walk %d", m->walk);
	return NULL;
}

static const char *
read_marks(const struct history *h, struct marks *ms)
{
	const char *s = h->marks, *nl, *bad = NULL;

	memset(ms, 0, sizeof *ms);
	for (; !bad && (nl = strchr(s, '\n')); s = nl + 1) {
		char *line = mem_dup(s, (size_t)(nl - s));

		ms->list = mem_grow(ms->list, (size_t)ms->n + 1, sizeof *ms->list);
		bad = read_mark(h, line, &ms->list[ms->n]);
		ms->list[ms->n].end = ms->n;
		ms->n++;
		free(line);
	}
	return bad;
}

static const char *
key_of(const struct history *h, const struct mark *m)
{
	return h->work->wants[m->want].key;
}

/* The begin of the end at I; -1: there is none. */
static int
begin_of(const struct marks *ms, int i)
{
	int k;

	for (k = i - 1; k >= 0; k--)
		if (ms->list[k].begins && ms->list[k].pid == ms->list[i].pid && ms->list[k].want == ms->list[i].want &&
		    ms->list[k].walk == ms->list[i].walk)
			return k;
	return -1;
}

static const char *
pair_marks(const struct history *h, struct marks *ms)
{
	int i, k;

	for (i = 0; i < ms->n; i++) {
		if (ms->list[i].begins)
			continue;
		k = begin_of(ms, i);
		if (k < 0)
			return wrong("%s has ended and never begun", key_of(h, &ms->list[i]));
		ms->list[k].end = i;
	}
	return NULL;
}

/* Nobody who has begun is still there: of the same key ever, of an earlier walk when a later one is at work. */
static const char *
check_overlap(const struct history *h, const struct marks *ms)
{
	int i, k;

	for (i = 0; i < ms->n; i++) {
		const struct mark *m = &ms->list[i];

		if (m->taken)
			return wrong("%s has begun beside itself, in walk %d", key_of(h, m), m->walk);
		for (k = i + 1; m->begins && k < m->end; k++) {
			if (ms->list[k].begins && ms->list[k].want == m->want)
				return wrong("%s has begun beside itself, in walk %d", key_of(h, m), m->walk);
			if (ms->list[k].begins && ms->list[k].walk != m->walk)
				return wrong("%s of walk %d ends though walk %d has begun", key_of(h, m), m->walk, ms->list[k].walk);
		}
	}
	return NULL;
}

static const char *
check_jobs(const struct history *h, const struct marks *ms)
{
	int i, k, now;
	long jobs;

	for (i = 0; i < ms->n; i++) {
		jobs = h->walks[ms->list[i].walk].jobs;
		if (!jobs || !ms->list[i].begins)
			continue;
		for (now = 1, k = 0; k < i; k++)
			now += ms->list[k].begins && ms->list[k].walk == ms->list[i].walk && ms->list[k].end > i;
		if (now > jobs)
			return wrong("%d agents at once with -j %ld: when %s began, in walk %d", now, jobs, key_of(h, &ms->list[i]),
			    ms->list[i].walk);
	}
	return NULL;
}

/* The branch of BLOCK that a want is in; -1: it is elsewhere. */
static int
branch_in(const struct work_want *want, int block)
{
	int i;

	for (i = 0; i < want->deep; i++)
		if (want->blocks[i] == block)
			return want->branches[i];
	return -1;
}

/* A branch takes its place from the first that it begins in a walk to the last that it ends there. */
struct span {
	int first, last;
};

static const char *
check_cap(const struct history *h, const struct marks *ms, int block, int walk)
{
	const struct work_block *b = &h->work->blocks[block];
	struct span *spans = mem_zero((size_t)b->total + 1, sizeof *spans);
	int i, k, now, branch;
	const char *bad = NULL;

	for (i = 0; i < b->total; i++)
		spans[i].first = ms->n;
	for (i = 0; i < ms->n; i++) {
		branch = branch_in(&h->work->wants[ms->list[i].want], block);
		if (branch < 0 || ms->list[i].walk != walk)
			continue;
		if (spans[branch].first > i)
			spans[branch].first = i;
		spans[branch].last = i;
	}
	for (i = 0; i < b->total && !bad; i++) {
		for (now = 0, k = 0; k < b->total; k++)
			now += spans[k].first <= spans[i].first && spans[k].last >= spans[i].first;
		if (spans[i].first < ms->n && now > b->node->max)
			bad = wrong("%d branches at once of the block in line %d with max %ld: when %s began, in walk %d", now,
			    b->node->line, b->node->max, key_of(h, &ms->list[spans[i].first]), walk);
	}
	free(spans);
	return bad;
}

static const char *
check_caps(const struct history *h, const struct marks *ms)
{
	const char *bad = NULL;
	int block, walk;

	for (block = 0; block < h->work->nblocks; block++)
		for (walk = 0; walk < h->nwalks && !bad; walk++)
			if (h->work->blocks[block].node->max)
				bad = check_cap(h, ms, block, walk);
	return bad;
}

const char *
history_marks(const struct history *h)
{
	struct marks ms;
	const char *bad = read_marks(h, &ms);

	if (!bad)
		bad = pair_marks(h, &ms);
	if (!bad)
		bad = check_overlap(h, &ms);
	if (!bad)
		bad = check_jobs(h, &ms);
	if (!bad)
		bad = check_caps(h, &ms);
	free(ms.list);
	return bad;
}

int
history_begun(const struct history *h, int walk)
{
	struct marks ms;
	int i, n = 0;

	if (!read_marks(h, &ms))
		for (i = 0; i < ms.n && n >= 0; i++) {
			enum work_end end = h->work->wants[ms.list[i].want].end;

			if (ms.list[i].walk == walk && end != WORK_COMMAND)
				n = end == WORK_NOTHING ? n + ms.list[i].begins : -1;
		}
	free(ms.list);
	return n;
}

/* The log. */

enum state { STATE_NONE, STATE_STARTED, STATE_FAILED, STATE_STOPPED, STATE_SETTLED };

struct reader {
	const struct history *h;
	int walk;
	enum state *state;      /* by want; STATE_SETTLED holds from walk to walk, the others do not */
	int *attempts;             /* by want: the latest of this walk */
	int *reached;           /* by block: the first branches up to here have begun in this walk */
};

static int
walk_of(const struct history *h, long pid)
{
	int i;

	for (i = 0; i < h->nwalks; i++)
		if (h->walks[i].pid == pid)
			return i;
	return -1;
}

/* Whether each step that was started in the walk has come to what it has to. */
static const char *
check_ends(const struct reader *r)
{
	const struct work *w = r->h->work;
	int i;

	if (r->walk < 0 || !r->h->walks[r->walk].whole)
		return NULL;
	for (i = 0; i < w->nwants; i++) {
		if (r->state[i] == STATE_STARTED || r->state[i] == STATE_STOPPED)
			return wrong("%s has come to no end in walk %d", w->wants[i].key, r->walk);
		if (r->state[i] == STATE_FAILED && (r->attempts[i] != work_tries(w->wants[i].node) || w->wants[i].node->otherwise))
			return wrong("%s was given up attempt %d of %d, in walk %d", w->wants[i].key, r->attempts[i],
			    work_tries(w->wants[i].node), r->walk);
	}
	return NULL;
}

static const char *
begin_walk(struct reader *r, long pid)
{
	const char *bad = check_ends(r);
	int i;

	r->walk = walk_of(r->h, pid);
	if (bad || r->walk < 0)
		return bad ? bad : wrong("a walk by process %ld, which nobody has started", pid);
	for (i = 0; i < r->h->work->nwants; i++) {
		r->attempts[i] = 0;
		if (r->state[i] != STATE_SETTLED)
			r->state[i] = STATE_NONE;
		if (r->h->walks[r->walk].kept && r->h->walks[r->walk].kept[i])
			r->state[i] = STATE_SETTLED;
	}
	for (i = 0; i < r->h->work->nblocks; i++)
		r->reached[i] = -1;
	return NULL;
}

/* The branches whose first statement has no result yet begin in input order. */
static const char *
check_order(struct reader *r, const struct work_want *want)
{
	int block = want->blocks[want->deep - 1], branch = want->branches[want->deep - 1];

	if (branch < r->reached[block])
		return wrong("%s began after branch %d of its block, it is branch %d, in walk %d", want->key, r->reached[block],
		    branch, r->walk);
	r->reached[block] = branch;
	return NULL;
}

static const char *
started(struct reader *r, int i, int try)
{
	const struct work_want *want = &r->h->work->wants[i];
	int k;

	if (r->state[i] == STATE_SETTLED)
		return wrong("%s was started again, in walk %d, though it has its answer", want->key, r->walk);
	if (try != r->attempts[i] + 1 || (try > 1 && r->state[i] != STATE_FAILED))
		return wrong("%s was started for try %d behind try %d, in walk %d", want->key, try, r->attempts[i], r->walk);
	if (try > work_tries(want->node))
		return wrong("%s was started for try %d of %d, in walk %d", want->key, try, work_tries(want->node), r->walk);
	for (k = 0; k < want->nneeds; k++)
		if (r->state[want->needs[k]] != STATE_SETTLED)
			return wrong("%s was started before %s had its answer, in walk %d", want->key,
			    r->h->work->wants[want->needs[k]].key, r->walk);
	r->state[i] = STATE_STARTED;
	r->attempts[i] = try;
	return want->leads && try == 1 ? check_order(r, want) : NULL;
}

static const char *
settled(struct reader *r, int i, enum work_end end)
{
	const struct work_want *want = &r->h->work->wants[i];

	if (want->end != end)
		return wrong("%s is %s, in walk %d", want->key, end == WORK_WORD ? "given up for a word" : "done", r->walk);
	if (r->state[i] != (end == WORK_WORD ? STATE_FAILED : STATE_STARTED))
		return wrong("%s is done and was not begun, in walk %d", want->key, r->walk);
	if (end == WORK_WORD && r->attempts[i] != work_tries(want->node))
		return wrong("%s was given up for a word attempt %d of %d, in walk %d", want->key, r->attempts[i],
		    work_tries(want->node), r->walk);
	r->state[i] = STATE_SETTLED;
	return NULL;
}

/* An `if` in a worktree has decided; PLACE is FILE:LINE. */
static const char *
decided(struct reader *r, const char *place, const char *yes)
{
	const struct work *w = r->h->work;
	const char *line = strrchr(place, ':');
	int i, found = 0;

	for (i = 0; i < w->nwants && line && yes && !found; i++)
		found = w->wants[i].end == WORK_COMMAND && w->wants[i].tree >= 0 && w->wants[i].node->line == atoi(line + 1) &&
		    w->wants[i].yes == atoi(yes);
	return found ? NULL : wrong("the if of %s has decided %s", place, yes ? yes : "nothing");
}

static const char *
read_line(struct reader *r, char *line)
{
	char *time = strtok(line, "\t"), *what = strtok(NULL, "\t"), *key = strtok(NULL, "\t"), *try;
	int i;

	if (!time || !what || !key)
		return wrong("no line of a log: %s", line);
	if (!strcmp(what, "if"))
		return decided(r, key, strtok(NULL, "\t"));
	if (!strcmp(what, "walk"))
		return begin_walk(r, atol(key));
	if (!strcmp(what, "end"))
		return NULL;
	try = strtok(NULL, "\t");
	i = work_find(r->h->work, key, strlen(key));
	if (i < 0 || !try || r->walk < 0)
		return wrong("%s of %s, which no step makes", what, key);
	if (!strcmp(what, "start"))
		return started(r, i, atoi(try));
	if (!strcmp(what, "done"))
		return settled(r, i, WORK_ANSWER);
	if (!strcmp(what, "otherwise"))
		return settled(r, i, WORK_WORD);
	if (!strcmp(what, "found"))
		return r->state[i] == STATE_SETTLED ? NULL : wrong("%s was found in walk %d, and was not there", key, r->walk);
	r->state[i] = !strcmp(what, "fail") ? STATE_FAILED : STATE_STOPPED;
	return NULL;
}

const char *
history_log(const struct history *h)
{
	struct reader r;
	const char *s, *nl, *bad = NULL;

	r.h = h;
	r.walk = -1;
	r.state = mem_zero((size_t)h->work->nwants + 1, sizeof *r.state);
	r.attempts = mem_zero((size_t)h->work->nwants + 1, sizeof *r.attempts);
	r.reached = mem_zero((size_t)h->work->nblocks + 1, sizeof *r.reached);
	for (s = h->log; !bad && (nl = strchr(s, '\n')); s = nl + 1) {
		char *line = mem_dup(s, (size_t)(nl - s));

		if (*line)
			bad = read_line(&r, line);
		free(line);
	}
	if (!bad)
		bad = check_ends(&r);
	free(r.state);
	free(r.attempts);
	free(r.reached);
	return bad;
}

/* Worktrees. */

/* What git writes to a command, which must succeed. */
static char *
git(const char *dir, const char *command)
{
	struct ran r = help_run("git -C '%s' %s", dir, command);

	ck_assert_msg(r.status == 0, "git -C '%s' %s\n%s", dir, command, r.err);
	return r.out;
}

static const char *
check_branch(const struct work *w, const struct work_tree *t, int all)
{
	struct reflog own, base;
	char says[300];
	int i;

	reflog_read(t->branch, &own);
	if (!own.n && !all)
		return NULL;
	reflog_read(t->base < 0 ? "main" : w->trees[t->base].branch, &base);
	if (t->nth >= base.n || strcmp(own.ids[0], base.ids[t->nth]))
		return wrong("the branch %s does not begin at commit %d of the one it was made in", t->branch, t->nth);
	if (!own.is_chain || own.n - 1 > t->ncommits || (all && own.n - 1 < t->ncommits))
		return wrong("the branch %s was moved %d times, for %d commits: the last is: %s", t->branch, own.n - 1, t->ncommits,
		    own.says[own.n - 1]);
	for (i = 1; i < own.n; i++) {
		snprintf(says, sizeof says, "commit: Made %s.", w->wants[t->commits[i - 1]].key);
		if (strcmp(own.says[i], says))
			return wrong("the branch %s was moved: %s, not %s", t->branch, own.says[i], says);
	}
	return NULL;
}

/* The messages and files of the branch's own commits, as git log is told to write them. */
static const char *
check_commits(const struct work *w, const struct work_tree *t)
{
	struct buf want = { 0 };
	char command[300], *said, *from, *to, *line;
	int i, same;

	snprintf(command, sizeof command, "log --reverse -n %d --format=%%B --name-status %s --", t->ncommits, t->branch);
	said = git(".", command);
	for (from = to = said; *from; from++)           /* the lines without those that are empty */
		if (*from != '\n' || (to > said && to[-1] != '\n'))
			*to++ = *from;
	*to = '\0';
	for (i = 0; i < t->ncommits; i++) {
		const struct work_want *c = &w->wants[t->commits[i]];
		char *files = mem_dup(c->files.s, c->files.n);

		buf_add(&want, c->message.s, c->message.n);
		for (line = strtok(files, "\n"); line; line = strtok(NULL, "\n"))
			buf_fmt(&want, "A\t%s\n", line);
		free(files);
	}
	same = !strcmp(said, buf_str(&want));
	if (!same)
		wrong("the branch %s has:\n%s\nand not:\n%s", t->branch, said, buf_str(&want));
	buf_free(&want);
	return same ? NULL : text;
}

/* What lies in the worktree: what was written, of which git misses only what no line has committed. */
static const char *
check_tree(const struct work_tree *t)
{
	struct buf want = { 0 };
	char path[1024], *all = mem_dup(t->all.n ? t->all.s : "", t->all.n), *files = mem_dup(t->files.n ? t->files.s : "", t->files.n);
	char *said = git(t->path, "status --porcelain"), *line, *s;
	int same;

	for (line = strtok(files, "\n"); line; line = strtok(NULL, "\n"))
		buf_fmt(&want, "?? %s\n", line);
	same = !strcmp(said, buf_str(&want));
	if (!same)
		wrong("in %s git status is:\n%s\nand not:\n%s", t->path, said, buf_str(&want));
	for (line = strtok(all, "\n"); line && same; line = strtok(NULL, "\n")) {
		snprintf(path, sizeof path, "%s/f-%s", t->path, line);
		s = help_read(path, NULL);
		same = !strncmp(s, line, strlen(line)) && !strcmp(s + strlen(line), "\n");
		if (!same)
			wrong("%s has: %s", path, s);
		free(s);
	}
	buf_free(&want);
	free(all);
	free(files);
	return same ? NULL : text;
}

/* git knows these worktrees, each on its branch, and no other branch. */
static const char *
check_known(const struct work *w)
{
	char *list = git(".", "worktree list --porcelain"), want[1200];
	int i, n = help_count(list, "worktree ");

	for (i = 0; i < w->ntrees; i++) {
		char *at;

		snprintf(want, sizeof want, "worktree %s\n", w->trees[i].path);
		at = strstr(list, want);
		snprintf(want, sizeof want, "\nbranch refs/heads/%s\n\n", w->trees[i].branch);
		if (!at || !(at = strstr(at, "\nbranch ")) || strncmp(at, want, strlen(want)))
			return wrong("git knows no worktree %s with its branch, in:\n%s", w->trees[i].path, list);
	}
	if (n != w->ntrees + 1)
		return wrong("git knows %d worktrees, not %d:\n%s", n, w->ntrees + 1, list);
	n = help_count(git(".", "for-each-ref"), "\n");
	return n == w->ntrees + 1 ? NULL : wrong("there are %d branches, not %d", n, w->ntrees + 1);
}

const char *
history_trees(const struct work *w, int all)
{
	const char *bad = NULL;
	int i;

	for (i = 0; i < w->ntrees && !bad; i++)
		bad = check_branch(w, &w->trees[i], all);
	for (i = 0; i < w->ntrees && all && !bad; i++) {
		bad = check_commits(w, &w->trees[i]);
		if (!bad)
			bad = check_tree(&w->trees[i]);
	}
	if (!bad && all && w->ntrees)
		bad = check_known(w);
	return bad;
}

/* Results. */

/* The result of a commit that was made is its id. */
static const char *
check_id(const struct work *w, const struct work_want *want, const char *path)
{
	const struct work_tree *t = &w->trees[want->tree];
	struct reflog l;
	char *s = help_read(path, NULL), id[REFLOG_ID + 2];
	int same;

	reflog_read(t->branch, &l);
	snprintf(id, sizeof id, "%s\n", want->nth < l.n ? l.ids[want->nth] : "");
	same = !strcmp(s, id);
	if (!same)
		wrong("the answer %s is %.50s, and commit %d of the branch %s is %s", want->key, s, want->nth, t->branch, id);
	free(s);
	return same ? NULL : text;
}

static const char *
check_result(const struct work *w, int i, const char *dir, const char *name)
{
	const struct buf *want = &w->wants[i].result;
	char path[1024];
	size_t n, at = 0;
	char *s;

	if (w->wants[i].end != WORK_ANSWER && w->wants[i].end != WORK_WORD)
		return wrong("%s has an answer", name);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (w->wants[i].nth)
		return check_id(w, &w->wants[i], path);
	s = help_read(path, &n);
	while (at < n && at < want->n && s[at] == want->s[at])
		at++;
	free(s);
	if (n == want->n && at == n)
		return NULL;
	return wrong("the answer %s has %zu bytes, not %zu; they differ from byte %zu on", name, n, want->n, at);
}

const char *
history_results(const struct work *w, const char *dir, unsigned char *kept, int all)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	const char *bad = NULL;
	int i;

	memset(kept, 0, (size_t)w->nwants);
	while (d && !bad && (e = readdir(d))) {
		if (*e->d_name == '.')
			continue;
		i = work_find(w, e->d_name, strlen(e->d_name));
		bad = i < 0 ? wrong("there is an answer %s", e->d_name) : check_result(w, i, dir, e->d_name);
		if (!bad)
			kept[i] = 1;
	}
	if (d)
		closedir(d);
	for (i = 0; i < w->nwants && all && !bad; i++)
		if (!kept[i] && (w->wants[i].end == WORK_ANSWER || w->wants[i].end == WORK_WORD))
			bad = wrong("there is no answer %s", w->wants[i].key);
	return bad;
}

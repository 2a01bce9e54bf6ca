/* What a supervisor is to do, whole. */
#include "engine/task/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/task/depends.h"
#include "engine/task/digest.h"
#include "engine/task/items.h"
#include "parse/agents.h"
#include "parse/parse.h"
#include "parse/text.h"
#include "store/escape.h"

/* Without it claude may give a result before the work that it does in the background has ended. */
#define FOREGROUND "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS"

enum {
	VARIABLE_MOST = 64 * 1024,
	DELAY_MS = 5000
};

struct maker {
	struct task *task;
	const struct run_env *around;
	struct results *results;
	const struct context *at;
	const struct node *node;
	const struct attrs *attrs[3];   /* the run's, its step's, the file's */
	const char **env;       /* what these add to the environment, nenv of them; the later hold */
	size_t nenv;
	int compares;           /* the task is only to say what would be asked */
	int bad_env;            /* one cannot be told, which the results' error says */
};

/* T's bytes in the task's memory. NULL: an error, which is said; a NUL byte is one if NO_NUL. */
static const char *
read_tmpl(struct maker *m, const struct tmpl *t, size_t *n, int no_nul)
{
	struct buf b = { 0 };
	const char *s = NULL;

	if (tmpl_literal(t, &s, n))
		return s;               /* a workflow has no NUL byte */
	if (!expand(m->results, m->at, t, &b)) {
		if (no_nul && b.n && memchr(b.s, '\0', b.n))
			buf_text(&m->results->error, "a NUL byte cannot be passed to a program in an argument");
		else
			s = arena_dup(&m->task->mem, b.s, b.n);
	}
	*n = b.n;
	buf_free(&b);
	return s;
}

/* Arguments. */

static int
make_argv(struct maker *m, const struct step *step, int interactive)
{
	enum prompt_place place = m->node->place;
	size_t n = 0, i, at = m->node->prompt_at, len;
	const struct word *w;
	const char **argv;

	while (agents_word(step, interactive, n))
		n++;
	argv = arena_get(&m->task->mem, (n + 1) * sizeof *argv);
	for (i = 0; (w = agents_word(step, interactive, i)); i++) {
		if (place == PROMPT_PROGRAM && i == at)
			argv[i] = m->node->program;
		else
			argv[i] = read_tmpl(m, place == PROMPT_ARG && i == at ? &m->node->prompt : &w->t, &len, 1);
		if (!argv[i])
			return -1;
		if (place == PROMPT_ARG && i == at)
			argv[i] = arena_dup(&m->task->mem, argv[i], without_newlines(argv[i], len));
	}
	m->task->argv = (char *const *)(const void *)argv;
	return 0;
}

/* Environment. */

struct env {
	const char **list;
	size_t n;
};

/* Puts NAME=VALUE in place of another value of that name. */
static void
env_put(struct maker *m, struct env *e, const char *s)
{
	size_t n = strcspn(s, "=") + 1, i;

	for (i = 0; i < e->n; i++)
		if (!strncmp(e->list[i], s, n))
			break;
	if (i == e->n) {
		e->list = arena_more(&m->task->mem, e->list, e->n, sizeof *e->list);
		e->n++;
	}
	e->list[i] = s;
}

static void
env_set(struct maker *m, struct env *e, const char *name, const char *value, size_t n)
{
	size_t nname = strlen(name);
	char *s = arena_get(&m->task->mem, nname + n + 2);

	memcpy(s, name, nname);
	s[nname] = '=';
	memcpy(s + nname + 1, value, n);
	env_put(m, e, s);
}

static int
env_has(const struct env *e, const char *entry)
{
	size_t n = strcspn(entry, "="), i;

	for (i = 0; i < e->n; i++)
		if (!strncmp(e->list[i], entry, n) && e->list[i][n] == '=')
			return 1;
	return 0;
}

/* Whether LIST, to its NULL, has NAME. */
static int
list_has(const char *const *list, const char *name)
{
	size_t n = strlen(name);

	for (; *list; list++)
		if (!strncmp(*list, name, n) && (*list)[n] == '=')
			return 1;
	return 0;
}

static void
env_variables(struct maker *m, struct env *e, const struct scope *s)
{
	struct variable v;

	scope_start(&v, s);
	while (scope_next(&v))
		if (v.n <= VARIABLE_MOST)
			env_set(m, e, v.name, v.value, v.n);
}

/* The file's first. */
static void
read_env(struct maker *m)
{
	size_t i, n = 0, len;
	int level;

	for (level = 2; level >= 0; level--)
		n += m->attrs[level] ? m->attrs[level]->nenv : 0;
	m->env = n ? arena_get(&m->task->mem, n * sizeof *m->env) : NULL;
	for (level = 2; level >= 0; level--)
		for (i = 0; m->attrs[level] && i < m->attrs[level]->nenv; i++) {
			const char *s = read_tmpl(m, &m->attrs[level]->env[i].t, &len, 1);

			m->bad_env |= !s;
			if (m->bad_env)
				return;
			m->env[m->nenv++] = s;
		}
}

static int
is_too_long(const struct scope *s, const char *entry)
{
	size_t n = strcspn(entry, "=");
	struct variable v;

	return scope_find(s, entry, n, &v) && v.n > VARIABLE_MOST;
}

static int
make_env(struct maker *m)
{
	struct env e = { 0 };
	char *const *p;
	const char **all;
	size_t n;

	if (m->bad_env)
		return -1;
	env_variables(m, &e, m->at->scope);
	for (n = 0; n < m->nenv; n++)
		env_put(m, &e, m->env[n]);
	env_set(m, &e, "ORCH_RUN", m->around->run, strlen(m->around->run));
	env_set(m, &e, "ORCH_KEY", m->task->key, strlen(m->task->key));
	env_set(m, &e, "ORCH_RESULTS", m->around->results_dir, strlen(m->around->results_dir));
	env_set(m, &e, "ORCH_ROOT", m->around->root, strlen(m->around->root));
	if (m->around->within)
		env_set(m, &e, "ORCH_WITHIN", m->around->within, strlen(m->around->within));
	n = 0;
	for (p = m->around->environ; *p; p++)
		n++;
	all = arena_get(&m->task->mem, (n + e.n + 2) * sizeof *all);
	for (n = 0, p = m->around->environ; *p; p++)
		if (!env_has(&e, *p) && !is_too_long(m->at->scope, *p) && !(m->at->worktree && task_names_repository(*p)))
			all[n++] = *p;
	memcpy(all + n, e.list, e.n * sizeof *all);
	if (m->task->agent_kind == AGENT_CLAUDE && !m->task->interactive && !list_has(all, FOREGROUND))
		all[n + e.n] = FOREGROUND "=1";
	m->task->envp = (char *const *)(const void *)all;
	return 0;
}

int
task_names_repository(const char *entry)
{
	static const char *const names[] = {
		"DIR=", "WORK_TREE=", "INDEX_FILE=", "COMMON_DIR=", "OBJECT_DIRECTORY=", "ALTERNATE_OBJECT_DIRECTORIES=", "NAMESPACE=",
		"PREFIX=", "IMPLICIT_WORK_TREE=", "GRAFT_FILE=", "SHALLOW_FILE=", "INTERNAL_SUPER_PREFIX=", "QUARANTINE_PATH=",
	};
	size_t i;

	if (strncmp(entry, "GIT_", 4))
		return 0;
	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (!strncmp(entry + 4, names[i], strlen(names[i])))
			return 1;
	return 0;
}

/* A word for git: none that it could take for an option, or that has no place in a name. */
static const char *
git_word(struct maker *m, const struct word *w, const char *what)
{
	size_t n;
	char quoted[TEXT_SHORT];
	const char *s = read_tmpl(m, &w->t, &n, 1);

	if (s && n && *s != '-' && !strpbrk(s, " \t\n"))
		return s;
	if (s)
		buf_fmt(&m->results->error, "invalid %s '%s': it must not be empty, begin with -, or hold a blank or newline",
		    what, text_short(quoted, s));
	return NULL;
}

/* The entry in the file `how`. */
static void
set_how(struct task *t, const struct buf *b)
{
	t->how = arena_dup(&t->mem, b->s, b->n);
	t->nhow = b->n;
}

static int
make_worktree(struct maker *m)
{
	const struct node *n = m->node;
	struct task *t = m->task;
	struct buf b = { 0 };
	const char *at;

	t->branch = git_word(m, n->arg, "branch name");
	if (!t->branch || (n->from && !(t->from = git_word(m, n->from, "commit"))))
		return -1;
	if (n->at) {
		at = git_word(m, n->at, "worktree path");
		if (!at)
			return -1;
		if (*at != '/')
			buf_fmt(&b, "%s/", t->dir);
		buf_text(&b, at);
		t->path = arena_dup(&t->mem, b.s, b.n);
		b.n = 0;
	}
	task_how_line(&b, "branch", t->branch, strlen(t->branch));
	set_how(t, &b);
	buf_free(&b);
	return 0;
}

static int
make_text(struct maker *m)
{
	m->task->prompt = read_tmpl(m, &m->node->prompt, &m->task->nprompt, 1);
	return m->task->prompt ? 0 : -1;
}

static int
make_commit(struct maker *m)
{
	if (make_text(m))
		return -1;
	if (!m->task->prompt[strspn(m->task->prompt, " \t\n")]) {
		buf_text(&m->results->error, "the commit's message is empty");
		return -1;
	}
	return 0;
}

static int
make_ask(struct maker *m)
{
	const struct node *node = m->node;
	struct task *t = m->task;
	const char **choices = arena_get(&t->mem, (node->choices.n + 1) * sizeof *choices);
	struct buf b = { 0 };
	char quoted[TEXT_SHORT];
	size_t i, n;

	for (i = 0; i < node->choices.n; i++)
		if (!(choices[i] = read_tmpl(m, &node->choices.list[i].t, &n, 1)))
			return -1;
	t->choices = choices;
	t->nchoices = i;
	if (node->fallback && !(t->fallback = read_tmpl(m, &node->fallback->t, &n, 1)))
		return -1;
	for (i = 0; t->fallback && i < t->nchoices && strcmp(choices[i], t->fallback); i++)
		;
	if (t->fallback && t->nchoices && i == t->nchoices) {
		buf_fmt(&m->results->error, "the default '%s' is not one of the choices", text_short(quoted, t->fallback));
		return -1;
	}
	task_how_line(&b, "ask", t->key, strlen(t->key));
	for (i = 0; i < t->nchoices; i++)
		task_how_line(&b, "choice", choices[i], strlen(choices[i]));
	if (t->fallback)
		task_how_line(&b, "default", t->fallback, strlen(t->fallback));
	set_how(t, &b);
	buf_free(&b);
	return make_text(m);
}

/* Standard input. */

static int
make_inputs(struct maker *m)
{
	struct ids ids = { 0 };
	size_t i, n = 0;
	char *to;
	int bad;

	if (!m->node->inputs.n)
		return 0;
	bad = inputs_keys(m->results, m->at, m->node, &ids);
	for (i = 0; i < ids.n; i++)
		n += strlen(keys_text(m->results->keys, ids.list[i])) + 1;
	m->task->inputs = to = arena_get(&m->task->mem, n);
	m->task->ninputs = ids.n;
	for (i = 0; i < ids.n; i++)
		to = stpcpy(to, keys_text(m->results->keys, ids.list[i])) + 1;
	ids_free(&ids);
	return bad;
}

static int
make_prompt(struct maker *m)
{
	if (m->node->revise.n && !(m->task->revise = read_tmpl(m, &m->node->revise, &m->task->nrevise, 0)))
		return -1;
	if (m->node->place != PROMPT_STDIN)
		return 0;
	m->task->prompt = read_tmpl(m, &m->node->prompt, &m->task->nprompt, 0);
	return m->task->prompt ? 0 : -1;
}

/* The directory as `how` has it: a project that was moved resumes where it is now. */
static const char *
short_dir(const struct task *t)
{
	size_t root = strlen(t->root);

	if (strncmp(t->dir, t->root, root) || (t->dir[root] && t->dir[root] != '/'))
		return t->dir;
	return t->dir[root] ? t->dir + root + 1 : ".";
}

void
task_lacks_session(const struct run_env *around, const char *key, const char *reason, struct buf *b)
{
	char quoted[TEXT_SHORT];

	buf_fmt(b, "%s has no session", text_short(quoted, key));
	if (reason)
		buf_fmt(b, " (%s)", reason);
	if (around->redo)
		around->redo(around->ctx, key, b);
}

/* Why the result of the key ID has no session; NULL: that is not known. */
static const char *
lack_of(const struct keys *keys, uint32_t id)
{
	unsigned origin = keys->list[id].origin;

	if (keys->list[id].flags & KEY_FALLBACK)
		return "fallback";
	return origin == ORIGIN_FOUND || origin == ORIGIN_FOREIGN ? "result written by hand" : NULL;
}

/* Which session it is asked in a copy of. One that is only compared needs none. */
static int
make_fork(struct maker *m)
{
	const struct session *e;
	const char *key;
	uint32_t id;

	if (!m->node->attrs.forks.n)
		return 0;
	if (expand_last(m->results, m->at, &m->node->attrs.forks, &id))
		return -1;
	if (id == KEY_NONE) {
		buf_text(&m->results->error, "nothing to fork: no such result yet");
		return m->compares ? 0 : -1;
	}
	key = keys_text(m->results->keys, id);
	m->task->fork_key = arena_dup(&m->task->mem, key, strlen(key));
	e = m->around->sessions ? sessions_of(m->around->sessions, id) : NULL;
	if (e && *e->result.id)
		m->task->fork = &e->result;
	else if (!m->compares) {
		task_lacks_session(m->around, key, lack_of(m->results->keys, id), &m->results->error);
		return -1;
	}
	return 0;
}

char *const *
task_session_argv(struct task *t, const char *id)
{
	const char *const claude[] = { "--resume", id, "--fork-session", NULL }, *const codex[] = { "fork", id, "-", NULL };
	const char *const *more = t->agent_kind == AGENT_CLAUDE ? claude : codex;
	const char **argv;
	size_t n = 0, i;

	while (t->argv[n])
		n++;
	argv = arena_get(&t->mem, (n + 4) * sizeof *argv);
	memcpy(argv, t->argv, n * sizeof *argv);
	for (i = 0; i < 4; i++)
		argv[n + i] = more[i];
	return (char *const *)(const void *)argv;
}

/* Attributes: the run's come before its step's, a step's before the file's. */

static int
read_number(struct maker *m, const struct word *w, long long (*parse)(const char *, size_t), const char *format, long long *v)
{
	size_t n;
	char quoted[TEXT_SHORT];
	const char *s = read_tmpl(m, &w->t, &n, 0);

	if (!s)
		return -1;
	*v = parse(s, n);
	if (*v < 0)
		buf_fmt(&m->results->error, format, text_short(quoted, s));
	return *v < 0 ? -1 : 0;
}

/* The innermost that is given holds. */
static int
make_timeout(struct maker *m)
{
	int i;

	for (i = 0; i < 3; i++)
		if (m->attrs[i] && m->attrs[i]->timeout)
			return read_number(m, m->attrs[i]->timeout, duration_parse, "invalid duration '%s': use 90s, 10m or 2h; 0 is none", &m->task->timeout);
	return 0;
}

static int
make_idle(struct maker *m)
{
	int i;

	for (i = 0; i < 3 && !m->task->interactive; i++)
		if (m->attrs[i]->idle)
			return read_number(m, m->attrs[i]->idle, duration_parse, "invalid duration '%s': use 90s, 10m or 2h; 0 is none", &m->task->idle);
	return 0;
}

static int
make_attrs(struct maker *m)
{
	struct task *t = m->task;
	const char **checks;
	size_t n = 0, k;
	int i, retried = 0, bad = make_timeout(m) || make_idle(m);

	t->delay = DELAY_MS;
	for (i = 0; i < 3; i++)
		n += m->attrs[i]->nchecks;
	checks = n ? arena_get(&t->mem, n * sizeof *checks) : NULL;
	for (i = 0; i < 3 && !bad; i++) {
		const struct attrs *a = m->attrs[i];

		if (a->filter.s && !t->filter)
			t->filter = a->filter.s;
		for (k = 0; k < a->nchecks; k++)
			checks[t->nchecks++] = a->checks[k].s;
		if (a->otherwise)
			t->has_otherwise = 1;
		if (a->retry && !bad && !retried++) {
			bad = read_number(m, a->retry, attempts_parse, "invalid number of attempts '%s': use retry N [DELAY]", &t->retries);
			if (a->delay && !bad)
				bad = read_number(m, a->delay, duration_parse, "invalid duration '%s': use 5s, 10m or 2h", &t->delay);
		}
	}
	t->checks = checks;
	return bad;
}

/* The entry in the file `how`. */

void
task_how_line(struct buf *b, const char *word, const char *s, size_t n)
{
	size_t nword = strlen(word);
	char *line = buf_room(b, nword + n * 3 + 2);

	memcpy(line, word, nword);
	line[nword++] = '\t';
	nword += escape_add(line + nword, s, n);
	line[nword++] = '\n';
	b->n += nword;
}

/* Whether the shell program S, which may be NULL, has $NAME or ${NAME in it. */
static int
program_names(const char *s, const char *name)
{
	size_t n = strlen(name);
	const char *p;

	for (p = s ? strchr(s, '$') : NULL; p; p = strchr(p, '$')) {
		p += p[1] == '{' ? 2 : 1;
		if (!strncmp(p, name, n) && !(p[n] == '_' || (p[n] >= 'a' && p[n] <= 'z') || (p[n] >= '0' && p[n] <= '9')))
			return 1;
	}
	return 0;
}

static int
is_named(const struct maker *m, const char *name)
{
	const struct word *w;
	size_t i;

	if (tmpl_holds(&m->node->prompt, name) || program_names(m->node->program, name) || program_names(m->task->filter, name))
		return 1;
	for (i = 0; i < m->task->nchecks; i++)
		if (program_names(m->task->checks[i], name))
			return 1;
	for (i = 0; (w = agents_word(m->node->step, m->task->interactive, i)); i++)
		if (tmpl_holds(&w->t, name))
			return 1;
	return 0;
}

/* What a file that the step depends on is to its question. */
static void
how_file(struct buf *b, const struct depended *f)
{
	static const char *const words[] = { "unread", "", "missing", TASK_GONE, "no-plain-file", "unreadable" };
	struct buf line = { 0 };

	buf_fmt(&line, "%s ", f->name);
	if (f->found == FILE_READ)
		buf_fmt(&line, "%016llx", (unsigned long long)f->digest);
	else
		buf_text(&line, words[f->found]);
	task_how_line(b, "depends", line.s, line.n);
	buf_free(&line);
}

const char *
task_how_files(const char *s, size_t n)
{
	const char *end = s + n, *nl;

	while (s < end && strncmp(s, "depends\t", 8)) {
		nl = memchr(s, '\n', (size_t)(end - s));
		s = nl ? nl + 1 : end;
	}
	return s;
}

/* What it depends on is refused before it is asked. */
static int
check_files(struct maker *m)
{
	const struct depends *d = m->at->files;
	size_t i;

	for (i = 0; d && i < d->n; i++) {
		m->task->files_gone |= d->list[i].found == FILE_GONE;
		if (!m->compares && depends_refuse(&d->list[i], &m->results->error))
			return -1;
	}
	return 0;
}

static void
make_how(struct maker *m)
{
	struct task *t = m->task;
	struct variable v;
	const struct word *w;
	static struct buf b;    /* its memory serves the next task too */
	struct buf fork = { 0 };
	size_t i;

	b.n = 0;
	task_how_line(&b, "directory", t->short_dir, strlen(t->short_dir));
	for (i = 0; (w = agents_word(m->node->step, t->interactive, i)); i++)
		if (!w->reports)        /* what these make it write is about the question, and no part of it */
			task_how_line(&b, "word", t->argv[i], strlen(t->argv[i]));
	if (t->filter)
		task_how_line(&b, "filter", t->filter, strlen(t->filter));
	for (i = 0; i < t->nchecks; i++)
		task_how_line(&b, "check", t->checks[i], strlen(t->checks[i]));
	for (i = 0; i < m->nenv; i++)
		task_how_line(&b, "env", m->env[i], strlen(m->env[i]));
	if (t->fork_key) {
		buf_fmt(&fork, "%s %s", t->fork_key, t->fork ? t->fork->id : "");
		task_how_line(&b, "fork", fork.s, fork.n);
		buf_free(&fork);
	}
	scope_start(&v, m->at->scope);
	while (scope_next(&v))
		if (is_named(m, v.name)) {
			buf_fmt(&b, "variable\t%s", v.name);
			task_how_line(&b, "", v.value, v.n);
		}
	for (i = 0; m->at->files && i < m->at->files->n; i++)
		how_file(&b, &m->at->files->list[i]);
	set_how(t, &b);
}

static void
start(struct maker *m, struct task *t, enum task_kind kind, const struct run_env *around, struct results *a)
{
	memset(t, 0, offsetof(struct task, file));
	*t->file = '\0';
	memset(m, 0, sizeof *m);
	t->kind = kind;
	t->root = around->root;
	t->prompt = "";
	m->task = t;
	m->around = around;
	m->results = a;
	a->error.n = 0;
}

static void
take_key(struct task *t, const char *key)
{
	t->key = arena_dup(&t->mem, key, strlen(key));
}

/* What only those need who do the task. */
static int
take_file(struct task *t)
{
	return key_encode(t->key, strlen(t->key), t->file) < 0 ? -1 : 0;
}

static int
make_step(struct maker *m, struct task *t, const struct run_env *around, struct results *a, const struct context *at,
    const struct node *node, const char *key, int compares)
{
	start(m, t, TASK_STEP, around, a);
	m->compares = compares;
	m->at = at;
	m->node = node;
	m->attrs[0] = &node->attrs;
	m->attrs[1] = &node->step->attrs;
	m->attrs[2] = &at->flow->attrs;
	t->dir = at->dir;
	t->worktree = at->worktree;
	t->interactive = node->attrs.interactive || node->step->attrs.interactive;
	t->is_fresh = node->attrs.fresh || node->step->attrs.fresh;
	t->is_pure = node_is_pure(node);
	t->short_dir = short_dir(t);
	take_key(t, key);
	if (make_argv(m, node->step, t->interactive) || make_prompt(m) || make_inputs(m) || make_fork(m) || make_attrs(m) || check_files(m))
		return -1;
	read_env(m);
	make_how(m);
	return 0;
}

int
task_step(struct task *t, const struct run_env *around, struct results *a, const struct context *at,
    const struct node *node, const char *key)
{
	struct maker m;

	if (make_step(&m, t, around, a, at, node, key, 0) || take_file(t))
		return -1;
	t->agent_kind = agents_kind_of(node->step->agent->name, t->argv);
	t->own_format = node->step->own_format;
	return make_env(&m);
}

/* What tells the question of an `if` in a worktree from all others: where it is asked, the command, the names of its
 * inputs, the variables. */
static uint64_t
if_digest(const struct maker *m)
{
	const struct task *t = m->task;
	struct variable v;
	const char *key = t->inputs;
	uint64_t h = digest_add(DIGEST_START, m->at->prefix, strlen(m->at->prefix) + 1);
	size_t i;

	h = digest_add(h, t->dir, strlen(t->dir) + 1);
	h = digest_add(h, t->argv[3], strlen(t->argv[3]) + 1);
	for (i = 0; i < t->ninputs; i++, key += strlen(key) + 1)
		h = digest_add(h, key, strlen(key) + 1);
	scope_start(&v, m->at->scope);
	while (scope_next(&v)) {
		h = digest_add(h, v.name, strlen(v.name) + 1);
		h = digest_add(h, v.value, v.n);
		h = digest_join(h, v.n);
	}
	return h;
}

int
task_if(struct task *t, const struct run_env *around, struct results *a, const struct context *at,
    const struct node *node)
{
	struct maker m;
	const char **argv;
	char name[64];

	start(&m, t, TASK_IF, around, a);
	m.at = at;
	m.node = node;
	m.attrs[2] = &at->flow->attrs;
	t->dir = at->dir;
	t->worktree = at->worktree;
	snprintf(name, sizeof name, "if of line %u", node->pos.line);
	t->key = arena_dup(&t->mem, name, strlen(name));
	argv = arena_get(&t->mem, 5 * sizeof *argv);
	argv[0] = "sh";
	argv[1] = "-eu";
	argv[2] = "-c";
	argv[3] = node->command.s;
	t->argv = (char *const *)(const void *)argv;
	read_env(&m);
	if (make_env(&m) || make_inputs(&m))
		return -1;
	if (t->worktree)
		t->question = if_digest(&m);
	return 0;
}

static int
make_other(struct maker *m, struct task *t, const struct run_env *around, struct results *a, const struct context *at,
    const struct node *node, const char *key)
{
	start(m, t, node->kind == NODE_WORKTREE ? TASK_WORKTREE : node->kind == NODE_COMMIT ? TASK_COMMIT : TASK_ASK, around, a);
	m->at = at;
	m->node = node;
	m->attrs[2] = &at->flow->attrs;
	t->dir = at->dir;
	take_key(t, key);
	if (t->kind == TASK_ASK)
		return make_ask(m);
	t->worktree = at->worktree;
	m->attrs[0] = &node->attrs;
	if (make_timeout(m))
		return -1;
	return t->kind == TASK_WORKTREE ? make_worktree(m) : make_commit(m);
}

int
task_other(struct task *t, const struct run_env *around, struct results *a, const struct context *at,
    const struct node *node, const char *key)
{
	struct maker m;

	if (make_other(&m, t, around, a, at, node, key) || take_file(t))
		return -1;
	if (t->kind == TASK_ASK)
		return 0;
	read_env(&m);
	return make_env(&m);
}

int
task_asked(struct task *t, const struct run_env *around, struct results *a, const struct context *at,
    const struct node *node, const char *key)
{
	struct maker m;

	return node->kind == NODE_RUN ? make_step(&m, t, around, a, at, node, key, 1) : make_other(&m, t, around, a, at, node, key);
}

int
task_word(struct task *t, const struct run_env *around, struct results *a, const struct context *at,
    const struct node *node, const char *key)
{
	const struct word *w = node->attrs.otherwise ? node->attrs.otherwise : node->step->attrs.otherwise;
	struct maker m;

	start(&m, t, TASK_WORD, around, a);
	m.at = at;
	m.node = node;
	t->is_pure = node_is_pure(node);
	t->word = read_tmpl(&m, &w->t, &t->nword, 0);
	take_key(t, key);
	return !t->word || take_file(t) ? -1 : 0;
}

void
task_stdin(struct task *t)
{
	memset(t, 0, sizeof *t);
	t->kind = TASK_STDIN;
	t->key = "-";
	t->prompt = "";
	strcpy(t->file, "-");
}

void
task_free(struct task *t)
{
	arena_free(&t->mem);
}

uint64_t
task_digest(const struct task *t)
{
	uint64_t h = digest_add(DIGEST_START, t->how, t->nhow);

	return digest_add(h, t->prompt, t->nprompt);
}

uint64_t
task_digest_input(uint64_t h, const char *key, uint64_t content)
{
	return digest_join(digest_add(h, key, strlen(key) + 1), content);
}

/* Calling git, and what a step of git was about to make. */
#include "engine/supervise/git.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parse/mem.h"
#include "parse/text.h"
#include "store/escape.h"
#include "store/file.h"
#include "store/how.h"

enum { WORDS_MOST = 16 };

/* git is told nothing by the variables of another git that started orch (a hook), and asks nobody. */
static char *const *
git_environ(struct supervisor *d)
{
	const char **all;
	size_t i, n = 0;

	if (d->git_envp)
		return d->git_envp;
	while (d->task->envp[n])
		n++;
	all = mem_zero(n + 3, sizeof *all);     /* and room for that of git_env_set */
	for (i = n = 0; d->task->envp[i]; i++)
		if (!task_names_repository(d->task->envp[i]) && strncmp(d->task->envp[i], "GIT_TERMINAL_PROMPT=", 20))
			all[n++] = d->task->envp[i];
	all[n] = "GIT_TERMINAL_PROMPT=0";
	return d->git_envp = (char *const *)(const void *)all;
}

void
git_env_set(struct supervisor *d, const char *entry)
{
	const char **env = (const char **)(uintptr_t)git_environ(d);
	size_t name = strcspn(entry, "=") + 1, n = 0, i;

	for (i = 0; env[i]; i++)
		if (strncmp(env[i], entry, name))
			env[n++] = env[i];
	env[n] = entry;
	env[n + 1] = NULL;
}

int
git_run(struct supervisor *d, const char *dir, int in, char **out, ...)
{
	const struct store *s = d->m->store;
	char name[KEY_NAME_MAX + 1];
	const char *argv[WORDS_MOST] = { "git" };
	struct program p;
	size_t n = 1, len;
	va_list ap;
	int status;

	va_start(ap, out);
	while ((argv[n] = va_arg(ap, const char *)))
		n++;
	va_end(ap);
	supervisor_tmp_name(name, 'g', getpid());
	p = program_of(d, in, file_make(s->tmp, name, 0));
	if (p.out < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	p.argv = (char *const *)(const void *)argv;
	p.envp = git_environ(d);
	p.dir = dir;
	p.death = SIGTERM;              /* at which it removes its locks */
	status = supervisor_run_program(d, &p);
	close(p.out);
	if (file_read(s->tmp, name, out, &len))
		supervisor_exit_errno(d, OUT_IO, "what git wrote");
	unlinkat(s->tmp, name, 0);
	while (len && (*out)[len - 1] == '\n')
		(*out)[--len] = '\0';
	if (WIFSIGNALED(status))
		supervisor_exit(d, OUT_ENDED);    /* that says nothing of what it was asked */
	return status;
}

char *
git_must(struct supervisor *d, int status, char *out, const char *what)
{
	if (status) {
		d->out.status = status;
		supervisor_exit_message(d, "%s failed", what);
	}
	return out;
}

char *
git_commit_of(struct supervisor *d, const char *rev)
{
	char *id, *spec = mem_get(strlen(rev) + 10);

	sprintf(spec, "%s^{commit}", rev);
	if (GIT(d, &id, "rev-parse", "--verify", "--quiet", "--end-of-options", spec))
		id = NULL;
	free(spec);
	return id;
}

/* Intents: lines of a word and its value. */

void
intent_put(struct buf *b, const char *word, const char *value)
{
	task_how_line(b, word, value, strlen(value));
}

char *
intent_get(const char *text, const char *word)
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

int
intent_is(const char *text, const char *word, const char *value)
{
	char *there = intent_get(text, word);
	int same = there && !strcmp(there, value);

	free(there);
	return same;
}

char *
intent_read(struct supervisor *d)
{
	char *text;

	if (d->task->is_first)
		return mem_dup("", 0);
	text = how_intent(d->m->store->run, d->task->file);
	if (!text)
		supervisor_exit_errno(d, OUT_IO, "how");
	return text;
}

void
intent_write(struct supervisor *d, const struct buf *b)
{
	if (how_intend(d->m->store->run, d->task->file, b->s, b->n))
		supervisor_exit_errno(d, OUT_IO, "how");
}

char *
git_rev_parse(struct supervisor *d, const char *dir, const char *word)
{
	char *out = NULL;
	int status = git_run(d, dir, d->m->null, &out, "rev-parse", word, (const char *)NULL);

	if (!status && *out)
		return out;
	free(out);
	return NULL;
}

/* Whether two paths lead to the same file or directory. */
int
git_is_same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return !stat(a, &sa) && !stat(b, &sb) && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

char *
git_standing(const char *dir)
{
	char *d = mem_dup(dir, strlen(dir)), *slash;
	struct stat st;

	while (stat(d, &st) && (slash = strrchr(d, '/')) && slash != d)
		*slash = '\0';
	return d;
}

void
git_command(const struct supervisor *d, struct buf *b, const char *dir)
{
	buf_text(b, "git");
	if (strcmp(dir, d->task->root))
		shell_fmt(b, " -C %s", dir);
}

char *
git_path_from(const char *dir, const char *name)
{
	struct buf b = { 0 };

	if (*name != '/')
		buf_fmt(&b, "%s/", dir);
	buf_text(&b, name);
	return buf_take(&b);
}

void
git_leave(struct supervisor *d, enum outcome_kind kind, struct buf *b)
{
	size_t n = b->n;

	if (n >= sizeof d->out.text) {
		buf_char(b, '\n');
		stderr_add(d, b->s, b->n);
		n = strcspn(buf_str(b), ":");
		n = n < sizeof d->out.text ? n : sizeof d->out.text - 1;
	}
	memcpy(d->out.text, b->s, n);
	d->out.text[n] = '\0';
	supervisor_exit(d, kind);
}

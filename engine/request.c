/* What was asked for: the record of a run is made, or an earlier run is resumed. */
#include "engine/request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/inspect/runs.h"
#include "engine/inspect/trust.h"
#include "engine/start.h"
#include "engine/task/results.h"
#include "parse/mem.h"
#include "parse/near.h"
#include "parse/parse.h"
#include "parse/text.h"
#include "store/clock.h"
#include "store/file.h"

int
request_store_error(struct request *r, const struct store *s)
{
	struct buf why = { 0 };

	buf_text(&why, strerror(errno));
	start_remedy(&why, errno);
	runs_fail(r->say, 2, s->what, s->told ? NULL : buf_str(&why));
	buf_free(&why);
	return 2;
}

static int
record_error(struct request *r, const char *name, const struct record *record)
{
	struct buf why = { 0 };

	if (errno == EINVAL && record->line)
		buf_fmt(&why, "line %u of this run's file `run` is not as this orch writes it; correct it, or use the orch that wrote it", record->line);
	else if (errno == EINVAL)
		buf_text(&why, "this run's file `run` is not as orch writes it: it lacks its workflow or its directory");
	else
		buf_fmt(&why, "this run's file `run` cannot be read: %s", strerror(errno));
	runs_fail(r->say, 2, name, buf_str(&why));
	buf_free(&why);
	return 2;
}

/* A run that was not made here is not resumed, nor are its results taken, until somebody accepts it. */
static int
check_trust(struct request *r, const struct store *s, const char *name, const struct record *record)
{
	if (!identity_is_of(&record->made, s->lock)) {
		trust_say_refused(r->say, r->args->dir, name, record);
		return 2;
	}
	if (record->made.kind == IDENTITY_UNKNOWN) {
		buf_text(r->say, "orch: warning: run ");
		visible_add(r->say, name, strlen(name), 0);
		buf_text(r->say, ": whether it was made here cannot be told on this file system\n");
	}
	return 0;
}

static void
count_result(void *ctx, const char *name, int plain)
{
	size_t *n = ctx;

	(void)name;
	(void)plain;
	++*n;
}

static int
has_results(struct store *s)
{
	size_t n = 0;

	return store_results(s, count_result, &n) || n;
}

/* The record of the run that was named, if it is there. Returns 0 when it is, 3 when it is not. */
static int
find_record(struct request *r, const char *name)
{
	struct store s;
	size_t said = r->say->n;
	int status = 3;

	if (store_open(&s, r->args->dir, name, strlen(name), STORE_READ)) {
		if (errno != ENOENT)
			status = request_store_error(r, &s);
	} else if (!record_read(&r->record, s.run, s.path)) {
		r->was_there = 1;
		store_find_lock(&s);
		status = check_trust(r, &s, name, &r->record);
		if (!status && r->record.text && results_keys(&r->given, &s))
			status = runs_fail(r->say, 2, "result/ cannot be read", strerror(errno));
	} else if (errno != ENOENT) {
		status = record_error(r, name, &r->record);
	} else {
		r->lacks_record = 1;
		if (has_results(&s) && check_trust(r, &s, name, &r->record))
			status = 2;
	}
	/* What was deleted while it was read is not there. */
	if (status && status != 3 && s.run >= 0 && store_is_there(&s) == 0) {
		record_free(&r->record);
		r->was_there = r->lacks_record = 0;
		r->say->n = said;
		status = 3;
	}
	store_close(&s);
	return status;
}

/* The workflow's text is what FD has. */
static int
read_text(struct request *r, int fd)
{
	struct buf b = { 0 };
	long got;

	while ((got = file_read_wait(fd, buf_room(&b, 16 * 1024), 16 * 1024)) > 0)
		b.n += (size_t)got;
	if (got < 0) {
		buf_free(&b);
		return -1;
	}
	free(r->record.text);
	r->record.ntext = b.n;
	r->record.text = buf_take(&b);
	return 0;
}

static int
read_stdin(struct request *r)
{
	return read_text(r, 0) ? runs_fail(r->say, 2, "cannot read the workflow from standard input", strerror(errno)) : 0;
}

static int
no_directory(struct request *r)
{
	return runs_fail(r->say, 2, "the current directory", errno == ENOENT ? "it was deleted: cd to one that is there" : strerror(errno));
}

/* FILE cannot be the workflow of a run, with errno; 0: it is not a plain file. */
static int
refuse_file(struct request *r, const char *file)
{
	int error = errno;

	buf_text(r->say, "orch: cannot read ");
	visible_add(r->say, file, strlen(file), 0);
	if (error)
		buf_fmt(r->say, ": %s\n", strerror(error));
	else
		buf_text(r->say, ": it is a pipe or a device, which a later `resume` could not read again: orch run - <FILE\n");
	return 2;
}

/* Whether FILE can be read again, by another process: the name of a descriptor that is a pipe leads nowhere. */
static int
is_lasting(const char *file)
{
	struct stat st;

	return stat(file, &st) || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
}

static int
take_file(struct request *r)
{
	const char *file = r->args->file;
	int is_text = !strcmp(file, "-");
	char *path = is_text ? mem_dup("-", 1) : NULL;

	errno = 0;
	if (!is_text && (!is_lasting(file) || !(path = realpath(file, NULL)))) {
		if (!(errno == ENOENT && access(file, F_OK) == 0))
			return refuse_file(r, file);
		errno = ENOENT;
		return no_directory(r);
	}
	if (r->record.workflow && strcmp(r->record.workflow, path)) {
		buf_fmt(r->say, "orch: run %s belongs to %s; ", r->args->run,
		    strcmp(r->record.workflow, "-") ? r->record.workflow : "texts on standard input");
		if (path && strcmp(r->record.workflow, "-") && access(r->record.workflow, F_OK))
			shell_fmt(r->say, "if that was renamed: ln -s %s %s\n", path, r->record.workflow);
		else
			buf_text(r->say, "use another name with -r\n");
		free(path);
		return 2;
	}
	free(r->record.workflow);
	r->record.workflow = path;
	if (!r->record.directory) {
		r->record.directory = runs_working_directory();
		r->record.started = clock_epoch();
	}
	if (!r->record.directory)
		return no_directory(r);
	return is_text ? read_stdin(r) : 0;
}

/* An operand is NAME=VALUE when what is before the = could be a variable; else it is the prompt. */
static int
take_operand(struct request *r, const char *s, const char **prompt)
{
	const char *eq = strchr(s, '=');
	char *name;
	int bad;

	if (eq && variable_name(s, (size_t)(eq - s))) {
		name = mem_dup(s, (size_t)(eq - s));
		bad = record_param(&r->record, name, eq + 1);
		free(name);
		return bad ? runs_fail(r->say, 2, "memory", strerror(errno)) : 0;
	}
	if (*prompt) {
		buf_text(r->say, "orch: a second prompt: `");
		visible_add(r->say, s, strlen(s), 0);
		buf_text(r->say, strcmp(s, "=") ? "`; a prompt is one word: quote it\n" : "`; a parameter has no blanks around its `=`: NAME=VALUE\n");
		return 2;
	}
	*prompt = s;
	return record_param(&r->record, "prompt", s) ? runs_fail(r->say, 2, "memory", strerror(errno)) : 0;
}

static int
take_operands(struct request *r)
{
	const char *prompt = NULL;
	size_t i;
	int status;

	for (i = 0; i < r->args->noperands; i++) {
		status = take_operand(r, r->args->operands[i], &prompt);
		if (status)
			return status;
	}
	for (i = 0; i < r->args->nagents; i++)
		if (!record_drop_agent(&r->record, r->args->agents[i]) && record_agent(&r->record, r->args->agents[i]))
			return runs_fail(r->say, 2, "memory", strerror(errno));
	return 0;
}

/* That of -b, which is recorded, else that of an earlier -b, else of the file. */
static int
take_budget(struct request *r)
{
	const struct attrs *a = &r->flow.w->attrs;
	const char *text = r->args->budget;

	if (text && record_budget(&r->record, text))
		return runs_fail(r->say, 2, "memory", strerror(errno));
	text = r->record.budget;
	if (text && !budget_parse(text, strlen(text), &r->budget)) {
		r->budget_text = text;
	} else if (a->budget) {
		r->budget = a->budget_is;
		r->budget_text = a->budget->raw;
	}
	return 0;
}

/* Whether the workflow has the parameter NAME, of N bytes. */
static int
has_param(const struct request *r, const char *name, size_t n)
{
	const struct param *p;

	for (p = r->flow.w->params; p; p = p->next)
		if (!strncmp(p->name, name, n) && !p->name[n])
			return 1;
	return 0;
}

static void
put_nearest(struct request *r, const char *s, size_t n)
{
	const struct param *p;
	struct near near;

	near_start(&near, s, n);
	for (p = r->flow.w->params; p; p = p->next)
		near_try(&near, p->name, strlen(p->name));
	if (near.best)
		buf_fmt(r->say, "; did you mean `%s`?", near.best);
}

/* Operands that this workflow has no parameter for. */
static int
check_operands(struct request *r)
{
	int status = 0;
	size_t i;

	for (i = 0; i < r->args->noperands; i++) {
		const char *s = r->args->operands[i], *eq = strchr(s, '=');
		size_t n = eq && variable_name(s, (size_t)(eq - s)) ? (size_t)(eq - s) : 0;

		if (n ? has_param(r, s, n) : has_param(r, "prompt", 6))
			continue;
		status = 2;
		buf_fmt(r->say, "orch: %s ", r->flow.name);
		if (n) {
			buf_fmt(r->say, "has no parameter `%.*s`", (int)n, s);
			put_nearest(r, s, n);
			if (has_param(r, "prompt", 6)) {
				struct buf word = { 0 };

				buf_fmt(&word, "prompt=%s", s);
				shell_fmt(r->say, "; if that was to be the prompt: %s", buf_str(&word));
				buf_free(&word);
			}
		} else {
			buf_text(r->say, "takes no prompt (it has no `param prompt`): ");
			visible_add(r->say, s, strlen(s), 0);
		}
		buf_char(r->say, '\n');
	}
	return status;
}

const char *
request_short_name(const struct request *r)
{
	const char *path = r->record.workflow;
	size_t n = strlen(r->record.directory);

	if (r->args->file)
		return r->args->file;
	if (!strncmp(path, r->record.directory, n) && path[n] == '/')
		return path + n + 1;
	return path;
}

/* Which run is meant, and its record if it was made earlier. */
static int
find_run(struct request *r)
{
	const struct run_args *a = r->args;
	int status;

	if (a->run)
		r->name = mem_dup(a->run, strlen(a->run));
	else if (a->redo ? runs_newest(a->dir, &r->name) : !a->file && runs_newest_open(a->dir, r->say, &r->name))
		return runs_fail(r->say, 2, a->dir, strerror(errno));
	if (!r->name)
		return a->file ? 0 : runs_fail(r->say, 3,
		    a->redo ? "no runs here; to start one: orch run FILE" : "no unfinished run here; to list: orch runs", NULL);
	status = find_record(r, r->name);
	if (status != 3)
		return status;
	return a->file ? 0 : runs_fail(r->say, 3, r->name, r->lacks_record ?
	    "this run's file `run` is gone; to resume: orch run -r RUN FILE" :
	    "no such run; to list: orch runs");
}

void
request_say_no_earlier(const struct request *r, struct buf *say)
{
	buf_text(say, "orch: warning: -t ");
	visible_add(say, r->record.take, strlen(r->record.take), 0);
	buf_text(say, ": no such run; no results are taken\n");
}

/* What others may write to, or own, is not taken from. */
static int
check_owner(struct request *r, const struct store *s, const char *name)
{
	const int dirs[] = { s->run, s->result, s->asked };
	struct stat st = { 0 };
	size_t i;

	for (i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		if (dirs[i] < 0 || (!fstat(dirs[i], &st) && st.st_uid == geteuid() && !(st.st_mode & 022)))
			continue;
		buf_text(r->say, "orch: run ");
		visible_add(r->say, name, strlen(name), 0);
		if (st.st_uid != geteuid())
			buf_text(r->say, " belongs to another user: its results are not taken\n");
		else
			shell_fmt(r->say, " is writable by others; to take its results: chmod -R go-w %s\n", s->path);
		return 2;
	}
	return 0;
}

/* The run NAME, opened as the one that results are taken from. */
static int
open_earlier(struct request *r, const char *name)
{
	struct earlier_run *e = &r->earlier;
	struct record record = { 0 };
	int status = 0;

	e->name = mem_dup(name, strlen(name));
	if (store_open(&e->store, r->args->dir, name, strlen(name), STORE_READ)) {
		r->lacks_earlier = errno == ENOENT;
		status = errno == ENOENT ? 0 : request_store_error(r, &e->store);
	} else if (record_read(&record, e->store.run, e->store.path) && errno != ENOENT) {
		status = record_error(r, name, &record);
	} else {
		store_find_lock(&e->store);
		status = check_trust(r, &e->store, name, &record);
		if (!status)
			status = check_owner(r, &e->store, name);
		e->root = record.directory ? mem_dup(record.directory, strlen(record.directory)) : mem_dup("", 0);
		file_drop(e->store.lock);       /* who looks for those that have it open is not to find this one */
		e->store.lock = -1;
	}
	if (r->lacks_earlier)
		earlier_free(e);
	record_free(&record);
	return status;
}

/* That of -t, which is recorded, else that of an earlier -t. One that was recorded may have been deleted since: that is said when it would
 * be used. */
static int
take_earlier(struct request *r)
{
	int status;

	if (r->args->take && record_take(&r->record, r->args->take))
		return runs_fail(r->say, 2, "memory", strerror(errno));
	if (!r->record.take)
		return 0;
	if (r->name && !strcmp(r->name, r->record.take))
		return runs_fail(r->say, 2, r->name, "-t names the run itself: name an earlier one");
	status = open_earlier(r, r->record.take);
	if (r->lacks_earlier && r->args->take)
		request_say_no_earlier(r, r->say);
	return status;
}

/* The run, its workflow and its parameters, as far as nothing is written. */
int
request_take(struct request *r)
{
	int status = find_run(r);

	if (!status && r->args->file)
		status = take_file(r);
	if (!status)
		status = take_operands(r);
	if (!status)
		status = load_read(&r->flow, &r->record, request_short_name(r), &r->given, r->say);
	if (!status)
		status = take_budget(r);
	if (!status)
		status = check_operands(r);
	if (!status)
		status = load_bind(&r->flow, &r->record, r->say);
	return status ? status : take_earlier(r);
}

/* A pipe or a device, which is read once: nobody resumes a check. Only where it is standard input can the workflow not
 * read that, too; what it calls is looked for where orch was started. */
static int
take_passing(struct request *r)
{
	int fd = file_open_as(AT_FDCWD, r->args->file, O_RDONLY), is_stdin;
	struct stat st, in;
	struct buf path = { 0 };

	if (fd < 0 || read_text(r, fd))
		return refuse_file(r, r->args->file);
	is_stdin = !fstat(fd, &st) && !fstat(0, &in) && st.st_dev == in.st_dev && st.st_ino == in.st_ino;
	file_drop(fd);
	r->record.directory = runs_working_directory();
	if (!r->record.directory)
		return no_directory(r);
	if (!is_stdin)
		buf_fmt(&path, "%s/", r->record.directory);
	buf_char(&path, '-');
	r->record.workflow = buf_take(&path);
	return 0;
}

void
request_free(struct request *r)
{
	keys_free(&r->given);
	earlier_free(&r->earlier);
	free(r->name);
	load_free(&r->flow);
	record_free(&r->record);
}

int
run_check(const char *file, char *const *environ, struct buf *say)
{
	struct run_args args = { 0 };
	struct request r = { 0 };
	int status;

	args.file = file;
	args.environ = environ;
	r.args = &args;
	r.say = say;
	status = is_lasting(file) ? take_file(&r) : take_passing(&r);
	if (!status)
		status = load_read(&r.flow, &r.record, file, NULL, say);
	if (!status)
		status = load_budget(&r.flow, &r.flow.w->attrs.budget_is, NULL, NULL, say);
	if (!status)
		load_programs(&r.flow, environ, r.record.directory, NULL, NULL, 1, say);
	request_free(&r);
	return status;
}

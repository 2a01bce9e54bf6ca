/* A supervisor: one attempt at one step, from its files to its outcome, in a straight line. */
#include "engine/supervise/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/supervise/jobserver.h"
#include "engine/supervise/orphans.h"
#include "engine/supervise/proctree.h"
#include "engine/supervise/supervision.h"
#include "engine/supervise/title.h"
#include "parse/mem.h"
#include "parse/text.h"
#include "store/clock.h"
#include "store/file.h"
#include "store/os.h"

enum {
	QUOTE_MOST = 256,       /* bytes of what an agent has said, in a message */
	COMMAND_MOST = 80       /* of a filter or check */
};

static struct supervisor *self;     /* that this process is */

/* A supervisor that runs out of memory says so, as of any other lack. */
static void
no_memory(void)
{
	errno = ENOMEM;
	supervisor_exit_errno(self, OUT_IO, "memory");
}

static void
set_up(struct supervisor *d)
{
	self = d;
	mem_onfail(no_memory);
	if (d->task->kind != TASK_STDIN && d->task->kind != TASK_ASK)   /* these may have to read the terminal */
		setpgid(0, 0);
	supervisor_listen(d);
	d->started = clock_ms();
	dup2(d->m->null, 0);
	dup2(d->m->null, 1);
	dup2(d->m->null, 2);
	os_set_name(d->task->key);
	os_die_with_parent(SIGCONT);    /* one that somebody has stopped goes on then, and sees it */
	title_set("orch-step", d->task->key);
	d->adopts = proctree_become_subreaper();
	if (store_lock_supervisor(d->m->store))
		supervisor_exit_errno(d, OUT_IO, "lock");
	supervisor_pause(d, 0, 0);
	supervisor_check_stop(d);
	if (d->task->envp)
		d->task->envp = jobserver_environ(d->m->jobserver, d->task->envp, &d->task->mem);
	if (d->task->timeout)
		d->deadline = d->started + d->task->timeout;
}

/* The command is what the message about the outcome names: its first line. */
static void
name_command(struct supervisor *d, const char *command)
{
	size_t n = strcspn(command, "\n"), most = utf8_cut(command, n, COMMAND_MOST);

	snprintf(d->out.text, sizeof d->out.text, "%.*s%s", (int)most, command, command[most] ? "..." : "");
}

/* One that could have no process of its own is run again: were the step to fail, its agent would be asked again. */
static int
run_command(struct supervisor *d, const char *command, int in, int out)
{
	const char *argv[5] = { "sh", "-eu", "-c", NULL, NULL };
	struct program p = program_of(d, in, out);
	long long since = supervisor_clock(), pause = 10;
	int status;

	argv[3] = command;
	p.argv = (char *const *)(const void *)argv;
	d->is_refusing = d->task->revise != NULL;
	do {
		d->refusal.n = 0;
		lseek(in, 0, SEEK_SET);
		status = supervisor_run_program(d, &p);
	} while (status && supervisor_was_refused(d) && supervisor_await_process(d, since, &pause));
	d->is_refusing = 0;
	return status;
}

/* Leaves for the next attempt why this one's result was refused. */
static void
leave_refusal(struct supervisor *d, const char *command, int status)
{
	char name[KEY_NAME_MAX + 1];
	struct buf b = { 0 };
	size_t from = utf8_rest(d->refusal.s ? d->refusal.s : "", d->refusal.n);
	int fd;

	if (!d->task->revise || d->task->is_last)
		return;
	buf_fmt(&b, "%s: ", command);
	if (WIFEXITED(status))
		buf_fmt(&b, "exit status %d\n", WEXITSTATUS(status));
	else
		buf_text(&b, "killed\n");
	if (d->refusal.n)
		buf_add(&b, d->refusal.s + from, d->refusal.n - from);
	if (b.s[b.n - 1] != '\n')
		buf_char(&b, '\n');
	supervisor_refusal_name(name, getpid());
	fd = file_make(d->m->store->tmp, name, 0);
	if (fd < 0 || file_write(fd, b.s, b.n) || file_close(fd))
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	buf_free(&b);
}

static void
filter_result(struct supervisor *d)
{
	const struct store *s = d->m->store;
	char name[KEY_NAME_MAX + 1];
	int in, out, status, full;

	if (!d->task->filter)
		return;
	supervisor_tmp_name(name, 'f', getpid());
	out = file_make(s->tmp, name, 0);
	if (out < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	in = result_reopen(d);
	status = run_command(d, d->task->filter, in, out);
	full = supervisor_disk_is_full(out);       /* before the rename gives back what the agent wrote */
	close(in);
	if (file_close(out))
		supervisor_exit_errno(d, OUT_IO, "the filter's output");
	if (status && !full) {
		name_command(d, d->task->filter);
		leave_refusal(d, d->task->filter, status);
	}
	if (status || full)
		supervisor_exit(d, status ? OUT_FILTER : OUT_FULL);
	if (renameat(s->tmp, name, s->tmp, d->tmp))
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	result_close(d);
}

static void
check_result(struct supervisor *d)
{
	size_t i;
	int in, status;

	for (i = 0; i < d->task->nchecks; i++) {
		in = result_reopen(d);
		status = run_command(d, d->task->checks[i], in, d->errors);
		if (status) {
			name_command(d, d->task->checks[i]);
			leave_refusal(d, d->task->checks[i], status);
			supervisor_exit(d, OUT_CHECK);
		}
		close(in);
	}
}

/* The N bytes at S are why. They are of a text that was not read whole: its first and last character may not be. */
static void
quote(struct supervisor *d, const char *s, size_t n)
{
	size_t from = n ? utf8_rest(s, n) : 0;

	if (!n)
		return;
	n = utf8_cut(s + from, n - from, QUOTE_MOST);
	memcpy(d->out.text, s + from, n - utf8_begun(s + from, n));
}

/* Whether these N bytes say that there is no such session. */
static int
says_gone(const char *s, size_t n)
{
	static const char *const words[] = { "No conversation found with session ID", "no rollout found for thread id" };
	size_t i, k, len;

	for (i = 0; i < 2; i++)
		for (k = 0, len = strlen(words[i]); k + len <= n; k++)
			if (!memcmp(s + k, words[i], len))
				return 1;
	return 0;
}

/* Leaves if the agent that has failed could have no process, and has done nothing: orch asks the step again. */
static void
leave_refused(struct supervisor *d)
{
	if (!d->out.status || !supervisor_was_refused(d))
		return;
	d->out.error = EAGAIN;
	supervisor_exit(d, OUT_FORK_FAILED);
}

/* Why the agent has failed, where the system is the reason: an errno; 0: it is not known to be. */
static int
reason(const struct supervisor *d)
{
	if (!WIFEXITED(d->out.status))
		return 0;
	if (verdict_is_refused(d->said, d->nsaid, 0))
		return EAGAIN;
	return supervisor_disk_is_full(d->result) ? ENOSPC : 0;
}

/* Exits if the agent gave no result. */
static void
judge(struct supervisor *d)
{
	char out[VERDICT_HEAD];
	struct verdict v;
	long nout;
	int reported;

	if (!d->out.status && !d->reading)
		return;
	leave_refused(d);
	nout = file_read_at(d->result, out, sizeof out, 0);
	if (nout < 0)
		supervisor_exit_errno(d, OUT_IO, "tmp/");
	reported = reading_verdict(d, d->said, d->nsaid, &v);
	if (!reported)
		verdict_read(&v, d->task->agent_kind, d->out.status, out, (size_t)nout, d->said, d->nsaid, clock_epoch() / 1000);
	if (reported && v.kind == OUT_OK)
		reading_keep(d);
	if (v.kind == OUT_OK)
		return;
	if (d->session && (says_gone(v.why, v.nwhy) || says_gone(d->said, d->nsaid)))
		v.kind = OUT_NO_SESSION;
	if (reported)
		reading_fail(d);
	d->out.of.wait = (int32_t)v.wait;
	if (v.kind == OUT_NO_SESSION)
		d->out.continued = d->session != d->task->fork;
	if (v.kind == OUT_NO_SESSION)
		snprintf(d->out.text, sizeof d->out.text, "%s", d->task->fork_key ? d->task->fork_key : d->task->key);
	else
		quote(d, v.why, v.nwhy);
	if (v.kind == OUT_ENDED)
		d->out.error = reason(d);
	supervisor_exit(d, v.kind);
}

/* The result of the attempt before was refused: the agent is told why, in the same session if it has one. */
static int
ask_revision(struct supervisor *d, int in)
{
	const struct task *t = d->task;
	char name[KEY_NAME_MAX + 1], *why = NULL;
	struct buf b = { 0 };
	size_t n = 0;

	supervisor_refusal_name(name, t->refused_by);
	file_read(d->m->store->tmp, name, &why, &n);
	buf_add(&b, t->revise, t->nrevise);
	buf_add(&b, why, n);
	buf_text(&b, "Give the complete result again, not only what changed.\n");
	if (t->refused) {
		d->session = t->refused;
		if (in != d->m->null)
			close(in);
		in = supervisor_tell_stdin(d, b.s, b.n, -1);
	} else {
		in = supervisor_revise_stdin(d, b.s, b.n, in);
	}
	free(why);
	buf_free(&b);
	return in;
}

/* What the agent is asked: as the workflow has it; or, if that is what an attempt was asked that was cut off, to go on.
 * What it is told besides is in standard error's file alone. */
static int
choose_question(struct supervisor *d)
{
	const struct task *t = d->task;
	int in = supervisor_make_stdin(d);
	struct buf b = { 0 };

	d->session = t->fork;
	if (t->refused_by)
		return ask_revision(d, in);
	if (t->cut && t->cut->digest == d->out.digest) {
		d->session = t->cut;
		d->out.continued = 1;
		buf_text(&b, "You were interrupted ");
		duration_text(clock_epoch() - t->cut->ms, &b);
		buf_text(&b, " ago and your answer did not arrive. Files may have changed since: look before you rely on them. Finish the "
		    "task, then give your complete final answer again, even if you gave it before.\n");
		if (in != d->m->null)
			close(in);
		in = -1;
	} else if (t->fork && strcmp(t->fork->dir, t->short_dir)) {
		buf_fmt(&b, "You now work in %s, not in ", t->dir);
		if (*t->fork->dir != '/')
			buf_fmt(&b, "%s%s", t->root, strcmp(t->fork->dir, ".") ? "/" : "");
		buf_fmt(&b, "%s.\n\n", strcmp(t->fork->dir, ".") ? t->fork->dir : "");
	}
	if (b.n)
		in = supervisor_tell_stdin(d, b.s, b.n, in);
	buf_free(&b);
	return in;
}

static void
supervise_step(struct supervisor *d)
{
	struct program p;

	strcpy(d->tmp, d->task->file);
	stderr_open(d);
	git_look(d);
	d->out.digest = task_digest(d->task);
	p = program_of(d, choose_question(d), -1);
	if (d->session)
		p.argv = task_session_argv(d->task, d->session->id);
	d->result = result_open_locked(d);
	p.out = reading_open(d);
	if (d->reading && !orphans_are_found())
		p.keep = d->result;     /* its lock tells the next attempt that somebody is still at work */
	d->sign_at = d->task->idle ? supervisor_clock() : 0;
	d->out.status = supervisor_run_program(d, &p);
	d->sign_at = 0;
	d->asked = 1;
	if (!d->reading) {
		result_close(d);
		d->result = result_reopen(d);
		result_await_closed(d, d->result);
	}
	judge(d);
	if (supervisor_disk_is_full(d->result))
		supervisor_exit(d, OUT_FULL);
	filter_result(d);
	check_result(d);
	reading_sync(d);
	result_sync(d);
}

/* Whether the step's result, which is in tmp/, is the same as the one that it has. */
static int
is_same(struct supervisor *d)
{
	char then[16 * 1024], now[sizeof then];
	int old = store_open_result(d->m->store, d->task->key), new = old < 0 ? -1 : file_open(d->m->store->tmp, d->tmp), same = new >= 0;
	long n = 1, m;
	long long at = 0;

	for (; same && n > 0; at += n) {
		n = file_read_at(old, then, sizeof then, at);
		m = file_read_at(new, now, sizeof now, at);
		same = n >= 0 && n == m && !memcmp(then, now, (size_t)n);
	}
	if (old >= 0)
		file_drop(old);
	if (new >= 0)
		file_drop(new);
	return same;
}

static int
decides(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) <= 1;
}

/* The last lines of what an `if` said, below `...' where they are not all. A NUL, which would end the text, is a dot. */
static void
tail_errors(struct supervisor *d)
{
	char dots[] = "...\n";
	char *text = d->out.text, *nl, *p;
	size_t from = 0, head, n;
	int cut;
	long got = stderr_tail(d, text, sizeof d->out.text - 8, &cut);

	n = got > 0 ? (size_t)got : 0;
	for (p = text; (p = memchr(p, '\0', n - (size_t)(p - text))); )
		*p = '.';
	head = n && cut ? sizeof dots - 1 : 0;
	if (head) {
		nl = memchr(text, '\n', n - 1);
		from = nl ? (size_t)(nl + 1 - text) : utf8_rest(text, n);
		if (!decides(d->out.status))
			dots[3] = ' ';  /* it is one line of a message */
	}
	n -= from;
	memmove(text + head, text + from, n);
	memcpy(text, dots, head);
	text[head + n] = '\0';
}

static void
supervise_if(struct supervisor *d)
{
	struct program p;

	stderr_open(d);
	git_look(d);
	p = program_of(d, supervisor_make_stdin(d), d->m->null);
	d->out.status = supervisor_run_program(d, &p);
	leave_refused(d);
	tail_errors(d);
	if (d->out.status)
		supervisor_exit(d, OUT_ENDED);
}

/* Standard input, to be read again, was empty: the kept one stays. */
static void
keep_stdin(struct supervisor *d, int out)
{
	char buf[64 * 1024];
	int in = store_open_result(d->m->store, "-");
	long n;

	if (in < 0)
		return;
	while ((n = file_read_some(in, buf, sizeof buf)) > 0)
		supervisor_write(d, out, buf, (size_t)n, "tmp/");
	if (n < 0)
		supervisor_exit_errno(d, OUT_IO, "result/");
	close(in);
	strcpy(d->out.text, "empty");
}

/* Copies orch's standard input, which may be a terminal or a pipe that stays open. */
static void
supervise_stdin(struct supervisor *d, int in)
{
	char buf[64 * 1024];
	long n = 1, all = 0;
	int fd = result_open(d);

	if (isatty(in) && d->m->nobody)
		supervisor_exit_message(d, "standard input is the terminal, and nobody is there (-N)");
	if (isatty(in))
		terminal_wait(d, in);
	while (n) {
		supervisor_await_input(d, in);
		n = file_read_some(in, buf, sizeof buf);
		if (n < 0 && (errno == EAGAIN || (errno == EIO && !terminal_wait(d, in))))
			continue;       /* another has read it; it was in the background */
		if (n < 0)
			supervisor_exit_errno(d, OUT_IO, "standard input");
		supervisor_write(d, fd, buf, (size_t)n, "tmp/");
		all += n > 0;
	}
	if (!all)
		keep_stdin(d, fd);
	result_sync_written(d, fd);
}

void
supervisor_run(const struct supervision *m, struct task *t, uint32_t slot)
{
	struct supervisor d = { 0 };
	int in = -1;

	d.m = m;
	d.task = t;
	d.errors = d.errors_in = d.stderr_file = -1;
	d.tty = d.result = -1;
	d.out.slot = slot;
	d.out.timeout = t->timeout;
	if (t->kind == TASK_STDIN) {
		in = dup(0);
		fcntl(in, F_SETFD, FD_CLOEXEC);
	}
	if (t->tells) {
		d.out.kind = OUT_BEGUN;
		supervisor_report(&d);
	}
	set_up(&d);
	switch (t->kind) {
	case TASK_STEP:
		if (t->interactive)
			supervisor_interactive(&d);
		else
			supervise_step(&d);
		break;
	case TASK_IF:
		supervise_if(&d);
		break;
	case TASK_STDIN:
		supervise_stdin(&d, in);
		break;
	case TASK_WORD:
		result_put(&d, t->word, t->nword, 0);
		break;
	case TASK_WORKTREE:
		supervisor_worktree(&d);
		break;
	case TASK_COMMIT:
		supervisor_commit(&d);
		break;
	case TASK_ASK:
		supervisor_ask(&d);
		break;
	case TASK_TAKE:
		supervisor_take(&d);
		break;
	}
	d.out.of.same = (t->kind == TASK_STEP || t->kind == TASK_TAKE) && t->is_pure && is_same(&d);
	supervisor_exit(&d, OUT_OK);
}

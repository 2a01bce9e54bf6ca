/* Starting what the walk wants done: as processes and tokens are to be had. */
#include "engine/loop_state.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parse/forks.h"
#include "parse/mem.h"
#include "store/clock.h"
#include "store/how.h"

enum {
	STARTS = 16,            /* between two looks at signals */
	MANY_RUNNING = 64,      /* from so many tasks on no more than DUE_MOST supervisors may wait for the processor: */
	DUE_MOST = 32,          /* else orch would not get to it for long when a signal comes */
	AGAIN_MS = 30 * 1000,   /* how long a lone step waits for a process to be had */
	AGAIN_MOST_MS = 1000,
	CROWDED_MS = 60 * 1000, /* after an agent could have no process no more run at once than then: what fails half-way is lost */
	OVERDUE_MS = 60 * 1000, /* from the timeout of a step */
	SAID_MOST = 64 * 1024   /* bytes that may wait for standard error before nothing more is begun */
};

/* A fork of orch, to which its words wait until it can take them. */
static pid_t
fork_supervisor(void)
{
	sigset_t words, old;
	pid_t pid;

	sigemptyset(&words);
	sigaddset(&words, SUPERVISOR_STOP);
	sigaddset(&words, SUPERVISOR_SUSPEND);
	sigprocmask(SIG_BLOCK, &words, &old);
	pid = fork();
	if (pid) {
		int saved = errno;

		sigprocmask(SIG_SETMASK, &old, NULL);
		errno = saved;
	}
	return pid;
}

static void
fork_failed(struct loop_state *l)
{
	long long now = loop_now(l);

	if (!l->scarce_since)
		l->scarce_since = now;
	l->scarce = 1;
	l->limit = l->slots.running ? l->slots.running : 1;
	l->scarce_pause = l->scarce_pause ? l->scarce_pause * 2 : 10;
	if (l->scarce_pause > AGAIN_MOST_MS)
		l->scarce_pause = AGAIN_MOST_MS;
	l->scarce_until = now + l->scarce_pause;
}

void
launch_works(struct loop_state *l)
{
	l->scarce = 0;
	l->scarce_since = l->scarce_pause = 0;
	if (l->limit && loop_now(l) >= l->crowded_until)
		l->limit++;
}

void
launch_crowded(struct loop_state *l)
{
	l->limit = l->slots.running ? l->slots.running : 1;
	l->crowded_until = loop_now(l) + CROWDED_MS;
	if (!l->crowded++ && l->progress->loud > LOUD_QUIET)
		buf_text(&l->progress->out, "orch: warning: the system refuses agents more processes (see ulimit -u, and pids.max of the "
		    "cgroup): fewer steps run at once\n");
}

static int
may_start(struct loop_state *l)
{
	if ((l->limit && l->slots.running >= l->limit) || l->slots.due >= DUE_MOST)
		return 0;
	return !l->scarce || (!l->slots.running && loop_now(l) >= l->scarce_until);
}

/* The task of B, which is not to be started, has failed. */
static void
fail_unstarted(struct loop_state *l, struct branch *b, struct outcome *o)
{
	struct buf why = { 0 };

	outcome_text(o, 0, &why);
	loop_log_step(l, LOG_FAIL, b, o, buf_str(&why));
	buf_free(&why);
	walk_ended(l->walk, b, o, loop_now(l));
}

void
launch_refused(struct loop_state *l, struct branch *b, struct outcome *o)
{
	fork_failed(l);
	if (o->status)
		launch_crowded(l);
	if (l->slots.running || loop_now(l) - l->scarce_since < AGAIN_MS) {
		walk_refused(l->walk, b);
		return;
	}
	l->scarce_since = 0;
	fail_unstarted(l, b, o);
}

/* Writes what the task is started with to `how`. -1: that failed, and so has the task, before anything is paid for it. A
 * file that has become too large is not a reason: the run goes on without, which is said once. */
static int
write_how(struct loop_state *l, struct order *o)
{
	struct outcome failure = { 0 };

	o->task.is_first = !l->store->has_how && branch_attempt(o->branch) == 1;
	if (!o->task.nhow)
		return 0;
	l->asked_at = how_add(l->store->how, o->task.file, o->task.how, o->task.nhow);
	if (l->asked_at >= 0)
		return 0;
	if (errno == EFBIG) {
		if (!l->how_failed++)
			buf_fmt(&l->progress->out, "orch: cannot write the file `how` of run %s: %s\n", l->store->name, strerror(errno));
		return 0;
	}
	failure.kind = OUT_IO;
	failure.error = errno;
	strcpy(failure.text, "how");
	fail_unstarted(l, o->branch, &failure);
	return -1;
}

/* The jobserver is opened, or made, when there is something to start. */
static void
begin_jobserver(struct loop_state *l)
{
	struct jobserver *j = l->jobserver;

	l->has_begun = 1;
	if (j->kind != JOBSERVER_NONE && jobserver_open(j) && l->progress->loud > LOUD_QUIET)
		buf_text(&l->progress->out, "orch: the jobserver that MAKEFLAGS names cannot be used; going on without it "
		    "(in a makefile, put a + before the recipe's line)\n");
	if (!j->is_open && l->walk->jobs)
		jobserver_serve(j, l->walk->jobs);
	l->walk->tokens = j->is_open;
}

/* The session in which an earlier attempt at the step was cut off; that of a result that was refused becomes the task's
 * own; NULL: there is none, or it is not to be continued. */
static const struct talk *
cut_off(const struct loop_state *l, struct order *o)
{
	const struct session *e;
	uint32_t id;

	if (!o->branch || o->task.kind != TASK_STEP || o->task.agent_kind == AGENT_OTHER || !l->walk->sessions ||
	    !forks_may(branch_line(o->branch)))
		return NULL;
	branch_key(l->walk, o->branch, &id);
	e = sessions_of(l->walk->sessions, id);
	if (o->task.refused_by && e && *e->refused.id)
		o->task.refused = &e->refused;
	return e && *e->cut.id && !o->task.is_fresh ? &e->cut : NULL;
}

static void
start_task(struct loop_state *l, struct order *o)
{
	uint32_t i;
	int talks = !l->supervision.nobody &&
	    (o->task.kind == TASK_ASK || o->task.interactive || (o->task.kind == TASK_STDIN && isatty(0)));
	struct running_step *s;
	pid_t pid;

	if (!l->has_begun)
		begin_jobserver(l);
	l->asked_at = -1;
	if (o->branch && o->task.kind != TASK_TAKE && write_how(l, o)) {
		task_free(&o->task);
		return;
	}
	i = running_take(&l->slots);
	if (l->jobserver->serves && !l->slots.running && !l->nlost)
		jobserver_fill(l->jobserver);
	/* Who talks with the person has the terminal to itself. */
	if (talks) {
		screen_hide(&l->output.screen, l->progress);
		output_say(l->progress);
	}
	o->task.cut = cut_off(l, o);
	o->task.attempt = o->branch ? branch_attempt(o->branch) : 1;
	o->task.tells = l->slots.running >= MANY_RUNNING;
	pid = fork_supervisor();
	if (!pid) {
		loop_close_own(l);
		supervisor_run(&l->supervision, &o->task, i);
	}
	if (pid < 0) {
		struct outcome failure = { 0 };

		failure.kind = OUT_FORK_FAILED;
		failure.error = errno;
		running_drop(&l->slots, i);
		task_free(&o->task);
		launch_refused(l, o->branch, &failure);
		return;
	}
	/* Also done by the supervisor: whoever is first, it is in its own group before it can be signalled. */
	if (o->branch && o->task.kind != TASK_ASK)
		setpgid(pid, pid);
	s = running_use(&l->slots, i, pid);
	s->branch = o->branch;
	s->kind = o->task.kind;
	s->started = loop_now(l);
	s->dir = o->task.agent_kind != AGENT_OTHER ? mem_dup(o->task.short_dir, strlen(o->task.short_dir)) : NULL;
	s->limit = o->task.timeout && o->task.kind != TASK_WORKTREE ? s->started + o->task.timeout + OVERDUE_MS : 0;
	if (s->limit)
		l->overdue_at = clock_sooner(l->overdue_at ? l->overdue_at : -1, s->limit);
	s->has_terminal = talks;
	l->slots.talking += (uint32_t)talks;
	s->is_due = o->task.tells;
	l->slots.due += (uint32_t)s->is_due;
	screen_stir(&l->output.screen);
	if (o->task.kind == TASK_WORD)
		s->word = mem_dup(o->task.word, o->task.nword);
	else if (o->task.kind == TASK_TAKE)
		taken_remember(s, &o->task);    /* nothing is begun unless it was asked the same */
	else
		loop_log_step(l, LOG_START, o->branch, NULL, branch_again(l->walk, o->branch) ? LOG_AGAIN : NULL);
	task_free(&o->task);
}

int
launch_may(struct loop_state *l)
{
	return may_start(l) && l->progress->out.n <= SAID_MOST;
}

/* Gives out what the walk wants done. Returns whether there may be more at once. */
static int
start_some(struct loop_state *l)
{
	struct order o;
	int i;

	for (i = 0; i < STARTS; i++) {
		if (!l->sig && !launch_may(l))
			return 0;
		walk_next(l->walk, loop_now(l), &o);
		if (o.kind == ORDER_NONE)
			return 0;
		if (o.kind == ORDER_MORE)
			return 1;
		if (o.kind == ORDER_PRINT)
			output_print(&l->output, o.branch, &o.text);
		else if (o.kind == ORDER_LOOK)
			files_look(l, o.branch, o.files);
		else
			start_task(l, &o);
	}
	return 1;
}

int
launch_wants_token(struct loop_state *l)
{
	return l->jobserver->is_open && !l->sig && launch_may(l) && walk_wants(l->walk);
}

int
launch_all(struct loop_state *l)
{
	struct jobserver *j = l->jobserver;
	int more = start_some(l), i;

	for (i = 0; !more && launch_wants_token(l) && i < STARTS; i++) {
		if (!jobserver_take(j))
			break;
		l->walk->tokens++;
		more = start_some(l);
	}
	while (!more && j->held && j->held >= l->walk->tokens_used) {
		jobserver_give(j);
		l->walk->tokens--;
	}
	return more || i == STARTS;
}

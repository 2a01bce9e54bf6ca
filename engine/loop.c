/* Doing: the one loop of orch.
 *
 * Everything that may block is a supervisor's. The loop waits in one pselect, for outcomes, signals, the
 * time of a next attempt, and room in standard output; signals are let in there alone.
 *
 * Starting, signals and lost supervisors are in files of their own (loop_state.h). */
#include "engine/loop_state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/clock.h"
#include "engine/sched/queue.h"
#include "engine/supervise/proctree.h"
#include "engine/start.h"
#include "parse/mem.h"
#include "store/file.h"
#include "store/how.h"
#include "store/os.h"

enum {
	DESCRIPTORS = 8,        /* of a supervisor, about */
	SEE_OUT_MS = 1000       /* for supervisors that have told of their end to be gone */
};

/* Looked at before orch opens anything. */
static struct jobserver jobserver;

/* Setting up. */

/* Descriptors 0, 1 and 2 are there. To a standard output that was closed nothing can be written: that is an error of
 * who prints. */
static int
open_standard(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		while (fcntl(fd, F_GETFD) < 0)
			if (open("/dev/null", fd == 1 ? O_RDONLY : O_RDWR) < 0 && errno != EINTR)
				return -1;
	return 0;
}

int
loop_prepare(void)
{
	sigset_t none;

	jobserver_look(&jobserver, getenv("MAKEFLAGS"));
	if (open_standard())
		return -1;
	os_seal(3);             /* what orch has inherited besides is not handed on to agents */
	jobserver_hand_on(&jobserver);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return 0;
}

static int
make_pipe(int fds[2])
{
	if (pipe(fds))
		return -1;
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	if (fds[0] < FD_SETSIZE && fds[1] < FD_SETSIZE)
		return 0;
	errno = EMFILE;
	return -1;
}

/* Whether a supervisor will find descriptors after FD. For want of them a step would fail that has done nothing wrong, and
 * its `otherwise` would be kept. */
static int
has_descriptors(int fd)
{
	int last = fcntl(fd, F_DUPFD, fd + DESCRIPTORS);

	if (last < 0) {
		errno = EMFILE;
		return 0;
	}
	close(last);
	return 1;
}

/* Returns NULL, or the name of what cannot be had, with errno. */
static const char *
set_up(struct loop_state *l)
{
	const char *lack;
	siginfo_t info;
	int report[2], life[2];

	signals_hold();
	if (make_pipe(report) || make_pipe(life))
		return "a pipe";
	fcntl(report[0], F_SETFL, O_NONBLOCK);
	l->report = report[0];
	l->life = life[1];
	l->supervision.store = l->store;
	l->supervision.report = report[1];
	l->supervision.life = life[0];
	l->supervision.null = file_open_as(AT_FDCWD, "/dev/null", O_RDWR);
	if (l->supervision.null < 0)
		return "/dev/null";
	if (!has_descriptors(l->supervision.null))
		return "the files of a step";
	l->supervision.orch = getpid();
	l->supervision.job = getpgrp();
	l->supervision.jobserver = l->jobserver = &jobserver;
	l->walk->tokens = jobserver.kind != JOBSERVER_NONE || l->walk->jobs;
	running_init(&l->slots);
	output_open(&l->output, l->walk, l->store, l->progress, &l->slots, loop_now(l));
	if (l->output.screen.tty >= 0)
		signals_hold_screen();
	/* A child that was there before (sleep & exec orch) is not ours to end: then nobody is adopted. */
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)
		l->adopts = proctree_become_subreaper();
	lack = proctree_lack();
	if (lack)
		buf_fmt(&l->progress->out, "orch: warning: %s: of what agents start only their process groups are ended\n", lack);
	return NULL;
}

/* Keeping. */

/* The file's name of what S asks, which was started, so it has one. */
static void
file_of(const struct loop_state *l, const struct running_step *s, char file[KEY_NAME_MAX + 1])
{
	uint32_t id;
	const char *key = s->branch ? branch_key(l->walk, s->branch, &id) : "-";

	key_encode(key, strlen(key), file);
}

static int
is_result(const struct loop_state *l, const struct outcome *o)
{
	return o->kind == OUT_OK && l->slots.list[o->slot].kind != TASK_IF;
}

static void
cannot_keep(struct outcome *o, int error, const char *what)
{
	o->kind = OUT_IO;
	o->error = error;
	strcpy(o->text, what);
}

/* All results that have come are renamed, then made safe by one sync; only then do they count. */
static void
keep_results(struct loop_state *l)
{
	char from[KEY_NAME_MAX + 1], to[KEY_NAME_MAX + 1];
	size_t i, kept = 0;
	int error, stays;

	if (!l->gone && store_gone(l->store)) {
		l->gone = 1;
		buf_fmt(&l->progress->out, "orch: the directory of run %s was deleted; nothing more can be kept\n", l->store->name);
		walk_stop(l->walk, STOP_STARTING);
	}
	for (i = 0; i < l->nended; i++) {
		struct outcome *o = &l->ended[i];

		if (!is_result(l, o))
			continue;
		file_of(l, &l->slots.list[o->slot], to);
		supervisor_result_name(l->slots.list[o->slot].kind, to, (pid_t)o->pid, from);
		if (store_keep(l->store, from, to))
			cannot_keep(o, errno, "its result cannot be kept");
		else
			kept++;
	}
	if (!kept || !store_sync_results(l->store))
		return;
	error = errno;
	for (i = 0; i < l->nended; i++) {
		struct outcome *o = &l->ended[i];

		if (!is_result(l, o))
			continue;
		file_of(l, &l->slots.list[o->slot], to);
		stays = store_unkeep(l->store, to);
		cannot_keep(o, error, stays ? "result/ cannot be synced to disk; remove the result's file there" :
		    "result/ cannot be synced to disk");
	}
}

/* Whether a pure step gave the same again. */
static int
is_same(const struct running_step *s, const struct outcome *o)
{
	return s->branch && s->kind == TASK_STEP && node_is_pure(branch_line(s->branch)) && o->of.same;
}

static void
tell_done(struct loop_state *l, const struct running_step *s, const struct outcome *o)
{
	uint32_t id;
	const char *key = branch_key(l->walk, s->branch, &id);
	char file[KEY_NAME_MAX + 1];

	if (s->kind == TASK_IF)
		return;
	if (s->kind == TASK_TAKE) {
		taken_tell(l, s, o);
		return;
	}
	if (s->kind == TASK_WORD) {
		loop_log_step(l, LOG_OTHERWISE, s->branch, NULL, branch_is_redone(s->branch) ? LOG_REDONE : NULL);
		l->walk->results->keys->list[id].flags &= ~(unsigned)KEY_REDO;
		l->walk->results->keys->list[id].flags |= KEY_FALLBACK;
		if (l->walk->sessions)
			sessions_none(l->walk->sessions, id);
		progress_otherwise(l->progress, key, s->word);
		return;
	}
	if (s->kind == TASK_COMMIT) {
		file_of(l, s, file);
		how_answered(l->store->how, file);
	}
	loop_log_step(l, is_same(s, o) ? LOG_SAME : LOG_DONE, s->branch, o, s->branch && branch_is_redone(s->branch) ? LOG_REDONE : NULL);
	if (s->branch)
		l->walk->results->keys->list[id].flags &= ~(unsigned)(KEY_FALLBACK | KEY_REDO);
	if (s->branch && l->walk->sessions)
		sessions_done(l->walk->sessions, id, branch_attempt(s->branch));
	if (s->branch && l->output.screen.tty >= 0)
		screen_took(&l->output.screen, s->branch, o->ms);
	if (!s->branch && *o->text)
		progress_stdin(l->progress, NULL);
	if (s->branch)
		progress_done(l->progress, key, o, branch_attempt(s->branch), is_same(s, o) ? "unchanged" : s->kind == TASK_ASK && *o->text ? o->text : NULL);
	if (s->branch && s->kind == TASK_STEP && !o->used.told && branch_line(s->branch)->step && !queue_is_shell(branch_line(s->branch)))
		progress_untold(l->progress, key);
}

/* Whether the attempt was cut off: then the next one goes on in its session. One that was continued already and has ended
 * by itself again starts over. */
static int
was_cut_off(const struct outcome *o)
{
	if (o->kind == OUT_ENDED || o->kind == OUT_EMPTY)
		return !o->continued;
	return o->kind == OUT_STOPPED || o->kind == OUT_RATE_LIMITED || o->kind == OUT_BUSY || o->kind == OUT_LOST ||
	    (o->kind == OUT_IDLE && !o->continued);
}

/* No later attempt continues what the step of S has been asked so far. */
static void
end_session(struct loop_state *l, const struct running_step *s)
{
	const struct session *e;
	struct log_line line = { 0 };
	struct buf text = { 0 };
	uint32_t id;

	if (!s->branch || !l->walk->sessions || s->kind != TASK_STEP)
		return;
	line.key = branch_key(l->walk, s->branch, &id);
	e = sessions_of(l->walk->sessions, id);
	if (!e || !*e->cut.id)
		return;
	line.event = LOG_SESSION;
	line.n = strlen(line.key);
	line.value = e->attempt;
	line.session = e->latest.id;
	line.from = "";
	line.digest = e->latest.digest;
	session_text(&text, (e->says & ~(unsigned)SESSION_ANSWERED) | SESSION_OVER, &e->latest.total, e->latest.dir ? e->latest.dir : "");
	line.text = buf_str(&text);
	loop_log(l, &line);
	buf_free(&text);
	sessions_over(l->walk->sessions, id);
}

static void
tell_failed(struct loop_state *l, const struct running_step *s, const struct outcome *o)
{
	struct buf why = { 0 };
	uint32_t id;

	if (s->kind == TASK_TAKE && (o->kind == OUT_UNTAKEN || o->kind == OUT_STOPPED))
		return;                 /* nothing was begun */
	l->progress->unasked |= s->kind == TASK_TAKE;
	if (!was_cut_off(o))
		end_session(l, s);
	if ((o->kind == OUT_FILTER || o->kind == OUT_CHECK) && s->branch && l->walk->sessions) {
		branch_key(l->walk, s->branch, &id);
		sessions_refused(l->walk->sessions, id, branch_attempt(s->branch));
	}
	l->progress->interrupted += o->kind == OUT_STOPPED && s->kind != TASK_IF;
	outcome_text(o, o->timeout, &why);
	loop_log_step(l, o->kind == OUT_STOPPED ? LOG_STOP : o->kind == OUT_RATE_LIMITED ? LOG_RATE_LIMITED : LOG_FAIL, s->branch, o, buf_str(&why));
	buf_free(&why);
}

/* Outcomes. */

/* Hands the outcomes to the walk. */
static void
finish(struct loop_state *l)
{
	size_t i;

	/* A signal that came while others were started counts before a result does: who was told to stop has
	 * not answered, even if its supervisor did not know of it yet. */
	signals_look(l);
	for (i = 0; i < l->nended && l->sig; i++)
		if (l->ended[i].kind == OUT_OK)
			l->ended[i].kind = OUT_STOPPED;
	for (i = 0; i < l->nended; i++)
		if (l->ended[i].kind == OUT_OK && l->slots.list[l->ended[i].slot].kind == TASK_TAKE)
			taken_begin(l, &l->slots.list[l->ended[i].slot], &l->ended[i]);
	keep_results(l);
	for (i = 0; i < l->nended; i++) {
		const struct outcome *o = &l->ended[i];
		const struct running_step *s = &l->slots.list[o->slot];
		struct branch *b = s->branch;

		if (o->kind == OUT_OK)
			tell_done(l, s, o);
		else
			tell_failed(l, s, o);
		running_drop(&l->slots, o->slot);
		walk_ended(l->walk, b, o, loop_now(l));
	}
	l->nended = 0;
}

/* Waiting. */

static long long
wait_time(struct loop_state *l, int more, long long now)
{
	int open = l->sig || launch_may(l);        /* else what is due has to wait for what opens the way */
	long long ms = open ? walk_wake(l->walk, now) : -1;

	if (more && open)
		return 0;
	if (l->scarce && !l->slots.running)
		ms = clock_sooner(ms, l->scarce_until > now ? l->scarce_until - now : 0);
	if (l->nlost)
		ms = clock_sooner(ms, 2);
	if (l->overdue_at)
		ms = clock_sooner(ms, l->overdue_at > now ? l->overdue_at - now : 0);
	if (l->has_dead)
		ms = clock_sooner(ms, l->reap_at > now ? l->reap_at - now : 0);
	return ms;
}

static void
wait_for_something(struct loop_state *l, int more)
{
	long long now = loop_now(l), ms = wait_time(l, more, now);
	struct timespec t;
	fd_set in, out;
	sigset_t none;
	int n, last = l->report;

	FD_ZERO(&in);
	FD_ZERO(&out);
	ms = clock_sooner(ms, output_wants(&l->output, !ms, now, &out, &last));
	ms = clock_sooner(ms, files_wait(l, now, &out, &last));
	FD_SET(l->report, &in);
	if (launch_wants_token(l)) {
		FD_SET(l->jobserver->in, &in);
		last = l->jobserver->in > last ? l->jobserver->in : last;
	}
	t.tv_sec = ms / 1000;
	t.tv_nsec = ms % 1000 * 1000000;
	sigemptyset(&none);
	n = pselect(last + 1, &in, &out, NULL, ms < 0 ? NULL : &t, &none);
	signals_look(l);
	if (n > 0)
		output_write(&l->output, &out, loop_now(l));
}

static int
is_over(const struct loop_state *l)
{
	return l->walk->ended && (!l->walk->flush.n || l->sig) && !l->slots.running && !l->nended && !l->nlost && !l->output.prints;
}

/* A supervisor that has told of its end may not be quite gone; nor does it outlive orch. */
static void
see_supervisors_out(struct loop_state *l)
{
	const struct timespec moment = { 0, 10 * 1000 * 1000 };
	long long until = loop_now(l) + SEE_OUT_MS;
	sigset_t none;
	pid_t pid;

	sigemptyset(&none);
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0 || (!pid && l->adopts && loop_now(l) < until))
		if (!pid)
			pselect(0, NULL, NULL, NULL, &moment, &none);
}

int
loop_run(struct walk *w, struct store *s, struct progress *p, int nobody)
{
	struct loop_state l = { 0 };
	const char *lacks;
	int more;

	l.walk = w;
	l.store = s;
	l.progress = p;
	l.supervision.nobody = nobody;
	if ((lacks = set_up(&l))) {
		buf_fmt(&w->reason, "cannot start: %s: %s", lacks, strerror(errno));
		return start_fail(&p->out, lacks, errno);
	}
	signals_look(&l);
	more = launch_all(&l);
	while (!is_over(&l)) {
		wait_for_something(&l, more);
		lost_reap(&l);
		reports_read(&l);
		files_due(&l);
		lost_look(&l);
		lost_end(&l);
		if (!l.nended || !w->stop_first)
			more = launch_all(&l);   /* what waited for a slot goes before the disk */
		if (l.nended) {
			finish(&l);
			more = 1;
		}
	}
	while (l.jobserver->held)
		jobserver_give(l.jobserver);
	screen_close(&l.output.screen, p);
	files_end(&l);
	see_supervisors_out(&l);
	running_free(&l.slots);
	free(l.ended);
	free(l.lost);
	return l.sig ? 128 + l.sig : w->over_budget ? LOOP_OVER_BUDGET : w->failed || w->unfinished || w->output_failed;
}

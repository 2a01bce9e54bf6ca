/* Doing: the one loop of orch.
 *
 * Everything that may block is a supervisor's. The loop waits in one pselect, for outcomes, signals, the
 * time of a next attempt, and room in standard output; signals are let in there alone.
 *
 * It is long since it is one thing: whatever changes struct loop_state is here, and nobody else sees it. */
#include "engine/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__) && !defined(ORCH_NO_LINUX)
#include <dirent.h>
#endif

#include "store/clock.h"
#include "engine/supervise/jobserver.h"
#include "engine/supervise/proctree.h"
#include "engine/supervise/supervisor.h"
#include "engine/ui/output.h"
#include "engine/start.h"
#include "parse/mem.h"
#include "store/file.h"
#include "store/how.h"
#include "store/log.h"

enum {
	STARTS = 16,            /* between two looks at signals */
	MANY_RUNNING = 64,             /* from so many tasks on no more than DUE_MOST supervisors may wait for the processor: */
	DUE_MOST = 32,          /* else orch would not get to it for long when a signal comes */
	REAP_MS = 100,          /* of ten thousand children, between two looks at all of them; of fewer less */
	AGAIN_MS = 30 * 1000,   /* how long a lone step waits for a process to be had */
	AGAIN_MOST_MS = 1000,
	SECOND_MS = 1000,       /* from when on a second signal is one of its own */
	STRAY_MS = 10 * 1000,
	PATIENCE_MS = 700,
	STOP_MS = 40 * 1000,    /* from the word to stop until a supervisor must have ended: its agent has 10 s, 10 s after SIGKILL, what that left 11 s */
	STOP_NOW_MS = 25 * 1000,/* the same from the second word on */
	OVERDUE_MS = 60 * 1000, /* from the timeout of a step */
	PROD_MS = 10 * 1000,    /* for a supervisor to end that does not answer */
	DESCRIPTORS = 8,       /* of a supervisor, about */
	SAID_MOST = 64 * 1024   /* bytes that may wait for standard error before nothing more is begun */
};

struct loop_state {
	struct walk *walk;
	struct store *store;
	struct progress *progress;
	struct supervision supervision;
	int report, life;       /* orch's ends of the pipes */
	struct running slots;     /* what runs */
	char partial[sizeof(struct outcome)];   /* of a record that has not come whole */
	size_t npartial;
	struct outcome *ended;  /* that have come since the loop last looked */
	size_t nended, cap_ended;
	int adopts;             /* orch is a subreaper */
	int gone;               /* the run's directory was deleted, and that was said */
	struct outcome *lost;   /* whose supervisor was killed; told when its processes are gone */
	size_t nlost;
	long long lost_since;
	long long patience;     /* the git of a killed supervisor was told to end, and has until then to remove its locks */
	long long overdue_at;   /* not before this time has a supervisor to be looked for that does not answer; 0: never */
	int sig;                /* the signal that stops orch; 0: none */
	long long sig_at;
	long long skew;         /* milliseconds that orch itself was stopped */
	struct jobserver *jobserver;
	long long reap_at;      /* not to be looked at all children before */
	int has_begun;          /* something was started; from then on it is known whether there is a jobserver */
	uint32_t limit;         /* tasks at once when processes are scarce; 0: no limit */
	int scarce;             /* a fork was refused, and nothing has ended since */
	long long scarce_since, scarce_pause, scarce_until;
	int log_failed, how_failed;
	long long asked_at;     /* where the entry of what is being started is in `how`; -1: it has none */
	struct output output;
};

/* Looked at before orch opens anything. */
static struct jobserver jobserver;

/* Set by the handlers, which run in pselect alone. */
static volatile sig_atomic_t got_child, got_stop, got_again, got_suspend, got_size, got_cont;

static void
on_signal(int sig)
{
	if (sig == SIGCHLD)
		got_child = 1;
	else if (sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)
		got_suspend = sig;
	else if (sig == SIGCONT)
		got_cont = 1;
#ifdef SIGWINCH
	else if (sig == SIGWINCH)
		got_size = 1;
#endif
	else if (got_stop)
		got_again = 1;
	else
		got_stop = sig;
}

static long long
now_ms(const struct loop_state *l)
{
	return clock_ms() - l->skew;
}

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

/* What orch has inherited besides is not handed on to agents. */
static void
seal_inherited(void)
{
	int fd;
#if defined(__linux__) && !defined(ORCH_NO_LINUX)
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	while (d && (e = readdir(d))) {
		fd = atoi(e->d_name);
		if (*e->d_name != '.' && fd > 2)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	if (d) {
		closedir(d);
		return;
	}
#endif
	for (fd = 3; fd < 4096; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void
catch(int sig, int even_ignored)
{
	struct sigaction sa;

	if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN && !even_ignored)
		return;
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_signal;
	sigfillset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

static void
ignore(int sig)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = SIG_IGN;
	sigaction(sig, &sa, NULL);
}

static void
our_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGTSTP);
	sigaddset(set, SIGTTIN);
	sigaddset(set, SIGTTOU);
	sigaddset(set, SIGCONT);
#ifdef SIGWINCH
	sigaddset(set, SIGWINCH);
#endif
}

int
loop_prepare(void)
{
	sigset_t none;

	jobserver_look(&jobserver, getenv("MAKEFLAGS"));
	if (open_standard())
		return -1;
	seal_inherited();
	jobserver_hand_on(&jobserver);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	ignore(SIGPIPE);
	ignore(SIGXFSZ);
	return 0;
}

/* From here on signals come where the loop waits. Before, they ended orch as any program. */
static void
hold_signals(void)
{
	sigset_t set;

	our_signals(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	catch(SIGCHLD, 1);
	catch(SIGTERM, 0);
	catch(SIGINT, 0);
	catch(SIGHUP, 0);
	catch(SIGTSTP, 0);
	catch(SIGTTIN, 0);
	catch(SIGTTOU, 0);      /* what is said in the background, where the terminal does not want that */
}

/* Those that are about the terminal alone. */
static void
hold_screen_signals(void)
{
	catch(SIGCONT, 1);
#ifdef SIGWINCH
	catch(SIGWINCH, 1);
#endif
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

/* Whether a supervisor will find descriptors behind FD. For want of them a step would fail that has done nothing wrong, and
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
	siginfo_t info;
	int report[2], life[2];

	hold_signals();
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
	output_open(&l->output, l->walk, l->store, l->progress, &l->slots, now_ms(l));
	if (l->output.screen.tty >= 0)
		hold_screen_signals();
	/* A child that was there before (sleep & exec orch) is not ours to end: then nobody is adopted. */
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)
		l->adopts = proctree_become_subreaper();
	if (proctree_is_blind())
		buf_text(&l->progress->out, "orch: warning: /proc cannot be read: of what agents start only their process groups are ended\n");
	return NULL;
}

/* The log. It is not the truth, so a run goes on without it; it is said once. */
static void
log_event(struct loop_state *l, struct log_line *line)
{
	line->ms = clock_epoch();
	if (log_add(l->store->log, line) && !l->log_failed) {
		l->log_failed = 1;
		buf_fmt(&l->progress->out, "orch: cannot write the log of run %s: %s\n", l->store->name, strerror(errno));
	}
}

static void
log_step(struct loop_state *l, enum log_event event, const struct branch *b, const struct outcome *o, const char *text)
{
	struct log_line line = { 0 };
	uint32_t id;

	line.event = event;
	line.at = l->asked_at;
	line.key = branch_key(l->walk, b, &id);
	if (!b)
		line.key = "-";
	if (!line.key)
		return;                 /* the command of an `if` */
	line.n = strlen(line.key);
	line.value = branch_attempt(b);
	line.text = text;
	if (o) {
		line.took = o->ms;
		line.digest = o->digest;
		line.status = outcome_has_status(o) ? o->status : -1;
	}
	log_event(l, &line);
}

/* Starting. */

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
	long long now = now_ms(l);

	if (!l->scarce_since)
		l->scarce_since = now;
	l->scarce = 1;
	l->limit = l->slots.running ? l->slots.running : 1;
	l->scarce_pause = l->scarce_pause ? l->scarce_pause * 2 : 10;
	if (l->scarce_pause > AGAIN_MOST_MS)
		l->scarce_pause = AGAIN_MOST_MS;
	l->scarce_until = now + l->scarce_pause;
}

static void
fork_works(struct loop_state *l)
{
	l->scarce = 0;
	l->scarce_since = l->scarce_pause = 0;
	if (l->limit)
		l->limit++;
}

static int
may_start(struct loop_state *l)
{
	if ((l->limit && l->slots.running >= l->limit) || l->slots.due >= DUE_MOST)
		return 0;
	return !l->scarce || (!l->slots.running && now_ms(l) >= l->scarce_until);
}

/* The task of B, which is not to be started, has failed. */
static void
fail_unstarted(struct loop_state *l, struct branch *b, struct outcome *o)
{
	struct buf why = { 0 };

	outcome_text(o, 0, &why);
	log_step(l, LOG_FAIL, b, o, buf_str(&why));
	buf_free(&why);
	walk_ended(l->walk, b, o, now_ms(l));
}

static void
refused(struct loop_state *l, struct branch *b, int error)
{
	struct outcome o = { 0 };

	fork_failed(l);
	if (l->slots.running || now_ms(l) - l->scarce_since < AGAIN_MS) {
		walk_refused(l->walk, b);
		return;
	}
	l->scarce_since = 0;
	o.kind = OUT_FORK_FAILED;
	o.error = error;
	fail_unstarted(l, b, &o);
}

/* Writes what the task is started with to `how`. -1: that failed, and so has the task, before anything is paid for it. A
 * file that has become too large is no reason: the run goes on without, which is said once. */
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

static void
start_task(struct loop_state *l, struct order *o)
{
	uint32_t i;
	int talks = o->task.kind == TASK_ASK || o->task.interactive || (o->task.kind == TASK_STDIN && isatty(0));
	struct running_step *s;
	pid_t pid;

	if (!l->has_begun)
		begin_jobserver(l);
	l->asked_at = -1;
	if (o->branch && write_how(l, o)) {
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
	o->task.tells = l->slots.running >= MANY_RUNNING;
	pid = fork_supervisor();
	if (!pid) {
		close(l->life);
		close(l->report);
		if (l->output.screen.tty >= 0)
			close(l->output.screen.tty);
		supervisor_run(&l->supervision, &o->task, i);
	}
	if (pid < 0) {
		int error = errno;

		running_drop(&l->slots, i);
		task_free(&o->task);
		refused(l, o->branch, error);
		return;
	}
	/* Also done by the supervisor: whoever is first, it is in its own group before it can be signalled. */
	if (o->branch && o->task.kind != TASK_ASK)
		setpgid(pid, pid);
	s = running_use(&l->slots, i, pid);
	s->branch = o->branch;
	s->kind = o->task.kind;
	s->started = now_ms(l);
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
	else
		log_step(l, LOG_START, o->branch, NULL, branch_again(l->walk, o->branch) ? LOG_AGAIN : NULL);
	task_free(&o->task);
}

/* Whether more may be begun: processes can be had, and what was said is being read. */
static int
may_launch(struct loop_state *l)
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
		if (!l->sig && !may_launch(l))
			return 0;
		walk_next(l->walk, now_ms(l), &o);
		if (o.kind == ORDER_NONE)
			return 0;
		if (o.kind == ORDER_MORE)
			return 1;
		if (o.kind == ORDER_PRINT)
			output_print(&l->output, o.branch, &o.text);
		else
			start_task(l, &o);
	}
	return 1;
}

/* Tokens. */

static int
wants_token(struct loop_state *l)
{
	return l->jobserver->is_open && !l->sig && may_launch(l) && walk_wants(l->walk);
}

/* Starts what may be started, and takes tokens for it; those that nothing needs now go back. Returns whether
 * there may be more at once. */
static int
start_all(struct loop_state *l)
{
	struct jobserver *j = l->jobserver;
	int more = start_some(l), i;

	for (i = 0; !more && wants_token(l) && i < STARTS; i++) {
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
		supervisor_result_name(l->slots.list[o->slot].kind, to, (pid_t)o->number, from);
		if (store_keep(l->store, from, to))
			cannot_keep(o, errno, "its answer cannot be kept");
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
		cannot_keep(o, error, stays ? "result/ cannot be made safe on disk; remove the answer's file there" :
		    "result/ cannot be made safe on disk");
	}
}

static void
tell_done(struct loop_state *l, const struct running_step *s, const struct outcome *o)
{
	uint32_t id;
	const char *key = branch_key(l->walk, s->branch, &id);
	char file[KEY_NAME_MAX + 1];

	if (s->kind == TASK_IF)
		return;
	if (s->kind == TASK_WORD) {
		log_step(l, LOG_OTHERWISE, s->branch, NULL, NULL);
		progress_otherwise(l->progress, key, s->word);
		return;
	}
	if (s->kind == TASK_COMMIT) {
		file_of(l, s, file);
		how_answered(l->store->how, file);
	}
	log_step(l, LOG_DONE, s->branch, o, NULL);
	if (s->branch && l->output.screen.tty >= 0)
		screen_took(&l->output.screen, s->branch, o->ms);
	if (!s->branch && *o->text)
		progress_stdin(l->progress, NULL);
	if (s->branch)
		progress_done(l->progress, key, o, branch_attempt(s->branch));
}

static void
tell_failed(struct loop_state *l, const struct running_step *s, const struct outcome *o)
{
	struct buf why = { 0 };

	outcome_text(o, o->timeout, &why);
	log_step(l, o->kind == OUT_STOPPED ? LOG_STOP : o->kind == OUT_RATE_LIMITED ? LOG_RATE_LIMITED : LOG_FAIL, s->branch, o, buf_str(&why));
	buf_free(&why);
}

/* Outcomes. */

static void
add_outcome(struct outcome **list, size_t *n, size_t *cap, const struct outcome *o)
{
	if (*n == *cap) {
		*cap = *cap ? *cap * 2 : 16;
		*list = mem_grow(*list, *cap, sizeof **list);
	}
	(*list)[(*n)++] = *o;
}

/* A supervisor has told how it went. From here on its number is nobody's; for the result's name in tmp/ it
 * is kept in the record. */
static void
take_record(struct loop_state *l, struct outcome *o)
{
	struct branch *b;

	if (o->slot >= l->slots.n || !l->slots.list[o->slot].pid)
		return;
	if (o->kind == OUT_BEGUN) {
		running_begun(&l->slots, o->slot);
		return;
	}
	b = l->slots.list[o->slot].branch;
	if (o->kind == OUT_OK)
		o->number = (int32_t)l->slots.list[o->slot].pid;
	running_forget(&l->slots, o->slot);
	if (o->kind == OUT_FORK_FAILED) {
		running_drop(&l->slots, o->slot);
		refused(l, b, o->error);
		return;
	}
	fork_works(l);
	if (o->kind == OUT_OK)
		walk_has_result(l->walk, b);
	add_outcome(&l->ended, &l->nended, &l->cap_ended, o);
}

static void
read_reports(struct loop_state *l)
{
	char buf[8 * sizeof(struct outcome)];   /* more would be another page of the stack to copy behind each fork */
	struct outcome o;
	long got;
	size_t at;

	while ((got = file_read_some(l->report, buf + l->npartial, sizeof buf - l->npartial)) > 0) {
		memcpy(buf, l->partial, l->npartial);
		got += (long)l->npartial;
		for (at = 0; at + sizeof o <= (size_t)got; at += sizeof o) {
			memcpy(&o, buf + at, sizeof o);
			take_record(l, &o);
		}
		l->npartial = (size_t)got - at;
		memcpy(l->partial, buf + at, l->npartial);
	}
}

/* A supervisor has died without a word: what it supervised has become ours, where that can be. */
static void
lose_slot(struct loop_state *l, uint32_t slot)
{
	struct outcome o = { 0 };

	o.slot = slot;
	o.kind = OUT_LOST;
	if (l->slots.list[slot].kind == TASK_WORKTREE || l->slots.list[slot].kind == TASK_COMMIT)
		l->patience = now_ms(l) + PATIENCE_MS;
	running_forget(&l->slots, slot);
	l->lost = mem_grow(l->lost, l->nlost + 1, sizeof *l->lost);
	l->lost[l->nlost++] = o;
	if (l->nlost == 1)
		l->lost_since = now_ms(l);
}

/* Looks at every child, for the kernel does: so not each time that one of thousands has ended. */
static void
reap(struct loop_state *l)
{
	pid_t pid, *dead = NULL;
	size_t n = 0, i;
	uint32_t slot;

	if (!got_child || now_ms(l) < l->reap_at)
		return;
	got_child = 0;
	l->reap_at = now_ms(l) + (long long)l->slots.running * REAP_MS / 10000;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (running_find(&l->slots, pid) == NO_RUNNING)
			continue;
		dead = mem_grow(dead, n + 1, sizeof *dead);
		dead[n++] = pid;
	}
	if (n)
		read_reports(l);        /* what they had said before they died */
	for (i = 0; i < n; i++)
		if ((slot = running_find(&l->slots, dead[i])) != NO_RUNNING)
			lose_slot(l, slot);
	free(dead);
}

static int
is_supervisor(void *ctx, pid_t pid)
{
	return running_find(ctx, pid) != NO_RUNNING;
}

/* A supervisor is asked to go on, should somebody have stopped it, and to end; one that does not even end so is stuck in
 * the kernel, and given up. */
static void
prod(struct loop_state *l, uint32_t i)
{
	struct running_step *s = &l->slots.list[i];
	pid_t pid = s->pid;

	if (!s->prodded++) {
		kill(pid, SIGCONT);
		kill(pid, SIGKILL);
		s->limit = now_ms(l) + PROD_MS;
		return;
	}
	lose_slot(l, i);
	snprintf(l->lost[l->nlost - 1].text, sizeof l->lost->text, "pid %ld", (long)pid);
}

/* Every wait has an end: looks for supervisors that have not told of their end though their time is over. */
static void
look_for_overdue(struct loop_state *l)
{
	long long now = now_ms(l), next = -1;
	uint32_t i;

	if (!l->overdue_at || now < l->overdue_at)
		return;
	for (i = 0; i < l->slots.n; i++) {
		if (l->slots.list[i].pid && l->slots.list[i].limit && now >= l->slots.list[i].limit)
			prod(l, i);
		if (l->slots.list[i].pid && l->slots.list[i].limit)
			next = clock_sooner(next, l->slots.list[i].limit);
	}
	l->overdue_at = next < 0 ? 0 : next;
}

/* All that run have to end within MS. */
static void
limit_all(struct loop_state *l, long long ms)
{
	uint32_t i;

	for (i = 0; i < l->slots.n; i++)
		if (l->slots.list[i].pid)
			l->slots.list[i].limit = now_ms(l) + ms;
	l->overdue_at = now_ms(l) + ms;
}

static int
has_no_strays(struct loop_state *l)
{
	pid_t *list;
	long n = proctree_children(&list), i;
	int none = 1;

	for (i = 0; i < n; i++)
		none &= is_supervisor(&l->slots, list[i]) || waitpid(list[i], NULL, WNOHANG) > 0;
	free(list);
	return none;
}

/* What is left of a killed supervisor, and does not end. */
static void
name_strays(struct loop_state *l, struct outcome *o)
{
	pid_t *list;
	long n = proctree_children(&list), i;
	size_t at = 0;

	for (i = 0; i < n && at < sizeof o->text - 20; i++)
		if (!is_supervisor(&l->slots, list[i]))
			at += (size_t)snprintf(o->text + at, sizeof o->text - at, "%spid %ld", at ? ", " : "", (long)list[i]);
	free(list);
}

/* Ends what killed supervisors have left; their steps have failed when nothing of it is there any more. */
static void
end_strays(struct loop_state *l)
{
	size_t i;
	long left;

	if (!l->nlost)
		return;
	if (l->adopts && now_ms(l) < l->patience && !has_no_strays(l))
		return;
	left = l->adopts ? proctree_kill(is_supervisor, &l->slots) : 0;
	if (left > 0 && now_ms(l) - l->lost_since < STRAY_MS)
		return;
	for (i = 0; i < l->nlost && left > 0; i++)
		if (!*l->lost[i].text)
			name_strays(l, &l->lost[i]);
	for (i = 0; i < l->nlost; i++)
		add_outcome(&l->ended, &l->nended, &l->cap_ended, &l->lost[i]);
	l->nlost = 0;
}

/* Signals. */

static void
signal_all(const struct loop_state *l, int sig)
{
	uint32_t i;

	for (i = 0; i < l->slots.n; i++)
		if (l->slots.list[i].pid)
			kill(l->slots.list[i].pid, sig);
}

/* SIGTSTP, or SIGTTIN when a step needs the terminal and the job is in the background: the agents are
 * suspended, then orch; both go on together. */
static void
suspend_all(struct loop_state *l, int sig)
{
	struct log_line line = { 0 };
	struct sigaction sa, ours;
	long long since = clock_ms();
	sigset_t set;

	got_suspend = 0;
	signal_all(l, SUPERVISOR_SUSPEND);
	screen_hide(&l->output.screen, l->progress);
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = SIG_DFL;
	sigaction(sig, &sa, &ours);
	raise(sig);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);   /* here it stops, until it is continued */
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(sig, &ours, NULL);
	signal_all(l, SIGCONT);
	line.event = LOG_PAUSED;
	line.value = (long)(clock_ms() - since);
	l->skew += line.value;
	l->progress->suspended = l->skew;
	log_event(l, &line);
}

static void
look_at_signals(struct loop_state *l)
{
	/* A job that is ended while it is stopped gets both. */
	if (got_suspend && !got_stop && !l->sig)
		suspend_all(l, got_suspend);
	got_suspend = 0;
	if (got_size)
		screen_resized(&l->output.screen);
	if (got_cont)
		screen_lost(&l->output.screen);
	got_size = got_cont = 0;
	if (got_stop && !l->sig) {
		l->sig = got_stop;
		l->sig_at = clock_ms();
		got_again = 0;
		walk_stop(l->walk, STOP_ALL);
		signal_all(l, SUPERVISOR_STOP);
		signal_all(l, SIGCONT);       /* should somebody have stopped one */
		limit_all(l, STOP_MS);
		output_drop(&l->output);
	}
	if (got_again) {
		got_again = 0;
		if (clock_ms() - l->sig_at > SECOND_MS) {
			signal_all(l, SUPERVISOR_STOP);
			limit_all(l, STOP_NOW_MS);
		}
	}
}

/* Lets pending signals in: pselect need not, when a descriptor is ready. */
static void
let_signals_in(void)
{
	sigset_t none, old;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, &old);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Hands the outcomes to the walk. */
static void
finish(struct loop_state *l)
{
	size_t i;

	/* A signal that came while others were started counts before a result does: who was told to stop has
	 * not answered, even if its supervisor did not know of it yet. */
	let_signals_in();
	look_at_signals(l);
	for (i = 0; i < l->nended && l->sig; i++)
		if (l->ended[i].kind == OUT_OK)
			l->ended[i].kind = OUT_STOPPED;
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
		walk_ended(l->walk, b, o, now_ms(l));
	}
	l->nended = 0;
}

/* Waiting. */

static long long
wait_time(struct loop_state *l, int more, long long now)
{
	int open = l->sig || may_launch(l);        /* else what is due has to wait for what opens the way */
	long long ms = open ? walk_wake(l->walk, now) : -1;

	if (more && open)
		return 0;
	if (l->scarce && !l->slots.running)
		ms = clock_sooner(ms, l->scarce_until > now ? l->scarce_until - now : 0);
	if (l->nlost)
		ms = clock_sooner(ms, 2);
	if (l->overdue_at)
		ms = clock_sooner(ms, l->overdue_at > now ? l->overdue_at - now : 0);
	if (got_child)
		ms = clock_sooner(ms, l->reap_at > now ? l->reap_at - now : 0);
	return ms;
}

static void
wait_for_something(struct loop_state *l, int more)
{
	long long now = now_ms(l), ms = wait_time(l, more, now);
	struct timespec t;
	fd_set in, out;
	sigset_t none;
	int n, last = l->report;

	FD_ZERO(&in);
	FD_ZERO(&out);
	ms = clock_sooner(ms, output_wants(&l->output, !ms, now, &out, &last));
	FD_SET(l->report, &in);
	if (wants_token(l)) {
		FD_SET(l->jobserver->in, &in);
		last = l->jobserver->in > last ? l->jobserver->in : last;
	}
	t.tv_sec = ms / 1000;
	t.tv_nsec = ms % 1000 * 1000000;
	sigemptyset(&none);
	n = pselect(last + 1, &in, &out, NULL, ms < 0 ? NULL : &t, &none);
	let_signals_in();
	look_at_signals(l);
	if (n > 0)
		output_write(&l->output, &out, now_ms(l));
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
	long long until = now_ms(l) + SECOND_MS;
	sigset_t none;
	pid_t pid;

	sigemptyset(&none);
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0 || (!pid && l->adopts && now_ms(l) < until))
		if (!pid)
			pselect(0, NULL, NULL, NULL, &moment, &none);
}

int
loop_run(struct walk *w, struct store *s, struct progress *p)
{
	struct loop_state l = { 0 };
	const char *lacks;
	int more;

	l.walk = w;
	l.store = s;
	l.progress = p;
	if ((lacks = set_up(&l))) {
		buf_fmt(&w->reason, "cannot start: %s: %s", lacks, strerror(errno));
		return start_fail(&p->out, lacks, errno);
	}
	let_signals_in();
	look_at_signals(&l);
	more = start_all(&l);
	while (!is_over(&l)) {
		wait_for_something(&l, more);
		reap(&l);
		read_reports(&l);
		look_for_overdue(&l);
		end_strays(&l);
		if (!l.nended || !w->stop_first)
			more = start_all(&l);   /* what waited for a slot goes before the disk */
		if (l.nended) {
			finish(&l);
			more = 1;
		}
	}
	while (l.jobserver->held)
		jobserver_give(l.jobserver);
	screen_close(&l.output.screen, p);
	see_supervisors_out(&l);
	running_free(&l.slots);
	free(l.ended);
	free(l.lost);
	return l.sig ? 128 + l.sig : w->failed || w->unfinished || w->output_failed;
}

void
loop_die(int sig)
{
	struct sigaction sa;
	sigset_t set;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = SIG_DFL;
	sigaction(sig, &sa, NULL);
	sigemptyset(&set);
	raise(sig);
	sigprocmask(SIG_SETMASK, &set, NULL);
	_exit(128 + sig);
}

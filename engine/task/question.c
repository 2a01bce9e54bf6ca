/* What the kept steps of a run were asked, against what they would be asked now.
 *
 * The log's DONE line holds a digest of the question that was answered; the file `how` and asked/KEY say it in
 * words. A step that has its result may be asked again (-u), and its result stays until the new one is renamed
 * over it; but its words are written when the attempt begins. So these tell of the question to
 * the result only as long as no such attempt was cut off or has failed: its START line says `again`. Where the log has
 * lost a line, the times of the attempt and of asked/KEY tell whether the question came after the result. */
#include "engine/task/question.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/clock.h"
#include "engine/task/digest.h"
#include "parse/mem.h"
#include "store/escape.h"
#include "store/file.h"
#include "store/how.h"
#include "store/log.h"
#include "store/os.h"

enum {
	PIECE = 16 * 1024,
	LINES = 96              /* bytes of the two lines that the log has of a step, about */
};

/* The lines that tell of a result. */
#define RESULT_LINES (LOG_ASKED | 1u << LOG_OTHERWISE | 1u << LOG_FOUND)

/* Begins a reason that is a whole sentence, where others are the name of what has changed. */
#define WHOLE '\n'

static const char choices[] = "\nthe choices have changed";    /* WHOLE comes first */
static const char unanswered[] = QUESTION_UNANSWERED, unknown[] = "question";

void
question_text_of(struct buf *b, const char *what)
{
	if (!strcmp(what, QUESTION_UNANSWERED))
		buf_text(b, "a re-run was interrupted or failed");
	else if (!strcmp(what, QUESTION_REDO))
		buf_text(b, "redo");
	else if (*what == WHOLE)
		buf_text(b, what + 1);
	else
		buf_fmt(b, "%s has changed", what);
}

/* The log, and what it lacks. */

static int
file_name(const struct questions *a, uint32_t id, char name[KEY_NAME_MAX + 1])
{
	const char *key = keys_text(a->keys, id);

	return key_encode(key, strlen(key), name);
}

/* Whether the result has come with the attempt: not before it began, as far as a file's time can tell, and after the one that the log
 * told of. */
static int
came_with(struct questions *a, uint32_t id, const struct asking *asking)
{
	char name[KEY_NAME_MAX + 1];
	struct stat st;
	long long came;

	if (file_name(a, id, name) < 0 || fstatat(a->store->result, name, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	came = clock_of(os_modified(&st));
	return came > asking->told && came > asking->ms - CLOCK_STEP_MS;
}

/* Whose the result of ID is after the line L. An attempt began: until a line says that it was answered, the result that
 * is there is the one from before, if there was one (question_settle sees whether it was replaced since); or it came since; if that
 * attempt was the first and has failed, from somebody else. */
static enum origin
origin_after(struct questions *a, uint32_t id, const struct log_line *l)
{
	unsigned was = a->keys->list[id].origin;

	if (l->event == LOG_START && (!l->text || strcmp(l->text, LOG_AGAIN)))
		return ORIGIN_BEGUN;
	if (l->event == LOG_START)
		return ORIGIN_STALE;
	if (LOG_TRIED >> l->event & 1)
		return was == ORIGIN_BEGUN ? ORIGIN_FOREIGN : was;
	return l->event == LOG_FOUND ? ORIGIN_FOUND : ORIGIN_ASKED;
}

/* A run that is complete has nothing left to run again: what was not reached is not to be, should it come into reach. */
static void
end_redo(struct questions *a)
{
	uint32_t id;

	for (id = 0; a->redo && id < a->keys->n; id++)
		question_redo(a, id, 0);
	for (id = 0; a->keys->is_redo && id < a->keys->n; id++) {
		a->keys->list[id].flags &= ~(unsigned)KEY_REDONE;
		if (!a->again)
			result_set_seq(a->keys, id, 0); /* what has come since is of no matter to the next redo */
	}
	a->keys->is_redo = 0;
}

static void
add_redo(struct questions *a, uint32_t id, const struct log_line *l)
{
	size_t i;

	if (!redo_line(&a->redone, id, l->value))
		return;
	a->keys->is_redo = 1;
	a->redo_ms = l->ms;
	for (i = 0; i < a->redone.ids.n; i++)
		question_redo(a, a->redone.ids.list[i], 1);
}

static void
add_line(void *ctx, const struct log_line *l)
{
	struct questions *a = ctx;
	uint32_t id;
	int redone;

	if (a->spent)
		spent_line(a->spent, a->keys, l);
	if (l->event == LOG_USAGE)
		return;
	if (l->event == LOG_WALK && a->sessions)
		sessions_line(a->sessions, a->keys, 0, l);
	if (l->event == LOG_WALK || l->event == LOG_END) {
		a->is_open = l->event == LOG_WALK;
		if (l->event == LOG_END && !l->value)
			end_redo(a);
		return;
	}
	if (l->event == LOG_IF) {
		decisions_set(a->decisions, l->digest, l->value != 0);
		return;
	}
	id = keys_add(a->keys, l->key, l->n);
	if (a->sessions)
		sessions_line(a->sessions, a->keys, id, l);
	if (l->event == LOG_SESSION)
		return;
	if (l->event == LOG_REDO) {
		add_redo(a, id, l);
		return;
	}
	if (RESULT_LINES >> l->event & 1)
		question_redo(a, id, 0);
	a->keys->list[id].origin = origin_after(a, id, l);
	if (LOG_TRIED >> l->event & 1)
		return;
	keys_set_digest(a->keys, id, l->digest);
	if (l->event == LOG_START)
		return;
	a->keys->list[id].flags &= ~(unsigned)KEY_FALLBACK;
	a->keys->list[id].flags |= l->event == LOG_OTHERWISE ? KEY_FALLBACK : 0;
	redone = l->text && !strcmp(l->text, LOG_REDONE);
	if (a->keys->is_redo && redone)
		a->keys->list[id].flags |= KEY_REDONE;
	if (!a->again && !a->keys->is_redo)
		return;
	/* Of a redo's results those alone that are a part of it make what follows later. */
	if (l->event == LOG_SAME || (!a->again && !redone))
		result_set_same(a->keys, id, ++a->last);
	else
		result_set_seq(a->keys, id, ++a->last);
}

static void
tell(struct questions *a, uint32_t id, enum log_event event, long attempt, uint64_t digest, const char *text)
{
	struct log_line l = { 0 };

	if (a->store->log < 0)
		return;
	l.ms = clock_epoch();
	l.event = event;
	l.key = keys_text(a->keys, id);
	l.n = strlen(l.key);
	l.value = attempt;
	l.digest = digest;
	l.text = text;
	log_add(a->store->log, &l);
}

static int
is_newer(int dir, const char *name, const struct stat *than)
{
	struct stat st;

	return dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && clock_is_later(os_modified(&st), os_modified(than));
}

static struct asking *
asking_of(struct questions *a, uint32_t id)
{
	uint32_t i;

	if (id >= a->nasked) {
		a->asked = mem_grow(a->asked, a->keys->cap, sizeof *a->asked);
		for (i = a->nasked; i < a->keys->cap; i++) {
			memset(&a->asked[i], 0, sizeof *a->asked);
			a->asked[i].at = -1;
		}
		a->nasked = a->keys->cap;
	}
	return &a->asked[id];
}

static void
add_asking(void *ctx, const struct log_line *l)
{
	struct questions *a = ctx;
	struct asking *asking = asking_of(a, keys_add(a->keys, l->key, l->n));

	asking->is_ended = l->event != LOG_START;
	if (l->event == LOG_START) {
		asking->ms = l->ms;
		asking->at = l->at;
		asking->attempt = l->value;
	} else if (!(LOG_TRIED >> l->event & 1)) {
		asking->told = l->ms;
	}
}

/* What the log has lost. */
static void
add_lost(void *ctx, const char *name, long long ms, long long at)
{
	struct questions *a = ctx;
	char key[KEY_NAME_MAX + 1];
	int n = key_decode(name, key);
	struct asking *asking = n < 0 ? NULL : asking_of(a, keys_add(a->keys, key, (size_t)n));

	if (asking && ms >= asking->ms) {
		asking->ms = ms;
		asking->at = at;
	}
}

/* The latest attempt of ID. The log is read for that once, when it is first needed; and `how` itself where the log does
 * not tell. */
static struct asking
latest(struct questions *a, uint32_t id)
{
	static const struct asking none = { 0, -1, 0, 0, 0 };

	if (!a->has_asked) {
		a->has_asked = 1;
		log_read(a->store->run, 1u << LOG_START | LOG_TRIED | RESULT_LINES, add_asking, a);
	}
	if (a->has_asked == 1 && (id >= a->nasked || a->asked[id].at < 0)) {
		a->has_asked = 2;
		how_each(a->store->run, add_lost, a);
	}
	return id < a->nasked ? a->asked[id] : none;
}

int
question_how(struct questions *a, uint32_t id, char **text, size_t *n)
{
	char name[KEY_NAME_MAX + 1];

	if (file_name(a, id, name) < 0)
		return -1;
	return how_get(a->store->how, latest(a, id).at, name, text, n);
}

/* Whether the question came after the result of ID. */
static int
is_outdated(struct questions *a, uint32_t id)
{
	char name[KEY_NAME_MAX + 1];
	struct stat st;

	return file_name(a, id, name) >= 0 && fstatat(a->store->result, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (clock_of(os_modified(&st)) + CLOCK_STEP_MS < latest(a, id).ms || is_newer(a->store->asked, name, &st));
}

/* A result that somebody has put there gets its line before anything is asked: it is earlier than all that
 * this walk asks. It makes nothing later than itself: only a result to a question does. */
static void
seq_found(struct questions *a, uint32_t id)
{
	/* Looking for its attempts may add keys, and so move the list. */
	int is_stale = a->keys->list[id].origin == ORIGIN_UNTOLD && is_outdated(a, id);

	a->keys->list[id].origin = is_stale ? ORIGIN_STALE : ORIGIN_FOREIGN;
	if (is_stale)
		return;
	result_set_seq(a->keys, id, ++a->last);
	tell(a, id, LOG_FOUND, 0, 0, NULL);
}

/* The fallback of ID may have been replaced by hand since: then it is none. */
static void
settle_fallback(struct questions *a, uint32_t id)
{
	struct asking asking = latest(a, id);

	asking.ms = asking.told;
	if (!(a->keys->list[id].flags & KEY_KEPT) || !asking.is_ended || !came_with(a, id, &asking))
		return;
	a->keys->list[id].flags &= ~(unsigned)KEY_FALLBACK;
	a->keys->list[id].origin = ORIGIN_FOUND;
	if (a->sessions)
		sessions_none(a->sessions, id);
	tell(a, id, LOG_FOUND, 0, 0, NULL);
}

void
question_settle(struct questions *a)
{
	uint32_t id, n = a->keys->n;
	uint64_t digest;

	for (id = 0; id < n; id++) {
		unsigned flags = a->keys->list[id].flags, origin = a->keys->list[id].origin;
		const struct session *e = a->sessions ? sessions_of(a->sessions, id) : NULL;
		int told = e && !e->is_settled, answered = told && (e->says & SESSION_ANSWERED);
		struct asking asking;

		if (flags & KEY_FALLBACK)
			settle_fallback(a, id);
		if (!(flags & KEY_KEPT) || (!told && !(flags & KEY_REDO) && !a->is_open && origin != ORIGIN_STALE && origin != ORIGIN_BEGUN))
			continue;
		asking = latest(a, id);
		if ((!told && (!asking.ms || (asking.is_ended && origin != ORIGIN_STALE))) || ((flags & KEY_REDO) && asking.ms < a->redo_ms))
			continue;
		if ((!told || (flags & KEY_REDO) || (origin != ORIGIN_UNTOLD && origin != ORIGIN_BEGUN)) && !came_with(a, id, &asking))
			continue;
		question_redo(a, id, 0);
		if (told && !answered) {        /* it was put there, in place of what the attempt has not given */
			a->keys->list[id].origin = ORIGIN_FOREIGN;
			sessions_none(a->sessions, id);
			continue;
		}
		digest = answered ? e->latest.digest : 0;
		a->keys->list[id].origin = ORIGIN_ASKED;
		keys_set_digest(a->keys, id, digest);
		if (flags & KEY_REDO)
			a->keys->list[id].flags |= KEY_REDONE;
		if (a->again || (a->keys->is_redo && (flags & KEY_REDO)))
			result_set_seq(a->keys, id, ++a->last);
		else if (a->keys->is_redo)
			result_set_same(a->keys, id, ++a->last);
		tell(a, id, LOG_DONE, answered ? e->attempt : asking.attempt, digest, flags & KEY_REDO ? LOG_REDONE : NULL);
		if (answered)
			sessions_done(a->sessions, id, e->attempt);
		else if (a->sessions)
			sessions_none(a->sessions, id);
	}
}

void
question_seq_found(struct questions *a)
{
	uint32_t id, n = a->keys->n;

	for (id = 0; id < n; id++) {
		const struct key *k = &a->keys->list[id];

		if ((k->flags & KEY_KEPT) && (k->origin == ORIGIN_UNTOLD || k->origin == ORIGIN_FOREIGN) &&
		    strcmp(keys_text(a->keys, id), "-"))
			seq_found(a, id);
	}
	/* What was asked, and lacks only its line, is the latest. */
	for (id = 0; id < n; id++)
		if (a->keys->list[id].origin == ORIGIN_BEGUN) {
			a->keys->list[id].origin = ORIGIN_UNTOLD;
			result_set_seq(a->keys, id, ++a->last);
		}
}

int
question_load(struct questions *a)
{
	unsigned results = 1u << LOG_REDO | RESULT_LINES | 1u << LOG_WALK | 1u << LOG_END;
	unsigned attempts = 1u << LOG_START | LOG_TRIED;
	struct stat st;

	if (fstatat(a->store->run, "log", &st, AT_SYMLINK_NOFOLLOW) == 0)
		keys_reserve(a->keys, (size_t)st.st_size / LINES);
	if (a->decisions)
		results |= 1u << LOG_IF;
	if (a->spent)
		results |= SPENT_LINES;
	if (a->sessions)
		results |= 1u << LOG_SESSION;
	return log_read(a->store->run, a->again ? results | attempts : results, add_line, a);
}

void
question_redo(struct questions *a, uint32_t id, int redo)
{
	struct key *k = &a->keys->list[id];

	if (redo && a->sessions)
		sessions_over(a->sessions, id);
	if (!(k->flags & KEY_REDO) == !redo)
		return;
	k->flags ^= KEY_REDO;
	a->redo += redo ? 1 : -1;
}

void
question_kept(struct questions *a, uint32_t id, const struct task *t)
{
	char name[KEY_NAME_MAX + 1];
	struct key *k = &a->keys->list[id];

	if (k->origin != ORIGIN_UNTOLD && k->origin != ORIGIN_FOREIGN)
		return;
	k->origin = a->again && k->origin == ORIGIN_UNTOLD ? ORIGIN_ASKED : ORIGIN_FOUND;
	if (t->kind == TASK_COMMIT && file_name(a, id, name) >= 0)
		how_answered(a->store->how, name);
	tell(a, id, k->origin == ORIGIN_ASKED ? LOG_DONE : LOG_FOUND, 0, a->digest, NULL);
}

/* Comparing. */

static uint64_t
result_digest(const struct store *s, const char *key)
{
	char piece[PIECE];
	uint64_t h = DIGEST_START;
	long n;
	int fd = store_open_result(s, key);

	if (fd < 0)
		return 0;
	while ((n = file_read_some(fd, piece, sizeof piece)) > 0)
		h = digest_add(h, piece, (size_t)n);
	close(fd);
	return n < 0 ? 0 : h;
}

static uint64_t
content_digest(struct questions *a, const char *key)
{
	uint32_t id = keys_find(a->keys, key, strlen(key)), i;

	if (id == KEY_NONE)
		return 0;
	if (id >= a->ncontent) {
		a->content = mem_grow(a->content, a->keys->n, sizeof *a->content);
		for (i = a->ncontent; i < a->keys->n; i++)
			a->content[i] = 0;
		a->ncontent = a->keys->n;
	}
	if (!a->content[id])
		a->content[id] = result_digest(a->store, key);
	return a->content[id];
}

void
question_forget(struct questions *a, uint32_t id)
{
	if (id < a->ncontent)
		a->content[id] = 0;
}

static uint64_t
whole_digest(struct questions *a, const struct task *t)
{
	uint64_t h = task_digest(t);
	const char *key = t->inputs;
	size_t i;

	for (i = 0; i < t->ninputs; i++, key += strlen(key) + 1)
		h = task_digest_input(h, key, content_digest(a, key));
	return h;
}

int
question_text(const struct store *s, const struct task *t, int (*add)(void *, const char *, size_t), void *ctx, uint64_t *digest,
    const char **input)
{
	char piece[64 * 1024], *end, last = t->nprompt ? t->prompt[t->nprompt - 1] : '\n';
	const char *key = t->inputs;
	size_t i;
	long n = 0;

	*input = NULL;
	if (t->nprompt && add(ctx, t->prompt, t->nprompt))
		return QUESTION_UNFINISHED;
	for (i = 0; i < t->ninputs; i++, key += strlen(key) + 1) {
		int in = store_open_result(s, *input = key), enough;
		uint64_t h = DIGEST_START;

		if (in < 0)
			return QUESTION_NO_INPUT;
		end = stpcpy(piece, last == '\n' ? "" : "\n");
		if (t->nprompt)         /* by hand: a supervisor does not touch the pages of printf */
			end = stpcpy(stpcpy(stpcpy(end, "\n==> "), key), " <==\n");
		last = '\n';
		enough = end > piece && add(ctx, piece, (size_t)(end - piece));
		while (!enough && (n = file_read_some(in, piece, sizeof piece)) > 0) {
			h = digest ? digest_add(h, piece, (size_t)n) : 0;
			last = piece[n - 1];
			enough = add(ctx, piece, (size_t)n);
		}
		file_drop(in);
		if (enough || n < 0)
			return enough ? QUESTION_UNFINISHED : QUESTION_UNREAD;
		if (digest)
			*digest = task_digest_input(*digest, key, h);
	}
	return 0;
}

static int
write_piece(void *ctx, const char *p, size_t n)
{
	return file_write(*(int *)ctx, p, n);
}

int
question_write(struct questions *a, const struct task *t, int fd)
{
	const char *input;

	return question_text(a->store, t, write_piece, &fd, NULL, &input) ? -1 : 0;
}

/* Whether the N bytes at P begin with the line above an input, after one or two newlines: where its key begins, and in *KEY its
 * length. */
static const char *
is_head(const char *p, size_t n, size_t *key)
{
	static const char open[] = "==> ", close[] = " <==\n";
	const char *end = p + n, *s;

	while (p < end && *p == '\n' && n - (size_t)(end - p) < 2)
		p++;
	if (end - p < (long)(sizeof open - 1) || memcmp(p, open, sizeof open - 1))
		return NULL;
	p += sizeof open - 1;
	for (s = p; end - s >= (long)(sizeof close - 1) && memcmp(s, close, sizeof close - 1); s++)
		if (*s == '\n')
			return NULL;
	if (end - s < (long)(sizeof close - 1))
		return NULL;
	if (key)
		*key = (size_t)(s - p);
	return p;
}

/* Whether the step was asked with the input KEY, of N bytes, from where the comparison is on. */
static int
was_asked_with(const struct asked_text *asked, const char *key, size_t n)
{
	struct buf line = { 0 };
	struct asked_text at = *asked;
	char piece[PIECE];
	int found = 0;
	long got;

	buf_fmt(&line, "\n==> %.*s <==\n", (int)n, key);
	while (!found && (got = file_read_at(at.fd, piece, sizeof piece, at.at)) > 0) {
		size_t i;

		for (i = 0; !found && i + line.n <= (size_t)got; i++)
			found = !memcmp(piece + i, line.s, line.n);
		if ((size_t)got < sizeof piece)
			break;
		at.at += got - (long)line.n + 1;
	}
	buf_free(&line);
	return found;
}

/* The inputs differ at INPUT, or after the last of them when that is NULL: what of them. */
static const char *
what_of_inputs(struct questions *a, const struct task *t, const struct asked_text *asked, const char *input)
{
	char piece[2 * KEY_NAME_MAX + 16];
	const char *key = t->inputs, *before = NULL, *old = NULL, *k = t->inputs;
	long got = asked->fd < 0 ? -1 : file_read_at(asked->fd, piece, sizeof piece, asked->at);
	size_t i, n = 0;
	int is_moved = 0;

	for (i = 0; i < t->ninputs && key != input; i++, key += strlen(key) + 1)
		before = key;
	if (got > 0)
		old = is_head(piece, (size_t)got, &n);
	for (i = 0; old && i < t->ninputs; i++, k += strlen(k) + 1)
		is_moved |= strlen(k) == n && !memcmp(k, old, n);
	a->what.n = 0;
	if (!t->nprompt && (t->ninputs > 1 || !input))  /* one after the other, without their names */
		buf_fmt(&a->what, "%cthe inputs have changed", WHOLE);
	else if (input && (!asked->head || got < 0))
		buf_fmt(&a->what, "input %s", input);
	else if (old && input && is_moved && was_asked_with(asked, input, strlen(input)))
		buf_fmt(&a->what, "%cthe inputs are in another order", WHOLE);
	else if (old && (!input || was_asked_with(asked, input, strlen(input))))
		buf_fmt(&a->what, "%cinput %.*s is gone", WHOLE, (int)n, old);
	else if (input && (old || got == 0))
		buf_fmt(&a->what, "%cinput %s is new", WHOLE, input);
	else if (before)
		buf_fmt(&a->what, "input %s", before);
	else
		return NULL;
	return buf_str(&a->what);
}

int
question_compare(void *ctx, const char *p, size_t n)
{
	struct asked_text *asked = ctx;
	char piece[PIECE];

	while (n) {
		size_t want = n < sizeof piece ? n : sizeof piece;

		if (file_read_at(asked->fd, piece, want, asked->at) != (long)want || memcmp(piece, p, want)) {
			asked->head = is_head(p, n, NULL) != NULL;
			return 1;
		}
		asked->at += (long long)want;
		p += want;
		n -= want;
	}
	return 0;
}

static const char *
what_differs_asked(struct questions *a, const char *name, const struct task *t)
{
	struct asked_text asked = { -1, 0, 0 };
	const char *what = NULL, *input;
	int differs, longer;
	char byte;

	asked.fd = file_open(a->store->asked, name);
	differs = question_text(a->store, t, question_compare, &asked, NULL, &input) != 0;
	longer = !differs && asked.fd >= 0 && file_read_at(asked.fd, &byte, 1, asked.at) != 0;
	if (longer || (differs && input))
		what = what_of_inputs(a, t, &asked, longer ? NULL : input);
	if (!what && (longer || differs))
		what = t->kind == TASK_ASK ? "text" : "prompt";
	if (asked.fd >= 0)
		close(asked.fd);
	return what;
}

/* What a line of an entry of `how` is about, if that has a name. */
enum about { ABOUT_OTHER, ABOUT_VARIABLE, ABOUT_FILE, ABOUT_FORK };

/* The name, of *N bytes, is at *NAME: a variable's ends at its value, a file's and a key's at the last blank. */
static enum about
is_about(const char *line, const char **name, size_t *n)
{
	static const char *const words[] = { "", "variable\t", "depends\t", "fork\t" };
	int k;

	for (k = ABOUT_FORK; k && strncmp(line, words[k], strlen(words[k])); k--)
		;
	*name = line + strlen(words[k]);
	*n = strcspn(*name, "\t\n");
	if (k == ABOUT_FILE || k == ABOUT_FORK) {
		while (*n && (*name)[*n - 1] != ' ')
			--*n;
		*n -= *n > 0;
	}
	return (enum about)k;
}

/* Whether the file called by the N bytes at NAME is one that the entry NOW found missing. */
static int
is_missing(const char *now, const char *name, size_t n)
{
	struct buf line = { 0 };
	int is;

	buf_fmt(&line, "\ndepends\t%.*s missing\n", (int)n, name);
	is = strstr(now, line.s) != NULL;
	buf_free(&line);
	return is;
}

/* Which part of the entry in `how` differs, what was THEN against what is NOW, both with a NUL after it: a variable and a
 * file are called by their names. */
static const char *
what_of(struct questions *a, const char *then, const char *now)
{
	const char *line = now, *name;
	enum about about;
	size_t i, n, at;
	int missing;

	for (i = 0; then[i] && then[i] == now[i]; i++)
		if (now[i] == '\n')
			line = now + i + 1;
	about = is_about(line, &name, &n);
	if (!about)
		about = is_about(then + (line - now), &name, &n);
	if (!about)
		return "command";
	missing = about == ABOUT_FILE && is_missing(now, name, n);
	a->what.n = 0;
	if (missing)
		buf_char(&a->what, WHOLE);
	if (about == ABOUT_FORK)
		buf_text(&a->what, "the session of ");
	at = a->what.n;
	buf_add(&a->what, name, n);
	a->what.n = at + escape_undo(buf_str(&a->what) + at, n);
	if (missing)
		buf_text(&a->what, " is missing");
	return buf_str(&a->what);
}

/* The line about the file that LINE, of N bytes, is about, among those of FILES up to END: *N gets its length. NULL: there is none. */
static const char *
same_file(const char *line, size_t *n, const char *files, const char *end)
{
	const char *nl;
	size_t name = *n;

	while (name && line[name - 1] != ' ')
		name--;
	for (; files < end; files = nl + 1) {
		nl = memchr(files, '\n', (size_t)(end - files));
		if (!nl)
			break;
		if ((size_t)(nl - files) >= name && !memcmp(files, line, name) && !memchr(files + name, ' ', (size_t)(nl - files) - name)) {
			*n = (size_t)(nl - files);
			return files;
		}
	}
	return NULL;
}

/* The task T, where the directory of its step is gone with files that it depends on: nobody can say that these have changed. COPY
 * becomes T with what was known of them then, its entry *HOW, to be freed. Returns which of both is to be compared. */
static const struct task *
with_recorded_files(struct questions *a, uint32_t id, const struct task *t, struct task *copy, char **how)
{
	const char *line = task_how_files(t->how, t->nhow), *end = t->how + t->nhow, *nl, *files, *then_line;
	struct buf b = { 0 };
	char *then;
	size_t n;

	*how = NULL;
	if (!t->files_gone || question_how(a, id, &then, &n))
		return t;
	files = task_how_files(then, n);
	buf_add(&b, t->how, (size_t)(line - t->how));
	for (; line < end && (nl = memchr(line, '\n', (size_t)(end - line))); line = nl + 1) {
		size_t len = (size_t)(nl - line), gone = strlen(TASK_GONE);

		then_line = NULL;
		if (len > gone && nl[-(long)gone - 1] == ' ' && !memcmp(nl - gone, TASK_GONE, gone))
			then_line = same_file(line, &len, files, then + n);
		buf_add(&b, then_line ? then_line : line, len);
		buf_char(&b, '\n');
	}
	free(then);
	*copy = *t;
	copy->nhow = b.n;
	copy->how = *how = buf_take(&b);
	return copy;
}

/* The first part that differs from the entry in `how` and from asked/KEY; NULL: none, or it was not orch that wrote the
 * result. */
static const char *
what_differs(struct questions *a, uint32_t id, const struct task *t)
{
	char name[KEY_NAME_MAX + 1], *how;
	const char *what;
	size_t n;
	int same;

	if (file_name(a, id, name) < 0 || question_how(a, id, &how, &n))
		return NULL;
	same = n == t->nhow && !memcmp(how, t->how, n);
	what = same ? NULL : t->kind == TASK_WORKTREE ? "branch" : t->kind == TASK_ASK ? choices : what_of(a, how, t->how);
	free(how);
	if (what)
		return what;
	return t->kind == TASK_WORKTREE ? NULL : what_differs_asked(a, name, t);
}

static const char *
differs(struct questions *a, uint32_t id, const struct task *t)
{
	unsigned origin = a->keys->list[id].origin;
	uint64_t was = keys_digest(a->keys, id);
	const char *what;

	a->digest = 0;
	if (t->kind == TASK_COMMIT)
		return NULL;
	if (was || origin == ORIGIN_UNTOLD || origin == ORIGIN_FOREIGN)
		a->digest = whole_digest(a, t);
	if (was && a->digest == was)
		return NULL;
	what = what_differs(a, id, t);
	if (!what && was && latest(a, id).at < 0)
		return unknown;
	if (!what && (was || origin == ORIGIN_STALE || (origin == ORIGIN_UNTOLD && is_outdated(a, id))))
		return unanswered;
	return what;
}

const char *
question_differs(struct questions *a, uint32_t id, const struct task *t)
{
	struct task copy;
	char *how;
	const char *what = differs(a, id, with_recorded_files(a, id, t, &copy, &how));

	free(how);
	return what;
}

void
question_free(struct questions *a)
{
	free(a->content);
	free(a->asked);
	ids_free(&a->redone.ids);
	buf_free(&a->what);
}

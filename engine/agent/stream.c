/* What claude and codex write, read as it passes. */
#include "engine/agent/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "parse/text.h"

/* What is taken of a record. Of those with a field of their own its first bytes; numbers whole. */
enum what {
	NOTHING,
	TYPE, SUBTYPE, SESSION, THREAD, ERROR, ERROR_STATUS, ERROR_TYPE, IS_ERROR, RESULT, ERRORS, FAILURE, MONEY, DENIED, OVERAGE,
	BLOCK, TEXT, TOOL, COMMAND, FILE_PATH, PATTERN, URL, DESCRIPTION, MESSAGE_ID,
	ATTEMPT, ATTEMPTS, RETRY_STATUS, LIMIT, RESETS, MESSAGE,
	ITEM, ITEM_ID, ITEM_TEXT, ITEM_COMMAND, ITEM_PATH, ITEM_QUERY, ITEM_SERVER, ITEM_TOOL, ITEM_MESSAGE,
	FIELDS,
	/* Numbers that are added up. */
	TURN_INPUT, TURN_CREATED, TURN_CACHED, TURN_OUTPUT, CODEX_CACHED,
	BLOCK_INPUT, BLOCK_CREATED, BLOCK_CACHED, BLOCK_OUTPUT,
	MODEL_INPUT, MODEL_CREATED, MODEL_CACHED, MODEL_OUTPUT, MODEL_MONEY,
	ALL_INPUT, ALL_CREATED, ALL_CACHED, ALL_OUTPUT
};

enum { CLAUDE = 1 << AGENT_CLAUDE, CODEX = 1 << AGENT_CODEX };

/* A star is any key, or element of an array. */
static const struct {
	const char *path;
	unsigned char of, what, is_number;
} paths[] = {
	{ ".type", CLAUDE | CODEX, TYPE, 0 },
	{ ".subtype", CLAUDE, SUBTYPE, 0 },
	{ ".session_id", CLAUDE, SESSION, 0 },
	{ ".thread_id", CODEX, THREAD, 0 },
	{ ".error", CLAUDE, ERROR, 0 },
	{ ".error.message", CODEX, FAILURE, 0 },
	{ ".message", CODEX, MESSAGE, 0 },
	{ ".api_error_status", CLAUDE, ERROR_STATUS, 1 },
	{ ".api_error_type", CLAUDE, ERROR_TYPE, 0 },
	{ ".is_error", CLAUDE, IS_ERROR, 1 },
	{ ".result", CLAUDE, RESULT, 0 },
	{ ".errors[]", CLAUDE, ERRORS, 0 },
	{ ".total_cost_usd", CLAUDE, MONEY, 1 },
	{ ".permission_denials[].tool_name", CLAUDE, DENIED, 0 },
	{ ".message.id", CLAUDE, MESSAGE_ID, 0 },
	{ ".message.content[].type", CLAUDE, BLOCK, 0 },
	{ ".message.content[].text", CLAUDE, TEXT, 0 },
	{ ".message.content[].name", CLAUDE, TOOL, 0 },
	{ ".message.content[].input.command", CLAUDE, COMMAND, 0 },
	{ ".message.content[].input.file_path", CLAUDE, FILE_PATH, 0 },
	{ ".message.content[].input.pattern", CLAUDE, PATTERN, 0 },
	{ ".message.content[].input.url", CLAUDE, URL, 0 },
	{ ".message.content[].input.description", CLAUDE, DESCRIPTION, 0 },
	{ ".message.usage.input_tokens", CLAUDE, BLOCK_INPUT, 1 },
	{ ".message.usage.cache_creation_input_tokens", CLAUDE, BLOCK_CREATED, 1 },
	{ ".message.usage.cache_read_input_tokens", CLAUDE, BLOCK_CACHED, 1 },
	{ ".message.usage.output_tokens", CLAUDE, BLOCK_OUTPUT, 1 },
	{ ".attempt", CLAUDE, ATTEMPT, 1 },
	{ ".max_retries", CLAUDE, ATTEMPTS, 1 },
	{ ".error_status", CLAUDE, RETRY_STATUS, 1 },
	{ ".rate_limit_info.status", CLAUDE, LIMIT, 0 },
	{ ".rate_limit_info.resetsAt", CLAUDE, RESETS, 1 },
	{ ".rate_limit_info.isUsingOverage", CLAUDE, OVERAGE, 1 },
	{ ".usage.input_tokens", CLAUDE | CODEX, TURN_INPUT, 1 },
	{ ".usage.cache_creation_input_tokens", CLAUDE, TURN_CREATED, 1 },
	{ ".usage.cache_read_input_tokens", CLAUDE, TURN_CACHED, 1 },
	{ ".usage.cached_input_tokens", CODEX, CODEX_CACHED, 1 },
	{ ".usage.output_tokens", CLAUDE | CODEX, TURN_OUTPUT, 1 },
	{ ".model_usage_since_last_result.*.inputTokens", CLAUDE, MODEL_INPUT, 1 },
	{ ".model_usage_since_last_result.*.cacheCreationInputTokens", CLAUDE, MODEL_CREATED, 1 },
	{ ".model_usage_since_last_result.*.cacheReadInputTokens", CLAUDE, MODEL_CACHED, 1 },
	{ ".model_usage_since_last_result.*.outputTokens", CLAUDE, MODEL_OUTPUT, 1 },
	{ ".model_usage_since_last_result.*.costUSD", CLAUDE, MODEL_MONEY, 1 },
	{ ".modelUsage.*.inputTokens", CLAUDE, ALL_INPUT, 1 },
	{ ".modelUsage.*.cacheCreationInputTokens", CLAUDE, ALL_CREATED, 1 },
	{ ".modelUsage.*.cacheReadInputTokens", CLAUDE, ALL_CACHED, 1 },
	{ ".modelUsage.*.outputTokens", CLAUDE, ALL_OUTPUT, 1 },
	{ ".item.type", CODEX, ITEM, 0 },
	{ ".item.id", CODEX, ITEM_ID, 0 },
	{ ".item.text", CODEX, ITEM_TEXT, 0 },
	{ ".item.command", CODEX, ITEM_COMMAND, 0 },
	{ ".item.changes[].path", CODEX, ITEM_PATH, 0 },
	{ ".item.query", CODEX, ITEM_QUERY, 0 },
	{ ".item.server", CODEX, ITEM_SERVER, 0 },
	{ ".item.tool", CODEX, ITEM_TOOL, 0 },
	{ ".item.message", CODEX, ITEM_MESSAGE, 0 },
};

enum { PATHS = sizeof paths / sizeof *paths };

/* Fields. */

static int
is(const struct stream *s, int what, const char *text)
{
	return s->fields[what].n == strlen(text) && !memcmp(s->fields[what].s, text, s->fields[what].n);
}

static int
begins(const struct stream *s, int what, const char *text)
{
	size_t n = strlen(text);

	return s->fields[what].n >= n && !memcmp(s->fields[what].s, text, n);
}

static int
has(const struct stream *s, int what)
{
	return s->fields[what].n != 0;
}

static long long
number(const struct stream *s, int what)
{
	long long v = 0;
	size_t i;

	for (i = 0; i < s->fields[what].n && s->fields[what].s[i] >= '0' && s->fields[what].s[i] <= '9' && v < INT64_MAX / 100; i++)
		v = v * 10 + s->fields[what].s[i] - '0';
	return v;
}

/* The field as a string, cut; control characters, of which an id has none, end it. */
static void
copy_id(char to[STREAM_ID], const struct stream *s, int what)
{
	size_t i;

	for (i = 0; i < s->fields[what].n && i < STREAM_ID - 1 && (unsigned char)s->fields[what].s[i] > ' '; i++)
		to[i] = s->fields[what].s[i];
	to[i] = '\0';
}

/* The id of a session, which will be a word of a command: letters, digits, dots, dashes and the like. Another is none. */
static void
copy_session(struct stream *s, int what)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
	char id[STREAM_ID];

	copy_id(id, s, what);
	if (*id && *id != '-' && s->fields[what].n == strspn(id, allowed))
		strcpy(s->session, id);
}

static void
set_words(struct stream *s, const char *p, size_t n)
{
	s->nwords = n > STREAM_WORDS ? utf8_cut(p, n, STREAM_WORDS) : n;
	memmove(s->words, p, s->nwords);
}

/* Activity. */

/* Adds what is worth a glance of the N bytes at P: the first line, blanks for what cannot be seen. */
static void
line_add(struct buf *b, const char *p, size_t n)
{
	size_t i;

	while (n && (unsigned char)*p <= ' ')
		p++, n--;
	for (i = 0; i < n && p[i] != '\n' && p[i] != '\r'; i++)
		;
	while (i && (unsigned char)p[i - 1] <= ' ')
		i--;
	for (n = 0; n < i; n++)
		buf_char(b, (unsigned char)p[n] < ' ' || p[n] == 0x7f ? ' ' : p[n]);
}

static void
say(struct stream *s, struct buf *b)
{
	struct buf line = { 0 };

	if (b->n) {
		visible_cut(&line, b->s, b->n, STREAM_ACTIVITY, 0);
		s->ops->activity(s->ops->ctx, line.s, line.n);
	}
	buf_free(&line);
	buf_free(b);
}

static void
add_field(struct buf *b, const struct stream *s, int what)
{
	line_add(b, s->fields[what].s, s->fields[what].n);
	if (s->fields[what].n == STREAM_FIELD && b->n < STREAM_ACTIVITY)
		buf_text(b, "...");
}

static void
say_claude_block(struct stream *s)
{
	static const unsigned char on[] = { COMMAND, FILE_PATH, PATTERN, URL, DESCRIPTION };
	struct buf b = { 0 };
	size_t i;

	if (has(s, TOOL)) {
		add_field(&b, s, TOOL);
		for (i = 0; i < sizeof on && !has(s, on[i]); i++)
			;
		if (i < sizeof on) {
			buf_char(&b, ' ');
			add_field(&b, s, on[i]);
		}
	} else if (is(s, BLOCK, "text")) {
		add_field(&b, s, TEXT);
	} else {
		add_field(&b, s, BLOCK);
	}
	say(s, &b);
}

/* The command itself of what a shell is given: /bin/bash -lc 'make check'. */
static void
add_command(struct buf *b, const struct stream *s)
{
	const char *p = s->fields[ITEM_COMMAND].s, *slash, *lc;
	size_t n = s->fields[ITEM_COMMAND].n, i;

	for (i = 0, slash = p; i < n && p[i] != ' '; i++)
		if (p[i] == '/')
			slash = p + i + 1;
	lc = p + i;
	if (*p != '/' || n - i < 6 || (memcmp(lc, " -lc ", 5) && memcmp(lc, " -c ", 4))) {
		buf_text(b, "command ");
		line_add(b, p, n);
		return;
	}
	buf_add(b, slash, (size_t)(lc - slash));
	buf_char(b, ' ');
	lc += lc[2] == 'l' ? 5 : 4;
	n -= (size_t)(lc - p);
	if (n > 1 && (*lc == '\'' || *lc == '"')) {
		n -= lc[n - 1] == *lc;
		lc++, n--;
	}
	line_add(b, lc, n);
}

static void
say_codex_item(struct stream *s)
{
	struct buf b = { 0 };

	if (is(s, TYPE, "item.completed") && has(s, ITEM_ID) && s->nitem == s->fields[ITEM_ID].n &&
	    !memcmp(s->item, s->fields[ITEM_ID].s, s->nitem))
		return;                 /* it was shown when it began */
	s->nitem = has(s, ITEM_ID) && s->fields[ITEM_ID].n <= STREAM_ID ? s->fields[ITEM_ID].n : 0;
	memcpy(s->item, s->fields[ITEM_ID].s, s->nitem);
	if (is(s, ITEM, "command_execution")) {
		add_command(&b, s);
	} else if (is(s, ITEM, "file_change")) {
		buf_text(&b, "edit ");
		add_field(&b, s, ITEM_PATH);
	} else if (is(s, ITEM, "web_search")) {
		buf_text(&b, "search ");
		add_field(&b, s, ITEM_QUERY);
	} else if (is(s, ITEM, "mcp_tool_call")) {
		add_field(&b, s, ITEM_SERVER);
		buf_char(&b, ' ');
		add_field(&b, s, ITEM_TOOL);
	} else if (is(s, ITEM, "error")) {
		buf_text(&b, "warning: ");
		add_field(&b, s, ITEM_MESSAGE);
	} else if (is(s, ITEM, "agent_message") || is(s, ITEM, "reasoning")) {
		add_field(&b, s, ITEM_TEXT);
	} else {
		add_field(&b, s, ITEM);
	}
	say(s, &b);
}

static void
say_waiting(struct stream *s)
{
	struct buf b = { 0 };
	long long status = number(s, RETRY_STATUS);

	buf_text(&b, "waiting: ");
	if (status == 529 || is(s, ERROR, "overloaded"))
		buf_text(&b, "overloaded");
	else if (status == 429 || is(s, ERROR, "rate_limit"))
		buf_text(&b, "rate limit");
	else if (status)
		buf_fmt(&b, "HTTP status %lld", status);
	else
		buf_text(&b, "no connection");
	if (has(s, ATTEMPT) && has(s, ATTEMPTS))
		buf_fmt(&b, ", attempt %lld of %lld", number(s, ATTEMPT), number(s, ATTEMPTS));
	say(s, &b);
}

static void
say_denied(struct stream *s)
{
	struct buf b = { 0 };

	if (s->denied)
		buf_fmt(&b, "%ld tool%s denied", s->denied, s->denied > 1 ? "s" : "");
	say(s, &b);
}

/* What records mean. */

static unsigned long long
hash(const char *p, size_t n)
{
	unsigned long long h = 14695981039346656037u;   /* FNV-1a */

	while (n--)
		h = (h ^ (unsigned char)*p++) * 1099511628211u;
	return h;
}

/* What a message has used: its records tell the same, or more than those before. */
static void
count_message(struct stream *s)
{
	unsigned long long id = hash(s->fields[MESSAGE_ID].s, s->fields[MESSAGE_ID].n);
	size_t i;

	for (i = 0; i < s->nolder && i < STREAM_OLDER; i++)
		if (s->older_ids[i] == id)
			return;         /* it was counted; what it tells now is about the same */
	for (i = 0; i < s->nmessages && s->messages[i].id != id; i++)
		;
	if (i == STREAM_MESSAGES) {
		s->older_ids[s->nolder++ % STREAM_OLDER] = s->messages[0].id;
		usage_add(&s->older, &s->messages[0].used);
		memmove(s->messages, s->messages + 1, sizeof s->messages - sizeof *s->messages);
		i--;
	} else if (i == s->nmessages) {
		s->nmessages++;
	}
	s->messages[i].id = id;
	s->messages[i].used = s->turn;
}

/* What the messages since the latest final record have told. */
static void
messages_used(const struct stream *s, struct usage *u)
{
	size_t i;

	*u = s->older;
	for (i = 0; i < s->nmessages; i++)
		usage_add(u, &s->messages[i].used);
}

/* A final record: what it tells takes the place of what its messages have told. */
static void
count_final(struct stream *s)
{
	struct usage u = s->models;

	if (!(u.told & USAGE_TOKENS)) {
		/* Other formats tell the turn without its sub-agents, and money of the whole session: of a new one that is this
		 * call's. */
		if ((s->all.told & USAGE_TOKENS) && !s->used.told)
			u = s->all;
		else if (s->turn.told)
			u = s->turn;
		else
			messages_used(s, &u);
		u.nanos = 0;
		if (s->has_money) {
			u.nanos = s->session_nanos < s->all.nanos ? s->all.nanos - s->session_nanos : 0;
			u.told |= USAGE_MONEY;
		}
	}
	if (s->has_money)
		s->session_nanos = s->total.nanos = s->all.nanos;
	s->is_unpriced |= !(u.told & USAGE_MONEY);
	usage_add(&s->used, &u);
	s->nmessages = s->nolder = 0;
	memset(&s->older, 0, sizeof s->older);
}

static void
end_claude_final(struct stream *s)
{
	s->is_final = 1;
	s->is_error = is(s, IS_ERROR, "true") || begins(s, SUBTYPE, "error_");
	s->waits = 0;
	copy_id(s->ended, s, SUBTYPE);
	say_denied(s);
	count_final(s);
	if (!s->is_error) {
		*s->error = '\0';
		s->nwords = 0;
		if (s->has_text) {
			s->has_result = 1;
			s->ops->keep(s->ops->ctx);
		}
		return;
	}
	s->status = (long)number(s, ERROR_STATUS);
	if (!s->has_words)
		set_words(s, s->fields[ERRORS].s, s->fields[ERRORS].n);
	if (!*s->error && has(s, ERROR_TYPE))
		copy_id(s->error, s, ERROR_TYPE);
}

static int
is_wait(const struct stream *s)
{
	long long status = number(s, RETRY_STATUS);

	return status == 429 || status == 529 || is(s, ERROR, "rate_limit") || is(s, ERROR, "overloaded");
}

static void
end_claude(struct stream *s)
{
	int waits = 0;

	if (has(s, SESSION))
		copy_session(s, SESSION);
	s->signs += !is(s, SUBTYPE, "api_retry");
	if (is(s, TYPE, "system") && is(s, SUBTYPE, "api_retry")) {
		waits = is_wait(s);
		say_waiting(s);
	} else if (is(s, TYPE, "rate_limit_event")) {
		s->rejected = is(s, LIMIT, "rejected") && !is(s, OVERAGE, "true");
		s->until = s->rejected ? number(s, RESETS) : 0;
		waits = s->rejected && !s->until;
	} else if (is(s, TYPE, "assistant") && has(s, ERROR)) {
		copy_id(s->error, s, ERROR);
	} else if (is(s, TYPE, "assistant")) {
		s->did = 1;
		s->is_final = s->rejected = 0;
		*s->error = '\0';
		if (has(s, MESSAGE_ID) && s->turn.told)
			count_message(s);
		say_claude_block(s);
	} else if (is(s, TYPE, "result")) {
		end_claude_final(s);
	} else if (is(s, TYPE, "user") || (is(s, TYPE, "system") && is(s, SUBTYPE, "init"))) {
		s->is_final = 0;        /* another turn has begun */
	}
	s->waits = waits;
}

/* A failure's words may be what the server has sent: its message is in them. */
static int
take_message(void *ctx, const char *path, size_t n, enum json_type type)
{
	(void)ctx;
	return type == JSON_STRING && ((n == 14 && !memcmp(path, ".error.message", n)) || (n == 8 && !memcmp(path, ".message", n)) ||
	    (n == 7 && !memcmp(path, ".detail", n)));
}

static void
message_bytes(void *ctx, int what, const char *s, size_t n)
{
	struct buf *b = ctx;

	(void)what;
	if (b->n + n <= STREAM_WORDS)
		buf_add(b, s, n);
}

static void
ignore_end(void *ctx, int what)
{
	(void)ctx;
	(void)what;
}

static void
ignore_object(void *ctx)
{
	(void)ctx;
}

static void
unwrap_words(struct stream *s)
{
	static const struct json_ops none = { NULL, take_message, message_bytes, ignore_end, ignore_object, ignore_end };
	struct json_ops ops = none;
	struct buf b = { 0 };
	struct json j;

	if (!s->nwords || *s->words != '{')
		return;
	s->status = 400;
	ops.ctx = &b;
	json_begin(&j, &ops);
	json_feed(&j, s->words, s->nwords);
	json_end(&j);
	if (b.n)
		set_words(s, b.s, b.n);
	buf_free(&b);
}

static void
end_codex(struct stream *s)
{
	struct buf b = { 0 };
	struct usage total;

	s->signs += !is(s, TYPE, "error");
	if (is(s, TYPE, "thread.started")) {
		copy_session(s, THREAD);
	} else if (begins(s, TYPE, "item.")) {
		s->did |= !is(s, ITEM, "error");
		if (!is(s, TYPE, "item.updated"))
			say_codex_item(s);
		if (is(s, TYPE, "item.completed") && is(s, ITEM, "agent_message")) {
			if (s->has_text) {
				s->has_result = 1;
				s->ops->keep(s->ops->ctx);
			}
		}
	} else if (is(s, TYPE, "turn.started")) {
		s->is_final = s->is_error = 0;
	} else if (is(s, TYPE, "turn.completed")) {
		s->is_final = 1;
		s->is_error = 0;
		s->turn.input -= s->turn.cached < s->turn.input ? s->turn.cached : s->turn.input;
		total = s->turn;        /* it is told of the whole session */
		usage_subtract(&s->turn, &s->total);
		usage_add(&s->used, &s->turn);
		s->total = total;
	} else if (is(s, TYPE, "turn.failed")) {
		s->is_final = s->is_error = 1;
	} else if (is(s, TYPE, "error") && begins(s, MESSAGE, "Reconnecting...")) {
		buf_text(&b, "waiting: ");
		add_field(&b, s, MESSAGE);
		say(s, &b);
	}
}

/* Reading. */

static void
reset_record(struct stream *s)
{
	size_t i;

	for (i = 0; i < STREAM_FIELDS; i++)
		s->fields[i].n = 0;
	memset(&s->turn, 0, sizeof s->turn);
	memset(&s->models, 0, sizeof s->models);
	memset(&s->all, 0, sizeof s->all);
	s->has_text = s->has_words = s->has_money = 0;
	s->denied = 0;
}

/* Whether the first object is a record of this agent: a result that is JSON itself is none. */
static int
is_record(const struct stream *s)
{
	if (s->kind == AGENT_CODEX)
		return is(s, TYPE, "thread.started") || begins(s, TYPE, "turn.") || begins(s, TYPE, "item.");
	return has(s, TYPE) && (has(s, SESSION) || (is(s, TYPE, "result") && (has(s, IS_ERROR) || has(s, SUBTYPE))) ||
	    (is(s, TYPE, "system") && has(s, SUBTYPE)));
}

static int
matches(const char *pattern, const char *path, size_t n)
{
	const char *end = path + n;

	for (; *pattern; pattern++) {
		if (*pattern == '*') {
			while (path < end && *path != '.' && *path != '[')
				path++;
		} else if (path == end || *path++ != *pattern) {
			return 0;
		}
	}
	return path == end;
}

static int
on_value(void *ctx, const char *path, size_t n, enum json_type type)
{
	static const char models[] = ".model_usage_since_last_result";
	struct stream *s = ctx;
	size_t i;

	if (s->form == STREAM_PLAIN)    /* since an earlier line of this piece */
		return NOTHING;
	if (type == JSON_CONTAINER) {
		if (n == sizeof models - 1 && !memcmp(path, models, n))
			s->models.told = USAGE_TOKENS | USAGE_MONEY;    /* it may be empty */
		return NOTHING;
	}
	for (i = 0; i < PATHS; i++)
		if ((paths[i].of >> s->kind & 1) && matches(paths[i].path, path, n))
			break;
	if (i == PATHS || paths[i].is_number != (type == JSON_SCALAR))
		return NOTHING;
	if (paths[i].what == RESULT || paths[i].what == FAILURE) {
		s->nwords = 0;
		s->has_words = 1;
	}
	if (paths[i].what == RESULT || paths[i].what == ITEM_TEXT) {
		s->has_text = 1;
		if (!s->is_own)
			s->ops->begin(s->ops->ctx);
	}
	if (paths[i].what > FIELDS)
		s->fields[FIELDS].n = 0;
	else if (!memchr(path, ']', n))
		s->fields[paths[i].what].n = 0; /* of a key that comes twice the last holds, of an array's elements the first */
	else if (s->fields[paths[i].what].n && paths[i].what != DENIED)
		return NOTHING;
	return paths[i].what;
}

static void
on_bytes(void *ctx, int what, const char *p, size_t n)
{
	struct stream *s = ctx;
	int at = what > FIELDS ? FIELDS : what;
	size_t room = STREAM_FIELD - s->fields[at].n, words = STREAM_WORDS - s->nwords;

	if ((what == RESULT || what == ITEM_TEXT) && !s->is_own)
		s->ops->text(s->ops->ctx, p, n);
	if (what == RESULT || what == FAILURE) {
		words = n < words ? n : words;
		memcpy(s->words + s->nwords, p, words);
		s->nwords += words;
	}
	while ((what == TEXT || what == ITEM_TEXT) && n && !s->fields[at].n && (unsigned char)*p <= ' ')
		p++, n--;
	n = n < room ? n : room;
	memcpy(s->fields[at].s + s->fields[at].n, p, n);
	s->fields[at].n += n;
}

static void
add_tokens(struct stream *s, struct usage *u, long long *to)
{
	long long v = number(s, FIELDS);

	if (s->fields[FIELDS].n && s->fields[FIELDS].s[0] >= '0' && s->fields[FIELDS].s[0] <= '9') {
		*to += v < INT64_MAX / 1024 - *to ? v : 0;
		u->told |= USAGE_TOKENS;
	}
}

static void
on_end(void *ctx, int what)
{
	struct stream *s = ctx;
	long long nanos;

	switch ((enum what)what) {
	case DENIED:
		s->denied++;
		break;
	case TURN_INPUT: case TURN_CREATED: case BLOCK_INPUT: case BLOCK_CREATED:
		add_tokens(s, &s->turn, &s->turn.input);
		break;
	case TURN_CACHED: case CODEX_CACHED: case BLOCK_CACHED:
		add_tokens(s, &s->turn, &s->turn.cached);
		break;
	case TURN_OUTPUT: case BLOCK_OUTPUT:
		add_tokens(s, &s->turn, &s->turn.output);
		break;
	case MODEL_INPUT: case MODEL_CREATED:
		add_tokens(s, &s->models, &s->models.input);
		break;
	case MODEL_CACHED:
		add_tokens(s, &s->models, &s->models.cached);
		break;
	case MODEL_OUTPUT:
		add_tokens(s, &s->models, &s->models.output);
		break;
	case MODEL_MONEY:
		if (!usage_money_parse(s->fields[FIELDS].s, s->fields[FIELDS].n, &nanos))
			s->models.nanos += nanos;
		break;
	case ALL_INPUT: case ALL_CREATED:
		add_tokens(s, &s->all, &s->all.input);
		break;
	case ALL_CACHED:
		add_tokens(s, &s->all, &s->all.cached);
		break;
	case ALL_OUTPUT:
		add_tokens(s, &s->all, &s->all.output);
		break;
	case MONEY:
		s->has_money = !usage_money_parse(s->fields[MONEY].s, s->fields[MONEY].n, &s->all.nanos);
		break;
	default:
		break;
	}
}

static void
on_object(void *ctx)
{
	struct stream *s = ctx;

	if (s->form == STREAM_UNKNOWN) {
		s->form = is_record(s) ? STREAM_RECORDS : STREAM_PLAIN;
		if (s->form == STREAM_RECORDS && !s->is_own)
			s->ops->drop_plain(s->ops->ctx);
	}
	if (s->form == STREAM_RECORDS && s->kind == AGENT_CLAUDE)
		end_claude(s);
	else if (s->form == STREAM_RECORDS)
		end_codex(s);
	reset_record(s);
}

static void
on_line(void *ctx, int is_whole)
{
	struct stream *s = ctx;

	if (s->form == STREAM_UNKNOWN)
		s->form = STREAM_PLAIN;
	if (!is_whole)
		reset_record(s);
}

void
stream_begin(struct stream *s, enum agent_kind kind, int is_own, const struct usage *before, const struct stream_ops *ops)
{
	static const struct json_ops reader = { NULL, on_value, on_bytes, on_end, on_object, on_line };

	memset(s, 0, sizeof *s);
	s->ops = ops;
	s->kind = kind;
	s->is_own = is_own;
	if (before)
		s->total = *before;
	s->total.told = 0;
	s->session_nanos = s->total.nanos;
	s->json_ops = reader;
	s->json_ops.ctx = s;
	json_begin(&s->json, &s->json_ops);
}

void
stream_feed(struct stream *s, const char *p, size_t n)
{
	if (s->form != STREAM_RECORDS || s->is_own)
		s->ops->plain(s->ops->ctx, p, n);
	if (s->form != STREAM_PLAIN)
		json_feed(&s->json, p, n);
}

void
stream_end(struct stream *s)
{
	if (s->form != STREAM_PLAIN)
		json_end(&s->json);
	if (s->kind == AGENT_CODEX && s->is_error)
		unwrap_words(s);
}

void
stream_usage(const struct stream *s, struct usage *u)
{
	struct usage since;

	messages_used(s, &since);
	*u = s->used;
	usage_add(u, &since);
	if (s->form == STREAM_RECORDS && s->kind == AGENT_CLAUDE && (!s->is_final || since.told || s->is_unpriced))
		u->told |= USAGE_UNTOLD;
}

/* How it ended. */

/* What a class of error means; "": any. Those above hold. */
static const struct {
	long status;            /* 0: any */
	const char *error;
	enum outcome_kind kind;
} classes[] = {
	{ 429, "", OUT_RATE_LIMITED },
	{ 529, "", OUT_RATE_LIMITED },
	{ 0, "rate_limit", OUT_RATE_LIMITED },
	{ 0, "rate_limit_error", OUT_RATE_LIMITED },
	{ 0, "overloaded", OUT_RATE_LIMITED },
	{ 0, "overloaded_error", OUT_RATE_LIMITED },
	{ 0, "server_error", OUT_ENDED },
	{ 0, "api_error", OUT_ENDED },
	{ 0, "authentication_failed", OUT_PERMANENT },
	{ 0, "authentication_error", OUT_PERMANENT },
	{ 0, "billing_error", OUT_PERMANENT },
	{ 0, "invalid_request", OUT_PERMANENT },
	{ 0, "invalid_request_error", OUT_PERMANENT },
	{ 0, "model_not_found", OUT_PERMANENT },
	{ 0, "max_output_tokens", OUT_PERMANENT },
	{ 400, "", OUT_PERMANENT },
	{ 401, "", OUT_PERMANENT },
	{ 403, "", OUT_PERMANENT },
	{ 404, "", OUT_PERMANENT },
	{ 413, "", OUT_PERMANENT },
};

/* What is told of a turn that was not to go on. */
static const char *const limits[] = { "error_max_turns", "error_max_budget_usd", "error_max_structured_output_retries" };

static enum outcome_kind
class_of(const struct stream *s)
{
	size_t i;

	for (i = 0; i < sizeof limits / sizeof *limits; i++)
		if (!strcmp(s->ended, limits[i]))
			return OUT_PERMANENT;
	for (i = 0; i < sizeof classes / sizeof *classes; i++)
		if ((!classes[i].status || classes[i].status == s->status) && (!*classes[i].error || !strcmp(classes[i].error, s->error)))
			return classes[i].kind;
	return s->rejected ? OUT_RATE_LIMITED : OUT_OK; /* OK: it is not known */
}

/* The seconds until the plan's limit ends; -1: that was not told. */
static long
wait_told(const struct stream *s, long long now)
{
	if (!s->rejected || s->until <= now)
		return -1;
	return s->until - now < VERDICT_WAIT_MOST ? (long)(s->until - now) : VERDICT_WAIT_MOST;
}

void
stream_verdict(const struct stream *s, int status, const char *err, size_t nerr, long long now, struct verdict *v)
{
	enum outcome_kind kind;

	memset(v, 0, sizeof *v);
	v->wait = -1;
	if (verdict_is_later(status)) {
		verdict_read(v, s->kind, status, "", 0, err, nerr, now);
		if (v->wait < 0)
			v->wait = wait_told(s, now);
		return;
	}
	v->kind = status ? OUT_ENDED : s->has_result || s->is_own ? OUT_OK : OUT_EMPTY;
	if (!s->is_final) {
		v->kind = status ? OUT_ENDED : OUT_EMPTY;
		if (status && (*s->error || s->rejected) && class_of(s) == OUT_RATE_LIMITED) {
			v->kind = OUT_RATE_LIMITED;
			v->wait = wait_told(s, now);
		}
		return;
	}
	if (!s->is_error)
		return;
	v->kind = OUT_ENDED;
	v->why = s->words;
	v->nwhy = s->nwords;
	kind = class_of(s);
	if (!verdict_words(v, s->kind, s->words, s->nwords, now) || s->kind == AGENT_CLAUDE)
		v->kind = kind == OUT_OK ? v->kind : kind;
	if (v->kind != OUT_RATE_LIMITED)
		v->wait = -1;
	else if (wait_told(s, now) >= 0)
		v->wait = wait_told(s, now);
}

/* What is written for sh. It is read just as far as to tell the programs and the files that it names. */
#include "parse/commands.h"

#include <string.h>

#include "parse/check.h"

enum { NAME_MOST = 255 };

struct reader {
	struct names *names;
	const struct check_with *with;
	const struct node *at;
	const char *s, *p;
	struct pos pos;
	const char *help;
	int wants;              /* what comes next is a program's name */
};

static int
is_of(const char *const *list, const char *s, size_t n)
{
	for (; *list; list++)
		if (strlen(*list) == n && !memcmp(*list, s, n))
			return 1;
	return 0;
}

/* Whether the N bytes at S are a word of sh's language after which a program comes. */
static int
leads(const char *s, size_t n)
{
	static const char *const words[] = { "!", "{", "if", "then", "elif", "else", "while", "until", "do", "time", NULL };

	return is_of(words, s, n);
}

static int
is_builtin(const char *s, size_t n)
{
	static const char *const words[] = {
		".", ":", "[", "alias", "bg", "break", "cd", "command", "continue", "done", "echo", "esac", "eval", "exec", "exit",
		"export", "false", "fc", "fg", "fi", "getopts", "hash", "jobs", "kill", "local", "newgrp", "printf", "pwd", "read",
		"readonly", "return", "set", "shift", "test", "times", "trap", "true", "type", "ulimit", "umask", "unalias",
		"unset", "wait", "}", NULL
	};

	return is_of(words, s, n);
}

/* Where S is in the file. */
static struct pos
pos_of(const struct reader *r, const char *s)
{
	struct pos pos = r->pos;
	const char *p;

	for (p = r->s; p < s; p++) {
		pos.col = *p == '\n' ? 1 : pos.col + 1;
		pos.line += *p == '\n';
	}
	return pos;
}

/* The N bytes at S name a program; with FILE a file that is read. */
static void
check_word(struct reader *r, const char *s, size_t n, int file)
{
	char name[NAME_MOST + 1];

	int (*is_there)(void *, const char *) = file ? r->with->file : r->with->program;

	if (!n || n > NAME_MOST || (!file && is_builtin(s, n)) || !is_there)
		return;
	memcpy(name, s, n);
	name[n] = '\0';
	if (!names_result(r->names, r->at, name) || is_there(r->with->ctx, name))
		return;
	diag_error(r->names->diags, pos_of(r, s), r->help, name, name);
}

static int
is_plain(char c)
{
	return c && !strchr(" \t\n;&|<>()'\"`$\\*?[]#{}~!", c);
}

/* Passes over a word that is not plain: what is in it is sh's. */
static void
pass_word(struct reader *r)
{
	char quote;

	while (*r->p && !strchr(" \t\n;&|<>()", *r->p)) {
		quote = *r->p++;
		if (quote == '\\' && *r->p)
			r->p++;
		if (quote != '\'' && quote != '"' && quote != '`')
			continue;
		for (; *r->p && *r->p != quote; r->p++)
			if (quote != '\'' && *r->p == '\\' && r->p[1])
				r->p++;
		r->p += *r->p != '\0';
	}
}

/* A plain word, from S on; 0: what follows cannot be told. */
static int
take_word(struct reader *r, const char *s)
{
	size_t n = (size_t)(r->p - s);

	if ((*r->p == '<' || *r->p == '>') && strspn(s, "0123456789") == n)
		return 1;               /* a descriptor's number */
	if (*r->p && !strchr(" \t\n;&|<>()", *r->p)) {
		pass_word(r);
		r->wants = r->wants && memchr(s, '=', n);
		return 1;
	}
	if (r->wants && (is_of((const char *const[]){ "case", "for", "function", "select", NULL }, s, n) ||
	    s[n + strspn(s + n, " \t")] == '('))
		return 0;
	if (!r->wants || memchr(s, '=', n) || leads(s, n))
		return 1;
	check_word(r, s, n, 0);
	r->wants = 0;
	return 1;
}

/* A < or >, and what follows it. 0: a here-document. */
static int
take_redirection(struct reader *r)
{
	int reads = *r->p++ == '<';
	const char *s;

	if (reads && *r->p == '<')
		return 0;
	if (*r->p == '&' || *r->p == '>' || *r->p == '|' || *r->p == '(')
		reads = 0;
	r->p += strspn(r->p, "&>|");
	r->p += strspn(r->p, " \t");
	for (s = r->p; is_plain(*r->p); r->p++)
		;
	if (*r->p && !strchr(" \t\n;&|<>()", *r->p))
		pass_word(r);
	else if (reads)
		check_word(r, s, (size_t)(r->p - s), 1);
	return 1;
}

void
commands_check(struct names *names, const struct check_with *with, const struct node *at, const char *s, struct pos pos, const char *help)
{
	struct reader r = { 0 };
	const char *from;

	r.names = names;
	r.with = with;
	r.at = at;
	r.s = r.p = s;
	r.pos = pos;
	r.help = help;
	for (r.wants = 1; *r.p; ) {
		if (strchr(" \t", *r.p)) {
			r.p++;
		} else if (strchr("\n;&|()", *r.p)) {
			r.wants = *r.p++ != ')';
		} else if (*r.p == '<' || *r.p == '>') {
			if (!take_redirection(&r))
				return;
		} else if (*r.p == '#') {
			r.p += strcspn(r.p, "\n");
		} else if ((*r.p == '!' || *r.p == '{') && strchr(" \t\n", r.p[1])) {
			r.p++;
		} else if (is_plain(*r.p)) {
			for (from = r.p; is_plain(*r.p); r.p++)
				;
			if (!take_word(&r, from))
				return;
		} else {
			from = r.p;
			pass_word(&r);
			r.p += r.p == from;
			r.wants = 0;
		}
	}
}

int
commands_is_shell(const char *program)
{
	static const char *const shells[] = {
		"sh", "ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "pwsh", "rc", "ssh", "tcsh", "zsh", NULL
	};
	const char *slash = strrchr(program, '/');

	program = slash ? slash + 1 : program;
	return is_of(shells, program, strlen(program));
}

/* parse/: a workflow's text against its tree, or against what is said of it.
 *
 * Most cases are tables. A tree is compared in the words of dump(), below: a name in braces is
 * shown as <name>, a pattern's star as <*>, a newline as \n; what was given as a word is in []. */
#if defined(__linux__) && !defined(ORCH_NO_LINUX)
#define _DEFAULT_SOURCE         /* mincore */
#endif
#include "parse/text.h"
#include "tests/suites.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__) && !defined(ORCH_NO_LINUX)
#include <sys/mman.h>
#endif

#include "engine/task/apart.h"
#include "parse/agents.h"
#include "parse/check.h"
#include "parse/glob.h"
#include "parse/mem.h"
#include "parse/index.h"
#include "parse/near.h"
#include "parse/parse.h"
#include "tests/help.h"

#ifndef TESTS_DIR
#define TESTS_DIR "tests"
#endif

/* A workflow that was read and checked. */
struct given {
	struct source src;
	struct workflow *w;
	struct diags diags;
	struct buf said;        /* diag_text of it */
};

/* The files that `prompt` may name. */
static const char *
load(void *ctx, const struct workflow *from, const char *name, struct source *out, struct arena *mem)
{
	static const struct {
		const char *name, *text;
		size_t n;
	} files[] = {
		{ "ask.txt", "from a file: {{p}}\nlast\n", 24 },
		{ "open.txt", "no newline", 10 },
		{ "empty.txt", "", 0 },
		{ "bad.txt", "fine\nnot {{ fine\n", 17 },
		{ "nul.txt", "a\0b\n", 4 },
	};
	size_t i;

	(void)ctx;
	(void)from;
	(void)mem;
	for (i = 0; i < LEN(files); i++)
		if (!strcmp(files[i].name, name)) {
			out->text = files[i].text;
			out->n = files[i].n;
			return NULL;
		}
	return "no such file";
}

static int
is_program(void *ctx, const char *name)
{
	(void)ctx;
	return !strcmp(name, "grep") || !strcmp(name, "cat") || !strcmp(name, "sort");
}

static int
is_file(void *ctx, const char *name)
{
	(void)ctx;
	return !strcmp(name, "notes");
}

static void
give_bytes(struct given *g, const char *name, const char *text, size_t n, const struct check_with *with)
{
	memset(g, 0, sizeof *g);
	g->src.name = name;
	g->src.text = text;
	g->src.n = n;
	g->w = workflow_parse(&g->src, &g->diags);
	workflow_check(g->w, with, &g->diags);
	diag_text(&g->diags, &g->said);
	buf_str(&g->said);
}

static void
give(struct given *g, const char *text)
{
	struct check_with with = { 0 };

	with.load = load;
	give_bytes(g, "w", text, strlen(text), &with);
}

static void
done(struct given *g)
{
	workflow_free(g->w);
	diag_free(&g->diags);
	buf_free(&g->said);
}

/* The tree in words. */

static void
dump_tmpl(struct buf *b, const struct tmpl *t)
{
	size_t i, k;

	for (i = 0; i < t->n; i++) {
		const struct part *p = &t->parts[i];

		if (p->kind == PART_STAR)
			buf_text(b, "<*>");
		for (k = 0; p->kind == PART_TEXT && k < p->n; k++)
			if (p->s[k] == '\n')
				buf_text(b, "\\n");
			else
				buf_char(b, p->s[k]);
		if (p->kind == PART_NAME) {
			buf_char(b, '<');
			dump_tmpl(b, p->name);
			buf_char(b, '>');
		}
	}
}

static void
dump_word(struct buf *b, const char *label, const struct word *w)
{
	if (!w)
		return;
	buf_text(b, label);
	buf_char(b, '[');
	dump_tmpl(b, &w->t);
	buf_char(b, ']');
}

static void
dump_words(struct buf *b, const char *label, const struct words *l)
{
	size_t i;

	if (l->n)
		buf_text(b, label);
	for (i = 0; i < l->n; i++)
		dump_word(b, "", &l->list[i]);
}

static void
dump_attrs(struct buf *b, const struct attrs *a)
{
	size_t i;

	dump_word(b, " timeout", a->timeout);
	dump_word(b, " retry", a->retry);
	dump_word(b, " delay", a->delay);
	if (a->filter.s)
		buf_fmt(b, " filter{%s}", a->filter.s);
	for (i = 0; i < a->nchecks; i++)
		buf_fmt(b, " check{%s}", a->checks[i].s);
	dump_word(b, " otherwise", a->otherwise);
	for (i = 0; i < a->nenv; i++)
		dump_word(b, " env", &a->env[i]);
	dump_word(b, " prompt", a->prompt);
	if (a->interactive)
		buf_text(b, " interactive");
	if (a->free)
		buf_text(b, " free");
}

static void
dump_items(struct buf *b, const struct node *n)
{
	size_t i;

	for (i = 0; i < n->nitems; i++) {
		if (n->items[i].kind == ITEM_WORD) {
			dump_word(b, i ? "" : " in ", &n->items[i].word);
			continue;
		}
		buf_text(b, i ? "(" : " in (");
		dump_tmpl(b, &n->items[i].from);
		buf_text(b, "..");
		dump_tmpl(b, &n->items[i].to);
		buf_char(b, ')');
	}
}

static void
dump_run(struct buf *b, const struct node *n)
{
	static const char *const places[] = { "stdin", "arg", "program" };

	if (n->kind != NODE_RUN)
		return;
	buf_fmt(b, " %s(%s) %s", n->step->name, n->step->agent->name, places[n->place]);
	if (n->program)
		buf_fmt(b, "{%s}", n->program);
}

static void
dump_nodes(struct buf *b, const struct node *n, int depth)
{
	for (; n; n = n->next) {
		buf_fmt(b, "%*s%s", 2 * depth, "", node_word(n->kind));
		dump_run(b, n);
		dump_word(b, " ", n->arg);
		if (n->enter)
			buf_text(b, " enter");
		dump_word(b, " from ", n->from);
		dump_word(b, " at ", n->at);
		dump_word(b, n->key_default ? " default " : " as ", n->key);
		dump_words(b, " with ", &n->values);
		dump_words(b, " of ", &n->choices);
		dump_word(b, " else ", n->fallback);
		dump_word(b, " max ", n->max);
		if (n->var)
			buf_fmt(b, " %s", n->var);
		dump_items(b, n);
		dump_words(b, " < ", &n->inputs);
		if (n->command.s)
			buf_fmt(b, " {%s}", n->command.s);
		dump_attrs(b, &n->attrs);
		if (n->prompt.n)
			buf_text(b, " | ");
		dump_tmpl(b, &n->prompt);
		buf_char(b, '\n');
		dump_nodes(b, n->body, depth + 1);
		if (n->has_else)
			buf_fmt(b, "%*selse\n", 2 * depth, "");
		dump_nodes(b, n->other, depth + 1);
	}
}

static void
dump(struct buf *b, const struct workflow *w)
{
	const struct param *v;
	const struct agent *a;
	const struct step *s;
	struct buf top = { 0 };

	dump_attrs(&top, &w->attrs);
	if (top.n)
		buf_fmt(b, "file%s\n", buf_str(&top));
	buf_free(&top);
	for (v = w->params; v; v = v->next) {
		buf_fmt(b, "param %s", v->name);
		dump_word(b, " ", v->fallback);
		buf_char(b, '\n');
	}
	for (a = w->agents; a && !a->built_in; a = a->next) {
		buf_fmt(b, "agent %s ", a->name);
		dump_words(b, "", &a->words);
		buf_char(b, '\n');
	}
	for (s = w->steps; s; s = s->next) {
		buf_fmt(b, "step %s %s", s->name, s->agent ? s->agent->name : "?");
		dump_words(b, " ", &s->words);
		dump_attrs(b, &s->attrs);
		buf_char(b, '\n');
	}
	dump_nodes(b, w->body, 0);
}

/* Expects TEXT to be right, and its tree to be dumped as WANT. */
static void
expect_tree(const char *text, const char *want)
{
	struct given g;
	struct buf b = { 0 };

	give(&g, text);
	ck_assert_msg(!g.diags.n, "nothing should be said of\n%s\nbut was:\n%s", text, g.said.s);
	dump(&b, g.w);
	ck_assert_msg(!strcmp(buf_str(&b), want), "of\n%s\nthe tree should be\n%s\nbut is\n%s", text, want, b.s);
	buf_free(&b);
	done(&g);
}

/* Expects one error of TEXT and no more: what is said begins with "w:" and WANT. */
static void
expect_error(const char *text, const char *want)
{
	struct given g;

	give(&g, text);
	ck_assert_msg(g.diags.n == 1 && g.diags.errors == 1 && !strncmp(g.said.s, "w:", 2) &&
	    !strncmp(g.said.s + 2, want, strlen(want)),
	    "of\n%s\none error should be said, beginning with\nw:%s\nbut what was said is\n%s", text, want, g.said.s);
	done(&g);
}

struct pair {
	const char *text, *want;
};

/* Words. P stands for `param p`, R for a result `r`, where a case needs one. */

#define P "param p\n"
#define P_TREE "param p\n"
#define R "run exec_ as r\n"
#define R_TREE "run exec_(exec_) stdin as [r]\n"
#define X "agent exec_ cat\n"
#define X_TREE "agent exec_ [cat]\n"

static const struct pair words[] = {
	/* split at blanks, which mean nothing in front */
	{ " \t agent  a\tb   c ", "agent a [b][c]\n" },
	/* quotes, also inside of a word; the other quote in them is itself */
	{ "agent a 'b c' \"d e\" f'g h'i \"\" '' \"it's\" '\"'", "agent a [b c][d e][fg hi][][][it's][\"]\n" },
	{ "agent a x=\"a b\" \"a\\\"b\" \"a\\\\b\" \"a\\nb\" 'a\\\\b' a\\b \\' ' \\\\ x",
	    "agent a [x=a b][a\"b][a\\b][a\\nb][a\\\\b][a\\b][\\ ][\\\\][x]\n" },
	/* quoted, they are words like others */
	{ "agent a '&&' \"||\" ';' '&' '>x' '2>x' '|' '<' '<x' '$x' '${x}'",
	    "agent a [&&][||][;][&][>x][2>x][|][<][<x][$x][${x}]\n" },
	/* only before a variable's name is a $ meant for a shell */
	{ "agent a $ $1 a$ $$ $. 2x 2 a>b a;b a&b", "agent a [$][$1][a$][$$][$.][2x][2][a>b][a;b][a&b]\n" },
	/* \ at a line's end joins the next, between words and in one, as often as one likes */
	{ "agent a b \\\n  c \\\n\\\nd", "agent a [b][c][d]\n" },
	{ "agent a b\\\nc d", "agent a [bc][d]\n" },
	{ "agent\\\n a b", "agent a [b]\n" },
	{ "agent a b \\\r\n c\r\n", "agent a [b][c]\n" },
	{ "agent a b \\\n# c", "agent a [b][#][c]\n" },
	{ "agent a b\\ c \\d", "agent a [b\\][c][\\d]\n" },
	/* a carriage return counts only before the newline */
	{ "agent a b\r\n", "agent a [b]\n" },
	{ "agent a b\rc\r\n", "agent a [b\rc]\n" },
	/* comments: whole lines, the blanks in front not counted; and not after words; never joined */
	{ "# agent x y\n \t# agent x y\nagent a b # c\n#\n", "agent a [b][#][c]\n" },
	{ "# a \\\nagent a b", "agent a [b]\n" },
	{ "", "" }, { "\n", "" }, { "#", "" }, { "\r\n \t\r\n", "" },
	/* braces */
	{ P "agent a {{p}} x{{p}}y '{{p}}' \"{{p}}\" \\{{p}} \"\\{{p}}\" '\\{{p}}' {p} }} {", P_TREE
	    "agent a [<p>][x<p>y][{{p}}][<p>][{{p}}][{{p}}][\\{{p}}][{p}][}}][{]\n" },
	{ P "agent a {'{p}}' {{p}}} {\\{{p}}", P_TREE "agent a [{{p}}][<p>}][{{{p}}]\n" },
	{ P "agent a \"\\\\{{p}}\" b*", P_TREE "agent a [\\<p>][b*]\n" },
	/* bytes that are no UTF-8 */
	{ "agent a \xff\xc3\xa4", "agent a [\xff\xc3\xa4]\n" },
};

START_TEST(words_tree)
{
	expect_tree(words[_i].text, words[_i].want);
}
END_TEST

static const struct pair words_wrong[] = {
	{ "agent a 'b", "1:9: error: unclosed ': a quote closes on its line\n    agent a 'b\n            ^\n" },
	{ "agent a x\"b\n#\"", "1:10: error: unclosed \"" },
	{ "agent a \"b\\\"", "1:9: error: unclosed \"" },
	{ "agent a 'b\\\n#c'", "1:9: error: unclosed '" },
	{ "agent a b && c", "1:11: error: there is no shell here" },
	{ "agent a || c", "1:9: error: there is no shell here" },
	{ "agent a b ; c", "1:11: error: there is no shell here" },
	{ "agent a b &", "1:11: error: there is no shell here" },
	{ "agent a b >c", "1:11: error: there is no shell here: the result is kept under its `as` key, standard error beside it" },
	{ "agent a b > c", "1:11: error: there is no shell here: the result is kept under its `as` key, standard error beside it" },
	{ "agent a b >>c", "1:11: error: there is no shell here: the result is kept under its `as` key, standard error beside it" },
	{ "agent a b 2>&1", "1:11: error: there is no shell here: the result is kept under its `as` key, standard error beside it" },
	{ "agent a b 2> c", "1:11: error: there is no shell here: the result is kept under its `as` key, standard error beside it" },
	{ "agent a b$home", "1:10: error: there is no shell here: write {{name}}" },
	{ "agent a \"$HOME\"", "1:10: error: there is no shell here: write {{name}}" },
	{ "agent a ${x}", "1:9: error: there is no shell here: write {{name}}" },
	{ "agent a $_", "1:9: error: there is no shell here: write {{name}}" },
	{ "agent a <b", "1:9: error: write < and the name with a blank between" },
	{ "agent a |b", "1:9: error: a text begins with | and a blank" },
	{ "agent a b < c", "1:11: error: `agent` takes no <" },
	{ "agent a b | c", "1:11: error: `agent` takes no text" },
	{ "agent a b \\", "1:11: error: no line below for this \\ to join" },
	{ "agent a b\\\n", "1:10: error: no line below for this \\ to join" },
	{ "agent a {{ x }}", "1:9: error: no blanks inside the braces: write {{x}}, or \\{{ " },
	{ P "agent a {{p }}", "2:9: error: {{ without its }}: write {{x}}, or \\{{" },
	{ P "agent a \"{{p }}\"", "2:10: error: no blanks inside the braces: write {{x}}, or \\{{ for a literal {{" },
	{ P "agent a {{ p}}", "2:9: error: no blanks inside the braces: write {{x}}, or \\{{ for a literal {{" },
	{ "agent a {{", "1:9: error: no blanks inside the braces: write {{x}}, or \\{{ for a literal {{" },
	{ "agent a {{}}", "1:9: error: no name between the braces" },
	{ "agent a b{{x", "1:10: error: {{ without its }}" },
	{ "agent a {{x}", "1:9: error: {{ without its }}" },
	{ "agent a {{x-{{y}}", "1:9: error: {{ without its }}" },
	{ "agent a {{x'}}'", "1:9: error: {{ without its }}" },
	{ "agent a 'b c'{{x", "1:14: error: {{ without its }}" },
	{ "agent a {{a{{a{{a{{a{{a{{a{{a{{a{{a{{a{{a{{a{{a{{a{{a{{a{{a", "1:57: error: names are nested too deep" },
};

START_TEST(words_refused)
{
	expect_error(words_wrong[_i].text, words_wrong[_i].want);
}
END_TEST

/* The offending byte may stand on a line that was joined. */
START_TEST(words_refused_joined)
{
	expect_error("agent a \\\n  b &&", "2:5: error: there is no shell here");
	expect_error("agent a b &&\\\n c", "1:11: error: there is no shell here");
	expect_error("agent a b\\\n$x", "1:9: error: there is no shell here");
}
END_TEST

START_TEST(nul_refused)
{
	static const char text[] = "run sh | a\n# \0\n";
	struct check_with with = { 0 };
	struct given g;

	give_bytes(&g, "w", text, sizeof text - 1, &with);
	ck_assert_str_eq(g.said.s, "w:2:3: error: NUL byte: not a workflow\n    # \\x00\n      ^\n");
	done(&g);
}
END_TEST

/* Templates. */

static const struct pair templates[] = {
	{ P X R "print | {{p}} a{{r}}b{{p}}{{r}}\n", P_TREE X_TREE R_TREE "print | <p> a<r>b<p><r>\\n\n" },
	{ P X "run exec_ as a-{{p}}\nprint | {{a-{{p}}}} {{{{p}}}}\n",
	    P_TREE X_TREE "run exec_(exec_) stdin as [a-<p>]\nprint | <a-<p>> <<p>>\\n\n" },
	{ P "print | \\{{p}} \\{{{{p}}}} \\{{ x }} \\{ \\a }} { {\n", P_TREE "print | {{p}} {{<p>}} {{ x }} \\{ \\a }} { {\\n\n" },
	/* quotes, dollars and shell's own are nothing in a text */
	{ P "print | '{{p}}' \"$HOME\" && > < |\n", P_TREE "print | '<p>' \"$HOME\" && > < |\\n\n" },
	/* a star makes a pattern only where it is written, in a name */
	{ X R "print | * {{r*}} {{*}} {{*r-{{r*}}*}}\nrun exec_ as 'rr-1' < r* \"*r\" r\n",
	    X_TREE R_TREE "print | * <r<*>> <<*>> <<*>r-<r<*>><*>>\\n\n"
	    "run exec_(exec_) stdin as [rr-1] < [r<*>][<*>r][r]\n" },
	{ X "run exec_ as 'a*'\nrun exec_ as b* < 'a*'\nprint | {{a*}}\n",
	    X_TREE "run exec_(exec_) stdin as [a*]\nrun exec_(exec_) stdin as [b*] < [a*]\nprint | <a<*>>\\n\n" },
};

START_TEST(templates_tree)
{
	expect_tree(templates[_i].text, templates[_i].want);
}
END_TEST

/* Texts and commands. */

static const struct pair texts[] = {
	/* one blank is stripped, of each line; the rest is as it is */
	{ "print |  a  b \n|c\n|\td\n|\n|  \n", "print |  a  b \\nc\\nd\\n\\n \\n\n" },
	{ "print |\n|a", "print | \\na\\n\n" },
	{ "print\n| a\n  | b\n", "print | a\\nb\\n\n" },
	{ "print | a \\\n| b\\\n", "print | a \\\\nb\\\\n\n" },
	{ "print | a\r\n| b\r\n|\r\n", "print | a\\nb\\n\\n\n" },
	{ "print | a | b\n| c | d", "print | a | b\\nc | d\\n\n" },
	{ "print | # a\n| # b\n# | c\n| d", "print | # a\\n# b\\nd\\n\n" },
	{ "print | \xc3\xa4\xff", "print | \xc3\xa4\xff\\n\n" },
	/* attributes and comments between, before and after */
	{ X "run exec_\ntimeout 9s\n| a\n# c\nretry 1\n| b\notherwise c\n",
	    X_TREE "run exec_(exec_) stdin default [exec_] timeout[9s] retry[1] otherwise[c] | a\\nb\\n\n" },
	/* a blank line ends it; another statement may follow at once */
	{ "print | a\n\nprint | b\nprint | c\n \t\n# d\n\nprint | e", "print | a\\n\nprint | b\\n\nprint | c\\n\nprint | e\\n\n" },
	/* a step's text, then the run's; each may be a file */
	{ X "step s exec_ | one\n| two\nrun s | three\n| four\nrun s as t\nstep u exec_\nrun u | five\n",
	    X_TREE "step s exec_\nstep u exec_\nrun s(exec_) stdin default [s] | one\\ntwo\\nthree\\nfour\\n\n"
	    "run s(exec_) stdin as [t] | one\\ntwo\\n\nrun u(exec_) stdin default [u] | five\\n\n" },
	{ P X "step s exec_\nprompt ask.txt\nrun s | x\nrun s as t\nstep u exec_ | x\nrun u\nprompt open.txt\n",
	    P_TREE X_TREE "step s exec_ prompt[ask.txt]\nstep u exec_\n"
	    "run s(exec_) stdin default [s] | from a file: <p>\\nlast\\nx\\n\n"
	    "run s(exec_) stdin as [t] | from a file: <p>\\nlast\\n\n"
	    "run u(exec_) stdin default [u] prompt[open.txt] | x\\nno newline\n" },
	{ X "step s exec_\nprompt open.txt\nrun s | x\nrun s as t\n",
	    X_TREE "step s exec_ prompt[open.txt]\nrun s(exec_) stdin default [s] | no newline\\nx\\n\n"
	    "run s(exec_) stdin as [t] | no newline\n" },
	{ "run claude\nprompt empty.txt\n", "run claude(claude) stdin default [claude] prompt[empty.txt]\n" },
	/* commands are as they are: quotes, braces, dollars, bars, comments */
	{ "if test \"$x\" = '{{y}}' && a|b>c # d \nend\n", "if {test \"$x\" = '{{y}}' && a|b>c # d }\n" },
	{ "if a \\\n  b\\\nc\nend", "if {a \\\n  b\\\nc}\n" },
	{ "if a \\\r\n b\r\nend", "if {a \\\n b}\n" },
	{ "if a\r\nend\r", "if {a}\n" },
	{ X R "if < r | a | b\nend\nif <r a\nend\nif  <  r*  -  |  c  \nend\n",
	    X_TREE R_TREE "if < [r] {a | b}\nif {<r a}\nif < [r<*>][-] {c  }\n" },
	{ X "run exec_\nfilter sed 's/a/b/' | c\ncheck grep -q \"x y\"\ncheck ! false\n",
	    X_TREE "run exec_(exec_) stdin default [exec_] filter{sed 's/a/b/' | c} check{grep -q \"x y\"} check{! false}\n" },
};

START_TEST(texts_tree)
{
	expect_tree(texts[_i].text, texts[_i].want);
}
END_TEST

static const struct pair texts_wrong[] = {
	{ "print | a\n\n| b", "3:1: error: a blank line has ended the text above; an empty line of text is a | alone" },
	{ "print | a\n \t\r\n# c\n| b", "4:1: error: a blank line has ended the text above" },
	{ X "run exec_\n\n| b", "4:1: error: a blank line has ended the text above" },
	{ "| b", "1:1: error: text without a statement above it" },
	{ "param p\n | b", "2:2: error: text without a statement above it" },
	{ "if x\n| b\nend", "2:1: error: text without a statement above it" },
	{ X "run exec_\n\ntimeout 3s", "4:1: error: `timeout` must follow its step or run, without a blank line between" },
	{ "print | a\ntimeout 3s", "2:1: error: `timeout` must follow a step, run, worktree or commit, or come first in the file, before param" },
	{ "param p\ntimeout 3s", "2:1: error: `timeout` must follow a step, run, worktree or commit, or come first in the file, before param" },
	{ "print | {{ x }}", "1:9: error: no blanks inside the braces: write {{x}}, or \\{{ for a literal {{" },
	{ "print | a\n|   {{x", "2:5: error: {{ without its }}" },
	{ "run claude\nprompt ask2.txt", "2:8: error: cannot read `ask2.txt`: no such file" },
	{ "run claude\nprompt nul.txt", "2:8: error: NUL byte in `nul.txt`: not a text file" },
	{ P "run claude | x\nprompt ask.txt", "3:8: error: a text or a `prompt` file, not both" },
	{ P "step s claude | x\nprompt ask.txt\nrun s\nrun s as t", "3:8: error: a text or a `prompt` file, not both" },
	{ P "run claude\nprompt {{p}}", "3:8: error: the file's name must be literal, without {{" },
	{ "if \nend", "1:4: error: missing command: if [< NAME... |] COMMAND" },
	{ X R "if < r |  \nend", "3:11: error: missing command: if [< NAME... |] COMMAND" },
	{ X R "if < r x\nend", "3:1: error: incomplete `if`: if [< NAME... |] COMMAND" },
	{ "if < | x\nend", "1:1: error: missing name after <" },
	{ X "run exec_\ncheck\n", "3:6: error: missing command: check COMMAND" },
	{ X "run exec_\nfilter a\nfilter b\n", "4:1: error: `filter` is given twice" },
	{ X "run exec_\ncheck a \\", "3:9: error: no line below for this \\ to join" },
};

START_TEST(texts_refused)
{
	expect_error(texts_wrong[_i].text, texts_wrong[_i].want);
}
END_TEST

/* What is wrong in a prompt's file is said where it is in that file. */
START_TEST(prompt_file_place)
{
	struct given g;

	give(&g, "run claude\nprompt bad.txt\n");
	ck_assert_str_eq(g.said.s, "bad.txt:2:5: error: no blanks inside the braces: write {{x}}, or \\{{ for a literal {{\n"
	    "    not {{ fine\n        ^\n");
	done(&g);
}
END_TEST

/* Statements, attributes, items. */

static const struct pair statements[] = {
	{ "param a\nparam b 1\nparam c 'x {{y}}'\nparam d x{{a}}\nparam e ''\n",
	    "param a\nparam b [1]\nparam c [x {{y}}]\nparam d [x<a>]\nparam e []\n" },
	{ P "agent a ssh {{p}} -x {}\nstep s a -m '{}' \"x y\"\nrun s as k | t\n",
	    P_TREE "agent a [ssh][<p>][-x][{}]\nstep s a [-m][{}][x y]\nrun s(a) arg as [k] | t\\n\n" },
	{ X "run exec_\nrun exec_ as k < - exec_ | t\n",
	    X_TREE "run exec_(exec_) stdin default [exec_]\nrun exec_(exec_) stdin as [k] < [-][exec_] | t\\n\n" },
	{ "for i in a 'b c' \"d\"\nbreak\nend\n", "for i in [a][b c][d]\n  break\n" },
	{ "for i in a\nfor j in b\nif c\nbreak\nelse\nprint | d\nend\nend\nend\nprint | e\n",
	    "for i in [a]\n  for j in [b]\n    if {c}\n      break\n    else\n      print | d\\n\nprint | e\\n\n" },
	{ X "run exec_ as k\nparallel max 2 x in a < k* -\nrun exec_ as {{x}}\nend\nparallel y in < k\nend\n",
	    X_TREE "run exec_(exec_) stdin as [k]\nparallel max [2] x in [a] < [k<*>][-]\n"
	    "  run exec_(exec_) stdin as [<x>]\nparallel y < [k]\n" },
	{ P X "parallel max {{p}}\nrun exec_ as a\nworktree b from c at d/e as f\nend\nparallel\nend\n",
	    P_TREE X_TREE "parallel max [<p>]\n  run exec_(exec_) stdin as [a]\n"
	    "  worktree [b] from [c] at [d/e] as [f]\nparallel\n" },
	{ "worktree a\nworktree b enter from {{a}} as c\nworktree d at e enter\n",
	    "worktree [a] default [a]\nworktree [b] enter from [<a>] as [c]\nworktree [d] enter at [e] default [d]\n" },
	{ "commit | m\n| n\ncommit as k | o\ncd 'a b'\ncd /\n",
	    "commit default [commit] | m\\nn\\n\ncommit as [k] | o\\n\ncd [a b]\ncd [/]\n" },
	{ "ask k yes 'no no' default yes | q?\nask l | r?\nask m default x | s?\nask n 'default' d | t?\n",
	    "ask as [k] of [yes][no no] else [yes] | q?\\n\nask as [l] | r?\\n\nask as [m] else [x] | s?\\n\n"
	    "ask as [n] of [default][d] | t?\\n\n" },
	{ "call a.orch\ncall d/b.orch as c x=1 yy='2 3' | p\ncall ../d.txt z=\ncall '{{x}}.orch' as e\ncall .orch\n",
	    "call [a.orch] default [a]\ncall [d/b.orch] as [c] with [x=1][yy=2 3] | p\\n\n"
	    "call [../d.txt] default [d.txt] with [z=]\ncall [{{x}}.orch] as [e]\ncall [.orch] default [.orch]\n" },
	{ "if a\nstop\nelse\nfail | b\nend\nif c\nfail\nelse\nstop | d\nend\nprint | e",
	    "if {a}\n  stop\nelse\n  fail | b\\n\nif {c}\n  fail\nelse\n  stop | d\\n\nprint | e\\n\n" },
	{ "if a\nelse\nend\n", "if {a}\nelse\n" },
	/* attributes: of the file, of a step, of a run */
	{ "# c\n\ntimeout 90s\nretry 2\n\nenv A=1\nenv b=\ncheck x\nfilter y\n" X
	    "step s exec_\ntimeout 0\nretry 3 10m\nenv C='d e'\n",
	    "file timeout[90s] retry[2] filter{y} check{x} env[A=1] env[b=]\n" X_TREE
	    "step s exec_ timeout[0] retry[3] delay[10m] env[C=d e]\n" },
	{ P X "run exec_\ntimeout {{p}}\nretry {{p}} {{p}}\notherwise 'no {{p}}'\nenv X={{p}}\nrun exec_ as b\ninteractive\n",
	    P_TREE X_TREE "run exec_(exec_) stdin default [exec_] timeout[<p>] retry[<p>] delay[<p>] otherwise[no {{p}}] env[X=<p>]\n"
	    "run exec_(exec_) stdin as [b] interactive\n" },
	{ X "step s exec_\nfree\nrun s\nrun s as b\n# c\nfree\nretry 1\n| t\n",
	    X_TREE "step s exec_ free\nrun s(exec_) stdin default [s]\nrun s(exec_) stdin as [b] retry[1] free | t\\n\n" },
	/* ranges have digits or one name at their ends; all else is a word */
	{ P "for i in 1..4 {{p}}..9 0..{{p}} {{p}}..{{p}} 10..1 007..8\nend\n",
	    P_TREE "for i in (1..4)(<p>..9)(0..<p>)(<p>..<p>)(10..1)(007..8)\n" },
	{ P "for i in '1..4' \"1..4\" 1'..'4 1.4 '1...4' ..4 1.. .. a/..b ../b 'a..b' '-1..4' {{p}}\nend\n",
	    P_TREE "for i in [1..4][1..4][1..4][1.4][1...4][..4][1..][..][a/..b][../b][a..b][-1..4][<p>]\n" },
	/* keywords are words elsewhere */
	{ X "run exec_ as as\nrun exec_ as end < as\nfor max in in\nend\nparallel in in in\nend\n",
	    X_TREE "run exec_(exec_) stdin as [as]\nrun exec_(exec_) stdin as [end] < [as]\nfor max in [in]\nparallel in in [in]\n" },
};

START_TEST(statements_tree)
{
	expect_tree(statements[_i].text, statements[_i].want);
}
END_TEST

static const struct pair statements_wrong[] = {
	{ "run", "1:1: error: incomplete `run`: run STEP [as KEY]" },
	{ X "run exec_ as", "2:11: error: missing key after 'as'" },
	{ X "run exec_ as a b", "2:16: error: unexpected `b`" },
	{ X "run exec_ a", "2:11: error: unexpected `a`" },
	{ X "run exec_ 'as' k", "2:11: error: a prompt begins with '|': run exec_ | as" },
	{ X "run exec_ <", "2:11: error: missing name after <" },
	{ X R "run exec_ < r < r", "3:15: error: a second <" },
	{ P "run {{p}}", "2:5: error: the step's name must be literal, without {{" },
	{ "param", "1:1: error: incomplete `param`: param NAME [DEFAULT]" },
	{ "param a b c", "1:11: error: unexpected `c`" },
	{ "param A", "1:7: error: invalid variable name 'A'" },
	{ "param _", "1:7: error: invalid variable name '_'" },
	{ "param http_proxy", "1:7: error: invalid variable name 'http_proxy'" },
	{ "param 1a", "1:7: error: invalid variable name '1a'" },
	{ "param a\nparam a", "2:7: error: duplicate parameter `a` (first defined on line 1)" },
	{ "param b {{c}}\nparam c", "1:9: error: the parameter `c` is used before it is defined (line 2)" },
	{ "param b {{b}}", "1:9: error: " },
	{ "agent a", "1:1: error: incomplete `agent`: agent NAME WORD..." },
	{ "step a", "1:1: error: incomplete `step`: step NAME AGENT [WORD...] [| TEXT]" },
	{ "step a {{x}}", "1:8: error: the agent's name must be literal, without {{" },
	{ "step '' sh", "1:6: error: a step's name is empty" },
	{ "for\nend", "1:1: error: incomplete `for`: for VAR in ITEM... [< NAME...]" },
	{ "for i on a\nend", "1:7: error: missing `in`: for VAR in ITEM... [< NAME...]" },
	{ "for i in\nend", "1:1: error: missing items after `in`: ITEM... or < NAME..." },
	{ "for I in a\nend", "1:5: error: invalid variable name 'I'" },
	{ "for i in a | b\nend", "1:12: error: `for` takes no text" },
	{ "parallel max\nend", "1:10: error: missing number after 'max'" },
	{ "parallel x\nend", "1:10: error: missing `in`: parallel [max N] VAR in ITEM... [< NAME...], or parallel [max N]" },
	{ X R "parallel < r\nend", "3:1: error: missing `in`: parallel [max N] VAR in ITEM... [< NAME...], or parallel [max N]" },
	{ "parallel x in\nend", "1:1: error: missing items after `in`: ITEM... or < NAME..." },
	{ "parallel max 0\nend", "1:14: error: max must be a positive number, not 0" },
	{ "parallel max -1\nend", "1:14: error: max must be a positive number, not -1" },
	{ "parallel max 2x\nend", "1:14: error: max must be a positive number, not 2x" },
	{ "parallel max '' x in a\nend", "1:14: error: max must be a positive number, not " },
	{ "for i in 1..1234567890123456789\nend", "1:10: error: `1234567890123456789` is too large" },
	{ "if x\nelse y\nend", "2:6: error: unexpected `y`: nothing follows else on its line" },
	{ "if x\nelse\nelse\nend", "3:1: error: a second `else` for the `if` on line 1" },
	{ "else", "1:1: error: `else` without an `if` above it" },
	{ "for i in a\nelse\nend", "2:1: error: `else` without an `if`" },
	{ "end", "1:1: error: `end` without a block above it" },
	{ "if x\nend x", "2:5: error: unexpected `x`" },
	{ "for i in a\nbreak x\nend", "2:7: error: unexpected `x`" },
	{ "break", "1:1: error: `break` outside of a `for`" },
	{ "if x\nbreak\nend", "2:1: error: `break` outside of a `for`" },
	{ "print", "1:1: error: missing text: print | TEXT" },
	{ "print a", "1:7: error: the text begins with |: print | TEXT" },
	{ "stop a", "1:6: error: the text begins with |: stop | TEXT" },
	{ "fail < a", "1:6: error: `fail` takes no <" },
	{ "commit", "1:1: error: missing text: commit | TEXT" },
	{ "commit a | m", "1:8: error: unexpected `a`" },
	{ "commit as a b | m", "1:13: error: unexpected `b`" },
	{ "commit as | m", "1:8: error: missing key after 'as'" },
	{ "ask", "1:1: error: incomplete `ask`: ask KEY [CHOICE...] [default CHOICE] | TEXT" },
	{ "ask k", "1:1: error: missing text: ask KEY [CHOICE...] | TEXT" },
	{ "ask k default | t", "1:7: error: missing choice after 'default'" },
	{ "ask k default a b | t", "1:17: error: unexpected `b`" },
	{ "ask k a b default c | t", "1:19: error: the default 'c' is not one of the choices" },
	{ "call", "1:1: error: incomplete `call`: call FILE [as NAME] [VAR=VALUE...] [| TEXT]" },
	{ P "call {{p}}.orch", "2:6: error: the file's name must be literal, without {{" },
	{ "call a x", "1:8: error: VAR=VALUE is expected here" },
	{ "call a X=1", "1:8: error: VAR=VALUE is expected here" },
	{ "call a =1", "1:8: error: VAR=VALUE is expected here" },
	{ "call a as", "1:8: error: missing key after 'as'" },
	{ "cd", "1:1: error: incomplete `cd`: cd DIR" },
	{ "cd a b", "1:6: error: unexpected `b`" },
	{ "worktree", "1:1: error: incomplete `worktree`: worktree BRANCH [enter] [from REF] [at PATH] [as KEY]" },
	{ "worktree a from", "1:12: error: missing commit after 'from'" },
	{ "worktree a from b from c", "1:19: error: unexpected `from`" },
	{ "worktree a to b", "1:12: error: unexpected `to`" },
	{ "if x\nparam p\nend", "2:1: error: `param` must be outside of blocks: the `if` of line 1 has no `end` yet" },
	{ "if x\nagent a b\nend", "2:1: error: `agent` must be outside of blocks: the `if` of line 1 has no `end` yet" },
	{ "for i in a\nstep s sh\nend", "2:1: error: `step` must be outside of blocks: the `for` of line 1 has no `end` yet" },
	{ "parallel", "1:1: error: `parallel` without `end`" },
	{ "if x\nfor i in a\nend", "1:1: error: `if` without `end`" },
	{ "timeout 5\n", "1:9: error: invalid duration '5': use 90s, 10m or 2h; 0 is none" },
	{ "timeout\n", "1:1: error: incomplete `timeout`: timeout 90s, 10m, 2h; 0 is none" },
	{ "timeout 1s 2s\n", "1:12: error: unexpected `2s`" },
	{ "timeout 1s\ntimeout 2s\n", "2:1: error: `timeout` is given twice" },
	{ "retry x\n", "1:7: error: invalid number of attempts 'x': use retry N [DELAY]" },
	{ "retry -1\n", "1:7: error: invalid number of attempts '-1': use retry N [DELAY]" },
	{ "retry 1 x\n", "1:9: error: invalid duration 'x': use 5s, 10m or 2h" },
	{ "env A\n", "1:5: error: env takes NAME=VALUE, with letters, digits and _ in NAME" },
	{ "env 1A=2\n", "1:5: error: env takes NAME=VALUE, with letters, digits and _ in NAME" },
	{ "env =2\n", "1:5: error: env takes NAME=VALUE, with letters, digits and _ in NAME" },
	{ "env ORCH_KEY=2\n", "1:5: error: ORCH_KEY is set by orch" },
	{ "otherwise x\n", "1:1: error: `otherwise` must follow a step or run; it cannot come at the top of the file" },
	{ "prompt x\n", "1:1: error: `prompt` must follow a step or run; it cannot come at the top of the file" },
	{ "interactive\n", "1:1: error: `interactive` must follow a step or run; it cannot come at the top of the file" },
	{ X "run exec_\ninteractive now", "3:13: error: unexpected `now`" },
	{ "worktree w\nretry 1", "2:1: error: `retry` must follow a step or run; below worktree and commit only timeout may" },
	{ "commit | m\nenv A=b", "2:1: error: `env` must follow a step or run; below worktree and commit only timeout may" },
	{ "worktree w\ntimeout 5", "2:9: error: invalid duration '5': use 90s, 10m or 2h; 0 is none" },
	{ "worktree w\ntimeout 5s\ntimeout 6s", "3:1: error: `timeout` is given twice" },
	{ "commit | m\ntimeout {{x}}", "2:9: error: unknown name `x`" },
	{ "cd x\ntimeout 5s", "2:1: error: `timeout` must follow a step, run, worktree or commit, or come first in the file, before param" },
	{ "free\n", "1:1: error: `free` must follow a step or run; it cannot come at the top of the file" },
	{ X "run exec_\nfree 1", "3:6: error: unexpected `1`" },
	{ X "run exec_\nfree\nfree", "4:1: error: `free` is given twice" },
	{ X "run exec_\nfre", "3:1: error: unknown keyword `fre`; did you mean `free`?" },
	{ X "step s exec_\nrun s\notherwise a\notherwise b", "5:1: error: `otherwise` is given twice" },
};

START_TEST(statements_refused)
{
	expect_error(statements_wrong[_i].text, statements_wrong[_i].want);
}
END_TEST

/* Agents, and where a prompt goes. */

static const struct pair agents[] = {
	{ "run claude | t\nrun codex | t\nrun sh | t\n",
	    "run claude(claude) stdin default [claude] | t\\n\nrun codex(codex) stdin default [codex] | t\\n\n"
	    "run sh(sh) program{t\n} default [sh]\n" },
	{ "run claude | t\ninteractive\nrun codex | t\ninteractive\nrun sh | t\ninteractive\n",
	    "run claude(claude) arg default [claude] interactive | t\\n\nrun codex(codex) arg default [codex] interactive | t\\n\n"
	    "run sh(sh) program{t\n} default [sh] interactive\n" },
	/* {} only where it is an unquoted word; a program only after -c or -e */
	{ "agent a x {}\nagent b x '{}'\nagent c x -c {}\nagent d x -e {}\nagent e x -f {}\nagent f x a{} -c\nagent g x '-c' {}\n"
	  "run a\nrun b\nrun c | t\nrun d | t\nrun e\nrun f\nrun g | t\n",
	    "agent a [x][{}]\nagent b [x][{}]\nagent c [x][-c][{}]\nagent d [x][-e][{}]\nagent e [x][-f][{}]\n"
	    "agent f [x][a{}][-c]\nagent g [x][-c][{}]\n"
	    "run a(a) arg default [a]\nrun b(b) stdin default [b]\nrun c(c) program{t\n} default [c]\n"
	    "run d(d) program{t\n} default [d]\nrun e(e) arg default [e]\nrun f(f) stdin default [f]\n"
	    "run g(g) program{t\n} default [g]\n" },
	{ "step s exec perl -e {}\nstep t exec cat\nrun s | t\nrun t\n",
	    "step s exec [perl][-e][{}]\nstep t exec [cat]\nrun s(exec) program{t\n} default [s]\nrun t(exec) stdin default [t]\n" },
	/* an agent of the file comes before the built-in one */
	{ "agent claude cat\nrun claude | t\n", "agent claude [cat]\nrun claude(claude) stdin default [claude] | t\\n\n" },
	{ "agent sh bash -c {}\nrun sh | {{.Names}}\n", "agent sh [bash][-c][{}]\nrun sh(sh) program{{{.Names}}\n} default [sh]\n" },
	/* nothing to substitute in a program: all but known names is plain text, backslashes too */
	{ P "run sh | docker ps --format '{{.Names}} {{ p }} {{q}} {{pp}} {{p' \"$p\" \\{{q}}\n| {{\n"
	  "filter x {{y}}\ncheck {{ p }}\nif {{y}} {{\nend\n",
	    P_TREE "run sh(sh) program{docker ps --format '{{.Names}} {{ p }} {{q}} {{pp}} {{p' \"$p\" \\{{q}}\n{{\n} "
	    "default [sh] filter{x {{y}}} check{{{ p }}}\nif {{{y}} {{}\n" },
	{ "step s sh\nprompt open.txt\nrun s | two\n",
	    "step s sh prompt[open.txt]\nrun s(sh) program{no newline\ntwo\n} default [s]\n" },
	/* an item's own name is not a key there, only what the key has of its own letters */
	{ "for file in a\nrun sh as {{file}} | {{.x}}\nend\n",
	    "for file in [a]\n  run sh(sh) program{{{.x}}\n} as [<file>]\n" },
};

START_TEST(agents_tree)
{
	expect_tree(agents[_i].text, agents[_i].want);
}
END_TEST

static const struct pair agents_wrong[] = {
	{ "run claude", "1:1: error: no prompt" },
	{ "run codex", "1:1: error: no prompt" },
	{ "run sh", "1:1: error: no prompt" },
	{ "step s claude\nrun s\ntimeout 3s", "2:1: error: no prompt" },
	{ X R "run sh < r", "3:1: error: no program for sh: it is the text after |" },
	{ "agent a x -c {}\nrun a", "2:1: error: no program for a: it is the text after |" },
	{ "run exec", "1:1: error: exec needs a program: define `step NAME exec PROGRAM...` and run that" },
	{ "run exec | t", "1:1: error: exec needs a program: define `step NAME exec PROGRAM...` and run that" },
	{ "step s sh -x\nrun s | t", "1:11: error: sh takes no arguments: its program is the text after |" },
	{ "agent a x {} {}\nrun a", "1:14: error: a second {}" },
	{ "agent a x {}\nstep s a -m {}\nrun s", "2:13: error: a second {}" },
	{ "step s nobody", "1:8: error: unknown agent `nobody`; say how it is started: agent nobody PROGRAM..." },
	{ "step s claud", "1:8: error: unknown agent `claud`; did you mean `claude`?" },
	{ "run cdex | t", "1:5: error: unknown step `cdex`; did you mean `codex`?" },
	{ "step review claude\nrun reviw | t", "2:5: error: unknown step `reviw`; did you mean `review`?" },
	{ "run nothing-like-it | t", "1:5: error: unknown step `nothing-like-it`: neither a step above nor an agent" },
	{ "run s | t\nstep s claude", "1:5: error: the step `s` is used before it is defined (line 2)" },
	{ "step s a\nagent a x", "1:8: error: the agent `a` is used before it is defined (line 2)" },
	{ "run a\nagent a x", "1:5: error: the agent `a` is used before it is defined (line 2)" },
	{ "step s claude\nstep s codex", "2:6: error: duplicate step `s` (first defined on line 1)" },
	{ "agent a x\nagent a y", "2:1: error: duplicate agent `a` (first defined on line 1)" },
	{ "agent a x\nstep a claude", "2:1: error: a step cannot be named `a`: that is an agent" },
	{ "step sh claude", "1:1: error: a step cannot be named `sh`: that is an agent" },
	/* what would become a part of a program */
	{ P "run sh | echo {{p}}", "2:15: error: cannot insert {{p}} into shell code: write \"$p\"\n" },
	{ P "run sh | a\n|  '{{p}}'", "3:5: error: cannot insert {{p}} into shell code" },
	{ P "run sh | {{{p}}}", "2:11: error: cannot insert {{p}} into shell code" },
	{ P "run sh | {{a {{p}}", "2:14: error: cannot insert {{p}} into shell code" },
	{ X R "run sh | {{r}}", "3:10: error: cannot insert {{r}} into shell code: use '< r' (standard input) or 'env V={{r}}'" },
	{ X "for f in a\nrun exec_ as l-{{f}}\nend\nrun sh | {{l-a}}", "5:10: error: cannot insert {{l-a}} into shell code: use '< l-a' (standard input) or 'env V={{l-a}}'" },
	{ X "for f in a\nrun exec_ as l-{{f}}\nrun sh as m-{{f}} | {{l-{{f}}}}\nend", "4:21: error: cannot insert {{l-{{f}}}} into shell code: use '< l-{{f}}' (standard input) or 'env V={{l-{{f}}}}'" },
	{ "for f in a\nrun sh as m-{{f}} | {{f}}\nend", "2:21: error: cannot insert {{f}} into shell code: write \"$f\"" },
	{ P "agent a x -c {}\nrun a | {{p}}", "3:9: error: cannot insert {{p}} into shell code: write \"$p\"" },
	{ P "agent a x -e {}\nstep s a | {{p}}\nrun s\nrun s as t", "3:12: error: cannot insert {{p}} into shell code: write \"$p\"" },
	{ P "if test {{p}}\nend", "2:9: error: cannot insert {{p}} into shell code: write \"$p\"" },
	{ X R "if < r | x \\\n {{r}}\nend", "4:2: error: cannot insert {{r}} into shell code: use 'if < r | COMMAND' (standard input)" },
	{ P X "run exec_\ncheck x {{p}}", "4:9: error: cannot insert {{p}} into shell code: write \"$p\"" },
	{ P X "step s exec_\nfilter {{p}}\nrun s\nrun s as t", "4:8: error: cannot insert {{p}} into shell code: write \"$p\"" },
	{ "check {{p}}\n" P X "run exec_\n", "1:7: error: cannot insert {{p}} into shell code: write \"$p\"" },
};

START_TEST(agents_refused)
{
	expect_error(agents_wrong[_i].text, agents_wrong[_i].want);
}
END_TEST

/* Reads TEXT with OVER as one -a; returns what is said of both. */
static const char *
with_agent(struct given *g, struct arena *mem, const char *over, const char *text)
{
	struct check_with with = { 0 };
	struct diags d = { 0 };
	struct source src;

	src.name = "-a";
	src.text = over;
	src.n = strlen(over);
	with.agents = agent_parse(&src, mem, &d);
	give_bytes(g, "w", text, strlen(text), &with);
	g->said.n = 0;
	diag_text(&d, &g->said);
	diag_text(&g->diags, &g->said);
	diag_free(&d);
	return buf_str(&g->said);
}

START_TEST(agents_of_the_command_line)
{
	struct given g;
	struct arena mem = { 0 };
	struct buf b = { 0 };

	ck_assert_str_eq(with_agent(&g, &mem, "claude=sh -c 'cat; x' \"$1\" {}", "agent claude x\nstep s claude\nrun s | t"), "");
	ck_assert_str_eq(g.w->steps->agent->name, "claude");
	dump_words(&b, "", &g.w->steps->agent->words);
	ck_assert_str_eq(buf_str(&b), "[sh][-c][cat; x][$1][{}]");
	buf_free(&b);
	done(&g);
	ck_assert_str_eq(with_agent(&g, &mem, "cluade=cat", "run claude | t"),
	    "-a:1:1: error: this workflow has no agent `cluade`\n    cluade=cat\n    ^\n");
	done(&g);
	ck_assert_ptr_nonnull(strstr(with_agent(&g, &mem, "claude", ""), "-a takes NAME=WORD..."));
	done(&g);
	ck_assert_ptr_nonnull(strstr(with_agent(&g, &mem, "=cat", ""), "-a takes NAME=WORD..."));
	done(&g);
	ck_assert_ptr_nonnull(strstr(with_agent(&g, &mem, "claude=", ""), "-a takes NAME=WORD..."));
	done(&g);
	ck_assert_ptr_nonnull(strstr(with_agent(&g, &mem, "claude=a | b", ""), "without < and |"));
	done(&g);
	ck_assert_ptr_nonnull(strstr(with_agent(&g, &mem, "claude=a && b", ""), "there is no shell here"));
	done(&g);
	ck_assert_ptr_nonnull(strstr(with_agent(&g, &mem, "claude=a\nb", ""), "-a takes NAME=WORD..."));
	done(&g);
	arena_free(&mem);
}
END_TEST

/* The words that start an agent, in the order they are given. */
static void
expect_words(const char *text, int interactive, const char *want)
{
	struct given g;
	struct buf b = { 0 };
	size_t i;
	const struct word *w;

	give(&g, text);
	ck_assert_str_eq(g.said.s, "");
	for (i = 0; (w = agents_word(g.w->body->step, interactive, i)); i++)
		dump_word(&b, "", w);
	ck_assert_str_eq(buf_str(&b), want);
	buf_free(&b);
	done(&g);
}

START_TEST(agents_argv)
{
	expect_words("step s claude -m x\nrun s | t", 0, "[claude][-p][--output-format][stream-json][--verbose][-m][x]");
	expect_words("step s claude -m x\nrun s | t", 1, "[claude][{}][-m][x]");
	expect_words("run codex | t", 0, "[codex][exec][--json][--skip-git-repo-check]");
	expect_words("run codex | t", 1, "[codex][--no-daemon][{}]");
	/* A format that the step chooses itself. */
	expect_words("step s claude --output-format json\nrun s | t", 0, "[claude][-p][--output-format][json]");
	expect_words("step s claude --output-format=text\nrun s | t", 0, "[claude][-p][--output-format=text]");
	expect_words("step s claude --json-schema {}\nrun s | t", 0,
	    "[claude][-p][--output-format][stream-json][--verbose][--json-schema][{}]");
	expect_words("step s codex --json\nrun s | t", 0, "[codex][exec][--skip-git-repo-check][--json]");
	expect_words("step s codex --output-schema f\nrun s | t", 0, "[codex][exec][--json][--skip-git-repo-check][--output-schema][f]");
	expect_words("run sh | t", 0, "[sh][-eu][-c][{}]");
	expect_words("run sh | t", 1, "[sh][-eu][-c][{}]");
	expect_words("step s exec a b\nrun s", 0, "[a][b]");
	expect_words("agent claude a b\nstep s claude c\nrun s | t", 0, "[a][b][c]");
}
END_TEST

/* Keys. */

static const struct pair keys_wrong[] = {
	{ X R "run exec_ as r", "3:14: error: duplicate key `r` (first made on line 2): choose another name" },
	{ "run sh | t\nrun sh | u", "2:1: error: duplicate key `sh` (first made on line 1): add 'as NAME'" },
	{ "worktree b\nask b | t", "2:5: error: duplicate key `b` (first made on line 1): choose another name" },
	{ "commit | m\ncommit | n", "2:1: error: duplicate key `commit` (first made on line 1): add 'as NAME'" },
	{ "call a.orch\ncall b/a", "2:1: error: duplicate key `a/` (first made on line 1): add 'as NAME'" },
	{ X R "if x\nrun exec_ as r\nend", "4:14: error: duplicate key `r` (first made on line 2): choose another name" },
	{ X "if x\nif y\nelse\n" R "end\nelse\nend\n" R, "9:14: error: duplicate key `r` (first made on line 5): choose another name" },
	{ P X "run exec_ as a-{{p}}\nrun exec_ as a-{{p}}", "4:14: error: duplicate key `a-{{p}}` (first made on line 3): choose another name" },
	{ X "for i in 1 2\nrun exec_ as a-{{i}}\nrun exec_ as a-{{i}}\nend", "4:14: error: duplicate key `a-{{i}}` (first made on line 3): choose another name" },
	{ X "parallel\nrun exec_\nrun exec_\nend", "4:1: error: duplicate key `exec_` (first made on line 3): add 'as NAME'" },
	/* inside of blocks: the {{VAR}} of every one around it */
	{ X "for i in 1 2\nrun exec_ as a\nend", "3:14: error: inside `for i` of line 2 the key must hold {{i}}: as a-{{i}}" },
	{ X "parallel i in 1 2\nrun exec_\nend", "3:1: error: inside `parallel i` of line 2 the key must hold {{i}}: as exec_-{{i}}" },
	{ "for i in a\nworktree x\nend", "2:10: error: inside `for i` of line 1 the key must hold {{i}}" },
	{ "for i in a\ncommit | m\nend", "2:1: error: inside `for i` of line 1 the key must hold {{i}}" },
	{ "for i in a\nask k | q\nend", "2:5: error: inside `for i` of line 1 the key must hold {{i}}" },
	{ "for i in a\ncall x.orch\nend", "2:1: error: inside `for i` of line 1 the key must hold {{i}}" },
	{ X "for i in a\nif x\nrun exec_ as y\nend\nend", "4:14: error: inside `for i` of line 2 the key must hold {{i}}" },
	{ X "for i in a\nparallel j in b\nrun exec_ as x-{{j}}\nend\nend", "4:14: error: inside `for i` of line 2 the key must hold {{i}}" },
	{ X "for i in a\nparallel j in b\nrun exec_ as x-{{i}}\nend\nend", "4:14: error: inside `parallel j` of line 3 the key must hold {{j}}" },
	{ X "for i in a\nparallel\nrun exec_ as x\nend\nend", "4:14: error: inside `for i` of line 2" },
	{ X "for i in a\nrun exec_ as x-'{{i}}'\nend", "3:14: error: inside `for i` of line 2" },
	{ X "run exec_ as ''", "2:14: error: an empty key" },
	{ "call x as ''", "1:11: error: an empty key" },
	{ X "run exec_ as -", "2:14: error: the key `-` is reserved for standard input" },
	/* a variable and a result of one name; shadowing */
	{ P X "run exec_ as p", "3:14: error: `p` is a variable and cannot be a key too" },
	{ X "run exec_ as p\nparam p\nprint | {{p}}", "2:14: error: `p` is a variable and cannot be a key too" },
	{ P "for p in a\nend", "2:1: error: `p` is already a parameter (line 1)" },
	{ "for i in a\nif x\nparallel i in b\nend\nend\nend", "3:1: error: `i` is already a variable (line 1)" },
	{ X R "for r in a\nprint | {{r}}\nend", "3:1: error: `r` is already a result (line 2)" },
};

START_TEST(keys_refused)
{
	expect_error(keys_wrong[_i].text, keys_wrong[_i].want);
}
END_TEST

/* Right as they are; their trees are others' concern. */
static const char *const keys_right[] = {
	X R "if x\nrun exec_ as a\nelse\nrun exec_ as a\nend",
	X "if x\nif y\nrun exec_ as a\nend\nelse\nif z\nelse\nrun exec_ as a\nend\nend",
	X "for i in a\nif x\nrun exec_ as a-{{i}}\nelse\nrun exec_ as a-{{i}}\nend\nend",
	X "for i in 1 2\nrun exec_ as a-{{i}}\nend\nfor i in 3 4\nrun exec_ as a-{{i}}\nend",
	X "for i in a\nparallel j in b\nrun exec_ as {{i}}{{j}}\nend\nrun exec_ as {{i}}\nend",
	X R "for i in a\nrun exec_ as y-{{i}}\nrun exec_ as x-{{y-{{i}}}}\nend",
	X "parallel i in a\nparallel\nrun exec_ as {{i}}\nrun exec_ as b{{i}}\nend\nend",
	"call a.orch\nworktree a",
	P "for i in a\nend\nfor i in b\nend\nparallel i in c\nend",
	P X "for f in a f1\nrun exec_ as {{f}}\nend\nprint | {{p}} {{f1}}",
	X "for f in a\nend\nrun exec_ as f",
	X "run exec_ as A*?/..\nrun exec_ as .\nrun exec_ as '- x'\nrun exec_ as -rf",
};

static void
expect_right(const char *text)
{
	struct given g;

	give(&g, text);
	ck_assert_msg(!g.diags.n, "nothing should be said of\n%s\nbut was:\n%s", text, g.said.s);
	done(&g);
}

START_TEST(keys_allowed)
{
	expect_right(keys_right[_i]);
}
END_TEST

START_TEST(keys_long)
{
	char text[400] = "agent a x\nrun a as ", *p = text + strlen(text);

	memset(p, 'k', 255);
	expect_right(text);
	p[255] = 'k';
	expect_error(text, "2:10: error: key too long: a file name has at most 255 bytes");
}
END_TEST

/* What a line sees. */

static const char *const seen[] = {
	/* lines above, in the same block and around it; blocks that have ended */
	X R "print | {{r}}",
	X R "if x\nfor i in a\nparallel j in b\nprint | {{r}}\nend\nend\nelse\nprint | {{r}}\nend",
	X "if x\n" R "else\n" R "end\nprint | {{r}}",
	X "parallel\n" R "run exec_ as s\nend\nprint | {{r}} {{s}}",
	X "for i in a\nrun exec_ as x-{{i}}\nend\nprint | {{x-a}} {{x-*}}",
	X "parallel i in a\nrun exec_ as x-{{i}}\nend\nprint | {{x-a}}\nfor i in a\nprint | {{x-{{i}}}}\nend",
	X "worktree b\ncommit | m\nask k | t\nprint | {{b}} {{commit}} {{k}}",
	/* in its own branch */
	X "parallel i in a\nrun exec_ as x-{{i}}\nprint | {{x-{{i}}}} {{x-*}}\nend",
	X "if x\nelse\n" R "print | {{r}}\nend",
	/* earlier passes of a for, whatever else is between */
	X "for i in 1..3\nprint | {{x-*}}\nif y\nprint | {{x-1}}\nend\nrun exec_ as x-{{i}}\nend",
	X "for i in 1..3\nparallel\nrun exec_ as x-{{i}} < y-*\nrun exec_ as y-{{i}} | {{x-1}}\nend\nend",
	P X "for i in 1..3\nif x\nprint | {{y-{{p}}}}\nelse\nrun exec_ as y-{{i}}\nend\nend",
	X "for i in 1 2\nfor j in 1 2\nprint | {{x-{{j}}}}\nend\nrun exec_ as x-{{i}}\nend",
	/* a pattern wants no more than a key that it can match, wherever that is */
	X "print | {{x-*}} {{*}}\nrun exec_ < x*\nrun exec_ as x-1",
	X "parallel\nrun exec_ as x < y*\nrun exec_ as y\nend",
	/* the results of a call */
	"call x.orch as c\nprint | {{c/a}} {{c/a/b}} {{c/*}} {{*a}}",
	"for i in a\ncall x.orch as c-{{i}}\nprint | {{c-{{i}}/a}}\nend\nprint | {{c-a/b}}",
	/* names with names in them */
	P X R "for i in a\nrun exec_ as x-{{i}}-{{p}}\nend\nprint | {{x-{{p}}-{{r}}}} {{{{p}}}} {{{{r}}}} {{x-a-b}}",
	/* variables: parameters above, blocks around; a step's words mean the place where it is run */
	P "for i in {{p}}\nparallel max {{i}} j in {{i}}..{{p}}\nprint | {{p}}{{i}}{{j}}\nend\nend",
	"agent a x {{r}}\nstep s a {{q}} | {{q}}\nenv A={{q}}\nparam q\n" X R "run s",
	X R "run exec_ as s\ntimeout {{r}}\nretry {{r}}\nenv A={{r}}\notherwise {{r}}",
	X R "worktree a from {{r}} at x{{r}}\ncd {{a}}/{{r}}\ncall x y={{r}} | {{r}}\nfor i in {{r}} 1..{{r}} < r\nend",
	X R "parallel max {{r}} i in < r -\nend\nask k{{r}} {{r}} default {{r}} | {{r}}\ncommit as c{{r}} | {{r}}\nstop | {{r}}\nfail | {{r}}",
	"param a\nparam b {{a}}",
	/* any bytes can be a name */
	X "run exec_ as 'a b'\nrun exec_ as a.b:c/d\nprint | {{a b}} {{a.b:c/d}}\nrun exec_ < 'a b' a.b:c/d",
	X "run exec_ as '{{x}}'\nrun exec_ < '{{x}}'",
};

START_TEST(names_seen)
{
	expect_right(seen[_i]);
}
END_TEST

static const struct pair unseen[] = {
	{ "print | {{x}}", "1:9: error: unknown name `x`: neither a variable nor a result of a line above (\\{{ is a literal {{)\n" },
	{ X "run exec_ < x", "2:13: error: unknown name `x`: no line above makes it; a file is read by a step: run sh as x | cat x\n" },
	{ X "run exec_ < README.md", "2:13: error: unknown name `README.md`: no line above makes it; "
	    "a file is read by a step: run sh as x | cat README.md\n" },
	{ P X "run exec_ < p", "3:13: error: `p` is a variable; < takes results: write {{p}} in the text" },
	{ "for i in a\nif < i | x\nend\nend", "2:6: error: `i` is a variable; < takes results" },
	/* later lines, and the line itself */
	{ X "print | {{r}}\n" R, "2:9: error: `r` is used before it is made (line 3)" },
	{ X "run exec_ as r < r", "2:18: error: `r` is used before it is made (line 2)" },
	{ X "for i in 1 2\nprint | {{x-{{i}}}}\nrun exec_ as x-{{i}}\nend", "3:9: error: `x-{{i}}` is used before it is made (line 4)" },
	{ X "for i in 1 2\nif y\nprint | {{x-{{i}}}}\nend\nrun exec_ as x-{{i}}\nend", "4:9: error: `x-{{i}}` is used before it is made (line 6)" },
	{ X "parallel i in 1 2\nprint | {{x-{{i}}}}\nrun exec_ as x-{{i}}\nend", "3:9: error: `x-{{i}}` is used before it is made (line 4)" },
	{ X "parallel i in 1 2\nprint | {{x-1}}\nrun exec_ as x-{{i}}\nend", "3:9: error: `x-1` is used before it is made (line 4)" },
	{ X "for i in < x-1\nrun exec_ as x-{{i}}\nend", "2:12: error: `x-1` is used before it is made (line 3)" },
	{ "param p {{r}}\n" X R, "1:9: error: `r` is used before it is made (line 3)" },
	/* branches beside it */
	{ X "parallel\nrun exec_ as x\nrun exec_ as y < x\nend", "4:18: error: `x` is made in a branch beside this one (line 3)" },
	{ X "for i in 1 2\nparallel\nrun exec_ as x-{{i}}\nrun exec_ as y-{{i}} < x-{{i}}\nend\nend",
	    "5:24: error: `x-{{i}}` is made in a branch beside this one (line 4)" },
	{ X "parallel i in 1 2\nparallel\nrun exec_ as x-{{i}}\nrun exec_ as y-{{i}} < x-{{i}}\nend\nend",
	    "5:24: error: `x-{{i}}` is made in a branch beside this one (line 4)" },
	/* the other arm */
	{ X "if x\n" R "else\nprint | {{r}}\nend", "5:9: error: `r` is made only in the other arm of this if (line 3)" },
	{ X "if x\nprint | {{r}}\nelse\n" R "end", "3:9: error: `r` is made only in the other arm of this if (line 5)" },
	{ X "for i in 1 2\nif x\nrun exec_ as x-{{i}}\nelse\nprint | {{x-{{i}}}}\nend\nend",
	    "6:9: error: `x-{{i}}` is made only in the other arm of this if (line 4)" },
	/* patterns and names in names */
	{ X R "print | {{s*}}", "3:9: error: no key of this file can match `s*`" },
	{ X R "run exec_ as s < q-*", "3:18: error: no key of this file can match `q-*`" },
	{ P X R "print | {{s-{{p}}}}", "4:9: error: no key of this file can match `s-{{p}}`" },
	{ X R "print | {{r{{q}}}}", "3:12: error: unknown name `q`" },
	{ X "for i in a\nrun exec_ as x-{{i}}-y\nend\nprint | {{x-*-z}}", "5:9: error: no key of this file can match `x-*-z`" },
	{ "call x.orch as c\nprint | {{c}}", "2:9: error: unknown name `c`" },
	/* variables of other places */
	{ "for i in a\nend\nprint | {{i}}", "3:9: error: unknown name `i`" },
	{ "for i in {{i}}\nend", "1:10: error: unknown name `i`" },
	{ "parallel max {{i}} i in a\nend", "1:14: error: unknown name `i`" },
	{ "print | {{p}}\nparam p", "1:9: error: the parameter `p` is used before it is defined (line 2)" },
	{ "step s claude | {{p}}\nrun s\nparam p", "1:17: error: the parameter `p` is used before it is defined (line 3)" },
	/* where names are written */
	{ X "run exec_ as x{{q}}", "2:15: error: unknown name `q`" },
	{ "step s claude -m {{q}} | t\nrun s", "1:18: error: unknown name `q`" },
	{ "agent a x {{q}}\nrun a", "1:11: error: unknown name `q`" },
	{ "timeout {{q}}\n" X "run exec_", "1:9: error: unknown name `q`" },
	{ X "step s exec_\nretry 1 {{q}}\nrun s", "3:9: error: unknown name `q`" },
	{ X "run exec_\nenv A=b{{q}}", "3:8: error: unknown name `q`" },
	{ X "run exec_\notherwise {{q}}", "3:11: error: unknown name `q`" },
	{ "cd {{q}}", "1:4: error: unknown name `q`" },
	{ "worktree a from {{q}}", "1:17: error: unknown name `q`" },
	{ "worktree a at {{q}}", "1:15: error: unknown name `q`" },
	{ "worktree {{q}}", "1:10: error: unknown name `q`" },
	{ "call x y={{q}}", "1:10: error: unknown name `q`" },
	{ "call x | {{q}}", "1:10: error: unknown name `q`" },
	{ "ask k {{q}} | t", "1:7: error: unknown name `q`" },
	{ "ask k default {{q}} | t", "1:15: error: unknown name `q`" },
	{ "for i in {{q}}\nend", "1:10: error: unknown name `q`" },
	{ "for i in 1..{{q}}\nend", "1:13: error: unknown name `q`" },
	{ "parallel max {{q}}\nend", "1:14: error: unknown name `q`" },
	{ "stop | {{q}}", "1:8: error: unknown name `q`" },
	{ "param a {{q}}", "1:9: error: unknown name `q`" },
	{ "agent a x\nrun a | one\n|   {{q}}", "3:5: error: unknown name `q`" },
	/* did you mean */
	{ "param lens\nprint | {{lans}}", "2:9: error: unknown name `lans`; did you mean `lens`?" },
	{ "for file in a\nprint | {{flie}}\nend", "2:9: error: unknown name `flie`; did you mean `file`?" },
	{ X "run exec_ as summary\nprint | {{sumary}}", "3:9: error: unknown name `sumary`; did you mean `summary`?" },
	{ X "run exec_ as summary\nrun exec_ as x < sumary", "3:18: error: unknown name `sumary`; did you mean `summary`?" },
};

START_TEST(names_unseen)
{
	expect_error(unseen[_i].text, unseen[_i].want);
}
END_TEST

/* What may be where. */

static const struct pair places[] = {
	{ "prnt | x", "1:1: error: unknown keyword `prnt`; did you mean `print`?" },
	{ "tmeout 3s", "1:1: error: unknown keyword `tmeout`; did you mean `timeout`?" },
	{ "while true", "1:1: error: unknown keyword `while`: for i in 1..10, with `break` in an `if`" },
	{ "'run' x", "1:1: error: unknown keyword `'run'`" },
	{ "RUN x", "1:1: error: unknown keyword `RUN`" },
	{ "\\", "1:1: error: unknown keyword `\\`" },
	{ "paralel i in a\nprint | {{i}}\nend", "1:1: error: unknown keyword `paralel`; did you mean `parallel`?" },
	{ "fi x\nelse\nend", "1:1: error: unknown keyword `fi`; did you mean `if`?" },
	{ X "parallel i in a\nrun exec_ as {{i}}\ninteractive\nend", "4:1: error: an interactive step cannot be in a parallel block (line 2)" },
	{ X "step s exec_\ninteractive\nparallel\nrun s\nend", "5:1: error: an interactive step cannot be in a parallel block (line 4)" },
	{ X "parallel i in a\nfor j in b\nif x\nrun exec_ as {{i}}{{j}}\ninteractive\nend\nend\nend", "6:1: error: an interactive step cannot be" },
	{ "parallel i in a\nask {{i}} | t\nend", "2:1: error: `ask` cannot be in a parallel block (line 1)" },
	{ "parallel i in a\nif x\nask {{i}} default y | t\nend\nend", "3:1: error: `ask` cannot be in a parallel block (line 1)" },
	{ "parallel\nprint | t\nend", "2:1: error: `print` cannot be a branch: the `parallel` of line 1 has no `VAR in ITEM...`" },
	{ "parallel\nif x\nend\nend", "2:1: error: `if` cannot be a branch" },
	{ "parallel\nfor i in a\nend\nend", "2:1: error: `for` cannot be a branch" },
	{ "parallel\nparallel i in a\nend\nend", "2:1: error: `parallel` cannot be a branch" },
	{ "parallel\ncommit | m\nend", "2:1: error: `commit` cannot be a branch" },
	{ "parallel\nfail\nend", "2:1: error: `fail` cannot be a branch" },
	{ "parallel\nworktree a enter\nend", "2:1: error: `worktree ... enter` needs the form `parallel VAR in ITEM...`" },
	{ "parallel\ncd x\nend", "2:1: error: `cd` needs the form `parallel VAR in ITEM...`" },
	{ "parallel\ncall x\nend", "2:1: error: `call` needs the form `parallel VAR in ITEM...`" },
	{ "parallel i in a\ncommit as {{i}} | m\nend", "2:1: error: `commit` in a parallel branch (line 1) needs a worktree of its own" },
	{ "worktree w enter\nparallel i in a\ncommit as {{i}} | m\nend", "3:1: error: `commit` in a parallel branch (line 2)" },
	{ "parallel i in a\nworktree {{i}}\ncommit as c{{i}} | m\nend", "3:1: error: `commit` in a parallel branch" },
	{ "parallel i in a\ncommit as c{{i}} | m\nworktree {{i}} enter\nend", "2:1: error: `commit` in a parallel branch" },
	{ "parallel i in a\nif x\nworktree {{i}} enter\nend\ncommit as c{{i}} | m\nend", "5:1: error: `commit` in a parallel branch" },
	{ "parallel i in a\nworktree {{i}} enter\ncd /x\ncommit as c{{i}} | m\nend", "4:1: error: `commit` in a parallel branch" },
	{ "parallel i in a\nworktree {{i}} enter\nif x\ncd s/..\ncommit as c{{i}} | m\nend\nend", "5:1: error: `commit` in a parallel branch" },
	{ "parallel i in a\nworktree {{i}} enter\ncd s\ncd '../t'\ncommit as c{{i}} | m\nend", "5:1: error: `commit` in a parallel branch" },
	{ "parallel i in a\nworktree {{i}} enter\ncd ..s/...\ncommit as c{{i}} | m\nfrob\nend", "5:1: error: unknown keyword" },
	{ "parallel i in a\ncd ..\nworktree {{i}} enter\ncommit as c{{i}} | m\nfrob\nend", "5:1: error: unknown keyword" },
	{ "parallel i in a\nif x\nworktree {{i}} enter\nelse\ncommit as c{{i}} | m\nend\nend", "5:1: error: `commit` in a parallel branch" },
	{ "parallel i in a\nworktree {{i}} enter\nparallel j in b\ncommit as {{i}}{{j}} | m\nend\nend", "4:1: error: `commit` in a parallel branch (line 3)" },
	{ "parallel i in a\nstop\nend", "2:1: error: `stop` cannot be in a parallel branch (line 1)" },
	{ "parallel i in a\nfor j in b\nstop | t\nend\nend", "3:1: error: `stop` cannot be in a parallel branch (line 1)" },
	{ "parallel i in a\nbreak\nend", "2:1: error: `break` cannot leave the parallel block of line 1" },
	{ "for j in b\nparallel i in a\nif x\nbreak\nend\nend\nend", "4:1: error: `break` cannot leave the parallel block of line 2" },
};

START_TEST(places_refused)
{
	expect_error(places[_i].text, places[_i].want);
}
END_TEST

static const char *const places_right[] = {
	"parallel i in a\nfail\nfail | t\nend",
	"parallel i in a\nfor j in b\nbreak\nend\nend",
	"parallel i in a\ncall x as {{i}}\ncd {{i}}\nworktree b{{i}} enter\ncommit as c{{i}} | m\nend",
	"parallel i in a\nworktree {{i}} enter\nif x\nfor j in b\ncommit as c{{i}}{{j}} | m\nend\nend\nend",
	"parallel i in a\nif x\nelse\nworktree {{i}} enter\ncommit as c{{i}} | m\nend\nend",
	"parallel\nworktree a\nworktree b from c\nend\ncommit | m\nask k | t\nstop",
	"run claude | t\ninteractive\nfor i in a\nrun claude as {{i}} | t\ninteractive\nask k{{i}} | t\nend",
	"parallel i in a\nparallel\nrun sh as {{i}} | t\nend\nend",
};

START_TEST(places_allowed)
{
	expect_right(places_right[_i]);
}
END_TEST

/* What is said, and how. */

static void
expect_said(const char *name, const char *text, const char *want)
{
	struct check_with with = { 0 };
	struct given g;

	give_bytes(&g, name, text, strlen(text), &with);
	ck_assert_msg(!strcmp(g.said.s, want), "of\n%s\nshould be said\n%s\nbut was\n%s", text, want, g.said.s);
	done(&g);
}

START_TEST(said_with_line_and_caret)
{
	expect_said("d/w.orch", "\t run sh as a | {{.x}}\r\n\t run  nobody\t| x\r\n",
	    "d/w.orch:2:8: error: unknown step `nobody`: neither a step above nor an agent\n"
	    "    \t run  nobody\t| x\n"
	    "    \t      ^\n");
	/* the caret counts characters, the column bytes */
	expect_said("w", "print | \xc3\xa4\xe2\x82\xac{{x}}",
	    "w:1:14: error: unknown name `x`: neither a variable nor a result of a line above (\\{{ is a literal {{)\n"
	    "    print | \xc3\xa4\xe2\x82\xac{{x}}\n              ^\n");
	/* a wide character takes two columns, a mark that combines none, what is made visible all that is shown of it */
	expect_said("w", "print | \xe6\x97\xa5\xe6\x9c\xac{{x}}",
	    "w:1:15: error: unknown name `x`: neither a variable nor a result of a line above (\\{{ is a literal {{)\n"
	    "    print | \xe6\x97\xa5\xe6\x9c\xac{{x}}\n                ^\n");
	expect_said("w", "print | e\xcc\x81\xf0\x9f\x98\x80{{x}}",
	    "w:1:16: error: unknown name `x`: neither a variable nor a result of a line above (\\{{ is a literal {{)\n"
	    "    print | e\xcc\x81\xf0\x9f\x98\x80{{x}}\n               ^\n");
	expect_said("w", "print | \xe2\x80\x8b{{x}}",
	    "w:1:12: error: unknown name `x`: neither a variable nor a result of a line above (\\{{ is a literal {{)\n"
	    "    print | \\xe2\\x80\\x8b{{x}}\n                        ^\n");
	/* at the end of a line there is nothing to point at but its end */
	expect_said("w", "if \nend", "w:1:4: error: missing command: if [< NAME... |] COMMAND\n    if \n       ^\n");
}
END_TEST

START_TEST(said_visibly)
{
	expect_said("a\033b", "run a\033[2J\x7f\xff\xc2\x9b\xe2\x80\xae | x",
	    "a\\x1bb:1:5: error: unknown step `a\\x1b[2J\\x7f\\xff\\xc2\\x9b\\xe2\\x80\\xae`: neither a step above nor an agent\n"
	    "    run a\\x1b[2J\\x7f\\xff\\xc2\\x9b\\xe2\\x80\\xae | x\n        ^\n");
	/* the caret is below the byte although those before it are wider now */
	expect_said("w", "print | \033{{x}}",
	    "w:1:10: error: unknown name `x`: neither a variable nor a result of a line above (\\{{ is a literal {{)\n"
	    "    print | \\x1b{{x}}\n                ^\n");
}
END_TEST

/* A line that nobody could read on a terminal is left out, its place is not. */
START_TEST(said_of_a_long_line)
{
	char text[1000];

	memset(text, 'a', sizeof text);
	memcpy(text, "run x | ", 8);
	text[999] = '\0';
	expect_said("w", text, "w:1:5: error: unknown step `x`: neither a step above nor an agent\n");
}
END_TEST

/* All of it in one pass: a line that cannot be read hides nothing else, and brings nothing with it. */
START_TEST(said_in_one_pass)
{
	expect_said("w",
	    "rnu claude as a | {{nothing}}\n"
	    "timeout 3s\n"
	    "| {{nothing}}\n"
	    "step s claude 'x\n"
	    "run s < a\n"
	    "run claud as c | {{a}} {{c}} {{d}} {{ d }} {{e\n"
	    "end\n",
	    "w:1:1: error: unknown keyword `rnu`; did you mean `run`?\n    rnu claude as a | {{nothing}}\n    ^\n"
	    "w:4:15: error: unclosed ': a quote closes on its line\n    step s claude 'x\n                  ^\n"
	    "w:6:5: error: unknown step `claud`; did you mean `claude`?\n"
	    "    run claud as c | {{a}} {{c}} {{d}} {{ d }} {{e\n        ^\n"
	    "w:7:1: error: `end` without a block above it\n    end\n    ^\n");
	expect_said("w", "print | {{a}} {{ b }} {{c}}\n| {{d",
	    "w:1:9: error: unknown name `a`: neither a variable nor a result of a line above (\\{{ is a literal {{)\n"
	    "    print | {{a}} {{ b }} {{c}}\n            ^\n"
	    "w:1:15: error: no blanks inside the braces: write {{x}}, or \\{{ for a literal {{\n"
	    "    print | {{a}} {{ b }} {{c}}\n                  ^\n"
	    "w:1:23: error: unknown name `c`: neither a variable nor a result of a line above (\\{{ is a literal {{)\n"
	    "    print | {{a}} {{ b }} {{c}}\n                          ^\n"
	    "w:2:3: error: {{ without its }}: write {{x}}, or \\{{ for a literal {{\n"
	    "    | {{d\n      ^\n");
}
END_TEST

/* What a line that could not be read may have made is not called unknown; a piece of its words is. */
START_TEST(said_after_a_lost_line)
{
	expect_error("run sh as abc 'x | t\nprint | {{abc}}", "1:15: error: unclosed '");
	expect_error("param Abc\nprint | {{Abc}}", "1:7: error: invalid variable name 'Abc': use a-z, 0-9, _");
	expect_error("step foo sh 'x\nrun foo | y", "1:13: error: unclosed '");
	expect_error("agent foo 'x\nstep s foo", "1:11: error: unclosed '");
	expect_error("call foo 'x\nprint | {{foo/a}}", "1:10: error: unclosed '");
	expect_error("for xyz in 'x\nprint | {{xyz}}\nbreak\nend", "1:12: error: unclosed '");
	expect_error("parallel xyz in 'x\nprint | {{xyz}}\nend", "1:17: error: unclosed '");
	expect_error("run sh 'x\n| t\notherwise q\n\nprint | t", "1:8: error: unclosed '");
	expect_said("w", "cd abc 'x\nprint | {{ab}}",
	    "w:1:8: error: unclosed ': a quote closes on its line\n    cd abc 'x\n           ^\n"
	    "w:2:9: error: unknown name `ab`: neither a variable nor a result of a line above (\\{{ is a literal {{)\n"
	    "    print | {{ab}}\n            ^\n");
	expect_said("w", "cd abc 'x\nprint | {{bc}}",
	    "w:1:8: error: unclosed ': a quote closes on its line\n    cd abc 'x\n           ^\n"
	    "w:2:9: error: unknown name `bc`: neither a variable nor a result of a line above (\\{{ is a literal {{)\n"
	    "    print | {{bc}}\n            ^\n");
}
END_TEST

START_TEST(said_at_most)
{
	struct check_with with = { 0 };
	struct given g;
	struct buf text = { 0 };
	int i;

	for (i = 0; i < DIAG_MOST; i++)
		buf_text(&text, "what\n");
	give_bytes(&g, "w", text.s, text.n, &with);
	ck_assert_uint_eq(g.diags.errors, DIAG_MOST);
	ck_assert_ptr_null(strstr(g.said.s, "not shown"));
	done(&g);
	buf_text(&text, "what\nwhat\n");
	give_bytes(&g, "w", text.s, text.n, &with);
	ck_assert_uint_eq(g.diags.errors, DIAG_MOST + 2);
	ck_assert_uint_eq(g.diags.n, DIAG_MOST);
	ck_assert_ptr_nonnull(strstr(g.said.s, "\n(2 more are not shown)\n"));
	done(&g);
	buf_free(&text);
}
END_TEST

START_TEST(said_in_order)
{
	static const struct source a = { "a", "x\nyz\n", 5 }, b = { "b", "", 0 };
	struct diags d = { 0 };
	struct buf out = { 0 };
	struct pos pos = { &b, 0, 0 };
	int i;

	diag_warn(&d, pos, "%s", "whole");
	pos.src = &a;
	pos.line = 2;
	pos.col = 2;
	for (i = 9; i > 0; i--)
		diag_error(&d, pos, "e%d", i);
	diag_error(&d, pos, "e%d", 5);
	pos.col = 1;
	diag_warn(&d, pos, "w");
	pos.line = 1;
	diag_error(&d, pos, "first");
	ck_assert_uint_eq(d.errors, 10);
	diag_text(&d, &out);
	ck_assert_str_eq(buf_str(&out),
	    "a:1:1: error: first\n    x\n    ^\na:2:1: warning: w\n    yz\n    ^\n"
	    "a:2:2: error: e9\n    yz\n     ^\na:2:2: error: e8\n    yz\n     ^\na:2:2: error: e7\n    yz\n     ^\n"
	    "a:2:2: error: e6\n    yz\n     ^\na:2:2: error: e5\n    yz\n     ^\na:2:2: error: e4\n    yz\n     ^\n"
	    "a:2:2: error: e3\n    yz\n     ^\na:2:2: error: e2\n    yz\n     ^\na:2:2: error: e1\n    yz\n     ^\n"
	    "b: warning: whole\n");
	buf_free(&out);
	diag_free(&d);
}
END_TEST

START_TEST(nested_too_deep)
{
	struct given g;
	struct buf text = { 0 };
	struct check_with with = { 0 };
	int i;

	for (i = 0; i < NESTED_MOST; i++)
		buf_text(&text, "if x\n");
	buf_text(&text, "print | a\n");
	for (i = 0; i < NESTED_MOST; i++)
		buf_text(&text, "end\n");
	expect_right(buf_str(&text));
	text.n = 0;
	for (i = 0; i < 100000; i++)
		buf_text(&text, "if x\n");
	for (i = 0; i < 100000; i++)
		buf_text(&text, "else\nend\n");
	buf_text(&text, "end\n");
	give_bytes(&g, "w", text.s, text.n, &with);
	ck_assert_uint_eq(g.diags.errors, 100000 - NESTED_MOST + 1);
	ck_assert_ptr_nonnull(strstr(g.said.s, "w:65:1: error: blocks are nested deeper than 64"));
	done(&g);
	buf_free(&text);
}
END_TEST

START_TEST(stdin_of_a_workflow_from_stdin)
{
	static const char text[] = "agent a x\nrun a as b < - a\n";
	struct check_with with = { 0 };
	struct given g;

	give_bytes(&g, "-", "agent a x\nrun a < -\n", 20, &with);
	ck_assert_str_eq(g.said.s, "");
	done(&g);
	with.from_stdin = 1;
	give_bytes(&g, "-", text, sizeof text - 1, &with);
	ck_assert_ptr_nonnull(strstr(g.said.s, "-:2:14: error: standard input is the workflow itself here"));
	done(&g);
}
END_TEST

/* Files: workflows that are right, and broken ones beside what is said of them. */

static char *
read_whole(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	struct buf b = { 0 };
	size_t got;

	ck_assert_msg(f != NULL, "cannot open %s", path);
	do {
		got = fread(buf_room(&b, 4096), 1, 4096, f);
		b.n += got;
	} while (got);
	fclose(f);
	*n = b.n;
	return buf_take(&b);
}

/* Calls TRY for each NAME.orch of the directory; returns how many there were. */
static int
each_workflow(const char *dir, void (*try)(const char *dir, const char *name))
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	ck_assert_msg(d != NULL, "cannot open %s", dir);
	while ((e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (len < 6 || strcmp(e->d_name + len - 5, ".orch"))
			continue;
		try(dir, e->d_name);
		n++;
	}
	closedir(d);
	return n;
}

static void
give_file(struct given *g, const char *dir, const char *name, char **text)
{
	struct check_with with = { 0 };
	char path[1024];
	size_t n;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	*text = read_whole(path, &n);
	with.load = load;
	with.program = is_program;
	with.file = is_file;
	give_bytes(g, name, *text, n, &with);
}

static void
expect_file_right(const char *dir, const char *name)
{
	struct given g;
	char *text;

	give_file(&g, dir, name, &text);
	ck_assert_msg(!g.diags.n && g.w->body, "nothing should be said of %s/%s, but was:\n%s", dir, name, g.said.s);
	done(&g);
	free(text);
}

static void
expect_file_said(const char *dir, const char *name)
{
	struct given g;
	char *text, *want, path[1024];
	size_t n;

	give_file(&g, dir, name, &text);
	snprintf(path, sizeof path, "%s/%.*s.err", dir, (int)strlen(name) - 5, name);
	want = read_whole(path, &n);
	ck_assert_msg(g.diags.n && n == g.said.n && !memcmp(want, g.said.s, n),
	    "of %s/%s should be said\n%s\nbut was\n%s", dir, name, want, g.said.s);
	done(&g);
	free(want);
	free(text);
}

START_TEST(example_workflows)
{
	ck_assert_int_ge(each_workflow(TESTS_DIR "/workflows", expect_file_right), 5);
	ck_assert_int_ge(each_workflow(TESTS_DIR "/quiet", expect_file_right), 10);
}
END_TEST

/* A check takes twice as long for twice as many lines: each name looks at few keys, however many there are. */
static unsigned long
looks_of(int form, int n)
{
	static const char *const forms[][2] = {
		{ "", "run e as k%d-x\nrun e as s%d < k%d-*\n" },
		{ "", "run e as k%d\nprint | {{k%d}} {{k%d}}\n" },
		{ "", "parallel i in a b\nrun e as k%d-{{i}}\nend\nprint | {{k%d-a}} {{k%d-*}}\n" },
		{ "parallel i in a b\n", "run e as k%d-{{i}}\nrun e as m-{{i}}-%d < k%d-{{i}}\n" },
		{ "", "if x\nrun e as k%d\nelse\nrun e as k%d\nend\nprint | {{k%d}}\n" },
		{ "", "param p%d v\nprint | {{p%d}} {{p%d}}\n" },
	};
	struct buf text = { 0 };
	struct given g;
	int i;

	buf_fmt(&text, "step e exec true\n%s", forms[form][0]);
	for (i = 1; i <= n; i++)
		buf_fmt(&text, forms[form][1], i, i, i);
	buf_text(&text, *forms[form][0] ? "end\n" : "");
	index_looked = 0;
	give(&g, buf_str(&text));
	ck_assert_msg(!g.diags.n, "%.400s", g.said.s);
	done(&g);
	buf_free(&text);
	return index_looked;
}

START_TEST(check_is_linear)
{
	unsigned long few = looks_of(_i, 1000), many = looks_of(_i, 4000);

	ck_assert_msg(many <= 6 * few + 1000, "%lu keys were looked at for 1,000 lines, %lu for 4,000", few, many);
}
END_TEST

START_TEST(golden)
{
	ck_assert_int_ge(each_workflow(TESTS_DIR "/golden", expect_file_said), 10);
}
END_TEST

/* The tools below. */

static size_t
as_glob(const char *s, unsigned short *g)
{
	size_t i;

	for (i = 0; s[i]; i++)
		g[i] = s[i] == '*' ? GLOB_ANY : (unsigned char)s[i];
	return i;
}

static const struct {
	const char *a, *b;
	int match, meet;        /* whether A stands for the bytes B; whether some name is both */
} globs[] = {
	{ "", "", 1, 1 }, { "", "a", 0, 0 }, { "a", "", 0, 0 }, { "a", "a", 1, 1 }, { "a", "b", 0, 0 },
	{ "*", "", 1, 1 }, { "*", "abc", 1, 1 }, { "**", "a", 1, 1 }, { "a*", "a", 1, 1 }, { "a*", "ba", 0, 0 },
	{ "*a", "ba", 1, 1 }, { "*a", "ab", 0, 0 }, { "a*c", "abbc", 1, 1 }, { "a*c", "ac", 1, 1 }, { "a*c", "acb", 0, 0 },
	{ "a*b*c", "a-b-b-c", 1, 1 }, { "a*b*c", "a-c-b", 0, 0 }, { "*ab", "aab", 1, 1 }, { "*aab*", "aaab", 1, 1 },
	{ "*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, 0 },
	{ "a*", "a/b", 1, 1 }, { "*\xff", "a\xff", 1, 1 }, { "a", "ab", 0, 0 }, { "ab", "a", 0, 0 }, { "aa", "aaa", 0, 0 },
	/* against another pattern; as bytes, its star is only a star */
	{ "a*", "*b", 0, 1 }, { "a*", "b*", 0, 0 }, { "*a", "*b", 0, 0 }, { "a*b", "a*c*b", 1, 1 }, { "*", "*", 1, 1 },
	{ "ab*", "a*c", 0, 1 }, { "x-*-y", "x-*", 0, 1 }, { "x*y", "xy", 1, 1 }, { "x-*-y", "x-y", 0, 0 }, { "x*xy", "*x", 0, 0 },
	{ "*b*", "a*c", 0, 1 }, { "", "*", 0, 1 }, { "a*a", "a", 0, 0 }, { "a*a", "*a*", 0, 1 },
};

START_TEST(glob_both)
{
	unsigned short a[64], b[64];
	size_t n = as_glob(globs[_i].a, a), m = as_glob(globs[_i].b, b);

	ck_assert_int_eq(!!glob_match(a, n, globs[_i].b, m), globs[_i].match);
	ck_assert_int_eq(!!glob_meet(a, n, b, m), globs[_i].meet);
	ck_assert_int_eq(!!glob_meet(b, m, a, n), globs[_i].meet);
}
END_TEST

/* Short patterns of a, b and *, all of them, against the names they could share. */
START_TEST(glob_all)
{
	static const char letters[] = "ab*";
	unsigned short p[2][3];
	size_t n[2];
	char name[7];
	int i, k, c, both, len, bits;

	for (i = 0; i < 40 * 40; i++) {
		for (k = 0; k < 2; k++)
			for (c = k ? i / 40 : i % 40, n[k] = 0; c; c = (c - 1) / 3)
				p[k][n[k]++] = letters[(c - 1) % 3] == '*' ? GLOB_ANY : (unsigned char)letters[(c - 1) % 3];
		both = 0;
		for (len = 0; len <= 6 && !both; len++)
			for (bits = 0; bits < 1 << len && !both; bits++) {
				for (k = 0; k < len; k++)
					name[k] = letters[bits >> k & 1];
				both = glob_match(p[0], n[0], name, (size_t)len) && glob_match(p[1], n[1], name, (size_t)len);
			}
		ck_assert_msg(both == !!glob_meet(p[0], n[0], p[1], n[1]), "patterns %d and %d", i % 40, i / 40);
	}
}
END_TEST

static const struct {
	const char *want, *names[4], *best;
} nears[] = {
	{ "reveiw", { "run", "review", "revue" }, "review" },   /* a transposition is one change */
	{ "clade", { "codex", "claude" }, "claude" },
	{ "test", { "test" }, NULL },                           /* the very name is never what was meant */
	{ "ab", { "ac", "xy" }, "ac" }, { "ab", { "ba" }, "ba" }, { "ab", { "cd" }, NULL },
	{ "abcd", { "abxy" }, NULL }, { "abcd", { "abxd" }, "abxd" }, { "abc", { "abcd" }, "abcd" }, { "abc", { "axbc" }, NULL },
	{ "abcdef", { "abcdxy" }, "abcdxy" }, { "abcdef", { "abcxyz" }, NULL },
	{ "abc", { "abd", "abe" }, "abd" },                     /* the first of those alike */
	{ "abcdef", { "abcdyz", "abcdez" }, "abcdez" },
	{ "a", { "b" }, NULL }, { "", { "b" }, NULL }, { "abc", { "" }, NULL },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
	    { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" }, NULL },
};

START_TEST(near_names)
{
	struct near near;
	int i;

	near_start(&near, nears[_i].want, strlen(nears[_i].want));
	for (i = 0; i < 4 && nears[_i].names[i]; i++)
		near_try(&near, nears[_i].names[i], strlen(nears[_i].names[i]));
	ck_assert_pstr_eq(near.best, nears[_i].best);
	if (near.best)
		ck_assert_uint_eq(near.bestn, strlen(near.best));
}
END_TEST

static const struct {
	const char *s, *plain, *tabs_and_lines;
} visibles[] = {
	{ "", "", "" }, { "a b~", "a b~", "a b~" }, { "\t\n", "\\x09\\x0a", "\t\n" }, { "\r\b\033\x7f", "\\x0d\\x08\\x1b\\x7f", "\\x0d\\x08\\x1b\\x7f" },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ "\xc2\x80\xc2\x9f\xc2\xa0", "\\xc2\\x80\\xc2\\x9f\xc2\xa0", "\\xc2\\x80\\xc2\\x9f\xc2\xa0" },
	/* no UTF-8: lone, cut off, too long, surrogates, beyond the last */
	{ "\x80" "a\xff", "\\x80a\\xff", "\\x80a\\xff" }, { "a\xe2\x82", "a\\xe2\\x82", "a\\xe2\\x82" },
	{ "\xc0\x80\xc1\xbf", "\\xc0\\x80\\xc1\\xbf", "\\xc0\\x80\\xc1\\xbf" }, { "\xe0\x80\x80", "\\xe0\\x80\\x80", "\\xe0\\x80\\x80" },
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80" }, { "\xf0\x80\x80\x80", "\\xf0\\x80\\x80\\x80", "\\xf0\\x80\\x80\\x80" },
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80" }, { "\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80", "\\xf5\\x80\\x80\\x80" },
	{ "\xc3(", "\\xc3(", "\\xc3(" },
	/* marks that change direction or break lines */
	{ "\xe2\x80\x8b\xe2\x80\x8e\xe2\x80\x8f", "\\xe2\\x80\\x8b\\xe2\\x80\\x8e\\xe2\\x80\\x8f", "\\xe2\\x80\\x8b\\xe2\\x80\\x8e\\xe2\\x80\\x8f" },
	/* what has no width: the soft hyphen, joiners, the byte order mark, tags, more variation selectors */
	{ "\xc2\xac\xc2\xad\xc2\xae", "\xc2\xac\\xc2\\xad\xc2\xae", "\xc2\xac\\xc2\\xad\xc2\xae" },
	{ "\xe2\x80\x8a\xe2\x80\x8c\xe2\x80\x8d", "\xe2\x80\x8a\\xe2\\x80\\x8c\\xe2\\x80\\x8d", "\xe2\x80\x8a\\xe2\\x80\\x8c\\xe2\\x80\\x8d" },
	{ "\xe2\x81\x9f\xe2\x81\xa0\xe2\x81\xa4", "\xe2\x81\x9f\\xe2\\x81\\xa0\\xe2\\x81\\xa4", "\xe2\x81\x9f\\xe2\\x81\\xa0\\xe2\\x81\\xa4" },
	{ "\xef\xbb\xbe\xef\xbb\xbf\xef\xbc\x81", "\xef\xbb\xbe\\xef\\xbb\\xbf\xef\xbc\x81", "\xef\xbb\xbe\\xef\\xbb\\xbf\xef\xbc\x81" },
	{ "\xf3\xa0\x80\x81\xf3\xa0\x81\xbf\xf3\xa0\x87\xaf\xf3\xa0\x87\xb0",
	    "\\xf3\\xa0\\x80\\x81\\xf3\\xa0\\x81\\xbf\\xf3\\xa0\\x87\\xaf\xf3\xa0\x87\xb0",
	    "\\xf3\\xa0\\x80\\x81\\xf3\\xa0\\x81\\xbf\\xf3\\xa0\\x87\\xaf\xf3\xa0\x87\xb0" },
	/* a flag, a heart in colour, a hand with its tone stay what they are */
	{ "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\xe2\x9d\xa4\xef\xb8\x8f\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd",
	    "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\xe2\x9d\xa4\xef\xb8\x8f\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd",
	    "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\xe2\x9d\xa4\xef\xb8\x8f\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd" },
	{ "\xe2\x80\xa8\xe2\x80\xaa\xe2\x80\xae\xe2\x80\xaf", "\\xe2\\x80\\xa8\\xe2\\x80\\xaa\\xe2\\x80\\xae\xe2\x80\xaf",
	    "\\xe2\\x80\\xa8\\xe2\\x80\\xaa\\xe2\\x80\\xae\xe2\x80\xaf" },
	{ "\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa", "\xe2\x81\xa5\\xe2\\x81\\xa6\\xe2\\x81\\xa9\xe2\x81\xaa",
	    "\xe2\x81\xa5\\xe2\\x81\\xa6\\xe2\\x81\\xa9\xe2\x81\xaa" },
	{ "\xd8\x9c\xd8\x9d", "\\xd8\\x9c\xd8\x9d", "\\xd8\\x9c\xd8\x9d" },
};

START_TEST(visible)
{
	struct buf b = { 0 };
	const char *s = visibles[_i].s;

	visible_add(&b, s, strlen(s), 0);
	ck_assert_str_eq(buf_str(&b), visibles[_i].plain);
	b.n = 0;
	visible_add(&b, s, strlen(s), VISIBLE_TABS | VISIBLE_LINES);
	ck_assert_str_eq(buf_str(&b), visibles[_i].tabs_and_lines);
	buf_free(&b);
}
END_TEST

START_TEST(characters_are_not_cut)
{
	static const struct {
		const char *s;
		size_t begun, rest;
	} is[] = {
		{ "", 0, 0 }, { "a", 0, 0 }, { "\xc3\xa9", 0, 0 }, { "a\xc3", 1, 0 }, { "\xe6\x97", 2, 0 }, { "\xe6\x97\xa5", 0, 0 },
		{ "\xf0\x9f\x98", 3, 0 }, { "\xf0\x9f", 2, 0 }, { "\xf0\x9f\x98\x80", 0, 0 }, { "\x97\xa5" "a", 0, 2 }, { "\x9f\x98\x80\x80", 0, 3 },
		/* nothing makes these whole */
		{ "\xc0", 0, 0 }, { "\xff", 0, 0 }, { "\xe0\x80", 0, 0 }, { "\xed\xa0", 0, 0 }, { "\xf4\x90", 0, 0 }, { "\xf0\x80", 0, 0 },
		{ "\xe0", 1, 0 }, { "\xe0\xa0", 2, 0 }, { "\xed", 1, 0 }, { "\xed\x9f", 2, 0 }, { "\xf4", 1, 0 }, { "\xf4\x8f\xbf", 3, 0 }, { "\xf0", 1, 0 },
	};
	static const char text[] = "a\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80z";
	static const size_t whole[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };
	struct buf b = { 0 };
	size_t i;

	for (i = 0; i < LEN(is); i++) {
		ck_assert_msg(utf8_begun(is[i].s, strlen(is[i].s)) == is[i].begun, "%d", (int)i);
		ck_assert_msg(utf8_rest(is[i].s, strlen(is[i].s)) == is[i].rest, "%d", (int)i);
	}
	for (i = 0; i < LEN(whole); i++) {
		ck_assert_uint_eq(utf8_cut(text, sizeof text - 1, i), whole[i]);
		b.n = 0;
		visible_cut(&b, text, sizeof text - 1, i, 0);
		ck_assert_uint_eq(b.n, whole[i] + (i < 11 ? 3 : 0));
	}
	buf_free(&b);
}
END_TEST

START_TEST(quotes_are_short)
{
	char text[300], out[TEXT_SHORT];
	size_t n, shift;

	for (shift = 0; shift < 4; shift++) {
		memset(text, 'a', sizeof text);
		for (n = shift; n + 3 < sizeof text; n += 3)
			memcpy(text + n, "\xe6\x97\xa5", 3);
		text[n] = '\0';
		ck_assert_str_eq(text_short(out, text), out);
		n = strlen(out) - 3;
		ck_assert_uint_gt(n, 90);
		ck_assert_int_eq(memcmp(out, text, n), 0);
		ck_assert_str_eq(out + n, "...");
		ck_assert_uint_eq((n - shift) % 3, 0);
	}
	text[TEXT_SHORT - 4] = '\0';
	ck_assert_str_eq(text_short(out, text), text);
}
END_TEST

START_TEST(visible_keeps_what_it_is_told)
{
	struct buf b = { 0 };

	visible_add(&b, "\t\n\0", 3, VISIBLE_TABS);
	ck_assert_str_eq(buf_str(&b), "\t\\x0a\\x00");
	b.n = 0;
	visible_add(&b, "\t\n", 2, VISIBLE_LINES);
	ck_assert_str_eq(buf_str(&b), "\\x09\n");
	buf_free(&b);
}
END_TEST

static const struct {
	const char *s;
	int good;
} variables[] = {
	{ "a", 1 }, { "abc_9", 1 }, { "_a", 1 }, { "__", 1 }, { "z0", 1 }, { "proxy", 1 }, { "a_proxy_", 1 }, { "path", 1 },
	{ "", 0 }, { "_", 0 }, { "A", 0 }, { "aB", 0 }, { "9a", 0 }, { "a-b", 0 }, { "a b", 0 }, { "\xc3\xa4", 0 },
	{ "http_proxy", 0 }, { "no_proxy", 0 }, { "_proxy", 0 }, { "a.b", 0 }, { "a{", 0 }, { "a`", 0 },
};

START_TEST(variable_names)
{
	ck_assert_int_eq(!!variable_name(variables[_i].s, strlen(variables[_i].s)), variables[_i].good);
}
END_TEST

static const struct {
	const char *s;
	long long duration, number;
} numbers[] = {
	{ "0", 0, 0 }, { "90s", 90000, -1 }, { "10m", 600000, -1 }, { "2h", 7200000, -1 }, { "0s", 0, -1 }, { "007s", 7000, -1 },
	{ "", -1, -1 }, { "1", -1, 1 }, { "00", -1, 0 }, { "s", -1, -1 }, { "1d", -1, -1 }, { "1S", -1, -1 }, { "1ms", -1, -1 }, { "-1s", -1, -1 },
	{ "1.5s", -1, -1 }, { " 1s", -1, -1 }, { "1 s", -1, -1 }, { "1s ", -1, -1 }, { "+1", -1, -1 }, { "-1", -1, -1 }, { "1x", -1, -1 },
	{ "999999999h", 3599999996400000, -1 }, { "9999999999h", -1, -1 },
	{ "999999999999999999", -1, 999999999999999999 }, { "9999999999999999999", -1, -1 },
};

START_TEST(numbers_and_durations)
{
	ck_assert_int_eq(duration_parse(numbers[_i].s, strlen(numbers[_i].s)), numbers[_i].duration);
	ck_assert_int_eq(number_parse(numbers[_i].s, strlen(numbers[_i].s)), numbers[_i].number);
}
END_TEST

/* An array that grows by one, an empty piece, one larger than all chunks: what was there stays. */
START_TEST(arena_grows)
{
	struct arena a = { 0 };
	unsigned *list = NULL, i;
	char *big, *none = arena_get(&a, 0);

	for (i = 0; i < 10000; i++) {
		list = arena_more(&a, list, i, sizeof *list);
		list[i] = i;
	}
	for (i = 0; i < 10000 && list[i] == i; i++)
		;
	ck_assert_uint_eq(i, 10000);
	big = arena_get(&a, 1000000);
	for (i = 0; i < 1000000 && !big[i]; i++)
		;
	ck_assert_uint_eq(i, 1000000);
	memset(big, 1, 1000000);
	ck_assert_ptr_nonnull(none);
	ck_assert_str_eq(arena_dup(&a, "abc", 2), "ab");
	ck_assert_str_eq(arena_dup(&a, NULL, 0), "");
	ck_assert_uint_eq(list[9999], 9999);
	arena_free(&a);
	ck_assert_ptr_null(a.chunks);
	arena_free(&a);
}
END_TEST

START_TEST(buf_grows)
{
	struct buf b = { 0 };
	char *s;
	int i;

	ck_assert_str_eq(buf_str(&b), "");
	for (i = 0; i < 1000; i++)
		buf_fmt(&b, "%d,", i % 10);
	ck_assert_uint_eq(b.n, 2000);
	buf_add(&b, "\0x", 2);
	buf_char(&b, 'y');
	buf_text(&b, "z");
	s = buf_take(&b);
	ck_assert_mem_eq(s + 1996, "8,9,\0xyz", 9);
	ck_assert_ptr_null(b.s);
	free(s);
	s = mem_dup("abc", 2);
	ck_assert_str_eq(s, "ab");
	free(s);
	buf_free(&b);
}
END_TEST

START_TEST(memory_apart)
{
	const size_t sizes[] = { 0, 10, 4096, 200 * 1000, 300 * 1000, 300 * 1000 + 1, 5 * 1000 * 1000, 5 * 1000 * 1000 };
	unsigned char *p = NULL;
	size_t i, k;

	for (i = 1; i < LEN(sizes); i++) {
		p = apart_grow(p, sizes[i - 1], sizes[i]);
		for (k = 0; k < sizes[i]; k++)
			ck_assert_uint_eq(p[k], k < sizes[i - 1] ? (unsigned char)(k * 7 + 1) : 0);
		for (k = sizes[i - 1]; k < sizes[i]; k++)
			p[k] = (unsigned char)(k * 7 + 1);
	}
	apart_free(p, sizes[i - 1]);
	apart_free(NULL, 0);
	apart_free(apart_grow(NULL, 0, 100), 100);
}
END_TEST

#if defined(__linux__) && !defined(ORCH_NO_LINUX)
/* What is large is not there after a fork; it is here, and so is what has grown. */
START_TEST(memory_that_forks_do_not_get)
{
	const size_t most = 64 * 1024 * 1024, page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = apart_grow(NULL, 0, most / 64);
	unsigned char there;
	int status;
	pid_t pid;

	p = apart_grow(p, most / 64, most);
	p[0] = p[most - 1] = 1;
	pid = fork();
	if (!pid) {
		status = mincore(p, page, &there) == 0 || mincore(p + most - page, page, &there) == 0;
		_exit(status);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(mincore(p, page, &there), 0);
	apart_free(p, most);
}
END_TEST
#endif

static struct workflow *
call_it(void *ctx, const struct workflow *from, const char *name, const char **error)
{
	(void)from;
	(void)name;
	(void)error;
	return ctx;
}

/* Statements with a key have numbers over all files of a run. */
START_TEST(numbers_of_statements)
{
	static const char text[] = X "run exec_ as a\nprint | x\ncall y as c\nfor i in 1 2\nrun exec_ as {{i}}\nend\ncall y as d\n";
	struct source src = { "y", X "if true\nrun exec_ as b\nend\n", 0 };
	struct check_with with = { 0 };
	struct diags diags = { 0 };
	const struct node *n, *inside;
	struct given g;
	unsigned i;

	src.n = strlen(src.text);
	with.ctx = workflow_parse(&src, &diags);
	with.call = call_it;
	give_bytes(&g, "w", text, sizeof text - 1, &with);
	ck_assert_str_eq(g.said.s, "");
	ck_assert_uint_eq(g.w->nkeyed, 5);
	for (i = 0; i < g.w->nkeyed; i++)
		ck_assert_uint_eq(g.w->keyed[i]->number, i + 1);
	n = g.w->body;
	ck_assert_ptr_eq(g.w->keyed[n->number - 1], n);
	ck_assert_uint_eq(n->next->number, 0);
	inside = n->next->next->called->body->body;
	ck_assert_ptr_eq(g.w->keyed[inside->number - 1], inside);
	done(&g);
	workflow_free(with.ctx);
	diag_free(&diags);
}
END_TEST

START_TEST(nodes_to_each_other)
{
	struct given g;
	const struct node *run, *loop, *par, *a, *b;

	give(&g, X "run exec_\nfor i in 1 2\nparallel\nrun exec_ as {{i}}a\nrun exec_ as {{i}}b\nend\nend\n");
	run = g.w->body;
	loop = run->next;
	par = loop->body;
	a = par->body;
	b = a->next;
	ck_assert_ptr_eq(node_parallel(a), par);
	ck_assert_ptr_null(node_parallel(par));
	ck_assert(node_above(a, run) && !node_above(run, a) && !node_above(a, a));
	ck_assert(node_sees(a, run) && !node_sees(run, a));
	ck_assert(!node_above(b, a) && node_sees(b, a) && node_sees(a, b) && node_sees(a, a));
	ck_assert(!node_exclusive(a, b) && !node_exclusive(run, a));
	done(&g);
}
END_TEST

static TCase *
texts_case(void)
{
	TCase *tc = tcase_create("text to tree");

	tcase_add_loop_test(tc, words_tree, 0, LEN(words));
	tcase_add_loop_test(tc, words_refused, 0, LEN(words_wrong));
	tcase_add_test(tc, words_refused_joined);
	tcase_add_test(tc, nul_refused);
	tcase_add_loop_test(tc, templates_tree, 0, LEN(templates));
	tcase_add_loop_test(tc, texts_tree, 0, LEN(texts));
	tcase_add_loop_test(tc, texts_refused, 0, LEN(texts_wrong));
	tcase_add_test(tc, prompt_file_place);
	tcase_add_loop_test(tc, statements_tree, 0, LEN(statements));
	tcase_add_loop_test(tc, statements_refused, 0, LEN(statements_wrong));
	tcase_add_test(tc, nested_too_deep);
	return tc;
}

static TCase *
names_case(void)
{
	TCase *tc = tcase_create("agents, keys, names, places");

	tcase_add_loop_test(tc, agents_tree, 0, LEN(agents));
	tcase_add_loop_test(tc, agents_refused, 0, LEN(agents_wrong));
	tcase_add_test(tc, agents_of_the_command_line);
	tcase_add_test(tc, agents_argv);
	tcase_add_loop_test(tc, keys_refused, 0, LEN(keys_wrong));
	tcase_add_loop_test(tc, keys_allowed, 0, LEN(keys_right));
	tcase_add_test(tc, keys_long);
	tcase_add_loop_test(tc, names_seen, 0, LEN(seen));
	tcase_add_loop_test(tc, names_unseen, 0, LEN(unseen));
	tcase_add_loop_test(tc, places_refused, 0, LEN(places));
	tcase_add_loop_test(tc, places_allowed, 0, LEN(places_right));
	tcase_add_test(tc, stdin_of_a_workflow_from_stdin);
	tcase_add_test(tc, nodes_to_each_other);
	tcase_add_test(tc, numbers_of_statements);
	return tc;
}

static TCase *
said_case(void)
{
	TCase *tc = tcase_create("what is said");

	tcase_add_test(tc, said_with_line_and_caret);
	tcase_add_test(tc, said_visibly);
	tcase_add_test(tc, said_of_a_long_line);
	tcase_add_test(tc, said_in_one_pass);
	tcase_add_test(tc, said_after_a_lost_line);
	tcase_add_test(tc, said_at_most);
	tcase_add_test(tc, said_in_order);
	tcase_add_test(tc, example_workflows);
	tcase_add_test(tc, golden);
	tcase_add_loop_test(tc, check_is_linear, 0, 6);
	return tc;
}

static TCase *
tools_case(void)
{
	TCase *tc = tcase_create("tools");

	tcase_add_loop_test(tc, glob_both, 0, LEN(globs));
	tcase_add_test(tc, glob_all);
	tcase_add_loop_test(tc, near_names, 0, LEN(nears));
	tcase_add_loop_test(tc, visible, 0, LEN(visibles));
	tcase_add_test(tc, visible_keeps_what_it_is_told);
	tcase_add_test(tc, characters_are_not_cut);
	tcase_add_test(tc, quotes_are_short);
	tcase_add_loop_test(tc, variable_names, 0, LEN(variables));
	tcase_add_loop_test(tc, numbers_and_durations, 0, LEN(numbers));
	tcase_add_test(tc, arena_grows);
	tcase_add_test(tc, buf_grows);
	tcase_add_test(tc, memory_apart);
#if defined(__linux__) && !defined(ORCH_NO_LINUX)
	tcase_add_test(tc, memory_that_forks_do_not_get);
#endif
	return tc;
}

Suite *
parse_suite(void)
{
	Suite *s = suite_create("parse");

	suite_add_tcase(s, texts_case());
	suite_add_tcase(s, names_case());
	suite_add_tcase(s, said_case());
	suite_add_tcase(s, tools_case());
	return s;
}

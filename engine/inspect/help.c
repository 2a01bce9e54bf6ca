/* orch help. */
#include "engine/inspect/help.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "parse/parse.h"
#include "parse/text.h"
#include "store/file.h"

static const char format[] =
    "A workflow is one statement a line; # begins a comment line. `WORD...' are words,\n"
    "'...' and \"...\" keep blanks. {{name}} is a parameter, a block's variable, or a result.\n"
    "\n"
    "  param NAME [DEFAULT]               a value from the command line (NAME=VALUE);\n"
    "                                     `param prompt' takes the text after FILE\n"
    "  agent NAME WORD...                 a command as an agent: prompt on standard input,\n"
    "                                     result on standard output. Built in: claude,\n"
    "                                     codex, sh (the text is a program), exec\n"
    "  step NAME AGENT [WORD...]          an agent with arguments, and attributes below it\n"
    "  run STEP [as KEY] [< NAME...] [| TEXT]\n"
    "                                     ask it: TEXT is its prompt, the results NAME\n"
    "                                     follow it; the result is kept as KEY\n"
    "  | TEXT                             one more line of the text above\n"
    "  for VAR in ITEM... [< NAME...] ... end\n"
    "                                     once per item, in order; items are words, A..B,\n"
    "                                     or the lines of results; `break' leaves it\n"
    "  parallel [max N] VAR in ITEM... [< NAME...] ... end\n"
    "                                     the same lines for every item at once\n"
    "  parallel [max N] ... end           different runs at once\n"
    "  if [< NAME... |] COMMAND ... [else ...] end\n"
    "                                     COMMAND is for sh: 0 is true, 1 is false\n"
    "  call FILE [as NAME] [VAR=VALUE...] another workflow; its results are NAME/KEY\n"
    "  worktree BRANCH [enter]            a git worktree; `enter' works in it from here on\n"
    "  commit [as KEY] | TEXT             git add -A and commit\n"
    "  cd DIR                             the directory of the lines below\n"
    "  ask KEY [CHOICE...] [default CHOICE] | TEXT\n"
    "                                     ask the person at the terminal\n"
    "  print | TEXT      stop [| TEXT]      fail [| TEXT]\n"
    "\n"
    "A KEY inside a block holds its variable: as review-{{lens}}. A pattern, < review-*, is\n"
    "all results that match. A shell program reads a variable as \"$VAR\", a result with <.\n"
    "\n"
    "Attributes are lines below a step or run:\n"
    "  timeout 20m     idle 10m     retry N [DELAY]     otherwise WORD (a fallback)\n"
    "  check COMMAND (reads the result, must exit 0)    filter COMMAND (rewrites it)\n"
    "  revise | TEXT (what the agent is told when a check failed; needs retry)\n"
    "  fork KEY... (ask in a copy of KEY's session)     fresh     env NAME=VALUE\n"
    "  depends FILE... (part of the question)   pure (no effect but its result)   always\n"
    "  prompt FILE     interactive     free     budget 5usd (first in the file)\n"
    "\n"
    "    # review.orch: one step, three inputs, two at a time, and a summary\n"
    "    step review claude\n"
    "    parallel max 2 lens in security performance design\n"
    "        run review as review-{{lens}} | Review the diff for {{lens}}.\n"
    "        timeout 20m\n"
    "        otherwise 'no result'\n"
    "    end\n"
    "    run claude as summary < review-* | What must be fixed first?\n"
    "    print | {{summary}}\n"
    "\n"
    "    # sweep.orch: one agent for each file that an earlier step found\n"
    "    step work claude --permission-mode acceptEdits\n"
    "    run sh as changed | git diff --name-only main\n"
    "    parallel max 8 file in < changed\n"
    "        run sh as lint-{{file}} | grep -n TODO \"$file\" || true\n"
    "        if < lint-{{file}} | grep -q .\n"
    "            run work as fix-{{file}} < lint-{{file}} | Fix what is listed for {{file}}.\n"
    "        end\n"
    "    end\n"
    "\n"
    "    # fix.orch: a loop that ends when the tests pass\n"
    "    param prompt\n"
    "    step work claude --permission-mode acceptEdits\n"
    "    run work | {{prompt}}\n"
    "    for i in 1..4\n"
    "        run sh as test-{{i}} | make check 2>&1 && echo PASSED || true\n"
    "        if < test-{{i}} | tail -n 1 | grep -qx PASSED\n"
    "            break\n"
    "        end\n"
    "        run work as fix-{{i}} < test-{{i}} | Fix this.\n"
    "    end\n";

const char *
help_format(void)
{
	return format;
}

/* The lines of the comment that the N bytes at S begin with, without their #; a #! line is none of them. */
static void
put_comment(struct buf *out, const char *s, size_t n)
{
	const char *end = s + n, *nl;

	for (; s < end && *s == '#'; s = nl < end ? nl + 1 : end) {
		nl = memchr(s, '\n', (size_t)(end - s));
		nl = nl ? nl : end;
		if (s + 1 < nl && s[1] == '!')
			continue;
		s += 1 + (s + 1 < nl && s[1] == ' ');
		visible_add(out, s, (size_t)(nl - s), VISIBLE_TABS);
		buf_char(out, '\n');
	}
}

static void
put_param(struct buf *out, const struct param *p)
{
	struct buf value = { 0 };

	buf_fmt(out, "  %s", p->name);
	if (p->fallback) {
		tmpl_show(&p->fallback->t, &value);
		buf_text(out, "=");
		visible_add(out, buf_str(&value), value.n, 0);
		buf_free(&value);
	} else {
		buf_text(out, !strcmp(p->name, "prompt") ? "  (required: the text after FILE)" : "  (required)");
	}
	buf_char(out, '\n');
}

int
help_workflow(const char *file, struct buf *out, struct buf *error)
{
	struct source src = { 0 };
	struct diags diags = { 0 };
	struct workflow *w;
	const struct param *p;
	char *text;
	int bad;

	if (file_read(AT_FDCWD, file, &text, &src.n)) {
		buf_text(error, "orch: cannot read ");
		visible_add(error, file, strlen(file), 0);
		buf_fmt(error, ": %s\n", strerror(errno));
		return 2;
	}
	src.name = file;
	src.text = text;
	w = workflow_parse(&src, &diags);
	bad = diags.errors != 0;
	if (bad)
		diag_text(&diags, error);
	put_comment(out, text, src.n);
	if (w->params)
		buf_text(out, out->n ? "\nParameters:\n" : "Parameters:\n");
	for (p = w->params; p; p = p->next)
		put_param(out, p);
	if (!out->n)
		buf_text(out, "No comment at its top, and no parameters.\n");
	workflow_free(w);
	diag_free(&diags);
	free(text);
	return bad ? 2 : 0;
}

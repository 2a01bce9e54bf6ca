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
    "A workflow is one statement a line; # begins a comment line. {{NAME}} is a\n"
    "parameter, the variable of a block, or a result. Words are separated by\n"
    "blanks; \"...\" is one word in which {{NAME}} is replaced, '...' one as is.\n"
    "\n"
    "  param NAME [DEFAULT]      a value from the command line (NAME=VALUE);\n"
    "                            `param prompt' takes the text after FILE\n"
    "  agent NAME WORD...        a command as an agent: prompt on its standard\n"
    "                            input, result on its standard output. Built\n"
    "                            in: claude, codex, sh (the text is a program),\n"
    "                            exec (the words are a command)\n"
    "  step NAME AGENT WORD...   an agent with arguments, attributes below it\n"
    "  run STEP [as KEY] [< NAME...] [| TEXT]\n"
    "                            ask it, where STEP may be an agent: TEXT is its\n"
    "                            prompt, the results NAME follow it; the result\n"
    "                            is kept as KEY, or else as STEP\n"
    "  | TEXT                    one more line of the text above\n"
    "  for VAR in ITEM... end    the lines up to `end' once per item, in order;\n"
    "                            an item is a word or A..B; `in < NAME...' takes\n"
    "                            the lines of results; `break' leaves the loop\n"
    "  parallel [max N] VAR in ITEM... end\n"
    "                            the same for all items at once\n"
    "  parallel [max N] ... end  different runs at once\n"
    "  if COMMAND [else] end     COMMAND is for sh: 0 is true, 1 is false;\n"
    "                            `if < NAME... | COMMAND' gives it results\n"
    "  call FILE as NAME [VAR=VALUE...] [| TEXT]\n"
    "                            another workflow; its results are NAME/KEY\n"
    "  worktree BRANCH [enter]   a git worktree; `enter' works in it below\n"
    "  commit [as KEY] | TEXT    git add -A and commit\n"
    "  cd DIR                    the directory of the lines below\n"
    "  ask KEY [CHOICE...] [default CHOICE] | TEXT\n"
    "                            ask the person at the terminal\n"
    "  print | TEXT              to standard output\n"
    "  stop [| TEXT]             the run is complete\n"
    "  fail [| TEXT]             the run has failed\n"
    "\n"
    "In a block a KEY holds the variable: as review-{{lens}}. A pattern, as in\n"
    "< review-*, is all results that match. A shell program reads a variable as\n"
    "\"$VAR\", and a result with <.\n"
    "\n"
    "Attributes are lines below a step or run:\n"
    "  timeout TIME              the attempt fails after TIME, such as 20m\n"
    "  idle TIME                 or after TIME without a sign of life\n"
    "  retry N [DELAY]           up to N more attempts\n"
    "  otherwise WORD            WORD is the result when all attempts failed\n"
    "  filter COMMAND            rewrites the result\n"
    "  check COMMAND             reads the result, and must exit with 0\n"
    "  revise | TEXT             tells the agent what was wrong (with retry)\n"
    "  fork KEY...               ask in a copy of the session of KEY\n"
    "  fresh                     no attempt continues the one before it\n"
    "  depends FILE...           the files are part of the question\n"
    "  pure                      no effect but its result\n"
    "  always                    run on every walk\n"
    "  env NAME=VALUE            for the environment of the agent\n"
    "  prompt FILE               the text, from a file\n"
    "  interactive               the agent gets the terminal\n"
    "  free                      takes no token of the jobserver of make\n"
    "At the top of a file timeout, idle, retry, check, filter and env hold for\n"
    "all its steps; there `budget 5usd' limits what a run may use.\n"
    "\n"
    "orch run -r NAME FILE starts the run NAME, or resumes it; with -u it also\n"
    "re-runs what would be asked differently now.\n"
    "\n";

static const char examples[] =
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

void
help_format(struct buf *out)
{
	buf_text(out, format);
	buf_text(out, examples);
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

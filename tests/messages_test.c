/* What orch says: each of its messages, brought about, and its exact words. A message that is changed is
 * changed here too, where it can be read beside the others: does it say what was wrong, where, and what to do
 * next, in few words that are true, as the others say it?
 *
 * What parse/ says of a workflow is in tests/golden, what the live view says in live_test.c. At the end of
 * this file are those that are not brought about here. */
#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parse/buf.h"
#include "tests/help.h"
#include "tests/suites.h"

#define REPO "git init -q . && git config user.name x && git config user.email x@x && git commit -q --allow-empty -m x && "
#define GIT_SAYS(command) "g=$(command -v git); mkdir bin; printf '#!/bin/sh\\ncase $* in \"" command "\"*) echo what git says >&2; " \
	"exit 1; esac; exec %s \"$@\"\\n' \"$g\" >bin/git; chmod +x bin/git; PATH=$PWD/bin:$PATH; "
#define RUN "orch run -q -r r w.orch"
#define ENDED_OF(options, counts) "orch: run r failed: " counts ", in T\norch: to resume: orch resume " options "-r r\n"
#define ENDED(counts) "orch: run r failed: " counts ", in T\norch: to resume: orch resume -r r\n"
#define STOP "orch status -r r | sed -n 's/.*(pid \\([0-9]*\\)).*/\\1/p'"

/* In the texts DIR is where the command is run, T a time that something took, TIME one of day, N a process. */
static const struct message {
	const char *name;
	const char *workflow;   /* the file w.orch; NULL: there is none */
	const char *command;    /* for sh */
	int status;
	const char *err;        /* the whole of standard error */
	const char *out;        /* and of standard output; NULL: whatever it is */
} messages[] = {
	/* The command line. */
	{ "nothing to do", NULL,
	    "orch", 2,
	    "orch: no command; see: orch -h\n", NULL },
	{ "unknown option", NULL,
	    "orch run -Z w.orch", 2,
	    "orch: unknown option: -Z; see: orch run -h\n", NULL },
	{ "unknown option, not visible", NULL,
	    "orch run \"$(printf -- '-\\033')\"", 2,
	    "orch: unknown option: -\\x1b; see: orch run -h\n", NULL },
	{ "option without a value", NULL,
	    "orch run -j", 2,
	    "orch: missing value for option: -j; see: orch run -h\n", NULL },
	{ "-j", NULL,
	    "orch run -j 0 w.orch", 2,
	    "orch: -j takes a positive number: 0; see: orch run -h\n", NULL },
	{ "-d empty", NULL,
	    "orch status -d ''", 2,
	    "orch: -d takes a directory; see: orch status -h\n", NULL },
	{ "no FILE", NULL,
	    "orch run", 2,
	    "orch: missing FILE (a workflow); see: orch run -h\n", NULL },
	{ "option behind FILE", NULL,
	    "orch run w.orch -q", 2,
	    "orch: options go before FILE (use -- before an argument that starts with -): -q; see: orch run -h\n", NULL },
	{ "resume with an operand", NULL,
	    "orch resume w.orch", 2,
	    "orch: resume takes no operand (to name a run: -r RUN): w.orch; see: orch resume -h\n", NULL },
	{ "check without FILE", NULL,
	    "orch check", 2,
	    "usage: orch check FILE...\n", NULL },
	{ "status with an operand", NULL,
	    "orch status x", 2,
	    "orch: status takes no operand (to name a run: -r RUN): x; see: orch status -h\n", NULL },
	{ "runs with an operand", NULL,
	    "orch runs x", 2,
	    "usage: orch runs [-p] [-d DIR]\n", NULL },
	{ "cat without KEY", NULL,
	    "orch cat", 2,
	    "usage: orch cat [-d DIR] [-r RUN] KEY...\n", NULL },
	{ "diff without KEY", NULL,
	    "orch diff", 2,
	    "usage: orch diff [-d DIR] [-r RUN] KEY\n", NULL },
	{ "completion without a shell", NULL,
	    "orch completion", 2,
	    "usage: orch completion bash|zsh|fish\n", NULL },
	{ "completion for another shell", NULL,
	    "orch completion tcsh", 2,
	    "usage: orch completion bash|zsh|fish\n", NULL },
	{ "option of another command", NULL,
	    "orch status -n", 2,
	    "orch: unknown option: -n; see: orch status -h\n", NULL },
	{ "options before the command", NULL,
	    "orch -r a status", 2,
	    "orch: options go after the command: orch status -r ...\n", NULL },
	{ "a command as FILE", NULL,
	    "orch run -q cat", 2,
	    "orch: cannot read cat: No such file or directory\n", NULL },
	{ "options before a command with options", NULL,
	    "orch -d .orch cat -r a", 2,
	    "orch: options go after the command: orch cat -d ...\n", NULL },
	{ "mistyped parameter", "param topic x\n" "print | x\n",
	    "orch run w.orch topci=1", 2,
	    "orch: w.orch has no parameter `topci`; did you mean `topic`?\n", NULL },
	{ "mistyped subcommand", NULL,
	    "orch stauts", 2,
	    "orch: no such file: stauts; did you mean `orch status`?\n", NULL },
	{ "standard output is full", "print | x\n",
	    "orch -h >/dev/full", 1,
	    "orch: standard output: No space left on device\n", NULL },
	{ "-n, standard output is full", "print | x\n",
	    "orch run -n w.orch >/dev/full", 1,
	    "orch: standard output: No space left on device\n", NULL },

	/* Results of an earlier run. */
	{ "-t empty", "print | x\n",
	    "orch run -t '' w.orch", 2,
	    "orch: -t takes the name of a run; see: orch run -h\n", NULL },
	{ "-t, resume", "print | x\n",
	    "orch resume -t x", 2,
	    "orch: unknown option: -t; see: orch resume -h\n", NULL },
	{ "-t names the run itself", "print | x\n",
	    "orch run -r r -t r w.orch", 2,
	    "orch: r: -t names the run itself: name an earlier one\n", NULL },
	{ "-t, no such run", "run sh as x | echo y\n" "pure\n",
	    "orch run -q -r r -t \"$(printf 'a\\033b')\" w.orch; rm .orch/r/result/x; orch resume -q -r r", 0,
	    "orch: warning: -t a\\x1bb: no such run; no results are taken\n"
	    "orch: warning: -t a\\x1bb: no such run; no results are taken\n", NULL },
	{ "-t, its log cannot be read", "run sh as x | echo y\n" "pure\n",
	    RUN "; rm .orch/r/log; ln -s x .orch/r/log; orch run -q -r s -t r w.orch", 0,
	    "orch: warning: -t r: its log cannot be read: Too many levels of symbolic links; no results are taken\n", NULL },
	{ "-t, a run that was copied", "run sh as x | echo y\n",
	    RUN "; cp -r .orch/r .orch/c; orch run -q -r s -t c w.orch", 2,
	    "orch: run c is not trusted: it was not made here (cloned, copied, unpacked, restored), or by an older orch\n"
	    "orch: it runs DIR/w.orch in DIR\n"
	    "orch: to accept it: orch trust c\n", NULL },
	{ "-t, a run that others can write to", "run sh as x | echo y\n",
	    RUN "; chmod g+w .orch/r; orch run -q -r s -t r w.orch", 2,
	    "orch: run r is writable by others; to take its results: chmod -R go-w DIR/.orch/r\n", NULL },
	{ "-t, a link", "run sh as x | echo y\n",
	    RUN "; ln -s r .orch/l; orch run -q -r s -t l w.orch", 2,
	    "orch: .orch/l is a symbolic link\n", NULL },
	{ "a result that is taken", "run sh as x | echo y\n" "pure\n" "run sh as z | echo y\n",
	    RUN "; orch run -r s -t r w.orch; orch status -r s | tail -n 3 | sed 's/ *[0-9.]*m*s\\>/ /; s/  */ /g; s/ $//'", 0,
	    "orch: run s\nkept      x  from r\ndone      z  T\norch: run s is complete: 1 done, 1 kept, in T\n",
	    "done x from r\ndone z\n2 done\n" },
	{ "results that would be taken", "run sh as x | echo y\n" "pure\n" "run sh as z < x | cat\n" "pure\n" "run sh as w | echo y\n",
	    RUN "; orch run -n -r s -t r w.orch", 0,
	    "",
	    "would be kept  x  from r\n"
	    "might be kept  z  | cat\n"
	    "would run  w  | echo y\n"
	    "1 would be kept, 1 would run, 1 might\n" },

	/* Which workflow and which run. */
	{ "no such FILE", NULL,
	    "orch run nowhere.orch", 2,
	    "orch: cannot read nowhere.orch: No such file or directory\n", NULL },
	{ "no such FILE for check", NULL,
	    "orch check nowhere.orch", 2,
	    "orch: cannot read nowhere.orch: No such file or directory\n", NULL },
	{ "FILE is a directory", NULL,
	    "mkdir w; orch run w", 2,
	    "orch: cannot read DIR/w: Is a directory\n", NULL },
	{ "no current directory", "print | x\n",
	    "w=$PWD; mkdir gone; cd gone; rmdir ../gone; orch run -d \"$w/runs\" \"$w/w.orch\"", 2,
	    "orch: the current directory: it was deleted: cd to one that is there\n", NULL },
	{ "no current directory, FILE from there", "print | x\n",
	    "mkdir gone; cd gone; rmdir ../gone; orch run ../w.orch", 2,
	    "orch: the current directory: it was deleted: cd to one that is there\n", NULL },
	{ "no current directory, check", "print | x\n",
	    "mkdir gone; cd gone; rmdir ../gone; orch check ../w.orch", 2,
	    "orch: the current directory: it was deleted: cd to one that is there\n", NULL },
	{ "no current directory, check of a pipe", "print | x\n",
	    "cp w.orch gone.orch; mkdir gone; cd gone; rmdir ../gone; echo 'print | x' | orch check /dev/stdin", 2,
	    "orch: the current directory: it was deleted: cd to one that is there\n", NULL },
	{ "unknown parameter", "param a x\n" "print | x\n",
	    "orch run w.orch b=1", 2,
	    "orch: w.orch has no parameter `b`\n", NULL },
	{ "unknown parameter, beside a prompt", "param prompt\n" "print | x\n",
	    "orch run w.orch b=1", 2,
	    "orch: w.orch has no parameter `b`; if that was to be the prompt: prompt=b=1\n", NULL },
	{ "unknown parameter, beside a prompt, of several words", "param prompt\n" "print | x\n",
	    "orch run w.orch \"note=it's late\"", 2,
	    "orch: w.orch has no parameter `note`; if that was to be the prompt: 'prompt=note=it'\\''s late'\n", NULL },
	{ "no prompt is taken", "print | x\n",
	    "orch run w.orch 'Do it'", 2,
	    "orch: w.orch takes no prompt (it has no `param prompt`): Do it\n", NULL },
	{ "second prompt", "param prompt\n" "print | x\n",
	    "orch run w.orch Do it", 2,
	    "orch: a second prompt: `it`; a prompt is one word: quote it\n", NULL },
	{ "prompt missing", "param prompt\n" "print | x\n",
	    "orch run w.orch", 2,
	    "orch: w.orch:1: this workflow needs a prompt: orch run w.orch 'TEXT'\n", NULL },
	{ "parameter missing", "param lens\n" "print | x\n",
	    "orch run w.orch", 2,
	    "orch: w.orch:1: the parameter `lens` is not given: orch run w.orch lens=VALUE\n", NULL },
	{ "bad -a", "print | x\n",
	    "orch run -a claude w.orch", 2,
	    "-a:1:1: error: -a takes NAME=WORD...\n"
	    "    claude\n"
	    "    ^\n", NULL },
	{ "-a of a step", "step reader claude\nrun reader as a | x\n",
	    "orch run -a 'reader=sh -c cat' w.orch", 2,
	    "-a:1:1: error: `reader` is a step of the agent `claude`: -a 'claude=...'\n"
	    "    reader=sh -c cat\n"
	    "    ^\n", NULL },
	{ "-a that takes a stand-in away", "agent x sh -c 'echo real'\nrun x as a | q\n",
	    "orch run -q -r r -a 'x=sh -c \"echo made up\"' w.orch; orch redo -q -r r -a x a; orch cat a; grep -c ^agent .orch/r/run", 1,
	    "", "real\n0\n" },
	{ "-a that is bare", "run claude as a | q\n",
	    "mkdir bin; printf '#!/bin/sh\\ncat\\n' >bin/claude; chmod +x bin/claude; PATH=$PWD/bin:$PATH orch run -q -r r -a claude=claude w.orch", 0,
	    "-a:1:1: warning: this starts `claude` without its usual arguments; to take a stand-in away: -a claude\n"
	    "    claude=claude\n"
	    "    ^\n", NULL },
	{ "a parameter with blanks", "param topic\nparam prompt\nprint | x\n",
	    "orch run w.orch topic = x", 2,
	    "orch: a second prompt: `=`; a parameter has no blanks around its `=`: NAME=VALUE\n", NULL },
	{ "an option after the key", "run sh as a | :\n",
	    RUN "; for c in cat logs diff session redo trust; do orch $c a -r r; done; orch cat -- -r; orch cat - -r", 2,
	    "orch: options go after the command: orch cat -r ...\n"
	    "orch: options go after the command: orch logs -r ...\n"
	    "orch: options go after the command: orch diff -r ...\n"
	    "orch: options go after the command: orch session -r ...\n"
	    "orch: options go after the command: orch redo -r ...\n"
	    "orch: options go after the command: orch trust -r ...\n"
	    "orch: -r: no such step in this run; to list: orch status\n"
	    "orch: options go after the command: orch cat -r ...\n", NULL },
	{ "a pattern, and what the workflow does not make now", "param p\nfor x in {{p}}\nrun sh as n-{{x}} | echo $x\nend\n",
	    RUN " p=old; " RUN " p=new; orch cat 'n-*'; orch cat n-old", 0,
	    "orch: left out: 1 result that the workflow does not make now; name it to print it\n", "new\nold\n" },
	{ "the runs of a directory above", "run sh as a | echo x\n",
	    RUN "; mkdir -p d/e; cd d/e; orch cat a; orch runs -p | cut -f 1,2; orch logs; orch diff a; orch status >/dev/null; orch session a; "
	    "orch cat -d .orch a; ORCH_DIR=.orch orch cat a; ln -s / .orch; orch cat a; rm .orch; mkdir .orch; orch cat a; orch resume", 3,
	    "orch: the runs of DIR/.orch\n"
	    "orch: the runs of DIR/.orch\n"
	    "orch: the runs of DIR/.orch\n"
	    "orch: the runs of DIR/.orch\n"
	    "orch: the runs of DIR/.orch\n"
	    "orch: the runs of DIR/.orch\n"
	    "orch: a: this step has no session\n"
	    "orch: .orch: no runs here; to start one: orch run FILE\n"
	    "orch: .orch: no runs here; to start one: orch run FILE\n"
	    "orch: .orch: Too many levels of symbolic links\n"
	    "orch: .orch: no runs here; to start one: orch run FILE\n"
	    "orch: no unfinished run here; to list: orch runs\n", "x\ncomplete\tr\n" },
	{ "a workflow that was renamed", "print | x\n",
	    "cp w.orch v.orch; orch run -q -r r v.orch; mv v.orch u.orch; orch run -r r u.orch", 2,
	    "orch: run r belongs to DIR/v.orch; if that was renamed: ln -s DIR/u.orch DIR/v.orch\n", "x\n" },
	{ "run of another workflow", "print | x\n",
	    "cp w.orch v.orch; orch run -q -r r v.orch; " RUN, 2,
	    "orch: run r belongs to DIR/v.orch; use another name with -r\n", NULL },
	{ "run of texts on standard input", "print | x\n",
	    "orch run -q -r r - <w.orch; " RUN, 2,
	    "orch: run r belongs to texts on standard input; use another name with -r\n", NULL },
	{ "an answer in a file", NULL,
	    ": >.orch; orch cat x", 2, "orch: .orch: Not a directory\n", NULL },
	{ "unknown option, long", NULL,
	    "orch run --verbose x", 2, "orch: unknown option: --verbose; see: orch run -h\n", NULL },
	{ "no terminal to ask on, far down", "ask ok | Well?\n",
	    "d=$(printf '%0200d' 0); mkdir $d; orch run -q -d $d/$d -r r w.orch 2>&1 | head -n 1 >&2", 0,
	    "failed    ok  no terminal; to answer, write the run's file result/ok\n", NULL },
	{ "no terminal to ask on, in a directory of two words", "ask ok | Well?\n",
	    "orch run -q -d 'two words' -r r w.orch", 1,
	    "failed    ok  no terminal; to answer: echo ANSWER >'DIR/two words/r/result/ok'\n"
	    "orch: run r failed: 1 failed, in T\n"
	    "orch: to resume: orch resume -d 'two words' -r r\n", NULL },
	{ "no run to resume, none there", NULL,
	    "orch resume", 3,
	    "orch: no unfinished run here; to list: orch runs\n", NULL },
	{ "no run to resume, all complete", "print | x\n",
	    "orch run -q w.orch; orch resume", 3,
	    "orch: no unfinished run here; to list: orch runs\n", NULL },
	{ "no such run to resume", NULL,
	    "orch resume -r r", 3,
	    "orch: r: no such run; to list: orch runs\n", NULL },
	{ "no such run to look at", NULL,
	    "orch status -r r", 3,
	    "orch: r: no such run; to list: orch runs\n", NULL },
	{ "no such run, name not visible", NULL,
	    "orch cat -r \"$(printf 'a\\033b')\" x", 3,
	    "orch: a\\x1bb: no such run; to list: orch runs\n", NULL },
	{ "no runs to look at", NULL,
	    "orch status", 3,
	    "orch: .orch: no runs here; to start one: orch run FILE\n", NULL },
	{ "no runs to list", NULL,
	    "orch runs", 0,
	    "", 
	    "" },
	{ "runs in a file", NULL,
	    "echo >.orch; orch runs", 2,
	    "orch: .orch: Not a directory\n", NULL },
	{ "newest run in a file", NULL,
	    "echo >.orch; orch status", 2,
	    "orch: .orch: Not a directory\n", NULL },
	{ "newest run to resume in a file", NULL,
	    "echo >.orch; orch resume", 2,
	    "orch: .orch: Not a directory\n", NULL },
	{ "empty name of a run", "print | x\n",
	    "orch run -r '' w.orch", 2,
	    "orch: the run's name is empty\n", NULL },
	{ "long name of a run", "print | x\n",
	    "orch run -r $(head -c 300 /dev/zero | tr '\\0' x) w.orch", 2,
	    "orch: the run's name: File name too long\n", NULL },
	{ "run in use", "run sh as x | orch resume -r r 2>&1 || true\n" "print | {{x}}\n",
	    RUN, 0,
	    "", 
	    "orch: run r is in use by another orch (pid N); to stop it: kill N\n" },
	{ "the file `run` is gone", "print | x\n",
	    RUN "; rm .orch/r/run; orch resume -r r", 3,
	    "orch: r: this run's file `run` is gone; to resume: orch run -r RUN FILE\n", NULL },
	{ "the file `run` is broken", "print | x\n",
	    RUN "; echo x >.orch/r/run; orch resume -r r", 2,
	    "orch: r: line 1 of this run's file `run` is not as this orch writes it; correct it, or use the orch that wrote it\n",
	    NULL },
	{ "the file `run` lacks a line", "print | x\n",
	    RUN "; sed -i /^directory/d .orch/r/run; orch resume -r r", 2,
	    "orch: r: this run's file `run` is not as orch writes it: it lacks its workflow or its directory\n",
	    NULL },
	{ "a run whose file `run` was removed is accepted and resumed", "run sh as x | echo y\n",
	    RUN "; rm .orch/r/run; orch run -q -r r w.orch; orch trust r && orch run -q -r r w.orch && orch status -r r >s && grep -c ', started 20' s >&2", 0,
	    "orch: run r is not trusted: it was not made here (cloned, copied, unpacked, restored), or by an older orch\n"
	    "orch: to accept it: orch trust r\n"
	    "orch: run r is trusted from now on\n"
	    "1\n", NULL },
	{ "a run that was copied", "run sh as x | echo y\n",
	    RUN "; cp -r .orch/r .orch/c; orch resume -q -r c", 2,
	    "orch: run c is not trusted: it was not made here (cloned, copied, unpacked, restored), or by an older orch\n"
	    "orch: it runs DIR/w.orch in DIR\n"
	    "orch: to accept it: orch trust c\n", NULL },
	{ "a run that was copied is passed over", "run sh as x | exit 1\n",
	    RUN " 2>/dev/null; mkdir d; cp -r .orch/r d/c; orch resume -d d; orch trust -d d c c nope", 3,
	    "orch: run c is not trusted, and skipped; to accept it: orch trust -d d c\n"
	    "orch: no unfinished run here; to list: orch runs\n"
	    "orch: run c is trusted from now on\n"
	    "orch: it runs DIR/w.orch in DIR\n"
	    "orch: run c is trusted already\n"
	    "orch: nope: no such run; to list: orch runs\n", NULL },
	{ "rm without anything", NULL,
	    "orch rm", 2,
	    "orch: rm needs RUN..., or -k N to keep the newest N; see: orch rm -h\n", NULL },
	{ "rm -k without a number", NULL,
	    "orch rm -k x", 2,
	    "orch: -k takes a number: x; see: orch rm -h\n", NULL },
	{ "rm -k, nothing there", NULL,
	    "orch rm -k 3", 0,
	    "", "" },
	{ "rm, runs in a file", NULL,
	    "echo >.orch; orch rm x", 2,
	    "orch: .orch: Not a directory\n", NULL },
	{ "rm of what is not there", "print | x\n",
	    RUN "; orch rm r nope 'x*' --; orch rm -d \"$PWD/.orch\" nope", 3,
	    "orch: nope: no such run; to list: orch runs\n"
	    "orch: x*: no run matches; to list: orch runs\n"
	    "orch: --: no such run; to list: orch runs\n"
	    "orch: nothing was removed\n"
	    "orch: nope: no such run; to list: orch runs -d DIR/.orch\n", NULL },
	{ "rm", "print | x\n",
	    RUN "; orch run -q -r \"$(printf 'a\\033')\" w.orch; orch rm r 'a*'", 0,
	    "removed a\\x1b\nremoved r\n", NULL },
	{ "rm of a link, of a file, of a directory", "print | x\n",
	    RUN "; mv .orch/r o; ln -s ../o .orch/r; mkdir .orch/d; touch .orch/f .orch/d/x; orch rm r f d", 2,
	    "orch: .orch/r is a symbolic link\n"
	    "orch: .orch/f: Not a directory\n"
	    "orch: d: this directory is not a run\n"
	    "orch: nothing was removed\n", NULL },
	{ "rm of a run whose lock is no file", "print | x\n",
	    RUN "; rm .orch/r/lock; mkdir .orch/r/lock; orch rm r", 1,
	    "orch: .orch/r/lock: Is a directory\n", NULL },
	{ "rm of a run in use", "run sh as x | orch rm r 2>&1 || true\n" "print | {{x}}\n",
	    RUN, 0,
	    "",
	    "orch: run r is in use by another orch (pid N); to stop it: kill N\n" },
	{ "rm -k of runs of no age", "print | x\n",
	    RUN "; rm .orch/r/run; orch rm -k 0 r", 0,
	    "orch: run r is kept: when it was started is not known\n", NULL },
	{ "the file `run` cannot be read", "print | x\n",
	    RUN "; rm .orch/r/run; ln -s run .orch/r/run; orch resume -r r", 2,
	    "orch: r: this run's file `run` cannot be read: Too many levels of symbolic links\n", NULL },
	{ "status: when a run was started is not known", "run sh as x | echo y\n",
	    RUN "; rm .orch/r/run; orch runs | sed 's/ [0-9]* done.*//' >&2; orch status -r r | sed 's/, took.*//' | head -n 1 >&2", 0,
	    "complete     ?  r \n" "run r: complete, started ?\n", NULL },
	{ "runs and status of a broken run", "run sh as x | echo y\n",
	    RUN "; echo x >.orch/r/run; orch runs; orch status -p", 0,
	    "", NULL },
	{ "the workflow of a run is gone", "run false\n",
	    "echo 'step false sh | false\nrun false' >w.orch; " RUN " 2>/dev/null; rm w.orch; orch resume -r r", 2,
	    "orch: cannot read DIR/w.orch: No such file or directory; if it was moved: ln -s ITS-NEW-PATH DIR/w.orch\n", NULL },

	/* The run's directory. */
	{ ".orch is a file", "print | x\n",
	    "echo >.orch; " RUN, 2,
	    "orch: .orch: Not a directory\n", NULL },
	{ ".orch is a link", "print | x\n",
	    "mkdir real; ln -s real .orch; " RUN, 2,
	    "orch: .orch is a symbolic link\n", NULL },
	{ ".orch is writable by others", "print | x\n",
	    "mkdir .orch; chmod 777 .orch; " RUN, 2,
	    "orch: .orch is writable by others (to fix: chmod go-w)\n", NULL },
	{ ".orch's directory is not there", "print | x\n",
	    "orch run -q -d no/runs -r r w.orch", 2,
	    "orch: no/runs: No such file or directory\n", NULL },
	{ "result is a link", "print | x\n",
	    RUN "; rmdir .orch/r/result; ln -s . .orch/r/result; " RUN, 2,
	    "orch: .orch/r/result is a symbolic link\n", NULL },
	{ "runs, one of them with a link", "print | x\n",
	    RUN "; rmdir .orch/r/result; ln -s . .orch/r/result; orch runs", 1,
	    "orch: .orch/r/result is a symbolic link\n", NULL },
	{ "status of a run with a link", "print | x\n",
	    RUN "; rmdir .orch/r/result; ln -s . .orch/r/result; orch status", 2,
	    "orch: .orch/r/result is a symbolic link\n", NULL },
	{ "answer of a run with a link", "print | x\n",
	    RUN "; rmdir .orch/r/result; ln -s . .orch/r/result; orch cat x", 2,
	    "orch: .orch/r/result is a symbolic link\n", NULL },
	{ "log is a directory", "print | x\n",
	    RUN "; rm .orch/r/log; mkdir .orch/r/log; " RUN, 2,
	    "orch: .orch/r/log: Is a directory\n", NULL },
	{ "log has a second name", "print | x\n",
	    RUN "; ln .orch/r/log log; " RUN, 2,
	    "orch: .orch/r/log has a second name (a hard link)\n", NULL },
	{ "lock is a directory", "print | x\n",
	    RUN "; rm .orch/r/lock; mkdir .orch/r/lock; " RUN, 2,
	    "orch: .orch/r/lock is not a plain file\n", NULL },
	{ "run's directory is a file", "print | x\n",
	    "mkdir .orch; echo >.orch/r; " RUN, 2,
	    "orch: .orch/r: Not a directory\n", NULL },
	{ "an answer is not a plain file", "run sh as x | echo y\n",
	    RUN "; rm .orch/r/result/x; mkdir .orch/r/result/x; " RUN, 1,
	    "orch: w.orch:1: result/x is not a plain file; remove it\n" ENDED("1 not run"), NULL },
	{ "an answer cannot be kept", "run sh as x | mkdir .orch/r/result/x; echo y\n",
	    RUN, 1,
	    "failed    x  its result cannot be kept: Is a directory\n"
	    "    out| y\n"
	    ENDED("1 failed"), NULL },
	{ "an answer is gone", "run sh as x | echo y\n" "run sh as z | rm .orch/r/result/x\n" "print | {{x}}\n",
	    RUN, 1,
	    "orch: w.orch:3: cannot read the result `x`: No such file or directory\n" ENDED("2 done, 1 not run"), NULL },
	{ "the run's directory is deleted", "run sh as x | rm -rf .orch/r; echo y\n",
	    RUN, 1,
	    "orch: the directory of run r was deleted; nothing more can be kept\n"
	    "failed    x  tmp/: No such file or directory\n"
	    "orch: run r failed: 1 failed, in T\n", NULL },
	{ "a pipe as FILE", "print | x\n",
	    "cat w.orch | orch run /dev/stdin", 2,
	    "orch: cannot read /dev/stdin: it is a pipe or a device, which a later `resume` could not read again: orch run - <FILE\n", NULL },

	{ "a pipe with a name as FILE", NULL,
	    "mkfifo w.orch; timeout 20 orch run w.orch", 2,
	    "orch: cannot read w.orch: it is a pipe or a device, which a later `resume` could not read again: orch run - <FILE\n", NULL },
	{ "a device as FILE", NULL,
	    "orch run /dev/zero", 2,
	    "orch: cannot read /dev/zero: it is a pipe or a device, which a later `resume` could not read again: orch run - <FILE\n", NULL },
	{ "check of a pipe", "print | {{x}}\n",
	    "cat w.orch | orch check /dev/stdin", 2,
	    "/dev/stdin:1:9: error: unknown name `x`: neither a variable nor a result of a line above (\\{{ is a literal {{)\n"
	    "    print | {{x}}\n"
	    "            ^\n", NULL },
	{ "check of a pipe that calls", "call w.orch as x\nrun sh as y < - | cat\n",
	    "echo 'print | {{n}}' >v.orch; echo 'call v.orch as x' >w.orch; mkfifo p; { echo 'call w.orch as x'; echo 'run sh as y < - | cat'; } >p & orch check p", 2,
	    "v.orch:1:9: error: unknown name `n`: neither a variable nor a result of a line above (\\{{ is a literal {{)\n"
	    "    print | {{n}}\n"
	    "            ^\n", NULL },
	{ "check of standard input that reads it", NULL,
	    "echo 'run sh as y < - | cat' | orch check /dev/stdin", 2,
	    "/dev/stdin:1:15: error: standard input is the workflow itself here; `< -` needs it in a file\n"
	    "    run sh as y < - | cat\n"
	    "                  ^\n", NULL },
	{ "a workflow that has become a pipe", "print | x\n",
	    "orch run -q -r r w.orch; rm w.orch; mkfifo w.orch; timeout 20 orch status -r r; timeout 20 orch runs; timeout 20 orch resume -r r", 2,
	    "orch: cannot read DIR/w.orch: not a regular file\n", NULL },
	{ "a called file that is a pipe", "call v.orch as x\n",
	    "mkfifo v.orch; timeout 20 orch check w.orch", 2,
	    "w.orch:1:6: error: cannot read `v.orch`: not a regular file\n"
	    "    call v.orch as x\n"
	    "         ^\n", NULL },

	/* Byte order marks. */
	{ "a byte order mark", "\xef\xbb\xbfrun nobody as x | y\n",
	    "orch run w.orch", 2,
	    "w.orch:1:5: error: unknown step `nobody`: neither a step above nor an agent\n"
	    "    run nobody as x | y\n"
	    "        ^\n", NULL },
	{ "a byte order mark in a called file", "\xef\xbb\xbf" "call v.orch as x\n",
	    "printf '\\357\\273\\277print | hello\\n' >v.orch; orch run -q w.orch && printf '\\357\\273\\277print | from stdin\\n' | orch run -q -", 0,
	    "", "hello\nfrom stdin\n" },
	{ "a second byte order mark", "\xef\xbb\xbf\xef\xbb\xbfprint | x\n",
	    "orch run w.orch", 2,
	    "w.orch:1:1: error: unknown keyword `\\xef\\xbb\\xbfprint`; a text line begins with |\n"
	    "    \\xef\\xbb\\xbfprint | x\n"
	    "    ^\n", NULL },

	/* Parameters. */
	{ "bound time", "param t\n" "run sh as x | echo y\n" "timeout {{t}}\n",
	    "orch run -q w.orch t=soon", 2,
	    "w.orch:3:9: error: invalid duration 'soon': use 90s, 10m or 2h; 0 is none\n"
	    "    timeout {{t}}\n"
	    "            ^\n", NULL },
	{ "bound tries", "param t\n" "run sh as x | echo y\n" "retry {{t}}\n",
	    "orch run -q w.orch t=many", 2,
	    "w.orch:3:7: error: invalid number of attempts 'many': use retry N [DELAY]\n"
	    "    retry {{t}}\n"
	    "          ^\n", NULL },
	{ "bound delay", "param t\n" "run sh as x | echo y\n" "retry 1 {{t}}\n",
	    "orch run -q w.orch t=later", 2,
	    "w.orch:3:9: error: invalid duration 'later': use 5s, 10m or 2h\n"
	    "    retry 1 {{t}}\n"
	    "            ^\n", NULL },
	{ "bound max", "param t\n" "parallel max {{t}} x in a b\n" "run sh as x-{{x}} | echo y\n" "end\n",
	    "orch run -q w.orch t=0", 2,
	    "w.orch:2:14: error: max must be a positive number, not 0\n"
	    "    parallel max {{t}} x in a b\n"
	    "                 ^\n", NULL },
	{ "bound range", "param t\n" "for x in 1..{{t}}\n" "run sh as x-{{x}} | echo y\n" "end\n",
	    "orch run -q w.orch t=ten", 2,
	    "w.orch:2:10: error: invalid range end 'ten': use digits\n"
	    "    for x in 1..{{t}}\n"
	    "             ^\n", NULL },
	{ "bound range too long", "param t\n" "for x in 1..{{t}}\n" "run sh as x-{{x}} | echo y\n" "end\n",
	    "orch run -q w.orch t=999999999999", 2,
	    "w.orch:2:10: error: a block has at most 10000000 items\n"
	    "    for x in 1..{{t}}\n"
	    "             ^\n", NULL },

	/* Programs. */
	{ "program not in PATH", "run claude | x\n",
	    "o=$(command -v orch); PATH=/nowhere \"$o\" run w.orch", 2,
	    "w.orch:1:1: error: the program `claude` of the agent `claude` is not found in PATH: /nowhere\n"
	    "    run claude | x\n"
	    "    ^\n", NULL },
	{ "program not in PATH, check", "run claude | x\nrun claude as b | x\n",
	    "o=$(command -v orch); PATH=/nowhere \"$o\" check w.orch", 0,
	    "w.orch:1:1: warning: the program `claude` of the agent `claude` is not found in PATH: /nowhere\n"
	    "    run claude | x\n"
	    "    ^\n", NULL },
	{ "no PATH", "run claude | x\n",
	    "o=$(command -v orch); unset PATH; \"$o\" run w.orch", 2,
	    "w.orch:1:1: error: the program `claude` of the agent `claude` is not found in PATH: (not set)\n"
	    "    run claude | x\n"
	    "    ^\n", NULL },
	{ "program not at its path", "step x exec ./x\n" "run x\n",
	    "orch run w.orch", 2,
	    "w.orch:2:1: error: the program `./x` of the agent `exec` cannot be started: No such file or directory\n"
	    "    run x\n"
	    "    ^\n", NULL },
	{ "program is not executable", "step x exec ./x\n" "run x\n",
	    "echo >x; orch run w.orch", 2,
	    "w.orch:2:1: error: the program `./x` of the agent `exec` cannot be started: Permission denied\n"
	    "    run x\n"
	    "    ^\n", NULL },
	{ "program not found once run", "param p\n" "step x exec {{p}}\n" "run x\n",
	    "o=$(command -v orch); PATH=/nowhere:/bin \"$o\" run -q -r r w.orch p=nosuch", 1,
	    "failed    x  cannot be started: nosuch (PATH: /nowhere:/bin): No such file or directory\n"
	    ENDED("1 failed"), NULL },
	{ "path not found once run", "param p\n" "step x exec {{p}}\n" "run x\n",
	    RUN " p=./nosuch", 1,
	    "failed    x  cannot be started: ./nosuch: No such file or directory\n"
	    ENDED("1 failed"), NULL },
	{ "interpreter is missing", "step x exec ./x\n" "run x\n",
	    "printf '#!/nowhere/sh\\n' >x; chmod +x x; " RUN, 1,
	    "failed    x  cannot be started: ./x: the interpreter in its first line was not found (or that line ends in a CR)\n"
	    ENDED("1 failed"), NULL },
	{ "argument too long", "run sh as long | head -c 200000 /dev/zero | tr '\\0' x\n" "step x exec /bin/echo {}\n" "run x | {{long}}\n",
	    RUN, 1,
	    "failed    x  cannot be started: /bin/echo: an argument or the environment is too long (one argument holds 131071 bytes on Linux); pass the prompt on standard input, without {}\n"
	    ENDED("1 done, 1 failed"), NULL },
	{ "interactive without a terminal", "step x sh\n" "interactive\n" "run x | echo y\n",
	    RUN, 2,
	    "w.orch:3:1: error: no terminal: an interactive step needs one\n"
	    "    run x | echo y\n"
	    "    ^\n", NULL },

	/* How a step fails. */
	{ "exit status", "run sh as x | echo partly; echo why >&2; exit 3\n",
	    RUN, 1,
	    "failed    x  exit status 3\n"
	    "    out| partly\n"
	    "    err| why\n"
	    ENDED("1 failed"), NULL },
	{ "killed", "run sh as x | kill -KILL $$\n",
	    RUN, 1,
	    "failed    x  killed by SIGKILL, which orch did not send\n"
	    ENDED("1 failed"), NULL },
	{ "killed by a signal without a name", "run sh as x | kill -40 $$\n",
	    RUN, 1,
	    "failed    x  killed by signal 40, which orch did not send\n"
	    ENDED("1 failed"), NULL },
	{ "timeout", "run sh as x | sleep 60\n" "timeout 1s\n",
	    RUN, 1,
	    "failed    x  timed out after 1s\n"
	    ENDED("1 failed"), NULL },
	{ "filter", "run sh as x | echo y\n" "filter false\n",
	    RUN, 1,
	    "failed    x  filter failed: false: exit status 1\n"
	    "    out| y\n" ENDED("1 failed"), NULL },
	{ "check", "run sh as x | echo y\n" "check true\n" "check echo 'it is y' >&2; exit 4\n",
	    RUN, 1,
	    "failed    x  check failed: echo 'it is y' >&2; exit 4: exit status 4\n"
	    "    out| y\n"
	    "    err| it is y\n" ENDED("1 failed"), NULL },
	{ "retries", "run sh as x | exit 3\n" "retry 2 0s\n",
	    "orch run -r r w.orch", 1,
	    "orch: run r\n"
	    "retry     x  attempt 1: exit status 3; next in T\n"
	    "retry     x  attempt 2: exit status 3; next in T\n"
	    "failed    x  exit status 3 (3 attempts)\n"
	    ENDED("1 failed"), NULL },
	{ "otherwise", "run sh as x | exit 3\n" "otherwise none\n",
	    "orch run -r r w.orch", 0,
	    "orch: run r\n"
	    "attempt   x  1 failed: exit status 3\n"
	    "fallback  x  none\n"
	    "orch: 1 result is a fallback (x); to re-run: orch redo -F -r r\n"
	    "orch: run r is complete: 1 fallback, in T\n", NULL },
	{ "two fallbacks, quiet", "run sh as x | exit 3\n" "otherwise none\n" "run sh as y | exit 3\n" "otherwise none\n",
	    "orch run -q -r r w.orch", 0,
	    "orch: 2 results are fallbacks (x, y); to re-run: orch redo -F -r r\n", NULL },
	{ "fallbacks of an earlier walk", "run sh as x | exit 3\n" "otherwise none\n",
	    RUN " 2>/dev/null; orch resume -q -r r", 0,
	    "orch: 1 result is a fallback (x); to re-run: orch redo -F -r r\n", NULL },
	{ "a fallback with -x", "run sh as x | exit 3\n" "otherwise none\n" "run sh as y | true\n",
	    "orch run -q -x -r r w.orch; orch resume -q -r r", 0,
	    "orch: w.orch:1: its fallback is kept, and stops the run (-x)\n"
	    "orch: 1 result is a fallback (x); to re-run: orch redo -F -r r\n"
	    "orch: run r failed: 1 fallback, 1 not run, in T\n"
	    "orch: to resume: orch resume -r r\n"
	    "orch: 1 result is a fallback (x); to re-run: orch redo -F -r r\n", NULL },
	{ "retried well", "run sh as x | test -e was || { touch was; exit 3; }\n" "retry 2 0s\n",
	    "orch run -r r w.orch", 0,
	    "orch: run r\n"
	    "retry     x  attempt 1: exit status 3; next in T\n"
	    "done      x  T  attempt 2\n"
	    "orch: run r is complete: 1 done, in T\n", NULL },
	{ "-x", "parallel i in 1 2 3\n" "run sh as x-{{i}} | test $i != 1\n" "end\n" "run sh as y | echo\n",
	    "orch run -q -x -j 1 -r r w.orch", 1,
	    "failed    x-1  exit status 1\n"
	    "orch: w.orch:1: 1 of 3 branches failed: x-1: exit status 1; 2 did not finish\n" ENDED_OF("-j 1 ", "1 failed, 3 not run"), NULL },
	{ "branches failed", "parallel i in a b c\n" "run sh as x-{{i}} | test $i = c\n" "end\n",
	    "orch run -q -j 1 -r r w.orch", 1,
	    "failed    x-a  exit status 1\n"
	    "failed    x-b  exit status 1\n"
	    "orch: w.orch:1: 2 of 3 branches failed: x-a: exit status 1; x-b: exit status 1\n"
	    ENDED_OF("-j 1 ", "1 done, 2 failed"), NULL },
	{ "supervisor killed", "run sh as x | kill -KILL $PPID; sleep 60\n",
	    RUN, 1,
	    "failed    x  its supervisor process was killed\n"
	    ENDED("1 failed"), NULL },
	{ "many newlines at the end of standard error", "run sh as x | printf 'why\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n' >&2; exit 3\n",
	    RUN, 1,
	    "failed    x  exit status 3\n"
	    "    err| why\n"
	    ENDED("1 failed"), NULL },
	{ "stopped by a signal", "run sh as x | kill -TERM $(" STOP "); sleep 60\n",
	    "exec " RUN, 143,
	    "orch: run r was interrupted: 1 interrupted, in T\n"
	    "orch: to resume: orch resume -r r\n", NULL },
	{ "no directory", "run sh as x | mkdir d\n" "cd d\n" "run sh as y | rmdir ../d\n" "run sh as z | echo\n",
	    RUN, 1,
	    "failed    z  cannot enter its directory: DIR/d: No such file or directory\n"
	    ENDED("2 done, 1 failed"), NULL },
	{ "`fail`", "fail | It is no use.\n",
	    RUN, 1,
	    "orch: w.orch:1: It is no use.\n"
	    "orch: run r failed, in T\n", NULL },
	{ "`fail` without a text", "fail\n",
	    RUN, 1,
	    "orch: w.orch:1: fail\n"
	    "orch: run r failed, in T\n", NULL },
	{ "`stop`", "stop | There is nothing to do.\n",
	    "orch run -r r w.orch", 0,
	    "orch: run r\n"
	    "stopped   There is nothing to do.\n"
	    "orch: run r is complete, in T\n", NULL },
	{ "`if`", "if exit 3\n" "end\n",
	    RUN, 1,
	    "orch: w.orch:1: the command of this `if` (0 is true, 1 is false): exit status 3\n"
	    "orch: run r failed, in T\n"
	    "orch: to resume: orch resume -r r\n", NULL },
	{ "`if` that says why", "if echo 'no such thing' >&2; exit 3\n" "end\n",
	    RUN, 1,
	    "orch: w.orch:1: the command of this `if` (0 is true, 1 is false): exit status 3: no such thing\n"
	    "orch: run r failed, in T\n"
	    "orch: to resume: orch resume -r r\n", NULL },
	{ "cd", "cd nowhere\n" "run sh as x | echo\n" "retry 3 0s\n" "otherwise y\n",
	    RUN, 1,
	    "failed    x  cannot enter its directory: DIR/nowhere: No such file or directory\n"
	    ENDED("1 failed"), NULL },
	{ "cd to nothing", "param d ''\n" "cd {{d}}\n",
	    RUN, 1,
	    "orch: w.orch:2: the directory to go to is empty\n"
	    "orch: run r failed, in T\n"
	    "orch: to resume: orch resume -r r\n", NULL },
	{ "print to a full disk", "print | x\n",
	    RUN " >/dev/full", 1,
	    "orch: w.orch:1: standard output: No space left on device\n"
	    "orch: run r failed, in T\n"
	    "orch: to resume: orch resume -r r\n", NULL },

	/* Names and items that are known only when they are reached. */
	{ "no such answer", "param n\n" "print | {{{{n}}}}\n",
	    RUN " n=z", 1,
	    "orch: w.orch:2: no result `z` here\n"
	    "orch: run r failed, in T\n"
	    "orch: to resume: orch resume -r r\n", NULL },
	{ "no such input", "param n\n" "run sh as x | echo\n" "run sh as y < {{n}} | cat\n",
	    RUN " n=z", 1,
	    "failed    y  no result `z` here\n"
	    ENDED("1 done, 1 failed"), NULL },
	{ "variable and answer", "param n\n" "run sh as {{n}} | echo\n" "print | {{{{n}}}}\n",
	    RUN " n=n", 1,
	    "orch: w.orch:3: `n` is both a variable and a result here\n"
	    ENDED("1 done"), NULL },
	{ "range of what an answer says", "run sh as n | echo many\n" "for i in 1..{{n}}\n" "run sh as x-{{i}} | echo\n" "end\n",
	    RUN, 1,
	    "orch: w.orch:2: invalid range end 'many': use digits\n" ENDED("1 done, 1 not run"), NULL },
	{ "max of what an answer says", "run sh as n | echo many\n" "parallel max {{n}} i in 1 2\n" "run sh as x-{{i}} | echo\n" "end\n",
	    RUN, 1,
	    "orch: w.orch:2: max must be a positive number, not many\n" ENDED("1 done, 2 not run"), NULL },
	{ "time of what an answer says", "run sh as n | echo long\n" "run sh as x | echo\n" "timeout {{n}}\n",
	    RUN, 1,
	    "failed    x  invalid duration 'long': use 90s, 10m or 2h; 0 is none\n" ENDED("1 done, 1 failed"), NULL },
	{ "tries of what an answer says", "run sh as n | echo many\n" "run sh as x | echo\n" "retry {{n}}\n",
	    RUN, 1,
	    "failed    x  invalid number of attempts 'many': use retry N [DELAY]\n"
	    ENDED("1 done, 1 failed"), NULL },
	{ "delay of what an answer says", "run sh as n | echo long\n" "run sh as x | echo\n" "retry 1 {{n}}\n",
	    RUN, 1,
	    "failed    x  invalid duration 'long': use 5s, 10m or 2h\n" ENDED("1 done, 1 failed"), NULL },
	{ "item with a NUL", "run sh as n | printf 'a\\0b'\n" "for i in \"{{n}}\"\n" "run sh as x-{{i}} | echo\n" "end\n",
	    RUN, 1,
	    "orch: w.orch:2: an item with a NUL byte\n" ENDED("1 done, 1 not run"), NULL },
	{ "list with a NUL", "run sh as n | printf 'x\\na\\0b'\n" "for i in < n\n" "run sh as x-{{i}} | echo\n" "end\n",
	    RUN, 1,
	    "orch: w.orch:2: the list has a NUL byte on its line 2\n" ENDED("1 done, 1 not run"), NULL },
	{ "argument with a NUL", "run sh as n | printf 'a\\0b'\n" "step x exec echo {}\n" "run x | {{n}}\n",
	    RUN, 1,
	    "failed    x  a NUL byte cannot be passed to a program in an argument\n"
	    ENDED("1 done, 1 failed"), NULL },
	{ "key with a NUL", "run sh as n | printf 'a\\0b'\n" "run sh as x-{{n}} | echo\n",
	    RUN, 1,
	    "orch: w.orch:2: a key with a NUL byte\n" ENDED("1 done, 1 not run"), NULL },
	{ "too many items", "run sh as n | echo 999999999\n" "for i in 1..{{n}}\n" "run sh as x-{{i}} | echo\n" "end\n",
	    RUN, 1,
	    "orch: w.orch:2: a block has at most 10000000 items\n" ENDED("1 done, 1 not run"), NULL },
	{ "two items, one key", "run sh as n | printf 'a\\na\\n'\n" "for i in < n\n" "run sh as x-{{i}} | echo\n" "end\n",
	    RUN, 1,
	    "orch: w.orch:2: the items `a` and `a` both give the key `x-a`\n" ENDED("1 done, 2 not run"), NULL },
	{ "key made already", "run sh as n | printf 'a\\n'\n" "run sh as x-a | echo\n" "for i in < n\n" "run sh as x-{{i}} | echo\n" "end\n",
	    RUN, 1,
	    "orch: w.orch:3: the key `x-a` of line 4, item `a`, is made on line 2 already\n"
	    ENDED("2 done"), NULL },
	{ "key made already by a name", "run sh as n | echo a\n" "run sh as x-a | echo\n" "run sh as x-{{n}} | echo\n",
	    RUN, 1,
	    "orch: w.orch:3: duplicate key `x-a` (first made on line 2 of w.orch)\n" ENDED("2 done"), NULL },
	{ "empty key", "run sh as n | echo\n" "run sh as {{n}} | echo\n",
	    RUN, 1,
	    "orch: w.orch:2: an empty key\n" ENDED("1 done, 1 not run"), NULL },
	{ "the key -", "run sh as n | echo -\n" "run sh as {{n}} | echo\n",
	    RUN, 1,
	    "orch: w.orch:2: the key `-` is reserved for standard input\n" ENDED("1 done, 1 not run"), NULL },
	{ "long key", "run sh as n | head -c 300 /dev/zero | tr '\\0' x\n" "run sh as {{n}} | echo\n",
	    RUN, 1,
	    "orch: w.orch:2: the key `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...` is too long for a file's name: 255 bytes, as %XX written out, are the most\n" ENDED("1 done, 1 not run"), NULL },
	{ "long key of a parameter", "param n\n" "run sh as {{n}} | echo\n",
	    "orch run w.orch n=$(head -c 300 /dev/zero | tr '\\0' x)", 2,
	    "w.orch:2:11: error: the key `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...` is too long for a file's name: 255 bytes, as %XX written out, are the most\n"
	    "    run sh as {{n}} | echo\n" "              ^\n", NULL },

	/* Git. */
	{ "worktree without a repository", "worktree b\n",
	    "mkdir bin; printf '#!/bin/sh\\necho what git says; exit 128\\n' >bin/git; chmod +x bin/git; PATH=$PWD/bin:$PATH; " RUN, 1,
	    "failed    b  git rev-parse (is this a git repository?) failed\n"
	    ENDED("1 failed"), NULL },
	{ "commit without a repository", "commit | x\n",
	    "mkdir bin; printf '#!/bin/sh\\necho what git says; exit 128\\n' >bin/git; chmod +x bin/git; PATH=$PWD/bin:$PATH; " RUN, 1,
	    "failed    commit  git rev-parse (is this a git repository?) failed\n"
	    ENDED("1 failed"), NULL },
	{ "git worktree list", "worktree b\n",
	    REPO GIT_SAYS("worktree list") RUN, 1,
	    "failed    b  git worktree list failed\n"
	    "    err| what git says\n"
	    ENDED("1 failed"), NULL },
	{ "git worktree add", "worktree b at there\n",
	    REPO GIT_SAYS("worktree add") RUN, 1,
	    "failed    b  git worktree add failed\n"
	    "    err| what git says\n"
	    ENDED("1 failed"), NULL },
	{ "git add", "commit | x\n",
	    REPO GIT_SAYS("add --all") RUN, 1,
	    "failed    commit  git add failed\n"
	    "    err| what git says\n"
	    ENDED("1 failed"), NULL },
	{ "git commit", "commit | x\n",
	    REPO GIT_SAYS("commit") RUN, 1,
	    "failed    commit  git commit failed\n"
	    "    err| what git says\n"
	    ENDED("1 failed"), NULL },
	{ "no git", "commit | x\n",
	    "o=$(command -v orch); PATH=/nowhere \"$o\" run -q -r r w.orch", 1,
	    "failed    commit  cannot be started: git (PATH: /nowhere): No such file or directory\n"
	    ENDED("1 failed"), NULL },
	{ "name for a branch", "param n\n" "worktree {{n}}\n",
	    REPO RUN " n='a b'", 1,
	    "failed    a b  invalid branch name 'a b': it must not be empty, begin with -, or hold a blank or newline\n"
	    ENDED("1 failed"), NULL },
	{ "commit to begin from", "param n\n" "worktree b from {{n}}\n",
	    REPO RUN " n=-b", 1,
	    "failed    b  invalid commit '-b': it must not be empty, begin with -, or hold a blank or newline\n"
	    ENDED("1 failed"), NULL },
	{ "path for a worktree", "param n\n" "worktree b at {{n}}\n",
	    REPO RUN " n=", 1,
	    "failed    b  invalid worktree path '': it must not be empty, begin with -, or hold a blank or newline\n"
	    ENDED("1 failed"), NULL },
	{ "nothing to begin from", "worktree b from nowhere\n",
	    REPO RUN, 1,
	    "failed    b  no such commit: nowhere\n"
	    ENDED("1 failed"), NULL },
	{ "branch is there", "worktree b\n",
	    REPO "git branch b; " RUN, 1,
	    "failed    b  the branch exists already, and this step did not make it: use another name, or, if nothing of it is needed: git branch -D b\n"
	    ENDED("1 failed"), NULL },
	{ "branch is checked out elsewhere", "worktree b at there\n",
	    REPO "git worktree add -q -b b other; " RUN, 1,
	    "failed    b  the branch is checked out in another worktree: use another name, or, if nothing of it is needed: git worktree remove DIR/other; git branch -D b\n"
	    ENDED("1 failed"), NULL },
	{ "something in the way", "worktree b at there\n",
	    REPO "mkdir -p there/x; " RUN, 1,
	    "failed    b  the worktree's place is taken: move it away, or use `at PATH`: DIR/there\n"
	    ENDED("1 failed"), NULL },
	{ "worktree is there", "worktree b at there\n",
	    REPO "git worktree add -q -b c there; " RUN, 1,
	    "failed    b  another worktree is there already, of branch c: use `at PATH`, or, if nothing of it is needed: git worktree remove DIR/there\n"
	    ENDED("1 failed"), NULL },
	{ "worktree is gone", "worktree b at there\n",
	    REPO "git worktree add -q -b b there; rm -r there; " RUN, 1,
	    "failed    b  the worktree that git knows at DIR/there is gone: git worktree prune; its commits are on its branch: keep that under another name, or, if nothing of it is needed: git branch -D b\n"
	    ENDED("1 failed"), NULL },
	{ "worktree is half made", "worktree b at there\n",
	    REPO "git worktree add -q -b b there; git worktree lock --reason initializing there; " RUN, 1,
	    "failed    b  git was killed while it made this worktree: git worktree remove -f -f DIR/there; git branch -D b\n"
	    ENDED("1 failed"), NULL },
	{ "worktree was removed", "worktree b enter at there\n" "run sh as s | exit $((0${no-1}))\n",
	    REPO RUN " 2>/dev/null; git worktree remove there; " RUN, 1,
	    "failed    s  worktree b is gone: to restore it with its commits: git worktree prune; git worktree add DIR/there b\n"
	    ENDED("1 kept, 1 failed"), NULL },
	{ "worktree has another branch", "worktree b enter at there\n" "commit | m\n",
	    REPO RUN " 2>/dev/null; rm .orch/r/result/commit; git -C there switch -q -c c; " RUN, 1,
	    "failed    commit  worktree DIR/there has branch c checked out, not b: to switch back: git -C DIR/there switch b\n"
	    ENDED("1 kept, 1 failed"), NULL },
	{ "worktree is another repository's", "worktree b enter at there\n" "commit | m\n",
	    REPO RUN " 2>/dev/null; rm .orch/r/result/commit; mv there away; git clone -q . there; " RUN, 1,
	    "failed    commit  worktree DIR/there is of another repository now: DIR/there/.git: move it away, then: git worktree prune; git worktree add DIR/there b\n"
	    ENDED("1 kept, 1 failed"), NULL },
	{ "main checkout has the branch", "worktree main at there\n",
	    "git init -q . && git symbolic-ref HEAD refs/heads/main && git config user.name x && git config user.email x@x && git commit -q --allow-empty -m x; " RUN, 1,
	    "failed    main  the branch is checked out in the main checkout, DIR: use another name\n"
	    ENDED("1 failed"), NULL },
	{ "empty message", "param n ' '\n" "commit | {{n}}\n",
	    REPO RUN, 1,
	    "failed    commit  the commit's message is empty\n"
	    ENDED("1 failed"), NULL },

	/* Questions. */
	{ "ask without a terminal", "ask ok yes no | Go on?\n",
	    RUN, 1,
	    "failed    ok  no terminal; to answer (yes / no): echo ANSWER >DIR/.orch/r/result/ok\n"
	    ENDED("1 failed"), NULL },
	{ "a reply that is no choice", "ask ok yes no | Go on?\n" "print | went on\n",
	    RUN " 2>/dev/null; echo ANSWER >.orch/r/result/ok; orch resume", 1,
	    "orch: resuming run r\n"
	    "failed    ok  its result `ANSWER` is not one of its choices (yes / no); to answer: echo ANSWER >DIR/.orch/r/result/ok\n"
	    "orch: run r failed: 1 failed, in T\n"
	    "orch: to resume: orch resume -r r\n", NULL },
	{ "a reply that is a choice, without a newline", "ask ok yes no | Go on?\n" "print | went on\n",
	    RUN " 2>/dev/null; printf no >.orch/r/result/ok; orch resume -q", 0,
	    "", "went on\n" },
	{ "a reply that was a choice", "param c\n" "ask ok yes {{c}} | Go on?\n" "print | went on\n",
	    "orch run -q -N -r r w.orch c=no 2>/dev/null; printf no >.orch/r/result/ok; orch resume -q; orch run -q -r r w.orch c=never", 0,
	    "orch: 1 result is stale (ok: the choices have changed); to re-run with what follows: orch resume -u -r r\n",
	    "went on\nwent on\n" },
	{ "a question that nobody is asked", "ask ok yes no default no | Go on?\n",
	    "orch run -N -r r w.orch", 0,
	    "orch: run r\n"
	    "done      ok  T  not asked (-N): its default, no\n"
	    "orch: run r is complete: 1 done, in T\n", NULL },
	{ "a question that nobody is asked, without a default", "ask ok | Go on?\n",
	    "orch run -q -N -r r w.orch", 1,
	    "failed    ok  not asked (-N); to answer: echo ANSWER >DIR/.orch/r/result/ok\n"
	    ENDED("1 failed"), NULL },
	{ "an interactive step that nobody is there for", "run sh as x | :\n" "interactive\n",
	    "orch run -q -N -r r w.orch", 2,
	    "w.orch:1:1: error: an interactive step needs somebody at the terminal (-N: nobody is)\n"
	    "    run sh as x | :\n"
	    "    ^\n", NULL },
	{ "default that is none", "param n\n" "ask ok yes no default {{n}} | Go on?\n",
	    RUN " n=maybe", 1,
	    "failed    ok  the default 'maybe' is not one of the choices\n"
	    ENDED("1 failed"), NULL },
	{ "ask without a terminal, its default", "ask ok yes no default yes | Go on?\n",
	    "orch run -r r w.orch", 0,
	    "orch: run r\n"
	    "done      ok  T  no terminal: its default, yes\n"
	    "orch: run r is complete: 1 done, in T\n", NULL },

	/* Standard input. */
	{ "standard input is a directory", "run sh as x < - | cat\n",
	    RUN " <.", 1,
	    "orch: w.orch:1: standard input: Is a directory\n" ENDED("1 not run"), NULL },
	{ "workflow from a standard input that is a directory", NULL,
	    "orch run - <.", 2,
	    "orch: cannot read the workflow from standard input: Is a directory\n", NULL },

	/* Going on. */
	{ "kept, asked otherwise", "run sh as x | echo y\n",
	    RUN "; echo 'run sh as x | echo z' >w.orch; orch resume -r r", 0,
	    "orch: resuming run r\n"
	    "kept      x  stale\n"
	    "orch: 1 result is stale (x: command has changed); to re-run with what follows: orch resume -u -r r\n"
	    "orch: run r is complete: 1 kept, in T\n", NULL },
	{ "stale, quiet", "param n\n" "parallel i in a b c d\n" "    run sh as x-{{i}} | echo $n\n" "end\n",
	    "orch run -q -r r w.orch n=1; orch run -q -r r w.orch n=2; orch run -q -u -r r w.orch n=2", 0,
	    "orch: 4 results are stale (x-a, x-b, x-c, ...: n has changed); to re-run with what follows: orch resume -u -r r\n", NULL },
	{ "stale in two ways", "param n\n" "run sh as x | echo $n\n" "run sh as y | true\n",
	    "orch run -q -r r w.orch n=1; sed 's/true/:/' w.orch >v; cat v >w.orch; orch run -q -r r w.orch n=2", 0,
	    "orch: 2 results are stale (x, y); to re-run with what follows: orch resume -u -r r\n", NULL },
	{ "stale after an interruption of -u", "run sh as x | test -e was && exit 1; touch was\n",
	    RUN "; sed 's/exit/ exit/' w.orch >v; cat v >w.orch; orch run -q -u -r r w.orch >/dev/null 2>&1; orch run -q -r r w.orch", 0,
	    "orch: 1 result is stale (x: a re-run was interrupted or failed); to re-run with what follows: orch resume -u -r r\n", NULL },
	{ "stdin kept", "run sh as x < - | cat\n" "print | {{x}}\n",
	    "echo 1 | orch run -q -r r w.orch >/dev/null; echo 2 | orch run -q -r r w.orch; echo 3 >in; orch run -q -r r w.orch <in >/dev/null; "
	    "echo 4 | orch resume -q -r r; orch run -q -r r w.orch </dev/null; orch run -q -r r w.orch <&-", 0,
	    "orch: standard input: the kept one is used (orch run -u -r r w.orch reads it again)\n"
	    "orch: standard input: the kept one is used (orch run -u -r r w.orch reads it again)\n", "1\n1\n1\n1\n" },
	{ "stdin read again", "run sh as x < - | cat\n" "print | {{x}}\n",
	    "echo 1 | orch run -q -r r w.orch; echo 2 | orch run -q -u -r r w.orch; true | orch run -q -u -r r w.orch; "
	    "echo 3 >in; orch run -q -u -r r w.orch <in; orch run -q -u -r r w.orch </dev/null; orch resume -q -u -r r <in", 0,
	    "orch: standard input is empty: the kept one is used\n", "1\n2\n2\n3\n3\n3\n" },
	{ "if that says something", "if echo why >&2; echo more >&2; false\n" "    print | yes\n" "else\n" "    print | no\n" "end\n"
	    "if echo well >&2\n" "    print | yes\n" "end\n",
	    "orch run -q -r r w.orch", 0,
	    "w.orch:1| why\n" "w.orch:1| more\n" "w.orch:6| well\n", "no\nyes\n" },
	{ "rows", "for a,b in < -\n" "    run sh as x-{{a}} | echo \"$b\"\n" "end\n" "print | {{x-*}}\n",
	    "printf '1\\tone\\r\\n\\n2\\t\\n\\tthree\\n' | sed 's/^\\t/3\\t/' | orch run -q -r r w.orch", 0,
	    "", "one\n\nthree\n\n" },
	{ "a row with too few fields", "for a,b,c in < -\n" "    run sh as x-{{a}} | :\n" "end\n",
	    "printf '1\\ta\\tb\\n\\n2\\tc\\n' | orch run -q -r r w.orch", 1,
	    "orch: w.orch:1: line 3 of the list has 2 fields, split at tabs, and not 3 (a,b...): 2\\x09c\n" ENDED("1 not run"), NULL },
	{ "a row as a key", "for a in < -\n" "    run sh as x-{{a}} | :\n" "end\n",
	    "printf '1\\t%300s\\n' x | orch run -q -r r w.orch 2>&1 | sed 's/ \\{20,\\}/ /'", 0,
	    "", "orch: w.orch:1: the key `x-1\\x09 ...` is too long for a file's name: 255 bytes, as %XX written out, are the most; "
	    "of a row name a column: VAR,VAR,... in < NAME, and one of them in the key\n"
	    "orch: run r failed: 1 not run, in T\n"
	    "orch: to resume: orch resume -r r\n" },
	{ "one item of several words", "param p\n" "run sh as list | printf 'a\\nb\\n'\n" "for i in {{list}}\n    print | {{i}}\nend\n"
	    "for i in {{p}}\n    print | {{i}}\nend\n" "for i in \"{{p}}\"\n    print | {{i}}\nend\n" "for i in {{p}} z\n    print | {{i}}\nend\n",
	    "orch run -q -r r w.orch p='c d'", 0,
	    "w.orch:3:10: warning: {{list}} is one item: for its lines write `in < list`, or quote it\n"
	    "    for i in {{list}}\n"
	    "             ^\n"
	    "orch: warning: w.orch:6: {{p}} is one item, though it has blanks or newlines; for its words: run sh as list | printf '%s\\n' $p, "
	    "then `in < list`; or quote it: \"{{p}}\"\n", "a\nb\nc d\nc d\nc d\nz\n" },
	{ "made in a called file that may stop", "call sub.orch as c\n" "print | {{c/a}} {{c/b}} {{c/d}} {{c/e/x}} {{c/f}}\n",
	    "printf 'run sh as a | :\\nif test -e x\\n    stop\\nend\\nrun sh as b | :\\nif test -e y\\n    run sh as d | :\\n    "
	    "call sub2.orch as e\\n    run sh as f | :\\nelse\\n    run sh as f | :\\nend\\n' >sub.orch; "
	    "printf 'run sh as x | :\\n' >sub2.orch; orch check w.orch 2>&1 | grep -c error; orch check w.orch 2>&1 | sed -n 's/, which .*//p'", 0,
	    "", "4\n"
	    "w.orch:2:17: error: `c/b` may not be there: in sub.orch, line 5 makes it, below the `stop` of line 3; or name it `c/b*`\n"
	    "w.orch:2:25: error: `c/d` may not be there: in sub.orch, line 7 makes it, in one arm of the `if` of line 6; make it in the other arm "
	    "too; or name it `c/d*`\n"
	    "w.orch:2:33: error: `c/e/x` may not be there: in sub.orch, line 8 makes it, in one arm of the `if` of line 6; make it in the other arm "
	    "too; or name it `c/e/x*`\n"
	    "w.orch:2:43: error: `c/f` may not be there: in sub.orch, line 11 makes it, below the `stop` of line 3; or name it `c/f*`\n" },
	{ "a range that a parameter makes empty", "param n\n" "for i in 1..{{n}}\n    run sh as k-{{i}} | echo $i\nend\n" "print | {{k-2}} {{k-{{n}}}}\n",
	    "orch check w.orch && orch run -q -r r w.orch n=3; orch run -q -r s w.orch n=1 2>&1 | head -n 1", 0,
	    "", "2 3\nw.orch:5:9: error: `k-2` may not be there: line 3 makes it, but for no item of line 2\n" },
	{ "if that says much", "if seq 1 300 >&2; printf 'nul\\0here' >&2\n" "    print | yes\n" "end\n",
	    "orch run -q -r r w.orch 2>&1 >/dev/null | sed -n '1p;$p'", 0,
	    "", "w.orch:1| ...\nw.orch:1| nul.here\n" },
	{ "options of a file in one word", "run sh as x | :\n",
	    "orch -qn w.orch; orch -xq w.orch; orch -un w.orch", 0, "", "would run  x  | :\n1 would run\nwould run  x  | :\n1 would run\n" },
	{ "a warning of check is said once", "agent nix orch-is-not-there\n" "param p x\n" "run nix as q | $p\n",
	    "orch check w.orch 2>&1 | grep -c warning", 0, "", "2\n" },
	{ "asked again", "run sh as x | echo y\n" "run sh as z < x | cat\n",
	    RUN "; sed 's/echo y/echo z/' w.orch >v; cat v >w.orch; orch resume -u -r r", 0,
	    "orch: resuming run r\n"
	    "rerun     x  command has changed\n"
	    "done      x  T\n"
	    "rerun     z  input x has changed\n"
	    "done      z  T\n"
	    "orch: run r is complete: 2 done, in T\n", NULL },
	{ "many kept", "for i in 1..22\n" "run sh as x-{{i}} | echo\n" "end\n",
	    RUN "; orch resume -r r 2>&1 | tail -3 >&2", 0,
	    "kept      x-20\n"
	    "kept      2 more\n"
	    "orch: run r is complete: 22 kept, in T\n", NULL },
	{ "shown before", "run sh as x | echo y\n" "for i in < x\n" "run sh as x-{{i}} | echo\n" "end\n",
	    "orch run -n w.orch", 0,
	    "", 
	    "would run  x  | echo y\n"
	    "would run  x-{{i}}  (for items that are not known yet)  | echo\n"
	    "2 would run\n" },
	{ "shown before going on", "run sh as x | echo y\n" "run sh as z | false\n",
	    RUN " 2>/dev/null; sed 's/echo y/echo z/' w.orch >v; cat v >w.orch; orch run -nu -r r w.orch", 0,
	    "", 
	    "would run again  x  command has changed  | echo z\n"
	    "would run  z  | false\n"
	    "1 would run, 1 would run again\n" },
	{ "quiet run", "run sh as x | true\n",
	    "orch run -r r w.orch", 0,
	    "orch: run r\n"
	    "done      x  T\n"
	    "orch: run r is complete: 1 done, in T\n", NULL },
	{ "-v", "run sh as x | echo 'a word' >&2\n",
	    "orch run -v -r r w.orch", 0,
	    "orch: run r\n"
	    "x| a word\n"
	    "done      x  T\n"
	    "orch: run r is complete: 1 done, in T\n", NULL },
	{ "hint", "run sh as x | false\n",
	    "orch run -u -q -d 'the runs' -r \"it's\" w.orch", 1,
	    "failed    x  exit status 1\n"
	    "orch: run it's failed: 1 failed, in T\n"
	    "orch: to resume: orch resume -u -d 'the runs' -r 'it'\\''s'\n", NULL },
	{ "jobserver", "run sh as x | true\n",
	    "MAKEFLAGS=' -j3 --jobserver-auth=fifo:/nowhere' orch run -r r w.orch", 0,
	    "orch: run r\n"
	    "orch: the jobserver that MAKEFLAGS names cannot be used; going on without it (in a makefile, put a + before the recipe's line)\n"
	    "done      x  T\n"
	    "orch: run r is complete: 1 done, in T\n", NULL },

	/* Looking at a run. */
	{ "cat: no such key", "run sh as x | true\n",
	    RUN "; orch cat y", 1,
	    "orch: y: no such step in this run; to list: orch status\n", NULL },
	{ "cat: no answer yet", "run sh as x | false\n",
	    RUN " 2>/dev/null; orch cat x", 1,
	    "orch: x: this step has no result yet\n", NULL },
	{ "cat: nothing matches", "run sh as x | true\n",
	    RUN "; orch cat 'y*'", 1,
	    "orch: y*: no result of this run matches\n", NULL },
	{ "logs: no such key", "run sh as x | true\n",
	    RUN "; orch logs y", 1,
	    "orch: y: no such step in this run; to list: orch status\n", NULL },
	{ "cat: standard output is full", "run sh as x | echo y\n",
	    RUN "; orch cat x >/dev/full", 1,
	    "orch: standard output: No space left on device\n", NULL },
	{ "logs: standard output is full", "run sh as x | echo y >&2\n",
	    RUN "; orch logs x >/dev/full", 1,
	    "orch: standard output: No space left on device\n", NULL },
	{ "runs: standard output is full", "run sh as x | echo y\n",
	    RUN "; orch runs >/dev/full", 1,
	    "orch: standard output: No space left on device\n", NULL },
	{ "status: standard output is full", "run sh as x | echo y\n",
	    RUN "; orch status >/dev/full", 2,
	    "orch: standard output: No space left on device\n", NULL },
	{ "status of a run that failed", "run sh as x | false\n",
	    RUN " 2>/dev/null; orch status", 1,
	    "", 
	    "run r: failed, started TIME, took T, DIR/w.orch\n"
	    "failed       x  T  exit status 1\n"
	    "1 failed\n"
	    "failed: x: exit status 1\n" },
	{ "status of an answer that was removed", "run sh as x | true\n",
	    RUN "; rm .orch/r/result/x; orch status", 6,
	    "", 
	    "run r: interrupted, started TIME, took T, DIR/w.orch\n"
	    "not run      x    its result was removed\n"
	    "1 not run\n" },
	{ "status of a result that the workflow names no more", "param p a\nfor x in {{p}}\nrun sh as n-{{x}} | :\nend\n",
	    RUN " p=old; " RUN " p=new; orch status | grep -c '^done  *n-old .*  not in the workflow now'; orch status | grep -c 'not in'; rm w.orch; "
	    "orch status | grep -c 'not in'", 1,
	    "", "1\n1\n0\n" },
	{ "status of an `otherwise`", "run sh as x | false\n" "otherwise none\n",
	    RUN " 2>/dev/null; orch status", 0,
	    "", 
	    "run r: complete, started TIME, took T, DIR/w.orch\n"
	    "done         x    fallback\n"
	    "1 fallback\n" },
	{ "status of a run that was stopped", "run sh as x | kill -TERM $(" STOP "); sleep 60\n",
	    RUN " 2>/dev/null; orch status", 6,
	    "", 
	    "run r: interrupted (SIGTERM), started TIME, took T, DIR/w.orch\n"
	    "interrupted  x  T  SIGTERM\n"
	    "1 interrupted\n" },
	{ "status of a run that was killed", "run sh as x | kill -KILL $(" STOP "); sleep 60\n",
	    RUN " 2>/dev/null; while orch status | grep -q ending; do :; done; orch status | sed 's/, took [^,]*//'", 0,
	    "", 
	    "run r: interrupted, started TIME, DIR/w.orch\n"
	    "interrupted  x    orch was killed or the machine went down\n"
	    "1 interrupted\n" },
	{ "diff: no such line", "run sh as x | true\n",
	    RUN "; orch diff y", 3,
	    "orch: y: no line of the workflow makes it, as far as can be told\n", NULL },
	{ "redo where there are no runs", NULL,
	    "orch redo x", 3,
	    "orch: no runs here; to start one: orch run FILE\n", NULL },
	{ "redo: neither KEY nor -F", NULL,
	    "orch redo", 2,
	    "orch: redo needs KEY..., or -F for all fallbacks; see: orch redo -h\n", NULL },
	{ "redo: KEY and -F", NULL,
	    "orch redo -F x", 2,
	    "orch: redo takes KEY... or -F, not both: x; see: orch redo -h\n", NULL },
	{ "redo -F: no fallback", "run sh as x | true\n",
	    RUN " 2>/dev/null; orch redo -F", 3,
	    "orch: r: no result of this run is a fallback\n", NULL },
	{ "depends: a directory", "run sh as x | true\n" "depends .\n",
	    RUN, 1,
	    "failed    x  . is a directory: a step can depend on plain files alone\n" ENDED("1 failed"), NULL },
	{ "diff: by hand", "ask x | A word?\n",
	    RUN " 2>/dev/null; rm .orch/r/how; echo y >.orch/r/result/x; orch diff x", 3,
	    "orch: x: what it was asked is not known: result written by hand, or the file `how` has lost it\n", NULL },
	{ "diff: asks nobody", "commit | x\n",
	    REPO RUN "; orch diff commit", 3,
	    "orch: commit: not a run or ask: nothing to compare\n", NULL },
	{ "diff: input not known", "run sh as x | false\n" "run sh as y < x | true\n",
	    RUN " 2>/dev/null; orch diff y", 3,
	    "orch: y: no result `x` here\n", NULL },
	{ "diff: earlier question", "run sh as x | test -e was && exit 1; touch was\n",
	    RUN "; sed 's/touch/: ; touch/' w.orch >v; cat v >w.orch; orch resume -u -q -r r 2>/dev/null; orch diff x", 1,
	    "orch: x: its result is from an earlier question, which is no longer known\n", NULL },
	{ "diff: no place for files", "run sh as x | true\n",
	    RUN "; sed 's/true/:/' w.orch >v; cat v >w.orch; TMPDIR=/nowhere orch diff x", 2,
	    "orch: /nowhere: No such file or directory\n", NULL },
	{ "diff: the file `run` is gone", "run sh as x | true\n",
	    RUN "; rm .orch/r/run; orch diff x", 2,
	    "orch: x: this run's file `run` cannot be read\n", NULL },
	{ "diff: standard output is full", "run sh as x | true\n",
	    RUN "; sed 's/true/:/' w.orch >v; cat v >w.orch; orch diff x >/dev/full", 2,
	    "orch: standard output: No space left on device\n", NULL },
};

/* Whether S begins as PATTERN, in which a 0 is any digit. */
static int
is_like(const char *s, const char *pattern)
{
	for (; *pattern; s++, pattern++)
		if (*pattern == '0' ? !isdigit((unsigned char)*s) : *s != *pattern)
			return 0;
	return 1;
}

/* How long the time is that S begins with, as duration_text writes one; 0: there is none. */
static size_t
time_length(const char *s)
{
	static const char *const units[] = { "ms", "s", "m", "h" };
	size_t n = 0, i, digits;

	while ((digits = strspn(s + n, "0123456789"))) {
		if (!n && s[digits] == '.')
			digits += 1 + strspn(s + digits + 1, "0123456789");
		for (i = 0; i < LEN(units) && strncmp(s + n + digits, units[i], strlen(units[i])); i++)
			;
		if (i == LEN(units))
			return 0;
		n += digits + strlen(units[i]);
	}
	return isalpha((unsigned char)s[n]) ? 0 : n;
}

/* Whether a time that is written at the end of B is one that something took. */
static int
takes_time(struct buf *b)
{
	static const char *const before[] = { " in ", "  ", "for ", "took " };
	const char *s = buf_str(b);
	size_t i;

	for (i = 0; i < LEN(before); i++)
		if (b->n >= strlen(before[i]) && !strcmp(s + b->n - strlen(before[i]), before[i]))
			return 1;
	return 0;
}

/* S, with a word in the place of each thing that is another one in each run. */
static char *
without_varying(const char *s, const char *dir)
{
	struct buf b = { 0 };
	size_t n;

	while (*s) {
		if (!strncmp(s, dir, strlen(dir))) {
			buf_text(&b, "DIR");
			s += strlen(dir);
		} else if (is_like(s, "pid 0")) {
			buf_text(&b, "pid N");
			s += 4 + strspn(s + 4, "0123456789");
		} else if (is_like(s, "kill 0")) {
			buf_text(&b, "kill N");
			s += 5 + strspn(s + 5, "0123456789");
		} else if (is_like(s, "0000-00-00 00:00:00")) {
			buf_text(&b, "TIME");
			s += 19;
		} else if (is_like(s, "00000000-000000")) {
			buf_text(&b, "TIME");
			s += 15;
		} else if (takes_time(&b) && (n = time_length(s))) {
			buf_text(&b, "T");
			s += n;
		} else {
			buf_char(&b, *s++);
		}
	}
	return buf_take(&b);
}

/* Runs COMMAND by sh, without a terminal, what it writes into the files `out` and `err`. Returns its exit
 * status, or 128 and the signal that it died of. */
static int
run(const char *command)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		setsid();
		help_redirect("out", "err");
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

START_TEST(each_message)
{
	const struct message *m = &messages[_i];
	char dir[4096], *err, *out;
	int status;

	ck_assert_ptr_nonnull(getcwd(dir, sizeof dir));
	if (m->workflow)
		help_bytes("w.orch", m->workflow, strlen(m->workflow));
	status = run(m->command);
	err = without_varying(help_read("err", NULL), dir);
	out = without_varying(help_read("out", NULL), dir);
	ck_assert_msg(!strcmp(err, m->err), "%s: it says:\n%s\nand should say:\n%s", m->name, err, m->err);
	ck_assert_msg(!m->out || !strcmp(out, m->out), "%s: it writes:\n%s\nand should write:\n%s", m->name, out,
	    m->out ? m->out : "");
	ck_assert_msg(status == m->status, "%s: %d, not %d", m->name, status, m->status);
}
END_TEST

/* A text that is too long to be shown. Each round begins it at another byte. */

static char *
japanese(int shift, size_t n)
{
	char *s = malloc(n + 8);
	size_t i;

	memset(s, 'a', (size_t)shift);
	for (i = (size_t)shift; i < n; i += 3)
		memcpy(s + i, "\xe6\x97\xa5", 3);
	memset(s + i, 'b', (size_t)shift);      /* an end is cut at another byte too */
	s[i + (size_t)shift] = '\0';
	return s;
}

static const struct {
	const char *workflow;   /* %s is the text */
	const char *command;
	int is_marked;
} cuts[] = {
	{ "param t %s\n" "run sh as x | echo\n" "timeout {{t}}\n", "orch run -r r w.orch", 1 },
	{ "run sh as x | echo %s\n" "run sh as y | echo\n" "timeout {{x}}\n", "orch run -r r w.orch", 1 },
	{ "run sh as x | echo %s\n" "parallel max {{x}} i in 1 2\n" "print | x\n" "end\n", "orch run -r r w.orch", 1 },
	{ "run sh as x | exit 1\n" "otherwise '%s'\n", "orch run -r r w.orch", 1 },
	{ "run claude as x | %s\n", "orch run -n -a 'claude=cat' w.orch", 1 },
	{ "param t '%s'\n" "run sh as x-{{t}}{{t}} | echo\n", "orch run -r r w.orch", 1 },
	{ "run sh as y | echo %s\n" "ask x a b default {{y}} | ?\n", "orch run -r r w.orch", 0 },
	{ "%s\n", "orch check w.orch", 1 },
	{ "print | {{a%s}}\n", "orch check w.orch", 0 },
	{ "run sh as x | for i in 1 2 3 4 5 6; do sed 's/.*# //' w.orch; done | tr -d '\\n' | tee -a /dev/stderr; exit 1 # %s\n", "orch run -r r w.orch", 0 },
	{ "run sh as x | for i in 1 2 3 4 5 6 7 8; do cat w.orch w.orch w.orch w.orch w.orch w.orch w.orch w.orch w.orch w.orch w.orch w.orch; "
	    "done | tr -d '\\n' >&2 # %s\n", "orch run -v -r r w.orch", 0 },
	{ "if tr -d '\\n' <w.orch >&2; exit 3 # %s\n" "print | x\n" "end\n", "orch run -r r w.orch; orch status -r r", 0 },
	{ "run sh as x | tr -d '\\n' <w.orch >&2; exit 75 # %s\n", "timeout 1 orch run -r r w.orch", 0 },
	{ "step s exec no-such-program\n" "run s as x\n" "env PATH=/%s\n", "orch run -r r w.orch", 1 },
};

START_TEST(texts_are_cut_at_a_character)
{
	const char *format = cuts[_i / 3].workflow;
	char *text = japanese(_i % 3, 600), *all = malloc(strlen(format) + 1000);
	struct ran r;

	sprintf(all, format, text);
	help_bytes("w.orch", all, strlen(all));
	r = help_run("%s", cuts[_i / 3].command);
	ck_assert_msg(strstr(r.err, "\xe6\x97\xa5") || strstr(r.out, "\xe6\x97\xa5"), "%s: nothing of it is shown: %s%s", format, r.out, r.err);
	help_lacks(r.err, "\\x");
	help_lacks(r.out, "\\x");
	if (cuts[_i / 3].is_marked)
		ck_assert_msg(strstr(r.err, "\xa5...") || strstr(r.out, "\xa5..."), "%s: no mark: %s%s", format, r.out, r.err);
}
END_TEST

/* What newcomers write, and what they are told: once, and so that it works. */
static const struct {
	const char *workflow, *message;
} mistakes[] = {
	{ "ask go yes no default yes | Go?\nif test {{go}} = yes\nprint | x\nend", "2:9: error: cannot insert {{go}} into shell code: use 'if < go | COMMAND'" },
	{ "run sh as a \"Review it\"", "1:13: error: a prompt begins with '|': run sh as a | Review it\n" },
	{ "run sh --model 'big one'", "1:8: error: arguments go on a line of `step`: step NAME sh --model 'big one', then run NAME\n" },
	{ "run sh as x | :\nrun sh as y | :\nrun sh as z < x, y | :", "unknown name `x,`: names are separated by blanks, without commas\n" },
	{ "run sh as f | :\nparallel x in < f max 2\nrun sh as c-{{x}} | :\nend", "2:19: error: `max` goes before the variable: parallel max 2 x in ...\n" },
	{ "parallel x in a b max 2\nrun sh as c-{{x}} | :\nend", "1:19: error: `max` goes before the variable: parallel max 2 x in ...\n" },
	{ "parallel 3 x in a b\nrun sh as c-{{x}} | :\nend", "invalid variable name '3'; a number of branches is `parallel max 3`\n" },
	{ "while true\nrun sh | :\nend", "1:1: error: unknown keyword `while`: for i in 1..10, with `break` in an `if`\n" },
	{ "if true\nprint | x\nelif false\nprint | y\nend", "3:1: error: unknown keyword `elif`: put an `if` inside of `else`\n" },
	{ "x=5", "1:1: error: unknown keyword `x=5`: a value is a parameter: param NAME VALUE\n" },
	{ "echo hi", "1:1: error: unknown keyword `echo`: print | TEXT, or a command: run sh as KEY | echo ...\n" },
	{ "param file = foo.txt\nprint | {{file}}", "1:12: error: a default has no `=`: param file foo.txt\n" },
	{ "param prompt Which one?\nprint | {{prompt}}", "1:20: error: unexpected `one?`: quote a default with blanks: param prompt 'Which ...'\n" },
	{ "commit \"msg\"", "1:8: error: the message begins with |: commit | msg\n" },
	{ "ask ok yes no \"Sure?\"", "1:1: error: missing text: ask KEY [CHOICE...] | TEXT\n" },
	{ "run sh as x | :\ncheck | grep -q OK", "2:7: error: `check` takes a command, without |: check grep -q OK\n" },
	{ "budget 600tok\nrun sh | :", "1:8: error: invalid budget '600tok': its unit is usd, ktok or Mtok, as in 5usd or 0.6ktok\n" },
	{ "parallel t in a b\ncall v.orch as j-{{t}} prompt='About {{t}}?'\nend", "2:24: warning: {{t}} stays as it is in '...'; to insert its value use \"...\"\n" },
};

START_TEST(mistakes_of_newcomers)
{
	int is_error = strstr(mistakes[_i].message, "warning: ") == NULL;
	struct ran r;

	help_file("v.orch", "param prompt", "print | {{prompt}}", NULL);
	help_file("w.orch", mistakes[_i].workflow, NULL);
	r = help_sh(is_error ? 2 : 0, "orch check w.orch");
	help_has(r.err, mistakes[_i].message);
	if (strncmp(mistakes[_i].workflow, "parallel 3", 10))   /* where `in` is not found either */
		ck_assert_int_eq(help_count(r.err, "w.orch:"), 1);
}
END_TEST

/* What is quoted otherwise, or names nothing, is not warned of. */
START_TEST(braces_that_are_meant)
{
	help_file("v.orch", "param prompt", "print | {{prompt}}", NULL);
	help_file("w.orch", "for t in a", "call v.orch as a-{{t}} prompt=\"About {{t}}\"", "call v.orch as b-{{t}} prompt=\"About \\{{t}}\"",
	    "call v.orch as c-{{t}} prompt='About {{u}}'", "end", NULL);
	ck_assert_str_eq(help_sh(0, "orch check w.orch").err, "");
	ck_assert_str_eq(help_sh(0, "orch run -q w.orch").out, "About a\nAbout {{t}}\nAbout {{u}}\n");
}
END_TEST

START_TEST(where_to_look)
{
	help_file("w.orch", "run sh as a | :", NULL);
	help_sh(0, "orch run -q -r 'a b' w.orch");
	ck_assert_str_eq(help_sh(1, "orch cat -r 'a b' x").err, "orch: x: no such step in this run; to list: orch status -r 'a b'\n");
	ck_assert_str_eq(help_sh(1, "orch logs -d ./.orch -r 'a b' x").err,
	    "orch: x: no such step in this run; to list: orch status -d ./.orch -r 'a b'\n");
	ck_assert_str_eq(help_sh(1, "orch session x").err, "orch: x: no such step in this run; to list: orch status\n");
	ck_assert_str_eq(help_sh(2, "orch -j x w.orch").err, "orch: -j takes a positive number: x; see: orch run -h\n");
}
END_TEST

/* What the manual and README show as a workflow is one. */
START_TEST(examples_are_workflows)
{
	help_sh(0, "awk -f \"$TREE/tests/examples.awk\" \"$TREE/orch.1\" \"$TREE/README\"");
	ck_assert_int_ge(help_count(help_sh(0, "ls *.orch").out, "\n"), 8);
	help_sh(0, "orch check *.orch");
}
END_TEST

/* And each of them runs, with stand-ins for its agents, and prints what the manual says it would. */
static const struct {
	const char *ready, *command, *out;
	int needs_jq;
} examples[] = {
	{ ":", "orch run -q -a 'claude=sh ./key' -a 'codex=sh ./key' research.orch", "verdict\n", 0 },
	{ ":", "orch run -q -r r -a 'claude=cat' review.orch | grep -c '^==> review-'", "3\n", 0 },
	{ ":", "orch run -q -a 'claude=sh ./better' judge.orch", "b\n", 1 },
	{ "touch a.c 'b d.c'", "orch run -q -a 'claude=cat' files.orch | grep '^==> review-'", "==> review-a.c <==\n==> review-b d.c <==\n", 0 },
	{ "printf 'check:\\n\\ttest -e done\\n' >Makefile", "orch run -q -r r -a 'claude=sh ./fixer' fix.orch Work; "
	    "orch cat -r r 'test-*' | grep -c PASSED; ls .orch/r/result | tr '\\n' ' '", "1\nfix-1 test-1 test-2 work ", 0 },
	{ "printf '#!/bin/sh\\ncat >published\\n' >publish; chmod +x publish; : >CHANGES",
	    "orch run -q -r r -a 'claude=sh ./key' release.orch 2>err; test $? = 1; eval \"$(sed -n 's/.*to answer[^:]*: echo ANSWER/echo yes/p' err)\"; "
	    "orch resume -q -r r; cat published", "notes\n", 0 },
	{ "printf '%s\\n' '[{\"name\":\"a b\",\"why\":\"it\\tis\\nold\"},{\"name\":\"../c\",\"why\":\"$(x)\"}]' >list",
	    "orch run -q -r r -a 'claude=sh ./planner' plan.orch | grep -c ^Change; "
	    "orch cat -r r 'change-a b' change-../c", "2\nChange a b: it\\tis\\nold\nChange ../c: $(x)\n", 1 },
	{ "{ echo id,name,text; for i in $(seq 499); do echo \"$i,'n\\\"$i,\\$(touch HACKED) \\`x\\` $i\"; done; printf '500,,x'; } >jobs.csv",
	    "orch run -q -r r -a claude=cat jobs.orch; ls .orch/r/result | wc -l; orch cat -r r answer-77 answer-500; ls HACKED 2>/dev/null || echo no",
	    "501\nAnswer 'n\"77, who wrote: $(touch HACKED) `x` 77\nAnswer , who wrote: x\nno\n", 0 },
	{ ":", "orch run -q -r r -a 'claude=sh ./key' all.orch; ls .orch/r/result | grep -c '^review-.*%2F'", "report\n9\n", 0 },
};

START_TEST(examples_run)
{
	if (examples[_i].needs_jq && !*help_sh(0, "command -v jq || :").out) {
		help_skip("examples_run", "jq");
		return;
	}
	help_sh(0, "awk -f \"$TREE/tests/examples.awk\" \"$TREE/orch.1\" \"$TREE/README\"");
	help_file("key", "cat >/dev/null", "echo $ORCH_KEY", NULL);
	help_file("better", "cat >/dev/null", "echo '{\"better\":\"b\",\"why\":\"x\"}'", NULL);
	help_file("planner", "test \"$ORCH_KEY\" != plan || exec cat $ORCH_ROOT/list", "cat", NULL);
	help_file("fixer", "cat", "test $ORCH_KEY = work || touch done", NULL);
	help_sh(0, examples[_i].ready);
	ck_assert_str_eq(help_run("%s", examples[_i].command).out, examples[_i].out);
}
END_TEST

/* Word for word. */
START_TEST(the_wrapper_of_the_manual)
{
	help_sh(0, "sed -n '/^# limited AGENT/,/^\\.Ed/p' \"$TREE/orch.1\" | sed '$d; s/\\\\e/\\\\/g' >there; sed 1d \"$TREE/tests/agents/limited\" | cmp - there; test -s there");
}
END_TEST

START_TEST(the_shell_script_of_the_manual)
{
	help_sh(0, "sed -n '/^set -eu/,/^\\.Ed/p' \"$TREE/orch.1\" | sed '/^\\.Ed/,$d; s/\\\\e/\\\\/g' >audit.sh; test $(wc -l <audit.sh) -gt 15");
	help_sh(0, "mkdir bin");
	help_file("bin/claude", "#!/bin/sh", "cat >/dev/null", "case $ORCH_KEY in *bad*) echo wrong ;; review-*) echo OK ;; *) echo $ORCH_KEY ;; esac", NULL);
	help_sh(0, "chmod +x bin/claude; git init -q; echo a >'a b.c'; echo b >bad.c; git add *.c; "
	    "git -c user.name=t -c user.email=t@example.org commit -qm x; git branch -M main; echo more | tee -a *.c");
	ck_assert_str_eq(help_sh(0, "PATH=$PWD/bin:$PATH sh audit.sh").out, "note\n");
	ck_assert_str_eq(help_sh(0, "ls .orch/audit/result").out, "files\nfix-bad.c\nnote\nreview-a%20b.c\nreview-bad.c\n");
}
END_TEST

/* orch help FORMAT is all that somebody needs to write a workflow: each example of it is one, and each attribute is there. */
START_TEST(the_format_on_a_screen)
{
	static const char *const words[] = { "param", "agent", "step", "run", "for", "parallel", "if", "call", "worktree", "commit", "cd", "ask",
	    "print", "stop", "fail", "break", "timeout", "idle", "retry", "revise", "filter", "check", "otherwise", "fork", "fresh", "depends",
	    "pure", "always", "env", "prompt", "interactive", "free", "budget" };
	struct ran r = help_sh(0, "orch help FORMAT");
	char word[40];
	int i;

	for (i = 0; i < LEN(words); i++) {
		snprintf(word, sizeof word, "%s", words[i]);
		ck_assert_msg(strstr(r.out, word), "%s is not there", word);
	}
	help_sh(0, "orch help FORMAT | expand | awk 'length > 90' | grep . && exit 1 || :");
	ck_assert_int_lt(help_count(r.out, "\n"), 95);
	ck_assert_str_eq(help_sh(0, "orch help format").out, r.out);
	/* The manual has the same. */
	help_sh(0, "sed -n '/^\\.Sh THE FORMAT/,/^\\.Ed/p' \"$TREE/orch.1\" | sed -n '/^\\.Bd/,/^\\.Ed/p' | sed '1d; $d; s/^\\\\&//' >there;"
	    "n=$(wc -l <there); test $n -gt 50 && orch help FORMAT | head -n $n | cmp - there");
	r = help_sh(0, "orch help FORMAT");
	help_sh(0, "orch help FORMAT >README; awk -f \"$TREE/tests/examples.awk\" README");
	ck_assert_int_eq(help_count(help_sh(0, "ls *.orch").out, "\n"), 3);
	help_sh(0, "orch check *.orch");
}
END_TEST

START_TEST(help_of_commands_and_files)
{
	static const char *const commands[] = { "run", "resume", "redo", "check", "status", "runs", "logs", "cat", "diff", "session", "rm", "trust",
	    "help", "completion" };
	char command[60], usage[60];
	int i;

	for (i = 0; i < LEN(commands); i++) {
		snprintf(command, sizeof command, "orch %s -h", commands[i]);
		snprintf(usage, sizeof usage, "usage: orch %s", commands[i]);
		help_has(help_sh(0, command).out, usage);
		snprintf(command, sizeof command, "orch help %s", commands[i]);
		help_has(help_sh(0, command).out, usage);
		snprintf(usage, sizeof usage, "\n  %-11s ", commands[i]);
		help_has(help_sh(0, "orch help").out, usage);
	}
	help_has(help_sh(0, "orch run -q -h").out, "  -j N         at most N agents at once\n");
	help_has(help_sh(0, "orch run -h").out, "  -q           print only failures and warnings\n  -r RUN       the run's name: start it, or resume it\n  -t RUN       take results of pure steps from an earlier run\n  -u");
	help_has(help_sh(0, "orch status -h").out, "  -q           show only the steps that failed, were interrupted or have a fallback\n  -r RUN       the name of the run\n");
	ck_assert_int_eq(help_count(help_sh(0, "orch status -h").out, "  -q"), 1);
	ck_assert_str_eq(help_sh(0, "orch help").out, help_sh(0, "orch -h").out);
	help_file("w.orch", "#!/usr/bin/env orch", "# Reviews a part.", "#   With two lenses.", "param part", "param lens 'speed, style'", "param prompt",
	    "run sh as a | :", NULL);
	ck_assert_str_eq(help_sh(0, "orch help w.orch").out, "Reviews a part.\n  With two lenses.\n\nParameters:\n  part  (required)\n"
	    "  lens=speed, style\n  prompt  (required: the text after FILE)\n");
	help_file("w.orch", "run sh as a | :", NULL);
	ck_assert_str_eq(help_sh(0, "orch help w.orch").out, "No comment at its top, and no parameters.\n");
	help_has(help_sh(2, "orch help nothing").err, "orch: cannot read nothing: ");
	help_file("w.orch", "parallel", NULL);
	help_has(help_sh(2, "orch help w.orch").err, "w.orch:1:1: error: `parallel` without `end`\n");
	help_has(help_sh(2, "orch help a b").err, "usage: orch help");
}
END_TEST

Suite *
messages_suite(void)
{
	Suite *s = suite_create("messages");

	tcase_add_loop_test(help_case(s, "messages", help_start, 30), each_message, 0, LEN(messages));
	tcase_add_loop_test(help_case(s, "cuts", help_start, 30), texts_are_cut_at_a_character, 0, 3 * LEN(cuts));
	tcase_add_test(help_case(s, "examples", help_start, 30), examples_are_workflows);
	tcase_add_loop_test(help_case(s, "examples that run", help_start, 30), examples_run, 0, LEN(examples));
	tcase_add_test(help_case(s, "shell scripts", help_start, 30), the_shell_script_of_the_manual);
	tcase_add_test(help_case(s, "wrapper", help_start, 30), the_wrapper_of_the_manual);
	tcase_add_loop_test(help_case(s, "mistakes", help_start, 30), mistakes_of_newcomers, 0, LEN(mistakes));
	tcase_add_test(help_case(s, "where to look", help_start, 30), where_to_look);
	tcase_add_test(help_case(s, "braces", help_start, 30), braces_that_are_meant);
	tcase_add_test(help_case(s, "format", help_start, 30), the_format_on_a_screen);
	tcase_add_test(help_case(s, "help", help_start, 30), help_of_commands_and_files);
	return s;
}

/* Those that are not brought about above: they need a fault (fault_test.c), a full disk or a lack of processes
 * (limits_test.c), another user or a moment that is not to be had at will (foreign_test.c, survive_test.c), a
 * terminal (terminal_test.c, live_test.c), or a long time. The file and the function that says it:
 *
 * orch.c                          no_memory           out of memory; what was answered is kept
 * engine/start.c                  start_fail          cannot start: /dev/null: WHY, a pipe: WHY (streams_test.c)
 * engine/run.c                    find_record         result/ cannot be read: WHY
 *                                 take_operand(s)     memory: WHY
 *                                 lock_error          run RUN cannot be locked: WHY (streams_test.c)
 *                                 lock                a step of the run RUN that an earlier orch has left is still being ended ...
 *                                 compare_record      the run RUN was just made for FILE; give this one another name with -r
 *                                 write_record        this run's file `run` cannot be written: WHY
 *                                 log_end             the end of run RUN cannot be written to its log: WHY (streams_test.c)
 *                                 load_keys           the log cannot be read: WHY; result/ cannot be read: WHY
 *                                 was_removed         run RUN was removed just now; start it again (rm_test.c)
 * engine/rm.c                     lock                run RUN is in use: a step of it, ... is still being ended (rm_test.c)
 *                                 check_orphans       run RUN is in use: its orch was killed, and has left PIDS; kill these first (rm_test.c);
 *                                                     one of its steps started this shell
 *                                 remove_it           run RUN is removed, but not all of its files: PATH: WHY (rm_test.c)
 *                                 fail_store          PATH: is on another file system: unmount it first (rm_test.c)
 * engine/load.c                   load_bind           a parameter's default that cannot be made
 * engine/loop.c                   log_event           cannot write the log of run RUN: WHY
 *                                 keep_answers        result/ cannot be synced to disk: WHY
 * engine/sched/walk.c             keep                what it would be asked cannot be told
 *                                 walk_printed        standard output: WHY, of what was to be printed later
 * engine/launch.c                 launch_crowded      the system refuses agents more processes ... (small_test.c)
 * engine/agent/outcome.c          outcome_text        cannot be started: no process available: WHY
 *                                                     exit status N: the system refused it a process (small_test.c)
 *                                                     exit status N: ... a process, for 30s with no other step running (small_test.c)
 *                                                     exit status N, and the disk is full (small_test.c)
 *                                                     the disk was full when it ended: its result may be incomplete
 *                                                     its result is still open for writing: pid N
 *                                                     it left processes that cannot be killed: PIDS
 * engine/supervise/supervisor.c   set_up              lock: WHY
 *                                 start_program       no process available: WHY
 *                                 leave_held          its file is locked by a process that cannot be found
 *                                 filter_answer       the filter's output: WHY
 *                                 result_sync         its result cannot be synced to disk: WHY
 *                                 and many            tmp/, result/, asked/, how/, stderr/: WHY
 * engine/supervise/take.c         copy_result         its result: WHY; taken_begin: how: WHY (take_test.c)
 * engine/supervise/making.c       lock_repository     orch.lock in the repository's directory: WHY
 *                                 common_directory    the repository's directory: WHY
 *                                 supervisor_worktree       the new worktree: WHY
 * engine/supervise/commit.c       supervisor_commit         git commit made no commit
 * engine/supervise/git.c          git_run             what git wrote: WHY
 * engine/supervise/terminal.c     supervisor_ask            the question was not answered (end of input)
 *                                 read_line           the terminal: WHY
 *                                 supervisor_interactive    no terminal: an interactive step needs one
 * engine/ui/progress.c            progress_quiet      KEY has been running for T, and has written nothing yet ...
 * engine/inspect/runs.c           cat_one             KEY: WHY
 * engine/inspect/diff.c           look                the log: WHY
 *                                 compare             KEY: WHY
 * store/store.c                   check_owner, fault  PATH belongs to another user
 *                                 fail_sync           PATH cannot be synced to disk (fsync: WHY) (streams_test.c)
 *                                 store_open          .gitignore: WHY
 *                                 set_path            memory: WHY */

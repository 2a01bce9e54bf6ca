/* What shells complete.
 *
 * Names of runs and keys come from `orch runs -p` and `orch status -p`, field 2. They may hold anything, so they
 * are taken as they are, never evaluated, and put in quoted; those with control characters, which -p shows as
 * %0A and the like, are left out. */
#include "engine/inspect/completion.h"

#include <stdlib.h>
#include <string.h>

/* In the scripts \1 is replaced by the options of the commands, \2 by their names, \3 by what names the agents for -a: those of all
 * workflows here, \4 by what takes the parameters out of what orch help FILE writes. */

static const char agents[] = "{ printf '%s\\n' claude= codex= sh= exec=; sed -n 's/^[[:blank:]]*agent[[:blank:]]\\{1,\\}\\([A-Za-z0-9_.-]\\{1,\\}\\)[[:blank:]].*/\\1=/p' *.orch 2>/dev/null; }";

static const char params[] = "sed -n '/^Parameters:$/,$s/^  \\([a-z0-9_]\\{1,\\}\\)[ =].*/\\1=/p'";

static const char bash[] =
    "_orch() {\n"
    "\tlocal c=${COMP_WORDS[1]} p=${COMP_LINE:0:COMP_POINT} d=() r=() l=() f= o t k q i\n"
    "\1"
    "\tfor ((i = 2; i < COMP_CWORD - 1; i++)); do\n"
    "\t\tt=${COMP_WORDS[i + 1]//[\\\"\\'\\\\]}\n"
    "\t\tcase ${COMP_WORDS[i]} in -d) d=(-d \"$t\") ;; -r) r=(-r \"$t\") ;; esac\n"
    "\tdone\n"
    "\tif [[ $c == run ]]; then i=2; elif [[ ' \2 ' == *\" $c \"* ]]; then i=$COMP_CWORD; else i=1; fi\n"
    "\tfor ((; i < COMP_CWORD; i++)); do\n"
    "\t\tcase ${COMP_WORDS[i]} in\n"
    "\t\t-a) ((i++)); [[ ${COMP_WORDS[i + 1]} == = ]] && ((i += 2)) ;;\n"
    "\t\t-[bdjrt]) ((i++)) ;;\n"
    "\t\t-*) ;;\n"
    "\t\t*) f=${COMP_WORDS[i]//[\\\"\\'\\\\]}; break ;;\n"
    "\t\tesac\n"
    "\tdone\n"
    "\tCOMPREPLY=()\n"
    "\tt=${p##*[!\\\\][[:blank:]]}\n"
    "\tt=${t#[\\\"\\']}\n"
    "\tif [[ $3 == -[rt] ]]; then\n"
    "\t\tl=(runs -p \"${d[@]}\")\n"
    "\telif [[ $3 == -a ]]; then\n"
    "\t\tCOMPREPLY=($(compgen -W \"$(\3)\" -- \"$2\"))\n"
    "\t\tcompopt -o nospace\n"
    "\telif [[ $3 == -[bdjk] || $3 == = || $2 == = ]]; then\n"
    "\t\treturn\n"
    "\telif [[ $2 == -* ]]; then\n"
    "\t\tCOMPREPLY=($(compgen -W \"${o[*]}\" -- \"$2\"))\n"
    "\telif ((COMP_CWORD == 1)); then\n"
    "\t\tCOMPREPLY=($(compgen -W '\2' -- \"$2\"))\n"
    "\telif [[ $c == @(rm|trust) && $3 != -d ]]; then\n"
    "\t\tl=(runs -p \"${d[@]}\")\n"
    "\telif [[ -n $f ]]; then\n"
    "\t\tCOMPREPLY=($(compgen -W \"$(orch help -- \"$f\" 2>/dev/null | \4)\" -- \"$2\"))\n"
    "\t\t((${#COMPREPLY[@]})) && compopt -o nospace\n"
    "\telif [[ $c == completion ]]; then\n"
    "\t\tCOMPREPLY=($(compgen -W 'bash zsh fish' -- \"$2\"))\n"
    "\telif [[ $c == @(logs|cat|diff|session|redo) ]]; then\n"
    "\t\tl=(status -p \"${d[@]}\" \"${r[@]}\")\n"
    "\tfi\n"
    "\t((${#l[@]})) || return\n"
    "\tcompopt +o default\n"
    "\twhile IFS=$'\\t' read -r q k q; do\n"
    "\t\tk=${k//%25/$'\\1'}\n"
    "\t\t[[ $k == *%* ]] && continue\n"
    "\t\tk=${k//$'\\1'/%}\n"
    "\t\tprintf -v q %q \"$k\"\n"
    "\t\t[[ $q == \"$t\"* || $k == \"$t\"* ]] && COMPREPLY+=(\"${q#\"${t%\"$2\"}\"}\")\n"
    "\tdone < <(orch \"${l[@]}\" 2>/dev/null)\n"
    "}\n"
    "complete -o default -F _orch orch\n";

static const char zsh[] =
    "#compdef orch\n"
    "_orch() {\n"
    "\tlocal c=$words[2] p=$words[CURRENT-1] f i\n"
    "\tlocal -a d r l k o\n"
    "\1"
    "\tfor ((i = 3; i < CURRENT - 1; i++)); do\n"
    "\t\tcase $words[i] in\n"
    "\t\t-d) d=(-d \"${(Q)words[i+1]}\") ;;\n"
    "\t\t-r) r=(-r \"${(Q)words[i+1]}\") ;;\n"
    "\t\tesac\n"
    "\tdone\n"
    "\tif [[ $c == run ]]; then i=3; elif [[ ' \2 ' == *\" $c \"* ]]; then i=$CURRENT; else i=2; fi\n"
    "\tfor ((; i < CURRENT; i++)); do\n"
    "\t\tcase $words[i] in\n"
    "\t\t-[abdjrt]) ((i++)) ;;\n"
    "\t\t-*) ;;\n"
    "\t\t*) f=${(Q)words[i]}; break ;;\n"
    "\t\tesac\n"
    "\tdone\n"
    "\tif [[ $p == -[rt] ]]; then\n"
    "\t\tl=(runs -p \"$d[@]\")\n"
    "\telif [[ $p == -a ]]; then\n"
    "\t\tk=(${(f)\"$(setopt nullglob; \3)\"})\n"
    "\t\tcompadd -S '' -a k\n"
    "\t\treturn\n"
    "\telif [[ $p == -[bjk] ]]; then\n"
    "\t\treturn\n"
    "\telif [[ $p != -d && $PREFIX == -* ]]; then\n"
    "\t\tk=($o)\n"
    "\telif ((CURRENT == 2)); then\n"
    "\t\tk=(\2)\n"
    "\telif [[ $p != -d && $c == (rm|trust) ]]; then\n"
    "\t\tl=(runs -p \"$d[@]\")\n"
    "\telif [[ -n $f && $p != -d ]]; then\n"
    "\t\tk=(${(f)\"$(orch help -- \"$f\" 2>/dev/null | \4)\"})\n"
    "\t\t(($#k)) && compadd -S '' -a k && return\n"
    "\t\tk=()\n"
    "\telif [[ $c == completion ]]; then\n"
    "\t\tk=(bash zsh fish)\n"
    "\telif [[ $p != -d && $c == (logs|cat|diff|session|redo) ]]; then\n"
    "\t\tl=(status -p \"$d[@]\" \"$r[@]\")\n"
    "\tfi\n"
    "\tif (($#l)); then\n"
    "\t\tk=(${${${(f)\"$(orch \"$l[@]\" 2>/dev/null)\"}#*$'\\t'}%%$'\\t'*})\n"
    "\t\tk=(${${k//\\%25/$'\\1'}:#*%*})\n"
    "\t\tk=(${k//$'\\1'/%})\n"
    "\tfi\n"
    "\t(($#k)) && compadd -a k\n"
    "\t(($#l || $#k && CURRENT != 2)) || _files\n"
    "}\n"
    "if [[ $funcstack[1] == _orch ]]; then _orch; else compdef _orch orch; fi\n";

static const char fish[] =
    "function __orch\n"
    "\tset -l w (commandline -opc)\n"
    "\tset -l a\n"
    "\twhile set -q w[2]\n"
    "\t\tcontains -- $w[1] $argv[2..]; and set a $a $w[1..2]\n"
    "\t\tset -e w[1]\n"
    "\tend\n"
    "\torch $argv[1] -p $a 2>/dev/null | cut -f2 | string match -rv '%(?!25)' | string replace -a %25 %\n"
    "end\n"
    "function __orch_agents\n"
    "\tprintf '%s\\n' claude= codex= sh= exec=\n"
    "\tset -l files *.orch\n"
    "\tset -q files[1]; and cat $files | string replace -rf '^\\s*agent\\s+([A-Za-z0-9_.-]+)\\s.*' '$1='\n"
    "end\n"
    "function __orch_file\n"
    "\tset -l w (commandline -opc)[2..]\n"
    "\tif test \"$w[1]\" = run\n"
    "\t\tset -e w[1]\n"
    "\telse if contains -- \"$w[1]\" \2\n"
    "\t\treturn 1\n"
    "\tend\n"
    "\twhile set -q w[1]\n"
    "\t\tswitch $w[1]\n"
    "\t\t\tcase -a -b -d -j -r -t\n"
    "\t\t\t\tset -q w[2]; or return 1\n"
    "\t\t\t\tset -e w[1..2]\n"
    "\t\t\tcase '-*'\n"
    "\t\t\t\tset -e w[1]\n"
    "\t\t\tcase '*'\n"
    "\t\t\t\tprintf '%s\\n' $w[1]\n"
    "\t\t\t\treturn 0\n"
    "\t\tend\n"
    "\tend\n"
    "\treturn 1\n"
    "end\n"
    "complete -c orch -n '__orch_file >/dev/null' -a '(orch help -- (__orch_file) 2>/dev/null | \4)'\n"
    "complete -c orch -n 'test (count (commandline -opc)) = 1' -a '\2'\n"
    "complete -c orch -f -n '__fish_seen_subcommand_from logs cat diff session redo' -a '(__orch status -d -r)'\n"
    "complete -c orch -f -n '__fish_seen_subcommand_from rm trust' -a '(__orch runs -d)'\n"
    "complete -c orch -f -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n"
    "\1";

/* Whether the command takes the option LETTER. */
static int
takes(const struct subcommand *c, char letter)
{
	return strchr(c->options, letter) != NULL;
}

static int
by_letter(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}

/* What the command $c takes, for bash and for zsh; a FILE is taken as run, the first. */
static void
put_cases(const struct subcommands *c, struct buf *out)
{
	char letters[64];
	size_t i, k, n;

	buf_text(out, "\tcase $c in\n");
	for (i = c->n; i--; ) {
		for (n = k = 0; c->list[i].options[k] && n < sizeof letters; k++)
			if (c->list[i].options[k] != ':')
				letters[n++] = c->list[i].options[k];
		qsort(letters, n, 1, by_letter);
		buf_fmt(out, "\t%s) o=(", i ? c->list[i].name : "*");
		for (k = 0; k < n; k++)
			buf_fmt(out, "%s-%c", k ? " " : "", letters[k]);
		buf_text(out, ") ;;\n");
	}
	buf_text(out, "\tesac\n");
}

/* The options, for fish: each for the commands that take it, and for a FILE where run does. */
static void
put_fish_options(const struct subcommands *c, struct buf *out)
{
	char letter;
	size_t i, n;

	for (letter = 'A'; letter <= 'z'; letter++) {
		for (n = i = 0; i < c->n; i++)
			n += takes(&c->list[i], letter) != 0;
		if (!n)
			continue;
		buf_fmt(out, "complete -c orch -s %c%s -n '%s__fish_seen_subcommand_from", letter,
		    letter == 'r' || letter == 't' ? " -x -a '(__orch runs -d)'" : letter == 'd' ? " -x -a '(__fish_complete_directories)'" :
		    letter == 'a' ? " -x -a '(__orch_agents)'" :
		    letter == 'b' || letter == 'j' || letter == 'k' ? " -x" : "", takes(&c->list[0], letter) ? "not " : "");
		for (i = 0; i < c->n; i++)
			if (takes(&c->list[i], letter) != takes(&c->list[0], letter))
				buf_fmt(out, " %s", c->list[i].name);
		buf_text(out, "'\n");
	}
}

/* For fish it is inside of single quotes, where a quote and a backslash need a backslash. */
static void
put_params(int is_quoted, struct buf *out)
{
	const char *s;

	for (s = params; *s; s++) {
		if (is_quoted && (*s == '\'' || *s == '\\'))
			buf_char(out, '\\');
		buf_char(out, *s);
	}
}

int
completion_script(const char *shell, const struct subcommands *c, struct buf *out)
{
	const char *s = !strcmp(shell, "bash") ? bash : !strcmp(shell, "zsh") ? zsh : !strcmp(shell, "fish") ? fish : NULL;
	size_t i;

	for (; s && *s; s++)
		if (*s == '\1' && !strcmp(shell, "fish"))
			put_fish_options(c, out);
		else if (*s == '\1')
			put_cases(c, out);
		else if (*s == '\2')
			for (i = 0; i < c->n; i++)
				buf_fmt(out, "%s%s", i ? " " : "", c->list[i].name);
		else if (*s == '\3')
			buf_text(out, agents);
		else if (*s == '\4')
			put_params(!strcmp(shell, "fish"), out);
		else
			buf_char(out, *s);
	return s ? 0 : -1;
}

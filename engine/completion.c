/* What shells complete.
 *
 * Names of runs and keys come from `orch runs -p` and `orch status -p`, field 2. They may hold anything, so they
 * are taken as they are, never evaluated, and put in quoted; those with control characters, which -p shows as
 * %0A and the like, are left out. */
#include "engine/completion.h"

#include <string.h>

#define COMMANDS "run resume check status runs logs cat diff completion"

static const char bash[] =
    "_orch() {\n"
    "\tlocal c=${COMP_WORDS[1]} p=${COMP_LINE:0:COMP_POINT} d=() r=() l=() t k q i\n"
    "\tfor ((i = 2; i < COMP_CWORD - 1; i++)); do\n"
    "\t\tt=${COMP_WORDS[i + 1]//[\\\"\\'\\\\]}\n"
    "\t\tcase ${COMP_WORDS[i]} in -d) d=(-d \"$t\") ;; -r) r=(-r \"$t\") ;; esac\n"
    "\tdone\n"
    "\tCOMPREPLY=()\n"
    "\tt=${p##*[!\\\\][[:blank:]]}\n"
    "\tt=${t#[\\\"\\']}\n"
    "\tif [[ $3 == -r ]]; then\n"
    "\t\tl=(runs -p \"${d[@]}\")\n"
    "\telif [[ $3 == -[adj] ]]; then\n"
    "\t\treturn\n"
    "\telif [[ $2 == -* ]]; then\n"
    "\t\tCOMPREPLY=($(compgen -W '-a -d -f -j -n -p -q -r -u -v -x' -- \"$2\"))\n"
    "\telif ((COMP_CWORD == 1)); then\n"
    "\t\tCOMPREPLY=($(compgen -W '" COMMANDS "' -- \"$2\"))\n"
    "\telif [[ $c == completion ]]; then\n"
    "\t\tCOMPREPLY=($(compgen -W 'bash zsh fish' -- \"$2\"))\n"
    "\telif [[ $c == @(logs|cat|diff) ]]; then\n"
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
    "_orch() {\n"
    "\tlocal p=$words[CURRENT-1] i\n"
    "\tlocal -a d r l k\n"
    "\tfor ((i = 3; i < CURRENT - 1; i++)); do\n"
    "\t\tcase $words[i] in\n"
    "\t\t-d) d=(-d \"${(Q)words[i+1]}\") ;;\n"
    "\t\t-r) r=(-r \"${(Q)words[i+1]}\") ;;\n"
    "\t\tesac\n"
    "\tdone\n"
    "\tif [[ $p == -r ]]; then\n"
    "\t\tl=(runs -p \"$d[@]\")\n"
    "\telif [[ $p == -[aj] ]]; then\n"
    "\t\treturn\n"
    "\telif [[ $p != -d && $PREFIX == -* ]]; then\n"
    "\t\tk=(-{a,d,f,j,n,p,q,r,u,v,x})\n"
    "\telif ((CURRENT == 2)); then\n"
    "\t\tk=(" COMMANDS ")\n"
    "\telif [[ $words[2] == completion ]]; then\n"
    "\t\tk=(bash zsh fish)\n"
    "\telif [[ $p != -d && $words[2] == (logs|cat|diff) ]]; then\n"
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
    "compdef _orch orch\n";

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
    "complete -c orch -n 'test (count (commandline -opc)) = 1' -a '" COMMANDS "'\n"
    "complete -c orch -f -n '__fish_seen_subcommand_from logs cat diff' -a '(__orch status -d -r)'\n"
    "complete -c orch -f -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n"
    "complete -c orch -s r -x -a '(__orch runs -d)'\n"
    "complete -c orch -s d -x -a '(__fish_complete_directories)'\n"
    "complete -c orch -s a -x\n"
    "complete -c orch -s j -x\n"
    "for o in f n p q u v x\n"
    "\tcomplete -c orch -s $o\n"
    "end\n";

const char *
completion_script(const char *shell)
{
	return !strcmp(shell, "bash") ? bash : !strcmp(shell, "zsh") ? zsh : !strcmp(shell, "fish") ? fish : NULL;
}

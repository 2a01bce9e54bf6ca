/* What shells complete.
 *
 * Names of runs and keys come from `orch runs -p` and `orch status -p`, field 2. They may hold anything, so they
 * are taken as they are, never evaluated, and put in quoted; those with control characters, which -p shows as
 * %0A and the like, are left out. */
#include "engine/inspect/completion.h"

#include <string.h>

#define COMMANDS "run resume check status runs logs cat diff trust completion"

/* What the command $c takes, for bash and for zsh; a FILE stands for run. */
#define OPTIONS \
    "\tcase $c in\n" \
    "\tresume) o=(-{a,d,j,q,r,u,v,x}) ;;\n" \
    "\tstatus) o=(-{d,p,r}) ;;\n" \
    "\truns) o=(-{d,p}) ;;\n" \
    "\ttrust) o=(-d) ;;\n" \
    "\tlogs) o=(-{d,f,r}) ;;\n" \
    "\tcat | diff) o=(-{d,r}) ;;\n" \
    "\tcheck | completion) o=() ;;\n" \
    "\t*) o=(-{a,d,j,n,q,r,u,v,x}) ;;\n" \
    "\tesac\n"

static const char bash[] =
    "_orch() {\n"
    "\tlocal c=${COMP_WORDS[1]} p=${COMP_LINE:0:COMP_POINT} d=() r=() l=() o t k q i\n"
    OPTIONS
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
    "\t\tCOMPREPLY=($(compgen -W \"${o[*]}\" -- \"$2\"))\n"
    "\telif ((COMP_CWORD == 1)); then\n"
    "\t\tCOMPREPLY=($(compgen -W '" COMMANDS "' -- \"$2\"))\n"
    "\telif [[ $c == trust && $3 != -d ]]; then\n"
    "\t\tl=(runs -p \"${d[@]}\")\n"
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
    "\tlocal c=$words[2] p=$words[CURRENT-1] i\n"
    "\tlocal -a d r l k o\n"
    OPTIONS
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
    "\t\tk=($o)\n"
    "\telif ((CURRENT == 2)); then\n"
    "\t\tk=(" COMMANDS ")\n"
    "\telif [[ $p != -d && $c == trust ]]; then\n"
    "\t\tl=(runs -p \"$d[@]\")\n"
    "\telif [[ $c == completion ]]; then\n"
    "\t\tk=(bash zsh fish)\n"
    "\telif [[ $p != -d && $c == (logs|cat|diff) ]]; then\n"
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
    "complete -c orch -f -n '__fish_seen_subcommand_from trust' -a '(__orch runs -d)'\n"
    "complete -c orch -f -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n"
    "set -l none check completion\n"
    "set -l none_run $none status runs logs cat diff trust\n"
    "complete -c orch -s r -x -a '(__orch runs -d)' -n \"not __fish_seen_subcommand_from $none runs trust\"\n"
    "complete -c orch -s d -x -a '(__fish_complete_directories)' -n \"not __fish_seen_subcommand_from $none\"\n"
    "complete -c orch -s f -n '__fish_seen_subcommand_from logs'\n"
    "complete -c orch -s p -n '__fish_seen_subcommand_from status runs'\n"
    "complete -c orch -s n -n \"not __fish_seen_subcommand_from $none_run resume\"\n"
    "for o in a j\n"
    "\tcomplete -c orch -s $o -x -n \"not __fish_seen_subcommand_from $none_run\"\n"
    "end\n"
    "for o in q u v x\n"
    "\tcomplete -c orch -s $o -n \"not __fish_seen_subcommand_from $none_run\"\n"
    "end\n";

const char *
completion_script(const char *shell)
{
	return !strcmp(shell, "bash") ? bash : !strcmp(shell, "zsh") ? zsh : !strcmp(shell, "fish") ? fish : NULL;
}

/* The commands of orch and their options: one table, in orch.c, from which the usage, the completions and the suggestions
 * are made. */
#ifndef ENGINE_INSPECT_SUBCOMMAND_H
#define ENGINE_INSPECT_SUBCOMMAND_H

#include <stddef.h>

struct subcommand {
	const char *name;
	const char *options;    /* as for getopt(): letters, a : after those that take a value */
	const char *operands;   /* as the usage shows them; "": none */
	int (*run)(int argc, char **argv);      /* argv[0] is the name */
	const char *what;       /* what it does, in a line */
};

struct subcommands {
	const struct subcommand *list;
	size_t n;
};

#endif

/* What is written for sh: the COMMAND of an if, a filter, a check. */
#ifndef PARSE_COMMANDS_H
#define PARSE_COMMANDS_H

#include "parse/names.h"

struct check_with;

/* Refuses in the command S of the node AT, which is at POS, each program or redirected file that is none, and is the
 * name of a result that AT sees. HELP, which names the result in place of its %s, says what to write. */
void commands_check(struct names *, const struct check_with *, const struct node *at, const char *s, struct pos pos, const char *help);

/* Whether the program of these words, as of an agent, is a shell. */
int commands_is_shell(const char *program);

#endif

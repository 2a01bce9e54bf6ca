/* Names of results that are not made on all ways (ways.h). */
#ifndef PARSE_LACKS_H
#define PARSE_LACKS_H

#include "parse/index.h"

/* For the files that call this one: notes of each statement with a key whether it may not have been reached at the file's
 * end. All keys are in the index. */
void lacks_learn(struct names *);

/* The name T at POS, which AT has and which is written NAME, means the key FOUND, which AT sees: says why it may not be
 * there, if that is so. */
void lacks_check(struct names *, const struct node *at, const struct tmpl *t, const char *name, struct pos pos, const struct key *found);

#endif

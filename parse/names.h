/* What a line sees: the keys of a workflow, its variables, and the names that mean them. */
#ifndef PARSE_NAMES_H
#define PARSE_NAMES_H

#include "parse/tree.h"

struct key;
struct check_with;

struct names {
	struct workflow *w;
	struct diags *diags;
	struct key *keys;               /* in the order of the file */
	size_t nkeys, cap;
	unsigned *table;                /* by spelling: the number of a key, from 1; 0: none */
	size_t size;                    /* of the table, a power of two */
	unsigned *sorted, *open;        /* the numbers of all keys, and of those with names in them, by what they begin with */
	size_t nopen;
	struct arena scratch;           /* what one name needs while it is looked for */
	const struct check_with *with;
	int has_given;                  /* it knows of results that were there before */
};

/* Learns the keys of all statements of W, which is bound, with ->with set; what is wrong with one is said. */
void names_start(struct names *, struct workflow *, struct diags *);
void names_free(struct names *);

/* Whether the variable NAME, of N bytes, is in scope at AT, which is not a step's place but a run's. */
int names_variable(const struct names *, const struct node *at, const char *name, size_t n);

/* The statement above AT that makes a result of this very name; NULL: none, as far as can be known. */
const struct node *names_result(const struct names *, const struct node *at, const char *name);

/* Refuses each {{name}} in T that AT does not see. */
void names_check(struct names *, const struct node *at, const struct tmpl *t);

/* Refuses each name after < that AT does not see. */
void names_check_input(struct names *, const struct node *at, const struct word *w);

/* Refuses a key of `fork` that AT does not see. */
void names_check_fork(struct names *, const struct node *at, const struct word *w);

/* Calls EACH with every statement above AT whose result T may mean; of a call, with those in the called file. */
void names_each(struct names *, const struct node *at, const struct tmpl *t, void (*each)(void *ctx, const struct node *made), void *ctx);

/* Warns of a {{name}} in '...' that names something AT sees. */
void names_check_literal(struct names *, const struct node *at, const struct word *w);

/* Refuses each {{name}} in the program text S at POS that names something AT sees. */
void names_check_program(struct names *, const struct node *at, const char *s, struct pos pos);

#endif

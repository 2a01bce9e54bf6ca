/* Templates become bytes: where {{name}} is put in. What was put in is never looked at again. */
#ifndef ENGINE_TASK_EXPAND_H
#define ENGINE_TASK_EXPAND_H

#include "engine/task/keys.h"
#include "engine/task/worktree.h"
#include "parse/buf.h"
#include "parse/tree.h"

struct scope {
	const struct scope *up;
	const char *name;
	const char *value;      /* its N bytes; a NUL follows them */
	size_t n;
	const struct node *row; /* a block of several variables: the first is NAME, and the values of the others are after
	                           VALUE, a NUL after each; NULL: there is one alone */
};

/* One variable of a scope. */
struct variable {
	const char *name, *value;
	size_t n;
	const struct scope *up; /* the scope that comes next */
	const struct node *row;
	size_t i;               /* the next of the row's */
};

/* Makes S the variables of BLOCK for the item S, of N bytes, inside of UP. */
void scope_set(struct scope *s, const struct scope *up, const struct node *block, const char *item, size_t n);

/* Begins at S with all variables, the innermost first; the next, 0 after the last. */
void scope_start(struct variable *, const struct scope *s);
int scope_next(struct variable *);

/* Where a line is read: its variables and what it sees. */
struct context {
	const struct scope *scope;
	const struct visible *visible;
	const char *prefix;     /* of its keys: a called file's are all NAME/KEY; "" outside of calls */
	const struct workflow *flow;    /* the file that it is in */
	const char *dir;        /* absolute: its directory */
	const struct worktree *worktree;        /* that it works in; NULL: none */
	const struct depends *files;            /* that its step depends on, looked at; NULL: it depends on none, or nobody has looked */
};

/* The results, wherever they are. */
struct results {
	struct keys *keys;
	/* The result of KEY: *P, to be freed, its *N bytes. -1 and errno. */
	int (*read)(void *ctx, const char *key, char **p, size_t *n);
	void *ctx;
	struct buf error;       /* after a -1 of the latest function that was given these: why, in words */
	struct buf warning;     /* what they find odd, and do; whoever wants to tell it empties it before */
};

/* The directory DIR as it is seen from where AT is, added to OUT. */
void context_dir(const struct context *at, const char *dir, struct buf *out);

/* The path that is the result of KEY, without its newline, to be freed. NULL and errno. */
char *results_path(struct results *, const char *key);

/* The variable NAME, of N bytes. 0: there is none. */
int scope_find(const struct scope *, const char *name, size_t n, struct variable *);

/* Adds T, read at PLACE, to OUT. -1: a name has no value there, or its result cannot be read. */
int expand(struct results *, const struct context *, const struct tmpl *t, struct buf *out);

/* Adds the keys that the NAME after < means, in the workflow's order, to IDS. -1 as above. */
int expand_keys(struct results *, const struct context *, const struct tmpl *name, struct ids *ids);

/* The last, in the workflow's order, of the keys that the NAMES mean: *ID. -1 as above, or KEY_NONE: there is none. */
int expand_last(struct results *, const struct context *, const struct words *names, uint32_t *id);

/* The parameters of the file that the call N, read at PLACE, calls: what it gives, else their defaults.
 * They live in the arena. One that cannot be told is empty; or, where BAD is not NULL, the end: *BAD is set, and the
 * results' error says why. */
const struct scope *call_scope(struct results *, const struct context *, const struct node *n, struct arena *, int *bad);

/* How many bytes the N at S are without the newlines at their end. */
size_t without_newlines(const char *s, size_t n);

#endif

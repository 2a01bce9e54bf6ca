/* A workflow as it is to be run: its file read, checked, its parameters bound. */
#ifndef ENGINE_LOAD_H
#define ENGINE_LOAD_H

#include "engine/task/expand.h"
#include "parse/tree.h"
#include "store/record.h"

/* A file that was read: the first, or one that is called. */
struct load_file {
	struct load_file *next;
	struct workflow *w;
	struct source src;
	char *path;             /* absolute; "-" */
	char *text;
	char *name;             /* what messages call it */
	char *dir;              /* where the files that it names are looked for */
};

struct flow {
	const struct record *record;    /* only while it is read */
	const char *root;               /* where orch was started; the record's */
	struct workflow *w;     /* the first file's */
	const char *name;       /* what messages call it */
	struct load_file *files;
	struct arena mem;
	struct agent *agents;   /* of -a */
	struct scope *scope;    /* the parameters; the last first */
	const struct keys *given;       /* what was answered before; only while it is read */
	struct diags diags;
};

/* Reads and checks the workflow that R names: a file, or R's text when it is `-`. NAME is what messages
 * call it. A text may name the results that its run has GIVEN already (NULL: none). Returns 0, or 2 when
 * something is wrong; ERROR then says what. Warnings are in there too. */
int load_read(struct flow *, const struct record *r, const char *name, const struct keys *given, struct buf *error);

/* Binds R's parameters. Returns 0, or 2 and ERROR. */
int load_bind(struct flow *, const struct record *r, struct buf *error);

/* Looks for the program of every step, as it would be started from ROOT, and adds a warning or an error
 * for each that is not found and that NEEDED (NULL: all are) says is still to be asked. Returns how
 * many those are. */
size_t load_programs(struct flow *, char *const *envp, const char *root,
    int (*needed)(void *ctx, const struct node *), void *ctx, int warn, struct buf *error);

/* Refuses a budget in money where a step asks codex, which tells tokens alone; a stand-in of -a for it is a warning. NEEDED as
 * above. Returns 0, or 2 and ERROR. */
int load_budget(struct flow *, const struct budget *, int (*needed)(void *ctx, const struct node *), void *ctx, struct buf *error);

/* Refuses interactive steps where there is no terminal, or NOBODY at it, but for those that are not NEEDED (NULL: all
 * are). Returns 0, or 2 and ERROR. */
int load_terminal(struct flow *, int nobody, int (*needed)(void *ctx, const struct node *), void *ctx, struct buf *error);

void load_free(struct flow *);

#endif

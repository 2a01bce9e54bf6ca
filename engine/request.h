/* What a command line asks for: which run, its record, its workflow and parameters. Nothing is written yet. */
#ifndef ENGINE_REQUEST_H
#define ENGINE_REQUEST_H

#include "engine/load.h"
#include "engine/run.h"
#include "engine/task/earlier.h"
#include "engine/task/keys.h"
#include "store/record.h"
#include "store/store.h"

/* All but the first two is the request's own, until request_free. */
struct request {
	const struct run_args *args;
	struct buf *say;        /* gets what is to be said, as of all below */
	struct record record;
	struct flow flow;
	struct keys given;      /* the results that were there before this text on standard input */
	int was_there;          /* the run was made earlier */
	struct budget budget;   /* what the run may use; of nothing: it has none */
	const char *budget_text;/* as it was written */
	int lacks_record;       /* its directory was, but not its file `run` */
	char *name;             /* of the run; NULL: it is to be named by the time */
	struct earlier_run earlier; /* the run that results are taken from; ->name NULL: there is none */
	int lacks_earlier;      /* it was named, and is not there */
};

/* Fills in what ->args ask for. Returns orch's exit status; in any case there is something to free. */
int request_take(struct request *);
void request_free(struct request *);

/* The name that messages call the workflow: as short as it can be from here. */
const char *request_short_name(const struct request *);

/* Adds that the run which results are to be taken from is not there. */
void request_say_no_earlier(const struct request *, struct buf *say);

/* The store cannot be opened, with errno: says why. Returns orch's exit status. */
int request_store_error(struct request *, const struct store *);

#endif

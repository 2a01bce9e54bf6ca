/* What a branch of the repository in this directory has been, as git has written it down (.git/logs): one line for
 * each time that it was moved, also of what is no part of it any more. */
#ifndef TESTS_REFLOG_H
#define TESTS_REFLOG_H

enum { REFLOG_MOST = 32, REFLOG_ID = 40 };

struct reflog {
	int n;                          /* lines; 0: there is no such branch */
	char ids[REFLOG_MOST][REFLOG_ID + 1];   /* what it was moved to */
	char *says[REFLOG_MOST];        /* why: "branch: Created from X", "commit: SUBJECT" */
	int is_chain;                   /* each line goes on where the one before it has ended */
};

void reflog_read(const char *branch, struct reflog *);

#endif

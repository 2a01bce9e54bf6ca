/* Runs all suites, some beside each other: most of their time they wait; the last, whose storms would have
 * the others wait, alone. What a suite prints is shown when it ends, or, if something of it failed, at the very
 * end, where one looks first. CK_RUN_SUITE and CK_RUN_CASE choose some, as Check has it; ORCH_TEST_JOBS is how
 * many suites run at once. With ORCH_TEST_NO_SKIPS=FILE tests must not be skipped, but for the reasons in FILE. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/help.h"
#include "tests/suites.h"

static struct {
	const char *name;
	Suite *(*make)(void);
	pid_t pid;              /* 0: it does not run */
	int status;             /* that it ended with */
	FILE *out;              /* what it prints; NULL: it was shown */
} suites[] = {
#define SUITE(name) { #name, name##_suite, 0, 0, NULL }
	SUITE(fault), SUITE(process), SUITE(kill), SUITE(terminal), SUITE(git), SUITE(worktree), SUITE(run),
	SUITE(history), SUITE(limits), SUITE(small), SUITE(live), SUITE(trust), SUITE(rm), SUITE(together), SUITE(foreign),
	SUITE(again), SUITE(changes), SUITE(depends), SUITE(take), SUITE(sandbox), SUITE(workflows), SUITE(jobs), SUITE(status), SUITE(messages), SUITE(held), SUITE(call), SUITE(parse),
	SUITE(store), SUITE(engine), SUITE(reader), SUITE(report), SUITE(session), SUITE(streams), SUITE(fold), SUITE(survive),
};

enum { NSUITES = LEN(suites), JOBS = 4 };

static int
run(int i)
{
	SRunner *r = srunner_create(suites[i].make());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
begin(int i)
{
	suites[i].out = tmpfile();
	fflush(stdout);
	suites[i].pid = suites[i].out ? fork() : -1;
	if (!suites[i].pid) {
		dup2(fileno(suites[i].out), 1);
		exit(run(i));
	}
	return suites[i].pid < 0;
}

static void
show(int i)
{
	int c;

	rewind(suites[i].out);
	while ((c = getc(suites[i].out)) != EOF)
		putchar(c);
	if (WIFSIGNALED(suites[i].status))
		printf("the suite %s was ended by signal %d\n", suites[i].name, WTERMSIG(suites[i].status));
	fflush(stdout);
	fclose(suites[i].out);
	suites[i].out = NULL;
}

/* Waits until one has ended. Returns whether it has failed: then what it printed is not shown yet. */
static int
end(void)
{
	int status, i;
	pid_t pid = wait(&status);

	for (i = 0; i < NSUITES && suites[i].pid != pid; i++)
		;
	if (i == NSUITES)
		return 1;
	suites[i].pid = 0;
	suites[i].status = status;
	if (!status)
		show(i);
	return status != 0;
}

/* Whether LINE, `TEST: WHY`, has one of the reasons that are in the file ALLOWED, a line each. */
static int
is_allowed(const char *line, const char *allowed)
{
	FILE *f = fopen(allowed, "r");
	char why[512];
	size_t n, all = strlen(line);
	int found = 0;

	while (f && !found && fgets(why, sizeof why, f)) {
		n = strlen(why);
		found = *why != '#' && n + 2 < all && !strcmp(line + all - n, why) && !strncmp(line + all - n - 2, ": ", 2);
	}
	if (f)
		fclose(f);
	return found;
}

/* Tests that could not be made say so in a file that all suites append to (help_skip); how many, and which. Returns
 * how many of the lines that differ are failures. */
static int
tell_skips(const char *file, const char *allowed)
{
	FILE *f = fopen(file, "r");
	char line[512], list[64][512];
	int n = 0, i, kinds = 0, refused = 0;

	while (f && fgets(line, sizeof line, f)) {
		n++;
		for (i = 0; i < kinds && strcmp(list[i], line); i++)
			;
		if (i == kinds && kinds < LEN(list))
			strcpy(list[kinds++], line);
	}
	if (f)
		fclose(f);
	unlink(file);
	printf("tests skipped: %d\n", n);
	for (i = 0; i < kinds; i++) {
		int fails = allowed && !is_allowed(list[i], allowed);

		printf("    %s%s", fails ? "must not be: " : "", list[i]);
		refused += fails;
	}
	if (refused)
		printf("failed: tests were skipped for reasons that are not in %s: %d\n", allowed, refused);
	return refused;
}

/* A limit is there to end what hangs: Check's own, 4 s, also ends what is only slow. */
int
main(void)
{
	const char *only = getenv("CK_RUN_SUITE"), *jobs = getenv("ORCH_TEST_JOBS"), *strict = getenv("ORCH_TEST_NO_SKIPS");
	char skips[] = "/tmp/orch-skips-XXXXXX";
	int most = jobs && atoi(jobs) > 0 ? atoi(jobs) : JOBS, running = 0, begun = 0, failed = 0, i;

	setenv("CK_DEFAULT_TIMEOUT", "60", 0);
	i = mkstemp(skips);
	if (i >= 0)
		close(i);
	setenv("ORCH_TEST_SKIPS", skips, 1);
	for (i = 0; i < NSUITES; i++) {
		if (only && strcmp(only, suites[i].name))
			continue;
		for (; running >= (i == NSUITES - 1 ? 1 : most); running--)
			failed |= end();
		if (begin(i)) {
			failed = 1;
			break;
		}
		running++;
		begun++;
	}
	for (; running; running--)
		failed |= end();
	for (i = 0; i < NSUITES; i++)
		if (suites[i].out)
			show(i);
	if (tell_skips(skips, strict && *strict ? strict : NULL))
		failed = 1;
	return failed || !begun ? EXIT_FAILURE : EXIT_SUCCESS;
}

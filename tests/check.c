/* Runs all suites, some beside each other: most of their time they wait; the last, whose storms would have
 * the others wait, alone. What a suite prints is shown when it ends. CK_RUN_SUITE and CK_RUN_CASE choose some,
 * as Check has it; ORCH_TEST_JOBS is how many suites run at once. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/suites.h"

static struct {
	const char *name;
	Suite *(*make)(void);
	pid_t pid;              /* 0: it does not run */
	FILE *out;              /* what it prints */
} suites[] = {
	{ "fault", fault_suite, 0, NULL }, { "process", process_suite, 0, NULL }, { "terminal", terminal_suite, 0, NULL },
	{ "git", git_suite, 0, NULL }, { "run", run_suite, 0, NULL }, { "history", history_suite, 0, NULL },
	{ "limits", limits_suite, 0, NULL }, { "live", live_suite, 0, NULL }, { "foreign", foreign_suite, 0, NULL },
	{ "again", again_suite, 0, NULL }, { "jobs", jobs_suite, 0, NULL }, { "status", status_suite, 0, NULL },
	{ "messages", messages_suite, 0, NULL }, { "held", held_suite, 0, NULL }, { "call", call_suite, 0, NULL }, { "parse", parse_suite, 0, NULL },
	{ "store", store_suite, 0, NULL }, { "engine", engine_suite, 0, NULL }, { "survive", survive_suite, 0, NULL },
};

enum { NSUITES = sizeof suites / sizeof *suites, JOBS = 4 };

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

/* Waits until one has ended, and shows what it printed. Returns whether it has failed. */
static int
end(void)
{
	int status, i, c;
	pid_t pid = wait(&status);

	for (i = 0; i < NSUITES && suites[i].pid != pid; i++)
		;
	if (i == NSUITES)
		return 1;
	rewind(suites[i].out);
	while ((c = getc(suites[i].out)) != EOF)
		putchar(c);
	fflush(stdout);
	fclose(suites[i].out);
	if (!WIFEXITED(status))
		printf("the suite %s was ended by signal %d\n", suites[i].name, WTERMSIG(status));
	suites[i].pid = 0;
	return status != 0;
}

/* A limit is there to end what hangs: Check's own, 4 s, also ends what is only slow. */
int
main(void)
{
	const char *only = getenv("CK_RUN_SUITE"), *jobs = getenv("ORCH_TEST_JOBS");
	int most = jobs && atoi(jobs) > 0 ? atoi(jobs) : JOBS, running = 0, begun = 0, failed = 0, i;

	setenv("CK_DEFAULT_TIMEOUT", "60", 0);
	for (i = 0; i < NSUITES; i++) {
		if (only && strcmp(only, suites[i].name))
			continue;
		for (; running >= (i == NSUITES - 1 ? 1 : most); running--)
			failed |= end();
		if (begin(i))
			return EXIT_FAILURE;
		running++;
		begun++;
	}
	for (; running; running--)
		failed |= end();
	return failed || !begun ? EXIT_FAILURE : EXIT_SUCCESS;
}

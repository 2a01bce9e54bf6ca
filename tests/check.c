/* Runs all suites. CK_RUN_SUITE and CK_RUN_CASE choose some, as Check has it. */
#include <check.h>
#include <stdlib.h>

#include "tests/suites.h"

/* A limit is there to end what hangs: Check's own, 4 s, also ends what is only slow. */
int
main(void)
{
	SRunner *r;
	int failed;

	setenv("CK_DEFAULT_TIMEOUT", "60", 0);
	r = srunner_create(parse_suite());
	srunner_add_suite(r, store_suite());
	srunner_add_suite(r, engine_suite());
	srunner_add_suite(r, run_suite());
	srunner_add_suite(r, process_suite());
	srunner_add_suite(r, call_suite());
	srunner_add_suite(r, git_suite());
	srunner_add_suite(r, terminal_suite());
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The least that a program can be: what start-up is measured by. */
#include <stdio.h>

int
main(void)
{
	return puts("hello") < 0;
}

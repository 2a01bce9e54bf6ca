/* The least that an agent can be: it says `x', and ends, without a libc, whose start is most of what a small program costs. Where
 * this does not know how to call the kernel it is one with a libc. */
#if defined(__linux__) && defined(__x86_64__)

static long
call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}

void _start(void);

void
_start(void)
{
	static const char text[] = "x\n";

	call(1, 1, (long)text, 2);
	call(231, 0, 0, 0);
}

#elif defined(__linux__) && defined(__aarch64__)

static long
call(long number, long a, long b, long c)
{
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
}

void _start(void);

void
_start(void)
{
	static const char text[] = "x\n";

	call(64, 1, (long)text, 2);
	call(94, 0, 0, 0);
}

#else
#error "not known here"
#endif

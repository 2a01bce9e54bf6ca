/* store/: keys as names, files, the log, the record, the run's directory and its lock. */
#include "parse/text.h"
#include "tests/suites.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "parse/diag.h"
#include "store/escape.h"
#include "store/file.h"
#include "store/key.h"
#include "store/how.h"
#include "store/log.h"
#include "store/os.h"
#include "store/record.h"
#include "store/store.h"
#include "tests/help.h"

#define BYTES(s) s, sizeof s - 1

enum { NOBODY = 65534 };

/* Modes and owners mean nothing to root: what is about them is tested as somebody else. */
static void
start_as_user(void)
{
	help_start();
	if (geteuid())
		return;
	ck_assert_int_eq(chown(".", NOBODY, NOBODY), 0);
	ck_assert_int_eq(setegid(NOBODY), 0);
	ck_assert_int_eq(seteuid(NOBODY), 0);
}

static void
end_as_user(void)
{
	if (!getuid()) {
		ck_assert_int_eq(seteuid(0), 0);
		ck_assert_int_eq(setegid(0), 0);
	}
	umask(022);
	help_end();
}

static int
mode_of(const char *name)
{
	struct stat st;

	ck_assert_msg(lstat(name, &st) == 0, "%s is not there", name);
	return (int)(st.st_mode & 07777);
}

/* Keys. */

static const struct {
	const char *key;
	size_t n;
	const char *name;
} keys[] = {
	{ BYTES("a"), "a" }, { BYTES("Aa0"), "Aa0" }, { BYTES("x._,:=@+-"), "x._,:=@+-" },
	{ BYTES("."), "%2E" }, { BYTES(".."), "%2E." }, { BYTES("..."), "%2E.." }, { BYTES(".git"), "%2Egit" },
	{ BYTES("a."), "a." }, { BYTES("/"), "%2F" }, { BYTES("/etc/x"), "%2Fetc%2Fx" }, { BYTES("a/b"), "a%2Fb" },
	{ BYTES("../x"), "%2E.%2Fx" }, { BYTES("%"), "%25" }, { BYTES("%61"), "%2561" }, { BYTES("%%"), "%25%25" },
	{ BYTES("-rf"), "-rf" }, { BYTES("-"), "-" }, { BYTES("a b"), "a%20b" }, { BYTES("a\nb"), "a%0Ab" },
	{ BYTES("a\0b"), "a%00b" }, { BYTES("\0"), "%00" }, { BYTES("\x7f~"), "%7F%7E" }, { BYTES("$(x)"), "%24%28x%29" },
	{ BYTES("*"), "%2A" }, { BYTES("\\"), "%5C" },
	{ BYTES("\xc3\xa9"), "\xc3\xa9" }, { BYTES("\xe2\x82\xac"), "\xe2\x82\xac" },
	{ BYTES("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80" }, { BYTES("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf" },
	{ BYTES("\xff"), "%FF" }, { BYTES("\x80"), "%80" }, { BYTES("\xc3"), "%C3" }, { BYTES("\xc3" "a"), "%C3a" },
	{ BYTES("\xe2\x82"), "%E2%82" }, { BYTES("\xf0\x9f\x98"), "%F0%9F%98" },
	{ BYTES("\xc0\xaf"), "%C0%AF" }, { BYTES("\xc1\xbf"), "%C1%BF" }, { BYTES("\xe0\x80\xaf"), "%E0%80%AF" },
	{ BYTES("\xf0\x80\x80\xaf"), "%F0%80%80%AF" }, { BYTES("\xed\xa0\x80"), "%ED%A0%80" },
	{ BYTES("\xed\xbf\xbf"), "%ED%BF%BF" }, { BYTES("\xf4\x90\x80\x80"), "%F4%90%80%80" },
	{ BYTES("\xf5\x80\x80\x80"), "%F5%80%80%80" },
};

START_TEST(key_names)
{
	char name[KEY_NAME_MAX + 1], back[KEY_NAME_MAX + 1];

	ck_assert_int_eq(key_encode(keys[_i].key, keys[_i].n, name), (int)strlen(keys[_i].name));
	ck_assert_str_eq(name, keys[_i].name);
	ck_assert_int_eq(key_decode(name, back), (int)keys[_i].n);
	ck_assert_mem_eq(back, keys[_i].key, keys[_i].n);
}
END_TEST

/* What a name may be made of: told here a second time, from the contract. */
static int
is_name(const char *name)
{
	size_t n = strlen(name), i, len;

	if (!n || *name == '.')
		return 0;
	for (i = 0; i < n; i += len) {
		len = 1;
		if ((unsigned char)name[i] >= 0x80)
			len = utf8_len(name + i, n - i);
		else if (name[i] == '%')
			len = strspn(name + i + 1, "0123456789ABCDEF") >= 2 ? 3 : 0;
		else if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._,:=@+-", name[i]))
			len = 0;
		if (!len)
			return 0;
	}
	return 1;
}

static void
round_trip(const char *key, size_t n)
{
	char name[KEY_NAME_MAX + 1], back[KEY_NAME_MAX + 1];
	int len = key_encode(key, n, name);

	if (len <= 0 || strlen(name) != (size_t)len || !is_name(name))
		ck_abort_msg("a key of %zu bytes has the name `%s`", n, len > 0 ? name : "");
	if (key_decode(name, back) != (int)n || memcmp(back, key, n))
		ck_abort_msg("the name `%s` does not give its key back", name);
}

/* What can be taken back is no other key's name. */
START_TEST(key_every_short_one)
{
	char key[2];
	int a, b;

	for (a = 0; a < 256; a++) {
		key[0] = (char)a;
		round_trip(key, 1);
		for (b = 0; b < 256; b++) {
			key[1] = (char)b;
			round_trip(key, 2);
		}
	}
}
END_TEST

START_TEST(key_random_ones)
{
	static const char hard[] = "./%%2EeFf a-\0\n\x7f\x80\xbf\xc0\xc2\xc3\xe0\xa0\xed\x9f\xee\xf0\x90\xf4\x8f\xff";
	uint32_t seed = 1;
	char key[80];
	size_t n, i;
	int turn;

	for (turn = 0; turn < 100000; turn++) {
		n = 1 + help_random(&seed) % (turn % 10 ? 8 : 80);
		for (i = 0; i < n; i++)
			key[i] = turn % 2 ? (char)help_random(&seed) : hard[help_random(&seed) % (sizeof hard - 1)];
		round_trip(key, n);
	}
}
END_TEST

START_TEST(key_lengths)
{
	char key[300], name[KEY_NAME_MAX + 1];

	memset(key, 'k', sizeof key);
	ck_assert_int_eq(key_encode(key, 255, name), 255);
	errno = 0;
	ck_assert_int_eq(key_encode(key, 256, name), -1);
	ck_assert_int_eq(errno, ENAMETOOLONG);
	ck_assert_int_eq(key_encode(key, 300, name), -1);
	memcpy(key + 254, "\xc3\xa9", 2);
	ck_assert_int_eq(key_encode(key, 256, name), -1);
	memset(key, '/', sizeof key);
	ck_assert_int_eq(key_encode(key, 85, name), 255);
	errno = 0;
	ck_assert_int_eq(key_encode(key, 86, name), -1);
	ck_assert_int_eq(errno, ENAMETOOLONG);
	errno = 0;
	ck_assert_int_eq(key_encode(key, 0, name), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

static const char *const no_names[] = {
	"", "%61", "%2f", "a%", "%", "%1", "a%2", "%zz", "%2G", "%%41", "a%41", "a%2E", "%C3%A9", ".", "..", ".a", "a/b", "/",
	"a b", "\xff", "\xc0\xaf", "\xed\xa0\x80", "a\n", "~", "%2e", "%-1", "%+1", "% 1",
};

START_TEST(key_names_of_none)
{
	char key[KEY_NAME_MAX + 1];

	ck_assert_int_eq(key_decode(no_names[_i], key), -1);
}
END_TEST

START_TEST(key_name_of_none_too_long)
{
	char name[1000], key[1000];

	memset(name, 'a', sizeof name);
	name[999] = '\0';
	ck_assert_int_eq(key_decode(name, key), -1);
	name[256] = '\0';
	ck_assert_int_eq(key_decode(name, key), -1);
	name[255] = '\0';
	ck_assert_int_eq(key_decode(name, key), 255);
}
END_TEST

/* Files. */

START_TEST(file_put_and_read)
{
	char *big = malloc(3000000), *p;
	size_t n;

	memset(big, 'x', 3000000);
	big[1000] = '\0';
	ck_assert_int_eq(file_put(AT_FDCWD, "tmp", "f", big, 3000000, 0), 0);
	ck_assert_int_eq(file_read(AT_FDCWD, "f", &p, &n), 0);
	ck_assert_uint_eq(n, 3000000);
	ck_assert_int_eq(memcmp(p, big, n), 0);
	ck_assert_int_eq(p[n], '\0');
	free(p);
	help_none("tmp");
	ck_assert_int_eq(file_put(AT_FDCWD, "tmp", "f", "", 0, 0), 0);
	ck_assert_int_eq(file_read(AT_FDCWD, "f", &p, &n), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(*p, '\0');
	free(p);
	free(big);
	errno = 0;
	ck_assert_int_eq(file_read(AT_FDCWD, "none", &p, &n), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

/* Where memory is counted in 32 bits, a file can be larger: then it is refused, never taken for its remainder. */
START_TEST(file_larger_than_memory)
{
	int fd = file_make(AT_FDCWD, "f", 0);
	char *p;
	size_t n;

	ck_assert_int_eq(ftruncate(fd, (off_t)4 * 1024 * 1024 * 1024 + 3), 0);
	close(fd);
	ck_assert_int_eq(file_read(AT_FDCWD, "f", &p, &n), -1);
	ck_assert_int_eq(errno, EFBIG);
}
END_TEST

START_TEST(file_put_synced)
{
	int dir = file_open_dir(AT_FDCWD, ".");
	char *p;
	size_t n;

	ck_assert_int_ge(dir, 0);
	ck_assert_int_eq(file_put(dir, "tmp", "f", "abc", 3, 1), 0);
	ck_assert_int_eq(file_read(dir, "f", &p, &n), 0);
	ck_assert_uint_eq(n, 3);
	free(p);
	close(dir);
}
END_TEST

/* A reader of the old file reads all of the old one, whatever happens meanwhile. */
START_TEST(file_put_by_rename)
{
	char b[8] = "";
	int fd;

	ck_assert_int_eq(file_put(AT_FDCWD, "tmp", "f", "old", 3, 0), 0);
	fd = file_open(AT_FDCWD, "f");
	ck_assert_int_eq(file_put(AT_FDCWD, "tmp", "f", "newer", 5, 0), 0);
	ck_assert_int_eq((int)file_read_at(fd, b, sizeof b, 0), 3);
	ck_assert_str_eq(b, "old");
	ck_assert_str_eq(help_read("f", NULL), "newer");
	close(fd);
}
END_TEST

START_TEST(file_put_over_a_leftover)
{
	help_file("tmp", "left by a crash, longer than what comes", NULL);
	ck_assert_int_eq(file_put(AT_FDCWD, "tmp", "f", "abc", 3, 0), 0);
	ck_assert_str_eq(help_read("f", NULL), "abc");
	help_file("victim", "mine", NULL);
	ck_assert_int_eq(symlink("victim", "tmp"), 0);
	ck_assert_int_eq(file_put(AT_FDCWD, "tmp", "f", "def", 3, 0), 0);
	ck_assert_str_eq(help_read("f", NULL), "def");
	ck_assert_str_eq(help_read("victim", NULL), "mine\n");
	ck_assert_int_eq(mode_of("f"), 0600);
}
END_TEST

START_TEST(file_put_that_fails)
{
	struct rlimit limit = { 10, 10 };
	char big[100] = { 0 };

	ck_assert_int_eq(file_put(AT_FDCWD, "tmp", "f", "old", 3, 0), 0);
	ck_assert_int_eq(mkdir("d", 0700), 0);
	ck_assert_int_eq(file_put(AT_FDCWD, "tmp", "d", "new", 3, 0), -1);
	help_none("tmp");
	ck_assert_int_eq(mkdir("tmp", 0700), 0);
	ck_assert_int_eq(file_put(AT_FDCWD, "tmp", "f", "new", 3, 0), -1);
	ck_assert_int_eq(rmdir("tmp"), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	errno = 0;
	ck_assert_int_eq(file_put(AT_FDCWD, "tmp", "f", big, sizeof big, 0), -1);
	ck_assert_int_eq(errno, EFBIG);
	help_none("tmp");
	ck_assert_str_eq(help_read("f", NULL), "old");
}
END_TEST

static int
is_closed_on_exec(int fd)
{
	return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

START_TEST(file_open_plain_ones_only)
{
	int fd;

	help_file("f", "x", NULL);
	fd = file_open(AT_FDCWD, "f");
	ck_assert_int_ge(fd, 0);
	ck_assert(is_closed_on_exec(fd));
	close(fd);
	errno = 0;
	ck_assert_int_eq(file_open(AT_FDCWD, "none"), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(symlink("f", "link"), 0);
	ck_assert_int_eq(file_open(AT_FDCWD, "link"), -1);
	ck_assert_int_eq(mkdir("d", 0700), 0);
	errno = 0;
	ck_assert_int_eq(file_open(AT_FDCWD, "d"), -1);
	ck_assert_int_ne(errno, 0);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	alarm(10);              /* it must not wait for a writer */
	ck_assert_int_eq(file_open(AT_FDCWD, "fifo"), -1);
	ck_assert_int_ne(errno, ENOENT);
	ck_assert_int_eq(file_open(AT_FDCWD, "/dev/null"), -1);
	ck_assert_int_ne(errno, ENOENT);
}
END_TEST

START_TEST(file_read_from_a_place)
{
	char b[10];
	int fd;

	help_bytes("f", "0123456789", 10);
	fd = file_open(AT_FDCWD, "f");
	ck_assert_int_eq((int)file_read_at(fd, b, 4, 3), 4);
	ck_assert_mem_eq(b, "3456", 4);
	ck_assert_int_eq((int)file_read_at(fd, b, 10, 7), 3);
	ck_assert_mem_eq(b, "789", 3);
	ck_assert_int_eq((int)file_read_at(fd, b, 10, 10), 0);
	ck_assert_int_eq((int)file_read_at(fd, b, 10, 1000), 0);
	close(fd);
	ck_assert_int_eq((int)file_read_at(fd, b, 10, 0), -1);
}
END_TEST

static const int umasks[] = { 0, 022, 077, 0177, 0777 };

START_TEST(file_make_mode)
{
	int fd;

	umask((mode_t)umasks[_i]);
	fd = file_make(AT_FDCWD, "f", 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(mode_of("f"), 0600);
	ck_assert(is_closed_on_exec(fd));
	ck_assert_int_eq(file_write(fd, "abc", 3), 0);
	ck_assert_int_eq((int)file_read_at(fd, (char[4]){ 0 }, 3, 0), 3);
	close(fd);
	ck_assert_int_eq(link("f", "other"), 0);
	fd = file_make(AT_FDCWD, "f", 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(file_write(fd, "d", 1), 0);
	close(fd);
	help_is("other", "abc");
	help_is("f", "d");
	ck_assert_int_eq(symlink("target", "link"), 0);
	fd = file_make(AT_FDCWD, "link", 0);
	ck_assert_int_ge(fd, 0);
	close(fd);
	help_none("target");
	ck_assert_int_eq(mkdir("dir", 0700), 0);
	ck_assert_int_eq(file_make(AT_FDCWD, "dir", 0), -1);
	ck_assert_int_eq(file_put(AT_FDCWD, "tmp", "g", "x", 1, 0), 0);
	ck_assert_int_eq(mode_of("g"), 0600);
}
END_TEST

START_TEST(file_make_dir_mode)
{
	int fd;

	umask((mode_t)umasks[_i]);
	fd = file_make_dir(AT_FDCWD, "d");
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(mode_of("d"), 0700);
	ck_assert(is_closed_on_exec(fd));
	close(fd);
	fd = file_make_dir(AT_FDCWD, "d");
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

START_TEST(file_dirs_never_through_links)
{
	ck_assert_int_eq(mkdir("d", 0700), 0);
	ck_assert_int_eq(symlink("d", "link"), 0);
	ck_assert_int_eq(symlink("nowhere", "dangling"), 0);
	help_file("f", NULL);
	ck_assert_int_eq(file_open_dir(AT_FDCWD, "link"), -1);
	ck_assert_int_eq(file_make_dir(AT_FDCWD, "link"), -1);
	ck_assert_int_eq(file_make_dir(AT_FDCWD, "dangling"), -1);
	help_none("nowhere");
	ck_assert_int_eq(file_open_dir(AT_FDCWD, "f"), -1);
	ck_assert_int_eq(file_make_dir(AT_FDCWD, "f"), -1);
	errno = 0;
	ck_assert_int_eq(file_open_dir(AT_FDCWD, "none"), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

/* The log. */

enum { LINES_MOST = 64 };

struct lines {
	struct log_line list[LINES_MOST];
	int n;
};

static char *
copy(const char *s, size_t n)
{
	char *d = s ? malloc(n + 1) : NULL;

	if (s) {
		memcpy(d, s, n);
		d[n] = '\0';
	}
	return d;
}

static void
take_line(void *ctx, const struct log_line *l)
{
	struct lines *lines = ctx;

	ck_assert_int_lt(lines->n, LINES_MOST);
	lines->list[lines->n] = *l;
	lines->list[lines->n].key = copy(l->key, l->n);
	lines->list[lines->n++].text = copy(l->text, l->text ? strlen(l->text) : 0);
}

static void
read_lines(struct lines *lines)
{
	lines->n = 0;
	ck_assert_int_eq(log_read(AT_FDCWD, LOG_ALL, take_line, lines), 0);
}

static const char hostile[] = "tab\t nl\n cr\r esc\033[31m % %41 %0A %zz del\177 \xc3\xa9 \xff $(x) {{y}}";

static const struct log_line events[] = {
	{ 1700000000123, LOG_WALK, NULL, 0, 4711, 0, 0, 0, NULL, 0, NULL, NULL, { 0 } },
	{ 1700000000124, LOG_START, "a", 1, 1, 0, 0, 0, NULL, -1, NULL, NULL, { 0 } },
	{ 1700000000125, LOG_START, "a\tb\n%c\0d", 8, 2147483647, 0, 0, 0, LOG_AGAIN, 123456789012345, NULL, NULL, { 0 } },
	{ 1700000000126, LOG_DONE, "a", 1, 2, 250, 0xfedcba9876543210ULL, 0, NULL, 0, NULL, NULL, { 0 } },
	{ 1700000000126, LOG_DONE, "\xff.", 2, 1, 0, 1, 0, NULL, 0, NULL, NULL, { 0 } },
	{ 1700000000127, LOG_FAIL, hostile, sizeof hostile - 1, 3, 86400000, 0, 256, hostile, 0, NULL, NULL, { 0 } },
	{ 1700000000128, LOG_FAIL, "walk", 4, 1, 1, 0, -1, "cannot be started", 0, NULL, NULL, { 0 } },
	{ 1700000000129, LOG_OTHERWISE, "a", 1, 3, 0, 0, 0, NULL, 0, NULL, NULL, { 0 } },
	{ 1700000000130, LOG_STOP, "a b", 3, 1, 12, 0, 15, "stopped", 0, NULL, NULL, { 0 } },
	{ 1700000000130, LOG_RATE_LIMITED, "a b", 3, 2, 12, 0, 75 << 8, "why", 0, NULL, NULL, { 0 } },
	{ 1700000000130, LOG_PAUSED, NULL, 0, 1234, 0, 0, 0, NULL, 0, NULL, NULL, { 0 } },
	{ 1700000000130, LOG_IF, "a b.orch:3", 10, 1, 0, 0x1111222233334444ULL, 0, NULL, 0, NULL, NULL, { 0 } },
	{ 1700000000130, LOG_USAGE, "a b", 3, 2, 0, 0, 0, "0.25?", 0, NULL, NULL, { 12345, 0, 9223372036854775807 } },
	{ 1700000000130, LOG_SESSION, "a b", 3, 2, 0, 0x1111222233334444ULL, 0, "active total=1,2,3,4", 0, "01a2-b", "", { 0 } },
	{ 1700000000130, LOG_SESSION, "a", 1, 1, 0, 1, 0, NULL, 0, "x\ty", "01a2-b", { 0 } },
	{ 1700000000131, LOG_END, NULL, 0, 1, 0, 0, 0, hostile, 0, NULL, NULL, { 0 } },
	{ 1700000000132, LOG_END, NULL, 0, 130, 0, 0, 0, NULL, 0, NULL, NULL, { 0 } },
};

static void
same_line(const struct log_line *a, const struct log_line *b)
{
	ck_assert_int_eq(a->ms, b->ms);
	ck_assert_int_eq(a->event, b->event);
	ck_assert_uint_eq(a->n, b->n);
	ck_assert_int_eq(!a->key, !b->key);
	if (a->key)
		ck_assert_mem_eq(a->key, b->key, a->n);
	ck_assert_int_eq(a->value, b->value);
	ck_assert_int_eq(a->took, b->took);
	ck_assert_uint_eq(a->digest, b->digest);
	ck_assert_int_eq(a->status, b->status);
	ck_assert_str_eq(a->text ? a->text : "", b->text ? b->text : "");
	if (a->event == LOG_START)
		ck_assert_int_eq(a->at, b->at);
	ck_assert_mem_eq(a->tokens, b->tokens, sizeof a->tokens);
	ck_assert_str_eq(a->session ? a->session : "-", b->session ? b->session : "-");
	ck_assert_str_eq(a->from ? a->from : "-", b->from ? b->from : "-");
}

START_TEST(log_round_trip)
{
	int fd = log_open(AT_FDCWD), i;
	struct lines *lines = malloc(sizeof *lines);

	ck_assert_int_ge(fd, 0);
	ck_assert(is_closed_on_exec(fd));
	for (i = 0; i < LEN(events); i++)
		ck_assert_int_eq(log_add(fd, &events[i]), 0);
	ck_assert_int_eq(help_count(help_read("log", NULL), "\n"), 2 * LEN(events));
	ck_assert_ptr_null(strpbrk(help_read("log", NULL), "\r\033\177"));
	read_lines(lines);
	ck_assert_int_eq(lines->n, LEN(events));
	for (i = 0; i < LEN(events); i++)
		same_line(&lines->list[i], &events[i]);
}
END_TEST

START_TEST(log_only_appended)
{
	struct log_line l = events[1];
	struct lines *lines = malloc(sizeof *lines);
	int a = log_open(AT_FDCWD), b = log_open(AT_FDCWD), i;

	for (i = 0; i < 20; i++) {
		l.value = i;
		ck_assert_int_eq(log_add(i % 2 ? a : b, &l), 0);
	}
	close(a);
	close(log_open(AT_FDCWD));
	read_lines(lines);
	ck_assert_int_eq(lines->n, 20);
	for (i = 0; i < 20; i++)
		ck_assert_int_eq(lines->list[i].value, i);
}
END_TEST

/* Of what does not fit, whole characters are left, and a mark. */
START_TEST(what_does_not_fit_is_cut_at_a_character)
{
	static const char text[] = "a\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80z";
	static const size_t whole[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10 };
	char out[64];
	size_t n;

	for (n = 0; n < LEN(whole); n++) {
		ck_assert_uint_eq(escape_cut(text, sizeof text - 1, n), whole[n]);
		strcpy(out, ">");
		escape_append(out, sizeof out, text, n);
		ck_assert_uint_eq(strlen(out), 1 + whole[n] + 3);
		ck_assert_int_eq(memcmp(out + 1, text, whole[n]), 0);
		ck_assert_str_eq(out + 1 + whole[n], "...");
	}
	strcpy(out, ">");
	escape_append(out, sizeof out, text, 11);
	ck_assert_str_eq(out + 1, text);
	for (n = 5; n <= sizeof text; n++) {
		strcpy(out, ">");
		escape_append(out, n, text, sizeof text);
		ck_assert_uint_lt(strlen(out), n);
		ck_assert_str_eq(out + strlen(out) - 3, "...");
	}
	ck_assert_uint_eq(escape_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
}
END_TEST

/* What is said of a path that is too long to be shown: its beginning, cut at a character, and what is wrong with it. */
START_TEST(a_long_directory_is_cut_visibly)
{
	char dir[1300] = "";
	struct store s;
	int i;

	for (i = 0; i < 5; i++) {
		memset(dir + strlen(dir), 'd', 99);
		strcat(dir, i == 2 ? "\xc3\xa9/" : "/");
		ck_assert_int_eq(mkdir(dir, 0700), 0);
	}
	dir[strlen(dir) - 1] = '\0';
	ck_assert_int_eq(mkdir("x", 0700), 0);
	ck_assert_int_eq(chmod(dir, 0700), 0);
	ck_assert_int_eq(store_open(&s, dir, "nowhere", 7, STORE_READ), -1);
	ck_assert_int_eq(strncmp(s.what, dir, 299), 0);
	ck_assert_str_eq(s.what + 299, ".../nowhere");
	store_close(&s);
}
END_TEST

/* However long what is to be said, it is one line that can be read, cut at a character, which it shows. */
START_TEST(log_long_text)
{
	static const char *const units[] = { "t", "\n", "\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x98\x80" };
	const char *unit = units[_i / 4];
	size_t n = strlen(unit), i, kept;
	struct log_line l = events[5];
	struct lines *lines = malloc(sizeof *lines);
	char *text = malloc(20001);
	int fd = log_open(AT_FDCWD);

	for (i = 0; i + n <= 20000; i++)
		text[i] = i < (size_t)_i % 4 ? 'a' : unit[(i - (size_t)_i % 4) % n];
	text[i] = '\0';
	l.text = text;
	ck_assert_int_eq(log_add(fd, &l), 0);
	l.text = "short";
	ck_assert_int_eq(log_add(fd, &l), 0);
	ck_assert_int_eq(help_count(help_read("log", NULL), "\n"), 4);
	read_lines(lines);
	ck_assert_int_eq(lines->n, 2);
	kept = strlen(lines->list[0].text) - 3;
	ck_assert_uint_gt(kept, 1000);
	ck_assert_int_eq(strncmp(lines->list[0].text, text, kept), 0);
	ck_assert_str_eq(lines->list[0].text + kept, "...");
	ck_assert_uint_eq((kept - (size_t)_i % 4) % n, 0);
	ck_assert_str_eq(lines->list[1].text, "short");
}
END_TEST

/* The key of an `if` is its place, whose path may be as long as any. */
START_TEST(log_long_key)
{
	struct log_line l = { 1700000000130, LOG_IF, NULL, 0, 1, 86400000, 0x1111222233334444ULL, 0, NULL, 0, NULL, NULL, { 0 } };
	struct lines *lines = malloc(sizeof *lines);
	char *key = malloc(20000);
	int fd = log_open(AT_FDCWD);

	memset(key, _i ? '\t' : 'k', 20000);
	l.key = key;
	for (l.n = 3900; l.n < 4200; l.n++)
		ck_assert_int_eq(log_add(fd, &l), 0);
	l.n = 20000;
	ck_assert_int_eq(log_add(fd, &l), 0);
	ck_assert_int_eq(help_count(help_read("log", NULL), "\t1\t86400000\t1111222233334444\t\t\n"), 301);
	l.n = 1;
	ck_assert_int_eq(log_add(fd, &l), 0);
	close(fd);
	help_sh(0, "tail -n 1 log >last && mv last log");
	read_lines(lines);
	ck_assert_int_eq(lines->n, 1);
	same_line(&lines->list[0], &l);
}
END_TEST

struct attempts {
	long next;
	int others;
};

static void
take_try(void *ctx, const struct log_line *l)
{
	struct attempts *t = ctx;

	if (l->event == LOG_START)
		ck_assert_int_eq(l->value, ++t->next);
	else
		t->others++;
}

/* It is read in pieces: wherever one ends, each line is whole. */
START_TEST(log_in_pieces)
{
	struct log_line l = events[1];
	struct attempts t = { 0 };
	int fd = log_open(AT_FDCWD);
	char key[64];

	memset(key, 'k', sizeof key);
	l.key = key;
	for (l.value = 1; l.value <= 20000; l.value++) {
		l.n = (size_t)l.value % sizeof key + 1;
		ck_assert_int_eq(log_add(fd, &l), 0);
		if (l.value % 1000 == 0)
			ck_assert_int_eq(log_add(fd, &events[0]), 0);
	}
	ck_assert_int_eq(log_read(AT_FDCWD, LOG_ALL, take_try, &t), 0);
	ck_assert_int_eq(t.next, 20000);
	ck_assert_int_eq(t.others, 20);
	t.next = t.others = 0;
	ck_assert_int_eq(log_read(AT_FDCWD, 1u << LOG_START, take_try, &t), 0);
	ck_assert_int_eq(t.next, 20000);
	ck_assert_int_eq(t.others, 0);
	t.next = 0;
	ck_assert_int_eq(log_read(AT_FDCWD, 1u << LOG_WALK, take_try, &t), 0);
	ck_assert_int_eq(t.next, 0);
	ck_assert_int_eq(t.others, 20);
}
END_TEST

/* Read on, each line comes once; one that is not whole yet comes when it is. */
START_TEST(log_is_read_on)
{
	static const char *const begins[] = { "", "5\twalk\t1\n" };       /* as an earlier orch has begun it, too */
	struct log_line l = events[1];
	struct attempts t = { 0 };
	long long at = 0, was;
	int fd, other = 0;

	help_bytes("log", begins[_i], strlen(begins[_i]));
	fd = log_open(AT_FDCWD);
	for (l.value = 1; l.value <= 3000; l.value++) {
		ck_assert_int_eq(log_add(fd, &l), 0);
		if (l.value % 700)
			continue;
		ck_assert_int_eq(file_write(fd, "\n9\tstart\ta\t", 11), 0);
		was = at;
		ck_assert_int_eq(log_read_on(AT_FDCWD, &at, LOG_ALL, take_try, &t), 0);
		ck_assert_int_gt(at, was);
		ck_assert_int_eq(t.next, l.value);
		was = at;
		ck_assert_int_eq(log_read_on(AT_FDCWD, &at, LOG_ALL, take_try, &t), 0);
		ck_assert_int_eq(at, was);
		ck_assert_int_eq(file_write(fd, "0\t-1\t\t\n", 8), 0);       /* its end */
		t.next = -1;
		ck_assert_int_eq(log_read_on(AT_FDCWD, &at, LOG_ALL, take_try, &t), 0);
		ck_assert_int_eq(t.next, 0);
		t.next = l.value;
		other++;
	}
	ck_assert_int_eq(other, 4);
	ck_assert_int_eq(t.others, _i);
	ck_assert_int_eq(unlink("log"), 0);
	ck_assert_int_eq(log_read_on(AT_FDCWD, &at, LOG_ALL, take_try, &t), 0);
}
END_TEST

START_TEST(log_of_what_was_taken)
{
	struct log_line l = events[3];

	ck_assert_ptr_null(log_taken_from(&l));
	l.text = LOG_TAKEN "a b";
	ck_assert_str_eq(log_taken_from(&l), "a b");
	l.event = LOG_SAME;
	ck_assert_str_eq(log_taken_from(&l), "a b");
	l.event = LOG_FAIL;
	ck_assert_ptr_null(log_taken_from(&l));
	l.event = LOG_DONE;
	l.text = LOG_REDONE;
	ck_assert_ptr_null(log_taken_from(&l));
}
END_TEST

/* What is longer than orch writes is not a line, though its end, read alone, would be one. */
START_TEST(log_endless_line)
{
	static const size_t sizes[] = { 65534, 65535, 65536, 65537, 131071, 131072, 131073, 200000 };
	struct lines *lines = malloc(sizeof *lines);
	char *text = malloc(sizes[_i] + 100);
	size_t n;

	n = (size_t)sprintf(text, "\n7\tstart\ta\t1\t-1\t\t\n");
	memset(text + n, '7', sizes[_i]);
	n += sizes[_i];
	n += (size_t)sprintf(text + n, "\tstart\tb\t2\t-1\t\t\n9\tstart\tc\t3\t-1\t\t\n");
	ck_assert_int_eq(file_put(AT_FDCWD, "new", "log", text, n, 0), 0);
	read_lines(lines);
	ck_assert_int_eq(lines->n, 2);
	ck_assert_str_eq(lines->list[0].key, "a");
	ck_assert_str_eq(lines->list[1].key, "c");
}
END_TEST

START_TEST(log_missing)
{
	struct lines *lines = malloc(sizeof *lines);

	read_lines(lines);
	ck_assert_int_eq(lines->n, 0);
	help_none("log");
	ck_assert_int_eq(symlink("elsewhere", "log"), 0);
	ck_assert_int_eq(log_open(AT_FDCWD), -1);
	help_none("elsewhere");
	ck_assert_int_eq(log_read(AT_FDCWD, LOG_ALL, take_line, lines), -1);
}
END_TEST

START_TEST(log_mode)
{
	int fd;

	umask((mode_t)umasks[_i]);
	fd = log_open(AT_FDCWD);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(mode_of("log"), 0600);
	close(fd);
	fd = log_open(AT_FDCWD);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

/* A crash may cut the last line anywhere. What is left of it is not a line of ours, nor is what follows
 * lost with it. */
START_TEST(log_cut_off)
{
	struct lines *lines = malloc(sizeof *lines);
	size_t whole, cut;
	char *bytes;
	int fd;

	fd = log_open(AT_FDCWD);
	ck_assert_int_eq(log_add(fd, &events[0]), 0);
	ck_assert_int_eq(log_add(fd, &events[_i]), 0);
	close(fd);
	bytes = help_read("log", &whole);
	for (cut = (size_t)(strstr(bytes, "\n\n") + 3 - bytes); cut + 1 < whole; cut++) {
		help_bytes("log", bytes, cut);
		fd = log_open(AT_FDCWD);
		ck_assert_int_eq(log_add(fd, &events[6]), 0);
		close(fd);
		read_lines(lines);
		ck_assert_int_ge(lines->n, 2);
		same_line(&lines->list[0], &events[0]);
		same_line(&lines->list[lines->n - 1], &events[6]);
		ck_assert_msg(lines->n == 2, "cut to %zu bytes of %zu it is still read: %s", cut, whole, help_read("log", NULL));
	}
}
END_TEST

static const char *const foreign[] = {
	"", "hello", "\t", "\t\t\t\t", "x\twalk\t1", "1\tdance\t1", "1\twalk", "1\twalk\t", "1\twalk\tx", "1\tstart\tk",
	"1\tstart\tk\t", "1\tstart", "1\tdone\tk\t1", "1\tdone\tk\t1\t2", "1\tdone\tk\t1\t2\txyz", "1\tfail\tk\t1\t2",
	"1\tfail\tk\t1\tx\t256\twhy", "1\tfail\tk\t1\t2\ty\twhy", "1\tend", "12x\twalk\t1", "1 walk 1",
	"99999999999999999999999\twalk\t1", "\001\002\377", "1\twalk\t1\t", "1\tstart\tk\t1\t\t", "1\tstart\tk\t1\t7\t",
	"1\tdance\t1\t\t", "1\tdone\tk\t1\t2\txyz\t\t", "1\tdone\tk\t1\t2\tabc\t", "1\tfail\tk\t1\t2\ty\twhy\t", "1\tend\t",
	"1\tend\t0\t",
};

START_TEST(log_foreign_lines)
{
	struct lines *lines = malloc(sizeof *lines);
	FILE *f = fopen("log", "w");
	int i, fd;

	for (i = 0; i < LEN(foreign); i++)
		fprintf(f, "%s\n", foreign[i]);
	fwrite("1\twa\0lk\t1\n", 1, 10, f);
	fclose(f);
	fd = log_open(AT_FDCWD);
	ck_assert_int_eq(log_add(fd, &events[5]), 0);
	read_lines(lines);
	ck_assert_msg(lines->n == 1, "%d lines, the first at %lld ms", lines->n, lines->list[0].ms);
	same_line(&lines->list[0], &events[5]);
}
END_TEST

/* A log that an earlier orch has begun: its lines count as they are, but those that it has marked as cut off. */
START_TEST(log_of_an_earlier_orch)
{
	struct lines *lines = malloc(sizeof *lines);
	int fd;

	help_file("log", "1\twalk\t4711", "2\tstart\ta\t1", "3\tstart\ta\t2\tagain", "4\tdone\ta\t2\t5\t00000000000000ff",
	    "5\tend\t1\twhy", "6\tdone\tb\t1\t5\t0\030", NULL);
	fd = log_open(AT_FDCWD);
	ck_assert_int_eq(log_add(fd, &events[2]), 0);
	close(fd);
	read_lines(lines);
	ck_assert_int_eq(lines->n, 6);
	ck_assert_int_eq(lines->list[1].at, -1);
	ck_assert_str_eq(lines->list[2].text, LOG_AGAIN);
	ck_assert_int_eq(lines->list[2].at, -1);
	ck_assert_uint_eq(lines->list[3].digest, 255);
	ck_assert_str_eq(lines->list[4].text, "why");
	same_line(&lines->list[5], &events[2]);
}
END_TEST

/* how. */

static char *
how_text(int fd, long long at, const char *name)
{
	char *text;
	size_t n;

	if (how_get(fd, at, name, &text, &n)) {
		ck_assert_int_eq(errno, ENOENT);
		return NULL;
	}
	ck_assert_uint_eq(strlen(text), n);
	return text;
}

START_TEST(how_round_trip)
{
	static const char *const texts[] = {
		"directory\t.\nword\tclaude\nword\t\nword\t-p\nenv\t\nvariable\tx\t5\nvariable\ty\t\nvariable\tz\tvariable\n",
		"branch\tb\n", "ask\tk\nchoice\tyes\ndefault\t\n", "variable\tx\t\n", "word\tvariable\nword\tx\n",
	};
	int fd = how_open(AT_FDCWD), i, pass;
	long long at[2][LEN(texts)];
	char *big = malloc(100001), name[20];

	ck_assert_int_ge(fd, 0);
	ck_assert(is_closed_on_exec(fd));
	ck_assert_int_eq(mode_of("how"), 0600);
	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < LEN(texts); i++) {
			sprintf(name, "k%d", i);
			at[pass][i] = how_add(fd, name, texts[i], strlen(texts[i]));
			ck_assert_int_gt(at[pass][i], 0);
		}
	for (i = 0; i < LEN(texts); i++) {
		sprintf(name, "k%d", i);
		ck_assert_str_eq(how_text(fd, at[0][i], name), texts[i]);
		ck_assert_str_eq(how_text(fd, at[1][i], name), texts[i]);
		ck_assert_ptr_null(how_text(fd, at[0][i], "k"));
		ck_assert_ptr_null(how_text(fd, at[0][i] + 1, name));
		ck_assert_ptr_null(how_text(fd, at[0][i] - 1, name));
	}
	ck_assert_ptr_null(how_text(fd, 1 << 30, "k1"));
	ck_assert_ptr_null(how_text(fd, -1, "k1"));
	ck_assert_ptr_null(how_text(-1, 1, "k1"));
	memcpy(big, "word\t", 5);
	memset(big + 5, 'w', 99994);
	strcpy(big + 99999, "\n");
	at[0][0] = how_add(fd, "big", big, 100000);
	ck_assert_str_eq(how_text(fd, at[0][0], "big"), big);
	/* What is not whole, as a power cut may leave it, is not known. */
	ck_assert_int_eq(ftruncate(fd, (off_t)at[0][0] + 50000), 0);
	ck_assert_ptr_null(how_text(fd, at[0][0], "big"));
}
END_TEST

static void
add_entry(void *ctx, const char *name, long long ms, long long at)
{
	char *text;
	size_t n;
	int fd = file_open(AT_FDCWD, "how");

	ck_assert_int_gt(ms, 1700000000000);
	ck_assert_int_eq(how_get(fd, at, name, &text, &n), 0);
	close(fd);
	strcat(strcat(ctx, name), " ");
}

START_TEST(how_intents)
{
	int fd = how_open(AT_FDCWD);
	char found[100];

	ck_assert_str_eq(how_intent(AT_FDCWD, "k"), "");
	how_add(fd, "k", "branch\tb\n", 9);
	ck_assert_str_eq(how_intent(AT_FDCWD, "k"), "");
	ck_assert_int_eq(how_intend(AT_FDCWD, "k", "branch\tb\npath\t/x y\n", 19), 0);
	ck_assert_int_eq(how_intend(AT_FDCWD, "k2", "branch\tb2\n", 10), 0);
	how_add(fd, "k", "branch\tb\n", 9);
	how_add(fd, "k", "word\tanswered\n", 14);
	ck_assert_str_eq(how_intent(AT_FDCWD, "k"), "intent\t\nbranch\tb\npath\t/x y\n");
	ck_assert_str_eq(how_intent(AT_FDCWD, "k2"), "intent\t\nbranch\tb2\n");
	ck_assert_str_eq(how_intent(AT_FDCWD, "2"), "");
	ck_assert_int_eq(how_intend(AT_FDCWD, "k", "branch\tc\n", 9), 0);
	how_answered(fd, "k2");
	ck_assert_str_eq(how_intent(AT_FDCWD, "k"), "intent\t\nbranch\tc\n");
	ck_assert_str_eq(how_intent(AT_FDCWD, "k2"), "");
	/* One that was cut off spoils no other. */
	ck_assert_int_eq(file_write(fd, "\nk2\tintent\t\tbran", 17), 0);
	ck_assert_int_eq(how_intend(AT_FDCWD, "k", "branch\td\n", 9), 0);
	ck_assert_str_eq(how_intent(AT_FDCWD, "k"), "intent\t\nbranch\td\n");
	*found = '\0';
	ck_assert_int_eq(how_each(AT_FDCWD, add_entry, found), 0);
	ck_assert_str_eq(found, "k k k ");
}
END_TEST

/* An entry that was cut off anywhere is none, though the newline of the next ends its line; in a file of an earlier orch, whose entries
 * had no ends, all lines count. */
START_TEST(how_that_was_cut_off)
{
	static const char text[] = "directory\t.\nword\ta%25b\nvariable\tv\t\n";
	char found[64], *whole, *got;
	size_t n, size, k;
	int fd = how_open(AT_FDCWD);

	how_add(fd, "first", text, sizeof text - 1);
	how_add(fd, "k", text, sizeof text - 1);
	whole = help_read("how", &size);
	n = (size_t)(strstr(whole, "\nk\t") - whole);
	for (k = n + 2; k < size; k++) {
		help_bytes("how", whole, k);
		close(fd);
		fd = how_open(AT_FDCWD);
		how_add(fd, "last", text, sizeof text - 1);
		*found = '\0';
		ck_assert_int_eq(how_each(AT_FDCWD, add_entry, found), 0);
		ck_assert_str_eq(found, k + 1 < size ? "first last " : "first k last ");
	}
	ck_assert_int_eq(how_get(fd, 1, "first", &got, &n), 0);
	ck_assert_str_eq(got, text);
	close(fd);
	help_file("how", "", "k\t1800000000001\tdirectory\t.", "", "k\t1800000000002\tword\tx", NULL);
	*found = '\0';
	ck_assert_int_eq(how_each(AT_FDCWD, add_entry, found), 0);
	ck_assert_str_eq(found, "k k ");
}
END_TEST

/* Of an earlier orch it was a directory. */
START_TEST(how_of_an_earlier_orch)
{
	int fd;

	ck_assert_int_eq(mkdir("how", 0700), 0);
	help_file("how/k", "x", NULL);
	fd = how_open(AT_FDCWD);
	ck_assert_int_ge(fd, 0);
	help_is("how.old/k", "x\n");
	help_is("how", "");
}
END_TEST

/* The record. */

static void
fill_record(struct record *r)
{
	memset(r, 0, sizeof *r);
	r->workflow = copy("/tmp/a\tb\n%/w.orch", 17);
	r->directory = copy("/tmp/%41", 8);
	r->started = 1700000000123;
	ck_assert_int_eq(record_param(r, "hostile", hostile), 0);
	ck_assert_int_eq(record_param(r, "empty", ""), 0);
	ck_assert_int_eq(record_param(r, "lines", "a\nparam x y\n\ntext\n"), 0);
	ck_assert_int_eq(record_agent(r, "claude=sh -c 'cat\t%n'"), 0);
	ck_assert_int_eq(record_agent(r, "none="), 0);
	ck_assert_int_eq(record_take(r, "before"), 0);
	ck_assert_int_eq(record_take(r, hostile), 0);
}

static void
same_record(const struct record *a, const struct record *b)
{
	size_t i;

	ck_assert_str_eq(a->workflow, b->workflow);
	ck_assert_str_eq(a->directory, b->directory);
	ck_assert_int_eq(a->started, b->started);
	ck_assert_str_eq(a->take ? a->take : "", b->take ? b->take : "");
	ck_assert_uint_eq(a->nparams, b->nparams);
	for (i = 0; i < a->nparams; i++) {
		ck_assert_str_eq(a->params[i].name, b->params[i].name);
		ck_assert_str_eq(a->params[i].value, b->params[i].value);
	}
	ck_assert_uint_eq(a->nagents, b->nagents);
	for (i = 0; i < a->nagents; i++)
		ck_assert_str_eq(a->agents[i], b->agents[i]);
	ck_assert_int_eq(!a->text, !b->text);
	ck_assert_uint_eq(a->ntext, b->ntext);
	if (a->text)
		ck_assert_mem_eq(a->text, b->text, a->ntext);
}

static const struct {
	const char *text;
	size_t n;
} texts[] = {
	{ NULL, 0 }, { BYTES("") }, { BYTES("print | x\n") }, { BYTES("no newline") },
	{ BYTES("param x y\nworkflow\t/etc/passwd\ntext\n\tparam\tx\ty\n%41") }, { BYTES("a\0b\r\n\xff\n") },
};

START_TEST(record_round_trip)
{
	struct record r, back;
	int dir = file_open_dir(AT_FDCWD, ".");

	fill_record(&r);
	r.text = copy(texts[_i].text, texts[_i].n);
	r.ntext = texts[_i].n;
	ck_assert_int_eq(record_write(&r, dir, NULL), 0);
	ck_assert_int_eq(mode_of("run"), 0600);
	ck_assert_int_eq(record_read(&back, dir, NULL), 0);
	same_record(&back, &r);
	record_free(&back);
	ck_assert_int_eq(record_write(&r, dir, NULL), 0);
	ck_assert_int_eq(record_read(&back, dir, NULL), 0);
	same_record(&back, &r);
	record_free(&back);
	record_free(&r);
	close(dir);
}
END_TEST

START_TEST(record_in_place_of)
{
	struct record r;

	fill_record(&r);
	ck_assert_int_eq(record_param(&r, "empty", "now"), 0);
	ck_assert_int_eq(record_param(&r, "hostile", ""), 0);
	ck_assert_int_eq(record_param(&r, "emp", "other"), 0);
	ck_assert_uint_eq(r.nparams, 4);
	ck_assert_str_eq(r.params[0].value, "");
	ck_assert_str_eq(r.params[1].value, "now");
	ck_assert_str_eq(r.params[3].value, "other");
	ck_assert_int_eq(record_agent(&r, "claude=cat"), 0);
	ck_assert_int_eq(record_agent(&r, "claude2=cat"), 0);
	ck_assert_int_eq(record_agent(&r, "cl=cat"), 0);
	ck_assert_uint_eq(r.nagents, 4);
	ck_assert_str_eq(r.agents[0], "claude=cat");
	ck_assert_str_eq(r.agents[2], "claude2=cat");
	record_free(&r);
}
END_TEST

START_TEST(record_none_of_ours)
{
	static const char *const files[] = { "", "hello\n", "workflow\t/x\n", "directory\t/x\n", "text\nworkflow\t/x\ndirectory\t/x\n",
	    "workflow\n", "\n\n", "workflow\t/x\nstarted\t170000000000000000000000\n" };
	struct record r;
	int i;

	errno = 0;
	ck_assert_int_eq(record_read(&r, AT_FDCWD, NULL), -1);
	ck_assert_int_eq(errno, ENOENT);
	for (i = 0; i < LEN(files); i++) {
		help_bytes("run", files[i], strlen(files[i]));
		errno = 0;
		ck_assert_msg(record_read(&r, AT_FDCWD, NULL) == -1, "`%s` was read", files[i]);
		ck_assert_int_eq(errno, EINVAL);
	}
}
END_TEST

static const char *const malformed[] = {
	"\n", "hello\n", "workflow\n", "directory\n", "started\n", "agent\n", "param\n", "param\tname\n",
	"started\t\n", "started\tnow\n", "started\t1700000000123x\n", "started\t170000000000000000000000\n",
};

/* A line that lacks a field, or has no number that fits, before, between and after those that must be there: the rest
 * is not taken for all. */
START_TEST(record_malformed_line)
{
	static const char *const whole[] = { "workflow\t/x\n", "directory\t/y\n", "param\tn\tv\n" };
	struct record r;
	char text[200];
	int at, i;

	for (at = 0; at <= LEN(whole); at++) {
		*text = '\0';
		for (i = 0; i < LEN(whole); i++)
			strcat(strcat(text, i == at ? malformed[_i] : ""), whole[i]);
		strcat(text, at == LEN(whole) ? malformed[_i] : "");
		help_bytes("run", text, strlen(text));
		errno = 0;
		ck_assert_msg(record_read(&r, AT_FDCWD, NULL) == -1, "`%s` was read", text);
		ck_assert_int_eq(errno, EINVAL);
	}
}
END_TEST

/* What a newer orch has written is not to be lost by writing the file again: it is an error, with its line. */
START_TEST(record_unknown_line)
{
	struct record r;

	help_file("run", "workflow\t/x", "directory\t/y", "later\tmay be more", "started\t1", NULL);
	ck_assert_int_eq(record_read(&r, AT_FDCWD, NULL), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_uint_eq(r.line, 3);
	help_bytes("run", "workflow\t/x\ndirectory\t/y\nstarted\t1", 33);
	ck_assert_int_eq(record_read(&r, AT_FDCWD, NULL), -1);
	/* Nor is what follows a NUL byte in a line. */
	help_bytes("run", "workflow\t/x\ndirectory\t/y\0z\nstarted\t1\n", 38);
	ck_assert_int_eq(record_read(&r, AT_FDCWD, NULL), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_uint_eq(r.line, 2);
}
END_TEST

/* Of a run below the directory that orch was started in, what is below that too is written as seen from the run. */
START_TEST(record_paths)
{
	static const struct {
		const char *directory, *workflow, *run;         /* the run's directory */
		const char *file;                               /* what the file `run' says */
		const char *moved, *directory_then, *workflow_then;
	} paths[] = {
		{ "/p", "/p/w.orch", "/p/.orch/r", "workflow\t../../w.orch\ndirectory\t../..\n", "/q/s/.orch/r", "/q/s", "/q/s/w.orch" },
		{ "/p", "/p/a/w.orch", "/p/x", "workflow\t../a/w.orch\ndirectory\t..\n", "/x", "/", "/a/w.orch" },
		{ "/p", "/pp/w.orch", "/p/.orch/r", "workflow\t/pp/w.orch\ndirectory\t../..\n", "/q/.orch/r", "/q", "/pp/w.orch" },
		{ "/p", "/p/w.orch", "/runs/r", "workflow\t/p/w.orch\ndirectory\t/p\n", "/q/r", "/p", "/p/w.orch" },
		{ "/p", "/p/w.orch", "/pp/r", "workflow\t/p/w.orch\ndirectory\t/p\n", "/q/r", "/p", "/p/w.orch" },
		{ "/", "/w.orch", "/.orch/r", "workflow\t../../w.orch\ndirectory\t../..\n", "/.orch/r", "/", "/w.orch" },
		{ "/p", "-", "/p/.orch/r", "workflow\t-\ndirectory\t../..\n", "/q/.orch/r", "/q", "-" },
	};
	struct record r = { 0 };
	int dir = file_open_dir(AT_FDCWD, ".");
	size_t i;

	for (i = 0; i < LEN(paths); i++) {
		r.workflow = copy(paths[i].workflow, strlen(paths[i].workflow));
		r.directory = copy(paths[i].directory, strlen(paths[i].directory));
		ck_assert_int_eq(record_write(&r, dir, paths[i].run), 0);
		record_free(&r);
		ck_assert_msg(!strncmp(help_read("run", NULL), paths[i].file, strlen(paths[i].file)), "%s", help_read("run", NULL));
		ck_assert_int_eq(record_read(&r, dir, paths[i].moved), 0);
		ck_assert_str_eq(r.workflow, paths[i].workflow_then);
		ck_assert_str_eq(r.directory, paths[i].directory_then);
		record_free(&r);
	}
	close(dir);
}
END_TEST

/* What stays the same, and what does not, when a directory is moved, linked, opened, copied. */
START_TEST(identities)
{
	struct identity made;
	int fd;

	help_file("lock", "x", NULL);
	fd = file_open_own(AT_FDCWD, "lock", 0);
	ck_assert_int_eq(identity_of(&made, fd), 0);
	ck_assert_int_ne(made.kind, IDENTITY_NONE);
	if (made.kind != IDENTITY_BIRTH) {
		help_skip("identities", "files have no birth time here");
		return;
	}
	help_sh(0, "mkdir d && mv lock d/other && chmod 644 d/other && touch -d '2001-01-01' d/other && cp -p d/other copy && mv d e");
	ck_assert_int_eq(identity_is_of(&made, fd), 1);
	close(fd);
	fd = file_open(AT_FDCWD, "e/other");
	ck_assert_int_eq(identity_is_of(&made, fd), 1);
	close(fd);
	fd = file_open(AT_FDCWD, "copy");
	ck_assert_int_eq(identity_is_of(&made, fd), 0);
	ck_assert_int_eq(identity_is_of(&made, -1), 0);
	made.kind = IDENTITY_NONE;
	ck_assert_int_eq(identity_is_of(&made, fd), 0);
	made.kind = IDENTITY_UNKNOWN;
	ck_assert_int_eq(identity_is_of(&made, fd), 0);
	close(fd);
}
END_TEST

START_TEST(record_whole_or_not)
{
	struct rlimit limit = { 20, 20 };
	struct record r, back;
	int dir = file_open_dir(AT_FDCWD, ".");

	fill_record(&r);
	ck_assert_int_eq(record_write(&r, dir, NULL), 0);
	ck_assert_int_eq(record_read(&back, dir, NULL), 0);
	ck_assert_int_eq(record_param(&r, "more", "x"), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(record_write(&r, dir, NULL), -1);
	record_free(&r);
	ck_assert_int_eq(record_read(&r, dir, NULL), 0);
	same_record(&r, &back);
}
END_TEST

/* The run's directory. */

static void
must_open(struct store *s, const char *name, enum store_use use)
{
	ck_assert_msg(store_open(s, ".orch", name, name ? strlen(name) : 0, use) == 0, "%s: %s", s->what, strerror(errno));
}

static void
must_refuse(const char *dir, const char *name, enum store_use use, int error)
{
	struct store s;
	int got, err;

	errno = 0;
	got = store_open(&s, dir, name, strlen(name), use);
	err = errno;
	ck_assert_msg(got == -1, "%s/%s was opened", dir, name);
	ck_assert_msg(err == error, "%s/%s: %s: %s", dir, name, s.what, strerror(err));
	ck_assert_str_ne(s.what, "");
	store_close(&s);
}

START_TEST(store_modes)
{
	static const char *const parts[] = { "result", "asked", "stderr", "tmp" };
	static const char *const files[] = { "lock", "log", "how" };
	struct store s;
	char path[600];
	int i, by_time;

	umask((mode_t)umasks[_i]);
	for (by_time = 0; by_time < 2; by_time++) {
		must_open(&s, by_time ? NULL : "r", STORE_WRITE);
		umask(022);
		ck_assert_int_eq(mode_of(".orch"), 0700);
		snprintf(path, sizeof path, ".orch/%s", s.name);
		ck_assert_int_eq(mode_of(path), 0700);
		for (i = 0; i < LEN(parts); i++) {
			snprintf(path, sizeof path, ".orch/%s/%s", s.name, parts[i]);
			ck_assert_int_eq(mode_of(path), 0700);
		}
		for (i = 0; i < LEN(files); i++) {
			snprintf(path, sizeof path, ".orch/%s/%s", s.name, files[i]);
			ck_assert_int_eq(mode_of(path), 0600);
		}
		store_close(&s);
		umask((mode_t)umasks[_i]);
	}
}
END_TEST

START_TEST(store_of_a_run)
{
	char here[PATH_MAX], path[PATH_MAX + 20];
	struct store s;

	must_open(&s, "r", STORE_WRITE);
	ck_assert_str_eq(help_read(".orch/.gitignore", NULL), "*\n");
	ck_assert(getcwd(here, sizeof here));
	snprintf(path, sizeof path, "%s/.orch/r", here);
	ck_assert_str_eq(s.path, path);
	ck_assert_str_eq(s.name, "r");
	ck_assert_int_ge(s.log, 0);
	store_close(&s);
	ck_assert_ptr_null(s.path);
	help_file(".orch/.gitignore", "mine", NULL);
	must_open(&s, "r", STORE_WRITE);
	ck_assert_str_eq(help_read(".orch/.gitignore", NULL), "mine\n");
	store_close(&s);
	must_open(&s, "r", STORE_READ);
	ck_assert_int_eq(s.log, -1);
	ck_assert_int_ge(s.result, 0);
	ck_assert_str_eq(s.path, path);
	store_close(&s);
	/* Looked at while another orch makes it: the lock comes after the directory. */
	ck_assert_int_eq(mkdir(".orch/new", 0700), 0);
	must_open(&s, "new", STORE_READ);
	store_find_lock(&s);
	ck_assert_int_eq(s.lock, -1);
	help_file(".orch/new/lock", NULL);
	store_find_lock(&s);
	ck_assert_int_ge(s.lock, 0);
	store_close(&s);
}
END_TEST

START_TEST(store_names)
{
	char name[300];
	struct store s;

	ck_assert_int_eq(store_open(&s, ".orch/", "../../x", 7, STORE_WRITE), 0);
	ck_assert_str_eq(s.name, "%2E.%2F..%2Fx");
	ck_assert(help_exists(".orch/%2E.%2F..%2Fx/result"));
	store_close(&s);
	must_refuse(".orch", "", STORE_WRITE, EINVAL);
	memset(name, 'n', 299);
	name[299] = '\0';
	must_refuse(".orch", name, STORE_WRITE, ENAMETOOLONG);
	help_none("../x");
}
END_TEST

static void
count_run(void *ctx, const char *name)
{
	char key[KEY_NAME_MAX + 1];

	ck_assert_int_gt(key_decode(name, key), 0);
	++*(int *)ctx;
}

/* However fast one comes after another. */
START_TEST(store_names_by_time)
{
	struct store s[8];
	int i, k, n = 0;

	for (i = 0; i < LEN(s); i++) {
		must_open(&s[i], NULL, STORE_WRITE);
		ck_assert_int_ge(strspn(s[i].name, "0123456789"), 8);
		for (k = 0; k < i; k++)
			ck_assert_str_ne(s[i].name, s[k].name);
	}
	ck_assert_int_eq(store_runs(".orch", count_run, &n), 0);
	ck_assert_int_eq(n, LEN(s));
	for (i = 0; i < LEN(s); i++)
		store_close(&s[i]);
	n = 0;
	ck_assert_int_eq(store_runs("nowhere", count_run, &n), 0);
	ck_assert_int_eq(n, 0);
}
END_TEST

START_TEST(store_read_makes_nothing)
{
	struct ran before, after;
	struct store s;
	long holder;

	must_refuse(".orch", "r", STORE_READ, ENOENT);
	help_none(".orch");
	ck_assert_int_eq(mkdir(".orch", 0700), 0);
	must_refuse(".orch", "r", STORE_READ, ENOENT);
	ck_assert_int_eq(mkdir(".orch/r", 0700), 0);
	before = help_run("find .orch");
	must_open(&s, "r", STORE_READ);
	ck_assert_int_eq(s.lock, -1);
	ck_assert_int_eq(s.result, -1);
	ck_assert_int_eq(store_busy(&s, &holder), STORE_FREE);
	store_close(&s);
	after = help_run("find .orch");
	ck_assert_str_eq(before.out, after.out);
	ck_assert_str_eq(after.out, ".orch\n.orch/r\n");
}
END_TEST

/* Links are refused by both uses, and what they point to stays as it is. */
START_TEST(store_refuses_links)
{
	static const char *const parts[] = { "result", "asked", "how", "stderr", "tmp" };
	char path[100];
	int i;

	ck_assert_int_eq(mkdir("real", 0700), 0);
	ck_assert_int_eq(mkdir("real/r", 0700), 0);
	ck_assert_int_eq(symlink("real", ".orch"), 0);
	must_refuse(".orch", "r", STORE_WRITE, EPERM);
	must_refuse(".orch/", "r", STORE_WRITE, EPERM);
	must_refuse(".orch", "r", STORE_READ, EPERM);
	ck_assert_int_eq(unlink(".orch"), 0);
	ck_assert_int_eq(mkdir(".orch", 0700), 0);
	ck_assert_int_eq(symlink("../real/r", ".orch/r"), 0);
	must_refuse(".orch", "r", STORE_WRITE, EPERM);
	must_refuse(".orch", "r", STORE_READ, EPERM);
	ck_assert_int_eq(unlink(".orch/r"), 0);
	for (i = 0; i < LEN(parts); i++) {
		ck_assert_int_eq(mkdir(".orch/r", 0700), 0);
		snprintf(path, sizeof path, ".orch/r/%s", parts[i]);
		ck_assert_int_eq(symlink("../../real/r", path), 0);
		must_refuse(".orch", "r", STORE_READ, EPERM);
		must_refuse(".orch", "r", STORE_WRITE, EPERM);
		ck_assert_int_eq(help_run("rm -r .orch/r").status, 0);
	}
	ck_assert_str_eq(help_run("find real").out, "real\nreal/r\n");
}
END_TEST

START_TEST(store_refuses_linked_files)
{
	static const char *const parts[] = { "lock", "log", "how" };
	char path[100];
	int i;

	for (i = 0; i < LEN(parts); i++) {
		ck_assert_int_eq(mkdir(".orch", 0700), 0);
		ck_assert_int_eq(mkdir(".orch/r", 0700), 0);
		snprintf(path, sizeof path, ".orch/r/%s", parts[i]);
		ck_assert_int_eq(symlink("../../victim", path), 0);
		must_refuse(".orch", "r", STORE_WRITE, EPERM);
		help_none("victim");
		ck_assert_int_eq(help_run("rm -r .orch").status, 0);
	}
}
END_TEST

START_TEST(store_refuses_what_others_can_write)
{
	static const int modes[] = { 0777, 0702, 0720 };
	struct store s;
	int i;

	must_open(&s, "r", STORE_WRITE);
	store_close(&s);
	for (i = 0; i < LEN(modes); i++) {
		ck_assert_int_eq(chmod(".orch", (mode_t)modes[i]), 0);
		must_refuse(".orch", "r", STORE_WRITE, EPERM);
		ck_assert_int_eq(chmod(".orch", 0755), 0);
		ck_assert_int_eq(chmod(".orch/r", (mode_t)modes[i]), 0);
		must_refuse(".orch", "r", STORE_WRITE, EPERM);
		ck_assert_int_eq(chmod(".orch/r", 0700), 0);
	}
	must_open(&s, "r", STORE_WRITE);
	store_close(&s);
}
END_TEST

START_TEST(store_refuses_what_is_anothers)
{
	struct store s;

	if (geteuid()) {
		help_skip("store_refuses_what_is_anothers", "needs root");
		return;
	}
	must_open(&s, "r", STORE_WRITE);
	store_close(&s);
	ck_assert_int_eq(chown(".orch/r", NOBODY, NOBODY), 0);
	must_refuse(".orch", "r", STORE_WRITE, EPERM);
	ck_assert_int_eq(chown(".orch/r", 0, 0), 0);
	ck_assert_int_eq(chown(".orch", NOBODY, NOBODY), 0);
	must_refuse(".orch", "r", STORE_WRITE, EPERM);
}
END_TEST

START_TEST(store_refuses_files_for_directories)
{
	struct store s;

	help_file(".orch", NULL);
	ck_assert_int_eq(store_open(&s, ".orch", "r", 1, STORE_WRITE), -1);
	store_close(&s);
	ck_assert_int_eq(unlink(".orch"), 0);
	must_open(&s, "r", STORE_WRITE);
	store_close(&s);
	ck_assert_int_eq(help_run("rm -r .orch/r/asked && echo >.orch/r/asked").status, 0);
	ck_assert_int_eq(store_open(&s, ".orch", "r", 1, STORE_WRITE), -1);
	store_close(&s);
}
END_TEST

static void
list_result(void *ctx, const char *name, int plain)
{
	char line[300];

	snprintf(line, sizeof line, "%s=%d ", name, plain);
	strcat(ctx, line);
}

START_TEST(store_keeps)
{
	char list[1000] = "";
	struct store s;

	must_open(&s, "r", STORE_WRITE);
	help_file(".orch/r/tmp/%12", "answer", NULL);
	ck_assert_int_eq(store_keep(&s, "%12", "k"), 0);
	ck_assert_int_eq(store_sync_results(&s), 0);
	ck_assert_str_eq(help_read(".orch/r/result/k", NULL), "answer\n");
	help_none(".orch/r/tmp/%12");
	ck_assert_int_eq(store_results(&s, list_result, list), 0);
	ck_assert_str_eq(list, "k=1 ");
	store_unkeep(&s, "k");
	help_none(".orch/r/result/k");
	errno = 0;
	ck_assert_int_eq(store_keep(&s, "none", "k"), -1);
	ck_assert_int_eq(errno, ENOENT);
	store_close(&s);
}
END_TEST

static int
results_hold(struct store *s, const char *what)
{
	char list[1000] = "";

	ck_assert_int_eq(store_results(s, list_result, list), 0);
	return strstr(list, what) != NULL;
}

START_TEST(store_lists_what_is_odd)
{
	struct store s;

	must_open(&s, "r", STORE_WRITE);
	ck_assert_int_eq(help_run("cd .orch/r/result && echo x >plain && ln -s plain link && mkdir dir && mkfifo fifo").status, 0);
	ck_assert(results_hold(&s, "plain=1 "));
	ck_assert(results_hold(&s, "link=0 "));
	ck_assert(results_hold(&s, "dir=0 "));
	ck_assert(results_hold(&s, "fifo=0 "));
	ck_assert(!results_hold(&s, ".=") && !results_hold(&s, "..="));
	store_close(&s);
}
END_TEST

START_TEST(store_deleted_under_us)
{
	struct store s;

	must_open(&s, "r", STORE_WRITE);
	ck_assert_int_eq(store_gone(&s), 0);
	ck_assert_int_eq(help_run("rm -rf .orch/r").status, 0);
	ck_assert_int_eq(store_gone(&s), 1);
	store_close(&s);
}
END_TEST

START_TEST(store_clean_spares_results)
{
	static const char *const keep[] = { "k", "%2E.", "%25", "a%2Fb", "\xc3\xa9", "-rf", "12" };
	static const char *const drop[] = { "%", "%1", "%-12", "%x", "%in-3", "%2f", "%61" };
	char path[100];
	struct store s;
	int i;

	must_open(&s, "r", STORE_WRITE);
	for (i = 0; i < LEN(keep); i++) {
		snprintf(path, sizeof path, ".orch/r/tmp/%s", keep[i]);
		help_file(path, "x", NULL);
		snprintf(path, sizeof path, ".orch/r/tmp/%s", drop[i]);
		help_file(path, "x", NULL);
	}
	store_clean(&s);
	for (i = 0; i < LEN(keep); i++) {
		snprintf(path, sizeof path, ".orch/r/tmp/%s", keep[i]);
		ck_assert_msg(help_exists(path), "%s is gone", path);
		snprintf(path, sizeof path, ".orch/r/tmp/%s", drop[i]);
		ck_assert_msg(!help_exists(path), "%s is still there", path);
	}
	store_close(&s);
}
END_TEST

/* The lock, between processes. */

struct peer {
	pid_t pid;
	int go, said;           /* it ends when GO is closed */
	int error;              /* an errno; 0: it has what it wanted */
	long holder;
};

enum want { WANT_ORCH, WANT_SUPERVISOR };

struct word {
	int error;
	long holder;
};

static void
be_peer(enum want want, int go, int said)
{
	struct word w = { 0, 0 };
	struct store s;
	char c;

	if (store_open(&s, ".orch", "r", 1, STORE_WRITE) ||
	    (want == WANT_ORCH ? store_lock(&s, &w.holder) : store_lock_supervisor(&s)))
		w.error = errno;
	if (write(said, &w, sizeof w) != sizeof w)
		_exit(1);
	while (read(go, &c, 1) > 0)
		;
	_exit(0);
}

static void
peer_start(struct peer *p, enum want want)
{
	int go[2], said[2];
	struct word w;

	ck_assert_int_eq(pipe(go), 0);
	ck_assert_int_eq(pipe(said), 0);
	p->pid = fork();
	ck_assert_int_ge(p->pid, 0);
	if (!p->pid) {
		close(go[1]);
		be_peer(want, go[0], said[1]);
	}
	close(go[0]);
	close(said[1]);
	/* A later peer must not hold this one's pipe open. */
	fcntl(go[1], F_SETFD, FD_CLOEXEC);
	p->go = go[1];
	p->said = said[0];
	ck_assert_int_eq(read(said[0], &w, sizeof w), sizeof w);
	p->error = w.error;
	p->holder = w.holder;
}

static void
peer_end(struct peer *p)
{
	kill(p->pid, SIGKILL);
	ck_assert_int_eq(waitpid(p->pid, NULL, 0), p->pid);
	close(p->go);
	close(p->said);
}

START_TEST(lock_is_exclusive)
{
	struct store s;
	struct peer p, q;
	long holder = 0;

	must_open(&s, "r", STORE_WRITE);
	peer_start(&p, WANT_ORCH);
	ck_assert_int_eq(p.error, 0);
	errno = 0;
	ck_assert_int_eq(store_lock(&s, &holder), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(holder, p.pid);
	peer_end(&p);
	ck_assert_int_eq(store_lock(&s, &holder), 0);
	peer_start(&q, WANT_ORCH);
	ck_assert_int_eq(q.error, EAGAIN);
	ck_assert_int_eq(q.holder, getpid());
	peer_end(&q);
	store_close(&s);
	peer_start(&q, WANT_ORCH);
	ck_assert_int_eq(q.error, 0);
	peer_end(&q);
}
END_TEST

START_TEST(lock_of_supervisors_is_shared)
{
	struct store s;
	struct peer a, b, orch;
	long holder = 0;

	must_open(&s, "r", STORE_WRITE);
	peer_start(&a, WANT_SUPERVISOR);
	peer_start(&b, WANT_SUPERVISOR);
	ck_assert_int_eq(a.error, 0);
	ck_assert_int_eq(b.error, 0);
	/* They leave byte 0 to the next orch. */
	peer_start(&orch, WANT_ORCH);
	ck_assert_int_eq(orch.error, 0);
	ck_assert_int_eq(store_busy(&s, &holder), STORE_RUNNING);
	ck_assert_int_eq(holder, orch.pid);
	peer_end(&orch);
	ck_assert_int_eq(store_busy(&s, &holder), STORE_ENDING);
	ck_assert(holder == a.pid || holder == b.pid);
	peer_end(&a);
	ck_assert_int_eq(store_busy(&s, &holder), STORE_ENDING);
	ck_assert_int_eq(holder, b.pid);
	peer_end(&b);
	ck_assert_int_eq(store_busy(&s, &holder), STORE_FREE);
	store_close(&s);
}
END_TEST

/* A supervisor is a fork of orch: it takes its share by the descriptor that it was born with. */
START_TEST(lock_of_a_fork)
{
	struct store s, mine;
	long holder = 0;
	int said[2];
	pid_t pid, grandchild = 0;

	must_open(&s, "r", STORE_WRITE);
	ck_assert_int_eq(pipe(said), 0);
	pid = fork();
	if (!pid) {
		if (store_open(&mine, ".orch", "r", 1, STORE_WRITE) || store_lock(&mine, &holder))
			_exit(1);
		grandchild = fork();
		if (!grandchild) {
			pid = getpid();
			if (store_lock_supervisor(&mine) || write(said[1], &pid, sizeof pid) != sizeof pid)
				_exit(1);
			alarm(60);
			pause();
		}
		pause();
	}
	ck_assert_int_eq(read(said[0], &grandchild, sizeof grandchild), sizeof grandchild);
	ck_assert_int_eq(store_busy(&s, &holder), STORE_RUNNING);
	ck_assert_int_eq(holder, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(store_busy(&s, &holder), STORE_ENDING);
	ck_assert_int_eq(holder, grandchild);
	kill(grandchild, SIGKILL);
	ck_assert_int_eq(store_lock_wait(&s, 10000, &holder), 0);
	store_close(&s);
}
END_TEST

/* An orch and two supervisors of it, FORKS, which say that they are there on READY. */
static void
be_orch_of_two(int told, int ready)
{
	struct store s;
	pid_t forks[2];
	long holder;
	int i;

	if (store_open(&s, ".orch", "r", 1, STORE_WRITE) || store_lock(&s, &holder))
		_exit(1);
	store_lock_share(&s);
	for (i = 0; i < 2; i++) {
		forks[i] = fork();
		if (!forks[i]) {
			alarm(60);
			if (!store_lock_supervisor(&s) && write(ready, "", 1) == 1)
				pause();
			_exit(1);
		}
	}
	if (write(told, forks, sizeof forks) == sizeof forks)
		pause();
	_exit(1);
}

/* What orch takes for its supervisors is theirs as long as one of them lives. */
START_TEST(lock_that_forks_inherit)
{
	struct store s;
	long holder = 0;
	int told[2], ready[2], i;
	pid_t pid, forks[2];
	char c;

	must_open(&s, "r", STORE_WRITE);
	ck_assert_int_eq(pipe(told), 0);
	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (!pid)
		be_orch_of_two(told[1], ready[1]);
	ck_assert_int_eq(read(told[0], forks, sizeof forks), sizeof forks);
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(read(ready[0], &c, 1), 1);
	ck_assert_int_eq(store_busy(&s, &holder), STORE_RUNNING);
	ck_assert_int_eq(holder, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(store_busy(&s, &holder), STORE_ENDING);
		ck_assert_int_eq(store_lock_wait(&s, 50, &holder), -1);
		ck_assert_int_eq(errno, EAGAIN);
		ck_assert_int_ne(holder, 0);
		kill(forks[i], SIGKILL);
	}
	ck_assert_int_eq(store_lock_wait(&s, 10000, &holder), 0);
	ck_assert_int_eq(store_busy(&s, &holder), STORE_FREE);
	store_close(&s);
}
END_TEST

START_TEST(lock_wait_times_out)
{
	struct store s;
	struct peer p;
	long holder = 0;
	long long began;

	must_open(&s, "r", STORE_WRITE);
	peer_start(&p, WANT_SUPERVISOR);
	began = help_ms();
	errno = 0;
	ck_assert_int_eq(store_lock_wait(&s, 150, &holder), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(holder, p.pid);
	ck_assert_int_ge(help_ms() - began, 100);
	ck_assert_int_lt(help_ms() - began, 10000);
	errno = 0;
	ck_assert_int_eq(store_lock_wait(&s, 0, &holder), -1);
	ck_assert_int_eq(errno, EAGAIN);
	peer_end(&p);
	store_close(&s);
}
END_TEST

START_TEST(lock_wait_for_a_supervisor)
{
	struct store s;
	struct peer p, q;
	long holder = 0;
	long long began = help_ms();
	pid_t killer;

	must_open(&s, "r", STORE_WRITE);
	ck_assert_int_eq(store_lock_wait(&s, 15000, &holder), 0);
	peer_start(&p, WANT_SUPERVISOR);
	killer = fork();
	if (!killer) {
		const struct timespec pause = { 0, 200 * 1000 * 1000 };

		nanosleep(&pause, NULL);
		kill(p.pid, SIGKILL);
		_exit(0);
	}
	ck_assert_int_eq(store_lock_wait(&s, 15000, &holder), 0);
	ck_assert_int_ge(help_ms() - began, 200);
	ck_assert_int_lt(help_ms() - began, 10000);
	waitpid(killer, NULL, 0);
	/* Having waited it holds nothing of byte 1: the new supervisors take their share. */
	peer_start(&q, WANT_SUPERVISOR);
	ck_assert_int_eq(q.error, 0);
	peer_end(&q);
	peer_end(&p);
	store_close(&s);
}
END_TEST

/* Opens, looks, closes, as `orch status` does; the exit status says whether it always saw WANT. */
static void
look(int times, enum store_busy want, long pid)
{
	struct store s;
	long holder;
	int i;

	for (i = 0; i < times; i++) {
		if (store_open(&s, ".orch", "r", 1, STORE_READ))
			_exit(1);
		if (store_busy(&s, &holder) != want || (want != STORE_FREE && holder != pid))
			_exit(2);
		store_close(&s);
	}
	_exit(0);
}

START_TEST(lock_beside_a_thousand_looks)
{
	struct store s;
	struct peer p;
	long holder;
	int status, i;
	pid_t pid, lookers[4];

	must_open(&s, "r", STORE_WRITE);
	ck_assert_int_eq(store_lock(&s, &holder), 0);
	for (i = 0; i < 4; i++)
		if (!(lookers[i] = fork()))
			look(250, STORE_RUNNING, (long)getppid());
	for (i = 0; i < 4; i++) {
		pid = waitpid(lookers[i], &status, 0);
		ck_assert_int_eq(pid, lookers[i]);
		ck_assert_int_eq(status, 0);
	}
	peer_start(&p, WANT_ORCH);
	ck_assert_int_eq(p.error, EAGAIN);
	ck_assert_int_eq(p.holder, getpid());
	peer_end(&p);
	store_close(&s);
}
END_TEST

/* Nor does a look refuse somebody who starts. */
START_TEST(lock_starts_beside_looks)
{
	struct store s;
	struct peer p;
	pid_t looker;
	long holder;
	int i;

	must_open(&s, "r", STORE_WRITE);
	store_close(&s);
	looker = fork();
	if (!looker) {
		alarm(60);
		for (;;) {
			if (store_open(&s, ".orch", "r", 1, STORE_READ))
				_exit(1);
			store_busy(&s, &holder);
			store_close(&s);
		}
	}
	for (i = 0; i < 200; i++) {
		peer_start(&p, WANT_ORCH);
		ck_assert_int_eq(p.error, 0);
		peer_end(&p);
	}
	kill(looker, SIGKILL);
	ck_assert_int_eq(waitpid(looker, NULL, 0), looker);
}
END_TEST

/* What differs between systems: each may say that it does not know, none may say what is not so. */

static void
check_entry(void *ctx, int dir, const struct dirent *e)
{
	enum os_entry type = os_entry(e);
	struct stat st;

	ck_assert_int_eq(fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW), 0);
	if (type != OS_UNTOLD)
		ck_assert_msg(type == (S_ISREG(st.st_mode) ? OS_FILE : S_ISDIR(st.st_mode) ? OS_DIRECTORY : OS_ANOTHER),
		    "%s: %d", e->d_name, (int)type);
	++*(int *)ctx;
}

START_TEST(system_entries)
{
	int n = 0;

	help_sh(0, "mkdir d && cd d && mkdir directory && : >file && mkfifo fifo && ln -s directory to-directory && ln -s nowhere to-none");
	ck_assert_int_eq(file_list(file_open_dir(AT_FDCWD, "d"), check_entry, &n), 0);
	ck_assert_int_eq(n, 5);
}
END_TEST

START_TEST(system_links)
{
	help_sh(0, ": >file && ln -s file link");
	ck_assert_int_lt(open("link", O_RDONLY | os_nofollow), 0);
	ck_assert_int_eq(os_is_link_error(errno), 1);
	ck_assert_int_ge(open("file", O_RDONLY | os_nofollow), 0);
	ck_assert_int_lt(open("file", O_RDONLY | os_directory), 0);
	ck_assert_int_eq(errno, ENOTDIR);
	ck_assert_int_eq(os_is_link_error(ENOENT), 0);
	ck_assert_int_eq(os_is_link_error(EINVAL), 0);
	ck_assert_int_eq(os_is_link_error(0), 0);
}
END_TEST

/* The time of a file's bytes can be set, to one that 32 bits do not hold; that of its latest change cannot. */
START_TEST(system_times)
{
	struct timespec times[2] = { { 0, 0 }, { 2208988800, 5000 } };
	struct stat st;

	help_sh(0, ": >file");
	ck_assert_int_eq(utimensat(AT_FDCWD, "file", times, 0), 0);
	ck_assert_int_eq(stat("file", &st), 0);
	ck_assert_int_eq(os_modified(&st).tv_sec, 2208988800);
	ck_assert_int_eq(os_modified(&st).tv_nsec, 5000);
	ck_assert_int_le(os_changed(&st).tv_sec, time(NULL));
	ck_assert_int_ge(os_changed(&st).tv_sec, time(NULL) - 600);
}
END_TEST

START_TEST(system_seal)
{
	ck_assert_int_eq(dup2(0, 140), 140);
	ck_assert_int_eq(dup2(0, 150), 150);
	ck_assert_int_eq(dup2(0, 950), 950);
	os_seal(150);
	ck_assert_int_eq(fcntl(140, F_GETFD), 0);
	ck_assert_int_eq(fcntl(150, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(950, F_GETFD), FD_CLOEXEC);
}
END_TEST

/* Flags of its own: what is inherited stays as it is. */
START_TEST(system_reopen)
{
	int fds[2], others[2], fd;
	struct stat a, b, c;
	char byte;

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(pipe(others), 0);
	ck_assert_int_eq(fstat(fds[0], &a), 0);
	ck_assert_int_eq(fstat(fds[1], &b), 0);
	ck_assert_int_eq(fstat(others[1], &c), 0);
	ck_assert_int_eq(os_is_one_pipe(&a, &b), 1);
	fd = os_reopen(fds[0], O_RDONLY | O_NONBLOCK);
	if (fd < 0) {
		help_skip("system_reopen", "no /proc/self/fd here");
		return;
	}
	ck_assert_int_eq(os_is_one_pipe(&a, &c), 0);
	ck_assert_int_eq(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_lt(read(fd, &byte, 1), 0);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	ck_assert_int_eq(os_waiting(fds[0]), 1);
	ck_assert_int_eq(read(fd, &byte, 1), 1);
	ck_assert_int_eq(os_waiting(fds[0]), 0);
}
END_TEST

/* The lock lives as long as somebody has inherited it. */
START_TEST(system_flock)
{
	int fd, other, fds[2];
	pid_t pid;

	help_file("file", "x", NULL);
	fd = file_open_own(AT_FDCWD, "file", 0);
	other = file_open_own(AT_FDCWD, "file", 0);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(os_flock(fd), 0);
	pid = fork();
	if (!pid) {
		close(fds[1]);
		_exit(read(fds[0], &fd, 1) != 0);
	}
	close(fds[0]);
	close(fd);
	ck_assert_int_eq(os_flock(other), -1);
	ck_assert_int_eq(errno, EWOULDBLOCK);
	close(fds[1]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(os_flock(other), 0);
}
END_TEST

/* A process that is looked for. */
struct sought {
	pid_t pid;
	int n;
};

static void
count_sought(void *ctx, pid_t pid)
{
	struct sought *s = ctx;

	s->n += pid == s->pid;
}

START_TEST(system_children)
{
	struct sought s = { 0, 0 }, self = { 0, 0 }, all = { 0, 0 };
	int process, status;

	s.pid = fork();
	if (!s.pid)
		for (;;)
			pause();
	self.pid = getpid();
	all.pid = s.pid;
	if (os_sees_children() != OS_SIGHT) {
		help_skip("system_children", "nobody tells whose children are whose here");
	} else {
		ck_assert_int_eq(os_become_subreaper(), os_has_subreapers());
		ck_assert_int_eq(os_children(0, count_sought, &s), 0);
		ck_assert_int_eq(s.n, 1);
		ck_assert_int_eq(os_children(getpid(), count_sought, &s), 0);
		ck_assert_int_eq(s.n, 2);
		ck_assert_int_eq(os_children(s.pid, count_sought, &self), 0);
		ck_assert_int_eq(self.n, 0);
		ck_assert_int_eq(os_processes(count_sought, &all), 0);
		ck_assert_int_eq(all.n, 1);
		process = os_process_open(s.pid);
		ck_assert_int_ge(process, 0);
		ck_assert_int_eq(os_process_parent(process), getpid());
		kill(s.pid, SIGSTOP);
		ck_assert_int_eq(waitpid(s.pid, &status, WUNTRACED), s.pid);
		ck_assert_int_eq(os_state(s.pid), 'T');
		os_process_signal(process, s.pid, SIGKILL);
	}
	kill(s.pid, SIGKILL);
	ck_assert_int_eq(waitpid(s.pid, &status, 0), s.pid);
	ck_assert_int_eq(os_state(s.pid), 0);
	ck_assert_int_eq(os_children(s.pid, count_sought, &s), -1);
	ck_assert_int_lt(os_process_open(s.pid), 0);
}
END_TEST

static int
leave_with(void *arg)
{
	os_leave(*(int *)arg);
	return 1;
}

START_TEST(system_start)
{
	int status, code;
	pid_t pid;

	for (code = 5; code < 8; code++) {
		pid = os_start(leave_with, &code);
		ck_assert_int_gt(pid, 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1, code);
	}
}
END_TEST

static TCase *
keys_case(void)
{
	TCase *tc = tcase_create("keys as names");

	tcase_add_loop_test(tc, key_names, 0, LEN(keys));
	tcase_add_test(tc, key_every_short_one);
	tcase_add_test(tc, key_random_ones);
	tcase_add_test(tc, key_lengths);
	tcase_add_loop_test(tc, key_names_of_none, 0, LEN(no_names));
	tcase_add_test(tc, key_name_of_none_too_long);
	tcase_set_timeout(tc, 30);
	return tc;
}

static TCase *
files_case(void)
{
	TCase *tc = tcase_create("files");

	tcase_add_checked_fixture(tc, start_as_user, end_as_user);
	tcase_add_test(tc, file_put_and_read);
	tcase_add_test(tc, file_put_synced);
	tcase_add_test(tc, file_put_by_rename);
	tcase_add_test(tc, file_put_over_a_leftover);
	tcase_add_test(tc, file_put_that_fails);
	tcase_add_test(tc, file_open_plain_ones_only);
	if (sizeof(size_t) < 8)
		tcase_add_test(tc, file_larger_than_memory);
	tcase_add_test(tc, file_read_from_a_place);
	tcase_add_loop_test(tc, file_make_mode, 0, LEN(umasks));
	tcase_add_loop_test(tc, file_make_dir_mode, 0, LEN(umasks));
	tcase_add_test(tc, file_dirs_never_through_links);
	return tc;
}

static TCase *
records_case(void)
{
	TCase *tc = tcase_create("log and record");

	tcase_add_checked_fixture(tc, start_as_user, end_as_user);
	tcase_add_test(tc, log_round_trip);
	tcase_add_test(tc, log_only_appended);
	tcase_add_test(tc, what_does_not_fit_is_cut_at_a_character);
	tcase_add_test(tc, a_long_directory_is_cut_visibly);
	tcase_add_loop_test(tc, log_long_text, 0, 20);
	tcase_add_loop_test(tc, log_long_key, 0, 2);
	tcase_add_test(tc, log_of_an_earlier_orch);
	tcase_add_test(tc, how_round_trip);
	tcase_add_test(tc, how_intents);
	tcase_add_test(tc, how_that_was_cut_off);
	tcase_add_test(tc, how_of_an_earlier_orch);
	tcase_add_test(tc, log_missing);
	tcase_add_test(tc, log_in_pieces);
	tcase_add_loop_test(tc, log_is_read_on, 0, 2);
	tcase_add_test(tc, log_of_what_was_taken);
	tcase_add_loop_test(tc, log_endless_line, 0, 8);
	tcase_add_loop_test(tc, log_mode, 0, LEN(umasks));
	tcase_add_loop_test(tc, log_cut_off, 0, LEN(events));
	tcase_add_test(tc, log_foreign_lines);
	tcase_add_loop_test(tc, record_round_trip, 0, LEN(texts));
	tcase_add_test(tc, record_in_place_of);
	tcase_add_test(tc, record_none_of_ours);
	tcase_add_loop_test(tc, record_malformed_line, 0, LEN(malformed));
	tcase_add_test(tc, record_whole_or_not);
	tcase_add_test(tc, record_unknown_line);
	tcase_add_test(tc, record_paths);
	tcase_add_test(tc, identities);
	return tc;
}

static TCase *
directory_case(void)
{
	TCase *tc = tcase_create("the run's directory");

	tcase_add_checked_fixture(tc, start_as_user, end_as_user);
	tcase_add_loop_test(tc, store_modes, 0, LEN(umasks));
	tcase_add_test(tc, store_of_a_run);
	tcase_add_test(tc, store_names);
	tcase_add_test(tc, store_names_by_time);
	tcase_add_test(tc, store_read_makes_nothing);
	tcase_add_test(tc, store_refuses_links);
	tcase_add_test(tc, store_refuses_linked_files);
	tcase_add_test(tc, store_refuses_what_others_can_write);
	tcase_add_test(tc, store_refuses_files_for_directories);
	tcase_add_test(tc, store_keeps);
	tcase_add_test(tc, store_lists_what_is_odd);
	tcase_add_test(tc, store_deleted_under_us);
	tcase_add_test(tc, store_clean_spares_results);
	return tc;
}

static TCase *
system_case(void)
{
	TCase *tc = tcase_create("the system");

	tcase_add_checked_fixture(tc, help_start, help_end);
	tcase_add_test(tc, system_entries);
	tcase_add_test(tc, system_links);
	tcase_add_test(tc, system_times);
	tcase_add_test(tc, system_seal);
	tcase_add_test(tc, system_reopen);
	tcase_add_test(tc, system_flock);
	tcase_add_test(tc, system_children);
	tcase_add_test(tc, system_start);
	return tc;
}

static TCase *
lock_case(void)
{
	TCase *tc = tcase_create("the lock");

	tcase_add_checked_fixture(tc, help_start, help_end);
	tcase_add_test(tc, store_refuses_what_is_anothers);
	tcase_add_test(tc, lock_is_exclusive);
	tcase_add_test(tc, lock_of_supervisors_is_shared);
	tcase_add_test(tc, lock_of_a_fork);
	tcase_add_test(tc, lock_that_forks_inherit);
	tcase_add_test(tc, lock_wait_times_out);
	tcase_add_test(tc, lock_wait_for_a_supervisor);
	tcase_add_test(tc, lock_beside_a_thousand_looks);
	tcase_add_test(tc, lock_starts_beside_looks);
	tcase_set_timeout(tc, 60);
	return tc;
}

Suite *
store_suite(void)
{
	Suite *s = suite_create("store");

	suite_add_tcase(s, keys_case());
	suite_add_tcase(s, files_case());
	suite_add_tcase(s, records_case());
	suite_add_tcase(s, directory_case());
	suite_add_tcase(s, lock_case());
	suite_add_tcase(s, system_case());
	return s;
}

/* Whole runs where somebody else has put something: links, pipes, devices, directories of other owners. What
 * is planted is not followed, not waited for, and not read into a result; orch refuses it, or puts its
 * own file in its place. What is about the functions of store/ alone is in store_test.c. */
#if defined(__linux__)
#define _GNU_SOURCE             /* makedev */
#endif
#include "tests/suites.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/sysmacros.h>
#endif

#include "tests/help.h"
#include "tests/procs.h"
#include "tests/repo.h"

enum { NOBODY = 65534, HANGS = 30 * 1000 };

/* What the tests share. */

static void
same_tree(const char *dir, char *before, const char *after_what)
{
	char *now = help_tree(dir, 0);

	ck_assert_msg(!strcmp(now, before), "%s has changed %s:\n%s\nwas:\n%s", after_what, dir, now, before);
	free(now);
}

/* Runs a command that must come to its end by itself, and say something unless that is 0. */
static struct ran
run_it(const char *command)
{
	struct ran r;

	r.status = procs_end(procs_start("exec %s", command), HANGS);
	r.out = help_read("out", NULL);
	r.err = help_read("err", NULL);
	if (strstr(command, "orch status") && (r.status == 1 || r.status == 6) && !*r.err)
		r.status = 0;           /* it is the run that has failed */
	ck_assert_msg(r.status <= 3, "%s: %d: %s", command, r.status, r.err);
	ck_assert_msg(!r.status || *r.err, "%s\n%d, and not a word", command, r.status);
	return r;
}

static void
begin(void)
{
	procs_begin();
	setenv("LC_ALL", "C", 1);
}

/* Planting. */

enum kind { LINK, REAL, DANGLING, HARD, FIFO, DIRECTORY, SOCKET, DEVICE, KINDS };

static const char *const kinds[] = {
	"a link to a file", "a link to the real one", "a dangling link", "a hard link", "a fifo", "a directory", "a socket",
	"a device"
};

/* What must stay as it is and unread: a file that is not of the run. */
static void
make_vault(void)
{
	help_sh(0, "rm -rf vault; mkdir vault; chmod 755 vault");
	help_file("vault/victim", "SECRET", NULL);
	ck_assert_int_eq(chmod("vault/victim", 0644), 0);
}

static int
make_socket(const char *path)
{
	struct sockaddr_un a;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), bad;

	memset(&a, 0, sizeof a);
	a.sun_family = AF_UNIX;
	strcpy(a.sun_path, path);
	bad = bind(fd, (struct sockaddr *)&a, sizeof a);
	close(fd);
	return bad;
}

static int
make_kind(const char *path, enum kind kind)
{
	char target[PATH_MAX + 20];

	ck_assert_ptr_nonnull(getcwd(target, PATH_MAX));
	strcat(target, kind == REAL ? "/vault/real" : kind == DANGLING ? "/vault/none" : "/vault/victim");
	switch (kind) {
	case LINK:
	case REAL:
	case DANGLING:
		return symlink(target, path);
	case HARD:
		return link("vault/victim", path);
	case FIFO:
		return mkfifo(path, 0600);
	case DIRECTORY:
		return mkdir(path, 0700) || chmod(path, 0777);
	case SOCKET:
		return make_socket(path);
	default:
#if defined(__linux__)
		return mknod(path, S_IFCHR | 0600, makedev(1, 5));      /* /dev/zero: who reads it never ends */
#else
		return -1;
#endif
	}
}

/* Puts something of the KIND where PATH is, made by another user if that can be. 0: it cannot be made here. */
static int
plant(const char *path, enum kind kind)
{
	make_vault();
	if (kind == REAL && help_exists(path))
		ck_assert_int_eq(rename(path, "vault/real"), 0);
	else
		help_run("rm -rf %s", path);
	if (make_kind(path, kind))
		return 0;
	if (geteuid() == 0 && kind != HARD)
		ck_assert_int_eq(lchown(path, NOBODY, NOBODY), 0);
	return 1;
}

/* No file of the run but the planted one holds what is in the victim. */
static void
no_secret(const char *what)
{
	struct ran r = help_run("find .orch -type f -links 1 -exec grep -l SECRET {} + 2>/dev/null");

	ck_assert_msg(!*r.out, "%s: it was read into %s", what, r.out);
}

/* Places and what is there.
 *
 * Of a run that goes on: r it is refused before anything starts, f it fails at that, k it goes on and
 * keeps its results. Of commands that only look: e they fail, o they do not. A letter for each kind. */

static const struct context {
	const char *path, *name, *run, *look;
} places[] = {
	{ ".orch", ".orch", "rrrrrrrr", "eeeeeeee" },
	{ ".orch/x", ".orch/x", "rrrrrrrr", "eeeeeoee" },
	{ ".orch/x/result", "/result", "rrrrrrrr", "eeeeeoee" },
	{ ".orch/x/asked", "/asked", "rrrrrrrr", "eeeeeoee" },
	{ ".orch/x/stderr", "/stderr", "rrrrrrrr", "eeeeeoee" },
	{ ".orch/x/tmp", "/tmp", "rrrrrrrr", "eeeeeoee" },
	{ ".orch/x/how", "/how", "rrrrrrrr", "eeeoeoee" },      /* a directory, as it was of an earlier orch */
	{ ".orch/x/lock", "/lock", "rrrrrrrr", "eeeoeeee" },
	{ ".orch/x/log", "/log", "rrrrrrrr", "eeeoeeee" },
	{ ".orch/x/run", "`run`", "rrrrrrrr", "oooooooo" },
	{ ".orch/x/tmp/b", "tmp/", "kkkkkfkk", "oooooooo" },
	{ ".orch/x/result/a", "result/a", "fffkffff", "oooooooo" },     /* a hard link is the file itself */
	{ ".orch/x/asked/b", "asked/", "kkkkkfkk", "oooooooo" },
	{ ".orch/x/stderr/b", "stderr/", "kkkkkfkk", "oooooooo" },
	{ ".orch/.gitignore", "", "kkkkkkkk", "oooooooo" },
};

/* A run with something in every place: a has its result, b has failed and will not again. */
static void
make_pristine(void)
{
	help_file("f.orch", "run sh as a | echo one; echo said >&2", "run sh as b < a | cat; echo trouble >&2; test -f ok",
	    "run sh as c < b | cat", NULL);
	help_sh(1, "orch run -q -r x f.orch");
	help_sh(0, "mv .orch pristine; touch ok");
}

static int
plant_again(const struct context *p, enum kind kind)
{
	help_sh(0, "rm -rf .orch; cp -pR pristine .orch; orch trust x");
	return plant(p->path, kind);
}

static int
is_result_itself(const struct context *p, enum kind kind)
{
	return kind == HARD && !strcmp(p->path, RESULT "a");
}

static void
look(const struct context *p, enum kind kind, const char *command, int all)
{
	char what[200], *run = help_tree(".orch", 0), *vault = help_tree("vault", 0);
	struct ran r;

	snprintf(what, sizeof what, "%s, with %s at %s,", command, kinds[kind], p->path);
	r = run_it(command);
	same_tree(".orch", run, what);
	same_tree("vault", vault, what);
	if (kind != HARD)
		ck_assert_msg(!strstr(r.out, "SECRET") && !strstr(r.err, "SECRET"), "%s has read it: %s%s", what, r.out, r.err);
	if (p->look[kind] == 'e' && all) {
		ck_assert_msg(r.status > 0, "%s does not say that it is refused", what);
		help_has(r.err, r.status == 3 ? "no " : p->name);
		help_lacks(r.err, "not permitted");
	} else if (p->look[kind] == 'o') {
		ck_assert_msg(r.status == 0 || (all > 1 && r.status == 1), "%s: %d: %s", what, r.status, r.err);
	}
	free(run);
	free(vault);
}

/* What is not a directory is not a run: it is not listed. */
static void
look_all(const struct context *p, enum kind kind)
{
	int listed_run = strcmp(p->path, ".orch/x") && !(!strcmp(p->path, ".orch") && kind == DIRECTORY);

	look(p, kind, "orch status -r x", 1);
	look(p, kind, "orch status", 1);
	look(p, kind, "orch cat -r x a", 2);
	look(p, kind, "orch cat -r x '*'", 2);
	look(p, kind, "orch logs -r x", 1);
	look(p, kind, "orch runs", listed_run);
	look(p, kind, "orch run -n -r new f.orch", 0);
}

static void
go_on(const struct context *p, enum kind kind, const char *command)
{
	char what[200], *run = help_tree(".orch", 0), *vault = help_tree("vault", 0);
	struct ran r;

	snprintf(what, sizeof what, "%s, with %s at %s,", command, kinds[kind], p->path);
	r = run_it(command);
	same_tree("vault", vault, what);
	help_none("vault/none");
	help_lacks(r.out, "SECRET");
	help_lacks(r.err, "SECRET");
	switch (p->run[kind]) {
	case 'r':
		ck_assert_msg(r.status >= 2, "%s: %d: %s", what, r.status, r.err);
		/* a lock that is another file makes the whole run a stranger's */
		if (r.status == 2 && !(strstr(p->path, "lock") && strstr(r.err, "is not trusted")))
			help_has(r.err, p->name);
		help_lacks(r.err, "not permitted");
		same_tree(".orch", run, what);
		break;
	case 'f':
		ck_assert_msg(r.status == 1, "%s: %d: %s", what, r.status, r.err);
		help_has(r.err, p->name);
		help_none(RESULT "b");
		break;
	default:
		ck_assert_msg(r.status == 0, "%s: %d: %s", what, r.status, r.err);
		help_is(RESULT "c", is_result_itself(p, kind) ? "SECRET\n" : "one\n");
		help_is(".orch/x/asked/b", is_result_itself(p, kind) ? "SECRET\n" : "one\n");
	}
	if (!is_result_itself(p, kind))
		no_secret(what);
	free(run);
	free(vault);
}

START_TEST(planted_things)
{
	static const char *const commands[] = { "orch run -r x f.orch", "orch resume -r x" };
	const struct context *p = &places[_i];
	int kind, i;

	make_pristine();
	for (kind = 0; kind < KINDS; kind++) {
		if (!plant_again(p, (enum kind)kind)) {
			fprintf(stderr, "foreign_test: %s cannot be made here\n", kinds[kind]);
			continue;
		}
		look_all(p, (enum kind)kind);
		for (i = 0; i < LEN(commands); i++) {
			plant_again(p, (enum kind)kind);
			go_on(p, (enum kind)kind, commands[i]);
		}
	}
}
END_TEST

/* Of what is deleted with a run it is the thing itself that is deleted; where that cannot be,
 * nothing is. */
START_TEST(planted_things_are_deleted)
{
	const struct context *p = &places[_i];
	char what[100], *vault, *run, none[] = "";
	struct ran r;
	int kind;

	make_pristine();
	for (kind = 0; kind < KINDS; kind++) {
		if (!plant_again(p, (enum kind)kind))
			continue;
		snprintf(what, sizeof what, "orch rm x, with %s at %s,", kinds[kind], p->path);
		vault = help_tree("vault", 0);
		run = help_exists(".orch/x") ? help_tree(".orch/x", 0) : none;
		r = run_it("orch rm x");
		same_tree("vault", vault, what);
		help_none("vault/none");
		if (r.status)
			help_has(r.err, !strcmp(p->name, ".orch") ? kind == DIRECTORY ? "no such run" : ".orch" : p->name);
		if (*run && r.status)
			same_tree(".orch/x", run, what);
		if (!r.status && help_exists(".orch/x"))
			ck_abort_msg("%s: it is still there", what);
	}
}
END_TEST

/* What is wrong with one run is not a reason to be silent about it, or about the others. */
START_TEST(a_broken_run_beside_a_whole_one)
{
	struct ran r;

	make_pristine();
	plant_again(&places[8], FIFO);
	help_sh(0, "cp -pR pristine/x .orch/y; orch trust y");
	r = run_it("orch runs");
	ck_assert_int_eq(r.status, 1);
	help_has(r.err, ".orch/x/log");
	help_has(r.out, "  y  ");
	r = run_it("orch status");
	ck_assert_int_eq(r.status, 0);
	help_has(r.out, "run y");
	r = run_it("orch resume");
	ck_assert_int_eq(r.status, 0);
	help_is(".orch/y/result/c", "one\n");
}
END_TEST

/* A new run beside things that are where it would be made. */
START_TEST(planted_beside_a_new_run)
{
	int kind;
	char *vault;

	make_pristine();
	for (kind = 0; kind < KINDS; kind++) {
		plant_again(&places[LEN(places) - 1], (enum kind)kind);
		plant(".orch/.gitignore.new", (enum kind)kind);
		vault = help_tree("vault", 0);
		ck_assert_int_eq(run_it("orch run -r new f.orch").status, 0);
		help_is(".orch/new/result/c", "one\n");
		same_tree("vault", vault, kinds[kind]);
		help_sh(0, "rm -rf .orch/.gitignore");
		ck_assert_int_eq(run_it("orch run -r new f.orch").status, kind == DIRECTORY ? 2 : 0);
		same_tree("vault", vault, kinds[kind]);
		plant(".orch/new/run.new", (enum kind)kind);
		help_sh(0, "rm -rf .orch/.gitignore.new .orch/new/run .orch/new/result");
		vault = help_tree("vault", 0);
		ck_assert_int_eq(run_it("orch run -r new f.orch").status, kind == DIRECTORY ? 2 : 0);
		same_tree("vault", vault, kinds[kind]);
	}
}
END_TEST

/* By -d and ORCH_DIR, with what a shell adds to a name. */
START_TEST(a_linked_directory_by_any_name)
{
	static const char *const commands[] = {
		"orch %s -d runs -r x%s", "orch %s -d runs/ -r x%s", "orch %s -d ./runs// -r x%s", "orch %s -d \"$PWD/runs\" -r x%s",
		"env ORCH_DIR=runs orch %s -r x%s"
	};
	char command[200], *vault;
	int i;

	make_pristine();
	help_sh(0, "mkdir vault; mv pristine vault/runs; ln -s vault/runs runs");
	vault = help_tree("vault", 0);
	for (i = 0; i < LEN(commands); i++) {
		snprintf(command, sizeof command, commands[i], "run", " f.orch");
		help_has(run_it(command).err, "is a symbolic link");
		snprintf(command, sizeof command, commands[i], "status", "");
		help_has(run_it(command).err, "is a symbolic link");
	}
	ck_assert_int_eq(run_it("orch runs -d runs/").status, 2);
	same_tree("vault", vault, "a linked directory");
}
END_TEST

/* Modes. */

static const int umasks[] = { 0, 022, 077, 0777, 0277 };

/* Everything that makes a file in the run's directory. */
static void
write_everything(void)
{
	help_file("all.orch", "run sh as a | echo one; echo said >&2", "run sh as b < a - | cat", "filter cat", "check grep -q one",
	    "if < a | grep -q one", "    run sh as mask | umask", "end", "run sh as no | echo half; exit 1", "otherwise none",
	    "parallel i in 1 2", "    run sh as p-{{i}} | echo $i >&2; echo $i", "end",
	    "run sh as bad < a | echo rest; echo why >&2; test -f ok", NULL);
}

static void
modes_are_right(int mask)
{
	struct ran r = help_run("find .orch -type d ! -perm 0700 -o ! -type d ! -perm 0600 -o ! -type d ! -type f");

	ck_assert_msg(!*r.out, "umask %03o: %s", (unsigned)mask, r.out);
	ck_assert_int_ge(help_count(help_run("find .orch -type d").out, "\n"), 6);
	ck_assert_int_ge(help_count(help_run("find .orch -type f").out, "\n"), 18);
}

static void
modes_under(int mask, int user)
{
	char as[100] = "", expect[20];
	struct ran r;

	if (user)
		snprintf(as, sizeof as, "agent user %d exec ", user);
	snprintf(expect, sizeof expect, "%04o\n", (unsigned)mask);
	help_sh(0, "rm -rf .orch ok");
	r = help_run("echo in | %ssh -c 'umask %o; exec orch run -r x all.orch'", as, (unsigned)mask);
	ck_assert_msg(r.status == 1, "umask %03o: %s", (unsigned)mask, r.err);
	help_has(r.err, "failed    bad");
	modes_are_right(mask);
	help_is(RESULT "mask", expect);
	help_is(".orch/x/tmp/bad", "rest\n");
	help_sh(0, "touch ok");
	r = help_run("%ssh -c 'umask %o; exec orch resume -r x'", as, (unsigned)mask);
	ck_assert_msg(r.status == 0, "umask %03o: %s", (unsigned)mask, r.err);
	modes_are_right(mask);
}

START_TEST(modes_whatever_the_umask)
{
	write_everything();
	modes_under(umasks[_i], 0);
	if (!help_becomes("modes_whatever_the_umask"))
		return;
	ck_assert_int_eq(chmod(".", 0777), 0);
	modes_under(umasks[_i], NOBODY);
}
END_TEST

/* Who may write there besides is told, and nothing is written. */
START_TEST(writable_by_others)
{
	static const int modes[] = { 0770, 0720, 0702, 0777, 01777, 02775 };
	const char *path;
	char *before;
	struct ran r;
	int i, place;

	make_pristine();
	for (place = 0; place < 6; place++)
		for (i = 0; i < LEN(modes); i++) {
			path = places[place].path;
			help_sh(0, "rm -rf .orch; cp -pR pristine .orch; orch trust x");
			ck_assert_int_eq(chmod(path, (mode_t)modes[i]), 0);
			before = help_tree(".orch", 0);
			r = run_it("orch run -r x f.orch");
			ck_assert_msg(r.status == 2, "%s with mode %o: %d: %s", path, (unsigned)modes[i], r.status, r.err);
			help_has(r.err, "is writable by others");
			help_has(r.err, path);
			ck_assert_int_eq(run_it("orch resume").status, 2);
			same_tree(".orch", before, path);
			ck_assert_int_eq(run_it("orch status -r x").status, 0);
			ck_assert_str_eq(run_it("orch cat -r x a").out, "one\n");
			same_tree(".orch", before, path);
		}
}
END_TEST

/* Owners. */

static const char *const looks[] = {
	"orch status -r x", "orch status", "orch cat -r x a", "orch logs -r x", "orch runs", "orch run -n -r x f.orch", "orch check f.orch"
};

/* USER 0 is who runs the test. */
static void
as_user(char command[200], int user, const char *what)
{
	if (user)
		snprintf(command, 200, "agent user %d exec %s", user, what);
	else
		snprintf(command, 200, "%s", what);
}

/* All end with 0 and change nothing. */
static void
can_look(int user)
{
	char command[200], *before = help_tree(".orch", 0);
	struct ran r;
	int i;

	for (i = 0; i < LEN(looks); i++) {
		as_user(command, user, looks[i]);
		r = run_it(command);
		ck_assert_msg(r.status == 0, "%s: %d: %s", command, r.status, r.err);
		same_tree(".orch", before, command);
	}
}

static void
is_refused(int user, const char *words)
{
	static const char *const commands[] = { "orch run -r x f.orch", "orch run f.orch", "orch resume -r x", "orch resume" };
	char command[200], *before = help_tree(".orch", 0);
	struct ran r;
	int i;

	for (i = 0; i < LEN(commands); i++) {
		as_user(command, user, commands[i]);
		r = run_it(command);
		ck_assert_msg(r.status == 2 || (i > 1 && r.status > 0), "%s: %d: %s", command, r.status, r.err);
		help_has(r.err, words);
		same_tree(".orch", before, command);
	}
}

START_TEST(root_over_the_run_of_another)
{
	if (!help_becomes("root_over_the_run_of_another"))
		return;
	make_pristine();
	help_sh(0, "mv pristine .orch; chmod 755 .; chown -R 65534:65534 .orch");
	can_look(0);
	is_refused(0, "belongs to another user");
	help_sh(0, "chown 0:0 .orch");
	can_look(0);
	help_has(run_it("orch run -r x f.orch").err, ".orch/x belongs to another user");
	help_sh(0, "chown 0:0 .orch/x");
	help_has(run_it("orch run -r x f.orch").err, ".orch/x/result belongs to another user");
	help_sh(0, "chown 0:0 .orch/x/*/");
	help_has(run_it("orch run -r x f.orch").err, ".orch/x/lock belongs to another user");
	help_sh(0, "chown 0:0 .orch/x/lock");
	help_has(run_it("orch run -r x f.orch").err, ".orch/x/log belongs to another user");
	help_sh(0, "chown 0:0 .orch/x/log");
	help_has(run_it("orch run -r x f.orch").err, ".orch/x/how belongs to another user");
	help_sh(0, "chown 0:0 .orch/x/how");
	ck_assert_int_eq(run_it("orch run -r x f.orch").status, 0);
}
END_TEST

START_TEST(another_over_the_run_of_root)
{
	static const char *const commands[] = {
		"orch run -r x f.orch", "orch resume -r x", "orch resume", "orch status", "orch status -r x", "orch cat -r x a",
		"orch logs -r x", "orch runs", "orch run -n -r x f.orch"
	};
	char command[200], *before;
	struct ran r;
	int i;

	if (!help_becomes("another_over_the_run_of_root"))
		return;
	make_pristine();
	help_sh(0, "mv pristine .orch; chmod 777 .");
	before = help_tree(".orch", 0);
	for (i = 0; i < LEN(commands); i++) {
		as_user(command, NOBODY, commands[i]);
		r = run_it(command);
		ck_assert_msg(r.status > 0, "%s: %s", command, r.out);
		help_has(r.err, "ermission denied");
		help_lacks(r.out, "one");
		same_tree(".orch", before, command);
	}
	/* Even where he may read all: he can look, and no more. */
	help_sh(0, "chmod -R a+rX .orch");
	can_look(NOBODY);
	is_refused(NOBODY, "belongs to another user");
}
END_TEST

/* Somebody was there first. */
START_TEST(a_directory_that_another_has_made_for_it)
{
	if (!help_becomes("a_directory_that_another_has_made_for_it"))
		return;
	help_file("f.orch", "run sh as a | echo one", NULL);
	help_sh(0, "chmod 1777 .; agent user 65534 exec mkdir -m 700 .orch");
	help_has(run_it("orch run f.orch").err, ".orch belongs to another user");
	help_sh(0, "rmdir .orch; mkdir -m 755 .orch; mkdir -m 700 .orch/x; chown 65534:65534 .orch/x");
	help_has(run_it("orch run -r x f.orch").err, ".orch/x belongs to another user");
	ck_assert_str_eq(help_run("find .orch/x").out, ".orch/x\n");
	ck_assert_int_eq(run_it("orch run f.orch").status, 0);
}
END_TEST

/* A number of another pid namespace is none here: `kill 0` would end who reads it. */
START_TEST(a_holder_in_another_pid_namespace)
{
	if (help_run("unshare --pid --fork --mount-proc true").status) {
		help_skip("a_holder_in_another_pid_namespace", "no pid namespace can be made here");
		return;
	}
	help_file("f.orch", "run sh as a | touch begun; until test -f end; do sleep 0.05; done", "timeout 60s", NULL);
	help_sh(0, "orch run -q -r x f.orch & until test -f begun; do sleep 0.05; done; "
	    "unshare --pid --fork --mount-proc orch run -r x f.orch 2>said; echo $? >>said; "
	    "unshare --pid --fork --mount-proc orch status -r x >state; touch end; wait $!");
	help_is("said", "orch: run x is in use by another orch; which one cannot be told\n4\n");
	help_has(help_read("state", NULL), "run x: running, started");
}
END_TEST

/* Without /proc nobody tells what an agent has left: then it is its group that is ended. */
START_TEST(without_proc_a_group_is_ended)
{
	if (help_run("unshare -m mount -t tmpfs none /proc").status) {
		help_skip("without_proc_a_group_is_ended", "nothing can be mounted here");
		return;
	}
	help_file("f.orch", "run sh as a | sleep 300 >/dev/null 2>&1 & echo $!", NULL);
	/* The shell, their first process, reaps who is left to it. */
	help_sh(0, "unshare -m --pid --fork sh -c 'mount -t tmpfs none /proc && orch run -q -r x f.orch; test $? = 0 && "
	    "! kill -0 $(cat .orch/x/result/a) 2>/dev/null'");
}
END_TEST

/* Where nobody may write, root included. */
START_TEST(looking_on_a_read_only_mount)
{
	char command[600], *before;
	struct ran r;
	int i;

	make_pristine();
	help_sh(0, "mv pristine .orch");
	before = help_tree(".orch", 0);
	for (i = -1; i < LEN(looks); i++) {
		const char *look = i < 0 ? ":" : looks[i];

		snprintf(command, sizeof command, "unshare -m sh -c 'mount --bind . . && mount -o remount,bind,ro . && cd \"$PWD\" && "
		    "! touch new 2>/dev/null && { %s; }'", look);
		r = help_run("%s", command);
		if (i < 0 && r.status) {
			help_skip("looking_on_a_read_only_mount", "nothing can be mounted here");
			return;
		}
		ck_assert_msg(r.status == (strstr(look, "status") != NULL), "%s: %d: %s", look, r.status, r.err);
		same_tree(".orch", before, look);
	}
	r = help_run("unshare -m sh -c 'mount --bind . . && mount -o remount,bind,ro . && cd \"$PWD\" && orch run -r x f.orch'");
	ck_assert_msg(r.status == 2, "%d: %s", r.status, r.err);
	help_has(r.err, "Read-only");
	same_tree(".orch", before, "orch run");
}
END_TEST

/* Opened once, and the rest from there. */

/* The line of a trace is none that could be led elsewhere: nothing below the runs is reached by a path,
 * and what is reached from a descriptor is one name, no link. Whether it is one of those. */
static int
line_is_safe(const char *line)
{
	static const char *const calls[] = { "openat(", "newfstatat(", "unlinkat(", "mkdirat(", "renameat(", "renameat2(", "faccessat(" };
	const char *p = line + strspn(line, "0123456789 "), *name, *end;
	int i;

	if (!strncmp(p, "execve", 6) || !strchr(p, '"'))
		return 0;
	ck_assert_msg(!strstr(p, ".orch/"), "by a path: %s", line);
	for (i = 0; i < LEN(calls); i++)
		if (!strncmp(p, calls[i], strlen(calls[i])))
			break;
	if (i == LEN(calls) || !strchr("0123456789", p[strlen(calls[i])]))
		return 0;
	name = strchr(p, '"') + 1;
	end = strchr(name, '"');
	if (name == end)
		return 0;               /* the descriptor itself */
	ck_assert_msg(!memchr(name, '/', (size_t)(end - name)), "a name with a slash: %s", line);
	if (i < 2)
		ck_assert_msg(strstr(p, i ? "AT_SYMLINK_NOFOLLOW" : "O_NOFOLLOW") != NULL, "through a link: %s", line);
	return 1;
}

START_TEST(everything_is_reached_from_one_descriptor)
{
	static const char *const dirs[] = { ".orch", "\"$PWD/.orch\"" };
	char *line;
	int n = 0;

	write_everything();
	if (help_run("strace -f -o /dev/null true").status) {
		help_skip("everything_is_reached_from_one_descriptor",
		    help_run("command -v strace").status ? "there is no strace" : "nothing can be traced here");
		return;
	}
	help_run("echo in | strace -f -qq -s 4096 -e trace=file -o trace orch run -d %s -r x all.orch", dirs[_i]);
	help_is(".orch/x/tmp/bad", "rest\n");
	help_sh(0, "touch ok");
	help_sh(0, "strace -f -qq -s 4096 -e trace=file -A -o trace orch resume -r x");
	help_sh(0, "strace -f -qq -s 4096 -e trace=file -A -o trace orch status -r x");
	help_sh(0, "strace -f -qq -s 4096 -e trace=file -A -o trace orch cat -r x a");
	help_sh(0, "strace -f -qq -s 4096 -e trace=file -A -o trace orch logs -r x");
	help_sh(0, "strace -f -qq -s 4096 -e trace=file -A -o trace orch runs");
	for (line = strtok(help_read("trace", NULL), "\n"); line; line = strtok(NULL, "\n"))
		n += line_is_safe(line);
	ck_assert_int_ge(n, 100);
}
END_TEST

/* While the run goes on. */

static const char *const users[] = {
	"run sh as c < a | cat", "step s exec cat\nrun s as c | it says {{a}}", "if < a | grep -q SECRET\nrun sh as c | echo yes\nend",
	"for i in < a\nrun sh as c-{{i}} | echo $i\nend", "print | {{a}}", "step s exec cat\nrun s as c < * | all",
	"parallel i in < a\nrun sh as c-{{i}} | echo $i\nend"
};

/* A result that was kept is replaced; what uses it fails, and says which. */
START_TEST(a_result_is_replaced_in_the_run)
{
	static const char *const things[] = {
		"ln -s \"$PWD/vault/victim\" .orch/x/result/a", "ln -s ../../../vault/none .orch/x/result/a", "mkfifo .orch/x/result/a",
		"mkdir .orch/x/result/a"
	};
	char line[200], *vault;
	struct ran r;
	int i;

	make_vault();
	vault = help_tree("vault", 0);
	for (i = 0; i < LEN(things); i++) {
		help_sh(0, "rm -rf .orch");
		snprintf(line, sizeof line, "run sh as swap | rm .orch/x/result/a; %s", things[i]);
		help_file("f.orch", "run sh as a | echo one", line, users[_i], NULL);
		r = run_it("orch run -r x f.orch");
		ck_assert_msg(r.status == 1, "%s, %s: %d: %s", users[_i], things[i], r.status, r.err);
		ck_assert_msg(strstr(r.err, "result/a") || strstr(r.err, "result `a`"), "%s does not say what: %s", users[_i], r.err);
		help_lacks(r.err, "SECRET");
		help_lacks(r.out, "SECRET");
		no_secret(users[_i]);
		same_tree("vault", vault, users[_i]);
		ck_assert_int_eq(run_it("orch resume -r x").status, 1);
		no_secret(users[_i]);
	}
}
END_TEST

/* The file that an agent writes its result into is replaced under it. */
START_TEST(a_temporary_is_replaced_in_the_run)
{
	static const char *const things[] = {
		"ln -s \"$PWD/vault/victim\" .orch/x/tmp/a", "ln -s ../../../vault/none .orch/x/tmp/a", "mkfifo .orch/x/tmp/a",
		"mkdir .orch/x/tmp/a", ":"
	};
	static const char *const attributes[] = { "timeout 1h", "filter cat", "check cat", "retry 1 10ms" };
	char line[200], *vault;
	struct ran r;
	int i;

	make_vault();
	vault = help_tree("vault", 0);
	for (i = 0; i < LEN(things); i++) {
		help_sh(0, "rm -rf .orch");
		snprintf(line, sizeof line, "run sh as a | rm -rf .orch/x/tmp/a; %s; echo no", things[i]);
		help_file("f.orch", line, strncmp(attributes[_i], "retry", 5) ? attributes[_i] : "retry 1 0s", "print | {{a}}", NULL);
		r = run_it("orch run -r x f.orch");
		ck_assert_msg(r.status == 1, "%s: %d: %s", things[i], r.status, r.err);
		help_has(r.err, "tmp/");
		ck_assert_str_eq(r.out, "");
		help_none(RESULT "a");
		help_lacks(r.err, "SECRET");
		no_secret(things[i]);
		same_tree("vault", vault, things[i]);
	}
}
END_TEST

/* A directory is moved away, and a link to another put in its place: what was opened is what is used. */
START_TEST(a_directory_is_replaced_in_the_run)
{
	const struct context *p = &places[_i];
	char line[400], moved[200], *vault;
	struct ran r;

	make_vault();
	vault = help_tree("vault", 0);
	snprintf(line, sizeof line, "run sh as swap | mv %s moved; ln -s \"$PWD/vault\" %s", p->path, p->path);
	help_file("f.orch", "run sh as a | echo one; echo said >&2", line, "step s exec cat", "run s as c < a | asked", "filter cat; echo x >&2",
	    "run sh as d < c | cat; echo said >&2", NULL);
	r = run_it("orch run -r x f.orch");
	ck_assert_msg(r.status <= 1, "%s: %s", p->path, r.err);
	same_tree("vault", vault, p->path);
	no_secret(p->path);
	/* result/ is where the results are looked for again; elsewhere it does not matter. */
	if (r.status == 0) {
		snprintf(moved, sizeof moved, "%s/result/d", _i == 0 ? "moved/x" : _i == 1 ? "moved" : ".orch/x");
		if (_i == 2)
			strcpy(moved, "moved/d");
		help_has(help_read(moved, NULL), "one\n");
	}
	r = run_it("orch resume -r x");
	ck_assert_int_eq(r.status, 2);
	help_has(r.err, "is a symbolic link");
	same_tree("vault", vault, p->path);
}
END_TEST

/* Makes NAME a link to the victim and a plain file in turn, until it is killed. */
static pid_t
start_flipping(const char *name)
{
	pid_t pid = fork();
	char target[PATH_MAX + 20];
	FILE *f;

	ck_assert_int_ge(pid, 0);
	if (pid)
		return pid;
	ck_assert_ptr_nonnull(getcwd(target, PATH_MAX));
	strcat(target, "/vault/victim");
	while (!help_exists("go"))
		help_pause(2);
	for (;;) {
		if (symlink(target, "flip") || rename("flip", name))
			_exit(1);
		f = fopen("going", "w");
		fclose(f);
		f = fopen("flip", "w");
		fputs("good\n", f);
		fclose(f);
		if (rename("flip", name))
			_exit(1);
	}
}

START_TEST(a_result_flips_between_link_and_file)
{
	pid_t pid;
	struct ran r;
	char *vault;

	make_vault();
	vault = help_tree("vault", 0);
	help_file("f.orch", "run sh as k | echo good", "run sh as go | touch go; until test -f going; do sleep 0.01; done",
	    "step s exec cat", "parallel max 4 i in 1..80", "    run s as c-{{i}} < k | n {{i}}", "end", NULL);
	pid = start_flipping(RESULT "k");
	r = run_it("orch run -r x f.orch");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_int_le(r.status, 1);
	no_secret("a result that flips");
	ck_assert_int_eq(help_count(r.err, "\ndone      c-") + help_count(r.err, "\nfailed    c-"), 80);
	same_tree("vault", vault, "a result that flips");
}
END_TEST

/* With git. */

static void
make_repository(void)
{
	help_sh(0, "mkdir repo");
	ck_assert_int_eq(chdir("repo"), 0);
	repo_init("echo 1 >file");
	ck_assert_int_eq(chdir(".."), 0);
}

/* What is where the lock of the repository is to be. */
/* A directory of runs that another user has put above is not looked at; one of ours above that is. */
START_TEST(runs_of_another_above)
{
	help_file("w.orch", "run sh as a | echo ours", NULL);
	help_sh(0, "orch run -q -r r w.orch; mkdir -p d/e d/.orch");
	if (chown("d/.orch", NOBODY, NOBODY)) {
		help_skip("foreign", "only root can give away a directory");
		return;
	}
	ck_assert_str_eq(help_sh(0, "cd d/e; orch cat a 2>err; sed 's,.*/test/,,' err").out, "ours\n.orch\n");
}
END_TEST

START_TEST(planted_lock_of_a_repository)
{
	static const char wanted[] = "fff?" "?ff?";     /* f: refused; else it is used as it is, or refused */
	char *vault;
	struct ran r;
	int kind;

	make_repository();
	help_file("f.orch", "cd repo", "worktree w at ../w", "run sh as c | echo $ORCH_KEY", NULL);
	for (kind = 0; kind < KINDS; kind++) {
		help_sh(0, "rm -rf .orch w repo/.git/orch.lock; cd repo; git worktree prune; git branch -q -D w 2>/dev/null; :");
		if (kind == REAL)
			help_file("repo/.git/orch.lock", NULL);
		if (!plant("repo/.git/orch.lock", (enum kind)kind))
			continue;
		vault = help_tree("vault", 0);
		r = run_it("orch run -r x f.orch");
		same_tree("vault", vault, kinds[kind]);
		help_none("vault/none");
		ck_assert_int_le(r.status, wanted[kind] == 'f' ? 1 : r.status);
		if (r.status || wanted[kind] == 'f') {
			ck_assert_msg(r.status == 1, "%s: %d: %s", kinds[kind], r.status, r.err);
			help_has(r.err, "orch.lock");
			help_none("w");
		}
		ck_assert_int_le(run_it("orch resume -r x").status, 3);
		same_tree("vault", vault, kinds[kind]);
	}
}
END_TEST

/* The suite. */

Suite *
foreign_suite(void)
{
	Suite *s = suite_create("foreign");
	TCase *t = help_case(s, "planted", begin, 240);

	tcase_add_loop_test(t, planted_things, 0, LEN(places));
	tcase_add_loop_test(t, planted_things_are_deleted, 0, LEN(places));
	tcase_add_test(t, a_broken_run_beside_a_whole_one);
	tcase_add_test(t, planted_beside_a_new_run);
	tcase_add_test(t, a_linked_directory_by_any_name);
	tcase_add_test(t, planted_lock_of_a_repository);
	t = help_case(s, "owners", begin, 120);
	tcase_add_loop_test(t, modes_whatever_the_umask, 0, LEN(umasks));
	tcase_add_test(t, writable_by_others);
	tcase_add_test(t, root_over_the_run_of_another);
	tcase_add_test(t, another_over_the_run_of_root);
	tcase_add_test(t, a_directory_that_another_has_made_for_it);
	tcase_add_test(t, a_holder_in_another_pid_namespace);
	tcase_add_test(t, without_proc_a_group_is_ended);
	tcase_add_test(t, looking_on_a_read_only_mount);
	tcase_add_test(t, runs_of_another_above);
	tcase_add_loop_test(t, everything_is_reached_from_one_descriptor, 0, 2);
	t = help_case(s, "races", begin, 120);
	tcase_add_loop_test(t, a_result_is_replaced_in_the_run, 0, LEN(users));
	tcase_add_loop_test(t, a_temporary_is_replaced_in_the_run, 0, 4);
	tcase_add_loop_test(t, a_directory_is_replaced_in_the_run, 0, 7);
	tcase_add_test(t, a_result_flips_between_link_and_file);
	return s;
}

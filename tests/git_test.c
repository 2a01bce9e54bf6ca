/* Whole runs with git: worktree and commit. The numbers are those of CONFORMANCE.md.
 *
 * Every test has a directory $T of its own with a repository repo in it, where it runs. Where a moment
 * between two calls of git matters, a `git` in $T/bin is before the real one ($REAL_GIT): it writes
 * down each call, and strikes at the one it was told. */
#include "tests/help.h"
#include "tests/procs.h"
#include "tests/repo.h"
#include "tests/suites.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The workflow of the manual, run for real. */

#define MODULES "auth api billing cart docs mail search users"

/* Fails at billing until there is $T/fixed, with something half done. */
static void
fake_codex(void)
{
	repo_program("../bin/fake-codex", "#!/bin/sh\nset -e\necho \"$module\" >>\"$T/started\"\n"
	    "test \"$1 $2\" = '-s workspace-write'\ngrep -qx \"Implement $module\"\n"
	    "pwd >\"$module.where\"\necho \"$module\" >\"$module.c\"\n"
	    "test \"$module\" != billing || test -f \"$T/fixed\" || { echo 'no money' >&2; exit 3; }\necho done");
}

static void
modules(const char *list)
{
	repo_sh(0, "sed 's/in auth api/in %s/' \"$TREE/tests/workflows/modules.orch\" >../modules.orch &&"
	    "grep -q '%s' ../modules.orch", list, list);
}

static char *
seven_tips(void)
{
	return repo_out("for m in " MODULES "; do test $m = billing || echo $m $(git rev-parse feat/$m) "
	    "$(git rev-list --count main..feat/$m); done; "
	    "find ../repo--* -name '*-billing' -prune -o -newer ../stamp -type f -print; echo .");
}

static void
check_modules(void)
{
	static const char *const names[] = { "auth", "api", "billing", "cart", "docs", "mail", "search", "users" };
	char key[60], branch[60], path[60];
	size_t i;

	for (i = 0; i < LEN(names); i++) {
		snprintf(key, sizeof key, "commit-%s", names[i]);
		snprintf(branch, sizeof branch, "feat/%s", names[i]);
		repo_commit_is(key, branch, 1);
		snprintf(key, sizeof key, "feat%%2F%s", names[i]);
		snprintf(path, sizeof path, "repo--feat-%s", names[i]);
		repo_path_is(key, path);
		ck_assert_str_eq(repo_out("git log -1 --format=%%s feat/%s", names[i]) + 5, repo_out("echo '%s): done'", names[i]));
		ck_assert_str_eq(repo_out("git show feat/%s:%s.c", names[i], names[i]), names[i]);
		ck_assert_str_eq(repo_out("git -C ../%s status --porcelain", path), "");
		ck_assert_str_eq(repo_out("cat ../%s/%s.where", path, names[i]), repo_out("cd ../%s && pwd -P", path));
	}
}

START_TEST(m_modules_one_fails_and_resume_finishes_it)
{
	char *before, *tips;
	struct ran r;

	repo_make();
	fake_codex();
	modules(MODULES);
	before = repo_checkout();
	r = repo_sh(1, "orch run -r x -a codex=fake-codex ../modules.orch");
	help_has(r.err, "1 of 8 branches failed: impl-billing");
	help_has(r.err, "no money");
	ck_assert_str_eq(repo_out("git rev-list --count main..feat/billing"), "0");
	help_none(RESULT "impl-billing");
	help_none(RESULT "commit-billing");
	repo_sh(0, "touch ../stamp");
	tips = seven_tips();
	ck_assert_int_eq(help_count(tips, " 1\n"), 7);
	repo_is_untouched(before);

	repo_sh(0, "touch ../fixed ../repo--feat-billing/mark");
	repo_sh(0, "orch resume -r x");
	ck_assert_str_eq(seven_tips(), tips);
	check_modules();
	ck_assert_str_eq(repo_out("git show feat/billing:mark"), "");
	ck_assert_str_eq(repo_out("sort ../started | uniq -c | tr -s ' \\n' '  '"),
	    " 1 api 1 auth 2 billing 1 cart 1 docs 1 mail 1 search 1 users ");
	ck_assert_str_eq(repo_out("git worktree list | wc -l | tr -d ' '"), "9");
	repo_is_untouched(before);

	repo_sh(0, "orch resume -r x || orch run -r x -a codex=fake-codex ../modules.orch");
	ck_assert_str_eq(seven_tips(), tips);
	repo_is_untouched(before);
}
END_TEST

/* Worktrees: where, on what, under which key. */

START_TEST(w_sibling_path_and_slug)
{
	repo_make();
	help_file("../f.orch", "worktree Feat/Big_Thing..x", NULL);
	repo_sh(1, "orch run -r bad ../f.orch");
	help_none("../repo--feat-big-thing-x");
	help_file("../f.orch", "worktree Feat/Big__Thing.9", "worktree UP as up", "worktree a/b-/c as abc", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	repo_path_is("Feat%2FBig__Thing.9", "repo--feat-big-thing-9");
	repo_path_is("up", "repo--up");
	repo_path_is("abc", "repo--a-b-c");
	ck_assert_str_eq(repo_out("git -C ../repo--a-b-c symbolic-ref HEAD"), "refs/heads/a/b-/c");
	ck_assert_str_eq(repo_out("git rev-parse UP"), repo_out("git rev-parse main"));
}
END_TEST

START_TEST(w_sibling_of_the_repository_not_of_the_directory)
{
	repo_make();
	help_file("../f.orch", "cd sub", "worktree a enter", "worktree b enter", "run sh as at | pwd -P", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	repo_path_is("a", "repo--a");
	repo_path_is("b", "repo--b");
	repo_path_is("at", "repo--b");
	repo_sh(0, "cd ../repo--a && orch run -r y ../f.orch || true");
	help_none("../repo--a--a");
	help_none("sub--a");
}
END_TEST

START_TEST(w_repository_with_blanks_in_its_path)
{
	char *before;

	repo_make();
	repo_sh(0, "mkdir '../a  b' && git clone -q . '../a  b/my repo'");
	ck_assert_int_eq(chdir("../a  b/my repo"), 0);
	help_file("../f.orch", "worktree w enter", "run sh as s | echo new >new", "commit | made", NULL);
	before = repo_checkout();
	repo_sh(0, "orch run -r x ../f.orch");
	repo_path_is("w", "a  b/my repo--w");
	repo_commit_is("commit", "w", 1);
	repo_is_untouched(before);
}
END_TEST

START_TEST(w_at_is_from_the_directory_of_the_line)
{
	repo_make();
	help_file("../f.orch", "worktree one at ../here", "cd sub", "worktree two at ../../there enter",
	    "worktree three at ../below", "worktree four at {{one}}-four", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	repo_path_is("one", "here");
	repo_path_is("two", "there");
	repo_path_is("three", "below");
	repo_path_is("four", "here-four");
	ck_assert_str_eq(repo_out("git -C ../below symbolic-ref --short HEAD"), "three");
	help_none("../repo--one");
}
END_TEST

START_TEST(w_from_and_the_default_base)
{
	struct ran r;

	repo_make();
	repo_sh(0, "git tag -a -m tagged v1 && echo more >file && git commit -q -a -m second && git checkout -q -b side &&"
	    "git commit -q --allow-empty -m third");
	help_file("../f.orch", "worktree a from v1 enter", "run sh as s | echo x >x", "commit | on a",
	    "worktree b from a", "worktree c", "worktree d from main~1 at ../d as named", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	ck_assert_str_eq(repo_out("git rev-parse a~1"), repo_out("git rev-parse 'v1^{commit}'"));
	ck_assert_str_eq(repo_out("git rev-parse b"), repo_out("git rev-parse a"));
	/* From the directory of the line, which is a's worktree. */
	ck_assert_str_eq(repo_out("git rev-parse c"), repo_out("git rev-parse a"));
	ck_assert_str_eq(repo_out("git rev-parse d"), repo_out("git rev-parse 'v1^{commit}'"));
	repo_path_is("named", "d");
	help_file("../f.orch", "worktree e from nosuch", NULL);
	r = repo_sh(1, "orch run -r y ../f.orch");
	help_has(r.err, "nosuch");
	help_none("../repo--e");
	ck_assert_str_eq(repo_out("git branch --list e"), "");
}
END_TEST

START_TEST(w_from_the_head_of_where_it_stands)
{
	repo_make();
	repo_sh(0, "git checkout -q -b side && git commit -q --allow-empty -m side");
	help_file("../f.orch", "worktree a", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	ck_assert_str_eq(repo_out("git rev-parse a"), repo_out("git rev-parse side"));
	ck_assert_str_ne(repo_out("git rev-parse a"), repo_out("git rev-parse main"));
}
END_TEST

START_TEST(w_enter_is_for_the_lines_below_in_its_place)
{
	repo_make();
	help_file("../f.orch", "run sh as before | pwd -P",
	    "if true", "worktree arm enter", "run sh as in-arm | pwd -P", "end", "run sh as after-arm | pwd -P",
	    "for i in 1 2", "run sh as pre-{{i}} | pwd -P", "worktree pass-{{i}} enter", "run sh as in-{{i}} | pwd -P", "end",
	    "run sh as after-for | pwd -P",
	    "parallel i in 1 2", "worktree par-{{i}} enter", "run sh as par-in-{{i}} | pwd -P", "end",
	    "run sh as after-par | pwd -P",
	    "worktree deaf", "run sh as after-deaf | pwd -P",
	    "worktree top enter", "run sh as in-top | pwd -P", "run sh as root | printf '%s\\n' \"$ORCH_ROOT\"",
	    "for i in 3", "run sh as inner-{{i}} | pwd -P", "end", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	repo_path_is("before", "repo");
	repo_path_is("in-arm", "repo--arm");
	repo_path_is("after-arm", "repo");
	repo_path_is("pre-1", "repo");
	repo_path_is("in-1", "repo--pass-1");
	repo_path_is("pre-2", "repo");
	repo_path_is("in-2", "repo--pass-2");
	repo_path_is("after-for", "repo");
	repo_path_is("par-in-1", "repo--par-1");
	repo_path_is("par-in-2", "repo--par-2");
	repo_path_is("after-par", "repo");
	repo_path_is("after-deaf", "repo");
	repo_path_is("in-top", "repo--top");
	repo_path_is("root", "repo");
	repo_path_is("inner-3", "repo--top");
	/* A kept worktree is entered like a new one. */
	repo_sh(0, "rm " RESULT "in-arm " RESULT "in-2 " RESULT "par-in-1 " RESULT "in-top " RESULT "inner-3");
	repo_sh(0, "orch resume -r x");
	repo_path_is("in-arm", "repo--arm");
	repo_path_is("in-2", "repo--pass-2");
	repo_path_is("par-in-1", "repo--par-1");
	repo_path_is("in-top", "repo--top");
	repo_path_is("inner-3", "repo--top");
}
END_TEST

START_TEST(w_without_enter_in_both_forms)
{
	char printed[4 * sizeof repo_top + 100];

	repo_make();
	help_file("../f.orch", "parallel", "worktree one", "worktree two at ../second as zwei", "run sh as s | pwd -P", "end",
	    "parallel i in 3 4", "worktree w-{{i}}", "run sh as s-{{i}} | pwd -P", "end",
	    "print | {{one}} {{zwei}} {{w-*}}", NULL);
	snprintf(printed, sizeof printed, "%s/repo--one %s/second %s/repo--w-3\n%s/repo--w-4\n\n", repo_top, repo_top,
	    repo_top, repo_top);
	ck_assert_str_eq(repo_sh(0, "orch run -q -r x ../f.orch").out, printed);
	repo_path_is("s", "repo");
	repo_path_is("s-3", "repo");
	repo_path_is("s-4", "repo");
	ck_assert_str_eq(repo_out("git worktree list | wc -l | tr -d ' '"), "5");
}
END_TEST

START_TEST(w_under_a_called_file)
{
	char *printed;

	repo_make();
	help_file("../sub.orch", "param m", "worktree call-{{m}} enter", "run sh as where | pwd -P; echo \"$m\" >\"$m\"",
	    "commit | made by a call: {{m}}", NULL);
	help_file("../f.orch", "worktree outer enter", "call sub.orch as one m=one", "run sh as after | pwd -P",
	    "parallel i in 2 3", "call sub.orch as c-{{i}} m={{i}}", "end", "run sh as last | pwd -P",
	    "print | {{one/commit}}", NULL);
	printed = repo_sh(0, "orch run -q -r x ../f.orch").out;
	ck_assert_str_eq(printed, help_read(RESULT "one%2Fcommit", NULL));
	repo_path_is("one%2Fwhere", "repo--call-one");
	repo_path_is("after", "repo--outer");
	repo_path_is("c-2%2Fwhere", "repo--call-2");
	repo_path_is("c-3%2Fwhere", "repo--call-3");
	repo_path_is("last", "repo--outer");
	repo_commit_is("one%2Fcommit", "call-one", 1);
	repo_commit_is("c-3%2Fcommit", "call-3", 1);
	ck_assert_str_eq(repo_out("git show call-2:2"), "2");
}
END_TEST

START_TEST(w_call_in_a_branch_with_a_worktree_of_its_own)
{
	repo_make();
	help_file("../sub.orch", "run sh as s | pwd -P >at", "commit | done", NULL);
	help_file("../f.orch", "parallel i in 1 2 3", "worktree w-{{i}} enter", "call sub.orch as c-{{i}}", "end", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	repo_commit_is("c-1%2Fcommit", "w-1", 1);
	repo_commit_is("c-2%2Fcommit", "w-2", 1);
	repo_commit_is("c-3%2Fcommit", "w-3", 1);
	ck_assert_str_eq(repo_out("git show w-2:at"), repo_out("echo \"$T/repo--w-2\""));
}
END_TEST

/* Words that git must never see, 49. */

static const char *const hostile[] = {
	"-f", "--force", "--upload-pack=x", "-", "", " ", "a b", " a", "a ", "\t", "a\tb", "a\nb", "\n", "a\n", "$(touch P) x",
	"`touch P`",
};

static void
refused(const char *line, const char *value)
{
	struct ran r;

	help_file("../f.orch", "param v", line, NULL);
	setenv("VALUE", value, 1);
	r = help_run("orch run -r r-$$ ../f.orch v=\"$VALUE\"");
	ck_assert_msg(r.status == 1 || r.status == 2, "`%s` with `%s`: %d", line, value, r.status);
	ck_assert(*r.err);
	ck_assert_msg(!help_exists("../calls"), "`%s` with `%s`: git was called: %s", line, value, help_read("../calls", NULL));
}

START_TEST(c49_hostile_words_never_reach_git)
{
	static const char *const lines[] = { "worktree {{v}} as w", "worktree w from {{v}}", "worktree w at {{v}}" };
	size_t i, k;

	repo_make();
	repo_watch_git();
	for (i = 0; i < LEN(lines); i++)
		for (k = 0; k < LEN(hostile); k++)
			refused(lines[i], hostile[k]);
	help_none("P");
	help_file("../f.orch", "worktree good", NULL);
	repo_sh(0, "orch run ../f.orch");
	ck_assert(help_exists("../calls"));
	unlink("../calls");
	help_file("../f.orch", "run sh as nul | printf 'a\\000b'", "worktree {{nul}} as w", NULL);
	repo_sh(1, "orch run -r nul ../f.orch");
	help_none("../calls");
	help_file("../f.orch", "run sh as nul | printf 'a\\000b'", "worktree w at {{nul}}", NULL);
	repo_sh(1, "orch run -r nul2 ../f.orch");
	help_none("../calls");
}
END_TEST

START_TEST(c49_hostile_words_as_they_stand)
{
	static const char *const lines[] = {
		"worktree -f as w", "worktree 'a b' as w", "worktree '' as w", "worktree w from --all", "worktree w at -",
	};
	size_t i;

	repo_make();
	repo_watch_git();
	for (i = 0; i < LEN(lines); i++)
		refused(lines[i], "unused");
}
END_TEST

START_TEST(c59_names_that_git_takes_are_never_a_program)
{
	repo_make();
	help_file("../f.orch", "param v", "worktree {{v}} enter as w", "run sh as s | echo >new",
	    "commit | $(touch P) `touch P`; {{v}}",
	    NULL);
	repo_sh(0, "orch run -r x ../f.orch 'v=$(touch${IFS}P);`touch${IFS}P`;%%n'");
	repo_path_is("w", "repo---touch-ifs-p-touch-ifs-p-n");
	ck_assert_str_eq(repo_out("git -C \"$(cat " RESULT "w)\" log -1 --format=%%s"),
	    "$(touch P) `touch P`; $(touch${IFS}P);`touch${IFS}P`;%n");
	help_none("P");
	help_none("../repo---touch-ifs-p-touch-ifs-p-n/P");
}
END_TEST

/* The environment of git, 52. */

static const char *const git_variables[] = {
	"GIT_DIR=", "GIT_WORK_TREE=", "GIT_INDEX_FILE=", "GIT_COMMON_DIR=", "GIT_OBJECT_DIRECTORY=",
	"GIT_ALTERNATE_OBJECT_DIRECTORIES=", "GIT_PREFIX=",
};

#define IN_TREE "worktree w enter", "run sh as s | echo new >new", "commit | made"

START_TEST(c52_variables_of_another_git_do_not_reach_git)
{
	char *before, *env;
	size_t i;

	repo_make();
	repo_watch_git();
	before = repo_checkout();
	unlink("../env");
	help_file("../f.orch", IN_TREE, NULL);
	repo_sh(0, "mkdir ../other && cd ../other && \"$REAL_GIT\" init -q && \"$REAL_GIT\" commit -q --allow-empty -m other");
	repo_sh(0, "GIT_DIR=$T/other/.git GIT_WORK_TREE=$T/other GIT_INDEX_FILE=$T/other/index GIT_COMMON_DIR=$T/other/.git "
	    "GIT_OBJECT_DIRECTORY=$T/objects GIT_ALTERNATE_OBJECT_DIRECTORIES=$T/alt GIT_PREFIX=sub/ orch run -r x ../f.orch");
	env = help_read("../env", NULL);
	for (i = 0; i < LEN(git_variables); i++)
		help_lacks(env, git_variables[i]);
	help_has(env, "GIT_TERMINAL_PROMPT=0");
	repo_path_is("w", "repo--w");
	repo_commit_is("commit", "w", 1);
	ck_assert_str_eq(repo_out("git -C ../other rev-list --all --count; ls ../other"), "1");
	repo_is_untouched(before);
}
END_TEST

/* orch started by a hook of a `git commit -a`, which has an index of its own. */
START_TEST(c52_started_in_a_hook)
{
	repo_make();
	help_file("../f.orch", IN_TREE, NULL);
	repo_program(".git/hooks/pre-commit", "#!/bin/sh\ntest -d \"$T/repo--w\" && exit 0\nenv | grep ^GIT_ >\"$T/hook-env\"\n"
	    "exec orch run -q -r x ../f.orch");
	repo_sh(0, "echo changed >file && git commit -q -a -m by-hand");
	help_has(help_read("../hook-env", NULL), "GIT_INDEX_FILE=");
	ck_assert_str_eq(repo_out("git log --format=%%s main"), "by-hand\nfirst");
	ck_assert_str_eq(repo_out("git log --format=%%s w"), "made\nfirst");
	ck_assert_str_eq(repo_out("git ls-tree --name-only w; git ls-tree --name-only main; git -C ../repo--w status --porcelain"),
	    "file\nnew\nsub\nfile\nsub");
	ck_assert_str_eq(repo_out("git rev-parse w"), repo_out("cat " RESULT "commit"));
	ck_assert_str_eq(repo_out("git status --porcelain"), "");
}
END_TEST

START_TEST(c52_started_in_a_hook_of_a_worktree)
{
	repo_make();
	help_file("../f.orch", IN_TREE, NULL);
	repo_sh(0, "git worktree add -q -b hand ../hand");
	repo_program(".git/hooks/post-commit", "#!/bin/sh\ntest -d \"$T/repo--w\" && exit 0\nenv | grep ^GIT_ >\"$T/hook-env\"\n"
	    "exec orch run -q -r x ../f.orch");
	repo_sh(0, "cd ../hand && echo changed >file && git commit -q -a -m by-hand");
	help_has(help_read("../hook-env", NULL), "GIT_DIR=");
	ck_assert_str_eq(repo_out("git log --format=%%s w"), "made\nby-hand\nfirst");
	ck_assert_str_eq(repo_out("git log --format=%%s hand"), "by-hand\nfirst");
	ck_assert_str_eq(repo_out("git rev-parse w"), repo_out("cat ../hand/" RESULT "commit"));
	ck_assert_str_eq(repo_out("cat ../hand/" RESULT "w"), repo_out("echo \"$T/repo--w\""));
}
END_TEST

/* Commits, 51, 53, 54. */

START_TEST(c_only_what_is_there)
{
	char *printed;

	repo_make();
	repo_sh(0, "echo '*.o' >.gitignore && git add -A && git commit -q -m ignore");
	help_file("../f.orch", "cd sub", "run sh as s | echo n >../new; rm ../file; echo m >other; : >x.o; mkdir deep; : >deep/a",
	    "commit | all of it", "print | {{commit}}", NULL);
	printed = repo_sh(0, "orch run -q -r x ../f.orch").out;
	ck_assert_str_eq(printed, help_read(RESULT "commit", NULL));
	repo_commit_is("commit", "HEAD", 0);
	ck_assert_str_eq(repo_out("git show --format=%%s --name-status HEAD"),
	    "all of it\n\nD\tfile\nA\tnew\nA\tsub/deep/a\nM\tsub/other");
	ck_assert_str_eq(repo_out("git status --porcelain"), "");
}
END_TEST

START_TEST(c54_clean_tree_gives_an_empty_kept_result)
{
	char *head;
	struct ran r;

	repo_make();
	head = repo_out("git rev-parse HEAD");
	help_file("../f.orch", "commit | nothing", "commit as c2 | nothing", "print | <{{commit}}>", NULL);
	ck_assert_str_eq(repo_sh(0, "orch run -q -r x ../f.orch").out, "<>\n");
	help_is(RESULT "commit", "");
	help_is(RESULT "c2", "");
	ck_assert_str_eq(repo_out("git rev-parse HEAD"), head);
	/* Kept: what comes later is not committed by it. */
	repo_sh(0, "echo later >later");
	r = repo_sh(0, "orch run -r x ../f.orch");
	help_has(r.err, ": 2 kept, in ");
	help_is(RESULT "commit", "");
	ck_assert_str_eq(repo_out("git rev-parse HEAD"), head);
}
END_TEST

START_TEST(c53_runs_are_never_committed_and_never_dirty)
{
	repo_make();
	repo_sh(0, "printf '!.orch\\n!runs\\n!*\\n' >.gitignore && git add -A && git commit -q -m ignore");
	help_file("../f.orch", "run sh as s | echo new >new; git status --porcelain", "commit | made",
	    "run sh as t | git status --porcelain", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	help_is(RESULT "s", "?? new\n");
	help_is(RESULT "t", "");
	repo_sh(0, "rm new && orch run -d runs -r y ../f.orch");
	repo_sh(0, "echo again >again && cd sub && ORCH_DIR=mine orch run -r z ../../f.orch");
	ck_assert_str_eq(repo_out("git ls-tree -r --name-only HEAD"), ".gitignore\nagain\nfile\nnew\nsub/new\nsub/other");
	ck_assert_str_eq(repo_out("git status --porcelain"), "");
	ck_assert_str_eq(repo_out("git add -A; git status --porcelain"), "");
}
END_TEST

/* The message of HEAD, byte for byte. */
static void
message_is(const char *text)
{
	repo_sh(0, "git cat-file commit HEAD | sed '1,/^$/d' >../message");
	help_is("../message", text);
}

START_TEST(c_message_is_byte_exact)
{
	repo_make();
	help_file("../f.orch", "param v", "run sh as s | echo new >new", "commit", "| feat: {{v}}", "|",
	    "| # no comment, 'quotes' \"and\" $HOME `x` %n \\", "|   indented", "| a: b", NULL);
	repo_sh(0, "orch run -r x ../f.orch v='caf\303\251 {{v}}'");
	message_is("feat: caf\303\251 {{v}}\n\n# no comment, 'quotes' \"and\" $HOME `x` %n \\\n  indented\na: b\n");
}
END_TEST

START_TEST(c_message_is_not_tidied)
{
	repo_make();
	repo_sh(0, "git config commit.cleanup strip && git config commit.verbose true && git config commit.template ../nosuch");
	help_file("../f.orch", "run sh as s | echo new >new", "commit", "| subject  ", "|", "|",
	    "| # two lines above, blanks behind  ", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	message_is("subject  \n\n\n# two lines above, blanks behind  \n");
}
END_TEST

START_TEST(c_message_that_begins_with_a_dash)
{
	repo_make();
	help_file("../f.orch", "param v", "run sh as s | echo new >new", "commit as a | --amend -m x",
	    "run sh as t | echo more >new", "commit as b | {{v}}", NULL);
	repo_sh(0, "orch run -r x ../f.orch v=-F/etc/passwd");
	message_is("-F/etc/passwd\n");
	ck_assert_str_eq(repo_out("git log --format=%%s"), "-F/etc/passwd\n--amend -m x\nfirst");
	ck_assert_str_eq(repo_out("git rev-parse HEAD~1"), repo_out("cat " RESULT "a"));
}
END_TEST

START_TEST(c_hook_that_refuses_is_shown)
{
	struct ran r;

	repo_make();
	repo_program(".git/hooks/pre-commit", "#!/bin/sh\ntest -f \"$T/fixed\" && exit 0\necho 'no tabs, please' >&2\nexit 1");
	help_file("../f.orch", "run sh as s | echo new >new", "commit | made", "run sh as after | :", NULL);
	r = repo_sh(1, "orch run -r x ../f.orch");
	help_has(r.err, "no tabs, please");
	help_none(RESULT "commit");
	help_none(RESULT "after");
	ck_assert_str_eq(repo_out("git log --format=%%s"), "first");
	repo_sh(0, "touch ../fixed && orch resume -r x");
	ck_assert_str_eq(repo_out("git log --format=%%s"), "made\nfirst");
	repo_commit_is("commit", "HEAD", 0);
}
END_TEST

START_TEST(c_message_hook_that_refuses_is_shown)
{
	struct ran r;

	repo_make();
	repo_program(".git/hooks/commit-msg", "#!/bin/sh\ngrep -q '^feat' \"$1\" || { echo 'say feat' >&2; exit 1; }");
	help_file("../f.orch", "run sh as s | echo new >new", "commit | made", NULL);
	r = repo_sh(1, "orch run -r x ../f.orch");
	help_has(r.err, "say feat");
	repo_sh(0, "sed 's/| made/| feat: made/' ../f.orch >../g && cat ../g >../f.orch && orch resume -r x");
	ck_assert_str_eq(repo_out("git log --format=%%s"), "feat: made\nfirst");
	repo_commit_is("commit", "HEAD", 0);
}
END_TEST

#define TREE_HOOK "#!/bin/sh\necho \"by hook\" >hooked\ngit add hooked"

START_TEST(c_hook_that_changes_the_tree)
{
	repo_make();
	repo_program(".git/hooks/pre-commit", TREE_HOOK);
	help_file("../f.orch", "run sh as s | echo new >new", "commit | made", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	repo_commit_is("commit", "HEAD", 0);
	ck_assert_str_eq(repo_out("git show HEAD:hooked; git log --format=%%s"), "by hook\nmade\nfirst");
}
END_TEST

START_TEST(c_no_identity_says_what_git_says)
{
	struct ran r;

	repo_make();
	repo_sh(0, "git config --global --unset user.email && git config --global user.useConfigOnly true");
	help_file("../f.orch", "run sh as s | echo new >new", "commit | made", NULL);
	r = repo_sh(1, "orch run -r x ../f.orch");
	help_has(r.err, "no email was given");
	help_none(RESULT "commit");
	repo_sh(0, "git config user.email later@example.org && orch resume -r x");
	ck_assert_str_eq(repo_out("git log --format=%%s%%ae"), "madelater@example.org\nfirsts@example.org");
	repo_commit_is("commit", "HEAD", 0);
}
END_TEST

START_TEST(c_first_commit_of_a_repository)
{
	repo_make();
	repo_sh(0, "mkdir ../empty && cd ../empty && git init -q && git symbolic-ref HEAD refs/heads/main");
	ck_assert_int_eq(chdir("../empty"), 0);
	help_file("../f.orch", "run sh as s | echo new >new", "commit | made", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	repo_commit_is("commit", "main", 0);
	ck_assert_str_eq(repo_out("git rev-list --count main"), "1");
}
END_TEST

START_TEST(c_passes_of_a_loop)
{
	repo_make();
	help_file("../f.orch", "for i in 1..3", "run sh as s-{{i}} | echo same >>new", "commit as c-{{i}} | the same words",
	    "end", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	ck_assert_str_eq(repo_out("git rev-list HEAD | wc -l | tr -d ' '"), "4");
	repo_commit_is("c-1", "HEAD~2", 0);
	repo_commit_is("c-2", "HEAD~1", 0);
	repo_commit_is("c-3", "HEAD", 0);
}
END_TEST

/* "To run one step again: remove its result file." */
START_TEST(c_removed_results_are_made_again)
{
	char *first;

	repo_make();
	help_file("../f.orch", "run sh as s | cat ../say >new", "commit | made", NULL);
	repo_sh(0, "echo 1 >../say; orch run -r x ../f.orch");
	first = repo_out("git rev-parse HEAD");
	repo_sh(0, "echo 2 >../say; rm " RESULT "s " RESULT "commit; orch run -r x ../f.orch");
	ck_assert_str_eq(repo_out("git show HEAD:new"), "2");
	ck_assert_str_eq(repo_out("git rev-parse HEAD~1"), first);
	repo_commit_is("commit", "HEAD", 0);
}
END_TEST

/* Refused before anything starts. */

static void
check_says(int status, const char *needle, const char *lines)
{
	struct ran r;

	help_file("f.orch", lines, NULL);
	r = help_run("orch check f.orch");
	ck_assert_msg(r.status == status, "%s\n%d, not %d:\n%s", lines, r.status, status, r.err);
	if (status) {
		help_has(r.err, needle);
		ck_assert_int_eq(help_run("orch run f.orch").status, 2);
	}
	help_none(".orch");
}

START_TEST(c51_commit_without_a_worktree_of_its_own)
{
	static const char *const bad[] = {
		"parallel i in 1 2\ncommit as c-{{i}} | x\nend",
		"parallel i in 1 2\nworktree w-{{i}}\ncommit as c-{{i}} | x\nend",
		"parallel i in 1 2\ncommit as c-{{i}} | x\nworktree w-{{i}} enter\nend",
		"worktree w enter\nparallel i in 1 2\ncommit as c-{{i}} | x\nend",
		"parallel i in 1 2\nif true\nworktree w-{{i}} enter\nend\ncommit as c-{{i}} | x\nend",
		"parallel i in 1 2\nfor j in 1 2\nworktree w-{{i}}-{{j}} enter\nend\ncommit as c-{{i}} | x\nend",
		"parallel i in 1 2\nworktree w-{{i}} enter\nparallel j in 1 2\ncommit as c-{{i}}-{{j}} | x\nend\nend",
		"parallel max 1 i in 1\nif true\ncommit as c-{{i}} | x\nend\nend",
		"parallel i in 1 2\ncall sub.orch as s-{{i}}\nend",
		"parallel i in 1 2\nworktree w-{{i}}\ncall sub.orch as s-{{i}}\nend",
		"parallel i in 1 2\ncall deep.orch as s-{{i}}\nend",
		"worktree w enter\nparallel i in 1 2\nfor j in 1\ncall deep.orch as s-{{i}}-{{j}}\nend\nend",
		"parallel i in 1 2\ncall inner.orch as s-{{i}}\ncommit as c-{{i}} | x\nend",
	};
	size_t i;

	help_file("sub.orch", "run sh as s | :", "commit | x", NULL);
	help_file("deep.orch", "if true", "call sub.orch", "end", NULL);
	help_file("inner.orch", "param m inner", "worktree {{m}} enter as w", "commit | x", NULL);
	for (i = 0; i < LEN(bad); i++)
		check_says(2, "worktree", bad[i]);
	check_says(2, "commit", "parallel\ncommit as a | x\ncommit as b | y\nend");
	check_says(2, "enter", "parallel\nworktree a enter\nrun sh as s | :\nend");
}
END_TEST

START_TEST(c51_commit_with_a_worktree_of_its_own)
{
	static const char *const good[] = {
		"parallel i in 1 2\nworktree w-{{i}} enter\ncommit as c-{{i}} | x\nend",
		"parallel i in 1 2\nworktree w-{{i}} enter\nif true\ncommit as c-{{i}} | x\nend\nend",
		"parallel i in 1 2\nworktree w-{{i}} enter\nfor j in 1 2\ncommit as c-{{i}}-{{j}} | x\nend\nend",
		"parallel i in 1 2\nif true\nworktree w-{{i}} enter\ncommit as c-{{i}} | x\nend\nend",
		"parallel i in 1 2\nworktree w-{{i}} enter\ncall deep.orch as s-{{i}}\nend",
		"parallel i in 1 2\ncall inner.orch as s-{{i}} m={{i}}\nend",
		"commit as a | x\nworktree w enter\ncommit as b | y\nfor i in 1 2\ncommit as c-{{i}} | x\nend",
		"parallel i in 1 2\nparallel j in 1 2\nworktree w-{{i}}-{{j}} enter\ncommit as c-{{i}}-{{j}} | x\nend\nend",
	};
	size_t i;

	help_file("sub.orch", "run sh as s | :", "commit | x", NULL);
	help_file("deep.orch", "if true", "call sub.orch", "end", NULL);
	help_file("inner.orch", "param m", "worktree {{m}} enter as w", "commit | x", NULL);
	for (i = 0; i < LEN(good); i++)
		check_says(0, NULL, good[i]);
}
END_TEST

/* What is there already, 55; nothing is deleted, and the words that repair it do repair it. */

/* All refs, worktrees, and what is beside the repository. */
static char *
all_of_git(void)
{
	return repo_out("git for-each-ref; git worktree list; ls -d ../*; cat ../repo--*/mine 2>/dev/null || true");
}

/* `orch COMMAND` fails with the run x and changes nothing; doing what it says, it goes on. */
static void
fails_and_is_repaired(const char *command, const char *repair)
{
	char *before = all_of_git(), line[8192];
	const char *p;
	struct ran r = repo_sh(1, "orch %s", command);

	ck_assert_str_eq(all_of_git(), before);
	p = strstr(r.err, repair);
	ck_assert_msg(p != NULL, "no `%s` in:\n%s", repair, r.err);
	snprintf(line, sizeof line, "%.*s", (int)strcspn(p, "\n"), p);
	r = help_run("%s", line);
	ck_assert_msg(help_run("orch resume -r x").status == 0, "`%s` does not repair it: %s", line, r.err);
	repo_path_is("w", "repo--w");
	ck_assert_str_eq(repo_out("git -C ../repo--w symbolic-ref --short HEAD"), "w");
}

/* A directory that holds other things stays as git sees it; the runs in it are hidden by themselves. */
START_TEST(c53_runs_beside_other_things)
{
	repo_make();
	repo_sh(0, "mkdir runs && echo work >runs/mine && printf '*.o\\n' >.gitignore && git add .gitignore && git commit -q -m i");
	help_file("../f.orch", "run sh as a | echo new >added", "commit as c | all", NULL);
	repo_sh(0, "orch run -q -d runs -r x ../f.orch && orch run -q -d . -r y ../f.orch");
	ck_assert_str_eq(repo_out("git ls-tree -r --name-only HEAD | sort | tr '\\n' ' '"), ".gitignore added file runs/mine sub/other ");
	ck_assert_str_eq(repo_out("cat .gitignore; ls -A runs; cat runs/x/.gitignore y/.gitignore; git status --porcelain"),
	    "*.o\nmine\nx\n*\n*");
	/* One that holds nothing, or only runs, is theirs. */
	repo_sh(0, "mkdir own && orch run -q -d own -r x ../f.orch && rm own/.gitignore && orch run -q -d own -r y ../f.orch");
	ck_assert_str_eq(repo_out("ls -A own; cat own/.gitignore; ls -A own/y | grep git || :"), ".gitignore\nx\ny\n*");
}
END_TEST

START_TEST(c55_branch_is_there_already)
{
	repo_make();
	repo_sh(0, "git branch w");
	help_file("../f.orch", "worktree w", NULL);
	fails_and_is_repaired("run -r x ../f.orch", "git branch -D w");
}
END_TEST

START_TEST(c55_path_is_there_already)
{
	char *before;
	struct ran r;

	repo_make();
	repo_sh(0, "mkdir ../repo--w && echo precious >../repo--w/mine");
	help_file("../f.orch", "worktree w", NULL);
	before = all_of_git();
	r = repo_sh(1, "orch run -r x ../f.orch");
	help_has(r.err, repo_out("echo \"$T/repo--w\""));
	help_has(r.err, "at PATH");
	ck_assert_str_eq(all_of_git(), before);
	repo_sh(0, "rm -r ../repo--w && echo file >../repo--w");
	repo_sh(1, "orch resume -r x");
	ck_assert_str_eq(repo_out("cat ../repo--w"), "file");
	repo_sh(0, "rm ../repo--w && ln -s nowhere ../repo--w");
	repo_sh(1, "orch resume -r x");
	ck_assert_str_eq(repo_out("readlink ../repo--w; git branch --list w"), "nowhere");
	repo_sh(0, "rm ../repo--w && orch resume -r x");
	repo_path_is("w", "repo--w");
}
END_TEST

START_TEST(c55_foreign_worktree_is_there)
{
	repo_make();
	repo_sh(0, "git worktree add -q -b w ../repo--w");
	help_file("../f.orch", "worktree w", NULL);
	fails_and_is_repaired("run -r x ../f.orch", "git worktree remove");
}
END_TEST

START_TEST(c55_foreign_worktree_of_another_branch)
{
	repo_make();
	repo_sh(0, "git worktree add -q -b other ../repo--w");
	help_file("../f.orch", "worktree w", NULL);
	fails_and_is_repaired("run -r x ../f.orch", "git worktree remove");
	ck_assert_str_eq(repo_out("git rev-parse other"), repo_out("git rev-parse main"));
}
END_TEST

START_TEST(c55_foreign_worktree_with_work_in_it)
{
	char *before;

	repo_make();
	help_file("../f.orch", "worktree w", NULL);
	repo_sh(0, "git worktree add -q -b w ../repo--w && echo precious >../repo--w/mine");
	before = all_of_git();
	help_has(repo_sh(1, "orch run -r x ../f.orch").err, "git worktree remove");
	ck_assert_str_eq(all_of_git(), before);
}
END_TEST

START_TEST(c55_branch_is_checked_out_elsewhere)
{
	repo_make();
	repo_sh(0, "git worktree add -q -b w ../elsewhere");
	help_file("../f.orch", "worktree w", NULL);
	fails_and_is_repaired("run -r x ../f.orch", "git ");
}
END_TEST

/* The words that repair are for a shell: no name in them is cut short or taken apart. */
START_TEST(c55_words_that_mend_are_quoted)
{
	char line[8192];
	const char *p;
	struct ran r;

	repo_make();
	repo_sh(0, "mkdir '../a  b' && git clone -q . '../a  b/repo' && cd '../a  b/repo' && git worktree add -q -b w ../repo--w");
	ck_assert_int_eq(chdir("../a  b/repo"), 0);
	setenv("T", repo_out("cd .. && pwd -P"), 1);
	snprintf(repo_top, sizeof repo_top, "%s", getenv("T"));
	help_file("../f.orch", "worktree w", NULL);
	fails_and_is_repaired("run -r x ../f.orch", "git worktree remove");
	setenv("VALUE", "it's;touch${IFS}P;$(touch${IFS}P)", 1);
	help_file("../g.orch", "param v", "worktree {{v}} as k", NULL);
	r = repo_sh(1, "git branch \"$VALUE\" && orch run -r y ../g.orch v=\"$VALUE\"");
	p = strstr(r.err, "git branch -D");
	ck_assert_msg(p != NULL, "%s", r.err);
	snprintf(line, sizeof line, "%.*s", (int)strcspn(p, "\n"), p);
	help_file("../fix", line, NULL);
	help_run("sh ../fix");
	help_none("P");
	ck_assert_str_eq(repo_out("git branch --list 'it*'"), "");
}
END_TEST

START_TEST(c55_long_paths_are_whole)
{
	char name[170], *before;
	struct ran r;

	repo_make();
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	repo_sh(0, "mkdir ../%s && echo precious >../%s/mine", name, name);
	help_file("../f.orch", "param p", "worktree w at ../{{p}}", NULL);
	before = all_of_git();
	r = repo_sh(1, "orch run -r x ../f.orch p=%s", name);
	help_has(r.err, name);
	repo_sh(0, "rm -r ../%s && git worktree add -q -b other ../%s", name, name);
	r = repo_sh(1, "orch run -r x ../f.orch p=%s", name);
	help_has(r.err, name);
	repo_sh(0, "git worktree remove ../%s && git branch -D -q other && mkdir ../%s && echo precious >../%s/mine", name, name, name);
	ck_assert_str_eq(all_of_git(), before);
}
END_TEST

/* Its directory was removed by hand, its result too; git still knows it. */
START_TEST(c55_worktree_that_git_still_knows)
{
	struct ran r;

	repo_make();
	help_file("../f.orch", "worktree w enter", "run sh as s | echo new >new", "commit | made", NULL);
	repo_sh(0, "orch run -r x ../f.orch && rm -r ../repo--w " RESULT "w " RESULT "s");
	r = repo_sh(1, "orch run -r x ../f.orch");
	help_has(r.err, "git worktree prune");
	help_has(r.err, "git branch -D w");
	ck_assert_str_eq(repo_out("git branch --list w | wc -l | tr -d ' '"), "1");
	repo_sh(0, "git worktree prune && git branch -D w && orch resume -r x");
	repo_path_is("w", "repo--w");
	ck_assert_str_eq(repo_out("cat ../repo--w/new"), "new");
}
END_TEST

START_TEST(c56_kept_worktree_that_is_gone)
{
	struct ran r;

	repo_make();
	help_file("../f.orch", "worktree w enter", "run sh as s | pwd >>\"$T/started\"; echo new >new", "commit | made", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	repo_sh(0, "rm -r ../repo--w " RESULT "s " RESULT "commit ../started");
	r = repo_sh(1, "orch run -r x ../f.orch");
	help_has(r.err, repo_out("echo \"$T/repo--w\""));
	help_none("../started");
	help_none("new");
	help_none(RESULT "commit");
	help_none("../repo--w");
	ck_assert_str_eq(repo_out("git log --format=%%s main"), "first");
	ck_assert_str_eq(repo_out("git status --porcelain"), "");
}
END_TEST

/* Where nothing has to start in it, it is not missed. */
START_TEST(c56_kept_worktree_that_is_gone_in_a_complete_run)
{
	repo_make();
	help_file("../f.orch", "worktree w", "worktree v enter", "print | all is well", NULL);
	repo_sh(0, "orch run -r x ../f.orch && rm -r ../repo--w && rm -r ../repo--v && echo >../repo--v");
	help_has(repo_sh(0, "orch run -r x ../f.orch").out, "all is well");
	help_is("../repo--v", "\n");
	help_none("../repo--w");
}
END_TEST

START_TEST(c56_kept_worktree_that_is_gone_in_a_branch)
{
	struct ran r;

	repo_make();
	help_file("../f.orch", "parallel i in 1 2", "worktree w-{{i}} enter", "run sh as s-{{i}} | pwd -P", "end", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	repo_sh(0, "rm -r ../repo--w-1 " RESULT "s-1 " RESULT "s-2");
	r = repo_sh(1, "orch run -r x ../f.orch");
	help_has(r.err, repo_out("echo \"$T/repo--w-1\""));
	help_has(r.err, "1 of 2 branches failed");
	help_none(RESULT "s-1");
	repo_path_is("s-2", "repo--w-2");
}
END_TEST

START_TEST(c_not_a_repository)
{
	repo_make();
	ck_assert_int_eq(chdir(".."), 0);
	help_file("f.orch", "worktree w", NULL);
	help_has(repo_sh(1, "orch run -r x f.orch").err, "git repository");
	help_file("f.orch", "commit | x", NULL);
	help_has(repo_sh(1, "orch run -r y f.orch").err, "git repository");
	help_none(".orch/y/result/commit");
}
END_TEST

START_TEST(c_no_git_at_all)
{
	struct ran r;

	repo_make();
	repo_sh(0, "ln -s \"$(command -v orch)\" ../bin/orch");
	help_file("../f.orch", "worktree w", NULL);
	r = help_run("PATH=\"$T/bin\" orch run -r x ../f.orch");
	ck_assert_msg(r.status == 1 || r.status == 2, "%d: %s", r.status, r.err);
	help_has(r.err, "git");
	help_none(RESULT "w");
}
END_TEST

/* Many at once, 50. */

static int
rounds(void)
{
	const char *slow = getenv("ORCH_TEST_SLOW");

	return slow && *slow && strcmp(slow, "0") ? 20 : 5;
}

/* A `git` that notes when two make a worktree at once. */
static void
watch_overlap(void)
{
	repo_program("../bin/git", "#!/bin/sh\ntest \"$1 $2\" = 'worktree add' || exec \"$REAL_GIT\" \"$@\"\n"
	    "mkdir \"$T/busy\" 2>/dev/null || echo >\"$T/overlap\"\necho >>\"$T/added\"\n"
	    "\"$REAL_GIT\" \"$@\"; s=$?\nrmdir \"$T/busy\" 2>/dev/null\nexit $s");
}

/* N branches PREFIX-I with one commit each, which is the result. */
static void
check_branches(const char *run, const char *prefix, int n)
{
	int i;

	ck_assert_int_eq(atoi(repo_out("git branch --list '%s-*' | wc -l", prefix)), n);
	for (i = 1; i <= n; i++) {
		ck_assert_str_eq(repo_out("git rev-list --count main..%s-%d", prefix, i), "1");
		ck_assert_str_eq(repo_out("cat .orch/%s/result/c-%d", run, i), repo_out("git rev-parse %s-%d", prefix, i));
		ck_assert_str_eq(repo_out("git diff --name-only main %s-%d", prefix, i), repo_out("echo f-%d", i));
	}
}

static void
branches_file(const char *name, int n)
{
	char block[60];

	snprintf(block, sizeof block, "parallel i in 1..%d", n);
	help_file(name, "param p", block, "worktree {{p}}-{{i}} enter as w-{{i}}", "run sh as s-{{i}} | echo $i >f-$i",
	    "commit as c-{{i}} | {{p}} {{i}}", "end", NULL);
}

START_TEST(c50_sixteen_branches_at_once)
{
	char prefix[20], run[20];
	char *before;
	int i;

	repo_make();
	before = repo_checkout();
	branches_file("../f.orch", 16);
	for (i = 0; i < rounds(); i++) {
		snprintf(prefix, sizeof prefix, "b%d", i);
		snprintf(run, sizeof run, "r%d", i);
		repo_sh(0, "orch run -q -r %s ../f.orch p=%s", run, prefix);
		check_branches(run, prefix, 16);
	}
	repo_is_untouched(before);
	repo_sh(0, "git fsck --no-progress");
}
END_TEST

START_TEST(c50_two_at_once_in_one_repository)
{
	repo_make();
	watch_overlap();
	branches_file("../f.orch", 12);
	repo_sh(0, "git worktree add -q --detach ../third && rm ../added");
	repo_sh(0, "orch run -q -r a ../f.orch p=a & p=$!; (cd ../third && orch run -q -r c ../f.orch p=c) & q=$!;"
	    "orch run -q -r b ../f.orch p=b && wait $p && wait $q");
	check_branches("a", "a", 12);
	check_branches("b", "b", 12);
	ck_assert_str_eq(repo_out("git branch --list 'c-*' | wc -l | tr -d ' '"), "12");
	ck_assert_int_eq(atoi(repo_out("wc -l <../added")), 36);
	help_none("../overlap");
}
END_TEST

/* Killed at every call of git, 55. */

struct strike {
	const char *whom;       /* orch; supervisor; both; all: both, and git goes no further */
	const char *when;       /* before or after the call */
	const char *sig;
	int status;             /* of orch */
};

static const struct strike strikes[] = {
	{ "orch", "before", "KILL", 137 }, { "orch", "after", "KILL", 137 }, { "both", "before", "KILL", 137 },
	{ "both", "after", "KILL", 137 }, { "all", "before", "KILL", 137 }, { "supervisor", "before", "KILL", 1 },
	{ "supervisor", "after", "KILL", 1 }, { "orch", "before", "TERM", 143 }, { "orch", "after", "TERM", 143 },
};

/* A `git` that strikes at its $POINTth call; its parent is the supervisor. */
static void
strike_git(void)
{
	repo_program("../bin/git", "#!/bin/sh\ntest \"$POINT\" || exec \"$REAL_GIT\" \"$@\"\n"
	    "echo \"$*\" >>\"$T/calls\"\n"
	    "strike() {\n"
	    "	test \"$1\" = \"$WHEN\" && test $(wc -l <\"$T/calls\") -eq \"$POINT\" || return 0\n"
	    "	echo >\"$T/struck\"\n"
	    "	case $WHOM in\n"
	    "	orch) kill -$SIG $(cat \"$T/pid\");;\n"
	    "	supervisor) kill -9 $PPID; exec sleep 100;;\n"
	    "	both) kill -STOP $(cat \"$T/pid\"); kill -9 $PPID $(cat \"$T/pid\");;\n"
	    "	all) kill -STOP $(cat \"$T/pid\"); kill -9 $PPID $(cat \"$T/pid\"); echo >\"$T/finished\"; exit 1;;\n"
	    "	esac\n}\n"
	    "trap 'echo >\"$T/finished\"; exit 143' TERM\n"       /* it is told to end when its supervisor dies */
	    "strike before\n\"$REAL_GIT\" \"$@\"; s=$?\nstrike after\n"
	    "test -f \"$T/struck\" && echo >\"$T/finished\"\nexit $s");
}

static void
fresh_repository(void)
{
	repo_sh(0, "rm -rf ../repo--* ../calls ../struck ../finished && rm -rf ./.orch ./* .git && cp -a ../template/. .");
}

/* Runs f.orch in a fresh repository and strikes at call N of git. 0: it was not called that often. */
static int
run_and_strike(const struct strike *s, int n)
{
	struct ran r;

	fresh_repository();
	r = help_run("POINT=%d WHEN=%s WHOM=%s SIG=%s sh -c 'echo $$ >\"$T/pid\"; exec orch run -r x ../f.orch'", n, s->when,
	    s->whom, s->sig);
	if (!help_exists("../struck")) {
		ck_assert_msg(r.status == 0, "%d: %s", r.status, r.err);
		return 0;
	}
	ck_assert_msg(r.status == s->status, "%s %s call %d: %d: %s", s->whom, s->when, n, r.status, r.err);
	if (!strcmp(s->whom, "both") || !strcmp(s->whom, "all"))
		procs_await_file("../finished");
	r = help_run("POINT= orch resume -r x");
	ck_assert_msg(r.status == 0, "%s %s %s call %d (%s): resume: %d: %s", s->sig, s->whom, s->when, n,
	    repo_out("sed -n %dp ../calls", n), r.status, r.err);
	return 1;
}

/* One commit on BRANCH, which has all that was there; its id is the result. */
static void
check_one(const char *branch, const char *files, const struct strike *s, int n)
{
	char *count = repo_out("git rev-list --count first..%s", branch), *id = repo_out("git rev-parse %s; echo", branch);
	char *kept = help_read(RESULT "commit", NULL);

	ck_assert_msg(!strcmp(count, "1"), "%s %s call %d (%s): %s commits", s->whom, s->when, n,
	    repo_out("sed -n %dp ../calls", n), count);
	ck_assert_msg(!strcmp(id, kept), "%s %s call %d (%s): the result is `%s`, not %s", s->whom, s->when, n,
	    repo_out("sed -n %dp ../calls", n), kept, id);
	ck_assert_str_eq(repo_out("git diff --name-only first %s", branch), files);
}

static void
template(void)
{
	repo_sh(0, "git tag first && cp -a . ../template");
}

START_TEST(c55_killed_at_every_call)
{
	const struct strike *s = &strikes[_i];
	int n;

	repo_make();
	help_file("../f.orch", IN_TREE, NULL);
	template();
	strike_git();
	for (n = 1; run_and_strike(s, n); n++) {
		check_one("w", "new", s, n);
		ck_assert_str_eq(repo_out("git branch --format='%%(refname:short)'"), "main\nw");
		ck_assert_str_eq(repo_out("git worktree list | wc -l | tr -d ' '"), "2");
		repo_path_is("w", "repo--w");
		ck_assert_str_eq(repo_out("git -C ../repo--w status --porcelain; git status --porcelain"), "");
	}
	ck_assert_int_gt(n, 4);
	ck_assert_int_gt(help_count(help_read("../calls", NULL), "worktree add"), 0);
	ck_assert_int_gt(help_count(help_read("../calls", NULL), "commit "), 0);
}
END_TEST

/* In the main checkout, and hooks that change all there is to be known again by. */
static void
killed_with(const struct strike *s, const char *files)
{
	int n;

	help_file("../f.orch", "run sh as s | echo new >new", "commit", "| made", "|", "| of two parts", NULL);
	template();
	strike_git();
	for (n = 1; run_and_strike(s, n); n++) {
		check_one("main", files, s, n);
		ck_assert_str_eq(repo_out("git status --porcelain"), "");
	}
	ck_assert_int_gt(n, 3);
}

START_TEST(c55_killed_with_a_hook_for_the_tree)
{
	repo_make();
	repo_program(".git/hooks/pre-commit", TREE_HOOK);
	killed_with(&strikes[_i], "hooked\nnew");
}
END_TEST

START_TEST(c55_killed_with_a_hook_for_the_message)
{
	repo_make();
	repo_program(".git/hooks/commit-msg", "#!/bin/sh\necho >>\"$1\"\necho Change-Id: $$ >>\"$1\"");
	killed_with(&strikes[_i], "new");
}
END_TEST

START_TEST(c55_killed_with_hooks_for_both)
{
	repo_make();
	repo_program(".git/hooks/pre-commit", TREE_HOOK);
	repo_program(".git/hooks/commit-msg", "#!/bin/sh\necho >>\"$1\"\necho Change-Id: $$ >>\"$1\"");
	killed_with(&strikes[_i], "hooked\nnew");
}
END_TEST

/* Runs f.orch; orch is killed when git has committed. */
static void
kill_behind_commit(void)
{
	repo_program("../bin/git", "#!/bin/sh\ntest \"$POINT\" && test \"$1\" = commit || exec \"$REAL_GIT\" \"$@\"\n"
	    "\"$REAL_GIT\" \"$@\"; s=$?\nkill -9 $(cat \"$T/pid\")\nexit $s");
	ck_assert_int_eq(help_run("POINT=1 sh -c 'echo $$ >\"$T/pid\"; exec orch run -r x ../f.orch'").status, 137);
	help_none(RESULT "commit");
}

/* A result that was removed is made again, and that is what resume then finds. */
START_TEST(c55_killed_when_it_is_made_again)
{
	repo_make();
	help_file("../f.orch", "run sh as s | cat ../say >new", "commit | made", NULL);
	repo_sh(0, "echo 1 >../say; orch run -r x ../f.orch; git tag first; echo 2 >../say; rm " RESULT "s " RESULT "commit");
	kill_behind_commit();
	repo_sh(0, "orch resume -r x");
	check_one("main", "new", &strikes[1], 0);
	ck_assert_str_eq(repo_out("git show HEAD:new; git show HEAD~1:new"), "2\n1");
}
END_TEST

/* A commit that resume has found is its result from then on: removed, it is made again like any other. */
START_TEST(c55_what_was_found_is_not_found_twice)
{
	char *found;

	repo_make();
	help_file("../f.orch", "run sh as s | cat ../say >new", "commit | made", NULL);
	repo_sh(0, "echo 1 >../say");
	kill_behind_commit();
	repo_sh(0, "orch resume -r x");
	repo_commit_is("commit", "HEAD", 0);
	found = repo_out("git rev-parse HEAD");
	repo_sh(0, "echo 2 >../say; rm " RESULT "s " RESULT "commit; orch run -r x ../f.orch");
	ck_assert_str_eq(repo_out("git show HEAD:new"), "2");
	ck_assert_str_eq(repo_out("git rev-parse HEAD~1"), found);
	repo_commit_is("commit", "HEAD", 0);
}
END_TEST

/* Somebody commits on top before resume: that very commit's id or an error, never an empty result. */
START_TEST(c55_killed_and_somebody_commits_on_top)
{
	struct ran r;
	char *id;

	repo_make();
	help_file("../f.orch", "run sh as s | echo new >new", "commit | made", NULL);
	kill_behind_commit();
	id = repo_out("git rev-parse HEAD; echo");
	repo_sh(0, "git commit -q --allow-empty -m 'by hand'");
	r = help_run("orch resume -r x");
	if (r.status)
		help_none(RESULT "commit");
	else
		help_is(RESULT "commit", id);
	ck_assert_str_eq(repo_out("git log --format=%%s"), "by hand\nmade\nfirst");
}
END_TEST

/* A tree that is dirty again after the commit: still that very commit. */
START_TEST(c55_killed_and_the_tree_is_dirty_again)
{
	repo_make();
	repo_program(".git/hooks/post-commit", "#!/bin/sh\necho \"by hook\" >left");
	help_file("../f.orch", "run sh as s | echo new >new", "commit | made", NULL);
	template();
	fresh_repository();
	kill_behind_commit();
	repo_sh(0, "orch resume -r x");
	check_one("main", "new", &strikes[1], 0);
	ck_assert_str_eq(repo_out("git status --porcelain"), "?? left");
}
END_TEST

/* Killed by the hook itself, which goes on beside the start of resume. */
START_TEST(c55_resume_while_git_still_works)
{
	repo_make();
	repo_program(".git/hooks/pre-commit", "#!/bin/sh\ntest -f \"$T/struck\" && exit 0\necho >\"$T/struck\"\n"
	    "kill -9 $(cat \"$T/pid\")\nuntil test -f \"$T/go\"; do sleep 0.01; done");
	help_file("../f.orch", IN_TREE, NULL);
	repo_sh(0, "git tag first");
	ck_assert_int_eq(help_run("sh -c 'echo $$ >\"$T/pid\"; exec orch run -r x ../f.orch'").status, 137);
	repo_sh(0, "orch resume -r x & p=$!; touch ../go; wait $p");
	check_one("w", "new", &strikes[0], 0);
	ck_assert_str_eq(repo_out("git worktree list | wc -l | tr -d ' '"), "2");
}
END_TEST

/* A hook that takes longer than anybody waits for git once orch is gone. */
START_TEST(c55_killed_in_a_long_hook)
{
	repo_make();
	repo_program(".git/hooks/pre-commit", "#!/bin/sh\ntest -f \"$T/struck\" && exit 0\necho >\"$T/struck\"\n"
	    "kill -9 $(cat \"$T/pid\")\nexec sleep 1000");
	help_file("../f.orch", IN_TREE, NULL);
	repo_sh(0, "git tag first");
	ck_assert_int_eq(help_run("sh -c 'echo $$ >\"$T/pid\"; exec orch run -r x ../f.orch'").status, 137);
	repo_sh(0, "orch resume -r x");
	check_one("w", "new", &strikes[0], 0);
	ck_assert_str_eq(repo_out("git -C ../repo--w status --porcelain"), "");
}
END_TEST

/* orch, its supervisor and git itself killed in the middle of a checkout: taken up, or said how to fix it. */
START_TEST(c55_git_killed_in_the_checkout)
{
	struct ran r;
	const char *p;

	repo_make();
	repo_sh(0, "echo 'sub/* filter=deadly' >.gitattributes && git add -A && git commit -q -m deadly && git tag first");
	repo_sh(0, "git config filter.deadly.clean cat && git config filter.deadly.smudge \"$T/bin/deadly\"");
	repo_program("../bin/git", "#!/bin/sh\necho $$ >\"$T/git\"; echo $PPID >\"$T/supervisor\"\nexec \"$REAL_GIT\" \"$@\"");
	repo_program("../bin/deadly", "#!/bin/sh\nif ! test -f \"$T/struck\"; then\necho >\"$T/struck\"\n"
	    "kill -STOP $(cat \"$T/pid\") $(cat \"$T/supervisor\")\n"  /* git is killed first: at its supervisor's death it is told to end */
	    "kill -9 $(cat \"$T/git\") $(cat \"$T/supervisor\") $(cat \"$T/pid\")\nfi\nexec cat");
	help_file("../f.orch", IN_TREE, NULL);
	ck_assert_int_eq(help_run("sh -c 'echo $$ >\"$T/pid\"; exec orch run -r x ../f.orch'").status, 137);
	r = help_run("orch resume -r x");
	if (r.status) {
		p = strstr(r.err, "git worktree ");
		ck_assert_msg(p != NULL, "no command in: %s", r.err);
		help_file("../fix", "set -e", repo_out("printf '%%s' '%.*s'", (int)strcspn(p, "\n"), p), NULL);
		/* A git that is killed leaves its locks; git names them, and says to remove them. */
		repo_sh(0, "find .git -name '*.lock' ! -name orch.lock -exec rm {} +");
		repo_sh(0, "sh ../fix");
		repo_sh(0, "orch resume -r x");
	}
	check_one("w", "new", &strikes[0], 0);
	ck_assert_str_eq(repo_out("git show w:sub/other; git -C ../repo--w status --porcelain"), "two");
}
END_TEST

/* Killed before the worktree was made; then somebody else makes the branch, elsewhere. */
START_TEST(c55_intent_that_does_not_match)
{
	repo_make();
	repo_program("../bin/git", "#!/bin/sh\ntest \"$1 $2\" = 'worktree add' && test \"$POINT\" || exec \"$REAL_GIT\" \"$@\"\n"
	    "trap '' TERM\nkill -STOP $(cat \"$T/pid\"); kill -9 $PPID $(cat \"$T/pid\"); echo >\"$T/finished\"");
	help_file("../f.orch", "worktree w", NULL);
	ck_assert_int_eq(help_run("POINT=1 sh -c 'echo $$ >\"$T/pid\"; exec orch run -r x ../f.orch'").status, 137);
	procs_await_file("../finished");
	repo_sh(0, "git branch w $(git commit-tree -m other HEAD^{tree})");
	fails_and_is_repaired("resume -r x", "git branch -D w");
	ck_assert_str_eq(repo_out("git rev-parse w"), repo_out("git rev-parse main"));
}
END_TEST

/* Killed at any moment. */

/* Runs COMMAND and sends SIG after MS; its wait status, *HIT whether it lived then. */
static int
run_and_kill(const char *command, int ms, int sig, int *hit)
{
	const struct timespec one = { 0, 1000000 };
	int status, fd;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		fd = open("../said", O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(fd, 1);
		dup2(fd, 2);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	*hit = 0;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (ms-- <= 0 && !*hit) {
			kill(pid, sig);
			*hit = 1;
		}
		nanosleep(&one, NULL);
	}
	*hit = *hit && WIFSIGNALED(status) && WTERMSIG(status) == sig;
	return status;
}

static void
check_four(void)
{
	static const char *const names[] = { "auth", "api", "cart", "docs" };
	char key[60], branch[60];
	size_t i;

	for (i = 0; i < LEN(names); i++) {
		snprintf(key, sizeof key, "commit-%s", names[i]);
		snprintf(branch, sizeof branch, "feat/%s", names[i]);
		repo_commit_is(key, branch, 1);
		ck_assert_str_eq(repo_out("git diff --name-only main feat/%s", names[i]),
		    repo_out("printf '%s.c\\n%s.where'", names[i], names[i]));
	}
	ck_assert_str_eq(repo_out("git worktree list | wc -l; git branch --list 'feat/*' | wc -l"), "5\n4");
}

/* Until WANTED signals have hit a living orch; after each, resume. A run takes about 300 ms. */
static void
kill_at_random(int sig, int wanted)
{
	unsigned seed = 55;
	int hits = 0, attempts = 0, hit, status, begun = 0;
	char *before;

	repo_sh(0, "rm -f ../fixed");
	fake_codex();
	modules("auth api cart docs");
	before = repo_checkout();
	template();
	while (hits < wanted || begun) {
		ck_assert_int_lt(attempts++, 20 * wanted);
		seed = seed * 1103515245 + 12345;
		status = run_and_kill(begun ? "exec orch resume -r x" : "exec orch run -r x -a codex=fake-codex ../modules.orch",
		    hits < wanted ? (int)(seed >> 16) % 250 : 60000, sig, &hit);
		hits += hit;
		begun = begun || help_exists(".orch/x/run");
		if (hit)
			continue;
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "after %d: status %x: %s", hits, (unsigned)status,
		    help_read("../said", NULL));
		check_four();
		repo_is_untouched(before);
		fresh_repository();
		begun = 0;
	}
}

START_TEST(c55_killed_at_any_moment)
{
	repo_make();
	kill_at_random(SIGKILL, 30);
}
END_TEST

START_TEST(c55_terminated_at_any_moment)
{
	repo_make();
	kill_at_random(SIGTERM, 20);
}
END_TEST

/* The suite. */

static TCase *
worktree_case(void)
{
	TCase *t = tcase_create("worktree");

	tcase_add_test(t, m_modules_one_fails_and_resume_finishes_it);
	tcase_add_test(t, w_sibling_path_and_slug);
	tcase_add_test(t, w_sibling_of_the_repository_not_of_the_directory);
	tcase_add_test(t, w_repository_with_blanks_in_its_path);
	tcase_add_test(t, w_at_is_from_the_directory_of_the_line);
	tcase_add_test(t, w_from_and_the_default_base);
	tcase_add_test(t, w_from_the_head_of_where_it_stands);
	tcase_add_test(t, w_enter_is_for_the_lines_below_in_its_place);
	tcase_add_test(t, w_without_enter_in_both_forms);
	tcase_add_test(t, w_under_a_called_file);
	tcase_add_test(t, w_call_in_a_branch_with_a_worktree_of_its_own);
	tcase_add_test(t, c49_hostile_words_never_reach_git);
	tcase_add_test(t, c49_hostile_words_as_they_stand);
	tcase_add_test(t, c59_names_that_git_takes_are_never_a_program);
	tcase_add_test(t, c52_variables_of_another_git_do_not_reach_git);
	tcase_add_test(t, c52_started_in_a_hook);
	tcase_add_test(t, c52_started_in_a_hook_of_a_worktree);
	return t;
}

static TCase *
commit_case(void)
{
	TCase *t = tcase_create("commit");

	tcase_add_test(t, c_only_what_is_there);
	tcase_add_test(t, c54_clean_tree_gives_an_empty_kept_result);
	tcase_add_test(t, c53_runs_are_never_committed_and_never_dirty);
	tcase_add_test(t, c_message_is_byte_exact);
	tcase_add_test(t, c_message_is_not_tidied);
	tcase_add_test(t, c_message_that_begins_with_a_dash);
	tcase_add_test(t, c_hook_that_refuses_is_shown);
	tcase_add_test(t, c_message_hook_that_refuses_is_shown);
	tcase_add_test(t, c_hook_that_changes_the_tree);
	tcase_add_test(t, c_no_identity_says_what_git_says);
	tcase_add_test(t, c_first_commit_of_a_repository);
	tcase_add_test(t, c_passes_of_a_loop);
	tcase_add_test(t, c_removed_results_are_made_again);
	tcase_add_test(t, c51_commit_without_a_worktree_of_its_own);
	tcase_add_test(t, c51_commit_with_a_worktree_of_its_own);
	return t;
}

static TCase *
there_case(void)
{
	TCase *t = tcase_create("there");

	tcase_add_test(t, c53_runs_beside_other_things);
	tcase_add_test(t, c55_branch_is_there_already);
	tcase_add_test(t, c55_path_is_there_already);
	tcase_add_test(t, c55_foreign_worktree_is_there);
	tcase_add_test(t, c55_foreign_worktree_of_another_branch);
	tcase_add_test(t, c55_foreign_worktree_with_work_in_it);
	tcase_add_test(t, c55_branch_is_checked_out_elsewhere);
	tcase_add_test(t, c55_words_that_mend_are_quoted);
	tcase_add_test(t, c55_long_paths_are_whole);
	tcase_add_test(t, c55_worktree_that_git_still_knows);
	tcase_add_test(t, c56_kept_worktree_that_is_gone);
	tcase_add_test(t, c56_kept_worktree_that_is_gone_in_a_complete_run);
	tcase_add_test(t, c56_kept_worktree_that_is_gone_in_a_branch);
	tcase_add_test(t, c_not_a_repository);
	tcase_add_test(t, c_no_git_at_all);
	return t;
}

static TCase *
many_case(void)
{
	TCase *t = tcase_create("many");

	tcase_add_test(t, c50_sixteen_branches_at_once);
	tcase_add_test(t, c50_two_at_once_in_one_repository);
	return t;
}

static TCase *
killed_case(void)
{
	TCase *t = tcase_create("killed");

	tcase_add_loop_test(t, c55_killed_at_every_call, 0, LEN(strikes));
	tcase_add_loop_test(t, c55_killed_with_a_hook_for_the_tree, 1, 4);
	tcase_add_loop_test(t, c55_killed_with_a_hook_for_the_message, 1, 4);
	tcase_add_loop_test(t, c55_killed_with_hooks_for_both, 1, 4);
	tcase_add_test(t, c55_killed_when_it_is_made_again);
	tcase_add_test(t, c55_what_was_found_is_not_found_twice);
	tcase_add_test(t, c55_killed_and_somebody_commits_on_top);
	tcase_add_test(t, c55_killed_and_the_tree_is_dirty_again);
	tcase_add_test(t, c55_resume_while_git_still_works);
	tcase_add_test(t, c55_killed_in_a_long_hook);
	tcase_add_test(t, c55_git_killed_in_the_checkout);
	tcase_add_test(t, c55_intent_that_does_not_match);
	tcase_add_test(t, c55_killed_at_any_moment);
	tcase_add_test(t, c55_terminated_at_any_moment);
	return t;
}

Suite *
git_suite(void)
{
	static const struct {
		TCase *(*make)(void);
		int seconds;
	} cases[] = {
		{ worktree_case, 60 }, { commit_case, 60 }, { there_case, 60 }, { many_case, 300 }, { killed_case, 300 },
	};
	Suite *s = suite_create("git");
	size_t i;

	for (i = 0; i < LEN(cases); i++) {
		TCase *t = cases[i].make();

		tcase_set_timeout(t, cases[i].seconds);
		tcase_add_checked_fixture(t, repo_begin, help_end);
		suite_add_tcase(s, t);
	}
	return s;
}

/* Worktrees that are looked at again: a line works, and commits, only in the worktree that it was given. What a
 * worktree is taken for, where it goes, what reaches it of the environment, how long its git may take.
 *
 * As in git_test.c each test has a repository $T/repo, where it runs; $W is its worktree of branch w. */
#include "tests/procs.h"
#include "tests/pty.h"
#include "tests/repo.h"
#include "tests/suites.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/task/decisions.h"
#include "engine/task/worktree.h"
#include "parse/buf.h"

/* Names, without a process and without git. */

static const struct {
	const char *branch, *slug;
} slugs[] = {
	{ "w", "w" }, { "Feat/Big__Thing.9", "feat-big-thing-9" }, { "a/b-/c", "a-b-c" }, { "--", "-" }, { "", "" },
	{ "Z09az", "z09az" }, { "@[`{", "-" },
	{ "фича", "фича" }, { "задача/новая", "задача-новая" }, { "機能/追加", "機能-追加" }, { "バグ", "バグ" },
	{ "naïve/café", "naïve-café" }, { "straße_ø", "straße-ø" }, { "e\u0301", "e\u0301" }, { "हिन्दी", "हिन्दी" },
	{ "بحث/א", "بحث-א" }, { "한글", "한글" }, { "１２", "１２" }, { "ｱ", "ｱ" }, { "𠮷野", "𠮷野" }, { "ª²µº¼", "ª²µº¼" },
	{ "日本、語", "日本-語" }, { "a—b", "a-b" }, { "a🚀b", "a-b" }, { "🚀", "-" }, { "«a»", "-a-" }, { "a\u00a0b", "a-b" },
	{ "a\u3000b", "a-b" }, { "a／b", "a-b" }, { "a→✓b", "a-b" }, { "a\u200bb", "a-b" }, { "a、/。b", "a-b" }, { "¿ñ?", "-ñ-" },
	{ "a\xff" "b", "a-b" }, { "a\xc3", "a-" }, { "\xe6\xa9", "-" },
};

START_TEST(slug_of_a_branch)
{
	struct buf b = { 0 };

	buf_text(&b, "REPO--");
	worktree_add_slug(&b, slugs[_i].branch);
	ck_assert_str_eq(buf_str(&b) + 6, slugs[_i].slug);
	buf_free(&b);
}
END_TEST

START_TEST(slugs_of_different_words_differ)
{
	static const char *const words[] = { "фича", "фичи", "задача", "機能", "機態", "é", "e", "e\u0301", "ü", "u", "ß", "ss" };
	struct buf a = { 0 }, b = { 0 };
	size_t i, k;

	for (i = 0; i < LEN(words); i++)
		for (k = 0; k < i; k++) {
			a.n = b.n = 0;
			worktree_add_slug(&a, words[i]);
			worktree_add_slug(&b, words[k]);
			ck_assert_str_ne(buf_str(&a), buf_str(&b));
		}
	buf_free(&a);
	buf_free(&b);
}
END_TEST

static const struct {
	const char *dir, *path;
} paths[] = {
	{ "/a/b", "/a/b" }, { "/", "/" }, { "//", "/" }, { "/.", "/" }, { "/..", "/" }, { "/../../a", "/a" }, { "/a/", "/a" },
	{ "/a//b///c", "/a/b/c" }, { "/a/./b/.", "/a/b" }, { "/a/../b", "/b" }, { "/a/b/..", "/a" }, { "/a/b/../..", "/" },
	{ "/a/b/../../..", "/" }, { "/a/b/../../../c/./d/../e", "/c/e" }, { "/a/...", "/a/..." }, { "/..a/.b/b..",
	    "/..a/.b/b.." },
	{ "/ a / b", "/ a / b" },
};

START_TEST(dir_without_dots)
{
	struct buf b = { 0 };

	worktree_add_path(&b, paths[_i].dir);
	ck_assert_str_eq(buf_str(&b), paths[_i].path);
	/* What is before it is not its own, and no `..' takes it. */
	b.n = 0;
	buf_text(&b, "/kept");
	worktree_add_path(&b, paths[_i].dir);
	ck_assert_int_eq(strncmp(buf_str(&b), "/kept", 5), 0);
	ck_assert_str_eq(buf_str(&b) + 5, paths[_i].path);
	buf_free(&b);
}
END_TEST

static const struct {
	const char *dir, *branch;       /* NULL: in none */
} places[] = {
	{ "/r--w", "w" }, { "/r--w/", "w" }, { "/r--w/sub/deep", "w" }, { "/r--w/../r--w", "w" }, { "/r--w/./sub/..", "w" },
	{ "/r--w2", NULL }, { "/r--", NULL }, { "/", NULL }, { "/r--w/..", NULL }, { "/r--w/../other", NULL },
	{ "/r--w/in", "inner" }, { "/r--w/in/x", "inner" }, { "/r--w/in/..", "w" }, { "/r--w/inn", "w" },
	    { "/r--w/in/../../r--v/x", "v" },
	{ "/r--v", "v" }, { "/R--v", NULL },
};

START_TEST(worktree_around_a_dir)
{
	struct worktree *list = NULL;
	const struct worktree *w;

	ck_assert_ptr_null(worktree_around(list, places[_i].dir));
	worktree_add(&list, "/r--w", "w", "/r", NULL);
	worktree_add(&list, "/r--w/in", "inner", "/r--w", NULL);
	worktree_add(&list, "/r--v", "v", "/r", NULL);
	w = worktree_around(list, places[_i].dir);
	ck_assert_str_eq(w ? w->branch : "none", places[_i].branch ? places[_i].branch : "none");
	worktree_free_all(list);
}
END_TEST

START_TEST(worktrees_are_copied)
{
	char text[] = "/x";
	struct worktree *list = NULL;
	const struct worktree *w = worktree_add(&list, text, text, text, NULL);

	text[1] = 'y';
	ck_assert_str_eq(w->path, "/x");
	ck_assert_str_eq(w->branch, "/x");
	ck_assert_str_eq(w->made_in, "/x");
	ck_assert_ptr_eq(worktree_around(list, "/x/a"), w);
	worktree_free_all(list);
}
END_TEST

START_TEST(decisions_are_remembered)
{
	struct decisions d = { 0 };

	ck_assert_int_eq(decisions_get(&d, 7), -1);
	decisions_set(&d, 7, 1);
	decisions_set(&d, 8, 0);
	ck_assert_int_eq(decisions_get(&d, 7), 1);
	ck_assert_int_eq(decisions_get(&d, 8), 0);
	ck_assert_int_eq(decisions_get(&d, 9), -1);
	decisions_set(&d, 7, 0);
	decisions_set(&d, 8, 5);
	ck_assert_int_eq(decisions_get(&d, 7), 0);
	ck_assert_int_eq(decisions_get(&d, 8), 1);
	decisions_free(&d);
	ck_assert_int_eq(decisions_get(&d, 7), -1);
}
END_TEST

/* The second time that the same is asked is another time, in every walk the same. */
START_TEST(decisions_are_told_apart)
{
	struct decisions d = { 0 }, again = { 0 };
	uint64_t first = decisions_next(&d, 7), second = decisions_next(&d, 7), other = decisions_next(&d, 8);

	ck_assert(first != second && first != other && second != other);
	ck_assert_int_eq(decisions_get(&d, first), -1);
	decisions_set(&d, second, 1);
	ck_assert_int_eq(decisions_get(&d, first), -1);
	ck_assert_int_eq(decisions_get(&d, other), -1);
	ck_assert(decisions_next(&again, 8) == other);
	ck_assert(decisions_next(&again, 7) == first);
	ck_assert(decisions_next(&again, 7) == second);
	decisions_free(&d);
	decisions_free(&again);
}
END_TEST

START_TEST(decisions_are_many)
{
	enum { MANY = 5000 };
	struct decisions d = { 0 };
	uint64_t i, key;

	for (i = 0; i < MANY; i++)
		decisions_set(&d, i << 32 | 16, i % 3 == 0);
	for (i = 0; i < MANY; i++) {
		key = i << 32 | 16;
		ck_assert_int_eq(decisions_get(&d, key), i % 3 == 0);
		ck_assert_int_eq(decisions_get(&d, key + 1), -1);
	}
	decisions_free(&d);
}
END_TEST

/* What the tests of whole runs share. */

/* Makes the run x: worktree w, entered, at its own place or AT. $W is its path. */
static void
kept_worktree(const char *at)
{
	help_file("../f.orch", at ? "worktree w enter at wt/w" : "worktree w enter", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	setenv("W", repo_out("cat " RESULT "w"), 1);
}

/* All that git and anybody else has under $T, refs among it; of the index, which git may refresh, what it says; of what
 * orch notes, the results. */
static char *
everything(void)
{
	return repo_out("git ls-files -s; ls " RESULT "; find \"$T\" \\( -name .orch -o -name index -o -name '*.orch' \\) "
	    "-prune -o -type f -exec cksum {} + | sort; find \"$T\" -type l");
}

/* The words of R from NEEDLE to the end of the line, as a person would paste them; then they are run here. */
static struct ran
paste(const struct ran *r, const char *needle)
{
	const char *p = strstr(r->err, needle);

	ck_assert_msg(p != NULL, "no `%s` in:\n%s", needle, r->err);
	return help_run("%.*s", (int)strcspn(p, "\n"), p);
}

static void
is_named(const struct ran *r)
{
	ck_assert_msg(strstr(r->err, getenv("W")) || strstr(r->err, "worktree w "), "the worktree is not named:\n%s", r->err);
}

/* Damages: what happens to a kept worktree, and how it is undone. */

struct damage {
	const char *name;
	int inside;             /* the worktree lies in the main checkout */
	const char *make, *undo;
	const char *advice;
};

#define AWAY "mv \"$W\" ../away && "
#define BACK "rm -rf \"$W\" && mv ../away \"$W\""
#define ANEW "rm -rf \"$W\" && git worktree prune && git worktree add -q \"$W\" w"
#define OTHER "git worktree add -q -f ../other w && "
#define NO_OTHER " && git worktree remove -f ../other && git branch -q -D o"
#define FORGET "rm -r .git/worktrees/*w && git switch -q w && "
#define ADD "git worktree add"
#define SWITCH "switch w"

static const struct damage damages[] = {
	{ ".git is gone", 0, "mv \"$W/.git\" ../dotgit", "mv ../dotgit \"$W/.git\"", ADD },
	{ ".git is gone, inside", 1, "mv \"$W/.git\" ../dotgit", "mv ../dotgit \"$W/.git\"", ADD },
	{ "git init in it", 0, "mv \"$W/.git\" ../dotgit && git init -q \"$W\" && git -C \"$W\" symbolic-ref HEAD refs/heads/w",
	    "rm -r \"$W/.git\" && mv ../dotgit \"$W/.git\"", ADD },
	{ "git init and a commit in it, inside", 1, "mv \"$W/.git\" ../dotgit && cd \"$W\" && git init -q && git checkout "
	    "-q -b w && "
	    "git commit -q --allow-empty -m own", "rm -rf \"$W/.git\" && mv ../dotgit \"$W/.git\"", ADD },
	{ "a clone in its place", 0, AWAY "git clone -q -b w . \"$W\"", BACK, ADD },
	{ "a clone in its place, inside", 1, AWAY "git clone -q -b w . \"$W\"", BACK, ADD },
	{ "a clone that shares its objects", 0, AWAY "git clone -q -s -b w . \"$W\"", BACK, ADD },
	{ "a worktree of a clone", 0, AWAY "git clone -q . ../clone && git -C ../clone worktree add -q -b w \"$W\"",
	    BACK " && rm -rf ../clone", ADD },
	{ ".git of another worktree", 0, "git worktree add -q -b o ../other && cp \"$W/.git\" ../dotgit && cp ../other/.git "
	    "\"$W/.git\"",
	    "cp ../dotgit \"$W/.git\"" NO_OTHER, NULL },
	{ ".git of another worktree of the branch", 0, OTHER "cp \"$W/.git\" ../dotgit && cp ../other/.git \"$W/.git\"",
	    "cp ../dotgit \"$W/.git\" && git worktree remove -f ../other", ADD },
	{ ".git of another worktree of the branch, inside", 1, OTHER "cp \"$W/.git\" ../dotgit && cp ../other/.git \"$W/.git\"",
	    "cp ../dotgit \"$W/.git\" && git worktree remove -f ../other", ADD },
	{ ".git is the main checkout's", 0, "cp \"$W/.git\" ../dotgit && echo \"gitdir: $PWD/.git\" >\"$W/.git\"",
	    "cp ../dotgit \"$W/.git\"", ADD },
	{ ".git is the main checkout's, on the branch", 0, FORGET "echo \"gitdir: $PWD/.git\" >\"$W/.git\"",
	    "git switch -q main && " ANEW, ADD },
	{ ".git is the main checkout's, on the branch, inside", 1, FORGET "echo \"gitdir: $PWD/.git\" >\"$W/.git\"",
	    "git switch -q main && " ANEW, ADD },
	{ ".git is a link to the main checkout's", 0, FORGET "rm \"$W/.git\" && ln -s \"$PWD/.git\" \"$W/.git\"",
	    "git switch -q main && " ANEW, ADD },
	{ "a link to the main checkout", 0, AWAY "ln -s \"$PWD\" \"$W\"", "rm \"$W\" && mv ../away \"$W\"", ADD },
	{ "a link to the main checkout, on the branch", 0, AWAY FORGET "ln -s \"$PWD\" \"$W\"",
	    "git switch -q main && rm -r ../away \"$W\" && " ANEW, ADD },
	{ "a link to the main checkout, on the branch, inside", 1, AWAY FORGET "ln -s \"$PWD\" \"$W\"",
	    "git switch -q main && rm -r ../away \"$W\" && " ANEW, ADD },
	{ "a link to another worktree", 0, "git worktree add -q -b o ../other && " AWAY "ln -s \"$T/other\" \"$W\"",
	    "rm \"$W\" && mv ../away \"$W\"" NO_OTHER, ADD },
	{ "a link to another worktree of the branch", 0, OTHER AWAY "ln -s \"$T/other\" \"$W\"",
	    "rm \"$W\" && mv ../away \"$W\" && git worktree remove -f ../other", ADD },
	{ "a link into another worktree", 0, OTHER AWAY "ln -s \"$T/other/sub\" \"$W\"",
	    "rm \"$W\" && mv ../away \"$W\" && git worktree remove -f ../other", ADD },
	{ "a link to a directory without git", 0, AWAY "mkdir ../plain && ln -s \"$T/plain\" \"$W\"",
	    "rm \"$W\" && mv ../away \"$W\"", ADD },
	{ "a new branch", 0, "git -C \"$W\" switch -q -c mine", "git -C \"$W\" switch -q w && git branch -q -D mine", SWITCH },
	{ "a new branch, inside", 1, "git -C \"$W\" switch -q -c mine",
	    "git -C \"$W\" switch -q w && git branch -q -D mine", SWITCH },
	{ "a branch with a like name", 0, "git -C \"$W\" switch -q -c w2",
	    "git -C \"$W\" switch -q w && git branch -q -D w2", SWITCH },
	{ "a branch below the name", 0, "git branch -m w x/w", "git branch -m x/w w", SWITCH },
	{ "the branch of the main checkout", 0, "git -C \"$W\" checkout -q --ignore-other-worktrees main",
	    "git -C \"$W\" switch -q w", SWITCH },
	{ "a detached HEAD", 0, "git -C \"$W\" switch -q --detach", "git -C \"$W\" switch -q w", SWITCH },
	{ "a tag of the name", 0, "git tag w && git -C \"$W\" checkout -q refs/tags/w",
	    "git tag -d w >../said && git -C \"$W\" switch -q w", SWITCH },
	{ "an orphan branch", 0, "git -C \"$W\" switch -q --orphan none", "git -C \"$W\" switch -q w", SWITCH },
	{ "the branch is deleted", 0, "git update-ref -d refs/heads/w", "git branch w main", NULL },
	{ "what git knows of it is deleted", 0, "mv .git/worktrees ../known", "mv ../known .git/worktrees", ADD },
	{ "its files are another directory's", 0, "git config extensions.worktreeConfig true && "
	    "git -C \"$W\" config --worktree core.worktree \"$PWD\"",
	    "git -C \"$W\" config --worktree --unset core.worktree", NULL },
	{ "gone", 0, AWAY ":", BACK, ADD },
	{ "gone, inside", 1, AWAY ":", BACK, ADD },
	{ "gone for good", 0, "git worktree remove \"$W\"", "git worktree add -q \"$W\" w", ADD },
	{ "a file in its place", 0, AWAY "echo precious >\"$W\"", BACK, ADD },
	{ "a file in its place, inside", 1, AWAY "echo precious >\"$W\"", BACK, ADD },
	{ "an empty directory in its place", 0, AWAY "mkdir \"$W\"", BACK, ADD },
	{ "an empty directory in its place, inside", 1, AWAY "mkdir \"$W\"", BACK, ADD },
	{ "a link to nothing in its place", 0, AWAY "ln -s nowhere \"$W\"", BACK, ADD },
	{ "a link to itself in its place", 0, AWAY "ln -s \"$W\" \"$W\"", BACK, ADD },
};

/* Lines that work in the worktree. None leaves a result after where it is refused. */
static const char *const lines[] = {
	"run sh as b | touch wrote",
	"if touch wrote\n    run sh as if-b | touch wrote\nend",
	"worktree n at ../n",
	"run sh as retried | touch wrote\n    retry 2 0s\n    otherwise word",
	"parallel i in 1 2\n    run sh as p-{{i}} | touch wrote\nend",
	"call sub.orch as c",
	"commit | made",
};

static void
is_refused(const struct damage *d, const char *line)
{
	struct ran r;

	help_file("../f.orch", d->inside ? "worktree w enter at wt/w" : "worktree w enter", line, NULL);
	r = help_run("orch run -r x ../f.orch");
	ck_assert_msg(r.status == 1, "%s: %s: %d: %s", d->name, line, r.status, r.err);
	is_named(&r);
	help_has(r.err, d->advice ? d->advice : "git ");
}

/* Undone, all of these lines are to be done, in their worktree. */
static void
is_repaired(const struct damage *d)
{
	struct ran r;

	repo_sh(0, "%s", d->undo);
	help_file("../f.orch", d->inside ? "worktree w enter at wt/w" : "worktree w enter", lines[0], lines[1], lines[2],
	    lines[3],
	    lines[4], lines[5], lines[6], NULL);
	r = help_run("orch resume -r x");
	ck_assert_msg(r.status == 0, "%s: %d: %s", d->name, r.status, r.err);
	ck_assert_str_eq(repo_out("git log --format=%%s w; git show --format= --name-only w; cat " RESULT "retried"),
	    "by a call\nfirst\nwrote");
	ck_assert_str_eq(repo_out("git log --format=%%s main; git -C \"$W\" status --porcelain"), "first");
}

START_TEST(damaged)
{
	const struct damage *d = &damages[_i];
	char *before;
	size_t i;

	repo_make();
	help_file("../sub.orch", "run sh as inner | touch wrote", "commit | by a call", NULL);
	kept_worktree(d->inside ? "wt/w" : NULL);
	repo_sh(0, "%s", d->make);
	before = everything();
	for (i = 0; i < LEN(lines); i++)
		is_refused(d, lines[i]);
	ck_assert_str_eq(everything(), before);
	/* One look each, and no second attempt. */
	ck_assert_str_eq(repo_out("grep -c '\tstart\tretried\t' .orch/x/log; grep -c '\totherwise\t' .orch/x/log || :"), "1\n0");
	is_repaired(d);
}
END_TEST

/* The advice, as it is pasted, brings the worktree back: where that is said, with what is there moved away. */
static const struct {
	const char *make, *words;
} advised[] = {
	{ "mv \"$W/.git\" ../dotgit", "git worktree prune" },
	{ "rm -r \"$W\" && mkdir \"$W\" && git init -q \"$W\"", "git worktree prune" },
	{ "rm -r \"$W\" && mkdir \"$W\" && git init -q \"$W\" && git -C \"$W\" symbolic-ref HEAD refs/heads/w",
	    "git worktree prune" },
	{ "rm -r \"$W\" && git clone -q . \"$W\"", "git worktree prune" },
	{ "rm -r \"$W\" && ln -s \"$PWD\" \"$W\"", "git worktree prune" },
	{ "rm -r \"$W\" && echo >\"$W\"", "git worktree prune" },
	{ "rm -r \"$W\"", "git worktree prune" },
	{ "echo \"gitdir: $PWD/.git\" >\"$W/.git\"", "git worktree prune" },
	{ "git -C \"$W\" switch -q --detach", "git -C " },
	{ "git -C \"$W\" switch -q -c mine", "git -C " },
	{ "git -C \"$W\" switch -q --orphan none", "git -C " },
};

START_TEST(advice_for_a_damaged_one_works)
{
	struct ran r, p;

	repo_make();
	kept_worktree(NULL);
	help_file("../f.orch", "worktree w enter", "run sh as s | echo new >new", "commit | made", NULL);
	repo_sh(0, "%s", advised[_i].make);
	r = repo_sh(1, "orch run -r x ../f.orch");
	if (strstr(r.err, "move it away"))
		repo_sh(0, "mv \"$W\" ../moved");
	p = paste(&r, advised[_i].words);
	ck_assert_msg(p.status == 0, "%s: %s", r.err, p.err);
	repo_sh(0, "orch resume -r x");
	repo_commit_is("commit", "w", 1);
}
END_TEST

/* By its path it would be another; it is the same. */
START_TEST(its_parent_is_a_link_now)
{
	char *before;

	repo_make();
	before = repo_checkout();
	help_file("../f.orch", "worktree w enter at ../p/w", NULL);
	repo_sh(0, "orch run -r x ../f.orch && mv ../p ../q && ln -s q ../p");
	help_file("../f.orch", "worktree w enter at ../p/w", "if true", "run sh as s | echo new >new", "end", "cd sub",
	    "commit | made", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	repo_commit_is("commit", "w", 1);
	repo_is_untouched(before);
}
END_TEST

/* The repository is reached by another name. */
START_TEST(its_repository_is_a_link_now)
{
	repo_make();
	ck_assert_int_eq(chdir(".."), 0);
	help_file("f.orch", "cd repo", "worktree w enter", NULL);
	repo_sh(0, "orch run -r x f.orch && ln -s repo link");
	help_file("f.orch", "cd link", "worktree w enter", "run sh as s | echo new >new", "commit | made", NULL);
	repo_sh(0, "orch run -r x f.orch");
	ck_assert_str_eq(repo_out("git -C repo log --format=%%s w"), "made\nfirst");
}
END_TEST

START_TEST(moved_away_it_is_gone)
{
	char *before;
	struct ran r;

	repo_make();
	kept_worktree(NULL);
	repo_sh(0, "git worktree move \"$W\" ../elsewhere");
	help_file("../f.orch", "worktree w enter", "run sh as s | touch wrote", "commit | made", NULL);
	before = everything();
	r = repo_sh(1, "orch run -r x ../f.orch");
	is_named(&r);
	help_has(r.err, "failed    s  worktree w was moved to ");
	help_has(r.err, ": to move it back: git worktree move ");
	ck_assert_str_eq(everything(), before);
	repo_sh(0, "git worktree move ../elsewhere \"$W\" && orch resume -r x");
	ck_assert_str_eq(repo_out("git show --format= --name-only w"), "wrote");
}
END_TEST

/* The repository was moved: git itself says how to repair that, and so does orch. */
START_TEST(repaired_it_is_the_same)
{
	struct ran r, p;

	repo_make();
	ck_assert_int_eq(chdir(".."), 0);
	help_file("f.orch", "cd repo", "worktree w enter", NULL);
	repo_sh(0, "orch run -r x f.orch && mv repo moved");
	setenv("W", repo_out("cat " RESULT "w"), 1);
	help_file("f.orch", "cd moved", "worktree w enter", "run sh as s | echo new >new", "commit | made", NULL);
	r = repo_sh(1, "orch run -r x f.orch");
	is_named(&r);
	ck_assert_int_eq(chdir("moved"), 0);
	help_has(r.err, " worktree repair ");
	*strchr(strstr(r.err, " worktree repair "), ';') = '\n';
	p = paste(&r, "git -C ");
	ck_assert_msg(p.status == 0, "%s", p.err);
	ck_assert_int_eq(chdir(".."), 0);
	repo_sh(0, "orch resume -r x");
	ck_assert_str_eq(repo_out("git -C moved log --format=%%s w"), "made\nfirst");
}
END_TEST

/* A worktree made from the top of another is of the same repository, wherever that other has gone. */
START_TEST(made_in_one_that_is_gone)
{
	repo_make();
	help_file("../f.orch", "worktree v enter", "worktree w enter", NULL);
	repo_sh(0, "orch run -r x ../f.orch && git worktree remove ../repo--v");
	help_file("../f.orch", "worktree v enter", "worktree w enter", "run sh as s | echo new >new", "commit | made", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	repo_commit_is("commit", "w", 1);
}
END_TEST

/* An interactive step has the terminal, and works there all the same. */
START_TEST(interactive_is_refused)
{
	char *before;

	repo_make();
	kept_worktree(NULL);
	help_file("../f.orch", "worktree w enter", "run sh as s | touch wrote", "interactive", NULL);
	repo_sh(0, "git -C \"$W\" switch -q -c mine");
	before = everything();
	pty_command("exec orch run -r x ../f.orch");
	pty_expect("mine");
	pty_expect(SWITCH);
	pty_ends(1);
	ck_assert_str_eq(everything(), before);
	repo_sh(0, "git -C \"$W\" switch -q w");
	pty_command("exec orch run -r x ../f.orch");
	pty_ends(0);
	ck_assert(help_exists("../repo--w/wrote"));
}
END_TEST

/* What an agent does to the worktree before `commit`. */

struct deed {
	const char *does, *undo;        /* undo: in the main checkout */
	const char *found;              /* that the words hold */
};

static const struct deed deeds[] = {
	{ "git switch -q -c mine", "git -C \"$W\" switch -q w", "mine" },
	{ "git add -A; git commit -q -m own; git switch -q -c mine", "git -C \"$W\" switch -q w; echo again >\"$W/again\"",
	    "mine" },
	{ "git switch -q --detach", "git -C \"$W\" switch -q w", "detached" },
	{ "git symbolic-ref HEAD refs/heads/main", "git -C \"$W\" symbolic-ref HEAD refs/heads/w", "main" },
	{ "git branch -m theirs", "git branch -m theirs w", "theirs" },
	{ "git switch -q --orphan theirs", "git -C \"$W\" switch -q w", "theirs" },
	{ "mv .git ../dotgit", "mv ../dotgit \"$W/.git\"", "worktree" },
	{ "mv .git ../dotgit; git init -q; git checkout -q -b w; git add -A; git commit -q -m own",
	    "rm -rf \"$W/.git\"; mv ../dotgit \"$W/.git\"", "another repository" },
	{ "mv .git ../dotgit; echo \"gitdir: $ORCH_ROOT/.git\" >.git", "mv ../dotgit \"$W/.git\"", "not its own" },
	{ "git worktree move \"$PWD\" \"$PWD-moved\"", "git worktree move \"$W-moved\" \"$W\"", "was moved to " },
	{ "mv \"$PWD\" \"$PWD-moved\"; ln -s \"$PWD-moved\" \"$PWD\"", "rm \"$W\"; mv \"$W-moved\" \"$W\"", "symbolic link" },
	{ "mv \"$PWD\" \"$PWD-moved\"; ln -s \"$ORCH_ROOT\" \"$PWD\"", "rm \"$W\"; mv \"$W-moved\" \"$W\"", "symbolic link" },
	{ "git -C \"$ORCH_ROOT\" worktree remove --force \"$PWD\"", "git worktree add -q \"$W\" w; echo new >\"$W/new\"",
	    "gone" },
};

START_TEST(done_by_an_agent)
{
	const struct deed *d = &deeds[_i];
	char line[1000], *before;
	struct ran r;

	repo_make();
	snprintf(line, sizeof line, "run sh as s | echo new >new; %s", d->does);
	help_file("../f.orch", "worktree w enter", line, "commit | made", NULL);
	repo_sh(0, "echo unfinished >>file");
	before = repo_checkout();
	r = repo_sh(1, "orch run -r x ../f.orch");
	setenv("W", repo_out("cat " RESULT "w"), 1);
	is_named(&r);
	help_has(r.err, d->found);
	help_none(RESULT "commit");
	ck_assert_str_eq(repo_checkout(), before);
	help_lacks(repo_out("git log --all --format=%%s"), "made");
	repo_sh(0, "%s", d->undo);
	repo_sh(0, "orch resume -r x");
	ck_assert_str_eq(repo_out("git log -1 --format=%%s w; git -C \"$W\" status --porcelain"), "made");
	ck_assert_str_eq(repo_checkout(), before);
}
END_TEST

/* The marks of a merge that was not resolved are not committed as if they were meant. */
START_TEST(conflicts_are_not_committed)
{
	struct ran r;

	repo_make();
	help_file("../f.orch", "worktree w enter",
	    "run sh as s | git switch -q -c theirs; echo 1 >file; git commit -qam 1; git switch -q w; echo 2 >file; git commit -qam 2; "
	    "! git merge theirs", "cd sub", "commit | made", NULL);
	r = repo_sh(1, "orch run -r x ../f.orch");
	setenv("W", repo_out("cat " RESULT "w"), 1);
	help_has(r.err, "unresolved conflicts, nothing is committed: resolve them in ");
	help_has(r.err, ": file\n");
	help_none(RESULT "commit");
	ck_assert_str_eq(repo_out("git log -1 --format=%%s w"), "2");
	ck_assert_int_eq(repo_sh(1, "orch resume -r x").status, 1);
	repo_sh(0, "echo both >\"$W/file\"; git -C \"$W\" add file; orch resume -r x");
	ck_assert_str_eq(repo_out("git log -1 --format=%%s w; git show w:file; git log --format=%%s theirs..w"), "made\nboth\nmade\n2");
}
END_TEST

/* Removed, and its branch taken into the main checkout: that is not a place it was moved to. */
START_TEST(branch_in_the_main_checkout)
{
	struct ran r;

	repo_make();
	help_file("../f.orch", "worktree w enter", "run sh as s | test ! -e ../fails", NULL);
	repo_sh(1, "echo >../fails; orch run -r x ../f.orch");
	setenv("W", repo_out("cat " RESULT "w"), 1);
	repo_sh(0, "rm ../fails; git worktree remove \"$W\"; git switch -q w");
	r = repo_sh(1, "orch resume -r x");
	is_named(&r);
	help_has(r.err, " is gone, and its branch is checked out in ");
	help_has(r.err, "check out another there, then: git worktree prune; git worktree add ");
	repo_sh(0, "git switch -q -; git worktree prune; git worktree add -q \"$W\" w; orch resume -r x");
}
END_TEST

/* `cd' below the worktree, to where git would commit something else. */
static const char *const ways_out[] = {
	"git init -q in; echo x >in/f; git -C in add f; git -C in commit -q -m own",
	"git clone -q . in",
	"git worktree add -q -b theirs in",
	"ln -s \"$ORCH_ROOT/sub\" in",
	"ln -s \"$ORCH_ROOT\" in",
	"git worktree add -q -b theirs ../theirs; ln -s ../theirs in",
	"mkdir ../clone; git clone -q . ../clone; ln -s ../clone/sub in",
};

START_TEST(cd_to_another_repository)
{
	char line[1000], *before;
	struct ran r;

	repo_make();
	snprintf(line, sizeof line, "run sh as s | echo new >new; %s", ways_out[_i]);
	help_file("../f.orch", "worktree w enter", line, "cd in", "commit | made", NULL);
	before = repo_checkout();
	r = repo_sh(1, "orch run -r x ../f.orch");
	setenv("W", repo_out("cat " RESULT "w"), 1);
	is_named(&r);
	help_has(r.err, "/in");
	help_none(RESULT "commit");
	repo_is_untouched(before);
	help_lacks(repo_out("git log --all --format=%%s; git -C \"$W/in\" log --all --format=%%s"), "made");
}
END_TEST

/* A directory of it, or a link to one, is still the worktree. */
START_TEST(cd_below_is_the_worktree)
{
	char *before;

	repo_make();
	before = repo_checkout();
	help_file("../f.orch", "worktree w enter", "run sh as s | mkdir -p a/b; ln -s a/b in; echo new >new", "cd in",
	    "commit as c | one",
	    "cd {{w}}/sub", "run sh as t | pwd -P; echo more >more", "commit as d | two", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	ck_assert_str_eq(repo_out("git log --format=%%s w; git ls-tree -r --name-only w"),
	    "two\none\nfirst\nfile\nin\nnew\nsub/more\nsub/other");
	repo_path_is("t", "repo--w/sub");
	repo_is_untouched(before);
}
END_TEST

/* Lines with a `cd' below it: the look is at the worktree, not at what the way leads through. */
START_TEST(cd_below_a_damaged_one)
{
	static const struct {
		const char *does, *undo;
	} is[] = {
		{ "git -C \"$W\" switch -q -c mine", "git -C \"$W\" switch -q w" },
		{ "mv \"$W/.git\" ../dotgit", "mv ../dotgit \"$W/.git\"" },
		{ "mv \"$W\" ../away; ln -s \"$PWD\" \"$W\"", "rm \"$W\"; mv ../away \"$W\"" },
		{ "mv \"$W\" ../away; git clone -q -b w . \"$W\"", "rm -rf \"$W\"; mv ../away \"$W\"" },
		{ "git worktree add -q -f ../o w; mv \"$W\" ../away; ln -s \"$T/o\" \"$W\"", "rm \"$W\"; mv ../away \"$W\"" },
	};
	static const char *const does[] = { "run sh as s | touch wrote", "commit | made", "if touch wrote\nend",
	    "worktree n at ../../n" };
	char *before;
	struct ran r;
	size_t i;

	repo_make();
	kept_worktree(NULL);
	repo_sh(0, "%s", is[_i].does);
	before = everything();
	for (i = 0; i < LEN(does); i++) {
		help_file("../f.orch", "worktree w enter", "cd sub", does[i], NULL);
		r = repo_sh(1, "orch run -r x ../f.orch");
		is_named(&r);
		ck_assert_str_eq(everything(), before);
	}
	repo_sh(0, "%s", is[_i].undo);
	help_file("../f.orch", "worktree w enter", "cd sub", does[0], does[1], does[2], does[3], NULL);
	repo_sh(0, "orch resume -r x");
	ck_assert_str_eq(repo_out("git show --format= --name-only w"), "sub/wrote");
}
END_TEST

START_TEST(altered_in_one_branch_of_three)
{
	static const char *const does[] = {
		"git switch -q -c mine", "git switch -q --detach", "rm .git", "git worktree move \"$PWD\" \"$PWD-moved\"",
	};
	char line[300], *before;
	struct ran r;

	repo_make();
	snprintf(line, sizeof line, "run sh as s-{{i}} | echo $i >new; test $i != 2 || { %s; }", does[_i]);
	help_file("../f.orch", "parallel i in 1 2 3", "worktree w-{{i}} enter", line, "run sh as t-{{i}} | echo more >more",
	    "commit as c-{{i}} | made", "end", NULL);
	before = repo_checkout();
	r = repo_sh(1, "orch run -r x ../f.orch");
	help_has(r.err, "1 of 3 branches failed");
	help_has(r.err, "w-2");
	repo_commit_is("c-1", "w-1", 1);
	repo_commit_is("c-3", "w-3", 1);
	help_none(RESULT "t-2");
	help_none(RESULT "c-2");
	ck_assert_str_eq(repo_out("git rev-list --count main..w-2"), "0");
	repo_is_untouched(before);
}
END_TEST

/* The first attempt has failed; whether the second may begin is asked of the worktree, not of `retry'. */
START_TEST(altered_by_the_first_attempt)
{
	struct ran r;

	repo_make();
	help_file("../f.orch", "worktree w enter", "run sh as s | echo >>\"$ORCH_ROOT/../tried\"; git switch -q -c mine; exit 1",
	    "retry 5 0s", "otherwise word", "commit | made", NULL);
	r = repo_sh(1, "orch run -r x ../f.orch");
	help_has(r.err, "mine");
	help_has(r.err, SWITCH);
	ck_assert_str_eq(repo_out("wc -l <../tried | tr -d ' '"), "1");
	help_none(RESULT "s");
	help_none(RESULT "commit");
	/* And one that failed for itself keeps its word. */
	help_file("../f.orch", "worktree w enter", "run sh as s | echo >>\"$ORCH_ROOT/../tried\"; exit 1", "retry 1 0s",
	    "otherwise word",
	    "commit | made", NULL);
	repo_sh(0, "git -C ../repo--w switch -q w && orch run -r x ../f.orch");
	help_is(RESULT "s", "word");
}
END_TEST

/* A worktree that was not entered, and one that was left for it. */
START_TEST(gone_to_by_cd)
{
	static const char *const ways[] = { "cd {{w}}", "cd {{w}}/sub", "worktree v enter\ncd {{w}}",
	    "worktree v enter\ncd ../repo--w", "cd ../repo--w/./sub/.." };
	char *before;
	struct ran r;

	repo_make();
	before = repo_checkout();
	help_file("../f.orch", "worktree w", ways[_i], "run sh as s | echo new >new; git switch -q -c mine",
	    "run sh as t | touch wrote", NULL);
	r = repo_sh(1, "orch run -r x ../f.orch");
	setenv("W", repo_out("cat " RESULT "w"), 1);
	is_named(&r);
	help_has(r.err, "mine");
	help_file("../f.orch", "worktree w", ways[_i], "commit | made", NULL);
	r = repo_sh(1, "orch run -r x ../f.orch");
	is_named(&r);
	ck_assert_str_eq(repo_out("find .. -name wrote; ls " RESULT " | grep commit || :"), "");
	repo_sh(0, "git -C \"$W\" switch -q w && orch resume -r x");
	repo_commit_is("commit", "w", 1);
	repo_is_untouched(before);
}
END_TEST

/* Out of it again, the lines are none of its business. */
START_TEST(left_by_cd)
{
	static const struct {
		const char *at, *way;
	} is[] = {
		{ "worktree w enter", "cd ../repo" }, { "worktree w enter at wt", "cd .." }, { "worktree w enter",
		    "cd ../repo/sub" },
		{ "worktree w enter at wt/w", "cd ../../sub" },
	};

	repo_make();
	repo_sh(0, "echo wt >.git/info/exclude");
	help_file("../f.orch", is[_i].at, "run sh as s | git switch -q -c mine", is[_i].way, "run sh as t | echo new >new",
	    "if test -e new", "commit | made", "end", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	ck_assert_str_eq(repo_out("git log --format=%%s main; git log --format=%%s w; git status --porcelain"),
	    "made\nfirst\nfirst");
	repo_commit_is("commit", "main", 0);
}
END_TEST

/* Gone: a worktree matters only to a line that has to start in it. */

#define REMOVE_ALL "git worktree list --porcelain | sed -n 's/^worktree //p' | tail -n +2 | xargs -n1 git worktree remove --force"

/* The run is complete; what is made of its worktrees after it changes nothing of what it prints. */
struct complete {
	const char *lines[16];  /* up to NULL */
	const char *printed;
};

static const struct complete completes[] = {
	{ { "worktree w enter", "run sh as s | echo a >new; echo done", "commit as c | made", "print | {{s}}", NULL }, "done\n" },
	{ { "worktree w", "worktree v enter", "run sh as s | echo done", "print | {{s}}", NULL }, "done\n" },
	{ { "parallel i in 1 2 3", "worktree w-{{i}} enter", "run sh as s-{{i}} | echo $i", "commit as c-{{i}} | made",
	    "end", "print | {{s-*}}", NULL },
	    "1\n2\n3\n\n" },
	{ { "worktree w enter", "cd sub", "run sh as s | echo done", "print | {{s}}", NULL }, "done\n" },
	{ { "worktree w", "cd {{w}}", "run sh as s | echo done", "cd sub", "run sh as t | echo more", "print | {{s}} {{t}}",
	    NULL }, "done more\n" },
	{ { "worktree w enter", "cd ../repo", "run sh as s | pwd >../at; echo done", "print | {{s}}", NULL }, "done\n" },
	{ { "worktree w enter", "if true", "print | yes", "else", "print | no", "end", NULL }, "yes\n" },
	{ { "worktree w enter", "if false", "print | yes", "else", "print | no", "end", "if exit 1", "print | never", "end",
	    NULL }, "no\n" },
	{ { "worktree w enter", "run sh as s | touch mark", "if test -e mark", "print | made", "else", "print | missed",
	    "end", NULL }, "made\n" },
	{ { "worktree w enter", "cd sub", "if test -e other", "print | there", "end", NULL }, "there\n" },
	{ { "worktree w enter", "run sh as s | touch 2 4", "for i in 1 2 3 4", "if test -e $i", "print | {{i}}", "else",
	    "print | no {{i}}", "end", "end", NULL },
	    "no 1\n2\nno 3\n4\n" },
	{ { "worktree w enter", "for i in 1 2 3", "run sh as s-{{i}} | echo >>n; echo $i", "if test $(wc -l <n) -ge 2",
	    "break", "end", "end",
	    "print | {{s-*}}", NULL }, "1\n2\n\n" },
	/* The same question twice, and two results. */
	{ { "worktree w enter", "if test -e mark", "print | before", "else", "print | not before", "end",
	    "run sh as s | touch mark",
	    "if test -e mark", "print | behind", "else", "print | not behind", "end", NULL }, "not before\nbehind\n" },
	{ { "worktree w enter", "for i in 1 2 3", "if test -e mark", "print | yes", "else",
	    "run sh as s-{{i}} | touch mark", "print | no", "end", "end", NULL },
	    "no\nyes\nyes\n" },
	{ { "worktree w enter", "run sh as s | echo yes", "run sh as t | echo no", "if < s | grep -q yes", "print | s",
	    "end", "if < t | grep -q yes",
	    "print | t", "end", NULL }, "s\n" },
	{ { "parallel i in 1 2", "worktree w-{{i}} enter", "if test $i = 1", "run sh as s-{{i}} | echo one", "else",
	    "run sh as s-{{i}} | echo other", "end",
	    "end", "print | {{s-1}} {{s-2}}", NULL }, "one other\n" },
	{ { "worktree w enter", "if true", "if false", "print | a", "else", "worktree v enter", "if test -e file",
	    "print | b", "end", "end", "end", NULL }, "b\n" },
	{ { "for m in a b", "call ifs.orch as c-{{m}} m={{m}}", "end", "print | {{c-a/s}} {{c-b/s}}", NULL }, "A other\n" },
};

static void
write_lines(const char *name, const char *const *l)
{
	FILE *f = fopen(name, "w");

	ck_assert_ptr_nonnull(f);
	for (; *l; l++)
		fprintf(f, "%s\n", *l);
	ck_assert_int_eq(fclose(f), 0);
}

/* COMMAND ends well, prints the same, and nothing is done by it. */
static void
stays(const char *command, const char *printed)
{
	struct ran r = help_run("%s", command);

	ck_assert_msg(r.status == 0, "%s: %d: %s", command, r.status, r.err);
	ck_assert_msg(!strcmp(r.out, printed), "%s: printed `%s`, not `%s`", command, r.out, printed);
	help_lacks(r.err, "done  ");
}

static void
stays_complete(const char *printed, const char *status)
{
	char *before = everything();

	stays("orch run -q -r x ../f.orch", printed);
	stays("orch run -u -r x ../f.orch", printed);
	repo_sh(0, "orch status -r x");
	ck_assert_str_eq(repo_out("orch status -r x | sed 's/  *[0-9].*//'"), status);
	repo_sh(0, "orch run -n -r x ../f.orch");
	ck_assert_str_eq(everything(), before);
}

START_TEST(complete_without_worktrees)
{
	const struct complete *c = &completes[_i];
	char *printed, *status;

	repo_make();
	help_file("../ifs.orch", "param m", "worktree c-{{m}} enter",
	    "run sh as s | if test $m = a; then echo A; else echo other; fi",
	    "if < s | grep -q A", "run sh as t | echo t", "end", NULL);
	write_lines("../f.orch", c->lines);
	printed = repo_sh(0, "orch run -q -r x ../f.orch").out;
	ck_assert_str_eq(printed, c->printed);
	status = repo_out("orch status -r x | sed 's/  *[0-9].*//'");
	repo_sh(0, "for b in $(git for-each-ref --format='%%(refname:short)' --no-merged main); do git merge -q -m merged "
	    "$b; done;" REMOVE_ALL);
	ck_assert_str_eq(repo_out("git worktree list | wc -l | tr -d ' '"), "1");
	stays_complete(printed, status);
	/* Its branches too. */
	repo_sh(0, "git branch --format='%%(refname:short)' | grep -vx main | xargs git branch -q -D");
	stays("orch run -r x ../f.orch", printed);
}
END_TEST

/* To resume it is as it would be with them. */
START_TEST(complete_for_resume)
{
	struct ran there, gone;

	repo_make();
	help_file("../f.orch", "worktree w enter", "run sh as s | echo new >new", "if test -e new", "commit | made", "end",
	    "print | {{s}}.", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	there = help_run("orch resume -r x");
	repo_sh(0, "git worktree remove ../repo--w");
	gone = help_run("orch resume -r x");
	ck_assert_int_eq(gone.status, there.status);
	ck_assert_str_eq(gone.out, there.out);
}
END_TEST

/* A run that goes on elsewhere does not miss those in which all is kept. */
START_TEST(gone_and_a_line_elsewhere_starts)
{
	repo_make();
	help_file("../f.orch", "parallel i in 1 2", "worktree w-{{i}} enter", "run sh as s-{{i}} | echo $i >new; echo $i",
	    "if test -e new",
	    "commit as c-{{i}} | made", "end", "end", NULL);
	repo_sh(0, "orch run -r x ../f.orch && git worktree remove ../repo--w-1 && git worktree remove ../repo--w-2");
	repo_sh(0, "printf '%%s\\n' 'run sh as last < s-* | cat; pwd -P' 'print | {{last}}' >>../f.orch");
	ck_assert_str_eq(repo_sh(0, "orch run -q -r x ../f.orch").out, repo_out("printf '1\\n2\\n%%s\\n\\n' \"$PWD\""));
}
END_TEST

/* An `if' that cannot know: its command was edited, it is a new one, its variables or its directory are others. */
static const struct {
	const char *before, *now;
} edited[] = {
	{ "if test -e file\nprint | a\nend", "if test -e nofile\nprint | a\nend" },
	{ "print | a", "if test -e file\nprint | a\nend" },
	{ "if test -e file\nprint | a\nend", "if test -e file\nprint | a\nend\nif test -e file\nprint | b\nend" },
	{ "for i in 1 2\nif test $i = 1\nprint | a\nend\nend", "for i in 1 2 3\nif test $i = 1\nprint | a\nend\nend" },
	{ "run sh as s | echo a\nrun sh as t | echo b\nif < s | grep -q a\nprint | a\nend",
	    "run sh as s | echo a\nrun sh as t | echo b\nif < t | grep -q a\nprint | a\nend" },
	{ "worktree v\nif true\nprint | a\nend", "worktree v\ncd {{v}}\nif true\nprint | a\nend" },
	{ "if exit 3\nprint | a\nend", "if exit 3\nprint | b\nend" },
};

START_TEST(gone_and_an_if_is_edited)
{
	struct ran r, p;

	repo_make();
	help_file("../f.orch", "worktree w enter", edited[_i].before, NULL);
	help_run("orch run -r x ../f.orch");
	setenv("W", repo_out("cat " RESULT "w"), 1);
	repo_sh(0, REMOVE_ALL);
	help_file("../f.orch", "worktree w enter", edited[_i].now, NULL);
	r = repo_sh(1, "orch run -r x ../f.orch");
	help_has(r.err, " is gone");
	help_lacks(r.err, "print");
	p = paste(&r, "git worktree prune");
	ck_assert_msg(p.status == 0, "%s", p.err);
	r = help_run("orch resume -r x");
	help_lacks(r.err, "gone:");
	ck_assert_int_eq(r.status, strstr(edited[_i].now, "exit 3") ? 1 : 0);
}
END_TEST

/* What it decided last holds, not what it decided first. */
START_TEST(gone_and_an_if_has_changed_its_mind)
{
	repo_make();
	help_file("../f.orch", "worktree w enter", "if test -e mark", "print | yes", "else", "print | no", "end", NULL);
	ck_assert_str_eq(repo_sh(0, "orch run -q -r x ../f.orch").out, "no\n");
	repo_sh(0, "touch ../repo--w/mark");
	ck_assert_str_eq(repo_sh(0, "orch run -q -r x ../f.orch").out, "yes\n");
	repo_sh(0, "mv ../repo--w ../away");
	ck_assert_str_eq(repo_sh(0, "orch run -q -r x ../f.orch").out, "yes\n");
	repo_sh(0, "mv ../away ../repo--w && rm ../repo--w/mark");
	ck_assert_str_eq(repo_sh(0, "orch run -q -r x ../f.orch").out, "no\n");
	repo_sh(0, "mv ../repo--w ../away");
	ck_assert_str_eq(repo_sh(0, "orch run -q -r x ../f.orch").out, "no\n");
}
END_TEST

/* Only of one that is gone: what something else is in the place of decides nothing. */
START_TEST(an_if_in_something_else)
{
	static const char *const makes[] = { "rm -r \"$W\" && mkdir \"$W\"", "rm -r \"$W\" && ln -s \"$PWD\" \"$W\"",
	    "git -C \"$W\" switch -q -c mine" };
	struct ran r;

	repo_make();
	help_file("../f.orch", "worktree w enter", "if true", "print | yes", "end", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	setenv("W", repo_out("cat " RESULT "w"), 1);
	repo_sh(0, "%s", makes[_i]);
	r = repo_sh(1, "orch run -q -r x ../f.orch");
	is_named(&r);
	ck_assert_str_eq(r.out, "");
}
END_TEST

/* A line that has still to start in it. */
static const char *const starts[] = {
	"run sh as s | echo new >new", "run sh as s | echo new >new\nretry 2 0s\notherwise word", "worktree n",
	    "commit as s | made",
	"for i in 1 2\nrun sh as s-{{i}} | touch $i\nend",
};

START_TEST(gone_and_a_line_starts)
{
	char *before;
	struct ran r, p;

	repo_make();
	help_file("../f.orch", "worktree w enter", "run sh as first | echo old >old", "commit as c | first one", NULL);
	repo_sh(0, "orch run -r x ../f.orch && git worktree remove ../repo--w");
	setenv("W", repo_out("cat " RESULT "w"), 1);
	help_file("../f.orch", "worktree w enter", "run sh as first | echo old >old", "commit as c | first one", starts[_i],
	    NULL);
	before = everything();
	r = repo_sh(1, "orch run -r x ../f.orch");
	is_named(&r);
	ck_assert_str_eq(everything(), before);
	p = paste(&r, "git worktree prune");
	ck_assert_msg(p.status == 0, "%s", p.err);
	repo_sh(0, "orch resume -r x");
	ck_assert_str_eq(repo_out("cat \"$W/old\"; git -C \"$W\" symbolic-ref HEAD"), "old\nrefs/heads/w");
}
END_TEST

/* Places: where a worktree goes that has no `at'. */

START_TEST(places_of_any_script)
{
	repo_make();
	help_file("../f.orch", "parallel m in фича задача 機能 バグ naïve/Ü feat—über 日本、語 क्षत्रिय rocket🚀go",
	    "worktree {{m}} enter as w-{{m}}",
	    "run sh as s-{{m}} | echo \"$m\" >\"$m.txt\" || echo \"$m\" >slash.txt", "commit as c-{{m}} | {{m}}", "end", NULL);
	repo_sh(0, "orch run -q -r x ../f.orch");
	ck_assert_str_eq(repo_out("ls -d ../repo--* | sort"), repo_out("printf '../repo--%%s\\n' фича задача 機能 バグ naïve-Ü "
	    "feat-über 日本-語 क्षत्रिय rocket-go | sort"));
	ck_assert_str_eq(repo_out("git log -1 --format=%%s задача; git log -1 --format=%%s naïve/Ü"), "задача\nnaïve/Ü");
}
END_TEST

/* Refused before the first branch of the block starts, both named. */
static const struct {
	const char *lines, *one, *other;
} collisions[] = {
	{ "parallel m in a/b a-b\nworktree {{m}} enter\nrun sh as s-{{m}} | touch ../started\nend", "a/b", "a-b" },
	{ "parallel m in one two Feat feat\nworktree {{m}} enter\nrun sh as s-{{m}} | touch ../started\nend", "Feat", "feat" },
	{ "parallel m in a_b.c a+b=c\nrun sh as s-{{m}} | touch ../started\nworktree {{m}}\nend", "a_b.c", "a+b=c" },
	{ "parallel m in фича—ё фича/ё\nworktree {{m}} enter\nrun sh as s-{{m}} | touch ../started\nend", "фича—ё", "фича/ё" },
	{ "parallel m in a 🚀 b ⚡\nworktree {{m}} enter\nrun sh as s-{{m}} | touch ../started\nend", "🚀", "⚡" },
	{ "parallel m in 1 2\nworktree w-{{m}} enter at ../same\nrun sh as s-{{m}} | touch ../started\nend", "1", "2" },
	{ "parallel m in ../x ../y/../x\nworktree w enter at {{m}} as w-{{m}}\nrun sh as s-{{m}} | touch ../started\nend",
	    "../x", "../y/../x" },
	{ "parallel m in x ./y/.././x\nworktree w enter at ../{{m}} as w-{{m}}\nrun sh as s-{{m}} | touch ../started\nend",
	    "x", "./y/.././x" },
	{ "parallel m in x x//\nworktree w enter at ../{{m}} as w-{{m}}\nrun sh as s-{{m}} | touch ../started\nend", "x", "x//" },
	{ "run sh as list | printf 'a/b\\na.b\\n'\nparallel m in < list\nworktree {{m}} enter\nrun sh as s-{{m}} | touch "
	    "../started\nend", "a/b", "a.b" },
	{ "parallel m in a/b a-b\nif true\nrun sh as s-{{m}} | touch ../started\nworktree {{m}} enter\nend\nend", "a/b", "a-b" },
	{ "parallel m in a/b a-b\nfor i in 1\nrun sh as s-{{m}}-{{i}} | touch ../started\nend\nworktree {{m}}\nend", "a/b",
	    "a-b" },
	{ "parallel m in a/b a-b\nif false\nworktree y{{m}} enter at ../{{m}}-y\nelse\nrun sh as s-{{m}} | touch ../started\nworktree {{m}} enter\nend\nend",
	    "a/b", "a-b" },
	{ "parallel max 1 m in a/b a-b\nrun sh as s-{{m}} | touch ../started\nworktree {{m}} enter\nend", "a/b", "a-b" },
	{ "cd sub\nparallel m in a/b a-b\nrun sh as s-{{m}} | touch ../started\nworktree {{m}} enter\nend", "a/b", "a-b" },
};

START_TEST(one_place_for_two)
{
	char *before, one[100];
	struct ran r;

	repo_make();
	help_file("../f.orch", collisions[_i].lines, NULL);
	before = repo_out("git for-each-ref; git worktree list; ls ..");
	r = repo_sh(1, "orch run -r x ../f.orch");
	snprintf(one, sizeof one, "`%s`", collisions[_i].one);
	help_has(r.err, one);
	snprintf(one, sizeof one, "`%s`", collisions[_i].other);
	help_has(r.err, one);
	help_has(r.err, "at PATH");
	help_none("../started");
	help_none("started");
	ck_assert_str_eq(repo_out("git for-each-ref; git worktree list; ls .."), before);
}
END_TEST

/* Different runs of one block too. */
START_TEST(one_place_for_different_branches)
{
	struct ran r;

	repo_make();
	help_file("../f.orch", "parallel", "worktree d/b", "run sh as s | echo started >>\"$T/started\"", "worktree d-b", "end", NULL);
	r = repo_sh(1, "orch run -r x ../f.orch");
	help_has(r.err, "the branches `d/b` and `d-b` would have their worktrees in one place");
	help_none("../started");
	help_file("../g.orch", "parallel", "worktree d/b", "worktree d-b at ../other", "worktree e", "end", NULL);
	repo_sh(0, "orch run -r y ../g.orch");
}
END_TEST

/* No alarm where there is no danger. */
static const char *const no_collisions[] = {
	/* one item, one branch of the workflow */
	"parallel m in a b\nif test $m = a\nworktree x-{{m}} as one-{{m}}\nelse\nworktree x.{{m}} enter as "
	    "two-{{m}}\nend\nend",
	/* other directories, of other repositories */
	"parallel m in one two\ncd ../{{m}}\nworktree w enter as w-{{m}}\nrun sh as s-{{m}} | pwd\nend",
	"parallel m in one two\ncd ../{{m}}\nworktree w enter at wt as w-{{m}}\nrun sh as s-{{m}} | pwd\nend",
	/* one after the other */
	"for m in a/b a-b\nif test $m = a/b\nworktree {{m}} enter as w-{{m}}\nend\nend",
	"parallel i in 1 2\nfor m in a/b a-b\nif test $m = a/b\nworktree {{i}}/{{m}} enter as w-{{i}}-{{m}}\nend\nend\nend",
	/* names that only begin alike */
	"parallel m in a a-b a-b-c\nworktree {{m}} enter as w-{{m}}\nend",
	"parallel m in ab a b\nworktree w-{{m}} at ../{{m}} as w-{{m}}\nend",
};

START_TEST(two_places_for_two)
{
	repo_make();
	repo_sh(0, "git clone -q . ../one && git clone -q . ../two");
	help_file("../f.orch", no_collisions[_i], NULL);
	repo_sh(0, "orch run -r x ../f.orch");
}
END_TEST

/* A git that somebody kills has said nothing: no commit is made on top of "none", nor is an empty result kept. */
START_TEST(a_query_that_is_killed_is_no_result)
{
	static const char *const queries[] = {
		"\"rev-parse --verify --quiet\"*", "\"diff --cached --quiet\"*", "\"rev-parse --show-toplevel --absolute-git-dir\"*",
		"\"config --type=bool\"*",
	};
	char program[2000];
	struct ran r;

	repo_make();
	snprintf(program, sizeof program, "#!/bin/sh\ncase \"$*\" in\n%s) test -e \"$T/once\" || { echo >\"$T/once\"; kill -9 $$; };;\nesac\n"
	    "exec \"$REAL_GIT\" \"$@\"", queries[_i]);
	help_file("../f.orch", "worktree w enter", "run sh as s | echo new >new", "commit as c | made", NULL);
	repo_sh(0, "orch run -q -r x ../f.orch && rm .orch/x/result/c && git -C ../repo--w reset -q --soft HEAD^");
	repo_program("../bin/git", program);
	r = repo_sh(1, "orch run -r x ../f.orch");
	help_has(r.err, "killed by SIGKILL");
	help_none(RESULT "c");
	repo_sh(0, "orch resume -r x && test \"$(git log --format=%%s main..w | wc -l)\" = 1 && "
	    "test \"$(cat .orch/x/result/c)\" = \"$(git rev-parse w)\"");
}
END_TEST

/* The supervisor of a git that works is killed: git is told to end, and leaves no lock that stops the next start. */
START_TEST(git_outlives_its_supervisor_to_remove_its_locks)
{
	repo_make();
	if (getenv("ORCH_TEST_PORTABLE")) {
		help_skip("worktree_test", "nobody tells git where a system has no signal at a parent's death");
		return;
	}
	repo_sh(0, "git config filter.slow.clean 'echo >>\"$T/adding\"; sleep 1; cat'");
	help_file("../f.orch", "worktree w enter", "run sh as s | echo new >new; echo 'new filter=slow' >.gitattributes",
	    "commit as c | made", NULL);
	repo_sh(1, "orch run -r x ../f.orch & until test -e ../adding; do sleep 0.02; done; p=$(pgrep -fx -- 'git add --all' | head -n 1); "
	    "kill -9 $(ps -o ppid= -p $p); wait $!");
	repo_sh(0, "! ls .git/worktrees/*/index.lock 2>/dev/null && orch resume -r x");
}
END_TEST

/* Repositories that have no checkout to be beside, or one that is another's. */

#define SUPER "git clone -q . ../s && git -C ../s submodule --quiet add \"$PWD\" part"

static const struct {
	const char *name, *make, *dir, *place;  /* dir, place: below $T */
} layouts[] = {
	{ "bare", "git clone -q --bare . ../b.git", "b.git", "b--feat-x" },
	{ "bare, no suffix", "git clone -q --bare . ../b", "b", "b--feat-x" },
	{ "bare, below a directory", "mkdir ../d && git clone -q --bare . ../d/my.repo.git", "d/my.repo.git",
	    "d/my.repo--feat-x" },
	{ "bare, from a worktree of it", "git clone -q --bare . ../b.git && git -C ../b.git worktree add -q -b v ../far/v",
	    "far/v/sub", "b--feat-x" },
	{ ".bare", "mkdir ../p && git clone -q --bare . ../p/.bare && echo 'gitdir: ./.bare' >../p/.git", "p", "p/feat-x" },
	{ ".bare, from inside", "mkdir ../p && git clone -q --bare . ../p/.bare", "p/.bare", "p/feat-x" },
	{ ".bare, from a worktree of it", "mkdir ../p && git clone -q --bare . ../p/.bare && git -C ../p/.bare worktree add "
	    "-q ../main main", "p/main", "p/feat-x" },
	{ "a submodule", SUPER, "s/part", "s--part--feat-x" },
	{ "a submodule, below a directory of it", SUPER, "s/part/sub", "s--part--feat-x" },
	{ "a submodule, deeper", "git clone -q . ../s && git -C ../s submodule --quiet add \"$PWD\" libs/a/part",
	    "s/libs/a/part", "s--libs-a-part--feat-x" },
	{ "a submodule, nested", SUPER " && git -C ../s commit -q -m part && git clone -q ../s ../t && git -C ../t "
	    "submodule --quiet add \"$T/s\" mid && "
	    "git -C ../t submodule --quiet update --init --recursive", "t/mid/part", "t--mid--part--feat-x" },
	{ "a submodule, from a worktree of it", SUPER " && git -C ../s/part worktree add -q -b v ../../far", "far",
	    "s--part--feat-x" },
	{ "the submodule's superproject", SUPER, "s", "s--feat-x" },
	{ "a separate git directory", "git clone -q --separate-git-dir ../sep . ../r", "r", "r--feat-x" },
	{ "a separate git directory, named .git", "mkdir ../sep && git clone -q --separate-git-dir ../sep/x.git . ../r",
	    "r", "r--feat-x" },
	{ "a worktree", "git worktree add -q -b v ../far/v", "far/v", "repo--feat-x" },
};

START_TEST(place_of_a_layout)
{
	char path[5000];

	repo_make();
	repo_sh(0, "git config --global protocol.file.allow always && %s", layouts[_i].make);
	snprintf(path, sizeof path, "%s/%s", repo_top, layouts[_i].dir);
	ck_assert_int_eq(chdir(path), 0);
	help_file("../g.orch", "worktree feat/x enter as w", "run sh as s | echo new >new", "if test -e new",
	    "commit | made", "end",
	    "worktree feat/y enter as v", "run sh as t | echo more >more", "commit as d | made too", NULL);
	repo_sh(0, "orch run -r x ../g.orch");
	repo_path_is("w", layouts[_i].place);
	snprintf(path, sizeof path, "%s", layouts[_i].place);
	path[strlen(path) - 1] = 'y';
	repo_path_is("v", path);
	ck_assert_str_eq(repo_out("git log -1 --format=%%s feat/x; git log -2 --format=%%s feat/y; git diff --name-only "
	    "feat/x~1 feat/y"),
	    "made\nmade too\nmade\nmore\nnew");
	/* And so again when all is kept. */
	repo_sh(0, "orch run -r x ../g.orch");
	/* A worktree of another branch there is refused like any. */
	repo_sh(0, "git -C \"$(cat " RESULT "w)\" switch -q -c mine && rm " RESULT "commit");
	help_has(repo_sh(1, "orch run -r x ../g.orch").err, "mine");
}
END_TEST

/* Sparse checkouts. */

static const char *const cones[] = { "--cone in", "--no-cone /in /file", "--cone", "--no-cone /file '!/out'" };

static void
sparse_repository(const char *cone)
{
	repo_sh(0, "mkdir in out && echo 1 >in/kept && echo 1 >out/left && git add -A && git commit -q -m both && git "
	    "sparse-checkout set %s", cone);
}

START_TEST(sparse_takes_what_is_outside)
{
	char *before;

	repo_make();
	sparse_repository(cones[_i]);
	before = repo_checkout();
	help_file("../f.orch", "worktree w enter",
	    "run sh as s | mkdir -p out far/deep; echo new >out/new; echo new >far/deep/new; echo new >top; echo more "
	    ">>file", "commit as c | one",
	    "run sh as t | rm file; mv far/deep/new far/other; echo 2 >out/new", "commit as d | two",
	    "run sh as u | rm -r out far", "commit as e | three",
	    "commit as f | none", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	ck_assert_str_eq(repo_out("git show --format= --name-status --no-renames w~2"),
	    "A\tfar/deep/new\nM\tfile\nA\tout/new\nA\ttop");
	ck_assert_str_eq(repo_out("git show --format= --name-status --no-renames w~1"),
	    "D\tfar/deep/new\nA\tfar/other\nD\tfile\nM\tout/new");
	ck_assert_str_eq(repo_out("git show --format= --name-status --no-renames w"), "D\tfar/other\nD\tout/new");
	/* What is outside and was not there is not deleted by that. */
	ck_assert_str_eq(repo_out("git show w:out/left"), "1");
	help_is(RESULT "f", "");
	ck_assert_str_eq(repo_checkout(), before);
}
END_TEST

/* In the main checkout itself, and with what is outside ignored. */
START_TEST(sparse_in_the_main_checkout)
{
	repo_make();
	sparse_repository("--cone in");
	help_file("../f.orch", "run sh as s | mkdir -p out; echo new >out/new; echo '*.o' >.gitignore; echo o >out/x.o",
	    "commit | made", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	ck_assert_str_eq(repo_out("git show --format= --name-status"), "A\t.gitignore\nA\tout/new");
}
END_TEST

START_TEST(not_sparse_any_more)
{
	repo_make();
	sparse_repository("--cone in");
	repo_sh(0, "git sparse-checkout disable");
	help_file("../f.orch", "worktree w enter", "run sh as s | rm out/left; echo new >out/new", "commit | made", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	ck_assert_str_eq(repo_out("git show --format= --name-status --no-renames w"), "D\tout/left\nA\tout/new");
}
END_TEST

/* The environment that lines in a worktree get. */

#define ELSEWHERE "GIT_DIR=$T/other/.git GIT_WORK_TREE=$T/other GIT_INDEX_FILE=$T/other/index GIT_OBJECT_DIRECTORY=$T/objects " \
	"GIT_COMMON_DIR=$T/other/.git GIT_PREFIX=sub/ GIT_ALTERNATE_OBJECT_DIRECTORIES=$T/alt GIT_NAMESPACE=n"

/* A filter that writes down which of these it sees. */
static void
see(void)
{
	repo_program("../bin/see",
	    "#!/bin/sh\nenv | grep -E '^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|COMMON_DIR|PREFIX|ALTERNATE_.*|NAMESPACE)=' |"
	    " sort >\"$T/seen-$1\"\ncat");
}

START_TEST(nobody_in_it_sees_another_repository)
{
	static const char *const who[] = { "agent", "filter", "check", "if", "call", "loop", "cd", "again", "word", "went" };
	char name[60];
	size_t i;

	repo_make();
	see();
	help_file("../sub.orch", "run sh as s | see call", NULL);
	help_file("../f.orch", "worktree w enter", "run sh as s | see agent; git rev-parse --show-toplevel",
	    "filter see filter", "check see check",
	    "if see if", "call sub.orch as c", "end", "parallel i in 1", "run sh as p-{{i}} | see loop", "end", "cd sub",
	    "run sh as d | see cd",
	    "run sh as a | see again; test -e \"$T/again\" || { touch \"$T/again\"; exit 1; }", "retry 1 0s",
	    "run sh as o | see word; exit 1", "otherwise word", "worktree v", "cd {{v}}",
	    "run sh as g | see went; git rev-parse --show-toplevel", NULL);
	repo_sh(0, ELSEWHERE " orch run -r x ../f.orch");
	for (i = 0; i < LEN(who); i++) {
		snprintf(name, sizeof name, "../seen-%s", who[i]);
		help_is(name, "");
	}
	repo_path_is("s", "repo--w");
	repo_path_is("g", "repo--v");
}
END_TEST

START_TEST(what_is_said_by_env_is_seen)
{
	repo_make();
	see();
	help_file("../f.orch", "env GIT_PREFIX=file/", "agent mine sh -c {}", "step one mine", "env GIT_NAMESPACE=step",
	    "worktree w enter", "run one as s | see run", "env GIT_INDEX_FILE=own", "run sh as t | see other", NULL);
	repo_sh(0, ELSEWHERE " orch run -r x ../f.orch");
	help_is("../seen-run", "GIT_INDEX_FILE=own\nGIT_NAMESPACE=step\nGIT_PREFIX=file/\n");
	help_is("../seen-other", "GIT_PREFIX=file/\n");
}
END_TEST

/* Outside of a worktree the environment is as it is: that may be just what was meant. */
START_TEST(outside_it_all_is_seen)
{
	char *all;

	repo_make();
	see();
	help_file("../f.orch", "run sh as s | see before", "if see if", "end", "worktree w enter",
	    "run sh as t | see inside", "cd ../repo",
	    "run sh as u | see behind", NULL);
	repo_sh(0, ELSEWHERE " orch run -r x ../f.orch");
	all = repo_out(ELSEWHERE " see all >../said; cat ../seen-all; echo");
	ck_assert_int_eq(help_count(all, "GIT_"), 8);
	help_is("../seen-before", all);
	help_is("../seen-if", all);
	help_is("../seen-inside", "");
	help_is("../seen-behind", all);
}
END_TEST

/* orch below a hook of a linked worktree, and an agent that commits by itself. */
static const struct {
	const char *hook, *command;
} hooks[] = {
	{ "pre-commit", "git commit -q -a -m users" }, { "post-commit", "git commit -q -a -m users" },
	{ "commit-msg", "git commit -q -m users file" }, { "prepare-commit-msg", "git add file && git commit -q -m users" },
	{ "post-checkout", "git commit -q -a -m users && git switch -q -c more && git switch -q hand" },
	{ "post-rewrite", "git commit -q -a -m users && git commit -q --amend -m users" },
};

START_TEST(below_a_hook)
{
	char hook[100];

	repo_make();
	help_file("../f.orch", "worktree w enter from main", "run sh as s | echo new >new; git add new; git commit -q -m "
	    "agents", "if git diff --quiet HEAD~1 -- file",
	    "run sh as t | echo more >more", "commit | made", "end", NULL);
	repo_sh(0, "git worktree add -q -b hand ../hand");
	snprintf(hook, sizeof hook, ".git/hooks/%s", hooks[_i].hook);
	repo_program(hook, "#!/bin/sh\ntest -e \"$T/in\" && exit 0\ntouch \"$T/in\"\nexec orch run -q -r x ../f.orch "
	    "2>\"$T/said\"");
	repo_sh(0, "cd ../hand && echo users >>file && %s", hooks[_i].command);
	ck_assert_str_eq(repo_out("git log --format=%%s hand; git show --format= --name-only hand; git -C ../hand status "
	    "--porcelain --untracked-files=no"), "users\nfirst\nfile");
	ck_assert_str_eq(repo_out("git log --format=%%s w; git ls-tree --name-only w; git -C ../repo--w status --porcelain"),
	    "made\nagents\nfirst\nfile\nmore\nnew\nsub");
	ck_assert_str_eq(repo_out("cat ../said; git log --format=%%s main"), "first");
}
END_TEST

/* Timeouts of git. */

/* A hook that hangs until there is $T/fixed, and leaves its number and git's after it. */
static void
hanging(const char *name)
{
	repo_program(name, "#!/bin/sh\ntest -e \"$T/mended\" && exit 0\nprintf '%s\\n' $$ $PPID >>\"$T/pids\"\nexec sleep 1000");
}

/* Nobody whose number is in $T/pids is alive. */
static void
nobody_left(void)
{
	long long until = help_ms() + SOON;
	int i, n = procs_lines("../pids");

	ck_assert_int_gt(n, 0);
	for (i = 0; i < n; i++) {
		while (procs_alive(procs_pid_in("../pids", i)) && help_ms() < until)
			help_pause(10);
		ck_assert_msg(!procs_alive(procs_pid_in("../pids", i)), "process %ld of git is alive",
		    (long)procs_pid_in("../pids", i));
	}
}

static const struct {
	const char *hook, *lines;
} hangs[] = {
	{ "pre-commit", "timeout 1s\nworktree w enter\nrun sh as s | echo new >new\ncommit | made" },
	{ "prepare-commit-msg", "timeout 90s\nworktree w enter\nrun sh as s | echo new >new\ncommit | made\ntimeout 1s" },
	{ "commit-msg", "param t 1s\nworktree w enter\ntimeout 0\nrun sh as s | echo new >new\ncommit | made\ntimeout {{t}}" },
	{ "post-checkout", "worktree w enter\ntimeout 1s\nrun sh as s | echo new >new\ncommit | made" },
	{ "post-checkout", "timeout 1s\nworktree w enter\nrun sh as s | echo new >new\ntimeout 0\ncommit | made" },
	{ "gpg", "timeout 1s\nworktree w enter\nrun sh as s | echo new >new\ncommit | made" },
};

START_TEST(git_that_hangs)
{
	char hook[100];
	struct ran r;

	repo_make();
	snprintf(hook, sizeof hook, ".git/hooks/%s", hangs[_i].hook);
	hanging(strcmp(hangs[_i].hook, "gpg") ? hook : "../bin/gpg");
	if (!strcmp(hangs[_i].hook, "gpg"))
		repo_sh(0, "git config gpg.program \"$T/bin/gpg\" && git config commit.gpgsign true");
	help_file("../f.orch", hangs[_i].lines, NULL);
	r = repo_sh(1, "orch run -r x ../f.orch");
	help_has(r.err, "timed out after 1s");
	help_none(RESULT "commit");
	nobody_left();
	repo_sh(0, "touch ../mended; git config --unset commit.gpgsign || :");
	repo_sh(0, "orch resume -r x");
	repo_commit_is("commit", "w", 1);
	ck_assert_str_eq(repo_out("git log --format=%%s main; git -C ../repo--w status --porcelain; git worktree list | wc "
	    "-l | tr -d ' '"), "first\n2");
}
END_TEST

/* The line's own holds, not the file's; and none at all is none. */
START_TEST(git_that_takes_its_time)
{
	static const char *const slow[] = { ".git/hooks/post-checkout", ".git/hooks/pre-commit" };

	repo_make();
	repo_program(slow[_i], "#!/bin/sh\nexec sleep 1.2");
	help_file("../f.orch", "timeout 1s", "worktree w enter", _i ? "timeout 0" : "timeout 60s", "run sh as s | echo new >new",
	    "timeout 0", "commit | made", _i ? "timeout 60s" : "timeout 0", NULL);
	repo_sh(0, "orch run -r x ../f.orch");
	repo_commit_is("commit", "w", 1);
}
END_TEST

/* While another has the repository's lock, nobody's own time runs: each alone is quick enough, all of them are not. */
START_TEST(waiting_for_another_is_not_its_time)
{
	repo_make();
	repo_program(".git/hooks/post-checkout", "#!/bin/sh\nexec sleep 0.3");
	help_file("../f.orch", "timeout 2s", "param p", "parallel i in 1..5", "worktree {{p}}-{{i}} enter as w-{{i}}",
	    "run sh as s-{{i}} | echo $i >f-$i",
	    "commit as c-{{i}} | made", "timeout 60s", "end", NULL);
	repo_sh(0, "orch run -q -r a ../f.orch p=a & p=$!; orch run -q -r b ../f.orch p=b && wait $p");
	ck_assert_str_eq(repo_out("git worktree list | wc -l | tr -d ' '"), "11");
}
END_TEST

/* Repositories that an agent leaves in its worktree. */

#define OWN "git init -q \"$d\"; echo x >\"$d/f\"; git -C \"$d\" add f; git -C \"$d\" commit -q -m own"

static const struct {
	const char *does;
	const char *names[4];   /* up to NULL */
} nests[] = {
	{ "d=nested; " OWN, { "nested", NULL } },
	{ "for d in one two three; do " OWN "; done", { "one", "two", "three", NULL } },
	{ "mkdir -p sub/deep; d=sub/deep/r; " OWN, { "sub/deep/r", NULL } },
	{ "d='a b'; " OWN, { "a b", NULL } },
	{ "d=фича; " OWN, { "фича", NULL } },
	{ "git clone -q . copy", { "copy", NULL } },
	{ "git worktree add -q -b inner inner", { "inner", NULL } },
	{ "rm file; d=file; " OWN, { "file", NULL } },
	{ "d=part; " OWN "; git submodule --quiet add ./part2 2>&1 || :; git submodule --quiet add \"$ORCH_ROOT\" meant; "
	    "d=also; " OWN, { "part", "also", NULL } },
};

START_TEST(nested_is_named)
{
	char line[1000];
	struct ran r;
	size_t i;

	repo_make();
	repo_sh(0, "git config --global protocol.file.allow always");
	snprintf(line, sizeof line, "run sh as s | echo new >new; %s", nests[_i].does);
	help_file("../f.orch", "worktree w enter", line, "commit | made", "run sh as t | echo more >new",
	    "commit as again | made again", NULL);
	r = repo_sh(0, "orch run -q -r x ../f.orch");
	ck_assert_int_eq(help_count(r.err, "warning"), 1);
	help_has(r.err, "warning: commit: ");
	for (i = 0; nests[_i].names[i]; i++)
		help_has(r.err, nests[_i].names[i]);
	help_lacks(r.err, "meant");
	ck_assert_str_eq(repo_out("git log --format=%%s w; git show w:new"), "made again\nmade\nfirst\nmore");
	ck_assert_str_eq(repo_sh(0, "orch run -q -r x ../f.orch").err, "");
}
END_TEST

START_TEST(many_nested_are_counted)
{
	struct ran r;

	repo_make();
	help_file("../f.orch", "worktree w enter", "run sh as s | for d in $(seq 1 40); do "
	    "d=a-rather-long-name-of-a-repository-$d; " OWN "; done", "commit | made", NULL);
	r = repo_sh(0, "orch run -q -r x ../f.orch");
	help_has(r.err, "warning: commit: ");
	ck_assert(strstr(r.err, "a-rather-long-name-of-a-repository-1") || strstr(r.err, "40"));
}
END_TEST

static const struct {
	const char *does, *name;
} unborn[] = {
	{ "git init -q nested", "/nested" }, { "mkdir -p sub/deep; git init -q sub/deep/r; echo x >sub/deep/r/f", "/sub/deep/r" },
	{ "git init -q 'a b'", "/a b" }, { "git init -q фича", "/фича" },
};

START_TEST(nested_without_a_commit)
{
	char line[300], *before;
	struct ran r;

	repo_make();
	before = repo_checkout();
	snprintf(line, sizeof line, "run sh as s | echo new >new; %s", unborn[_i].does);
	help_file("../f.orch", "worktree w enter", line, "commit | made", NULL);
	r = repo_sh(1, "orch run -q -r x ../f.orch");
	help_has(r.err, "a repository without a commit");
	help_has(r.err, unborn[_i].name);
	help_none(RESULT "commit");
	repo_is_untouched(before);
	repo_sh(0, "find ../repo--w -mindepth 2 -name .git -prune -exec rm -r {} +; orch resume -r x");
	ck_assert_str_eq(repo_out("git show w:new"), "new");
}
END_TEST

/* None of these is a repository that only a link is kept of. */
static const char *const no_nests[] = {
	"git submodule --quiet add \"$ORCH_ROOT\" meant",
	"git submodule --quiet add \"$ORCH_ROOT\" sub/deep/meant; git submodule --quiet add --name other \"$ORCH_ROOT\" place",
	"git submodule --quiet add \"$ORCH_ROOT\" фича",
	"git submodule --quiet add \"$ORCH_ROOT\" 'a b'",
	"echo nested >.gitignore; d=nested; " OWN,
	"git init -q --bare bare.git",
	"d=../beside; " OWN "; ln -s ../beside link",
	"mkdir nested; d=nested; " OWN "; rm -rf nested/.git",
};

START_TEST(no_nested_no_warning)
{
	char line[1000];

	repo_make();
	repo_sh(0, "git config --global protocol.file.allow always");
	snprintf(line, sizeof line, "run sh as s | echo new >new; %s", no_nests[_i]);
	help_file("../f.orch", "worktree w enter", line, "commit | made", NULL);
	ck_assert_str_eq(repo_sh(0, "orch run -q -r x ../f.orch").err, "");
	ck_assert_str_eq(repo_out("git show w:new; git -C ../repo--w status --porcelain"), "new");
}
END_TEST

/* Advice never is to remove the main checkout, nor the branch that it has checked out. */

static const struct {
	const char *make, *line;
	const char *never[3];   /* up to NULL */
} advices[] = {
	{ ":", "worktree main", { "branch -D", "worktree remove", NULL } },
	{ ":", "worktree main at ../there", { "branch -D", "worktree remove", NULL } },
	{ ":", "worktree w at .", { "branch -D", "worktree remove", NULL } },
	{ "git branch w", "worktree w at .", { "worktree remove", NULL } },
	{ ":", "worktree main at .", { "branch -D", "worktree remove", NULL } },
	{ "ln -s repo ../link", "worktree w at ../link", { "branch -D", "worktree remove", NULL } },
	{ ":", "cd sub\nworktree w at ..", { "branch -D", "worktree remove", NULL } },
	{ ":", "worktree w at sub", { "branch -D", "worktree remove", NULL } },
	{ "git worktree add -q -b other ../repo--w && git switch -q -c w", "worktree w", { "branch -D", NULL } },
	{ "git worktree add -q -b other ../repo--w && rm -r ../repo--w && git switch -q -c w", "worktree w", { "branch -D",
	    NULL } },
	{ "mkdir ../repo--w && touch ../repo--w/mine && git switch -q -c w", "worktree w", { "branch -D", "worktree remove",
	    NULL } },
	{ "git worktree add -q --detach ../repo--w && git switch -q -c w", "worktree w", { "branch -D", NULL } },
	{ "git worktree add -q -b v ../v && git switch -q -c w", "cd ../v\nworktree w", { "branch -D", "worktree remove",
	    NULL } },
	{ "git worktree add -q -b v ../v", "cd ../v\nworktree w at ../repo", { "branch -D", "worktree remove", NULL } },
	{ "git worktree add -q -b v ../v", "cd ../v\nworktree main at ../repo", { "branch -D", "worktree remove", NULL } },
	{ "git worktree add -q --lock --reason initializing -b other ../repo--w && git switch -q -c w", "worktree w",
	    { "branch -D", NULL } },
};

START_TEST(advice_spares_the_main_checkout)
{
	char *before;
	struct ran r;
	size_t i;

	repo_make();
	repo_sh(0, "%s", advices[_i].make);
	help_file("../f.orch", advices[_i].line, NULL);
	before = repo_out("git for-each-ref; git worktree list; ls ..");
	r = repo_sh(1, "orch run -r x ../f.orch");
	ck_assert_str_eq(repo_out("git for-each-ref; git worktree list; ls .."), before);
	for (i = 0; advices[_i].never[i]; i++)
		help_lacks(r.err, advices[_i].never[i]);
	ck_assert_msg(strstr(r.err, "at PATH") || strstr(r.err, "another name") || strstr(r.err, "remove -f -f"),
	    "nothing helps in:\n%s", r.err);
}
END_TEST

/* Otherwise it works as it is pasted. */
static const struct {
	const char *make, *words;
} pasted[] = {
	{ "git branch w", "git branch -D" },
	{ "git worktree add -q -b w ../repo--w", "git worktree remove" },
	{ "git worktree add -q -b w ../else", "git worktree remove" },
	{ "git worktree add -q -b other ../repo--w", "git worktree remove" },
	{ "git worktree add -q -b other ../repo--w && git branch w", "git worktree remove" },
	{ "git worktree add -q --detach ../repo--w && git branch w", "git worktree remove" },
	{ "git worktree add -q --lock --reason initializing -b w ../repo--w", "git worktree remove" },
};

START_TEST(advice_works)
{
	struct ran r, p;

	repo_make();
	repo_sh(0, "%s", pasted[_i].make);
	help_file("../f.orch", "worktree w enter", NULL);
	r = repo_sh(1, "orch run -r x ../f.orch");
	p = paste(&r, pasted[_i].words);
	ck_assert_msg(p.status == 0, "%s\n%s", r.err, p.err);
	repo_sh(0, "orch resume -r x");
	repo_path_is("w", "repo--w");
	ck_assert_str_eq(repo_out("git rev-parse main; git status --porcelain"), repo_out("git rev-parse w"));
}
END_TEST

/* From a bare repository: what git names first there is no checkout. */
START_TEST(advice_in_a_bare_repository)
{
	struct ran r, p;

	repo_make();
	repo_sh(0, "git clone -q --bare . ../b.git && git -C ../b.git worktree add -q -b w ../else");
	ck_assert_int_eq(chdir("../b.git"), 0);
	help_file("../f.orch", "worktree w", NULL);
	r = repo_sh(1, "orch run -r x ../f.orch");
	p = paste(&r, "git worktree remove");
	ck_assert_msg(p.status == 0, "%s\n%s", r.err, p.err);
	repo_sh(0, "orch resume -r x");
	repo_path_is("w", "b--w");
}
END_TEST

/* The suite. */

static TCase *
name_case(Suite *s)
{
	TCase *t = tcase_create("name");

	tcase_add_loop_test(t, slug_of_a_branch, 0, LEN(slugs));
	tcase_add_test(t, slugs_of_different_words_differ);
	tcase_add_loop_test(t, dir_without_dots, 0, LEN(paths));
	tcase_add_loop_test(t, worktree_around_a_dir, 0, LEN(places));
	tcase_add_test(t, worktrees_are_copied);
	tcase_add_test(t, decisions_are_remembered);
	tcase_add_test(t, decisions_are_told_apart);
	tcase_add_test(t, decisions_are_many);
	suite_add_tcase(s, t);
	return t;
}

static void
look_case(Suite *s)
{
	TCase *t = help_case(s, "look", repo_begin, 60);

	tcase_add_loop_test(t, damaged, 0, LEN(damages));
	tcase_add_loop_test(t, advice_for_a_damaged_one_works, 0, LEN(advised));
	tcase_add_test(t, its_parent_is_a_link_now);
	tcase_add_test(t, its_repository_is_a_link_now);
	tcase_add_test(t, moved_away_it_is_gone);
	tcase_add_test(t, repaired_it_is_the_same);
	tcase_add_test(t, made_in_one_that_is_gone);
	tcase_add_test(t, interactive_is_refused);
}

static void
agent_case(Suite *s)
{
	TCase *t = help_case(s, "agent", repo_begin, 60);

	tcase_add_loop_test(t, done_by_an_agent, 0, LEN(deeds));
	tcase_add_test(t, conflicts_are_not_committed);
	tcase_add_test(t, branch_in_the_main_checkout);
	tcase_add_loop_test(t, cd_to_another_repository, 0, LEN(ways_out));
	tcase_add_test(t, cd_below_is_the_worktree);
	tcase_add_loop_test(t, cd_below_a_damaged_one, 0, 5);
	tcase_add_loop_test(t, altered_in_one_branch_of_three, 0, 4);
	tcase_add_test(t, altered_by_the_first_attempt);
	tcase_add_loop_test(t, gone_to_by_cd, 0, 5);
	tcase_add_loop_test(t, left_by_cd, 0, 4);
}

static void
gone_case(Suite *s)
{
	TCase *t = help_case(s, "gone", repo_begin, 60);

	tcase_add_loop_test(t, complete_without_worktrees, 0, LEN(completes));
	tcase_add_test(t, complete_for_resume);
	tcase_add_test(t, gone_and_a_line_elsewhere_starts);
	tcase_add_loop_test(t, gone_and_an_if_is_edited, 0, LEN(edited));
	tcase_add_test(t, gone_and_an_if_has_changed_its_mind);
	tcase_add_loop_test(t, an_if_in_something_else, 0, 3);
	tcase_add_loop_test(t, gone_and_a_line_starts, 0, LEN(starts));
}

static void
place_case(Suite *s)
{
	TCase *t = help_case(s, "place", repo_begin, 60);

	tcase_add_test(t, places_of_any_script);
	tcase_add_loop_test(t, one_place_for_two, 0, LEN(collisions));
	tcase_add_loop_test(t, a_query_that_is_killed_is_no_result, 0, 4);
	tcase_add_test(t, git_outlives_its_supervisor_to_remove_its_locks);
	tcase_add_test(t, one_place_for_different_branches);
	tcase_add_loop_test(t, two_places_for_two, 0, LEN(no_collisions));
	tcase_add_loop_test(t, place_of_a_layout, 0, LEN(layouts));
}

static void
commit_case(Suite *s)
{
	TCase *t = help_case(s, "commit", repo_begin, 60);

	tcase_add_loop_test(t, sparse_takes_what_is_outside, 0, LEN(cones));
	tcase_add_test(t, sparse_in_the_main_checkout);
	tcase_add_test(t, not_sparse_any_more);
	tcase_add_loop_test(t, nested_is_named, 0, LEN(nests));
	tcase_add_test(t, many_nested_are_counted);
	tcase_add_loop_test(t, nested_without_a_commit, 0, LEN(unborn));
	tcase_add_loop_test(t, no_nested_no_warning, 0, LEN(no_nests));
}

static void
env_case(Suite *s)
{
	TCase *t = help_case(s, "env", repo_begin, 60);

	tcase_add_test(t, nobody_in_it_sees_another_repository);
	tcase_add_test(t, what_is_said_by_env_is_seen);
	tcase_add_test(t, outside_it_all_is_seen);
	tcase_add_loop_test(t, below_a_hook, 0, LEN(hooks));
}

static void
time_case(Suite *s)
{
	TCase *t = help_case(s, "time", repo_begin, 120);

	tcase_add_loop_test(t, git_that_hangs, 0, LEN(hangs));
	tcase_add_loop_test(t, git_that_takes_its_time, 0, 2);
	tcase_add_test(t, waiting_for_another_is_not_its_time);
}

static void
advice_case(Suite *s)
{
	TCase *t = help_case(s, "advice", repo_begin, 60);

	tcase_add_loop_test(t, advice_spares_the_main_checkout, 0, LEN(advices));
	tcase_add_loop_test(t, advice_works, 0, LEN(pasted));
	tcase_add_test(t, advice_in_a_bare_repository);
}

Suite *
worktree_suite(void)
{
	Suite *s = suite_create("worktree");

	name_case(s);
	look_case(s);
	agent_case(s);
	gone_case(s);
	place_case(s);
	commit_case(s);
	env_case(s);
	time_case(s);
	advice_case(s);
	return s;
}

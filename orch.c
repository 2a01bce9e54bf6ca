/* orch: runs workflows of agents. The command line: options, subcommands, nothing else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/inspect/completion.h"
#include "engine/inspect/diff.h"
#include "engine/inspect/help.h"
#include "engine/loop.h"
#include "engine/rm.h"
#include "engine/run.h"
#include "engine/inspect/runs.h"
#include "engine/start.h"
#include "engine/supervise/title.h"
#include "engine/inspect/trust.h"
#include "engine/ui/width.h"
#include "parse/budget.h"
#include "parse/mem.h"
#include "parse/near.h"
#include "parse/parse.h"
#include "parse/text.h"
#include "store/file.h"

#define VERSION "0.1"

extern char **environ;

enum { OK, FAILED, USAGE };

static int do_run(int, char **), do_resume(int, char **), do_redo(int, char **), do_check(int, char **), do_status(int, char **), do_runs(int, char **),
    do_logs(int, char **), do_cat(int, char **), do_diff(int, char **), do_session(int, char **), do_rm(int, char **), do_trust(int, char **), do_help(int, char **),
    do_completion(int, char **);

static const struct subcommand command_list[] = {
	{ "run", "nqvxuNj:b:d:r:t:a:", "FILE [NAME=VALUE]... [PROMPT]", do_run, "run a workflow, or resume the run that -r names" },
	{ "resume", "nqvxuNj:b:d:r:a:", "", do_resume, "resume the newest unfinished run, or the one that -r names" },
	{ "redo", "FnqvxNj:b:d:r:a:", "[KEY...]", do_redo, "re-run steps that have results, and what follows them" },
	{ "check", "", "FILE...", do_check, "check workflows; start nothing" },
	{ "status", "pqd:r:", "", do_status, "show the steps of a run" },
	{ "runs", "pd:", "", do_runs, "list the runs here" },
	{ "logs", "fd:r:", "[KEY...]", do_logs, "show what steps wrote to standard error, and what failed ones wrote" },
	{ "cat", "d:r:", "KEY...", do_cat, "print results" },
	{ "diff", "d:r:", "KEY", do_diff, "show what a step was asked, and what it would be asked now" },
	{ "session", "d:r:", "KEY", do_session, "print the id of a step's session" },
	{ "rm", "d:k:", "[RUN...]", do_rm, "delete runs; with -k, all but the newest" },
	{ "trust", "d:", "RUN...", do_trust, "accept run directories that came from elsewhere" },
	{ "help", "", "[COMMAND | FORMAT | FILE]", do_help, "show the commands; FORMAT: how to write a workflow; FILE: its parameters" },
	{ "completion", "", "bash|zsh|fish", do_completion, "print a script that completes commands, options, runs and keys" },
};

static const struct subcommands commands = { command_list, sizeof command_list / sizeof *command_list };

static const struct {
	char letter;
	const char *value;      /* NULL: none */
	const char *help;
	const char *of;         /* the only command that the line is about; NULL: any but the one of the line above, if that has the letter */
} option_list[] = {
	{ 'F', NULL, "re-run all results that are fallbacks", NULL },
	{ 'N', NULL, "nobody is at the terminal: questions take their defaults", NULL },
	{ 'a', "NAME=CMD", "use CMD as the command for agent NAME (-a NAME: its own again)", NULL },
	{ 'b', "BUDGET", "use no more than this: 5usd, 200ktok, 1.5Mtok", NULL },
	{ 'd', "DIR", "where the runs are kept (ORCH_DIR, else .orch)", NULL },
	{ 'f', NULL, "follow until the run ends", NULL },
	{ 'j', "N", "at most N agents at once", NULL },
	{ 'k', "N", "keep the newest N (without RUN: of the complete ones named by time)", NULL },
	{ 'n', NULL, "show what would run; start and write nothing (with -v: whole prompts)", NULL },
	{ 'p', NULL, "tab-separated output for scripts", NULL },
	{ 'q', NULL, "show only the steps that failed, were interrupted or have a fallback", "status" },
	{ 'q', NULL, "print only failures and warnings", NULL },
	{ 'r', "RUN", "the run's name: start it, or resume it", "run" },
	{ 'r', "RUN", "the name of the run", NULL },
	{ 't', "RUN", "take results of pure steps from an earlier run", NULL },
	{ 'u', NULL, "re-run stale steps and what follows them", NULL },
	{ 'v', NULL, "show the agents' standard error too", NULL },
	{ 'x', NULL, "start no more steps after the first failure", NULL },
};

enum { OPTIONS = sizeof option_list / sizeof *option_list };

struct options {
	struct run_args run;
	int follow;
	int for_scripts;        /* -p */
	char **agents;
	long long keep;         /* -k; -1: it was not given */
	int was_end;            /* `--` stood before the operands */
	int has_dir;            /* where the runs are was said, by -d or ORCH_DIR */
};

/* What orch says on standard error, in one write. */
static void
say(struct buf *b)
{
	if (b->n)
		file_write_wait(2, b->s, b->n);
	b->n = 0;
}

static void
no_memory(void)
{
	static const char text[] = "orch: out of memory; results so far are kept\n";

	file_write_wait(2, text, sizeof text - 1);
	_exit(FAILED);
}

static const char *command_name;        /* that was given; NULL: none */

static int
wrong_usage(const char *what, const char *arg)
{
	struct buf b = { 0 };

	buf_fmt(&b, "orch: %s", what);
	if (arg) {
		buf_text(&b, ": ");
		visible_add(&b, arg, strlen(arg), 0);
	}
	buf_fmt(&b, "; see: orch %s%s-h\n", command_name ? command_name : "", command_name ? " " : "");
	say(&b);
	buf_free(&b);
	return USAGE;
}

static int
write_out(void *ctx, const char *s, size_t n)
{
	(void)ctx;
	return file_write_wait(1, s, n);
}

static int
end_output(struct buf *error, int status)
{
	if (status == FAILED && !error->n && errno)
		buf_fmt(error, "orch: standard output: %s\n", strerror(errno));
	say(error);
	buf_free(error);
	return status;
}

static int
read_jobs(struct options *o, const char *s)
{
	long long n = number_parse(s, strlen(s));

	if (n < 1 || n > 1000000000)
		return wrong_usage("-j takes a positive number", s);
	o->run.jobs = (long)n;
	return OK;
}

static int
read_keep(struct options *o, const char *s)
{
	o->keep = number_parse(s, strlen(s));
	return o->keep < 0 ? wrong_usage("-k takes a number", s) : OK;
}

static int
read_budget(struct options *o, const char *s)
{
	struct budget b;

	if (budget_parse(s, strlen(s), &b))
		return wrong_usage("-b takes a budget in usd, ktok or Mtok, such as 5usd or 0.6ktok", s);
	o->run.budget = s;
	return OK;
}

/* Which option of the list LETTER is; OPTIONS: none. */
static size_t
find_option(int letter)
{
	size_t i;

	for (i = 0; i < OPTIONS && option_list[i].letter != letter; i++)
		;
	return i;
}

/* WHOLE is the option as it was given. */
static int
wrong_option(int c, const char *whole)
{
	if (c == ':')
		return wrong_usage("missing value for option", whole);
	return wrong_usage("unknown option", whole);
}

static const struct subcommand *
find_command(const char *name)
{
	size_t i;

	for (i = 0; i < commands.n; i++)
		if (!strcmp(name, commands.list[i].name))
			return &commands.list[i];
	return NULL;
}

/* Writes TEXT to standard output. */
static int
put_out(const char *text)
{
	struct buf error = { 0 };

	errno = 0;
	return end_output(&error, file_write_wait(1, text, strlen(text)) ? FAILED : OK);
}

/* The options of a command as its usage shows them: those without a value together, then the others. */
static void
put_options(const struct subcommand *c, struct buf *b)
{
	const char *o;
	int any = 0;

	for (o = c->options; *o; o++)
		if (*o != ':' && o[1] != ':')
			buf_fmt(b, "%s%c", any++ ? "" : " [-", *o);
	buf_text(b, any ? "]" : "");
	for (o = c->options; *o; o++)
		if (o[1] == ':')
			buf_fmt(b, " [-%c %s]%s", *o, option_list[find_option(*o)].value, *o == 'a' ? "..." : "");
}

static void
put_usage(const struct subcommand *c, struct buf *b)
{
	buf_fmt(b, "usage: orch %s", c->name);
	put_options(c, b);
	buf_fmt(b, "%s%s\n", *c->operands ? " " : "", c->operands);
}

/* Whether the Ith line of the options is that of the command. */
static int
is_of(size_t i, const char *command)
{
	if (option_list[i].of)
		return !strcmp(option_list[i].of, command);
	return !i || option_list[i - 1].letter != option_list[i].letter || strcmp(option_list[i - 1].of, command);
}

/* What a command does, and its options. */
static int
help_command(const struct subcommand *c)
{
	struct buf b = { 0 };
	size_t i;
	int status;

	put_usage(c, &b);
	buf_fmt(&b, "\n%s\n", c->what);
	if (*c->options)
		buf_char(&b, '\n');
	for (i = 0; i < OPTIONS; i++)
		if (strchr(c->options, option_list[i].letter) && is_of(i, c->name))
			buf_fmt(&b, "  -%c %-9s %s\n", option_list[i].letter, option_list[i].value ? option_list[i].value : "", option_list[i].help);
	status = put_out(buf_str(&b));
	buf_free(&b);
	return status;
}

/* A line for each command. */
static int
help_all(void)
{
	struct buf b = { 0 };
	size_t i;
	int status;

	buf_text(&b, "usage: orch COMMAND [OPTION...] ...\n       orch [OPTION...] FILE ...      the same as orch run\n       orch -V | -h\n\n");
	for (i = 0; i < commands.n; i++)
		buf_fmt(&b, "  %-11s %s\n", commands.list[i].name, commands.list[i].what);
	buf_text(&b, "\norch COMMAND -h shows its options, orch help FORMAT how to write a workflow; the manual is orch(1).\n");
	status = put_out(buf_str(&b));
	buf_free(&b);
	return status;
}

static int
is_set(const char *name)
{
	return getenv(name) && *getenv(name);
}

/* For a command that only looks: the runs of a directory above, where there are none here; which they are is said. */
static void
look_above(struct options *o)
{
	char *above = o->has_dir ? NULL : runs_above();
	struct buf b = { 0 };

	if (!above)
		return;
	o->run.dir = above;             /* until the end */
	buf_text(&b, "orch: the runs of ");
	visible_add(&b, above, strlen(above), 0);
	buf_char(&b, '\n');
	say(&b);
	buf_free(&b);
}

/* Reads the options that the command takes; argv[0] is its name, or run's FILE is there. The + in front keeps GNU's
 * getopt from looking for options after the operands, which POSIX's does not do. */
static int
read_options(struct options *o, int argc, char **argv)
{
	const struct subcommand *command = find_command(argv[0]);
	char option[3] = "-?", letters[64] = "+:h";
	int c, bad = OK;

	o->has_dir = is_set("ORCH_DIR");
	o->run.dir = o->has_dir ? getenv("ORCH_DIR") : ".orch";
	o->run.environ = environ;
	if (argc > 1 && !strcmp(argv[1], "--help"))
		exit(command ? help_command(command) : help_all());
	o->agents = mem_zero((size_t)argc + 1, sizeof *o->agents);
	o->run.agents = o->agents;
	o->keep = -1;
	opterr = 0;
	strcat(letters, command ? command->options : commands.list[0].options);
	while (!bad && (c = getopt(argc, argv, letters)) != -1) {
		switch (c) {
		case 'F': o->run.redo_fallbacks = 1; break;
		case 'N': o->run.nobody = 1; break;
		case 'a': o->agents[o->run.nagents++] = optarg; break;
		case 'b': bad = read_budget(o, optarg); break;
		case 'd': o->run.dir = optarg; o->has_dir = 1; break;
		case 'f': o->follow = 1; break;
		case 'j': bad = read_jobs(o, optarg); break;
		case 'k': bad = read_keep(o, optarg); break;
		case 'n': o->run.dry = 1; break;
		case 'p': o->for_scripts = 1; break;
		case 'q': o->run.loud = LOUD_QUIET; break;
		case 'r': o->run.run = optarg; break;
		case 't': o->run.take = optarg; break;
		case 'u': o->run.again = 1; break;
		case 'v': o->run.loud = LOUD_VERBOSE; break;
		case 'h': exit(command ? help_command(command) : help_all());
		case 'x': o->run.stop_first = 1; break;
		default:
			option[1] = (char)optopt;
			bad = wrong_option(c, optopt == '-' && optind < argc && argv[optind][0] == '-' ? argv[optind] : option);
		}
	}
	o->was_end = !bad && optind > 1 && !strcmp(argv[optind - 1], "--");
	if (!bad && !*o->run.dir)
		bad = wrong_usage("-d takes a directory", NULL);
	if (!bad && o->run.take && !*o->run.take)
		bad = wrong_usage("-t takes the name of a run", NULL);
	return bad;
}

static int
finish_run(struct options *o, struct buf *said, struct buf *shown, int status)
{
	say(said);
	if (status <= 128 && shown->n && write_out(NULL, shown->s, shown->n)) {
		buf_fmt(said, "orch: standard output: %s\n", strerror(errno));
		say(said);
		status = FAILED;
	}
	buf_free(said);
	buf_free(shown);
	free(o->agents);
	if (status > 128)
		loop_die(status - 128);
	return status;
}

static int
start_run(struct options *o)
{
	struct buf said = { 0 }, shown = { 0 };

	if (loop_prepare()) {
		int status = start_fail(&said, "/dev/null", errno);

		return finish_run(o, &said, &shown, status);
	}
	return finish_run(o, &said, &shown, run_workflow(&o->run, &said, &shown));
}

/* Whether FILE is not a file but a command, before which options were given. */
static int
is_late_command(const char *file)
{
	return find_command(file) && access(file, F_OK) != 0;
}

/* Options were given before the command. */
static int
late_command(const char *command, const char *option)
{
	struct buf b = { 0 };

	buf_fmt(&b, "orch: options go after the command: orch %s ", command);
	visible_add(&b, option, strlen(option), 0);
	buf_text(&b, " ...\n");
	say(&b);
	buf_free(&b);
	return USAGE;
}

/* An operand that was to be an option: a key or a name that begins so comes after `--`. `-` is standard input's key. */
static int
late_option(const struct options *o, int argc, char **argv)
{
	int i;

	for (i = optind; i < argc && !o->was_end; i++)
		if (*argv[i] == '-' && argv[i][1])
			return late_command(argv[0], argv[i]);
	return OK;
}

/* The operands are not those that the command takes. */
static int
wrong_operands(const char *name)
{
	struct buf b = { 0 };

	put_usage(find_command(name), &b);
	say(&b);
	buf_free(&b);
	return USAGE;
}

/* A word that is neither a file nor a command was one of these, mistyped. */
static int
is_mistyped(const char *file)
{
	struct near near;
	struct buf b = { 0 };
	size_t i;

	if (*file == '-' || access(file, F_OK) == 0)
		return 0;
	near_start(&near, file, strlen(file));
	for (i = 0; i < commands.n; i++)
		near_try(&near, commands.list[i].name, strlen(commands.list[i].name));
	if (!near.best)
		return 0;
	buf_text(&b, "orch: no such file: ");
	visible_add(&b, file, strlen(file), 0);
	buf_fmt(&b, "; did you mean `orch %s`?\n", near.best);
	say(&b);
	buf_free(&b);
	return 1;
}

static int
do_run(int argc, char **argv)
{
	struct options o = { 0 };
	int bad = read_options(&o, argc, argv), i;

	if (!bad && optind == argc)
		bad = wrong_usage("missing FILE (a workflow)", NULL);
	if (bad)
		return bad;
	o.run.file = argv[optind++];
	if (strcmp(argv[0], "run") && is_late_command(o.run.file))
		return late_command(o.run.file, argv[1]);
	if (optind < argc && !o.was_end && !strcmp(argv[optind], "--")) {
		o.was_end = 1;
		optind++;
	}
	for (i = optind; i < argc && !o.was_end; i++) {
		if (!strcmp(argv[i], "--")) {
			memmove(argv + i, argv + i + 1, (size_t)(argc - i) * sizeof *argv);
			argc--;
			o.was_end = 1;
		} else if (*argv[i] == '-') {
			return wrong_usage("options go before FILE (use -- before an argument that starts with -)", argv[i]);
		}
	}
	o.run.operands = argv + optind;
	o.run.noperands = (size_t)(argc - optind);
	return start_run(&o);
}

static int
do_resume(int argc, char **argv)
{
	struct options o = { 0 };
	int bad = read_options(&o, argc, argv);

	if (!bad && optind < argc)
		bad = wrong_usage("resume takes no operand (to name a run: -r RUN)", argv[optind]);
	return bad ? bad : start_run(&o);
}

static int
do_redo(int argc, char **argv)
{
	struct options o = { 0 };
	int bad = read_options(&o, argc, argv);

	if (!bad)
		bad = late_option(&o, argc, argv);
	if (!bad && optind == argc && !o.run.redo_fallbacks)
		bad = wrong_usage("redo needs KEY..., or -F for all fallbacks", NULL);
	if (!bad && optind < argc && o.run.redo_fallbacks)
		bad = wrong_usage("redo takes KEY... or -F, not both", argv[optind]);
	o.run.redo = argv + optind;
	o.run.nredo = (size_t)(argc - optind);
	return bad ? bad : start_run(&o);
}

static int
do_check(int argc, char **argv)
{
	struct options o = { 0 };
	struct buf said = { 0 };
	int status = read_options(&o, argc, argv), i;

	if (!status && optind == argc)
		status = wrong_operands(argv[0]);
	else
		for (i = optind; i < argc && !(status && i == optind); i++)
			if (run_check(argv[i], environ, &said))
				status = USAGE;
	say(&said);
	buf_free(&said);
	return status;
}

static void
make_sink(struct sink *s)
{
	s->write = write_out;
	s->ctx = NULL;
	s->fd = 1;
	s->visible = isatty(1);
	s->columns = s->visible ? width_of_terminal(1) : 0;
	s->colour = s->visible && !is_set("NO_COLOR") && strcmp(getenv("TERM") ? getenv("TERM") : "dumb", "dumb");
	errno = 0;
}

static int
do_status(int argc, char **argv)
{
	struct options o = { 0 };
	struct buf error = { 0 };
	struct sink sink;
	int bad = read_options(&o, argc, argv);

	if (!bad && optind < argc)
		bad = wrong_usage("status takes no operand (to name a run: -r RUN)", argv[optind]);
	make_sink(&sink);
	if (bad)
		return bad;
	look_above(&o);
	bad = runs_status(o.run.dir, o.run.run, o.for_scripts, o.run.loud == LOUD_QUIET, &sink, &error);
	errno = 0;                      /* 1 is how the run is, and no error of ours */
	return end_output(&error, bad);
}

static int
do_runs(int argc, char **argv)
{
	struct options o = { 0 };
	struct buf error = { 0 };
	struct sink sink;
	int bad = read_options(&o, argc, argv);

	if (!bad && optind < argc)
		bad = wrong_operands(argv[0]);
	make_sink(&sink);
	if (!bad)
		look_above(&o);
	return bad ? bad : end_output(&error, runs_list(o.run.dir, o.for_scripts, &sink, &error));
}

static int
do_logs(int argc, char **argv)
{
	struct options o = { 0 };
	struct buf error = { 0 };
	struct sink sink;
	int bad = read_options(&o, argc, argv);

	if (!bad)
		bad = late_option(&o, argc, argv);
	make_sink(&sink);
	if (!bad)
		look_above(&o);
	return bad ? bad : end_output(&error, runs_logs(o.run.dir, o.run.run, argv + optind, (size_t)(argc - optind),
	    o.follow, &sink, &error));
}

static int
do_cat(int argc, char **argv)
{
	struct options o = { 0 };
	struct buf error = { 0 };
	struct sink sink;
	int bad = read_options(&o, argc, argv);

	if (!bad)
		bad = late_option(&o, argc, argv);
	if (!bad && optind == argc)
		bad = wrong_operands(argv[0]);
	make_sink(&sink);
	if (!bad)
		look_above(&o);
	return bad ? bad : end_output(&error, runs_cat(o.run.dir, o.run.run, argv + optind, (size_t)(argc - optind),
	    &sink, &error));
}

/* A command that is about one key. */
static int
about_key(int argc, char **argv, int (*show)(const char *, const char *, const char *, struct sink *, struct buf *))
{
	struct options o = { 0 };
	struct buf error = { 0 };
	struct sink sink;
	int status = read_options(&o, argc, argv);

	if (!status)
		status = late_option(&o, argc, argv);
	if (!status && optind + 1 != argc)
		status = wrong_operands(argv[0]);
	make_sink(&sink);
	if (!status)
		look_above(&o);
	if (!status)
		status = show(o.run.dir, o.run.run, argv[optind], &sink, &error);
	say(&error);
	buf_free(&error);
	free(o.agents);
	return status;
}

static int
do_diff(int argc, char **argv)
{
	return about_key(argc, argv, diff_key);
}

static int
do_session(int argc, char **argv)
{
	return about_key(argc, argv, runs_session);
}

static int
do_trust(int argc, char **argv)
{
	struct options o = { 0 };
	struct buf said = { 0 };
	int status = read_options(&o, argc, argv);

	if (!status)
		status = late_option(&o, argc, argv);
	if (!status && optind == argc)
		status = wrong_operands(argv[0]);
	else if (!status)
		status = trust_runs(o.run.dir, argv + optind, (size_t)(argc - optind), &said);
	say(&said);
	buf_free(&said);
	return status;
}

static int
do_rm(int argc, char **argv)
{
	struct options o = { 0 };
	struct rm_args a = { 0 };
	struct buf said = { 0 };
	int status = read_options(&o, argc, argv);

	if (!status && optind == argc && o.keep < 0)
		status = wrong_usage("rm needs RUN..., or -k N to keep the newest N", NULL);
	a.dir = o.run.dir;
	a.runs = argv + optind;
	a.n = (size_t)(argc - optind);
	a.keep = o.keep;
	a.show = say;
	if (!status)
		status = rm_runs(&a, &said);
	say(&said);
	buf_free(&said);
	free(o.agents);
	return status;
}

static int
do_help(int argc, char **argv)
{
	struct options o = { 0 };
	struct buf text = { 0 }, error = { 0 };
	int status = read_options(&o, argc, argv);

	if (!status && optind + 1 < argc)
		status = wrong_operands(argv[0]);
	else if (!status && optind == argc)
		return help_all();
	else if (!status && find_command(argv[optind]))
		return help_command(find_command(argv[optind]));
	else if (!status && (!strcmp(argv[optind], "FORMAT") || !strcmp(argv[optind], "format")))
		help_format(&text);
	else if (!status)
		status = help_workflow(argv[optind], &text, &error);
	say(&error);
	if (!status)
		status = put_out(buf_str(&text));
	buf_free(&text);
	buf_free(&error);
	return status;
}

static int
do_completion(int argc, char **argv)
{
	struct options o = { 0 };
	struct buf text = { 0 };
	int bad = read_options(&o, argc, argv);

	if (!bad && (optind != argc - 1 || completion_script(argv[optind], &commands, &text)))
		bad = wrong_operands(argv[0]);
	if (!bad)
		bad = put_out(buf_str(&text));
	buf_free(&text);
	return bad;
}

int
main(int argc, char **argv)
{
	const struct subcommand *c;

	mem_onfail(no_memory);
	title_init(argc, argv);
	if (argc < 2)
		return wrong_usage("no command", NULL);
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))
		return help_all();
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version"))
		return put_out("orch " VERSION "\n");
	c = find_command(argv[1]);
	command_name = c ? c->name : NULL;
	if (c)
		return c->run(argc - 1, argv + 1);
	if (is_mistyped(argv[1]))
		return USAGE;
	command_name = "run";
	return do_run(argc, argv);
}

"""The `memkit` command: a table of verbs, and every error as one line.

`memkit --help` and `--version` import nothing but this file.
"""

import contextlib
import importlib
import os
import signal
import sys

# verb -> (module, one line); exactly one module is imported per process.
VERBS = {
    "run": ("memkit.launch.run", "train what is missing, estimate and write the report"),
    "plan": ("memkit.launch.plan", "say what a study costs, before anything starts"),
    "train": ("memkit.launch.train", "train the missing runs, or a part of them"),
    "estimate": ("memkit.launch.estimate", "turn run records into scores with intervals"),
    "report": ("memkit.launch.report", "write the report of a study that has estimates"),
    "chart": ("memkit.launch.chart", "write charts of a study that has estimates"),
    "status": ("memkit.launch.status", "say what of a study is done, missing or broken"),
    "verify": ("memkit.launch.verify", "check every file of a study, and train some runs again"),
    "merge": ("memkit.launch.merge", "join studies whose runs were made apart"),
    "compare": ("memkit.launch.compare", "compare scores with a published file or another study"),
    "audit": ("memkit.launch.audit", "list likely mislabeled, duplicate and ambiguous examples"),
    "export": ("memkit.launch.export", "write scores in the layouts that other tools read"),
    "removal": ("memkit.launch.removal", "train without the memorized examples"),
    "tpu_check": ("memkit.launch.tpu_check", "compile a study for a TPU without having one"),
}

INPUT_ERROR = 2
INTERRUPTED = 130


def main(argv=None):
    """Runs `memkit VERB ...` and exits with its code."""
    argv = sys.argv[1:] if argv is None else argv
    prepare_process()
    verb, *rest = argv or ["--help"]
    with _errors_as_one_line(f"memkit {verb}" if verb in VERBS else "memkit"):
        if verb in ("--help", "-h", "help"):
            _end(_usage())
        if verb == "--version":
            metadata = importlib.import_module("importlib.metadata")
            _end(f"memkit {metadata.version('memkit')}")
        if verb not in VERBS:
            from memkit.errors import expected

            raise expected("verb", f"one of {', '.join(VERBS)}", repr(verb))
        _execute(verb, importlib.import_module(VERBS[verb][0]).main, rest)


def launch(verb, body, argv):
    """Parses the flags of one verb, runs its body and exits.

    Args:
      verb: a key of VERBS.
      body: function without arguments that returns the exit code.
      argv: words after the verb.

    Exit codes: what the body returns, 0 for help, 2 for a mistake in the command or a file that
    cannot be read or written, 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
    """
    prepare_process()
    with _errors_as_one_line(f"memkit {verb}"):
        _execute(verb, body, argv)


def prepare_process() -> None:
    """Makes the standard streams safe to write to, whatever they were started with.

    A closed stream is opened on nothing: its number would go to the next file that is opened, and
    native libraries write to it. Control characters, and characters that the terminal's encoding
    lacks, become escapes.
    """
    if sys.platform == "win32":
        sys.exit("memkit: error: Windows is not supported; memkit runs in WSL, on Linux and macOS")
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # The lowest free number.
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    from memkit.output import guard_output

    guard_output()


@contextlib.contextmanager
def _errors_as_one_line(program):
    """Ends this process with a line and an exit code where the block raises what is no bug."""
    try:
        yield
    except KeyboardInterrupt as stop:
        sys.exit(128 + stop.args[0] if stop.args else INTERRUPTED)
    except BrokenPipeError:  # The reader of our output has gone, as in `memkit status | head`.
        sys.stdout = None
        sys.exit(1)
    except Exception as error:
        from memkit.system_errors import explained

        line = explained(error)
        if line is None:
            raise
        _fail(program, line)


def _execute(verb, body, argv):
    _stop_like_ctrl_c()
    if {"--help", "-h", "-help"} & set(argv):
        _end(_help(verb))
    _parse(argv)
    _exit(body())


def _end(text):
    print(text)
    _exit(0)


def _exit(code):
    try:
        sys.stdout.flush()  # What fails here would otherwise fail at exit, with a stack trace.
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from None
    sys.exit(code)


def _stop_like_ctrl_c():
    """Lets a scheduler's SIGTERM, and the end of a terminal, end a verb as Ctrl-C does."""

    def interrupt(number, _):
        raise KeyboardInterrupt(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # Not under nohup.
            signal.signal(number, interrupt)


def _parse(argv):
    from absl import flags, logging

    from memkit.errors import InputError, expected, reason

    try:
        # Flag files come first, since --config in one may be a name, too.
        argv = flags.FLAGS.read_flags_from_files(argv)
    except (flags.Error, UnicodeError) as error:
        files = " ".join(word for word in argv if "flagfile" in word)
        why = error.__context__ if isinstance(error.__context__, OSError) else error
        text = str(why) if isinstance(why, flags.Error) else reason(why)
        raise InputError(f"{files}: {text}") from error
    try:
        words = flags.FLAGS(["memkit", *_flag_module().resolve_config(argv)])
    except flags.Error as error:
        # A config file that raises arrives with its stack trace; the last line says what is wrong.
        line = str(error).strip().splitlines()[-1]
        raise InputError(line.removeprefix("ValueError: ")) from error
    except SyntaxError as error:
        line = f" line {error.lineno}" if error.lineno else ""
        raise InputError(f"--config: {error.filename or 'the file'}{line}: {error.msg}") from error
    except AttributeError as error:  # ml_collections raises it for unknown config fields.
        raise InputError(f"--config: unknown field {_plain(error)}") from error
    if len(words) > 1:
        raise expected("arguments", "flags only (--name=value)", " ".join(words[1:]))
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    logging.get_absl_handler().setFormatter(_line_formatter())


def _plain(error):
    """Returns the text of ml_collections' quoted and escaped error without both."""
    return str(error).replace("\\n", " ").strip("\"'").replace("\\'", "'")


def _line_formatter():
    import logging

    formatter = logging.Formatter()
    formatter.format = _line
    return formatter


def _line(record):
    from memkit.printable import printable

    lines = record.getMessage().splitlines()
    return f"{record.levelname.lower()}: " + "\n".join(map(printable, lines))


def _flag_module():
    """Returns the module that the verb's flags are defined in."""
    return importlib.import_module("memkit.launch.flags")


def _help(verb):
    from absl import flags

    holders = flags.FLAGS.flags_by_module_dict()[_flag_module().__name__]
    lines = [f"memkit {verb}: {VERBS[verb][1]}", ""]
    for flag in sorted(holders, key=lambda flag: flag.name):
        default = "" if flag.default in (None, "", []) else f" (default: {flag.default_as_str})"
        value = "" if flag.boolean else "=..."
        lines.append(f"  --{flag.name}{value}")
        lines.append(f"      {flag.help}{default}")
    return "\n".join(lines)


def _usage():
    lines = [
        "memkit measures what image classifiers memorize.",
        "",
        "usage: memkit VERB --flag=value ...      memkit VERB --help lists a verb's flags",
        "",
    ]
    lines += [f"  {verb:10}{text}" for verb, (_, text) in VERBS.items()]
    return "\n".join([*lines, "", "  memkit run --config=digits_width --workdir=out/digits"])


def _fail(program, message):
    from memkit.printable import printable

    line = printable(" ".join(message.split()))
    with contextlib.suppress(OSError):  # The error stream may be full, too.
        print(f"{program}: error: {line}", file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:  # Python would try once more at exit and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(INPUT_ERROR)


if __name__ == "__main__":
    main()

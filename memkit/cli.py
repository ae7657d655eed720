"""The `memkit` command: a table of verbs, and every error as one line.

`memkit --help` and `--version` import nothing but this file.
"""

import importlib
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
    if not argv or argv[0] in ("--help", "-h", "help"):
        print(_usage())
        sys.exit(0)
    if argv[0] == "--version":
        metadata = importlib.import_module("importlib.metadata")
        print(f"memkit {metadata.version('memkit')}")
        sys.exit(0)
    verb, *rest = argv
    if verb not in VERBS:
        print(
            f"memkit: error: verb: expected one of {', '.join(VERBS)}, received {verb!r}",
            file=sys.stderr,
        )
        sys.exit(INPUT_ERROR)
    launch(verb, importlib.import_module(VERBS[verb][0]).main, rest)


def launch(verb, body, argv):
    """Parses the flags of one verb, runs its body and exits.

    Args:
      verb: a key of VERBS.
      body: function without arguments that returns the exit code.
      argv: words after the verb.

    Exit codes: what the body returns, 0 for help, 2 for a mistake in the command or a disk that
    cannot be written, 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
    """
    from memkit.errors import NOT_WRITABLE, InputError

    try:
        _stop_like_ctrl_c()
        if {"--help", "-h", "-help"} & set(argv):
            print(_help(verb))
            sys.exit(0)
        _parse(argv)
        sys.exit(body())
    except InputError as error:
        _fail(verb, str(error))
    except KeyboardInterrupt as stop:
        sys.exit(128 + stop.args[0] if stop.args else INTERRUPTED)
    except BrokenPipeError:  # The reader of our output has gone, as in `memkit status | head`.
        sys.stdout = None
        sys.exit(1)
    except OSError as error:
        if error.errno not in NOT_WRITABLE:
            raise
        _fail(verb, f"{error.filename or 'files'} cannot be written: {error.strerror}")


def _stop_like_ctrl_c():
    """Lets a scheduler's SIGTERM, and the end of a terminal, end a verb as Ctrl-C does."""

    def interrupt(number, _):
        raise KeyboardInterrupt(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # Not under nohup.
            signal.signal(number, interrupt)


def _parse(argv):
    from absl import flags, logging

    from memkit.errors import InputError, expected

    flag_module = _flag_module()
    try:
        words = flags.FLAGS(["memkit", *flag_module.resolve_config(argv)])
    except flags.Error as error:
        # A config file that raises arrives with its stack trace; the last line says what is wrong.
        line = str(error).strip().splitlines()[-1]
        raise InputError(line.removeprefix("ValueError: ")) from error
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
    formatter.format = lambda record: f"{record.levelname.lower()}: {record.getMessage()}"
    return formatter


def _flag_module():
    """Returns the launch.flags module that the verb's module imported."""
    return next(
        sys.modules[name] for name in ("memkit.launch.flags", "launch.flags") if name in sys.modules
    )


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


def _fail(verb, message):
    line = " ".join(message.split())
    print(f"memkit {verb}: error: {line}", file=sys.stderr)
    sys.exit(INPUT_ERROR)


if __name__ == "__main__":
    main()

"""The `memkit` command: a table of verbs, and every error as one line.

`memkit --help` and `--version` import nothing but this file.
"""

import contextlib
import importlib
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:  # Imported only where they are used: --help imports nothing else.
    import logging

    from absl import flags

    from memkit.errors import InputError

# How absl reports a flag whose value is no number: its name, its value and Python's complaint.
_NO_NUMBER = re.compile(r"flag --([\w.]+)=(.*): (invalid literal for int|could not convert string)")
# verb -> (module, description); a process imports exactly one of the modules.
VERBS = {
    "run": ("memkit.launch.run", "train what is missing, estimate and write the report"),
    "plan": ("memkit.launch.plan", "print what a study costs, before anything starts"),
    "train": ("memkit.launch.train", "train the missing runs, or a part of them"),
    "estimate": ("memkit.launch.estimate", "turn run records into scores with intervals"),
    "report": ("memkit.launch.report", "write the report of a study that has estimates"),
    "chart": ("memkit.launch.chart", "write charts of a study that has estimates"),
    "status": ("memkit.launch.status", "print what of a study is done, missing or broken"),
    "verify": ("memkit.launch.verify", "check every file of a study, and retrain some runs"),
    "merge": ("memkit.launch.merge", "join studies that were trained separately"),
    "compare": ("memkit.launch.compare", "compare scores with a published file or another study"),
    "audit": ("memkit.launch.audit", "find wrong labels in a folder of images, or in a study"),
    "export": ("memkit.launch.export", "write scores in the layouts that other tools read"),
    "removal": ("memkit.launch.removal", "train without the memorized examples"),
    "tpu_check": ("memkit.launch.tpu_check", "compile a study for a TPU without having one"),
}

INPUT_ERROR = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Runs `memkit VERB ...` and exits with its code."""
    argv = sys.argv[1:] if argv is None else argv
    prepare_process()
    verb, *rest = argv or ["--help"]
    with _errors_as_one_line(f"memkit {verb}" if verb in VERBS else "memkit"):
        if verb in ("--help", "-h", "help"):
            _print_and_exit(_usage())
        if verb == "--version":
            metadata = importlib.import_module("importlib.metadata")
            _print_and_exit(f"memkit {metadata.version('memkit')}")
        if verb not in VERBS:
            from memkit.errors import unknown

            raise unknown("command", verb, VERBS, kind="verb")
        _execute(verb, importlib.import_module(VERBS[verb][0]).main, rest)


def launch(verb: str, body: Callable[[], int], argv: Sequence[str]) -> NoReturn:
    """Parses the flags of one verb, runs its body and exits.

    Exit codes: that of the body, 0 for help, 2 for a mistake in the command or a file that
    cannot be read or written, 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
    """
    prepare_process()
    with _errors_as_one_line(f"memkit {verb}"):
        _execute(verb, body, argv)


def prepare_process() -> None:
    """Makes the standard streams safe to write to.

    A closed stream is connected to the null device: otherwise the next file that is opened would
    get its number, and native libraries would write to that file. Control characters, and
    characters that the encoding of the terminal lacks, are escaped.
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
def _errors_as_one_line(program: str) -> Iterator[None]:
    """Ends this process with one line and an exit code if the block raises an error of the user."""
    try:
        yield
    except KeyboardInterrupt as stop:
        sys.exit(128 + stop.args[0] if stop.args else INTERRUPTED)
    except BrokenPipeError:  # The reader of the output has exited, as in `memkit status | head`.
        sys.stdout = None  # So that nothing is flushed at exit.
        sys.exit(1)
    except Exception as error:
        from memkit.system_errors import explained

        line = explained(error)
        if line is None:
            raise
        _fail(program, line)


def _execute(verb: str, body: Callable[[], int], argv: Sequence[str]) -> NoReturn:
    _treat_signals_as_ctrl_c()
    if {"--help", "-h", "-help"} & set(argv):
        _print_and_exit(_help(verb))
    if verb == "audit" and argv and not argv[0].startswith("-"):
        argv = [f"--data={argv[0]}", *argv[1:]]
    from memkit.errors import InputError

    try:
        _parse(argv)
        code = body()
    except InputError as error:
        text = importlib.import_module("memkit.launch.typed").renamed(str(error))
        if text == str(error):
            raise
        raise InputError(text) from error
    _exit(code)


def _print_and_exit(text: str) -> NoReturn:
    print(text)
    _exit(0)


def _exit(code: int) -> NoReturn:
    try:
        sys.stdout.flush()  # A failure would otherwise happen at exit, with a stack trace.
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from None
    sys.exit(code)


def _treat_signals_as_ctrl_c() -> None:
    """Makes SIGTERM and SIGHUP, of schedulers and closed terminals, end a verb as Ctrl-C does."""

    def interrupt(number: int, _: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # Not under nohup.
            signal.signal(number, interrupt)


def _parse(argv: Sequence[str]) -> None:
    """Parses the flags of the verb that was imported, and sets up logging.

    Raises:
      InputError: a flag, a flag file or a config file is wrong.
    """
    from absl import flags, logging

    from memkit.errors import InputError, expected

    argv = _with_flag_files(argv)
    try:
        words = flags.FLAGS(["memkit", *_flag_module().resolve_config(argv)])
    except flags.UnrecognizedFlagError as error:
        raise _unknown_flag(error) from error
    except flags.Error as error:
        # The error of a config file that raises has its stack trace; the last line is the message.
        line = str(error).strip().splitlines()[-1]
        if wrong := _NO_NUMBER.match(line):
            name, value, kind = wrong.groups()
            expectation = "a whole number" if kind.startswith("invalid") else "a number"
            raise expected(f"--{name}", expectation, repr(value)) from error
        raise InputError(line.removeprefix("ValueError: ")) from error
    except SyntaxError as error:
        line = f" line {error.lineno}" if error.lineno else ""
        raise InputError(f"--config: {error.filename or 'the file'}{line}: {error.msg}") from error
    except AttributeError as error:  # ml_collections raises it for unknown config fields.
        raise InputError(f"--config: unknown field {_unquoted(error)}") from error
    if len(words) > 1:
        raise expected("arguments", "flags only (--name=value)", " ".join(words[1:]))
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    logging.get_absl_handler().setFormatter(_line_formatter())


def _unknown_flag(error: "flags.UnrecognizedFlagError") -> "InputError":
    """Returns the error of a flag that the verb lacks, with the config fields that it may mean."""
    from memkit.errors import InputError

    fields: list[str] = _flag_module().fields_like(error.flagname)
    if not fields:
        return InputError(str(error))
    flags_of_fields = " or ".join(f"--config.{field}" for field in fields)
    return InputError(f"--{error.flagname}: unknown flag; did you mean {flags_of_fields}?")


def _with_flag_files(argv: Sequence[str]) -> list[str]:
    """Returns argv with --flagfile replaced by its lines, in which --config may be a name, too."""
    from absl import flags

    from memkit.errors import InputError, reason

    try:
        words: list[str] = flags.FLAGS.read_flags_from_files(list(argv))
    except (flags.Error, UnicodeError) as error:
        files = " ".join(word for word in argv if "flagfile" in word)
        cause = error.__context__ if isinstance(error.__context__, OSError) else error
        text = str(cause) if isinstance(cause, flags.Error) else reason(cause)
        raise InputError(f"{files}: {text}") from error
    return words


def _unquoted(error: AttributeError) -> str:
    """Returns the message of an error of ml_collections, which is quoted and escaped."""
    return str(error).replace("\\n", " ").strip("\"'").replace("\\'", "'")


def _line_formatter() -> "logging.Formatter":
    import logging

    from memkit.printable import printable

    class Formatter(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            lines = record.getMessage().splitlines()
            return f"{record.levelname.lower()}: " + "\n".join(map(printable, lines))

    return Formatter()


def _flag_module() -> ModuleType:
    """Returns the module that the verb's flags are defined in."""
    return importlib.import_module("memkit.launch.flags")


def _help(verb: str) -> str:
    from absl import flags

    holders = flags.FLAGS.flags_by_module_dict()[_flag_module().__name__]
    lines = [f"memkit {verb}: {VERBS[verb][1]}", ""]
    for flag in sorted(holders, key=lambda flag: flag.name):
        default = "" if flag.default in (None, "", []) else f" (default: {flag.default_as_str})"
        value = "" if flag.boolean else "=..."
        lines.append(f"  --{flag.name}{value}")
        lines.append(f"      {flag.help}{default}")
    return "\n".join(lines)


def _usage() -> str:
    lines = [
        "memkit measures what image classifiers memorize.",
        "",
        "usage: memkit VERB --flag=value ...      memkit VERB --help lists a verb's flags",
        "",
    ]
    lines += [f"  {verb:10}{text}" for verb, (_, text) in VERBS.items()]
    return "\n".join([*lines, "", "  memkit run --config=digits_width --workdir=out/digits"])


def _fail(program: str, message: str) -> NoReturn:
    from memkit.printable import printable

    line = printable(" ".join(message.split()))
    with contextlib.suppress(OSError):  # The error stream may be full, too.
        print(f"{program}: error: {line}", file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:  # Python would try again at exit and print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(INPUT_ERROR)


if __name__ == "__main__":
    main()

"""MkDocs hook: fills the parts of pages that are made from the code, so that they cannot go stale.

A line `<!-- generated: NAME -->` of a page is replaced by what GENERATED[NAME] returns.
"""

import ast
import concurrent.futures
import pathlib
import re
import subprocess
import sys

from memkit import cli, data, models, proxies, records

ROOT = pathlib.Path(__file__).parents[1]
_MARK = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def on_page_markdown(markdown, **_):
    """Returns a page's Markdown with every mark replaced; MkDocs calls it.

    Raises:
      KeyError: a mark that nothing fills.
    """
    return _MARK.sub(lambda mark: GENERATED[mark[1]](), markdown)


def commands():
    """Returns a section per verb with its flags, as `memkit VERB --help` prints them."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        helps = pool.map(_help, cli.VERBS)
    return "\n\n".join(_verb(verb, text) for verb, text in zip(cli.VERBS, helps, strict=True))


def _help(verb):
    command = [sys.executable, "-m", "memkit.cli", verb, "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def _verb(verb, text):
    head, *lines = text.rstrip().splitlines()
    flags = [line.strip() for line in lines if line.startswith("  --")]
    meanings = [line.strip() for line in lines if line.startswith("      ")]
    rows = zip((f"`{flag}`" for flag in flags), meanings, strict=True)
    about = head.partition(": ")[2]
    return (
        f"## memkit {verb}\n\n{about[0].upper()}{about[1:]}.\n\n{_table(['flag', 'meaning'], rows)}"
    )


def record_arrays():
    """Returns the table of the arrays of a run record."""
    stored = (
        (f"`{name}`", field.dtype, f"[{', '.join(field.shape)}]", field.meaning, _asked(field))
        for name, field in records.SCHEMA.items()
    )
    return _table(["array", "type", "shape", "meaning", "stored"], stored)


def _asked(field):
    return f"with `record.{field.where}`" if field.where else "always"


def record_info():
    """Returns the table of the scalars of a run record."""
    return _table(["entry", "meaning"], ((f"`{n}`", text) for n, text in records.INFO.items()))


def study_files():
    """Returns the table "Files of a study" of ARCHITECTURE.md."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    section = text.partition("\n## Files of a study\n")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"^\|.*\|$", section, re.MULTILINE))


def configs():
    """Returns a section per packaged config: its header, which is its lab note."""
    files = sorted(path for path in (ROOT / "configs").glob("*.py"))
    headers = {path.stem: ast.get_docstring(ast.parse(path.read_text())) for path in files}
    return "\n\n".join(
        f"## {name}\n\n```text\n{header}\n```"
        for name, header in headers.items()
        if name not in ("__init__", "common")
    )


def proxy_table():
    """Returns the table of proxies: unit, direction and source of each."""
    rows = (
        (proxies.label(name), proxy.meaning, proxy.direction, proxy.source)
        for name, proxy in proxies.PROXIES.items()
    )
    return _table(["proxy", "what it is", "direction", "source"], rows)


def names():
    """Returns the lists of data sets and models that a config can name."""
    lists = {"`dataset.name`": data.SOURCES, "`model.name`": models.BUILDERS}
    rows = ((field, ", ".join(f"`{name}`" for name in known)) for field, known in lists.items())
    return _table(["field", "names"], rows)


def _table(columns, rows):
    lines = [columns, ["---"] * len(columns), *rows]
    cells = ((str(cell).replace("|", "\\|") for cell in line) for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


GENERATED = {
    function.__name__: function
    for function in (
        commands,
        configs,
        names,
        proxy_table,
        record_arrays,
        record_info,
        study_files,
    )
}

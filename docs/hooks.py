"""MkDocs hook: fills the parts of pages that are made from the code, so that they cannot go stale.

A line `<!-- generated: NAME -->` of a page is replaced by what GENERATED[NAME] returns.
"""

import ast
import collections.abc
import concurrent.futures
import dataclasses
import importlib
import inspect
import pathlib
import re
import subprocess
import sys
import typing
from types import NoneType
from typing import Any

from memkit import analysis, cli, data, estimators, models, proxies, records
from memkit.report import known_charts

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


def chart_functions():
    """Returns the table of charts: what each one shows, its functions, and what a study needs."""
    return _table(
        ["chart", "shows", "functions", "a study needs"],
        (_chart_row(*entry) for entry in known_charts.KNOWN.items()),
    )


def _chart_row(name, entry):
    path = f"memkit.analysis.{entry.module}"
    names = [f"{entry.prefix}{kind}" for kind in ("table", "chart")]
    draw = getattr(importlib.import_module(path), names[1])
    shows = inspect.getdoc(draw).split("\n\n")[0].removeprefix("Returns ").replace("\n", " ")
    links = ", ".join(f"[`{function}`](#{path}.{function})" for function in names)
    if name.endswith("_"):
        name += "<point>" if name == "removal_" else "<series>"
    return f"`{name}`", shows, f"`{entry.module}`: {links}", entry.needs


def names():
    """Returns the lists of data sets and models that a config can name."""
    lists = {"`dataset.name`": data.SOURCES, "`model.name`": models.BUILDERS}
    rows = ((field, ", ".join(f"`{name}`" for name in known)) for field, known in lists.items())
    return _table(["field", "names"], rows)


def summary_keys():
    """Returns a section per entry of summary.json with its keys, from the types of the results."""
    whole = [field for field in dataclasses.fields(analysis.Summary) if field.name != "results"]
    rows = list(_keys(analysis.Summary, whole, ""))
    sections = ["## The study", _table(["key", "type", "meaning"], rows)]
    for question in analysis.QUESTIONS:
        stored = [f for f in dataclasses.fields(question.result) if not f.metadata]
        about = inspect.getdoc(question.result).splitlines()[0]
        sections += [f"## {question.name}", about]
        if rows := list(_keys(question.result, stored, f"{question.name}.")):
            sections.append(_table(["key", "type", "meaning"], rows))
    return "\n\n".join(sections)


_PLAIN = {int: "integer", float: "number", str: "text", bool: "true or false", Any: "any"}


def _keys(kind, fields, prefix):
    """Yields (key, type, meaning) of fields of a dataclass and of the dataclasses in them."""
    hints, meanings = typing.get_type_hints(kind), _attributes(kind)
    for field in fields:
        names = iter(re.findall(r"\{([^:{}]+):", meanings[field.name]))
        inner, key = hints[field.name], f"{prefix}{field.name}"
        while (origin := typing.get_origin(inner)) in (collections.abc.Mapping, tuple):
            arguments = typing.get_args(inner)
            key += f".<{next(names, 'name')}>" if origin is not tuple else "[]"
            inner = arguments[1] if origin is not tuple else arguments[0]
        options = [
            option for option in typing.get_args(inner) or (inner,) if option is not NoneType
        ]
        is_optional = NoneType in typing.get_args(inner)
        classes = [option for option in options if dataclasses.is_dataclass(option)]
        text = " or ".join(_type_name(option) for option in options)
        if is_optional or text != "object":
            yield f"`{key}`", f"{text}, or null" if is_optional else text, meanings[field.name]
        for option in classes:
            if option is not estimators.WithError:
                yield from _keys(option, dataclasses.fields(option), f"{key}.")


def _type_name(kind):
    if kind is estimators.WithError:
        return "estimate"
    if dataclasses.is_dataclass(kind):
        return "object"
    return _PLAIN[kind] if kind in _PLAIN else "object"


def _attributes(kind):
    """Returns {field: meaning} of the section Attributes of a docstring."""
    text = inspect.getdoc(kind).partition("Attributes:\n")[2]
    entries = re.findall(r"^  (\w+): (.*(?:\n    .*)*)", text, re.MULTILINE)
    return {name: " ".join(meaning.split()) for name, meaning in entries}


def _table(columns, rows):
    lines = [columns, ["---"] * len(columns), *rows]
    cells = ((str(cell).replace("|", "\\|") for cell in line) for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


GENERATED = {
    function.__name__: function
    for function in (
        chart_functions,
        commands,
        configs,
        names,
        proxy_table,
        record_arrays,
        record_info,
        study_files,
        summary_keys,
    )
}

"""README.md and the pages of docs/ as their reader sees them: blocks of code, and commands."""

import dataclasses
import pathlib
import re
import shlex

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r'^```(\w*)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Block:
    """One fenced block: its language, the file name in its title or "", and its text."""

    language: str
    title: str
    text: str


def name(page):
    """Returns the page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page):
    """Returns the Blocks of a page, in order."""
    return [Block(*parts) for parts in _BLOCK.findall(page.read_text())]


def commands(text):
    """Returns the words of every command of a block of shell, comments left out."""
    lines = text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def mentioned(page):
    """Returns the words of every memkit command on a page, also of those inside of sentences."""
    text = _BLOCK.sub("", page.read_text())
    spans = re.findall(r"`(memkit [^`]+)`|^ {4}(memkit .+)$", text, re.MULTILINE)
    written = [block.text for block in blocks(page) if block.language in ("sh", "console")]
    commands_of_page = [
        words for text in (*map("".join, spans), *written) for words in commands(text)
    ]
    return [words for words in commands_of_page if words[0] == "memkit" and words[1] != "VERB"]

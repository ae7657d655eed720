"""The section on citing and reproducing: references as BibTeX, commands, fingerprints."""

import importlib.metadata
import itertools
import shlex

from memkit.printable import printable
from memkit.report import assets
from memkit.report.blocks import Section
from memkit.report.content import Content

NAME, TITLE = "reproduce", "How to cite and reproduce"
INTRO = "The papers to cite, and the commands that compute the same numbers again."
PAPERS = """@article{lukasik2024larger,
  title   = {What do larger image classifiers memorise?},
  author  = {Lukasik, Michal and Nagarajan, Vaishnavh and Rawat, Ankit Singh and
             Menon, Aditya Krishna and Kumar, Sanjiv},
  journal = {Transactions on Machine Learning Research},
  year    = {2024}
}

@inproceedings{feldman2020what,
  title     = {What Neural Networks Memorize and Why:
               Discovering the Long Tail via Influence Estimation},
  author    = {Feldman, Vitaly and Zhang, Chiyuan},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2020}
}"""
SOFTWARE = """@software{{memkit,
  title   = {{memkit: what image classifiers memorize}},
  author  = {{{{The memkit authors}}}},
  version = {{{version}}}
}}"""
CITE = (
    "The second paper defines memorization as it is measured here, and the first one follows it "
    "along model sizes"
)
RECORDED = (
    "This command created the study, or let it grow last, as study.json has recorded it. If the "
    "study comes from somebody else, read the command before you run it."
)
UNRECORDED = (
    "The command was not recorded, but the resolved config holds every setting. Written into a "
    "config file, it trains the same study:"
)
SAME = (
    "The same command and seed draw the same subsets, initial values, batches and augmentations, "
    "so both fingerprints are the same. With the same versions on the same kind of CPU, the "
    "records are bit-identical, too. Elsewhere the last bits differ, which can change single "
    "answers."
)
FACTS = ("versions", "engine", "study fingerprint", "data fingerprint")


def section(content: Content) -> Section:
    """Returns the section on citing and reproducing."""
    facts = {"seed": content.config["seed"]}
    facts |= {name: content.provenance[name] for name in FACTS if name in content.provenance}
    fragment = assets.fragment(
        "memkit.report",
        "reproduce.html",
        intro=RECORDED if _recorded(content) else UNRECORDED,
        commands=_commands(content),
        same=SAME,
        facts={name.capitalize(): value for name, value in facts.items()},
        cite=CITE,
        bibtex=bibtex(),
    )
    return Section(
        anchor=NAME,
        title=TITLE,
        intro=INTRO,
        blocks=(fragment,),
        is_wide=True,
    )


def bibtex() -> str:
    """Returns the entries of both papers and of this version of memkit."""
    version = importlib.metadata.version("memkit")
    return f"{PAPERS}\n\n{SOFTWARE.format(version=version)}"


def _commands(content: Content) -> str:
    """Returns the commands that train the study again and compute numbers, page and charts."""
    arguments = _recorded(content) or ["memkit", "run", "--config=study.py", "--workdir=out/study"]
    command = shlex.join(arguments)
    workdir = _flag(arguments, "workdir")
    derived = [f"memkit {verb} --workdir={workdir}" for verb in ("estimate", "report", "chart")]
    return "\n".join([command, *derived])


def _recorded(content: Content) -> list[str]:
    """Returns the arguments of the recorded command, or [] if it is not a command of memkit.

    They come from a file, so they may hold anything. `shlex.join` quotes them, so that a shell
    reads them as one command of memkit.
    """
    provenance = content.provenance
    try:
        words = shlex.split(provenance["command"] if "command" in provenance else "")
    except ValueError:  # A quotation mark without its partner.
        return []
    is_ours = len(words) > 1 and words[0] == "memkit" and words[1].isidentifier()
    return [printable(word) for word in words] if is_ours else []


def _flag(words: list[str], name: str) -> str:
    """Returns the value of a flag of a command, quoted for a shell."""
    for word, following in itertools.pairwise([*words, "out/study"]):
        flag, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and flag == name:
            return shlex.quote(value if equals else following)
    return "out/study"

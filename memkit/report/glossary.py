"""The terms of a report, explained where a reader meets them."""

import dataclasses
import re

from markupsafe import Markup, escape


@dataclasses.dataclass(frozen=True)
class Term:
    """A term with its explanation.

    Attributes:
      name: the term as the list of terms shows it.
      spellings: the words in texts that are linked to it, in lower case.
      meaning: one or two sentences.
    """

    name: str
    spellings: tuple[str, ...]
    meaning: str

    @property
    def anchor(self) -> str:
        """The name of its entry in the page's address."""
        return "term-" + re.sub(r"\W+", "-", self.name.lower())


TERMS = (
    Term(
        "memorization",
        ("memorization", "memorized"),
        "Accuracy on an example of the runs that trained on it, minus that of the runs that did "
        "not; -1 to 1, higher = more memorized.",
    ),
    Term("run", ("runs",), "One model, trained once on one random subset of the examples."),
    Term(
        "in-sample",
        ("in-sample",),
        "Over the runs that trained on the example.",
    ),
    Term(
        "out-of-sample",
        ("out-of-sample", "held out", "held-out"),
        "Over the runs that did not train on the example.",
    ),
    Term(
        "pooled score",
        ("pooled scores", "pooled score", "pooled"),
        "Memorization of one example, estimated with the help of all others: a smaller error than "
        "the raw score, and a small bias.",
    ),
    Term(
        "raw score",
        ("raw scores", "raw score"),
        "Memorization of an example from the right and wrong answers to it alone.",
    ),
    Term(
        "label probability",
        ("label probability",),
        "The probability that a model gives to the label, in place of right or wrong.",
    ),
    Term(
        "planted label",
        ("planted labels", "planted label", "flipped on purpose"),
        "A label that was changed on purpose before training, to test whether the scores find it.",
    ),
    Term(
        "95% interval",
        ("95% intervals", "95% interval"),
        "If the whole study were repeated, about 95 of 100 such intervals would contain the value "
        "that it converges to. ± is half of it.",
    ),
    Term(
        "trajectory",
        ("trajectories", "trajectory"),
        "The memorization of one example along the model sizes.",
    ),
    Term(
        "AUROC",
        ("auroc",),
        "The probability that a planted label has a higher score than a clean one; 0.5 = chance, "
        "1 = perfect.",
    ),
    Term(
        "influence",
        ("influence",),
        "How much training on one example raises the accuracy on another one; -1 to 1, higher = "
        "helps more.",
    ),
    Term(
        "q",
        ("false discovery rate",),
        "Of the pairs up to some q, a share of q is expected to be false.",
    ),
    Term(
        "distillation",
        ("distillation", "distilled"),
        "Training a model, the student, on the predictions of another one, the teacher.",
    ),
    Term(
        "proxy",
        ("proxies", "proxy"),
        "A cheap score, from one training run, that is supposed to rank examples as memorization "
        "does.",
    ),
    Term("vote", ("votes",), "The prediction of a run that did not train on the image."),
)

_BY_SPELLING = {spelling: term for term in TERMS for spelling in term.spellings}
_PATTERN = re.compile(
    r"`[^`]+`|(?<![\w-])(?:"
    + "|".join(re.escape(words) for words in sorted(_BY_SPELLING, key=len, reverse=True))
    + r")(?![\w-])",
    re.IGNORECASE,
)


def termed(text: str) -> Markup:
    """Returns text as HTML: code between backticks, and the first use of each term as a link.

    A link shows the meaning of its term under the mouse and leads to its entry in the list.

    Examples:
      >>> termed("Set `seed`.")
      Markup('Set <code>seed</code>.')
    """
    parts, end, linked = [], 0, set()
    for match in _PATTERN.finditer(text):
        words = match[0]
        parts.append(escape(text[end : match.start()]))
        end = match.end()
        if words.startswith("`"):
            parts.append(Markup("<code>{}</code>").format(words[1:-1]))
            continue
        term = _BY_SPELLING[words.lower()]
        if term in linked:
            parts.append(escape(words))
            continue
        linked.add(term)
        link = Markup('<a class="term" href="#{}" title="{}">{}</a>')
        parts.append(link.format(term.anchor, term.meaning, words))
    return Markup("").join([*parts, escape(text[end:])])

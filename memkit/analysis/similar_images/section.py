"""The section on near-duplicates: pairs of pictures, those with different labels first."""

from collections.abc import Sequence

from markupsafe import Markup

from memkit.analysis.similar_images import text
from memkit.analysis.similar_images.result import SimilarExamples, SimilarImages
from memkit.report import assets
from memkit.report.blocks import Section
from memkit.report.content import Content
from memkit.typing import Json

ANCHOR, TITLE = "near-duplicates", "Near-duplicates"
INTRO = (
    "Pairs of images that show the same picture but for small changes, such as a shift, mirroring "
    "or another brightness. A run that trained on one of them knows the other, so held-out answers "
    "on it are not held out. Images with identical pixels are not listed. Likeness of 1 = the same "
    "picture. `tables/near_duplicates.csv` has all pairs."
)
EMPTY = "The images were not compared, or there are no near-duplicates among them."
_AT_ONCE, _SHOWN = 4, 24  # pairs


def section(content: Content) -> Section:
    """Returns the section on near-duplicates; empty without any."""
    similar = content.results[SimilarImages]
    if similar.examples is None or not similar.pairs:
        return Section(anchor=ANCHOR, title=TITLE, empty=EMPTY)
    shown = [_pair(content, similar.examples, row) for row in range(min(_SHOWN, similar.pairs))]
    note = f"The first {len(shown)} of {similar.pairs:,}, those with different labels first."
    pictures: dict[str, list[int]] = {"train": [], "test": []}
    for cell in (cell for pair in shown for cell in pair):
        pictures[cell["sheet"]].append(cell["example"])
    return Section(
        anchor=ANCHOR,
        title=TITLE,
        finding=text.found(similar),
        intro=INTRO,
        blocks=(_fragment(shown[:_AT_ONCE], note),),
        details=(_fragment(shown[_AT_ONCE:], ""),) if len(shown) > _AT_ONCE else (),
        is_wide=True,
        pictures=pictures,
    )


def _fragment(pairs: Sequence[tuple[Json, Json]], note: str) -> Markup:
    return assets.fragment(__package__, "pairs.html", note=note, pairs=pairs)


def _pair(content: Content, examples: SimilarExamples, row: int) -> tuple[Json, Json]:
    """Returns the two pictures of a pair."""
    in_test, likeness = bool(examples.in_test[row]), f"likeness {examples.likeness[row]:.2f}"
    second = int(examples.second[row])
    return (
        _cell(content, int(examples.first[row]), likeness),
        _cell(content, second, "test example" if in_test else "", in_test=in_test),
    )


def _cell(content: Content, example: int, note: str, *, in_test: bool = False) -> Json:
    labels = content.test_labels if in_test else content.given_labels
    label = str(content.class_names[int(labels[example])])
    name = str((content.test_ids if in_test else content.ids)[example])
    return {
        "sheet": "test" if in_test else "train",
        "example": example,
        "alt": f"Example {name}, labeled {label}",
        "name": name,
        "label": label,
        "note": note,
    }

"""The stages of `memkit audit photos` before the estimates: choose a study and train it."""

import pathlib
import re

from memkit.launch import stages, values
from memkit.launch.flags import Holders

from memkit import studies
from memkit.audits import choices, search, sources
from memkit.data import description
from memkit.errors import expected
from memkit.printable import printable
from memkit.studies import Study, checks
from memkit.sweeps import costs
from memkit.sweeps.placement import Placement
from memkit.sweeps.progress import duration
from memkit.typing import Json, Path

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")


def default_workdir(words: str) -> str:
    """Returns the folder of the study of a data set, such as "out/audit/photos"."""
    name = _NOT_IN_NAMES.sub("-", pathlib.PurePath(words).stem or "data").strip("-.") or "data"
    return f"out/audit/{name}"


def train(
    words: str, workdir: Path, *, minutes: float, placement_flags: Holders
) -> tuple[Study, stages.Trained]:
    """Returns the study of an audit after training it, see `launch.audit`.

    A study of the same data that exists in the workdir is continued with its own recipe, and with
    more runs if the minutes suffice.

    Args:
      words: see `sources.dataset`.
      workdir: folder of the study.
      minutes: time for everything.
      placement_flags: holders of `flags.placement`.

    Raises:
      InputError: there are no such data, or the workdir holds something else.
    """
    if not minutes > 0:
        raise expected("--minutes", "a number above 0", minutes)
    is_begun = studies.exists(workdir)
    section = sources.dataset(words)
    images = stages.read_dataset({"dataset": section})
    print("\n".join(description.lines(images)), flush=True)
    if tests := len(images.test_ids):
        print(f"the labels of the {tests:,} test images are not audited")
    config = studies.load(workdir).config if is_begun else None
    config = config or choices.config(section, images, title=f"Audit of {printable(words)}")
    placement = values.placed(placement_flags, config)
    one_epoch = choices.with_epochs(config, 1)
    checks.check(one_epoch)
    print("measuring this machine ...", flush=True)
    (cost,) = costs.measured(studies.draft(one_epoch, images), placement)
    workers = len(placement.worker_envs)
    if is_begun:
        config = _grown(config, choices.runs_within(cost, config, minutes=minutes, workers=workers))
    else:
        amount = choices.amount(cost, minutes=minutes, workers=workers)
        config = _with_recipe(choices.with_amount(config, amount), placement)
        _announce(config, amount, minutes)
    study = stages.open_study(config, workdir, placement, dataset=images)
    return study, stages.train(study, placement)


def _with_recipe(config: Json, placement: Placement) -> Json:
    print("trying learning rates ...", flush=True)
    tried = search.search(config, placement)
    for each in tried:
        augmented = "" if each.augment == "none" else " with random crops and flips"
        print(f"  rate {each.peak:g}{augmented}: {each.accuracy:.1%} of held-out images right")
    return choices.with_recipe(config, peak=tried[0].peak, augment=tried[0].augment)


def _announce(config: Json, amount: choices.Amount, minutes: float) -> None:
    model = config["model"]
    print(
        f"{amount.num_runs} runs of a ResNet-{model['depth']} of width {model['width']}, "
        f"{amount.epochs} epochs each, about {duration(amount.seconds)}",
        flush=True,
    )
    if amount.seconds > 60 * minutes:
        print(f"warning: the least that is sound takes longer than {minutes:g} minutes")


def _grown(config: Json, num_runs: int) -> Json:
    """Returns the config of a study with more runs, never with fewer."""
    present = config["subsets"]["num_runs"]
    return config | {"subsets": config["subsets"] | {"num_runs": max(present, num_runs)}}

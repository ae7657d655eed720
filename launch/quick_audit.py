"""The stages of `memkit audit photos` before the estimates: choose a study and train it."""

import pathlib
import re
from collections.abc import Sequence
from typing import Any

from memkit.launch import stages, values
from memkit.launch.flags import Holders

from memkit import studies
from memkit.audits import choices, search, sources
from memkit.data import description
from memkit.data.dataset import ImageDataset
from memkit.errors import expected
from memkit.printable import printable
from memkit.studies import Study, checks
from memkit.sweeps import costs
from memkit.sweeps.placement import Placement
from memkit.sweeps.progress import duration
from memkit.training.measure import Cost
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
    begun = _begun(workdir)
    section = _with_size_of(begun, sources.dataset(words))
    images = stages.read_dataset({"dataset": section})
    print("\n".join(description.lines(images)), flush=True)
    if tests := len(images.test_ids):
        print(f"the labels of the {tests:,} test images are not audited")
    config = begun or choices.config(section, images, title=f"Audit of {printable(words)}")
    placement = values.placed(placement_flags, config)
    one_epoch = choices.with_epochs(config, 1)
    checks.check(one_epoch)
    cost, time = _measured(one_epoch, images, placement), _time(placement, minutes)
    if begun:
        config = _grown(config, choices.runs_within(cost, config, **time))
    else:
        amount = choices.amount(cost, **time)
        first = choices.with_amount(config, amount)
        larger = _larger(words, first, choices.larger(cost, **time))
        config = _with_recipe(first, larger, placement)
        if config["dataset"] != first["dataset"]:
            images = stages.read_dataset(config)
        if {**config["model"], **config["dataset"]} != {**first["model"], **first["dataset"]}:
            cost = _measured(choices.with_epochs(config, 1), images, placement)
            amount = choices.amount(cost, **time)
            config = choices.with_amount(config, amount)
        _announce(config, amount, minutes)
    study = stages.open_study(config, workdir, placement, dataset=images)
    return study, stages.train(study, placement)


def _begun(workdir: Path) -> Json | None:
    """Returns the config of the study in a folder, None if there is none."""
    if not studies.exists(workdir):
        return None
    study = studies.load(workdir)
    if len(study.points) > 1:
        received = f"{len(study.points)} points in {workdir}"
        remedy = "or another folder (without DATA, `memkit audit --workdir=...` lists its suspects)"
        raise expected("--workdir", f"a study with one point, {remedy}", received)
    return study.config


def _with_size_of(begun: Json | None, section: Json) -> Json:
    """Returns a `dataset` section with the size of images of the study that is continued."""
    if begun and "image_size" in section and "image_size" in begun["dataset"]:
        return section | {"image_size": begun["dataset"]["image_size"]}
    return section


def _time(placement: Placement, minutes: float) -> dict[str, Any]:
    return {"minutes": minutes, "workers": len(placement.worker_envs)}


def _measured(one_epoch: Json, images: ImageDataset, placement: Placement) -> Cost:
    print("measuring this machine ...", flush=True)
    (cost,) = costs.measured(studies.draft(one_epoch, images), placement)
    return cost


def _larger(words: str, config: Json, models: Sequence[choices.Model]) -> list[Json]:
    """Returns configs with larger models; larger images only where the files have some."""
    configs = []
    for model in models:
        section = sources.dataset(words, most_side=model.side)
        has_larger = config["dataset"] | section != config["dataset"]
        if has_larger or model.side == choices.MODELS[0].side:
            configs.append(choices.with_model(config, model, section))
    return configs


def _with_recipe(config: Json, larger: Sequence[Json], placement: Placement) -> Json:
    models = " and larger models" if larger else ""
    print(f"trying learning rates{models} ...", flush=True)
    tried = search.search(config, placement, larger=larger)
    for each in tried:
        augmented = "" if each.augment == "none" else " with random crops and flips"
        model = f", {_model(each.config)}" if larger else ""
        print(
            f"  rate {each.peak:g}{augmented}{model}: {each.accuracy:.1%} of held-out images right"
        )
    return tried[0].config


def _model(config: Json) -> str:
    model, source = config["model"], config["dataset"]
    side = source["image_size"] if "image_size" in source else 0
    pixels = f" on images of {side} pixels" if side else ""
    return f"a ResNet-{model['depth']} of width {model['width']}{pixels}"


def _announce(config: Json, amount: choices.Amount, minutes: float) -> None:
    print(
        f"{amount.num_runs} runs of {_model(config)}, {amount.epochs} epochs each, "
        f"about {duration(amount.seconds)}",
        flush=True,
    )
    if amount.seconds > 60 * minutes:
        print(f"warning: the least that is sound takes longer than {minutes:g} minutes")


def _grown(config: Json, num_runs: int) -> Json:
    """Returns the config of a study with more runs, never with fewer."""
    present = config["subsets"]["num_runs"]
    return config | {"subsets": config["subsets"] | {"num_runs": max(present, num_runs)}}

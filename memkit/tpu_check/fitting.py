"""Says before a study starts that its activations are too many for a TPU chip."""

from collections.abc import Mapping

from memkit.tpu_check.chips import CHIPS


def sentence(kept: Mapping[str, tuple[int, int]], *, remat: bool) -> str:
    """Returns one line about the point that keeps most, "" if every chip has room for it.

    Args:
      kept: `activations.of_points` of a study.
      remat: `training.remat` of the study.

    Examples:
      >>> sentence({"one_hot": (18 * 2**30, 14 * 2**30)}, remat=False)[:75]
      'one_hot: about 18 GiB of activations on a device, more than v5e (15.75 GiB)'
    """
    name = max(kept, key=lambda point: kept[point][remat])
    least = kept[name][remat]
    small = [f"{chip} ({_gib(CHIPS[chip].hbm)})" for chip in CHIPS if CHIPS[chip].hbm < least]
    if not small:
        return ""
    return (
        f"{name}: about {_gib(least)} of activations on a device, more than {', '.join(small)} "
        f"{'has' if len(small) == 1 else 'have'}; the compiler may compute some of them again to "
        "make room, which `memkit tpu_check` finds out"
    )


def _gib(number: float) -> str:
    return f"{number / 2**30:.4g} GiB"

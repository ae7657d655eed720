"""Says before a study starts that its activations are too many for a TPU chip."""

from collections.abc import Mapping

from memkit.tpu_check.chips import CHIPS


def sentence(kept: Mapping[str, tuple[int, int]], *, remat: bool) -> str:
    """Returns one line about the point that keeps most, "" if every chip has room for it.

    Args:
      kept: `activations.of_points` of a study.
      remat: `training.remat` of the study.

    Examples:
      >>> sentence({"one_hot": (37 * 2**30, 20 * 2**30)}, remat=False)[:73]
      'one_hot: about 37 GiB of activations on a device; without room for them: '
    """
    name = max(kept, key=lambda point: kept[point][remat])
    least, again = kept[name][remat], kept[name][1]
    small = [f"{chip} ({_gib(CHIPS[chip].hbm)})" for chip in CHIPS if CHIPS[chip].hbm < least]
    if not small:
        return ""
    hint = "" if remat or again == least else f"; {_gib(again)} with training.remat=true (JAX)"
    return (
        f"{name}: about {_gib(least)} of activations on a device; "
        f"without room for them: {', '.join(small)}{hint}"
    )


def _gib(number: float) -> str:
    return f"{number / 2**30:.4g} GiB"

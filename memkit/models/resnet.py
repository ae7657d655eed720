"""Residual networks for small images, after He et al. 2016 (arXiv 1512.03385, section 4.2).

One 3x3 convolution, three stages of n blocks with `width`, 2 x `width` and 4 x `width` filters,
global average pooling and a linear layer. The paper's width is 16. Blocks of two convolutions give
depth 6n+2; the bottlenecks of the second paper (arXiv 1603.05027) give 9n+2 and have 4 times the
filters at their ends. Shortcuts are option A unless B is asked for: stride-2 subsampling and zero
channels, without parameters.
"""

from typing import Any

from etils import epy

from memkit.errors import expected
from memkit.models import layers, residual

with epy.lazy_imports():
    import keras

_MOST_DEPTH = 2_000
_DEPTHS = {
    "basic": (6, "6n+2 with n >= 1 (8, 14, 20, 32, 44, 56, 110)"),
    "bottleneck": (9, "9n+2 with n >= 1 (11, 20, 29, 56, 110, 164, 1001)"),
}

# Values of the options without a default in `check`, see `models.defaults`.
DEFAULTS = {"depth": 20, "width": 16}


def check(
    *, depth: Any, width: Any, version: Any = 1, shortcut: Any = "A", block: Any = "basic"
) -> None:
    """Checks the options of a config against the networks that the papers define.

    Args:
      depth: 6n+2 for basic blocks, 9n+2 for bottlenecks.
      width: filters of the first stage, at least 1; a bottleneck's output has 4 times as many.
      version: 1, or 2 for pre-activation.
      shortcut: "A", or "B": 1x1 convolutions where the shape changes, in version 1 with batch
        normalization.
      block: "basic", or "bottleneck" in version 2.

    Raises:
      InputError: names the option.
    """
    if not isinstance(block, str) or block not in _DEPTHS:
        raise expected("model.block", f"one of {', '.join(_DEPTHS)}", repr(block))
    if version not in (1, 2):
        raise expected("model.version", "1 or 2 (pre-activation)", repr(version))
    if shortcut not in ("A", "B"):
        raise expected("model.shortcut", "'A' (zero channels) or 'B' (projection)", repr(shortcut))
    if block == "bottleneck" and version == 1:
        raise expected("model.block", "'basic' in version 1", "'bottleneck'")
    period, depths = _DEPTHS[block]
    is_depth = type(depth) is int and period + 2 <= depth <= _MOST_DEPTH
    if not is_depth or (depth - 2) % period:
        raise expected("model.depth", depths, depth)
    if type(width) is not int or not 1 <= width <= residual.MOST_WIDTH:
        expectation = f"an int in 1..{residual.MOST_WIDTH} (the paper's is 16)"
        raise expected("model.width", expectation, width)


def build(
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    depth: int,
    width: int,
    version: int = 1,
    shortcut: str = "A",
    block: str = "basic",
) -> "keras.Model":
    """Returns the network of He et al. with `width` filters in its first stage; see `check`."""
    check(depth=depth, width=width, version=version, shortcut=shortcut, block=block)
    images = keras.Input(input_shape, name="images")
    period, _ = _DEPTHS[block]
    x = residual.stages(
        layers.convolution_norm(images, width, kernel=3, name="stem"),
        [(depth - 2) // period] * 3,
        width=width,
        block=block,
        version=version,
        shortcut=shortcut,
    )
    return keras.Model(images, layers.classify(x, num_classes), name="resnet")

"""Residual networks for large images, after He et al. 2016 (arXiv 1512.03385, table 1).

Four stages with `width` to 8 x `width` filters, bottlenecks from depth 50 on, projection shortcuts.
With the 3x3 stem the same networks suit images of 32 or 64 pixels: Feldman and Zhang trained such a
ResNet-50 on CIFAR-100.
"""

from typing import Any

from etils import epy

from memkit.errors import expected
from memkit.models import layers, residual

with epy.lazy_imports():
    import keras

_BLOCKS = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}

# Values of the options without a default in `check`, see `models.defaults`.
DEFAULTS = {"depth": 50, "stem": "3x3", "version": 1.5}


def check(*, depth: Any, stem: Any, version: Any, width: Any = 64) -> None:
    """Checks the options of a config against the networks that the papers define.

    Args:
      depth: 18, 34, 50, 101 or 152.
      stem: "imagenet", a 7x7 convolution and a 3x3 max-pool of stride 2 each (total stride 32), or
        "3x3", one 3x3 convolution of stride 1 (total stride 8).
      version: 1, the stride of a bottleneck in its first 1x1 convolution as in the paper; 1.5, in
        its 3x3 convolution as in most later code; 2, pre-activation (stride in the 3x3). Below
        depth 50, 1 and 1.5 are the same network.
      width: filters of the first stage, at least 1; a bottleneck's output has 4 times as many.

    Raises:
      InputError: names the option.
    """
    if type(depth) is not int or depth not in _BLOCKS:
        raise expected("model.depth", f"one of {', '.join(map(str, _BLOCKS))}", repr(depth))
    if stem not in ("imagenet", "3x3"):
        raise expected("model.stem", "'imagenet' (224 px) or '3x3' (32 or 64 px)", repr(stem))
    if version not in (1, 1.5, 2):
        raise expected("model.version", "1, 1.5 or 2 (pre-activation)", repr(version))
    if type(width) is not int or not 1 <= width <= residual.MOST_WIDTH:
        expectation = f"an int in 1..{residual.MOST_WIDTH} (the paper's is 64)"
        raise expected("model.width", expectation, width)


def build(
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    depth: int,
    stem: str,
    version: float,
    width: int = 64,
) -> "keras.Model":
    """Returns a ResNet of He et al. with `width` filters in its first stage; see `check`."""
    check(depth=depth, stem=stem, version=version, width=width)
    images = keras.Input(input_shape, name="images")
    block, blocks = _BLOCKS[depth]
    x = residual.stages(
        _stem(images, width, large=stem == "imagenet"),
        blocks,
        width=width,
        block=block,
        version=version,
        shortcut="B",
    )
    return keras.Model(images, layers.classify(x, num_classes), name="resnet_imagenet")


def _stem(images: layers.Tensor, width: int, *, large: bool) -> layers.Tensor:
    if not large:
        return layers.convolution_norm(images, width, kernel=3, name="stem")
    x = layers.convolution_norm(images, width, kernel=7, stride=2, name="stem")
    # Padding with zeros does not change a maximum of activations that have passed a ReLU.
    x = keras.layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
    return keras.layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)

"""ConvNeXt, after Liu et al. 2022 (arXiv 2201.03545).

Blocks of a depthwise 7x7 convolution, LayerNorm, an MLP of 4 times the width with GELU, and layer
scale from 1e-6; between the four stages, LayerNorm and a 2x2 convolution of stride 2, which doubles
the width. All kernels start from a normal distribution of standard deviation 0.02, truncated at two
sigma, all biases at 0, and LayerNorm has epsilon 1e-6, as in the paper's code. There is no
stochastic depth.

The paper's networks cut images of 224 pixels into patches of 4, which leaves 7x7 positions to the
last stage. Patches of 1 (32 pixels) or 2 (64 pixels) leave it 4x4.
"""

from typing import Any

from etils import epy

from memkit import rules
from memkit.errors import expected
from memkit.models import layers
from memkit.models.layers import Tensor

with epy.lazy_imports():
    import keras

    from memkit.models import custom_layers

_STAGES = 4
_LAYER_SCALE = 1e-6
_MOST_DEPTH, _MOST_WIDTH, _MOST_PATCH = 1_000, 4_096, 1_024

# Values of the options without a default in `check`, see `models.defaults`.
DEFAULTS = {"depth": 12, "width": 40, "patch": 1}


def check(*, depth: Any, width: Any, patch: Any) -> None:
    """Checks the options of a config.

    Args:
      depth: number of blocks, at least 6; see `blocks_of_stages`. The paper's T has 18, its S, B
        and L have 36; the atto, femto and pico of timm have 12, its nano has 14.
      width: channels of the first stage; each stage doubles them. The paper's T and S have 96, B
        has 128 and L has 192; timm's atto, femto, pico and nano have 40, 48, 64 and 80.
      patch: side of the first patches in pixels, 4 in the paper.

    Raises:
      InputError: names the option.
    """
    rules.check("model.depth", depth, rules.whole(6, _MOST_DEPTH))
    rules.check("model.width", width, rules.whole(1, _MOST_WIDTH))
    rules.check("model.patch", patch, rules.whole(1, _MOST_PATCH))


def blocks_of_stages(depth: int) -> tuple[int, int, int, int]:
    """Returns the number of blocks of each stage.

    The ratio is 1:1:3:1 up to depth 18. As in the paper's larger networks, the third stage has all
    further blocks.

    Examples:
      >>> [blocks_of_stages(depth) for depth in (12, 18, 36)]
      [(2, 2, 6, 2), (3, 3, 9, 3), (3, 3, 27, 3)]
    """
    outer = min(depth // 6, 3)
    return outer, outer, depth - 3 * outer, outer


def build(
    *, input_shape: tuple[int, ...], num_classes: int, depth: int, width: int, patch: int
) -> "keras.Model":
    """Returns a ConvNeXt; see `check`.

    Raises:
      InputError: an option that `check` refuses, or a patch that is too large for the images.
    """
    check(depth=depth, width=width, patch=patch)
    height, image_width, _ = input_shape
    if min(height, image_width) < patch * 2 ** (_STAGES - 1):
        sides = f"at most an eighth of the sides of the images, {height} x {image_width}"
        raise expected("model.patch", sides, patch)
    images = keras.Input(input_shape, name="images")
    x = layers.patches(images, width, size=patch, name="stem")
    x = layers.layer_norm(x, name="stem")
    for stage, blocks in enumerate(blocks_of_stages(depth)):
        if stage > 0:
            x = layers.layer_norm(x, name=f"stage{stage}")
            x = layers.patches(x, width * 2**stage, size=2, name=f"stage{stage}")
        for i in range(blocks):
            x = _block(x, name=f"stage{stage}_block{i}")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.layer_norm(x, name="last")
    logits = layers.linear(x, num_classes, name="logits", dtype="float32")
    return keras.Model(images, logits, name="convnext")


def _block(x: Tensor, *, name: str) -> Tensor:
    """Applies a residual block that keeps the shape of x."""
    residual = keras.layers.DepthwiseConv2D(
        7, padding="same", depthwise_initializer=layers.small_normal(), name=f"{name}_depthwise"
    )(x)
    residual = layers.layer_norm(residual, name=name)
    residual = layers.inverted_mlp(residual, name=name)
    residual = custom_layers.LayerScale(_LAYER_SCALE, name=f"{name}_scale")(residual)
    return keras.layers.Add(name=f"{name}_add")([x, residual])

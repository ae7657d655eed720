"""Residual stages of both ResNet papers, for networks on small and on large images.

Version 1 (He et al. 2016a, arXiv 1512.03385): convolution, batch normalization, ReLU; the sum of
shortcut and residual passes a ReLU. Version 2 (He et al. 2016b, arXiv 1603.05027, figure 4e): batch
normalization and ReLU come before each convolution and no activation follows the addition, so the
shortcuts form an unbroken path; where the path changes its shape, it starts from the activation
that it shares with the residual.
"""

from collections.abc import Sequence
from typing import TypeAlias

from etils import epy

from memkit.models import layers
from memkit.models.layers import Tensor

with epy.lazy_imports():
    import keras

EXPANSION = 4
MOST_WIDTH = 4_096  # Largest number of filters of the first stage.
_POSITIONS = ("first", "second", "third")

# (kernel size, filters, stride) of each convolution of a block.
_Convolutions: TypeAlias = tuple[tuple[int, int, int], ...]


def stages(
    x: Tensor,
    blocks: Sequence[int],
    *,
    width: int,
    block: str,
    version: float,
    shortcut: str,
) -> Tensor:
    """Applies the residual stages of a network; each stage but the first halves the image.

    Args:
      x: [batch, H, W, C], the activated stem.
      blocks: number of blocks of each stage.
      width: filters of the first stage; each stage doubles them.
      block: "basic" (3x3, 3x3) or "bottleneck" (1x1, 3x3, 1x1 with 4 times the filters).
      version: 1; 1.5, which has a bottleneck's stride in its 3x3 instead of its first 1x1; or 2.
      shortcut: "A" or "B", see `_reshaped`.

    Returns:
      [batch, h, w, filters], activated.
    """
    for stage, depth in enumerate(blocks):
        for i in range(depth):
            name = f"stage{stage}_block{i}"
            stride = 2 if stage > 0 and i == 0 else 1
            convolutions = _convolutions(block, width * 2**stage, stride=stride, version=version)
            if version != 2:
                x = _post_activation(x, convolutions, shortcut=shortcut, name=name)
                continue
            # In the first stage, the activation of the stem has this role.
            x = layers.norm_relu(x, name=f"{name}_first") if stage > 0 and i == 0 else x
            x = _pre_activation(x, convolutions, activated=i == 0, shortcut=shortcut, name=name)
    return layers.norm_relu(x, name="last") if version == 2 else x


def _convolutions(block: str, filters: int, *, stride: int, version: float) -> _Convolutions:
    """Returns (kernel size, filters, stride) of each convolution of a block."""
    if block == "basic":
        return (3, filters, stride), (3, filters, 1)
    reduce, middle = (stride, 1) if version == 1 else (1, stride)
    return (1, filters, reduce), (3, filters, middle), (1, EXPANSION * filters, 1)


def _post_activation(x: Tensor, convolutions: _Convolutions, *, shortcut: str, name: str) -> Tensor:
    """Applies a block of version 1."""
    residual = x
    for position, (kernel, filters, stride) in zip(_POSITIONS, convolutions, strict=False):
        residual = layers.convolution_norm(
            residual,
            filters,
            kernel=kernel,
            stride=stride,
            activation=position != _POSITIONS[len(convolutions) - 1],
            name=f"{name}_{position}",
        )
    shortcut_path = _reshaped(x, convolutions, shortcut=shortcut, name=name)
    if shortcut == "B" and shortcut_path is not x:
        shortcut_path = layers.batch_norm(shortcut_path, name=f"{name}_shortcut")
    x = keras.layers.Add(name=f"{name}_add")([shortcut_path, residual])
    return keras.layers.Activation("relu", name=f"{name}_out")(x)


def _pre_activation(
    x: Tensor, convolutions: _Convolutions, *, activated: bool, shortcut: str, name: str
) -> Tensor:
    """Applies a block of version 2; `activated` if x is the output of an activation."""
    residual = x
    for position, (kernel, filters, stride) in zip(_POSITIONS, convolutions, strict=False):
        if not (activated and position == "first"):
            residual = layers.norm_relu(residual, name=f"{name}_{position}")
        residual = layers.convolution(
            residual, filters, kernel=kernel, stride=stride, name=f"{name}_{position}"
        )
    shortcut_path = _reshaped(x, convolutions, shortcut=shortcut, name=name)
    return keras.layers.Add(name=f"{name}_add")([shortcut_path, residual])


def _reshaped(x: Tensor, convolutions: _Convolutions, *, shortcut: str, name: str) -> Tensor:
    """Returns x in the shape of the block's output, x itself if it has that shape already.

    Option A takes every second pixel and adds channels of zeros, half of them on each side; option
    B is a 1x1 convolution.
    """
    filters = convolutions[-1][1]
    stride = max(stride for _, _, stride in convolutions)
    if stride == 1 and x.shape[-1] == filters:
        return x
    if shortcut == "B":
        return layers.convolution(x, filters, kernel=1, stride=stride, name=f"{name}_shortcut")
    if stride > 1:
        x = keras.layers.AveragePooling2D(1, strides=stride, name=f"{name}_subsample")(x)
    missing = filters - x.shape[-1]
    return keras.ops.pad(x, [[0, 0], [0, 0], [0, 0], [missing // 2, missing - missing // 2]])


def sums(model: "keras.Model") -> "list[keras.layers.Add]":
    """Returns the layers of any model with which its residual blocks end."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Add)]

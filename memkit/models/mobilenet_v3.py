"""MobileNetV3, after Howard et al. 2019 (arXiv 1905.02244, tables 1 and 2).

The network halves the image five times, which would reduce an image of 32 pixels to a single one.
`resolution` therefore drops the first halvings: none at 224 pixels (total stride 32), that of the
stem at 64 (16), and also that of the first strided block at 32 (8). There is no dropout, since
compiled programs draw no random numbers. Padding, epsilon and initial values are those of the
authors' TensorFlow code. Its batch-norm momentum of 0.997 to 0.999 adapts too slowly in runs of a
few thousand steps, hence 0.9.
"""

from typing import Any, TypeAlias

from etils import epy

from memkit.errors import expected
from memkit.models import layers
from memkit.models.layers import Tensor

with epy.lazy_imports():
    import keras

# Side of the images in pixels -> number of halvings that are dropped.
RESOLUTIONS = {224: 0, 64: 1, 32: 2}

# (kernel, expanded channels, channels, squeeze-excite, hard-swish, stride) of a block at alpha 1.
_Row: TypeAlias = tuple[int, int, int, bool, bool, int]

_SMALL: tuple[_Row, ...] = (
    (3, 16, 16, True, False, 2),
    (3, 72, 24, False, False, 2),
    (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2),
    (5, 240, 40, True, True, 1),
    (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1),
    (5, 144, 48, True, True, 1),
    (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1),
    (5, 576, 96, True, True, 1),
)
_LARGE: tuple[_Row, ...] = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
    (5, 960, 160, True, True, 1),
)
# The rows, and the width of the last hidden layer.
_VARIANTS = {"small": (_SMALL, 1024), "large": (_LARGE, 1280)}
_STEM = 16
_MOST_ALPHA = 100

# Values of the options without a default in `check`, see `models.defaults`.
DEFAULTS = {"variant": "large", "alpha": 1.0, "resolution": 32}


def check(
    *,
    variant: Any,
    alpha: Any,
    resolution: Any,
    minimalistic: Any = False,
    bn_momentum: Any = 0.9,
) -> None:
    """Checks the options of a config.

    Args:
      variant: "small" or "large".
      alpha: factor on the channels of all blocks, above 0; rounded to multiples of 8. The stem
        keeps its 16 channels, and the last hidden layer grows only above 1.
      resolution: 32, 64 or 224, the side in pixels that the strides are meant for; images of other
        sizes are accepted too.
      minimalistic: whether to use 3x3 kernels and ReLU only, without squeeze-excite.
      bn_momentum: of all batch normalizations, in [0, 1).

    Raises:
      InputError: names the option.
    """
    if not isinstance(variant, str) or variant not in _VARIANTS:
        raise expected("model.variant", f"one of {', '.join(_VARIANTS)}", repr(variant))
    is_number = isinstance(alpha, (int, float)) and not isinstance(alpha, bool)
    if not is_number or not 0 < alpha <= _MOST_ALPHA:
        expectation = f"a number above 0, up to {_MOST_ALPHA} (the paper's are 0.35 to 1.25)"
        raise expected("model.alpha", expectation, alpha)
    if type(resolution) is not int or resolution not in RESOLUTIONS:
        raise expected("model.resolution", "32, 64 or 224", repr(resolution))
    if not isinstance(minimalistic, bool):
        raise expected("model.minimalistic", "true or false", repr(minimalistic))
    if not isinstance(bn_momentum, (int, float)) or not 0 <= bn_momentum < 1:
        raise expected("model.bn_momentum", "a number in [0, 1)", bn_momentum)


def build(
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    variant: str,
    alpha: float,
    resolution: int,
    minimalistic: bool = False,
    bn_momentum: float = 0.9,
) -> "keras.Model":
    """Returns MobileNetV3-Small or -Large; see `check`."""
    check(
        variant=variant,
        alpha=alpha,
        resolution=resolution,
        minimalistic=minimalistic,
        bn_momentum=bn_momentum,
    )
    rows, hidden = _VARIANTS[variant]
    images = keras.Input(input_shape, name="images")
    dropped = RESOLUTIONS[resolution]
    last = "relu" if minimalistic else "hard_swish"
    stride = 1 if dropped else 2
    x = _convolution_norm(images, _STEM, 3, name="stem", momentum=bn_momentum, stride=stride)
    x = layers.activate(x, last, name="stem")
    halvings, before = 1, _STEM
    for i, (kernel, expanded, channels, squeeze, swish, stride) in enumerate(rows):
        halvings += stride == 2
        x = _block(
            x,
            _rounded(channels * alpha),
            name=f"block{i}",
            kernel=3 if minimalistic else kernel,
            expanded=_rounded(x.shape[-1] * (expanded / before)),
            squeeze=squeeze and not minimalistic,
            activation=last if swish else "relu",
            stride=1 if halvings <= dropped else stride,
            momentum=bn_momentum,
        )
        before = channels
    x = _convolution_norm(x, _rounded(x.shape[-1] * 6), 1, name="last", momentum=bn_momentum)
    x = layers.activate(x, last, name="last")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = _dense(x, _rounded(hidden * max(1.0, alpha)), name="hidden")
    x = layers.activate(x, last, name="hidden")
    logits = _dense(x, num_classes, name="logits", dtype="float32")
    return keras.Model(images, logits, name="mobilenet_v3")


def _block(
    x: Tensor,
    filters: int,
    *,
    name: str,
    kernel: int,
    expanded: int,
    squeeze: bool,
    activation: str,
    stride: int,
    momentum: float,
) -> Tensor:
    """Applies an inverted residual block: expand, filter each channel, re-weight, project."""
    shortcut = x
    # The first block of both tables does not expand and lacks this layer.
    if name != "block0":
        x = _convolution_norm(x, expanded, 1, name=f"{name}_expand", momentum=momentum)
        x = layers.activate(x, activation, name=f"{name}_expand")
    x = keras.layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=_initializer(),
        name=f"{name}_depthwise",
    )(x)
    x = layers.batch_norm(x, name=f"{name}_depthwise", momentum=momentum, epsilon=1e-3)
    x = layers.activate(x, activation, name=f"{name}_depthwise")
    x = _squeeze_excite(x, name=f"{name}_squeeze") if squeeze else x
    x = _convolution_norm(x, filters, 1, name=f"{name}_project", momentum=momentum)
    if stride == 1 and shortcut.shape[-1] == filters:
        return keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def _squeeze_excite(x: Tensor, *, name: str) -> Tensor:
    """Multiplies each channel of x by a weight in [0, 1], a function of all channels' means."""
    channels = x.shape[-1]
    weight = keras.layers.GlobalAveragePooling2D(name=f"{name}_pool")(x)
    weight = _dense(weight, _rounded(channels / 4), name=f"{name}_reduce")
    weight = layers.activate(weight, "relu", name=f"{name}_reduce")
    weight = _dense(weight, channels, name=f"{name}_expand")
    weight = layers.activate(weight, "hard_sigmoid", name=f"{name}_expand")
    weight = keras.layers.Reshape((1, 1, channels), name=f"{name}_shape")(weight)
    return keras.layers.Multiply(name=f"{name}_scale")([x, weight])


def _convolution_norm(
    x: Tensor, filters: int, kernel: int, *, name: str, momentum: float, stride: int = 1
) -> Tensor:
    x = keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=_initializer(),
        name=f"{name}_conv",
    )(x)
    return layers.batch_norm(x, name=name, momentum=momentum, epsilon=1e-3)


def _dense(x: Tensor, units: int, *, name: str, dtype: str | None = None) -> Tensor:
    return keras.layers.Dense(units, kernel_initializer=_initializer(), dtype=dtype, name=name)(x)


def _initializer() -> "keras.initializers.Initializer":
    return keras.initializers.TruncatedNormal(stddev=0.09)


def _rounded(channels: float) -> int:
    """Returns the nearest multiple of 8, at least 8 and at least 0.9 of the channels."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8

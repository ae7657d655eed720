"""Layers that the models share: those of residual networks, then those of ViT and ConvNeXt.

Callers name every layer; images are [batch, height, width, channels].
"""

from typing import Any, TypeAlias

from etils import epy

with epy.lazy_imports():
    import keras

Tensor: TypeAlias = Any  # A symbolic tensor of Keras.


def convolution(x: Tensor, filters: int, *, kernel: int, name: str, stride: int = 1) -> Tensor:
    """Applies a convolution of odd kernel size without bias, padded equally on both sides."""
    strided = stride > 1 and kernel > 1
    # With `same`, a strided convolution of an even image would be padded on one side only.
    x = keras.layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x) if strided else x
    return keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="valid" if strided else "same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)


def batch_norm(x: Tensor, *, name: str, momentum: float = 0.9, epsilon: float = 1e-5) -> Tensor:
    """Applies batch normalization with the momentum of He et al.'s code; Keras defaults to 0.99."""
    layer = keras.layers.BatchNormalization(momentum=momentum, epsilon=epsilon, name=f"{name}_bn")
    return layer(x)


def activate(x: Tensor, activation: str, *, name: str) -> Tensor:
    """Applies an activation by its Keras name, such as "relu" or "hard_swish"."""
    return keras.layers.Activation(activation, name=f"{name}_{activation}")(x)


def convolution_norm(
    x: Tensor, filters: int, *, kernel: int, name: str, stride: int = 1, activation: bool = True
) -> Tensor:
    """Applies convolution, batch normalization and, if `activation`, ReLU."""
    x = convolution(x, filters, kernel=kernel, stride=stride, name=name)
    x = batch_norm(x, name=name)
    return activate(x, "relu", name=name) if activation else x


def norm_relu(x: Tensor, *, name: str) -> Tensor:
    """Applies batch normalization and ReLU: the pre-activation of He et al. 2016b."""
    return activate(batch_norm(x, name=name), "relu", name=name)


def classify(x: Tensor, num_classes: int) -> Tensor:
    """Returns float32 logits [batch, num_classes] from the spatial means of a feature map."""
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.layers.Dense(
        num_classes, kernel_initializer="he_normal", dtype="float32", name="logits"
    )(x)


def small_normal() -> "keras.initializers.Initializer":
    """Returns the initializer of all kernels of ViT and ConvNeXt."""
    return keras.initializers.TruncatedNormal(stddev=0.02)


def layer_norm(x: Tensor, *, name: str) -> Tensor:
    """Applies layer normalization over the channels, with the epsilon of ViT and ConvNeXt."""
    return keras.layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(x)


def patches(x: Tensor, filters: int, *, size: int, name: str) -> Tensor:
    """Maps every square patch of an image linearly to a position with so many filters."""
    return keras.layers.Conv2D(
        filters, size, strides=size, kernel_initializer=small_normal(), name=f"{name}_conv"
    )(x)


def linear(x: Tensor, units: int, *, name: str, dtype: str | None = None) -> Tensor:
    """Applies a linear layer to the channels of every position."""
    return keras.layers.Dense(units, kernel_initializer=small_normal(), dtype=dtype, name=name)(x)


def inverted_mlp(x: Tensor, *, name: str) -> Tensor:
    """Applies an MLP to every position, with 4 times the channels and GELU in its hidden layer."""
    channels = x.shape[-1]
    x = linear(x, 4 * channels, name=f"{name}_expand")
    x = activate(x, "gelu", name=name)
    return linear(x, channels, name=f"{name}_project")

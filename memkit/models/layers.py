"""Layers that the models share: convolutions without bias, batch normalization, the last layer.

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

"""Layers that the models share: convolutions without bias, batch normalization, the last layer.

Every layer carries a name given by its caller; images are [batch, height, width, channels].
"""

from etils import epy

with epy.lazy_imports():
    import keras


def convolution(x, filters, *, kernel, name, stride=1):
    """Returns a convolution of odd kernel size without bias, padded alike on both sides."""
    strided = stride > 1 and kernel > 1
    # `same` pads a strided convolution of an even image on one side only.
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


def batch_norm(x, *, name, momentum=0.9, epsilon=1e-5):
    """Returns the batch normalization of He et al.'s code, not the slower one Keras defaults to."""
    layer = keras.layers.BatchNormalization(momentum=momentum, epsilon=epsilon, name=f"{name}_bn")
    return layer(x)


def activate(x, activation, *, name):
    """Returns an activation by its Keras name, such as "relu" or "hard_swish"."""
    return keras.layers.Activation(activation, name=f"{name}_{activation}")(x)


def convolution_norm(x, filters, *, kernel, name, stride=1, activation=True):
    """Returns convolution, batch normalization, and ReLU unless it is left out."""
    x = convolution(x, filters, kernel=kernel, stride=stride, name=name)
    x = batch_norm(x, name=name)
    return activate(x, "relu", name=name) if activation else x


def norm_relu(x, *, name):
    """Returns batch normalization and ReLU: the pre-activation of He et al. 2016b."""
    return activate(batch_norm(x, name=name), "relu", name=name)


def classify(x, num_classes):
    """Returns float32 logits from the means over the last feature map."""
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.layers.Dense(
        num_classes, kernel_initializer="he_normal", dtype="float32", name="logits"
    )(x)

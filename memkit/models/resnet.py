"""Residual networks for small images, after He et al. 2016 (arXiv 1512.03385, section 4.2).

Depth 6n+2: one 3x3 convolution, three stages of n basic blocks with `width`, 2 x `width` and
4 x `width` filters, global average pooling and a linear layer. The paper's width is 16. Shortcuts
are option A: stride-2 subsampling and zero channels, no parameters.
"""

from etils import epy

from memkit.errors import expected

with epy.lazy_imports():
    import keras

BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}


def check(*, depth, width):
    """Refuses depths that are not 6n+2 and widths below 1."""
    if not isinstance(depth, int) or depth < 8 or (depth - 2) % 6:
        raise expected("model.depth", "6n+2 with n >= 1 (8, 14, 20, 32, 44, 56, 110)", depth)
    if not isinstance(width, int) or width < 1:
        raise expected("model.width", "an int of at least 1 (the paper's is 16)", width)


def build(*, input_shape, num_classes, depth, width):
    """Returns the 6n+2 network of He et al. with `width` filters in its first stage."""
    check(depth=depth, width=width)
    images = keras.Input(input_shape, name="images")
    x = _convolution(images, width, name="stem")
    for stage in range(3):
        for block in range((depth - 2) // 6):
            stride = 2 if stage > 0 and block == 0 else 1
            x = _block(x, width * 2**stage, stride=stride, name=f"stage{stage}_block{block}")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    logits = keras.layers.Dense(
        num_classes, kernel_initializer="he_normal", dtype="float32", name="logits"
    )(x)
    return keras.Model(images, logits, name="resnet")


def _convolution(x, filters, *, name, stride=1, activation=True):
    """3x3 convolution without bias, batch normalization, and ReLU unless it is left out."""
    # Explicit padding: `same` pads a strided convolution on one side only.
    x = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(x) if stride > 1 else x
    x = keras.layers.Conv2D(
        filters,
        3,
        strides=stride,
        padding="valid" if stride > 1 else "same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = keras.layers.BatchNormalization(**BATCH_NORM, name=f"{name}_bn")(x)
    return keras.layers.Activation("relu", name=f"{name}_relu")(x) if activation else x


def _block(x, filters, *, stride, name):
    residual = _convolution(x, filters, stride=stride, name=f"{name}_first")
    residual = _convolution(residual, filters, activation=False, name=f"{name}_second")
    if stride > 1:
        x = keras.layers.AveragePooling2D(1, strides=stride, name=f"{name}_subsample")(x)
        missing = filters - x.shape[-1]
        x = keras.ops.pad(x, [[0, 0], [0, 0], [0, 0], [missing // 2, missing - missing // 2]])
    x = keras.layers.Add(name=f"{name}_add")([x, residual])
    return keras.layers.Activation("relu", name=f"{name}_out")(x)

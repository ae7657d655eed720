"""The multi-layer perceptron of Feldman and Zhang's MNIST demonstration (512-256)."""

from etils import epy

from memkit.errors import expected

with epy.lazy_imports():
    import keras


def check(*, hidden):
    """Refuses layer widths that are not positive ints."""
    is_list = isinstance(hidden, (list, tuple)) and len(hidden) > 0
    if not is_list or not all(isinstance(width, int) and width >= 1 for width in hidden):
        raise expected("model.hidden", "a tuple of positive ints", hidden)


def build(*, input_shape, num_classes, hidden):
    """Returns an MLP with ReLU layers of the widths `hidden`, in order, and a linear last layer."""
    check(hidden=hidden)
    images = keras.Input(input_shape, name="images")
    x = keras.layers.Flatten(name="flatten")(images)
    for i, width in enumerate(hidden):
        x = keras.layers.Dense(width, activation="relu", name=f"hidden{i}")(x)
    logits = keras.layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="mlp")

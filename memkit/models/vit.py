"""Vision Transformers, after Dosovitskiy et al. 2021 (arXiv 2010.11929) and DeiT.

Pre-norm blocks of attention and an MLP of 4 times the width, GELU, a class token, learned
positions. The small sizes are those of DeiT (Touvron et al. 2021, arXiv 2012.12877): Ti, S and B
have depth 12 and width 192, 384 and 768, with heads of width 64. As in its code, all kernels, the
token and the positions start from a normal distribution of standard deviation 0.02, here truncated
at two sigma, all biases at 0, and LayerNorm has epsilon 1e-6. There is no dropout and no stochastic
depth.

The papers cut images of 224 pixels into patches of 16. Patches of 4 (32 pixels) or 8 (64 pixels)
give 64 patches.
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

_MOST_DEPTH, _MOST_WIDTH, _MOST_PATCH = 1_000, 16_384, 1_024

# Values of the options without a default in `check`, see `models.defaults`.
DEFAULTS = {"depth": 12, "width": 192, "patch": 4}


def check(*, depth: Any, width: Any, patch: Any, head_width: Any = 64) -> None:
    """Checks the options of a config.

    Args:
      depth: number of blocks, at least 1.
      width: of every token, a multiple of head_width.
      patch: side of a patch in pixels; the sides of the images must be multiples of it.
      head_width: width of an attention head, so that their number is width / head_width.

    Raises:
      InputError: names the option.
    """
    rules.check("model.depth", depth, rules.whole(1, _MOST_DEPTH))
    rules.check("model.width", width, rules.whole(1, _MOST_WIDTH))
    rules.check("model.patch", patch, rules.whole(1, _MOST_PATCH))
    rules.check("model.head_width", head_width, rules.whole(1, _MOST_WIDTH))
    if width % head_width:
        raise expected("model.width", f"a multiple of model.head_width = {head_width}", width)


def build(
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    depth: int,
    width: int,
    patch: int,
    head_width: int = 64,
) -> "keras.Model":
    """Returns a Vision Transformer; see `check`.

    Raises:
      InputError: an option that `check` refuses, or patches that do not tile the images.
    """
    check(depth=depth, width=width, patch=patch, head_width=head_width)
    height, image_width, _ = input_shape
    if height % patch or image_width % patch:
        sides = f"a divisor of the sides of the images, {height} x {image_width}"
        raise expected("model.patch", sides, patch)
    images = keras.Input(input_shape, name="images")
    x = layers.patches(images, width, size=patch, name="patches")
    x = keras.layers.Reshape((-1, width), name="tokens")(x)
    x = custom_layers.ClassToken(layers.small_normal(), name="class_token")(x)
    for i in range(depth):
        attended = _attention(x, head_width=head_width, name=f"block{i}_attention")
        x = keras.layers.Add(name=f"block{i}_attention_add")([x, attended])
        expanded = layers.layer_norm(x, name=f"block{i}_mlp")
        expanded = layers.inverted_mlp(expanded, name=f"block{i}_mlp")
        x = keras.layers.Add(name=f"block{i}_mlp_add")([x, expanded])
    x = layers.layer_norm(x, name="last")
    logits = layers.linear(x[:, 0], num_classes, name="logits", dtype="float32")
    return keras.Model(images, logits, name="vit")


def _attention(x: Tensor, *, head_width: int, name: str) -> Tensor:
    """Applies LayerNorm and multi-head self-attention."""
    x = layers.layer_norm(x, name=name)
    layer = keras.layers.MultiHeadAttention(
        x.shape[-1] // head_width,
        head_width,
        kernel_initializer=layers.small_normal(),
        flash_attention=False,  # The same arithmetic on every device.
        name=name,
    )
    return layer(x, x)

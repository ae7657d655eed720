"""Layers that Keras lacks: a class token with position embeddings, and layer scale.

Import this module before `keras.models.load_model` loads a saved model that contains them. Each
variable has its initializer as `<variable>_initializer`, where `initial_values` looks for it. No
name ends in "kernel", so weight decay leaves these variables out.
"""

from typing import Any, TypeAlias

import keras

from memkit.typing import Json

_Initializer: TypeAlias = "str | keras.initializers.Initializer"


@keras.saving.register_keras_serializable("memkit")
class ClassToken(keras.layers.Layer):
    """Puts a class token before the patches of each image and adds position embeddings.

    The input is [batch, patches, width], the output [batch, patches + 1, width]. The token and the
    positions, those of the patches and of the token itself, are learned.
    """

    def __init__(self, initializer: _Initializer, **options: Any) -> None:
        """Creates a layer whose variables start from the values of an initializer."""
        super().__init__(**options)
        self.token_initializer = keras.initializers.get(initializer)
        self.positions_initializer = keras.initializers.get(initializer)

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Creates the variables `token` [width] and `positions` [patches + 1, width]."""
        _, patches, width = input_shape
        self.token = self.add_weight(
            name="token", shape=(width,), initializer=self.token_initializer
        )
        self.positions = self.add_weight(
            name="positions", shape=(patches + 1, width), initializer=self.positions_initializer
        )

    def call(self, patches: Any) -> Any:
        """Returns the token and the patches, with their positions."""
        shape = (keras.ops.shape(patches)[0], 1, self.token.shape[0])
        token = keras.ops.broadcast_to(self.token, shape)
        return keras.ops.concatenate([token, patches], axis=1) + self.positions

    def get_config(self) -> Json:
        """Returns the arguments of the layer, from which Keras loads it."""
        initializer = keras.initializers.serialize(self.token_initializer)
        return super().get_config() | {"initializer": initializer}


@keras.saving.register_keras_serializable("memkit")
class LayerScale(keras.layers.Layer):
    """Multiplies each channel by a learned factor (Touvron et al. 2021, arXiv 2103.17239)."""

    def __init__(self, start: float, **options: Any) -> None:
        """Creates a layer whose factors start at `start`."""
        super().__init__(**options)
        self.start = start
        self.gamma_initializer = keras.initializers.Constant(start)

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Creates the variable `gamma` [channels]."""
        self.gamma = self.add_weight(
            name="gamma", shape=(input_shape[-1],), initializer=self.gamma_initializer
        )

    def call(self, x: Any) -> Any:
        """Returns x times gamma, in the shape of x."""
        return x * self.gamma

    def get_config(self) -> Json:
        """Returns the arguments of the layer, from which Keras loads it."""
        return super().get_config() | {"start": self.start}

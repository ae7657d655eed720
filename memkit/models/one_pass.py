"""Batch normalization that reads a batch once for its statistics; Keras's own layer reads it twice.

Training a narrow network on an accelerator is bound by the passes over its activations. The layer
here has the variables, options and outputs of Keras's layer, up to rounding. Models are built, and
saved, with Keras's own layer; the engines exchange its class (`use`) in the models that they train.

  >>> import keras
  >>> model = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.BatchNormalization()])
  >>> use(model)
  >>> type(model.layers[0]).__name__
  'OnePassBatchNormalization'
"""

from typing import Any, TypeAlias

import keras

_DTYPES = ("float32", "bfloat16")
_Tensor: TypeAlias = Any  # A tensor of the engine.


def use(model: keras.Model) -> None:
    """Lets the batch normalization of a model compute its statistics in one pass.

    Layers of other classes, and layers that normalize another axis than the last, that renormalize
    (`renorm`), or that compute in another type than float32 or bfloat16, stay as they are.

    Args:
      model: a built model; changed in place.
    """
    for layer in model._flatten_layers():
        if type(layer) is not keras.layers.BatchNormalization or not layer.built:
            continue
        is_last = layer.axis in (-1, layer.input_spec.ndim - 1)
        if is_last and not layer.renorm and layer.compute_dtype in _DTYPES:
            layer.__class__ = OnePassBatchNormalization


class OnePassBatchNormalization(keras.layers.BatchNormalization):
    """Normalizes each channel, the last axis, by the statistics of the batch.

    The statistics are float32 whatever the type of the inputs. In inference mode, with a mask, or
    with statistics that devices share under TensorFlow, Keras's own code is executed.
    """

    def call(self, inputs: _Tensor, training: bool | None = None, mask: Any = None) -> _Tensor:
        """Returns the normalized inputs; in training mode, updates the moving statistics."""
        if not (training and self.trainable) or self.synchronized or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        shift = keras.ops.convert_to_tensor(self.moving_mean)
        gamma = self.gamma if self.scale else keras.ops.ones_like(shift)
        beta = self.beta if self.center else keras.ops.zeros_like(shift)
        normalize = _fused if keras.backend.backend() == "tensorflow" else _one_pass
        outputs, mean, variance = normalize(inputs, gamma, beta, shift=shift, epsilon=self.epsilon)
        for moving, of_batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + of_batch * (1.0 - self.momentum))
        return outputs


def _one_pass(
    inputs: _Tensor, gamma: _Tensor, beta: _Tensor, *, shift: _Tensor, epsilon: float
) -> tuple[_Tensor, _Tensor, _Tensor]:
    """Returns the normalized inputs, and mean and variance of each channel.

    With d = x - shift, the variance is E[d^2] - E[d]^2, whose relative error in float32 is about
    1e-7 (1 + (E[d] / std)^2). The shift is the moving mean, because it is known before the batch:
    the compiler can then sum up d and d^2 while it computes x.

    Args:
      inputs: [B, ..., C].
      gamma: [C], scale of the outputs.
      beta: [C], mean of the outputs.
      shift: [C], near to the mean of the batch.
      epsilon: added to the variance.
    """
    axes = tuple(range(len(inputs.shape) - 1))
    x = keras.ops.cast(inputs, "float32")
    shifted = x - shift
    offset = keras.ops.mean(shifted, axis=axes)
    variance = keras.ops.mean(keras.ops.square(shifted), axis=axes) - keras.ops.square(offset)
    variance = keras.ops.maximum(variance, 0.0)
    outputs = (shifted - offset) * (gamma * keras.ops.rsqrt(variance + epsilon)) + beta
    return keras.ops.cast(outputs, inputs.dtype), shift + offset, variance


def _fused(
    inputs: _Tensor, gamma: _Tensor, beta: _Tensor, *, shift: _Tensor, epsilon: float
) -> tuple[_Tensor, _Tensor, _Tensor]:
    """Returns the same as `_one_pass`, from TensorFlow's own operation, which needs no shift."""
    import tensorflow as tf

    channels = inputs.shape[-1]
    rows = inputs if len(inputs.shape) == 4 else tf.reshape(inputs, [-1, 1, 1, channels])
    outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        rows, tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta), epsilon=epsilon
    )
    # The operation divides by count - 1, Keras by the count.
    count = tf.cast(tf.size(inputs) // channels, tf.float32)
    variance *= tf.maximum(count - 1.0, 1.0) / count
    return tf.reshape(outputs, tf.shape(inputs)), mean, variance

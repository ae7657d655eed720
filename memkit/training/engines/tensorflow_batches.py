"""Batches of rows, and the images of each: those that are not on the device are read ahead."""

import numpy as np
import tensorflow as tf

READ_AHEAD = 4  # batches of streamed images ready before they are needed


def read(images, batches):
    """Yields (images, rows) of each batch of rows, read ahead; images on the device are 0."""
    if images is None:
        yield from ((np.uint8(0), rows) for rows in batches)
        return
    stream = tf.data.Dataset.from_generator(
        lambda: (images[rows] for rows in batches),
        output_signature=tf.TensorSpec((None, *images.shape[1:]), tf.uint8),
    )
    yield from zip(stream.prefetch(READ_AHEAD), batches, strict=True)

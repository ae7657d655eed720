"""Batches of rows with their images; images that are not on the device are read ahead."""

from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

from memkit.training.engines import Images
from memkit.typing import IntArray

READ_AHEAD = 4  # Number of batches of streamed images that are ready before they are needed.


def read(
    images: Images | None, batches: Iterable[IntArray]
) -> Iterator[tuple[tf.Tensor, IntArray]]:
    """Yields (images, rows) of each batch of rows.

    Args:
      images: images to stream; None if they are on the device, the images yielded are then 0.
      batches: rows of each batch.
    """
    if images is None:
        yield from ((np.uint8(0), rows) for rows in batches)
        return
    stream = tf.data.Dataset.from_generator(
        lambda: (images[rows] for rows in batches),
        output_signature=tf.TensorSpec((None, *images.shape[1:]), tf.uint8),
    )
    yield from zip(stream.prefetch(READ_AHEAD), batches, strict=True)

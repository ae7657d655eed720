"""The 1,797 handwritten digits of scikit-learn, which need no download.

E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository, 1998. scikit-learn includes the test part in 8x8 pixels.
"""

import numpy as np
from etils import epy

from memkit.data.dataset import ImageDataset

with epy.lazy_imports():  # Checking the name of the data set must not import it.
    import sklearn.datasets
    import sklearn.model_selection

NUM_TEST = 360


def load() -> ImageDataset:
    """Returns 1,437 train and 360 test digits, 8x8x1 uint8, ten classes.

    The split is stratified and fixed. Ids are positions in the order of scikit-learn.
    """
    digits = sklearn.datasets.load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = digits.target.astype(np.int32)
    train, test = sklearn.model_selection.train_test_split(
        np.arange(len(labels)), test_size=NUM_TEST, stratify=labels, random_state=0
    )
    ids = np.array([f"digit_{i:04d}" for i in range(len(labels))])
    return ImageDataset(
        train_images=images[train],
        train_labels=labels[train],
        train_ids=ids[train],
        test_images=images[test],
        test_labels=labels[test],
        test_ids=ids[test],
        class_names=tuple(str(name) for name in digits.target_names),
    )

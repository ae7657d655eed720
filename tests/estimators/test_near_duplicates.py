import io

import numpy as np
import PIL.Image
import pytest
import scipy.ndimage

from memkit.estimators import near_duplicates

SIDE = 32


def textures(count, seed=0, *, channels=3, side=SIDE):
    """Returns smooth random textures [count, side, side, channels] uint8, no two of them alike."""
    noise = np.random.default_rng(seed).normal(size=(count, side, side, channels))
    smooth = scipy.ndimage.gaussian_filter(noise, (0, 2, 2, 0.5))
    smooth /= smooth.std(axis=(1, 2, 3), keepdims=True)
    return np.clip(128 + 45 * smooth, 0, 255).astype(np.uint8)


def _jpeg(image):
    file = io.BytesIO()
    PIL.Image.fromarray(image.squeeze()).save(file, "JPEG", quality=50)
    return np.asarray(PIL.Image.open(file)).reshape(image.shape)


def _noisy(image):
    noise = np.random.default_rng(1).normal(0, 10, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def _zoomed(image):
    picture = PIL.Image.fromarray(image.squeeze())
    inner = picture.crop((1, 1, picture.width - 1, picture.height - 1))
    return np.asarray(inner.resize(picture.size)).reshape(image.shape)


COPIES = {
    "shifted": lambda image: np.roll(image, (1, -1), (0, 1)),
    "compressed": _jpeg,
    "darker": lambda image: (0.6 * image).astype(np.uint8),
    "lower contrast": lambda image: (0.5 * image + 60).astype(np.uint8),
    "mirrored": lambda image: image[:, ::-1],
    "noisy": _noisy,
    "zoomed": _zoomed,
    "identical": lambda image: image,
}


@pytest.mark.parametrize("channels", [1, 3])
def test_changed_copies_are_found_and_nothing_else(channels):
    images = textures(90, channels=channels)
    changed = np.stack([change(images[i]) for i, change in enumerate(COPIES.values())])
    everything = np.concatenate([images, changed])
    pairs, likeness = near_duplicates.find(everything, len(images))
    expected = {(i, len(images) + i) for i in range(len(COPIES))}
    assert {tuple(pair) for pair in pairs.tolist()} == expected
    assert (np.diff(likeness) <= 0).all() and likeness[0] == pytest.approx(1, abs=1e-4)


def test_copies_within_train_are_found_and_those_within_test_are_not():
    images = textures(60)
    images[7], images[50] = COPIES["shifted"](images[3]), COPIES["mirrored"](images[45])
    pairs, _ = near_duplicates.find(images, 40)
    assert pairs.tolist() == [[3, 7]]


@pytest.mark.parametrize("shape", [(28, 28), (20, 32), (16, 16)])
def test_images_may_have_other_sizes(shape):
    images = textures(40)[:, : shape[0], : shape[1]]
    images = np.concatenate([images, COPIES["darker"](images[5])[None]])
    pairs, _ = near_duplicates.find(images, 40)
    assert pairs.tolist() == [[5, 40]]


def test_images_that_are_all_alike_have_no_near_duplicates():
    one = textures(1)[0].astype(float)
    rng = np.random.default_rng(0)
    noise = scipy.ndimage.gaussian_filter(rng.normal(size=(60, SIDE, SIDE, 3)), (0, 1, 1, 0))
    images = np.clip(one + 60 * noise / noise.std() * 0.25, 0, 255).astype(np.uint8)
    pairs = np.array([[0, 1], [2, 3]])
    assert near_duplicates.likeness(images, pairs).min() > 0.6
    found, _ = near_duplicates.find(images, len(images))
    assert not len(found)


def test_images_without_contrast_are_like_no_other():
    images = textures(6)
    images[:3] = np.array([0, 100, 101])[:, None, None, None]
    pairs = np.array([[0, 1], [1, 2], [0, 4]])
    np.testing.assert_array_equal(near_duplicates.likeness(images, pairs), 0)
    assert not len(near_duplicates.find(images, 6)[0])


def test_likeness_does_not_depend_on_the_order_of_a_pair():
    images = textures(4)
    images[1], images[3] = COPIES["noisy"](images[0]), COPIES["darker"](images[2])
    pairs = np.array([[0, 1], [2, 3]])
    np.testing.assert_allclose(
        near_duplicates.likeness(images, pairs),
        near_duplicates.likeness(images, pairs[:, ::-1]),
        atol=0.01,
    )


def test_other_pairs_are_compared_as_well(monkeypatch):
    monkeypatch.setattr(near_duplicates, "COARSE", 2.0)  # No image is a coarse neighbor.
    images = textures(30)
    images[20] = COPIES["compressed"](images[4])
    assert not len(near_duplicates.find(images, 30)[0])
    more = np.array([[4, 20], [5, 21], [6, 22]])
    assert near_duplicates.find(images, 30, more=more)[0].tolist() == [[4, 20]]


def test_nearest_agrees_with_all_products():
    rng = np.random.default_rng(0)
    keys = rng.normal(size=(300, 5)).astype(np.float32)
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    queries = rng.normal(size=(1500, 5)).astype(np.float32)  # More than a block.
    index, product = near_duplicates.nearest(queries, keys, 4)
    every = queries @ keys.T
    np.testing.assert_array_equal(index, np.argsort(-every, axis=1)[:, :4])
    np.testing.assert_allclose(product, -np.sort(-every, axis=1)[:, :4], rtol=1e-5)


def test_coarse_versions_are_means_of_cells():
    images = textures(3, side=24)
    cells = images.mean(axis=-1).reshape(3, 8, 3, 8, 3).mean(axis=(2, 4)).reshape(3, 64)
    expected = np.corrcoef(cells)
    coarse = near_duplicates.coarse(images)
    np.testing.assert_allclose(coarse @ coarse.T, expected, atol=1e-5)

"""How much of a network's values training keeps, beside counts by hand."""

import pytest

from memkit import models, studies
from memkit.training import activations
from memkit.training.compiler import Sizes


def test_kept_are_the_outputs_of_convolutions_and_products_or_the_sums_of_blocks():
    model = models.build("resnet", depth=8, width=16, input_shape=(32, 32, 3), num_classes=10)
    wide, middle, narrow = 32 * 32 * 16, 16 * 16 * 32, 8 * 8 * 64
    everything, again = activations.per_example(model)
    assert everything == 3 * wide + 2 * middle + 2 * narrow + 10
    # The sums of three blocks, and the stem with the first block.
    assert again == wide + middle + narrow + 3 * wide


def test_nothing_is_computed_again_without_residual_blocks():
    model = models.build("mlp", hidden=(8, 4), input_shape=(4, 4, 1), num_classes=10)
    assert activations.per_example(model) == (22, 22)


@pytest.mark.parametrize(("batch", "chips", "is_many"), [(1024, 1, True), (1024, 8, False)])
def test_small_batches_of_a_device_are_not_counted(make_config, tiny, batch, chips, is_many):
    study = studies.draft(make_config({"training.data_parallel": 1}), tiny)
    for point in study.points:
        point.config["training"].update(batch_size=batch, data_parallel=chips)
    assert activations.may_be_many(study, Sizes((32, 32, 3), 10)) == is_many

r"""Leave-one-out memorization of 2,000 digits of MNIST: every example is left out, alone.

What: the quantity that subsets of 70% approximate, on 200 training images of each class, of which
8% have labels that were flipped on purpose. A perceptron with 128 hidden units. Each of the 4 units
has a run on all images and 2,000 runs that leave one image out, with the same initial values and
order of the examples.

  memkit run --config=mnist_leave_one_out --workdir=out/mnist_leave_one_out \
    --engine=jax --packing=vmap --runs_per_program=100 --workers=2
From an npz file: --config=mnist_leave_one_out:npz=FILE
More units: --config=mnist_leave_one_out:units=8
Small version: --config=mnist_leave_one_out:smoke

Cost: 8,004 models of 465 steps.
Expect: planted labels have the highest scores.
"""

from memkit.configs import common
from ml_collections import config_dict

PER_CLASS = 200


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant, units=4)
    config = common.study(title="MNIST: every example of 2,000 left out")
    config.dataset = common.real_data(options, "mnist")
    config.dataset.update(train_per_class=PER_CLASS, test_per_class=100)
    config.labels.planted_fraction = 0.08
    common.leave_one_out(config, num_examples=10 * PER_CLASS, units=options.units)
    config.model = dict(name="mlp", hidden=(128,))
    config.schedule = dict(name="cosine", peak=0.1, warmup_epochs=1.0)
    config.training = common.training(epochs=15, batch_size=64)
    if options.smoke:
        common.smoke(config, image_size=8, channels=1)
        common.leave_one_out(config, num_examples=48, units=2)
    return config

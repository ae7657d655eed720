r"""CIFAR-100 along the depth of ResNets that are all trained to the same in-sample accuracy.

What: a control for saturation. In cifar100_resnet_depth, deeper networks fit the training examples
better, until all of them fit. Here every run stops after the first epoch in which it is right on
90% of its training examples, so networks of different depths differ in how they fit, not in how
well. There is no augmentation, so this accuracy is that on the images themselves, and the rate is
constant after the warm-up, so it does not depend on when a run stops.

  memkit run --config=cifar100_equal_fit --workdir=out/cifar100_equal_fit
Another accuracy: --config=cifar100_equal_fit:accuracy=0.8
From an npz file: --config=cifar100_equal_fit:npz=FILE
Small version: --config=cifar100_equal_fit:smoke

Cost: 2,400 models of at most 27,200 steps with batches of 256. `memkit plan` counts the most; the
epochs that runs take were not measured, nor were the hours on an accelerator.
Expect (not measured): the depths have about the same in-mean, and what is left of the trajectories
of memorization is the change of the out-mean. A run that never reaches the accuracy trains all 200
epochs; the accuracy in the summary shows points where this happens, and a lower one avoids it.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant, accuracy=0.9)
    percent = f"{100 * options.accuracy:g}%"
    config = common.study(title=f"CIFAR-100: ResNets trained to an accuracy of {percent}")
    config.dataset = common.real_data(options, "cifar100")
    config.model = dict(name="resnet", depth=56, width=16)
    config.schedule = dict(name="constant", peak=0.1, warmup_epochs=5.0)
    config.training = common.training(epochs=200, batch_size=256, precision="bfloat16")
    config.training.until_accuracy = options.accuracy
    config.axis = dict(field="model.depth", values=(14, 20, 32, 44, 56, 110))
    if options.smoke:
        common.smoke(config, image_size=16, values=(8, 14))
        config.training.epochs = 12
    return config

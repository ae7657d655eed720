r"""CIFAR-100 with another share of training examples in each subset.

What: shows how the share changes what is measured. Lukasik et al. (TMLR 2024) and Feldman & Zhang
train on 70%. A larger share measures memorization with more of an example's neighbors present.
Epochs are scaled so that every share trains for about the same number of steps.

  memkit run --config=cifar100_subset_ratio:ratio=0.5 --workdir=out/cifar100_ratio50
From an npz file: --config=cifar100_subset_ratio:ratio=0.5,npz=FILE
Small version: --config=cifar100_subset_ratio:smoke

Cost: 400 models of about 15,300 steps with batches of 1,024 per ratio. `memkit plan` measures the
hours on your device; they were not measured on an accelerator here.
Expect (not measured): mean memorization falls as the ratio rises, and ranks change little.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant, ratio=0.7)
    config = common.study(title=f"CIFAR-100: ResNet-56 on {options.ratio:.0%} subsets")
    config.dataset = common.real_data(options, "cifar100")
    config.subsets.train_fraction = options.ratio
    config.model = dict(name="resnet", depth=56, width=16)
    common.lukasik_cifar(config)
    stretch = 0.7 / options.ratio
    config.training.epochs = round(450 * stretch)
    config.schedule.warmup_epochs = 15.0 * stretch
    config.schedule.milestones = tuple(round(e * stretch) for e in (200, 300, 400))
    if options.smoke:
        config.model.depth = 8
        common.smoke(config, image_size=16)
    return config

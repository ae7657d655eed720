r"""CIFAR-100 along the strength of augmentation.

What: the same ResNet-20 on the same subsets, with augmentation from none to RandAugment and to
mixtures of two images. The papers use padded crops and flips only. Memorization is measured on
images that are not augmented.

  memkit run --config=cifar100_augmentation --workdir=out/cifar100_augmentation
Another depth: --config=cifar100_augmentation:depth=56
From an npz file: --config=cifar100_augmentation:npz=FILE
Small version: --config=cifar100_augmentation:smoke

Cost: 2,400 models of 15,300 steps with batches of 1,024. `memkit plan` measures the hours on your
device; they were not measured on an accelerator here.
Expect (not measured): stronger augmentation lowers the accuracy on the training examples, and with
it memorization. In the training history, examples that are mixed count with their own label.
"""

from memkit.configs import common
from ml_collections import config_dict

AUGMENTATIONS = (
    "none",
    "pad_crop_flip",
    "random_resized_crop",
    "rand_augment",
    "mixup",
    "cutmix",
)


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant, depth=20)
    config = common.study(title=f"CIFAR-100: augmentation of ResNet-{options.depth}")
    config.dataset = common.real_data(options, "cifar100")
    config.model = dict(name="resnet", depth=options.depth, width=16)
    common.lukasik_cifar(config)
    config.axis = dict(field="training.augment", values=AUGMENTATIONS)
    if options.smoke:
        config.model.update(depth=8, width=4)
        common.smoke(config, image_size=16, values=AUGMENTATIONS)
    return config

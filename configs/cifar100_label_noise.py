r"""CIFAR-100 with planted labels along ResNet depth.

What: a controlled test of what memorization finds, which the reviewers of Lukasik et al. requested.
A share of the training labels is flipped on purpose and recorded.

  memkit run --config=cifar100_label_noise --workdir=out/cifar100_noise
Another share: --config=cifar100_label_noise:fraction=0.1
From an npz file: --config=cifar100_label_noise:npz=FILE
Small version: --config=cifar100_label_noise:smoke

Cost: 1,600 models of 15,300 steps with batches of 1,024. `memkit plan` measures the hours on your
device; they were not measured on an accelerator here.
Expect: planted labels have increasing trajectories.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant, fraction=0.05)
    config = common.study(title="CIFAR-100: planted labels along ResNet depth")
    config.dataset = common.real_data(options, "cifar100")
    config.labels.planted_fraction = options.fraction
    config.model = dict(name="resnet", depth=56, width=16)
    common.lukasik_cifar(config)
    config.axis = dict(field="model.depth", values=(8, 20, 56, 110))
    return common.smoke(config, image_size=16, values=(8, 14)) if options.smoke else config

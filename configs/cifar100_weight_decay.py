r"""CIFAR-100 with the two readings of a weight decay in Lukasik et al. (TMLR 2024).

What: Table 4 of the paper prints "10e-4", which is 1e-3 if read literally. The other configs use
the customary value of He et al., 1e-4. This study trains a ResNet-56 with both on the same subsets.

  memkit run --config=cifar100_weight_decay --workdir=out/cifar100_decay
Another depth: --config=cifar100_weight_decay:depth=20
From an npz file: --config=cifar100_weight_decay:npz=FILE
Small version: --config=cifar100_weight_decay:smoke

Cost: 800 models of 15,300 steps with batches of 1,024. `memkit plan` measures the hours on your
device; they were not measured on an accelerator here.
Expect (not measured): the larger weight decay lowers the accuracy on the training examples, and
with it memorization.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant, depth=56)
    config = common.study(title=f"CIFAR-100: weight decay of ResNet-{options.depth}")
    config.dataset = common.real_data(options, "cifar100")
    config.model = dict(name="resnet", depth=options.depth, width=16)
    common.lukasik_cifar(config)
    config.axis = dict(field="optimizer.weight_decay", values=(1e-4, 1e-3))
    if options.smoke:
        config.model.depth = 8
        common.smoke(config, image_size=16, values=(1e-4, 1e-3))
    return config

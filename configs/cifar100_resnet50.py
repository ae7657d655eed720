r"""CIFAR-100 with ResNet-50: Feldman & Zhang (NeurIPS 2020), the main experiment.

What: memorization of every training example and its influence on the test examples of its class.
The model is a ResNet-50 v2 with a 3x3 stem. It trains with batches of 512 for 160 epochs without
weight decay. The learning rate increases linearly to 0.4 in the first 15% of the steps and then
decreases linearly to 0. Pixels are only divided by 255. Two details of the released code differ: it
initializes the last layer with 0, whereas memkit draws it (He normal), and its random crops never
use the last of the 9 offsets, whereas memkit's use all.

  memkit run --config=cifar100_resnet50 --workdir=out/cifar100_resnet50
From an npz file: --config=cifar100_resnet50:npz=FILE
Small version: --config=cifar100_resnet50:smoke

Cost: 4,000 models of 10,880 steps with batches of 512. `memkit plan` measures the hours on your
device; they were not measured on an accelerator here. By the TPU compiler's estimates, 980
chip-hours on v5e (docs/scaling.md).
Expect: the list that the authors released has 1,015 pairs with influence >= 0.15 and memorization
>= 0.25.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant)
    config = common.study(title="CIFAR-100: ResNet-50")
    config.dataset = common.real_data(options, "cifar100")
    config.dataset.update(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    config.subsets.num_runs = 4000
    config.model = dict(name="resnet_imagenet", depth=50, width=64, stem="3x3", version=2.0)
    config.optimizer.update(nesterov=False, weight_decay=0.0)
    config.schedule = dict(name="linear", peak=0.4, warmup_epochs=24.0)
    config.training = common.training(
        epochs=160, batch_size=512, augment="pad_crop_flip", precision="bfloat16"
    )
    if options.smoke:
        config.model.update(depth=18, width=4)
        common.smoke(config, image_size=16)
    return config

r"""ImageNet with ResNet-50: Feldman & Zhang (NeurIPS 2020).

What: batches of 896, learning rate 0.7 with 15 epochs of warm-up and a factor of 0.1 at epochs 30,
60 and 90 of 100, and no weight decay. Two details differ from the paper: the authors crop at random
sizes and initialize the last layer with 0, whereas memkit pads by 32 pixels, crops and flips, and
draws the last layer (He normal). --config.training.augment=random_resized_crop gives the authors'
crops, from the images at 224 pixels.

  memkit run --config=imagenet_resnet50 --workdir=gs://BUCKET/imagenet --config.dataset.data_dir=DIR
Small version: --config=imagenet_resnet50:smoke

Cost: 2,000 models of 100,000 steps with batches of 896; the time was not measured here. By the TPU
compiler's estimates, 30,900 chip-hours on v5e (docs/scaling.md). The study needs 193 GB of local
disk, because images are decoded once into a file and read batch by batch. A TPU v5e has too little
memory in float32, unless four chips share a run (--config.training.data_parallel=4;
docs/accelerators.md, "Programs that fit").
Expect: the list that the authors released has 1,641 pairs with influence >= 0.15 and memorization
>= 0.25.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant)
    config = common.study(title="ImageNet: ResNet-50")
    config.dataset = common.real_data(options, "imagenet2012", data_dir="", image_size=224)
    config.dataset.resident = False
    config.subsets.num_runs = 2000
    config.model = dict(name="resnet_imagenet", depth=50, width=64, stem="imagenet", version=2.0)
    config.optimizer.update(nesterov=False, weight_decay=0.0)
    config.schedule = dict(
        name="step", peak=0.7, warmup_epochs=15.0, milestones=(30, 60, 90), factor=0.1
    )
    config.training = common.training(
        epochs=100, batch_size=896, augment="pad_crop_flip", pad=32, precision="bfloat16"
    )
    if options.smoke:
        config.model.update(depth=18, width=4)
        common.smoke(config, image_size=64)
        config.dataset.resident = False
    return config

r"""Finds the mislabeled, atypical and memorized images among your own.

What: trains ResNet-20 on 60 subsets of 70% of the images. The images are in a folder
(`train/<class>/*.png|jpg|webp|...` and `test/<class>/*`, or only `<class>/*` with `holdout`), in
files that a csv or parquet file lists with their labels, or in an npz file (x_train, y_train,
x_test, y_test).

  memkit run --config=my_images:path=DIR,size=32,holdout=0.2 --workdir=out/my_images
Gray images: --config=my_images:path=DIR,size=32,channels=1
Leave out damaged images: --config=my_images:path=DIR,size=32,skip_bad=true
Small version: --config=my_images:smoke

Cost: 60 models; `memkit plan` measures the time on your device.
Expect: wrong labels are among the most memorized examples, which the gallery of the report shows.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant, path="", size=32, holdout=0.0, channels=3, skip_bad=False)
    config = common.study(title="My images: ResNet-20")
    source = dict(
        name="folder", path=options.path, test_fraction=options.holdout, skip_bad=options.skip_bad
    )
    if options.path.endswith((".csv", ".parquet")):
        source["name"] = "table"
    if options.path.endswith(".npz"):
        source = dict(name="npz", path=options.path)
    mean, std = (0.5,) * options.channels, (0.25,) * options.channels
    config.dataset = common.dataset(mean=mean, std=std, image_size=options.size, **source)
    config.subsets.num_runs = 60
    config.model = dict(name="resnet", depth=20, width=16)
    config.schedule = dict(name="cosine", peak=0.1, warmup_epochs=2.0)
    config.training = common.training(epochs=60, batch_size=64, augment="pad_crop_flip")
    config.record.all_probs = True
    return (
        common.smoke(config, image_size=8, channels=options.channels) if options.smoke else config
    )

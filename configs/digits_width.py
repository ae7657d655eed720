r"""Memorization of scikit-learn's digits along the width of a ResNet-8, with planted labels.

What: the central result of Lukasik et al. (TMLR 2024), "What do larger image classifiers
memorise?", on 1,437 real 8x8 digits in minutes. 8% of the training labels are flipped on purpose.

  memkit run --config=digits_width --workdir=out/digits
Small version: --config=digits_width:smoke

Cost: 100 models, minutes on 2 CPU cores; docs/results.md has the time and the machine.
Expect: planted labels are hardly memorized at width 1 and nearly all at width 16. The mean
memorization of clean examples rises up to width 4 and then falls. docs/results.md has the printed
numbers.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant)
    config = common.study(title="Digits: ResNet-8 along its width")
    config.dataset = common.dataset("digits", mean=(0.3,), std=(0.37,))
    config.labels.planted_fraction = 0.08
    config.subsets.num_runs = 20
    config.model = dict(name="resnet", depth=8, width=16)
    config.schedule = dict(name="cosine", peak=0.1, warmup_epochs=1.0)
    config.training = common.training(epochs=25, batch_size=64)
    config.axis = dict(field="model.width", values=(1, 2, 4, 8, 16))
    if options.smoke:
        config.axis.values = (1, 4)
        config.training.epochs = 12
    return config

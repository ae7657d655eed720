r"""Leave-one-out memorization of scikit-learn's digits: every example is left out, alone.

What: the quantity that subsets of 70% approximate. 1,437 real 8x8 digits, 8% of the labels flipped
on purpose, and a perceptron with 64 hidden units. Each of the 8 units has a run on all digits and
1,437 runs that leave one digit out, with the same initial values and order of the examples.

  memkit run --config=digits_leave_one_out --workdir=out/leave_one_out \
    --engine=jax --packing=vmap --runs_per_program=100 --workers=2
More units: --config=digits_leave_one_out:units=16
What subsets cost: studies of other subsets, in workdirs of their own, and a comparison:
  --config.subsets.design=balanced --config.subsets.train_fraction=0.7 --config.subsets.num_runs=400
  memkit compare --workdir=out/leave_one_out --with=out/subsets50 \
    --and_with=out/subsets70,out/subsets90 --out=out/cost
Small version: --config=digits_leave_one_out:smoke

Cost: 11,504 models of 660 steps, minutes on 2 CPU cores; docs/results.md has the time.
Expect: planted labels have a mean memorization of 0.40 and clean ones of 0.04. The perceptron does
not learn all planted labels. docs/results.md has the printed numbers, and docs/methods.md explains
the pairs of runs and their intervals.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant, units=8)
    config = common.study(title="Digits: every example left out")
    config.dataset = common.dataset("digits", mean=(0.3,), std=(0.37,))
    config.labels.planted_fraction = 0.08
    common.leave_one_out(config, num_examples=1437, units=options.units)
    config.model = dict(name="mlp", hidden=(64,))
    config.schedule = dict(name="cosine", peak=0.1, warmup_epochs=1.0)
    config.training = common.training(epochs=30, batch_size=64)
    if options.smoke:
        config.dataset.update(train_per_class=4, test_per_class=2)
        common.leave_one_out(config, num_examples=40, units=3)
        config.training.update(epochs=8, batch_size=16)
    return config

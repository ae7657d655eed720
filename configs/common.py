"""What every config has in common."""

from ml_collections import config_dict


def study(*, title):
    """Returns a config with the fields whose values most studies share."""
    config = config_dict.ConfigDict()
    config.seed = 0
    config.labels = dict(planted_fraction=0.0)
    config.subsets = dict(design="balanced", train_fraction=0.7, num_runs=400)
    config.optimizer = dict(
        name="sgd", momentum=0.9, nesterov=True, weight_decay=1e-4, decay_all=False
    )
    config.record = dict(all_probs=False)
    config.series = ("one_hot",)
    config.report = dict(title=title)
    return config


def variant(name, valid):
    """Returns the name of a config's variant, "" for the study itself.

    Raises:
      ValueError: lists the valid names.
    """
    if name not in ("", *valid):
        raise ValueError(f"--config: expected a variant among {', '.join(valid)}, received {name}")
    return name

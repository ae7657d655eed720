"""Jobs of tests that compute the gradients of a small network with either engine."""

import numpy as np

from memkit.training import step, tangent_features
from tests.training import programs

CASE = programs.Case(programs.TINY)


def network():
    """Returns a network with drawn variables, among them the statistics of a normalization."""
    model = programs.build(CASE.model, CASE)
    rng = np.random.default_rng(0)
    for variable in model.variables:
        variable.assign(rng.uniform(0.2, 1.0, variable.shape) * rng.choice([1, -1]))
        if "variance" in variable.path:
            variable.assign(rng.uniform(0.5, 2.0, variable.shape))
    return model


def images():
    """Returns normalized images of the case."""
    mean, std = programs.normalization(CASE)
    return step.normalize(programs.data(CASE)[0], mean=mean, std=std)


def gradients(_, engine):
    """Returns the `rows` [5, C, P] of five images, and the `features` [30, LENGTH] of thirty."""
    model = network()
    of_each = engine.gradients(model, lambda rows: rows)
    mixed = np.eye(programs.NUM_CLASSES, dtype=np.float32)
    mean, std = programs.normalization(CASE)
    features = tangent_features.features(
        model,
        engine.gradients(model, tangent_features.fold),
        programs.data(CASE)[0],
        np.arange(30),
        rng=np.random.default_rng(1),
        normalization={"mean": mean, "std": std},
    )
    return {
        "rows": np.stack([of_each(image, mixed) for image in np.asarray(images()[:30])]),
        "features": features,
    }

"""Which images of a folder are likely mislabeled?

  python examples/own_images.py photos [--num_runs=60] [--epochs=60]

The folder holds `train/<class>/*` and `test/<class>/*`. `memkit run --config=my_images:path=photos`
followed by `memkit audit` does the same in several processes, and can be interrupted.
"""

import argparse
import tempfile

from memkit.configs import my_images

from memkit import analysis, studies
from memkit.analysis.audit import estimate as audit
from memkit.data import description
from memkit.studies import checks
from memkit.training import engines
from memkit.training.images import load_dataset
from memkit.training.runner import Runner


def main(folder: str, size: int, num_runs: int, epochs: int) -> None:
    config = my_images.get_config(f"path={folder},size={size}").to_dict()
    config["subsets"]["num_runs"] = num_runs
    config["training"] |= {"epochs": epochs, "batch_size": 16}
    checks.check(config)
    dataset = load_dataset(config)
    print(f"{folder}: {description.counts(dataset)}")

    runner = Runner(engines.Setup())
    runner.configure()
    with tempfile.TemporaryDirectory() as workdir:
        study = studies.open_or_create(workdir, config, dataset)
        (point,) = study.points
        for run, arrays, info in runner.train_runs(study, point, range(num_runs)):
            studies.write_record(study, point, run, arrays, info)
        analysis.estimate(study)
        suspects = audit.columns(study, audit.at_point(study))

    print("\nkind         given         suggested     image")
    columns = ("kind", "given_label", "suggested_label", "id")
    for row in zip(*(suspects[name] for name in columns), strict=True):
        print("{:11s}  {:12s}  {:12s}  {}".format(*row))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--size", type=int, default=32, help="height and width in pixels")
    parser.add_argument("--num_runs", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=60)
    main(**vars(parser.parse_args()))

"""Reads the scores of a finished study: the most memorized examples, with intervals.

python examples/read_scores.py out/digits
"""

import argparse

import numpy as np

from memkit import studies


def main(workdir: str, point: str, count: int) -> None:
    study = studies.load(workdir)
    point = point or study.points[-1].name
    scores = studies.read_estimates(study, point)["correct"]
    examples = study.examples
    print(f"{point}: the {count} most memorized of {len(examples.train_ids)} examples")
    print("memorization  95% interval      held out  label         id")
    # Undefined scores (NaN) sort last.
    for row in np.argsort(-scores.value, kind="stable")[:count]:
        label = examples.class_names[examples.given_labels[row]]
        interval = f"{scores.lower[row]:.2f} to {scores.upper[row]:.2f}"
        held_out = f"{scores.num_out[row]} runs"
        print(
            f"{scores.value[row]:12.2f}  {interval:16s}  {held_out:8s}  {label:12s}  "
            f"{examples.train_ids[row]}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workdir")
    parser.add_argument("--point", default="", help="default: the last one, the largest model")
    parser.add_argument("--count", type=int, default=10)
    main(**vars(parser.parse_args()))

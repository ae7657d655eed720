r"""Splits a data set file into parts that can be sent one by one; gpu.sh joins them again.

  python -m benchmarks.split_npz --file=cifar100.npz --out=parts [--parts=4]

Part k, cifar_<k>.npz, has the k-th of as many equal stretches of rows of x_train, y_train, x_test
and y_test.
"""

import pathlib
import sys

from absl import app, flags

from benchmarks import gpu_study

_FILE = flags.DEFINE_string("file", None, "npz with x_train, y_train, x_test, y_test")
_OUT = flags.DEFINE_string("out", None, "folder for the parts")
_PARTS = flags.DEFINE_integer("parts", 4, "number of parts", lower_bound=1, upper_bound=99)


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    for path in gpu_study.split_parts(_FILE.value, pathlib.Path(_OUT.value), _PARTS.value):
        print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    flags.mark_flags_as_required(["file", "out"])
    sys.exit(app.run(main))

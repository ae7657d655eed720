"""Time to list the records of a study, and to read what `memkit status` reads first.

  python -m benchmarks.listing [--records=100000]

Makes empty files under the names of records in a temporary folder; a listing opens none of them.
"""

import tempfile
import time

from absl import app, flags

from memkit import storage

_RECORDS = flags.DEFINE_integer("records", 100_000, "files in the folder", lower_bound=1)
_ROUNDS = 3


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    with tempfile.TemporaryDirectory() as folder:
        for run in range(_RECORDS.value):
            open(f"{folder}/{run}.npz", "wb").close()
        for what, read in (("names", storage.names), ("sizes", storage.size)):
            seconds = []
            for _ in range(_ROUNDS):
                started = time.perf_counter()
                read(folder)
                seconds.append(time.perf_counter() - started)
            print(f"{what} of {_RECORDS.value} records: {min(seconds):.2f} s, best of {_ROUNDS}")


if __name__ == "__main__":
    app.run(main)

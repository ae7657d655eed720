#!/bin/sh
# Measures one GPU and trains a CIFAR-100 study on it, in less than 8 minutes; see gpu.py.
#
#   benchmarks/gpu.sh [--budget=450] [--data=FOLDER] [--scores=FILE] [--study_seconds=180] ...
#   benchmarks/gpu.sh --tiny          the same on a CPU, in about a minute
#
# Needs no network and no installation of memkit. The Python that PYTHON names (default python3) has
# to have jax with CUDA, Keras 3.15, etils and Pillow with what they do not do without: absl-py,
# numpy, ml-dtypes, optree, opt-einsum, packaging, rich, SciPy, typing_extensions. What it lacks can
# be brought as wheels: WHEELS names a folder of them, which are installed to a temporary folder.
# They can be fetched elsewhere with
#   pip download --no-deps --only-binary=:all: -d wheels keras==3.15.1 optree etils ... \
#       --python-version 3.12 --platform manylinux_2_28_x86_64
#
# Variables:
#   PYTHON   Python that has jax (python3)
#   OUT      folder for the results (out/gpu): gpu.json, gpu.txt, records.npz, scores.npz
#   WHEELS   folder of wheels to install, none by default
#   LIMIT    seconds after which it is ended, should the budget not have done it (475)
#
# --data names a folder with cifar_*.npz (x_train, y_train, x_test, y_test; the rows of a data set too
# large for one transfer may be spread over several files). Without it images are noise, which takes
# as long. --scores names an npz with scores and labels of the train images in their order.
#
# What is found is written after every step, and what would not fit the budget is skipped and named.
# A compilation takes up to a minute, so one call does not reach all 36 combinations; --depths,
# --batches and --packings (such as --packings=vmap:4,map:4) choose others, --study_seconds=0 leaves
# the study out, --packings= the timing.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
out=${OUT:-out/gpu}
limit=${LIMIT:-475} # A compilation cannot be interrupted from inside; the rest is on disk then.
path=$root

if [ -n "${WHEELS:-}" ]; then
    site=$(mktemp -d)
    trap 'rm -rf "$site"' EXIT
    "$python" -m pip install --quiet --no-index --no-deps --no-compile --target "$site" \
        "$WHEELS"/*.whl
    path=$path:$site
fi
for argument in "$@"; do
    if [ "$argument" = --tiny ]; then
        export JAX_PLATFORMS="${JAX_PLATFORMS:-cpu}"
    fi
done
mkdir -p "$out"
export PYTHONPATH="$path${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONUNBUFFERED=1 TF_CPP_MIN_LOG_LEVEL=3
timeout "$limit" "$python" -m benchmarks.gpu --out="$out" "$@"

#!/bin/sh
# Measures one GPU, or trains a CIFAR-100 study on it, each in less than 6 minutes; see gpu.py.
#
#   benchmarks/gpu.sh                 which way to train a ResNet-20 is the fastest
#   benchmarks/gpu.sh --timed= --study=256/bfloat16/map:8 --study_seconds=300 \
#       [--data=FOLDER] [--scores=FILE]      the study, trained in that way
#   benchmarks/gpu.sh --tiny ...      the same in small on a CPU, to rehearse a command
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
#   LIMIT    seconds after which it is ended, should the budget not have done it (345)
#
# A way to train is batch/precision/packing:runs, then what XLA records into command buffers
# (default, all or off) and the number of processes on the GPU where they are not "default" and 1,
# such as 256/bfloat16/none:1/4 or 256/bfloat16/none:1/off/4. If an MPS daemon is running, the
# processes use it. --timed chooses what is timed, in order, and --depth another network.
#
# --data names a folder with cifar_*.npz (x_train, y_train, x_test, y_test; the rows of a data set
# too large for one transfer may be spread over several files). Without it images are noise, which
# takes as long. --scores names an npz with scores and labels of the train images in their order.
#
# What is found is written after every step, and what --budget (325 s) leaves no time for is named.
# Each way is timed in processes of its own: a crash ends one way, and the time that is left ends a
# compilation. A compilation takes up to a minute, so one call does not reach all ways.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
out=${OUT:-out/gpu}
limit=${LIMIT:-345}
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

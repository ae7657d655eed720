#!/usr/bin/env bash
# Trains a study on machines that ssh reaches: installs memkit, starts one shard per machine, shows
# what they do and collects the study. docs/launching.md explains every option.
#
#   launch/gpu_box.sh setup --boxes=me@box1,me@box2 --config=cifar100_resnet_depth --workdir=study
#   launch/gpu_box.sh start --boxes=me@box1,me@box2 --config=cifar100_resnet_depth --workdir=study
#
# Commands: setup, start, status, collect. The same command again goes on from where the last one
# ended. --dry_run prints every command and runs none.
set -euo pipefail

# shellcheck source=launch/remote.sh
. "$(dirname "${BASH_SOURCE[0]}")/remote.sh"

boxes=
engine=tensorflow
extra=
python=3.12
hosts=1

on() {
  run ssh "$1" "$3"
}

put() {
  run scp -q "$2" "$1:$3"
}

get() {
  run scp -q -r "$1:$3" "$4"
}

setup() { each setup_one; }
start() { each start_one; }
status() { each status_one; }

parse "setup start status collect" "boxes config workdir engine extra source out" "$@"
required boxes workdir
case $command in setup | start) required config ;; esac
one_of engine tensorflow jax
[ -n "$extra" ] || case $engine in tensorflow) extra=gpu ;; jax) extra=jax-gpu ;; esac
workdir=${workdir%/}
IFS=, read -r -a machines <<< "$boxes"
"$command"

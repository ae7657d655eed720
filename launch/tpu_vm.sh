#!/usr/bin/env bash
# Trains a study on Cloud TPU VMs: creates them, installs memkit, starts one shard per worker, shows
# what they do, collects the study and deletes them. docs/launching.md explains every option.
#
#   launch/tpu_vm.sh all --name=depth --zone=us-west4-a --accelerator_type=v5litepod-8 \
#     --config=cifar100_resnet_depth --workdir=gs://BUCKET/depth --spot --vms=4
#
# Commands: create, setup, start, status, collect, delete, all. The same command again goes on from
# where the last one ended. --dry_run prints every command and runs none.
set -euo pipefail

# shellcheck source=launch/remote.sh
. "$(dirname "${BASH_SOURCE[0]}")/remote.sh"

name=
zone=
project=
api=queued
accelerator_type=
runtime_version=
spot=false
flex_start=
vms=1
hosts=
engine=jax
poll=60

# A slice numbers its hosts in the metadata of each; JAX looks there, too.
worker_number="worker=\${TPU_WORKER_ID:-\$(curl --silent --fail --header Metadata-Flavor:Google \
http://metadata.google.internal/computeMetadata/v1/instance/attributes/agent-worker-number)}"

on() {
  run "${vm[@]}" ssh "$1" "${place[@]}" ${worker_flag:+"$worker_flag=$2"} --command="$3"
}

put() {
  run "${vm[@]}" scp "$2" "$1:$3" "${place[@]}" ${worker_flag:+"$worker_flag=all"}
}

get() {
  run "${vm[@]}" scp --recurse "$1:$3" "$4" "${place[@]}" ${worker_flag:+"$worker_flag=$2"}
}

# Sets what depends on the options, and refuses those that cannot be.
settle() {
  required name zone
  one_of api queued direct compute
  one_of engine jax tensorflow
  number vms poll
  case $command in create | all) settle_type ;; esac
  case $command in create | delete) ;; *) settle_workdir ;; esac
  case $command in setup | start | all) required config ;; esac
  case $command in delete) ;; *) settle_hosts ;; esac
  case $engine in
    jax) extra=jax-tpu python=3.12 ;;
    tensorflow) extra=tpu python=3.11 ;;
  esac
  place=(--zone="$zone" ${project:+"--project=$project"})
  vm=(gcloud compute tpus tpu-vm) worker_flag=--worker
  case $api in
    queued) resource=(gcloud compute tpus queued-resources) ;;
    direct) resource=("${vm[@]}") ;;
    compute) vm=(gcloud compute) resource=(gcloud compute instances) worker_flag='' ;;
  esac
  local i
  for ((i = 0; i < vms; i++)); do
    machines+=("$name-$i")
  done
}

# Prints the hosts of a slice by its accelerator type; nothing where that is not known. The number
# in the name counts chips or, for the older types, cores, of which a chip has two.
hosts_of() {
  local size=${1##*-} per_host
  case $1 in
    v5litepod-* | v6e-*) per_host=4 ;;
    v2-* | v3-* | v4-* | v5p-*) per_host=8 ;;
    *) return ;;
  esac
  case $size in
    '' | *[!0-9]*) ;;
    [1-8]) echo 1 ;;
    *) echo $((size / per_host)) ;;
  esac
}

# Every worker of a slice trains a shard of its own, so the number of workers must be known.
settle_hosts() {
  local known=1
  [ "$api" = compute ] || known=$(hosts_of "$accelerator_type")
  if [ -n "$hosts" ] && [ -n "$known" ] && [ "$hosts" != "$known" ]; then
    fail "--hosts: expected $known for --api=$api and --accelerator_type=\
$(quote "$accelerator_type"), or nothing, received $(quote "$hosts")"
  fi
  hosts=${hosts:-$known}
  [ -n "$hosts" ] || fail "--hosts: expected the number of hosts of a VM, which does not follow \
from --accelerator_type=$(quote "$accelerator_type"), received none"
  number hosts
}

settle_type() {
  required accelerator_type
  if [ -n "$flex_start" ] && { [ "$api" != compute ] || $spot; }; then
    fail "--flex_start: expected --api=compute without --spot, received $(quote "$flex_start")"
  fi
  if [ -z "$runtime_version" ]; then
    case $api/$accelerator_type in
      compute/ct*) runtime_version=ubuntu-accel-2204-amd64-tpu-v5e-v5p-v6e ;;
      compute/*) ;;
      */v[234]-*) runtime_version=tpu-ubuntu2204-base ;;
      */v5litepod-*) runtime_version=v2-alpha-tpuv5-lite ;;
      */v5p-*) runtime_version=v2-alpha-tpuv5 ;;
      */v6e-*) runtime_version=v2-alpha-tpuv6e ;;
    esac
  fi
  required runtime_version
}

settle_workdir() {
  required workdir
  workdir=${workdir%/}
  if $spot && ! is_bucket; then
    fail "--workdir: expected gs://... with --spot, since a preempted VM takes its disk along, \
received $(quote "$workdir")"
  fi
}

# Asks for one VM.
request() {
  local words=(--accelerator-type="$accelerator_type")
  case $api in
    queued) words+=(--node-id="$1" --runtime-version="$runtime_version") ;;
    direct) words+=(--version="$runtime_version") ;;
    compute)
      words=(--machine-type="$accelerator_type" --image-family="$runtime_version"
        --image-project=ubuntu-os-accelerator-images --maintenance-policy=TERMINATE
        --scopes=cloud-platform)
      ;;
  esac
  if [ -n "$flex_start" ]; then
    words+=(--provisioning-model=FLEX_START --max-run-duration="$flex_start"
      --request-valid-for-duration=2h --instance-termination-action=DELETE)
  elif $spot && [ "$api" = compute ]; then
    words+=(--provisioning-model=SPOT --instance-termination-action=STOP)
  elif $spot; then
    words+=(--spot)
  fi
  run "${resource[@]}" create "$1" "${place[@]}" "${words[@]}"
}

remove() {
  local words=(--quiet)
  [ "$api" != queued ] || words+=(--force)  # Together with its VM.
  run "${resource[@]}" delete "$1" "${place[@]}" "${words[@]}"
}

# Sets `answer` to none, ready, gone (only good to be deleted), leaving, coming or unknown, where
# the call failed for another reason than that there is no such VM, and `word` to what was said.
state() {
  local field=state
  case $api in queued) field=state.state ;; compute) field=status ;; esac
  local call=("${resource[@]}" describe "$1" "${place[@]}" --format="value($field)")
  ask run "${call[@]}"
  word=$answer
  if ! $dry_run && [ -z "$word" ] && ! word=$("${call[@]}" 2>&1); then  # Again, for its errors.
    case $word in
      *NOT_FOUND* | *'not found'*) word= ;;
      *) word=${word##*$'\n'} answer=unknown && return ;;
    esac
  fi
  case $word in
    '') answer=none ;;
    ACTIVE | READY | RUNNING) answer=ready ;;
    SUSPENDED | FAILED | PREEMPTED | TERMINATED | STOPPED) answer=gone ;;
    SUSPENDING | DELETING | STOPPING) answer=leaving ;;
    *) answer=coming ;;
  esac
}

create_one() {
  state "$1"
  while [ "$answer" = leaving ]; do
    sleep "$poll"
    state "$1"
  done
  [ "$answer" != gone ] || remove "$1"
  case $answer in
    none | gone) request "$1" ;;
    unknown) fail "$1: its state cannot be read: $word" 1 ;;
  esac
}

# Waits until one VM can be logged in to.
await_one() {
  state "$1"
  until $dry_run || [ "$answer" = ready ]; do
    case $answer in
      none | gone | leaving) fail "$1: ${word:-no VM} instead of a VM" 1 ;;
      unknown) echo "$1: its state cannot be read: $word; trying again" ;;
    esac
    sleep "$poll"
    state "$1"
  done
  local tries=1
  until on "$1" all true; do
    [ "$tries" -lt 10 ] || fail "$1: no login after $tries attempts" 1
    tries=$((tries + 1))
    sleep "$poll"
  done
}

describe_one() {
  state "$1"
  $dry_run || echo "$1: ${word:-none}"
  if $dry_run || [ "$answer" = ready ]; then
    status_one "$1" "$2"
  fi
}

# Sets `over` to false where one VM still trains; starts anew what was preempted or killed.
watch_one() {
  state "$1"
  case $answer in
    unknown | coming)  # Its processes may still be at work.
      echo "$1: $word; looking again"
      over=false
      return
      ;;
  esac
  if ! $dry_run && [ "$answer" != ready ]; then
    echo "$1: ${word:-none}; created again"
    create_one "$1" "$2"
    await_one "$1" "$2"
    setup_one "$1" "$2"
    start_one "$1" "$2"
    over=false
    return
  fi
  look_at "$1"
  if ! $dry_run && [ "$(wc -w <<< "$answer")" -ne "$hosts" ]; then
    over=false  # A worker that cannot be reached; its VM may be about to go.
  fi
  for word in $answer; do
    case $word in
      0 | 1) ;;
      running) over=false ;;
      died)
        over=false
        start_one "$1" "$2"
        ;;
      *) fail "$1: training ended with exit code $word; $0 status shows why" 1 ;;
    esac
  done
}

create() {
  each create_one
  each await_one
}
setup() { each setup_one; }
start() { each start_one; }
status() { each describe_one; }

# A VM that cannot be deleted, because it is gone or for now, does not keep the others.
delete() {
  local machine left=
  for machine in "${machines[@]}"; do
    remove "$machine" || left+=" $machine"
  done
  [ -z "$left" ] || fail "not deleted, unless they were gone before:$left" 1
}

all() {
  local over=false
  create
  setup
  start
  until $over; do
    over=true
    each watch_one
    $over || sleep "$poll"
  done
  collect
  delete
}

parse "create setup start status collect delete all" "name zone project api accelerator_type \
runtime_version spot flex_start vms hosts poll config workdir engine source out" "$@"
settle
"$command"

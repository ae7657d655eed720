# What tpu_vm.sh and gpu_box.sh share: options, printing instead of running, and what happens on a
# machine. Sourced, never run. The script that sources it defines the way to its machines:
#
#   on MACHINE WORKER COMMAND       runs COMMAND there; WORKER is a number or "all"
#   put MACHINE FILE NAME           copies FILE to all workers, as NAME in the home folder
#   get MACHINE WORKER PATH FOLDER  copies the folder PATH, seen from home, into FOLDER here
#
# and the variables that have no value below.
# shellcheck shell=bash
# Variables come from and go to the sourcing script; $ in single quotes is for the other machine.
# shellcheck disable=SC2034,SC2154,SC2016

# Options that both scripts have, with their defaults.
config=
workdir=
engine=
source=
out=out
dry_run=false
train_flags=()

# Without it, tar on a Mac adds a file ._NAME to each file.
export COPYFILE_DISABLE=1

script=${0##*/}
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() {
  printf '%s: error: %s\n' "$script" "$1" >&2
  exit "${2:-2}"
}

# Prints words as a shell would have to read them.
quote() {
  local word text='' one="'" escaped="'\\''"
  for word in "$@"; do
    case $word in
      '' | *[!A-Za-z0-9_./:=@,+-]*) word="'${word//$one/$escaped}'" ;;
    esac
    text+="${text:+ }$word"
  done
  printf '%s' "$text"
}

run() {
  if $dry_run; then
    printf '%s\n' "$(quote "$@")"
  else
    "$@"
  fi
}

# Sets `answer` to what `run` or `on` with its words prints, empty where it fails.
ask() {
  answer=
  if $dry_run; then
    "$@"
  else
    answer=$("$@" 2>/dev/null) || true
  fi
}

# Reads COMMAND --name=value ... [-- flags of memkit train]; COMMAND and names must be known.
parse() {
  local commands=$1 options=$2 option
  shift 2
  command=${1:-none}
  case " $commands " in
    *" $command "*) shift ;;
    *) fail "command: expected one of $commands, received $(quote "$command")" ;;
  esac
  while [ $# -gt 0 ]; do
    option=${1%%=*}
    case $1/" $options " in
      --/*) shift && train_flags=("$@") && return ;;
      --dry_run/*) dry_run=true ;;
      --spot/*" spot "*) spot=true ;;
      --*=*/*" ${option#--} "*) printf -v "${option#--}" %s "${1#*=}" ;;
      *) fail "option: expected --name=value, a name of $options dry_run, received $(quote "$1")" ;;
    esac
    shift
  done
}

required() {
  local option
  for option in "$@"; do
    [ -n "${!option}" ] || fail "--$option: expected a value, received none"
  done
}

# Refuses what is no number from 1.
number() {
  local option
  for option in "$@"; do
    case ${!option} in
      0* | *[!0-9]* | '')
        fail "--$option: expected a number from 1, received $(quote "${!option}")"
        ;;
    esac
  done
}

one_of() {
  local option=$1
  shift
  case " $* " in
    *" ${!option} "*) ;;
    *) fail "--$option: expected one of $*, received $(quote "${!option}")" ;;
  esac
}

is_bucket() {
  case $workdir in gs://*) true ;; *) false ;; esac
}

# What a machine needs from here, as arguments of tar: the checkout or wheel, and a config file.
uploads() {
  local file=${config%%:*}
  parts=()
  case $source in
    '') parts=(-C "$checkout" setup.cfg pyproject.toml README.md LICENSE memkit launch configs) ;;
    *://*) ;;
    *.whl)
      [ -f "$source" ] || fail "--source: expected a wheel that exists, received $(quote "$source")"
      parts=(-C "$(cd "$(dirname "$source")" && pwd)" "${source##*/}")
      ;;
    *) fail "--source: expected git+https://..., a wheel or nothing, received $(quote "$source")" ;;
  esac
  case $file in
    *.py)
      [ -f "$file" ] || fail "--config: expected a file that exists, received $(quote "$file")"
      parts+=(-C "$(cd "$(dirname "$file")" && pwd)" "${file##*/}")
      ;;
  esac
}

# What pip is asked for, relative to ~/memkit of the machine.
requirement() {
  local extras=$extra
  is_bucket && extras+=,gcs
  case $source in
    '') printf './upload[%s]' "$extras" ;;
    *://*) printf 'memkit[%s] @ %s' "$extras" "$source" ;;
    *) printf './upload/%s[%s]' "${source##*/}" "$extras" ;;
  esac
}

# Installs memkit on one machine; again installs it anew.
setup_one() {
  local archive=${TMPDIR:-/tmp}/memkit_upload_$1_$UID.tar.gz text='mkdir -p memkit && cd memkit'
  uploads
  if [ ${#parts[@]} -gt 0 ]; then
    run tar --exclude=__pycache__ -czf "$archive" "${parts[@]}"
    put "$1" "$archive" memkit_upload.tar.gz
    text+=' && rm -rf upload && mkdir upload && tar -xzf ../memkit_upload.tar.gz -C upload'
  fi
  # The images bring an older Python than memkit needs; uv, a program in a wheel, brings its own.
  text+=' && { [ -x uv/bin/uv ] || python3 -m pip install --quiet --upgrade --target uv uv; }'
  text+=" && { [ -x env/bin/python ] || uv/bin/uv venv --quiet --python $python env; }"
  text+=' && uv/bin/uv pip install --quiet --python env/bin/python'
  text+=" --reinstall-package memkit $(quote "$(requirement)")"
  on "$1" all "$text"
}

# Starts training on one machine, a shard for each worker; leaves what trains already alone.
start_one() {
  local machine=$1 first=$(($2 * hosts)) all=$((${#machines[@]} * hosts)) shard text name=$config
  text='cd memkit'
  shard=$first/$all
  if [ "$hosts" -gt 1 ]; then
    text+=" && $worker_number && export worker"
    text+=" && { [ \"\$worker\" -lt $hosts ] || { echo \"worker \$worker of $hosts\"; exit 1; }; }"
    shard="\$(($first + worker))/$all"
  fi
  case $config in *.py | *.py:*) name=upload/${config##*/} ;; esac
  local train
  train="env/bin/memkit train --engine=$engine $(quote --config="$name" --workdir="$workdir")"
  train+=" --shard=$shard ${train_flags[*]+$(quote "${train_flags[@]}")}"
  text+=' && if flock --nonblock train.lock true; then rm -f train.code;'
  text+=" setsid nohup flock --nonblock train.lock sh -c $(quote "${train% }; echo \$? > train.code")"
  text+=" >> train.log 2>&1 < /dev/null & echo \"started shard $shard\";"
  text+=' else echo "trains already"; fi'
  on "$machine" all "$text"
}

# Sets `answer` to a line for each worker: running, an exit code, or died.
look_at() {
  local text='cd memkit && if ! flock --nonblock train.lock true; then echo running;'
  text+=' elif [ -f train.code ]; then cat train.code; else echo died; fi'
  ask on "$1" all "$text"
}

# Prints what one machine does, and what its study lacks where that is in a folder of its own.
status_one() {
  local text='cd memkit && if flock --nonblock train.lock true;'
  text+=' then echo "ended with exit code $(cat train.code 2>/dev/null || echo unknown)";'
  text+=' else echo training; fi; tail -n 3 train.log || true'
  on "$1" all "$text"
  if [ "$2" -eq 0 ] || ! is_bucket; then
    on "$1" "$(is_bucket && echo 0 || echo all)" \
      "cd memkit && env/bin/memkit status $(quote --workdir="$workdir") || true"
  fi
}

# Copies the study into the folder --out, under the name of the workdir. Shards have different runs
# in files of different names, so that folders from several machines add up to one.
collect() {
  local machine worker path=$workdir
  run mkdir -p "$out"
  if is_bucket; then
    run gcloud storage rsync --recursive "$workdir" "$out/${workdir##*/}"
    return
  fi
  case $path in /*) ;; *) path=memkit/$path ;; esac
  for machine in "${machines[@]}"; do
    for ((worker = 0; worker < hosts; worker++)); do
      get "$machine" "$worker" "$path" "$out"
    done
  done
}

# Calls a function with every machine and its number.
each() {
  local i
  for ((i = 0; i < ${#machines[@]}; i++)); do
    "$1" "${machines[i]}" "$i"
  done
}

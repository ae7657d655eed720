"""A `gcloud` whose VMs are folders: a home per worker, in which `ssh` runs commands for real.

Its state is in the folder that FAKE_CLOUD names: vms/<name>/<worker>/ are homes, vms/<name>/state
is what `describe` prints, and `log` has every call. Where a file `preempt/<name>` exists, the VM of
that name is taken away, with all its processes, as soon as it has trained something. Where a file
`hiccup/<name>` exists, `describe` then fails as often as the number in it says.
"""

import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys

# Stands in for `uv`: the environment it makes is the one of the tests.
UV = f"""#!/bin/sh
[ "$1" = venv ] && mkdir -p env/bin && ln -s {sys.executable} env/bin/python
[ "$1" = venv ] || printf '#!/bin/sh\\nexec {sys.executable} -m memkit.cli "$@"\\n' > env/bin/memkit
chmod +x env/bin/memkit 2>/dev/null || true
"""


def cloud():
    return pathlib.Path(os.environ["FAKE_CLOUD"])


def workers():
    """The hosts of every VM."""
    return range(int(os.environ["FAKE_HOSTS"]))


def main(words):
    with open(cloud() / "log", "a") as log:
        log.write(" ".join(words) + "\n")
    flags = dict(word[2:].partition("=")[::2] for word in words if word.startswith("--"))
    plain = [word for word in words if not word.startswith("--")]
    verb = next(verb for verb in VERBS if verb in plain)
    return VERBS[verb](flags, *plain[plain.index(verb) + 1 :])


def create(flags, name):
    vm = cloud() / "vms" / name
    for worker in workers():
        tool = vm / str(worker) / "memkit" / "uv" / "bin" / "uv"
        tool.parent.mkdir(parents=True)
        tool.write_text(UV)
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    (vm / "state").write_text("ACTIVE\n")


def describe(flags, name):
    vm, order = cloud() / "vms" / name, cloud() / "preempt" / name
    if not vm.exists():
        print(f"ERROR: NOT_FOUND: Resource '{name}' was not found", file=sys.stderr)
        return 1
    has_trained = bool(list(vm.glob("*/memkit/*/points/*/runs/*.npz")))
    hiccup = cloud() / "hiccup" / name
    if hiccup.exists() and has_trained:
        times = int(hiccup.read_text())
        hiccup.write_text(str(times - 1)) if times > 1 else hiccup.unlink()
        print("ERROR: the server cannot be reached", file=sys.stderr)
        return 1
    if order.exists() and has_trained:
        order.unlink()
        end(vm)
        (vm / "state").write_text("SUSPENDED\n")
    print((vm / "state").read_text(), end="")


def ssh(flags, name):
    for home in homes(name, flags):
        environment = os.environ | {"HOME": str(home), "TPU_WORKER_ID": home.name}
        done = subprocess.run(["bash", "-c", flags["command"]], cwd=home, env=environment)
        if done.returncode:
            return done.returncode


def scp(flags, source, target):
    if ":" in target:
        name, _, file = target.partition(":")
        for home in homes(name, flags):
            shutil.copy(source, home / file)
        return
    name, _, path = source.partition(":")
    (home,) = homes(name, flags)
    copied = home / path  # Like scp -r, into a folder that exists.
    shutil.copytree(copied, pathlib.Path(target) / copied.name, dirs_exist_ok=True)


def delete(flags, name):
    end(cloud() / "vms" / name)
    shutil.rmtree(cloud() / "vms" / name)


def homes(name, flags):
    vm = cloud() / "vms" / name
    if (vm / "state").read_text() != "ACTIVE\n":
        sys.exit(255)
    worker = flags["worker"]
    return [vm / str(i) for i in workers() if worker in ("all", str(i))]


def end(vm):
    """Kills every process that has a home in a VM."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if f"HOME={vm}/".encode() in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:  # It has ended, or is somebody else's.
            continue


VERBS = {"create": create, "describe": describe, "ssh": ssh, "scp": scp, "delete": delete}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

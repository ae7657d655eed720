"""What the operating system says about this machine and this process.

Everything here has a fallback for systems without `/proc`, such as macOS.
"""

import functools
import hashlib
import math
import os
import pathlib
import platform
import socket
import uuid

# Instruction sets of which the numeric libraries choose their kernels, as Linux names them.
_VECTOR_SETS = (
    *("sse4_2", "avx", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni"),
    *("avx512_bf16", "avx512_fp16", "amx_tile", "asimd", "asimdhp", "bf16", "sve", "sve2"),
)


def available_cores(root: str = "/") -> int:
    """Returns how many cores this process may keep busy, at least 1.

    This is the smallest of the cores of the machine, the affinity of the process, and the CPU
    quotas of its control group and of all groups around it, rounded up.

    Args:
      root: folder that holds `proc` and what its mounts name.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: str) -> list[float]:
    """Returns the CPU quotas, in cores, of this process's control groups; [] without any."""
    try:
        groups = pathlib.Path(root, "proc/self/cgroup").read_text().splitlines()
        mounts = pathlib.Path(root, "proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return []
    # Lines such as "4:cpu,cpuacct:/docker/a" in version 1 and "0::/docker/a" in version 2.
    paths = {}
    for line in groups:
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path)
    quotas = []
    for line in mounts:
        place, _, kind = line.partition(" - ")
        top, mounted = place.split()[3:5]
        kind, _, options = kind.split()[:3]
        controller = {"cgroup2": "", "cgroup": "cpu"}.get(kind)
        if controller not in paths or (kind == "cgroup" and "cpu" not in options.split(",")):
            continue
        # A container may see its own group as the top of the mount.
        folders = os.path.relpath(paths[controller], top).split("/")
        folders = [] if folders[0] in (os.curdir, os.pardir) else folders
        for depth in range(len(folders) + 1):
            folder = pathlib.Path(root, mounted.lstrip("/"), *folders[:depth])
            quotas += _quota(folder)
    return quotas


def _quota(group: pathlib.Path) -> list[float]:
    """Returns the quota of one control group in cores, as a list of one or no number."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        return [int(quota) / int(period)] if int(quota) > 0 else []
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no number and no limit.
        return []


@functools.cache
def pid_namespace() -> str:
    """Returns 8 hex digits shared by exactly the processes that know each other by number.

    Containers may have the same host name and each count their processes from 1, so a process
    number says nothing in another namespace, on another machine, or after a restart. Where the
    system does not tell, every process has digits of its own.
    """
    try:
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        # Only Linux has such namespaces.
        boot, space = "", uuid.uuid4().hex if platform.system() == "Linux" else ""
    text = f"{socket.gethostname()} {boot} {space}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def process_name() -> str:
    """Returns "host-process-namespace" of this process, which no other living process has."""
    return f"{socket.gethostname()}-{os.getpid()}-{pid_namespace()}"


def has_ended(process: int, namespace: str) -> bool:
    """Returns True where a process is known to have ended.

    Args:
      process: its number.
      namespace: its `pid_namespace`; nothing is known of processes of another one.
    """
    if namespace != pid_namespace():
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:  # Somebody else's.
        return False
    return False


@functools.cache
def processor() -> str:
    """Returns the processor's model and vector instructions, such as "AMD EPYC (avx fma avx2)".

    Numeric libraries choose their kernels by these, so results on two kinds of processors agree
    only up to rounding. Without /proc it is the architecture only, such as "arm64".
    """
    return processor_of(_read("/proc/cpuinfo"))


def processor_of(cpuinfo: str) -> str:
    """Returns `processor` for the text of a /proc/cpuinfo; "" stands for none."""
    entries = {}
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        entries.setdefault(name.strip(), value.strip())
    model = entries.get("model name") or platform.machine()
    flags = (entries.get("flags") or entries.get("Features") or "").split()
    vectors = " ".join(name for name in _VECTOR_SETS if name in flags)
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA")
    limited = f", at most {limit}" if limit else ""
    return f"{model} ({vectors}{limited})" if vectors or limited else model


def _read(where: str) -> str:
    try:
        return pathlib.Path(where).read_text(errors="replace")
    except OSError:
        return ""

"""Facts about this machine and this process that the operating system provides.

Every function has a fallback for systems without `/proc`, such as macOS.
"""

import functools
import hashlib
import math
import os
import pathlib
import platform
import socket
import uuid

# Instruction sets by which numeric libraries choose their kernels, under their Linux names.
_VECTOR_SETS = (
    *("sse4_2", "avx", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni"),
    *("avx512_bf16", "avx512_fp16", "amx_tile", "asimd", "asimdhp", "bf16", "sve", "sve2"),
)


def available_cores(root: str = "/") -> int:
    """Returns the number of cores that this process may use, at least 1.

    The number is the smallest of: the cores of the machine, the CPU affinity of the process, and
    the CPU quotas (rounded up) of its control group and of every enclosing group.

    Args:
      root: root folder of the file system, which holds `proc` and the mount points.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: str) -> list[float]:
    """Returns the CPU quotas of this process's control groups in cores; [] if there are none."""
    try:
        groups = pathlib.Path(root, "proc/self/cgroup").read_text().splitlines()
        mounts = pathlib.Path(root, "proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return []
    # Lines such as "4:cpu,cpuacct:/docker/a" in version 1 and "0::/docker/a" in version 2.
    paths: dict[str, str] = {}
    for line in groups:
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path)
    quotas: list[float] = []
    for line in mounts:
        mount, _, file_system = line.partition(" - ")
        top, mount_point = mount.split()[3:5]
        kind, _, options = file_system.split()[:3]
        controller = {"cgroup2": "", "cgroup": "cpu"}.get(kind)
        if controller not in paths or (kind == "cgroup" and "cpu" not in options.split(",")):
            continue
        # Inside a container, the container's own group may appear as the top of the mount.
        folders = os.path.relpath(paths[controller], top).split("/")
        folders = [] if folders[0] in (os.curdir, os.pardir) else folders
        for depth in range(len(folders) + 1):
            folder = pathlib.Path(root, mount_point.lstrip("/"), *folders[:depth])
            quotas += _quota(folder)
    return quotas


def _quota(group: pathlib.Path) -> list[float]:
    """Returns the quota of one control group in cores, as a list of at most one number."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        return [int(quota) / int(period)] if int(quota) > 0 else []
    except (OSError, ValueError, ZeroDivisionError):  # "max" means that there is no limit.
        return []


@functools.cache
def pid_namespace() -> str:
    """Returns 8 hex digits that identify the namespace in which process ids are valid.

    Containers may share a host name and each number their processes from 1, so a process id is
    meaningless in another namespace, on another machine, or after a restart. If Linux does not
    reveal the namespace, every process gets different digits.
    """
    try:
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        # Only Linux has such namespaces.
        boot, namespace = "", uuid.uuid4().hex if platform.system() == "Linux" else ""
    text = f"{socket.gethostname()} {boot} {namespace}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def process_name() -> str:
    """Returns "host-process-namespace", which is unique among running processes."""
    return f"{socket.gethostname()}-{os.getpid()}-{pid_namespace()}"


def has_ended(process: int, namespace: str) -> bool:
    """Returns True if a process is known to have ended.

    Args:
      process: its process id.
      namespace: its `pid_namespace`; False if it differs from this process's namespace, since
        nothing is known then.
    """
    if namespace != pid_namespace():
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:  # The process belongs to another user.
        return False
    return False


@functools.cache
def processor() -> str:
    """Returns the processor's model and vector instructions, such as "AMD EPYC (avx fma avx2)".

    Numeric libraries choose their kernels by these, so results of different processors agree only
    up to rounding. On systems without /proc, returns only the architecture, such as "arm64".
    """
    return processor_of(_read("/proc/cpuinfo"))


def processor_of(cpuinfo: str) -> str:
    """Returns `processor` for the content of /proc/cpuinfo, "" if that file does not exist."""
    entries: dict[str, str] = {}
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

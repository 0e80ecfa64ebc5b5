"""What DLProv's client says of the machine that it runs on."""

from __future__ import annotations

import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

NOT_AVAILABLE = "Not available"

GPU_SECONDS = 5.0
"""How long the driver's program may take to name the graphics processors."""

_CONTAINER_WORDS = ("docker", "kubepods", "containerd", "podman")
_MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_NO_LIMIT = 1 << 60
"""The kernel writes a number near 2**63 where there is no limit."""


def get_system_info() -> dict[str, Any]:
    """Name, operating system, processor and graphics processors of this machine, and whether it is a container.

    Found out once a process: asking the driver takes up to some seconds.
    """
    return dict(_system_info())


@cache
def _system_info() -> dict[str, Any]:
    return {
        "hostname": platform.node(),
        "os": platform.system(),
        "os_version": platform.version(),
        "platform": platform.platform(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "gpus": get_gpu_info(),
        "in_container": is_container(),
    }


def is_container() -> bool:
    """Whether this process runs in a container of Docker, Kubernetes or Podman."""
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return True
    return any(word in _read("/proc/1/cgroup") + _read("/proc/self/cgroup") for word in _CONTAINER_WORDS)


def get_memory_limit() -> float | None:
    """The memory that this process's control group may use, in GB (10**9 bytes); ``None`` if there is no limit."""
    for path in _MEMORY_LIMITS:
        text = _read(path).strip()
        if text.isdecimal() and int(text) < _NO_LIMIT:
            return round(int(text) / 1e9, 2)
    return None


def get_gpu_info() -> str:
    """Names and memory of the graphics processors, joined by commas, or ``Not available``."""
    answer = _output("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    return ", ".join(line.strip() for line in answer.splitlines() if line.strip()) or NOT_AVAILABLE


def _processor() -> str:
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    name = _output("sysctl", "-n", "machdep.cpu.brand_string").strip() if platform.system() == "Darwin" else ""
    return name or platform.processor()


def _output(program: str, *arguments: str) -> str:
    """What a program prints; empty if it is not there or fails."""
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments of a program that was found
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=GPU_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

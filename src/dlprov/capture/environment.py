"""Where a run happens: Python, packages, frameworks, hardware, code, command line, person, seeds.

Collected in a thread beside the training, since listing packages and asking git takes a tenth of a second. What
is known only later (frameworks that are imported after the start, seeds that are set) is collected at the end.
"""

from __future__ import annotations

import getpass
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from dlprov.log.identifiers import hostname

Emit = Callable[[str, Any], None]

FRAMEWORKS = ("keras", "jax", "torch", "tensorflow", "flax", "optax", "lightning", "transformers", "sklearn", "numpy")

SEED_VARIABLES = ("PYTHONHASHSEED", "TF_DETERMINISTIC_OPS", "CUBLAS_WORKSPACE_CONFIG", "XLA_FLAGS")

LAUNCH_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "KERAS_BACKEND",
    "LOCAL_RANK",
    "OMP_NUM_THREADS",
    "RANK",
    "SLURM_JOB_ID",
    "SLURM_PROCID",
    "WORLD_SIZE",
)
"""Variables that say how a training was launched. No others are read: they may hold secrets."""

GIT_SECONDS = 5.0
"""A repository on a slow disk is left out after this time."""


class Collector:
    """Collects the environment of one run in a thread of its own."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def start(self, emit: Emit) -> None:
        """Collect now, calling ``emit(name, values)`` for each part from another thread."""
        # git is started here, before the training goes on: between the fork and the start of a program, a child holds
        # every open file of the process, and with it the locks on them. In a thread beside the training that would,
        # once in a while, make h5py fail to lock a file that Keras has just closed.
        asked = _ask_git()
        self._thread = threading.Thread(target=_collect, args=(emit, asked), name="dlprov-environment", daemon=True)
        self._thread.start()

    def finish(self) -> list[tuple[str, Any]]:
        """Wait until the parts of the start are written, and give those that are known at the end."""
        if self._thread is not None:
            self._thread.join(timeout=4 * GIT_SECONDS)
        return [(name, found) for name, found in _parts((("framework", framework), ("seeds", seeds)))]

    def abandon(self) -> None:
        """Forget the thread: in a forked child it does not exist."""
        self._thread = None


def _collect(emit: Emit, asked: dict[str, subprocess.Popen[bytes]]) -> None:
    parts = (
        ("process", process),
        ("python", python),
        ("person", person),
        ("hardware", hardware),
        ("git", lambda: _git(asked)),
        ("packages", lambda: dict(packages())),
    )
    for name, found in _parts(parts):
        emit(name, found)


def _parts(parts: tuple[tuple[str, Callable[[], Any]], ...]) -> Iterator[tuple[str, Any]]:
    for name, collect in parts:
        try:
            found = collect()
        except Exception as error:
            found = {"problem": f"{type(error).__name__}: {error}"}
        if found:
            yield name, found


def process() -> dict[str, Any]:
    """The command line, the script, the working directory and how it was launched."""
    main = sys.modules.get("__main__")
    script = getattr(main, "__file__", None)
    return {
        "pid": os.getpid(),
        "command": list(sys.orig_argv),
        "script": str(Path(script).absolute()) if script else "",
        "directory": str(Path.cwd()),
        "interactive": "ipykernel" in sys.modules or hasattr(sys, "ps1"),
        "variables": {name: os.environ[name] for name in LAUNCH_VARIABLES if name in os.environ},
    }


def python() -> dict[str, Any]:
    """The interpreter."""
    return {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
    }


def person() -> dict[str, Any]:
    """Who runs it, and on which host."""
    return {"user": getpass.getuser(), "host": hostname()}


@cache
def hardware() -> dict[str, Any]:
    """Operating system, processor, cores, memory in bytes, and graphics processors as far as the driver names them."""
    found: dict[str, Any] = {
        "os": platform.system(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processor": _cpu_name(),
        "cores": os.cpu_count() or 0,
        "gpus": _gpus(),
    }
    if hasattr(os, "sched_getaffinity"):
        found["usable_cores"] = len(os.sched_getaffinity(0))
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found["memory"] = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return found


def git() -> dict[str, Any]:
    """Commit, branch and state of the repository that holds the script, or else the working directory."""
    return _git(_ask_git())


@cache
def packages() -> tuple[tuple[str, str], ...]:
    """Every installed distribution with its version, in the order of their names."""
    found = {dist.name: dist.version for dist in importlib.metadata.distributions() if dist.name}
    return tuple(sorted(found.items(), key=lambda item: item[0].lower()))


def framework() -> dict[str, Any]:
    """The versions of the frameworks that the process has imported, and Keras's backend."""
    found: dict[str, Any] = {}
    for name in FRAMEWORKS:
        version = getattr(sys.modules.get(name), "__version__", None)
        if isinstance(version, str):
            found[name] = version
    keras = sys.modules.get("keras")
    if keras is not None and "keras" in found:
        found["keras.backend"] = keras.config.backend()
        found["keras.floatx"] = keras.config.floatx()
    return found


def seeds() -> dict[str, Any]:
    """The seeds that can be known without touching a random state."""
    found: dict[str, Any] = {name: os.environ[name] for name in SEED_VARIABLES if name in os.environ}
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "initial_seed"):
        found["torch"] = torch.initial_seed()
    return found


_QUESTIONS = {
    "status": ("status", "--porcelain=v2", "--branch", "--untracked-files=no"),
    "root": ("rev-parse", "--show-toplevel"),
    "remote": ("config", "--get", "remote.origin.url"),
}


def _ask_git() -> dict[str, subprocess.Popen[bytes]]:
    """Start git, once for each question, and do not wait for the answers."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    directory = Path(main).absolute().parent if main and Path(main).exists() else Path.cwd()
    asked = {}
    if shutil.which("git") is not None:
        for name, question in _QUESTIONS.items():
            # Optional locks off: asking for the state must not disturb a commit that the user is making.
            command = ["git", "--no-optional-locks", "-C", str(directory), *question]
            try:
                asked[name] = subprocess.Popen(  # noqa: S603
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )
            except OSError:
                break
    return asked


def _git(asked: dict[str, subprocess.Popen[bytes]]) -> dict[str, Any]:
    answers = {name: _answer(process) for name, process in asked.items()}
    lines = answers.get("status", "").splitlines()
    about = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
    commit = about.get("branch.oid", "(initial)")
    if commit == "(initial)":
        return {}
    branch = about.get("branch.head", "")
    return {
        "commit": commit,
        "branch": "HEAD" if branch == "(detached)" else branch,
        "dirty": any(not line.startswith("#") for line in lines),
        "root": answers.get("root", ""),
        "remote": _without_password(answers.get("remote", "")),
    }


def _answer(process: subprocess.Popen[bytes]) -> str:
    try:
        text, _ = process.communicate(timeout=GIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return ""
    return text.decode("utf-8", "replace").strip() if process.returncode == 0 else ""


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if separator and "@" in rest.partition("/")[0]:
        return f"{scheme}://{rest.partition('@')[2]}"
    return url


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    # Not platform.processor(): it starts a program, beside the training.
    return platform.machine()


def _gpus() -> list[str]:
    names = []
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        names += [line.partition(":")[2].strip() for line in lines if line.startswith("Model")]
    return names

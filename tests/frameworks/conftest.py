"""Small Keras programs in processes of their own, once per backend, and what their run logs say."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dlprov.log import events
from dlprov.log.layout import log_files, run_directories
from dlprov.log.reader import read_events

SCENARIOS = Path(__file__).with_name("keras_scenarios.py")
BACKENDS = ("jax", "torch", "tensorflow")


@dataclass
class RunLog:
    """The events of one run, in the order of its files."""

    events: list[Any]

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def problems(self) -> list[events.Problem]:
        """What could not be recorded; not that the disk of a busy machine was slow."""
        return [problem for problem in self.of(events.Problem) if problem.where != "writer"]

    @property
    def run(self) -> events.Run:
        return self.of(events.Run)[0]

    @property
    def id(self) -> str:
        return self.of(events.Log)[0].run

    @property
    def status(self) -> str:
        return self.of(events.End)[-1].status

    @property
    def params(self) -> dict[str, Any]:
        return {name: value for event in self.of(events.Param) for name, value in event.values.items()}

    def series(self, name: str) -> list[tuple[int | None, int | None, Any]]:
        """``(epoch, step, value)`` of one metric."""
        return [
            (event.epoch, event.step, event.values[name]) for event in self.of(events.Metric) if name in event.values
        ]

    def rows(self, set: str) -> list[dict[str, Any]]:
        """The elements of one set."""
        kinds = (events.Used, events.Generated)
        return [row for event in self.events if isinstance(event, kinds) and event.set == set for row in event.elements]

    def columns(self, set: str) -> list[str]:
        """The attributes of one set, as the plans add up."""
        names: dict[str, None] = {}
        for plan in self.of(events.Plan):
            for transformation in plan.dataflow.transformations:
                for declared in transformation.sets:
                    if declared.tag == set:
                        names |= dict.fromkeys(attribute.name for attribute in declared.attributes)
        return list(names)

    def tasks(self, transformation: str) -> list[events.Task]:
        return [task for task in self.of(events.Task) if task.transformation == transformation]


def read_logs(store: Path) -> list[RunLog]:
    runs = []
    for directory in run_directories(store):
        found = [event for path in log_files(directory) for _, event in read_events(path)]
        assert all(isinstance(event, events.Event) for event in found)
        runs.append(RunLog(found))
    return runs


def start(arguments: list[str], backend: str, store: Path, **popen: Any) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DLPROV_")}
    environment |= {
        "KERAS_BACKEND": backend,
        "DLPROV_STORE": str(store),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        cwd=store.parent,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **popen,
    )


@dataclass
class Finished:
    """What a child process left: its exit status and streams, and the logs of its store."""

    code: int
    out: str
    err: str
    logs: list[RunLog]

    @property
    def answer(self) -> Any:
        """The last line of the output, which is JSON."""
        return json.loads(self.out.splitlines()[-1])


def finish(process: subprocess.Popen[str], store: Path) -> Finished:
    out, err = process.communicate(timeout=240)
    return Finished(process.returncode, out, err, read_logs(store))


def installed(backend: str) -> str:
    if importlib.util.find_spec("keras") is None or importlib.util.find_spec(backend) is None:
        pytest.skip(f"Keras with the backend {backend} is not installed")
    return backend


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Every backend that is installed."""
    return installed(request.param)


@pytest.fixture
def one_backend() -> str:
    """The first backend that is installed: for what does not depend on it."""
    for name in BACKENDS:
        if importlib.util.find_spec(name) is not None:
            return installed(name)
    pytest.skip("no backend of Keras is installed")


@pytest.fixture
def child(store: Path) -> Callable[..., Finished]:
    """Runs Python code, or a script with arguments, in a process of its own with an empty store."""

    def run(backend: str, *arguments: str, code: str = "", check: bool = True) -> Finished:
        finished = finish(start([*(("-c", code) if code else ()), *arguments], backend, store), store)
        assert not check or finished.code == 0, finished.err
        return finished

    return run


@dataclass
class Scenarios:
    """Every scenario of one backend, run in one process: what it told, and the runs it left."""

    told: dict[str, Any]
    logs: list[RunLog]
    err: str

    def runs(self, name: str) -> list[RunLog]:
        return [log for log in self.logs if log.run.dataflow == name]

    def run(self, name: str) -> RunLog:
        (log,) = self.runs(name)
        return log


@pytest.fixture(scope="session")
def scenarios(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Scenarios:
    """All of ``keras_scenarios.py``, run once per backend."""
    store = tmp_path_factory.mktemp(f"keras-{backend}") / "store"
    store.mkdir()
    finished = finish(start([str(SCENARIOS)], backend, store), store)
    assert finished.code == 0, finished.err
    return Scenarios(finished.answer, finished.logs, finished.err)


@pytest.fixture
def begin(store: Path) -> Callable[[str, str], subprocess.Popen[str]]:
    """Starts Python code in a process of its own, and does not wait for it."""
    return lambda backend, code: start(["-c", code], backend, store)


@pytest.fixture
def read_store(store: Path) -> Callable[[], list[RunLog]]:
    """Reads the logs as they are at this moment."""
    return lambda: read_logs(store)

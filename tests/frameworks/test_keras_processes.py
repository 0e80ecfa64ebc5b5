"""Import orders, scripts, spawned children and kills: where capture begins, and what is left of it."""

from __future__ import annotations

import signal
import time

import pytest

from dlprov.log import events

TRAIN = """
def train(model):
    import numpy as np
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, verbose=0)
"""

IMPORTS = {
    "keras first": "import keras, dlprov",
    "dlprov first": "import dlprov, keras",
    "twice": "import dlprov, keras\nfrom dlprov.capture.imports import watch_keras\nwatch_keras(); watch_keras()",
    "reload": "import importlib, dlprov, keras\nkeras = importlib.reload(keras)",
    "in a thread": """
import importlib, threading, dlprov
thread = threading.Thread(target=importlib.import_module, args=("keras",))
thread.start(); thread.join()
import keras
""",
    "dlprov while another thread imports keras": """
import importlib, sys, threading, time
thread = threading.Thread(target=importlib.import_module, args=("keras",))
thread.start()
while "keras" not in sys.modules: time.sleep(0.001)
import dlprov
thread.join()
import keras
while not hasattr(keras.Model, "provenance"): time.sleep(0.01)
""",
    "by a part": "import dlprov\nfrom keras.layers import Dense\nimport keras",
    "another finder before and after": """
import importlib.abc, importlib.util, sys
class Finder(importlib.abc.MetaPathFinder):
    asked = 0
    def find_spec(self, name, path=None, target=None):
        Finder.asked += name == "keras"
sys.meta_path.insert(0, Finder())
import dlprov
sys.meta_path.insert(0, Finder())
import keras
assert Finder.asked == 2 or Finder.asked == 3
""",
}


@pytest.mark.parametrize("how", IMPORTS)
def test_keras_is_captured_however_it_is_imported(one_backend, child, how):
    code = f"""
{IMPORTS[how]}
{TRAIN}
model = keras.Sequential([keras.layers.Dense(1)])
model.provenance("imported")
train(model)
assert type(keras.__spec__.loader).__name__ == "SourceFileLoader"
assert "exec_module" not in vars(keras.__spec__.loader)
"""
    (log,) = child(one_backend, code=code).logs
    assert len(log.rows("oTrainingModel")) == 2
    assert len(log.series("batch_loss")) == 2


def test_import_loads_no_framework_and_asking_for_keras_installs_nothing(one_backend, child):
    code = """
import sys
import dlprov
for name in ("keras", "jax", "torch", "tensorflow", "numpy", "duckdb", "dlprov.capture.run", "dlprov.capture.keras"):
    assert name not in sys.modules, name
import importlib.util
spec = importlib.util.find_spec("keras")
assert spec.origin.endswith("__init__.py")
assert spec.loader.get_source("keras")
assert "keras" not in sys.modules
assert "dlprov.capture.keras" not in sys.modules
assert importlib.util.find_spec("no_such_module_at_all") is None
import dlprov.capture.keras
assert "keras" not in sys.modules and "numpy" not in sys.modules
"""
    child(one_backend, code=code)


def test_a_script_without_any_import_of_ours(one_backend, child, tmp_path):
    script = tmp_path / "train me.py"
    script.write_text(
        f"""
import sys, keras
{TRAIN}
print(sys.argv[1:], __name__, sys.path[0])
train(keras.Sequential([keras.layers.Dense(1)]))
sys.exit(3 if "bad" in sys.argv else 0)
"""
    )
    code = "import sys\nfrom dlprov.capture.script import run_script\nrun_script(sys.argv[1], sys.argv[2:])"
    finished = child(one_backend, str(script), "--epochs", "2", code=code)
    assert finished.out.strip() == f"['--epochs', '2'] __main__ {tmp_path}"
    outer, inner = finished.logs
    assert (outer.run.dataflow, outer.run.kind, outer.status) == ("train me", "script", "finished")
    assert outer.params["arguments"] == ["--epochs", "2"]
    (file,) = outer.of(events.Artifact)
    assert (file.path, file.kind, file.direction) == (str(script), "script", "used")
    assert (inner.run.dataflow, inner.run.parent, inner.status) == ("train me", outer.id, "finished")
    assert len(inner.rows("oTrainingModel")) == 2
    environment = {name: part for event in outer.of(events.Environment) for name, part in event.values.items()}
    assert environment["process"]["script"] == str(script)

    bad = child(one_backend, str(script), "bad", code=code, check=False)
    assert bad.code == 3
    assert bad.logs[2].status == "failed"


@pytest.mark.parametrize("error", ["ValueError('mine')", "KeyboardInterrupt()"])
def test_the_exceptions_of_a_script_pass_through(one_backend, child, tmp_path, error):
    script = tmp_path / "fails.py"
    script.write_text(f"def f():\n    raise {error}\nf()\n")
    code = "import sys\nfrom dlprov.capture.script import run_script\nrun_script(sys.argv[1])"
    finished = child(one_backend, str(script), code=code, check=False)
    assert finished.code != 0
    assert 'fails.py", line 2, in f' in finished.err
    assert "in run_script" not in finished.err
    (log,) = finished.logs
    assert log.status == ("interrupted" if "Keyboard" in error else "failed")


def test_a_script_that_is_not_there(one_backend, child):
    code = "import dlprov\nfrom dlprov.capture.script import run_script\nrun_script('no such file.py')"
    finished = child(one_backend, code=code, check=False)
    assert "expected a Python script, got 'no such file.py'" in finished.err
    assert finished.logs == []


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_started_child_starts_no_run_of_its_own(one_backend, child, tmp_path, method):
    script = tmp_path / "main.py"
    script.write_text(
        f"""
import multiprocessing, keras, dlprov
{TRAIN}
model = keras.Sequential([keras.layers.Dense(1)])
model.provenance("main")
train(model)
def work():
    pass
if __name__ == "__main__":
    child = multiprocessing.get_context("{method}").Process(target=work)
    child.start(); child.join()
    assert child.exitcode == 0
"""
    )
    (log,) = child(one_backend, str(script)).logs
    assert len(log.rows("oTrainingModel")) == 2


def test_a_kill_in_the_middle_of_a_fit_leaves_a_log_that_can_be_read(one_backend, begin, read_store):
    code = """
import keras, dlprov, numpy as np
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.provenance("killed")
model.fit(np.ones((64, 2)), np.ones((64, 1)), batch_size=4, epochs=1_000_000, verbose=0)
"""
    process = begin(one_backend, code)
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            logs = read_store()
            if logs and len(logs[0].rows("oTrainingModel")) >= 5:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    (log,) = read_store()
    epochs = [row["EPOCH_ID"] for row in log.rows("oTrainingModel")]
    assert epochs == list(range(len(epochs)))
    assert len(epochs) >= 5
    steps = [step for _, step, _ in log.series("batch_loss")]
    assert steps == list(range(len(steps)))
    assert log.of(events.End) == []

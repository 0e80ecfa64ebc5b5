from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

FOLLOWED = [ROOT / "README.md", *sorted(ROOT.glob("docs/tutorial/*.md")), *sorted(ROOT.glob("docs/howto/*.md"))]


def marked(page: Path) -> Any:
    """The page as a parameter; starting Keras and compiling takes seconds in each process."""
    marks = [pytest.mark.slow] if "import keras" in page.read_text(encoding="utf-8") else []
    return pytest.param(page, marks=marks, id=page.stem)


@pytest.mark.skipif(shutil.which("bash") is None, reason="the examples are typed into bash")
@pytest.mark.parametrize("page", [marked(page) for page in FOLLOWED])
def test_a_page_can_be_followed(page: Path, store: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for package in ("keras", "jax", "pymonetdb", "sklearn"):
        if (f"import {package}" in text or f"from {package}" in text) and importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    programs = tmp_path / "bin"
    programs.mkdir()
    # Whatever is called dlprov or python elsewhere on this machine, the page means these.
    for program, command in (("dlprov", f"{sys.executable} -m dlprov"), ("python", sys.executable)):
        (programs / program).write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        (programs / program).chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    environment = {
        **os.environ,
        "FOLLOW_STATE": str(tmp_path / "state"),
        "HOME": str(tmp_path),
        "KERAS_BACKEND": "jax",
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path and Path(path) != HERE),
        "TMPDIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, str(HERE / "follow.py"), str(page)],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = [line for line in done.stderr.splitlines() if "a fault in" in line]
    assert not told, told

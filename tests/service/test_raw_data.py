"""Raw data of clients: the service reads files where it was told that it may, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests

import dlprov

DATAFLOW = {
    "tag": "simulation",
    "transformations": [
        {
            "tag": "solve",
            "sets": [
                {
                    "tag": "osolve",
                    "type": "OUTPUT",
                    "attributes": [
                        {"name": "run", "type": "TEXT"},
                        {"name": "u", "type": "NUMERIC", "extractor": "velocity"},
                    ],
                    "extractors": [{"tag": "velocity", "cartridge": "EXTRACTION", "extension": "CSV"}],
                }
            ],
        }
    ],
}


def test_files_are_read_in_the_directory_that_the_operator_named(serve: Any, tmp_path: Path) -> None:
    allowed, secret = tmp_path / "allowed", tmp_path / "secret.csv"
    allowed.mkdir()
    (allowed / "velocity.data").write_text("U\n0.5\n0.25\n")
    secret.write_text("U\n42\n")
    (allowed / "link.data").symlink_to(secret)
    service = serve("--raw-data", str(allowed))
    assert requests.post(f"{service.url}/pde/dataflow/json", json=DATAFLOW, timeout=20).status_code == 200
    warned = {}
    for number, file in enumerate(("velocity.data", "link.data", "../secret.csv", str(secret)), 1):
        sets = [{"tag": "osolve", "elements": [[str(number), file]]}]
        message = {"dataflow": "simulation", "transformation": "solve", "id": number, "workspace": str(allowed)}
        answer = requests.post(f"{service.url}/pde/task/json", json={**message, "sets": sets}, timeout=20)
        assert answer.status_code == 200
        warned[file] = answer.json().get("warnings", [])
    assert warned["velocity.data"] == []
    assert all("cannot be asked for" in text[0] for file, text in warned.items() if file != "velocity.data")
    found = dlprov.query("SELECT run, u FROM simulation.osolve ORDER BY ALL", store=service.store).rows()
    assert found == [("1", 0.25), ("1", 0.5), ("2", None), ("3", None), ("4", None)]

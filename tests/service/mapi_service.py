"""A service with a port for MonetDB's clients, and ways to speak with it: the real pymonetdb, and bytes."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pymonetdb
import requests

EXECUTION = "alexnet-2025-11-26 16:00:00.123456"
HARDWARE = {
    "hostname": "host1",
    "os": "Linux",
    "platform": "Linux-6.18",
    "architecture": "x86_64",
    "processor": "Xeon",
    "gpus": "Not available",
    "in_container": True,
}


class Service:
    """A service that runs, with a port for MonetDB's clients."""

    def __init__(self, store: Path, *arguments: str, env=None) -> None:
        self.store = store
        command = [sys.executable, "-W", "error", "-m", "dlprov", "serve", "--store", str(store), "--port", "0"]
        self.process = subprocess.Popen(
            [*command, "--mapi-port", "0", *arguments], stderr=subprocess.PIPE, env=env, encoding="utf-8"
        )
        self.said: list[str] = []
        self.url, self.port = "", 0
        while not self.url:
            line = self.process.stderr.readline()
            assert line, "".join(self.said)
            self.said.append(line)
            if found := re.search(r"clients are served at 127\.0\.0\.1:(\d+), database dataflow_analyzer", line):
                self.port = int(found[1])
            if found := re.search(r"is served at (http://\S+);", line):
                self.url = found[1]
        self._listener = threading.Thread(target=lambda: self.said.extend(self.process.stderr))
        self._listener.start()

    def connect(self, **more):
        arguments = {"username": "monetdb", "password": "monetdb", "hostname": "localhost", "port": self.port}
        return pymonetdb.connect(**{**arguments, "database": "dataflow_analyzer", **more})

    def post(self, path, body):
        answer = requests.post(f"{self.url}/{path}", data=json.dumps(body), timeout=60)
        assert answer.status_code == 200, answer.text

    def stop(self) -> str:
        self.process.terminate()
        assert self.process.wait(60) == 0
        self._listener.join(10)
        self.process.stderr.close()
        return "".join(self.said)


def report(running):
    """What DLProv's client tells of one execution of the predefined dataflow, over two epochs."""
    t, n, f = "TEXT", "NUMERIC", "FILE"

    def new(tag, direction, **attributes):
        return {
            "tag": tag,
            "type": direction,
            "attributes": [{"name": name, "type": kind} for name, kind in attributes.items()],
        }

    def taken(tag, producer):
        return {"tag": tag, "type": "INPUT", "dependency": producer}

    transformations = {
        "loaddata": [
            new("iinputdataset", "INPUT", DATASET_NAME=t, DATASET_SOURCE=t),
            new("oloaddata", "OUTPUT", DATASET_DIR=f),
        ],
        "applyfilter": [
            new("ifilter", "INPUT", FILTER_TYPE=t),
            taken("oloaddata", "loaddata"),
            new("ofilter", "OUTPUT", PP_DATASET=f),
        ],
        "splitdata": [
            taken("ofilter", "applyfilter"),
            new("isplitconfig", "INPUT", TRAIN_SIZE=n, VAL_SIZE=n, TEST_SIZE=n),
            new("otrainset", "OUTPUT", TrainSetX=f, TrainSetY=f),
            new("ovalset", "OUTPUT", ValSetX=f, ValSetY=f),
            new("otestset", "OUTPUT", TestSetX=f, TestSetY=f),
        ],
        "train": [
            taken("otrainset", "splitdata"),
            taken("ovalset", "splitdata"),
            new("itrain", "INPUT", OPTIMIZER_NAME=t, LEARNING_RATE=n, NUM_EPOCHS=n, BATCH_SIZE=n, NUM_LAYERS=n),
            new(
                "otrain",
                "OUTPUT",
                TIMESTAMP=t,
                ELAPSED_TIME=t,
                LOSS=n,
                ACCURACY=n,
                VAL_LOSS=n,
                VAL_ACCURACY=n,
                EPOCH=n,
            ),
            new("otrainedmodel", "OUTPUT", MODEL_NAME=t, MODEL_DIR=f),
            new("oweights", "OUTPUT", WEIGHTS_PATH=f),
        ],
        "test": [
            taken("otestset", "splitdata"),
            taken("otrainedmodel", "train"),
            new("otest", "OUTPUT", LOSS=n, ACCURACY=n),
        ],
    }
    plan = [{"tag": tag, "sets": sets} for tag, sets in transformations.items()]
    running.post("pde/dataflow/json", {"tag": "alexnet", "transformations": plan, "email": "bob@fictional.com"})
    task(running, 1, "loaddata", iinputdataset=["OxfordFlowers17", "http://x/17.tgz"], oloaddata=["d/raw.npy"])
    task(running, 2, "applyfilter", after=[("loaddata", 1)], ifilter=["Grayscale"], ofilter=["d/gray.npy"])
    parts = {part: [f"d/x_{part}.npy", f"d/y_{part}.npy"] for part in ("otrainset", "ovalset", "otestset")}
    task(running, 3, "splitdata", after=[("applyfilter", 2)], isplitconfig=["1088", "136", "136"], **parts)
    task(running, 4, "train", after=[("splitdata", 3)], itrain=["Adam", "0.001", "2", "64", "33"])
    for epoch in (1, 2):
        row = ["2025-11-26 16:01:00", "10.5", "2.9312345678", "0.1", "nan", "-9999999", str(epoch)]
        task(running, 4, "train", after=[("splitdata", 3)], otrain=row)
    saved = {"otrainedmodel": ["AlexNet", "d/model.keras"], "oweights": ["d/weights.h5"]}
    task(running, 4, "train", after=[("splitdata", 3)], **saved)
    task(running, 5, "test", after=[("splitdata", 3), ("train", 4)], otest=["0.5", "0.75"])


def task(running, number, transformation, *, after=(), dataflow="alexnet", execution=EXECUTION, **sets):
    message = {
        "id": str(number),
        "dataflow": dataflow,
        "transformation": transformation,
        "exec": execution,
        "email": "bob@fictional.com",
        "hardware": json.dumps(HARDWARE),
        "status": "FINISHED",
        "sets": [{"tag": tag, "elements": [row]} for tag, row in sets.items()],
    }
    if after:
        tags, numbers = zip(*after, strict=True)
        message["dependency"] = {
            "tags": [{"tag": tag} for tag in tags],
            "ids": [{"id": str(number)} for number in numbers],
        }
    running.post("pde/task/json", message)


def ask(cursor, sql, parameters=None):
    cursor.execute(sql, parameters)
    return cursor.fetchall()


class Raw:
    """A connection on which anything may be sent; it also speaks as mclient does."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)

    def send(self, text: bytes | str, last: bool = True) -> None:
        data = text.encode() if isinstance(text, str) else text
        parts = [data[start : start + 8190] for start in range(0, len(data), 8190)] or [b""]
        for place, part in enumerate(parts, 1):
            mark = int(last and place == len(parts))
            self.socket.sendall((len(part) << 1 | mark).to_bytes(2, "little") + part)

    def read(self) -> str:
        text, last = b"", 0
        while not last:
            head = self._exactly(2)
            size, last = int.from_bytes(head, "little") >> 1, head[0] & 1
            assert size <= 8190
            text += self._exactly(size)
        return text.decode()

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError(data)
            data += part
        return data

    def login(self, user="monetdb", password="monetdb", language="sql", options="FILETRANS:") -> str:
        salt, kind, version, hashes, order, inner, *_ = self.read().split(":")
        assert (kind, version, order, inner) == ("mserver", "9", "LIT", "SHA512")
        assert {"SHA512", "SHA256", "SHA1"} <= set(hashes.split(","))
        once = hashlib.sha512(password.encode()).hexdigest()
        twice = hashlib.sha256((once + salt).encode()).hexdigest()
        self.send(f"LIT:{user}:{{SHA256}}{twice}:{language}:dataflow_analyzer:{options}\n")
        return self.read()

    def say(self, text: str) -> str:
        self.send(text)
        return self.read()

    def is_closed(self) -> bool:
        """Whether the server closes the connection; what it still sends is read."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True

    def close(self):
        self.socket.close()


def rows_of(answer: str) -> list[str]:
    return [line for line in answer.splitlines() if line.startswith("[ ")]

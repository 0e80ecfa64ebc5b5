"""A graph database with a Bolt port on loopback: ``python bolt_server.py DIRECTORY``.

Prints the ports of Bolt and of HTTP, and ends when its standard input does.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from arcadedb_embedded.server import ArcadeDBServer

PASSWORD = "a password"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def main(directory: Path) -> None:
    # The server prints on standard output, too.
    ports = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.chdir(directory)
    bolt, http = free_port(), free_port()
    plugin = "Bolt:com.arcadedb.bolt.BoltProtocolPlugin"
    configuration = {"server_plugins": plugin, "bolt_port": bolt, "http_port": http, "host": "127.0.0.1"}
    server = ArcadeDBServer(str(directory), PASSWORD, config=configuration, jvm_kwargs={"heap_size": "1g"})
    server.start()
    for name in ("first", "second", "third"):
        server.create_database(name)
    print(bolt, http, file=ports, flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Follows one page as a reader would: ``python follow.py PAGE``, in an empty directory.

Blocks of ``python`` run one after the other in one namespace; lines of ``console`` that begin with ``$`` run in a
shell, which keeps its variables and its directory from one block to the next. A comment above a block says otherwise:
``file: NAME`` writes the block to a file instead, ``fails`` expects the last command to fail, ``not run: why`` passes
over it. What a page shows as output is not compared.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from docs_pages import Block, blocks, name


def main(page: Path) -> None:
    namespace = {"__name__": "__page__"}
    for block in blocks(page):
        if block.order.startswith("not run:"):
            continue
        if block.order.startswith("file: "):
            Path(block.order.removeprefix("file: ")).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            # Empty lines in front give the traceback the page's own line numbers.
            source = "\n" * (block.line - 1) + block.text
            exec(compile(source, name(page), "exec", dont_inherit=True), namespace)
        elif block.language == "console":
            in_shell(page, block)


def in_shell(page: Path, block: Block) -> None:
    commands = [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]
    # What a command leaves of variables and directory is handed back through a file.
    state = Path(os.environ["FOLLOW_STATE"])
    script = "\n".join([f"trap 'env -0 > {shlex.quote(str(state))}; pwd' EXIT", "set -e", *commands])
    done = subprocess.run(
        ["bash", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False
    )
    if (done.returncode != 0) != (block.order == "fails"):
        raise SystemExit(f"{name(page)}:{block.line}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    for pair in state.read_text(encoding="utf-8").split("\0"):
        variable, separator, value = pair.partition("=")
        if separator and variable not in {"_", "SHLVL"}:
            os.environ[variable] = value
    os.chdir(done.stdout.rstrip().rpartition("\n")[2])


if __name__ == "__main__":
    main(Path(sys.argv[1]))

from __future__ import annotations

import os
import select
import signal
import sys
import time

import pytest

pty = pytest.importorskip("pty")


def test_a_pipe_is_answered_statement_by_statement(dlprov_command, trained):
    typed = 'SELECT 1 AS a; SELECT\n2 AS b;\nSET SCHEMA "mnist";\n\\d\nSELECT name FROM ofilter'
    found = dlprov_command("shell", input=typed)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.split()[:6] == ["a", "─", "1", "b", "─", "2"]
    assert "ds_ofilter" in found.stdout
    assert found.stdout.endswith("median\n")


def test_a_mistake_ends_nothing_but_is_told_at_the_end(dlprov_command):
    found = dlprov_command("shell", input="SELEC;\n\\nope\nSELECT 5 AS still_here;\n")
    assert found.returncode == 1
    assert "5" in found.stdout.split()
    assert found.stderr.count("dlprov: ") == 2
    assert "Traceback" not in found.stderr


def test_semicolons_in_texts_names_and_comments_end_nothing(dlprov_command):
    typed = """SELECT 'a;
b' AS "x;
y"; /* not;
yet */ SELECT 1 AS one; -- nor; here
SELECT $$c;
d$$ AS z;"""
    found = dlprov_command("shell", input=typed)
    assert (found.returncode, found.stderr) == (0, "")
    assert "a;\nb" in found.stdout
    assert "c;\nd" in found.stdout


@pytest.mark.parametrize("typed", ["\\q\nSELECT 1 AS a;", "SELECT 2 AS b; \\q\nSELECT 1 AS a;", "", "\n;\n \n"])
def test_leaving_and_saying_nothing(dlprov_command, typed):
    found = dlprov_command("shell", input=typed)
    assert (found.returncode, found.stderr) == (0, "")
    assert "a\n" not in found.stdout


@pytest.mark.parametrize(("typed", "said"), [("\\d run", "status"), ("\\d", "metric_summary"), ("\\dn", "mnist")])
def test_what_there_is(dlprov_command, trained, typed, said):
    for ending in ("", "\n", ";\n"):
        found = dlprov_command("shell", input=typed + ending)
        assert found.returncode == 0, found.stderr
        assert said in found.stdout


class Terminal:
    """A shell in a terminal of its own."""

    def __init__(self, *arguments):
        self.pid, self.file = pty.fork()
        if not self.pid:
            # Whoever starts the tests in the background has them, and all that they start, ignore Ctrl-C.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execv(sys.executable, [sys.executable, "-m", "dlprov", *arguments])
        self.seen = ""

    def type(self, text):
        os.write(self.file, text.encode())

    def wait_for(self, text):
        """Read until ``text`` appears behind what was waited for before."""
        while text not in self.seen:
            read = self._read()
            assert read, f"{text!r} did not come: {self.seen!r}"
            self.seen += read.decode("utf-8", "replace")
        before, _, self.seen = self.seen.partition(text)
        return before

    def exit_status(self):
        """Read to the end, and wait for it."""
        while self._read():
            pass
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.file)
        return status

    def _read(self):
        ready, _, _ = select.select([self.file], [], [], 60)
        assert ready, f"nothing came for a minute after {self.seen!r}"
        try:
            return os.read(self.file, 65536)
        except OSError:  # Linux: the other side is closed
            return b""


@pytest.fixture
def terminal(trained, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    started = []

    def start(*arguments):
        started.append(Terminal(*arguments))
        return started[-1]

    yield start
    for one in started:
        try:
            os.kill(one.pid, signal.SIGKILL)
            os.waitpid(one.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def test_a_conversation(terminal, tmp_path):
    shell = terminal("shell")
    shell.wait_for("dlprov> ")
    shell.type("SELECT 40 +\n")
    shell.wait_for("......> ")
    shell.type("2 AS answer;\n")
    assert "42" in shell.wait_for("1 row")
    shell.wait_for("dlprov> ")
    shell.type("nonsense;\n")
    assert "Parser Error" in shell.wait_for("dlprov> ")
    shell.type("SELECT 'thrown away'")
    shell.wait_for("away'")
    # Python notices a signal while it waits for a key, not in the moment before.
    time.sleep(0.3)
    shell.type("\x03")
    shell.wait_for("dlprov> ")
    shell.type('SET SCHEMA "mnist";\n')
    shell.wait_for("mnist> ")
    shell.type("SELECT name FROM ofilter;\n")
    assert "median" in shell.wait_for("mnist> ")
    shell.type("\\?\n")
    assert "Ctrl-D" in shell.wait_for("mnist> ")
    shell.type("\x04")
    assert shell.exit_status() == 0
    history = (tmp_path / "cache" / "shell_history").read_text(encoding="utf-8")
    assert "2 AS answer;" in history


def test_ctrl_c_stops_a_long_question_and_not_the_shell(terminal):
    shell = terminal("shell")
    shell.wait_for("dlprov> ")
    shell.type("SELECT sum(a.range * b.range) FROM range(3000000) AS a, range(3000000) AS b;\n")
    time.sleep(2)
    shell.type("\x03")
    shell.wait_for("dlprov> ")
    shell.type("SELECT 6 * 7 AS answer;\n")
    assert "42" in shell.wait_for("1 row")
    shell.type("\\q\n")
    assert shell.exit_status() == 0


def test_ctrl_c_ends_another_command_with_130(terminal):
    query = terminal("query", "SELECT sum(a.range * b.range) FROM range(3000000) AS a, range(3000000) AS b")
    time.sleep(3)
    query.type("\x03")
    assert query.exit_status() == 130


def test_a_terminal_has_bold_titles_a_row_count_and_its_width(terminal):
    query = terminal("query", "SELECT 1 AS a, NULL AS b")
    output = query.wait_for("1 row")
    assert "\x1b[1ma  b\x1b[0m" in output
    assert "\x1b[2m" in output
    assert query.exit_status() == 0


def test_the_index_shows_its_progress_on_a_terminal(terminal):
    index = terminal("index", "--rebuild")
    index.wait_for("built anew")
    assert index.exit_status() == 0

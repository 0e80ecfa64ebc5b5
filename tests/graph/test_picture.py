"""Pictures: what is folded, what nodes say, and that what is drawn can be read."""

from __future__ import annotations

import io
import re
import subprocess
from collections import Counter
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from PIL import Image
from recorded import native, odd, p7

import dlprov
from dlprov.cli.program import program
from dlprov.errors import UsageError
from dlprov.graph.formats import FORMATS, writer
from dlprov.graph.mapping import provenance
from dlprov.graph.picture import layout
from dlprov.graph.picture.folding import Picture, fold
from dlprov.graph.picture.labels import TIMES, Label, cut, label
from dlprov.graph.picture.layout import PlacedNode, place
from dlprov.graph.picture.scene import Curve, Ellipse, scene
from dlprov.graph.picture.shapes import width_of
from dlprov.graph.statements import ELEMENTS, LABEL, Name, Statement, attributes, own
from dlprov.query import open_session

SVG = "{http://www.w3.org/2000/svg}"

PICTURES = [name for name, found in FORMATS.items() if found.is_picture]


def said(*run_ids: str) -> list[Statement]:
    return list(provenance(open_session(), run_ids))


def labels(picture: Picture) -> dict[str, Label]:
    return {found.title: found for found in map(label, picture.nodes)}


def drawn(statements: list[Statement], name: str, **options: bool) -> bytes:
    target = io.BytesIO()
    writer(name, **options)(statements, target)
    return target.getvalue()


@pytest.fixture
def epochs(store: Path) -> str:
    """A run of 83 epochs: a row, a checkpoint and a smaller learning rate each."""
    with dlprov.start_run("flow", name="long") as run:
        with run.task("Load") as load:
            images = load.generated("oImages", path="images.npy")
        with run.task("Train") as train:
            train.used("oImages", images)
            for epoch in range(83):
                train.generated("oTrain", epoch=epoch, loss=2.93 / (epoch + 1), optimizer="Adam")
                train.adaptation("rate", 0.5**epoch, 0.5 ** (epoch + 1), technique="Halve", epoch=epoch)
                train.log(epoch=epoch, loss=1.0, accuracy=0.5, speed=epoch)
                weights = store.parent / f"weights_{epoch:02}.h5"
                weights.write_bytes(b"%d" % epoch)
                train.artifact(weights, kind="weights", epoch=epoch)
            model = train.generated("oModel", path="model.keras")
        with run.task("Test", depends_on=[train]) as test:
            test.used("oModel", model)
            test.generated("oTest", accuracy=0.5)
    return run.id


def test_a_long_series_is_one_node_that_says_so(epochs: str) -> None:
    found = labels(fold(said(epochs)))
    assert found[f"otrain {TIMES} 83"].lines == ("epoch 0 … 82", "loss 2.93 → 0.0353", "optimizer Adam")
    assert "epoch 0 … 82" in found[f"weights_….h5 {TIMES} 83"].lines
    assert found[f"Halve {TIMES} 83"].lines[0] == "epoch 0 … 82"
    # The first one, which nothing made, is not part of the series of those that adaptations made.
    assert found[f"rate {TIMES} 83"].lines == ("rate 0.5 → 1.034e-25",)
    assert found["rate 1.0"].note == "hyperparameters"
    assert found[f"metrics {TIMES} 3"].lines == ("loss 1", "accuracy 0.5", "speed 82")
    assert found["oimages:1"].lines == ("path images.npy",)
    assert len(found) < 20


def test_unfolded_everything_is_there(epochs: str) -> None:
    statements = said(epochs)
    picture = fold(statements, unfold=True)
    things = {statement.id for statement in statements if statement.kind in ELEMENTS}
    assert {node.id for node in picture.nodes} == things
    assert all(len(node.members) == 1 for node in picture.nodes)
    relations = Counter(statement.kind for statement in statements if statement.kind not in ELEMENTS)
    assert Counter(edge.kind for edge in picture.edges) == relations
    assert "otrain:83" in labels(picture)


def test_nothing_is_lost_by_folding(epochs: str) -> None:
    folded, whole = fold(said(epochs)), fold(said(epochs), unfold=True)
    members = {member.id for node in folded.nodes for member in node.members}
    hidden = {node.id for node in whole.nodes} - members
    # Only the contents of files, each of which one copy has.
    assert {name.partition("-")[0] for name in hidden} == {"file"}
    assert {edge.kind for edge in whole.edges} - {edge.kind for edge in folded.edges} == {"specializationOf"}


def test_rows_of_different_tasks_are_different_series(store: Path) -> None:
    with dlprov.start_run("flow") as run:
        for name in ("A", "B"):
            with run.task(name) as task:
                for number in range(5):
                    task.generated("rows", number=number)
    picture = fold(said(run.id))
    assert [label(node).title for node in picture.nodes].count(f"rows {TIMES} 5") == 2


def test_many_tasks_of_a_run_are_one_node_and_so_is_what_they_make(store: Path) -> None:
    with dlprov.start_run("flow") as run:
        for number in range(4):
            with run.task("Epoch") as task:
                task.generated("rows", number=number)
    found = labels(fold(said(run.id)))
    assert f"epoch {TIMES} 4" in found
    assert found[f"rows {TIMES} 4"].lines == ("number 0 … 3",)


def test_two_things_are_no_series(store: Path) -> None:
    found = labels(fold(said(p7(store))))
    assert {"otrain:1", "otrain:2"} < set(found)
    assert found["itrain:1"].lines[0] == "optimizer_name SGD"


def test_a_file_has_the_name_that_its_user_gave_it(store: Path, tmp_path: Path) -> None:
    assert labels(fold(said(native(tmp_path))))["data.npz"].note == "file"


def test_what_is_only_spoken_of_is_drawn() -> None:
    picture = fold([Statement("used", "", {"activity": "task-1234567890", "entity": "element-1"})])
    assert [(node.kind, label(node)) for node in picture.nodes] == [
        ("activity", Label("task", "12345678", ())),
        ("entity", Label("element", "1", ())),
    ]


def test_arrows_lead_to_the_past(store: Path) -> None:
    found = place(fold(said(p7(store))))
    heights = {placed.node.id: placed.middle[1] for placed in found.nodes}
    assert found.edges
    for placed in found.edges:
        assert heights[placed.edge.head] < heights[placed.edge.tail]


@pytest.mark.parametrize("value", ["a" * 500, "/very/long/path" * 9 + "/end.h5"])
def test_long_values_are_cut_in_the_middle(value: str) -> None:
    assert len(cut(value)) == 32
    assert cut(value)[:3] == value[:3]
    assert cut(value)[-5:] == value[-5:]


def test_what_nodes_say_of_runs_is_what_the_commands_take_for_their_ids(store: Path) -> None:
    run_ids = [dlprov.start_run("flow"), dlprov.start_run("flow")]
    for run in run_ids:
        run.finish()
    first, second = (run.id for run in run_ids)
    notes = {label(node).note for node in fold(said(first, second)).nodes}
    assert {f"run {first[-8:]}", f"run {second[-8:]}"} <= notes
    assert first[-8:] in CliRunner().invoke(program, ["runs"]).output
    assert label(fold([Statement("activity", f"run-{first}", {})]).nodes[0]).note == first[-8:]


def test_the_time_of_a_series_is_said_to_be_that_of_all() -> None:
    day = "2026-01-01T00:00"
    tasks = [
        Statement(
            "activity",
            f"task-{number}",
            {"startTime": f"{day}:00+00:00", "endTime": f"{day}:02+00:00"},
            attributes([(own("task_id"), number), (LABEL, "train")]),
        )
        for number in range(3)
    ]
    of_one_run = [
        Statement("wasInformedBy", "", {"informed": f"task-{number}", "informant": "run-1"}) for number in range(3)
    ]
    found = labels(fold([*tasks, *of_one_run]))
    assert found[f"train {TIMES} 3"].lines == ("took 6 s in all",)
    assert label(fold(tasks[:1]).nodes[0]).lines == ("took 2 s",)


def test_names_are_as_they_were_given_and_colours_of_terminals_are_no_words(store: Path) -> None:
    given = {"größe": 1, "损失": 0.5, "a b": 2, "_u0041_": 3, "": 4}
    with dlprov.start_run("flow", params=given) as run:
        pass
    (found,) = [node for node in fold(said(run.id)).nodes if label(node).title == "hyperparameters"]
    assert set(label(found).lines) == {"größe 1", "损失 0.5", "a b 2", "_u0041_ 3", "4"}
    error = Statement("entity", "e", {}, attributes([(LABEL, "x"), (own("error"), "\x1b[1;31mboom\x1b[0m!")]))
    assert label(fold([error]).nodes[0]).lines == ("error boom !",)


def test_what_is_left_out_is_counted_with_separators() -> None:
    many = attributes((own(f"p{number}"), number) for number in range(10_000))
    assert label(fold([Statement("entity", "e", {}, many)]).nodes[0]).lines[-1] == "… 9,996 more"


def test_words_of_upright_lines_stand_clear_of_them(store: Path, tmp_path: Path) -> None:
    placed = place(fold(said(native(tmp_path))))
    upright = [edge for edge in placed.edges if max(x for x, _ in edge.points) - min(x for x, _ in edge.points) < 1]
    assert {edge.edge.kind for edge in upright} >= {"wasGeneratedBy"}
    for edge in upright:
        gap = abs(edge.label[0] - edge.points[0][0]) - width_of(edge.edge.kind, 8.5) / 2
        assert 3 < gap < 12, edge.edge


def test_lines_from_a_roof_go_straight_on() -> None:
    """Seen from the roof, a line begins in the direction in which it leaves the box around the house."""
    statements = [
        Statement("agent", "software", {}, attributes([(LABEL, "a rather long name of software")])),
        Statement("agent", "person", {}, attributes([(LABEL, "me")])),
        Statement("actedOnBehalfOf", "", {"delegate": "software", "responsible": "person"}),
        *(Statement("activity", f"run{number}", {}, attributes([(LABEL, "x" * 30)])) for number in range(3)),
        *(
            Statement("wasAssociatedWith", "", {"activity": f"run{number}", "agent": agent})
            for number in range(3)
            for agent in ("software", "person")
        ),
    ]
    found = place(fold(statements, unfold=True))
    (line,) = [edge for edge in found.edges if edge.edge.kind == "actedOnBehalfOf"]
    (curve,) = [
        mark
        for group in scene(found).groups
        if group.kind == "actedOnBehalfOf"
        for mark in group.marks
        if isinstance(mark, Curve)
    ]
    assert curve.points != line.points
    roof, _, start, *_ = curve.points
    after = next(point for point in line.points if point != start)
    one = (start[0] - roof[0]) * (after[1] - start[1])
    other = (start[1] - roof[1]) * (after[0] - start[0])
    assert one == pytest.approx(other, abs=2)


def test_a_name_of_any_characters_is_one_line(store: Path) -> None:
    for node in fold(said(odd())).nodes:
        said_by_it = label(node)
        for text in (said_by_it.title, said_by_it.note, *said_by_it.lines):
            assert text.isprintable()
            assert len(text) < 400


def _fits(placed: PlacedNode) -> bool:
    """Whether all text is within the node's outline."""
    size = placed.shape
    for line in size.lines:
        half = width_of(line.text, line.size, bold=line.style == "title") / 2
        top, bottom = line.offset - line.size * 0.75, line.offset + line.size * 0.2
        if half > size.width / 2 or top < -size.height / 2 or bottom > size.height / 2:
            return False
        far = max(abs(top), abs(bottom))
        if placed.node.kind == "entity" and (half / (size.width / 2)) ** 2 + (far / (size.height / 2)) ** 2 > 1:
            return False
        if placed.node.kind == "agent" and top < -size.height / 2 + 14:
            return False
    return True


@pytest.mark.parametrize("unfold", [False, True])
def test_text_stays_within_its_node_and_nodes_apart(store: Path, tmp_path: Path, unfold: bool) -> None:
    found = place(fold(said(p7(store), native(tmp_path), odd()), unfold=unfold), unfolded=unfold)
    assert all(_fits(placed) for placed in found.nodes)
    for one, other in combinations(found.nodes, 2):
        apart = [abs(one.middle[axis] - other.middle[axis]) for axis in (0, 1)]
        needed = ((one.shape.width + other.shape.width) / 2, (one.shape.height + other.shape.height) / 2)
        assert apart[0] >= needed[0] - 1 or apart[1] >= needed[1] - 1
    for placed in found.nodes:
        assert placed.shape.width / 2 - 1 <= placed.middle[0] <= found.width - placed.shape.width / 2 + 1


def test_lines_end_at_the_borders_of_nodes(store: Path, tmp_path: Path) -> None:
    found = place(fold(said(native(tmp_path))))
    placed_nodes = {placed.node.id: placed for placed in found.nodes}
    for placed in found.edges:
        head = placed_nodes[placed.edge.head]
        across, down = (abs(placed.points[-1][axis] - head.middle[axis]) for axis in (0, 1))
        wide, high = head.shape.width / 2, head.shape.height / 2
        if head.node.kind == "entity":
            assert (across / wide) ** 2 + (down / high) ** 2 == pytest.approx(1, abs=0.12)
        else:
            assert across == pytest.approx(wide, abs=2) or down == pytest.approx(high, abs=2)


def test_svg_is_xml_with_every_name_and_relation(store: Path, tmp_path: Path) -> None:
    statements = said(p7(store), odd())
    root = ET.fromstring(drawn(statements, "svg"))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"loaddata", "itrain:1", "wasGeneratedBy", "wasAssociatedWith", "bob@fictional.com"} < set(texts)
    picture = fold(statements)
    kinds = Counter(element.get("class") for element in root.iter(f"{SVG}g") if element.get("class"))
    for kind in ELEMENTS:
        assert kinds[kind] == sum(node.kind == kind for node in picture.nodes)
    titles = {element.text for element in root.iter(f"{SVG}title")}
    assert {f"dlprov:{node.id}" for node in picture.nodes if len(node.members) == 1} < titles
    # A picture that came from anywhere may be opened in a browser.
    assert not list(root.iter(f"{SVG}script"))


def test_w3c_notation(store: Path) -> None:
    statements = said(p7(store))
    found = scene(place(fold(statements)))
    outlines = {group.kind: group.marks[0] for group in found.groups if group.kind in ELEMENTS}
    assert isinstance(outlines["entity"], Ellipse)
    assert outlines["entity"].fill == "#FFFC87"
    assert [(len(outlines[kind].points), outlines[kind].fill) for kind in ("activity", "agent")] == [
        (4, "#9FB1FC"),
        (5, "#FED37F"),
    ]
    relations = sum(statement.kind not in ELEMENTS for statement in statements)
    assert sum(isinstance(mark, Curve) for group in found.groups for mark in group.marks) == relations


def test_dot_is_what_graphviz_reads_whatever_the_names_are(store: Path) -> None:
    statements = said(odd())
    text = drawn(statements, "dot")
    done = subprocess.run([*layout.engine(), "-Kdot", "-Tplain"], input=text, capture_output=True, check=True)
    rows = done.stdout.decode().splitlines()
    picture = fold(statements)
    assert sum(row.startswith("node ") for row in rows) == len(picture.nodes)
    assert sum(row.startswith("edge ") for row in rows) == len(picture.edges)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text.decode())


def test_dot_escapes_what_would_end_a_string() -> None:
    mean = '"]; } evil [label=<a&b>] \\'
    statements = [Statement("entity", "e", {}, attributes([(LABEL, mean), (own('x"y'), mean)]))]
    text = drawn(statements, "dot").decode()
    assert "&quot;]; } evil [label=&lt;a&amp;b&gt;] \\" in text
    assert text.count("\n  n0 [") == 1
    assert "evil [label=<a" not in text


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_runs_give_the_same_bytes(epochs: str, name: str) -> None:
    first = drawn(said(epochs), name)
    assert first == drawn(said(epochs), name)
    assert first != drawn(said(epochs)[:-20], name)


def test_png_is_a_picture_with_the_colours(store: Path) -> None:
    statements = said(p7(store))
    with Image.open(io.BytesIO(drawn(statements, "png"))) as image:
        size = image.size
        colours = Counter(image.convert("RGB").get_flattened_data())
    found = scene(place(fold(statements)))
    # What the picture is made with keeps its proportions, and may leave out a row for that.
    assert size == pytest.approx((found.width * 2, found.height * 2), abs=1)
    for colour in ((0xFF, 0xFC, 0x87), (0x9F, 0xB1, 0xFC), (0xFE, 0xD3, 0x7F)):
        assert colours[colour] > 1000
    # Words: black is in letters alone.
    assert colours[0, 0, 0] > 1000


def test_pdf_is_one_page_of_its_size_with_its_fonts(epochs: str) -> None:
    statements = said(epochs)
    pdf = drawn(statements, "pdf")
    found = scene(place(fold(statements)))
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert f"/MediaBox [ 0 0 {found.width} {found.height} ]".encode() in pdf
    assert b"/FontFile2" in pdf
    assert pdf.count(b"/Type /Page\n") == 1


def test_a_picture_of_anything_can_be_drawn_as_png_and_pdf(store: Path) -> None:
    statements = said(odd())
    assert drawn(statements, "png").startswith(b"\x89PNG")
    assert drawn(statements, "pdf").startswith(b"%PDF-")


def _many(count: int) -> list[Statement]:
    return [
        Statement("entity", f"e-{number}", {}, ((Name("prov", "label"), "x" + chr(0x4E00 + number)),))
        for number in range(count)
    ]


@pytest.mark.parametrize("name", ["svg", "png", "pdf"])
def test_a_picture_that_is_too_large_says_how_to_get_a_smaller_one(name: str) -> None:
    with pytest.raises(UsageError, match=r"got 2,001 and 0 after folding: export fewer runs .*--format dot"):
        drawn(_many(2_001), name)
    with pytest.raises(UsageError, match="leave out --unfold"):
        drawn(_many(2_001), name, unfold=True)


def test_dot_has_no_limit() -> None:
    assert drawn(_many(5_000), "dot").count(b"shape=") == 5_000


def test_without_a_program_that_lays_out_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout.shutil, "which", lambda *args, **kwargs: None)
    with pytest.raises(UsageError, match=r"pip install 'dlprov\[pictures\]'"):
        drawn(_many(1), "svg")
    assert b"digraph" in drawn(_many(1), "dot")


@pytest.mark.parametrize(("name", "missing"), [("png", "resvg_py"), ("pdf", "reportlab.pdfgen.canvas")])
def test_without_the_extra_it_says_so(name: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What the import system does with a module that cannot be found.
    monkeypatch.setitem(__import__("sys").modules, missing, None)
    with pytest.raises(UsageError, match=r"is not installed: pip install 'dlprov\[pictures\]'"):
        drawn(_many(1), name)


def test_an_engine_that_fails_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dot = tmp_path / "dot"
    dot.write_text("#!/bin/sh\necho 'out of memory' >&2\nexit 3\n")
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(UsageError, match="out of memory"):
        drawn(_many(1), "svg")
    dot.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(layout, "TIMEOUT", 0.2)
    with pytest.raises(UsageError, match=r"took longer than 0.2 s"):
        drawn(_many(1), "svg")


def test_the_command_writes_pictures(epochs: str, tmp_path: Path) -> None:
    def run(*arguments: str) -> bytes:
        done = CliRunner().invoke(program, ["export", epochs, *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout_bytes

    statements = said(epochs)
    for name in PICTURES:
        path = tmp_path / f"long.{name}"
        run("-o", str(path))
        assert path.read_bytes() == drawn(statements, name)
        assert run("--format", name) == path.read_bytes()
    assert run("--format", "dot", "--unfold") == drawn(statements, "dot", unfold=True)
    assert run("--format", "provn", "--unfold") == drawn(statements, "provn")
    assert dlprov.export(epochs, format="dot", unfold=True) == drawn(statements, "dot", unfold=True).decode()
    run("--format", "svg", "--format", "dot", "-o", f"{tmp_path}/all/")
    assert {path.suffix for path in (tmp_path / "all").iterdir()} == {".svg", ".dot"}


def test_a_size_that_a_user_calls_so_may_be_anything() -> None:
    told = attributes([(LABEL, "x"), (own("sha256"), "ab"), (own("size"), "12 MB")])
    assert "size 12 MB" in label(fold([Statement("entity", "e", {}, told)]).nodes[0]).lines

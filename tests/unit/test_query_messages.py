"""Messages of the query interface: grammar, spelling, what is refused, and that no message says more than it may."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

import dlprov
from dlprov import model
from dlprov.query.interface import Plan, answer, find_dataflow, parse_message, plan


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> dlprov.query.Session:
    """A dataflow with two neighbours, a set apart, and names that SQL finds hard; and another with the same sets."""
    place = tmp_path_factory.mktemp("store")
    for tag in ("Mnist", "mnist-copy"):
        with dlprov.start_run(tag, store=place) as run:
            with run.task("Train") as train:
                train.used("iTrain", learning_rate=0.1, optimizer="Adam", note="it's")
                train.used("iTrain", learning_rate=0.2, optimizer="SGD", note="a;b")
                train.generated("oTrain", accuracy=0.9, learning_rate=0.1, later=None)
            with run.task("Test") as test:
                test.used_all("oTrain", train)
                test.generated("oTest", accuracy=0.8, later=None)
            with run.task("Apart") as apart:
                apart.generated("oApart", x=1)
    with dlprov.start_run("hard", store=place) as run:
        with run.task("Step-1; DROP TABLE x") as first:
            first.used("my-set", **{"a b": 1, "Select": 2, 'q"q': 3, "x.y": 4, "timestamp": 5})
            first.generated("select", order=1)
        with run.task("left") as second:
            second.used_all("select", first)
            second.generated("left", value=1)
            second.generated("values", value=1)
            second.generated("1st", value=1)
            second.generated("été", value=1)
            second.generated("in.out", value=1)
            second.generated("it's", value=1)
            second.generated("task", value="mine")
    return dlprov.query.open_session(place)


def ask(session: dlprov.query.Session, text: str, dataflow: str = "mnist") -> list[tuple[object, ...]]:
    return answer(session, plan(session, dataflow, parse_message(text))).rows()


def planned(session: dlprov.query.Session, text: str, dataflow: str = "mnist") -> Plan:
    return plan(session, dataflow, parse_message(text))


# Grammar.


def test_names_may_be_in_any_case_with_blanks_braces_and_every_line_end() -> None:
    plain = parse_message("mapping(hybrid)\nsource(a;b)\ntarget(c)\nprojection(a.x; b.y)\nselection(a.x > 1)")
    assert plain.mapping == "hybrid"
    assert plain.source == ("a", "b")
    for text in (
        "\ufeffMAPPING ( Hybrid )\r\n\r\n Source({a; b})\r\nTARGET({c})\r\nprojection({a.x;b.y})\nselection(a.x > 1);",
        "mapping(HYBRID)\rsource({a};{b};)\r\rtarget(c)\rprojection(a.x;;b.y;a.x)\rselection({a.x > 1})",
        "selection(a.x > 1)\nprojection(a.x; b.y)\ntarget(c)\nsource(a;b)\nmapping(hybrid)",
    ):
        assert parse_message(text) == plain, text
        assert parse_message(text).warnings == ()


def test_parentheses_commas_and_braces_are_free_within_an_argument() -> None:
    text = "selection(a.x > 1 OR (b.y < 2 AND b.z = 'q'); c.x IN (1, 2); {'k': 1} = {'k': 2})"
    assert parse_message(text).selection == (
        "a.x > 1 OR (b.y < 2 AND b.z = 'q')",
        "c.x IN (1, 2)",
        "{'k': 1} = {'k': 2}",
    )
    assert parse_message("projection(osolve_equation_systems.time; oextract_data.x;oextract_data.u)").projection == (
        "osolve_equation_systems.time",
        "oextract_data.x",
        "oextract_data.u",
    )


def test_the_last_line_of_a_function_counts_and_what_is_passed_over_is_told() -> None:
    message = parse_message("source(a)\njust words\nsource(b) now\n)(\nprojection()\ninclude()\nexclude( ; )")
    assert (message.source, message.projection, message.include, message.exclude) == (("b",), (), (), ())
    assert message.lines["source"] == 3
    assert [warning.partition(":")[0] for warning in message.warnings] == [
        "line 2 is passed over",
        "line 3",
        "source stands in lines 1 and 3",
        "line 4 is passed over",
    ]
    assert parse_message("") == parse_message("\n \n") == parse_message("nothing")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("source(a)\nsauce(b)", "line 2: one of mapping, source, .* was expected, got 'sauce'"),
        ("mapping(undefined)", "line 1: mapping.* expects physical, logical or hybrid, got 'undefined'"),
        ("mapping()", "mapping.* expects physical, logical or hybrid, got nothing"),
        ("mapping(logical; hybrid)", "got 'logical; hybrid'"),
        ("\n\ntarget()", r"line 3: target\(…\) expects the tag of at least one set, got nothing"),
        ("source( ; )", "expects the tag of at least one set"),
        ("f" * 500 + "(a)", "got 'f{59}…'"),
    ],
)
def test_an_error_names_the_line_and_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(dlprov.QueryError, match=reason):
        parse_message(text)


# What the dataflow lacks.


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("source(nope)", "line 1: source.* names 'nope', which is no set of the dataflow 'mnist'; there are: itrain"),
        ("source(itrain)\ntarget(Nope)", "line 2: target.* names 'Nope'"),
        ("source(itrain)\ntarget(otrain)\ninclude(nope)", "line 3: include.* names 'nope'"),
        ("source(itrain)\ntarget(otrain)\nexclude(otrain; nope)", "line 3: exclude.* names 'nope'"),
        ("", "names no set to read"),
        ("mapping(physical)\nprojection(itrain.learning_rate)", "names no set to read"),
        ("source(itrain)\nprojection(nope.x)", "line 2: .*'nope.x', which names no set of 'mnist'"),
        ("source(itrain)\nprojection(itrain.nope)", "itrain has no attribute 'nope'; it has: id, train_task_id, learn"),
        ("source(itrain)\nprojection(nope)", "'nope' without a set, and none of them has it: itrain"),
        ("source(itrain)\nprojection(accuracy)", "none of them has it: itrain"),
        ("source(itrain)\ntarget(otrain)\nprojection(learning_rate)", "several of them have it: itrain, otrain"),
        ("source(itrain)\nprojection(otest.accuracy)", "needs otest, which is not among .* asked .itrain.: name it"),
        ("source(itrain)\nprojection(avg(otest.accuracy))", "line 2: 'avg.otest.accuracy.' needs otest"),
        ("source(itrain)\nselection(oTest.accuracy > 1)", "line 2: 'oTest.accuracy > 1' needs otest"),
        ("source(itrain)\nprojection(itrain.*)", "line 2: one value was expected, got 'itrain.*'"),
        ("source(itrain)\nselection(*)", "line 2: one value was expected"),
        ("source(itrain)\nprojection(*)", "without projections all come"),
        ("source(itrain)\nselection(nope.x > 1)", 'Referenced table "nope" not found'),
        ("source(itrain)\nselection(itrain.nope > 1)", "nope"),
        ("source(itrain)\nselection(CAST(itrain.optimizer AS INTEGER) > 1)", "(?s)Could not convert.*Adam"),
        ("source(itrain)\nprojection(avg(itrain.learning_rate); itrain.optimizer)", "GROUP BY"),
        ("source(itrain)\nprojection(unnest({'a': 1, 'b': 2}, recursive := true))", "each projection gives one column"),
    ],
)  # fmt: skip
def test_an_error_names_the_tag_and_says_what_there_is(session: dlprov.query.Session, text: str, reason: str) -> None:
    with pytest.raises(dlprov.QueryError, match=reason) as caught:
        ask(session, text)
    assert "Traceback" not in str(caught.value)


def test_an_unknown_dataflow_is_not_found(session: dlprov.query.Session) -> None:
    with pytest.raises(
        dlprov.NotFoundError, match="no dataflow 'cifar' in this store; there are: hard, mnist, mnist-copy"
    ):
        ask(session, "source(itrain)", "cifar")


def test_the_dataflow_is_the_only_one_with_these_sets(session: dlprov.query.Session) -> None:
    assert find_dataflow(session, parse_message("source(MY-SET)\ntarget(left)")) == "hard"
    with pytest.raises(dlprov.UsageError, match=r"2 dataflows have the sets .* \(mnist, mnist-copy\)"):
        find_dataflow(session, parse_message("source(itrain)\ntarget(otrain)"))
    with pytest.raises(dlprov.NotFoundError, match="no dataflow in this store has a set nope, never"):
        find_dataflow(session, parse_message("source(itrain; nope)\nexclude(never)"))
    with pytest.raises(dlprov.NotFoundError, match="all of the sets itrain, left"):
        find_dataflow(session, parse_message("source(itrain)\ntarget(left)"))
    with pytest.raises(dlprov.UsageError, match="names no set that tells its dataflow"):
        find_dataflow(session, parse_message("projection(itrain.learning_rate)"))


# What is answered.


def test_without_projections_and_joins_every_column_comes_with_its_name(session: dlprov.query.Session) -> None:
    found = planned(session, "source(itrain)\ntarget(itrain)")
    assert found.sql == "SELECT *\nFROM itrain\n;"
    assert found.header == ("id", "train_task_id", "learning_rate", "optimizer", "note")
    result = answer(session, found)
    assert tuple(result.columns) == found.header
    assert [row[2:] for row in result.rows()] == [(0.1, "Adam", "it's"), (0.2, "SGD", "a;b")]
    both = planned(session, "mapping(logical)\nsource(otrain)\ntarget(oapart)")
    assert (both.sets, both.columns) == (("otrain",), ("*",))
    apart = planned(session, "mapping(logical)\nsource(otrain)\ntarget(otest)")
    assert (apart.sets, apart.header[:2]) == (("otrain", "otest"), ("accuracy", "accuracy"))


def test_an_expression_is_named_by_its_alias_or_its_text(session: dlprov.query.Session) -> None:
    found = planned(
        session,
        "source(itrain)\n"
        'projection(AVG(itrain.learning_rate); max(itrain.learning_rate) AS Top; count(*) as "n o"; 1.5)',
    )
    assert found.header == ("AVG(itrain.learning_rate)", "Top", "n o", "1.5")
    assert found.sql.startswith(
        'SELECT AVG(itrain.learning_rate), max(itrain.learning_rate) AS Top, count(*) as "n o", 1.5\nFROM itrain\n'
    )
    result = answer(session, found)
    assert result.columns[1:3] == ["Top", "n o"]
    assert result.rows() == [(pytest.approx(0.15), 0.2, 2, 1.5)]


def test_an_attribute_with_an_alias_keeps_the_header_of_the_original(session: dlprov.query.Session) -> None:
    found = planned(session, "source(itrain)\nprojection(itrain.learning_rate as lr; iTrain.Optimizer as SELECT)")
    assert found.sql == 'SELECT itrain.learning_rate as lr, itrain.optimizer as "SELECT"\nFROM itrain\n;'
    assert found.header == ("learning_rate as lr", "Optimizer as SELECT")
    assert answer(session, found).columns == ["lr", "SELECT"]


def test_a_projection_that_comes_twice_comes_once_as_it_is_spelled_first(session: dlprov.query.Session) -> None:
    found = planned(session, "source(itrain)\nprojection(itrain.optimizer; itrain.id; ITRAIN.OPTIMIZER)")
    assert found.columns == ("itrain.optimizer", "itrain.id")
    assert found.header == ("optimizer", "id")


def test_an_attribute_without_its_set_is_found_if_only_one_has_it(session: dlprov.query.Session) -> None:
    text = "mapping(physical)\nsource(itrain)\ntarget(otest)\nprojection(Optimizer; note as N)"
    found = planned(session, text)
    assert found.columns == ("itrain.optimizer", "itrain.note as N")
    assert found.header == ("Optimizer", "note as N")
    with pytest.raises(dlprov.QueryError, match="'later' without a set, and several of them have it: otrain, otest"):
        planned(session, f"{text}\nprojection(later)")


def test_spellings_of_conditions_that_work(session: dlprov.query.Session) -> None:
    both = [(0.1,), (0.2,)]
    for condition, rates in {
        "itrain.note = 'it''s'": [(0.1,)],
        "itrain.optimizer <> 'Adam'": [(0.2,)],
        "itrain.optimizer LIKE 'A%' AND NOT itrain.learning_rate > 1": [(0.1,)],
        "ITRAIN.LEARNING_RATE IN (0.2, 3)": [(0.2,)],
        '"itrain"."learning_rate" BETWEEN 0.15 AND 0.3': [(0.2,)],
        "learning_rate >= 0.1 /* both */": both,
        "itrain.learning_rate = (SELECT max(learning_rate) FROM itrain)": [(0.2,)],
        'itrain.train_task_id NOT IN (SELECT t.id FROM task t JOIN "public".run r USING (run_id))': [],
        "EXISTS (SELECT 1 FROM otest AS o WHERE o.accuracy > itrain.learning_rate UNION SELECT 2 FROM run)": both,
        "(itrain.learning_rate, 1) = (0.1, 1)": [(0.1,)],
        "itrain.optimizer = e'A\\x64am'": [(0.1,)],
    }.items():
        text = f"source(itrain)\ntarget(itrain)\nprojection(itrain.learning_rate)\nselection({condition})"
        assert ask(session, text) == rates, condition


def test_or_within_a_condition_does_not_reach_into_the_next(session: dlprov.query.Session) -> None:
    text = "source(itrain)\ntarget(itrain)\nprojection(itrain.optimizer)\nselection({})"
    plain = planned(session, text.format("itrain.learning_rate > 0 AND true; itrain.learning_rate < 1"))
    assert plain.conditions == ("itrain.learning_rate > 0 AND true", "itrain.learning_rate < 1")
    assert plain.warnings == ()
    found = planned(session, text.format("itrain.optimizer = 'SGD' OR true; itrain.learning_rate < 0.15"))
    assert found.conditions == ("(itrain.optimizer = 'SGD' OR true)", "(itrain.learning_rate < 0.15)")
    assert answer(session, found).rows() == [("Adam",)]
    assert "stand in parentheses" in found.warnings[0]
    alone = planned(session, text.format("itrain.optimizer = 'SGD' OR true"))
    assert (alone.conditions, alone.warnings) == (("itrain.optimizer = 'SGD' OR true",), ())


# Paths that are no paths.


def test_what_is_left_out_is_told(session: dlprov.query.Session) -> None:
    found = planned(session, "mapping(physical)\nsource(itrain; oapart)\ntarget(otest)")
    assert found.sets == ("itrain", "otrain", "otest")
    assert found.warnings == ("no path leads from oapart to otest: oapart is left out",)
    dropped = planned(session, "mapping(physical)\nsource(itrain)\ntarget(otest)\ninclude(oapart)")
    assert (dropped.sets, dropped.conditions) == (("itrain",), ())
    assert dropped.warnings == ("no path leads from itrain to otest over oapart: only itrain is asked",)
    several = planned(session, "mapping(physical)\nsource(itrain; otrain)\ntarget(otest)\ninclude(oapart)")
    assert (several.sets, several.conditions) == (("itrain", "otrain", "otest"), ())
    assert "every row" in several.warnings[0]
    stopped = planned(session, "mapping(physical)\nsource(itrain)\ntarget(otrain; oapart; otest)")
    assert stopped.sets == ("itrain",)
    itself = planned(session, "mapping(physical)\nsource(itrain)\ntarget(itrain; otest)")
    assert (itself.sets, itself.warnings) == (
        ("itrain",),
        ("itrain is both source and target: only itrain is asked, and no other target",),
    )
    assert planned(session, "target(otest)").sets == ("otest",)
    assert planned(session, "SOURCE(ITRAIN; iTrain)\ntarget(itrain)").sets == ("itrain",)


def test_attributes_without_a_value_join_nothing(session: dlprov.query.Session) -> None:
    found = planned(session, "mapping(logical)\nsource(otrain)\ntarget(otest)")
    assert found.conditions == ("(otrain.accuracy = otest.accuracy)",)
    none = planned(session, "mapping(logical)\nsource(itrain)\ntarget(otest)")
    assert none.warnings == ()
    assert none.conditions == ("(itrain.learning_rate = otrain.learning_rate)", "(otrain.accuracy = otest.accuracy)")


def test_sets_without_common_attributes_are_not_joined(session: dlprov.query.Session) -> None:
    found = planned(session, "mapping(logical)\nsource(select)\ntarget(left)", "hard")
    assert found.sql == 'SELECT *\nFROM "select", "left"\n;'
    assert found.warnings == ("select and left have no attribute of the same name and type: they are not joined",)


def test_paths_come_in_the_order_in_which_sets_were_declared(tmp_path: Path) -> None:
    def step(tag: str, uses: str, makes: str) -> model.Transformation:
        return model.Transformation(tag, (model.Set(uses, "INPUT"), model.Set(makes, "OUTPUT")))

    steps = (step("t3", "right", "z"), step("t1", "s", "left"), step("t2", "s", "right"), step("t4", "left", "z"))
    with dlprov.start_run("order", store=tmp_path) as run:
        run.plan(model.Dataflow("order", steps))
    session = dlprov.query.open_session(tmp_path)
    assert plan(session, "order", parse_message("source(s)\ntarget(z)")).sets == ("s", "right", "z", "left")


def test_two_transformations_between_the_same_sets(tmp_path: Path) -> None:
    with dlprov.start_run("twice", store=tmp_path) as run:
        run.plan(
            model.Dataflow(
                "twice",
                tuple(
                    model.Transformation(
                        name,
                        (
                            model.Set("a", "INPUT", (model.Attribute("x", "NUMERIC"),)),
                            model.Set("b", "OUTPUT", (model.Attribute("y", "NUMERIC"),)),
                        ),
                    )
                    for name in ("t1", "t2")
                ),
            )
        )
        for name in ("t1", "t2"):
            for number in range(2):
                with run.task(name) as task:
                    task.used("a", x=number)
                    task.generated("b", y=10 * number)
    session = dlprov.query.open_session(tmp_path)
    text = "mapping(physical)\nsource(a)\ntarget(b)\nprojection(a.x; b.y)"
    found = plan(session, "twice", parse_message(text))
    assert found.conditions == ("(a.t1_task_id = b.t1_task_id OR a.t2_task_id = b.t2_task_id)",)
    assert answer(session, found).rows() == [(0.0, 0.0), (1.0, 10.0)]


# Names and values that try to be more.


@pytest.mark.parametrize(
    ("projection", "column", "value"),
    [
        ("my-set.a b", '"my-set"."a b"', 1),
        ("MY-SET.SELECT", '"my-set"."select"', 2),
        ('"my-set"."q""q"', '"my-set"."q""q"', 3),
        ('my-set.q"q', '"my-set"."q""q"', 3),
        ("my-set.x.y", '"my-set"."x.y"', 4),
        ("my-set . timestamp", '"my-set".timestamp', 5),
    ],
)
def test_names_are_quoted_where_they_must_be(
    session: dlprov.query.Session, projection: str, column: str, value: int
) -> None:
    found = planned(session, f"source(my-set)\nprojection({projection})", "hard")
    assert found.columns == (column,)
    assert answer(session, found).rows() == [(value,)]


@pytest.mark.parametrize("tag", ["select", "left", "values", "1st", "été", "in.out", "it's", "task"])
def test_any_tag_can_be_asked(session: dlprov.query.Session, tag: str) -> None:
    assert len(ask(session, f"source({tag.upper()})", "hard")) == 1


def test_a_transformation_can_have_any_name(session: dlprov.query.Session) -> None:
    found = planned(session, "mapping(physical)\nsource(my-set)\ntarget(select)\nprojection(select.order)", "hard")
    task = '"step-1; drop table x_task_id"'
    assert found.conditions == (f'("my-set".{task} = "select".{task})',)
    assert answer(session, found).rows() == [(1,)]


def test_a_set_hides_a_table_of_the_same_name(session: dlprov.query.Session) -> None:
    assert ask(session, "source(task)\nprojection(task.value)", "hard") == [("mine",)]


EVIL = [
    "1=1) UNION SELECT * FROM task --",
    "1=1) OR (1=1",
    "1=1 --",
    "1=1 /*",
    "*/ 1=1 /*",
    "1=1) /* ",
    "true, true",
    "true) x, (SELECT 1",
    "true FROM otest",
    "true) FROM otest WHERE (true",
    "true ORDER BY 1",
    "true LIMIT 0",
    "(true",
    "true)",
    "'",
    '"',
    "$$",
    "'a;b' = 'a;b'",
    "true; DROP TABLE run",
    "SELECT 1",
    "?",
    "$1",
    "itrain.learning_rate = $x",
    "",
    "itrain.optimizer IN (SELECT content FROM read_text('/etc/passwd'))",
    "EXISTS (FROM '/etc/passwd.csv')",
    "EXISTS (FROM \"x.parquet\")",
    "1 IN (FROM range(3))",
    "1 IN (SELECT id FROM store.hidden.task)",
    "1 IN (SELECT id FROM other.public.task)",
    "1 IN (SELECT id FROM \"mnist-copy\".itrain)",
    "1 IN (SELECT 1 FROM otrain CROSS JOIN read_csv('x'))",
    "1 IN (SELECT 1 FROM otrain UNION SELECT 1 FROM duckdb_tables())",
    "1 IN (SELECT 1 FROM (SELECT 1 FROM duckdb_settings()) AS s)",
    "1 IN (SELECT (SELECT 1 FROM duckdb_settings()))",
    "1 IN (WITH q AS (SELECT 1) FROM q)",
    "1 IN (WITH q AS (FROM read_text('x')) SELECT 1)",
    "1 IN (PIVOT otrain ON accuracy)",
    "1 IN (DESCRIBE otrain)",
    "itrain.learning_rate > 0\x00 OR true",
    "itrain.learning_rate > 0\x0b OR true",
    "NOT " * 5000 + "true",
]  # fmt: skip


@pytest.mark.parametrize("text", [text for text in EVIL if text], ids=lambda text: text[:30])
@pytest.mark.parametrize("target", ["itrain", "otrain"])
def test_what_is_more_than_an_expression_is_refused(session: dlprov.query.Session, text: str, target: str) -> None:
    message = f"mapping(physical)\nsource(itrain)\ntarget({target})\nprojection({{}})\nselection({{}})"
    with pytest.raises(dlprov.QueryError, match="line 5: "):
        planned(session, message.format("itrain.id", text))
    with pytest.raises(dlprov.QueryError, match="line 4: "):
        planned(session, message.format(text, "true"))
    with pytest.raises(dlprov.QueryError, match="line 4: "):
        planned(session, message.format(f"{text} as x", "true"))


@pytest.mark.parametrize(
    "text", ["(" * 5000 + "true" + ")" * 5000, "1" + "+1" * 5000 + " > 0", "true" + " AND true" * 5000]
)
def test_however_long_a_condition_is_there_is_an_answer_or_an_error(session: dlprov.query.Session, text: str) -> None:
    # How deep expressions may be is the engine's affair.
    with suppress(dlprov.QueryError):
        assert len(ask(session, f"source(itrain)\nselection({text})")) == 2


def test_a_service_may_be_asked_by_others(session: dlprov.query.Session) -> None:
    foreign = dlprov.query.Session(session.index, is_foreign=True)
    text = "mapping(physical)\nsource(itrain)\ntarget(otest)\nprojection(itrain.optimizer)"
    assert ask(foreign, text) == [("Adam",), ("SGD",)]
    message = parse_message("source(left)\nprojection(left.value)\nselection(EXISTS (SELECT 1 FROM values))")
    assert answer(foreign, plan(foreign, find_dataflow(foreign, message), message)).rows() == [(1,)]


def test_a_semicolon_ends_an_argument_between_quotes_too(session: dlprov.query.Session) -> None:
    with pytest.raises(dlprov.QueryError, match="a semicolon ends an argument, between quotes, too"):
        planned(session, "source(itrain)\nselection(itrain.note = 'a;b')")


def test_a_question_leaves_the_session_as_it_was(session: dlprov.query.Session) -> None:
    found = planned(session, "source(itrain)")
    for schema in ("public", "hard"):
        session.use(schema)
        assert len(answer(session, found)) == 2
        assert session.schema == schema
    with pytest.raises(dlprov.QueryError):
        ask(session, "source(itrain)\nselection(nope > 1)")
    assert session.schema == "hard"
    session.use("public")


def test_dlprov_ask_finds_the_dataflow_and_tells_warnings(
    session: dlprov.query.Session, capsys: pytest.CaptureFixture[str]
) -> None:
    store = session.index.store
    result = dlprov.ask("source(my-set; left)\nprojection(left.value)", store=store)
    assert result.rows() == [(1,)]
    assert result.sql == 'SELECT "left".value\nFROM "my-set", "left"\n;'
    assert "dlprov: note: no path leads from a source to a target: every row" in capsys.readouterr().err
    assert dlprov.ask("source(itrain)\nprojection(optimizer)", dataflow="MNIST", store=store).rows() == [
        ("Adam",),
        ("SGD",),
    ]
    with pytest.raises(dlprov.UsageError, match="2 dataflows"):
        dlprov.ask("source(itrain)", store=store)


def test_a_store_without_runs_has_no_dataflow(store: Path) -> None:
    with pytest.raises(dlprov.NotFoundError, match="no dataflow 'x' in this store; there are: none"):
        dlprov.ask("source(a)", dataflow="x")
    with pytest.raises(dlprov.NotFoundError, match="has a set a"):
        dlprov.ask("source(a)")


def test_a_dataflow_with_the_name_of_a_schema_of_ours(store: Path) -> None:
    with dlprov.start_run("public") as run, run.task("T") as task:
        task.generated("o", x=1)
    assert dlprov.ask("source(o)\nprojection(o.x)").rows() == [(1,)]
    assert dlprov.ask("source(o)\nprojection(o.x)", dataflow="Public").rows() == [(1,)]


def test_what_trainings_add_meanwhile_is_seen(store: Path) -> None:
    with dlprov.start_run("growing") as run, run.task("T") as task:
        task.generated("o", x=1)
        assert dlprov.ask("source(o)\nprojection(o.x)").rows() == [(1,)]
        task.generated("o", x=0.5, y="new")
        assert dlprov.ask("source(o)\nprojection(o.x; o.y)").rows() == [(0.5, "new"), (1.0, None)]

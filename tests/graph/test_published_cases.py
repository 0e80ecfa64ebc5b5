"""The cases of W3C's working group and of ProvToolbox, which the ``prov`` package brings: the verdict is theirs.

Except where they go beyond PROV-CONSTRAINTS: each such case is named with the reason.
"""

from __future__ import annotations

import re
from pathlib import Path

import prov.tests
import pytest

from dlprov.errors import UsageError
from dlprov.graph.constraints import check
from dlprov.graph.reading import read

CASES = sorted(
    path
    for path in Path(prov.tests.__file__).with_name("unification").rglob("*")
    if path.suffix in (".json", ".xml", ".provx")
)

MISSING = "an argument that a statement must have is missing: no constraint speaks of it"
BEYOND = "usages are not unique by activity and entity in the Recommendation"
EXPANDED = "the activity of a delegation is not among the arguments whose absence means that there is none"

BEYOND_THE_RECOMMENDATION = {
    **dict.fromkeys(
        [
            "association-fail6",
            "attribution-fail1",
            "attribution-fail2",
            "communication-fail1",
            "communication-fail2",
            "delegation-fail5",
            "delegation-fail6",
            "influence-fail1",
            "influence-fail2",
            "membership-fail1",
            "mention-fail1",
            "mention-fail2",
            "mention-fail3",
            "mention-fail4",
            "specialization-fail1",
            "specialization-fail2",
        ],
        MISSING,
    ),
    **dict.fromkeys(["usage-fail1", "usage-fail5", "usage-fail6", "usage-fail7"], BEYOND),
    "delegation-fail4": EXPANDED,
}
"""Cases that are called invalid, and that we call valid."""


def is_valid(name: str) -> bool:
    """What a case's name says of it."""
    return "success" in name or "PASS" in name


def test_the_cases_are_there() -> None:
    assert len(CASES) > 150
    assert all(is_valid(path.name) or re.search("fail|FAIL", path.name) for path in CASES)
    assert BEYOND_THE_RECOMMENDATION.keys() <= {path.stem for path in CASES}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_verdict_is_theirs(path: Path) -> None:
    if path.stem.startswith("bundle-"):
        with pytest.raises(UsageError, match="PROV-XML"):
            # Their own form of bundles is no PROV-XML.
            read(path)
        return
    violations = check(read(path).document)
    assert (not violations) == (is_valid(path.name) or path.stem in BEYOND_THE_RECOMMENDATION), violations
    numbers = {int(number) for number in re.findall(r"c(\d+)", path.stem)}
    if violations and numbers:
        assert numbers & {number for violation in violations for number in violation.constraints}

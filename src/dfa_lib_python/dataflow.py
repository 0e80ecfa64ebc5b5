"""Dataflows: the plans that executions follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dfa_lib_python import _predefined, _session
from dfa_lib_python.attribute import Attribute
from dfa_lib_python.attribute_type import AttributeType
from dfa_lib_python.ProvenanceObject import ProvenanceObject
from dfa_lib_python.set import Set
from dfa_lib_python.set_type import SetType
from dfa_lib_python.transformation import Transformation
from dlprov.capture.dfanalyzer import NEWEST, PROFILES
from dlprov.capture.dfanalyzer.generation import Generation

__all__ = ["Attribute", "AttributeType", "Dataflow", "ProvenanceObject", "Set", "SetType", "Transformation", "dfa_url"]

dfa_url = _session.server_url()
"""The server that messages go to besides, if ``DFA_URL`` is set; read once, as in the originals."""

_W3C_MODES = ("current", "all")


class Dataflow(ProvenanceObject):
    """A dataflow: its tag, and its transformations in order.

    Every generation of the library had arguments of its own; all of them are understood: ``Dataflow(tag,
    transformations)``, ``Dataflow(tag, True)``, ``Dataflow(tag, True, "all")``, ``Dataflow(tag, True, "me@home.org")``,
    each with the transformations behind, and all of them by name.

    Args:
        tag: Its name.
        predefined: Whether it also has the transformations of DLProv's predefined dataflow; or the transformations.
        email: Whose executions they are; or the mode of W3C documents, or the transformations.
        transformations: The transformations in order.
        hyperparameters: The oldest name of ``predefined``.
        w3c: ``current`` or ``all``: write a W3C document when the last task ends, of its execution or of all.

    Attributes:
        name: The tag as it was given.
        predefined: Whether it was asked for as a predefined dataflow.
        execution: The execution of tasks that name none, if the dataflow has one of its own.
        is_watched: Whether a task of it has it declared again first, if it has changed.
        declared: The message that declared it last.
        generation: Which predefined dataflow it is, as long as that is open.
        assumed: The transformations of the newest, as long as that is open.
    """

    def __init__(
        self,
        tag: str,
        predefined: bool | Sequence[Transformation] = False,
        email: str | Sequence[Transformation] | None = "",
        transformations: Sequence[Transformation] = (),
        *,
        hyperparameters: bool = False,
        w3c: str | None = None,
    ) -> None:
        is_predefined, address, listed = bool(predefined), email, transformations
        if isinstance(predefined, list | tuple):
            is_predefined, listed = False, predefined
        if isinstance(email, list | tuple):
            address, listed = "", email
        if address in _W3C_MODES:
            address, w3c = "", str(address)
        super().__init__(tag)
        self.transformations = listed
        self.email = address or ""
        # None of these is a member of the message: their names have no underscore in front.
        self.name = tag
        self.w3c = w3c
        self.execution = ""
        self.is_watched = False
        self.declared = b""
        self.predefined = is_predefined or hyperparameters
        self.generation: Generation | None = None
        self.assumed: list[dict[str, Any]] = []
        if self.predefined:
            # Only two of the eight profiles can be told by how they are asked for.
            profile = "P0" if hyperparameters else "P1" if w3c else NEWEST
            before = len(self._transformations)
            for transformation in _predefined.transformations(PROFILES[profile]):
                self.add_transformation(transformation)
            if profile == NEWEST:
                self.generation = Generation()
                self.assumed = self._transformations[before:]

    @property
    def email(self) -> str:
        """Whose executions they are; empty if nobody said."""
        return self._email

    @email.setter
    def email(self, email: object) -> None:
        assert isinstance(email, str), f"the e-mail address is a str, got {email!r}"
        self._email = email

    @property
    def transformations(self) -> list[dict[str, Any]]:
        """The specifications of the transformations; set as ``Transformation`` objects."""
        return self._transformations

    @transformations.setter
    def transformations(self, transformations: Sequence[Transformation]) -> None:
        assert isinstance(transformations, list | tuple), f"the transformations are a list, got {transformations!r}"
        self._transformations: list[dict[str, Any]] = []
        for transformation in transformations:
            self.add_transformation(transformation)

    @property
    def _exec(self) -> str:
        """The execution of tasks that name none. One generation of scripts reads it; it is no member of the message."""
        return _session.default_execution(self.name)

    def add_transformation(self, transformation: Transformation) -> None:
        """Add a transformation behind the others."""
        assert isinstance(transformation, Transformation), f"a Transformation is expected, got {transformation!r}"
        self._transformations.append(transformation.get_specification())

    def settle(self, profile: str) -> None:
        """The tasks have told which profile it is: that one takes the place of the newest."""
        # By identity: a transformation of the user's own may have the same tag.
        assumed = set(map(id, self.assumed))
        forms = [one.get_specification() for one in _predefined.transformations(PROFILES[profile])]
        self._transformations[:] = [one for one in self._transformations if id(one) not in assumed] + forms
        self.assumed = []
        self.generation = None

    def save(self) -> None:
        """Declare the dataflow as it is now, and print the status. May be repeated; nothing declared is forgotten."""
        _session.declare(self, dfa_url)

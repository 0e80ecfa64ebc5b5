"""A captured model's dataflow as Keras-Prov's users know it: an object of the client library, and two tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dlprov.capture.faults import faults
from dlprov.capture.keras import plan, registry
from dlprov.capture.keras.registry import Record
from dlprov.errors import UsageError
from dlprov.model import Transformation

if TYPE_CHECKING:
    from dfa_lib_python.dataflow import Dataflow


def get_dataflow(model: Any) -> Dataflow:
    """The dataflow of a captured model as an object of ``dfa_lib_python``; the same one at each call.

    Transformations that are added to it are the model's, whenever that is. A ``Task`` of the dataflow's tag that names
    no execution belongs to the model's.

    Raises:
        UsageError: the model is not captured.
    """
    record = registry.find(model)
    if record is None:
        raise UsageError("get_dataflow expects a model that is captured: call model.provenance(...) first")
    if record.client is None:
        record.client = _client(record)
    client: Dataflow = record.client
    client.execution = record.execution
    return client


def _client(record: Record) -> Dataflow:
    # Late: the client library is built on this package, and who does not ask for it must not pay for it.
    from dfa_lib_python import _predefined, _session, dataflow  # noqa: PLC0415
    from dlprov.capture.dfanalyzer.messages import plan_of  # noqa: PLC0415

    declared = plan.dataflow(record.declaration, record.names, predicts=False)
    client = dataflow.Dataflow(declared.tag, _predefined.transformations(declared.transformations))
    client.is_watched = True
    _session.remember(client)
    own = {one.tag.lower() for one in declared.transformations}

    def added() -> tuple[Transformation, ...]:
        try:
            now = plan_of(client.get_specification()).transformations
        except UsageError as error:
            faults.tell(str(error), once=str(error))
            return ()
        return tuple(one for one in now if one.tag not in own)

    record.added = added
    return client


class RecordTag:
    """An attribute of captured models. Nothing is stored on a model, and an attribute of the user's own comes first."""

    def __init__(self, name: str, read: Callable[[Record], str]) -> None:
        self._name = name
        self._read = read

    def __get__(self, model: Any, owner: object = None) -> Any:
        if model is None:
            return self
        record = registry.find(model)
        if record is None:
            raise AttributeError(f"a model has {self._name!r} when it is captured: call model.provenance(...) first")
        return self._read(record)


TAGS = {
    "dataflow_tag": RecordTag("dataflow_tag", lambda record: record.declaration.dataflow),
    "exec_tag": RecordTag("exec_tag", lambda record: record.execution),
}
"""The attributes by name."""

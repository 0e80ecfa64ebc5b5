"""The dataflow of a Keras training: the transformations, sets and columns of Keras-Prov."""

from __future__ import annotations

from collections.abc import Sequence

from dlprov.capture.keras.declaration import HYPERPARAMETERS, Declaration
from dlprov.model import Attribute, AttributeType, Dataflow, Set, Transformation

TRAINING = "TrainingModel"
ADAPTATION = "Adaptation"
TESTING = "TestingModel"
PREDICTION = "Prediction"

IDENTIFIERS = {TRAINING: 1, ADAPTATION: 2, TESTING: 3, PREDICTION: 4}
"""The numbers by which Keras-Prov's users know the tasks; the fourth is ours."""

EPOCHS = "oTrainingModel"


def dataflow(declaration: Declaration, metrics: Sequence[str], *, predicts: bool) -> Dataflow:
    """The plan, with a column for each of ``metrics`` as far as they are known.

    Keras 3 knows the names of its metrics only when the first batch was trained. Until then ``metrics`` is empty, and
    only ``loss`` is declared and no ``val_loss``, so that the columns come in the order of Keras-Prov.
    """
    known = metrics or ["loss"]
    epochs = [*known, *(f"val_{name}" for name in metrics)]
    hyps = [Attribute(name, HYPERPARAMETERS[name]) for name in declaration.hyps]
    steps = [
        Transformation(
            TRAINING,
            (
                Set("iLayers", "INPUT", _columns("TEXT", "ILTIMESTAMP", "NAME", "ATTRIBUTE_TYPE", "VALUE")),
                Set(
                    "iTrainingModel",
                    "INPUT",
                    (Attribute("ITRAIN_TIMESTAMP"), *hyps, *declaration.extra),
                ),
                Set(
                    EPOCHS,
                    "OUTPUT",
                    (
                        *_columns("TEXT", "OTRAIN_TIMESTAMP", "ELAPSED_TIME"),
                        *_columns("NUMERIC", "EPOCH_ID", *epochs),
                    ),
                ),
            ),
        )
    ]
    trained = Set(EPOCHS, "INPUT", dependency=TRAINING)
    if declaration.adaptation:
        columns = (
            *_columns("NUMERIC", "NEW_LRATE"),
            *_columns("TEXT", "ATIMESTAMP"),
            *_columns("NUMERIC", "EPOCH_ID", "ADAPTATION_ID"),
        )
        steps.append(Transformation(ADAPTATION, (trained, Set("oAdaptation", "OUTPUT", columns))))
    tests = _columns("NUMERIC", *(f"otest_{name}" for name in known))
    steps.append(
        Transformation(TESTING, (trained, Set("oTestingModel", "OUTPUT", (Attribute("OTEST_TIMESTAMP"), *tests))))
    )
    if predicts:
        columns = (Attribute("OPRED_TIMESTAMP"), *_columns("NUMERIC", "SAMPLES"), *_columns("TEXT", "SHAPE", "DTYPE"))
        steps.append(Transformation(PREDICTION, (trained, Set("oPrediction", "OUTPUT", columns))))
    return Dataflow(declaration.dataflow, (*declaration.transformations, *steps))


def _columns(kind: AttributeType, *names: str) -> tuple[Attribute, ...]:
    return tuple(Attribute(name, kind) for name in names)

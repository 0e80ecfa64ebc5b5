"""DLProv's predefined dataflows, in the eight forms that its client library had over time.

Scripts in the wild were written against each of them, and say only ``predefined=True``. Profile P7 is the newest.
"""

from __future__ import annotations

from dlprov.model import Attribute, AttributeType, Set, Transformation

_TYPES: dict[str, AttributeType] = {"T": "TEXT", "N": "NUMERIC", "F": "FILE"}


def _attributes(listed: str) -> tuple[Attribute, ...]:
    pairs = (part.split() for part in listed.split(","))
    return tuple(Attribute(name, _TYPES[kind]) for name, kind in pairs)


def _given(tag: str, attributes: str) -> Set:
    return Set(tag, "INPUT", _attributes(attributes))


def _taken(tag: str, producer: str) -> Set:
    return Set(tag, "INPUT", dependency=producer.lower())


def _made(tag: str, attributes: str) -> Set:
    return Set(tag, "OUTPUT", _attributes(attributes))


def _does(tag: str, *sets: Set) -> Transformation:
    return Transformation(tag, sets)


_EPOCHS = "TIMESTAMP T, ELAPSED_TIME T, LOSS N, ACCURACY N, VAL_LOSS N, VAL_ACCURACY N, EPOCH N"
_RESULT = "LOSS N, ACCURACY N"
_SETTINGS = "OPTIMIZER_NAME T, LEARNING_RATE N, NUM_EPOCHS N, NUM_LAYERS N"
_SETTINGS_WITH_BATCH = "OPTIMIZER_NAME T, LEARNING_RATE N, NUM_EPOCHS N, BATCH_SIZE N, NUM_LAYERS N"
_SOURCE = _given("iInputDataset", "DATASET_NAME T, DATASET_SOURCE T")
_RATIOS = _given("iSplitConfig", "TRAIN_RATIO N, VAL_RATIO N, TEST_RATIO N")


def _loading(kind: str) -> Transformation:
    return _does("LoadData", _SOURCE, _made("oLoadData", f"DATASET_DIR {kind}"))


def _parts(kind: str) -> tuple[Set, ...]:
    return tuple(_made(f"o{part}", f"{part} {kind}") for part in ("TrainSet", "ValSet", "TestSet"))


def _training(tag: str, settings: str, model: str, *taken: Set, more: tuple[Set, ...] = ()) -> Transformation:
    made = (_made(f"o{tag}", _EPOCHS), _made("oTrainedModel", f"MODEL_NAME T, MODEL_DIR {model}"))
    return _does(tag, *taken, _given(f"i{tag}", settings), *made, *more)


def _testing(tag: str, training: str) -> Transformation:
    taken = (_taken("oTestSet", "SplitData"), _taken("oTrainedModel", training))
    return _does(tag, *taken, _made(f"o{tag}", _RESULT))


_TRAIN_SET = _taken("oTrainSet", "SplitData")
_VAL_SET = _taken("oValSet", "SplitData")
_WEIGHTS = (_made("oWeights", "WEIGHTS_PATH F"),)

_P0 = (
    _does("TrainingModel", _given("iTrainingModel", _SETTINGS), _made("oTrainingModel", _EPOCHS)),
    _does(
        "Adaptation",
        _taken("oTrainingModel", "TrainingModel"),
        _given("iAdaptation", "EPOCHS_DROP N, DROP_N N, INITIAL_LRATE N"),
        _made("oAdaptation", "NEW_LRATE N, TIMESTAMP T, EPOCH_ID N, ADAPTATION_ID N"),
    ),
    _does("TestingModel", _taken("oTrainingModel", "TrainingModel"), _made("oTestingModel", _RESULT)),
)


def _two_parts(first: str) -> Transformation:
    """``SplitData`` of P1 and P2: training and test data, after the transformation ``first``."""
    return _does(
        "SplitData",
        _given("iSplitConfig", "RATIO N"),
        _taken(f"o{first}", first),
        _made("oTrainSet", "TrainSet T"),
        _made("oTestSet", "TestSet T"),
    )


_P1 = (
    _does("NormalizeData", _SOURCE, _made("oNormalizeData", "DATASET_DIR T")),
    _two_parts("NormalizeData"),
    _training("TrainModel", _SETTINGS, "T", _TRAIN_SET),
    _testing("TestModel", "TrainModel"),
)
_P2 = (_loading("T"), _two_parts("LoadData"), *_P1[2:])
_P3 = (
    _loading("T"),
    _does("SplitData", _RATIOS, _taken("oLoadData", "LoadData"), *_parts("T")),
    _training("TrainModel", _SETTINGS_WITH_BATCH, "T", _TRAIN_SET),
    _testing("TestModel", "TrainModel"),
)
_P4 = (
    _loading("T"),
    _does("RandomHorizontal", _taken("oLoadData", "LoadData"), _made("oRandomHorizontal", "DATASET_DIR T")),
    _does("Normalize", _taken("oRandomHorizontal", "RandomHorizontal"), _made("oNormalize", "DATASET_DIR T")),
    _does("SplitData", _taken("oNormalize", "Normalize"), _RATIOS, *_parts("T")),
    _training("Train", _SETTINGS_WITH_BATCH, "T", _TRAIN_SET),
    _testing("Test", "Train"),
)
_P5 = (
    _loading("T"),
    _does("SplitData", _taken("oLoadData", "LoadData"), _RATIOS, *_parts("T")),
    _training("Train", _SETTINGS_WITH_BATCH, "T", _TRAIN_SET, _VAL_SET),
    _testing("Test", "Train"),
)
_P6 = (
    _loading("F"),
    _does("SplitData", _taken("oLoadData", "LoadData"), _RATIOS, *_parts("F")),
    _training("Train", _SETTINGS_WITH_BATCH, "F", _TRAIN_SET, _VAL_SET, more=_WEIGHTS),
    _testing("Test", "Train"),
)
_P7 = (
    _loading("F"),
    _does(
        "ApplyFilter",
        _given("iFilter", "FILTER_TYPE T"),
        _taken("oLoadData", "LoadData"),
        _made("oFilter", "PP_DATASET F"),
    ),
    _does(
        "SplitData",
        _taken("oFilter", "ApplyFilter"),
        _given("iSplitConfig", "TRAIN_SIZE N, VAL_SIZE N, TEST_SIZE N"),
        *(_made(f"o{part}", f"{part}X F, {part}Y F") for part in ("TrainSet", "ValSet", "TestSet")),
    ),
    _training("Train", _SETTINGS_WITH_BATCH, "F", _TRAIN_SET, _VAL_SET, more=_WEIGHTS),
    _testing("Test", "Train"),
)

PROFILES: dict[str, tuple[Transformation, ...]] = {
    "P0": _P0,
    "P1": _P1,
    "P2": _P2,
    "P3": _P3,
    "P4": _P4,
    "P5": _P5,
    "P6": _P6,
    "P7": _P7,
}
"""The profiles by name, the oldest first."""

NEWEST = "P7"
"""What ``predefined=True`` declares."""

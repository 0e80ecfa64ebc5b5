"""The bundled example: an AlexNet-style network learns to read digits, once with and once without a filter.

:func:`train` is what a user's script looks like; everything else is data and questions. Keras, a backend and
scikit-learn are imported when they are needed: this module is loaded without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import dlprov

DATAFLOW = "keras-alexnet-df"

FILTERS: Mapping[str, float] = {"none": 0.0, "gaussian": 2.0}
"""The filters of the preprocessing, with the width of each in pixels."""

EPOCHS = 10


class Split(NamedTuple):
    """Images of 32 by 32 grey pixels from 0 to 1, shape (n, 32, 32, 1), and their digits, shape (n,)."""

    images: Any
    digits: Any


class Digits(NamedTuple):
    """The data of the example: what is learned from, watched, and tested with."""

    training: Split
    validation: Split
    test: Split


def load() -> Digits:
    """scikit-learn's 1,797 handwritten digits, scaled up from 8 by 8 to 32 by 32 pixels."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - see the docstring of the module

    found = load_digits()
    images = (found.images.astype("float32") / 16).repeat(4, axis=1).repeat(4, axis=2)[..., None]
    ends = [(0, 1097), (1097, 1397), (1397, 1797)]
    return Digits(*(Split(images[first:end], found.target[first:end]) for first, end in ends))


def train(digits: Digits, filter_name: str, checkpoints: Path) -> None:
    """Filter the images, train the network on them and test it.

    Args:
        digits: The data.
        filter_name: One of :data:`FILTERS`.
        checkpoints: The directory in which the best weights are kept.
    """
    import keras  # noqa: PLC0415 - see the docstring of the module

    keras.utils.set_random_seed(7)

    with dlprov.start_run(DATAFLOW, name=f"filter {filter_name}", params={"filter": filter_name}) as run:
        # A step of our own before the training, which joins this run: the question about filters needs both.
        with run.task("ApplyFilter") as task:
            width = FILTERS[filter_name]
            task.used("iFilter", filter=filter_name, width=width)
            training, validation, test = (Split(_filtered(split.images, width), split.digits) for split in digits)
            task.generated("oFilter", images=sum(len(split.images) for split in digits), contrast=training.images.std())

        model = alexnet()
        hyps = {"OPTIMIZER_NAME": True, "LEARNING_RATE": True, "DECAY": False, "MOMENTUM": False,
                "NUM_EPOCHS": True, "BATCH_SIZE": False, "NUM_LAYERS": True}  # fmt: skip
        model.provenance(dataflow_tag=DATAFLOW, adaptation=True, hyps=hyps)
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(
            *training,
            validation_data=validation,
            epochs=EPOCHS,
            batch_size=64,
            callbacks=[
                keras.callbacks.LearningRateScheduler(halve_every_third_epoch),
                keras.callbacks.ModelCheckpoint(str(checkpoints / f"best-{filter_name}.keras"), save_best_only=True),
                keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True),
            ],
            verbose=0,
        )
        model.evaluate(*test, verbose=0)


def halve_every_third_epoch(epoch: int, rate: float) -> float:
    """The learning rate of an epoch (from 0), given the one before."""
    return rate / 2 if epoch and epoch % 3 == 0 else rate


def alexnet() -> Any:
    """AlexNet's sequence of layers, sized for 32 by 32 pixels, with activations as layers of their own."""
    import keras  # noqa: PLC0415 - see the docstring of the module

    layers = keras.layers
    model = keras.Sequential([keras.Input((32, 32, 1))])
    for filters, size, strides, pool in ((16, 5, 2, False), (32, 3, 1, True), (48, 3, 1, False), (32, 3, 1, True)):
        model.add(layers.Conv2D(filters, size, strides=strides, padding="same"))
        model.add(layers.Activation("relu"))
        # Epochs are short here: with the default of 0.99 the averages would lag behind the training.
        model.add(layers.BatchNormalization(momentum=0.8))
        if pool:
            model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    for units in (96, 64):
        model.add(layers.Dense(units))
        model.add(layers.Activation("relu"))
        model.add(layers.Dropout(0.4))
    model.add(layers.Dense(10))
    model.add(layers.Activation("softmax"))
    return model


def _filtered(images: Any, width: float) -> Any:
    if not width:
        return images
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415 - it comes with scikit-learn

    return gaussian_filter(images, sigma=(0, width, width, 0))


class Question(NamedTuple):
    """A question, and the SQL that answers it."""

    text: str
    sql: str


ADAPTATIONS = """\
SELECT f.filter, a.epoch, a.old_number AS old_rate, a.new_number AS new_rate, a.technique, o.accuracy, o.val_accuracy
FROM adaptation AS a
JOIN otrainingmodel AS o ON o.trainingmodel_task_id = a.task_id AND o.epoch_id = a.epoch
JOIN run AS r ON r.run_id = a.run_id
JOIN task AS p ON p.run_id = r.run_id
JOIN ifilter AS f ON f.applyfilter_task_id = p.id
WHERE r.started >= $since
ORDER BY r.started, a.epoch"""

FILTER_EFFECT = """\
SELECT f.filter, f.width, count(*) AS epochs, arg_min(o.epoch_id, o.val_loss) AS best_epoch,
       arg_min(o.accuracy, o.val_loss) AS accuracy, arg_min(o.val_accuracy, o.val_loss) AS val_accuracy,
       any_value(e.otest_accuracy) AS test_accuracy
FROM ifilter AS f
JOIN task AS p ON p.id = f.applyfilter_task_id
JOIN run AS r ON r.run_id = p.run_id
JOIN task AS t ON t.run_id = r.run_id
JOIN otrainingmodel AS o ON o.trainingmodel_task_id = t.id
JOIN task AS s ON s.run_id = r.run_id
JOIN otestingmodel AS e ON e.testingmodel_task_id = s.id
WHERE r.started >= $since
GROUP BY r.run_id, f.filter, f.width
ORDER BY test_accuracy DESC"""

PROGRESS = """\
SELECT o.epoch_id, o.loss, o.accuracy, o.val_accuracy
FROM otrainingmodel AS o
JOIN task AS t ON t.id = o.trainingmodel_task_id
JOIN run AS r ON r.run_id = t.run_id
WHERE r.started >= $since
ORDER BY o.epoch_id"""
"""The epochs so far of the run that started at ``$since`` or later."""


def questions(since: datetime) -> list[Question]:
    """The two questions of the Keras-Prov paper, about the runs that started at ``since`` (UTC) or later."""
    moment = f"'{since.isoformat(sep=' ', timespec='seconds')}'"
    return [
        Question(
            "In which epochs was the learning rate adapted, from what to what, and by which technique?",
            ADAPTATIONS.replace("$since", moment),
        ),
        Question(
            "What does the filter of the preprocessing do to the accuracy?", FILTER_EFFECT.replace("$since", moment)
        ),
    ]

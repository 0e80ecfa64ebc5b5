"""A network learns to read digits while its learning rate drops: form B, the oldest predefined dataflow (P0).

DLProv's ``alexnet_dnnprov.py`` was written like this in 2024: the execution tag is put together by the script, tasks
name the dataflow by its tag, and one task depends on one other.
"""

import csv
import time
from datetime import datetime

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from dfa_lib_python.dataflow import Dataflow
from dfa_lib_python.dataset import DataSet
from dfa_lib_python.element import Element
from dfa_lib_python.task import Task

EPOCHS = 5
EPOCHS_DROP = 2
DROP = 0.5
INITIAL_RATE = 0.01

dataflow_tag = "dnnp-1"
exec_tag = dataflow_tag + "-" + str(datetime.now())

df = Dataflow(dataflow_tag, True)
df.save()

images, labels = load_digits(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(images / 16.0, labels, test_size=0.2, random_state=1)

keras.utils.set_random_seed(1)
model = keras.Sequential(
    [keras.Input((64,)), keras.layers.Dense(24, activation="relu"), keras.layers.Dense(10, activation="softmax")]
)
model.compile(keras.optimizers.SGD(INITIAL_RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])

t1 = Task(1, dataflow_tag, exec_tag, "TrainingModel")
t1.add_dataset(DataSet("iTrainingModel", [Element(["SGD", INITIAL_RATE, EPOCHS, len(model.layers)])]))
t1.begin()

t2 = Task(2, dataflow_tag, exec_tag, "Adaptation", dependency=t1)


class Provenance(keras.callbacks.Callback):
    """Tells of every epoch, and of every change of the learning rate."""

    def __init__(self):
        super().__init__()
        self.adaptations = 0
        self.log = []

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.time()
        if epoch == 0 or epoch % EPOCHS_DROP:
            return
        rate = INITIAL_RATE * DROP ** (epoch // EPOCHS_DROP)
        self.model.optimizer.learning_rate = rate
        self.adaptations += 1
        if self.adaptations == 1:
            t2.add_dataset(DataSet("iAdaptation", [Element([EPOCHS_DROP, DROP, INITIAL_RATE])]))
            t2.begin()
        t2.add_dataset(DataSet("oAdaptation", [Element([rate, datetime.now(), epoch, self.adaptations])]))
        t2.save()

    def on_epoch_end(self, epoch, logs=None):
        row = [
            datetime.now(),
            time.time() - self.began,
            logs["loss"],
            logs["accuracy"],
            logs["val_loss"],
            logs["val_accuracy"],
            epoch,
        ]
        self.log.append(row)
        t1.add_dataset(DataSet("oTrainingModel", [Element(row)]))
        t1.save()


provenance = Provenance()
model.fit(x_train, y_train, epochs=EPOCHS, validation_split=0.1, callbacks=[provenance], verbose=0)
t2.end()
t1.end()

t3 = Task(3, dataflow_tag, exec_tag, "TestingModel", dependency=t1)
t3.begin()
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
t3.add_dataset(DataSet("oTestingModel", [Element([loss, accuracy])]))
t3.end()

with open("epochs.csv", "w", newline="") as file:
    csv.writer(file).writerows(provenance.log)
with open("test.csv", "w", newline="") as file:
    csv.writer(file).writerow([loss, accuracy])

"""Images are filtered before the training: form C, DLProv's newest predefined dataflow (P7).

DLProv's ``filter-prov.py`` was written like this in 2025: tasks are given the dataflow itself, which knows the e-mail
address of who trains, and a value may be a path.
"""

import csv
import time
from datetime import datetime
from pathlib import Path

import keras
import numpy as np
from scipy.ndimage import median_filter
from sklearn.datasets import load_digits

from dfa_lib_python.dataflow import Dataflow
from dfa_lib_python.dataset import DataSet
from dfa_lib_python.element import Element
from dfa_lib_python.task import Task

EPOCHS = 3
BATCH = 32
RATE = 0.002

dataflow_tag = "AlexNet"
df = Dataflow(dataflow_tag, predefined=True, email="bob@fictional.com")
df.save()
exec_tag = dataflow_tag + "-" + str(datetime.now())

directory = Path("data")
directory.mkdir(exist_ok=True)

t1 = Task(1, df, exec_tag, "LoadData")
t1.add_dataset(DataSet("iInputDataset", [Element(["Digits", "https://archive.ics.uci.edu/dataset/80"])]))
t1.begin()
images, labels = load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8, 1) / 16.0
raw = directory / "raw_images.npy"
np.save(raw, images)
t1.add_dataset(DataSet("oLoadData", [Element([raw])]))
t1.end()

t2 = Task(2, df, exec_tag, "ApplyFilter", dependency=t1)
t2.add_dataset(DataSet("iFilter", [Element(["Median"])]))
t2.begin()
images = median_filter(images, size=(1, 2, 2, 1))
np.save(directory / "x_median.npy", images)
t2.add_dataset(DataSet("oFilter", [Element([directory / "x_median.npy"])]))
t2.end()

t3 = Task(3, df, exec_tag, "SplitData", dependency=t2)
order = np.random.default_rng(5).permutation(len(images))
parts = dict(zip(("Train", "Val", "Test"), np.split(order, [1400, 1600])))
t3.add_dataset(DataSet("iSplitConfig", [Element([len(part) for part in parts.values()])]))
t3.begin()
for name, part in parts.items():
    paths = [directory / f"{letter}_{name.lower()}.npy" for letter in "xy"]
    np.save(paths[0], images[part])
    np.save(paths[1], labels[part])
    t3.add_dataset(DataSet(f"o{name}Set", [Element(paths)]))
t3.end()

keras.utils.set_random_seed(5)
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(6, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])

t4 = Task(4, df, exec_tag, "Train", dependency=t3)
t4.add_dataset(DataSet("iTrain", [Element(["Adam", RATE, EPOCHS, BATCH, len(model.layers)])]))
t4.begin()
log = []


class Provenance(keras.callbacks.Callback):
    """Tells of every epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.time()

    def on_epoch_end(self, epoch, logs=None):
        metrics = [logs[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")]
        log.append([datetime.now(), time.time() - self.began, *metrics, epoch + 1])
        t4.add_dataset(DataSet("oTrain", [Element(log[-1])]))
        t4.save()


train, val, test = ((images[part], labels[part]) for part in parts.values())
model.fit(*train, validation_data=val, epochs=EPOCHS, batch_size=BATCH, callbacks=[Provenance()], verbose=0)
model.save("alexnet.keras")
model.save_weights("alexnet.weights.h5")
t4.add_dataset(DataSet("oTrainedModel", [Element(["AlexNet", Path("alexnet.keras")])]))
t4.save()
t4.add_dataset(DataSet("oWeights", [Element([Path("alexnet.weights.h5")])]))
t4.end()

t5 = Task(5, df, exec_tag, "Test", dependency=[t3, t4])
t5.begin()
loss, accuracy = model.evaluate(*test, verbose=0)
t5.add_dataset(DataSet("oTest", [Element([loss, accuracy])]))
t5.end()

with open("epochs.csv", "w", newline="") as file:
    csv.writer(file).writerows(log)
with open("test.csv", "w", newline="") as file:
    csv.writer(file).writerow([loss, accuracy])

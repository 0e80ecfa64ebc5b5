"""Load, split, train, test: form B, the predefined dataflow of October 2024 (P2).

DLProv's ``mnist-simple.py`` was written like this: the ratio of the split is the text ``80-20``, which the database of
that time took for a calculation, and the last task depends on a list of two.
"""

import csv
import time
from datetime import datetime

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from dfa_lib_python.dataflow import Dataflow
from dfa_lib_python.dataset import DataSet
from dfa_lib_python.element import Element
from dfa_lib_python.task import Task

EPOCHS = 3
RATE = 0.005

dataflow_tag = "mnist"
exec_tag = dataflow_tag + "-" + str(datetime.now())

df = Dataflow(dataflow_tag, predefined=True)
df.save()

t1 = Task(1, dataflow_tag, exec_tag, "LoadData")
t1.add_dataset(DataSet("iInputDataset", [Element(["Digits", "sklearn.datasets"])]))
t1.begin()
images, labels = load_digits(return_X_y=True)
np.savez("digits.npz", images=images, labels=labels)
t1.add_dataset(DataSet("oLoadData", [Element(["digits.npz"])]))
t1.end()

t2 = Task(2, dataflow_tag, exec_tag, "SplitData", dependency=t1)
t2.add_dataset(DataSet("iSplitConfig", [Element(["80-20"])]))
t2.begin()
x_train, x_test, y_train, y_test = train_test_split(images / 16.0, labels, test_size=0.2, random_state=2)
np.savez("train.npz", x=x_train, y=y_train)
np.savez("test.npz", x=x_test, y=y_test)
t2.add_dataset(DataSet("oTrainSet", [Element(["train.npz"])]))
t2.save()
t2.add_dataset(DataSet("oTestSet", [Element(["test.npz"])]))
t2.end()

keras.utils.set_random_seed(2)
model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])

t3 = Task(3, dataflow_tag, exec_tag, "TrainModel", dependency=t2)
t3.add_dataset(DataSet("iTrainModel", [Element(["Adam", RATE, EPOCHS, len(model.layers)])]))
t3.begin()
log = []
for epoch in range(EPOCHS):
    began = time.time()
    history = model.fit(x_train, y_train, validation_split=0.1, verbose=0).history
    metrics = [history[name][0] for name in ("loss", "accuracy", "val_loss", "val_accuracy")]
    log.append([datetime.now(), time.time() - began, *metrics, epoch])
    t3.add_dataset(DataSet("oTrainModel", [Element(log[-1])]))
    t3.save()
model.save("digits.keras")
t3.add_dataset(DataSet("oTrainedModel", [Element(["Digits", "digits.keras"])]))
t3.end()

t4 = Task(4, dataflow_tag, exec_tag, "TestModel", dependency=[t2, t3])
t4.begin()
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
t4.add_dataset(DataSet("oTestModel", [Element([loss, accuracy])]))
t4.end()

with open("epochs.csv", "w", newline="") as file:
    csv.writer(file).writerows(log)
with open("test.csv", "w", newline="") as file:
    csv.writer(file).writerow([loss, accuracy])

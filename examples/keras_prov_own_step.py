"""A Keras model that is captured by itself, and a step of the user's own before it: form A.

The READMEs of Keras-Prov are written like this: ``provenance`` before ``compile``, a transformation that is added to
the model's dataflow, and a task that names no execution, since it is the model's.
"""

import csv

import keras
import numpy as np
from sklearn.datasets import load_digits

from dfa_lib_python.attribute import Attribute
from dfa_lib_python.attribute_type import AttributeType
from dfa_lib_python.dataset import DataSet
from dfa_lib_python.element import Element
from dfa_lib_python.set import Set
from dfa_lib_python.set_type import SetType
from dfa_lib_python.task import Task
from dfa_lib_python.transformation import Transformation

EPOCHS = 3

dataflow_tag = "keras-digits-df"

keras.utils.set_random_seed(6)
model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(20),
        keras.layers.Activation("relu"),
        keras.layers.Dropout(0.1),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
hyps = {"OPTIMIZER_NAME": True, "LEARNING_RATE": True, "DECAY": False, "NUM_EPOCHS": True, "NUM_LAYERS": True}
model.provenance(dataflow_tag=dataflow_tag, adaptation=True, hyps=hyps)

df = model.get_dataflow()
tf1 = Transformation("ExtrairNumeros")
tf1_input = Set("iExtrairNumeros", SetType.INPUT, [Attribute("DATASET_DIR", AttributeType.FILE)])
tf1_output = Set(
    "oExtrairNumeros",
    SetType.OUTPUT,
    [Attribute("NUMBER", AttributeType.NUMERIC), Attribute("IMAGES", AttributeType.NUMERIC)],
)
tf1.set_sets([tf1_input, tf1_output])
df.add_transformation(tf1)

model.compile(keras.optimizers.RMSprop(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])

images, labels = load_digits(return_X_y=True)
np.save("digits.npy", images)

t4 = Task(4, dataflow_tag, "ExtrairNumeros")
t4.add_dataset(DataSet("iExtrairNumeros", [Element(["digits.npy"])]))
t4.begin()
for number in range(10):
    t4.add_dataset(DataSet("oExtrairNumeros", [Element([number, int((labels == number).sum())])]))
t4.end()


def schedule(epoch, rate):
    """Half the rate in the last epoch."""
    return rate / 2 if epoch == EPOCHS - 1 else rate


halve = keras.callbacks.LearningRateScheduler(schedule)
history = model.fit(images / 16.0, labels, epochs=EPOCHS, validation_split=0.2, callbacks=[halve], verbose=0).history
results = model.evaluate(images / 16.0, labels, verbose=0)

with open("epochs.csv", "w", newline="") as file:
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    csv.writer(file).writerows(zip(range(EPOCHS), *(history[name] for name in names)))
with open("test.csv", "w", newline="") as file:
    csv.writer(file).writerow(results)

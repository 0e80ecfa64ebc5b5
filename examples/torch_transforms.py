"""A PyTorch training with steps of preparation: form B, the predefined dataflow of March 2025 (P4).

DLProv's ``mnist-torch.py`` was written like this: two short tasks only end and never begin, and there is a validation
set.
"""

import csv
import time
from datetime import datetime

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from dfa_lib_python.dataflow import Dataflow
from dfa_lib_python.dataset import DataSet
from dfa_lib_python.element import Element
from dfa_lib_python.task import Task

EPOCHS = 4
BATCH = 64
RATE = 0.05

torch.manual_seed(3)

dataflow_tag = "torch-digits"
exec_tag = dataflow_tag + "-" + str(datetime.now())

df = Dataflow(dataflow_tag, predefined=True)
df.save()

t1 = Task(1, dataflow_tag, exec_tag, "LoadData")
t1.add_dataset(DataSet("iInputDataset", [Element(["Digits", "sklearn.datasets"])]))
t1.begin()
images, labels = load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8)
np.save("raw.npy", images)
t1.add_dataset(DataSet("oLoadData", [Element(["raw.npy"])]))
t1.end()

t2 = Task(2, dataflow_tag, exec_tag, "RandomHorizontal", dependency=t1)
flipped = np.random.default_rng(3).random(len(images)) < 0.1
images[flipped] = images[flipped, :, ::-1]
np.save("flipped.npy", images)
t2.add_dataset(DataSet("oRandomHorizontal", [Element(["flipped.npy"])]))
t2.end()

t3 = Task(3, dataflow_tag, exec_tag, "Normalize", dependency=t2)
images = (images - images.mean()) / images.std()
np.save("normalized.npy", images)
t3.add_dataset(DataSet("oNormalize", [Element(["normalized.npy"])]))
t3.end()

t4 = Task(4, dataflow_tag, exec_tag, "SplitData", dependency=t3)
t4.add_dataset(DataSet("iSplitConfig", [Element([0.7, 0.15, 0.15])]))
t4.begin()
order = np.random.default_rng(4).permutation(len(images))
parts = np.split(order, [int(0.7 * len(order)), int(0.85 * len(order))])
data = {}
for name, part in zip(("Train", "Val", "Test"), parts):
    data[name] = (
        torch.tensor(images[part].reshape(-1, 64), dtype=torch.float32),
        torch.tensor(labels[part], dtype=torch.long),
    )
    torch.save(data[name], name.lower() + ".pt")
    t4.add_dataset(DataSet("o" + name + "Set", [Element([name.lower() + ".pt"])]))
t4.end()

model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
criterion = nn.CrossEntropyLoss()


def evaluate(name):
    """Loss and accuracy on one part of the data."""
    x, y = data[name]
    with torch.no_grad():
        answers = model(x)
        return criterion(answers, y).item(), (answers.argmax(1) == y).float().mean().item()


t5 = Task(5, dataflow_tag, exec_tag, "Train", dependency=t4)
t5.add_dataset(DataSet("iTrain", [Element(["SGD", RATE, EPOCHS, BATCH, len(model)])]))
t5.begin()
log = []
for epoch in range(1, EPOCHS + 1):
    began = time.time()
    for x, y in zip(data["Train"][0].split(BATCH), data["Train"][1].split(BATCH)):
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
    log.append([datetime.now(), time.time() - began, *evaluate("Train"), *evaluate("Val"), epoch])
    t5.add_dataset(DataSet("oTrain", [Element(log[-1])]))
    t5.save()
torch.save(model.state_dict(), "model.pt")
t5.add_dataset(DataSet("oTrainedModel", [Element(["Digits", "model.pt"])]))
t5.end()

t6 = Task(6, dataflow_tag, exec_tag, "Test", dependency=[t4, t5])
t6.begin()
loss, accuracy = evaluate("Test")
t6.add_dataset(DataSet("oTest", [Element([loss, accuracy])]))
t6.end()

with open("epochs.csv", "w", newline="") as file:
    csv.writer(file).writerows(log)
with open("test.csv", "w", newline="") as file:
    csv.writer(file).writerow([loss, accuracy])

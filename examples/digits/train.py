#!/usr/bin/env python3
"""Trains a softmax classifier on rows of one label and 64 pixels (0..16).

Plain Python, standard library only. What davit hands over, in the environment:

  DAVIT_DATASET     the rows: CSV with a header line, or JSON rows (see read_rows)
  DAVIT_PARAMETERS  a JSON object; see DEFAULTS for what may stand in it
  DAVIT_PROGRESS    where to append one JSON line per epoch
  DAVIT_OUTPUT_DIR  where model.json goes
"""

import csv
import json
import math
import os
import random
import sys

PIXELS = 64
CLASSES = 10
SCALE = 16.0  # the largest pixel value

DEFAULTS = {
    "epochs": 30,
    "learning_rate": 0.1,
    "decay": 0.92,  # the learning rate shrinks by this factor each epoch
    "l2": 0.00002,
    "validation": 0.15,  # share of the rows kept back to measure "accuracy"
    "seed": 1,
    "shuffle_labels": False,  # destroys the labels: shows that a model must learn from them
}


def fail(text):
    sys.exit("train.py: " + text)


def json_rows(text):
    """One JSON array of rows, or one row per line."""
    try:
        whole = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(whole, dict) or (whole and not isinstance(whole[0], (list, dict))):
        return [whole]
    return whole


def csv_rows(text):
    lines = list(csv.reader(text.splitlines()))
    if lines and not lines[0][0].strip().lstrip("-").isdigit():
        del lines[0]
    return [line for line in lines if line]


def flat(row):
    """A row as [label, 64 pixels]: also from {"label", "pixels": [...]} or named columns."""
    if not isinstance(row, dict):
        return row
    rest = dict(row)
    label = rest.pop("label")
    return [label] + list(rest["pixels"] if "pixels" in rest else rest.values())


def read_rows(path):
    """[(label, [pixel, ...]), ...] with pixels scaled to 0..1."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    raw = json_rows(text) if text.lstrip()[:1] in ("[", "{") else csv_rows(text)
    rows = []
    for number, row in enumerate(raw, 1):
        try:
            values = [float(v) for v in flat(row)]
        except (TypeError, ValueError, KeyError) as e:
            fail(f"{path}: row {number} is not a label and {PIXELS} numbers: {e}")
        if len(values) != PIXELS + 1 or not 0 <= values[0] < CLASSES:
            fail(f"{path}: row {number} is not a label 0..9 and {PIXELS} numbers")
        rows.append((int(values[0]), [v / SCALE for v in values[1:]]))
    return rows


def read_parameters(path):
    parameters = dict(DEFAULTS)
    if path and os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            given = json.load(file)
        unknown = sorted(set(given) - set(DEFAULTS))
        if unknown:
            fail(f"unknown parameter {unknown[0]}; known are {', '.join(DEFAULTS)}")
        parameters.update(given)
    return parameters


def softmax(scores):
    top = max(scores)
    powers = [math.exp(s - top) for s in scores]
    total = sum(powers)
    return [p / total for p in powers]


def scores_of(model, pixels):
    return [
        bias + sum(map(float.__mul__, weights, pixels))
        for weights, bias in zip(model["weights"], model["bias"])
    ]


def learn(model, label, pixels, rate, l2):
    """One step of gradient descent; returns the loss before it."""
    chances = softmax(scores_of(model, pixels))
    keep = 1.0 - rate * l2
    for k, weights in enumerate(model["weights"]):
        step = rate * ((1.0 if k == label else 0.0) - chances[k])
        model["weights"][k] = [w * keep + step * p for w, p in zip(weights, pixels)]
        model["bias"][k] += step
    return -math.log(max(chances[label], 1e-12))


def accuracy(model, rows):
    hits = 0
    for label, pixels in rows:
        scores = scores_of(model, pixels)
        hits += scores.index(max(scores)) == label
    return hits / len(rows)


def report(path, line):
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def split(rows, parameters, rng):
    rng.shuffle(rows)
    if parameters["shuffle_labels"]:
        labels = [label for label, _ in rows]
        rng.shuffle(labels)
        rows = [(label, pixels) for label, (_, pixels) in zip(labels, rows)]
    kept = max(1, round(len(rows) * parameters["validation"]))
    if len(rows) - kept < 1:
        fail("at least two rows are needed: one to learn from, one to measure with")
    return rows[kept:], rows[:kept]


def train(rows, parameters, progress):
    rng = random.Random(parameters["seed"])
    learning, validation = split(rows, parameters, rng)
    model = {"weights": [[0.0] * PIXELS for _ in range(CLASSES)], "bias": [0.0] * CLASSES}
    epochs, rate = parameters["epochs"], parameters["learning_rate"]
    print(f"{len(learning)} rows to learn from, {len(validation)} to measure with", flush=True)
    for epoch in range(1, epochs + 1):
        rng.shuffle(learning)
        loss = sum(learn(model, y, x, rate, parameters["l2"]) for y, x in learning)
        rate *= parameters["decay"]
        metrics = {
            "loss": round(loss / len(learning), 6),
            "accuracy": round(accuracy(model, validation), 6),
        }
        text = f"epoch {epoch}/{epochs}: loss {metrics['loss']:.4f}, " \
               f"accuracy {metrics['accuracy']:.4f}"
        print(text, flush=True)
        report(progress, {"step": epoch, "total": epochs, "text": text, "metrics": metrics})
    return model, metrics


def main():
    output = os.environ.get("DAVIT_OUTPUT_DIR", ".")
    dataset = os.environ.get("DAVIT_DATASET")
    if not dataset:
        fail("DAVIT_DATASET does not name a file of rows")
    parameters = read_parameters(os.environ.get("DAVIT_PARAMETERS"))
    if parameters["epochs"] < 1:
        fail("epochs must be at least 1")
    model, metrics = train(read_rows(dataset), parameters, os.environ.get("DAVIT_PROGRESS"))
    model.update(kind="softmax", scale=SCALE, metrics=metrics, parameters=parameters)
    path = os.path.join(output, "model.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(model, file)
    print(f"model written, accuracy {metrics['accuracy']:.4f}", flush=True)


if __name__ == "__main__":
    main()

"""Asks an endpoint for all held-out digits and prints how many it got right.

usage: score-digits.py URL heldout.csv; exits 1 below an accuracy of 0.90.
"""
import csv
import json
import sys
import urllib.request

BOUND = 0.90


def main(url, path):
    rows = list(csv.reader(open(path, encoding="utf-8")))[1:]
    labels = [int(row[0]) for row in rows]
    instances = [[int(value) for value in row[1:]] for row in rows]
    body = json.dumps({"instances": instances}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        predictions = json.load(answer)["predictions"]
    right = sum(p["label"] == label for p, label in zip(predictions, labels, strict=True))
    accuracy = right / len(labels)
    print(f"  < {right} of {len(labels)} right")
    print(f"heldout_accuracy {accuracy:.4f} ratio {BOUND:.2f} {'ok' if accuracy >= BOUND else 'short'}")
    return 0 if accuracy >= BOUND else 1


sys.exit(main(sys.argv[1], sys.argv[2]))

"""What a task of Airflow does with a Label Studio, as a process that a test may kill.

``label_studio_worker.py sync|collect FOLDER URL``. The token comes by the environment (LABEL_STUDIO_TOKEN). Predictions
are a class for each item, by its text.
"""

from __future__ import annotations

import os
import sys

from automl_core.annotation.file.loading import parse_annotation_document
from automl_core.annotation.label_studio.studio import Studio
from automl_core.annotation.label_studio.tasks import Prediction
from automl_core.annotation.project import Project
from automl_core.storage import open_store

FILE = """\
kind: annotation
name: intents
items: {data: examples/*.jsonl, columns: [text], kind: text}
labels: {classes: [order, refund]}
models: [{experiment: trees}, {experiment: dense}]
people: {where: label-studio}
label_studio: {connection: label_studio}
"""


def class_of(text: str) -> str:
    """The class of an item."""
    return "order" if int(text.rpartition(" ")[2]) % 3 else "refund"


def main(act: str, folder: str, url: str) -> None:
    """One step, from its beginning to its end."""
    file = parse_annotation_document(FILE, "intents.annotation.yaml")[0]
    project = Project.open(open_store(f"file://{folder}"), "intents")
    print("at work", flush=True)
    with Studio(url, os.environ["LABEL_STUDIO_TOKEN"]) as studio:
        if act == "collect":
            found = studio.collect(project, file)
            print(found, *found.problems[:5], *found.notes, sep="\n")
            return
        predictions = {}
        for number in range(project.state.count):
            item = project.catalog.id_of(number)
            text = str(project.catalog.content(item)["text"])
            predictions[item] = Prediction(class_of(text), 0.9, "trees 1")
        told = studio.sync(project, file, 1, predictions)
        print(told, *told.notes, sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What models think of a batch's items, as the round that sent them predicted it. Needs numpy."""

from __future__ import annotations

from automl_core.annotation.exchange.exporting import Opinion
from automl_core.annotation.project import Project, round_prefix


def opinions_of(project: Project, batch: int) -> dict[str, Opinion]:
    """Item → what the first model that says something of it thinks; nothing of a model that had learned from it.

    Args:
        project: read just now.
        batch: number.

    Raises:
        StorageError: the store refuses or is away.
        ValueError: a later release has written the predictions.
    """
    from automl_core.annotation.rounds import predictions as kept

    found = project.state.batches[batch]
    keys = project.store.entries(f"{round_prefix(project.prefix, found.round)}predictions-")
    if not keys:
        return {}
    said = kept.read(project.store, max(keys, key=lambda each: (each.modified, each.key)).key)
    usable, opinions = said.usable(), {}
    for number in found.items:
        row = said.rows.get(number)
        model = next((place for place in range(len(said.models)) if row is not None and usable[place, row]), None)
        if row is None or model is None:
            continue
        line = said.outputs[model, row]
        best = int(line.argmax())
        name = str(said.models[model]["name"])
        opinions[project.catalog.id_of(number)] = Opinion(said.classes[best], float(line[best]), name)
    return opinions

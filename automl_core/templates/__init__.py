"""Templates: named, versioned recipes of trainings, found in folders and expanded into whole experiments.

A version is a folder ``NAME/VERSION`` with a ``template.yaml`` and the program beside it. `loading` reads experiment
files, those that name a template among them; nothing here reads a store but `pulling`.
"""

from automl_core.templates.loading import load_experiment, parse_document, parse_experiment
from automl_core.templates.places import Places

__all__ = ["Places", "load_experiment", "parse_document", "parse_experiment"]

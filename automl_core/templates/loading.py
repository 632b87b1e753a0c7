"""Reading experiment files, those that name a template among them."""

from __future__ import annotations

from pathlib import Path

from automl_core.spec import loader
from automl_core.spec.loader import Expand, read_text
from automl_core.spec.models import Experiment
from automl_core.spec.yaml_reader import Document
from automl_core.templates.expand import expand
from automl_core.templates.places import Places


def expander(places: Places) -> Expand:
    """What `automl_core.spec.loader` takes to make whole experiments."""
    return lambda document: expand(document, places)


def load_experiment(path: str | Path, places: Places | None = None) -> Experiment:
    """Read and check an experiment file.

    Args:
        path: a YAML file of at most 1 MiB, in UTF-8.
        places: where templates lie; those that the file sees when left out.

    Raises:
        SpecError: the file can't be read, or anything in it or in its template is wrong; it holds all problems.
    """
    return parse_experiment(read_text(path), str(path), places or Places.of(path))


def parse_experiment(text: str, source: str, places: Places | None = None) -> Experiment:
    """Check the text of an experiment file.

    Args:
        text: YAML.
        source: what to call it in errors, such as the file's path.
        places: where templates lie; those that a text sees which lies nowhere yet, when left out.

    Raises:
        SpecError: anything in it or in its template is wrong; it holds all problems.
    """
    return parse_document(text, source, places)[0]


def parse_document(text: str, source: str, places: Places | None = None) -> tuple[Experiment, Document]:
    """As `parse_experiment`, with the document that knows on which line of which file everything stands.

    Raises:
        SpecError: anything in it or in its template is wrong; it holds all problems.
    """
    return loader.parse_document(text, source, expander(places or Places.of()))

"""What a pod is brought beside its folders: its spec file, the code that goes along; and by which way."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property

from automl_core.backends.base import StartError
from automl_core.backends.contract import TrialContext
from automl_core.backends.kubernetes.bringing import (
    CODE_FOLDER,
    MOST_CODE_BYTES,
    SPEC_FOLDER,
    CodeInPod,
    Fetching,
    SpecInPod,
)
from automl_core.code import CodeError, archive_key, archived
from automl_core.running.bringing import digest_of, spec_text
from automl_core.running.code_in_pod import MODULE, order
from automl_core.running.places import Places
from automl_core.spec.kubernetes import KubernetesTask
from automl_core.spec.models import Experiment

IMAGE_VARIABLE = "AUTOML_IMAGE"
"""Names this product's own image, for helper containers."""


class Brought:
    """What an attempt's pod is brought. An experiment without code and spec file asks the store for nothing."""

    def __init__(self, experiment: Experiment, task: KubernetesTask, places: Places) -> None:
        """Look at what there is, without asking the store."""
        self._spec, self._experiment, self._task, self._places = experiment.spec_file, experiment, task, places

    def seen_by(self, context: TrialContext) -> TrialContext:
        """The trial with the paths at which its pod finds them."""
        return replace(
            context,
            spec_file=f"{SPEC_FOLDER}/{self._spec.file_name}" if self._spec is not None else None,
            code_dir=CODE_FOLDER if self._experiment.code is not None else None,
        )

    def spec_file(self, context: TrialContext) -> SpecInPod | None:
        """The spec file, which lies in the trial's folder from then on; None where the experiment has none.

        Args:
            context: the trial as its pod sees it.

        Raises:
            StartError: it can't be written in its format.
            PlaceholderError: a ``${…}`` in it has no meaning.
        """
        if self._spec is None:
            return None
        text = spec_text(self._spec, context)
        self._places.store.put(self._places.spec_key(self._spec.file_name), text.encode())
        return SpecInPod(self._spec.file_name, text)

    def code(self, config_map: str | None) -> CodeInPod | None:
        """The way of the code into the pod, None where none goes along.

        Args:
            config_map: name of the config map with the archive, where there is one.

        Raises:
            StartError: there is no way for an archive of this size.
        """
        digest, task = self._digest, self._task
        if digest is None:
            return None
        if task.storage_mount is not None:
            return CodeInPod(path=self._places.seen(archive_key(digest)))
        if config_map is not None:
            return CodeInPod(config_map=config_map)
        image = task.artifacts.image or os.environ.get(IMAGE_VARIABLE) if task.artifacts is not None else None
        if task.artifacts is None or not image:
            raise StartError(
                f"code: packed it has {len(self._archive):,} bytes, of which a cluster carries {MOST_CODE_BYTES:,}: "
                "name what is no code in .automlignore, state `artifacts` with an image of this product (it fetches "
                "larger ones from the bucket), or build an image",
                systematic=True,
            )
        how = Fetching(MODULE, order(self._places.store.url, digest), image, task.artifacts)
        return CodeInPod(fetched=how)

    @property
    def archive(self) -> tuple[str, bytes] | None:
        """Digest and archive of code that travels as a config map; None where it takes another way."""
        if self._digest is None or self._task.storage_mount is not None:
            return None
        return (self._digest, self._archive) if len(self._archive) <= MOST_CODE_BYTES else None

    @cached_property
    def _digest(self) -> str | None:
        return digest_of(self._experiment)

    @cached_property
    def _archive(self) -> bytes:
        assert self._digest is not None
        try:
            return archived(self._places.store, self._digest)
        except CodeError as error:
            raise StartError(f"code: {error}", systematic=True) from error

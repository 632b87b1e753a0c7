"""``deploy: {to: kubernetes}`` of a model's file: servers that are made, and owned, by this product."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from automl_core.models.file.serve import Rolling


class KubernetesServers(Rolling):
    """Requests are answered by servers in a Kubernetes cluster, which are made and owned by this product."""

    to: Literal["kubernetes"] = Field(
        description="kubernetes: servers in a cluster answer, which are made and owned by this product."
    )

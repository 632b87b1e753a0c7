"""Offline models: what PAI's training commands leave behind."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from tests.standins.maxcompute.errors import ServiceError
from tests.standins.maxcompute.replies import http_date


@dataclass
class OfflineModel:
    """A trained model.

    Attributes:
        estimator: Of scikit-learn; it lives as long as the stand-in.
        features: Columns that it was trained on, in order.
        labels: Values of the label as the table has them, by the estimator's class; empty where it has no classes.
    """

    project: str
    name: str
    algorithm: str
    estimator: Any
    features: list[str]
    labels: list[Any] = field(default_factory=list)
    created: float = field(default_factory=time.time)

    def to_xml(self, owner: str) -> str:
        return (
            f"<OfflineModel><Name>{escape(self.name)}</Name><Owner>ALIYUN${escape(owner)}</Owner>"
            f"<CreationTime>{http_date(self.created)}</CreationTime>"
            f"<LastModifiedTime>{http_date(self.created)}</LastModifiedTime></OfflineModel>"
        )

    def to_pmml(self) -> str:
        """The model as PMML, as far as it is a linear model or a clustering; of others the header and the fields."""
        fields = "".join(
            f'<DataField name={quoteattr(f)} optype="continuous" dataType="double"/>' for f in self.features
        )
        used = "".join(f"<MiningField name={quoteattr(f)}/>" for f in self.features)
        body = ""
        if hasattr(self.estimator, "coef_"):
            terms = "".join(
                f"<NumericPredictor name={quoteattr(name)} coefficient={quoteattr(repr(float(weight)))}/>"
                for name, weight in zip(self.features, self.estimator.coef_[0], strict=True)
            )
            intercept = quoteattr(repr(float(self.estimator.intercept_[0])))
            target = quoteattr(str(self.labels[1]))
            body = (
                '<RegressionModel functionName="classification" normalizationMethod="logit"><MiningSchema>'
                f"{used}</MiningSchema><RegressionTable intercept={intercept} targetCategory={target}>{terms}"
                "</RegressionTable></RegressionModel>"
            )
        elif hasattr(self.estimator, "cluster_centers_"):
            clusters = "".join(
                f'<Cluster id="{i}"><Array type="real">{" ".join(map(repr, center.tolist()))}</Array></Cluster>'
                for i, center in enumerate(self.estimator.cluster_centers_)
            )
            body = (
                f'<ClusteringModel functionName="clustering"><MiningSchema>{used}</MiningSchema>{clusters}'
                "</ClusteringModel>"
            )
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<PMML xmlns="http://www.dmg.org/PMML-4_2" version="4.2">'
            f"<Header><Application name={quoteattr(self.algorithm)}/></Header>"
            f"<DataDictionary>{fields}</DataDictionary>{body}</PMML>"
        )


class Models:
    """The models of all projects."""

    def __init__(self) -> None:
        self._models: dict[tuple[str, str], OfflineModel] = {}
        self._lock = threading.Lock()

    def put(self, model: OfflineModel) -> None:
        with self._lock:
            self._models[model.project, model.name] = model

    def get(self, project: str, name: str) -> OfflineModel:
        try:
            return self._models[project, name]
        except KeyError:
            raise ServiceError("NoSuchObject", f"ODPS-0421111: Offline model not found - '{name}'", 404) from None

    def of(self, project: str, prefix: str = "") -> list[OfflineModel]:
        with self._lock:
            models = list(self._models.values())
        return sorted((m for m in models if m.project == project and m.name.startswith(prefix)), key=lambda m: m.name)

    def delete(self, project: str, name: str) -> None:
        model = self.get(project, name)
        with self._lock:
            del self._models[model.project, model.name]

"""When versions are looked for: whenever an experiment has published, and at times beside it.

An event may be lost (two within a second, one while the DAG is paused, one of another Airflow), so the times are what
can be relied on, and the events what is quick.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, AssetAny, AssetOrTimeSchedule, DeltaTriggerTimetable

from automl_airflow.assets import published_asset
from automl_airflow.session import home
from automl_core.models.file import ModelFile


def rollout_schedule(file: ModelFile) -> Any:
    """What starts runs of a model's rollout: a published result of any of its candidates, or the time for a look.

    The first run begins as soon as Airflow knows the DAG. Runs that events start have no logical date.

    Args:
        file: the model's.
    """
    times = DeltaTriggerTimetable(timedelta(seconds=file.candidates.look))
    wanted = [published_asset(str(each.storage), each.experiment, home()) for each in file.sources]
    references = [Asset.ref(uri=asset.uri) for asset in wanted if asset is not None]
    return AssetOrTimeSchedule(timetable=times, assets=AssetAny(*references)) if references else times

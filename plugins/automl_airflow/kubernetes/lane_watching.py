"""What the trigger of a trial in a pod of several asks of the storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_airflow.teams import ConnectionName
    from automl_airflow.threads import Threads
    from automl_core.backends.base import Exit
    from automl_core.running.lane_orders import Lane


class StoredOrders:
    """See `automl_core.backends.kubernetes.lane_job.LaneOrders`."""

    def __init__(self, storage: str, connection: ConnectionName, threads: Threads, job: dict[str, Any]) -> None:
        """Ask nothing yet.

        Args:
            storage, connection: the model storage path.
            threads: in which it is asked.
            job: as `LaneLaunch` has made it.
        """
        self._storage, self._connection, self._threads, self._job = storage, connection, threads, job

    async def stop(self) -> None:
        """Ask the pod to end the trial, unless that is over."""
        await self._threads.call(self._stop)

    async def ended(self) -> Exit | None:
        """How the trial ended, as the pod wrote it; None while nothing is there."""
        found: Exit | None = await self._threads.call(self._ended)
        return found

    async def followed(self) -> bool:
        """Whether another trial was ordered after it in its pod."""
        return bool(await self._threads.call(self._followed))

    async def close(self) -> bool:
        """See that no trial follows it in its pod. Returns whether that holds: False where one does already."""
        return bool(await self._threads.call(self._close))

    def _followed(self) -> bool:
        return self._lane.followed(int(self._job["number"]))

    def _close(self) -> bool:
        return self._lane.close_after(int(self._job["number"]))

    def _stop(self) -> None:
        if self._ended() is None:
            self._lane.stop(int(self._job["number"]))

    def _ended(self) -> Exit | None:
        return self._lane.ended(int(self._job["number"]))

    @property
    def _lane(self) -> Lane:
        from automl_airflow.stores import shared_store
        from automl_core.running.lane_orders import Lane

        return Lane(shared_store(self._storage, self._connection), str(self._job["orders"]))

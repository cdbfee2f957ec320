"""Numbers of a run for TensorBoard."""

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path

from fact_jax import files


class TensorBoardWriter:
    """Scalars in TensorBoard event files; events of steps beyond the one resumed from are hidden.

    Not by tensorboardX's SummaryWriter: that writes in a thread, which dies of a full disk and is then waited for.
    """

    def __init__(self, folder: Path, first_step: int):
        # Imported here: it takes half a second, and a run may do without.
        from tensorboardX import summary
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto import event_pb2

        self._event, self._scalar = event_pb2.Event, summary.scalar
        self._folder = Path(folder)
        with self._writing():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._writer = EventsWriter(str(self._folder / "events"))
            self._add(first_step, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START))
            self._writer.flush()

    def write(self, step: int, group: str, values: Mapping[str, float]) -> None:
        """Adds a scalar <group>/<name> per value, with "_" for "@"; raises files.WriteError for a full disk, ..."""
        with self._writing():
            for name, value in values.items():
                self._add(step, summary=self._scalar(f"{group}/{name.replace('@', '_')}", value))
            self._writer.flush()

    def close(self) -> None:
        with self._writing():
            self._writer.close()

    def _add(self, step, **content):
        self._writer.write_event(self._event(wall_time=time.time(), step=step, **content))

    @contextlib.contextmanager
    def _writing(self):
        try:
            yield
        except OSError as error:
            raise files.WriteError(self._folder, error) from error

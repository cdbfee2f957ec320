"""Rows of features from a function of the user, of any library."""

import hashlib
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from data_pipelines.extraction.pixels import FramePixels
from data_pipelines.extraction.plans import FramePlan, Plan, WindowPlan
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.raw_video import RawVideo
from fact_jax.app.kinds.base import DEFAULT_EVERY, ExtractConfig
from fact_jax.files import read_data
from fact_jax.types import UserError

FRAMES_AT_ONCE = 64  # that a function for frames gets, and fewer at the end
_EXPECTED = "expected MODULE:FUNCTION, such as my_network:features of my_network.py"


class FunctionExtractor:
    """See `extraction.Extractor`.

    Without --window the function gets FRAMES_AT_ONCE frames after the other, of --every one in so many seconds, and
    gives a row for each. With --window it gets all frames of a window, and gives one row.
    """

    pixels = FramePixels()
    video = VideoConfig()

    def __init__(self, name: str, told: ExtractConfig):
        """`name` is "module:function"; UserError where there is no such function."""
        self._name, self._function = name, find_function(name)
        self._told, self._dim = told, 0
        path = _source_of(self._function, name.partition(":")[0])
        digest = hashlib.sha256(read_data(path)).hexdigest() if path else ""
        self._windows = None if told.window is None else (told.window, told.every or DEFAULT_EVERY)
        every = told.every if self._windows is None else self._windows[1]
        self.made_by = {
            "program": name,
            "source": {"file": Path(path).name if path else "", "sha256": digest},
            "window": told.window,
            "every": every,
        }
        rows = f"a row every {every:g} s" if every else "a row for every frame"
        self.lines = (f"{name}: {rows}" + (f", of a window of {told.window:g} s" if self._windows else ""),)

    def plan(self, video: RawVideo) -> Plan:
        """See the protocol."""
        if self._windows is not None:
            seconds, every = self._windows
            return WindowPlan(video=video, seconds=seconds, every=every, rows_at_once=1)
        return FramePlan(video=video, every=self._told.every, chunk=FRAMES_AT_ONCE)

    def start(self, plan: Plan, step: int, array: np.ndarray) -> np.ndarray:
        """Calls the function."""
        numbers, _ = plan.read(step)
        rows = plan.rows(step)
        expected = rows.stop - rows.start
        try:
            found = np.asarray(self._function(array, plan.video.times[numbers]))
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename}:{place.lineno}"
            raise UserError(
                f"--extractor {self._name} raised {type(error).__name__}: {error} ({where}), for {len(array)} frames "
                f"of {plan.video.path} from {plan.video.times[numbers[0]]:.3f} s on."
            ) from error
        wrong = self._why_wrong(found, expected)
        if wrong:
            raise UserError(f"--extractor {self._name} gave {wrong}, for uint8 {array.shape} of {plan.video.path}.")
        self._dim = found.shape[1]
        return np.asarray(found, np.float32)

    def _why_wrong(self, found, expected):
        if found.ndim != 2 or found.shape[0] != expected or not found.shape[1] or found.dtype.kind not in "fiu":
            return f"{found.dtype} {found.shape}; expected float32 ({expected}, channels), a row for every " + (
                "window" if self._windows else "frame"
            )
        if self._dim not in (0, found.shape[1]):
            return f"{found.shape[1]} channels, and {self._dim} before; expected the same number always"
        return ""

    def fetch(self, started: np.ndarray) -> np.ndarray:
        """See the protocol."""
        return started


def _source_of(function, module):
    """The file that a function is written in; of an object that is called, that of its module; "" of built-in ones."""
    try:
        return inspect.getsourcefile(inspect.unwrap(function)) or ""
    except TypeError:
        path = getattr(sys.modules[module], "__file__", None) or ""
        return path if path.endswith(".py") else ""


def find_function(name: str) -> Callable[[np.ndarray, np.ndarray], Any]:
    """The function "module:function", of an installed package or the current folder; UserError where there is none."""
    module, _, function = name.partition(":")
    if not module or not function:
        raise UserError(f"--extractor is {name!r}; {_EXPECTED}.")
    # As `python -m` has it: main.py may lie elsewhere.
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise UserError(f"--extractor {name}: {error}; {_EXPECTED}, in the current folder or installed.") from error
    except Exception as error:
        place = (traceback.extract_tb(error.__traceback__) or [None])[-1]
        where = f" ({place.filename}:{place.lineno})" if place and not isinstance(error, SyntaxError) else ""
        raise UserError(
            f"--extractor {name}: {module} cannot be imported: {type(error).__name__}: {error}{where}; put it right."
        ) from error
    called = getattr(found, function, None)
    if not callable(called):
        raise UserError(f"--extractor {name}: {module} has no function {function!r}; {_EXPECTED}.")
    return called

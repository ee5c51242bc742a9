"""What a router has raised, as text for whoever wrote it."""

from __future__ import annotations

import os
import traceback


def fault_text(error: BaseException, file: str | os.PathLike) -> str:
    """The lines of the router's file, and of files beside it, that lead to the error; then the error."""
    folder = os.path.dirname(os.path.realpath(file))
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if os.path.dirname(os.path.realpath(frame.filename)) == folder]
    return "".join(traceback.format_list(frames) + traceback.format_exception_only(error)).strip()

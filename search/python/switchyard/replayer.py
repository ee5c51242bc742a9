"""A process of `switchyard.executors.ProcessPool`: a batch of replays a line on stdin, its results a line on stdout."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver, which ends its workers
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what anything prints is no answer
    from switchyard import _core

    replayer = _core._Replayer(1)
    channel.write("ready\n")
    channel.flush()
    for line in sys.stdin:
        channel.write(replayer.answer(line) + "\n")
        channel.flush()


if __name__ == "__main__":
    main()

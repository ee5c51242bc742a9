#!/usr/bin/env bash
# What two threads reach, against two single-threaded processes side by side, in replays per second.
#   bash bench/parallel.sh BUILD [--rounds N]
exec python3 "$(dirname "$0")/micro/parallel.py" "$@"

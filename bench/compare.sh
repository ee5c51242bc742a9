#!/usr/bin/env bash
# Compares two builds of the microbenchmarks by interleaved runs: which benchmarks changed beyond noise.
#   bash bench/compare.sh BASE_BUILD NEW_BUILD [--filter REGEX] [--rounds N]
exec python3 "$(dirname "$0")/micro/compare.py" "$@"

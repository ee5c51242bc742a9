"""Runs of switchyard_bench, and the statistics that the tools beside this file share. Python's standard library only."""

import json
import math
import statistics
import subprocess
import sys
from pathlib import Path


def fail(message):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def bench_of(build):
    """The benchmark binary of a build folder."""
    binary = Path(build) / "bin" / "switchyard_bench"
    if not binary.is_file():
        fail(f"{binary}: there is no such file; build the target switchyard_bench in '{build}' first")
    return str(binary)


def command(binary, pattern, min_time):
    return [binary, f"--benchmark_filter={pattern}", f"--benchmark_min_time={min_time}", "--benchmark_format=json"]


def read_json(text, source):
    """Runs by name, each a list of the benchmark library's records, in order; exits on a benchmark that failed."""
    try:
        records = json.loads(text)["benchmarks"]
    except (ValueError, KeyError):
        fail(f"{source}: is not the JSON output of switchyard_bench")
    runs = {}
    for record in records:
        if record.get("error_occurred"):
            fail(f"{source}: {record['name']} failed its check: {record['error_message']}")
        if record.get("run_type", "iteration") == "iteration":
            runs.setdefault(record["name"], []).append(record)
    return runs


def run(binary, pattern, min_time):
    done = subprocess.run(command(binary, pattern, min_time), capture_output=True, text=True)
    if done.returncode != 0:
        fail(f"{binary}: exit code {done.returncode}: {done.stderr.strip()[-400:]}")
    if not done.stdout.strip():
        fail(f"{binary}: no benchmark matches '{pattern}'")
    return read_json(done.stdout, binary)


def median_interval(values, confidence=0.95):
    """Distribution-free interval of the median: the order statistics of the sign test at this confidence or more.

    Returns (median, low, high). With fewer than 6 values no such interval has 95%: then the whole range.
    """
    ordered = sorted(values)
    n = len(ordered)
    tail = 0.0
    k = 0  # values that may be left out at each end
    for i in range(n // 2):
        tail += math.comb(n, i) / 2**n
        if 2 * tail > 1 - confidence:
            break
        k = i + 1
    return statistics.median(ordered), ordered[max(k - 1, 0)], ordered[n - max(k, 1)]

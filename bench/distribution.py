"""What it costs to spread a search over processes, and how many workers one driver feeds.

usage: python3 bench/distribution.py SWITCHYARD [--replays N] [--scenario NAME] [--ranks 2,16]

SWITCHYARD is a build with MPI. One search is run with two threads and under mpirun; processor times are compared, which
other work on the machine disturbs less than wall time, and wall times are shown beside them. What starts and ends a search
is not what distribution costs a replay: a short search of the same kind is run, too, and the difference counts. Then
follows from what a
replay costs a worker and the driver how busy workers are kept, by a simulation of the way in which the driver hands out
batches. Prints Markdown.
"""

import argparse
import heapq
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path


def run(words):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          env=dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1"))
    if done.returncode != 0:
        sys.exit(f"bench/distribution.py: {' '.join(words)}: exit code {done.returncode}\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stderr


def busy_share(workers, replay_s, driver_s, width):
    """Of `workers`, the share of time that they replay in a round of `width` replays: batches of half of each worker's
    share of what is left; the driver takes `driver_s` for each replay, half when it is sent and half when it is back."""
    waiting = width
    driver_at = 0.0
    ends = []  # (time, replays of the batch)

    def send(now):
        nonlocal waiting, driver_at
        batch = min(waiting, max(1, waiting // (2 * workers)))
        waiting -= batch
        driver_at = max(driver_at, now) + batch * driver_s / 2
        heapq.heappush(ends, (driver_at + batch * replay_s, batch))

    for _ in range(workers):
        if waiting:
            send(0.0)
    while ends:
        now, batch = heapq.heappop(ends)
        driver_at = max(driver_at, now) + batch * driver_s / 2
        if waiting:
            send(driver_at)
    return width * replay_s / (workers * driver_at)


def most_workers(replay_s, driver_s, share=0.9, widths_per_worker=20):
    workers = 1
    while workers < 100_000 and busy_share(workers * 2, replay_s, driver_s, widths_per_worker * workers * 2) >= share:
        workers *= 2
    low, high = workers, workers * 2
    while high - low > max(1, low // 50):
        middle = (low + high) // 2
        if busy_share(middle, replay_s, driver_s, widths_per_worker * middle) >= share:
            low = middle
        else:
            high = middle
    return low


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("switchyard")
    parser.add_argument("--replays", type=int, default=4000)
    parser.add_argument("--scenario", default="azure-conv-x3")
    parser.add_argument("--ranks", default="2,16")
    options = parser.parse_args()
    search = [options.switchyard, "search", "--scenario", options.scenario, "--policy", "memory_headroom", "--method",
              "random"]
    with tempfile.TemporaryDirectory() as folder:
        def once(name, launch, more, budget):
            out = Path(folder) / f"{name}-{budget}"
            cpu, err = run([*launch, *search, "--replays", str(budget), *more, "--out", str(out)])
            timings = json.loads((out / "timings.json").read_text())
            return cpu, timings["seconds"], timings["replays"], err

        def timed(name, launch, more):
            """Processor and wall time of all of it, processor time a replay, replays, what was said."""
            short, _, few, _ = once(name, launch, more, max(100, options.replays // 10))
            cpu, wall, replays, err = once(name, launch, more, options.replays)
            return cpu, wall, (cpu - short) / (replays - few), replays, err

        threads_cpu, threads_s, replay_s, replays, _ = timed("threads", [], ["--threads", "2"])
        print(f"{options.scenario}, `--method random --replays {options.replays}`: {replays} replays, "
              f"{1e3 * replay_s:.2f} ms of a processor each.\n")
        print("| who replays | processor time, s | a replay, ms | efficiency by it | wall time, s | sent, bytes a replay | "
              "received | batches | driver, us a replay |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
        print(f"| 2 threads | {threads_cpu:.1f} | {1e3 * replay_s:.2f} | 100% | {threads_s:.1f} | - | - | - | - |")
        driver_us = []
        for ranks in map(int, options.ranks.split(",")):
            cpu, wall, each_s, _, err = timed(f"ranks{ranks}", ["mpirun", "--oversubscribe", "-n", str(ranks)], [])
            line = re.search(r"(\d+) batches; (\d+) bytes sent and (\d+) received a replay; .*; (\d+) us of the driver", err)
            if not line:
                sys.exit(f"bench/distribution.py: no line about batches on stderr (a build without MPI?):\n{err}")
            batches, sent, received, driver = line.groups()
            driver_us.append(int(driver))
            print(f"| {ranks} ranks | {cpu:.1f} | {1e3 * each_s:.2f} | {100 * replay_s / each_s:.0f}% | {wall:.1f} | {sent} | "
                  f"{received} | {batches} | {driver} |")
    driver_s = 1e-6 * driver_us[-1]  # with the most workers, whose batches are the smallest
    print(f"\nWith {1e6 * driver_s:.0f} us of the driver a replay, rounds of 20 replays a worker, and 90% of the workers' time:\n")
    print("| a replay takes | workers that one driver feeds |")
    print("|---:|---:|")
    for ms in sorted({1.0, 3.0, 10.0, 30.0, 100.0, round(1e3 * replay_s, 2)}):
        print(f"| {ms:g} ms | {most_workers(1e-3 * ms, driver_s)} |")
    print("\n| workers | replays a worker in a round | busy |")
    print("|---:|---:|---:|")
    for workers in (16, 100, 1000):
        for width in (1, 4, 20):
            share = busy_share(workers, replay_s, driver_s, width * workers)
            print(f"| {workers} | {width} | {100 * share:.0f}% |")


if __name__ == "__main__":
    main()

"""Two threads against two single-threaded processes side by side, in replays per second.

In each round two processes run BM_Replays/threads:1 at the same time, and one process runs BM_Replays/threads:2, the
order changing from round to round. A round's ratio is the rate of the two threads over the sum of both processes' rates.
"""

import argparse
import subprocess

from runs import bench_of, command, fail, median_interval, read_json


def rates(binary, threads, processes, min_time):
    pattern = f"BM_Replays/threads:{threads}$"
    started = [
        subprocess.Popen(command(binary, pattern, min_time), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(processes)
    ]
    total = 0.0
    for process in started:
        output, _ = process.communicate()
        if process.returncode != 0:
            fail(f"{binary}: exit code {process.returncode}")
        for record in next(iter(read_json(output, binary).values())):
            total += 1000 / (record["real_time"] / 1000)  # 1,000 replays in so many milliseconds of wall time
    return total


def main():
    parser = argparse.ArgumentParser(prog="bench/parallel.sh", description=__doc__.split("\n\n")[0])
    parser.add_argument("build", help="build folder")
    parser.add_argument("--rounds", type=int, default=9, help="rounds, at least 6 (default 9)")
    parser.add_argument("--min-time", type=float, default=2.0, help="seconds a run (default 2)")
    options = parser.parse_args()
    if options.rounds < 6:
        parser.error(f"--rounds: must be at least 6 for an interval of 95%, found {options.rounds}")
    binary = bench_of(options.build)
    ratios, best = [], 0.0
    for i in range(options.rounds):
        if i % 2 == 0:
            apart = rates(binary, 1, 2, options.min_time)
            together = rates(binary, 2, 1, options.min_time)
        else:
            together = rates(binary, 2, 1, options.min_time)
            apart = rates(binary, 1, 2, options.min_time)
        ratios.append(together / apart)
        best = max(best, together)
    middle, low, high = median_interval(ratios)
    print(f"2 threads reach {100 * middle:.1f}% of two processes, 95% interval [{100 * low:.1f}, {100 * high:.1f}] "
          f"({options.rounds} rounds; at best {best:.0f} replays/s)")


main()

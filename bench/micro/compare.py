"""Says which benchmarks differ between two builds beyond noise.

In each round both builds run the same benchmarks, in turn, the order changing from round to round. A round gives one
ratio of CPU times, new / base, a benchmark. Reported: the median ratio, and its distribution-free interval at 95% or
more (order statistics, as in the sign test). A benchmark has changed if that interval leaves out 1 and the median is
off by more than --least. Many benchmarks are tested at once: of those that did not change, expect one in twenty or
fewer to be outside by chance.
"""

import argparse

from runs import bench_of, median_interval, run


def main():
    parser = argparse.ArgumentParser(prog="bench/compare.sh", description=__doc__.split("\n\n")[0])
    parser.add_argument("base", help="build folder of the base")
    parser.add_argument("new", help="build folder of the change")
    parser.add_argument("--filter", default="BM_Yardstick|BM_Replay/.*/(llq|hra|shortest_expected_work)$|BM_Decision",
                        help="regular expression of benchmarks (default: the yardstick, replays of three policies, decisions)")
    parser.add_argument("--rounds", type=int, default=15, help="rounds, at least 6 (default 15)")
    parser.add_argument("--min-time", type=float, default=0.05, help="seconds a benchmark a run (default 0.05)")
    parser.add_argument("--least", type=float, default=0.01, help="smallest change that counts (default 0.01)")
    options = parser.parse_args()
    if options.rounds < 6:
        parser.error(f"--rounds: must be at least 6 for an interval of 95%, found {options.rounds}")
    binaries = {"base": bench_of(options.base), "new": bench_of(options.new)}

    ratios = {}
    for i in range(options.rounds):
        order = ["base", "new"] if i % 2 == 0 else ["new", "base"]
        times = {side: run(binaries[side], options.filter, options.min_time) for side in order}
        for name in times["base"]:
            if name in times["new"]:
                base, new = (times[side][name][0]["cpu_time"] for side in ("base", "new"))
                ratios.setdefault(name, []).append(new / base)

    changed = 0
    width = max(map(len, ratios))
    print(f"{'benchmark':{width}}  new / base  95% interval      verdict ({options.rounds} rounds)")
    for name, values in ratios.items():
        middle, low, high = median_interval(values)
        verdict = "same"
        if (low > 1 or high < 1) and abs(middle - 1) > options.least:
            verdict = "SLOWER" if middle > 1 else "faster"
            changed += 1
        print(f"{name:{width}}  {middle:10.3f}  [{low:.3f}, {high:.3f}]    {verdict}")
    print(f"{changed} of {len(ratios)} benchmarks changed")


main()

"""Turns the JSON of switchyard_bench into the performance table, as ratios to the yardstick.

usage: python3 bench/micro/table.py FILE.json
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path

from runs import fail, read_json

GOALS = {  # yardsticks at most
    "BM_Replay/azure-conv/llq": 2,
    "BM_Replay/azure-conv/hra": 5,
    "BM_Replay/azure-conv/shortest_expected_work": 5,
    "BM_Replay/azure-conv-x3/llq": 30,
    "BM_Replay/chat-pressure/llq": 20,
    "BM_Replay/conv-pressure/llq": 20,
    "BM_Replay/azure-conv-x3-v1/llq": 60,
    "BM_Replay/azure-conv-x3-v1-sync/llq": 60,
    "BM_MooncakeConversation/llq/async": 250,
    "BM_MooncakeConversation/llq/sync": 250,
    "BM_MooncakeConversation/prefix_cost/async": 400,
    "BM_MooncakeConversation/prefix_cost/sync": 400,
    "BM_LoadTraceWithIds/rows:12000": 1000,
}


def commit():
    return subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()


def ratio_to(yardstick, record):
    milliseconds = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3}[record["time_unit"]] * record["cpu_time"]
    return milliseconds / yardstick, milliseconds


def quantity(value):
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g} {unit}"
    return f"{value:.3g}"


def others(context):
    """What else the machine did, if much: it shows in milliseconds more than in yardsticks."""
    load, cpus = context.get("load_avg", [0])[0], context.get("num_cpus", 1)
    return f" The machine was busy: a load of {load:.0f} on {cpus} processors." if load > cpus else ""


def table(runs, context):
    if "BM_Yardstick" not in runs:
        fail("the file holds no BM_Yardstick, to which everything is a ratio")
    yardstick = statistics.median(ratio_to(1.0, record)[1] for record in runs["BM_Yardstick"])
    repetitions = len(runs["BM_Yardstick"])
    lines = [
        "# Performance",
        "Made by `bash bench/performance.sh`. One unit is the yardstick, a chain of 317,714 dependent additions of doubles (as",
        "many as the seed benchmark has batches under LLQ), timed in the same process on one thread; medians of CPU time over",
        f"{repetitions} repetitions in random order, and their range. Here the yardstick took {yardstick:.3f} ms. Each benchmark checks its result",
        f"before it is timed. Of the program at commit {commit()}.{others(context)}",
        "",
        "| benchmark | yardsticks | range | goal | items/s | batches/s | steps |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, records in sorted(runs.items()):
        if name == "BM_Yardstick" or name.startswith("BM_Replays"):
            continue
        ratios = [ratio_to(yardstick, record)[0] for record in records]
        middle = statistics.median(ratios)

        def counter(key):
            values = [record[key] for record in records if key in record]
            return quantity(statistics.median(values)) if values else ""

        goal = f"{GOALS[name]}" if name in GOALS else ""
        steps = f"{records[0]['steps']:.0f}" if "steps" in records[0] else ""
        lines.append(
            f"| `{name}` | {middle:.3g} | {min(ratios):.3g} - {max(ratios):.3g} | {goal} | {counter('items_per_second')} "
            f"| {counter('batches/s')} | {steps} |"
        )
    scale = {name: records for name, records in runs.items() if name.startswith("BM_Scale")}
    if scale:
        lines += ["", "Large clusters under LLQ, at the seed benchmark's load per replica:", ""]
        lines += ["| cluster | CPU time a request, ns | peak memory of the process, MiB |", "|---|---:|---:|"]
        for name, records in sorted(scale.items(), key=lambda item: len(item[0])):
            nanoseconds = statistics.median(1e9 / record["items_per_second"] for record in records)
            lines.append(f"| `{name}` | {nanoseconds:.0f} | {records[0]['peak_MiB']:.0f} |")
    prompts = {name: records for name, records in runs.items() if name.startswith("BM_MillionPrompts")}
    if prompts:
        lines += ["", "Prompts of 400 blocks with their ids, half of them shared; at most 2,048 MiB are asked for at a million:", ""]
        lines += ["| prompts | CPU time a request, ns | peak memory of the process so far, MiB |", "|---|---:|---:|"]
        for name, records in sorted(prompts.items(), key=lambda item: len(item[0])):
            nanoseconds = statistics.median(1e9 / record["items_per_second"] for record in records)
            lines.append(f"| `{name}` | {nanoseconds:.0f} | {min(record['peak MiB'] for record in records):.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        fail("usage: python3 bench/micro/table.py FILE.json")
    path = Path(sys.argv[1])
    if not path.is_file():
        fail(f"{path}: there is no such file")
    text = path.read_text()
    runs = read_json(text, path)
    print(table(runs, json.loads(text).get("context", {})))

# plan: the same bytes for any number of threads, resumed or not; what it answers, costs and refuses.
source "$(dirname "$0")/check.sh"
cd "$scratch"
short=(--scenario azure-conv --duration 60 --held-out-seeds 101-104 --quiet)
limits=(--constraint 'mean_e2e_s<=2.4')
plan() { "$switchyard" plan "${short[@]}" --policy llq,lor "${limits[@]}" "$@"; }
plan --counts 1-8 --threads 1 --out one >one.txt
plan --counts 1-8 --threads 2 --out two >two.txt
diff -r one two || fail "threads change the result"
same one.txt two.txt
for file in json csv md; do [ -s "one/plan.$file" ] || fail "no plan.$file"; done
holds one.txt '^llq +[0-9] +kept, least +[0-9.]+ \['
holds one.txt '^llq: [0-9] replicas shown to keep the limits'
# Bisection finds what measuring all sizes finds, from fewer of them.
plan --counts 1-8 --exhaustive --out all >all.txt
python3 - <<'END' || fail "bisection and exhaustion differ"
import json
some, every = (json.load(open(f + "/plan.json")) for f in ("one", "all"))
for a, b in zip(some["rows"], every["rows"], strict=True):
    for key in ("shown", "by_means", "possible"):
        assert a[key] == b[key], (a["policy"], key, a[key], b[key])
    assert len(a["points"]) < len(b["points"]) == 8
    known = {tuple(p["counts"]): p for p in b["points"]}
    assert all(known[tuple(p["counts"])] == p for p in a["points"])
END
# What is known is not replayed again: other sizes cost their own only.
plan --counts 1-4 --out part >part.txt
plan --counts 1-8 --out part --resume >resumed.txt
same resumed.txt one.txt
python3 - <<'END' || fail "plan --resume"
import sqlite3
known = ("SELECT key, policy, seed FROM replays JOIN experiments ON experiments.number = replays.experiment "
         "JOIN trials ON trials.number = replays.trial")
one, part = (sorted(sqlite3.connect(f + "/replays.db").execute(known)) for f in ("one", "part"))
assert len(set(part)) == len(part) and set(one) <= set(part), (len(one), len(part))
END
# Prices and GPUs: of a replica of two GPUs at 2.5 an hour, each replica costs 5 an hour, 120 a day.
plan --counts 1-8 --gpus 2 --gpu-price 2.5 --json >priced.json
python3 - <<'END' || fail "prices"
import json
plan = json.load(open("priced.json"))
assert plan["kinds"] == [{"name": "replicas", "least": 1, "most": 8, "gpus": 2, "gpu_price": 2.5}], plan["kinds"]
for row in plan["rows"]:
    for point in row["points"]:
        assert point["gpus"] == 2 * point["counts"][0]
        assert abs(point["price"] - 2.5 * point["gpu_hours"]) < 1e-9
        assert point["gpu_hours"] > point["gpus"] * 60 / 3600 * 0.8
END

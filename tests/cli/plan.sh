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
# A share of requests within limits of their own.
"$switchyard" plan "${short[@]}" --policy llq --objective 'goodput(ttft_s<=0.35)' --constraint 'goodput_share>=0.95' --counts 1-8 >share.txt
holds share.txt 'goodput_share>=0.95'
holds share.txt '^llq +1 +(broken|open) +0\.'
holds share.txt 'kept, least'
# A profile of two GPUs a replica says so.
"$switchyard" plan --arrivals poisson --qps 1 --lengths fixed --prompt-min 100 --output-min 10 --num-requests 20 --held-out-seeds 101 \
  --profile a100-llama3.1-70b-tp2 --policy llq "${limits[@]}" --counts 1-2 --quiet >tp.txt
holds tp.txt 'no verdict'
holds tp.txt ': 2 GPUs'
# Two kinds of replica: the cheapest numbers, and the best split of six, where bisection finds what asking for all does.
kinds=(--group count=1 --group count=1,slowdown=0.5 --policy llq)
"$switchyard" plan "${short[@]}" "${kinds[@]}" "${limits[@]}" --counts 0-4,0-2 --gpu-price 1,2.5 >kinds.txt
holds kinds.txt 'group 1 +group 2 +limits'
holds kinds.txt 'kept, least'
for how in --no-exhaustive --exhaustive; do
  "$switchyard" plan "${short[@]}" "${kinds[@]}" --counts 1-5,1-5 --total 6 $how --json >"split$how.json"
done
python3 - <<'END' || fail "the best split"
import json
some, every = (json.load(open(f"split--{how}exhaustive.json"))["rows"][0] for how in ("no-", ""))
means = {tuple(p["counts"]): p["value"]["value"] for p in every["points"]}
assert len(means) == 5 and all(sum(counts) == 6 for counts in means), means
assert some["best"] == every["best"] == list(min(means, key=means.get)), (some["best"], means)
END
# Replicas that prefill and replicas that decode are kinds like others. Where none decodes nobody is answered.
"$switchyard" plan --scenario split-prefill --duration 5 --policy llq --total 8 --counts 0-8,0-8 --held-out-seeds 101-102 --exhaustive --quiet >roles.txt
holds roles.txt '^policy +prefill +decode +mean_e2e_s'
holds roles.txt '^llq +0 +8 '
holds roles.txt '^llq +8 +0 +failed'
holds roles.txt '^llq: best split 3 prefill \+ 5 decode'
holds roles.txt '^Failed: llq with 8 prefill \+ 0 decode: no replica decodes$'
# Who ignores roles, or has nobody to decode, is refused in one line.
for words in "--policy hra|^switchyard: error: --policy: hra\(.*\): it ignores roles, and prefill and decode are apart" \
  "--policy llq --group count=2,role=prefill|^switchyard: error: --group: role: all replicas have the role prefill"; do
  code=0
  # shellcheck disable=SC2086  # several words
  "$switchyard" run --scenario split-prefill --duration 5 ${words%%|*} >refused.out 2>refused.txt || code=$?
  [ "$code" = 2 ] || fail "exit code $code of ${words%%|*}"
  holds refused.txt "${words#*|}"
  [ "$(wc -l <refused.txt)" = 1 ] && [ ! -s refused.out ] || fail "more than one line for ${words%%|*}"
done

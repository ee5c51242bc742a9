# suite, sweep and compare write the same bytes for any number of threads; lists of specs keep their parentheses.
source "$(dirname "$0")/check.sh"
"$switchyard" scenarios azure-conv | sed -E 's/"(duration_s)": 1000(\.0)?/"\1": 60/; s/"name": "[^"]*"/"name": "short-conv"/' >"$scratch/conv.json"
"$switchyard" scenarios azure-code | sed -E 's/"(duration_s)": 0(\.0)?/"\1": 600/; s/"name": "[^"]*"/"name": "short-code"/' >"$scratch/code.json"
policies='llq,hra(decode_ratio=0.5,safety=0.05),lor'
for threads in 1 2; do
  out="$scratch/$threads"
  common=(--threads "$threads" --quiet)
  "$switchyard" suite "$policies" --scenarios "$scratch/conv.json,$scratch/code.json" --seeds 101-103 "${common[@]}" \
    --out "$out/suite" >"$out-suite"
  "$switchyard" sweep --scenario "$scratch/conv.json" --policy "$policies" --qps 1,4,16 --held-out-seeds 101-103 \
    "${common[@]}" --out "$out/sweep" >"$out-sweep"
  "$switchyard" sweep --scenario "$scratch/code.json" --policy llq --time-scale 1,3 --held-out-seeds 0 "${common[@]}" \
    >"$out-trace"
  for format in table markdown csv json; do
    "$switchyard" compare llq lor 'hra(safety=0.05)' --scenario "$scratch/conv.json" \
      --held-out-seeds 101-103 "${common[@]}" --format "$format" >"$out-compare-$format"
  done
done
# The same by another figure, of which more is better, under a constraint that lor alone breaks.
goal=(--objective 'goodput(e2e_s<=3)' --constraint 'e2e_p99_s<=9' --quiet)
"$switchyard" suite "$policies" --scenarios "$scratch/conv.json,$scratch/code.json" --seeds 101-103 "${goal[@]}" \
  --out "$scratch/goal" >"$scratch/goal-suite"
holds "$scratch/goal-suite" 'goodput\(e2e_s<=3\) relative to LLQ.*above 1 is better'
holds "$scratch/goal-suite" '^infeasible +lor '
holds "$scratch/goal-suite" '^Infeasible: lor: short-conv: p99_e2e_s<=9 is '
holds "$scratch/goal/suite.json" '"constraints": "p99_e2e_s<=9"'
"$switchyard" sweep --scenario "$scratch/conv.json" --policy "$policies" --qps 1,4 --held-out-seeds 101-103 "${goal[@]}" \
  >"$scratch/goal-sweep"
holds "$scratch/goal-sweep" 'within limits to qps'
holds "$scratch/goal-sweep" '^llq .* all$'
holds "$scratch/goal-sweep" '^lor .* ! .* 1$'
holds "$scratch/goal-sweep" '^Infeasible: lor at qps 4: p99_e2e_s<=9 is '
# Nothing is measured against a figure of 0, and a sweep shows it.
bash "$(dirname "$0")/expect_error.sh" 'short-conv: goodput.e2e_s<=0.0003. of llq, .* is 0 on seed 101' \
  "$switchyard" suite llq,lor --scenarios "$scratch/conv.json" --seeds 101-103 --quiet --objective 'goodput(e2e_s<=0.0003)'
"$switchyard" sweep --scenario "$scratch/conv.json" --policy llq,lor --qps 1,4 --held-out-seeds 101-103 --quiet \
  --objective 'goodput(e2e_s<=0.0003)' >"$scratch/zero-sweep"
holds "$scratch/zero-sweep" '^lor +0\.000 .* not reached$'
! grep -E 'nan|inf' "$scratch/zero-sweep" || fail "a figure that is none"

diff -r "$scratch/1" "$scratch/2" || fail "threads change the result"
for file in suite sweep trace compare-table compare-markdown compare-csv compare-json; do
  same "$scratch/1-$file" "$scratch/2-$file"
done
for file in suite/suite sweep/sweep; do
  for ending in json csv md; do holds "$scratch/1/$file.$ending" 'hra\(decode_ratio=0.5,safety=0.05\)'; done
done
holds "$scratch/1-suite" '^1 .*'
holds "$scratch/1-suite" 'short-code: seeds 101-103'
holds "$scratch/1/suite/suite.json" '"policy": "clairvoyant_greedy'
holds "$scratch/1-sweep" 'qps 16 +bends at qps'
holds "$scratch/1-trace" 'over held-out seeds 0\.'
for format in table markdown; do holds "$scratch/1-compare-$format" '3 pairs by Holm'; done
holds "$scratch/1-compare-json" '"adjusted_p_value": '
! grep -E 'tuned on|training' "$scratch/1-compare-table" || fail "compare speaks of tuning"
# One seed: figures, but no intervals and no verdicts, and a sentence that says so; two seeds: a warning.
holds "$scratch/1-trace" 'One seed shows no spread: no intervals, and no verdicts'
holds "$scratch/1-trace" '^llq +[0-9.]+ \[-\] +[0-9.]+ \[-\] '
one=(--scenario "$scratch/conv.json" --held-out-seeds 101 --quiet)
"$switchyard" compare llq lor "${one[@]}" >"$scratch/one"
holds "$scratch/one" '^1 \(-\) +llq'
holds "$scratch/one" '^llq +lor .*\[-\] +- +-$'
"$switchyard" compare llq lor "${one[@]}" --json >"$scratch/one.json"
holds "$scratch/one.json" '"real": null'
holds "$scratch/one.json" '"not_distinguishable_from_rank": null'
! grep -E '"(low|high)": -?[0-9]' "$scratch/one.json" || fail "an interval over one seed"
"$switchyard" suite llq,lor --scenarios "$scratch/conv.json,$scratch/code.json" --seeds 101 --quiet >"$scratch/one-suite"
holds "$scratch/one-suite" '^1 \(-\) .*\[-\]'
"$switchyard" sensitivity 'hra(safety=0.05)' "${one[@]}" >"$scratch/one-sensitivity"
holds "$scratch/one-sensitivity" '[0-9]% \[-\]$'
"$switchyard" compare llq lor --scenario "$scratch/conv.json" --held-out-seeds 101-102 --quiet >"$scratch/two"
holds "$scratch/two" 'Warning: two seeds'
[ "$(grep -c '"against"' "$scratch/1-compare-json")" -eq 3 ] || fail "not every pair once"

# A sweep counts what was cut at all its loads.
cut_of() { "$switchyard" sweep --scenario azure-conv --duration 10 --held-out-seeds 101-103 --policy llq --qps "$1" --threads 1 --quiet --format json; }
for loads in 1,2 2,4 4,8 1,2,4; do cut_of "$loads" >"$scratch/cut-$loads"; done
python3 - "$switchyard" "$scratch" <<'END' || fail "requests that were cut"
import json, re, subprocess, sys
def of_load(qps):
    cut = total = 0
    for seed in 101, 102, 103:
        run = [sys.argv[1], "run", "--scenario", "azure-conv", "--duration", "10", "--policy", "llq", "--qps", str(qps), "--seed", str(seed)]
        workload = re.search(r"^workload.*$", subprocess.run(run, check=True, capture_output=True, text=True).stdout, re.M).group()
        found = re.search(r"(\d+) of (\d+) requests cut", workload)
        run.append("--json")
        total += json.loads(subprocess.run(run, check=True, capture_output=True).stdout)["num_requests"]
        cut += int(found.group(1)) if found else 0
    return cut, total
each = {qps: of_load(qps) for qps in (1, 2, 4, 8)}
for loads in "1,2", "2,4", "4,8", "1,2,4":
    cut, total = (sum(each[int(qps)][i] for qps in loads.split(",")) for i in (0, 1))
    workload = json.load(open(f"{sys.argv[2]}/cut-{loads}"))["workload"]
    assert cut > 0 and f"; {cut} of {total} requests cut to 4096 tokens" in workload, (loads, cut, total, workload)
END

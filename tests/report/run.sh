#!/usr/bin/env bash
# run.sh SWITCHYARD: makes runs and a search, whose names try to be more than text, and holds the report on them against
# what test_page.py expects of it.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
switchyard=$(realpath "$1")
for program in chromium chromedriver; do
  command -v "$program" >/dev/null || { echo "SKIPPED: $program is not installed (packages chromium, chromium-driver)"; exit 0; }
done
python=""
for candidate in python3 /usr/bin/python3; do
  [ -n "$python" ] || ! "$candidate" -c 'import selenium' 2>/dev/null || python=$candidate
done
[ -n "$python" ] || { echo "SKIPPED: Selenium is not installed (package python3-selenium)"; exit 0; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export SWITCHYARD_DATA=
cat >"$scratch/scenario.json" <<'END'
{"name": "<script>window.hacked = 1</script>\"'&amp;<img src=x onerror=\"window.hacked = 2\">",
 "cluster": {"replicas": 3, "replica_scheduler": "sarathi", "num_blocks": 1600},
 "workload": {"trace": "azure-conv", "arrivals": "lognormal", "lengths": "resample", "qps": 12, "duration_s": 60},
 "seeds": {"seed": 1, "train_seeds": "1-3", "held_out_seeds": "101-104"}}
END
results="$scratch/results <b onmouseover='window.hacked=3'>&lt;"
for policy in llq lor 'hra(safety=0.05)'; do
  "$switchyard" run --scenario "$scratch/scenario.json" --policy "$policy" --out "$results/runs/$policy" >/dev/null
done
"$switchyard" search --scenario "$scratch/scenario.json" --policy hra,memory_headroom --method random --trials 20 --quiet \
  --out "$results/search" >/dev/null
"$switchyard" suite llq,lor,hra --scenarios "$scratch/scenario.json" --seeds 101-104 --objective 'goodput(e2e_s<=20)' \
  --constraint 'p99_e2e_s<=25' --out "$results/suite" >/dev/null 2>&1
mkdir "$scratch/run"
printf 'arrived_at,num_prefill_tokens,num_decode_tokens,first_token_at,last_token_at\n0,160,40,0.02,0.5\n0.1,160,30,0.15,0.6\n' >"$scratch/run/requests.csv"
printf 't,running,waiting,kv_cache_pct\n0.2,2,0,0.5\n0.4,1,1,0.6\n' >"$scratch/run/timeseries.csv"
"$switchyard" validate "$scratch/run" --profile h100-qwen3-14b --out "$results/validation" >/dev/null
"$switchyard" report "$results" --out "$scratch/report.html"
"$python" "$here/test_page.py" "$scratch/report.html" "$results"

# A measured run replayed: a benchmark and a folder, as text and JSON, and the exit code.
source "$(dirname "$0")/check.sh"
refused=$(dirname "$0")/expect_error.sh
"$switchyard" profile fit vllm-bench.json --model qwen3-14b --gpu h100 --out "$scratch/p.json" 2>/dev/null
"$switchyard" validate vllm-bench.json --profile "$scratch/p.json" --max-error 3 >"$scratch/text"
holds "$scratch/text" '^39 requests of vllm bench serve, replayed with profile p\.json'
holds "$scratch/text" '^e2e_s +[0-9.]+ [0-9.]+ [+-][0-2]\.[0-9]%'
holds "$scratch/text" '^ttft_s +[0-9.]+ [0-9.]+ [+-][0-9]\.[0-9]%'
holds "$scratch/text" '^arrivals +0\.0 to .* requests, e2e mean'
holds "$scratch/text" '^simulated mean, s: front end 0\.00[6-9]'

# The kernels are found among those that are built in, or not; another GPU's are not taken.
"$switchyard" profile fit vllm-bench.json --model qwen3-14b --out "$scratch/found.json" 2>"$scratch/error"
holds "$scratch/error" '^kernels as those of h100-qwen3-14b; times theirs by$'
holds "$scratch/found.json" '"operators": \{'
"$switchyard" profile fit vllm-bench.json --model qwen3-14b --gpu l40s --out "$scratch/other.json" 2>"$scratch/error"
holds "$scratch/error" '^weights +[0-9.]+ ms +\+-'
holds "$scratch/other.json" '"tied_roofline": \{'
bash "$refused" '--tables: a fit needs --gpu' "$switchyard" profile fit vllm-bench.json --model qwen3-14b --tables .
operators=${SWITCHYARD_DATA-$(dirname "$0")/../../../shared/data}/operators
if [ -d "$operators" ]; then
  "$switchyard" profile fit vllm-bench.json --model qwen3-14b --tables "$operators" --gpu h100 --out "$scratch/tables.json" 2>"$scratch/error"
  holds "$scratch/error" '^kernels as those of h100_sxm-vllm0\.24\.0-gemm\.csv; times theirs by$'
fi

# Without its front end first tokens come too soon.
ttft() { python3 -c "import json,sys; print(json.load(open(sys.argv[1]))['metrics']['ttft_s']['mean']['error'])" "$1"; }
"$switchyard" validate vllm-bench.json --profile "$scratch/p.json" --json >"$scratch/with"
"$switchyard" validate vllm-bench.json --profile "$scratch/p.json" --json --no-front-end >"$scratch/without"
python3 -c "assert $(ttft "$scratch/without") < $(ttft "$scratch/with") - 0.05 and abs($(ttft "$scratch/with")) < 0.05" ||
  fail "ttft errors $(ttft "$scratch/with") and $(ttft "$scratch/without")"

# A folder on the engine's clock: two requests, the second waits for a step in flight and one planned.
mkdir "$scratch/run"
printf 'arrived_at,num_prefill_tokens,num_decode_tokens,first_token_at,last_token_at\n0,160,40,0.02,0.5\n0.1,160,30,0.15,0.6\n' \
  >"$scratch/run/requests.csv"
printf '{"hash_ids": [1,2,3,4,5,6,7,8,9,10]}\n{"hash_ids": [1,2,3,4,5,6,7,8,9,10]}\n' >"$scratch/run/workload.jsonl"
printf 't,running,waiting,kv_cache_pct\n0.2,2,0,0.5\n0.3,2,0,0.6\n' >"$scratch/run/timeseries.csv"
echo '{"engine_kwargs": {"max_num_seqs": 8}, "cache_config": {"num_gpu_blocks": 400, "enable_prefix_caching": true}}' >"$scratch/run/engine.json"
"$switchyard" validate "$scratch/run" --profile "$scratch/p.json" >"$scratch/folder"
holds "$scratch/folder" '^2 requests of engine log'
holds "$scratch/folder" 'running 0\.0, waiting 0\.0, KV [0-9.]+ points'
holds "$scratch/folder" '; 0 preemptions; 400 KV blocks'
code=0
"$switchyard" validate "$scratch/run" --profile "$scratch/p.json" --max-error 0.001 >/dev/null 2>"$scratch/error" || code=$?
[ "$code" = 1 ] || fail "--max-error: exit code $code"
holds "$scratch/error" 'mean e2e is off by [0-9.]+%, more than --max-error 0\.001'

# What --out leaves is what --json prints, and a page shows it.
"$switchyard" validate "$scratch/run" --profile "$scratch/p.json" --json --out "$scratch/validation" >"$scratch/json"
same "$scratch/json" "$scratch/validation/validation.json"
bash "$refused" "--out: " "$switchyard" validate "$scratch/run" --profile "$scratch/p.json" --out "$scratch/validation"
"$switchyard" report "$scratch/validation" --out "$scratch/page.html"
holds "$scratch/page.html" '"validations":\[\{"name":"[^"]*validation","validation":\{"version":1'

# The engine's log says what no flag does.
printf 'GPU KV cache size: 4,800 tokens\nmax_num_seqs=5, max_num_batched_tokens=512\n' >"$scratch/engine.log"
"$switchyard" validate vllm-bench.json --profile "$scratch/p.json" --engine-log "$scratch/engine.log" >"$scratch/logged"
holds "$scratch/logged" '; 300 KV blocks'
"$switchyard" profile fit vllm-bench.json --model qwen3-14b --engine-log "$scratch/engine.log" --out "$scratch/logged.json" 2>/dev/null
holds "$scratch/logged.json" '"kv_tokens": 4800'
bash "$refused" "validation.json: has no line" "$switchyard" validate vllm-bench.json --profile "$scratch/p.json" \
  --engine-log "$scratch/validation/validation.json"

# Tokens that came several at once are no steps.
python3 - vllm-bench.json "$scratch/grouped.json" <<'END'
import json, sys
run = json.load(open(sys.argv[1]))
run["itls"][0] = run["itls"][0][::4]
json.dump(run, open(sys.argv[2], "w"))
END
bash "$refused" "1 of 39 requests got their tokens several at once" "$switchyard" profile fit "$scratch/grouped.json" --model qwen3-14b

bash "$refused" "profile: is missing" "$switchyard" validate vllm-bench.json
bash "$refused" "give a run" "$switchyard" validate --profile "$scratch/p.json"
sed -i 's/^0.1,/-0.1,/' "$scratch/run/requests.csv"
bash "$refused" "requests.csv:3:1 'arrived_at'" "$switchyard" validate "$scratch/run" --profile "$scratch/p.json"

# Nothing is relative to a measured 0, and outputs of one token, or that came at once, have no time per token.
python3 - vllm-bench.json "$scratch" <<'END'
import json, sys
def variant(name, change):
    run = json.load(open(sys.argv[1]))
    change(run, len(run["ttfts"]))
    json.dump(run, open(f"{sys.argv[2]}/{name}.json", "w"))
variant("zero", lambda run, n: run.update(ttfts=[0] * n, itls=[[]] * n))
variant("single", lambda run, n: run.update(output_lens=[1] * n, itls=[[]] * n))
variant("at_once", lambda run, n: run.update(itls=[[]] * n))
END
code=0
"$switchyard" validate "$scratch/zero.json" --profile a100-qwen3-14b --max-error 5 --out "$scratch/zero" >"$scratch/text" 2>"$scratch/error" || code=$?
[ "$code" = 1 ] || fail "--max-error against 0: exit code $code"
holds "$scratch/error" '^mean e2e was measured as 0: there is no relative error'
holds "$scratch/text" '^e2e_s +0 [0-9.]+ - +0 [0-9.]+ - '
holds "$scratch/text" "^\|error\| of a request's e2e: - median, - p95"
python3 - "$switchyard" "$scratch" <<'END' || fail "errors against nothing"
import json, subprocess, sys
zero = json.load(open(f"{sys.argv[2]}/zero/validation.json"))
assert zero["metrics"]["e2e_s"]["mean"]["error"] is None and zero["metrics"]["e2e_s"]["mean"]["real"] == 0
assert zero["metrics"]["ttft_s"]["p99"]["error"] is None and zero["e2e_error_of_requests"] == {"p50": None, "p95": None}
assert zero["windows"][0]["metrics"]["e2e_s"]["mean"]["error"] is None
for name in "single", "at_once":
    run = [sys.argv[1], "validate", f"{sys.argv[2]}/{name}.json", "--profile", "a100-qwen3-14b", "--json"]
    metrics = json.loads(subprocess.run(run, check=True, capture_output=True).stdout)["metrics"]
    assert all(v is None for pair in metrics["tpot_s"].values() for v in pair.values()), (name, metrics["tpot_s"])
    assert metrics["ttft_s"]["mean"]["error"] is not None
END
"$switchyard" validate "$scratch/single.json" --profile a100-qwen3-14b >"$scratch/text" 2>/dev/null
holds "$scratch/text" '^tpot_s +- - - +- - - '
"$switchyard" report "$scratch/zero" --out "$scratch/zero.html"

# What is asked for wrongly is refused before any work.
for flag in max-error windows; do
  bash "$refused" "--$flag: 'nan' is not allowed" "$switchyard" validate vllm-bench.json --profile "$scratch/p.json" --$flag nan --out "$scratch/early"
done
[ ! -e "$scratch/early" ] || fail "a refused validation left a folder"

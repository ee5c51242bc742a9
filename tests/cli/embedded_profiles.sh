# The profiles of today's engines: each runs by its name, and is what the tables of operators give.
source "$(dirname "$0")/check.sh"
names=$("$switchyard" profile inspect | grep -E '^(a100|h100|h200|l40s)-(llama3\.1|qwen3)')
[ "$(wc -w <<<"$names")" = 16 ] || fail "16 profiles are wanted: $names"
for name in $names; do
  "$switchyard" run --workload good.csv --policy llq --profile "$name" >"$scratch/out"
  holds "$scratch/out" '^num_requests +8 '
  [ "$(stat -c %s "$(dirname "$0")/../../core/data/profile_$name.json")" -lt 100000 ] || fail "$name is above 100 kB"
done
# The model fits whose weights leave room on so many GPUs, and on no fewer.
grep -q '^h100-llama3.1-70b-tp2$' <<<"$names" || fail "llama3.1-70b takes two H100"
grep -q '^l40s-llama3.1-70b-tp4$' <<<"$names" || fail "llama3.1-70b takes four L40S"

operators=${SWITCHYARD_DATA-$(dirname "$0")/../../../shared/data}/operators
[ -d "$operators" ] || { echo "SKIPPED: there are no tables of operators"; exit 0; }
cp "$(dirname "$0")/../../core/data/make_profiles.sh" "$scratch"
bash "$scratch/make_profiles.sh" "$(realpath "$(command -v "$switchyard")")" "$(realpath "$operators")" 2>/dev/null
for name in $names; do same "$scratch/profile_$name.json" "$(dirname "$0")/../../core/data/profile_$name.json"; done
for prior in "$(dirname "$0")"/../../core/data/prior_*.json; do same "$scratch/$(basename "$prior")" "$prior"; done

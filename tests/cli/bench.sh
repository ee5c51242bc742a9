# bench/run.sh after its build, on embedded data: each policy, both searches, leaderboard and report.
source "$(dirname "$0")/check.sh"
export SWITCHYARD_DATA=
SWITCHYARD_EXECUTABLE=$switchyard SWITCHYARD_BENCH_OUT=$scratch/out SWITCHYARD_BENCH_TRIALS=2 \
  bash "$(dirname "$0")/../../bench/run.sh" >"$scratch/printed" 2>"$scratch/messages" ||
  { cat "$scratch/printed" "$scratch/messages"; fail "bench/run.sh"; }
[ "$(grep -cE '^  [a-z_]+ +[0-9]+\.[0-9]{3}$' "$scratch/printed")" -ge 9 ] || fail "fewer than 9 policies"
holds "$scratch/printed" '^rank +policy'
holds "$scratch/printed" 'Workload: embedded azure-conv'
holds "$scratch/printed" 'report\.html$'
[ -s "$scratch/out/report.html" ] || fail "no report"

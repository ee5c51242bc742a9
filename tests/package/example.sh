# The project of bench/example builds against the installed package, and its policy, another implementation of HRA, gives
# the built-in one's results to the last byte, and is searched and ranked like any other.
set -euo pipefail
build=$1 compiler=$2 sanitizers=${3:-}
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() { echo "WRONG: $*"; exit 1; }

[ -e "$build/switchyardConfig.cmake" ] || { echo "SKIPPED: no install rules, since dependencies were built from source"; exit 0; }
cmake --install "$build" --prefix "$scratch/installed" >/dev/null
cp -r "$source_dir/bench/example" "$scratch/example"
flags=(-DCMAKE_PREFIX_PATH="$scratch/installed" -DCMAKE_CXX_COMPILER="$compiler")
[ -z "$sanitizers" ] || flags+=("-DCMAKE_CXX_FLAGS=-fsanitize=$sanitizers")
cmake -S "$scratch/example" -B "$scratch/build" "${flags[@]}" >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "does not configure"; }
cmake --build "$scratch/build" >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "does not build"; }
mine=$scratch/build/my_switchyard
"$scratch/build/check_headroom" || fail "my_headroom does what a policy must not"

for scenario in azure-conv chat-pressure conv-pressure; do
  for values in decode_ratio=0.6,safety=0.03 decode_ratio=1,safety=0.05; do
    for policy in hra my_headroom; do
      "$mine" run --scenario "$scenario" --duration 60 --policy "$policy($values)" --force --out "$scratch/$policy" >/dev/null
    done
    for file in request_metrics.csv summary.json; do
      cmp "$scratch/hra/$file" "$scratch/my_headroom/$file" || fail "$scenario, $values: not hra's results"
    done
  done
done

"$mine" search --scenario azure-conv --duration 60 --policy my_headroom --trials 3 --quiet --json >"$scratch/board"
grep -q '"policy": "my_headroom(decode_ratio=0.6,safety=0.03)"' "$scratch/board" || fail "my_headroom is not ranked"
grep -q '"policy": "lor"' "$scratch/board" || fail "lor is not ranked"
grep -q 'expected output / prompt' <<<"$("$mine" policies my_headroom)" || fail "the policy is not described"

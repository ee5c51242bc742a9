# A ranking under draws from the error of its profile: what is written, that it is the same again, and a draw by name.
source "$(dirname "$0")/check.sh"
refused=$(dirname "$0")/expect_error.sh
export SWITCHYARD_DATA=
study() {
  "$switchyard" suite llq,lor,round_robin --scenarios azure-conv --seeds 101-103 --profile-uncertainty 3 --out "$1" >"$1.txt" 2>/dev/null
}
study "$scratch/a"
study "$scratch/b"
page=$scratch/a/profile_uncertainty.md
same "$page" "$scratch/b/profile_uncertainty.md"
holds "$page" 'The suite anew under 3 draws'
holds "$page" '^\| 1 \| `llq` \| 1-1 \| 1\.000 \| 1\.000-1\.000 \|'   # the yardstick is 1 under every draw
holds "$page" '^\| 3 \| `lor` \| 3-3 \| 1\.[0-9]+ \| 1\.[0-9]+-1\.[0-9]+ \| no \| 3 of 3 \|'
holds "$page" '^\| azure-conv \| `llq` \| 3 of 3 \|'

"$switchyard" run --scenario azure-conv --policy llq --num-requests 200 --profile a100-llama2-7b~2 >"$scratch/draw"
holds "$scratch/draw" '^cost +embedded profile a100-llama2-7b, draw 2'
bash "$refused" "draws are numbered from 1" "$switchyard" run --scenario azure-conv --policy llq --profile a100-llama2-7b~0

# What a search ranks, on one scenario and on several, and refused before it begins.
search() {
  "$switchyard" search --policy hra --duration 60 --train-seeds 1-2 --validation-seeds 51-52 --held-out-seeds 101-103 --replays 16 --quiet \
    --profile-uncertainty 2 "$@"
}
search --scenario azure-conv --out "$scratch/one" >"$scratch/one.txt" 2>"$scratch/one.page"
same "$scratch/one.page" "$scratch/one/profile_uncertainty.md"
holds "$scratch/one.page" 'The suite anew under 2 draws'
holds "$scratch/one.page" '^\| [1-4] \| `llq` \| [1-4]-[1-4] \| 1\.000 \| 1\.000-1\.000 \|'
holds "$scratch/one.page" '^\| [1-4] \| `hra\([a-z_0-9.,=]+\)` \|'
holds "$scratch/one.page" '^\| azure-conv \| `[a-z_0-9.,=()]+` \| [0-2] of 2 \|'
search --scenarios azure-conv,chat-pressure --out "$scratch/two" >"$scratch/two.txt" 2>"$scratch/two.page"
same "$scratch/two.page" "$scratch/two/profile_uncertainty.md"
holds "$scratch/two.page" '^\| chat-pressure \| `[a-z_0-9.,=()]+` \| [0-2] of 2 \|'
# Nothing else of the search moves.
"$switchyard" search --scenario azure-conv --policy hra --duration 60 --train-seeds 1-2 --validation-seeds 51-52 --held-out-seeds 101-103 \
  --replays 16 --quiet --out "$scratch/plain" >"$scratch/plain.txt"
same "$scratch/plain/leaderboard.json" "$scratch/one/leaderboard.json"
bash "$refused" "--profile-uncertainty: '0' is not allowed" "$switchyard" search --scenario azure-conv --policy hra --profile-uncertainty 0

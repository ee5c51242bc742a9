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

# A search writes the same bytes for any number of threads, in everything but timings.json; leaderboard shows them.
source "$(dirname "$0")/check.sh"
for threads in 1 2; do
  for method in 'random --trials 4' 'grid --grid-points 2'; do
    # shellcheck disable=SC2086
    "$switchyard" search --scenario azure-conv --duration 60 --policy llq,hra --method $method --train-seeds 1-3 \
      --held-out-seeds 101,103-105 --threads "$threads" --quiet --out "$scratch/$threads/${method%% *}" \
      >"$scratch/$threads-${method%% *}.table"
  done
done
for method in random grid; do
  same "$scratch/1-$method.table" "$scratch/2-$method.table"
  diff -r --exclude=timings.json "$scratch/1/$method" "$scratch/2/$method" || fail "$method: threads change the result"
  [ -s "$scratch/1/$method/timings.json" ] || fail "no timings.json"
done
for format in table markdown csv json; do
  "$switchyard" leaderboard "$scratch/1/random" "$scratch/1/grid" --format "$format" >"$scratch/$format"
  holds "$scratch/$format" 'hra\(decode_ratio='
  holds "$scratch/$format" 'llq'
done

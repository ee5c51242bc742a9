# A search that is killed again and again and resumed ends with the same bytes as one that is not, in everything but
# timings.json, with 1 and 2 threads.
source "$(dirname "$0")/check.sh"
search() {  # OUT THREADS MORE...
  "$switchyard" search --scenario chat-pressure --duration 150 --policy hra,memory_headroom --replays 240 --train-seeds 1-4 \
    --held-out-seeds 101-104 --threads "$2" --quiet --out "$1" "${@:3}" >"$1.table"
}
search "$scratch/whole" 2
same_study() {
  diff -r --exclude=timings.json "$scratch/whole" "$1" || fail "$1 is not what an uninterrupted search leaves"
  same "$scratch/whole.table" "$1.table"
}

RANDOM=7  # seeds the moments; where they fall in the search depends on the machine
for threads in 1 2; do
  folder=$scratch/killed-$threads
  kills=0
  for attempt in $(seq 40); do
    search "$folder" "$threads" --resume 2>/dev/null &
    child=$!
    # The search is a child of that subshell.
    sleep "0.$(printf '%03d' $((RANDOM % 120 + 10)))"
    running=$(pgrep -P "$child" || true)
    if [ -n "$running" ] && kill -9 $running 2>/dev/null; then kills=$((kills + 1)); fi
    { wait "$child" && [ -s "$folder/leaderboard.json" ] && break; } 2>/dev/null
    [ "$kills" -ge 10 ] && break
  done
  [ "$kills" -ge 3 ] || fail "killed only $kills times: the search is too short for this test"
  echo "killed $kills times"
  search "$folder" "$threads" --resume
  same_study "$folder"
done

# Once more on a study that is done: nothing is run, the same comes out.
search "$scratch/whole" 1 --resume
same_study "$scratch/killed-1"
grep -q '"replays": 0' "$scratch/whole/timings.json" || fail "a finished study was run again"

# What a study was started with cannot change under way, and a new one does not overwrite it.
refused() {  # PATTERN WORDS...
  if "${@:2}" >"$scratch/out" 2>"$scratch/err"; then fail "accepted: ${*:2}"; fi
  holds "$scratch/err" "$1"
}
refused "--resume: --study-seed: the study was started with 1, not 2" search "$scratch/whole" 2 --resume --study-seed 2
refused "scenario field cluster/replicas: the study was started with 4, not 5" search "$scratch/whole" 2 --resume --replicas 5
refused "holds a search already \(study.db\): --resume goes on with a search" search "$scratch/whole" 2
printf 'not a database, but long enough to be looked at as one' >"$scratch/text"
mkdir "$scratch/spoilt" && cp "$scratch/text" "$scratch/spoilt/study.db"
refused "spoilt/study.db" search "$scratch/spoilt" 2 --resume

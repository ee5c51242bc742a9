# (mpirun gives its processes a terminal of its own, so tables are compared as CSV.) Under MPI a search writes the bytes that one thread writes, for any number of processes, in everything but
# timings.json; also when it was killed and goes on with another number of them.
source "$(dirname "$0")/check.sh"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpirun --oversubscribe -n 2 true >/dev/null 2>&1 || { echo "SKIPPED: mpirun starts no processes here"; exit 0; }
many() {  # processes, words
  local processes=$1
  shift
  mpirun --oversubscribe -n "$processes" "$switchyard" "$@"
}
study=(search --scenario azure-conv --duration 60 --policy llq,memory_headroom --train-seeds 1-3
       --validation-seeds 51-52 --held-out-seeds 101-103 --format csv --quiet)
"$switchyard" "${study[@]}" --replays 60 --threads 1 --out "$scratch/one" >"$scratch/one.table"
for processes in 2 4; do
  many "$processes" "${study[@]}" --replays 60 --out "$scratch/$processes" >"$scratch/$processes.table" 2>"$scratch/$processes.err"
  same "$scratch/one.table" "$scratch/$processes.table"
  diff -r --exclude=timings.json "$scratch/one" "$scratch/$processes" || fail "$processes processes change the result"
  holds "$scratch/$processes.err" "$processes processes: [0-9]+ replays in [0-9]+ batches; [0-9]+ bytes sent"
done

# The process of a rank is killed in the middle, as soon as something has been written down: MPI ends the job. --resume
# goes on with another number of processes.
process_of() {  # FOLDER RANK
  local process
  for process in $(pgrep -f -- "--out $1"); do
    if grep -qzE "^(OMPI_COMM_WORLD_RANK|PMI_RANK)=$2\$" "/proc/$process/environ" 2>/dev/null; then
      echo "$process"
    fi
  done
}
kill_once() {  # FOLDER RANK: fails if the job had ended before
  local victim=
  rm -rf "$1"
  many 4 "${study[@]}" --replays 600 --out "$1" >/dev/null 2>&1 &
  local launcher=$!
  while [ -z "$victim" ] && kill -0 "$launcher" 2>/dev/null; do
    sleep 0.01
    victim=$(process_of "$1" "$2")
  done
  while kill -0 "$launcher" 2>/dev/null; do
    [ "$(stat -c %s "$1"/study.db* 2>/dev/null | sort -n | tail -1)" -gt 30000 ] 2>/dev/null && break
    sleep 0.01
  done
  [ -n "$victim" ] && kill -9 "$victim" 2>/dev/null || true
  ! wait "$launcher" 2>/dev/null && [ ! -e "$1/leaderboard.json" ]
}
killed() {  # NAME RANK PROCESSES_AFTERWARDS
  local folder=$scratch/killed-$1 turn
  for turn in 1 2 3 4 5 6; do  # on a busy machine the moment may be missed
    kill_once "$folder" "$2" && break
    [ "$turn" -lt 6 ] || fail "rank $2 was never killed in the middle: the search is too short for this test"
  done
  many "$3" "${study[@]}" --replays 600 --out "$folder" --resume >"$folder.table" 2>/dev/null
  same "$scratch/long.table" "$folder.table"
  diff -r --exclude=timings.json --exclude=study.db "$scratch/long" "$folder" || fail "a resumed study differs"
}
"$switchyard" "${study[@]}" --replays 600 --threads 1 --out "$scratch/long" >"$scratch/long.table"
killed driver 0 2
killed worker 2 3

# A fault is one line and exit code 2, and nobody waits for ever.
code=0
timeout 250 mpirun --oversubscribe -n 3 "$switchyard" search --scenario azure-conf --policy llq 2>"$scratch/err" || code=$?
[ "$code" -ne 0 ] && [ "$code" -ne 124 ] || fail "exit code $code"
holds "$scratch/err" "did you mean 'azure-conv'"

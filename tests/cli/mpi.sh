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
study=(search --scenario azure-conv --duration 60 --policy llq,memory_headroom --replays 60 --train-seeds 1-3
       --validation-seeds 51-52 --held-out-seeds 101-103 --format csv --quiet)
"$switchyard" "${study[@]}" --threads 1 --out "$scratch/one" >"$scratch/one.table"
for processes in 2 4; do
  many "$processes" "${study[@]}" --out "$scratch/$processes" >"$scratch/$processes.table" 2>"$scratch/$processes.err"
  same "$scratch/one.table" "$scratch/$processes.table"
  diff -r --exclude=timings.json "$scratch/one" "$scratch/$processes" || fail "$processes processes change the result"
  holds "$scratch/$processes.err" "$processes processes: [0-9]+ replays in [0-9]+ batches; [0-9]+ bytes sent"
done

# Killed in the middle, as soon as something has been written down.
many 3 "${study[@]}" --out "$scratch/killed" >/dev/null 2>&1 &
launcher=$!
for _ in $(seq 100); do
  [ -s "$scratch/killed/study.db" ] && break
  sleep 0.02
done
kill -9 "$launcher" 2>/dev/null || true
pkill -9 -f -- "--out $scratch/killed" || true
wait "$launcher" 2>/dev/null || true
many 2 "${study[@]}" --out "$scratch/killed" --resume >"$scratch/killed.table" 2>/dev/null
same "$scratch/one.table" "$scratch/killed.table"
diff -r --exclude=timings.json --exclude=study.db "$scratch/one" "$scratch/killed" || fail "a resumed study differs"

# A fault is one line and exit code 2, and nobody waits for ever.
code=0
timeout 60 mpirun --oversubscribe -n 3 "$switchyard" search --scenario azure-conf --policy llq 2>"$scratch/err" || code=$?
[ "$code" -ne 0 ] && [ "$code" -ne 124 ] || fail "exit code $code"
holds "$scratch/err" "did you mean 'azure-conv'"

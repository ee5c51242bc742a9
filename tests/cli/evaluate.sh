# An evaluator for outside optimisers: a line in, a line out, in order and at once, whatever the line.
source "$(dirname "$0")/check.sh"
evaluate() { "$switchyard" evaluate --scenario azure-conv --duration 30 --train-seeds 1-2 "$@"; }
{
  echo '{"id": 1, "policy": "hra(safety=0.05)"}'
  echo 'nonsense'
  echo '{"id": ["two"], "policy": "hrx"}'
  echo
  echo '{"policy": "llq", "seed": "1"}'
  echo '{"id": 3, "policy": "llq", "seeds": "9-8"}'
  echo '{"id": 4, "policy": 7}'
  echo '[1]'
  printf '{"id": "x\377", "policy": "llq"}\n'
  echo '{"id": 5, "seeds": "9", "policy": "hra(safety=0.05)"}'
  # An id goes back byte for byte, whatever else is wrong; what is beyond a double, or nested too deep, ends one line.
  echo '{"id":  [1.0e2, {"a":"\u00e9 ,"}] , "policy": "llq", "weight": 1e515}'
  echo '{"policy": "llq", "id": 12345678901234567890123}'
  python3 -c 'print("{\"id\": " + "[" * 80000 + "]" * 80000 + ", \"policy\": \"llq\"}")'
  echo '{"id": 6, "policy": "hra(safety=-0)"}'
  echo '{"id": 7, "policy": "hra(safety=0)"}'
  printf '\xef\xbb\xbf{"id": 8, "policy": "llq"}\n'
  printf '\xef\xbb\xbf{"id": 9, "policy": "lql"}\n'
} >"$scratch/questions"
evaluate <"$scratch/questions" >"$scratch/answers"
[ "$(wc -l <"$scratch/answers")" -eq 16 ] || { cat "$scratch/answers"; fail "not a line for each question"; }
line() { sed -n "$1p" "$scratch/answers" >"$scratch/line"; holds "$scratch/line" "$2"; }
line 1 '^\{"id":1,"policy":"hra\(decode_ratio=0.6,safety=0.05\)","seeds":"1-2","objective":[0-9.]+,"by_seed":\[[0-9.]+,[0-9.]+\],"metrics":\{"mean_e2e_s":'
line 2 '^\{"id":null,"error":"question 2:1:[0-9]+: not JSON'
line 3 '^\{"id":\["two"\],"error":".*did you mean .hra.'
line 4 'unknown key .seed.; did you mean .seeds.'
line 5 '^\{"id":3,"error":"seeds: .9-8. is not allowed'
line 6 '^\{"id":4,"error":"policy: must be text'
line 7 'a question is an object'
line 8 'not JSON'
line 9 '^\{"id":5,.*"seeds":"9",'
line 10 '^\{"id":\[1.0e2, \{"a":"\\u00e9 ,"\}\],"error":"question 10:1:[0-9]+: the number .1e515. is beyond what a double holds"'
line 11 '^\{"id":12345678901234567890123,"policy":"llq",'
line 12 '^\{"id":null,"error":"question 12:1:1: nested more than 100 deep"'
line 13 '"policy":"hra\(decode_ratio=0.6,safety=0\)"'
line 13 . && sed 's/"id":6/"id":7/' "$scratch/line" >"$scratch/minus_zero"
line 14 . && same "$scratch/minus_zero" "$scratch/line"
line 15 '^\{"id":8,"policy":"llq",'
line 16 '^\{"id":9,"error":".*unknown policy .lql.'
evaluate --threads 1 <"$scratch/questions" >"$scratch/one_thread"
same "$scratch/answers" "$scratch/one_thread"

# The answer comes before the next question.
coproc evaluate --objective 'goodput(ttft_s<=0.2)' --constraint 'p99_e2e_s<=0.001'
echo '{"policy": "llq"}' >&"${COPROC[1]}"
read -r -t 60 answer <&"${COPROC[0]}" || fail "no answer while the next question is not asked"
grep -qE '"infeasible":"p99_e2e_s<=0.001 is ' <<<"$answer" || fail "$answer"

# A report is one file that loads nothing, whose bytes depend on its folders only.
source "$(dirname "$0")/check.sh"
"$switchyard" run --scenario azure-conv --duration 60 --policy llq --out "$scratch/runs/llq" >"$scratch/out"
"$switchyard" run --scenario azure-conv --duration 60 --policy hra --out "$scratch/runs/hra" >"$scratch/out"
"$switchyard" search --scenario azure-conv --duration 60 --policy hra --method random --trials 3 --train-seeds 1-2 \
  --held-out-seeds 101-102 --quiet --threads 1 --out "$scratch/search" >"$scratch/out"
"$switchyard" report "$scratch/search" "$scratch/runs" --out "$scratch/report.html"
"$switchyard" report "$scratch/search" "$scratch/runs" --out "$scratch/again.html"
same "$scratch/report.html" "$scratch/again.html"
[ "$(wc -c <"$scratch/report.html")" -lt 2000000 ] || fail "the page has 2 MB or more"
holds "$scratch/report.html" "Content-Security-Policy"
holds "$scratch/report.html" '"distributions":\{'
! grep -nE '<(script|img|iframe|link)[^>]+(src|href)="?(https?:)?//|@import|url\(["'"'"']?https?:' "$scratch/report.html" || fail "the page loads something"

# A suite of one seed, whose figures have no intervals, is shown too.
"$switchyard" scenarios azure-conv | sed -E 's/"(duration_s)": 1000(\.0)?/"\1": 60/' >"$scratch/conv.json"
"$switchyard" suite llq,hra --scenarios "$scratch/conv.json" --seeds 101 --quiet --out "$scratch/suite" >"$scratch/out"
"$switchyard" report "$scratch/suite" --out "$scratch/suite.html"
holds "$scratch/suite.html" '"never_worse":null'

# The distributions of a search do not depend on the number of threads.
"$switchyard" search --scenario azure-conv --duration 60 --policy hra --method random --trials 3 --train-seeds 1-2 \
  --held-out-seeds 101-102 --quiet --threads 3 --out "$scratch/threads" >"$scratch/out"
same "$scratch/search/distributions.json" "$scratch/threads/distributions.json"

if "$switchyard" report "$scratch/runs" --out "$scratch/report.html/below" 2>"$scratch/out"; then fail "written below a file"; fi
holds "$scratch/out" 'report.html/below: cannot write the file'

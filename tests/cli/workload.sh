# Workloads as files: generated ones replay as their scenario does, Azure's columns become Vidur's, traces are shown.
source "$(dirname "$0")/check.sh"
"$switchyard" workload generate --scenario azure-conv --seed 7 --duration 60 --out "$scratch/w.csv"
"$switchyard" run --workload "$scratch/w.csv" --policy llq --json >"$scratch/replayed"
"$switchyard" run --scenario azure-conv --seed 7 --duration 60 --policy llq --json >"$scratch/generated"
same "$scratch/replayed" "$scratch/generated"

"$switchyard" workload convert azure.csv >"$scratch/converted"
holds "$scratch/converted" '^0,374,44$'
holds "$scratch/converted" '^4\.314579,396,109$'

"$switchyard" workload inspect good.csv >"$scratch/inspected"
holds "$scratch/inspected" '^requests +8$'

# --workload replaces a scenario's workload: here azure-conv's replicas replay the file.
"$switchyard" run --scenario azure-conv --workload good.csv --policy llq --json >"$scratch/replaced"
holds "$scratch/replaced" '"num_requests": 8'

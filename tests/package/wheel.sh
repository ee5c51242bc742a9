#!/usr/bin/env bash
# Builds a wheel and installs it in a fresh virtual environment, where it gives the figures of the command line; installs
# the tree itself in another. Compiles everything once more, so it is part of `tests/run.sh --all` alone. The first
# argument, if there is one, is a wheel that was built already.
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python=${PYTHON:-python3}
build=${SWITCHYARD_WHEEL_BUILD:-$scratch/cmake}  # a folder whose objects are used again, by the second build here at least
fail() {
  echo "WRONG: $*"
  exit 1
}

$python -m venv "$scratch/build"
if ! "$scratch/build/bin/pip" install -q build >"$scratch/log" 2>&1; then
  echo "SKIPPED: nothing can be installed from PyPI here"
  exit 0
fi
wheel=${1:-}
if [ -z "$wheel" ]; then
  "$scratch/build/bin/python" -m build --wheel --outdir "$scratch/dist" -C build-dir="$build" . >"$scratch/log" 2>&1 ||
    { tail -40 "$scratch/log"; fail "no wheel"; }
  wheel=$(ls "$scratch"/dist/*.whl)
fi
held=$("$python" -m zipfile -l "$wheel")  # not piped into grep -q, which ends at a match and breaks the pipe
for name in switchyard/__init__.py switchyard/py.typed switchyard/_core.pyi switchyard/vidur/command.py; do
  grep -q "^$name " <<<"$held" || fail "$wheel does not hold $name"
done

check() {  # VENV: what is installed there works, away from the tree
  local bin=$1/bin
  (
    cd "$scratch"
    "$bin/python" - <<'PYTHON'
import json
import subprocess
import sys

import switchyard as sy

assert "site-packages" in sy.__file__, sy.__file__
printed = json.loads(sy._core.command("run", ["--scenario", "azure-conv", "--policy", "llq", "--seed", "42", "--json"]))
assert sy.run("azure-conv", "llq", seed=42).summary == printed
answer = sy.search("azure-conv", ["memory_headroom"], workers=2, replays=20, duration=60, train_seeds="1-2",
                   validation_seeds="51-52", held_out_seeds="101-102")
assert answer.traffic["replays"] > 0
print("mean_e2e_s", printed["mean_e2e_s"])
PYTHON
    cp "$OLDPWD/tests/python/routers/llq.py" router.py
    "$bin/switchyard-vidur" router.py --out results --json >figures.json
  )
  grep -q mean_e2e_s "$scratch/figures.json" || fail "switchyard-vidur printed no figures"
}
$python -m venv "$scratch/wheel"
"$scratch/wheel/bin/pip" install -q "$wheel" || fail "pip install $wheel"
check "$scratch/wheel"
echo "the wheel works"
[ -z "${1:-}" ] || exit 0
$python -m venv "$scratch/tree"
"$scratch/tree/bin/pip" install -q -C build-dir="$build" . >"$scratch/log" 2>&1 || { tail -40 "$scratch/log"; fail "pip install ."; }
check "$scratch/tree"
echo "pip install . works"

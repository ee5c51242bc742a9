#!/usr/bin/env bash
# Builds and runs all tests.
#   --ci   also the short ones under AddressSanitizer and UndefinedBehaviorSanitizer
#   --all  also all of them under these and with Clang, those with threads under ThreadSanitizer, and the check of format
#          and lint
mode=${1:-}
extra_packages=(chromium chromium-driver dpkg-dev file libopenmpi-dev man-db openmpi-bin python3-dev python3-jsonschema python3-selenium
                python3-venv zsh)  # what tests check with; those that lack it are skipped
case "$mode" in
  "" | --ci) ;;
  --all) extra_packages+=(clang clang-format clang-tidy libclang-rt-14-dev) ;;
  *) echo "tests/run.sh: error: unknown flag '$mode' (known: --all, --ci)" >&2; exit 2 ;;
esac
source "$(dirname "$0")/../.cmake/setup.sh"

passed=0
failed=0
skipped=0
# check NAME [ctest options]: runs the tests of build/NAME and adds up.
check() {
  local folder=build/$1 log=build/$1.tests.log
  shift
  echo "== $folder"
  ctest --test-dir "$folder" --output-on-failure -j2 "$@" | tee "$log" | grep -vE '^ *Start|Passed ' || true
  passed=$((passed + $(grep -cE ' Passed +[0-9.]+ sec$' "$log" || true)))
  skipped=$((skipped + $(grep -cE '\*\*\*Skipped' "$log" || true)))
  failed=$((failed + $(grep -cE '\*\*\*(Failed|Exception|Timeout|Not Run)|\*\*\*[A-Za-z]+: ' "$log" || true)))
}
export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp"
sanitized() {
  build "$1" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSWITCHYARD_SANITIZE="$2" -DSWITCHYARD_BENCH=OFF
}

# The Python package's tests need Python's headers and what PyPI has; without these they are left out.
python=()
has_headers='import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_paths()["include"] + "/Python.h"))'
if python3 -m venv build/venv && build/venv/bin/python -c "$has_headers" &&
  build/venv/bin/pip install -q "dask[distributed]" nanobind numpy optuna pandas >build/venv.log 2>&1; then
  # Tests that lack one of these are skipped.
  build/venv/bin/pip install -q mpi4py mypy polars pyyaml ray >>build/venv.log 2>&1 || true
  python=(-DSWITCHYARD_PYTHON=ON -DPython_EXECUTABLE="$PWD/build/venv/bin/python")
else
  echo "SKIPPED: the tests of the Python package, for want of packages (build/venv.log)"
fi
mpi=OFF
command -v mpicxx >/dev/null && mpi=ON
build tests -DCMAKE_BUILD_TYPE=Release -DSWITCHYARD_DEVELOPER=ON -DSWITCHYARD_MPI=$mpi ${python[@]+"${python[@]}"}
check tests
if [ "$mode" = --ci ]; then
  sanitized asan address,undefined
  check asan -LE 'bench|docs|package|report'
fi
if [ "$mode" = --all ]; then
  sanitized asan address,undefined
  check asan
  sanitized tsan thread
  check tsan -LE 'property|golden|fuzz' -E 'session model: follows the traces'  # those take an hour, of one thread each
  build clang -DCMAKE_BUILD_TYPE=Release -DSWITCHYARD_DEVELOPER=ON -DCMAKE_CXX_COMPILER=clang++
  check clang
  echo "== wheel"
  if bash tests/package/wheel.sh; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  echo "== format and lint"
  if bash tests/style.sh; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]

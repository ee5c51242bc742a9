#!/usr/bin/env bash
# style.sh: the tree is formatted (.clang-format) and clean (.clang-tidy). Prints what is wrong, a line each; fails if
# anything is.
set -euo pipefail
cd "$(dirname "$0")/.."
# Clang cannot read the precompiled headers of GCC: compile commands without them, and what a build generates.
build=build/style
cmake -S . -B "$build" -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DSWITCHYARD_DEVELOPER=ON -DCMAKE_UNITY_BUILD=OFF -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON >/dev/null
cmake --build "$build" --target switchyard_build_facts >/dev/null
mapfile -t files < <(find core policies search bench results tests -name '*.cpp' -o -name '*.hpp')
wrong=0
for file in "${files[@]}"; do
  clang-format --dry-run -Werror "$file" >/dev/null 2>&1 || { echo "$file: not formatted"; wrong=1; }
done
# What must not compile, and what belongs to a project of its own, has no compile command.
printf '%s\n' "${files[@]}" | grep '\.cpp$' | grep -vE '^(tests/compile_fail|bench/example)/' |
  xargs -P 2 -n 4 clang-tidy -p "$build" --quiet 2>/dev/null || wrong=1
exit "$wrong"

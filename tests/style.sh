#!/usr/bin/env bash
# style.sh: the tree is formatted (.clang-format) and clean (.clang-tidy). Prints what is wrong, a line each; fails if
# anything is.
set -euo pipefail
cd "$(dirname "$0")/.."
# Clang cannot read the precompiled headers of GCC: compile commands without them, and what a build generates.
commands() {
  cmake -S . -B "$1" -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DSWITCHYARD_DEVELOPER=ON -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON "${@:2}" >/dev/null
  cmake --build "$1" --target switchyard_build_facts >/dev/null
}
commands build/style
commands build/style-alone -DCMAKE_UNITY_BUILD=OFF
mapfile -t files < <(find core policies search bench results tests -name '*.cpp' -o -name '*.hpp')
wrong=0
for file in "${files[@]}"; do
  clang-format --dry-run -Werror "$file" >/dev/null 2>&1 || { echo "$file: not formatted"; wrong=1; }
done
# All files, several at once as a build has them: reading the headers takes most of the time. What must not compile has
# no place there. Units of tests are not in the folder whose .clang-tidy is theirs: it is named here.
mapfile -t units < <(sed -n 's/^ *"file": "\(.*\)",\?$/\1/p' build/style/compile_commands.json | grep -v /compile_fail/)
tidy() {
  xargs -r -P 2 -n 1 clang-tidy -p build/style --quiet --checks="-bugprone-suspicious-include$1" \
    --header-filter='/(core|policies|search|bench|results|tests)/.*\.[ch]pp$' 2>/dev/null
}
printf '%s\n' "${units[@]}" | grep -v '/build/style/tests/' | tidy "" || wrong=1
printf '%s\n' "${units[@]}" | grep '/build/style/tests/' | tidy ",$(sed -n 's/^Checks: //p' tests/.clang-tidy)" || wrong=1
# Clang's analyser looks into the functions of the file that it is given, one at a time, for three times as long: the
# kernel, where what it finds would be a wrong result.
find core/api core/cluster core/cost -name '*.cpp' |
  xargs -P 2 -n 1 clang-tidy -p build/style-alone --quiet --checks='-*,clang-analyzer-*,-clang-analyzer-deadcode.DeadStores,-clang-analyzer-optin.performance.Padding' 2>/dev/null || wrong=1
exit "$wrong"

#!/usr/bin/env bash
# kernel_number.sh [--write]: the golden logs are those that kKernelNumber of core/cluster/kernel_number.hpp stands for, as
# KERNEL_NUMBER records it. With --write, records them anew: refused while a log that was recorded has other bytes and the
# number is the one before.
set -euo pipefail
cd "$(dirname "$0")"
export LC_ALL=C
header=../../../core/cluster/kernel_number.hpp
number=$(sed -n 's/.*kKernelNumber = \([0-9]*\);.*/\1/p' "$header")
present=$(echo "kernel number $number" && sha256sum ./*.log ./*/*.log)
[ "$present" = "$(cat KERNEL_NUMBER)" ] && exit 0
recorded=$(sed -n 's/^kernel number //p' KERNEL_NUMBER)
moved=$(sha256sum --quiet --ignore-missing --check <(sed 1d KERNEL_NUMBER) 2>/dev/null | sed 's/: .*//' || true)
if [ -n "$moved" ] && [ "$number" = "$recorded" ]; then
  echo "WRONG: results moved (" $moved "), but the kernel number is still $number: raise it in core/cluster/kernel_number.hpp"
  exit 1
fi
if [ "${1:-}" = --write ]; then
  echo "$present" >KERNEL_NUMBER
else
  echo "WRONG: KERNEL_NUMBER records other logs or another number: bash tests/golden/logs/kernel_number.sh --write"
  exit 1
fi

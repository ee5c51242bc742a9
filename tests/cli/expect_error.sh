#!/usr/bin/env bash
# expect_error.sh PATTERN COMMAND...: the command must exit with code 2, print nothing on stdout and one line on stderr,
# "switchyard: error: ...", that the extended regular expression PATTERN matches.
set -u
pattern=$1
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$@" >"$scratch/out" 2>"$scratch/err"
code=$?
wrong=""
[ "$code" -eq 2 ] || wrong="exit code $code, not 2"
[ -s "$scratch/out" ] && wrong="$wrong; something on stdout"
[ "$(wc -l <"$scratch/err")" -eq 1 ] || wrong="$wrong; not one line on stderr"
grep -qE '^switchyard: error: ' "$scratch/err" || wrong="$wrong; no 'switchyard: error: '"
grep -qE -- "$pattern" "$scratch/err" || wrong="$wrong; no match for $pattern"
head -c 2000 "$scratch/err"
[ -z "$wrong" ] || { echo "WRONG: $wrong"; exit 1; }

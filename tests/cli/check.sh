# Sourced by the scripts beside it: $switchyard, an empty folder $scratch, and ways to check.
set -euo pipefail
switchyard=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
  echo "WRONG: $*"
  exit 1
}

# same FILE FILE: the two hold the same bytes.
same() { cmp "$1" "$2" || fail "$1 and $2 differ"; }

# holds FILE PATTERN: some line of the file matches the extended regular expression.
holds() { grep -qE -- "$2" "$1" || { cat "$1"; fail "$1 does not hold $2"; }; }

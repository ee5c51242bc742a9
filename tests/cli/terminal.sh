# On a terminal: a table that fits, colour unless NO_COLOR is set, a progress line; elsewhere none of them.
source "$(dirname "$0")/check.sh"
command -v script >/dev/null && script -qec true /dev/null >/dev/null 2>&1 ||
  { echo "SKIPPED: script, which makes a terminal, is missing or cannot make one"; exit 0; }
search="$switchyard search --scenario azure-conv --policy hra --trials 3 --duration 60"
on_terminal() { script -qec "stty cols $1; $2" /dev/null | tr -d '\r'; }

on_terminal 70 "TERM=xterm NO_COLOR= $search --quiet" >"$scratch/colour"
grep -q $'\x1b\\[1mpolicy' "$scratch/colour" || fail "no colour on a terminal"
on_terminal 70 "TERM=xterm NO_COLOR=1 $search --quiet" >"$scratch/plain"
! grep -q $'\x1b' "$scratch/plain" || fail "colour in spite of NO_COLOR"
holds "$scratch/plain" '^Not shown at this width: .*restarts'
widest=$(sed '/^Not shown/,$d' "$scratch/plain" | awk '{if (length > most) most = length} END {print most}')
[ "$widest" -le 70 ] || fail "$widest columns on a terminal of 70"

$search >"$scratch/file" 2>"$scratch/messages"
! grep -q $'\x1b' "$scratch/file" "$scratch/messages" || fail "escape sequences in a file"
holds "$scratch/file" 'e2e training s .*restarts'

# Long enough for a progress line (it first shows after 0.3 s).
long="$switchyard search --scenario azure-conv --policy hra --trials 150"
on_terminal 80 "$long >/dev/null" >"$scratch/progress"
holds "$scratch/progress" '[0-9]+ of [0-9]+ .*[0-9]+ a second, .*[0-9]+ s left'
on_terminal 80 "$long --quiet >/dev/null" >"$scratch/quiet"
[ ! -s "$scratch/quiet" ] || { cat "$scratch/quiet"; fail "--quiet is not quiet"; }

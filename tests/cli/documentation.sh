# The manual page and the completions name every command and flag, and the programs that read them take them.
source "$(dirname "$0")/check.sh"
"$switchyard" man >"$scratch/switchyard.1"
"$switchyard" completion bash >"$scratch/bash"
"$switchyard" completion zsh >"$scratch/_switchyard"
commands=$("$switchyard" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
for command in $commands; do
  holds "$scratch/switchyard.1" "^\.SS $command\$"
  for flag in $("$switchyard" "$command" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p'); do
    grep -qF "${flag//-/\\-}" "$scratch/switchyard.1" || fail "the manual page lacks $flag of $command"
    grep -qE -- "'$flag=?\[" "$scratch/_switchyard" || fail "zsh's completion lacks $flag of $command"
  done
done

# What bash offers after these words.
complete_words() {
  bash -c 'source "$1"; shift; COMP_WORDS=(switchyard "$@"); COMP_CWORD=$#; _switchyard; printf "%s\n" "${COMPREPLY[@]}"' \
    - "$scratch/bash" "$@" >"$scratch/offered"
}
offers() { grep -qxF -- "$1" "$scratch/offered" || { cat "$scratch/offered"; fail "$1 is not offered"; }; }
complete_words se; offers search
complete_words run --repl; offers --replicas; offers --replica-scheduler
complete_words run --scenario azure-conv-; offers azure-conv-x3
complete_words run --policy round; offers round_robin
complete_words search --policy hra,ll; offers hra,llq
complete_words policies memory; offers memory_headroom
complete_words run --arrivals po; offers poisson
complete_words run --workload goo; offers good.csv

if command -v zsh >/dev/null; then
  zsh -n "$scratch/_switchyard" || fail "zsh cannot read its completion"
  # A terminal in which Tab is pressed.
  cat >"$scratch/tab.zsh" <<'END'
zmodload zsh/zpty
zpty tab zsh -f -i
zpty -w tab "PS1=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; print rea''dy"
zpty -r tab line '*ready*'
zpty -w -n tab $'switchyard run --replica-s\t orca --arrivals gam\t'
zpty -r tab line '*--replica-scheduler*orca*gamma*' && print completed
zpty -d tab
END
  timeout 30 zsh -f "$scratch/tab.zsh" "$scratch" >"$scratch/zsh" 2>&1 || true
  holds "$scratch/zsh" '^completed$'
fi
if command -v man >/dev/null; then
  MANWIDTH=100 man --warnings -l "$scratch/switchyard.1" >"$scratch/page" 2>"$scratch/warnings"
  [ ! -s "$scratch/warnings" ] || { cat "$scratch/warnings"; fail "man warns"; }
  holds "$scratch/page" "switchyard run --scenario azure-conv --policy 'hra\(decode_ratio=0.6,safety=0.03\)'"
fi

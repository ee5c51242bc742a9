# The Debian packages, unpacked into an empty root: the command runs there on its own data, the manual page and the
# completions are where their readers look, and what it depends on is named.
set -euo pipefail
build=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() { echo "WRONG: $*"; exit 1; }

for program in cpack dpkg-deb dpkg-shlibdeps file; do
  command -v "$program" >/dev/null || { echo "SKIPPED: $program is not installed"; exit 0; }
done
[ -e "$build/CPackConfig.cmake" ] || { echo "SKIPPED: no install rules, since dependencies were built from source"; exit 0; }
cpack --config "$build/CPackConfig.cmake" -G DEB -B "$scratch/packages" >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "cpack"; }
deb=$(echo "$scratch"/packages/switchyard_*.deb)
dev=$(echo "$scratch"/packages/switchyard-dev_*.deb)
root=$scratch/root
dpkg-deb -x "$deb" "$root"

depends=$(dpkg-deb -f "$deb" Depends)
for library in libc6 libtbb libfmt libboost-program-options libstdc++6; do
  [[ $depends == *"$library"* ]] || fail "the package does not depend on $library: $depends"
done
[[ $(dpkg-deb -f "$dev" Depends) == *"switchyard (= "* ]] || fail "the -dev package goes with any version"

cd /
clean() { env -i PATH="$root/usr/bin:/usr/bin:/bin" SWITCHYARD_DATA= "$@"; }
clean switchyard run --scenario azure-conv --policy llq --json >"$scratch/summary"
grep -q '"num_requests": [1-9]' "$scratch/summary" || fail "azure-conv does not run from the package"
grep -q '^switchyard [0-9]' <<<"$(clean switchyard --version)" || fail "no version"

grep -q '^\.TH SWITCHYARD 1' <<<"$(gzip -dc "$root/usr/share/man/man1/switchyard.1.gz")" || fail "no manual page"
if command -v man >/dev/null; then
  man -M "$root/usr/share/man" -w switchyard | grep -q "^$root/usr/share/man/man1/switchyard.1.gz$" || fail "man does not find the page"
fi
clean bash -c 'source "$1"; COMP_WORDS=(switchyard sea); COMP_CWORD=1; _switchyard; [ "${COMPREPLY[*]}" = search ]' - \
  "$root/usr/share/bash-completion/completions/switchyard" || fail "bash completion"
grep -qx '#compdef switchyard' <<<"$(head -n 1 "$root/usr/share/zsh/vendor-completions/_switchyard")" || fail "zsh completion"

dpkg-deb -x "$dev" "$root"
for file in include/switchyard/core/api/policy.hpp lib/libswitchyard_cli.a lib/cmake/switchyard/switchyardConfig.cmake; do
  [ -s "$root/usr/$file" ] || fail "the -dev package lacks $file"
done

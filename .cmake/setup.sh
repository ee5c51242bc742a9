# Sourced by bench/run.sh and tests/run.sh: installs what is missing (Debian, Ubuntu), or says what is. The caller may
# name more packages in extra_packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(g++ cmake ninja-build libtbb-dev libboost-program-options-dev nlohmann-json3-dev libfmt-dev zlib1g-dev
          libeigen3-dev libxxhash-dev libmuparser-dev libsqlite3-dev libbenchmark-dev node-d3 catch2
          ${extra_packages[@]+"${extra_packages[@]}"})
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "Needed, by Debian's names of the packages: ${missing[*]}. What CMake does not find, it fetches." >&2
  else
    as_root=""
    [ "$(id -u)" = 0 ] || as_root=sudo
    echo "Installing ${missing[*]}" >&2
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  fi
fi

# build NAME [CMake options]: configures and builds build/NAME.
build() {
  local folder=build/$1
  shift
  cmake -S . -B "$folder" -G Ninja "$@" >"$folder.log" 2>&1 || { cat "$folder.log" >&2; return 1; }
  cmake --build "$folder" >>"$folder.log" 2>&1 || { tail -n 60 "$folder.log" >&2; return 1; }
}
mkdir -p build

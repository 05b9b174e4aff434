#!/usr/bin/env bash
# Builds a plugin and a host with the interface as it is now, and stores them
# in its version's folder; refuses to replace what is stored there.
set -euo pipefail
cd "$(dirname "$0")"

version=$(sed -n 's/^version = "\([0-9]*\.[0-9]*\)\..*/\1/p' ../../sdk/abi/Cargo.toml)
target=$(rustc -vV | sed -n 's/^host: //p')
folder="$version/$target"
if [ -e "$folder" ]; then
    echo "$folder is there already; a stored version is never built again" >&2
    exit 1
fi

# Nothing of the machine that built them stays in what is stored.
repository=$(cd ../.. && pwd)
cargo_home="${CARGO_HOME:-$HOME/.cargo}"
export RUSTFLAGS="--remap-path-prefix=$repository=/spacetime --remap-path-prefix=$cargo_home=/cargo"

build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
for project in plugin host; do
    cp ../../Cargo.lock "$project/Cargo.lock"
    CARGO_TARGET_DIR="$build" cargo build --release --manifest-path "$project/Cargo.toml"
done
mkdir -p "$folder"
cp "$build/release/libstored.so" "$build/release/stored-host" "$folder/"
echo "stored $folder"

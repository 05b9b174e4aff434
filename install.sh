#!/bin/sh
# Installs the miner, its plugins, its node and the SDK for authors of plugins.
set -eu

usage() {
    cat <<'END'
usage: ./install.sh [--prefix DIR] [--from DIR]
       ./install.sh --uninstall [--prefix DIR]

  --prefix DIR   where to [default: /usr/local]
  --from DIR     install what was built there, such as target/release, instead
                 of building it
  --uninstall    remove what was installed, and nothing else
END
}

fail() {
    echo "error: $*" >&2
    exit 1
}

# A path as it is meant here, before this script changes the folder.
absolute() {
    case $1 in
        /*) echo "$1" ;;
        *) echo "$PWD/$1" ;;
    esac
}

prefix=/usr/local
from=
uninstall=
while [ $# -gt 0 ]; do
    case $1 in
        --prefix | --from)
            [ $# -gt 1 ] || { usage >&2; exit 2; }
            case $1 in
                --prefix) prefix=$(absolute "$2") ;;
                --from) from=$(absolute "$2") ;;
            esac
            shift
            ;;
        --uninstall) uninstall=1 ;;
        -h | --help) usage; exit ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
cd "$(dirname "$0")"

plugins=$prefix/lib/spacetime-miner/plugins
share=$prefix/share/spacetime-miner
# The files outside `share` that were installed, one a line.
list=$share/installed.txt

# Removes the files of a list that are not in another one.
remove_listed() {
    while IFS= read -r file; do
        grep -qxF -e "$file" "$2" || rm -f "$file"
    done <"$1"
}

if [ -n "$uninstall" ]; then
    [ -f "$list" ] || fail "nothing is installed in $prefix: there is no $list"
    remove_listed "$list" /dev/null
    rm -rf "$share"
    # Unless somebody else has put something there.
    rmdir "$plugins" "$prefix/lib/spacetime-miner" 2>/dev/null || true
    echo "Removed the miner from $prefix; keys, plots and manifests stay where they are"
    if [ -d "$plugins" ]; then
        echo "There are other plugins in $plugins"
    fi
    exit
fi

case $(uname -s) in
    Darwin) suffix=dylib ;;
    *) suffix=so ;;
esac
packages=
for folder in plugins/*/; do
    packages="$packages spacetime-$(basename "$folder")"
done

if [ -z "$from" ]; then
    arguments=
    for package in spacetime-miner spacetime-node $packages; do
        arguments="$arguments -p $package"
    done
    # The words are cargo's arguments, one by one.
    # shellcheck disable=SC2086
    cargo build --release $arguments
    from=${CARGO_TARGET_DIR:-target}/release
fi

library() {
    echo "lib$(echo "$1" | tr - _).$suffix"
}
# Before anything is changed: half of a new version beside an old one is neither.
there() {
    [ -f "$1" ] || fail "there is no $1: build it first, or leave --from out"
}
for program in spacetime-miner spacetime-node; do
    there "$from/$program"
done
for package in $packages; do
    there "$from/$(library "$package")"
done

umask 022
mkdir -p "$prefix/bin" "$plugins" "$prefix/share"
new=$prefix/share/.spacetime-miner.new
rm -rf "$new"
mkdir "$new"
trap 'rm -rf "$new"' EXIT

# Puts a file in its place in one step, so that a miner that runs with the old
# one goes on with it.
put() {
    cp "$1" "$2.new"
    chmod "$3" "$2.new"
    mv -f "$2.new" "$2"
    echo "$2" >>"$new/installed.txt"
}

for program in spacetime-miner spacetime-node; do
    put "$from/$program" "$prefix/bin/$program" 755
done
for package in $packages; do
    name=$(library "$package")
    put "$from/$name" "$plugins/$name" 644
done

# The folder is laid out as this one is, so that what its files say of each
# other holds there, too.
copy() {
    find "$@" -name target -prune -o -path 'sdk/*/tests' -prune -o \
        -path 'examples/*/Cargo.lock' -o -type f -print | while IFS= read -r file; do
        mkdir -p "$new/$(dirname "$file")"
        # With its time, by which cargo tells whether it has changed.
        cp -p "$file" "$new/$file"
        chmod 644 "$new/$file"
    done
}
copy README.md CHANGELOG.md LICENSE Cargo.lock miner.ron docs examples sdk plugins/*/README.md
# The workspace without what is not there. Its profiles and versions stay.
awk '
    /^members = \[/ { print; members = 1; next }
    members && !/^(    "sdk|\])/ { next }
    /^\]/ { members = 0 }
    /^(default-members|exclude) = / { next }
    /^\[workspace.package\]/ { begun = 1 }
    /^#/ && !begun { next }
    { print }
' Cargo.toml >"$new/Cargo.toml"
chmod 644 "$new/Cargo.toml" "$new/installed.txt"

# What an earlier version had and this one has not.
if [ -f "$list" ]; then
    remove_listed "$list" "$new/installed.txt"
fi
rm -rf "$share"
mv "$new" "$share"
trap - EXIT

echo "Installed $("$prefix/bin/spacetime-miner" --version) in $prefix"
case :$PATH: in
    *:"$prefix/bin":*) ;;
    *) echo "Its programs are in $prefix/bin, which is not in your PATH" ;;
esac
echo "To mine: cp '$share/miner.ron' . && spacetime-miner run"
echo "To write a plugin: spacetime-miner plugin new NAME --kind strategy"

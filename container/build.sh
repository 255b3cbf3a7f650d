#!/bin/sh
# What goes into the image, put below a folder: `build.sh IP2P ROOT [--cuda]`. Needs python3 with pip. The container file
# runs it; so does whoever has no container engine, to see that its steps work.
set -eu

ip2p=$1
root=$2
kind=${3:-}

mkdir -p "$root/usr/bin" "$root/opt"
cp "$ip2p" "$root/usr/bin/ip2p"
chmod 755 "$root/usr/bin/ip2p"
# shellcheck disable=SC2086 # No kind is no argument.
XDG_CACHE_HOME="$root/opt" "$root/usr/bin/ip2p" setup $kind
# Any user of the image may read what is in it.
chmod -R a+rX "$root"
# What was fetched lies where it will be looked for.
test -n "$(find "$root/opt/ip2p-sweep" -name "libonnxruntime.so*")"

#!/bin/sh
# Becomes the botctl of this machine's platform package: the process that was started is botctl, and gets its signals.
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=${self%/*}/$link ;; esac
done
case $(uname -sm) in
  "Linux x86_64") name=linux-x64 ;;
  "Linux aarch64" | "Linux arm64") name=linux-arm64 ;;
  "Darwin x86_64") name=darwin-x64 ;;
  "Darwin arm64") name=darwin-arm64 ;;
  *) echo "botctl: error: no binary for this platform: $(uname -sm)" >&2; exit 126 ;;
esac
# Where Node would look for it, from this package upwards.
dir=$(cd -P "${self%/*}/.." && pwd)
while :; do
  [ -x "$dir/node_modules/@botctl/$name/bin/botctl" ] && exec "$dir/node_modules/@botctl/$name/bin/botctl" "$@"
  [ -n "$dir" ] || break
  dir=${dir%/*}
done
echo "botctl: error: the package @botctl/$name is not installed" >&2
echo "botctl: hint: install botctl without --omit=optional, on the platform that it is to run on" >&2
exit 127

#!/usr/bin/env bash
# Installs a build into a folder and uses it as a stranger would. usage: package.sh BUILD FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
prefix=$2

cmake --install "$build" --prefix "$prefix" >/dev/null
for file in bin/davit sbin/davitd share/man/man1/davit.1 share/man/man1/davit-jobs.1 \
  share/bash-completion/completions/davit libexec/davit/davit-run libexec/davit/davit-worker include/davit/provider.h share/davit/template/CMakeLists.txt; do
  [ -e "$prefix/$file" ] || { echo "not installed: $file" >&2; exit 1; }
done
find "$prefix" -name local.so | grep -q . || { echo "not installed: local.so" >&2; exit 1; }
# Tests can kill what is built for them where they like, and nobody what is shipped.
if grep -rlaE 'DAVIT_KILL|before_commit|http_after_send' "$prefix/bin" "$prefix/sbin" "$prefix/libexec" >&2; then
  echo "a released program has kill points" >&2
  exit 1
fi
if grep -rIl "$PWD" "$prefix" >&2; then
  echo "an installed text names the source folder" >&2
  exit 1
fi

# The installed daemon finds its companions beside itself.
home=$prefix/site
mkdir -p "$home/providers.d"
cat >"$home/davit.yaml" <<YAML
data_dir: data
listeners:
  - {address: 127.0.0.1, port: 0, default_provider: local}
YAML
echo 'provider: local' >"$home/providers.d/local.yaml"
"$prefix/bin/davit" serve --config "$home/davit.yaml" 2>"$home/log" &
daemon=$!
trap 'kill $daemon 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  port=$(sed -n 's/.*HTTP-LISTEN.*port=\([0-9]*\).*/\1/p' "$home/log")
  [ -n "$port" ] && curl -fsS "http://127.0.0.1:$port/readyz" >/dev/null 2>&1 && break
  kill -0 $daemon || { cat "$home/log" >&2; exit 1; }
  sleep 0.1
done
# What is released leaves no core, and only root looks into it.
grep -q '^Max core file size *0 ' "/proc/$daemon/limits" || { echo "davitd may dump its core" >&2; exit 1; }
[ "$(stat -c %u "/proc/$daemon/environ")" = 0 ] || { echo "davitd can be looked into" >&2; exit 1; }
"$prefix/bin/davit" providers --json --host "http://127.0.0.1:$port" | grep -q '"state":"loaded"' ||
  { cat "$home/log" >&2; exit 1; }

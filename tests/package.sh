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
# Tests can kill what is built for them where they like, or hurry it, and nobody what is shipped.
if grep -rlaE 'DAVIT_KILL|DAVIT_PACE|before_commit|http_after_send' "$prefix/bin" "$prefix/sbin" "$prefix/libexec" >&2; then
  echo "a released program has kill points, or can be hurried" >&2
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
other=
trap 'kill $daemon 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  port=$(sed -n 's/.*HTTP-LISTEN.*port=\([0-9]*\).*/\1/p' "$home/log")
  [ -n "$port" ] && curl -fsS "http://127.0.0.1:$port/readyz" >/dev/null 2>&1 && break
  kill -0 $daemon || { cat "$home/log" >&2; exit 1; }
  sleep 0.1
done
# What is released leaves no core, and nobody of the same user looks into it. Root sees everything, so
# root looks as another: at a daemon of that other, with a provider in a worker.
shielded() { # shielded PID COMMAND…: COMMAND is what runs as the user of PID
  local pid=$1
  shift
  grep -q '^Max core file size *0 ' "/proc/$pid/limits" || { echo "$pid may dump its core" >&2; return 1; }
  for file in environ maps; do
    if "$@" head -c 1 "/proc/$pid/$file" >/dev/null 2>&1; then
      echo "$pid can be looked into: $file" >&2
      return 1
    fi
  done
}
as_other=()
if [ "$(id -u)" = 0 ]; then
  as_other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
others=$(mktemp -d)
trap 'kill $daemon $other 2>/dev/null || true; rm -rf "$others"' EXIT
chmod 755 "$others"
cp -r "$prefix/bin" "$prefix/sbin" "$prefix/lib"* "$prefix/share" "$others/"
mkdir -p "$others/site/providers.d"
cp "$home/davit.yaml" "$others/site/"
printf 'provider: local\nisolation: worker\n' >"$others/site/providers.d/local.yaml"
[ ${#as_other[@]} = 0 ] || chown -R 65534 "$others/site"
(
  ulimit -Sc "$(ulimit -Hc)"
  exec "${as_other[@]}" "$others/bin/davit" serve --config "$others/site/davit.yaml" 2>"$others/site/log"
) &
other=$!
for _ in $(seq 100); do
  grep -q HTTP-LISTEN "$others/site/log" 2>/dev/null && break
  kill -0 $other || { cat "$others/site/log" >&2; exit 1; }
  sleep 0.1
done
worker=$(pgrep -P $other -x davit-worker) || { echo "no worker runs" >&2; cat "$others/site/log" >&2; exit 1; }
shielded $other "${as_other[@]}" && shielded "$worker" "${as_other[@]}" || exit 1
"$prefix/bin/davit" providers --json --host "http://127.0.0.1:$port" | grep -q '"state":"loaded"' ||
  { cat "$home/log" >&2; exit 1; }

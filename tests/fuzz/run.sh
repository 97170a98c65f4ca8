#!/usr/bin/env bash
# Runs one fuzz target from its committed corpus. usage: run.sh TARGET SECONDS
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
name=$(basename "$1" _fuzz)
grown=$(mktemp -d)
trap 'rm -rf "$grown"' EXIT
options=(-max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0
  -artifact_prefix="$grown/")
[ ! -f "$here/$name.dict" ] || options+=(-dict="$here/$name.dict")
"$1" "${options[@]}" "$grown" "$here/corpus/$name" >"$grown.log" 2>&1 || {
  cat "$grown.log"
  for finding in "$grown"/*-*; do
    [ ! -f "$finding" ] || { echo "input of the finding, base64:"; base64 "$finding"; }
  done
  rm -f "$grown.log"
  exit 1
}
awk -v n="$name" '/number_of_executed_units/ { print "fuzz_" n "_runs", $2, "runs" }' "$grown.log"
echo "fuzz_${name}_seconds $2 s"
rm -f "$grown.log"

#!/usr/bin/env bash
# A daemon under valgrind, with its provider in it, trains, serves and ends: no error, nothing lost. usage: valgrind.sh BUILD
set -euo pipefail
cd "$(dirname "$0")/.."
wrapper=$(mktemp -d)
trap 'rm -rf "$wrapper"' EXIT
DAVIT_BUILD=$PWD/$1 DAVIT_ISOLATION=inline DAVIT_TEST_DEADLINE=300 PYTHONDONTWRITEBYTECODE=1 \
  DAVIT_WRAPPER="valgrind --quiet --leak-check=full --show-leak-kinds=definite,possible --errors-for-leak-kinds=definite,possible --error-exitcode=99 --trace-children=no" \
  /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/e2e/test_execute.py -k "01 or 06 or 09 or 10_stop_answers or 11 or 14"

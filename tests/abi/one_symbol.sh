#!/bin/sh
# one_symbol.sh NM FILE…: each file exports davit_provider_query and nothing else.
set -eu
nm=$1
shift
for file; do
	found=$("$nm" -D --defined-only --format=posix "$file" | cut -d ' ' -f 1,2)
	if [ "$found" != "davit_provider_query T" ]; then
		echo "$file exports: $found" >&2
		exit 1
	fi
done

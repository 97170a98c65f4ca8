#!/bin/sh
# note_survives.sh STRIP OBJCOPY MANIFEST FILE: a stripped copy of the provider still has its
# manifest, loaded with the file, byte for byte behind the 68 bytes of heads.
set -eu
strip=$1 objcopy=$2 manifest=$3 file=$4
folder=$(mktemp -d "${TMPDIR:-/tmp}/davit-note.XXXXXX")
trap 'rm -rf "$folder"' EXIT
"$strip" -o "$folder/stripped.so" "$file"
# Sections that are not loaded do not get into a binary copy.
"$objcopy" -O binary --only-section=.note.davit "$folder/stripped.so" "$folder/note"
size=$(wc -c <"$manifest")
tail -c +69 "$folder/note" | head -c "$size" | cmp - "$manifest"
head -c 20 "$folder/note" | tail -c 8 | tr -d '\0' | grep -qx Davit
sum=$(sha256sum "$manifest" | cut -d ' ' -f 1)
held=$(head -c 68 "$folder/note" | tail -c 32 | od -An -v -tx1 | tr -d ' \n')
[ "$sum" = "$held" ]

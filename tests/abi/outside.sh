#!/bin/sh
# outside.sh CMAKE BUILD NM: installs the public side, moves it, and builds the template
# against it in another folder: by find_package, and by hand with what pkg-config tells.
set -eu
cmake=$1 build=$2 nm=$3
tests=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d "${TMPDIR:-/tmp}/davit-outside.XXXXXX")
trap 'rm -rf "$folder"' EXIT
unset CFLAGS LDFLAGS

DESTDIR=$folder "$cmake" --install "$build" --prefix /first --component dev >/dev/null
mkdir "$folder/moved"
mv "$folder/first" "$folder/moved/prefix"
prefix=$folder/moved/prefix
if grep -rl "$folder/first" "$prefix"; then
	echo "these files know where they were installed first" >&2
	exit 1
fi

"$cmake" -S "$prefix/share/davit/template" -B "$folder/build" \
	-DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release >/dev/null
"$cmake" --build "$folder/build" >/dev/null
"$tests/one_symbol.sh" "$nm" "$folder/build/hello.so"

export PKG_CONFIG_PATH="$prefix/share/pkgconfig"
ask() {
	pkg-config --variable="$1" davit
}
cd "$folder"
cp "$(ask template)/hello.c" "$(ask template)/manifest.json" .
"$cmake" -DMANIFEST=manifest.json -DOUTPUT=note.c -P "$(ask note_script)"
# shellcheck disable=SC2046 # words on purpose
cc -std=c11 -O2 -fPIC -fvisibility=hidden -Wall -Werror $(pkg-config --cflags davit) \
	hello.c "$(ask sdk_source)" note.c $(ask provider_ldflags) -o by_hand.so
"$tests/one_symbol.sh" "$nm" "$folder/by_hand.so"

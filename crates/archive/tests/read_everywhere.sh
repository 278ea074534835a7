#!/usr/bin/env bash
# Reads an archive with every reader that is installed: `bash crates/archive/tests/read_everywhere.sh PATH`.
set -uo pipefail
archive=$1
here=$(dirname "${BASH_SOURCE[0]}")
python=$'import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1]) as a: print(a.testzip(), len(a.infolist()), sum(e.file_size for e in a.infolist()))'

# read_with PROGRAM ARGUMENT…: what it says last, and whether it succeeded.
read_with() {
  command -v "$1" >/dev/null || { printf '%-8s not installed\n' "$1"; return; }
  local said
  said=$("$@" 2>&1 | tail -n 2 | tr '\n' ' ') && printf '%-8s ok      %s\n' "$1" "$said" || printf '%-8s FAILED  %s\n' "$1" "$said"
}

read_with unzip -tqq "$archive"
read_with python3 -c "$python" "$archive"
read_with 7z t "$archive"
read_with bash -c 'bsdtar -xOf "$1" | wc -c' bsdtar "$archive"
read_with java "$here/ReadArchive.java" "$archive"

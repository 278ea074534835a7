#!/usr/bin/env bash
# Installs what the peers of `waybill bench` need: `bash benches/peers.sh FOLDER REQUIREMENTS`.
# Python packages go to a virtual environment in FOLDER, pigz and zip come from the system's packages when they are
# missing. Prints a line for each tool, `NAME<tab>PATH`, or `NAME<tab>-<tab>REASON` for one that cannot be had.
set -uo pipefail
exec </dev/null

readonly folder=$1 requirements=$2
mkdir -p "$folder"
log=$folder/install.log
: >"$log"

found() { printf '%s\t%s\n' "$1" "$2"; }
missing() { printf '%s\t-\t%s\n' "$1" "$2"; }

# python: the interpreter of an environment that has the packages.
python() {
  local python=$folder/venv/bin/python
  if ! command -v python3 >/dev/null; then
    missing python "there is no python3"
    return
  fi
  if ! [ -x "$python" ] || ! "$python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$folder/venv"
    if ! python3 -m venv "$folder/venv" >>"$log" 2>&1; then
      missing python "python3 makes no virtual environment (python3-venv is missing?)"
      return
    fi
  fi
  if ! "$python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >>"$log" 2>&1; then
    missing python "pip cannot install $(grep -vc '^#' "$requirements") packages: $(tail -n 1 "$log")"
    return
  fi
  found python "$python"
}

# A program of the system, from its packages when it is not there.
program() {
  local name=$1
  if ! command -v "$name" >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$name"; } \
      >>"$log" 2>&1
  fi
  if command -v "$name" >/dev/null; then
    found "$name" "$(command -v "$name")"
  else
    missing "$name" "$name is not installed, and there is no way to install it here"
  fi
}

python
program pigz
program zip

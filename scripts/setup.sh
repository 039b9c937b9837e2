#!/usr/bin/env bash
# Makes .venv with everything the shipped commands need, at the locked versions. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

uv_version=$(sed -n 's/^  "uv==\([0-9.]*\)",$/\1/p' pyproject.toml)
stamp=.venv/.ready
if [ -e "$stamp" ] && [ "$stamp" -nt uv.lock ] && [ "$stamp" -nt pyproject.toml ]; then
  exit 0
fi

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "setup: no Python 3.11 or newer was found. Install it ('apt-get install python3') or name it: make setup PYTHON=/path/to/python3.11" >&2
  exit 1
}

make_venv() {
  local python=$1
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv .venv
    return
  fi
  # Debian and Ubuntu leave ensurepip out of python3 and ship it as python3-venv.
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "setup: installing python3-venv, which this Python lacks" >&2
    apt-get update -qq
    apt-get install -y -qq "$("$python" -c 'import sys; print(f"python3.{sys.version_info[1]}-venv")')" >/dev/null \
      || apt-get install -y -qq python3-venv >/dev/null
    "$python" -m venv .venv
    return
  fi
  echo "setup: this Python has no ensurepip. Next step: 'sudo apt-get install python3-venv', then run make again." >&2
  exit 1
}

[ -x .venv/bin/python ] || make_venv "$(find_python)"
[ -x .venv/bin/uv ] && [ "$(.venv/bin/uv --version | cut -d' ' -f2)" = "$uv_version" ] \
  || .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
.venv/bin/uv sync --locked --quiet --all-extras
touch "$stamp"

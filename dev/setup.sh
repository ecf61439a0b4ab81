#!/usr/bin/env bash
# Makes .venv from requirements.lock. Needs only Python 3.11+ with venv and pip.
set -euo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS
python=""
for candidate in python3.11 python3.12 python3.13 python3; do
  if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || { echo "setup: Python 3.11 or newer with the venv module is needed (Debian: apt-get install python3 python3-venv)" >&2; exit 2; }
[ -x .venv/bin/python ] || "$python" -m venv .venv
[ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet uv
export VIRTUAL_ENV=$PWD/.venv
# uv itself stays: it is not in the lock, so install rather than sync.
.venv/bin/uv pip install --quiet --require-hashes -r requirements.lock
.venv/bin/uv pip install --quiet --no-deps -e operator -e bot
echo "environment ready in $((SECONDS - started)) s: $(.venv/bin/python --version)"

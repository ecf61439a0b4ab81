#!/usr/bin/env bash
# Resolves the dependencies of the workspace into locks that hold versions and hashes and name no
# index host: they install from whatever index the machine is set up for (decision 0003).
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$PWD/.venv/bin/uv
flags=(--universal --generate-hashes --no-annotate --no-header --quiet)
"$uv" pip compile "${flags[@]}" pyproject.toml --group dev operator/pyproject.toml bot/pyproject.toml -o requirements.lock "$@"
for part in operator bot; do
  "$uv" pip compile "${flags[@]}" "$part/pyproject.toml" -c requirements.lock -o "$part/requirements.lock"
done
"$uv" pip compile "${flags[@]}" -c requirements.lock dev/image/requirements.in -o dev/image/requirements.lock
"$uv" pip compile "${flags[@]}" dev/image/build.in -o dev/image/build.lock

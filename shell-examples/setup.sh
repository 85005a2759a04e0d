# Sourced by the examples: puts spa on the PATH, and installs it first where it is not.
#   VENV=DIR            the environment to use, or to make (default .venv-quickstart beside this folder)
#   PYTHON=python3.12   the Python to make it with, 3.10 or newer
examples=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VENV=$(realpath -m "${VENV:-$examples/../.venv-quickstart}")
stamp=$(cat "$examples/../setup.cfg" "$examples/../pyproject.toml" | cksum)
if [ ! -x "$VENV/bin/spa" ] || { [ -e "$VENV/.stamp" ] && [ "$(cat "$VENV/.stamp")" != "$stamp" ]; }; then
    python=${PYTHON:-python3}
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed" >&2; exit 69; }
    echo "== spa goes into $VENV"
    "$python" -m venv "$VENV"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --editable "$examples/..[plot]"
    echo "$stamp" > "$VENV/.stamp"
fi
PATH=$VENV/bin:$PATH

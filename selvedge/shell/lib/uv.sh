# uv as a builder of virtual environments (see venv.sh).

# uv_env [NAME=VALUE…] COMMAND…: a command as the app's user, with uv's settings.
uv_env() { venv_as env UV_CACHE_DIR="$cache/uv" UV_NO_PROGRESS=1 UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never "$@"; }

uv_check() { [ -x "$uv" ] || step_fail "uv is missing at $uv. Run \`fab install\` first."; }

uv_create() { uv_env "$uv" venv --quiet --no-project --allow-existing --python "$python" "$fresh"; }

uv_install() {
  if [ "$lock" != uv.lock ]; then
    uv_add --requirement "$lock"
    return
  fi
  uv_env UV_PROJECT_ENVIRONMENT="$fresh" VIRTUAL_ENV="$fresh" "$uv" export --frozen --no-dev --no-emit-workspace \
    --no-header --quiet --output-file "$fresh/requirements.lock" &&
    uv_add --requirement "$fresh/requirements.lock"
}

uv_add() { uv_env "$uv" pip install --python "$fresh/bin/python" "$@"; }

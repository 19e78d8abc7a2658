# gunicorn as an app server, with uvicorn's worker. Reads $base.

gunicorn_files() { echo gunicorn_start; }

gunicorn_owns() { [ -f "$base/instances/$1/gunicorn_start" ]; }

# gunicorn_workers INSTANCE: the start script has the number; the settings of this run may be newer than the script.
gunicorn_workers() {
  local workers
  workers=$(sh -c "echo $(sed -n 's/^WORKERS=//p' "$base/instances/$1/gunicorn_start" | head -n 1)") || :
  case $workers in '' | *[!0-9]*) workers=0 ;; esac
  echo "$workers"
}

gunicorn_add_worker() { kill -s TTIN "$1" 2>/dev/null; }

gunicorn_ended() { grep -q -e 'Shutting down: Master' -e 'Worker failed to boot'; }

# gunicorn_app_failed: uvicorn writes this line.
gunicorn_app_failed() { grep -q 'Application startup failed'; }

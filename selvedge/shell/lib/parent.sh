# App servers whose workers have the parent process of selvedge_parent.py, which writes these lines. Reads $base.

# parent_workers SCRIPT: the start script has the number, in a container with a prefix; the settings of this run may be newer than it.
parent_workers() {
  local workers
  workers=$(sh -c "echo $(sed -n 's/^\(SELVEDGE_\)\{0,1\}WORKERS=//p' "$1" | head -n 1)") || :
  case $workers in '' | *[!0-9]*) workers=0 ;; esac
  echo "$workers"
}

parent_add_worker() { kill -s TTIN "$1" 2>/dev/null; }

parent_stage() {
  awk '/Booting worker with pid/ && !stage { stage = "import" }
    /Waiting for application startup/ && stage != "ready" { stage = "lifespan" }
    /Worker is ready/ { stage = "ready" }
    /Shutting down: Master|Worker failed to boot/ { ended = 1 }
    END { print ended ? "ended" : stage }'
}

parent_ready() { grep -c 'Worker is ready' || :; }

parent_crashes() { grep -c -e 'Worker (pid:[0-9]*) was sent' -e 'Worker (pid:[0-9]*) exited' || :; }

parent_ended() { grep -q -e 'Shutting down: Master' -e 'Worker failed to boot'; }

parent_app_failed() { grep -q 'Application startup failed'; }

# parent_conflict INSTANCE SERVER: the start script is a template that users may edit. gunicorn's settings count for gunicorn only.
parent_conflict() {
  local folder
  if grep -q -s -e '^[^#]* --reload\([ =]\|$\)' "$base/instances/$1/$2_start"; then
    printf '%s\n' "The start script has the option --reload, which is for development: it restarts workers when files change, and a release never changes. Remove it from the template $2_start.j2"
    return 0
  fi
  folder=$(instance_folder "$1")
  if [ -e "$folder/gunicorn.conf.py" ]; then echo "$mark say note: gunicorn.conf.py has no effect, because app.server is $2" >&2; fi
  if grep -q -s '^GUNICORN_CMD_ARGS=' "$base/instances/$1/env"; then
    echo "$mark say note: The variable GUNICORN_CMD_ARGS has no effect, because app.server is $2" >&2
  fi
}

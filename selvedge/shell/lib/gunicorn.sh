# gunicorn as an app server, with uvicorn's worker. Reads $base.
# Needs: parent

gunicorn_files() { echo gunicorn_start; }

gunicorn_owns() { [ -f "$base/instances/$1/gunicorn_start" ]; }

gunicorn_workers() { parent_workers "$base/instances/$1/gunicorn_start"; }

gunicorn_add_worker() { parent_add_worker "$1"; }

# gunicorn_stage: by uvicorn's lines in the log. Without the lines of level "info" the stage is unknown.
gunicorn_stage() {
  awk '/Booting worker with pid/ && !stage { stage = "import" }
    /Waiting for application startup/ && stage != "ready" { stage = "lifespan" }
    /Application startup complete/ { stage = "ready" }
    /Shutting down: Master|Worker failed to boot/ { ended = 1 }
    END { print ended ? "ended" : stage }'
}

# gunicorn_ready: uvicorn writes this line in each worker.
gunicorn_ready() { grep -c 'Application startup complete' || :; }

# gunicorn_retired: uvicorn writes this line if gunicorn's max_requests ends a worker, which gunicorn replaces.
gunicorn_retired() { grep -c 'Maximum request limit of .* exceeded' || :; }

gunicorn_crashes() { parent_crashes; }

# gunicorn_conflict INSTANCE: the settings come from gunicorn.conf.py in the app's folder, from GUNICORN_CMD_ARGS, and from the
# start script, whose options win. gunicorn itself reads them.
gunicorn_conflict() {
  local folder file status
  folder=$(instance_folder "$1")
  gunicorn_script_conflict "$base/instances/$1/gunicorn_start"
  file=$(gunicorn_script_file "$base/instances/$1/gunicorn_start")
  if [ -z "$file$(survey_fact config "${1%-*}")" ] && [ ! -e "$folder/gunicorn.conf.py" ] &&
    ! grep -q -s '^GUNICORN_CMD_ARGS=' "$base/instances/$1/env"; then return 0; fi
  status=0
  manager_run "$1" sh -c "$(limit_script)" sh 5 30 "$base/instances/$1/run" python -c "$(cat "$undo/program.gunicorn")" ${file:+"$file"} >"$undo/conflict" 2>&1 </dev/null 3<&- || status=$?
  if [ "$status" -ne 0 ]; then
    hide_secrets <"$undo/conflict" | grep -v '^[[:space:]]*$' | tail -n 1
  else
    hide_secrets <"$undo/conflict" | sed "s/^/$mark say note: /" >&2
  fi
}

# gunicorn_script_file FILE: print the configuration file that the start script names (--config), with its variables replaced.
gunicorn_script_file() {
  local word
  word=$(sed -n '/^[^#]*gunicorn /,$s/^[^#]* \(-c\|--config\)[ =]*\("[^"]*"\|[^ ]*\).*/\2/p' "$1" 2>/dev/null | head -n 1)
  [ -z "$word" ] || sh -c "$(grep '^[A-Z_]*=' "$1" || :)
printf '%s' $word"
}

# gunicorn_script_conflict FILE: the start script is a template that users may edit.
gunicorn_script_conflict() {
  local option
  for option in --reload --daemon -D --pid --preload --spew; do
    if grep -q -s -e "^[^#]* $option\([ =]\|\$\)" "$1"; then
      printf '%s\n' "The start script has the option $option, which the process manager cannot live with. Remove it from templates/gunicorn/gunicorn_start.j2"
      return 0
    fi
  done
}

gunicorn_ended() { parent_ended; }

# gunicorn_app_failed: uvicorn writes this line.
gunicorn_app_failed() { parent_app_failed; }

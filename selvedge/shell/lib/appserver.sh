# The app servers, which run the app in worker processes. Each has a file with the same functions, which only this file calls:
# gunicorn.sh, uvicorn.sh, hypercorn.sh. An instance belongs to the app server whose start script is in its folder.
# Needs: gunicorn uvicorn hypercorn

appserver_all='uvicorn hypercorn gunicorn'

appserver_of() {
  local server
  for server in $appserver_all; do
    if "${server}_owns" "$1"; then break; fi
  done
  echo "$server"
}

# appserver_files: print the names of all files in an instance's folder that start an app server.
appserver_files() {
  local server
  for server in $appserver_all; do "${server}_files"; done
}

# appserver_workers INSTANCE: print how many workers its settings ask for; 0 if that is unknown.
appserver_workers() { "$(appserver_of "$1")_workers" "$1"; }

# appserver_add_worker INSTANCE PID: ask the app server with this process id for one more worker.
appserver_add_worker() { "$(appserver_of "$1")_add_worker" "$2"; }

# appserver_stage INSTANCE: print by its log, on standard input, what it does: import, lifespan, ready or ended; nothing if
# that is unknown.
appserver_stage() { "$(appserver_of "$1")_stage"; }

# appserver_ready INSTANCE: print by its log, on standard input, how many workers have started.
appserver_ready() { "$(appserver_of "$1")_ready"; }

# appserver_retired INSTANCE: print by its log, on standard input, how many workers ended because they had served enough requests.
appserver_retired() { "$(appserver_of "$1")_retired"; }

# appserver_crashes INSTANCE: print by its log, on standard input, how many workers ended by an error or a signal.
appserver_crashes() { "$(appserver_of "$1")_crashes"; }

# appserver_conflict INSTANCE: print a sentence about settings of the app server that its process manager cannot live with.
appserver_conflict() { "$(appserver_of "$1")_conflict" "$1"; }

# appserver_ended INSTANCE: whether its log, on standard input, says that the app server has ended.
appserver_ended() { "$(appserver_of "$1")_ended"; }

# appserver_app_failed INSTANCE: whether its log, on standard input, says that the app's start-up code (lifespan) has failed.
appserver_app_failed() { "$(appserver_of "$1")_app_failed"; }

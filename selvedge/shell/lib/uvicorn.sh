# uvicorn as an app server, without gunicorn. Reads $base.
# Needs: parent

uvicorn_files() { echo uvicorn_start; }

uvicorn_owns() { [ -f "$base/instances/$1/uvicorn_start" ]; }

uvicorn_workers() { parent_workers "$base/instances/$1/uvicorn_start"; }

uvicorn_add_worker() { parent_add_worker "$1"; }

uvicorn_stage() { parent_stage; }

uvicorn_ready() { parent_ready; }

# uvicorn_retired: no worker ends by itself.
uvicorn_retired() { echo 0; }

uvicorn_crashes() { parent_crashes; }

uvicorn_conflict() { parent_conflict "$1" uvicorn; }

uvicorn_ended() { parent_ended; }

uvicorn_app_failed() { parent_app_failed; }

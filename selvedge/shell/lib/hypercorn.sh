# Hypercorn as an app server. Reads $base.
# Needs: parent

hypercorn_files() { echo hypercorn_start; }

hypercorn_owns() { [ -f "$base/instances/$1/hypercorn_start" ]; }

hypercorn_workers() { parent_workers "$base/instances/$1/hypercorn_start"; }

hypercorn_add_worker() { parent_add_worker "$1"; }

hypercorn_stage() { parent_stage; }

hypercorn_ready() { parent_ready; }

# hypercorn_retired: no worker ends by itself.
hypercorn_retired() { echo 0; }

hypercorn_crashes() { parent_crashes; }

hypercorn_conflict() { parent_conflict "$1" hypercorn; }

hypercorn_ended() { parent_ended; }

hypercorn_app_failed() { parent_app_failed; }

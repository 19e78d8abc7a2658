# The world of an instance: its commands, its code and its Python. Reads $app and $base.

# instance_run INSTANCE COMMAND…: run a command in its environment, as the app's user: in a container if the instance runs in one.
instance_run() {
  local instance
  instance=$1
  shift
  if docker_owns "$instance"; then
    docker_once "$instance" "$base/instances/$instance/run" "$@"
  else
    user_run "$app" "$base/instances/$instance/run" "$@"
  fi
}

# instance_folder INSTANCE: print the app's folder in its checkout.
instance_folder() { sed -n 's/^\(# Code: \|cd \)//p' "$base/instances/$1/run" 2>/dev/null | head -n 1 | tr -d \'; }

# instance_python INSTANCE: print a Python that can handle its output: its own, or the server's if its own is in an image.
instance_python() {
  if docker_owns "$1"; then echo /usr/bin/python3; else echo "$base/releases/${1%-*}/.venv/bin/python"; fi
}

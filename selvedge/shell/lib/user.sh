# Commands as another user.

# user_run USER COMMAND…: without a login shell, with the user's own groups only, and with no way to more rights.
user_run() {
  as_user=$1
  shift
  setpriv --reuid="$as_user" --regid="$(id -g "$as_user")" --init-groups --no-new-privs --bounding-set=-all -- "$@"
}

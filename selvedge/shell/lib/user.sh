# Commands as another user.

# user_run USER COMMAND…: without a login shell, with only the user's own groups, and unable to gain rights (no setuid).
user_run() {
  local account
  account=$1
  shift
  setpriv --reuid="$account" --regid="$(id -g "$account")" --init-groups --no-new-privs --bounding-set=-all -- "$@"
}

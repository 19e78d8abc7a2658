# One connection of `fab tunnel`. Its first line begins with $mark.

# tunnel_open PROGRAM PLACE…: run the Python program tunnel.py, as $account if that is not empty.
# Values: account
tunnel_open() {
  local program
  program=$1
  shift
  if ! command -v python3 >/dev/null; then
    printf '%s %s\n' "$mark" "no python3"
  elif [ -z "$account" ]; then
    exec python3 -IS -c "$program" "$mark" "$@" 2>/dev/null
  elif id -u -- "$account" >/dev/null 2>&1; then
    user_run "$account" python3 -IS -c "$program" "$mark" "$@" 2>/dev/null
  else
    printf '%s %s\n' "$mark" "no user"
  fi
}

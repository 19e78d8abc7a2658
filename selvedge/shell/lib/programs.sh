# The programs that come with a release, on file descriptor 3.

# programs_read: read the payload: a line with names and sizes, then the programs that check a release, find a remedy, and drain
# one. Each becomes a file in $undo.
programs_read() {
  local list name
  read -r list <&3 || list=
  # shellcheck disable=SC2086
  set -- $list
  while [ $# -gt 1 ]; do
    name=$undo/program.$1
    head -c "$2" <&3 >"$name"
    [ "$(wc -c <"$name")" -eq "$2" ] || break
    shift 2
  done
  if [ $# -gt 0 ] || [ -z "$list" ]; then step_fail "The connection was lost before the release began. Nothing was changed"; fi
}

# Functions that only read: what probes are written with.

nl='
'
# What `stat` and `sha256sum` said of all paths of a reading, each asked once; empty elsewhere.
path_stats=
path_sums=
# Likewise what `dpkg-query` and `systemctl` said of all packages and units.
package_states=
unit_states=

# probe_path PATH [WANTED_SHA256]: the kind of the path, its mode, owner and group. With the second argument, which may be
# empty, its hash too, and, where that is not the wanted one, the text for the diff (64 KiB at most).
probe_path() {
  # Not ${path_stats#*…}, for which dash takes time by the square of the text's length.
  path_before=${path_stats%%" :: $1$nl"*}
  if [ "$path_before" = "$path_stats" ]; then
    if ! [ -e "$1" ] && ! [ -L "$1" ]; then
      printf 'absent\n'
      return 0
    fi
    path_before=$(stat -c '%F :: %a %U %G' -- "$1" 2>/dev/null)
  fi
  path_line=${path_before##*"$nl"}
  path_own=${path_line#* :: }
  case $path_line in
    'symbolic link'*) printf 'link %s\n' "$(readlink -- "$1")" ;;
    directory*) printf 'directory %s\n' "$path_own" ;;
    regular*)
      printf 'file %s\n' "$path_own"
      if [ $# -gt 1 ]; then probe_path_text "$1" "$2"; fi
      ;;
    *) printf 'other\n' ;;
  esac
}

probe_path_text() {
  path_before=${path_sums%%"  $1$nl"*}
  if [ "$path_before" = "$path_sums" ]; then path_before=$(sha256sum <"$1"); fi
  path_sum=${path_before##*"$nl"}
  path_sum=${path_sum%% *}
  printf '%s\n' "$path_sum"
  if [ -n "$2" ] && [ "$path_sum" != "$2" ]; then head -c 65536 -- "$1"; fi
}

# probe_hashes PATH…: of those that are files; a fifo would never end.
probe_hashes() {
  for path; do
    shift
    if [ -f "$path" ]; then set -- "$@" "$path"; fi
  done
  if [ $# -gt 0 ]; then sha256sum -- "$@"; fi
}

# probe_python_version EXECUTABLE: e.g. 3.12.4; nothing where it does not run. Without what its site-packages load at a start.
probe_python_version() { "$1" -I -S -c 'import sys; print(sys.version.split()[0])' 2>/dev/null || :; }

# probe_line FILE: nothing where it cannot be read. By the shell itself, since a process costs a millisecond.
probe_line() {
  [ -r "$1" ] || return 0
  IFS= read -r line <"$1" || :
  printf '%s\n' "$line"
}

probe_has() { command -v "$1" >/dev/null 2>&1; }

# probe_package_list PACKAGE…: "PACKAGE STATE" for each that dpkg knows.
# shellcheck disable=SC2016
probe_package_list() { dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || :; }

# probe_packages PACKAGE…: the same; more packages may be among them.
probe_packages() { if [ -n "$package_states" ]; then printf '%s\n' "$package_states"; else probe_package_list "$@"; fi; }

# probe_unit_list UNIT…: its properties, a line each; an empty line between two units.
probe_unit_list() { systemctl show --property=Id --property=ActiveState --property=UnitFileState "$@" 2>/dev/null || :; }

# probe_unit UNIT: the same of one. A unit that has another name (an alias) is asked for by itself.
probe_unit() {
  unit_rest=${unit_states#*"$nl${nl}Id=$1$nl"}
  if [ "$unit_rest" = "$unit_states" ]; then probe_unit_list "$1"; else printf '%s\n' "${unit_rest%%"$nl$nl"*}"; fi
}

# Functions for probes; they only read.
# Shared: last_line

nl='
'
# The output of `stat` and `sha256sum` for all paths of a reading, and of `dpkg-query` and `systemctl` for all packages and
# units, each run once; empty outside a reading.
path_stats=
path_sums=
package_states=
unit_states=

# probe_path PATH [WANTED_SHA256]: the kind of the path, its mode, owner and group. With the second argument, which may be
# empty, also its hash, and its text for the diff (64 KiB at most) if the hash is not the wanted one.
probe_path() {
  local before
  before=${path_stats%%" :: $1$nl"*}
  if [ "$before" = "$path_stats" ]; then
    if ! [ -e "$1" ] && ! [ -L "$1" ]; then
      printf 'absent\n'
      return 0
    fi
    before=$(stat -c '%F :: %a %U %G' -- "$1" 2>/dev/null)
  fi
  probe_last_line "$before"
  case $last_line in
    'symbolic link'*) printf 'link %s\n' "$(readlink -- "$1")" ;;
    directory*) printf 'directory %s\n' "${last_line#* :: }" ;;
    regular*)
      printf 'file %s\n' "${last_line#* :: }"
      if [ $# -gt 1 ]; then probe_path_text "$1" "$2"; fi
      ;;
    *) printf 'other\n' ;;
  esac
}

probe_path_text() {
  local before sum
  before=${path_sums%%"  $1$nl"*}
  if [ "$before" = "$path_sums" ]; then before=$(sha256sum <"$1"); fi
  probe_last_line "$before"
  sum=${last_line%% *}
  printf '%s\n' "$sum"
  if [ -n "$2" ] && [ "$sum" != "$2" ]; then head -c 65536 -- "$1"; fi
}

# probe_last_line TEXT: set $last_line. Patterns as in ${TEXT##*…} and ${TEXT#*…} take dash a time quadratic in the length of TEXT.
probe_last_line() {
  local IFS
  IFS=$nl last_line=''
  set -f
  for last_line in $1; do :; done
  set +f
}

# probe_port NUMBER: the programs that listen on a TCP port, as ss prints them, and the last part of their control groups, which for
# a service is its unit: "unit PID NAME".
probe_port() {
  local found pid seen
  found=$(ss -H -l -n -t -p "sport = :$1" 2>/dev/null) || return 0
  [ -n "$found" ] || return 0
  printf '%s\n' "$found"
  seen=' '
  while [ "${found#*pid=}" != "$found" ]; do
    found=${found#*pid=}
    pid=${found%%[!0-9]*}
    case $seen in *" $pid "*) continue ;; esac
    seen="$seen$pid "
    probe_unit_of "$pid"
  done
}

# probe_unit_of PID: "unit PID NAME" with the last part of the process's control group; nothing without one.
probe_unit_of() {
  local line
  [ -r "/proc/$1/cgroup" ] || return 0
  while IFS= read -r line; do
    case $line in
      # systemd's own hierarchy; in version 1 of control groups there are others.
      0::*/* | *:name=systemd:*/*)
        if [ -n "${line##*/}" ]; then
          printf 'unit %s %s\n' "$1" "${line##*/}"
          return 0
        fi
        ;;
    esac
  done 2>/dev/null <"/proc/$1/cgroup"
}

# probe_existing PATH…: print the paths that exist, broken links among them.
probe_existing() {
  local path
  for path; do
    if [ -e "$path" ] || [ -L "$path" ]; then printf '%s\n' "$path"; fi
  done
}

# probe_hashes PATH…: hashes of the paths that are files; reading a fifo would never end.
probe_hashes() {
  local path
  for path; do
    shift
    if [ -f "$path" ]; then set -- "$@" "$path"; fi
  done
  if [ $# -gt 0 ]; then sha256sum -- "$@"; fi
}

# probe_python_version EXECUTABLE: e.g. 3.12.4; nothing if it does not run. Does not load its site-packages.
probe_python_version() { "$1" -I -S -c 'import sys; print(sys.version.split()[0])' 2>/dev/null || :; }

# probe_line FILE: its first line; nothing if it is not readable. Without a process, which would cost a millisecond.
probe_line() {
  local line
  [ -r "$1" ] || return 0
  IFS= read -r line <"$1" || :
  printf '%s\n' "$line"
}

# probe_lines FILE: its lines, in the same way; nothing if it is not readable.
probe_lines() {
  local line
  [ -r "$1" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do printf '%s\n' "$line"; done <"$1"
}

# probe_memory: the server's memory in kB.
probe_memory() {
  local name size rest
  # shellcheck disable=SC2034
  read -r name size rest </proc/meminfo
  printf '%s\n' "$size"
}

# The lookups of a reading: starting a process costs a millisecond, and a conversation with dpkg five to ten.
probe_take_paths() { path_stats=$nl$(stat -c '%F :: %a %U %G :: %n' -- "$@" 2>/dev/null)$nl; }

probe_take_hashes() { path_sums=$nl$(probe_hashes "$@" 2>/dev/null)$nl; }

probe_take_packages() { package_states=$(probe_package_list "$@"); }

probe_has() { command -v "$1" >/dev/null 2>&1; }

# probe_package_list PACKAGE…: "PACKAGE STATE" for each that dpkg knows.
# shellcheck disable=SC2016
probe_package_list() { dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || :; }

# probe_packages PACKAGE…: the same, from the reading's lookup; it may list more packages.
probe_packages() { if [ -n "$package_states" ]; then printf '%s\n' "$package_states"; else probe_package_list "$@"; fi; }

# probe_unit_list UNIT…: its properties, a line each; an empty line between two units.
probe_unit_list() { systemctl show --property=Id --property=ActiveState --property=UnitFileState "$@" 2>/dev/null || :; }

# probe_take_units: use standard input, from probe_unit_list, as the reading's lookup.
probe_take_units() { unit_states=$nl$nl$(cat)$nl$nl; }

# probe_unit UNIT: the same for one unit. systemctl lists an alias under its other name, so an alias is asked for separately.
probe_unit() {
  local rest
  rest=${unit_states#*"$nl${nl}Id=$1$nl"}
  if [ "$rest" = "$unit_states" ]; then probe_unit_list "$1"; else printf '%s\n' "${rest%%"$nl$nl"*}"; fi
}

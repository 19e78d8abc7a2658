# Functions that only read: what probes are written with.

nl='
'
# What `stat` and `sha256sum` said of all paths of a reading, each asked once; empty elsewhere.
path_stats=
path_sums=

# path_fact PATH WANTED_SHA256: the kind of the path, its mode, owner and group, its hash, and, where the hash is not
# the wanted one and one is given, the text for the diff (64 KiB at most).
path_fact() {
  path_rest=${path_stats#*"$nl$1 :: "}
  if [ "$path_rest" = "$path_stats" ]; then
    if ! [ -e "$1" ] && ! [ -L "$1" ]; then
      printf 'absent\n'
      return 0
    fi
    path_rest=$(stat -c '%F :: %a %U %G' -- "$1" 2>/dev/null)$nl
  fi
  path_line=${path_rest%%"$nl"*}
  path_own=${path_line#* :: }
  case $path_line in
    'symbolic link'*) printf 'link %s\n' "$(readlink -- "$1")" ;;
    directory*) printf 'directory %s\n' "$path_own" ;;
    regular*)
      printf 'file %s\n' "$path_own"
      path_text "$1" "$2"
      ;;
    *) printf 'other\n' ;;
  esac
}

path_text() {
  path_before=${path_sums%%"  $1$nl"*}
  if [ "$path_before" = "$path_sums" ]; then path_before=$(sha256sum <"$1"); fi
  path_sum=${path_before##*"$nl"}
  path_sum=${path_sum%% *}
  printf '%s\n' "$path_sum"
  if [ -n "$2" ] && [ "$path_sum" != "$2" ]; then head -c 65536 -- "$1"; fi
}

# path_hashes PATH…: of those that are files; a fifo would never end.
path_hashes() {
  for path; do
    shift
    if [ -f "$path" ]; then set -- "$@" "$path"; fi
  done
  if [ $# -gt 0 ]; then sha256sum -- "$@"; fi
}

has() { command -v "$1" >/dev/null 2>&1; }

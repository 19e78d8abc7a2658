# The output of a release and of its processes: a file in $log_dir, or the journal if it runs in a container. NAME is an instance or
# one of its units, INSTANCE.NAME@NUMBER. In the journal every user may write lines with any tag, so only those of
# the engine count. Reads $app, $base and $log_dir.

# output_tag NAME: print its name in the journal; nothing if it has a file.
output_tag() {
  docker_owns "${1%%.*}" || return 0
  case $1 in
    *@*) dockerunit_name "$1" ;;
    *) printf '%s.%s\n' "$app" "$1" ;;
  esac
}

# output_filter TAG: print the options with which journalctl prints only lines of the engine with this tag.
output_filter() { printf '%s ' -q -o cat --no-pager -t "$1" -u docker.service; }

# output_place NAME: print where a user finds it.
output_place() {
  if docker_owns "${1%%.*}"; then printf 'the journal (journalctl -t %s)\n' "$(output_tag "$1")"; else printf '%s\n' "$log_dir/$1.log"; fi
}

# output_end NAME: print a mark of its present end.
output_end() {
  if docker_owns "${1%%.*}"; then
    # shellcheck disable=SC2046 # no tag has a space
    journalctl $(output_filter "$(output_tag "$1")") -n 1 --show-cursor 2>/dev/null | sed -n 's/^-- cursor: //p'
  else
    stat -c %s -- "$log_dir/$1.log" 2>/dev/null || echo 0
  fi
}

# output_from NAME MARK: print what came after the mark. If the file was rotated meanwhile, print it from its beginning.
output_from() {
  local from
  from=$2
  if docker_owns "${1%%.*}"; then
    # shellcheck disable=SC2046
    journalctl $(output_filter "$(output_tag "$1")") ${from:+"--after-cursor=$from"} 2>/dev/null || :
    return 0
  fi
  if [ "$(stat -c %s "$log_dir/$1.log" 2>/dev/null || echo 0)" -lt "${from:-0}" ]; then from=0; fi
  tail -c "+$((${from:-0} + 1))" -- "$log_dir/$1.log" 2>/dev/null || :
}

# output_complete NAME: wait until the journal has all lines that it was sent. After many lines it is seconds late.
output_complete() {
  if docker_owns "${1%%.*}"; then timeout 30 journalctl --sync >/dev/null 2>&1 || :; fi
}

# output_show NAME: print the last lines of standard input, its output, with a heading and without values of the environment. Prints
# nothing if no line has text.
output_show() {
  local end
  end=$(tail -n 40)
  case $end in
    *[![:space:]]*) ;;
    *) return 0 ;;
  esac
  printf 'The last lines of %s:\n' "$(output_place "$1")"
  printf '%s\n' "$end" | hide_secrets | cut -c 1-400
}

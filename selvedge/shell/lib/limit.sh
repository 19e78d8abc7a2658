# A time limit for a command that may run in a container, whose busybox may be too old for the option -k of timeout (1.30 has none).

# limit_script: print a script with the arguments GRACE SECONDS COMMAND…: it ends the command after so many seconds, and kills it after
# GRACE more; without -k it kills it at once. Its exit status is 124 or 137 then.
limit_script() {
  # shellcheck disable=SC2016
  printf %s 'if timeout -k 1 1 sh -c : 2>/dev/null; then exec timeout -k "$@"; fi; shift; exec timeout -s KILL "$@"'
}

# The configuration of services.
# shellcheck disable=SC2154

# service_check PROBLEM REMEDY COMMAND [PATH…]: fail with the error message of a command that rejects the configuration. Errors
# in the paths are only reported, because the step is about to write these files.
service_check() {
  local problem remedy reason path
  problem=$1 remedy=$2
  if eval "$3" >"$undo/check" 2>&1; then return 0; fi
  cat "$undo/check"
  reason=$(grep -m 1 -E 'emerg|rror' "$undo/check" || tail -n 1 "$undo/check")
  shift 3
  for path; do
    # nginx names a file as `in FILE:LINE`, or `open() "FILE" failed`.
    case $reason in
      *[\ \"]"$path"[:\"]*)
        step_say "this step replaces the file that is wrong: $reason"
        return 0
        ;;
    esac
  done
  step_fail "$problem: ${reason%.}. $remedy"
}

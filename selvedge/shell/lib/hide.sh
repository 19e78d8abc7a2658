# Hides secrets in the output of an app: if it fails, it may print its environment. Reads $app, $base and $new.

hide_program='
import json, os, re, sys
def text(line):
    # A line of app.log_format = "json" as the other format has it: escapes would hide a value, and lines of a traceback.
    try:
        found = json.loads(line)
        said = str(found["message"])
        start = "" if said.startswith("[selvedge] ") else "[{time}] [{level}] ".format_map({**found, "level": str(found["level"]).upper()})
        return "\n".join([start + said, *(str(found[key]) for key in ("exception", "stack") if key in found), ""]).encode("utf-8", "replace")
    except Exception:
        return line
values = {part for name in sys.argv[1:] for part in os.environb.get(name.encode(), b"").splitlines()}
# Short values are not secrets, and every line may contain them.
hidden = sorted((part for part in values if len(part) > 5), key=len, reverse=True)
for line in sys.stdin.buffer:
    if line.startswith(b"{\"time\": "):
        line = text(line)
    for value in hidden:
        line = line.replace(value, "•••".encode())
    # pydantic shortens a long value, and shows its beginning and its end.
    sys.stdout.buffer.write(re.sub(rb"input_value=.*(?=, input_type=)", "input_value=•••".encode(), line))
    sys.stdout.buffer.flush()
'

# hide_text: print the program: its arguments are names of variables, and it prints standard input without their values.
hide_text() { printf '%s' "$hide_program"; }

# hide_secrets: print standard input without the values of the app's environment, as the app's user. This runs the release's
# Python without its script `run`, because that script may be the part that fails.
hide_secrets() {
  # shellcheck disable=SC2016,SC2046
  (cd / && exec 3<&- && user_run "$app" sh -c 'set -a && . "$1" && set +a && shift && exec "$@"' sh "$base/instances/$new/env" \
    "$(instance_python "$new")" -I -c "$hide_program" \
    $(sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p' "$base/instances/$new/env")) ||
    echo "(The app's output cannot be shown, because its Python does not run.)"
}

# hide_output COMMAND…: run it, and print its output as hide_secrets does. Return its exit status. A process that it leaves in the
# background may keep its output open: then this waits five seconds for more, and later output still passes.
hide_output() {
  local reader status waited
  rm -f -- "$undo/hidden"
  mkfifo -m 0600 -- "$undo/hidden"
  {
    hide_secrets
    cat >/dev/null
  } <"$undo/hidden" &
  reader=$!
  status=0
  "$@" >"$undo/hidden" 2>&1 || status=$?
  waited=0
  while kill -0 "$reader" 2>/dev/null && [ "$waited" -lt 250 ]; do
    waited=$((waited + 1))
    sleep 0.02
  done
  return "$status"
}

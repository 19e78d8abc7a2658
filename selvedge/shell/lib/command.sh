# A command of the user's in the live release. Reads $app, $base, $command and $mark.

# command_run: its exit status behind the mark at the end; 3, without the mark, where nothing is live. When nobody listens
# any more, the app's processes of this session are ended.
command_run() {
  logs_live
  [ -n "$now" ] && [ -x "$base/instances/$now/run" ] || exit 3
  logs_session
  own=$(ps -o sid= -p $$ | tr -d ' ')
  {
    tail -f --pid="$session" /dev/null
    pkill -TERM -u "$app" -s "$own"
  } </dev/null >/dev/null 2>&1 &
  watch=$!
  status=0
  as "$app" "$base/instances/$now/run" sh -c "$command" || status=$?
  # Output that ends without a line's end must not swallow the mark.
  printf '\n%s %s\n' "$mark" "$status"
  # shellcheck disable=SC2046
  kill "$watch" $(pgrep -P "$watch" -x tail)
}

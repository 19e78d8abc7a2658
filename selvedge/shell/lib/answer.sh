# What a health check's answer means if waiting does not change it. Reads the variables in the list of switch_release.

# answer_refuse: refuse the release because of the answer $code, with the setting that fits, and paths that the app has.
answer_refuse() {
  local paths said
  said="GET $health (Host: $health_host) on the new release answered $code three times in a row; accepted: $health_ranges"
  case $code in
    400 | 421) switch_refuse "$said. The app may accept certain Host headers only: set app.health_host to a name that it accepts, or correct app.health" ;;
    3??) switch_refuse "$said. It redirects to $(answer_location "$health"). Set app.health to a path that answers itself, or add $code to app.health_status" ;;
  esac
  gate_wait "waiting for the list of the app's paths"
  paths=$(preflight_routes)
  paths="${paths:+. Paths of the app: $paths}"
  case $code in
    401 | 403 | 407) switch_refuse "$said. This path needs a login. Set app.health in hosts.toml to a path that needs none, or add $code to app.health_status$paths" ;;
    404 | 410) switch_refuse "$said. The app has no such path. Set app.health in hosts.toml to one that it has$paths" ;;
    405) switch_refuse "$said. This path takes no GET requests. Set app.health in hosts.toml to one that does$paths" ;;
    *) switch_refuse "$said. Correct app.health or app.health_status in hosts.toml, or the app$paths" ;;
  esac
}

# answer_location PATH: print where a path of the new release redirects to; nothing if it does not redirect.
answer_location() { gate_request "$new" "$health_timeout" "$1" -o /dev/null -w '%{redirect_url}' | tr -cd '!-~' | cut -c 1-200; }

# answer_no_circle: refuse the release if its health check redirects in a circle: no visitor would ever see a page. A redirect to
# another host or scheme is not followed.
answer_no_circle() {
  local path next way
  case $code in 3??) ;; *) return 0 ;; esac
  path=$health
  way=" $health "
  while :; do
    next=$(answer_location "$path") || return 0
    case $next in
      "http://localhost/"* | "$scheme://$health_host/"*) path=/${next#*://*/} ;;
      *) return 0 ;;
    esac
    case $way in *" $path "*) break ;; esac
    way="$way$path "
    # shellcheck disable=SC2086
    set -- $way
    [ $# -le 10 ] || break
  done
  switch_refuse "GET $health on the new release redirects in a circle (${way# }$path), so a browser shows \"too many redirects\". Correct the app, or set app.health to a path that answers itself"
}

# Requests to the site through nginx, on the server itself.

# request_scheme: print https if the site has a certificate, else http. An app with a path may be on the HTTPS site of another app.
request_scheme() {
  local file
  file=$(site_locations_of "$app" | head -n 1)
  if [ -e "$site_enabled-tls" ] || { [ -n "$file" ] && [ -n "$(https_sites "${file%/*}")" ]; }; then echo https; else echo http; fi
}

# request_prefix: print the path of the site that the app has, without a slash at its end, if its own paths do not have it
# ([nginx] path).
request_prefix() {
  local file
  for file in $(site_locations_of "$app"); do
    sed -n 's,^ *proxy_set_header X-Forwarded-Prefix "\(/[^"]*\)";,\1,p' "$file" | head -n 1
    return 0
  done
}

# request_address HOST: print the address to which visitors of a host connect, as the server sees it: the host itself if it is an
# address of the server, else the address that it has on the Internet's side.
request_address() {
  local host
  host=${1#[}
  host=${host%]}
  if ip -o address show 2>/dev/null | awk '{ sub("/.*", "", $4); print $4 }' | grep -qxF -- "$host"; then
    printf '%s\n' "$1"
    return 0
  fi
  # Addresses of documentation (RFC 5737 and 3849): the way to them is the default route.
  ip -4 -o route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \([^ ]*\).*/\1/p' | grep . ||
    ip -6 -o route get 2001:db8::1 2>/dev/null | sed -n 's/.* src \([^ ]*\).*/[\1]/p' | grep . || echo 127.0.0.1
}

# request_host URL: print its host, with the brackets of an IPv6 address.
request_host() { printf '%s\n' "$1" | sed 's,^[a-z]*://,,; s,[/?].*,,; s/:[0-9]*$//'; }

# request_curl URL OPTION…: request a URL of the site from nginx on this server. A site with a password has a login for this.
request_curl() {
  local url
  url=$1
  shift
  if [ -r "$site_login" ]; then set -- -K "$site_login" "$@"; fi
  curl -s -k -o /dev/null --noproxy '*' --max-time "$health_timeout" --connect-to "::$(request_address "$(request_host "$url")"):" "$@" -- "$url" 2>/dev/null
}

# request_site URL: print the status of nginx's answer (0 without an answer) and the release that its header names.
request_site() {
  local answer
  answer=$(request_curl "$1" -D - | tr -d '\r')
  printf '%s %s\n' "$(printf '%s\n' "$answer" | sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' | grep . || echo 0)" \
    "$(printf '%s\n' "$answer" | sed -n 's/^x-release: //Ip')"
}

# request_lost URL: follow the redirects of a URL as a visitor would, as long as they stay on this host. Print a sentence if they
# end where nothing answers, or do not end. Before there is a certificate, a redirect to HTTPS cannot work yet.
request_lost() {
  local url host answer next hops
  url=$1 host=$(request_host "$1") hops=0
  case $site_follow$(request_scheme) in no* | httpshttp) return 0 ;; esac
  while :; do
    answer=$(request_curl "$url" -w '%{http_code} %{redirect_url}') || :
    next=${answer#* }
    if [ "$hops" -gt 0 ] && [ "${answer%% *}" = 000 ]; then
      printf 'GET %s redirects visitors to %s, where nothing answers' "$1" "$url"
      return 0
    fi
    if [ -z "$next" ] || [ "$(request_host "$next")" != "$host" ]; then return 0; fi
    if [ "$hops" -ge 10 ]; then
      printf 'GET %s redirects visitors without end, at last to %s' "$1" "$next"
      return 0
    fi
    url=$next
    hops=$((hops + 1))
  done
}

# request_remedy SENTENCE: print what to do about the sentence of request_lost.
request_remedy() {
  case $1 in
    *' to https://'*'nothing answers') echo "The app itself redirects to HTTPS, which the server has only with a name: set app.domains in hosts.toml, or turn that redirect off in the app (HTTPSRedirectMiddleware)" ;;
    *) echo "Correct the redirect in the app" ;;
  esac
}

# request_check: the announced address shows the live release; else the step fails. A release that does not answer on its own
# socket either is no fault of nginx.
# The certificate may still lack a new first name; then another name of the site is asked for.
# Values: app live_socket site_enabled site_login site_host site_follow health health_timeout header
request_check() {
  local live direct host names url answer code release lost
  live=$(readlink "$live_socket") || return 0
  live=${live##*/} live=${live%.sock}
  host=$site_host
  if [ "$(request_scheme)" = https ] && [ -z "$(site_locations_of "$app")" ]; then
    names=$(site_names "$site_enabled-tls")
    case " $names " in *" $host "*) ;; *) host=${names%% *} ;; esac
  fi
  url=$(request_scheme)://$host$(request_prefix)$health
  direct=$(curl -s -o /dev/null -w '%{http_code}' --noproxy '*' --max-time "$health_timeout" --unix-socket "$live_socket" \
    -H "Host: $host" -H "X-Forwarded-Proto: $(request_scheme)" -- "http://localhost$health") || return 0
  answer=$(request_site "$url")
  code=${answer%% *} release=${answer#* }
  if [ "$code" = 0 ]; then
    step_fail "nginx was reloaded, but GET $url, the address of the app, gets no answer on the server. Check in /etc/nginx/sites-enabled and /etc/nginx/conf.d whether another site has this name or address: \`sudo nginx -T\`."
  fi
  if { [ -n "$header" ] && [ "$release" != "$live" ]; } || { [ -z "$header" ] && [ "$code" != "$direct" ]; }; then
    step_fail "nginx was reloaded, but GET $url, the address of the app, shows another site: it answered $code${release:+ from release $release}, not from the live release $live. Check in /etc/nginx/sites-enabled and /etc/nginx/conf.d which site has this name or address: \`sudo nginx -T\`."
  fi
  lost=$(request_lost "$url")
  [ -z "$lost" ] || step_fail "$lost. $(request_remedy "$lost")."
}

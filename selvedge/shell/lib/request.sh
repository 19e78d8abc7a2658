# Requests to the site through nginx, on the server itself.

# request_scheme: print https if the site has a certificate, else http. An app with a path may be on the HTTPS site of another app.
request_scheme() {
  local file
  file=$(site_locations_of "$app" | head -n 1)
  if [ -e "$site_enabled-tls" ] || { [ -n "$file" ] && [ -n "$(https_sites "${file%/*}")" ]; }; then echo https; else echo http; fi
}

# request_origin HOST: print the beginning of the site's URLs at a host: the scheme, the host, and the port that nginx's files name,
# if it is not the usual one.
request_origin() { printf '%s://%s%s\n' "$(request_scheme)" "$1" "$(request_port)"; }

# request_port: print ":8443"; nothing for the usual port.
request_port() {
  local file
  if [ "$(request_scheme)" = https ]; then
    file=$site_enabled-tls
    [ -e "$file" ] || file=$(site_locations_of "$app" | head -n 1)
    [ "$file" = "$site_enabled-tls" ] || file=$(https_sites "${file%/*}" | head -n 1)
    sed -n 's/^ *include .*selvedge-listen-tls-\([0-9]*\)\.conf;.*/:\1/p' "$file" 2>/dev/null | head -n 1
  else
    cat "$site_enabled" "/etc/nginx/conf.d/00-selvedge-$app.conf" 2>/dev/null | sed -n 's/^ *listen \([0-9]*\)[ ;].*/:\1/p' | head -n 1 | grep -vxF :80 || :
  fi
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

# request_is_here HOST: whether the host is this server.
request_is_here() {
  local addresses
  addresses=$(timeout 3 getent ahosts "$1" 2>/dev/null | awk '{ print $1 }' | sort -u) || return 1
  [ -n "$addresses" ] && site_addresses | grep -qxF -- "$addresses"
}

# request_maintenance STATUS: whether the answer is the app's maintenance page, which visitors get until `fab maintenance --off`.
request_maintenance() { [ "$1" = 503 ] && [ -n "$(maintenance_fact "$app")" ]; }

# request_lost URL: follow the redirects of a URL as a visitor would, as long as they stay on this server. Print a sentence if they
# end where nothing answers, or do not end. Before there is a certificate, a redirect to HTTPS cannot work yet.
request_lost() {
  local url host answer next hops
  url=$1 host=$(request_host "$1") hops=0 next=
  case $site_follow$(request_scheme) in no* | httpshttp) return 0 ;; esac
  while :; do
    answer=$(request_curl "$url" -w '%{http_code} %{redirect_url}') || :
    next=${answer#* }
    if [ "$hops" -gt 0 ] && [ "${answer%% *}" = 000 ]; then
      printf 'GET %s redirects visitors to %s, where nothing answers' "$1" "$url"
      return 0
    fi
    if [ -z "$next" ] || { [ "$(request_host "$next")" != "$host" ] && ! request_is_here "$(request_host "$next")"; }; then return 0; fi
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
  case $(request_scheme)$1 in
    http[!s]*' to https://'*'nothing answers') echo "The app itself redirects to HTTPS, which the server has only with a name: set app.domains in hosts.toml, or turn that redirect off in the app (HTTPSRedirectMiddleware)" ;;
    *) echo "Correct the redirect in the app or, if it leads to another name of the app, add that name to app.domains" ;;
  esac
}

# request_files PATTERN…: print the files of other sites in nginx's configuration that have a `listen` or `server_name` with one of
# these values, a line each.
request_files() {
  nginx -T 2>/dev/null | sed '/^# configuration file /!s/#.*//; /^# configuration file /!y/{}/;;/' |
    awk -v own="$site_enabled" -v values="$*" '
      BEGIN { count = split(values, wanted, " ") }
      /^# configuration file / { file = $4; sub(/:$/, "", file); next }
      file == own || file == own "-tls" || file in shown { next }
      {
        parts = split($0, part, ";")
        for (i = 1; i <= parts; i++) {
          gsub(/["\047]/, " ", part[i])
          gsub(/[ \t]+/, " ", part[i])
          part[i] = tolower(part[i])
          if (part[i] !~ /^ ?(listen|server_name) /) continue
          for (j = 1; j <= count; j++)
            if (!(file in shown) && (index(part[i] " ", " " wanted[j] " ") || index(part[i], " " wanted[j] ":"))) {
              shown[file]
              print file
            }
        }
      }'
}

# request_cause HOST: print why nginx does not show the app at this host, and what to do about it.
request_cause() {
  local found
  if ! nginx -T 2>/dev/null | grep -qxF -- "# configuration file $site_enabled:"; then
    echo "nginx does not read $site_enabled. In the http block of /etc/nginx/nginx.conf, replace its include line for that folder with \`include /etc/nginx/sites-enabled/*;\`, or add this line."
    return 0
  fi
  set -- "$1" "$(request_address "$1")"
  # An app without a name is the default site.
  case $(site_names "$site_enabled") in _*) set -- "$@" default_server ;; esac
  found=$(request_files "$@" | paste -s -d , | sed 's/,/, /g')
  if [ -n "$found" ]; then
    echo "Another site has this name or address. Look for it in $found: remove the name or address from its server_name and listen lines, or the file."
  else
    echo "Find the site that has this name or address with \`sudo nginx -T\`."
  fi
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
  url=$(request_origin "$host")$(request_prefix)$health
  direct=$(curl -s -o /dev/null -w '%{http_code}' --noproxy '*' --max-time "$health_timeout" --unix-socket "$live_socket" \
    -H "Host: $host" -H "X-Forwarded-Proto: $(request_scheme)" -- "http://localhost$health") || return 0
  answer=$(request_site "$url")
  code=${answer%% *} release=${answer#* }
  if [ "$code" = 0 ]; then
    step_fail "nginx was reloaded, but GET $url, the address of the app, gets no answer on the server. $(request_cause "$host")"
  fi
  if request_maintenance "$code"; then return 0; fi
  if { [ -n "$header" ] && [ "$release" != "$live" ]; } || { [ -z "$header" ] && [ "$code" != "$direct" ]; }; then
    step_fail "nginx was reloaded, but GET $url, the address of the app, shows another site: it answered $code${release:+ from release $release}, not from the live release $live. $(request_cause "$host")"
  fi
  lost=$(request_lost "$url")
  [ -z "$lost" ] || step_fail "$lost. $(request_remedy "$lost")."
}

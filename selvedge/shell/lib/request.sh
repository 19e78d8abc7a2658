# Requests to the site through nginx, on the server itself.

# request_scheme: print https if the site has a certificate, else http.
request_scheme() { if [ -e "$site_enabled-tls" ]; then echo https; else echo http; fi; }

# request_site URL: print the status of nginx's answer (0 without an answer) and the release that its header names.
request_site() {
  local answer
  answer=$(curl -s -k -o /dev/null -D - --noproxy '*' --max-time "$health_timeout" --connect-to '::127.0.0.1:' -- "$1" 2>/dev/null | tr -d '\r')
  printf '%s %s\n' "$(printf '%s\n' "$answer" | sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' | grep . || echo 0)" \
    "$(printf '%s\n' "$answer" | sed -n 's/^x-release: //Ip')"
}

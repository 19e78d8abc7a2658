# Certificates by certbot: reading one, asking for one after a look at DNS and port 80, and proof that nginx serves it.

# certbot_fact NAME: its dates and names, how certbot would renew it, and the server's time.
certbot_fact() {
  if [ -s "/etc/letsencrypt/live/$1/fullchain.pem" ] && [ -s "/etc/letsencrypt/live/$1/privkey.pem" ]; then
    date '+now=%s'
    openssl x509 -in "/etc/letsencrypt/live/$1/fullchain.pem" -noout -startdate -enddate -ext subjectAltName || true
    grep -E '^(server|authenticator|webroot_path|renew_hook) = ' "/etc/letsencrypt/renewal/$1.conf" || true
  fi
}

# certbot_issue NAME PROGRAM SERVER EMAIL WEBROOT HOOK DOMAIN…
certbot_issue() {
  certbot_name=$1 certbot_program=$2 certbot_server=$3 certbot_email=$4 certbot_webroot=$5 certbot_hook=$6
  shift 6
  certbot_check "$@"
  certbot_domains=$*
  set --
  # A host name holds no space.
  for domain in $certbot_domains; do set -- "$@" -d "$domain"; done
  if [ -n "$certbot_email" ]; then
    set -- "$@" --email "$certbot_email"
  else
    set -- "$@" --register-unsafely-without-email
  fi
  certbot_trust
  step_say "asking the certificate authority at $certbot_server"
  certbot_waited=0
  while ! "$certbot_program" certonly --non-interactive --agree-tos --cert-name "$certbot_name" --key-type ecdsa \
    --server "$certbot_server" --webroot --webroot-path "$certbot_webroot" --deploy-hook "$certbot_hook" \
    --renew-with-new-domains --force-renewal "$@" >"${undo:?}/certbot" 2>&1; do
    if [ "$certbot_waited" -lt 120 ] && grep -q 'Another instance of Certbot' "${undo:?}/certbot"; then
      step_say "waiting for another certbot that runs on the server"
      sleep 5
      certbot_waited=$((certbot_waited + 5))
      continue
    fi
    cat "${undo:?}/certbot"
    certbot_refused
  done
  cat "${undo:?}/certbot"
}

# certbot_rehearse NAME PROGRAM [SERVER]: a renewal that keeps no certificate and reloads nothing, against the staging
# side of Let's Encrypt, or against another authority at its own address, since that has no other.
certbot_rehearse() {
  if [ ! -x "$2" ] || [ ! -e "/etc/letsencrypt/renewal/$1.conf" ]; then
    echo "there is no certificate by certbot yet"
    return 1
  fi
  certbot_trust
  "$2" renew --dry-run --no-random-sleep-on-renew --cert-name "$1" ${3:+--server "$3"}
}

# certbot_refused: the authority's own words, from certbot's output.
certbot_refused() {
  detail=$(sed -n 's/^ *Domain: */ /p; s/^ *Detail: */: /p' "${undo:?}/certbot" | tr -d '\n')
  if [ -n "$detail" ]; then
    step_fail "The certificate authority could not verify the domains. It says:$detail. It comes from the Internet to port 80: let it in at the provider's firewall, too."
  fi
  # Debian 12's certbot fails over the authority's error ("can't set attribute"), and only its log has it.
  said=$(sed -n 's/^acme\.messages\.Error: urn:ietf:params:acme:error:[A-Za-z]* :: //p' /var/log/letsencrypt/letsencrypt.log 2>/dev/null | tail -n 1)
  said=${said:-$(grep -vE '^$|^Saving debug log|^Ask for help|^See the logfile|^An unexpected error|^Account registered|^Requesting' "${undo:?}/certbot" | tail -n 1)}
  case $said in
    *'rate limit'* | *'Rate limit'* | *rateLimit* | *'oo many'*)
      step_fail "The certificate authority gives no more certificates for now: ${said##* :: }. Try with [tls] staging = true meanwhile"
      ;;
  esac
  step_fail "Certbot got no certificate: ${said##* :: }"
}

# certbot_trust: where private authorities are set ([tls] acme_ca), certbot trusts them besides the system's.
certbot_trust() {
  for certbot_ca in /etc/selvedge/*/acme-ca.pem; do
    [ -e "$certbot_ca" ] || return 0
  done
  [ -d /run/selvedge ] || mkdir -m 0700 /run/selvedge
  cat /etc/ssl/certs/ca-certificates.crt /etc/selvedge/*/acme-ca.pem >/run/selvedge/acme-ca.pem
  REQUESTS_CA_BUNDLE=/run/selvedge/acme-ca.pem
  export REQUESTS_CA_BUNDLE
}

# certbot_check DOMAIN…: each name must lead here, and port 80 must answer our token; an authority counts failed tries.
certbot_check() {
  command -v curl >/dev/null 2>&1 || step_fail "curl is not installed on the server: run \`fab install\` first"
  certbot_folder=$certbot_webroot/.well-known/acme-challenge
  certbot_token=selvedge-$(od -A n -N 8 -t x1 /dev/urandom | tr -d ' \n')
  mkdir -p -- "$certbot_folder"
  printf '%s' "$certbot_token" >"$certbot_folder/$certbot_token"
  certbot_own=$(ip -o address show | awk '{ sub("/.*", "", $4); print $4 }')
  certbot_problems=
  for domain in "$@"; do certbot_check_domain "$domain"; done
  rm -f -- "$certbot_folder/$certbot_token"
  [ -z "$certbot_problems" ] || step_fail "No certificate was asked for:$certbot_problems"
}

certbot_check_domain() {
  # Without --no-addrconfig (glibc 2.36) a server that has no IPv6 itself does not see a wrong AAAA record.
  addresses=$(getent --no-addrconfig ahosts "$1" 2>/dev/null || getent ahosts "$1" || true)
  addresses=$(printf '%s\n' "$addresses" | awk 'NF { print $1 }' | sort -u)
  if [ -z "$addresses" ]; then
    certbot_problems="$certbot_problems $1 has no address in the DNS: add an A record with this server's public address."
  fi
  for address in $addresses; do
    case $address in *:*) at="[$address]" record=AAAA ;; *) at=$address record=A ;; esac
    answer=$(curl --silent --show-error --max-time 10 --noproxy '*' --resolve "$1:80:$at" \
      --write-out '\nHTTP status %{http_code}' "http://$1/.well-known/acme-challenge/$certbot_token" 2>&1 | head -c 2000 || true)
    if [ "$(printf '%s\n' "$answer" | head -n 1)" = "$certbot_token" ]; then continue; fi
    outcome=$(printf '%s\n' "$answer" | grep -E '^curl:|^HTTP status' | head -n 1)
    if printf '%s\n' "$certbot_own" | grep -qxF -- "$address"; then
      certbot_problems="$certbot_problems nginx here does not answer for http://$1/.well-known/acme-challenge/ at $address ($outcome); run \`fab nginx\` and look at the other sites in /etc/nginx/sites-enabled."
    elif certbot_behind_nat "$address"; then
      step_say "whether $1 ($address) leads to this server cannot be seen from here, behind its network's address translation"
    else
      certbot_problems="$certbot_problems $1 leads to $address, and not to this server ($(printf '%s\n' "$certbot_own" | grep -vE '^(127\.|::1$|fe80:)' | paste -s -d , -)): correct its $record record in the DNS, and wait until the old one has expired."
    fi
  done
}

# certbot_behind_nat ADDRESS: a public IPv4 address, and this server has none itself.
certbot_behind_nat() {
  case $1 in *:*) return 1 ;; esac
  if certbot_private "$1"; then return 1; fi
  for certbot_address in $certbot_own; do
    case $certbot_address in *:*) continue ;; esac
    certbot_private "$certbot_address" || return 1
  done
}

# RFC 1918, 6598, 3927, 1122.
certbot_private() {
  case $1 in
    10.* | 192.168.* | 127.* | 169.254.* | 172.1[6-9].* | 172.2[0-9].* | 172.3[01].*) return 0 ;;
    100.6[4-9].* | 100.[7-9][0-9].* | 100.1[01][0-9].* | 100.12[0-7].*) return 0 ;;
  esac
  return 1
}

# certbot_snap: as certbot's own instructions have it.
certbot_snap() {
  apt_install snapd
  timeout 120 snap wait system seed.loaded || step_fail "snapd does not come up on this server"
  snap install core
  snap refresh core
  snap install --classic certbot
  [ -e /usr/bin/certbot ] || ln -s /snap/bin/certbot /usr/bin/certbot
}

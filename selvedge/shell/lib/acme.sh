# What a certificate authority answered certbot in this run, and what to do about it.

# acme_log_begin: print which file certbot's log is, and its size. Debian's certbot appends to the logs of earlier runs.
acme_log_begin() { stat -c '%i %s' /var/log/letsencrypt/letsencrypt.log 2>/dev/null || echo 0 0; }

# acme_log MARK: print the part of certbot's log after acme_log_begin.
acme_log() {
  local log
  log=/var/log/letsencrypt/letsencrypt.log
  if [ "$(stat -c %i "$log" 2>/dev/null)" = "${1% *}" ]; then tail -c "+$((${1#* } + 1))" "$log"; else cat "$log" 2>/dev/null || :; fi
}

# acme_refused OUTPUT MARK: fail with the authority's own message, from certbot's output and log.
# Values: server checked domain
acme_refused() {
  local detail types remedies kind said output log
  output=$1 log=$2
  detail=$(sed -n 's/^ *Domain: */ /p; s/^ *Detail: */: /p' "$output" | tr -d '\n')
  types=$(sed -n 's/^ *Type: *\([A-Za-z]*\).*/\1/p' "$output" | sort -u)
  if [ -n "$detail" ]; then
    remedies=
    for kind in ${types:-unauthorized}; do remedies="$remedies $(acme_remedy "$kind" "$detail")"; done
    step_fail "The certificate authority could not verify the domains:${detail%.}.$remedies"
  fi
  # Debian 12's certbot crashes on the authority's error ("can't set attribute"); only its log has the error.
  said=$(acme_log "$log" | sed -n 's/^acme\.messages\.Error: urn:ietf:params:acme:error:\([A-Za-z]*\) :: /\1 /p' | tail -n 1)
  kind=${said%% *}
  said=${said#* }
  if [ -z "$said" ]; then
    said=$(grep -vE '^$|^Saving debug log|^Ask for help|^See the logfile|^An unexpected error|^Account registered|^Requesting|^To use certbot-dns-' "$output" | tail -n 1)
    case $said in *'rate limit'* | *'Rate limit'* | *rateLimit* | *'oo many'*) kind=rateLimited ;; esac
  fi
  said=${said##* :: }
  if [ "$kind" = rateLimited ]; then
    step_fail "The certificate authority issues no more certificates for now: ${said%.}. To continue with test certificates, set staging = true under [tls] in hosts.toml."
  fi
  step_fail "certbot could not get a certificate: ${said%.}. $(acme_remedy "${kind:-unknown}" "$said")"
}

# acme_remedy TYPE TEXT: print what to do about an error of this type (RFC 8555, 6.7) with this text.
# Values: server checked domain
acme_remedy() {
  local kind text
  kind=$1 text=$2
  case $kind:$checked:$text in
    *[Ee]'xternal account'* | *eab* | *"'kid' references"*)
      acme_account
      return 0
      ;;
    unauthorized::*)
      echo "It did not find the record _acme-challenge.$domain that certbot wrote. Wait longer with dns_propagation under [tls] in hosts.toml, and check that the name servers of the domain are those of dns_plugin: \`dig +trace $domain\`."
      return 0
      ;;
  esac
  case $kind in
    connection) echo "It connects to port 80 from the Internet, so check that your provider's firewall allows that." ;;
    dns) echo "It could not look up the name, so check the records at your DNS provider: \`dig +trace $domain\`. New records take some minutes, and DNSSEC must be right or off." ;;
    unauthorized) echo "It reached another server or a proxy, so check the name's A and AAAA records, and that a proxy passes on /.well-known/acme-challenge/." ;;
    caa) echo "A CAA record of the domain names another authority: add this authority to it at your DNS provider, or delete it." ;;
    rejectedIdentifier) echo "This authority gives no certificate for this name: correct app.domains in hosts.toml." ;;
    invalidContact | unsupportedContact) echo "Correct email under [tls] in hosts.toml." ;;
    externalAccountRequired) acme_account ;;
    serverInternal) echo "The fault is at the authority: try again later with \`fab certbot\`." ;;
    *)
      case $text in
        *CERTIFICATE_VERIFY_FAILED* | *'certificate verify failed'*) echo "The server does not trust the certificate of $server: set acme_ca under [tls] in hosts.toml to the certificate of the authority that signed it." ;;
        *'Name or service not known'* | *'name resolution'* | *'Failed to resolve'*) echo "The server could not look up the authority's address. Check acme_server under [tls], and the server's DNS: \`resolvectl query example.com\`." ;;
        *onnection* | *'timed out'* | *'Max retries'* | *imeout*) echo "The server could not reach $server. Check acme_server under [tls], and that the server may connect to it: \`curl -I $server\`." ;;
        *)
          if grep -qs certbot-dns-route53 "${undo:-}/certbot"; then
            echo "Put credentials that may change the zone on the server as /root/.aws/credentials, readable by root only, or give the machine a role."
          elif [ -z "$checked" ]; then
            echo "Check the credentials for the DNS: dns_credentials under [tls] in hosts.toml, or SELVEDGE_DNS_CREDENTIALS."
          fi
          echo "certbot's log is /var/log/letsencrypt/letsencrypt.log on the server."
          ;;
      esac
      ;;
  esac
}

# acme_account: print what to do about an authority that wants to know its accounts.
acme_account() { echo "This authority wants an account that you have made there (external account binding): set eab_kid under [tls] in hosts.toml, and SELVEDGE_EAB_HMAC_KEY in .env, exactly as the authority shows them."; }

# nginx's sites side by side: the names that each claims, and the folders that nginx serves files from.

# site_is_debians: Debian's default site is enabled as the package brought it. Some people write their own site into that file.
site_is_debians() {
  local packaged
  [ -f /etc/nginx/sites-enabled/default ] || return 1
  # shellcheck disable=SC2016
  packaged=$(dpkg-query -W -f '${Conffiles}\n' nginx-common 2>/dev/null |
    sed -n 's#^ /etc/nginx/sites-available/default \([0-9a-f]*\).*#\1#p') || return 1
  [ -n "$packaged" ] && [ "$(md5sum </etc/nginx/sites-enabled/default | cut -d ' ' -f 1)" = "$packaged" ]
}

# site_directives FILE…: the directives that say which requests the server blocks of these files answer. Missing files are skipped.
site_directives() {
  local path
  for path; do
    shift
    if [ -f "$path" ]; then set -- "$@" "$path"; fi
  done
  if [ $# -eq 0 ]; then return 0; fi
  awk '
    FNR == 1 { said(left); left = ""; print "file " FILENAME }
    { sub(/(^|[ \t])#.*/, ""); gsub(/[;}]/, "\n"); gsub(/[{]/, " {\n"); gsub(/[ \t]+/, " "); left = left $0 " " }
    { while ((end = index(left, "\n"))) { said(substr(left, 1, end - 1)); left = substr(left, end + 1) } }
    END { said(left) }
    function said(directive) { if (sub(/^ *server *[{]/, "server {", directive) || sub(/^ */, "", directive) && directive ~ /^(listen|server_name|include) /) print directive }
  ' "$@"
}

# The output of site_directives for all enabled sites.
site_claims=

# site_addresses: print the server's own addresses, without those of the loopback interface.
site_addresses() {
  local number interface family address rest
  # shellcheck disable=SC2034
  ip -o address show scope global 2>/dev/null | while read -r number interface family address rest; do printf '%s\n' "${address%%/*}"; done
}

# site_names FILE: print the names of its first server block.
site_names() { sed -n 's/^ *server_name  *\([^;]*\);.*/\1/p' "$1" 2>/dev/null | head -n 1; }

# site_hold_fact FILE CERTIFICATE: the names that the site has now, those of its redirects, too, those of certbot's certificate, and
# the server's addresses.
site_hold_fact() {
  printf 'names %s\n' "$(site_names "$1")"
  printf 'listed %s\n' "$(sed -n 's/^ *server_name  *\([^;]*\);.*/\1/p' "$1" 2>/dev/null | paste -s -d ' ')"
  printf 'certified %s\n' "$(openssl x509 -in "/etc/letsencrypt/live/$2/fullchain.pem" -noout -ext subjectAltName 2>/dev/null |
    grep -o 'DNS:[^, ]*' | cut -d : -f 2 | paste -s -d ' ')"
  printf 'addresses %s\n' "$(site_addresses | paste -s -d ' ')"
}

# site_fact: the directives of all enabled sites, read once for all probes of a script.
site_fact() {
  local path
  if [ -z "$site_claims" ]; then
    set -- /etc/nginx/conf.d/*.conf
    for path in /etc/nginx/sites-enabled/*; do
      # Debian's own site will be disabled.
      if [ "${path##*/}" != default ] || ! site_is_debians; then set -- "$@" "$path"; fi
    done
    site_claims=$(site_directives "$@")
  fi
  printf '%s\n' "$site_claims"
}

# site_locations: the outer locations of all apps, and of other files that sites include, as FILE:LINE.
site_locations() { grep -sHE '^location ' /etc/nginx/selvedge/sites/*/*.conf /etc/nginx/snippets/*.conf || :; }

# site_locations_of APP: the files that pass paths of sites to this app ([nginx] path).
site_locations_of() {
  local file
  for file in /etc/nginx/selvedge/sites/*/"$1.conf"; do
    if [ -e "$file" ]; then printf '%s\n' "$file"; fi
  done
}

# site_readable RELEASE FOLDER [spa]: let other users read the folder. It, and the target of every link in it, must be in the
# release.
site_readable() {
  local real top links link
  real=$(realpath -e -- "$1/$2" 2>/dev/null) && [ -d "$real" ] ||
    step_fail "The folder $2 ([nginx] ${3:-static}) is not in this release. Correct its name in hosts.toml, or create it with a hook."
  top=$(realpath -e -- "$1")
  case $real in
    "$top"/*) ;;
    *) step_fail "The folder $2 ([nginx] ${3:-static}) is a link to a place outside the release. Replace the link with a folder." ;;
  esac
  links=$(find "$real" -type l)
  [ -z "$links" ] || printf '%s\n' "$links" | while IFS= read -r link; do
    case $(realpath -m -- "$link") in
      "$real"/*) ;;
      *) step_fail "The folder $2 ([nginx] ${3:-static}) contains ${link#"$top"/}, a link to a place outside the folder. Remove the link from the repository." ;;
    esac
  done || exit 1
  # find follows no link.
  find "$real" -type d ! -perm -o=rx -exec chmod o+rx -- '{}' +
  find "$real" -type f ! -perm -o=r -exec chmod o+r -- '{}' +
}

# site_unreadable RELEASE FOLDER: the first path in the folder that other users cannot read; "absent" if there is no such folder.
site_unreadable() {
  if [ ! -d "$1/$2" ]; then
    echo absent
    return 0
  fi
  find -H "$1/$2" \( -type d ! -perm -o=rx -o -type f ! -perm -o=r \) -print -quit
}

# site_without_page RELEASE FOLDER: print "no page" if the folder has no index.html.
site_without_page() { [ -f "$1/$2/index.html" ] || echo no page; }

# site_page RELEASE FOLDER: fail if the folder has no index.html.
site_page() {
  [ -f "$1/$2/index.html" ] ||
    step_fail "The folder $2 ([nginx] spa) has no index.html in this release. Build the page into it before the deploy, or correct the name in hosts.toml."
}

# site_media USER SHARED FOLDER: make a folder where the app writes and nginx reads. The app's user does it: the app can put
# links there, so root must not follow a path in it. chmod sets the set-group-ID bit only on the working directory: a path
# could have become a program of the app by then, which would run with nginx's group.
site_media() {
  # shellcheck disable=SC2016
  step_try setpriv --reuid="$1" --regid=www-data --clear-groups -- sh -c '
    set -eu
    umask 0027
    cd -- "$1"
    rest=$2/
    while [ -n "$rest" ]; do
      part=${rest%%/*} rest=${rest#*/}
      [ -n "$part" ] || continue
      [ -d "$part" ] || mkdir -- "$part"
      cd -P -- "$part"
      case $(pwd -P)/ in "$1"/*) ;; *) echo "$2 is a link to a place outside $1"; exit 1 ;; esac
      chgrp www-data .
      if [ -n "$rest" ]; then chmod g+x .; else chmod 2750 .; fi
    done
    find . -user "$(id -u)" ! -group www-data ! -type l -exec chgrp www-data -- "{}" +
    find . -user "$(id -u)" -type d ! -perm -g=rxs -exec sh -c \
      "for folder; do (cd -P -- \"\$folder\" && chmod g+rxs .) || :; done" sh "{}" +
    find . -user "$(id -u)" -type f ! -perm -g=r -exec chmod g+r -- "{}" +
  ' sh "$2" "$3" || step_fail "Could not make the folder $2/$3 ([nginx] media) readable for nginx: $reason. Check that it is a folder, and that the user $1 owns it."
}

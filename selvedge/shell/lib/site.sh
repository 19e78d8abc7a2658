# nginx's sites: what each claims, the folders that it serves files from, and the box that nginx itself runs in.

# site_debians: the site that Debian's package brings is enabled, as it was brought. In the same file many have their own.
site_debians() {
  [ -f /etc/nginx/sites-enabled/default ] || return 1
  # shellcheck disable=SC2016
  brought=$(dpkg-query -W -f '${Conffiles}\n' nginx-common 2>/dev/null |
    sed -n 's#^ /etc/nginx/sites-available/default \([0-9a-f]*\).*#\1#p') || return 1
  [ -n "$brought" ] && [ "$(md5sum </etc/nginx/sites-enabled/default | cut -d ' ' -f 1)" = "$brought" ]
}

# site_fact FILE…: of the files that exist, the directives that say for what a server block answers.
site_fact() {
  for path; do
    shift
    if [ -f "$path" ]; then set -- "$@" "$path"; fi
  done
  if [ $# -eq 0 ]; then return 0; fi
  awk '
    FNR == 1 { printf "\nfile %s\n", FILENAME }
    { sub(/(^|[ \t])#.*/, ""); gsub(/[;}]/, "\n"); gsub(/[{]/, " {\n"); gsub(/[ \t]+/, " "); printf "%s ", $0 }
  ' "$@" | sed -n 's/^ *\(file \/.*\)/\1/p; s/^ *\(server {\)/\1/p; s/^ *\(\(listen\|server_name\|include\) .*\)/\1/p'
}

# site_read: what all enabled sites claim in $site_shown, and nginx's version in $nginx_shown, once for all probes of a script.
site_read() {
  if [ -n "${nginx_shown-}" ]; then return 0; fi
  nginx_shown=$(nginx -v 2>&1) || nginx_shown=none
  set -- /etc/nginx/conf.d/*.conf
  for path in /etc/nginx/sites-enabled/*; do
    # Debian's own goes, and claims nothing.
    if [ "${path##*/}" != default ] || ! site_debians; then set -- "$@" "$path"; fi
  done
  # shellcheck disable=SC2034 # for the probes
  site_shown=$(site_fact "$@")
}

# site_inside TOP FOLDER: the folder's real path in $real; it and every link in it must stay inside of TOP.
site_inside() {
  real=$(realpath -e -- "$1/$2" 2>/dev/null) && [ -d "$real" ] ||
    step_fail "the folder $2, which nginx is to serve ([nginx] static), is not in this release. Correct its name in hosts.toml, or have a hook make it"
  top=$(realpath -e -- "$1")
  case $real in
    "$top"/*) ;;
    *) step_fail "the folder $2, which nginx is to serve ([nginx] static), is a link out of the release" ;;
  esac
  site_links=$(find "$real" -type l)
  [ -z "$site_links" ] || printf '%s\n' "$site_links" | while IFS= read -r link; do
    case $(realpath -m -- "$link") in
      "$real"/*) ;;
      *) step_fail "nginx is to serve the folder $2, but in it ${link#"$top"/} is a link that leads out of it. Take it out of the repository" ;;
    esac
  done || exit 1
}

# site_readable TOP FOLDER: others may read what is in it. find follows no link.
site_readable() {
  site_inside "$1" "$2"
  find "$real" -type d ! -perm -o=rx -exec chmod o+rx -- '{}' +
  find "$real" -type f ! -perm -o=r -exec chmod o+r -- '{}' +
}

# site_unreadable TOP FOLDER: the first path that others cannot read; "absent" where there is no such folder.
site_unreadable() {
  if [ ! -d "$1/$2" ]; then
    echo absent
    return 0
  fi
  find -H "$1/$2" \( -type d ! -perm -o=rx -o -type f ! -perm -o=r \) -print -quit
}

# site_media USER SHARED FOLDER: made by the app's user itself, with nginx's group: in a folder where the app may put links,
# root opens nothing. The set-group-ID bit is given to the working directory alone: a path may be another file by now, and a
# program of the app's that had it would run with nginx's group.
site_media() {
  # shellcheck disable=SC2016
  setpriv --reuid="$1" --regid=www-data --clear-groups -- sh -c '
    set -eu
    umask 0027
    cd -- "$1"
    rest=$2/
    while [ -n "$rest" ]; do
      part=${rest%%/*} rest=${rest#*/}
      [ -n "$part" ] || continue
      [ -d "$part" ] || mkdir -- "$part"
      cd -P -- "$part"
      case $(pwd -P)/ in "$1"/*) ;; *) echo "$2 is a link out of $1"; exit 1 ;; esac
      chgrp www-data .
      if [ -n "$rest" ]; then chmod g+x .; else chmod 2750 .; fi
    done
    find . -user "$(id -u)" ! -group www-data ! -type l -exec chgrp www-data -- "{}" +
    find . -user "$(id -u)" -type d ! -perm -g=rxs -exec sh -c \
      "for folder; do (cd -P -- \"\$folder\" && chmod g+rxs .) || :; done" sh "{}" +
    find . -user "$(id -u)" -type f ! -perm -g=r -exec chmod g+r -- "{}" +
  ' sh "$2" "$3" || step_fail "the folder $2/$3 ([nginx] media) cannot be made readable for nginx: is it a folder of the user $1?"
}

# site_needs: what the sites of this server need beyond the box, as lines of a unit. Folders of logs, caches and buffers
# (up to a variable in their names); /tmp; what compiles at run time; what writes where it serves from.
site_needs() {
  nginx -T 2>/dev/null | awk '{ sub(/(^|[ \t])#.*/, ""); gsub(/["\047]/, ""); gsub(/[;{}]/, "\n"); printf "%s ", $0 }' | awk '
    function writes(folder) {
      if (folder ~ /^\/[A-Za-z0-9._\/@+:-]+$/ && folder !~ /^\/(run|dev|tmp|var\/(run|log|tmp|lib\/nginx|cache\/nginx))(\/|$)/)
        print "ReadWritePaths=-" folder
    }
    /[ :]\/(var\/)?tmp\// { print "PrivateTmp=no" }
    $1 ~ /^(access|error)_log$/ { sub(/\/[^\/]*(\$.*)?$/, "", $2); writes($2) }
    $1 ~ /_(cache|temp)_path$/ { sub(/\/[^\/]*\$.*/, "", $2); writes($2) }
    $1 == "load_module" && /lua|perl|js|passenger/ { print "MemoryDenyWriteExecute=no" }
    $1 ~ /^(passenger_root|dav_methods|[a-z]+_store)$/ && $2 != "off" { print "ProtectSystem=full\nProtectHome=no" }
  ' | sort -u
}

# site_boxed UNIT…: nginx accepts its configuration under the restrictions of these files; else its words in $refused.
site_boxed() {
  cat -- "$@" >"$undo/box"
  set --
  while IFS= read -r line; do
    case $line in [A-Z]*=*) set -- "$@" -p "$line" ;; esac
  done <"$undo/box"
  refused=$(systemd-run --quiet --wait --collect --pipe "$@" nginx -t -q 2>&1) || return 1
}

# site_box DROPIN: a changed box holds from the next start of nginx on; one that serves no site yet is started anew. Where
# other sites need more, they get it by a file beside it: a box must not keep them from coming back at the next boot.
site_box() {
  more=${1%/*}/60-selvedge-sites.conf
  site_needs >"$undo/needs"
  if [ -s "$undo/needs" ]; then
    step_say "nginx gets what the sites of this server need beyond its box: $(paste -s -d ' ' "$undo/needs")"
    printf '# What the sites of this server need beyond 50-selvedge.conf. Written with it by fab nginx.\n[Service]\n' |
      cat - "$undo/needs" | file_put "$more" 0644 root root
    set -- "$1" "$more"
  else
    file_keep "$more"
    rm -f -- "$more"
  fi
  if ! site_boxed "$@"; then
    nginx -t -q 2>/dev/null || step_fail "nginx is broken already, also without the restrictions of $1: $refused. Mend that file first"
    step_fail "nginx would not start with the restrictions of $1, which was taken back: $refused"
  fi
  systemctl daemon-reload
  systemctl is-active -q nginx || return 0
  for path in /etc/nginx/sites-enabled/*; do
    case $path in *'/*') continue ;; */default) if site_debians; then continue; fi ;; esac
    step_say "nginx runs on as it is, since a restart would lose requests; its stricter box holds from its next start on"
    return 0
  done
  if ! systemctl restart nginx; then
    rm -f -- "$@"
    systemctl daemon-reload
    systemctl restart nginx || :
    step_fail "nginx does not start with the restrictions of $1, which was taken away again: journalctl -u nginx -n 50"
  fi
}

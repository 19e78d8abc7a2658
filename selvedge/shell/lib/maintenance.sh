# The maintenance page of a site (`fab maintenance`): the files that nginx includes while it is on. The first line of the file that
# sends requests to the page says since when, and by whom: site.conf, or location.conf of an app with a path.

# maintenance_fact APP: print "maintenance SINCE BY", the time as ISO 8601; nothing if it is off.
maintenance_fact() {
  local name head
  for name in site location; do
    head=$(probe_line "/etc/nginx/selvedge/$1.maintenance/$name.conf")
    case $head in '# On since '*)
      printf 'maintenance %s\n' "${head#'# On since '}"
      return
      ;;
    esac
  done
}

# maintenance_included APP SITE: print the first of the sites, SITE and SITE-tls, that cannot show the page. The second one may be missing.
maintenance_included() {
  if ! grep -sqF -e "$1.maintenance/" -- "$2"; then
    printf '%s\n' "$2"
  elif [ -e "$2-tls" ] && ! grep -sqF 'selvedge_elsewhere' -- "$2-tls"; then
    printf '%s\n' "$2-tls"
  fi
}

# maintenance_put PATH: write standard input to that file after its first line. The first one who turned it on stays.
maintenance_put() {
  local head
  head=$(probe_line "$1")
  case $head in
    '# On since '*) ;;
    *)
      # The name is that of the user's machine. A control character in it would end the comment.
      head=$(printf '# On since %s %s' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "${step_by:-${SUDO_USER:-$(id -un)}}" | tr -d '\000-\037\177')
      ;;
  esac
  {
    printf '%s\n' "$head"
    cat
  } | file_put "$1" 0644 root root
}

# maintenance_remove FOLDER: delete the configuration. The page, which nginx shows until its reload, is left for maintenance_forget.
maintenance_remove() {
  local path
  # http.conf defines the variables of the files before it. Without them nginx could not start after a power cut.
  for path in "$1/site.conf" "$1/location.conf" "$1/path.conf" "$1"/*.conf; do
    if [ -f "$path" ] || [ -L "$path" ]; then file_remove "$path"; fi
  done
}

# maintenance_reload: reload nginx if it runs.
maintenance_reload() { if systemctl is-active -q nginx; then nginx_reload; fi; }

# maintenance_forget FOLDER STAMP: delete the rest, after nginx has loaded its configuration without the files.
maintenance_forget() {
  rm -rf -- "$1"
  stamp_remove "$2"
}

# The removal of old releases: after a switch, and before a build if there is little free space. Reads $app, $base, $log_dir,
# $live_socket, $supervisor_conf, $new (an instance, or only its commit) and $keep.

# prune_releases BAD: keep the live instance, $new, the newest $keep good ones, and the newest BAD bad ones with their logs. An
# instance in another state was left by an interrupted run. 1: not all could be removed.
prune_releases() {
  local status
  status=0
  prune_instances "$1" || status=1
  prune_checkouts || status=1
  prune_venvs || status=1
  image_prune || status=1
  return "$status"
}

prune_instances() {
  local good bad status live used instance
  good=0
  bad=0
  status=0
  live=$(releases_live)
  used=" $(timers_running | tr '\n' ' ')"
  # shellcheck disable=SC2010,SC2012
  ls -1t "$base/instances" 2>/dev/null | grep -x '[0-9a-f]\{12\}\(-[0-9a-f]\{6\}\)\{1,2\}\(r[0-9]*\)\{0,1\}' | {
    while IFS= read -r instance; do
      case $instance in "$live" | "${live%r*}" | "$new") continue ;; esac
      # A run of a timer goes on in the release that was live when it began.
      case $used in *" $instance "*) continue ;; esac
      if manager_known "$instance" || releases_draining "$instance" || processes_has "$instance"; then continue; fi
      case $instance:$(releases_state "$instance") in
        # A later restart has replaced this copy of the live release.
        "${live%r*}"r*) ;;
        *:good | *:left)
          good=$((good + 1))
          [ "$good" -gt "$keep" ] || continue
          ;;
        *:bad)
          bad=$((bad + 1))
          [ "$bad" -gt "$1" ] || continue
          ;;
      esac
      rm -rf -- "$base/instances/$instance" && rm -f -- "$log_dir/$instance".*log* || status=1
    done
    [ "$status" -eq 0 ]
  }
}

# prune_checkouts: remove the checkouts of commits that have no instance.
prune_checkouts() {
  local status checkout name
  status=0
  for checkout in "$base"/releases/*/ "$base"/releases/.new-*/; do
    checkout=${checkout%/}
    name=${checkout##*/}
    # Selvedge made no folders with other names.
    case ${name#.new-} in
      *[!0-9a-f-]*) continue ;;
      ???????????? | ????????????-??????) ;;
      *) continue ;;
    esac
    case $new in "$name"*) continue ;; esac
    if ! ls -d "$base/instances/$name-"* >/dev/null 2>&1; then rm -rf -- "$checkout" || status=1; fi
  done
  return "$status"
}

# prune_venvs: remove the virtual environments that no checkout and no instance uses, and those that are not complete. An
# instance keeps its own: its commit may have been built again, with another app server or other extras.
prune_venvs() {
  local status user link folder used
  status=0
  used=" "
  for user in "$base"/releases/*/ "$base"/instances/*/; do
    link=$(readlink "${user}.venv") || continue
    used="$used${link##*/} "
  done
  for folder in "$base"/venvs/*; do
    case $used in *" ${folder##*/} "*) continue ;; esac
    rm -rf -- "$folder" || status=1
  done
  return "$status"
}

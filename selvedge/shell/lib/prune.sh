# Old releases are removed: after a switch, and before a build if there is little free space. Reads $app, $base, $log_dir,
# $live_socket, $supervisor_conf, $new (an instance, or only its commit) and $keep.

# prune_releases BAD: keep the live instance, $new, the newest $keep good ones, and the newest BAD bad ones for study. An
# instance in another state was left by a run that was cut off.
prune_releases() {
  local good bad live instance
  good=0
  bad=0
  live=$(releases_live)
  # shellcheck disable=SC2010,SC2012
  ls -1t "$base/instances" 2>/dev/null | grep -x '[0-9a-f]\{12\}-[0-9a-f]\{6\}\(r[0-9]*\)\{0,1\}' | while IFS= read -r instance; do
    case $instance in "$live" | "${live%r*}" | "$new") continue ;; esac
    if manager_known "$instance"; then continue; fi
    case $(releases_state "$instance") in
      good | left)
        good=$((good + 1))
        [ "$good" -gt "$keep" ] || continue
        ;;
      bad)
        bad=$((bad + 1))
        [ "$bad" -gt "$1" ] || continue
        ;;
    esac
    rm -rf -- "$base/instances/$instance"
    rm -f -- "$log_dir/$instance.log"*
  done
  prune_checkouts
  prune_venvs
}

# prune_checkouts: remove the checkouts of commits that have no instance.
prune_checkouts() {
  local checkout name
  for checkout in "$base"/releases/*/ "$base"/releases/.new-*/; do
    checkout=${checkout%/}
    name=${checkout##*/}
    # Other names are not Selvedge's.
    case ${name#.new-} in
      *[!0-9a-f]*) continue ;;
      ????????????) ;;
      *) continue ;;
    esac
    case $new in "$name"*) continue ;; esac
    if ! ls -d "$base/instances/$name-"* >/dev/null 2>&1; then rm -rf -- "$checkout"; fi
  done
}

# prune_venvs: remove the virtual environments that no checkout uses.
prune_venvs() {
  local checkout link folder name used
  used=" "
  for checkout in "$base"/releases/*/; do
    link=$(readlink "${checkout}.venv") || continue
    used="$used${link##*/} "
  done
  for link in "$base"/venvs/*; do
    if [ -L "$link" ]; then
      case $used in *" ${link##*/} "*) continue ;; esac
      rm -f -- "$link"
    fi
  done
  # Folders without a link were replaced, or a run was cut off while it built them.
  for folder in "$base"/venvs/*.*/; do
    folder=${folder%/}
    name=${folder##*/}
    if [ "$(readlink "$base/venvs/${name%.*}")" != "$name" ]; then rm -rf -- "$folder"; fi
  done
}

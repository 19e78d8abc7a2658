# What no release needs any more is removed: after the switch, and before a build that room is short for. Reads $app, $base,
# $log_dir, $new (the instance, or its commit) and $keep.

# prune_releases BAD: the newest $keep good releases stay, besides the live one and $new, and the newest BAD bad ones, for study.
# What is neither was left by a run that was cut off.
prune_releases() {
  good=0
  bad=0
  live=$(releases_live)
  # shellcheck disable=SC2010,SC2012
  ls -1t "$base/instances" 2>/dev/null | grep -x '[0-9a-f]\{12\}-[0-9a-f]\{6\}\(r[0-9]*\)\{0,1\}' | while IFS= read -r id; do
    case $id in "$live" | "${live%r*}" | "$new") continue ;; esac
    if manager_known "$id"; then continue; fi
    case $(cat "$base/instances/$id/state" 2>/dev/null) in
      good | left)
        good=$((good + 1))
        [ "$good" -gt "$keep" ] || continue
        ;;
      bad)
        bad=$((bad + 1))
        [ "$bad" -gt "$1" ] || continue
        ;;
    esac
    rm -rf -- "$base/instances/$id"
    rm -f -- "$log_dir/$id.log"*
  done
  prune_code
}

# Checkouts and environments that no instance needs.
prune_code() {
  for release in "$base"/releases/*/ "$base"/releases/.new-*/; do
    release=${release%/}
    name=${release##*/}
    # What somebody else has put there is not ours.
    case ${name#.new-} in
      *[!0-9a-f]*) continue ;;
      ????????????) ;;
      *) continue ;;
    esac
    case $new in "$name"*) continue ;; esac
    if ! ls -d "$base/instances/$name-"* >/dev/null 2>&1; then rm -rf -- "$release"; fi
  done
  used=" "
  for release in "$base"/releases/*/; do
    key=$(readlink "${release}.venv") || continue
    used="$used${key##*/} "
  done
  for link in "$base"/venvs/*; do
    if [ -L "$link" ]; then
      case $used in *" ${link##*/} "*) continue ;; esac
      rm -f -- "$link"
    fi
  done
  # What no link leads to: replaced, or half-built by a run that was cut off.
  for folder in "$base"/venvs/*.*/; do
    folder=${folder%/}
    name=${folder##*/}
    if [ "$(readlink "$base/venvs/${name%.*}")" != "$name" ]; then rm -rf -- "$folder"; fi
  done
}

# The image of a commit, which the engine builds from the checkout by the app's own Dockerfile. Its name is APP:COMMIT, with the
# content of app.carry. The file images/COMMIT has its id. Reads $app and $base.

# image_id NAME: print the id of an image; nothing without it.
image_id() { docker_ask GET "/images/$1/json" | sed -n 's/^{"Id":"\([a-z0-9:]*\)".*/\1/p'; }

# image_fact: print the id of the image and the request that it was built for, if the engine still has it.
# Values: image mark_path
image_fact() {
  local id built
  { read -r id built <"$mark_path"; } 2>/dev/null || return 0
  if [ "$(image_id "$image")" = "$id" ]; then printf '%s %s\n' "$id" "$built"; fi
}

# image_build: build the image, and take it.
# Values: app base new release folder dockerfile image mark_path request modules server build_env user
image_build() {
  local file
  file=$folder/$dockerfile
  [ -f "$file" ] || step_fail "The app has no $dockerfile in this commit, and app.manager = \"docker\" builds its image from that file. Write one with \`fab export.docker\`, commit it, and run the same command again"
  file_within "$release" "$file" || step_fail "$dockerfile is a symbolic link that leads out of the repository. Commit the file itself"
  disk_need_space /var/lib/docker 524288
  step_wait "waiting for the image"
  if ! image_make; then
    step_fail "Could not build the image: $(image_reason)"
  fi
  step_wait ""
  image_take
}

# image_take: check that the image has the app server, and write its id to $mark_path.
image_take() {
  image_server
  printf '%s %s\n' "$(image_id "$image")" "$request" >"$mark_path.new"
  sync -- "$mark_path.new"
  mv -f -- "$mark_path.new" "$mark_path"
}

# image_make: build from a copy that all users of the image can read: in the image root owns the files, and those of the checkout are
# only for root and the app. If it fails, show the end of the output, which is in $undo/installer, without the values of app.build_env_file.
image_make() {
  local work
  rm -rf -- "$base"/images/.build.*
  work=$(mktemp -d -- "$base/images/.build.XXXXXX")
  cp -a -- "$folder/." "$work/"
  rm -rf -- "$work/.venv" "$work/.selvedge-live"
  chmod -R u=rwX,go=rX -- "$work"
  set -- --progress plain --file "$work/$dockerfile" --tag "$image" --label "selvedge.app=$app" --label "selvedge.commit=${new%%-*}"
  if [ -e "$build_env" ]; then set -- "$@" --secret "id=build_env,src=$build_env"; fi
  build_shown env DOCKER_BUILDKIT=1 docker build "$@" -- "$work" | tail -c 65536 >"$undo/installer"
  rm -rf -- "$work"
  if [ "$(cat "$undo/built")" -eq 0 ]; then return 0; fi
  tail -n 40 "$undo/installer"
  return 1
}

# image_reason: the last error in the output of the build, on one line.
image_reason() {
  {
    grep -a 'ERROR: failed to solve' "$undo/installer" || grep -a -v '^[[:space:]]*$' "$undo/installer"
  } | tail -n 1 | sed 's/^ERROR: failed to solve: //; s/^ERROR: //; s/[. ]*$//' | cut -c 1-400
}

# image_python: print the name of Python in the image.
image_python() {
  local name
  for name in python python3; do
    if image_try "$name" -c '' >/dev/null 2>&1; then
      echo "$name"
      return 0
    fi
  done
}

# image_try PROGRAM ARGUMENT…: run a program of the image, as the app's user without any rights.
image_try() {
  local program
  program=$1
  shift
  timeout -k 5 60 docker run --rm --network none --read-only --cap-drop ALL --security-opt no-new-privileges --log-driver none \
    --user "$(id -u "$user"):$(id -g "$user")" --entrypoint "$program" "$image" "$@"
}

# A program that prints those of its arguments that are no module in the image.
image_lacks='import importlib.util as u, sys; print(*(name for name in sys.argv[1:] if not u.find_spec(name)))'

# image_server: refuse an image in which the app server is not installed.
image_server() {
  local python missing
  python=$(image_python)
  [ -n "$python" ] || step_fail "The image has no Python: neither \`python\` nor \`python3\` starts in it as the user $user. Put it on the PATH in $dockerfile"
  # shellcheck disable=SC2086
  missing=$(image_try "$python" -c "$image_lacks" $modules) ||
    step_fail "Python does not run in the image as the user $user: its folder must be readable by all users"
  [ -z "$missing" ] || step_fail "The image lacks $missing, and app.server is $server. Add the packages to the requirements that $dockerfile installs, or set app.server in hosts.toml to the app server that the image has"
}

# image_list: print the images of the app's releases. One from a registry may have no label of the app, and another image on the server
# may have the app's name.
image_list() {
  docker_ask GET "/images/json?filters=%7B%22reference%22%3A%5B%22$app%22%5D%7D" | grep -o "\"$app:[^\"]*\"" | tr -d '"' |
    grep -E "^$app:[0-9a-f]{12}(-[0-9a-f]{6})?\$" || :
}

# image_prune: remove the images of commits that have no instance, and the oldest part of the build cache. An image with a container
# stays. 1: not all could be removed.
image_prune() {
  local image name status
  docker_used && [ -d "$base/images" ] || return 0
  status=0
  for image in $(image_list); do
    name=${image#"$app:"}
    case $new in "$name"*) continue ;; esac
    if ls -d "$base/instances/$name-"* >/dev/null 2>&1; then continue; fi
    docker rmi "$image" >/dev/null 2>&1 || status=1
    rm -f -- "$base/images/$name"
  done
  docker image prune -f --filter "label=selvedge.app=$app" >/dev/null 2>&1 || :
  docker builder prune -f --keep-storage 2GB >/dev/null 2>&1 || :
  if ! ls "$base/instances"/*/container >/dev/null 2>&1; then docker_network_remove; fi
  return "$status"
}

# image_forget: remove all images of the app.
image_forget() {
  local image
  for image in $(image_list); do docker rmi "$image" >/dev/null 2>&1 || :; done
  docker image prune -f --filter "label=selvedge.app=$app" >/dev/null 2>&1 || :
}

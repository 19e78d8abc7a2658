# The image of a commit, which the engine builds from the checkout by the app's own Dockerfile. Its name is APP:CHECKOUT.HASH, with a hash
# of the settings that need another image. It gets this name once it is accepted; until then it is called NAME.new. So the image of a
# release that is live or kept stays as it is. The file images/CHECKOUT has the ids of the images that were accepted, images/CHECKOUT.has what the last one has
# (survey.sh). Reads $app and $base.

# image_id NAME: print the id of an image; nothing without it.
image_id() { docker_ask GET "/images/$1/json" | sed -n 's/^{"Id":"\([a-z0-9:]*\)".*/\1/p'; }

# image_fact: print the id of the image and the request that it was built for, if it was accepted and the engine still has it.
# Values: image mark_path request
image_fact() {
  if [ -e "$mark_path" ]; then grep -x -F -e "$(image_id "$image") $request" -- "$mark_path" | tail -n 1; fi
}

# image_build: build the image, and take it.
# Values: app base log_dir live_socket supervisor_conf repo new keep release folder commit dockerfile image mark_path request modules module migrate server build_env build_digest user
image_build() {
  local context file
  context=$folder
  # `fab export.docker` writes it at the top, also for an app in a folder (app.root).
  if [ ! -e "$context/$dockerfile" ] && [ -e "$release/$dockerfile" ]; then context=$release; fi
  file=$context/$dockerfile
  [ -f "$file" ] || step_fail "The app has no $dockerfile in this commit, and app.manager = \"docker\" builds its image from that file. Write one with \`fab export.docker\`, commit it, and run the same command again"
  file_within "$release" "$file" || step_fail "$dockerfile is a symbolic link that leads out of the repository. Commit the file itself"
  image_room 524288
  image_ssh
  step_wait "waiting for the image"
  if ! image_make; then
    image_trim
    if image_full >/dev/null; then step_remedy "Free some space on the server, or remove old data of Docker: \`sudo docker system df\` shows it, \`sudo docker builder prune\` removes the cache of builds. The live release keeps serving."; fi
    if grep -q -a -E 'Host key verification failed|Permission denied \(publickey|cannot run ssh' "$undo/installer"; then
      step_remedy "The build of an image has no SSH key: give git a token for HTTPS, as docs/how-to/docker.md shows under \"Dependencies from git\"."
    fi
    if grep -q -a 'buildx component is missing' "$undo/installer"; then image_no_builder; fi
    image_pull_remedy "$(image_reason)"
    step_fail "Could not build the image: $(image_reason)"
  fi
  step_wait ""
  image_take
}

# Requirements, pyproject.toml, and the locks of uv, PDM, Pipenv, Poetry and pip.
image_git_ssh='git\+ssh://|git"? *[=:] *"(ssh://|git@)|^url = "(ssh://|git@)|vcs = [{].*url = "(ssh://|git@)'

# image_ssh: say which lists of packages name git over SSH, for which a build has no key. A Dockerfile, or the variables of the build, may
# have git replace the addresses. The names of the files are not ours.
image_ssh() {
  local found
  if grep -q -s -e '^GIT_CONFIG_COUNT=' -- "$build_env" || grep -q -s -i -e insteadof -- "$file"; then return 0; fi
  found=$(cd -- "$context" && find . -maxdepth 3 -type f \( -path '*requirements*' -o -name pyproject.toml -o -name '*.lock' -o -name 'pylock*.toml' \) \
    -exec grep -l -E -e "$image_git_ssh" -- {} + | sed 's|^\./||' | sort | head -n 3 | tr '\n' ' ' | tr -cd 'A-Za-z0-9._/ -')
  [ -z "$found" ] || step_say "note: the build has no SSH key for the git addresses in ${found% }. It can use HTTPS with a token: docs/how-to/docker.md, \"Dependencies from git\""
}

# image_no_builder: say which package Docker needs to build an image: Docker's own, or that of the distribution.
image_no_builder() {
  local package
  package=docker-buildx
  if dpkg-query -W -f='${Status}' docker-ce-cli 2>/dev/null | grep -q ' installed$'; then package=docker-buildx-plugin; fi
  step_remedy "Install it on the server: \`sudo apt-get install $package\`. Then run the same command again. Or build elsewhere: [docker] build."
  step_fail "Could not build the image: Docker on this server has no BuildKit, because its part buildx is missing"
}

# image_room KILOBYTES: space for the image. Old releases and their images make room if there is too little.
image_room() {
  local folder
  folder=$(docker_ask GET /info | sed -n 's/.*"DockerRootDir":"\([^"]*\)".*/\1/p')
  : "${folder:=/var/lib/docker}"
  if ! (disk_need_space "$folder" "$1") >/dev/null; then
    (prune_releases 1) || step_say "could not remove all old releases"
    disk_need_space "$folder" "$1"
  fi
}

# image_take: check that the new image has the app server, give it its name, and add its id to $mark_path.
image_take() {
  image_server
  docker tag "$image.new" "$image"
  docker rmi "$image.new" >/dev/null
  {
    cat -- "$mark_path" 2>/dev/null || :
    printf '%s %s\n' "$(image_id "$image")" "$request"
  } >"$mark_path.new"
  sync -- "$mark_path.new"
  mv -f -- "$mark_path.new" "$mark_path"
}

# image_refuse SENTENCE: remove the new image, and stop.
image_refuse() {
  docker rmi "$image.new" >/dev/null 2>&1 || :
  step_fail "$1"
}

# image_make: build from a copy that all users of the image can read: in the image root owns the files, and those of the checkout are
# only for root and the app. If it fails, show the end of the output, which is in $undo/installer, without the values of app.build_env_file.
# Docker's cache does not know these values: after a change of those that decide what is installed, the build does not use it.
# A Dockerfile that takes a version from git, that of `fab export.docker` or one that mounts .git, gets the repository (local_build.py).
image_make() {
  local work
  rm -rf -- "$base"/images/.build.*
  work=$(mktemp -d -- "$base/images/.build.XXXXXX")
  cp -a -- "$context/." "$work/"
  rm -rf -- "$work/.venv" "$work/.selvedge-live"
  if [ "$context" = "$release" ] && grep -q -E -e 'git -C /src |source=\.git' -- "$file"; then
    mirror_history "$repo" "${new%%-*}" "$work" || step_fail "Could not copy the repository, from which $dockerfile takes a version"
  fi
  chmod -R u=rwX,go=rX -- "$work"
  set -- --progress plain --file "$work/$dockerfile" --tag "$image.new" --label "selvedge.app=$app" --label "selvedge.commit=${new%%-*}" \
    --label "org.opencontainers.image.revision=$commit"
  if [ -e "$build_env" ]; then set -- "$@" --secret "id=build_env,src=$build_env"; fi
  if [ "$(cat "$base/images/.build-digest" 2>/dev/null)" != "$build_digest" ]; then set -- "$@" --no-cache; fi
  build_shown env DOCKER_BUILDKIT=1 docker build "$@" -- "$work" | tail -c 65536 >"$undo/installer"
  rm -rf -- "$work"
  if [ "$(cat "$undo/built")" -eq 0 ]; then
    printf '%s' "$build_digest" >"$base/images/.build-digest"
    return 0
  fi
  tail -n 40 "$undo/installer"
  return 1
}

# image_full: print the lines of the build that tell of a full disk. 1: there is none. BuildKit itself names only the command that failed.
image_full() { grep -a -i 'no space left on device' "$undo/installer"; }

# image_reason: the last error in the output of the build, on one line.
image_reason() {
  {
    image_full || grep -a 'ERROR: failed to solve' "$undo/installer" || grep -a -v '^[[:space:]]*$' "$undo/installer"
  } | tail -n 1 | sed 's/^#[0-9]* \([0-9.]* \)*//; s/^ERROR: //; s/^failed to solve\( with frontend [a-z.0-9]*\)*: \(failed to create LLB definition: \)*//; s/[. ]*$//' | cut -c 1-400
}

# The words of a build that could not pull an image of the Dockerfile; then, of other errors that may have the same words: a command of
# the Dockerfile that failed, or an address that it downloads. base_image.py has all patterns, for a build on the user's machine.
image_pull='failed to authorize|failed to do request|failed to copy: http|unexpected status|pull access denied|(Get|Head) "https?://'
image_pull="$image_pull|dial tcp|error from registry|toomanyrequests"
image_no_pull='did not complete successfully|executor failed running|failed to load cache key'
image_silent='no such host|misbehaving|name resolution|timeout|timed out|deadline ?exceeded|connection refused|unreachable|no route'
image_silent="$image_silent|reset by peer|\\bEOF\\b|proxy|certificate|HTTP response to HTTPS|unavailable|bad gateway|\\b50[0-9] "
image_refused='unauthorized|authentication required|no basic auth|denied|forbidden|insufficient_scope|\b40[13] '

# image_says REASON PATTERN: whether the reason of a failed build has this extended pattern.
image_says() { printf '%s\n' "$1" | grep -q -i -E -e "$2"; }

# image_pull_remedy REASON: say what to do if the build failed because it could not pull an image.
image_pull_remedy() {
  local registry login again
  if ! image_says "$1" "$image_pull" || image_says "$1" "$image_no_pull"; then return 0; fi
  registry=$(image_registry)
  login="\`sudo docker login${registry:+ $registry}\`"
  again="Then run the same command again. The live release keeps serving."
  if image_says "$1" "$image_silent"; then
    step_remedy "Check the image's name in $dockerfile, and whether the server reaches its registry: \`curl -I https://${registry:-registry-1.docker.io}/v2/\`. $again"
  elif image_says "$1" 'toomanyrequests|too many requests'; then
    step_remedy "Wait, or log in to the registry on the server, which raises its limit: $login. $again"
  elif image_says "$1" "$image_refused"; then
    step_remedy "Check the image's name in $dockerfile. If it is private, log in on the server: $login. $again See docs/how-to/registries.md, \"A private base image\"."
  fi
}

# image_registry: print the registry of the last image whose data the build has asked for; nothing for Docker Hub.
image_registry() {
  sed -n -E 's/.*(load metadata|resolve image config) for (docker-image:\/\/)?([A-Za-z0-9._:/@-]*[A-Za-z0-9]).*/\3/p' "$undo/installer" |
    tail -n 1 | sed -n -E 's/^(localhost|[^/]*[.:][^/]*)\/.*/\1/p' | grep -v -x -F docker.io || :
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

# image_try PROGRAM ARGUMENT…: run a program of the new image, as the app's user without any rights.
image_try() {
  local program
  program=$1
  shift
  timeout -k 5 60 docker run --rm --pull never --network none --read-only --cap-drop ALL --security-opt no-new-privileges --log-driver none \
    --user "$(id -u "$user"):$(id -g "$user")" --entrypoint "$program" "$image.new" "$@"
}

# image_server: refuse a new image in which the app server is not installed. Say what its own start script would do.
image_server() {
  local python missing
  python=$(image_python)
  [ -n "$python" ] || image_refuse "The image has no Python: neither \`python\` nor \`python3\` starts in it as the user $user. Put it on the PATH in $dockerfile"
  # shellcheck disable=SC2086
  image_try "$python" -c "$(survey_text)" $modules >"$mark_path.has.new" ||
    image_refuse "Python does not run in the image as the user $user: its folder must be readable by all users"
  missing=$(survey_lacks "$mark_path.has.new")
  [ -z "$missing" ] || image_refuse "$missing"
  mv -f -- "$mark_path.has.new" "$mark_path.has"
  survey_notes "${mark_path##*/}" | while IFS='|' read -r missing python; do step_say "note: $missing. $python"; done
}

# image_list: print the images of the app. One from a registry may have no label of the app, and others on the server may have the app's
# name: Selvedge makes no tags of another form.
image_list() {
  docker_ask GET "/images/json?filters=%7B%22reference%22%3A%5B%22$app%22%5D%7D" | grep -o '"RepoTags":\[[^]]*\]' | grep -o '"[^"]*"' | tr -d '"' |
    grep -E -x -e "$app:[0-9a-f]{12}(-[0-9a-f]{6})?[.][0-9a-f]{6}([.]new)?" || :
}

# image_prune: remove the images that no instance names, the files of commits without an instance, and what image_trim removes. An image
# with a container stays. 1: not all could be removed.
image_prune() {
  local image used status
  docker_used && [ -d "$base/images" ] || return 0
  status=0
  used=" $(cat "$base/instances"/*/container 2>/dev/null | sed -n 's/^image=//p' | tr '\n' ' ')"
  for image in $(image_list); do
    case $used in *" $image "*) continue ;; esac
    # The image of an instance that is not complete.
    if [ ! -e "$base/instances/$new/container" ] && image_for_new "${image#"$app:"}"; then continue; fi
    docker rmi "$image" >/dev/null 2>&1 || status=1
  done
  image_unmark
  image_trim
  if ! ls "$base/instances"/*/container >/dev/null 2>&1; then
    docker_network_remove
    rm -f -- "$base/images/.build-digest"
  fi
  return "$status"
}

# image_for_new NAME: whether the image or file of this name is of the commit in $new.
image_for_new() {
  case $new in "${1%%.*}"*) return 0 ;; *) return 1 ;; esac
}

# image_unmark: remove the files of commits that have no instance.
image_unmark() {
  local path name
  for path in "$base/images"/*; do
    name=${path##*/}
    if ! image_for_new "$name" && ! ls -d "$base/instances/${name%%.*}-"* >/dev/null 2>&1; then rm -f -- "$path"; fi
  done
}

# image_trim: remove the images of the app that no longer have a name, and the oldest part of the build cache.
image_trim() {
  docker image prune -f --filter "label=selvedge.app=$app" >/dev/null 2>&1 || :
  docker builder prune -f --keep-storage 2GB >/dev/null 2>&1 || :
}

# image_forget: remove all images of the app.
image_forget() {
  local image
  for image in $(image_list); do docker rmi "$image" >/dev/null 2>&1 || :; done
  docker image prune -f --filter "label=selvedge.app=$app" >/dev/null 2>&1 || :
}

# Docker as a process manager: a container for each instance, named APP.INSTANCE, from the image of its commit. The engine starts it
# again if it ends, and at a boot, once its restart policy is `always`: a release gets that policy when it becomes live. Reads $app,
# $base, $run_dir and $live_socket.

docker_files() { echo container; }

docker_owns() { [ -f "$base/instances/$1/container" ]; }

# docker_used: whether there is an engine that may have containers.
docker_used() { [ -S /run/docker.sock ]; }

# docker_ask METHOD PATH: send a request to the engine, print its response. 1: it has no such thing, or does not run. 2: it runs, and has not
# answered for 30 seconds. An engine that is restarted meanwhile gets the request again. The client takes four times as long.
docker_ask() {
  local answer status end
  docker_used || return 1
  end=
  while :; do
    status=0
    answer=$(curl -sf --noproxy '*' --max-time 10 --unix-socket /run/docker.sock -X "$1" "http://localhost$2" 2>/dev/null) || status=$?
    case $status in
      0) printf '%s\n' "$answer" && return 0 ;;
      22) return 1 ;; # the engine's own error
    esac
    case $(systemctl is-active docker 2>/dev/null) in
      active | activating | reloading | deactivating) ;;
      *) return 1 ;;
    esac
    : "${end:=$(($(clock_uptime) + 30000))}"
    [ "$(clock_uptime)" -lt "$end" ] || return 2
    sleep 0.5
  done
}

# docker_facts NAME: print of a container its process, 0 if it does not run; its state; its restart policy; how often the engine has
# started it again; whether it was killed because of its memory; its exit status; when it was started, and when it ended. 1: there is
# no such container.
docker_facts() {
  local answer state
  answer=$(docker_ask GET "/containers/$1/json") || return 1
  # Arguments of the container come first, where quotes are escaped.
  state=$(printf '%s' "$answer" | sed -n 's/.*"State":{\("Status":"[^{}]*\).*/\1,/p')
  answer=$(printf '%s' "$answer" | sed -n 's/.*"RestartCount":\([0-9]*\).*"RestartPolicy":{"Name":"\([a-z-]*\)".*/\1 \2/p')
  printf '%s %s %s %s %s %s\n' "$(docker_value Pid)" "$(docker_value Status)" "${answer#* }" "${answer% *}" "$(docker_value OOMKilled)" \
    "$(docker_value ExitCode) $(docker_value StartedAt) $(docker_value FinishedAt)"
}

# docker_value NAME: print a value in $state.
docker_value() { printf '%s' "$state" | sed -n "s/.*\"$1\":\"\{0,1\}\([^\",]*\).*/\1/p"; }

# docker_fact NAME NUMBER: print one of its facts, by its place.
docker_fact() { docker_facts "$1" | cut -d ' ' -f "$2"; }

# docker_known INSTANCE: whether it has a container. 2: the engine does not answer.
docker_known() { docker_ask GET "/containers/$app.$1/json" >/dev/null; }

# docker_lacks INSTANCE: after docker_known has failed, whether it has no container: its engine has said so, or it runs in none.
docker_lacks() { [ $? -ne 2 ] || ! docker_owns "$1"; }

# docker_labels LABEL: print the values of a label of all containers of the app: instances and units. A container has the labels of its
# image, too, and these are the app's own text.
docker_labels() {
  docker_ask GET "/containers/json?all=1&$(docker_own)" | grep -o "\"$1\":\"[^\"]*\"" | cut -d '"' -f 4 |
    grep -E -x '[0-9a-f]{12}(-[0-9a-f]{6}){1,2}(r[0-9]+)?([.][a-z][a-z0-9_-]*@[0-9]+)?' || :
}

# docker_own: print the query for what belongs to the app: {"label":["selvedge.app=APP"]}.
docker_own() { printf 'filters=%%7B%%22label%%22%%3A%%5B%%22selvedge.app%%3D%s%%22%%5D%%7D' "$app"; }

docker_instances() { docker_labels selvedge.release; }

# docker_start INSTANCE REFUSE: start or restart it. Only the live instance starts at the next boot.
docker_start() {
  local policy
  docker_used || step_fail "The release $1 runs in a container, and Docker is not running. Set app.manager = \"docker\" in hosts.toml, then run \`fab install\`"
  docker_need_image "$1" "$2"
  manager_folder
  docker_stop "$1"
  policy=no
  if [ "$(releases_live)" = "$1" ]; then policy=always; fi
  docker_create "$1" --restart "$policy" --label "selvedge.release=$1" -- "$base/instances/$1/$(appserver_of "$1")_start" ||
    "$2" "Docker could not start the release $1: $reason"
}

# docker_need_image INSTANCE REFUSE: call REFUSE with a sentence if its image was removed.
docker_need_image() {
  local image
  docker_owns "$1" || return 0
  image=$(sed -n 's/^image=//p' "$base/instances/$1/container")
  if docker image inspect "$image" 2>&1 >/dev/null | grep -q -i 'no such image'; then
    "$2" "The image $image of the release $1 was removed from the server. $(docker_image_again "$1" "$image")"
  fi
}

# docker_image_again INSTANCE IMAGE: print the command that brings its image back: the one from a registry by its digest.
docker_image_again() {
  local name reference
  name=${2#*:}
  reference=$(sed -n 's/^[^ ]* \([^ ]*@sha256:[0-9a-f]*\) .*/\1/p' "$base/images/${name%.*}" 2>/dev/null | tail -n 1)
  if [ -n "$reference" ]; then
    # shellcheck disable=SC2016
    printf 'Pull it again: `fab deploy --commit %s --image %s`' "${1%%-*}" "$reference"
  else
    # shellcheck disable=SC2016
    printf 'Build it again: `fab deploy --commit %s`' "${1%%-*}"
  fi
}

# docker_create NAME OPTION… -- COMMAND…: start a container of an instance in the background; NAME is that of an instance or of one of its
# processes. Its output goes to the journal. 1: the engine refuses it, and $reason says why.
docker_create() {
  local name
  name=$1
  shift
  docker_network || return 1
  step_try "$base/instances/${name%%.*}/container" "$app.$name" --detach --log-driver journald --log-opt "tag=$app.$name" "$@" >/dev/null
}

# docker_network: create the app's own network, so that its containers do not reach those of other apps. Without the prefix an app could
# have the name of one of Docker's networks, such as `host`. The engine would take the name twice from two callers at the same time. 1: the
# engine refuses it, and $reason says why.
docker_network() {
  if docker_ask GET "/networks/selvedge-$app" >/dev/null; then return 0; fi
  {
    flock 8
    docker_ask GET "/networks/selvedge-$app" >/dev/null ||
      step_try docker network create --label "selvedge.app=$app" -- "selvedge-$app" >&2
  } 8>>"/run/selvedge/$app.network"
}

# docker_policy POLICY NAME…: give containers a restart policy. They keep running.
docker_policy() {
  local policy
  policy=$1
  shift
  [ $# -eq 0 ] || docker update --restart "$policy" -- "$@" >/dev/null 2>&1
}

# docker_boot INSTANCE: have the engine start it at a boot, if it is a container, and then no other instance.
docker_boot() {
  local other others
  docker_used || return 0
  if docker_known "$1"; then docker_policy always "$app.$1" || return 1; else docker_lacks "$1" || return 1; fi
  others=
  for other in $(docker_instances); do
    if [ "$other" != "$1" ]; then others="$others $app.$other"; fi
  done
  # shellcheck disable=SC2086
  docker_policy no $others || :
}

docker_boots() { [ "$(docker_fact "$app.$1" 3)" = always ]; }

docker_rewrite() { docker_policy always "$app.$1"; }

# docker_pause INSTANCE: the engine starts a stopped container at a boot, by its policy.
docker_pause() { docker stop "$app.$1" >/dev/null 2>&1; }

# docker_stop INSTANCE: TERM, then KILL after the stop timeout of its container (`container`). 1: it may still run.
docker_stop() {
  docker_known "$1" || {
    docker_lacks "$1"
    return
  }
  docker_policy no "$app.$1" || :
  docker stop "$app.$1" >/dev/null 2>&1 || :
  docker rm -f -v "$app.$1" >/dev/null 2>&1
}

docker_alive() {
  case $(docker_fact "$app.$1" 2) in
    running | restarting) return 0 ;;
    *) return 1 ;;
  esac
}

# docker_watch INSTANCE: print the id of its process, and its state in the engine.
docker_watch() {
  local facts
  facts=$(docker_facts "$app.$1") || facts="0 missing - 0"
  # shellcheck disable=SC2086
  set -- $facts
  printf '%s %s, restarted %s times\n' "$1" "$2" "$4"
}

# docker_run INSTANCE COMMAND…: run a command in a container like that of the app.
docker_run() {
  docker_run_end "$1"
  docker_attached "$app.$1.check" "$@"
}

docker_run_end() { docker rm -f -v "$app.$1.check" >/dev/null 2>&1 || :; }

# docker_once INSTANCE COMMAND…: run a command in a container of its own.
docker_once() {
  docker_attached "$app.$1.run-$(cut -c 1-8 /proc/sys/kernel/random/uuid)" "$@"
}

# docker_attached NAME INSTANCE COMMAND…: run a command in a container of this name. Its output goes nowhere else. If the client is
# killed, the container is, too.
docker_attached() {
  local name folder status
  name=$1 folder=$base/instances/$2
  shift 2
  docker_network || return 125
  status=0
  "$folder/container" "$name" --rm --init --log-driver none -- "$@" || status=$?
  [ "$status" -lt 124 ] || docker rm -f -v "$name" >/dev/null 2>&1 || :
  # The status of `timeout` in busybox and of the one in coreutils.
  if [ "$status" -eq 143 ]; then status=124; fi
  return "$status"
}

# docker_pids: print the main processes of all containers of the app: those of timers and of `fab run`, too.
docker_pids() {
  local id
  for id in $(docker_ask GET "/containers/json?$(docker_own)" | grep -o '"Id":"[0-9a-f]*"' | cut -d '"' -f 4); do docker_fact "$id" 1; done
}

docker_pid() { docker_fact "$app.$1" 1 | grep . || echo 0; }

# docker_starved INSTANCE: the engine sees only the end of the main process; the kernel counts all.
docker_starved() {
  local facts group
  facts=$(docker_facts "$app.$1") || return 1
  case $facts in *' true '*) return 0 ;; esac
  group=$(sed -n 's/^[0-9]*:memory:/memory/p; s/^0:://p' "/proc/${facts%% *}/cgroup" 2>/dev/null | head -n 1)
  [ -n "$group" ] || return 1
  cat "/sys/fs/cgroup/$group/memory.events" "/sys/fs/cgroup/$group/memory.oom_control" 2>/dev/null | grep -q '^oom_kill [1-9]'
}

# docker_state: the engine starts a container again that has ended, but not one that `docker kill` or `docker stop` has ended.
docker_state() {
  local facts
  facts=$(docker_facts "$app.$1") || return 0
  # shellcheck disable=SC2086
  set -- $facts
  case $2 in
    created) ;;
    exited) [ "$3" != always ] || printf 'someone stopped its container, which ended with status %s\n' "$6" ;;
    *) printf '%s\n' "$2" ;;
  esac
}

docker_restarts() { docker_fact "$app.$1" 4 | grep . || echo 0; }

# docker_leaves_orphans: the kernel ends all processes of a container whose main process has ended.
docker_leaves_orphans() { return 1; }

docker_service() { echo docker; }

docker_configuration() { :; }

# docker_sockets [NAME]: print the listening sockets of the app's containers, or of one, as `ss -xlpH` does. The server's own list lacks
# them, because they belong to the network of the container.
docker_sockets() {
  local name pid
  docker_used || return 0
  for name in ${1:-$(docker_labels selvedge.release | sed "s/^/$app./")}; do
    pid=$(docker_fact "$name" 1)
    if [ "${pid:-0}" -gt 0 ]; then nsenter -t "$pid" -n ss -xlpH 2>/dev/null || :; fi
  done
}

# docker_health INSTANCE: print what the HEALTHCHECK of its image says, nothing without one.
docker_health() {
  docker_ask GET "/containers/$app.$1/json" | sed -n 's/.*"Health":{"Status":"\([a-z]*\)".*/\1/p'
}

# docker_remove: remove all that the app has in the engine, once its containers have stopped.
docker_remove() {
  local left
  docker_used || return 0
  left=$(docker ps -aq --filter "label=selvedge.app=$app" 2>/dev/null)
  # shellcheck disable=SC2086
  [ -z "$left" ] || docker rm -f -v $left >/dev/null 2>&1 || :
  image_forget
  docker_network_remove
}

docker_network_remove() {
  if docker_ask GET "/networks/selvedge-$app" >/dev/null; then docker network rm "selvedge-$app" >/dev/null 2>&1 || :; fi
}

# An image that was built on the user's machine: the layers that this server lacks are sent. Reads the variables of image.sh.

# imagesend_fact: print "present" if the server has the image; else nothing without an engine, or "lacks PLATFORM STORE" and a line with the
# layers of each image. STORE is "whole" if the engine needs all layers, because of its store or because it has refused fewer.
# Values: image mark_path request
imagesend_fact() {
  local fact store
  fact=$(image_fact)
  if [ "${fact#* }" = "$request" ]; then
    echo present
    return 0
  fi
  docker_used || return 0
  store=layers
  if [ -e "$mark_path.whole" ] || docker_ask GET /info | grep -q 'io.containerd.snapshotter'; then store=whole; fi
  printf 'lacks %s %s\n' "$(imagesend_platform)" "$store"
  docker image ls -q --no-trunc | sort -u | xargs -r docker image inspect -f '{{join .RootFS.Layers " "}}' 2>/dev/null || :
}

# imagesend_platform: print the platform of the engine, such as linux/amd64.
imagesend_platform() { docker version --format '{{.Server.Os}}/{{.Server.Arch}}' 2>/dev/null; }

# imagesend_receive: load an archive of $size bytes in the payload, in which the image is called $tag, and which lacks the $known lowest
# layers. If the engine wants these, too, the next reading of the server asks for all.
# Values: app base log_dir live_socket supervisor_conf new keep image dockerfile mark_path request modules module migrate server user size tag known
imagesend_receive() {
  image_room $((size / 256 + 102400))
  rm -f -- "$undo/refused"
  payload_read "$size" | {
    step_try docker load >/dev/null || printf '%s\n' "$reason" >"$undo/refused"
    cat >/dev/null
  }
  if [ -e "$undo/refused" ]; then
    [ "$known" -gt 0 ] || step_fail "Docker on the server could not load the image: $(cat "$undo/refused")"
    : >"$mark_path.whole"
    step_say "Docker on the server wants all layers of the image"
    return 0
  fi
  docker tag "$tag" "$image.new"
  docker rmi "$tag" >/dev/null
  rm -f -- "$mark_path.whole"
  image_take
}

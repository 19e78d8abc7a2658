# An image from a registry, by its digest. Reads the variables of image.sh.

# registry_pull: pull the image $reference, check that it is for this server and of this commit, and take it as the image of the release.
# The login is $size bytes of the payload, which only the program $puller reads. The engine then forgets the registry's name of the
# image, so that it goes with the release.
# Values: app base log_dir live_socket supervisor_conf new keep image dockerfile mark_path request modules module migrate server user size reference puller
registry_pull() {
  local found wanted
  image_room 524288
  step_wait "pulling the image"
  payload_read "$size" | /usr/bin/python3 -I -c "$puller" "$mark" "$reference" || exit 1
  step_wait ""
  wanted=$(imagesend_platform)
  found=$(docker image inspect -f '{{.Os}}/{{.Architecture}}' "$reference")
  [ "$found" = "$wanted" ] || registry_refuse "The image $reference is for $found, and the server is $wanted. Build it for that platform: \`fab image.build --platform $wanted\`, then push it again"
  found=$(registry_label selvedge.commit)
  if [ -n "$found" ] && [ "$(registry_label selvedge.app)" = "$app" ] && [ "$found" != "${new%%-*}" ]; then
    registry_refuse "The image $reference was built from the commit $found, and this run releases ${new%%-*}. Add \`--commit $found\`"
  fi
  docker tag "$reference" "$image.new"
  docker rmi "$reference" >/dev/null
  image_take
}

registry_label() { docker image inspect -f "{{index .Config.Labels \"$1\"}}" "$reference" 2>/dev/null | grep -v '^<no value>$' || :; }

# registry_refuse SENTENCE: remove the image, and stop.
registry_refuse() {
  docker rmi "$reference" >/dev/null 2>&1 || :
  step_fail "$1"
}

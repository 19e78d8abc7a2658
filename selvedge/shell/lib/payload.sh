# The payload of a change: bytes from the user's machine, on file descriptor 3.

# payload_read SIZE: print the next SIZE bytes of the payload, and tell the user how many have arrived. `head` reads no byte more.
payload_read() {
  local left part total
  total=$(($1 / 1000000))
  left=$1
  part=4000000
  while [ "$left" -gt "$part" ]; do
    head -c "$part" <&3
    left=$((left - part))
    step_wait "receiving: $((total - left / 1000000)) of $total MB" >&2
  done
  head -c "$left" <&3
}

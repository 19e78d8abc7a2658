"""Connect standard input and output with a port or a socket of this server, for one connection of `fab tunnel`.

Arguments: the mark, and the path of a unix socket, or a host and a port. Prints a line first: the mark and "ok", or the mark and
why there is no connection. Then data goes both ways in frames: four bytes with its length, and the data. An empty frame ends one
direction. Input that ends without one means that the connection of `fab tunnel` was lost.
"""

import os
import select
import socket
import struct
import sys
import threading

SECONDS = 15
PIECE = 1 << 16


def connected(place):
    """Return a socket to the place. Raises OSError."""
    if len(place) == 1:
        made = socket.socket(socket.AF_UNIX)
        made.connect(place[0])
        return made
    made = socket.create_connection((place[0], int(place[1])), SECONDS)
    made.settimeout(None)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def send(data):
    """Send a frame."""
    rest = memoryview(struct.pack(">I", len(data)) + data)
    while rest:
        rest = rest[os.write(1, rest) :]


def take():
    """Return the data of the next frame. Ends this program if there is none."""
    head = sys.stdin.buffer.read(4)
    size = struct.unpack(">I", head)[0] if len(head) == 4 else -1
    data = sys.stdin.buffer.read(max(size, 0))
    if len(data) != size:
        os._exit(1)
    return data


def pass_input(connection, ended):
    """Pass the input on to the socket. What the other side no longer reads is dropped, so that its answer still arrives."""
    while True:
        data = take()
        try:
            if not data:
                connection.shutdown(socket.SHUT_WR)
            elif not ended.is_set():
                connection.sendall(data)
        except OSError:
            ended.set()
        if not data:
            ended.set()
            return


def end_with_input():
    """End this program when nothing can write to its input any more, even if the server reads nothing."""
    watch = select.poll()
    watch.register(0, 0)
    watch.poll()
    os._exit(1)


def main():
    mark, place = sys.argv[1], sys.argv[2:]
    try:
        connection = connected(place)
    except (OSError, ValueError) as error:
        os.write(1, f"{mark} {getattr(error, 'strerror', '') or error}\n".encode())
        return 1
    os.write(1, f"{mark} ok\n".encode())
    ended = threading.Event()
    threading.Thread(target=end_with_input, daemon=True).start()
    threading.Thread(target=pass_input, args=(connection, ended), daemon=True).start()
    data = connection.recv(PIECE)
    while data:
        send(data)
        data = connection.recv(PIECE)
    send(b"")
    ended.wait()
    return 0


try:
    status = main()
except OSError:
    # The server, or the connection of `fab tunnel`, broke off: without an empty frame, the other end knows.
    status = 1
os._exit(status)

"""Serve an ASGI app by Hypercorn: a process of selvedge_parent.py. Arguments: see there."""

import logging
import os

import selvedge_asgi
import selvedge_parent


def serve(app, sock, options, beating):
    """Serve until TERM. Return the exit status."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config

    app = selvedge_asgi.forwarded(app)
    if options.release_header:
        app = selvedge_asgi.with_header(app, b"x-release", os.environ["RELEASE"].encode())
    config = Config()
    config.bind = [f"fd://{sock.fileno()}"]
    config.backlog = 2048
    config.errorlog = logging.getLogger("hypercorn.error")
    config.loglevel = options.log_level.upper()
    config.graceful_timeout = options.stop_timeout
    config.startup_timeout = options.start_timeout
    # nginx limits headers (nginx.large_headers). The interval is uvicorn's.
    config.h11_max_incomplete_size = 512 * 1024
    config.websocket_ping_interval = 20
    selvedge_parent.run_loop(hypercorn_serve(app, config, mode="asgi"), beating)
    return 0


if __name__ == "__main__":
    selvedge_parent.main(serve, ["hypercorn.asyncio", "hypercorn.config", "hypercorn.asyncio.tcp_server", "h11"])

"""Serve an ASGI app by Hypercorn: a process of selvedge_parent.py. Arguments: see there."""

import asyncio
import logging
import os
import signal

import selvedge_asgi
import selvedge_parent


def serve(app, sock, options, beating):
    """Serve until TERM. Return the exit status."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config

    sockets = selvedge_asgi.WebSockets(app)
    app = selvedge_asgi.forwarded(sockets)
    if options.release_header:
        app = selvedge_asgi.with_header(app, b"x-release", os.environ["RELEASE"].encode())
    config = Config()
    config.bind = [f"fd://{sock.fileno()}"]
    config.backlog = 2048
    config.errorlog = logging.getLogger("hypercorn.error")
    config.loglevel = options.log_level.upper()
    config.graceful_timeout = options.stop_timeout
    # The release switch and the parent process judge how long a start takes. Their messages name the setting.
    config.startup_timeout = options.start_timeout + options.timeout
    # nginx limits headers (nginx.large_headers). The interval is uvicorn's.
    config.h11_max_incomplete_size = 512 * 1024
    config.websocket_ping_interval = 20

    async def serving():
        terminated = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, terminated.set)

        async def end():
            await terminated.wait()
            sockets.close()
            end_pings()

        await hypercorn_serve(app, config, mode="asgi", shutdown_trigger=end)

    selvedge_parent.run_loop(serving(), beating)
    return 0


def end_pings():
    """End the tasks that send pings. Hypercorn's connections would wait for their next ping, up to 20 s."""
    for task in asyncio.all_tasks():
        if getattr(task.get_coro(), "__name__", "") == "_send_pings":
            task.cancel()


if __name__ == "__main__":
    selvedge_parent.main(serve, ["hypercorn.asyncio", "hypercorn.config", "hypercorn.asyncio.tcp_server", "h11"])

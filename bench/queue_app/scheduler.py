"""A process of which two must not run at once: it notes if another one holds the lock."""

import fcntl
import os
import signal
import time

from journal import PATH, note

ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
lock = os.open(f"{PATH}.lock", os.O_WRONLY | os.O_CREAT, 0o640)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    note("scheduler", "alone")
except OSError:
    note("scheduler", "twice")
while not ended:
    time.sleep(0.1)
# A scheduler may need some time to store its state.
time.sleep(0.5)

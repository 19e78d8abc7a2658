"""What a project's own files say of its environment: the lock, the Python version, the extras and dependency groups.

The package runs on the server as a zip file, by the system's Python 3.10 or newer and without other packages. The same
functions read a commit on the operator's machine, before any server is contacted.
"""

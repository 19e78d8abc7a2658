"""The program of an app's backups on its server. tasks/parts/backups.py puts it into /srv/<app>/backup/program.

It needs restic and Python 3.9 or newer. It runs as root; what reads the app's databases runs as the app's user.
"""

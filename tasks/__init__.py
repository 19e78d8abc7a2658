"""The tutorial's steps, one module each: yours to edit.

What a step imports stands in its function: `fab --list` needs none of it, and a run loads it while it logs in.
"""

"""The tasks of `fab`: those of tasks/groups.py."""

from tasks.groups import namespace

# Add your own tasks here; `fab --list` shows them under "Your own tasks".
# namespace.add_task(my_task)

__all__ = ["namespace"]

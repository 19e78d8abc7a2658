"""Looking after servers: who they are, what is live, how it is doing, and what to do about it."""

from selvedge.step import Option, operation

YES = Option("yes", "Accept whatever keys the servers show, without a question.")


@operation(YES)
def trust(run, yes=False):
    """Show the servers' host keys, and store those that you accept."""
    from selvedge.operations import trust

    trust.trust(run, yes=yes)

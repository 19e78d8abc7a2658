"""A package with a command."""


def title() -> None:
    """Print the title."""
    print("one")

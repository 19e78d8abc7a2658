VALUE = 1


def main() -> None:
    print(VALUE)

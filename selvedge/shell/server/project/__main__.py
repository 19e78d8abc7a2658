"""The program: `python3 project.zip COMMAND TOP ROOT ARGUMENT…` prints its answer, one "word text" a line.

TOP is the folder of a commit, ROOT the app's folder in it. A project that cannot be built is "refuse SENTENCE".
"""

import sys

from project import exports, locks, names, pythons, reasons
from project.files import Checkout, Refused, join


def lock(tree, root, requirements):
    """The file with the packages: "lock NAME" and sentences "say …"."""
    name, said = locks.find(tree, root, requirements)
    return [f"lock {name}", *(f"say {each}" for each in said)]


def check(tree, root, name, extras, groups):
    """Nothing if the project has these extras and groups, each a list with spaces."""
    names.check(tree, root, name, extras.split(), groups.split())
    return []


def python(tree, root, name, chosen, version):
    """The versions to try in place of the present Python, "python 3.13", and "why …"; nothing if it fits."""
    versions, why = pythons.decide(tree, root, name, chosen, version)
    return [*(f"python {each}" for each in versions), *([f"why {why}"] if why else [])]


def pipfile(tree, root, name, groups):
    """The requirements of a Pipfile.lock."""
    return list(exports.pipfile_requirements(tree, root, name, groups.split()))


def dependencies(tree, root, extras, groups):
    """The requirements of pyproject.toml, with those of extras and groups."""
    return list(exports.dependencies(tree, root, extras.split(), groups.split()))


def indexes(tree, root, name):
    """The options of a requirements file that name indexes."""
    return list(exports.index_options(tree, root, name))


def modules(tree, root, name):
    """The modules that extras and groups bring, each with a tab and its setting."""
    return [f"{module}\t{setting}" for module, setting in names.modules(tree, root, name)]


def reason(tree, root, name, installer, key):
    """An installer's error "why …", and the remedy "remedy …"; the file has its output."""
    text = tree.read(join(root, name)) or ""
    return [f"why {reasons.reason(text)}", f"remedy {reasons.remedy(text, installer, key)}"]


def main(command, top, root, *arguments):
    """Run a command of this module; return the exit status."""
    try:
        answer = globals()[command](Checkout(top), root, *arguments)
    except Refused as error:
        print(f"refuse {' '.join(str(error).split())}")
        return 1
    print(*answer, sep="\n")
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main(*sys.argv[1:]))

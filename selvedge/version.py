"""The version of Selvedge, which the package has, too."""

VERSION = "0.1.0"

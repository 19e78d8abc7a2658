"""The version of Selvedge and of its package."""

VERSION = "0.1.0"

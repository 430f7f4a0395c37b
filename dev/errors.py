"""The one error of dev: a sentence for a person, which the command line prints without a trace."""


class DevError(Exception):
    """Something the person at the keyboard can act on; `str()` of it is what they read."""

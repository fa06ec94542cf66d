"""The one exception the lab raises on purpose."""


class LabError(Exception):
    """Something the user can act on: its text is the whole message, no traceback is shown."""

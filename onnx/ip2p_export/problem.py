"""What can go wrong, told with what to do about it."""


class Problem(Exception):
    """An export that cannot go on. `message` says why, `remedy` what the user can do."""

    def __init__(self, message: str, remedy: str):
        super().__init__(message)
        self.message = message
        self.remedy = remedy

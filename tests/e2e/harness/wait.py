"""The one way to wait: for a condition, with an end to patience."""

import time

POLL_S = 0.1


class NotSeen(AssertionError):
    """What was waited for did not come."""


def until(what, condition, seconds=30, poll_s=POLL_S):
    """Waits until condition() is true and returns its value; `what` names it in the
    failure. An error that the condition raises counts as not yet."""
    limit = time.monotonic() + seconds
    while True:
        trouble = None
        value = None
        try:
            value = condition()
        except (OSError, LookupError, TypeError, ValueError) as error:
            trouble = error
        if value:
            return value
        if time.monotonic() > limit:
            raise NotSeen(
                "not seen within %g s: %s (last: %r)"
                % (seconds, what, trouble or value)
            )
        time.sleep(poll_s)

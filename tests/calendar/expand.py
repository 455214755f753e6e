"""Expands recurrence rules with python-dateutil, as a second opinion on ours.

Reads one JSON object a line: {"dtstart": "20260101T080000", "rule": "FREQ=…", "until": "20300101T000000", "limit": 60};
answers one JSON object a line: {"found": [the occurrences before `until`, `limit` at most], "whole": true}, or
{"error": "…"}. It walks through every second or day of a rule, for ever where there is nothing to be found: what it has
not found after a twentieth of a second of its time is not waited for, and `whole` is false.
Times are civil: no zones are involved.
"""

import json
import signal
import sys
from datetime import datetime

from dateutil.rrule import rrulestr

FORMAT = "%Y%m%dT%H%M%S"


PATIENCE = 0.05


class Impatient(Exception):
    pass


def lose_patience(*_):
    raise Impatient


def expand(question):
    start = datetime.strptime(question["dtstart"], FORMAT)
    until = datetime.strptime(question["until"], FORMAT)
    found = []
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    try:
        for occurrence in rrulestr(question["rule"], dtstart=start):
            if occurrence >= until or len(found) == question["limit"]:
                break
            found.append(occurrence.strftime(FORMAT))
        return {"found": found, "whole": True}
    except Impatient:
        return {"found": found, "whole": False}
    except ValueError as error:
        # Its word for a rule of which it sees at once that it never occurs.
        if "empty set" not in str(error):
            raise
        return {"found": [], "whole": True}
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def main():
    signal.signal(signal.SIGVTALRM, lose_patience)
    for line in sys.stdin:
        try:
            answer = expand(json.loads(line))
        except (ValueError, TypeError) as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=False)


main()

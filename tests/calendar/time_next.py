"""Times python-dateutil at finding the next occurrence.

Reads lines of DTSTART, rule and instant, apart by tabs (all in UTC, basic format); answers a line of microseconds each.
"""

import sys
import time
from datetime import datetime

from dateutil.rrule import rrulestr


def read(text):
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ")


for line in sys.stdin:
    start, rule, after = line.rstrip("\n").split("\t")
    recurrence = rrulestr(rule, dtstart=read(start))
    begun = time.perf_counter()
    recurrence.after(read(after))
    print((time.perf_counter() - begun) * 1e6, flush=True)

"""Lets Schemathesis get further than a schema alone would: most of the generated ids name things that there are, and
most of the generated tasks have schedules, conditions and tools that make sense. Nothing that violates the schema is
touched, so that what is to be refused stays so."""

import json
import os
import re
import uuid
import zlib

import schemathesis

TASKS = os.environ.get("ORDINAUT_TASKS", "").split()
# The agent whose token is used, and another one, to whom that is done which would end the run.
OWN = os.environ.get("ORDINAUT_AGENT", "")
SPARE = os.environ.get("ORDINAUT_SPARE_AGENT", "")
RUNS = os.environ.get("ORDINAUT_RUNS", "").split()
SCHEDULES = {
    "cron": ["*/5 * * * *", "0 8 * * 1-5", "30 8 29 2 *", "0 0 L * *", "@daily"],
    "rrule": ["FREQ=DAILY;BYHOUR=8", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "DTSTART:20200101T000000Z\nRRULE:FREQ=MONTHLY;COUNT=3"],
    "once": ["2031-12-24T08:30", "2032-02-29T12:00:00Z"],
}
CONDITIONS = ["params.a == `1`", "now", "${ length(params) > `0` }"]
TOOL = re.compile(r"[a-z][a-z0-9_-]{0,63}\.[a-z][a-z0-9_-]{0,63}")
TOOLS = ["events_demo.greet", "http.request"]
ZONES = ["UTC", "Europe/Chisinau", "America/New_York", "Australia/Lord_Howe"]


def choice(value, choices):
    """The same for the same value, so that a case can be repeated; the value itself in one of eight cases."""
    drawn = zlib.crc32(json.dumps(value, sort_keys=True, default=repr).encode())
    return value if drawn % 8 == 0 or not choices else choices[drawn // 8 % len(choices)]


def is_text(value, most):
    return isinstance(value, str) and 1 <= len(value) <= most


def is_id(value):
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    path = context.operation.path
    known = TASKS if path.startswith("/tasks/") else RUNS if path.startswith("/runs/") else []
    if path_parameters and is_id(path_parameters.get("id")):
        path_parameters["id"] = choice(path_parameters["id"], known)
    return path_parameters


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict):
        return body
    kind, expression = body.get("schedule_kind"), body.get("schedule_expr")
    if is_text(expression, 8192) and is_text(kind, 8) and kind in SCHEDULES:
        body["schedule_expr"] = choice(expression, SCHEDULES[kind])
        if is_text(body.get("timezone"), 100):
            body["timezone"] = choice(body["timezone"], ZONES)
    payload = body.get("payload")
    steps = payload.get("pipeline") if isinstance(payload, dict) else None
    for step in steps if isinstance(steps, list) else []:
        if isinstance(step, dict):
            if is_text(step.get("if"), 4096):
                step["if"] = choice(step["if"], CONDITIONS)
            if is_text(step.get("uses"), 129) and TOOL.fullmatch(step["uses"]):
                step["uses"] = choice(step["uses"], TOOLS)
    return body


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.operation.path.startswith("/agents/{id}") and (case.path_parameters or {}).get("id") == OWN and case.method != "GET":
        case.path_parameters["id"] = SPARE

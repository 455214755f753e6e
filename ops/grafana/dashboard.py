#!/usr/bin/env python3
"""Writes ops/grafana/ordinaut.json: the dashboard in Grafana's classic schema, which every supported version reads.

Run it after a change: `python3 ops/grafana/dashboard.py`. A test runs it too and compares.
"""

import json
import pathlib
import sys

JOB = 'job=~"$job",instance=~"$instance"'


def rate(metric, labels="", by="", window="$__rate_interval"):
    chosen = ",".join(part for part in (JOB, labels) if part)
    return f"sum by ({by}) (rate({metric}{{{chosen}}}[{window}]))" if by else f"sum(rate({metric}{{{chosen}}}[{window}]))"


def quantile(share, histogram, by="", labels=""):
    return f"histogram_quantile({share}, {rate(histogram + '_bucket', labels, ', '.join(filter(None, ['le', by])))})"


def gauge(metric, labels="", by="", how="sum"):
    chosen = ",".join(part for part in (JOB, labels) if part)
    return f"{how} by ({by}) ({metric}{{{chosen}}})" if by else f"{how}({metric}{{{chosen}}})"


TIMELY = 'cause!="manual"'
CORE = 'route!~"/(health|ext)(/.*)?"'
IN_TIME = rate("ordinaut_schedule_lag_seconds_bucket", TIMELY + ',le=~"1|1.0"')
PUNCTUAL = IN_TIME + " / " + rate("ordinaut_schedule_lag_seconds_count", TIMELY)
SOUND = "1 - " + rate("ordinaut_engine_faults_total") + " / " + rate("ordinaut_run_attempts_total")
FAILED = rate("ordinaut_http_requests_total", CORE + ',code=~"5..|5xx"')
SERVED = "1 - (" + FAILED + " or vector(0)) / " + rate("ordinaut_http_requests_total", CORE)
LAG = "ordinaut_schedule_lag_seconds"

# Row: [(title, unit, kind, [(query, legend)], what it says)]
ROWS = {
    "Service levels": [
        ("Started within a second", "percentunit", "stat", [(PUNCTUAL, "")], "Of runs that became due; the objective is 99.9 %."),
        ("Attempts without a fault of ours", "percentunit", "stat", [(SOUND, "")], "The objective is 99.95 %."),
        ("Requests without a server error", "percentunit", "stat", [(SERVED, "")], "The objective is 99.9 %."),
        ("Version", "short", "stat", [(gauge("ordinaut_build_info", by="version", how="count"), "{{version}}")], "Processes of each version."),
        ("Lag between due and started", "s", "graph",
         [(quantile(share, LAG, labels=TIMELY), name) for share, name in ((0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"))],
         "Of first attempts that the timetable, events and conditions caused."),
        ("Since the last pass of the scheduler", "s", "graph",
         [(f"time() - {gauge('ordinaut_scheduler_last_pass_timestamp_seconds', by='instance', how='max')}", "{{instance}}")],
         "It passes every 30 s at least."),
        ("Faults of ours", "ops", "graph", [(rate("ordinaut_engine_faults_total", by="code"), "{{code}}")], "Attempts that ended through them."),
    ],
    "Queue": [
        ("Unfinished runs", "short", "graph", [(gauge("ordinaut_queue_depth", by="state", how="max"), "{{state}}")], "Counted up to 100000."),
        ("Oldest due", "s", "graph", [(gauge("ordinaut_oldest_due_seconds", by="stage", how="max"), "{{stage}}")], "That nobody has taken yet."),
        ("Slots", "short", "graph", [(gauge("ordinaut_worker_slots", by="state"), "{{state}}")], "Of all workers."),
        ("Leases", "short", "graph", [(gauge("ordinaut_leases", by="phase"), "{{phase}}"), (gauge("ordinaut_leases_expired", how="max"), "expired")], ""),
        ("Leases lost", "ops", "graph", [(rate("ordinaut_leases_lost_total", by="reason"), "{{reason}}")], ""),
        ("Since leases were renewed", "s", "graph",
         [(f"time() - {gauge('ordinaut_leases_last_renewal_timestamp_seconds', by='instance', how='max')}", "{{instance}}")], ""),
        ("Tasks", "short", "graph", [(gauge("ordinaut_tasks", by="status", how="max"), "{{status}}")], ""),
        ("Passes of the scheduler", "ops", "graph",
         [(rate("ordinaut_scheduler_passes_total", by="outcome"), "{{outcome}}"), (rate("ordinaut_occurrences_queued_total"), "queued occurrences")], ""),
        ("Time of a pass", "s", "graph", [(quantile(0.99, "ordinaut_scheduler_pass_duration_seconds"), "p99")], ""),
        ("Next task due in", "s", "graph",
         [(f"{gauge('ordinaut_scheduler_next_due_timestamp_seconds', how='max')} - time()", "")], ""),
    ],
    "Runs and steps": [
        ("Runs", "ops", "graph", [(rate("ordinaut_runs_total", by="state"), "{{state}}")], "That ended."),
        ("Runs by cause", "ops", "graph", [(rate("ordinaut_runs_total", by="cause"), "{{cause}}")], ""),
        ("Duration of runs", "s", "graph", [(quantile(0.5, "ordinaut_run_duration_seconds", "state"), "p50 {{state}}"), (quantile(0.99, "ordinaut_run_duration_seconds", "state"), "p99 {{state}}")], ""),
        ("Attempts", "ops", "graph", [(rate("ordinaut_run_attempts_total", by="outcome"), "{{outcome}}")], ""),
        ("Occurrences that were not run", "ops", "graph", [(rate("ordinaut_missed_occurrences_total", by="reason"), "{{reason}}")], ""),
        ("Steps", "ops", "graph", [(rate("ordinaut_steps_total", by="tool, state"), "{{tool}} {{state}}")], ""),
        ("Duration of steps", "s", "graph", [(quantile(0.95, "ordinaut_step_duration_seconds", "tool"), "p95 {{tool}}")], ""),
        ("Retries of steps", "ops", "graph", [(rate("ordinaut_step_retries_total", by="tool"), "{{tool}}")], ""),
        ("Runs written together", "short", "graph", [(quantile(0.5, "ordinaut_settle_batch_runs"), "p50"), (quantile(0.99, "ordinaut_settle_batch_runs"), "p99")], ""),
        ("Time to write ended runs", "s", "graph", [(quantile(0.99, "ordinaut_settle_duration_seconds"), "p99")], ""),
    ],
    "Extensions": [
        ("States", "short", "graph", [(gauge("ordinaut_ext_state", by="ext, state", how="max") + " > 0", "{{ext}} {{state}}"), (gauge("ordinaut_extensions", how="max"), "all")], ""),
        ("Calls", "ops", "graph", [(rate("ordinaut_ext_calls_total", by="ext, kind, outcome"), "{{ext}} {{kind}} {{outcome}}")], ""),
        ("Duration of calls", "s", "graph", [(quantile(0.95, "ordinaut_ext_call_duration_seconds", "ext, kind", 'kind!~"stream|service"'), "p95 {{ext}} {{kind}}")], ""),
        ("Calls and streams under way", "short", "graph", [(gauge("ordinaut_ext_calls_in_flight", by="ext, kind"), "{{ext}} {{kind}}")], ""),
        ("Processor time", "percentunit", "graph", [(rate("ordinaut_ext_cpu_seconds_total", by="ext"), "{{ext}}")], "1 is one core."),
        ("Memory", "bytes", "graph", [(gauge("ordinaut_ext_memory_bytes", by="ext"), "{{ext}}")], "Linear memory of all instances."),
        ("Errors", "ops", "graph", [(rate("ordinaut_ext_errors_total", by="ext, kind"), "{{ext}} {{kind}}")], ""),
        ("Traps and restarts", "ops", "graph", [(rate("ordinaut_ext_traps_total", by="ext, kind"), "{{ext}} {{kind}}"), (rate("ordinaut_ext_restarts_total", by="ext"), "{{ext}} restarts")], ""),
        ("Refused uses, jobs left alone", "short", "graph", [(gauge("ordinaut_ext_denied", by="ext", how="max"), "{{ext}} refused"), (gauge("ordinaut_ext_quarantined_jobs", by="ext", how="max"), "{{ext}} jobs left alone")], ""),
        ("Events behind", "short", "graph", [(gauge("ordinaut_bus_lag_events", by="group", how="max"), "{{group}}")], "That a consumer group has not looked at yet."),
        ("Deliveries not settled", "short", "graph", [(gauge("ordinaut_bus_unsettled_deliveries", by="group", how="max"), "{{group}}"), (gauge("ordinaut_bus_dead_letters", by="group", how="max"), "{{group}} given up")], ""),
        ("Events", "ops", "graph", [(f"max(rate(ordinaut_events_total{{{JOB}}}[$__rate_interval]))", "stored"), (gauge("ordinaut_event_log_events", how="max"), "in the log")], ""),
    ],
    "HTTP": [
        ("Requests", "ops", "graph", [(rate("ordinaut_http_requests_total", by="route, code"), "{{route}} {{code}}")], ""),
        ("Time until the answer", "s", "graph", [(quantile(0.95, "ordinaut_http_request_duration_seconds", "route"), "p95 {{route}}")], ""),
        ("In flight", "short", "graph", [(gauge("ordinaut_http_requests_in_flight", by="instance"), "{{instance}}")], ""),
        ("Turned away", "ops", "graph", [(rate("ordinaut_auth_failures_total", by="reason"), "{{reason}}"), (rate("ordinaut_tokens_issued_total"), "tokens given out")], ""),
    ],
    "Process": [
        ("Processor time", "percentunit", "graph", [(rate("process_cpu_seconds_total", by="instance"), "{{instance}}")], "1 is one core."),
        ("Resident memory", "bytes", "graph", [(gauge("process_resident_memory_bytes", by="instance"), "{{instance}}")], ""),
        ("Threads", "short", "graph", [(gauge("process_threads", by="instance"), "{{instance}}")], ""),
        ("File descriptors", "short", "graph", [(gauge("process_open_fds", by="instance"), "{{instance}}"), (gauge("process_max_fds", by="instance"), "{{instance}} at most")], ""),
        ("Running since", "s", "graph", [(f"time() - {gauge('process_start_time_seconds', by='instance', how='max')}", "{{instance}}")], ""),
        ("Database", "bytes", "graph", [(gauge("ordinaut_database_size_bytes", how="max"), "size"), ], ""),
        ("Store answers", "short", "graph", [(gauge("ordinaut_store_up", by="instance", how="min"), "{{instance}}"), (gauge("ordinaut_role_active", by="instance, role", how="max"), "{{instance}} {{role}}")], ""),
    ],
}

SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def panel(number, title, unit, kind, queries, says, x, y, width):
    made = {
        "id": number,
        "title": title,
        "description": says,
        "type": "timeseries" if kind == "graph" else kind,
        "datasource": SOURCE,
        "gridPos": {"h": 7 if kind == "graph" else 4, "w": width, "x": x, "y": y},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0 if unit != "percentunit" else None}, "overrides": []},
        "targets": [
            {"refId": chr(65 + place), "expr": query, "legendFormat": legend or "__auto", "datasource": SOURCE}
            for place, (query, legend) in enumerate(queries)
        ],
    }
    if made["fieldConfig"]["defaults"]["min"] is None:
        del made["fieldConfig"]["defaults"]["min"]
    if kind == "graph":
        made["options"] = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
    else:
        made["fieldConfig"]["defaults"]["decimals"] = 3 if unit == "percentunit" else 0
        made["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "textMode": "value_and_name" if unit == "short" else "value"}
    return made


def panels():
    made, y = [], 0
    for row, wanted in ROWS.items():
        made.append({"id": len(made) + 1, "type": "row", "title": row, "collapsed": False, "panels": [], "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}})
        y, x, height = y + 1, 0, 0
        for title, unit, kind, queries, says in wanted:
            width = 8 if kind == "graph" else 6
            if x + width > 24:
                x, y, height = 0, y + height, 0
            made.append(panel(len(made) + 1, title, unit, kind, queries, says, x, y, width))
            x, height = x + width, max(height, made[-1]["gridPos"]["h"])
        y += height
    return made


def variable(name, label, query):
    return {
        "name": name, "label": label, "type": "query", "datasource": SOURCE, "query": {"query": query, "refId": name},
        "refresh": 2, "multi": True, "includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"},
    }


DASHBOARD = {
    "uid": "ordinaut",
    "title": "Ordinaut",
    "tags": ["ordinaut"],
    "schemaVersion": 39,
    "version": 1,
    "editable": True,
    "graphTooltip": 1,
    "refresh": "30s",
    "time": {"from": "now-3h", "to": "now"},
    "timezone": "browser",
    "templating": {
        "list": [
            {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
            variable("job", "Job", "label_values(ordinaut_build_info, job)"),
            variable("instance", "Instance", 'label_values(ordinaut_build_info{job=~"$job"}, instance)'),
        ]
    },
    "annotations": {"list": []},
    "panels": panels(),
}

if __name__ == "__main__":
    text = json.dumps(DASHBOARD, indent=1) + "\n"
    if sys.argv[1:] == ["-"]:
        sys.stdout.write(text)
    else:
        pathlib.Path(__file__).with_name("ordinaut.json").write_text(text)

"""Eight rows of each kind that matters, their right results worked out by hand, and how the program is run on a file of them."""

import csv
import datetime
import json
import os
import resource
import sqlite3
import subprocess
import uuid

COLUMNS = ["create_time", "bid", "campaign_id", "custom_track", "dl", "ed", "ev", "group_id", "job_id", "publisher_id", "ts"]
IDS = ["job_id", "publisher_id", "campaign_id", "group_id"]
ADDRESS_SPACE = 4 << 30


def event_id(time, number):
    ticks = (time - datetime.datetime(1582, 10, 15)) // datetime.timedelta(microseconds=1) * 10 + number
    return str(uuid.UUID(fields=(ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, 0x1000 | ticks >> 48, 0x80, 0, 0x0242AC120002)))


def event(number, ts, track, ev, ids, bid=None, payload=None):
    job, publisher, campaign, group = ids
    time = datetime.datetime.fromisoformat(ts)
    return dict(create_time=event_id(time, number), bid=bid, campaign_id=campaign, custom_track=track,
                dl=f"https://jobs.example.com/{number}?a=1,2", ed=payload and json.dumps(payload), ev=ev, group_id=group,
                job_id=job, publisher_id=publisher, ts=time)


NONE = (None, None, None, None)
ROWS = [
    event(1, "2024-03-05 10:15:00.120", None, 1, (101, 7, 55, 9)),
    event(2, "2024-03-05 10:16:00.250", "click", 2, (101, 7, 55, 9), 1.5, {"jobId": "101", "publisherId": "7"}),
    event(3, "2024-03-05 11:02:00.000", "click", 2, (101, 7, 55, None), 2.0, {"jobId": 101, "note": 'said "yes", left\\right'}),
    event(4, "2024-03-05 11:40:00.500", "conversion", 2, NONE, None, {"jobId": "101", "publisherId": "7"}),
    event(5, "2024-03-05 12:00:00.000", "qualified", 2, (102, 8, 56, 9)),
    event(6, "2024-03-05 12:00:30.000", "alive", 2, NONE, None, {"customEvent": "alive"}),
    event(7, "2024-03-05 12:01:00.000", None, 1, NONE),
    event(8, "2024-03-05 12:59:59.999", "unqualified", 2, (101, 7, 55, 9), None, {"jobId": "101"}),
]

# job, hour, publisher, campaign, group, then impressions, clicks, conversions, qualified, unqualified, spend.
BY_COLUMNS = [
    (101, 10, 7, 55, 9, 1, 1, 0, 0, 0, 1.5),
    (101, 11, 7, 55, 0, 0, 1, 0, 0, 0, 2.0),
    (101, 12, 7, 55, 9, 0, 0, 0, 0, 1, 0.0),
    (102, 12, 8, 56, 9, 0, 0, 0, 1, 0, 0.0),
]
BY_PAYLOAD = sorted([*BY_COLUMNS, (101, 11, 7, 0, 0, 0, 0, 1, 0, 0, 0.0)])


def limit_memory():
    if os.environ.get("HIRESTREAM_SANITIZE"):
        return  # a sanitizer maps terabytes for itself
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


def call(*arguments, exits=(0,)):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
    done = subprocess.run([os.environ["HIRESTREAM_BINARY"], *map(str, arguments)], env=environment | {"TZ": "America/New_York"},
                          capture_output=True, text=True, errors="replace", timeout=120, check=False, preexec_fn=limit_memory)
    assert done.returncode in exits, f"{arguments}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def read_events(warehouse):
    with sqlite3.connect(warehouse) as database:
        return database.execute(
            "SELECT job_id, hours, publisher_id, campaign_id, group_id, impressions, clicks, conversion, qualified_application, "
            "disqualified_application, spend_hour FROM events ORDER BY 1, 2, 3, 4, 5").fetchall()


def count(source, warehouse, *options, exits=(0,)):
    """The cells, and how many rows there were of each class."""
    done = call("run", "--once", "--json", "--source", source, "--warehouse", f"sqlite:{warehouse}", *options, exits=exits)
    return read_events(warehouse), json.loads(done.stdout)["rows"]


def write_csv(rows, path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(dict(row, ts=row["ts"].isoformat(" ")) for row in rows)

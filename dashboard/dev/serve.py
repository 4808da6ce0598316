#!/usr/bin/env python3
"""A stand-in for the program's server while working on the page: dist/ and the API, read from a SQLite warehouse.

usage: dashboard/dev/serve.py WAREHOUSE.db [PORT]

For development only. It knows one source, UTC and SQLite; the figures by minute are made up. Tests run against the real program.
"""

import datetime
import hashlib
import http.server
import json
import math
import os
import pathlib
import sqlite3
import sys
import time
import urllib.parse

DIST = pathlib.Path(__file__).resolve().parent.parent / "dist"
WAREHOUSE = sys.argv[1]
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8070
TOKEN = os.environ.get("HIRESTREAM_HTTP_TOKEN", "")
DIMENSIONS = ("company", "campaign", "group", "publisher", "job")
SUMS = ("COALESCE(SUM(impressions),0),COALESCE(SUM(clicks),0),COALESCE(SUM(conversions),0),COALESCE(SUM(qualified),0),"
        "COALESCE(SUM(unqualified),0),COALESCE(SUM(bid_micros),0)")
EPOCH = datetime.datetime(1970, 1, 1)
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml",
         ".json": "application/json"}


class Problem(Exception):
    pass


def database():
    connection = sqlite3.connect(f"file:{WAREHOUSE}?mode=ro", uri=True)
    connection.create_function("hour_of", 2, lambda days, hours: days * 24 + hours)
    return connection


def text_of(hour):
    return (EPOCH + datetime.timedelta(hours=hour)).strftime("%Y-%m-%dT%H:00")


def hour_of(text):
    return int((datetime.datetime.strptime(text, "%Y-%m-%dT%H:00") - EPOCH).total_seconds()) // 3600


def instant(microseconds):
    if not microseconds:
        return None
    return (EPOCH + datetime.timedelta(microseconds=microseconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def figures(row):
    impressions, clicks, conversions, qualified, unqualified, micros = row

    def rate(a, b):
        return a / b if b else None

    return {"impressions": impressions, "clicks": clicks, "conversions": conversions, "qualified": qualified,
            "unqualified": unqualified, "spend": f"{micros // 10**6}.{micros % 10**6:06d}",
            "click_through_rate": rate(clicks, impressions), "conversion_rate": rate(conversions, clicks),
            "qualified_ratio": rate(qualified, qualified + unqualified), "average_bid": rate(micros / 1e6, clicks),
            "cost_per_conversion": rate(micros / 1e6, conversions), "cost_per_qualified": rate(micros / 1e6, qualified)}


def range_of(query):
    now = int(time.time() // 3600)
    if "from" in query:
        try:
            begin, end = hour_of(query["from"]), hour_of(query["to"])
        except (ValueError, KeyError) as error:
            raise Problem("from and to are hours such as 2026-03-01T09:00") from error
        if begin >= end:
            raise Problem("from must lie before to")
        return begin, end
    last = query.get("last", "24h")
    count = int(last[:-1])
    if last.endswith("h"):
        return now + 1 - count, now + 1
    end = (now // 24 + 1) * 24
    return end - 24 * count, end


def where(query, begin, end):
    terms = [f"days >= {begin // 24} AND days <= {end // 24} AND hour_of(days,hours) >= {begin} AND hour_of(days,hours) < {end}"]
    for name in DIMENSIONS:
        if query.get(name):
            terms.append(f"{name}_id IN ({','.join(str(int(i)) for i in query[name].split(','))})")
    return " AND ".join(terms)


def names(connection, dimension):
    if dimension == "publisher":
        return {}
    column = "title" if dimension == "job" else f"{dimension}_name"
    return dict(connection.execute(f"SELECT {dimension}_id, MAX({column}) FROM hirestream_jobs GROUP BY 1"))


def points(connection, query, begin, end, step):
    width = 24 if step == "day" else 1
    sql = f"SELECT hour_of(days,hours) / {width}, {SUMS} FROM events_micros WHERE {where(query, begin, end)} GROUP BY 1"
    found = {row[0]: row[1:] for row in connection.execute(sql)}
    return [{"time": text_of(k * width), **figures(found.get(k, (0,) * 6))} for k in range(begin // width, math.ceil(end / width))]


def get_meta(connection, query):
    first, last = connection.execute("SELECT MIN(hour_of(days,hours)), MAX(hour_of(days,hours)) FROM events_micros").fetchone()
    settled = connection.execute("SELECT MAX(settled_at_us) FROM hirestream_slices").fetchone()[0]
    return {"product": "hirestream", "version": "dev", "warehouse": f"sqlite:{WAREHOUSE}", "timezone": "UTC",
            "now": text_of(int(time.time() // 3600)), "first_hour": None if first is None else text_of(first),
            "last_hour": None if last is None else text_of(last), "settled_until": instant(settled),
            "sources": [{"name": "demo", "kind": "sqlite", "attribution": "columns"}]}


def get_kpis(connection, query):
    begin, end = range_of(query)
    before = begin - (end - begin)
    sums = [connection.execute(f"SELECT {SUMS} FROM events_micros WHERE {where(query, a, b)}").fetchone()
            for a, b in ((begin, end), (before, begin))]
    return {"range": {"from": text_of(begin), "to": text_of(end)}, "current": figures(sums[0]),
            "previous_range": {"from": text_of(before), "to": text_of(begin)}, "previous": figures(sums[1]),
            "completed": completed(connection, query, begin, end)}


def completed(connection, query, begin, end):
    now, length = int(time.time() // 3600), end - begin
    if begin >= now:
        back = math.ceil((end - now) / length) * length
        begin, end = begin - back, end - back
    end = min(end, now)
    now_and_before = [(begin, end), (begin - length, end - length)]
    sums = [connection.execute(f"SELECT {SUMS} FROM events_micros WHERE {where(query, a, b)}").fetchone() for a, b in now_and_before]
    ranges = [{"from": text_of(a), "to": text_of(b)} for a, b in now_and_before]
    return {"range": ranges[0], "current": figures(sums[0]), "previous_range": ranges[1], "previous": figures(sums[1])}


def get_series(connection, query):
    begin, end = range_of(query)
    step = query.get("step", "auto")
    if step == "auto":
        step = "hour" if end - begin <= 8 * 24 else "day"
    before = begin - (end - begin)
    return {"range": {"from": text_of(begin), "to": text_of(end)}, "step": step, "points": points(connection, query, begin, end, step),
            "previous": points(connection, query, before, begin, step) if query.get("compare") == "previous" else None}


def get_top(connection, query, dimension):
    begin, end = range_of(query)
    order = query.get("order", "spend")
    known = names(connection, dimension)
    key = (lambda e: float(e["spend"])) if order == "spend" else (lambda e: e[order])
    rows = connection.execute(f"SELECT {dimension}_id, {SUMS} FROM events_micros WHERE {where(query, begin, end)} GROUP BY 1")
    entries = [{"id": row[0], "name": known.get(row[0], ""), **figures(row[1:])} for row in rows]
    entries.sort(key=lambda e: (-key(e), e["id"]))
    entries = [entry | {"id": str(entry["id"])} for entry in entries]
    offset, limit = int(query.get("offset", 0)), int(query.get("limit", 50))
    return {"range": {"from": text_of(begin), "to": text_of(end)}, "dimension": dimension, "order": order, "total": len(entries),
            "entries": entries[offset:offset + limit]}


def get_names(connection, query, dimension):
    known = names(connection, dimension)
    ids = [row[0] for row in connection.execute(f"SELECT DISTINCT {dimension}_id FROM events_micros")]
    if query.get("id"):
        ids = [int(i) for i in query["id"].split(",")]
    wanted = query.get("search", "").lower()
    found = [{"id": i, "name": known.get(i, "")} for i in ids if wanted in known.get(i, "").lower() or wanted in str(i)]
    found.sort(key=lambda n: (n["name"], n["id"]))
    return {"names": [name | {"id": str(name["id"])} for name in found[:int(query.get("limit", 50))]]}


def get_quality(connection, query):
    sources = []
    for row in connection.execute("SELECT * FROM hirestream_accounting"):
        sources.append({"name": row[1], "kind": row[2], "attribution": "columns", "timezone": "UTC",
                        "classes": dict(zip(("read", "counted", "unattributed", "other", "rejected", "too_late"), row[3:9])),
                        "slices": dict(zip(("open", "settled", "frozen", "held"), row[9:13])),
                        "settled_until": get_meta(connection, query)["settled_until"], "last_commit": instant(int(time.time() * 1e6)), "corrected_day": 0,
                        "verification": {"at": instant(int((time.time() - 5400) * 1e6)), "differences": 0, "rows_read": row[3], "slices_checked": 40,
                                         "slices_different": 0, "slices_repaired": 0, "slices_held": 0, "slices_damaged": 0,
                                         "cells_checked": 9000, "cells_different": 0}})
    rejects = [{"source": "demo", "reason": reason, "column": column, "kept": kept, "newest": instant(newest),
                "sample": {"id": row_id.hex() if isinstance(row_id, bytes) else row_id, "value": value, "row": row}}
               for reason, column, kept, newest, row_id, value, row in connection.execute(
                   "SELECT reason, column_name, COUNT(*), MAX(first_seen_us), MIN(row_id), MIN(value), MIN(row_json) "
                   "FROM hirestream_rejects GROUP BY 1, 2")]
    kinds = [{"source": "demo", "class": name, "kind": kind, "rows": count, "newest": instant(newest),
              "sample": {"id": text.split(" ")[1], "file": ""}}
             for name, kind, count, newest, text in connection.execute(
                 "SELECT class, kind, SUM(row_count), MAX(newest_us), MAX(newest) FROM hirestream_kinds GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 20")]
    return {"sources": sources, "rejects": rejects, "not_counted": kinds,
            "hints": ["57 % of the rows name no job in their columns; 9,214 of them name one in `ed`: attribution = \"payload\" counts these."]}


def get_pipeline(connection, query):
    now = int(time.time() // 60)
    slices = []
    for row in connection.execute("SELECT shard, bucket, state, held, revision, row_count, settled_at_us, audited_at_us, updated_at_us "
                                  "FROM hirestream_slices ORDER BY bucket DESC LIMIT 480"):
        slices.append({"source": "demo", "shard": row[0], "bucket": str(row[1]), "begin": None,
                       "state": ("open", "settled")[row[2]], "held": bool(row[3]), "revision": row[4], "rows": row[5],
                       "settled_at": instant(row[6]), "audited_at": instant(row[7]), "corrected_at": None, "updated_at": instant(row[8])})
    for k in range(60):
        for shard in range(8):
            state = "open" if k > 56 else "settled"
            begin = (now - 59 + k) * 60_000_000
            slices.append({"source": "tracking", "shard": shard, "bucket": str(now - 59 + k), "begin": instant(begin), "state": state,
                           "held": k == 41 and shard == 3, "revision": 3 + (k * 7 + shard * 3) % 11, "rows": 700 + (k * 37 + shard * 91) % 350,
                           "settled_at": None if state == "open" else instant(begin + 180_000_000),
                           "audited_at": None if k > 48 else instant(begin + 780_000_000 + (k % 17 == shard) * 60_000_000),
                           "corrected_at": instant(begin + 780_000_000) if k == 30 and shard == 5 else None, "updated_at": instant(begin + 780_000_000)})
    minutes = []
    for k in range(now - 119, now + 1):
        wave = math.sin(k / 9) * math.sin(k / 31)
        minutes.append({"source": "demo", "minute": instant(k * 60_000_000), "new_rows": int(12000 + 3000 * wave), "rows_read": int(43000 + 9000 * wave),
                        "requests": 240, "commits": 180 + k % 13, "commit_ms_mean": 4 + wave + k % 3 * .3, "commit_ms_max": 14 + k % 19,
                        "freshness_ms_p50": 180 + 40 * wave, "freshness_ms_p95": 410 + 90 * wave, "freshness_ms_max": 900 + k % 23 * 20,
                        "slices_settled": 8, "slices_corrected": int(k % 37 == 0), "slices_audited": 24, "conflicts": 0, "retries": int(k % 41 == 0)})
    mirrors = [{"source": "tracking", "node": f"{node}a3c1e5b-7d20-4c1f-9a6e-0b2d4f6a8c1{node}", "stored_at": instant((time.time() - age) * 1e6),
                "copied_at": instant((time.time() - 40_000) * 1e6), "copying": False} for node, age in ((1, 4), (2, 9), (3, 1500))]
    return {"slices": slices, "minutes": minutes, "mirrors": mirrors}


def get_health(connection, query):
    return {"status": "ok", "warehouse": f"sqlite:{WAREHOUSE}", "last_commit": instant(int(time.time() * 1e6)), "behind_ms": 300,
            "last_read": None, "unread_ms": None, "unread_source": None}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, kind, body, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def problem(self, status, title, detail):
        body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()
        self.send(status, "application/problem+json", body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        try:
            if url.path.startswith("/api/"):
                self.answer(url.path, query)
            else:
                self.file(url.path)
        except Problem as problem:
            self.problem(400, "Bad parameter", str(problem))
        except sqlite3.Error as error:
            self.problem(503, "Warehouse unavailable", str(error))
        except (BrokenPipeError, ConnectionResetError):
            pass

    def file(self, path):
        target = DIST / (path.lstrip("/") or "index.html")
        if not target.is_file():
            return self.problem(404, "Not found", f"There is no {path}")
        return self.send(200, TYPES.get(target.suffix, "application/octet-stream"), target.read_bytes())

    def answer(self, path, query):
        if TOKEN and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.problem(401, "Token needed", "This server wants a token")
        parts = path.split("/")[3:]
        if parts[0] == "stream":
            return self.stream()
        answer = globals().get(f"get_{parts[0]}")
        if not answer:
            return self.problem(404, "Not found", f"There is no {path}")
        connection = database()
        try:
            body = json.dumps(answer(connection, query, *parts[1:2])).encode()
        finally:
            connection.close()
        tag = '"' + hashlib.sha1(body).hexdigest()[:16] + '"'
        if self.headers.get("If-None-Match") == tag:
            return self.send(304, "application/json", b"", ETag=tag)
        return self.send(200, "application/json", body, ETag=tag)

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        seen, changed = None, time.time()
        while True:
            connection = database()
            version = connection.execute("SELECT MAX(updated_at_us) FROM hirestream_slices").fetchone()[0]
            connection.close()
            now = instant(int(time.time() * 1e6))
            if version != seen:
                seen, changed = version, time.time()
                self.event("change", {"version": version, "at": now, "freshness_ms": 380})
            self.event("pulse", {"at": now, "behind_ms": int((time.time() - changed) * 1000)})
            time.sleep(1)

    def event(self, name, data):
        self.wfile.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()


if __name__ == "__main__":
    print(f"http://127.0.0.1:{PORT}/")
    http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()

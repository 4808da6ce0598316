"""What the panels over `events` must show, recounted in Python over all its rows."""

import collections
import datetime
from decimal import Decimal

EPOCH = datetime.date(1970, 1, 1)
MEASURES = {
    "Impressions": "impressions",
    "Clicks": "clicks",
    "Conversions": "conversion",
    "Qualified": "qualified_application",
    "Unqualified": "disqualified_application",
    "Spend": "spend_hour",
}
RATES = {
    "Click-Through Rate": (["Clicks"], ["Impressions"]),
    "Conversion rate": (["Conversions"], ["Clicks"]),
    "Qualified ratio": (["Qualified"], ["Qualified", "Unqualified"]),
    "Average bid": (["Spend"], ["Clicks"]),
    "CPC": (["Spend"], ["Clicks"]),
    "CPA": (["Spend"], ["Conversions"]),
    "CPQA": (["Spend"], ["Qualified"]),
}
TABLE_FIGURES = [
    "Impressions",
    "Clicks",
    "Click-Through Rate",
    "Conversions",
    "Conversion rate",
    "Qualified",
    "Unqualified",
    "Qualified ratio",
    "Spend",
    "CPC",
    "CPA",
    "CPQA",
]
KEY_FIGURES = ["Impressions", "Clicks", "Conversions", "Qualified", "Unqualified", "Average bid", "Spend", "CPC", "CPA", "CPQA"]


def hour_of(row):
    return (row["dates"] - EPOCH).days * 24 + row["hours"]


def chosen(row, selection):
    return all(row[f"{dimension}_id"] in ids for dimension, ids in selection.items() if ids is not None)


def rows_between(events, first, last, selection):
    return [row for row in events if first <= hour_of(row) <= last and chosen(row, selection)]


def totals(rows):
    return {name: sum((row[column] for row in rows), Decimal(0)) for name, column in MEASURES.items()}


def figure(name, sums):
    if name in MEASURES:
        return sums[name]
    above, below = ([sums[part] for part in parts] for parts in RATES[name])
    return None if sum(below) == 0 else sum(above) / sum(below)


def key_figures(events, first, last, selection):
    now = totals(rows_between(events, first, last, selection))
    before = totals(rows_between(events, 2 * first - last - 1, first - 1, selection))
    row = {}
    for name in KEY_FIGURES:
        new, old = figure(name, now), figure(name, before)
        row[name] = new
        row[f"{name} change"] = None if new is None or not old else new / old - 1
    return [row]


def broken_at_gaps(points, step_s):
    """Points of a line: where the next one is more than a step away, one of nothing ends it."""
    line = []
    for point, after in zip(points, [*points[1:], None]):
        line.append(point)
        if after is not None and after["time"] - point["time"] > step_s * 1000:
            line.append(dict.fromkeys(point) | {"time": point["time"] + step_s * 1000})
    return line


def series(events, first, last, selection, names, step_hours):
    steps = collections.defaultdict(list)
    for row in rows_between(events, first, last, selection):
        steps[hour_of(row) // step_hours * step_hours].append(row)
    return [{"time": hour * 3600 * 1000, **{name: figure(name, totals(rows)) for name in names}} for hour, rows in sorted(steps.items())]


class Directory(dict):
    """The jobs by id, and the names of publishers as they were written for the engine."""

    def __init__(self, jobs, publishers):
        super().__init__(jobs)
        self.publishers = publishers


def name_of(jobs, dimension, identity):
    label = dimension.capitalize()
    known = ""
    if dimension == "job":
        known = jobs[identity]["title"] if identity in jobs else ""
    elif dimension == "publisher":
        known = jobs.publishers.get(identity, "")
    else:
        known = max((job[f"{dimension}_name"] for job in jobs.values() if job[f"{dimension}_id"] == identity), default="")
    return known or ("(none)" if identity == 0 else f"{label} {identity}")


def top(events, jobs, first, last, selection, dimension, names, limit, ids):
    groups = collections.defaultdict(list)
    for row in rows_between(events, first, last, selection):
        groups[row[f"{dimension}_id"]].append(row)
    label = dimension.capitalize()
    lines = []
    for identity, rows in groups.items():
        sums = totals(rows)
        lines.append(
            (
                -sums["Spend"],
                identity,
                {
                    label: name_of(jobs, dimension, identity),
                    **({f"{label} id": identity} if ids else {}),
                    **{name: figure(name, sums) for name in names},
                },
            )
        )
    return [line[2] for line in sorted(lines, key=lambda line: line[:2])[:limit]]


def cells(events, first, last, selection, limit):
    rows = sorted(
        rows_between(events, first, last, selection),
        key=lambda row: (-hour_of(row), row["publisher_id"], row["campaign_id"], row["group_id"]),
    )
    return [
        {
            "time": hour_of(row) * 3600 * 1000,
            "Publisher id": row["publisher_id"],
            "Campaign id": row["campaign_id"],
            "Group id": row["group_id"],
            **{name: row[column] for name, column in MEASURES.items()},
            "Average bid": row["bid_set"],
            "Sources": row["sources"],
            "Changed": int((row["updated_at"] - datetime.datetime(1970, 1, 1)).total_seconds()) * 1000,
        }
        for row in rows[:limit]
    ]


def difference(got, expected):
    """The first difference of two lists of records; None: equal. Numbers to 12 digits, NULL only equals NULL."""
    if len(got) != len(expected):
        return f"{len(got)} rows instead of {len(expected)}"
    for index, (left, right) in enumerate(zip(got, expected)):
        if list(left) != list(right):
            return f"columns {list(left)} instead of {list(right)}"
        for column, value in left.items():
            if not same(value, right[column]):
                return f"row {index}, {column}: {value!r} instead of {right[column]!r}"
    return None


def same(got, expected):
    if got is None or expected is None or isinstance(got, str) or isinstance(expected, str):
        return got == expected
    return abs(float(got) - float(expected)) <= 1e-12 * max(1.0, abs(float(expected)))

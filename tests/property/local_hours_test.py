"""The kernel's civil hours against Python's zoneinfo, on the same instants: every zone of the system's database, seeded random instants of
1970 to 2100, and the microseconds and hours around each change of a zone's offset. One database (the system's), two programs that read it.

The date library that the kernel uses knows the changes that the database lists one by one (to the end of 2037) and not the rule for those
behind them, so from 2037 on only zones without summer time are compared.

    HIRESTREAM_LOCAL_HOURS=build/local_hours python -m pytest tests/property/local_hours_test.py
"""

import datetime
import os
import random
import subprocess
import zoneinfo

SEED = 20220701
EPOCH = datetime.datetime(1970, 1, 1)
UTC_EPOCH = EPOCH.replace(tzinfo=datetime.timezone.utc)
HOUR_US = 3_600_000_000
LISTED_END_S = int((datetime.datetime(2037, 1, 1) - EPOCH).total_seconds())
END_S = int((datetime.datetime(2100, 1, 1) - EPOCH).total_seconds())
# Offsets of half and three quarters of an hour, half an hour of summer time, changes of date, negative summer time.
ODD_ZONES = ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "America/St_Johns", "Asia/Tehran",
             "Pacific/Apia", "Africa/Casablanca", "Europe/Dublin", "Antarctica/Troll", "Australia/Eucla", "America/Caracas"]


def offset_s(zone, second):
    return zone.utcoffset((UTC_EPOCH + datetime.timedelta(seconds=second)).astimezone(zone)).total_seconds()


def expected_hour(zone, us):
    local = (UTC_EPOCH + datetime.timedelta(microseconds=us)).astimezone(zone).replace(tzinfo=None)
    return (local - EPOCH) // datetime.timedelta(hours=1)


def changes(zone, generator, count):
    """Seconds at which the zone's offset becomes another: bisected between random instants a few months apart."""
    found = set()
    for _ in range(count):
        low = generator.randrange(0, LISTED_END_S - 200 * 86400)
        high = low + 200 * 86400
        if offset_s(zone, low) == offset_s(zone, high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset_s(zone, middle) == offset_s(zone, low) else (low, middle)
        found.add(high)
    return found


def instants(zone, generator, is_odd):
    yield from (generator.randrange(0, LISTED_END_S * 1_000_000) for _ in range(60 if is_odd else 20))
    if len({offset_s(zone, LISTED_END_S + day * 86400) for day in range(0, 3 * 366, 7)}) == 1:
        yield from (generator.randrange(LISTED_END_S * 1_000_000, END_S * 1_000_000) for _ in range(10))
    for second in changes(zone, generator, 40 if is_odd else 4):
        yield from (second * 1_000_000 + delta for delta in (-HOUR_US, -1_000_000, -1, 0, 1, HOUR_US - 1, HOUR_US))


def answers(pairs):
    text = "".join(f"{name} {us}\n" for name, us in pairs)
    result = subprocess.run([os.environ["HIRESTREAM_LOCAL_HOURS"]], input=text, capture_output=True, text=True, check=True, timeout=120)
    return result.stdout.split()


def test_hours_are_those_of_zoneinfo():
    generator = random.Random(SEED)
    print(f"seed {SEED}, tz data from {zoneinfo.TZPATH}")
    names = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
    assert len(names) > 300 and set(ODD_ZONES) <= set(names), "the system's tz database is needed (package tzdata)"
    pairs, expected = [], []
    for name in names:
        zone = zoneinfo.ZoneInfo(name)
        for us in instants(zone, generator, name in ODD_ZONES):
            pairs.append((name, us))
            expected.append(expected_hour(zone, us))
    found = answers(pairs)
    assert len(found) == len(pairs)
    unknown = {name for (name, _), hour in zip(pairs, found) if hour == "unknown"}
    different = [f"{name} {us}: {hour}, expected {wanted}" for (name, us), hour, wanted in zip(pairs, found, expected)
                 if hour not in ("unknown", str(wanted))]
    print(f"{len(pairs)} instants in {len(names)} zones, unknown to the kernel: {sorted(unknown)}")
    assert not different, f"{len(different)} of {len(pairs)} differ:\n" + "\n".join(different[:20])
    assert not unknown & set(ODD_ZONES) and len(unknown) < len(names) / 20, sorted(unknown)

"""The oracle's own rules, on rows small enough to count by hand."""

import csv
from decimal import Decimal

import pytest

from oracle.recount import USED, Recount, average_bid, compare, payload_ids

ARRIVAL = "b54adc00-6207-11ef-8000-0123456789ab"  # 2024-08-24


def uuid(number):
    return f"b54adc00-6207-11ef-8000-{number:012x}"


def recount(tmp_path, rows, **options):
    path = tmp_path / "journal.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, USED)
        writer.writeheader()
        for number, row in enumerate(rows):
            writer.writerow({"create_time": uuid(number), "ts": "2024-08-24 10:59:59.999", "ev": "1"} | row)
    return Recount([str(path)], **options)


CLICK = {"custom_track": "click", "job_id": "1", "publisher_id": "2", "campaign_id": "3", "group_id": "4"}
KEY = ("2024-08-24", 10, 1, 2, 3, 4)


def test_counts_kinds_into_one_cell(tmp_path):
    rows = [CLICK | {"bid": "1.5"}, CLICK, CLICK | {"custom_track": "conversion", "bid": "9"},
            CLICK | {"custom_track": "qualified"}, CLICK | {"custom_track": "unqualified"}, CLICK | {"custom_track": ""}]
    assert recount(tmp_path, rows).cells() == {KEY: (1, 2, 1, 1, 1, 1_500_000)}


@pytest.mark.parametrize("text, micros", [
    ("0.0000005", 0), ("0.0000015", 2), ("0.0000025", 2), ("0.00000250001", 3), ("1e-6", 1), ("1000000000", 10**15),
    (" 1.4 ", 1_400_000), ("-0", 0), (".5", 500_000), ("nan", 0)])
def test_rounds_bids_half_to_even(tmp_path, text, micros):
    assert recount(tmp_path, [CLICK | {"bid": text}]).cells()[KEY][5] == micros


@pytest.mark.parametrize("row", [
    {"ts": ""}, {"ts": "yesterday"}, {"ts": "2024-02-30 00:00:00"}, {"ts": "2024-08-24 24:00:00"}, {"ts": "1999-12-31 23:59:59"},
    {"ts": "2024-08-26 10:00:00"}, {"bid": "-1"}, {"bid": "1000000000.1"}, {"bid": "$2"}, {"bid": "x"}, {"job_id": "n/a"},
    {"publisher_id": "4,1"}, {"job_id": "188.5"}, {"create_time": "7"}])
def test_rejects(tmp_path, row):
    rows = [CLICK] * 3000 + [CLICK | row]
    assert recount(tmp_path, rows).classes() == {"counted": 3000, "unattributed": 0, "other": 0, "rejected": 1}


@pytest.mark.parametrize("row", [{"custom_track": "alive"}, {"custom_track": "", "ev": "2"}, {"custom_track": "alive", "ts": ""}])
def test_other_kinds_come_first(tmp_path, row):
    assert recount(tmp_path, [CLICK | row]).classes()["other"] == 1


@pytest.mark.parametrize("row", [{"custom_track": " CLICK"}, {"job_id": "1.0"}, {"custom_track": "NULL", "ev": "1.0"}, {"group_id": " 4. "}])
def test_reads_a_value_however_it_is_written(tmp_path, row):
    assert recount(tmp_path, [CLICK | row]).cells().keys() == {KEY}


@pytest.mark.parametrize("job", ["0", "0.0", "None", "\\N"])
def test_job_zero_and_words_for_null_are_no_job(tmp_path, job):
    assert recount(tmp_path, [CLICK | {"job_id": job}]).classes()["unattributed"] == 1


def test_rows_without_a_job_are_unattributed_unless_the_payload_names_it(tmp_path):
    row = CLICK | {"job_id": "", "publisher_id": "", "ed": '{"JOBID":"1","publisherid":2}'}
    assert recount(tmp_path, [row]).classes()["unattributed"] == 1
    assert recount(tmp_path, [row], attribution="payload").cells() == {KEY: (0, 1, 0, 0, 0, 0)}


@pytest.mark.parametrize("text, ids", [
    ('{"jobId":"188","publisherId":"4,1,2"}', (188, None)), ('{"jobId":188.0}', (None, None)), ("[1]", (None, None)),
    ("[]", (None, None)), ("{", (None, None)), ('{"jobId":true}', (None, None)), ('{"a":{"jobId":1}}', (None, None)),
    ('{"jobId":"188","x":1e400,"publisherId":123456789012345678901234567890}', (188, None)), ('{"jobId":NaN}', (None, None)),
    ('{"jobId":9223372036854775807,"publisherId":"9223372036854775808"}', (2**63 - 1, None)),
    ('{"jobId":"000000000000000000000000188","publisherId":-9223372036854775809}', (188, None)), ('{"jobId":"188."}', (None, None))])
def test_reads_payloads(text, ids):
    assert payload_ids(text) == ids


@pytest.mark.parametrize("ts, hour", [
    ("2024-08-24T10:00:00Z", 10), ("2024-08-24 17:30:00+07:00", 10), ("2024-08-24 10:00:00,5", 10), ("2024-08-24 09:00:00-01", 10),
    ("2024-08-24 10:59:59.999999", 10)])
def test_reads_event_times(tmp_path, ts, hour):
    assert list(recount(tmp_path, [CLICK | {"ts": ts}]).cells())[0][1] == hour


def test_counts_in_the_reporting_time_zone(tmp_path):
    cells = recount(tmp_path, [CLICK | {"ts": "2024-08-24 22:10:00"}], timezone="Asia/Kathmandu").cells()
    assert list(cells)[0][:2] == ("2024-08-25", 3)


def test_same_create_time_is_one_row_and_the_last_one_stays(tmp_path):
    rows = [CLICK | {"create_time": ARRIVAL, "bid": "1"}, CLICK | {"create_time": ARRIVAL.upper(), "bid": "2"}]
    assert recount(tmp_path, rows).cells() == {KEY: (0, 1, 0, 0, 0, 2_000_000)}


def test_average_bid_is_spend_by_clicks():
    assert average_bid((0, 0, 1, 0, 0, 0)) is None
    assert str(average_bid((0, 3, 0, 0, 0, 5_000_000))) == "1.666667"


class Warehouse:
    """`events` as a warehouse would hand it out."""

    def __init__(self, rows):
        self.rows = rows

    def query(self, _):
        return self.rows


EQUAL = ("2024-08-24", 10, 1, 2, 3, 4, 1, 2, 0, 0, 0, Decimal("1.500000"), 7, Decimal("0.750000"))


def altered(place, value):
    return EQUAL[:place] + (value,) + EQUAL[place + 1:]


@pytest.mark.parametrize("rows, word", [
    ([], "missing"), ([EQUAL, altered(2, 9)], "surplus"), ([altered(1, 11)], "missing"), ([altered(6, 2)], "differs"),
    ([altered(11, Decimal("1.500001"))], "differs"), ([altered(12, 8)], "company"), ([altered(13, Decimal("0.750001"))], "bid_set"),
    ([altered(13, None)], "bid_set")])
def test_every_difference_is_found(tmp_path, rows, word):
    counted = recount(tmp_path, [CLICK | {"bid": "1.5"}, CLICK, CLICK | {"custom_track": ""}])
    assert compare(counted, Warehouse([EQUAL]), {1: 7}) == []
    assert word in "\n".join(compare(counted, Warehouse(rows), {1: 7}))


def test_two_rows_of_one_cell_are_refused(tmp_path):
    with pytest.raises(AssertionError, match="two rows"):
        compare(recount(tmp_path, [CLICK]), Warehouse([EQUAL, EQUAL]))

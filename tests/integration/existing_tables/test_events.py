"""`events` as a job made it that appended to it: `doctor` foresees the migration, `migrate` takes it over, boards go on."""

import pytest

COLUMNS = ["job_id", "dates", "hours", "publisher_id", "campaign_id", "group_id", "unqualified", "qualified_application", "conversion",
           "clicks", "spend_hour"]
# Three cells in four rows.
ROWS = [(188, "2022-07-01", 10, 1, 10, 5, 0, 0, 1, 2, 2.5),
        (188, "2022-07-01", 11, 1, 10, None, 0, 0, 0, 1, 1.25),
        (188, "2022-07-01", 11, 1, 10, None, 0, 0, 0, 1, 1.25),
        (189, "2022-07-02", 0, 4, 11, 5, 1, 1, 0, 0, None)]
CELLS = [("2022-07-01", 10, 188, 1, 10, 5, 0, 2, 1, 0, 0, 2.5), ("2022-07-01", 11, 188, 1, 10, 0, 0, 2, 0, 0, 0, 2.5),
         ("2022-07-02", 0, 189, 4, 11, 5, 0, 0, 0, 1, 1, 0.0)]
READ = ("SELECT dates, hours, job_id, publisher_id, campaign_id, group_id, impressions, clicks, conversion, qualified_application, "
        "disqualified_application, spend_hour FROM events ORDER BY dates, hours, job_id")


def declared(database, numbers, dates, hours, counts, money, more, unqualified="disqualified_application"):
    return (f"CREATE TABLE events (job_id {numbers}, dates {dates}, hours {hours}, publisher_id {numbers}, company_id {numbers}, "
            f"campaign_id {numbers}, group_id {numbers}, {unqualified} {counts}, qualified_application {counts}, conversion {counts}, "
            f"clicks {counts}, bid_set {money}, spend_hour {money}{more})").replace("SERIAL_ID", database.serial)


FORMS = {
    "no impressions, a serial id, dates as text": (("INT", "TEXT", "INT", "INT", "DOUBLE", ", SERIAL_ID, sources TEXT, updated_at DATETIME"),
                                                   "disqualified_application", str),
    "numbers as doubles": (("DOUBLE", "DATE", "DOUBLE", "DOUBLE", "DOUBLE", ", impressions DOUBLE"), "disqualified_application", str),
    "ids as text, other names, decimals": (("VARCHAR(50)", "DATE", "INT", "INT", "DECIMAL(10,2)", ", impression INT"),
                                           "unqualified_application", str),
    "all as text, floats and empty text": (("VARCHAR(50)", "VARCHAR(30)", "VARCHAR(9)", "VARCHAR(9)", "VARCHAR(30)",
                                            ", impressions VARCHAR(9), sources TEXT, updated_at TEXT"),
                                           "disqualified_application", lambda value: f"{value:.1f}" if isinstance(value, int) else str(value)),
}


def literal(value, text, null):
    return null if value is None else f"'{value}'" if isinstance(value, str) else f"'{text(value)}'"


def make(database, form):
    types, unqualified, text = FORMS[form]
    null = "''" if form.startswith("all as text") else "NULL"
    names = ", ".join(COLUMNS).replace("unqualified,", unqualified + ",")
    database.execute(declared(database, *types, unqualified=unqualified))
    for row in ROWS:
        database.execute(f"INSERT INTO events ({names}) VALUES ({', '.join(literal(value, text, null) for value in row)})")


def cells(database):
    return [(str(row[0]), *map(int, row[1:11]), float(row[11])) for row in database.query(READ)]


def found(text, before, after):
    return text.split(before, 1)[1].split(after, 1)[0]


@pytest.mark.parametrize("form", FORMS)
def test_events_of_any_form_is_taken_over(database, form):
    make(database, form)
    foreseen = database.run("doctor", "--warehouse", database.uri, expect=1)
    assert "append-only" in foreseen and "every row can be taken over" in foreseen, foreseen
    told = database.run("migrate", "--warehouse", database.uri)
    assert "4 rows became 3" in told and "…" not in told, told
    old = found(told, "the old table stays as ", "\n").strip()
    assert database.query(f"SELECT COUNT(*) FROM {old}") == [(4,)]
    assert cells(database) == CELLS
    assert ("impressions" in told) == ("impressions" not in declared(database, *FORMS[form][0])), told
    assert ("unqualified_application is taken as disqualified_application" in told) == (FORMS[form][1] == "unqualified_application"), told
    # As Grafana asks: the time in which a row was changed.
    recent = "datetime('now', '-1 hour')" if database.kind == "sqlite" else "UTC_TIMESTAMP() - INTERVAL 1 HOUR"
    assert database.query(f"SELECT COUNT(*) FROM events WHERE updated_at > {recent}") == [(3,)]
    assert "nothing to do" in database.run("migrate", "--warehouse", database.uri)
    database.run("doctor", "--warehouse", database.uri)


@pytest.mark.parametrize(("column", "value"), [("job_id", "abc"), ("publisher_id", "1.5"), ("dates", "2024-13-40"), ("hours", "24"),
                                               ("clicks", "two"), ("spend_hour", "1,5")])
def test_row_that_cannot_be_taken_is_shown_and_nothing_changes(database, column, value):
    make(database, "all as text, floats and empty text")
    database.execute(f"UPDATE events SET {column} = '{value}' WHERE job_id = '189.0'")
    before = database.query("SELECT * FROM events"), database.tables()
    for command, code in (("migrate", 2), ("doctor", 1)):
        told = database.run(command, "--warehouse", database.uri, expect=code)
        assert f"1 row of `events` cannot be taken over for `{column}`" in told, told
        assert f"{column}='{value}'" in told and "hours=" in told and "campaign_id='11.0'" in told, told
        assert f"= '{value}'" in told, told
    assert (database.query("SELECT * FROM events"), database.tables()) == before


def test_another_table_is_refused_naming_what_it_lacks(database):
    database.execute("CREATE TABLE events (job_id INT, dates DATE, clicks INT)")
    told = database.run("migrate", "--warehouse", database.uri, expect=2)
    assert "hours" in told and "spend_hour" in told and "impressions" not in told, told


def test_board_finds_migrated_and_new_rows(database, tmp_path):
    make(database, "no impressions, a serial id, dates as text")
    database.execute("UPDATE events SET sources = 'CSV', updated_at = '2022-07-03 04:05:06'")
    database.run("migrate", "--warehouse", database.uri)
    (tmp_path / "new.csv").write_text("create_time,ts,custom_track,ev,job_id,publisher_id,campaign_id,group_id,bid\n"
                                      "449eb280-f925-11ed-8001-0242ac120002,2023-05-23 10:05:00,click,,188,1,10,5,2\n")
    database.run("run", "--once", "--source", f"csv:{tmp_path}/new.csv", "--ts-min", "2022-07-02T01:00:00Z", "--warehouse", database.uri)
    for name in ("CSV", "csv"):
        assert database.query(f"SELECT SUM(clicks) FROM events WHERE sources = '{name}'")[0][0] == 5
    kept = database.query("SELECT COUNT(*) FROM events WHERE updated_at BETWEEN '2022-07-03 00:00:00' AND '2022-07-04 00:00:00'")
    assert kept == [(3,)], "migrated rows keep their time"
    assert database.query("SELECT COUNT(*) FROM events WHERE updated_at > '2023-01-01 00:00:00'") == [(1,)]

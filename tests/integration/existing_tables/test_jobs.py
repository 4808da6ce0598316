"""Tables of jobs as platforms have them."""

import pytest

ROW = ("create_time,ts,custom_track,ev,job_id,publisher_id,campaign_id,group_id,bid\n"
       "449eb280-f925-11ec-8001-0242ac120002,2022-07-01 10:05:00.000,click,,188,1,10,5,1.4\n"
       "f3837a40-f92c-11ec-8002-0242ac120002,2022-07-01 10:59:59.999,click,,189,1,10,5,1.5\n"
       "f392bc80-f92c-11ec-8003-0242ac120002,2022-07-01 11:00:00.000,click,,190,1,10,5,2\n")
TITLE = "Kế toán trưởng 🎉"


@pytest.fixture
def count(database, tmp_path):
    def run(*options):
        (tmp_path / "rows.csv").write_text(ROW)
        return database.run("run", "--once", "--source", f"csv:{tmp_path}/rows.csv", "--warehouse", database.uri, "--jobs", database.uri,
                            *options)
    return run


def companies(database):
    return {int(job): int(company) for job, company in database.query("SELECT job_id, company_id FROM events")}


def test_company_as_text_is_read_and_one_that_is_none_is_named(database, count):
    database.execute("CREATE TABLE adverts (id INT PRIMARY KEY, title TEXT, company_id TEXT, group_id TEXT, campaign_id TEXT)",
                     f"INSERT INTO adverts VALUES (188, '{TITLE}', '33', '', '')", "INSERT INTO adverts VALUES (189, 'x', 'N/A', '', NULL)",
                     "INSERT INTO adverts VALUES (190, 'y', '', '9', NULL)")
    told = count("--jobs-table", "adverts")
    assert 'job 189: company_id is "N/A"' in told, told
    assert "job 188" not in told and "job 190" not in told, told
    assert companies(database) == {188: 33, 189: 0, 190: 0}
    assert database.query("SELECT HEX(title) FROM hirestream_jobs WHERE job_id = 188") == [(TITLE.encode().hex().upper(),)]


def test_jobs_with_an_id_and_a_company_only(database, count):
    database.execute("CREATE TABLE jobs (id INT PRIMARY KEY, company_id INT)", "INSERT INTO jobs VALUES (188, 33)",
                     "INSERT INTO jobs VALUES (189, 34)")
    count()
    assert companies(database) == {188: 33, 189: 34, 190: 0}


def test_names_come_from_other_tables_through_a_view(database, count):
    database.execute("CREATE TABLE company (id INT, name VARCHAR(99))", "INSERT INTO company VALUES (33, 'Bến Thành')",
                     "CREATE TABLE campaign (id INT, name VARCHAR(99))", "INSERT INTO campaign VALUES (10, 'Hè')",
                     "CREATE TABLE job (id INT, title VARCHAR(99), company_id INT, campaign_id INT, group_id INT)",
                     "INSERT INTO job VALUES (188, 'a', 33, 10, 5)", "INSERT INTO job VALUES (189, 'b', NULL, NULL, NULL)",
                     "CREATE VIEW hirestream_job_names AS SELECT j.id, j.title, j.company_id, j.campaign_id, j.group_id, "
                     "c.name AS company_name, k.name AS campaign_name FROM job j LEFT JOIN company c ON c.id = j.company_id "
                     "LEFT JOIN campaign k ON k.id = j.campaign_id")
    count("--jobs-table", "hirestream_job_names")
    assert companies(database) == {188: 33, 189: 0, 190: 0}
    assert database.query("SELECT company_name, campaign_name FROM hirestream_jobs WHERE job_id = 188") == [("Bến Thành", "Hè")]

"""What the browser tests share: the program with data of its own, SQL on the warehouse, and a page in a real browser."""

import contextlib
import dataclasses
import datetime
import decimal
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.parse
import urllib.request
import uuid

import pymysql
import pytest
from playwright.sync_api import sync_playwright

ROWS = 40_000
SEED = 7
EPOCH = datetime.datetime(1970, 1, 1)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def now_hour():
    """The current hour of the reporting zone, which is UTC here, counted from 1970."""
    return int(time.time() // 3600)


def text_of(hour):
    return (EPOCH + datetime.timedelta(hours=hour)).strftime("%Y-%m-%dT%H:00")


def rounded(value, *places):
    """To so many places, a tie away from zero, as people round (Python's own format takes the even one)."""
    value = decimal.Decimal(value)
    for count in places:
        value = value.quantize(decimal.Decimal(1).scaleb(-count), decimal.ROUND_HALF_UP)
    return value


@dataclasses.dataclass
class Figures:
    """Sums as they stand in `events`, and the rates that follow from them."""

    impressions: int
    clicks: int
    conversions: int
    qualified: int
    unqualified: int
    micros: int

    def rate(self, above, below):
        return above / below if below else None

    def values(self):
        spend = self.micros / 1e6
        return {"impressions": self.impressions, "clicks": self.clicks, "conversions": self.conversions, "qualified": self.qualified,
                "spend": spend, "click_through_rate": self.rate(self.clicks, self.impressions),
                "conversion_rate": self.rate(self.conversions, self.clicks),
                "qualified_ratio": self.rate(self.qualified, self.qualified + self.unqualified),
                "average_bid": self.rate(spend, self.clicks), "cost_per_conversion": self.rate(spend, self.conversions),
                "cost_per_qualified": self.rate(spend, self.qualified)}

    def texts(self):
        """How a person expects to read them, written here a second time."""
        found = {}
        for name, value in self.values().items():
            if value is None:
                found[name] = "–"
            elif name in ("impressions", "clicks", "conversions", "qualified"):
                found[name] = f"{value:,}"
            elif name == "spend":
                cents = (self.micros + 5000) // 10_000
                found[name] = f"{cents // 100:,}.{cents % 100:02d}"
            elif name.endswith(("rate", "ratio")):
                found[name] = f"{rounded(value * 100, 1)} %"
            else:
                found[name] = f"{rounded(value, 6, 2):,}"
        return found


class Warehouse:
    """What the program counts into, and SQL on it behind the program's back."""

    def names(self, dimension):
        column = "title" if dimension == "job" else f"{dimension}_name"
        return dict(self.query(f"SELECT {dimension}_id, MAX({column}) FROM hirestream_jobs GROUP BY 1"))

    def figures(self, begin, end, **filters):
        return Figures(*self.query(f"SELECT {self.sums} FROM {self.events} WHERE {self.where(begin, end, filters)}")[0])

    def by(self, dimension, begin, end, **filters):
        rows = self.query(f"SELECT {dimension}_id, {self.sums} FROM {self.events} WHERE {self.where(begin, end, filters)} GROUP BY 1")
        return {row[0]: Figures(*row[1:]) for row in rows}

    def where(self, begin, end, filters):
        terms = [f"{self.hour} >= {begin} AND {self.hour} < {end}"]
        terms += [f"{name}_id IN ({','.join(map(str, ids))})" for name, ids in filters.items()]
        return " AND ".join(terms)


class SqliteWarehouse(Warehouse):
    events = "events_micros"
    hour = "(days * 24 + hours)"
    sums = ", ".join(f"COALESCE(SUM({name}), 0)" for name in ("impressions", "clicks", "conversions", "qualified", "unqualified", "bid_micros"))

    def __init__(self, path):
        self.path = path
        self.uri = f"sqlite:{path}"
        self.environment = {}

    def query(self, sql):
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    def execute(self, sql):
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
            connection.execute(sql)

    def close(self):
        pass


class MysqlWarehouse(Warehouse):
    """A database of its own on the server that HIRESTREAM_TEST_MYSQL names."""

    events = "events"
    hour = "(DATEDIFF(dates, '1970-01-01') * 24 + hours)"
    sums = ", ".join(f"CAST(COALESCE(SUM({name}), 0) AS SIGNED)"
                     for name in ("impressions", "clicks", "conversion", "qualified_application", "disqualified_application", "spend_hour * 1000000"))

    def __init__(self):
        parts = urllib.parse.urlsplit(os.environ.get("HIRESTREAM_TEST_MYSQL", "mysql://root@127.0.0.1:3306"))
        self.database = f"browser_test_{uuid.uuid4().hex[:10]}"
        password = os.environ.get("HIRESTREAM_TEST_SQL_PASSWORD", "secret")
        self.environment = {"HIRESTREAM_MYSQL_PASSWORD": password}
        self.uri = f"mysql://{parts.username or 'root'}@{parts.hostname}:{parts.port or 3306}/{self.database}"
        self.connection = pymysql.connect(host=parts.hostname, port=parts.port or 3306, user=parts.username or "root", password=password,
                                          autocommit=True)
        self.execute(f"CREATE DATABASE {self.database} CHARACTER SET utf8mb4")
        self.connection.select_db(self.database)

    def query(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    execute = query

    def close(self):
        self.execute(f"DROP DATABASE {self.database}")
        self.connection.close()


class Site:
    """Raw log, engine and server, each of which can be started and stopped."""

    def __init__(self, binary, folder, warehouse=None):
        self.binary = binary
        self.folder = folder
        self.raw = folder / "raw.db"
        self.jobs = folder / "jobs.db"
        self.warehouse = warehouse or SqliteWarehouse(folder / "counts.db")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes = {}
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
        self.environment |= self.warehouse.environment

    def run(self, *arguments):
        subprocess.run([self.binary, "--quiet", *map(str, arguments)], env=self.environment, check=True, timeout=300,
                       stdout=subprocess.DEVNULL)

    def sources(self):
        return ["--source", f"sqlite:{self.raw}", "--source-name", "site", "--warehouse", self.warehouse.uri, "--jobs",
                f"sqlite:{self.jobs}"]

    def fill(self):
        self.run("generate", "--to", f"sqlite:{self.raw}", "--rows", ROWS, "--span", "3d", "--seed", SEED, "--dirty", "0.02",
                 "--text-dirt", "--jobs-to", f"sqlite:{self.jobs}")
        self.count()

    def count(self):
        self.run("run", "--once", *self.sources())

    def start(self, name, *arguments):
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen([self.binary, *map(str, arguments)], env=self.environment, stdout=log, stderr=log)

    def stop(self, name):
        process = self.processes.pop(name, None)
        if process:
            process.terminate()
            process.wait(20)

    def start_engine(self):
        self.start("engine", "run", *self.sources())

    def start_server(self):
        self.start("server", "dashboard", "--warehouse", self.warehouse.uri, "--http", f"127.0.0.1:{self.port}", "--http-samples")
        self.wait_until_served("server")

    def wait_until_served(self, name):
        deadline = time.monotonic() + 30
        while True:
            assert self.processes[name].poll() is None, (self.folder / f"{name}.log").read_text()
            try:
                return urllib.request.urlopen(self.url, timeout=5).close()
            except OSError:
                assert time.monotonic() < deadline, (self.folder / f"{name}.log").read_text()
                time.sleep(0.05)

    def write_click(self, job, bid):
        """One raw row, and the moment before it was written."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        began = time.monotonic()
        with contextlib.closing(sqlite3.connect(self.raw, timeout=30)) as connection, connection:
            connection.execute("INSERT INTO tracking (create_time, ts, custom_track, job_id, publisher_id, bid) VALUES (?, ?, 'click', ?, 1, ?)",
                               (str(uuid.uuid1()), now, job, bid))
        return began

    def close(self):
        for name in list(self.processes):
            self.stop(name)
        self.warehouse.close()


def binary():
    path = os.environ.get("HIRESTREAM_BINARY")
    assert path, "HIRESTREAM_BINARY must name the program to test"
    return path


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Three days of traffic, counted, and a server; no engine runs."""
    made = Site(binary(), tmp_path_factory.mktemp("site"))
    try:
        made.fill()
        made.start_server()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def mysql_site(site, tmp_path_factory):
    """The same raw log, counted into MySQL."""
    made = Site(binary(), tmp_path_factory.mktemp("mysql_site"), MysqlWarehouse())
    made.raw, made.jobs = site.raw, site.jobs
    try:
        made.count()
        made.start_server()
        yield made
    finally:
        made.close()


@pytest.fixture(params=["sqlite", "mysql"])
def any_site(request):
    return request.getfixturevalue("site" if request.param == "sqlite" else "mysql_site")


@pytest.fixture
def live_site(tmp_path):
    """The same, with an engine, for tests that write or stop things."""
    made = Site(binary(), tmp_path)
    try:
        made.fill()
        made.start_engine()
        made.start_server()
        yield made
    finally:
        made.close()


@pytest.fixture
def empty_site(tmp_path):
    made = Site(binary(), tmp_path)
    try:
        made.run("init", "--warehouse", made.warehouse.uri)
        made.start_server()
        yield made
    finally:
        made.close()


@pytest.fixture
def bare_site(tmp_path):
    """Nothing yet."""
    made = Site(binary(), tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def browser():
    path = shutil.which("chromium")
    assert path, "chromium is needed: apt-get install chromium"
    options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
               "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=options)
        yield started
        started.close()


class Page:
    """A tab that notes everything the browser complains about."""

    def __init__(self, context):
        self.tab = context.new_page()
        self.complaints = []
        self.tab.on("console", lambda message: message.type in ("error", "warning") and self.complaints.append(message.text))
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, url):
        self.tab.goto(url)
        self.tab.wait_for_selector("main [data-figure=clicks] .number, main .source, main .slice-grid, main .notice")
        return self

    def figure(self, name):
        """What a tile shows once it has come to rest."""
        return self.tab.inner_text(f"[data-figure={name}] .number").replace("\u202f", " ")

    def value(self, name):
        return self.tab.get_attribute(f"[data-figure={name}] .number", "data-value")

    def until(self, condition, seconds=10.0):
        deadline = time.monotonic() + seconds
        while True:
            found = condition()
            if found or time.monotonic() > deadline:
                return found
            self.tab.wait_for_timeout(20)

    def figures(self, expected):
        """The tiles, as soon as they show what is expected, else whatever they show after ten seconds."""
        self.until(lambda: {name: self.figure(name) for name in expected} == expected)
        return {name: self.figure(name) for name in expected}

    def table(self):
        """Rows of the breakdown: id → column → exact value."""
        rows = self.tab.eval_on_selector_all(
            ".breakdown tbody tr[data-id]",
            "rows => rows.map(row => [row.dataset.id, Object.fromEntries([...row.querySelectorAll('td')].map(cell => "
            "[cell.dataset.column, cell.dataset.value]))])")
        return {int(key): columns for key, columns in rows}

    @property
    def query(self):
        return self.tab.evaluate("location.search")


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light", accept_downloads=True)
    context.set_default_timeout(20_000)
    made = Page(context)
    yield made
    context.close()
    assert not made.complaints, made.complaints


@pytest.fixture
def visit(browser):
    """Pages in windows of other kinds; what they complain about is the test's business."""
    contexts = []

    def make(width=1440, height=900, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **options))
        contexts[-1].set_default_timeout(20_000)
        return Page(contexts[-1])

    yield make
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def dist():
    return pathlib.Path(__file__).resolve().parents[2] / "dashboard" / "dist"

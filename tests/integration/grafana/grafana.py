"""What Grafana does to a query before MySQL sees it, and to the answer after.

Written after Grafana's own sources: template variables (public/app/features/templating: template_srv, formatRegistry), the SQL data
sources' default quoting (SqlDatasource.interpolateVariable), global substitutions and fill (pkg/tsdb/sqleng), macros
(pkg/tsdb/mysql/macros.go), column types (pkg/tsdb/mysql/mysql.go).
"""

import dataclasses
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDER = ROOT / "integrations" / "grafana"
ALL = "$__all"
DATA_SOURCE = {"type": "mysql", "uid": "hirestream-mysql"}
SHARED = {"type": "datasource", "uid": "-- Dashboard --"}
PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}


# --- variables (browser)

VARIABLE = re.compile(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}")


@dataclasses.dataclass
class Variable:
    name: str
    value: object  # str, list of str, or ALL
    multi: bool = False
    include_all: bool = False
    all_value: str = ""
    options: tuple = ()  # what "All" stands for without an all_value


def quote_literal(value):
    return "'" + value.replace("'", "''") + "'"


def sql_default_format(value, variable):
    if isinstance(value, str):
        if variable is not None and (variable.multi or variable.include_all):
            return quote_literal(value)
        return value.replace("'", "''")
    if isinstance(value, (int, float)):
        return str(value)
    return ",".join(quote_literal(item) for item in value)


def format_value(value, how, variable):
    items = value if isinstance(value, list) else [value]
    if how == "sqlstring":
        return ",".join(quote_literal(str(item)) for item in items)
    if how == "csv":
        return ",".join(map(str, items))
    if how == "raw":
        return str(value) if not isinstance(value, list) else ",".join(map(str, value))
    if how == "singlequote":
        return ",".join("'" + str(item).replace("'", "\\'") + "'" for item in items)
    if how == "doublequote":
        return ",".join('"' + str(item).replace('"', '\\"') + '"' for item in items)
    if how == "queryparam":
        return "&".join(f"var-{variable.name}={item}" for item in items)
    assert how is None, f"format {how} is not known here"
    return sql_default_format(value, variable)


def replace_variables(text, variables, scoped):
    def one(match):
        name = match[1] or match[2] or match[4]
        how = match[3] or match[6]
        if name in scoped:
            return format_value(scoped[name], how, variables.get(name))
        variable = variables.get(name)
        if variable is None:
            return match[0]
        value = variable.value
        if value == ALL or (isinstance(value, list) and value[:1] == [ALL]):
            if variable.all_value:
                return replace_variables(variable.all_value, variables, scoped)
            value = list(variable.options)
        return format_value(value, how, variable)

    return VARIABLE.sub(one, text)


# --- macros (server)

MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")
RESTRICTED = re.compile(
    r"([\s]*show[\s]+grants|[\s,]session_user\([^)]*\)|[\s,]current_user(\([^)]*\))?|[\s,]system_user\([^)]*\)|[\s,]user\([^)]*\))([\s,;]|$)",
    re.IGNORECASE | re.MULTILINE,
)
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31557600}


def parse_interval(text):
    match = re.fullmatch(r"(\d+)(ms|[smhdwMy])", text)
    assert match, f"error parsing interval {text}"
    return int(match[1]) * SECONDS[match[2]]


def format_interval(milliseconds):
    for name, seconds in (("y", 31536000), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if milliseconds >= seconds * 1000:
            return f"{int(milliseconds // (seconds * 1000))}{name}"
    return f"{int(milliseconds)}ms"


@dataclasses.dataclass
class TimeRange:
    begin: int  # epoch seconds
    end: int


def expand_macro(name, arguments, time_range):
    begin, end = time_range.begin, time_range.end
    first = arguments[0]
    if name in ("__timeEpoch", "__time"):
        return f"UNIX_TIMESTAMP({first}) as time_sec"
    if name == "__timeFilter":
        if begin < 0:
            return f"{first} BETWEEN DATE_ADD(FROM_UNIXTIME(0), INTERVAL {begin} SECOND) AND FROM_UNIXTIME({end})"
        return f"{first} BETWEEN FROM_UNIXTIME({begin}) AND FROM_UNIXTIME({end})"
    if name == "__timeFrom":
        return f"FROM_UNIXTIME({begin})"
    if name == "__timeTo":
        return f"FROM_UNIXTIME({end})"
    if name in ("__timeGroup", "__timeGroupAlias", "__unixEpochGroup", "__unixEpochGroupAlias"):
        assert len(arguments) >= 2, f"macro {name} needs time column and interval"
        seconds = f"{parse_interval(arguments[1].strip(chr(39) + chr(34))):.0f}"
        column = f"UNIX_TIMESTAMP({first})" if name.startswith("__timeGroup") else first
        return f"{column} DIV {seconds} * {seconds}" + (' AS "time"' if name.endswith("Alias") else "")
    if name == "__unixEpochFilter":
        return f"{first} >= {begin} AND {first} <= {end}"
    if name == "__unixEpochNanoFilter":
        return f"{first} >= {begin}000000000 AND {first} <= {end}000000000"
    if name == "__unixEpochNanoFrom":
        return f"{begin}000000000"
    if name == "__unixEpochNanoTo":
        return f"{end}000000000"
    raise AssertionError(f"unknown macro {name}")


def expand_macros(sql, time_range, interval_ms):
    sql = sql.replace("$__interval_ms", str(int(interval_ms))).replace("$__interval", format_interval(interval_ms))
    sql = sql.replace("$__unixEpochFrom()", str(time_range.begin)).replace("$__unixEpochTo()", str(time_range.end))
    assert not RESTRICTED.search(sql), "Grafana refuses this query"
    return MACRO.sub(lambda match: expand_macro(match[1], [item.strip(" ") for item in match[2].split(",")], time_range), sql)


def expand(sql, variables, time_range, interval_ms):
    named = {variable.name: variable for variable in variables}
    scoped = {"__interval_ms": int(interval_ms), "__interval": format_interval(interval_ms)}
    expanded = expand_macros(replace_variables(sql, named, scoped), time_range, interval_ms)
    # JSON paths keep their dollar.
    assert not re.search(r"\$[\w{]|\[\[", expanded), f"something was not replaced in\n{expanded}"
    return expanded


# --- the answer

CONVERTED = {"DOUBLE", "BIGINT", "DECIMAL", "DATETIME", "DATE", "TIMESTAMP", "YEAR", "TINYINT", "SMALLINT", "INT", "FLOAT"}
TEXT = {"CHAR", "VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"}
TYPE_NAMES = {
    246: "DECIMAL",
    0: "DECIMAL",
    1: "TINYINT",
    2: "SMALLINT",
    3: "INT",
    4: "FLOAT",
    5: "DOUBLE",
    7: "TIMESTAMP",
    8: "BIGINT",
    9: "MEDIUMINT",
    10: "DATE",
    12: "DATETIME",
    13: "YEAR",
    252: "TEXT",
    253: "VARCHAR",
    254: "CHAR",
    249: "TINYTEXT",
    250: "MEDIUMTEXT",
    251: "LONGTEXT",
}
UNSIGNED, BINARY_CHARSET = 32, 63


@dataclasses.dataclass
class Answer:
    columns: list
    types: list
    rows: list

    def records(self):
        return [dict(zip(self.columns, row)) for row in self.rows]


def to_milliseconds(value):
    """epochPrecisionToMS: seconds are told from milliseconds by their number of digits."""
    exponent = f"{float(value):e}".rsplit("e", 1)[1]
    return {"+09": value * 1000, "+18": value // 1_000_000}.get(exponent, value)


def run(connection, sql, form):
    """The frame that Grafana makes of a query's result; complains of what the plugin cannot convert."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        fields = cursor._result.fields
        answer = Answer(
            [field.name for field in fields], [TYPE_NAMES[field.type_code] for field in fields], [list(row) for row in cursor.fetchall()]
        )
    for field, name in zip(fields, answer.types):
        if name in TEXT:
            assert field.charsetnr != BINARY_CHARSET, f"{field.name}: bytes instead of text"
        else:
            assert name in CONVERTED, f"{field.name}: the plugin does not know {name}"
            assert not field.flags & UNSIGNED, f"{field.name}: UNSIGNED {name} is text for the plugin"
    for index, column in enumerate(answer.columns):
        if column in ("time", "time_sec") or (form == "table" and column.lower() == "timeend"):
            for row in answer.rows:
                row[index] = to_milliseconds(row[index])
    if form == "time_series":
        assert "time" in answer.columns, "db has no time column"
        times = [row[answer.columns.index("time")] for row in answer.rows]
        assert times == sorted(times) and None not in times
    return answer


# --- boards


def boards(folder=FOLDER):
    return {path.stem: json.loads(path.read_text()) for path in sorted((folder / "dashboards").glob("*.json"))}


def panels(board):
    """All, with those in closed rows, without the rows."""
    return [one for panel in board["panels"] for one in (panel["panels"] if panel["type"] == "row" else [panel])]


def queries(board):
    """(panel, target) of every panel that asks the database."""
    return [(panel, target) for panel in panels(board) for target in panel["targets"] if "rawSql" in target]


def query_of(board, title):
    found = [(panel, target) for panel, target in queries(board) if panel["title"] == title]
    assert len(found) == 1, f"{len(found)} panels are called {title}"
    return found[0]


def variable(board, name, value):
    model = next(model for model in board["templating"]["list"] if model["name"] == name)
    return Variable(name, value, model.get("multi", False), model.get("includeAll", False), model.get("allValue", ""))

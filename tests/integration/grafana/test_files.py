"""The files as they are committed: fresh, and such that Grafana 10 takes them without a click."""

import json
import re

import pytest

import grafana
from generator import call, compiled, generate, read_yaml

ROOT = grafana.FOLDER
# Kinds of panels that Grafana 10.0 has built in.
PANEL_TYPES = {"stat", "timeseries", "bargauge", "barchart", "table", "text", "row", "gauge", "piechart"}
BUILT_IN = {"__unixEpochFrom", "__unixEpochTo", "__interval", "__interval_ms", "__timeFilter", "__timeFrom", "__timeTo", "__all"}
ALERT_UID = re.compile(r"[a-zA-Z0-9_-]{1,40}")


def test_committed_files_are_what_the_generator_writes(tmp_path):
    generate(tmp_path)
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(written) == 4
    for name, text in written.items():
        assert (ROOT / name).read_bytes() == text, f"{name}: run `npm run generate` in integrations/grafana"
    assert {path.name for path in (ROOT / "dashboards").iterdir()} == {path.name for path in written if path.suffix == ".json"}


def test_boards_satisfy_grafanas_own_types():
    """Against the types that Grafana publishes for 10.0 and for its newest version (npm @grafana/schema), panel by panel."""
    out = call(["node", str(compiled() / "build/schema_check.js"), *map(str, sorted((ROOT / "dashboards").glob("*.json")))], compiled())
    versions = re.findall(r"satisfies Grafana (\d+)", out)
    assert len(versions) == 6 and versions.count("10") == 3 and int(max(versions, key=int)) > 12, out


def test_the_type_check_notices_what_is_wrong(tmp_path):
    defects = {
        "unit": lambda panel: panel["fieldConfig"]["defaults"].update(unit=5),
        "kind": lambda panel: panel.update(type="statistic"),
        "setting": lambda panel: panel["fieldConfig"]["defaults"].update(nonsense=True),
        "option": lambda panel: panel["options"].update(colorMode="rainbow"),
        "place": lambda panel: panel["gridPos"].pop("w"),
        "query": lambda panel: panel["targets"][0].update(format="timeseries"),
    }
    for name, spoil in defects.items():
        board = grafana.boards()["campaign_performance"]
        spoil(board["panels"][0])
        (tmp_path / f"{name}.json").write_text(json.dumps(board))
    with pytest.raises(AssertionError) as complaint:
        call(["node", str(compiled() / "build/schema_check.js"), *map(str, tmp_path.glob("*.json"))], compiled())
    text = str(complaint.value)
    assert "satisfies" not in text and all(f"{name}.json: " in text for name in defects), text


def test_sources_pass_the_linter():
    call([str(compiled() / "node_modules/.bin/eslint"), "--max-warnings", "0", "src"], compiled())


def test_uids_and_titles_are_unique(boards):
    for key in ("uid", "title"):
        values = [board[key] for board in boards.values()]
        assert len(set(values)) == len(values) == 3
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", board["uid"]) for board in boards.values())


@pytest.mark.parametrize("name", ["campaign_performance", "job_detail", "pipeline_health"])
class TestBoard:
    def test_is_of_grafana_10(self, boards, name):
        board = boards[name]
        assert board["schemaVersion"] == 38 and board["id"] is None
        assert {panel["type"] for panel in [*board["panels"], *grafana.panels(board)]} <= PANEL_TYPES

    def test_panels_have_ids_and_do_not_overlap(self, boards, name):
        rows = [panel for panel in boards[name]["panels"] if panel["type"] == "row"]
        placed = [*rows, *grafana.panels(boards[name])]
        ids = [panel["id"] for panel in placed]
        assert len(set(ids)) == len(ids) and min(ids) > 0
        taken = {}
        for panel in placed:
            at = panel["gridPos"]
            assert at["w"] > 0 and at["h"] > 0 and at["x"] + at["w"] <= 24, panel["title"]
            for x in range(at["x"], at["x"] + at["w"]):
                for y in range(at["y"], at["y"] + at["h"]):
                    assert (x, y) not in taken, f"{panel['title']} lies over {taken[x, y]}"
                    taken[x, y] = panel["title"]

    def test_everything_names_the_data_source(self, boards, name):
        board = boards[name]
        by_id = {panel["id"]: panel for panel in grafana.panels(board)}
        for panel in grafana.panels(board):
            assert panel["datasource"] in (grafana.DATA_SOURCE, grafana.SHARED, grafana.PROMETHEUS)
            assert len(panel["targets"]) == 1 or panel["datasource"] == grafana.PROMETHEUS
            for target in panel["targets"]:
                assert target["datasource"] == panel["datasource"]
                if target["datasource"] == grafana.SHARED:
                    assert "rawSql" in by_id[target["panelId"]]["targets"][0]
                elif target["datasource"] == grafana.PROMETHEUS:
                    assert target["editorMode"] == "code" and target["expr"] and target["legendFormat"]
                else:
                    assert target["rawQuery"] and target["editorMode"] == "code" and target["format"] in ("table", "time_series")
        for model in board["templating"]["list"]:
            assert model["type"] in ("custom", "datasource") or model["datasource"] == grafana.DATA_SOURCE
        for annotation in board["annotations"]["list"]:
            assert annotation["datasource"] == annotation["target"]["datasource"] == grafana.DATA_SOURCE

    def test_knows_every_variable_it_uses(self, boards, name):
        board = boards[name]
        known = {model["name"] for model in board["templating"]["list"]} | BUILT_IN
        sql = [target["rawSql"] for _, target in grafana.queries(board)] + [
            model["query"] for model in board["templating"]["list"] if model["type"] == "query"
        ]
        used = {match[1] or match[2] or match[4] for text in sql for match in grafana.VARIABLE.finditer(text)}
        assert used <= known, used - known
        used |= {match[4] for panel in grafana.panels(board) for match in grafana.VARIABLE.finditer(panel["datasource"]["uid"])}
        assert {model["name"] for model in board["templating"]["list"]} <= used, "a variable that changes nothing"

    def test_variables_open_with_all_or_the_first(self, boards, name):
        for model in boards[name]["templating"]["list"]:
            assert model["id"] == model["name"]
            if model.get("multi"):
                assert model["includeAll"] and model["current"]["value"] == [grafana.ALL]

    def test_shows_a_dash_for_what_does_not_exist(self, boards, name):
        for panel in grafana.panels(boards[name]):
            assert panel["fieldConfig"]["defaults"]["noValue"] == "–", panel["title"]

    def test_every_panel_says_what_it_shows(self, boards, name):
        assert all(panel["title"] and panel["description"] for panel in grafana.panels(boards[name]))

    def test_boards_link_to_each_other(self, boards, name):
        (link,) = boards[name]["links"]
        assert link["type"] == "dashboards" and link["keepTime"] and link["includeVars"]
        assert set(link["tags"]) <= set(boards[name]["tags"])


def test_panels_of_the_mirror_ask_for_metrics_that_exist(boards, tmp_path):
    """In a row that is closed, for not everybody has a Prometheus; PromQL by Prometheus' own tool."""
    (row,) = [panel for board in boards.values() for panel in board["panels"] if panel["type"] == "row"]
    assert row["collapsed"] and all(panel["datasource"] == grafana.PROMETHEUS for panel in row["panels"])
    exprs = [target["expr"] for panel in row["panels"] for target in panel["targets"]]
    asked = {name for expr in exprs for name in re.findall(r"hirestream_\w+", expr)}
    told = set(re.findall(r'"(hirestream_mirror_\w+)"', (ROOT.parents[1] / "src/telemetry/mirror_metrics.cc").read_text()))
    assert asked <= told, asked - told
    rules = [{"record": f"asked:{number}", "expr": expr.replace("$__rate_interval", "1m")} for number, expr in enumerate(exprs)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "asked", "rules": rules}]}))
    call(["promtool", "check", "rules", str(tmp_path / "rules.yml")], tmp_path)


def test_parts_of_the_figures_panel_exist(boards, warehouse, reader):
    """Panels that show another panel's result pick its columns by name."""
    for name in ("campaign_performance", "job_detail"):
        board = boards[name]
        _, target = grafana.query_of(board, "Impressions")
        variables = [
            grafana.variable(board, model["name"], "1" if model["name"] == "one_job" else grafana.ALL)
            for model in board["templating"]["list"]
        ]
        columns = grafana.run(
            reader, grafana.expand(target["rawSql"], variables, grafana.TimeRange(1780370523, 1780464721), 1), "table"
        ).columns
        shown = []
        for panel in board["panels"]:
            if panel["type"] == "stat":
                picked = [column for column in columns if re.search(panel["options"]["reduceOptions"]["fields"].strip("/"), column)]
                assert len(picked) == 2, panel["title"]
                for override in panel["fieldConfig"]["overrides"]:
                    assert override["matcher"]["options"] in columns
                shown += picked
        assert sorted(shown) == sorted(columns)


def test_overrides_and_fields_name_columns_that_exist(boards, warehouse, reader):
    for name, board in boards.items():
        values = {"one_job": "1", "source": "1"}
        variables = [
            grafana.variable(board, model["name"], values.get(model["name"], grafana.ALL)) for model in board["templating"]["list"]
        ]
        for panel, target in grafana.queries(board):
            sql = grafana.expand(target["rawSql"], variables, grafana.TimeRange(1780370523, 1780464721), 3_600_000)
            columns = grafana.run(reader, sql, target["format"]).columns
            for override in panel["fieldConfig"]["overrides"]:
                matcher = override["matcher"]
                if matcher["id"] == "byName":
                    assert matcher["options"] in columns, f"{panel['title']}: {matcher}"
                else:
                    assert any(re.search(matcher["options"].strip("/"), column) for column in columns), f"{panel['title']}: {matcher}"
            if panel["type"] == "barchart":
                assert panel["options"]["xField"] in columns
            for link in re.findall(r'__data\.fields\["([^"]+)"\]', json.dumps(panel).replace('\\"', '"')):
                assert link in columns


def test_the_job_link_leads_to_the_job_board(boards):
    text = json.dumps(boards["campaign_performance"])
    assert f"/d/{boards['job_detail']['uid']}?var-one_job=" in text
    assert "one_job" in {model["name"] for model in boards["job_detail"]["templating"]["list"]}


def test_changes_are_colored_only_where_more_is_better_or_worse(boards):
    colors = {}
    for panel in boards["campaign_performance"]["panels"]:
        for override in panel["fieldConfig"]["overrides"]:
            if override["matcher"]["options"] == f"{panel['title']} change":
                thresholds = next(item["value"] for item in override["properties"] if item["id"] == "thresholds")
                colors[panel["title"]] = tuple(step["color"] for step in thresholds["steps"])
    more, less, neither = ("red", "text", "green"), ("green", "text", "red"), ("text", "text", "text")
    assert colors == {
        **dict.fromkeys(("Impressions", "Clicks", "Conversions", "Qualified"), more),
        **dict.fromkeys(("Unqualified", "CPC", "CPA", "CPQA"), less),
        **dict.fromkeys(("Average bid", "Spend"), neither),
    }


@pytest.fixture(scope="module")
def commands_told(boards):
    """Every `hirestream …` that a board, a rule or the README tells people to type."""
    (group,) = read_yaml(ROOT / "provisioning/alerting/hirestream.yaml")["groups"]
    texts = [text for rule in group["rules"] for text in rule["annotations"].values()]
    texts += [text for board in boards.values() for text in (board["description"], *(panel["description"] for panel in grafana.panels(board)))]
    texts.append((ROOT / "README.md").read_text())
    return sorted({command for text in texts for command in re.findall(r"`hirestream ([^`]+)`", text)})


def test_commands_that_people_are_told_to_type_exist(commands_told, hirestream):
    assert len(commands_told) >= 6
    subcommands = hirestream("--help").partition("Subcommands:")[2]
    subcommands = {name for names in re.findall(r"^  (\w[\w, ]*?)  ", subcommands, re.MULTILINE) for name in names.split(", ")}
    for command in commands_told:
        name, *rest = command.split()
        assert name in subcommands, f"`hirestream {command}`: no {name} in {subcommands}"
        text = hirestream(name, "--help")
        choices = re.search(r"Positionals:\n.*\{([\w,]+)\}", text)
        known = {*re.findall(r"--[\w-]+", text), *(choices[1].split(",") if choices else ())}
        for word in (word for word in rest if re.match(r"--|[a-z]+$", word)):
            assert word in known, f"`hirestream {command}`: no {word} in {known}"


# --- provisioning


def test_data_source_is_the_one_that_boards_name():
    (source,) = read_yaml(ROOT / "provisioning/datasources/hirestream.yaml")["datasources"]
    assert {"type": source["type"], "uid": source["uid"]} == grafana.DATA_SOURCE
    assert source["jsonData"]["timezone"] == "+00:00"
    assert source["secureJsonData"] == {"password": "$HIRESTREAM_READER_PASSWORD"}
    assert not source["editable"]


def test_data_source_with_tls_is_the_plain_one_with_an_authority():
    (plain,) = read_yaml(ROOT / "provisioning/datasources/hirestream.yaml")["datasources"]
    (source,) = read_yaml(ROOT / "datasource_tls.yaml")["datasources"]
    assert source["jsonData"].pop("tlsAuthWithCACert") is True
    authority = source["secureJsonData"].pop("tlsCACert")
    assert source == plain
    (path,) = re.findall(r"^\$__file\{(.*)\}$", authority)
    override = ROOT.parent / "compose/grafana_tls.yml"
    for text in ((ROOT / "README.md").read_text(), override.read_text()):
        assert re.search(rf"ca\.pem:{path}:ro|database\}}:{path}:ro", text)
        assert "datasource_tls.yaml:/etc/grafana/provisioning/datasources/hirestream.yaml:ro" in text
    services = read_yaml(override)["services"]
    assert services["init"]["environment"] == {"READER_OPTIONS": ""}
    assert "READER_OPTIONS" in (ROOT.parents[1] / "docker-compose.yml").read_text()


def test_boards_are_found_where_the_readme_mounts_them():
    (provider,) = read_yaml(ROOT / "provisioning/dashboards/hirestream.yaml")["providers"]
    readme = (ROOT / "README.md").read_text()
    assert f"/dashboards:{provider['options']['path']}:ro" in readme
    assert "/provisioning:/etc/grafana/provisioning:ro" in readme
    environment = set(re.findall(r"\$(HIRESTREAM_\w+)", (ROOT / "provisioning/datasources/hirestream.yaml").read_text()))
    assert environment and all(re.search(rf"-e {name}\b", readme) for name in environment)


def test_alert_rules_are_complete():
    (group,) = read_yaml(ROOT / "provisioning/alerting/hirestream.yaml")["groups"]
    assert group["folder"] and group["interval"] == "1m" and group["orgId"] == 1
    uids = [rule["uid"] for rule in group["rules"]]
    assert len(set(uids)) == len(uids) >= 6 and all(ALERT_UID.fullmatch(uid) for uid in uids)
    for rule in group["rules"]:
        query, threshold = rule["data"]
        assert rule["condition"] == threshold["refId"] and threshold["model"]["expression"] == query["refId"]
        assert query["datasourceUid"] == grafana.DATA_SOURCE["uid"] and threshold["datasourceUid"] == "__expr__"
        assert threshold["model"]["type"] == "threshold" and len(threshold["model"]["conditions"]) == 1
        assert re.fullmatch(r"\d+m", rule["for"]) and int(rule["for"][:-1]) * 60 % 60 == 0
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["summary"] and len(rule["annotations"]["runbook"]) > 40
        assert rule["noDataState"] in ("OK", "NoData", "Alerting") and rule["execErrState"] in ("OK", "Error", "Alerting")


def test_alert_file_has_nothing_that_grafana_takes_for_an_environment_variable():
    assert "$" not in (ROOT / "provisioning/alerting/hirestream.yaml").read_text()


def test_generator_refuses_a_zone_that_does_not_exist(tmp_path):
    with pytest.raises(AssertionError, match="Invalid time zone"):
        generate(tmp_path, "Europe/Atlantis")


def test_alert_rules_follow_the_reporting_zone(tmp_path):
    rules = read_yaml(generate(tmp_path, "Asia/Tokyo") / "provisioning/alerting/hirestream.yaml")["groups"][0]["rules"]
    sql = {rule["uid"]: rule["data"][0]["model"]["rawSql"] for rule in rules}
    assert "+ 32400" in sql["hirestream-spend-jump"]
    assert "32400" not in sql["hirestream-held"]

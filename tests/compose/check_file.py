#!/usr/bin/env python3
"""docker-compose.yml as Compose v2 itself reads it, with every profile; no Docker Engine is needed."""

import json
import os
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ALWAYS = {"secrets", "cassandra", "mysql", "init", "hirestream", "grafana"}
PROFILES = {
    (): ALWAYS,
    ("demo",): ALWAYS | {"traffic"},
    ("prometheus",): ALWAYS | {"prometheus"},
    ("spark",): ALWAYS | {"spark-master", "spark-worker", "spark-etl"},
    ("mirror",): ALWAYS | {"mirror-table", "mirror"},
    ("demo", "mirror", "prometheus", "spark"): ALWAYS | {"traffic", "mirror-table", "mirror", "prometheus", "spark-master", "spark-worker", "spark-etl"},
}


def check_profiles_are_all_known(services):
    """Of the services with every profile on."""
    named = {profile for service in services.values() for profile in service.get("profiles", ())}
    assert named == {profile for profiles in PROFILES for profile in profiles}, named


SETTINGS = [
    # what is set; the service; what it is then told
    ({}, "traffic", ["--to=cassandra://cassandra:9042/logs/tracking", "--jobs-to=mysql://root@mysql:3306/etl_data"]),
    ({"HIRESTREAM_SOURCE_URI": "cassandra://cassandra:9042/hirestream/tracking"}, "traffic", ["--to=cassandra://cassandra:9042/logs/tracking"]),
    ({"MIRROR_FROM": "cassandra://cassandra:9042/app/log"}, "traffic", ["--to=cassandra://cassandra:9042/app/log"]),
    ({"MIRROR_FROM": "cassandra://cassandra:9042/app/log"}, "mirror", ["--from=cassandra://cassandra:9042/app/log"]),
    ({"MIRROR_FROM": "cassandra://cassandra:9042/app/log", "DEMO_TO": "cassandra://other/a/b"}, "traffic", ["--to=cassandra://other/a/b"]),
    ({"HIRESTREAM_INIT_WAREHOUSE_URI": "mysql://admin@db/figures"}, "traffic", ["--jobs-to=mysql://admin@db/figures"]),
    ({"HIRESTREAM_INIT_WAREHOUSE_URI": "mysql://admin@db/figures", "DEMO_JOBS_TO": "mysql://admin@db/jobs"}, "traffic", ["--jobs-to=mysql://admin@db/jobs"]),
    ({"HIRESTREAM_WAREHOUSE_URI": "mysql://etl@db/figures"}, "hirestream", {"HIRESTREAM_JOBS_URI": "mysql://etl@db/figures"}),
    ({"HIRESTREAM_WAREHOUSE_URI": "mysql://etl@db/figures"}, "spark-etl", {"HIRESTREAM_JOBS_URI": "mysql://etl@db/figures"}),
    ({"HIRESTREAM_JOBS_URI": "mysql://etl@db/jobs"}, "hirestream",
     {"HIRESTREAM_JOBS_URI": "mysql://etl@db/jobs", "HIRESTREAM_WAREHOUSE_URI": "mysql://hirestream@mysql:3306/etl_data"}),
    ({}, "grafana", {"HIRESTREAM_MYSQL_ADDRESS": "mysql:3306", "HIRESTREAM_MYSQL_DATABASE": "etl_data"}),
    ({"GRAFANA_MYSQL_DATABASE": "figures"}, "grafana", {"HIRESTREAM_MYSQL_DATABASE": "figures"}),
]


def check_settings_are_followed(read):
    for settings, service, told in SETTINGS:
        service = read(settings)[service]
        if isinstance(told, dict):
            assert told.items() <= service["environment"].items(), (settings, told, service["environment"])
        else:
            assert set(told) <= set(service["command"]), (settings, told, service["command"])


def check_example_names_what_is_set():
    """Every variable of the file stands in .env.example, but the one that another file needs."""
    named = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    explained = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= explained, sorted(named - explained)
    assert explained - named <= {"COMPOSE_PROFILES"}, sorted(explained - named)


def main():
    compose = subprocess.run([HERE / "docker.sh", "fetch"], text=True, stdout=subprocess.PIPE, check=True).stdout.splitlines()[-1]
    mine = tuple(name for name in os.environ if name.startswith(("HIRESTREAM_", "COMPOSE_", "DOCKER_", "MIRROR_", "DEMO_", "GRAFANA_")))
    environment = {name: value for name, value in os.environ.items() if name not in mine}

    def read_with(profiles, settings):
        options = [word for profile in profiles for word in ("--profile", profile)]
        said = subprocess.run([compose, "--env-file", os.devnull, "-f", ROOT / "docker-compose.yml", *options, "config", "--format", "json"], text=True,
                              stdout=subprocess.PIPE, check=True, env=environment | settings).stdout
        return json.loads(said)["services"]

    for profiles, services in PROFILES.items():
        read = read_with(profiles, {})
        assert set(read) == services, (profiles, sorted(read))
        if "spark" in profiles:
            assert read["spark-worker"]["deploy"]["replicas"] == 2 and "volumes" not in read["spark-worker"]
        if "mirror" in profiles:
            (volume,) = [one for one in read["mirror"]["volumes"] if one["source"] == "cassandra-data"]
            assert volume["read_only"], "the mirror changes nothing of Cassandra's"
            assert "--from=cassandra://cassandra:9042/logs/tracking" in read["mirror"]["command"]
    check_profiles_are_all_known(read)
    check_settings_are_followed(lambda settings: read_with(profiles, settings))
    check_example_names_what_is_set()
    print(f"{len(PROFILES)} sets of profiles are read as they should be")


if __name__ == "__main__":
    main()

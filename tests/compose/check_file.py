#!/usr/bin/env python3
"""docker-compose.yml as Compose v2 itself reads it, with every profile; no Docker Engine is needed."""

import json
import os
import pathlib
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


def main():
    compose = subprocess.run([HERE / "docker.sh", "fetch"], text=True, stdout=subprocess.PIPE, check=True).stdout.splitlines()[-1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HIRESTREAM_", "COMPOSE_", "DOCKER_"))}
    for profiles, services in PROFILES.items():
        options = [word for profile in profiles for word in ("--profile", profile)]
        said = subprocess.run([compose, "-f", ROOT / "docker-compose.yml", *options, "config", "--format", "json"], text=True,
                              stdout=subprocess.PIPE, check=True, env=environment).stdout
        read = json.loads(said)["services"]
        assert set(read) == services, (profiles, sorted(read))
        if "spark" in profiles:
            assert read["spark-worker"]["deploy"]["replicas"] == 2 and "volumes" not in read["spark-worker"]
        if "mirror" in profiles:
            (volume,) = [one for one in read["mirror"]["volumes"] if one["source"] == "cassandra-data"]
            assert volume["read_only"], "the mirror changes nothing of Cassandra's"
            assert "--from=cassandra://cassandra:9042/logs/tracking" in read["mirror"]["command"]
    check_profiles_are_all_known(read)
    print(f"{len(PROFILES)} sets of profiles are read as they should be")


if __name__ == "__main__":
    main()

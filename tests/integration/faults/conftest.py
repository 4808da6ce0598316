"""One pair of servers for all tests of this folder; the seed is printed and HIRESTREAM_FAULTS_SEED repeats it."""

import os

import pytest

from campaign import Campaign


@pytest.fixture(scope="session")
def campaign(request):
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(text):
        with capture.global_and_fixture_disabled():
            print(f"\n{text}", end="", flush=True)

    with Campaign(int(os.environ.get("HIRESTREAM_FAULTS_SEED", "1")), say) as running:
        yield running

"""The metrics that docs and alert rules name are those of the server."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from imagevault.runtime.metrics import COUNTERS, GAUGES, HISTOGRAMS, PREFIX

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "alerts.yaml"
NAME = re.compile(rf"\b{PREFIX}[a-z_]+\b")
# As Prometheus shows them.
LABELS = {f"{PREFIX}{name}_total": labels for name, (_, labels) in COUNTERS.items()}
LABELS |= {f"{PREFIX}{name}": labels for name, (_, labels) in (HISTOGRAMS | GAUGES).items()}


def test_the_docs_describe_each() -> None:
    """With its labels, without `worker`, which is described once."""
    table = (ROOT / "docs" / "admin.md").read_text().partition("| metric | labels | counts |")[2].partition("\n\n")[0]
    described = {}
    for row in table.strip().splitlines()[1:]:
        _, names, labels, *_ = row.split("|")
        for name in NAME.findall(names):
            described[name] = re.findall("[a-z]+", labels)

    assert described == {name: list(labels) for name, labels in LABELS.items()}


def test_alerts_use_metrics_that_there_are() -> None:
    used = {name.removesuffix("_bucket") for name in NAME.findall(ALERTS.read_text())}

    assert len(used) >= 5
    assert used <= set(LABELS)


def test_no_alert_counts_the_answers_of_health_checks() -> None:
    """`/health/ready` is 503 while a host drains."""
    rates = re.findall(r"imagevault_http_requests_total[^\[]*", ALERTS.read_text())

    assert len(rates) == 2
    assert all('route!~"/health/.*"' in rate for rate in rates)


@pytest.mark.processes
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, of Prometheus, is not installed")
def test_promtool_accepts_the_alerts() -> None:
    checked = subprocess.run(["promtool", "check", "rules", ALERTS], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr
    assert re.search(r"SUCCESS: \d+ rules found", checked.stdout)

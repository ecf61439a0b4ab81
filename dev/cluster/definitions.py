"""Definitions of the kinds of other operators that a bot may use, for tests.

The real ones come out of their Go modules. Three kinds are in no module: for them a minimal
definition with the documented fields stands in (``standins/``), so the API server checks no more
than the names of those fields and their types.
"""

from __future__ import annotations

from pathlib import Path

from dev.cluster.build import module_folder

STANDINS = Path(__file__).parent / "standins"


def optional_definitions() -> list[Path]:
    """Return the files that define every optional kind but ServiceMonitor and PrometheusRule."""
    return [
        module_folder("monitoring", "github.com/prometheus-operator/prometheus-operator")
        / "example/prometheus-operator-crd/monitoring.coreos.com_alertmanagerconfigs.yaml",
        module_folder("keda", "github.com/kedacore/keda/v2")
        / "config/crd/bases/keda.sh_scaledobjects.yaml",
        module_folder("external-secrets", "github.com/external-secrets/external-secrets")
        / "config/crds/bases/external-secrets.io_externalsecrets.yaml",
        *sorted(STANDINS.glob("*.yaml")),
    ]

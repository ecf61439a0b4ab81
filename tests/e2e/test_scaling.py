"""Scaling by real load, and node drains that a PodDisruptionBudget allows."""

from __future__ import annotations

import pytest

from tests.e2e.product import Bot, Product, until

pytestmark = pytest.mark.cluster

# One busy loop: real CPU time of the container, which metrics-server reads from the kubelet. It
# lets go of its terminal, or `kubectl exec` would wait for it.
_BURN = """
import os, time
if os.fork() == 0:
    nothing = os.open("/dev/null", os.O_RDWR)
    for each in (0, 1, 2):
        os.dup2(nothing, each)
    end = time.time() + 600
    while time.time() < end:
        pass
"""


async def test_the_hpa_scales_on_real_load_and_back(product: Product) -> None:
    quick = {
        "stabilizationWindowSeconds": 0,
        "policies": [{"type": "Pods", "value": 2, "periodSeconds": 15}],
    }
    bot = await product.add_bot(
        "scaler",
        shards={"count": 4},
        autoscaling={
            "enabled": True,
            "minReplicas": 1,
            "maxReplicas": 2,
            "cpuUtilization": 70,
            "behavior": {"scaleUp": quick, "scaleDown": quick},
        },
    )
    await bot.until_condition("Ready", "True")
    # Starting takes CPU time too: only what comes after it is the load of this test.
    await until(
        "at rest with one pod", lambda: _load(bot) in range(60) and len(bot.pods()) == 1, 240
    )
    pod = bot.pods()[0]["metadata"]["name"]
    product.run("exec", pod, "-c", "bot", "--", "python", "-c", _BURN)
    await until("scaled up", lambda: len(bot.pods()) == 2, within=180)
    await bot.until_condition("AutoscalingReady", "True")
    product.run("exec", pod, "-c", "bot", "--", "python", "-c", _STOP)
    await until("scaled back", lambda: len(bot.pods()) == 1, within=240)
    assert bot.condition("Ready")["status"] == "True"
    product.remove(bot.name)


def _load(bot: Bot) -> int | None:
    """Return what the HPA sees, in percent of the request; None before it sees anything."""
    status = bot.product.get("horizontalpodautoscaler", bot.name).get("status", {})
    for metric in status.get("currentMetrics") or ():
        return metric.get("containerResource", {}).get("current", {}).get("averageUtilization")
    return None


# The busy loop is the one other process whose command line holds the word fork.
_STOP = """
import os, signal
for entry in filter(str.isdigit, os.listdir("/proc")):
    try:
        line = open(f"/proc/{entry}/cmdline").read()
    except OSError:
        continue
    if "fork" in line and int(entry) != os.getpid():
        os.kill(int(entry), signal.SIGKILL)
"""


async def test_a_drain_is_allowed_by_the_budget_and_the_bot_goes_on(
    product: Product, main_bot: Bot
) -> None:
    await main_bot.until_condition("Ready", "True")
    await main_bot.until_answering()
    budget = product.get("poddisruptionbudget", main_bot.name)
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["status"]["disruptionsAllowed"] == 1
    node = main_bot.pods()[0]["spec"]["nodeName"]
    kubectl = product.cluster.kubectl
    drained = kubectl(
        "drain",
        node,
        f"--pod-selector=vertice.dev/bot={main_bot.name}",
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--timeout=150s",
    )
    try:
        assert drained.returncode == 0, drained.stderr
        await until(
            "both replicas run elsewhere",
            lambda: (
                len(main_bot.pods()) == 2
                and all(pod["spec"].get("nodeName") not in (None, node) for pod in main_bot.pods())
            ),
        )
        await main_bot.until_condition("Ready", "True")
        await main_bot.until_answering()
    finally:
        kubectl("uncordon", node, check=True)

"""The operator's Deployment: two pods apart from each other, under the restricted standard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vertice_operator.install.holes import (
    Alternative,
    Condition,
    Hole,
    Joined,
    Note,
    Splice,
    Text,
    Tree,
    When,
)
from vertice_operator.runtime.settings import PREFIX

_USER = 65532


def deployment(meta: Mapping[str, Tree], labels: Mapping[str, str]) -> Tree:
    """Return the Deployment.

    Parameters
    ----------
    meta
        Its name, namespace and labels.
    labels
        Of its pods; the first one selects them.
    """
    selector = {"app.kubernetes.io/name": labels["app.kubernetes.io/name"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": dict(meta),
        "spec": {
            "replicas": Note(
                "One leads, the others wait for its Lease with a warm cache. Bots need neither.",
                Hole("Values.replicas"),
            ),
            "revisionHistoryLimit": 3,
            "strategy": Note(
                "No extra room is needed: the Lease moves to a pod that is there.",
                {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
                },
            ),
            # As it was in the first release: a selector can never change.
            "selector": {"matchLabels": dict(labels)},
            "template": {
                "metadata": {
                    "labels": dict(labels),
                    "annotations": {
                        "kubectl.kubernetes.io/default-container": "operator",
                        Splice("Values.podAnnotations"): None,
                    },
                },
                "spec": _pod(selector),
            },
        },
    }


def _pod(selector: Mapping[str, str]) -> dict[Any, Tree]:
    return {
        "serviceAccountName": "vertice-operator",
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        "imagePullSecrets": When(
            Condition("Values.image.pullSecrets"), Hole("Values.image.pullSecrets", tree=True)
        ),
        "priorityClassName": When(
            Condition("Values.priorityClassName"), Hole("Values.priorityClassName")
        ),
        "nodeSelector": When(
            Condition("Values.nodeSelector"), Hole("Values.nodeSelector", tree=True)
        ),
        "tolerations": When(Condition("Values.tolerations"), Hole("Values.tolerations", tree=True)),
        "topologySpreadConstraints": Note(
            "Not on one node and not in one zone, where there are several.",
            [
                _apart("kubernetes.io/hostname", selector),
                _apart("topology.kubernetes.io/zone", selector),
            ],
        ),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container()],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}}],
    }


def _apart(topology: str, selector: Mapping[str, str]) -> dict[str, Tree]:
    return {
        "maxSkew": 1,
        "topologyKey": topology,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(selector)},
        "matchLabelKeys": ["pod-template-hash"],
    }


def _container() -> dict[str, Tree]:
    tag = Text((":", Hole("Values.image.tag")))
    digest = Text(("@", Hole("Values.image.digest")))
    version = Alternative(Condition("Values.image.digest"), digest, tag)
    return {
        "name": "operator",
        "image": Text((Hole("Values.image.repository"), version)),
        "imagePullPolicy": Hole("Values.image.pullPolicy"),
        "args": ["run"],
        "env": _environment(),
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "startupProbe": _probe("/livez", periodSeconds=2, failureThreshold=30, timeoutSeconds=3),
        "livenessProbe": _probe("/livez", periodSeconds=15, failureThreshold=4, timeoutSeconds=5),
        "readinessProbe": _probe("/readyz", periodSeconds=5, failureThreshold=3, timeoutSeconds=3),
        "resources": Hole("Values.resources", tree=True),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - an emptyDir
    }


def _environment() -> list[Tree]:
    return [
        {"name": f"{PREFIX}DEFAULT_BOT_IMAGE", "value": Hole("Values.bot.image")},
        {"name": f"{PREFIX}DEFAULT_PROXY_IMAGE", "value": Hole("Values.bot.proxyImage")},
        When(
            Condition("Values.namespaces"),
            {"name": f"{PREFIX}NAMESPACE", "value": Joined("Values.namespaces")},
        ),
        Note(
            "Holder of the Lease: a restarted container of the same pod goes on at once.",
            {"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
        ),
        Splice("Values.env"),
    ]


def _probe(path: str, **times: int) -> dict[str, Tree]:
    return {"httpGet": {"path": path, "port": "http"}, **times}

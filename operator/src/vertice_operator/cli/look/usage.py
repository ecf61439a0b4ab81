"""Asks the metrics API how much the pods use."""

from vertice_operator.api.names import LABEL_BOT
from vertice_operator.cli.explain import missing_right
from vertice_operator.cli.session import Session
from vertice_operator.cluster import errors
from vertice_operator.cluster.client import Object
from vertice_operator.cluster.kinds import KindRef

POD_METRICS = KindRef("metrics.k8s.io", "v1beta1", "PodMetrics", "pods")
ABSENT = (
    "this cluster has no metrics API: install metrics-server (autoscaling needs it as well); "
    "requests and limits are shown without usage"
)


async def usage(session: Session, bot: Object) -> tuple[list[Object], str]:
    """Return the PodMetrics of a bot's pods, and where there are none, why."""
    meta = bot["metadata"]
    selector = f"{LABEL_BOT}={meta['name']}"
    try:
        listed = session.client.list(POD_METRICS, meta["namespace"], selector)
        return [each async for each in listed], ""
    except errors.KindMissingError:
        return [], ABSENT
    except errors.ForbiddenError as error:
        return [], missing_right(error.message)
    except errors.TransportError as error:
        return [], f"the metrics API does not answer: {error.message}"

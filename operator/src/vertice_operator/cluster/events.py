"""Posts Kubernetes Events on DiscordBots; the same thing twice within an hour is said once."""

import hashlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from vertice_operator.api import names
from vertice_operator.api.conditions import timestamp
from vertice_operator.api.v1alpha1.bot import ObjectMeta
from vertice_operator.cluster import errors
from vertice_operator.cluster.client import KubeClient, Object
from vertice_operator.cluster.kinds import EVENT
from vertice_operator.decide.announce import Announcement

log = logging.getLogger(__name__)
_LONGEST_MESSAGE = 1024


class EventPoster:
    """Writes Events whose names follow from their content, so that the server drops repeats."""

    def __init__(
        self,
        client: KubeClient,
        identity: str,
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client, self._identity, self._utcnow = client, identity, utcnow

    async def post(self, bot: ObjectMeta, what: Announcement) -> None:
        """Post one Event. A failure is logged: an Event is never worth a failed reconcile."""
        try:
            await self._client.create(EVENT, self._body(bot, what))
        except errors.ConflictError:
            log.debug("event %s of %s/%s is there already", what.reason, bot.namespace, bot.name)
        except errors.ClusterError as error:
            log.warning("event %s of %s/%s: %s", what.reason, bot.namespace, bot.name, error)

    def _body(self, bot: ObjectMeta, what: Announcement) -> Object:
        now = self._utcnow()
        hour = now.strftime("%Y%m%d%H")
        text = f"{bot.uid}\0{what.reason}\0{what.message}\0{hour}"
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": bot.namespace, "name": f"{bot.name}.{digest}"},
            "type": "Warning" if what.warning else "Normal",
            "reason": what.reason.value,
            "message": what.message[:_LONGEST_MESSAGE],
            "involvedObject": {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "namespace": bot.namespace,
                "name": bot.name,
                "uid": bot.uid,
            },
            "source": {"component": names.MANAGED_BY},
            "reportingComponent": names.MANAGED_BY,
            "reportingInstance": self._identity[:128],
            "firstTimestamp": timestamp(now),
            "lastTimestamp": timestamp(now),
            "count": 1,
        }

"""From a resource to the objects that make it real; pure, so that it can be run anywhere.

Nothing here does input or output, reads a clock or draws a random number: the same resource and
facts give the same objects, byte for byte.
"""

from vertice_operator.render.bot_config import config_document
from vertice_operator.render.choices import (
    ScaleBounds,
    bot_image,
    is_off,
    proxy_image,
    proxy_mode,
    scale_bounds,
    shard_count,
)
from vertice_operator.render.deployment import (
    ANNOTATION_LAST_GOOD,
    ANNOTATION_MIGRATED,
    ANNOTATION_ROLLED_BACK,
)
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.gateway_intents import intents
from vertice_operator.render.hashes import secret_hash, spec_hash
from vertice_operator.render.history import (
    MOST_REVISIONS,
    History,
    Recorded,
    Revision,
    config_key,
)
from vertice_operator.render.kinds import (
    CONTROLLER_REVISION,
    DEPLOYMENT,
    KINDS,
    Child,
    ChildKind,
)
from vertice_operator.render.migration_job import Migration, migration
from vertice_operator.render.objects import desired_objects
from vertice_operator.render.optional import ASKED_BY, missing_kinds
from vertice_operator.render.pod_template import pod_template
from vertice_operator.render.prometheus_role import DISCOVERY_VERBS
from vertice_operator.render.revision import controller_revision, fresh_revision, stamped
from vertice_operator.render.secret_files import SecretFile, referenced_secrets
from vertice_operator.render.support import unsupported

__all__ = [
    "ANNOTATION_LAST_GOOD",
    "ANNOTATION_MIGRATED",
    "ANNOTATION_ROLLED_BACK",
    "ASKED_BY",
    "CONTROLLER_REVISION",
    "DEPLOYMENT",
    "DISCOVERY_VERBS",
    "KINDS",
    "MOST_REVISIONS",
    "Child",
    "ChildKind",
    "History",
    "Migration",
    "Recorded",
    "RenderFacts",
    "Revision",
    "ScaleBounds",
    "SecretFile",
    "bot_image",
    "config_document",
    "config_key",
    "controller_revision",
    "desired_objects",
    "fresh_revision",
    "intents",
    "is_off",
    "migration",
    "missing_kinds",
    "pod_template",
    "proxy_image",
    "proxy_mode",
    "referenced_secrets",
    "scale_bounds",
    "secret_hash",
    "shard_count",
    "spec_hash",
    "stamped",
    "unsupported",
]

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
from vertice_operator.render.deployment import ANNOTATION_MIGRATED
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.gateway_intents import intents
from vertice_operator.render.hashes import secret_hash, spec_hash
from vertice_operator.render.kinds import KINDS, Child, ChildKind
from vertice_operator.render.migration_job import Migration, migration
from vertice_operator.render.objects import desired_objects, missing_kinds
from vertice_operator.render.secret_files import SecretFile, referenced_secrets
from vertice_operator.render.support import unsupported

__all__ = [
    "ANNOTATION_MIGRATED",
    "KINDS",
    "Child",
    "ChildKind",
    "Migration",
    "RenderFacts",
    "ScaleBounds",
    "SecretFile",
    "bot_image",
    "config_document",
    "desired_objects",
    "intents",
    "is_off",
    "migration",
    "missing_kinds",
    "proxy_image",
    "proxy_mode",
    "referenced_secrets",
    "scale_bounds",
    "secret_hash",
    "shard_count",
    "spec_hash",
    "unsupported",
]

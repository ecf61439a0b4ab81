"""SecretProviderClass: the CSI driver mounts secrets, and no Kubernetes Secret exists."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.api.v1alpha1.identity import CsiFile
from vertice_operator.render.csi_files import all_files, migration_files
from vertice_operator.render.kinds import SECRET_PROVIDER_CLASS
from vertice_operator.render.meta import child


def secret_provider_class(bot: DiscordBot) -> dict[str, Any] | None:
    """Give the class of the bot's pods; None with another provider."""
    return _class(bot, bot.metadata.name, all_files(bot))


def migration_provider_class(bot: DiscordBot) -> dict[str, Any] | None:
    """Give the class of the migration's pod: the database login alone, never the token.

    None where no Job migrates or where it needs no file. It stays while the Job is done, or a
    pod that is still there could not be started again.
    """
    return _class(bot, names.migration_secrets(bot.metadata.name), migration_files(bot))


def _class(bot: DiscordBot, name: str, files: Iterable[CsiFile]) -> dict[str, Any] | None:
    csi = bot.spec.secrets.csi
    # The parameter is YAML in a string. JSON is YAML, and leaves no doubt about quoting.
    listed = [{"resourceName": each.resource_name, "path": each.file.value} for each in files]
    if csi is None or not listed:
        return None
    return child(
        bot,
        SECRET_PROVIDER_CLASS,
        name,
        {
            "spec": {
                "provider": csi.provider,
                "parameters": {"secrets": json.dumps(listed, indent=1)},
            }
        },
    )

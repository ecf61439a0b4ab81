"""The ordered chain of checks whose first violation is both the decision and its explanation.

The same object that stops work is what the user reads in the conditions, so the status cannot say
something else than what was done. A check looks at facts only, and knows nothing of the others.
"""

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vertice_operator.api.conditions import ConditionType, Reason
from vertice_operator.api.problem import Problem
from vertice_operator.api.v1alpha1.database import ProxyMode
from vertice_operator.api.v1alpha1.identity import SecretsProvider
from vertice_operator.api.validation import problems
from vertice_operator.decide.facts import Facts
from vertice_operator.decide.optional import sync_problem
from vertice_operator.decide.secrets import missing
from vertice_operator.render import RenderFacts, unsupported

OLDEST_MINOR = 28
"""The oldest Kubernetes minor whose API the rendered objects need (CEL rules, autoscaling/v2)."""


class Hold(enum.Enum):
    """What a violation stops."""

    EVERYTHING = "everything"
    """Children stay as they are, down to the byte."""
    WORKLOAD = "workload"
    """Nothing that starts or changes pods; all other children are kept right."""
    OFF = "off"
    """As if suspended: objects stay, no pod runs."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Why work stops: the condition to show it in, and what it stops."""

    condition: ConditionType
    reason: Reason
    message: str
    hold: Hold


Check = Callable[[Facts], Violation | None]


def first_violation(facts: Facts) -> Violation | None:
    """Return the violation that decides, or None when all is well."""
    return next((found for check in CHAIN if (found := check(facts))), None)


def spec_violation(found: Iterable[Problem]) -> Violation:
    """Say that the spec cannot be used, with every problem found."""
    listed = [str(problem) for problem in found]
    return Violation(
        ConditionType.SPEC_ACCEPTED,
        Reason.INVALID_SPEC,
        f"{'; '.join(listed[:10])}. Children stay as they were until the spec is corrected.",
        Hold.EVERYTHING,
    )


def paused(facts: Facts) -> Violation | None:
    """Stop everything while the annotation says so."""
    if not facts.bot.paused:
        return None
    return Violation(
        ConditionType.PAUSED,
        Reason.PAUSED_BY_ANNOTATION,
        "annotation vertice.dev/paused is true: nothing is changed, the bot runs on. Remove it "
        f"with: kubectl -n {facts.bot.metadata.namespace} annotate discordbot "
        f"{facts.bot.metadata.name} vertice.dev/paused-",
        Hold.EVERYTHING,
    )


def valid(facts: Facts) -> Violation | None:
    """Refuse what the schema cannot refuse, and what would have no effect."""
    mode = facts.bot.status.proxy_mode
    given = RenderFacts(
        operator_version=facts.defaults.operator_version,
        bot_image=facts.defaults.bot_image,
        proxy_image=facts.defaults.proxy_image,
        server_minor=facts.cluster.server_minor,
        proxy_mode=ProxyMode(mode) if mode in set(ProxyMode) else None,
        available_kinds=facts.cluster.available_kinds,
    )
    found = (*problems(facts.bot), *unsupported(facts.bot, given))
    return spec_violation(found) if found else None


def kubernetes_version(facts: Facts) -> Violation | None:
    """Refuse a cluster that cannot run what would be rendered."""
    minor = facts.cluster.server_minor
    if minor >= OLDEST_MINOR:
        return None
    return Violation(
        ConditionType.SPEC_ACCEPTED,
        Reason.UNSUPPORTED_KUBERNETES_VERSION,
        f"Kubernetes 1.{OLDEST_MINOR} or newer is needed, this is 1.{minor}.",
        Hold.EVERYTHING,
    )


def secrets_resolved(facts: Facts) -> Violation | None:
    """Start or change no pod whose secrets are not there."""
    absent = missing(facts.bot, facts.secrets, sync_problem(facts)) or _no_driver(facts)
    if absent is None:
        return None
    return Violation(ConditionType.SECRETS_RESOLVED, *absent, Hold.WORKLOAD)


def _no_driver(facts: Facts) -> tuple[Reason, str] | None:
    """Refuse to start pods that would wait for ever for a volume that nobody fills."""
    by_csi = facts.bot.spec.secrets.provider is SecretsProvider.SECRETS_STORE_CSI
    if not by_csi or "SecretProviderClass" in facts.cluster.available_kinds:
        return None
    return Reason.SECRET_NOT_FOUND, (
        "the kind SecretProviderClass does not exist here, so nothing can mount the secrets: "
        "install the Secrets Store CSI driver and its provider, or use provider Kubernetes"
    )


def token_conflict(facts: Facts) -> Violation | None:
    """Never run two fleets with one token: both would handle every event."""
    if facts.token_holder is None:
        return None
    return Violation(
        ConditionType.SECRETS_RESOLVED,
        Reason.TOKEN_CONFLICT,
        f"the older DiscordBot {facts.token_holder} uses the same bot token, so this one is kept "
        "at 0 replicas: two fleets would handle every event twice. Give each its own application "
        "and token, or delete one.",
        Hold.OFF,
    )


CHAIN: tuple[Check, ...] = (paused, valid, kubernetes_version, secrets_resolved, token_conflict)

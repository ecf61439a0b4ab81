"""From what the API server answered to a sentence that says what to do next. Pure."""

import difflib
import re
from collections.abc import Iterable, Sequence

from vertice_operator.api import names
from vertice_operator.cli.exits import ExitCode, Refusal
from vertice_operator.cluster import errors

_CANNOT = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" '
    r'in API group "(?P<group>[^"]*)"(?: in the namespace "(?P<namespace>[^"]+)")?'
)
RIGHTS = "docs/cli.md#rights"


def refusal(error: Exception, context: str | None = None) -> Refusal:
    """Translate a failure of a request.

    Parameters
    ----------
    error
        A :class:`errors.ClusterError`, or what reading the kubeconfig raised.
    context
        Name of the kubeconfig's context that was asked for, to be repeated in the advice.
    """
    if isinstance(error, errors.QuotaExceededError):
        return Refusal(ExitCode.NO, error.message)
    if isinstance(error, errors.ForbiddenError):
        return Refusal(ExitCode.FORBIDDEN, missing_right(error.message))
    if isinstance(error, errors.KindMissingError):
        return Refusal(ExitCode.UNREACHABLE, NOT_INSTALLED)
    if isinstance(error, errors.NotFoundError):
        return Refusal(ExitCode.NOT_FOUND, error.message)
    if isinstance(error, errors.ConflictError):
        again = "Somebody else changed it meanwhile; look at it again and repeat the command."
        return Refusal(ExitCode.NO, f"{error.message}. {again}")
    if isinstance(error, errors.InvalidError):
        return Refusal(ExitCode.USAGE, f"the API server refuses it: {error.message}")
    text = error.message if isinstance(error, errors.ClusterError) else str(error)
    return Refusal(ExitCode.UNREACHABLE, f"the cluster cannot be asked: {text}. {_login(context)}")


NOT_INSTALLED = (
    f"Vértice is not installed on this cluster: it does not know {names.CRD_NAME}. Install it with "
    "vertice manifests | kubectl apply --server-side -f - (docs/install.md says more), or choose "
    "another cluster with --context."
)


def _login(context: str | None) -> str:
    chosen = f"the context {context}" if context else "the current context"
    return (
        f"Look at {chosen} with kubectl cluster-info; --context, --kubeconfig and KUBECONFIG "
        "choose another one."
    )


def missing_right(message: str) -> str:
    """Say which right is missing, from the API server's words.

    What does not look like a refusal by RBAC, such as the words of an admission policy, is given
    back as it is.
    """
    found = _CANNOT.search(message)
    if found is None:
        return message
    where = f"namespace {found['namespace']}" if found["namespace"] else "the whole cluster"
    return (
        f"{found['user']} may not {found['verb']} {found['resource']} in {where}. Missing right: "
        f"{right(found['verb'], found['resource'], found['group'])}. The Role for people is in "
        f"{RIGHTS}."
    )


def right(verb: str, resource: str, group: str) -> str:
    """Write a right as it stands in a Role."""
    return f'{{apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["{verb}"]}}'


def no_such_bot(
    name: str, namespace: str, here: Iterable[str], elsewhere: Iterable[tuple[str, str]]
) -> Refusal:
    """Say that a bot does not exist, and which one may be meant.

    Parameters
    ----------
    here
        Names of the bots in this namespace.
    elsewhere
        Namespace and name of bots in other namespaces, as far as they may be seen.
    """
    known = sorted(here)
    text = f"there is no DiscordBot {name} in namespace {namespace}"
    others = [f"-n {other}" for other, found in sorted(elsewhere) if found == name]
    close = near(name, known)
    if others:
        text += f"; it is in another one: {' or '.join(others)}"
    elif close:
        text += f"; did you mean {' or '.join(close)}?"
    elif known:
        text += f"; there are {_listed(known)}"
    else:
        text += "; this namespace has none. All of them: vertice status -A"
    return Refusal(ExitCode.NOT_FOUND, text)


def no_kubeconfig(path: str | None, why: str) -> Refusal:
    """Say that there is nothing that tells where a cluster is."""
    where = path or "~/.kube/config"
    text = f"the cluster cannot be asked: {where} is no kubeconfig that can be used ({why}). "
    return Refusal(ExitCode.UNREACHABLE, f"{text}Name one with --kubeconfig or KUBECONFIG.")


def no_such_context(name: str, known: Iterable[str]) -> Refusal:
    """Say that the kubeconfig has no such context, and which one may be meant."""
    listed = sorted(known)
    close = near(name, listed)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are {_listed(listed)}"
    return Refusal(ExitCode.USAGE, f"the kubeconfig has no context {name}; {hint}")


def near(word: str, known: Iterable[str]) -> Sequence[str]:
    """Give the known words that look like ``word``, best first."""
    return difflib.get_close_matches(word, sorted(known), n=3, cutoff=0.6)


def _listed(known: Sequence[str], most: int = 8) -> str:
    rest = len(known) - most
    return ", ".join(known[:most]) + (f" and {rest} more" if rest > 0 else "")

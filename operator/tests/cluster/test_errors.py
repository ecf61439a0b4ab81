import json

import pytest

from vertice_operator.cluster import errors


def status(message: str, **more: object) -> bytes:
    return json.dumps({"kind": "Status", "message": message, **more}).encode()


CASES = [
    pytest.param(404, status("x", details={"name": "x"}), errors.NotFoundError, False, id="gone"),
    pytest.param(404, b"404 page not found\n", errors.KindMissingError, False, id="no such kind"),
    pytest.param(409, status("the object has been modified"), errors.ConflictError, True, id="409"),
    pytest.param(410, status("too old"), errors.ExpiredError, True, id="410"),
    pytest.param(403, status("denied by a policy"), errors.ForbiddenError, False, id="denied"),
    pytest.param(
        403,
        status('pods "x" is forbidden: exceeded quota: small'),
        errors.QuotaExceededError,
        False,
        id="quota",
    ),
    pytest.param(
        403, status("maximum memory usage per Container is 1Gi"), errors.QuotaExceededError, False,
        id="limit range",
    ),
    pytest.param(422, status("bad"), errors.InvalidError, False, id="invalid"),
    pytest.param(400, status("strict decoding error"), errors.InvalidError, False, id="strict"),
    pytest.param(
        422, status("immutable", details={"causes": [{"field": "metadata.uid"}]}),
        errors.ConflictError, True, id="replaced",
    ),
    pytest.param(
        500, status("failed to create typed patch object: .dta: field not declared in schema"),
        errors.InvalidError, False, id="no such field",
    ),
    pytest.param(401, status("Unauthorized"), errors.TransportError, True, id="401"),
    pytest.param(500, b"<html>", errors.TransportError, True, id="500"),
    pytest.param(503, b"", errors.TransportError, True, id="503"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "body", "kind", "transient"), CASES)
def test_translation(
    code: int, body: bytes, kind: type[errors.ClusterError], transient: bool
) -> None:
    error = errors.from_response(code, body)
    assert type(error) is kind
    assert error.transient is transient
    assert error.message


def test_fields_that_are_to_blame() -> None:
    body = status("invalid", details={"causes": [{"field": "spec.replicas"}, {"reason": "x"}]})
    error = errors.from_response(422, body)
    assert isinstance(error, errors.InvalidError)
    assert error.fields == ("spec.replicas",)


def test_retry_after_is_kept() -> None:
    assert errors.from_response(429, b"", "7").retry_after == 7
    assert errors.from_response(429, b"", "Wed, 21 Oct 2026 07:28:00 GMT").retry_after == 0

"""The real API server with the generated definition, asked over one connection."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from vertice_operator.cli.generate import crd_text

NAMESPACE = "samples"
Judge = Callable[[Any], tuple[int, dict[str, Any]]]


class Api:
    """A connection to the API server, with the administrator's certificate."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        address = urlsplit(cluster["server"])
        context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
        with tempfile.NamedTemporaryFile() as file:
            file.write(base64.b64decode(user["client-certificate-data"]) + b"\n")
            file.write(base64.b64decode(user["client-key-data"]))
            file.flush()
            context.load_cert_chain(file.name)
        self._connection = http.client.HTTPSConnection(
            str(address.hostname), address.port, context=context, timeout=30
        )

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        """Send one request; gives the status code and the answer's document."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.getheader("Content-Type", "").startswith("application/json"):
            return answer.status, json.loads(content)
        return answer.status, {"message": content.decode()}


@pytest.fixture(scope="session")
def api(apiserver: Any) -> Api:
    """Give the API server with the DiscordBot kind and a namespace for the samples."""
    apiserver.make_namespace(NAMESPACE)
    client = Api(apiserver.kubeconfig)
    apiserver.apply(crd_text())  # other tests of the session may have applied it before
    deadline = time.monotonic() + 30
    while client.ask("GET", bots())[0] != 200:
        assert time.monotonic() < deadline, "the kind is not served after 30 s"
        time.sleep(0.05)
    return client


def bots(name: str = "", part: str = "", *, dry_run: bool = False) -> str:
    """Give the path of the collection, of one resource, or of one of its subresources."""
    path = f"/apis/vertice.dev/v1alpha1/namespaces/{NAMESPACE}/discordbots"
    path += "".join(f"/{each}" for each in (name, part) if each)
    return f"{path}?fieldValidation=Strict&dryRun=All" if dry_run else path


@pytest.fixture
def stored(api: Api) -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """Give a function that stores a resource for the length of the test."""
    names = []

    def store(document: dict[str, Any]) -> dict[str, Any]:
        code, answer = api.ask("POST", bots(), document)
        assert code == 201, answer["message"]
        names.append(answer["metadata"]["name"])
        return answer

    yield store
    for name in names:
        api.ask("DELETE", bots(name))


@pytest.fixture
def create(api: Api) -> Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]:
    """Give a function that sends a new resource as a strict server-side dry run."""

    def send(document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return api.ask("POST", bots(dry_run=True), document)

    return send


@pytest.fixture
def judge(api: Api, stored: Callable[[dict[str, Any]], dict[str, Any]]) -> Judge:
    """Give a function that sends a sample as a strict server-side dry run."""

    def send(sample: Any) -> tuple[int, dict[str, Any]]:
        document = sample.document
        if sample.in_status:
            live = stored({key: document[key] for key in document if key != "status"})
            body = {**live, "status": document["status"]}
            return api.ask("PUT", bots(live["metadata"]["name"], "status", dry_run=True), body)
        if sample.former is not None:
            live = stored(sample.former)
            body = {**document, "metadata": live["metadata"]}
            return api.ask("PUT", bots(live["metadata"]["name"], dry_run=True), body)
        return api.ask("POST", bots(dry_run=True), document)

    return send

"""The proxy passes requests, watches and errors through to a real API server, and logs them."""

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from dev.apiproxy.log import writes
from dev.apiproxy.server import ApiProxy, Upstream
from dev.testing.apiserver import ApiServer

pytestmark = pytest.mark.apiserver
_MAPS = "/api/v1/namespaces/default/configmaps"


async def test_a_write_a_watch_and_a_refusal_pass_through(
    apiserver: ApiServer, tmp_path: Path
) -> None:
    upstream = Upstream.from_kubeconfig(apiserver.kubeconfig)
    async with ApiProxy(upstream) as proxy, aiohttp.ClientSession(proxy.url) as client:
        kubeconfig = proxy.write_kubeconfig(tmp_path / "kubeconfig")
        async with client.get(_MAPS, params={"watch": "true", "resourceVersion": "0"}) as stream:
            body = {"metadata": {"name": "through-the-proxy"}, "data": {"a": "☃"}}
            async with client.post(_MAPS, json=body) as made:
                assert made.status == 201
            async with asyncio.timeout(10):
                while (event := json.loads(await stream.content.readline()))["object"]["metadata"][
                    "name"
                ] != "through-the-proxy":
                    pass
            assert event["object"]["data"] == {"a": "☃"}
        async with client.post(_MAPS, json=body) as again:
            assert (again.status, (await again.json())["reason"]) == (409, "AlreadyExists")
        program = await asyncio.create_subprocess_exec(
            apiserver.program,
            f"--kubeconfig={kubeconfig}",
            "delete",
            "configmap",
            "through-the-proxy",
        )
        assert await program.wait() == 0
        assert writes(proxy.requests) == {"configmaps": 3}
        assert next(each.status for each in proxy.requests if each.watch) == 200

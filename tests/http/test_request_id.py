"""The id of a request: taken from the caller or generated."""

from typing import Any

import pytest


class TestRequestId:
    @pytest.mark.parametrize("given", ["a", "A.b-c_9", "x" * 64])
    async def test_a_well_formed_one_is_taken(self, api: Any, given: str) -> None:
        """The id of a proxy is kept, so that logs can be joined."""
        answer = await api.get("/nothing", headers={"X-Request-ID": given})

        assert (answer.headers["x-request-id"], answer.json()["request_id"]) == (given, given)

    @pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a;b", "a\tb", "ä", '"a"', "<script>"])
    async def test_any_other_is_replaced(self, api: Any, given: str) -> None:
        """Text that could break a log or a page is not repeated."""
        answer = await api.get("/nothing", headers={"X-Request-ID": given.encode("latin-1")})

        assert len(answer.headers["x-request-id"]) == 16
        assert answer.headers["x-request-id"] == answer.json()["request_id"]

    async def test_each_request_gets_its_own(self, api: Any) -> None:
        """No two requests share one."""
        ids = {(await api.get("/health/live")).headers["x-request-id"] for _ in range(20)}

        assert len(ids) == 20

"""The testing kit for plugin authors: a simulated upstream on loopback, over real HTTP, that fails on demand.

    upstream = Upstream("/v1/")

    @upstream.before
    def authorise(call: Call) -> Answer | None:
        return None if call.headers.get("authorization") == "test-key" else Answer({"error": "no key"}, 401)

    @upstream.get("photos/{id}")
    def photo(call: Call, id: str) -> object:
        return {"id": id, "url": f"{upstream.url}photos/{id}"}

    with upstream:
        httpx.get(upstream.url + "photos/7", headers={"Authorization": "test-key"}).json()
        upstream.calls[-1].path  # "/v1/photos/7"; also method, query, headers, body
        upstream.fail(faults.truncated(), times=1)  # the next call gets half of its answer
        upstream.fail(Answer({"error": "slow down"}, 429, {"Retry-After": "30"}))  # later calls get this, until heal()

`imagevault.testing.contract` has the tests that every provider passes. `Recorded` serves recorded answers of a real
upstream. `imagevault.testing.upstreams` has a simulated upstream for each provider that comes with ImageVault.
"""

from imagevault.testing import faults
from imagevault.testing.exchange import Answer, Call, Exchange, Fault
from imagevault.testing.pictures import Picture
from imagevault.testing.recorded import Recorded, Recording
from imagevault.testing.upstream import Upstream

__all__ = ["Answer", "Call", "Exchange", "Fault", "Picture", "Recorded", "Recording", "Upstream", "faults"]

"""Each fault really does what it says, seen by an ordinary httpx client; and the server ends cleanly."""

import asyncio
import gzip
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from imagevault.testing import Answer, Call, Exchange, Upstream, faults

LISTING = {"photos": [{"id": 1}, {"id": 2}], "total": 2, "next": None, "note": "fine"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    upstream = Upstream("/v1/")

    @upstream.get("search")
    def search(call: Call) -> object:
        return LISTING

    @upstream.get("photos/{id}")
    def photo(call: Call, id: str) -> Answer:
        return Answer({"id": id}, headers={"X-Ratelimit-Remaining": "9"})

    @upstream.post("/oauth/token")
    def token(call: Call) -> object:
        return {"token": call.body.decode()}

    with upstream:
        yield upstream


@pytest.fixture
def http(upstream: Upstream) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=upstream.url, timeout=60) as http:
        yield http


def test_routes(upstream: Upstream, http: httpx.Client) -> None:
    found = http.get("search", params={"q": "red fox"})
    assert (found.status_code, found.json()) == (200, LISTING)
    assert found.headers["content-type"] == "application/json"
    assert http.get("search/").json() == LISTING
    assert http.get("photos/a%2Fb%20c").json() == {"id": "a/b c"}
    assert http.get("photos/1").headers["x-ratelimit-remaining"] == "9"
    assert http.post(f"http://127.0.0.1:{upstream.port}/oauth/token", content=b"please").json() == {"token": "please"}
    assert http.head("search").headers["content-length"] == found.headers["content-length"]
    assert http.get("elsewhere").status_code == 404
    assert http.delete("search").status_code == 405
    assert http.post("search", content=iter([b"chunked"])).status_code == 411


def test_calls_are_recorded(upstream: Upstream, http: httpx.Client) -> None:
    before = time.monotonic()
    http.get("search", params={"q": "red fox", "page": 2}, headers={"Authorization": "key"})
    (call,) = upstream.calls
    assert (call.method, call.path) == ("GET", "/v1/search")
    assert dict(call.query) == {"q": "red fox", "page": "2"}
    assert call.headers["authorization"] == "key"
    assert before <= call.at <= time.monotonic()


def test_checks_come_before_routes(upstream: Upstream, http: httpx.Client) -> None:
    @upstream.before
    def authorise(call: Call) -> Answer | None:
        return None if call.headers.get("authorization") == "key" else Answer({"error": "no"}, 401)

    assert http.get("search").status_code == 401
    assert http.get("search", headers={"Authorization": "key"}).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "headers", "body"),
    [
        (
            Answer({"error": "slow down"}, 429, {"Retry-After": "30"}),
            429,
            {"retry-after": "30"},
            b'{"error":"slow down"}',
        ),
        (Answer({"error": "slow down"}, 429), 429, {}, b'{"error":"slow down"}'),
        (Answer(b"oops", 500), 500, {"content-type": "application/octet-stream"}, b"oops"),
        (Answer(b"oops", 503, {"Content-Type": "text/plain"}), 503, {"content-type": "text/plain"}, b"oops"),
        (Answer(status=599), 599, {}, b""),
    ],
)
def test_an_answer_is_a_fault(
    upstream: Upstream, http: httpx.Client, fault: Answer, status: int, headers: dict[str, str], body: bytes
) -> None:
    upstream.fail(fault, times=1)
    answer = http.get("search")
    assert (answer.status_code, answer.content) == (status, body)
    assert headers.items() <= dict(answer.headers).items()
    assert ("retry-after" in headers) == ("retry-after" in answer.headers)
    assert http.get("search").status_code == 200


def test_faults_play_in_order_so_many_times_and_on_their_path_only(upstream: Upstream, http: httpx.Client) -> None:
    upstream.fail(Answer(status=500), times=2, path="search")
    upstream.fail(Answer(status=503), path="photos/{id}")
    upstream.fail(Answer(status=502), times=1)
    paths = ["photos/1", "search", "photos/2", "search", "search", "search", "photos/3"]
    assert [http.get(path).status_code for path in paths] == [503, 500, 503, 500, 502, 200, 503]
    upstream.heal()
    assert http.get("photos/1").status_code == 200
    with pytest.raises(ValueError, match="at least once"):
        upstream.fail(Answer(status=500), times=0)


def test_html_page(upstream: Upstream, http: httpx.Client) -> None:
    upstream.fail(faults.html_page(), times=1)
    answer = http.get("search")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()


def test_cut_json(upstream: Upstream, http: httpx.Client) -> None:
    upstream.fail(faults.cut_json(), times=1)
    answer = http.get("search")
    assert answer.headers["content-type"] == "application/json"
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()


def test_truncated(upstream: Upstream, http: httpx.Client) -> None:
    upstream.fail(faults.truncated(), times=1)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        http.get("search")
    assert http.get("search").status_code == 200


def test_wrong_types_and_changed(upstream: Upstream, http: httpx.Client) -> None:
    upstream.fail(faults.wrong_types(), times=1)
    upstream.fail(faults.changed(lambda listing: listing["photos"].insert(0, None)), times=1)
    upstream.fail(faults.changed(lambda _: [1]), times=1)
    other = {"unexpected": True}
    assert http.get("search").json() == {"photos": other, "total": "x", "next": "x", "note": other}
    assert http.get("search").json()["photos"] == [None, {"id": 1}, {"id": 2}]
    assert http.get("search").json() == [1]


def test_reset(upstream: Upstream, http: httpx.Client) -> None:
    upstream.fail(faults.reset(), times=1)
    with pytest.raises(httpx.ReadError) as caught:
        http.get("search")
    assert "reset by peer" in str(caught.value)
    assert http.get("search").status_code == 200


async def test_hang_until_healed(upstream: Upstream) -> None:
    upstream.fail(faults.hang())
    async with httpx.AsyncClient(base_url=upstream.url) as http:
        hanging = [asyncio.create_task(http.get("search", timeout=None)) for _ in range(2)]
        await asyncio.to_thread(upstream.wait_for_calls, 2)
        assert not any(task.done() for task in hanging)
        upstream.heal()
        assert [(await task).json() for task in hanging] == [LISTING, LISTING]


async def test_hang_outlasts_the_client_and_does_not_hold_up_the_stop(upstream: Upstream) -> None:
    upstream.fail(faults.hang())
    async with httpx.AsyncClient(base_url=upstream.url) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.get("search", timeout=httpx.Timeout(60, read=0.05))
        hanging = asyncio.create_task(http.get("search", timeout=None))
        await asyncio.to_thread(upstream.wait_for_calls, 2)
        upstream.stop()
        with pytest.raises(httpx.RemoteProtocolError, match="disconnected without sending a response"):
            await hanging


def test_delay(upstream: Upstream, http: httpx.Client) -> None:
    upstream.fail(faults.delay(0.1), times=1)
    start = time.monotonic()
    assert http.get("search").json() == LISTING
    assert time.monotonic() - start >= 0.1


def test_drip_passes_every_read_time_out(upstream: Upstream, http: httpx.Client) -> None:
    upstream.fail(faults.drip(0.001), times=1)
    start = time.monotonic()
    with http.stream("GET", "search") as answer:
        pieces = list(answer.iter_raw())
    assert b"".join(pieces) == httpx.Response(200, json=LISTING).content
    assert len(pieces) > 10
    assert time.monotonic() - start >= 0.001 * len(b"".join(pieces))


def test_oversized(upstream: Upstream, http: httpx.Client) -> None:
    upstream.fail(faults.oversized(3_000_000), times=1)
    answer = http.get("search")
    assert "content-length" not in answer.headers
    assert len(answer.content) == 3_000_000
    assert answer.json() == LISTING


def test_gzip_bomb(upstream: Upstream, http: httpx.Client) -> None:
    upstream.fail(faults.gzip_bomb(20_000_000), times=1)
    with http.stream("GET", "search") as answer:
        wire = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert len(wire) < 40_000
    assert len(gzip.decompress(wire)) == 20_000_000


def test_a_client_that_leaves_in_the_middle_is_no_error(upstream: Upstream, http: httpx.Client) -> None:
    upstream.fail(faults.oversized(50_000_000), times=1)
    with http.stream("GET", "search") as answer:
        next(answer.iter_raw())
    assert http.get("search").status_code == 200


def test_a_fault_of_ones_own(upstream: Upstream, http: httpx.Client) -> None:
    def lies_about_its_length(exchange: Exchange) -> None:
        exchange.begin(exchange.answer(), length=2)
        exchange.write(b"{}")

    upstream.fail(lies_about_its_length, times=1)
    assert http.get("search").json() == {}


def test_an_error_in_a_route_is_raised_at_the_end() -> None:
    broken = Upstream()

    @broken.get("search")
    def search(call: Call) -> object:
        raise LookupError("a mistake in the test")

    with (
        pytest.raises(LookupError, match="a mistake in the test"),
        broken,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        httpx.get(broken.url + "search")

    with pytest.raises(httpx.RemoteProtocolError) as caught, broken:
        httpx.get(broken.url + "search")
    assert "a mistake in the test" in caught.value.__notes__[0]


def test_stop_ends_every_thread_and_start_takes_the_same_port(upstream: Upstream, http: httpx.Client) -> None:
    others = [httpx.Client(base_url=upstream.url) for _ in range(5)]
    for other in others:  # kept-alive connections, each with its thread
        other.get("search")
    url = upstream.url
    upstream.stop()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("upstream")]
    with pytest.raises(httpx.ConnectError):
        http.get("search")
    upstream.start()
    assert upstream.url == url
    assert http.get("search").status_code == 200
    with pytest.raises(RuntimeError, match="already started"):
        upstream.start()
    for other in others:
        other.close()


def test_without_a_start_there_is_no_address() -> None:
    with pytest.raises(RuntimeError, match="before it is started"):
        _ = Upstream().url


def test_wait_for_calls_gives_up(upstream: Upstream) -> None:
    with pytest.raises(TimeoutError, match="0 calls instead of 1"):
        upstream.wait_for_calls(1, timeout=0.01)


async def test_a_hundred_calls_at_once(upstream: Upstream) -> None:
    async with httpx.AsyncClient(base_url=upstream.url) as http:
        answers = await asyncio.gather(*(http.get(f"photos/{number}") for number in range(100)))
    assert [answer.json()["id"] for answer in answers] == [str(number) for number in range(100)]
    assert len(upstream.calls) == 100

"""Records that consumers see: which of them are kept in memory."""

from typing import Any

from imagevault.cache.memory import MemoryCache
from imagevault.cache.store import encode
from imagevault.records import Image, Page, Rendition


def picture(id: str, length: int) -> Image:
    address = f"https://images.example/{id}/" + "x" * length
    return Image(id=id, renditions=[Rendition(name="original", url=address)] * 20)


async def test_records_of_ordinary_length_are_kept(start: Any) -> None:
    """Four thousand of the longest would take 400 MB of each worker."""
    api = await start({"PEXELS_API_KEY": "k" * 20})
    gateway = api.services.gateway
    provider = gateway.providers["pexels"]
    ordinary, long = picture("1", 100), picture("2", 2000)

    assert gateway.record(provider, ordinary) is gateway.record(provider, ordinary)
    assert gateway.record(provider, long) is not gateway.record(provider, long)
    assert gateway.record(provider, long) == gateway.record(provider, long)


def test_pages_of_ordinary_length_stay_decoded() -> None:
    memory = MemoryCache()
    ordinary = encode(Page([picture(f"{number}", 100) for number in range(80)]))
    long = encode(Page([picture(f"{number}", 2000) for number in range(80)]))

    assert memory.decode(ordinary) is memory.decode(ordinary)
    assert memory.decode(long) is not memory.decode(long)
    assert memory.decode(long) == memory.decode(long)

"""The sources that plugins in tests are made of."""

HEAD = """
from pathlib import Path
import msgspec
from imagevault import Image, Page, ProviderInfo, Quota, hookimpl
"""
INFO = """
@hookimpl
def provider_info():
    return ProviderInfo(title="Acme", page_size=10)
"""
SEARCH = """
@hookimpl
async def search_images(query):
    return Page([Image(id=query.text)])
"""
KEYED = """
class Settings(msgspec.Struct, frozen=True):
    api_key: str
    tier: int = 1

@hookimpl
def provider_info():
    return ProviderInfo(title="Acme", page_size=10, settings=Settings)
"""
GOOD = HEAD + INFO + SEARCH

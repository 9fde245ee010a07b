"""The settings that every provider has: the host reads them, and the plugin does not see them."""

from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo


class HostSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of `[providers.NAME]`, and the variables `NAME_KEY`, that the host reads itself.

    All other keys are the plugin's.
    """

    enabled: Annotated[bool, Meta(description="false disables the provider")] = True
    base_url: Annotated[str | None, Meta(description="another address of the upstream: a mirror, a simulation")] = None
    allow_http: Annotated[
        bool,
        Meta(description="true allows a base_url of http beyond this machine; calls and key go unencrypted"),
    ] = False
    files_path: Annotated[
        str | None,
        Meta(description="path at the host of base_url below which it has the files too: PATH/HOST/REST-OF-ADDRESS"),
    ] = None
    timeout: Annotated[
        Annotated[float, Meta(ge=0.1, le=30)] | None,
        Meta(
            description="seconds that a search waits for a call; replaces the provider's own timeout; 3 if it declares "
            "none"
        ),
    ] = None
    quota: Annotated[
        tuple[str, ...],
        Meta(description="allowed calls, such as 5000/hour; replaces the declared quota for that period"),
    ] = ()
    cache_for: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="seconds a page is fresh, within its terms")
    ] = None
    page_size: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="images requested per call")] = None


HOST_FIELDS: dict[str, FieldInfo] = {field.name: field for field in msgspec.structs.fields(HostSettings)}

"""Licences: what they allow, and the Creative Commons licences by their addresses."""

import re

import msgspec


class _LicenseName(msgspec.Struct, frozen=True):
    """The part of a `License` that may be given by position."""

    id: str
    name: str
    url: str | None = None


class License(_LicenseName, frozen=True, kw_only=True):
    """A licence and what it allows. `id`, `name` and `url` may be given by position, the flags by keyword only.

    Attributes:
        id: stable and lowercase: `cc-by-4.0`, `cc0-1.0`, `pdm-1.0`, or a provider's own, such as `pexels`.
        name: as people write it: `CC BY 4.0`.
        url: where its text is.
        attribution_required: whether the licence itself asks for credit.
        commercial: whether it allows commercial use; False where that is not known.
        modification: whether it allows publishing changed versions; False where that is not known.

    """

    attribution_required: bool = False
    commercial: bool = True
    modification: bool = True

    @property
    def is_public_domain(self) -> bool:
        """Whether no right is reserved: CC0, a public domain mark, or another statement of the public domain."""
        return self.id == PUBLIC_DOMAIN_ID or self.id.startswith(("cc0-", "pdm-"))

    @property
    def is_unknown(self) -> bool:
        """Whether the rights are unclear."""
        return self.id == UNKNOWN_ID

    @classmethod
    def unknown(cls, statement: str, url: str | None = None) -> "License":
        """Unclear rights. Consumers see the provider's statement, and no licence filter matches.

        Args:
            statement: what the provider says, such as `Copyright undetermined`.
            url: where that is explained.

        """
        return cls(UNKNOWN_ID, statement, url, commercial=False, modification=False)

    @classmethod
    def public_domain(cls, statement: str, url: str | None = None) -> "License":
        """A statement of the public domain without a mark of Creative Commons. `license=public-domain` matches it.

        Args:
            statement: what the provider says, such as `No known copyright restrictions`.
            url: where that is explained.

        """
        return cls(PUBLIC_DOMAIN_ID, statement, url)

    @classmethod
    def from_url(cls, url: str) -> "License | None":
        """The Creative Commons licence or public domain mark at this address; None if it is neither.

        Accepts the port of a country (`/by/2.0/de/`), a deed or legalcode page, and `http:`. The id has its parts in
        one order: `/by-nd-nc/1.0/` is `cc-by-nc-nd-1.0`.
        Words behind the address may take back what it says, so only the address itself is a licence.
        Source of the forms: https://creativecommons.org/licenses/ and /publicdomain/.
        """
        found = _CREATIVE_COMMONS.fullmatch(url.strip().lower())
        if found is None:
            return None
        version = found["license"] or found["dedication"]
        if found["mark"] == "zero":
            return cls(f"cc0-{version}", f"CC0 {version}", f"{_PUBLIC_DOMAIN}/zero/{version}/")
        if found["mark"] == "mark":
            return cls(f"pdm-{version}", f"Public Domain Mark {version}", f"{_PUBLIC_DOMAIN}/mark/{version}/")
        return _creative_commons(found["code"], version, found["port"])


def _creative_commons(code: str, version: str, port: str | None) -> License:
    """Return the licence with this code (`by-nc-sa`), version (`2.0`) and port (`de`)."""
    conditions = code.split("-")
    if code == "by-nd-nc":
        code = "by-nc-nd"
    # Version 1.0 alone has its page under the old order: https://creativecommons.org/licenses/by-nd-nc/1.0/
    path = "by-nd-nc" if code == "by-nc-nd" and version == "1.0" else code
    return License(
        id=f"cc-{code}-{version}-{port}" if port else f"cc-{code}-{version}",
        name=f"CC {code.upper()} {version} {port.upper()}" if port else f"CC {code.upper()} {version}",
        url=f"https://creativecommons.org/licenses/{path}/{version}/{port + '/' if port else ''}",
        attribution_required=True,
        commercial="nc" not in conditions,
        modification="nd" not in conditions,
    )


UNKNOWN_ID = "unknown"
PUBLIC_DOMAIN_ID = "public-domain"
_PUBLIC_DOMAIN = "https://creativecommons.org/publicdomain"
# http://creativecommons.org/licenses/by-sa/2.0/de/deed.en, //creativecommons.org/publicdomain/zero/1.0/
_CREATIVE_COMMONS = re.compile(
    r"(?:https?:)?//(?:www\.)?creativecommons\.org/"
    r"(?:licenses/(?P<code>by(?:-nc|-nd|-sa|-nc-nd|-nd-nc|-nc-sa)?)/(?P<license>[1-4]\.0|2\.[15])"
    r"|publicdomain/(?P<mark>zero|mark)/(?P<dedication>1\.0))"
    r"(?:/(?P<port>[a-z]{2}|igo|scotland))?"
    r"(?:/(?:deed|legalcode|rdf)(?:[.-][a-z_-]{2,20})?)?/?"
    r"(?:[?#]\S*)?"
)

"""What the pages of the simulated Wikimedia Commons say of their files, in the manner of the real ones."""

import html
from collections.abc import Mapping
from typing import Any

from imagevault.testing.upstreams.subjects import capitalized

FIRST_FLICKR_ID = 40_000_000_000
HIDDEN = '<div style="display: none;">creator QS:P170,Q4233718</div>'
TABLE = (
    '<table class="vcard"><tr><th>Gus Example (1832-1883)</th></tr>'
    "<tr><td>Description</td><td>English painter</td></tr></table>"
)
DERIVATIVE = (
    '<ul>\n<li><a href="//commons.wikimedia.org/wiki/File:Pier.jpg" title="File:Pier.jpg">Pier.jpg</a>: '
    '<a rel="nofollow" class="external text" href="https://www.flickr.com/people/10000001@N00">Ada Lind</a></li>\n'
    '<li>derivative work: <a href="//commons.wikimedia.org/wiki/User:Hal" title="User:Hal">Hal</a> '
    '(<a href="//commons.wikimedia.org/wiki/User_talk:Hal" title="User talk:Hal">talk</a>)</li>\n</ul>'
)
ORIGINAL_UPLOADER = (
    'The original uploader was <a href="https://en.wikipedia.org/wiki/it:User:Ivo" class="extiw">Ivo</a> at '
    '<a href="https://en.wikipedia.org/wiki/it:" class="extiw">Italian Wikipedia</a>.'
)
ARTISTS = (
    "Ada Lind",
    '<a href="//commons.wikimedia.org/wiki/User:Bo_%26_Co" title="User:Bo &amp; Co">Bo &amp; Co</a>',
    '<a href="//commons.wikimedia.org/w/index.php?title=User:Cleo&amp;action=edit&amp;redlink=1" class="new">Cleo</a>',
    f'<bdi><a href="https://en.wikipedia.org/wiki/Dov?a=1&amp;b=2" class="x">Dov <b>Amsel</b></a>\n</bdi>{HIDDEN}',
    '<div class="fn value">\nEve Sand</div>',
    "Fay (fay@mail.example)",
    None,
    f"<span>{HIDDEN}</span>",
    TABLE,
    DERIVATIVE,
    "This file is lacking author information.",
    ORIGINAL_UPLOADER,
    '<a href="https://www.wikidata.org/wiki/Q4233718">Unknown author</a><span style="display: none;">Unknown</span>',
)
CREDITS = (
    '<span class="int-own-work" lang="en">Own work</span>',
    '<a rel="nofollow" class="external free" href="https://museum.example/object/7">https://museum.example/object/7</a>',
    '<a rel="nofollow" class="external text" href="https://www.flickr.com/photos/adalind/{flickr_id}/">Harbour</a>',
    "",
)
DATES = (
    "2015-09-12 13:51:49",
    '1891<div style="display: none;">date QS:P,+1891-00-00T00:00:00Z/9</div>',
    "circa 1925",
    None,
)
CC = "https://creativecommons.org/"
LICENSES: tuple[Mapping[str, str], ...] = (
    {"License": "cc-by-sa-4.0", "LicenseShortName": "CC BY-SA 4.0", "LicenseUrl": f"{CC}licenses/by-sa/4.0"},
    {"License": "cc-by-sa-3.0-de", "LicenseUrl": f"{CC}licenses/by-sa/3.0/de/deed.en"},
    {
        "License": "cc0",
        "LicenseShortName": "CC0",
        "LicenseUrl": "http://creativecommons.org/publicdomain/zero/1.0/deed.en",
    },
    {"License": "pd", "LicenseShortName": "Public domain", "AttributionRequired": "false"},
    {"License": "gfdl", "LicenseShortName": "GFDL", "LicenseUrl": "http://www.gnu.org/copyleft/fdl.html"},
    {"License": "cc-by-2.5", "LicenseShortName": "CC BY 2.5"},
    {"LicenseShortName": "Attribution", "AttributionRequired": "true", "Restrictions": "trademarked|insignia"},
    {"License": "pd", "LicenseShortName": "Public domain", "AttributionRequired": "true"},
)


def metadata(number: int, subject: str = "") -> dict[str, Any]:
    """Return the values of `extmetadata`."""
    if number % 50 == 17:
        return {}
    title = html.escape(capitalized(subject) or "Quiet", quote=False)
    shown = html.escape(capitalized(subject) or "Boats", quote=False)
    values: dict[str, Any] = {
        "Artist": ARTISTS[number % len(ARTISTS)],
        "Attribution": "Photo: Ada Lind / <b>Harbour Office</b>" if number % len(ARTISTS) == 0 else None,
        "Credit": CREDITS[number % len(CREDITS)].format(flickr_id=FIRST_FLICKR_ID + number),
        "DateTime": "2015-10-31 23:00:49",
        "DateTimeOriginal": DATES[number // 2 % len(DATES)],
        "ObjectName": None if number % 9 == 4 else f"<i>{title}</i> Harbour &amp; Pier {number}{HIDDEN}",
        "ImageDescription": None if number % 9 == 5 else f"{shown} at <a href='/wiki/Pier'>pier</a> {number}",
        "CommonsMetadataExtension": 1.2,
        "Categories": "Harbours|Piers",
        "Restrictions": "",
        **LICENSES[number // 3 % len(LICENSES)],
    }
    return {key: value for key, value in values.items() if value is not None}

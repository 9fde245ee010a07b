"""Examples of answers of the ledger, for the API document."""

EXAMPLE = {
    "id": "5d2f1c3a-7a58-4f0e-9d3b-0e6c2a9b7f41",
    "image": "pexels:2014422",
    "provider": "pexels",
    "url": "https://images.pexels.com/photos/2014422/pexels-photo-2014422.jpeg",
    "rendition": "original",
    "width": 3024,
    "height": 3024,
    "title": "Brown rocks during golden hour",
    "author": {"name": "Joey Farina", "url": "https://www.pexels.com/@joey"},
    "source_url": "https://www.pexels.com/photo/brown-rocks-during-golden-hour-2014422/",
    "license": {
        "id": "pexels",
        "name": "Pexels License",
        "url": "https://www.pexels.com/license/",
        "attribution_required": False,
        "commercial": True,
        "modification": True,
    },
    "passport": {
        "declared_by": "provider",
        "field": None,
        "words": None,
        "fetched_at": "2026-11-23T09:30:41Z",
        "record_sha256": "3f0d7d2a8f5b9a7c5b2b1e6f4c7a9d8e0f1a2b3c4d5e6f708192a3b4c5d6e7f8",
    },
    "attribution": {"text": "Photo by Joey Farina on Pexels", "html": "...", "markdown": "..."},
    "stated_by_caller": [],
    "project": "autumn-brochure",
    "note": None,
    "created_at": "2026-11-23T09:31:00Z",
    "status": None,
    "checked_at": None,
    "change": None,
    "file": None,
}
EXAMPLE_PROOF = {
    **EXAMPLE,
    "file": {
        "size": 48213,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "type": "image/jpeg",
    },
    "record": '{"alt":"Brown rocks during golden hour","author":{"name":"Joey Farina"}}',
}
NEW_EXAMPLE = {"image": "local:mountain-lake.jpg", "project": "atlas"}
EXAMPLE_TAKEN = {
    "image": "pexels:2014422",
    "downloads": 2,
    "first_at": "2026-11-23T09:31:00Z",
    "last_at": "2026-11-28T17:02:11Z",
}
EXAMPLE_PROJECT = {"project": "autumn-brochure", "downloads": 12, "last_at": "2026-11-28T17:02:11Z"}

EXAMPLE_CREDIT = {
    "image": "pexels:2014422",
    "provider": "pexels",
    "title": "Brown rocks during golden hour",
    "author": "Joey Farina",
    "author_url": "https://www.pexels.com/@joey",
    "source_url": "https://www.pexels.com/photo/brown-rocks-during-golden-hour-2014422/",
    "file_url": "https://images.pexels.com/photos/2014422/pexels-photo-2014422.jpeg",
    "license": "pexels",
    "license_name": "Pexels License",
    "license_url": "https://www.pexels.com/license/",
    "text": "Photo by Joey Farina on Pexels (Pexels License)",
    "html": (
        'Photo by <a href="https://www.pexels.com/@joey">Joey Farina</a> on <a href="https://www.pexels.com/">Pexels</a>'
        ' (<a href="https://www.pexels.com/license/">Pexels License</a>)'
    ),
    "markdown": (
        "Photo by [Joey Farina](https://www.pexels.com/@joey) on [Pexels](https://www.pexels.com/)"
        " ([Pexels License](https://www.pexels.com/license/))"
    ),
    "project": None,
    "taken_at": None,
    "status": None,
    "account": None,
}

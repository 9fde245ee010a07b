"""Examples of answers of the search, for the API document."""

from typing import Any

EXAMPLE_IMAGE: dict[str, Any] = {
    "id": "pexels:2014422",
    "provider": "pexels",
    "title": "Brown rocks during golden hour",
    "alt": "Brown rocks during golden hour",
    "description": None,
    "date": None,
    "extra": {},
    "width": 3024,
    "height": 3024,
    "color": "#978E82",
    "blurhash": None,
    "tags": [],
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
    "flags": {"ai_generated": None, "ai_training_refused": None, "sensitive": None, "restrictions": []},
    "attribution": {
        "text": "Photo by Joey Farina on Pexels",
        "html": 'Photo by <a href="https://www.pexels.com/@joey">Joey Farina</a> on <a href="...">Pexels</a>',
        "markdown": "Photo by [Joey Farina](https://www.pexels.com/@joey) on [Pexels](...)",
    },
    "hotlink": "allowed",
    "also_from": [],
    "also_at": [],
    "license_conflict": False,
    "preview": {
        "url": "https://images.pexels.com/photos/2014422/pexels-photo-2014422.jpeg?h=350",
        "width": 350,
        "height": 350,
        "type": "image/jpeg",
    },
    "renditions": [
        {
            "name": "small",
            "url": "https://images.pexels.com/photos/2014422/pexels-photo-2014422.jpeg?h=350",
            "width": 350,
            "height": 350,
            "type": "image/jpeg",
        },
        {
            "name": "original",
            "url": "https://images.pexels.com/photos/2014422/pexels-photo-2014422.jpeg",
            "width": 3024,
            "height": 3024,
            "type": "image/jpeg",
        },
    ],
}
EXAMPLE_STATUS = {
    "name": "pexels",
    "status": "ok",
    "total": 8000,
    "cache": "miss",
    "emulated": [],
    "hints_ignored": [],
    "undeclared": [],
    "retry_after": None,
    "detail": None,
}
EXAMPLE_SEARCH = {"images": [EXAMPLE_IMAGE], "providers": [EXAMPLE_STATUS], "next": "W1siLi4uIl1d"}
EXAMPLE_LOOKUPS = {
    "images": [
        {"id": "pexels:2014422", "status": "ok", "detail": None, "image": EXAMPLE_IMAGE},
        {"id": "pexels:1", "status": "not_found", "detail": "Pexels has no image 1.", "image": None},
    ]
}
EXAMPLE_PROVIDERS = {
    "providers": [
        {
            "name": "pexels",
            "title": "Pexels",
            "homepage": "https://www.pexels.com",
            "state": "ok",
            "quota": "ok",
            "notice": "Photos provided by Pexels",
            "hotlink": "allowed",
            "page_size": 80,
            "max_results": None,
            "filters": {"orientation": ["landscape", "portrait", "square"]},
            "emulated": ["license"],
            "declares": [],
            "sorts": [],
            "parameters": {},
            "paging": "number",
            "aggregator": False,
            "terms": {
                "url": "https://www.pexels.com/api/documentation/",
                "checked_on": "2026-11-22",
                "age": 7,
                "is_old": False,
                "automated_use": "free",
                "ml_use": None,
                "evaluation": None,
            },
            "reason": None,
            "source": None,
            "standing": None,
            "downloads_waiting": None,
            "oldest_waiting": None,
        }
    ],
    "failures": [],
    "problems": [],
    "cache": None,
}

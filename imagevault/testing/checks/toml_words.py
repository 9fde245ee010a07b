"""The messages of the suite in the words of a TOML file, where they name what a Python module writes."""

# Words of a message -> what stands there for a TOML file. The first that fits wins.
WORDS = {
    "send query.page, or query.page - 1 where the upstream counts from 0": "send {page}, or {page_from_0}",
    "send (query.page - 1) * query.per_page, and 1 more where the upstream counts from 1": "send {offset}",
    "compute offsets from query.page - 1 and query.per_page": "send {offset} and {per_page}",
    "compute offsets from query.per_page": "send {offset} and {per_page}",
    "pass query.text in `params`": "send {text} in [search.query]",
    "query.native['sort']": "{sort}",
    "query.parameters": "{parameters.NAME}",
    "query.per_page": "{per_page}",
    "query.token": "{token}",
    "query.page": "{page}",
    "pass HTML through imagevault.text_of": "write html(...) around the path",
    "give License(...) a url, or use License.unknown(statement) for unclear rights": (
        'give it a url in [image.license.values], or set otherwise = "unknown" for unclear rights'
    ),
    "mend that, or declare the field with a default and leave such records out yourself": (
        "mend that, or leave such records out by image.when"
    ),
    "use Rendition.within": "write fit = [width, height]",
    "fixed_page_size=True": "fixed_page_size = true",
    "tells_sizes=False": "tells_sizes = false",
    "aggregator=True": "aggregator = true",
    "set last=True on the last page only": "give search.last",
    "set last on the page where the upstream ends": "give search.last or search.total",
    "take the end from the upstream": "give search.last or search.total",
    "search_images": "[search]",
    "fetch_image": "[lookup]",
}


def in_words_of_toml(message: str) -> str:
    """Return a message of the suite as it suits the author of a TOML file."""
    for python, toml in WORDS.items():
        message = message.replace(python, toml)
    return message

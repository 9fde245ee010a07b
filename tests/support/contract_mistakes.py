"""Mistakes that authors make, for the test that the contract suite finds each one and says what to change.

A row holds the mistake, the test of the contract that finds it, the change that makes it in the source of an example
provider, and words of the message.
"""

from typing import NamedTuple

from tests.support.example_providers import Change


class Mistake(NamedTuple):
    """One mistake.

    Attributes:
        name: what the author did.
        check: the test of `ProviderContract` that finds it.
        changes: the pieces of the source, and what stands there instead.
        words: what the message contains.
        example: the example provider that is changed.

    """

    name: str
    check: str
    changes: tuple[Change, ...]
    words: str
    example: str = "tiny"


LOADS = "test_loads_with_these_settings"
SETTING = "test_names_a_setting_that_is_missing"
INFO = "test_declares_what_the_gateway_must_know"
RECORD = "test_every_record_is_whole"
SECRETS = "test_keys_and_refs_are_not_shown"
PAGES = "test_pages_follow_without_repeat"
SIZES = "test_pages_are_as_large_as_asked"
TOKENS = "test_a_token_leads_to_its_page"
NOTHING = "test_nothing_found_is_an_answer"
STABLE = "test_ids_are_stable"
LOOKUP = "test_an_image_is_looked_up_again_by_its_id"
UNKNOWN = "test_an_unknown_id_is_none"
DOWNLOAD = "test_a_download_is_told"
WORDS = "test_words_arrive_as_they_are"
FILTERS = "test_native_filters_are_sent"
SORTS = "test_sorts_and_parameters_are_sent"
CALLS = "test_calls_no_other_host"
WAITS = "test_nothing_else_waits_for_it"
BAD = "test_a_bad_record_is_left_out_alone"
FAILS = "test_every_failure_has_its_name"


def change(old: str, new: str, *more: Change) -> tuple[Change, ...]:
    """Return one change, and more."""
    return ((old, new), *more)


# Pieces of the source of tiny
KEY = "    api_key: str\n"
QUOTA = 'Quota(100, "hour", remaining="X-Left", reset="X-Reset")'
HOSTS = '{"files.tiny.example"}'
SEARCH_CALL = 'await http.get("find", params=params, headers={"X-Key": settings.api_key})'
BLOCKING_CALL = 'httpx.get(f"{http.base_url}find", params=params, headers={"X-Key": settings.api_key})'
OFFSET = '"offset": offset'
FIRST = "(query.page - 1) * query.per_page"
SIZE = '"size": query.per_page'
EACH = "    photos = decode_each(listing.photos, _Photo)\n"
IMAGES = "    images = [_image(photo) for photo in photos]\n"
LAST = "last=not listing.more"
TOTAL = "total=listing.total"
LOOKUP_CALL = """\
    response = await http.get(f"photos/{quote(image_id, safe='')}", headers={"X-Key": settings.api_key})
"""
LOOKED_UP = "    return _image(decode(response, _Photo))\n"
RAISE = "    response.raise_for_status()\n"
REPORT = '    response = await http.post(image.ref or "", headers={"X-Key": settings.api_key})\n' + RAISE
ID = "id=photo.id,"
TITLE = "title=text_of(photo.title),"
PAGE_LINK = 'f"https://tiny.example/photos/{photo.id}"'
AUTHOR = 'author=Author(photo.by, f"https://tiny.example/people/{quote(photo.by)}"),'
LICENSE = "        license=License.from_url(photo.rights),\n"
FILE_LINK = '"https://files.tiny.example/{photo.id}.jpg"'
SMALL = """\
            Rendition.within("small", f"https://files.tiny.example/{photo.id}/s", size, (320, math.inf)),
"""
ORIGINAL = """\
            Rendition.within("original", f"https://files.tiny.example/{photo.id}.jpg", size, size),
"""
SMALL_OF = '            Rendition(name="small", url="https://files.tiny.example/1", '
INVENTED = "_image(_Photo('x', '', 'Cy', '', 9, 9))"
DECODE_WITH_DEFAULTS = """\
    photos = []
    for each in listing.photos:
        known = msgspec.json.decode(each)
        known.setdefault('id', 'cat0')
        known = {'title': '', 'by': '', 'width': 9, 'height': 9, 'rights': '', **known}
        photos.append(msgspec.convert(known, _Photo))
"""
OWN_LICENSE = 'license=License("{id}", "Ours", "https://tiny.example/licence"),'

DECLARED = [
    Mistake(
        "the test class lacks a setting",
        LOADS,
        change(KEY, KEY + "    secret: str\n"),
        "with the `settings` of this test: TINY_SECRET is not set",
    ),
    Mistake(
        "a hook is misspelt",
        LOADS,
        change("async def fetch_image", "async def fetch_imag"),
        "there is no hook fetch_imag. Did you mean fetch_image?",
    ),
    Mistake(
        "provider_info is a coroutine",
        LOADS,
        change("def provider_info", "async def provider_info"),
        "provider_info must be a plain function: def provider_info",
    ),
    Mistake(
        "search_images is a plain function",
        LOADS,
        change("async def search_images", "def search_images", ('await http.get("find"', 'http.get("find"')),
        "search_images must be a coroutine: async def search_images",
    ),
    Mistake(
        "provider_info returns a dict",
        LOADS,
        change("    return ProviderInfo(", "    return dict("),
        "provider_info must return a ProviderInfo, not dict",
    ),
    Mistake(
        "the key has a default, but nothing works without it",
        SETTING,
        change(KEY, '    api_key: str = ""\n'),
        "api_key has a default, but every search without it is unauthorized: remove the default of api_key",
    ),
    Mistake(
        "no quota",
        INFO,
        change(QUOTA, ""),
        "quotas: none is declared: add a Quota with the number of calls that the service allows",
    ),
    Mistake(
        "a header of a quota is misspelt",
        INFO,
        change('"X-Left"', '"X-Lft"'),
        "quotas: no answer had the header X-Lft of the quota per hour: correct the name",
    ),
    Mistake(
        "the header of the reset is misspelt",
        INFO,
        change('"X-Reset"', '"X-Rest"'),
        "quotas: no answer had the header X-Rest of the quota per hour: correct the name",
    ),
    Mistake(
        "two quotas for an hour",
        LOADS,
        change(QUOTA, QUOTA + ', Quota(9, "hour")'),
        "quotas: 2 are declared per hour; keep only the smallest",
    ),
    Mistake(
        "a quota of a length that is no period",
        LOADS,
        change(QUOTA, 'Quota(20, "10 seconds")'),
        "Quota: period must be one of second, minute, hour, day, month; give another length as seconds=10",
    ),
    Mistake(
        "no file hosts",
        INFO,
        change(HOSTS, "frozenset()"),
        "file_hosts: none is declared: add the hosts that the links of the renditions lead to",
    ),
    Mistake(
        "a file host with its scheme",
        LOADS,
        change(HOSTS, '{"https://files.tiny.example"}'),
        "file_hosts: https://files.tiny.example is not a host name; give the name alone",
    ),
    Mistake(
        "any file host, without being an aggregator",
        LOADS,
        change(HOSTS, '{"*"}'),
        "file_hosts: * is any host, which only an aggregator has; name its hosts",
    ),
    Mistake(
        "the homepage is http",
        INFO,
        change('"https://tiny.example",', '"http://tiny.example",'),
        "homepage: http://tiny.example does not start with https://: change it to an https address",
    ),
    Mistake(
        "no address of the API",
        LOADS,
        change('        base_url="https://api.tiny.example/v1/",\n', ""),
        "provider_info: base_url: is missing; give the https address of the API (only a provider with the hook "
        "open_file has none)",
    ),
    Mistake(
        "the API is called by http",
        LOADS,
        change('"https://api.tiny', '"http://api.tiny'),
        "base_url: http://api.tiny.example/v1/ does not start with https://; give the https address",
    ),
    Mistake(
        "max_results is less than a page",
        INFO,
        change("max_results=None", "max_results=5"),
        "max_results: 5 is less than page_size, which is 10: give the number of results of all pages together",
    ),
    Mistake(
        "min_page_size is more than page_size",
        INFO,
        change("page_size=10", "page_size=10, min_page_size=11"),
        "min_page_size: 11 is more than page_size, which is 10: give the smallest page",
    ),
    Mistake(
        "the credit line has an unknown field",
        LOADS,
        change("{title} by {author}", "{name}"),
        "credit: there is no field {name}: use {title}, {author} and {license}",
    ),
    Mistake(
        "the credit line has an open brace",
        LOADS,
        change("{title} by {author}, ", "{title"),
        "'{title{license}' is not a template (unexpected '{' in field name): close every brace",
    ),
    Mistake(
        "a filter's value is the provider's word",
        LOADS,
        change('{"landscape"', '{"wide"'),
        "filters.orientation.wide: the filter has no such value. Use landscape, portrait or square, as callers do.",
    ),
    Mistake(
        "a filter's value is misspelt",
        LOADS,
        change('{"landscape"', '{"landscpe"'),
        "filters.orientation.landscpe: the filter has no such value. Did you mean landscape?",
    ),
    Mistake(
        "a filter is misspelt",
        LOADS,
        change('"orientation": {', '"orientaton": {'),
        "filters.orientaton: there is no such filter. Did you mean orientation?",
    ),
    Mistake(
        "a filter has a name of its own",
        LOADS,
        change('"orientation": {', '"shape": {'),
        "filters.shape: there is no such filter. There are: orientation, size, lic",
    ),
    Mistake(
        "a colour has a name of its own",
        INFO,
        change('{"red"', '{"crimson"'),
        "filters: color has no value crimson: use black, white, gray, red",
    ),
    Mistake(
        "a locale is the name of a language",
        INFO,
        change('{"de-DE"', '{"german"'),
        "filters: locale german is not a language tag: use a tag like de",
    ),
    Mistake(
        "an order that no consumer knows",
        LOADS,
        change("max_results=None", 'sorts={"best": "best"}'),
        "sorts: each key must be one of newest, oldest, popular, relevance, not 'best'",
    ),
    Mistake(
        "a parameter with neither values nor a pattern",
        LOADS,
        change("max_results=None", 'parameters={"era": Parameter(description="When.")}'),
        "parameters: era: needs either values or a pattern",
    ),
    Mistake(
        "terms without a day",
        LOADS,
        change("max_results=None", 'terms=Terms(url="https://tiny.example/terms", checked_on="last week")'),
        "terms: checked_on: must be the day on which the terms were read, such as 2026-11-22",
    ),
    Mistake(
        "an API host with its scheme",
        LOADS,
        change("max_results=None", 'api_hosts={"https://auth.tiny.example"}'),
        "api_hosts: https://auth.tiny.example is not a host name; give the name alone, in lower case, such as img.",
    ),
]

PAGE_OF_DICTS = change(IMAGES, IMAGES + "    images[0:1] = [{} for _ in images[0:1]]\n")
FAILING = change(IMAGES, IMAGES + "    images[99]\n")
FAILED = "search_images raised IndexError: list index out of range (tiny.py, line "
AFTER_ANOTHER_FAILURE = [
    *(
        Mistake(
            "a page of dicts", check, PAGE_OF_DICTS, "a page holds a dict, not an Image: put only Image(...) into Page"
        )
        for check in (PAGES, SIZES, FILTERS, BAD, STABLE)
    ),
    *(Mistake("a search that fails", check, FAILING, FAILED) for check in (FILTERS, WORDS, BAD, CALLS)),
    Mistake(
        "one id for all",
        BAD,
        change(ID, "id='cat',"),
        "two images of a page have the id cat: take the id that the service gives to each image",
    ),
    Mistake(
        "a filter's word that the service refuses",
        FILTERS,
        change("**query.native", '**query.native, **({"size": "x"} if query.native else {})'),
        "orientation=landscape, sent as 'wide', raised ",
    ),
]

RECORDS = [
    Mistake(
        "a field that many records have in another form",
        RECORD,
        change(
            "import math\n",
            "import math\nfrom typing import Annotated\n",
            ("    rights: str", "    rights: Annotated[str, msgspec.Meta(max_length=48)]"),
        ),
        "5 of 10 records of page 1 are dropped: Expected `str` of length <= 48 - at `$.rights`; mend that, or declare "
        "the field with a default and leave such records out yourself",
    ),
    Mistake(
        "a page of dicts",
        RECORD,
        change(IMAGES, IMAGES + "    images[0] = {}\n"),
        "a page holds a dict, not an Image: put only Image(...) into Page.images",
    ),
    Mistake(
        "one id for all",
        RECORD,
        change(ID, "id='cat',"),
        "two images of a page have the id cat: take the id that the service gives to each image",
    ),
    Mistake(
        "an id with a blank before it",
        RECORD,
        change(ID, "id=' ' + photo.id,"),
        "' cat0' was dropped: its id must be 1 to 200 printable characters",
    ),
    Mistake(
        "a width in words",
        RECORD,
        change("width=photo.width", "width='wide'"),
        "'cat0' was dropped: width: must be a whole number or None, not a text",
    ),
    Mistake(
        "the author is a text",
        RECORD,
        change(AUTHOR, "author=photo.by,"),
        "'cat0' was dropped: author: must be Author(...) or None, not a text",
    ),
    Mistake(
        "a rendition of a name of its own",
        RECORD,
        change('"small"', '"tiny"'),
        "renditions[0].name: must be one of large, medium, original, small, thumbnail, not 'tiny'",
    ),
    Mistake(
        "the page is a list",
        PAGES,
        change("Page(images, total=listing.total, last=not listing.more)", "images"),
        "search_images of tiny must return a Page, not list",
    ),
    Mistake(
        "a negative width",
        RECORD,
        change("width=photo.width", "width=-1"),
        "width -1 of cat0 was dropped: it is not valid; see Image.width in the reference",
    ),
    Mistake("no renditions", RECORD, change(SMALL + ORIGINAL, ""), "'cat0' was dropped: it has no renditions"),
    Mistake(
        "a file as a relative link, and no other",
        RECORD,
        change(SMALL, "", (ORIGINAL, ORIGINAL.replace(f"f{FILE_LINK}", '"1.jpg"'))),
        "no rendition has an http(s) link to a declared host; '1.jpg' is none",
    ),
    Mistake(
        "one file as a relative link",
        RECORD,
        change(f"f{FILE_LINK}", '"1.jpg"'),
        "a rendition of cat0 was dropped: original has no http(s) link; give a whole address",
    ),
    Mistake(
        "a colour by its name",
        RECORD,
        change('"#102030"', '"red"'),
        "color 'red' of cat0 was dropped: it is not valid; see Image.color in the reference",
    ),
    Mistake(
        "a relative link to the page",
        RECORD,
        change(PAGE_LINK, '"/photos/1"'),
        "source_url '/photos/1' of cat0 was dropped: it is not valid",
    ),
    Mistake(
        "no link to the page", RECORD, change(PAGE_LINK, "None"), "cat0 has no source_url: give the address of its page"
    ),
    Mistake(
        "the link to the page is http",
        RECORD,
        change(PAGE_LINK, '"http://tiny.example/1"'),
        "source_url of cat0 is not https: http://tiny.example/1; give an https address that works",
    ),
    Mistake(
        "the link to the author is http",
        RECORD,
        change('f"https://tiny.example/people', 'f"http://tiny.example/people'),
        "author.url of cat0 is not https",
    ),
    Mistake(
        "HTML as it is in a title",
        RECORD,
        change(TITLE, "title=photo.title,"),
        "title of cat0 holds markup: '<b>Cat</b> &amp; mouse 0'; texts are shown letter by letter: "
        "pass HTML through imagevault.text_of",
    ),
    Mistake(
        "an entity as it is in the alt text",
        RECORD,
        change(TITLE, "title='Cat', alt='&amp;',"),
        "alt of cat0 holds markup: '&amp;'; texts are shown letter by letter",
    ),
    Mistake(
        "str(None) as the alt text",
        RECORD,
        change(TITLE, "title='Cat', alt=str(None),"),
        "alt of cat0 is the text 'None': give None where the service has no value",
    ),
    Mistake(
        "an entity in the author's name",
        RECORD,
        change("Author(photo.by", 'Author("Ada &amp; Bo"'),
        "author of cat0 holds markup: 'Ada &amp; Bo'",
    ),
    Mistake(
        "no image has a size",
        RECORD,
        change(
            "width=photo.width",
            "width=None",
            ("height=photo.height", "height=None"),
            ("size, (320", "(0, 0), (320"),
            ("size, size)", "(0, 0), (0, 0))"),
        ),
        "no image has a size: give width and height, or declare tells_sizes=False if the service tells none",
    ),
    Mistake(
        "a height without a width",
        RECORD,
        change("width=photo.width", "width=None"),
        "cat0 has one side only: give both width and height, or neither",
    ),
    Mistake(
        "two renditions of one name",
        RECORD,
        change('"small"', '"original"'),
        "two renditions of cat0 have the same name: original, original; keep one of each name",
    ),
    Mistake(
        "small files only",
        RECORD,
        change(ORIGINAL, ""),
        "cat0 has neither a rendition `original` nor `large`: give the largest file that there is",
    ),
    Mistake(
        "a rendition with one side",
        RECORD,
        change(SMALL, SMALL_OF + "width=320),\n"),
        "rendition small of cat0 has one side only: give both width and height, or neither",
    ),
    Mistake(
        "a rendition higher than the image",
        RECORD,
        change(SMALL, SMALL_OF + "width=320, height=4000),\n"),
        "rendition small of cat0 is larger than the image: 320 x 4000; use Rendition.within",
    ),
    Mistake(
        "a rendition wider than the image",
        RECORD,
        change(SMALL, SMALL_OF + "width=4001, height=3),\n"),
        "rendition small of cat0 is larger than the image: 4001 x 3; use Rendition.within",
    ),
    Mistake(
        "an original of another size than the image",
        RECORD,
        change("size, size)", "size, (800, 800))"),
        "rendition original of cat0 is 800 x 600, but the image is 4000 x 3000: give both the same size",
    ),
    Mistake(
        "the original has a size, the image has none",
        RECORD,
        change("        height=photo.height,\n", "", ("        width=photo.width,\n", "")),
        "cat0 has no size, but its original has: give the image width=4000 and its height",
    ),
    Mistake(
        "a file on a host that is not declared",
        RECORD,
        change(f"f{FILE_LINK}", '"https://a.example/1"'),
        "add it to file_hosts",
    ),
    Mistake(
        "no licence", RECORD, change(LICENSE, ""), "cat0 has no licence: give it a License(...), or License.unknown("
    ),
    Mistake(
        "a licence's id in capitals",
        RECORD,
        change(LICENSE, OWN_LICENSE.format(id="Ours")),
        "the licence of cat0 has the id 'Ours': give it a stable id, for example cc-by-4.0",
    ),
    Mistake(
        "a licence without a link",
        RECORD,
        change(LICENSE, "license=License('tiny', 'Tiny'),"),
        "the licence tiny of cat0 has no link: give License(...) a url",
    ),
    Mistake(
        "unclear rights as a licence of that name",
        RECORD,
        change(LICENSE, "license=License('undetermined', 'Rights undetermined'),"),
        "give License(...) a url, or use License.unknown(statement) for unclear rights",
    ),
    Mistake(
        "a licence linked to another one",
        RECORD,
        change(LICENSE, "license=License('cc-by-4.0', 'CC', photo.rights),"),
        "the licence cc-by-4.0 of cat0 links to cc0-1.0: use License.from_url",
    ),
    Mistake(
        "CC0 without commercial use",
        RECORD,
        change(LICENSE, "license=License('cc0-1.0', 'CC0', photo.rights, commercial=False),"),
        "the licence cc0-1.0 of cat0 has commercial=False, which is wrong: use License.from_url",
    ),
    Mistake(
        "CC BY-NC with commercial use",
        RECORD,
        change(LICENSE, "license=License('cc-by-nc', 'CC BY-NC', 'https://a.example'),"),
        "the licence cc-by-nc of cat0 has commercial=True, which is wrong",
    ),
    Mistake(
        "CC BY-ND with modification",
        RECORD,
        change(LICENSE, "license=License('cc-by-nd', 'CC BY-ND', 'https://a.example'),"),
        "the licence cc-by-nd of cat0 has modification=True, which is wrong",
    ),
    Mistake(
        "CC BY without attribution",
        RECORD,
        change(LICENSE, "license=License('cc-by', 'CC BY', 'https://a.example'),"),
        "the licence cc-by of cat0 has attribution_required=False, which is wrong",
    ),
    Mistake(
        "the credit line without the author",
        RECORD,
        change("by {author}", "of Tiny"),
        "the credit of cat0 does not name its author: ",
    ),
    Mistake(
        "the credit line without the licence",
        RECORD,
        change(", {license}", ""),
        "the credit of cat1 does not name its licence, CC BY-NC 4.0: ",
    ),
    Mistake(
        "None in a credit line",
        RECORD,
        change(LICENSE, "credit=f'{None} by {photo.by}',\n" + LICENSE),
        "the credit of cat0 holds the word None: ",
    ),
    Mistake(
        "the key in the link to a file",
        SECRETS,
        change('/s"', '/s?key=test-key"'),
        "the record cat0 holds the secret 'test-key': remove it from every field",
    ),
    Mistake(
        "the ref is shown in another field",
        SECRETS,
        change('"photos/{photo.id}/taken"', '"https://tiny.example/photos/{photo.id}"'),
        "another field of cat0 holds its ref https://tiny.example/photos/cat0: keep it in `ref` only",
    ),
]

SEARCHES = [
    Mistake(
        "always the same page",
        PAGES,
        change(OFFSET, '"offset": 0'),
        "page 2 makes the same call as page 1: send query.page",
    ),
    Mistake(
        "the page under a name that the service does not know",
        PAGES,
        change(OFFSET, '"offset": 0, "page": query.page'),
        "page 2 repeats cat0, cat1, cat2: page changes nothing, so correct the name of the parameter",
    ),
    Mistake(
        "the offset counts pages",
        PAGES,
        change(FIRST, "query.page"),
        "page 2 repeats cat10, cat2, cat3: offset counts pages, but the upstream counts images by it: "
        "send (query.page - 1) * query.per_page",
    ),
    Mistake(
        "the offset is too small",
        PAGES,
        change(FIRST, "(query.page - 1) * 5"),
        "page 2 repeats cat5, cat6, cat7: offset leads too few images further: compute offsets from query.page - 1",
    ),
    Mistake(
        "the offset has another name",
        PAGES,
        change(OFFSET, '"from": offset'),
        "page 2 repeats cat0, cat1, cat2: from changes nothing, so correct the name of the parameter",
    ),
    Mistake(
        "one id for all",
        PAGES,
        change(ID, "id='cat',"),
        "two images of a page have the id cat: take the id that the service gives to each image",
    ),
    Mistake(
        "the first page is lost",
        PAGES,
        change(FIRST, "query.page * query.per_page"),
        "page 1 is not the first: a smaller offset finds cat0, which no page has; send (query.page - 1)",
    ),
    Mistake(
        "the first record is lost",
        PAGES,
        change(FIRST, "(query.page - 1) * query.per_page + 1"),
        "page 1 is not the first: a smaller offset finds cat0",
    ),
    Mistake(
        "the first page is lost, seen by smaller pages",
        SIZES,
        change(FIRST, "query.page * query.per_page"),
        "page 1 of 5 images has cat5, but page 1 of twice the size has not, so neither is the first",
    ),
    Mistake(
        "every second page is left out",
        PAGES,
        change(FIRST, "2 * (query.page - 1) * query.per_page"),
        "the pages hold 15 of 25 results: page 1 is not the first, or a page in between is left out",
    ),
    Mistake(
        "an attribute that does not exist",
        PAGES,
        change(IMAGES, IMAGES + "    images[3].x\n"),
        "page 1 of 'cat' raised AttributeError: 'Image' object has no attribute 'x' (tiny.py, line ",
    ),
    Mistake(
        "more images than asked for",
        PAGES,
        change(SIZE, '"size": 20'),
        "page 1 has 19 images, but 10 were asked for: send query.per_page",
    ),
    Mistake(
        "a short page counts as the last",
        PAGES,
        change(LAST, "last=len(photos) < query.per_page"),
        "page 2 says last=True, but page 3 has images: take the end from the upstream",
    ),
    Mistake(
        "no page is the last",
        PAGES,
        change(LAST, "last=False"),
        "no page of 'cat' says last=True: set last on the page where the upstream ends",
    ),
    Mistake("last is None", PAGES, change(LAST, "last=None"), "last of page 1 is None: give True or False"),
    Mistake(
        "total counts the images of the page",
        PAGES,
        change(TOTAL, "total=len(photos)"),
        "total of page 2 is 9, but 19 images were found: give the total of all pages, or None",
    ),
    Mistake(
        "total is a text",
        PAGES,
        change(TOTAL, "total='25'"),
        "total of page 1 is '25': give a number of 0 or more, or None",
    ),
    Mistake("total is negative", PAGES, change(TOTAL, "total=-1"), "total of page 1 is -1: give a number of 0 or more"),
    Mistake(
        "a next token, but pages have numbers",
        PAGES,
        change(LAST, f"{LAST}, next='2'"),
        "page 1 has a `next`, but pages have numbers: declare paging='token' in ProviderInfo",
    ),
    Mistake(
        "one page size whatever is asked",
        SIZES,
        change(SIZE, '"size": 10'),
        "page 1 has 10 images, but 5 were asked for: send query.per_page",
    ),
    Mistake(
        "offsets of one page size",
        SIZES,
        change("* query.per_page", "* 10"),
        "has cat10, but one page of twice the size has not: compute offsets from query.per_page",
    ),
    Mistake(
        "a page size that the service does not give",
        SIZES,
        change("page_size=10", "page_size=30"),
        "has cat20, but one page of twice the size has not: compute offsets from query.per_page, or lower page_size",
    ),
    Mistake(
        "an error where nothing is found",
        NOTHING,
        change(IMAGES, IMAGES + "    images[0]\n"),
        "a search that finds nothing raised IndexError: list index out of range (tiny.py, line ",
    ),
    Mistake(
        "nothing found, and more to come",
        NOTHING,
        change(LAST, "last=bool(photos) and not listing.more"),
        "a search that finds nothing says last=False: return Page([], last=True)",
    ),
]

LOOKUPS = [
    Mistake(
        "ids of its own, new in every search",
        STABLE,
        change(ID, "id=f'{time.monotonic_ns()}',"),
        "ids are not stable: the same search finds",
    ),
    Mistake(
        "ids of its own, looked up",
        LOOKUP,
        change(ID, "id=f'{time.monotonic_ns()}',"),
        "take the id that the service gives to each image, not a number of your own",
    ),
    Mistake(
        "no lookup",
        LOOKUP,
        change("@hookimpl\nasync def fetch_image", "async def _fetch_image"),
        "there is no hook fetch_image, so an image that left the cache cannot be downloaded: add it ([lookup] in TOML)"
        "; if the API has no such call, set has_lookup = False in the test class",
    ),
    Mistake(
        "the lookup finds nothing",
        LOOKUP,
        change(LOOKUP_CALL, "    return None\n"),
        "fetch_image('cat0') must return the image that the search found, but its outcome is None",
    ),
    Mistake(
        "the lookup raises NotFound",
        LOOKUP,
        change(LOOKUP_CALL, "    raise NotFound('no')\n"),
        "fetch_image('cat0') must return the image that the search found, but its outcome is NotFound('no')",
    ),
    Mistake(
        "the lookup returns another image",
        LOOKUP,
        change(LOOKED_UP, f"    return {INVENTED}\n"),
        "id of cat0 is cat0 in the search, but x in fetch_image: make both from the same function",
    ),
    Mistake(
        "the lookup has no author",
        LOOKUP,
        change(LOOKED_UP, "    return msgspec.structs.replace(_image(decode(response, _Photo)), author=None)\n"),
        "author of cat0 is Author(name='Ada & Bo', url='https://tiny.example/people/Ada%20%26%20Bo') in the search, ",
    ),
    Mistake(
        "an id is put into the path as it is",
        UNKNOWN,
        change("quote(image_id, safe='')", "image_id"),
        "fetch_image('../search') called /v1/search: put quote(image_id, safe='') into the path",
    ),
    Mistake(
        "an error for an unknown id",
        UNKNOWN,
        change(LOOKUP_CALL, LOOKUP_CALL + "    response.json()['id']\n"),
        "fetch_image must return None for the unknown id 'no such id', ",
    ),
    Mistake(
        "an invented image for an unknown id",
        UNKNOWN,
        change(LOOKED_UP, f"    if response.status_code == 404:\n        return {INVENTED}\n{LOOKED_UP}"),
        "fetch_image must return None for the unknown id 'no such id', not Image(",
    ),
]

CONDUCT = [
    Mistake(
        "the download is not reported",
        DOWNLOAD,
        change(REPORT, "    pass\n"),
        "image_downloaded made no call: report the download to the service with `http`",
    ),
    Mistake(
        "a failed report is hidden",
        DOWNLOAD,
        change(RAISE, ""),
        "image_downloaded must raise if its call fails: call response.raise_for_status()",
    ),
    Mistake(
        "the report calls a wrong address",
        DOWNLOAD,
        change('image.ref or "",', "image.id,"),
        "image_downloaded raised NotFound(",
    ),
    Mistake(
        "the words are put into the address",
        WORDS,
        change(SEARCH_CALL, SEARCH_CALL.replace('"find", params=params', 'f"find?q={query.text}"')),
        "the word a&b did not arrive unchanged: pass query.text in `params`",
    ),
    Mistake(
        "only ASCII letters are sent",
        WORDS,
        change("query.text", 'query.text.encode("ascii", "ignore").decode()'),
        "the word 日本 did not arrive unchanged: pass query.text in `params`",
    ),
    Mistake(
        "one answer is kept for all words",
        WORDS,
        change(
            SEARCH_CALL,
            SEARCH_CALL.replace("http.get(", "keep('page', lambda: http.get(").replace("})", "}), 60)"),
            ("settings: Settings) -> Page", "settings: Settings, keep: object) -> Page"),
        ),
        "the word 日本 did not arrive unchanged",
    ),
    Mistake(
        "filters are not sent",
        FILTERS,
        change(", **query.native}", "}"),
        "color: 'rot' of query.native was not sent: add it to the parameters",
    ),
    Mistake(
        "orders are not sent",
        SORTS,
        change("max_results=None", 'sorts={"newest": "new", "oldest": "old"}', (", **query.native}", "}")),
        "sorts: oldest makes the same call as newest: send query.native['sort']",
    ),
    Mistake(
        "a parameter is not sent",
        SORTS,
        change("max_results=None", 'parameters={"era": Parameter(description="When.", values=["old", "new"])}'),
        "parameters: era=old makes the same call as no value: send query.parameters",
    ),
    Mistake(
        "a call to another host",
        CALLS,
        change('"find"', '"https://other.example/find"'),
        "call paths relative to base_url, or declare the host in api_hosts",
    ),
    Mistake(
        "an error of its own, and not of the host",
        CALLS,
        change(IMAGES, IMAGES + "    {}['x']\n"),
        "search_images raised KeyError: 'x' (tiny.py, line ",
    ),
    Mistake(
        "a client of its own",
        CALLS,
        change(SEARCH_CALL, BLOCKING_CALL),
        "the provider calls its API with a client of its own, or not at all: make every call with the parameter `http`",
    ),
    Mistake("a call that blocks", WAITS, change(SEARCH_CALL, BLOCKING_CALL), "search_images blocks the server for 0."),
    Mistake(
        "an error before anything blocks",
        WAITS,
        change(IMAGES, IMAGES + "    {}['x']\n"),
        "(tiny.py, line ",
    ),
    Mistake(
        "a sleep that blocks",
        WAITS,
        change(LAST, LAST + " or time.sleep(0.3)"),
        "use asyncio.sleep, and run what blocks with asyncio.to_thread",
    ),
    Mistake(
        "one bad record loses the page",
        BAD,
        change(EACH, "    photos = [msgspec.json.decode(each, type=_Photo) for each in listing.photos]\n"),
        "one bad record loses the whole page: declare the list as list[msgspec.Raw] and use decode_each",
    ),
    Mistake(
        "one bad record loses another one",
        BAD,
        change(EACH, EACH + "    photos = photos[len(photos) < len(listing.photos) :]\n"),
        "one bad record loses 2 records: decode each record on its own with decode_each",
    ),
    Mistake(
        "a bad record is shown with invented values",
        BAD,
        change(EACH, DECODE_WITH_DEFAULTS),
        "a record without any of its fields is still on the page: give the fields that you read a type and no default",
    ),
]

# Pieces of the source of graph
AFTER = '"after": query.token,'
NEXT = "next=objects.cursor if objects.more else None,"
MATERIAL = "        **query.parameters,\n"
KEEP_CURSOR = "    await keep(f'place {query.page + 1}', lambda: _place(cursor), 60)\n"
FOUND = "    found = await _ask(http, settings, SEARCH, variables, _Found)\n"

BY_TOKEN = [
    Mistake(
        "the token is not sent",
        PAGES,
        change(AFTER, '"after": None,'),
        "page 2 makes the same call as page 1: send query.token",
        "graph",
    ),
    Mistake(
        "each page names itself",
        PAGES,
        change(NEXT, "next=query.token or objects.cursor,"),
        "page 2 names itself as the next one: give the token of its own answer as Page.next",
        "graph",
    ),
    Mistake(
        "the first page is lost",
        PAGES,
        change(
            FOUND,
            f"{FOUND}    if query.token is None:\n"
            "        variables['after'] = found.objects.cursor\n"
            "        found = await _ask(http, settings, SEARCH, variables, _Found)\n",
        ),
        "page 1 calls /graphql 2 times, page 2 1 times: is page 1 really the first?",
        "graph",
    ),
    Mistake(
        "no page names the next one",
        PAGES,
        change(NEXT, "last=not objects.more,"),
        "'cat' found only one page: set `query` of the test class to words that find more, or give Page.next",
        "graph",
    ),
    Mistake(
        "the token is a number",
        PAGES,
        change(NEXT, "next=10,"),
        "next of page 1 is 10: give the upstream's token as text of 1 to 4000 characters",
        "graph",
    ),
    Mistake(
        "an empty token at the end",
        PAGES,
        change(NEXT, 'next=objects.cursor or "",'),
        "next of page 3 is '': give the upstream's token as text",
        "graph",
    ),
    Mistake(
        "the key is in the token",
        SECRETS,
        change(NEXT, 'next=f"{objects.cursor}&key={settings.api_key}",'),
        "next of page 1 holds the secret 'test-key': give the token alone",
        "graph",
    ),
    Mistake(
        "the place in the walk is kept by one worker",
        TOKENS,
        change(
            AFTER,
            '"after": await keep(f"place {query.page}", _place, 60),',
            (FOUND, f"{FOUND}    cursor = found.objects.cursor\n{KEEP_CURSOR}"),
            ("settings: Settings) -> Page", "settings: Settings, keep: Keep) -> Page"),
            ("async def _ask(", "async def _place(cursor=None):\n    return cursor\n\n\nasync def _ask("),
        ),
        "page 2 is another one when a new worker asks for it with the same token: keep nothing between pages",
        "graph",
    ),
    Mistake(
        "an unknown token finds an empty page",
        TOKENS,
        change(
            FOUND,
            f"    try:\n    {FOUND}    except InvalidResponse:\n        return Page([])\n",
        ),
        "an unknown token finds a page: send query.token, and raise an error where the upstream refuses it",
        "graph",
    ),
    Mistake(
        "nothing found, and a next page",
        NOTHING,
        change(NEXT, 'next=objects.cursor or "start" if objects.more or not nodes else None,'),
        "a search that finds nothing names a next page: return Page([], next=None)",
        "graph",
    ),
    Mistake(
        "an order in the wrong word",
        SORTS,
        change('"YOUNGEST_FIRST"', '"YOUNGEST"'),
        "sorts: newest, sent as 'YOUNGEST', raised InvalidResponse('Graph Museum did not understand the query: ",
        "graph",
    ),
    Mistake(
        "the orders are not sent",
        SORTS,
        change('query.native.get("sort")', '"BEST"'),
        "sorts: newest makes the same call as relevance: send query.native['sort']",
        "graph",
    ),
    Mistake(
        "the parameters are not sent",
        SORTS,
        change(MATERIAL, ""),
        "parameters: material=clay makes the same call as no value: send query.parameters",
        "graph",
    ),
    Mistake(
        "the filter is not sent",
        FILTERS,
        change('query.native.get("orientation")', "None"),
        "orientation: 'WIDE' of query.native was not sent: add it to the parameters",
        "graph",
    ),
    Mistake(
        "the words are cut at a letter",
        WORDS,
        change('"text": query.text', '"text": query.text.split("&")[0]'),
        "the word a&b did not arrive unchanged",
        "graph",
    ),
    Mistake(
        "the words are put into the query document",
        WORDS,
        change(
            "    found = await _ask(http, settings, SEARCH,",
            '    document = SEARCH.replace("text: $text", f"text: \\"{query.text}\\"")\n'
            "    found = await _ask(http, settings, document,",
        ),
        "the words stand inside the GraphQL document: pass them in `variables`",
        "graph",
    ),
    Mistake(
        "unclear rights are no licence",
        RECORD,
        change(" or License.unknown(rights)", ""),
        "object-2 has no licence: give it a License(...), or License.unknown(statement) where the rights are unclear",
        "graph",
    ),
]

# Pieces of the source of feed
NUMBER = '"page": query.page'
MORE = 'last=found.get("more") != "yes",'
RECORDS_OF = 'drop_unreadable([_image_or_error(record) for record in found.findall("record")])'

BY_FEED = [
    Mistake(
        "the first page is lost",
        PAGES,
        change(NUMBER, '"page": query.page + 1'),
        "page 1 is not the first: a smaller page finds leaf0, which no page has; send query.page, or query.page - 1",
        "feed",
    ),
    Mistake(
        "the page is not sent",
        PAGES,
        change(NUMBER, '"page": 1'),
        "page 2 makes the same call as page 1: send query.page",
        "feed",
    ),
    Mistake(
        "every second page is left out",
        PAGES,
        change(NUMBER, '"page": 2 * query.page - 1'),
        "the pages hold 36 of 60 results: page 1 is not the first, or a page in between is left out",
        "feed",
    ),
    Mistake(
        "the page size is not said to be fixed",
        SIZES,
        change("        fixed_page_size=True,\n", ""),
        "page 1 has 24 images, but 12 were asked for: send query.per_page, or declare fixed_page_size=True",
        "feed",
    ),
    Mistake(
        "a page size smaller than the fixed one",
        PAGES,
        change("PAGE_SIZE = 24", "PAGE_SIZE = 20"),
        "page 1 has 24 images, but 20 were asked for: give page_size that number",
        "feed",
    ),
    Mistake(
        "a page size larger than the fixed one",
        PAGES,
        change("PAGE_SIZE = 24", "PAGE_SIZE = 40"),
        "page 1 has 24 images, page_size says 40, and more follow: give page_size the number that the upstream gives",
        "feed",
    ),
    *(
        Mistake(
            f"a page size smaller than the fixed one, {check}",
            check,
            change("PAGE_SIZE = 24", "PAGE_SIZE = 5"),
            "page 1 has 24 images, but 5 were asked for: give page_size that number",
            "feed",
        )
        for check in (RECORD, BAD, LOOKUP)
    ),
    Mistake(
        "one bad record loses the page",
        BAD,
        change(RECORDS_OF, '[_image(record) for record in found.findall("record")]'),
        "one bad record loses the whole page",
        "feed",
    ),
    Mistake(
        "the end is never said",
        PAGES,
        change(MORE, "last=False,"),
        "no page of 'cat' says last=True: set last on the page where the upstream ends",
        "feed",
    ),
    Mistake(
        "a title with its markup",
        RECORD,
        change('title=_text(record, "title")', 'title="<i>Leaf</i>"'),
        "title of leaf0 holds markup: '<i>Leaf</i>'",
        "feed",
    ),
]

MISTAKES = [*DECLARED, *AFTER_ANOTHER_FAILURE, *RECORDS, *SEARCHES, *LOOKUPS, *CONDUCT, *BY_TOKEN, *BY_FEED]

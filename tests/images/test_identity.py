"""The same picture at several providers: which records share a key, and which do not."""

from collections.abc import Iterator
from itertools import combinations

import pytest

from imagevault.images import identity
from imagevault.images.identity import contradict, fold, identify, is_page_key, rank
from imagevault.records import Image, ProviderInfo, Rendition
from tests.support.linear_time import is_linear

FLICKR_IDS = [15218475961, 8711378816, 3338275165, 4615217885, 2319638358, 40593461235, 11179413123, 3704553536]
COMMONS_NAMES = ["A lily.jpg", "Été à Paris.jpg", "Q&A (draft).png", "Tower, 1889.tif", "Map 50%.jpg", "x_y z.JPG"]
UUIDS = [f"1adf2696-8489-499b-cad2-821d7fde4b{number:02x}" for number in range(25)]
BASE58 = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"


def base58(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    return digits


def record(provider: str, id: str, page: str | None = None, file: str | None = None, *keys: str) -> Image:
    """An identified record of a provider."""
    url = file or f"https://files.{provider}.example/{id}.jpg"
    image = Image(id=id, source_url=page, identities=keys, renditions=[Rendition(name="original", url=url)])
    return next(identify([image], provider))


def flickr_forms(id: int) -> list[Image]:
    """One Flickr photo, as five providers list it."""
    return [
        record(
            "flickr",
            f"{id}",
            f"https://www.flickr.com/photos/7788419@N05/{id}",
            f"https://live.staticflickr.com/65535/{id}_a_o.jpg",
        ),
        record(
            "openverse",
            f"o{id}",
            f"http://flickr.com/photos/ann/{id}/in/album-7/",
            f"https://live.staticflickr.com/3903/{id}_963a4c116e_b.jpg",
        ),
        record("other", f"x{id}", f"https://flic.kr/p/{base58(id)}"),
        record("archive", f"y{id}", None, f"https://farm4.staticflickr.com/3903/{id}_963a4c116e_z.jpg?zz=1"),
        record("wikimedia", f"w{id}", None, None, f"flickr:{id}"),
    ]


def commons_forms(name: str) -> list[Image]:
    underscored = name.replace(" ", "_")
    quoted = underscored.replace("%", "%25").replace("&", "%26").replace("É", "%C3%89").replace("é", "%C3%A9")
    return [
        record("wikimedia", name, f"https://commons.wikimedia.org/wiki/File:{quoted}", None, f"commons:f{name}"),
        record("openverse", f"o{name}", f"https://commons.wikimedia.org/wiki/File:{name[0].lower()}{underscored[1:]}"),
        record("europeana", f"e{name}", None, f"https://upload.wikimedia.org/wikipedia/commons/a/ab/{quoted}"),
        record(
            "other",
            f"x{name}",
            None,
            f"https://upload.wikimedia.org/wikipedia/commons/thumb/a/ab/{quoted}/500px-{quoted}",
        ),
    ]


def museum_forms(number: int) -> Iterator[list[Image]]:
    """Files of museums and archives, as their owner and an aggregator list them."""
    yield [
        record(
            "met",
            f"{number}",
            f"https://www.metmuseum.org/art/collection/search/{number}",
            f"https://images.metmuseum.org/CRDImages/ep/original/DT{number}.jpg",
        ),
        record(
            "openverse",
            f"m{number}",
            f"https://www.metmuseum.org/art/collection/search/{number}?x=1",
            None,
            f"met:{number}:DT{number}",
        ),
    ]
    yield [
        record("smithsonian", f"s{number}", None, f"https://ids.si.edu/ids/deliveryService?id=SAAM-{number}&max=1600"),
        record("openverse", f"s{number}", None, f"https://ids.si.edu/ids/download?id=SAAM-{number}.jpg"),
    ]
    yield [
        record(
            "artic", f"a{number}", None, f"https://www.artic.edu/iiif/2/{UUIDS[number % 25]}/full/843,/0/default.jpg"
        ),
        record("openverse", f"a{number}", None, None, f"iiif:{UUIDS[number % 25]}"),
    ]
    yield [
        record("nasa", f"PIA{number}", f"https://images.nasa.gov/details/PIA{number}"),
        record(
            "openverse", f"n{number}", None, f"https://images-assets.nasa.gov/image/PIA{number}/PIA{number}~orig.jpg"
        ),
        record("other", f"n{number}", f"http://images.nasa.gov/details-PIA{number}"),
    ]
    yield [
        record(
            "europeana", f"/9{number}/x_{number}", f"https://www.europeana.eu/item/9{number}/x_{number}?utm_source=api"
        ),
        record("other", f"e{number}", f"https://www.europeana.eu/en/item/9{number}/x_{number}"),
    ]
    yield [
        record(
            "europeana",
            f"/8{number}/y",
            f"https://www.europeana.eu/item/8{number}/y",
            None,
            f"url:http://www.museum.example/objects/{number}/?utm_medium=api",
        ),
        record("museum", f"{number}", f"https://museum.example/objects/{number}"),
    ]


def stock_forms(number: int) -> Iterator[list[Image]]:
    slug = f"net-{number:07d}"
    assert len(slug) == 11
    yield [
        record("unsplash", slug, f"https://unsplash.com/photos/a-red-fox-{slug}?utm_source=iv&utm_medium=referral"),
        record("other", f"u{number}", f"https://unsplash.com/photos/{slug}"),
    ]
    yield [
        record("pexels", f"{number}", f"https://www.pexels.com/photo/brown-rocks-{number}/"),
        record("other", f"p{number}", f"https://www.pexels.com/de-de/photo/{number}/"),
        record("third", f"p{number}", None, f"https://images.pexels.com/photos/{number}/pexels-photo-{number}.jpeg"),
    ]
    yield [
        record("pixabay", f"{number}", f"https://pixabay.com/photos/bridge-road-{number}/"),
        record("other", f"b{number}", f"https://pixabay.com/de/photos/br%C3%BCcke-{number}/"),
        record("third", f"b{number}", f"https://pixabay.com/en/bridge-road-{number}/"),
    ]
    yield [
        record("archive", f"{number}", f"http://www.archive.example/i/{number}?a=1&utm_campaign=x#top"),
        record("other", f"a{number}", f"https://archive.example/i/{number}?a=1"),
    ]


def groups() -> Iterator[list[Image]]:
    """Records of one picture each."""
    for id in FLICKR_IDS:
        yield flickr_forms(id)
    for name in COMMONS_NAMES:
        yield commons_forms(name)
    for number in range(25):
        yield from museum_forms(45734 + number)
        yield from stock_forms(2014422 + number)


GROUPS = list(groups())
PAIRS = [pair for group in GROUPS for pair in combinations(group, 2)]


def are_same(one: tuple[str, Image], other: tuple[str, Image]) -> bool:
    """Whether the merge takes two records for the same picture."""
    shared = set(one[1].identities) & set(other[1].identities)
    if any(not is_page_key(key) for key in shared):
        return True
    same_provider = one[0] == other[0]
    return bool(shared) and not same_provider and not contradict(one[1].identities, other[1].identities)


def named(image: Image) -> tuple[str, Image]:
    return image.identities[0].split(":")[1], image


def test_the_table_is_large() -> None:
    assert len(PAIRS) >= 300


def test_the_same_picture_is_found() -> None:
    missed = [(one.identities, other.identities) for one, other in PAIRS if not are_same(named(one), named(other))]

    assert missed == []


def test_no_two_pictures_are_merged() -> None:
    """Every record against every record of another picture."""
    false = [
        (one.identities, other.identities)
        for group, further in combinations(GROUPS, 2)
        for one in group
        for other in further
        if are_same(named(one), named(other))
    ]
    assert false == []


PAGE = "https://www.metmuseum.org/art/collection/search/1"
COUNTER_EXAMPLES = [
    # Two photographs of one object, at its owner and at an aggregator.
    (record("met", "1", PAGE, None, "met:1:front"), record("openverse", "2", PAGE, None, "met:1:back")),
    # A year, a date and a short number at the end of a name are no Flickr ids.
    (
        record("wikimedia", "1", "https://commons.wikimedia.org/wiki/File:Fair_(1999).jpg"),
        record("flickr", "1999", "https://www.flickr.com/photos/ann/1999"),
    ),
    (
        record("wikimedia", "1", "https://commons.wikimedia.org/wiki/File:Fair_(20190504).jpg"),
        record("wikimedia", "2", "https://commons.wikimedia.org/wiki/File:Tour_(20190504).jpg"),
    ),
    # Names of Commons differ in letter case after the first letter.
    (
        record("wikimedia", "1", "https://commons.wikimedia.org/wiki/File:LILY.jpg"),
        record("openverse", "2", "https://commons.wikimedia.org/wiki/File:Lily.jpg"),
    ),
    # The number of a Flickr album is none of a photo.
    (
        record("flickr", "7", "https://www.flickr.com/photos/ann/7"),
        record("other", "8", "https://www.flickr.com/photos/ann/albums/7"),
    ),
    # The same number at two stock providers.
    (
        record("pexels", "100", "https://www.pexels.com/photo/fox-100/"),
        record("pixabay", "100", "https://pixabay.com/photos/fox-100/"),
    ),
    # The parameters of an address may name the picture.
    (
        record("one", "1", "https://archive.example/show?id=1"),
        record("two", "2", "https://archive.example/show?id=2"),
    ),
    # A host that ends like another's.
    (
        record("one", "1", "https://notflickr.com/photos/ann/7"),
        record("flickr", "7", "https://www.flickr.com/photos/ann/7"),
    ),
    # Two scans of one record, which Commons names by page id and by file name.
    (
        record("wikimedia", "1", None, None, "commons:p1", "commons:fA.jpg"),
        record("wikimedia", "2", None, None, "commons:p2", "commons:fB.jpg"),
    ),
]


@pytest.mark.parametrize(("one", "other"), COUNTER_EXAMPLES)
def test_different_pictures(one: Image, other: Image) -> None:
    assert not are_same(named(one), named(other))


def test_a_page_of_several_records_is_no_key() -> None:
    """An object with two photographs has one page."""
    page = "https://museum.example/objects/1"
    files = [Rendition(name="original", url=f"https://museum.example/{number}.jpg") for number in (1, 2)]
    images = [Image(id=f"{number}", source_url=page, renditions=[file]) for number, file in enumerate(files)]

    identified = list(identify(images, "museum"))

    assert not any(is_page_key(key) for image in identified for key in image.identities)


def test_a_page_at_the_owner_that_shows_several_is_no_key() -> None:
    """An aggregator lists the pages of an album one by one, each with the album's address."""
    album = "url:https://library.example/album/7"
    images = [
        Image(
            id=f"{number}",
            source_url=f"https://index.example/{number}",
            identities=[album],
            renditions=[Rendition(name="original", url=f"https://library.example/{number}.jpg")],
        )
        for number in (1, 2)
    ]

    keys = [{key for key in image.identities if is_page_key(key)} for image in identify(images, "index")]

    assert keys == [{"page:index.example/1"}, {"page:index.example/2"}]


def test_a_record_is_a_copy_of_one_photo_of_flickr() -> None:
    """The one that its provider states. Of two, both would be taken for this picture."""
    page = "https://commons.wikimedia.org/wiki/File:A_lily_(15218475961).jpg"

    stated = record("wikimedia", "1", page, None, "flickr:8711378816")
    read = record("wikimedia", "1", page)

    assert [key for key in stated.identities if key.startswith("flickr:")] == ["flickr:8711378816"]
    assert [key for key in read.identities if key.startswith("flickr:")] == ["flickr:15218475961"]


@pytest.mark.parametrize(
    ("address", "folded"),
    [
        ("http://www.A.example/Lily/", "a.example/Lily"),
        ("https://a.example/b?utm_source=x&c=1&utm_medium=y#top", "a.example/b?c=1"),
        ("https://a.example/%C3%A9t%C3%A9", "a.example/été"),
        ("https://a.example/e\u0301", "a.example/é"),
        ("https://a.example/50%25", "a.example/50%"),
        ("https://a.example:8443/b", "a.example:8443/b"),
        ("https://[::1/", "https://[::1/"),
    ],
)
def test_addresses_have_one_form(address: str, folded: str) -> None:
    assert fold(address) == folded


@pytest.mark.parametrize(
    ("provider", "aggregator", "expected"),
    [("met", False, 0), ("wikimedia", False, 1), ("flickr", False, 2), ("openverse", True, 3)],
)
def test_the_owner_ranks_first(provider: str, aggregator: bool, expected: int) -> None:
    assert rank(provider, ProviderInfo(title="T", page_size=1, aggregator=aggregator)) == expected


HOSTILE = [
    "https://live.staticflickr.com/" + "/1_" * 20,
    "https://commons.wikimedia.org/" + "?curid=" * 20,
    "https://commons.wikimedia.org/" + "&curid=1" * 20,
    "https://ids.si.edu/ids/x?" + "&id=" * 20,
    "https://www.europeana.eu/item/" + "a.html" * 20,
    "https://unsplash.com/photos/" + "a-" * 20,
    "https://images.metmuseum.org/crdimages/" + "a/" * 20,
    "https://upload.wikimedia.org/wikipedia/commons/a/ab/" + "(1" * 20,
]


@pytest.mark.parametrize("end", ["", "%0A"])
@pytest.mark.parametrize("address", HOSTILE)
def test_takes_linear_time(address: str, end: str) -> None:
    """Also with a line end, at which a pattern may give up late."""
    start, repeated = address[:-40], address[-40:]

    def work(count: int) -> list[str]:
        return list(identity.keys_of_address(fold(start + repeated * count + end)))

    assert is_linear(work, 500)

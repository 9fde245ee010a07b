"""Answers of the real upstreams, which are kept beside a checkout and never committed.

`conftest.py` leaves this module out where there are none. What each provider makes of such answers is tested with
invented ones in `recorded/`; here the real ones show that the invented form is the true one.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import imagevault_artic
import imagevault_cleveland
import imagevault_europeana
import imagevault_flickr
import imagevault_met
import imagevault_nasa
import imagevault_openverse
import imagevault_pexels
import imagevault_pixabay
import imagevault_smithsonian
import imagevault_smk
import imagevault_unsplash
import imagevault_wellcome
import imagevault_wikimedia
import pytest

from imagevault import Author, Image, InvalidResponse, Page, ProviderError, RateLimited, Unauthorized
from imagevault.images.attribution import attribution
from imagevault.testing import Answer, Upstream
from imagevault.testing.bench import Bench
from tests.providers.conftest import REAL_RECORDINGS
from tests.support.nasa_images import check_nasa_image

KEY = {"api_key": "test-key"}
CONTACT = {"contact": "ops@mail.example"}


def read(path: str) -> Any:
    """The content of a recording, `NAME/FILE` without its ending."""
    return json.loads((REAL_RECORDINGS / f"{path}.json").read_bytes())


def names(provider: str) -> list[str]:
    """The recordings that there are of a provider."""
    return sorted(path.stem for path in (REAL_RECORDINGS / provider).glob("*.json"))


@asynccontextmanager
async def bench_of(plugin: object, settings: dict[str, str] | None = None) -> AsyncIterator[Bench]:
    """The plugin in front of an upstream that answers what `answer` gives it."""
    with Upstream() as upstream:
        async with Bench(plugin, settings or {}, upstream) as bench:
            yield bench


def answer(bench: Bench, *contents: object, status: int = 200) -> None:
    """The next calls get these contents."""
    assert bench.upstream is not None
    for content in contents:
        bench.upstream.fail(Answer(content, status), times=1)


def ids(page: Page) -> list[str]:
    return [image.id for image in page.images]


def line(text: str | None) -> str | None:
    """A text in one line, as the gateway shows it."""
    return " ".join(text.split()) or None if text else None


class TestArtic:
    @pytest.mark.parametrize("name", ["search_default_fields", "search_gallery_a", "search_monet_docs_2026"])
    async def test_searches(self, name: str) -> None:
        """They were asked without `fields`, so nothing says that a work is free; with that, all are shown."""
        content = read(f"artic/{name}")
        async with bench_of(imagevault_artic) as bench:
            answer(bench, content)
            page = await bench.search("cat")
            assert (page.images, page.total) == ([], content["pagination"]["total"])

            for work in content["data"]:
                work |= {"is_public_domain": True, "image_id": "abc"}
            answer(bench, content)
            images = (await bench.search("cat")).images

        assert [(image.id, image.title) for image in images] == [(str(w["id"]), w["title"]) for w in content["data"]]
        assert [image.width for image in images] == [work["thumbnail"]["width"] for work in content["data"]]
        described = [work["thumbnail"]["alt_text"] for work in content["data"]]
        assert [image.alt for image in images] == [
            None if alt.startswith("A work made of ") else alt for alt in described
        ]
        assert all(len(image.renditions) in {4, 5} for image in images)

    async def test_a_work(self) -> None:
        """It is not in the public domain; with that changed, its record is whole."""
        content = read("artic/detail_209980")
        async with bench_of(imagevault_artic) as bench:
            answer(bench, content)
            assert await bench.fetch("209980") is None

            content["data"]["is_public_domain"] = True
            answer(bench, content)
            image = await bench.fetch("209980")

        assert image is not None
        assert image.author == Author(content["data"]["artist_title"])
        assert (image.width, image.height) == (1024, 683)
        assert image.color is not None
        assert (image.alt, image.date) == (None, "1974")
        assert image.extra["place"] == "United States"
        assert image.identities == [f"iiif:{content['data']['image_id']}"]
        assert content["data"]["image_id"] in (image.renditions[0].url or "")


async def test_europeana() -> None:
    """Ten items of a library, CC0, by http only; some anonymous, of others the makers' names stand elsewhere."""
    content = read("europeana/search_items_first10")
    async with bench_of(imagevault_europeana, KEY) as bench:
        answer(bench, content)
        page = await bench.search("cat")
        credits = [attribution(bench.provider.info, image).text for image in page.images]

    items = content["items"]
    assert ids(page) == [item["id"] for item in items]
    assert [image.title for image in page.images] == [item["title"][0] for item in items]
    assert (page.total, page.last) == (27, True)
    assert {image.license.id for image in page.images if image.license} == {"cc0-1.0"}
    library = items[0]["dataProvider"][0]
    assert [image.author and len(image.author.name.split("; ")) for image in page.images] == [
        len(item["dcCreator"]) for item in items
    ]
    for image, item in zip(page.images, items, strict=True):
        labels = {name for label in item.get("edmAgentLabel", []) for name in label.values()}
        assert image.author is not None
        assert set(image.author.name.split("; ")) <= labels | {"Anonymous"}
        assert image.tags == item["edmConceptPrefLabelLangAware"]["es"]
        assert image.date == item.get("year", [None])[0]
        assert image.alt is None
        assert image.identities == [f"eu:{item['id'][1:]}", f"url:{item['edmIsShownAt'][0]}"]
    assert all(f" {library} via Europeana. CC0 1.0" in credit for credit in credits)
    assert not [credit for credit in credits if ".." in credit.replace(" ... ", " ")]
    assert {image.source_url for image in page.images} == {item["guid"].partition("?")[0] for item in items}
    links = [rendition.url or "" for image in page.images for rendition in image.renditions]
    assert len(links) == 20
    assert all(link.startswith("https://") for link in links)


class TestFlickr:
    async def test_a_page(self) -> None:
        """Each of its thirty is a record, the two without a large file too."""
        content = read("flickr/photos_search_openverse")
        async with bench_of(imagevault_flickr, KEY) as bench:
            answer(bench, content)
            page = await bench.search("church")

        assert (page.total, page.last, len(page.images)) == (30, True, 30)
        assert ids(page) == [photo["id"] for photo in content["photos"]["photo"]]
        assert {image.license.id for image in page.images if image.license} == {"cc-by-nc-sa-2.0"}
        assert all(image.author and image.title and image.renditions[-1].name == "large" for image in page.images)
        assert sum((image.renditions[-1].url or "").endswith("_b.jpg") for image in page.images) == 28
        assert [image.width for image in page.images if image.id == "49514337848"] == [3178]
        for image, photo in zip(page.images, content["photos"]["photo"], strict=True):
            assert image.identities == [f"flickr:{photo['id']}"]
            assert image.alt is None
            assert image.description
            assert (image.date is None) == (photo["datetakenunknown"] == "1")

    async def test_a_photo_with_fewer_files(self) -> None:
        """Its largest has 500 pixels."""
        photo = read("flickr/fragment_image_data_with_med_url_available")
        async with bench_of(imagevault_flickr, KEY) as bench:
            answer(bench, {"photos": {"page": 1, "pages": 1, "total": 1, "photo": [photo]}, "stat": "ok"})
            [image] = (await bench.search("ordesa")).images

        assert [(rendition.name, rendition.width) for rendition in image.renditions] == [
            ("thumbnail", 240),
            ("large", 500),
        ]
        assert (image.width, image.license and image.license.id) == (500, "cc-by-nc-nd-2.0")

    async def test_a_wrong_key(self) -> None:
        async with bench_of(imagevault_flickr, KEY) as bench:
            for hook in (bench.search("x"), bench.fetch("7")):
                answer(bench, read("flickr/error_100_invalid_key"))
                with pytest.raises(Unauthorized):
                    await hook

    @pytest.mark.parametrize("license", ["0", "4"])
    async def test_a_lookup(self, license: str) -> None:
        """All rights are reserved; with a licence in their place, the rest is read too."""
        content = read("flickr/photo_getInfo_48294642212")
        content["photo"]["license"] = license
        size = {"label": "Large", "width": "1024", "height": 832, "source": "https://live.staticflickr.com/1/2_3_b.jpg"}
        async with bench_of(imagevault_flickr, KEY) as bench:
            answer(bench, content, {"sizes": {"size": [size]}, "stat": "ok"})
            image = await bench.fetch("48294642212")

        if license == "0":
            assert image is None
            return
        assert image is not None
        assert (image.id, image.title) == ("48294642212", "first responder. gold point, nv. 2016.")
        assert image.author == Author("eyetwist", "https://www.flickr.com/photos/eyetwist/")
        assert (list(image.tags), image.width) == (["eyetwistkevinballuff"], 1024)
        assert (image.date, image.flags.sensitive) == ("2016-05-20T16:09:34", False)


class TestMet:
    async def test_an_object(self) -> None:
        """A hanging scroll, whose `objectURL` names a host that is internal to the museum."""
        content = read("met/object_45734")
        async with bench_of(imagevault_met) as bench:
            answer(bench, content)
            image = await bench.fetch("45734")
            assert image is not None
            credit = attribution(bench.provider.info, image).text

        assert (image.id, image.title) == ("45734", content["title"])
        assert image.author == Author(
            content["artistDisplayName"], content["artistULAN_URL"].replace("http:", "https:")
        )
        assert [rendition.url for rendition in image.renditions] == [
            content["primaryImageSmall"],
            content["primaryImage"],
        ]
        assert image.source_url == "https://www.metmuseum.org/art/collection/search/45734"
        assert image.tags == ["Birds", "Leaves"]
        assert (image.alt, image.date) == (None, content["objectDate"])
        assert image.extra["culture"] == content["culture"]
        assert image.identities == ["met:45734:DP251139"]
        assert credit == (
            f"{content['artistDisplayName']}, {content['title']}, {content['objectDate']}. "
            f"The Metropolitan Museum of Art. {content['creditLine']}"
        )

    async def test_a_list_of_ids(self) -> None:
        """It is of another endpoint, in the form of a search; all its objects are the recorded one here."""
        listed = read("met/object_list_department3")
        scroll = read("met/object_45734")
        async with bench_of(imagevault_met) as bench:
            assert bench.upstream is not None
            bench.upstream.get("v1.1/search")(lambda _: listed)
            bench.upstream.get("v1/objects/{number}")(lambda _, number: {**scroll, "objectID": int(number)})
            page = await bench.search("scroll", 6)

        assert ids(page) == [str(id) for id in listed["objectIDs"][50:60]]
        assert (page.total, page.last) == (6222, False)

    async def test_errors(self) -> None:
        """An unknown id is none; the end of a search is named."""
        async with bench_of(imagevault_met) as bench:
            answer(bench, read("met/error_404_unknown_id"), status=404)
            assert await bench.fetch("999999999") is None
            answer(bench, read("met/error_410_v1_search_retired"), status=410)
            with pytest.raises(InvalidResponse, match=r"use /public/collection/v1\.1/search"):
                await bench.search("scroll")


class TestNasa:
    @pytest.mark.parametrize("name", ["search_artemis_ii_page1", "album_page1_15"])
    async def test_pages(self, name: str) -> None:
        """Every picture is shown, and no video is."""
        content = read(f"nasa/{name}")["collection"]
        async with bench_of(imagevault_nasa) as bench:
            answer(bench, {"collection": content})
            page = await bench.search("artemis ii")

        items = [item for item in content["items"] if item["data"][0]["media_type"] == "image"]
        assert page.total == content["metadata"]["total_hits"]
        assert not page.last
        for image, item in zip(page.images, items, strict=True):
            check_nasa_image(image, item)

    async def test_an_answer_without_records_is_an_error(self) -> None:
        """A list of files is no page, and neither is the address of a file."""
        async with bench_of(imagevault_nasa) as bench:
            answer(bench, read("nasa/asset_image"))
            with pytest.raises(InvalidResponse, match="none of 7 records can be read"):
                await bench.search("artemis ii")
            answer(bench, read("nasa/metadata_location"))
            with pytest.raises(InvalidResponse, match="collection"):
                await bench.search("artemis ii")


async def test_openverse() -> None:
    async with bench_of(imagevault_openverse) as bench:
        for name in [name for name in names("openverse") if name.startswith("search_")]:
            content = read(f"openverse/{name}")
            answer(bench, content)
            page = await bench.given(name)
            assert ids(page) == [work["id"] for work in content["results"]]
            assert (page.total, page.last) == (content["result_count"], content["page_count"] == 0)
            assert all(image.license and image.author and len(image.renditions) == 2 for image in page.images)
            assert [image.title for image in page.images] == [work["title"] for work in content["results"]]
            assert {image.alt for image in page.images} <= {None}
            for found, work in zip(page.images, content["results"], strict=True):
                assert found.license is not None
                assert found.license.url == work["license_url"]
                assert found.identities == [f"flickr:{work['foreign_landing_url'].rpartition('/')[2]}"]
        content = read("openverse/detail_da5cb478")
        answer(bench, content)
        image = await bench.fetch(content["id"])
        assert image is not None
        assert (image.credit, image.width, image.tags) == (content["attribution"], content["width"], ["bird"])
        answer(bench, read("openverse/error_400_bad_license"), status=400)
        with pytest.raises(InvalidResponse, match="PDMNBCG"):
            await bench.search("cat")
        answer(bench, read("openverse/error_429_throttled"), status=429)
        with pytest.raises(RateLimited) as caught:
            await bench.search("cat")
        assert caught.value.retry_after == 3600


class TestPexels:
    @pytest.mark.parametrize(
        "name",
        ["curated_page1", "search_barcelona_landscape", "search_nature_page2_prev_and_next", "search_single_result"],
    )
    async def test_listings(self, name: str) -> None:
        content = read(f"pexels/{name}")
        async with bench_of(imagevault_pexels, KEY) as bench:
            answer(bench, content)
            page = await bench.given("cat")

        assert ids(page) == [str(photo["id"]) for photo in content["photos"]]
        assert (page.total, page.last) == (content.get("total_results"), "next_page" not in content)
        assert all(image.title and image.author and len(image.renditions) == 5 for image in page.images)
        assert [image.alt for image in page.images] == [photo.get("alt") for photo in content["photos"]]
        assert [list(image.identities) for image in page.images] == [[f"pexels:{image.id}"] for image in page.images]

    async def test_a_photo(self) -> None:
        content = read("pexels/detail_2014422")
        async with bench_of(imagevault_pexels, KEY) as bench:
            answer(bench, content)
            image = await bench.fetch("2014422")

        assert image is not None
        assert (image.id, image.title, image.width) == ("2014422", content["alt"], content["width"])


class TestPixabay:
    @pytest.mark.parametrize("name", ["search_photos_a", "search_nature_london_3", "search_docs_sample_full_access"])
    async def test_listings(self, name: str) -> None:
        """Every image, whole; of the documentation's own sample the original too."""
        content = read(f"pixabay/{name}")
        async with bench_of(imagevault_pixabay, KEY) as bench:
            answer(bench, content)
            page = await bench.search("cat")

        assert ids(page) == [str(hit["id"]) for hit in content["hits"]]
        assert (page.total, page.last) == (content["totalHits"], content["totalHits"] <= 200)
        for image, hit in zip(page.images, content["hits"], strict=True):
            larger = ["medium", "large", "original"] if "imageURL" in hit else ["large"]
            assert [rendition.name for rendition in image.renditions] == ["thumbnail", "small", *larger]
            assert (image.width, len(image.tags)) == (hit["imageWidth"], len(set(hit["tags"].split(", "))))
            assert image.title
            assert image.author is not None
            assert image.author.name == hit["user"]
            assert (image.alt, image.extra, list(image.identities)) == (None, {}, [f"pixabay:{hit['id']}"])
            assert (image.flags.ai_generated, image.flags.ai_training_refused, image.flags.sensitive) == (None,) * 3

    async def test_a_page_out_of_range(self) -> None:
        envelope = read("pixabay/error_400_page_out_of_range_envelope")
        async with bench_of(imagevault_pixabay, KEY) as bench:
            assert bench.upstream is not None
            bench.upstream.fail(Answer(envelope["body_text"], envelope["status"]))
            assert await bench.given("cat", 4) == Page([], last=True)


class TestSmithsonian:
    async def test_a_row_of_a_search(self) -> None:
        """A bird. It was recorded alone, without the answer around it."""
        row = read("smithsonian/search_row_bird")
        async with bench_of(imagevault_smithsonian, KEY) as bench:
            answer(bench, {"response": {"rows": [row], "rowCount": 1}})
            page = await bench.search("bird")

        [image] = page.images
        assert (image.id, image.title, image.alt) == (row["url"], row["title"], None)
        assert (image.date, image.extra["place"]) == ("22 Apr 1958", row["content"]["freetext"]["place"][0]["content"])
        assert image.extra["collector"] == row["content"]["freetext"]["name"][0]["content"]
        assert image.author is None
        assert (image.source_url or "").startswith("https://n2t.net/ark:/")
        assert [rendition.name for rendition in image.renditions] == ["thumbnail", "large"]
        assert image.tags == row["content"]["indexedStructured"]["topic"]
        assert (page.total, page.last) == (1, True)

    async def test_lookups(self) -> None:
        """A puppet whose record is CC0 and says that there are pictures, but has none; and a record that is not there.

        With a picture, its record is whole.
        """
        puppet = read("smithsonian/content_bert_puppet")
        async with bench_of(imagevault_smithsonian, KEY) as bench:
            answer(bench, puppet)
            assert await bench.fetch("edanmdm:nmah_1448973") is None
            answer(bench, read("smithsonian/error_404"), status=404)
            assert await bench.fetch("edanmdm:nmah_0") is None

            link = "https://ids.si.edu/ids/deliveryService?id=NMAH-1"
            medium = {"type": "Images", "usage": {"access": "CC0"}, "content": link, "idsId": "NMAH-1"}
            about = puppet["response"]["content"]["descriptiveNonRepeating"]
            about["online_media"] = {"mediaCount": 1, "media": [medium]}
            answer(bench, puppet)
            image = await bench.fetch("edanmdm:nmah_1448973")

        assert image is not None
        assert image.author == Author("Henson, Jim; Sahlin, Don")
        assert image.credit == "Henson, Jim; Sahlin, Don, Bert Puppet. National Museum of American History"
        assert (image.date, image.extra["object type"], image.source_url) == ("1969", "puppet", about["guid"])
        assert "part of Sesame Street since" in (image.description or "")


class TestUnsplash:
    @pytest.mark.parametrize("name", ["search_paris_10", "search_office_2020", "list_editorial_29"])
    async def test_listings(self, name: str) -> None:
        """Every photo but the advertisements; `GET /photos` answers a bare list, put into a page here."""
        content = read(f"unsplash/{name}")
        if isinstance(content, list):
            content = {"total": len(content), "total_pages": 1, "results": content}
        async with bench_of(imagevault_unsplash, KEY) as bench:
            answer(bench, content)
            page = await bench.search("cat")

        photos = [photo for photo in content["results"] if not photo.get("sponsorship")]
        assert ids(page) == [photo["id"] for photo in photos]
        assert page.total == content["total"]
        for image, photo in zip(page.images, photos, strict=True):
            assert len(image.renditions) == 5
            profile = f"{photo['user']['links']['html']}?utm_source=imagevault&utm_medium=referral"
            assert image.author == Author(photo["user"]["name"].strip(), profile)
            assert all("ixid" in (rendition.url or "") for rendition in image.renditions)
            assert [rendition.type for rendition in image.renditions] == ["image/jpeg"] * 4 + [None]
            assert (image.alt, image.description) == (line(photo["alt_description"]), line(photo["description"]))
            assert image.title == (image.alt or image.description)
            assert list(image.identities) == [f"unsplash:{photo['id']}"]

    @pytest.mark.parametrize("name", ["detail_DSpHm6LMSHA", "detail_ZUaqqMxtxYk", "detail_net"])
    async def test_photos(self, name: str) -> None:
        """Of 2019 to 2022, each with the event that a download of it would send."""
        content = read(f"unsplash/{name}")
        async with bench_of(imagevault_unsplash, KEY) as bench:
            answer(bench, content)
            image = await bench.fetch(content["id"])

        assert image is not None
        assert (image.id, image.width, image.blurhash) == (content["id"], content["width"], content.get("blur_hash"))
        assert image.ref == content["links"]["download_location"].split("/", 3)[3]
        assert image.extra == ({"place": content["location"]["name"]} if content["location"]["name"] else {})

    async def test_the_answer_to_a_download(self) -> None:
        async with bench_of(imagevault_unsplash, KEY) as bench:
            answer(bench, read("unsplash/download_trigger_ZUaqqMxtxYk"))
            await bench.downloaded(Image(id="ZUaqqMxtxYk"))
            assert bench.upstream is not None
            assert bench.upstream.calls[-1].path == "/photos/ZUaqqMxtxYk/download"

    async def test_errors(self) -> None:
        """The used-up quota and the wrong key."""
        limited = read("unsplash/error_403_rate_limit_envelope")
        cases: list[tuple[Answer, type[ProviderError]]] = [
            (Answer(limited["body_text"], limited["status"], limited["headers"]), RateLimited),
            (Answer(read("unsplash/error_401_bad_key"), 401), Unauthorized),
        ]
        async with bench_of(imagevault_unsplash, KEY) as bench:
            assert bench.upstream is not None
            for refusal, error in cases:
                bench.upstream.fail(refusal, times=1)
                with pytest.raises(error):
                    await bench.search("cat")


class TestWikimedia:
    """All answers are in version 1 of the format, which is converted to version 2."""

    def newer(self, body: dict[str, Any], *, last: bool) -> dict[str, Any]:
        """The answer in version 2, complete if it is the last one; what was not asked for is added."""
        pages = list(body["query"]["pages"].values())
        for position, page in enumerate(pages):
            page.setdefault("index", position)
            for info in page.get("imageinfo", []):
                info.setdefault("width", 4 * info.get("thumbwidth", 1))
                info.setdefault("height", 4 * info.get("thumbheight", 1))
        more = {} if last else {"continue": body["continue"]}
        return {"batchcomplete": last, "query": {"pages": pages}, **more}

    @pytest.mark.parametrize("name", ["generator_search_cats_6", "generator_allimages_continue_1"])
    async def test_version_1_is_an_error(self, name: str) -> None:
        """We ask for version 2."""
        async with bench_of(imagevault_wikimedia, CONTACT) as bench:
            answer(bench, read(f"wikimedia/{name}"))
            with pytest.raises(InvalidResponse):
                await bench.search("recorded")

    async def test_a_search(self) -> None:
        """In its order; its thumbnails are in widths that are no longer served, and it has no licences."""
        async with bench_of(imagevault_wikimedia, CONTACT) as bench:
            answer(bench, self.newer(read("wikimedia/generator_search_cats_6"), last=True))
            page = await bench.search("recorded")

        assert ids(page) == ["12127693", "10645752", "17960205", "8398053", "17960207", "9437797"]
        assert page.images[0].title == "Cat November 2010-1a"
        assert [rendition.name for image in page.images for rendition in image.renditions] == ["original"] * 6
        assert {image.license.id for image in page.images if image.license} == {"unknown"}
        assert {image.author for image in page.images} == {None}

    async def test_an_answer_in_pieces(self) -> None:
        """The second one lacks every `imageinfo`, and so ends the first."""
        first = read("wikimedia/generator_allimages_continue_1")
        second = read("wikimedia/generator_allimages_continue_2")
        async with bench_of(imagevault_wikimedia, CONTACT) as bench:
            answer(bench, self.newer(first, last=False), self.newer(second, last=True))
            images = {image.id: image for image in (await bench.search("recorded")).images}

        assert len(images) == len(first["query"]["pages"])
        authors = {id: (image.author.name, image.author.url) for id, image in images.items() if image.author}
        assert authors["44672185"] == ("Eckhard Henkel", "https://commons.wikimedia.org/wiki/User:Hasenl%C3%A4ufer")
        assert authors["44672212"] == ("Edvard Munch", "https://en.wikipedia.org/wiki/en:Edvard_Munch")
        assert authors["44672210"] == ("British Museum (Natural History).; Clark, Hubert Lyman", None)
        assert "18263872" not in authors
        assert images["18263872"].credit == (
            "Minchinmavida Volcano. The original uploader was Elvezio at Italian Wikipedia, Public Domain Mark 1.0, "
            "via Wikimedia Commons"
        )
        assert images["44672185"].credit == (
            "2002-04-02 Hauptstraße, Heidelberg IMG 0404. Photo: Eckhard Henkel / Wikimedia Commons / CC BY-SA 3.0 DE "
            "(https://creativecommons.org/licenses/by-sa/3.0/de/)"
        )
        assert images["44672212"].title == "Night in Nice"
        assert [images[id].date for id in ("18263872", "44672190", "44672212")] == [
            "2009-03-17",
            "2015-09-12T13:51:49",
            "1891",
        ]
        assert (images["44672190"].alt, images["44672194"].alt) == (None, None)
        licenses = [images[id].license for id in ("18263872", "44672185", "44672190")]
        assert [license and license.id for license in licenses] == ["pdm-1.0", "cc-by-sa-3.0-de", "cc-by-sa-4.0"]
        assert all(image.license and image.license.url and image.source_url for image in images.values())

    @pytest.mark.parametrize(
        ("name", "author"),
        [
            ("image_info_artist_link", Author("link text", "https://test.com/linkspot")),
            ("image_info_artist_div", Author("Jona Lendering")),
            ("image_data_html_description", Author("PtrQs", "https://commons.wikimedia.org/wiki/User:PtrQs")),
        ],
    )
    async def test_fragments(self, name: str, author: Author) -> None:
        """Artists and a description in HTML: they are put into the record of another file."""
        content = read(f"wikimedia/fragment_{name}")
        metadata = content.get("imageinfo", [content])[0]["extmetadata"]
        body = self.newer(read("wikimedia/generator_allimages_continue_1"), last=True)
        page = body["query"]["pages"][0]
        page["imageinfo"][0]["extmetadata"] = metadata
        async with bench_of(imagevault_wikimedia, CONTACT) as bench:
            answer(bench, {**body, "query": {"pages": [page]}})
            image = await bench.fetch(str(page["pageid"]))

        assert image is not None
        assert image.author == author
        if "ImageDescription" in metadata:
            words = "Identificatie Titel(s): Allegorie op kunstenaar Francesco Mazzoli"
            assert (image.description or "").startswith(words)


def test_no_recording_is_overlooked() -> None:
    """Of these two, each recording is read by a test above."""
    assert len(names("flickr")) == 4
    assert len(names("wikimedia")) == 6


class TestWellcome:
    async def test_searches(self) -> None:
        """Two of four pictures are in copyright."""
        async with bench_of(imagevault_wellcome.plugin) as bench:
            answer(bench, read("wellcome/search_query_foot_color_22bbff"), read("wellcome/search_page2_composed"))
            found, second = await bench.search("foot"), await bench.search("foot", 2)
            answer(bench, read("wellcome/empty_result"))
            nothing = await bench.search("foot")

        assert (ids(found), found.total, found.last) == (["zg92eeag", "ur3vswfa"], 4, True)
        assert [image.license and image.license.id for image in found.images] == ["cc-by-4.0", "pdm-1.0"]
        assert (ids(second), second.last) == (["npdye6u5", "rnhd2myb"], False)
        assert (nothing.images, nothing.last) == ([], True)

    async def test_lookups(self) -> None:
        async with bench_of(imagevault_wellcome.plugin) as bench:
            answer(bench, read("wellcome/lookup_x5hpzzfs_all_includes"))
            image = await bench.fetch("x5hpzzfs")
            answer(bench, read("wellcome/error_404_unknown_id"), status=404)
            assert await bench.fetch("blahblah") is None

        assert image is not None
        assert image.tags[0] == "Wood engravings"

    async def test_a_page_that_is_too_deep(self) -> None:
        async with bench_of(imagevault_wellcome.plugin) as bench:
            answer(bench, read("wellcome/error_400_too_deep"), status=400)
            with pytest.raises(InvalidResponse):
                await bench.search("foot")


class TestCleveland:
    async def test_searches(self) -> None:
        async with bench_of(imagevault_cleveland.plugin) as bench:
            answer(bench, read("cleveland/search_page1_2020"), read("cleveland/search_2026_as_kept"))
            older, newer = await bench.search("cat"), await bench.search("cat")
            answer(bench, read("cleveland/search_past_end_skip33000_2020"))
            behind = await bench.search("cat", 331)

        assert (ids(older), older.total) == (["137259", "125104", "124089", "173263"], 32483)
        assert older.images[2].author == Author("Rembrandt van Rijn and Studio")
        assert [file.name for file in older.images[0].renditions] == ["medium", "large"]
        assert ids(newer) == ["99632", "151559"]
        assert newer.images[0].author is None
        assert (behind.images, behind.last) == ([], True)

    async def test_lookups(self) -> None:
        async with bench_of(imagevault_cleveland.plugin) as bench:
            answer(bench, read("cleveland/lookup_130707_2023"))
            image = await bench.fetch("130707")
            answer(bench, read("cleveland/error_404_unknown_id"), status=404)
            assert await bench.fetch("9999") is None

        assert image is not None
        assert image.license is not None
        assert image.license.id == "cc0-1.0"


class TestSmk:
    async def test_searches(self) -> None:
        """Two of four works are in copyright; one of the others has one file."""
        async with bench_of(imagevault_smk.plugin) as bench:
            answer(bench, read("smk/search_titles_interior_2026"), read("smk/search_page1_2020"))
            newer, older = await bench.search("interior"), await bench.search("cat")
            answer(bench, read("smk/search_past_end_offset40000_2020"), read("smk/search_nothing"))
            behind, nothing = await bench.search("cat", 401), await bench.search("cat")

        assert (ids(newer), newer.total) == (["KMS1571", "KMS7326"], 238)
        assert [len(image.renditions) for image in newer.images] == [4, 1]
        assert [image.license and image.license.id for image in (*newer.images, *older.images)] == [
            "pdm-1.0",
            "pdm-1.0",
            "cc0-1.0",
        ]
        assert (behind.images, nothing.images, behind.last, nothing.last) == ([], [], True, True)

    @pytest.mark.parametrize("name", ["lookup_KKS2020-3_16_in_copyright", "lookup_unknown_number_200_empty"])
    async def test_lookups_that_find_nothing_to_show(self, name: str) -> None:
        async with bench_of(imagevault_smk.plugin) as bench:
            answer(bench, read(f"smk/{name}"))
            assert await bench.fetch("KKS2020-3/16") is None

"""What is proposed from a recorded answer: a file that loads, and a project that keeps the contract."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imagevault.errors import BadInput, ImageVaultError
from imagevault.plugins import scaffold
from imagevault.plugins.declarative.plugin import declarative
from imagevault.plugins.declarative.proposal import propose
from imagevault.plugins.declarative.proposed_words import id_pattern
from tests.support.declarative_file import item

ACME = {"items": [item(ref=f"fox-{number}", tags=["a"]) for number in range(3)], "matches": 72, "links": [{"a": 1}]}


def gif(number: int) -> dict[str, Any]:
    """Return a record in which each file has an object of its own, as texts, with the original first."""

    def file(name: str, width: int, height: int) -> dict[str, str]:
        address = f"https://media{number % 3}.gifs.example/{number}/{name}"
        return {
            "height": str(height),
            "width": str(width),
            "url": f"{address}.gif?cid=1",
            "webp": f"{address}.webp",
            "mp4": f"{address}.mp4",
        }

    return {
        "id": f"aB{number}",
        "slug": f"cat-{number}",
        "url": f"https://gifs.example/cat-{number}",
        "title": f"Cat {number}",
        "username": "ada",
        "images": {
            "original": file("giphy", 480, 360),
            "fixed_height": file("200", 267, 200),
            "preview_gif": file("preview", 120, 90),
            "original_still": file("still", 480, 360),
        },
    }


GIFS = {"data": [gif(number) for number in range(5)], "pagination": {"count": 5, "offset": 0, "total_count": 3000}}
BARE = [{"key": number, "links": {"thumb": f"https://img.bare.example/t{number}.png"}} for number in (7, 8)]


def written(name: str, folder: Path, answer: object) -> Path:
    """Write the project that is proposed from an answer, and return its folder."""
    path = folder / "answer.json"
    path.write_text(json.dumps(answer))
    scaffold.write_declarative(name, folder, path)
    return folder / f"imagevault-{name}"


def test_fields_are_proposed_by_their_names(tmp_path: Path) -> None:
    file = written("acme", tmp_path, ACME) / "imagevault_acme" / "acme.toml"

    declarative(file)
    proposed = {
        'records = "items"',
        'total = "matches"',
        'id = "ref"',
        'title = "html(caption)"',
        'width = "w"',
        'height = "h"',
        'author.name = "photographer"',
        'source_url = "link"',
        'tags = "tags"',
        'license.word = "licence"',
        'url = "preview"',
        'url = "file"',
    }
    lines = file.read_text().splitlines()
    assert proposed - set(lines) == set()
    assert any(line.startswith('file_hosts = ["img.acme.example"] # CHANGE: ') for line in lines)


def test_files_are_proposed_by_their_sizes() -> None:
    """Each object is one file, its own size goes with it, and the largest is the original whatever its place."""
    proposal = propose(GIFS)

    assert {name: (file.path, file.width) for name, file in proposal.renditions.items()} == {
        "thumbnail": ("images.preview_gif.url", "images.preview_gif.width"),
        "small": ("images.fixed_height.url", "images.fixed_height.width"),
        "original": ("images.original.url", "images.original.width"),
    }
    assert proposal.fields["width"] == "images.original.width"
    assert proposal.total == "pagination.total_count"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            {"src": {"original": "o", "large": "l", "tiny": "t", "portrait": "p"}, "width": 3000, "height": 2000},
            {"thumbnail": ("src.tiny", None), "large": ("src.large", None), "original": ("src.original", "width")},
        ),
        (
            {"previewURL": "p", "previewWidth": 150, "previewHeight": 100, "largeImageURL": "l", "imageWidth": 4000,
             "imageHeight": 3000},
            {"thumbnail": ("previewURL", "previewWidth"), "large": ("largeImageURL", None)},
        ),
        ({"small": "s", "picture": "p"}, {"small": ("small", None), "original": ("picture", None)}),
        (
            {"image": {"w": 800, "h": 600, "url": "u"}, "width": 4000, "height": 3000},
            {"large": ("image.url", "image.w")},
        ),
        (
            {"urls": {"small": "s", "full": "f", "width": 900, "height": 600}},
            {"small": ("urls.small", None), "original": ("urls.full", "urls.width")},
        ),
    ],
)  # fmt: skip
def test_files_of_other_forms(record: dict[str, Any], expected: dict[str, tuple[str, str | None]]) -> None:
    """By their names where their sizes are not told; what may be a crop is left out."""

    def with_addresses(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: with_addresses(inner) for name, inner in value.items()}
        return f"https://img.example/{value}.jpg" if isinstance(value, str) else value

    proposal = propose([{"id": 1, **with_addresses(record)}])

    assert {name: (file.path, file.width) for name, file in proposal.renditions.items()} == expected


@pytest.mark.parametrize(
    ("ids", "another"),
    [
        ([1, 22], "1000000000000000022"),
        (["1", "22"], "1000000000000022"),
        (["aB1", "x-2"], "aB1-1"),
        (["obj:1/2.3", "obj:2"], "obj:1/2.3-1"),
        (["KMSst28Ø"], "KMSst28Ø-1"),
    ],
)
def test_a_pattern_of_ids(ids: list[str | int], another: str) -> None:
    """It fits them and their copies in the simulation, and no step up in a path."""
    pattern = id_pattern(ids)

    assert all(re.fullmatch(pattern, str(id)) for id in [*ids, another])
    assert not any(re.fullmatch(pattern, id) for id in ("..", "../search", "", "a\nb"))


@pytest.mark.parametrize("answer", [[], {}, {"items": []}, {"items": [1]}, {"items": [{"a": 1}]}, None])
def test_nothing_to_propose(answer: object) -> None:
    with pytest.raises(BadInput, match="--from: "):
        propose(answer)


ANSWERS = {"acme": ACME, "gifs": GIFS, "bare": BARE}


def run_tests(project: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run the tests of a project."""
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *options]
    return subprocess.run(run, cwd=project, capture_output=True, text=True, check=False)


@pytest.mark.processes
@pytest.mark.parametrize("name", ANSWERS)
def test_the_project_keeps_the_contract(name: str, tmp_path: Path) -> None:
    """From the beginning; none of its tests fails but the one for the marks."""
    ended = run_tests(written(name, tmp_path, ANSWERS[name]))

    assert re.search(r"^1 failed, [0-9]{2} passed", ended.stdout, re.MULTILINE), ended.stdout
    assert f"imagevault_{name}/{name}.toml, line 10: the largest page (API docs)\n" in ended.stdout


@pytest.mark.processes
def test_a_test_names_each_mark_that_is_left(tmp_path: Path) -> None:
    project = written("gifs", tmp_path, GIFS)
    files = [path for path in project.rglob("*") if path.suffix in {".py", ".toml"}]
    marks = sum(path.read_text().count("CHANGE:") for path in files)

    begun = run_tests(project, "-k", "left_to_change")
    named = set(re.findall(r"^\S+, line [0-9]+: .", begun.stdout, re.MULTILINE))  # the summary repeats them in CI
    for path in files:
        path.write_text(path.read_text().replace("CHANGE:", ""))
    ended = run_tests(project, "-k", "left_to_change")

    assert len(named) == marks > 10
    assert ended.returncode == 0, ended.stdout


@pytest.mark.processes
def test_the_project_is_as_ruff_would_write_it(tmp_path: Path) -> None:
    project = written("tide-pool", tmp_path, GIFS)

    for command in (["format", "--check", "--line-length", "120"], ["check", "--extend-select", "I,UP"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
        ended = subprocess.run(ruff, cwd=project, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout


def test_the_answer_is_kept(tmp_path: Path) -> None:
    project = written("gifs", tmp_path, GIFS)

    assert json.loads((project / "tests" / "answer.json").read_bytes()) == GIFS


FILE = "https://img.bare.example/1"


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"wert": 1, "bild": f"{FILE}.jpg"}, "no field that differs in each record is named like an id"),
        ({"id": 1, "bild": "b/1.jpg"}, "write url = \"path && join('', ['https://HOST/', path])\""),
        ({"id": 1, "pictures": [{"src": f"{FILE}.jpg"}]}, 'the pictures are in a list; write url = "pictures[0].NAME"'),
        ({"id": 1, "adresse": FILE}, "no field holds an https address that ends as a picture does"),
        ({"rights": {"code": 1}, "bild": f"{FILE}.jpg"}, "no field that differs in each record is named like an id"),
        ({"of": "fox", "hits": [{"id": 1}]}, 'write records = "data[].hits[]"'),
    ],
)
def test_what_is_missing_is_named(record: dict[str, Any], message: str) -> None:
    """And what to write by hand."""
    with pytest.raises(BadInput) as refused:
        propose({"data": [record, record]})

    assert message in str(refused.value)


@pytest.mark.parametrize("record", [{"nr": 1, "bild": f"{FILE}.jpg"}, {"id": 1, "photo": FILE}])
def test_an_id_called_nr_and_an_address_without_an_ending(record: dict[str, Any]) -> None:
    records = [record, {**record, "nr": 2} if "nr" in record else {**record, "id": 2}]
    proposal = propose({"data": records})

    assert [proposal.fields["id"], *(file.path for file in proposal.renditions.values())] == list(record)


@pytest.mark.parametrize("name", ["uid", "key", "_id"])
def test_no_path_with_repeated_values_is_an_id(name: str) -> None:
    records = [{"rights": {"code": 1}, "code": 1, name: number, "photo": FILE} for number in range(3)]

    proposal = propose({"data": records})

    assert (proposal.fields["id"], proposal.ids, proposal.is_id_guessed) == (name, [0, 1, 2], False)


def test_an_id_without_the_name_of_one_is_marked(tmp_path: Path) -> None:
    """The first field that differs in each record and looks like an id."""
    records = [
        {"code": 1, "w": 900 + number, "label": f"A fox {number}", "signatur": f"M-{number}", "photo": FILE}
        for number in range(3)
    ]

    file = written("acme", tmp_path, {"data": records}) / "imagevault_acme" / "acme.toml"

    assert 'id = "signatur" # CHANGE: no name says id; this one differs in each record\n' in file.read_text()
    declarative(file)


def test_records_by_key_are_named() -> None:
    answer = {"found": {"items": {"a1": {"id": "a1", "photo": FILE}, "a2": {"id": "a2", "photo": FILE}}}}

    with pytest.raises(BadInput, match=r'by key, at `found.items`. .* records = "values\(found.items\)"'):
        propose(answer)


def test_an_answer_in_xml_is_named(tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text('<?xml version="1.0"?><items/>')

    with pytest.raises(ImageVaultError, match=r"answer.json is XML or HTML; write the provider in Python"):
        scaffold.write_declarative("acme", tmp_path, answer)

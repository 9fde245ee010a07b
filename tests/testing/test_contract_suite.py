"""The contract suite itself: a correct provider passes all of it, and each mistake is found with words that help.

The providers are small ones of invented services. A wrong one is its source with a piece replaced.
"""

import inspect
import re
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import imagevault_pexels
import msgspec
import pytest

from imagevault.errors import PluginError
from imagevault.testing import Answer, Call, Recorded, Upstream
from imagevault.testing.checks.failures import FAILURES, RAISED
from imagevault.testing.contract import ProviderContract
from imagevault.testing.recorded import Recording
from imagevault.testing.upstreams.pexels import SimulatedPexels
from tests.support import contract_mistakes
from tests.support.contract_mistakes import (
    BAD,
    CALLS,
    DOWNLOAD,
    EACH,
    FAILS,
    FILTERS,
    IMAGES,
    INFO,
    INVENTED,
    KEY,
    LAST,
    LOADS,
    LOOKED_UP,
    LOOKUP,
    LOOKUP_CALL,
    MISTAKES,
    NOTHING,
    OFFSET,
    PAGES,
    RECORD,
    SEARCH_CALL,
    SETTING,
    SIZES,
    SORTS,
    TOKENS,
    WORDS,
    Mistake,
)
from tests.support.example_providers import Change, changed, source
from tests.support.example_providers.feed_upstream import FeedArchive
from tests.support.example_providers.graph_upstream import GraphMuseum
from tests.support.example_providers.sheet_upstream import Sheet
from tests.support.example_providers.tiny_upstream import Tiny
from tests.support.sheet_mistakes import SHEET_MISTAKES

SETTINGS = {"api_key": "test-key"}
UPSTREAMS: Mapping[str, Callable[[], Upstream]] = {
    "tiny": Tiny,
    "graph": GraphMuseum,
    "feed": FeedArchive,
    "sheet": Sheet,
}


def tiny(*changes: Change) -> Any:
    """The provider with numbered pages, with these pieces of its source replaced."""
    return changed("tiny", *changes)


def contract(plugin: Any, upstream: Callable[[], Upstream | None] = Tiny, **changes: Any) -> ProviderContract:
    """The contract of a plugin; `changes` are attributes of the class."""
    attributes = {"plugin": plugin, "settings": SETTINGS, **changes, "upstream": lambda _: upstream()}
    made: ProviderContract = type("Contract", (ProviderContract,), attributes)()
    return made


def contract_of(example: str, *changes: Change) -> ProviderContract:
    """The contract of an example provider, with these pieces of its source replaced."""
    settings = {} if example in {"feed", "sheet"} else SETTINGS
    return contract(_loaded(example, *changes), UPSTREAMS[example], settings=settings)


def _loaded(example: str, *changes: Change) -> Any:
    """The example provider; a TOML file that is refused fails as the suite does where it loads it."""
    try:
        return changed(example, *changes)
    except PluginError as error:
        raise AssertionError(str(error)) from None


ALL_MISTAKES = [*MISTAKES, *SHEET_MISTAKES]
CHECKS = {name: each for name, each in inspect.getmembers(ProviderContract) if name.startswith("test_")}
KINDS = [*FAILURES, *RAISED]


def runs(name: str) -> Iterator[Mapping[str, str]]:
    """The arguments that a check is run with."""
    many = "kind" in inspect.signature(CHECKS[name]).parameters
    yield from ({"kind": kind} for kind in KINDS) if many else [{}]


@pytest.fixture
def given(request: pytest.FixtureRequest) -> Callable[[str], Mapping[str, object]]:
    """The fixtures of pytest that a check asks for."""

    def given(name: str) -> Mapping[str, object]:
        wanted = inspect.signature(CHECKS[name]).parameters.keys() & {"caplog", "tmp_path"}
        return {fixture: request.getfixturevalue(fixture) for fixture in wanted}

    return given


Given = Callable[[str], Mapping[str, object]]


def complaint(given: Given, contract: ProviderContract, name: str, **arguments: object) -> str:
    """What the check says when it fails, as it must."""
    with pytest.raises((AssertionError, pytest.fail.Exception)) as failed:
        getattr(contract, name)(**arguments, **given(name))
    return str(failed.value)


class TestACorrectProvider:
    @pytest.mark.parametrize("example", UPSTREAMS)
    @pytest.mark.parametrize("name", CHECKS)
    def test_passes(self, name: str, example: str, given: Given) -> None:
        for arguments in runs(name):
            getattr(contract_of(example), name)(**arguments, **given(name))

    def test_one_value_of_a_parameter_may_be_its_default(self) -> None:
        """It is sent if none is given. Two values that make the call without one are not sent."""
        declared = 'parameters={"era": Parameter(description="When.", values=["old", "new"])}'
        changes = ("max_results=None", declared), ("**query.native", '**{"era": "old", **query.parameters}')

        contract_of("tiny", *changes).test_sorts_and_parameters_are_sent()

    def test_every_check_has_its_words(self) -> None:
        """So that `pytest -v` and the reference tell what each is for."""
        assert all(check.__doc__ for check in CHECKS.values())
        assert len({check.__doc__ for check in CHECKS.values()}) == len(CHECKS)


@pytest.mark.parametrize(
    "mistake", ALL_MISTAKES, ids=[f"{mistake.example}: {mistake.name}: {mistake.check}" for mistake in ALL_MISTAKES]
)
def test_a_mistake_is_found(mistake: Mistake, given: Given) -> None:
    """The message says what to change."""
    with pytest.raises((AssertionError, pytest.fail.Exception)) as failed:
        getattr(contract_of(mistake.example, *mistake.changes), mistake.check)(**given(mistake.check))
    message = str(failed.value)
    assert mistake.words in message


def test_every_check_finds_a_mistake() -> None:
    tried = {mistake.check for mistake in ALL_MISTAKES} | {FAILS}
    assert tried == CHECKS.keys() - {"test_its_files_can_be_opened"}  # this one is below


def test_the_mistakes_are_many_and_each_is_another() -> None:
    assert len(MISTAKES) >= 60
    assert len({mistake.changes for mistake in MISTAKES}) > 0.9 * len(MISTAKES)  # some are seen by two checks
    assert all(mistake.words for mistake in MISTAKES)


SEARCHED = f"    response = {SEARCH_CALL}\n    listing = decode(response, _Listing)\n"


def guarded(hook: str, answer: str) -> Any:
    """The provider whose hook does this whenever anything goes wrong."""
    piece = SEARCHED if hook == "search_images" else LOOKUP_CALL + LOOKED_UP
    indented = piece.replace("    ", "        ")
    return tiny((piece, f"    try:\n{indented}    except Exception as error:\n        {answer}\n"))


class TestFailures:
    @pytest.mark.parametrize("kind", KINDS)
    def test_an_error_may_not_become_an_empty_page(self, kind: str, given: Given) -> None:
        told = complaint(given, contract(guarded("search_images", "return Page([], last=True)")), FAILS, kind=kind)
        assert re.fullmatch(f"{kind}: search_images must raise .*, but it returned a page of 0 images: .*", told)

    @pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "404"])
    def test_an_error_may_not_become_an_unknown_image(self, kind: str, given: Given) -> None:
        told = complaint(given, contract(guarded("fetch_image", "return None")), FAILS, kind=kind)
        assert re.fullmatch(f"{kind}: fetch_image must raise .*, but it returned None: do not hide the failure", told)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("hook", ["search_images", "fetch_image"])
    def test_an_error_may_not_become_another(self, hook: str, kind: str, given: Given) -> None:
        told = complaint(given, contract(guarded(hook, "raise ValueError('no') from None")), FAILS, kind=kind)
        assert re.fullmatch(rf"{kind}: {hook} must raise \w+( or \w+)*, not ProviderError\(.*ValueError.*", told)

    @pytest.mark.parametrize("answer", ["return None", "raise NotFound('no')"])
    def test_an_unknown_image_is_none_or_not_found(self, answer: str, given: Given) -> None:
        contract(guarded("fetch_image", answer)).test_every_failure_has_its_name(kind="404", **given(FAILS))

    def test_the_time_to_wait_is_passed_on(self, given: Given) -> None:
        plugin = guarded("search_images", "raise RateLimited('slow down')")
        told = complaint(given, contract(plugin), FAILS, kind="429 for a while")
        assert told == (
            "429 for a while: search_images raised an error with retry_after=None: "
            "set it to 37, the value of Retry-After"
        )

    def test_a_failed_call_is_not_repeated(self, given: Given) -> None:
        """The gateway does so, and counts the second call."""
        plugin = tiny(
            (f"    response = {SEARCH_CALL}\n", f"    for _ in range(2):\n        response = {SEARCH_CALL}\n")
        )
        told = complaint(given, contract(plugin), FAILS, kind="500")
        assert (
            told == "500: search_images called /v1/find twice: call once, because the gateway retries and counts calls"
        )

    def test_no_log_tells_a_key(self, given: Given) -> None:
        plugin = guarded("fetch_image", "logging.getLogger('tiny').debug('with %s', settings.api_key); raise")
        assert (
            complaint(given, contract(plugin), FAILS, kind="500") == "a log line holds the secret 'test-key': remove it"
        )


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("portrait", r"finds \d+ x \d+: correct the word for landscape"),
        ("wide", r"raised InvalidResponse\(.*answered 400.*: correct the word for landscape"),
    ],
)
def test_a_shape_in_the_wrong_word_is_found(given: Given, word: str, told: str) -> None:
    """The upstream gives what that word means to it, or refuses it."""
    source = inspect.getsource(imagevault_pexels)
    right = '"landscape": "landscape"'
    assert source.count(right) == 1
    plugin = types.ModuleType("imagevault_pexels")
    exec(source.replace(right, f'"landscape": "{word}"'), plugin.__dict__)  # noqa: S102  our own provider

    found = complaint(given, contract(plugin, SimulatedPexels, settings={"api_key": "test-key"}), FILTERS)

    assert re.search(f"orientation=landscape, sent as '{word}', {told}", found)


class TestWhatTheAuthorSets:
    def test_an_upstream(self) -> None:
        class Contract(ProviderContract):
            plugin = tiny()

        with pytest.raises(AssertionError, match=r"the test class has no upstream: add def upstream"):
            Contract().test_every_record_is_whole()

    @pytest.mark.parametrize(
        ("name", "changes", "told"),
        [
            (RECORD, {"query": "nothing"}, "'nothing' found nothing: set `query` of the test class to words that"),
            (LOOKUP, {"query": "nothing"}, "'nothing' found nothing: set `query` of the test class to words that"),
            (PAGES, {"query": "few"}, "'few' found only one page: set `query` of the test class to words that"),
            (NOTHING, {"nothing": "cat"}, "'cat' found something: set `nothing` of the test class to wo"),
            (LOADS, {"settings": {}}, "with the `settings` of this test: TINY_API_KEY is not set (or api_key in"),
            (LOOKUP, {"settings": {"api_key": "other"}}, "search_images raised Unauthorized('Tiny does not accept th"),
        ],
    )
    def test_words_and_settings(self, name: str, changes: dict[str, Any], told: str, given: Given) -> None:
        assert told in complaint(given, contract(tiny(), **changes), name)

    def test_hosts_of_strangers(self, given: Given) -> None:
        """An aggregator declares any host; all files must be https all the same."""
        file = "https://files.tiny.example/{photo.id}.jpg"
        plugin = tiny((file, "https://elsewhere.example/1.jpg"))
        assert "elsewhere.example, which is not declared: add it to file_hosts" in complaint(
            given, contract(plugin), RECORD
        )
        any_host = ('{"files.tiny.example"}', '{"*"}, aggregator=True')
        contract(tiny((file, "https://elsewhere.example/1.jpg"), any_host)).test_every_record_is_whole()
        plugin = tiny((file, "http://elsewhere.example/1.jpg"), any_host)
        told = complaint(given, contract(plugin, hosts_of_strangers=True), RECORD)
        assert "rendition original of cat0 is not https: http://elsewhere.example/1.jpg" in told

    def test_the_name_of_the_key(self, given: Given) -> None:
        """So that the variable of every provider is NAME_API_KEY."""
        plugin = tiny((KEY, "    access_key: str\n"), (SEARCHED, SEARCHED.replace("api_key", "access_key")))
        told = complaint(given, contract(plugin, settings={"access_key": "test-key"}), INFO)
        assert told == "settings: the only key is named access_key: name it api_key, as every provider does"

    def test_a_key_that_configure_misses(self, given: Given) -> None:
        hook = "@hookimpl\ndef configure(info, settings):\n    if settings.api_key:\n        return info\n"
        optional, place = (KEY, '    api_key: str = ""\n'), "\ndef _image(photo: _Photo) -> Image:\n"
        named, unnamed = (
            tiny(optional, (place, f"{hook}    raise ValueError('{reason}')\n\n{place}"))
            for reason in ("set TINY_API_KEY", "no key")
        )
        contract(named).test_names_a_setting_that_is_missing()
        told = complaint(given, contract(unnamed), SETTING)
        assert told == (
            "configure: the error for a missing api_key does not name its variable: "
            "add TINY_API_KEY to the message 'no key'"
        )

    def test_an_api_without_a_look_up(self, given: Given) -> None:
        """The whole suite is green for it, if the test class says so; and it must not say so otherwise."""
        lookup = source("sheet").split("[lookup]")[1].split("[image]")[0]
        plugin = changed("sheet", (f"[lookup]{lookup}", ""))
        for name in CHECKS:
            for arguments in runs(name):
                getattr(contract(plugin, Sheet, settings={}, has_lookup=False), name)(**arguments, **given(name))
        told = complaint(given, contract(changed("sheet"), Sheet, settings={}, has_lookup=False), LOOKUP)
        assert told == "the provider can look up an image, but the test class says has_lookup = False: remove that line"

    def test_a_window(self) -> None:
        """Behind it the upstream may give what it likes."""
        with pytest.raises(AssertionError, match="page 3 has images"):
            contract(tiny((LAST, "last=query.page == 2"))).test_pages_follow_without_repeat()
        contract(tiny((LAST, "last=query.page == 2"), ("=None,\n", "=20,\n"))).test_pages_follow_without_repeat()


class IdsOnly(Tiny):
    """A search tells the ids of its photos and nothing else of them."""

    def _find(self, call: Call) -> Answer:
        answer = super()._find(call)
        assert isinstance(answer.content, dict)
        ids = [photo["id"] for photo in answer.content["photos"]]
        return Answer({**answer.content, "photos": ids}, headers=answer.headers)


LOOK_UP = "await fetch_image(msgspec.json.decode(each), http, settings)"
CARELESS = f"    images = [{LOOK_UP} for each in listing.photos]\n"
CAREFUL = f"""\
    images = []
    for each in listing.photos:
        try:
            images.append({LOOK_UP})
        except msgspec.MsgspecError:
            pass
"""


class TestOneCallForEachImage:
    """Where a search tells ids only, the record that is spoiled is the answer to one look-up."""

    def test_passes(self) -> None:
        contract(tiny((EACH + IMAGES, CAREFUL)), IdsOnly).test_a_bad_record_is_left_out_alone()

    def test_is_told_what_to_change(self, given: Given) -> None:
        told = complaint(given, contract(tiny((EACH + IMAGES, CARELESS)), IdsOnly), BAD)
        assert told.startswith("one bad record loses the whole page")

    def test_no_record_at_all_is_no_fault(self) -> None:
        plugin = tiny((EACH + IMAGES, f"    images = [{INVENTED}]\n"))
        with pytest.raises(pytest.skip.Exception, match="no list of records"):
            contract(plugin, IdsOnly).test_a_bad_record_is_left_out_alone()


class TestRecordedAnswers:
    @pytest.fixture
    def recorded(self, cli: Callable[..., Any], tmp_path: Path) -> Path:
        """What the command records of a plugin in a folder."""
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins" / "tiny.py").write_text(source("tiny"))
        with Tiny() as upstream:
            environ = {"TINY_API_KEY": "test-key", "TINY_BASE_URL": upstream.url, "IMAGEVAULT_PLUGINS_DIR": "plugins"}
            done = cli("providers", "check", "tiny", "-q", "red fox", "--record", "answers.json", environ=environ)
        assert done.returncode == 0, done.stderr
        assert "recorded in answers.json, without your keys: page 1, page 2, image cat0; calls: 3" in done.stderr
        return tmp_path / "answers.json"

    def keep(self, path: Path, wanted: Callable[[Recording], bool]) -> None:
        """Leaves only these answers in the file."""
        answers = msgspec.json.decode(path.read_bytes(), type=list[Recording])
        path.write_bytes(msgspec.json.encode([answer for answer in answers if wanted(answer)]))

    def test_pass(self, recorded: Path, given: Given) -> None:
        """All but the checks for which a recording of two pages and an image cannot do."""
        reasons = {}
        for name in CHECKS:
            for arguments in runs(name):
                try:
                    getattr(contract(tiny(), lambda: Recorded(recorded)), name)(**arguments, **given(name))
                except pytest.skip.Exception as skip:
                    reasons[name] = str(skip)
        assert reasons == {
            NOTHING: "recorded answers know no other words",
            SIZES: "recorded answers have only one page size",
        }

    def test_faults_are_found_with_them_too(self, recorded: Path, given: Given) -> None:
        for mistake in [*contract_mistakes.RECORDS, *contract_mistakes.CONDUCT]:
            if mistake.check == DOWNLOAD:  # no report was recorded
                continue
            plugin = tiny(*mistake.changes)
            assert mistake.words in complaint(given, contract(plugin, lambda: Recorded(recorded)), mistake.check)

    def test_a_page_that_is_not_sent_on_is_found_too(self, recorded: Path, given: Given) -> None:
        told = complaint(given, contract(tiny((OFFSET, '"offset": 0')), lambda: Recorded(recorded)), PAGES)
        assert told == "page 2 makes the same call as page 1: send query.page"

    def test_one_page_will_do(self, recorded: Path) -> None:
        self.keep(recorded, lambda answer: "offset=10" not in answer.url)
        contract(tiny(), lambda: Recorded(recorded)).test_pages_follow_without_repeat()

    def test_a_look_up_is_missed(self, recorded: Path, given: Given) -> None:
        self.keep(recorded, lambda answer: "photos/" not in answer.url)
        told = complaint(given, contract(tiny(), lambda: Recorded(recorded)), LOOKUP)
        assert told == "no lookup of an image of the search is recorded: run imagevault providers check NAME --record"


class TestRecordedTokens:
    """A search by POST whose pages name the next one is recorded with what was sent."""

    @pytest.fixture
    def recorded(self, cli: Callable[..., Any], tmp_path: Path) -> Path:
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins" / "graph.py").write_text(source("graph"))
        with GraphMuseum() as upstream:
            environ = {"GRAPH_API_KEY": "test-key", "GRAPH_BASE_URL": upstream.url, "IMAGEVAULT_PLUGINS_DIR": "plugins"}
            done = cli("providers", "check", "graph", "-q", "red fox", "--record", "answers.json", environ=environ)
        assert done.returncode == 0, done.stderr
        return tmp_path / "answers.json"

    def test_pass(self, recorded: Path, given: Given) -> None:
        texts = [recording.sent for recording in Recorded(recorded).recordings]
        assert ['"after":null' in texts[0], '"after":"after:10"' in texts[1]] == [True, True]
        assert "test-key" not in recorded.read_text()
        for name in (PAGES, RECORD, TOKENS, WORDS, SORTS):
            getattr(contract(changed("graph"), lambda: Recorded(recorded)), name)(**given(name))


HOLDER = """
from pathlib import Path, PosixPath, WindowsPath

from imagevault import Author, Image, License, Page, ProviderInfo, Rendition, hookimpl

FOLDER = Path("FOLDER")
FREE = License("cc0-1.0", "CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/")


@hookimpl
def provider_info():
    return ProviderInfo(title="Holder", page_size=50, license=FREE)


@hookimpl
async def search_images(query):
    ids = sorted(path.stem for path in FOLDER.glob("*.jpg")) if query.text == "cat" else []
    end = query.page * query.per_page
    return Page([_image(id) for id in ids[end - query.per_page : end]], total=len(ids), last=end >= len(ids))


@hookimpl
async def fetch_image(image_id):
    return _image(image_id) if image_id in {path.stem for path in FOLDER.glob("*.jpg")} else None


@hookimpl
def open_file(image_id, rendition):
    path = FOLDER / f"{image_id}.jpg"
    return path if rendition == "original" and image_id in {path.stem for path in FOLDER.glob("*.jpg")} else None


def _image(id):
    original = Rendition(name="original", width=4, height=3)
    return Image(id=id, title=id, width=4, height=3, author=Author("Ada"), renditions=[original])
"""


NEED_UPSTREAM = {WORDS, FILTERS, SORTS, CALLS, BAD, FAILS}


class TestAProviderOfFiles:
    """It has no upstream: the tests that need one are left out, and all others run."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for number in range(5):
            (tmp_path / f"{number}cat.jpg").touch()
        return tmp_path

    def holder(self, folder: Path, old: str = "FOLDER", new: str = "FOLDER") -> ProviderContract:
        assert old in HOLDER
        module = types.ModuleType("imagevault_holder")
        exec(HOLDER.replace('Path("FOLDER")', repr(folder)).replace(old, new), module.__dict__)  # noqa: S102
        attributes = {"plugin": module, "has_upstream": False}
        made: ProviderContract = type("Contract", (ProviderContract,), attributes)()
        return made

    @pytest.mark.parametrize("name", [name for name in CHECKS if name not in NEED_UPSTREAM])
    def test_passes(self, name: str, folder: Path, given: Given) -> None:
        for arguments in runs(name):
            getattr(self.holder(folder), name)(**arguments, **given(name))

    def test_only_what_needs_an_upstream_is_left_out(self, folder: Path) -> None:
        """Pytest collects what is callable only."""
        holder = self.holder(folder)
        assert {name for name in CHECKS if not callable(getattr(holder, name))} == NEED_UPSTREAM

    @pytest.mark.parametrize("name", sorted(NEED_UPSTREAM - {SORTS}))
    def test_a_class_that_does_not_say_so_is_told_how(self, name: str, folder: Path, given: Given) -> None:
        plugin = self.holder(folder).plugin
        with pytest.raises(pytest.skip.Exception, match="set has_upstream = False in the test class"):
            getattr(contract(plugin, lambda: None, settings={}), name)(**next(runs(name)), **given(name))

    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            ("= FOLDER / f", "= FOLDER / 'x' / f", "open_file('0cat', 'original') must return the path of a file, "),
            ("    return path if rendition", "    return None and path if rendition", "the path of a file, not None"),
            (" and image_id in {path.stem for path in FOLDER.glob(\"*.jpg\")} else None\n\n\ndef _image",
                " else None\n\n\ndef _image", "open_file must return None for the unknown id 'no such id', not "),
        ],
    )  # fmt: skip
    def test_is_told_what_is_wrong_with_its_files(
        self, old: str, new: str, told: str, folder: Path, given: Given
    ) -> None:
        assert told in complaint(given, self.holder(folder, old, new), "test_its_files_can_be_opened")

    def test_its_pages_are_walked_though_there_are_few(self, folder: Path, given: Given) -> None:
        told = complaint(given, self.holder(folder, "last=end >= len(ids)", "last=True"), PAGES)
        assert told.startswith("page 1 says last=True, but page 2 has images: take the end from the upstream, ")

"""What is wrong in a declarative provider's file, with its line, its key and the remedy."""

from pathlib import Path

import pytest

from imagevault import License, Quota, declarative
from imagevault.errors import PluginError
from imagevault.plugins.declarative.plugin import make_plugin
from imagevault.plugins.declarative.schema import ProviderTable
from imagevault.records import ProviderInfo
from tests.support.declarative_file import ACME, PATH, acme, changed


def loaded(text: str) -> ProviderInfo:
    """The info of the file with this text."""
    return make_plugin(PATH, text).provider_info()


def line(part: str, text: str = ACME) -> int:
    """The line of a text on which a part of it begins."""
    return text[: text.index(part)].count("\n") + 1


class TestForm:
    def test_a_good_file(self) -> None:
        """`[provider]` is `ProviderInfo`, and `[settings]` is the Struct of the settings."""
        info = acme().provider_info()

        assert (info.title, info.page_size, info.file_hosts) == ("Acme", 30, {"img.acme.example"})
        assert info.quotas == [Quota(600, "hour")]
        assert info.filters == {"orientation": {"landscape": "wide", "portrait": "high"}}
        assert info.settings.__struct_fields__ == ("api_key",)

    def test_every_field_of_the_info_can_be_written(self) -> None:
        """A field that `ProviderInfo` gains is known here too."""
        fields = [name for name in ProviderInfo.__struct_fields__ if name != "settings"]

        assert list(ProviderTable.__struct_fields__) == fields

    def test_a_licence_for_all(self) -> None:
        """An address of Creative Commons, or a table."""
        by_address = changed(
            ("page_size = 30", 'page_size = 30\nlicense = "https://creativecommons.org/publicdomain/zero/1.0/"')
        )
        by_table = changed(
            ("page_size = 30", 'page_size = 30\nlicense = { id = "acme", name = "Acme", commercial = false }')
        )

        assert (loaded(by_address).license or License("", "")).id == "cc0-1.0"
        assert loaded(by_table).license == License("acme", "Acme", commercial=False)

    def test_settings_have_the_type_of_their_default(self) -> None:
        text = changed(
            ("[settings.api_key]", "[settings]\ndeep = { default = 3 }\nsafe = { default = true }\n[settings.api_key]")
        )

        settings = loaded(text).settings(api_key="k")

        assert (settings.deep, settings.safe, settings.api_key) == (3, True, "k")  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        ("old", "new", "at", "message"),
        [
            ('title = "Acme"', 'titel = "Acme"', "titel", "provider.titel: there is no such key. Did you mean title?"),
            ("records", "recods", "recods", "search.recods: there is no such key. Did you mean records?"),
            ("fit = ", "fits = ", "fits", "image.renditions[0].fits: there is no such key. Did you mean fit?"),
            ("author.name", "author.nam", "author.nam", "image.author.nam: there is no such key. Did you mean name?"),
            ('id = "acme"', 'ident = "acme"', "values.own", "image.license.values.own.ident: there is no such key."),
            ("[lookup]", "[lookups]", "[lookups]", "lookups: there is no such key. Did you mean lookup?"),
            (
                "description =",
                "descr =",
                "descr",
                "settings.api_key.descr: there is no such key. Did you mean description?",
            ),
            (
                "page_size = 30",
                'page_size = "30"',
                "page_size",
                "provider.page_size: must be a whole number, not a text",
            ),
            ("page_size = 30", "page_size = 0", "page_size", "provider.page_size: must be a whole number of 1 or more"),
            ("fit = [400, 400]", "fit = [400]", "fit", "[0].fit: must be a list of 2 values, not of 1"),
            ('"matches"', '["matches"]', "total", "search.total: must be a text, not a list"),
            (
                "page_size = 30",
                'page_size = 30\ncredit = "{autor}"',
                "credit",
                "provider.credit: there is no field {autor}: use {title}",
            ),
            (
                '["img.acme.example"]',
                '["*"]',
                "file_hosts",
                "name its hosts, or declare aggregator = true",
            ),
            ("https://api", "http://api", "base_url", "provider.base_url: http://api.acme.example/v1/ does not start"),
            (
                "filters.orientation",
                "filters.orientaton",
                "filters.",
                "provider.filters.orientaton: there is no such filter. Did you mean orientation?",
            ),
            (
                "{ landscape",
                "{ landscpe",
                "filters.",
                "provider.filters.orientation.landscpe: the filter has no such value. Did you mean landscape?",
            ),
            (
                "[provider]",
                "[provider]\n[provider]",
                "[provider]\ntitle",
                "[provider] stands there twice; if it is a list, write [[provider]] for all its elements",
            ),
            ("page_size = 30\n", "", "[provider]", "provider: has no page_size; add it"),
            ('id = "ref"\n', "", "[image]", "image: has no id; add it"),
            (
                'name = "small"',
                'name = "tiny"',
                'name = "tiny"',
                "image.renditions[0].name: must be one of large, medium, original, small, thumbnail, not 'tiny'",
            ),
            ("600/hour", "600/year", "quotas", "provider.quotas[0]: must be "),
            (
                'licence"\n',
                'licence"\nvalues.x = "https://acme.example/"\n',
                "values.x",
                "image.license.values.x: must be an address of Creative Commons",
            ),
            (
                '= "html(caption)"',
                '= "htm(caption)"',
                'title = "htm',
                "image.title: there is no function htm(). Did you mean html?",
            ),
            ('"link"', '"{link"', "source_url", "image.source_url: has { without }"),
            ('"{text}"', '"{txt}"', "words", "search.query.words: a request knows no txt. Did you mean text?"),
            (
                "{settings.api_key}",
                "{settings.key}",
                "headers",
                "request.headers.X-Key: there is no settings.key. Did you mean api_key?",
            ),
            (
                "{filters.orientation}",
                "{filters.orient}",
                "layout",
                "there is no filters.orient. Did you mean orientation?",
            ),
            ('layout = "{filters.orientation}"\n', "", "[search]", "search: sends no {filters.orientation}, which"),
            ('words = "{text}"\n', "", "[search]", "search: sends no {text}"),
            ('start = "{offset}"\n', "", "[search]", "search: sends neither {page} nor {offset}"),
            ("items/{id}", "items", "[lookup]", "lookup: sends no {id}"),
            ("[a-z]+-[0-9]+", "([a-z]+)+", 'id = "([', "lookup.id: the pattern could take long"),
            ("[a-z]+-[0-9]+", "[a-z", 'id = "[a-z', "lookup.id: the pattern "),
            (
                "fit = [400, 400]",
                'fit = [400, 400]\nwidth = "w"',
                "fit",
                "image.renditions[0].fit: stands in place of width and height",
            ),
            ('word = "licence"\n', "", "[image.license]", "image.license: has no word; add it"),
        ],
    )
    def test_names_line_key_and_remedy(self, old: str, new: str, at: str, message: str) -> None:
        text = changed((old, new))

        with pytest.raises(PluginError) as raised:
            loaded(text)

        assert str(raised.value).startswith(f"acme.toml, line {line(at, text)}: ")
        assert message in str(raised.value)

    def test_no_licence_at_all(self) -> None:
        text = ACME[: ACME.index("[image.license]")] + ACME[ACME.index("[[image.renditions]]") :]

        with pytest.raises(PluginError, match=r"image: has no licence: add \[image.license\]"):
            loaded(text)

    def test_no_toml(self) -> None:
        with pytest.raises(PluginError, match=r"^acme.toml, line 3: is not valid TOML: .*; correct it$"):
            loaded(changed(("homepage =", "homepage")))

    @pytest.mark.parametrize("text", ["", "[provider]\n", "provider = 7", "x = 1", "x = " + "[" * 3000, "#" * 200_000])
    def test_something_else(self, text: str) -> None:
        with pytest.raises(PluginError, match=r"acme.toml"):
            loaded(text)


class TestFile:
    def test_a_file_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "acme.toml"
        path.write_text(ACME)

        assert declarative(path).provider_info().title == "Acme"
        assert declarative(str(path)).digest == acme().digest
        assert acme(("Acme", "Other")).digest != acme().digest

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(PluginError, match=r"none.toml cannot be read: No such file"):
            declarative(tmp_path / "none.toml")

    def test_another_encoding(self, tmp_path: Path) -> None:
        path = tmp_path / "acme.toml"
        path.write_bytes(ACME.replace("Acme", "Käse").encode("latin-1"))

        with pytest.raises(PluginError, match="must be UTF-8"):
            declarative(path)


QUOTAS = 'quotas = ["600/hour"]'
HEAD_OF_SETTINGS = "[settings.api_key]"


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ('name = "original"', 'name = "huge"', 'name = "huge"', "image.renditions[1].name: must be one of large, "),
        (QUOTAS, f'{QUOTAS}\nhotlink = "no"', "hotlink", "provider.hotlink: must be one of "),
        (
            QUOTAS,
            f'{QUOTAS}\ndeclares = ["ai_generated", "adult"]',
            "declares",
            "provider.declares[1]: must be one of ai_",
        ),
        (
            QUOTAS,
            f'{QUOTAS}\nsorts = {{ newest = "n", best = "b" }}',
            "sorts",
            "provider.sorts.best: must be one of newest",
        ),
        (
            'word = "licence"',
            'word = "licence"\notherwise = "keep"',
            "otherwise",
            "image.license.otherwise: must be one of ",
        ),
        (
            'path = "find"',
            'path = "find"\nmethod = "PUT"',
            "method",
            "search.method: must be one of GET, POST, not 'PUT'",
        ),
        (
            "values.own =",
            'values.NC = { id = "nc" }\nvalues.own =',
            "values.NC",
            "image.license.values.NC: has no name",
        ),
        (
            HEAD_OF_SETTINGS,
            f'[provider.terms]\nurl = ""\nchecked_on = ""\nautomated_use = "yes"\n{HEAD_OF_SETTINGS}',
            "automated_use",
            "provider.terms.automated_use: must be one of free, human, refused",
        ),
        (
            'title = "html(caption)"',
            'title = "{settings.api_key}"',
            'title = "{s',
            "image.title: [image] reads records, ",
        ),
        (
            "start = ",
            'start = "{page - 1}"\nother = ',
            "start",
            "JMESPath does not compute; {page_from_0} counts pages",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_line(old: str, new: str, at: str, message: str) -> None:
    """Also where msgspec does not say which element of a list, or which key of a table, is wrong."""
    text = changed((old, new))
    with pytest.raises(PluginError) as raised:
        make_plugin(PATH, text)

    assert f"acme.toml, line {line(at, text)}: " in str(raised.value)
    assert message in str(raised.value)

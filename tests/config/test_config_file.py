"""The config file: the line of a key, and the meaning of `${NAME}` and `$$`."""

import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagevault.config.config_file import ConfigFile
from imagevault.config.environment import Variable
from imagevault.config.settings import load
from imagevault.errors import ConfigError

PATH = Path("/there/imagevault.toml")


def read(text: str, **variables: str) -> ConfigFile:
    """The file with this text, with these variables in the environment."""
    return ConfigFile(PATH, text, {name: Variable(value, f"variable {name}") for name, value in variables.items()})


def line(text: str, key: str) -> int | None:
    """The line that a message names for a key, None if it names the file only."""
    place = read(text).where(key)
    assert place.startswith(str(PATH))
    number = place.removeprefix(str(PATH)).removeprefix(", line ")
    return int(number) if number else None


class TestWhere:
    """The line on which a key begins."""

    @pytest.mark.parametrize(
        ("text", "key", "expected"),
        [
            ("port = 1", "port", 1),
            ("\n\n  port = 1", "port", 3),
            ("# port = 2\n#port\nport = 1\n# port = 3", "port", 3),
            ("host = 'port = 1'\nport = 1", "port", 2),
            ("ports = 1\nport = 1", "port", 2),
            ("port = 0\nhost = 'x'", "port", 1),
            ("draining = false\nhost = 'x'", "draining", 1),
            ("host = ''\nport = 1", "host", 1),
            ("default = []\nport = 1", "default", 1),
            ("'port' = 1", "port", 1),
            ('# c\n"port" = 1', "port", 2),
        ],
    )
    def test_of_a_plain_key(self, text: str, key: str, expected: int) -> None:
        """Also with an empty or false value. The same text elsewhere is not taken for the key."""
        assert line(text, key) == expected

    @pytest.mark.parametrize(
        ("text", "key", "expected"),
        [
            ("[limits]\n\nrequests = '1/day'", "limits.requests", 3),
            ("[limits]\n\nrequests = '1/day'", "limits", 1),
            ("limits.signup = '1/day'\nlimits.requests = '1/day'", "limits.requests", 2),
            ("limits = { signup = '1/day', requests = '1/day' }", "limits.requests", 1),
            ("# c\n[providers]\n# c\npexels.timeout = 1", "providers.pexels.timeout", 4),
            ("[providers]\npexels = { timeout = 1 }", "providers.pexels.timeout", 2),
            ("[providers.local]\ntimeout = 1\n[providers.pexels]\ntimeout = 1", "providers.pexels.timeout", 4),
            ("[providers.local]\n[limits]\n[providers.pexels]\n\n# c\ntimeout = 1", "providers.pexels.timeout", 6),
            ("[ limits ] # port\n'requests' = '1/day'", "limits.requests", 2),
            ("timeout = 1\n[providers.pexels]\ntimeout = 1", "providers.pexels.timeout", 3),
            ("[[limits]]\nrequests = 1", "limits", 1),
        ],
    )
    def test_of_a_key_in_a_table(self, text: str, key: str, expected: int) -> None:
        """In every form of a table, also if another table has a key of the same name."""
        assert line(text, key) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("default = [\n  'a', # port = 1\n  # c\n  'b',\n]\nport = 1", 6),
            ("host = '''\nport = 5\n'''\n# c\nport = 1", 5),
            ('host = """\nport = 5 \\\n\\"""\n"""\n\nport = 1', 6),
            ('x = """\n# a\n""" # b\nport = 1', 4),
            ("x = [[1,\n2], [3]]\ny = { a = [\n4] }\nport = 1", 5),
            ("port = '''\n1\n'''", 1),
            ("# c\nport = [\n# d\n1,\n2\n]", 2),
        ],
    )
    def test_behind_values_of_several_lines(self, text: str, expected: int) -> None:
        """The lines of an array or a text count, and nothing in them is taken for a key."""
        assert line(text, "port") == expected

    @pytest.mark.parametrize("key", ["host", "limits", "limits.port", "port.port", "providers.pexels.timeout"])
    def test_of_what_is_not_there(self, key: str) -> None:
        """Only the file is named."""
        assert line("port = 1\n[providers.local]\ntimeout = 1", key) is None

    @pytest.mark.parametrize(
        ("text", "key", "expected"),
        [("port = 1\n'a.b' = 1", "a.b", 2), ("[providers.'a.b']\n\nx = 1", "providers.a.b.x", 3)],
    )
    def test_of_a_name_with_a_dot(self, text: str, key: str, expected: int) -> None:
        """A quoted name may contain a dot; messages show it without quotes."""
        assert line(text, key) == expected


class Block(NamedTuple):
    """Some lines of a file, and the key on one of them."""

    lines: list[str]
    key: str | None = None
    at: int = 0


VALUES = [
    ["1"],
    ["'#'"],
    ["[", "  1, # x = 1", "", "]"],
    ["'''", "x = 1", "# '''"],
    ['"""', "\\", '"""'],
    ["{ z = [] }"],
]
FILLERS = st.sampled_from(["", "   ", "# c", "  # x = 1", "#[a]"])
NAMES = st.sampled_from(["a", "b", "c", "port", "limits", "x"])


@st.composite
def blocks(draw: st.DrawFn, table: str) -> list[Block]:
    """The content of a table: keys with values of one or several lines, with comments and blank lines between them."""
    found = []
    for name in draw(st.lists(NAMES, max_size=4, unique=True)):
        found += [Block([filler]) for filler in draw(st.lists(FILLERS, max_size=2))]
        first, *rest = draw(st.sampled_from(VALUES))
        indent = draw(st.sampled_from(["", "  ", "\t"]))
        found.append(Block([f"{indent}{name} = {first}", *rest], f"{table}{name}"))
    return found


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[str, int]]:
    """The text of a file, and the line of each key in it."""
    parts = draw(blocks(""))
    used = {block.key for block in parts}
    tables = draw(st.lists(st.sampled_from(["t", "t.u", "v.w", "providers.pexels"]), max_size=4, unique=True))
    for table in tables:
        parts += [Block([f"[{table}]"], table), *draw(blocks(f"{table}."))]
    lines: list[str] = []
    found: dict[str, int] = {}
    for block in parts:
        if block.key is not None:
            found.setdefault(block.key, len(lines) + 1)
        lines += block.lines
    for table in {"v", "providers"} - used:  # made by the header of a table in it
        inner = [number for key, number in found.items() if key.startswith(f"{table}.")]
        found.update({table: min(inner)} if inner else {})
    if "t.u" in found and "t" in found:
        found["t"] = min(found["t"], found["t.u"])
    return "\n".join(lines), found


class TestWhereInAny:
    @settings(deadline=None)
    @given(documents())
    def test_every_key_is_found_where_it_begins(self, document: tuple[str, dict[str, int]]) -> None:
        text, expected = document
        tomllib.loads(text)

        assert {key: line(text, key) for key in expected} == expected


class TestVariables:
    """`${NAME}` is the value of an environment variable, `$$` a plain `$`."""

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("${A}", "one"),
            ("x${A}y${B_2}z", "xoneytwoz"),
            ("${A}${A}", "oneone"),
            ("$$", "$"),
            ("$${A}", "${A}"),
            ("$$${A}", "$one"),
            ("$$$$", "$$"),
            ("$", "$"),
            ("$A", "$A"),
            ("${}", "${}"),
            ("${2}", "${2}"),
            ("${A", "${A"),
            ("${A B}", "${A B}"),
            ("100 $", "100 $"),
            ("${LOOP}", "${LOOP} $$ ${A}"),
        ],
    )
    def test_in_a_text(self, written: str, expected: str) -> None:
        """Inserted values are not expanded again. Other dollar signs stay as they are."""
        document = read(f"x = '{written}'", A="one", B_2="two", LOOP="${LOOP} $$ ${A}").document

        assert document == {"x": expected}

    def test_in_lists_and_tables(self) -> None:
        """In every text, but not in names."""
        text = "list = ['${A}', 1, ['$$']]\ninline = { a = '${A}' }\n'${A}' = true\n[t.u]\nx = '${A}'"

        assert read(text, A="one").document == {
            "list": ["one", 1, ["$"]],
            "inline": {"a": "one"},
            "${A}": True,
            "t": {"u": {"x": "one"}},
        }

    @pytest.mark.parametrize(
        ("text", "key", "number"),
        [
            ("# c\nhost = '${NO}'", "host", 2),
            ("[providers.pexels]\ntimeout = 1\napi_key = 'x${NO}'", "providers.pexels.api_key", 3),
            ("default = [\n'a',\n'${NO}']", "default", 1),
            ("limits = { signup = '${NO}' }", "limits.signup", 1),
            ("providers.a.b = [['${NO}']]", "providers.a.b", 1),
        ],
    )
    def test_that_is_not_set(self, text: str, key: str, number: int) -> None:
        """The error names the key, its line and how to write a plain $; it shows no value of another variable."""
        with pytest.raises(ConfigError) as caught:
            read(text, OTHER="hidden")

        assert (caught.value.key, caught.value.source) == (key, f"{PATH}, line {number}")
        assert caught.value.message == (
            "${NO} names an environment variable that is not set; set it, or write $$ for a plain $"
        )

    def test_from_the_environment_and_dotenv(self, tmp_path: Path) -> None:
        """The environment wins; a variable set to nothing counts as not set."""
        (tmp_path / "imagevault.toml").write_text("host = '${HERE}'\n[providers.pexels]\napi_key = '${KEY}$$'")
        (tmp_path / ".env").write_text("HERE=elsewhere.example\nKEY='a$b'\n")

        def values(environ: Mapping[str, str]) -> tuple[str, str]:
            loaded = load(environ, tmp_path)
            return loaded.host, dict(loaded.providers["pexels"])["api_key"]

        assert values({}) == ("elsewhere.example", "a$b$")
        assert values({"HERE": "here.example"}) == ("here.example", "a$b$")
        assert values({"HERE": ""}) == ("elsewhere.example", "a$b$")
        (tmp_path / ".env").unlink()
        with pytest.raises(ConfigError, match=r"\$\{HERE\} names an environment variable that is not set"):
            load({"HERE": "", "KEY": "k"}, tmp_path)

    def test_becomes_what_the_key_takes(self, tmp_path: Path) -> None:
        """A number, a rate or a list may come from a variable as well."""
        text = "port = '${PORT}'\ndefault = '${CHAIN}'\ndraining = '${YES}'\nlimits.signup = '${MANY}/day'"
        (tmp_path / "imagevault.toml").write_text(text)

        settings = load({"PORT": "81", "CHAIN": "local,pexels", "YES": "true", "MANY": "9"}, tmp_path)

        assert (settings.port, settings.default, settings.draining) == (81, ("local", "pexels"), True)
        assert (settings.limits.signup.amount, settings.limits.signup.seconds) == (9, 86400)

    @settings(deadline=None)
    @given(st.text())
    def test_any_text_can_be_written(self, text: str) -> None:
        """Text with each $ doubled is read unchanged."""
        escaped = "".join(f"\\U{ord(char):08x}" for char in text.replace("$", "$$") if not "\ud800" <= char <= "\udfff")
        plain = "".join(char for char in text if not "\ud800" <= char <= "\udfff")

        assert read(f'x = "{escaped}"').document == {"x": plain}


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder for all examples of a property."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


class TestValueOfAVariable:
    @settings(deadline=None)
    @given(value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
    def test_is_taken_as_it_is(self, place: Path, value: str) -> None:
        """No character of it is read as TOML, as another variable, or as an escape."""
        (place / "imagevault.toml").write_text("[providers.acme]\nx = '${VALUE}'")

        assert load({"VALUE": value}, place).providers == {"acme": {"x": value}}

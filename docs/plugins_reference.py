"""Writes the reference in docs/plugins.md anew, from the docstrings of the code: python docs/plugins_reference.py.

The `Attributes:` section of a Struct's docstring says what each field is, as `name: meaning` with its further lines
indented. It becomes a table; the other lines are taken as they are.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import msgspec
from msgspec import Meta

import imagevault
from imagevault import errors, licenses, quotas, records, terms
from imagevault.plugins import decoding as answers
from imagevault.plugins import hookspecs, html_text
from imagevault.plugins.declarative import plugin as declarative_plugin
from imagevault.plugins.host_settings import HostSettings
from imagevault.testing import faults

PAGE = Path(__file__).with_name("plugins.md")
BEGIN = "<!-- written by docs/plugins_reference.py -->\n"
END = "<!-- to here -->\n"
STRUCTS = (
    "ProviderInfo",
    "Terms",
    "Parameter",
    "Quota",
    "SearchQuery",
    "Page",
    "Image",
    "Rendition",
    "Author",
    "Flags",
    "Declared",
    "License",
    "Keep",
)
RAISED = ("RateLimited", "Unauthorized", "NotFound", "Unavailable", "InvalidResponse", "ProviderError")
SECTION = "\nAttributes:\n"
FIELD = re.compile(r"    (\w+): (.*)")


def reference() -> str:
    """The whole reference as Markdown."""
    nodes = [*_code(records), *_code(quotas), *_code(terms), *_code(licenses)]
    classes = {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}
    structs = [classes[name] for name in STRUCTS]
    parts = [
        "### The hooks\n",
        _prose(hookspecs),
        *_described(hookspecs),
        "### What they take and give\n",
        "All of it is imported from `imagevault`; `PLUGIN_API` is the version of this API.\n",
        *map(_struct, structs),
        "The words in these types:\n",
        "```python\n" + "\n".join(_aliases(structs)) + "\n```\n",
        "### Reading answers\n",
        _prose(answers),
        *_described(answers),
        *_described(html_text),
        "### A provider without code\n",
        "[declarative.md](declarative.md) describes the file.\n",
        *_described(declarative_plugin),
        "### Errors to raise\n",
        "Each takes a message, which callers see and logs keep, so no key in it, and `retry_after` in seconds.\n",
        *(_item(name, _prose(getattr(errors, name))) for name in RAISED),
        "",
        "### The host's own keys in `[providers.NAME]`\n",
        _prose(HostSettings),
        _host_settings(),
        "### Faults\n",
        _prose(faults),
        *(
            _item(f"{each.name}({ast.unparse(each.args)})", _prose(getattr(faults, each.name)))
            for each in _functions(faults)
        ),
        "",
    ]
    return "\n".join(parts)


def page(text: str) -> str:
    """The page with the reference between its marks as it should be."""
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{PAGE.name} must hold {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}\n{reference()}\n{END}{after}"


def _code(module: ModuleType) -> list[ast.stmt]:
    return ast.parse(inspect.getsource(module)).body


def _prose(thing: object) -> str:
    """A docstring without what it says of single fields."""
    text, _, _ = (inspect.getdoc(thing) or "").partition(SECTION)
    return text.strip() + "\n"


def _functions(module: ModuleType) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The public functions of a module, of those packages that have functions of the host's too only the exported."""
    for node in _code(module):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        if module not in {answers, html_text, declarative_plugin} or node.name in imagevault.__all__:
            yield node


def _described(module: ModuleType) -> Iterator[str]:
    """The public functions of a module: signature and docstring."""
    for node in _functions(module):
        kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        signature = f"{kind} {node.name}({ast.unparse(node.args)}){returns}"
        yield f"#### `{node.name}`\n\n```python\n{signature}\n```\n\n{_prose(getattr(module, node.name))}"


def _struct(node: ast.ClassDef) -> str:
    """A Struct: docstring, a table of its fields, and what its methods do."""
    struct = getattr(imagevault, node.name)
    meanings = dict(_meanings(struct))
    rows, methods = [], []
    for inner in [*_inherited(node), *node.body]:
        if isinstance(inner, ast.AnnAssign):
            field = ast.unparse(inner.target)
            default = f"`{ast.unparse(inner.value)}`" if inner.value else "needed"
            type = ast.unparse(inner.annotation).replace("|", r"\|")
            rows.append(f"| `{field}` | `{type}` | {default} | {meanings[field]} |")
        elif isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
            called = "" if _is_property(inner) else f"({', '.join(each.arg for each in inner.args.args[1:])})"
            text = _prose(inspect.getattr_static(struct, inner.name))
            methods.append(f"`{node.name}.{inner.name}{called}`: {text[0].lower()}{text[1:]}")
    table = ["| field | type | default | what it is |", "|---|---|---|---|", *rows, ""] if rows else []
    return "\n".join([f"#### `{node.name}`\n", _prose(struct), *table, *methods])


def _inherited(node: ast.ClassDef) -> list[ast.stmt]:
    """The fields of the private Structs that a Struct is derived from."""
    bases = {ast.unparse(base) for base in node.bases}
    classes = [other for other in _code(licenses) if isinstance(other, ast.ClassDef) and other.name in bases]
    return [inner for other in classes for inner in other.body if isinstance(inner, ast.AnnAssign)]


def _is_property(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(each) == "property" for each in node.decorator_list)


def _meanings(struct: object) -> Iterator[tuple[str, str]]:
    """What the docstring says of each field that it names."""
    _, _, section = (inspect.getdoc(struct) or "").partition(SECTION)
    meanings: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if found := FIELD.fullmatch(line):
            name = found[1]
            meanings[name] = found[2]
        elif line.strip():
            meanings[name] += f" {line.strip()}"
    for name, meaning in meanings.items():
        yield name, meaning.removesuffix(".")


def _aliases(structs: list[ast.ClassDef]) -> Iterator[str]:
    """The names for types that these Structs use, as records.py defines them."""
    annotations = [each.annotation for struct in structs for each in struct.body if isinstance(each, ast.AnnAssign)]
    used = {each.id for annotation in annotations for each in ast.walk(annotation) if isinstance(each, ast.Name)}
    for module in (records, quotas, terms):
        for node in _code(module):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in used:
                yield ast.get_source_segment(inspect.getsource(module), node) or ""


def _item(name: str, text: str) -> str:
    text = " ".join(f"* `{name}`: {text}".split())
    return textwrap.fill(text, 120, subsequent_indent="  ", break_on_hyphens=False)


def _host_settings() -> str:
    rows = []
    for field in msgspec.structs.fields(HostSettings):
        metas = list(_metas(field.type))
        meaning = next(meta.description for meta in metas if meta.description)
        span = "".join(f", from {meta.ge} to {meta.le}" for meta in metas if meta.le is not None)
        default = "" if field.default in {None, ()} else f"`{field.default}`"
        rows.append(f"| `{field.name}` | {default} | {meaning}{span} |")
    return "\n".join(["| key | default | what it is |", "|---|---|---|", *rows, ""])


def _metas(type: Any) -> Iterator[Meta]:
    """What is said about a type, or about one of those it is made of."""
    for each in get_args(type):
        yield from [each] if isinstance(each, Meta) else _metas(each)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

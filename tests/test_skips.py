"""No test is left out without a reason: on a clean clone with Linux and the usual tools, all of them run."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
# What may be missing where the tests run. Another place that skips tests is to be named here, with why it has to.
PLACES = {
    "support/installed.py": "setuptools of the machine, where no index has a newer one",
    "cli/test_config_editing.py": "a user other than root",
    "docs/test_admin.py": "sqlite3 and yaml",
    "docs/test_metrics.py": "promtool",
    "docs/test_plugins.py": "bash and curl",
    "docs/test_readme.py": "curl",
    "files/test_thumbnails.py": "/proc",
    "providers/conftest.py": "recordings of real upstreams, which are no part of the repository",
    "providers/test_local.py": "file names that are no UTF-8",
    "runtime/test_heap.py": "glibc",
    "storage/test_outage.py": "limits of Linux, and a user other than root",
    "test_layout.py": "folders of an environment as on Unix",
    "test_makefile.py": "make",
}
MARKS = {"skip", "skipif", "xfail"}


def skips(tree: ast.AST) -> Iterator[tuple[int, str | None]]:
    """Line and reason of everything that leaves a test out; None where a call states none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            reasons = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
            if owner == "pytest" and node.func.attr == "skip":
                yield node.lineno, _text([*node.args, *reasons])
            elif owner == "pytest" and node.func.attr == "importorskip":
                yield node.lineno, _text(node.args)  # the name of the module is the reason
            elif owner == "pytest.mark" and node.func.attr in MARKS:
                yield node.lineno, _text(reasons)
        elif isinstance(node, ast.Attribute) and node.attr in MARKS and ast.unparse(node.value) == "pytest.mark":
            if not any(isinstance(call, ast.Call) and call.func is node for call in ast.walk(tree)):
                yield node.lineno, None
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "collect_ignore":
            yield node.lineno, "says the header of the report"


def _text(values: list[ast.expr]) -> str | None:
    """The first value, if it is a text."""
    return next((node.value for node in values if isinstance(node, ast.Constant) and isinstance(node.value, str)), None)


def test_each_has_a_reason_and_a_place() -> None:
    found: set[str] = set()
    without_reason = []
    for path in sorted(TESTS.rglob("*.py")):
        name = str(path.relative_to(TESTS))
        for line, reason in skips(ast.parse(path.read_text(encoding="utf-8"))):
            found.add(name)
            if reason is None or len(reason) < 4:
                without_reason.append(f"{name}:{line}")

    assert without_reason == []
    assert found == set(PLACES)


def test_finds_what_has_none() -> None:
    """Each way to leave a test out."""
    code = """
@pytest.mark.skip
def test_a(): ...
@pytest.mark.skipif(True)
def test_b(): ...
@pytest.mark.skipif(True, reason="no curl here")
def test_c():
    pytest.skip()
    pytest.skip("no disk")
"""
    assert sorted(skips(ast.parse(code)), key=lambda found: found[0]) == [
        (2, None),
        (4, None),
        (6, "no curl here"),
        (8, None),
        (9, "no disk"),
    ]

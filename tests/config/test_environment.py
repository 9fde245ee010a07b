"""The `.env` file and the environment variables."""

from pathlib import Path
from typing import Any

import pytest

SECRET = "a secret of thirty-two bytes or more"


class TestAncestor:
    """The `.env` of the predecessor of this project works unchanged."""

    DOTENV = f"""\
# ImageVault
SECRET_KEY="{SECRET}"
DATABASE_URL=postgresql+asyncpg://vault:p%40ss@db.example:5433/vault?ssl=require  # the database
export PEXELS_API_KEY='abc$def'

DEBUG=true
"""

    def test_its_three_variables(self, folder: Any) -> None:
        """Comments, quotes, `export` and a dollar sign are understood; other variables are ignored."""
        settings = folder.load(dotenv=self.DOTENV)

        assert settings.secret_key == SECRET
        assert settings.database_url == "postgresql+asyncpg://vault:p%40ss@db.example:5433/vault?ssl=require"
        assert list(settings.provider_values("pexels", ["api_key"])) == [
            ("api_key", "abc$def", ".env variable PEXELS_API_KEY")
        ]

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://vault:secret@db.example/vault",
            "postgres://db.example/vault",
            "postgresql+asyncpg:///vault?host=/var/run/postgresql",
            "sqlite:///vault.sqlite",
            "sqlite:////var/lib/vault.sqlite",
        ],
    )
    def test_database_urls(self, folder: Any, url: str) -> None:
        assert folder.load({"DATABASE_URL": url}).database_url == url


class TestDotenv:
    def test_a_dotenv_that_is_not_utf8(self, folder: Any) -> None:
        assert str(folder.refusal(dotenv=b"A=1\nB=\xff")).startswith(".env: cannot be read: 'utf-8' codec can't decode")

    @pytest.mark.parametrize(
        ("dotenv", "line"),
        [("A=1\nSECRET_KEY: abc\n", 2), ('A=1\n\nSECRET_KEY="never closed\nB=2\n', 3), ("=x", 1)],
    )
    def test_a_broken_line_in_dotenv(self, folder: Any, tmp_path: Path, dotenv: str, line: int) -> None:
        """It stops the start, because a secret that was set would otherwise be missing unnoticed."""
        refusal = folder.refusal(dotenv=dotenv)

        assert str(refusal) == f".env: must be NAME=value with every quote closed ({tmp_path}/.env, line {line})"

    def test_a_folder_called_dotenv_is_let_be(self, folder: Any, tmp_path: Path) -> None:
        """It may be a virtual environment."""
        (tmp_path / ".env").mkdir()

        assert folder.load().port == 8000

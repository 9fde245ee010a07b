"""Wellcome Collection. The provider is `wellcome.toml`; docs/plugins.md explains the form."""

from pathlib import Path

from imagevault import declarative

plugin = declarative(Path(__file__).with_name("wellcome.toml"))

"""SMK, the National Gallery of Denmark. The provider is `smk.toml`; docs/plugins.md explains the form."""

from pathlib import Path

from imagevault import declarative

plugin = declarative(Path(__file__).with_name("smk.toml"))

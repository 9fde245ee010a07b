"""The Cleveland Museum of Art. The provider is `cleveland.toml`; docs/plugins.md explains the form."""

from pathlib import Path

from imagevault import declarative

plugin = declarative(Path(__file__).with_name("cleveland.toml"))

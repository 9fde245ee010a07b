"""A folder of picture files, for plugins. An alias of `imagevault.files.folder`."""

from imagevault.files.folder import File, Folder

__all__ = ["File", "Folder"]

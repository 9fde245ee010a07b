"""The table of images that an admin hides."""

from piccolo.columns import BigInt, Text
from piccolo.table import Table

from imagevault.storage.database import DB


class HiddenImage(Table, tablename="iv_hidden_image", db=DB):
    """An image that appears in no answer. `image` is `PROVIDER:ID`, `hidden_at` milliseconds since 1970."""

    image = Text(primary_key=True)
    reason = Text()
    hidden_at = BigInt(default=0)

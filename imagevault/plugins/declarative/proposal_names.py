"""The names by which a proposal recognises the fields and the files of a recorded answer."""

from collections.abc import Mapping, Sequence

from imagevault.records import RenditionName

# The last names of paths that usually hold the id, the best first.
ID_NAMES: Sequence[str] = (
    "id",
    "uuid",
    "uid",
    "_id",
    "image_id",
    "photo_id",
    "identifier",
    "object_id",
    "object_number",
    "ref",
    "slug",
    "key",
    "nr",
    "number",
    "code",
    "guid",
)
# Any other field of an image -> the same for it.
NAMES: Mapping[str, Sequence[str]] = {
    "title": ("title", "name", "caption", "label", "headline"),
    "description": ("description", "summary", "abstract", "text"),
    "date": ("date", "created", "creation_date", "year", "date_display", "created_at"),
    "author.name": ("photographer", "artist", "creator", "author", "username", "user_name", "maker"),
    "source_url": ("page", "link", "source_url", "html_url", "permalink", "frontend_url", "page_url", "url"),
    "tags": ("tags", "keywords", "subjects"),
    "license.word": ("license", "licence", "license_url", "rights", "license_id", "share_license_status"),
}
# A word in the path of a file -> our name for such a file.
FILE_WORDS: Mapping[str, RenditionName] = {
    "icon": "thumbnail",
    "square": "thumbnail",
    "thumb": "thumbnail",
    "thumbnail": "thumbnail",
    "tiny": "thumbnail",
    "preview": "small",
    "small": "small",
    "display": "medium",
    "medium": "medium",
    "regular": "medium",
    "web": "medium",
    "big": "large",
    "hd": "large",
    "large": "large",
    "print": "large",
    "full": "original",
    "max": "original",
    "original": "original",
    "raw": "original",
    "source": "original",
}
PICTURE_WORDS = {"image", "img", "photo", "picture"}

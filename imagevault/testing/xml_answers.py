"""XML answers of an upstream: read them, write them, and find the records in them."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException, ElementTree

UNEXPECTED = "unexpected"  # the name of an element that no upstream documents


def read_xml(body: bytes) -> Element | None:
    """Return the root of an XML document; None if the body is none, or defines entities."""
    if not body.lstrip().startswith(b"<"):
        return None
    try:
        root: Element = ElementTree.fromstring(body)
    except (ParseError, DefusedXmlException, ValueError, LookupError):  # LookupError: an unknown encoding
        return None
    return root


def write_xml(root: Element) -> bytes:
    """Return the document with this root."""
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def spoil(element: Element) -> None:
    """Replace everything in an element by one element that no upstream documents. Its name stays."""
    element.clear()
    SubElement(element, UNEXPECTED).text = "true"


def elements_in(root: Element, count: int) -> Sequence[Element] | None:
    """Return the records of an answer: at least `count` elements of one name, side by side, nearest to the root.

    Only elements with children or attributes are records. None if there are none.
    """
    level = [root]
    while level:
        groups = [group for parent in level for group in _groups(parent) if len(group) >= count]
        if groups:
            return max(groups, key=len)
        level = [child for parent in level for child in parent]
    return None


def _groups(parent: Element) -> list[list[Element]]:
    """Return the children of an element by their name, without those that hold a text only."""
    groups: dict[str, list[Element]] = {}
    for child in parent:
        if len(child) or child.attrib:
            groups.setdefault(child.tag, []).append(child)
    return list(groups.values())

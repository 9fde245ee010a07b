"""Reading answers: what is decoded, what raises, and what is left out."""

import httpx
import msgspec
import pytest

from imagevault import InvalidResponse, decode, decode_each, decode_part, decode_parts, drop_unreadable
from imagevault.plugins.decoding import count_records


class Photo(msgspec.Struct):
    id: int
    title: str | None = None


class Listing(msgspec.Struct):
    photos: list[msgspec.Raw]


def answer(content: bytes, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=content, request=httpx.Request("GET", "https://api.example/photos"))


class TestDecode:
    def test_returns_the_struct(self) -> None:
        assert decode(answer(b'{"id": 7, "more": "is ignored"}'), Photo) == Photo(7)

    @pytest.mark.parametrize("status", [404, 429, 503])
    def test_raises_for_the_status_first(self, status: int) -> None:
        """Whatever the body is."""
        with pytest.raises(httpx.HTTPStatusError):
            decode(answer(b"<html>", status), Photo)

    @pytest.mark.parametrize("content", [b"", b"<html>", b'{"id": "seven"}', b"[]"])
    def test_raises_for_another_form(self, content: bytes) -> None:
        with pytest.raises(msgspec.MsgspecError):
            decode(answer(content), Photo)

    @pytest.mark.parametrize("odd", [rb'"\ud83d"', rb'"cut: \ud83d x"', rb'"\ude00"', b"NaN"])
    def test_one_odd_value_costs_no_answer(self, odd: bytes) -> None:
        """A text that was cut inside an emoji makes the whole malformed, also where it is in a field that is unused."""
        content = b'{"photos": [{"id": 1, "more": %b}, {"id": 2}]}' % odd

        assert decode_each(decode(answer(content), Listing).photos, Photo) == [Photo(1), Photo(2)]

    def test_reads_the_odd_text(self) -> None:
        assert decode(answer(rb'{"id": 1, "title": "Fox \ud83d"}'), Photo) == Photo(1, "Fox \ufffd")

    def test_deep_nesting_is_another_form(self) -> None:
        with pytest.raises(msgspec.MsgspecError, match="nested too deeply"):
            decode(answer(b'{"id": 1, "more": ' + b"[" * 90_000 + b"]" * 90_000 + b"}"), Photo)


class TestDecodeEach:
    def test_leaves_out_what_has_another_form(self) -> None:
        """Missing fields, wrong types, and text that is not UTF-8."""
        content = b'{"photos": [{"id": 1}, {"id": "two"}, {}, null, {"id": 5, "title": "\xff"}, {"id": 6}]}'

        listing = decode(answer(content), Listing)

        assert decode_each(listing.photos, Photo) == [Photo(1), Photo(6)]

    def test_keeps_a_record_with_an_odd_optional_field(self) -> None:
        with count_records() as count:
            photos = decode_each([msgspec.Raw(b'{"id": 1, "title": 7}'), msgspec.Raw(b'{"id": 2}')], Photo)

        assert (photos, count.dropped) == ([Photo(1), Photo(2)], 0)
        assert decode(answer(b'{"id": 1, "title": []}'), Photo) == Photo(1)
        assert decode_part(msgspec.Raw(b'{"id": 1, "title": []}'), Photo) == Photo(1)

    def test_leaves_out_what_is_nested_too_deeply(self) -> None:
        deep = b'{"id": 3, "more": ' + b"[" * 90_000 + b"]" * 90_000 + b"}"

        with count_records() as count:
            assert decode_each([msgspec.Raw(b'{"id": 1}'), msgspec.Raw(deep)], Photo) == [Photo(1)]
        assert decode_part(msgspec.Raw(deep), Photo) is None

        assert count.reason == "JSON is nested too deeply"

    def test_counts_what_it_leaves_out(self) -> None:
        """With the first reason, also over several lists."""
        records = [msgspec.Raw(b'{"id": 1}'), msgspec.Raw(b'{"id": "two"}'), msgspec.Raw(b"{}")]

        with count_records() as count:
            decode_each(records, Photo)
            decode_each(records[:1], Photo)

        assert (count.records, count.dropped) == (4, 2)
        assert count.reason == "Expected `int`, got `str` - at `$.id`"

    def test_leaves_out_a_record_of_too_many_values(self) -> None:
        """Decoding one holds the event loop."""
        large = b'{"id": 3, "more": [' + b"1," * 60_000 + b"1]}"

        with count_records() as count:
            assert decode_each([msgspec.Raw(b'{"id": 1}'), msgspec.Raw(large)], Photo) == [Photo(1)]
        assert decode_part(msgspec.Raw(large), Photo) is None

        assert count.reason == "the record holds more than 50000 values"

    def test_an_answer_of_too_many_values_is_not_read(self) -> None:
        with pytest.raises(InvalidResponse, match="more values than are read"):
            decode(answer(b'{"photos": [' + b"1," * 600_000 + b"1]}"), Listing)

    def test_reads_no_more_than_a_limit(self) -> None:
        """Of each list; the smallest limit counts. What was not asked for costs no work."""
        records = [msgspec.Raw(b'{"id": 1}'), msgspec.Raw(b"{}"), *[msgspec.Raw(b'{"id": 2}')] * 40_000]

        with count_records(limit=3) as count, count_records():
            photos = decode_each(records, Photo)

        assert photos == [Photo(1), Photo(2)]
        assert (count.records, count.dropped) == (3, 1)

    def test_a_total_loss_is_no_list(self) -> None:
        """Records were there, and none could be read: the answer has another form."""
        with pytest.raises(InvalidResponse, match="none of 2 records can be read: Expected `int`, got `str`"):
            decode_each([msgspec.Raw(b'{"id": "1"}'), msgspec.Raw(b"null")], Photo)

    def test_of_nothing_is_nothing(self) -> None:
        assert decode_each([], Photo) == []


class TestDecodeParts:
    """Parts of a record, without which it is still worth showing."""

    def test_an_odd_part_is_none(self) -> None:
        with count_records() as count:
            assert decode_part(msgspec.Raw(b'{"id": 1}'), Photo) == Photo(1)
            assert decode_part(msgspec.Raw(b'"none"'), Photo) is None
            assert decode_part(msgspec.Raw(b'{"id": 1, "title": "\xff"}'), Photo) is None

        assert count.dropped == 0

    def test_of_a_list_the_odd_elements_are_left_out(self) -> None:
        assert decode_parts(msgspec.Raw(b'[{"id": 1}, null, {"id": 2}]'), Photo) == [Photo(1), Photo(2)]
        assert decode_parts(msgspec.Raw(b'[null, "x"]'), Photo) == []
        assert decode_parts(msgspec.Raw(b'{"id": 1}'), Photo) == []

    def test_of_a_list_the_first_are_read(self) -> None:
        assert len(decode_parts(msgspec.Raw(b"[" + b"1," * 5000 + b"1]"), int)) == 500


class TestDropUnreadable:
    def test_leaves_out_the_errors(self) -> None:
        """In the order of the list, and counted with the first reason."""
        with count_records() as count:
            photos = drop_unreadable([Photo(1), ValueError("two"), Photo(3), ValueError("four")])

        assert photos == [Photo(1), Photo(3)]
        assert (count.records, count.dropped, count.reason) == (4, 2, "two")

    def test_raises_where_nothing_can_be_read(self) -> None:
        with pytest.raises(InvalidResponse, match="none of 2 records can be read: one"):
            drop_unreadable([ValueError("one"), ValueError("two")])

    def test_of_nothing_is_nothing(self) -> None:
        assert drop_unreadable([]) == []

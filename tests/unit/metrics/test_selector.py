"""Selectors: what is read, what is written, what matches, and what people are told."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.metrics.selector import (
    Matcher,
    Op,
    Selector,
    SelectorError,
    parse_matchers,
    parse_selector,
    quote_regex,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("up", Selector("up", ())),
        ("job:errors:sum", Selector("job:errors:sum", ())),
        ("up{}", Selector("up", ())),
        (' up { job = "a" , } ', Selector("up", (Matcher("job", "=", "a"),))),
        (r'up{a=~"5\\d+"}', Selector("up", (Matcher("a", "=~", r"5\d+"),))),
        (r'up{a="\"\\\n\t"}', Selector("up", (Matcher("a", "=", '"\\\n\t'),))),
        (
            'up{a="}",b!~"é{2}"}',
            Selector("up", (Matcher("a", "=", "}"), Matcher("b", "!~", "é{2}"))),
        ),
        ('up{pod=~"{{ pods }}"}', Selector("up", (Matcher("pod", "=~", "{{ pods }}"),))),
    ],
)
def test_a_selector_is_read_as_prometheus_reads_it(text: str, expected: Selector) -> None:
    assert parse_selector(text) == expected


@pytest.mark.parametrize(
    ("text", "character", "expected"),
    [
        ("", 1, "expected the name of a metric"),
        ('{job="a"}', 1, "expected the name of a metric"),
        ("rate(up[5m])", 5, "leave out ranges, functions and operators"),
        ("up[5m]", 3, "leave out ranges"),
        ('up{a="b"} offset 5m', 11, "leave out ranges"),
        ('up{a="b"', 9, "expected , or }"),
        ('up{a="b" c="d"}', 10, "expected , or }"),
        ("up{a}", 5, "expected one of = != =~ !~"),
        ("up{a=b}", 6, "expected a value in double quotes"),
        ("up{a=~{{ pods }}}", 7, "expected a value in double quotes"),
        ('up{="b"}', 4, "expected , or }"),
        ('up{a=~"("}', 7, "missing )"),
        ('up{a=~"(?=x)"}', 7, "not a regular expression in RE2 syntax"),
        (r'up{a="\d"}', 6, r"\d is no escape; write \\ for a backslash"),
    ],
)
def test_what_is_no_selector_is_named_with_its_place(
    text: str, character: int, expected: str
) -> None:
    with pytest.raises(SelectorError) as caught:
        parse_selector(text)
    message = str(caught.value)
    assert message.startswith(repr(text))
    assert f"character {character}:" in message
    assert expected in message
    assert message.endswith('for example http_requests_total{namespace="shop",code=~"5.."}')


def test_matchers_stand_without_braces() -> None:
    assert parse_matchers('code=~"5..", method!="GET"') == (
        Matcher("code", "=~", "5.."),
        Matcher("method", "!=", "GET"),
    )
    for text in ("", '{code="500"}', 'code="500"}', "code"):
        with pytest.raises(SelectorError):
            parse_matchers(text)


@pytest.mark.parametrize(
    ("op", "value", "present", "expected"),
    [
        ("=", "500", "500", True),
        ("=", "500", "50", False),
        ("=", "", None, True),
        ("!=", "500", None, True),
        ("=~", "5..", "500", True),
        ("=~", "5..", "5000", False),
        ("=~", "5", "500", False),
        ("=~", "4..|5..", "404", True),
        ("=~", "a.b", "a\nb", True),
        ("=~", "[[:digit:]]+", "500", True),
        ("=~", ".*", None, True),
        ("=~", ".+", None, False),
        ("!~", "5..", "200", True),
        ("!~", "5..", "503", False),
        ("!~", ".+", None, True),
    ],
)
def test_a_matcher_matches_what_prometheus_would_match(
    op: Op,
    value: str,
    present: str | None,
    expected: bool,  # noqa: FBT001  # a column of the table
) -> None:
    labels = {} if present is None else {"code": present}
    assert Matcher("code", op, value).matches(labels) is expected


def test_a_selector_matches_by_name_and_by_every_matcher() -> None:
    selector = parse_selector('up{a="1",b="2"}')
    assert selector.matches({"__name__": "up", "a": "1", "b": "2", "c": "3"})
    assert not selector.matches({"__name__": "up", "a": "1", "b": "3"})
    assert not selector.matches({"__name__": "down", "a": "1", "b": "2"})


def test_a_hostile_expression_takes_no_longer_than_a_kind_one() -> None:
    matcher = parse_matchers('code=~"(a+)+b"')[0]
    began = time.perf_counter()
    assert not matcher.matches({"code": "a" * 10_000})
    assert time.perf_counter() - began < 1


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]*", fullmatch=True)
matchers = st.builds(Matcher, names, st.sampled_from(["=", "!="]), texts) | st.builds(
    Matcher, names, st.sampled_from(["=~", "!~"]), texts.map(quote_regex)
)


@given(st.builds(Selector, names, st.lists(matchers, max_size=4).map(tuple)))
def test_what_is_written_reads_back_the_same(selector: Selector) -> None:
    assert parse_selector(str(selector)) == selector


@given(texts, texts)
def test_a_quoted_expression_matches_its_text_and_nothing_else(text: str, other: str) -> None:
    matcher = Matcher("a", "=~", quote_regex(text))
    assert matcher.matches({"a": text})
    assert matcher.matches({"a": other}) is (other == text)

"""What the models refuse of what people write, with the sentence that the API server gives too."""

import re
from ipaddress import IPv6Address
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from controller.api.base import (
    LABEL_NAMES,
    BaseUrl,
    HttpUrl,
    LabelKey,
    ObjectName,
    Probability,
    is_base_url,
)
from controller.api.metric import Counts, Gauge, Margin
from controller.api.validation import RULES, matching, quoted

PODS = 'requests_total{pod=~"{{ pods }}"}'


def refusal(annotation: Any, value: object) -> str:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(annotation).validate_python(value)
    return str(refused.value.errors()[0]["msg"])


@pytest.mark.parametrize(
    "total",
    [
        PODS,
        'requests_total{namespace="{{ namespace }}", pod=~"{{ pods }}"}',
        ' requests_total { pod =~ "{{ pods }}" , code != "" , } ',
        'requests_total{service=~".+-{{ namespace }}-{{ service }}-[0-9]{1,3}@.+"}',
        'requests_total{path=~"/(a|b)\\\\.html", quote="\\""}',
        'job:requests:total{pod=~"{{ pods }}"}',
    ],
)
def test_a_series_selector_is_a_total(total: str) -> None:
    assert Counts(total=total, bad='code=~"5.."').total == total


@pytest.mark.parametrize(
    "total",
    [
        "",
        "requests_total",
        "requests_total{}",
        f"{PODS}[5m]",
        f"rate({PODS}[5m])",
        f"sum({PODS})",
        f"{PODS} + {PODS}",
        f"{PODS} offset 5m",
        '{pod=~"{{ pods }}"}',
        "requests_total{pod=~'{{ pods }}'}",
        'requests_total{pod=~"{{ pod }}"}',
        'requests_total{pod=~"{{pods}}"}',
        'requests_total{pod=~"{{ pods }}}',
        'requests_total{pod=~"a"} or requests_total{pod=~"b"}',
    ],
)
def test_anything_else_is_none(total: str) -> None:
    with pytest.raises(ValidationError, match="must be one series selector, such as"):
        Counts(total=total, bad='code=~"5.."')


def test_a_gauge_is_selected_as_counters_are() -> None:
    assert Gauge(series=PODS).series == PODS
    with pytest.raises(ValidationError, match="must be one series selector, such as process_"):
        Gauge(series=f"avg_over_time({PODS}[5m])")


@pytest.mark.parametrize("bad", ['code=~"5.."', ' code = "500" , le!~"a,b" ,', 'a="}"'])
def test_matchers_are_bad(bad: str) -> None:
    assert Counts(total=PODS, bad=bad).bad == bad


@pytest.mark.parametrize("bad", ["", "code", "code=500", '{code="500"}', 'code="5"} or x{a="b"'])
def test_nothing_else_is_bad(bad: str) -> None:
    with pytest.raises(ValidationError, match="must be label matchers without braces"):
        Counts(total=PODS, bad=bad)


@pytest.mark.parametrize("text", [".5", "0.5", "0.01", "0.00000001"])
def test_probabilities(text: str) -> None:
    assert TypeAdapter(Probability).validate_python(text) == text


@pytest.mark.parametrize("text", ["0", "0.0", ".00000000", "0.51", "1", "-0.1", "1e-3", "0.1 "])
def test_no_probabilities(text: str) -> None:
    assert "must be a probability above 0 and at most 0.5" in refusal(Probability, text)


USABLE = [
    "http://a",
    "https://a.b:9090/prometheus",
    "http://a_b-c.svc.:65535//x/",
    "http://[2001:db8::1]:9090",
    "http://p/a%20b/(c)~'!$&*+,;=:",
]
# Where a runbook's page may be, and no API.
LINKS = ["http://p/?x=1", "http://p/#f", "http://p/%zz"]
UNUSABLE = [
    "http://[::1:9090",
    "http://[1.2.3.4]",
    "http://prom:99999999",
    "http://p:0",
    "http://p:",
    "http://a\\b",
    "http://%zz",
    "http://a..b",
    "http://:9090",
    f"http://{'a' * 64}",
    *LINKS,
]


@pytest.mark.parametrize("url", USABLE)
def test_urls(url: str) -> None:
    assert is_base_url(url)
    for annotation in (BaseUrl, HttpUrl):
        assert TypeAdapter(annotation).validate_python(url) == url


@pytest.mark.parametrize("url", ["http://", "a.b", "ftp://a", "http://u:p@a", "http://a b"])
@pytest.mark.parametrize("annotation", [BaseUrl, HttpUrl])
def test_no_urls(annotation: Any, url: str) -> None:
    assert not is_base_url(url)
    assert "without user name and password" in refusal(annotation, url)


@pytest.mark.parametrize("url", UNUSABLE)
def test_what_older_rules_let_in_is_read_and_known_as_unusable(url: str) -> None:
    assert TypeAdapter(BaseUrl).validate_python(url) == url
    assert not is_base_url(url)


def matches(annotation: Any, url: str) -> bool:
    """Tell whether the API server accepts it: its one rule is a regular expression of both."""
    (rule,) = TypeAdapter(annotation).json_schema()[RULES]
    pattern = re.fullmatch(r"self\.matches\('(.*)'\)", rule["rule"])
    assert pattern is not None
    return bool(re.search(pattern[1].replace("\\'", "'").replace("\\\\", "\\"), url))


@pytest.mark.parametrize("url", [*USABLE, *UNUSABLE])
def test_the_api_server_asks_for_a_url_that_is_usable(url: str) -> None:
    assert matches(BaseUrl, url) == is_base_url(url)
    assert matches(HttpUrl, url) == (url in [*USABLE, *LINKS])


def groups(number: int) -> str:
    return ":".join(["1f"] * number)


@pytest.mark.parametrize("before", range(10))
@pytest.mark.parametrize("middle", ["::", ":", "", ":::"])
@pytest.mark.parametrize("after", range(10))
def test_in_brackets_is_an_ipv6_address(before: int, middle: str, after: int) -> None:
    text = f"{groups(before)}{middle}{groups(after)}"
    try:
        expected = str(IPv6Address(text)) != ""
    except ValueError:
        expected = False
    assert is_base_url(f"http://[{text}]:9090/x") == expected


def test_names() -> None:
    assert "must be the name of an object" in refusal(ObjectName, "Checkout")
    assert "must be the name of an object" in refusal(ObjectName, "")
    assert "must be the key of a label" in refusal(LabelKey, "a b")
    labels = Annotated[dict[str, str], LABEL_NAMES]
    assert "label names of Prometheus" in refusal(labels, {"app.kubernetes.io/name": "x"})


@pytest.mark.parametrize("absolute", ["0", ".5", "0.005", "16777216", "1.25"])
def test_margins(absolute: str) -> None:
    assert Margin(absolute=absolute).absolute == absolute


@pytest.mark.parametrize("values", [{"relative": "-1"}, {"absolute": "-1"}, {"absolute": "16Mi"}])
def test_no_margins(values: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="in quotes"):
        Margin.model_validate(values)


def test_a_pattern_covers_the_whole_text_in_both_languages() -> None:
    rule = matching("a|b", "a or b")
    assert rule.cel == "self.matches('^(?:a|b)$')"
    assert rule.holds is not None
    assert [rule.holds(text) for text in ("a", "b", "ab", "a\n", "")] == [True, True, *[False] * 3]


@given(st.text(alphabet="a'\\\"n", max_size=8))
def test_a_cel_literal_says_what_was_meant(text: str) -> None:
    literal = quoted(text)
    inner = literal[1:-1]
    read, at = "", 0
    while at < len(inner):
        assert inner[at] != "'"
        at += inner[at] == "\\"
        read += inner[at]
        at += 1
    assert (literal[0], literal[-1], read) == ("'", "'", text)

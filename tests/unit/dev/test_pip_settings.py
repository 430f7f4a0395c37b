"""What pip heeds on this machine reaches pip in an image build."""

from configparser import RawConfigParser
from pathlib import Path

from dev.pip_settings import named_paths, parse, render

LISTING = r"""
global.cert='/etc/ssl/certs/own.crt'
global.extra-index-url='\nhttps://one.example/simple\nhttps://two.example/simple'
global.timeout='60'
list.format='columns'
:env:.find-links='/srv/wheels'
:env:.timeout='180'
"""


def test_the_later_line_wins_and_other_commands_stay_out() -> None:
    assert parse(LISTING) == {
        "cert": "/etc/ssl/certs/own.crt",
        "extra-index-url": "\nhttps://one.example/simple\nhttps://two.example/simple",
        "timeout": "180",
        "find-links": "/srv/wheels",
    }


def test_what_is_rendered_reads_as_what_was_set() -> None:
    settings = parse(LISTING)
    reader = RawConfigParser()
    reader.read_string(render(settings))
    assert dict(reader["global"]) == settings


def test_files_are_named_but_for_the_systems_certificates() -> None:
    assert named_paths(parse(LISTING)) == (Path("/srv/wheels"),)

"""What decodes a class is made once, at import.

msgspec 0.22 ends the process by a segmentation fault where two threads make it at the same time, as
the caches of many kinds did when they listed for the first time. No test can force that to happen.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import controller

ROOT = Path(str(controller.__file__)).parent


def made_on_the_way(path: Path) -> Iterator[int]:
    """Yield the lines on which a function makes a decoder, or has msgspec make one."""
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            typed = any(word.arg == "type" for word in node.keywords)
            if called == "msgspec.json.Decoder" or (called == "msgspec.json.decode" and typed):
                yield node.lineno


def test_no_function_makes_a_decoder_of_a_class() -> None:
    found = [f"{path}:{line}" for path in ROOT.rglob("*.py") for line in made_on_the_way(path)]
    assert found == []

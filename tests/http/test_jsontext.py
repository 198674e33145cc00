"""JSON: orjson and the standard library say the same."""

import importlib
import json
import sys
from collections import OrderedDict
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http import jsontext

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@pytest.fixture(scope="module")
def plain() -> Any:
    """The module as it is where there is no orjson."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "orjson", None)
        spec = importlib.util.find_spec(jsontext.__name__)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    assert module.orjson is None
    return module


def test_orjson_is_used_where_it_is() -> None:
    assert vars(jsontext)["orjson"] is not None


@given(VALUES)
def test_both_mean_the_same(plain: ModuleType, value: Any) -> None:
    text = jsontext.encode(value)
    assert json.loads(text) == json.loads(plain.encode(value))
    assert json.loads(text) == json.loads(json.dumps(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, 2.5, None, True], "b": "\u00fc"}, '{"a":[1,2.5,null,true],"b":"\u00fc"}'),
        ({1: 2, None: 3}, '{"1":2,"null":3}'),
        ([1 << 70], f"[{1 << 70}]"),
        (OrderedDict(b=1, a=(2,)), '{"b":1,"a":[2]}'),
    ],
)
def test_texts(plain: ModuleType, value: Any, text: str) -> None:
    assert jsontext.encode(value) == plain.encode(value) == text.encode()


def test_what_has_no_text(plain: ModuleType) -> None:
    for module in (plain, jsontext):
        for value in (object(), {"a": {1, 2}}, [b"x"], {(1, 2): 3}, ["\ud800"]):
            with pytest.raises((TypeError, ValueError)):
                module.encode(value)
    with pytest.raises(ValueError):
        plain.encode([float("nan")])
    assert jsontext.encode([float("nan")]) == b"[null]"

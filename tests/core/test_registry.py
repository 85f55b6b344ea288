import importlib.metadata
from types import SimpleNamespace

import pytest

from imcsim.core.errors import ContentError
from imcsim.core.registry import Registry


def make(module: str, qualname: str = "Entry") -> type:
    return type("Entry", (), {"__module__": module, "__qualname__": qualname})


def test_entries_are_found_by_name_in_order() -> None:
    registry: Registry[type] = Registry("method")
    first, second = make("a"), make("b")
    assert registry.register("sparcl")(first) is first
    registry.register("er")(second)
    assert registry.get("sparcl") is first
    assert registry.names() == ["er", "sparcl"]
    assert list(registry) == ["er", "sparcl"]


@pytest.mark.parametrize(("module", "qualname"), [("b", "Entry"), ("a", "Other")])
def test_a_second_entry_of_the_same_name_is_refused(module: str, qualname: str) -> None:
    registry: Registry[type] = Registry("method")
    first = make("a")
    registry.register("er")(first)
    with pytest.raises(ContentError, match=f"^method 'er' is registered twice: by a.Entry and by {module}.{qualname}$"):
        registry.register("er")(make(module, qualname))
    assert registry.get("er") is first


def test_the_same_entry_may_be_registered_again_after_a_reload() -> None:
    registry: Registry[type] = Registry("method")
    registry.register("er")(make("a"))
    reloaded = make("a")
    registry.register("er")(reloaded)
    assert registry.get("er") is reloaded


@pytest.mark.parametrize(("name", "hint"), [("sparkl", "; did you mean 'sparcl'\\?"), ("zzz", "; allowed: er, sparcl")])
def test_an_unknown_name_is_refused(name: str, hint: str) -> None:
    registry: Registry[type] = Registry("mapping rule")
    registry.register("sparcl")(make("a"))
    registry.register("er")(make("b"))
    with pytest.raises(ContentError, match=f"^unknown mapping rule '{name}'{hint}$"):
        registry.get(name)


def test_an_empty_registry_says_so_without_a_hint() -> None:
    with pytest.raises(ContentError, match=r"^unknown rule 'x'$"):
        Registry[type]("rule").get("x")


def test_entries_are_loaded_once_and_not_before_the_first_look_up() -> None:
    calls: list[str] = []

    def load() -> None:
        calls.append("load")
        registry.register("er")(make("a"))

    registry: Registry[type] = Registry("method", load)
    assert calls == []
    assert registry.names() == ["er"]
    assert registry.get("er").__module__ == "a"
    assert calls == ["load"]


def test_a_failed_load_is_tried_again() -> None:
    def load() -> None:
        raise ContentError("broken file")

    registry: Registry[type] = Registry("method", load)
    for _ in range(2):
        with pytest.raises(ContentError, match="broken file"):
            registry.get("er")


class Point:
    """An entry point as installed metadata gives it."""

    def __init__(self, name: str, value: str, package: str, entry: type | Exception) -> None:
        self.name, self.value, self.module = name, value, value.partition(":")[0]
        self.dist = SimpleNamespace(name=package)
        self.entry = entry
        self.loads = 0

    def load(self) -> type:
        self.loads += 1
        if isinstance(self.entry, Exception):
            raise self.entry
        return self.entry


def outside(monkeypatch: pytest.MonkeyPatch, *points: Point) -> Registry[type]:
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points if group == "imcsim.test" else ())
    return Registry("rule", group="imcsim.test")


def test_entries_of_other_packages_are_named_without_being_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    there = make("toy")
    point = Point("theirs", "toy:Entry", "toy-package", there)
    registry = outside(monkeypatch, point)
    registry.register("ours")(make("a"))
    assert registry.names() == ["ours", "theirs"]
    assert point.loads == 0
    assert registry.get("theirs") is there
    assert registry.get("theirs") is there
    assert point.loads == 1
    with pytest.raises(ContentError, match=r"unknown rule 'their'; did you mean 'theirs'\?"):
        registry.get("their")


def test_a_failing_import_names_the_package_each_time_and_spares_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Point("broken", "toy:Entry", "toy-package", ModuleNotFoundError("No module named 'x'"))
    fine = Point("fine", "other:Entry", "other-package", make("other"))
    registry = outside(monkeypatch, broken, fine)
    sentence = "^rule 'broken' of package toy-package cannot be imported: ModuleNotFoundError: No module named 'x'$"
    for _ in range(2):
        with pytest.raises(ContentError, match=sentence):
            registry.get("broken")
    assert registry.get("fine").__module__ == "other"


def test_a_name_that_two_packages_use_is_refused_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [Point("same", f"{name}:Entry", f"{name}-package", make(name)) for name in ("one", "two")]
    with pytest.raises(ContentError, match=r"registered twice: by package one-package and by package two-package$"):
        outside(monkeypatch, *points).names()
    registry = outside(monkeypatch, points[0])
    registry.register("same")(make("a"))
    for _ in range(2):
        with pytest.raises(ContentError, match=r"^rule 'same' is registered twice: by a\.Entry and by package one"):
            registry.names()


def test_an_entry_that_registered_itself_on_import_is_the_same_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    there = make("toy")
    registry = outside(monkeypatch, Point("theirs", "toy:Entry", "toy-package", there))
    registry.register("theirs")(there)
    assert registry.get("theirs") is there

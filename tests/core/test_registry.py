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

import pytest

from imcsim.core import errors
from imcsim.core.errors import nearest


@pytest.mark.parametrize(
    ("name", "allowed", "hint"),
    [
        ("hybird", ["hybrid", "all-rram"], "; did you mean 'hybrid'?"),
        ("zzz", ["b", "a"], "; allowed: a, b"),
        ("zzz", [], ""),
    ],
)
def test_a_hint_names_what_could_have_been_given(name: str, allowed: list[str], hint: str) -> None:
    assert nearest(name, allowed) == hint


def test_the_exit_status_tells_a_mistake_from_a_failure() -> None:
    mistakes = [errors.ConfigError, errors.ContentError, errors.MappingError, errors.TraceError]
    assert {error.exit_status for error in [*mistakes, errors.DataError, errors.StudyError]} == {2}
    assert {errors.ConservationError.exit_status, errors.StorageError.exit_status} == {1}


def test_a_long_list_of_names_is_cut() -> None:
    hint = nearest("zzz", [f"name-{i:03}" for i in range(150)])
    assert hint.startswith("; allowed: name-000, name-001") and hint.endswith("name-039 and 110 more")
    assert nearest("zzz", [f"name-{i:03}" for i in range(40)]).endswith("name-039")


def test_endless_text_is_cut_in_the_middle() -> None:
    error = errors.ConfigError("unknown '" + "[" * 30_000 + "'; allowed: a, b")
    assert len(str(error)) < 1300
    assert str(error).startswith("unknown '[[[") and str(error).endswith("allowed: a, b") and " [...] " in str(error)
    assert str(errors.ConfigError("as it is")) == "as it is"

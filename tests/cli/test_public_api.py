"""The public names of ``imcsim``, as a notebook uses them."""

from pathlib import Path

import pytest

import imcsim
from imcsim.core.errors import ConfigError, ContentError, MappingError, TraceError
from imcsim.learn.stream import Stream
from imcsim.trace import Trace


@pytest.fixture(scope="module")
def stream() -> Stream:
    return imcsim.split("digits", tasks=5, train_limit=10)


@pytest.fixture(scope="module")
def trace(stream: Stream) -> Trace:
    network = imcsim.load("network", "mlp", like=stream, hidden=(8,))
    return imcsim.learn(network, stream, method="er", seed=3, epochs=1, method_config={"buffer_size": 20})


def test_learn_then_price_on_two_chips(trace: Trace, tmp_path: Path) -> None:
    reports = [imcsim.price(trace, imcsim.load("chip", name)) for name in ("hybrid-28nm", "all-sram-28nm")]
    assert [(report.chip, report.method, report.seed) for report in reports] == [
        ("hybrid-28nm", "er", 3), ("all-sram-28nm", "er", 3),
    ]  # fmt: skip
    assert "Training energy, whole stream" in str(reports[0])
    assert imcsim.plot(reports, tmp_path / "energy.png").stat().st_size > 1000
    assert imcsim.plot(reports[0], str(tmp_path / "one.pdf")).exists()


def test_the_trace_knows_what_was_trained(trace: Trace) -> None:
    assert trace.meta.network == "mlp"
    assert trace.meta.config["network_params"] == {"hidden": [8]}
    assert trace.meta.config["method_config"] == {"buffer_size": 20}


def test_the_same_seed_gives_the_same_network(stream: Stream) -> None:
    first, second, other = (imcsim.load("network", "mlp", like=stream, seed=seed) for seed in (1, 1, 2))
    weights = [next(network.parameters()) for network in (first, second, other)]
    assert (weights[0] == weights[1]).all()
    assert not (weights[0] == weights[2]).all()


def test_a_chip_takes_overrides_and_a_trace_comes_from_a_file(trace: Trace, tmp_path: Path) -> None:
    from imcsim.trace.store import save

    assert imcsim.load("chip", "hybrid-28nm", overrides={"clock_hz": 1e8}).config.clock_hz == 1e8
    save(trace, tmp_path / "t.safetensors")
    assert imcsim.load("trace", tmp_path / "t.safetensors").meta == trace.meta


def test_names_and_paths_stand_for_objects(trace: Trace, stream: Stream, tmp_path: Path) -> None:
    from imcsim.chip.explain import explain_priced
    from imcsim.life import compare_levers, outlook
    from imcsim.trace.store import save

    path = tmp_path / "t.safetensors"
    save(trace, path)
    chip, whole = imcsim.load("chip", "hybrid-28nm"), imcsim.price(trace, imcsim.load("chip", "hybrid-28nm"))
    for given in (trace, path, str(path)):
        for on in (chip, "hybrid-28nm"):
            assert imcsim.price(given, on).energy == whole.energy
    found = explain_priced(str(path), "hybrid-28nm", "energy.forward.rram.adc")
    assert found == explain_priced(trace, chip, "energy.forward.rram.adc")
    assert outlook(path, "hybrid-28nm").first_failure == outlook(trace, chip).first_failure
    assert compare_levers(path, "hybrid-28nm", [])[0] == compare_levers(trace, "hybrid-28nm", [])[0]
    assert imcsim.network_after(path, 0).state_dict().keys() == imcsim.network_after(trace, 0).state_dict().keys()
    network = imcsim.load("network", "mlp", like=stream, hidden=(8,))
    by_name, by_chip = (imcsim.convert(network, on).program(0) for on in ("hybrid-28nm", chip))
    assert by_name.events == by_chip.events
    named = imcsim.learn("mlp", stream, seed=3, epochs=1)
    built = imcsim.learn(imcsim.load("network", "mlp", like=stream, seed=3), stream, seed=3, epochs=1)
    assert named.meta.config == built.meta.config
    assert all((named.codes[name] == built.codes[name]).all() for name in built.codes)


def test_what_is_neither_is_one_sentence(trace: Trace, stream: Stream, tmp_path: Path) -> None:
    network = imcsim.load("network", "mlp", like=stream)
    with pytest.raises(TraceError, match=r"a trace must be an imcsim.trace.Trace or the path of its file, got dict"):
        imcsim.price({}, "hybrid-28nm")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"a chip must be what imcsim.load\('chip', NAME\) returns, .* got NoneType"):
        imcsim.price(trace, None)  # type: ignore[arg-type]
    with pytest.raises(ContentError, match="hybrid-28n"):
        imcsim.price(trace, "hybrid-28n")
    with pytest.raises(ContentError, match="hybrid-28n"):
        imcsim.convert(network, "hybrid-28n")
    with pytest.raises(TraceError, match=r"missing.safetensors"):
        imcsim.price(tmp_path / "missing.safetensors", "hybrid-28nm")
    with pytest.raises(MappingError, match=r"imcsim.convert takes a torch module, .* got 'mlp'"):
        imcsim.convert("mlp", "hybrid-28nm")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="takes a torch module or the name of a network, got 3"):
        imcsim.learn(3, stream)  # type: ignore[arg-type]
    with pytest.raises(ContentError, match="mpl"):
        imcsim.learn("mpl", stream)
    with pytest.raises(ConfigError, match=r"takes a stream, as imcsim.split gives, got 'digits'"):
        imcsim.load("network", "mlp", like="digits")  # type: ignore[call-overload]
    with pytest.raises(ConfigError, match=r"takes a stream, as imcsim.split gives, got None"):
        imcsim.load("network", "mlp")  # type: ignore[call-overload]
    for task in (1.5, "0", True, 99):
        with pytest.raises(TraceError, match=r"the trace has tasks 0 to 4 \(-1: deployment\), got"):
            imcsim.network_after(trace, task)  # type: ignore[arg-type]
    for wrong in (1.5, "0", True):
        with pytest.raises(TraceError, match="a task is a whole number from 0 on"):
            trace.placement(task=wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"draws the reports that imcsim.price returns"):
        imcsim.plot([trace], tmp_path / "x.png")  # type: ignore[list-item]


def test_mistakes_name_the_nearest(stream: Stream) -> None:
    with pytest.raises(ContentError, match=r"cannot load a 'chp'; did you mean 'chip'\?"):
        imcsim.load("chp", "x")  # type: ignore[call-overload]
    with pytest.raises(ConfigError, match=r"imcsim.learn: unknown key 'epoch'; did you mean 'epochs'\?"):
        imcsim.learn(imcsim.load("network", "mlp", like=stream), stream, epoch=1)
    with pytest.raises(ConfigError, match="'backbone' is settled by the network and the stream"):
        imcsim.learn(imcsim.load("network", "mlp", like=stream), stream, backbone={"dataset": "digits"})
    with pytest.raises(AttributeError, match="module 'imcsim' has no attribute 'lern'"):
        imcsim.lern  # type: ignore[attr-defined]  # noqa: B018


def test_dir_lists_the_public_names() -> None:
    assert {"learn", "load", "multi_domain", "plot", "price", "split", "__version__"} <= set(dir(imcsim))

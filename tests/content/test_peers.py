"""The study peers: its workloads by hand, its steps and its side-by-side rows on networks of a few layers."""

import numpy as np
import pytest

from imcsim.chip.config import load_chip
from imcsim.chip.price import price
from studies.peers import analyse
from studies.peers.chips import ENERGY_GROUPS, configured, figures
from studies.peers.drawings import draw
from studies.peers.runs import RUNS, TRAINING, Run, v14_rram, v14_sram
from studies.peers.training import UPDATES, batch_trace, epoch, gradients_through_dram
from studies.peers.workloads import NETWORKS, bit_density, layer_of, scaled_down, workload

MLP = Run("v14-mlp", "NeuroSim V1.4", "mlp", v14_rram())


def test_shapes_of_the_recipe() -> None:
    small = workload("cnn-s")
    assert [(spec.fan_in, spec.outputs, spec.positions) for spec in small.layers] == [
        (9, 32, 784), (288, 64, 196), (3136, 128, 1), (128, 10, 1),
    ]  # fmt: skip
    assert small.macs == 784 * 9 * 32 + 196 * 288 * 64 + 3136 * 128 + 128 * 10
    assert [spec.positions for spec in workload("cnn-s", 0).layers] == [676, 144, 1, 1]
    assert NETWORKS["vgg8"][-2:] == ((1, 8192, 1, 1024), (1, 1024, 1, 10))


def test_statistics_of_the_recipe() -> None:
    found = workload("mlp")
    rng = np.random.default_rng(117)
    weights = np.clip(np.round(rng.normal(0, 0.25, (784, 256)) * 128) / 128, -127 / 128, 127 / 128)
    assert np.array_equal(found.codes["layer1"][0], weights * 128)
    assert found.density[0, :7] == pytest.approx([0.5] * 7, abs=0.06)  # uniform codes of seven bits ...
    assert found.density[0, 7] == 0  # ... and a sign bit that is never set
    moved = found.after["layer1"] - found.before["layer1"]
    assert set(np.unique(moved)) == {-1, 0, 1}
    assert (moved != 0).mean() == pytest.approx(0.1, abs=0.01)


def test_density_counts_each_window_and_the_padding() -> None:
    spec = layer_of("a", (2, 1, 3, 1), padding=1)
    # each of the four pixels lies in all four windows of nine: 4 of 36 places hold the one that is set
    assert bit_density(np.array([[[1, 0], [0, 2]]]), spec)[:3] == pytest.approx([4 / 36, 4 / 36, 0])


def test_a_run_by_hand() -> None:
    step = MLP.steps[-2]
    items = figures(MLP.workload(step), configured(step.chip, step.overrides))
    # 7 x 16 + 2 x 1 PEs of 128 x 16 weights; 8 columns a weight, 8 phases: 7 row tiles x 256 + 2 x 10 outputs
    assert items["pes"] == 7 * 16 + 2
    assert items["conversions"] == 64 * (7 * 256 + 2 * 10)
    assert sum(items[group] for group in ENERGY_GROUPS) == pytest.approx(items["energy"], rel=1e-12)
    assert items["area"] == pytest.approx(sum(v for k, v in items.items() if k.startswith("area_")), rel=1e-12)
    assert items["time_layer_by_layer"] == pytest.approx(2 * 8 * (1e-9 + 8 * 1e-9))
    # 31 comparisons of 1.7 uW for 1 ns and at most a fully open column of 128 cells at 8 uS
    assert 52.7e-15 < items["part.rram.adc"] / items["conversions"] < 52.7e-15 + 0.0631 * 128 * 8e-6 * 1e-9


def test_each_step_changes_what_it_names() -> None:
    steps = {step.name: figures(MLP.workload(step), configured(step.chip, step.overrides)) for step in MLP.steps}
    assert steps["our units"]["part.rram.adc"] == steps["its cell"]["part.rram.adc"]
    chips = {step.name: configured(step.chip, step.overrides) for step in MLP.steps}

    def open_vs(name: str) -> float:  # cells conduct while their column settles and is converted
        chip = chips[name]
        assert chip.rram is not None
        convert_s = chip.rram.adc.time_s(chip.rram.adc_bits, chip.array.rows)
        return chip.supply_v * (chip.rram.cell.read_time_s + convert_s)

    for one, other in (("its cell", "its converter"), ("its node", "read while sensed")):
        ratio = steps[one]["part.rram.cells"] / steps[other]["part.rram.cells"]
        assert ratio == pytest.approx(open_vs(one) / open_vs(other))
    assert steps["no padding"] == steps["read while sensed"]  # no convolution, no padding
    assert len({items["conversions"] for items in steps.values()}) == 1


def test_an_epoch_is_the_updates_of_a_batch() -> None:
    found, chip = scaled_down(workload("cnn-s"), 1), load_chip("neurosim-like-32nm-training")
    items, report = epoch(found, chip), price(batch_trace(found), chip)
    assert items["energy"] == pytest.approx(UPDATES * report.energy.total)
    moved = int((found.before["layer4"] != found.after["layer4"]).sum())
    assert moved <= items["level_changes"] / UPDATES <= 5 * moved
    assert items["energy_write"] == pytest.approx(items["level_changes"] * 6.67e-14)
    more = gradients_through_dram(found, chip.config, items)
    added = 50_000 * 1280 * 16 * 3.9e-12
    assert more["energy_weight_gradient"] - items["energy_weight_gradient"] == pytest.approx(added)
    share = (items["energy_dram_share"] * items["energy"] + added) / (items["energy"] + added)
    assert more["energy_dram_share"] == pytest.approx(share)


def test_rows_stand_beside_what_was_measured() -> None:
    found = {"a": [{"energy": 1.0}, {"energy": 2.0}, {"energy": 3.0}]}
    known = [
        {"run": run, "item": item, "value": value, "unit": "J", "source": "s", "why": "w"}
        for run, item, value in (("a", "energy", 6.0), ("a", "area", 1.0), ("b", "energy", 1.0), ("a", "energy", None))
    ]
    rows = analyse.beside(found, known, {"a": 1})
    assert [row["ratio"] for row in rows] == [0.5, None, None, None]
    assert (rows[0]["our_units"], rows[0]["peer_units"], rows[0]["peer_form"]) == (1.0, 2.0, 3.0)


def test_every_measured_row_has_a_source_and_a_sentence() -> None:
    rows = analyse.measured()
    assert len({(row["run"], row["item"]) for row in rows}) == len(rows) > 80
    assert all(row["why"].endswith(".") and "@" in row["source"] for row in rows)
    known = {row["run"] for row in rows}
    assert {run.name for run in RUNS} <= known and {run.name for run in TRAINING} <= known


def test_neurosims_operations_per_joule_follow_from_its_energies() -> None:
    rows = {(row["run"], row["item"]): row["value"] for row in analyse.measured()}
    runs = [run for run in RUNS if (run.name, "tops_per_w") in rows]
    assert len(runs) == 7
    for run in runs:
        joules = rows[run.name, "energy"] + rows[run.name, "energy_leakage"]
        macs = workload(run.network).macs
        assert 2 * macs / (1.22 * joules) * 1e-12 == pytest.approx(rows[run.name, "tops_per_w"], rel=0.005)


def test_files_and_figure_of_a_small_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    runs = (Run("v14-vgg8-rram", "NeuroSim V1.4", "mlp", v14_rram()), Run("v14-cnn-s-sram", "V1.4", "mlp", v14_sram()))
    found = analyse.inference_figures(runs)
    steps = analyse.step_rows(found, runs)
    assert [row["step"] for row in steps[-3:]] == ["our units", "its node", "no padding"]
    path = tmp_path_factory.mktemp("peers") / "steps.csv"
    analyse.write_rows(steps, path)
    assert path.read_text().splitlines()[0].startswith("run,peer,network,step,chip,")
    nodes = {run.name: 1 for run in runs}
    bars, ratios = draw(steps, analyse.beside(found, analyse.measured(), nodes)).axes
    assert [label.get_text() for label in ratios.get_yticklabels()] == ["v14-vgg8-rram", "v14-cnn-s-sram"]
    assert len(bars.patches) == 3 * (len(runs[0].steps) + 1)

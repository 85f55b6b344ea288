"""Weight gradients: multiply-accumulates in the digital unit, or in SRAM arrays that hold the activations."""

from tests.oracle.cells import up
from tests.oracle.periphery import sum_j, sum_s
from tests.oracle.scene import Leaves, Scene


def macs(scene: Scene, f: int) -> float:
    """Return the multiply-accumulates of a phase: of what trains and exists, or of every layer that trains, whole."""
    facts = scene.facts
    if scene.chip.skip_masked_gradients:
        return float((facts.count["weight_gradient_macs"][f] + facts.count["dense_gradient_macs"][f]).sum())
    vectors = facts.count["weight_gradient_vectors"][f]
    return float(sum(n * layer.weights for n, layer in zip(vectors, facts.layers, strict=True)))


def in_arrays(scene: Scene) -> bool:
    """Tell whether SRAM arrays compute weight gradients."""
    return bool(scene.chip.weight_gradient == "sram-array" and scene.sram is not None)


def scratch_pes(scene: Scene) -> int:
    """Return the SRAM PEs that hold activations: the fan-in bits of the widest layer along the columns."""
    if scene.chip.weight_gradient != "sram-array":
        return 0
    widest = max(layer.fan_in for layer in scene.facts.layers)
    return up(widest * scene.chip.input_bits, scene.chip.array.cols)


def energy(scene: Scene) -> Leaves:
    """Return joules by component."""
    chip, found = scene.chip, dict[str, list[float]]()
    for f in scene.phase_count():
        if not in_arrays(scene):
            each = {"mac": macs(scene, f) * chip.mac.gradient_energy_j}
        else:  # one evaluation adds `rows` vectors up, for an activation and a digit of the error
            evaluations = macs(scene, f) / chip.array.rows * up(chip.error_bits, chip.dac_bits)
            vectors = scene.facts.count["weight_gradient_vectors"][f]
            stored = sum(n * layer.inputs_all for n, layer in zip(vectors, scene.facts.layers, strict=True))
            rows, at_once = chip.array.rows, up(chip.array.rows, chip.sram.weight_sets)
            one = sum_j(chip.sram.adder_tree, rows, at_once, chip.input_bits, (chip.dac_bits, 1))
            each = {name: evaluations * joules for name, joules in one.items()} | {
                "array_write": float(stored) * chip.input_bits * chip.sram.cell.write_energy_j,
            }
        for name, joules in each.items():
            found.setdefault(name, scene.zeros())[f] = joules
    return found


def seconds(scene: Scene, f: int) -> float:
    """Return the time of a phase's weight gradients at the throughput of the unit that computes them."""
    chip = scene.chip
    if not in_arrays(scene):
        return float(macs(scene, f) / chip.mac.macs_per_s)
    activations = chip.array.rows * chip.array.cols / chip.input_bits  # that one array holds
    passes = macs(scene, f) / activations * up(chip.error_bits, chip.dac_bits) / scratch_pes(scene)
    slices = chip.weight_bits - (chip.sram.sign == "differential")
    return float(passes * sum_s(chip, up(chip.array.rows, chip.sram.weight_sets), slices, chip.dac_bits))

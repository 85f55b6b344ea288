"""Update counts, wear and life of chips that train, from imcsim's own definitions of both."""

from collections.abc import Iterator

from imcsim.chip.wear.lifetime import limited_by_worst
from imcsim.core.errors import ConfigError
from imcsim.core.units import SECONDS_PER_DAY, SECONDS_PER_YEAR
from imcsim.devices.wear import failure_probability
from imcsim.memory.memory import Endurance
from imcsim.published.training_facts import Fact, TrainingChip
from imcsim.published.training_macro import rram_cells, write_energy_j
from imcsim.published.training_prediction import Prediction, assumed, over


def remaps(seconds: float, period_s: float) -> float:
    """Return how often a memory is moved in ``seconds``, once each ``period_s``; ConfigError for a period <= 0."""
    if not period_s > 0:
        raise ConfigError(f"the remap period must be > 0 s, got {period_s:g}")
    return seconds / period_s


def levelled_cycles(update_steps: float, trained_share: float, moves: float) -> float:
    """Return the cycles of every cell under perfect levelling: each update writes ``trained_share`` of the memory once.

    Each move writes every cell once (the remapping of ENDURER: robust-systems-group/illusion_system@f142cc1).
    """
    return update_steps * trained_share + moves


def life_years(endurance_cycles: float, cycles_per_s: float) -> float:
    """Return the years until a cell has its cycles: its guaranteed life, a day as a task; inf if never written."""
    life = limited_by_worst(Endurance(endurance_cycles), cycles_per_s * SECONDS_PER_DAY, 0.0, 1.0)
    return float("inf") if life.years_guaranteed is None else life.years_guaranteed


def learned_life_years(
    endurance: float, trained_share: float, remap_period: float, steps_per_s: float, *, moved: bool = True
) -> float:
    """Return the years that a levelled memory lives that is updated ``steps_per_s`` times a second (and moved)."""
    moves = remaps(1.0, remap_period) if moved else 0.0
    return life_years(endurance, levelled_cycles(steps_per_s, trained_share if moved else 1.0, moves))


def learned_life(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield update steps, writes of the worst cell and life of a memory that is trained and levelled."""
    names = ("endurance", "trained_share", "remap_period")
    if not chip.has("training_rate", "lifetime", "rram_update_steps_ratio", *names):
        return
    rate, life_s = chip.value("training_rate"), chip.value("lifetime")
    steps_per_s = rate / chip.value("rram_update_steps_ratio")
    steps, fact = steps_per_s * life_s, chip.fact("lifetime")
    yield Prediction(
        chip.chip_id, "update steps in the claimed life", "", steps, steps, None, "rate x life / ratio of steps"
    )
    yield Prediction(
        chip.chip_id, "writes of a cell in the claimed life", "",
        *over(
            lambda trained_share, remap_period: levelled_cycles(steps, trained_share, remaps(life_s, remap_period)),
            {name: chip.span(name) for name in names[1:]},
        ),
        None, "updates of the trained share, levelled perfectly, and one write at each remapping",
        assumed=assumed(chip, *names[1:]),
    )  # fmt: skip
    low, high = over(
        lambda **given: learned_life_years(steps_per_s=steps_per_s, **given), {name: chip.span(name) for name in names}
    )
    yield Prediction(
        chip.chip_id, "life", "s", low * SECONDS_PER_YEAR, high * SECONDS_PER_YEAR, life_s,
        "until every cell has its endurance, levelled perfectly", fact, assumed(chip, *names),
    )  # fmt: skip


def life_by_interval(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield the life of a worst cell that is written once in an interval."""
    names = ("endurance", "write_interval")
    if not chip.has("lifetime", *names):
        return
    low, high = over(
        lambda endurance, write_interval: life_years(endurance, 1.0 / write_interval), {n: chip.span(n) for n in names}
    )
    yield Prediction(
        chip.chip_id, "life", "s", low * SECONDS_PER_YEAR, high * SECONDS_PER_YEAR, chip.value("lifetime"),
        "endurance x interval between writes of the worst cell", chip.fact("lifetime"), assumed(chip, *names),
    )  # fmt: skip


def remapping(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield how often a memory is moved in ten years of 365 days, as its authors count."""
    if chip.has("remap_period", "remaps_in_ten_years"):
        found = remaps(3650 * SECONDS_PER_DAY, chip.value("remap_period"))
        fact = chip.fact("remaps_in_ten_years")
        yield Prediction(
            chip.chip_id, "remaps in ten years", "", found, found, fact.low, "ten years of 365 days / period", fact
        )


def stuck_share(writes: float, toggle_share: float, scale: float, shape: float) -> float:
    """Return the share of bits that ``writes`` of their word have worn out, a cell's life drawn from a Weibull law.

    A write changes ``toggle_share`` of its bits, and a change is one cycle.
    """
    return failure_probability(writes * toggle_share, scale, shape)


def stuck_bits(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield the share of bits that are stuck after measured writes of their words, by the shipped cells' lives."""
    if not chip.has("priced_as", "rram_cells", "toggle_share"):
        return
    for quantity, said in (("stuck_share", "not remapped"), ("remapped_stuck_share", "remapped")):
        for point in chip.points(quantity):
            writes = _writes(chip, quantity, point)
            if writes is not None:
                yield _stuck(chip, chip.fact(quantity, point), writes, f"share of bits stuck, {said} ({point})")


def levelled_writes(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield the mean writes of a word when the hot words of one chip are moved over all words of all chips."""
    for point in chip.points("remapped_writes_per_word"):
        writes = _writes(chip, "remapped_stuck_share", point)
        if writes is not None:
            fact = chip.fact("remapped_writes_per_word", point)
            yield Prediction(
                chip.chip_id, f"mean writes of a word, remapped ({point})", "", writes, writes, fact.low,
                "writes of the hot words over all words, and one at each remapping", fact,
            )  # fmt: skip


def _stuck(chip: TrainingChip, fact: Fact, writes: float, said: str) -> Prediction:
    """The band over the shipped cells at one bit, and over the share of bits that a write changes."""
    lives = [macro.memory.endurance for _, bits, _, macro in rram_cells(chip) if bits == 1]
    found = [
        stuck_share(writes, toggled, life.scale, life.shape)
        for life in lives
        if life.scale is not None and life.shape is not None
        for toggled in chip.span("toggle_share")
    ]
    how = "Weibull lives of the shipped RRAM cells, a change of a bit is one cycle"
    return Prediction(
        chip.chip_id, said, "", min(found), max(found), fact.low, how, fact, ("cell", *assumed(chip, "toggle_share"))
    )


def _writes(chip: TrainingChip, quantity: str, point: str) -> float | None:
    """Writes of a word: as measured where nothing moves, levelled over all words where it does."""
    if not chip.has("writes_per_word", point=point):
        return None
    hot = chip.value("writes_per_word", point)
    if quantity == "stuck_share":
        return hot
    if not chip.has("hot_words", "words", "chips", "remap_period") or not chip.has("days", point=point):
        return None
    moves = remaps(chip.value("days", point), chip.value("remap_period"))
    return levelled_cycles(hot, chip.value("hot_words") / (chip.value("words") * chip.value("chips")), moves)


def update_ratio(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield the energy of a verified level change over that of one RESET pulse below a volt."""
    if not chip.has("priced_as", "rram_cells", "update_energy_ratio", "reset_voltage"):
        return
    low_v, high_v = chip.span("reset_voltage")
    ends = [
        write_energy_j(macro) / reset_pulse_j(cell.reset_energy_j, cell.reset_voltage_v, at_v)
        for _, _, cell, macro in rram_cells(chip)
        for at_v in (low_v, high_v)
    ]
    fact = chip.fact("update_energy_ratio")
    yield Prediction(
        chip.chip_id, "verified change over one RESET pulse, energy", "", min(ends), max(ends), fact.low,
        "each shipped RRAM cell at each number of bits; the pulse's energy falls with the square of its voltage", fact,
        ("cell and its bits", *assumed(chip, "reset_voltage")),
    )  # fmt: skip


def reset_pulse_j(energy_j: float, voltage_v: float, at_v: float) -> float:
    """Return the energy of a pulse at another voltage: V^2 G t, the same conductance and time."""
    return energy_j * (at_v / voltage_v) ** 2


def edp_gain(written: float, fewer_steps: float) -> float:
    """Return by how much the energy-delay product falls if updates are ``fewer_steps`` times rarer.

    ``written`` is the cost of writing over that of all else at one update a sample, alike in energy and in time: both
    fall by (1 + w) / (1 + w / k).
    """
    return ((1 + written) / (1 + written / fewer_steps)) ** 2


def written_over_computed(write_j_per_bit: float, weight_bits: float, macs_per_weight: float, mac_j: float) -> float:
    """Return the energy of writing every weight at a sample over that of the sample's MACs."""
    return write_j_per_bit * weight_bits / (macs_per_weight * mac_j)


def edp(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield the fall of the energy-delay product by rarer updates."""
    names = ("write_energy", "weight_bits", "macs_per_weight")
    if not chip.has("edp_ratio", "rram_update_steps_ratio", "energy_efficiency", *names):
        return
    mac_j, ratio, fact = (
        2.0 / chip.value("energy_efficiency"),
        chip.value("rram_update_steps_ratio"),
        chip.fact("edp_ratio"),
    )
    band = over(
        lambda write_energy, weight_bits, macs_per_weight: edp_gain(
            written_over_computed(write_energy, weight_bits, macs_per_weight, mac_j), ratio
        ),
        {name: chip.span(name) for name in names},
    )
    yield Prediction(
        chip.chip_id, "energy-delay product, before over after", "", *band, fact.low,
        "writing over all else, alike in energy and time", fact, assumed(chip, *names),
    )  # fmt: skip

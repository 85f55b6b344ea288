"""Selective verify: few programming events are verified, the others take one pulse."""

from imcsim.chip.config import RramPart
from imcsim.core.errors import ConfigError
from imcsim.devices.programming import event_energies_j
from imcsim.life.options import LifeOptions


def verify_saving(part: RramPart, options: LifeOptions) -> float:
    """Return the programming energy with selective verify over that with all events verified, 0..1.

    An event that is not verified takes one pulse and no verify read. Verifying a tenth of the weights is published to
    keep accuracy similar at up to 10 x faster programming (SWIM, arXiv 2202.08395, abstract); accuracy is not computed.

    Raises
    ------
    ConfigError
        If fewer than all are verified under a write rule that charges no verify.
    """
    if options.verified_share == 1:
        return 1.0
    if part.write_rule != "flat":
        raise ConfigError(
            f"selective verify needs write_rule = 'flat', which charges verify reads; the chip has '{part.write_rule}'"
        )
    cell = part.cell
    pulse_j = cell.set_pulse_share * cell.set_energy_j + (1 - cell.set_pulse_share) * cell.reset_energy_j
    whole_j = float(event_energies_j(cell, part.cell_bits, "flat").max())
    return options.verified_share + (1 - options.verified_share) * pulse_j / whole_j

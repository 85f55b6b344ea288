import io

from rich.console import Console

from imcsim.report.study_report import sensitivity_table
from imcsim.report.tables import WIDTH, to_rich
from imcsim.study.sensitivity import Spread

SPREAD = Spread("hyb-learn f25", "all-sram-28nm", 0.5, 0.25, "busy SRAM trees", 1.504, "NeuroSim ADC")


def test_the_table_names_the_reference_and_fits() -> None:
    table = sensitivity_table([SPREAD], "hybrid-28nm")
    assert table.rows == (
        ("hyb-learn f25", "all-sram-28nm", "0.50", "0.25", "busy SRAM trees", "1.50", "NeuroSim ADC"),
    )
    assert "hybrid-28nm" in table.title
    assert "above 1, hybrid-28nm takes less" in table.notes[0]
    buffer = io.StringIO()
    Console(width=WIDTH, file=buffer).print(to_rich(table))
    assert max(map(len, buffer.getvalue().splitlines())) <= WIDTH

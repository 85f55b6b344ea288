"""Every verb that writes, on a disk that refuses: one sentence, status 1, nothing half-written."""

import re
from pathlib import Path

import pytest

from imcsim.cli.__main__ import guarded
from imcsim.cli.app import app
from tests.disks import make_read_only, mounted
from tests.study import fakes

CHIP = ("--chip", "hybrid-28nm")
PES = ("--set", "rram.pe_count=64", "--set", "sram.pe_count=64")
COMMANDS = {
    "learn": ("learn", "--network", "mlp", "--set", "epochs=1", "--set", "train_limit=20", "--out", "DISK/t"),
    "learn --restart": ("learn", "--out", "DISK/old", "--restart"),
    "run": ("run", "STUDY", "--out", "DISK"),
    "map --csv": ("map", "mlp", *CHIP, "--csv", "DISK/m.csv"),
    "map --compare --csv": ("map", "mlp", *CHIP, "--compare", "im2col,dense_pack", "--csv", "DISK/m.csv"),
    "map --html": ("map", "mlp", *CHIP, "--html", "DISK/m.html"),
    "map --png": ("map", "mlp", *CHIP, "--png", "DISK/m.png"),
    "life --ledger": ("life", "TRACE", *CHIP, *PES, "--ledger-out", "DISK/wear"),
    "life --png": ("life", "TRACE", *CHIP, *PES, "--png", "DISK/l.png"),
    "timeline --perfetto": ("timeline", "TRACE", *CHIP, *PES, "--perfetto", "DISK/p.json"),
    "crash --png": ("crash", "TRACE", *CHIP, *PES, "--png", "DISK/c.png"),
    "new": ("new", "device", "rram-mine", "--out", "DISK/rram-mine.toml"),
}


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_read_only_disk_is_one_sentence(
    verb: str, trace_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disk, study = tmp_path / "disk", tmp_path / "tiny" / "study.toml"
    disk.mkdir()
    study.parent.mkdir()
    study.write_text(fakes.STUDY)
    named = {"DISK": str(disk), "STUDY": str(study), "TRACE": str(trace_file)}
    command = [re.sub("DISK|STUDY|TRACE", lambda found: named[found[0]], part) for part in COMMANDS[verb]]
    with mounted(disk, "size=64k"):
        (disk / "old.checkpoint").write_text("of an earlier run")
        make_read_only(disk)
        assert guarded(lambda: app(command, standalone_mode=False)) == 1
        assert [path.name for path in disk.iterdir()] == ["old.checkpoint"]
    told = capsys.readouterr().err
    assert re.fullmatch(rf"imcsim: error: cannot (write|remove) {disk}\S*: Read-only file system\n", told), told

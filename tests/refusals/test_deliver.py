"""What delivery refuses: landing zones, and files that are not those of the manifest."""

from __future__ import annotations

import pytest

from remit.adapters.folder import FolderStore
from remit.errors import UsageError
from remit.wiring import open_landing


@pytest.mark.vector("landing-unwritable")
def test_landing_zone_unwritable(world, cli, left_nothing) -> None:
    (world.root / "file").write_text("a file where a folder should be")
    place = world.root / "file" / "landing"
    arguments = (world.instruct(), "--source", world.source_url, "--landing", place)

    cli.refused("run", *arguments, at=str(place), saying="(Not a directory)")
    left_nothing(world)


@pytest.mark.vector("landing-unwritable")
def test_landing_zone_whose_parent_is_missing(world, refuses) -> None:
    with refuses(at="a/b", saying="(No such file or directory)"):
        open_landing(str(world.root / "a" / "b")).preflight()
    assert not (world.root / "a").exists()


@pytest.mark.vector("landing-open")
def test_landing_open_to_the_world(world, cli, left_nothing) -> None:
    world.landing_path.mkdir()
    world.landing_path.chmod(0o777)
    arguments = (world.instruct(), "--source", world.source_url, "--landing", world.landing_path)

    cli.refused("run", *arguments, at=str(world.landing_path), saying="anybody on the machine")
    left_nothing(world)


@pytest.mark.vector("landing-open")
def test_landing_opened_to_the_world_after_sealing(world, up_to, refuses) -> None:
    run = up_to(world, "seal")
    world.landing_path.chmod(0o757)

    with refuses(at=str(world.landing_path), saying="anybody on the machine"):
        run.deliver(world.landing())
    assert list(world.landing_path.iterdir()) == []

    world.landing_path.chmod(0o750)
    assert run.deliver(world.landing()) is True


@pytest.mark.vector("landing-insecure")
@pytest.mark.parametrize("scheme", ["ftp", "http"])
def test_landing_over_a_transport_in_clear(world, cli, left_nothing, scheme) -> None:
    place = f"{scheme}://user:secret@kalisil.example/in"
    arguments = (world.instruct(), "--source", world.source_url, "--landing", place)

    cli.refused("run", *arguments, at=f"{scheme}://", saying="on the way can read")
    left_nothing(world)


@pytest.mark.vector("landing-insecure")
def test_ftp_by_an_airflow_connection(refuses) -> None:
    with refuses(at="ftp://", saying="on the way can read"):
        open_landing("conn:kalisil", lambda _: "ftp://user:secret@kalisil.example/in")


@pytest.mark.parametrize("place", ["smb://kalisil/in", "FTP://kalisil/in", "gopher://kalisil"])
def test_landing_of_an_unknown_kind_is_a_usage_error(place) -> None:
    with pytest.raises(UsageError, match="no landing zone for"):
        open_landing(place)


@pytest.mark.vector("delivery-conflict")
def test_another_delivery_under_the_name(world, up_to, refuses) -> None:
    run = up_to(world, "seal")
    folder = world.landing_path / run.id
    folder.mkdir()
    (folder / "manifest.dsse.json").write_text("somebody else's")

    with refuses(at=str(folder), saying="something else is already there"):
        run.deliver(world.landing())
    assert [p.name for p in folder.iterdir()] == ["manifest.dsse.json"]
    assert not run.story.has("delivered")


@pytest.mark.vector("delivery-conflict")
def test_other_files_under_the_name(world, up_to, refuses) -> None:
    run = up_to(world, "seal")
    folder = world.landing_path / run.id
    folder.mkdir()
    (folder / "notes.txt").write_text("somebody else's")

    with refuses(at=str(folder), saying="something else is already there"):
        run.deliver(world.landing())
    assert [p.name for p in folder.iterdir()] == ["notes.txt"]


@pytest.mark.vector("delivery-conflict")
def test_own_delivery_with_a_file_cut_short(world, up_to, refuses, monkeypatch) -> None:
    run = up_to(world, "seal")
    record = run.record
    kept = lambda kind, data: None if kind == "delivered" else record(kind, data)  # noqa: E731
    monkeypatch.setattr(run, "record", kept)  # as if killed before recording
    run.deliver(world.landing())
    monkeypatch.undo()
    delivered = world.landing_path / run.id / "results.parquet"
    delivered.write_bytes(delivered.read_bytes()[:-1])

    with refuses(at=run.id, saying="something else is already there"):
        run.deliver(world.landing())


@pytest.mark.vector("file-changed")
@pytest.mark.parametrize("keep", [-1, 0, None], ids=["cut short", "emptied", "one byte changed"])
def test_staged_file_changed_after_sealing(world, up_to, refuses, keep) -> None:
    run = up_to(world, "seal")
    path = world.root / "processor/staging/durand-test/results.parquet"
    data = bytearray(path.read_bytes())
    data[9] ^= 1
    path.write_bytes(data if keep is None else data[:keep])

    with refuses(at="durand-test/results.parquet", saying="not those of the manifest"):
        run.deliver(world.landing())
    assert not (world.landing_path / run.id).exists()
    assert not run.story.has("delivered")


@pytest.mark.vector("path-outside-store")
@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd"])
def test_path_that_leads_out_of_the_store(tmp_path, refuses, path) -> None:
    store = FolderStore(tmp_path / "store")

    for use in (store.open, store.exists, store.create, store.remove, store.list):
        with refuses(at="store", saying="leads out of the store"):
            use(path)
    assert list(tmp_path.rglob("*")) == []

"""What sealing refuses: keys wrapped to others, files that changed, a key that stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remit import signing, table_writer
from remit.adapters.keyring import FolderKeyStore
from remit.custody import Run
from remit.testing.world import World


@pytest.fixture
def extracted_with(
    world: World, up_to: Callable[..., Run], judge: object, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Run]:
    """A validated run, extracted while one function of `remit.table_writer` was another."""

    def go(name: str, function: Callable[..., object]) -> Run:
        run = up_to(world, "plan")
        with monkeypatch.context() as patch:
            patch.setattr(table_writer, name, function)
            run.extract(world.source(), lambda *_: None)
        run.validate(judge)
        return run

    return go


@pytest.mark.vector("recipients-differ")
@pytest.mark.parametrize("category", ["health", "technical"])
def test_column_wrapped_to_somebody_else_too(world, extracted_with, refuses, stopped, category):
    stranger = signing.new_key("recipient", world.root / "stranger.pem")
    honest = table_writer.readers_of

    def readers(*arguments):
        found = honest(*arguments)
        return found | {category: [*found[category], stranger]}

    run = extracted_with("readers_of", readers)

    column = {"health": "abnormal", "technical": "result_id"}[category]
    with refuses(at=f"results.parquet column {column}", saying="exactly the instructed"):
        run.seal()
    stopped(world, run)


@pytest.mark.vector("recipients-differ")
def test_footer_wrapped_to_somebody_else_too(world, extracted_with, refuses, stopped) -> None:
    stranger = signing.new_key("recipient", world.root / "stranger.pem")
    honest = table_writer.readers_of

    def readers(*arguments):
        found = honest(*arguments)
        return found | {"footer": [*found["footer"], stranger]}

    run = extracted_with("readers_of", readers)

    with refuses(at="results.parquet column footer", saying="exactly the instructed"):
        run.seal()
    stopped(world, run)


@pytest.mark.vector("recipients-differ")
def test_column_not_wrapped_to_its_recipient(world, extracted_with, refuses, stopped) -> None:
    honest = table_writer.readers_of

    def readers(*arguments):
        found = honest(*arguments)
        return found | {"health": found["health"][1:]}

    run = extracted_with("readers_of", readers)

    with refuses(at="results.parquet column abnormal", saying="exactly the instructed"):
        run.seal()
    stopped(world, run)


@pytest.mark.vector("columns-outside-remit")
def test_recorded_columns_are_not_the_instructed_ones(
    world, extracted_with, refuses, stopped
) -> None:
    run = extracted_with("columns_digest", lambda table: "sha256:" + "0" * 64)

    with refuses(at="results.parquet", saying="not the instructed ones"):
        run.seal()
    stopped(world, run)


@pytest.mark.vector("file-changed")
def test_staged_file_changed_before_sealing(world, up_to, refuses, stopped) -> None:
    run = up_to(world, "validate")
    path = world.root / "processor/staging/durand-test/results.parquet"
    path.write_bytes(path.read_bytes()[:-1])

    with refuses(at="results.parquet", saying="not those that were recorded"):
        run.seal()
    stopped(world, run)


@pytest.mark.vector("file-changed")
def test_staged_file_gone_before_sealing(world, up_to, refuses, stopped) -> None:
    run = up_to(world, "validate")
    (world.root / "processor/staging/durand-test/results.parquet").unlink()

    with refuses(at="results.parquet", saying=""):
        run.seal()
    stopped(world, run)


@pytest.mark.vector("staging-key-gone")
def test_staging_key_removed_before_sealing(world, up_to, refuses, stopped) -> None:
    run = up_to(world, "validate")
    (world.root / "processor" / "keyring" / "durand-test.key").unlink()

    with refuses(at="staging key durand-test", saying="can no longer be read by the processor"):
        run.seal()
    stopped(world, run)


@pytest.mark.vector("staging-key-kept")
def test_staging_key_that_comes_back(world, up_to, refuses, monkeypatch) -> None:
    run = up_to(world, "validate")
    monkeypatch.setattr(FolderKeyStore, "destroy", lambda self, name: None)

    with refuses(at="staging key of run durand-test", saying="still there after it was destroyed"):
        run.seal()
    monkeypatch.undo()

    assert not run.story.has("deleted")
    assert not world.landing_path.exists() or not list(world.landing_path.iterdir())
    assert run.delete(world.landing) is True
    assert not list((world.root / "processor" / "keyring").glob("[!.]*"))

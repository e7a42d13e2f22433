"""Where a gateway keeps what, also by a configuration that makes no sense."""

from __future__ import annotations

from pathlib import Path

from iot_onboard.bundle.places import places_of
from iot_onboard.config.schema import Document


def test_the_usual_places() -> None:
    """Nothing is configured: there are the defaults all the same."""
    places = places_of(())
    assert (places.state_dirs, places.runtime_dirs) == ((Path("/var/lib/iot-onboard"),), (Path("/run/iot-onboard"),))
    assert (places.secret_files, places.proxies) == ((), ())


def test_every_file_counts_and_the_last_comes_first() -> None:
    """What an earlier file names may hold secrets of before; a mistake beside it hides nothing."""
    documents = (
        Document(name="config.yaml", text="state_dir: /one\nproxy: http://u:first@h:1\nproduct_secret_file: /s1\n"),
        Document(name="conf.d/a.yaml", text="regon: x\nstate_dir: /two\nproxy: http://u:second@h:1\n"),
    )
    places = places_of(documents)
    assert places.state_dirs == (Path("/two"), Path("/one"), Path("/var/lib/iot-onboard"))
    assert places.secret_files == (Path("/s1"),)
    assert [proxy.password.reveal() for proxy in places.proxies if proxy.password] == ["second", "first"]


def test_what_is_no_yaml_names_nothing() -> None:
    """And breaks nothing."""
    assert places_of((Document(name="config.yaml", text=": : :\n"),)) == places_of(())

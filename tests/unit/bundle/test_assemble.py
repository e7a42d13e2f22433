"""Parts become files: secrets covered, and a manifest of what is there and what is not."""

from __future__ import annotations

from iot_onboard.bundle.assemble import MANIFEST, Kind, Part, assemble


def part(name: str, data: bytes | None, kind: Kind = Kind.FOREIGN, why_not: str = "") -> Part:
    return Part(name=name, about=f"about {name}", kind=kind, data=data, why_not=why_not)


def made(*parts: Part, secrets: frozenset[str] = frozenset(), unread: tuple[str, ...] = ()) -> dict[str, str]:
    files = assemble(parts, secrets=secrets, unread=unread, headline="made today")
    return {name: data.decode() for name, data in files.items()}


def test_a_known_secret_is_nowhere() -> None:
    """Not in our own words, not in foreign ones, not in a name, not in a reason."""
    secret = "s3cr3tS3CR3T"
    parts = [part(f"{secret}.{kind.value}", f"x {secret} x".encode(), kind) for kind in Kind]
    files = made(*parts, part("left-out", None, why_not=f"no {secret}"), secrets=frozenset({secret}))
    assert len(files) == 4
    assert secret not in str(files)


def test_the_secrets_of_sub_devices_are_nowhere() -> None:
    """However many they are: none is omitted, and the manifest counts them apart."""
    many = frozenset(f"meterSecret{number:021}" for number in range(2000))
    text = f"one {min(many)}, another {max(many)}".encode()
    files = assemble(
        [part("a", text, kind) for kind in (Kind.OURS,)],
        secrets=frozenset({"gatewaySecret1"}),
        many=many,
        unread=(),
        headline="x",
    )
    assert files["a"] == b"one [secret], another [secret]"
    manifest = files[MANIFEST].decode()
    assert "1 of them are known on this gateway" in manifest
    assert "2000 more, of sub-devices" in manifest
    assert "too many" not in manifest


def test_what_the_configuration_gives_away_is_known_everywhere() -> None:
    """A password that was covered there is looked for in all other parts."""
    files = made(
        part("journal", b"the proxy said no to hunter2"),
        part("config", b"proxy: http://u:hunter2@h:1\n", Kind.CONFIGURATION),
    )
    assert files["journal"] == "the proxy said no to [secret]"


def test_kinds() -> None:
    """Foreign words are masked by what they look like, the configuration more so, and ours are left alone."""
    text = b"product-secret: There is none; old one: ffFnFlKQW3HYjjPR"
    logged = {kind: made(part("a", text, kind))["a"] for kind in Kind}
    assert logged == {
        Kind.OURS: text.decode(),
        Kind.FOREIGN: "product-secret: [secret] is none; old one: ffFnFlKQW3HYjjPR",
        Kind.CONFIGURATION: "product-secret: [secret]",
    }


def test_what_is_no_text_stays_what_it_is() -> None:
    """A broken byte in a log is part of the story."""
    files = assemble([part("log", b"\xff\xfe ok")], secrets=frozenset(), unread=(), headline="x")
    assert files["log"] == b"\xff\xfe ok"


def test_the_manifest() -> None:
    """It stands first; it says what is in, what is not and why, and how much of the secrets is known."""
    files = made(
        part("status.txt", b"x"),
        part("unit/show.txt", None, why_not="systemctl is not installed"),
        secrets=frozenset({"s3cr3t", "0ther1"}),
        unread=("/var/lib/iot-onboard/credentials",),
    )
    assert next(iter(files)) == MANIFEST
    manifest = files[MANIFEST]
    assert manifest.startswith("made today\n\nIncluded\n  status.txt     about status.txt\n\nNot included\n")
    assert "  unit/show.txt  systemctl is not installed\n" in manifest
    assert "2 of them are known on this gateway" in manifest
    assert manifest.endswith("could not be masked\n  /var/lib/iot-onboard/credentials\n")


def test_an_empty_manifest() -> None:
    """Nothing is a word too."""
    assert made()[MANIFEST].count("  nothing") == 2

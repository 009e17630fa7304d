"""Settings: found where they are looked for, refused by name when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from greensward import settings_files
from greensward.console import Common
from greensward.given_settings import load
from greensward.settings import DataSettings, Settings
from greensward.wiring import broker_of, read_secret
from ingest.errors import ConfigError
from ingest.lake.layout import LAYOUT_VERSION


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_any_file_everything_has_a_value() -> None:
    assert load() == Settings(data=Settings().data)
    assert load().place().district == "beichen"


def test_a_relative_data_folder_is_taken_from_the_files_own_folder(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    file = write(tmp_path / "etc" / "greensward.toml", '[data]\nfolder = "lake-of-beichen"\n')
    assert load(file).data_folder().root == tmp_path / "etc" / "lake-of-beichen"


def test_a_data_folder_brings_its_own_settings(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    write(tmp_path / "demo" / "greensward.toml", "[web]\nport = 8123\n")
    settings = load(data=tmp_path / "demo")
    assert (settings.web.port, settings.data_folder().root) == (8123, tmp_path / "demo")


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "greensward.toml", "[broker]\nport = 1884\nallow_insecure = false\n")
    monkeypatch.setenv("GREENSWARD__BROKER__PORT", "1885")
    monkeypatch.setenv("GREENSWARD__BROKER__ALLOW_INSECURE", "true")
    assert (load(file).broker.port, load(file).broker.allow_insecure) == (1885, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[brokr]\nport = 1\n", "unknown section [brokr]; did you mean 'broker'?"),
        ("[broker]\nprot = 1\n", "unknown key 'prot' in [broker]; did you mean 'port'?"),
        ("[broker]\nport = 70000\n", "<= 65535, got 70000"),
        ('[broker]\nmqtt_version = "4"\n', "mqtt_version"),
        ('[broker]\nport = "1883"\n', "[broker] port: Expected int"),
        ("[broker]\nca_file = 5\n", "[broker] ca_file: Expected str, got int"),
        ("[data]\nfolder = 5\n", "[data] folder: Expected str, got int"),
        ('[broker]\nca_file = "a\\u0000b"\n', "[broker] ca_file: 'a\\x00b' has a null character"),
        ('[data]\nfolder = "\\u0000"\n', "[data] folder: '\\x00' has a null character"),
        ("[retention]\nreadings_days = 65\n", "[retention] readings_days: 65 days are too few: evaluations"),
        ("[retention]\npictures_days = 300\n", "Write at least 301, or 0."),
        ("[ingest]\nraw_days = 50\n[retention]\nrejected_days = 49\n", "Write at least 50, or 0."),
        ("[retention]\nflags_days = 30\n", "Write at least 31, or 0."),
        ("[retention]\nphotos_days = 30\n", "Write at least 31, or 0."),
        ("[retention]\nreadings_days = -1\n", ">= 0, got -1"),
        (
            '[site]\nname = "x"\n\ndata_licence = "free for all"\n',
            "greensward.toml:4: [site] data_licence: not written as it must be (licence that the operator gives",
        ),
        ('[site]\ndata_licence_url = "data.example.org"\n', "greensward.toml:2: [site] data_licence_url: "),
        ('[web]\n\npublic_url = "lists.example.org"\n', "greensward.toml:3: [web] public_url: "),
        ("# ours\n[broker]\nprot = 1\n", "greensward.toml:3: unknown key 'prot'"),
        ("[retention]\nplot_coverage_days = 400\n", "unknown key 'plot_coverage_days' in [retention]"),
        ("[broker\n", "not valid TOML"),
        ('data = "here"\n', "[data] must be a section"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = write(tmp_path / "greensward.toml", text)
    with pytest.raises(ConfigError) as refusal:
        load(file)
    assert said in str(refusal.value)
    assert str(file) in str(refusal.value) or "[data]" in said


def test_a_password_where_none_belongs_is_refused_without_showing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "other.toml", '[broker]\npassword = "canary-secret"\n')
    with pytest.raises(ConfigError, match="password_file") as of_file:
        load(file)
    monkeypatch.setenv("GREENSWARD__BROKER__PASSWORD", "canary-secret")
    with pytest.raises(ConfigError, match="password_file") as of_environment:
        load()
    assert "canary" not in str(of_file.value) + str(of_environment.value)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("GREENSWARD__BROKERS__PORT", "1", "no such setting"),
        ("GREENSWARD__BROKER__PORT", "high", "expected a number"),
        ("GREENSWARD__BROKER__ALLOW_INSECURE", "perhaps", "expected true or false"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=said) as refusal:
        load()
    assert variable in str(refusal.value)


def test_an_unknown_zone_and_an_empty_box_are_told(tmp_path: Path) -> None:
    zone = load(write(tmp_path / "zone.toml", '[site]\ntimezone = "Asia/Tientsin"\n'))
    with pytest.raises(ConfigError, match="IANA time zone"):
        zone.place()
    box = load(write(tmp_path / "box.toml", "[site]\nwest = 118.0\n"))
    with pytest.raises(ConfigError, match="west must be less than east"):
        box.place()


def test_a_demonstrations_clock_goes_on_from_its_instant(tmp_path: Path) -> None:
    file = write(tmp_path / "greensward.toml", '[site]\nclock = "2026-03-28T07:00:00+08:00"\n')
    first, second = load(file).now(), load(file).now()
    assert f"{first:%Y-%m-%dT%H}" == "2026-03-27T23"
    assert second >= first
    wrong = load(write(tmp_path / "wrong.toml", '[site]\nclock = "2026-03-28 07:00"\n'))
    with pytest.raises(ConfigError, match="no instant"):
        wrong.now()


def test_an_unencrypted_broker_far_away_is_refused_and_one_on_this_machine_is_not(tmp_path: Path) -> None:
    far = load(write(tmp_path / "far.toml", '[broker]\nhost = "mqtt.example.org"\n'))
    with pytest.raises(ConfigError, match="unencrypted"):
        broker_of(far.broker)
    near = load(write(tmp_path / "near.toml", '[broker]\nhost = "127.0.0.1"\n'))
    assert broker_of(near.broker).host == "127.0.0.1"


def test_a_password_file_that_others_can_read_is_refused_and_never_quoted(tmp_path: Path) -> None:
    secret = write(tmp_path / "password", "canary-secret\n")
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600") as refusal:
        read_secret(str(secret))
    assert "canary-secret" not in str(refusal.value)
    secret.chmod(0o600)
    assert read_secret(str(secret)) == "canary-secret"


def test_a_private_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    key = write(tmp_path / "worker.key", "key\n")
    write(tmp_path / "ca.crt", "certificate\n")
    key.chmod(0o640)
    toml = f'[broker]\nhost = "127.0.0.1"\nca_file = "ca.crt"\nkey_file = "{key}"\n'
    settings = load(write(tmp_path / "tls.toml", toml))
    with pytest.raises(ConfigError, match="chmod 600"):
        broker_of(settings.broker)
    key.chmod(0o600)
    assert broker_of(settings.broker).key_file == key


def test_a_wrong_variable_is_not_blamed_on_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "greensward.toml"
    file.write_text("[web]\nport = 8081\n", encoding="utf-8")
    monkeypatch.setenv("GREENSWARD__WEB__PRT", "8082")
    with pytest.raises(ConfigError, match="environment: unknown key 'prt'"):
        load(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[broker]\nport = "1883"\n', r"\[broker\] port: Expected int, got str"),
        ('[site]\ndistrict = "北辰"\n', r"\[site\] district: use letters, digits"),
        ('[web]\npublic_url = "lists.example.org"\n', "must begin with https://"),
    ],
)
def test_a_wrong_value_is_named_by_its_setting(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "greensward.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        load(file)


def test_a_certificate_without_an_authority_never_goes_out_unencrypted(tmp_path: Path) -> None:
    file = write(tmp_path / "tls.toml", '[broker]\nhost = "mqtt.example.org"\ncert_file = "our.crt"\n')
    with pytest.raises(ConfigError, match="not be encrypted"):
        load(file)


def test_a_named_settings_file_that_is_missing_is_no_reason_to_take_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "greensward.toml", "[web]\nport = 8081\n")
    monkeypatch.setenv("GREENSWARD_CONFIG", str(tmp_path / "gone.toml"))
    with pytest.raises(ConfigError, match=r"GREENSWARD_CONFIG.*gone\.toml"):
        load()


@pytest.fixture
def somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, which is not that of the installation at tmp_path/site."""
    (tmp_path / "site" / "data").mkdir(parents=True)
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    return tmp_path / "else"


_OURS = '[data]\nfolder = "data"\n[web]\nport = 8123\n'


@pytest.mark.usefixtures("somewhere_else")
@pytest.mark.parametrize("given", ["../site/data", "../site/data/", "../else/../site/data", "{root}/site/data"])
def test_settings_beside_the_data_folder_that_is_named_count_from_every_working_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    write(tmp_path / "site" / "greensward.toml", _OURS)
    settings = Common(data=Path(given.format(root=tmp_path))).settings()
    assert (settings.web.port, settings.data_folder().root.resolve()) == (8123, tmp_path / "site" / "data")
    said = capsys.readouterr().err
    assert said.startswith("set by  ")
    assert said.endswith("site/greensward.toml, beside the data folder\n")


@pytest.mark.usefixtures("somewhere_else")
def test_settings_beside_the_data_folder_are_found_from_within_it_and_beside_a_link_to_another_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "site" / "greensward.toml", _OURS)
    (lake := tmp_path / "site" / "data" / "lake").mkdir()
    monkeypatch.chdir(lake)
    assert load(data=Path("..")).web.port == 8123
    (tmp_path / "site" / "data").rename(tmp_path / "disk")
    (tmp_path / "site" / "data").symlink_to(tmp_path / "disk")
    assert load(data=tmp_path / "site" / "data").web.port == 8123


@pytest.mark.usefixtures("somewhere_else")
def test_a_link_to_a_data_folder_leads_to_the_settings_beside_that_folder_where_it_has_none_of_its_own(
    tmp_path: Path,
) -> None:
    write(tmp_path / "site" / "greensward.toml", _OURS)
    (tmp_path / "home").mkdir()
    (link := tmp_path / "home" / "lake").symlink_to(tmp_path / "site" / "data")
    assert load(data=link).web.port == 8123
    (ring := tmp_path / "home" / "ring").symlink_to("ring")
    assert settings_files.find(None, "", ring).file is None
    write(tmp_path / "home" / "greensward.toml", _OURS.replace('"data"', '"lake"').replace("8123", "8124"))
    assert load(data=link).web.port == 8124


@pytest.mark.usefixtures("somewhere_else")
@pytest.mark.parametrize("folder", ["ring", "a\\u0000b"])
def test_settings_beside_the_data_folder_that_name_what_can_be_no_folder_are_for_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    (tmp_path / "site" / "ring").symlink_to("ring")
    beside = write(tmp_path / "site" / "greensward.toml", _OURS.replace('"data"', f'"{folder}"'))
    assert Common(data=tmp_path / "site" / "data").settings().web.port == Settings().web.port
    assert f"{beside} is not read, as its [data] folder is " in capsys.readouterr().err


def test_of_two_settings_files_that_which_names_the_data_folder_counts_and_the_other_is_said_not_to(
    tmp_path: Path, somewhere_else: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = write(tmp_path / "site" / "greensward.toml", _OURS)
    here = write(somewhere_else / "greensward.toml", "[web]\nport = 8999\n")
    assert Common(data=tmp_path / "site" / "data").settings().web.port == 8123
    assert f"{here} is for {somewhere_else / 'greensward-data'}, and not read" in capsys.readouterr().err
    write(beside, _OURS.replace('"data"', '"other"'))
    assert Common(data=tmp_path / "site" / "data").settings().web.port == 8999
    assert f"{beside} is not read, as its [data] folder is {beside.parent}/other; " in capsys.readouterr().err


def test_two_settings_files_that_both_name_the_data_folder_are_asked_about(
    tmp_path: Path, somewhere_else: Path
) -> None:
    beside = write(tmp_path / "site" / "greensward.toml", _OURS)
    here = write(somewhere_else / "greensward.toml", '[data]\nfolder = "../site/data"\n')
    with pytest.raises(ConfigError, match=f"Two settings files name .*{here} and {beside}. Say with --config"):
        load(data=tmp_path / "site" / "data")
    assert load(beside, data=tmp_path / "site" / "data").web.port == 8123


@pytest.mark.usefixtures("somewhere_else")
def test_settings_beside_the_data_folder_give_way_to_what_is_named_and_to_those_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "site" / "data"
    write(tmp_path / "site" / "greensward.toml", _OURS)
    monkeypatch.setenv("GREENSWARD_CONFIG", str(write(tmp_path / "named.toml", "[web]\nport = 8500\n")))
    assert Common(data=data).settings().web.port == 8500
    write(data / "greensward.toml", "[web]\nport = 8600\n")
    assert Common(data=data).settings().web.port == 8600
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("somewhere_else")
@pytest.mark.parametrize("text", [b"[web\n", b"\xff"])
def test_settings_beside_the_data_folder_that_cannot_be_understood_are_refused_by_name(
    tmp_path: Path, text: bytes
) -> None:
    (tmp_path / "site" / "greensward.toml").write_bytes(text)
    with pytest.raises(ConfigError, match=r"site/greensward\.toml: not valid TOML"):
        load(data=tmp_path / "site" / "data")


@pytest.mark.usefixtures("somewhere_else")
def test_without_a_file_beside_the_data_folder_nothing_is_said_of_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site" / "greensward.toml").mkdir()  # a folder by that name is none
    data = tmp_path / "site" / "data"
    assert Common(data=data).settings() == Settings(data=DataSettings(str(data)))
    assert capsys.readouterr().err == ""


def test_a_settings_file_of_windows_notepad_is_read(tmp_path: Path) -> None:
    file = tmp_path / "greensward.toml"
    file.write_bytes(b"\xef\xbb\xbf[web]\nport = 8081\n")
    assert load(file).web.port == 8081


def test_a_section_misspelt_in_the_environment_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENSWARD__BROKERS__PORT", "1")
    with pytest.raises(ConfigError, match="did you mean 'broker'"):
        load()


def test_settings_that_may_not_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "greensward.toml", "")

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ConfigError, match=r"greensward\.toml: cannot be read: Permission denied"):
        load(file)


def test_a_data_folder_of_a_newer_greensward_or_one_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text(f"{LAYOUT_VERSION + 1}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="newer Greensward"):
        load(data=tmp_path).data_folder()
    (tmp_path / "VERSION").write_text("٢\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="layout version"):
        load(data=tmp_path).existing_folder()
    with pytest.raises(ConfigError, match="is a file"):
        load(data=write(tmp_path / "file", "")).existing_folder()

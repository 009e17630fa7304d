"""[send.NAME]: refused with file, line and what to write, and never with a secret in what is said."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from greensward.channel_settings import KINDS, MqttSettings, WecomSettings, meaning_of
from greensward.cli import run
from greensward.console import EXIT_OK, EXIT_USAGE
from greensward.given_settings import load
from greensward.sending.channels import outlets_of, send_faults
from ingest.errors import ConfigError
from tests.notices.sending import secret_file

GOOD = '[send.crew_1]\nkind = "wecom"\ncrews = ["一队"]\n'


LIST = '[send.list_1]\nkind = "mqtt"\ncrews = ["一队"]\ncrew_id = "crew-1"\n'


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_channel_has_a_default_for_all_but_what_it_is(tmp_path: Path) -> None:
    channel = load(write(tmp_path / "a.toml", GOOD)).send["crew_1"]
    assert isinstance(channel, WecomSettings)
    assert (channel.at, channel.new_from, channel.quiet, channel.language) == ("07:13", 3, "21:00-06:30", "zh")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (GOOD.replace("wecom", "wecm"), 2, "[send.crew_1] kind: 'wecm' is none; did you mean 'wecom'?"),
        ('[send.crew_1]\ncrews = ["一队"]\n', 1, "[send.crew_1]: say of which kind it is"),
        ('[send.crew_1]\nkind = "wecom"\n', 1, "[send.crew_1]: Object missing required field crews"),
        (GOOD + "crewz = 1\n", 4, "[send.crew_1] crewz: unknown key for kind 'wecom'; did you mean 'crews'?"),
        (GOOD + "crew_id = 'crew-1'\n", 4, "unknown key for kind 'wecom'"),
        (GOOD + 'at = "07:00"\n', 4, "[send.crew_1] at: '07:00' is an even minute; write an odd one"),
        (GOOD + 'at = "7:13"\n', 4, "at: '7:13' is no time of the day"),
        (GOOD + 'at = "05:13"\n', 4, "at: 05:13 lies in the quiet hours 21:00-06:30"),
        (GOOD + 'quiet = "all night"\n', 4, "quiet: 'all night'"),
        (GOOD + "new_from = 5\n", 4, "new_from: Expected int <= 4, got 5"),
        (GOOD + 'format = "html"\n', 4, "format: Invalid enum value 'html'"),
        (GOOD + 'language = "de"\n', 4, "language: Invalid enum value 'de'"),
        (GOOD.replace('["一队"]', "[]"), 3, "crews: Expected array of length >= 1"),
        (GOOD.replace('["一队"]', '"一队"'), 3, "crews: Expected array, got str"),
        (GOOD.replace('["一队"]', '["一队", "一队"]'), 3, "crews: 一队 stands there twice"),
        (GOOD.replace('["一队"]', '["*", "一队"]'), 3, 'crews: "*" is every crew'),
        (GOOD + 'ca_file = "a\\u0000b"\n', 4, "null character"),
        (GOOD + 'url_file = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=canary"\n', 4, "the name of a file"),
        (GOOD + 'url = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=canary"\n', 4, "url_file, or set $G"),
        (GOOD + 'secret = "canary"\n', 4, "secret_file, or set $GREENSWARD__SEND__CREW_1__SECRET"),
        ('[web]\nport = 1\n\n[send."Crew 1"]\nkind = "wecom"\n', 0, "name a channel with small letters"),
        ('[send.crew_1]\nkind = "mqtt"\ncrews = ["一队", "二队"]\ncrew_id = "crew-1"\n', 3, "for one topic"),
        ('[send.crew_1]\nkind = "mqtt"\ncrews = ["一队"]\ncrew_id = "一队"\n', 4, "crew_id: not written as it must be"),
        (LIST.replace("list_1", "list_2") + LIST, 8, "crew_id: 'crew-1' is that of [send.list_2] too"),
        (LIST.replace("crew-1", "crew-1\\n"), 4, "crew_id: not written as it must be"),
        ('[send.a]\nkind = "email"\ncrews = ["*"]\nhost = "h"\nsender = "a@b"\nto = ["a b@c"]\n', 6, "to: not written"),
        ('[send]\nkind = "wecom"\n', 2, "channels are sections of their own: [send.kind]"),
    ],
)  # fmt: skip
def test_a_wrong_channel_is_refused_with_file_and_line(
    tmp_path: Path, text: str, line: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "greensward.toml", text)
    with pytest.raises(ConfigError) as refusal:
        load(file)
    assert said in str(refusal.value)
    assert str(refusal.value).startswith(f"{file}:{line}: " if line else f"{file}: ")
    assert "canary" not in str(refusal.value)
    assert run(["config", "--config", str(file)]) == EXIT_USAGE
    assert "canary" not in "".join(capsys.readouterr())


def test_every_fault_of_every_channel_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD + 'at = "07:00"\nquiet = "x"\n' + GOOD.replace("crew_1", "crew_2") + 'at = "08:00"\n'
    with pytest.raises(ConfigError) as refusal:
        load(write(tmp_path / "a.toml", text))
    lines = str(refusal.value).splitlines()
    assert [line.rpartition("a.toml:")[2].partition(":")[0] for line in lines] == ["4", "5", "9"]


def test_the_environment_says_it_too_and_its_secrets_become_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for key, text in {
        "KIND": "dingtalk", "CREWS": "一队, 二队", "NEW_FROM": "4", "URGENT_AT_NIGHT": "true",
        "URL": "https://oapi.dingtalk.com/robot/send?access_token=canary-token", "SECRET": "SEC-canary",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"GREENSWARD__SEND__CREW_1__{key}", text)
    settings = load()
    channel = settings.send["crew_1"]
    assert not isinstance(channel, MqttSettings)
    assert (channel.crews, channel.new_from, channel.urgent_at_night) == (("一队", "二队"), 4, True)
    assert "canary" not in repr(settings)
    assert "canary-token" in outlets_of(settings)["crew_1"].secrets
    assert "canary" not in repr(outlets_of(settings))
    assert run(["config"]) == EXIT_OK
    assert "canary" not in "".join(capsys.readouterr())
    monkeypatch.setenv("GREENSWARD__SEND__CREW_2__URL", "https://example.org/canary")
    text = GOOD.replace("crew_1", "crew_2") + 'new_from = "4"\n'
    with pytest.raises(ConfigError, match=r"\[send.crew_2\] new_from: Expected int, got str"):
        load(write(tmp_path / "text.toml", text))
    monkeypatch.delenv("GREENSWARD__SEND__CREW_2__URL")
    monkeypatch.setenv("GREENSWARD__SEND__CREW_1__NEW_FROM", "9")
    with pytest.raises(ConfigError, match=r"\$GREENSWARD__SEND__CREW_1__NEW_FROM: Expected int <= 4"):
        load()


def test_a_relative_file_is_taken_from_the_settings_files_own_folder(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    secret_file(tmp_path / "etc" / "crew-1.url", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1")
    file = write(tmp_path / "etc" / "greensward.toml", GOOD + 'url_file = "crew-1.url"\n')
    assert send_faults(load(file)) == []


def test_a_secret_of_a_windows_editor_is_the_secret(tmp_path: Path) -> None:
    secret_file(tmp_path / "url", "\ufeffhttps://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6\r")
    outlet = outlets_of(load(write(tmp_path / "a.toml", GOOD + 'url_file = "url"\n')))["crew_1"]
    assert "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6" in outlet.secrets


@pytest.mark.parametrize(
    ("more", "url", "mode", "said"),
    [
        ("", None, 0o600, "no address is given"),
        ('url_file = "canary.url"\n', None, 0o600, "No such file"),
        ('url_file = "url"\n', "https://example.org/canary", 0o644, "chmod 600"),
        ('url_file = "url"\n', "http://example.org/canary", 0o600, "write https"),
        ('url_file = "url"\n', "example.org/canary", 0o600, "begins with https"),
        ('url_file = "url"\nca_file = "none.crt"\n', "https://example.org/canary", 0o600, "ca_file"),
    ],
)
def test_a_start_that_would_be_refused_is_told_by_config(
    tmp_path: Path, more: str, url: str | None, mode: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if url is not None:
        secret_file(tmp_path / "url", url).chmod(mode)
    file = write(tmp_path / "greensward.toml", GOOD + more)
    assert run(["config", "--config", str(file)]) == EXIT_USAGE
    told = capsys.readouterr()
    assert "[send.crew_1]" in told.err
    assert said in told.err
    assert "canary" not in told.err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('tls = "none"\n', "on this machine"),
        ('username = "u"\n', "needs a password"),
        ('username = "ü"\npassword_file = "password"\n', "ASCII only"),
    ],
)
def test_a_mail_server_gets_no_password_unencrypted(tmp_path: Path, more: str, said: str) -> None:
    secret_file(tmp_path / "password", "canary")
    text = '[send.a]\nkind = "email"\ncrews = ["*"]\nhost = "mail.example.org"\nsender = "a@b.cn"\nto = ["c@d.cn"]\n'
    assert said in "".join(send_faults(load(write(tmp_path / "a.toml", text + more))))


def test_an_unsigned_webhook_is_refused(tmp_path: Path) -> None:
    secret_file(tmp_path / "url", "https://example.org/hook")
    file = write(tmp_path / "a.toml", GOOD.replace("wecom", "webhook") + 'url_file = "url"\n')
    assert "are signed" in "".join(send_faults(load(file)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_every_kind_says_what_it_means(kind: str) -> None:
    for key in ("kind", *KINDS[kind].__struct_fields__):
        assert meaning_of(KINDS[kind], key), key


def test_a_settings_file_that_config_writes_keeps_its_channels(tmp_path: Path) -> None:
    secret_file(tmp_path / "url", "https://example.org/hook")
    file = write(tmp_path / "a.toml", GOOD + 'url_file = "url"\n')
    assert run(["config", "--config", str(file), "--write", str(tmp_path / "b.toml")]) == EXIT_OK
    assert msgspec.to_builtins(load(tmp_path / "b.toml").send) == msgspec.to_builtins(load(file).send)
    assert "# a group robot of WeCom" in (tmp_path / "b.toml").read_text(encoding="utf-8")

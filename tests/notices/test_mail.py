"""The digest as e-mail: handed in encrypted, once to each, and what the server would not have is told."""

from __future__ import annotations

import ssl
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from crews.action import Action
from crews.notices.outbox import last_sent, untold
from crews.perform import perform
from greensward.sending.mail import MailServer, mail_of, send_mail
from tests.compose.site import COMPOSE
from tests.crews.made import DAY, HOUR, NOW
from tests.mail_server import MailBox, mail_server
from tests.notices.sending import Sending, secret_file
from tests.notices.test_post import dripping

AT = NOW - timedelta(hours=1, minutes=17)
Make = Callable[..., Sending]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    for arguments in (["ca"], ["server", "localhost"]):
        subprocess.run([COMPOSE / "make-certs.sh", folder, *arguments], check=True)
    return folder


@pytest.fixture
def box(certificates: Path) -> Iterator[MailBox]:
    with mail_server(certificates) as served:
        served.users = {"greensward": "canary-of-the-mail"}
        yield served


def section(box: MailBox, root: Path, certificates: Path, word: str = "canary-of-the-mail") -> str:
    secret = secret_file(root / "mail.password", word)
    return (
        f'[send.office]\nkind = "email"\ncrews = ["一队"]\nhost = "localhost"\nport = {box.port}\n'
        f'username = "greensward"\npassword_file = "{secret}"\nca_file = "{certificates / "ca.crt"}"\n'
        'sender = "lists@example.org"\nto = ["li@example.org", "wang@example.org"]\n'
    )


def test_a_mail_is_handed_in_over_tls_and_reads_as_it_was_written(
    box: MailBox, tmp_path: Path, certificates: Path, sending: Make
) -> None:
    made = sending(section(box, tmp_path, certificates))
    made.turn(AT, times=4)
    (mail,) = box.mails
    assert mail["Subject"] == "一队 · 2026-07-02 养护清单"
    assert (mail["From"], mail["To"]) == ("lists@example.org", "li@example.org, wang@example.org")
    assert mail["Message-ID"].endswith("@example.org>")
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert "已超期" in text
    assert "\nhttps://lists.example.org/c/" in text
    assert box.was_encrypted == [True]
    assert [one["code"] for one in made.receipts()] == ["250", "250"], "one a mailbox"


def test_a_wrong_password_is_refused_and_its_echo_is_kept_without_it(
    box: MailBox, tmp_path: Path, certificates: Path, sending: Make
) -> None:
    made = sending(section(box, tmp_path, certificates, "canary-that-is-wrong"))
    made.turn(AT)
    (refusal,) = untold(made.ledger, AT - DAY, AT)
    assert refusal.code == "535"
    assert "not accepted" in refusal.said
    assert "canary" not in refusal.said + "".join(made.said)
    assert b64encode(b"\0greensward\0canary-that-is-wrong").decode() not in refusal.said


@pytest.mark.parametrize(
    ("word", "reply", "state"),
    [("MAIL", "451 4.3.0 later", "waiting"), ("DATA", "452 full", "waiting"), ("DATA", "554 5.7.1 spam", "refused"),
     ("RCPT", "550 5.1.1 nobody here", "refused"), ("RCPT", "450 greylisted", "waiting"),
     ("STARTTLS", "454 no TLS now", "waiting"), ("EHLO", "250 mail.example.org", "refused")],
)  # fmt: skip
def test_what_passes_is_tried_again_and_what_does_not_is_not(
    word: str, reply: str, state: str, box: MailBox, tmp_path: Path, certificates: Path, sending: Make
) -> None:
    box.replies = {word: reply}
    made = sending(section(box, tmp_path, certificates))
    made.turn(AT)
    assert [row["state"] for row in made.rows()] == [state]
    assert box.mails == []
    box.replies = {}
    made.turn(AT + HOUR)
    assert len(box.mails) == (state == "waiting")


def test_a_mail_that_nobody_has_goes_again_where_one_mailbox_may_be_taken_later(
    box: MailBox, tmp_path: Path, certificates: Path, sending: Make
) -> None:
    box.replies = {"RCPT TO:<li@example.org>": "550 5.1.1 nobody here", "RCPT": "450 later"}
    made = sending(section(box, tmp_path, certificates))
    made.turn(AT)
    assert [row["state"] for row in made.rows()] == ["waiting"]
    del box.replies["RCPT"]
    made.turn(AT + HOUR)
    assert box.mails[0]["Subject"].startswith("一队")
    (refusal,) = untold(made.ledger, AT - DAY, AT + HOUR)
    assert (refusal.code, "li@example.org" in refusal.said) == ("550", True), "and whose mailbox is none is told"


def test_a_mailbox_that_is_refused_takes_the_mail_from_no_other_and_is_named(
    box: MailBox, tmp_path: Path, certificates: Path, sending: Make
) -> None:
    box.replies = {"RCPT TO:<li@example.org>": "550 5.1.1 nobody here"}
    made = sending(section(box, tmp_path, certificates))
    made.turn(AT, times=3)
    made.turn(AT + HOUR, times=3)
    assert [row["state"] for row in made.rows()] == ["sent"]
    assert (len(box.mails), box.recipients) == (1, ["TO:<wang@example.org>"])
    (refusal,) = untold(made.ledger, AT - DAY, AT + HOUR)
    assert (refusal.state, refusal.code, refusal.said) == ("refused", "550", "li@example.org: 5.1.1 nobody here")
    assert last_sent(made.ledger) == {}, "the channel is not well before every mailbox has it"
    assert "li@example.org: 5.1.1 nobody here" in "".join(made.said)


def test_a_mailbox_that_is_taken_later_gets_it_then_and_who_has_it_not_again(
    box: MailBox, tmp_path: Path, certificates: Path, sending: Make
) -> None:
    box.replies = {"RCPT TO:<li@example.org>": "450 4.2.1 greylisted"}
    toml = section(box, tmp_path, certificates)
    made = sending(toml)
    made.turn(AT)
    assert [row["state"] for row in made.rows()] == ["waiting"]
    box.replies = {}
    # Whoever is added to the channel meanwhile has it not yet, wherever he stands.
    sending(toml.replace('["li@', '["qian@example.org", "li@')).turn(AT + HOUR, times=2)
    assert box.recipients == ["TO:<wang@example.org>", "TO:<qian@example.org>", "TO:<li@example.org>"]
    assert box.mails[0]["Message-ID"] == box.mails[1]["Message-ID"]
    assert [row["state"] for row in made.rows()] == ["sent"]
    assert untold(made.ledger, AT - DAY, AT + HOUR) == []


def test_a_server_that_takes_a_mail_and_takes_no_leave_has_taken_it(
    box: MailBox, tmp_path: Path, certificates: Path, sending: Make
) -> None:
    box.replies = {"QUIT": "421 4.3.2 away"}
    made = sending(section(box, tmp_path, certificates))
    made.turn(AT)
    made.turn(AT + HOUR, times=2)
    assert (len(box.mails), [row["state"] for row in made.rows()]) == (1, ["sent"])


def test_an_implicitly_encrypted_session_is_as_good_and_eight_bits_are_not_needed(
    certificates: Path,
) -> None:
    trust = ssl.create_default_context(cafile=certificates / "ca.crt")
    with mail_server(certificates, is_implicit=True) as box:
        box.replies = {"EHLO": "250 mail.example.org"}  # no 8BITMIME
        server = MailServer("localhost", box.port, "tls", "", "", trust)
        mail = mail_of("lists@example.org", ("li@example.org",), "一队", "一队\n" * 500, "x", NOW)
        assert [one.outcome for one in send_mail(server, mail, ["li@example.org"])] == ["sent"]
    assert box.mails[0].get_content().startswith("一队\n一队")
    assert box.raw[0].isascii()


def test_a_mail_server_that_answers_a_byte_at_a_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greensward.sending.mail._WHOLE_S", 0.5)
    with dripping(speaks_first=True) as (port, sent):
        server = MailServer("127.0.0.1", port, "none", "", "", ssl.create_default_context())
        mail = mail_of("lists@example.org", ("li@example.org",), "一队", "x", "x", NOW)
        assert [one.outcome for one in send_mail(server, mail, ["li@example.org"])] == ["later"]
        assert 0 < len(sent) < 100


def test_a_server_whose_certificate_is_of_another_authority_gets_no_password(
    box: MailBox, tmp_path: Path, certificates: Path, sending: Make
) -> None:
    toml = section(box, tmp_path, certificates).replace(f'ca_file = "{certificates / "ca.crt"}"\n', "")
    made = sending(toml)
    made.turn(AT)
    assert [row["state"] for row in made.rows()] == ["waiting"]
    assert box.mails == []
    assert "certificate" in "".join(made.said).lower()


def test_a_mailbox_that_two_crews_channels_have_in_common_gets_no_link(
    box: MailBox, tmp_path: Path, certificates: Path, sending: Make
) -> None:
    one = section(box, tmp_path, certificates)
    two = one.replace("[send.office]", "[send.crew_2]").replace("一队", "二队").replace("wang@", "zhao@")
    third = one.replace("[send.office]", "[send.crew_3]").replace("一队", "三队").replace("li@", "sun@")
    alone = third.replace("wang@", "qian@")
    made = sending(one + two + alone)
    issue = next(one for one in made.ledger.open_issues() if one.crew == "一队")
    perform(made.ledger, Action("move-12345", issue.issue_id, "assigned", "王工", crew="三队"), AT - HOUR)
    made.turn(AT, times=4)
    links = {mail["Subject"][:2]: "/c/" in mail.get_content() for mail in box.mails}
    assert links == {"一队": False, "二队": False, "三队": True}

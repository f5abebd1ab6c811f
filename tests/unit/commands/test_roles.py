"""Who counts as what: a number is a claim, a key is a proof."""

import hashlib

import pytest

from meshbot.commands.roles import AuthFailure, NodeList, Role, User, node_list, report_moved, report_unverified
from meshbot.mesh_link.packets import BROADCAST_NUM, RadioMetadata, TextMessage
from meshbot.nodes import weak_keys
from meshbot.nodes.fingerprint import fingerprint_of
from tests.support.configured import make_roles
from tests.support.nodes import ALICE, BOB, key, text_of

OWN = 0x9999
TRUSTED = key(1)
ROLES = make_roles(admins=frozenset({ALICE}), known=frozenset({BOB}))


def message(sender=ALICE, **details):
    proved = {"pki_encrypted": True, "public_key": key(1)}
    return TextMessage(**({"packet_id": 1, "sender": sender, "to": OWN, "channel": 0, "text": "/x"} | proved | details))


def user(asked, roles=ROLES, trusted=TRUSTED, numbers=(), *, named=False):
    return roles.user_of(asked, trusted, numbers or (asked.sender,), named=named)


def test_a_listed_node_with_its_proof_is_an_admin():
    admin = user(message())
    assert (admin.role, admin.admin_auth_failure, admin.key) == (Role.ADMIN, None, "mesh:!20001eef")


@pytest.mark.parametrize(
    ("details", "trusted", "failure"),
    [
        ({"pki_encrypted": False}, key(1), AuthFailure.NOT_PKI),
        ({"pki_encrypted": False, "public_key": b""}, key(1), AuthFailure.NOT_PKI),
        ({"public_key": b""}, key(1), AuthFailure.NOT_PKI),
        ({"public_key": key(2)}, key(1), AuthFailure.WRONG_KEY),
        ({}, None, AuthFailure.NO_KEY),
        ({"to": BROADCAST_NUM}, key(1), AuthFailure.CHANNEL),
        ({"reception": RadioMetadata(via_mqtt=True)}, key(1), AuthFailure.MQTT),
    ],
)
def test_a_listed_node_without_its_proof_is_merely_known(details, trusted, failure):
    claimant = user(message(**details), trusted=trusted)
    assert (claimant.role, claimant.admin_auth_failure) == (Role.KNOWN, failure)


@pytest.mark.parametrize(
    ("details", "trusted", "failure"),
    [
        ({}, key(1), None),
        ({"pki_encrypted": False}, key(1), AuthFailure.NOT_PKI),
        ({"public_key": key(2)}, key(1), AuthFailure.WRONG_KEY),
        ({"pki_encrypted": False}, None, AuthFailure.NO_KEY),
        ({}, None, AuthFailure.NO_KEY),
        ({"to": BROADCAST_NUM}, None, AuthFailure.CHANNEL),
        ({"reception": RadioMetadata(via_mqtt=True), "pki_encrypted": False}, None, AuthFailure.MQTT),
    ],
)
def test_any_unproven_sender_has_a_reason(details, trusted, failure):
    assert user(message(0x5678, **details), trusted=trusted).auth_failure is failure


def test_a_node_that_is_not_listed_is_no_admin_whatever_its_proof():
    assert (
        user(message(0x5678)).admin_auth_failure
        is user(message(0x5678, pki_encrypted=False)).admin_auth_failure
        is None
    )
    assert user(message(0x5678)).role is Role.EVERYONE


def test_a_listed_node_is_known_by_its_number():
    assert user(message(BOB, pki_encrypted=False, public_key=b"")).role is Role.KNOWN


@pytest.mark.parametrize(("named", "role"), [(True, Role.KNOWN), (False, Role.EVERYONE)])
def test_without_a_list_every_named_node_is_known(named, role):
    assert user(message(BOB), make_roles(), named=named).role is role


def test_with_a_list_a_name_is_not_enough():
    assert user(message(0x5678), named=True).role is Role.EVERYONE


def test_a_key_that_everybody_can_have_proves_nothing(monkeypatch):
    monkeypatch.setattr(weak_keys, "HASHES", frozenset({hashlib.sha256(TRUSTED).digest()}))
    assert user(message()).admin_auth_failure is AuthFailure.WEAK_KEY
    assert user(message()).role is Role.KNOWN


def test_roles_rise():
    assert Role.EVERYONE < Role.KNOWN < Role.ADMIN


def test_nodes_are_listed_by_number_key_or_fingerprint():
    listed = node_list(["!0000000f", text_of(key(1)), fingerprint_of(key(2)).replace(" ", "-")])
    assert listed == NodeList(frozenset({15}), frozenset({key(1)}), frozenset({fingerprint_of(key(2))}))
    assert [listed.has_key(each) for each in (key(1), key(2), key(3), b"", None)] == [True, True, False, False, False]


@pytest.mark.parametrize("listed", [text_of(TRUSTED), fingerprint_of(TRUSTED)])
@pytest.mark.parametrize("trusted", [TRUSTED, None, key(9)])
def test_a_listed_key_is_an_admin_under_any_number(listed, trusted):
    admin = user(message(0x5678), make_roles(admin_list=node_list([listed])), trusted)
    assert (admin.role, admin.admin_auth_failure) == (Role.ADMIN, None)
    # whose letters the number has is another question
    assert admin.auth_failure is (None if trusted == TRUSTED else user(message(0x5678), trusted=trusted).auth_failure)


@pytest.mark.parametrize(
    "details",
    [
        {"pki_encrypted": False},
        {"public_key": key(2)},
        {"to": BROADCAST_NUM},
        {"reception": RadioMetadata(via_mqtt=True)},
    ],
)
def test_a_listed_key_without_its_proof_is_nobody(details):
    asked = user(message(0x5678, **details), make_roles(admin_list=node_list([text_of(TRUSTED)])))
    assert asked.role is Role.EVERYONE
    assert asked.admin_auth_failure is asked.auth_failure is not None


def test_a_number_listed_once_counts_under_all_numbers_of_its_node():
    assert user(message(0x5678), numbers=(0x5678, ALICE)).role is Role.ADMIN
    assert user(message(0x5678), numbers=(0x5678, ALICE)).key == user(message(), numbers=(0x5678, ALICE)).key
    assert user(message(0x5678, pki_encrypted=False), numbers=(0x5678, ALICE)).role is Role.KNOWN


def test_a_stranger_has_neither_proof_nor_a_place_in_the_settings():
    roles = make_roles(admins=frozenset({1}), known=frozenset({2}))
    strangers = [num for num in (1, 2, 3) if user(message(num), roles, None, named=True).is_stranger]
    assert strangers == [3]
    assert not User("telegram:5").is_stranger


def test_of_a_listed_number_that_moved_the_log_tells_what_to_write(caplog):
    class Moved:
        def numbers(self, num):
            return (0x5678, ALICE) if num in {ALICE, 0x5678} else (num,)

        def public_key(self, num):
            return {0x5678: key(1), BOB: key(2)}.get(num)

    items = ["!20001eef", "!00005678", f"!{BOB:08x}", text_of(key(1)), "!00000001"]
    report_moved({"admin_nodes": items, "known_nodes": []}, Moved())
    fingerprint = fingerprint_of(key(1)).replace(" ", "-")
    (line,) = caplog.messages
    assert line.startswith("🪪 admin_nodes: !20001eef est maintenant !00005678.")
    assert line.endswith(f'"{fingerprint}", à la place de "!20001eef"')


def test_of_an_unverified_admin_the_log_tells_what_to_do(caplog):
    class FirstHeard:
        def public_key(self, num):
            return {ALICE: key(1), BOB: key(2)}.get(num)

        def is_vouched(self, num):
            return num == BOB

    report_unverified(["!20001eef", f"!{BOB:08x}", "!00000001", text_of(key(1))], FirstHeard())
    (line,) = caplog.messages
    assert fingerprint_of(key(1)) in line
    assert line.endswith("(/keys verify !20001eef)")


# -- signatures on channels

SIGNED = RadioMetadata(signed=True)


def on_channel(sender=0x5678, **details):
    return message(
        sender, **{"to": BROADCAST_NUM, "pki_encrypted": False, "public_key": b"", "reception": SIGNED} | details
    )


def test_a_signature_on_a_channel_proves_its_sender():
    signer = user(on_channel())
    assert (signer.auth_failure, signer.is_stranger, signer.role) == (None, False, Role.EVERYONE)
    assert user(on_channel(), named=True, roles=make_roles()).role is Role.KNOWN


def test_a_signature_makes_nobody_an_admin():
    admin = user(on_channel(ALICE))
    assert (admin.role, admin.admin_auth_failure, admin.auth_failure) == (Role.KNOWN, AuthFailure.CHANNEL, None)


def test_a_signature_proves_nothing_without_the_trusted_key():
    assert user(on_channel(), trusted=None).auth_failure is AuthFailure.CHANNEL
    disputed = ROLES.user_of(on_channel(), TRUSTED, (0x5678,), named=False, is_disputed=True)
    assert disputed.auth_failure is AuthFailure.CHANNEL


def test_a_signed_text_sent_again_as_a_direct_one_proves_nothing():
    assert user(on_channel(to=OWN)).auth_failure is AuthFailure.NOT_PKI

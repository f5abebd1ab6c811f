"""Who counts as what: a number is a claim, a key is a proof."""

import pytest

from meshbot.commands.roles import AuthFailure, MeshRoles, Role, User, node_numbers
from meshbot.mesh_link.packets import BROADCAST_NUM, RadioMetadata, TextMessage
from tests.support.configured import make_roles
from tests.support.nodes import ALICE, BOB, key

OWN = 0x9999
TRUSTED = key(1)
ROLES = make_roles(admins=frozenset({ALICE}), known=frozenset({BOB}))


def message(sender=ALICE, **details):
    proved = {"pki_encrypted": True, "public_key": key(1)}
    return TextMessage(**({"packet_id": 1, "sender": sender, "to": OWN, "channel": 0, "text": "/x"} | proved | details))


def user(asked, roles=ROLES, trusted=TRUSTED, *, named=False):
    return roles.user_of(asked, trusted, named=named)


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


def test_roles_rise():
    assert Role.EVERYONE < Role.KNOWN < Role.ADMIN


def test_ids_are_hexadecimal():
    assert node_numbers(["!0000000f", "!ffffff10"]) == {15, 0xFFFFFF10}


def test_a_stranger_has_neither_proof_nor_a_place_in_the_settings():
    roles = MeshRoles(frozenset({1}), frozenset({2}))
    strangers = [num for num in (1, 2, 3) if roles.user_of(message(sender=num), None, named=True).is_stranger]
    assert strangers == [3]
    assert not User("telegram:5").is_stranger

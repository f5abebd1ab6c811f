from random import Random

import pytest

from meshbot.virtual_node.firmware import Firmware
from meshbot.virtual_node.population import make_users, user_message
from tests.support.phone import Phone


def people(count=42, keys=None, seed=1):
    return make_users(count, keys, Random(seed))


def test_the_same_seed_makes_the_same_mesh():
    assert people() == people()
    assert people(seed=2) != people()


def test_the_node_itself_comes_first_and_has_a_key():
    assert people(keys=0)[0].public_key
    assert people(1) == people(1)
    assert len(people(1)) == 1


@pytest.mark.parametrize(("keys", "expected"), [(None, 36), (0, 0), (1, 1), (41, 41)])
def test_as_many_users_as_asked_have_a_key_the_first_included(keys, expected):
    users = people(keys=keys)[1:]
    assert sum(bool(user.public_key) for user in users) == expected
    assert bool(users[0].public_key) is (expected > 0)
    assert {len(user.public_key) for user in users} <= {0, 32}


def test_names_and_numbers_differ_and_fit_the_firmware():
    users = people(3000)
    assert len({user.num for user in users}) == len({user.short_name for user in users}) == 3000
    assert all(len(user.short_name.encode()) <= 4 and len(user.long_name.encode()) < 40 for user in users)
    assert all(0x01000000 <= user.num < 0xFFFFFFFF for user in users)


def test_a_user_as_a_message_has_the_id_made_of_its_number():
    user = people()[5]
    assert user_message(user).id == user.node_id == f"!{user.num:08x}"


@pytest.mark.parametrize(
    "arguments", [{"nodes": 0}, {"keys": 12}, {"keys": -1}, {"version": "next"}, {"version": "2.7"}]
)
def test_arguments_that_make_no_sense_are_explained(arguments):
    with pytest.raises(ValueError, match=r"at least 1|from 0 to 11|like 2\.7\.26"):
        Phone(**arguments)


def test_ten_thousand_nodes_are_one_firmware():
    phone = Phone(nodes=10_000)
    assert isinstance(phone.firmware, Firmware)
    assert sum(message.HasField("node_info") for message in phone.configure()) == 10_000

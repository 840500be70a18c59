"""Networks: what a moderator may type, and finding what covers an address."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_chat.networks import ByNetwork, is_local, parse_address, parse_network

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        ("203.0.113.7/24", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:203.0.113.7", "203.0.113.7/32"),
    ],
)
def test_a_network_is_read(text: str, network: str) -> None:
    assert str(parse_network(text)) == network


@pytest.mark.parametrize(
    "text",
    ["", "eve", "1", "203.0.113", "203.0.113.7/", "203.0.113.7/33", "203.0.113.7/-1", "203.0.113.7/²", "203.0.113.7/x",
     "2001:db8::/129", "::ffff:203.0.113.7/120", "fe80::1%eth0", "203.0.113.7/255.255.255.0", "٣.٣.٣.٣", "/8"],
)  # fmt: skip
def test_what_is_no_network_is_a_name(text: str) -> None:
    assert parse_network(text) is None


@pytest.mark.parametrize(
    ("text", "local"),
    [("127.0.0.1", True), ("126.0.0.0/7", True), ("0.0.0.0/0", True), ("::1", True), ("::/0", True),
     ("203.0.113.7", False), ("10.0.0.1", False), ("2001:db8::1", False)],
)  # fmt: skip
def test_this_machines_own_addresses_are_known(text: str, local: bool) -> None:
    network = parse_network(text)
    assert network is not None
    assert is_local(network) is local


@given(
    st.dictionaries(ADDRESSES.flatmap(lambda a: st.tuples(st.just(a), st.integers(8, a.max_prefixlen))), st.integers()),
    ADDRESSES,
)
def test_what_covers_an_address_is_what_a_look_at_each_finds(networks: dict[object, int], address: object) -> None:
    made = {ip_network(f"{first}/{length}", strict=False): value for (first, length), value in networks.items()}  # type: ignore[misc]
    found: ByNetwork[int] = ByNetwork()
    for network, value in made.items():
        found.put(network, value)
    asked = [address, *(network.network_address for network in made)]
    for each in asked:
        assert sorted(found.covering(each)) == sorted(value for network, value in made.items() if each in network)  # type: ignore[arg-type]
    for network in made:
        found.drop(network)
        found.drop(network)
    assert list(found.covering(ip_address("203.0.113.7"))) == []


@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    parse_network(text)
    parse_address(text)

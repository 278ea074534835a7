//! Which addresses are public: unicast and in neither of IANA's registries of addresses for special purposes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network: its first address and how many leading bits count.
type Net4 = ([u8; 4], u32);
/// The same in version 6.
type Net6 = ([u16; 8], u32);

/// The IANA IPv4 Special-Purpose Address Registry, whole, whatever its column "Globally Reachable" says: nobody receives
/// files at relays and measuring points. Then multicast, and the address under which Azure answers every machine.
const SPECIAL_4: [Net4; 19] = [
    ([0, 0, 0, 0], 8),        // this network
    ([10, 0, 0, 0], 8),       // private use
    ([100, 64, 0, 0], 10),    // shared by carriers; Alibaba's metadata is 100.100.100.200
    ([127, 0, 0, 0], 8),      // loopback
    ([169, 254, 0, 0], 16),   // link-local; metadata of AWS, Azure, Google and others
    ([172, 16, 0, 0], 12),    // private use
    ([192, 0, 0, 0], 24),     // protocol assignments, Oracle's metadata is 192.0.0.192
    ([192, 0, 2, 0], 24),     // documentation
    ([192, 31, 196, 0], 24),  // AS112
    ([192, 52, 193, 0], 24),  // AMT
    ([192, 88, 99, 0], 24),   // 6to4 relay anycast
    ([192, 168, 0, 0], 16),   // private use
    ([192, 175, 48, 0], 24),  // AS112, delegated directly
    ([198, 18, 0, 0], 15),    // benchmarking
    ([198, 51, 100, 0], 24),  // documentation
    ([203, 0, 113, 0], 24),   // documentation
    ([224, 0, 0, 0], 4),      // multicast
    ([240, 0, 0, 0], 4),      // reserved, limited broadcast
    ([168, 63, 129, 16], 32), // Azure's platform
];

/// All unicast that is assigned to anyone. What is outside it needs no row: loopback, unspecified, IPv4-mapped and
/// -compatible, NAT64 (`64:ff9b::/96`, `64:ff9b:1::/48`), discard-only (`100::/64`), segment routing (`5f00::/16`),
/// unique-local with AWS's metadata (`fd00:ec2::254`), link-local, site-local, multicast.
const UNICAST_6: Net6 = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// What the IANA IPv6 Special-Purpose Address Registry has inside [`UNICAST_6`].
const SPECIAL_6: [Net6; 6] = [
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocol assignments: Teredo, benchmarking, ORCHID, drones, …
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), // AS112, delegated directly
    ([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16), // the 6bone's, returned
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// Whether an address is one at which the public can be reached.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_4.iter().any(|net| holds4(*net, address)),
        IpAddr::V6(address) => {
            holds6(UNICAST_6, address) && !SPECIAL_6.iter().any(|net| holds6(*net, address)) && !has_isatap(address)
        }
    }
}

fn holds4((first, bits): Net4, address: Ipv4Addr) -> bool {
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    address.to_bits() & mask == Ipv4Addr::from(first).to_bits()
}

fn holds6((first, bits): Net6, address: Ipv6Addr) -> bool {
    let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
    address.to_bits() & mask == Ipv6Addr::from(first).to_bits()
}

/// Whether the interface's half is ISATAP's, which a tunnel leads to the IPv4 address in its last 32 bits.
fn has_isatap(address: Ipv6Addr) -> bool {
    let [.., high, low, _, _] = address.segments();
    high & !0x0300 == 0 && low == 0x5efe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn every_network_is_special_from_its_first_to_its_last_address_and_its_neighbours_stand_for_themselves() {
        for (first, bits) in SPECIAL_4 {
            let first = Ipv4Addr::from(first);
            let last = Ipv4Addr::from_bits(first.to_bits() | u32::MAX.checked_shr(bits).unwrap_or(0));
            assert!(!is_public(first.into()) && !is_public(last.into()), "{first}/{bits}");
        }
        for (first, bits) in SPECIAL_6 {
            let first = Ipv6Addr::from(first);
            let last = Ipv6Addr::from_bits(first.to_bits() | u128::MAX.checked_shr(bits).unwrap_or(0));
            assert!(!is_public(first.into()) && !is_public(last.into()), "{first}/{bits}");
        }
    }

    #[test]
    fn addresses_beside_the_special_networks_are_public() {
        let public = [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "8.8.8.8",
            "168.63.129.15",
            "168.63.129.17",
            "2000::1",
            "2001:200::1",
            "2001:db7:ffff::1",
            "2001:db9::1",
            "2003::1",
            "2606:4700::6810:84e5",
            "2a00:1450:4001:81b::200e",
            "3fff:1000::1",
            "2600:1f18::5efd:a00:1",
        ];
        for address in public {
            assert!(is_public(parsed(address)), "{address}");
        }
    }

    #[test]
    fn nothing_outside_assigned_unicast_is_public() {
        let special = [
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::a00:1",
            "100::1",
            "100:0:0:1::1",
            "1fff:ffff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2002:7f00:1::",
            "2600:1f18::5efe:a00:1",
            "2600:1f18::200:5efe:a00:1",
        ];
        for address in special {
            assert!(!is_public(parsed(address)), "{address}");
        }
    }
}

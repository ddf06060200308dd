import net from 'node:net';

/**
 * Blocks of IPv4 that are not the public internet: the IANA IPv4 Special-Purpose Address Registry, multicast, and
 * 168.63.129.16, under which Azure answers every machine of a customer. The services of clouds that tell a machine its
 * credentials are in 169.254.0.0/16, 100.64.0.0/10 and 192.0.0.0/24.
 */
const NOT_PUBLIC_V4 = [
  ...(['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'] as const),
  ...(['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15'] as const),
  ...(['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4', '168.63.129.16/32'] as const),
];

/** Global unicast (RFC 4291, section 2.4). What is outside is not public: ULA, link-local, IPv4 in IPv6, NAT64. */
const PUBLIC_V6 = '2000::/3';

/** Parts of it that are not public (IANA IPv6 Special-Purpose Address Registry): Teredo and 6to4 lead to any IPv4. */
const NOT_PUBLIC_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const notPublicV4 = toList(NOT_PUBLIC_V4, 'ipv4');
const publicV6 = toList([PUBLIC_V6], 'ipv6');
const notPublicV6 = toList(NOT_PUBLIC_V6, 'ipv6');

/** Whether an IP address is one of the public internet. False for anything that is not an IP address. */
export function isPublicAddress(address: string): boolean {
  switch (net.isIP(address)) {
    case 4:
      return !notPublicV4.check(address, 'ipv4');
    case 6:
      return publicV6.check(address, 'ipv6') && !notPublicV6.check(address, 'ipv6');
    default:
      return false;
  }
}

function toList(blocks: readonly string[], family: 'ipv4' | 'ipv6'): net.BlockList {
  const list = new net.BlockList();
  for (const block of blocks) {
    const [address = '', prefix] = block.split('/');
    list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

// Clients that keep their destinations, in nftables: a map of clients and addresses, and where needed one of their ports (nft
// 1.0.6 has no map of IPv6 addresses and ports that packets could fill).
import type { App, Destination } from '../model/model.js';
import { nftKeepChain, nftKeptMap } from '../model/names.js';

export interface AffinityView {
  /** True if a client keeps its destination. All that follows is of no meaning otherwise. */
  readonly keeps: boolean;
  readonly keep_chain: string;
  readonly kept_map: string;
  readonly kept_timeout: string;
  /** The port of all destinations, or `any` for the client's; where they have several, empty, and a map of them. */
  readonly kept_port: number | string;
  readonly kept_ports_map: string;
  /** What a client may keep: `ip . port`, or the address alone where the client's port is kept. */
  readonly kept: readonly string[];
  /** Of these, the backups: nobody keeps them, unless all are. */
  readonly kept_backups: readonly string[];
}

function placeOf({ address, port }: Destination): string {
  return port === undefined ? address.text : `${address.text} . ${port}`;
}

/** `destinations` are those of the pool. An affinity is of no use where nobody can be sent anywhere. */
export function affinityView(
  { name, affinity }: App,
  nftFamily: string,
  destinations: readonly Destination[],
): AffinityView {
  const usable = affinity === undefined ? [] : destinations.filter(({ weight }) => weight > 0);
  const ports = new Set(usable.map(({ port }) => port ?? 'any'));
  const [port = 'any'] = ports;
  const several = ports.size > 1;
  const nameOf = (what: string): string => nftKeptMap(name, nftFamily, affinity ?? 0, what);
  return {
    keeps: usable.length > 0,
    keep_chain: nftKeepChain(name, nftFamily),
    kept_map: nameOf(several ? 'address-of-port' : 'address'),
    kept_timeout: `${affinity ?? 0}s`,
    kept_port: several ? '' : port,
    kept_ports_map: several ? nameOf('port') : '',
    kept: usable.map(placeOf),
    kept_backups: usable.every(({ isBackup }) => isBackup)
      ? []
      : usable.filter(({ isBackup }) => isBackup).map(placeOf),
  };
}

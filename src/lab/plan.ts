// What a lab is to look like.

/** A host that traffic is balanced to. */
interface LabWorker {
  /** Letters, digits, '.', '_' and '-'; not `client`, `lb` or `switch`. */
  readonly name: string;
  /** Addresses of its own, of either family, which no other host has. */
  readonly addresses: readonly string[];
}

/** Which addresses the load balancer and the workers have, and how the lab is isolated. */
export interface LabPlan {
  /** Addresses that the load balancer answers to, of either family. */
  readonly endpointAddresses: readonly string[];
  /** At most 200. */
  readonly workers: readonly LabWorker[];
  /**
   * Absent: in a user namespace if that is allowed, else, for root, without. true insists on one; false on none,
   * which only root can have: inside, nft cannot exceed net.core.wmem_max (SO_SNDBUFFORCE, socket(7)) and
   * refuses big rulesets with "Message too long".
   */
  readonly userNamespace?: boolean | undefined;
}
